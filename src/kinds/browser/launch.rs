//! Finds an installed browser, starts it with an empty profile, and leaves nothing of it behind.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::Instant;

use super::cdp::Cdp;
use crate::context::Context;
use crate::environment::Origin;
use crate::outcome::{Cause, Fault};
use crate::program::Running;

/// The variable of this process that names the browser.
const VARIABLE: &str = "READYCTL_BROWSER";

/// Names under which browsers are installed, and where macOS keeps them.
const NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// What every browser is started with: no window, nothing that calls home, and no way to the
/// metadata services of clouds, whatever a page asks for.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-domain-reliability",
    "--disable-search-engine-choice-screen",
    "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider",
    "--metrics-recording-only",
    "--mute-audio",
    "--password-store=basic",
    "--use-mock-keychain",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP 169.254.* ~NOTFOUND, MAP [fe80:* ~NOTFOUND, MAP metadata.google.internal ~NOTFOUND",
];

/// What the browser may need of this process's variables.
const VARIABLES: &[&str] = &[
    "PATH",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

/// How the line begins in which a browser says where it listens.
const LISTENING: &str = "DevTools listening on ws://127.0.0.1:";

/// A browser that runs. The order matters: first it is killed, then its profile is removed.
#[derive(Debug)]
pub(super) struct Browser {
    /// Its processes.
    running: Running,
    /// Its empty profile and its home.
    profile: TempDir,
    /// The connection to it.
    pub(super) cdp: Cdp,
    /// Its name and version.
    pub(super) version: String,
}

/// The browser to start: only the operator's own variable or a name this program knows.
///
/// # Errors
/// When there is none, with how to get one.
fn find(cx: &Context) -> Result<PathBuf, Fault> {
    let own = |name: &str| {
        let of_process = cx.environment.origin(name) == Some(&Origin::Process);
        cx.environment.get(name).filter(|_| of_process)
    };
    let path = own("PATH").unwrap_or_default();
    let search = |name: &str| {
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|candidate| candidate.is_file())
    };
    if let Some(named) = own(VARIABLE).filter(|named| !named.is_empty()) {
        return search(named).ok_or_else(|| {
            Fault::new(
                Cause::Missing,
                format!("{VARIABLE} names {named}, which is no program here"),
            )
            .hint(format!(
                "correct {VARIABLE}, or unset it to look for a browser on PATH"
            ))
        });
    }
    NAMES.iter().find_map(|name| search(name)).ok_or_else(|| {
        Fault::new(Cause::Missing, "no browser is installed here").hint(format!(
            "install Chromium (Debian: `apt-get install chromium`), or name a Chromium or Chrome with the variable {VARIABLE}"
        ))
    })
}

/// The fault of a browser that does not come up, with the last thing it said.
fn not_up(program: &std::path::Path, said: &[String]) -> Fault {
    let told = said
        .iter()
        .rev()
        .find(|line| line.to_lowercase().contains("sandbox") || line.contains("FATAL"))
        .or(said.last())
        .map_or("it said nothing", String::as_str);
    let fault = Fault::new(
        Cause::Unreachable,
        format!("{} does not start: {told}", program.display()),
    );
    if told.to_lowercase().contains("sandbox") {
        fault.hint("this machine lets ordinary users make no sandbox: allow unprivileged user namespaces, or run as root in a container of its own")
    } else {
        fault.hint("start it by hand with `--headless` to see what it misses")
    }
}

impl Browser {
    /// Starts the browser and connects to it.
    ///
    /// # Errors
    /// When none is installed or it does not come up in time.
    pub(super) async fn start(cx: &Context, until: Instant) -> Result<Self, Fault> {
        let program = find(cx)?;
        let profile = tempfile::Builder::new()
            .prefix("readyctl-browser-")
            .tempdir()
            .map_err(|error| {
                Fault::new(
                    Cause::Denied,
                    format!("no temporary folder for the browser: {error}"),
                )
                .hint("set TMPDIR to a folder that can be written")
            })?;
        let mut command = Command::new(&program);
        command
            .args(FLAGS)
            .arg(format!(
                "--user-data-dir={}",
                profile.path().join("profile").display()
            ))
            .current_dir(profile.path())
            .env_clear()
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if rustix::process::geteuid().is_root() {
            command.arg("--no-sandbox");
        }
        command.arg("about:blank");
        for name in VARIABLES {
            if let Some(value) = cx.environment.get(name) {
                command.env(name, value);
            }
        }
        let mut running = Running::start(&mut command).map_err(|error| {
            Fault::new(
                Cause::Denied,
                format!("{} cannot be started: {error}", program.display()),
            )
        })?;
        let mut said = Vec::new();
        let place = match running.child.stderr.take() {
            Some(stderr) => tokio::time::timeout_at(until, listening(stderr, &mut said))
                .await
                .ok()
                .flatten(),
            None => None,
        };
        let Some((port, path)) = place else {
            running.end().await;
            return Err(not_up(&program, &said));
        };
        let mut cdp = Cdp::connect(port, &path, until)
            .await
            .map_err(|trouble| trouble.fault("answer"))?;
        let version = cdp
            .call(None, "Browser.getVersion", json!({}), until)
            .await
            .map_err(|trouble| trouble.fault("say its version"))?;
        Ok(Self {
            running,
            profile,
            cdp,
            version: version["product"].as_str().unwrap_or("?").to_owned(),
        })
    }

    /// Kills the browser and removes its profile.
    pub(super) async fn end(self) {
        self.running.end().await;
        // A process of the group that dies a moment later may still write.
        for _ in 0..20 {
            if std::fs::remove_dir_all(self.profile.path()).is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Reads what the browser says until it tells where it listens; the rest is thrown away.
async fn listening(
    stderr: tokio::process::ChildStderr,
    said: &mut Vec<String>,
) -> Option<(u16, String)> {
    let mut lines = BufReader::new(stderr.take(1 << 20)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(place) = line.strip_prefix(LISTENING) {
            let (port, path) = place.split_once('/')?;
            let found = (port.parse().ok()?, format!("/{}", path.trim()));
            let mut rest = lines.into_inner().into_inner().into_inner();
            tokio::spawn(async move { tokio::io::copy(&mut rest, &mut tokio::io::sink()).await });
            return Some(found);
        }
        said.push(crate::exchange::cut(&line, 300).to_owned());
    }
    None
}
