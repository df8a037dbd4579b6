//! Reads the API.

use serde_json::Value;

use super::facts::{
    Asset, BranchSeen, Classic, CommitSeen, EnvironmentSeen, Facts, ReleaseSeen, Rule, Run,
    ScheduleSeen, SecretSeen,
};
use super::spec::{Alerts, Branch, Commit, Github, Release};
use crate::context::Context;
use crate::forge::{Api, Dialect, text, time};
use crate::outcome::{Cause, Fault, Severity};

/// GitHub's ways.
const DIALECT: Dialect = Dialect {
    name: "GitHub",
    token_header: ("authorization", "Bearer "),
    headers: &[
        ("accept", "application/vnd.github+json"),
        ("x-github-api-version", "2022-11-28"),
    ],
    limit_headers: ("x-ratelimit-remaining", "x-ratelimit-reset"),
    denied: "GH-67",
    limited: "GH-68",
};

/// A repository of the API.
struct Repository<'a> {
    /// The API.
    api: &'a Api<'a>,
    /// `repos`, owner, name.
    at: [&'a str; 3],
}

impl<'a> Repository<'a> {
    /// The path of something in it.
    fn path(&self, more: &[&'a str]) -> Vec<&'a str> {
        [self.at.as_slice(), more].concat()
    }

    /// A list in it.
    async fn list(
        &self,
        more: &[&'a str],
        query: &[(&str, &str)],
        key: Option<&str>,
    ) -> Result<Vec<Value>, Fault> {
        self.api.list(&self.path(more), query, key).await
    }
}

/// Reads what is asked for.
pub(super) async fn observe(spec: &Github, cx: &Context) -> Result<Facts, Fault> {
    let (owner, name) = spec.parts().ok_or_else(|| {
        Fault::new(Cause::Unparseable, "the `repo` is none").hint("write `owner/name`")
    })?;
    let ca_file = spec.ca_file.as_deref();
    let api = Api::open(cx, DIALECT, &spec.api_url, spec.token.as_ref(), ca_file)?;
    // First of all: is it there, may this token see it, and what is it called now?
    let found = api.must(&["repos", owner, name], &[]).await?;
    let full = text(&found, "/full_name").unwrap_or_else(|| spec.repo.clone());
    let (owner, name) = full.split_once('/').unwrap_or((owner, name));
    let repo = Repository {
        api: &api,
        at: ["repos", owner, name],
    };
    let mut facts = Facts {
        repo: full.clone(),
        ..Facts::default()
    };
    if let Some(commit) = &spec.commit {
        facts.commit = Some(commit_seen(&repo, commit).await?);
    }
    if let Some(branch) = &spec.branch {
        facts.branch = Some(branch_seen(&repo, branch).await?);
    }
    facts.environments = environments(&repo, spec).await?;
    if !spec.secrets.is_empty() {
        for list in ["secrets", "organization-secrets"] {
            let found = repo.list(&["actions", list], &[], Some("secrets")).await?;
            facts.secrets.extend(found.iter().filter_map(secret));
        }
    }
    if !spec.variables.is_empty() {
        for list in ["variables", "organization-variables"] {
            let found = repo
                .list(&["actions", list], &[], Some("variables"))
                .await?;
            facts
                .variables
                .extend(found.iter().filter_map(|v| text(v, "/name")));
        }
    }
    if let Some(release) = &spec.release {
        facts.release = release_seen(&repo, release).await?;
    }
    for (workflow, _) in spec.schedules.iter() {
        facts.schedules.push(schedule(&repo, workflow).await?);
    }
    if let Some(alerts) = &spec.alerts {
        facts.alerts = alerts_seen(&repo, alerts, cx).await?;
    }
    Ok(facts)
}

/// Check runs, statuses and workflow runs of a commit.
async fn commit_seen<'a>(repo: &Repository<'a>, commit: &'a Commit) -> Result<CommitSeen, Fault> {
    let reference = commit.reference.trim();
    if reference.is_empty() {
        return Err(Fault::new(
            Cause::Missing,
            "it is not known which commit is meant: `ref` is empty",
        )
        .hint("give it a commit, a branch or a tag"));
    }
    let path = repo.path(&["commits", reference, "status"]);
    let combined = repo.api.must(&path, &[]).await?;
    let sha = text(&combined, "/sha")
        .filter(|sha| sha.len() >= 40)
        .ok_or_else(|| {
            Fault::new(
                Cause::Unparseable,
                format!("GitHub does not say which commit {reference} is"),
            )
        })?;
    let mut runs = Vec::new();
    if commit.all || !commit.checks.is_empty() {
        let statuses = repo
            .list(&["commits", reference, "status"], &[], Some("statuses"))
            .await?;
        runs.extend(statuses.iter().map(|status| Run {
            name: text(status, "/context").unwrap_or_default(),
            state: text(status, "/state").unwrap_or_default(),
            at: time(status, "/updated_at"),
        }));
        let checks = repo
            .list(
                &["commits", reference, "check-runs"],
                &[("filter", "latest")],
                Some("check_runs"),
            )
            .await?;
        // A branch may have moved between the two requests.
        if checks
            .iter()
            .any(|check| text(check, "/head_sha").is_some_and(|of| of != sha))
        {
            return Err(Fault::new(
                Cause::Protocol,
                format!("{reference} moved while it was looked at"),
            )
            .hint("name the commit instead of a branch"));
        }
        runs.extend(checks.iter().map(|check| run(check, "/started_at")));
    }
    let mut workflows = Vec::new();
    for workflow in &commit.workflows {
        let found = repo
            .list(
                &["actions", "workflows", workflow, "runs"],
                &[("head_sha", &sha)],
                Some("workflow_runs"),
            )
            .await?;
        let newest = found
            .iter()
            .filter(|one| text(one, "/head_sha").as_deref() == Some(sha.as_str()))
            .max_by_key(|one| one.get("run_number").and_then(Value::as_u64));
        let newest = newest.map(|one| run(one, "/run_started_at"));
        workflows.push((workflow.clone(), newest));
    }
    Ok(CommitSeen {
        sha,
        runs,
        workflows,
    })
}

/// A check run or workflow run: its conclusion when it has ended, else its state.
fn run(value: &Value, began: &str) -> Run {
    let status = text(value, "/status").unwrap_or_default();
    let state = if status == "completed" {
        text(value, "/conclusion").unwrap_or_else(|| "without conclusion".to_owned())
    } else {
        status
    };
    Run {
        name: text(value, "/name").unwrap_or_default(),
        state,
        at: time(value, began).or_else(|| time(value, "/created_at")),
    }
}

/// Classic protection and rulesets of a branch.
async fn branch_seen<'a>(repo: &Repository<'a>, branch: &'a Branch) -> Result<BranchSeen, Fault> {
    let name = branch.name.as_str();
    repo.api.must(&repo.path(&["branches", name]), &[]).await?;
    let rules = repo.list(&["rules", "branches", name], &[], None).await?;
    let path = repo.path(&["branches", name, "protection"]);
    let classic = match repo.api.get_or_why(&path).await {
        Ok(Ok(found)) => classic(&found),
        Ok(Err(why)) if why.to_lowercase().contains("not protected") => Classic::None,
        Ok(Err(why)) => Classic::Hidden(if why.is_empty() {
            "not found".to_owned()
        } else {
            why
        }),
        // Reading it needs the rights of an administrator; rulesets may suffice.
        Err(fault) if fault.cause == Cause::Denied && fault.code.as_deref() == Some("GH-67") => {
            Classic::Hidden(fault.message)
        }
        Err(fault) => return Err(fault),
    };
    Ok(BranchSeen {
        classic,
        rules: rules.iter().map(rule).collect(),
    })
}

/// Classic protection.
fn classic(found: &Value) -> Classic {
    let on = |path: &str| found.pointer(path).and_then(Value::as_bool);
    let names = |path: &str, field: &str| -> Vec<String> {
        let list = found.pointer(path).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(|one| one.as_str().map(str::to_owned).or_else(|| text(one, field)))
            .collect()
    };
    let mut checks = names("/required_status_checks/contexts", "");
    checks.extend(names("/required_status_checks/checks", "/context"));
    let rule = Rule {
        checks,
        strict: on("/required_status_checks/strict") == Some(true),
        reviews: found
            .pointer("/required_pull_request_reviews/required_approving_review_count")
            .and_then(Value::as_u64)
            .unwrap_or(0),
        code_owners: on("/required_pull_request_reviews/require_code_owner_reviews") == Some(true),
        no_force_push: on("/allow_force_pushes/enabled") == Some(false),
        no_deletion: on("/allow_deletions/enabled") == Some(false),
    };
    if on("/enforce_admins/enabled") == Some(true) {
        Classic::ForAll(rule)
    } else {
        Classic::Protected(rule)
    }
}

/// One rule of a ruleset.
fn rule(found: &Value) -> Rule {
    let kind = text(found, "/type").unwrap_or_default();
    let on = |path: &str| found.pointer(path).and_then(Value::as_bool) == Some(true);
    let mut rule = Rule {
        no_force_push: kind == "non_fast_forward",
        no_deletion: kind == "deletion",
        ..Rule::default()
    };
    if kind == "required_status_checks" {
        let list = found
            .pointer("/parameters/required_status_checks")
            .and_then(Value::as_array);
        rule.checks = list
            .into_iter()
            .flatten()
            .filter_map(|check| text(check, "/context"))
            .collect();
        rule.strict = on("/parameters/strict_required_status_checks_policy");
    }
    if kind == "pull_request" {
        rule.reviews = found
            .pointer("/parameters/required_approving_review_count")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        rule.code_owners = on("/parameters/require_code_owner_review");
    }
    rule
}

/// The environments asked for.
async fn environments<'a>(
    repo: &Repository<'a>,
    spec: &'a Github,
) -> Result<Vec<EnvironmentSeen>, Fault> {
    if spec.environments.is_empty() {
        return Ok(Vec::new());
    }
    let all = repo
        .list(&["environments"], &[], Some("environments"))
        .await?;
    let mut seen = Vec::new();
    for (name, wanted) in spec.environments.iter() {
        let found = all
            .iter()
            .find(|one| text(one, "/name").as_deref() == Some(name));
        let Some(found) = found else {
            seen.push(EnvironmentSeen {
                name: name.to_owned(),
                ..EnvironmentSeen::default()
            });
            continue;
        };
        let mut one = environment(name, found);
        if !wanted.secrets.is_empty() {
            let path = ["environments", name, "secrets"];
            let found = repo.list(&path, &[], Some("secrets")).await?;
            one.secrets = found.iter().filter_map(secret).collect();
        }
        if !wanted.variables.is_empty() {
            let path = ["environments", name, "variables"];
            let found = repo.list(&path, &[], Some("variables")).await?;
            one.variables = found.iter().filter_map(|v| text(v, "/name")).collect();
        }
        seen.push(one);
    }
    Ok(seen)
}

