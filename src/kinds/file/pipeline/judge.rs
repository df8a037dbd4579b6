//! What is good and bad in workflows.

use std::sync::LazyLock;

use regex::Regex;

use super::super::manifests::{counted, pass_unless};
use super::graph::{called, gates};
use super::model::{Facts, Job, Permissions, Step, System, Workflow, is_never};
use super::{Command, Deploy, Pipeline, Revision};
use crate::expect::Pattern;
use crate::outcome::Finding;

/// Jobs that deploy by their name.
static DEPLOYS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("(?i)deploy|publish|release|promote").ok());

/// Text of strangers inside a script.
static STRANGERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\$\{\{\s*github\.(?:event\.(?:issue|pull_request|comment|review|discussion|head_commit)\.(?:title|body|message|head\.ref|head\.label)|head_ref)\b").ok()
});

/// Judges all workflows as one pipeline.
pub(super) fn judge(spec: &Pipeline, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for workflow in &facts.workflows {
        if spec.general {
            whole(spec, workflow, &mut findings);
        }
        for job in &workflow.jobs {
            pinned(spec, workflow, job, &mut findings);
            if spec.general {
                failing(spec, workflow, job, &mut findings);
                strangers(workflow, job, &mut findings);
            }
        }
    }
    for trigger in &spec.triggers {
        findings.push(triggered(facts, trigger));
    }
    for command in &spec.commands {
        findings.push(runs(facts, command));
    }
    if let Some(deploy) = &spec.deploy {
        deploys(deploy, facts, &mut findings);
    }
    let seen = counted(facts.workflows.len(), "workflow");
    for (asked, codes, subject, expected) in [
        (spec.general, &["CI-51"][..], "steps", "every step can fail"),
        (
            spec.general && spec.references,
            &["CI-52"],
            "files that steps name",
            "all exist",
        ),
        (spec.pinned.is_some(), &["CI-55"], "actions", "pinned"),
        (
            spec.general,
            &["CI-57"],
            "permissions",
            "named, not everything",
        ),
        (spec.general, &["CI-58"], "secrets", "none written down"),
        (
            spec.general,
            &["CI-61", "CI-62"],
            "strangers' code and text",
            "not run",
        ),
    ] {
        if asked {
            pass_unless(
                &mut findings,
                codes,
                subject,
                expected,
                format!("{seen} checked"),
            );
        }
    }
    findings
}

/// Judges what stands outside of steps.
fn whole(spec: &Pipeline, workflow: &Workflow, findings: &mut Vec<Finding>) {
    let file = &workflow.file;
    let all = workflow
        .secrets
        .iter()
        .chain(workflow.jobs.iter().flat_map(|job| &job.secrets));
    for (line, name, sort) in all {
        findings.push(Finding::fail(
            "CI-58",
            format!("{file}:{line} {name}"),
            "a reference: `${{ secrets.NAME }}`, a masked variable",
            sort,
            format!("{name} holds {sort}: everybody with the repository has it"),
        ));
    }
    if spec.references {
        for (line, what, path) in workflow.jobs.iter().flat_map(|job| &job.missing) {
            findings.push(Finding::fail(
                "CI-52",
                format!("{file}:{line} {what}"),
                format!("{path} exists"),
                "missing",
                format!("the step names {path}, which is not in the repository"),
            ));
        }
    }
    let unset = workflow.permissions == Permissions::Unset
        && workflow
            .jobs
            .iter()
            .any(|job| job.permissions == Permissions::Unset);
    let everything = workflow.permissions == Permissions::WriteAll
        || workflow
            .jobs
            .iter()
            .any(|job| job.permissions == Permissions::WriteAll);
    if everything || (spec.permissions && unset) {
        findings.push(Finding::fail(
            "CI-57",
            file,
            "`permissions` that name what is needed",
            if everything {
                "write-all"
            } else {
                "not set: the default of the repository"
            },
            "an action that was taken over could push code and publish packages",
        ));
    }
}

