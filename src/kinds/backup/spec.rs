//! What YAML says: where backups are, and what is expected of them.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::archive::Format;
use crate::expect::{ByteSize, JsonPath, Ordered, Pattern, Secret, TimeSpan};

/// A folder with one file, or one folder, a backup.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilesSource {
    /// The folder.
    pub(super) path: String,
    /// Which of its entries are backups, as a glob on the path below the folder: `*.dump`,
    /// `*/base.tar.gz`. Default: every entry.
    #[serde(default)]
    pub(super) pattern: Option<String>,
    /// Whether a backup is a file or a folder.
    #[serde(default)]
    pub(super) entries: Entries,
    /// Format of the time inside the name, as for `strftime`: `%Y-%m-%d`, `%Y%m%dT%H%M%S`. Without
    /// it the time is that of the last change, which copying refreshes.
    #[serde(default)]
    pub(super) time_format: Option<String>,
    /// Time zone of times in names that do not say one: `UTC`, `Europe/Kyiv`.
    #[serde(default)]
    pub(super) time_zone: Option<String>,
    /// Which series a name belongs to: the first group of this pattern. Every series is judged for
    /// itself. Default: the names under `expect.sets`, else all names are one series.
    #[serde(default)]
    pub(super) set: Option<Pattern>,
    /// Further globs of names that are not finished. Names like `*.tmp`, `*.part` and hidden ones
    /// never count as backups.
    #[serde(default)]
    pub(super) incomplete: Vec<String>,
}

/// What a backup in a folder is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entries {
    /// A file.
    #[default]
    Files,
    /// A folder: its size is that of all files inside, its time that of the newest.
    Folders,
}

/// Objects of an S3 bucket.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct S3Source {
    /// The bucket.
    pub(super) bucket: String,
    /// Only keys that begin with this.
    #[serde(default)]
    pub(super) prefix: String,
    /// Which keys are backups, as a glob on the key after the prefix. Default: every key.
    #[serde(default)]
    pub(super) pattern: Option<String>,
    /// The region; `us-east-1` by default.
    #[serde(default)]
    pub(super) region: Option<String>,
    /// URL of the service when it is not that of AWS: `https://minio.example.com`.
    #[serde(default)]
    pub(super) endpoint: Option<String>,
    /// Identifier of the access key. Without it and `secret_key`, the usual `AWS_…` variables are
    /// used: keys, a web identity or a container role.
    #[serde(default)]
    pub(super) access_key: Option<Secret>,
    /// Secret of the access key.
    #[serde(default)]
    pub(super) secret_key: Option<Secret>,
    /// Token of temporary keys.
    #[serde(default)]
    pub(super) session_token: Option<Secret>,
    /// Whether the metadata service of a cloud machine may be asked for keys.
    #[serde(default)]
    pub(super) instance_role: bool,
    /// Whether an `http://` endpoint is acceptable.
    #[serde(default)]
    pub(super) allow_http: bool,
    /// Whether the bucket stands in the path of the URL instead of the host name. Default: yes.
    #[serde(default)]
    pub(super) path_style: Option<bool>,
    /// A PEM file of certificate authorities trusted besides the system's.
    #[serde(default)]
    pub(super) ca_file: Option<String>,
    /// Most LIST requests sent, of up to 1000 keys each; 10 by default.
    #[serde(default)]
    pub(super) max_pages: Option<u32>,
    /// Format of the time inside the key, as for `strftime`. Default: the time of the upload.
    #[serde(default)]
    pub(super) time_format: Option<String>,
    /// Time zone of times in keys that do not say one.
    #[serde(default)]
    pub(super) time_zone: Option<String>,
    /// Which series a key belongs to: the first group of this pattern.
    #[serde(default)]
    pub(super) set: Option<Pattern>,
    /// Further globs of keys that are not finished.
    #[serde(default)]
    pub(super) incomplete: Vec<String>,
}

/// A pgBackRest stanza, each of its repositories for itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PgBackRestSource {
    /// The stanza; all stanzas that are reported by default.
    #[serde(default)]
    pub(super) stanza: Option<String>,
    /// A file with the output of `pgbackrest info --output=json`. No program is run then.
    #[serde(default)]
    pub(super) report: Option<String>,
    /// The program to run when there is no report; `pgbackrest` by default.
    #[serde(default)]
    pub(super) command: Option<String>,
    /// Its configuration file.
    #[serde(default)]
    pub(super) config: Option<String>,
    /// Variables of the program besides `PATH` and `HOME`.
    #[serde(default)]
    pub(super) env: Ordered<Secret>,
}

