//! Unit tests: what breaks clients and what does not.

use serde_json::{Value, json};

use super::{Change, Level, compare};
use crate::kinds::openapi::outline::outline;
use crate::kinds::openapi::tests::document;

/// A document with these paths and schemas.
fn of(paths: &Value, schemas: &Value) -> Value {
    json!({
        "openapi": "3.1.0", "info": { "title": "t", "version": "1" },
        "paths": paths, "components": { "schemas": schemas },
    })
}

/// A document whose `POST /items` takes and gives this schema.
fn echo(version: &str, schema: &Value) -> Value {
    let content = json!({ "application/json": { "schema": schema } });
    let mut made = of(
        &json!({ "/items": { "post": {
            "requestBody": { "content": content },
            "responses": { "200": { "description": "", "content": content } },
        } } }),
        &json!({ "Node": { "type": "object", "properties": {
            "next": { "$ref": "#/components/schemas/Node" }, "name": { "type": "string" },
        } } }),
    );
    made["openapi"] = version.into();
    made
}

/// The worst that a change of the echoed schema means for what is sent, and for what comes back.
fn worst(old: &Value, new: &Value) -> (Option<Level>, Option<Level>) {
    let (changes, _) = compare(&document(old), &document(new));
    let level = |part: &str| {
        let of_part = |change: &&Change| change.place.starts_with(part);
        changes
            .iter()
            .filter(of_part)
            .map(|change| change.level)
            .max()
    };
    (level("body"), level("answer"))
}

const BREAKS: Option<Level> = Some(Level::Breaking);
const DOUBT: Option<Level> = Some(Level::Doubtful);
const UNKNOWN: Option<Level> = Some(Level::Unjudged);

