//! Looks: sends what the check says and writes down what comes back.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use url::{Host, Url};

use super::body;
use super::facts::{Document, Exchange, Exposure, Facts, WHOLE_BODY};
use super::redirects::{self, Followed, Jar, Outgoing};
use super::spec::{Expect, Resolve};
use super::template::Values;
use super::{Call, Http, MAX_ADDRESSES, judge};
use crate::context::Context;
use crate::exchange::{Request, Response, Session, cut};
use crate::net::dns_fault;
use crate::outcome::{Cause, Fault};
use crate::redact::looks_secret;

/// Independent requests that are under way at the same time.
const AT_ONCE: usize = 4;
/// Time that must at least be left for another sample.
const ENOUGH: Duration = Duration::from_millis(50);

/// Looks at everything the check names.
///
/// # Errors
/// When nothing answered at all, or a step of a journey got no answer.
pub(super) async fn observe(http: &Http, cx: &Context) -> Result<Facts, Fault> {
    let pins = addresses(http, cx).await?;
    let mut exchanges = Vec::new();
    if http.steps.is_empty() {
        // All at once: a dead address must not take the time of the others.
        let asked = pins
            .into_iter()
            .map(|pin| independent(http, cx, pin).boxed());
        for of_address in join_all(asked.collect::<Vec<_>>()).await {
            exchanges.extend(of_address?);
        }
    } else {
        for pin in pins {
            let session = http.session(cx, pin)?;
            journeys(http, cx, &session, pin, &mut exchanges).await?;
        }
    }
    if exchanges.iter().all(|exchange| exchange.fault.is_some()) {
        let first = exchanges.into_iter().find_map(|exchange| exchange.fault);
        return Err(first.unwrap_or_else(|| Fault::new(Cause::Internal, "nothing was asked")));
    }
    let session = http.session(cx, None)?;
    let missing_page = if http.missing_page {
        Some(extra(http, cx, &session, &http.missing_path()).await)
    } else {
        None
    };
    let asked = http
        .exposed_paths()
        .into_iter()
        .map(|path| exposure(http, cx, &session, path).boxed());
    let exposed = stream::iter(asked.collect::<Vec<_>>())
        .buffered(AT_ONCE)
        .collect()
        .await;
    let behind = match http.behind_url() {
        Some(url) => Some(extra(http, cx, &session, &url).await),
        None => None,
    };
    Ok(Facts {
        exchanges,
        missing_page,
        exposed,
        behind,
    })
}

impl Http {
    /// How much of each body is kept: all of them together stay within bounds.
    fn room(&self) -> usize {
        let samples = usize::try_from(self.samples).unwrap_or(1).max(1);
        (WHOLE_BODY / samples).max(8 * 1024)
    }

    /// A session with the options of the check.
    fn session(&self, cx: &Context, pin: Option<IpAddr>) -> Result<Session, Fault> {
        Session::trusting(cx, self.ca_file.as_ref(), self.allow_link_local, pin)
    }

    /// The URL to ask behind the CDN: the path of `url` at the base given.
    pub(super) fn behind_url(&self) -> Option<String> {
        let behind = self.expect.security.as_ref()?.behind.as_ref()?;
        let url = Url::parse(&self.url).ok()?;
        let base = Url::parse(behind).ok()?;
        base.join(&url[url::Position::BeforePath..])
            .ok()
            .map(String::from)
    }
}

/// The addresses to ask; `None` stands for whichever the client picks.
async fn addresses(http: &Http, cx: &Context) -> Result<Vec<Option<IpAddr>>, Fault> {
    if !http.addresses.is_empty() {
        return Ok(http.addresses.iter().copied().map(Some).collect());
    }
    let url = Url::parse(&http.url).ok();
    let Some(Host::Domain(host)) = url.as_ref().and_then(Url::host) else {
        return Ok(vec![None]);
    };
    if http.resolve == Resolve::Any {
        return Ok(vec![None]);
    }
    let found = cx
        .within(
            &format!("the resolver for {host}"),
            tokio::net::lookup_host((host, 0)),
        )
        .await?
        .map_err(|error| dns_fault(host, &error.to_string()))?;
    let mut list: Vec<IpAddr> = found.map(|socket| socket.ip()).collect();
    list.sort();
    list.dedup();
    list.truncate(MAX_ADDRESSES as usize);
    if list.is_empty() {
        return Err(dns_fault(host, "no address"));
    }
    Ok(list.into_iter().map(Some).collect())
}

