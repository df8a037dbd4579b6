//! What YAML says about a measurement.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::series::Quantile;
use super::share::Share;
use crate::expect::{ByteSize, Ordered, Secret, TimeSpan};
use crate::kinds::http::{StatusRule, Verb};

/// One of several things to ask, measured and judged by itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Item {
    /// What findings call it; its method and path by default. A baseline finds it by this name.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// Path or URL, resolved against `url` of the check: `/api/v1/search?q=a`. The same host only.
    pub(super) url: String,
    /// The method; the check's by default.
    #[serde(default)]
    pub(super) method: Option<Verb>,
    /// The body to send, as text; with `Content-Type: application/json` unless `headers` say
    /// otherwise.
    #[serde(default)]
    pub(super) body: Option<Secret>,
    /// What must hold for it, instead of the check's `expect`.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
}

/// What must hold for each of the requests. An answer is an error unless its status is 200 to 299
/// and its body complete; errors are never fast, and a request that times out is as slow as that.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// The status of an answer that is no error: `200`, `2xx`, a list of these, or operators.
    #[serde(default)]
    pub(super) status: Option<StatusRule>,
    /// The median must not exceed this. It takes 5 requests to say so.
    #[serde(default)]
    pub(super) p50: Option<TimeSpan>,
    /// 95 % of the requests must not take longer. It takes 59 requests to say so.
    #[serde(default)]
    pub(super) p95: Option<TimeSpan>,
    /// 99 % of the requests must not take longer. It takes 299 requests to say so.
    #[serde(default)]
    pub(super) p99: Option<TimeSpan>,
    /// 99.9 % of the requests must not take longer. It takes 2995 requests to say so.
    #[serde(default)]
    pub(super) p999: Option<TimeSpan>,
    /// No request at all may take longer.
    #[serde(default)]
    pub(super) max: Option<TimeSpan>,
    /// Shares of the requests that must succeed within a time: `{ 500ms: 99.9% }`. Errors count as
    /// not within. Needs as many requests as the percentile of the same share.
    #[serde(default)]
    pub(super) within: Ordered<Share>,
    /// Largest share of requests that may fail; none by default, unless `min_success_rate` or
    /// `max_outage` say what may.
    #[serde(default)]
    pub(super) max_error_rate: Option<Share>,
    /// Least share of requests that must succeed: `99.95%`.
    #[serde(default)]
    pub(super) min_success_rate: Option<Share>,
    /// Longest time of the very first request, connecting included: a cold start.
    #[serde(default)]
    pub(super) max_cold: Option<TimeSpan>,
    /// How many times slower the median may be under this load than one request at a time (the
    /// warm-up): `2` allows twice.
    #[serde(default)]
    pub(super) max_slowdown: Option<f64>,
    /// Whether the times must form one group: two groups far apart show that one of several
    /// backends is slow.
    #[serde(default)]
    pub(super) unimodal: bool,
    /// Largest body of an answer, decoded.
    #[serde(default)]
    pub(super) max_size: Option<ByteSize>,
}

/// Growth of the service's memory, read from its own metrics.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Memory {
    /// Path or URL of the metrics in Prometheus text format, resolved against `url`.
    pub(super) url: String,
    /// Gauge to read; `process_resident_memory_bytes` by default. Several series are added up.
    #[serde(default = "resident")]
    pub(super) metric: String,
    /// How much it may grow between the end of the warm-up and the end of the run: a share of what
    /// it was, `20%`, or a size, `64MiB`.
    pub(super) max_growth: Growth,
    /// How long to wait after the last answer before reading again; `1s` by default.
    #[serde(default = "second")]
    pub(super) settle: TimeSpan,
    /// Headers for the metrics only; empty values are not sent. Those of the check are not used.
    #[serde(default)]
    pub(super) headers: Ordered<Secret>,
}

/// Default of `metric`.
fn resident() -> String {
    "process_resident_memory_bytes".to_owned()
}

