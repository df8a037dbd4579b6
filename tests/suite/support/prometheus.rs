//! A Prometheus server and an Alertmanager of one's own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::process::{
    Launch, Server, command, free_port, on_free_ports, output, program, wait_for,
};
use super::scratch::Scratch;

/// How long discovery and the first scrapes and evaluations may take; discovery alone waits 5 s.
const SOON: Duration = Duration::from_secs(60);

/// A running Alertmanager; stopped when dropped.
pub(crate) struct Alertmanager {
    _server: Server,
    _scratch: Scratch,
    port: u16,
}

impl Alertmanager {
    /// Starts one with this configuration.
    pub(crate) fn start(config: &str) -> Self {
        let scratch = Scratch::new("alertmanager");
        let (port, server) = on_free_ports(|| {
            let port = free_port();
            let config = scratch.write("config.yml", config);
            let data = scratch.folder("data");
            let args = [
                format!("--config.file={}", config.display()),
                format!("--storage.path={}", data.display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
                "--cluster.listen-address=".to_owned(),
            ];
            let launch = Launch::new(program("prometheus-alertmanager"), args, "Listening on");
            Server::start(launch, &scratch).map(|server| (port, server))
        });
        Self {
            _server: server,
            _scratch: scratch,
            port,
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its host and port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Adds a silence.
    pub(crate) fn silence(&self, silence: &Value) {
        let answer = post(self.port, "/api/v2/silences", &silence.to_string());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Waits until it holds an alert of this name.
    pub(crate) fn await_alert(&self, name: &str) {
        wait_for("an alert in the Alertmanager", SOON, || {
            request(self.port, "GET", "/api/v2/alerts", "")
                .contains(name)
                .then_some(())
        });
    }
}

/// A running Prometheus; stopped when dropped.
pub(crate) struct Prometheus {
    _server: Server,
    scratch: Scratch,
    port: u16,
}

impl Prometheus {
    /// Starts one with this configuration, whose `rule_files` may name `rules.yml`.
    pub(crate) fn start(config: &str, rules: &str) -> Self {
        Self::with_history(config, rules, "")
    }

    /// The same with samples of the past, in the format of OpenMetrics.
    pub(crate) fn with_history(config: &str, rules: &str, history: &str) -> Self {
        let scratch = Scratch::new("prometheus");
        if !history.is_empty() {
            let samples = scratch.write("history.txt", history);
            let mut promtool = command(&program("promtool"), scratch.path());
            promtool
                .args(["tsdb", "create-blocks-from", "openmetrics"])
                .arg(samples)
                .arg(scratch.folder("data"));
            output(&mut promtool);
        }
        let (port, server) = on_free_ports(|| {
            let port = free_port();
            scratch.write("rules.yml", rules);
            let config = scratch.write("config.yml", config);
            let data = scratch.folder("data");
            let args = [
                format!("--config.file={}", config.display()),
                format!("--storage.tsdb.path={}", data.display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
                "--web.enable-lifecycle".to_owned(),
                // An alert that fired before the Alertmanager was found is sent again a minute later.
                "--rules.alert.resend-delay=1s".to_owned(),
            ];
            let ready = "Server is ready to receive web requests";
            let launch = Launch::new(program("prometheus"), args, ready);
            Server::start(launch, &scratch).map(|server| (port, server))
        });
        Self {
            _server: server,
            scratch,
            port,
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until a part of its API says something.
    pub(crate) fn await_state(&self, path: &str, words: &str) -> &Self {
        wait_for(&format!("{words} in {path}"), SOON, || {
            request(self.port, "GET", path, "")
                .contains(words)
                .then_some(())
        });
        self
    }

    /// What a part of its API says.
    pub(crate) fn get(&self, path: &str) -> String {
        request(self.port, "GET", path, "")
    }

    /// Writes other rules, for the next [`Self::reload`].
    pub(crate) fn rules(&self, rules: &str) {
        self.scratch.write("rules.yml", rules);
    }

    /// Writes a configuration and asks it to load that; it may refuse.
    pub(crate) fn reload(&self, config: &str) {
        self.scratch.write("config.yml", config);
        post(self.port, "/-/reload", "");
    }
}

fn post(port: u16, path: &str, body: &str) -> String {
    request(port, "POST", path, body)
}

/// Sends a request and gives all that comes back.
fn request(port: u16, method: &str, path: &str, body: &str) -> String {
    let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)) else {
        return String::new();
    };
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut answer = Vec::new();
    // A server that is about to stop resets connections: what came before counts.
    let _ = socket.write_all(format!("{head}{body}").as_bytes());
    let _ = socket.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
