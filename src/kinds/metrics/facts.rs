//! What a scrape showed: counts and the values that expectations read, never the whole page.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::exposition::{Format, MetricType, Problem};
use crate::outcome::Fault;

/// Everything that was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The first scrape; none when only the refusal is looked at.
    pub(super) page: Option<Page>,
    /// The second one.
    pub(super) second: Option<Page>,
    /// Counters that fell between the two, at most ten.
    pub(super) fell: Vec<String>,
    /// Requests in between: path and status, or why there was none.
    pub(super) between: Vec<(String, Result<u16, Fault>)>,
    /// What came back without credentials.
    pub(super) anonymous: Option<Anonymous>,
}

/// One scrape.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Page {
    /// When it was there.
    pub(super) at: Timestamp,
    /// Milliseconds until it was read.
    pub(super) took_ms: u64,
    /// The media type it says it is.
    pub(super) content_type: Option<String>,
    /// Its size in bytes.
    pub(super) size: u64,
    /// What it is when it is no page of metrics.
    pub(super) other: Option<String>,
    /// Which format it is.
    pub(super) format: Option<Format>,
    /// How many series.
    pub(super) series: usize,
    /// How many families.
    pub(super) families: usize,
    /// The first rules of the format that it breaks.
    pub(super) problems: Vec<Problem>,
    /// How many more there are.
    pub(super) more_problems: usize,
    /// The largest families with how many series each.
    pub(super) largest: Vec<(String, usize)>,
    /// The labels with the most values: family, label, how many.
    pub(super) widest: Vec<(String, String, usize)>,
    /// Labels that are forbidden and there: family, label.
    pub(super) forbidden: Vec<(String, String)>,
    /// Secrets in label values: family, label, what.
    pub(super) leaks: Vec<(String, String, String)>,
    /// The families that expectations name.
    pub(super) known: Vec<Known>,
    /// What the selectors of the expectations select.
    pub(super) selected: Vec<Selected>,
    /// The histograms that expectations name, in their order.
    pub(super) histograms: Vec<Buckets>,
    /// The figures of the process.
    pub(super) process: Process,
}

impl Page {
    /// What a selector selects.
    pub(super) fn selected(&self, select: &str) -> Option<&Selected> {
        self.selected.iter().find(|found| found.select == select)
    }
}

/// A family that an expectation names.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Known {
    /// Its name, as asked.
    pub(super) name: String,
    /// Its type; none when there is no such family.
    pub(super) kind: Option<MetricType>,
    /// How many series; of a histogram every bucket is one.
    pub(super) series: usize,
    /// Labels that not every series has: label, how many have none, an example.
    pub(super) without: Vec<(String, usize, String)>,
    /// Label values that were looked for in vain: label, value.
    pub(super) absent: Vec<(String, String)>,
}

/// What a selector selects.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Selected {
    /// The selector.
    pub(super) select: String,
    /// How many series.
    pub(super) count: usize,
    /// How many of them are NaN or infinite.
    pub(super) not_finite: usize,
    /// All finite values together.
    pub(super) sum: f64,
    /// The series with their values, at most [`MAX_VALUES`]; a value that is not finite is none.
    pub(super) values: Vec<(String, Option<f64>)>,
    /// Values of the label that an expectation reads, with the series.
    pub(super) labels: Vec<(String, String)>,
}

/// Most values of one selector that are kept.
pub(super) const MAX_VALUES: usize = 1000;

/// A histogram, all selected series added up.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Buckets {
    /// How many series of buckets were added.
    pub(super) series: usize,
    /// Upper edges with cumulative counts, ascending; the last edge, infinity, is `None`.
    pub(super) edges: Vec<(Option<f64>, f64)>,
    /// Whether the series have different edges, so that they cannot be added.
    pub(super) mixed: bool,
}

/// The figures of the process; none when the page has none or several.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Process {
    /// Open file descriptors.
    pub(super) open_fds: Option<f64>,
    /// How many it may open.
    pub(super) max_fds: Option<f64>,
    /// Resident memory in bytes.
    pub(super) memory: Option<f64>,
    /// When it started, in seconds since 1970.
    pub(super) started: Option<f64>,
}

/// What came back without credentials.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Anonymous {
    /// The status.
    pub(super) status: Option<u16>,
    /// Whether metrics were given.
    pub(super) metrics: bool,
    /// Why there was no answer.
    pub(super) fault: Option<Fault>,
}
