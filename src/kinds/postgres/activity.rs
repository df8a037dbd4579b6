//! What happens on the server now: sessions, transactions, locks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::server::ServerFacts;
use super::support::{hidden, listed, needs_monitor, span};
use super::{Facts, Postgres};
use crate::expect::TimeSpan;
use crate::kinds::SpecProblem;
use crate::outcome::{Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// Bounds on connections.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Connections {
    /// Most connections in use, in percent of those that ordinary roles may have (also of the limits of the role and the database).
    #[serde(default)]
    max_used_percent: Option<f64>,
    /// Most sessions that may be idle inside a transaction for longer than `idle_in_transaction_older_than`. Default 0 when that is set.
    #[serde(default)]
    max_idle_in_transaction: Option<u64>,
    /// From when on an idle transaction counts. Default 1m.
    #[serde(default)]
    idle_in_transaction_older_than: Option<TimeSpan>,
}

impl Connections {
    /// A block that expects nothing or the impossible.
    pub(super) fn problems(&self, problems: &mut Vec<SpecProblem>) {
        if self.max_used_percent.is_none() && !self.judges_idle() {
            problems.push(SpecProblem::at(
                "connections",
                "no bound here: it could never fail",
                "add `max_used_percent:` or `max_idle_in_transaction:`",
            ));
        }
        if self
            .max_used_percent
            .is_some_and(|percent| !(1.0..=100.0).contains(&percent))
        {
            problems.push(SpecProblem::at(
                "connections.max_used_percent",
                "this is not a useful percentage",
                "write a number from 1 to 100, for example 80",
            ));
        }
    }

    /// Whether idle transactions are judged.
    fn judges_idle(&self) -> bool {
        self.max_idle_in_transaction.is_some() || self.idle_in_transaction_older_than.is_some()
    }

    /// From when on they count.
    fn older_than(&self) -> TimeSpan {
        self.idle_in_transaction_older_than
            .unwrap_or(TimeSpan::seconds(60))
    }
}

/// How long transactions may last.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LongTransactions {
    /// Longest transaction accepted.
    max_age: TimeSpan,
}

/// How long two-phase transactions may wait.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PreparedTransactions {
    /// Oldest prepared transaction accepted.
    max_age: TimeSpan,
}

/// How long sessions may wait for locks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Locks {
    /// Longest wait accepted.
    max_wait: TimeSpan,
}

/// Connections in use and their limits.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Used {
    /// Those ordinary roles may have.
    available: i64,
    /// In use, everywhere.
    used: Option<i64>,
    /// Limit of the session's role, -1 without.
    role_limit: i64,
    /// Of that role.
    role_used: i64,
    /// Limit of the database, -1 without.
    database_limit: i64,
    /// In this database.
    database_used: Option<i64>,
}

/// A session in a transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Session {
    /// Process.
    pid: i64,
    /// Role.
    role: Option<String>,
    /// `active`, `idle in transaction`.
    state: Option<String>,
    /// Seconds since the transaction began.
    age: Option<f64>,
    /// Seconds since the state changed.
    idle: Option<f64>,
}

/// The sessions, and how many of them the role may not look into.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sessions {
    /// Those in a transaction, the oldest first.
    seen: Vec<Session>,
    /// Sessions whose state is hidden.
    hidden: i64,
}

/// A thing with an age.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Aged {
    /// What it is called.
    pub(super) name: String,
    /// Seconds, or ids.
    pub(super) age: Option<f64>,
}

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ActivityFacts {
    /// Connections.
    used: Option<Looked<Vec<Used>>>,
    /// Sessions.
    sessions: Option<Looked<Vec<Sessions>>>,
    /// Prepared transactions.
    prepared: Option<Looked<Vec<Aged>>>,
    /// Lock waits.
    waits: Option<Looked<Vec<Aged>>>,
}

/// Connections in use. `pg_stat_database` counts them for every role, `pg_stat_activity` does not.
const USED: &str = "select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - coalesce(current_setting('reserved_connections', true)::int, 0) as available,
 (select sum(numbackends)::int from pg_stat_database) as used,
 r.rolconnlimit as role_limit, (select count(*)::int from pg_stat_activity a where a.usesysid = r.oid) as role_used,
 d.datconnlimit as database_limit, (select numbackends from pg_stat_database s where s.datname = d.datname) as database_used
from pg_roles r, pg_database d where r.rolname = session_user and d.datname = current_database()";

/// Sessions in a transaction; those of other roles hide their state behind this text.
const SESSIONS: &str = "select coalesce(json_agg(json_build_object('pid', a.pid, 'role', a.usename, 'state', a.state,
   'age', extract(epoch from clock_timestamp() - a.xact_start)::float8, 'idle', extract(epoch from clock_timestamp() - a.state_change)::float8) order by a.xact_start)
   filter (where a.xact_start is not null and a.backend_type = 'client backend'), '[]') as seen,
 count(*) filter (where a.query = '<insufficient privilege>' and a.usesysid is not null and a.datid is not null) as hidden
