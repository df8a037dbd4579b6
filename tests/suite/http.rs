//! The kind `http`: every fault of an answer made on a server, next to the healthy answer.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cli::{Run, audit};
use crate::support::dead::{ClosedPort, DroppingPort, SilentPort, UNRESOLVABLE};
use crate::support::origin::{Origin, Request, Response};
use crate::support::verdicts::{assert_green, assert_red};

/// Audits one `http` check with the id `it`, with time enough for a busy machine.
pub(crate) fn audit_http(spec: &Value) -> Run {
    audit_within("20s", spec)
}

/// Audits one `http` check with this timeout.
pub(crate) fn audit_within(timeout: &str, spec: &Value) -> Run {
    let profile = json!({
        "version": 1, "name": "test", "defaults": { "timeout": timeout, "retry": { "attempts": 1 } },
        "checks": [{ "id": "it", "http": spec }],
    });
    audit(&profile.to_string())
}

/// The spec with the URL of a path on the origin.
pub(crate) fn at(origin: &Origin, path: &str, mut spec: Value) -> Value {
    spec["url"] = origin.url(path).into();
    spec
}

/// The same check against an answer that is fine and one that is not: green, then red for `code`.
#[track_caller]
fn twins(
    code: &str,
    spec: Value,
    good: impl Fn(&Request) -> Response + Send + Sync + 'static,
    bad: impl Fn(&Request) -> Response + Send + Sync + 'static,
) {
    let origin = Origin::start();
    let spec = at(&origin, "/health", spec);
    origin.fallback(good);
    assert_green(&audit_http(&spec));
    origin.fallback(bad);
    assert_red(&audit_http(&spec), "it", code);
}

fn ready(_: &Request) -> Response {
    Response::json(
        200,
        r#"{"status": "ready", "checks": {"database": {"status": "ok"}, "redis": "up"}}"#,
    )
}

fn page(_: &Request) -> Response {
    Response::status(200)
        .header("content-type", "text/html")
        .body("<!DOCTYPE html><html><body>ok</body></html>")
}

fn health() -> Value {
    json!({ "expect": { "health": { "components": ["database", "redis"] } } })
}

