//! restic: `snapshots --json`, run here or read from a file, and what a snapshot does not say.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::facts::{Facts, Item, Lock, RunLog};
use super::listing::{load, load_bytes, parse};
use super::spec::ResticSource;
use crate::context::Context;
use crate::expect::Secret;
use crate::outcome::{Cause, Fault};
use crate::program::{Program, Ran, declared};

/// The most locks that are looked at.
pub(super) const MAX_LOCKS: usize = 5;

/// A snapshot as reported.
#[derive(Debug, Deserialize)]
struct Snapshot {
    /// When it was begun.
    time: Timestamp,
    /// What was saved.
    #[serde(default)]
    paths: Vec<String>,
    /// Of which host.
    #[serde(default)]
    hostname: String,
    /// Its identifier.
    id: String,
    /// What was done; written since version 0.17.
    #[serde(default)]
    summary: Option<Summary>,
}

/// What making a snapshot did.
#[derive(Debug, Deserialize)]
struct Summary {
    /// The bytes saved, whether new or known.
    #[serde(default)]
    total_bytes_processed: Option<u64>,
}

/// A lock file's content.
#[derive(Debug, Deserialize)]
struct LockFile {
    /// When it was taken or refreshed.
    #[serde(default)]
    time: Option<Timestamp>,
    /// Whether it keeps others out.
    #[serde(default)]
    exclusive: bool,
    /// By which host.
    #[serde(default)]
    hostname: String,
}

/// Asks restic, or reads what it said.
///
/// # Errors
/// When there is no answer that can be understood.
pub(super) async fn observe(source: &ResticSource, cx: &Context) -> Result<Facts, Fault> {
    let mut facts = match &source.report {
        Some(file) => read(load(file, cx).await?, source, file)?,
        None => {
            let ran = run(source, &["snapshots", "--json"], cx).await?;
            let document = parse(&ran.stdout, "the output of `restic snapshots`")?;
            read(document, source, "`restic snapshots`")?
        }
    };
    if source.report.is_none() && source.max_lock_age.is_some() {
        facts.locks = Some(locks(source, cx).await?);
    }
    if let Some(file) = &source.run_log {
        let bytes = load_bytes(&cx.folder.join(file), cx).await?;
        facts.run = Some(run_log(&String::from_utf8_lossy(&bytes)));
    }
    Ok(facts)
}

/// The command line. Takes no lock and writes no cache.
pub(super) fn argv(source: &ResticSource, words: &[&str]) -> Vec<String> {
    let program = source.command.as_deref().unwrap_or("restic");
    [program, "--no-lock", "--no-cache", "--quiet"]
        .iter()
        .chain(words)
        .map(|word| (*word).to_owned())
        .collect()
}

/// Runs one of restic's commands that only read.
async fn run(source: &ResticSource, words: &[&str], cx: &Context) -> Result<Ran, Fault> {
    let mut env = declared(&source.env);
    let mut set = |name: &str, value: Option<Secret>| {
        env.extend(value.map(|value| (name.to_owned(), value)));
    };
    set("RESTIC_REPOSITORY", source.repository.clone());
    set("RESTIC_PASSWORD", source.password.clone());
    set(
        "RESTIC_PASSWORD_FILE",
        source
            .password_file
            .as_ref()
            .map(|file| Secret::new(cx.folder.join(file).display().to_string())),
    );
    let ran = Program {
        argv: argv(source, words),
        cwd: cx.folder.clone(),
        env,
    }
    .run(cx)
    .await?;
    if ran.code == Some(0) {
        return Ok(ran);
    }
    let complaint = ran.stderr.to_lowercase();
    let message = format!(
        "`restic {}` {}: {}",
        words.first().unwrap_or(&""),
        ran.ended(),
        ran.complaint()
    );
    Err(match ran.code {
        Some(12) => Fault::new(Cause::Auth, message).hint("correct `password`"),
        Some(10) => Fault::new(Cause::Missing, message).hint("correct `repository`"),
        _ if complaint.contains("wrong password") => {
            Fault::new(Cause::Auth, message).hint("correct `password`")
        }
        _ if complaint.contains("is there a repository") => {
            Fault::new(Cause::Missing, message).hint("correct `repository`")
        }
        _ => Fault::new(Cause::Protocol, message).hint("run `restic snapshots` as the same user"),
    })
}

