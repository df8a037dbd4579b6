//! Judges what an answer contains: caching and age, JSON, text, leaks.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde_json::Value;

use super::body::{is_html, why_a_page};
use super::facts::{Document, Exchange};
use super::spec::{Expect, Fresh};
use crate::exchange::{ResponseFacts, cut};
use crate::expect::TimeSpan;
use crate::expect::matcher::show;
use crate::outcome::Finding;

/// Clock difference between two machines that is not called stale, in seconds.
const CLOCK_SKEW: u64 = 30;
/// A clock that is further ahead than this is wrong, in seconds.
const MOST_AHEAD: u64 = 300;

/// The directives of every Cache-Control line, lower case.
pub(super) fn cache_directives(response: &ResponseFacts) -> Vec<String> {
    response
        .header_lines("cache-control")
        .iter()
        .flat_map(|line| line.split(','))
        .map(|directive| directive.trim().to_ascii_lowercase())
        .filter(|directive| !directive.is_empty())
        .collect()
}

/// Whether caches may store the answer.
pub(super) fn judge_caching(expect: &Expect, response: &ResponseFacts) -> Vec<Finding> {
    let directives = cache_directives(response);
    let has = |name: &str| directives.iter().any(|d| d == name);
    let seen = response
        .header("cache-control")
        .unwrap_or("no Cache-Control")
        .to_owned();
    let mut findings = Vec::new();
    if expect.not_cacheable {
        let expected = "Cache-Control: no-store";
        let fine = has("no-store") || (has("private") && has("no-cache"));
        findings.push(if fine {
            Finding::pass("caching", expected, &seen)
        } else {
            Finding::fail(
                "HTTP-11",
                "caching",
                expected,
                &seen,
                "caches may keep this answer and repeat it when it is no longer true",
            )
        });
    }
    if let Some(rule) = &expect.cacheable.0 {
        let age = ["s-maxage=", "max-age="].iter().find_map(|prefix| {
            let text = directives.iter().find_map(|d| d.strip_prefix(prefix))?;
            text.trim_matches('"').parse::<u64>().ok()
        });
        let least = rule.min_age.as_secs().max(1);
        let fine = !has("no-store") && !has("no-cache") && age.is_some_and(|age| age >= least);
        let expected = format!("storable for at least {}", TimeSpan::seconds(least));
        findings.push(if fine {
            Finding::pass("caching", expected, seen)
        } else {
            Finding::fail(
                "HTTP-58",
                "caching",
                expected,
                seen,
                "caches may not keep this answer, or not long enough",
            )
        });
    }
    findings
}

/// Whether the answer is new.
pub(super) fn judge_fresh(
    rule: &Fresh,
    exchange: &Exchange,
    response: &ResponseFacts,
    complete: bool,
    now: Timestamp,
) -> Vec<Finding> {
    let allowed = rule.max_age.as_secs();
    let expected = if allowed == 0 {
        "made now".to_owned()
    } else {
        format!("at most {} old", rule.max_age)
    };
    let mut findings = Vec::new();
    let mut judge = |subject: &str, age: u64, tolerance: u64| {
        let shown = TimeSpan::seconds(age).to_string();
        findings.push(if age <= allowed + tolerance {
            Finding::pass(subject, &expected, format!("{shown} old"))
        } else {
            let message = format!("a stored answer came, {shown} old: it tells nothing about now");
            Finding::fail(
                "HTTP-10",
                subject,
                &expected,
                format!("{shown} old"),
                message,
            )
        });
    };
    if let Some(age) = response
        .header("age")
        .and_then(|age| age.trim().parse::<u64>().ok())
    {
        judge("header Age", age, 0);
    }
    let at = if exchange.at == Timestamp::default() {
        now
    } else {
        exchange.at
    };
    let date = response
        .header("date")
        .and_then(|date| rfc2822::parse(date).ok());
    if let Some(date) = date {
        judge(
            "header Date",
            seconds_since(date.timestamp(), at),
            CLOCK_SKEW,
        );
    }
    if let Some(path) = &rule.time {
        let value = exchange.json.select(path).unwrap_or_default();
        let time = value
            .first()
            .filter(|_| complete && value.len() == 1)
            .and_then(|v| read_time(v));
        match time {
            Some(time) if seconds_since(at, time) > MOST_AHEAD => findings.push(
                Finding::fail(
                    "HTTP-10",
                    path.to_string(),
                    &expected,
                    time.to_string(),
                    "the body is dated in the future, so nothing is known about its age",
                )
                .as_unknown(),
            ),
            Some(time) => judge(&path.to_string(), seconds_since(time, at), CLOCK_SKEW),
            None => findings.push(Finding::fail(
                "HTTP-10",
                path.to_string(),
                &expected,
                value
                    .first()
                    .map_or_else(|| "nothing (missing)".to_owned(), |v| show(v)),
                "the body does not say when it was made",
            )),
        }
    }
    if findings.is_empty() {
        findings.push(
            Finding::fail(
                "HTTP-10",
                "age",
                &expected,
                "neither Age nor Date",
                "nothing in the answer says how old it is; name the time in the body with `fresh: { time: $.time }`",
            )
            .as_unknown(),
        );
    }
    findings
}

