//! Sampling: a real FastAPI that keeps to its document or does not, and servers that lie by hand.

use std::time::Duration;

use serde_json::{Value, json};

use super::{changed, command, document, serving, spec};
use crate::support::cli::Run;
use crate::support::origin::{Origin, Response};
use crate::support::twin::Twin;
use crate::support::verdicts::{assert_green, assert_red};

const TOKEN: &str = "canary-token-0123456789";

/// The shop, with ways not to keep to its document.
fn shop(broken: &str) -> Twin {
    Twin::python(
        "shop",
        &[("BREAK", broken.to_owned()), ("TOKEN", TOKEN.to_owned())],
    )
}

/// A run that samples it.
fn sample(shop: &Twin, with_token: bool, sample: &Value) -> Run {
    let mut spec = json!({ "url": shop.url("/openapi.json"), "sample": sample });
    spec["sample"]["pause"] = "0s".into();
    if with_token {
        spec["auth"] = json!({ "bearer": TOKEN });
    }
    let run = command(&spec).run();
    assert!(
        !format!("{run}").contains("canary"),
        "a value is told\n{run}"
    );
    run
}

/// Everything that can be looked at.
fn everything() -> Value {
    json!({
        "parameters": { "item_id": 1 }, "at_least": 4, "errors": ["/items/99"], "limits": true,
        "unsupported": true,
    })
}

#[test]
fn a_healthy_fastapi_is_green_and_is_only_read() {
    let shop = shop("");
    let run = sample(&shop, true, &everything());
    assert_green(&run);
    assert!(run.stdout.contains("4 conform"), "{run}");
    assert!(run.stdout.contains("sounds as if"), "{run}");
    let log = shop.log();
    for line in log.lines().filter(|line| line.contains("HTTP/1.1")) {
        assert!(line.contains("\"GET "), "{line}");
        assert!(!line.contains("/logout"), "{line}");
    }
    // Without credentials what needs them is left out, and said so.
    let run = sample(&shop, false, &json!({ "parameters": { "item_id": 1 } }));
    assert_green(&run);
    assert!(
        run.stdout.contains("GET /orders (it needs credentials"),
        "{run}"
    );
    // What must conform and cannot be asked leaves nothing known.
    let run = sample(&shop, false, &json!({ "only": ["/orders"] }));
    assert_eq!(run.verdict("api"), "error", "{run}");
    // A wrong token is no fault of the service.
    let mut spec = json!({ "url": shop.url("/openapi.json"), "sample": { "only": ["/orders"] } });
    spec["auth"] = json!({ "bearer": "wrong" });
    assert_eq!(command(&spec).run().verdict("api"), "error");
}

/// Red with `code` for this way to be broken.
#[track_caller]
fn red(broken: &str, code: &str) -> Run {
    let run = sample(&shop(broken), true, &everything());
    assert_red(&run, "api", code);
    assert_eq!(run.verdict("api"), "fail", "{run}");
    run
}

#[test]
fn api_04_a_described_route_that_is_not_there() {
    red("gone", "API-04");
}

#[test]
fn api_05_status_and_media_type() {
    let run = red("accepted", "API-05");
    assert!(
        run.stdout.contains("status 202, which is not described"),
        "{run}"
    );
    let run = red("html", "API-05");
    assert!(run.stdout.contains("text/html with status 200"), "{run}");
}

#[test]
fn api_06_bodies() {
    let run = red("no-name", "API-06");
    assert!(run.stdout.contains("[0]: `name` is missing"), "{run}");
    let run = red("null", "API-06");
    assert!(
        run.stdout.contains("[0].id: it is null, not integer"),
        "{run}"
    );
    let run = red("extra", "API-06");
    assert!(run.stdout.contains("[0].price"), "{run}");
}

