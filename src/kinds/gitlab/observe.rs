//! Reads the API.

use serde_json::Value;

use super::facts::{BranchSeen, CommitSeen, Facts, ReleaseSeen, ScheduleSeen, VariableSeen};
use super::spec::{Branch, Commit, Gitlab, Release};
use crate::context::Context;
use crate::forge::{Api, Dialect, text, time};
use crate::outcome::{Cause, Fault};

/// GitLab's ways.
const DIALECT: Dialect = Dialect {
    name: "GitLab",
    token_header: ("private-token", ""),
    headers: &[("accept", "application/json")],
    limit_headers: ("ratelimit-remaining", "ratelimit-reset"),
    denied: "GL-63",
    limited: "GL-64",
};

/// Reads what is asked for.
pub(super) async fn observe(spec: &Gitlab, cx: &Context) -> Result<Facts, Fault> {
    let ca_file = spec.ca_file.as_deref();
    let api = Api::open(cx, DIALECT, &spec.api_url, spec.token.as_ref(), ca_file)?;
    // First of all: is it there, may this token see it, and what is it called now?
    let found = api.must(&["projects", spec.project.trim()], &[]).await?;
    let id = found
        .get("id")
        .and_then(Value::as_u64)
        .map(|id| id.to_string());
    let id = id.unwrap_or_else(|| spec.project.trim().to_owned());
    let at = ["projects", id.as_str()];
    let mut facts = Facts {
        project: text(&found, "/path_with_namespace").unwrap_or_else(|| spec.project.clone()),
        ..Facts::default()
    };
    if let Some(commit) = &spec.commit {
        facts.commit = Some(commit_seen(&api, at, commit).await?);
    }
    if let Some(branch) = &spec.branch {
        facts.branch = Some(branch_seen(&api, at, branch, &found).await?);
    }
    if !spec.environments.is_empty() {
        let all = api
            .list(&[&at[..], &["environments"]].concat(), &[], None)
            .await?;
        facts.environments = all
            .iter()
            .filter_map(|one| Some((text(one, "/name")?, text(one, "/state").unwrap_or_default())))
            .collect();
    }
    if !spec.variables.is_empty() {
        let all = api
            .list(&[&at[..], &["variables"]].concat(), &[], None)
            .await?;
        facts.variables = all.iter().filter_map(|one| variable(one, cx)).collect();
    }
    if let Some(release) = &spec.release {
        facts.release = release_seen(&api, at, release).await?;
    }
    if !spec.schedules.is_empty() {
        facts.schedules = schedules(&api, at, spec).await?;
    }
    Ok(facts)
}

/// The newest pipeline of a commit and its jobs.
async fn commit_seen(api: &Api<'_>, at: [&str; 2], commit: &Commit) -> Result<CommitSeen, Fault> {
    let reference = commit.reference.trim();
    if reference.is_empty() {
        return Err(Fault::new(
            Cause::Missing,
            "it is not known which commit is meant: `ref` is empty",
        )
        .hint("give it a commit, a branch or a tag"));
    }
    let path = [&at[..], &["repository", "commits", reference]].concat();
    let found = api.must(&path, &[]).await?;
    let sha = text(&found, "/id")
        .filter(|sha| sha.len() >= 40)
        .ok_or_else(|| {
            Fault::new(
                Cause::Unparseable,
                format!("GitLab does not say which commit {reference} is"),
            )
        })?;
    let path = [&at[..], &["pipelines"]].concat();
    let all = api.list(&path, &[("sha", &sha)], None).await?;
    let number = |one: &Value| one.get("id").and_then(Value::as_u64);
    let newest = all
        .iter()
        .filter(|one| text(one, "/sha").as_deref() == Some(sha.as_str()))
        .max_by_key(|one| number(one));
    let mut seen = CommitSeen {
        sha,
        pipeline: newest.map(|one| text(one, "/status").unwrap_or_default()),
        jobs: Vec::new(),
    };
    if let Some(id) = newest.and_then(number)
        && !commit.jobs.is_empty()
    {
        let id = id.to_string();
        let path = [&at[..], &["pipelines", &id, "jobs"]].concat();
        let mut jobs = api
            .list(&path, &[("include_retried", "false")], None)
            .await?;
        jobs.sort_by_key(|job| std::cmp::Reverse(number(job)));
        for job in &jobs {
            let name = text(job, "/name").unwrap_or_default();
            if seen.jobs.iter().all(|(other, _)| *other != name) {
                seen.jobs
                    .push((name, text(job, "/status").unwrap_or_default()));
            }
        }
    }
    Ok(seen)
}

