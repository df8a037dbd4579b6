//! A real restic repository.

use super::*;
use crate::support::process::{program, wait_for};
use crate::support::restic::{PASSWORD, Restic};
use crate::support::verdicts::{assert_green, assert_red};

/// The check of a repository.
fn of(restic: &Restic, more: &str, expect: &str) -> Run {
    let more: String = more.lines().map(|line| format!("  {line}\n")).collect();
    look(&format!(
        "restic:\n  repository: {}\n  password: {PASSWORD}\n{more}expect: {{ {expect} }}",
        restic.path().display()
    ))
}

/// What a run of restic in a folder printed, whatever it exited with.
fn backup(restic: &Restic, folder: &Path, words: &[&str]) -> String {
    let output = Command::new(program("restic"))
        .args(["--no-cache", "backup", "--json"])
        .args(words)
        .envs(restic.env())
        .current_dir(folder)
        .output()
        .unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn bak_01_02_no_snapshot_or_an_old_one() {
    let restic = Restic::repository();
    assert_red(&of(&restic, "", "max_age: 26h"), "b", "BAK-01");
    restic.backup_aged("one", 30 * HOUR);
    assert_red(&of(&restic, "", "max_age: 26h"), "b", "BAK-02");
    restic.backup("two");
    let run = of(&restic, "", "max_age: 26h, min_count: 2, encrypted: true");
    assert_green(&run);
    assert!(!format!("{run}").contains(PASSWORD), "{run}");
}

#[test]
fn bak_20_a_host_or_path_without_snapshot() {
    let restic = Restic::repository();
    let folder = Folder::new();
    folder.put("data/file", "x", HOUR);
    backup(&restic, folder.path(), &["data", "--host", "web"]);
    let data = folder.path().join("data");
    let options =
        |host: &str, path: &Path| format!("hosts: [{host}]\npaths: ['{}']", path.display());
    assert_green(&of(&restic, &options("web", &data), "max_age: 1d"));
    assert_red(
        &of(&restic, &options("db", &data), "max_age: 1d"),
        "b",
        "BAK-20",
    );
    let other = folder.path().join("other");
    assert_red(
        &of(&restic, &options("web", &other), "max_age: 1d"),
        "b",
        "BAK-20",
    );
}

#[test]
fn bak_21_a_snapshot_that_left_something_out() {
    let restic = Restic::repository();
    let folder = Folder::new();
    folder.put("data/file", "x", HOUR);
    let log = folder.path().join("run.log");
    let options = format!("run_log: {}", log.display());
    std::fs::write(&log, backup(&restic, folder.path(), &["data"])).unwrap();
    assert_green(&of(&restic, &options, "max_age: 1d"));
    std::fs::write(&log, backup(&restic, folder.path(), &["data", "missing"])).unwrap();
    // The snapshot itself says nothing of that.
    assert_green(&of(&restic, "", "max_age: 1d"));
    assert_red(&of(&restic, &options, "max_age: 1d"), "b", "BAK-21");
    std::fs::write(&log, "Fatal: unable to save snapshot").unwrap();
    assert_red(&of(&restic, &options, "max_age: 1d"), "b", "BAK-21");
}

#[test]
fn bak_22_a_lock_left_behind() {
    let restic = Restic::repository();
    restic.backup("one");
    let options = "max_lock_age: 1ms";
    assert_green(&of(&restic, options, "max_age: 1d"));
    let mut killed = Command::new(program("restic"))
        .args(["--no-cache", "backup", "--stdin"])
        .envs(restic.env())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("a lock", Duration::from_secs(30), || {
        let mut locks = std::fs::read_dir(restic.path().join("locks")).unwrap();
        // A lock is moved into place whole, and then has this name.
        locks
            .any(|lock| lock.unwrap().file_name().len() == 64)
            .then_some(())
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_red(&of(&restic, options, "max_age: 1d"), "b", "BAK-22");
    assert_green(&of(&restic, "max_lock_age: 1h", "max_age: 1d"));
}

#[test]
fn a_report_needs_no_program() {
    let restic = Restic::repository();
    restic.backup("one");
    let block = "restic: { report: snapshots.json }\nexpect: { max_age: 1d }";
    let run = prepare(block)
        .file("snapshots.json", restic.snapshots().to_string())
        .env("PATH", "/nowhere")
        .run();
    assert_green(&run);
    let run = prepare(block).file("snapshots.json", "[]").run();
    assert_red(&run, "b", "BAK-01");
    let run = prepare(block).file("snapshots.json", "Fatal: no").run();
    assert_error(&run, "unparseable");
}

#[test]
fn repositories_that_cannot_be_opened_are_errors() {
    let restic = Restic::repository();
    let of = |repository: &Path, password: &str| {
        look(&format!(
            "restic: {{ repository: {}, password: {password} }}",
            repository.display()
        ))
    };
    let run = of(&restic.path(), "Canary-Pw-4711");
    assert_error(&run, "auth");
    assert!(!format!("{run}").contains("Canary-Pw-4711"), "{run}");
    assert_error(&of(Path::new("/nowhere/at/all"), "x"), "missing");
    // Looking leaves no lock behind.
    let locks = std::fs::read_dir(restic.path().join("locks")).unwrap();
    assert_eq!(locks.count(), 0);
}
