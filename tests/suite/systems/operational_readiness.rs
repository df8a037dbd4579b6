//! Operational readiness: any FastAPI service, and what stands around it.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Audit, Repository, assert_all_items, assert_broken, assert_healthy};
use crate::support::certificates::{Authority, Leaf};
use crate::support::dead::ClosedPort;
use crate::support::nginx::Nginx;
use crate::support::postgres::Postgres;
use crate::support::prometheus::Prometheus;
use crate::support::scratch::Scratch;
use crate::support::twin::Twin;

const PROFILE: &str = "operational-readiness";
const PASSWORD: &str = "tWq8ZkP3vX0mBn5s";
const CI: &str = ".github/workflows/ci.yml";
const RUNBOOK: &str = "docs/runbooks/outages.md";
const DEPLOYMENT: &str = "docs/deployment.md";

/// The service, its database, its repository, its log and its reports.
struct Ground {
    database: Postgres,
    twin: Twin,
    repository: Repository,
    files: Scratch,
}

impl Ground {
    fn new() -> Self {
        let database = Postgres::start();
        database.create_database("orders");
        database.create_role("app", PASSWORD, "");
        database.sql_in(
            "orders",
            "create table alembic_version (version_num varchar(32) not null); insert into alembic_version values ('a1'); grant select on alembic_version to app",
        );
        let files = Scratch::new("readiness");
        let path = |name: &str| files.join(name).display().to_string();
        let twin = Twin::python(
            "operational_readiness",
            &[
                ("LOG_FILE", path("service.log")),
                ("BREAK_FILE", path("break")),
            ],
        );
        let ground = Self {
            database,
            twin,
            repository: Repository::from_tree(PROFILE),
            files,
        };
        ground.heal();
        ground
    }

    /// Everything is as it should be, but for the repository.
    fn heal(&self) {
        self.say("");
        self.logged(LOG);
        self.files
            .write("reports/pip-audit.json", pip(&json!([])).to_string());
        self.files
            .write("reports/trivy.json", trivy(&json!([])).to_string());
    }

    /// Breaks the service.
    fn say(&self, words: &str) {
        self.files.write("break", words);
    }

    /// The log of the service: lines with `NOW` for the present.
    fn logged(&self, lines: &[&str]) {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        let text = lines.join("\n").replace("NOW", &now.to_string());
        self.files.write("audited.log", text + "\n");
    }

    fn audit(&self) -> Audit {
        Audit::of(PROFILE)
            .env("READY_URL", self.twin.url(""))
            .env("READY_STAGING_URL", self.twin.url(""))
            .env("READY_FLAGS_URL", self.twin.url("/flags"))
            .env(
                "READY_DATABASE_URL",
                self.database.url("app", PASSWORD, "orders"),
            )
            .env("READY_REPO", self.repository.shown())
            .env("READY_MIGRATIONS_TOOL", "alembic")
            .env(
                "READY_REPORTS",
                self.files.join("reports").display().to_string(),
            )
            .env(
                "READY_LOG_FILE",
                self.files.join("audited.log").display().to_string(),
            )
            .env(
                "READY_METRICS",
                "http_requests_total,http_request_duration_seconds,db_pool_waits_total",
            )
            .skip("slo")
    }
}

/// What pip-audit prints.
fn pip(vulnerabilities: &Value) -> Value {
    json!({ "dependencies": [{ "name": "jinja2", "version": "3.0.0", "vulns": vulnerabilities }], "fixes": [] })
}

