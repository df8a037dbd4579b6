//! Summaries of load tests.

use serde_json::Value;

use super::content::{Load, Moment, Stamp, epoch};
use super::files::{Source, wrong};
use super::json::{list, number, object};
use crate::outcome::Fault;

/// What a parser gives.
type Read = Result<(Stamp, Load), Fault>;

/// A count that a report gives as a number.
fn whole(source: &Source, number: Option<f64>, what: &str) -> Result<u64, Fault> {
    let number = number.filter(|number| *number >= 0.0);
    let number = number.ok_or_else(|| wrong(source, &format!("it has no {what}")))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above; a count"
    )]
    Ok(number as u64)
}

/// Reads the data of k6's `handleSummary`, or its `--summary-export`.
///
/// # Errors
/// When it is broken.
pub(super) fn k6(source: &Source, value: &Value) -> Read {
    let metrics = object(source, value, "/metrics")?;
    let mut load = Load::default();
    // In `handleSummary` the values are one level deeper.
    let inner = |name: &str| {
        let metric = metrics.get(name)?;
        Some(metric.get("values").unwrap_or(metric))
    };
    let value_of = |metric: &str, key: &str| number(inner(metric)?, key);
    load.requests = whole(source, value_of("http_reqs", "/count"), "count of requests")?;
    load.rate = value_of("http_reqs", "/rate");
    let failed = value_of("http_req_failed", "/rate").or(value_of("http_req_failed", "/value"));
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let of_all = |share: f64| share * load.requests as f64;
    load.failed = failed.map(of_all);
    let durations = inner("http_req_duration").and_then(Value::as_object);
    for (key, value) in durations.into_iter().flatten() {
        let percentile = match key.as_str() {
            "med" => Some(50.0),
            _ => key
                .strip_prefix("p(")
                .and_then(|rest| rest.strip_suffix(')'))
                .and_then(|number| number.parse().ok()),
        };
        if let (Some(percentile), Some(millis)) = (percentile, value.as_f64()) {
            load.percentiles.push((percentile, millis));
        }
    }
    for (name, metric) in metrics {
        let thresholds = metric.get("thresholds").and_then(Value::as_object);
        for (threshold, state) in thresholds.into_iter().flatten() {
            // `--summary-export` writes `true` for a threshold that was crossed.
            let crossed = match state {
                Value::Bool(crossed) => *crossed,
                other => other.get("ok").and_then(Value::as_bool) != Some(true),
            };
            if crossed {
                load.crossed.push(format!("{name}: {threshold}"));
            }
        }
    }
    Ok((Stamp::default(), load))
}

/// What oha calls requests that were on their way when time was over.
const CUT_OFF: &str = "aborted due to deadline";

/// Reads the JSON of oha. To it every answer is a success: the statuses are judged here.
///
/// # Errors
/// When it is broken.
pub(super) fn oha(source: &Source, value: &Value) -> Read {
    let mut load = Load::default();
    let (mut answers, mut failed, mut cut_off) = (0.0, 0.0, 0.0);
    for (status, count) in object(source, value, "/statusCodeDistribution")? {
        let count = count.as_f64().unwrap_or_default();
        answers += count;
        if !matches!(status.parse::<u16>(), Ok(200..=399)) {
            failed += count;
        }
    }
    for (error, count) in object(source, value, "/errorDistribution")? {
        let count = count.as_f64().unwrap_or_default();
        if error == CUT_OFF {
            cut_off += count;
        } else {
            answers += count;
            failed += count;
        }
    }
    // A few are always on their way at the end; many are requests that hang.
    if cut_off > answers / 100.0 {
        answers += cut_off;
        failed += cut_off;
    }
    load.requests = whole(source, Some(answers), "count of requests")?;
    load.failed = Some(failed);
    load.rate = number(value, "/summary/requestsPerSec");
    for (key, seconds) in object(source, value, "/latencyPercentiles")? {
        let percentile = key.strip_prefix('p').and_then(|rest| rest.parse().ok());
        if let (Some(percentile), Some(seconds)) = (percentile, seconds.as_f64()) {
            load.percentiles.push((percentile, seconds * 1e3));
        }
    }
    Ok((Stamp::default(), load))
}

/// Reads `locust --json`: response times are counted, so that percentiles follow.
///
/// # Errors
/// When it is broken.
pub(super) fn locust_json(source: &Source, value: &Value) -> Read {
    let mut stamp = Stamp::default();
    let mut times: Vec<(f64, u64)> = Vec::new();
    let (mut requests, mut failed, mut rate) = (0.0, 0.0, 0.0);
    for entry in list(source, value, "")? {
        let of = |key: &str| number(entry, key);
        requests += of("/num_requests")
            .ok_or_else(|| wrong(source, "an entry has no count of requests"))?;
        failed += of("/num_failures")
            .ok_or_else(|| wrong(source, "an entry has no count of failures"))?;
        if let (Some(start), Some(end)) = (of("/start_time"), of("/last_request_timestamp")) {
            stamp.written_at(epoch(end).map(|at| Moment { at, zoned: true }));
            if end > start {
                rate += of("/num_requests").unwrap_or_default() / (end - start);
            }
        }
        for (millis, count) in object(source, entry, "/response_times")? {
            let millis = millis.parse::<f64>().ok();
            let (Some(millis), Some(count)) = (millis, count.as_u64()) else {
                return Err(wrong(source, "a response time is no number"));
            };
            times.push((millis, count));
        }
    }
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: u64 = times.iter().map(|(_, count)| count).sum();
    let load = Load {
        requests: whole(source, Some(requests), "count of requests")?,
        failed: Some(failed),
        rate: (rate > 0.0).then_some(rate),
        percentiles: [50_u64, 90, 95, 99]
            .iter()
            .filter_map(|p| {
                let rank = (total * p).div_ceil(100);
                let mut seen = 0;
                let at = times.iter().find(|(_, count)| {
                    seen += count;
                    seen >= rank && total > 0
                })?;
                #[expect(clippy::cast_precision_loss, reason = "at most 99")]
                Some((*p as f64, at.0))
            })
            .collect(),
        crossed: Vec::new(),
    };
    Ok((stamp, load))
}

/// Reads the `…_stats.csv` of Locust: the row `Aggregated`.
///
/// # Errors
/// When it is broken or has no such row.
pub(super) fn locust_csv(source: &Source) -> Read {
    let content = String::from_utf8_lossy(&source.bytes);
    let mut rows = content.lines().map(fields);
    let header = rows
        .next()
        .ok_or_else(|| wrong(source, "it has no header"))?;
    let row = rows
        .find(|row| row.get(1).is_some_and(|name| name == "Aggregated"))
        .ok_or_else(|| wrong(source, "it has no row `Aggregated`"))?;
    let of = |name: &str| -> Option<f64> {
        let column = header.iter().position(|title| title == name)?;
        row.get(column)?.parse().ok()
    };
    let failed = of("Failure Count");
    let load = Load {
        requests: whole(source, of("Request Count"), "count of requests")?,
        failed,
        rate: of("Requests/s"),
        percentiles: header
            .iter()
            .filter_map(|title| {
                let percentile = title.strip_suffix('%')?.parse().ok()?;
                Some((percentile, of(title)?))
            })
            .collect(),
        crossed: Vec::new(),
    };
    Ok((Stamp::default(), load))
}

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    for character in line.trim_end().chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}
