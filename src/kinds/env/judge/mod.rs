//! Judges shapes and answers against the rules.

mod groups;
mod items;
mod value;

use jiff::Timestamp;

use super::Env;
use super::facts::{Facts, State, Variable};
use super::rule::Rule;
use crate::dotenv::shape::Shape;
use crate::outcome::Finding;

use items::Asked;
use value::Judged;

/// Judges everything that was seen.
pub(super) fn judge(spec: &Env, facts: &Facts, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rules = spec.each_rule();
    for (name, rule) in &rules {
        variable(
            spec,
            rule,
            find(&facts.variables, name),
            name,
            now,
            &mut findings,
        );
    }
    groups::groups(spec, facts, &mut findings);
    groups::conditions(spec, facts, now, &mut findings);
    groups::switches(spec, facts, &mut findings);
    for name in &spec.vars {
        if !rules.iter().any(|(ruled, _)| ruled == name) {
            let seen = match state(facts, name) {
                State::Set => "set",
                State::Empty => "empty",
                State::Absent => "not set",
                State::Command => "the output of a command",
            };
            findings.push(Finding::pass(name, "visible to `assert`", seen));
        }
    }
    findings
}

/// The variable of a rule.
fn find<'a>(variables: &'a [Variable], name: &str) -> Option<&'a Variable> {
    variables.iter().find(|variable| variable.name == name)
}

/// Whether a variable is there.
fn state(facts: &Facts, name: &str) -> State {
    facts.states.get(name).copied().unwrap_or(State::Absent)
}

/// Judges one variable.
fn variable(
    spec: &Env,
    rule: &Rule,
    seen: Option<&Variable>,
    name: &str,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    let Some(seen) = seen else {
        findings.push(
            Finding::fail(
                "ENV-01",
                name,
                "observed",
                "not recorded",
                format!("{name} was not looked at when these facts were recorded"),
            )
            .as_unknown(),
        );
        return;
    };
    if let Some(finding) = presence(rule, seen) {
        findings.push(finding);
        return;
    }
    let Some(shape) = &seen.shape else {
        findings.push(unknown(name, "its value was not recorded"));
        return;
    };
    let judged = Judged {
        spec,
        rule,
        seen,
        shape,
        actual: actual(seen, shape),
    };
    let before = findings.len();
    if judged.published(findings) {
        return;
    }
    judged.form(findings);
    judged.text(findings);
    judged.strength(findings);
    judged.numbers(findings);
    if let Some(url) = &shape.url {
        let asked = Asked {
            schemes: rule.scheme.as_ref(),
            local: rule.forbid_local,
            local_is_advice: spec.production && !rule.forbid_local,
            private: rule.forbid_private,
            tls: rule.require_tls,
        };
        asked.judge(name, &judged.actual, url, findings);
    } else if rule.scheme.is_some() || rule.require_tls {
        findings.push(Finding::fail(
            "ENV-20",
            name,
            "a URL",
            judged.actual.clone(),
            format!("{name} is no URL, so that nothing can be said about its scheme"),
        ));
    }
    judged.relations(findings);
    judged.expiry(now, findings);
    if let Some(list) = rule.list.as_ref() {
        judged.list(list, findings);
    }
    if findings.len() == before {
        findings.push(Finding::pass(name, expected(rule), judged.actual));
    }
}

/// The finding when presence alone decides.
fn presence(rule: &Rule, seen: &Variable) -> Option<Finding> {
    let name = &seen.name;
    if rule.forbidden {
        return Some(if seen.state == State::Absent {
            Finding::pass(name, "not set", "not set")
        } else {
            Finding::fail(
                "ENV-54",
                name,
                "not set",
                "set",
                format!("{name} must not be set here"),
            )
        });
    }
    match seen.state {
        State::Set => None,
        State::Command => Some(unknown(
            name,
            "its value is the output of a command, which readyctl does not run",
        )),
        State::Absent if rule.required => Some(Finding::fail(
            "ENV-01",
            name,
            "set",
            "not set",
            format!("{name} is not set"),
        )),
        State::Empty if rule.allow_empty => Some(Finding::pass(name, "set, may be empty", "empty")),
        State::Empty if rule.required => Some(Finding::fail(
            "ENV-02",
            name,
            "not empty",
            "empty",
            format!("{name} is set to nothing"),
        )),
        State::Absent => Some(Finding::pass(name, "optional", "not set")),
        State::Empty => Some(Finding::pass(name, "optional", "empty")),
    }
}

/// A statement about a variable that could not be judged.
fn unknown(name: &str, why: &str) -> Finding {
    Finding::fail(
        "ENV-20",
        name,
        "a value",
        "unknown",
        format!("{name} cannot be judged: {why}"),
    )
    .as_unknown()
}

/// What a finding shows of the value.
fn actual(seen: &Variable, shape: &Shape) -> String {
    match &seen.shown {
        Some(shown) => format!("{shown:?}"),
        None => shape.in_words(),
    }
}

/// What a rule asks, for the row of a variable that is as it should be.
fn expected(rule: &Rule) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(kind) = rule.kind {
        parts.push(kind.expected().to_owned());
    }
    for words in [&rule.equals, &rule.one_of].into_iter().flatten() {
        parts.push(words.to_string());
    }
    if let Some(matcher) = &rule.value {
        parts.push(matcher.to_string());
    }
    if let Some(length) = rule.min_length {
        parts.push(format!("at least {length} characters"));
    }
    if let Some(bits) = rule.min_entropy_bits {
        parts.push(format!("at least {bits} bits of entropy"));
    }
    if rule.list.is_some() {
        parts.push("a list of such items".to_owned());
    }
    if parts.is_empty() {
        parts.push(
            if rule.required {
                "set"
            } else {
                "well-formed when set"
            }
            .to_owned(),
        );
    }
    parts.join(", ")
}
