//! Fetching a page of metrics the way a collector does.

use url::Url;

use super::{Exposition, Format, MAX_SAMPLES, parse};
use crate::context::Context;
use crate::exchange::{BodyEnd, Request, Response, Session};
use crate::expect::ByteSize;
use crate::outcome::{Cause, Fault};

/// Largest page read unless a check says otherwise.
pub(crate) const MAX_BODY: u64 = 8 << 20;

/// What a collector says it accepts.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// What an endpoint answered.
#[derive(Debug)]
pub(crate) struct Scrape {
    /// The answer; its body is the page.
    pub(crate) response: Response,
    /// What the page is.
    pub(crate) content: Content,
}

/// What a page is.
#[derive(Debug)]
pub(crate) enum Content {
    /// Metrics, with or without problems.
    Metrics(Exposition),
    /// Something else; the text says what.
    Other(String),
}

impl Scrape {
    /// The metrics.
    ///
    /// # Errors
    /// Cause `unparseable` with code `MET-01` when the answer is something else.
    pub(crate) fn metrics(&self) -> Result<&Exposition, Fault> {
        match &self.content {
            Content::Metrics(page) => Ok(page),
            Content::Other(what) => Err(Fault::new(
                Cause::Unparseable,
                format!(
                    "{} gives no metrics: {what}",
                    crate::exchange::shown_url(&self.response.url)
                ),
            )
            .code("MET-01")
            .hint("point `url` at the page that Prometheus scrapes, usually `/metrics`")),
        }
    }
}

/// The request a collector would send; credentials can be added to it.
///
/// # Errors
/// Never in practice: the header is a constant.
pub(crate) fn request(url: Url, max_body: u64) -> Result<Request, Fault> {
    let mut request = Request::get(url);
    request.max_body = max_body;
    request.header("accept", ACCEPT)?;
    Ok(request)
}

/// Sends the request and reads the page.
///
/// # Errors
/// When there is no answer, when it stalls, and when it is larger than `max_body` or than
/// [`MAX_SAMPLES`]: a part of a page must not be judged as if it were the whole.
pub(crate) async fn scrape(
    session: &Session,
    cx: &Context,
    request: &Request,
) -> Result<Scrape, Fault> {
    let response = session.send(cx, request).await?;
    let what = request.what();
    let content = match &response.end {
        BodyEnd::Capped => {
            let size = ByteSize(request.max_body);
            return Err(Fault::new(
                Cause::TooLarge,
                format!("{what}: the page is larger than {size}"),
            )
            .hint("raise `max_body`, and see which family is so large"));
        }
        BodyEnd::Stalled => {
            return Err(Fault::new(Cause::Timeout, format!("{what}: the page stopped half way"))
                .hint("see whether collecting takes too long; `timeout:` of the check allows more time"));
        }
        BodyEnd::Broken(why) => Content::Other(format!("the page is cut off or damaged: {why}")),
        BodyEnd::Complete => content(&response),
    };
    if let Content::Metrics(page) = &content
        && page.dropped > 0
    {
        return Err(Fault::new(
            Cause::TooLarge,
            format!("{what}: more than {MAX_SAMPLES} samples"),
        )
        .hint("this is too much for one target: look for labels with unbounded values"));
    }
    Ok(Scrape { response, content })
}

/// Tells metrics from web pages, JSON, binary formats and nothing.
fn content(response: &Response) -> Content {
    let kind = response
        .header("content-type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    if !(200..300).contains(&response.status) {
        return Content::Other(format!("status {}", response.status));
    }
    if kind.contains("protobuf") {
        return Content::Other("it is written in protobuf, which was not asked for".to_owned());
    }
    let start = response.body.trim_ascii_start();
    let lower: Vec<u8> = start.iter().take(15).map(u8::to_ascii_lowercase).collect();
    if kind.starts_with("text/html")
        || lower.starts_with(b"<!doctype")
        || lower.starts_with(b"<html")
    {
        return Content::Other("it is a web page".to_owned());
    }
    if start.is_empty() {
        return Content::Other("it is empty".to_owned());
    }
    if serde_json::from_slice::<serde_json::Value>(start).is_ok_and(|json| !json.is_number()) {
        return Content::Other("it is JSON".to_owned());
    }
    let format = if kind.starts_with("application/openmetrics-text") {
        Format::OpenMetrics
    } else {
        Format::Prometheus
    };
    let page = parse(&response.body, format);
    if page.samples.is_empty() && page.problems.is_empty() {
        return Content::Other("it has no sample".to_owned());
    }
    if page.samples.is_empty()
        && page
            .problems
            .iter()
            .any(|p| p.broken == super::Broken::Syntax)
    {
        let first = page
            .problems
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        return Content::Other(format!("no line of it is a sample ({first})"));
    }
    Content::Metrics(page)
}
