//! CIMEIKA: FastAPI behind a rate limiter, PostgreSQL, pages of a frontend, and what is around them.

mod database;
mod latency;
mod outside;
mod pages;
mod service;
mod surroundings;

use std::fs;

use crate::support::cli::Run;
use crate::support::postgres::{Postgres, postgres_url};
use crate::support::scratch::Scratch;
use crate::support::twin::Twin;
use crate::systems::{Audit, assert_all_items, assert_broken, assert_healthy};

/// What the service signs tokens with.
const JWT_KEY: &str = "7f2c9a41d8e35b60c4f19e7a2d8b3f60";
/// The secret of the deployment.
const SECRET_KEY: &str = "9c41e7d2a85f3b60c7f19e7a2d8b3f6041d8e35b60c4f19e7a2d8b3f60a1b2c3";
/// The password of the application's role.
const PASSWORD: &str = "Vq8mT2kXw9RzLb4nGd7c";
/// The password of the role that watches.
const WATCHER: &str = "Hn3tP7cYd5WsKf6jQx2v";
/// The origin of the frontend.
const ORIGIN: &str = "https://app.cimeika.internal";
/// The tables of the modules.
const TABLES: [&str; 7] = [
    "ci_entities",
    "kazkar_stories",
    "podija_events",
    "nastrij_emotions",
    "malya_ideas",
    "gallery_items",
    "calendar_entries",
];

/// One way to be broken: the items it concerns, what is done, and the checks that turn red.
pub(super) type Row<T> = (&'static [&'static str], T, &'static [&'static str]);

/// The variables of a healthy deployment.
fn deployment() -> Audit {
    Audit::of("cimeika")
        .set("repo", "")
        .env("ENVIRONMENT", "production")
        .env("DEBUG", "false")
        .env("LOG_LEVEL", "WARNING")
        .env("SECRET_KEY", SECRET_KEY)
        .env("CORS_ORIGINS", ORIGIN)
        .env("POSTGRES_HOST", "db.cimeika.internal")
        .env("POSTGRES_DB", "cimeika")
        .env("POSTGRES_USER", "cimeika")
        .env("POSTGRES_PASSWORD", PASSWORD)
        .env(
            "SENTRY_DSN",
            "https://0123456789abcdef0123456789abcdef@sentry.internal/42",
        )
        .env("SENTRY_RELEASE", "1.2.0")
}

/// The deployment's database: its tables, migrations and roles.
fn database() -> Postgres {
    let postgres = Postgres::builder()
        .tls()
        .preload("pg_stat_statements")
        .setting("max_connections", "30")
        .setting("log_min_duration_statement", "500ms")
        .setting("log_lock_waits", "on")
        .setting("track_io_timing", "on")
        .start();
    postgres.create_role("cimeika", PASSWORD, "");
    postgres.create_role("watcher", WATCHER, "in role pg_monitor");
    postgres.sql("create database cimeika owner cimeika");
    let mut sql = String::from(
        "create extension pg_stat_statements; set role cimeika;\
         create table alembic_version (version_num varchar(32) primary key);\
         insert into alembic_version values ('0002_calendar');",
    );
    for table in TABLES {
        sql.push_str(&format!(
            "create table {table} (id bigserial primary key, title text);"
        ));
    }
    postgres.sql_in("cimeika", &sql);
    // Statements are judged when they ran often enough.
    for _ in 0..25 {
        postgres.sql_in("cimeika", "select count(*) from kazkar_stories");
    }
    postgres
}

/// The DSN of a role, with TLS as it should be.
fn dsn(postgres: &Postgres, user: &str, password: &str) -> String {
    let url = postgres_url("localhost", postgres.port(), user, password, "cimeika");
    let authority = postgres.ca_path().display();
    format!("{url}?sslmode=verify-full&sslrootcert={authority}")
}

/// The service with its database; one process serves every way to be healthy or broken.
struct Service {
    postgres: Postgres,
    twin: Twin,
    /// Holds the settings and the log.
    scratch: Scratch,
}

