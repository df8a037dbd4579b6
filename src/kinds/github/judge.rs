//! Judges what was seen.

use jiff::Timestamp;

use super::facts::{
    BranchSeen, Classic, CommitSeen, EnvironmentSeen, Facts, ReleaseSeen, Rule, Run, ScheduleSeen,
    SecretSeen,
};
use super::spec::{Alerts, Branch, Commit, Environment, Github, Release};
use crate::expect::TimeSpan;
use crate::forge::{ago, within};
use crate::outcome::{Finding, Severity};

/// Every statement about the repository.
pub(super) fn judge(spec: &Github, facts: &Facts, now: Timestamp) -> Vec<Finding> {
    let mut out = Vec::new();
    if let (Some(wanted), Some(seen)) = (&spec.commit, &facts.commit) {
        commit(wanted, seen, &mut out);
    }
    if let (Some(wanted), Some(seen)) = (&spec.branch, &facts.branch) {
        branch(wanted, seen, &mut out);
    }
    for (name, wanted) in spec.environments.iter() {
        if let Some(seen) = facts.environments.iter().find(|seen| seen.name == name) {
            environment(wanted, seen, spec.secrets_max_age, now, &mut out);
        }
    }
    let place = format!("repository {}", facts.repo);
    secrets(
        &spec.secrets,
        &facts.secrets,
        &place,
        (spec.secrets_max_age, now),
        &mut out,
    );
    variables(&spec.variables, &facts.variables, &place, &mut out);
    if let Some(wanted) = &spec.release {
        release(wanted, facts.release.as_ref(), now, &mut out);
    }
    for (workflow, max_age) in spec.schedules.iter() {
        if let Some(seen) = facts
            .schedules
            .iter()
            .find(|seen| seen.workflow == workflow)
        {
            out.push(schedule(seen, *max_age, now));
        }
    }
    if let Some(wanted) = &spec.alerts {
        alerts(wanted, facts, &mut out);
    }
    out
}

/// The beginning of a commit.
fn short(sha: &str) -> &str {
    crate::exchange::cut(sha, 12)
}

/// Judges the checks and workflows of a commit.
fn commit(wanted: &Commit, seen: &CommitSeen, out: &mut Vec<Finding>) {
    let at = short(&seen.sha);
    for name in &wanted.checks {
        let runs: Vec<&Run> = seen.runs.iter().filter(|run| run.name == *name).collect();
        let subject = format!("check {name}");
        if runs.is_empty() {
            let names: Vec<&str> = seen.runs.iter().map(|run| run.name.as_str()).collect();
            let message = format!(
                "{name} did not run for {at}; {}",
                crate::profile::node::suggest(name, names)
            );
            out.push(Finding::fail(
                "GH-51",
                subject,
                "success",
                "no such check",
                message,
            ));
            continue;
        }
        // Two checks of one name: both must be green.
        let worst = runs.iter().find(|run| run.state != "success");
        out.push(worst.map_or_else(
            || Finding::pass(&subject, "success", format!("success for {at}")),
            |run| not_green(&subject, run, at),
        ));
    }
    if wanted.all {
        all(seen, at, out);
    }
    for (workflow, newest) in &seen.workflows {
        let subject = format!("workflow {workflow}");
        let (actual, message) = match newest {
            Some(run) if run.state == "success" => {
                out.push(Finding::pass(
                    subject,
                    "success",
                    format!("success for {at}"),
                ));
                continue;
            }
            Some(run) => (
                run.state.clone(),
                format!("the newest run of {workflow} for {at} is {}", run.state),
            ),
            None => (
                "no run".to_owned(),
                format!("{workflow} did not run for {at}"),
            ),
        };
        out.push(Finding::fail("GH-54", subject, "success", actual, message));
    }
}

/// Judges that everything that ran is green.
fn all(seen: &CommitSeen, at: &str, out: &mut Vec<Finding>) {
    let subject = "all checks";
    let green = |run: &&Run| run.state == "success";
    let without = |run: &&Run| matches!(run.state.as_str(), "skipped" | "neutral");
    if !seen.runs.iter().any(|run| green(&run)) {
        let message = format!("nothing has succeeded for {at}");
        let actual = format!("{} checks, none successful", seen.runs.len());
        out.push(Finding::fail(
            "GH-51",
            subject,
            "at least one success",
            actual,
            message,
        ));
    }
    let red: Vec<&Run> = seen
        .runs
        .iter()
        .filter(|run| !green(run) && !without(run))
        .collect();
    for run in red.iter().take(20) {
        out.push(not_green(&format!("check {}", run.name), run, at));
    }
    if red.is_empty() {
        let actual = format!("{} checks for {at}", seen.runs.len());
        out.push(Finding::pass(
            subject,
            "success, or skipped on purpose",
            actual,
        ));
    }
}

