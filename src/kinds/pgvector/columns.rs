//! Embedding columns and their indexes, read from the catalogue: `pg_indexes.indexdef` hides the
//! default operator class.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::extension::Extension;
use super::indexes::{self, Found};
use super::measure::{self, Measured};
use super::{Column, Metric};
use crate::outcome::{Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// About this many rows are looked at, at most three times as many.
pub(super) const SAMPLE: u32 = 10_000;

/// They come from at least this many pages where the table has so many, to even out clusters.
const PAGES: f64 = 1000.0;

/// A vector column.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Table, quoted, with its schema.
    pub(super) table: String,
    /// Column, quoted.
    pub(super) column: String,
    /// `vector`, `halfvec`, `sparsevec`, `bit`, or another type.
    pub(super) kind: String,
    /// Dimensions of the column's type; `None` when it takes any.
    pub(super) dimensions: Option<u32>,
    /// Rows as of the last ANALYZE, -1 without.
    pub(super) rows: f64,
    /// Size in pages.
    pages: f64,
    /// Indexes on the column.
    pub(super) indexes: Vec<Found>,
    /// Sample of its content.
    #[serde(default)]
    sample: Option<Looked<Sample>>,
    /// Whether it has as many rows as asked for.
    #[serde(default)]
    pub(super) enough: Option<Looked<f64>>,
    /// Searches.
    #[serde(default)]
    measured: Measured,
}

/// What a sample of rows holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sample {
    /// Rows looked at.
    rows: f64,
    /// NULL.
    nulls: f64,
    /// Without direction; `None` for types without a norm.
    zeros: Option<f64>,
    /// Length is not 1; `None` for types without a norm.
    unnormalised: Option<f64>,
    /// Different numbers of dimensions.
    dimensions: Option<f64>,
}

/// Columns of vector types, with every index that depends on them (also on an expression of them).
const COLUMNS: &str = "select format('%I.%I', n.nspname, t.relname) as table, quote_ident(a.attname) as column, y.typname as kind,
 nullif(a.atttypmod, -1) as dimensions, t.reltuples::float8 as rows, (pg_relation_size(t.oid) / 8192)::float8 as pages,
 coalesce((select json_agg(json_build_object('name', i.relname, 'method', m.amname, 'class', o.opcname, 'valid', x.indisvalid and x.indisready, 'options', coalesce(to_json(i.reloptions), '[]')) order by i.relname)
   from pg_index x join pg_class i on i.oid = x.indexrelid join pg_am m on m.oid = i.relam join pg_opclass o on o.oid = x.indclass[0]
   where x.indrelid = t.oid and m.amname not in ('btree', 'hash', 'gin', 'gist', 'spgist', 'brin')
     and (x.indkey[0] = a.attnum or x.indkey[0] = 0 and exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = x.indexrelid and d.refobjid = t.oid and d.refobjsubid = a.attnum))), '[]') as indexes
from pg_attribute a join pg_class t on t.oid = a.attrelid join pg_namespace n on n.oid = t.relnamespace join pg_type y on y.oid = a.atttypid
where a.attnum > 0 and not a.attisdropped and t.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema')";

/// Looks at one column.
pub(super) async fn observe(
    spec: &Column,
    schema: &str,
    tx: &mut Transaction<'_>,
) -> Result<Option<Seen>, Fault> {
    let sql = format!(
        "{COLUMNS} and a.attname in ($2, lower($2)) and case when strpos($1, '.') > 0 then n.nspname || '.' || t.relname in ($1, lower($1)) else t.relname in ($1, lower($1)) and pg_table_is_visible(t.oid) end
 order by t.relname = $1 desc limit 1"
    );
    let mut rows: Vec<Seen> = tx
        .rows("embedding column", &sql, &[&spec.table, &spec.column])
        .await?;
    let Some(mut seen) = rows.pop() else {
        return Ok(None);
    };
    if !seen.is_vector() {
        return Ok(Some(seen));
    }
    let least = spec.min_rows.unwrap_or(0).max(spec.min_rows_for_index);
    if least > 0 {
        seen.enough = Some(observe_rows(&seen, least, tx).await?);
    }
    if spec.max_null_percent.is_some()
        || seen.dimensions.is_none()
        || spec.metric == Some(Metric::InnerProduct)
    {
        seen.sample = Some(observe_sample(&seen, schema, tx).await?);
    }
    seen.measured = measure::observe(spec, &seen, schema, tx).await?;
    Ok(Some(seen))
}

