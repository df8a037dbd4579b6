//! pgBackRest: `info --output=json`, run here or read from a file.

use serde::Deserialize;
use serde_json::Value;

use super::facts::{Facts, Item, Repo, Stanza};
use super::listing::{load, parse};
use super::spec::PgBackRestSource;
use crate::context::Context;
use crate::outcome::{Cause, Fault};
use crate::program::{Program, declared};

/// A stanza as reported. Fields this does not know are for newer versions.
#[derive(Debug, Deserialize)]
struct Reported {
    /// Its name.
    name: String,
    /// Its state.
    status: Status,
    /// Clusters over time.
    #[serde(default)]
    db: Vec<Cluster>,
    /// Repositories.
    #[serde(default)]
    repo: Vec<ReportedRepo>,
    /// Encryption of older versions with a single repository.
    #[serde(default)]
    cipher: Option<String>,
    /// Archived segments.
    #[serde(default)]
    archive: Vec<Archived>,
    /// Backups.
    #[serde(default)]
    backup: Vec<ReportedBackup>,
}

/// A status.
#[derive(Debug, Default, Deserialize)]
struct Status {
    /// 0 is good.
    code: i64,
    /// In words.
    #[serde(default)]
    message: String,
    /// Who holds locks.
    #[serde(default)]
    lock: Value,
}

/// A database cluster.
#[derive(Debug, Deserialize)]
struct Cluster {
    /// Number in the repository's history.
    id: u64,
    /// PostgreSQL's identifier.
    #[serde(rename = "system-id", default)]
    system_id: Value,
    /// The repository.
    #[serde(rename = "repo-key", default)]
    repo_key: Option<u64>,
}

/// A repository.
#[derive(Debug, Deserialize)]
struct ReportedRepo {
    /// Its number.
    key: u64,
    /// Its encryption.
    #[serde(default)]
    cipher: Option<String>,
    /// Its state.
    #[serde(default)]
    status: Option<Status>,
}

/// Which cluster in which repository something belongs to.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Owner {
    /// The cluster.
    #[serde(default)]
    id: Option<u64>,
    /// The repository.
    #[serde(rename = "repo-key", default)]
    repo_key: Option<u64>,
}

/// Archived segments of one cluster.
#[derive(Debug, Deserialize)]
struct Archived {
    /// The first.
    #[serde(default)]
    min: Option<String>,
    /// The last.
    #[serde(default)]
    max: Option<String>,
    /// Whose.
    #[serde(default)]
    database: Owner,
}

/// A backup.
#[derive(Debug, Deserialize)]
struct ReportedBackup {
    /// Its label.
    label: String,
    /// `full`, `diff` or `incr`.
    #[serde(rename = "type")]
    kind: String,
    /// The one before it.
    #[serde(default)]
    prior: Option<String>,
    /// Those it takes files from.
    #[serde(default)]
    reference: Option<Vec<String>>,
    /// When it was made.
    timestamp: Span,
    /// Segments it needs.
    #[serde(default)]
    archive: Segments,
    /// Whether pages with wrong checksums were found; `null` when nobody looked.
    #[serde(default)]
    error: Option<bool>,
    /// Sizes.
    #[serde(default)]
    info: Sizes,
    /// Whose.
    #[serde(default)]
    database: Owner,
}

/// Start and end, in seconds since 1970.
#[derive(Debug, Deserialize)]
struct Span {
    /// The end.
    stop: i64,
}

/// First and last segment.
#[derive(Debug, Default, Deserialize)]
struct Segments {
    /// The first.
    #[serde(default)]
    start: Option<String>,
    /// The last.
    #[serde(default)]
    stop: Option<String>,
}

/// Sizes of a backup.
#[derive(Debug, Default, Deserialize)]
struct Sizes {
    /// Of the database.
    #[serde(default)]
    size: Option<u64>,
}

/// Asks pgBackRest, or reads what it said.
///
/// # Errors
/// When there is no answer that can be understood.
pub(super) async fn observe(source: &PgBackRestSource, cx: &Context) -> Result<Facts, Fault> {
    if let Some(file) = &source.report {
        let document = load(file, cx).await?;
        return read(document, source.stanza.as_deref(), file);
    }
    let name = source.command.as_deref().unwrap_or("pgbackrest");
    let ran = Program {
        argv: argv(source),
        cwd: cx.folder.clone(),
        env: declared(&source.env),
    }
    .run(cx)
    .await?;
    if ran.code != Some(0) {
        return Err(Fault::new(
            Cause::Protocol,
            format!("`{name} info` {}: {}", ran.ended(), ran.complaint()),
        )
        .hint("run `pgbackrest info` as the same user"));
    }
    let document = parse(&ran.stdout, &format!("the output of `{name} info`"))?;
    read(
        document,
        source.stanza.as_deref(),
        &format!("`{name} info`"),
    )
}

