//! Judges the values: the release, series, quotients, quantiles.

use serde_json::Value;

use super::Metrics;
use super::facts::{Buckets, MAX_VALUES, Page, Selected};
use super::spec::{OnEmpty, QuantileRule, RatioRule, SampleRule};
use crate::expect::Matcher;
use crate::outcome::Finding;

/// Judges the release.
pub(super) fn version(metrics: &Metrics, page: &Page) -> Vec<Finding> {
    let Some(rule) = &metrics.version else {
        return Vec::new();
    };
    let select = rule.select.to_string();
    // Another selector of the same text collects no labels.
    let mut of_select = page.selected.iter().filter(|found| found.select == select);
    let labels = of_select
        .find(|found| !found.labels.is_empty())
        .map(|found| &found.labels);
    let Some(labels) = labels else {
        let message = format!("{select} has no series, so the release is not known");
        return vec![Finding::fail(
            "MET-21",
            "release",
            rule.is.to_string(),
            "absent",
            message,
        )];
    };
    labels
        .iter()
        .map(|(series, value)| {
            let subject = format!("release in {series}");
            match rule
                .is
                .check_text(Some(value).filter(|v| !v.is_empty()).map(String::as_str))
            {
                Ok(()) => Finding::pass(subject, rule.is.to_string(), value.clone()),
                Err(mismatch) => Finding::fail(
                    "MET-21",
                    subject,
                    mismatch.expected,
                    mismatch.actual,
                    "another release runs than the one that should",
                ),
            }
        })
        .collect()
}

/// Judges single series.
pub(super) fn samples(metrics: &Metrics, page: &Page) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in &metrics.samples {
        if let Some(found) = page.selected(&rule.select.to_string()) {
            findings.extend(sample(rule, found));
        }
    }
    findings
}

/// Judges what one selector selects.
fn sample(rule: &SampleRule, found: &Selected) -> Vec<Finding> {
    let title = rule.title.clone().unwrap_or_else(|| found.select.clone());
    let mut findings = Vec::new();
    if let Some(matcher) = &rule.count {
        #[expect(clippy::cast_precision_loss, reason = "bounded by the page")]
        let count = found.count as f64;
        findings.push(number(
            "MET-51",
            format!("number of series of {title}"),
            matcher,
            count,
        ));
    }
    if rule.value.is_none() && rule.sum.is_none() {
        return findings;
    }
    if found.count == 0 {
        let red = Finding::fail(
            "MET-02",
            title,
            "a series",
            "none",
            format!("{} selects nothing", found.select),
        );
        findings.push(match rule.on_empty {
            OnEmpty::Fail => red,
            OnEmpty::Unknown => red.as_unknown(),
            OnEmpty::Pass => Finding::pass(red.subject, "a series, or none", "none"),
        });
        return findings;
    }
    if let Some(matcher) = &rule.sum {
        let subject = format!("sum of {title}");
        findings.push(match sum_of(found) {
            Some(sum) => number("MET-51", subject, matcher, sum),
            None => not_finite(&subject, &matcher.to_string()),
        });
    }
    if let Some(matcher) = &rule.value {
        let mut judged: Vec<Finding> = found
            .values
            .iter()
            .map(|(series, value)| match value {
                Some(value) => number("MET-51", series.clone(), matcher, *value),
                None => not_finite(series, &matcher.to_string()),
            })
            .collect();
        // Red ones first: a report shows the beginning.
        judged.sort_by_key(|finding| finding.verdict == crate::outcome::Judged::Pass);
        judged.truncate(20);
        findings.append(&mut judged);
        if found.count > MAX_VALUES {
            let message = format!("only {MAX_VALUES} of {} series were looked at", found.count);
            let expected = format!("at most {MAX_VALUES} series");
            let actual = found.count.to_string();
            findings.push(Finding::fail("MET-51", title, expected, actual, message).as_unknown());
        }
    }
    findings
}

/// The sum of a selection; none when a value is NaN or infinite.
pub(super) fn sum_of(found: &Selected) -> Option<f64> {
    (found.not_finite == 0).then_some(found.sum)
}

/// The finding of a value that is NaN or infinite.
pub(super) fn not_finite(subject: &str, expected: &str) -> Finding {
    let message = format!("{subject} is not a number: nothing can be said about it");
    Finding::fail("MET-51", subject, expected, "NaN or infinite", message).as_unknown()
}

