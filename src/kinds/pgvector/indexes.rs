//! Indexes on embedding columns: presence, validity, operator class, lists.

use serde::{Deserialize, Serialize};

use super::columns::Seen;
use super::{Column, Index, Metric};
use crate::outcome::Finding;
use crate::postgres::Looked;

/// An index.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Found {
    /// Name.
    pub(super) name: String,
    /// `hnsw`, `ivfflat`.
    pub(super) method: String,
    /// Operator class.
    class: String,
    /// Used by the planner.
    valid: bool,
    /// `lists=100`.
    options: Vec<String>,
}

/// Presence, validity, method and operator class.
pub(super) fn judge(spec: &Column, seen: &Seen, asked: &str, out: &mut Vec<Finding>) {
    let Some(wanted) = spec.index else {
        return judge_metric(spec, seen, asked, out);
    };
    let subject = format!("index of {asked}");
    let method = match wanted {
        Index::Required => "hnsw or ivfflat",
        Index::Hnsw => "hnsw",
        Index::Ivfflat => "ivfflat",
    };
    let expected = match spec.metric {
        Some(metric) => format!("{method} for {}", metric.name()),
        None => method.to_owned(),
    };
    #[expect(clippy::cast_precision_loss, reason = "a threshold")]
    let small = matches!(seen.enough, Some(Looked::Seen(rows)) if rows >= 0.0 && rows < spec.min_rows_for_index as f64);
    let of_method: Vec<&Found> = seen
        .indexes
        .iter()
        .filter(|index| wanted == Index::Required || index.method == method)
        .collect();
    if of_method.is_empty() {
        if small {
            return out.push(Finding::pass(
                subject,
                expected,
                format!(
                    "none; below {} rows none is needed",
                    spec.min_rows_for_index
                ),
            ));
        }
        let too_many = seen
            .limit()
            .zip(seen.dimensions)
            .filter(|(limit, dimensions)| dimensions > limit);
        let others: Vec<&str> = seen
            .indexes
            .iter()
            .map(|index| index.method.as_str())
            .collect();
        return out.push(match (too_many, seen.dimensions) {
            (Some((limit, dimensions)), _) => Finding::fail("VEC-10", subject, expected, format!("none, {dimensions} dimensions"), format!("{asked} has {dimensions} dimensions, a {} index takes at most {limit}: index it as halfvec, or reduce the dimensions", seen.kind)),
            (None, None) if seen.kind != "sparsevec" => Finding::fail("VEC-08", subject, expected, "none, no dimensions", format!("{asked} has no fixed dimensions, so it cannot be indexed: ALTER its type to {}(n)", seen.kind)),
            _ => Finding::fail("VEC-09", subject, expected, if others.is_empty() { "none".to_owned() } else { others.join(", ") }, format!("{asked} has no {method} index: every search reads the whole table")),
        });
    }
    judge_metric(spec, seen, asked, out);
    let best = of_method
        .iter()
        .find(|index| {
            index.valid
                && spec
                    .metric
                    .is_none_or(|metric| Metric::of_class(&index.class) == Some(metric))
        })
        .or_else(|| {
            of_method.iter().find(|index| {
                spec.metric
                    .is_none_or(|metric| Metric::of_class(&index.class) == Some(metric))
            })
        });
    let Some(index) = best else { return };
    let shown = format!("{} {} {}", index.name, index.method, index.class);
    if index.valid {
        out.push(Finding::pass(&subject, &expected, &shown));
    } else {
        out.push(Finding::fail(
            "VEC-12",
            &subject,
            &expected,
            format!("{shown}, invalid"),
            format!(
                "index {} is invalid and not used: REINDEX INDEX CONCURRENTLY",
                index.name
            ),
        ));
    }
    if index.method == "ivfflat" {
        judge_lists(seen, index, out);
    }
}

/// The operator class must be of the distance the application uses, or the index is never used.
fn judge_metric(spec: &Column, seen: &Seen, asked: &str, out: &mut Vec<Finding>) {
    let Some(metric) = spec.metric else { return };
    if seen.indexes.is_empty() {
        return;
    }
    let subject = format!("operator class of {asked}");
    let classes: Vec<&str> = seen
        .indexes
        .iter()
        .map(|index| index.class.as_str())
        .collect();
    out.push(if classes.iter().any(|class| Metric::of_class(class) == Some(metric)) {
        Finding::pass(subject, metric.name(), classes.join(", "))
    } else {
        Finding::fail("VEC-11", subject, metric.name(), classes.join(", "), format!("the index on {asked} does not serve {} ({}): searches ignore it and read the whole table", metric.name(), metric.operator()))
    });
}

/// IVFFlat's lists against the guidance: rows / 1000 up to a million rows, their root above.
fn judge_lists(seen: &Seen, index: &Found, out: &mut Vec<Finding>) {
    let lists: f64 = index
        .options
        .iter()
        .find_map(|option| option.strip_prefix("lists=").and_then(|n| n.parse().ok()))
        .unwrap_or(100.0);
    let subject = format!("lists of {}", index.name);
    let rows = seen.rows;
    if rows < 0.0 {
        return out.push(Finding::fail("VEC-13", subject, "fit the number of rows", format!("{lists}, rows unknown"), "the table was never analysed, so it is not known whether the lists fit; run ANALYZE").as_warning());
    }
    let guidance = if rows <= 1_000_000.0 {
        rows / 1000.0
    } else {
        rows.sqrt()
    }
    .max(1.0);
    let expected = format!("about {guidance:.0} for {rows:.0} rows");
    let seen = format!("{lists:.0}");
    out.push(if lists > 10.0 && rows < lists * 10.0 {
        Finding::fail(
            "VEC-13",
            subject,
            expected,
            seen,
            format!(
                "index {} was built for far more rows than there are: searches miss neighbours",
                index.name
            ),
        )
        .as_warning()
    } else if lists * 10.0 < guidance {
        Finding::fail(
            "VEC-13",
            subject,
            expected,
            seen,
            format!(
                "index {} has too few lists: searches read too much",
                index.name
            ),
        )
        .as_warning()
    } else {
        Finding::pass(subject, expected, seen)
    });
}

/// Every vector column has a valid index.
pub(super) fn judge_all(all: &[Seen], out: &mut Vec<Finding>) {
    let expected = "every one has a valid index";
    if all.is_empty() {
        return out.push(
            Finding::fail(
                "VEC-09",
                "vector columns",
                expected,
                "none",
                "this database has no vector column, so nothing was judged",
            )
            .as_unknown(),
        );
    }
    for seen in all {
        let subject = format!("index of {}", seen.name());
        let valid: Vec<&str> = seen
            .indexes
            .iter()
            .filter(|index| index.valid)
            .map(|index| index.name.as_str())
            .collect();
        out.push(match (valid.first(), seen.indexes.first()) {
            (Some(name), _) => Finding::pass(subject, expected, *name),
            (None, Some(index)) => Finding::fail(
                "VEC-12",
                subject,
                expected,
                "invalid",
                format!("index {} is invalid and not used", index.name),
            ),
            (None, None) => Finding::fail(
                "VEC-09",
                subject,
                expected,
                "none",
                format!(
                    "{} has no index: every search reads the whole table",
                    seen.name()
                ),
            ),
        });
    }
}
