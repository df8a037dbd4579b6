//! One HTTP exchange: sends a request under a deadline, reads the body up to a cap, and tells what
//! came back and how long it took. Shared by every kind that looks at HTTP.
//!
//! A [`Session`] has its own connections, so that the first request of a check is a cold one and
//! one check cannot warm up another.

use std::collections::HashSet;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::write::MultiGzDecoder;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Method, Url};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use crate::context::Context;
use crate::net::{self, TlsOptions};
use crate::outcome::{Cause, Fault};
use crate::pace;
use crate::redact::{MASK, looks_secret};

/// Largest body read unless a check says otherwise.
pub(crate) const MAX_BODY: u64 = 1 << 20;
/// Longest piece of a body that is shown as evidence, in bytes.
pub(crate) const EXCERPT: usize = 2048;
/// Longest header value kept as evidence, in bytes.
const MAX_HEADER: usize = 8192;
/// Time kept back so that the fault of the inner wait is told, not that of the whole check.
const MARGIN: Duration = Duration::from_millis(20);

/// How a session connects.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionOptions {
    /// Trust.
    pub(crate) tls: TlsOptions,
    /// Whether metadata services and other link-local neighbours may be asked.
    pub(crate) allow_link_local: bool,
    /// Connect to this address whatever the name resolves to; proxies are not used then.
    pub(crate) pin: Option<IpAddr>,
    /// Idle connections kept for each host; `None` for the few that an ordinary check needs.
    pub(crate) idle: Option<usize>,
}

/// Connections of one observation: no redirects, no cookies, nothing decoded behind our back.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The client with its own pool.
    client: reqwest::Client,
    /// See [`SessionOptions::allow_link_local`].
    allow_link_local: bool,
    /// Origins asked before: the next request there may reuse a connection.
    met: Arc<Mutex<HashSet<String>>>,
}

/// What to send.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The method.
    pub(crate) method: Method,
    /// The absolute URL.
    pub(crate) url: Url,
    /// Headers besides `User-Agent`, `Accept` and `Accept-Encoding`, which are set unless given.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Option<Vec<u8>>,
    /// Decoded bytes of the answer's body that are read at most.
    pub(crate) max_body: u64,
    /// Whether it is sent again when a rate limiter refuses it and asks for a short wait: not where
    /// the refusal is what is looked for.
    pub(crate) patient: bool,
}

impl Request {
    /// A request without headers and body.
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            max_body: MAX_BODY,
            patient: true,
        }
    }

    /// A GET.
    pub(crate) fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Adds a header line; lines of the same name are kept.
    ///
    /// # Errors
    /// Cause `unparseable` when name or value cannot be sent; the value is not shown.
    pub(crate) fn header(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        let wrong = |what: &str| {
            Fault::new(
                Cause::Unparseable,
                format!("{what} of the header `{name}` cannot be sent"),
            )
            .hint("names are letters, digits and dashes; values hold no line breaks")
        };
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("the name"))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong("the value"))?;
        value.set_sensitive(true);
        self.headers.append(key, value);
        Ok(())
    }

    /// `GET https://host/path`: what messages call this request. Queries may hold secrets and are
    /// left out.
    pub(crate) fn what(&self) -> String {
        format!("{} {}", self.method, shown_url(&self.url))
    }
}

/// A URL without user, password, query and fragment.
pub(crate) fn shown_url(url: &Url) -> String {
    let mut shown = url.clone();
    let _cannot_be_base = shown.set_username("");
    let _cannot_be_base = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.into()
}

/// How the body of an answer ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BodyEnd {
    /// Read to its end.
    Complete,
    /// Larger than the cap; the rest was not read.
    Capped,
    /// The time ran out before it was complete.
    Stalled,
    /// Shorter than announced, or its encoding is broken; the text says how.
    Broken(String),
}

/// What came back. The headers and the body may hold secrets: never serialise this, but
/// [`Response::facts`].
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// The method that was sent.
    pub(crate) method: Method,
    /// The URL that was asked.
    pub(crate) url: Url,
    /// The address that answered.
    pub(crate) address: Option<SocketAddr>,
    /// The status code.
    pub(crate) status: u16,
    /// `HTTP/1.1`.
    pub(crate) version: String,
    /// Every header line, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body after decoding, at most `max_body` bytes.
    pub(crate) body: Vec<u8>,
    /// How the body ended.
    pub(crate) end: BodyEnd,
    /// From sending (connecting included when cold) until the headers were there.
    pub(crate) first_byte: Duration,
    /// Until the body was complete.
    pub(crate) total: Duration,
    /// Whether this was the session's first request to this origin, so that connecting counts.
    pub(crate) cold: bool,
}

