//! The Intent Reasoning Engine: FastAPI, PostgreSQL with pgvector, Redis.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{Audit, Repository, assert_all_items, assert_broken, assert_healthy};
use crate::support::certificates::{Authority, Leaf};
use crate::support::cli::Run;
use crate::support::dead::ClosedPort;
use crate::support::nginx::Nginx;
use crate::support::origin::{Origin, Response};
use crate::support::postgres::Postgres;
use crate::support::process::{free_port, wait_for};
use crate::support::prometheus::Prometheus;
use crate::support::redis::Redis;
use crate::support::scratch::Scratch;
use crate::support::twin::Twin;

const PROFILE: &str = "intent-engine";
const PASSWORD: &str = "tWq8ZkP3vX0mBn5s";
const KEY: &str = "Yq2mV8sK4tW7xB1nD6pR3fJ9gH5cL0zA";
const ADMIN_KEY: &str = "Qw7eR2tY9uI4oP1aS6dF3gH8jK5lZ0xC";
const REPOSITORY: &str = "intent-engine";

/// Rows with embeddings, and a tenant.
const SEED: &str = "insert into intent_catalog select 'i' || n, 'an intent', (select array_agg(random()) from generate_series(1, 384) where n > 0)::real[]::vector from generate_series(1, 20) n; insert into tenants values ('default', 'One', 'hash')";

/// PostgreSQL with TLS and archiving, Redis with a replica, the log and the words of breaks.
struct Ground {
    database: Postgres,
    _archive: Scratch,
    redis: Redis,
    replica: Redis,
    files: Scratch,
    repository: Repository,
}

impl Ground {
    fn new() -> Self {
        let archive = Scratch::new("archive");
        let database = Postgres::builder()
            .tls()
            .setting("archive_mode", "on")
            .setting(
                "archive_command",
                &format!("cp %p {}/%f", archive.path().display()),
            )
            .start();
        let repository = Repository::from_tree(REPOSITORY);
        database.create_database("intent_engine");
        database.create_role("app", PASSWORD, "");
        database.sql_in("intent_engine", &repository.read("scripts/init_db.sql"));
        database.sql_in(
            "intent_engine",
            &format!("{SEED}; grant select, insert, update on all tables in schema public to app"),
        );
        database.sql("select pg_switch_wal()");
        wait_for("the archiver", Duration::from_secs(30), || {
            (database.value("select archived_count from pg_stat_archiver") != "0").then_some(())
        });
        let redis = Redis::builder().config("appendonly yes").start();
        let replica = Redis::builder().replica_of(&redis).start();
        Self {
            database,
            _archive: archive,
            redis,
            replica,
            files: Scratch::new("intent"),
            repository,
        }
    }

    fn dsn(&self, database: &str) -> String {
        format!(
            "{}?sslmode=verify-full&sslrootcert={}",
            self.database.url("app", PASSWORD, database),
            self.database.ca_path().display()
        )
    }

    fn path(&self, name: &str) -> String {
        self.files.join(name).display().to_string()
    }

    /// Starts the service; what is said last counts.
    fn twin(&self, variant: &str, more: &[(&str, &str)]) -> Twin {
        let _ = fs::remove_file(self.path("log"));
        let mut env = vec![
            ("DATABASE_URL", self.dsn("intent_engine")),
            ("REDIS_URL", self.redis.url()),
            ("API_KEY", KEY.to_owned()),
            (
                "CORS_ORIGINS",
                "https://app.intents.io,https://admin.intents.io".to_owned(),
            ),
            ("RATE_LIMIT_RPM", "100000".to_owned()),
            ("RATE_LIMIT_BURST", "100000".to_owned()),
            ("LOG_FILE", self.path("log")),
            ("BREAK_FILE", self.path("break")),
            ("VARIANT", variant.to_owned()),
        ];
        env.extend(
            more.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        Twin::python("intent_engine", &env)
    }

    /// Breaks the service that runs.
    fn say(&self, words: &str) {
        fs::write(self.path("break"), words).unwrap();
    }

    /// The audit of a service.
    fn audit(&self, twin: &Twin) -> Audit {
        settings()
            .env("DATABASE_URL", self.dsn("intent_engine"))
            .env("REDIS_URL", self.redis.url())
            .env("INTENT_BASE_URL", twin.url(""))
            .env("INTENT_LOG_FILE", self.path("log"))
            .env("INTENT_REPO", self.repository.shown())
            .skip("rate-limit-enforced")
    }
}

/// The variables of a healthy deployment, without its parts.
fn settings() -> Audit {
    Audit::of(PROFILE)
        .env(
            "DATABASE_URL",
            format!("postgresql://app:{PASSWORD}@db.intents.io/intent_engine?sslmode=require"),
        )
        .env("REDIS_URL", "redis://redis.intents.io:6379/0")
        .env("API_KEY", KEY)
        .env("SERVICE_ENVIRONMENT", "production")
        .env("TENANT_DEV_MODE", "false")
        .env(
            "CORS_ORIGINS",
            r#"["https://app.intents.io","https://admin.intents.io"]"#,
        )
        .env("LOG_LEVEL", "INFO")
        .env("LOG_JSON", "true")
        .env("ENABLE_TRACING", "false")
        .env("ENABLE_METRICS", "true")
        .env("BATCH_WORKER_ENABLED", "true")
        .env("DEFAULT_RATE_LIMIT_RPM", "60")
        .env("DEFAULT_RATE_LIMIT_BURST", "10")
}

/// The audit with variables set, or taken away where the value is `-`.
fn changed(mut audit: Audit, variables: &[(&str, &str)]) -> Audit {
    for (name, value) in variables {
        audit = match *value {
            "-" => audit.unset(name),
            value => audit.env(name, value),
        };
    }
    audit
}

/// A break: an item, what is done, and the checks that must turn red.
type Break = (&'static str, &'static str, &'static [&'static str]);