/// Sends every request, each as often as asked, whatever the others gave. Several at once, so that
/// one that hangs does not take the time of the others.
async fn independent(
    http: &Http,
    cx: &Context,
    pin: Option<IpAddr>,
) -> Result<Vec<Exchange>, Fault> {
    let session = &http.session(cx, pin)?;
    let calls = http.calls();
    let mut under_way: Vec<BoxFuture<'_, Vec<Exchange>>> = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        under_way.push(samples(http, cx, session, pin, index, call).boxed());
    }
    let of_calls: Vec<Vec<Exchange>> = stream::iter(under_way).buffered(AT_ONCE).collect().await;
    Ok(of_calls.into_iter().flatten().collect())
}

/// Sends one request as often as asked, one after the other.
async fn samples(
    http: &Http,
    cx: &Context,
    session: &Session,
    pin: Option<IpAddr>,
    index: usize,
    call: &Call<'_>,
) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    let mut slowest = Duration::ZERO;
    for sample in 0..http.samples {
        let mut exchange = blank(call, index, sample, pin);
        if sample > 0 && !pause(http, cx, slowest).await {
            exchange.fault = Some(late());
            exchanges.push(exchange);
            break;
        }
        let values = Values::literal();
        let (started, waited) = (Instant::now(), cx.waited.time());
        match perform(http, cx, session, call, &values, &mut Jar::default()).await {
            Ok(followed) => {
                record(&mut exchange, followed, call.expect, cx, http.room());
            }
            Err(fault) => exchange.fault = Some(fault),
        }
        slowest = slowest.max(of_target(started, waited, cx));
        exchanges.push(exchange);
    }
    exchanges
}

/// The time since then without what a rate limiter asked for.
fn of_target(started: Instant, waited: Duration, cx: &Context) -> Duration {
    let meanwhile = cx.waited.time().saturating_sub(waited);
    started.elapsed().saturating_sub(meanwhile)
}

/// Waits between two samples. Whether there is time for another one: twice that of the slowest so
/// far, or our own deadline would look like a fault of the target.
async fn pause(http: &Http, cx: &Context, slowest: Duration) -> bool {
    if cx.remaining() < http.pause.0 + ENOUGH.max(slowest * 2) {
        return false;
    }
    tokio::time::sleep(http.pause.0).await;
    true
}

/// The fault of a sample for which there was no time.
fn late() -> Fault {
    Fault::new(
        Cause::Deadline,
        "the time of the check was over before every sample was sent",
    )
    .hint("raise `timeout:` of the check, or ask for fewer samples")
}

/// Walks the steps, each walk with its own cookies and values, until one of them fails.
async fn journeys(
    http: &Http,
    cx: &Context,
    session: &Session,
    pin: Option<IpAddr>,
    exchanges: &mut Vec<Exchange>,
) -> Result<(), Fault> {
    let calls = http.calls();
    let mut slowest = Duration::ZERO;
    for sample in 0..http.samples {
        if sample > 0 && !pause(http, cx, slowest).await {
            return Err(late());
        }
        let (started, waited) = (Instant::now(), cx.waited.time());
        let mut jar = Jar::default();
        let mut values = Values::default();
        for (index, call) in calls.iter().enumerate() {
            let mut exchange = blank(call, index, sample, pin);
            let followed = perform(http, cx, session, call, &values, &mut jar)
                .await
                .map_err(|fault| Fault {
                    message: format!(
                        "step {} of {}, {}: {}",
                        index + 1,
                        calls.len(),
                        call.name,
                        fault.message
                    ),
                    ..fault
                })?;
            let response = record(&mut exchange, followed, call.expect, cx, http.room());
            if let Some(captures) = call.capture {
                exchange.not_captured = values.take(captures, &response, |name| jar.get(name), cx);
            }
            let stop = !judge::is_green(call, &exchange, cx.now);
            exchanges.push(exchange);
            if stop {
                break;
            }
        }
        slowest = slowest.max(of_target(started, waited, cx));
    }
    Ok(())
}

