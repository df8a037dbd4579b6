//! Tables: lines in, codes out.

use super::facts::Facts;
use super::line::{Level, Time, level, time};
use super::source::Log;
use super::{Logs, digest, judge};
use crate::kinds::Kind as _;
use crate::outcome::{Finding, Judged};
use crate::redact::Redactor;

fn now() -> jiff::Timestamp {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

fn spec(expect: serde_json::Value) -> Logs {
    serde_json::from_value(serde_json::json!({"file": {"path": "app.log"}, "expect": expect}))
        .unwrap()
}

fn judged(expect: serde_json::Value, text: &str) -> (Facts, Vec<Finding>) {
    let spec = spec(expect);
    assert!(spec.problems().is_empty(), "{:?}", spec.problems());
    let log = Log {
        source: "app.log".to_owned(),
        text: text.to_owned(),
        mode: Some(0o640),
        ..Log::default()
    };
    let redactor = Redactor::default();
    redactor.add("q7Rk2mXv9TzL4wYb");
    let facts = digest::digest(&spec, &log, &redactor, now());
    let findings = judge::judge(&spec, &facts, now());
    (facts, findings)
}

#[track_caller]
fn assert_codes(expect: serde_json::Value, text: &str, wanted: &[&str]) {
    let (_, findings) = judged(expect.clone(), text);
    let codes: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.verdict != Judged::Pass)
        .filter_map(|finding| finding.code.as_deref())
        .collect();
    assert_eq!(codes, wanted, "{expect} {text} {findings:?}");
}

/// A line as it should be.
const GOOD: &str =
    r#"{"timestamp":"2026-06-15T11:59:58Z","level":"info","message":"ok","request_id":"r1"}"#;

#[test]
fn structure_fields_and_times_are_judged() {
    let all = serde_json::json!({"structured": 100, "fields": ["request_id|trace_id", "level"], "timestamps": true, "min_level": "info", "max_age": "1m", "no_injection": true, "max_line": "1KiB", "secrets": true});
    assert_codes(all.clone(), &format!("{GOOD}\n{GOOD}\n"), &[]);
    assert_codes(all.clone(), &GOOD.replace("request_id", "trace_id"), &[]);
    assert_codes(
        all.clone(),
        &format!("{GOOD}\nTraceback (most recent call last):"),
        &["LOG-01", "LOG-03"],
    );
    assert_codes(
        serde_json::json!({"structured": 50}),
        &format!("{GOOD}\nplain"),
        &[],
    );
    assert_codes(all.clone(), &GOOD.replace("\"r1\"", "\"\""), &["LOG-02"]);
    assert_codes(all.clone(), &GOOD.replace("\"r1\"", "null"), &["LOG-02"]);
    assert_codes(
        all.clone(),
        &GOOD.replace("58Z", "58"),
        &["LOG-03", "LOG-06"],
    );
    assert_codes(all.clone(), &GOOD.replace("11:59", "12:59"), &["LOG-03"]);
    assert_codes(
        all.clone(),
        &GOOD.replace("timestamp", "when"),
        &["LOG-03", "LOG-06"],
    );
    let late = GOOD.replace("11:59", "11:30");
    assert_codes(all.clone(), &format!("{GOOD}\n{late}"), &["LOG-03"]);
    assert_codes(all.clone(), &late, &["LOG-06"]);
    assert_codes(all.clone(), &GOOD.replace("info", "debug"), &["LOG-04"]);
    assert_codes(
        all.clone(),
        &GOOD.replace("ok", &"x".repeat(2000)),
        &["LOG-13"],
    );
    assert_codes(
        serde_json::json!({"no_injection": true}),
        "user \u{1b}[31mroot",
        &["LOG-10"],
    );
    assert_codes(
        serde_json::json!({"no_injection": true}),
        "a\rINFO forged\r\n",
        &["LOG-10"],
    );
    assert_codes(serde_json::json!({"no_injection": true}), "a\tb\r\n", &[]);
}

#[test]
fn what_is_empty_or_says_nothing_is_never_green() {
    for expect in [
        serde_json::json!({"structured": 100}),
        serde_json::json!({"secrets": true}),
        serde_json::json!({"forbid": ["x"]}),
    ] {
        assert_codes(expect, "\n  \n", &["LOG-54"]);
    }
    assert_codes(
        serde_json::json!({"max_age": "1h"}),
        "",
        &["LOG-54", "LOG-06"],
    );
    assert_codes(
        serde_json::json!({"min_level": "info"}),
        "{\"a\":1}",
        &["LOG-04"],
    );
    assert_codes(
        serde_json::json!({"max_errors": 1}),
        "{\"a\":1}",
        &["LOG-05"],
    );
    assert_codes(
        serde_json::json!({"max_age": "1h"}),
        "{\"a\":1}",
        &["LOG-06"],
    );
    assert_codes(serde_json::json!({"fields": ["a"]}), "plain", &["LOG-02"]);
    assert_codes(
        serde_json::json!({"canaries": ["short"]}),
        GOOD,
        &["LOG-08"],
    );
}