// Healthy deployments ---------------------------------------------------------------------------

#[test]
fn a_healthy_deployment_is_green() {
    let ground = Ground::new();
    let twin = ground.twin("", &[("RATE_LIMIT_RPM", "60"), ("RATE_LIMIT_BURST", "10")]);
    let mut audit = ground.audit(&twin);
    assert_healthy(&audit.run(), 45);
    audit = changed(
        settings(),
        &[
            ("DATABASE_URL", &ground.dsn("intent_engine")),
            ("REDIS_URL", &ground.redis.url()),
            ("INTENT_BASE_URL", &twin.url("")),
        ],
    )
    .only("rate-limit-enforced")
    .only("own-key-accepted")
    .only("foreign-keys-refused");
    assert_healthy(&audit.run(), 3);
    // The bucket fills again: RPM is 60.
    ground.say("no-limit");
    let run = audit.run();
    assert_broken(&run, "INT-5.1", &["rate-limit-enforced"]);
    assert_eq!(run.codes("rate-limit-enforced"), ["RL-01"], "{run}");
}

#[test]
fn healthy_deployments_differ() {
    let ground = Ground::new();
    let collector = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = collector.local_addr().unwrap().to_string();
    let url = format!("http://{address}");
    let store = [("TENANT_STORE_BACKEND", "db"), ("ADMIN_API_KEY", ADMIN_KEY)];
    for (variant, service, variables) in [
        (
            "gate,documented,flat-ready",
            &[][..],
            &[
                (
                    "CORS_ORIGINS",
                    "https://app.intents.io,https://admin.intents.io",
                ),
                ("TENANT_DEV_MODE", "False"),
                ("LOG_LEVEL", "warning"),
            ][..],
        ),
        (
            "jobs-are-posted,several-processes,standard-logger,no-admin-api",
            &[],
            &[
                ("ENABLE_TRACING", "true"),
                ("OTLP_ENDPOINT", address.as_str()),
                ("BATCH_WORKER_ENABLED", "-"),
                ("INTENT_BATCH", "false"),
            ],
        ),
        (
            "",
            &store,
            &[
                store[0],
                store[1],
                ("ENABLE_TRACING", "-"),
                ("OTLP_ENDPOINT", url.as_str()),
                ("ANTHROPIC_API_KEY", "sk-ant-api03-Wm4kQ9vXzT7pLs2b"),
            ],
        ),
        (
            "pushes-metrics,unlimited",
            &[],
            &[
                ("ENABLE_METRICS", "false"),
                ("DEFAULT_RATE_LIMIT_RPM", "-"),
                ("DEFAULT_RATE_LIMIT_BURST", "-"),
                ("WS_ENABLED", "false"),
            ],
        ),
    ] {
        let twin = ground.twin(variant, service);
        let run = changed(ground.audit(&twin), variables).run();
        assert_healthy(&run, 40);
    }
}

// Variables -------------------------------------------------------------------------------------

/// Items, variables (`NAME=value` by blanks, `-` for none) and checks.
const VARIABLES: &[Break] = &[
    ("INT-1.1", "TENANT_DEV_MODE=true", &["dev-mode-off"]),
    ("INT-1.1", "TENANT_DEV_MODE=-", &["dev-mode-off"]),
    ("INT-1.2", "API_KEY=dev-api-key", &["api-key-strong"]),
    (
        "INT-1.2",
        "API_KEY=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        &["api-key-strong"],
    ),
    ("INT-2.1", "API_KEY=-", &["api-key-strong"]),
    (
        "INT-1.3",
        "TENANT_STORE_BACKEND=redis",
        &["tenant-store-configured"],
    ),
    (
        "INT-1.4",
        "ADMIN_API_KEY=Yq2mV8sK4tW7xB1nD6pR3fJ9gH5cL0zA",
        &["tenant-store-configured"],
    ),
    (
        "INT-1.4",
        "ADMIN_API_KEY=admin",
        &["tenant-store-configured"],
    ),
    ("INT-1.5", "CORS_ORIGINS=*", &["cors-origins-set"]),
    (
        "INT-1.5",
        "CORS_ORIGINS=[\"https://app.intents.io\",\"*\"]",
        &["cors-origins-set"],
    ),
    (
        "INT-1.5",
        "CORS_ORIGINS=http://localhost:3000",
        &["cors-origins-set"],
    ),
    ("INT-2.2", "CORS_ORIGINS=-", &["cors-origins-set"]),
    (
        "INT-2.2",
        "CORS_ORIGINS=https://app.intents.io/",
        &["cors-origins-set"],
    ),
    (
        "INT-1.7",
        "DATABASE_URL=postgresql://app:tWq8ZkP3vX0mBn5s@db.intents.io/intent_engine",
        &["database-url-encrypted"],
    ),
    ("INT-2.1", "DATABASE_URL=-", &["database-url-encrypted"]),
    (
        "INT-2.1",
        "DATABASE_URL=mysql://app:tWq8ZkP3vX0mBn5s@db.intents.io/intent_engine",
        &["database-url-encrypted"],
    ),
    ("INT-2.1", "REDIS_URL=-", &["environment-required"]),
    (
        "INT-2.1",
        "REDIS_URL=localhost:6379",
        &["environment-required"],
    ),
    (
        "INT-2.1",
        "SERVICE_ENVIRONMENT=development",
        &["environment-required"],
    ),
    (
        "INT-2.1",
        "SERVICE_ENVIRONMENT=-",
        &["environment-required"],
    ),
    ("INT-2.2", "LOG_LEVEL=DEBUG", &["environment-recommended"]),
    ("INT-2.2", "LOG_JSON=false", &["environment-recommended"]),
    ("INT-2.2", "ENABLE_TRACING=true", &["tracing-configured"]),
    ("INT-4.3", "ENABLE_TRACING=-", &["tracing-configured"]),
    (
        "INT-2.4",
        "ENABLE_TRACING=true OTLP_ENDPOINT=your-otel-collector/",
        &["tracing-configured"],
    ),
    ("INT-2.4", "ENABLE_METRICS=maybe", &["tracing-configured"]),
    (
        "INT-2.4",
        "ANTHROPIC_API_KEY=sk-ant-...",
        &["optional-features"],
    ),
    (
        "INT-2.4",
        "SHOPIFY_API_KEY=changeme",
        &["optional-features"],
    ),
    (
        "INT-2.4",
        "WOOCOMMERCE_CONSUMER_KEY=ck_7d3f09a1b6c24e58",
        &["optional-features"],
    ),
    (
        "INT-5.1",
        "DEFAULT_RATE_LIMIT_RPM=many",
        &["rate-limit-configured"],
    ),
    (
        "INT-5.1",
        "DEFAULT_RATE_LIMIT_BURST=0",
        &["rate-limit-configured"],
    ),
    (
        "INT-5.2",
        "BATCH_WORKER_ENABLED=false",
        &["batch-worker-enabled"],
    ),
    (
        "INT-5.2",
        "BATCH_WORKER_ENABLED=-",
        &["batch-worker-enabled"],
    ),
    (
        "INT-5.3",
        "WS_MAX_CONNECTIONS_PER_TENANT=0",
        &["websocket-limits"],
    ),
    ("INT-5.3", "WS_PING_INTERVAL=3600", &["websocket-limits"]),
];

