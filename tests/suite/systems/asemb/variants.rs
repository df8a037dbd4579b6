//! Deployments that differ from the twin in legitimate ways: all of them are green.

use super::Deployment;
use super::repository::of;
use crate::support::redis::Redis;
use crate::support::scratch::Scratch;
use crate::systems::{Audit, Repository, assert_healthy};

#[test]
fn services_of_other_styles_are_green() {
    let mut deployment = Deployment::start("words,plain-log,silent-limiter,few-metrics");
    assert_healthy(&deployment.running().run(), 30);
    deployment.restyle("flags,labelled-cache,route-auth");
    assert_healthy(&deployment.running().run(), 30);
    deployment.restyle("bare,z-paths");
    let named = deployment
        .running()
        .set("live_path", "/healthz")
        .set("ready_path", "/readyz");
    assert_healthy(&named.run(), 30);
    // From outside of the deployment's environment, and without accounts.
    let outside = deployment
        .running()
        .set("live_path", "/healthz")
        .set("ready_path", "/readyz")
        .set("token", "")
        .set("user_token", "")
        .unset("JWT_SECRET")
        .unset("JWT_REFRESH_SECRET");
    assert_healthy(&outside.run(), 27);
    // Fewer requests in a longer window, and searches that are posted.
    deployment.restyle("limited,long-window");
    let posted = deployment
        .audit()
        .set("rate_window", "15m")
        .set("search_path", "/search")
        .set("search_body", r#"{"q": "b"}"#)
        .only("posted-search-latency")
        .only("admin-limited");
    assert_healthy(&posted.run(), 2);
}

#[test]
fn data_kept_in_other_ways_is_green() {
    let deployment = Deployment::start("");
    let audit = deployment.running();
    let sql = |text: &str| deployment.postgres.sql(text);
    // Other kinds of indexes, an empty cache, tables of n8n beside those of the backend.
    sql("drop index embeddings_vector; create index on embeddings using ivfflat (embedding vector_cosine_ops) with (lists = 2);
         alter role postgres set ivfflat.probes = 2;
         drop index documents_metadata, embeddings_chunk; create index on documents (title);
         truncate chunks_cache;
         create table workflow_entity (id text); create table execution_entity (id int, workflow text);
         create extension pg_stat_statements; drop index documents_owner; create index on documents (owner, title)");
    assert_healthy(&audit.run(), 30);
    // A cache that is full is a cache that works.
    let redis = &deployment.redis;
    for (setting, value) in [("maxmemory-policy", "volatile-lfu"), ("maxmemory", "8mb")] {
        redis.cli(&["config", "set", setting, value]);
    }
    redis.cli(&[
        "eval",
        "for i = 1, 6000 do redis.call('set', 'k' .. i, string.rep('x', 2000), 'ex', 300) end",
        "0",
    ]);
    super::lookups(redis, 1500, 100);
    assert_healthy(&audit.run(), 30);
    // Another place of the table, and names of one's own.
    sql(
        "create schema app; alter table embeddings set schema app; alter role postgres set search_path = app, public",
    );
    let own = audit
        .set("vector_tables", "embeddings")
        .set("tables", "app.embeddings,documents");
    assert_healthy(&own.run(), 28);

    // A queue, with a worker that waits.
    let queue = Redis::builder().config("maxmemory 64mb").start();
    super::lookups(&queue, 1500, 0);
    let used = own
        .set("redis_url", queue.url())
        .set("eviction_policy", "^noeviction$")
        .only("kind:redis");
    assert_healthy(&used.clone().set("messaging", "none").run(), 4);
    assert_healthy(
        &used
            .set("messaging", "none")
            .set("redis_mode", "managed")
            .run(),
        3,
    );
}

/// An audit of the twin's repository after some changes.
fn changed(change: impl Fn(&Repository), inputs: &[(&str, &str)]) {
    let repository = Repository::from_tree("asemb");
    change(&repository);
    repository.commit("changed");
    let scratch = Scratch::new("asemb");
    let audit: Audit = inputs
        .iter()
        .fold(of(&repository, &scratch), |audit, (input, value)| {
            audit.set(input, *value)
        });
    assert_healthy(&audit.run(), 25);
}

#[test]
fn repositories_of_other_shapes_are_green() {
    // Documents in one file, with a link that leads nowhere.
    changed(
        |repository| {
            let mut all = repository.read("README.md");
            for name in [
                "ARCHITECTURE",
                "SLO",
                "OPERATIONS",
                "UPGRADING",
                "runbooks/RUNBOOK",
            ] {
                let path = format!("docs/{name}.md");
                all.push_str(&repository.read(&path));
                repository.remove(&path);
            }
            repository.write("README.md", &format!("{all}\n[gone](gone.md)\n"));
            // Throw-away servers and secrets of tests.
            repository.replace(
                ".github/workflows/ci.yml",
                "\"${{ secrets.CI_POSTGRES_PASSWORD }}\"",
                "postgres",
            );
            repository.replace(
                ".github/workflows/ci.yml",
                "        run: npm run migrate\n",
                "        run: npm run migrate\n        env:\n          DATABASE_URL: postgresql://postgres:postgres@localhost:5432/test\n          JWT_SECRET: test-secret-for-ci\n",
            );
            repository.write(
                "src/__tests__/auth.test.ts",
                "const secret = \"test-jwt-secret-which-is-long-enough-1234\";\nprocess.env.RUN_SLOW;\n",
            );
        },
        &[],
    );
}

#[test]
fn repositories_with_other_tools_are_green() {
    // Migrations of TypeORM, rules in several files, a gate of a service, upgrades in several documents.
    changed(
        |repository| {
            for (old, new) in [
                ("001_init", "1767225600000-Init"),
                ("002_indexes", "1767225700000-Indexes"),
            ] {
                let text = repository.read(&format!("migrations/{old}.sql"));
                repository.remove(&format!("migrations/{old}.sql"));
                repository.write(
                    &format!("src/migrations/{new}.ts"),
                    &format!("await runner.query(`{text}`);\n"),
                );
            }
            let rules = repository.read("monitoring/alerts.yml");
            let (api, cache) = rules.split_at(rules.find("      - alert: CacheUseless").unwrap());
            repository.remove("monitoring/alerts.yml");
            repository.write("monitoring/api-alerts.yml", api);
            repository.write(
                "monitoring/rules/cache.rules.yaml",
                &format!("groups:\n  - name: cache\n    rules:\n{cache}"),
            );
            repository.replace(
                "jest.config.js",
                "  coverageThreshold: { global: { statements: 75 } },\n",
                "",
            );
            repository.write(
                "codecov.yml",
                "coverage:\n  status:\n    project:\n      default:\n        target: 75%\n",
            );
            let upgrades = repository.read("docs/UPGRADING.md");
            let (stores, model) = upgrades.split_at(upgrades.find("## n8n").unwrap());
            repository.write("docs/upgrade/stores.md", stores);
            repository.write(
                "docs/upgrade/n8n.md",
                &model
                    .replace("## n8n", "# Upgrading n8n")
                    .replace("## Embedding model", "## Changing the embedding model"),
            );
            repository.remove("docs/UPGRADING.md");
            repository.write(".env.test", "PORT=1\n");
        },
        &[("migrations", "src/migrations")],
    );
    // PostgreSQL of an operator, tests in GitLab.
    changed(
        |repository| {
            repository.remove("docker-compose.yml");
            repository.remove("docker-compose.dev.yml");
            repository.replace(
                "helm/asemb/values.yaml",
                "    tag: pg17\n",
                "    tag: \"17.6\"\n",
            );
            repository.write("k8s/database.yaml", "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nspec:\n  imageName: ghcr.io/cloudnative-pg/postgresql:17.2\n");
            for name in ["ci", "release"] {
                repository.remove(&format!(".github/workflows/{name}.yml"));
            }
            repository.write(".gitlab-ci.yml", "stages: [test]\nunit:\n  stage: test\n  script:\n    - npm ci\n    - npm run build\n    - npx knex migrate:latest\n    - npx vitest run --coverage\nscan:\n  stage: test\n  script:\n    - osv-scanner scan .\n    - syft . -o spdx-json\n");
        },
        &[("pipelines", ".gitlab-ci.yml")],
    );
}

#[test]
fn postgres_is_pinned_in_many_ways() {
    let digest = "a".repeat(64);
    for (pinned, text) in [
        (
            true,
            "services: { db: { image: \"pgvector/pgvector:pg16\" } }".to_owned(),
        ),
        (
            true,
            "services:\n  db:\n    image: postgres:16-alpine\n".to_owned(),
        ),
        (
            true,
            "services:\n  db:\n    image: 'pgvector/pgvector:0.8.0-pg17'\n".to_owned(),
        ),
        (
            true,
            "services:\n  db:\n    image: ankane/pgvector:v0.5.1\n".to_owned(),
        ),
        (
            true,
            "services:\n  db:\n    image: docker.io/bitnami/postgresql:17.2.0-debian-12-r0\n"
                .to_owned(),
        ),
        (
            true,
            "services:\n  db:\n    image: postgres:${POSTGRES_VERSION:-16}\n".to_owned(),
        ),
        (
            true,
            "services:\n  db:\n    image: timescale/timescaledb-ha:pg16\n".to_owned(),
        ),
        (
            true,
            format!("services:\n  db:\n    image: pgvector/pgvector@sha256:{digest}\n"),
        ),
        (
            false,
            "services:\n  db:\n    image: pgvector/pgvector:latest\n".to_owned(),
        ),
        (false, "services:\n  db:\n    image: postgres\n".to_owned()),
        (
            false,
            "services:\n  db:\n    image: postgres:14\n".to_owned(),
        ),
        (
            false,
            "services:\n  db:\n    image: postgres:13-alpine\n".to_owned(),
        ),
        (
            false,
            "services:\n  db:\n    image: redis:16\n    # postgres:16\n".to_owned(),
        ),
        (
            false,
            "services:\n  exporter:\n    image: prometheuscommunity/postgres-exporter:v0.17.1\n"
                .to_owned(),
        ),
    ] {
        let scratch = Scratch::new("asemb");
        scratch.write("docker-compose.yml", &text);
        let audit = Audit::of("asemb").only("postgres-pinned");
        let audit = audit.set("repo", scratch.path().display().to_string());
        let verdict = audit.run().verdict("postgres-pinned");
        assert_eq!(verdict, if pinned { "pass" } else { "fail" }, "{text}");
    }
}
