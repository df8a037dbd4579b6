//! Visits one page: opens it, waits until it is quiet and shows what is expected, does the steps.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::cdp::{Cdp, Trouble};
use super::facts::{Document, PageFacts};
use super::judge::shows_what_is_expected;
use super::launch::Browser as Running;
use super::record::{MAX_NAVIGATIONS, Recorder, shown};
use super::spec::{Browser, Expect, Page, Step};
use crate::context::Context;
use crate::exchange::millis;
use crate::outcome::{Cause, Fault};

/// Tells what stands in the page.
const PROBE: &str = include_str!("probe.js");
/// Watches what cannot be asked for afterwards.
const WATCH: &str = include_str!("watch.js");

/// How long nothing may happen before a page counts as quiet.
const QUIET: Duration = Duration::from_millis(300);
/// How long a page that never becomes quiet is waited for, once it has loaded.
const SETTLE: Duration = Duration::from_secs(3);
/// When nothing happened for so long, nothing more is waited for.
const ASLEEP: Duration = Duration::from_secs(3);
/// How often an expectation that is not met yet is looked at again.
const POLL: Duration = Duration::from_millis(100);

/// Hosts of scripts that only count visitors.
const ANALYTICS: &[&str] = &[
    "*://*.google-analytics.com/*",
    "*://*.googletagmanager.com/*",
    "*://*.doubleclick.net/*",
    "*://connect.facebook.net/*",
    "*://*.hotjar.com/*",
    "*://*.clarity.ms/*",
    "*://*.mixpanel.com/*",
    "*://*.amplitude.com/*",
    "*://cdn.segment.com/*",
    "*://plausible.io/*",
    "*://*.posthog.com/*",
];

/// One page to visit.
pub(super) struct Visit<'a> {
    /// Its name.
    pub(super) name: String,
    /// Its address.
    pub(super) url: String,
    /// What to do there.
    pub(super) steps: &'a [Step],
    /// What must hold.
    pub(super) expect: Expect,
}

impl Browser {
    /// The pages to visit, in order.
    pub(super) fn visits(&self) -> Vec<Visit<'_>> {
        if self.pages.is_empty() {
            return vec![Visit {
                name: path_of(&self.url),
                url: self.url.clone(),
                steps: &[],
                expect: self.expect.clone(),
            }];
        }
        let visit = |page: &'_ Page| (self.joined(&page.url), page.expect.over(&self.expect));
        self.pages
            .iter()
            .map(|page| {
                let (url, expect) = visit(page);
                Visit {
                    name: page.name.clone().unwrap_or_else(|| path_of(&url)),
                    url,
                    steps: &page.steps,
                    expect,
                }
            })
            .collect()
    }

    /// A page's address made absolute.
    fn joined(&self, page: &str) -> String {
        url::Url::parse(&self.url)
            .and_then(|base| base.join(page))
            .map_or_else(|_| page.to_owned(), Into::into)
    }

    /// Where the picture of a page goes, below the working directory.
    fn picture(&self, cx: &Context, name: &str) -> Option<PathBuf> {
        let file: String = name
            .trim_matches('/')
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .take(80)
            .collect();
        let file = if file.is_empty() { "index" } else { &file };
        self.screenshots
            .as_ref()
            .map(|folder| cx.folder.join(folder).join(format!("{file}.png")))
    }
}

/// Whether a folder lies inside the working directory.
pub(super) fn is_inside(folder: &Path) -> bool {
    folder
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// The path of an address, as its name.
fn path_of(address: &str) -> String {
    url::Url::parse(address).map_or_else(|_| address.to_owned(), |url| url.path().to_owned())
}

/// A page that is open in its own empty browser profile.
struct Tab<'a> {
    /// The connection.
    cdp: &'a mut Cdp,
    /// Its session.
    session: String,
    /// Its profile.
    profile: String,
}

/// Visits one page until `until` at the latest; `full` says whether that is all of `max_wait`.
///
/// # Errors
/// When the browser fails; whatever the page does is a fact.
pub(super) async fn visit(
    spec: &Browser,
    visit: &Visit<'_>,
    browser: &mut Running,
    until: Instant,
    full: bool,
    cx: &Context,
) -> Result<PageFacts, Fault> {
    let started = Instant::now();
    let mut tab = Tab::open(spec, &mut browser.cdp, until)
        .await
        .map_err(|trouble| trouble.fault("open a page"))?;
    let mut facts = PageFacts {
        name: visit.name.clone(),
        url: shown(&visit.url),
        ..PageFacts::default()
    };
    let watched = tab.run(visit, until, &mut facts, cx).await;
    match watched {
        // A page whose scripts never let go answers nothing: that is a fact of the page.
        Ok(()) | Err(Trouble::Late) => {}
        Err(trouble) => return Err(trouble.fault("show a page")),
    }
    facts.waited_ms = millis(started.elapsed());
    facts.cut_short = !full;
    collect(&mut facts, &tab.cdp.seen);
    // What comes now has a moment of its own: the page's time may be up.
    let closing = Instant::now() + Duration::from_secs(2);
    if let Some(path) = spec
        .picture(cx, &visit.name)
        .filter(|_| facts.error.is_none())
    {
        facts.screenshot = tab.picture(&path, closing).await?;
    }
    tab.close(closing).await;
    Ok(facts)
}