/// The snapshots of a restic repository.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResticSource {
    /// The repository, as for `restic -r`; handed over in the environment.
    #[serde(default)]
    pub(super) repository: Option<Secret>,
    /// Its password; handed over in the environment.
    #[serde(default)]
    pub(super) password: Option<Secret>,
    /// A file with its password.
    #[serde(default)]
    pub(super) password_file: Option<String>,
    /// A file with the output of `restic snapshots --json`. No program is run then.
    #[serde(default)]
    pub(super) report: Option<String>,
    /// The output of the last `restic backup --json`, both streams: it says what could not be read,
    /// which a snapshot does not.
    #[serde(default)]
    pub(super) run_log: Option<String>,
    /// The program to run when there is no report; `restic` by default.
    #[serde(default)]
    pub(super) command: Option<String>,
    /// Variables of the program besides `PATH` and `HOME`: credentials of the storage.
    #[serde(default)]
    pub(super) env: Ordered<Secret>,
    /// Hosts that must each have a snapshot; each is then a series of its own.
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    /// Paths that the newest snapshot of each series must contain.
    #[serde(default)]
    pub(super) paths: Vec<String>,
    /// How old a lock may be before it counts as left behind. Without it locks are not looked at.
    #[serde(default)]
    pub(super) max_lock_age: Option<TimeSpan>,
}

/// A program that prints a list of backups as JSON.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandSource {
    /// Program and arguments; no shell is involved. Keep secrets out of here: see `env`.
    pub(super) argv: Vec<String>,
    /// The folder it runs in; the working directory by default.
    #[serde(default)]
    pub(super) cwd: Option<String>,
    /// Variables of the program besides `PATH` and `HOME`.
    #[serde(default)]
    pub(super) env: Ordered<Secret>,
    /// Where the list's fields are.
    #[serde(default)]
    pub(super) fields: Fields,
}

/// A file with a list of backups as JSON.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportSource {
    /// The file.
    pub(super) file: String,
    /// Where the list's fields are.
    #[serde(default)]
    pub(super) fields: Fields,
}

/// Where a JSON document keeps what is said of a backup. Paths but `list` start at an entry.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fields {
    /// The entries; `$[*]` by default.
    #[serde(default)]
    pub(super) list: Option<JsonPath>,
    /// Its name; `$.name` by default.
    #[serde(default)]
    pub(super) name: Option<JsonPath>,
    /// When it was made: RFC 3339 or seconds since 1970; `$.time` by default.
    #[serde(default)]
    pub(super) time: Option<JsonPath>,
    /// Time zone of times that do not say one.
    #[serde(default)]
    pub(super) time_zone: Option<String>,
    /// Its size in bytes; `$.size` by default.
    #[serde(default)]
    pub(super) size: Option<JsonPath>,
    /// Which series it belongs to: a database, a host.
    #[serde(default)]
    pub(super) set: Option<JsonPath>,
    /// Its kind; a value that begins with `full` marks a full backup.
    #[serde(default)]
    pub(super) kind: Option<JsonPath>,
    /// The names of the backups it depends on.
    #[serde(default)]
    pub(super) depends_on: Option<JsonPath>,
    /// Its state; only those under `complete_states` count.
    #[serde(default)]
    pub(super) state: Option<JsonPath>,
    /// States of finished backups; `available`, `complete`, `completed`, `done`, `finished`, `ok`,
    /// `success`, `succeeded` by default.
    #[serde(default)]
    pub(super) complete_states: Vec<String>,
    /// Whether errors were met while making it.
    #[serde(default)]
    pub(super) error: Option<JsonPath>,
    /// Whether it is encrypted.
    #[serde(default)]
    pub(super) encrypted: Option<JsonPath>,
    /// Whether it is protected against deletion.
    #[serde(default)]
    pub(super) immutable: Option<JsonPath>,
    /// Where it is stored: region, account, site.
    #[serde(default)]
    pub(super) location: Option<JsonPath>,
}

/// What PostgreSQL says about archiving its write-ahead log.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArchiverSource {
    /// Connection URL. Any role may read what is asked for; the command itself is shown to members
    /// of `pg_read_all_settings` only.
    pub(super) url: Secret,
}

