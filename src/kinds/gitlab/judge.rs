//! Judges what was seen.

use jiff::Timestamp;

use super::facts::{BranchSeen, CommitSeen, Facts, ReleaseSeen, ScheduleSeen, VariableSeen};
use super::spec::{Branch, Commit, Gitlab, Release, Variable};
use crate::expect::TimeSpan;
use crate::forge::{ago, within};
use crate::outcome::Finding;

/// Every statement about the project.
pub(super) fn judge(spec: &Gitlab, facts: &Facts, now: Timestamp) -> Vec<Finding> {
    let mut out = Vec::new();
    if let (Some(wanted), Some(seen)) = (&spec.commit, &facts.commit) {
        commit(wanted, seen, &mut out);
    }
    if let (Some(wanted), Some(seen)) = (&spec.branch, &facts.branch) {
        branch(wanted, seen, &mut out);
    }
    for name in &spec.environments {
        let state = facts.environments.iter().find(|(other, _)| other == name);
        let subject = format!("environment {name}");
        let actual = state.map_or("missing", |(_, state)| state.as_str());
        out.push(if actual == "available" {
            Finding::pass(subject, "available", actual)
        } else {
            let message = format!("the environment {name} is {actual}");
            Finding::fail("GL-57", subject, "available", actual, message)
        });
    }
    for (name, wanted) in spec.variables.iter() {
        variable(name, wanted, &facts.variables, &mut out);
    }
    if let Some(wanted) = &spec.release {
        release(wanted, facts.release.as_ref(), now, &mut out);
    }
    for (name, max_age) in spec.schedules.iter() {
        if let Some(seen) = facts.schedules.iter().find(|seen| seen.name == name) {
            out.push(schedule(seen, *max_age, now));
        }
    }
    out
}

/// Judges the newest pipeline and the jobs.
fn commit(wanted: &Commit, seen: &CommitSeen, out: &mut Vec<Finding>) {
    let at = crate::exchange::cut(&seen.sha, 12);
    let subject = format!("pipeline of {at}");
    let Some(state) = &seen.pipeline else {
        let message = format!("no pipeline ran for {at}");
        out.push(Finding::fail("GL-51", subject, "success", "none", message));
        return;
    };
    out.push(if state == "success" {
        Finding::pass(subject, "success", state)
    } else {
        let message = format!("the newest pipeline of {at} is {state}");
        Finding::fail("GL-52", subject, "success", state, message)
    });
    for name in &wanted.jobs {
        let subject = format!("job {name}");
        out.push(match seen.jobs.iter().find(|(other, _)| other == name) {
            Some((_, state)) if state == "success" => Finding::pass(subject, "success", state),
            Some((_, state)) => {
                let message = format!("the job {name} is {state} for {at}");
                Finding::fail("GL-54", subject, "success", state, message)
            }
            None => {
                let names: Vec<&str> = seen.jobs.iter().map(|(name, _)| name.as_str()).collect();
                let message = format!(
                    "{name} did not run for {at}; {}",
                    crate::profile::node::suggest(name, names)
                );
                Finding::fail("GL-53", subject, "success", "no such job", message)
            }
        });
    }
}

/// Judges the protection of a branch.
fn branch(wanted: &Branch, seen: &BranchSeen, out: &mut Vec<Finding>) {
    let name = &wanted.name;
    let subject = format!("branch {name}");
    if !seen.protected {
        let message = format!("{name} is not protected");
        out.push(Finding::fail(
            "GL-55",
            subject,
            "protected",
            "not protected",
            message,
        ));
        return;
    }
    out.push(Finding::pass(subject, "protected", "protected"));
    let mut say = |good: bool, subject: &str, expected: &str, actual: String| {
        out.push(if good {
            Finding::pass(subject, expected, "as expected")
        } else {
            let message = format!("{name}: {actual}");
            Finding::fail("GL-56", subject, expected, actual, message)
        });
    };
    if !wanted.allow_push {
        let actual = format!("{} may push", seen.push.join(", "));
        say(seen.push.is_empty(), "direct push", "nobody", actual);
    }
    if !wanted.allow_force_push {
        say(
            !seen.force_push,
            "force push",
            "refused",
            "force pushes are allowed".to_owned(),
        );
    }
    if wanted.pipeline_must_succeed {
        let good = seen.pipeline_must_succeed && !seen.skipped_counts;
        let actual = if seen.pipeline_must_succeed {
            "a skipped pipeline counts as successful"
        } else {
            "a merge needs no successful pipeline"
        };
        say(
            good,
            "merge",
            "after a successful pipeline only",
            actual.to_owned(),
        );
    }
}