/// An environment and its rules.
fn environment(name: &str, found: &Value) -> EnvironmentSeen {
    let rules = found.get("protection_rules").and_then(Value::as_array);
    let of = |kind: &str| {
        rules
            .into_iter()
            .flatten()
            .find(|rule| text(rule, "/type").as_deref() == Some(kind))
    };
    let reviewers = of("required_reviewers");
    EnvironmentSeen {
        name: name.to_owned(),
        exists: true,
        reviewers: reviewers
            .and_then(|rule| rule.get("reviewers")?.as_array())
            .map_or(0, |list| list.len() as u64),
        prevent_self_review: reviewers
            .and_then(|rule| rule.get("prevent_self_review")?.as_bool())
            .unwrap_or(false),
        restricted: found
            .get("deployment_branch_policy")
            .is_some_and(Value::is_object),
        bypass: found.get("can_admins_bypass").and_then(Value::as_bool),
        wait_minutes: of("wait_timer")
            .and_then(|rule| rule.get("wait_timer")?.as_u64())
            .unwrap_or(0),
        ..EnvironmentSeen::default()
    }
}

/// A secret's name and date.
fn secret(found: &Value) -> Option<SecretSeen> {
    Some(SecretSeen {
        name: text(found, "/name")?,
        updated_at: time(found, "/updated_at"),
    })
}

