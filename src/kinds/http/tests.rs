//! Tables: facts in, codes out.

use serde_json::{Value, json};

use super::facts::{Document, Exchange, Facts};
use super::{Http, body};
use crate::context::JudgeContext;
use crate::exchange::{BodyEnd, ResponseFacts};
use crate::kinds::Kind;
use crate::outcome::Judged;

/// A plain 200.
pub(super) fn response() -> ResponseFacts {
    ResponseFacts {
        method: "GET".to_owned(),
        url: "https://api.example/health".to_owned(),
        address: None,
        status: 200,
        version: "HTTP/1.1".to_owned(),
        headers: Vec::new(),
        excerpt: String::new(),
        size: 0,
        end: BodyEnd::Complete,
        first_byte_ms: 10,
        total_ms: 12,
        cold: true,
    }
}

/// An answer with this body, as the observation would record it.
fn answer(status: u16, headers: &[(&str, &str)], text: &str) -> Exchange {
    let json = match body::parse_json(text.as_bytes()) {
        Ok((value, duplicate)) => Document::Whole { value, duplicate },
        Err(why) => Document::Invalid(why),
    };
    Exchange {
        response: Some(ResponseFacts {
            status,
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            excerpt: text.to_owned(),
            size: text.len() as u64,
            ..response()
        }),
        latency_ms: 12,
        json,
        text: Some(text.to_owned()),
        ..Exchange::default()
    }
}

/// The codes of everything that did not pass, for a check with this `expect`.
fn codes(expect: &Value, exchanges: Vec<Exchange>) -> Vec<String> {
    let spec = json!({ "url": "https://api.example/health", "expect": expect });
    let kind: Http = serde_json::from_value(spec).unwrap();
    let facts = Facts {
        exchanges,
        missing_page: None,
        exposed: Vec::new(),
        behind: None,
    };
    // Through JSON and back: recorded facts must give the same verdict.
    let facts: Facts = serde_json::from_value(serde_json::to_value(&facts).unwrap()).unwrap();
    let now = "2026-06-15T12:00:00Z".parse().unwrap();
    let findings = kind.judge(&facts, &JudgeContext { now });
    assert!(!findings.is_empty(), "a check that judges nothing");
    findings
        .into_iter()
        .filter(|f| f.verdict != Judged::Pass)
        .filter_map(|f| f.code)
        .map(String::from)
        .collect()
}

