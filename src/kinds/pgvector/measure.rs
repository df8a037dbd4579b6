//! Searches that are really made: latency, and recall against exact search.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Column;
use super::columns::{Seen, hidden};
use crate::outcome::{Cause, Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// Searches for the latency: one to warm up, five that count.
pub(super) const SEARCHES: u32 = 6;

/// What was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Milliseconds, sorted.
    latency: Option<Looked<Vec<f64>>>,
    /// Share of true neighbours found, one a search.
    recall: Option<Looked<Vec<f64>>>,
}

/// The nearest neighbours of the stored vector at `offset`.
fn search(spec: &Column, seen: &Seen, schema: &str, offset: u64, k: u32) -> Option<String> {
    let (table, column) = (&seen.table, &seen.column);
    let operator = spec.metric?.operator();
    Some(format!(
        "select d from (select ({column} operator({schema}.{operator}) (select q from (select {column} as q from {table} where {column} is not null offset {offset} limit 1) o))::float8 as d
 from {table} order by {column} operator({schema}.{operator}) (select q from (select {column} as q from {table} where {column} is not null offset {offset} limit 1) o) limit {k}) s"
    ))
}

/// Measures what the spec asks for.
pub(super) async fn observe(
    spec: &Column,
    seen: &Seen,
    schema: &str,
    tx: &mut Transaction<'_>,
) -> Result<Measured, Fault> {
    let mut measured = Measured::default();
    if spec.max_latency.is_some()
        && let Some(sql) = search(spec, seen, schema, 0, 10)
    {
        measured.latency = Some(latency(&sql, tx).await?);
    }
    if spec.recall.is_some() {
        measured.recall = Some(recall(spec, seen, schema, tx).await?);
    }
    Ok(measured)
}

/// The same search several times.
async fn latency(sql: &str, tx: &mut Transaction<'_>) -> Result<Looked<Vec<f64>>, Fault> {
    let mut times = Vec::new();
    for round in 0..SEARCHES {
        let started = std::time::Instant::now();
        match tx
            .look::<Value>("nearest-neighbour search", sql, &[])
            .await?
        {
            Looked::Hidden(fault) => return Ok(Looked::Hidden(fault)),
            Looked::Seen(rows) if rows.is_empty() => return Ok(Looked::Seen(Vec::new())),
            Looked::Seen(_) if round > 0 => times.push(started.elapsed().as_secs_f64() * 1000.0),
            Looked::Seen(_) => {}
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(Looked::Seen(times))
}

/// Switches a way of the planner on or off for this transaction.
async fn planner(name: &str, value: &str, tx: &mut Transaction<'_>) -> Result<(), Fault> {
    tx.rows::<Value>(
        "planner setting",
        "select set_config($1, $2, true)",
        &[name, value],
    )
    .await
    .map(|_| ())
}

/// Distances of one search.
async fn distances(sql: &str, tx: &mut Transaction<'_>) -> Result<Looked<Vec<f64>>, Fault> {
    let rows = tx
        .look::<Value>("nearest-neighbour search", sql, &[])
        .await?;
    Ok(rows.map(|rows| rows.iter().filter_map(|row| row["d"].as_f64()).collect()))
}

/// Searches through the index and exactly, compared by distance, so that ties do no harm.
async fn recall(
    spec: &Column,
    seen: &Seen,
    schema: &str,
    tx: &mut Transaction<'_>,
) -> Result<Looked<Vec<f64>>, Fault> {
    let Some(recall) = &spec.recall else {
        return Ok(Looked::Seen(Vec::new()));
    };
    #[expect(clippy::cast_precision_loss, reason = "a threshold")]
    let max_rows = recall.max_rows as f64;
    if seen.rows < 0.0 || seen.rows > max_rows {
        let message = if seen.rows < 0.0 {
            "the table was never analysed"
        } else {
            "the table is larger than `max_rows`"
        };
        return Ok(Looked::Hidden(
            Fault::new(Cause::TooLarge, format!("recall: {message}"))
                .hint("run ANALYZE, or raise `max_rows:`: exact search reads the whole table"),
        ));
    }
    let mut shares = Vec::new();
    for sample in 0..u64::from(recall.samples) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rows are not negative here"
        )]
        let offset = seen.rows as u64 * sample / u64::from(recall.samples.max(1));
        let Some(sql) = search(spec, seen, schema, offset, recall.k) else {
            continue;
        };
        // Through the index even where the planner would rather read the table.
        planner("enable_seqscan", "off", tx).await?;
        let found = distances(&sql, tx).await?;
        planner("enable_seqscan", "on", tx).await?;
        planner("enable_indexscan", "off", tx).await?;
        let exact = distances(&sql, tx).await?;
        planner("enable_indexscan", "on", tx).await?;
        match (found, exact) {
            (Looked::Hidden(fault), _) | (_, Looked::Hidden(fault)) => {
                return Ok(Looked::Hidden(fault));
            }
            (Looked::Seen(found), Looked::Seen(exact)) => {
                let Some(last) = exact.last() else { continue };
                let near = found.iter().filter(|d| **d <= last + 1e-6).count();
                #[expect(clippy::cast_precision_loss, reason = "at most a hundred")]
                shares.push(near as f64 / exact.len() as f64);
            }
        }
    }
    Ok(Looked::Seen(shares))
}

/// Judges the searches.
pub(super) fn judge(spec: &Column, measured: &Measured, asked: &str, out: &mut Vec<Finding>) {
    if let (Some(most), Some(latency)) = (spec.max_latency, &measured.latency) {
        let subject = format!("search latency of {asked}");
        let expected = format!("at most {most}");
        out.push(match latency {
            Looked::Hidden(fault) => hidden("VEC-52", &subject, &expected, fault),
            Looked::Seen(times) => match times.get(times.len() / 2) {
                None => Finding::fail(
                    "VEC-52",
                    subject,
                    expected,
                    "no rows",
                    format!("{asked} holds no vector to search for"),
                )
                .as_unknown(),
                Some(median) if *median <= most.0.as_secs_f64() * 1000.0 => {
                    Finding::pass(subject, expected, format!("{median:.1} ms"))
                }
                Some(median) => Finding::fail(
                    "VEC-52",
                    subject,
                    expected,
                    format!("{median:.1} ms"),
                    format!("a search in {asked} takes {median:.1} ms, more than {most}"),
                ),
            },
        });
    }
    if let (Some(wanted), Some(recall)) = (&spec.recall, &measured.recall) {
        let subject = format!("recall of {asked}");
        let expected = format!("at least {}", wanted.min);
        out.push(match recall {
            Looked::Hidden(fault) => hidden("VEC-23", &subject, &expected, fault),
            Looked::Seen(shares) if shares.is_empty() => Finding::fail(
                "VEC-23",
                subject,
                expected,
                "no rows",
                format!("{asked} holds no vector to search for"),
            )
            .as_unknown(),
            Looked::Seen(shares) => {
                #[expect(clippy::cast_precision_loss, reason = "at most twenty")]
                let mean = shares.iter().sum::<f64>() / shares.len() as f64;
                let seen = format!("{mean:.2} over {} searches", shares.len());
                if mean >= wanted.min {
                    Finding::pass(subject, expected, seen)
                } else {
                    Finding::fail(
                        "VEC-23",
                        subject,
                        expected,
                        seen,
                        format!(
                            "searches in {asked} find only {:.0} % of the true neighbours",
                            mean * 100.0
                        ),
                    )
                }
            }
        });
    }
}
