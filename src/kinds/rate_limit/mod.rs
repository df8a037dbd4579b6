//! Rate limits: whether there is one, whether it is the intended one, and what a refusal says.

mod after;
mod burst;
mod facts;
mod faults;
mod headers;
mod judge;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::cors::Origin;
use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::exchange::shown_url;
use crate::expect::{Secret, TimeSpan};
use crate::outcome::{Fault, Finding};

use facts::Facts;
pub(super) use facts::{challenge, from_cache};

/// Requests of a burst unless the check asks for more.
const DEFAULT_CAP: u32 = 200;
/// Requests of a burst whatever the check asks for.
const HARD_CAP: u32 = 1000;
/// Requests sent one after the other before a burst, and all of a passive check.
const OPENING: u32 = 3;
/// Exempt paths a check may name.
const MAX_EXEMPT: usize = 10;

/// Measures a rate limit: sends requests until the first refusal, within a budget, and judges it.
///
/// Reads announced limits first and adapts the burst to them; stops at the first refusal, and
/// gives up as soon as the service shows distress. Afterwards the caller may stay limited for as
/// long as the refusal says. `mode: passive` only reads what three requests announce.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateLimit {
    /// Address of a cheap, limited route, `https://api.example.com/v1/items`.
    url: String,
    /// Method: `GET` (default), `HEAD`, `OPTIONS` or `POST`. A POST is sent as often as the burst
    /// goes on: choose a route where that does no harm.
    #[serde(default = "get")]
    method: String,
    /// Body of a POST, as JSON text; sent with `Content-Type: application/json`.
    #[serde(default)]
    body: Option<Secret>,
    /// Credential, as the value of `auth_header`: `Bearer ${token}`. Needed where the limiter
    /// stands behind authentication. Empty means none.
    #[serde(default)]
    auth: Option<Secret>,
    /// Header that `auth` goes into; default `Authorization`.
    #[serde(default)]
    auth_header: Option<String>,
    /// Further request headers; values may be secrets.
    #[serde(default)]
    headers: BTreeMap<String, Secret>,
    /// `burst` (default) measures; `passive` reads announced limits over three requests.
    #[serde(default)]
    mode: Mode,
    /// Intended limit: requests a `window`. A burst must be refused at 1.2 times this plus 5.
    #[serde(default)]
    limit: Option<u32>,
    /// Size of the bucket where the limiter is a token bucket that `limit` requests a `window` refill:
    /// a full one lets so many pass besides those; default 0. The refusal may come with the first
    /// request that finds the bucket empty.
    #[serde(default)]
    burst: u32,
    /// Length of the window the limit counts in; default 1m.
    #[serde(default = "minute")]
    window: TimeSpan,
    /// The limit must let at least so many requests through.
    #[serde(default)]
    min_limit: Option<u32>,
    /// The limit must not let more requests than this through; default `limit` times 1.2 plus 5.
    #[serde(default)]
    max_limit: Option<u32>,
    /// Budget of the burst; default 1.2 times the limit plus 5, 200 at most. Up to 1000 when said
    /// so here. Without `limit` and `max_limit`, one of so many requests must be refused.
    #[serde(default)]
    max_requests: Option<u32>,
    /// Requests under way at once, 1 to 5; default 4.
    #[serde(default = "four")]
    concurrency: u32,
    /// Status of a refusal; default 429.
    #[serde(default = "too_many")]
    expect_status: u16,
    /// Statuses besides 2xx and 3xx with which the application answers these requests normally:
    /// `[401]` for a login that is tried with a wrong password.
    #[serde(default)]
    accept_status: Vec<u16>,
    /// Whether a refusal must carry `Retry-After`: `required` or `optional`. Without it, a missing
    /// one is advice.
    #[serde(default)]
    retry_after: Option<Need>,
    /// Longest sensible `Retry-After`; default 1d.
    #[serde(default = "day")]
    max_retry_after: TimeSpan,
    /// Whether the refusal's body must explain itself: neither empty nor HTML. Otherwise advice.
    #[serde(default)]
    explain: bool,
    /// Paths on the same host that must answer while the caller is limited: `[/health, /metrics]`.
    #[serde(default)]
    exempt: Vec<String>,
    /// Whether to wait as long as the refusal says and see that requests pass again.
    #[serde(default)]
    recovery: bool,
    /// Longest wait for recovery, also before a burst when this caller is limited already; default
    /// 1m. The `timeout:` of the check must allow for it.
    #[serde(default = "minute")]
    max_recovery_wait: TimeSpan,
    /// Whether to try, once limited, if made-up client addresses in `X-Forwarded-For`,
    /// `X-Real-IP`, `Forwarded` and `CF-Connecting-IP` get around the limit.
    #[serde(default)]
    bypass: bool,
    /// Whether to try, once limited, if another spelling of the URL gets around the limit.
    #[serde(default)]
    variations: bool,
    /// Headers of a second caller (another key): it must not be limited by the first.
    #[serde(default)]
    second_identity: BTreeMap<String, Secret>,
    /// An origin whose pages must be able to read the refusal: `https://app.example.com`.
    #[serde(default)]
    origin: Option<Origin>,
    /// Whether this is a login, password reset or one-time-code endpoint, where a missing limit
    /// lets passwords be guessed (RL-12).
    #[serde(default)]
    sensitive: bool,
    /// A PEM file of certificate authorities to trust besides the system's; empty means none.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// Whether link-local addresses, where clouds keep their metadata services, may be asked;
    /// default false.
    #[serde(default)]
    allow_link_local: bool,
}