/// Judges whether steps can fail.
fn failing(spec: &Pipeline, workflow: &Workflow, job: &Job, findings: &mut Vec<Finding>) {
    let tolerated = |words: &str| {
        spec.tolerated
            .iter()
            .any(|pattern| pattern.0.is_match(words))
    };
    let mut add = |line: u32, what: &str, why: &str| {
        findings.push(Finding::fail(
            "CI-51",
            format!("{}:{line} {what}", workflow.file),
            "a failure stops the job",
            why,
            format!("{what} of job {} is green whatever happens", job.id),
        ));
    };
    if let Some(why) = job
        .tolerated
        .as_ref()
        .filter(|_| !tolerated(&format!("{} {}", job.id, job.name)))
    {
        add(job.line, "job", why);
    }
    for step in &job.steps {
        let cleanup = ["failure()", "cancelled()"]
            .iter()
            .any(|word| step.condition.contains(word));
        if let Some(why) = step
            .tolerated
            .as_ref()
            .filter(|_| !cleanup && !tolerated(&step.words()))
        {
            add(step.line, &format!("step `{}`", step.label), why);
        }
    }
}

/// Judges how actions and images are named.
fn pinned(spec: &Pipeline, workflow: &Workflow, job: &Job, findings: &mut Vec<Finding>) {
    let Some(wanted) = spec.pinned else { return };
    let calls = job.calls.iter().map(|uses| (job.line, uses));
    let steps = job
        .steps
        .iter()
        .filter_map(|step| Some((step.line, step.uses.as_ref()?)));
    for (line, uses) in calls.chain(steps) {
        let own = uses.starts_with("./") || workflow.system == System::Gitlab;
        if own
            || spec
                .trusted
                .iter()
                .any(|start| uses.starts_with(start.as_str()))
            || is_exact(uses, wanted)
        {
            continue;
        }
        findings.push(Finding::fail(
            "CI-55",
            format!("{}:{line} uses", workflow.file),
            match wanted {
                Revision::Sha => "the full SHA of a commit",
                Revision::Tag => "a tag or a SHA",
            },
            uses,
            format!("whoever controls {uses} decides what runs here, with the secrets of this job"),
        ));
    }
}

/// Whether an action is named exactly enough.
fn is_exact(uses: &str, wanted: Revision) -> bool {
    if let Some(image) = uses.strip_prefix("docker://") {
        let precision = super::super::image::precision(image);
        return match wanted {
            Revision::Sha => precision == super::super::image::Precision::Digest,
            Revision::Tag => precision >= super::super::image::Precision::Tag,
        };
    }
    let Some((_, revision)) = uses.rsplit_once('@') else {
        return false;
    };
    let sha = revision.len() == 40 && revision.chars().all(|c| c.is_ascii_hexdigit());
    sha || (wanted == Revision::Tag && revision.chars().any(|c| c.is_ascii_digit()))
}

/// Judges whether code or text of strangers runs with the repository's secrets.
fn strangers(workflow: &Workflow, job: &Job, findings: &mut Vec<Finding>) {
    let privileged = ["pull_request_target", "workflow_run"]
        .iter()
        .any(|trigger| workflow.triggers.contains(*trigger));
    for step in &job.steps {
        let place = format!("{}:{} step `{}`", workflow.file, step.line, step.label);
        let head = [
            "github.event.pull_request.head",
            "github.head_ref",
            "github.event.workflow_run.head",
            "refs/pull/",
        ];
        let checks_out = step
            .uses
            .as_deref()
            .is_some_and(|uses| uses.starts_with("actions/checkout"))
            && step
                .with
                .iter()
                .any(|with| head.iter().any(|word| with.contains(word)));
        if privileged && (checks_out || step.run.contains("gh pr checkout")) {
            findings.push(Finding::fail(
                "CI-61",
                &place,
                "code of a pull request without the repository's secrets",
                "checkout of the pull request's head",
                "this event has the secrets of the repository, and the step takes code that anybody can propose",
            ));
        }
        if STRANGERS
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(&step.run))
        {
            findings.push(Finding::fail(
                "CI-62",
                &place,
                "text of strangers by way of `env`",
                "put into the script itself",
                "a title such as `$(command)` would be run",
            ));
        }
    }
}