/// A release; `None` when there is none.
async fn release_seen<'a>(
    repo: &Repository<'a>,
    release: &'a Release,
) -> Result<Option<ReleaseSeen>, Fault> {
    let path = match &release.tag {
        Some(tag) => repo.path(&["releases", "tags", tag]),
        None => repo.path(&["releases", "latest"]),
    };
    let Some(found) = repo.api.get(&path, &[]).await? else {
        return Ok(None);
    };
    let on = |field: &str| found.get(field).and_then(Value::as_bool) != Some(false);
    let assets = found.get("assets").and_then(Value::as_array);
    Ok(Some(ReleaseSeen {
        tag: text(&found, "/tag_name").unwrap_or_default(),
        draft: on("draft"),
        prerelease: on("prerelease"),
        published_at: time(&found, "/published_at"),
        assets: assets
            .into_iter()
            .flatten()
            .map(|asset| Asset {
                name: text(asset, "/name").unwrap_or_default(),
                uploaded: text(asset, "/state").as_deref() == Some("uploaded"),
                size: asset.get("size").and_then(Value::as_u64).unwrap_or(0),
                digest: text(asset, "/digest").filter(|digest| !digest.is_empty()),
            })
            .collect(),
    }))
}

/// A scheduled workflow and its newest run that has ended.
async fn schedule<'a>(repo: &Repository<'a>, workflow: &'a str) -> Result<ScheduleSeen, Fault> {
    let path = repo.path(&["actions", "workflows", workflow]);
    let mut seen = ScheduleSeen {
        workflow: workflow.to_owned(),
        state: None,
        last: None,
    };
    let Some(found) = repo.api.get(&path, &[]).await? else {
        return Ok(seen);
    };
    seen.state = Some(text(&found, "/state").unwrap_or_default());
    let path = repo.path(&["actions", "workflows", workflow, "runs"]);
    // The newest come first: one page is enough.
    let query = [
        ("event", "schedule"),
        ("status", "completed"),
        ("per_page", "20"),
    ];
    let found = repo.api.must(&path, &query).await?;
    let runs = found.get("workflow_runs").and_then(Value::as_array);
    seen.last = runs
        .into_iter()
        .flatten()
        .filter(|one| text(one, "/event").as_deref() == Some("schedule"))
        .map(|one| run(one, "/run_started_at"))
        .max_by_key(|run| run.at);
    Ok(seen)
}

