//! A real pgBackRest repository with a stanza, and the PostgreSQL server that archives to it.

use std::path::PathBuf;

use serde_json::Value;

use super::pgtree::Tree;
use super::postgres::Postgres;
use super::process::{command, output, program};
use super::scratch::Scratch;

/// The stanza's name.
pub(crate) const STANZA: &str = "main";

/// The newest PostgreSQL that the pgBackRest of a stable distribution knows.
const MAJOR: u32 = 15;

/// A repository and its server; both removed when dropped.
pub(crate) struct PgBackRest {
    postgres: Postgres,
    scratch: Scratch,
}

impl PgBackRest {
    /// Starts a server and makes its stanza, without a backup yet.
    pub(crate) fn stanza() -> Self {
        let scratch = Scratch::new("pgbackrest");
        for folder in ["repository", "lock", "spool"] {
            scratch.folder(folder);
        }
        let program = program("pgbackrest");
        let config = scratch.join("pgbackrest.conf");
        let postgres = Postgres::builder()
            .tree(Tree::fetched(MAJOR))
            .hba("local all postgres trust")
            .setting("archive_mode", "on")
            .setting(
                "archive_command",
                &format!(
                    "{} --config={} --stanza={STANZA} archive-push %p",
                    program.display(),
                    config.display()
                ),
            )
            .start();
        let folder = scratch.path().display();
        scratch.write(
            "pgbackrest.conf",
            format!(
                "[global]\nrepo1-path={folder}/repository\nrepo1-retention-full=2\n\
                 lock-path={folder}/lock\nspool-path={folder}/spool\nlog-level-file=off\n\
                 log-level-console=warn\nstart-fast=y\ncompress-type=none\n\
                 [{STANZA}]\npg1-path={}\npg1-socket-path={}\npg1-port={}\npg1-user=postgres\n",
                postgres.data().display(),
                postgres.socket_folder().display(),
                postgres.port(),
            ),
        );
        let pgbackrest = Self { postgres, scratch };
        pgbackrest.run(&["stanza-create"]);
        pgbackrest
    }

    /// The server.
    pub(crate) fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// The configuration file: `pgbackrest --config=PATH --stanza=main info --output=json`.
    pub(crate) fn config(&self) -> PathBuf {
        self.scratch.join("pgbackrest.conf")
    }

    /// Makes a full backup.
    pub(crate) fn backup(&self) {
        self.run(&["--type=full", "backup"]);
    }

    /// What `info --output=json` prints.
    pub(crate) fn info(&self) -> Value {
        serde_json::from_str(&self.run(&["info", "--output=json"])).unwrap()
    }

    /// Runs any command of pgBackRest on the stanza; gives what it printed.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        output(
            command(&program("pgbackrest"), self.scratch.path())
                .arg(format!("--config={}", self.config().display()))
                .arg(format!("--stanza={STANZA}"))
                .args(words),
        )
    }
}
