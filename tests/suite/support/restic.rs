//! A real restic repository in a temporary folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::process::{command, output, program};
use super::scratch::{Scratch, give_to_server, made_once};

/// The repository's password.
pub(crate) const PASSWORD: &str = "restic-test-password";

/// A repository; removed when dropped.
pub(crate) struct Restic {
    scratch: Scratch,
}

impl Restic {
    /// Makes a repository without snapshots.
    pub(crate) fn repository() -> Self {
        let restic = Self {
            scratch: Scratch::new("restic"),
        };
        output(
            Command::new("cp")
                .arg("-a")
                .arg(restic.template())
                .arg(restic.path()),
        );
        restic
    }

    /// The repository's folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.scratch.join("repository")
    }

    /// The environment in which `restic` needs no further options.
    pub(crate) fn env(&self) -> [(&'static str, String); 2] {
        [
            ("RESTIC_REPOSITORY", self.path().display().to_string()),
            ("RESTIC_PASSWORD", PASSWORD.to_owned()),
        ]
    }

    /// Makes a snapshot of one file, now.
    pub(crate) fn backup(&self, content: &str) {
        self.backup_aged(content, Duration::ZERO);
    }

    /// Makes a snapshot of one file that says it was made some time ago.
    pub(crate) fn backup_aged(&self, content: &str, age: Duration) {
        self.scratch.write("saved/file.txt", content);
        let made = jiff::Timestamp::try_from(SystemTime::now() - age).unwrap();
        let made = made.strftime("%Y-%m-%d %H:%M:%S").to_string();
        self.run(&["backup", "saved", "--time", &made]);
    }

    /// What `restic snapshots --json` prints.
    pub(crate) fn snapshots(&self) -> Value {
        serde_json::from_str(&self.run(&["snapshots", "--json"])).unwrap()
    }

    /// An empty repository, made once: deriving its key takes seconds on purpose.
    fn template(&self) -> PathBuf {
        let version = self.run(&["version"]);
        let version = version.split_whitespace().nth(1).unwrap();
        made_once("restic", version, |unfinished| {
            fs::create_dir(unfinished).unwrap();
            give_to_server(unfinished);
            self.run(&["init", "--repo", unfinished.to_str().unwrap()]);
        })
    }

    /// Runs any command of restic on the repository; gives what it printed.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        output(
            command(&program("restic"), self.scratch.path())
                .args(["--no-cache", "--quiet"])
                .envs(self.env())
                .args(words),
        )
    }
}
