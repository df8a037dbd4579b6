//! A service's memory, from its own metrics.

use url::Url;

use super::run::add_headers;
use super::spec::Memory;
use crate::context::Context;
use crate::exchange::{BodyEnd, Request, Session};
use crate::outcome::{Cause, Fault};

/// Bytes of metrics that are read at most.
const BODY: u64 = 8 << 20;

/// What the metrics said at one moment.
#[derive(Debug)]
pub(super) struct Reading {
    /// Bytes in use.
    pub(super) bytes: f64,
    /// When the process started, in seconds since 1970; `None` when it does not say.
    pub(super) started: Option<f64>,
}

/// Reads the metrics once.
pub(super) async fn read(
    cx: &Context,
    session: &Session,
    url: &Option<Url>,
    wanted: &Memory,
) -> Result<Reading, Fault> {
    let url = url.clone().ok_or_else(|| {
        Fault::new(
            Cause::Unparseable,
            "the address of the metrics is not on the same host as `url`",
        )
    })?;
    let mut request = Request::get(url);
    request.max_body = BODY;
    add_headers(&mut request, &wanted.headers)?;
    let what = request.what();
    let response = session.send(cx, &request).await?;
    if response.status != 200 {
        let fault = Fault::new(
            Cause::Denied,
            format!("{what} is answered {}: no memory to read", response.status),
        );
        return Err(fault.hint("correct `memory.url`, or give a credential in `memory.headers`"));
    }
    if response.end != BodyEnd::Complete {
        return Err(Fault::new(
            Cause::TooLarge,
            format!("{what}: the metrics are too large or broken off"),
        ));
    }
    let text = response.text();
    let bytes = sum(&text, &wanted.metric).filter(|bytes| *bytes > 0.0);
    Ok(Reading {
        bytes: bytes.ok_or_else(|| {
            Fault::new(
                Cause::Missing,
                format!("{what} has no usable value of `{}`", wanted.metric),
            )
            .hint("export the process metrics of the client library, or name another gauge in `memory.metric`")
        })?,
        started: sum(&text, "process_start_time_seconds"),
    })
}

/// The sum of a metric's series in Prometheus text format; `None` without any, or when one is no
/// finite number.
pub(super) fn sum(text: &str, metric: &str) -> Option<f64> {
    let mut total: Option<f64> = None;
    for line in text.lines() {
        let Some(rest) = line.strip_prefix(metric) else {
            continue;
        };
        let value = match rest.chars().next() {
            Some('{') => rest.rsplit_once('}').map_or("", |(_, value)| value),
            Some(' ' | '\t') => rest,
            _ => continue,
        };
        let value: f64 = value.split_whitespace().next()?.parse().ok()?;
        if !value.is_finite() {
            return None;
        }
        total = Some(total.unwrap_or_default() + value);
    }
    total
}