/// [`Response`] as evidence: bounded, secrets masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResponseFacts {
    /// The method that was sent.
    pub(crate) method: String,
    /// The URL that was asked.
    pub(crate) url: String,
    /// The address that answered.
    pub(crate) address: Option<String>,
    /// The status code.
    pub(crate) status: u16,
    /// `HTTP/1.1`.
    pub(crate) version: String,
    /// Every header line, names in lower case; values of secrets and cookies are masked.
    pub(crate) headers: Vec<(String, String)>,
    /// The beginning of the body as text.
    pub(crate) excerpt: String,
    /// Decoded bytes of the body that were read.
    pub(crate) size: u64,
    /// How the body ended.
    pub(crate) end: BodyEnd,
    /// Milliseconds until the headers were there.
    pub(crate) first_byte_ms: u64,
    /// Milliseconds until the body was complete.
    pub(crate) total_ms: u64,
    /// Whether a new connection was made for it.
    pub(crate) cold: bool,
}

impl Session {
    /// Opens a session. Nothing is sent yet.
    ///
    /// # Errors
    /// When the certificate file cannot be used.
    pub(crate) fn new(cx: &Context, options: &SessionOptions) -> Result<Self, Fault> {
        let resolver = Guarded {
            allow_link_local: options.allow_link_local,
            pin: options.pin,
        };
        let mut builder = net::client_builder(&options.tls)?
            // Less than the whole, so that a dead address is told from a silent server.
            .connect_timeout(cx.remaining().mul_f32(0.8).max(MARGIN))
            .pool_max_idle_per_host(options.idle.unwrap_or(8))
            .dns_resolver(Arc::new(resolver))
            .no_gzip();
        if options.pin.is_some() {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| Fault::new(Cause::Internal, format!("no HTTP client: {error}")))?;
        Ok(Self {
            client,
            allow_link_local: options.allow_link_local,
            met: Arc::default(),
        })
    }

    /// A session that trusts the authority a check names besides the system's; an empty path names
    /// none.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub(crate) fn trusting(
        cx: &Context,
        ca_file: Option<&PathBuf>,
        allow_link_local: bool,
        pin: Option<IpAddr>,
    ) -> Result<Self, Fault> {
        let ca_file = ca_file
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| cx.folder.join(path));
        let tls = TlsOptions { ca_file };
        Self::new(
            cx,
            &SessionOptions {
                tls,
                allow_link_local,
                pin,
                idle: None,
            },
        )
    }

    /// Sends one request and reads the answer, at most until the deadline of the observation. When a
    /// rate limiter refuses it and asks for a short wait, it is sent again after that.
    ///
    /// Trouble after the headers is not a fault but told by [`Response::end`].
    ///
    /// # Errors
    /// When there is no answer. A server that accepts the connection and stays silent has the code
    /// `HTTP-14`.
    pub(crate) async fn send(&self, cx: &Context, request: &Request) -> Result<Response, Fault> {
        let origin = request.url.origin().ascii_serialization();
        let mut turn = cx.pace.turn(&cx.waited, &origin).await;
        loop {
            let end = cx.end();
            let deadline = end.checked_sub(MARGIN).unwrap_or(end);
            let response = self.send_before(deadline, request).await?;
            let wait = pace::asked_wait(response.status, response.header("retry-after"))
                .filter(|_| request.patient);
            match wait {
                Some(wait) if turn.again(wait).await => {}
                _ => return Ok(response),
            }
        }
    }

    /// [`Session::send`] with a deadline of the caller's.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub(crate) async fn send_before(
        &self,
        deadline: Instant,
        request: &Request,
    ) -> Result<Response, Fault> {
        let what = request.what();
        self.refuse_link_local(&request.url)?;
        let origin = request.url.origin().ascii_serialization();
        let cold = self.met.lock().is_ok_and(|mut met| met.insert(origin));
        let built = self.build(request);
        let started = Instant::now();
        let answer = timeout_at(deadline, self.client.execute(built))
            .await
            .map_err(|_| silent(&what, started.elapsed()))?
            .map_err(|error| connect_fault(&what, started.elapsed(), &error))?;
        let first_byte = started.elapsed();
        let mut response = Response {
            method: request.method.clone(),
            url: request.url.clone(),
            address: answer.remote_addr(),
            status: answer.status().as_u16(),
            version: format!("{:?}", answer.version()),
            headers: header_list(answer.headers()),
            body: Vec::new(),
            end: BodyEnd::Complete,
            first_byte,
            total: first_byte,
            cold,
        };
        read_body(&mut response, answer, deadline, request.max_body).await;
        response.total = started.elapsed();
        Ok(response)
    }

    /// Turns our request into reqwest's.
    fn build(&self, request: &Request) -> reqwest::Request {
        let mut built = reqwest::Request::new(request.method.clone(), request.url.clone());
        let headers = built.headers_mut();
        headers.clone_from(&request.headers);
        headers
            .entry(ACCEPT)
            .or_insert(HeaderValue::from_static("*/*"));
        headers
            .entry(ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static("gzip"));
        if let Some(body) = &request.body {
            *built.body_mut() = Some(body.clone().into());
        }
        built
    }

    /// Literal addresses never reach the resolver, so they are looked at here.
    fn refuse_link_local(&self, url: &Url) -> Result<(), Fault> {
        let address = match url.host() {
            Some(url::Host::Ipv4(v4)) => IpAddr::V4(v4),
            Some(url::Host::Ipv6(v6)) => IpAddr::V6(v6),
            _ => return Ok(()),
        };
        if self.allow_link_local || !net::is_link_local(plain(address)) {
            Ok(())
        } else {
            Err(link_local_fault(&shown_url(url)))
        }
    }
}

