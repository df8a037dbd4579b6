//! Real servers, misbehaving servers and the program under test, one file each.
#![allow(
    dead_code,
    reason = "a helper stays when the last test that needed it goes"
)]

pub(crate) mod certificates;
pub(crate) mod cli;
pub(crate) mod dead;
pub(crate) mod nginx;
pub(crate) mod origin;
pub(crate) mod pgbackrest;
pub(crate) mod pgbouncer;
pub(crate) mod pgtree;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod prometheus;
pub(crate) mod redis;
pub(crate) mod repository;
pub(crate) mod restic;
pub(crate) mod s3;
pub(crate) mod scratch;
pub(crate) mod twin;
pub(crate) mod verdicts;
