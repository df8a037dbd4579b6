//! What YAML says about a Prometheus server.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::expect::{Matcher, Ordered, Pattern, TimeSpan};
use crate::exposition::Selector;
use crate::kinds::auth::Auth;
use crate::kinds::http::{Switch, Word};
use crate::kinds::metrics::OnEmpty;

/// An expression that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The expression.
    pub(super) expr: String,
    /// How far back and in which steps; an instant otherwise.
    pub(super) range: Option<(TimeSpan, TimeSpan)>,
}

impl Ask {
    /// The expression now.
    pub(super) fn instant(expr: impl Into<String>) -> Self {
        Self {
            expr: expr.into(),
            range: None,
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expr)?;
        match self.range {
            Some((range, step)) => write!(f, " (last {range}, step {step})"),
            None => Ok(()),
        }
    }
}

/// An expression and what it must give. NaN and infinity never match.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryRule {
    /// Name in findings; the expression unless given.
    #[serde(default)]
    pub(super) title: Option<String>,
    /// The expression, in PromQL. Leave the comparison out and write it as `value`.
    pub(super) expr: String,
    /// What the value of every series must be; with `range`, every value in it.
    #[serde(default)]
    pub(super) value: Option<Matcher>,
    /// How many series there must be.
    #[serde(default)]
    pub(super) count: Option<Matcher>,
    /// The expression must give exactly one series.
    #[serde(default)]
    pub(super) one: bool,
    /// What it means when the expression gives nothing: `fail` (default), `unknown`, or `pass`, which
    /// needs `exists`.
    #[serde(default)]
    pub(super) on_empty: OnEmpty,
    /// Series that must exist, so that an empty answer means what it should.
    #[serde(default)]
    pub(super) exists: Option<Selector>,
    /// How far back to look, up to 31 days; an instant unless given.
    #[serde(default)]
    pub(super) range: Option<TimeSpan>,
    /// Steps of a range, 15s at least; a hundredth of the range by default. At most 1000 steps.
    #[serde(default)]
    pub(super) step: Option<TimeSpan>,
    /// Fewest steps of the range that must have a value; half of them by default.
    #[serde(default)]
    pub(super) min_points: Option<u64>,
}

impl QueryRule {
    /// Name in findings.
    pub(super) fn title(&self) -> String {
        self.title.clone().unwrap_or_else(|| self.expr.clone())
    }

    /// The step of its range.
    pub(super) fn step(&self) -> TimeSpan {
        let hundredth = self.range.map_or(0, |range| range.as_secs().div_ceil(100));
        self.step.unwrap_or(TimeSpan::seconds(hundredth.max(15)))
    }

    /// How many steps its range has.
    pub(super) fn steps(&self) -> u64 {
        let range = self.range.map_or(0, TimeSpan::as_secs);
        range / self.step().as_secs().max(1) + 1
    }

    /// What is sent.
    pub(super) fn ask(&self) -> Ask {
        Ask {
            expr: self.expr.clone(),
            range: self.range.map(|range| (range, self.step())),
        }
    }
}

/// Targets that must be up.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetsRule {
    /// Jobs that must have targets, all of them up. Without `jobs` and `urls` every target is judged.
    #[serde(default)]
    pub(super) jobs: Vec<String>,
    /// Fewest targets of each job; 1 by default.
    #[serde(default)]
    pub(super) min: Option<usize>,
    /// Addresses that must be scraped, as Prometheus sees them: `http://api:3000/metrics`.
    #[serde(default)]
    pub(super) urls: Vec<String>,
    /// Oldest last scrape; three times the scrape interval of the target by default.
    #[serde(default)]
    pub(super) max_scrape_age: Option<TimeSpan>,
}

impl Word for TargetsRule {}

/// Rules that must be loaded.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesRule {
    /// Fewest alerting rules; 1 by default.
    #[serde(default)]
    pub(super) min_alerts: Option<usize>,
    /// Groups that must be there, by name.
    #[serde(default)]
    pub(super) groups: Vec<String>,
}

impl Word for RulesRule {}

/// Alerts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alerts {
    /// Alerting rules that must exist and be healthy: a name, or what name, expression and labels
    /// must be.
    #[serde(default)]
    pub(super) exist: Vec<Switch<AlertRule>>,
    /// No alert may fire: `true`, or which ones.
    #[serde(default)]
    pub(super) none_firing: Switch<NoneFiring>,
}

/// An alerting rule; all that is given must hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertRule {
    /// What it is for, in findings.
    #[serde(default)]
    pub(super) title: Option<String>,
    /// Its name.
    #[serde(default)]
    pub(super) name: Option<Matcher>,
    /// Found in its expression; line breaks count as spaces.
    #[serde(default)]
    pub(super) expr: Option<Pattern>,
    /// Found in its name or in its expression, `(?i)cache\w*hit`; line breaks count as spaces.
    #[serde(default)]
    pub(super) about: Option<Pattern>,
    /// Its labels.
    #[serde(default)]
    pub(super) labels: Ordered<Matcher>,
}

impl Word for AlertRule {
    const WORDS: &'static str =
        "the name of an alert, or a mapping of `name`, `expr`, `about` and `labels`";
    fn from_word(word: &str) -> Option<Self> {
        Some(Self {
            name: Some(Matcher::equals(word)),
            ..Self::default()
        })
    }
}

impl AlertRule {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.name.is_none() && self.expr.is_none() && self.about.is_none() && self.labels.is_empty()
    }
}

