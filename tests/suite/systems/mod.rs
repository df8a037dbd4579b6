//! The five systems whose checklists ship as profiles: for each a deployment of the same shape, made
//! of real parts. Healthy it is green; broken one item at a time, that item's check turns red and no
//! unrelated one.
#![allow(
    dead_code,
    reason = "a helper stays when the last test that needed it goes"
)]

mod asemb;
mod caliber;
mod cimeika;
mod intent_engine;
mod operational_readiness;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::cli::{Readyctl, Run};
use crate::support::process::{output, own_command, program};

/// How a deployment is audited: a built-in profile with inputs and the service's variables.
#[derive(Clone, Default)]
pub(crate) struct Audit {
    /// Name of the profile.
    pub(crate) profile: &'static str,
    /// `--set INPUT=VALUE`.
    inputs: Vec<(String, String)>,
    /// Variables of the deployment.
    env: Vec<(String, String)>,
    /// `--only`.
    only: Vec<String>,
    /// `--skip`.
    skip: Vec<String>,
    /// Checks that nobody signs.
    unsigned: Vec<String>,
    /// Whether nobody signs any.
    nothing_signed: bool,
}

impl Audit {
    /// An audit of a built-in profile.
    pub(crate) fn of(profile: &'static str) -> Self {
        Self {
            profile,
            ..Self::default()
        }
    }

    /// Gives an input a value; a later one wins.
    pub(crate) fn set(mut self, input: &str, value: impl Into<String>) -> Self {
        self.inputs.retain(|(name, _)| name != input);
        self.inputs.push((input.to_owned(), value.into()));
        self
    }

    /// Sets a variable of the deployment; a later one wins.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self = self.unset(name);
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Takes a variable away.
    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self
    }

    /// Runs only these checks.
    pub(crate) fn only(mut self, selector: &str) -> Self {
        self.only.push(selector.to_owned());
        self
    }

    /// Leaves these checks out: for breaks that cannot concern them, to save their time.
    pub(crate) fn skip(mut self, selector: &str) -> Self {
        self.skip.push(selector.to_owned());
        self
    }

    /// Nobody signs this check.
    pub(crate) fn unsigned(mut self, check: &str) -> Self {
        self.unsigned.push(check.to_owned());
        self
    }

    /// Nobody signs anything.
    pub(crate) fn unsigned_all(mut self) -> Self {
        self.nothing_signed = true;
        self
    }

    /// A command of readyctl with the inputs and variables.
    fn command(&self, command: &[&str]) -> Readyctl {
        let mut readyctl = Readyctl::new().args(command);
        for (name, value) in &self.inputs {
            readyctl = readyctl.args(["--set".to_owned(), format!("{name}={value}")]);
        }
        for (name, value) in &self.env {
            readyctl = readyctl.env(name, value);
        }
        readyctl
    }

    /// Signs everything that a person must judge, and runs the audit.
    pub(crate) fn run(&self) -> Run {
        let due = sign_offs(self.profile);
        let mut signed = "version: 1\nsign_offs:\n".to_owned();
        for row in &due {
            let check = row["check"].as_str().unwrap();
            if !self.nothing_signed && !self.unsigned.iter().any(|id| id == check) {
                let today = jiff::Timestamp::now().strftime("%Y-%m-%d");
                signed.push_str(&format!(
                    "  - {{ check: \"{check}\", role: {}, by: tester, on: {today}, evidence: \"https://tickets.internal/1\" }}\n",
                    row["role"].as_str().unwrap()
                ));
            }
        }
        let mut readyctl = self.command(&[
            "audit",
            "--profile",
            self.profile,
            "--format",
            "json",
            "--no-progress",
            "--allow",
            "disruptive,command",
        ]);
        if !self.nothing_signed && due.len() > self.unsigned.len() {
            let path = format!(".readyctl/{}.signoffs.yaml", self.profile);
            readyctl = readyctl.file(&path, signed);
        }
        for selector in &self.only {
            readyctl = readyctl.args(["--only", selector]);
        }
        for selector in &self.skip {
            readyctl = readyctl.args(["--skip", selector]);
        }
        readyctl.run()
    }
}

/// What a person must judge of a profile; asked once.
fn sign_offs(profile: &'static str) -> Vec<Value> {
    static KNOWN: Mutex<BTreeMap<&str, Vec<Value>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    let listed = known.entry(profile).or_insert_with(|| {
        let run = Readyctl::new()
            .args(["list", "sign-offs", "--profile", profile])
            .args(["--format", "json"])
            .run();
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"))
    });
    listed.clone()
}

