//! What the browser showed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What all pages showed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The browser's own name and version.
    pub(super) browser: String,
    /// One entry a page, in order.
    pub(super) pages: Vec<PageFacts>,
}

/// What one page showed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PageFacts {
    /// Its name.
    pub(super) name: String,
    /// The address that was opened.
    pub(super) url: String,
    /// Why nothing came back, in the browser's words (`net::ERR_CONNECTION_REFUSED`).
    pub(super) error: Option<String>,
    /// Status of the document that is shown.
    pub(super) status: Option<u16>,
    /// Redirects of the server on the way: status and address that sent it.
    pub(super) hops: Vec<Hop>,
    /// How many documents followed one another.
    pub(super) navigations: u32,
    /// Address at the end, without query and fragment.
    pub(super) final_url: String,
    /// Whether the load event came.
    pub(super) loaded: bool,
    /// How long was waited for that and for what is expected, in milliseconds.
    pub(super) waited_ms: u64,
    /// Whether time was up before the page had the whole of `max_wait`.
    pub(super) cut_short: bool,
    /// Whether the tab crashed.
    pub(super) crashed: bool,
    /// Whether there was more than readyctl is willing to load.
    pub(super) too_much: bool,
    /// What stands in the page; nothing when its scripts never let go.
    pub(super) document: Option<Document>,
    /// Errors on the console and uncaught exceptions.
    pub(super) console: Vec<Complaint>,
    /// Every request, in order.
    pub(super) requests: Vec<Request>,
    /// What the browser refused: mixed content, content security policy, CORS.
    pub(super) refused: Vec<Refused>,
    /// What gives a development build away.
    pub(super) development: Vec<String>,
    /// Bytes over the network.
    pub(super) bytes: u64,
    /// The step that failed, and why.
    pub(super) failed_step: Option<String>,
    /// How many steps were done.
    pub(super) steps_done: usize,
    /// Value of the X-Robots-Tag header of the document.
    pub(super) robots_header: Option<String>,
    /// Where the picture is.
    pub(super) screenshot: Option<String>,
}

/// A redirect by the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hop {
    /// Status.
    pub(super) status: u16,
    /// Who sent it.
    pub(super) url: String,
}

/// What stands in a page at the end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    /// Address, with query and fragment; never stored.
    #[serde(skip_serializing)]
    pub(super) url: String,
    /// Title.
    pub(super) title: Option<String>,
    /// Language.
    pub(super) lang: Option<String>,
    /// Content of the viewport.
    pub(super) viewport: Option<String>,
    /// Content of the robots entry.
    pub(super) robots: Option<String>,
    /// Whether the old rendering rules are on because the page has no doctype.
    pub(super) quirks: bool,
    /// Whether the root element is there.
    pub(super) root_found: bool,
    /// Characters of visible text in the root element.
    pub(super) text: u64,
    /// Visible pictures, fields and the like in it.
    pub(super) visible: u64,
    /// Selector to what was found.
    pub(super) elements: BTreeMap<String, Found>,
    /// Width of the content, in pixels.
    pub(super) content_width: u64,
    /// Width of the window, in pixels.
    pub(super) window_width: u64,
    /// Load event, in milliseconds after the start.
    pub(super) load_ms: Option<f64>,
    /// First contentful paint, in milliseconds after the start.
    pub(super) fcp_ms: Option<f64>,
    /// Largest contentful paint, in milliseconds after the start.
    pub(super) lcp_ms: Option<f64>,
    /// Cumulative layout shift.
    pub(super) cls: Option<f64>,
    /// What gives a development build away.
    pub(super) development: Vec<String>,
}

/// What a selector found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Found {
    /// Why the selector cannot be used.
    pub(super) error: Option<String>,
    /// How many.
    pub(super) count: u64,
    /// Whether the first can be seen.
    pub(super) visible: bool,
    /// Its text.
    pub(super) text: String,
    /// Attributes that were asked for and are there.
    pub(super) attributes: BTreeMap<String, String>,
    /// Computed values that were asked for.
    pub(super) style: BTreeMap<String, String>,
}

/// An error message or an uncaught exception.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Complaint {
    /// Whether it is an exception that nobody caught.
    pub(super) uncaught: bool,
    /// The message.
    pub(super) text: String,
    /// Which script.
    pub(super) url: String,
}

/// A request of the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Request {
    /// Method.
    pub(super) method: String,
    /// Address without query.
    pub(super) url: String,
    /// What for, in the browser's words: `Document`, `Script`, `Fetch` …
    pub(super) kind: String,
    /// Status; none while there is no answer.
    pub(super) status: Option<u16>,
    /// Media type.
    pub(super) mime: String,
    /// Why it failed, in the browser's words.
    pub(super) failure: Option<String>,
    /// Whether readyctl itself kept it from being sent.
    pub(super) blocked_here: bool,
    /// Whether the page took it back, which is not a failure.
    pub(super) cancelled: bool,
}

/// What the browser would not do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Refused {
    /// Which rule.
    pub(super) rule: Rule,
    /// What: an address, or words of the policy.
    pub(super) what: String,
    /// Whether it was only reported.
    pub(super) only_reported: bool,
}

/// A rule that a browser enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    /// Plain HTTP in a page over HTTPS.
    MixedContent,
    /// Content-Security-Policy.
    Csp,
    /// Cross-origin resource sharing.
    Cors,
}
