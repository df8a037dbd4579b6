//! The kind `backup` against real archives, repositories and servers.

mod archiver;
mod archives;
mod folders;
mod lists;
mod pgbackrest;
mod restic;
mod s3;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::support::cli::{Readyctl, Run, audit_command};

/// Hours and days, for ages.
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// An audit of one check with this block, not run yet.
fn prepare(block: &str) -> Readyctl {
    let block: String = block
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    audit_command(&format!(
        "version: 1\nname: t\nchecks:\n  - id: b\n    title: Backups\n    timeout: 10s\n    \
         retry: {{ attempts: 1 }}\n    backup:\n{block}"
    ))
}

/// An audit of one check with this block.
fn look(block: &str) -> Run {
    prepare(block).run()
}

/// A folder with backups in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::with_prefix("rctl-backups-").unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file that was changed last some time ago.
    fn put(&self, name: &str, content: impl AsRef<[u8]>, age: Duration) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        set_age(&path, age);
        path
    }

    /// Audits the folder: further lines of `files:`, and the expectations on one line.
    fn look(&self, more: &str, expect: &str) -> Run {
        look(&self.block(more, expect))
    }

    fn block(&self, more: &str, expect: &str) -> String {
        let more: String = more.lines().map(|line| format!("  {line}\n")).collect();
        format!(
            "files:\n  path: {}\n{more}expect: {{ {expect} }}",
            self.path().display()
        )
    }
}

fn set_age(path: &Path, age: Duration) {
    File::open(path)
        .unwrap()
        .set_modified(SystemTime::now() - age)
        .unwrap();
}

/// What a program makes of its input.
fn through(program: &str, words: &[&str], input: &[u8]) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let from = folder.path().join("input");
    std::fs::write(&from, input).unwrap();
    let output = Command::new(program)
        .args(words)
        .stdin(Stdio::from(File::open(from).unwrap()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
    output.stdout
}

/// Text of some size that does not compress to nothing.
fn text(lines: u32) -> Vec<u8> {
    let mut state = 7_u32;
    (0..lines)
        .flat_map(|line| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            format!("{line} {state:x}\n").into_bytes()
        })
        .collect()
}

/// A gzip of some size.
fn gzip() -> Vec<u8> {
    through("gzip", &["-nc"], &text(5000))
}

/// The fault of the check.
fn fault(run: &Run) -> (String, String) {
    let fault = run.check("b")["fault"].clone();
    assert!(
        fault["hint"].as_str().is_some_and(|hint| !hint.is_empty()),
        "no hint: {run}"
    );
    (
        fault["cause"].as_str().unwrap().to_owned(),
        fault["message"].as_str().unwrap().to_owned(),
    )
}

/// Fails the test unless the check could not be observed for this cause.
#[track_caller]
fn assert_error(run: &Run, cause: &str) {
    assert_eq!(run.verdict("b"), "error", "{run}");
    assert_eq!(fault(run).0, cause, "{run}");
    run.assert_exit(3);
}
