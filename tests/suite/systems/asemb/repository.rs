//! Breaks of the repository: migrations, pipeline, deployment files, documents, environment.

use super::{of_files, reports, rounds};
use crate::support::scratch::Scratch;
use crate::systems::{Audit, Repository, assert_broken, assert_healthy};

/// A workflow, and documents that several items are about.
const CI: &str = ".github/workflows/ci.yml";
const COMPOSE: &str = "docker-compose.yml";
const OPERATIONS: &str = "docs/OPERATIONS.md";
const RUNBOOK: &str = "docs/runbooks/RUNBOOK.md";
const SLO: &str = "docs/SLO.md";
const UPGRADING: &str = "docs/UPGRADING.md";
const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";

/// Item, file, text, what stands there instead, the check that turns red.
const EDITS: &[(&str, &str, &str, &str, &[&str])] = &[
    (
        "ASE-D.1",
        COMPOSE,
        "pgvector/pgvector:pg17",
        "pgvector/pgvector",
        &["postgres-pinned"],
    ),
    (
        "ASE-D.1",
        COMPOSE,
        "pgvector/pgvector:pg17",
        "postgres:latest",
        &["postgres-pinned"],
    ),
    (
        "ASE-D.2",
        "migrations/001_init.sql",
        "CREATE TABLE chunks_cache",
        "-- CREATE TABLE chunks_cache\nCREATE TABLE chunks_other",
        &["migrations-reproduce[chunks_cache]"],
    ),
    (
        "ASE-S.1",
        "src/config.ts",
        "process.env.JWT_SECRET,",
        "process.env.JWT_SECRET || \"your-secret-key\",",
        &["no-default-secrets"],
    ),
    (
        "ASE-D.2",
        CI,
        "npm run migrate",
        "npm run lint # migrate",
        &["migrations-in-pipeline"],
    ),
    (
        "ASE-D.2",
        CI,
        "npm run migrate",
        "npm run migrate || true",
        &["migrations-in-pipeline"],
    ),
    (
        "ASE-D.3",
        "migrations/002_indexes.sql",
        "\n  USING hnsw",
        "\n  USING btree",
        &["indexes-in-migrations[chunks_cache]"],
    ),
    (
        "ASE-D.3",
        "migrations/002_indexes.sql",
        "CREATE INDEX embeddings_vector ON",
        "-- CREATE INDEX embeddings_vector ON",
        &["indexes-in-migrations[embeddings]"],
    ),
    (
        "ASE-D.4",
        OPERATIONS,
        "VACUUM (ANALYZE)",
        "the usual",
        &["vacuum-documented"],
    ),
    (
        "ASE-D.5",
        RUNBOOK,
        "## Recovery of the data",
        "## Data",
        &["recovery-runbook"],
    ),
    (
        "ASE-P.1",
        SLO,
        "| Search   | 300 ms | 1 s    |",
        "| Import | 1 s | 2 s |",
        &["slos-documented"],
    ),
    ("ASE-P.1", SLO, "P95", "P99", &["slos-documented"]),
    (
        "ASE-P.3",
        SLO,
        "120 executions per minute and worker",
        "as high as can be",
        &["workflow-targets"],
    ),
    (
        "ASE-P.3",
        SLO,
        "The bottleneck is",
        "Fast is",
        &["workflow-targets"],
    ),
    (
        "ASE-R.2",
        "package.json",
        "@opentelemetry/sdk-node",
        "chalk",
        &["traces"],
    ),
    (
        "ASE-R.2",
        "README.md",
        "The dashboards are at [Grafana](https://grafana.example.com/d/asemb), traces at
[Tempo](https://grafana.example.com/explore).",
        "There are dashboards.",
        &["dashboards-linked"],
    ),
    (
        "ASE-R.3",
        "monitoring/alerts.yml",
        "asemb_cache",
        "asemb_other",
        &["alerts-in-repository"],
    ),
    (
        "ASE-R.3",
        "monitoring/alerts.yml",
        "      - alert: EventLoopBusy\n        expr: nodejs_eventloop_lag_p99_seconds > 0.2\n",
        "",
        &["alerts-in-repository"],
    ),
    (
        "ASE-S.1",
        ".gitignore",
        ".env\n",
        "",
        &["environment-not-committed"],
    ),
    (
        "ASE-S.1",
        ".env.example",
        "JWT_REFRESH_SECRET=\n",
        "",
        &["env-example-maintained"],
    ),
    (
        "ASE-S.1",
        COMPOSE,
        "${JWT_SECRET:?}",
        "Zk3vQ9wLr8TfXc2mNb7HsJd5PgKyVaUe",
        &["repository-secrets"],
    ),
    (
        "ASE-S.4",
        CI,
        "npm audit --audit-level=critical",
        "npm ls",
        &["scan-in-pipeline"],
    ),
    (
        "ASE-S.4",
        CI,
        "npm audit --audit-level=critical",
        "npm audit || true",
        &["scan-in-pipeline"],
    ),
    (
        "ASE-S.4",
        CI,
        "npx @cyclonedx/cyclonedx-npm --output-file sbom.json",
        "npm ls",
        &["scan-in-pipeline"],
    ),
    (
        "ASE-T.3",
        CI,
        "npm test -- --coverage",
        "npm run lint",
        &["pipeline"],
    ),
    (
        "ASE-T.3",
        CI,
        "npm test -- --coverage",
        "npm test",
        &["pipeline"],
    ),
    (
        "ASE-T.3",
        CI,
        "npm test -- --coverage",
        "npm test -- --coverage || true",
        &["pipeline"],
    ),
    (
        "ASE-T.3",
        CI,
        "run: npm test -- --coverage",
        "run: npm test -- --coverage\n        continue-on-error: true",
        &["pipeline"],
    ),
    (
        "ASE-T.3",
        CI,
        "npm run build",
        "./scripts/build.sh",
        &["pipeline"],
    ),
    (
        "ASE-T.3",
        "jest.config.js",
        "  coverageThreshold: { global: { statements: 75 } },\n",
        "",
        &["coverage-gate"],
    ),
    (
        "ASE-N.1",
        ARCHITECTURE,
        "```mermaid",
        "```sh",
        &["architecture-documented"],
    ),
    (
        "ASE-N.1",
        ARCHITECTURE,
        "## Data flow",
        "## More",
        &["architecture-documented"],
    ),
    (
        "ASE-N.2",
        RUNBOOK,
        "# Runbook for incidents",
        "# Notes",
        &["runbook"],
    ),
    (
        "ASE-N.3",
        OPERATIONS,
        "Redis needs 2 GB for a day of searches.",
        "",
        &["capacity-documented"],
    ),
    (
        "ASE-N.3",
        OPERATIONS,
        "## Capacity",
        "## Numbers",
        &["capacity-documented"],
    ),
    (
        "ASE-N.4",
        UPGRADING,
        "## n8n",
        "## Others",
        &["upgrades-documented"],
    ),
    (
        "ASE-N.4",
        UPGRADING,
        "## PostgreSQL",
        "## Server",
        &["upgrades-documented"],
    ),
    (
        "ASE-N.4",
        UPGRADING,
        "## Embedding model",
        "## Model",
        &["upgrades-documented"],
    ),
];

/// Item, file that is missing, checks that turn red. The checklist itself stays, and says it all.
const MISSING: &[(&str, &str, &[&str])] = &[
    ("ASE-S.1", ".env.example", &["env-example"]),
    ("ASE-N.1", ARCHITECTURE, &["architecture-documented"]),
    ("ASE-N.2", RUNBOOK, &["recovery-runbook", "runbook"]),
    (
        "ASE-N.3",
        OPERATIONS,
        &["capacity-documented", "vacuum-documented"],
    ),
    ("ASE-N.4", UPGRADING, &["upgrades-documented"]),
    ("ASE-P.1", SLO, &["slos-documented", "workflow-targets"]),
    (
        "ASE-R.3",
        "monitoring/alerts.yml",
        &["alerts-in-repository"],
    ),
    ("ASE-T.3", "jest.config.js", &["coverage-gate"]),
];

/// The items that are broken here.
pub(super) fn items() -> impl Iterator<Item = &'static str> {
    let edits = EDITS.iter().map(|(item, ..)| *item);
    edits.chain(MISSING.iter().map(|(item, ..)| *item))
}

