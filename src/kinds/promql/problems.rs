//! Contradictions inside a check that its types cannot express.

use url::Url;

use super::spec::{AlertRule, Alerts, BurnRate, QueryRule};
use super::{Promql, SpecProblem};
use crate::kinds::auth::url_problem;
use crate::kinds::metrics::OnEmpty;

/// Most expressions of one check.
const MAX_ASKS: usize = 100;
/// Most steps of a range.
const MAX_STEPS: u64 = 1000;

/// Every problem.
pub(super) fn of(promql: &Promql) -> Vec<SpecProblem> {
    let mut found = Vec::new();
    found.extend(url_problem(
        "url",
        &promql.url,
        "https://prometheus.internal:9090",
    ));
    found.extend(promql.auth.as_ref().and_then(|auth| auth.problem("auth")));
    if is_empty(promql) {
        found.push(SpecProblem::at(
            "",
            "nothing is looked at",
            "name at least one of `series`, `queries`, `targets`, `rules`, `alerts`, `burn_rate`, `retention`, `buckets`, `max_clock_skew`, `alertmanager`, `dead_mans_switch`",
        ));
    }
    if promql.asks().len() > MAX_ASKS {
        found.push(SpecProblem::at(
            "",
            "these are more expressions than one check may send",
            format!("keep at most {MAX_ASKS}, and make another check of the rest"),
        ));
    }
    for (index, rule) in promql.queries.iter().enumerate() {
        query(rule, &format!("queries[{index}]"), &mut found);
    }
    for (index, rule) in promql.burn_rate.iter().enumerate() {
        burn_rate(rule, &format!("burn_rate[{index}]"), &mut found);
    }
    for (index, rule) in promql.buckets.iter().enumerate() {
        let at = format!("buckets[{index}]");
        if !rule
            .bound()
            .is_some_and(|bound| bound.is_finite() && bound > 0.0)
        {
            found.push(SpecProblem::at(
                at.clone(),
                "a histogram has exactly one threshold, above 0",
                "write `threshold: 500ms` or `value: 250`",
            ));
        }
        if rule.histogram.name.is_empty() || rule.histogram.name.ends_with("_bucket") {
            found.push(SpecProblem::at(
                format!("{at}.histogram"),
                "this is not the name of a histogram",
                "write the name without `_bucket`, for example `http_request_duration_seconds`",
            ));
        }
    }
    found.extend(promql.alerts.iter().flat_map(alerts));
    if promql
        .targets
        .0
        .as_ref()
        .is_some_and(|rule| rule.min == Some(0))
    {
        found.push(SpecProblem::at(
            "targets.min",
            "no target at all would be enough",
            "write a number from 1",
        ));
    }
    if let Some(rule) = &promql.alertmanager {
        let example = "https://alertmanager.internal:9093";
        let field = "alertmanager.url";
        found.extend(
            rule.url
                .as_ref()
                .and_then(|url| url_problem(field, url, example)),
        );
        found.extend(
            rule.auth
                .as_ref()
                .and_then(|auth| auth.problem("alertmanager.auth")),
        );
        if rule.url.is_none() && (rule.auth.is_some() || !rule.receivers.is_empty()) {
            found.push(SpecProblem::at(
                "alertmanager",
                "without its address the Alertmanager is not asked",
                "add `url`",
            ));
        }
    }
    found.extend(query_in_url(promql));
    found
}

/// A query in the address would be sent along with everything.
fn query_in_url(promql: &Promql) -> Option<SpecProblem> {
    let url = Url::parse(&promql.url).ok()?;
    (url.query().is_some() || url.fragment().is_some()).then(|| {
        SpecProblem::at(
            "url",
            "this is the address of a page, not of the server",
            "write scheme, host, port and path prefix only",
        )
    })
}

/// Whether nothing is expected.
fn is_empty(promql: &Promql) -> bool {
    promql.asks().is_empty()
        && promql.targets.0.is_none()
        && promql.rules.0.is_none()
        && promql.alerts.is_none()
        && promql.retention.is_none()
        && promql.alertmanager.is_none()
        && promql.dead_mans_switch.0.is_none()
}