#[test]
fn variables() {
    let environment = settings().only("tag:environment");
    assert_healthy(&environment.run(), 10);
    for (item, variables, checks) in VARIABLES {
        let variables: Vec<(&str, &str)> = variables
            .split(' ')
            .map(|pair| pair.split_once('=').unwrap())
            .collect();
        assert_broken(
            &changed(environment.clone(), &variables).run(),
            item,
            checks,
        );
    }
}

// The service -----------------------------------------------------------------------------------

/// Items, words for the twin and checks.
const SERVICE: &[Break] = &[
    ("INT-1.1", "dev-mode", &["foreign-keys-refused"]),
    ("INT-1.1", "example-key", &["foreign-keys-refused"]),
    ("INT-1.3", "key-lost", &["own-key-accepted"]),
    (
        "INT-1.4",
        "admin-open",
        &["admin-api-closed", "admin-api-tenant-key"],
    ),
    ("INT-1.4", "admin-any-tenant", &["admin-api-tenant-key"]),
    ("INT-1.4", "admin-down", &["admin-api-works"]),
    ("INT-1.5", "cors-open", &["cors-strangers", "cors-policy"]),
    ("INT-1.5", "cors-local", &["cors-strangers", "cors-policy"]),
    ("INT-1.5", "cors-nobody", &["cors-policy"]),
    ("INT-3.11", "no-headers", &["headers-everywhere"]),
    ("INT-3.11", "bare-errors", &["headers-everywhere"]),
    (
        "INT-3.12",
        "health-down",
        &[
            "health-liveness",
            "cors-policy",
            "cors-strangers",
            "headers-everywhere",
        ],
    ),
    (
        "INT-3.12",
        "ready-blind",
        &["health-readiness", "readiness-tenant-store"],
    ),
    (
        "INT-3.12",
        "store-down",
        &["health-readiness", "readiness-tenant-store"],
    ),
    (
        "INT-3.12",
        "store-down,ready-200",
        &["health-readiness", "readiness-tenant-store"],
    ),
    (
        "INT-3.12",
        "ready-without-store",
        &["readiness-tenant-store"],
    ),
    ("INT-4.2", "no-metrics", &["metrics-valid"]),
    ("INT-4.2", "bad-metrics", &["metrics-valid"]),
];

#[test]
fn the_service() {
    let ground = Ground::new();
    let store = [("TENANT_STORE_BACKEND", "db"), ("ADMIN_API_KEY", ADMIN_KEY)];
    let twin = ground.twin("", &store);
    let audit = changed(ground.audit(&twin), &store);
    assert_healthy(&audit.run(), 45);
    // What is asked of the service, and what hangs on that.
    let whole = audit;
    let audit = whole
        .clone()
        .only("kind:http")
        .only("kind:cors")
        .only("kind:metrics")
        .only("kind:logs");
    for (item, words, checks) in SERVICE {
        ground.say(words);
        assert_broken(&audit.run(), item, checks);
    }
    ground.say("");
    // A typo in the paths must not look like a closed door.
    let run = audit
        .clone()
        .env("INTENT_PROTECTED_PATH", "/v1/nothing")
        .env("INTENT_POSTED_PATH", "/v1/nothing")
        .run();
    assert_broken(&run, "INT-1.1", &["foreign-keys-refused"]);
    assert_eq!(run.verdict("foreign-keys-refused"), "error", "{run}");
    logs(&ground, &whole);
}

/// Breaks of the log: items, a line, and checks.
const LINES: &[Break] = &[
    (
        "INT-2.3",
        r#"{"event":"TENANT_DEV_MODE is true in production","level":"warning"}"#,
        &["startup-log-clean"],
    ),
    (
        "INT-2.3",
        r#"{"levelname":"WARNING","message":"API_KEY is the default"}"#,
        &["startup-log-clean"],
    ),
    (
        "INT-2.3",
        r#"{"level":"warning","event":"Production: CORS_ORIGINS includes *"}"#,
        &["startup-log-clean"],
    ),
    (
        "INT-4.1",
        "INFO:     127.0.0.1 GET /health 200",
        &["logs-structured"],
    ),
    (
        "INT-4.1",
        r#"{"level":"info","event":"connecting to postgresql://app:Zk4pQ9vXw2Lm7c@db/x"}"#,
        &["logs-structured"],
    ),
];