from (select * from pg_stat_activity where pid <> pg_backend_pid() order by xact_start nulls last limit 100) a";

/// Asks for what happens now.
pub(super) async fn observe(
    spec: &Postgres,
    server: &ServerFacts,
    tx: &mut Transaction<'_>,
) -> Result<ActivityFacts, Fault> {
    let mut facts = ActivityFacts {
        used: None,
        sessions: None,
        prepared: None,
        waits: None,
    };
    if spec
        .connections
        .as_ref()
        .is_some_and(|c| c.max_used_percent.is_some())
    {
        facts.used = Some(tx.look("connections", USED, &[]).await?);
    }
    if spec.long_transactions.is_some()
        || spec
            .connections
            .as_ref()
            .is_some_and(Connections::judges_idle)
    {
        facts.sessions = Some(tx.look("sessions", SESSIONS, &[]).await?);
    }
    if spec.prepared_transactions.is_some() {
        let sql = "select gid as name, extract(epoch from clock_timestamp() - prepared)::float8 as age from pg_prepared_xacts order by prepared limit 100";
        facts.prepared = Some(tx.look("prepared transactions", sql, &[]).await?);
    }
    if spec.locks.is_some() {
        // A wait that has only just begun has no start yet.
        let since = if server.version_num >= 140_000 {
            "coalesce(extract(epoch from clock_timestamp() - l.waitstart), 0)::float8"
        } else {
            "extract(epoch from clock_timestamp() - a.state_change)::float8"
        };
        let sql = format!("select 'process ' || l.pid || ' behind ' || array_to_string(pg_blocking_pids(l.pid), ', ') as name,
 {since} as age
from pg_locks l left join pg_stat_activity a on a.pid = l.pid where not l.granted order by 2 desc nulls last limit 100");
        facts.waits = Some(tx.look("locks", &sql, &[]).await?);
    }
    Ok(facts)
}

/// Judges what happens now.
pub(super) fn judge(spec: &Postgres, facts: &Facts, out: &mut Vec<Finding>) {
    let activity = &facts.activity;
    if let Some(connections) = &spec.connections {
        if let (Some(percent), Some(used)) = (connections.max_used_percent, &activity.used) {
            judge_used(percent, used, out);
        }
        if let (true, Some(sessions)) = (connections.judges_idle(), &activity.sessions) {
            out.push(judge_idle(connections, sessions));
        }
    }
    if let (Some(long), Some(sessions)) = (&spec.long_transactions, &activity.sessions) {
        out.push(judge_long(long.max_age, sessions));
    }
    if let (Some(spec), Some(looked)) = (&spec.prepared_transactions, &activity.prepared) {
        out.push(aged(
            "PG-11",
            "prepared transactions",
            spec.max_age,
            looked,
            "two-phase transactions were never ended and hold locks and vacuum back",
        ));
    }
    if let (Some(spec), Some(looked)) = (&spec.locks, &activity.waits) {
        out.push(aged(
            "PG-12",
            "lock waits",
            spec.max_wait,
            looked,
            "sessions wait for locks",
        ));
    }
}

/// Connections of server, role and database.
fn judge_used(percent: f64, used: &Looked<Vec<Used>>, out: &mut Vec<Finding>) {
    let expected = format!("at most {percent} %");
    let used = match used {
        Looked::Hidden(fault) => return out.push(hidden("PG-07", "connections", &expected, fault)),
        Looked::Seen(rows) => rows.first(),
    };
    let Some(used) = used else {
        return out.push(
            Finding::fail(
                "PG-07",
                "connections",
                expected,
                "unknown",
                "the server did not say how many connections are in use",
            )
            .as_unknown(),
        );
    };
    for (subject, count, limit) in [
        ("connections", used.used, used.available),
        (
            "connections of the role",
            Some(used.role_used),
            used.role_limit,
        ),
        (
            "connections of the database",
            used.database_used,
            used.database_limit,
        ),
    ] {
        if limit < 0 {
            continue;
        }
        let Some(count) = count else {
            out.push(
                Finding::fail(
                    "PG-07",
                    subject,
                    &expected,
                    "unknown",
                    "the server did not say how many connections are in use",
                )
                .as_unknown(),
            );
            continue;
        };
        #[expect(clippy::cast_precision_loss, reason = "connections are few")]
        let share = count as f64 * 100.0 / (limit.max(1) as f64);
        let seen = format!("{count} of {limit} ({share:.0} %)");
        out.push(if share <= percent {
            Finding::pass(subject, &expected, seen)
        } else {
            let message = format!("{subject} are nearly used up: {seen}");
            Finding::fail("PG-07", subject, &expected, seen, message)
        });
    }
}

/// The sessions, or the finding that says why nothing is known.
fn visible<'a>(
    code: &'static str,
    subject: &str,
    expected: &str,
    sessions: &'a Looked<Vec<Sessions>>,
) -> Result<&'a [Session], Box<Finding>> {
    match sessions {
        Looked::Hidden(fault) => Err(Box::new(hidden(code, subject, expected, fault))),
        Looked::Seen(rows) => match rows.first() {
            Some(sessions) if sessions.hidden == 0 => Ok(&sessions.seen),
            Some(sessions) => {
                let what = format!("the state of {} sessions of other roles", sessions.hidden);
                Err(Box::new(needs_monitor(code, subject, expected, &what)))
            }
            None => Err(Box::new(needs_monitor(
                code,
                subject,
                expected,
                "the sessions",
            ))),
        },
    }
}

