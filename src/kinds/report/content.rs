//! What parsers make of reports, before it is boiled down to facts.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use crate::outcome::Severity;

/// When a report says that it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    /// The moment.
    pub(super) at: Timestamp,
    /// Whether the report names the time zone; else UTC is taken.
    pub(super) zoned: bool,
}

/// Reads a moment; without a zone it is taken as UTC.
pub(super) fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let zoned = |at| Moment { at, zoned: true };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(zoned(at));
    }
    if let Ok(at) = text.parse::<Zoned>() {
        return Some(zoned(at.timestamp()));
    }
    if let Ok(number) = text.parse::<f64>() {
        return epoch(number).map(zoned);
    }
    let civil: DateTime = text.parse().ok()?;
    let at = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(Moment { at, zoned: false })
}

/// Seconds or milliseconds since 1970; nothing written before 2001 is meant.
pub(super) fn epoch(number: f64) -> Option<Timestamp> {
    let seconds = if number > 1e11 { number / 1e3 } else { number };
    if !(1e9..1e11).contains(&seconds) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was just checked"
    )]
    Timestamp::from_second(seconds as i64).ok()
}

/// What a report says about itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Stamp {
    /// When it was written: the oldest moment it names.
    pub(super) written: Option<Moment>,
    /// Which commits it is about.
    pub(super) commits: Vec<String>,
    /// What it is about: image, digest, component, repository, category.
    pub(super) subjects: Vec<String>,
}

impl Stamp {
    /// Takes in a moment: of several, the oldest counts.
    pub(super) fn written_at(&mut self, moment: Option<Moment>) {
        let Some(moment) = moment else { return };
        match self.written {
            Some(known) if known.at <= moment.at => {}
            _ => self.written = Some(moment),
        }
    }

    /// Takes in what the report is about.
    pub(super) fn about(&mut self, subject: Option<&str>) {
        if let Some(subject) = subject.filter(|text| !text.is_empty()) {
            self.subjects.push(subject.to_owned());
        }
    }
}

/// What became of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It passed.
    Passed,
    /// It failed, or broke down.
    Failed,
    /// It was not run.
    Skipped,
}

/// A test.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Names of its suites, the outermost first.
    pub(super) suite: String,
    /// Its class.
    pub(super) class: String,
    /// Its name.
    pub(super) name: String,
    /// What became of it.
    pub(super) outcome: Outcome,
    /// Whether an attempt of it failed and another was made.
    pub(super) flaky: bool,
    /// The first line of why it failed.
    pub(super) message: String,
}

impl Case {
    /// Its full name.
    pub(super) fn full(&self) -> String {
        let place = if self.class.is_empty() {
            &self.suite
        } else {
            &self.class
        };
        if place.is_empty() {
            self.name.clone()
        } else {
            format!("{place}.{}", self.name)
        }
    }
}

/// The tests of a report.
#[derive(Clone, Debug, Default)]
pub(super) struct Tests {
    /// Every test.
    pub(super) cases: Vec<Case>,
    /// Tests that attributes count and that are not in the report.
    pub(super) absent: u64,
    /// Suites that could not be set up.
    pub(super) suite_errors: Vec<String>,
    /// Failures that only attributes speak of.
    pub(super) undeclared: Vec<String>,
}

/// Covered of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    /// Covered.
    pub(super) covered: u64,
    /// All.
    pub(super) total: u64,
}

impl Share {
    /// Adds another one.
    pub(super) fn add(&mut self, other: Self) {
        self.covered += other.covered;
        self.total += other.total;
    }

    /// In percent; nothing of nothing has no share.
    pub(super) fn percent(self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts of lines")]
        (self.total > 0).then(|| self.covered as f64 * 100.0 / self.total as f64)
    }
}

/// The coverage of a source file.
#[derive(Clone, Debug, Default)]
pub(super) struct FileCoverage {
    /// Whether each line with code was run; empty when the report only has sums.
    pub(super) lines: BTreeMap<u32, bool>,
    /// Branches of each line.
    pub(super) branches: BTreeMap<u32, Share>,
    /// Lines, when the report has sums only.
    pub(super) line_sum: Share,
    /// Branches, when the report has sums only.
    pub(super) branch_sum: Share,
}

