//! The API: what it answers, whom it lets in, how fast it is.

use super::{Row, Service, assert_rows, items_of};
use crate::systems::{Audit, assert_broken, assert_healthy};

/// Healthy services that differ from the one that the profile was written for.
const LIKE: [&str; 18] = [
    "bare-health",
    "flat-ready",
    "bool-ready",
    "listed-ready",
    "starlette-metrics",
    "docstrings",
    "named-root",
    "good-cookie",
    "etag",
    "bare-list",
    "names-list",
    "items-list",
    "keyed-list",
    "listed-status",
    "all-methods",
    "all-headers",
    "no-credentials",
    "bare-health,bare-list,flat-ready,etag,all-methods",
];

/// Breaks of access and health.
const ACCESS: &[Row<&str>] = &[
    (&["CIM-S.3"], "debug", &["debug-not-seen"]),
    (&["CIM-T.12"], "cors-nobody", &["cors-policy"]),
    (&["CIM-T.12"], "without-cors", &["cors-policy"]),
    (
        &["CIM-S.4", "CIM-K.9"],
        "cors-wildcard",
        &["cors-foreign-origin", "cors-policy"],
    ),
    (
        &["CIM-S.4", "CIM-K.9"],
        "cors-echo",
        &["cors-foreign-origin", "cors-policy"],
    ),
    (
        &["CIM-S.19"],
        "no-auth",
        &[
            "auth-required",
            "authorization-enforced",
            "csrf-cookie-alone",
            "csrf-session",
        ],
    ),
    (
        &["CIM-S.19"],
        "any-token",
        &["auth-required", "authorization-enforced"],
    ),
    (&["CIM-S.20"], "any-role", &["authorization-enforced"]),
    (&["CIM-S.21"], "cookie", &["session-cookies"]),
    (&["CIM-S.21"], "script-cookie", &["session-login"]),
    (&["CIM-S.21"], "cookieless-login", &["session-login"]),
    (&["CIM-S.22"], "cookie-auth", &["csrf-cookie-alone"]),
    (&["CIM-S.22"], "user-cookie", &["csrf-session"]),
    (
        &[
            "CIM-M.9", "CIM-K.1", "CIM-T.8", "CIM-D.3", "CIM-D.5", "CIM-O.2",
        ],
        "health-body",
        &["health", "load-balancer"],
    ),
    (
        &["CIM-M.9"],
        "health-error",
        &[
            "cors-foreign-origin",
            "cors-policy",
            "debug-not-seen",
            "health",
            "load-balancer",
        ],
    ),
    (
        &["CIM-M.10", "CIM-K.2", "CIM-T.8", "CIM-O.2"],
        "ready-failing",
        &["ready"],
    ),
    (&["CIM-M.10", "CIM-K.2"], "ready-lies", &["ready"]),
    (&["CIM-M.10"], "ready-failing,ready-200", &["ready"]),
    (&["CIM-M.10"], "ready-blind", &["ready-asks-database"]),
];

/// Breaks of what is answered.
const ANSWERS: &[Row<&str>] = &[
    (&["CIM-M.13"], "no-metrics", &["application-metrics"]),
    (&["CIM-M.13"], "metrics-secret", &["application-metrics"]),
    (&["CIM-M.13"], "plain-metrics", &["request-metrics"]),
    (&["CIM-K.3", "CIM-T.8"], "short-root", &["api-root"]),
    (&["CIM-K.4", "CIM-T.8"], "no-docs", &["api-docs"]),
    (&["CIM-K.4"], "docs-astray", &["api-docs"]),
    (&["CIM-T.10", "CIM-C.2"], "hidden-podija", &["api-document"]),
    (
        &["CIM-T.10"],
        "no-document",
        &[
            "api-docs",
            "api-document",
            "api-operations-described",
            "release-deployed",
        ],
    ),
    (
        &["CIM-C.2", "CIM-C.10"],
        "undescribed",
        &["api-operations-described"],
    ),
    (&["CIM-D.3"], "no-version", &["release-deployed"]),
    (&["CIM-K.5", "CIM-T.8"], "short-list", &["modules-list"]),
    (&["CIM-K.5"], "long-list", &["modules-list"]),
    (&["CIM-K.6", "CIM-T.8"], "status-short", &["modules-status"]),
    (&["CIM-K.6"], "status-down", &["modules-status"]),
    (&["CIM-K.6"], "status-false", &["modules-status"]),
    (
        &["CIM-K.7", "CIM-T.9", "CIM-T.8"],
        "no-ci",
        &["module-responds[ci]"],
    ),
    (
        &["CIM-O.5", "CIM-T.9"],
        "no-kazkar",
        &["module-responds[kazkar]", "user-flow"],
    ),
    (&["CIM-P.10"], "uncached", &["api-caching"]),
    (&["CIM-P.8"], "descriptors", &["file-descriptors"]),
];

/// Breaks of the limiter.
const LIMITS: &[Row<&str>] = &[
    (&["CIM-S.12", "CIM-K.8"], "no-limit", &["rate-limit"]),
    (&["CIM-S.13"], "low-limit", &["rate-limit"]),
    (&["CIM-S.14"], "health-limited", &["rate-limit"]),
];

/// Items that are broken here.
pub(super) fn items() -> Vec<&'static str> {
    [items_of(ACCESS), items_of(ANSWERS), items_of(LIMITS)].concat()
}

/// Whatever takes no time to measure.
fn quick(service: &Service) -> Audit {
    service
        .audit()
        .skip("tag:latency,tag:rate-limit,tag:sign-off,tag:tests,tag:dependencies")
}

/// The same of what asks the service.
fn asking(service: &Service) -> Audit {
    quick(service).skip("kind:postgres,kind:logs,kind:env")
}

#[test]
fn healthy_services_are_green() {
    let service = Service::start();
    service.be_with("", "", "RATE_LIMIT=600");
    assert_healthy(&quick(&service).run(), 50);
    for like in LIKE {
        service.be(like, "");
        let run = quick(&service).only("tag:http,tag:cors,tag:metrics").run();
        assert_healthy(&run, 30);
    }
    // The limit itself, also a smaller and a larger one.
    for (limit, intended) in [("60", "60"), ("40", "40"), ("120", "120")] {
        service.be_with("", "", &format!("RATE_LIMIT={limit}"));
        let audit = service.audit().set("rate_limit", intended);
        assert_healthy(&audit.only("rate-limit").run(), 1);
    }
}

#[test]
fn broken_answers_are_red() {
    let service = Service::start();
    assert_rows(ANSWERS, |word| {
        service.be("", word);
        asking(&service).run()
    });
}

#[test]
fn broken_access_is_red() {
    let service = Service::start();
    assert_rows(ACCESS, |word| {
        service.be("", word);
        asking(&service).run()
    });
    // Nobody is there: nothing is green that would have asked it, and nothing fails for a reason that
    // was not seen.
    let audit = quick(&service).set("base_url", "http://127.0.0.1:9");
    let run = audit
        .only("tag:http,tag:cors,tag:metrics")
        .skip("kind:env")
        .run();
    for check in run.checks() {
        let verdict = check["verdict"].as_str().unwrap();
        assert!(matches!(verdict, "error" | "skip"), "{check}\n{run}");
    }
    run.assert_exit(3);
}

#[test]
fn broken_limits_are_red() {
    let service = Service::start();
    for (items, word, red) in LIMITS {
        service.be("", word);
        let audit = service.audit().only("rate-limit");
        assert_broken(&audit.run(), &format!("{word} {items:?}"), red);
    }
}