#[test]
fn errors_messages_and_secrets_are_judged() {
    let error = GOOD.replace("info", "error");
    assert_codes(
        serde_json::json!({"max_errors": 50}),
        &format!("{GOOD}\n{error}"),
        &[],
    );
    assert_codes(
        serde_json::json!({"max_errors": 49}),
        &format!("{GOOD}\n{error}"),
        &["LOG-05"],
    );
    assert_codes(
        serde_json::json!({"forbid": ["(?i)development server"]}),
        "WARNING: This is a development server.",
        &["LOG-51"],
    );
    assert_codes(serde_json::json!({"require": ["login"]}), GOOD, &["LOG-52"]);
    assert_codes(serde_json::json!({"require": ["ok"]}), GOOD, &[]);
    assert_codes(
        serde_json::json!({"secrets": true}),
        "x password=hunter2hunter",
        &["LOG-07"],
    );
    // A secret of this audit, also in base64.
    assert_codes(
        serde_json::json!({"secrets": true}),
        "x q7Rk2mXv9TzL4wYb y",
        &["LOG-08"],
    );
    assert_codes(
        serde_json::json!({"secrets": true}),
        "x cTdSazJtWHY5VHpMNHdZYg== y",
        &["LOG-08"],
    );
    assert_codes(
        serde_json::json!({"canaries": ["my canary"]}),
        "x my%20canary y",
        &["LOG-08"],
    );
    assert_codes(serde_json::json!({"canaries": ["my canary"]}), GOOD, &[]);
    assert_codes(
        serde_json::json!({"personal": true}),
        "mail to ada.l@mail.acme.io",
        &["LOG-53"],
    );
    assert_codes(
        serde_json::json!({"secrets": true}),
        "mail to ada.l@mail.acme.io",
        &[],
    );
    assert_codes(
        serde_json::json!({"personal": true}),
        "password=hunter2hunter",
        &[],
    );
}

#[test]
fn levels_and_times_are_read_in_the_usual_forms() {
    let of = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        (
            level(text, value.as_object()),
            time(text, value.as_object()),
        )
    };
    let at = |text: &str| Time::At(text.parse().unwrap());
    for (text, wanted, when) in [
        (
            r#"{"level":30,"time":1781524798000}"#,
            Some(Level::Info),
            at("2026-06-15T11:59:58Z"),
        ),
        (
            r#"{"severity":"CRITICAL","ts":1781524798.5}"#,
            Some(Level::Fatal),
            at("2026-06-15T11:59:58.5Z"),
        ),
        (
            r#"{"severity_number":9,"@timestamp":"2026-06-15T13:59:58+02:00"}"#,
            Some(Level::Info),
            at("2026-06-15T11:59:58Z"),
        ),
        (
            r#"{"log":{"level":"warn"},"asctime":"2026-06-15 11:59:58,123"}"#,
            Some(Level::Warn),
            Time::Zoneless,
        ),
        (r#"{"level":"loud","time":"noon"}"#, None, Time::Missing),
        (
            "2026-06-15T11:59:58Z ERROR boom",
            Some(Level::Error),
            at("2026-06-15T11:59:58Z"),
        ),
        (
            "[2026-06-15 11:59:58] WARNING: x",
            Some(Level::Warn),
            Time::Zoneless,
        ),
        ("level=debug msg=x", Some(Level::Debug), Time::Missing),
        ("INFO:     Started server", Some(Level::Info), Time::Missing),
        ("no level here, only information", None, Time::Missing),
    ] {
        assert_eq!(of(text), (wanted, when), "{text}");
    }
}

#[test]
fn what_could_never_fail_is_refused() {
    for (spec, field) in [
        (serde_json::json!({"expect": {"secrets": true}}), ""),
        (
            serde_json::json!({"file": {"path": "a"}, "http": {"url": "http://h"}, "expect": {"secrets": true}}),
            "",
        ),
        (serde_json::json!({"file": {"path": "a"}}), "expect"),
        (
            serde_json::json!({"file": {"path": "a"}, "expect": {"structured": 0}}),
            "expect.structured",
        ),
        (
            serde_json::json!({"file": {"path": "a"}, "expect": {"max_errors": 100}}),
            "expect.max_errors",
        ),
        (
            serde_json::json!({"http": {"url": "http://h"}, "expect": {"private": true}}),
            "expect.private",
        ),
        (
            serde_json::json!({"command": {"argv": []}, "expect": {"secrets": true}}),
            "command.argv",
        ),
        (
            serde_json::json!({"file": {"path": "a"}, "expect": {"secrets": true, "ignore": ["nothing"]}}),
            "expect.ignore[0]",
        ),
    ] {
        let logs: Logs = serde_json::from_value(spec.clone()).unwrap();
        assert_eq!(
            logs.problems().first().map(|p| p.field.as_str()),
            Some(field),
            "{spec}"
        );
    }
}