impl FileCoverage {
    /// Its lines.
    pub(super) fn line_share(&self) -> Share {
        if self.lines.is_empty() {
            return self.line_sum;
        }
        Share {
            covered: self.lines.values().filter(|run| **run).count() as u64,
            total: self.lines.len() as u64,
        }
    }

    /// Its branches.
    pub(super) fn branch_share(&self) -> Share {
        if self.branches.is_empty() {
            return self.branch_sum;
        }
        let mut sum = Share::default();
        self.branches.values().for_each(|share| sum.add(*share));
        sum
    }

    /// Notes a line; run once is run.
    pub(super) fn line(&mut self, number: u32, run: bool) {
        *self.lines.entry(number).or_default() |= run;
    }

    /// Notes the branches of a line; of two reports on it, the better one counts, because nothing
    /// says which branches each of them took.
    pub(super) fn branch(&mut self, number: u32, share: Share) {
        let known = self.branches.entry(number).or_default();
        known.total = known.total.max(share.total);
        known.covered = known.covered.max(share.covered).min(known.total);
    }
}

/// The coverage of a report.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage {
    /// Each source file.
    pub(super) files: BTreeMap<String, FileCoverage>,
}

/// Something a scanner found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Issue {
    /// Rule or advisory.
    pub(super) id: String,
    /// Other names of it.
    pub(super) aliases: Vec<String>,
    /// How bad it is; what the scanner does not say counts as high.
    pub(super) severity: Severity,
    /// Whether the scanner says how bad it is.
    pub(super) rated: bool,
    /// Whether only its rule says how bad it is.
    pub(super) rated_by_rule: bool,
    /// The package it is in.
    pub(super) package: String,
    /// Where it is.
    pub(super) place: String,
    /// What it is.
    pub(super) title: String,
    /// Whether there is a version without it; unknown when the scanner does not say.
    pub(super) fixable: Option<bool>,
    /// Whether it is new, when the scanner compared.
    pub(super) new: Option<bool>,
}

impl Default for Issue {
    fn default() -> Self {
        Self {
            id: String::new(),
            aliases: Vec::new(),
            severity: Severity::High,
            rated: false,
            rated_by_rule: false,
            package: String::new(),
            place: String::new(),
            title: String::new(),
            fixable: None,
            new: None,
        }
    }
}

impl Issue {
    /// The same with a severity, when there is one.
    pub(super) fn rated(mut self, severity: Option<Severity>) -> Self {
        if let Some(severity) = severity {
            self.severity = severity;
            self.rated = true;
        }
        self
    }

    /// What stays the same from one scan to the next. The line is left out: it moves.
    pub(super) fn key(&self) -> String {
        let file = self.place.rsplit_once(':').map_or("", |(file, _)| file);
        format!("{}|{}|{file}|{}", self.id, self.package, self.title)
    }

    /// In a few words.
    pub(super) fn shown(&self) -> String {
        let mut text = self.id.clone();
        for part in [&self.package, &self.place, &self.title] {
            if !part.is_empty() && !text.contains(part.as_str()) {
                text.push_str(", ");
                text.push_str(crate::exchange::cut(part, 160));
            }
        }
        text
    }
}

/// Something a scanner found and was told not to count.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Suppressed {
    /// Rule or advisory.
    pub(super) id: String,
    /// Why.
    pub(super) why: Option<String>,
    /// Whether a comment in the source says so.
    pub(super) in_source: bool,
    /// Until when.
    pub(super) expires: Option<Timestamp>,
}

