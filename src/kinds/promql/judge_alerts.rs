//! Judges rules and alerts: loaded, healthy, there, silent.

use super::Promql;
use super::facts::{Facts, Rule};
use super::judge::unread;
use super::judge_queries::span;
use super::spec::{AlertRule, NoneFiring, is_dead_man};
use crate::outcome::Finding;

/// Most rules that are named one by one.
const NAMED: usize = 20;

/// Judges the rules.
pub(super) fn rules(promql: &Promql, facts: &Facts) -> Vec<Finding> {
    let Some(rule) = &promql.rules.0 else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if let Some(Ok(runtime)) = &facts.runtime
        && let Some(reloaded) = runtime.reloaded
    {
        let subject = "configuration of the server";
        findings.push(if reloaded {
            Finding::pass(subject, "loaded", "loaded")
        } else {
            let message = "the server could not load the configuration on its disk and goes on with an old one";
            Finding::fail("MET-63", subject, "loaded", "an old one is used", message)
        });
    }
    let rules = match &facts.rules {
        Some(Ok(rules)) => rules,
        Some(Err(fault)) => return vec![unread("MET-14", "rules", fault)],
        None => return findings,
    };
    let alerting = rules.iter().filter(|rule| rule.alerting).count();
    let min = rule.min_alerts.unwrap_or(1);
    let expected = format!("{min} or more");
    findings.push(if alerting >= min {
        Finding::pass("alerting rules", expected, alerting.to_string())
    } else {
        let message = "nothing would alert anybody: no rule file is loaded, or it has no alerts";
        Finding::fail(
            "MET-14",
            "alerting rules",
            expected,
            alerting.to_string(),
            message,
        )
    });
    for group in &rule.groups {
        let subject = format!("rule group {group}");
        findings.push(if rules.iter().any(|rule| rule.group == *group) {
            Finding::pass(subject, "loaded", "loaded")
        } else {
            let message = format!("the rule group {group} is not loaded");
            Finding::fail("MET-14", subject, "loaded", "absent", message)
        });
    }
    let mut red: Vec<Finding> = rules
        .iter()
        .filter_map(|rule| health(rule, facts.time))
        .collect();
    if red.is_empty() {
        let actual = format!("{} rules", rules.len());
        findings.push(Finding::pass(
            "evaluation of rules",
            "healthy and recent",
            actual,
        ));
    }
    red.truncate(NAMED);
    findings.extend(red);
    findings
}

/// What is wrong with the evaluation of a rule.
fn health(rule: &Rule, now: Option<f64>) -> Option<Finding> {
    let subject = format!("rule {} of {}", rule.name, rule.group);
    if rule.health == "unknown" || rule.last.is_none() {
        let message = "it was not evaluated yet";
        let finding = Finding::fail("MET-14", subject, "healthy", "not evaluated", message);
        return Some(finding.as_unknown());
    }
    if rule.health != "ok" {
        let message = format!("its evaluation fails: {}", rule.error);
        return Some(Finding::fail(
            "MET-14",
            subject,
            "healthy",
            rule.health.clone(),
            message,
        ));
    }
    let (now, last) = now.zip(rule.last)?;
    let bound = 3.0 * rule.interval.max(1.0);
    let age = now - last;
    (age > bound).then(|| {
        let expected = format!("evaluated at most {} ago", span(bound));
        let message = "it is not evaluated any more";
        Finding::fail(
            "MET-14",
            subject,
            expected,
            format!("{} ago", span(age)),
            message,
        )
    })
}

/// Judges alerts.
pub(super) fn alerts(promql: &Promql, facts: &Facts) -> Vec<Finding> {
    let Some(alerts) = &promql.alerts else {
        return Vec::new();
    };
    let rules = match &facts.rules {
        Some(Ok(rules)) => rules,
        Some(Err(fault)) => return vec![unread("MET-14", "alerting rules", fault)],
        None => return Vec::new(),
    };
    let rules: Vec<&Rule> = rules.iter().filter(|rule| rule.alerting).collect();
    let wanted = alerts.exist.iter().filter_map(|item| item.0.as_ref());
    let mut findings: Vec<Finding> = wanted.map(|wanted| exists(wanted, &rules)).collect();
    if let Some(quiet) = &alerts.none_firing.0 {
        findings.extend(firing(quiet, &rules));
    }
    findings
}

