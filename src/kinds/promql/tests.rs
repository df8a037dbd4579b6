//! Tables: answers in, codes out; contradictions.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::api::{Reply, seconds};
use super::facts::Facts;
use super::judge_queries::rate_window;
use super::spec::Ask;
use super::*;

const URL: &str = "http://host:9090";

fn kind(more: &Value) -> Promql {
    let mut spec = json!({ "url": URL });
    spec.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

fn reply(data: Value) -> Reply {
    Reply {
        data,
        warnings: Vec::new(),
        error: None,
    }
}

fn vector(values: &[(&str, &str)]) -> Value {
    let result: Vec<Value> = values
        .iter()
        .map(|(name, value)| json!({ "metric": { "a": name }, "value": [1, value] }))
        .collect();
    json!({ "resultType": "vector", "result": result })
}

/// Codes of the findings that did not pass, with their verdicts.
fn codes(kind: &Promql, facts: &Facts) -> Vec<String> {
    judge::judge(kind, facts)
        .into_iter()
        .filter(|finding| finding.verdict != crate::outcome::Judged::Pass)
        .map(|f| format!("{} {:?}", f.code.as_deref().unwrap_or("-"), f.verdict))
        .collect()
}

/// Judges one query whose expression is `x`.
fn query(rule: &Value, reply: Reply) -> Vec<String> {
    let mut query = json!({ "expr": "x" });
    query
        .as_object_mut()
        .unwrap()
        .extend(rule.as_object().unwrap().clone());
    let kind = kind(&json!({ "queries": [query] }));
    let facts = Facts {
        answers: vec![observe::read_answer(&kind.queries[0].ask(), reply)],
        ..Facts::default()
    };
    codes(&kind, &facts)
}

#[test]
fn only_whole_finite_answers_are_green() {
    let low = json!({ "value": { "lt": 5 } });
    for (data, expected) in [
        (vector(&[("x", "1"), ("y", "2")]), vec![]),
        (vector(&[("x", "1"), ("y", "7")]), vec!["MET-61 Fail"]),
        (vector(&[]), vec!["MET-10 Fail"]),
        (vector(&[("x", "NaN")]), vec!["MET-10 Error"]),
        (vector(&[("x", "+Inf")]), vec!["MET-10 Error"]),
        (vector(&[("x", "-Inf")]), vec!["MET-10 Error"]),
        (vector(&[("x", "")]), vec!["MET-10 Error"]),
        (
            json!({ "resultType": "scalar", "result": [1, "3"] }),
            vec![],
        ),
        (
            json!({ "resultType": "scalar", "result": [1, "NaN"] }),
            vec!["MET-10 Error"],
        ),
        (
            json!({ "resultType": "string", "result": [1, "3"] }),
            vec!["MET-11 Fail"],
        ),
        (
            json!({ "resultType": "matrix", "result": [] }),
            vec!["MET-11 Fail"],
        ),
        (
            json!({ "resultType": "vector", "result": null }),
            vec!["MET-10 Fail"],
        ),
        (json!({ "resultType": "vector", "result": [{}] }), vec![]),
        (json!({}), vec!["MET-11 Fail"]),
        (Value::Null, vec!["MET-11 Fail"]),
    ] {
        // A series without any value has nothing to be judged: see the next assertion.
        if data["result"][0] == json!({}) {
            assert_eq!(query(&low, reply(data)), ["MET-10 Error"]);
            continue;
        }
        assert_eq!(query(&low, reply(data.clone())), expected, "{data}");
    }
    let mut partial = reply(vector(&[("x", "1")]));
    partial.warnings.push("one store did not answer".to_owned());
    assert_eq!(query(&low, partial), ["MET-10 Error"]);
    let mut refused = reply(Value::Null);
    refused.error = Some("parse error".to_owned());
    assert_eq!(query(&low, refused), ["MET-10 Error"]);
}

#[test]
fn counts_and_empty_answers_are_judged_as_said() {
    for (rule, values, expected) in [
        (json!({ "count": 2 }), vec![("a", "1"), ("b", "1")], vec![]),
        (json!({ "count": 2 }), vec![("a", "1")], vec!["MET-62 Fail"]),
        (json!({ "count": 0 }), vec![], vec![]),
        (
            json!({ "value": 1, "one": true }),
            vec![("a", "1"), ("b", "1")],
            vec!["MET-11 Fail"],
        ),
        (
            json!({ "value": 1, "on_empty": "unknown" }),
            vec![],
            vec!["MET-10 Error"],
        ),
        (json!({ "value": 1, "on_empty": "pass" }), vec![], vec![]),
    ] {
        assert_eq!(query(&rule, reply(vector(&values))), expected, "{rule}");
    }
}

#[test]
fn every_step_of_a_range_counts() {
    let rule = json!({ "value": { "lt": 5 }, "range": "1m", "step": "15s" });
    for (values, expected) in [
        (
            json!([[0, "1"], [15, "2"], [30, "3"], [45, "4"], [60, "4"]]),
            vec![],
        ),
        (json!([[0, "1"], [15, "9"], [30, "3"]]), vec!["MET-61 Fail"]),
        (
            json!([[0, "1"], [15, "NaN"], [30, "3"]]),
            vec!["MET-10 Error"],
        ),
        (json!([[0, "1"], [15, "2"]]), vec!["MET-13 Error"]),
    ] {
        let data =
            json!({ "resultType": "matrix", "result": [{ "metric": {}, "values": values }] });
        assert_eq!(query(&rule, reply(data)), expected, "{values}");
    }
}

/// Judges a budget of 99% with these answers for errors and total, long and short.
fn burn(more: &Value, values: [&str; 4]) -> Vec<String> {
    let mut rule = json!({
        "title": "requests", "slo": 99, "errors": "e[window] rate", "total": "t[window] rate",
        "windows": [{ "long": "1h", "short": "5m", "factor": 14.4 }],
    });
    rule.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let kind = kind(&json!({ "burn_rate": [rule] }));
    let asks = ["e[1h] rate", "t[1h] rate", "e[5m] rate", "t[5m] rate"];
    let answers = asks
        .iter()
        .zip(values)
        .map(|(ask, value)| {
            let data = if value.is_empty() {
                vector(&[])
            } else {
                vector(&[("", value)])
            };
            observe::read_answer(&Ask::instant(*ask), reply(data))
        })
        .collect();
    let facts = Facts {
        answers,
        ..Facts::default()
    };
    codes(&kind, &facts)
}

#[test]
fn a_budget_is_red_when_both_windows_burn() {
    for (values, expected) in [
        (["0.001", "1", "0.001", "1"], vec![]),
        (["0.2", "1", "0.2", "1"], vec!["MET-12 Fail"]),
        (["0.2", "1", "0.0", "1"], vec![]),
        (["0.1", "1", "0.5", "1"], vec![]),
        (["0.2", "1", "0", "0"], vec!["MET-12 Fail"]),
        (["0.0002", "0.001", "0.0002", "0.001"], vec!["MET-13 Error"]),
        (["", "0", "", "0"], vec!["MET-13 Error"]),
        (["", "1", "", "1"], vec!["MET-10 Error"]),
        (["0", "", "0", ""], vec!["MET-10 Fail"]),
        (["NaN", "1", "0", "1"], vec!["MET-10 Error"]),
        (["5", "1", "5", "1"], vec!["MET-10 Error"]),
    ] {
        assert_eq!(burn(&json!({}), values), expected, "{values:?}");
    }
    let zero = json!({ "no_errors_is_zero": true });
    assert_eq!(burn(&zero, ["", "1", "", "1"]), Vec::<String>::new());
    let good = json!({ "errors": null, "good": "e[window] rate" });
    assert_eq!(
        burn(&good, ["0.999", "1", "0.999", "1"]),
        Vec::<String>::new()
    );
    assert_eq!(burn(&good, ["", "1", "", "1"]), ["MET-12 Fail"]);
}

#[test]
fn retention_is_read_in_every_form() {
    for (said, expected) in [
        (json!("30d"), vec![]),
        (json!("15d"), vec!["MET-20 Fail"]),
        (json!("4w2d or 10GiB"), vec![]),
        (json!("10GiB"), vec!["MET-20 Error"]),
        (json!("0s"), vec!["MET-20 Fail"]),
        (Value::Null, vec!["MET-20 Error"]),
    ] {
        let runtime = json!({ "retention": said, "reloaded": true });
        let facts = Facts {
            runtime: Some(Ok(serde_json::from_value(runtime).unwrap())),
            ..Facts::default()
        };
        let kind = kind(&json!({ "retention": "30d" }));
        assert_eq!(codes(&kind, &facts), expected, "{said}");
    }
}

#[test]
fn silences_receivers_and_reach_are_judged() {
    let with = |silences: Value, notifies: Value| {
        let manager = json!({ "receivers": ["team"], "notifies": notifies, "silences": silences, "alerts": [] });
        let facts = Facts {
            notifies: Some(Ok(vec!["http://am".to_owned()])),
            alertmanager: Some(Ok(serde_json::from_value(manager).unwrap())),
            ..Facts::default()
        };
        let kind = kind(&json!({ "alertmanager": { "url": "http://am", "receivers": ["team"] } }));
        codes(&kind, &facts)
    };
    let silence = |everything: bool, ends: &str| json!([{ "matchers": "a=b", "everything": everything, "starts": "2026-01-01T00:00:00Z", "ends": ends }]);
    assert_eq!(with(json!([]), json!(true)), Vec::<String>::new());
    assert_eq!(
        with(silence(false, "2026-01-02T00:00:00Z"), json!(true)),
        Vec::<String>::new()
    );
    assert_eq!(
        with(silence(false, "2036-01-02T00:00:00Z"), json!(true)),
        ["MET-15 Fail"]
    );
    assert_eq!(
        with(silence(true, "2026-01-02T00:00:00Z"), json!(true)),
        ["MET-15 Fail"]
    );
    assert_eq!(with(json!([]), json!(false)), ["MET-15 Fail"]);
    assert_eq!(with(json!([]), Value::Null), ["MET-15 Error"]);
}

#[test]
fn windows_of_rates_are_found() {
    for (expr, window) in [
        ("rate(a[5m])", Some(300.0)),
        (
            "sum(increase(a{x=\"y\"}[1h30m])) / rate(b[30s])",
            Some(30.0),
        ),
        ("rate(a{x=~\"[0-9]\"}[5m])", None),
        ("max_over_time(a[5m])", None),
        ("rate(a[5m:1m])", None),
        ("up", None),
    ] {
        assert_eq!(rate_window(expr), window, "{expr}");
    }
    for (text, value) in [
        ("1m30s", Some(90.0)),
        ("15d", Some(1_296_000.0)),
        ("500ms", Some(0.5)),
        ("0s", Some(0.0)),
        ("", None),
        ("5", None),
        ("10GiB", None),
    ] {
        assert_eq!(seconds(text), value, "{text}");
    }
}

#[test]
fn contradictions_are_reported_before_any_contact() {
    for (spec, field) in [
        (json!({}), Some("")),
        (json!({ "series": ["up"] }), None),
        (json!({ "targets": true, "url": "host" }), Some("url")),
        (
            json!({ "targets": true, "url": "http://host/graph?g0=1" }),
            Some("url"),
        ),
        (json!({ "queries": [{ "expr": "up" }] }), Some("queries[0]")),
        (
            json!({ "queries": [{ "expr": "up", "value": 1, "on_empty": "pass" }] }),
            Some("queries[0].on_empty"),
        ),
        (
            json!({ "queries": [{ "expr": "up", "value": 1, "range": "90d" }] }),
            Some("queries[0].range"),
        ),
        (
            json!({ "queries": [{ "expr": "up", "value": 1, "range": "1h", "step": "1s" }] }),
            Some("queries[0].step"),
        ),
        (
            json!({ "queries": [{ "expr": "up", "value": 1, "step": "15s" }] }),
            Some("queries[0]"),
        ),
        (json!({ "alerts": {} }), Some("alerts")),
        (
            json!({ "alerts": { "exist": [{}] } }),
            Some("alerts.exist[0]"),
        ),
        (json!({ "targets": { "min": 0 } }), Some("targets.min")),
        (
            json!({ "alertmanager": { "receivers": ["a"] } }),
            Some("alertmanager"),
        ),
        (
            json!({ "buckets": [{ "histogram": "a" }] }),
            Some("buckets[0]"),
        ),
        (
            json!({ "burn_rate": [{ "title": "a", "slo": 100, "errors": "rate(a[window])", "total": "rate(b[window])", "windows": [{ "long": "1h", "short": "5m", "factor": 1 }] }] }),
            Some("burn_rate[0].slo"),
        ),
        (
            json!({ "burn_rate": [{ "title": "a", "slo": 99.9, "total": "rate(b[window])" }] }),
            Some("burn_rate[0]"),
        ),
        (
            json!({ "burn_rate": [{ "title": "a", "slo": 99.9, "errors": "rate(a[5m])", "total": "rate(b[window])" }] }),
            Some("burn_rate[0].errors"),
        ),
        (
            json!({ "burn_rate": [{ "title": "a", "slo": 90, "errors": "rate(a[window])", "total": "rate(b[window])" }] }),
            Some("burn_rate[0].windows[0].factor"),
        ),
    ] {
        let problems = kind(&spec).problems();
        assert_eq!(problems.first().map(|p| p.field.as_str()), field, "{spec}");
    }
}

/// JSON as an API that went mad would send it.
fn mad() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            Just("NaN".to_owned()),
            Just("1".to_owned()),
            any::<String>()
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let key = prop_oneof![
            Just("resultType".to_owned()),
            Just("result".to_owned()),
            Just("metric".to_owned()),
            Just("value".to_owned()),
            Just("values".to_owned()),
            Just("le".to_owned()),
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(key, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_answer_is_judged_without_panic(data in mad()) {
        let kind = kind(&json!({ "queries": [{ "expr": "x", "value": { "gte": 0 } }], "buckets": [{ "histogram": "h", "value": 1 }] }));
        let asks = kind.asks();
        let answers = asks.iter().map(|ask| observe::read_answer(ask, reply(data.clone()))).collect();
        let facts = Facts { answers, ..Facts::default() };
        prop_assert!(!judge::judge(&kind, &facts).is_empty());
    }
}
