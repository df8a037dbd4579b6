(() => {
  const seen = { fcp: null, lcp: null, cls: null, development: [] };
  Object.defineProperty(window, "__readyctl", { value: seen });
  const watch = (type, each) => {
    try {
      new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
      return true;
    } catch {
      return false;
    }
  };
  watch("largest-contentful-paint", (entry) => (seen.lcp = entry.startTime));
  watch("paint", (entry) => {
    if (entry.name === "first-contentful-paint") seen.fcp = entry.startTime;
  });
  // Shifts count in groups: at most a second apart, at most five seconds long; the worst counts.
  let sum = 0, begin = 0, last = 0;
  const shifts = watch("layout-shift", (entry) => {
    if (entry.hadRecentInput) return;
    const together = sum > 0 && entry.startTime - last < 1000 && entry.startTime - begin < 5000;
    if (!together) [sum, begin] = [0, entry.startTime];
    sum += entry.value;
    last = entry.startTime;
    seen.cls = Math.max(seen.cls, sum);
  });
  if (shifts) seen.cls = 0;
  // React tells a listening developer tool which build it is.
  if (!("__REACT_DEVTOOLS_GLOBAL_HOOK__" in window)) {
    const nothing = () => {};
    window.__REACT_DEVTOOLS_GLOBAL_HOOK__ = {
      renderers: new Map(),
      supportsFiber: true,
      checkDCE: nothing,
      inject(renderer) {
        if (renderer && renderer.bundleType === 1) seen.development.push("a development build of React");
        this.renderers.set(this.renderers.size + 1, renderer);
        return this.renderers.size;
      },
      onCommitFiberRoot: nothing,
      onCommitFiberUnmount: nothing,
      onPostCommitFiberRoot: nothing,
      onScheduleFiberRoot: nothing,
    };
  }
})();
