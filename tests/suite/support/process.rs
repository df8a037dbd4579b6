//! Server processes that start on free ports, and end with the test or with its process.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::scratch::{self, Scratch};

/// How long a server may take to start: generous, because a loaded machine is not a failure.
const START: Duration = Duration::from_secs(60);

/// How long a server may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(10);

/// How often a condition that is waited for is looked at.
const POLL: Duration = Duration::from_millis(5);

/// How often a server is started again when another program takes its port first.
const PORT_TRIES: usize = 10;

/// Folders of daemons that are missing from an ordinary user's `PATH`.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Waits until `condition` gives a value.
///
/// # Panics
/// When that takes longer than `limit`.
pub(crate) fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} for {what}");
        thread::sleep(POLL);
    }
}

/// A loopback port that was free a moment ago. Another program may take it first: see
/// [`on_free_ports`].
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().unwrap().port()
}

/// Runs `start`, which takes its ports from [`free_port`], again when it loses the race for one.
///
/// # Panics
/// With the server's log when it fails for any other reason.
pub(crate) fn on_free_ports<T>(mut start: impl FnMut() -> Result<T, String>) -> T {
    for _ in 0..PORT_TRIES {
        match start() {
            Ok(server) => return server,
            Err(log) if log.to_lowercase().contains("address already in use") => {}
            Err(log) => panic!("{log}"),
        }
    }
    panic!("lost the race for a free port {PORT_TRIES} times");
}

/// Where the program `name` is installed.
///
/// # Panics
/// When it is not: a missing server fails a test, it never skips it.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_FOLDERS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: run tests/run, which installs it"))
}

/// A command with nothing of the test's environment but `PATH`, run in `folder` as the server's user.
pub(crate) fn command(program: &Path, folder: &Path) -> Command {
    let mut command = own_command(program, folder);
    if let Some(user) = scratch::server_user() {
        command.uid(user).gid(user);
    }
    command
}

/// The same, run as the user of the tests.
pub(crate) fn own_command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end and gives what it printed.
///
/// # Panics
/// With all its output when it fails.
pub(crate) fn output(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(
        status.success(),
        "{command:?}: {status}\n{stdout}\n{stderr}"
    );
    stdout
}

/// Starts a child that the kernel signals when this process dies, however it dies.
///
/// The kernel ties that signal to the thread that forked, and a test's thread ends before the
/// process does: so one thread that lives as long as the process starts every server.
fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, Sender<io::Result<Child>>);
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in orders {
                // The one who asked is gone only when its test has ended.
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (answer, child) = channel();
    spawner
        .send((command, answer))
        .expect("the spawner lives as long as the process");
    child.recv().expect("the spawner answers every order")
}

/// The signal that ends a server at once, with its children.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
    /// For a server without children.
    Kill,
    /// For one whose children end with it when it is asked.
    Terminate,
    /// For PostgreSQL's immediate shutdown.
    Quit,
}

impl Stop {
    fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::KILL,
            Self::Terminate => Signal::TERM,
            Self::Quit => Signal::QUIT,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Terminate => "TERM",
            Self::Quit => "QUIT",
        }
    }
}

/// What tells from a child's process id and its log whether it is ready.
type Readiness = dyn Fn(u32, &str) -> bool + Send + Sync;

/// How to start a server: kept, so that it can be started again.
pub(crate) struct Launch {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
    /// How to end it.
    pub(crate) stop: Stop,
    /// When it is ready.
    pub(crate) ready: Box<Readiness>,
    /// Whether it runs as the user of the tests: for programs that others may not read.
    pub(crate) own_user: bool,
}

impl Launch {
    /// A server that is ended by a plain kill and has written `ready` to its log when it is up.
    pub(crate) fn new(
        program: PathBuf,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        ready: &'static str,
    ) -> Self {
        Self {
            program,
            args: args
                .into_iter()
                .map(|arg| arg.as_ref().to_owned())
                .collect(),
            stop: Stop::Kill,
            ready: Box::new(move |_, log| log.contains(ready)),
            own_user: false,
        }
    }
}

/// A server process; stopped when dropped.
pub(crate) struct Server {
    launch: Launch,
    folder: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Server {
    /// Starts the server in `scratch` and waits until it is ready; gives its log when it fails.
    pub(crate) fn start(launch: Launch, scratch: &Scratch) -> Result<Self, String> {
        let server = Self {
            launch,
            folder: scratch.path().to_owned(),
            child: Mutex::new(None),
        };
        server.launch()?;
        Ok(server)
    }

    /// Everything the server has printed since it was last started.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Stops the server at once and waits for its end; nothing happens when it has ended already.
    pub(crate) fn stop(&self) {
        let Some(mut child) = self.child.lock().unwrap().take() else {
            return;
        };
        let pid = Pid::from_child(&child);
        // A server that has just ended by itself cannot be signalled; it is waited for all the same.
        let _ = kill_process(pid, self.launch.stop.signal());
        let _ = kill_process(pid, Signal::CONT);
        let deadline = Instant::now() + STOP;
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = child.kill();
            }
            thread::sleep(POLL);
        }
    }

    /// Stops the server and starts it again, on the same ports.
    pub(crate) fn restart(&self) {
        self.stop();
        self.launch().unwrap_or_else(|log| panic!("{log}"));
    }

    /// Freezes the server: the kernel still accepts connections for it, and nobody answers them.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen server go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.lock().unwrap();
        let child = child.as_ref().expect("the server runs");
        kill_process(Pid::from_child(child), signal).expect("the server can be signalled");
    }

    fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap().as_mut()?.try_wait().unwrap()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn launch(&self) -> Result<(), String> {
        let Launch {
            program,
            args,
            stop,
            own_user,
            ..
        } = &self.launch;
        let name = program.display();
        let log = File::create(self.log_path()).unwrap();
        let setpriv = self::program("setpriv");
        let mut wrapped = if *own_user {
            own_command(&setpriv, &self.folder)
        } else {
            command(&setpriv, &self.folder)
        };
        wrapped
            .arg(format!("--pdeathsig={}", stop.name()))
            .arg(program)
            .args(args)
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = spawn(wrapped).map_err(|error| format!("cannot start {name}: {error}"))?;
        let pid = child.id();
        *self.child.lock().unwrap() = Some(child);
        let deadline = Instant::now() + START;
        while !(self.launch.ready)(pid, &self.log()) {
            if let Some(status) = self.ended() {
                return Err(format!(
                    "{name} ended at its start with {status}:\n{}",
                    self.log()
                ));
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "{name} was not ready in {START:?}:\n{}",
                    self.log()
                ));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
