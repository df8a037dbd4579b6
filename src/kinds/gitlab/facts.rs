//! What was seen of a project.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything that was asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The project under its present path.
    pub(super) project: String,
    /// The newest pipeline of the commit.
    pub(super) commit: Option<CommitSeen>,
    /// How the branch is protected.
    pub(super) branch: Option<BranchSeen>,
    /// Environments: name and state.
    pub(super) environments: Vec<(String, String)>,
    /// Variables without their values.
    pub(super) variables: Vec<VariableSeen>,
    /// The release; `None` when there is none.
    pub(super) release: Option<ReleaseSeen>,
    /// Pipeline schedules.
    pub(super) schedules: Vec<ScheduleSeen>,
}

/// The newest pipeline of a commit.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CommitSeen {
    /// The commit's full id.
    pub(super) sha: String,
    /// State of the newest pipeline; `None` when there is none.
    pub(super) pipeline: Option<String>,
    /// Its jobs, the newest of each name: name and state.
    pub(super) jobs: Vec<(String, String)>,
}

/// How a branch is protected.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BranchSeen {
    /// Whether it is.
    pub(super) protected: bool,
    /// Who may push, as GitLab describes them.
    pub(super) push: Vec<String>,
    /// Whether force pushes are allowed.
    pub(super) force_push: bool,
    /// Whether a merge needs a successful pipeline.
    pub(super) pipeline_must_succeed: bool,
    /// Whether a skipped pipeline counts as successful.
    pub(super) skipped_counts: bool,
}

/// A CI/CD variable.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct VariableSeen {
    /// Its name.
    pub(super) name: String,
    /// Whether its value is masked.
    pub(super) masked: bool,
    /// Whether it is for protected references only.
    pub(super) protected: bool,
    /// The environments it is for.
    pub(super) scope: String,
    /// Whether its value is empty.
    pub(super) empty: bool,
}

/// A release.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReleaseSeen {
    /// When it was released.
    pub(super) released_at: Option<Timestamp>,
    /// Whether it is announced for later.
    pub(super) upcoming: bool,
    /// Names of its links.
    pub(super) links: Vec<String>,
}

/// A pipeline schedule.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ScheduleSeen {
    /// Its description.
    pub(super) name: String,
    /// Whether it is active; `None` when it does not exist.
    pub(super) active: Option<bool>,
    /// State of its last pipeline.
    pub(super) state: Option<String>,
    /// When that began.
    pub(super) at: Option<Timestamp>,
}