/// How to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// Send requests until the first refusal, within the budget.
    #[default]
    Burst,
    /// Read what three requests announce.
    Passive,
}

/// Whether something must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Need {
    /// Its absence is a fault.
    Required,
    /// Its absence is fine.
    Optional,
}

/// Default of `method`.
fn get() -> String {
    "GET".to_owned()
}

/// Default of `window` and `max_recovery_wait`.
fn minute() -> TimeSpan {
    TimeSpan::seconds(60)
}

/// Default of `max_retry_after`.
fn day() -> TimeSpan {
    TimeSpan::seconds(86_400)
}

/// Default of `concurrency`.
fn four() -> u32 {
    4
}

/// Default of `expect_status`.
fn too_many() -> u16 {
    429
}

/// A number of requests with the margin that counters and windows need.
fn with_margin(requests: u32) -> u32 {
    requests
        .saturating_add(requests.div_ceil(5))
        .saturating_add(5)
}

impl RateLimit {
    /// The URL, once it is known to be one.
    fn target(&self) -> Option<Url> {
        Url::parse(&self.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    }

    /// More requests than this must not pass in one window; `None` when nothing is declared.
    fn ceiling(&self) -> Option<u32> {
        self.max_limit.or_else(|| self.most().map(with_margin))
    }

    /// How many requests must have been tried before "there is no limit" may be said.
    fn goal(&self) -> Option<u32> {
        self.max_limit
            .map(|max| max.saturating_add(5))
            .or_else(|| self.most().map(with_margin))
            .or(self.max_requests)
    }

    /// What the intended limit lets through in one window.
    fn most(&self) -> Option<u32> {
        self.limit.map(|limit| limit.saturating_add(self.burst))
    }

    /// What the intended limit lets through at once, at least.
    fn least(&self) -> Option<u32> {
        let bucket = if self.burst == 0 {
            u32::MAX
        } else {
            self.burst
        };
        self.limit.map(|limit| limit.min(bucket))
    }

    /// Requests of the burst at most, the opening ones included.
    fn budget(&self) -> u32 {
        if self.mode == Mode::Passive {
            return OPENING;
        }
        let declared = self
            .max_limit
            .or_else(|| self.most())
            .map_or(DEFAULT_CAP, with_margin);
        let asked = self.max_requests.unwrap_or(declared.min(DEFAULT_CAP));
        asked.clamp(OPENING, HARD_CAP)
    }

    /// Whether the application answers these requests so when nothing limits them.
    fn accepts(&self, status: u16) -> bool {
        (200..400).contains(&status) || self.accept_status.contains(&status)
    }

    /// Contradictions between the numbers.
    fn number_problems(&self, list: &mut Vec<SpecProblem>) {
        if self.mode == Mode::Burst && self.goal().is_none() {
            list.push(SpecProblem::at(
                "",
                "no limit is declared, so nothing says how many requests to send",
                "add `limit: 60` (and `window: 1m`), `max_limit:` or `max_requests:`; or read only: `mode: passive`",
            ));
        }
        if self.limit == Some(0) || self.max_limit == Some(0) {
            list.push(SpecProblem::at(
                "limit",
                "a limit of 0 lets nothing through",
                "write the number of requests the window allows",
            ));
        }
        let upper = self.max_limit.or(self.limit);
        if matches!((self.min_limit, upper), (Some(min), Some(max)) if min > max) {
            list.push(SpecProblem::at(
                "min_limit",
                "`min_limit` is above the limit",
                "swap the two",
            ));
        }
        if matches!((self.limit, self.max_limit), (Some(limit), Some(max)) if limit > max) {
            list.push(SpecProblem::at(
                "max_limit",
                "`max_limit` is below `limit`",
                "raise it, or leave it out: 1.2 times the limit plus 5 is allowed anyway",
            ));
        }
        if self.max_requests.is_some_and(|n| n > HARD_CAP || n == 0) {
            list.push(SpecProblem::at(
                "max_requests",
                format!("the budget must lie between 1 and {HARD_CAP}"),
                "measure on a test route or key with a lower limit",
            ));
        }
        if !(1..=5).contains(&self.concurrency) {
            list.push(SpecProblem::at(
                "concurrency",
                "more than 5 at once is a load test",
                "write 1 to 5",
            ));
        }
        if self.window.0.is_zero() {
            list.push(SpecProblem::at(
                "window",
                "a window of no length limits nothing",
                "write for example `1m`",
            ));
        }
        if self.accepts(self.expect_status) {
            list.push(SpecProblem::at(
                "expect_status",
                "this status also means that the request was let through",
                "a refusal is 429 as a rule",
            ));
        }
    }
}

impl Kind for RateLimit {
    const NAME: &'static str = "rate_limit";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        match self.mode {
            Mode::Burst => Impact::Disruptive,
            Mode::Passive => Impact::Normal,
        }
    }

    fn exhausting(&self) -> bool {
        self.impact() == Impact::Disruptive
    }

    fn hosts(&self) -> Vec<String> {
        self.target()
            .and_then(|url| crate::net::host_key(&url))
            .into_iter()
            .collect()
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut list = Vec::new();
        if self.target().is_none() {
            list.push(SpecProblem::at(
                "url",
                "this is not an http or https URL",
                "write it in full, for example `https://api.example.com/v1/items`",
            ));
        }
        if !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "POST") {
            list.push(SpecProblem::at(
                "method",
                format!("`{}` may change data when it is repeated", self.method),
                "use GET, HEAD, OPTIONS, or POST on a route where that does no harm",
            ));
        }
        if self.body.is_some() && self.method != "POST" {
            list.push(SpecProblem::at(
                "body",
                "only a POST has a body",
                "add `method: POST`, or leave the body out",
            ));
        }
        let names = self.headers.keys().map(|name| ("headers", name));
        let second = self.second_identity.keys().map(|n| ("second_identity", n));
        let auth = self.auth_header.iter().map(|name| ("auth_header", name));
        for (field, name) in names.chain(second).chain(auth) {
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                list.push(SpecProblem::at(
                    field,
                    format!("`{name}` is not a header name"),
                    "letters, digits and dashes only",
                ));
            }
        }
        if self.exempt.len() > MAX_EXEMPT {
            list.push(SpecProblem::at(
                "exempt",
                format!("{} paths are more than {MAX_EXEMPT}", self.exempt.len()),
                "split the check",
            ));
        }
        for path in &self.exempt {
            if !path.starts_with('/') || path.starts_with("//") {
                list.push(SpecProblem::at(
                    "exempt",
                    format!("`{path}` is not a path"),
                    "begin it with one slash, `/health`",
                ));
            }
        }
        self.number_problems(&mut list);
        list
    }

    fn plan(&self) -> Vec<Planned> {
        let Some(url) = self.target() else {
            return Vec::new();
        };
        let what = format!("{} {}", self.method, shown_url(&url));
        let mut list = vec![Planned {
            what: format!("{what} until the first refusal"),
            at_most: self.budget(),
        }];
        if self.mode == Mode::Passive {
            list[0].what = what;
            return list;
        }
        list.push(Planned::once(format!(
            "{what} again after waiting, when limited already"
        )));
        list.extend(after::plan(self, &url, &what));
        list
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        burst::observe(self, cx).await
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts, cx.now)
    }
}
