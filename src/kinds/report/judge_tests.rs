//! Judges tests.

use super::facts::TestFacts;
use super::judge::{percent, some};
use super::spec::TestsExpect;
use crate::outcome::Finding;

/// A share in percent.
#[expect(clippy::cast_precision_loss, reason = "counts of tests")]
fn share(part: u64, all: u64) -> f64 {
    if all == 0 {
        return 0.0;
    }
    part as f64 * 100.0 / all as f64
}

/// Judges tests, against the baseline too.
pub(super) fn judge(
    seen: &TestFacts,
    baseline: Option<&TestFacts>,
    expect: &TestsExpect,
    findings: &mut Vec<Finding>,
) {
    let quarantined = seen.quarantined.len() as u64;
    let ran = seen.passed + seen.failed + quarantined;
    let summary = format!(
        "{} passed, {} failed, {} skipped of {}",
        seen.passed,
        seen.failed + quarantined,
        seen.skipped,
        seen.tests
    );
    let before = findings.len();
    counts(seen, baseline, expect, ran, &summary, findings);
    failures(seen, &summary, findings);
    for (pattern, count) in &seen.required {
        let subject = format!("tests {pattern}");
        findings.push(if *count == 0 {
            let message = format!("no test matching {pattern} ran");
            Finding::fail("REP-08", subject, "at least one ran", "none", message)
        } else {
            Finding::pass(subject, "at least one ran", format!("{count} ran"))
        });
    }
    flaky(seen, expect, findings);
    if !findings[before..]
        .iter()
        .any(|finding| finding.subject == "tests" && finding.code.is_some())
    {
        let least = expect.min.unwrap_or(1);
        findings.insert(
            before,
            Finding::pass(
                "tests",
                format!("at least {least} ran, none failed"),
                summary,
            ),
        );
    }
}

/// Judges how many ran.
fn counts(
    seen: &TestFacts,
    baseline: Option<&TestFacts>,
    expect: &TestsExpect,
    ran: u64,
    summary: &str,
    findings: &mut Vec<Finding>,
) {
    let least = expect.min.unwrap_or(1).max(1);
    if seen.tests == 0 {
        findings.push(Finding::fail(
            "REP-03",
            "tests",
            format!("at least {least} ran"),
            "none",
            "the report has no test: nothing was proved",
        ));
    } else if ran == 0 {
        findings.push(Finding::fail(
            "REP-05",
            "tests",
            format!("at least {least} ran"),
            summary,
            "every test was skipped: nothing was proved",
        ));
    } else if ran < least {
        findings.push(Finding::fail(
            "REP-03",
            "tests",
            format!("at least {least} ran"),
            summary,
            format!("only {ran} tests ran"),
        ));
    }
    if let Some(most) = expect.max_skipped {
        let skipped = share(seen.skipped, seen.tests);
        let expected = format!("≤ {}", percent(most));
        findings.push(if skipped > most {
            Finding::fail(
                "REP-05",
                "skipped tests",
                expected,
                percent(skipped),
                format!("{} of {} tests were skipped", seen.skipped, seen.tests),
            )
        } else {
            Finding::pass("skipped tests", expected, percent(skipped))
        });
    }
    if let (Some(most), Some(baseline)) = (expect.max_drop, baseline) {
        let was = baseline.passed + baseline.failed + baseline.quarantined.len() as u64;
        let drop = share(was.saturating_sub(ran), was);
        let expected = format!(
            "at most {} fewer than the {was} of the baseline",
            percent(most)
        );
        findings.push(if was == 0 {
            Finding::fail(
                "REP-03",
                "tests that ran",
                expected,
                "no test in the baseline",
                "the baseline has no test that ran: there is nothing to compare with",
            )
            .as_unknown()
        } else if drop > most {
            Finding::fail(
                "REP-03",
                "tests that ran",
                expected,
                ran.to_string(),
                format!("{ran} tests ran, {was} did before"),
            )
        } else {
            Finding::pass("tests that ran", expected, ran.to_string())
        });
    }
    if seen.absent > 0 {
        findings.push(
            Finding::fail(
                "REP-04",
                "counts of the suites",
                "as many tests as they say",
                format!("{} more than are in the report", seen.absent),
                "attributes count tests that are not in the report",
            )
            .as_warning(),
        );
    }
}

/// Judges what failed.
fn failures(seen: &TestFacts, summary: &str, findings: &mut Vec<Finding>) {
    if seen.failed > 0 {
        findings.push(Finding::fail(
            "REP-04",
            "tests",
            "none failed",
            summary,
            format!(
                "{} failed: {}",
                seen.failed,
                some(&seen.failures, seen.failed)
            ),
        ));
    }
    for (list, what) in [
        (&seen.suite_errors, "a suite could not be run"),
        (
            &seen.undeclared,
            "the counts of a suite tell of failures that its tests do not show",
        ),
    ] {
        if !list.is_empty() {
            findings.push(Finding::fail(
                "REP-04",
                "suites",
                "none failed",
                some(list, list.len() as u64),
                format!("{what}: {}", some(list, list.len() as u64)),
            ));
        }
    }
    if !seen.contradictions.is_empty() {
        let names = some(&seen.contradictions, seen.contradictions.len() as u64);
        findings.push(Finding::fail(
            "REP-20",
            "names of tests",
            "one outcome for each",
            &names,
            format!("under one name one test failed and one passed: {names}"),
        ));
    }
    if !seen.quarantined.is_empty() {
        let names = some(&seen.quarantined, seen.quarantined.len() as u64);
        findings.push(
            Finding::fail(
                "REP-06",
                "quarantine",
                "none failed",
                &names,
                format!("failed in quarantine: {names}"),
            )
            .as_warning(),
        );
    }
}

/// Judges what passed only when it was repeated.
fn flaky(seen: &TestFacts, expect: &TestsExpect, findings: &mut Vec<Finding>) {
    let most = expect.max_flaky.unwrap_or(0);
    let expected = format!("≤ {most}");
    if seen.flaky <= most {
        if expect.max_flaky.is_some() {
            findings.push(Finding::pass(
                "flaky tests",
                expected,
                seen.flaky.to_string(),
            ));
        }
        return;
    }
    let names = some(&seen.flaky_names, seen.flaky);
    let finding = Finding::fail(
        "REP-06",
        "flaky tests",
        expected,
        seen.flaky.to_string(),
        format!("{} passed only when repeated: {names}", seen.flaky),
    );
    findings.push(if expect.max_flaky.is_some() {
        finding
    } else {
        finding.as_warning()
    });
}