/// What Trivy prints.
fn trivy(vulnerabilities: &Value) -> Value {
    let now = jiff::Timestamp::now().to_string();
    json!({ "SchemaVersion": 2, "CreatedAt": now, "ArtifactName": "registry.internal/orders:1", "ArtifactType": "container_image",
        "Metadata": { "OS": { "Family": "debian", "Name": "12.8" } },
        "Results": [{ "Target": "orders (debian 12.8)", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": vulnerabilities }] })
}

/// A healthy log.
const LOG: &[&str] = &[
    r#"{"timestamp":"NOW","level":"info","message":"GET /orders 200","request_id":"a1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#,
    r#"{"timestamp":"NOW","level":"warning","message":"unauthorized","request_id":"a2","trace_id":"5bf92f3577b34da6a3ce929d0e0e4736"}"#,
];

/// An item, what is done, and the checks that must turn red.
type Break = (&'static str, &'static str, &'static [&'static str]);

/// Words of the service.
const SERVICE: &[Break] = &[
    ("OPS-D.4", "not-ready", &["staging-ready"]),
    ("OPS-D.4", "lying-ready", &["staging-ready"]),
    ("OPS-D.5", "no-flags", &["flags-known"]),
    ("OPS-D.5", "empty-flags", &["flags-known"]),
    ("OPS-O.2", "no-metrics", &["metrics", "metrics-of-requests"]),
    (
        "OPS-O.2",
        "plain-metrics",
        &["metrics", "metrics-of-requests"],
    ),
    ("OPS-O.2", "no-pool", &["metrics"]),
    ("OPS-O.2", "metrics-secret", &["metrics"]),
    ("OPS-O.4", "no-trace", &["trace-propagated"]),
];

/// Logs: an item, its lines, and the checks that must turn red.
const LOGS: &[(&str, &[&str], &[&str])] = &[
    (
        "OPS-O.3",
        &["NOW INFO GET /orders 200", "NOW WARNING unauthorized"],
        &["logs"],
    ),
    (
        "OPS-O.3",
        &[r#"{"timestamp":"NOW","level":"info","message":"unauthorized","trace_id":"4bf9"}"#],
        &["logs"],
    ),
    (
        "OPS-O.3",
        &[r#"{"timestamp":"NOW","level":"info","message":"unauthorized","request_id":"a1"}"#],
        &["logs"],
    ),
    (
        "OPS-O.3",
        &[r#"{"timestamp":"NOW","message":"unauthorized","request_id":"a1","trace_id":"4bf9"}"#],
        &["logs"],
    ),
    (
        "OPS-O.3",
        &[
            LOG[0],
            LOG[1],
            r#"{"timestamp":"NOW","level":"info","message":"connected to postgres://app:Vq8mT2kXw9RzLb4n@db/orders","request_id":"a3","trace_id":"4bf9"}"#,
        ],
        &["logs"],
    ),
    ("OPS-S.3", &[LOG[0]], &["failed-access-logged"]),
];

/// Changes of the repository: an item, the file, what is replaced by what (nothing: the file goes),
/// and the checks that must turn red.
const REPOSITORY: &[(&str, &str, &str, &str, &[&str])] = &[
    ("OPS-D.1", CI, "ruff check .", "echo ok", &["pipeline"]),
    (
        "OPS-D.1",
        CI,
        "- run: pytest",
        "- run: pytest || true",
        &["pipeline"],
    ),
    (
        "OPS-D.1",
        CI,
        "needs: [test, scan]",
        "needs: test",
        &["pipeline"],
    ),
    (
        "OPS-D.1",
        CI,
        "needs: build",
        "timeout-minutes: 9",
        &["pipeline"],
    ),
    (
        "OPS-D.1",
        CI,
        "pip-audit --format json --output pip-audit.json",
        "pip-audit --format json --output pip-audit.json || true",
        &["pipeline"],
    ),
    ("OPS-D.2", CI, "--strategy canary", "--now", &["rollout"]),
    (
        "OPS-D.2",
        CI,
        "./deploy/rollback.sh",
        "./deploy/release.sh --notify",
        &["rollout"],
    ),
    (
        "OPS-D.3",
        "migrations/versions/a1_orders.py",
        "",
        "",
        &["migrations-kept", "migrations-applied"],
    ),
    (
        "OPS-D.3",
        "migrations/versions/a1_orders.py",
        "revision = \"a1\"",
        "revision = \"b2\"",
        &["migrations-applied"],
    ),
    (
        "OPS-D.3",
        CI,
        "alembic upgrade head && alembic check",
        "true",
        &["migrations-verified"],
    ),
    (
        "OPS-D.5",
        DEPLOYMENT,
        "feature flag",
        "setting",
        &["flags-documented"],
    ),
    (
        "OPS-S.2",
        DEPLOYMENT,
        "renews its certificates by ACME",
        "has certificates",
        &["tls-documented"],
    ),
    ("OPS-O.5", RUNBOOK, "", "", &["runbooks", "readme-links"]),
    (
        "OPS-O.5",
        RUNBOOK,
        "Owner of all of these",
        "All of these",
        &["runbooks"],
    ),
    ("OPS-O.5", RUNBOOK, "Mitigation", "Then", &["runbooks"]),
    (
        "OPS-P.1",
        "README.md",
        "[runbooks](docs/runbooks/outages.md)",
        "runbooks",
        &["readme-links"],
    ),
    (
        "OPS-P.2",
        "docs/operational-readiness.md",
        "",
        "",
        &["checklist-versioned", "readme-links"],
    ),
    (
        "OPS-S.1",
        "app/main.py",
        "app = FastAPI",
        "DSN = \"postgresql://orders:kX9vQ2mW7rT4zB8n@db.orders.io/orders\"\napp = FastAPI",
        &["repository-secrets"],
    ),
];

/// Breaks that need more than a table.
const OTHERS: &[&str] = &["OPS-D.6", "OPS-O.1", "OPS-S.1", "OPS-S.2", "OPS-S.4"];

#[test]
fn words_break_it() {
    let ground = Ground::new();
    let audit = ground.audit();
    assert_healthy(&audit.run(), 25);
    for (item, word, checks) in SERVICE {
        ground.say(word);
        assert_broken(&audit.run(), &format!("{item} {word}"), checks);
    }
    ground.say("");
    for (item, lines, checks) in LOGS {
        ground.logged(lines);
        assert_broken(&audit.run(), &format!("{item} {lines:?}"), checks);
    }
    ground.heal();
    assert_healthy(&audit.run(), 25);
}

#[test]
fn changes_break_it() {
    let ground = Ground::new();
    let (audit, repository) = (ground.audit(), &ground.repository);
    for (item, path, from, to, checks) in REPOSITORY {
        if from.is_empty() {
            repository.remove(path);
        } else {
            repository.replace(path, from, to);
        }
        repository.commit("break");
        assert_broken(&audit.run(), &format!("{item} {path} {from} {to}"), checks);
        repository.git(&["reset", "--hard", "--quiet", "HEAD^"]);
    }
    repository.write(
        ".env",
        "DATABASE_URL=postgresql://orders:kX9vQ2mW7rT4zB8n@db/orders\n",
    );
    repository.git(&["add", "--force", ".env"]);
    repository.commit("environment");
    let run = audit.run();
    let red = super::red(&run);
    assert!(red.contains("repository-env-files"), "OPS-S.1\n{run}");
    assert!(red.iter().all(|id| id.starts_with("repository-")), "{run}");
}

#[test]
fn healthy_services_differ() {
    let ground = Ground::new();
    let repository = &ground.repository;
    // Without anything optional: it is skipped.
    let bare = Audit::of(PROFILE)
        .env("READY_URL", ground.twin.url(""))
        .set("repo", "")
        .env(
            "READY_REPORTS",
            ground.files.join("reports").display().to_string(),
        )
        .skip("slo");
    assert_healthy(&bare.run(), 5);
    // One job of all, a reusable check, flags in the README, blue and green.
    repository.replace(CI, "ruff check .", "make lint");
    repository.replace(
        CI,
        "--strategy canary --steps 5,25,100",
        "--strategy blue-green",
    );
    repository.write(
        "README.md",
        &(repository.read("README.md")
            + "\n[Operations](docs/operations.md), feature toggles by environment\n"),
    );
    repository.write("docs/operations.md", "Operations.\n");
    repository.write("Makefile", "lint:\n\truff check .\n");
    repository.commit("another way");
    assert_healthy(&ground.audit().run(), 25);
    // Other names in the log.
    ground.logged(&[
        r#"{"timestamp":"NOW","severity":"INFO","message":"hello","request_id":"a1","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"#,
        r#"{"timestamp":"NOW","severity":"WARNING","message":"authentication failed","request_id":"a2","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"#,
    ]);
    assert_healthy(&ground.audit().run(), 25);
}

#[test]
fn reports_break_it() {
    let ground = Ground::new();
    let audit = ground.audit().only("kind:report");
    assert_healthy(&audit.run(), 2);
    let found = json!([{ "id": "PYSEC-2021-66", "fix_versions": ["3.1.3"], "aliases": ["CVE-2020-28493"], "description": "x" }]);
    ground
        .files
        .write("reports/pip-audit.json", pip(&found).to_string());
    assert_broken(&audit.run(), "OPS-D.6", &["dependencies-scanned"]);
    fs::remove_file(ground.files.join("reports/pip-audit.json")).unwrap();
    assert_broken(&audit.run(), "OPS-D.6", &["dependencies-scanned"]);
    ground.heal();
    let found = json!([{ "VulnerabilityID": "CVE-2024-1", "PkgName": "openssl", "InstalledVersion": "3.0.1", "FixedVersion": "3.0.2", "Status": "fixed", "Severity": "HIGH", "Title": "Overflow" }]);
    ground
        .files
        .write("reports/trivy.json", trivy(&found).to_string());
    assert_broken(&audit.run(), "OPS-S.4", &["image-scanned"]);
}

#[test]
fn certificates_break_it() {
    let root = Authority::root();
    let day = Duration::from_secs(24 * 60 * 60);
    let audit = |leaf: &Leaf| {
        let nginx = Nginx::builder()
            .tls("main", &root.issue(leaf), "return 200 ok;")
            .start();
        Audit::of(PROFILE)
            .env("READY_URL", nginx.tls_url("main", ""))
            .env("READY_CA_FILE", root.path().display().to_string())
            .only("certificate")
            .run()
    };
    assert_healthy(&audit(&Leaf::localhost()), 1);
    for leaf in [
        Leaf::localhost().expired(),
        Leaf::localhost().ending_in(day),
        Leaf::named(&["other.internal"]),
    ] {
        assert_broken(&audit(&leaf), "OPS-S.2", &["certificate"]);
    }
}

#[test]
fn alerts_break_it() {
    let audit = |alert: &str| {
        let rules = format!(
            "groups:\n  - name: slo\n    rules:\n      - alert: {alert}\n        expr: vector(0) > 1\n"
        );
        let prometheus = Prometheus::start("rule_files: [rules.yml]\n", &rules);
        prometheus.await_state("/api/v1/rules", "\"health\":\"ok\"");
        Audit::of(PROFILE)
            .env("READY_PROMETHEUS_URL", prometheus.url())
            .only("burn-rate-alerts")
            .run()
    };
    assert_healthy(&audit("ErrorBudgetBurnsFast"), 1);
    assert_broken(&audit("DiskFull"), "OPS-O.1", &["burn-rate-alerts"]);
}

#[test]
fn what_cannot_be_seen_is_an_error() {
    let ground = Ground::new();
    let nobody = ClosedPort::new();
    let run = ground
        .audit()
        .env("READY_URL", format!("http://127.0.0.1:{}", nobody.port()))
        .only("kind:http")
        .only("kind:metrics")
        .run();
    for check in ["metrics", "metrics-of-requests", "trace-propagated"] {
        assert_eq!(run.verdict(check), "error", "{run}");
    }
    let run = ground
        .audit()
        .env(
            "READY_DATABASE_URL",
            ground.database.url("app", "wrong", "orders"),
        )
        .only("migrations-applied")
        .run();
    assert_eq!(run.verdict("migrations-applied"), "error", "{run}");
}

#[test]
fn unsigned_items_are_red() {
    let ground = Ground::new();
    let all = ground.audit().only("kind:attest");
    assert_healthy(&all.run(), 6);
    let run = all.unsigned("postmortems").run();
    assert_broken(&run, "OPS-O.6", &["postmortems"]);
}

#[test]
fn every_automated_item_has_a_break() {
    let tables = SERVICE.iter().map(|row| row.0);
    let broken: Vec<&str> = tables
        .chain(LOGS.iter().map(|row| row.0))
        .chain(REPOSITORY.iter().map(|row| row.0))
        .chain(OTHERS.iter().copied())
        .collect();
    assert_all_items(PROFILE, &broken, &[]);
}

/// What measures time runs alone.
mod latency {
    use super::{Ground, assert_broken, assert_healthy};

    #[test]
    fn objectives() {
        let ground = Ground::new();
        let audit = || {
            let mut audit = ground.audit().env("READY_SLO_RATE", "300");
            audit.skip.clear();
            audit.only("slo")
        };
        assert_healthy(&audit().run(), 1);
        for word in ["failing", "slow"] {
            ground.say(word);
            assert_broken(&audit().run(), "OPS-O.1", &["slo"]);
        }
    }
}
