//! Tables that must exist, and rows they must have. Never `count(*)` over a whole table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Postgres;
use super::support::hidden;
use crate::outcome::{Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// More rows than this are never counted; estimates are used instead.
pub(super) const MAX_COUNTED: u64 = 10_000;

/// How many rows a table must have.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RowBounds {
    /// Fewest rows. Up to 10000 they are counted (never more than needed); above, the estimate of the last ANALYZE is used.
    #[serde(deserialize_with = "at_least_one")]
    min: u64,
}

/// `min: 0` could never fail.
fn at_least_one<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        0 => Err(serde::de::Error::custom(
            "every table has at least 0 rows: it could never fail; help: write 1 or more, or list the table under `tables:`",
        )),
        min => Ok(min),
    }
}

/// A table that was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Table {
    /// As the spec names it.
    asked: String,
    /// Quoted, with its schema.
    name: String,
    /// Estimate of the last ANALYZE, -1 when there was none.
    estimate: f64,
    /// Whether row-level security hides rows from this role.
    filtered: bool,
}

/// The rows of a table.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Rows {
    /// As the spec names it.
    asked: String,
    /// Counted up to the minimum, or estimated.
    count: Looked<f64>,
    /// Whether it is an estimate.
    estimated: bool,
}

/// What was seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct TableFacts {
    /// Those found.
    found: Vec<Table>,
    /// Their rows.
    rows: Vec<Rows>,
}

/// Finds names as an unquoted SQL name would be found, and exactly as written.
const FIND: &str = "select distinct on (a.asked) a.asked, format('%I.%I', n.nspname, c.relname) as name, c.reltuples::float8 as estimate,
 row_security_active(c.oid) as filtered
from (select json_array_elements_text($1::json) as asked) a
cross join lateral (select case when strpos(a.asked, '.') > 0 then split_part(a.asked, '.', 1) end as schema,
  case when strpos(a.asked, '.') > 0 then substr(a.asked, strpos(a.asked, '.') + 1) else a.asked end as relation) p
join pg_class c on c.relname in (p.relation, lower(p.relation), trim(both '\"' from p.relation)) and c.relkind in ('r', 'p', 'v', 'm', 'f')
join pg_namespace n on n.oid = c.relnamespace
where case when p.schema is null then pg_table_is_visible(c.oid) else n.nspname in (p.schema, lower(p.schema), trim(both '\"' from p.schema)) end
order by a.asked, c.relname = p.relation desc";

/// Finds the tables and looks at their rows.
pub(super) async fn observe(
    spec: &Postgres,
    tx: &mut Transaction<'_>,
) -> Result<TableFacts, Fault> {
    let mut names: Vec<&str> = spec.tables.iter().map(String::as_str).collect();
    names.extend(spec.rows.iter().map(|(name, _)| name));
    if names.is_empty() {
        return Ok(TableFacts::default());
    }
    let names = serde_json::to_string(&names).unwrap_or_default();
    let found: Vec<Table> = tx.rows("tables", FIND, &[&names]).await?;
    let mut rows = Vec::new();
    for (asked, bounds) in spec.rows.iter() {
        let Some(table) = found.iter().find(|table| table.asked == asked) else {
            continue;
        };
        let estimated = bounds.min > MAX_COUNTED;
        let count = if estimated {
            Looked::Seen(table.estimate)
        } else {
            let sql = format!(
                "select count(*)::float8 as n from (select 1 from {} limit {}) x",
                table.name, bounds.min
            );
            let what = format!("rows of {}", table.name);
            tx.look::<Value>(&what, &sql, &[]).await?.map(|rows| {
                rows.first()
                    .and_then(|row| row["n"].as_f64())
                    .unwrap_or(-1.0)
            })
        };
        rows.push(Rows {
            asked: asked.to_owned(),
            count,
            estimated,
        });
    }
    Ok(TableFacts { found, rows })
}

/// Judges tables and rows.
pub(super) fn judge(spec: &Postgres, facts: &TableFacts, out: &mut Vec<Finding>) {
    for asked in &spec.tables {
        let subject = format!("table {asked}");
        out.push(
            match facts.found.iter().find(|table| table.asked == *asked) {
                Some(table) => Finding::pass(subject, "exists", &table.name),
                None => missing(asked),
            },
        );
    }
    for (asked, bounds) in spec.rows.iter() {
        let Some(table) = facts.found.iter().find(|table| table.asked == asked) else {
            if !spec.tables.iter().any(|table| table == asked) {
                out.push(missing(asked));
            }
            continue;
        };
        let subject = format!("rows of {asked}");
        let expected = format!("at least {}", bounds.min);
        let Some(rows) = facts.rows.iter().find(|rows| rows.asked == asked) else {
            continue;
        };
        #[expect(clippy::cast_precision_loss, reason = "a threshold")]
        let min = bounds.min as f64;
        out.push(match &rows.count {
            Looked::Hidden(fault) => hidden("PG-53", &subject, &expected, fault),
            Looked::Seen(count) if *count < 0.0 => Finding::fail("PG-53", subject, expected, "unknown", format!("{asked} was never analysed, so the number of its rows is not known; run ANALYZE")).as_unknown(),
            Looked::Seen(count) if *count >= min => {
                let word = if rows.estimated { "about" } else { "at least" };
                Finding::pass(subject, expected, format!("{word} {count}"))
            }
            Looked::Seen(count) if table.filtered => Finding::fail("PG-53", subject, expected, format!("{count} visible"), format!("row-level security hides rows of {asked} from this role, so it is not known how many there are")).as_unknown(),
            Looked::Seen(count) => Finding::fail("PG-53", subject, expected, count.to_string(), format!("{asked} has {count} rows, expected at least {}", bounds.min)),
        });
    }
}

/// A table that is not there.
fn missing(asked: &str) -> Finding {
    Finding::fail(
        "PG-52",
        format!("table {asked}"),
        "exists",
        "missing",
        format!("there is no table {asked} in this database (or not on the search path)"),
    )
}
