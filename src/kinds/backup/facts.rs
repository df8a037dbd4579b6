//! What was seen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::archive::Integrity;

/// How many backups a report keeps; of more, the newest and the oldest.
pub(super) const KEEP: usize = 2000;
/// How many names of anything else are kept.
pub(super) const KEEP_NAMES: usize = 20;

/// Everything that was observed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// What was looked at.
    pub(super) source: String,
    /// Finished backups, newest first.
    pub(super) backups: Vec<Item>,
    /// How many finished ones there are.
    pub(super) total: usize,
    /// Unfinished, temporary or failed ones.
    pub(super) incomplete: Vec<Item>,
    /// Entries without a readable time.
    pub(super) undated: Vec<String>,
    /// Links that point nowhere.
    pub(super) dangling: Vec<String>,
    /// The newest of each series, looked at more closely.
    pub(super) newest: Vec<Closer>,
    /// Stanzas and repositories of pgBackRest.
    pub(super) stanzas: Vec<Stanza>,
    /// Locks of a restic repository.
    pub(super) locks: Option<Vec<Lock>>,
    /// The last run of restic.
    pub(super) run: Option<RunLog>,
    /// Whether anyone may list the bucket.
    pub(super) public: Option<bool>,
    /// State of PostgreSQL's archiver.
    pub(super) archiver: Option<Archiver>,
    /// The record of the last restore test.
    pub(super) restore: Option<RestoreRecord>,
}

/// One backup.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Item {
    /// File, key, label or id.
    pub(super) name: String,
    /// The series it belongs to; empty when there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) series: String,
    /// When it was made.
    pub(super) time: Option<Timestamp>,
    /// Bytes.
    pub(super) size: Option<u64>,
    /// Full, differential or incremental, as the source calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    /// Backups it cannot be restored without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) depends_on: Vec<String>,
    /// Why it does not count; empty for a finished one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) unfinished: String,
    /// Whether the source flags errors in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<bool>,
    /// Whether it is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) encrypted: Option<bool>,
    /// Whether it is protected against deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) immutable: Option<bool>,
    /// Where it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<String>,
    /// Paths that were saved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) paths: Vec<String>,
    /// First and last log segment that restoring it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wal: Option<(String, String)>,
    /// Number of the database cluster in the repository's history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cluster: Option<u64>,
}

/// What reading one backup showed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Closer {
    /// Its name.
    pub(super) name: String,
    /// What reading it through showed; of a folder, its worst file.
    pub(super) integrity: Option<Integrity>,
    /// Which file of a folder that is about.
    pub(super) file: Option<String>,
    /// How its checksum file compares.
    pub(super) checksum: Option<Checksum>,
}

/// A checksum file, compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Checksum {
    /// The file has the checksum that was written down.
    Matches,
    /// It has another one.
    Differs,
    /// Nothing was written down.
    Absent,
    /// There is a checksum file, but no SHA-256 for this name in it.
    Unreadable,
    /// The file is too large to compare.
    TooLarge,
}

/// A stanza of pgBackRest in one repository, or as a whole.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Stanza {
    /// Its name.
    pub(super) name: String,
    /// Status code of pgBackRest; 0 is good.
    pub(super) code: i64,
    /// Its words for it.
    pub(super) message: String,
    /// Whether a backup holds the lock.
    pub(super) running: bool,
    /// Its repositories.
    pub(super) repos: Vec<Repo>,
    /// System identifiers of the clusters, the current one last.
    pub(super) system_ids: Vec<String>,
}

/// One repository of a stanza.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Repo {
    /// Its number.
    pub(super) key: u64,
    /// Status code.
    pub(super) code: i64,
    /// Words for it.
    pub(super) message: String,
    /// Encryption; `none` for none.
    pub(super) cipher: Option<String>,
    /// Number of the current cluster.
    pub(super) cluster: Option<u64>,
    /// First and last archived segment, by cluster number.
    pub(super) archives: Vec<(Option<u64>, Option<String>, Option<String>)>,
}

/// A lock of a restic repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lock {
    /// When it was taken or refreshed.
    pub(super) time: Option<Timestamp>,
    /// By which host.
    pub(super) host: String,
    /// Whether it keeps others out.
    pub(super) exclusive: bool,
}

/// What a run of `restic backup --json` printed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct RunLog {
    /// The snapshot it made.
    pub(super) snapshot: Option<String>,
    /// Complaints about files.
    pub(super) errors: usize,
    /// The first of them.
    pub(super) first: Option<String>,
}

/// The row of `pg_stat_archiver`, and the settings it depends on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Archiver {
    /// `archive_mode`.
    pub(super) mode: Option<String>,
    /// Whether the command or library does nothing; `None` when this role may not see it.
    pub(super) no_op: Option<bool>,
    /// `archive_timeout` in seconds.
    pub(super) timeout: Option<i64>,
    /// Segments archived since the last reset.
    pub(super) archived: i64,
    /// When one was archived last.
    pub(super) last_archived: Option<Timestamp>,
    /// Attempts that failed since the last reset.
    pub(super) failed: i64,
    /// When one failed last.
    pub(super) last_failed: Option<Timestamp>,
    /// When the counters were reset.
    pub(super) reset: Option<Timestamp>,
    /// Whether this server is a standby.
    pub(super) standby: bool,
}

/// The record of a restore test.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RestoreRecord {
    /// There is no such file.
    Absent,
    /// The file says nothing that can be understood.
    Unreadable(String),
    /// What the newest record says.
    Read {
        /// When it ended.
        time: Option<Timestamp>,
        /// Its result.
        result: Option<String>,
        /// Seconds it took.
        seconds: Option<f64>,
    },
}

impl Facts {
    /// Sorts what a listing gave, and bounds it.
    pub(super) fn settle(&mut self) {
        let newest_first = |a: &Item, b: &Item| b.time.cmp(&a.time).then(b.name.cmp(&a.name));
        self.backups.sort_by(newest_first);
        self.incomplete.sort_by(newest_first);
        self.total = self.backups.len();
        if self.backups.len() > KEEP {
            let oldest = self.backups.pop();
            self.backups.truncate(KEEP - 1);
            self.backups.extend(oldest);
        }
        self.incomplete.truncate(KEEP_NAMES);
        self.undated.truncate(KEEP_NAMES);
        self.dangling.truncate(KEEP_NAMES);
    }
}