impl Response {
    /// The first line of a header; the name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        first_header(&self.headers, name)
    }

    /// Every line of a header.
    pub(crate) fn header_lines(&self, name: &str) -> Vec<&str> {
        header_lines(&self.headers, name)
    }

    /// The body as text, invalid bytes replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What may leave the process.
    pub(crate) fn facts(&self) -> ResponseFacts {
        ResponseFacts {
            method: self.method.to_string(),
            url: self.url.to_string(),
            address: self.address.map(|address| address.to_string()),
            status: self.status,
            version: self.version.clone(),
            headers: masked_headers(&self.headers),
            excerpt: excerpt(&self.body),
            size: self.body.len() as u64,
            end: self.end.clone(),
            first_byte_ms: millis(self.first_byte),
            total_ms: millis(self.total),
            cold: self.cold,
        }
    }
}

impl ResponseFacts {
    /// The first line of a header; the name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        first_header(&self.headers, name)
    }

    /// Every line of a header.
    pub(crate) fn header_lines(&self, name: &str) -> Vec<&str> {
        header_lines(&self.headers, name)
    }
}

/// The first line of a header.
fn first_header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Every line of a header.
fn header_lines<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    headers
        .iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect()
}

/// Header lines as text; bytes that are not UTF-8 are replaced.
fn header_list(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

/// Header lines without the values of cookies and credentials.
pub(crate) fn masked_headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let shown = if name == "set-cookie" {
                masked_cookie(value)
            } else if looks_secret(name) {
                MASK.to_owned()
            } else {
                cut(value, MAX_HEADER).to_owned()
            };
            (name.clone(), shown)
        })
        .collect()
}

/// A Set-Cookie line without its value; the attributes stay. An empty value is no secret.
fn masked_cookie(line: &str) -> String {
    let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let value = if value.is_empty() { "" } else { MASK };
    if attributes.is_empty() {
        format!("{name}={value}")
    } else {
        format!("{name}={value};{attributes}")
    }
}

/// The beginning of a body as text.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT + 4)]).into_owned();
    cut(&text, EXCERPT).to_owned()
}

/// At most `limit` bytes of a text, cut between characters.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    let end = text.floor_char_boundary(limit);
    &text[..end]
}

/// Whole milliseconds, rounded up so that a limit is never kept by rounding; saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// Reads the body as it arrives, decoding gzip, until it ends, is too large or the time is over.
async fn read_body(
    response: &mut Response,
    mut answer: reqwest::Response,
    deadline: Instant,
    max_body: u64,
) {
    let encoding = answer
        .headers()
        .get(CONTENT_ENCODING)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    let gzip = matches!(encoding.as_deref(), Some("gzip" | "x-gzip"));
    let mut sink = Sink::new(gzip, max_body);
    response.end = loop {
        match timeout_at(deadline, answer.chunk()).await {
            Err(_) => break BodyEnd::Stalled,
            Ok(Err(error)) => break BodyEnd::Broken(innermost(&error)),
            Ok(Ok(None)) => break sink.finish(),
            Ok(Ok(Some(chunk))) => {
                if let Some(end) = sink.push(&chunk) {
                    break end;
                }
            }
        }
    };
    response.body = sink.into_body();
    if let Some(encoding) = encoding.filter(|name| !gzip && name != "identity" && !name.is_empty())
    {
        // Whatever is looked for in these bytes would not be found: never call them fine.
        let why = format!(
            "it is encoded as {}, which was not asked for",
            cut(&encoding, 40)
        );
        response.end = BodyEnd::Broken(why);
    }
}

/// The words of the deepest error.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    text
}

/// Collects a body up to a cap; the cap counts decoded bytes, so that a small gzip body cannot
/// unfold without bound.
enum Sink {
    /// Bytes as they come.
    Plain(Capped),
    /// Through a gzip decoder.
    Gzip(Box<MultiGzDecoder<Capped>>, bool),
}