/// What the events said, as facts.
fn collect(facts: &mut PageFacts, seen: &Recorder) {
    facts.status = seen.status;
    facts.hops.clone_from(&seen.hops);
    facts.navigations = seen.navigations;
    facts.loaded = seen.loaded;
    facts.crashed = seen.crashed;
    facts.too_much = seen.too_much();
    facts.console.clone_from(&seen.console);
    facts.requests.clone_from(&seen.requests);
    facts.refused.clone_from(&seen.refused);
    facts.development.clone_from(&seen.development);
    facts.bytes = seen.bytes;
    facts.robots_header.clone_from(&seen.robots);
    if let Some(document) = &facts.document {
        facts.final_url = shown(&document.url);
        for mark in &document.development {
            if !facts.development.contains(mark) {
                facts.development.push(mark.clone());
            }
        }
    }
}

impl<'a> Tab<'a> {
    /// Opens an empty page in an empty profile, and listens to it.
    async fn open(spec: &Browser, cdp: &'a mut Cdp, until: Instant) -> Result<Self, Trouble> {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let made = cdp
            .call(None, "Target.createBrowserContext", json!({}), until)
            .await?;
        let profile = text(&made, "browserContextId");
        let deny = json!({ "behavior": "deny", "browserContextId": profile });
        cdp.call(None, "Browser.setDownloadBehavior", deny, until)
            .await?;
        let page = json!({ "url": "about:blank", "browserContextId": profile });
        let made = cdp.call(None, "Target.createTarget", page, until).await?;
        let target = json!({ "targetId": made["targetId"], "flatten": true });
        let attached = cdp
            .call(None, "Target.attachToTarget", target, until)
            .await?;
        let session = text(&attached, "sessionId");
        cdp.seen = Recorder::of(&session);
        let mut tab = Self {
            cdp,
            session,
            profile,
        };
        let blocked: Vec<&str> = ANALYTICS
            .iter()
            .copied()
            .filter(|_| spec.block_analytics)
            .collect();
        let size = json!({ "width": spec.width, "height": spec.height, "deviceScaleFactor": 1, "mobile": false });
        for (method, params) in [
            ("Page.enable", json!({})),
            ("Runtime.enable", json!({})),
            ("Log.enable", json!({})),
            ("Audits.enable", json!({})),
            ("Inspector.enable", json!({})),
            (
                "Network.enable",
                json!({ "maxTotalBufferSize": 8 << 20, "maxResourceBufferSize": 4 << 20 }),
            ),
            ("Network.setBlockedURLs", json!({ "urls": blocked })),
            ("Emulation.setDeviceMetricsOverride", size),
            (
                "Page.addScriptToEvaluateOnNewDocument",
                json!({ "source": WATCH }),
            ),
        ] {
            tab.call(method, params, until).await?;
        }
        let tree = tab.call("Page.getFrameTree", json!({}), until).await?;
        tab.cdp.seen.frame = tree["frameTree"]["frame"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Ok(tab)
    }

    /// A command to the page.
    async fn call(
        &mut self,
        method: &str,
        params: Value,
        until: Instant,
    ) -> Result<Value, Trouble> {
        let session = self.session.clone();
        self.cdp.call(Some(&session), method, params, until).await
    }

    /// Opens the address, waits, does the steps.
    async fn run(
        &mut self,
        visit: &Visit<'_>,
        until: Instant,
        facts: &mut PageFacts,
        cx: &Context,
    ) -> Result<(), Trouble> {
        let opened = self
            .call("Page.navigate", json!({ "url": visit.url }), until)
            .await?;
        if let Some(error) = opened["errorText"].as_str().filter(|text| !text.is_empty()) {
            facts.error = Some(error.to_owned());
            return Ok(());
        }
        self.settle(until).await?;
        for (at, step) in visit.steps.iter().enumerate() {
            if let Err(why) = self.step(step, until, cx).await? {
                facts.failed_step = Some(format!("step {}: {why}", at + 1));
                break;
            }
            facts.steps_done += 1;
            self.settle(until).await?;
        }
        loop {
            facts.document = self.probe(&visit.expect, until).await?;
            collect(facts, &self.cdp.seen);
            let over = facts.too_much || facts.crashed || facts.failed_step.is_some();
            if over || shows_what_is_expected(&visit.expect, facts) {
                return Ok(());
            }
            let next = Instant::now() + POLL;
            if next > until || self.cdp.seen.is_idle(ASLEEP) {
                return Ok(());
            }
            self.cdp.watch(next, |_| false).await?;
        }
    }

    /// Waits until the page has loaded and nothing goes on any more, or there is too much of it.
    async fn settle(&mut self, until: Instant) -> Result<(), Trouble> {
        let hopeless =
            |seen: &Recorder| seen.too_much() || seen.crashed || seen.navigations > MAX_NAVIGATIONS;
        self.cdp
            .watch(until, |seen| seen.loaded || hopeless(seen))
            .await?;
        // Quiet can only be seen by looking again and again.
        let enough = until.min(Instant::now() + SETTLE);
        while Instant::now() < enough {
            let next = enough.min(Instant::now() + POLL / 2);
            let done = |seen: &Recorder| hopeless(seen) || seen.is_idle(QUIET);
            if self.cdp.watch(next, done).await? {
                break;
            }
        }
        if hopeless(&self.cdp.seen) && !self.cdp.seen.crashed {
            // Between two documents there is nothing to stop, and the browser says so.
            match self.call("Page.stopLoading", json!({}), until).await {
                Ok(_) | Err(Trouble::Refused(_)) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// The value of an expression in the page; nothing while one document replaces another.
    async fn evaluate(
        &mut self,
        expression: String,
        until: Instant,
    ) -> Result<Option<Value>, Trouble> {
        let params = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": false, "userGesture": true,
        });
        match self.call("Runtime.evaluate", params, until).await {
            Ok(mut result) if result.get("exceptionDetails").is_none() => {
                Ok(Some(result["result"]["value"].take()))
            }
            Ok(_) | Err(Trouble::Refused(_)) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// What stands in the page.
    async fn probe(
        &mut self,
        expect: &Expect,
        until: Instant,
    ) -> Result<Option<Document>, Trouble> {
        let elements: serde_json::Map<String, Value> = expect
            .elements
            .iter()
            .map(|(selector, element)| {
                let names = |list: &mut dyn Iterator<Item = &str>| -> Vec<String> {
                    list.map(str::to_owned).collect()
                };
                let attributes = names(&mut element.attributes.iter().map(|(name, _)| name));
                let style = names(&mut element.style.iter().map(|(name, _)| name));
                let wanted = json!({ "attributes": attributes, "style": style });
                (selector.to_owned(), wanted)
            })
            .collect();
        let asked = json!({ "root": expect.root, "elements": elements });
        let value = self.evaluate(format!("({PROBE})({asked})"), until).await?;
        Ok(value.and_then(|value| serde_json::from_value(value).ok()))
    }

    /// Does one step; the inner error says why it cannot be done.
    async fn step(
        &mut self,
        step: &Step,
        until: Instant,
        cx: &Context,
    ) -> Result<Result<(), String>, Trouble> {
        let (selector, act) = match (&step.wait_for, &step.click, &step.fill) {
            (Some(selector), _, _) => (selector, "true"),
            (_, Some(selector), _) => (selector, "(element.click(), true)"),
            (_, _, Some(selector)) => (selector, "(element.focus(), true)"),
            _ => return Ok(Err("it says nothing to do".to_owned())),
        };
        let quoted = Value::from(selector.as_str());
        let expression = format!(
            "(() => {{ const element = document.querySelector({quoted}); \
             return element && element.checkVisibility() ? {act} : false; }})()"
        );
        loop {
            if self.evaluate(expression.clone(), until).await? == Some(Value::Bool(true)) {
                break;
            }
            let next = Instant::now() + POLL;
            if next > until {
                return Ok(Err(format!("no visible element `{selector}`")));
            }
            self.cdp.watch(next, |_| false).await?;
        }
        if let (Some(_), Some(text)) = (&step.fill, &step.text) {
            cx.redactor.add(text.expose());
            let typed = json!({ "text": text.expose() });
            self.call("Input.insertText", typed, until).await?;
        }
        Ok(Ok(()))
    }

    /// Takes a picture and puts it into its place, whatever was there before.
    async fn picture(&mut self, path: &Path, until: Instant) -> Result<Option<String>, Fault> {
        let taken = self
            .call("Page.captureScreenshot", json!({ "format": "png" }), until)
            .await;
        let picture = match taken {
            Ok(answer) => answer["data"]
                .as_str()
                .and_then(|data| base64::engine::general_purpose::STANDARD.decode(data).ok()),
            Err(Trouble::Gone(why)) => {
                return Err(Trouble::Gone(why).fault("take a picture"));
            }
            Err(_) => None,
        };
        let Some(picture) = picture else {
            return Ok(None);
        };
        let written = async {
            let folder = path.parent().unwrap_or(path);
            tokio::fs::create_dir_all(folder).await?;
            let unfinished = path.with_extension("png.unfinished");
            tokio::fs::write(&unfinished, picture).await?;
            tokio::fs::rename(&unfinished, path).await
        };
        written.await.map_err(|error| {
            Fault::new(
                Cause::Denied,
                format!("the picture {} cannot be written: {error}", path.display()),
            )
            .hint("correct `screenshots`, or make the folder writable")
        })?;
        Ok(Some(path.display().to_string()))
    }

    /// Closes the page with its profile. A page that does not let go ends with the browser.
    async fn close(self, until: Instant) {
        let profile = json!({ "browserContextId": self.profile });
        let _closed = self
            .cdp
            .call(None, "Target.disposeBrowserContext", profile, until)
            .await;
    }
}
