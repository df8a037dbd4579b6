//! What concerns several variables.

use jiff::Timestamp;

use super::{find, state, unknown, variable};
use crate::kinds::env::Env;
use crate::kinds::env::facts::{Facts, State};
use crate::outcome::Finding;

/// Groups of variables.
pub(super) fn groups(spec: &Env, facts: &Facts, findings: &mut Vec<Finding>) {
    let split = |group: &[String]| -> (Vec<String>, Vec<String>) {
        group
            .iter()
            .cloned()
            .partition(|name| matches!(state(facts, name), State::Set | State::Command))
    };
    for group in &spec.require_one_of {
        let (set, _) = split(group);
        let subject = group.join(", ");
        findings.push(if set.is_empty() {
            Finding::fail(
                "ENV-25",
                &subject,
                "at least one is set",
                "none is set",
                format!("none of {subject} is set"),
            )
        } else {
            Finding::pass(&subject, "at least one is set", set.join(", "))
        });
    }
    for group in &spec.together {
        let (set, unset) = split(group);
        let subject = group.join(", ");
        findings.push(if set.is_empty() || unset.is_empty() {
            Finding::pass(
                &subject,
                "all are set, or none",
                if set.is_empty() { "none" } else { "all" },
            )
        } else {
            Finding::fail(
                "ENV-25",
                &subject,
                "all are set, or none",
                format!("only {}", set.join(", ")),
                format!("{} is set without {}", set.join(", "), unset.join(", ")),
            )
        });
    }
    for group in &spec.mutually_exclusive {
        let (set, _) = split(group);
        let subject = group.join(", ");
        findings.push(if set.len() > 1 {
            Finding::fail(
                "ENV-25",
                &subject,
                "at most one is set",
                set.join(", "),
                format!("{} exclude each other", set.join(" and ")),
            )
        } else {
            Finding::pass(
                &subject,
                "at most one is set",
                if set.is_empty() {
                    "none".to_owned()
                } else {
                    set.join(", ")
                },
            )
        });
    }
}

/// Conditions.
pub(super) fn conditions(spec: &Env, facts: &Facts, now: Timestamp, findings: &mut Vec<Finding>) {
    for (index, condition) in spec.conditions.iter().enumerate() {
        let when = condition
            .when
            .iter()
            .map(|(name, matcher)| format!("{name} is {matcher}"))
            .collect::<Vec<_>>()
            .join(" and ");
        let Some(seen) = facts.conditions.get(index) else {
            findings.push(unknown(&when, "this condition was not recorded"));
            continue;
        };
        if !seen.applies {
            findings.push(Finding::pass(when, "applies only then", "does not apply"));
            continue;
        }
        let mut wrong = false;
        for (names, wanted) in [(&condition.require, true), (&condition.forbid, false)] {
            for name in names {
                let is_set = matches!(state(facts, name), State::Set | State::Command);
                if is_set == wanted {
                    continue;
                }
                wrong = true;
                let (expected, actual) = if wanted {
                    ("set", "not set")
                } else {
                    ("not set", "set")
                };
                findings.push(Finding::fail(
                    "ENV-25",
                    name,
                    format!("{expected}, because {when}"),
                    actual,
                    format!("{name} is {actual} although {when}"),
                ));
            }
        }
        if !wrong && (!condition.require.is_empty() || !condition.forbid.is_empty()) {
            findings.push(Finding::pass(when, "what follows from it", "holds"));
        }
        for (name, rule) in condition.rules.iter() {
            variable(spec, rule, find(&seen.variables, name), name, now, findings);
        }
    }
}

/// Switches of development.
pub(super) fn switches(spec: &Env, facts: &Facts, findings: &mut Vec<Finding>) {
    if !spec.production {
        return;
    }
    let mut any = false;
    for name in &facts.switches {
        if spec.accept_switches.contains(name) {
            continue;
        }
        any = true;
        findings.push(Finding::fail(
            "ENV-08",
            name,
            "off, as in production",
            "set as in development",
            format!("{name} switches the program to development"),
        ));
    }
    if !any {
        findings.push(Finding::pass(
            "switches of development",
            "none is on",
            "none",
        ));
    }
}
