//! Breaks of what runs: the service, PostgreSQL, Redis, Prometheus.

use super::{Deployment, FILES, lookups, rounds};
use crate::support::prometheus::Prometheus;
use crate::support::redis::Redis;
use crate::systems::{assert_broken, assert_healthy};

/// Item, words of the service, checks that turn red.
const SERVICE: &[(&str, &str, &[&str])] = &[
    ("ASE-C.2", "no-cache-metrics", &["cache-metrics"]),
    ("ASE-R.1", "health-lies", &["health"]),
    ("ASE-R.1", "health-without-redis", &["health"]),
    ("ASE-R.1", "health-leaks", &["health"]),
    ("ASE-R.1", "no-live", &["liveness"]),
    ("ASE-R.1", "no-live,pages-for-all", &["liveness"]),
    ("ASE-R.1", "no-ready", &["readiness"]),
    ("ASE-R.1", "no-ready,pages-for-all", &["readiness"]),
    ("ASE-R.1", "not-ready", &["readiness"]),
    ("ASE-R.1", "not-ready-200", &["readiness"]),
    ("ASE-R.2", "no-metrics", &["cache-metrics", "metrics"]),
    (
        "ASE-R.2",
        "no-metrics,pages-for-all",
        &["cache-metrics", "metrics"],
    ),
    ("ASE-R.2", "bad-metrics", &["metrics"]),
    (
        "ASE-S.3",
        "any-token",
        &["admin-needs-credentials", "admin-needs-role"],
    ),
    ("ASE-S.3", "alg-none", &["admin-needs-credentials"]),
    ("ASE-S.3", "any-role", &["admin-needs-role"]),
    (
        "ASE-S.3",
        "open-users",
        &[
            "admin-closed[/api/v2/users]",
            "admin-needs-credentials",
            "admin-needs-role",
        ],
    ),
    (
        "ASE-S.3",
        "open-settings",
        &["admin-closed[/api/v2/settings]"],
    ),
    (
        "ASE-S.3",
        "open-embeddings",
        &["admin-closed[/api/v2/embeddings]"],
    ),
    (
        "ASE-S.3",
        "open-migration",
        &["admin-closed[/api/v2/migration]"],
    ),
];

/// Item, words of the service, the check of many requests that turns red.
const BURST: &[(&str, &str, &str)] = &[
    ("ASE-P.1", "slow-health", "service-latency"),
    ("ASE-P.1", "slow-api", "api-latency"),
    ("ASE-P.1", "slow-search", "search-latency"),
    ("ASE-S.3", "no-limiter", "admin-limited"),
    ("ASE-S.3", "high-limit", "admin-limited"),
];

/// Item, SQL that breaks, SQL that mends, checks that turn red.
const DATABASE: &[(&str, &str, &str, &[&str])] = &[
    (
        "ASE-D.2",
        "alter table chunks_cache rename to chunks",
        "alter table chunks rename to chunks_cache",
        &[
            "migrations-applied",
            "vector-dimensions[chunks_cache]",
            "vector-indexes[chunks_cache]",
        ],
    ),
    (
        "ASE-D.3",
        "drop index chunks_cache_vector",
        "create index chunks_cache_vector on chunks_cache using hnsw (embedding vector_cosine_ops)",
        &["vector-indexes[chunks_cache]"],
    ),
    (
        "ASE-D.3",
        "drop index chunks_cache_vector; create index chunks_cache_vector on chunks_cache using hnsw (embedding vector_l2_ops)",
        "drop index chunks_cache_vector; create index chunks_cache_vector on chunks_cache using hnsw (embedding vector_cosine_ops)",
        &["vector-indexes[chunks_cache]"],
    ),
    (
        "ASE-D.3",
        "drop index embeddings_document",
        "create index embeddings_document on embeddings (document)",
        &["foreign-keys-indexed"],
    ),
    (
        "ASE-D.3",
        "update pg_index set indisvalid = false where indexrelid = 'documents_owner'::regclass",
        "update pg_index set indisvalid = true where indexrelid = 'documents_owner'::regclass",
        &["foreign-keys-indexed"],
    ),
    (
        "ASE-D.3",
        "drop index documents_metadata, embeddings_chunk",
        "create index documents_metadata on documents using gin (metadata); create index embeddings_chunk on embeddings using gin (chunk gin_trgm_ops)",
        &["filters-indexed"],
    ),
    (
        "ASE-D.4",
        "alter role postgres set maintenance_work_mem = '64MB'",
        "alter role postgres reset maintenance_work_mem",
        &["maintenance-memory"],
    ),
    (
        "ASE-D.4",
        "alter table embeddings set (autovacuum_enabled = false)",
        "alter table embeddings reset (autovacuum_enabled)",
        &["postgres-vacuum"],
    ),
    (
        "ASE-P.4",
        "alter role postgres set hnsw.ef_search = 1",
        "alter role postgres reset hnsw.ef_search",
        &["vector-recall"],
    ),
];

