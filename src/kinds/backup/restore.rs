//! The record of the last restore test.

use jiff::Timestamp;
use serde_json::Value;

use super::facts::RestoreRecord;
use super::listing::{load_bytes, plain};
use super::series::CLOCK_SKEW;
use super::spec::RestoreTest;
use super::time::of_json;
use crate::context::Context;
use crate::expect::{JsonPath, TimeSpan};
use crate::outcome::{Cause, Fault, Finding};

/// Results that are good.
const GOOD: [&str; 8] = [
    "ok",
    "pass",
    "passed",
    "success",
    "succeeded",
    "successful",
    "true",
    "restored",
];

/// Reads the record.
///
/// # Errors
/// When there is a file that may not be read.
pub(super) async fn observe(test: &RestoreTest, cx: &Context) -> Result<RestoreRecord, Fault> {
    let bytes = match load_bytes(&cx.folder.join(&test.file), cx).await {
        Ok(bytes) => bytes,
        // Nobody wrote a record: that is an answer.
        Err(fault) if fault.cause == Cause::Missing => return Ok(RestoreRecord::Absent),
        Err(fault) => return Err(fault),
    };
    Ok(read(&String::from_utf8_lossy(&bytes), test))
}

/// Reads an object, a list or lines; the newest record counts.
fn read(text: &str, test: &RestoreTest) -> RestoreRecord {
    let records: Vec<Value> = match serde_json::from_str(text) {
        Ok(Value::Array(list)) => list,
        Ok(one) => vec![one],
        Err(error) => {
            let lines: Option<Vec<Value>> = text
                .lines()
                .filter(|line| !line.trim().is_empty())
                .map(|line| serde_json::from_str(line).ok())
                .collect();
            match lines {
                Some(lines) if lines.len() > 1 => lines,
                _ => return RestoreRecord::Unreadable(format!("it is not JSON: {error}")),
            }
        }
    };
    let first = |record: &Value, path: &Option<JsonPath>, default: &str| -> Option<Value> {
        let nodes = match path {
            Some(path) => path.select(record).into_iter().next().cloned(),
            None => record.get(default).cloned(),
        };
        nodes.filter(|node| !node.is_null())
    };
    let newest = records
        .iter()
        .filter(|record| record.is_object())
        .map(|record| {
            (
                first(record, &test.time, "time").and_then(|value| of_json(&value, None)),
                record,
            )
        })
        .max_by_key(|(time, _)| *time);
    let Some((time, record)) = newest else {
        return RestoreRecord::Unreadable("it holds no record".to_owned());
    };
    RestoreRecord::Read {
        time,
        result: first(record, &test.result, "result")
            .as_ref()
            .and_then(plain),
        seconds: first(record, &test.duration, "duration_seconds")
            .as_ref()
            .and_then(plain)
            .and_then(|text| text.parse().ok()),
    }
}

/// Judges the record.
pub(super) fn judge(
    test: &RestoreTest,
    record: &RestoreRecord,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    let subject = "restore test";
    let wanted = format!("successful, at most {} ago", test.max_age);
    let (time, result, seconds) = match record {
        RestoreRecord::Absent => {
            findings.push(Finding::fail(
                "BAK-19",
                subject,
                wanted,
                "no record",
                format!("no restore was ever recorded: {} does not exist", test.file),
            ));
            return;
        }
        RestoreRecord::Unreadable(why) => {
            findings.push(
                Finding::fail(
                    "BAK-19",
                    subject,
                    wanted,
                    "an unreadable record",
                    format!("{} cannot be understood: {why}", test.file),
                )
                .as_unknown(),
            );
            return;
        }
        RestoreRecord::Read {
            time,
            result,
            seconds,
        } => (time, result, seconds),
    };
    let shown_result = result.as_deref().unwrap_or("no result");
    let Some(time) = *time else {
        findings.push(Finding::fail(
            "BAK-19",
            subject,
            wanted,
            format!("{shown_result}, without a time"),
            format!(
                "the record in {} does not say when the restore was tested",
                test.file
            ),
        ));
        return;
    };
    let age = now.duration_since(time);
    let shown = format!("{shown_result}, {}", super::judge::ago(time, now));
    let too_old = age.unsigned_abs() > test.max_age.0;
    let problem = if age < -CLOCK_SKEW {
        Some("the restore test is dated in the future")
    } else if !GOOD
        .iter()
        .any(|good| good.eq_ignore_ascii_case(shown_result))
    {
        Some("the last restore test did not succeed")
    } else if too_old && age.is_positive() {
        Some("the last successful restore test is too long ago")
    } else {
        None
    };
    findings.push(match problem {
        Some(problem) => Finding::fail("BAK-19", subject, wanted, shown, problem),
        None => Finding::pass(subject, wanted, shown),
    });
    if let Some(limit) = test.max_duration {
        findings.push(duration(limit, *seconds));
    }
}

/// Judges how long the restore took.
fn duration(limit: TimeSpan, seconds: Option<f64>) -> Finding {
    let wanted = format!("at most {limit}");
    let subject = "restore time";
    let taken = seconds
        .and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok())
        .map(TimeSpan);
    match taken {
        None => Finding::fail(
            "BAK-52",
            subject,
            wanted,
            "not recorded",
            "the record does not say how long the restore took",
        )
        .as_unknown(),
        Some(taken) if taken > limit => Finding::fail(
            "BAK-52",
            subject,
            wanted,
            taken.to_string(),
            "restoring takes longer than allowed",
        ),
        Some(taken) => Finding::pass(subject, wanted, taken.to_string()),
    }
}