impl fmt::Display for AlertRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(title) = &self.title {
            return f.write_str(title);
        }
        let name = self.name.iter().map(|name| format!("named {name}"));
        let expr = self
            .expr
            .iter()
            .map(|expr| format!("over /{}/", expr.0.as_str()));
        let about = self
            .about
            .iter()
            .map(|about| format!("about /{}/", about.0.as_str()));
        let labels = self
            .labels
            .iter()
            .map(|(label, is)| format!("with {label} {is}"));
        f.write_str(
            &name
                .chain(expr)
                .chain(about)
                .chain(labels)
                .collect::<Vec<_>>()
                .join(", "),
        )
    }
}

/// Alerts that may not fire.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoneFiring {
    /// Only alerts with these labels: `{ severity: critical }`.
    #[serde(default)]
    pub(super) labels: Ordered<Matcher>,
    /// Alerts that may fire, by name. Dead man's switches may anyway.
    #[serde(default)]
    pub(super) except: Vec<String>,
}

impl Word for NoneFiring {}

/// An error budget, and how fast it may burn: red when the errors exceed a multiple of the budget
/// over a long and a short window at once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BurnRate {
    /// Name in findings.
    pub(super) title: String,
    /// The objective, in percent: `99.9`.
    pub(super) slo: f64,
    /// Rate of bad events, with `[window]` as its window:
    /// `sum(rate(http_requests_total{status=~"5.."}[window]))`. Either this or `good`.
    #[serde(default)]
    pub(super) errors: Option<String>,
    /// Rate of good events, for latency:
    /// `sum(rate(http_request_duration_seconds_bucket{le="0.5"}[window]))`.
    #[serde(default)]
    pub(super) good: Option<String>,
    /// Rate of all events: `sum(rate(http_requests_total[window]))`.
    pub(super) total: String,
    /// Pairs of windows with their factors; by default 1h/5m at 14.4, 6h/30m at 6, 1d/2h at 3 and
    /// 3d/6h at 1, which fit a period of 30 days.
    #[serde(default = "usual_windows")]
    pub(super) windows: Vec<Window>,
    /// Fewest events in the long window, below which a share means nothing; 100 by default.
    #[serde(default = "hundred")]
    pub(super) min_events: f64,
    /// Counts an `errors` expression that gives nothing as 0: many services show an error series
    /// only after the first error. Only for expressions known to be right.
    #[serde(default)]
    pub(super) no_errors_is_zero: bool,
    /// Period of the objective, for `min_remaining`; 30d by default.
    #[serde(default = "thirty_days")]
    pub(super) period: TimeSpan,
    /// Least part of the budget of the period that must be left, in percent.
    #[serde(default)]
    pub(super) min_remaining: Option<f64>,
}

/// A pair of windows.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    /// The long one: whether much of the budget is gone.
    pub(super) long: TimeSpan,
    /// The short one: whether it still burns.
    pub(super) short: TimeSpan,
    /// How many times faster than evenly over the period.
    pub(super) factor: f64,
}

/// Default of `windows`.
fn usual_windows() -> Vec<Window> {
    [
        (1, 300, 14.4),
        (6, 1800, 6.0),
        (24, 7200, 3.0),
        (72, 21_600, 1.0),
    ]
    .map(|(hours, short, factor)| Window {
        long: TimeSpan::seconds(hours * 3600),
        short: TimeSpan::seconds(short),
        factor,
    })
    .to_vec()
}

/// Default of `min_events`.
fn hundred() -> f64 {
    100.0
}

/// Default of `period`.
fn thirty_days() -> TimeSpan {
    TimeSpan::seconds(30 * 86_400)
}

/// A histogram and a threshold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BucketRule {
    /// The histogram, without `_bucket`.
    pub(super) histogram: Selector,
    /// The threshold as a length of time; for histograms of seconds.
    #[serde(default)]
    pub(super) threshold: Option<TimeSpan>,
    /// The threshold as a number in the unit of the histogram.
    #[serde(default)]
    pub(super) value: Option<f64>,
}

impl BucketRule {
    /// The threshold in the unit of the histogram.
    pub(super) fn bound(&self) -> Option<f64> {
        match (self.threshold, self.value) {
            (Some(span), None) => Some(span.0.as_secs_f64()),
            (None, Some(value)) => Some(value),
            _ => None,
        }
    }

    /// What is sent.
    pub(super) fn ask(&self) -> Ask {
        Ask::instant(format!(
            "count by (le) ({})",
            self.histogram.renamed("_bucket")
        ))
    }
}

/// The Alertmanager.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alertmanager {
    /// Its address. Without it only this is judged: that Prometheus knows one.
    #[serde(default)]
    pub(super) url: Option<String>,
    /// Credentials to send to it.
    #[serde(default)]
    pub(super) auth: Option<Auth>,
    /// Receivers that must be configured, by name.
    #[serde(default)]
    pub(super) receivers: Vec<String>,
    /// Longest silence; 30d by default.
    #[serde(default = "thirty_days")]
    pub(super) max_silence: TimeSpan,
}

/// An alert that always fires.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeadMan {
    /// Its name, as a regular expression; `true` stands for `Watchdog` and the like.
    #[serde(default)]
    pub(super) alert: Option<Pattern>,
}

impl DeadMan {
    /// Whether an alert of this name is meant.
    pub(super) fn is(&self, name: &str) -> bool {
        match &self.alert {
            Some(pattern) => pattern.0.is_match(name),
            None => is_dead_man(name),
        }
    }
}

/// Whether an alert is usually named so that is meant to fire always.
pub(super) fn is_dead_man(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "watchdog" || (name.starts_with("dead") && name.contains("man"))
}

impl Word for DeadMan {
    const WORDS: &'static str = "`true`, the name of the alert, or a mapping";
    fn from_word(word: &str) -> Option<Self> {
        let pattern = Pattern::new(&format!("^(?:{word})$")).ok()?;
        Some(Self {
            alert: Some(pattern),
        })
    }
}
