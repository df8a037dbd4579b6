//! The kind `cors`: applications that compare origins in every wrong way, next to one that does not.

use std::sync::Mutex;
use std::time::Duration;

use crate::support::cli::{Run, audit};
use crate::support::dead::{ClosedPort, SilentPort, UNRESOLVABLE};
use crate::support::nginx::Nginx;
use crate::support::origin::{Origin, Request, Response};
use crate::support::verdicts::{assert_green, assert_red};

const APP: &str = "https://app.example.com";
const PATH: &str = "/v1/items";

/// One check of a URL, with more lines of its block.
fn check(url: &str, more: &str) -> Run {
    let more: String = more
        .lines()
        .map(|line| format!("      {}\n", line.trim_start()))
        .collect();
    audit(&format!(
        "version: 1\nname: test\nchecks:\n  - id: cors\n    timeout: 20s\n    cors:\n      url: {url}\n{more}"
    ))
}

/// What most applications need.
const NEEDS: &str = "allowed: [https://app.example.com]
    methods: [GET, PATCH]
    headers: [Authorization, Content-Type]";

/// An application that lets these origins in, and does everything else right.
fn app(request: &Request, allows: impl Fn(&str) -> bool) -> Response {
    let origin = request.header("origin").filter(|origin| allows(origin));
    let preflight = request.method == "OPTIONS";
    let status = match (preflight, origin) {
        (true, Some(_)) => 204,
        (true, None) => 400,
        _ => 200,
    };
    let mut response = if preflight {
        Response::status(status)
    } else {
        Response::json(status, "{\"items\": []}")
    };
    response = response.header("Vary", "Origin");
    let Some(origin) = origin else {
        return response;
    };
    response = response.header("Access-Control-Allow-Origin", origin);
    if preflight {
        response = response
            .header("Access-Control-Allow-Methods", "GET, PATCH")
            .header(
                "Access-Control-Allow-Headers",
                "authorization, content-type",
            )
            .header("Access-Control-Max-Age", "600");
    }
    response
}

fn healthy(request: &Request) -> Response {
    app(request, |origin| origin == APP)
}

/// The check is green against the healthy application and red with `code` against the broken one.
#[track_caller]
fn twins(
    code: &str,
    more: &str,
    good: impl Fn(&Request) -> Response + Send + Sync + 'static,
    bad: impl Fn(&Request) -> Response + Send + Sync + 'static,
) {
    let origin = Origin::start();
    origin.fallback(good);
    assert_green(&check(&origin.url(PATH), more));
    for request in origin.requests() {
        assert!(matches!(request.method.as_str(), "GET" | "OPTIONS"));
    }
    origin.fallback(bad);
    assert_red(&check(&origin.url(PATH), more), "cors", code);
}

/// An application that lets in whom it should not.
#[track_caller]
fn lets_in(code: &str, allows: impl Fn(&str) -> bool + Send + Sync + 'static) {
    twins(code, NEEDS, healthy, move |request| app(request, &allows));
}

/// An application whose answers, if not its decisions, are wrong.
#[track_caller]
fn answers(
    code: &str,
    more: &str,
    change: impl Fn(&Request, Response) -> Response + Send + Sync + 'static,
) {
    twins(code, more, healthy, move |request| {
        change(request, healthy(request))
    });
}

fn is_preflight(request: &Request) -> bool {
    request.method == "OPTIONS" && request.header("origin") == Some(APP)
}

#[test]
fn cors_01_allowed_origin_gets_nothing() {
    lets_in("CORS-01", |_| false);
}

#[test]
fn cors_02_any_origin_echoed() {
    lets_in("CORS-02", |_| true);
}

/// What Starlette does with `*` and credentials: `*` to a plain GET, an echo when a cookie comes.
fn starlette(request: &Request) -> Response {
    let echo = request.header("cookie").is_some() || request.method == "OPTIONS";
    let origin = request.header("origin").filter(|_| echo).unwrap_or("*");
    Response::json(200, "{}")
        .header("Access-Control-Allow-Origin", origin)
        .header("Access-Control-Allow-Credentials", "true")
        .header("Access-Control-Allow-Methods", "GET, PATCH")
        .header(
            "Access-Control-Allow-Headers",
            "authorization, content-type",
        )
        .header("Access-Control-Max-Age", "600")
        .header("Vary", "Origin")
}

#[test]
fn cors_03_reflected_origin_with_credentials() {
    twins("CORS-03", NEEDS, healthy, starlette);
}

