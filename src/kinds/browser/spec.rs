//! What a page must be, as a profile writes it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::expect::{ByteSize, Matcher, Ordered, Pattern, Secret, TimeSpan};

/// Opens pages in an installed Chromium or Chrome and judges what a visitor would get: blank pages,
/// script errors, missing assets, failing calls, redirects, elements, load time.
///
/// Every page is opened with an empty profile, and one browser opens all `pages` one after the
/// other. Also without `expect`, a page must answer with a status from 200 to 299, finish loading,
/// show something, throw no error, and get every script, style sheet, font and image of its own as
/// such; calls of the page must not fail, go to this machine, or be blocked. The browser is the
/// first of `chromium`, `chromium-browser`, `google-chrome`, `google-chrome-stable`, `chrome` on
/// `PATH`, or what the variable `READYCTL_BROWSER` of this process names. `assert:` sees
/// `browser.pages`, with `name`, `final_url`, `status`, `load_ms`, `console`, `requests` and so on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Browser {
    /// Address of the page, `https://app.example.com/`; for `pages` the base of theirs.
    pub(super) url: String,
    /// Several pages, one after the other. Without it, the page is `url`.
    #[serde(default)]
    pub(super) pages: Vec<Page>,
    /// What must hold on every page. A field in a page's own `expect` replaces the same field here.
    #[serde(default)]
    pub(super) expect: Expect,
    /// Longest time for one page to load and show what is expected; `10s` by default. A
    /// page that loaded and asked for nothing in three seconds is not waited for any longer. The
    /// `timeout` of the check must allow for all pages together.
    #[serde(default = "ten_seconds")]
    pub(super) max_wait: TimeSpan,
    /// Width of the window in pixels; 1280 by default. 320 is a small telephone.
    #[serde(default = "wide")]
    pub(super) width: u32,
    /// Height of the window in pixels; 800 by default.
    #[serde(default = "high")]
    pub(super) height: u32,
    /// Folder for one picture of each page, `NAME.png`, as evidence; inside the working directory.
    /// Pictures show what the page shows: keep them as private as the page.
    #[serde(default)]
    pub(super) screenshots: Option<PathBuf>,
    /// Allows `steps` that click and type: the target may change.
    #[serde(default)]
    pub(super) unsafe_steps: bool,
    /// Does not let the page load well-known scripts that count visitors, so that an audit is not
    /// one of them; on by default.
    #[serde(default = "yes")]
    pub(super) block_analytics: bool,
}

/// One page.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// Name in findings and of its picture; the path by default.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// Path or full URL.
    pub(super) url: String,
    /// What to do once the page has loaded, in order; `expect` holds for the end.
    #[serde(default)]
    pub(super) steps: Vec<Step>,
    /// What must hold on this page.
    #[serde(default)]
    pub(super) expect: Expect,
}

/// One thing to do on a page: exactly one of `wait_for`, `click`, `fill`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// Selector of an element that must become visible.
    #[serde(default)]
    pub(super) wait_for: Option<String>,
    /// Selector of an element to click. Needs `unsafe_steps: true`.
    #[serde(default)]
    pub(super) click: Option<String>,
    /// Selector of a field to type `text` into. Needs `unsafe_steps: true`.
    #[serde(default)]
    pub(super) fill: Option<String>,
    /// What to type.
    #[serde(default)]
    pub(super) text: Option<Secret>,
}

