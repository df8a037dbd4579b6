//! The kinds: each is a mechanism behind one YAML key.
//!
//! A kind is one file (or folder) of four parts a reader meets in order: *spec* (what YAML says),
//! *facts* (what was seen), *observe* (I/O, no opinions), *judge* (opinions, no I/O). Adding one
//! means writing the file and adding its line below; parser, JSON Schema, `explain`, `list` and
//! dispatch derive from that line.

mod auth;
mod dial;
mod registry;

pub(crate) use attest::{Form as EvidenceForm, form as evidence_form, head, sum_of_file};
pub(crate) use registry::{
    DynKind, FaultDoc, Impact, Kind, KindEntry, Observed, Planned, SpecProblem, Statement, entry,
    kinds,
};

kinds! {
    env => Env,
    dotenv => Dotenv,
    git => Git,
    logs => Logs,
    http => Http,
    cors => Cors,
    rate_limit => RateLimit,
    load => Load,
    openapi => Openapi,
    websocket => Websocket,
    metrics => Metrics,
    promql => Promql,
    tls => Tls,
    tcp => Tcp,
    dns => Dns,
    browser => Browser,
    postgres => Postgres,
    pgvector => Pgvector,
    redis => Redis,
    backup => Backup,
    command => Command,
    file => File,
    report => Report,
    github => Github,
    gitlab => Gitlab,
    attest => Attest,
}
