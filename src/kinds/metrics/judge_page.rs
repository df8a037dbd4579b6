//! Judges the page as a whole: its format, its families, its size, secrets inside.

use super::Metrics;
use super::facts::{Known, Page};
use super::spec::FamilyRule;
use crate::exposition::{Broken, Format, MetricType};
use crate::outcome::Finding;

/// Judges the format.
pub(super) fn format(page: &Page) -> Vec<Finding> {
    let expected = "valid";
    let mut findings: Vec<Finding> = page
        .problems
        .iter()
        .map(|problem| {
            let subject = "format";
            let text = problem.to_string();
            match problem.broken {
                Broken::Syntax => Finding::fail(
                    "MET-01",
                    subject,
                    expected,
                    text.clone(),
                    format!("a collector refuses the whole page: {text}"),
                ),
                Broken::Meaning => Finding::fail(
                    "MET-03",
                    subject,
                    expected,
                    text.clone(),
                    format!("the page contradicts itself: {text}"),
                ),
                Broken::Style => {
                    Finding::fail("MET-01", subject, expected, text.clone(), text).as_warning()
                }
            }
        })
        .collect();
    if findings.is_empty() {
        let name = match page.format {
            Some(Format::OpenMetrics) => "OpenMetrics",
            _ => "Prometheus text",
        };
        let actual = format!(
            "{name}, {} series in {} families",
            page.series, page.families
        );
        findings.push(Finding::pass("format", expected, actual));
    }
    let kind = page
        .content_type
        .as_deref()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if !kind.starts_with("text/plain") && !kind.starts_with("application/openmetrics-text") {
        let actual = if kind.is_empty() {
            "none".to_owned()
        } else {
            kind
        };
        findings.push(
            Finding::fail(
                "MET-01",
                "header Content-Type",
                "text/plain; version=0.0.4, or application/openmetrics-text",
                actual,
                "Prometheus from version 3 on refuses a page of this media type",
            )
            .as_warning(),
        );
    }
    findings
}

/// Judges the families that are named.
pub(super) fn families(metrics: &Metrics, page: &Page) -> Vec<Finding> {
    let named = metrics.named_families();
    let mut findings = Vec::new();
    for (known, (_, rule)) in page.known.iter().zip(named) {
        findings.extend(family(known, rule));
    }
    findings
}

/// Judges one family.
fn family(known: &Known, rule: Option<&FamilyRule>) -> Vec<Finding> {
    let subject = format!("family {}", known.name);
    let Some(kind) = known.kind.filter(|_| known.series > 0) else {
        let actual = if known.kind.is_some() {
            "declared, without any series"
        } else {
            "absent"
        };
        let message = format!("{} has no series on this page", known.name);
        return vec![Finding::fail("MET-02", subject, "present", actual, message)];
    };
    let mut findings = vec![Finding::pass(
        &subject,
        "present",
        format!("{} series", known.series),
    )];
    let Some(rule) = rule else { return findings };
    if let Some(wanted) = rule.kind {
        findings.push(of_type(&subject, &known.name, wanted, kind));
    }
    for (label, count, example) in &known.without {
        findings.push(Finding::fail(
            "MET-02",
            subject.clone(),
            format!("label `{label}` in every series"),
            format!("{count} without, for example {example}"),
            format!("{} lacks the label `{label}`", known.name),
        ));
    }
    for (label, value) in &known.absent {
        findings.push(Finding::fail(
            "MET-02",
            subject.clone(),
            format!("a series with {label}={value:?}"),
            "none",
            format!("{} has no series with {label}={value:?}", known.name),
        ));
    }
    let (min, max) = (rule.min_series.unwrap_or(1), rule.max_series);
    if known.series < min {
        let message = format!("{} has fewer series than there must be", known.name);
        let (expected, actual) = (format!("at least {min} series"), known.series.to_string());
        findings.push(Finding::fail(
            "MET-02",
            subject.clone(),
            expected,
            actual,
            message,
        ));
    }
    if let Some(max) = max.filter(|max| known.series > *max) {
        let message = format!(
            "{} has more series than a collector should keep",
            known.name
        );
        let (expected, actual) = (format!("at most {max} series"), known.series.to_string());
        findings.push(Finding::fail("MET-05", subject, expected, actual, message));
    }
    findings
}

/// Judges the declared type.
fn of_type(subject: &str, name: &str, wanted: MetricType, kind: MetricType) -> Finding {
    let expected = format!("type {wanted}");
    if kind == wanted {
        return Finding::pass(subject, expected, kind.to_string());
    }
    let message = if kind == MetricType::Unknown {
        format!("{name} has no TYPE line")
    } else {
        format!("{name} is a {kind}: expressions written for a {wanted} give nonsense")
    };
    Finding::fail("MET-03", subject, expected, kind.to_string(), message)
}

/// Judges how many series and values there are.
pub(super) fn cardinality(metrics: &Metrics, page: &Page) -> Vec<Finding> {
    let Some(rule) = &metrics.cardinality.0 else {
        return Vec::new();
    };
    let expected = format!("at most {} series", rule.max_series);
    let actual = page.series.to_string();
    let mut findings = vec![if page.series <= rule.max_series {
        Finding::pass("cardinality", expected, actual)
    } else {
        let largest: Vec<String> = page
            .largest
            .iter()
            .map(|(name, count)| format!("{name} ({count})"))
            .collect();
        let message = format!("the largest families are {}", largest.join(", "));
        Finding::fail("MET-05", "cardinality", expected, actual, message)
    }];
    let max = rule.max_label_values;
    for (family, label, count) in page.widest.iter().filter(|(_, _, count)| *count > max) {
        findings.push(Finding::fail(
            "MET-05",
            format!("label {label} of {family}"),
            format!("at most {max} values"),
            count.to_string(),
            format!("`{label}` of {family} has {count} values: it grows with use, not with code"),
        ));
    }
    for (family, label) in &page.forbidden {
        findings.push(Finding::fail(
            "MET-05",
            format!("label {label} of {family}"),
            "absent",
            "present",
            format!("`{label}` has a value of its own for every user or request"),
        ));
    }
    findings
}

/// Judges secrets in label values.
pub(super) fn secrets(page: &Page) -> Finding {
    let subject = "label values";
    let expected = "no secret and no e-mail address";
    if page.leaks.is_empty() {
        return Finding::pass(subject, expected, "none");
    }
    let found: Vec<String> = page
        .leaks
        .iter()
        .map(|(family, label, what)| format!("{what} in `{label}` of {family}"))
        .collect();
    let message =
        "metrics are kept for long and read by many: a value in a label is public".to_owned();
    Finding::fail("MET-06", subject, expected, found.join(", "), message)
}
