//! What is around the service on disk: variables, repository, reports of the pipeline, the log.

use std::fs;

use super::{Named, PASSWORD, Row, SECRET_KEY, assert_rows, deployment, items_of};
use crate::support::scratch::Scratch;
use crate::systems::{Audit, Repository, assert_healthy};

/// Breaks of variables: the name, and its value or none.
struct Variable(&'static str, Option<&'static str>);

impl std::fmt::Display for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.0, self.1.unwrap_or("(not set)"))
    }
}

/// Breaks of variables.
const VARIABLES: &[Row<Variable>] = &[
    (
        &["CIM-S.1", "CIM-D.9", "CIM-E.1"],
        Variable("POSTGRES_PASSWORD", Some("postgres")),
        &[
            "database-credentials",
            "passwords-changed",
            "variables-required",
        ],
    ),
    (
        &["CIM-S.1", "CIM-D.9"],
        Variable("POSTGRES_PASSWORD", Some("cimeika")),
        &["database-credentials", "passwords-changed"],
    ),
    (
        &["CIM-S.1"],
        Variable("SECRET_KEY", Some("cimeika-and-short")),
        &["passwords-changed"],
    ),
    (
        &["CIM-S.1", "CIM-E.1"],
        Variable("SECRET_KEY", Some("changeme")),
        &["passwords-changed", "variables-required"],
    ),
    (
        &["CIM-S.1", "CIM-E.1"],
        Variable("SECRET_KEY", Some(PASSWORD)),
        &["passwords-changed", "variables-required"],
    ),
    (
        &["CIM-S.1"],
        Variable("REDIS_HOST", Some("redis.cimeika.internal")),
        &["passwords-changed"],
    ),
    (
        &["CIM-S.1"],
        Variable("REDIS_PASSWORD", Some("redis")),
        &["passwords-changed"],
    ),
    (
        &["CIM-S.2", "CIM-E.1"],
        Variable("ENVIRONMENT", Some("development")),
        &["environment-production", "variables-required"],
    ),
    (
        &["CIM-S.3"],
        Variable("DEBUG", Some("true")),
        &["debug-off"],
    ),
    (&["CIM-S.3"], Variable("DEBUG", None), &["debug-off"]),
    (
        &["CIM-S.3"],
        Variable("FASTAPI_RELOAD", Some("1")),
        &["debug-off"],
    ),
    (
        &["CIM-S.4", "CIM-E.1"],
        Variable("CORS_ORIGINS", Some("*")),
        &["cors-configured", "variables-required"],
    ),
    (
        &["CIM-E.1"],
        Variable(
            "CORS_ORIGINS",
            Some("https://app.cimeika.internal,http://localhost:5173"),
        ),
        &["variables-required"],
    ),
    (
        &["CIM-M.1"],
        Variable("SENTRY_DSN", Some("https://sentry.cimeika.internal/no-key")),
        &["sentry-configured", "variables-optional"],
    ),
    (
        &["CIM-M.1"],
        Variable("SENTRY_DSN", None),
        &["sentry-configured"],
    ),
    (
        &["CIM-M.4"],
        Variable("SENTRY_RELEASE", None),
        &["release-tracking"],
    ),
    (
        &["CIM-E.1"],
        Variable("CORS_ORIGINS", Some("https://app.example.com")),
        &["variables-required"],
    ),
    (
        &["CIM-E.1"],
        Variable("LOG_LEVEL", Some("DEBUG")),
        &["variables-required"],
    ),
    (
        &["CIM-E.1"],
        Variable("POSTGRES_HOST", None),
        &["variables-required"],
    ),
    (
        &["CIM-D.9"],
        Variable("POSTGRES_USER", Some("postgres")),
        &["database-credentials"],
    ),
    (
        &["CIM-E.2"],
        Variable("OPENAI_API_KEY", Some("not-a-key")),
        &["variables-optional"],
    ),
    (
        &["CIM-E.2"],
        Variable("ANTHROPIC_API_KEY", Some("sk-ant-short")),
        &["variables-optional"],
    ),
];

