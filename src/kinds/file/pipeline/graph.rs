//! What must have succeeded before a job begins.

use std::collections::HashSet;

use super::super::manifests::beside;
use super::model::{Facts, Job, Step, Workflow};

/// What runs before a step of a job: name, steps, and whether a failure of it stops the job.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    /// What it is called, `job test`.
    pub(super) name: String,
    /// Its steps.
    pub(super) steps: Vec<&'a Step>,
    /// Why its failure stops nothing.
    pub(super) toothless: Option<String>,
}

/// Whether the job begins although what it needs has failed.
pub(super) fn ignores_failure(job: &Job) -> Option<String> {
    let condition = &job.condition;
    let always = ["always()", "!cancelled()", "failure()"]
        .into_iter()
        .find(|word| condition.contains(word))?;
    let asks = condition.contains("success") && condition.contains("needs.")
        || condition.contains("success()");
    (!asks).then(|| format!("`if: {always}` of job {}", job.id))
}

/// Everything that comes before a job: what it needs, at any distance, workflows that it waits for
/// and calls, and its own steps before `until`.
pub(super) fn gates<'a>(
    facts: &'a Facts,
    workflow: &'a Workflow,
    job: &'a Job,
    until: usize,
) -> Vec<Gate<'a>> {
    let mut gates = vec![Gate {
        name: format!("earlier steps of {}", job.id),
        steps: job.steps.iter().take(until).collect(),
        toothless: None,
    }];
    let mut seen = HashSet::new();
    before(facts, workflow, job, None, &mut seen, &mut gates);
    for name in &workflow.after {
        // A workflow that runs after another one runs whatever became of it, unless it asks.
        let asks = job.condition.contains("conclusion") && job.condition.contains("success");
        let lax = (!asks).then(|| "`workflow_run` starts after failures too; ask for `github.event.workflow_run.conclusion == 'success'`".to_owned());
        for other in facts
            .workflows
            .iter()
            .filter(|other| other.name == *name || other.file == *name)
        {
            for job in &other.jobs {
                add(facts, job, lax.clone(), &mut gates, 0);
            }
        }
    }
    gates
}

/// Adds what a job needs, at any distance.
fn before<'a>(
    facts: &'a Facts,
    workflow: &'a Workflow,
    job: &'a Job,
    lax: Option<String>,
    seen: &mut HashSet<&'a str>,
    gates: &mut Vec<Gate<'a>>,
) {
    let lax = lax.or_else(|| ignores_failure(job));
    for id in &job.needs {
        let Some(needed) = workflow.jobs.iter().find(|other| other.id == *id) else {
            continue;
        };
        if seen.insert(&needed.id) {
            add(facts, needed, lax.clone(), gates, 0);
            before(facts, workflow, needed, lax.clone(), seen, gates);
        }
    }
}

/// Adds a job, and those of the workflow that it calls.
fn add<'a>(
    facts: &'a Facts,
    job: &'a Job,
    lax: Option<String>,
    gates: &mut Vec<Gate<'a>>,
    depth: usize,
) {
    let off = job.is_off().then(|| format!("job {} never runs", job.id));
    let toothless = lax
        .or_else(|| {
            job.tolerated
                .as_ref()
                .map(|why| format!("{why} of job {}", job.id))
        })
        .or(off);
    if let Some(called) = called(facts, job).filter(|_| depth < 4) {
        for inner in &called.jobs {
            add(facts, inner, toothless.clone(), gates, depth + 1);
        }
    }
    gates.push(Gate {
        name: format!("{} {}", job.id, job.name),
        steps: job.steps.iter().collect(),
        toothless,
    });
}

/// The workflow of the repository that a job calls.
pub(super) fn called<'a>(facts: &'a Facts, job: &Job) -> Option<&'a Workflow> {
    let path = beside(
        ".",
        job.calls.as_deref().filter(|path| path.starts_with("./"))?,
    );
    facts
        .workflows
        .iter()
        .find(|workflow| workflow.file == path)
}
