//! HTTP: one request, a list of requests, or a journey of steps, and what must come back.

mod answer;
mod body;
mod content;
mod cookies;
mod csp;
mod facts;
mod faults;
mod forms;
mod health;
mod judge;
mod observe;
mod problems;
mod redirects;
mod security;
mod security_spec;
mod spec;
mod template;
#[cfg(test)]
mod tests;
mod words;

use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{FaultDoc, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::expect::{ByteSize, Ordered, Secret, TimeSpan};
use crate::net::host_key;
use crate::outcome::{Fault, Finding};

pub(crate) use body::{leaks, parse_json};
use facts::Facts;
use forms::Payload;
pub(crate) use forms::{StatusRule, Switch, Verb, Word};
use spec::{Auth, Expect, Exposed, Resolve, Step};

/// Addresses looked at when each is.
const MAX_ADDRESSES: u32 = 8;

/// Sends HTTP requests and judges the answers: health endpoints, redirects, headers, JSON, time to
/// the last byte, user journeys.
///
/// Without `requests` and `steps` it sends one request to `url`. Redirects are not followed unless
/// asked for, and the status must be 200 to 299 unless `expect` says otherwise. `assert:` sees
/// `http.status`, `http.headers` (names in lower case), `http.json`, `http.text`, `http.latency_ms`,
/// `http.size`, `http.url`, `http.hops`, and all of these by name under `http.requests`.
///
/// A refusal with 429 that asks for a wait of at most 10 seconds is waited out, unless 429 is what
/// is expected; the wait counts neither as latency nor against `timeout:`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    /// The URL to ask; for `requests` and `steps` the base of theirs. Credentials belong into `auth`.
    url: String,
    /// The method. GET and HEAD need no permission; any other needs `unsafe_method: true`.
    #[serde(default)]
    method: Verb,
    /// Allows methods other than GET and HEAD: the target may change.
    #[serde(default)]
    unsafe_method: bool,
    /// Headers to send, in order; to the origin of `url` only.
    #[serde(default)]
    headers: Ordered<Secret>,
    /// Credentials to send; to the origin of `url` only.
    #[serde(default)]
    auth: Option<Auth>,
    /// Cookies to send, name to value; to the origin of `url` only.
    #[serde(default)]
    cookies: Ordered<Secret>,
    /// The body to send, as text.
    #[serde(default)]
    body: Option<Secret>,
    /// The body to send, as JSON; sets the content type.
    #[serde(default)]
    json: Option<Payload>,
    /// A PEM file of certificate authorities trusted besides the system's; empty means none.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// Allows link-local addresses, where clouds keep their metadata services.
    #[serde(default)]
    allow_link_local: bool,
    /// How many redirects are followed; 0 by default. Every hop is recorded, and credentials never
    /// go to another origin.
    #[serde(default)]
    follow_redirects: u32,
    /// Largest body that is read, after decompression; 1 MiB by default.
    #[serde(default = "spec::one_mebibyte")]
    max_body: ByteSize,
    /// How often each request is sent; 1 by default. The first one is cold: connecting counts.
    #[serde(default = "spec::one")]
    samples: u32,
    /// Time between two samples; none by default.
    #[serde(default)]
    pause: TimeSpan,
    /// How many samples must be as expected; all by default.
    #[serde(default)]
    min_healthy: Option<u32>,
    /// `any` (default) asks one address of the host, `each` asks every one of them.
    #[serde(default)]
    resolve: Resolve,
    /// Addresses to connect to instead of those the host name resolves to; each is asked.
    #[serde(default)]
    addresses: Vec<IpAddr>,
    /// What must come back. With `requests` it holds for those without an own `expect`.
    #[serde(default)]
    expect: Expect,
    /// Several independent requests; all are sent, whatever the others gave.
    #[serde(default)]
    requests: Vec<Step>,
    /// A journey: requests in order that share cookies and captured values. A failing step ends it.
    #[serde(default)]
    steps: Vec<Step>,
    /// Also asks for a page that cannot exist: it must answer 404 or 410, show no debug output and,
    /// when `expect.security` is given, carry the same headers.
    #[serde(default)]
    missing_page: bool,
    /// Also asks for files and pages that must not be public (`/.env`, `/.git/config`,
    /// `/actuator/env` …). `true` for the built-in list.
    #[serde(default)]
    exposes_nothing: Switch<Exposed>,
}

/// One request as it will be sent: the step's own words over those of the check.
pub(crate) struct Call<'a> {
    /// Name in findings; empty when there is only one request.
    name: String,
    /// The URL, captured values not yet filled in.
    url: String,
    /// The method.
    method: &'a Verb,
    /// Headers of the check, then those of the step.
    headers: Vec<(&'a str, &'a Secret)>,
    /// Credentials, unless the step is anonymous.
    auth: Option<&'a Auth>,
    /// Cookies of the check, then those of the step.
    cookies: Vec<(&'a str, &'a Secret)>,
    /// Body as text.
    body: Option<&'a Secret>,
    /// Body as JSON.
    json: Option<&'a Payload>,
    /// Values to keep for later steps.
    capture: Option<&'a Ordered<spec::Capture>>,
    /// What must come back.
    expect: &'a Expect,
}

