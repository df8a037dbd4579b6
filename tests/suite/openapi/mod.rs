//! The kind `openapi`: documents and pages that are served, right and wrong, and a real FastAPI.

mod document;
mod pack;
mod sample;

use serde_json::{Value, json};

use crate::support::cli::{Readyctl, Run, audit_command};
use crate::support::origin::{Origin, Response};

/// A document as it should be.
pub(super) fn document() -> Value {
    let item = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Item" } } });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Shop", "version": "1.4.0" },
        "paths": {
            "/health": { "get": { "operationId": "health", "summary": "Is it alive?", "security": [],
                "responses": { "200": { "description": "yes" } } } },
            "/items/{id}": { "get": { "operationId": "item", "summary": "An item",
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } }],
                "responses": { "200": { "description": "it", "content": item }, "default": { "description": "an error" } } } },
        },
        "components": {
            "schemas": { "Item": { "type": "object", "required": ["id", "state"], "properties": {
                "id": { "type": "integer" }, "state": { "type": "string", "enum": ["new", "sold"] },
                "parent": { "$ref": "#/components/schemas/Item" } } } },
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{ "bearer": [] }],
    })
}

/// The same after a change.
pub(super) fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = document();
    change(&mut document);
    document
}

/// A server that serves a document.
pub(super) fn serving(document: &Value) -> Origin {
    let origin = Origin::start();
    let text = document.to_string();
    origin.route("/openapi.json", move |_| Response::json(200, &text));
    origin
}

/// A run of one check to be made.
pub(super) fn command(spec: &Value) -> Readyctl {
    let profile = json!({
        "version": 1, "name": "test", "defaults": { "timeout": "20s", "retry": { "attempts": 1 } },
        "checks": [{ "id": "api", "openapi": spec }],
    });
    audit_command(&profile.to_string())
}

/// A run of a check of a served document, with more fields.
pub(super) fn check(origin: &Origin, more: &Value) -> Run {
    command(&spec(origin, more)).run()
}

/// The spec of a check of a served document, with more fields.
pub(super) fn spec(origin: &Origin, more: &Value) -> Value {
    let mut spec = json!({ "url": origin.url("/openapi.json") });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    spec
}