/// Item, an input that says what was decided, checks that turn red because it is not so.
const DECIDED: &[(&str, &str, &str, &[&str])] = &[
    ("ASE-D.5", "wal_archived", "true", &["backup-archiving"]),
    ("ASE-C.1", "redis_mode", "cluster", &["redis-mode"]),
    ("ASE-C.1", "redis_mode", "sentinel", &["redis-mode"]),
    ("ASE-C.3", "channel", "asemb:nobody", &["redis-channel"]),
    ("ASE-C.3", "queue", "jobs", &["redis-queue"]),
    (
        "ASE-C.4",
        "eviction_policy",
        "^noeviction$",
        &["redis-eviction"],
    ),
    ("ASE-N.3", "max_database_size", "1MiB", &["capacity-kept"]),
    (
        "ASE-N.3",
        "dimensions",
        "3072",
        &[
            "vector-dimensions[chunks_cache]",
            "vector-dimensions[embeddings]",
        ],
    ),
    ("ASE-R.1", "live_path", "/livez", &["liveness"]),
    (
        "ASE-R.1",
        "health_components",
        "postgres,redis,openai",
        &["health"],
    ),
];

/// Item, setting of Redis, the value that breaks, the value that mends.
const REDIS: &[(&str, &str, &str, &str)] = &[
    ("ASE-C.4", "maxmemory", "0", "64mb"),
    ("ASE-C.4", "maxmemory-policy", "noeviction", "allkeys-lru"),
];

/// Item, the alert that is missing.
const ALERTS: &[(&str, &str)] = &[
    ("ASE-R.3", "ManyFailures"),
    ("ASE-R.3", "SlowAnswers"),
    ("ASE-R.3", "EventLoopBusy"),
    ("ASE-R.3", "CacheUseless"),
];

/// The items that are broken here.
pub(super) fn items() -> impl Iterator<Item = &'static str> {
    let service = SERVICE.iter().map(|(item, ..)| *item);
    let database = DATABASE.iter().map(|(item, ..)| *item);
    let decided = DECIDED.iter().map(|(item, ..)| *item);
    let redis = REDIS.iter().map(|(item, ..)| *item);
    service
        .chain(BURST.iter().map(|(item, ..)| *item))
        .chain(database)
        .chain(decided)
        .chain(redis)
        .chain(ALERTS.iter().map(|(item, _)| *item))
        .chain(["ASE-D.1", "ASE-P.3"])
}

#[test]
fn breaks_of_the_service_are_noticed() {
    let deployment = Deployment::start("");
    let audit = deployment.running();
    for round in rounds(SERVICE, |(.., checks)| checks) {
        let words: Vec<&str> = round.iter().map(|(_, words, _)| *words).collect();
        let checks: Vec<&str> = round
            .iter()
            .flat_map(|(.., checks)| *checks)
            .copied()
            .collect();
        deployment.break_with(&words.join(","));
        assert_broken(&audit.run(), &words.join(" "), &checks);
    }
    // The log of a moment ago holds what the service wrote last.
    deployment.break_with("token-in-log");
    audit.clone().only("health").run();
    deployment.break_with("");
    assert_broken(&audit.run(), "ASE-R.2 token-in-log", &["logs"]);
    let gone = deployment.scratch.join("gone.log").display().to_string();
    let run = audit.set("log_file", gone).only("logs").run();
    assert_eq!(run.verdict("logs"), "error", "{run}");
}

