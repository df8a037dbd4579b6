//! A Redis server of one's own.

use std::path::Path;
use std::time::Duration;

use super::certificates::{Authority, Leaf};
use super::process::{
    Launch, Server, command, free_port, on_free_ports, output, program, wait_for,
};
use super::scratch::Scratch;

/// How long a replica may take to connect to its primary.
const REPLICATION: Duration = Duration::from_secs(30);

/// What a server is to be like.
#[derive(Default)]
pub(crate) struct Builder {
    config: String,
    password: Option<String>,
    tls: bool,
    primary: Option<u16>,
}

impl Builder {
    /// One line of `redis.conf`.
    pub(crate) fn config(mut self, line: &str) -> Self {
        self.config.push_str(line);
        self.config.push('\n');
        self
    }

    /// The password of the default user.
    pub(crate) fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.config(&format!("requirepass {password}"))
    }

    /// An ACL user, with its rules: `("app", "on >secret ~app:* +@read")`.
    pub(crate) fn acl_user(self, name: &str, rules: &str) -> Self {
        self.config(&format!("user {name} {rules}"))
    }

    /// TLS, and no plain port, with a certificate for `localhost` from [`Redis::ca_path`].
    pub(crate) fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Makes it a replica of a server without TLS; waits for their link.
    pub(crate) fn replica_of(mut self, primary: &Redis) -> Self {
        self.primary = Some(primary.port);
        if let Some(password) = &primary.password {
            self = self.config(&format!("masterauth {password}"));
        }
        self
    }

    /// Starts the server.
    pub(crate) fn start(self) -> Redis {
        let scratch = Scratch::new("redis");
        let authority = self.tls.then(|| {
            let authority = Authority::root();
            let identity = authority.issue(&Leaf::localhost());
            scratch.write("server.crt", identity.chain);
            scratch.write("server.key", identity.key);
            authority
        });
        let (port, server) = on_free_ports(|| {
            let port = free_port();
            let config = scratch.write("redis.conf", self.config_text(port));
            let ready = "Ready to accept connections";
            Server::start(
                Launch::new(program("redis-server"), [config], ready),
                &scratch,
            )
            .map(|server| (port, server))
        });
        let redis = Redis {
            server,
            scratch,
            port,
            password: self.password,
            authority,
        };
        if self.primary.is_some() {
            wait_for("the replica's link", REPLICATION, || {
                let state = redis.cli(&["INFO", "replication"]);
                state.contains("master_link_status:up").then_some(())
            });
        }
        redis
    }

    fn config_text(&self, port: u16) -> String {
        let Self {
            config,
            tls,
            primary,
            ..
        } = self;
        let listen = if *tls {
            format!(
                "port 0\ntls-port {port}\ntls-auth-clients no\n\
                 tls-cert-file server.crt\ntls-key-file server.key\n"
            )
        } else {
            format!("port {port}\n")
        };
        let primary = primary
            .map(|port| format!("replicaof 127.0.0.1 {port}\n"))
            .unwrap_or_default();
        format!("bind 127.0.0.1\nsave \"\"\nrepl-diskless-sync-delay 0\n{listen}{primary}{config}")
    }
}

/// A running server; stopped when dropped.
pub(crate) struct Redis {
    server: Server,
    scratch: Scratch,
    port: u16,
    password: Option<String>,
    authority: Option<Authority>,
}

impl Redis {
    /// Describes a server without a password and without TLS.
    pub(crate) fn builder() -> Builder {
        Builder::default()
    }

    /// Starts a server without a password and without TLS.
    pub(crate) fn start() -> Self {
        Self::builder().start()
    }

    /// The process: to stop, freeze or restart it, or to read its log.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The default user's URL.
    pub(crate) fn url(&self) -> String {
        let password = self
            .password
            .as_ref()
            .map(|word| format!(":{word}@"))
            .unwrap_or_default();
        self.url_with(&password)
    }

    /// An ACL user's URL.
    pub(crate) fn url_as(&self, user: &str, password: &str) -> String {
        self.url_with(&format!("{user}:{password}@"))
    }

    /// The certificate of the authority that signed the server's.
    ///
    /// # Panics
    /// Without TLS.
    pub(crate) fn ca_path(&self) -> &Path {
        self.authority
            .as_ref()
            .expect("the server was built with tls()")
            .path()
    }

    /// Runs one command as the default user; gives the answer as `redis-cli` prints it.
    ///
    /// # Panics
    /// When the server answers with an error.
    pub(crate) fn cli(&self, words: &[&str]) -> String {
        let credentials = self
            .password
            .as_deref()
            .map(|password| ("default", password));
        self.cli_with(credentials, words)
    }

    /// The same as an ACL user.
    pub(crate) fn cli_as(&self, user: &str, password: &str, words: &[&str]) -> String {
        self.cli_with(Some((user, password)), words)
    }

    fn cli_with(&self, credentials: Option<(&str, &str)>, words: &[&str]) -> String {
        let mut cli = command(&program("redis-cli"), self.scratch.path());
        cli.args(["-h", "127.0.0.1", "-e", "-p", &self.port.to_string()]);
        if let Some(authority) = &self.authority {
            cli.args(["--tls", "--sni", "localhost", "--cacert"])
                .arg(authority.path());
        }
        if let Some((user, password)) = credentials {
            cli.args(["--user", user]).env("REDISCLI_AUTH", password);
        }
        output(cli.args(words)).trim_end().to_owned()
    }

    fn url_with(&self, credentials: &str) -> String {
        match self.authority {
            Some(_) => format!("rediss://{credentials}localhost:{}/", self.port),
            None => format!("redis://{credentials}127.0.0.1:{}/", self.port),
        }
    }
}
