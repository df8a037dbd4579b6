//! Judges what was seen: the page first, then what it says.

use jiff::Timestamp;

use super::facts::{Anonymous, Facts, Page};
use super::{Metrics, judge_page, judge_process, judge_values};
use crate::expect::TimeSpan;
use crate::outcome::Finding;

/// Every statement.
pub(super) fn judge(metrics: &Metrics, facts: &Facts, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(anonymous) = &facts.anonymous {
        findings.push(refusal(anonymous));
    }
    let Some(page) = &facts.page else {
        return findings;
    };
    if let Some(other) = &page.other {
        findings.push(not_metrics(other));
        return findings;
    }
    findings.extend(judge_page::format(page));
    findings.extend(latency(metrics, page));
    findings.extend(judge_page::families(metrics, page));
    findings.extend(judge_page::cardinality(metrics, page));
    if metrics.no_secrets {
        findings.push(judge_page::secrets(page));
    }
    findings.extend(judge_values::version(metrics, page));
    findings.extend(judge_values::samples(metrics, page));
    findings.extend(judge_values::ratios(metrics, page));
    findings.extend(judge_values::quantiles(metrics, page));
    findings.extend(judge_process::process(metrics, page, now));
    match &facts.second {
        Some(second) => match &second.other {
            Some(other) => findings.push(not_metrics(other)),
            None => findings.extend(judge_process::second(metrics, facts, page, second)),
        },
        None if metrics.second_scrape.is_some() => findings.push(
            Finding::fail(
                "MET-04",
                "second scrape",
                "a second page",
                "none",
                "the page was not scraped a second time",
            )
            .as_unknown(),
        ),
        None => {}
    }
    findings
}

/// The finding of an answer that is no page of metrics.
fn not_metrics(what: &str) -> Finding {
    Finding::fail(
        "MET-01",
        "page",
        "metrics in a text format of Prometheus",
        what,
        format!("the answer holds no metrics: {what}"),
    )
}

/// Judges what came back without credentials.
fn refusal(seen: &Anonymous) -> Finding {
    let subject = "page without credentials";
    let expected = "refused";
    match (seen.status, &seen.fault) {
        (Some(status), _) if seen.metrics => Finding::fail(
            "MET-07",
            subject,
            expected,
            format!("status {status}, with metrics"),
            "everybody who reaches this address can read the metrics",
        ),
        (Some(status @ (300..=499)), _) if status != 429 => {
            Finding::pass(subject, expected, format!("status {status}"))
        }
        (Some(status @ 200..=299), _) => Finding::pass(
            subject,
            expected,
            format!("status {status}, without metrics"),
        ),
        (status, fault) => {
            let seen = match (status, fault) {
                (Some(status), _) => format!("status {status}"),
                (None, Some(fault)) => fault.message.clone(),
                (None, None) => "no answer".to_owned(),
            };
            Finding::fail(
                "MET-07",
                subject,
                expected,
                seen.clone(),
                format!("whether the page is refused is not known: {seen}"),
            )
            .as_unknown()
        }
    }
}

/// Judges the time until the page was read.
fn latency(metrics: &Metrics, page: &Page) -> Option<Finding> {
    let bound = metrics.max_latency?;
    let subject = "time to scrape";
    let expected = format!("at most {bound}");
    let actual = TimeSpan::millis(page.took_ms).to_string();
    Some(if page.took_ms <= bound.as_millis() {
        Finding::pass(subject, expected, actual)
    } else {
        let message =
            format!("collecting took {actual}: a collector gives up at its scrape_timeout");
        Finding::fail("MET-56", subject, expected, actual, message)
    })
}
