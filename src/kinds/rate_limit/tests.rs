//! Judging tables: facts in, codes out.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::facts::{Attempt, End, Facts, Refusal, Try};
use super::headers::Limits;
use super::{RateLimit, judge};
use crate::kinds::{Impact, Kind as _};
use crate::outcome::Judged;

fn now() -> Timestamp {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

fn spec(json: impl Into<serde_json::Value>) -> RateLimit {
    let mut base = serde_json::json!({"url": "https://api.example.com/v1/items", "limit": 20});
    let (Some(map), Some(more)) = (base.as_object_mut(), json.into().as_object().cloned()) else {
        panic!("not a mapping");
    };
    for (key, value) in more {
        map.insert(key, value);
    }
    let spec: RateLimit = serde_json::from_value(base).unwrap();
    assert!(spec.problems().is_empty(), "{:?}", spec.problems());
    spec
}

fn limits(pairs: &[(&str, &str)]) -> Limits {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    Limits::read(&pairs, now())
}

/// A limiter of 20 a minute that does everything right.
fn healthy() -> Facts {
    Facts {
        budget: 29,
        sent: 21,
        accepted: 20,
        normal: 200,
        statuses: BTreeMap::from([(200, 20), (429, 1)]),
        elapsed_ms: 40,
        typical_ms: 4,
        needed: 29,
        announced: limits(&[
            ("RateLimit-Limit", "20"),
            ("RateLimit-Remaining", "19"),
            ("RateLimit-Reset", "60"),
        ]),
        remaining: (0..20).rev().map(Some).collect(),
        from_cache: false,
        end: End::Limited,
        refusal: Some(Refusal {
            status: 429,
            retry_after: vec!["60".to_owned()],
            at: now(),
            limits: limits(&[("RateLimit-Remaining", "0"), ("RateLimit-Reset", "60")]),
            cache_control: vec!["no-store".to_owned()],
            validator: false,
            from_cache: false,
            content_type: "application/json".to_owned(),
            server: String::new(),
            excerpt: "{\"error\": \"slow down\"}".to_owned(),
            ms: 2,
            site_is_html: false,
        }),
        tries: Vec::new(),
        blast_radius: String::new(),
    }
}

fn codes(spec: &RateLimit, facts: &Facts) -> Vec<String> {
    let json = serde_json::to_value(facts).unwrap();
    let again: Facts = serde_json::from_value(json).unwrap();
    judge::judge(spec, &again, now())
        .into_iter()
        .filter_map(|finding| {
            let letter = match finding.verdict {
                Judged::Pass => return None,
                Judged::Fail => "",
                Judged::Warn => "?",
                Judged::Error => "!",
            };
            Some(format!("{}{letter}", finding.code.unwrap_or_default()))
        })
        .collect()
}

/// The codes of the healthy facts with a change.
fn changed(json: serde_json::Value, change: impl Fn(&mut Facts)) -> Vec<String> {
    let mut facts = healthy();
    change(&mut facts);
    codes(&spec(json), &facts)
}

fn none() -> serde_json::Value {
    serde_json::json!({})
}

/// Changes the refusal.
fn refusal(json: serde_json::Value, change: impl Fn(&mut Refusal)) -> Vec<String> {
    changed(json, |facts| change(facts.refusal.as_mut().unwrap()))
}

#[test]
fn a_healthy_limit_is_green() {
    assert!(changed(none(), |_| {}).is_empty());
}

#[test]
fn how_a_burst_ends_decides() {
    let end = |end: End| {
        changed(none(), move |facts| {
            facts.end = end.clone();
            facts.announced = Limits::default();
            facts.remaining.clear();
        })
    };
    assert_eq!(end(End::Unlimited), ["RL-01"]);
    assert_eq!(end(End::Budget), ["RL-54!"]);
    assert_eq!(end(End::Time), ["RL-54!"]);
    assert_eq!(end(End::Aborted("status 500".to_owned())), ["RL-52!"]);
    assert_eq!(end(End::Challenged("Cloudflare".to_owned())), ["RL-53!"]);
    assert_eq!(end(End::OtherRefusal), ["RL-03"]);
    assert_eq!(end(End::Passive), ["RL-54!"]);
    let cached = changed(none(), |facts| {
        facts.end = End::Unlimited;
        facts.from_cache = true;
    });
    assert_eq!(cached, ["RL-54!"]);
    let login = changed(serde_json::json!({"sensitive": true}), |facts| {
        facts.end = End::Unlimited;
    });
    assert_eq!(login, ["RL-12"]);
}

#[test]
fn the_limit_must_be_the_intended_one() {
    let quiet = |facts: &mut Facts, accepted: u32| {
        facts.accepted = accepted;
        facts.announced = Limits::default();
        facts.remaining.clear();
    };
    assert_eq!(changed(none(), |f| quiet(f, 40)), ["RL-02"]);
    assert_eq!(changed(none(), |f| quiet(f, 28)).len(), 0);
    assert_eq!(changed(none(), |f| quiet(f, 6)), ["RL-51?"]);
    assert_eq!(
        changed(serde_json::json!({"min_limit": 10}), |f| quiet(f, 6)),
        ["RL-51"]
    );
    assert_eq!(changed(none(), |f| quiet(f, 0)), ["RL-51!"]);
    // Two windows went by: twice as many may pass.
    let slow = changed(none(), |facts| {
        quiet(facts, 40);
        facts.elapsed_ms = 60_000;
    });
    assert_eq!(slow.len(), 0);
    let announced = changed(none(), |facts| {
        facts.announced = limits(&[
            ("X-RateLimit-Limit-Second", "100"),
            ("X-RateLimit-Remaining-Second", "99"),
        ]);
    });
    assert_eq!(announced, ["RL-02"]);
}

#[test]
fn announcements_must_make_sense() {
    let remaining = |list: &[i64]| {
        let list: Vec<_> = list.iter().copied().map(Some).collect();
        changed(none(), move |facts| facts.remaining.clone_from(&list))
    };
    assert_eq!(remaining(&[19, 18, 17]).len(), 0);
    assert_eq!(remaining(&[19, 19, 19]), ["RL-13"]);
    assert_eq!(remaining(&[1, 0, -1]), ["RL-13"]);
    assert_eq!(remaining(&[25, 24, 23]), ["RL-13"]);
    let contradiction = changed(none(), |facts| {
        facts.announced = limits(&[
            ("RateLimit-Limit", "20"),
            ("X-RateLimit-Limit", "10"),
            ("RateLimit-Remaining", "19"),
        ]);
    });
    assert_eq!(contradiction, ["RL-14"]);
    // A bucket that refills faster than requests are made never seems to fall.
    let refilled = changed(serde_json::json!({"window": "1s"}), |facts| {
        facts.remaining = vec![Some(19); 3];
        facts.elapsed_ms = 2000;
    });
    assert_eq!(refilled, ["RL-13?"]);
}

#[test]
fn refusals_must_tell_when_to_come_back() {
    let text =
        |value: &'static str| refusal(none(), move |r| r.retry_after = vec![value.to_owned()]);
    for value in ["soon", "-1", "Mon, 15 Jun 2026 11:00:00 GMT", "90000"] {
        assert_eq!(text(value), ["RL-05"], "{value}");
    }
    assert_eq!(text("Mon, 15 Jun 2026 12:01:00 GMT").len(), 0);
    assert_eq!(text("5"), ["RL-06"]);
    let missing = |json| refusal(json, |r| r.retry_after.clear());
    assert_eq!(missing(none()), ["RL-04?"]);
    assert_eq!(
        missing(serde_json::json!({"retry_after": "required"})),
        ["RL-04"]
    );
    assert_eq!(
        missing(serde_json::json!({"retry_after": "optional"})).len(),
        0
    );
}

#[test]
fn refusals_must_not_be_cached_and_must_be_readable() {
    let control =
        |value: &'static str| refusal(none(), move |r| r.cache_control = vec![value.to_owned()]);
    assert_eq!(control("public, max-age=60"), ["RL-15"]);
    assert_eq!(control("max-age=60"), ["RL-15"]);
    assert_eq!(control("max-age=0").len(), 0);
    assert_eq!(control("private, max-age=5").len(), 0);
    let validator = refusal(none(), |r| {
        r.cache_control.clear();
        r.validator = true;
    });
    assert_eq!(validator, ["RL-15?"]);
    assert_eq!(refusal(none(), |r| r.from_cache = true), ["RL-15"]);
    let html = |r: &mut Refusal| r.content_type = "text/html".to_owned();
    assert_eq!(refusal(none(), html), ["RL-17?"]);
    assert_eq!(
        refusal(serde_json::json!({"explain": true}), html),
        ["RL-17"]
    );
    assert_eq!(refusal(none(), |r| r.excerpt.clear()), ["RL-17?"]);
    let late = changed(none(), |facts| {
        facts.typical_ms = 300;
        facts.refusal.as_mut().unwrap().ms = 290;
    });
    assert_eq!(late, ["RL-21?"]);
}

#[test]
fn attempts_show_what_they_show() {
    let attempt = |kind, what: &str, statuses: &[u16]| {
        let mut attempt = Try::new(kind, what);
        attempt.statuses = statuses.to_vec();
        attempt.while_limited = true;
        attempt.same_type = true;
        changed(none(), move |facts| facts.tries = vec![attempt.clone()])
    };
    assert_eq!(attempt(Attempt::Exempt, "/health", &[200]).len(), 0);
    assert_eq!(attempt(Attempt::Exempt, "/health", &[429]), ["RL-18"]);
    assert_eq!(attempt(Attempt::Exempt, "/health", &[404]), ["RL-18!"]);
    assert_eq!(
        attempt(Attempt::ForgedAddress, "X-Forwarded-For", &[200, 200, 200]),
        ["RL-08"]
    );
    // One request that passes is a window that moved on, and a redirect is no answer.
    assert_eq!(
        attempt(Attempt::ForgedAddress, "X-Forwarded-For", &[200, 429]).len(),
        0
    );
    assert_eq!(
        attempt(Attempt::Spelling, "trailing slash", &[308, 308, 308]).len(),
        0
    );
    assert_eq!(
        attempt(Attempt::Spelling, "another query", &[200, 200, 200]),
        ["RL-09"]
    );
    assert_eq!(
        attempt(Attempt::SecondIdentity, "second caller", &[429]),
        ["RL-11"]
    );
    assert_eq!(
        attempt(Attempt::SecondIdentity, "second caller", &[200]).len(),
        0
    );
    assert_eq!(
        attempt(Attempt::SecondIdentity, "second caller", &[401]),
        ["RL-11!"]
    );
    assert_eq!(
        attempt(Attempt::Page, "https://app.example.com", &[429]),
        ["RL-16"]
    );
    assert_eq!(attempt(Attempt::Recovery, "again", &[200]).len(), 0);
    assert_eq!(attempt(Attempt::Recovery, "again", &[429]), ["RL-07"]);
    assert_eq!(attempt(Attempt::Recovery, "again", &[0]), ["RL-07!"]);
    let skipped = changed(none(), |facts| {
        let mut attempt = Try::new(Attempt::Recovery, "again");
        attempt.skipped = Some("too long".to_owned());
        facts.tries = vec![attempt];
    });
    assert_eq!(skipped, ["RL-07!"]);
}

#[test]
fn budgets_are_bounded_and_the_plan_says_so() {
    for (json, budget) in [
        (none(), 29),
        (serde_json::json!({"limit": 1000}), 200),
        (
            serde_json::json!({"limit": 1000, "max_requests": 1000}),
            1000,
        ),
        (serde_json::json!({"limit": null, "max_limit": 65}), 83),
        (serde_json::json!({"mode": "passive", "limit": null}), 3),
    ] {
        let spec = spec(json.clone());
        assert_eq!(spec.budget(), budget, "{json}");
        assert_eq!(spec.plan()[0].at_most, budget, "{json}");
    }
    assert_eq!(spec(none()).impact(), Impact::Disruptive);
    assert_eq!(
        spec(serde_json::json!({"mode": "passive"})).impact(),
        Impact::Normal
    );
}

#[test]
fn contradictions_are_told_before_anything_is_sent() {
    let url = "https://api.example.com/";
    for (json, field) in [
        (serde_json::json!({"url": "api", "limit": 5}), "url"),
        (serde_json::json!({"url": url}), ""),
        (serde_json::json!({"url": url, "limit": 0}), "limit"),
        (
            serde_json::json!({"url": url, "limit": 5, "min_limit": 9}),
            "min_limit",
        ),
        (
            serde_json::json!({"url": url, "limit": 5, "max_limit": 4}),
            "max_limit",
        ),
        (
            serde_json::json!({"url": url, "limit": 5, "max_requests": 5000}),
            "max_requests",
        ),
        (
            serde_json::json!({"url": url, "limit": 5, "concurrency": 50}),
            "concurrency",
        ),
        (
            serde_json::json!({"url": url, "limit": 5, "method": "DELETE"}),
            "method",
        ),
        (
            serde_json::json!({"url": url, "limit": 5, "body": "{}"}),
            "body",
        ),
        (
            serde_json::json!({"url": url, "limit": 5, "expect_status": 200}),
            "expect_status",
        ),
        (
            serde_json::json!({"url": url, "limit": 5, "exempt": ["health"]}),
            "exempt",
        ),
        (
            serde_json::json!({"url": url, "limit": 5, "headers": {"a b": "c"}}),
            "headers",
        ),
    ] {
        let spec: RateLimit = serde_json::from_value(json.clone()).unwrap();
        assert!(
            spec.problems().iter().any(|p| p.field == field),
            "{json}: {:?}",
            spec.problems()
        );
    }
}
