//! What is wrong with the variables of the deployment.

use super::twin::Twin;
use super::{Break, assert_broken, assert_healthy};

/// `NAME=VALUE` sets a variable, `NAME` takes it away.
pub(super) const TABLE: &[Break] = &[
    ("CAL-1.4", &["CALIBER_DB_NAME"], &["db-tests-environment"]),
    (
        "CAL-1.4",
        &["CALIBER_DB_PORT=postgres"],
        &["db-tests-environment"],
    ),
    ("CAL-4.1", &["CALIBER_JWT_SECRET"], &["jwt-secret"]),
    (
        "CAL-4.1",
        &["CALIBER_JWT_SECRET=Qm7vX2pL9sT4wK8zR3nB6yH1cJ5dF0g"],
        &["jwt-secret"],
    ),
    (
        "CAL-4.1",
        &["CALIBER_JWT_SECRET=INSECURE_DEFAULT_SECRET_CHANGE_IN_PRODUCTION"],
        &["jwt-secret"],
    ),
    (
        "CAL-4.1",
        &["CALIBER_JWT_SECRET=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
        &["jwt-secret"],
    ),
    ("CAL-4.2", &["CALIBER_API_KEYS"], &["api-keys"]),
    ("CAL-4.2", &["CALIBER_API_KEYS= , "], &["api-keys"]),
    (
        "CAL-4.2",
        &["CALIBER_API_KEYS=9f8e7d6c5b4a39281706f5e4d3c2b1a0,changeme"],
        &["api-keys"],
    ),
    (
        "CAL-4.2",
        &["CALIBER_API_KEYS=Qm7vX2pL9sT4wK8zR3nB6yH1cJ5dF0gA7uE2iO4x"],
        &["api-keys"],
    ),
    (
        "CAL-4.3",
        &["CALIBER_REQUIRE_TENANT_HEADER=false"],
        &["tenant-header-switch"],
    ),
    (
        "CAL-4.3",
        &["CALIBER_REQUIRE_TENANT_HEADER=0"],
        &["tenant-header-switch"],
    ),
    (
        "CAL-4.4",
        &["CALIBER_AUTH_PROVIDER=workos"],
        &["workos-complete"],
    ),
    (
        "CAL-4.4",
        &["CALIBER_WORKOS_API_KEY=sk_live_4f9d8c7b6a5e"],
        &["workos-complete"],
    ),
    (
        "CAL-4.5",
        &["CALIBER_WORKOS_WEBHOOK_SECRET"],
        &["workos-webhook-secret"],
    ),
    (
        "CAL-4.5",
        &["CALIBER_WORKOS_WEBHOOK_SECRET=short"],
        &["workos-webhook-secret"],
    ),
    ("CAL-5.1", &["CALIBER_CORS_ORIGINS"], &["cors-configured"]),
    ("CAL-5.1", &["CALIBER_CORS_ORIGINS=*"], &["cors-configured"]),
    (
        "CAL-5.1",
        &["CALIBER_CORS_ORIGINS=app.example.com"],
        &["cors-configured"],
    ),
    (
        "CAL-5.1",
        &["CALIBER_CORS_ORIGINS=https://app.example.com/"],
        &["cors-configured"],
    ),
    (
        "CAL-5.2",
        &["CALIBER_RATE_LIMIT_ENABLED"],
        &["rate-limit-switch"],
    ),
    (
        "CAL-5.2",
        &["CALIBER_RATE_LIMIT_ENABLED=false"],
        &["rate-limit-switch"],
    ),
    ("CAL-6.1", &["RUST_LOG"], &["log-level"]),
    (
        "CAL-6.1",
        &["RUST_LOG=caliber_api=debug,info"],
        &["log-level"],
    ),
    ("CAL-6.1", &["RUST_LOG=error"], &["log-level"]),
    ("CAL-6.5 CAL-11.5", &["SENTRY_DSN"], &["log-drain"]),
    ("CAL-6.5 CAL-11.5", &["SENTRY_DSN="], &["log-drain"]),
    ("CAL-11.1", &["FLY_APP"], &["fly-app", "fly-apps-differ"]),
    (
        "CAL-11.1",
        &["FLY_APP=caliber-staging"],
        &["fly-app", "fly-apps-differ"],
    ),
    (
        "CAL-11.1",
        &["FLY_APP=Caliber-Staging"],
        &["fly-app", "fly-apps-differ"],
    ),
];

/// Variables of deployments that are as healthy.
const VARIANTS: &[&[&str]] = &[
    &["CALIBER_CORS_ORIGINS=https://caliber.run, https://app.caliber.run"],
    &["CALIBER_CORS_ORIGINS=http://localhost:3000,https://caliber.run"],
    &[
        "CALIBER_REQUIRE_TENANT_HEADER",
        "CALIBER_RATE_LIMIT_ENABLED=TRUE",
    ],
    &[
        "RUST_LOG=info",
        "SENTRY_DSN",
        "LOGTAIL_SOURCE_TOKEN=Xk29vQw81mZp37Lt",
    ],
    &[
        "RUST_LOG=warn,caliber_api=info",
        "SENTRY_DSN",
        "DD_API_KEY=0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    ],
    &[
        "CALIBER_AUTH_PROVIDER=workos",
        "CALIBER_WORKOS_CLIENT_ID=client_01HXYZ8Q2K",
        "CALIBER_WORKOS_API_KEY=sk_live_4f9d8c7b6a5e43210fed",
        "CALIBER_WORKOS_REDIRECT_URI=https://api.example.com/auth/sso/callback",
    ],
    &["CALIBER_AUTH_PROVIDER=jwt", "FLY_APP=caliber-api"],
    &["CALIBER_JWT_SECRET=ZK3XwnD7xY0q9v4TtL8mR1sBz6hJf2cAeGuNpOiQd5k="],
];

fn with(twin: &Twin, changes: &[&str]) -> super::Audit {
    changes
        .iter()
        .fold(twin.audit(), |audit, change| match change.split_once('=') {
            Some((name, value)) => audit.env(name, value),
            None => audit.unset(change),
        })
        .only("kind:env")
}

#[test]
fn variables_break_it() {
    let twin = Twin::service();
    for changes in VARIANTS {
        assert_healthy(&with(&twin, changes).run(), 12);
    }
    for (item, changes, checks) in TABLE {
        let run = with(&twin, changes).run();
        assert_broken(&run, &format!("{item} {changes:?}"), checks);
    }
}