#[test]
fn cors_04_wildcard_with_credentials() {
    let with =
        |request: &Request| healthy(request).header("Access-Control-Allow-Credentials", "true");
    twins(
        "CORS-04",
        &format!("{NEEDS}\ncredentials: true"),
        with,
        |request| {
            let response = Response::status(200).header("Access-Control-Allow-Credentials", "true");
            let response = response.header("Access-Control-Allow-Origin", "*");
            if request.method == "OPTIONS" {
                return response
                    .header("Access-Control-Allow-Methods", "GET, PATCH")
                    .header(
                        "Access-Control-Allow-Headers",
                        "authorization, content-type",
                    )
                    .header("Access-Control-Max-Age", "600");
            }
            response
        },
    );
}

#[test]
fn cors_05_null_origin() {
    lets_in("CORS-05", |origin| origin == APP || origin == "null");
}

#[test]
fn cors_06_prefix() {
    lets_in("CORS-06", |origin| origin.starts_with(APP));
}

#[test]
fn cors_07_suffix() {
    lets_in("CORS-07", |origin| origin.ends_with("example.com"));
}

#[test]
fn cors_08_containment() {
    lets_in("CORS-08", |origin| origin.contains("app.example.com"));
    lets_in("CORS-08", |origin| APP.contains(origin));
}

#[test]
fn cors_09_unescaped_dot() {
    lets_in("CORS-09", |origin| {
        let rest = origin.strip_prefix("https://app");
        origin == APP || rest.is_some_and(|rest| rest.len() == 12 && rest.ends_with("example.com"))
    });
}

#[test]
fn cors_10_any_subdomain() {
    let any = |origin: &str| {
        origin == APP || (origin.starts_with("https://") && origin.ends_with(".example.com"))
    };
    lets_in("CORS-10", any);
    let origin = Origin::start();
    origin.fallback(move |request| app(request, any));
    assert_green(&check(
        &origin.url(PATH),
        &format!("{NEEDS}\nsubdomains: true"),
    ));
}

#[test]
fn cors_11_http_variant() {
    lets_in("CORS-11", |origin| {
        origin == APP || origin == "http://app.example.com"
    });
}

#[test]
fn cors_12_other_port() {
    lets_in("CORS-12", |origin| {
        origin == APP
            || origin
                .strip_prefix(APP)
                .is_some_and(|rest| rest.starts_with(':'))
    });
}

#[test]
fn cors_13_special_characters() {
    lets_in("CORS-13", |origin| {
        origin == APP
            || origin
                .strip_prefix(APP)
                .is_some_and(|rest| rest.starts_with('`'))
    });
}

#[test]
fn cors_14_userinfo() {
    lets_in("CORS-14", |origin| {
        origin == APP || origin.starts_with("https://app.example.com@")
    });
}

#[test]
fn cors_15_shared_hosting_domain() {
    lets_in("CORS-15", |origin| {
        origin == APP || origin.ends_with(".vercel.app")
    });
}

#[test]
fn cors_16_developers_machine() {
    lets_in("CORS-16", |origin| {
        origin == APP || origin.starts_with("http://localhost:")
    });
}

#[test]
fn cors_17_preflight_refused() {
    for status in [301, 401, 405, 500] {
        answers("CORS-17", NEEDS, move |request, response| {
            if is_preflight(request) {
                return Response::status(status).header("Location", "/elsewhere");
            }
            response
        });
    }
}

#[test]
fn cors_18_missing_method_or_header() {
    for more in [
        "allowed: [https://app.example.com]\nmethods: [GET, DELETE]",
        "allowed: [https://app.example.com]\nheaders: [X-Csrf-Token]",
    ] {
        let origin = Origin::start();
        origin.fallback(healthy);
        assert_green(&check(&origin.url(PATH), NEEDS));
        assert_red(&check(&origin.url(PATH), more), "cors", "CORS-18");
    }
    // `*` covers everything but Authorization.
    let star = |request: &Request| {
        Response::status(200)
            .header("Vary", "Origin")
            .header(
                "Access-Control-Allow-Origin",
                request
                    .header("origin")
                    .filter(|o| *o == APP)
                    .unwrap_or("https://x.example"),
            )
            .header("Access-Control-Allow-Headers", "*")
            .header("Access-Control-Max-Age", "600")
    };
    let origin = Origin::start();
    origin.fallback(star);
    let more = "allowed: [https://app.example.com]\nheaders: [X-Csrf-Token]";
    assert_green(&check(&origin.url(PATH), more));
    let more = "allowed: [https://app.example.com]\nheaders: [Authorization]";
    assert_red(&check(&origin.url(PATH), more), "cors", "CORS-18");
}

