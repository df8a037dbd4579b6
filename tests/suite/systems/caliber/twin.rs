//! A deployment of CALIBER: the service, its database with a stand-in for the extension, its
//! repository, the reports of its pipeline, its GitHub.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::service::{KEY, OLD_KEY, Service, TENANT, openapi};
use crate::support::origin::{Origin, Response};
use crate::support::pgtree::Tree;
use crate::support::postgres::Postgres;
use crate::support::process::{output, own_command};
use crate::support::prometheus::Prometheus;
use crate::support::scratch::Scratch;
use crate::systems::{Audit, Repository};

const PASSWORD: &str = "Str0ng-caliber-db-9fK2";
const SHA: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";

/// Stands in for `caliber_pg`, which only pgrx can build. Like the real one it needs pgvector, and
/// makes the schema when it is created; the setting `caliber.broken` makes that fail.
const EXTENSION: &str = "
do $$ begin
  if current_setting('caliber.broken', true) = 'on' then raise exception 'migration V8 failed'; end if;
  if not exists (select from pg_extension where extname = 'vector') then raise exception 'pgvector is required'; end if;
end $$;
create table caliber_schema_version (version integer primary key, applied_at timestamptz not null default now());
insert into caliber_schema_version (version) select generate_series(1, 8);
create table caliber_trajectory (trajectory_id uuid primary key, tenant_id uuid not null, name text not null);
create table caliber_artifact (artifact_id uuid primary key default gen_random_uuid(), tenant_id uuid not null, embedding vector(8));
create table caliber_note (note_id uuid primary key default gen_random_uuid(), tenant_id uuid not null, embedding vector(8));
create index caliber_artifact_embedding_idx on caliber_artifact using hnsw (embedding vector_cosine_ops);
create index caliber_note_embedding_idx on caliber_note using hnsw (embedding vector_cosine_ops);
";

/// The database server with the extension installed, and the database with both extensions.
pub(crate) fn database() -> Postgres {
    let tree = Tree::at_least(18).with_extension("caliber_pg", "0.5.0", EXTENSION);
    let server = Postgres::builder().tree(tree).start();
    server.create_role("caliber", PASSWORD, "");
    server.sql("create database caliber owner caliber");
    server.sql_in(
        "caliber",
        "create extension vector; create extension caliber_pg; grant select on all tables in schema public to caliber;
         insert into caliber_artifact (tenant_id, embedding) select gen_random_uuid(), array_fill(n / 64.0, array[8])::vector from generate_series(1, 64) n;
         insert into caliber_note (tenant_id, embedding) select tenant_id, embedding from caliber_artifact",
    );
    server.sql_in("caliber", "vacuum analyze");
    server
}

/// Files that stand beside the repository: reports, backups, the log, the host's pgrx, Vercel's
/// variables.
pub(crate) struct Files(Scratch);

impl Files {
    fn new() -> Self {
        let files = Self(Scratch::new("files"));
        for (path, content) in healthy_files() {
            files.write(path, &content);
        }
        files
    }

