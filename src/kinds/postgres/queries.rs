//! Own read-only queries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::support::hidden;
use crate::expect::json::JsonExpectations;
use crate::expect::{Matcher, TimeSpan};
use crate::kinds::SpecProblem;
use crate::outcome::{Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// An own query: one `select`, run in the read-only transaction, at most 5000 rows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// What the query is called in the report; its beginning when left out.
    #[serde(default)]
    name: Option<String>,
    /// One `select` statement. Functions with side effects are only as harmless as the role's rights.
    sql: String,
    /// What it must return.
    expect: Expect,
}

/// What a query must return. No row at all is never healthy, unless `rows` allows it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// Number of rows.
    #[serde(default)]
    rows: Option<Matcher>,
    /// The only column of the only row.
    #[serde(default)]
    value: Option<Matcher>,
    /// JSONPath over the list of row objects: `$[0].version`, `$[*].state`.
    #[serde(default)]
    json: Option<JsonExpectations>,
    /// Longest time the query may take, as seen from here.
    #[serde(default)]
    max_latency: Option<TimeSpan>,
}

/// Result of one query.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct QueryFacts {
    /// Rows as JSON objects.
    rows: Looked<Vec<Map<String, Value>>>,
    /// Milliseconds it took.
    latency_ms: f64,
}

/// Functions that act on the server although the transaction is read-only.
const ACTING: &[&str] = &[
    "dblink",
    "dblink_connect",
    "dblink_exec",
    "dblink_send_query",
    "lo_export",
    "lo_import",
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_backup_start",
    "pg_backup_stop",
    "pg_cancel_backend",
    "pg_create_logical_replication_slot",
    "pg_create_physical_replication_slot",
    "pg_create_restore_point",
    "pg_drop_replication_slot",
    "pg_file_write",
    "pg_log_backend_memory_contexts",
    "pg_logical_emit_message",
    "pg_logical_slot_get_changes",
    "pg_promote",
    "pg_reload_conf",
    "pg_replication_slot_advance",
    "pg_rotate_logfile",
    "pg_stat_reset",
    "pg_stat_reset_shared",
    "pg_stat_reset_single_table_counters",
    "pg_stat_statements_reset",
    "pg_switch_wal",
    "pg_terminate_backend",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "pg_wal_replay_pause",
    "pg_wal_replay_resume",
];

/// The function in a statement that would act on the server. A read-only transaction refuses writes
/// to tables, not these.
pub(super) fn acting(sql: &str) -> Option<&'static str> {
    let sql = sql.to_ascii_lowercase();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    sql.split(|c: char| !is_name(c))
        .find_map(|word| ACTING.iter().copied().find(|name| *name == word))
}

impl Query {
    /// Name in the report.
    pub(super) fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| {
            let words: Vec<&str> = self.sql.split_whitespace().collect();
            let line = words.join(" ");
            match line.char_indices().nth(60) {
                Some((at, _)) => format!("{}…", &line[..at]),
                None => line,
            }
        })
    }

    /// A query that expects nothing, or nothing but a statement.
    pub(super) fn problems(&self, index: usize, problems: &mut Vec<SpecProblem>) {
        let expect = &self.expect;
        if expect.rows.is_none()
            && expect.value.is_none()
            && expect.json.is_none()
            && expect.max_latency.is_none()
        {
            problems.push(SpecProblem::at(
                format!("queries.{index}.expect"),
                "no expectation here: it could never fail",
                "add `rows:`, `value:`, `json:` or `max_latency:`",
            ));
        }
        if let Some(function) = acting(&self.sql) {
            problems.push(SpecProblem::at(
                format!("queries.{index}.sql"),
                format!("`{function}` acts on the server, and a query may only look"),
                "take it out: an audit changes nothing",
            ));
        }
        if self.sql.trim().trim_end_matches(';').trim().is_empty() {
            problems.push(SpecProblem::at(
                format!("queries.{index}.sql"),
                "the query is empty",
                "write a `select` statement",
            ));
        }
    }
}