/// Default of `settle`.
fn second() -> TimeSpan {
    TimeSpan::seconds(1)
}

/// How much something may grow: relative or absolute.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Growth {
    /// A share of what it was; above one is more than twice as much.
    Relative(f64),
    /// So many bytes.
    Absolute(ByteSize),
}

impl std::fmt::Display for Growth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Relative(share) => write!(f, "{:.1} %", share * 100.0),
            Self::Absolute(size) => size.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Growth {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let text = crate::expect::text::scalar(deserializer)?;
        let wrong = || {
            D::Error::custom(
                "expected a share or a size; help: write it like `20%` or `64MiB`".to_owned(),
            )
        };
        match text.trim().strip_suffix('%') {
            Some(percent) => percent
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|percent| percent.is_finite() && *percent >= 0.0)
                .map(|percent| Self::Relative(percent / 100.0))
                .ok_or_else(wrong),
            None => text.parse().map(Self::Absolute).map_err(|_| wrong()),
        }
    }
}

impl JsonSchema for Growth {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Growth".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "A share of what it was, `20%`, or a size, `64MiB`." })
    }
}

/// An earlier run to compare with.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Baseline {
    /// The JSON report of an earlier audit (`--report json=PATH`).
    pub(super) report: PathBuf,
    /// Id of the check in that report; this check's own by default.
    #[serde(default)]
    pub(super) check: Option<String>,
    /// How much slower, beyond what chance explains, p50, p95 and p99 may be; `10%` by default.
    #[serde(default = "tenth")]
    pub(super) tolerance: Share,
}

/// Default of `tolerance`.
fn tenth() -> Share {
    Share(0.1)
}

/// What to do about answers that a cache gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cached {
    /// Advice when every answer came from a cache: the service itself was not measured.
    #[default]
    Noticed,
    /// The cache is what is measured.
    Allowed,
    /// A single such answer is a fault.
    Refused,
}

/// Whether connections are used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Connections {
    /// As browsers and pools of clients do.
    #[default]
    Reused,
    /// A new one for each request: connecting and TLS count, and a load balancer chooses anew.
    New,
}

impl Expect {
    /// The bound of a percentile.
    pub(super) fn bound(&self, quantile: Quantile) -> Option<TimeSpan> {
        match quantile {
            Quantile::P50 => self.p50,
            Quantile::P95 => self.p95,
            Quantile::P99 => self.p99,
            Quantile::P999 => self.p999,
        }
    }

    /// Declared shares within a time, with the times read.
    pub(super) fn shares(&self) -> impl Iterator<Item = (TimeSpan, Share)> + '_ {
        self.within
            .iter()
            .filter_map(|(time, share)| time.parse().ok().map(|time| (time, *share)))
    }

    /// Requests that must be measured so that everything declared can be judged.
    pub(super) fn needed(&self) -> u32 {
        let quantiles = Quantile::ALL
            .into_iter()
            .filter(|quantile| self.bound(*quantile).is_some())
            .map(Quantile::needed);
        let shares = self
            .shares()
            .map(|(_, share)| super::series::needed(share.0));
        let groups = self.unimodal.then_some(super::series::GROUPS_NEED);
        quantiles.chain(shares).chain(groups).max().unwrap_or(1)
    }

    /// Share of requests that may fail; `None` when nothing is said about single requests.
    pub(super) fn allowed_errors(&self, outage_allowed: bool) -> Option<Share> {
        match (self.max_error_rate, self.min_success_rate) {
            (Some(errors), Some(success)) => Some(Share(errors.0.min(1.0 - success.0))),
            (Some(errors), None) => Some(errors),
            (None, Some(success)) => Some(Share(1.0 - success.0)),
            (None, None) if outage_allowed => None,
            (None, None) => Some(Share(0.0)),
        }
    }

    /// Whether an answer of this status is no error.
    pub(super) fn accepts(&self, status: u16) -> bool {
        match &self.status {
            Some(rule) => rule.accepts(status),
            None => (200..300).contains(&status),
        }
    }
}
