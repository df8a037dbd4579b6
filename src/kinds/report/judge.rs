//! What holds for every report: how old it is, of which commit, about what.

use jiff::Timestamp;
use serde_json::Value;

use super::Report;
use super::facts::{Facts, ReportFacts, Seen};
use crate::expect::TimeSpan;
use crate::outcome::Finding;

/// How far ahead a clock may be, in seconds.
const SKEW: i64 = 300;
/// How far off a time without zone may be, in seconds.
const ZONES: i64 = 14 * 3600;

/// A list of names, the first of them only.
pub(super) fn some(names: &[String], count: u64) -> String {
    const SHOWN: usize = 5;
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    let shown = names.len().min(SHOWN) as u64;
    if count > shown {
        text.push_str(&format!("; and {} more", count - shown));
    }
    text
}

/// A percentage as people write it.
pub(super) fn percent(number: f64) -> String {
    // Rounded down: what is not reached may not look as if it were.
    let text = format!("{:.2}", (number * 100.0 + 1e-6).floor() / 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Judges what ties the reports to the release.
pub(super) fn ties(spec: &Report, facts: &Facts, now: Timestamp, findings: &mut Vec<Finding>) {
    let is_sbom = matches!(facts.seen, Seen::Sbom(_));
    let stale = if is_sbom { "REP-15" } else { "REP-02" };
    for report in &facts.reports {
        let about = format!("age of {}", report.path);
        let format = report.format.name();
        let before = findings.len();
        judge_age(spec, facts, report, now, stale, findings);
        if findings.len() == before {
            let written = report.written.map(|moment| moment.at);
            let oldest = written.into_iter().chain(report.modified).min();
            let seen = oldest.map_or_else(
                || "its time is unknown".to_owned(),
                |at| format!("{} old", age(now, at)),
            );
            findings.push(Finding::pass(
                about,
                expected_age(spec, facts),
                format!("{format}, {seen}"),
            ));
        }
        if let Some(commit) = &spec.commit {
            findings.push(judge_commit(report, commit));
        }
    }
    if spec.subject.is_some() {
        findings.push(judge_subject(spec, facts, is_sbom));
    }
}

/// How long ago something was.
fn age(now: Timestamp, at: Timestamp) -> TimeSpan {
    let seconds = now.as_second().saturating_sub(at.as_second());
    TimeSpan::seconds(u64::try_from(seconds).unwrap_or(0))
}

/// What is expected of the age, in words.
fn expected_age(spec: &Report, facts: &Facts) -> String {
    let mut parts = Vec::new();
    if let Some(limit) = spec.age_limit() {
        parts.push(format!("≤ {limit}"));
    }
    if let Some(earliest) = spec.earliest() {
        parts.push(format!("not before {earliest}"));
    }
    if let Some(path) = &spec.newer_than {
        let at = facts
            .newer_than
            .map_or_else(String::new, |at| format!(" ({at})"));
        parts.push(format!("newer than {path}{at}"));
    }
    if parts.is_empty() {
        "not from the future".to_owned()
    } else {
        parts.join(", ")
    }
}

/// Judges the times of one report.
fn judge_age(
    spec: &Report,
    facts: &Facts,
    report: &ReportFacts,
    now: Timestamp,
    code: &'static str,
    findings: &mut Vec<Finding>,
) {
    let mut times = Vec::new();
    if let Some(at) = report.modified {
        times.push((at, 0, "its file changed"));
    }
    if let Some(moment) = report.written {
        let slack = if moment.zoned { 0 } else { ZONES };
        times.push((moment.at, slack, "it says it was written"));
    }
    let expected = expected_age(spec, facts);
    let subject = format!("age of {}", report.path);
    if times.is_empty() {
        let message = format!("nothing says when {} was written", report.path);
        findings.push(Finding::fail(code, subject, expected, "unknown", message).as_unknown());
        return;
    }
    for (at, slack, what) in times {
        let seconds = now.as_second().saturating_sub(at.as_second());
        let limit = spec.age_limit().map(|limit| {
            i64::try_from(limit.as_secs())
                .unwrap_or(i64::MAX)
                .saturating_add(slack)
        });
        let too_old = limit.is_some_and(|limit| seconds > limit);
        let too_early = spec
            .earliest()
            .into_iter()
            .chain(facts.newer_than)
            .any(|earliest| at.as_second().saturating_add(slack) < earliest.as_second());
        let ahead = seconds.saturating_add(SKEW).saturating_add(slack) < 0;
        let why = if ahead {
            "that is in the future"
        } else if too_early {
            "before what it must be about"
        } else if too_old {
            "too long ago"
        } else {
            continue;
        };
        let seen = format!("{what} {} ago, at {at}", age(now, at));
        let message = format!("{}: {seen}: {why}", report.path);
        findings.push(Finding::fail(code, &subject, &expected, seen, message));
    }
}

/// Judges the commit that a report is about.
fn judge_commit(report: &ReportFacts, commit: &str) -> Finding {
    let subject = format!("commit of {}", report.path);
    let commit = commit.trim().to_ascii_lowercase();
    let same = |known: &String| {
        let known = known.trim().to_ascii_lowercase();
        known.len() >= 7 && (known.starts_with(&commit) || commit.starts_with(&known))
    };
    if report.commits.is_empty() {
        let message = format!(
            "{} does not say which commit it is about: write the commit beside it and name the file with `commit_file:`",
            report.path
        );
        return Finding::fail("REP-02", subject, commit, "unknown", message).as_unknown();
    }
    let seen = report.commits.join(", ");
    if report.commits.iter().all(same) {
        return Finding::pass(subject, commit, seen);
    }
    let message = format!("{} is about commit {seen}", report.path);
    Finding::fail("REP-02", subject, commit, seen, message)
}

/// Judges what the reports are about.
fn judge_subject(spec: &Report, facts: &Facts, is_sbom: bool) -> Finding {
    let code = if is_sbom { "REP-15" } else { "REP-18" };
    let expected = spec
        .subject
        .as_ref()
        .map_or_else(String::new, ToString::to_string);
    for report in &facts.reports {
        let fits = |name: &&String| {
            let value = Value::String((*name).clone());
            spec.subject
                .as_ref()
                .is_some_and(|matcher| matcher.check(Some(&value)).is_ok())
        };
        let seen = if report.subjects.is_empty() {
            "nothing it names".to_owned()
        } else {
            some(&report.subjects, report.subjects.len() as u64)
        };
        if !report.subjects.iter().any(|name| fits(&name)) {
            let message = format!("{} is about {seen}", report.path);
            let finding = Finding::fail(code, "subject", expected, seen, message);
            return if report.subjects.is_empty() {
                finding.as_unknown()
            } else {
                finding
            };
        }
    }
    Finding::pass("subject", expected, "as expected")
}