/// Ids of the checks that are neither green nor skipped.
pub(crate) fn red(run: &Run) -> BTreeSet<String> {
    run.checks()
        .iter()
        .filter(|check| !matches!(check["verdict"].as_str(), Some("pass" | "skip")))
        .map(|check| check["id"].as_str().unwrap().to_owned())
        .collect()
}

/// What is not green, one line a check: a whole report would hide it.
fn told(run: &Run) -> String {
    let mut lines = String::new();
    for check in run.checks() {
        let verdict = check["verdict"].as_str().unwrap();
        if verdict != "pass" {
            let id = check["id"].as_str().unwrap();
            lines.push_str(&format!("{verdict} {id}: {}\n", check["message"]));
        }
    }
    lines
}

/// Fails the test unless nothing is red and at least `least` checks were green.
#[track_caller]
pub(crate) fn assert_healthy(run: &Run, least: usize) {
    assert_eq!(
        red(run),
        BTreeSet::new(),
        "a healthy twin is red\n{}",
        told(run)
    );
    let green = run
        .checks()
        .iter()
        .filter(|check| check["verdict"] == "pass")
        .count();
    assert!(
        green >= least,
        "only {green} checks were green\n{}",
        told(run)
    );
    run.assert_exit(0);
}

/// Fails the test unless exactly these checks are red (checks blocked by one of them are skipped).
#[track_caller]
pub(crate) fn assert_broken(run: &Run, item: &str, checks: &[&str]) {
    let expected: BTreeSet<String> = checks.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(red(run), expected, "{item}\n{}", told(run));
}

/// Fails the test unless every item of the profile's checklist that a machine judges is among the
/// broken ones, or is excepted with a reason.
#[track_caller]
pub(crate) fn assert_all_items(profile: &str, broken: &[&str], excepted: &[(&str, &str)]) {
    let run = Readyctl::new()
        .args(["list", "checks", "--profile", profile, "--format", "json"])
        .run();
    let checks: Vec<Value> = serde_json::from_str(&run.stdout).expect("checks are listed");
    let automated: BTreeSet<&str> = checks
        .iter()
        .filter(|check| check["kind"] != "attest")
        .filter_map(|check| check["covers"].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    assert!(!automated.is_empty(), "{profile} covers nothing\n{run}");
    let mut claimed: BTreeSet<&str> = BTreeSet::new();
    for (item, reason) in excepted {
        assert!(!reason.is_empty(), "{item} is excepted without a reason");
        assert!(
            !broken.contains(item),
            "{item} is excepted although it is broken"
        );
        claimed.insert(item);
    }
    claimed.extend(broken);
    let missing: Vec<_> = automated.difference(&claimed).collect();
    let unknown: Vec<_> = claimed.difference(&automated).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "{profile}: without a break {missing:?}, judged by no machine {unknown:?}"
    );
}

/// A Git repository with these files, committed. The user of the tests owns it, not the one that
/// servers run as: git refuses a stranger's.
pub(crate) struct Repository {
    folder: TempDir,
}

impl Repository {
    /// Makes it: each entry is a path and its content.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let repository = Self {
            folder: TempDir::with_prefix("rctl-repository-").unwrap(),
        };
        for (path, content) in files {
            repository.write(path, content);
        }
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository.commit("first");
        repository
    }

    /// Makes it of the files below `tests/twins/TWIN/repository`.
    pub(crate) fn from_tree(twin: &str) -> Self {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/twins")
            .join(twin)
            .join("repository");
        let repository = Self {
            folder: TempDir::with_prefix("rctl-repository-").unwrap(),
        };
        output(own_command(&program("cp"), repository.path()).args([
            OsString::from("-R"),
            tree.join(".").into(),
            repository.path().into(),
        ]));
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository.commit("first");
        repository
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its folder as text, for an input.
    pub(crate) fn shown(&self) -> String {
        self.path().display().to_string()
    }

    /// Writes a file, and its folders.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// What a file holds.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// Removes a file.
    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.path().join(path)).unwrap();
    }

    /// Changes a file, which must hold `from`.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} does not hold {from}");
        self.write(path, &text.replace(from, to));
    }

    /// Adds and commits everything that is not ignored.
    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    /// Runs git in it.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let mut git = own_command(&program("git"), self.path());
        git.args([
            "-c",
            "user.name=test",
            "-c",
            "user.email=test@tests.invalid",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(args);
        output(&mut git)
    }
}