fn logs(ground: &Ground, audit: &Audit) {
    let audit = audit.clone().only("kind:logs");
    assert_healthy(&audit.run(), 2);
    let before = fs::read_to_string(ground.path("log")).unwrap();
    for (item, line, checks) in LINES {
        let mut file = File::create(ground.path("log")).unwrap();
        let start = before.lines().next().unwrap();
        writeln!(file, "{start}\n{line}").unwrap();
        let stamp = r#"{"level":"info","event":"request","path":"/health"}"#;
        writeln!(file, "{stamp}").unwrap();
        assert_broken(&audit.run(), item, checks);
    }
    let end = before.lines().last().unwrap();
    fs::write(ground.path("log"), format!("{end}\n")).unwrap();
    assert_broken(&audit.run(), "INT-2.3", &["startup-log-clean"]);
    fs::remove_file(ground.path("log")).unwrap();
    let run = audit.run();
    assert_broken(&run, "INT-4.1", &["startup-log-clean", "logs-structured"]);
    assert_eq!(run.verdict("logs-structured"), "error", "{run}");
}

// Data ------------------------------------------------------------------------------------------

/// Items, statements in a copy of the database and checks.
const DATABASE: &[Break] = &[
    (
        "INT-3.1",
        "drop extension vector cascade",
        &["pgvector-extension"],
    ),
    (
        "INT-3.1",
        "alter table tenants rename to customers",
        &["schema-present", "tenants-seeded"],
    ),
    ("INT-3.1", "drop table audit_log", &["schema-present"]),
    (
        "INT-3.1",
        "alter table intent_catalog drop column embedding; alter table intent_catalog add column embedding vector(768)",
        &["catalog-index", "catalog-seeded"],
    ),
    (
        "INT-3.1",
        "drop index intent_catalog_embedding; create index on intent_catalog using hnsw (embedding vector_l2_ops); insert into intent_catalog select 'j' || n, 'more', (select embedding from intent_catalog limit 1) from generate_series(1, 1200) n",
        &["catalog-index"],
    ),
    ("INT-3.2", "delete from intent_catalog", &["catalog-seeded"]),
    (
        "INT-3.2",
        "update intent_catalog set embedding = null where id = 'i1'",
        &["catalog-seeded"],
    ),
    ("INT-3.3", "delete from tenants", &["tenants-seeded"]),
];

#[test]
fn data() {
    let ground = Ground::new();
    let twin = ground.twin("", &[("TENANT_STORE_BACKEND", "db")]);
    let backups = Scratch::new("backups");
    let hours_ago = |path: &std::path::Path, hours: u64| {
        let then = SystemTime::now() - Duration::from_secs(hours * 3600);
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(then).unwrap();
    };
    let dumps = [0, 24, 48].map(|hours| {
        let text = "insert into tenants;\n".repeat(200);
        let dump = backups.write(&format!("dump-{hours}.sql.gz"), gzip(&text));
        hours_ago(&dump, hours);
        dump
    });
    let audit = ground
        .audit(&twin)
        .env("TENANT_STORE_BACKEND", "db")
        .env("INTENT_BACKUPS", backups.path().display().to_string())
        .env("INTENT_BATCH_QUEUE", "batch:jobs")
        .skip("kind:file")
        .skip("kind:git")
        .skip("tag:environment")
        .skip("kind:cors");
    assert_healthy(&audit.run(), 20);
    let database = &ground.database;
    for (number, (item, sql, checks)) in (0..).zip(DATABASE) {
        let name = format!("copy_{number}");
        database.sql(&format!("create database {name} template intent_engine"));
        database.sql_in(&name, sql);
        database.sql_in(&name, "grant select on all tables in schema public to app");
        let run = audit.clone().env("DATABASE_URL", ground.dsn(&name)).run();
        assert_broken(&run, item, checks);
    }
    for (item, make, unmake, checks) in [
        (
            "INT-1.7",
            "alter role app superuser",
            "alter role app nosuperuser",
            &["postgres-application-role"][..],
        ),
        (
            "INT-1.7",
            "alter role app bypassrls",
            "alter role app nobypassrls",
            &["postgres-application-role"],
        ),
        (
            "INT-3.4",
            "alter system set archive_command = 'false'",
            "alter system reset archive_command",
            &["point-in-time-recovery"],
        ),
    ] {
        database.sql(make);
        if item == "INT-3.4" {
            database.sql("select pg_reload_conf(), pg_switch_wal()");
            wait_for("the archiver to fail", Duration::from_secs(30), || {
                (database.value("select failed_count from pg_stat_archiver") != "0").then_some(())
            });
        }
        assert_broken(&audit.run(), item, checks);
        database.sql(unmake);
    }
    let run = audit
        .clone()
        .env(
            "DATABASE_URL",
            ground
                .dsn("intent_engine")
                .replace("verify-full", "disable"),
        )
        .skip("point-in-time-recovery")
        .run();
    assert_broken(&run, "INT-1.7", &["postgres-tls"]);
    let audit = audit.skip("kind:postgres").skip("kind:pgvector");
    stores(&ground, &audit);
    let audit = audit.skip("kind:redis");
    let whole = fs::read(&dumps[0]).unwrap();
    fs::write(&dumps[0], &whole[..whole.len() - 9]).unwrap();
    assert_broken(&audit.run(), "INT-3.4", &["backup-files-whole"]);
    fs::write(&dumps[0], whole).unwrap();
    for dump in &dumps {
        hours_ago(dump, 72);
    }
    assert_broken(&audit.run(), "INT-3.4", &["backup-files-fresh"]);
}