/// Judges an event that must start something.
fn triggered(facts: &Facts, trigger: &str) -> Finding {
    let found = facts
        .workflows
        .iter()
        .find(|workflow| workflow.triggers.contains(trigger));
    match found {
        Some(workflow) => Finding::pass(
            format!("trigger {trigger}"),
            "starts a workflow",
            &workflow.file,
        ),
        None => Finding::fail(
            "CI-59",
            format!("trigger {trigger}"),
            "starts a workflow",
            "starts none",
            format!("no workflow runs on `{trigger}`"),
        ),
    }
}

/// Judges a command that must run.
fn runs(facts: &Facts, command: &Command) -> Finding {
    let (pattern, on) = match command {
        Command::Anywhere(pattern) => (pattern, None),
        Command::On(on) => (&on.run, Some(&on.on)),
    };
    let subject = format!("command {}", pattern.0.as_str());
    let expected = match on {
        Some(events) => format!("runs on {}", events.join(" or ")),
        None => "runs in a step that can fail".to_owned(),
    };
    let mut toothless = None;
    let mut other = None;
    for workflow in &facts.workflows {
        for job in workflow.jobs.iter().filter(|job| !job.is_off()) {
            for step in job.steps.iter().filter(|step| does(step, pattern)) {
                let place = format!("{}:{}", workflow.file, step.line);
                let right = on.is_none_or(|events| {
                    events.iter().any(|event| workflow.triggers.contains(event))
                });
                match step.tolerated.as_ref().or(job.tolerated.as_ref()) {
                    Some(why) => toothless = Some(format!("{place}, which cannot fail: {why}")),
                    None if right => return Finding::pass(subject, expected, place),
                    None => other = Some(format!("{place}, on other events")),
                }
            }
        }
    }
    let actual = toothless
        .or(other)
        .unwrap_or_else(|| "runs nowhere".to_owned());
    Finding::fail(
        "CI-60",
        subject,
        expected,
        actual,
        format!(
            "the pipeline does not run {} where it would count",
            pattern.0.as_str()
        ),
    )
}

/// Whether a step does something.
fn does(step: &Step, pattern: &Pattern) -> bool {
    !is_never(&step.condition)
        && pattern.0.is_match(&format!(
            "{}\n{}",
            step.run,
            step.uses.as_deref().unwrap_or_default()
        ))
}

/// A job that deploys, and where.
struct Deploying<'a> {
    /// Its workflow.
    workflow: &'a Workflow,
    /// The job.
    job: &'a Job,
    /// The steps of the workflow that it calls, or its own.
    steps: Vec<&'a Step>,
}

/// Judges the jobs that deploy.
fn deploys(spec: &Deploy, facts: &Facts, findings: &mut Vec<Finding>) {
    let pattern = spec.jobs.as_ref().map(|jobs| &jobs.0).or(DEPLOYS.as_ref());
    let jobs: Vec<Deploying<'_>> = facts
        .workflows
        .iter()
        .flat_map(|workflow| workflow.jobs.iter().map(move |job| (workflow, job)))
        .filter(|(_, job)| {
            let named = pattern.is_some_and(|p| p.is_match(&job.id) || p.is_match(&job.name));
            named && !job.is_off()
        })
        .map(|(workflow, job)| Deploying {
            workflow,
            job,
            steps: match called(facts, job) {
                Some(other) => other.jobs.iter().flat_map(|job| &job.steps).collect(),
                None => job.steps.iter().collect(),
            },
        })
        .collect();
    if jobs.is_empty() {
        findings.push(Finding::fail(
            "CI-54",
            "jobs that deploy",
            format!("a job called {}", pattern.map_or("", Regex::as_str)),
            "none",
            "no workflow has a job that deploys",
        ));
        return;
    }
    for deploying in &jobs {
        after(spec, facts, deploying, findings);
        environment(spec, deploying, findings);
    }
    let words = |pattern: &Pattern, steps: &[&Step]| {
        steps.iter().any(|step| pattern.0.is_match(&step.words()))
    };
    let every: Vec<&Step> = facts
        .workflows
        .iter()
        .flat_map(|w| &w.jobs)
        .filter(|job| !job.is_off())
        .flat_map(|job| &job.steps)
        .collect();
    let own: Vec<&Step> = jobs.iter().flat_map(|d| d.steps.iter().copied()).collect();
    for (code, asked, steps, what, message) in [
        (
            "CI-54",
            &spec.runs,
            &own,
            "deployment",
            "no job that deploys runs this",
        ),
        (
            "CI-63",
            &spec.strategy,
            &own,
            "strategy",
            "a bad release reaches everybody at once",
        ),
        (
            "CI-64",
            &spec.rollback,
            &every,
            "rollback",
            "no step takes a bad release back",
        ),
    ] {
        let Some(pattern) = asked else { continue };
        let expected = format!("a step with {}", pattern.0.as_str());
        findings.push(if words(pattern, steps) {
            Finding::pass(what, expected, "found")
        } else {
            Finding::fail(code, what, expected, "none", message)
        });
    }
}