/// A buffer that refuses to grow beyond its cap.
struct Capped {
    /// What fits.
    bytes: Vec<u8>,
    /// How much fits.
    cap: usize,
    /// Whether something did not.
    full: bool,
}

impl std::io::Write for Capped {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let room = self.cap - self.bytes.len();
        self.bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            self.full = true;
            return Err(std::io::Error::other("larger than the cap"));
        }
        Ok(data.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Sink {
    /// An empty one.
    fn new(gzip: bool, cap: u64) -> Self {
        let capped = Capped {
            bytes: Vec::new(),
            cap: usize::try_from(cap).unwrap_or(usize::MAX),
            full: false,
        };
        if gzip {
            Self::Gzip(Box::new(MultiGzDecoder::new(capped)), false)
        } else {
            Self::Plain(capped)
        }
    }

    /// Takes a piece; says how the body ended when no more may follow.
    fn push(&mut self, chunk: &[u8]) -> Option<BodyEnd> {
        let (written, full) = match self {
            Self::Plain(capped) => (capped.write_all(chunk), capped.full),
            Self::Gzip(decoder, any) => {
                *any |= !chunk.is_empty();
                (decoder.write_all(chunk), decoder.get_ref().full)
            }
        };
        match written {
            Ok(()) => None,
            Err(_) if full => Some(BodyEnd::Capped),
            Err(_) => Some(BodyEnd::Broken(NOT_GZIP.to_owned())),
        }
    }

    /// The end was reached: gzip must be complete. A body of no bytes at all (HEAD, 304) is none.
    fn finish(&mut self) -> BodyEnd {
        match self {
            Self::Plain(_) | Self::Gzip(_, false) => BodyEnd::Complete,
            Self::Gzip(decoder, true) => match decoder.try_finish() {
                Ok(()) => BodyEnd::Complete,
                Err(_) if decoder.get_ref().full => BodyEnd::Capped,
                Err(_) => BodyEnd::Broken(NOT_GZIP.to_owned()),
            },
        }
    }

    /// What was collected.
    fn into_body(self) -> Vec<u8> {
        match self {
            Self::Plain(capped) => capped.bytes,
            Self::Gzip(mut decoder, _) => std::mem::take(&mut decoder.get_mut().bytes),
        }
    }
}

/// Why a body that claims to be gzip cannot be decoded.
const NOT_GZIP: &str = "the gzip data is damaged or cut off";

/// Resolves names and refuses link-local answers: a name may point at a metadata service.
struct Guarded {
    /// Whether link-local answers are fine.
    allow_link_local: bool,
    /// The only answer, if given.
    pin: Option<IpAddr>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.allow_link_local;
        let pin = self.pin;
        Box::pin(async move {
            let mut found: Vec<SocketAddr> = match pin {
                Some(address) => vec![SocketAddr::new(address, 0)],
                None => tokio::net::lookup_host((name.as_str(), 0)).await?.collect(),
            };
            if !allow {
                found.retain(|socket| !net::is_link_local(plain(socket.ip())));
                if found.is_empty() {
                    return Err(LinkLocalOnly.into());
                }
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The IPv4 address inside an IPv4-mapped IPv6 address.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// A name that resolves to link-local addresses only.
#[derive(Debug, thiserror::Error)]
#[error("link-local addresses only")]
struct LinkLocalOnly;

/// The fault of a target that a profile has no business probing.
fn link_local_fault(what: &str) -> Fault {
    Fault::new(
        Cause::NotAllowed,
        format!("{what} is a link-local address, where clouds keep their metadata services"),
    )
    .hint("set `allow_link_local: true` if this is really what should be asked")
}

/// The fault of a server that accepted the connection and never answered.
fn silent(what: &str, after: Duration) -> Fault {
    let after = crate::expect::TimeSpan(after);
    Fault::new(
        Cause::Timeout,
        format!("{what}: the connection stands, but no answer came within {after}"),
    )
    .code("HTTP-14")
    .hint("see whether the service is overloaded or waits for something; `timeout:` of the check allows more time")
}

/// The fault of a request that got no answer.
fn connect_fault(what: &str, after: Duration, error: &reqwest::Error) -> Fault {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if current.is::<LinkLocalOnly>() {
            return link_local_fault(what);
        }
        source = current.source();
    }
    if error.is_dns() {
        return net::dns_fault(what, &innermost(error));
    }
    if error.is_timeout() && error.is_connect() {
        let after = crate::expect::TimeSpan(after);
        return Fault::new(
            Cause::Timeout,
            format!("{what}: no connection within {after}"),
        )
        .hint("a firewall may drop the packets, or the host is down; `timeout:` of the check allows more time");
    }
    net::http_fault(what, error)
}

#[cfg(test)]
pub(crate) mod tests;
