//! Unit tests: JSON Schema, formats, and which operations are asked.

use serde_json::{Value, json};
use url::Url;

use super::Sample;
use super::choose::{Place, choose};
use super::facts::Filled;
use super::formats::is_not;
use super::validate::{Outcome, Validator};
use crate::kinds::openapi::document::Document;

/// Holds a value against a schema of a document of this version.
fn check(version: &str, schema: &Value, value: &Value) -> Outcome {
    let key = if version == "2.0" {
        "swagger"
    } else {
        "openapi"
    };
    let text = json!({ key: version, "schema": schema, "components": { "schemas": {
        "Node": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string" }, "next": { "$ref": "#/components/schemas/Node" } } },
        "Loop": { "allOf": [{ "$ref": "#/components/schemas/Loop" }, { "$ref": "#/components/schemas/Loop" }] },
    } } });
    let document = Document::parse(text.to_string().as_bytes()).unwrap();
    let schema = document.get("schema").unwrap();
    Validator::new(&document).check(schema, value)
}

/// Whether the answer is yes, no, or that it cannot be told.
fn word(outcome: &Outcome) -> &'static str {
    if !outcome.faults.is_empty() {
        "no"
    } else if outcome.unknown.is_empty() {
        "yes"
    } else {
        "unknown"
    }
}

#[test]
fn values_are_held_against_schemas() {
    let object = json!({ "type": "object", "required": ["a"], "properties": { "a": { "type": "string" } }, "additionalProperties": false });
    for (schema, value, expected) in [
        (json!({}), json!(null), "yes"),
        (json!(true), json!(1), "yes"),
        (json!(false), json!(1), "no"),
        (json!({ "type": "integer" }), json!(1.0), "yes"),
        (json!({ "type": "integer" }), json!(1.5), "no"),
        (json!({ "type": "number" }), json!(1), "yes"),
        (json!({ "type": "string" }), json!(null), "no"),
        (json!({ "type": ["string", "null"] }), json!(null), "yes"),
        (json!({ "type": "file" }), json!("x"), "unknown"),
        (json!({ "enum": ["a", 1] }), json!(1.0), "yes"),
        (json!({ "enum": ["a"] }), json!("b"), "no"),
        (json!({ "const": null }), json!(null), "yes"),
        (object.clone(), json!({ "a": "x" }), "yes"),
        (object.clone(), json!({}), "no"),
        (object.clone(), json!({ "a": "x", "b": 1 }), "no"),
        (object.clone(), json!({ "a": 1 }), "no"),
        (
            json!({ "additionalProperties": { "type": "integer" } }),
            json!({ "a": "x" }),
            "no",
        ),
        (
            json!({ "patternProperties": { "^x-": { "type": "integer" } }, "additionalProperties": false }),
            json!({ "x-a": 1 }),
            "yes",
        ),
        (
            json!({ "patternProperties": { "^x-": { "type": "integer" } }, "additionalProperties": false }),
            json!({ "y": 1 }),
            "no",
        ),
        (
            json!({ "propertyNames": { "maxLength": 1 } }),
            json!({ "ab": 1 }),
            "no",
        ),
        (
            json!({ "dependentRequired": { "a": ["b"] } }),
            json!({ "a": 1 }),
            "no",
        ),
        (
            json!({ "maxProperties": 1 }),
            json!({ "a": 1, "b": 2 }),
            "no",
        ),
        (
            json!({ "items": { "type": "integer" } }),
            json!([1, "x"]),
            "no",
        ),
        (
            json!({ "prefixItems": [{ "type": "string" }], "items": false }),
            json!(["x"]),
            "yes",
        ),
        (
            json!({ "prefixItems": [{ "type": "string" }], "items": false }),
            json!(["x", 1]),
            "no",
        ),
        (json!({ "minItems": 1 }), json!([]), "no"),
        (json!({ "uniqueItems": true }), json!([1, 1]), "no"),
        (json!({ "contains": { "const": 1 } }), json!([2, 1]), "yes"),
        (json!({ "contains": { "const": 1 } }), json!([2]), "no"),
        (json!({ "minLength": 2 }), json!("ä"), "no"),
        (json!({ "pattern": "^a+$" }), json!("aab"), "no"),
        (json!({ "pattern": "^(?=a)" }), json!("a"), "unknown"),
        (json!({ "minimum": 1 }), json!(1), "yes"),
        (json!({ "exclusiveMinimum": 1 }), json!(1), "no"),
        (json!({ "multipleOf": 0.1 }), json!(0.3), "yes"),
        (json!({ "multipleOf": 2 }), json!(3), "no"),
        (
            json!({ "type": "integer", "format": "int32" }),
            json!(3_000_000_000_u64),
            "no",
        ),
        (
            json!({ "format": "date-time" }),
            json!("2024-05-01T10:00:00"),
            "no",
        ),
        (json!({ "format": "made-up" }), json!("x"), "yes"),
        (
            json!({ "allOf": [{ "minimum": 1 }, { "maximum": 2 }] }),
            json!(3),
            "no",
        ),
        (
            json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
            json!(null),
            "yes",
        ),
        (
            json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
            json!(1),
            "no",
        ),
        (
            json!({ "anyOf": [{ "type": "string" }, { "made-up": 1 }] }),
            json!(1),
            "unknown",
        ),
        (
            json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] }),
            json!(1),
            "yes",
        ),
        (json!({ "not": { "type": "string" } }), json!("x"), "no"),
        (json!({ "not": { "made-up": 1 } }), json!("x"), "unknown"),
        (
            json!({ "if": { "type": "string" }, "then": { "minLength": 2 }, "else": { "minimum": 2 } }),
            json!("x"),
            "no",
        ),
        (
            json!({ "if": { "type": "string" }, "then": { "minLength": 2 }, "else": { "minimum": 2 } }),
            json!(3),
            "yes",
        ),
        (
            json!({ "$ref": "#/components/schemas/Node" }),
            json!({ "name": "a", "next": { "name": "b" } }),
            "yes",
        ),
        (
            json!({ "$ref": "#/components/schemas/Node" }),
            json!({ "name": "a", "next": { "next": {} } }),
            "no",
        ),
        (
            json!({ "$ref": "#/components/schemas/Node", "required": ["next"] }),
            json!({ "name": "a" }),
            "no",
        ),
        (json!({ "$ref": "#/nowhere" }), json!(1), "unknown"),
        (
            json!({ "$ref": "#/components/schemas/Loop" }),
            json!(1),
            "unknown",
        ),
        (
            json!({ "unevaluatedProperties": false }),
            json!({}),
            "unknown",
        ),
        (
            json!({ "x-anything": 1, "description": "d", "example": 1 }),
            json!(1),
            "yes",
        ),
        (
            json!({ "required": ["p"], "properties": { "p": { "writeOnly": true } } }),
            json!({}),
            "yes",
        ),
    ] {
        let outcome = check("3.1.0", &schema, &value);
        assert_eq!(word(&outcome), expected, "{schema} {value} {outcome:?}");
    }
    let two = check(
        "3.1.0",
        &json!({ "oneOf": [{ "minimum": 0 }, { "minimum": 1 }] }),
        &json!(1),
    );
    assert_eq!((word(&two), two.doubts.len()), ("yes", 1));
}

