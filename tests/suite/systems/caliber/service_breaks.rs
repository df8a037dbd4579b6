//! What is broken about the service itself.

use super::service::Service;
use super::twin::{Twin, watched};
use super::{Audit, Break, assert_broken, assert_healthy, red};

/// Words that break the service. Checks that only send GETs at it are looked at.
pub(super) const TABLE: &[Break] = &[
    (
        "CAL-4.2",
        &["open"],
        &[
            "api-keys-needed",
            "tenant-header-required",
            "websocket-refuses",
            "websocket",
            "old-key-refused",
        ],
    ),
    ("CAL-4.2", &["leaky"], &["api-keys-needed"]),
    ("CAL-4.2", &["development"], &["no-development-token"]),
    (
        "CAL-4.3",
        &["tenantless"],
        &["tenant-header-required", "websocket"],
    ),
    (
        "CAL-4.5",
        &["webhook-unverified"],
        &["workos-webhook-refused"],
    ),
    ("CAL-4.5", &["webhook-stale"], &["workos-webhook-refused"]),
    (
        "CAL-5.1",
        &["cors-echo"],
        &["cors-foreign-origin", "cors-policy"],
    ),
    ("CAL-5.1", &["cors-none"], &["cors-policy"]),
    ("CAL-5.1", &["cors-suffix"], &["cors-policy"]),
    (
        "CAL-6.2",
        &["no-metrics"],
        &["metrics", "error-rate", "database-timing"],
    ),
    (
        "CAL-6.2",
        &["metrics-page"],
        &["metrics", "error-rate", "database-timing"],
    ),
    ("CAL-6.2", &["other-metrics"], &["metrics", "error-rate"]),
    ("CAL-6.3", &["no-collector"], &["traces-accepted"]),
    ("CAL-6.3", &["no-traces"], &["traces-arrive"]),
    ("CAL-6.4", &["untimed"], &["database-timing"]),
    (
        "CAL-7.1",
        &["no-rest"],
        &["rest-answers", "tenant-header-required", "not-cached"],
    ),
    (
        "CAL-7.1",
        &["rest-fails"],
        &["rest-answers", "tenant-header-required", "not-cached"],
    ),
    ("CAL-7.2", &["no-mcp"], &["mcp"]),
    ("CAL-7.2", &["versioned-mcp"], &["mcp"]),
    ("CAL-7.3", &["ws-open"], &["websocket-refuses", "websocket"]),
    ("CAL-7.3", &["ws-tenantless"], &["websocket"]),
    ("CAL-7.3", &["no-ws"], &["websocket"]),
    (
        "CAL-7.4",
        &["no-openapi"],
        &["openapi", "openapi-valid", "openapi-served"],
    ),
    ("CAL-7.4", &["empty-openapi"], &["openapi", "openapi-valid"]),
    ("CAL-7.4", &["dangling-openapi"], &["openapi-valid"]),
    ("CAL-7.4", &["swagger"], &["swagger-ui"]),
    ("CAL-10.2", &["old-key"], &["old-key-refused"]),
    ("CAL-11.3", &["dead"], &["health-live"]),
    ("CAL-11.3", &["blind-readiness"], &["health-ready"]),
    ("CAL-11.3", &["lying-readiness"], &["health-ready"]),
    ("CAL-11.5", &["errors"], &["error-rate"]),
    ("CAL-12.3", &["cached"], &["not-cached"]),
    ("CAL-13.1", &["old-openapi"], &["openapi-served"]),
];

/// Breaks that need more than a word, in the tests below.
pub(super) const OTHERS: &[Break] = &[
    (
        "CAL-4.6",
        &["no allowlist at the edge"],
        &["workos-allowlist"],
    ),
    (
        "CAL-5.1",
        &["no origins configured"],
        &["cors-foreign-origin", "cors-policy"],
    ),
    ("CAL-5.2", &["no limiter"], &["rate-limit-enforced"]),
    (
        "CAL-5.3",
        &["a limit ten times as high"],
        &["rate-limit-intended"],
    ),
    (
        "CAL-5.3",
        &["a limit that traffic does not fit in"],
        &["rate-limit-intended"],
    ),
    (
        "CAL-6.2",
        &["a scrape job that is gone"],
        &["metrics-scraped"],
    ),
    (
        "CAL-6.5",
        &["nobody takes the log"],
        &["log-drain-reachable"],
    ),
    (
        "CAL-11.5",
        &["errors in the last hour"],
        &["error-rate-watched"],
    ),
];

