//! Judges targets: up, and scraped a moment ago.

use super::Promql;
use super::facts::{Facts, Target};
use super::judge::unread;
use super::judge_queries::span;
use super::spec::TargetsRule;
use crate::outcome::Finding;

/// Judges the targets.
pub(super) fn targets(promql: &Promql, facts: &Facts) -> Vec<Finding> {
    let Some(rule) = &promql.targets.0 else {
        return Vec::new();
    };
    let targets = match &facts.targets {
        Some(Ok(targets)) => targets,
        Some(Err(fault)) => return vec![unread("MET-08", "targets", fault)],
        None => return Vec::new(),
    };
    let mut findings = Vec::new();
    let mut judged: Vec<&Target> = Vec::new();
    let everything = rule.jobs.is_empty() && rule.urls.is_empty();
    if everything {
        judged.extend(targets);
        if judged.is_empty() {
            findings.push(missing(
                "targets",
                "at least one target",
                "the server scrapes nothing",
            ));
        }
    }
    for job in &rule.jobs {
        let of_job: Vec<&Target> = targets.iter().filter(|target| target.job == *job).collect();
        let min = rule.min.unwrap_or(1);
        let subject = format!("job {job}");
        let (expected, actual) = (format!("{min} targets or more"), of_job.len().to_string());
        if of_job.len() < min {
            let message = format!(
                "the job {job} has {actual} targets: service discovery does not find them, or the job is not configured"
            );
            findings.push(Finding::fail("MET-08", subject, expected, actual, message));
        } else {
            findings.push(Finding::pass(subject, expected, actual));
        }
        judged.extend(of_job);
    }
    for url in &rule.urls {
        let found: Vec<&Target> = targets.iter().filter(|target| target.url == *url).collect();
        if found.is_empty() {
            let message = format!("the server does not scrape {url}");
            findings.push(missing(&format!("target {url}"), "scraped", &message));
        }
        judged.extend(found);
    }
    for target in judged {
        findings.push(health(target));
        findings.extend(age(rule, target, facts.time));
    }
    findings
}

/// The finding of a target that is not there.
fn missing(subject: &str, expected: &str, message: &str) -> Finding {
    Finding::fail("MET-08", subject, expected, "absent", message)
}

/// A target's name in findings.
fn name(target: &Target) -> String {
    format!("target {} of {}", target.url, target.job)
}

/// Judges whether a target is up.
fn health(target: &Target) -> Finding {
    let subject = name(target);
    match target.health.as_str() {
        "up" => Finding::pass(subject, "up", "up"),
        "down" => {
            let message = format!("the last scrape failed: {}", target.error);
            Finding::fail("MET-08", subject, "up", "down", message)
        }
        other => {
            let message = "it was not scraped yet";
            Finding::fail("MET-08", subject, "up", other, message).as_unknown()
        }
    }
}

/// Judges when a target was scraped last.
fn age(rule: &TargetsRule, target: &Target, now: Option<f64>) -> Option<Finding> {
    if target.health == "unknown" {
        return None;
    }
    let subject = format!("last scrape of {}", name(target));
    let bound = match (rule.max_scrape_age, target.interval) {
        (Some(bound), _) => bound.0.as_secs_f64(),
        (None, Some(interval)) => interval * 3.0,
        (None, None) => 180.0,
    };
    let expected = format!("at most {} ago", span(bound));
    let (Some(now), Some(last)) = (now, target.last) else {
        let message = "when it was scraped last is not known";
        return Some(Finding::fail("MET-09", subject, expected, "unknown", message).as_unknown());
    };
    let age = now - last;
    let actual = format!("{} ago", span(age));
    Some(if age <= bound {
        Finding::pass(subject, expected, actual)
    } else {
        let message = format!(
            "the server has not scraped it for {}: what it shows is old",
            span(age)
        );
        Finding::fail("MET-09", subject, expected, actual, message)
    })
}