/// An expression.
fn query(rule: &QueryRule, at: &str, found: &mut Vec<SpecProblem>) {
    if rule.expr.trim().is_empty() {
        found.push(SpecProblem::at(
            format!("{at}.expr"),
            "there is no expression",
            "write PromQL, for example `sum(up)`",
        ));
    }
    if rule.value.is_none() && rule.count.is_none() {
        found.push(SpecProblem::at(
            at,
            "nothing is expected of this expression",
            "add `value` or `count`, or name the series in `series`",
        ));
    }
    if rule.on_empty == OnEmpty::Pass && rule.exists.is_none() {
        found.push(SpecProblem::at(
            format!("{at}.on_empty"),
            "an answer with nothing in it would be green even if the metric did not exist",
            "add `exists:` with the series that the expression is about",
        ));
    }
    let Some(range) = rule.range else {
        if rule.step.is_some() || rule.min_points.is_some() {
            found.push(SpecProblem::at(
                at,
                "`step` and `min_points` belong to a range",
                "add `range: 1h`, or leave them out",
            ));
        }
        return;
    };
    if range.as_secs() < 60 || range.as_secs() > 31 * 86_400 {
        found.push(SpecProblem::at(
            format!("{at}.range"),
            "this range is out of bounds",
            "write a time from 1m to 31d",
        ));
    }
    if rule.step().as_secs() < 15 || rule.steps() > MAX_STEPS {
        found.push(SpecProblem::at(
            format!("{at}.step"),
            "these steps are too small",
            format!("write 15s or more, so that there are at most {MAX_STEPS} of them"),
        ));
    }
    if rule
        .min_points
        .is_some_and(|min| min == 0 || min > rule.steps())
    {
        found.push(SpecProblem::at(
            format!("{at}.min_points"),
            format!(
                "this is not between 1 and the number of steps, {}",
                rule.steps()
            ),
            "write how many steps must have a value",
        ));
    }
}

/// An error budget.
fn burn_rate(rule: &BurnRate, at: &str, found: &mut Vec<SpecProblem>) {
    if !(rule.slo > 0.0 && rule.slo < 100.0) {
        found.push(SpecProblem::at(
            format!("{at}.slo"),
            "an objective is between 0 and 100 percent; at 100 there is no budget",
            "write it like `99.9`",
        ));
    }
    if rule.errors.is_some() == rule.good.is_some() {
        found.push(SpecProblem::at(
            at,
            "a budget counts either errors or good events",
            "write one of `errors` and `good`",
        ));
    }
    let parts = [("errors", &rule.errors), ("good", &rule.good)];
    let whole = ("total", rule.total.as_str());
    let expressions = parts
        .into_iter()
        .filter_map(|(name, expr)| Some((name, expr.as_deref()?)));
    for (name, expr) in expressions.chain([whole]) {
        if !expr.contains("[window") || !(expr.contains("rate") || expr.contains("increase")) {
            found.push(SpecProblem::at(
                format!("{at}.{name}"),
                "this is no rate over `[window]`",
                "write it like `sum(rate(http_requests_total[window]))`",
            ));
        }
    }
    if rule.windows.is_empty() {
        found.push(SpecProblem::at(
            format!("{at}.windows"),
            "this list is empty",
            "leave it out for the usual windows",
        ));
    }
    for (index, window) in rule.windows.iter().enumerate() {
        let at = format!("{at}.windows[{index}]");
        if window.short >= window.long || window.short.as_secs() < 60 {
            found.push(SpecProblem::at(
                at.clone(),
                "the short window must be shorter than the long one, and 1m or more",
                "write it like `{ long: 1h, short: 5m, factor: 14.4 }`",
            ));
        }
        // Faster than all of the events cannot burn: such a pair could never be red.
        let most = 1.0 / (1.0 - rule.slo / 100.0);
        if !(window.factor > 0.0 && window.factor < most) {
            found.push(SpecProblem::at(
                format!("{at}.factor"),
                format!("even if every event failed, the budget would burn only {most:.0} times too fast"),
                "write a smaller factor above 0",
            ));
        }
    }
    if !rule.min_events.is_finite() || rule.min_events <= 0.0 {
        found.push(SpecProblem::at(
            format!("{at}.min_events"),
            "without any traffic a share means nothing",
            "write a number above 0",
        ));
    }
    if rule
        .min_remaining
        .is_some_and(|least| !(0.0..100.0).contains(&least))
    {
        found.push(SpecProblem::at(
            format!("{at}.min_remaining"),
            "this is no part of a budget",
            "write percent, from 0 to below 100",
        ));
    }
    if rule.no_errors_is_zero && rule.good.is_some() {
        found.push(SpecProblem::at(
            format!("{at}.no_errors_is_zero"),
            "this is about `errors`, and `good` is given",
            "leave it out",
        ));
    }
}

/// Alerts.
fn alerts(alerts: &Alerts) -> Vec<SpecProblem> {
    let mut found = Vec::new();
    if alerts.exist.is_empty() && alerts.none_firing.0.is_none() {
        found.push(SpecProblem::at(
            "alerts",
            "nothing is looked at",
            "add `exist` or `none_firing`",
        ));
    }
    for (index, rule) in alerts.exist.iter().enumerate() {
        if rule.0.as_ref().is_none_or(AlertRule::is_empty) {
            found.push(SpecProblem::at(
                format!("alerts.exist[{index}]"),
                "any alert would do",
                "write its name, or `expr` or `labels`",
            ));
        }
    }
    found
}