/// Sends one request of the check.
async fn perform(
    http: &Http,
    cx: &Context,
    session: &Session,
    call: &Call<'_>,
    values: &Values,
    jar: &mut Jar,
) -> Result<Followed, Fault> {
    let outgoing = outgoing(http, cx, call, values)?;
    redirects::send(session, cx, outgoing, http.follow_redirects, jar).await
}

/// Builds the request: values filled in, credentials added and made known to the redactor.
fn outgoing(
    http: &Http,
    cx: &Context,
    call: &Call<'_>,
    values: &Values,
) -> Result<Outgoing, Fault> {
    let filled = values.fill(&call.url)?;
    let url = Url::parse(&filled)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| {
            Fault::new(
                Cause::Unparseable,
                format!("`{}` gives no http URL", call.url),
            )
            .hint("a path begins with `/`, a URL with `https://`")
        })?;
    let mut request = Request::new(call.method.0.clone(), url);
    request.max_body = http.max_body.0;
    request.patient = !call.expect.wants_429();
    for (name, value) in &call.headers {
        let value = values.fill(value.expose())?;
        if looks_secret(name) {
            cx.redactor.add(&value);
        }
        request.header(name, &value)?;
    }
    if let Some(auth) = call.auth {
        auth.apply(&mut request, cx, |text| values.fill(text))?;
    }
    if let Some(payload) = call.json {
        let value = values.fill_json(&payload.0)?;
        request.body = Some(value.to_string().into_bytes());
        if !request.headers.contains_key(CONTENT_TYPE) {
            request.header("content-type", "application/json")?;
        }
    } else if let Some(text) = call.body {
        request.body = Some(values.fill(text.expose())?.into_bytes());
    }
    let mut cookies = Vec::new();
    for (name, value) in &call.cookies {
        let value = values.fill(value.expose())?;
        cx.redactor.add(&value);
        cookies.push(((*name).to_owned(), value));
    }
    Ok(Outgoing { request, cookies })
}

/// An exchange before it happened.
fn blank(call: &Call<'_>, index: usize, sample: u32, pin: Option<IpAddr>) -> Exchange {
    Exchange {
        call: index,
        name: call.name.clone(),
        sample,
        address: pin.map(|address| address.to_string()),
        ..Exchange::default()
    }
}

/// Writes down an answer: whatever the expectations read, and not more.
fn record(
    exchange: &mut Exchange,
    followed: Followed,
    expect: &Expect,
    cx: &Context,
    room: usize,
) -> Response {
    let response = followed.response;
    exchange.at = Timestamp::now();
    exchange.hops = followed.hops;
    exchange.redirects = followed.end;
    exchange.latency_ms = followed.latency_ms;
    let text = response.text();
    exchange.json = document(&response, expect, cx, room);
    if expect.no_leaks {
        exchange.leaks = body::leaks(&text, |secret| cx.redactor.add(secret));
    }
    if expect.security.as_ref().is_some_and(|s| s.no_mixed_content) {
        exchange.resources = body::resources(&text);
    }
    if expect.body.is_some() || expect.health.0.is_some() {
        exchange.text = Some(cut(&text, room).to_owned());
        if text.len() > room {
            let matcher = expect.body.as_ref();
            exchange.long_text_matches = matcher.map(|m| m.check_text(Some(&text)).is_ok());
        }
    }
    exchange.response = Some(response.facts());
    response
}

