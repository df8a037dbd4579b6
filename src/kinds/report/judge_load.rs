//! Judges load tests.

use super::content::Load;
use super::judge::percent;
use super::spec::LoadExpect;
use crate::expect::TimeSpan;
use crate::outcome::Finding;

/// Percentiles with the least number of requests from which they say something: with fewer, the
/// slowest request may well be below the true value.
const PERCENTILES: [(f64, u64); 3] = [(50.0, 1), (95.0, 59), (99.0, 299)];

/// A time in milliseconds as people write it.
fn shown(millis: f64) -> String {
    format!("{:.1}ms", millis)
}

/// Judges a load test, against the baseline too.
pub(super) fn judge(
    seen: &Load,
    baseline: Option<&Load>,
    expect: &LoadExpect,
    findings: &mut Vec<Finding>,
) {
    let least = expect.min_requests.unwrap_or(1).max(1);
    let expected = format!("at least {least}");
    findings.push(if seen.requests < least {
        Finding::fail(
            "REP-54",
            "requests",
            expected,
            seen.requests.to_string(),
            format!("only {} requests were made", seen.requests),
        )
    } else {
        Finding::pass("requests", expected, seen.requests.to_string())
    });
    judge_errors(seen, expect.max_error_rate.unwrap_or(1.0), findings);
    let limits = [expect.max_p50, expect.max_p95, expect.max_p99];
    for ((percentile, enough), limit) in PERCENTILES.into_iter().zip(limits) {
        if let Some(limit) = limit {
            findings.push(judge_percentile(seen, percentile, enough, limit));
        }
    }
    if let Some(least) = expect.min_rate {
        let expected = format!("≥ {least}/s");
        findings.push(match seen.rate {
            Some(rate) if rate >= least => Finding::pass("rate", expected, format!("{rate:.1}/s")),
            Some(rate) => Finding::fail(
                "REP-54",
                "rate",
                expected,
                format!("{rate:.1}/s"),
                format!("{rate:.1} requests a second were made"),
            ),
            None => missing("REP-54", "rate", expected),
        });
    }
    for crossed in &seen.crossed {
        findings.push(Finding::fail(
            "REP-55",
            "thresholds of the load test",
            "kept",
            crossed,
            format!("the load test's own threshold was crossed: {crossed}"),
        ));
    }
    if let (Some(most), Some(baseline)) = (expect.max_slower, baseline) {
        compare(seen, baseline, most, findings);
    }
}

/// The finding of a number that the report does not have.
fn missing(code: &'static str, subject: &str, expected: String) -> Finding {
    Finding::fail(
        code,
        subject,
        expected,
        "not in the report",
        format!("the report does not have the {subject}"),
    )
    .as_unknown()
}

/// Judges how many failed.
fn judge_errors(seen: &Load, most: f64, findings: &mut Vec<Finding>) {
    let expected = format!("≤ {}", percent(most));
    let Some(failed) = seen.failed.filter(|_| seen.requests > 0) else {
        findings.push(missing("REP-52", "error rate", expected));
        return;
    };
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let rate = failed * 100.0 / seen.requests as f64;
    let actual = format!(
        "{} of {} failed ({rate:.2} %)",
        failed.round(),
        seen.requests
    );
    findings.push(if rate <= most {
        Finding::pass("error rate", expected, actual)
    } else {
        Finding::fail("REP-52", "error rate", expected, &actual, &actual)
    });
}

/// A percentile of the report.
fn of(load: &Load, percentile: f64) -> Option<f64> {
    load.percentiles
        .iter()
        .find(|(known, _)| (known - percentile).abs() < 1e-6)
        .map(|(_, millis)| *millis)
        .filter(|millis| millis.is_finite() && *millis >= 0.0)
}

/// Judges a percentile.
fn judge_percentile(seen: &Load, percentile: f64, enough: u64, limit: TimeSpan) -> Finding {
    let subject = format!("p{percentile}");
    let expected = format!("≤ {limit}");
    let Some(millis) = of(seen, percentile) else {
        return missing("REP-54", &subject, expected);
    };
    if millis > limit.0.as_secs_f64() * 1e3 {
        let message = format!("{subject} is {}", shown(millis));
        return Finding::fail("REP-51", subject, expected, shown(millis), message);
    }
    if seen.requests < enough {
        let message = format!("{subject} says nothing with fewer than {enough} requests");
        let actual = format!("{} with {} requests", shown(millis), seen.requests);
        return Finding::fail("REP-54", subject, expected, actual, message).as_unknown();
    }
    Finding::pass(subject, expected, shown(millis))
}

/// Compares with the baseline.
fn compare(seen: &Load, baseline: &Load, most: f64, findings: &mut Vec<Finding>) {
    let before = findings.len();
    for (percentile, _) in PERCENTILES {
        let Some(was) = of(baseline, percentile) else {
            continue;
        };
        let subject = format!("p{percentile} against the baseline");
        let limit = was * (1.0 + most / 100.0);
        let expected = format!("≤ {}", shown(limit));
        findings.push(match of(seen, percentile) {
            None => missing("REP-53", &subject, expected),
            Some(now) if now <= limit => Finding::pass(subject, expected, shown(now)),
            Some(now) => {
                let message = format!(
                    "p{percentile} went from {} to {}: more than {} slower",
                    shown(was),
                    shown(now),
                    percent(most)
                );
                Finding::fail("REP-53", subject, expected, shown(now), message)
            }
        });
    }
    if findings.len() == before {
        findings.push(missing(
            "REP-53",
            "percentiles of the baseline",
            "some".to_owned(),
        ));
    }
}
