//! What is tried once the caller is limited. Every attempt is preceded by a plain request that must
//! be refused: otherwise an attempt that passes says only that the window moved on.

use std::time::Duration;

use http::Method;
use url::Url;

use super::RateLimit;
use super::burst::Sender;
use super::facts::{Attempt, Facts, Refusal, Try};
use super::headers::{RetryAfter, retry_after};
use crate::exchange::{Request, Response, shown_url};
use crate::expect::TimeSpan;
use crate::kinds::Planned;

/// Plain requests sent before an attempt to be limited again.
const TOP_UP: u32 = 6;
/// How often an attempt must pass to be a way around the limit.
const REPEATS: u8 = 3;
/// Headers in which proxies tell the client's address.
const FORGED: &[&str] = &[
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded",
    "CF-Connecting-IP",
];

/// What would be sent once limited.
pub(super) fn plan(spec: &RateLimit, url: &Url, what: &str) -> Vec<Planned> {
    let mut list = Vec::new();
    let mut add = |what: String, at_most: u32| list.push(Planned { what, at_most });
    let mut attempts = 0;
    for path in &spec.exempt {
        if let Ok(url) = url.join(path) {
            add(format!("GET {}, once limited", shown_url(&url)), 1);
            attempts += 1;
        }
    }
    let repeats = u32::from(REPEATS);
    if spec.bypass {
        for name in FORGED {
            add(
                format!("{what} with a made-up {name}, once limited"),
                repeats,
            );
            attempts += 1;
        }
    }
    if spec.variations {
        for (name, url) in spellings(url) {
            add(
                format!("{} {}, once limited ({name})", spec.method, shown_url(&url)),
                repeats,
            );
            attempts += 1;
        }
    }
    if !spec.second_identity.is_empty() {
        add(format!("{what} as the second caller, once limited"), 1);
        attempts += 1;
    }
    if spec.origin.is_some() {
        add(format!("{what} with an Origin, once limited"), 1);
        attempts += 1;
    }
    if spec.recovery {
        add(format!("{what} before and after waiting"), 2);
    }
    if attempts > 0 {
        add(format!("{what} to be limited again"), attempts * TOP_UP);
    }
    list
}

/// Other ways to write the same address.
fn spellings(url: &Url) -> Vec<(&'static str, Url)> {
    let mut list = Vec::new();
    let mut query = url.clone();
    query.query_pairs_mut().append_pair("readyctl", "1");
    list.push(("another query", query));
    let path = url.path().to_owned();
    if path.len() < 2 {
        return list;
    }
    let mut with = |name, path: &str| {
        let mut other = url.clone();
        other.set_path(path);
        if other.path() != url.path() {
            list.push((name, other));
        }
    };
    match path.strip_suffix('/') {
        Some(bare) => with("no trailing slash", bare),
        None => with("trailing slash", &format!("{path}/")),
    }
    with("doubled slash", &format!("/{path}"));
    with("upper case", &path.to_ascii_uppercase());
    list
}

/// Tries everything the check asks for, the wait last.
pub(super) async fn try_everything(sender: &Sender<'_>, facts: &mut Facts) {
    let spec = sender.spec;
    let html = facts.refusal.as_ref().is_some_and(|r| r.site_is_html);
    let mut tries = Vec::new();
    for path in &spec.exempt {
        let mut attempt = Try::new(Attempt::Exempt, path);
        let request = sender.url.join(path).ok().and_then(|url| {
            let mut request = sender.request(url, &spec.headers, true).ok()?;
            request.method = Method::GET;
            request.body = None;
            Some(request)
        });
        attempt.run(sender, 1, html, |_| request.clone()).await;
        tries.push(attempt);
    }
    if spec.bypass {
        for name in FORGED {
            let mut attempt = Try::new(Attempt::ForgedAddress, *name);
            attempt
                .run(sender, REPEATS, html, |n| {
                    let mut request = sender.plain().ok()?;
                    let address = format!("203.0.113.{}", 10 + n);
                    let value = if *name == "Forwarded" {
                        format!("for={address}")
                    } else {
                        address
                    };
                    request.header(name, &value).ok()?;
                    Some(request)
                })
                .await;
            tries.push(attempt);
        }
    }
    if spec.variations {
        for (name, url) in spellings(&sender.url) {
            let mut attempt = Try::new(Attempt::Spelling, name);
            attempt
                .run(sender, REPEATS, html, |_| {
                    sender.request(url.clone(), &spec.headers, true).ok()
                })
                .await;
            tries.push(attempt);
        }
    }
    if !spec.second_identity.is_empty() {
        let mut attempt = Try::new(Attempt::SecondIdentity, "second caller");
        attempt.run(sender, 1, html, |_| second(sender)).await;
        tries.push(attempt);
    }
    if let Some(origin) = &spec.origin {
        let mut attempt = Try::new(Attempt::Page, origin.to_string());
        attempt
            .run(sender, 1, html, |_| {
                let mut request = sender.plain().ok()?;
                request.header("Origin", &origin.to_string()).ok()?;
                Some(request)
            })
            .await;
        tries.push(attempt);
    }
    if spec.recovery {
        tries.push(recovery(sender, facts).await);
    }
    facts.tries = tries;
    let wait = facts.refusal.as_ref().and_then(asked_wait);
    facts.blast_radius = format!(
        "this caller may stay limited at {} for {}",
        shown_url(&sender.url),
        wait.map_or_else(
            || "a window".to_owned(),
            |s| TimeSpan::seconds(s).to_string()
        )
    );
}