/// Judges a variable.
fn variable(name: &str, wanted: &Variable, seen: &[VariableSeen], out: &mut Vec<Finding>) {
    let place = wanted
        .environment
        .as_deref()
        .map_or_else(String::new, |e| format!(" of {e}"));
    let subject = format!("variable {name}{place}");
    let covers = |one: &&VariableSeen| {
        one.name == name
            && wanted.environment.as_ref().is_none_or(|environment| {
                one.scope == *environment
                    || globset::Glob::new(&one.scope)
                        .is_ok_and(|glob| glob.compile_matcher().is_match(environment))
            })
    };
    let found: Vec<&VariableSeen> = seen.iter().filter(covers).collect();
    if found.iter().all(|one| one.empty) {
        let actual = if found.is_empty() { "missing" } else { "empty" };
        let message = format!("the variable {name}{place} is {actual}");
        out.push(Finding::fail("GL-58", subject, "a value", actual, message));
        return;
    }
    out.push(Finding::pass(&subject, "a value", "a value"));
    for (asked, good, word) in [
        (wanted.masked, found.iter().all(|one| one.masked), "masked"),
        (
            wanted.protected,
            found.iter().all(|one| one.protected),
            "protected",
        ),
    ] {
        if asked && good {
            out.push(Finding::pass(&subject, word, word));
        } else if asked {
            let message = format!("the variable {name}{place} is not {word}");
            out.push(Finding::fail(
                "GL-59",
                &subject,
                word,
                format!("not {word}"),
                message,
            ));
        }
    }
}

/// Judges a release.
fn release(wanted: &Release, seen: Option<&ReleaseSeen>, now: Timestamp, out: &mut Vec<Finding>) {
    let tag = &wanted.tag;
    let subject = format!("release {tag}");
    let Some(seen) = seen else {
        let message = format!("there is no release {tag}");
        out.push(Finding::fail(
            "GL-60", subject, "released", "missing", message,
        ));
        return;
    };
    let actual = if seen.upcoming {
        Some("announced for later".to_owned())
    } else if wanted
        .max_age
        .is_some_and(|age| !seen.released_at.is_some_and(|at| within(at, now, age)))
    {
        let when = seen
            .released_at
            .map_or_else(|| "at an unknown time".to_owned(), |at| ago(at, now));
        Some(format!("released {when}"))
    } else {
        None
    };
    out.push(match actual {
        None => Finding::pass(&subject, "released", "released"),
        Some(actual) => {
            let message = format!("{tag} is {actual}");
            Finding::fail("GL-60", &subject, "released", actual, message)
        }
    });
    for name in &wanted.assets {
        let subject = format!("file {name}");
        out.push(if seen.links.contains(name) {
            Finding::pass(subject, "linked", "linked")
        } else {
            let message = format!("the release {tag} has no file {name}");
            Finding::fail("GL-60", subject, "linked", "missing", message)
        });
    }
}

/// Judges a schedule.
fn schedule(seen: &ScheduleSeen, max_age: TimeSpan, now: Timestamp) -> Finding {
    let name = &seen.name;
    let subject = format!("schedule {name}");
    let expected = format!("active, a successful pipeline within {max_age}");
    if seen.active != Some(true) {
        let actual = if seen.active.is_none() {
            "missing"
        } else {
            "switched off"
        };
        let message = format!("the schedule {name} is {actual}");
        return Finding::fail("GL-61", subject, expected, actual, message);
    }
    let state = seen.state.as_deref().unwrap_or("never ran");
    let when = seen.at.map(|at| ago(at, now)).unwrap_or_default();
    let actual = format!("{state} {when}").trim_end().to_owned();
    if state == "success" && seen.at.is_some_and(|at| within(at, now, max_age)) {
        return Finding::pass(subject, expected, actual);
    }
    let message = format!("the last pipeline of {name}: {actual}");
    Finding::fail("GL-62", subject, expected, actual, message)
}