/// The finding of a check that is not green.
fn not_green(subject: &str, run: &Run, at: &str) -> Finding {
    let failed = matches!(
        run.state.as_str(),
        "failure" | "error" | "timed_out" | "startup_failure" | "action_required"
    );
    let state = if run.state.is_empty() {
        "without a state"
    } else {
        &run.state
    };
    let (code, message) = if failed {
        ("GH-52", format!("{} failed for {at}: {state}", run.name))
    } else {
        (
            "GH-53",
            format!("{} says nothing about {at}: {state}", run.name),
        )
    };
    Finding::fail(code, subject, "success", state, message)
}

/// One thing that a protection must do.
struct Asked {
    /// The code when it does not.
    code: &'static str,
    /// What it is about.
    subject: String,
    /// What is expected.
    expected: String,
    /// What is wrong when it does not.
    otherwise: String,
    /// Whether it does.
    good: bool,
}

/// Judges the protection of a branch.
fn branch(wanted: &Branch, seen: &BranchSeen, out: &mut Vec<Finding>) {
    let hidden = match &seen.classic {
        Classic::Hidden(why) => Some(why.as_str()),
        _ => None,
    };
    let mut rules: Vec<&Rule> = seen.rules.iter().collect();
    if let Classic::Protected(rule) | Classic::ForAll(rule) = &seen.classic {
        rules.push(rule);
    }
    let name = &wanted.name;
    let mut all = vec![asked(
        "GH-55",
        format!("branch {name}"),
        "protected",
        "not protected",
        !rules.is_empty(),
    )];
    if !rules.is_empty() || hidden.is_some() {
        all.extend(demands(wanted, seen, &rules));
    }
    // What rulesets do not show may stand in a classic protection that cannot be read.
    out.extend(all.into_iter().map(|asked| {
        let Asked {
            code,
            subject,
            expected,
            otherwise,
            good,
        } = asked;
        if good {
            Finding::pass(subject, expected, "as expected")
        } else if let Some(why) = hidden {
            let message = format!(
                "no ruleset of {name} says so, and its classic protection cannot be read: {why}"
            );
            Finding::fail(code, subject, expected, "not known", message).as_unknown()
        } else {
            let message = format!("{name}: {otherwise}");
            Finding::fail(code, subject, expected, otherwise, message)
        }
    }));
}

/// Shortens the table of [`demands`].
fn asked(
    code: &'static str,
    subject: impl Into<String>,
    expected: impl Into<String>,
    otherwise: impl Into<String>,
    good: bool,
) -> Asked {
    Asked {
        code,
        subject: subject.into(),
        expected: expected.into(),
        otherwise: otherwise.into(),
        good,
    }
}

/// What the profile asks of a protection.
fn demands(wanted: &Branch, seen: &BranchSeen, rules: &[&Rule]) -> Vec<Asked> {
    let any = |test: &dyn Fn(&Rule) -> bool| rules.iter().any(|rule| test(rule));
    let mut all = Vec::new();
    for check in &wanted.required_checks {
        let good = any(&|rule| rule.checks.contains(check));
        let otherwise = format!("{check} is not required");
        all.push(asked(
            "GH-56",
            format!("check {check}"),
            "required before merging",
            otherwise,
            good,
        ));
    }
    if wanted.up_to_date {
        let good = any(&|rule| rule.strict && !rule.checks.is_empty());
        let expected = "tested on top of the branch";
        all.push(asked(
            "GH-56",
            "up to date",
            expected,
            "changes need not be up to date",
            good,
        ));
    }
    if wanted.reviews > 0 {
        let most = rules.iter().map(|rule| rule.reviews).max().unwrap_or(0);
        let expected = format!("at least {}", wanted.reviews);
        let otherwise = format!("{most} reviews are required");
        all.push(asked(
            "GH-57",
            "reviews",
            expected,
            otherwise,
            most >= wanted.reviews,
        ));
    }
    if wanted.code_owners {
        let good = any(&|rule| rule.code_owners);
        all.push(asked(
            "GH-57",
            "code owners",
            "must approve",
            "code owners need not approve",
            good,
        ));
    }
    if !wanted.allow_force_push {
        let good = any(&|rule| rule.no_force_push);
        all.push(asked(
            "GH-58",
            "force push",
            "refused",
            "force pushes are allowed",
            good,
        ));
    }
    if !wanted.allow_deletion {
        let good = any(&|rule| rule.no_deletion);
        all.push(asked(
            "GH-58",
            "deletion",
            "refused",
            "the branch may be deleted",
            good,
        ));
    }
    if wanted.enforce_admins {
        let good = matches!(seen.classic, Classic::ForAll(_));
        let otherwise = "administrators may pass over the rules";
        all.push(asked(
            "GH-58",
            "administrators",
            "held to the rules",
            otherwise,
            good,
        ));
    }
    all
}

