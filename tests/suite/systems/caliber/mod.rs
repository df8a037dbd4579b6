//! CALIBER: an axum service, PostgreSQL with pgvector and an extension, a Rust workspace, Fly.io.

mod database;
mod environment;
mod evidence;
mod repository;
mod service;
mod service_breaks;
mod twin;
mod variants;

use super::{Audit, Repository, assert_all_items, assert_broken, assert_healthy, red};
use twin::{Hub, Twin};

/// An item, a way to break it, and the checks that must turn red.
type Break = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// Items whose breaks stand in these tables.
fn items(table: &[Break]) -> impl Iterator<Item = &'static str> {
    table
        .iter()
        .map(|(item, ..)| *item)
        .flat_map(|items| items.split(' '))
}

#[test]
fn healthy_is_green() {
    let twin = Twin::complete();
    let hub = Hub::start();
    let (_programs, path) = twin::programs();
    let audit = hub.audit(twin.audit()).env("PATH", path);
    assert_healthy(&audit.run(), 80);
}

/// Nobody has signed: every sign-off that applies is red, and nothing else.
#[test]
fn unsigned_is_red() {
    let twin = Twin::with_repository();
    let run = twin.audit().unsigned_all().only("kind:attest").run();
    assert_broken(
        &run,
        "sign-offs",
        &[
            "schema-changes-documented",
            "workos-allowlist-considered",
            "overrides-documented",
            "restore-runbooks",
            "keys-rotated",
            "auth-logs-reviewed",
        ],
    );
}

#[test]
fn every_item_has_a_break() {
    let broken: Vec<&str> = [
        service_breaks::TABLE,
        service_breaks::OTHERS,
        environment::TABLE,
        database::TABLE,
        database::SERVERS,
        repository::TABLE,
        evidence::TABLE,
        evidence::GITHUB,
    ]
    .into_iter()
    .flat_map(items)
    .collect();
    assert_all_items("caliber", &broken, &[]);
}
