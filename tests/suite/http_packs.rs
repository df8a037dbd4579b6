//! The packs of the kind `http`: green on a service as it should be, red where it is not.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::certificates::{Authority, Leaf};
use crate::support::cli::{Run, audit_command};
use crate::support::nginx::Nginx;
use crate::support::origin::{Origin, Response};
use crate::support::verdicts::{assert_green, assert_red};

/// Audits one pack with these inputs, trusting an authority.
fn audit_pack(name: &str, with: &Value, trust: Option<&Path>) -> Run {
    let profile = json!({
        "version": 1, "name": "test", "defaults": { "timeout": "20s", "retry": { "attempts": 1 } },
        "packs": [{ "use": name, "with": with }],
    });
    let mut run = audit_command(&profile.to_string()).args(["--fail-on", "info"]);
    if let Some(path) = trust {
        run = run.env("SSL_CERT_FILE", path);
    }
    run.run()
}

#[test]
fn pack_health_endpoints() {
    let origin = Origin::start();
    let ready = |database: &'static str| {
        move |_: &_| {
            Response::json(
                200,
                json!({ "status": "ready", "details": { "database": { "status": database } } }),
            )
            .header("cache-control", "no-store")
        }
    };
    origin.route("/health/live", |_| Response::text(200, "OK"));
    origin.route("/health/ready", ready("healthy"));
    let with =
        json!({ "base_url": origin.url(""), "components": ["database"], "max_latency": "10s" });
    assert_green(&audit_pack("health-endpoints", &with, None));
    origin.route("/health/ready", ready("down"));
    assert_red(
        &audit_pack("health-endpoints", &with, None),
        "health-readiness",
        "HTTP-07",
    );
    origin.route("/health/ready", |_| {
        Response::json(200, r#"{"status": "ready"}"#).header("cache-control", "no-store")
    });
    assert_red(
        &audit_pack("health-endpoints", &with, None),
        "health-readiness",
        "HTTP-05",
    );
    origin.route("/health/ready", ready("healthy"));
    origin.route("/health/live", |_| Response::text(503, "shutting down"));
    assert_red(
        &audit_pack("health-endpoints", &with, None),
        "health-liveness",
        "HTTP-02",
    );
}

/// A site whose every answer carries `headers`.
fn site(authority: &Authority, headers: &str) -> Nginx {
    let identity = authority.issue(&Leaf::localhost());
    Nginx::builder()
        .http("server_tokens off;")
        .tls(
            "main",
            &identity,
            &format!("{headers}\nlocation = / {{ return 200 ok; }}\nlocation / {{ return 404; }}"),
        )
        .server("listen {listen:plain};\nreturn 301 https://localhost:{port:main}$request_uri;")
        .start()
}

/// Headers that satisfy every check.
const HEADERS: &str = "
    add_header Strict-Transport-Security 'max-age=31536000; includeSubDomains' always;
    add_header X-Content-Type-Options nosniff always;
    add_header Content-Security-Policy \"default-src 'none'; frame-ancestors 'none'\" always;
    add_header Referrer-Policy no-referrer always;";

#[test]
fn pack_security_headers() {
    let authority = Authority::root();
    let run = |headers: &str| {
        let nginx = site(&authority, headers);
        let with = json!({ "url": nginx.tls_url("main", "/") });
        audit_pack("security-headers", &with, Some(authority.path()))
    };
    assert_green(&run(HEADERS));
    for (header, check, code) in [
        ("Strict-Transport-Security", "headers-hsts", "HDR-02"),
        ("Referrer-Policy", "headers-referrer-policy", "HDR-07"),
    ] {
        assert_red(&run(&HEADERS.replace(header, "X-Other")), check, code);
    }
    let on_success_only = HEADERS.replace("nosniff always", "nosniff");
    assert_red(&run(&on_success_only), "headers-on-error-pages", "HDR-05");
    let telling = format!("{HEADERS}\nadd_header X-Powered-By Express;");
    assert_red(&run(&telling), "headers-no-disclosure", "HDR-08");
}

#[test]
fn pack_http_basics() {
    let authority = Authority::root();
    let run = |headers: &str| {
        let nginx = site(&authority, headers);
        let with = json!({
            "url": nginx.tls_url("main", "/"),
            "http_url": format!("http://localhost:{}/", nginx.port("plain")),
        });
        audit_pack("http-basics", &with, Some(authority.path()))
    };
    assert_green(&run(""));
    let exposing = "location = /.env { default_type text/plain; return 200 'SECRET_KEY=abc\\n'; }";
    assert_red(&run(exposing), "http-nothing-exposed", "HTTP-20");
}
