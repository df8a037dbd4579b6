//! What a profile says about a project on GitLab.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::expect::{Ordered, Secret, TimeSpan};
use crate::forge::{MAX_PAGES, address_problems};
use crate::kinds::{Planned, SpecProblem};

/// Requires that the pipeline of a commit is green on GitLab, and that branches, environments,
/// variables, releases and schedules are as they must be.
///
/// It reads the REST API and changes nothing; values of variables are not kept. What the token may
/// not see is an error, never green. A list of more than 1000 entries is an error too.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gitlab {
    /// The project: its path with groups, `group/name`, or its number.
    pub(super) project: String,
    /// Token that may read it, as `${gitlab_token}`; without one only what everybody may see.
    #[serde(default)]
    pub(super) token: Option<Secret>,
    /// Address of the API, `https://HOST/api/v4`.
    #[serde(default = "default_api")]
    pub(super) api_url: String,
    /// PEM file of a private authority.
    #[serde(default)]
    pub(super) ca_file: Option<String>,
    /// What must be green for a commit.
    #[serde(default)]
    pub(super) commit: Option<Commit>,
    /// How a branch must be protected.
    #[serde(default)]
    pub(super) branch: Option<Branch>,
    /// Deployment environments by name that must be there and not stopped.
    #[serde(default)]
    pub(super) environments: Vec<String>,
    /// CI/CD variables of the project by name.
    #[serde(default)]
    pub(super) variables: Ordered<Variable>,
    /// A release that must exist.
    #[serde(default)]
    pub(super) release: Option<Release>,
    /// Pipeline schedules by description, and how long ago their last pipeline may have begun.
    #[serde(default)]
    pub(super) schedules: Ordered<TimeSpan>,
}

/// What must be green for a commit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Commit {
    /// The commit, or a branch or tag that points at it. Its newest pipeline must be successful.
    #[serde(rename = "ref")]
    pub(super) reference: String,
    /// Names of jobs that must be there and successful; a job that may fail must be green too.
    #[serde(default)]
    pub(super) jobs: Vec<String>,
}

/// How a branch must be protected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Branch {
    /// Its name.
    pub(super) name: String,
    /// Whether somebody may push to it without a merge request; nobody may by default.
    #[serde(default)]
    pub(super) allow_push: bool,
    /// Whether history may be rewritten; it may not by default.
    #[serde(default)]
    pub(super) allow_force_push: bool,
    /// Whether a merge needs a successful pipeline; it does by default.
    #[serde(default = "yes")]
    pub(super) pipeline_must_succeed: bool,
}

/// What a variable must be.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    /// Whether its value is masked in logs.
    #[serde(default)]
    pub(super) masked: bool,
    /// Whether only protected branches and tags get it.
    #[serde(default)]
    pub(super) protected: bool,
    /// The environment it must be for: its name, or the scope as GitLab shows it.
    #[serde(default)]
    pub(super) environment: Option<String>,
}

/// A release that must exist.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    /// Its tag.
    pub(super) tag: String,
    /// Names of links among its assets.
    #[serde(default)]
    pub(super) assets: Vec<String>,
    /// How long ago it may have been released.
    #[serde(default)]
    pub(super) max_age: Option<TimeSpan>,
}

/// Default of `api_url`.
fn default_api() -> String {
    "https://gitlab.com/api/v4".to_owned()
}

/// Default of `pipeline_must_succeed`.
fn yes() -> bool {
    true
}

/// Contradictions.
pub(super) fn problems(spec: &Gitlab) -> Vec<SpecProblem> {
    let mut problems = address_problems(&spec.api_url, spec.token.is_some());
    let project = spec.project.trim();
    if project.is_empty() || project.contains(|c: char| c.is_whitespace() || c == '%') {
        problems.push(SpecProblem::at(
            "project",
            "this is no project",
            "write `group/name`, or its number",
        ));
    }
    let vacuous = spec.commit.is_none()
        && spec.branch.is_none()
        && spec.environments.is_empty()
        && spec.variables.is_empty()
        && spec.release.is_none()
        && spec.schedules.is_empty();
    if vacuous {
        problems.push(SpecProblem::at(
            "",
            "nothing is asked: this check could never fail",
            "add `commit`, `branch`, `environments`, `variables`, `release` or `schedules`",
        ));
    }
    problems
}

/// Every request that may be sent.
pub(super) fn plan(spec: &Gitlab) -> Vec<Planned> {
    let base = spec.api_url.trim_end_matches('/');
    let mut planned = Vec::new();
    let mut get = |path: String, at_most: u32| {
        let what = format!("GET {base}/projects/{}{path}", spec.project);
        planned.push(Planned { what, at_most });
    };
    // With the redirects of a renamed project.
    get(String::new(), 4);
    if let Some(commit) = &spec.commit {
        get(format!("/repository/commits/{}", commit.reference), 1);
        get("/pipelines?sha=".to_owned(), MAX_PAGES);
        if !commit.jobs.is_empty() {
            get("/pipelines/NEWEST/jobs".to_owned(), MAX_PAGES);
        }
    }
    if let Some(branch) = &spec.branch {
        get(format!("/repository/branches/{}", branch.name), 1);
        get("/protected_branches".to_owned(), MAX_PAGES);
    }
    if !spec.environments.is_empty() {
        get("/environments".to_owned(), MAX_PAGES);
    }
    if !spec.variables.is_empty() {
        get("/variables".to_owned(), MAX_PAGES);
    }
    if let Some(release) = &spec.release {
        get(format!("/releases/{}", release.tag), 1);
    }
    if !spec.schedules.is_empty() {
        get("/pipeline_schedules".to_owned(), MAX_PAGES);
        let count = u32::try_from(spec.schedules.iter().count()).unwrap_or(u32::MAX);
        get("/pipeline_schedules/ID".to_owned(), count);
        get("/pipelines/LAST".to_owned(), count);
    }
    planned
}
