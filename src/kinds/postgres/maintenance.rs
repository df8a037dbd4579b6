//! Transaction ids and vacuum.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::activity::Aged;
use super::server::ServerFacts;
use super::settings::SettingsFacts;
use super::support::{hidden, listed};
use super::{Facts, Postgres};
use crate::outcome::{Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// How far transaction ids may be used up.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransactionIds {
    /// Age of the oldest transaction or multixact id in percent of 2^31, where the server stops. Default 50.
    #[serde(default = "half")]
    max_age_percent: f64,
}

/// Default of `max_age_percent`.
fn half() -> f64 {
    50.0
}

/// Whether autovacuum keeps up.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Vacuum {
    /// Most dead rows in percent of a table's rows. Default 30.
    #[serde(default = "thirty")]
    max_dead_percent: f64,
    /// Tables with fewer rows are not judged. Default 10000.
    #[serde(default = "ten_thousand")]
    min_rows: u64,
}

/// Default of `max_dead_percent`.
fn thirty() -> f64 {
    30.0
}

/// Default of `min_rows`.
fn ten_thousand() -> u64 {
    10_000
}

/// A table for autovacuum.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Vacuumed {
    /// Table.
    name: String,
    /// Live rows, estimated.
    live: f64,
    /// Dead rows, estimated.
    dead: f64,
    /// Never analysed.
    never_analyzed: bool,
    /// Autovacuum switched off for it.
    autovacuum_off: bool,
}

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MaintenanceFacts {
    /// Transaction ids.
    ids: Option<Looked<Vec<Aged>>>,
    /// Tables.
    vacuum: Option<Looked<Vec<Vacuumed>>>,
}

/// Asks for transaction ids and tables.
pub(super) async fn observe(
    spec: &Postgres,
    tx: &mut Transaction<'_>,
) -> Result<MaintenanceFacts, Fault> {
    let mut facts = MaintenanceFacts {
        ids: None,
        vacuum: None,
    };
    if spec.transaction_ids.is_some() {
        let sql = "select datname as name, greatest(age(datfrozenxid), mxid_age(datminmxid))::float8 as age from pg_database order by 2 desc limit 100";
        facts.ids = Some(tx.look("transaction ids", sql, &[]).await?);
    }
    if let Some(vacuum) = &spec.vacuum {
        let sql = "select format('%I.%I', s.schemaname, s.relname) as name, s.n_live_tup::float8 as live, s.n_dead_tup::float8 as dead,
 c.reltuples < 0 and (s.n_live_tup >= $1::bigint or pg_relation_size(c.oid) > 8388608) as never_analyzed,
 coalesce('autovacuum_enabled=false' = any(c.reloptions) or 'autovacuum_enabled=off' = any(c.reloptions), false) as autovacuum_off
from pg_stat_user_tables s join pg_class c on c.oid = s.relid
where s.n_live_tup + s.n_dead_tup >= $1::bigint or c.reltuples < 0 and pg_relation_size(c.oid) > 8388608 or c.reloptions::text ~ 'autovacuum_enabled=(false|off)'
order by s.n_dead_tup desc limit 300";
        let min = vacuum.min_rows.to_string();
        facts.vacuum = Some(tx.look("vacuum", sql, &[&min]).await?);
    }
    Ok(facts)
}

/// Judges transaction ids and vacuum.
pub(super) fn judge(spec: &Postgres, facts: &Facts, out: &mut Vec<Finding>) {
    let seen = &facts.maintenance;
    if let (Some(spec), Some(looked)) = (&spec.transaction_ids, &seen.ids) {
        out.push(judge_ids(spec.max_age_percent, looked));
    }
    if let (Some(spec), Some(looked)) = (&spec.vacuum, &seen.vacuum) {
        judge_vacuum(spec, looked, facts.settings.as_ref(), &facts.server, out);
    }
}

/// Where the server stops accepting writes.
const XID_LIMIT: f64 = 2_147_483_648.0;

/// Age of the oldest transaction id.
fn judge_ids(percent: f64, looked: &Looked<Vec<Aged>>) -> Finding {
    let subject = "transaction ids";
    let expected = format!("at most {percent} % used");
    let oldest = match looked {
        Looked::Hidden(fault) => return hidden("PG-13", subject, &expected, fault),
        Looked::Seen(rows) => rows.first().and_then(|row| row.age.map(|age| (row, age))),
    };
    let Some((row, age)) = oldest else {
        return Finding::fail(
            "PG-13",
            subject,
            expected,
            "unknown",
            "the age of transaction ids is not known",
        )
        .as_unknown();
    };
    let share = age * 100.0 / XID_LIMIT;
    let seen = format!("{share:.1} % in {}", row.name);
    if share <= percent {
        return Finding::pass(subject, expected, seen);
    }
    let message = format!(
        "database {} has used {share:.1} % of its transaction ids; at 100 % it stops accepting writes",
        row.name
    );
    Finding::fail("PG-13", subject, expected, seen, message)
}

/// Autovacuum and its tables.
fn judge_vacuum(
    spec: &Vacuum,
    looked: &Looked<Vec<Vacuumed>>,
    settings: Option<&SettingsFacts>,
    server: &ServerFacts,
    out: &mut Vec<Finding>,
) {
    for name in ["autovacuum", "track_counts"] {
        let value = settings
            .and_then(|s| s.get(name))
            .and_then(super::settings::Setting::value);
        out.push(match value.as_deref() {
            Some("on") => Finding::pass(name, "on", "on"),
            Some(other) => Finding::fail(
                "PG-14",
                name,
                "on",
                other,
                format!("{name} is {other}: nothing cleans up after updates and deletes"),
            ),
            None => super::settings::absent(name, "on", "PG-14", server),
        });
    }
    let expected = format!("at most {} % dead rows, analysed", spec.max_dead_percent);
    let tables = match looked {
        Looked::Hidden(fault) => return out.push(hidden("PG-14", "vacuum", &expected, fault)),
        Looked::Seen(tables) => tables,
    };
    let faults: Vec<String> = tables
        .iter()
        .filter_map(|table| {
            let total = table.live + table.dead;
            let share = if total > 0.0 {
                table.dead * 100.0 / total
            } else {
                0.0
            };
            #[expect(clippy::cast_precision_loss, reason = "a threshold")]
            let large = total >= spec.min_rows as f64;
            if table.autovacuum_off {
                Some(format!("{} (autovacuum off)", table.name))
            } else if table.never_analyzed {
                Some(format!("{} (never analysed)", table.name))
            } else if large && share > spec.max_dead_percent {
                Some(format!("{} ({share:.0} % dead)", table.name))
            } else {
                None
            }
        })
        .collect();
    out.push(if faults.is_empty() {
        Finding::pass("vacuum", expected, "all tables")
    } else {
        Finding::fail(
            "PG-14",
            "vacuum",
            expected,
            listed(&faults),
            format!("autovacuum does not keep up: {}", listed(&faults)),
        )
    });
}