#[test]
fn a_text_that_ends_well_is_not_a_healthy_one() {
    for (text, expected) in [
        ("NOT OK", Some("HTTP-02")),
        ("service: not ready", Some("HTTP-02")),
        ("0 workers up", Some("HTTP-02")),
        ("the database isn't available", Some("HTTP-02")),
        ("OK\ndatabase: DOWN", Some("HTTP-07")),
        ("OK - 3 workers", None),
        ("status: ok", None),
        ("OK\ndatabase: OK", None),
        (r#"{"status": "UP", "healthy": false}"#, Some("HTTP-02")),
        (r#"{"status": "UP", "ready": false}"#, Some("HTTP-02")),
        (
            r#"{"ok": true, "database": "unreachable"}"#,
            Some("HTTP-07"),
        ),
        (r#"{"ok": true, "database": "offline"}"#, Some("HTTP-07")),
        (r#"{"status": "UP", "ready": true, "live": true}"#, None),
    ] {
        let found = health(&json!(true), 200, text);
        assert_eq!(found.first().map(String::as_str), expected, "{text}");
    }
    let alive = r#"{"status": "UP", "ready": false}"#;
    assert!(health(&json!({ "liveness": true }), 200, alive).is_empty());
}

#[test]
fn what_must_not_be_is_found_in_every_form() {
    let page = |headers: &[(&str, &str)]| vec![answer(200, headers, "x")];
    let html = [("content-type", "text/html; charset=utf-8")];
    let twice = [("x-served-by", "nginx"), ("x-served-by", "edge")];
    for (expect, headers, expected) in [
        (
            json!({ "content_type": { "ne": "text/html" } }),
            &html[..],
            Some("HTTP-12"),
        ),
        (
            json!({ "content_type": { "not": { "eq": "text/html" } } }),
            &html,
            Some("HTTP-12"),
        ),
        (
            json!({ "content_type": { "ne": "text/plain" } }),
            &html,
            None,
        ),
        (json!({ "content_type": "text/html" }), &html, None),
        (
            json!({ "headers": { "X-Served-By": { "ne": "nginx" } } }),
            &twice,
            Some("HTTP-53"),
        ),
        (
            json!({ "headers": { "X-Served-By": { "ne": "apache" } } }),
            &twice,
            None,
        ),
        (
            json!({ "headers": { "X-Served-By": { "contains": "edge" } } }),
            &twice,
            None,
        ),
    ] {
        let found = codes(&expect, page(headers));
        assert_eq!(found.first().map(String::as_str), expected, "{expect}");
    }
}

/// The codes for a health document.
fn health(rule: &Value, status: u16, text: &str) -> Vec<String> {
    codes(
        &json!({ "status": { "gt": 0 }, "health": rule }),
        vec![answer(status, &[], text)],
    )
}

#[test]
fn health_documents_of_every_dialect() {
    for (status, text, expected) in [
        (200, "OK", None),
        (200, "ok\n", None),
        (200, "Healthy", None),
        (200, "Degraded", Some("HTTP-04")),
        (503, "Unhealthy", Some("HTTP-02")),
        (200, "starting", Some("HTTP-02")),
        (200, "", Some("HTTP-12")),
        (200, "<html><body>Healthy</body></html>", Some("HTTP-01")),
        (200, r#""ok""#, None),
        (200, "[]", Some("HTTP-02")),
        (200, "{}", Some("HTTP-06")),
        (200, r#"{"status": "UP"}"#, None),
        (200, r#"{"status": "PASS"}"#, None),
        (200, r#"{"status": true}"#, None),
        (200, r#"{"healthy": true, "version": "1.2"}"#, None),
        (200, r#"{"status": false}"#, Some("HTTP-02")),
        (200, r#"{"status": null}"#, Some("HTTP-06")),
        (200, r#"{"status": "OUT_OF_SERVICE"}"#, Some("HTTP-02")),
        (200, r#"{"status": "UNKNOWN"}"#, Some("HTTP-02")),
        (503, r#"{"status": "UP"}"#, Some("HTTP-03")),
        (200, r#"{"status": "warn"}"#, Some("HTTP-04")),
        (
            200,
            r#"{"status": "UP", "status": "DOWN"}"#,
            Some("HTTP-02"),
        ),
        (
            200,
            r#"{"status": "DOWN", "status": "UP"}"#,
            Some("HTTP-12"),
        ),
        (
            200,
            r#"{"status": "UP", "components": {"db": {"status": "UP", "details": {"database": "PostgreSQL", "validationQuery": "isValid()"}}, "diskSpace": {"status": "UP", "details": {"total": 1, "exists": true}}}}"#,
            None,
        ),
        (
            200,
            r#"{"status": "UP", "components": {"db": {"status": "DOWN"}}}"#,
            Some("HTTP-07"),
        ),
        (
            200,
            r#"{"status": "pass", "checks": {"pg:time": [{"status": "pass", "output": ""}]}}"#,
            None,
        ),
        (
            200,
            r#"{"status": "pass", "checks": {"pg:time": [{"status": "pass"}, {"status": "fail"}]}}"#,
            Some("HTTP-07"),
        ),
        (
            200,
            r#"{"status": "pass", "checks": {"pg:time": []}}"#,
            Some("HTTP-06"),
        ),
        (
            200,
            r#"{"status": "UP", "checks": [{"name": "a", "status": "UP"}, {"name": "b"}]}"#,
            Some("HTTP-06"),
        ),
    ] {
        let found = health(&json!(true), status, text);
        let first = found.first().map(String::as_str);
        assert_eq!(first, expected, "{status} {text}: {found:?}");
    }
}

#[test]
fn details_beside_the_state_are_no_components() {
    for (status, text, expected) in [
        (
            200,
            r#"{"status": "healthy", "environment": "production", "debug": false, "uptime": 3, "mode": "offline"}"#,
            None,
        ),
        (
            200,
            r#"{"status": "healthy", "database": "disconnected"}"#,
            Some("HTTP-07"),
        ),
        (
            200,
            r#"{"status": "ready", "details": {"version": "1.2.3", "debug": false, "database": {"status": "unhealthy"}}}"#,
            Some("HTTP-07"),
        ),
        (
            200,
            r#"{"status": "ok", "services": {"postgres": "up", "redis": "what"}}"#,
            Some("HTTP-07"),
        ),
        (200, r#"{"status": "UP""#, Some("HTTP-12")),
    ] {
        let found = health(&json!(true), status, text);
        assert_eq!(
            found.first().map(String::as_str),
            expected,
            "{status} {text}: {found:?}"
        );
    }
}

#[test]
fn required_components_are_found_wherever_they_stand() {
    let rule = json!({ "components": ["database", "redis"] });
    for (text, expected) in [
        (
            r#"{"status": "ready", "database": "ok", "redis": "ok"}"#,
            None,
        ),
        (
            r#"{"status": "ready", "database": true, "redis": true}"#,
            None,
        ),
        (
            r#"{"status": "ready", "database": true, "redis": false}"#,
            Some("HTTP-07"),
        ),
        (
            r#"{"status": "ready", "details": {"database": {"status": "ok"}, "redis": "connected"}}"#,
            None,
        ),
        (
            r#"{"status": "ready", "checks": [{"name": "Database", "status": "ok"}, {"name": "redis", "status": "ok"}]}"#,
            None,
        ),
        (
            r#"{"status": "pass", "checks": {"database:connections": [{"status": "pass"}], "redis": [{"status": "pass"}]}}"#,
            None,
        ),
        (r#"{"status": "ready", "database": "ok"}"#, Some("HTTP-05")),
        (r#"{"status": "ready"}"#, Some("HTTP-05")),
        (
            r#"{"status": "ready", "database": "ok", "redis": null}"#,
            Some("HTTP-06"),
        ),
        (
            r#"{"status": "ready", "database": "ok", "redis": "3 ms"}"#,
            Some("HTTP-07"),
        ),
        ("OK", Some("HTTP-05")),
    ] {
        let found = health(&rule, 200, text);
        assert_eq!(
            found.first().map(String::as_str),
            expected,
            "{text}: {found:?}"
        );
    }
}

#[test]
fn missing_values_are_never_as_expected() {
    for (matcher, text) in [
        (json!({ "lt": 100 }), "{}"),
        (json!({ "ne": "DOWN" }), "{}"),
        (json!({ "ne": "DOWN" }), r#"{"x": null}"#),
        (json!({ "lt": 100 }), r#"{"x": "<html>"}"#),
        (json!({ "each": "ok" }), r#"{"x": []}"#),
        (json!(1), r#"{"x": "1"}"#),
        (json!({ "lte": 1 }), r#"{"x": 1.9}"#),
    ] {
        let found = codes(
            &json!({ "json": { "$.x": matcher } }),
            vec![answer(200, &[("content-type", "application/json")], text)],
        );
        assert_eq!(found, ["HTTP-54"], "{matcher} {text}");
    }
}

#[test]
fn a_document_from_the_future_is_not_fresh() {
    let rule = json!({ "fresh": { "max_age": "60s", "time": "$.t" } });
    for (time, expected) in [
        ("2026-06-15T12:00:00Z", None),
        ("2026-06-15T12:03:00Z", None),
        ("2099-01-01T00:00:00Z", Some("HTTP-10")),
    ] {
        let found = codes(
            &rule,
            vec![answer(200, &[], &format!(r#"{{"t": "{time}"}}"#))],
        );
        let stale = found.iter().find(|code| *code == "HTTP-10");
        assert_eq!(stale.map(String::as_str), expected, "{time}");
    }
}

#[test]
fn every_kind_of_age_is_looked_at() {
    let at = "2026-06-15T12:00:00Z".parse().unwrap();
    for (headers, text, expected) in [
        (vec![("age", "0")], "{}", None),
        (vec![("age", "61")], "{}", Some("HTTP-10")),
        (vec![("date", "Mon, 15 Jun 2026 11:59:58 GMT")], "{}", None),
        (
            vec![("date", "Mon, 15 Jun 2026 11:50:00 GMT")],
            "{}",
            Some("HTTP-10"),
        ),
        (vec![], "{}", Some("HTTP-10")),
    ] {
        let exchange = Exchange {
            at,
            ..answer(200, &headers, text)
        };
        let found = codes(&json!({ "fresh": "60s" }), vec![exchange]);
        assert_eq!(found.first().map(String::as_str), expected, "{headers:?}");
    }
    for (text, expected) in [
        (r#"{"t": "2026-06-15T11:59:50Z"}"#, None),
        (r#"{"t": "2026-06-15T11:59:50.123456"}"#, None),
        (r#"{"t": 1781524790}"#, None),
        (r#"{"t": 1781524790000}"#, None),
        (r#"{"t": "2026-06-15T11:50:00+00:00"}"#, Some("HTTP-10")),
        (r#"{"t": null}"#, Some("HTTP-10")),
        (r#"{"t": "yesterday"}"#, Some("HTTP-10")),
        ("{}", Some("HTTP-10")),
    ] {
        let exchange = Exchange {
            at,
            ..answer(200, &[("content-type", "application/json")], text)
        };
        let found = codes(
            &json!({ "fresh": { "max_age": "60s", "time": "$.t" } }),
            vec![exchange],
        );
        assert_eq!(found.first().map(String::as_str), expected, "{text}");
    }
}

#[test]
fn samples_are_judged_together() {
    let fine = || answer(200, &[], "");
    let broken = || answer(500, &[], "");
    for (samples, expected) in [
        (vec![fine(), fine(), fine()], vec![]),
        (vec![fine(), broken(), fine()], vec!["HTTP-26", "HTTP-51"]),
        (vec![broken(), broken(), broken()], vec!["HTTP-51"]),
    ] {
        assert_eq!(codes(&json!({}), samples), expected);
    }
}

#[test]
fn statuses_are_written_in_many_ways() {
    for (rule, good, bad) in [
        (json!(200), 200, 201),
        (json!("2xx"), 204, 302),
        (json!("404"), 404, 410),
        (json!([200, "4xx"]), 418, 500),
        (json!({ "lt": 500 }), 499, 500),
    ] {
        let expect = json!({ "status": rule });
        assert_eq!(
            codes(&expect, vec![answer(good, &[], "")]),
            Vec::<String>::new(),
            "{rule}"
        );
        assert_eq!(
            codes(&expect, vec![answer(bad, &[], "")]),
            ["HTTP-51"],
            "{rule}"
        );
    }
    for rule in [
        json!([]),
        json!("6xx"),
        json!(20),
        json!("ok"),
        json!({}),
        json!(null),
    ] {
        let spec = json!({ "url": "http://x/", "expect": { "requires_auth": { "status": rule } } });
        let read = serde_json::from_value::<Http>(spec);
        assert!(rule.is_null() || read.is_err(), "{rule}");
    }
}

#[test]
fn contradictions_are_refused_before_anything_is_sent() {
    for (spec, field) in [
        (json!({ "url": "ftp://x/" }), "url"),
        (json!({ "url": "/health" }), "url"),
        (json!({ "url": "https://u:p@x/" }), "url"),
        (json!({ "url": "https://x/", "method": "POST" }), "method"),
        (json!({ "url": "https://x/", "samples": 0 }), "samples"),
        (
            json!({ "url": "https://x/", "samples": 3, "min_healthy": 4 }),
            "min_healthy",
        ),
        (json!({ "url": "https://x/", "auth": {} }), "auth"),
        (
            json!({ "url": "https://x/", "body": "a", "json": {} }),
            "json",
        ),
        (
            json!({ "url": "https://x/", "expect": { "security": {} } }),
            "expect.security",
        ),
        (
            json!({ "url": "https://x/", "expect": { "redirect_to_https": true } }),
            "expect.redirect_to_https",
        ),
        (
            json!({ "url": "https://x/", "expect": { "version": { "json": "$.v" } } }),
            "expect.version",
        ),
        (
            json!({ "url": "https://x/", "expect": { "final_url": "y" } }),
            "expect.final_url",
        ),
        (
            json!({ "url": "https://1.2.3.4/", "addresses": ["1.2.3.5"] }),
            "addresses",
        ),
        (
            json!({ "url": "https://x/", "steps": [{}], "requests": [{}] }),
            "steps",
        ),
        (
            json!({ "url": "https://x/", "steps": [{ "url": "/{{id}}" }] }),
            "steps[0]",
        ),
        (
            json!({ "url": "https://x/", "steps": [{ "capture": { "a": {} } }] }),
            "steps[0].capture.a",
        ),
        (
            json!({ "url": "https://x/", "method": "HEAD", "expect": { "body": "x" } }),
            "method",
        ),
    ] {
        let kind: Http = serde_json::from_value(spec.clone()).unwrap();
        let fields: Vec<String> = kind.problems().into_iter().map(|p| p.field).collect();
        assert!(fields.iter().any(|f| f == field), "{spec}: {fields:?}");
    }
    let fine = json!({ "url": "https://x/", "requests": [{ "url": "a" }], "expect": { "health": "spring" } });
    assert!(
        serde_json::from_value::<Http>(fine)
            .unwrap()
            .problems()
            .is_empty()
    );
}

#[test]
fn urls_of_steps_stand_on_the_base() {
    let kind: Http = serde_json::from_value(json!({ "url": "https://x:1/api/v1?k=v" })).unwrap();
    for (url, expected) in [
        ("", "https://x:1/api/v1?k=v"),
        ("/login", "https://x:1/login"),
        ("ci/", "https://x:1/api/v1/ci/"),
        ("?page=2", "https://x:1/api/v1?page=2"),
        ("https://other/", "https://other/"),
        ("{{next}}", "{{next}}"),
        ("/u/{{id}}", "https://x:1/u/{{id}}"),
    ] {
        assert_eq!(kind.joined(url), expected, "{url}");
    }
}

#[test]
fn the_plan_names_every_request_with_its_bound() {
    let spec = json!({
        "url": "https://x/a", "samples": 3, "follow_redirects": 2, "missing_page": true,
        "exposes_nothing": { "paths": ["/secret"] }, "expect": { "security": { "behind": "https://y" } },
    });
    let kind: Http = serde_json::from_value(spec).unwrap();
    let plan: Vec<(String, u32)> = kind
        .plan()
        .into_iter()
        .map(|p| (p.what, p.at_most))
        .collect();
    assert_eq!(plan[0], ("GET https://x/a".to_owned(), 9));
    assert_eq!(plan.len(), 4);
    assert_eq!(plan[3], ("GET https://y/a".to_owned(), 1));
    assert_eq!(kind.hosts(), ["x:443", "y:443"]);
}

#[test]
fn every_code_is_documented_once() {
    let mut codes: Vec<&str> = Http::FAULTS.iter().map(|fault| fault.code).collect();
    codes.sort_unstable();
    let count = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), count);
}