#[test]
fn cors_19_stars_with_credentials() {
    let more = "allowed: [https://app.example.com]\nheaders: [X-Csrf]\ncredentials: true";
    let with = |names: &'static str| {
        move |request: &Request| {
            let response = Response::status(200).header("Vary", "Origin");
            match request.header("origin") {
                Some(APP) => response
                    .header("Access-Control-Allow-Origin", APP)
                    .header("Access-Control-Allow-Credentials", "true")
                    .header("Access-Control-Allow-Headers", names)
                    .header("Access-Control-Max-Age", "600"),
                _ => response,
            }
        }
    };
    twins("CORS-19", more, with("x-csrf"), with("*"));
}

#[test]
fn cors_20_malformed_headers() {
    let sending = |values: &'static [&'static str]| {
        move |request: &Request| {
            let mut response = Response::status(200).header("Vary", "Origin");
            if request.header("origin") == Some(APP) {
                for value in values {
                    response = response.header("Access-Control-Allow-Origin", value);
                }
            }
            response
        }
    };
    let more = "allowed: [https://app.example.com]";
    for values in [
        &["https://app.example.com/"][..],
        &["https://App.Example.com"],
        &["https://app.example.com:443"],
        &["https://app.example.com, https://other.example.com"],
        &["https://app.example.com", "https://app.example.com"],
        &[""],
    ] {
        twins("CORS-20", more, sending(&[APP]), sending(values));
    }
    let allowing = |text: &'static str| {
        move |request: &Request| healthy(request).header("Access-Control-Allow-Credentials", text)
    };
    twins(
        "CORS-20",
        &format!("{NEEDS}\ncredentials: true"),
        allowing("true"),
        allowing("True"),
    );
}

/// Passes everything on; `{name}` holds what an answer says about origins.
fn nginx(directives: &str) -> Nginx {
    Nginx::builder()
        .http("map $http_origin $cors { default ''; \"https://app.example.com\" $http_origin; }")
        .server(&format!(
            "listen {{listen:main}};\nlocation / {{ {directives}\nadd_header Access-Control-Allow-Origin $cors always;\nreturn 200 '[]'; }}\nlocation /gone {{ {directives}\nadd_header Access-Control-Allow-Origin $cors;\nreturn 404; }}"
        ))
        .start()
}

#[test]
fn cors_21_dynamic_answer_without_vary() {
    let more = "allowed: [https://app.example.com]";
    let good = nginx("add_header Vary Origin always;");
    assert_green(&check(&good.url(PATH), more));
    let bad = nginx("");
    assert_red(&check(&bad.url(PATH), more), "cors", "CORS-21");
    // A cache that may keep what strangers get is as bad.
    let strangers = |request: &Request| match request.header("origin") {
        Some(APP) => healthy(request),
        _ => Response::json(200, "[]").header("Cache-Control", "public, max-age=60"),
    };
    twins("CORS-21", more, healthy, strangers);
}

#[test]
fn cors_22_vary_overwritten() {
    let varying = |keep: bool| {
        move |request: &Request| {
            let response = healthy(request);
            if keep || request.header("origin").is_none() {
                response.header("Vary", "Accept-Encoding")
            } else {
                response
            }
        }
    };
    twins("CORS-22", NEEDS, varying(true), varying(false));
}

#[test]
fn cors_23_errors_without_headers() {
    let more = "allowed: [https://app.example.com]\nerror_paths: [/gone]";
    let bad = nginx("add_header Vary Origin always;");
    assert_red(&check(&bad.url(PATH), more), "cors", "CORS-23");
    let origin = Origin::start();
    origin.fallback(healthy);
    assert_green(&check(&origin.url(PATH), more));
    // Authentication outside of the CORS layer.
    answers("CORS-23", NEEDS, |request, response| {
        if request.method == "GET" {
            Response::status(401)
        } else {
            response
        }
    });
}