/// Judges an environment.
fn environment(
    wanted: &Environment,
    seen: &EnvironmentSeen,
    max_age: Option<TimeSpan>,
    now: Timestamp,
    out: &mut Vec<Finding>,
) {
    let name = &seen.name;
    let place = format!("environment {name}");
    if !seen.exists {
        let message = format!("there is no environment {name}");
        out.push(Finding::fail("GH-59", place, "exists", "missing", message));
        return;
    }
    out.push(Finding::pass(&place, "exists", "exists"));
    let wait = wanted.wait.map_or(0, TimeSpan::as_secs);
    for (asked, good, expected, actual) in [
        (
            wanted.reviewers > 0,
            seen.reviewers >= wanted.reviewers,
            format!("at least {} reviewers", wanted.reviewers),
            format!("{} reviewers", seen.reviewers),
        ),
        (
            wanted.prevent_self_review,
            seen.prevent_self_review && seen.reviewers > 0,
            "nobody approves their own deployment".to_owned(),
            "self-review is allowed".to_owned(),
        ),
        (
            wanted.restricted_branches,
            seen.restricted,
            "certain branches or tags only".to_owned(),
            "any branch may be deployed".to_owned(),
        ),
        (
            wanted.no_bypass,
            seen.bypass == Some(false),
            "administrators cannot bypass".to_owned(),
            "administrators may bypass".to_owned(),
        ),
        (
            wait > 0,
            seen.wait_minutes.saturating_mul(60) >= wait,
            format!("waits at least {}", TimeSpan::seconds(wait)),
            format!("waits {} minutes", seen.wait_minutes),
        ),
    ] {
        if asked && good {
            out.push(Finding::pass(&place, expected, "as expected"));
        } else if asked {
            let message = format!("{name}: {actual}");
            out.push(Finding::fail("GH-60", &place, expected, actual, message));
        }
    }
    secrets(&wanted.secrets, &seen.secrets, &place, (max_age, now), out);
    variables(&wanted.variables, &seen.variables, &place, out);
}

/// Judges that secrets exist, and their age.
fn secrets(
    wanted: &[String],
    seen: &[SecretSeen],
    place: &str,
    (max_age, now): (Option<TimeSpan>, Timestamp),
    out: &mut Vec<Finding>,
) {
    for name in wanted {
        let subject = format!("secret {name} of {place}");
        let Some(found) = seen.iter().find(|one| one.name.eq_ignore_ascii_case(name)) else {
            let message = format!("{place} has no secret {name}");
            out.push(Finding::fail(
                "GH-61", subject, "exists", "missing", message,
            ));
            continue;
        };
        let Some(max_age) = max_age else {
            out.push(Finding::pass(subject, "exists", "exists"));
            continue;
        };
        let expected = format!("set within {max_age}");
        match found.updated_at {
            Some(at) if within(at, now, max_age) => {
                out.push(Finding::pass(
                    subject,
                    expected,
                    format!("set {}", ago(at, now)),
                ));
            }
            Some(at) => {
                let message = format!("{name} was set {}", ago(at, now));
                out.push(Finding::fail(
                    "GH-69",
                    subject,
                    expected,
                    ago(at, now),
                    message,
                ));
            }
            None => {
                let message = format!("it is not known when {name} was set");
                out.push(
                    Finding::fail("GH-69", subject, expected, "not known", message).as_unknown(),
                );
            }
        }
    }
}

/// Judges that variables exist.
fn variables(wanted: &[String], seen: &[String], place: &str, out: &mut Vec<Finding>) {
    for name in wanted {
        let subject = format!("variable {name} of {place}");
        out.push(if seen.iter().any(|one| one.eq_ignore_ascii_case(name)) {
            Finding::pass(subject, "exists", "exists")
        } else {
            let message = format!("{place} has no variable {name}");
            Finding::fail("GH-61", subject, "exists", "missing", message)
        });
    }
}

