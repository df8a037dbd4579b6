//! An earlier run, out of the JSON report of its audit.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::facts::{End, Facts};
use super::series::Series;
use super::spec::Baseline;
use crate::context::Context;
use crate::net::file_fault;
use crate::outcome::{Cause, Fault};

/// Largest report that is read.
const LARGEST: u64 = 64 << 20;

/// The series of the earlier run, by the names of its requests.
pub(super) async fn read(
    cx: &Context,
    wanted: &Baseline,
) -> Result<BTreeMap<String, Series>, Fault> {
    let path = cx.folder.join(&wanted.report);
    let check = wanted.check.clone().unwrap_or_else(|| cx.check.clone());
    let reading = tokio::task::spawn_blocking(move || series_of(&path, &check));
    cx.within("reading the baseline", reading)
        .await?
        .map_err(|error| Fault::new(Cause::Internal, format!("reading ended early: {error}")))?
}

/// Reads the report and finds the check in it.
fn series_of(path: &Path, check: &str) -> Result<BTreeMap<String, Series>, Fault> {
    let shown = path.display();
    let about = std::fs::metadata(path).map_err(|error| file_fault(path, &error))?;
    if !about.is_file() {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{shown} is not a file"),
        ));
    }
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text))
        .map_err(|error| file_fault(path, &error))?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LARGEST) {
        return Err(Fault::new(
            Cause::TooLarge,
            format!("{shown} is larger than any report"),
        ));
    }
    let unusable = |why: &str| {
        Fault::new(Cause::Unparseable, format!("{shown} is no baseline: {why}"))
            .hint("store the report of a good run: `readyctl audit --report json=PATH`")
    };
    let report: Value =
        serde_json::from_str(&text).map_err(|_| unusable("it is not the JSON of a report"))?;
    let found = report
        .get("checks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|entry| entry.get("id").and_then(Value::as_str) == Some(check))
        .ok_or_else(|| unusable(&format!("it has no check `{check}`")))?;
    let facts = found.get("facts").cloned().unwrap_or_default();
    let facts: Facts = serde_json::from_value(facts)
        .map_err(|_| unusable(&format!("`{check}` measured no load in it")))?;
    if facts.end != End::Complete {
        return Err(unusable("its run was ended early"));
    }
    Ok(facts
        .entries
        .into_iter()
        .map(|entry| (entry.name, entry.counted))
        .collect())
}