/// Seconds from one moment to another, 0 when it lies ahead.
fn seconds_since(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_second() - from.as_second()).unwrap_or(0)
}

/// A moment as bodies write it: RFC 3339, or Unix seconds or milliseconds.
fn read_time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok().or_else(|| {
            // FastAPI and others leave the zone out and mean UTC.
            format!("{text}Z").parse().ok()
        }),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "moments fit, others give no timestamp"
        )]
        Value::Number(number) => {
            let number = number.as_f64()?;
            let seconds = if number > 1e11 {
                number / 1000.0
            } else {
                number
            };
            Timestamp::from_second(seconds as i64).ok()
        }
        _ => None,
    }
}

/// JSON: that it is, that it says it is, and what it says.
pub(super) fn judge_json(
    expect: &Expect,
    exchange: &Exchange,
    response: &ResponseFacts,
) -> Vec<Finding> {
    if !expect.needs_json() {
        return Vec::new();
    }
    let content_type = response
        .header("content-type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut findings = Vec::new();
    if let Document::Invalid(_) | Document::None = exchange.json {
        let why = match &exchange.json {
            Document::Invalid(why) => cut(why, 200),
            _ => "the body is empty",
        };
        findings.push(if is_html(&content_type, &response.excerpt) {
            Finding::fail(
                "HTTP-01",
                "body",
                "JSON",
                format!("a web page ({})", response.status),
                format!(
                    "a web page came instead of JSON: {}",
                    why_a_page(response.status)
                ),
            )
        } else {
            Finding::fail(
                "HTTP-12",
                "body",
                "JSON",
                why,
                format!("the body is not JSON: {why}"),
            )
        });
        return findings;
    }
    if let Some(path) = exchange.json.duplicate() {
        findings.push(Finding::fail(
            "HTTP-12",
            "body",
            "every key once",
            path,
            format!("{path} occurs twice: readers disagree on which one counts"),
        ));
    }
    findings.extend(json_type(expect, &content_type));
    for (path, matcher) in expect.json.iter().flat_map(|json| &json.0) {
        findings.push(match exchange.json.select(path) {
            None => Finding::fail(
                "HTTP-54",
                path.to_string(),
                matcher.to_string(),
                "too many values",
                "the path selects more than can be kept and judged; select less",
            )
            .as_unknown(),
            Some(nodes) => match crate::expect::json::judge_nodes(&nodes, matcher) {
                Ok(seen) => Finding::pass(path.to_string(), matcher.to_string(), seen),
                Err(wrong) => {
                    let message =
                        format!("{path} is {} instead of {}", wrong.actual, wrong.expected);
                    Finding::fail(
                        "HTTP-54",
                        path.to_string(),
                        wrong.expected,
                        wrong.actual,
                        message,
                    )
                }
            },
        });
    }
    findings
}

/// Whether JSON says that it is JSON.
fn json_type(expect: &Expect, content_type: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let charset = content_type
        .split(';')
        .find_map(|part| part.trim().strip_prefix("charset=").map(str::to_owned));
    if charset.is_some_and(|c| !matches!(c.trim_matches('"'), "utf-8" | "utf8" | "us-ascii")) {
        findings.push(Finding::fail(
            "HTTP-12",
            "content type",
            "UTF-8",
            content_type,
            "JSON is UTF-8, another charset is announced",
        ));
    } else if !content_type.contains("json") && expect.content_type.is_none() {
        let seen = if content_type.is_empty() {
            "none"
        } else {
            content_type
        };
        let finding = Finding::fail(
            "HTTP-12",
            "content type",
            "JSON",
            seen,
            format!("JSON comes with the content type {seen}"),
        );
        findings.push(if content_type.contains("html") {
            finding
        } else {
            finding.as_warning()
        });
    }
    findings
}

/// The body as text.
pub(super) fn judge_text(expect: &Expect, exchange: &Exchange) -> Option<Finding> {
    let matcher = expect.body.as_ref()?;
    let text = exchange.text.as_deref()?;
    let begins = || show(&Value::from(cut(text, 200)));
    let fits = exchange
        .long_text_matches
        .unwrap_or_else(|| matcher.check_text(Some(text)).is_ok());
    Some(if fits {
        Finding::pass("body", matcher.to_string(), begins())
    } else {
        Finding::fail(
            "HTTP-55",
            "body",
            matcher.to_string(),
            begins(),
            format!("the body is not as expected: {matcher}"),
        )
    })
}

/// Secrets and debug output in the body.
pub(super) fn judge_leaks(exchange: &Exchange, response: &ResponseFacts) -> Vec<Finding> {
    let expected = "no internals";
    if exchange.leaks.is_empty() {
        return vec![Finding::pass("leaks", expected, "none")];
    }
    let code = if response.status >= 400 {
        "HTTP-24"
    } else {
        "HTTP-20"
    };
    let list = exchange.leaks.join(", ");
    vec![Finding::fail(
        code,
        "leaks",
        expected,
        &list,
        format!("the body shows {list}"),
    )]
}