/// Looks at every vector column.
pub(super) async fn observe_all(tx: &mut Transaction<'_>) -> Result<Vec<Seen>, Fault> {
    let sql = format!(
        "{COLUMNS} and not t.relispartition and y.typname in ('vector', 'halfvec', 'sparsevec') order by 1, 2 limit 500"
    );
    tx.rows("vector columns", &sql, &[]).await
}

/// Rows, counted up to what is asked for.
async fn observe_rows(
    seen: &Seen,
    least: u64,
    tx: &mut Transaction<'_>,
) -> Result<Looked<f64>, Fault> {
    if least > u64::from(SAMPLE) && seen.rows >= 0.0 {
        return Ok(Looked::Seen(seen.rows));
    }
    let sql = format!(
        "select count(*)::float8 as n from (select 1 from {} limit {}) x",
        seen.table,
        least.min(100_000)
    );
    let rows = tx.look::<Value>("rows", &sql, &[]).await?;
    Ok(rows.map(|rows| {
        rows.first()
            .and_then(|row| row["n"].as_f64())
            .unwrap_or(-1.0)
    }))
}

/// A bounded sample: pages picked at random when the table is large.
async fn observe_sample(
    seen: &Seen,
    schema: &str,
    tx: &mut Transaction<'_>,
) -> Result<Looked<Sample>, Fault> {
    let (table, column) = (&seen.table, &seen.column);
    // Whole pages from all over the table: new rows, which may lack their vectors, are at its end.
    let percent = if seen.rows < 0.0 {
        f64::from(SAMPLE) * 10.0 / seen.pages.max(1.0)
    } else {
        f64::from(SAMPLE) * 100.0 / seen.rows.max(1.0)
    };
    let pick = if percent < 50.0 {
        // Small rows stand close together, so that few pages would make a sample whose share of
        // rows without vectors is luck: more pages are read then, and fewer rows of each are kept.
        let pages = (seen.pages * percent / 100.0).max(1.0);
        let wider = (percent * (PAGES / pages).clamp(1.0, 8.0)).min(100.0);
        format!(
            "{table} tablesample system ({:.6}) where random() < {:.6}",
            wider.max(0.000_1),
            percent / wider
        )
    } else {
        table.clone()
    };
    let norm = match seen.kind.as_str() {
        "vector" => format!("{schema}.vector_norm(v)"),
        "halfvec" | "sparsevec" => format!("{schema}.l2_norm(v)"),
        _ => "null::float8".to_owned(),
    };
    let dimensions = match seen.kind.as_str() {
        "vector" | "halfvec" => format!("count(distinct {schema}.vector_dims(v))::float8"),
        _ => "null::float8".to_owned(),
    };
    let sql = format!(
        "select count(*)::float8 as rows, (count(*) - count(v))::float8 as nulls, case when count({norm}) > 0 then count(*) filter (where {norm} = 0) end::float8 as zeros,
 case when count({norm}) > 0 then count(*) filter (where abs({norm} - 1) > 0.01) end::float8 as unnormalised, {dimensions} as dimensions
from (select {column} as v from {pick} limit {}) s",
        SAMPLE * 3
    );
    let rows = tx
        .look::<Sample>(&format!("sample of {table}"), &sql, &[])
        .await?;
    Ok(match rows {
        Looked::Hidden(fault) => Looked::Hidden(fault),
        Looked::Seen(mut rows) => match rows.pop() {
            Some(sample) => Looked::Seen(sample),
            None => Looked::Hidden(Fault::new(
                crate::outcome::Cause::Unparseable,
                "the sample is empty",
            )),
        },
    })
}

