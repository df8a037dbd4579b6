//! What measures time and memory. Nothing else runs beside these tests.

use std::fs;

use super::{Row, Service, items_of};
use crate::systems::{assert_broken, assert_healthy};

/// Breaks of latency and memory: the check to run, besides what it needs.
const MEASURED: &[Row<&str>] = &[
    (&["CIM-T.14", "CIM-O.3"], "slow-health", &["latency-health"]),
    (&["CIM-P.1"], "lazy-ready", &["latency-probes"]),
    (
        &["CIM-P.2", "CIM-O.3"],
        "slow-api,no-limit",
        &["latency-api"],
    ),
    (&["CIM-T.16", "CIM-P.6"], "leak", &["memory-under-load"]),
    (&["CIM-O.10"], "slower-health", &["latency-trend"]),
    (&["CIM-O.2"], "flapping", &["health-steady"]),
    (&["CIM-D.14"], "flapping", &["rollout"]),
];

/// Items that are broken here.
pub(super) fn items() -> Vec<&'static str> {
    items_of(MEASURED)
}

#[test]
fn healthy_latency_is_green() {
    let service = Service::start();
    service.be_with("", "", "RATE_LIMIT=600");
    let audit = service.audit().only("tag:latency");
    assert_healthy(&audit.skip("tag:tests,latency-trend").run(), 7);
}

#[test]
fn broken_latency_is_red() {
    let service = Service::start();
    let earlier = service.audit().only("latency-health").run();
    assert_healthy(&earlier, 1);
    let report = service.scratch.join("earlier.json");
    fs::write(&report, &earlier.stdout).unwrap();
    let audit = |check: &str| {
        service
            .audit()
            .set("baseline_report", report.display().to_string())
            .only(check)
    };
    assert_healthy(&audit("latency-trend").run(), 1);
    for (items, word, red) in MEASURED {
        service.be("", word);
        assert_broken(&audit(red[0]).run(), &format!("{word} {items:?}"), red);
    }
}
