//! Services of the kinds that real systems are made of: FastAPI under uvicorn, Express under Node.
//!
//! Their source is in `tests/twins`, their libraries where `tests/run` has put them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::process::{Launch, Server, free_port, on_free_ports, program};
use super::scratch::Scratch;

/// A service process on a loopback port; stopped when dropped.
pub(crate) struct Twin {
    server: Server,
    /// Its folder holds the log.
    _scratch: Scratch,
    port: u16,
}

impl Twin {
    /// Starts `tests/twins/NAME.py`, whose `app` is an ASGI application, with these variables.
    pub(crate) fn python(name: &str, env: &[(&str, String)]) -> Self {
        let paths = format!("{}:{}", libraries("python").display(), source().display());
        Self::start(env, |port| {
            let args: Vec<OsString> = [
                "PYTHONDONTWRITEBYTECODE=1".to_owned(),
                "PYTHONUNBUFFERED=1".to_owned(),
                format!("PYTHONPATH={paths}"),
                "python3".to_owned(),
                "-m".to_owned(),
                "uvicorn".to_owned(),
                format!("{name}:app"),
                "--host".to_owned(),
                "127.0.0.1".to_owned(),
                "--port".to_owned(),
                port.to_string(),
                "--no-server-header".to_owned(),
            ]
            .map(OsString::from)
            .to_vec();
            (args, "Uvicorn running on")
        })
    }

    /// Starts `tests/twins/NAME.cjs`, which listens on `PORT` and then prints `listening`.
    pub(crate) fn node(name: &str, env: &[(&str, String)]) -> Self {
        let script = source().join(format!("{name}.cjs"));
        let modules = libraries("node").join("node_modules");
        Self::start(env, |port| {
            let args = vec![
                format!("NODE_PATH={}", modules.display()).into(),
                "NODE_ENV=production".into(),
                format!("PORT={port}").into(),
                "node".into(),
                script.clone().into_os_string(),
            ];
            (args, "listening")
        })
    }

    /// Runs `env` with the variables in front of what `command` gives for a port.
    fn start(
        env: &[(&str, String)],
        command: impl Fn(u16) -> (Vec<OsString>, &'static str),
    ) -> Self {
        let scratch = Scratch::new("twin");
        let (port, server) = on_free_ports(|| {
            let port = free_port();
            let (rest, ready) = command(port);
            let variables = env
                .iter()
                .map(|(name, value)| OsString::from(format!("{name}={value}")));
            let args: Vec<OsString> = variables.chain(rest).collect();
            let mut launch = Launch::new(program("env"), args, ready);
            launch.own_user = true;
            Server::start(launch, &scratch).map(|server| (port, server))
        });
        Self {
            server,
            _scratch: scratch,
            port,
        }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What it has printed.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }
}

/// The folder of the services' source.
fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/twins")
}

/// Where the libraries of a language are.
fn libraries(language: &str) -> PathBuf {
    let folder = std::env::var_os("READYCTL_TEST_TWINS")
        .map(PathBuf::from)
        .expect("READYCTL_TEST_TWINS is not set: run tests/run, which installs the libraries");
    folder.join(language)
}
