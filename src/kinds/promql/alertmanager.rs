//! Judges whether an alert would reach anybody.

use super::Promql;
use super::facts::{Facts, Manager};
use super::judge::unread;
use super::spec::Alertmanager;
use crate::expect::TimeSpan;
use crate::outcome::{Cause, Finding};

/// Judges the way from Prometheus through Alertmanager.
pub(super) fn judge(promql: &Promql, facts: &Facts) -> Vec<Finding> {
    let Some(rule) = &promql.alertmanager else {
        return Vec::new();
    };
    let subject = "Alertmanagers that Prometheus knows";
    let mut findings = vec![match &facts.notifies {
        Some(Ok(list)) if list.is_empty() => {
            let message =
                "the server sends its alerts nowhere: `alerting.alertmanagers` finds none";
            Finding::fail("MET-15", subject, "at least one", "none", message)
        }
        Some(Ok(list)) => Finding::pass(subject, "at least one", list.join(", ")),
        Some(Err(fault)) => unread("MET-15", subject, fault),
        None => Finding::fail(
            "MET-15",
            subject,
            "at least one",
            "unknown",
            "this was not asked",
        )
        .as_unknown(),
    }];
    match &facts.alertmanager {
        Some(Ok(manager)) => findings.extend(of_manager(rule, manager)),
        Some(Err(fault)) => {
            let message = format!("the Alertmanager does not answer: {}", fault.message);
            let finding = Finding::fail("MET-15", "Alertmanager", "an answer", "none", message);
            let certain = fault.cause == Cause::Refused;
            findings.push(if certain {
                finding
            } else {
                finding.as_unknown()
            });
        }
        None => {}
    }
    findings
}

/// Judges the state of an Alertmanager.
fn of_manager(rule: &Alertmanager, manager: &Manager) -> Vec<Finding> {
    let mut findings = Vec::new();
    let subject = "receivers";
    let names = manager.receivers.join(", ");
    findings.push(match manager.notifies {
        Some(true) => Finding::pass(subject, "one that notifies somebody", names),
        Some(false) => {
            let message = "no receiver has an integration: every alert ends here";
            Finding::fail(
                "MET-15",
                subject,
                "one that notifies somebody",
                names,
                message,
            )
        }
        None => {
            let message = "the Alertmanager does not show its configuration";
            Finding::fail(
                "MET-15",
                subject,
                "one that notifies somebody",
                names,
                message,
            )
            .as_unknown()
        }
    });
    for name in &rule.receivers {
        let subject = format!("receiver {name}");
        findings.push(if manager.receivers.contains(name) {
            Finding::pass(subject, "configured", "configured")
        } else {
            let message = format!("there is no receiver {name}");
            Finding::fail("MET-15", subject, "configured", "absent", message)
        });
    }
    let before = findings.len();
    for silence in &manager.silences {
        let length = silence.ends.duration_since(silence.starts);
        let length = TimeSpan(length.try_into().unwrap_or_default());
        let subject = format!("silence of {}", silence.matchers);
        if silence.everything {
            let message = "every alert is silenced";
            findings.push(Finding::fail(
                "MET-15",
                subject,
                "not everything",
                "everything",
                message,
            ));
        } else if length > rule.max_silence {
            let expected = format!("at most {}", rule.max_silence);
            let message = "an alert that is silenced for so long should be removed or repaired";
            findings.push(Finding::fail(
                "MET-15",
                subject,
                expected,
                length.to_string(),
                message,
            ));
        }
    }
    if findings.len() == before {
        let expected = format!("none of everything, none over {}", rule.max_silence);
        let actual = format!("{} active", manager.silences.len());
        findings.push(Finding::pass("silences", expected, actual));
    }
    findings
}

/// Judges the alert that must always fire.
pub(super) fn dead_man(promql: &Promql, facts: &Facts) -> Vec<Finding> {
    let Some(rule) = &promql.dead_mans_switch.0 else {
        return Vec::new();
    };
    let subject = "dead man's switch";
    let rules = match &facts.rules {
        Some(Ok(rules)) => rules,
        Some(Err(fault)) => return vec![unread("MET-16", subject, fault)],
        None => return Vec::new(),
    };
    let found: Vec<_> = rules
        .iter()
        .filter(|r| r.alerting && rule.is(&r.name))
        .collect();
    let Some(first) = found.first() else {
        let message = "no alert fires always, so nobody notices when alerting itself is broken";
        return vec![Finding::fail(
            "MET-16", subject, "firing", "absent", message,
        )];
    };
    let Some(firing) = found.iter().find(|rule| !rule.firing.is_empty()) else {
        let message = format!("{} does not fire, although it always should", first.name);
        return vec![Finding::fail(
            "MET-16",
            subject,
            "firing",
            "not firing",
            message,
        )];
    };
    let mut findings = vec![Finding::pass(subject, "firing", firing.name.clone())];
    if let Some(Ok(manager)) = &facts.alertmanager {
        let subject = "dead man's switch in the Alertmanager";
        findings.push(if manager.alerts.contains(&firing.name) {
            Finding::pass(subject, "present", firing.name.clone())
        } else {
            let message = format!(
                "{} fires, but does not arrive at the Alertmanager, or is silenced there",
                firing.name
            );
            Finding::fail("MET-16", subject, "present", "absent", message)
        });
    }
    findings
}
