//! Judges one answer.

use jiff::Timestamp;
use reqwest::Method;
use url::Url;

use super::facts::{Exchange, RedirectEnd};
use super::forms::StatusRule;
use super::spec::{Expect, RequiresAuth};
use super::{Call, content, cookies, health, security};
use crate::exchange::{BodyEnd, ResponseFacts, cut};
use crate::expect::TimeSpan;
use crate::outcome::Finding;

/// Judges one answer against the expectations of its call. At least one finding.
pub(super) fn judge(call: &Call<'_>, exchange: &Exchange, now: Timestamp) -> Vec<Finding> {
    let Some(response) = &exchange.response else {
        let message = exchange
            .fault
            .as_ref()
            .map(|f| f.message.clone())
            .unwrap_or_default();
        return vec![Finding::fail("HTTP-14", "answer", "an answer", "none", message).as_unknown()];
    };
    let expect = call.expect;
    if response.status == 429 && !accepts(call, 429) {
        // Everything else an answer is judged by would be that of the refusal.
        return vec![refused(call, response)];
    }
    let mut findings = Vec::new();
    match &expect.requires_auth.0 {
        Some(rule) => findings.extend(judge_refusal(rule, response)),
        None => findings.extend(judge_status(call, exchange, response)),
    }
    findings.extend(judge_hops(expect, exchange, response));
    findings.extend(judge_times(expect, exchange, response));
    let complete = judge_end(expect, response, &mut findings);
    findings.extend(judge_headers(expect, response));
    findings.extend(content::judge_caching(expect, response));
    if let Some(rule) = &expect.fresh.0 {
        findings.extend(content::judge_fresh(
            rule, exchange, response, complete, now,
        ));
    }
    if complete {
        if let Some(rule) = &expect.health.0 {
            findings.extend(health::judge(rule, exchange, response));
        }
        findings.extend(content::judge_json(expect, exchange, response));
        findings.extend(content::judge_text(expect, exchange));
    }
    if expect.no_leaks {
        findings.extend(content::judge_leaks(exchange, response));
    }
    findings.extend(cookies::judge(&expect.cookies, exchange));
    if let Some(rules) = &expect.security {
        findings.extend(security::judge(rules, exchange, response));
    }
    if let Some(what) = &exchange.not_captured {
        findings.push(Finding::fail(
            "HTTP-59",
            "capture",
            "a value for later steps",
            "none",
            format!("the answer does not give what later steps need: {what}"),
        ));
    }
    findings
}

/// Whether an answer with this status is what the call expects.
pub(super) fn accepts(call: &Call<'_>, status: u16) -> bool {
    match &call.expect.requires_auth.0 {
        Some(rule) => refusal_rule(rule).accepts(status),
        None => status_rule(call).accepts(status),
    }
}

/// The finding about a limiter that answers instead of what was asked for.
fn refused(call: &Call<'_>, response: &ResponseFacts) -> Finding {
    let rule = match &call.expect.requires_auth.0 {
        Some(rule) => refusal_rule(rule),
        None => status_rule(call),
    };
    let again = response.header("retry-after").map_or_else(
        || "`timeout:` of the check allows it to wait longer".to_owned(),
        |wait| {
            format!("it asks to wait (`Retry-After: {wait}`), `timeout:` of the check allows it")
        },
    );
    let message = format!(
        "the service refuses more requests at the moment, so nothing is known about what was asked for; {again}"
    );
    Finding::fail("HTTP-51", "status", rule.to_string(), "429", message).as_unknown()
}

/// The rule for the status that the expectations imply.
fn status_rule(call: &Call<'_>) -> StatusRule {
    let expect = call.expect;
    match &expect.status {
        Some(rule) => rule.clone(),
        None if expect.location.is_some() || expect.redirect_to_https => StatusRule::redirect(),
        None if call.method.0 == Method::TRACE => StatusRule::client_or_server_error(),
        None => StatusRule::success(),
    }
}

