//! Deployments that differ from the twin in what deployments may differ in, and are as healthy.

use super::twin::Twin;
use super::{assert_healthy, red};
use std::collections::BTreeSet;

#[test]
fn other_settings_are_green() {
    let twin = Twin::with_database();
    let asked = ["http", "cors", "websocket", "metrics", "rate_limit"]
        .iter()
        .fold(twin.audit(), |audit, kind| {
            audit.only(&format!("kind:{kind}"))
        });
    let least = 20;

    twin.service
        .origins(&["https://caliber.run", "https://app.caliber.run"]);
    let origins = asked.clone().env(
        "CALIBER_CORS_ORIGINS",
        "https://caliber.run, https://app.caliber.run",
    );
    assert_healthy(&origins.run(), least);
    twin.service.origins(&["https://app.example.com"]);

    twin.service.breaks(&["swagger"]);
    assert_healthy(&asked.clone().set("swagger_ui", "on").run(), least);

    twin.service.breaks(&["tenantless"]);
    let single = asked.clone().set("multi_tenant", "false");
    assert_eq!(red(&single.run()), BTreeSet::from(["websocket".to_owned()]));
    twin.service.breaks(&[]);

    // Without key and tenant there is less to see, and what is left is true.
    let anonymous = asked
        .clone()
        .set("api_key", "")
        .set("old_api_key", "")
        .set("tenant", "")
        .skip("rate-limit-enforced");
    assert_healthy(&anonymous.run(), 12);
}

/// CALIBER's own limits: a hundred a minute for each address, ten at once, whatever is asked for. The
/// audit asks about sixty times; it comes back when it is told to.
#[test]
fn its_own_limiter_is_obeyed() {
    let twin = Twin::with_database();
    twin.service.limit(100, 10);
    let all = ["http", "cors", "websocket", "metrics", "rate_limit"]
        .iter()
        .fold(twin.audit(), |audit, kind| {
            audit.only(&format!("kind:{kind}"))
        });
    let run = all.set("rate_limit", "100").run();
    assert_healthy(&run, 21);
    println!("{:?}", run.duration);
}