/// Whether a rule is the one that is wanted.
fn is(wanted: &AlertRule, rule: &Rule) -> bool {
    let label = |name: &str| {
        let found = rule.labels.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    wanted
        .name
        .as_ref()
        .is_none_or(|name| name.check_text(Some(&rule.name)).is_ok())
        && wanted
            .expr
            .as_ref()
            .is_none_or(|expr| expr.0.is_match(&rule.expr))
        && wanted
            .about
            .as_ref()
            .is_none_or(|about| about.0.is_match(&rule.name) || about.0.is_match(&rule.expr))
        && wanted
            .labels
            .iter()
            .all(|(name, is)| is.check_text(label(name)).is_ok())
}

/// Judges an alert that must exist.
fn exists(wanted: &AlertRule, rules: &[&Rule]) -> Finding {
    let subject = format!("alert {wanted}");
    let found: Vec<&&Rule> = rules.iter().filter(|rule| is(wanted, rule)).collect();
    if let Some(healthy) = found.iter().find(|rule| rule.health == "ok") {
        return Finding::pass(subject, "a healthy rule", healthy.name.clone());
    }
    match found.first() {
        None => {
            let message = format!("no alerting rule {wanted} is loaded");
            Finding::fail("MET-14", subject, "a healthy rule", "absent", message)
        }
        Some(rule) if rule.health == "unknown" => {
            let message = format!("{} was not evaluated yet", rule.name);
            Finding::fail(
                "MET-14",
                subject,
                "a healthy rule",
                "not evaluated",
                message,
            )
            .as_unknown()
        }
        Some(rule) => {
            let message = format!("{} cannot be evaluated: {}", rule.name, rule.error);
            Finding::fail(
                "MET-14",
                subject,
                "a healthy rule",
                rule.health.clone(),
                message,
            )
        }
    }
}

/// Judges that nothing fires.
fn firing(quiet: &NoneFiring, rules: &[&Rule]) -> Vec<Finding> {
    let subject = "firing alerts";
    if rules.is_empty() {
        let message = "there is no alerting rule, so that none fires means nothing";
        return vec![Finding::fail(
            "MET-14", subject, "none", "no rules", message,
        )];
    }
    let mut blind: Vec<Finding> = Vec::new();
    let mut findings = Vec::new();
    for rule in rules {
        if is_dead_man(&rule.name) || quiet.except.contains(&rule.name) {
            continue;
        }
        if rule.health != "ok" {
            let message = format!(
                "{} is not evaluated, so whether it should fire is not known",
                rule.name
            );
            let finding = Finding::fail("MET-14", &rule.name, "not firing", "unknown", message);
            blind.push(finding.as_unknown());
        }
        for labels in &rule.firing {
            let label = |name: &str| {
                let found = labels.iter().find(|(key, _)| key == name);
                found.map(|(_, value)| value.as_str())
            };
            if !quiet
                .labels
                .iter()
                .all(|(name, is)| is.check_text(label(name)).is_ok())
            {
                continue;
            }
            let shown = crate::exposition::series("", labels);
            let message = format!("{} fires now: {shown}", rule.name);
            let subject = format!("alert {}", rule.name);
            findings.push(Finding::fail(
                "MET-14",
                subject,
                "not firing",
                "firing",
                message,
            ));
        }
    }
    findings.append(&mut blind);
    findings.truncate(NAMED);
    if findings.is_empty() {
        let actual = format!("none of {}", rules.len());
        findings.push(Finding::pass(subject, "none", actual));
    }
    findings
}
