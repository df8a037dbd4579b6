//! Replication slots, standbys, archiving of write-ahead log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::server::ServerFacts;
use super::support::{hidden, needs_monitor, span};
use super::{Facts, Postgres};
use crate::expect::{ByteSize, TimeSpan};
use crate::outcome::{Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// Replication slots.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Slots {
    /// Most write-ahead log that a slot may hold back. Default 1GiB.
    #[serde(default = "gibibyte")]
    max_retained: ByteSize,
}

/// Default of `max_retained`.
fn gibibyte() -> ByteSize {
    ByteSize(1 << 30)
}

/// Standbys and their lag. On a standby, the lag of the standby itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Replication {
    /// Fewest standbys that must be streaming. Default 1.
    #[serde(default = "one")]
    min_standbys: u64,
    /// Most write-ahead log that a standby may be behind. Default 64MiB.
    #[serde(default = "lag_bytes")]
    max_lag_bytes: ByteSize,
    /// Longest time that a standby with such a lag may be behind. Default 1m. An idle primary does not count as lag.
    #[serde(default = "minute")]
    max_lag: TimeSpan,
}

/// Default of `min_standbys`.
fn one() -> u64 {
    1
}

/// Default of `max_lag_bytes`.
fn lag_bytes() -> ByteSize {
    ByteSize(64 << 20)
}

/// Default of `max_lag`.
fn minute() -> TimeSpan {
    TimeSpan::seconds(60)
}

/// Archiving of write-ahead log.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Archiving {
    /// Longest time since the last file was archived. Only useful with `archive_timeout` or a busy database.
    #[serde(default)]
    max_age: Option<TimeSpan>,
}

/// A slot.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Slot {
    /// Name.
    name: String,
    /// Whether somebody reads from it.
    active: bool,
    /// Bytes it holds back.
    retained: Option<f64>,
    /// `reserved`, `extended`, `unreserved`, `lost`.
    wal_status: Option<String>,
}

/// The slots, and the limit on what they hold back.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SlotState {
    /// Slots.
    slots: Vec<Slot>,
    /// `max_slot_wal_keep_size` in MB, -1 without limit.
    keep: Option<i64>,
}

/// A standby as its primary sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Standby {
    /// Name.
    name: Option<String>,
    /// `streaming`.
    state: Option<String>,
    /// `sync`, `quorum`, `async`, `potential`.
    sync_state: Option<String>,
    /// Bytes behind.
    lag_bytes: Option<f64>,
    /// Seconds behind.
    lag: Option<f64>,
}

/// Standbys and the names that commits wait for.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StandbyState {
    /// Standbys.
    standbys: Vec<Standby>,
    /// `synchronous_standby_names`.
    sync_names: String,
    /// `synchronous_commit`.
    sync_commit: String,
}

/// A standby as it sees itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OwnState {
    /// Replay was paused by somebody.
    paused: bool,
    /// Bytes received but not replayed.
    lag_bytes: Option<f64>,
    /// Seconds since the last replayed transaction.
    lag: Option<f64>,
    /// Whether a process receives from the primary.
    receiver: bool,
}

/// The archiver.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Archiver {
    /// `off`, `on`, `always`.
    mode: String,
    /// Whether there is a command or library at all; the command itself may hold credentials.
    configured: bool,
    /// The command throws files away (`true`, `exit 0`).
    discards: bool,
    /// Files archived.
    archived: i64,
    /// Seconds since the last one.
    archived_age: Option<f64>,
    /// Failures.
    failed: i64,
    /// Seconds since the last one.
    failed_age: Option<f64>,
}

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ReplicationFacts {
    /// Slots.
    slots: Option<Looked<Vec<SlotState>>>,
    /// Standbys, on a primary.
    standbys: Option<Looked<Vec<StandbyState>>>,
    /// The server itself, on a standby.
    own: Option<Looked<Vec<OwnState>>>,
    /// Archiver.
    archiver: Option<Looked<Vec<Archiver>>>,
}

/// The archiver. Commands that discard are told apart in SQL, so that the command stays there.
const ARCHIVER: &str = "select current_setting('archive_mode') as mode,
 current_setting('archive_command') not in ('', '(disabled)') or coalesce(current_setting('archive_library', true), '') <> '' as configured,
 current_setting('archive_command') ~ '^\\s*(/usr)?(/bin/)?(true|:|exit 0|cd \\.)\\s*;?\\s*$' as discards,
 archived_count as archived, extract(epoch from clock_timestamp() - last_archived_time)::float8 as archived_age,
 failed_count as failed, extract(epoch from clock_timestamp() - last_failed_time)::float8 as failed_age
