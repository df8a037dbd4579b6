//! pgvector: is the extension there, sound and usable, and do the indexes serve the application's
//! metric? Read-only, bounded samples, never `EXPLAIN ANALYZE`, never a rebuild.

mod catalogue;
mod columns;
mod extension;
mod indexes;
mod measure;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FaultDoc, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::expect::{Secret, TimeSpan, Version};
use crate::outcome::{Fault, Finding};
use crate::postgres::Dsn;

/// Audits pgvector in one database: extension, versions with known faults, embedding columns and their indexes.
///
/// Without `columns` and `all_columns_indexed` it judges the extension alone: created in this
/// database, usable by this role, free of faults that are known to corrupt or crash.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pgvector {
    /// Where to connect, as the application writes it.
    url: Secret,
    /// Only ask whether the extension could be created, not whether it was. Default false.
    #[serde(default)]
    available: bool,
    /// Oldest version accepted: `"0.5"` for HNSW, `"0.7"` for halfvec, `"0.8"` for iterative scans.
    #[serde(default)]
    min_version: Option<Version>,
    /// Whether versions with known corruption or security faults are accepted. Default false.
    #[serde(default)]
    allow_known_faults: bool,
    /// Whether an update of the package that was not applied to the database is a fault. Default false.
    #[serde(default)]
    latest: bool,
    /// Whether every vector column of the database must have a valid HNSW or IVFFlat index.
    #[serde(default)]
    all_columns_indexed: bool,
    /// Embedding columns and what they must be.
    #[serde(default)]
    columns: Vec<Column>,
}

/// An embedding column and what it must be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Column {
    /// Table: `embeddings`, `public.embeddings`.
    table: String,
    /// Column.
    column: String,
    /// Dimensions of the embedding model, for example 1536.
    #[serde(default)]
    dimensions: Option<u32>,
    /// Distance the application's queries use; the index must serve it.
    #[serde(default)]
    metric: Option<Metric>,
    /// Index the column must have.
    #[serde(default)]
    index: Option<Index>,
    /// Below this number of rows no index is needed. Default 0: always.
    #[serde(default)]
    min_rows_for_index: u64,
    /// Fewest rows the table must have.
    #[serde(default)]
    min_rows: Option<u64>,
    /// Most NULL embeddings in percent of a sample of about 10000 rows: they are never found by a search.
    #[serde(default)]
    max_null_percent: Option<f64>,
    /// LIMIT of the application's searches: an HNSW search returns at most `hnsw.ef_search` rows.
    #[serde(default)]
    search_limit: Option<u32>,
    /// Whether the application's searches filter with WHERE: without iterative scans they return too few rows.
    #[serde(default)]
    filtered: bool,
    /// Longest time of a search for the ten nearest neighbours of a stored vector, median of five, as seen from here.
    #[serde(default)]
    max_latency: Option<TimeSpan>,
    /// Compares searches through the index with exact ones, which read the whole table.
    #[serde(default)]
    recall: Option<Recall>,
}

/// Distances and their operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Metric {
    /// `<=>`.
    Cosine,
    /// `<->`.
    L2,
    /// `<#>`, for normalised vectors.
    #[serde(alias = "ip")]
    InnerProduct,
    /// `<+>`.
    L1,
    /// `<~>`, for bits.
    Hamming,
    /// `<%>`, for bits.
    Jaccard,
}

impl Metric {
    /// Its operator.
    fn operator(self) -> &'static str {
        match self {
            Self::Cosine => "<=>",
            Self::L2 => "<->",
            Self::InnerProduct => "<#>",
            Self::L1 => "<+>",
            Self::Hamming => "<~>",
            Self::Jaccard => "<%>",
        }
    }

    /// Its word in profiles.
    fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::L2 => "l2",
            Self::InnerProduct => "inner_product",
            Self::L1 => "l1",
            Self::Hamming => "hamming",
            Self::Jaccard => "jaccard",
        }
    }

    /// The metric that an operator class serves, told by its name.
    fn of_class(class: &str) -> Option<Self> {
        [
            ("cosine", Self::Cosine),
            ("_l2_", Self::L2),
            ("_ip_", Self::InnerProduct),
            ("_l1_", Self::L1),
            ("hamming", Self::Hamming),
            ("jaccard", Self::Jaccard),
        ]
        .into_iter()
        .find(|(word, _)| class.contains(word))
        .map(|(_, metric)| metric)
    }
}

/// Index a column must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Index {
    /// HNSW or IVFFlat.
    Required,
    /// HNSW.
    Hnsw,
    /// IVFFlat.
    Ivfflat,
}

