//! The kind `http`: several requests in one check, and journeys of several steps that share cookies and captured values.

use serde_json::{Value, json};

use crate::http::{at, audit_http, audit_within};
use crate::support::origin::{Origin, Response};
use crate::support::verdicts::{assert_green, assert_red};

/// A service with a login, a cookie, a token and stories.
fn service() -> Origin {
    let origin = Origin::start();
    origin.route("/login", |request| {
        if request.text() == r#"{"user":"probe","password":"canary-password-1"}"# {
            Response::json(
                200,
                r#"{"access_token": "canary-token-4711-abc", "user": {"id": 17}}"#,
            )
            .header("set-cookie", "sid=canary-cookie-0815-xyz; HttpOnly")
        } else {
            Response::status(401)
        }
    });
    origin.route("/users/17/stories", |request| {
        let bearer = request.header("authorization") == Some("Bearer canary-token-4711-abc");
        let cookie = request.header("cookie") == Some("sid=canary-cookie-0815-xyz");
        if bearer && cookie {
            Response::json(200, r#"{"stories": [1, 2, 3]}"#)
        } else {
            Response::status(403)
        }
    });
    origin.route("/logout", |_| {
        Response::status(204).header("set-cookie", "sid=; Max-Age=0")
    });
    origin.route("/me", |request| {
        Response::status(if request.header("cookie").is_some() {
            200
        } else {
            401
        })
    });
    origin
}

fn journey() -> Value {
    json!({ "unsafe_method": true, "steps": [
        {
            "name": "log in", "url": "/login", "method": "POST",
            "json": { "user": "probe", "password": "canary-password-1" },
            "capture": { "token": { "json": "$.access_token" }, "user": { "json": "$.user.id" } },
        },
        {
            "name": "read stories", "url": "/users/{{user}}/stories",
            "headers": { "Authorization": "Bearer {{token}}" },
            "expect": { "json": { "$.stories": { "length": 3 } } },
        },
        { "name": "log out", "url": "/logout", "expect": { "status": 204 } },
        { "name": "be gone", "url": "/me", "expect": { "status": 401 } },
    ] })
}

#[test]
fn a_journey_carries_cookies_and_captured_values() {
    let origin = service();
    let run = audit_http(&at(&origin, "/", journey()));
    assert_green(&run);
    for canary in ["canary-token", "canary-cookie"] {
        assert!(
            !run.stdout.contains(canary) && !run.stderr.contains(canary),
            "{run}"
        );
    }
}

#[test]
fn a_failing_step_ends_the_journey_and_is_named() {
    let origin = service();
    origin.route("/users/17/stories", |_| {
        Response::json(200, r#"{"stories": []}"#)
    });
    let run = audit_http(&at(&origin, "/", journey()));
    assert_red(&run, "it", "HTTP-54");
    let message = run.check("it")["message"].to_string();
    assert!(message.contains("read stories"), "{message}");
    assert_eq!(origin.hits("/logout"), 0);
}

#[test]
fn http_59_nothing_to_go_on_with() {
    let origin = service();
    origin.route("/login", |_| Response::json(200, r#"{"user": {"id": 17}}"#));
    let run = audit_http(&at(&origin, "/", journey()));
    assert_red(&run, "it", "HTTP-59");
    assert_eq!(origin.hits("/users/17/stories"), 0);
}

#[test]
fn a_step_without_answer_is_an_error_that_names_it() {
    let origin = service();
    origin.route("/logout", |_| Response::close());
    let run = audit_http(&at(&origin, "/", journey()));
    assert_eq!(run.verdict("it"), "error");
    assert!(
        run.check("it")["fault"]["message"]
            .to_string()
            .contains("log out"),
        "{run}"
    );
}

#[test]
fn a_placeholder_that_nobody_fills_is_a_mistake_of_the_profile() {
    let origin = Origin::start();
    origin.may_be_unused();
    let spec = json!({ "steps": [{ "url": "/users/{{user}}" }] });
    let run = audit_http(&at(&origin, "/", spec));
    run.assert_exit(2);
    assert!(run.stderr.contains("user"), "{run}");
    assert!(origin.requests().is_empty());
}

#[test]
fn a_request_that_hangs_leaves_the_others_their_verdict() {
    let origin = Origin::start();
    origin.route("/slow", |_| Response::never());
    for path in ["/a", "/b"] {
        origin.route(path, |_| Response::text(200, "ok"));
    }
    let requests = json!({ "requests": [{ "url": "/slow" }, { "url": "/a" }, { "url": "/b" }] });
    let run = audit_within("4s", &at(&origin, "/", requests));
    assert_eq!(run.verdict("it"), "error", "{run}");
    let findings = run.check("it")["findings"].clone();
    let verdicts: Vec<(&str, &str)> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            (
                f["subject"].as_str().unwrap(),
                f["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        verdicts,
        [
            ("GET /slow: answer", "error"),
            ("GET /a: status", "pass"),
            ("GET /b: status", "pass")
        ]
    );
}

#[test]
fn samples_that_were_never_sent_are_not_healthy_ones() {
    let origin = Origin::start();
    origin.fallback(|_| Response::text(200, "ok").delay(std::time::Duration::from_millis(700)));
    let spec = at(&origin, "/", json!({ "samples": 20, "pause": "500ms" }));
    let run = audit_within("5s", &spec);
    assert_eq!(run.verdict("it"), "error", "{run}");
    assert!(
        run.check("it")["message"].to_string().contains("timeout"),
        "{run}"
    );
}
