//! Judges what scanners found, and scores.

use jiff::Timestamp;

use super::content::{Issue, Score};
use super::facts::ScanFacts;
use super::judge::some;
use super::spec::{ScanExpect, ScoreExpect};
use crate::expect::TimeSpan;
use crate::outcome::{Finding, Severity};

/// The most findings that get a row of their own.
const MAX_ROWS: usize = 20;

/// Judges a scan.
pub(super) fn judge(
    seen: &ScanFacts,
    expect: &ScanExpect,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    let scan = &seen.scan;
    for crash in &scan.crashes {
        findings.push(Finding::fail(
            "REP-12",
            "scan",
            "a whole run",
            crash,
            format!("the scan is not whole: {crash}"),
        ));
    }
    if scan.looked_at == Some(0) {
        findings.push(
            Finding::fail(
                "REP-12",
                "scan",
                "something to look at",
                "nothing",
                "the scan looked at nothing: see whether it was given the right folder or image",
            )
            .as_unknown(),
        );
    }
    if !scan.skipped.is_empty() {
        let names = some(&scan.skipped, scan.skipped.len() as u64);
        findings.push(
            Finding::fail(
                "REP-12",
                "left out",
                "nothing",
                &names,
                format!("the scan left something out: {names}"),
            )
            .as_warning(),
        );
    }
    for tool in &expect.tools {
        let ran = scan
            .tools
            .iter()
            .any(|known| known.eq_ignore_ascii_case(tool));
        let expected = format!("a run of {tool}");
        let names = scan.tools.join(", ");
        findings.push(if ran {
            Finding::pass("tools", expected, names)
        } else {
            Finding::fail(
                "REP-12",
                "tools",
                expected,
                &names,
                format!("{tool} made no run"),
            )
        });
    }
    judge_issues(seen, expect, findings);
    judge_suppressed(seen, now, findings);
    if let Some(most) = expect.max_database_age {
        findings.push(judge_database(scan.database, most, now));
    }
}

/// Judges the findings.
fn judge_issues(seen: &ScanFacts, expect: &ScanExpect, findings: &mut Vec<Finding>) {
    let from = expect.fail_at.unwrap_or(Severity::High);
    let mut expected = format!("none of severity {from} or above");
    if expect.fixable_only {
        expected.push_str(" that can be fixed");
    }
    if expect.new_only {
        expected.push_str(", no new one");
        if !seen.compared && !seen.scan.issues.is_empty() {
            findings.push(
                Finding::fail(
                    "REP-13",
                    "findings",
                    &expected,
                    "not compared",
                    "nothing says which findings are new: name a `baseline`",
                )
                .as_unknown(),
            );
        }
    }
    let counts = |issue: &&Issue| {
        let mild = issue.rated && issue.severity < from;
        let unfixable = expect.fixable_only && issue.fixable == Some(false);
        let known = expect.new_only && issue.new == Some(false);
        !mild && !unfixable && !known
    };
    let red: Vec<&Issue> = seen.scan.issues.iter().filter(counts).collect();
    for issue in red.iter().take(MAX_ROWS) {
        // Vulnerabilities of packages have a code of their own.
        let code = match (issue.package.is_empty(), issue.rated_by_rule) {
            (false, _) => "REP-17",
            (true, true) => "REP-14",
            (true, false) => "REP-13",
        };
        let severity = if issue.rated {
            issue.severity.name()
        } else {
            "not rated"
        };
        findings.push(Finding::fail(
            code,
            "findings",
            &expected,
            format!("{} ({severity})", issue.shown()),
            format!("{} ({severity})", issue.shown()),
        ));
    }
    if red.len() > MAX_ROWS {
        let more = format!("{} more", red.len() - MAX_ROWS);
        findings.push(Finding::fail("REP-13", "findings", &expected, &more, &more));
    }
    if red.is_empty() {
        let all = seen.scan.issues.len();
        let taken_out = seen.scan.suppressed.len() + seen.not_affected.len();
        findings.push(Finding::pass(
            "findings",
            expected,
            format!("none among {all} findings, {taken_out} suppressed"),
        ));
    }
}

/// Judges what was not to be counted.
fn judge_suppressed(seen: &ScanFacts, now: Timestamp, findings: &mut Vec<Finding>) {
    let mut bare = Vec::new();
    for suppressed in &seen.scan.suppressed {
        if let Some(expires) = suppressed.expires.filter(|expires| *expires < now) {
            findings.push(Finding::fail(
                "REP-13",
                "suppressions",
                "not expired",
                format!("{} until {expires}", suppressed.id),
                format!("the suppression of {} has expired", suppressed.id),
            ));
        }
        if suppressed.why.is_none() && !suppressed.in_source {
            bare.push(suppressed.id.clone());
        }
    }
    if !bare.is_empty() {
        let names = some(&bare, bare.len() as u64);
        findings.push(Finding::fail(
            "REP-13",
            "suppressions",
            "each with a justification",
            &names,
            format!("suppressed without a justification: {names}"),
        ));
    }
}

/// Judges how old the scanner's database is.
fn judge_database(built: Option<Timestamp>, most: TimeSpan, now: Timestamp) -> Finding {
    let expected = format!("≤ {most} old");
    let Some(built) = built else {
        return Finding::fail(
            "REP-17",
            "database",
            expected,
            "unknown",
            "the report does not say how old the scanner's database is",
        )
        .as_unknown();
    };
    let seconds = now.as_second().saturating_sub(built.as_second());
    let age = TimeSpan::seconds(u64::try_from(seconds).unwrap_or(0));
    let seen = format!("{age} old");
    if age <= most {
        return Finding::pass("database", expected, seen);
    }
    let message = format!("the scanner's database is {seen}: it does not know what came later");
    Finding::fail("REP-17", "database", expected, seen, message)
}

/// Judges a score.
pub(super) fn judge_score(seen: &Score, expect: &ScoreExpect, findings: &mut Vec<Finding>) {
    let mut judge = |subject: &str, least: f64, score: Option<f64>| {
        let expected = format!("≥ {least}");
        findings.push(match score {
            Some(score) if score < 0.0 => Finding::fail(
                "REP-56",
                subject,
                expected,
                "no score could be given",
                format!("no score could be given for {subject}"),
            )
            .as_unknown(),
            Some(score) if score >= least => Finding::pass(subject, expected, score.to_string()),
            Some(score) => Finding::fail(
                "REP-56",
                subject,
                expected,
                score.to_string(),
                format!("{subject} is {score}"),
            ),
            None => Finding::fail(
                "REP-56",
                subject,
                expected,
                "not in the report",
                format!("there is no {subject}"),
            ),
        });
    };
    if let Some(least) = expect.min {
        judge("score", least, Some(seen.total));
    }
    for (name, least) in expect.checks.iter() {
        let score = seen.checks.iter().find(|(known, _)| known == name);
        judge(
            &format!("score of {name}"),
            *least,
            score.map(|(_, score)| *score),
        );
    }
}
