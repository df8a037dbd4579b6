//! What a page must not say although every line of it can be read: duplicates, values that a type
//! forbids, histograms that contradict themselves.

use std::collections::HashMap;

use super::lines::number;
use super::{Broken, Exposition, Format, Labels, MetricType, Sample, Series, series};
use crate::exchange::cut;

/// A histogram of one set of labels.
#[derive(Default)]
struct Histogram {
    /// Upper edges and cumulative counts.
    buckets: Vec<(f64, f64)>,
    /// What `_count` says.
    count: Option<f64>,
    /// The line of its first sample.
    line: usize,
    /// Its name with labels.
    shown: String,
}

/// Looks at every sample.
pub(super) fn check(page: &mut Exposition) {
    let mut found = duplicates(page);
    let mut histograms: HashMap<(usize, Labels), Histogram> = HashMap::new();
    let mut order = Vec::new();
    for sample in &page.samples {
        let Some(family) = page.families.get(sample.family) else {
            continue;
        };
        let suffix = sample
            .name
            .strip_prefix(family.name.as_str())
            .unwrap_or_default();
        if let Some(problem) = value_problem(sample, family.kind, suffix) {
            found.push((sample.line, problem));
        }
        if family.kind == MetricType::Summary && suffix.is_empty() {
            let quantile = number(sample.label("quantile"));
            if !quantile.is_some_and(|q| (0.0..=1.0).contains(&q)) {
                let text = format!("{} has no quantile from 0 to 1", shown(sample));
                found.push((sample.line, text));
            }
        }
        if family.kind != MetricType::Histogram || !matches!(suffix, "_bucket" | "_count") {
            continue;
        }
        let labels: Vec<_> = sample
            .labels
            .iter()
            .filter(|(key, _)| key != "le" || suffix != "_bucket")
            .cloned()
            .collect();
        let key = (sample.family, labels);
        if !histograms.contains_key(&key) {
            order.push(key.clone());
        }
        let shown_series = cut(&series(&family.name, &key.1), 200).to_owned();
        let histogram = histograms.entry(key).or_insert_with(|| Histogram {
            line: sample.line,
            shown: shown_series,
            ..Histogram::default()
        });
        if suffix == "_count" {
            histogram.count = Some(sample.value);
        } else {
            match number(sample.label("le")).filter(|edge| !edge.is_nan()) {
                Some(edge) => histogram.buckets.push((edge, sample.value)),
                None => found.push((sample.line, format!("{} has no `le`", shown(sample)))),
            }
        }
    }
    for key in &order {
        if let Some(histogram) = histograms.get_mut(key) {
            let problems = histogram_problems(histogram);
            found.extend(problems.into_iter().map(|text| (histogram.line, text)));
        }
    }
    found.sort_by_key(|(line, _)| *line);
    for (line, text) in found {
        page.complain(Broken::Meaning, line, text);
    }
}

/// A series for a message.
fn shown(sample: &Sample) -> String {
    cut(&sample.series(), 200).to_owned()
}

/// Series that stand there twice. OpenMetrics allows several points of different times.
fn duplicates(page: &Exposition) -> Vec<(usize, String)> {
    let mut seen: HashMap<(Series<'_>, Option<u64>), usize> = HashMap::new();
    let mut found = Vec::new();
    for sample in &page.samples {
        let time = sample
            .timestamp
            .filter(|_| page.format == Format::OpenMetrics)
            .map(f64::to_bits);
        let key = (sample.key(), time);
        if let Some(first) = seen.get(&key) {
            let text = format!("{} stands in line {first} already", shown(sample));
            found.push((sample.line, text));
        } else {
            seen.insert(key, sample.line);
        }
    }
    found
}

/// A value that the type forbids.
fn value_problem(sample: &Sample, kind: MetricType, suffix: &str) -> Option<String> {
    let counts = match kind {
        MetricType::Counter => matches!(suffix, "" | "_total"),
        MetricType::Histogram => matches!(suffix, "_bucket" | "_count"),
        MetricType::Summary => suffix == "_count",
        _ => false,
    };
    if !counts || sample.value >= 0.0 {
        return None;
    }
    let value = if sample.value.is_nan() {
        "NaN"
    } else {
        "negative"
    };
    Some(format!("{} counts, and is {value}", shown(sample)))
}

/// What is wrong with a histogram.
fn histogram_problems(histogram: &mut Histogram) -> Vec<String> {
    let name = &histogram.shown;
    let mut problems = Vec::new();
    histogram.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let buckets = &histogram.buckets;
    if let Some(pair) = buckets
        .iter()
        .zip(buckets.iter().skip(1))
        .find(|(low, high)| high.1 < low.1)
    {
        let ((low, more), (high, fewer)) = pair;
        problems.push(format!(
            "the buckets of {name} are not cumulative: {more} up to {low}, {fewer} up to {high}"
        ));
    }
    let last = buckets.last().filter(|(edge, _)| *edge == f64::INFINITY);
    match (last, histogram.count) {
        (None, _) => problems.push(format!("{name} has no bucket le=\"+Inf\"")),
        (Some(_), None) => problems.push(format!("{name} has no `_count`")),
        #[expect(clippy::float_cmp, reason = "both are the same count")]
        (Some((_, all)), Some(count)) if *all != count && !all.is_nan() && !count.is_nan() => {
            problems.push(format!(
                "{name} counts {count} observations, its bucket le=\"+Inf\" {all}"
            ));
        }
        _ => {}
    }
    problems
}
