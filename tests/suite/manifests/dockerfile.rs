//! Dockerfiles.

use super::{assert_change, borrowed, changed, look};
use crate::support::verdicts::assert_green;

const SECTION: &str = "dockerfile: { paths: [Dockerfile], healthcheck: true, min_workers: 2 }";

const DOCKERFILE: &str = "ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS build
COPY requirements.txt ./
RUN pip install -r requirements.txt
FROM python:${PYTHON}-slim
ENV WEB_CONCURRENCY=4
COPY --from=build /usr/local /usr/local
COPY app/ /app/
HEALTHCHECK CMD curl -f http://localhost:8000/ready
USER 10001
CMD [\"uvicorn\", \"app:app\"]
";

const FILES: &[(&str, &str)] = &[
    ("Dockerfile", DOCKERFILE),
    ("requirements.txt", "uvicorn==0.30\n"),
    ("app/app.py", "app = None\n"),
    (".dockerignore", ".git\n.env*\n"),
    (".env", "A=1\n"),
];

#[test]
fn img_an_image_for_production_is_green() {
    assert_green(&look(SECTION, FILES));
    // Everything may be copied when the secrets are ignored.
    let files = changed(FILES, "Dockerfile", "COPY app/ /app/", "COPY . /app/");
    assert_green(&look(SECTION, &borrowed(&files)));
}

#[test]
fn img_51_to_55_how_it_is_built_and_runs() {
    let file = "Dockerfile";
    assert_change(
        SECTION,
        FILES,
        (file, "python:${PYTHON}-slim\nENV", "python\nENV"),
        "IMG-51",
    );
    assert_change(
        SECTION,
        FILES,
        (file, "python:${PYTHON}-slim\nENV", "python:latest\nENV"),
        "IMG-51",
    );
    assert_change(SECTION, FILES, (file, "USER 10001\n", ""), "IMG-52");
    assert_change(SECTION, FILES, (file, "USER 10001", "USER root"), "IMG-52");
    assert_change(
        SECTION,
        FILES,
        (file, "USER 10001", "USER 10001\nUSER 0:0"),
        "IMG-52",
    );
    assert_change(
        SECTION,
        FILES,
        (
            file,
            "HEALTHCHECK CMD curl -f http://localhost:8000/ready",
            "HEALTHCHECK NONE",
        ),
        "IMG-53",
    );
    assert_change(
        SECTION,
        FILES,
        (file, "\"app:app\"]", "\"app:app\", \"--reload\"]"),
        "IMG-54",
    );
    assert_change(
        SECTION,
        FILES,
        (file, "WEB_CONCURRENCY=4", "WEB_CONCURRENCY=1"),
        "IMG-55",
    );
    assert_change(
        SECTION,
        FILES,
        (file, "ENV WEB_CONCURRENCY=4\n", ""),
        "IMG-55",
    );
}

#[test]
fn img_56_57_58_what_is_in_it() {
    let file = "Dockerfile";
    assert_change(
        SECTION,
        FILES,
        (
            file,
            "WEB_CONCURRENCY=4",
            "WEB_CONCURRENCY=4 API_KEY=Zk4pQ9vXw2Lm7c",
        ),
        "IMG-56",
    );
    assert_change(
        SECTION,
        FILES,
        (
            file,
            "FROM python:${PYTHON}-slim\n",
            "FROM python:${PYTHON}-slim\nARG NPM_TOKEN=Zk4pQ9vXw2Lm7c\n",
        ),
        "IMG-56",
    );
    assert_change(
        SECTION,
        FILES,
        (
            file,
            "COPY requirements.txt ./",
            "COPY requirements.lock ./",
        ),
        "IMG-57",
    );
    assert_change(
        SECTION,
        FILES,
        (file, "COPY app/ /app/", "COPY ../app/ /app/"),
        "IMG-57",
    );
    assert_change(SECTION, FILES, (".dockerignore", ".git", "app"), "IMG-57");
    let copying = changed(FILES, file, "COPY app/ /app/", "COPY . /app/");
    assert_change(
        SECTION,
        &borrowed(&copying),
        (".dockerignore", ".env*", "node_modules"),
        "IMG-58",
    );
}

#[test]
fn img_what_is_no_dockerfile_is_an_error() {
    for text in ["", "hello\n", "# FROM x\n"] {
        let run = look(
            "dockerfile: { paths: [Dockerfile] }",
            &[("Dockerfile", text)],
        );
        assert_eq!(run.verdict("it"), "error", "{run}");
    }
    let run = look("dockerfile: { paths: ['**/Dockerfile'] }", &[]);
    assert_eq!(run.verdict("it"), "error", "{run}");
}
