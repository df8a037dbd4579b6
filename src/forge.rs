//! Reading the REST API of a code host: bounded requests and pages, rate limits honoured, and the
//! token sent to the declared host and to no other.

use std::sync::Mutex;

use jiff::Timestamp;
use reqwest::Url;
use serde_json::Value;

use crate::context::Context;
use crate::exchange::{BodyEnd, Request, Response, Session, SessionOptions, shown_url};
use crate::expect::Secret;
use crate::kinds::SpecProblem;
use crate::net::TlsOptions;
use crate::outcome::{Cause, Fault};

/// Entries asked for in one page: what both hosts allow at most.
pub(crate) const PER_PAGE: &str = "100";
/// Most pages of one list; a longer one is an error, never half a list.
pub(crate) const MAX_PAGES: u32 = 10;
/// Most redirects of one request: a renamed repository has one.
const MAX_HOPS: usize = 3;
/// Largest page.
const MAX_BODY: u64 = 8 << 20;

/// How a host differs from the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Its name in messages.
    pub(crate) name: &'static str,
    /// The header that carries the token, and what stands before it.
    pub(crate) token_header: (&'static str, &'static str),
    /// Headers of every request.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// The headers that say how many requests are left, and when there are more.
    pub(crate) limit_headers: (&'static str, &'static str),
    /// Code of "may not look".
    pub(crate) denied: &'static str,
    /// Code of "asked too much".
    pub(crate) limited: &'static str,
}

/// The API as one observation sees it.
pub(crate) struct Api<'a> {
    /// Deadline and redactor.
    cx: &'a Context,
    /// Connections.
    session: Session,
    /// Where the API begins.
    base: Url,
    /// The token, if any.
    token: Option<&'a Secret>,
    /// The host's ways.
    dialect: Dialect,
    /// When there are requests again, once none is left.
    exhausted: Mutex<Option<String>>,
}

impl<'a> Api<'a> {
    /// Opens the API at `base`.
    ///
    /// # Errors
    /// When the address or the token cannot be used.
    pub(crate) fn open(
        cx: &'a Context,
        dialect: Dialect,
        base: &str,
        token: Option<&'a Secret>,
        ca_file: Option<&str>,
    ) -> Result<Self, Fault> {
        if let Some(token) = token {
            if token.expose().trim().is_empty() {
                return Err(Fault::new(Cause::Auth, format!("the token for {} is empty", dialect.name))
                    .code(dialect.denied)
                    .hint("give the variable that holds it a value, or leave `token` out for what everybody may see"));
            }
            cx.redactor.add(token.expose());
        }
        let base = Url::parse(base).map_err(|_| {
            Fault::new(Cause::Unparseable, "the `api_url` is no URL").hint("write it with https://")
        })?;
        let options = SessionOptions {
            tls: TlsOptions {
                ca_file: ca_file
                    .filter(|path| !path.is_empty())
                    .map(|path| cx.folder.join(path)),
            },
            ..SessionOptions::default()
        };
        Ok(Self {
            session: Session::new(cx, &options)?,
            cx,
            base,
            token,
            dialect,
            exhausted: Mutex::default(),
        })
    }

