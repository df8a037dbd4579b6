//! Unit tests: documents, their differences, routes, servers, pages.

use serde_json::{Value, json};

use super::docs;
use super::document::Document;
use super::route::Route;
use super::same::differences;
use super::servers::is_local;

/// A document of JSON.
pub(super) fn document(value: &Value) -> Document {
    Document::parse(value.to_string().as_bytes()).unwrap()
}

#[test]
fn order_and_servers_are_no_differences() {
    let of = |schema: Value| json!({ "openapi": "3.1.0", "info": { "version": "1" }, "paths": {}, "schema": schema });
    let base = of(json!({ "type": "object", "required": ["a", "b"] }));
    let mut other = of(json!({ "required": ["b", "a"], "type": "object" }));
    other["servers"] = json!([{ "url": "/v1" }]);
    assert_eq!(differences(&base, &other), Vec::<String>::new());
    other["info"]["version"] = "2".into();
    assert_eq!(differences(&base, &other), ["/info/version is different"]);
    other["paths"]["/more"] = json!({});
    assert_eq!(differences(&base, &other).len(), 2);
}

#[test]
fn routes_match_as_written() {
    let route = |text: &str| serde_json::from_value::<Route>(json!(text));
    for (pattern, path, expected) in [
        ("/items/{id}", "/items/{item_id}", true),
        ("GET /items", "/items", true),
        ("POST /items", "/items", false),
        ("/items", "/items/", false),
        ("/items/*", "/items/{id}", true),
        ("/items/*", "/items", false),
        ("/items/**", "/items/{id}/parts", true),
        ("/**", "/", true),
    ] {
        assert_eq!(
            route(pattern).unwrap().means("get", path),
            expected,
            "{pattern} {path}"
        );
    }
    for wrong in ["items", "FETCH /items", "GET", "", "GET items"] {
        assert!(route(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn documents_are_told_from_everything_else() {
    for (text, wrong) in [
        ("", "empty"),
        ("<!doctype html><html>", "HTML"),
        ("{\"openapi\": \"3.0.0\"", "JSON"),
        ("[]", "no `openapi`"),
        ("just text", "no `openapi`"),
        ("{\"openapi\": \"4.0.0\"}", "none of"),
        ("openapi: 3.1", "not the text"),
        ("{\"swagger\": \"1.2\"}", "not the text"),
        ("a: 1\n---\nb: 2", "several"),
    ] {
        let why = Document::parse(text.as_bytes()).unwrap_err();
        assert!(why.words().contains(wrong), "{text}: {why:?}");
    }
    let deep = format!("{{\"openapi\": \"3.0.0\", \"a\": {}", "[".repeat(100_000));
    assert!(Document::parse(deep.as_bytes()).is_err());
    assert!(Document::parse(b"openapi: 3.1.0\ninfo: {}\n").is_ok());
}

#[test]
fn local_servers_are_known() {
    for server in [
        "http://localhost:8000",
        "https://127.0.0.1/v1",
        "http://0.0.0.0",
        "http://[::1]:3000",
        "http://api.localhost",
    ] {
        assert!(is_local(server), "{server}");
    }
    for server in [
        "/",
        "/v1",
        "https://api.example.com",
        "http://10.0.0.1",
        "//localhost.example.com",
    ] {
        assert!(!is_local(server), "{server}");
    }
}

#[test]
fn documentation_pages_are_told_by_their_content() {
    for (page, tool) in [
        (
            "<!DOCTYPE html><html><head><title>API - Swagger UI</title>",
            Some("Swagger UI"),
        ),
        (
            "<!doctype html><div id=\"swagger-ui\"></div>",
            Some("Swagger UI"),
        ),
        ("<html><redoc spec-url='x'></redoc>", Some("ReDoc")),
        (
            "<html><title>Shop</title><a href=\"/swagger-ui/\">API</a>",
            None,
        ),
        ("swagger-ui-bundle", None),
    ] {
        assert_eq!(docs::tool(page), tool, "{page}");
    }
}