#[test]
fn cors_24_cached_answer_of_another_origin() {
    let origin = Origin::start();
    origin.fallback(healthy);
    let cached = |key: &str| {
        Nginx::builder()
            .http("proxy_cache_path {dir}/cache keys_zone=z:1m;")
            .proxy(
                &origin.url(""),
                &format!("proxy_cache z; proxy_cache_valid 200 1m; proxy_ignore_headers Vary; proxy_cache_key {key};"),
            )
            .start()
    };
    let good = cached("$request_method$request_uri$http_origin");
    assert_green(&check(&good.url(PATH), NEEDS));
    let bad = cached("$request_method$request_uri");
    assert_red(&check(&bad.url(PATH), NEEDS), "cors", "CORS-24");
}

#[test]
fn cors_25_header_not_exposed() {
    let more = format!("{NEEDS}\nexpose: [X-Request-Id]");
    let exposing = |request: &Request| {
        healthy(request).header("Access-Control-Expose-Headers", "x-request-id")
    };
    twins("CORS-25", &more, exposing, healthy);
}

#[test]
fn cors_26_max_age() {
    let origin = Origin::start();
    origin.fallback(healthy);
    let with = |bounds: &str| check(&origin.url(PATH), &format!("{NEEDS}\nmax_age: {bounds}"));
    assert_green(&with("{ min: 5m, max: 1h }"));
    assert_red(&with("{ min: 1h }"), "cors", "CORS-26");
    assert_red(&with("{ max: 1m }"), "cors", "CORS-26");
}

#[test]
fn cors_27_internal_service() {
    let private = "private: true";
    let quiet = |_: &Request| Response::json(200, "[]");
    let star = |_: &Request| Response::json(200, "[]").header("Access-Control-Allow-Origin", "*");
    twins("CORS-27", private, quiet, star);
    twins("CORS-27", private, quiet, |request| app(request, |_| true));
    // Nothing there: nothing is known.
    let origin = Origin::start();
    let run = check(&origin.url(PATH), private);
    assert_eq!(run.verdict("cors"), "error", "{run}");
}

#[test]
fn cors_28_socket_accepts_foreign_origin() {
    let more = format!("{NEEDS}\nwebsocket: /ws");
    let socket = |open: bool| {
        move |request: &Request| {
            if request.path != "/ws" {
                return healthy(request);
            }
            if open || request.header("origin") == Some(APP) {
                Response::raw(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                )
            } else {
                Response::status(403)
            }
        }
    };
    twins("CORS-28", &more, socket(false), socket(true));
}

#[test]
fn cors_29_answer_lacks_what_the_preflight_had() {
    answers("CORS-29", NEEDS, |request, response| {
        if request.method == "GET" {
            Response::json(200, "[]")
        } else {
            response
        }
    });
}

#[test]
fn cors_51_wildcard_on_the_wire() {
    let star = |request: &Request| {
        let response = Response::status(200).header("Access-Control-Allow-Origin", "*");
        if request.method == "OPTIONS" {
            return response.header("Access-Control-Max-Age", "600");
        }
        response
    };
    let more = "allowed: [https://app.example.com]";
    twins("CORS-51", more, healthy, star);
    let origin = Origin::start();
    origin.fallback(star);
    assert_green(&check(&origin.url(PATH), "public: true"));
}

#[test]
fn cors_52_credentials_not_permitted() {
    let with =
        |request: &Request| healthy(request).header("Access-Control-Allow-Credentials", "true");
    twins(
        "CORS-52",
        &format!("{NEEDS}\ncredentials: true"),
        with,
        healthy,
    );
}

#[test]
fn cors_53_denied_origin() {
    let more = format!("{NEEDS}\ndenied: [https://old.example.net]");
    let old = |request: &Request| app(request, |o| o == APP || o == "https://old.example.net");
    twins("CORS-53", &more, healthy, old);
}

/// The ways in which well-known frameworks refuse are all green.
#[test]
fn the_status_of_a_refusal_says_nothing() {
    for status in [200, 204, 400, 401, 403, 405, 500] {
        let origin = Origin::start();
        origin.fallback(move |request| match request.header("origin") {
            Some(APP) | None => healthy(request),
            // Sent always, and permits nothing without an origin.
            Some(_) => Response::status(status)
                .header("Access-Control-Allow-Credentials", "true")
                .header("Vary", "Origin"),
        });
        assert_green(&check(&origin.url(PATH), NEEDS));
    }
}

#[test]
fn a_limiter_in_the_way_is_no_refusal() {
    let count = Mutex::new(0);
    let origin = Origin::start();
    origin.fallback(move |request| {
        let mut count = count.lock().unwrap();
        *count += 1;
        if *count > 15 {
            Response::status(429)
        } else {
            healthy(request)
        }
    });
    let run = check(&origin.url(PATH), NEEDS);
    assert_eq!(run.verdict("cors"), "error", "{run}");
    run.assert_exit(3);
}

