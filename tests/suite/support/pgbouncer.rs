//! PgBouncer in front of a PostgreSQL server.

use super::postgres::{Postgres, postgres_url};
use super::process::{Launch, Server, free_port, on_free_ports, program};
use super::scratch::Scratch;

/// What a pooler is to be like.
pub(crate) struct Builder {
    upstream: u16,
    users: String,
    settings: Vec<(String, String)>,
}

impl Builder {
    /// Lets a role of the server come in with its password.
    pub(crate) fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push_str(&format!("\"{name}\" \"{password}\"\n"));
        self
    }

    /// One line of the `[pgbouncer]` section; the last one of a name counts.
    pub(crate) fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the pooler.
    pub(crate) fn start(self) -> PgBouncer {
        let scratch = Scratch::new("pgbouncer");
        let users = scratch.write("users.txt", &self.users);
        let settings: String = self
            .settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"))
            .collect();
        let (port, server) = on_free_ports(|| {
            let port = free_port();
            let config = scratch.write(
                "pgbouncer.ini",
                format!(
                    "[databases]\n* = host=127.0.0.1 port={}\n\
                     [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                     unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\n\
                     pool_mode = transaction\n{settings}",
                    self.upstream,
                    users.display(),
                ),
            );
            Server::start(
                Launch::new(program("pgbouncer"), [config], "process up"),
                &scratch,
            )
            .map(|server| (port, server))
        });
        PgBouncer {
            server,
            port,
            _scratch: scratch,
        }
    }
}

/// A running pooler in transaction mode; stopped when dropped.
pub(crate) struct PgBouncer {
    server: Server,
    port: u16,
    _scratch: Scratch,
}

impl PgBouncer {
    /// Describes a pooler for every database of `postgres`.
    pub(crate) fn in_front_of(postgres: &Postgres) -> Builder {
        Builder {
            upstream: postgres.port(),
            users: String::new(),
            settings: Vec::new(),
        }
    }

    /// The process.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A connection URL through the pooler.
    pub(crate) fn url(&self, user: &str, password: &str, database: &str) -> String {
        postgres_url("127.0.0.1", self.port, user, password, database)
    }
}
