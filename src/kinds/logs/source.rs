//! Reads a log from where it is, bounded.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::{CommandSource, FileSource, HttpSource, Logs, LokiSource};
use crate::context::Context;
use crate::exchange::{BodyEnd, Request, Response, Session, SessionOptions};
use crate::expect::{Ordered, Secret};
use crate::net::file_fault;
use crate::outcome::{Cause, Fault};
use crate::program::{Program, declared};

/// The path of Loki's range queries.
pub(super) const LOKI_PATH: &str = "/loki/api/v1/query_range";

/// A log as it was read. Holds text: never serialised.
#[derive(Default)]
pub(super) struct Log {
    /// Where it came from.
    pub(super) source: String,
    /// Its lines, oldest first.
    pub(super) text: String,
    /// Whether there is more than was read.
    pub(super) cut: bool,
    /// The newest time that the source itself knows.
    pub(super) newest: Option<Timestamp>,
    /// When the file was last written.
    pub(super) written: Option<Timestamp>,
    /// Permissions of the file.
    pub(super) mode: Option<u32>,
}

/// Reads the log.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn read(spec: &Logs, cx: &Context) -> Result<Log, Fault> {
    let most = spec.max_bytes.0;
    if let Some(source) = &spec.file {
        let (source, path) = (source.clone(), cx.folder.join(&source.path));
        let shown = source.path.display().to_string();
        let reading = tokio::task::spawn_blocking(move || read_file(&source, &path, most));
        return cx
            .within(&shown, reading)
            .await?
            .map_err(|_| Fault::new(Cause::Internal, format!("{shown}: reading failed")))?;
    }
    if let Some(source) = &spec.command {
        return run(source, most, cx).await;
    }
    if let Some(source) = &spec.loki {
        return ask_loki(source, most, cx).await;
    }
    match &spec.http {
        Some(source) => fetch(source, most, cx).await,
        None => Err(Fault::new(Cause::Internal, "no source")),
    }
}

/// Reads the end of a file, and its rotated neighbours.
fn read_file(source: &FileSource, path: &Path, most: u64) -> Result<Log, Fault> {
    let mut log = Log {
        source: source.path.display().to_string(),
        ..Log::default()
    };
    let (bytes, cut) = tail(path, most, &mut log)?;
    let mut parts = vec![bytes];
    log.cut = cut;
    let mut left = most.saturating_sub(parts[0].len() as u64);
    for number in 1..=source.rotated {
        if left == 0 {
            log.cut = true;
            break;
        }
        let Some(bytes) = rotated(path, number, left)? else {
            break;
        };
        left = left.saturating_sub(bytes.len() as u64);
        parts.push(bytes);
    }
    parts.reverse();
    log.text = String::from_utf8_lossy(&parts.concat()).into_owned();
    Ok(log)
}

/// The last whole lines of a file.
fn tail(path: &Path, most: u64, log: &mut Log) -> Result<(Vec<u8>, bool), Fault> {
    let fault = |error: std::io::Error| file_fault(path, &error).code("LOG-54");
    let metadata = std::fs::metadata(path).map_err(fault)?;
    // A pipe would block for ever and a device never ends.
    if !metadata.is_file() {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{} is not a file", path.display()),
        )
        .code("LOG-54")
        .hint("name the file itself, or read the output of a `command`"));
    }
    log.mode = Some(metadata.mode() & 0o7777);
    log.written = metadata
        .modified()
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok());
    let mut file = File::open(path).map_err(fault)?;
    let skip = metadata.len().saturating_sub(most);
    file.seek(SeekFrom::Start(skip)).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(fault)?;
    if skip > 0 {
        drop_half_line(&mut bytes);
    }
    Ok((bytes, skip > 0))
}

/// Drops the first line, whose beginning was not read.
fn drop_half_line(bytes: &mut Vec<u8>) {
    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        bytes.drain(..=end);
    }
}

/// A rotated neighbour; `None` when there is none of this number.
fn rotated(path: &Path, number: u32, left: u64) -> Result<Option<Vec<u8>>, Fault> {
    let name = |end: &str| PathBuf::from(format!("{}.{number}{end}", path.display()));
    let plain = name("");
    if plain.is_file() {
        return tail(&plain, left, &mut Log::default()).map(|(bytes, _)| Some(bytes));
    }
    let packed = name(".gz");
    if !packed.is_file() {
        return Ok(None);
    }
    let fault = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::InvalidInput
        | std::io::ErrorKind::UnexpectedEof
        | std::io::ErrorKind::InvalidData => Fault::new(
            Cause::Unparseable,
            format!("{} is damaged", packed.display()),
        )
        .code("LOG-54")
        .hint("see whether the rotation was interrupted"),
        _ => file_fault(&packed, &error).code("LOG-54"),
    };
    let file = File::open(&packed).map_err(fault)?;
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(file)
        .take(left)
        .read_to_end(&mut bytes)
        .map_err(fault)?;
    Ok(Some(bytes))
}