#[test]
fn api_07_credentials() {
    let run = red("open", "API-07");
    assert!(
        run.stdout.contains("status 200 without credentials"),
        "{run}"
    );
    let run = sample(
        &shop("login"),
        false,
        &json!({ "only": ["/items", "/health"] }),
    );
    assert_red(&run, "api", "API-07");
    assert_eq!(run.verdict("api"), "fail", "{run}");
}

#[test]
fn api_12_errors_as_declared() {
    let run = red("plain-error", "API-12");
    assert!(
        run.stdout.contains("application/json with status 404"),
        "{run}"
    );
}

#[test]
fn api_13_pages() {
    let run = red("page", "API-13");
    assert!(run.stdout.contains("5 items where 1 are the most"), "{run}");
}

#[test]
fn api_53_an_error_of_the_server() {
    red("error", "API-53");
}

/// A server with a document whose only operation is `GET /a`, changed, and its answer.
fn answering(
    change: impl FnOnce(&mut Value),
    answer: impl Fn() -> Response + Send + Sync + 'static,
) -> Origin {
    let content =
        json!({ "application/json": { "schema": { "type": "object", "required": ["a"] } } });
    let mut operation =
        json!({ "responses": { "200": { "description": "", "content": content } } });
    change(&mut operation);
    let origin = serving(&changed(|d| {
        d["paths"] = json!({ "/a": { "get": operation } });
        d.as_object_mut().unwrap().remove("security");
    }));
    origin.route("/a", move |_| answer());
    origin
}

/// The verdict of sampling it.
fn verdict(origin: &Origin) -> (String, Vec<String>) {
    let run = command(&spec(origin, &json!({ "sample": { "each_within": "1s" } }))).run();
    (run.verdict("api"), run.codes("api"))
}

