//! Judges answers to expressions.

use std::sync::LazyLock;

use regex::Regex;

use super::api::seconds;
use super::facts::{Answer, Facts};
use super::spec::{Ask, BucketRule, QueryRule};
use super::{Promql, presence as count_of};
use crate::expect::TimeSpan;
use crate::kinds::metrics::{OnEmpty, number};
use crate::outcome::{Finding, Judged};

/// The finding that an answer proves nothing: refused, partial, not there.
fn useless(title: &str, answer: Option<&Answer>) -> Option<Finding> {
    let fail = |actual: String, message: String| {
        Some(Finding::fail("MET-10", title, "a whole answer", actual, message).as_unknown())
    };
    let Some(answer) = answer else {
        return fail("none".to_owned(), format!("{title} was not asked"));
    };
    if let Some(error) = &answer.error {
        return fail(
            error.clone(),
            format!("the server refuses the expression: {error}"),
        );
    }
    if answer.warnings.is_empty() {
        return None;
    }
    let warnings = answer.warnings.join("; ");
    let message = format!("the answer came with a warning, so it may be a part only: {warnings}");
    fail(warnings, message)
}

/// The only value of an answer.
///
/// # Errors
/// The finding that says why there is none; an empty answer gives none at all.
pub(super) fn single(title: &str, answer: Option<&Answer>) -> Result<Option<f64>, Box<Finding>> {
    if let Some(finding) = useless(title, answer) {
        return Err(Box::new(finding));
    }
    let series = answer.map_or(&[][..], |answer| &answer.series);
    match series {
        [] => Ok(None),
        [one] if one.values.len() == 1 => match one.values.first() {
            Some(Some(value)) => Ok(Some(*value)),
            _ => Err(Box::new(not_a_number(title, "a number"))),
        },
        _ => {
            let actual = format!("{} series", answer.map_or(0, |answer| answer.count));
            let message = format!("{title} must give one number: aggregate with sum()");
            Err(Box::new(Finding::fail(
                "MET-11",
                title,
                "one number",
                actual,
                message,
            )))
        }
    }
}

/// The finding of NaN.
fn not_a_number(title: &str, expected: &str) -> Finding {
    let message = format!("{title} is NaN or infinite: usually a division without traffic");
    Finding::fail("MET-10", title, expected, "NaN or infinite", message).as_unknown()
}

/// Judges series that must exist.
pub(super) fn presence(promql: &Promql, facts: &Facts) -> Vec<Finding> {
    let list = promql.series.iter();
    list.map(|selector| exists(&selector.to_string(), facts.answer(&count_of(selector))))
        .collect()
}

/// Judges one of them.
fn exists(selector: &str, answer: Option<&Answer>) -> Finding {
    match single(selector, answer) {
        Err(finding) => *finding,
        Ok(Some(count)) if count >= 1.0 => {
            Finding::pass(selector, "at least one series", format!("{count} series"))
        }
        Ok(_) => {
            let message = format!(
                "the server has no series {selector}: nothing exports it, or it is not scraped"
            );
            Finding::fail("MET-10", selector, "at least one series", "none", message)
        }
    }
}

/// Judges expressions.
pub(super) fn queries(promql: &Promql, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in &promql.queries {
        if let Some(selector) = &rule.exists {
            let finding = exists(&selector.to_string(), facts.answer(&count_of(selector)));
            let red = finding.verdict != Judged::Pass;
            findings.push(finding);
            if red {
                continue;
            }
        }
        findings.extend(query(rule, facts.answer(&rule.ask())));
    }
    findings
}