/// An audit of the repository alone.
pub(super) fn of(repository: &Repository, scratch: &Scratch) -> Audit {
    reports(scratch.path());
    of_files(repository, scratch.path())
        .only("kind:file")
        .only("kind:git")
}

/// Takes everything back.
fn restore(repository: &Repository) {
    repository.git(&["reset", "--quiet", "--hard"]);
    repository.git(&["clean", "--quiet", "--force", "-d", "-x"]);
}

#[test]
fn breaks_of_the_repository_are_noticed() {
    let repository = Repository::from_tree("asemb");
    let scratch = Scratch::new("asemb");
    let audit = of(&repository, &scratch);
    assert_healthy(&audit.run(), 26);
    for round in rounds(EDITS, |(.., checks)| checks) {
        let checks: Vec<&str> = round
            .iter()
            .flat_map(|(.., checks)| *checks)
            .copied()
            .collect();
        for (_, file, from, to, _) in round {
            repository.replace(file, from, to);
        }
        assert_broken(&audit.run(), &format!("{checks:?}"), &checks);
        restore(&repository);
    }
}

#[test]
fn default_secrets_are_told_from_other_defaults() {
    for (red, line) in [
        (true, "process.env.JWT_SECRET || 'your-secret-key'"),
        (true, "process.env['JWT_REFRESH_SECRET'] ?? \"refresh\""),
        (true, "env.SESSION_SECRET||`dev`"),
        (
            true,
            "z.object({ JWT_SECRET: z.string().min(8).default('changeme-now') })",
        ),
        (true, "getEnv('JWT_SECRET', 'default-secret')"),
        (false, "process.env.JWT_SECRET ?? ''"),
        (false, "process.env.JWT_SECRET || fail('JWT_SECRET')"),
        (false, "process.env.JWT_SECRET_TTL || '15m'"),
        (false, "required('JWT_SECRET', 'must be set')"),
        (false, "z.object({ JWT_SECRET: z.string().min(32) })"),
        (false, "process.env.LOG_LEVEL || 'info'"),
    ] {
        let scratch = Scratch::new("asemb");
        scratch.write("src/config.ts", format!("export const value = {line};\n"));
        let test = "process.env.JWT_SECRET = process.env.JWT_SECRET || 'test-secret';\n";
        scratch.write("src/__tests__/setup.ts", test);
        let audit = Audit::of("asemb").only("no-default-secrets");
        let run = audit
            .set("repo", scratch.path().display().to_string())
            .run();
        let verdict = run.verdict("no-default-secrets");
        assert_eq!(verdict, if red { "fail" } else { "pass" }, "{line}\n{run}");
    }
}

