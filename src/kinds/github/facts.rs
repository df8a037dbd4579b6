//! What was seen of a repository.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::outcome::Severity;

/// Everything that was asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The repository under its present name.
    pub(super) repo: String,
    /// What ran for the commit.
    pub(super) commit: Option<CommitSeen>,
    /// How the branch is protected.
    pub(super) branch: Option<BranchSeen>,
    /// Environments that were asked for.
    pub(super) environments: Vec<EnvironmentSeen>,
    /// Names of the secrets of the repository and of its organisation.
    pub(super) secrets: Vec<SecretSeen>,
    /// Names of the variables.
    pub(super) variables: Vec<String>,
    /// The release; `None` when there is none.
    pub(super) release: Option<ReleaseSeen>,
    /// Scheduled workflows.
    pub(super) schedules: Vec<ScheduleSeen>,
    /// Open alerts by source: the severity of each.
    pub(super) alerts: Vec<(String, Vec<Option<Severity>>)>,
}

/// What ran for a commit.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CommitSeen {
    /// Its full id.
    pub(super) sha: String,
    /// Check runs and commit statuses.
    pub(super) runs: Vec<Run>,
    /// The newest run of each workflow asked for.
    pub(super) workflows: Vec<(String, Option<Run>)>,
}

/// Something that ran.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Run {
    /// Its name.
    pub(super) name: String,
    /// `success`, another conclusion, or the state of what has not ended.
    pub(super) state: String,
    /// When it began.
    pub(super) at: Option<Timestamp>,
}

/// How a branch is protected.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BranchSeen {
    /// Classic protection.
    pub(super) classic: Classic,
    /// Rules of rulesets that apply.
    pub(super) rules: Vec<Rule>,
}

/// Classic protection of a branch.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Classic {
    /// There is none.
    None,
    /// The token may not see whether there is any.
    Hidden(String),
    /// There is.
    Protected(Rule),
    /// There is, and administrators are held to it.
    ForAll(Rule),
}

/// What a protection demands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Rule {
    /// Names of required checks.
    pub(super) checks: Vec<String>,
    /// Whether a change must be up to date.
    pub(super) strict: bool,
    /// Approving reviews required.
    pub(super) reviews: u64,
    /// Whether code owners must approve.
    pub(super) code_owners: bool,
    /// Whether force pushes are refused.
    pub(super) no_force_push: bool,
    /// Whether deletion is refused.
    pub(super) no_deletion: bool,
}

/// An environment.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct EnvironmentSeen {
    /// Its name.
    pub(super) name: String,
    /// Whether it exists.
    pub(super) exists: bool,
    /// How many may approve a deployment.
    pub(super) reviewers: u64,
    /// Whether nobody approves their own.
    pub(super) prevent_self_review: bool,
    /// Whether branches are restricted.
    pub(super) restricted: bool,
    /// Whether administrators may bypass; `None` when it was not said.
    pub(super) bypass: Option<bool>,
    /// Minutes a deployment waits.
    pub(super) wait_minutes: u64,
    /// Names of its secrets.
    pub(super) secrets: Vec<SecretSeen>,
    /// Names of its variables.
    pub(super) variables: Vec<String>,
}

/// A secret by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SecretSeen {
    /// Its name.
    pub(super) name: String,
    /// When it was set last.
    pub(super) updated_at: Option<Timestamp>,
}

/// A release.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReleaseSeen {
    /// Its tag.
    pub(super) tag: String,
    /// Whether it is a draft.
    pub(super) draft: bool,
    /// Whether it is a pre-release.
    pub(super) prerelease: bool,
    /// When it was published.
    pub(super) published_at: Option<Timestamp>,
    /// Its files.
    pub(super) assets: Vec<Asset>,
}

/// A file of a release.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asset {
    /// Its name.
    pub(super) name: String,
    /// Whether it was uploaded completely.
    pub(super) uploaded: bool,
    /// Its size in bytes.
    pub(super) size: u64,
    /// Its digest.
    pub(super) digest: Option<String>,
}

/// A scheduled workflow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ScheduleSeen {
    /// Its file.
    pub(super) workflow: String,
    /// `active`, or why it is not; `None` when it does not exist.
    pub(super) state: Option<String>,
    /// Its newest scheduled run that has ended.
    pub(super) last: Option<Run>,
}
