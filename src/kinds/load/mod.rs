//! Latency, errors and availability under a small, bounded load.

mod baseline;
mod facts;
mod faults;
mod judge;
mod judge_run;
mod memory;
mod problems;
mod run;
mod series;
mod share;
mod spec;
mod tally;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::http::Verb;
use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::exchange::shown_url;
use crate::expect::{Ordered, Secret, TimeSpan};
use crate::outcome::{Fault, Finding};

use facts::Facts;
use spec::{Baseline, Cached, Connections, Expect, Item, Memory};

/// Requests a second when nobody says otherwise.
const DEFAULT_RATE: f64 = 10.0;
/// Requests measured when no expectation needs more.
const DEFAULT_SAMPLES: u32 = 60;

/// How much may be sent.
struct Caps {
    /// Measured requests.
    requests: u32,
    /// Rounds of the warm-up.
    warm_up: u32,
    /// Requests a second.
    rate: f64,
    /// Requests under way at once.
    concurrency: u32,
    /// Length of the run, in seconds.
    seconds: u64,
    /// Bytes of bodies read.
    bytes: u64,
}

/// What is harmless for any service that is meant for the public.
const MODEST: Caps = Caps {
    requests: 600,
    warm_up: 20,
    rate: 20.0,
    concurrency: 64,
    seconds: 60,
    bytes: 64 << 20,
};

/// What `allow_load: true` permits.
const LOAD: Caps = Caps {
    requests: 200_000,
    warm_up: 1000,
    rate: 2000.0,
    concurrency: 512,
    seconds: 3600,
    bytes: 4 << 30,
};

/// Measures latency percentiles, errors and availability with a bounded number of requests.
///
/// After a warm-up it starts requests at a steady `rate`, 10 a second by default, whether or not
/// earlier ones were answered, and takes each one's time from the moment it was due: a service that
/// stalls cannot hide it. With `concurrency` and no `rate` it keeps so many under way instead.
/// Percentiles are by nearest rank and judged only with enough requests. It stops at the first 429
/// and when a fifth of the requests fails, and is never green then.
///
/// At most 600 requests, 20 a second, one minute; `allow_load: true` permits 200000, 2000 and one
/// hour. The check's `timeout` must leave time for the run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Load {
    /// The URL to ask; for `requests` the base of theirs.
    url: String,
    /// Several things to ask in turn, each judged by itself.
    #[serde(default)]
    requests: Vec<Item>,
    /// The method. GET and HEAD need no permission; any other needs `unsafe_method: true`.
    #[serde(default)]
    method: Verb,
    /// Allows methods other than GET and HEAD, which are then sent as often as the run says.
    #[serde(default)]
    unsafe_method: bool,
    /// The body to send, as text; with `Content-Type: application/json` unless `headers` say
    /// otherwise.
    #[serde(default)]
    body: Option<Secret>,
    /// Headers to send, credentials among them: `Authorization: "Bearer ${token}"`. Empty values are
    /// not sent.
    #[serde(default)]
    headers: Ordered<Secret>,
    /// Requests to start a second, all of `requests` together: `10`, `0.5`.
    #[serde(default)]
    rate: Option<f64>,
    /// Requests under way at once. With a `rate` the most there may be, 64 by default: what is due
    /// beyond that waits, and the wait counts. Without one, how many clients ask again as soon as
    /// they are answered; that needs `allow_load: true`.
    #[serde(default)]
    concurrency: Option<u32>,
    /// Requests to measure of each of `requests`; by default as many as the expectations need, and
    /// 60 at least.
    #[serde(default)]
    samples: Option<u32>,
    /// How long to measure, instead of `samples`: for watching a roll-out.
    #[serde(default)]
    duration: Option<TimeSpan>,
    /// Rounds of single requests before the run, whose times do not count; 3 by default, 10 for
    /// `max_slowdown`, 1 at least.
    #[serde(default)]
    warm_up: Option<u32>,
    /// When to give up on a request, which is then a timeout; `3s` by default.
    #[serde(default = "default_patience")]
    request_timeout: TimeSpan,
    /// Whether connections are `reused` (the default) or `new` for each request.
    #[serde(default)]
    connections: Connections,
    /// Allows more than a modest load: see above for the limits.
    #[serde(default)]
    allow_load: bool,
    /// What must hold for each of the requests. Without it, none may fail.
    #[serde(default)]
    expect: Expect,
    /// Longest interruption: from the start of a request that failed to that of the next one that
    /// did not. `0s` allows no failed request. Errors do not end the run then.
    #[serde(default)]
    max_outage: Option<TimeSpan>,
    /// Least successful answers a second, of all requests together. It must be said how fast to
    /// ask: with `rate` or `concurrency`.
    #[serde(default)]
    min_throughput: Option<f64>,
    /// Growth of the service's memory during the run.
    #[serde(default)]
    memory: Option<Memory>,
    /// An earlier run to compare p50, p95 and p99 with.
    #[serde(default)]
    baseline: Option<Baseline>,
    /// Answers of a cache: `noticed` (the default: advice when there were no others), `allowed` or
    /// `refused`.
    #[serde(default)]
    cached: Cached,
    /// A PEM file of certificate authorities to trust besides the system's; empty means none.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// Whether link-local addresses, where clouds keep their metadata services, may be asked;
    /// default false.
    #[serde(default)]
    allow_link_local: bool,
}

/// Default of `request_timeout`.
fn default_patience() -> TimeSpan {
    TimeSpan::seconds(3)
}