/// Breaks of Redis.
fn stores(ground: &Ground, audit: &Audit) {
    let redis = &ground.redis;
    redis.cli(&["CONFIG", "SET", "appendonly", "no"]);
    assert_broken(&audit.run(), "INT-3.5", &["redis-persistence"]);
    redis.cli(&["CONFIG", "SET", "appendonly", "yes"]);
    for _ in 0..101 {
        redis.cli(&["LPUSH", "batch:jobs", "{}"]);
    }
    assert_broken(&audit.run(), "INT-5.2", &["batch-jobs-consumed"]);
    redis.cli(&["DEL", "batch:jobs"]);
    ground.replica.server().stop();
    wait_for("the replica to be missed", Duration::from_secs(30), || {
        redis
            .cli(&["INFO", "replication"])
            .contains("connected_slaves:0")
            .then_some(())
    });
    assert_broken(&audit.run(), "INT-3.6", &["redis-replicas"]);
}

/// What gzip makes of a text.
fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

// The repository --------------------------------------------------------------------------------

/// An item, a file, what in it becomes what (all of it when nothing is named), and checks.
type Edit = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const PROD: &str = "docker-compose.prod.yml";
const CI: &str = ".github/workflows/ci.yml";
const SECRET: &str =
    "sk-ant-api03-Qm8Zt4Xw1Lp7Vc2Rk9Nd3Sf6Gh0Jb5Ya-Qm8Zt4Xw1Lp7Vc2Rk9Nd3Sf6Gh0Jb5YaTuEwIx-AA";

const REPOSITORY_BREAKS: &[Edit] = &[
    (
        "INT-1.6",
        "src/intent_engine/settings.py",
        "",
        "ANTHROPIC_API_KEY = \"<secret>\"\n",
        &["no-secrets-committed"],
    ),
    (
        "INT-1.6",
        "src/intent_engine/settings.py",
        "",
        "import os\nDATABASE_URL = os.environ.get(\"DATABASE_URL\", \"postgresql://postgres:postgres@localhost:5432/intent_engine\")\n",
        &["no-secrets-committed"],
    ),
    (
        "INT-1.6",
        "deploy/.env",
        "",
        "LOG_LEVEL=INFO\n",
        &["no-secrets-committed"],
    ),
    (
        "INT-1.6",
        "Dockerfile",
        "EXPOSE 8000",
        "ENV ANTHROPIC_API_KEY=<secret>\nEXPOSE 8000",
        &["no-secrets-in-image", "no-secrets-committed"],
    ),
    (
        "INT-1.6",
        "Dockerfile",
        "COPY evals/ evals/",
        "COPY evals/ evals/\nARG API_KEY=Zk4pQ9vXw2Lm7cRt8sVb",
        &["no-secrets-in-image", "no-secrets-committed"],
    ),
    (
        "INT-3.7",
        PROD,
        " --workers 4",
        " --workers 4 --reload",
        &["no-reload"],
    ),
    (
        "INT-3.7",
        PROD,
        "    command: uvicorn intent_engine.api.server:app --host 0.0.0.0 --port 8000 --workers 4\n",
        "    scale: 4\n",
        &["no-reload"],
    ),
    (
        "INT-3.7",
        "Dockerfile",
        "\"8000\"]",
        "\"8000\", \"--reload\"]",
        &["no-reload-in-image"],
    ),
    ("INT-3.8", PROD, " --workers 4", "", &["several-workers"]),
    (
        "INT-3.9",
        PROD,
        "        limits: { cpus: \"2\", memory: 4G }\n",
        "",
        &["resource-limits"],
    ),
    ("INT-3.9", PROD, ", memory: 4G", "", &["resource-limits"]),
    (
        "INT-3.9",
        PROD,
        "        reservations: { cpus: \"0.5\", memory: 2G }\n",
        "",
        &["resource-limits"],
    ),
    (
        "INT-3.12",
        PROD,
        "/ready",
        "/health",
        &["orchestrator-uses-ready"],
    ),
    (
        "INT-3.12",
        PROD,
        "    healthcheck:\n      test: [\"CMD\", \"curl\", \"-f\", \"http://localhost:8000/ready\"]\n",
        "",
        &["orchestrator-uses-ready"],
    ),
    (
        "INT-4.2",
        "etc/grafana/provisioning/dashboards/overview.json",
        "panels",
        "rows",
        &["dashboards-provisioned"],
    ),
    (
        "INT-6.1",
        CI,
        "pytest --cov",
        "pytest --cov || true",
        &["ci-can-fail"],
    ),
    (
        "INT-6.1",
        CI,
        "      - run: mypy src\n",
        "      - run: mypy src\n        continue-on-error: true\n",
        &["ci-can-fail"],
    ),
    (
        "INT-6.1",
        CI,
        "      - run: mypy src\n",
        "",
        &["ci-can-fail"],
    ),
    (
        "INT-6.1",
        CI,
        "pytest --cov",
        "./scripts/run_tests.sh",
        &["ci-can-fail"],
    ),
    ("INT-6.2", PROD, "!reset []", "[]", &["production-image"]),
    (
        "INT-6.2",
        PROD,
        "!reset []",
        "!override [\"./src:/app/src\"]",
        &["production-image"],
    ),
    (
        "INT-6.2",
        "Dockerfile",
        "COPY src/ src/\n",
        "",
        &["image-holds-sources"],
    ),
    (
        "INT-6.2",
        "Dockerfile",
        "COPY evals/",
        "COPY evaluations/",
        &["image-holds-sources"],
    ),
    (
        "INT-6.3",
        CI,
        "      REDIS_URL: redis://localhost:6379/0",
        "      ANTHROPIC_API_KEY: <secret>",
        &["workflow-secrets", "no-secrets-committed"],
    ),
    (
        "INT-6.4",
        "Dockerfile",
        "CMD [\"uvicorn\", \"intent_engine.api.server:app\", \"--host\", \"0.0.0.0\", \"--port\", \"8000\"]",
        "CMD alembic upgrade head && uvicorn intent_engine.api.server:app --host 0.0.0.0 --port 8000",
        &["migrations-separate"],
    ),
    (
        "INT-6.4",
        "docker-entrypoint.sh",
        "",
        "#!/bin/sh\nset -e\nalembic upgrade head\nexec \"$@\"\n",
        &["migrations-separate"],
    ),
    (
        "INT-6.4",
        "docs/DEPLOY.md",
        "",
        "# Deploy\n\nPush to main.\n",
        &["migrations-separate"],
    ),
];

