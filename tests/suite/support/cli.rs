//! readyctl itself: run in an empty folder, with an empty environment and a limit on its time.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::process::wait_for;

/// What `.profile()` writes its text to, in the folder that readyctl runs in.
pub(crate) const PROFILE: &str = "profile.yaml";

/// How long a run may take before it is killed and the test fails.
const LIMIT: Duration = Duration::from_secs(60);

/// One run to be made of readyctl.
pub(crate) struct Readyctl {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: String,
    limit: Duration,
    folder: TempDir,
    home: TempDir,
}

impl Readyctl {
    /// A run without arguments.
    pub(crate) fn new() -> Self {
        Self::of(env!("CARGO_BIN_EXE_readyctl"))
    }

    /// A run of another program in the same surroundings.
    pub(crate) fn of(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: String::new(),
            limit: LIMIT,
            folder: TempDir::with_prefix("rctl-run-").unwrap(),
            home: TempDir::with_prefix("rctl-home-").unwrap(),
        }
    }

    /// Adds arguments.
    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Writes `profile.yaml` and passes it with `--profile`.
    pub(crate) fn profile(self, yaml: &str) -> Self {
        self.file(PROFILE, yaml).args(["--profile", PROFILE])
    }

    /// Writes a file in the folder that readyctl runs in; makes its folders.
    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.folder().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Sets an environment variable: there is no other one but `PATH` and `HOME`.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Gives it something to read.
    pub(crate) fn stdin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    /// Gives it less time, or more, than a minute.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The folder that readyctl runs in, empty but for what `file` and `profile` wrote.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// With all it printed when it exceeds its time or is ended by a signal.
    pub(crate) fn run(self) -> Run {
        let outputs = TempDir::with_prefix("rctl-out-").unwrap();
        // Files, not pipes: a grandchild that outlives its parent keeps a pipe open.
        let output = |name| File::create(outputs.path().join(name)).unwrap();
        let read = |name| {
            let bytes = fs::read(outputs.path().join(name)).unwrap();
            String::from_utf8(bytes).expect("readyctl prints UTF-8")
        };
        let stdin = outputs.path().join("stdin");
        fs::write(&stdin, &self.stdin).unwrap();
        let started = Instant::now();
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::from(File::open(&stdin).unwrap()))
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .unwrap();
        let mut killed = false;
        let status = wait_for("a killed child to end", self.limit + LIMIT, || {
            if !killed && started.elapsed() > self.limit {
                killed = true;
                child.kill().unwrap();
            }
            child.try_wait().unwrap()
        });
        let run = Run {
            exit: status.code().unwrap_or(-1),
            stdout: read("stdout"),
            stderr: read("stderr"),
            duration: started.elapsed(),
            folder: self.folder,
        };
        assert!(!killed, "no end after {:?}\n{run}", self.limit);
        assert!(status.code().is_some(), "ended with {status}\n{run}");
        run
    }
}

/// `readyctl audit` of a profile, with everything allowed and the report as JSON.
pub(crate) fn audit(profile: &str) -> Run {
    audit_command(profile).run()
}

/// The same before it is run, for more files, variables or arguments.
pub(crate) fn audit_command(profile: &str) -> Readyctl {
    Readyctl::new()
        .args([
            "audit",
            "--format",
            "json",
            "--no-progress",
            "--allow",
            "disruptive,command",
        ])
        .profile(profile)
}

/// What a run of readyctl left behind.
pub(crate) struct Run {
    /// The exit code.
    pub(crate) exit: i32,
    /// What it printed to standard output.
    pub(crate) stdout: String,
    /// What it printed to standard error.
    pub(crate) stderr: String,
    /// How long it took.
    pub(crate) duration: Duration,
    folder: TempDir,
}

impl Run {
    /// A run that was not made: for testing what judges runs.
    pub(crate) fn pretended(exit: i32, stdout: &str) -> Self {
        Self {
            exit,
            stdout: stdout.into(),
            stderr: String::new(),
            duration: Duration::ZERO,
            folder: TempDir::new().unwrap(),
        }
    }

    /// The folder it ran in, with what it wrote there.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file that it wrote in its folder.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}\n{self}"))
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    /// All checks of the report.
    pub(crate) fn checks(&self) -> Vec<Value> {
        let report = self.json();
        report["checks"]
            .as_array()
            .unwrap_or_else(|| panic!("no checks\n{self}"))
            .clone()
    }

    /// One check of the report.
    pub(crate) fn check(&self, id: &str) -> Value {
        self.checks()
            .into_iter()
            .find(|check| check["id"] == id)
            .unwrap_or_else(|| panic!("no check {id}\n{self}"))
    }

    /// The verdict of one check.
    pub(crate) fn verdict(&self, id: &str) -> String {
        let check = self.check(id);
        check["verdict"]
            .as_str()
            .unwrap_or_else(|| panic!("no verdict: {check}"))
            .to_owned()
    }

    /// The codes of one check's findings that did not pass.
    pub(crate) fn codes(&self, id: &str) -> Vec<String> {
        let check = self.check(id);
        let findings = check["findings"]
            .as_array()
            .unwrap_or_else(|| panic!("no findings: {check}"));
        findings
            .iter()
            .filter(|finding| finding["verdict"] != "pass")
            .map(|finding| finding["code"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Fails the test unless readyctl exited with `code`.
    #[track_caller]
    pub(crate) fn assert_exit(&self, code: i32) -> &Self {
        assert_eq!(self.exit, code, "exit code\n{self}");
        self
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit code {}\n--- stdout\n{}\n--- stderr\n{}",
            self.exit, self.stdout, self.stderr
        )
    }
}