/// Runs the queries.
pub(super) async fn observe(
    queries: &[Query],
    tx: &mut Transaction<'_>,
) -> Result<Vec<QueryFacts>, Fault> {
    let mut facts = Vec::with_capacity(queries.len());
    for query in queries {
        let started = std::time::Instant::now();
        let rows = tx
            .look(&format!("query {}", query.shown()), &query.sql, &[])
            .await?;
        facts.push(QueryFacts {
            rows,
            latency_ms: started.elapsed().as_secs_f64() * 1000.0,
        });
    }
    Ok(facts)
}

/// Judges the results.
pub(super) fn judge(queries: &[Query], facts: &[QueryFacts], out: &mut Vec<Finding>) {
    for (query, facts) in queries.iter().zip(facts) {
        let name = query.shown();
        match &facts.rows {
            Looked::Hidden(fault) => out.push(hidden("PG-55", &name, "an answer", fault)),
            Looked::Seen(rows) => judge_rows(&query.expect, &name, rows, facts.latency_ms, out),
        }
    }
}

/// One result.
fn judge_rows(
    expect: &Expect,
    name: &str,
    rows: &[Map<String, Value>],
    latency_ms: f64,
    out: &mut Vec<Finding>,
) {
    match &expect.rows {
        Some(matcher) => {
            let count = Value::from(rows.len());
            let subject = format!("{name}: rows");
            out.push(match matcher.check(Some(&count)) {
                Ok(()) => Finding::pass(subject, matcher.to_string(), rows.len().to_string()),
                Err(m) => {
                    let message = format!(
                        "the query returns {} rows, expected {}",
                        rows.len(),
                        m.expected
                    );
                    Finding::fail("PG-55", subject, m.expected, m.actual, message)
                }
            });
        }
        None if rows.is_empty() => {
            out.push(Finding::fail(
                "PG-55",
                format!("{name}: rows"),
                "at least 1",
                "0",
                "the query returns nothing",
            ));
            return;
        }
        None => {}
    }
    if let Some(matcher) = &expect.value {
        let subject = format!("{name}: value");
        let only = match rows {
            [row] if row.len() == 1 => row.values().next(),
            _ => None,
        };
        out.push(match (only, matcher.check(only)) {
            (None, _) => Finding::fail(
                "PG-55",
                subject,
                matcher.to_string(),
                format!("{} rows", rows.len()),
                "the query does not return one row with one column",
            ),
            (Some(value), Ok(())) => Finding::pass(
                subject,
                matcher.to_string(),
                crate::expect::matcher::show(value),
            ),
            (Some(_), Err(m)) => {
                let message = format!("the query returns {}, expected {}", m.actual, m.expected);
                Finding::fail("PG-55", subject, m.expected, m.actual, message)
            }
        });
    }
    if let Some(json) = &expect.json {
        let document = Value::Array(rows.iter().cloned().map(Value::Object).collect());
        for (path, result) in json.judge(&document) {
            let subject = format!("{name}: {path}");
            out.push(match result {
                Ok(seen) => Finding::pass(subject, "as expected", seen),
                Err(m) => {
                    let message = format!(
                        "{path} of the query is {}, expected {}",
                        m.actual, m.expected
                    );
                    Finding::fail("PG-55", subject, m.expected, m.actual, message)
                }
            });
        }
    }
    if let Some(most) = expect.max_latency {
        let subject = format!("{name}: latency");
        let (expected, seen) = (format!("at most {most}"), format!("{latency_ms:.1} ms"));
        out.push(if latency_ms <= most.0.as_secs_f64() * 1000.0 {
            Finding::pass(subject, expected, seen)
        } else {
            let message = format!("the query took {latency_ms:.1} ms, more than {most}");
            Finding::fail("PG-55", subject, expected, seen, message)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::acting;

    #[test]
    fn functions_that_act_are_recognised() {
        for (sql, expected) in [
            ("select pg_switch_wal()", Some("pg_switch_wal")),
            (
                "SELECT pg_catalog.PG_Terminate_Backend (pid) from pg_stat_activity",
                Some("pg_terminate_backend"),
            ),
            ("select \"pg_reload_conf\"()", Some("pg_reload_conf")),
            ("select count(*) from pg_stat_reset_log", None),
            ("select 1", None),
        ] {
            assert_eq!(acting(sql), expected, "{sql}");
        }
    }
}
