//! The kind `http`: security headers, cookies and the way from http to https, on real servers.

use serde_json::{Value, json};

use crate::http::{at, audit_http};
use crate::support::certificates::{Authority, Leaf};
use crate::support::nginx::Nginx;
use crate::support::origin::{Origin, Response};
use crate::support::verdicts::{assert_green, assert_red};

/// A check of headers against an answer with these headers, then with those: green, then red.
#[track_caller]
fn twins(code: &str, expect: &Value, good: &[(&str, &str)], bad: &[(&str, &str)]) {
    let origin = Origin::start();
    let spec = at(&origin, "/", json!({ "expect": expect }));
    let serve = |headers: &[(&str, &str)]| {
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        origin.fallback(move |_| {
            headers
                .iter()
                .fold(Response::text(200, "ok"), |answer, (name, value)| {
                    answer.header(name, value)
                })
        });
    };
    serve(good);
    assert_green(&audit_http(&spec));
    serve(bad);
    assert_red(&audit_http(&spec), "it", code);
}

/// A check against an nginx with TLS, once with these directives and once with those.
#[track_caller]
fn tls_twins(code: &str, spec: &Value, good: &str, bad: &str) {
    let authority = Authority::root();
    let identity = authority.issue(&Leaf::localhost());
    let run = |directives: &str| {
        let nginx = Nginx::builder().tls("main", &identity, directives).start();
        let mut spec = spec.clone();
        spec["url"] = nginx.tls_url("main", "/").into();
        spec["ca_file"] = authority.path().to_str().unwrap().into();
        audit_http(&spec)
    };
    assert_green(&run(good));
    assert_red(&run(bad), "it", code);
}

#[test]
fn hdr_01_http_is_not_redirected_to_https() {
    let authority = Authority::root();
    let identity = authority.issue(&Leaf::localhost());
    let run = |directives: &str| {
        let nginx = Nginx::builder()
            .tls("secure", &identity, "return 200 ok;")
            .server(&format!("listen {{listen:main}};\n{directives}"))
            .start();
        let url = format!("http://localhost:{}/a/b?c=d", nginx.port("main"));
        audit_http(&json!({ "url": url, "expect": { "redirect_to_https": true } }))
    };
    assert_green(&run(
        "return 301 https://localhost:{port:secure}$request_uri;",
    ));
    for bad in [
        "return 200 ok;",
        "return 301 https://localhost:{port:secure}/;",
        "return 301 https://127.0.0.1:{port:secure}$request_uri;",
        "return 301 http://localhost:{port:main}$request_uri;",
    ] {
        assert_red(&run(bad), "it", "HDR-01");
    }
}

#[test]
fn hdr_02_hsts_missing_or_without_effect() {
    let spec = json!({ "missing_page": true, "expect": { "security": { "hsts": { "include_subdomains": true } } } });
    let header = |value: &str| {
        format!(
            "add_header Strict-Transport-Security \"{value}\" always;\nlocation = / {{ return 200 ok; }}\nlocation / {{ return 404; }}"
        )
    };
    let good = header("max-age=31536000; includeSubDomains");
    for bad in [
        "location = / { return 200 ok; }\nlocation / { return 404; }".to_owned(),
        header("max-age=0; includeSubDomains"),
        header("max-age=86400; includeSubDomains"),
        header("max-age=31536000"),
        header("max-age=a; includeSubDomains"),
        good.replacen(
            "add_header",
            "add_header Strict-Transport-Security \"max-age=1\" always;\nadd_header",
            1,
        ),
        // Without `always` the header is missing on error pages.
        good.replace(" always", ""),
    ] {
        tls_twins("HDR-02", &spec, &good, &bad);
    }
}

#[test]
fn hdr_02_hsts_over_http_has_no_effect() {
    let origin = Origin::start();
    origin.fallback(|_| {
        Response::text(200, "ok").header("strict-transport-security", "max-age=31536000")
    });
    let spec = at(
        &origin,
        "/",
        json!({ "expect": { "security": { "hsts": true } } }),
    );
    assert_red(&audit_http(&spec), "it", "HDR-02");
}

#[test]
fn hdr_03_preload_against_the_rules() {
    tls_twins(
        "HDR-03",
        &json!({ "expect": { "security": { "hsts": "180d" } } }),
        "add_header Strict-Transport-Security \"max-age=31536000; includeSubDomains; preload\"; return 200 ok;",
        "add_header Strict-Transport-Security \"max-age=31536000; preload\"; return 200 ok;",
    );
}

#[test]
fn hdr_04_weak_or_missing_csp() {
    let expect = json!({ "security": { "csp": true } });
    let name = "content-security-policy";
    let page = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
    let api = "default-src 'none'; frame-ancestors 'none'";
    for good in [
        page,
        api,
        "script-src 'nonce-abc' 'unsafe-inline'; object-src 'none'; base-uri 'self'; frame-ancestors 'self'",
    ] {
        for bad in [
            vec![],
            vec![("content-security-policy-report-only", page)],
            vec![(
                name,
                "default-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
            )],
            vec![(
                name,
                "default-src *; base-uri 'none'; frame-ancestors 'none'",
            )],
            vec![(
                name,
                "script-src 'self'; base-uri 'none'; frame-ancestors 'none'",
            )],
            vec![(name, "default-src 'self'; frame-ancestors 'none'")],
            vec![(name, "default-src 'self'; base-uri 'none'")],
            vec![(name, "frame-ancestors 'none'")],
        ] {
            twins("HDR-04", &expect, &[(name, good)], &bad);
        }
    }
}