impl Seen {
    /// Whether the column holds vectors at all.
    pub(super) fn is_vector(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "vector" | "halfvec" | "sparsevec" | "bit"
        )
    }

    /// Largest number of dimensions that can be indexed.
    pub(super) fn limit(&self) -> Option<u32> {
        match self.kind.as_str() {
            "vector" => Some(2_000),
            "halfvec" => Some(4_000),
            "bit" => Some(64_000),
            _ => None,
        }
    }

    /// `public.embeddings.embedding`.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.table, self.column)
    }

    /// The column's type in words.
    fn shown(&self) -> String {
        match self.dimensions {
            Some(dimensions) => format!("{}({dimensions})", self.kind),
            None => format!("{} without dimensions", self.kind),
        }
    }
}

/// Judges one column of the spec.
pub(super) fn judge(
    spec: &Column,
    seen: Option<&Seen>,
    extension: &Extension,
    out: &mut Vec<Finding>,
) {
    let asked = format!("{}.{}", spec.table, spec.column);
    let Some(seen) = seen else {
        return out.push(Finding::fail(
            "VEC-07",
            &asked,
            "a vector column",
            "missing",
            format!("there is no column {asked} in this database (or not on the search path)"),
        ));
    };
    if !seen.is_vector() {
        return out.push(Finding::fail(
            "VEC-07",
            &asked,
            "a vector column",
            &seen.kind,
            format!("column {asked} is of type {}, not a vector", seen.kind),
        ));
    }
    out.push(Finding::pass(seen.name(), "a vector column", seen.shown()));
    if let Some(wanted) = spec.dimensions {
        let subject = format!("dimensions of {asked}");
        let expected = wanted.to_string();
        out.push(match seen.dimensions {
            Some(dimensions) if dimensions == wanted => {
                Finding::pass(subject, expected, dimensions.to_string())
            }
            Some(dimensions) => Finding::fail(
                "VEC-08",
                subject,
                expected,
                dimensions.to_string(),
                format!(
                    "{asked} holds {dimensions} dimensions, the embedding model gives {wanted}"
                ),
            ),
            None => Finding::fail(
                "VEC-08",
                subject,
                expected,
                "any",
                format!("{asked} takes vectors of any dimensions, and cannot be indexed as it is"),
            ),
        });
    }
    judge_rows(spec, seen, &asked, out);
    indexes::judge(spec, seen, &asked, out);
    judge_search(spec, seen, extension, &asked, out);
    judge_sample(spec, seen, &asked, out);
    measure::judge(spec, &seen.measured, &asked, out);
}

/// Fewest rows.
fn judge_rows(spec: &Column, seen: &Seen, asked: &str, out: &mut Vec<Finding>) {
    let (Some(min), Some(enough)) = (spec.min_rows, &seen.enough) else {
        return;
    };
    let subject = format!("rows of {asked}");
    let expected = format!("at least {min}");
    out.push(match enough {
        Looked::Hidden(fault) => hidden("VEC-51", &subject, &expected, fault),
        #[expect(clippy::cast_precision_loss, reason = "a threshold")]
        Looked::Seen(rows) if *rows >= min as f64 => {
            Finding::pass(subject, expected, format!("at least {rows}"))
        }
        Looked::Seen(rows) => Finding::fail(
            "VEC-51",
            subject,
            expected,
            rows.to_string(),
            format!("the table of {asked} has {rows} rows, expected at least {min}"),
        ),
    });
}

/// An expectation whose answer was hidden.
pub(super) fn hidden(code: &'static str, subject: &str, expected: &str, fault: &Fault) -> Finding {
    let hint = fault.hint.as_deref().unwrap_or_default();
    Finding::fail(
        code,
        subject,
        expected,
        "not visible",
        format!("{}; {hint}", fault.message),
    )
    .as_unknown()
}