#[test]
fn a_target_that_does_not_answer_is_an_error() {
    let closed = ClosedPort::new();
    let silent = SilentPort::new();
    for (url, cause) in [
        (
            format!("http://127.0.0.1:{}{PATH}", closed.port()),
            "refused",
        ),
        (format!("http://{UNRESOLVABLE}{PATH}"), "dns"),
        (
            format!("http://127.0.0.1:{}{PATH}", silent.port()),
            "timeout",
        ),
    ] {
        let run = audit(&format!(
            "version: 1\nname: test\nchecks:\n  - id: cors\n    timeout: 1s\n    cors: {{ url: '{url}', allowed: [{APP}] }}\n"
        ));
        let check = run.check("cors");
        assert_eq!(check["verdict"], "error", "{run}");
        assert_eq!(check["fault"]["cause"], cause, "{run}");
        assert!(check["fault"]["hint"].is_string(), "{run}");
        assert!(run.duration < Duration::from_secs(10), "{:?}", run.duration);
        run.assert_exit(3);
    }
}

#[test]
fn credentials_go_to_the_application_and_nowhere_else() {
    let canary = "canary-7Qd2x9";
    let origin = Origin::start();
    origin.fallback(|request| match request.header("authorization") {
        Some("Bearer canary-7Qd2x9") => healthy(request).header(
            "Access-Control-Expose-Headers",
            request.header("authorization").unwrap(),
        ),
        _ if request.method == "GET" => {
            let wrong = Response::json(401, "{}").header("Vary", "Origin");
            match request.header("origin") {
                Some(APP) => wrong.header("Access-Control-Allow-Origin", APP),
                _ => wrong,
            }
        }
        _ => healthy(request),
    });
    let run = check(
        &origin.url(PATH),
        &format!("{NEEDS}\nauth: 'Bearer {canary}'\nwith_cookie: 'sid={canary}'"),
    );
    assert_eq!(run.verdict("cors"), "pass", "{run}");
    assert!(
        !run.stdout.contains(canary) && !run.stderr.contains(canary),
        "{run}"
    );
    for request in origin.requests().iter().filter(|r| r.method == "OPTIONS") {
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.header("cookie"), None);
    }
}

/// The pack as a profile uses it.
fn pack(origin: &Origin) -> Run {
    audit(&format!(
        "version: 1\nname: test\npacks:\n  - use: cors\n    with: {{ url: '{}', origins: [{APP}], headers: [Authorization], error_paths: [/gone], has_websocket: true, internal_url: '{}' }}\n",
        origin.url(PATH),
        origin.url("/internal"),
    ))
}

#[test]
fn the_pack_tells_good_policies_from_bad_ones() {
    let serving = |status: u16, allows: fn(&str) -> bool| {
        move |request: &Request| match request.path.as_str() {
            "/ws" if request.header("origin").is_some_and(allows) => Response::raw(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            ),
            "/ws" => Response::status(403),
            "/internal" if allows("*") => {
                Response::json(200, "{}").header("Access-Control-Allow-Origin", "*")
            }
            "/internal" => Response::json(200, "{}"),
            "/gone" if status != 0 => Response::status(status),
            _ => app(request, allows),
        }
    };
    let origin = Origin::start();
    origin.fallback(serving(0, |origin| origin == APP));
    assert_green(&pack(&origin));
    origin.fallback(serving(404, |_| true));
    let run = pack(&origin);
    for (id, code) in [
        ("cors-policy", "CORS-02"),
        ("cors-errors", "CORS-23"),
        ("cors-websocket", "CORS-28"),
        ("cors-internal", "CORS-27"),
    ] {
        assert!(run.codes(id).contains(&code.to_owned()), "{id}: {run}");
        assert_eq!(run.verdict(id), "fail", "{id}: {run}");
    }
}

#[test]
fn what_a_pack_does_not_need_may_be_left_out() {
    let origin = Origin::start();
    origin.fallback(healthy);
    let run = audit(&format!(
        "version: 1\nname: test\npacks:\n  - use: cors\n    with: {{ url: '{}', origins: [{APP}] }}\n",
        origin.url(PATH),
    ));
    assert_eq!(run.verdict("cors-policy"), "pass", "{run}");
    assert_eq!(run.verdict("cors-internal"), "skip", "{run}");
    run.assert_exit(0);
}