from pg_stat_archiver";

/// Asks for replication and archiving.
pub(super) async fn observe(
    spec: &Postgres,
    server: &ServerFacts,
    tx: &mut Transaction<'_>,
) -> Result<ReplicationFacts, Fault> {
    let mut facts = ReplicationFacts {
        slots: None,
        standbys: None,
        own: None,
        archiver: None,
    };
    let here = if server.standby {
        "coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())"
    } else {
        "pg_current_wal_lsn()"
    };
    if spec.slots.is_some() {
        let sql = format!("select (select setting::bigint from pg_settings where name = 'max_slot_wal_keep_size') as keep,
 coalesce((select json_agg(json_build_object('name', slot_name, 'active', active, 'retained', pg_wal_lsn_diff({here}, restart_lsn)::float8,
   'wal_status', to_jsonb(s) ->> 'wal_status')) from (select * from pg_replication_slots where not temporary limit 100) s), '[]') as slots");
        facts.slots = Some(tx.look("replication slots", &sql, &[]).await?);
    }
    if spec.replication.is_some() && server.standby {
        let sql = "select pg_is_wal_replay_paused() as paused, pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::float8 as lag_bytes,
 extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as lag,
 exists(select 1 from pg_stat_wal_receiver) as receiver";
        facts.own = Some(tx.look("replay", sql, &[]).await?);
    }
    if spec.replication.is_some() && !server.standby {
        let sql = "select current_setting('synchronous_standby_names') as sync_names, current_setting('synchronous_commit') as sync_commit,
 coalesce((select json_agg(json_build_object('name', application_name, 'state', state, 'sync_state', sync_state,
   'lag_bytes', pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8, 'lag', extract(epoch from replay_lag)::float8)) from pg_stat_replication), '[]') as standbys";
        facts.standbys = Some(tx.look("standbys", sql, &[]).await?);
    }
    if spec.archiving.is_some() {
        facts.archiver = Some(tx.look("archiver", ARCHIVER, &[]).await?);
    }
    Ok(facts)
}

/// Judges replication and archiving.
pub(super) fn judge(spec: &Postgres, facts: &Facts, out: &mut Vec<Finding>) {
    let seen = &facts.replication;
    if let (Some(slots), Some(looked)) = (&spec.slots, &seen.slots) {
        judge_slots(slots, looked, out);
    }
    if let (Some(spec), Some(looked)) = (&spec.replication, &seen.standbys) {
        judge_standbys(spec, looked, &facts.server, out);
    }
    if let (Some(spec), Some(looked)) = (&spec.replication, &seen.own) {
        judge_own(spec, looked, out);
    }
    if let (Some(archiving), Some(looked)) = (&spec.archiving, &seen.archiver) {
        judge_archiver(archiving, looked, facts.server.standby, out);
    }
}

/// Slots hold back write-ahead log until the disk is full.
fn judge_slots(spec: &Slots, looked: &Looked<Vec<SlotState>>, out: &mut Vec<Finding>) {
    let expected = format!("active, hold back at most {}", spec.max_retained);
    let state = match looked {
        Looked::Hidden(fault) => {
            return out.push(hidden("PG-15", "replication slots", &expected, fault));
        }
        Looked::Seen(rows) => rows.first(),
    };
    let Some(state) = state else {
        return out.push(
            Finding::fail(
                "PG-15",
                "replication slots",
                expected,
                "unknown",
                "the server did not list its slots",
            )
            .as_unknown(),
        );
    };
    if state.slots.is_empty() {
        return out.push(Finding::pass("replication slots", expected, "none"));
    }
    for slot in &state.slots {
        let subject = format!("slot {}", slot.name);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bytes of a log, never negative after max"
        )]
        let retained = slot.retained.map(|bytes| ByteSize(bytes.max(0.0) as u64));
        let seen = format!(
            "{}, holds back {}",
            if slot.active { "active" } else { "inactive" },
            retained.map_or("nothing known".to_owned(), |size| size.to_string())
        );
        out.push(if slot.wal_status.as_deref() == Some("lost") {
            Finding::fail("PG-16", subject, &expected, "lost", format!("slot {} lost the write-ahead log it needs; its reader must be rebuilt", slot.name))
        } else if !slot.active {
            Finding::fail("PG-15", subject, &expected, seen, format!("nobody reads from slot {}: it holds back write-ahead log until the disk is full", slot.name))
        } else if retained.is_some_and(|size| size.0 > spec.max_retained.0) {
            Finding::fail("PG-15", subject, &expected, seen, format!("slot {} holds back too much write-ahead log", slot.name))
        } else {
            Finding::pass(subject, &expected, seen)
        });
    }
    if state.keep == Some(-1) {
        out.push(
            Finding::fail("PG-15", "max_slot_wal_keep_size", "limited", "unlimited", "a slot nobody reads from may fill the disk, because max_slot_wal_keep_size is not set")
                .as_warning(),
        );
    }
}