/// What a repository may also look like.
const REPOSITORY_VARIANTS: &[&[(&str, &str, &str)]] = &[
    &[
        (CI, "ruff check src", "just lint"),
        (CI, "mypy src", "just typecheck"),
        (CI, "pytest --cov", "just test"),
    ],
    &[
        ("docker-compose.yml", " --reload", ""),
        (
            PROD,
            "    command: uvicorn intent_engine.api.server:app --host 0.0.0.0 --port 8000 --workers 4\n",
            "    scale: 3\n",
        ),
        (
            PROD,
            "    deploy:\n      resources:\n        limits: { cpus: \"2\", memory: 4G }\n        reservations: { cpus: \"0.5\", memory: 2G }\n",
            "    cpus: 2\n    mem_limit: 4g\n    mem_reservation: 2g\n",
        ),
    ],
    &[
        (PROD, "--workers 4", "--workers ${WEB_CONCURRENCY:-2}"),
        (
            PROD,
            "    healthcheck:\n      test: [\"CMD\", \"curl\", \"-f\", \"http://localhost:8000/ready\"]\n",
            "",
        ),
        (
            "docker-compose.yml",
            "http://localhost:8000/health",
            "http://localhost:8000/ready",
        ),
        (
            "docker-compose.yml",
            "      - ./src:/app/src\n      - ./data:/app/data\n",
            "      - models:/models\n",
        ),
        (
            "docker-compose.yml",
            "volumes: { postgres: {}, redis: {} }",
            "volumes: { postgres: {}, redis: {}, models: {} }",
        ),
        (PROD, "    volumes: !reset []\n", ""),
        (
            CI,
            "      - run: pip install -e . pytest\n",
            "      - run: pip install -e . pytest\n      - run: psql \"$DATABASE_URL\" -f scripts/init_db.sql\n",
        ),
    ],
];

#[test]
fn the_repository() {
    let audit = |repository: &Repository| {
        settings()
            .env("INTENT_REPO", repository.shown())
            .only("kind:file")
            .only("kind:git")
    };
    assert_healthy(&audit(&Repository::from_tree(REPOSITORY)).run(), 13);
    for edits in REPOSITORY_VARIANTS {
        let repository = Repository::from_tree(REPOSITORY);
        for (path, from, to) in *edits {
            repository.replace(path, from, to);
        }
        repository.commit("differ");
        assert_healthy(&audit(&repository).run(), 13);
    }
    for (item, path, from, to, checks) in REPOSITORY_BREAKS {
        let repository = Repository::from_tree(REPOSITORY);
        let to = to.replace("<secret>", SECRET);
        if from.is_empty() {
            repository.write(path, &to);
        } else {
            repository.replace(path, from, &to);
        }
        repository.git(&["add", "--all", "--force"]);
        repository.commit("break");
        let run = audit(&repository).run();
        assert_broken(&run, item, checks);
        assert!(!run.stdout.contains(SECRET), "{item}\n{run}");
    }
    let repository = Repository::from_tree(REPOSITORY);
    repository.remove(PROD);
    repository.commit("break");
    let run = audit(&repository).run();
    for check in ["no-reload", "production-image", "resource-limits"] {
        assert_eq!(run.verdict(check), "error", "{run}");
    }
}

/// Manifests of a deployment in Kubernetes.
const MANIFESTS: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: api }
spec:
  replicas: 3
  selector: { matchLabels: { app: api } }
  template:
    metadata: { labels: { app: api } }
    spec:
      containers:
        - name: api
          image: registry.intents.io/intent-engine:1.0.0
          args: [uvicorn, 'intent_engine.api.server:app', --host, 0.0.0.0]
          ports: [{ containerPort: 8000 }]
          resources: { requests: { cpu: 500m, memory: 2Gi }, limits: { cpu: '2', memory: 4Gi } }
          livenessProbe: { httpGet: { path: /health, port: 8000 } }
          readinessProbe: { httpGet: { path: /ready, port: 8000 } }
";

#[test]
fn the_manifests() {
    let audit = |text: &str| {
        let repository = Repository::from_tree(REPOSITORY);
        repository.write("k8s/api.yaml", text);
        repository.remove(PROD);
        repository.commit("move to Kubernetes");
        settings()
            .env("INTENT_REPO", repository.shown())
            .env("INTENT_KUBERNETES", "k8s")
            .only("kind:file")
            .only("kind:git")
            .run()
    };
    assert_healthy(&audit(MANIFESTS), 12);
    for (item, from, to, checks) in [
        (
            "INT-3.7",
            "0.0.0.0]",
            "0.0.0.0, --reload]",
            &["kubernetes-no-reload"],
        ),
        (
            "INT-3.8",
            "replicas: 3",
            "replicas: 1",
            &["kubernetes-replicas"],
        ),
        (
            "INT-3.9",
            ", limits: { cpu: '2', memory: 4Gi }",
            "",
            &["kubernetes-resources"],
        ),
        (
            "INT-3.12",
            "path: /ready",
            "path: /health",
            &["kubernetes-probes"],
        ),
    ] {
        let run = audit(&MANIFESTS.replace(from, to));
        assert_broken(&run, item, checks);
    }
}