/// Judges what must succeed before a deployment.
fn after(spec: &Deploy, facts: &Facts, deploying: &Deploying<'_>, findings: &mut Vec<Finding>) {
    let Deploying { workflow, job, .. } = deploying;
    // Steps before the one that deploys gate it, too.
    let deploys = |step: &Step| match &spec.runs {
        Some(runs) => does(step, runs),
        None => DEPLOYS
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(&step.words())),
    };
    let until = job.steps.iter().position(deploys).unwrap_or(0);
    let before = gates(facts, workflow, job, until);
    for gate in &spec.after {
        let place = format!("{}:{} job {}", workflow.file, job.line, job.id);
        let expected = format!("runs after {} succeeded", gate.0.as_str());
        let mut why = None;
        let mut found = None;
        for candidate in &before {
            let by_name =
                gate.0.is_match(&candidate.name) && !candidate.name.starts_with("earlier");
            let steps: Vec<&&Step> = candidate
                .steps
                .iter()
                .filter(|step| gate.0.is_match(&step.label) || does(step, gate))
                .collect();
            if !by_name && steps.is_empty() {
                continue;
            }
            let masked = steps.iter().filter(|step| step.tolerated.is_some()).count();
            if let Some(reason) = &candidate.toothless {
                why = Some(reason.clone());
            } else if !steps.is_empty() && masked == steps.len() {
                why = steps.first().and_then(|step| step.tolerated.clone());
            } else {
                found = Some(candidate.name.trim().to_owned());
            }
        }
        findings.push(match (found, why) {
            (Some(name), _) => Finding::pass(place, expected, name),
            (None, Some(why)) => Finding::fail(
                "CI-53",
                place,
                expected,
                format!("a failure of it stops nothing: {why}"),
                format!(
                    "job {} deploys although {} has failed",
                    job.id,
                    gate.0.as_str()
                ),
            ),
            (None, None) => Finding::fail(
                "CI-53",
                place,
                expected,
                if job.needs.is_empty() {
                    "needs nothing".to_owned()
                } else {
                    format!("needs {}", job.needs.join(", "))
                },
                format!("job {} does not wait for {}", job.id, gate.0.as_str()),
            ),
        });
    }
}

/// Judges the environment of a deployment.
fn environment(spec: &Deploy, deploying: &Deploying<'_>, findings: &mut Vec<Finding>) {
    let Some(pattern) = &spec.environment else {
        return;
    };
    let Deploying { workflow, job, .. } = deploying;
    let place = format!("{}:{} job {}", workflow.file, job.line, job.id);
    let expected = format!("environment {}", pattern.0.as_str());
    findings.push(match &job.environment {
        Some(name) if pattern.0.is_match(name) => Finding::pass(place, expected, name),
        other => Finding::fail(
            "CI-56",
            place,
            expected,
            other.as_deref().unwrap_or("none"),
            format!(
                "job {} deploys without the reviewers and secrets of a protected environment",
                job.id
            ),
        ),
    });
}