/// Standbys seen from their primary.
fn judge_standbys(
    spec: &Replication,
    looked: &Looked<Vec<StandbyState>>,
    server: &ServerFacts,
    out: &mut Vec<Finding>,
) {
    let expected = format!("at least {} streaming", spec.min_standbys);
    let state = match looked {
        Looked::Hidden(fault) => return out.push(hidden("PG-16", "standbys", &expected, fault)),
        Looked::Seen(rows) => rows.first(),
    };
    let Some(state) = state else {
        return out.push(needs_monitor(
            "PG-16",
            "standbys",
            &expected,
            "the standbys",
        ));
    };
    if !server.sees_sessions && !state.standbys.is_empty() {
        return out.push(needs_monitor(
            "PG-16",
            "standbys",
            &expected,
            "the state of the standbys",
        ));
    }
    let streaming: Vec<&Standby> = state
        .standbys
        .iter()
        .filter(|s| s.state.as_deref() == Some("streaming"))
        .collect();
    let count = u64::try_from(streaming.len()).unwrap_or(u64::MAX);
    out.push(if count >= spec.min_standbys {
        Finding::pass("standbys", &expected, format!("{count} streaming"))
    } else {
        Finding::fail(
            "PG-16",
            "standbys",
            &expected,
            format!("{count} streaming"),
            format!("only {count} standbys are streaming"),
        )
    });
    for standby in streaming {
        let name = standby.name.as_deref().unwrap_or("?");
        out.push(judge_lag(
            spec,
            &format!("lag of {name}"),
            standby.lag_bytes,
            standby.lag,
        ));
    }
    if !state.sync_names.is_empty() && state.sync_commit != "off" && state.sync_commit != "local" {
        let connected = state
            .standbys
            .iter()
            .filter(|s| matches!(s.sync_state.as_deref(), Some("sync" | "quorum")))
            .count();
        let needed = synchronous_count(&state.sync_names);
        let expected = format!("{needed} connected");
        let actual = format!("{connected} connected");
        out.push(if connected >= needed {
            Finding::pass("synchronous standbys", expected, actual)
        } else {
            Finding::fail(
                "PG-35",
                "synchronous standbys",
                expected,
                actual,
                "commits wait for more synchronous standbys than are connected: writes hang",
            )
        });
    }
}

/// How many standbys a commit waits for: `FIRST n (…)`, `ANY n (…)`, `n (…)`, or one of a plain list
/// (PostgreSQL manual, `synchronous_standby_names`).
fn synchronous_count(names: &str) -> usize {
    let Some((before, _)) = names.split_once('(') else {
        return 1;
    };
    before
        .split_whitespace()
        .last()
        .and_then(|word| word.parse().ok())
        .unwrap_or(1)
}

#[cfg(test)]
#[test]
fn commits_wait_for_as_many_standbys_as_the_setting_says() {
    for (names, count) in [
        ("a", 1),
        ("*", 1),
        ("a, b", 1),
        ("2 (a, b, c)", 2),
        ("ANY 2 (a,b)", 2),
        ("FIRST 3(a,b,c)", 3),
    ] {
        assert_eq!(synchronous_count(names), count, "{names}");
    }
}