#[test]
fn hdr_05_to_08_single_headers() {
    let nosniff = json!({ "security": { "nosniff": true } });
    twins(
        "HDR-05",
        &nosniff,
        &[("x-content-type-options", "nosniff")],
        &[],
    );
    twins(
        "HDR-05",
        &nosniff,
        &[("x-content-type-options", "NoSniff")],
        &[("x-content-type-options", "none")],
    );
    let framing = json!({ "security": { "framing": "deny" } });
    twins("HDR-06", &framing, &[("x-frame-options", "DENY")], &[]);
    twins(
        "HDR-06",
        &framing,
        &[("x-frame-options", "DENY")],
        &[("x-frame-options", "SAMEORIGIN")],
    );
    // Browsers obey frame-ancestors where both are given.
    twins(
        "HDR-06",
        &framing,
        &[("content-security-policy", "frame-ancestors 'none'")],
        &[
            ("content-security-policy", "frame-ancestors *"),
            ("x-frame-options", "DENY"),
        ],
    );
    let referrer = json!({ "security": { "referrer_policy": true } });
    twins(
        "HDR-07",
        &referrer,
        &[("referrer-policy", "no-referrer")],
        &[("referrer-policy", "unsafe-url")],
    );
    twins(
        "HDR-07",
        &referrer,
        &[("referrer-policy", "unknown, strict-origin")],
        &[],
    );
    let quiet = json!({ "security": { "no_disclosure": true } });
    twins(
        "HDR-08",
        &quiet,
        &[("server", "nginx")],
        &[("server", "nginx/1.25.3")],
    );
    twins("HDR-08", &quiet, &[], &[("x-powered-by", "Express")]);
}

#[test]
fn hdr_09_unsafe_cookies() {
    let session = json!({ "cookies": { "session": {} } });
    let safe = [(
        "set-cookie",
        "session=abcdef123456; Path=/; Secure; HttpOnly; SameSite=Lax",
    )];
    for bad in [
        "session=abcdef123456; Path=/; HttpOnly; SameSite=Lax",
        "session=abcdef123456; Path=/; Secure; SameSite=Lax",
        "session=abcdef123456; Path=/; Secure; HttpOnly",
        "session=abcdef123456; Path=/; Secure; HttpOnly; SameSite=None",
        "__Host-session=abcdef123456; Secure; HttpOnly; SameSite=Lax",
        "other=1; Secure; HttpOnly; SameSite=Lax",
    ] {
        twins("HDR-09", &session, &safe, &[("set-cookie", bad)]);
    }
    let every = json!({ "cookies": { "*": {} } });
    twins(
        "HDR-09",
        &every,
        &safe,
        &[safe[0], ("set-cookie", "tracking=1; Path=/")],
    );
}

#[test]
fn hdr_09_no_cookie_at_all_is_not_a_safe_cookie() {
    let origin = Origin::start();
    origin.fallback(|_| Response::text(200, "ok"));
    let run = audit_http(&at(
        &origin,
        "/",
        json!({ "expect": { "cookies": { "*": {} } } }),
    ));
    assert_eq!(run.verdict("it"), "error");
}

#[test]
fn hdr_10_mixed_content_and_foreign_scripts() {
    let html = |body: &str| format!("default_type text/html; return 200 '<!doctype html>{body}';");
    let spec = json!({ "expect": { "security": { "no_mixed_content": true } } });
    let good = html("<script src=\"/app.js\"></script><a href=\"http://other.example/\">x</a>");
    for bad in [
        "<img src=\"http://other.example/a.png\">",
        "<script src=\"https://cdn.example/a.js\"></script>",
    ] {
        tls_twins("HDR-10", &spec, &good, &html(bad));
    }
}

#[test]
fn hdr_11_to_14_single_headers() {
    let private = json!({ "security": { "cache_control": true } });
    twins(
        "HDR-11",
        &private,
        &[("cache-control", "private, max-age=60")],
        &[],
    );
    twins(
        "HDR-11",
        &private,
        &[("cache-control", "no-store")],
        &[("cache-control", "public, max-age=60")],
    );
    let modern = json!({ "security": { "no_obsolete": true } });
    twins(
        "HDR-12",
        &modern,
        &[("x-xss-protection", "0")],
        &[("x-xss-protection", "1; mode=block")],
    );
    twins("HDR-12", &modern, &[], &[("expect-ct", "max-age=1")]);
    twins(
        "HDR-13",
        &modern,
        &[("x-frame-options", "DENY")],
        &[("x-frame-options", "ALLOW-FROM https://a.example")],
    );
    let isolated = json!({ "security": { "cross_origin": { "resource": "same-origin" } } });
    let name = "cross-origin-resource-policy";
    twins(
        "HDR-14",
        &isolated,
        &[(name, "same-origin")],
        &[(name, "same origin")],
    );
    twins("HDR-14", &isolated, &[(name, "same-origin")], &[]);
}

#[test]
fn hdr_15_headers_lost_on_the_way() {
    let origin = Origin::start();
    origin.fallback(|_| Response::text(200, "ok").header("x-content-type-options", "nosniff"));
    let run = |directives: &str| {
        let nginx = Nginx::builder().proxy(&origin.url(""), directives).start();
        let spec = json!({
            "url": nginx.url("/"),
            "expect": { "security": { "behind": origin.url("/") } },
        });
        audit_http(&spec)
    };
    assert_green(&run(""));
    assert_red(
        &run("proxy_hide_header X-Content-Type-Options;"),
        "it",
        "HDR-15",
    );
}