#[test]
fn slow_answers_are_noticed() {
    let deployment = Deployment::start("");
    let slow = BURST
        .iter()
        .filter(|(_, words, _)| words.starts_with("slow"));
    let checks: Vec<&str> = slow.clone().map(|(.., check)| *check).collect();
    let words: Vec<&str> = slow.map(|(_, words, _)| *words).collect();
    let audit = checks
        .iter()
        .fold(deployment.audit(), |audit, check| audit.only(check));
    deployment.break_with(&words.join(","));
    assert_broken(&audit.run(), &words.join(" "), &checks);
}

#[test]
fn missing_limits_are_noticed() {
    let mut deployment = Deployment::start("limited");
    for (item, words, check) in BURST
        .iter()
        .filter(|(_, _, check)| *check == "admin-limited")
    {
        deployment.break_with(words);
        let run = deployment.audit().only(check).run();
        assert_broken(&run, &format!("{item} {words}"), &[check]);
    }
    // Behind authentication a limiter cannot be seen without a token: unknown, not unlimited.
    deployment.break_with("");
    deployment.restyle("limited,late-limiter");
    let audit = deployment.audit().only("admin-limited");
    assert_healthy(&audit.run(), 1);
    let run = audit.set("token", "").run();
    assert_eq!(run.verdict("admin-limited"), "error", "{run}");
}

#[test]
fn breaks_of_the_data_are_noticed() {
    let deployment = Deployment::start("");
    let audit = deployment.running();
    for round in rounds(DATABASE, |(.., checks)| checks) {
        let checks: Vec<&str> = round
            .iter()
            .flat_map(|(.., checks)| *checks)
            .copied()
            .collect();
        let breaks: Vec<&str> = round.iter().map(|(_, breaks, ..)| *breaks).collect();
        let breaks = breaks.join("; ");
        deployment.postgres.sql(&breaks);
        assert_broken(&audit.run(), &breaks, &checks);
        for (_, _, mends, _) in round {
            deployment.postgres.sql(mends);
        }
    }
    for round in rounds(DECIDED, |(.., checks)| checks) {
        let checks: Vec<&str> = round
            .iter()
            .flat_map(|(.., checks)| *checks)
            .copied()
            .collect();
        let other = round
            .iter()
            .fold(audit.clone(), |audit, (_, input, value, _)| {
                audit.set(input, *value)
            });
        assert_broken(&other.run(), &format!("{checks:?}"), &checks);
    }
    for (item, setting, value, healthy) in REDIS {
        deployment.redis.cli(&["config", "set", setting, value]);
        assert_broken(
            &audit.run(),
            &format!("{item} {setting}"),
            &["redis-eviction"],
        );
        deployment.redis.cli(&["config", "set", setting, healthy]);
    }
    lookups(&deployment.redis, 700, 800);
    assert_broken(&audit.run(), "ASE-C.2 misses", &["redis-hit-rate"]);
    // Too few to mean anything.
    lookups(&deployment.redis, 5, 0);
    let run = audit.clone().only("redis-hit-rate").run();
    assert_eq!(run.verdict("redis-hit-rate"), "error", "{run}");
    lookups(&deployment.redis, 1500, 0);
    assert_healthy(&audit.run(), 30);

    let silent = Redis::start();
    let run = audit
        .clone()
        .set("redis_url", silent.url())
        .only("redis-consumers")
        .run();
    assert_broken(&run, "ASE-C.3 nobody listens", &["redis-consumers"]);

    deployment.postgres.create_database("bare");
    let run = audit
        .set("database_url", deployment.postgres.superuser_url("bare"))
        .only("kind:postgres")
        .run();
    let red = ["filters-indexed", "migrations-applied", "vector-extension"];
    assert_broken(&run, "ASE-D.1 no pgvector", &red);
}

/// How a Prometheus scrapes the service, with the rules of a file.
fn watching(deployment: &Deployment, rules: &str) -> String {
    let port = deployment.twin.port();
    format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [\"{rules}\"]\nscrape_configs:\n  - job_name: asemb\n    static_configs: [{{ targets: [\"127.0.0.1:{port}\"] }}]\n"
    )
}