#[test]
fn null_and_bounds_of_older_versions() {
    for (version, schema, value, expected) in [
        (
            "3.0.3",
            json!({ "type": "string", "nullable": true }),
            json!(null),
            "yes",
        ),
        (
            "3.1.0",
            json!({ "type": "string", "nullable": true }),
            json!(null),
            "no",
        ),
        (
            "3.0.3",
            json!({ "nullable": true, "allOf": [{ "$ref": "#/components/schemas/Node" }] }),
            json!(null),
            "yes",
        ),
        (
            "2.0",
            json!({ "type": "string", "x-nullable": true }),
            json!(null),
            "yes",
        ),
        (
            "3.0.3",
            json!({ "minimum": 1, "exclusiveMinimum": true }),
            json!(1),
            "no",
        ),
        (
            "3.0.3",
            json!({ "minimum": 1, "exclusiveMinimum": false }),
            json!(1),
            "yes",
        ),
        (
            "3.0.3",
            json!({ "$ref": "#/components/schemas/Node", "required": ["next"] }),
            json!({ "name": "a" }),
            "yes",
        ),
    ] {
        let outcome = check(version, &schema, &value);
        assert_eq!(word(&outcome), expected, "{version} {schema} {outcome:?}");
    }
}

#[test]
fn no_value_is_told() {
    let schema = json!({ "properties": { "token": { "type": "integer" }, "key": { "enum": ["x"] }, "mail": { "type": "string", "pattern": "^x" } } });
    let value = json!({ "token": "canary-1", "key": "canary-2", "mail": "canary-3" });
    let outcome = check("3.1.0", &schema, &value);
    assert_eq!(outcome.faults.len(), 3, "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("canary"), "{outcome:?}");
}

#[test]
fn formats_are_refused_only_when_certain() {
    for (format, good, bad) in [
        (
            "date-time",
            "2024-05-01T10:00:00.123456+02:00",
            "2024-05-01T10:00:00",
        ),
        ("date-time", "2024-05-01t10:00:00z", "2024-13-01T10:00:00Z"),
        ("date-time", "2016-12-31T23:59:60Z", "2024-05-01T10:00Z"),
        ("date", "2024-02-29", "2023-02-29"),
        (
            "uuid",
            "123e4567-e89b-12d3-a456-426614174000",
            "123e4567e89b12d3a456426614174000",
        ),
        ("ipv4", "10.0.0.1", "10.0.0"),
        ("ipv6", "::1", "10.0.0.1"),
        ("email", "a@b", "ab"),
        ("uri", "https://example.com", "/relative"),
    ] {
        assert!(!is_not(format, good), "{format} {good}");
        assert!(is_not(format, bad), "{format} {bad}");
    }
    assert!(!is_not("password", "anything"));
}

#[test]
fn only_operations_that_read_are_asked() {
    let ok = json!({ "responses": { "200": { "description": "" } } });
    let with = |parameters: Value| json!({ "responses": { "200": { "description": "" } }, "parameters": parameters });
    let id = |more: Value| {
        let mut parameter = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } });
        for (key, value) in more.as_object().unwrap() {
            parameter[key] = value.clone();
        }
        json!([parameter])
    };
    let document = json!({
        "openapi": "3.1.0", "servers": [{ "url": "https://other.example.com/v1/" }],
        "paths": {
            "/plain": { "get": ok, "post": ok, "delete": ok },
            "/users/logout": { "get": ok },
            "/sessions/{id}/delete": { "get": with(id(json!({ "example": 1 }))) },
            "/unknown/{id}": { "get": with(id(json!({}))) },
            "/example/{id}": { "get": with(id(json!({ "example": "a/../b c" }))) },
            "/given/{key}": { "get": with(json!([{ "name": "key", "in": "path", "required": true, "schema": {} }])) },
            "/query": { "get": with(json!([
                { "name": "q", "in": "query", "required": true, "schema": { "enum": ["x y"] } },
                { "name": "optional", "in": "query", "schema": { "default": 1 } },
            ])) },
            "/body": { "get": { "requestBody": { "content": {} }, "responses": {} } },
            "/events": { "get": { "responses": { "200": { "description": "", "content": { "text/event-stream": {} } } } } },
        },
    });
    let document = Document::parse(document.to_string().as_bytes()).unwrap();
    let sample = |spec: Value| -> Sample { serde_json::from_value(spec).unwrap() };
    let document_url = Url::parse("http://127.0.0.1:8000/openapi.json").unwrap();
    let chosen = |sample: &Sample| {
        let place = Place {
            document_url: &document_url,
            sample,
        };
        let (chosen, left_out) = choose(&document, &place);
        let urls: Vec<String> = chosen.iter().map(|one| one.url.to_string()).collect();
        assert!(chosen.iter().all(|one| one.headers.is_empty()));
        (
            urls,
            chosen.iter().map(|one| one.filled).collect::<Vec<_>>(),
            left_out,
        )
    };
    let (urls, filled, left_out) = chosen(&sample(json!({ "parameters": { "key": "k" } })));
    assert_eq!(
        urls,
        [
            "http://127.0.0.1:8000/v1/plain",
            "http://127.0.0.1:8000/v1/example/a%2F..%2Fb%20c",
            "http://127.0.0.1:8000/v1/given/k",
            "http://127.0.0.1:8000/v1/query?q=x+y",
        ]
    );
    assert_eq!(
        filled,
        [
            Filled::Nothing,
            Filled::Document,
            Filled::Given,
            Filled::Document
        ]
    );
    assert_eq!(left_out.len(), 5, "{left_out:?}");
    let (urls, ..) = chosen(&sample(
        json!({ "only": ["/users/logout", "/v1/plain"], "base_url": "http://10.0.0.1/api/" }),
    ));
    assert_eq!(
        urls,
        [
            "http://10.0.0.1/api/plain",
            "http://10.0.0.1/api/users/logout"
        ]
    );
    let (urls, ..) = chosen(&sample(
        json!({ "skip": ["/plain", "/query"], "at_most": 1 }),
    ));
    assert_eq!(urls, ["http://127.0.0.1:8000/v1/example/a%2F..%2Fb%20c"]);
}
