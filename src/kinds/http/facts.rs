//! What was seen: bounded, masked, enough to judge again offline.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::exchange::ResponseFacts;
use crate::expect::JsonPath;
use crate::outcome::{Cause, Fault};

/// Largest body kept whole when an expectation reads it, in bytes.
pub(super) const WHOLE_BODY: usize = 64 * 1024;

/// Everything that was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// One entry a request sent, in order.
    pub(super) exchanges: Vec<Exchange>,
    /// The answer to the page that cannot exist.
    pub(super) missing_page: Option<Exchange>,
    /// The answers to what must not be public.
    pub(super) exposed: Vec<Exposure>,
    /// The answer of the server behind the CDN.
    pub(super) behind: Option<Exchange>,
}

/// One request and what became of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Exchange {
    /// Which of the requests or steps, from 0.
    pub(super) call: usize,
    /// Name of the request or step; empty when there is only one.
    pub(super) name: String,
    /// Which sample, from 0.
    pub(super) sample: u32,
    /// The address it was sent to, when each address is asked.
    pub(super) address: Option<String>,
    /// When the answer was complete.
    pub(super) at: Timestamp,
    /// Redirects that were followed.
    pub(super) hops: Vec<Hop>,
    /// Why following ended.
    pub(super) redirects: RedirectEnd,
    /// The last answer.
    pub(super) response: Option<ResponseFacts>,
    /// Milliseconds until the last byte, redirects included.
    pub(super) latency_ms: u64,
    /// The body as JSON.
    pub(super) json: Document,
    /// The body as text, when an expectation reads it; else only the excerpt of the answer is kept.
    pub(super) text: Option<String>,
    /// Whether a text too long to keep was as expected.
    pub(super) long_text_matches: Option<bool>,
    /// Kinds of secrets and debug output found in the body.
    pub(super) leaks: Vec<String>,
    /// Scripts and other things the HTML loads, when an expectation reads them.
    pub(super) resources: Vec<Resource>,
    /// A value that was to be kept and was not there.
    pub(super) not_captured: Option<String>,
    /// Why there is no answer.
    pub(super) fault: Option<Fault>,
}

/// A redirect that was followed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hop {
    /// The URL asked.
    pub(super) url: String,
    /// The status it answered.
    pub(super) status: u16,
    /// Where it pointed, absolute.
    pub(super) location: String,
    /// Its Set-Cookie lines, values masked.
    pub(super) set_cookie: Vec<String>,
}

/// Why following redirects ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RedirectEnd {
    /// The last answer is not a redirect, or none was to be followed.
    #[default]
    Arrived,
    /// There are more redirects than may be followed.
    TooMany,
    /// A URL came up twice.
    Loop,
    /// The target is no HTTP URL, or a body would have gone to another origin.
    NotFollowed,
}

/// The body as JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Document {
    /// Nothing reads it as JSON, or there is no body.
    #[default]
    None,
    /// Not JSON; the text says why.
    Invalid(String),
    /// The whole document.
    Whole {
        /// The document.
        value: Value,
        /// Path of a key that occurs twice in its object.
        duplicate: Option<String>,
    },
    /// Too large to keep: what the paths of the check selected.
    Selected {
        /// Path to the selected values.
        paths: Vec<(String, Vec<Value>)>,
        /// Path of a key that occurs twice in its object.
        duplicate: Option<String>,
    },
}

impl Document {
    /// What a path selects; `None` when the body is not JSON.
    pub(super) fn select(&self, path: &JsonPath) -> Option<Vec<&Value>> {
        match self {
            Self::Whole { value, .. } => Some(path.select(value)),
            Self::Selected { paths, .. } => {
                let text = path.to_string();
                paths
                    .iter()
                    .find(|(key, _)| *key == text)
                    .map(|(_, values)| values.iter().collect())
            }
            Self::None | Self::Invalid(_) => None,
        }
    }

    /// Path of a key that occurs twice.
    pub(super) fn duplicate(&self) -> Option<&str> {
        match self {
            Self::Whole { duplicate, .. } | Self::Selected { duplicate, .. } => {
                duplicate.as_deref()
            }
            Self::None | Self::Invalid(_) => None,
        }
    }
}

/// Something a page loads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resource {
    /// `script`, `link` …
    pub(super) tag: String,
    /// As written.
    pub(super) url: String,
    /// Whether it carries `integrity`.
    pub(super) integrity: bool,
}

/// The answer to a path that must not be public.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Exposure {
    /// The path.
    pub(super) path: String,
    /// The status; `None` when there was no answer.
    pub(super) status: Option<u16>,
    /// Whether the body looks like the thing itself, not like a page that stands in for anything.
    pub(super) genuine: bool,
    /// Why there is no answer.
    pub(super) fault: Option<Fault>,
}

impl Facts {
    /// What `assert:` sees: the last answer's `status`, `headers`, `json`, `text`, `latency_ms` …
    /// on top, every one under `exchanges`, and by name under `requests` when they have names.
    pub(super) fn for_assert(&self) -> Value {
        let mut top = self
            .exchanges
            .last()
            .map(Exchange::for_assert)
            .unwrap_or_default();
        let mut named = Map::new();
        for exchange in self
            .exchanges
            .iter()
            .filter(|exchange| !exchange.name.is_empty())
        {
            named.insert(exchange.name.clone(), Value::Object(exchange.for_assert()));
        }
        top.insert("requests".to_owned(), Value::Object(named));
        let all = self.exchanges.iter().map(|e| Value::Object(e.for_assert()));
        top.insert("exchanges".to_owned(), Value::Array(all.collect()));
        Value::Object(top)
    }
}

impl Exchange {
    /// Whether it was never sent, because the time of the check was over.
    pub(super) fn is_late(&self) -> bool {
        self.fault
            .as_ref()
            .is_some_and(|fault| fault.cause == Cause::Deadline)
    }

    /// One answer as `assert:` sees it.
    fn for_assert(&self) -> Map<String, Value> {
        let mut map = Map::new();
        let Some(response) = &self.response else {
            return map;
        };
        let mut headers = Map::new();
        for (name, value) in &response.headers {
            let joined = match headers.get(name).and_then(Value::as_str) {
                Some(before) => format!("{before}, {value}"),
                None => value.clone(),
            };
            headers.insert(name.clone(), joined.into());
        }
        map.insert("status".to_owned(), response.status.into());
        map.insert("url".to_owned(), response.url.clone().into());
        map.insert("version".to_owned(), response.version.clone().into());
        map.insert("headers".to_owned(), Value::Object(headers));
        map.insert("latency_ms".to_owned(), self.latency_ms.into());
        map.insert("first_byte_ms".to_owned(), response.first_byte_ms.into());
        map.insert("size".to_owned(), response.size.into());
        map.insert("cold".to_owned(), response.cold.into());
        map.insert("hops".to_owned(), self.hops.len().into());
        let text = self
            .text
            .clone()
            .unwrap_or_else(|| response.excerpt.clone());
        map.insert("text".to_owned(), text.into());
        if let Document::Whole { value, .. } = &self.json {
            map.insert("json".to_owned(), value.clone());
        }
        map
    }
}
