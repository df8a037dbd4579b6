//! What a Prometheus server and its Alertmanager said.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::outcome::Fault;

/// Everything that was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The answers to expressions.
    pub(super) answers: Vec<Answer>,
    /// Milliseconds by which the server's clock is ahead of ours.
    pub(super) ahead_ms: Option<i64>,
    /// What the server's clock says, in seconds since 1970.
    pub(super) time: Option<f64>,
    /// The targets, or why they are not known.
    pub(super) targets: Option<Result<Vec<Target>, Fault>>,
    /// The rules, or why they are not known.
    pub(super) rules: Option<Result<Vec<Rule>, Fault>>,
    /// The state of the server, or why it is not known.
    pub(super) runtime: Option<Result<Runtime, Fault>>,
    /// Addresses of the Alertmanagers that the server sends to, or why they are not known.
    pub(super) notifies: Option<Result<Vec<String>, Fault>>,
    /// What the Alertmanager said, or why nothing.
    pub(super) alertmanager: Option<Result<Manager, Fault>>,
}

impl Facts {
    /// The answer to an expression.
    pub(super) fn answer(&self, ask: &super::spec::Ask) -> Option<&Answer> {
        let ask = ask.to_string();
        self.answers.iter().find(|answer| answer.ask == ask)
    }
}

/// The answer to an expression.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Answer {
    /// What was asked.
    pub(super) ask: String,
    /// `vector`, `scalar`, `matrix` or `string`; empty when there was an error.
    pub(super) kind: String,
    /// How many series.
    pub(super) count: usize,
    /// How many different times have a value.
    pub(super) times: u64,
    /// The series, as many as are kept.
    pub(super) series: Vec<Series>,
    /// Whether some were not kept.
    pub(super) more: bool,
    /// Warnings that came along: the answer may be a part only.
    pub(super) warnings: Vec<String>,
    /// Why the server refused the expression.
    pub(super) error: Option<String>,
}

/// One series.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Series {
    /// `name{label="value"}`.
    pub(super) name: String,
    /// The bucket edge, for histograms.
    pub(super) le: Option<String>,
    /// Its values; one that is NaN or infinite is none.
    pub(super) values: Vec<Option<f64>>,
}

/// A target.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Target {
    /// Its job.
    pub(super) job: String,
    /// The address that is scraped.
    pub(super) url: String,
    /// `up`, `down` or `unknown`.
    pub(super) health: String,
    /// Why it is down.
    pub(super) error: String,
    /// When it was last scraped, in seconds since 1970; none when never.
    pub(super) last: Option<f64>,
    /// Its scrape interval in seconds.
    pub(super) interval: Option<f64>,
}

/// A rule.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Rule {
    /// Its group.
    pub(super) group: String,
    /// Its name.
    pub(super) name: String,
    /// Whether it alerts; it records otherwise.
    pub(super) alerting: bool,
    /// Its expression, white space as single spaces.
    pub(super) expr: String,
    /// `ok`, `err` or `unknown`.
    pub(super) health: String,
    /// Why its last evaluation failed.
    pub(super) error: String,
    /// When it was last evaluated, in seconds since 1970; none when never.
    pub(super) last: Option<f64>,
    /// Its interval in seconds.
    pub(super) interval: f64,
    /// Its labels.
    pub(super) labels: Vec<(String, String)>,
    /// The labels of its firing alerts, at most ten.
    pub(super) firing: Vec<Vec<(String, String)>>,
}

/// The state of the server.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Runtime {
    /// Retention as it says it: `15d`, `15d or 10GiB`.
    pub(super) retention: Option<String>,
    /// Whether the configuration on disk is the one that is used.
    pub(super) reloaded: Option<bool>,
}

/// The state of an Alertmanager.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Manager {
    /// Names of receivers.
    pub(super) receivers: Vec<String>,
    /// Whether any of them has an integration; none when the configuration is not shown.
    pub(super) notifies: Option<bool>,
    /// Silences that are active.
    pub(super) silences: Vec<Silence>,
    /// Names of the alerts it holds and does not suppress.
    pub(super) alerts: Vec<String>,
}

/// A silence.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Silence {
    /// What it silences.
    pub(super) matchers: String,
    /// Whether that is everything.
    pub(super) everything: bool,
    /// When it begins.
    pub(super) starts: Timestamp,
    /// When it ends.
    pub(super) ends: Timestamp,
}