/// What a scanner says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Scan {
    /// Names of the tools.
    pub(super) tools: Vec<String>,
    /// Why it is not a whole scan.
    pub(super) crashes: Vec<String>,
    /// What it left out and says so.
    pub(super) skipped: Vec<String>,
    /// How many things it looked at, when it says so.
    pub(super) looked_at: Option<u64>,
    /// What it found.
    pub(super) issues: Vec<Issue>,
    /// What it was told not to count.
    pub(super) suppressed: Vec<Suppressed>,
    /// When its database was made: of several, the oldest.
    pub(super) database: Option<Timestamp>,
}

/// A component.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Component {
    /// Its name.
    pub(super) name: String,
    /// Its version.
    pub(super) version: Option<String>,
    /// Its package URL.
    pub(super) purl: Option<String>,
    /// Its supplier.
    pub(super) supplier: Option<String>,
    /// Its licences: identifiers, names or expressions.
    pub(super) licences: Vec<String>,
}

/// What something is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Sbom {
    /// Its parts, without itself and without plain files.
    pub(super) components: Vec<Component>,
}

/// How a system behaved under load.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Requests, failed ones included.
    pub(super) requests: u64,
    /// Requests that failed; `None` when the report does not say.
    pub(super) failed: Option<f64>,
    /// Requests a second.
    pub(super) rate: Option<f64>,
    /// Percentile and its latency in milliseconds.
    pub(super) percentiles: Vec<(f64, f64)>,
    /// Thresholds of the load test itself that were crossed.
    pub(super) crossed: Vec<String>,
}

/// A score from 0 to 10.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Score {
    /// Of all; negative when it could not be given.
    pub(super) total: f64,
    /// Of each check; negative when it could not be given.
    pub(super) checks: Vec<(String, f64)>,
}

/// What a report says.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Tests.
    Tests(Tests),
    /// Coverage.
    Coverage(Coverage),
    /// Findings of a scanner.
    Scan(Scan),
    /// A score.
    Score(Score),
    /// Parts.
    Sbom(Sbom),
    /// Load.
    Load(Load),
}

impl Content {
    /// Adds what another report of the same kind says.
    ///
    /// # Errors
    /// Why the two cannot be added.
    pub(super) fn add(&mut self, other: Self) -> Result<(), String> {
        match (self, other) {
            (Self::Tests(sum), Self::Tests(more)) => {
                sum.cases.extend(more.cases);
                sum.absent += more.absent;
                sum.suite_errors.extend(more.suite_errors);
                sum.undeclared.extend(more.undeclared);
                Ok(())
            }
            (Self::Coverage(sum), Self::Coverage(more)) => sum.add(more),
            (Self::Scan(sum), Self::Scan(more)) => {
                sum.tools.extend(more.tools);
                sum.crashes.extend(more.crashes);
                sum.skipped.extend(more.skipped);
                sum.looked_at = sum.looked_at.zip(more.looked_at).map(|(a, b)| a.min(b));
                sum.issues.extend(more.issues);
                sum.suppressed.extend(more.suppressed);
                sum.database = match (sum.database, more.database) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (one, other) => one.or(other),
                };
                Ok(())
            }
            (Self::Sbom(sum), Self::Sbom(more)) => {
                sum.components.extend(more.components);
                Ok(())
            }
            (Self::Load(_), Self::Load(_)) => {
                Err("percentiles of several load tests cannot be added: name one report".to_owned())
            }
            (Self::Score(_), Self::Score(_)) => {
                Err("scores cannot be added: name one report".to_owned())
            }
            _ => Err("the reports are of different kinds: make a check of each".to_owned()),
        }
    }
}

impl Coverage {
    /// Adds another report; a line that one of them ran was run.
    fn add(&mut self, more: Self) -> Result<(), String> {
        for (path, file) in more.files {
            let Some(known) = self.files.get_mut(&path) else {
                self.files.insert(path, file);
                continue;
            };
            if known.lines.is_empty() || file.lines.is_empty() {
                return Err(format!(
                    "{path} is in several reports that have sums only, which cannot be added: merge them with the tool that made them"
                ));
            }
            for (line, run) in file.lines {
                known.line(line, run);
            }
            for (line, share) in file.branches {
                known.branch(line, share);
            }
        }
        Ok(())
    }
}
