//! What YAML says about a page of metrics.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::expect::{ByteSize, Matcher, Ordered, TimeSpan};
use crate::exposition::{MetricType, Selector};
use crate::kinds::http::Word;

/// Default of `max_body`.
pub(super) fn max_body() -> ByteSize {
    ByteSize(crate::exposition::MAX_BODY)
}

/// Labels that have a value of their own for every user or request.
const UNBOUNDED_LABELS: &[&str] = &[
    "user_id",
    "userid",
    "email",
    "session_id",
    "request_id",
    "trace_id",
    "span_id",
    "client_ip",
    "ip_address",
];

/// What a family must be.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FamilyRule {
    /// The type that the page must declare.
    #[serde(default, rename = "type")]
    pub(super) kind: Option<MetricType>,
    /// Labels that every series of the family must have, not empty.
    #[serde(default)]
    pub(super) labels: Vec<String>,
    /// Label to values that must each be there in some series: `{ heap: [insert, get] }`.
    #[serde(default)]
    pub(super) values: Ordered<Vec<String>>,
    /// Fewest series; 1 by default.
    #[serde(default)]
    pub(super) min_series: Option<usize>,
    /// Most series.
    #[serde(default)]
    pub(super) max_series: Option<usize>,
}

impl Word for FamilyRule {
    const WORDS: &'static str =
        "`true`, one of `counter`, `gauge`, `histogram`, `summary`, or a mapping";
    fn from_word(word: &str) -> Option<Self> {
        let kind = serde_json::from_value(Value::from(word)).ok()?;
        Some(Self {
            kind: Some(kind),
            ..Self::default()
        })
    }
}

/// What an empty selection means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnEmpty {
    /// Red.
    #[default]
    Fail,
    /// Not known: an error.
    Unknown,
    /// Fine.
    Pass,
}

/// What the selected series must be. NaN and infinity never match.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SampleRule {
    /// Name in findings; the selector unless given.
    #[serde(default)]
    pub(super) title: Option<String>,
    /// Which series.
    pub(super) select: Selector,
    /// What the value of each must be.
    #[serde(default)]
    pub(super) value: Option<Matcher>,
    /// What all values together must be.
    #[serde(default)]
    pub(super) sum: Option<Matcher>,
    /// How many series there must be.
    #[serde(default)]
    pub(super) count: Option<Matcher>,
    /// What it means when there is no such series: `fail` (default), `unknown` or `pass`.
    #[serde(default)]
    pub(super) on_empty: OnEmpty,
}

/// A quotient of two sums.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatioRule {
    /// Name in findings.
    pub(super) title: String,
    /// Series of the part: `http_requests_total{status=~"5.."}`.
    pub(super) of: Selector,
    /// Series of the whole: `http_requests_total`.
    pub(super) to: Selector,
    /// What part divided by whole must be.
    pub(super) is: Matcher,
    /// What the whole must at least be for the quotient to mean something; 1 by default.
    #[serde(default = "one")]
    pub(super) min_total: f64,
    /// Counts a part without any series as 0: many services show an error counter only after the
    /// first error. The whole must be there all the same.
    #[serde(default)]
    pub(super) no_part_is_zero: bool,
}

/// Default of `min_total`.
fn one() -> f64 {
    1.0
}

/// A bound that most observations of a histogram must keep. Judged by counting whole buckets, never
/// by interpolation: without a bucket edge near the bound the answer is "unknown".
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuantileRule {
    /// The histogram, without `_bucket`; labels narrow it down: `vector_query_seconds{op="knn"}`.
    pub(super) histogram: Selector,
    /// Which part of the observations, `0.99`.
    pub(super) quantile: f64,
    /// The bound, as a length of time; for histograms of seconds.
    #[serde(default)]
    pub(super) max: Option<TimeSpan>,
    /// The bound, as a number in the unit of the histogram.
    #[serde(default)]
    pub(super) max_value: Option<f64>,
    /// Fewest observations; by default as many as one of them is outside: 100 for `0.99`.
    #[serde(default)]
    pub(super) min_count: Option<u64>,
}

impl QuantileRule {
    /// The bound in the unit of the histogram.
    pub(super) fn bound(&self) -> Option<f64> {
        match (self.max, self.max_value) {
            (Some(span), None) => Some(span.0.as_secs_f64()),
            (None, Some(value)) => Some(value),
            _ => None,
        }
    }

    /// The fewest observations.
    pub(super) fn enough(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "nobody asks for so many")]
        self.min_count.map_or_else(
            || (1.0 / (1.0 - self.quantile)).round(),
            |count| count as f64,
        )
    }
}

/// A second look after a while.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondScrape {
    /// Time between the two, 1s to 5m; 15s by default. The check's `timeout` must be longer.
    #[serde(default = "fifteen_seconds")]
    pub(super) after: TimeSpan,
    /// Paths of the same origin to ask once in between, so that there is traffic to count.
    #[serde(default)]
    pub(super) request: Vec<String>,
    /// Series whose sum must be larger the second time.
    #[serde(default)]
    pub(super) increases: Vec<Selector>,
    /// Series whose sum may only change so much: `{ select: app_queue_depth, is: { lte: 10 } }`.
    #[serde(default)]
    pub(super) change: Vec<ChangeRule>,
}

impl SecondScrape {
    /// Every selector it reads.
    pub(super) fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let changes = self.change.iter().map(|rule| &rule.select);
        self.increases.iter().chain(changes)
    }
}

/// Default of `after`.
fn fifteen_seconds() -> TimeSpan {
    TimeSpan::seconds(15)
}

/// How much a sum may change between two scrapes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeRule {
    /// Which series.
    pub(super) select: Selector,
    /// What the second sum minus the first must be.
    pub(super) is: Matcher,
}

/// The figures that client libraries export about the process itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProcessRule {
    /// Most file descriptors in use, in percent: `process_open_fds` of `process_max_fds`.
    #[serde(default)]
    pub(super) max_open_fds: Option<f64>,
    /// Most memory in use: `process_resident_memory_bytes`.
    #[serde(default)]
    pub(super) max_memory: Option<ByteSize>,
    /// Most that the memory may grow until the second scrape; with `second_scrape`.
    #[serde(default)]
    pub(super) max_memory_growth: Option<ByteSize>,
    /// Shortest time the process must have run: `process_start_time_seconds`.
    #[serde(default)]
    pub(super) min_uptime: Option<TimeSpan>,
}

/// How many series there may be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cardinality {
    /// Most series of the page; 10000 by default.
    pub(super) max_series: usize,
    /// Most values of one label of one family; 500 by default.
    pub(super) max_label_values: usize,
    /// Labels that no series may have, because every user or request has its own value; `user_id`,
    /// `email`, `session_id`, `request_id`, `trace_id`, `client_ip` and the like by default.
    pub(super) forbidden_labels: Vec<String>,
}

impl Default for Cardinality {
    fn default() -> Self {
        Self {
            max_series: 10_000,
            max_label_values: 500,
            forbidden_labels: UNBOUNDED_LABELS.iter().map(|l| (*l).to_owned()).collect(),
        }
    }
}

impl Word for Cardinality {}

/// The release that runs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionRule {
    /// The series that says it: `app_build_info`.
    pub(super) select: Selector,
    /// Its label; `version` by default.
    #[serde(default = "version")]
    pub(super) label: String,
    /// What it must be, in every selected series.
    pub(super) is: Matcher,
}

/// Default of `label`.
fn version() -> String {
    "version".to_owned()
}