    /// The URL of a resource; each segment may hold any character.
    fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Url, Fault> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Fault::new(Cause::Unparseable, "the `api_url` has no path"))?
            .pop_if_empty()
            .extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// One resource; `None` when the host says that there is none (or that this token may not know).
    ///
    /// # Errors
    /// When it could not look.
    pub(crate) async fn get(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<Value>, Fault> {
        match self.ask(self.url(segments, query)?).await? {
            Answer::Found(value, _) => Ok(Some(value)),
            Answer::Missing(_) => Ok(None),
        }
    }

    /// One resource that must exist.
    ///
    /// # Errors
    /// When it does not, or it could not look.
    pub(crate) async fn must(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Value, Fault> {
        let url = self.url(segments, query)?;
        match self.ask(url.clone()).await? {
            Answer::Found(value, _) => Ok(value),
            Answer::Missing(why) => Err(self.missing(&url, &why)),
        }
    }

    /// One resource, or what the host says instead when there is none.
    ///
    /// # Errors
    /// When it could not look.
    pub(crate) async fn get_or_why(
        &self,
        segments: &[&str],
    ) -> Result<Result<Value, String>, Fault> {
        Ok(match self.ask(self.url(segments, &[])?).await? {
            Answer::Found(value, _) => Ok(value),
            Answer::Missing(why) => Err(why),
        })
    }

    /// A whole list, every page of it. `key` names the field that holds the entries, if any.
    ///
    /// # Errors
    /// When it is not there, is longer than ten pages, is shorter than it says, or could not be read.
    pub(crate) async fn list(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        key: Option<&str>,
    ) -> Result<Vec<Value>, Fault> {
        let mut query = query.to_vec();
        query.push(("per_page", PER_PAGE));
        let first = self.url(segments, &query)?;
        let mut next = Some(first.clone());
        let mut entries = Vec::new();
        for _ in 0..MAX_PAGES {
            let Some(url) = next else { break };
            let (page, link) = match self.ask(url.clone()).await? {
                Answer::Found(value, link) => (value, link),
                Answer::Missing(why) => return Err(self.missing(&url, &why)),
            };
            let found = key.map_or(Some(&page), |key| page.get(key));
            let Some(found) = found.and_then(Value::as_array) else {
                return Err(Fault::new(
                    Cause::Unparseable,
                    format!("GET {}: the answer holds no list", shown_url(&url)),
                )
                .hint("see whether `api_url` is the address of the API"));
            };
            entries.extend(found.iter().cloned());
            next = link.and_then(|link| first.join(&link).ok());
            let total = page.get("total_count").and_then(Value::as_u64);
            if next.is_none() && total.is_some_and(|total| total > entries.len() as u64) {
                return Err(Fault::new(
                    Cause::TooLarge,
                    format!(
                        "GET {}: {} of {} entries came",
                        shown_url(&url),
                        entries.len(),
                        total.unwrap_or_default()
                    ),
                )
                .hint("the host gives no more of them: ask for less"));
            }
        }
        if next.is_some() {
            return Err(Fault::new(
                Cause::TooLarge,
                format!("GET {}: more than {MAX_PAGES} pages", shown_url(&first)),
            )
            .hint("half a list proves nothing: ask for less"));
        }
        Ok(entries)
    }

    /// Sends one request, follows a renamed repository, and understands the answer.
    async fn ask(&self, url: Url) -> Result<Answer, Fault> {
        let mut url = url;
        for _ in 0..=MAX_HOPS {
            self.refuse_foreign(&url)?;
            let response = self.send(&url).await?;
            if !matches!(response.status, 301 | 302 | 307 | 308) {
                return self.understand(&url, &response);
            }
            let target = response.header("location").and_then(|to| url.join(to).ok());
            url = target.ok_or_else(|| {
                Fault::new(
                    Cause::Protocol,
                    format!("GET {}: a redirect to nowhere", shown_url(&url)),
                )
            })?;
        }
        Err(Fault::new(
            Cause::Protocol,
            format!("GET {}: too many redirects", shown_url(&url)),
        )
        .hint("see whether `api_url` is the address of the API"))
    }

    /// The token goes to the declared origin only.
    fn refuse_foreign(&self, url: &Url) -> Result<(), Fault> {
        if url.origin() == self.base.origin() {
            return Ok(());
        }
        Err(Fault::new(
            Cause::NotAllowed,
            format!(
                "{} refers to another host, {}: nothing was sent there",
                self.base.host_str().unwrap_or_default(),
                url.host_str().unwrap_or_default()
            ),
        )
        .code(self.dialect.denied)
        .hint("put the new address into `api_url` if it is the right one"))
    }

    /// One exchange.
    async fn send(&self, url: &Url) -> Result<Response, Fault> {
        if let Some(reset) = self.exhausted.lock().ok().and_then(|until| until.clone()) {
            return Err(self.limit(&reset));
        }
        let mut request = Request::get(url.clone());
        request.max_body = MAX_BODY;
        for (name, value) in self.dialect.headers {
            request.header(name, value)?;
        }
        if let Some(token) = self.token {
            let (name, before) = self.dialect.token_header;
            request.header(name, &format!("{before}{}", token.expose().trim()))?;
        }
        let response = self.session.send(self.cx, &request).await?;
        let (left, reset) = self.dialect.limit_headers;
        if response.header(left).is_some_and(|left| left.trim() == "0")
            && let Ok(mut exhausted) = self.exhausted.lock()
        {
            *exhausted = Some(reset_time(response.header(reset)));
        }
        Ok(response)
    }

    /// The answer, or why it is none.
    fn understand(&self, url: &Url, response: &Response) -> Result<Answer, Fault> {
        let what = format!("GET {}", shown_url(url));
        let body: Option<Value> = serde_json::from_slice(&response.body).ok();
        let said = body
            .as_ref()
            .and_then(|body| body.get("message").or_else(|| body.get("error")))
            .map(|said| {
                said.as_str()
                    .map_or_else(|| said.to_string(), str::to_owned)
            })
            .unwrap_or_default();
        let said = crate::exchange::cut(&said, 200).to_owned();
        let with = |text: String| {
            if said.is_empty() {
                text
            } else {
                format!("{text}: {said}")
            }
        };
        match response.status {
            200 => match body {
                Some(body) if response.end == BodyEnd::Complete => {
                    Ok(Answer::Found(body, next_page(response)))
                }
                _ if response.end == BodyEnd::Capped => Err(Fault::new(
                    Cause::TooLarge,
                    format!("{what}: more than {} MiB", MAX_BODY >> 20),
                )),
                _ => Err(
                    Fault::new(Cause::Unparseable, format!("{what}: the answer is no JSON"))
                        .hint("see whether `api_url` is the address of the API"),
                ),
            },
            404 => Ok(Answer::Missing(said)),
            401 => Err(
                Fault::new(Cause::Auth, with(format!("{what}: the token was refused")))
                    .code(self.dialect.denied)
                    .hint("see whether it has expired or was revoked"),
            ),
            403 | 429 => {
                let after = response.header("retry-after");
                let limited = response.status == 429
                    || after.is_some()
                    || said.to_lowercase().contains("rate limit")
                    || self.exhausted.lock().is_ok_and(|until| until.is_some());
                if limited {
                    let (_, reset) = self.dialect.limit_headers;
                    let when = after.map_or_else(
                        || reset_time(response.header(reset)),
                        |seconds| format!("in {seconds}s"),
                    );
                    return Err(self.limit(&when));
                }
                let needs = response
                    .header("x-accepted-github-permissions")
                    .map(|needs| format!(" (`{needs}`)"))
                    .unwrap_or_default();
                Err(Fault::new(
                    Cause::Denied,
                    with(format!("{what}: this token may not look")),
                )
                .code(self.dialect.denied)
                .hint(format!(
                    "give the token the permission to read this{needs}, or switch the feature on"
                )))
            }
            status => Err(Fault::new(
                if status >= 500 {
                    Cause::Protocol
                } else {
                    Cause::Missing
                },
                with(format!("{what}: status {status}")),
            )
            .hint("see whether what is asked for exists")),
        }
    }

    /// The fault of having asked too much.
    fn limit(&self, when: &str) -> Fault {
        Fault::new(
            Cause::Denied,
            format!(
                "{} answers no more requests for now; again {when}",
                self.dialect.name
            ),
        )
        .code(self.dialect.limited)
        .hint("run again then, or use a token with a higher limit")
    }

    /// The fault of a resource that is not there, or that the token may not see.
    pub(crate) fn missing(&self, url: &Url, why: &str) -> Fault {
        let why = if why.is_empty() { "not found" } else { why };
        Fault::new(Cause::Missing, format!("GET {}: {why}", shown_url(url)))
            .code(self.dialect.denied)
            .hint("it does not exist, or the token may not see it: check the name and the token's permissions")
    }
}

/// What the host said.
enum Answer {
    /// The resource, and the address of the next page.
    Found(Value, Option<String>),
    /// There is none; in the host's words.
    Missing(String),
}

/// The address of the next page.
fn next_page(response: &Response) -> Option<String> {
    response
        .header_lines("link")
        .iter()
        .flat_map(|line| line.split(','))
        .find_map(|link| {
            let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
            let next = rest
                .split(';')
                .any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
            next.then(|| address.to_owned())
        })
}

/// When there are requests again, in words.
fn reset_time(epoch: Option<&str>) -> String {
    epoch
        .and_then(|text| text.trim().parse::<i64>().ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| "later".to_owned(), |time| format!("at {time}"))
}

/// What is wrong with the address of an API: a token must not travel in clear text.
pub(crate) fn address_problems(api_url: &str, token: bool) -> Vec<SpecProblem> {
    let Ok(url) = Url::parse(api_url) else {
        return vec![SpecProblem::at(
            "api_url",
            "this is no URL",
            "write it with https://",
        )];
    };
    let here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if token && url.scheme() != "https" && !here {
        return vec![SpecProblem::at(
            "api_url",
            "the token would be sent in clear text",
            "use https",
        )];
    }
    Vec::new()
}

/// A field as text.
pub(crate) fn text(value: &Value, path: &str) -> Option<String> {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

/// A field as a time.
pub(crate) fn time(value: &Value, path: &str) -> Option<Timestamp> {
    text(value, path)?.parse().ok()
}

/// How long ago, in words.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second());
    match u64::try_from(seconds) {
        Ok(seconds) => format!("{} ago", crate::expect::TimeSpan::seconds(seconds)),
        Err(_) => format!("at {then}, which has not come yet"),
    }
}

/// Whether a time lies within the last `age`; the future does not.
pub(crate) fn within(then: Timestamp, now: Timestamp, age: crate::expect::TimeSpan) -> bool {
    // A minute for clocks that differ.
    let seconds = now.as_second().saturating_sub(then.as_second());
    seconds >= -60 && u64::try_from(seconds.max(0)).is_ok_and(|seconds| seconds <= age.as_secs())
}