/// The status.
fn judge_status(call: &Call<'_>, exchange: &Exchange, response: &ResponseFacts) -> Vec<Finding> {
    let rule = status_rule(call);
    let expected = rule.to_string();
    let status = response.status;
    let actual = status.to_string();
    let location = response.header("location");
    let mut findings = Vec::new();
    if call.method.0 == Method::TRACE && status / 100 == 2 {
        findings.push(Finding::fail(
            "HTTP-22",
            "method TRACE",
            "refused",
            &actual,
            "the server answers TRACE and echoes requests with their credentials",
        ));
    } else if exchange.redirects == RedirectEnd::Loop || exchange.redirects == RedirectEnd::TooMany
    {
        let what = if exchange.redirects == RedirectEnd::Loop {
            format!("the redirects go in a circle at {}", response.url)
        } else {
            format!(
                "{} redirects were followed and there are more",
                exchange.hops.len()
            )
        };
        findings.push(Finding::fail(
            "HTTP-09",
            "redirects",
            "an end",
            actual,
            what,
        ));
    } else if rule.accepts(status) {
        findings.push(Finding::pass("status", expected, actual));
    } else if let (3, Some(location)) = (status / 100, location) {
        findings.push(Finding::fail(
            "HTTP-08",
            "status",
            expected,
            format!("{status} to {location}"),
            format!(
                "the answer redirects to {}",
                redirect_kind(&response.url, location)
            ),
        ));
    } else {
        findings.push(Finding::fail(
            "HTTP-51",
            "status",
            &expected,
            &actual,
            format!("the status is {status} instead of {expected}"),
        ));
    }
    // TRACE is refused by servers for all their paths, and nobody asks them for alternatives.
    let asked = call.method.0 != Method::TRACE;
    if status == 405 && asked && response.header("allow").is_none() {
        findings.push(Finding::fail(
            "HTTP-22",
            "header Allow",
            "present",
            "missing",
            "a 405 must say in `Allow` which methods work",
        ));
    }
    findings
}

/// Whether a path looks like a login page.
fn is_login(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    [
        "login",
        "signin",
        "sign-in",
        "sign_in",
        "sso",
        "oauth",
        "authorize",
        "/auth",
    ]
    .iter()
    .any(|word| path.contains(word))
}

/// What is remarkable about a redirect, in words.
fn redirect_kind(from: &str, location: &str) -> String {
    let Some((from, to)) = Url::parse(from).ok().and_then(|from| {
        let to = from.join(location).ok()?;
        Some((from, to))
    }) else {
        return location.to_owned();
    };
    let shown = crate::exchange::shown_url(&to);
    if from.host_str() != to.host_str() {
        format!("another host, {shown}")
    } else if is_login(&to) {
        format!("a login page, {shown}")
    } else if from.scheme() != to.scheme() {
        format!("{}, {shown}", to.scheme())
    } else {
        shown
    }
}

/// Redirects that were followed, and where a redirect points.
fn judge_hops(expect: &Expect, exchange: &Exchange, response: &ResponseFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for hop in &exchange.hops {
        let (Ok(from), Ok(to)) = (Url::parse(&hop.url), Url::parse(&hop.location)) else {
            continue;
        };
        let downgrade = from.scheme() == "https" && to.scheme() == "http";
        let elsewhere = from.host_str() != to.host_str() || is_login(&to);
        if downgrade || (elsewhere && expect.final_url.is_none()) {
            findings.push(Finding::fail(
                "HTTP-08",
                "redirects",
                "to the same host",
                format!("{} to {}", hop.status, hop.location),
                format!(
                    "on the way the answer redirects to {}",
                    redirect_kind(&hop.url, &hop.location)
                ),
            ));
        }
    }
    let target = response
        .header("location")
        .and_then(|location| Url::parse(&response.url).ok()?.join(location).ok());
    if let Some(matcher) = &expect.location {
        let shown = target.as_ref().map(Url::to_string);
        findings.push(match matcher.check_text(shown.as_deref()) {
            Ok(()) => Finding::pass("location", matcher.to_string(), shown.unwrap_or_default()),
            Err(wrong) => Finding::fail(
                "HTTP-56",
                "location",
                wrong.expected,
                wrong.actual,
                "the redirect points somewhere else",
            ),
        });
    }
    if let Some(matcher) = &expect.final_url {
        findings.push(match matcher.check_text(Some(&response.url)) {
            Ok(()) => Finding::pass("final URL", matcher.to_string(), &response.url),
            Err(wrong) => Finding::fail(
                "HTTP-56",
                "final URL",
                wrong.expected,
                wrong.actual,
                "the redirects lead somewhere else",
            ),
        });
    }
    if expect.redirect_to_https {
        findings.push(security::judge_upgrade(response, target.as_ref()));
    }
    findings
}

/// How long it took.
fn judge_times(expect: &Expect, exchange: &Exchange, response: &ResponseFacts) -> Vec<Finding> {
    let cold = if response.cold {
        ", connecting included"
    } else {
        ""
    };
    let mut findings = Vec::new();
    let mut bound = |subject: &str, limit: TimeSpan, millis: u64, until: &str| {
        let expected = format!("at most {limit}");
        let actual = format!("{millis}ms{cold}");
        findings.push(if millis <= limit.as_millis() {
            Finding::pass(subject, expected, actual)
        } else {
            let message = format!("it took {millis} ms until {until}, {limit} are allowed");
            Finding::fail("HTTP-52", subject, expected, actual, message)
        });
    };
    if let Some(limit) = expect.max_latency {
        bound("latency", limit, exchange.latency_ms, "the last byte");
    }
    if let Some(limit) = expect.max_first_byte {
        bound("first byte", limit, response.first_byte_ms, "the headers");
    }
    findings
}

