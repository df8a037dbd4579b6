//! Statement and scan statistics.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Postgres;
use super::support::{hidden, listed};
use crate::expect::TimeSpan;
use crate::outcome::{Cause, Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// Mean time of the statements that run often, from pg_stat_statements, which must be loaded and created.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SlowStatements {
    /// Longest mean execution time accepted.
    max_mean: TimeSpan,
    /// Statements that ran less often are not judged. Default 20.
    #[serde(default = "twenty")]
    min_calls: u64,
}

/// Default of `min_calls`.
fn twenty() -> u64 {
    20
}

/// Sequential scans over large tables: advice, because statistics may be old.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SequentialScans {
    /// Tables with fewer rows are not judged. Default 100000.
    #[serde(default = "large")]
    min_rows: u64,
    /// Most sequential scans, in percent of all scans of a table. Default 10.
    #[serde(default = "ten")]
    max_percent: f64,
    /// Tables scanned less often are not judged. Default 100.
    #[serde(default = "hundred")]
    min_scans: u64,
}

/// Default of `min_rows`.
fn large() -> u64 {
    100_000
}

/// Default of `max_percent`.
fn ten() -> f64 {
    10.0
}

/// Default of `min_scans`.
fn hundred() -> u64 {
    100
}

/// A statement.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Statement {
    /// Its beginning, or its id when the text is hidden or could hold a secret.
    name: String,
    /// How often it ran.
    calls: i64,
    /// Mean milliseconds.
    mean: f64,
}

/// How many statements there are, and the slow ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Statements {
    /// Statements that ran often enough.
    judged: i64,
    /// Slower than allowed, the slowest first.
    slow: Vec<Statement>,
}

/// A large table.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scanned {
    /// Table.
    name: String,
    /// Sequential scans.
    seq: f64,
    /// Index scans.
    idx: f64,
    /// Rows.
    rows: f64,
}

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StatementFacts {
    /// Slow statements.
    statements: Option<Looked<Vec<Statements>>>,
    /// Scans.
    scans: Option<Looked<Vec<Scanned>>>,
}

/// Asks for the statistics.
pub(super) async fn observe(
    spec: &Postgres,
    tx: &mut Transaction<'_>,
) -> Result<StatementFacts, Fault> {
    let statements = match &spec.slow_statements {
        None => None,
        Some(slow) => Some(observe_statements(slow, tx).await?),
    };
    let scans = match &spec.sequential_scans {
        None => None,
        Some(scans) => {
            let sql = "select format('%I.%I', schemaname, relname) as name, seq_scan::float8 as seq, coalesce(idx_scan, 0)::float8 as idx, n_live_tup::float8 as rows
from pg_stat_user_tables where n_live_tup >= $1::bigint and seq_scan + coalesce(idx_scan, 0) >= $2::bigint order by seq_tup_read desc limit 200";
            let (rows, least) = (scans.min_rows.to_string(), scans.min_scans.to_string());
            Some(tx.look("scans", sql, &[&rows, &least]).await?)
        }
    };
    Ok(StatementFacts { statements, scans })
}

/// Asks pg_stat_statements.
async fn observe_statements(
    slow: &SlowStatements,
    tx: &mut Transaction<'_>,
) -> Result<Looked<Vec<Statements>>, Fault> {
    let Some(schema) = super::extensions::schema_of("pg_stat_statements", tx).await? else {
        return Ok(Looked::Hidden(
            Fault::new(
                Cause::Missing,
                "the extension pg_stat_statements is not created in this database",
            )
            .hint("add it to shared_preload_libraries, restart, and CREATE EXTENSION pg_stat_statements"),
        ));
    };
    // Only texts that pg_stat_statements normalises are shown: utility statements keep their
    // literals, passwords among them.
    let sql = format!(
        "with s as (select *, calls >= $2::bigint as often from {schema}.pg_stat_statements where dbid = (select oid from pg_database where datname = current_database()))
select count(*) filter (where often) as judged, coalesce((select json_agg(x) from (select
  case when query ~* '^\\s*(select|insert|update|delete|merge)\\M' then left(regexp_replace(query, '\\s+', ' ', 'g'), 100) else 'statement ' || queryid end as name,
  calls, mean_exec_time as mean from s where often and mean_exec_time > $1::float8 order by mean_exec_time desc limit 20) x), '[]') as slow from s"
    );
    let most = (slow.max_mean.0.as_secs_f64() * 1000.0).to_string();
    let calls = slow.min_calls.to_string();
    tx.look("pg_stat_statements", &sql, &[&most, &calls]).await
}

/// Judges the statistics.
pub(super) fn judge(spec: &Postgres, facts: &StatementFacts, out: &mut Vec<Finding>) {
    if let (Some(slow), Some(looked)) = (&spec.slow_statements, &facts.statements) {
        out.push(judge_statements(slow, looked));
    }
    if let (Some(scans), Some(looked)) = (&spec.sequential_scans, &facts.scans) {
        out.push(judge_scans(scans, looked));
    }
}

/// Slow statements.
fn judge_statements(spec: &SlowStatements, looked: &Looked<Vec<Statements>>) -> Finding {
    let subject = "slow statements";
    let expected = format!(
        "mean at most {} over {} calls",
        spec.max_mean, spec.min_calls
    );
    let row = match looked {
        Looked::Hidden(fault) => return hidden("PG-56", subject, &expected, fault),
        Looked::Seen(rows) => rows.first(),
    };
    let Some(row) = row.filter(|row| row.judged > 0) else {
        return Finding::fail("PG-56", subject, expected, "no statement", "no statement ran often enough to be judged; look again under load, or lower `min_calls:`").as_unknown();
    };
    if row.slow.is_empty() {
        return Finding::pass(subject, expected, format!("{} statements", row.judged));
    }
    let slow: Vec<String> = row
        .slow
        .iter()
        .map(|s| format!("{} ({:.0} ms, {} calls)", s.name, s.mean, s.calls))
        .collect();
    Finding::fail(
        "PG-56",
        subject,
        expected,
        listed(&slow),
        format!("slow statements: {}", listed(&slow)),
    )
}

/// Scans.
fn judge_scans(spec: &SequentialScans, looked: &Looked<Vec<Scanned>>) -> Finding {
    let subject = "sequential scans";
    let expected = format!(
        "at most {} % on tables with {} rows or more",
        spec.max_percent, spec.min_rows
    );
    let tables = match looked {
        Looked::Hidden(fault) => return hidden("PG-57", subject, &expected, fault),
        Looked::Seen(tables) => tables,
    };
    let bad: Vec<String> = tables
        .iter()
        .filter_map(|table| {
            let share = table.seq * 100.0 / (table.seq + table.idx).max(1.0);
            (share > spec.max_percent).then(|| {
                format!(
                    "{} ({share:.0} % of its scans, {:.0} rows)",
                    table.name, table.rows
                )
            })
        })
        .collect();
    if bad.is_empty() {
        return Finding::pass(subject, expected, format!("{} large tables", tables.len()));
    }
    Finding::fail(
        "PG-57",
        subject,
        expected,
        listed(&bad),
        format!(
            "large tables are read from end to end, an index may be missing: {}",
            listed(&bad)
        ),
    )
    .as_warning()
}