/// Settings of searches against what the application asks for.
fn judge_search(
    spec: &Column,
    seen: &Seen,
    extension: &Extension,
    asked: &str,
    out: &mut Vec<Finding>,
) {
    let settings = &extension.settings;
    let hnsw = seen.indexes.iter().any(|index| index.method == "hnsw");
    let ivfflat = seen.indexes.iter().any(|index| index.method == "ivfflat");
    let iterative =
        |setting: &Option<String>| setting.as_deref().is_some_and(|value| value != "off");
    if let (Some(limit), true) = (spec.search_limit, hnsw) {
        let subject = format!("hnsw.ef_search for {asked}");
        let expected = format!("at least {limit}");
        let value = settings
            .ef_search
            .as_deref()
            .and_then(|text| text.parse::<u32>().ok());
        out.push(match value {
            None => Finding::fail(
                "VEC-14",
                subject,
                expected,
                "unknown",
                "hnsw.ef_search is not known",
            )
            .as_unknown(),
            Some(value) if value >= limit || iterative(&settings.hnsw_iterative) => {
                Finding::pass(subject, expected, value.to_string())
            }
            Some(value) => Finding::fail(
                "VEC-14",
                subject,
                expected,
                value.to_string(),
                format!("searches ask for {limit} rows and get at most {value} (hnsw.ef_search)"),
            ),
        });
    }
    if ivfflat && settings.probes.as_deref() == Some("1") {
        out.push(Finding::fail("VEC-14", format!("ivfflat.probes for {asked}"), "more than 1", "1", "searches look into one list only and miss neighbours, unless the application sets ivfflat.probes").as_warning());
    }
    if spec.filtered && (hnsw || ivfflat) {
        let subject = format!("iterative scans for {asked}");
        let on = hnsw && iterative(&settings.hnsw_iterative)
            || ivfflat && iterative(&settings.ivfflat_iterative);
        out.push(if on {
            Finding::pass(subject, "on", "on")
        } else {
            let seen = if settings.hnsw_iterative.is_some() { "off" } else { "not supported before 0.8" };
            Finding::fail("VEC-15", subject, "on", seen, "filtered searches return too few rows, because the filter comes after the index (hnsw.iterative_scan)")
        });
    }
}

/// NULL, zero, not normalised, mixed.
fn judge_sample(spec: &Column, seen: &Seen, asked: &str, out: &mut Vec<Finding>) {
    let Some(sample) = &seen.sample else { return };
    let subject = format!("content of {asked}");
    let expected = match spec.max_null_percent {
        Some(percent) => format!("at most {percent} % NULL"),
        None => "searchable".to_owned(),
    };
    let sample = match sample {
        Looked::Hidden(fault) => return out.push(hidden("VEC-16", &subject, &expected, fault)),
        Looked::Seen(sample) => sample,
    };
    if sample.rows <= 0.0 {
        if spec.max_null_percent.is_some() {
            out.push(
                Finding::fail(
                    "VEC-16",
                    subject,
                    expected,
                    "no rows",
                    format!(
                        "the sample of {asked} holds no row, so nothing is known about its content"
                    ),
                )
                .as_unknown(),
            );
        }
        return;
    }
    let share = |n: f64| n * 100.0 / sample.rows;
    if let Some(percent) = spec.max_null_percent {
        let seen = format!("{:.1} % of {} rows", share(sample.nulls), sample.rows);
        out.push(if share(sample.nulls) <= percent {
            Finding::pass(&subject, &expected, seen)
        } else {
            Finding::fail(
                "VEC-16",
                &subject,
                &expected,
                &seen,
                format!("embeddings are missing: {seen} of {asked} are NULL and are never found"),
            )
        });
        if let (Some(zeros), Some(Metric::Cosine)) =
            (sample.zeros.filter(|zeros| *zeros > 0.0), spec.metric)
        {
            out.push(Finding::fail("VEC-16", &subject, "no zero vectors", format!("{:.1} %", share(zeros)), format!("zero vectors in {asked} have no direction and are never found by cosine distance")));
        }
    }
    if let (Some(count), Some(Metric::InnerProduct)) =
        (sample.unnormalised.filter(|n| *n > 0.0), spec.metric)
    {
        out.push(
            Finding::fail(
                "VEC-16",
                &subject,
                "normalised",
                format!("{:.1} % are not", share(count)),
                format!(
                    "inner product ranks by length too, and vectors in {asked} are not normalised"
                ),
            )
            .as_warning(),
        );
    }
    if let Some(count) = sample.dimensions.filter(|n| *n > 1.0) {
        out.push(Finding::fail(
            "VEC-17",
            &subject,
            "one number of dimensions",
            format!("{count} different"),
            format!(
                "{asked} mixes vectors of different models: their distances fail or mean nothing"
            ),
        ));
    }
}
