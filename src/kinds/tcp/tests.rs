//! Tables: what a port did in, codes out.

use super::*;

fn judged(spec: serde_json::Value, attempt: serde_json::Value) -> Vec<String> {
    let kind: Tcp = serde_json::from_value(spec).unwrap();
    let mut full = serde_json::json!({"address": "10.0.0.1:80", "answer": "open", "latency_ms": 2.0,
        "from": "10.0.0.2", "banner": null, "closed_early": false, "listened_ms": 300, "detail": null});
    full.as_object_mut()
        .unwrap()
        .extend(attempt.as_object().unwrap().clone());
    let facts: Facts =
        serde_json::from_value(serde_json::json!({"target": "web:80", "attempts": [full]}))
            .unwrap();
    let now = "2026-06-15T12:00:00Z".parse().unwrap();
    kind.judge(&facts, &JudgeContext { now })
        .into_iter()
        .map(|f| format!("{} {:?}", f.code.as_deref().unwrap_or("-"), f.verdict))
        .collect()
}

#[test]
fn open_and_closed_are_told_apart() {
    let open = serde_json::json!({"host": "web", "port": 80});
    let closed = serde_json::json!({"address": "web:80", "expect": "closed"});
    for (answer, for_open, for_closed) in [
        ("open", "- Pass", "TCP-04 Fail"),
        ("refused", "TCP-01 Fail", "- Pass"),
        ("silent", "TCP-01 Fail", "- Pass"),
        ("unreachable", "TCP-01 Fail", "- Pass"),
        ("no_route", "TCP-01 Error", "TCP-01 Error"),
    ] {
        let seen = serde_json::json!({"answer": answer, "latency_ms": 60_000.0});
        assert_eq!(judged(open.clone(), seen.clone()), [for_open], "{answer}");
        assert_eq!(judged(closed.clone(), seen), [for_closed], "{answer}");
    }
}

#[test]
fn silence_shows_nothing_when_the_wait_was_cut_short() {
    let closed =
        serde_json::json!({"address": "web:80", "expect": "closed", "no_answer_after": "3s"});
    for (waited, expected) in [(3000.0, "- Pass"), (500.0, "TCP-04 Error")] {
        let seen = serde_json::json!({"answer": "silent", "latency_ms": waited});
        assert_eq!(judged(closed.clone(), seen), [expected], "{waited}");
    }
}

#[test]
fn greeting_closing_and_latency_are_judged() {
    let ssh = serde_json::json!({"host": "web", "port": 22, "banner": {"starts_with": "SSH-2.0"}, "max_latency": "5ms"});
    for (seen, expected) in [
        (
            serde_json::json!({"banner": "SSH-2.0-x"}),
            vec!["- Pass", "- Pass", "- Pass"],
        ),
        (
            serde_json::json!({"banner": "SSH-2.0-x", "closed_early": true}),
            vec!["- Pass", "- Pass", "- Pass"],
        ),
        (
            serde_json::json!({"banner": "220 mail"}),
            vec!["- Pass", "TCP-03 Fail", "- Pass"],
        ),
        (
            serde_json::json!({}),
            vec!["- Pass", "TCP-03 Fail", "- Pass"],
        ),
        (
            serde_json::json!({"closed_early": true}),
            vec!["TCP-02 Fail", "- Pass"],
        ),
        (
            serde_json::json!({"banner": "SSH-2.0-x", "latency_ms": 9.0}),
            vec!["- Pass", "- Pass", "TCP-05 Fail"],
        ),
    ] {
        assert_eq!(judged(ssh.clone(), seen.clone()), expected, "{seen}");
    }
}

#[test]
fn contradictions_are_reported_before_any_contact() {
    for (spec, field) in [
        (serde_json::json!({}), Some("")),
        (serde_json::json!({"host": "a"}), Some("host")),
        (serde_json::json!({"port": 1}), Some("port")),
        (serde_json::json!({"host": "a", "port": 0}), Some("host")),
        (serde_json::json!({"address": "a"}), Some("address")),
        (
            serde_json::json!({"address": "a:1", "host": "a", "port": 1}),
            Some(""),
        ),
        (
            serde_json::json!({"address": "a:1", "expect": "closed", "banner": "x"}),
            Some("banner"),
        ),
        (
            serde_json::json!({"address": "a:1", "no_answer_after": "0s"}),
            Some("no_answer_after"),
        ),
        (serde_json::json!({"address": "a:1"}), None),
    ] {
        let kind: Tcp = serde_json::from_value(spec.clone()).unwrap();
        let problems = kind.problems();
        assert_eq!(problems.first().map(|p| p.field.as_str()), field, "{spec}");
    }
}