/// The command line; `info` only reads.
pub(super) fn argv(source: &PgBackRestSource) -> Vec<String> {
    let mut argv = vec![
        source
            .command
            .clone()
            .unwrap_or_else(|| "pgbackrest".to_owned()),
    ];
    argv.extend(source.config.iter().map(|c| format!("--config={c}")));
    argv.extend(source.stanza.iter().map(|s| format!("--stanza={s}")));
    // Its own log files would be something written.
    argv.extend(["--log-level-file=off", "--output=json", "info"].map(str::to_owned));
    argv
}

/// Reads the report.
fn read(document: Value, stanza: Option<&str>, source: &str) -> Result<Facts, Fault> {
    let reported: Vec<Reported> = serde_json::from_value(document).map_err(|error| {
        Fault::new(
            Cause::Unparseable,
            format!("{source} gives no report of pgBackRest: {error}"),
        )
        .hint("it must be what `pgbackrest info --output=json` prints")
    })?;
    let mut facts = Facts {
        source: source.to_owned(),
        ..Facts::default()
    };
    for one in reported {
        if stanza.is_some_and(|wanted| wanted != one.name) {
            continue;
        }
        take_in(one, &mut facts);
    }
    Ok(facts)
}

/// The name of the series of a repository.
pub(super) fn series(stanza: &str, repo: u64) -> String {
    format!("{stanza} repo{repo}")
}

/// Takes in one stanza.
fn take_in(one: Reported, facts: &mut Facts) {
    let single = one.repo.first().map_or(1, |repo| repo.key);
    let repo_of = |owner: Owner| owner.repo_key.unwrap_or(single);
    let mut repos: Vec<Repo> = one
        .repo
        .into_iter()
        .map(|repo| {
            let status = repo.status.unwrap_or_default();
            Repo {
                key: repo.key,
                code: status.code,
                message: status.message,
                cipher: repo.cipher,
                ..Repo::default()
            }
        })
        .collect();
    if repos.is_empty() {
        repos.push(Repo {
            key: single,
            code: one.status.code,
            message: one.status.message.clone(),
            cipher: one.cipher,
            ..Repo::default()
        });
    }
    for repo in &mut repos {
        let own = |cluster: &&Cluster| cluster.repo_key.unwrap_or(single) == repo.key;
        repo.cluster = one.db.iter().filter(own).map(|cluster| cluster.id).max();
        repo.archives = one
            .archive
            .iter()
            .filter(|archived| repo_of(archived.database) == repo.key)
            .map(|archived| {
                (
                    archived.database.id,
                    archived.min.clone(),
                    archived.max.clone(),
                )
            })
            .collect();
    }
    for backup in one.backup {
        let repo = repo_of(backup.database);
        let cipher = repos
            .iter()
            .find(|known| known.key == repo)
            .and_then(|known| known.cipher.as_deref());
        facts.backups.push(Item {
            name: backup.label,
            series: series(&one.name, repo),
            time: jiff::Timestamp::from_second(backup.timestamp.stop).ok(),
            size: backup.info.size,
            kind: Some(backup.kind),
            depends_on: backup
                .prior
                .into_iter()
                .chain(backup.reference.into_iter().flatten())
                .collect(),
            // `null` says that checksums are off, so nothing was found because nobody looked.
            error: backup.error,
            encrypted: cipher.map(|cipher| cipher != "none"),
            location: Some(format!("repo{repo}")),
            wal: backup.archive.start.zip(backup.archive.stop),
            cluster: backup.database.id,
            ..Item::default()
        });
    }
    let mut clusters: Vec<_> = one.db.iter().collect();
    clusters.sort_by_key(|cluster| cluster.id);
    facts.stanzas.push(Stanza {
        running: one.status.lock.pointer("/backup/held") == Some(&Value::Bool(true)),
        name: one.name,
        code: one.status.code,
        message: one.status.message,
        repos,
        system_ids: clusters
            .into_iter()
            .map(|cluster| match &cluster.system_id {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
            .collect(),
    });
}