/// The request of the second caller: its headers take the place of the first one's.
fn second(sender: &Sender<'_>) -> Option<Request> {
    let spec = sender.spec;
    let given = |name: &str| {
        spec.second_identity
            .keys()
            .any(|k| k.eq_ignore_ascii_case(name))
    };
    let mut headers = spec.headers.clone();
    headers.retain(|name, _| !given(name));
    headers.extend(spec.second_identity.clone());
    let auth = spec.auth_header.as_deref().unwrap_or("Authorization");
    sender
        .request(sender.url.clone(), &headers, !given(auth))
        .ok()
}

/// Seconds a refusal asks to wait.
pub(super) fn asked_wait(refusal: &Refusal) -> Option<u64> {
    let asked = refusal
        .retry_after
        .first()
        .and_then(|text| match retry_after(text, refusal.at) {
            RetryAfter::Seconds(seconds) => Some(seconds),
            RetryAfter::Past(_) | RetryAfter::Malformed => None,
        });
    asked
        .or_else(|| refusal.limits.reset())
        .and_then(|seconds| u64::try_from(seconds).ok())
}

/// Waits as long as the service asks, then tries again.
async fn recovery(sender: &Sender<'_>, facts: &Facts) -> Try {
    let spec = sender.spec;
    let mut attempt = Try::new(Attempt::Recovery, "the same request");
    let Ok(request) = sender.plain() else {
        attempt.skipped = Some("the request cannot be built".to_owned());
        return attempt;
    };
    // What was tried meanwhile may have prolonged the wait: ask again.
    let latest = match sender.send(&request).await {
        Ok(response) if sender.is_refusal(&response) => {
            attempt.while_limited = true;
            Some(Refusal::new(&response, sender.cx.now, false))
        }
        _ => None,
    };
    let asked = latest
        .as_ref()
        .or(facts.refusal.as_ref())
        .and_then(asked_wait);
    let wait = asked.unwrap_or(spec.window.as_secs()).saturating_add(1);
    let shown = TimeSpan::seconds(wait);
    attempt.waited = wait;
    if shown > spec.max_recovery_wait {
        attempt.skipped = Some(format!(
            "that takes {shown}, and `max_recovery_wait` is {}",
            spec.max_recovery_wait
        ));
        return attempt;
    }
    let left = sender.cx.remaining();
    if Duration::from_secs(wait) + Duration::from_secs(1) > left {
        let left = TimeSpan::seconds(left.as_secs());
        attempt.skipped = Some(format!(
            "that takes {shown}, and {left} are left: raise `timeout:` of the check"
        ));
        return attempt;
    }
    tokio::time::sleep(Duration::from_secs(wait)).await;
    attempt.note(sender.send(&request).await.ok(), false);
    attempt
}

impl Try {
    /// Makes sure that the caller is limited, then sends the requests until one does not pass.
    async fn run(
        &mut self,
        sender: &Sender<'_>,
        repeats: u8,
        html: bool,
        request: impl Fn(u8) -> Option<Request>,
    ) {
        self.while_limited = is_limited(sender).await;
        if !self.while_limited {
            self.skipped = Some("the window moved on before it could be tried".to_owned());
            return;
        }
        for n in 0..repeats {
            let Some(request) = request(n) else {
                self.skipped = Some("the request cannot be built".to_owned());
                return;
            };
            let response = sender.send(&request).await.ok();
            let refused = response
                .as_ref()
                .is_none_or(|r| !sender.spec.accepts(r.status));
            self.note(response, html);
            if refused {
                return;
            }
        }
    }

    /// Notes an answer.
    fn note(&mut self, response: Option<Response>, html: bool) {
        let Some(response) = response else {
            self.statuses.push(0);
            return;
        };
        self.statuses.push(response.status);
        let kind = response.header("content-type").unwrap_or_default();
        self.same_type = kind.contains("html") == html;
        let lines = response.header_lines("access-control-allow-origin");
        self.allow_origin = lines.into_iter().map(str::to_owned).collect();
    }
}

/// Whether a plain request is refused, if need be after a few that pass.
async fn is_limited(sender: &Sender<'_>) -> bool {
    let Ok(request) = sender.plain() else {
        return false;
    };
    for _ in 0..TOP_UP {
        match sender.send(&request).await {
            Ok(response) if sender.is_refusal(&response) => return true,
            Ok(response) if sender.spec.accepts(response.status) => {}
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_spelt_in_other_ways() {
        let of = |text: &str| -> Vec<String> {
            let url = text.parse().unwrap();
            spellings(&url)
                .into_iter()
                .map(|(_, url)| url.to_string())
                .collect()
        };
        assert_eq!(of("https://h/"), ["https://h/?readyctl=1"]);
        assert_eq!(
            of("https://h/v1/items"),
            [
                "https://h/v1/items?readyctl=1",
                "https://h/v1/items/",
                "https://h//v1/items",
                "https://h/V1/ITEMS"
            ]
        );
    }
}
