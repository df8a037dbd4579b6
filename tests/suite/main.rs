//! The integration suite: readyctl against real servers, and against ones that misbehave on purpose.
//!
//! `tests/run` installs what the servers need and runs everything. No test is skipped when a server
//! is missing: it fails and says what to do.
#![allow(
    clippy::expect_used,
    clippy::missing_docs_in_private_items,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and its name is its documentation"
)]

mod attest;
mod backup;
mod browser;
mod cli;
mod command;
mod composition;
mod cors;
mod coverage;
mod demo;
mod dns;
mod dotenv;
mod engine;
mod env;
mod file;
mod file_dependencies;
mod git;
mod github;
mod gitlab;
mod harness;
mod http;
mod http_headers;
mod http_journeys;
mod http_packs;
mod import;
mod language;
mod load;
mod logs;
mod manifests;
mod metrics;
mod openapi;
mod pgvector;
mod postgres;
mod promql;
mod rate_limit;
mod readme;
mod redis;
mod report;
mod secrets;
mod support;
mod systems;
mod tcp;
mod tls;
mod websocket;