// What stands around it -------------------------------------------------------------------------

#[test]
fn the_proxy() {
    let ground = Ground::new();
    let twin = ground.twin("", &[]);
    let authority = Authority::root();
    let upgrade = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    let pass = |more: &str| format!("location / {{ proxy_pass {}; {more} }}", twin.url(""));
    let proxy = Nginx::builder()
        .tls("main", &authority.issue(&Leaf::localhost()), &pass(upgrade))
        .tls("plain", &authority.issue(&Leaf::localhost()), &pass(""))
        .tls(
            "old",
            &authority.issue(&Leaf::localhost().expired()),
            &pass(upgrade),
        )
        .server(&format!("listen {{listen:http}};\n{}", pass("")))
        .start();
    let socket = |port: &str| format!("wss://localhost:{}/v1/ws", proxy.port(port));
    let closed = ClosedPort::new();
    let audit = ground
        .audit(&twin)
        .env("CA_FILE", authority.path().display().to_string())
        .env("INTENT_PUBLIC_HOST", "localhost")
        .env("INTENT_PUBLIC_PORT", proxy.port("main").to_string())
        .env("INTENT_APP_PORT", closed.port().to_string())
        .env("INTENT_WEBSOCKET_URL", socket("main"))
        .only("kind:tls")
        .only("kind:tcp")
        .only("kind:websocket");
    assert_healthy(&audit.run(), 3);
    let port = |name: &str| proxy.port(name).to_string();
    for (item, variable, value, checks) in [
        (
            "INT-3.10",
            "INTENT_PUBLIC_PORT",
            port("old"),
            &["tls-certificate"],
        ),
        (
            "INT-3.10",
            "INTENT_PUBLIC_PORT",
            port("http"),
            &["tls-certificate"],
        ),
        (
            "INT-3.10",
            "INTENT_APP_PORT",
            twin.port().to_string(),
            &["app-port-closed"],
        ),
        (
            "INT-5.3",
            "INTENT_WEBSOCKET_URL",
            socket("plain"),
            &["websocket-upgrades"],
        ),
        (
            "INT-5.3",
            "API_KEY",
            ADMIN_KEY.to_owned(),
            &["websocket-upgrades"],
        ),
    ] {
        assert_broken(&audit.clone().env(variable, value).run(), item, checks);
    }
    ground.say("no-ws");
    assert_broken(&audit.run(), "INT-5.3", &["websocket-upgrades"]);
}

/// Rules that a deployment needs.
const RULES: &str = r#"groups:
  - name: intent-engine
    interval: 1s
    rules:
      - { alert: NotReady, expr: 'probe_success{job="ready"} == 0 or up{job="intent-engine"} == 0' }
      - { alert: Errors, expr: 'rate(http_requests_total{status=~"5.."}[5m]) > 1' }
      - { alert: Slow, expr: 'histogram_quantile(0.99, rate(http_request_duration_seconds_bucket[5m])) > 1' }
      - { alert: Limited, expr: 'rate(http_requests_total{status="429"}[5m]) > 10' }
"#;

#[test]
fn the_monitoring() {
    let ground = Ground::new();
    let twin = ground.twin("", &[]);
    let config = |job: &str, rules: &str| {
        format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n{rules}scrape_configs:\n  - job_name: {job}\n    static_configs: [{{ targets: ['127.0.0.1:{}'] }}]\n",
            twin.port()
        )
    };
    let files = "rule_files: [rules.yml]\n";
    let prometheus = Prometheus::start(&config("intent-engine", files), RULES);
    let collector = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let collector = format!("http://{}/v1/traces", collector.local_addr().unwrap());
    let loki = Origin::start();
    let line = json!({"level": "info", "event": "request"}).to_string();
    shipped(&loki, std::slice::from_ref(&line));
    let audit = ground
        .audit(&twin)
        .env("PROMETHEUS_URL", prometheus.url())
        .env("ENABLE_TRACING", "true")
        .env("OTLP_ENDPOINT", &collector)
        .env("INTENT_LOKI_URL", loki.url(""))
        .only("metrics-scraped")
        .only("alerts-defined")
        .only("traces-collector*")
        .only("logs-shipped");
    prometheus
        .await_state("/api/v1/query?query=up", "\"1\"]")
        .await_state("/api/v1/rules", "\"health\":\"ok\"");
    wait_for("all rules to be evaluated", Duration::from_secs(30), || {
        (audit.run().verdict("alerts-defined") == "pass").then_some(())
    });
    assert_healthy(&audit.run(), 4);
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let run = audit.clone().env("OTLP_ENDPOINT", nowhere).run();
    assert_broken(&run, "INT-4.3", &["traces-collector"]);
    for lines in [vec![], vec![line, "plain".to_owned()]] {
        shipped(&loki, &lines);
        assert_broken(&audit.run(), "INT-4.1", &["logs-shipped"]);
    }
    let audit = audit.skip("logs-shipped");
    let run = audit.clone().env("INTENT_PROMETHEUS_JOB", "another").run();
    assert_broken(&run, "INT-4.2", &["metrics-scraped"]);
    for missing in ["NotReady", "Errors", "Slow", "Limited"] {
        let rules: Vec<&str> = RULES
            .lines()
            .filter(|line| !line.contains(missing))
            .collect();
        prometheus.rules(&rules.join("\n"));
        prometheus.reload(&config("intent-engine", files));
        wait_for("the rule to go", Duration::from_secs(30), || {
            (!prometheus.get("/api/v1/rules").contains(missing)).then_some(())
        });
        let red = || {
            let run = audit.run();
            (run.verdict("alerts-defined") == "fail").then_some(run)
        };
        let run = wait_for("the others to be evaluated", Duration::from_secs(30), red);
        assert_broken(&run, "INT-4.4", &["alerts-defined"]);
    }
}

