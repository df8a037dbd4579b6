//! The exposition formats of Prometheus and OpenMetrics: parsing, validity, selectors, scraping.
//!
//! A collector refuses a whole page for one bad line, so nothing is skipped silently here: whatever
//! breaks a rule of the format becomes a [`Problem`] with its line.

mod lines;
mod page;
mod scrape;
mod selector;
#[cfg(test)]
mod tests;
mod validity;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use page::parse;
pub(crate) use scrape::{Content, MAX_BODY, request, scrape};
pub(crate) use selector::Selector;

/// Most samples that are kept of one page.
pub(crate) const MAX_SAMPLES: usize = 250_000;
/// Most problems that are kept of one page; more are counted.
const MAX_PROBLEMS: usize = 20;

/// Which of the two text formats a page is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Prometheus text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0: counters end in `_total`, the page ends with `# EOF`.
    OpenMetrics,
}

/// The type of a family.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MetricType {
    /// Only goes up, but for restarts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
    /// Quantiles computed by the target.
    Summary,
    /// Not declared.
    #[default]
    #[serde(alias = "untyped")]
    Unknown,
    /// A 1 whose labels are the information (OpenMetrics).
    Info,
    /// One of several states (OpenMetrics).
    StateSet,
    /// A histogram whose counts may go down (OpenMetrics).
    GaugeHistogram,
}

impl MetricType {
    /// The type with this name in a TYPE line.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "summary" => Self::Summary,
            "untyped" | "unknown" => Self::Unknown,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            "gaugehistogram" => Self::GaugeHistogram,
            _ => return None,
        })
    }

    /// What may follow the family's name in the names of its samples.
    fn suffixes(self, format: Format) -> &'static [&'static str] {
        match (self, format) {
            (Self::Histogram, Format::Prometheus) => &["_bucket", "_count", "_sum"],
            (Self::Summary, Format::Prometheus) => &["", "_count", "_sum"],
            (_, Format::Prometheus) | (Self::Gauge | Self::Unknown | Self::StateSet, _) => &[""],
            (Self::Counter, _) => &["_total", "_created"],
            (Self::Histogram, _) => &["_bucket", "_count", "_sum", "_created"],
            (Self::Summary, _) => &["", "_count", "_sum", "_created"],
            (Self::Info, _) => &["_info"],
            (Self::GaugeHistogram, _) => &["_bucket", "_gcount", "_gsum"],
        }
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Unknown => "unknown",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::GaugeHistogram => "gaugehistogram",
        })
    }
}

/// A metric family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Family {
    /// Its name, without the suffixes of its samples.
    pub(crate) name: String,
    /// Its type.
    pub(crate) kind: MetricType,
    /// Whether a TYPE line says so.
    typed: bool,
    /// Whether there was a HELP line.
    helped: bool,
    /// How many samples it has.
    pub(crate) samples: usize,
}

/// Label names with their values.
pub(crate) type Labels = Vec<(String, String)>;

/// A series: its name, and its labels sorted by name.
pub(crate) type Series<'a> = (&'a str, &'a [(String, String)]);

/// One line with a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Name with suffix.
    pub(crate) name: String,
    /// Labels, sorted by name.
    pub(crate) labels: Labels,
    /// The value; may be NaN or infinite.
    pub(crate) value: f64,
    /// When it was taken, in milliseconds since 1970, if the page says so.
    pub(crate) timestamp: Option<f64>,
    /// Index of its family.
    pub(crate) family: usize,
    /// Its line, from 1.
    pub(crate) line: usize,
}

impl Sample {
    /// The value of a label; an absent one is empty, as Prometheus sees it.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// What tells it from other samples.
    pub(crate) fn key(&self) -> Series<'_> {
        (&self.name, &self.labels)
    }

    /// `name{label="value"}`.
    pub(crate) fn series(&self) -> String {
        series(&self.name, &self.labels)
    }
}

/// `name{label="value"}`, labels in the order given.
pub(crate) fn series(name: &str, labels: &[(String, String)]) -> String {
    if labels.is_empty() {
        return name.to_owned();
    }
    let labels: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    format!("{name}{{{}}}", labels.join(","))
}

/// What kind of rule a page breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Broken {
    /// A line that is none of the format, or the end is missing: it cannot be read at all.
    Syntax,
    /// Readable, but contradicts itself: duplicates, types, buckets.
    Meaning,
    /// Against the letter of the format, and collectors read it all the same.
    Style,
}

/// A rule of the format that a page breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// What kind of rule.
    pub(crate) broken: Broken,
    /// The line, from 1; 0 is the page as a whole.
    pub(crate) line: usize,
    /// What is wrong, in words that finish "line 7: …".
    pub(crate) text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.text)
        } else {
            write!(f, "line {}: {}", self.line, self.text)
        }
    }
}

/// A parsed page.
#[derive(Clone, Debug)]
pub(crate) struct Exposition {
    /// How it is written.
    pub(crate) format: Format,
    /// Families in the order of the page.
    pub(crate) families: Vec<Family>,
    /// Samples in the order of the page, at most [`MAX_SAMPLES`].
    pub(crate) samples: Vec<Sample>,
    /// Samples that were not kept because there are too many.
    pub(crate) dropped: usize,
    /// The first rules that are broken.
    pub(crate) problems: Vec<Problem>,
    /// How many more there are.
    pub(crate) more_problems: usize,
}

impl Exposition {
    /// The family with this name. In OpenMetrics the name of a counter's samples (`…_total`) and of
    /// an info's (`…_info`) will do.
    pub(crate) fn family(&self, name: &str) -> Option<&Family> {
        let named = |wanted: &str| self.families.iter().find(|family| family.name == wanted);
        named(name).or_else(|| {
            if self.format == Format::Prometheus {
                return None;
            }
            let (base, kind) = match (name.strip_suffix("_total"), name.strip_suffix("_info")) {
                (Some(base), _) => (base, MetricType::Counter),
                (_, Some(base)) => (base, MetricType::Info),
                _ => return None,
            };
            named(base).filter(|family| family.kind == kind)
        })
    }

    /// The samples that a selector selects.
    pub(crate) fn select<'a>(
        &'a self,
        selector: &'a Selector,
    ) -> impl Iterator<Item = &'a Sample> + 'a {
        self.samples
            .iter()
            .filter(move |sample| selector.selects(&sample.name, |label| sample.label(label)))
    }

    /// The value of the only sample of this name, whatever its labels; `None` when there is none,
    /// when there are several, and when it is no finite number.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        let mut found = self.samples.iter().filter(|sample| sample.name == name);
        let value = found.next()?.value;
        (found.next().is_none() && value.is_finite()).then_some(value)
    }

    /// Notes a broken rule.
    fn complain(&mut self, broken: Broken, line: usize, text: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            let text = text.into();
            self.problems.push(Problem { broken, line, text });
        } else {
            self.more_problems += 1;
        }
    }
}
