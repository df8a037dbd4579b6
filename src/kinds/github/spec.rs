//! What a profile says about a repository on GitHub.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::expect::{Ordered, Secret, TimeSpan};
use crate::forge::{MAX_PAGES, address_problems};
use crate::kinds::{Planned, SpecProblem};
use crate::outcome::Severity;

/// Requires that the checks of a commit are green on GitHub, and that branches, environments,
/// secrets, releases, schedules and alerts are as they must be.
///
/// It reads the REST API and changes nothing; values of secrets cannot be read, values of variables
/// are not kept. What the token may not see is an error, never green. A list of more than 1000
/// entries is an error too.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Github {
    /// The repository, `owner/name`.
    pub(super) repo: String,
    /// Token that may read it, as `${github_token}`; without one only what everybody may see.
    #[serde(default)]
    pub(super) token: Option<Secret>,
    /// Address of the API; `https://HOST/api/v3` for GitHub Enterprise Server.
    #[serde(default = "default_api")]
    pub(super) api_url: String,
    /// PEM file of a private authority.
    #[serde(default)]
    pub(super) ca_file: Option<String>,
    /// What must be green for a commit.
    #[serde(default)]
    pub(super) commit: Option<Commit>,
    /// How a branch must be protected, by classic protection or by rulesets.
    #[serde(default)]
    pub(super) branch: Option<Branch>,
    /// Deployment environments by name.
    #[serde(default)]
    pub(super) environments: Ordered<Environment>,
    /// Names of Actions secrets that must exist for the repository, its organisation's included.
    #[serde(default)]
    pub(super) secrets: Vec<String>,
    /// Longest time since each secret named here, or for an environment, was set.
    #[serde(default)]
    pub(super) secrets_max_age: Option<TimeSpan>,
    /// Names of Actions variables that must exist for the repository, its organisation's included.
    #[serde(default)]
    pub(super) variables: Vec<String>,
    /// A release that must exist.
    #[serde(default)]
    pub(super) release: Option<Release>,
    /// Scheduled workflows by file name, and how long ago their last run may have begun:
    /// `{ nightly.yml: 26h }`.
    #[serde(default)]
    pub(super) schedules: Ordered<TimeSpan>,
    /// Open security alerts.
    #[serde(default)]
    pub(super) alerts: Option<Alerts>,
}

/// What must be green for a commit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Commit {
    /// The commit, or a branch or tag that points at it.
    #[serde(rename = "ref")]
    pub(super) reference: String,
    /// Names of check runs or commit statuses that must be there and successful.
    #[serde(default)]
    pub(super) checks: Vec<String>,
    /// File names of workflows (`ci.yml`) whose newest run for this commit must be successful.
    #[serde(default)]
    pub(super) workflows: Vec<String>,
    /// Whether every check run and status of the commit must be successful, and there is one.
    /// Skipped and neutral ones do not count as red here.
    #[serde(default)]
    pub(super) all: bool,
}

/// How a branch must be protected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Branch {
    /// Its name.
    pub(super) name: String,
    /// Checks that must be green before a change gets in.
    #[serde(default)]
    pub(super) required_checks: Vec<String>,
    /// Whether a change must be tested on top of the branch as it is.
    #[serde(default)]
    pub(super) up_to_date: bool,
    /// Least number of approving reviews.
    #[serde(default)]
    pub(super) reviews: u64,
    /// Whether owners of changed files must approve.
    #[serde(default)]
    pub(super) code_owners: bool,
    /// Whether history can be rewritten; it may not by default.
    #[serde(default)]
    pub(super) allow_force_push: bool,
    /// Whether the branch can be deleted; it may not by default.
    #[serde(default)]
    pub(super) allow_deletion: bool,
    /// Whether administrators are held to the same rules (classic protection only).
    #[serde(default)]
    pub(super) enforce_admins: bool,
}

/// What an environment must have.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Environment {
    /// Least number of people or teams of whom one must approve a deployment.
    #[serde(default)]
    pub(super) reviewers: u64,
    /// Whether nobody may approve a deployment of their own.
    #[serde(default)]
    pub(super) prevent_self_review: bool,
    /// Whether only certain branches or tags may be deployed.
    #[serde(default)]
    pub(super) restricted_branches: bool,
    /// Whether administrators may not bypass the rules.
    #[serde(default)]
    pub(super) no_bypass: bool,
    /// Least time a deployment waits.
    #[serde(default)]
    pub(super) wait: Option<TimeSpan>,
    /// Names of secrets that must exist in it.
    #[serde(default)]
    pub(super) secrets: Vec<String>,
    /// Names of variables that must exist in it.
    #[serde(default)]
    pub(super) variables: Vec<String>,
}

/// A release that must exist.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    /// Its tag; the latest full release when absent.
    #[serde(default)]
    pub(super) tag: Option<String>,
    /// Names of its files; `*` stands for anything.
    #[serde(default)]
    pub(super) assets: Vec<String>,
    /// Whether each of these files must have a digest.
    #[serde(default)]
    pub(super) digests: bool,
    /// Whether it may be marked as a pre-release.
    #[serde(default)]
    pub(super) prerelease: bool,
    /// How long ago it may have been published.
    #[serde(default)]
    pub(super) max_age: Option<TimeSpan>,
}