/// How the body ended. Whether it is there to be judged.
fn judge_end(expect: &Expect, response: &ResponseFacts, findings: &mut Vec<Finding>) -> bool {
    let size = crate::expect::ByteSize(response.size);
    match &response.end {
        BodyEnd::Complete => {
            if let Some(limit) = expect.max_size {
                findings.push(if response.size <= limit.0 {
                    Finding::pass("size", format!("at most {limit}"), size.to_string())
                } else {
                    Finding::fail(
                        "HTTP-57",
                        "size",
                        format!("at most {limit}"),
                        size.to_string(),
                        format!("the body is {size}, {limit} are allowed"),
                    )
                });
            }
            return true;
        }
        BodyEnd::Stalled => findings.push(Finding::fail(
            "HTTP-13",
            "body",
            "complete",
            format!("{size}, then nothing"),
            format!(
                "the headers came after {} ms, but the body stalls after {size}",
                response.first_byte_ms
            ),
        )),
        BodyEnd::Broken(why) => findings.push(Finding::fail(
            "HTTP-12",
            "body",
            "complete",
            cut(why, 200),
            format!("the body is cut off or damaged: {}", cut(why, 200)),
        )),
        BodyEnd::Capped if expect.needs_body() => findings.push(Finding::fail(
            "HTTP-12",
            "body",
            "of sane size",
            format!("more than {size}"),
            format!("the body is larger than {size}; set `max_body` if that is right"),
        )),
        BodyEnd::Capped => return true,
    }
    false
}

/// Headers by name, and the media type.
fn judge_headers(expect: &Expect, response: &ResponseFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(matcher) = &expect.content_type {
        let whole = response.header("content-type");
        let media = whole.map(|v| v.split(';').next().unwrap_or(v).trim().to_ascii_lowercase());
        let as_media = matcher.check_text(media.as_deref()).is_ok();
        let as_whole = matcher.check_text(whole).is_ok();
        let fits = if matcher.is_negative() {
            as_media && as_whole
        } else {
            as_media || as_whole
        };
        let actual = whole.unwrap_or("none").to_owned();
        findings.push(if fits {
            Finding::pass("content type", matcher.to_string(), actual)
        } else {
            Finding::fail(
                "HTTP-12",
                "content type",
                matcher.to_string(),
                &actual,
                format!("the content type is {actual}"),
            )
        });
    }
    for (name, matcher) in expect.headers.iter() {
        let lines = response.header_lines(name);
        let subject = format!("header {name}");
        let joined = lines.join(", ");
        let one = (!lines.is_empty()).then_some(joined.as_str());
        let every = !lines.is_empty()
            && lines
                .iter()
                .all(|line| matcher.check_text(Some(line)).is_ok());
        findings.push(match matcher.check_text(one) {
            Ok(()) if every || one.is_none() || !matcher.is_negative() => {
                Finding::pass(subject, matcher.to_string(), one.unwrap_or("absent"))
            }
            Ok(()) => Finding::fail(
                "HTTP-53",
                subject,
                matcher.to_string(),
                joined.clone(),
                format!("a line of the header {name} is what must not be: {joined}"),
            ),
            Err(_) if every && !matcher.is_negative() => {
                Finding::pass(subject, matcher.to_string(), joined)
            }
            Err(wrong) => {
                let message = match one {
                    None => format!("the header {name} is missing"),
                    Some(_) => format!("the header {name} is {}", wrong.actual),
                };
                Finding::fail("HTTP-53", subject, wrong.expected, wrong.actual, message)
            }
        });
    }
    findings
}

/// The rule for the status of a request without credentials.
fn refusal_rule(rule: &RequiresAuth) -> StatusRule {
    rule.status.clone().unwrap_or_else(StatusRule::refused)
}

/// A request without credentials must be refused.
fn judge_refusal(rule: &RequiresAuth, response: &ResponseFacts) -> Vec<Finding> {
    let accepted = refusal_rule(rule);
    let status = response.status;
    let expected = format!("refused with {accepted}");
    let actual = status.to_string();
    let mut findings = vec![if accepted.accepts(status) {
        Finding::pass("access without credentials", expected, actual)
    } else if status / 100 == 2 {
        Finding::fail(
            "HTTP-21",
            "access without credentials",
            expected,
            actual,
            format!("the route answers {status} to anybody"),
        )
    } else {
        Finding::fail(
            "HTTP-51",
            "access without credentials",
            &expected,
            actual,
            format!("the route answers {status}, which does not show that it is protected"),
        )
    }];
    if status == 401 && rule.challenge != Some(false) {
        let subject = "header WWW-Authenticate";
        findings.push(match response.header("www-authenticate") {
            Some(value) => Finding::pass(subject, "present", value),
            None => {
                let message = "a 401 must say in `WWW-Authenticate` how to authenticate";
                let finding = Finding::fail("HTTP-21", subject, "present", "missing", message);
                if rule.challenge == Some(true) {
                    finding
                } else {
                    finding.as_warning()
                }
            }
        });
    }
    findings
}