/// The body as JSON, when it says that it is or an expectation reads it so.
fn document(response: &Response, expect: &Expect, cx: &Context, room: usize) -> Document {
    let content_type = response.header("content-type").unwrap_or_default();
    let says_json = content_type.to_ascii_lowercase().contains("json");
    let may_be = expect.health.0.is_some() && response.body.trim_ascii_start().starts_with(b"{");
    if !says_json && !may_be && !expect.needs_json() {
        return Document::None;
    }
    if response.body.is_empty() && !expect.needs_json() {
        return Document::None;
    }
    let (value, duplicate) = match body::parse_json(&response.body) {
        Ok(parsed) => parsed,
        Err(why) => return Document::Invalid(why),
    };
    hide_tokens(&value, cx);
    if response.body.len() <= room {
        return Document::Whole { value, duplicate };
    }
    let mut paths = Vec::new();
    for path in expect.json_paths() {
        let found = path.select(&value);
        let size: usize = found.iter().map(|item| item.to_string().len()).sum();
        // A part of the values would be judged as if it were all of them: keep all or none.
        if size <= room {
            paths.push((path.to_string(), found.into_iter().cloned().collect()));
        }
    }
    Document::Selected { paths, duplicate }
}

/// Values that a response hands out as credentials (`access_token`) must not be shown.
fn hide_tokens(value: &Value, cx: &Context) {
    match value {
        Value::Object(map) => {
            for (key, item) in map {
                match item {
                    Value::String(text)
                        if looks_secret(key)
                            && text.len() >= 16
                            && text.chars().any(|c| c.is_ascii_digit()) =>
                    {
                        cx.redactor.add(text);
                    }
                    _ => hide_tokens(item, cx),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| hide_tokens(item, cx)),
        _ => {}
    }
}

/// A request besides those of the check, with the same credentials when it stays at home.
async fn extra(http: &Http, cx: &Context, session: &Session, url: &str) -> Exchange {
    let main = http.calls();
    let Some(first) = main.first() else {
        return Exchange {
            fault: Some(Fault::new(Cause::Internal, "nothing was asked")),
            ..Exchange::default()
        };
    };
    let at_home = super::same_origin(&http.url, url);
    let call = Call {
        name: String::new(),
        url: url.to_owned(),
        method: &super::forms::GET,
        headers: if at_home {
            first.headers.clone()
        } else {
            Vec::new()
        },
        auth: first.auth.filter(|_| at_home),
        cookies: Vec::new(),
        body: None,
        json: None,
        capture: None,
        expect: first.expect,
    };
    let mut exchange = blank(&call, 0, 0, None);
    let sent = match outgoing(http, cx, &call, &Values::literal()) {
        Ok(outgoing) => redirects::send(session, cx, outgoing, 0, &mut Jar::default()).await,
        Err(fault) => Err(fault),
    };
    match sent {
        Ok(followed) => {
            let response = record(&mut exchange, followed, call.expect, cx, http.room());
            exchange.leaks = body::leaks(&response.text(), |secret| cx.redactor.add(secret));
        }
        Err(fault) => exchange.fault = Some(fault),
    }
    exchange
}

/// Asks for something that must not be public, as anybody would: without credentials. The body is
/// looked at and dropped: it may be full of secrets.
async fn exposure(http: &Http, cx: &Context, session: &Session, path: String) -> Exposure {
    let url = http.joined(&path);
    let sent = match Url::parse(&url) {
        Ok(url) => session.send(cx, &Request::get(url)).await,
        Err(_) => Err(Fault::new(Cause::Unparseable, format!("`{url}` is no URL"))),
    };
    match sent {
        Ok(response) => {
            let content_type = response
                .header("content-type")
                .unwrap_or_default()
                .to_owned();
            Exposure {
                genuine: body::is_genuine(&path, &content_type, &response.text()),
                path,
                status: Some(response.status),
                fault: None,
            }
        }
        Err(fault) => Exposure {
            path,
            status: None,
            genuine: false,
            fault: Some(fault),
        },
    }
}