/// A break of the repository.
type Change = Named<fn(&Repository)>;

/// Breaks of the repository.
const REPOSITORY: &[Row<Change>] = &[
    (
        &["CIM-S.5"],
        Named {
            name: "a password stands in the code",
            make: |repository| {
                repository.write(
                    "backend/app/db.py",
                    &format!(
                        "URL = \"postgresql://cimeika:{PASSWORD}@db.cimeika.internal/cimeika\"\n"
                    ),
                );
                repository.commit("connect");
            },
        },
        &["repository-secrets"],
    ),
    (
        &["CIM-S.5"],
        Named {
            name: "an environment file is committed",
            make: |repository| {
                repository.write("backend/.env.production", "ENVIRONMENT=production\n");
                repository.git(&["add", "--force", "backend/.env.production"]);
                repository.commit("settings");
            },
        },
        &["repository-env-files"],
    ),
    (
        &["CIM-S.5"],
        Named {
            name: "environment files are not ignored",
            make: |repository| repository.replace(".gitignore", ".env.*\n", ""),
        },
        &["repository-env-ignored"],
    ),
    (
        &["CIM-S.5"],
        Named {
            name: "a dump is committed",
            make: |repository| {
                repository.write("backend/dump.sql", "--\n-- PostgreSQL database dump\n--\n\nCOPY public.x (id) FROM stdin;\n1\n\\.\n");
                repository.commit("data");
            },
        },
        &["repository-data"],
    ),
    (
        &["CIM-S.18"],
        Named {
            name: "the lock file is not committed",
            make: |repository| {
                repository.git(&["rm", "--quiet", "--cached", "frontend/package-lock.json"]);
                repository.write(".git/info/exclude", "package-lock.json\n");
                repository.commit("no lock");
            },
        },
        &["repository-required"],
    ),
    (
        &["CIM-S.17"],
        Named {
            name: "a version is open",
            make: |repository| {
                repository.replace(
                    "backend/requirements.txt",
                    "fastapi==0.115.12",
                    "fastapi>=0.115",
                );
            },
        },
        &["dependencies-pinned"],
    ),
    (
        &["CIM-S.17"],
        Named {
            name: "the lock file is out of step",
            make: |repository| {
                repository.replace(
                    "frontend/package.json",
                    "\"react\": \"^18.3.1\"",
                    "\"react\": \"^19.0.0\"",
                );
            },
        },
        &["dependencies-pinned"],
    ),
    (
        &["CIM-M.11"],
        Named {
            name: "nothing asks for the health of the backend",
            make: |repository| {
                repository.replace(
                    "docker-compose.yml",
                    "http://127.0.0.1:8000/ready",
                    "http://127.0.0.1:8000/",
                );
            },
        },
        &["health-probed"],
    ),
    (
        &["CIM-D.11"],
        Named {
            name: "the tests cannot fail",
            make: |repository| {
                repository.replace(".github/workflows/ci.yml", "make test", "make test || true");
            },
        },
        &["ci-can-fail"],
    ),
    (
        &["CIM-D.11"],
        Named {
            name: "no test is run",
            make: |repository| repository.replace(".github/workflows/ci.yml", "make test", "make"),
        },
        &["ci-can-fail"],
    ),
    (
        &["CIM-C.1"],
        Named {
            name: "a link of the README is dead",
            make: |repository| {
                repository.replace("README.md", "docs/DEPLOYMENT.md", "docs/DEPLOY.md");
            },
        },
        &["readme"],
    ),
    (
        &["CIM-C.1"],
        Named {
            name: "the README is a stub",
            make: |repository| repository.write("README.md", "# CIMEIKA\n\nTODO\n"),
        },
        &["readme"],
    ),
    (
        &["CIM-C.4"],
        Named {
            name: "troubleshooting is only on the checklist",
            make: |repository| {
                repository.replace("docs/RUNBOOK.md", "## Common issues", "## What is known");
            },
        },
        &["troubleshooting"],
    ),
    (
        &["CIM-C.5"],
        Named {
            name: "no architecture",
            make: |repository| {
                repository.write("docs/ARCHITECTURE.md", "# Architecture\n\nTo be written.\n");
            },
        },
        &["architecture"],
    ),
    (
        &["CIM-C.6"],
        Named {
            name: "deployment is only on the checklist",
            make: |repository| repository.write("docs/DEPLOYMENT.md", "# Deployment\n\nTBD\n"),
        },
        &["deployment-documented"],
    ),
    (
        &["CIM-C.7"],
        Named {
            name: "no runbook",
            make: |repository| {
                repository.replace("docs/RUNBOOK.md", "# Runbook", "# Notes");
            },
        },
        &["runbook"],
    ),
    (
        &["CIM-C.8", "CIM-B.5"],
        Named {
            name: "recovery is only on the checklist",
            make: |repository| {
                repository.write(
                    "docs/RECOVERY.md",
                    "# Dumps\n\nThey are made every night.\n",
                );
            },
        },
        &["recovery"],
    ),
    (
        &["CIM-C.11"],
        Named {
            name: "a variable is read and documented nowhere",
            make: |repository| {
                repository.write(
                    "backend/app/cache.py",
                    "import os\n\nSIZE = os.getenv(\"CACHE_SIZE\", \"10\")\n",
                );
            },
        },
        &["variables-documented"],
    ),
    (
        &["CIM-C.11"],
        Named {
            name: "the example is not there",
            make: |repository| repository.remove(".env.example"),
        },
        &["variables-documented"],
    ),
];