/// Behind in bytes and in time: an idle primary makes the time alone grow.
fn judge_lag(
    spec: &Replication,
    subject: &str,
    bytes: Option<f64>,
    seconds: Option<f64>,
) -> Finding {
    let expected = format!("at most {} or {}", spec.max_lag_bytes, spec.max_lag);
    let Some(bytes) = bytes else {
        return Finding::fail(
            "PG-16",
            subject,
            expected,
            "unknown",
            "how far the standby is behind is not known",
        )
        .as_unknown();
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bytes of a log, never negative after max"
    )]
    let size = ByteSize(bytes.max(0.0) as u64);
    let seen = format!(
        "{size}, {}",
        seconds.map_or("no time known".to_owned(), span)
    );
    let late = seconds.is_none_or(|s| s > spec.max_lag.0.as_secs_f64());
    if size.0 > spec.max_lag_bytes.0 && late {
        return Finding::fail(
            "PG-16",
            subject,
            expected,
            seen,
            "the standby is too far behind",
        );
    }
    Finding::pass(subject, expected, seen)
}

/// A standby about itself.
fn judge_own(spec: &Replication, looked: &Looked<Vec<OwnState>>, out: &mut Vec<Finding>) {
    let state = match looked {
        Looked::Hidden(fault) => return out.push(hidden("PG-16", "replay", "running", fault)),
        Looked::Seen(rows) => rows.first(),
    };
    let Some(state) = state else {
        return out.push(needs_monitor(
            "PG-16",
            "replay",
            "running",
            "the state of replay",
        ));
    };
    out.push(if state.paused {
        Finding::fail(
            "PG-16",
            "replay",
            "running",
            "paused",
            "replay is paused: this standby serves old data",
        )
    } else {
        Finding::pass("replay", "running", "running")
    });
    // Cut off, it has replayed all it ever received and seems to be up to date for ever.
    if state.lag_bytes.is_some() {
        out.push(if state.receiver {
            Finding::pass("receiver", "connected to the primary", "connected")
        } else {
            Finding::fail(
                "PG-16",
                "receiver",
                "connected to the primary",
                "not running",
                "this standby is cut off: it receives nothing from its primary and falls behind",
            )
        });
    }
    out.push(judge_lag(spec, "lag", state.lag_bytes, state.lag));
}

/// The archiver. "Never" is not "long ago": an archiver that never succeeded is red.
fn judge_archiver(
    spec: &Archiving,
    looked: &Looked<Vec<Archiver>>,
    standby: bool,
    out: &mut Vec<Finding>,
) {
    let expected = "archives write-ahead log";
    let archiver = match looked {
        Looked::Hidden(fault) => return out.push(hidden("PG-17", "archiving", expected, fault)),
        Looked::Seen(rows) => rows.first(),
    };
    let Some(archiver) = archiver else {
        return out.push(
            Finding::fail(
                "PG-17",
                "archiving",
                expected,
                "unknown",
                "the server says nothing about its archiver",
            )
            .as_unknown(),
        );
    };
    let fail =
        |seen: String, message: &str| Finding::fail("PG-17", "archiving", expected, seen, message);
    let seen = format!(
        "{} archived{}, {} failed{}",
        archiver.archived,
        archiver
            .archived_age
            .map_or(String::new(), |age| format!(", last {} ago", span(age))),
        archiver.failed,
        archiver
            .failed_age
            .map_or(String::new(), |age| format!(", last {} ago", span(age))),
    );
    let mut faults: Vec<Finding> = Vec::new();
    if archiver.mode == "off" {
        faults.push(fail(
            "archive_mode off".to_owned(),
            "archiving is off: there is no point-in-time recovery",
        ));
    } else if !archiver.configured {
        faults.push(fail("no archive_command".to_owned(), "archiving is on but neither archive_command nor archive_library is set: write-ahead log piles up"));
    } else if archiver.discards {
        faults.push(fail(
            "archive_command discards".to_owned(),
            "the archive command reports success without copying anything",
        ));
    } else if standby && archiver.mode != "always" {
        return out.push(Finding::pass("archiving", expected, "left to the primary"));
    } else {
        match (archiver.archived_age, archiver.failed_age) {
            (None, Some(_)) => faults.push(fail(seen.clone(), "archiving has never succeeded")),
            (None, None) => faults.push(fail(seen.clone(), "nothing has ever been archived; run `select pg_switch_wal()` once to see that it works")),
            // The smaller age is the later event.
            (Some(archived), Some(failed)) if failed < archived => faults.push(fail(seen.clone(), "the last attempt to archive failed")),
            (Some(archived), _) => {
                if let Some(max) = spec.max_age
                    && archived > max.0.as_secs_f64()
                {
                    faults.push(fail(seen.clone(), "the last archived file is too old"));
                }
            }
        }
    }
    if faults.is_empty() {
        out.push(Finding::pass("archiving", expected, seen));
    }
    out.append(&mut faults);
}