/// Reads the list of snapshots.
fn read(document: Value, source: &ResticSource, from: &str) -> Result<Facts, Fault> {
    let snapshots: Vec<Snapshot> = serde_json::from_value(document).map_err(|error| {
        Fault::new(
            Cause::Unparseable,
            format!("{from} gives no list of snapshots: {error}"),
        )
        .hint("it must be what `restic snapshots --json` prints")
    })?;
    Ok(Facts {
        source: from.to_owned(),
        backups: snapshots
            .into_iter()
            .map(|snapshot| Item {
                name: snapshot.id.chars().take(8).collect(),
                // Machines that are gone leave snapshots behind: only named hosts are judged alone.
                series: if source.hosts.is_empty() {
                    String::new()
                } else {
                    snapshot.hostname
                },
                time: Some(snapshot.time),
                size: snapshot
                    .summary
                    .and_then(|summary| summary.total_bytes_processed),
                paths: snapshot.paths,
                encrypted: Some(true),
                ..Item::default()
            })
            .collect(),
        ..Facts::default()
    })
}

/// The locks of the repository, the first few of them.
async fn locks(source: &ResticSource, cx: &Context) -> Result<Vec<Lock>, Fault> {
    let listed = run(source, &["list", "locks"], cx).await?;
    let ids = String::from_utf8_lossy(&listed.stdout).into_owned();
    let is_id = |id: &&str| id.len() == 64 && id.chars().all(|c| c.is_ascii_hexdigit());
    let mut locks = Vec::new();
    for id in ids.split_whitespace().filter(is_id).take(MAX_LOCKS) {
        // A lock may be gone by now, which is what one wishes for.
        let ran = match run(source, &["cat", "lock", id], cx).await {
            Ok(ran) => ran,
            Err(fault) if is_gone(&fault.message) => continue,
            Err(fault) => return Err(fault),
        };
        let lock: LockFile = serde_json::from_slice(&ran.stdout).map_err(|_| {
            Fault::new(
                Cause::Unparseable,
                format!("`restic cat lock` shows no lock {id}"),
            )
            .hint("run `restic list locks` and `restic cat lock ID` as the same user")
        })?;
        locks.push(Lock {
            time: lock.time,
            host: lock.hostname,
            exclusive: lock.exclusive,
        });
    }
    Ok(locks)
}

/// Whether restic says that the file is no longer there. Any other complaint hides a lock.
fn is_gone(complaint: &str) -> bool {
    let complaint = complaint.to_lowercase();
    ["does not exist", "no such file", "not found", "404"]
        .iter()
        .any(|words| complaint.contains(words))
}

/// What restic prints about files that it could not save.
const COMPLAINTS: [&str; 5] = [
    "does not exist, skipping",
    "could not be read",
    "incomplete snapshot",
    "error:",
    "permission denied",
];

/// Reads the output of `restic backup --json`: one JSON document a line, and text between them.
fn run_log(text: &str) -> RunLog {
    let mut log = RunLog::default();
    let complain = |line: &str, log: &mut RunLog| {
        log.errors += 1;
        log.first
            .get_or_insert_with(|| line.chars().take(200).collect());
    };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Ok(Value::Object(message)) = serde_json::from_str(line) else {
            let lower = line.to_lowercase();
            if lower.starts_with("fatal") || COMPLAINTS.iter().any(|words| lower.contains(words)) {
                complain(line, &mut log);
            }
            continue;
        };
        match message.get("message_type").and_then(Value::as_str) {
            Some("summary") => {
                log.snapshot = message
                    .get("snapshot_id")
                    .and_then(Value::as_str)
                    .map(|id| id.chars().take(8).collect());
            }
            Some("error" | "exit_error") => {
                let detail = message
                    .get("error")
                    .and_then(|error| error.get("message"))
                    .or_else(|| message.get("message"))
                    .or_else(|| message.get("item"))
                    .and_then(Value::as_str)
                    .unwrap_or("an error without words");
                complain(detail, &mut log);
            }
            _ => {}
        }
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_log_tells_what_was_not_saved() {
        let summary = r#"{"message_type":"summary","snapshot_id":"1d4a22250000"}"#;
        let whole = run_log(&format!(
            "no parent snapshot found, will read all files\n{summary}\n"
        ));
        assert_eq!(
            (whole.snapshot.as_deref(), whole.errors),
            (Some("1d4a2225"), 0)
        );
        for line in [
            "missing does not exist, skipping",
            r#"{"message_type":"error","error":{"message":"permission denied"},"item":"/x"}"#,
            r#"{"message_type":"exit_error","code":3,"message":"at least one source file could not be read"}"#,
            "Warning: at least one source file could not be read",
        ] {
            let log = run_log(&format!("{line}\n{summary}"));
            assert_eq!((log.errors, log.first.is_some()), (1, true), "{line}");
        }
        assert_eq!(run_log("{\"message_type\":\"status\"}").snapshot, None);
    }
}
