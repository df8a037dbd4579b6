//! Sends a request and follows redirects: every hop is recorded, credentials never change origin.

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE};
use reqwest::{Method, Url};

use super::facts::{Hop, RedirectEnd};
use crate::context::Context;
use crate::exchange::{Request, Response, Session, masked_headers, millis};
use crate::outcome::Fault;
use crate::redact::looks_secret;

/// Cookies collected on the way. Each belongs to the host that set it.
#[derive(Clone, Default)]
pub(super) struct Jar(Vec<Cookie>);

/// A cookie and where it may go.
#[derive(Clone)]
struct Cookie {
    /// The host that set it.
    host: String,
    /// Its name.
    name: String,
    /// Its value.
    value: String,
    /// Whether it may go over https only.
    secure: bool,
}

impl Jar {
    /// Takes over the cookies of an answer; an expired one is removed.
    fn absorb(&mut self, response: &Response, cx: &Context) {
        let Some(host) = response.url.host_str() else {
            return;
        };
        for line in response.header_lines("set-cookie") {
            let mut parts = line.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            let (name, value) = (name.trim(), value.trim());
            let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
            let gone = attributes
                .iter()
                .filter_map(|a| a.strip_prefix("max-age="))
                .any(|age| age.trim().parse::<i64>().is_ok_and(|age| age <= 0));
            self.0.retain(|c| !(c.host == host && c.name == name));
            if value.len() >= 16 {
                // Shorter ones are settings ("theme=dark") whose masking would make reports unreadable.
                cx.redactor.add(value);
            }
            if !gone && !value.is_empty() {
                self.0.push(Cookie {
                    host: host.to_owned(),
                    name: name.to_owned(),
                    value: value.to_owned(),
                    secure: attributes.iter().any(|a| a == "secure"),
                });
            }
        }
    }

    /// The value of a cookie, whoever set it.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0
            .iter()
            .rev()
            .find(|c| c.name == name)
            .map(|c| c.value.clone())
    }

    /// The pairs for a `Cookie` header to this URL, over those given by the profile.
    fn pairs(&self, url: &Url, given: &[(String, String)]) -> Vec<(String, String)> {
        let mut pairs = given.to_vec();
        for cookie in &self.0 {
            if Some(cookie.host.as_str()) != url.host_str()
                || (cookie.secure && url.scheme() != "https")
            {
                continue;
            }
            pairs.retain(|(name, _)| *name != cookie.name);
            pairs.push((cookie.name.clone(), cookie.value.clone()));
        }
        pairs
    }
}

/// What came of following.
pub(super) struct Followed {
    /// Redirects on the way.
    pub(super) hops: Vec<Hop>,
    /// Why it ended.
    pub(super) end: RedirectEnd,
    /// The last answer.
    pub(super) response: Response,
    /// Time until its last byte, all hops together, in milliseconds.
    pub(super) latency_ms: u64,
}

/// A request with the cookies the profile gives.
pub(super) struct Outgoing {
    /// The request, without `Cookie`.
    pub(super) request: Request,
    /// Cookies of the profile.
    pub(super) cookies: Vec<(String, String)>,
}

/// Sends, and follows at most `limit` redirects.
///
/// # Errors
/// When one of the hops gives no answer; the message names it.
pub(super) async fn send(
    session: &Session,
    cx: &Context,
    outgoing: Outgoing,
    limit: u32,
    jar: &mut Jar,
) -> Result<Followed, Fault> {
    let Outgoing {
        mut request,
        mut cookies,
    } = outgoing;
    let mut hops = Vec::new();
    let mut asked: Vec<(Method, Url)> = Vec::new();
    let mut total = std::time::Duration::ZERO;
    loop {
        set_cookies(&mut request, jar, &cookies)?;
        asked.push((request.method.clone(), request.url.clone()));
        let response = session.send(cx, &request).await?;
        total += response.total;
        jar.absorb(&response, cx);
        let target = target_of(&response);
        hide_query(target.as_ref(), cx);
        let end = match &target {
            None => Some(RedirectEnd::Arrived),
            Some(_) if limit == 0 => Some(RedirectEnd::Arrived),
            Some(url) if !matches!(url.scheme(), "http" | "https") => {
                Some(RedirectEnd::NotFollowed)
            }
            Some(url) if loops(&asked, &next_method(&request, &response), url, &response) => {
                Some(RedirectEnd::Loop)
            }
            Some(_) if hops.len() >= limit as usize => Some(RedirectEnd::TooMany),
            Some(url) => next(&mut request, &mut cookies, &response, url),
        };
        if let Some(end) = end {
            return Ok(Followed {
                hops,
                end,
                latency_ms: millis(total),
                response,
            });
        }
        hops.push(hop(&response, &request.url));
    }
}

/// Whether going there again would give the same: asked before, and nothing new was learned.
fn loops(asked: &[(Method, Url)], method: &Method, url: &Url, response: &Response) -> bool {
    // A page that sets a cookie and points at itself is no loop the first time.
    let times = asked
        .iter()
        .filter(|(m, u)| m == method && u == url)
        .count();
    let allowed = usize::from(response.header("set-cookie").is_some());
    times > allowed
}

/// Where a redirect points, absolute; `None` for any other answer.
pub(super) fn target_of(response: &Response) -> Option<Url> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    response.url.join(response.header("location")?).ok()
}

/// The method of the next hop.
fn next_method(request: &Request, response: &Response) -> Method {
    let keeps = matches!(response.status, 307 | 308)
        || matches!(request.method, Method::GET | Method::HEAD)
        || (response.status != 303 && request.method != Method::POST);
    if keeps {
        request.method.clone()
    } else {
        Method::GET
    }
}

/// Turns the request into the next one. Says why not, when it may not be sent.
fn next(
    request: &mut Request,
    cookies: &mut Vec<(String, String)>,
    response: &Response,
    url: &Url,
) -> Option<RedirectEnd> {
    let method = next_method(request, response);
    let leaves = url.origin() != request.url.origin();
    if leaves && !matches!(method, Method::GET | Method::HEAD) {
        return Some(RedirectEnd::NotFollowed);
    }
    if method != request.method || leaves {
        request.body = None;
        request.headers.remove(CONTENT_TYPE);
        request.headers.remove(CONTENT_LENGTH);
    }
    if leaves {
        // Any header of the profile may be a credential.
        request.headers.clear();
        cookies.clear();
    }
    request.method = method;
    request.url = url.clone();
    None
}

/// Makes tokens in the query of a redirect's target (`?code=…`) known to the redactor.
fn hide_query(target: Option<&Url>, cx: &Context) {
    for (name, value) in target.into_iter().flat_map(Url::query_pairs) {
        let secret = looks_secret(&name)
            || matches!(
                &*name,
                "code" | "state" | "ticket" | "sig" | "signature" | "nonce"
            );
        if secret && value.len() >= 12 {
            cx.redactor.add(&value);
        }
    }
}

/// Sets the `Cookie` header.
fn set_cookies(request: &mut Request, jar: &Jar, given: &[(String, String)]) -> Result<(), Fault> {
    request.headers.remove(COOKIE);
    let pairs = jar.pairs(&request.url, given);
    if pairs.is_empty() {
        return Ok(());
    }
    let line: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    request.header("cookie", &line.join("; "))
}

/// The record of a hop.
fn hop(response: &Response, next: &Url) -> Hop {
    let set_cookie = masked_headers(&response.headers)
        .into_iter()
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, value)| value)
        .collect();
    Hop {
        url: response.url.to_string(),
        status: response.status,
        location: next.to_string(),
        set_cookie,
    }
}