#[test]
fn what_could_not_be_looked_at_is_an_error() {
    let good = || Response::json(200, r#"{"a": 1}"#);
    assert_eq!(verdict(&answering(|_| {}, good)).0, "pass");
    let problem = |status| move || Response::text(status, "no");
    for status in [403, 429, 502, 503, 504] {
        let seen = verdict(&answering(|_| {}, problem(status)));
        assert_eq!(seen.0, "error", "{status} {seen:?}");
    }
    for (status, code) in [
        (401, "API-07"),
        (404, "API-04"),
        (405, "API-04"),
        (500, "API-53"),
        (418, "API-05"),
        (201, "API-05"),
    ] {
        let seen = verdict(&answering(|_| {}, problem(status)));
        assert_eq!(seen.0, "fail", "{status} {seen:?}");
        assert!(
            seen.1.iter().any(|found| found == code),
            "{status} {seen:?}"
        );
    }
    let silent: &[fn() -> Response] = &[
        Response::never,
        Response::close,
        || Response::gzip_bomb(8),
        || Response::json(200, r#"{"a": 1}"#).stalling_after(3),
        || Response::json(200, r#"{"a": 1}"#).claiming_length(100),
        || Response::redirect(302, "https://login.example.com/"),
    ];
    for answer in silent {
        let seen = verdict(&answering(|_| {}, answer));
        assert_eq!(seen.0, "error", "{seen:?}");
    }
    // A keyword that is not known, and a pattern of another dialect, are neither green nor red.
    let schemas = [
        json!({ "made-up": 1 }),
        json!({ "properties": { "a": { "pattern": "(?!x)" } } }),
    ];
    for schema in schemas {
        let change = |operation: &mut Value| {
            operation["responses"]["200"]["content"]["application/json"]["schema"] = schema;
        };
        let seen = verdict(&answering(change, || Response::json(200, r#"{"a": "b"}"#)));
        assert_eq!(seen.0, "error", "{seen:?}");
        assert_eq!(seen.1[0], "API-06", "{seen:?}");
    }
}

#[test]
fn answers_are_described_by_class_and_default_and_with_parameters() {
    let good = || {
        Response::status(200)
            .header("content-type", "Application/JSON; charset=utf-8")
            .body(r#"{"a": 1}"#)
    };
    for name in ["200", "2XX", "default"] {
        let change = |operation: &mut Value| {
            let answer = operation["responses"]["200"].take();
            operation["responses"] = json!({ name: answer });
        };
        assert_eq!(verdict(&answering(change, good)).0, "pass", "{name}");
        let change = |operation: &mut Value| {
            let answer = operation["responses"]["200"].take();
            operation["responses"] = json!({ name: answer });
        };
        let seen = verdict(&answering(change, || Response::json(200, "{}")));
        assert_eq!(seen.0, "fail", "{name}");
    }
    for body in ["", "{", "<html>", "[]", r#"{"a": 1, "a": 2}"#] {
        let seen = verdict(&answering(|_| {}, move || Response::json(200, body)));
        assert_eq!(seen.0, "fail", "{body} {seen:?}");
    }
}

#[test]
fn api_08_methods() {
    let run = |allow: Option<&'static str>, status: u16| {
        let origin = answering(|_| {}, || Response::json(200, r#"{"a": 1}"#));
        let mut served = document();
        served["paths"] = json!({
            "/a": { "get": { "security": [], "responses": { "200": { "description": "" } } } },
            "/write": { "post": { "responses": { "200": { "description": "" } } }, "delete": { "responses": { "200": { "description": "" } } } },
        });
        origin.route("/openapi.json", move |_| Response::json(200, &served));
        origin.route("/write", move |_| {
            let answer = Response::text(status, "no");
            allow
                .into_iter()
                .fold(answer, |answer, allow| answer.header("allow", allow))
        });
        let run = command(&spec(
            &origin,
            &json!({ "sample": { "unsupported": true } }),
        ))
        .run();
        assert!(
            origin
                .requests()
                .iter()
                .all(|request| request.method == "GET")
        );
        run
    };
    assert_green(&run(Some("DELETE, post"), 405));
    assert_green(&run(None, 404));
    assert_red(&run(Some("POST"), 405), "api", "API-08");
    assert_red(&run(None, 405), "api", "API-08");
    assert_red(&run(None, 200), "api", "API-04");
}

#[test]
fn api_09_deprecated() {
    let run = |sunset: Option<&'static str>| {
        let origin = answering(
            |operation| operation["deprecated"] = true.into(),
            move || {
                let answer = Response::json(200, r#"{"a": 1}"#);
                sunset
                    .into_iter()
                    .fold(answer, |answer, date| answer.header("sunset", date))
            },
        );
        command(&spec(&origin, &json!({ "sample": {} }))).run()
    };
    assert_green(&run(Some("Tue, 31 Dec 2999 23:59:59 GMT")));
    assert_red(&run(Some("Sat, 31 Dec 2022 23:59:59 GMT")), "api", "API-09");
    let silent = run(None);
    assert_eq!(silent.verdict("api"), "warn", "{silent}");
    assert_eq!(silent.codes("api"), ["API-09"]);
}

#[test]
fn requests_are_bounded_and_polite() {
    let mut served = document();
    served["paths"] = json!({});
    for n in 0..30 {
        served["paths"][format!("/p{n}")] =
            json!({ "get": { "security": [], "responses": { "200": { "description": "" } } } });
    }
    let origin = serving(&served);
    origin.fallback(|_| Response::status(200));
    let more = json!({ "sample": { "at_most": 5, "at_least": 5, "pause": "100ms" } });
    let run = command(&spec(&origin, &more)).run();
    assert_green(&run);
    assert_eq!(origin.requests().len(), 6);
    assert!(run.duration > Duration::from_millis(400), "{run}");
    let planned = command(&spec(&origin, &more)).args(["--dry-run"]).run();
    planned.assert_exit(0);
    assert!(
        planned.stdout.contains("GET of sampled operations"),
        "{planned}"
    );
    // A limit ends the asking.
    origin.forget();
    origin.fallback(|_| Response::text(429, "slow down"));
    let run = command(&spec(&origin, &more)).run();
    assert_eq!(run.verdict("api"), "error", "{run}");
    assert_eq!(origin.requests().len(), 2);
}
