//! GitHub Actions workflows.

use std::collections::BTreeSet;

use super::super::literal::{literal_in_pipeline, without_keys};
use super::super::manifests::Fields;
use super::super::tree::Tree;
use super::model::{Job, Permissions, Step, System, Workflow, cannot_fail, commands};
use super::references::References;
use crate::outcome::{Cause, Fault};
use crate::yaml_doc::Yaml;

/// One workflow.
///
/// # Errors
/// When it has no jobs or nothing that starts it: then it is no workflow.
pub(super) fn workflow(tree: &Tree, file: &str, yaml: &Yaml) -> Result<Workflow, Fault> {
    let no = |what: &str| {
        Fault::new(Cause::Unparseable, format!("{file}: has no `{what}`"))
            .hint("this is no workflow; name the files or the folder `.github/workflows`")
    };
    let on = yaml.get("on").ok_or_else(|| no("on"))?;
    let jobs = yaml
        .get("jobs")
        .filter(|jobs| !jobs.entries().is_empty())
        .ok_or_else(|| no("jobs"))?;
    let folder = directory(yaml);
    let mut found = Vec::new();
    for (id, job) in jobs.entries() {
        found.push(read_job(tree, id, job, folder.as_deref())?);
    }
    Ok(Workflow {
        file: file.to_owned(),
        name: yaml.text_at("name").unwrap_or_else(|| file.to_owned()),
        system: System::Github,
        triggers: triggers(on),
        after: on
            .at(&["workflow_run", "workflows"])
            .map(Fields::words)
            .unwrap_or_default(),
        permissions: permissions(yaml),
        secrets: secrets(yaml.get("env"), tree),
        jobs: found,
    })
}

/// What starts the workflow.
fn triggers(on: &Yaml) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = on.words().into_iter().collect();
    for (name, value) in on.entries() {
        let times = value.items().iter().filter_map(|item| item.text_at("cron"));
        let timed = times
            .into_iter()
            .any(|cron| cron.split_whitespace().count() == 5);
        if name != "schedule" || timed {
            found.insert(name);
        }
    }
    // Without a time a schedule starts nothing.
    if !on.is_map() {
        found.remove("schedule");
    }
    found
}

/// `defaults.run.working-directory`.
fn directory(yaml: &Yaml) -> Option<String> {
    yaml.at(&["defaults", "run", "working-directory"])
        .and_then(Fields::text)
}

/// The permissions of a workflow or job.
fn permissions(yaml: &Yaml) -> Permissions {
    match yaml.get("permissions") {
        None => Permissions::Unset,
        Some(all) if all.text().as_deref() == Some("write-all") => Permissions::WriteAll,
        Some(_) => Permissions::Named,
    }
}

/// Why `continue-on-error` makes a failure none.
fn continues(yaml: &Yaml) -> Option<String> {
    let value = yaml.get("continue-on-error")?;
    let text = value.text()?;
    let on = value.is_true() || text == "${{ true }}";
    on.then(|| "`continue-on-error: true`".to_owned())
}

/// Literal secrets among variables.
fn secrets(fields: Option<&Yaml>, tree: &Tree) -> Vec<(u32, String, String)> {
    fields
        .map(Fields::entries)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, value)| {
            let sort = literal_in_pipeline(&name, &value.text()?, &tree.redactor)?;
            Some((value.line, name, sort.to_owned()))
        })
        .collect()
}

/// One job.
fn read_job(tree: &Tree, id: String, yaml: &Yaml, folder: Option<&str>) -> Result<Job, Fault> {
    let environment = yaml
        .get("environment")
        .and_then(|environment| environment.text().or_else(|| environment.text_at("name")));
    let folder = directory(yaml).or_else(|| folder.map(str::to_owned));
    let mut job = Job {
        name: yaml.text_at("name").unwrap_or_default(),
        line: yaml.line,
        needs: yaml.get("needs").map(Fields::words).unwrap_or_default(),
        condition: yaml.text_at("if").unwrap_or_default(),
        environment,
        tolerated: continues(yaml),
        permissions: permissions(yaml),
        calls: yaml.text_at("uses"),
        steps: Vec::new(),
        images: Vec::new(),
        secrets: secrets(yaml.get("env"), tree),
        missing: Vec::new(),
        id,
    };
    job.secrets.extend(secrets(yaml.get("with"), tree));
    job.secrets.extend(secrets(yaml.get("secrets"), tree));
    let containers = yaml
        .get("services")
        .map(Fields::entries)
        .unwrap_or_default();
    for container in yaml
        .get("container")
        .into_iter()
        .chain(containers.into_iter().map(|(_, c)| c))
    {
        if let Some(image) = container.text().or_else(|| container.text_at("image")) {
            job.images.push((container.line, image));
        }
        job.secrets.extend(secrets(container.get("env"), tree));
    }
    let mut references = References::new(tree);
    if let Some(path) = job.calls.as_deref().filter(|path| path.starts_with("./")) {
        references.file(yaml.line, "workflow", path)?;
    }
    for item in yaml.get("steps").map(Fields::items).unwrap_or_default() {
        let step = read_step(tree, item, &mut job);
        let own = item.text_at("working-directory").or_else(|| folder.clone());
        references.step(item, &step, own.as_deref())?;
        job.steps.push(step);
    }
    job.missing = references.missing;
    Ok(job)
}

/// One step.
fn read_step(tree: &Tree, yaml: &Yaml, job: &mut Job) -> Step {
    let (run, leaks) = without_keys(
        &commands(&yaml.text_at("run").unwrap_or_default()),
        &tree.redactor,
    );
    let uses = yaml.text_at("uses");
    let label = yaml
        .text_at("name")
        .or_else(|| uses.clone())
        .or_else(|| {
            run.lines()
                .next()
                .map(|line| line.chars().take(60).collect())
        })
        .unwrap_or_default();
    job.secrets.extend(secrets(yaml.get("env"), tree));
    job.secrets.extend(secrets(yaml.get("with"), tree));
    if leaks {
        job.secrets
            .push((yaml.line, label.clone(), "a key or password".to_owned()));
    }
    let with = yaml.get("with").map(Fields::entries).unwrap_or_default();
    Step {
        label,
        line: yaml.line,
        uses,
        condition: yaml.text_at("if").unwrap_or_default(),
        tolerated: continues(yaml).or_else(|| cannot_fail(&run)),
        run,
        with: with
            .into_iter()
            .filter_map(|(name, value)| {
                let text: String = value.text()?.chars().take(2000).collect();
                Some(format!("{name}: {}", without_keys(&text, &tree.redactor).0))
            })
            .collect(),
    }
}