/// A break of a report: the file, what stands in it, what stands there instead.
struct Edit(&'static str, &'static str, &'static str);

impl std::fmt::Display for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} becomes {}", self.0, self.1, self.2)
    }
}

/// A vulnerability as npm names it.
const ADVISORY: &str = "\"vulnerabilities\": {\"vite\": {\"name\": \"vite\", \"severity\": \"high\", \"isDirect\": true, \"via\": [{\"source\": 1, \"name\": \"vite\", \"title\": \"Reads any file\", \"url\": \"https://github.com/advisories/GHSA-aaaa-bbbb-cccc\", \"severity\": \"high\", \"range\": \"<7\"}], \"effects\": [], \"range\": \"<7\", \"nodes\": [\"node_modules/vite\"], \"fixAvailable\": true}}, \"metadata\"";

/// Breaks of reports.
const REPORTS: &[Row<Edit>] = &[
    (
        &["CIM-T.1", "CIM-T.2"],
        Edit(
            "junit.xml",
            "name=\"test_story_is_kept\" time=\"0.7\"/>",
            "name=\"test_story_is_kept\"><failure message=\"gone\"/></testcase>",
        ),
        &["tests-integration", "tests-pass"],
    ),
    (
        &["CIM-T.1"],
        Edit(
            "junit.xml",
            "name=\"test_defaults\" time=\"0.01\"/>",
            "name=\"test_defaults\"><error message=\"boom\"/></testcase>",
        ),
        &["tests-pass"],
    ),
    (
        &["CIM-T.2"],
        Edit("junit.xml", "tests.integration.", "tests.unit."),
        &["tests-integration"],
    ),
    (
        &["CIM-T.3"],
        Edit("junit.xml", "test_security", "test_other"),
        &["tests-security"],
    ),
    (
        &["CIM-T.4"],
        Edit("junit.xml", "test_health", "test_other"),
        &["tests-health"],
    ),
    (
        &["CIM-T.5"],
        Edit("junit.xml", "test_modules", "test_other"),
        &["tests-modules"],
    ),
    (
        &["CIM-T.6"],
        Edit("junit.xml", "test_monitoring", "test_other"),
        &["tests-monitoring"],
    ),
    (
        &[
            "CIM-T.1", "CIM-T.2", "CIM-T.3", "CIM-T.4", "CIM-T.5", "CIM-T.6",
        ],
        Edit("junit.xml", "</testsuite></testsuites>", ""),
        &[
            "tests-health",
            "tests-integration",
            "tests-modules",
            "tests-monitoring",
            "tests-pass",
            "tests-security",
        ],
    ),
    (
        &["CIM-T.7"],
        Edit("coverage.xml", "hits=\"1\"", "hits=\"0\""),
        &["coverage-lines"],
    ),
    (
        &["CIM-S.15", "CIM-S.16"],
        Edit(
            "pip-audit.json",
            "\"vulns\": []}, {",
            "\"vulns\": [{\"id\": \"PYSEC-2099-1\", \"fix_versions\": [\"1.0\"], \"aliases\": [], \"description\": \"bad\"}]}, {",
        ),
        &["scan-python"],
    ),
    (
        &["CIM-S.15"],
        Edit("pip-audit.json", "\"fixes\": []}", ""),
        &["scan-python"],
    ),
    (
        &["CIM-S.16"],
        Edit(
            "npm-audit.json",
            "\"vulnerabilities\": {}, \"metadata\"",
            ADVISORY,
        ),
        &["scan-node"],
    ),
    (
        &["CIM-T.13"],
        Edit("load-test.json", "\"p(95)\": 120.0", "\"p(95)\": 720.0"),
        &["load-test"],
    ),
    (
        &["CIM-T.13"],
        Edit(
            "load-test.json",
            "\"value\": 0.001, \"passes\": 6",
            "\"value\": 0.1, \"passes\": 600",
        ),
        &["load-test"],
    ),
];