/// What Loki has of the service.
fn shipped(loki: &Origin, lines: &[String]) {
    let now = jiff::Timestamp::now().as_nanosecond();
    let values: Vec<Value> = lines
        .iter()
        .map(|line| json!([now.to_string(), line]))
        .collect();
    let body = json!({"status": "success", "data": {"resultType": "streams", "result": [{"stream": {"app": "intent-engine"}, "values": values}], "stats": {}}});
    loki.route("/loki/api/v1/query_range", move |_| {
        Response::json(200, &body)
    });
}

#[test]
fn the_forge() {
    let hub = Origin::start();
    let sha = "6dcb09b5b57875f334f61aebed695e2e4193db5e";
    let answer = |path: &str, body: Value| {
        hub.route(&format!("/repos/intents/engine{path}"), move |_| {
            Response::json(200, &body)
        });
    };
    let ended = |conclusion: &str| {
        answer(
            "/actions/workflows/ci.yml/runs",
            json!({"total_count": 1, "workflow_runs": [{"id": 7, "name": "CI", "run_number": 7, "run_attempt": 1, "event": "push", "status": "completed", "conclusion": conclusion, "head_sha": sha, "head_branch": "main", "created_at": jiff::Timestamp::now().to_string(), "run_started_at": jiff::Timestamp::now().to_string()}]}),
        );
    };
    let held = |names: &[&str]| {
        let secrets: Vec<Value> = names
            .iter()
            .map(|name| json!({"name": name, "created_at": jiff::Timestamp::now().to_string(), "updated_at": jiff::Timestamp::now().to_string()}))
            .collect();
        answer(
            "/environments/production/secrets",
            json!({"total_count": secrets.len(), "secrets": secrets}),
        );
    };
    answer(
        "",
        json!({"id": 1, "full_name": "intents/engine", "private": true, "default_branch": "main"}),
    );
    answer(
        "/commits/main/status",
        json!({"state": "success", "sha": sha, "total_count": 0, "statuses": []}),
    );
    answer(
        "/commits/main/check-runs",
        json!({"total_count": 0, "check_runs": []}),
    );
    answer(
        "/environments",
        json!({"total_count": 1, "environments": [{"id": 1, "name": "production", "protection_rules": []}]}),
    );
    ended("success");
    held(&["API_KEY", "DATABASE_URL", "REDIS_URL"]);
    let audit = settings()
        .env("GITHUB_REPOSITORY", "intents/engine")
        .env("GITHUB_TOKEN", "ghp_canary0123456789canary0123456789")
        .env("GITHUB_API_URL", hub.url(""))
        .env("INTENT_GITHUB_ENVIRONMENT", "production")
        .only("kind:github");
    assert_healthy(&audit.run(), 2);
    ended("failure");
    assert_broken(&audit.run(), "INT-6.1", &["ci-green"]);
    ended("success");
    held(&["API_KEY", "DATABASE_URL"]);
    assert_broken(&audit.run(), "INT-6.3", &["deploy-secrets-managed"]);
}

// What cannot be seen ---------------------------------------------------------------------------

/// Fails the test unless these checks are errors, and none that asks the same part is green.
#[track_caller]
fn assert_unseen(run: &Run, checks: &[&str], kinds: &[&str]) {
    for check in checks {
        assert_eq!(run.verdict(check), "error", "{check}\n{run}");
    }
    for check in run.checks() {
        let asks = kinds.iter().any(|kind| check["kind"] == *kind);
        assert!(
            !asks || check["verdict"] != "pass",
            "{}\n{run}",
            check["id"]
        );
    }
}

#[test]
fn what_cannot_be_seen_is_an_error() {
    let ground = Ground::new();
    let twin = ground.twin("", &[]);
    let audit = ground.audit(&twin).skip("kind:file").skip("kind:git");
    let wrong = ground.dsn("intent_engine").replace(PASSWORD, "wrong");
    let run = audit.clone().env("DATABASE_URL", wrong).run();
    assert_unseen(
        &run,
        &["postgres-reachable", "pgvector-extension"],
        &["postgres", "pgvector"],
    );
    ground.redis.server().stop();
    let run = audit.run();
    assert_unseen(&run, &["redis-reachable"], &["redis"]);
    assert_eq!(run.verdict("health-readiness"), "fail", "{run}");
    ground.database.stop();
    let run = audit.run();
    assert_unseen(
        &run,
        &["postgres-reachable", "pgvector-extension"],
        &["postgres", "pgvector"],
    );
    drop(twin);
    let run = audit.run();
    assert_unseen(
        &run,
        &[
            "health-liveness",
            "health-readiness",
            "foreign-keys-refused",
            "cors-policy",
            "cors-strangers",
            "admin-api-closed",
            "headers-everywhere",
            "metrics-valid",
        ],
        &["http", "cors", "metrics"],
    );
}

#[test]
fn every_item_has_a_break() {
    let tables = [VARIABLES, SERVICE, LINES, DATABASE]
        .into_iter()
        .flatten()
        .map(|(item, ..)| *item);
    let edits = REPOSITORY_BREAKS.iter().map(|(item, ..)| *item);
    let others = [
        "INT-1.7", "INT-3.4", "INT-3.5", "INT-3.6", "INT-3.10", "INT-4.4",
    ];
    let items: Vec<&str> = tables.chain(edits).chain(others).collect();
    assert_all_items(PROFILE, &items, &[]);
}