impl Kind for Http {
    const NAME: &'static str = "http";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self
            .calls()
            .iter()
            .map(|call| call.url.clone())
            .chain(self.behind_url())
            .filter_map(|url| Url::parse(&url).ok())
            .filter_map(|url| host_key(&url))
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    fn problems(&self) -> Vec<SpecProblem> {
        problems::of(self)
    }

    fn repeatable(&self) -> bool {
        let items = self.requests.iter().chain(&self.steps);
        !self.unsafe_method && !items.into_iter().any(|item| item.unsafe_method)
    }

    fn plan(&self) -> Vec<Planned> {
        let addresses = match (self.addresses.len(), self.resolve) {
            (0, Resolve::Any) => 1,
            (0, Resolve::Each) => MAX_ADDRESSES,
            (given, _) => u32::try_from(given).unwrap_or(MAX_ADDRESSES),
        };
        let each = self
            .samples
            .saturating_mul(addresses)
            .saturating_mul(self.follow_redirects + 1);
        let mut plan: Vec<Planned> = self
            .calls()
            .iter()
            .map(|call| Planned {
                what: format!("{} {}", call.method.0, call.url),
                at_most: each,
            })
            .collect();
        if self.missing_page {
            plan.push(Planned::once(format!("GET {}", self.missing_path())));
        }
        for path in self.exposed_paths() {
            plan.push(Planned::once(format!("GET {}", self.joined(&path))));
        }
        plan.extend(
            self.behind_url()
                .map(|url| Planned::once(format!("GET {url}"))),
        );
        plan
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        observe::observe(self, cx).await
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts, cx.now)
    }

    fn for_assert(facts: &Facts) -> serde_json::Value {
        facts.for_assert()
    }
}

impl Http {
    /// Every request of the check, in order.
    fn calls(&self) -> Vec<Call<'_>> {
        let list = if self.steps.is_empty() {
            &self.requests
        } else {
            &self.steps
        };
        if list.is_empty() {
            return vec![Call {
                name: String::new(),
                url: self.url.clone(),
                method: &self.method,
                headers: self.headers.iter().collect(),
                auth: self.auth.as_ref(),
                cookies: self.cookies.iter().collect(),
                body: self.body.as_ref(),
                json: self.json.as_ref(),
                capture: None,
                expect: &self.expect,
            }];
        }
        list.iter().map(|step| self.call_of(step)).collect()
    }

    /// A step's request. What the check sends goes along only to its own origin.
    fn call_of<'a>(&'a self, step: &'a Step) -> Call<'a> {
        let url = self.joined(step.url.as_deref().unwrap_or_default());
        let same = same_origin(&self.url, &url);
        let shared = |list: &'a Ordered<Secret>, own: &'a Ordered<Secret>| {
            let mut all: Vec<(&str, &Secret)> = Vec::new();
            if same && !step.anonymous {
                all.extend(list.iter().filter(|(name, _)| {
                    !own.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
                }));
            }
            all.extend(own.iter());
            all
        };
        Call {
            name: step.title(&url),
            method: &step.method,
            headers: shared(&self.headers, &step.headers),
            auth: step
                .auth
                .as_ref()
                .or_else(|| self.auth.as_ref().filter(|_| same && !step.anonymous)),
            cookies: shared(&self.cookies, &step.cookies),
            body: step.body.as_ref(),
            json: step.json.as_ref(),
            capture: Some(&step.capture).filter(|_| !self.steps.is_empty()),
            expect: step.expect.as_ref().unwrap_or(if self.steps.is_empty() {
                &self.expect
            } else {
                &spec::DEFAULT_EXPECT
            }),
            url,
        }
    }

    /// A path or URL of a step made absolute; placeholders survive.
    fn joined(&self, url: &str) -> String {
        if url.is_empty() {
            return self.url.clone();
        }
        if url.contains("://") || url.starts_with("{{") {
            return url.to_owned();
        }
        let Ok(mut base) = Url::parse(&self.url) else {
            return url.to_owned();
        };
        let origin = base.origin().ascii_serialization();
        base.set_query(None);
        base.set_fragment(None);
        if url.starts_with('?') {
            format!("{base}{url}")
        } else if let Some(path) = url.strip_prefix('/') {
            format!("{origin}/{path}")
        } else {
            // Relative to the base as to a folder: `steps: [{url: login}]` under `…/api/v1`.
            format!("{}/{url}", base.as_str().trim_end_matches('/'))
        }
    }

    /// A URL that cannot exist, the same in plan and observation.
    fn missing_path(&self) -> String {
        self.joined("/readyctl-asks-for-a-page-that-does-not-exist-7f3a9c")
    }

    /// The paths that must not be public.
    fn exposed_paths(&self) -> Vec<String> {
        self.exposes_nothing
            .0
            .as_ref()
            .map(Exposed::list)
            .unwrap_or_default()
    }
}

/// Whether two URLs, placeholders included, have the same scheme, host and port.
fn same_origin(a: &str, b: &str) -> bool {
    match (Url::parse(a), Url::parse(b)) {
        (Ok(a), Ok(b)) => a.origin() == b.origin(),
        _ => false,
    }
}