/// The severities of open alerts.
async fn alerts_seen(
    repo: &Repository<'_>,
    alerts: &Alerts,
    cx: &Context,
) -> Result<Vec<(String, Vec<Option<Severity>>)>, Fault> {
    let mut seen = Vec::new();
    for (name, wanted) in [
        ("code-scanning", alerts.code_scanning),
        ("secret-scanning", alerts.secret_scanning),
        ("dependabot", alerts.dependabot),
    ] {
        if wanted.is_none() {
            continue;
        }
        let mut query = vec![("state", "open")];
        if name == "secret-scanning" {
            query.push(("hide_secret", "true"));
        }
        let found = repo.list(&[name, "alerts"], &query, None).await?;
        for alert in &found {
            // An old server does not know how to hide it.
            if let Some(secret) = text(alert, "/secret") {
                cx.redactor.add(&secret);
            }
        }
        seen.push((name.to_owned(), found.iter().map(severity).collect()));
    }
    Ok(seen)
}

/// How bad an alert is; `None` when it does not say.
fn severity(alert: &Value) -> Option<Severity> {
    let named = [
        "/rule/security_severity_level",
        "/security_advisory/severity",
        "/security_vulnerability/severity",
        "/rule/severity",
    ]
    .iter()
    .find_map(|path| text(alert, path))?;
    match named.as_str() {
        "critical" => Some(Severity::Critical),
        "high" | "error" => Some(Severity::High),
        "medium" | "moderate" | "warning" => Some(Severity::Medium),
        "low" | "note" => Some(Severity::Low),
        _ => None,
    }
}
