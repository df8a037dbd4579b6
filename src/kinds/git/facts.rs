//! What was seen of a repository.

use serde::{Deserialize, Serialize};

use crate::leaks::Hit;

/// What was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The folder that was looked at.
    pub(super) repository: String,
    /// The last commit, abbreviated; `null` before the first.
    pub(super) head: Option<String>,
    /// Whether the history is cut off.
    pub(super) shallow: bool,
    /// How many files are tracked.
    pub(super) tracked: usize,
    /// Submodules: repositories of their own, not looked at.
    pub(super) submodules: Vec<String>,
    /// What reading the tracked files gave.
    pub(super) files: Option<Files>,
    /// What the history holds.
    pub(super) history: Option<History>,
    /// Tracked files that must not be.
    pub(super) unwanted: Vec<String>,
    /// For each pattern of `tracked`, how many files fit.
    pub(super) wanted: Vec<Wanted>,
    /// For each path of `ignored`, what covers it.
    pub(super) ignored: Vec<Ignored>,
    /// For each pattern of `at.files`, how many files fit; `null` when the revision is unknown.
    pub(super) at: Option<Vec<Wanted>>,
    /// What differs from the last commit.
    pub(super) changes: Option<Changes>,
    /// Tags on the last commit.
    pub(super) tags: Option<Vec<String>>,
    /// Ages of paths, in the order of `not_older`.
    pub(super) ages: Vec<Ages>,
}

/// What reading the tracked files gave.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Files {
    /// Text files read.
    pub(super) read: u64,
    /// Files that are not text, or excluded.
    pub(super) passed_over: u64,
    /// Files that could not be read, or are larger than allowed, with the reason.
    pub(super) unread: Vec<(String, String)>,
    /// Places where a rule matched.
    pub(super) hits: Vec<FileHit>,
    /// Matches beyond those listed.
    pub(super) more: u64,
    /// Matches on lines marked as harmless.
    pub(super) allowed: u64,
    /// Data files.
    pub(super) data: Vec<DataFile>,
}

/// A match in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileHit {
    /// The file.
    pub(super) path: String,
    /// Whether only the committed version holds it.
    pub(super) committed_only: bool,
    /// The rule and the place.
    #[serde(flatten)]
    pub(super) hit: Hit,
}

/// A tracked data file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DataFile {
    /// The file.
    pub(super) path: String,
    /// Bytes.
    pub(super) size: u64,
    /// Why it counts as data.
    pub(super) why: String,
}

/// What the history holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct History {
    /// Commits looked through.
    pub(super) commits: u64,
    /// Matches, with the commit that added them.
    pub(super) hits: Vec<(String, FileHit)>,
    /// Matches beyond those listed.
    pub(super) more: u64,
}

/// How many files fit a pattern that must fit one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// The pattern.
    pub(super) pattern: String,
    /// Files that fit.
    pub(super) files: usize,
    /// Files of the folder that are neither tracked nor ignored.
    pub(super) untracked: Vec<String>,
}

/// What covers a path that must be ignored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ignored {
    /// The path.
    pub(super) path: String,
    /// The file with the rule; `null` when there is none.
    pub(super) by: Option<String>,
    /// Whether the file is part of the repository.
    pub(super) shared: bool,
}

/// What differs from the last commit.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// Changed, added, deleted or conflicting tracked files.
    pub(super) tracked: Vec<String>,
    /// Files that are neither tracked nor ignored.
    pub(super) untracked: Vec<String>,
}

/// When two paths were last committed, in seconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ages {
    /// The path that must keep up.
    pub(super) path: Option<i64>,
    /// The path it must keep up with.
    pub(super) than: Option<i64>,
}