    /// The path of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same as text.
    pub(crate) fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes one.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        // They hold secrets: nobody else may read them.
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }

    /// Makes one look as old as this.
    pub(crate) fn age(&self, name: &str, age: Duration) {
        let file = File::options().write(true).open(self.path(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    /// As they were.
    pub(crate) fn heal(&self) {
        for (path, content) in healthy_files() {
            self.write(path, &content);
        }
    }
}

fn now() -> String {
    let now = jiff::Timestamp::now().as_second();
    jiff::Timestamp::from_second(now).unwrap().to_string()
}

fn sarif(tool: &str) -> String {
    json!({ "version": "2.1.0", "runs": [{ "tool": { "driver": { "name": tool, "rules": [{ "id": "r1" }] } },
        "invocations": [{ "executionSuccessful": true }], "results": [] }] })
    .to_string()
}

/// The same with one severe finding.
pub(crate) fn sarif_with_finding(tool: &str) -> String {
    let mut report: Value = serde_json::from_str(&sarif(tool)).unwrap();
    report["runs"][0]["results"] = json!([{ "ruleId": "r1", "level": "error", "message": { "text": "SQL injection" },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": "src/db.rs" }, "region": { "startLine": 7 } } }] }]);
    report.to_string()
}

fn healthy_files() -> Vec<(&'static str, String)> {
    let junit = |suite: &str| {
        format!(
            "<testsuites><testsuite name=\"{suite}\" tests=\"2\"><testcase classname=\"{suite}\" name=\"a\"/><testcase classname=\"{suite}\" name=\"b\"/></testsuite></testsuites>"
        )
    };
    let scorecard = json!({ "date": now(), "repo": { "name": "github.com/caliber-run/caliber", "commit": SHA },
        "scorecard": { "version": "v5.0.0" }, "score": 8.1, "checks": [{ "name": "Code-Review", "score": 8, "reason": "reviewed" }] });
    let line = |level: &str, message: &str| json!({ "timestamp": now(), "level": level, "fields": { "message": message }, "target": "caliber_api" });
    let log = [
        line("INFO", "Telemetry initialized"),
        line("WARN", "Slow query"),
        line("INFO", "Started"),
    ];
    let log: String = log.iter().map(|line| format!("{line}\n")).collect();
    let vercel = "CALIBER_DB_HOST=\"db.internal\"\nCALIBER_DB_PORT=\"5432\"\nCALIBER_DB_NAME=\"caliber\"\nCALIBER_DB_USER=\"caliber\"\n\
        CALIBER_DB_PASSWORD=\"x9Kd83mQpz71\"\nCALIBER_JWT_SECRET=\"b7Fq2LxV90sTzK4mWc8RyE1uHn6JpD3a\"\nCALIBER_API_KEYS=\"1f2e3d4c5b6a79880716253443526170\"\n\
        CALIBER_REQUIRE_TENANT_HEADER=\"true\"\nCALIBER_RATE_LIMIT_UNAUTHENTICATED=\"100\"\nCALIBER_RATE_LIMIT_AUTHENTICATED=\"1000\"\nCALIBER_RATE_LIMIT_BURST=\"10\"\n";
    vec![
        ("reports/junit.xml", junit("caliber_api")),
        ("reports/pgrx.xml", junit("caliber_pg")),
        ("reports/clippy.json", "{\"reason\":\"compiler-artifact\",\"package_id\":\"caliber-api 0.5.0\",\"target\":{\"name\":\"caliber-api\"},\"fresh\":false}\n{\"reason\":\"build-finished\",\"success\":true}\n".to_owned()),
        ("reports/gitleaks.json", "[]".to_owned()),
        ("reports/osv.json", json!({ "results": [] }).to_string()),
        ("reports/scorecard.json", scorecard.to_string()),
        ("reports/codeql.sarif", sarif("CodeQL")),
        ("reports/semgrep.sarif", sarif("Semgrep OSS")),
        ("restore.json", json!({ "time": now(), "result": "ok" }).to_string()),
        ("api.log", log),
        ("pgrx/config.toml", "[configs]\npg18 = \"/usr/lib/postgresql/18/bin/pg_config\"\n".to_owned()),
        ("preview.env", format!("{vercel}VERCEL_ENV=\"preview\"\n")),
        ("production.env", format!("{vercel}VERCEL_ENV=\"production\"\n")),
    ]
}

/// The repository: its files, the document that the service serves, and a build that is up to date.
pub(crate) fn repository() -> Repository {
    let repository = Repository::from_tree("caliber");
    let document = serde_json::to_string_pretty(&openapi()).unwrap();
    repository.write("openapi.json", &format!("{document}\n"));
    repository.commit("Generate the OpenAPI document");
    repository
}

/// Programs in front of `PATH`: the tool chain that compiled this suite, and a stand-in for
/// cargo-deny that knows banned crates.
pub(crate) fn programs() -> (Scratch, String) {
    const DENY: &str = "#!/bin/sh\n\
        for banned in $(sed -n 's/^deny = \\[\\(.*\\)\\]/\\1/p' deny.toml | tr -d '\",'); do\n\
        if grep -q \"^name = \\\"$banned\\\"\" Cargo.lock; then echo \"error[banned]: crate '$banned' is explicitly banned\" >&2; exit 2; fi\n\
        done\necho 'advisories ok, bans ok, licenses ok, sources ok'\n";
    let folder = Scratch::new("bin");
    let path = folder.write("cargo-deny", DENY);
    output(
        own_command(Path::new("/bin/chmod"), folder.path())
            .arg("755")
            .arg(path),
    );
    let tools = Path::new(env!("CARGO")).parent().unwrap();
    let rest = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{}:{rest}", folder.path().display(), tools.display());
    (folder, path)
}

/// A Prometheus that scrapes the service.
pub(crate) fn watched(service: &Service) -> Prometheus {
    let config = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs: [{{ job_name: caliber, static_configs: [{{ targets: [\"127.0.0.1:{}\"] }}] }}]\n",
        service.port()
    );
    let prometheus = Prometheus::start(&config, "groups: []\n");
    let counted = "/api/v1/query?query=count(rate(caliber_http_requests_total[1h]))";
    prometheus.await_state(counted, "\"value\"");
    prometheus
}

/// The answers of GitHub for the repository.
pub(crate) struct Hub(Origin);

impl Hub {
    pub(crate) fn start() -> Self {
        let hub = Self(Origin::start());
        hub.heal();
        hub.0.may_be_unused();
        hub
    }

    /// Answers a path with JSON.
    pub(crate) fn answer(&self, path: &str, body: Value) {
        self.0
            .route(&format!("/repos/caliber-run/caliber{path}"), move |_| {
                Response::json(200, &body)
            });
    }

    /// All is well.
    pub(crate) fn heal(&self) {
        self.answer("", json!({ "id": 1, "full_name": "caliber-run/caliber", "private": false, "default_branch": "main" }));
        self.answer(
            &format!("/commits/{SHA}/status"),
            json!({ "state": "pending", "sha": SHA, "total_count": 0, "statuses": [] }),
        );
        self.check_runs("success");
        self.answer(
            "/branches/main",
            json!({ "name": "main", "protected": true }),
        );
        self.required(&["build", "test"]);
        self.answer("/branches/main/protection", json!({}));
        self.environments(&["staging", "production"], 1);
        for environment in ["staging", "production"] {
            self.secrets(environment, &["FLY_API_TOKEN", "FLY_APP"]);
        }
        self.answer("/actions/workflows/openapi-docs.yml", json!({ "id": 9, "name": "OpenAPI documents", "path": ".github/workflows/openapi-docs.yml", "state": "active" }));
        self.documents_ran(20);
    }

    /// How the scans of the commit ended, the last one at least.
    pub(crate) fn check_runs(&self, last: &str) {
        let names = ["gitleaks", "osv-scanner", "scorecard", "codeql", "semgrep"];
        let runs: Vec<Value> = names
            .iter()
            .map(|&name| {
                let conclusion = if name == "semgrep" { last } else { "success" };
                json!({ "id": 4, "name": name, "head_sha": SHA, "status": "completed", "conclusion": conclusion, "started_at": now(), "completed_at": now(), "app": { "slug": "github-actions" } })
            })
            .collect();
        self.answer(
            &format!("/commits/{SHA}/check-runs"),
            json!({ "total_count": runs.len(), "check_runs": runs }),
        );
    }

    /// What must be green before a change gets in.
    pub(crate) fn required(&self, contexts: &[&str]) {
        let contexts: Vec<Value> = contexts
            .iter()
            .map(|name| json!({ "context": name }))
            .collect();
        self.answer("/rules/branches/main", json!([
            { "type": "deletion", "ruleset_id": 42 }, { "type": "non_fast_forward", "ruleset_id": 42 },
            { "type": "required_status_checks", "ruleset_id": 42, "parameters": { "strict_required_status_checks_policy": true, "required_status_checks": contexts } },
        ]));
    }

    /// Which environments there are, and by how many people a deployment must be approved.
    pub(crate) fn environments(&self, names: &[&str], reviewers: usize) {
        let reviewer = json!({ "type": "User", "reviewer": { "id": 1, "login": "release" } });
        let environments: Vec<Value> = names
            .iter()
            .map(|name| json!({ "id": 1, "name": name, "can_admins_bypass": false, "deployment_branch_policy": null,
                "protection_rules": [{ "id": 2, "type": "required_reviewers", "prevent_self_review": true, "reviewers": vec![reviewer.clone(); reviewers] }] }))
            .collect();
        self.answer(
            "/environments",
            json!({ "total_count": environments.len(), "environments": environments }),
        );
    }

    /// The secrets of an environment.
    pub(crate) fn secrets(&self, environment: &str, names: &[&str]) {
        let secrets: Vec<Value> = names
            .iter()
            .map(|name| json!({ "name": name, "created_at": now(), "updated_at": now() }))
            .collect();
        self.answer(
            &format!("/environments/{environment}/secrets"),
            json!({ "total_count": secrets.len(), "secrets": secrets }),
        );
    }

    /// When the documents were published last.
    pub(crate) fn documents_ran(&self, hours: i64) {
        let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
        let then = jiff::Timestamp::from_second(then.as_second())
            .unwrap()
            .to_string();
        self.answer("/actions/workflows/openapi-docs.yml/runs", json!({ "total_count": 1, "workflow_runs": [
            { "id": 31, "name": "OpenAPI documents", "run_number": 31, "run_attempt": 1, "event": "schedule", "status": "completed", "conclusion": "success", "head_sha": SHA, "head_branch": "main", "created_at": then, "run_started_at": then }] }));
    }

    /// An audit that also asks GitHub.
    pub(crate) fn audit(&self, audit: Audit) -> Audit {
        audit
            .set("github_repo", "caliber-run/caliber")
            .set("github_token", "ghp_canary0123456789canary0123456789")
            .set("github_api", self.0.url(""))
            .set("commit", SHA)
            .set("required_checks", "build,test")
            .set("sdk_workflow", "openapi-docs.yml")
    }
}

/// A deployment; the database and the repository only where a test looks at them.
pub(crate) struct Twin {
    pub(crate) service: Service,
    pub(crate) files: Files,
    pub(crate) database: Option<Postgres>,
    pub(crate) repository: Option<Repository>,
}

impl Twin {
    /// The service and files beside it.
    pub(crate) fn service() -> Self {
        Self {
            service: Service::start(None),
            files: Files::new(),
            database: None,
            repository: None,
        }
    }

    /// These and the repository.
    pub(crate) fn with_repository() -> Self {
        Self {
            repository: Some(repository()),
            ..Self::service()
        }
    }

    /// The service and its database.
    pub(crate) fn with_database() -> Self {
        let database = database();
        let url = database.url("caliber", PASSWORD, "caliber");
        Self {
            service: Service::start(Some(&url)),
            database: Some(database),
            ..Self::service()
        }
    }

    /// All of it.
    pub(crate) fn complete() -> Self {
        let twin = Self {
            repository: Some(repository()),
            ..Self::with_database()
        };
        let dump = twin.files.path("backups/caliber.dump");
        fs::create_dir_all(dump.parent().unwrap()).unwrap();
        twin.dump(&dump);
        twin
    }

    /// Writes a snapshot of the database.
    pub(crate) fn dump(&self, to: &Path) {
        let database = self.database.as_ref().unwrap();
        output(
            own_command(&database.pg_dump_path(), self.files.0.path())
                .args(["--format=custom", "--file"])
                .arg(to)
                .arg(database.superuser_url("caliber")),
        );
    }

    /// The audit of this deployment.
    pub(crate) fn audit(&self) -> Audit {
        let port = self.database.as_ref().map_or(1, Postgres::port);
        let files = |name: &str| self.files.shown(name);
        let mut audit = Audit::of("caliber")
            .set(
                "repo",
                self.repository
                    .as_ref()
                    .map(Repository::shown)
                    .unwrap_or_default(),
            )
            .set("base_url", self.service.url(""))
            .set(
                "ws_url",
                format!("ws://127.0.0.1:{}/api/v1/ws", self.service.port()),
            )
            .set("api_key", KEY)
            .set("old_api_key", OLD_KEY)
            .set("tenant", TENANT)
            .set("webhook_path", "/auth/workos/webhooks")
            .set("swagger_ui", "off")
            .set("release", "0.5.0")
            .set("db_tests", "true")
            .set("staging_app", "caliber-staging")
            .set("reports", files("reports"))
            .set("restore_record", files("restore.json"))
            .set("log_file", files("api.log"))
            .set("pgrx_home", files("pgrx"))
            .set("preview_env", files("preview.env"))
            .set("production_env", files("production.env"))
            .set("collector_url", self.service.url("/collector"))
            .set("traces_url", self.service.url("/backend/traces"))
            .set("log_drain_url", self.service.url("/"))
            .env("CALIBER_ENVIRONMENT", "production")
            .env(
                "CALIBER_JWT_SECRET",
                "Qm7vX2pL9sT4wK8zR3nB6yH1cJ5dF0gA7uE2iO4x",
            )
            .env(
                "CALIBER_API_KEYS",
                format!("{KEY},1a2b3c4d5e6f708192a3b4c5d6e7f809"),
            )
            .env("CALIBER_CORS_ORIGINS", "https://app.example.com")
            .env("CALIBER_RATE_LIMIT_ENABLED", "true")
            .env("CALIBER_REQUIRE_TENANT_HEADER", "true")
            .env("CALIBER_DB_HOST", "127.0.0.1")
            .env("CALIBER_DB_PORT", port.to_string())
            .env("CALIBER_DB_NAME", "caliber")
            .env("CALIBER_DB_USER", "caliber")
            .env("CALIBER_DB_PASSWORD", PASSWORD)
            .env("CALIBER_WORKOS_WEBHOOK_SECRET", "Zk81mQw0vT5rYp2LxNc7Hb3S")
            .env("RUST_LOG", "caliber_api=info,tower_http=info")
            .env(
                "SENTRY_DSN",
                "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/42",
            )
            .env("FLY_APP", "caliber-production");
        if let Some(database) = &self.database {
            audit = audit
                .set("monitor_url", database.superuser_url("caliber"))
                .set("admin_url", database.superuser_url("caliber"));
        }
        if self.files.path("backups").exists() {
            audit = audit.set("backups", files("backups"));
        }
        audit
    }
}
