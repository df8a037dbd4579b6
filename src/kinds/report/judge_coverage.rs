//! Judges coverage.

use super::content::Share;
use super::facts::{ChangedFacts, CoverageFacts};
use super::judge::{percent, some};
use super::spec::CoverageExpect;
use crate::outcome::Finding;

/// Judges coverage, against the baseline too.
pub(super) fn judge(
    seen: &CoverageFacts,
    baseline: Option<&CoverageFacts>,
    expect: &CoverageExpect,
    findings: &mut Vec<Finding>,
) {
    if seen.lines.total == 0 {
        findings.push(Finding::fail(
            "REP-09",
            "lines",
            "some line with code",
            format!("none in {} files", seen.files),
            "the report knows no line of code: nothing was measured",
        ));
    }
    if let Some(least) = expect.min_lines
        && let Some(share) = seen.lines.percent()
    {
        findings.push(at_least("REP-09", "lines", least, share, seen.lines));
    }
    if expect.min_branches.is_some() || expect.branches_tracked {
        let least = expect.min_branches.unwrap_or(0.0);
        findings.push(match seen.branches.percent() {
            Some(share) => at_least("REP-09", "branches", least, share, seen.branches),
            None => Finding::fail(
                "REP-09",
                "branches",
                "measured",
                "no branch in the report",
                "branches were not measured: turn branch coverage on in the tool",
            ),
        });
    }
    if let (Some(most), Some(baseline)) = (expect.max_drop, baseline) {
        findings.push(not_falling("lines", most, seen.lines, baseline.lines));
        if baseline.branches.total > 0 {
            findings.push(not_falling(
                "branches",
                most,
                seen.branches,
                baseline.branches,
            ));
        }
    }
    for ((pattern, files, share), (_, least)) in seen.critical.iter().zip(expect.critical.iter()) {
        let subject = format!("lines of {pattern}");
        findings.push(match share.percent() {
            Some(covered) => at_least("REP-11", &subject, *least, covered, *share),
            None => Finding::fail(
                "REP-11",
                subject,
                format!("≥ {}", percent(*least)),
                format!("{files} files, no line with code"),
                format!(
                    "no code matching {pattern} was measured: it is excluded, or lies elsewhere"
                ),
            ),
        });
    }
    if let (Some(least), Some(changed)) = (expect.min_changed, &seen.changed) {
        judge_changed(changed, least, findings);
    }
}

/// Judges a share.
fn at_least(code: &'static str, subject: &str, least: f64, share: f64, of: Share) -> Finding {
    let expected = format!("≥ {}", percent(least));
    let actual = format!("{} ({} of {})", percent(share), of.covered, of.total);
    if share + 1e-9 >= least {
        return Finding::pass(subject, expected, actual);
    }
    let message = format!("coverage of {subject} is {actual}, expected {expected}");
    Finding::fail(code, subject, expected, actual, message)
}

/// Judges a share against the one before.
fn not_falling(what: &str, most: f64, now: Share, before: Share) -> Finding {
    let subject = format!("{what} against the baseline");
    let Some((now, before)) = now.percent().zip(before.percent()) else {
        return Finding::fail(
            "REP-10",
            subject,
            "comparable",
            "one of the two measured nothing",
            format!("{what} cannot be compared with the baseline"),
        )
        .as_unknown();
    };
    let expected = format!("≥ {}", percent(before - most));
    let actual = percent(now);
    if now + most + 1e-9 >= before {
        return Finding::pass(subject, expected, actual);
    }
    let message = format!(
        "coverage of {what} fell from {} to {actual}",
        percent(before)
    );
    Finding::fail("REP-10", subject, expected, actual, message)
}

/// Judges the changed lines.
fn judge_changed(changed: &ChangedFacts, least: f64, findings: &mut Vec<Finding>) {
    let expected = format!("≥ {}", percent(least));
    if !changed.by_line {
        findings.push(
            Finding::fail(
                "REP-10",
                "changed lines",
                expected,
                "unknown",
                "this report has sums only: use a format that names lines (LCOV, Cobertura, JaCoCo, coverage.py)",
            )
            .as_unknown(),
        );
        return;
    }
    if !changed.unknown.is_empty() {
        let names = some(&changed.unknown, changed.unknown.len() as u64);
        findings.push(
            Finding::fail(
                "REP-10",
                "changed files",
                "in the report",
                &names,
                format!("changed and not in the report: {names}"),
            )
            .as_warning(),
        );
    }
    findings.push(match changed.lines.percent() {
        None => Finding::pass("changed lines", expected, "no line with code changed"),
        Some(share) => {
            let finding = at_least("REP-10", "changed lines", least, share, changed.lines);
            if finding.code.is_some() {
                let missed = changed.lines.total - changed.lines.covered;
                let names = some(&changed.uncovered, missed);
                Finding {
                    message: format!("{}; not run: {names}", finding.message),
                    ..finding
                }
            } else {
                finding
            }
        }
    });
}
