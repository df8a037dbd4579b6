//! Contradictions inside a check that its types cannot express.

use std::time::Duration;

use super::spec::QuantileRule;
use super::{Metrics, SpecProblem};
use crate::kinds::auth::url_problem;

/// Every problem.
pub(super) fn of(metrics: &Metrics) -> Vec<SpecProblem> {
    let mut found = Vec::new();
    found.extend(url_problem(
        "url",
        &metrics.url,
        "https://api.example.com/metrics",
    ));
    found.extend(metrics.auth.as_ref().and_then(|auth| auth.problem("auth")));
    if metrics.max_body.0 == 0 || metrics.max_body.0 > 64 << 20 {
        found.push(SpecProblem::at(
            "max_body",
            "this size is out of range",
            "write a size from 1B to 64MiB",
        ));
    }
    if metrics.only_anonymous() && has_more(metrics) {
        found.push(SpecProblem::at(
            "refuses_anonymous",
            "without `auth` the page must be refused, so nothing of it can be judged",
            "add `auth`, or make the refusal a check of its own",
        ));
    }
    families(metrics, &mut found);
    values(metrics, &mut found);
    for (index, rule) in metrics.quantiles.iter().enumerate() {
        quantile(rule, &format!("quantiles[{index}]"), &mut found);
    }
    second_scrape(metrics, &mut found);
    process(metrics, &mut found);
    if let Some(rule) = &metrics.cardinality.0
        && (rule.max_series == 0 || rule.max_label_values == 0)
    {
        found.push(SpecProblem::at(
            "cardinality",
            "zero series can never be",
            "write a number above 0",
        ));
    }
    found
}

/// Whether anything about the page itself is expected.
fn has_more(metrics: &Metrics) -> bool {
    !metrics.named_families().is_empty()
        || !metrics.selectors().is_empty()
        || !metrics.quantiles.is_empty()
        || metrics.second_scrape.is_some()
        || metrics.process.is_some()
        || metrics.cardinality.0.is_some()
        || metrics.no_secrets
        || metrics.max_latency.is_some()
}

/// Families.
fn families(metrics: &Metrics, found: &mut Vec<SpecProblem>) {
    for (name, rule) in metrics.families.iter() {
        let at = format!("families.{name}");
        let Some(rule) = &rule.0 else {
            found.push(SpecProblem::at(
                at,
                "nothing is looked at",
                "write `true`, a type like `counter`, or leave the family out",
            ));
            continue;
        };
        let min = rule.min_series.unwrap_or(1);
        if min == 0 || rule.max_series.is_some_and(|max| max < min) {
            found.push(SpecProblem::at(
                at.clone(),
                "the bounds for the number of series contradict each other, or are 0",
                "write `min_series` from 1, and `max_series` not below it",
            ));
        }
        if let Some((label, _)) = rule.values.iter().find(|(_, values)| values.is_empty()) {
            found.push(SpecProblem::at(
                format!("{at}.values.{label}"),
                "this list is empty",
                "write the values that must be there, or use `labels`",
            ));
        }
    }
}

/// Samples and ratios.
fn values(metrics: &Metrics, found: &mut Vec<SpecProblem>) {
    for (index, rule) in metrics.samples.iter().enumerate() {
        if rule.value.is_none() && rule.sum.is_none() && rule.count.is_none() {
            found.push(SpecProblem::at(
                format!("samples[{index}]"),
                "nothing is expected of this series",
                "add `value`, `sum` or `count`, or name the family in `require`",
            ));
        }
    }
    for (index, rule) in metrics.ratios.iter().enumerate() {
        if !rule.min_total.is_finite() || rule.min_total <= 0.0 {
            found.push(SpecProblem::at(
                format!("ratios[{index}].min_total"),
                "without any traffic a quotient means nothing",
                "write a number above 0",
            ));
        }
    }
}

/// A quantile.
fn quantile(rule: &QuantileRule, at: &str, found: &mut Vec<SpecProblem>) {
    if !(rule.quantile > 0.0 && rule.quantile < 1.0) {
        found.push(SpecProblem::at(
            format!("{at}.quantile"),
            "a quantile is between 0 and 1",
            "write it like `0.99`",
        ));
    }
    if !rule
        .bound()
        .is_some_and(|bound| bound.is_finite() && bound > 0.0)
    {
        found.push(SpecProblem::at(
            at,
            "a quantile has exactly one bound, above 0",
            "write `max: 500ms` or `max_value: 250`",
        ));
    }
    if rule.histogram.name.is_empty() || rule.histogram.name.ends_with("_bucket") {
        found.push(SpecProblem::at(
            format!("{at}.histogram"),
            "this is not the name of a histogram",
            "write the name without `_bucket`, for example `http_request_duration_seconds`",
        ));
    }
    if rule.min_count == Some(0) {
        found.push(SpecProblem::at(
            format!("{at}.min_count"),
            "without any observation a quantile means nothing",
            "write a number above 0",
        ));
    }
}

/// The second scrape.
fn second_scrape(metrics: &Metrics, found: &mut Vec<SpecProblem>) {
    let Some(rule) = &metrics.second_scrape else {
        return;
    };
    if rule.after.0 < Duration::from_secs(1) || rule.after.0 > Duration::from_secs(300) {
        found.push(SpecProblem::at(
            "second_scrape.after",
            "this time is out of range",
            "write a time from 1s to 5m",
        ));
    }
    if rule.request.len() > 20 {
        found.push(SpecProblem::at(
            "second_scrape.request",
            "this is load, not a look",
            "name at most 20 paths",
        ));
    }
    for (index, path) in rule.request.iter().enumerate() {
        if !path.starts_with('/') || path.starts_with("//") {
            found.push(SpecProblem::at(
                format!("second_scrape.request[{index}]"),
                "only paths of the same origin are asked",
                "write a path like `/health`",
            ));
        }
    }
}

/// The process.
fn process(metrics: &Metrics, found: &mut Vec<SpecProblem>) {
    let Some(rule) = &metrics.process else { return };
    if rule.max_open_fds.is_none()
        && rule.max_memory.is_none()
        && rule.max_memory_growth.is_none()
        && rule.min_uptime.is_none()
    {
        found.push(SpecProblem::at(
            "process",
            "nothing is looked at",
            "name at least one, for example `max_open_fds: 80`",
        ));
    }
    if rule
        .max_open_fds
        .is_some_and(|percent| !(percent > 0.0 && percent < 100.0))
    {
        found.push(SpecProblem::at(
            "process.max_open_fds",
            "this is not between 0 and 100",
            "write percent: `max_open_fds: 80`",
        ));
    }
    if rule.max_memory_growth.is_some() && metrics.second_scrape.is_none() {
        found.push(SpecProblem::at(
            "process.max_memory_growth",
            "growth shows between two scrapes only",
            "add `second_scrape: { after: 30s }`",
        ));
    }
}