/// How far a backup is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verify {
    /// By the format that its first bytes tell.
    Auto,
    /// Must be gzip.
    Gzip,
    /// Must be Zstandard.
    Zstd,
    /// Must be tar, maybe compressed.
    Tar,
    /// Must be `pg_dump --format=custom`, maybe compressed once more.
    PgDumpCustom,
    /// Must be SQL with a completion mark at its end, maybe compressed.
    PgDumpPlain,
    /// Not at all.
    None,
}

impl Verify {
    /// The format, if it is to be read at all.
    pub(super) fn format(self) -> Option<Format> {
        Some(match self {
            Self::Auto => Format::Auto,
            Self::Gzip => Format::Gzip,
            Self::Zstd => Format::Zstd,
            Self::Tar => Format::Tar,
            Self::PgDumpCustom => Format::PgDumpCustom,
            Self::PgDumpPlain => Format::PgDumpPlain,
            Self::None => return None,
        })
    }
}

/// Expectations. Each holds for every series: each set, host, stanza and repository.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// How old the newest complete backup may be: how much data may be lost. For `archiver`, how
    /// long ago a log segment was last archived.
    #[serde(default)]
    pub(super) max_age: Option<TimeSpan>,
    /// How small the newest may be.
    #[serde(default)]
    pub(super) min_size: Option<ByteSize>,
    /// How much smaller than the median of those before it the newest may be, in percent.
    #[serde(default)]
    pub(super) max_shrink: Option<f64>,
    /// How many complete backups there must be.
    #[serde(default)]
    pub(super) min_count: Option<u32>,
    /// How far back the oldest must reach.
    #[serde(default)]
    pub(super) min_retention: Option<TimeSpan>,
    /// How far back the oldest may reach: the limit of a deletion policy.
    #[serde(default)]
    pub(super) max_retention: Option<TimeSpan>,
    /// How old the newest full backup may be.
    #[serde(default)]
    pub(super) full_max_age: Option<TimeSpan>,
    /// The longest time between two backups.
    #[serde(default)]
    pub(super) max_gap: Option<TimeSpan>,
    /// How far back gaps are looked for; 14 days by default.
    #[serde(default)]
    pub(super) gap_window: Option<TimeSpan>,
    /// Names that must each have backups: databases, tables, hosts. A file belongs to the set its
    /// name begins with, as in `SET-2026-01-31.dump` or `SET.sql.gz`.
    #[serde(default)]
    pub(super) sets: Vec<String>,
    /// Read the newest through to its end. By default files are read as far as `max_read` allows,
    /// and a file that is too large is only advice; named here, it must be readable.
    #[serde(default)]
    pub(super) verify: Option<Verify>,
    /// The largest file to read through; 1 GiB by default.
    #[serde(default)]
    pub(super) max_read: Option<ByteSize>,
    /// How much must be inside after decompression.
    #[serde(default)]
    pub(super) min_content: Option<ByteSize>,
    /// The newest must have a `NAME.sha256` next to it, or a line in `SHA256SUMS`, that matches.
    #[serde(default)]
    pub(super) checksum: bool,
    /// Backups must be encrypted, as far as the source says.
    #[serde(default)]
    pub(super) encrypted: bool,
    /// Backups must be protected against deletion, as far as the source says.
    #[serde(default)]
    pub(super) immutable: bool,
    /// In how many places (repositories, locations) the newest backups must be.
    #[serde(default)]
    pub(super) min_locations: Option<u32>,
    /// An anonymous request must not be able to list the bucket. Sends one such request.
    #[serde(default)]
    pub(super) private: bool,
    /// The system identifier of the PostgreSQL cluster that is to be backed up.
    #[serde(default)]
    pub(super) system_id: Option<String>,
    /// How long a backup may be running before it counts as stuck; 24 hours by default.
    #[serde(default)]
    pub(super) max_running: Option<TimeSpan>,
}

/// The record of the last restore test: a JSON file that the test writes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreTest {
    /// The file: an object, or a list or lines of objects of which the newest counts.
    pub(super) file: String,
    /// How long ago the test may be.
    pub(super) max_age: TimeSpan,
    /// When it ended; `$.time` by default.
    #[serde(default)]
    pub(super) time: Option<JsonPath>,
    /// Its result; `$.result` by default. `ok`, `pass`, `passed`, `success`, `succeeded` and `true`
    /// are good.
    #[serde(default)]
    pub(super) result: Option<JsonPath>,
    /// How long it took, in seconds; `$.duration_seconds` by default.
    #[serde(default)]
    pub(super) duration: Option<JsonPath>,
    /// How long a restore may take.
    #[serde(default)]
    pub(super) max_duration: Option<TimeSpan>,
}