/// What is added to a healthy log.
const LINES: &[Row<&str>] = &[
    (
        &["CIM-M.5"],
        "Started reloader process [7] using StatReload",
        &["logs-structured"],
    ),
    (
        &["CIM-M.8"],
        r#"{"timestamp":"NOW","level":"INFO","message":"login","authorization":"Bearer eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoid3JpdGVyIn0.c2lnbmF0dXJlc2lnbmF0dXJlc2ln"}"#,
        &["logs-no-secrets"],
    ),
    (
        &["CIM-M.8"],
        r#"{"timestamp":"NOW","level":"INFO","message":"welcome olena.k@mail.ukr.net"}"#,
        &["logs-no-secrets"],
    ),
    (
        &["CIM-O.6"],
        r#"{"timestamp":"NOW","level":"ERROR","message":"Traceback (most recent call last): KeyError"}"#,
        &["logs-few-errors"],
    ),
];

/// Items that are broken here.
pub(super) fn items() -> Vec<&'static str> {
    [
        items_of(VARIABLES),
        items_of(REPOSITORY),
        items_of(REPORTS),
        items_of(LINES),
        items_of(MANY_ERRORS),
    ]
    .concat()
}

#[test]
fn broken_variables_are_red() {
    let audit = deployment().only("kind:env");
    assert_healthy(&audit.run(), 8);
    for (name, value) in [
        (
            "CORS_ORIGINS",
            "https://app.cimeika.internal,https://www.cimeika.internal",
        ),
        ("CORS_ORIGINS", "[\"https://app.cimeika.internal\"]"),
        ("DEBUG", "False"),
        ("DEBUG", "0"),
        ("LOG_LEVEL", "error"),
        ("REDIS_PASSWORD", "mC5vZq8Rt2Ks9Lw4Xd"),
        ("OPENAI_API_KEY", "sk-proj-abcdEFGH1234ijklMNOP5678"),
        (
            "SENTRY_DSN",
            "https://0123456789abcdef0123456789abcdef@sentry.cimeika.internal/7",
        ),
    ] {
        assert_healthy(&audit.clone().env(name, value).run(), 8);
    }
    let commit = audit
        .clone()
        .unset("SENTRY_RELEASE")
        .env("GIT_COMMIT", SECRET_KEY);
    assert_healthy(&commit.run(), 8);
    assert_rows(VARIABLES, |Variable(name, value)| {
        let audit = audit.clone();
        match value {
            Some(value) => audit.env(name, *value).run(),
            None => audit.unset(name).run(),
        }
    });
}

/// How a repository is audited.
fn of_repository(repository: &Repository) -> Audit {
    deployment()
        .set("repo", repository.shown())
        .only("kind:git,kind:file")
}

