(asked) => {
  const rendered = (element) =>
    element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const large = (element) => {
    const box = element.getBoundingClientRect();
    return box.width >= 8 && box.height >= 8;
  };
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && rendered(element);
  };
  const text = (element) => (element.innerText ?? element.textContent ?? "").replace(/\s+/g, " ").trim();
  const content = (selector) => document.querySelector(selector)?.getAttribute("content") ?? null;
  const root = asked.root === null ? document.body : document.querySelector(asked.root);
  const things = "img,svg,canvas,video,object,embed,iframe,input,button,select,textarea";
  const found = {};
  for (const [selector, wanted] of Object.entries(asked.elements)) {
    let list;
    try {
      list = document.querySelectorAll(selector);
    } catch (error) {
      found[selector] = { error: String(error.message ?? error) };
      continue;
    }
    const entry = { count: list.length, attributes: {}, style: {} };
    if (list.length > 0) {
      const first = list[0];
      entry.visible = shown(first);
      entry.text = text(first).slice(0, 2000);
      for (const name of wanted.attributes) {
        const value = first.getAttribute(name);
        if (value !== null) entry.attributes[name] = value.slice(0, 500);
      }
      const style = getComputedStyle(first);
      for (const name of wanted.style) {
        const value = style.getPropertyValue(name).trim();
        if (value !== "") entry.style[name] = value.slice(0, 500);
      }
    }
    found[selector] = entry;
  }
  const seen = window.__readyctl ?? {};
  const navigation = performance.getEntriesByType("navigation")[0];
  const scroller = document.scrollingElement ?? document.documentElement;
  return {
    url: location.href,
    title: document.title === "" ? null : document.title.slice(0, 500),
    lang: document.documentElement.getAttribute("lang"),
    viewport: content("meta[name=viewport i]"),
    robots: content("meta[name=robots i]"),
    quirks: document.compatMode === "BackCompat",
    root_found: root !== null,
    text: root !== null && rendered(root) ? text(root).length : 0,
    visible: root === null ? 0 : [...root.querySelectorAll(things)].filter((e) => shown(e) && large(e)).length,
    elements: found,
    content_width: scroller.scrollWidth,
    window_width: window.innerWidth,
    load_ms: navigation && navigation.loadEventEnd > 0 ? navigation.loadEventEnd : null,
    fcp_ms: seen.fcp ?? null,
    lcp_ms: seen.lcp ?? null,
    cls: seen.cls ?? null,
    development: seen.development ?? [],
  };
}