#[test]
fn http_01_web_page_instead_of_json() {
    twins("HTTP-01", health(), ready, page);
    let numbers = json!({ "expect": { "json": { "$.queue_depth": { "lt": 100 } } } });
    twins(
        "HTTP-01",
        numbers,
        |_| Response::json(200, r#"{"queue_depth": 3}"#),
        page,
    );
}

#[test]
fn http_02_success_status_with_unhealthy_document() {
    twins("HTTP-02", health(), ready, |_| {
        Response::json(
            200,
            r#"{"status": "DOWN", "checks": {"database": "ok", "redis": "ok"}}"#,
        )
    });
    let any = json!({ "expect": { "health": true } });
    twins(
        "HTTP-02",
        any,
        |_| Response::text(200, "Healthy"),
        |_| Response::text(200, "Unhealthy"),
    );
}

#[test]
fn http_03_error_status_with_healthy_document() {
    twins("HTTP-03", health(), ready, |_| {
        Response::json(
            503,
            r#"{"status": "pass", "checks": {"database": "ok", "redis": "ok"}}"#,
        )
    });
}

#[test]
fn http_04_degraded_is_not_silently_green() {
    twins("HTTP-04", health(), ready, |_| {
        Response::json(
            200,
            r#"{"status": "ok", "checks": {"database": "ok", "redis": "degraded"}}"#,
        )
    });
    let origin = Origin::start();
    origin.fallback(|_| Response::text(200, "Degraded"));
    let spec = json!({ "expect": { "health": { "dialect": "aspnet", "degraded": "warn" } } });
    assert_eq!(audit_http(&at(&origin, "/", spec)).verdict("it"), "warn");
}

#[test]
fn http_05_required_component_missing() {
    twins("HTTP-05", health(), ready, |_| {
        Response::json(200, r#"{"status": "ready", "checks": {"database": "ok"}}"#)
    });
}

#[test]
fn http_06_component_without_a_state() {
    for body in [
        r#"{"status": "ready", "checks": {"database": null, "redis": "ok"}}"#,
        r#"{"status": "ready", "checks": {"database": {"status": null}, "redis": "ok"}}"#,
        r#"{"status": "ready", "checks": {"database": {}, "redis": "ok"}}"#,
        r#"{"status": "ready", "database": null, "redis": "ok"}"#,
        r#"{"checks": {"database": "ok", "redis": "ok"}}"#,
    ] {
        twins("HTTP-06", health(), ready, move |_| {
            Response::json(200, body)
        });
    }
}

#[test]
fn http_07_failing_component_below_a_healthy_whole() {
    for body in [
        r#"{"status": "pass", "checks": {"database:time": [{"status": "pass"}, {"status": "fail"}], "redis": "ok"}}"#,
        r#"{"status": "UP", "checks": [{"name": "database", "status": "UP"}, {"name": "redis", "status": "DOWN"}]}"#,
        r#"{"status": "UP", "components": {"database": {"status": "UP", "components": {"replica": {"status": "DOWN"}}}, "redis": {"status": "UP"}}}"#,
        r#"{"status": "ok", "services": {"database": true, "redis": false}}"#,
    ] {
        twins("HTTP-07", health(), ready, move |_| {
            Response::json(200, body)
        });
    }
}

#[test]
fn http_08_redirect_to_login() {
    twins("HTTP-08", health(), ready, |_| {
        Response::redirect(302, "/login?next=/health")
    });
    let followed = json!({ "follow_redirects": 3 });
    twins("HTTP-08", followed, ready, |request| {
        if request.path == "/login" {
            Response::text(200, "please log in")
        } else {
            Response::redirect(302, "/login")
        }
    });
}

#[test]
fn http_09_redirect_loop_and_too_many_hops() {
    let spec = json!({ "follow_redirects": 3 });
    let once = |request: &Request| match request.path.as_str() {
        "/health" => Response::redirect(301, "/health/"),
        _ => Response::text(200, "ok"),
    };
    twins("HTTP-09", spec.clone(), once, |request| {
        match request.path.as_str() {
            "/health" => Response::redirect(301, "/health/"),
            _ => Response::redirect(301, "/health"),
        }
    });
    twins("HTTP-09", spec, once, |request| {
        Response::redirect(301, &format!("{}x", request.path))
    });
}

#[test]
fn http_10_stored_answer() {
    let spec = json!({ "expect": { "fresh": "30s" } });
    let aged = |age: &'static str| move |_: &Request| Response::text(200, "ok").header("age", age);
    twins("HTTP-10", spec, aged("3"), aged("3600"));
    let spec = json!({ "expect": { "fresh": { "max_age": "1m", "time": "$.time" } } });
    let made = |ago: u64| {
        move |_: &Request| {
            let time = std::time::SystemTime::now() - Duration::from_secs(ago);
            let seconds = time
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs();
            Response::json(200, json!({ "time": seconds }))
        }
    };
    twins("HTTP-10", spec, made(1), made(900));
}

#[test]
fn http_10_an_answer_that_does_not_tell_its_age_is_no_pass() {
    let origin = Origin::start();
    origin.fallback(|_| Response::text(200, "ok"));
    let run = audit_http(&at(&origin, "/", json!({ "expect": { "fresh": true } })));
    assert_eq!(run.verdict("it"), "error");
}

#[test]
fn http_11_health_answer_may_be_stored() {
    let spec = json!({ "expect": { "not_cacheable": true } });
    twins(
        "HTTP-11",
        spec,
        |_| Response::text(200, "ok").header("cache-control", "no-store"),
        |_| Response::text(200, "ok").header("cache-control", "max-age=60"),
    );
}

#[test]
fn http_12_broken_content() {
    let spec = json!({ "max_body": "64KiB", "expect": { "json": { "$.status": "ok" } } });
    let good = |_: &Request| Response::json(200, r#"{"status": "ok"}"#);
    twins("HTTP-12", spec.clone(), good, |_| {
        Response::json(200, r#"{"status": "ok""#)
    });
    twins("HTTP-12", spec.clone(), good, |_| {
        Response::json(200, r#"{"status": "down", "status": "ok"}"#)
    });
    twins("HTTP-12", spec.clone(), good, |_| {
        Response::json(200, r#"{"status": "ok"}"#).claiming_length(90)
    });
    twins("HTTP-12", spec.clone(), good, |_| Response::gzip_bomb(2));
    twins("HTTP-12", spec.clone(), good, |_| {
        Response::status(200)
            .header("content-type", "text/html")
            .body(r#"{"status": "ok"}"#)
    });
    twins("HTTP-12", spec, good, |_| {
        Response::status(200)
            .header("content-type", "application/json; charset=iso-8859-1")
            .body(r#"{"status": "ok"}"#)
    });
}

#[test]
fn http_13_headers_fast_body_stalls() {
    let origin = Origin::start();
    let spec = at(&origin, "/health", health());
    origin.fallback(ready);
    assert_green(&audit_http(&spec));
    origin.fallback(|request| ready(request).stalling_after(20));
    assert_red(&audit_within("2s", &spec), "it", "HTTP-13");
}

#[test]
fn http_52_counts_until_the_last_byte() {
    let slow = json!({ "expect": { "max_latency": "2s" } });
    twins("HTTP-52", slow, ready, |request| {
        ready(request).dripping(10, Duration::from_millis(400))
    });
}

#[test]
fn http_14_connected_and_never_answered() {
    let silent = SilentPort::new();
    let run = audit_within(
        "2s",
        &json!({ "url": format!("http://127.0.0.1:{}/", silent.port()) }),
    );
    assert_eq!(run.verdict("it"), "error");
    let check = run.check("it");
    assert_eq!(check["fault"]["code"], "HTTP-14", "{run}");
    assert_eq!(check["fault"]["cause"], "timeout");
    assert!(run.duration < Duration::from_secs(10), "{run}");
}

#[test]
fn http_14_is_told_from_a_dropped_connection() {
    let dropping = DroppingPort::new();
    let run = audit_within(
        "2s",
        &json!({ "url": format!("http://127.0.0.1:{}/", dropping.port()) }),
    );
    let check = run.check("it");
    assert_eq!(check["verdict"], "error");
    assert_eq!(check["fault"]["cause"], "timeout");
    assert_eq!(check["fault"]["code"], Value::Null, "{run}");
}

#[test]
fn http_15_one_of_several_addresses_dead() {
    let origin = Origin::start();
    origin.fallback(ready);
    let spec = |addresses: Value| json!({ "url": format!("http://localhost:{}/health", origin.port()), "addresses": addresses });
    assert_green(&audit_http(&spec(json!(["127.0.0.1"]))));
    assert_red(
        &audit_http(&spec(json!(["127.0.0.1", "127.99.0.7"]))),
        "it",
        "HTTP-15",
    );
}

#[test]
fn http_16_ipv6_broken_while_ipv4_works() {
    let origin = Origin::start();
    origin.fallback(ready);
    let spec = |addresses: Value| json!({ "url": format!("http://localhost:{}/health", origin.port()), "addresses": addresses });
    assert_green(&audit_http(&spec(json!(["127.0.0.1"]))));
    assert_red(
        &audit_http(&spec(json!(["127.0.0.1", "::1"]))),
        "it",
        "HTTP-16",
    );
}

#[test]
fn http_17_wrong_or_mixed_releases() {
    let spec = json!({ "expect": { "version": { "json": "$.version", "is": "2.1.0" } } });
    let release = |version: &'static str| {
        move |_: &Request| Response::json(200, json!({ "version": version }))
    };
    twins("HTTP-17", spec.clone(), release("2.1.0"), release("2.0.9"));
    twins("HTTP-17", spec, release("2.1.0"), |_| {
        Response::json(200, r#"{"version": null}"#)
    });
    let mixed = json!({ "samples": 4, "expect": { "version": { "header": "X-Release" } } });
    let count = AtomicUsize::new(0);
    twins(
        "HTTP-17",
        mixed,
        |_| Response::text(200, "ok").header("x-release", "7"),
        move |_| {
            let old = count.fetch_add(1, Ordering::SeqCst) % 2 == 1;
            Response::text(200, "ok").header("x-release", if old { "6" } else { "7" })
        },
    );
}

#[test]
fn http_19_liveness_depends_on_other_services() {
    let origin = Origin::start();
    let spec = at(
        &origin,
        "/live",
        json!({ "expect": { "health": { "liveness": true } } }),
    );
    origin.fallback(|_| Response::json(200, r#"{"status": "alive"}"#));
    assert_green(&audit_http(&spec));
    origin.fallback(|_| Response::json(200, r#"{"status": "ok", "checks": {"database": "ok"}}"#));
    let run = audit_http(&spec);
    assert_eq!(
        (run.verdict("it").as_str(), run.codes("it")),
        ("warn", vec!["HTTP-19".to_owned()])
    );
}

#[test]
fn http_20_secrets_and_internals_are_public() {
    let spec = json!({ "exposes_nothing": true });
    // A single-page application answers every path with its own page: that exposes nothing.
    twins("HTTP-20", spec.clone(), page, |request| {
        match request.path.as_str() {
            "/.env" => Response::text(200, "SECRET=canary-in-an-env-file\nDEBUG=1\n"),
            _ => page(request),
        }
    });
    twins("HTTP-20", spec, page, |request| {
        match request.path.as_str() {
            "/.git/config" => Response::text(200, "[core]\n\tbare = false\n"),
            _ => page(request),
        }
    });
    let leaks = json!({ "expect": { "no_leaks": true } });
    twins("HTTP-20", leaks, ready, |_| {
        Response::json(
            200,
            r#"{"status": "ok", "dsn": "postgres://app:canary-pw-1@db/app"}"#,
        )
    });
}

#[test]
fn http_20_a_service_that_is_too_busy_to_answer_is_no_pass() {
    let origin = Origin::start();
    origin.route("/", page).fallback(|_| Response::status(429));
    let run = audit_http(&at(&origin, "/", json!({ "exposes_nothing": true })));
    assert_eq!(run.verdict("it"), "error", "{run}");
    let run = audit_http(&at(&origin, "/", json!({ "missing_page": true })));
    assert_eq!(run.verdict("it"), "error", "{run}");
}

#[test]
fn http_51_a_limiter_that_answers_instead_is_no_verdict() {
    let origin = Origin::start();
    origin.fallback(|_| {
        Response::text(429, "slow down")
            .header("retry-after", "3600")
            .header("x-limit", "10")
    });
    let spec =
        json!({ "expect": { "json": { "$.status": "ok" }, "headers": { "x-request-id": "abc" } } });
    let run = audit_http(&at(&origin, "/", spec));
    assert_eq!(run.verdict("it"), "error", "{run}");
    assert_eq!(run.codes("it"), ["HTTP-51"], "{run}");
    assert!(run.stdout.contains("Retry-After: 3600"), "{run}");
    assert_eq!(origin.hits("/"), 1, "nobody waits for an hour");
    // Where the refusal is what is asked for, it is judged like any other answer.
    let refusal = json!({ "expect": { "status": 429, "headers": { "x-limit": "10" } } });
    assert_green(&audit_http(&at(&origin, "/refused", refusal)));
    assert_eq!(origin.hits("/refused"), 1);
}

#[test]
fn http_20_does_not_repeat_what_it_found() {
    let origin = Origin::start();
    origin.fallback(|request| match request.path.as_str() {
        "/.env" => Response::text(200, "SECRET=canary-in-an-env-file\n"),
        _ => Response::text(200, "see postgres://app:canary-pw-1@db/app"),
    });
    let spec = json!({ "exposes_nothing": true, "expect": { "no_leaks": true } });
    let run = audit_http(&at(&origin, "/", spec));
    assert_eq!(run.verdict("it"), "fail");
    assert!(
        !run.stdout.contains("canary") && !run.stderr.contains("canary"),
        "{run}"
    );
}

#[test]
fn http_21_protected_route_is_open() {
    let spec = json!({ "expect": { "requires_auth": { "challenge": true } } });
    let refused = |_: &Request| Response::status(401).header("www-authenticate", "Bearer");
    twins("HTTP-21", spec.clone(), refused, |_| {
        Response::json(200, "[]")
    });
    twins("HTTP-21", spec.clone(), refused, |_| Response::status(401));
    twins("HTTP-51", spec, refused, |_| Response::status(404));
}

#[test]
fn http_22_trace_and_405_without_allow() {
    let trace = json!({ "method": "TRACE", "unsafe_method": true });
    twins(
        "HTTP-22",
        trace,
        |_| Response::status(405).header("allow", "GET"),
        |_| Response::text(200, "TRACE / HTTP/1.1"),
    );
    let wrong = json!({ "method": "DELETE", "unsafe_method": true, "expect": { "status": 405 } });
    twins(
        "HTTP-22",
        wrong,
        |_| Response::status(405).header("allow", "GET, HEAD"),
        |_| Response::status(405),
    );
}

#[test]
fn http_23_missing_pages_answer_with_success() {
    let origin = Origin::start();
    origin.route("/health", ready);
    let spec = at(&origin, "/health", json!({ "missing_page": true }));
    assert_green(&audit_http(&spec));
    origin.fallback(page);
    assert_red(&audit_http(&spec), "it", "HTTP-23");
}

#[test]
fn http_24_error_page_shows_internals() {
    let origin = Origin::start();
    origin.route("/health", ready);
    let spec = at(&origin, "/health", json!({ "missing_page": true }));
    assert_green(&audit_http(&spec));
    origin.fallback(|_| {
        Response::text(
            404,
            "Traceback (most recent call last):\n  File \"/app/main.py\", line 3",
        )
    });
    assert_red(&audit_http(&spec), "it", "HTTP-24");
}

#[test]
fn http_25_fast_only_on_an_open_connection() {
    let met: Mutex<HashSet<SocketAddr>> = Mutex::default();
    let spec = json!({ "samples": 3, "expect": { "max_latency": "1500ms" } });
    twins("HTTP-25", spec, ready, move |request| {
        let cold = met.lock().unwrap().insert(request.peer);
        ready(request).delay(Duration::from_millis(if cold { 2500 } else { 0 }))
    });
}

#[test]
fn http_26_flapping() {
    let count = AtomicUsize::new(0);
    let flapping = move |request: &Request| {
        if count.fetch_add(1, Ordering::SeqCst) % 4 == 3 {
            Response::status(500)
        } else {
            ready(request)
        }
    };
    twins("HTTP-26", json!({ "samples": 8 }), ready, flapping);
}

#[test]
fn http_26_closed_connections_count_as_failed_samples() {
    let count = AtomicUsize::new(0);
    twins("HTTP-26", json!({ "samples": 6 }), ready, move |request| {
        if count.fetch_add(1, Ordering::SeqCst) % 3 == 2 {
            Response::close()
        } else {
            ready(request)
        }
    });
}

#[test]
fn http_51_to_58_plain_expectations() {
    let text = |status: u16, body: &'static str| move |_: &Request| Response::text(status, body);
    twins("HTTP-51", json!({}), text(200, ""), text(500, ""));
    twins(
        "HTTP-51",
        json!({ "expect": { "status": [401, "3xx"] } }),
        text(401, ""),
        text(200, ""),
    );
    twins(
        "HTTP-52",
        json!({ "expect": { "max_latency": "1500ms" } }),
        text(200, ""),
        |_| Response::text(200, "").delay(Duration::from_millis(2500)),
    );
    let vary = json!({ "expect": { "headers": { "Vary": { "contains": "Origin" } } } });
    twins(
        "HTTP-53",
        vary,
        |_| {
            Response::text(200, "")
                .header("vary", "Accept")
                .header("vary", "Origin")
        },
        text(200, ""),
    );
    let seven = json!({ "expect": { "json": { "$.modules": { "length": 7 }, "$.modules[*].status": "ok" } } });
    let modules = |count: usize| {
        move |_: &Request| {
            Response::json(
                200,
                json!({ "modules": vec![json!({ "status": "ok" }); count] }),
            )
        }
    };
    twins("HTTP-54", seven, modules(7), modules(6));
    let words = json!({ "expect": { "body": { "contains": "Swagger UI" } } });
    twins(
        "HTTP-55",
        words,
        text(200, "the Swagger UI page"),
        text(200, "something else"),
    );
    let home = json!({ "expect": { "location": { "ends_with": "/ci" } } });
    twins(
        "HTTP-56",
        home,
        |_| Response::redirect(307, "/ci"),
        |_| Response::redirect(307, "/podija"),
    );
    let small = json!({ "expect": { "max_size": "10B" } });
    twins(
        "HTTP-57",
        small,
        text(200, "short"),
        text(200, "much too long for this"),
    );
    let cached = json!({ "expect": { "cacheable": "1h" } });
    let stored = |value: &'static str| {
        move |_: &Request| Response::text(200, "").header("cache-control", value)
    };
    twins(
        "HTTP-58",
        cached,
        stored("public, max-age=86400"),
        stored("max-age=60"),
    );
}

#[test]
fn several_requests_are_judged_each_on_its_own() {
    let origin = Origin::start();
    for path in ["/api/ci/", "/api/kazkar/"] {
        origin.route(path, |_| Response::json(200, "{}"));
    }
    let spec = at(
        &origin,
        "/api",
        json!({ "requests": [{ "url": "ci/" }, { "url": "kazkar/" }, { "url": "/api/podija/" }] }),
    );
    let run = audit_http(&spec);
    assert_red(&run, "it", "HTTP-51");
    assert!(
        run.check("it")["message"]
            .as_str()
            .unwrap()
            .contains("podija"),
        "{run}"
    );
    origin.route("/api/podija/", |_| Response::json(200, "{}"));
    assert_green(&audit_http(&spec));
}

#[test]
fn a_target_that_is_down_or_unknown_is_an_error_with_cause_and_hint() {
    let closed = ClosedPort::new();
    for (url, cause) in [
        (format!("http://127.0.0.1:{}/", closed.port()), "refused"),
        (format!("http://{UNRESOLVABLE}/"), "dns"),
        (
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "not_allowed",
        ),
    ] {
        let run = audit_http(&json!({ "url": url }));
        let check = run.check("it");
        assert_eq!(check["verdict"], "error", "{run}");
        assert_eq!(check["fault"]["cause"], cause, "{run}");
        assert!(check["fault"]["hint"].is_string(), "{run}");
        assert!(!check["message"].to_string().contains("dns error"), "{run}");
        run.assert_exit(3);
    }
}

#[test]
fn redirects_never_carry_credentials_to_another_origin() {
    let elsewhere = Origin::start();
    elsewhere.fallback(|_| Response::text(200, "thank you"));
    let target = elsewhere.url("/collect");
    let origin = Origin::start();
    origin.fallback(move |_| Response::redirect(302, &target));
    let spec = json!({
        "follow_redirects": 2, "auth": { "bearer": "canary-token-123" },
        "headers": { "X-Tenant-ID": "canary-tenant" }, "cookies": { "sid": "canary-cookie" },
        "expect": { "final_url": { "ends_with": "/collect" } },
    });
    let run = audit_http(&at(&origin, "/", spec));
    let home = &origin.requests()[0];
    assert_eq!(
        home.header("authorization"),
        Some("Bearer canary-token-123")
    );
    assert_eq!(home.header("cookie"), Some("sid=canary-cookie"));
    let away = &elsewhere.requests()[0];
    assert!(!format!("{away:?}").contains("canary"), "{away:?}");
    assert!(!run.stdout.contains("canary-token"), "{run}");
}

#[test]
fn a_canary_in_every_secret_never_comes_out() {
    let origin = Origin::start();
    origin.fallback(|request| {
        // The worst server: it repeats all it was told.
        Response::text(500, &format!("{request:?}"))
            .header("x-echo", request.header("authorization").unwrap_or(""))
    });
    for auth in [
        json!({ "bearer": "${token}" }),
        json!({ "basic": { "user": "admin", "password": "${token}" } }),
        json!({ "header": { "name": "X-API-Key", "value": "${token}" } }),
    ] {
        let profile = json!({
            "version": 1, "name": "test",
            "inputs": { "token": { "type": "string", "secret": true, "from": "env:TOKEN" } },
            "checks": [{ "id": "it", "http": {
                "url": origin.url("/"), "auth": auth, "headers": { "X-Other": "${token}" },
                "cookies": { "sid": "${token}" }, "method": "POST", "unsafe_method": true,
                "json": { "secret": "${token}" }, "expect": { "body": { "contains": "${token}-" } },
            } }],
        });
        let run = crate::support::cli::audit_command(&profile.to_string())
            .env("TOKEN", "canary/Z9+secret value")
            .run();
        assert_eq!(run.verdict("it"), "fail", "{run}");
        for form in ["canary/Z9", "canary%2FZ9", "Y2FuYXJ5", "secret value"] {
            assert!(
                !run.stdout.contains(form) && !run.stderr.contains(form),
                "{form}\n{run}"
            );
        }
    }
}

#[test]
fn methods_that_may_change_the_target_need_permission() {
    let origin = Origin::start();
    origin.may_be_unused();
    let run = audit_http(&at(&origin, "/", json!({ "method": "POST" })));
    run.assert_exit(2);
    assert!(origin.requests().is_empty());
}