/// Judges one expression.
fn query(rule: &QueryRule, answer: Option<&Answer>) -> Vec<Finding> {
    let title = rule.title();
    if let Some(finding) = useless(&title, answer) {
        return vec![finding];
    }
    let Some(answer) = answer else {
        return Vec::new();
    };
    let wanted = if rule.range.is_some() {
        "matrix"
    } else {
        "vector"
    };
    if answer.kind != wanted && answer.kind != "scalar" {
        let message = format!(
            "{title} gives a {}, which has no single value a series: leave the window out, or use a function over it",
            answer.kind
        );
        let expected = format!("a {wanted}");
        return vec![Finding::fail(
            "MET-11",
            title,
            expected,
            answer.kind.clone(),
            message,
        )];
    }
    let mut findings = Vec::new();
    if let Some(matcher) = &rule.count {
        #[expect(clippy::cast_precision_loss, reason = "bounded by the answer")]
        let count = answer.count as f64;
        findings.push(number(
            "MET-62",
            format!("number of series of {title}"),
            matcher,
            count,
        ));
    }
    if rule.one && answer.count > 1 {
        let message = format!("{title} gives several series where one is meant: aggregate");
        let actual = format!("{} series", answer.count);
        findings.push(Finding::fail(
            "MET-11",
            title.clone(),
            "one series",
            actual,
            message,
        ));
    }
    if answer.count == 0 && (rule.value.is_some() || rule.one) {
        findings.push(empty(rule, &title));
        return findings;
    }
    findings.extend(coverage(rule, answer, &title));
    findings.extend(values(rule, answer, &title));
    findings
}

/// Judges an empty answer.
fn empty(rule: &QueryRule, title: &str) -> Finding {
    let message = format!("{title} gives nothing: whether that is healthy cannot be told");
    let red = Finding::fail("MET-10", title, "a value", "nothing", message);
    match rule.on_empty {
        OnEmpty::Fail => red,
        OnEmpty::Unknown => red.as_unknown(),
        OnEmpty::Pass => Finding::pass(title, "a value, or nothing", "nothing"),
    }
}

/// Judges how much of a range has values.
fn coverage(rule: &QueryRule, answer: &Answer, title: &str) -> Option<Finding> {
    rule.range?;
    let steps = rule.steps();
    let wanted = rule.min_points.unwrap_or(steps.div_ceil(2));
    let actual = format!("{} of {steps}", answer.times);
    let expected = format!("a value at {wanted} steps or more");
    let subject = format!("coverage of {title}");
    Some(if answer.times >= wanted {
        Finding::pass(subject, expected, actual)
    } else {
        let message =
            format!("{title} has values at {actual} steps only: the rest of the time is not known");
        Finding::fail("MET-13", subject, expected, actual, message).as_unknown()
    })
}

/// Judges every value.
fn values(rule: &QueryRule, answer: &Answer, title: &str) -> Vec<Finding> {
    let Some(matcher) = &rule.value else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for series in &answer.series {
        let subject = match series.name.as_str() {
            "{}" | "scalar" => title.to_owned(),
            name => format!("{title}: {name}"),
        };
        let judged = series.values.iter().map(|value| match value {
            Some(value) => number("MET-61", subject.clone(), matcher, *value),
            None => not_a_number(&subject, &matcher.to_string()),
        });
        // Of a range the worst value stands for all.
        let mut judged: Vec<Finding> = judged.collect();
        if judged.is_empty() {
            judged.push(not_a_number(&subject, &matcher.to_string()));
        }
        judged.sort_by_key(|finding| finding.verdict == Judged::Pass);
        let red = judged.iter().filter(|f| f.verdict != Judged::Pass).count();
        let all = judged.len();
        findings.extend(judged.into_iter().next().map(|mut first| {
            if all > 1 && red > 0 {
                first.actual = format!("{} at {red} of {all} times", first.actual);
            }
            first
        }));
    }
    findings.sort_by_key(|finding| finding.verdict == Judged::Pass);
    findings.truncate(20);
    if answer.more {
        let message = format!("{title} gives more values than are looked at: aggregate");
        let actual = format!("{} series", answer.count);
        findings.push(Finding::fail("MET-11", title, "fewer values", actual, message).as_unknown());
    }
    findings
}

/// A rate with the window it is taken over.
static RATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(?:rate|irate|increase)\s*\(\s*[^()\[\]]*\[\s*([0-9][0-9a-z]*)\s*\]").ok()
});

