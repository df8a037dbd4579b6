//! Runs a program: nothing but what was declared in its environment, bounded output, and nothing of
//! it left behind when time is over.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use crate::context::Context;
use crate::expect::{Ordered, Secret};
use crate::outcome::{Cause, Fault};

/// The most a program may print.
const MAX_OUTPUT: u64 = 16 << 20;
/// How much of its complaints is kept.
const MAX_COMPLAINTS: u64 = 1 << 20;
/// How long what a program started may go on printing after the program itself has ended.
const AFTERMATH: Duration = Duration::from_millis(500);
/// How often a program is looked at to see whether it has ended.
const GLANCE: Duration = Duration::from_millis(10);

/// What to run.
#[derive(Debug)]
pub(crate) struct Program {
    /// Program and arguments.
    pub(crate) argv: Vec<String>,
    /// The folder it runs in.
    pub(crate) cwd: PathBuf,
    /// Its variables besides `PATH` and `HOME`.
    pub(crate) env: Vec<(String, Secret)>,
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// What it printed.
    pub(crate) stdout: Vec<u8>,
    /// What it complained about, secrets removed.
    pub(crate) stderr: String,
    /// Whether it complained more than is kept.
    pub(crate) stderr_cut: bool,
}

/// Declared variables in the shape a program needs.
pub(crate) fn declared(env: &Ordered<Secret>) -> Vec<(String, Secret)> {
    env.iter()
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
}

/// Kills everything in a process group when dropped: a deadline drops the future that waits.
///
/// The number stays theirs until the first of them, even a dead one, has been collected.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    /// Kills whoever is left.
    fn kill(&self) {
        if let Some(group) = self.0 {
            // An error says that nothing is left to kill.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }

    /// Waits until the first of the group has ended, without collecting it.
    async fn ended(&self) {
        let Some(first) = self.0 else { return };
        let glance = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(first), glance), Ok(None)) {
            tokio::time::sleep(GLANCE).await;
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A program that runs, alone in its process group: nothing of that group outlives this value.
#[derive(Debug)]
pub(crate) struct Running {
    /// The program itself.
    pub(crate) child: Child,
    /// It and what it started.
    group: Group,
}

impl Running {
    /// Starts a command in a process group of its own.
    ///
    /// # Errors
    /// When the operating system cannot start it.
    pub(crate) fn start(command: &mut Command) -> std::io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Ok(Self {
            child,
            group: Group(group),
        })
    }

    /// Collects the program once it has ended.
    ///
    /// # Errors
    /// When the operating system cannot tell how it ended.
    async fn collect(&mut self) -> std::io::Result<std::process::ExitStatus> {
        let status = self.child.wait().await?;
        // It is gone; its number may belong to somebody else from here on.
        self.group.0 = None;
        Ok(status)
    }

    /// Kills it with everything it started, and waits for its end.
    pub(crate) async fn end(mut self) {
        self.group.kill();
        // Killed, it ends: nothing can be wrong with that.
        let _status = self.collect().await;
    }
}

impl Program {
    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started, prints too much, or does not end in time.
    pub(crate) async fn run(self, cx: &Context) -> Result<Ran, Fault> {
        let name = self.argv.first().cloned().unwrap_or_default();
        let mut command = Command::new(&name);
        command
            .args(self.argv.get(1..).unwrap_or_default())
            .current_dir(&self.cwd)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for variable in ["PATH", "HOME"] {
            if let Some(value) = cx.environment.get(variable) {
                command.env(variable, value);
            }
        }
        for (variable, value) in &self.env {
            cx.redactor.add(value.expose());
            command.env(variable, value.expose());
        }
        let mut running =
            Running::start(&mut command).map_err(|error| not_started(&name, &self.cwd, &error))?;
        let (stdout, stderr) = (running.child.stdout.take(), running.child.stderr.take());
        let reading = async {
            tokio::try_join!(
                read_all(stdout, MAX_OUTPUT, true),
                read_all(stderr, MAX_COMPLAINTS, false),
            )
        };
        let left_behind = async {
            running.group.ended().await;
            tokio::time::sleep(AFTERMATH).await;
        };
        let printed = cx
            .within(&format!("the program `{name}`"), async {
                tokio::pin!(reading);
                tokio::select! {
                    printed = &mut reading => printed,
                    // Whoever it left behind holds its output open, and would do so for ever.
                    () = left_behind => {
                        running.group.kill();
                        reading.await
                    }
                }
            })
            .await?;
        let ((stdout, _), (stderr, stderr_cut)) = printed.map_err(|error| match error.kind() {
            std::io::ErrorKind::FileTooLarge => Fault::new(
                Cause::TooLarge,
                format!("`{name}` printed more than {} MiB", MAX_OUTPUT >> 20),
            )
            .hint("make it print fewer entries"),
            _ => Fault::new(
                Cause::Protocol,
                format!("the output of `{name}` cannot be read: {error}"),
            ),
        })?;
        cx.within(&format!("the program `{name}`"), running.group.ended())
            .await?;
        running.group.kill();
        let status = cx
            .within(&format!("the program `{name}`"), running.collect())
            .await?
            .map_err(|error| {
                Fault::new(
                    Cause::Internal,
                    format!("`{name}` cannot be waited for: {error}"),
                )
            })?;
        Ok(Ran {
            code: status.code(),
            signal: status.signal(),
            stdout,
            stderr: cx.redactor.text(String::from_utf8_lossy(&stderr).trim()),
            stderr_cut,
        })
    }
}

impl Ran {
    /// The last line of the complaints, for a message.
    pub(crate) fn complaint(&self) -> &str {
        self.stderr
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or("it said nothing")
    }

    /// The exit code in words.
    pub(crate) fn ended(&self) -> String {
        self.code.map_or_else(
            || "was ended by a signal".to_owned(),
            |code| format!("exited with {code}"),
        )
    }
}

/// Reads a pipe to its end; past the limit it either fails or throws the rest away, and says so.
async fn read_all(
    pipe: Option<impl AsyncRead + Unpin>,
    limit: u64,
    strict: bool,
) -> std::io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let Some(mut pipe) = pipe else {
        return Ok((bytes, false));
    };
    (&mut pipe).take(limit).read_to_end(&mut bytes).await?;
    if strict && bytes.len() as u64 >= limit {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    let rest = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    Ok((bytes, rest > 0))
}

/// The fault of a program that does not start.
fn not_started(name: &str, cwd: &std::path::Path, error: &std::io::Error) -> Fault {
    match error.kind() {
        std::io::ErrorKind::NotFound if !cwd.is_dir() => {
            Fault::new(Cause::Missing, format!("{} is not a folder", cwd.display()))
                .hint("correct `cwd`")
        }
        std::io::ErrorKind::NotFound => Fault::new(
            Cause::Missing,
            format!("the program `{name}` is not installed here"),
        )
        .hint("install it, name it by its full path, or give its output with a report file"),
        std::io::ErrorKind::PermissionDenied => Fault::new(
            Cause::Denied,
            format!("the program `{name}` may not be run"),
        )
        .hint("make it executable for the user that runs readyctl"),
        _ => Fault::new(
            Cause::Internal,
            format!("the program `{name}` cannot be started: {error}"),
        ),
    }
}