/// How a branch is protected; what the project says of merging comes with the project.
async fn branch_seen(
    api: &Api<'_>,
    at: [&str; 2],
    branch: &Branch,
    project: &Value,
) -> Result<BranchSeen, Fault> {
    let path = [&at[..], &["repository", "branches", &branch.name]].concat();
    let known = api.must(&path, &[]).await?;
    let path = [&at[..], &["protected_branches"]].concat();
    let all = api.list(&path, &[], None).await?;
    // A wildcard protects too; the most permissive of those that apply counts.
    let fits = |one: &&Value| {
        text(one, "/name").is_some_and(|name| {
            name == branch.name
                || globset::Glob::new(&name)
                    .is_ok_and(|glob| glob.compile_matcher().is_match(&branch.name))
        })
    };
    let applying: Vec<&Value> = all.iter().filter(fits).collect();
    let push = applying
        .iter()
        .flat_map(|one| one.get("push_access_levels").and_then(Value::as_array))
        .flatten()
        // 0 is nobody; whatever else there is may push.
        .filter(|level| level.get("access_level").and_then(Value::as_u64) != Some(0))
        .map(|level| {
            text(level, "/access_level_description").unwrap_or_else(|| "somebody".to_owned())
        })
        .collect();
    let on = |field: &str| project.get(field).and_then(Value::as_bool);
    Ok(BranchSeen {
        protected: !applying.is_empty()
            && known.get("protected").and_then(Value::as_bool) == Some(true),
        push,
        force_push: applying
            .iter()
            .any(|one| one.get("allow_force_push").and_then(Value::as_bool) != Some(false)),
        pipeline_must_succeed: on("only_allow_merge_if_pipeline_succeeds") == Some(true),
        skipped_counts: on("allow_merge_on_skipped_pipeline") == Some(true),
    })
}

/// A variable without its value.
fn variable(found: &Value, cx: &Context) -> Option<VariableSeen> {
    let value = text(found, "/value").unwrap_or_default();
    cx.redactor.add(&value);
    let on = |field: &str| found.get(field).and_then(Value::as_bool) == Some(true);
    Some(VariableSeen {
        name: text(found, "/key")?,
        masked: on("masked"),
        protected: on("protected"),
        scope: text(found, "/environment_scope").unwrap_or_else(|| "*".to_owned()),
        // The value of a hidden variable is never sent.
        empty: value.is_empty() && !on("hidden"),
    })
}

/// A release; `None` when there is none.
async fn release_seen(
    api: &Api<'_>,
    at: [&str; 2],
    release: &Release,
) -> Result<Option<ReleaseSeen>, Fault> {
    let path = [&at[..], &["releases", &release.tag]].concat();
    let Some(found) = api.get(&path, &[]).await? else {
        return Ok(None);
    };
    let links = found.pointer("/assets/links").and_then(Value::as_array);
    Ok(Some(ReleaseSeen {
        released_at: time(&found, "/released_at"),
        upcoming: found.get("upcoming_release").and_then(Value::as_bool) == Some(true),
        links: links
            .into_iter()
            .flatten()
            .filter_map(|link| text(link, "/name"))
            .collect(),
    }))
}

/// The schedules asked for, each with its last pipeline.
async fn schedules(
    api: &Api<'_>,
    at: [&str; 2],
    spec: &Gitlab,
) -> Result<Vec<ScheduleSeen>, Fault> {
    let all = api
        .list(&[&at[..], &["pipeline_schedules"]].concat(), &[], None)
        .await?;
    let mut seen = Vec::new();
    for (name, _) in spec.schedules.iter() {
        let mut one = ScheduleSeen {
            name: name.to_owned(),
            active: None,
            state: None,
            at: None,
        };
        let found = all
            .iter()
            .find(|found| text(found, "/description").as_deref() == Some(name));
        if let Some(found) = found {
            one.active = Some(found.get("active").and_then(Value::as_bool) == Some(true));
            let id = found
                .get("id")
                .and_then(Value::as_u64)
                .unwrap_or(0)
                .to_string();
            let path = [&at[..], &["pipeline_schedules", &id]].concat();
            let full = api.must(&path, &[]).await?;
            one.state = text(&full, "/last_pipeline/status");
            one.at = time(&full, "/last_pipeline/created_at");
            // Some versions name the last pipeline without its time.
            if one.at.is_none()
                && let Some(pipeline) = full.pointer("/last_pipeline/id").and_then(Value::as_u64)
            {
                let pipeline = pipeline.to_string();
                let path = [&at[..], &["pipelines", &pipeline]].concat();
                let full = api.must(&path, &[]).await?;
                one.state = text(&full, "/status");
                one.at = time(&full, "/created_at");
            }
        }
        seen.push(one);
    }
    Ok(seen)
}