/// The shortest window of a rate in an expression, in seconds. Where brackets stand inside label
/// values it is not looked for.
pub(super) fn rate_window(expr: &str) -> Option<f64> {
    let found = RATE.as_ref()?.captures_iter(expr);
    found
        .filter_map(|captures| seconds(captures.get(1)?.as_str()))
        .min_by(f64::total_cmp)
}

/// Judges windows of rates against the shortest scrape interval: below twice of it a rate has fewer
/// than two samples, and gives nothing.
pub(super) fn windows(promql: &Promql, facts: &Facts) -> Vec<Finding> {
    let Some(Ok(targets)) = &facts.targets else {
        return Vec::new();
    };
    let shortest = targets
        .iter()
        .filter_map(|target| target.interval)
        .min_by(f64::total_cmp);
    let Some(interval) = shortest.filter(|interval| *interval > 0.0) else {
        return Vec::new();
    };
    let mut named = promql.windows();
    if promql.rules.0.is_some()
        && let Some(Ok(rules)) = &facts.rules
    {
        let rules = rules
            .iter()
            .map(|rule| (format!("rule {}", rule.name), rule.expr.clone()));
        named.extend(rules);
    }
    let mut findings = Vec::new();
    for (title, expr) in named {
        let Some(window) = rate_window(&expr) else {
            continue;
        };
        let expected = format!("at least {}", span(2.0 * interval));
        let subject = format!("window of a rate in {title}");
        if window < 2.0 * interval {
            let message = format!(
                "the window is shorter than two scrapes ({} apart), so the rate gives nothing",
                span(interval)
            );
            findings.push(Finding::fail(
                "MET-17",
                subject,
                expected,
                span(window),
                message,
            ));
        } else if findings.len() < 20 {
            findings.push(Finding::pass(subject, expected, span(window)));
        }
    }
    findings
}

/// Seconds as people read them.
pub(super) fn span(seconds: f64) -> String {
    let duration = std::time::Duration::try_from_secs_f64(seconds.max(0.0));
    TimeSpan(duration.unwrap_or(std::time::Duration::MAX)).to_string()
}

/// Judges bucket edges.
pub(super) fn buckets(promql: &Promql, facts: &Facts) -> Vec<Finding> {
    let rules = promql.buckets.iter();
    rules
        .map(|rule| bucket(rule, facts.answer(&rule.ask())))
        .collect()
}

/// Judges the edges of one histogram.
fn bucket(rule: &BucketRule, answer: Option<&Answer>) -> Finding {
    let subject = format!("buckets of {}", rule.histogram);
    let bound = rule.bound().unwrap_or_default();
    let expected = format!("an edge at {bound}");
    if let Some(finding) = useless(&subject, answer) {
        return finding;
    }
    let mut edges: Vec<f64> = answer
        .iter()
        .flat_map(|answer| &answer.series)
        .filter_map(|series| series.le.as_ref()?.parse().ok())
        .collect();
    edges.sort_by(f64::total_cmp);
    let shown: Vec<String> = edges.iter().map(ToString::to_string).collect();
    let actual = shown.join(", ");
    if edges.is_empty() {
        let message = format!("the server has no histogram {}", rule.histogram);
        return Finding::fail("MET-10", subject, expected, "no bucket", message);
    }
    if edges
        .iter()
        .any(|edge| (edge - bound).abs() <= bound * 1e-9)
    {
        return Finding::pass(subject, expected, actual);
    }
    if edges.iter().any(|edge| edge.is_finite() && *edge > bound) {
        let message = format!(
            "no bucket of {} ends at {bound}: shares and quantiles around it are guesses",
            rule.histogram
        );
        return Finding::fail("MET-18", subject, expected, actual, message).as_warning();
    }
    let message = format!(
        "the largest bucket of {} ends below {bound}: a quantile can never exceed it, so no alert on it can fire",
        rule.histogram
    );
    Finding::fail("MET-18", subject, expected, actual, message)
}

/// The answer to an instant expression by its text.
pub(super) fn of<'a>(facts: &'a Facts, expr: &str) -> Option<&'a Answer> {
    facts.answer(&Ask::instant(expr))
}