/// Keeps the last whole lines of a text.
fn keep_tail(mut bytes: Vec<u8>, most: u64) -> (String, bool) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let cut = bytes.len() > most;
    if cut {
        bytes.drain(..bytes.len() - most);
        drop_half_line(&mut bytes);
    }
    (String::from_utf8_lossy(&bytes).into_owned(), cut)
}

/// Runs a program and reads what it prints.
async fn run(source: &CommandSource, most: u64, cx: &Context) -> Result<Log, Fault> {
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
        .code("LOG-54")
        .hint("run the program by hand and see why it fails"));
    }
    let (text, cut) = keep_tail(ran.stdout, most);
    Ok(Log {
        source: format!("`{name}`"),
        text,
        cut,
        ..Log::default()
    })
}

/// Sends a GET and requires a whole answer.
pub(super) async fn get(
    url: Url,
    headers: &Ordered<Secret>,
    most: u64,
    cx: &Context,
) -> Result<Response, Fault> {
    let mut request = Request::get(url);
    request.max_body = most;
    for (name, value) in headers.iter() {
        cx.redactor.add(value.expose());
        request.header(name, value.expose())?;
    }
    Session::new(cx, &SessionOptions::default())?
        .send(cx, &request)
        .await
}

/// A URL.
pub(super) fn parse(url: &str) -> Result<Url, Fault> {
    Url::parse(url).map_err(|_| {
        Fault::new(Cause::Unparseable, "the URL cannot be read")
            .hint("write it like `http://host:3100`")
    })
}

/// The body of a complete answer with status 200.
fn body(response: Response, what: &str) -> Result<Vec<u8>, Fault> {
    let wrong = match (response.status, &response.end) {
        (200, BodyEnd::Complete) => return Ok(response.body),
        (200, BodyEnd::Capped) => {
            return Err(Fault::new(
                Cause::TooLarge,
                format!("{what} answers with more than `max_bytes`"),
            )
            .code("LOG-54")
            .hint("ask for fewer lines, or allow more bytes"));
        }
        (200, end) => format!("{what} answers incompletely: {end:?}"),
        (status, _) => format!("{what} answers with status {status}"),
    };
    let cause = if matches!(response.status, 401 | 403) {
        Cause::Auth
    } else {
        Cause::Protocol
    };
    Err(Fault::new(cause, wrong)
        .code("LOG-54")
        .hint("correct the address, the query and the credentials"))
}

/// Fetches a log as text.
async fn fetch(source: &HttpSource, most: u64, cx: &Context) -> Result<Log, Fault> {
    let what = super::shown(&source.url);
    let response = get(parse(&source.url)?, &source.headers, most, cx).await?;
    let html = response
        .header("content-type")
        .is_some_and(|kind| kind.contains("text/html"));
    let bytes = body(response, &what)?;
    if html {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{what} answers with a page, not with a log"),
        )
        .code("LOG-54")
        .hint("name the address of the raw log; a login page answers like this"));
    }
    Ok(Log {
        source: what,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        ..Log::default()
    })
}

/// Asks Loki for the newest lines.
async fn ask_loki(source: &LokiSource, most: u64, cx: &Context) -> Result<Log, Fault> {
    let what = format!("Loki at {}", super::shown(&source.url));
    let mut url = parse(&source.url)?;
    url.set_path(&format!("{}{LOKI_PATH}", url.path().trim_end_matches('/')));
    // The present, not the beginning of the audit: a probe may have been sent since.
    let now = Timestamp::now().as_nanosecond();
    let start = now.saturating_sub(i128::try_from(source.since.0.as_nanos()).unwrap_or(i128::MAX));
    url.query_pairs_mut()
        .append_pair("query", &source.query)
        .append_pair("start", &start.to_string())
        .append_pair("end", &now.to_string())
        .append_pair("limit", &source.limit.to_string())
        .append_pair("direction", "backward");
    let bytes = body(get(url, &source.headers, most, cx).await?, &what)?;
    let wrong = || {
        Fault::new(
            Cause::Unparseable,
            format!("{what} does not answer like Loki"),
        )
        .code("LOG-54")
        .hint("name the address without path; the query must select log lines, not a metric")
    };
    let answer: Value = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if answer.pointer("/data/resultType").and_then(Value::as_str) != Some("streams") {
        return Err(wrong());
    }
    let streams = answer
        .pointer("/data/result")
        .and_then(Value::as_array)
        .ok_or_else(wrong)?;
    let mut lines: Vec<(i128, &str)> = Vec::new();
    for stream in streams {
        for entry in stream
            .get("values")
            .and_then(Value::as_array)
            .ok_or_else(wrong)?
        {
            let at = entry
                .get(0)
                .and_then(Value::as_str)
                .and_then(|at| at.parse().ok());
            let (Some(at), Some(line)) = (at, entry.get(1).and_then(Value::as_str)) else {
                return Err(wrong());
            };
            lines.push((at, line));
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    Ok(Log {
        source: what,
        cut: lines.len() as u64 >= u64::from(source.limit),
        newest: lines
            .last()
            .and_then(|(at, _)| Timestamp::from_nanosecond(*at).ok()),
        text: lines
            .iter()
            .map(|(_, line)| *line)
            .collect::<Vec<_>>()
            .join("\n"),
        ..Log::default()
    })
}