#[test]
fn what_is_missing_from_the_repository_is_noticed() {
    let repository = Repository::from_tree("asemb");
    let scratch = Scratch::new("asemb");
    let audit = of(&repository, &scratch);
    for round in rounds(MISSING, |(.., checks)| checks) {
        let checks: Vec<&str> = round
            .iter()
            .flat_map(|(.., checks)| *checks)
            .copied()
            .collect();
        for (_, file, _) in round {
            repository.git(&["rm", "--quiet", file]);
        }
        assert_broken(&audit.run(), &format!("{checks:?}"), &checks);
        restore(&repository);
    }
    repository.git(&["rm", "--quiet", "--cached", "-r", "migrations"]);
    repository.write(".env", "PORT=8083\n");
    repository.git(&["add", "--force", ".env"]);
    let red = ["environment-not-committed", "migrations-tracked"];
    assert_broken(&audit.run(), "ASE-D.2 not committed, ASE-S.1 .env", &red);
    restore(&repository);
    repository.git(&["mv", "migrations/001_init.sql", "migrations/init.sql"]);
    repository.git(&["mv", "migrations/002_indexes.sql", "migrations/indexes.sql"]);
    assert_broken(
        &audit.run(),
        "ASE-D.2 without numbers",
        &["migrations-versioned"],
    );
    restore(&repository);
    repository.git(&["rm", "--quiet", "-r", ".github"]);
    let red = ["migrations-in-pipeline", "pipeline", "scan-in-pipeline"];
    assert_broken(&audit.run(), "ASE-T.3 no pipeline", &red);
}
