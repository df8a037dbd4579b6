//! Turns the browser's events into what a page did.

use std::collections::HashMap;

use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use super::facts::{Complaint, Hop, Refused, Request, Rule};
use crate::exchange::{cut, shown_url};

/// Most requests that a page may make before it is stopped.
pub(super) const MAX_REQUESTS: usize = 1000;
/// Most bytes that a page may load before it is stopped.
pub(super) const MAX_BYTES: u64 = 64 << 20;
/// Most messages that are kept.
const MAX_COMPLAINTS: usize = 50;
/// Longest message that is kept.
const MAX_TEXT: usize = 400;
/// More documents than this in a row are a loop.
pub(super) const MAX_NAVIGATIONS: u32 = 8;

/// What only development servers and builds load or say.
const DEVELOPMENT: &[(&str, &str)] = &[
    ("/@vite/client", "the Vite development server"),
    ("/@react-refresh", "React Fast Refresh"),
    ("/__webpack_hmr", "webpack's hot replacement"),
    ("webpack-dev-server", "webpack-dev-server"),
    ("/sockjs-node", "webpack-dev-server"),
    (
        "/_next/static/development/",
        "the Next.js development server",
    ),
    ("/_next/webpack-hmr", "the Next.js development server"),
    ("/__nuxt_devtools", "Nuxt's development tools"),
    ("/ng-cli-ws", "the Angular development server"),
    ("/browser-sync/", "Browsersync"),
    ("/livereload.js", "LiveReload"),
    ("[vite] connect", "the Vite development server"),
    ("[HMR]", "hot module replacement"),
    ("[webpack-dev-server]", "webpack-dev-server"),
    (
        "Download the React DevTools",
        "a development build of React",
    ),
    ("development build of Vue", "a development build of Vue"),
    ("Vue in development mode", "a development build of Vue"),
    (
        "Angular is running in development mode",
        "a development build of Angular",
    ),
];

/// What the events said so far.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// The page that is recorded.
    pub(super) session: Option<String>,
    /// Its main frame.
    pub(super) frame: String,
    /// Every request.
    pub(super) requests: Vec<Request>,
    /// Number of the request that is under way, by the browser's id of it.
    open: HashMap<String, usize>,
    /// When something last began or ended.
    pub(super) active: Option<Instant>,
    /// Whether the load event of the last document came.
    pub(super) loaded: bool,
    /// How many documents followed one another.
    pub(super) navigations: u32,
    /// Redirects of the server, of the last navigation.
    pub(super) hops: Vec<Hop>,
    /// Status of the last document.
    pub(super) status: Option<u16>,
    /// Its X-Robots-Tag.
    pub(super) robots: Option<String>,
    /// Error messages.
    pub(super) console: Vec<Complaint>,
    /// What the browser refused.
    pub(super) refused: Vec<Refused>,
    /// What gives a development build away.
    pub(super) development: Vec<String>,
    /// Bytes over the network.
    pub(super) bytes: u64,
    /// Whether the tab crashed.
    pub(super) crashed: bool,
}

/// An address as it may be shown.
pub(super) fn shown(address: &str) -> String {
    let shown = Url::parse(address).map_or_else(|_| address.to_owned(), |url| shown_url(&url));
    cut(&shown, MAX_TEXT).to_owned()
}

/// Text at `pointer`.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A status at `pointer`.
fn status(value: &Value, pointer: &str) -> Option<u16> {
    value
        .pointer(pointer)
        .and_then(Value::as_u64)
        .and_then(|number| u16::try_from(number).ok())
}

impl Recorder {
    /// A recorder of the page behind a session.
    pub(super) fn of(session: &str) -> Self {
        Self {
            session: Some(session.to_owned()),
            ..Self::default()
        }
    }

    /// Whether there was more than readyctl is willing to load.
    pub(super) fn too_much(&self) -> bool {
        self.requests.len() > MAX_REQUESTS || self.bytes > MAX_BYTES
    }

    /// Whether nothing goes on any more: loaded, and `quiet` for a while.
    pub(super) fn is_idle(&self, quiet: std::time::Duration) -> bool {
        self.loaded
            && self.open.values().all(|at| {
                self.requests.get(*at).is_none_or(|request| {
                    matches!(request.kind.as_str(), "EventSource" | "Media" | "Ping")
                })
            })
            && self.active.is_none_or(|active| active.elapsed() >= quiet)
    }