/// How many open alerts there may be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alerts {
    /// Open alerts of code scanning that are allowed at or above `severity`.
    #[serde(default)]
    pub(super) code_scanning: Option<u64>,
    /// Open alerts of secret scanning that are allowed, of any severity.
    #[serde(default)]
    pub(super) secret_scanning: Option<u64>,
    /// Open Dependabot alerts that are allowed at or above `severity`.
    #[serde(default)]
    pub(super) dependabot: Option<u64>,
    /// Lowest severity that counts; an alert without one counts.
    #[serde(default)]
    pub(super) severity: Severity,
}

/// Default of `api_url`.
fn default_api() -> String {
    "https://api.github.com".to_owned()
}

impl Github {
    /// Owner and name.
    pub(super) fn parts(&self) -> Option<(&str, &str)> {
        let (owner, name) = self.repo.trim().split_once('/')?;
        let fits = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
                && part.chars().any(|c| c != '.')
        };
        (fits(owner) && fits(name)).then_some((owner, name))
    }
}

/// Contradictions.
pub(super) fn problems(spec: &Github) -> Vec<SpecProblem> {
    let mut problems = address_problems(&spec.api_url, spec.token.is_some());
    let mut wrong = |field: &str, message: &str, help: &str| {
        problems.push(SpecProblem::at(field, message, help));
    };
    if spec.parts().is_none() {
        wrong("repo", "this is no repository", "write `owner/name`");
    }
    if let Some(commit) = &spec.commit
        && commit.checks.is_empty()
        && commit.workflows.is_empty()
        && !commit.all
    {
        wrong(
            "commit",
            "nothing is asked of the commit",
            "name `checks` or `workflows`, or write `all: true`",
        );
    }
    if let Some(alerts) = &spec.alerts
        && alerts.code_scanning.is_none()
        && alerts.secret_scanning.is_none()
        && alerts.dependabot.is_none()
    {
        wrong(
            "alerts",
            "no kind of alert is asked for",
            "write `code_scanning: 0`, `secret_scanning: 0` or `dependabot: 0`",
        );
    }
    let vacuous = spec.commit.is_none()
        && spec.branch.is_none()
        && spec.environments.is_empty()
        && spec.secrets.is_empty()
        && spec.variables.is_empty()
        && spec.release.is_none()
        && spec.schedules.is_empty()
        && spec.alerts.is_none();
    if vacuous {
        wrong(
            "",
            "nothing is asked: this check could never fail",
            "add `commit`, `branch`, `environments`, `secrets`, `release`, `schedules` or `alerts`",
        );
    }
    problems
}

/// Every request that may be sent.
pub(super) fn plan(spec: &Github) -> Vec<Planned> {
    let base = spec.api_url.trim_end_matches('/');
    let mut planned = Vec::new();
    let mut get = |path: String, at_most: u32| {
        let what = format!("GET {base}/repos/{}{path}", spec.repo);
        planned.push(Planned { what, at_most });
    };
    // With the redirects of a renamed repository.
    get(String::new(), 4);
    if let Some(commit) = &spec.commit {
        get(
            format!("/commits/{}/status", commit.reference),
            MAX_PAGES + 1,
        );
        if commit.all || !commit.checks.is_empty() {
            get(
                format!("/commits/{}/check-runs", commit.reference),
                MAX_PAGES,
            );
        }
        for workflow in &commit.workflows {
            get(format!("/actions/workflows/{workflow}/runs"), MAX_PAGES);
        }
    }
    if let Some(branch) = &spec.branch {
        get(format!("/branches/{}", branch.name), 1);
        get(format!("/branches/{}/protection", branch.name), 1);
        get(format!("/rules/branches/{}", branch.name), MAX_PAGES);
    }
    if !spec.environments.is_empty() {
        get("/environments".to_owned(), MAX_PAGES);
    }
    for (name, environment) in spec.environments.iter() {
        for (list, wanted) in [
            ("secrets", &environment.secrets),
            ("variables", &environment.variables),
        ] {
            if !wanted.is_empty() {
                get(format!("/environments/{name}/{list}"), MAX_PAGES);
            }
        }
    }
    for (list, wanted) in [("secrets", &spec.secrets), ("variables", &spec.variables)] {
        if !wanted.is_empty() {
            get(format!("/actions/{list}"), MAX_PAGES);
            get(format!("/actions/organization-{list}"), MAX_PAGES);
        }
    }
    if let Some(release) = &spec.release {
        get(
            release.tag.as_ref().map_or_else(
                || "/releases/latest".to_owned(),
                |tag| format!("/releases/tags/{tag}"),
            ),
            1,
        );
    }
    for (workflow, _) in spec.schedules.iter() {
        get(format!("/actions/workflows/{workflow}"), 1);
        get(
            format!("/actions/workflows/{workflow}/runs?event=schedule"),
            1,
        );
    }
    if let Some(alerts) = &spec.alerts {
        for (name, wanted) in [
            ("code-scanning", alerts.code_scanning),
            ("secret-scanning", alerts.secret_scanning),
            ("dependabot", alerts.dependabot),
        ] {
            if wanted.is_some() {
                get(format!("/{name}/alerts?state=open"), MAX_PAGES);
            }
        }
    }
    planned
}