/// What must hold on a page.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// Status of the document, redirects followed; 200 to 299 by default.
    #[serde(default)]
    pub(super) status: Option<Matcher>,
    /// Address at the end, after redirects of the server and of scripts; query and fragment left out.
    #[serde(default)]
    pub(super) final_url: Option<Matcher>,
    /// Path at the end: `final_path: /ci`.
    #[serde(default)]
    pub(super) final_path: Option<Matcher>,
    /// Selector of the element that the application fills, `#root`: it must be there and show
    /// something. By default the whole body must.
    #[serde(default)]
    pub(super) root: Option<String>,
    /// CSS selector to what must be true of the first element it finds; `{}` means that there is one.
    #[serde(default)]
    pub(super) elements: Ordered<Element>,
    /// Calls that the page must make, and how they must be answered.
    #[serde(default)]
    pub(super) calls: Vec<Call>,
    /// Error messages that are accepted: each pattern is looked for in the message and its address.
    #[serde(default)]
    pub(super) allow_console: Vec<Pattern>,
    /// Requests that may fail: each pattern is looked for in the address.
    #[serde(default)]
    pub(super) allow_failed: Vec<Pattern>,
    /// Hosts that the page may talk to besides its own, `*.example.com` with all subdomains. Without
    /// it, any but this machine.
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    /// Addresses that must not be requested: `[staging, ":8000"]`.
    #[serde(default)]
    pub(super) forbidden_urls: Vec<Pattern>,
    /// Whether requests to `localhost` are fine; by default only when the page itself is there.
    #[serde(default)]
    pub(super) localhost: Option<bool>,
    /// Requires that nothing of a development server or development build is in the page.
    #[serde(default)]
    pub(super) production_build: Option<bool>,
    /// The page's title.
    #[serde(default)]
    pub(super) title: Option<Matcher>,
    /// The `lang` of the page.
    #[serde(default)]
    pub(super) lang: Option<Matcher>,
    /// Whether there must be a `viewport` for telephones.
    #[serde(default)]
    pub(super) viewport: Option<bool>,
    /// Whether search engines must be told to stay away (`true`) or must not (`false`), by header or
    /// in the page.
    #[serde(default)]
    pub(super) noindex: Option<bool>,
    /// Whether everything must fit into the width of the window.
    #[serde(default)]
    pub(super) fits_width: Option<bool>,
    /// Longest time until the load event, redirects included.
    #[serde(default)]
    pub(super) max_load: Option<TimeSpan>,
    /// Longest time until something is painted (FCP).
    #[serde(default)]
    pub(super) max_fcp: Option<TimeSpan>,
    /// Longest time until the largest thing is painted (LCP); 2.5s is good.
    #[serde(default)]
    pub(super) max_lcp: Option<TimeSpan>,
    /// Largest cumulative layout shift (CLS); 0.1 is good.
    #[serde(default)]
    pub(super) max_cls: Option<f64>,
    /// Most bytes over the network.
    #[serde(default)]
    pub(super) max_bytes: Option<ByteSize>,
    /// Most requests.
    #[serde(default)]
    pub(super) max_requests: Option<u32>,
}

/// What must be true of an element.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Element {
    /// How many there are; at least one by default. `count: 0` for what must not be there.
    #[serde(default)]
    pub(super) count: Option<Matcher>,
    /// Whether it can be seen.
    #[serde(default)]
    pub(super) visible: Option<bool>,
    /// Its text, blanks at the ends removed and others joined.
    #[serde(default)]
    pub(super) text: Option<Matcher>,
    /// Attribute to value: `{ data-theme: night }`.
    #[serde(default)]
    pub(super) attributes: Ordered<Matcher>,
    /// Property to computed value, as the browser says it: `{ background-color: "rgb(11, 12, 30)" }`.
    #[serde(default)]
    pub(super) style: Ordered<Matcher>,
}

/// A call that the page must make.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    /// Pattern that is looked for in the address, which has no query: `/api/v1/ci/`.
    pub(super) url: Pattern,
    /// Method; any by default, but for the preflight OPTIONS.
    #[serde(default)]
    pub(super) method: Option<String>,
    /// Status of every one of them; 200 to 299 or 304 by default.
    #[serde(default)]
    pub(super) status: Option<Matcher>,
    /// How many there must be at least; 1 by default.
    #[serde(default = "one")]
    pub(super) min: u32,
}

/// Default of `min`.
const fn one() -> u32 {
    1
}

/// Default of `max_wait`.
const fn ten_seconds() -> TimeSpan {
    TimeSpan::seconds(10)
}

/// Default of `width`.
const fn wide() -> u32 {
    1280
}

/// Default of `height`.
const fn high() -> u32 {
    800
}

/// Default of `block_analytics`.
const fn yes() -> bool {
    true
}

impl Expect {
    /// These expectations, with those of the check where this page says nothing.
    pub(super) fn over(&self, base: &Self) -> Self {
        /// The page's own list, or else the check's.
        fn list<T: Clone>(own: &[T], base: &[T]) -> Vec<T> {
            if own.is_empty() { base } else { own }.to_vec()
        }
        let own = self.clone();
        let all = base.clone();
        Self {
            status: own.status.or(all.status),
            final_url: own.final_url.or(all.final_url),
            final_path: own.final_path.or(all.final_path),
            root: own.root.or(all.root),
            elements: if own.elements.is_empty() {
                all.elements
            } else {
                own.elements
            },
            calls: list(&own.calls, &all.calls),
            allow_console: list(&own.allow_console, &all.allow_console),
            allow_failed: list(&own.allow_failed, &all.allow_failed),
            hosts: list(&own.hosts, &all.hosts),
            forbidden_urls: list(&own.forbidden_urls, &all.forbidden_urls),
            localhost: own.localhost.or(all.localhost),
            production_build: own.production_build.or(all.production_build),
            title: own.title.or(all.title),
            lang: own.lang.or(all.lang),
            viewport: own.viewport.or(all.viewport),
            noindex: own.noindex.or(all.noindex),
            fits_width: own.fits_width.or(all.fits_width),
            max_load: own.max_load.or(all.max_load),
            max_fcp: own.max_fcp.or(all.max_fcp),
            max_lcp: own.max_lcp.or(all.max_lcp),
            max_cls: own.max_cls.or(all.max_cls),
            max_bytes: own.max_bytes.or(all.max_bytes),
            max_requests: own.max_requests.or(all.max_requests),
        }
    }
}