/// Recall against exact search; it reads the whole table once a sample.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Recall {
    /// Smallest share of true neighbours that searches must find, from 0 to 1.
    min: f64,
    /// Neighbours a search. Default 10.
    #[serde(default = "ten")]
    k: u32,
    /// Searches, at most 20. Default 5.
    #[serde(default = "five")]
    samples: u32,
    /// Tables with more rows are not compared. Default 100000.
    #[serde(default = "hundred_thousand")]
    max_rows: u64,
}

/// Default of `k`.
fn ten() -> u32 {
    10
}

/// Default of `samples`.
fn five() -> u32 {
    5
}

/// Default of `max_rows`.
fn hundred_thousand() -> u64 {
    100_000
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The extension.
    extension: extension::Extension,
    /// The spec's columns, in its order; `None` when there is no such column.
    columns: Vec<Option<columns::Seen>>,
    /// Every vector column of the database, when all must have an index.
    all: Vec<columns::Seen>,
}

impl Kind for Pgvector {
    const NAME: &'static str = "pgvector";
    const FAULTS: &'static [FaultDoc] = catalogue::FAULTS;
    type Facts = Facts;

    fn hosts(&self) -> Vec<String> {
        Dsn::parse(self.url.expose()).map_or_else(|_| Vec::new(), |dsn| dsn.keys())
    }

    fn exclusive(&self) -> Option<String> {
        let dsn = Dsn::parse(self.url.expose()).ok()?;
        Some(format!("postgres {}@{}", dsn.user_shown(), dsn.shown()))
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        for (i, column) in self.columns.iter().enumerate() {
            let at = |field: &str| format!("columns.{i}{field}");
            let searches = column.max_latency.is_some() || column.recall.is_some();
            if searches && column.metric.is_none() {
                problems.push(SpecProblem::at(
                    at(""),
                    "a search needs to know its distance",
                    "add `metric:`, for example `metric: cosine`",
                ));
            }
            if let Some(recall) = &column.recall
                && !(recall.min > 0.0
                    && recall.min <= 1.0
                    && (1..=20).contains(&recall.samples)
                    && (1..=100).contains(&recall.k))
            {
                problems.push(SpecProblem::at(
                    at(".recall"),
                    "these bounds are not useful",
                    "`min` is above 0 and at most 1, `samples` from 1 to 20, `k` from 1 to 100",
                ));
            }
        }
        if self.available && (!self.columns.is_empty() || self.all_columns_indexed) {
            problems.push(SpecProblem::at(
                "available",
                "columns can only be judged when the extension is created",
                "remove `available: true`",
            ));
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        let mut planned = vec![
            Planned::once("SQL BEGIN READ ONLY … ROLLBACK, with statement and lock timeouts"),
            Planned {
                what: "SQL select from catalogue views, and one distance of two constants"
                    .to_owned(),
                at_most: 10,
            },
        ];
        for column in &self.columns {
            planned.push(Planned {
                what: format!(
                    "SQL sample of at most {} rows of {}",
                    columns::SAMPLE * 3,
                    column.table
                ),
                at_most: 2,
            });
            if column.max_latency.is_some() {
                planned.push(Planned {
                    what: format!("SQL nearest-neighbour search in {}", column.table),
                    at_most: measure::SEARCHES,
                });
            }
            if let Some(recall) = &column.recall {
                planned.push(Planned {
                    what: format!("SQL exact search through all of {}", column.table),
                    at_most: recall.samples,
                });
            }
        }
        planned
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        let dsn = Dsn::parse(self.url.expose())?;
        cx.redactor.add(self.url.expose());
        let mut tx = cx.postgres.begin(cx, &dsn, false).await?;
        let extension = extension::observe(&mut tx).await?;
        let mut columns = Vec::new();
        let mut all = Vec::new();
        if let Some(schema) = extension.schema() {
            for column in &self.columns {
                columns.push(columns::observe(column, schema, &mut tx).await?);
            }
            if self.all_columns_indexed {
                all = columns::observe_all(&mut tx).await?;
            }
        }
        tx.finish().await;
        Ok(Facts {
            extension,
            columns,
            all,
        })
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        let mut out = Vec::new();
        extension::judge(self, facts, &mut out);
        if facts.extension.schema().is_none() {
            return out;
        }
        for (column, seen) in self.columns.iter().zip(&facts.columns) {
            columns::judge(column, seen.as_ref(), &facts.extension, &mut out);
        }
        if self.all_columns_indexed {
            indexes::judge_all(&facts.all, &mut out);
        }
        out
    }
}
