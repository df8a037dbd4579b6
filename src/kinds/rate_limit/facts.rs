//! What a burst saw.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::headers::Limits;
use crate::exchange::{Response, cut};

/// Answers of the burst kept one by one; the rest is counted.
pub(super) const KEPT: usize = 60;
/// Bytes of a refusal's body kept as evidence.
const EXCERPT: usize = 300;

/// What was sent, and what came back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Requests the burst was allowed.
    pub(super) budget: u32,
    /// Requests sent until the burst ended, the opening ones included.
    pub(super) sent: u32,
    /// Answers that were not refusals.
    pub(super) accepted: u32,
    /// Status of the first accepted answer; 0 when there was none.
    pub(super) normal: u16,
    /// How often each status came.
    pub(super) statuses: BTreeMap<u16, u32>,
    /// How long the burst took, in milliseconds.
    pub(super) elapsed_ms: u64,
    /// Typical milliseconds of an accepted answer.
    pub(super) typical_ms: u64,
    /// Requests that had to be sent before "there is no limit" may be said.
    pub(super) needed: u32,
    /// What the first answer announced.
    pub(super) announced: Limits,
    /// `Remaining` of the first accepted answers, in order; `null` where none was announced.
    pub(super) remaining: Vec<Option<i64>>,
    /// Whether a cache says that it answered.
    pub(super) from_cache: bool,
    /// Why the burst ended.
    pub(super) end: End,
    /// The first refusal.
    pub(super) refusal: Option<Refusal>,
    /// What was tried once limited.
    pub(super) tries: Vec<Try>,
    /// Whom this may have affected, for how long.
    pub(super) blast_radius: String,
}

/// Why a burst ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// Three requests were all that was wanted.
    Passive,
    /// The expected refusal came.
    Limited,
    /// Something like a refusal came, with another status or in a success.
    OtherRefusal,
    /// A firewall wants to know whether this is a browser; the text says which.
    Challenged(String),
    /// Enough was sent to say that there is no limit.
    Unlimited,
    /// The budget was too small to tell.
    Budget,
    /// The time was too short to tell.
    Time,
    /// The service showed distress; the text says how.
    Aborted(String),
}

/// A refusal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Refusal {
    /// The status code.
    pub(super) status: u16,
    /// `Retry-After`, one entry a line.
    pub(super) retry_after: Vec<String>,
    /// The server's clock, or ours where it does not say.
    pub(super) at: Timestamp,
    /// What it announces.
    pub(super) limits: Limits,
    /// `Cache-Control`.
    pub(super) cache_control: Vec<String>,
    /// Whether it has an `ETag`, `Last-Modified` or `Expires`.
    pub(super) validator: bool,
    /// Whether a cache answered.
    pub(super) from_cache: bool,
    /// `Content-Type`.
    pub(super) content_type: String,
    /// `Server`.
    pub(super) server: String,
    /// The beginning of the body.
    pub(super) excerpt: String,
    /// Milliseconds until it came.
    pub(super) ms: u64,
    /// Whether accepted answers are HTML too.
    pub(super) site_is_html: bool,
}

impl Refusal {
    /// Takes what matters out of an answer.
    pub(super) fn new(response: &Response, now: Timestamp, site_is_html: bool) -> Self {
        let at = response
            .header("date")
            .and_then(super::headers::date)
            .unwrap_or(now);
        let lines = |name: &str| -> Vec<String> {
            let lines = response.header_lines(name);
            lines
                .into_iter()
                .take(4)
                .map(|l| cut(l, 200).to_owned())
                .collect()
        };
        let first = |name: &str| cut(response.header(name).unwrap_or_default(), 200).to_owned();
        Self {
            status: response.status,
            retry_after: lines("retry-after"),
            at,
            limits: Limits::read(&response.headers, at),
            cache_control: lines("cache-control"),
            validator: ["etag", "last-modified", "expires"]
                .iter()
                .any(|name| response.header(name).is_some()),
            from_cache: from_cache(response),
            content_type: first("content-type"),
            server: first("server"),
            excerpt: cut(&response.text(), EXCERPT).to_owned(),
            ms: millis(response),
            site_is_html,
        }
    }

    /// Whether the body is a web page.
    pub(super) fn is_html(&self) -> bool {
        self.content_type.to_ascii_lowercase().contains("html")
            || self.excerpt.trim_start().starts_with("<!")
            || self
                .excerpt
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("<html")
    }
}

/// What was tried once the caller was limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Attempt {
    /// An exempt path.
    Exempt,
    /// A header with made-up client addresses.
    ForgedAddress,
    /// Another spelling of the URL.
    Spelling,
    /// Another caller.
    SecondIdentity,
    /// The same request from a page.
    Page,
    /// The same request after the wait that was asked for.
    Recovery,
}

/// One attempt and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Try {
    /// What was tried.
    pub(super) attempt: Attempt,
    /// The path, header or spelling.
    pub(super) what: String,
    /// The statuses, in order; 0 where no answer came.
    pub(super) statuses: Vec<u16>,
    /// Whether the caller was certainly limited right before: a plain request was refused.
    pub(super) while_limited: bool,
    /// `Content-Type` of the last answer is the same as of accepted ones.
    pub(super) same_type: bool,
    /// `Access-Control-Allow-Origin` of the last answer.
    pub(super) allow_origin: Vec<String>,
    /// Seconds waited before.
    pub(super) waited: u64,
    /// Why it was not tried after all.
    pub(super) skipped: Option<String>,
}

impl Try {
    /// An attempt not made yet.
    pub(super) fn new(attempt: Attempt, what: impl Into<String>) -> Self {
        Self {
            attempt,
            what: what.into(),
            statuses: Vec::new(),
            while_limited: false,
            same_type: false,
            allow_origin: Vec::new(),
            waited: 0,
            skipped: None,
        }
    }
}

/// Whole milliseconds until the headers came.
pub(super) fn millis(response: &Response) -> u64 {
    u64::try_from(response.first_byte.as_millis()).unwrap_or(u64::MAX)
}

/// Whether a cache says that it answered.
pub(in crate::kinds) fn from_cache(response: &Response) -> bool {
    let aged = response
        .header("age")
        .and_then(|age| age.trim().parse::<u64>().ok())
        .is_some_and(|age| age > 0);
    let hit = ["x-cache", "cf-cache-status", "x-vercel-cache"]
        .iter()
        .filter_map(|name| response.header(name))
        .any(|value| value.to_ascii_lowercase().contains("hit"));
    aged || hit
}

/// Which firewall wants to know whether this is a browser; `None` for an ordinary answer.
pub(in crate::kinds) fn challenge(response: &Response) -> Option<&'static str> {
    if response.status < 400 {
        return None;
    }
    let says = |name: &str, value: &str| {
        response
            .header(name)
            .is_some_and(|text| text.to_ascii_lowercase().contains(value))
    };
    if says("cf-mitigated", "challenge") {
        return Some("Cloudflare");
    }
    if says("x-amzn-waf-action", "") {
        return Some("AWS WAF");
    }
    if says("x-datadome", "") {
        return Some("DataDome");
    }
    let body = response.text().to_ascii_lowercase();
    let page = [
        "just a moment...",
        "cf-chl-",
        "captcha",
        "enable javascript and cookies",
        "_incapsula_resource",
        "sucuri website firewall",
        "attention required!",
    ];
    (says("content-type", "html") && page.iter().any(|mark| body.contains(mark)))
        .then_some("a web firewall")
}