#[test]
fn schemas_are_compared_in_both_directions() {
    let object = |more: Value| {
        let mut schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
        for (key, value) in more.as_object().unwrap() {
            schema[key] = value.clone();
        }
        schema
    };
    for (old, new, request, answer) in [
        // Types.
        (
            json!({ "type": "integer" }),
            json!({ "type": "number" }),
            None,
            BREAKS,
        ),
        (
            json!({ "type": "number" }),
            json!({ "type": "integer" }),
            BREAKS,
            None,
        ),
        (
            json!({ "type": "string" }),
            json!({ "type": "integer" }),
            BREAKS,
            BREAKS,
        ),
        (
            json!({ "type": "string" }),
            json!({ "type": ["string", "null"] }),
            None,
            BREAKS,
        ),
        (
            json!({ "type": ["string", "null"] }),
            json!({ "type": "string" }),
            BREAKS,
            None,
        ),
        (
            json!({ "type": ["string", "null"] }),
            json!({ "anyOf": [{ "type": "null" }, { "type": "string" }] }),
            None,
            None,
        ),
        (json!({}), json!({ "type": "string" }), BREAKS, None),
        (json!({ "type": "string" }), json!({}), None, BREAKS),
        // Values.
        (
            json!({ "type": "string" }),
            json!({ "type": "string", "enum": ["a"] }),
            BREAKS,
            None,
        ),
        (
            json!({ "enum": ["a", "b"] }),
            json!({ "enum": ["b"] }),
            BREAKS,
            None,
        ),
        (
            json!({ "enum": ["a"] }),
            json!({ "enum": ["a", "b"] }),
            None,
            BREAKS,
        ),
        (
            json!({ "enum": ["a", "b"] }),
            json!({ "enum": ["b", "a"] }),
            None,
            None,
        ),
        (
            json!({ "enum": ["a"], "x-extensible-enum": true }),
            json!({ "enum": ["a", "b"] }),
            None,
            None,
        ),
        (
            json!({ "const": "a" }),
            json!({ "enum": ["a"] }),
            None,
            None,
        ),
        // Bounds, patterns, formats.
        (
            json!({ "type": "string" }),
            json!({ "type": "string", "maxLength": 5 }),
            BREAKS,
            None,
        ),
        (
            json!({ "type": "integer", "maximum": 9 }),
            json!({ "type": "integer", "maximum": 10 }),
            None,
            DOUBT,
        ),
        (
            json!({ "type": "integer", "minimum": 1 }),
            json!({ "type": "integer", "minimum": 2 }),
            BREAKS,
            None,
        ),
        (
            json!({ "type": "string" }),
            json!({ "type": "string", "pattern": "^a" }),
            BREAKS,
            None,
        ),
        (
            json!({ "type": "string", "pattern": "^b" }),
            json!({ "type": "string", "pattern": "^a" }),
            DOUBT,
            DOUBT,
        ),
        (
            json!({ "type": "string" }),
            json!({ "type": "string", "format": "uuid" }),
            DOUBT,
            None,
        ),
        // Properties.
        (
            object(json!({})),
            object(json!({ "required": ["a"] })),
            BREAKS,
            None,
        ),
        (
            object(json!({ "required": ["a"] })),
            object(json!({})),
            None,
            BREAKS,
        ),
        (object(json!({})), json!({ "type": "object" }), DOUBT, DOUBT),
        (
            object(json!({ "required": ["a"] })),
            json!({ "type": "object" }),
            DOUBT,
            BREAKS,
        ),
        (
            object(json!({})),
            object(json!({ "additionalProperties": false })),
            BREAKS,
            None,
        ),
        (
            object(json!({ "additionalProperties": false })),
            object(json!({})),
            None,
            DOUBT,
        ),
        (
            object(json!({})),
            object(
                json!({ "required": ["b"], "properties": { "a": { "type": "string" }, "b": { "type": "string" } } }),
            ),
            BREAKS,
            None,
        ),
        (
            object(json!({})),
            object(
                json!({ "required": ["b"], "properties": { "a": { "type": "string" }, "b": { "type": "string", "readOnly": true } } }),
            ),
            None,
            None,
        ),
        // The same, written in another way.
        (
            object(json!({ "description": "x" })),
            object(json!({ "title": "y", "example": 1 })),
            None,
            None,
        ),
        (
            object(json!({ "required": ["a"] })),
            json!({ "allOf": [object(json!({})), { "required": ["a"] }] }),
            None,
            None,
        ),
        (
            json!({ "$ref": "#/components/schemas/Node" }),
            json!({ "allOf": [{ "$ref": "#/components/schemas/Node" }], "description": "n" }),
            None,
            None,
        ),
        // Alternatives.
        (
            json!({ "oneOf": [{ "type": "string" }, object(json!({}))] }),
            json!({ "oneOf": [object(json!({})), { "type": "string" }] }),
            None,
            None,
        ),
        (
            json!({ "oneOf": [{ "type": "string" }, object(json!({}))] }),
            json!({ "type": "string" }),
            BREAKS,
            None,
        ),
        (
            json!({ "type": "string" }),
            json!({ "oneOf": [{ "type": "string" }, object(json!({}))] }),
            None,
            BREAKS,
        ),
        // Lists.
        (
            json!({ "type": "array", "items": { "type": "string" } }),
            json!({ "type": "array", "items": { "type": "integer" } }),
            BREAKS,
            BREAKS,
        ),
        // What cannot be told.
        (
            json!({ "type": "string" }),
            json!({ "type": "string", "not": { "const": "a" } }),
            UNKNOWN,
            UNKNOWN,
        ),
        (
            json!({ "not": { "const": "a" } }),
            json!({ "not": { "const": "a" } }),
            None,
            None,
        ),
    ] {
        let seen = worst(&echo("3.1.0", &old), &echo("3.1.0", &new));
        assert_eq!(seen, (request, answer), "{old} -> {new}");
    }
}

#[test]
fn versions_of_the_language_are_told_apart() {
    let nullable = json!({ "type": "string", "nullable": true });
    let list = json!({ "type": ["string", "null"] });
    assert_eq!(
        worst(&echo("3.0.3", &nullable), &echo("3.1.0", &list)),
        (None, None)
    );
    assert_eq!(
        worst(
            &echo("3.0.3", &json!({ "type": "string" })),
            &echo("3.0.3", &nullable)
        ),
        (None, BREAKS)
    );
    // `exclusiveMinimum` was said of `minimum` once.
    let old = json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true });
    let new = json!({ "type": "integer", "exclusiveMinimum": 0 });
    assert_eq!(
        worst(&echo("3.0.3", &old), &echo("3.1.0", &new)),
        (None, None)
    );
    // Beside a reference 3.0 ignores everything.
    let old = json!({ "$ref": "#/components/schemas/Node", "maxProperties": 1 });
    let new = json!({ "$ref": "#/components/schemas/Node" });
    assert_eq!(
        worst(&echo("3.0.3", &new), &echo("3.0.3", &old)),
        (None, None)
    );
    assert_eq!(
        worst(&echo("3.1.0", &new), &echo("3.1.0", &old)),
        (BREAKS, None)
    );
}

