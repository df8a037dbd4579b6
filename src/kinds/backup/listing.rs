//! Lists of backups as JSON, from a program or a file.

use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::facts::{Facts, Item};
use super::spec::{CommandSource, Fields, ReportSource};
use super::time::{of_json, zone_of};
use crate::context::Context;
use crate::expect::JsonPath;
use crate::net::file_fault;
use crate::outcome::{Cause, Fault};
use crate::program::{Program, declared};

/// The longest report that is read.
const MAX_REPORT: u64 = 64 << 20;
/// States of finished backups, unless the profile names others.
const COMPLETE: [&str; 8] = [
    "available",
    "complete",
    "completed",
    "done",
    "finished",
    "ok",
    "success",
    "succeeded",
];

/// Runs the program and reads its list.
///
/// # Errors
/// When it cannot be run, fails, or prints no list.
pub(super) async fn of_command(source: &CommandSource, cx: &Context) -> Result<Facts, Fault> {
    let name = source.argv.first().cloned().unwrap_or_default();
    let ran = Program {
        argv: source.argv.clone(),
        cwd: source
            .cwd
            .as_ref()
            .map_or_else(|| cx.folder.clone(), |cwd| cx.folder.join(cwd)),
        env: declared(&source.env),
    }
    .run(cx)
    .await?;
    if ran.code != Some(0) {
        return Err(Fault::new(
            Cause::Protocol,
            format!("`{name}` {}: {}", ran.ended(), ran.complaint()),
        )
        .hint("run the program by hand and see why it fails"));
    }
    let document = parse(&ran.stdout, &format!("the output of `{name}`"))?;
    read(&document, &source.fields, &format!("`{name}`"))
}

/// Reads the list of a file.
///
/// # Errors
/// When it cannot be read or holds no list.
pub(super) async fn of_report(source: &ReportSource, cx: &Context) -> Result<Facts, Fault> {
    let document = load(&source.file, cx).await?;
    read(&document, &source.fields, &source.file)
}

/// Loads a JSON file.
///
/// # Errors
/// When it cannot be read, is too long, or is not JSON.
pub(super) async fn load(file: &str, cx: &Context) -> Result<Value, Fault> {
    let bytes = load_bytes(&cx.folder.join(file), cx).await?;
    parse(&bytes, file)
}

/// Loads a file of limited length.
///
/// # Errors
/// When it cannot be read or is too long.
pub(super) async fn load_bytes(path: &Path, cx: &Context) -> Result<Vec<u8>, Fault> {
    use tokio::io::AsyncReadExt as _;
    let shown = path.display().to_string();
    cx.within(&shown, async {
        let metadata = tokio::fs::metadata(path).await?;
        if !metadata.is_file() {
            return Err(std::io::ErrorKind::IsADirectory.into());
        }
        let file = tokio::fs::File::open(path).await?;
        let mut bytes = Vec::new();
        file.take(MAX_REPORT + 1).read_to_end(&mut bytes).await?;
        Ok(bytes)
    })
    .await?
    .map_err(|error: std::io::Error| file_fault(path, &error))
    .and_then(|bytes| {
        if bytes.len() as u64 > MAX_REPORT {
            return Err(Fault::new(
                Cause::TooLarge,
                format!("{shown} is longer than {} MiB", MAX_REPORT >> 20),
            ));
        }
        Ok(bytes)
    })
}

/// Parses JSON.
///
/// # Errors
/// When it is none, naming where it came from.
pub(super) fn parse(bytes: &[u8], what: &str) -> Result<Value, Fault> {
    serde_json::from_slice(bytes).map_err(|error| {
        Fault::new(Cause::Unparseable, format!("{what} is not JSON: {error}"))
            .hint("see whether the program was asked for JSON, and whether its output was cut")
    })
}

/// Reads a list by the fields the profile names.
fn read(document: &Value, fields: &Fields, source: &str) -> Result<Facts, Fault> {
    let unusable = |message: String| Fault::new(Cause::Internal, message);
    let zone = match fields.time_zone.as_deref() {
        Some(name) => Some(zone_of(Some(name)).map_err(|(_, message, _)| unusable(message))?),
        None => None,
    };
    let mut facts = Facts {
        source: source.to_owned(),
        ..Facts::default()
    };
    let default = |path: &Option<JsonPath>, text: &str| match path {
        Some(path) => Ok(path.clone()),
        None => JsonPath::new(text).map_err(unusable),
    };
    let list = default(&fields.list, "$[*]")?;
    if fields.list.is_none() && !document.is_array() {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{source} gives JSON that is not a list"),
        )
        .hint("say with `fields.list` where the list is, for example `$.backups[*]`"));
    }
    let paths = [
        default(&fields.name, "$.name")?,
        default(&fields.time, "$.time")?,
        default(&fields.size, "$.size")?,
    ];
    for (index, entry) in list.select(document).into_iter().enumerate() {
        let item = item(entry, fields, &paths, zone.as_ref(), index);
        if !item.unfinished.is_empty() {
            facts.incomplete.push(item);
        } else if item.time.is_none() {
            facts.undated.push(item.name);
        } else {
            facts.backups.push(item);
        }
    }
    Ok(facts)
}

/// Reads one entry.
fn item(
    entry: &Value,
    fields: &Fields,
    [name, time, size]: &[JsonPath; 3],
    zone: Option<&TimeZone>,
    index: usize,
) -> Item {
    let first = |path: &JsonPath| path.select(entry).into_iter().next();
    let text = |path: &Option<JsonPath>| path.as_ref().and_then(first).and_then(plain);
    let flag = |path: &Option<JsonPath>| path.as_ref().and_then(first).and_then(truth);
    let mut unfinished = String::new();
    if let Some(path) = &fields.state {
        let state = first(path).and_then(plain).unwrap_or_default();
        let complete = if fields.complete_states.is_empty() {
            COMPLETE
                .iter()
                .any(|known| known.eq_ignore_ascii_case(&state))
        } else {
            fields.complete_states.contains(&state)
        };
        if !complete {
            unfinished = if state.is_empty() {
                "no state is given".to_owned()
            } else {
                format!("its state is {state}")
            };
        }
    }
    Item {
        name: first(name)
            .and_then(plain)
            .unwrap_or_else(|| format!("entry {}", index + 1)),
        series: text(&fields.set).unwrap_or_default(),
        time: first(time).and_then(|value| of_json(value, zone)),
        size: first(size).and_then(bytes),
        kind: text(&fields.kind),
        depends_on: fields
            .depends_on
            .as_ref()
            .map(|path| path.select(entry).into_iter().flat_map(names).collect())
            .unwrap_or_default(),
        unfinished,
        error: flag(&fields.error),
        encrypted: flag(&fields.encrypted),
        immutable: flag(&fields.immutable),
        location: text(&fields.location),
        ..Item::default()
    }
}

/// Names in a text or in a list of texts.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().filter_map(plain).collect(),
        other => plain(other).into_iter().collect(),
    }
}

/// A scalar as text.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A number of bytes, as number or text.
fn bytes(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Yes or no, however it is written; anything else is neither.
fn truth(value: &Value) -> Option<bool> {
    match plain(value)?.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "enabled" | "locked" => Some(true),
        "false" | "no" | "off" | "0" | "disabled" | "none" | "unlocked" => Some(false),
        _ => None,
    }
}