/// One of the things to ask, with the defaults filled in.
struct Target<'a> {
    /// What findings call it.
    name: String,
    /// The address; `None` only when the spec is wrong.
    url: Option<Url>,
    /// The method.
    method: &'a Method,
    /// The body.
    body: Option<&'a Secret>,
    /// What must hold.
    expect: &'a Expect,
}

impl Target<'_> {
    /// Method and address as plans and messages show them.
    fn what(&self) -> String {
        let url = self.url.as_ref().map(shown_url).unwrap_or_default();
        format!("{} {url}", self.method)
    }
}

impl Load {
    /// The URL, once it is known to be one.
    fn base(&self) -> Option<Url> {
        Url::parse(&self.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    }

    /// A path or URL against the base; only on the same origin, whose credentials these are.
    fn resolve(&self, text: &str) -> Option<Url> {
        let base = self.base()?;
        let url = base.join(text).ok()?;
        (url.origin() == base.origin()).then_some(url)
    }

    /// What is asked, in order.
    fn targets(&self) -> Vec<Target<'_>> {
        let named = |method: &Method, url: Option<&Url>| {
            format!("{method} {}", url.map(Url::path).unwrap_or_default())
        };
        if self.requests.is_empty() {
            let url = self.base();
            return vec![Target {
                name: named(&self.method.0, url.as_ref()),
                url,
                method: &self.method.0,
                body: self.body.as_ref(),
                expect: &self.expect,
            }];
        }
        self.requests
            .iter()
            .map(|item| {
                let url = self.resolve(&item.url);
                let method = item.method.as_ref().map_or(&self.method.0, |verb| &verb.0);
                let name = item.name.clone();
                Target {
                    name: name.unwrap_or_else(|| named(method, url.as_ref())),
                    url,
                    method,
                    body: item.body.as_ref(),
                    expect: item.expect.as_ref().unwrap_or(&self.expect),
                }
            })
            .collect()
    }

    /// How much may be sent.
    fn caps(&self) -> &'static Caps {
        if self.allow_load { &LOAD } else { &MODEST }
    }

    /// Requests a second; `None` for a closed loop.
    fn pace(&self) -> Option<f64> {
        match (self.rate, self.concurrency) {
            (None, Some(_)) => None,
            (rate, _) => Some(rate.unwrap_or(DEFAULT_RATE)),
        }
    }

    /// Requests under way at once.
    fn in_flight(&self) -> usize {
        let most = self.caps().concurrency.min(512);
        let most = if self.rate.is_some_and(|rate| rate > MODEST.rate) {
            most
        } else {
            most.min(MODEST.concurrency)
        };
        usize::try_from(self.concurrency.unwrap_or(most)).unwrap_or(usize::MAX)
    }

    /// Requests to measure; `None` when only the duration says when to end.
    fn total(&self) -> Option<u32> {
        let targets = self.targets();
        let count = u32::try_from(targets.len()).unwrap_or(u32::MAX);
        match (self.duration, self.pace()) {
            (Some(duration), Some(rate)) => {
                let n = (duration.0.as_secs_f64() * rate).ceil();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "saturates; a rate is positive"
                )]
                let n = n as u32;
                Some(n)
            }
            (Some(_), None) => None,
            (None, _) => {
                let needed = targets.iter().map(|target| target.expect.needed()).max();
                // A round number, and a few to spare.
                let needed = needed.unwrap_or(1).div_ceil(10).saturating_mul(10);
                let samples = self.samples.unwrap_or(needed.max(DEFAULT_SAMPLES));
                Some(samples.saturating_mul(count))
            }
        }
    }

    /// Rounds of the warm-up.
    fn rounds(&self) -> u32 {
        let slowdown = |target: &Target<'_>| target.expect.max_slowdown.is_some();
        let default = if self.targets().iter().any(slowdown) {
            10
        } else {
            3
        };
        self.warm_up.unwrap_or(default).max(1)
    }
}

impl Kind for Load {
    const NAME: &'static str = "load";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        Impact::Disruptive
    }

    fn hosts(&self) -> Vec<String> {
        self.base()
            .and_then(|url| crate::net::host_key(&url))
            .into_iter()
            .collect()
    }

    fn repeatable(&self) -> bool {
        // A second load is a second disturbance.
        false
    }

    fn problems(&self) -> Vec<SpecProblem> {
        problems::of(self)
    }

    fn plan(&self) -> Vec<Planned> {
        let targets = self.targets();
        let count = u32::try_from(targets.len()).unwrap_or(u32::MAX).max(1);
        let total = self.total().unwrap_or(self.caps().requests);
        let how = match self.pace() {
            Some(rate) => format!("at {} a second", rate / f64::from(count)),
            None => format!("by {} clients that wait for each answer", self.in_flight()),
        };
        let mut list = Vec::new();
        for target in &targets {
            let what = target.what();
            list.push(Planned {
                what: format!("{what} one at a time, to warm up"),
                at_most: self.rounds(),
            });
            list.push(Planned {
                what: format!("{what} {how}, until the first 429 or too many errors"),
                at_most: match self.pace() {
                    Some(_) => total.div_ceil(count),
                    None => total,
                },
            });
        }
        if let Some(memory) = &self.memory {
            let url = self.resolve(&memory.url).map(|url| shown_url(&url));
            list.push(Planned {
                what: format!("GET {} before and after", url.unwrap_or_default()),
                at_most: 2,
            });
        }
        if let Some(baseline) = &self.baseline {
            list.push(Planned::once(format!("read {}", baseline.report.display())));
        }
        list
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        run::observe(self, cx).await
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts)
    }
}
