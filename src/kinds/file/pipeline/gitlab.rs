//! GitLab CI pipelines.

use std::collections::BTreeSet;

use super::super::literal::{literal_in_pipeline, without_keys};
use super::super::manifests::{Fields, mapping};
use super::super::tree::Tree;
use super::model::{Job, Permissions, Step, System, Workflow, cannot_fail, commands};
use super::references::References;
use crate::outcome::{Cause, Fault};
use crate::yaml_doc::{Yaml, YamlValue};

/// Keys at the top that are no jobs.
const KEYWORDS: &[&str] = &[
    "stages",
    "variables",
    "include",
    "default",
    "workflow",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "pages:deploy",
    "spec",
];

/// Most files that `include` leads to.
const MAX_FILES: usize = 32;

/// Most templates that `extends` chains.
const MAX_CHAIN: usize = 11;

/// One pipeline with the local files it includes.
///
/// # Errors
/// When it has no jobs, or an include or template is not there.
pub(super) fn workflow(tree: &Tree, file: &str, yaml: Yaml) -> Result<Workflow, Fault> {
    let mut read = 1;
    let all = included(tree, file, yaml, &mut read)?;
    let mut stages: Vec<String> = all.get("stages").map(Fields::words).unwrap_or_default();
    if stages.is_empty() {
        stages = ["build", "test", "deploy"].map(str::to_owned).to_vec();
    }
    stages.insert(0, ".pre".to_owned());
    stages.push(".post".to_owned());
    let mut triggers = BTreeSet::new();
    let mut jobs = Vec::new();
    let mut places = Vec::new();
    for (id, job) in all.entries() {
        if KEYWORDS.contains(&id.as_str()) || id.starts_with('.') || !job.is_map() {
            continue;
        }
        let job = extended(file, &all, &id, 0)?;
        let text = format!(
            "{:?}",
            job.get("rules")
                .or_else(|| job.get("only"))
                .map(Yaml::to_json)
        );
        for (word, trigger) in [
            ("schedule", "schedule"),
            ("merge_request", "pull_request"),
            ("CI_COMMIT_TAG", "release"),
            ("tags", "release"),
        ] {
            if text.contains(word) {
                triggers.insert(trigger.to_owned());
            }
        }
        let stage = job.text_at("stage").unwrap_or_else(|| "test".to_owned());
        places.push(stages.iter().position(|name| *name == stage));
        jobs.push(read_job(tree, id, &job, &all)?);
    }
    if jobs.is_empty() {
        return Err(
            Fault::new(Cause::Unparseable, format!("{file}: has no job"))
                .hint("this is no GitLab pipeline; name `.gitlab-ci.yml`"),
        );
    }
    // Without `needs` a job waits for all jobs of earlier stages.
    let ids: Vec<String> = jobs.iter().map(|(job, _)| job.id.clone()).collect();
    let mut found = Vec::new();
    for (index, (mut job, explicit)) in jobs.into_iter().enumerate() {
        let own = places.get(index).copied().flatten();
        if !explicit {
            job.needs = ids
                .iter()
                .zip(&places)
                .filter(|(_, place)| place.is_some() && **place < own)
                .map(|(id, _)| id.clone())
                .collect();
        }
        found.push(job);
    }
    triggers.insert("push".to_owned());
    Ok(Workflow {
        file: file.to_owned(),
        name: file.to_owned(),
        system: System::Gitlab,
        triggers,
        after: Vec::new(),
        permissions: Permissions::Named,
        secrets: secrets(all.get("variables"), tree),
        jobs: found,
    })
}