/// Judges a release and its files.
fn release(wanted: &Release, seen: Option<&ReleaseSeen>, now: Timestamp, out: &mut Vec<Finding>) {
    let what = wanted.tag.as_deref().unwrap_or("latest");
    let subject = format!("release {what}");
    let Some(seen) = seen else {
        let message = format!("there is no release {what}");
        out.push(Finding::fail(
            "GH-62",
            subject,
            "published",
            "missing",
            message,
        ));
        return;
    };
    let fresh = wanted
        .max_age
        .is_none_or(|age| seen.published_at.is_some_and(|at| within(at, now, age)));
    let actual = if seen.draft {
        "a draft".to_owned()
    } else if seen.prerelease && !wanted.prerelease {
        "a pre-release".to_owned()
    } else if !fresh {
        seen.published_at.map_or_else(
            || "never published".to_owned(),
            |at| format!("published {}", ago(at, now)),
        )
    } else {
        String::new()
    };
    out.push(if actual.is_empty() {
        Finding::pass(&subject, "published", &seen.tag)
    } else {
        let message = format!("the release {} is {actual}", seen.tag);
        Finding::fail("GH-62", &subject, "published", actual, message)
    });
    for pattern in &wanted.assets {
        let subject = format!("file {pattern}");
        let files: Vec<_> = seen
            .assets
            .iter()
            .filter(|asset| fits(pattern, &asset.name))
            .collect();
        let wrong = files.iter().find_map(|asset| {
            if !asset.uploaded || asset.size == 0 {
                Some((asset, "not uploaded completely"))
            } else if wanted.digests && asset.digest.is_none() {
                Some((asset, "without digest"))
            } else {
                None
            }
        });
        out.push(match (files.first(), wrong) {
            (None, _) => {
                let message = format!("the release {} has no file {pattern}", seen.tag);
                Finding::fail("GH-63", subject, "uploaded", "missing", message)
            }
            (_, Some((asset, why))) => {
                let message = format!("{} of {} is {why}", asset.name, seen.tag);
                Finding::fail("GH-63", subject, "uploaded", why, message)
            }
            (Some(first), None) => Finding::pass(subject, "uploaded", &first.name),
        });
    }
}

/// Whether a name fits a pattern with `*`.
fn fits(pattern: &str, name: &str) -> bool {
    globset::GlobBuilder::new(pattern)
        .build()
        .map_or(pattern == name, |glob| {
            glob.compile_matcher().is_match(name)
        })
}

/// Judges a scheduled workflow.
fn schedule(seen: &ScheduleSeen, max_age: TimeSpan, now: Timestamp) -> Finding {
    let subject = format!("schedule {}", seen.workflow);
    let expected = format!("active, a successful run within {max_age}");
    let name = &seen.workflow;
    match (seen.state.as_deref(), &seen.last) {
        (None, _) => Finding::fail(
            "GH-64",
            subject,
            expected,
            "no such workflow",
            format!("there is no workflow {name}"),
        ),
        (Some(state), _) if state != "active" => Finding::fail(
            "GH-64",
            subject,
            expected,
            state,
            format!("{name} is {state}"),
        ),
        (_, None) => Finding::fail(
            "GH-65",
            subject,
            expected,
            "never ran",
            format!("{name} has never run by its schedule"),
        ),
        (_, Some(run)) => {
            let when = run
                .at
                .map_or_else(|| "at an unknown time".to_owned(), |at| ago(at, now));
            let actual = format!("{} {when}", run.state);
            let good = run.state == "success" && run.at.is_some_and(|at| within(at, now, max_age));
            if good {
                Finding::pass(subject, expected, actual)
            } else {
                let message = format!("the last scheduled run of {name}: {actual}");
                Finding::fail("GH-65", subject, expected, actual, message)
            }
        }
    }
}

/// Judges open alerts.
fn alerts(wanted: &Alerts, facts: &Facts, out: &mut Vec<Finding>) {
    for (source, severities) in &facts.alerts {
        let (allowed, at) = match source.as_str() {
            "code-scanning" => (wanted.code_scanning, wanted.severity),
            "dependabot" => (wanted.dependabot, wanted.severity),
            _ => (wanted.secret_scanning, Severity::Info),
        };
        let allowed = allowed.unwrap_or(0);
        let counted = severities
            .iter()
            .filter(|severity| severity.is_none_or(|severity| severity >= at))
            .count() as u64;
        let subject = format!("open alerts of {source}");
        let expected = format!("at most {allowed} at {at} or above");
        let actual = format!("{counted} of {}", severities.len());
        out.push(if counted <= allowed {
            Finding::pass(subject, expected, actual)
        } else {
            let message = format!("{counted} open alerts of {source} at {at} or above");
            Finding::fail("GH-66", subject, expected, actual, message)
        });
    }
}