#[test]
fn broken_repositories_are_red() {
    let healthy = Repository::from_tree("cimeika");
    assert_healthy(&of_repository(&healthy).run(), 16);
    // Others keep their documents elsewhere, and deploy with other tools.
    healthy.git(&["mv", "docs/RUNBOOK.md", "RUNBOOK.md"]);
    healthy.replace("README.md", "docs/RUNBOOK.md", "RUNBOOK.md");
    healthy.remove("docker-compose.yml");
    healthy.write(
        "fly.toml",
        "app = \"cimeika\"\n\n[http_service]\ninternal_port = 8000\n\n[[http_service.checks]]\npath = \"/ready\"\n",
    );
    healthy.replace(
        "backend/requirements.txt",
        "fastapi==0.115.12",
        "fastapi == 0.115.12  # why",
    );
    healthy.replace(
        ".github/workflows/ci.yml",
        "make test",
        "cd backend && pytest -q",
    );
    healthy.commit("another way");
    assert_healthy(&of_repository(&healthy).run(), 16);
    assert_rows(REPOSITORY, |row| {
        let repository = Repository::from_tree("cimeika");
        (row.make)(&repository);
        of_repository(&repository).run()
    });
    let old = Repository::from_tree("cimeika");
    let run = of_repository(&old)
        .set("repo", old.path().join("gone").display().to_string())
        .run();
    for check in run.checks() {
        assert_eq!(check["verdict"], "error", "{check}\n{run}");
    }
}

/// A folder with the reports of a healthy pipeline.
fn reports() -> Scratch {
    let scratch = Scratch::new("reports");
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/twins/cimeika/reports");
    let now = jiff::Timestamp::now().as_millisecond().to_string();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap().replace("{now}", &now);
        scratch.write(path.file_name().unwrap().to_str().unwrap(), text);
    }
    scratch
}

/// How reports are audited.
fn of_reports(reports: &Scratch) -> Audit {
    deployment()
        .set("reports", reports.path().display().to_string())
        .only("kind:report")
}

#[test]
fn broken_reports_are_red() {
    let healthy = reports();
    assert_healthy(&of_reports(&healthy).run(), 10);
    assert_rows(REPORTS, |Edit(file, from, to)| {
        let reports = reports();
        let text = fs::read_to_string(reports.join(file)).unwrap();
        assert!(text.contains(from), "{file} does not hold {from}");
        reports.write(file, text.replace(from, to));
        of_reports(&reports).run()
    });
    // No report is no green.
    let empty = Scratch::new("reports");
    let run = of_reports(&empty).run();
    for check in run.checks() {
        assert!(check["verdict"] != "pass", "{check}\n{run}");
    }
}

/// The break of a log whose lines are well-formed.
const MANY_ERRORS: &[Row<&str>] = &[(
    &["CIM-O.6"],
    "every second line is an error",
    &["logs-few-errors"],
)];

#[test]
fn broken_logs_are_red() {
    let scratch = Scratch::new("logs");
    let now = jiff::Timestamp::now().to_string();
    let line = |level: &str| {
        format!(
            "{{\"timestamp\":\"{now}\",\"level\":\"{level}\",\"message\":\"GET /health 200\"}}\n"
        )
    };
    let healthy = line("INFO").repeat(30) + &line("WARNING") + &line("ERROR");
    let audit = |text: &str| {
        let path = scratch.write("app.log", text);
        deployment()
            .set("log_file", path.display().to_string())
            .only("kind:logs")
            .run()
    };
    assert_healthy(&audit(&healthy), 3);
    // structlog names its fields otherwise.
    let other = healthy
        .replace("\"message\"", "\"event\"")
        .replace("\"INFO\"", "\"info\"");
    assert_healthy(&audit(&other), 3);
    assert_rows(LINES, |added| {
        audit(&format!("{healthy}{}\n", added.replace("NOW", &now)))
    });
    assert_rows(MANY_ERRORS, |_| {
        audit(&(line("INFO") + &line("ERROR")).repeat(10))
    });
}