/// Judges a number by a matcher.
pub(crate) fn number(
    code: &'static str,
    subject: String,
    matcher: &Matcher,
    value: f64,
) -> Finding {
    match matcher.check(Some(&Value::from(value))) {
        Ok(()) => Finding::pass(subject, matcher.to_string(), value.to_string()),
        Err(mismatch) => {
            let message = format!("{subject} is {value}, not {}", mismatch.expected);
            Finding::fail(code, subject, mismatch.expected, value.to_string(), message)
        }
    }
}

/// Judges quotients.
pub(super) fn ratios(metrics: &Metrics, page: &Page) -> Vec<Finding> {
    metrics
        .ratios
        .iter()
        .filter_map(|rule| {
            let of = page.selected(&rule.of.to_string())?;
            let to = page.selected(&rule.to.to_string())?;
            Some(ratio(rule, of, to))
        })
        .collect()
}

/// Judges one quotient.
fn ratio(rule: &RatioRule, of: &Selected, to: &Selected) -> Finding {
    let absent = |found: &Selected| {
        Finding::fail(
            "MET-02",
            rule.title.clone(),
            "a series",
            "none",
            format!("{} selects nothing", found.select),
        )
    };
    if to.count == 0 {
        return absent(to);
    }
    if of.count == 0 && !rule.no_part_is_zero {
        return absent(of);
    }
    let (Some(part), Some(whole)) = (sum_of(of), sum_of(to)) else {
        return not_finite(&rule.title, &rule.is.to_string());
    };
    if whole < rule.min_total || whole <= 0.0 {
        let expected = format!("at least {} counted", rule.min_total);
        let message = format!("{}: {whole} is too little to judge a share of", rule.title);
        return Finding::fail(
            "MET-13",
            rule.title.clone(),
            expected,
            whole.to_string(),
            message,
        )
        .as_unknown();
    }
    number("MET-52", rule.title.clone(), &rule.is, part / whole)
}

/// Judges quantiles.
pub(super) fn quantiles(metrics: &Metrics, page: &Page) -> Vec<Finding> {
    let rules = metrics.quantiles.iter().zip(&page.histograms);
    rules
        .map(|(rule, buckets)| quantile(rule, buckets))
        .collect()
}

/// Judges one quantile by whole buckets.
fn quantile(rule: &QuantileRule, buckets: &Buckets) -> Finding {
    let name = rule.histogram.to_string();
    let percent = rule.quantile * 100.0;
    let bound = rule.bound().unwrap_or_default();
    let subject = format!("{percent}% of {name}");
    let expected = format!("at most {bound}");
    let all = buckets.edges.last().filter(|(edge, _)| edge.is_none());
    let (Some((_, total)), false) = (all, buckets.mixed) else {
        let (code, actual) = if buckets.mixed {
            (
                "MET-18",
                "series with different buckets, which cannot be added",
            )
        } else {
            ("MET-02", "no histogram")
        };
        let message = format!("{name}: {actual}");
        let finding = Finding::fail(code, subject, expected, actual, message);
        return if buckets.mixed {
            finding.as_unknown()
        } else {
            finding
        };
    };
    if *total < rule.enough() {
        let actual = format!("{total} observations");
        let message = format!("{name} has {actual}, too few to judge {percent}% of them");
        let expected = format!("at least {} observations", rule.enough());
        return Finding::fail("MET-13", subject, expected, actual, message).as_unknown();
    }
    let share = |count: f64| count / total;
    let finite = || {
        buckets
            .edges
            .iter()
            .filter_map(|(edge, count)| Some(((*edge)?, *count)))
    };
    let near = bound * (1.0 + 1e-9);
    let below = finite().rfind(|(edge, _)| *edge <= near);
    let above = finite().find(|(edge, _)| *edge >= bound * (1.0 - 1e-9));
    let text = |edge: f64, count: f64| format!("{:.2}% at most {edge}", share(count) * 100.0);
    if let Some((edge, count)) = below.filter(|(_, count)| share(*count) >= rule.quantile) {
        return Finding::pass(subject, expected, text(edge, count));
    }
    match above {
        Some((edge, count)) if share(count) < rule.quantile => {
            let actual = text(edge, count);
            let message = format!("{name} is too slow or too large: {actual}, not {percent}%");
            Finding::fail("MET-53", subject, expected, actual, message)
        }
        _ => {
            let edges: Vec<String> = finite().map(|(edge, _)| edge.to_string()).collect();
            let actual = format!("buckets up to {}", edges.join(", "));
            let message = format!(
                "no bucket of {name} ends at {bound}: whether the bound is kept cannot be told"
            );
            Finding::fail("MET-18", subject, expected, actual, message).as_unknown()
        }
    }
}