    /// Takes in an event; gives the command that it asks for.
    pub(super) fn event(&mut self, method: &str, params: &Value) -> Option<(&'static str, Value)> {
        match method {
            "Network.requestWillBeSent" => self.request(params),
            "Network.responseReceived" => self.response(params),
            "Network.dataReceived" => {
                self.bytes += params["encodedDataLength"].as_u64().unwrap_or(0);
            }
            "Network.loadingFinished" => {
                let id = text(params, "/requestId");
                self.open.remove(id);
                self.active = Some(Instant::now());
            }
            "Network.loadingFailed" => self.failed(params),
            "Network.webSocketCreated" => self.note_development(text(params, "/url")),
            "Runtime.consoleAPICalled" => self.console_call(params),
            "Runtime.exceptionThrown" => self.exception(params),
            "Log.entryAdded" => self.log(&params["entry"]),
            "Audits.issueAdded" => self.issue(&params["issue"]),
            "Page.loadEventFired" => {
                self.loaded = true;
                self.active = Some(Instant::now());
            }
            "Page.frameNavigated" if params.pointer("/frame/parentId").is_none() => {
                self.navigations += 1;
                self.loaded = false;
                self.active = Some(Instant::now());
            }
            "Page.navigatedWithinDocument" => self.active = Some(Instant::now()),
            "Page.javascriptDialogOpening" => {
                // A question that nobody answers would stop everything: leaving is allowed, else no.
                let leaving = text(params, "/type") == "beforeunload";
                return Some(("Page.handleJavaScriptDialog", json!({ "accept": leaving })));
            }
            "Inspector.targetCrashed" => self.crashed = true,
            _ => {}
        }
        None
    }

    /// A request, or the next hop of one.
    fn request(&mut self, params: &Value) {
        let address = text(params, "/request/url");
        if !address.starts_with("http") {
            return;
        }
        self.active = Some(Instant::now());
        let id = text(params, "/requestId").to_owned();
        let main = text(params, "/type") == "Document" && text(params, "/frameId") == self.frame;
        let kind = match text(params, "/type") {
            "Document" if !main => "Frame",
            kind => kind,
        };
        match params.get("redirectResponse").filter(|hop| !hop.is_null()) {
            Some(hop) => {
                let answered = status(hop, "/status");
                if let Some(before) = self.open.get(&id).and_then(|at| self.requests.get_mut(*at)) {
                    before.status = answered;
                }
                if main {
                    self.hops.push(Hop {
                        status: answered.unwrap_or(0),
                        url: shown(text(hop, "/url")),
                    });
                }
            }
            None if main => {
                self.hops.clear();
                self.status = None;
            }
            None => {}
        }
        self.note_development(address);
        if text(params, "/request/mixedContentType") == "blockable" {
            self.refuse(Rule::MixedContent, shown(address), false);
        }
        if self.requests.len() > MAX_REQUESTS {
            return;
        }
        self.open.insert(id, self.requests.len());
        self.requests.push(Request {
            method: text(params, "/request/method").to_owned(),
            url: shown(address),
            kind: kind.to_owned(),
            status: None,
            mime: String::new(),
            failure: None,
            blocked_here: false,
            cancelled: false,
        });
    }

    /// The head of an answer.
    fn response(&mut self, params: &Value) {
        self.active = Some(Instant::now());
        let answered = status(params, "/response/status");
        if text(params, "/type") == "Document" && text(params, "/frameId") == self.frame {
            self.status = answered;
            self.robots = params
                .pointer("/response/headers")
                .and_then(Value::as_object)
                .and_then(|headers| {
                    headers
                        .iter()
                        .find(|(name, _)| name.eq_ignore_ascii_case("x-robots-tag"))
                })
                .and_then(|(_, value)| value.as_str())
                .map(|value| cut(value, MAX_TEXT).to_owned());
        }
        let id = text(params, "/requestId");
        if let Some(request) = self.open.get(id).and_then(|at| self.requests.get_mut(*at)) {
            request.status = answered;
            text(params, "/response/mimeType").clone_into(&mut request.mime);
            if request.kind.is_empty() {
                text(params, "/type").clone_into(&mut request.kind);
            }
        }
    }