/// Every check that asks the service, but for bursts.
fn asking(audit: Audit) -> Audit {
    ["http", "cors", "websocket", "metrics", "openapi", "tcp"]
        .iter()
        .fold(audit, |audit, kind| audit.only(&format!("kind:{kind}")))
}

#[test]
fn words_break_it() {
    let twin = Twin::service();
    let audit = asking(twin.audit());
    assert_healthy(&audit.run(), 20);
    for (item, words, checks) in TABLE {
        twin.service.breaks(words);
        assert_broken(&audit.run(), &format!("{item} {words:?}"), checks);
    }
    twin.service.breaks(&[]);
    assert_healthy(&audit.run(), 20);
}

#[test]
fn surroundings_break_it() {
    let mut twin = Twin::service();
    let audit = asking(twin.audit());
    let allowlist = audit.clone().set("webhook_allowlist", "true");
    twin.service.breaks(&["allowlist"]);
    assert_healthy(&allowlist.run(), 21);
    twin.service.breaks(&[]);
    assert_broken(&allowlist.run(), OTHERS[0].0, OTHERS[0].2);

    let nobody = format!("http://127.0.0.1:{}", crate::support::process::free_port());
    let drain = audit.clone().set("log_drain_url", &nobody);
    assert_broken(&drain.run(), OTHERS[6].0, OTHERS[6].2);

    let any = Service::for_any_origin(None);
    let audit = audit
        .set("base_url", any.url(""))
        .set("ws_url", format!("ws://127.0.0.1:{}/api/v1/ws", any.port()));
    assert_broken(&audit.run(), OTHERS[1].0, OTHERS[1].2);

    // Nobody listens: everything about the service is an error, nothing is green.
    let audit = asking(twin.audit()).skip("log-drain-reachable");
    twin.service.stop();
    let run = audit.run();
    for check in run.checks() {
        let verdict = check["verdict"].as_str().unwrap();
        let skipped = ["workos-allowlist", "openapi-same"].contains(&check["id"].as_str().unwrap());
        assert!(
            verdict == "error" || (verdict == "skip" && skipped),
            "{check}"
        );
    }
    run.assert_exit(3);
}

#[test]
fn limits_are_measured() {
    let twin = Twin::service();
    let audit = twin.audit().only("kind:rate_limit");
    assert_healthy(&audit.run(), 1);
    twin.service.breaks(&["no-limit"]);
    assert_broken(&audit.run(), OTHERS[2].0, OTHERS[2].2);
    twin.service.breaks(&[]);

    let intended = audit.set("rate_limit", "100").set("rate_limit_min", "20");
    twin.service.limit(100, 60);
    assert_healthy(&intended.run(), 1);
    twin.service.limit(1000, 60);
    assert_broken(&intended.run(), OTHERS[3].0, OTHERS[3].2);
    twin.service.limit(10, 10);
    assert_broken(&intended.run(), OTHERS[4].0, OTHERS[4].2);
}

#[test]
fn prometheus_watches_it() {
    let twin = Twin::service();
    let prometheus = watched(&twin.service);
    let audit = twin
        .audit()
        .set("prometheus_url", prometheus.url())
        .only("kind:promql");
    assert_healthy(&audit.run(), 2);
    let gone = audit.clone().set("prometheus_job", "caliber-api");
    assert_broken(&gone.run(), OTHERS[5].0, OTHERS[5].2);
    twin.service.breaks(&["errors"]);
    crate::support::process::wait_for(
        "errors in Prometheus",
        std::time::Duration::from_secs(30),
        || red(&audit.run()).contains(OTHERS[7].2[0]).then_some(()),
    );
}