/// A pipeline on top of the local files that it includes.
fn included(tree: &Tree, file: &str, yaml: Yaml, read: &mut usize) -> Result<Yaml, Fault> {
    let mut base = Yaml {
        line: 1,
        tag: None,
        value: YamlValue::Map(Vec::new()),
    };
    let includes: Vec<Yaml> = match yaml.get("include") {
        Some(list) if list.as_seq().is_some() => list.items().to_vec(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    for include in includes {
        let local = include
            .text_at("local")
            .or_else(|| include.text().filter(|path| !path.contains("://")));
        let Some(path) = local.filter(|path| !path.contains(['*', '$'])) else {
            continue;
        };
        *read += 1;
        if *read > MAX_FILES {
            return Err(Fault::new(
                Cause::TooLarge,
                format!("{file}: includes more than {MAX_FILES} files"),
            )
            .hint("see whether files include each other"));
        }
        let path = path.trim_start_matches('/').to_owned();
        let other = mapping(tree, &path)?;
        over(&mut base, included(tree, &path, other, read)?);
    }
    over(&mut base, yaml);
    Ok(base)
}

/// Mappings merged, everything else replaced.
fn over(base: &mut Yaml, with: Yaml) {
    match (&mut base.value, with.value) {
        (YamlValue::Map(own), YamlValue::Map(entries)) => {
            for (key, value) in entries {
                let name = key.scalar_text();
                match own.iter_mut().find(|(k, _)| k.scalar_text() == name) {
                    Some((_, slot)) => over(slot, value),
                    None => own.push((key, value)),
                }
            }
        }
        (slot, value) => *slot = value,
    }
    base.line = with.line;
}

/// A job on top of what it extends.
fn extended(file: &str, all: &Yaml, id: &str, depth: usize) -> Result<Yaml, Fault> {
    let lost = |what: &str| {
        Fault::new(Cause::Missing, format!("{file}: `{id}` {what}"))
            .hint("correct `extends`; templates of other projects are not read")
    };
    let job = all
        .get(id)
        .cloned()
        .ok_or_else(|| lost("is extended and not there"))?;
    if depth > MAX_CHAIN {
        return Err(lost("extends itself"));
    }
    let mut base: Option<Yaml> = None;
    for template in job.get("extends").map(Fields::words).unwrap_or_default() {
        let template = extended(file, all, &template, depth + 1)?;
        match &mut base {
            Some(base) => over(base, template),
            None => base = Some(template),
        }
    }
    Ok(match base {
        Some(mut base) => {
            over(&mut base, job);
            base
        }
        None => job,
    })
}

/// Literal secrets among variables.
fn secrets(fields: Option<&Yaml>, tree: &Tree) -> Vec<(u32, String, String)> {
    fields
        .map(Fields::entries)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, value)| {
            let text = value.text().or_else(|| value.text_at("value"))?;
            let sort = literal_in_pipeline(&name, &text, &tree.redactor)?;
            Some((value.line, name, sort.to_owned()))
        })
        .collect()
}

/// The lines of a script; lists in lists, and `!reference` of other jobs.
fn script(yaml: Option<&Yaml>, all: &Yaml) -> Vec<String> {
    let Some(yaml) = yaml else { return Vec::new() };
    if yaml.tag.as_deref() == Some("!reference") {
        let path = yaml.words();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        return all.at(&path).map(Fields::words).unwrap_or_default();
    }
    match yaml.as_seq() {
        Some(items) => items
            .iter()
            .flat_map(|item| script(Some(item), all))
            .collect(),
        None => yaml.words(),
    }
}

/// One job, and whether it names the jobs that it needs.
fn read_job(tree: &Tree, id: String, yaml: &Yaml, all: &Yaml) -> Result<(Job, bool), Fault> {
    let default = |key: &str| {
        yaml.get(key)
            .or_else(|| all.at(&["default", key]))
            .or_else(|| all.get(key))
    };
    let mut lines = script(default("before_script"), all);
    lines.extend(script(yaml.get("script"), all));
    let (run, leaks) = without_keys(&commands(&lines.join("\n")), &tree.redactor);
    let needs = yaml.get("needs").map(|needs| {
        needs
            .items()
            .iter()
            .filter_map(|item| item.text().or_else(|| item.text_at("job")))
            .collect::<Vec<String>>()
    });
    let tolerated = yaml
        .get("allow_failure")
        .filter(|allow| allow.is_true())
        .map(|_| "`allow_failure: true`".to_owned());
    let never = yaml.get("rules").is_some_and(|rules| {
        rules.items().len() == 1
            && rules
                .items()
                .iter()
                .all(|r| r.text_at("when").as_deref() == Some("never") && r.get("if").is_none())
    });
    let mut references = References::new(tree);
    references.script(yaml.line, &run, ".")?;
    let mut job = Job {
        name: String::new(),
        line: yaml.line,
        needs: needs.clone().unwrap_or_default(),
        condition: match yaml.text_at("when") {
            Some(when) if when == "always" => "always()".to_owned(),
            _ if never => "never".to_owned(),
            _ => String::new(),
        },
        environment: yaml
            .get("environment")
            .and_then(|environment| environment.text().or_else(|| environment.text_at("name"))),
        tolerated,
        permissions: Permissions::Named,
        calls: yaml.get("trigger").map(|_| "trigger".to_owned()),
        images: default("image")
            .and_then(|image| Some((image.line, image.text().or_else(|| image.text_at("name"))?)))
            .into_iter()
            .collect(),
        secrets: secrets(yaml.get("variables"), tree),
        missing: references.missing,
        steps: vec![Step {
            label: id.clone(),
            line: yaml.line,
            tolerated: cannot_fail(&run),
            run,
            ..Step::default()
        }],
        id,
    };
    if leaks {
        job.secrets.push((
            yaml.line,
            "script".to_owned(),
            "a key or password".to_owned(),
        ));
    }
    Ok((job, needs.is_some()))
}