    /// A request that came to nothing.
    fn failed(&mut self, params: &Value) {
        self.active = Some(Instant::now());
        let id = text(params, "/requestId");
        let Some(request) = self
            .open
            .remove(id)
            .and_then(|at| self.requests.get_mut(at))
        else {
            return;
        };
        let reason = text(params, "/blockedReason");
        request.blocked_here = reason == "inspector";
        // An asset that is answered with 404 is "cancelled", too, in the browser's words.
        request.cancelled = params["canceled"].as_bool().unwrap_or(false)
            && reason.is_empty()
            && request.status.is_none_or(|status| status < 400);
        request.failure = Some(text(params, "/errorText").to_owned());
        let url = request.url.clone();
        if params
            .get("corsErrorStatus")
            .is_some_and(|status| !status.is_null())
        {
            let why = text(params, "/corsErrorStatus/corsError");
            request.failure = Some(format!("blocked by CORS ({why})"));
            self.refuse(Rule::Cors, url, false);
        } else if reason == "csp" {
            request.failure = Some("blocked by Content-Security-Policy".to_owned());
            self.refuse(Rule::Csp, url, false);
        } else if reason == "mixed-content" {
            request.failure = Some("blocked as mixed content".to_owned());
            self.refuse(Rule::MixedContent, url, false);
        }
    }

    /// `console.error` and the like.
    fn console_call(&mut self, params: &Value) {
        let words: Vec<String> = params["args"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|arg| match &arg["value"] {
                Value::String(text) => text.clone(),
                Value::Null => text(arg, "/description").to_owned(),
                other => other.to_string(),
            })
            .collect();
        let words = words.join(" ");
        self.note_development(&words);
        if matches!(text(params, "/type"), "error" | "assert") {
            let url = text(params, "/stackTrace/callFrames/0/url");
            self.complain(false, &words, url);
        }
    }

    /// An exception that nobody caught.
    fn exception(&mut self, params: &Value) {
        let details = &params["exceptionDetails"];
        let described = text(details, "/exception/description");
        let value = details.pointer("/exception/value").map(Value::to_string);
        let words = match (described, value) {
            ("", Some(value)) => format!("{} {value}", text(details, "/text")),
            ("", None) => text(details, "/text").to_owned(),
            (described, _) => described.lines().next().unwrap_or_default().to_owned(),
        };
        self.complain(true, &words, text(details, "/url"));
    }

    /// A message of the browser's own. Failed requests are judged as requests, and what a policy
    /// blocked by its issue.
    fn log(&mut self, entry: &Value) {
        let words = text(entry, "/text");
        let told_elsewhere = text(entry, "/source") == "network"
            || words.contains("violates the following")
            || words.contains("has been blocked by CORS policy")
            || words.starts_with("Mixed Content:");
        if text(entry, "/level") == "error" && !told_elsewhere {
            self.complain(false, words, text(entry, "/url"));
        }
    }

    /// What the browser's issue list says.
    fn issue(&mut self, issue: &Value) {
        match text(issue, "/code") {
            "MixedContentIssue" => {
                let url = text(issue, "/details/mixedContentIssueDetails/insecureURL");
                self.refuse(Rule::MixedContent, shown(url), false);
            }
            "ContentSecurityPolicyIssue" => {
                let details = &issue["details"]["contentSecurityPolicyIssueDetails"];
                let blocked = text(details, "/blockedURL");
                let directive = text(details, "/violatedDirective");
                let what = if blocked.is_empty() {
                    format!("inline or evaluated code ({directive})")
                } else {
                    format!("{} ({directive})", shown(blocked))
                };
                let only = details["isReportOnly"].as_bool().unwrap_or(false);
                self.refuse(Rule::Csp, what, only);
            }
            _ => {}
        }
    }

    /// Remembers something the browser refused, once.
    fn refuse(&mut self, rule: Rule, what: String, only_reported: bool) {
        let known = self.refused.iter().any(|refused| {
            let same = |a: &str, b: &str| {
                a == b || a.strip_prefix(b).is_some_and(|rest| rest.starts_with(" ("))
            };
            refused.rule == rule && (same(&refused.what, &what) || same(&what, &refused.what))
        });
        if !known && self.refused.len() < MAX_COMPLAINTS {
            self.refused.push(Refused {
                rule,
                what,
                only_reported,
            });
        }
    }

    /// Remembers an error message.
    fn complain(&mut self, uncaught: bool, words: &str, url: &str) {
        let complaint = Complaint {
            uncaught,
            text: cut(words.trim(), MAX_TEXT).to_owned(),
            url: shown(url),
        };
        if self.console.len() < MAX_COMPLAINTS && !self.console.contains(&complaint) {
            self.console.push(complaint);
        }
    }

    /// Remembers what only a development build says or loads.
    fn note_development(&mut self, words: &str) {
        for (mark, what) in DEVELOPMENT {
            if words.contains(mark) && !self.development.iter().any(|known| known == what) {
                self.development.push((*what).to_owned());
            }
        }
    }
}
