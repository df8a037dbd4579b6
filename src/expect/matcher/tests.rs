//! Tests of `matcher`.

use super::*;
use serde_json::json;

fn matcher(value: Value) -> Matcher {
    serde_json::from_value(value).unwrap()
}

#[test]
fn operators_hold_and_fail() {
    for (spec, good, bad) in [
        (json!("ready"), json!("ready"), json!("Ready")),
        (json!(true), json!(true), json!("true")),
        (json!(5), json!(5.0), json!("5")),
        (json!(["a", "b"]), json!(["a", "b"]), json!(["b", "a"])),
        (json!({"ne": "DOWN"}), json!("UP"), json!("DOWN")),
        (json!({"lt": 100}), json!(1.9), json!(100)),
        (json!({"lte": 1}), json!(1), json!(1.9)),
        (json!({"gte": 2, "lt": 4}), json!(3), json!(4)),
        (json!({"between": [1, 2]}), json!(2), json!(2.1)),
        (
            json!({"one_of": ["ok", "pass"]}),
            json!("ok"),
            json!("warn"),
        ),
        (json!({"matches": "^v[0-9]"}), json!("v1"), json!("1")),
        (json!({"contains": "b"}), json!("abc"), json!("ac")),
        (
            json!({"contains": ["a", "b"]}),
            json!(["b", "a"]),
            json!(["a"]),
        ),
        (
            json!({"starts_with": "https://"}),
            json!("https://x"),
            json!("http://x"),
        ),
        (json!({"length": {"gte": 2}}), json!([1, 2]), json!([1])),
        (
            json!({"version": ">=0.8.2 <1"}),
            json!("0.8.5"),
            json!("0.8.1"),
        ),
        (json!({"type": "integer"}), json!(3), json!(3.5)),
        (json!({"empty": false}), json!("x"), json!("")),
        (
            json!({"not": {"contains": "error"}}),
            json!("fine"),
            json!("an error"),
        ),
        (
            json!({"each": "up"}),
            json!({"a": "up"}),
            json!({"a": "up", "b": "down"}),
        ),
        (json!({"any": ["a", {"gt": 3}]}), json!(4), json!(3)),
        (json!({"all": [{"gt": 3}, {"lt": 5}]}), json!(4), json!(5)),
    ] {
        let m = matcher(spec.clone());
        assert!(m.check(Some(&good)).is_ok(), "{spec} should accept {good}");
        assert!(m.check(Some(&bad)).is_err(), "{spec} should refuse {bad}");
    }
}

#[test]
fn missing_and_null_never_match_unless_asked_for() {
    for spec in [
        json!("x"),
        json!({"ne": "DOWN"}),
        json!({"lt": 100}),
        json!({"not": {"eq": "x"}}),
        json!({"empty": true}),
        json!({"not": {"contains": "error"}}),
        json!({"each": "x"}),
        json!({"length": 0}),
        json!({"matches": ""}),
    ] {
        assert!(
            matcher(spec.clone()).check(None).is_err(),
            "{spec} accepts missing"
        );
        assert!(
            matcher(spec.clone()).check(Some(&Value::Null)).is_err(),
            "{spec} accepts null"
        );
    }
    assert!(matcher(json!({"exists": false})).check(None).is_ok());
    assert!(
        matcher(json!({"not": {"exists": true}}))
            .check(None)
            .is_ok()
    );
    assert!(matcher(json!(null)).check(Some(&Value::Null)).is_ok());
    assert!(
        matcher(json!({"each": "x"}))
            .check(Some(&json!([])))
            .is_err(),
        "vacuous"
    );
}

#[test]
fn text_sources_compare_numbers_as_numbers() {
    assert!(matcher(json!({"gte": 60})).check_text(Some("100")).is_ok());
    assert!(
        matcher(json!({"gte": 60}))
            .check_text(Some("<html>"))
            .is_err()
    );
    assert!(matcher(json!({"lt": 60})).check_text(Some("")).is_err());
    assert!(matcher(json!(60)).check_text(Some("60")).is_ok());
    assert!(matcher(json!(false)).check_text(Some("False")).is_err());
}

#[test]
fn vacuous_matchers_are_refused() {
    for spec in [
        json!({}),
        json!({"one_of": []}),
        json!({"all": []}),
        json!({"any": []}),
        json!({"contains": ""}),
        json!({"between": [3, 1]}),
        json!({"gte": "x"}),
        json!({"equals": 1}),
    ] {
        assert!(
            serde_json::from_value::<Matcher>(spec.clone()).is_err(),
            "{spec}"
        );
    }
}

#[test]
fn what_cannot_be_compared_is_not_the_opposite() {
    for (spec, value) in [
        (json!({"not": {"gt": 100}}), json!("<html>")),
        (json!({"not": {"gt": 100}}), json!("150")),
        (json!({"not": {"matches": "DOWN"}}), json!(5)),
        (json!({"not": {"contains": "error"}}), json!(false)),
        (json!({"not": {"each": "DOWN"}}), json!([])),
        (json!({"not": {"each": {"gt": 5}}}), json!([9, null])),
        (json!({"not": {"version": "<2"}}), json!("unknown")),
        (json!({"not": {"any": [{"gt": 5}, {"eq": 0}]}}), json!("9")),
    ] {
        let found = matcher(spec.clone()).check(Some(&value));
        assert!(found.is_err(), "{spec} accepts {value}");
    }
    for text in ["<html>", "", "NaN"] {
        let found = matcher(json!({"not": {"gt": 100}})).check_text(Some(text));
        assert!(found.is_err(), "{text}");
    }
    assert!(
        matcher(json!({"not": {"gt": 100}}))
            .check(Some(&json!(50)))
            .is_ok()
    );
    assert!(
        matcher(json!({"not": {"gt": 100}}))
            .check_text(Some("50"))
            .is_ok()
    );
    assert!(
        matcher(json!({"not": {"each": "DOWN"}}))
            .check(Some(&json!(["UP", "DOWN"])))
            .is_ok()
    );
}

#[test]
fn long_whole_numbers_are_compared_exactly() {
    let id = matcher(json!(1_234_567_890_123_456_789_i64));
    assert!(
        id.check(Some(&json!(1_234_567_890_123_456_789_i64)))
            .is_ok()
    );
    assert!(
        id.check(Some(&json!(1_234_567_890_123_456_788_i64)))
            .is_err()
    );
    assert!(matcher(json!(5)).check(Some(&json!(5.0))).is_ok());
}
