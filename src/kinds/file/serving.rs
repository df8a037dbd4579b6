//! Commands that start a server: whether they reload for developers, and how many workers they start.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// How many workers a server starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Workers {
    /// So many.
    Count(u64),
    /// As many as something says that only the running container knows.
    Dynamic(String),
    /// The command says nothing: one.
    Unset,
}

/// A pattern of this module; one that does not compile matches nothing.
fn pattern(source: &str) -> Option<Regex> {
    Regex::new(source).ok()
}

/// Options and commands of development.
static DEVELOPMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?:^|\s)(--reload\b(?:[= ]true)?|--reload-\w+|nodemon|ts-node-dev|fastapi dev|manage\.py runserver|flask run [^&|;]*--debug|flask --debug run|npm run dev|yarn dev|pnpm dev|next dev|air -c|cargo watch|watchfiles|--autoreload)(?:\s|=|$)",
    )
});

/// Servers that start workers of their own.
static SERVERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?:^|[\s/])(uvicorn|gunicorn|hypercorn|granian|fastapi run|uwsgi|puma)(?:\s|$)")
});

/// The option that says how many.
static WORKERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?:^|\s)(?:--workers|--processes|-w|-p)[= ]?(\$\{[^}]*\}|\$\([^)]*\)|\$\w+|\d+)")
});

/// The part of a command that is for developers only.
pub(super) fn development(command: &str) -> Option<String> {
    let found = DEVELOPMENT.as_ref()?.captures(command)?;
    found.get(1).map(|part| part.as_str().to_owned())
}

/// Whether the command starts a server that knows workers.
pub(super) fn is_server(command: &str) -> bool {
    SERVERS
        .as_ref()
        .is_some_and(|servers| servers.is_match(command))
}

/// How many workers the command starts, with variables of the container.
pub(super) fn workers(command: &str, variable: &dyn Fn(&str) -> Option<String>) -> Workers {
    let given = WORKERS
        .as_ref()
        .and_then(|workers| workers.captures(command))
        .and_then(|found| found.get(1))
        .map(|found| found.as_str().to_owned());
    let Some(given) = given else {
        return ["WEB_CONCURRENCY", "UVICORN_WORKERS", "GUNICORN_WORKERS"]
            .iter()
            .find_map(|name| variable(name))
            .map_or(Workers::Unset, |value| counted(&value));
    };
    let inner = given.trim_start_matches("${").trim_end_matches('}');
    if !given.starts_with('$') {
        return counted(&given);
    }
    let (name, default) = match inner.split_once(":-").or_else(|| inner.split_once('-')) {
        Some((name, default)) => (name, Some(default)),
        None => (inner.trim_start_matches('$'), None),
    };
    match variable(name).or_else(|| default.map(str::to_owned)) {
        Some(value) => counted(&value),
        None => Workers::Dynamic(given),
    }
}

/// A number of workers.
fn counted(text: &str) -> Workers {
    text.trim()
        .parse()
        .map_or_else(|_| Workers::Dynamic(text.to_owned()), Workers::Count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_of_usual_commands() {
        let none = |_: &str| None;
        let four = |name: &str| (name == "WEB_CONCURRENCY").then(|| "4".to_owned());
        for (command, plain, with_four) in [
            ("uvicorn app:app", Workers::Unset, Workers::Count(4)),
            (
                "uvicorn app:app --workers 2",
                Workers::Count(2),
                Workers::Count(2),
            ),
            (
                "gunicorn -w 3 app:app",
                Workers::Count(3),
                Workers::Count(3),
            ),
            ("gunicorn -w4 app:app", Workers::Count(4), Workers::Count(4)),
            (
                "uvicorn a:b --workers=${WEB_CONCURRENCY:-2}",
                Workers::Count(2),
                Workers::Count(4),
            ),
            (
                "gunicorn -w $(nproc) a",
                Workers::Dynamic("$(nproc)".into()),
                Workers::Dynamic("$(nproc)".into()),
            ),
        ] {
            assert_eq!(workers(command, &none), plain, "{command}");
            assert_eq!(workers(command, &four), with_four, "{command}");
        }
    }

    #[test]
    fn reloading_is_development() {
        for (command, is) in [
            ("uvicorn app:app --reload", true),
            ("uvicorn app:app --reload-dir src", true),
            ("nginx -s reload", false),
            ("npm run dev", true),
            ("node server.js", false),
            ("python manage.py runserver 0.0.0.0:80", true),
        ] {
            assert_eq!(development(command).is_some(), is, "{command}");
        }
        assert!(is_server("/usr/local/bin/uvicorn app:app"));
        assert!(!is_server("celery worker"));
    }
}
