//! ASEMB: an Express service over PostgreSQL with pgvector and Redis, its repository, the reports of
//! its pipeline, and the Prometheus that watches it.

mod evidence;
mod faults;
mod repository;
mod variants;

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::{Audit, Repository, assert_all_items, assert_healthy};
use crate::support::postgres::Postgres;
use crate::support::process::{output, own_command, program};
use crate::support::redis::Redis;
use crate::support::scratch::Scratch;
use crate::support::twin::Twin;

/// What the service signs its tokens with.
const JWT_SECRET: &str = "Zk3vQ9wLr8TfXc2mNb7HsJd5PgKyVaUe";
/// And its refresh tokens.
const JWT_REFRESH_SECRET: &str = "b8YtR4wQm2ZxVc9LkJh7GfDs5ApNuEo1";

/// The checks that send many requests: run where a break concerns them.
const BURSTS: [&str; 2] = ["kind:load", "kind:rate_limit"];
/// The checks that look at files only: left out where the running system is broken.
const FILES: [&str; 3] = ["kind:file", "kind:git", "kind:report"];

/// Two hundred embeddings, as the migrations and a first import leave them.
const ROWS: &str = "insert into users (name) values ('a');
insert into documents (owner, title) values (1, 't');
insert into embeddings (document, chunk, embedding)
  select 1, 'chunk ' || g, (select array_agg(random()) from generate_series(1, 1536) i where g > 0)::vector from generate_series(1, 200) g;
insert into chunks_cache (content_hash, embedding) select 'h' || id, embedding from embeddings limit 20;
analyze";

/// A deployment that runs.
struct Deployment {
    postgres: Postgres,
    redis: Redis,
    twin: Twin,
    /// Its log, its ways to be broken, and the reports of its pipeline.
    scratch: Scratch,
    repository: Repository,
}

impl Deployment {
    /// A healthy one. `style` says in which legitimate ways the service differs from others.
    fn start(style: &str) -> Self {
        let postgres = Postgres::builder()
            .setting("maintenance_work_mem", "128MB")
            .start();
        let repository = Repository::from_tree("asemb");
        for file in ["001_init.sql", "002_indexes.sql"] {
            postgres.sql(&repository.read(&format!("migrations/{file}")));
        }
        postgres.sql(ROWS);
        let redis = Redis::builder()
            .config("maxmemory 64mb")
            .config("maxmemory-policy allkeys-lru")
            .start();
        lookups(&redis, 1500, 0);
        let scratch = Scratch::new("asemb");
        scratch.write("break", "");
        scratch.write("service.log", "");
        let twin = service(&postgres, &redis, &scratch, style);
        let deployment = Self {
            postgres,
            redis,
            twin,
            scratch,
            repository,
        };
        deployment.reports();
        deployment
    }

    /// Starts the service anew, in another style.
    fn restyle(&mut self, style: &str) {
        self.twin = service(&self.postgres, &self.redis, &self.scratch, style);
    }

    /// Breaks the service in these ways, separated by commas, and in no other.
    fn break_with(&self, words: &str) {
        fs::write(self.scratch.join("break"), words).unwrap();
    }

    /// Writes the reports of a green pipeline.
    fn reports(&self) {
        reports(self.scratch.path());
    }

    /// A token of the service, as it printed it at its start.
    fn token(&self, of: &str) -> String {
        let log = self.twin.log();
        let token = log.lines().find_map(|line| line.strip_prefix(of));
        format!("Bearer {}", token.unwrap().trim())
    }

    /// An audit of all of it.
    fn audit(&self) -> Audit {
        of_files(&self.repository, self.scratch.path())
            .set("base_url", self.twin.url(""))
            .set("database_url", self.postgres.superuser_url("postgres"))
            .set("redis_url", self.redis.url())
            .set("token", self.token("administrator"))
            .set("user_token", self.token("user"))
            .set(
                "log_file",
                self.scratch.join("service.log").display().to_string(),
            )
            .set("api_path", "/items")
            .set("search_path", "/search?q=a")
            .set("max_database_size", "1GiB")
            .env("JWT_SECRET", JWT_SECRET)
            .env("JWT_REFRESH_SECRET", JWT_REFRESH_SECRET)
    }

    /// The same without bursts and without files: for breaks of what runs.
    fn running(&self) -> Audit {
        BURSTS
            .iter()
            .chain(&FILES)
            .fold(self.audit(), |audit, kind| audit.skip(kind))
    }
}

/// The rows of a table in as few rounds as can be: those of a round turn different checks red, so that
/// each can be told from the others in one audit of all of them.
fn rounds<'a, T>(table: &'a [T], checks: impl Fn(&T) -> &'a [&'a str]) -> Vec<Vec<&'a T>> {
    let mut rounds: Vec<Vec<&T>> = Vec::new();
    for row in table {
        let apart = |other: &&T| !checks(other).iter().any(|id| checks(row).contains(id));
        match rounds.iter_mut().find(|round| round.iter().all(apart)) {
            Some(round) => round.push(row),
            None => rounds.push(vec![row]),
        }
    }
    rounds
}

/// Starts the service.
fn service(postgres: &Postgres, redis: &Redis, scratch: &Scratch, style: &str) -> Twin {
    let limit = if style.contains("limited") {
        "100"
    } else {
        "1000000"
    };
    Twin::node(
        "asemb",
        &[
            ("POSTGRES", postgres.superuser_url("postgres")),
            ("REDIS", redis.url()),
            ("JWT_SECRET", JWT_SECRET.to_owned()),
            ("LIMIT", limit.to_owned()),
            (
                "LOG_FILE",
                scratch.join("service.log").display().to_string(),
            ),
            ("BREAK_FILE", scratch.join("break").display().to_string()),
            ("STYLE", style.to_owned()),
        ],
    )
}

/// Counts so many lookups in Redis, and none besides.
fn lookups(redis: &Redis, hits: u32, misses: u32) {
    redis.cli(&["config", "resetstat"]);
    redis.cli(&["set", "warm", "1"]);
    for (key, times) in [("warm", hits), ("cold", misses)] {
        let script = format!("for i = 1, {times} do redis.call('get', '{key}') end");
        redis.cli(&["eval", &script, "0"]);
    }
}

/// Writes the reports of a green pipeline into a folder, and the record of a restore.
fn reports(folder: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/twins/asemb/reports");
    output(own_command(&program("cp"), folder).args([
        OsString::from("-R"),
        from.join(".").into(),
        folder.into(),
    ]));
    let restored = format!(
        r#"{{"time": "{}", "result": "ok"}}"#,
        jiff::Timestamp::now()
    );
    fs::write(folder.join("restore-test.json"), restored).unwrap();
}

/// An audit of a repository and of the reports in a folder.
fn of_files(repository: &Repository, reports: &Path) -> Audit {
    Audit::of("asemb")
        .set("repo", repository.shown())
        .set("reports", reports.display().to_string())
        .set(
            "restore_record",
            reports.join("restore-test.json").display().to_string(),
        )
}

#[test]
fn a_healthy_deployment_is_green() {
    let deployment = Deployment::start("limited");
    assert_healthy(&deployment.audit().run(), 67);
}

#[test]
fn every_item_has_a_break() {
    let broken: Vec<&str> = faults::items()
        .chain(repository::items())
        .chain(evidence::items())
        .collect();
    assert_all_items("asemb", &broken, &[]);
}