#[test]
fn breaks_of_the_watch_are_noticed() {
    let deployment = Deployment::start("");
    let rules = deployment.repository.read("monitoring/alerts.yml");
    let prometheus = Prometheus::start(&watching(&deployment, "rules.yml"), &rules);
    prometheus
        .await_state("/api/v1/rules", "\"health\":\"ok\"")
        .await_state(
            "/api/v1/query?query=http_request_duration_seconds_count",
            "\"value\"",
        );
    let audit = deployment
        .running()
        .set("prometheus_url", prometheus.url())
        .set(
            "throughput_query",
            "sum(http_request_duration_seconds_count)",
        )
        .set("throughput_target", "0")
        .only("kind:promql");
    assert_healthy(&audit.run(), 3);
    let run = audit.clone().set("throughput_target", "1e12").run();
    assert_broken(&run, "ASE-P.3 missed", &["workflow-throughput"]);
    // A series that nobody exports is no target that is met.
    let run = audit.clone().set("throughput_query", "nothing_total").run();
    assert_broken(&run, "ASE-P.3 absent", &["workflow-throughput"]);
    for (item, alert) in ALERTS {
        let start = rules.find(&format!("      - alert: {alert}")).unwrap();
        let length = rules[start + 1..]
            .find("      - alert")
            .map_or(rules.len() - start, |at| at + 1);
        let fewer = rules.replacen(&rules[start..start + length], "", 1);
        let group = format!("without-{alert}");
        let fewer = fewer.replace("name: asemb", &format!("name: {group}"));
        let file = deployment.scratch.write(&format!("{alert}.yml"), fewer);
        prometheus.reload(&watching(&deployment, &file.display().to_string()));
        prometheus
            .await_state("/api/v1/rules", &group)
            .await_state("/api/v1/rules", "\"health\":\"ok\"");
        let run = audit.clone().only("alerts").run();
        assert_broken(&run, &format!("{item} {alert}"), &["alerts"]);
    }
    deployment.break_with("no-cache-metrics");
    let config = "global: { scrape_interval: 1s }\n";
    let other = Prometheus::start(config, &rules);
    let run = audit
        .clone()
        .set("prometheus_url", other.url())
        .only("kind:promql")
        .run();
    let red = ["alerts", "cache-metrics-scraped", "workflow-throughput"];
    assert_broken(&run, "ASE-C.2 not scraped, ASE-R.3 no rules", &red);
    drop(other);
    let run = audit.set("prometheus_url", "http://127.0.0.1:9").run();
    for check in red {
        assert_eq!(run.verdict(check), "error", "{run}");
    }
}

#[test]
fn what_cannot_be_looked_at_is_an_error() {
    let deployment = Deployment::start("");
    let verdicts = |audit: super::Audit, errors: &[&str], kinds: &[&str]| {
        let run = audit.run();
        for id in errors {
            assert_eq!(run.verdict(id), "error", "{id}\n{run}");
        }
        for check in run.checks() {
            let looked = kinds.iter().any(|kind| check["kind"] == *kind);
            assert!(
                !looked || check["verdict"] != "pass",
                "{}\n{run}",
                check["id"]
            );
        }
    };
    let audit = deployment.running();
    let nobody = "http://127.0.0.1:9".to_owned();
    let down = FILES
        .iter()
        .fold(deployment.audit(), |audit, kind| audit.skip(kind));
    let http = [
        "health",
        "liveness",
        "readiness",
        "metrics",
        "cache-metrics",
        "admin-needs-credentials",
        "admin-needs-role",
        "admin-opens",
        "admin-limited",
        "service-latency",
        "api-latency",
        "search-latency",
    ];
    verdicts(
        down.set("base_url", nobody),
        &http,
        &["http", "metrics", "load", "rate_limit"],
    );
    let redis = audit.clone().set(
        "redis_url",
        format!("redis://:wrong@127.0.0.1:{}", deployment.redis.port()),
    );
    verdicts(redis, &["redis-reachable"], &["redis"]);
    let url = deployment.postgres.url("postgres", "wrong", "postgres");
    verdicts(
        audit.clone().set("database_url", url),
        &["postgres-reachable"],
        &["postgres", "pgvector"],
    );
    deployment.postgres.stop();
    let run = audit.run();
    assert_eq!(run.verdict("postgres-reachable"), "error", "{run}");
    for check in ["health", "readiness"] {
        assert_eq!(run.verdict(check), "fail", "{run}");
    }
    // Alive and not ready is what liveness is there to tell apart.
    assert_eq!(run.verdict("liveness"), "pass", "{run}");
}
