//! A service's memory, from its own metrics.

use url::Url;

use super::run::add_headers;
use super::spec::Memory;
use crate::context::Context;
use crate::exchange::Session;
use crate::exposition::{self, Exposition};
use crate::outcome::{Cause, Fault};

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
    let mut request = exposition::request(url, exposition::MAX_BODY)?;
    add_headers(&mut request, &wanted.headers)?;
    let what = request.what();
    let scraped = exposition::scrape(session, cx, &request).await?;
    let page = scraped.metrics()?;
    let bytes = sum(page, &wanted.metric).filter(|bytes| *bytes > 0.0);
    Ok(Reading {
        bytes: bytes.ok_or_else(|| {
            Fault::new(
                Cause::Missing,
                format!("{what} has no usable value of `{}`", wanted.metric),
            )
            .hint("export the process metrics of the client library, or name another gauge in `memory.metric`")
        })?,
        started: sum(page, "process_start_time_seconds"),
    })
}

/// The sum of a metric's series; `None` without any, or when one is no finite number.
pub(super) fn sum(page: &Exposition, metric: &str) -> Option<f64> {
    let mut values = page
        .samples
        .iter()
        .filter(|sample| sample.name == metric)
        .map(|sample| sample.value)
        .peekable();
    values.peek()?;
    let total: f64 = values.sum();
    total.is_finite().then_some(total)
}
