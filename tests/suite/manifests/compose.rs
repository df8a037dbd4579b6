//! Compose files.

use super::{assert_change, borrowed, changed, look};
use crate::support::verdicts::{assert_green, assert_red};

const SECTION: &str = "compose:
  files: [docker-compose.yml, docker-compose.prod.yml]
  healthcheck: true
  restart: true
  limits: true
  min_workers: 2
  published: [api]
  required: [DATABASE_URL]
  migrations: alembic upgrade";

const BASE: &str = "x-limits: &limits
  deploy: { resources: { limits: { cpus: '1', memory: 512M } } }
services:
  api:
    <<: *limits
    build: ./backend
    command: uvicorn app:app --reload
    environment:
      - DATABASE_URL=${DATABASE_URL:?the database}
      - JWT_SECRET=${JWT_SECRET}
    volumes:
      - ./backend:/app
      - data:/data
    ports: ['8000:8000']
    depends_on:
      migrate: { condition: service_completed_successfully }
    healthcheck: { test: [CMD, curl, -f, http://localhost:8000/ready] }
    restart: unless-stopped
  migrate:
    <<: *limits
    build: ./backend
    command: alembic upgrade head
  db:
    <<: *limits
    image: pgvector/pgvector:pg16
    ports: ['5432:5432']
    volumes: [ './initdb:/docker-entrypoint-initdb.d:ro' ]
    healthcheck: { test: pg_isready }
    restart: always
volumes: { data: }
";

const PROD: &str = "services:
  api:
    command: [uvicorn, 'app:app', --workers, '4']
    volumes: !override [ 'data:/data' ]
  db:
    ports: !override [ '127.0.0.1:5432:5432' ]
";

const FILES: &[(&str, &str)] = &[
    ("docker-compose.yml", BASE),
    ("docker-compose.prod.yml", PROD),
    ("backend/Dockerfile", "FROM python:3.12-slim\nUSER app\n"),
    ("backend/app.py", "app = None\n"),
    ("initdb/one.sql", "select 1;\n"),
];

#[test]
fn compose_a_model_for_production_is_green() {
    let run = look(SECTION, FILES);
    assert_green(&run);
}

#[test]
fn compose_51_an_empty_list_removes_no_mount() {
    for (to, red) in [
        ("volumes: []", true),
        ("volumes: !override []", false),
        ("volumes: !reset []", false),
        ("volumes: [ 'other:/app' ]", false),
        ("volumes: [ 'other:/other' ]", true),
    ] {
        let files = changed(
            FILES,
            "docker-compose.prod.yml",
            "volumes: !override [ 'data:/data' ]",
            to,
        );
        let run = look(SECTION, &borrowed(&files));
        if red {
            assert_red(&run, "it", "COMPOSE-51");
            assert_eq!(run.codes("it"), ["COMPOSE-51"], "{run}");
        } else {
            assert_green(&run);
        }
    }
}

#[test]
fn compose_52_a_port_of_the_database_is_open() {
    let prod = "docker-compose.prod.yml";
    assert_change(
        SECTION,
        FILES,
        (
            prod,
            "ports: !override [ '127.0.0.1:5432:5432' ]",
            "ports: []",
        ),
        "COMPOSE-52",
    );
    assert_change(
        SECTION,
        FILES,
        (
            prod,
            "ports: !override [ '127.0.0.1:5432:5432' ]",
            "ports: ['127.0.0.1:5432:5432']",
        ),
        "COMPOSE-52",
    );
    assert_change(
        SECTION,
        FILES,
        (
            prod,
            "'127.0.0.1:5432:5432'",
            "{ target: 5432, published: 5432 }",
        ),
        "COMPOSE-52",
    );
    let files = changed(
        FILES,
        prod,
        "'127.0.0.1:5432:5432'",
        "'${BIND:-127.0.0.1}:5432:5432'",
    );
    assert_green(&look(SECTION, &borrowed(&files)));
    assert_change(
        SECTION,
        FILES,
        (
            prod,
            "'127.0.0.1:5432:5432'",
            "'${BIND:-0.0.0.0}:5432:5432'",
        ),
        "COMPOSE-52",
    );
    // Without a list only databases and the like are judged.
    let plain = "compose: { files: [docker-compose.yml, docker-compose.prod.yml] }";
    assert_green(&look(plain, FILES));
    assert_change(
        plain,
        FILES,
        (prod, "!override [ '127.0.0.1:5432:5432' ]", "[]"),
        "COMPOSE-52",
    );
}

#[test]
fn compose_53_an_image_that_moves() {
    let base = "docker-compose.yml";
    for to in [
        "pgvector/pgvector",
        "pgvector/pgvector:latest",
        "'pgvector/pgvector:${TAG:-latest}'",
    ] {
        assert_change(
            SECTION,
            FILES,
            (base, "pgvector/pgvector:pg16", to),
            "COMPOSE-53",
        );
    }
    let mut files = changed(
        FILES,
        base,
        "pgvector/pgvector:pg16",
        "'pgvector/pgvector:${TAG:-latest}'",
    );
    files.push((".env", "TAG=pg17\n".into()));
    assert_green(&look(SECTION, &borrowed(&files)));
    let digest = SECTION.to_owned() + "\n  pinned: digest";
    assert_red(&look(&digest, FILES), "it", "COMPOSE-53");
}

#[test]
fn compose_54_55_56_operation() {
    let base = "docker-compose.yml";
    assert_change(
        SECTION,
        FILES,
        (
            base,
            "healthcheck: { test: pg_isready }",
            "healthcheck: { test: pg_isready, disable: true }",
        ),
        "COMPOSE-54",
    );
    assert_change(
        SECTION,
        FILES,
        (base, "    healthcheck: { test: pg_isready }\n", ""),
        "COMPOSE-54",
    );
    assert_change(
        SECTION,
        FILES,
        (base, "    restart: always\n", "    restart: 'no'\n"),
        "COMPOSE-55",
    );
    assert_change(SECTION, FILES, (base, ", memory: 512M", ""), "COMPOSE-56");
}

#[test]
fn compose_57_a_secret_that_is_written_down() {
    let base = "docker-compose.yml";
    for to in [
        "JWT_SECRET=Zk4pQ9vXw2Lm7c",
        "JWT_SECRET=${JWT_SECRET:-Zk4pQ9vXw2Lm7c}",
    ] {
        assert_change(
            SECTION,
            FILES,
            (base, "JWT_SECRET=${JWT_SECRET}", to),
            "COMPOSE-57",
        );
        let files = changed(FILES, base, "JWT_SECRET=${JWT_SECRET}", to);
        let run = look(SECTION, &borrowed(&files));
        assert!(!format!("{run}").contains("Zk4pQ9vXw2Lm7c"), "{run}");
    }
    assert_change(
        SECTION,
        FILES,
        (
            base,
            "      - JWT_SECRET=${JWT_SECRET}\n",
            "      - CACHE_URL=redis://u:Zk4pQ9vXw2Lm@cache/0\n",
        ),
        "COMPOSE-57",
    );
    // What a file beside gives is not written in the repository's files.
    let mut files = changed(FILES, base, "x-limits", "x-limits");
    files.push((".env", "JWT_SECRET=Zk4pQ9vXw2Lm7c\n".into()));
    let run = look(SECTION, &borrowed(&files));
    assert_green(&run);
    assert!(!format!("{run}").contains("Zk4pQ9vXw2Lm7c"), "{run}");
}

#[test]
fn compose_58_59_60_61_62() {
    let prod = "docker-compose.prod.yml";
    let base = "docker-compose.yml";
    assert_change(
        SECTION,
        FILES,
        (prod, "--workers, '4'", "--workers, '4', --reload"),
        "COMPOSE-58",
    );
    assert_change(
        SECTION,
        FILES,
        (
            base,
            "build: ./backend\n    command: alembic",
            "build: ./nothing\n    command: alembic",
        ),
        "COMPOSE-59",
    );
    assert_change(
        SECTION,
        FILES,
        (base, "${DATABASE_URL:?the database}", "${DATABASE_URL}"),
        "COMPOSE-60",
    );
    assert_change(
        SECTION,
        FILES,
        (
            base,
            "- DATABASE_URL=${DATABASE_URL:?the database}",
            "- OTHER=1",
        ),
        "COMPOSE-60",
    );
    assert_change(SECTION, FILES, (prod, ", --workers, '4'", ""), "COMPOSE-61");
    assert_change(
        SECTION,
        FILES,
        (
            base,
            "condition: service_completed_successfully",
            "condition: service_started",
        ),
        "COMPOSE-62",
    );
}

/// The same, with what only some deployments ask for.
const ASKED: &str = "compose:
  files: [docker-compose.yml, docker-compose.prod.yml]
  built: true
  reservations: true
  healthcheck_asks: '/ready\\b'";

#[test]
fn compose_63_64_what_is_asked_and_reserved() {
    let base = "docker-compose.yml";
    let reserved = changed(
        FILES,
        base,
        "limits: { cpus: '1', memory: 512M }",
        "limits: { cpus: '1', memory: 512M }, reservations: { memory: 256M }",
    );
    let files = borrowed(&reserved);
    assert_green(&look(ASKED, &files));
    for (from, to, code) in [
        ("8000/ready", "8000/health", "COMPOSE-63"),
        (
            "    healthcheck: { test: [CMD, curl, -f, http://localhost:8000/ready] }\n",
            "",
            "COMPOSE-63",
        ),
        (", reservations: { memory: 256M }", "", "COMPOSE-64"),
    ] {
        assert_change(ASKED, &files, (base, from, to), code);
    }
    // The image's own health check counts where the file has none.
    let own = changed(
        &files,
        base,
        "    healthcheck: { test: [CMD, curl, -f, http://localhost:8000/ready] }\n",
        "",
    );
    let own = changed(
        &borrowed(&own),
        "backend/Dockerfile",
        "USER app\n",
        "USER app\nHEALTHCHECK CMD curl -f http://localhost:8000/ready\n",
    );
    assert_green(&look(ASKED, &borrowed(&own)));
    // What a script asks, and whether a script starts a server, is not in these files.
    for (path, from, to) in [
        (
            base,
            "[CMD, curl, -f, http://localhost:8000/ready]",
            "[CMD, ./healthcheck.sh]",
        ),
        (
            "docker-compose.prod.yml",
            "[uvicorn, 'app:app', --workers, '4']",
            "./start.sh",
        ),
    ] {
        let files = changed(&files, path, from, to);
        let run = look(ASKED, &borrowed(&files));
        assert_eq!(run.verdict("it"), "error", "{run}");
    }
    // Nothing that is built here: nothing to judge is not green.
    let files = changed(
        &files,
        base,
        "    build: ./backend\n    command: uvicorn",
        "    image: api:1.0.0\n    command: uvicorn",
    );
    let files = changed(
        &borrowed(&files),
        base,
        "    build: ./backend\n    command: alembic",
        "    image: api:1.0.0\n    command: alembic",
    );
    let run = look(ASKED, &borrowed(&files));
    assert_eq!(run.verdict("it"), "error", "{run}");
}

#[test]
fn compose_only_some_faults_are_judged() {
    let only = |codes: &str| format!("faults: [{codes}]\n{SECTION}");
    let files = changed(
        FILES,
        "docker-compose.prod.yml",
        "--workers, '4'",
        "--workers, '4', --reload",
    );
    let files = borrowed(&files);
    assert_green(&look(&only("COMPOSE-51, COMPOSE-52"), &files));
    assert_red(
        &look(&only("COMPOSE-52, COMPOSE-58"), &files),
        "it",
        "COMPOSE-58",
    );
    // Codes of sections that are not here, and of none, would never be found.
    for codes in ["IMG-51", "COMPOSE-99", "FILE-51"] {
        look(&only(codes), FILES).assert_exit(2);
    }
}

#[test]
fn compose_extends_profiles_and_includes_are_followed() {
    let section = "compose: { files: [c.yml] }";
    let files = [
        (
            "c.yml",
            "include: [more.yml]\nservices:\n  api: { extends: { file: base.yml, service: app }, image: 'app:1' }\n  tools: { image: 'adminer', profiles: [dev] }\n",
        ),
        (
            "base.yml",
            "services:\n  app: { image: app, command: npm run dev }\n",
        ),
        ("more.yml", "services:\n  web: { image: 'nginx:1.27' }\n"),
    ];
    let run = look(section, &files);
    assert_red(&run, "it", "COMPOSE-58");
    assert_eq!(run.codes("it"), ["COMPOSE-58"], "{run}");
    assert_change(
        section,
        &changed_ref(&files),
        ("more.yml", "nginx:1.27", "nginx"),
        "COMPOSE-53",
    );
}

/// The files with a command of production.
fn changed_ref<'a>(files: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    files
        .iter()
        .map(|(name, text)| match *name {
            "base.yml" => (
                *name,
                "services:\n  app: { image: app, command: npm start }\n",
            ),
            _ => (*name, *text),
        })
        .collect()
}

#[test]
fn compose_what_cannot_be_read_is_an_error() {
    for (text, words) in [
        ("services:\n  api: [\n", "c.yml:"),
        ("", "holds nothing"),
        ("services: {}\n", "declares no service"),
        ("- a\n", "not one YAML mapping"),
        ("services:\n  a: { extends: b }\n", "no service `b`"),
        (
            "services:\n  a: { extends: b }\n  b: { extends: a }\n",
            "never ends",
        ),
        (
            "include: [c.yml]\nservices: { a: { image: 'a:1' } }\n",
            "more than 32",
        ),
    ] {
        let run = look("compose: { files: [c.yml] }", &[("c.yml", text)]);
        assert_eq!(run.verdict("it"), "error", "{text}\n{run}");
        assert!(run.stdout.contains(words), "{words}\n{run}");
        run.assert_exit(3);
    }
    let run = look("compose: { files: [nothing.yml] }", &[]);
    assert_eq!(run.check("it")["fault"]["cause"], "missing", "{run}");
}