impl Service {
    /// Starts both.
    fn start() -> Self {
        let postgres = database();
        let scratch = Scratch::new("cimeika");
        let settings = scratch.join("settings");
        fs::write(&settings, "").unwrap();
        let twin = Twin::python(
            "cimeika",
            &[
                ("SETTINGS", settings.display().to_string()),
                ("JWT_KEY", JWT_KEY.to_owned()),
            ],
        );
        let service = Self {
            postgres,
            twin,
            scratch,
        };
        // A log that is not there yet is not known to be well.
        let started = format!(
            "{{\"timestamp\":\"{}\",\"level\":\"INFO\",\"message\":\"started\"}}\n",
            jiff::Timestamp::now()
        );
        fs::write(service.log_file(), started).unwrap();
        service.be("", "");
        service
    }

    /// Makes it healthy in this way, and broken in that.
    fn be(&self, like: &str, broken: &str) {
        self.be_with(like, broken, "");
    }

    /// The same with more settings.
    fn be_with(&self, like: &str, broken: &str, more: &str) {
        // Without TLS: what is judged is the DSN that the audit is given.
        let dsn = postgres_url(
            "127.0.0.1",
            self.postgres.port(),
            "cimeika",
            PASSWORD,
            "cimeika",
        );
        let log = self.log_file();
        fs::write(
            self.scratch.join("settings"),
            format!(
                "LIKE={like}\nBREAK={broken}\nPOSTGRES_DSN={dsn}\nCORS_ORIGINS={ORIGIN}\nLOG_FILE={log}\n{more}\n"
            ),
        )
        .unwrap();
    }

    /// Its log.
    fn log_file(&self) -> String {
        self.scratch.join("log").display().to_string()
    }

    /// The token of a user who may not write.
    fn reader_token(&self) -> String {
        let log = self.twin.log();
        let (_, rest) = log.split_once("a reader's token: ").expect(&log);
        rest.lines().next().unwrap().to_owned()
    }

    /// How the service is audited, everything of it that has an input.
    fn audit(&self) -> Audit {
        deployment()
            .set("base_url", self.twin.url(""))
            .set("origins", ORIGIN)
            .set("database_url", dsn(&self.postgres, "cimeika", PASSWORD))
            .set("monitor_url", dsn(&self.postgres, "watcher", WATCHER))
            .set("login_path", "/api/v1/auth/login")
            .set("session_cookie_name", "cimeika_session")
            .set("session_cookie", "of-a-user")
            .set("reader_token", self.reader_token())
            .set("sentry_dsn", "")
            .set("log_file", self.log_file())
            .set("api_host", "127.0.0.1")
            .set("rollout", "3s")
            .set("api_rate", "20")
            .set("steady_rate", "10")
            .set("memory_requests", "60")
            // It asks name servers, which know nothing of an address.
            .skip("dns-addresses")
    }
}

/// Runs a table: each row breaks a healthy deployment in one way.
fn assert_rows<T: std::fmt::Display>(rows: &[Row<T>], mut broken: impl FnMut(&T) -> Run) {
    for (items, how, red) in rows {
        let run = broken(how);
        assert_broken(&run, &format!("{how} ({})", items.join(", ")), red);
    }
}

/// A row whose break is a closure, with a name.
struct Named<F> {
    name: &'static str,
    make: F,
}

impl<F> std::fmt::Display for Named<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What sign-offs are for besides the statement of an item that a probe judges, too, is not broken here.
#[test]
fn every_automated_item_has_a_break() {
    let mut broken: Vec<&str> = Vec::new();
    broken.extend(service::items());
    broken.extend(latency::items());
    broken.extend(database::items());
    broken.extend(surroundings::items());
    broken.extend(outside::items());
    broken.extend(pages::items());
    broken.sort_unstable();
    broken.dedup();
    assert_all_items("cimeika", &broken, &[]);
}

/// Items of a table.
fn items_of<T>(rows: &[Row<T>]) -> Vec<&'static str> {
    rows.iter()
        .flat_map(|(items, _, _)| items.iter().copied())
        .collect()
}

/// Nobody has signed: every sign-off is red, and nothing else.
#[test]
fn unsigned_items_are_red() {
    let audit = deployment()
        .only("keys-rotated")
        .only("first-week")
        .only("environment-production");
    assert_healthy(&audit.run(), 3);
    let run = audit.unsigned("keys-rotated").run();
    assert_broken(&run, "CIM-S.6", &["keys-rotated"]);
}