#[test]
fn a_component_that_holds_itself_and_a_bomb_come_to_an_end() {
    let node = json!({ "$ref": "#/components/schemas/Node" });
    assert_eq!(
        worst(&echo("3.1.0", &node), &echo("3.1.0", &node)),
        (None, None)
    );
    // Each level holds the next one twice: 2^60 ways through it.
    let mut schemas = json!({});
    for n in 0..60 {
        let next = format!("#/components/schemas/L{}", n + 1);
        schemas[format!("L{n}")] = json!({ "oneOf": [
            { "type": "object", "properties": { "a": { "$ref": next } } },
            { "type": "object", "properties": { "b": { "$ref": next } } },
        ] });
    }
    schemas["L60"] = json!({ "type": "string" });
    let answer = json!({ "200": { "description": "", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/L0" } } } } });
    let old = of(
        &json!({ "/x": { "get": { "responses": answer } } }),
        &schemas,
    );
    let mut new = old.clone();
    new["components"]["schemas"]["L60"] = json!({ "type": "integer" });
    let (changes, _) = compare(&document(&old), &document(&new));
    assert!(
        changes.iter().any(|change| change.level >= Level::Unjudged),
        "{changes:?}"
    );
    // allOf of itself.
    let circle = of(
        &json!({ "/x": { "get": { "responses": answer } } }),
        &json!({ "L0": { "allOf": [{ "$ref": "#/components/schemas/L0" }, { "$ref": "#/components/schemas/L0" }] } }),
    );
    let (changes, _) = compare(&document(&circle), &document(&circle));
    assert!(
        changes.iter().all(|change| change.level == Level::Unjudged),
        "{changes:?}"
    );
}

#[test]
fn operations_are_compared() {
    let ok = json!({ "200": { "description": "" } });
    let get = |path: &str, more: Value| {
        let mut operation = json!({ "responses": ok });
        for (key, value) in more.as_object().unwrap() {
            operation[key] = value.clone();
        }
        let mut made = of(&json!({ path: { "get": operation } }), &json!({}));
        made["components"]["securitySchemes"] = json!({
            "key": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
            "same": { "type": "apiKey", "in": "header", "name": "x-api-key", "description": "the same" },
            "other": { "type": "http", "scheme": "bearer" },
        });
        made
    };
    let query = |name: &str, required: bool| json!({ "name": name, "in": "query", "required": required, "schema": { "type": "string" } });
    let id = |name: &str| json!({ "parameters": [{ "name": name, "in": "path", "required": true, "schema": { "type": "integer" } }] });
    let security = |value: Value| get("/x", json!({ "security": value }));
    let plain = get("/x", json!({}));
    let mut moved = get("/x", json!({}));
    moved["servers"] = json!([{ "url": "https://api.example.com/v1" }]);
    for (old, new, expected) in [
        (plain.clone(), moved.clone(), None),
        (get("/v1/x", json!({})), moved, None),
        (plain.clone(), get("/y", json!({})), BREAKS),
        (
            get("/x", json!({ "deprecated": true })),
            get("/y", json!({})),
            DOUBT,
        ),
        (get("/x/{id}", id("id")), get("/x/{key}", id("key")), None),
        (
            plain.clone(),
            get("/x", json!({ "parameters": [query("q", true)] })),
            BREAKS,
        ),
        (
            plain.clone(),
            get("/x", json!({ "parameters": [query("q", false)] })),
            Some(Level::Compatible),
        ),
        (
            get("/x", json!({ "parameters": [query("q", false)] })),
            get("/x", json!({ "parameters": [query("q", true)] })),
            BREAKS,
        ),
        (
            get("/x", json!({ "parameters": [query("q", false)] })),
            plain.clone(),
            DOUBT,
        ),
        (
            get(
                "/x",
                json!({ "parameters": [query("q", false), query("r", false)] }),
            ),
            get(
                "/x",
                json!({ "parameters": [query("r", false), query("q", false)] }),
            ),
            None,
        ),
        (
            plain.clone(),
            get(
                "/x",
                json!({ "responses": { "201": { "description": "" } } }),
            ),
            BREAKS,
        ),
        (
            plain.clone(),
            get(
                "/x",
                json!({ "responses": { "2XX": { "description": "" } } }),
            ),
            Some(Level::Compatible),
        ),
        (
            plain.clone(),
            get(
                "/x",
                json!({ "requestBody": { "required": true, "content": { "application/json": {} } } }),
            ),
            BREAKS,
        ),
        (
            get(
                "/x",
                json!({ "requestBody": { "content": { "text/plain": {}, "application/json": {} } } }),
            ),
            get(
                "/x",
                json!({ "requestBody": { "content": { "application/json": {} } } }),
            ),
            BREAKS,
        ),
        // Credentials.
        (
            security(json!([])),
            security(json!([{ "key": [] }])),
            BREAKS,
        ),
        (
            security(json!([{}, { "key": [] }])),
            security(json!([{ "key": [] }])),
            BREAKS,
        ),
        (
            security(json!([{ "key": [] }])),
            security(json!([{ "same": [] }])),
            None,
        ),
        (
            security(json!([{ "key": [] }])),
            security(json!([{ "key": [], "other": [] }])),
            BREAKS,
        ),
        (
            security(json!([{ "key": [] }])),
            security(json!([{ "key": [] }, { "other": [] }])),
            None,
        ),
        (
            security(json!([{ "key": [] }, { "other": [] }])),
            security(json!([{ "key": [] }])),
            BREAKS,
        ),
        (
            security(json!([{ "other": ["read"] }])),
            security(json!([{ "other": ["read", "write"] }])),
            BREAKS,
        ),
        (security(json!([{ "key": [] }])), security(json!([])), DOUBT),
    ] {
        let (changes, _) = compare(&document(&old), &document(&new));
        let worst = changes.iter().map(|change| change.level).max();
        assert_eq!(worst, expected, "{old} -> {new}\n{changes:?}");
    }
}

#[test]
fn swagger_2_is_compared_too() {
    let swagger = |parameters: Value, schema: Value| {
        json!({
            "swagger": "2.0", "info": { "title": "t", "version": "1" }, "host": "x", "basePath": "/v1",
            "paths": { "/items": { "get": { "parameters": parameters, "responses": { "200": { "description": "", "schema": schema } } } } },
            "definitions": { "Item": { "type": "object", "required": ["a"], "properties": { "a": { "type": "string" } } } },
        })
    };
    let item = json!({ "$ref": "#/definitions/Item" });
    let limit = |kind: &str| json!([{ "name": "limit", "in": "query", "type": kind }]);
    let old = swagger(limit("integer"), item.clone());
    assert_eq!(outline(&document(&old)).problems, []);
    let new = swagger(limit("string"), item);
    let (changes, _) = compare(&document(&old), &document(&new));
    assert_eq!(changes.len(), 1, "{changes:?}");
    let new = swagger(limit("integer"), json!({ "type": "object" }));
    let (changes, _) = compare(&document(&old), &document(&new));
    assert_eq!(
        changes.first().map(|change| change.level),
        BREAKS,
        "{changes:?}"
    );
    // From 2.0 to 3.0 nothing changes for clients.
    let three = json!({
        "openapi": "3.0.3", "info": { "title": "t", "version": "1" }, "servers": [{ "url": "https://x/v1" }],
        "paths": { "/items": { "get": {
            "parameters": [{ "name": "limit", "in": "query", "schema": { "type": "integer" } }],
            "responses": { "200": { "description": "", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Item" } } } } },
        } } },
        "components": { "schemas": old["definitions"] },
    });
    assert_eq!(compare(&document(&old), &document(&three)), (Vec::new(), 0));
}
