//! A git repository in a temporary folder.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::process::{command, output, program};

/// A repository; removed when dropped.
pub(crate) struct Repository(TempDir);

impl Repository {
    /// An empty repository on the branch `main`.
    pub(crate) fn new() -> Self {
        let repository = Self(TempDir::with_prefix("rctl-git-").unwrap());
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// A repository whose first commit holds these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let repository = Self::new();
        for (path, content) in files {
            repository.write(path, content);
        }
        repository.commit("start");
        repository
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs git as a person would.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_at(None, arguments)
    }

    /// The same at a time of one's own, in seconds since 1970.
    fn git_at(&self, seconds: Option<i64>, arguments: &[&str]) -> String {
        let mut command = command(&program("git"), self.path());
        // The test's own user owns the folder.
        command
            .uid(rustix::process::geteuid().as_raw())
            .gid(rustix::process::getegid().as_raw())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments);
        if let Some(seconds) = seconds {
            let date = format!("@{seconds} +0000");
            command.envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)]);
        }
        output(&mut command)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Commits everything that is not ignored.
    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// The same at a time of one's own, in seconds since 1970.
    pub(crate) fn commit_at(&self, message: &str, seconds: i64) {
        self.git(&["add", "--all"]);
        self.git_at(Some(seconds), &["commit", "--quiet", "--message", message]);
    }
}