/// Sessions that sit idle in a transaction.
fn judge_idle(connections: &Connections, sessions: &Looked<Vec<Sessions>>) -> Finding {
    let (older, most) = (
        connections.older_than(),
        connections.max_idle_in_transaction.unwrap_or(0),
    );
    let subject = "idle in transaction";
    let expected = format!("at most {most} for longer than {older}");
    let seen = match visible("PG-09", subject, &expected, sessions) {
        // What can be seen may already be too much.
        Err(finding) => match sessions {
            Looked::Seen(rows) => {
                let visible = rows.first().map_or(&[][..], |s| &s.seen);
                let idle = idle_of(visible, older);
                if u64::try_from(idle.len()).unwrap_or(u64::MAX) <= most {
                    return *finding;
                }
                idle
            }
            Looked::Hidden(_) => return *finding,
        },
        Ok(sessions) => idle_of(sessions, older),
    };
    if u64::try_from(seen.len()).unwrap_or(u64::MAX) <= most {
        return Finding::pass(subject, expected, seen.len().to_string());
    }
    let message = format!(
        "sessions sit idle in a transaction and hold locks and vacuum back: {}",
        listed(&seen)
    );
    Finding::fail("PG-09", subject, expected, listed(&seen), message)
}

/// The idle ones among them, in words.
fn idle_of(sessions: &[Session], older: TimeSpan) -> Vec<String> {
    sessions
        .iter()
        .filter(|s| {
            s.state
                .as_deref()
                .is_some_and(|state| state.starts_with("idle in transaction"))
        })
        .filter(|s| s.idle.is_some_and(|idle| idle > older.0.as_secs_f64()))
        .map(described)
        .collect()
}

/// A session in words.
fn described(session: &Session) -> String {
    format!(
        "process {} of {} for {}",
        session.pid,
        session.role.as_deref().unwrap_or("?"),
        span(session.idle.or(session.age).unwrap_or(0.0))
    )
}

/// Transactions that last too long.
fn judge_long(max_age: TimeSpan, sessions: &Looked<Vec<Sessions>>) -> Finding {
    let subject = "long transactions";
    let expected = format!("none longer than {max_age}");
    let sessions = match visible("PG-10", subject, &expected, sessions) {
        Ok(sessions) => sessions,
        Err(finding) => return *finding,
    };
    let long: Vec<String> = sessions
        .iter()
        .filter(|s| s.age.is_some_and(|age| age > max_age.0.as_secs_f64()))
        .map(|s| {
            format!(
                "process {} of {} for {}",
                s.pid,
                s.role.as_deref().unwrap_or("?"),
                span(s.age.unwrap_or(0.0))
            )
        })
        .collect();
    if long.is_empty() {
        return Finding::pass(subject, expected, "none");
    }
    let message = format!(
        "transactions last too long and hold vacuum back: {}",
        listed(&long)
    );
    Finding::fail("PG-10", subject, expected, listed(&long), message)
}

/// Things that must not be older than this; an unknown age is not young.
fn aged(
    code: &'static str,
    subject: &str,
    max_age: TimeSpan,
    looked: &Looked<Vec<Aged>>,
    message: &str,
) -> Finding {
    let expected = format!("none longer than {max_age}");
    let rows = match looked {
        Looked::Hidden(fault) => return hidden(code, subject, &expected, fault),
        Looked::Seen(rows) => rows,
    };
    let old: Vec<String> = rows
        .iter()
        .filter(|row| row.age.is_some_and(|age| age > max_age.0.as_secs_f64()))
        .map(|row| format!("{} for {}", row.name, span(row.age.unwrap_or(0.0))))
        .collect();
    if !old.is_empty() {
        return Finding::fail(
            code,
            subject,
            expected,
            listed(&old),
            format!("{message}: {}", listed(&old)),
        );
    }
    let unknown = rows.iter().filter(|row| row.age.is_none()).count();
    if unknown > 0 {
        return needs_monitor(
            code,
            subject,
            &expected,
            &format!("the age of {unknown} of them"),
        );
    }
    Finding::pass(
        subject,
        expected,
        if rows.is_empty() {
            "none".to_owned()
        } else {
            format!("{} younger ones", rows.len())
        },
    )
}
