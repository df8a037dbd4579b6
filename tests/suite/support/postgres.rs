//! A PostgreSQL server of one's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::certificates::{Authority, Leaf};
use super::pgtree::{SUPERUSER_PASSWORD, Tree};
use super::process::{Launch, Server, Stop, free_port, on_free_ports, output};
use super::scratch::Scratch;

/// Quick to start and to stop, and loopback only. A test that audits one of these sets it back.
const SETTINGS: [(&str, &str); 6] = [
    ("listen_addresses", "127.0.0.1"),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "16MB"),
    ("log_line_prefix", "%m "),
];

/// Who may come in: everyone by password, as a production server should have it.
const HBA: &str = "local all,replication all scram-sha-256\n\
                   host all,replication all 127.0.0.1/32 scram-sha-256\n\
                   host all,replication all ::1/128 scram-sha-256\n";

/// How long one statement of a test may take.
const CONNECT: Duration = Duration::from_secs(20);

/// What a server is to be like.
pub(crate) struct Builder {
    tree: Tree,
    tls: bool,
    settings: Vec<(String, String)>,
    hba: String,
}

impl Builder {
    /// Another tree than the one found.
    pub(crate) fn tree(mut self, tree: Tree) -> Self {
        self.tree = tree;
        self
    }

    /// A server on which pgvector is not even installed.
    pub(crate) fn without_vector(mut self) -> Self {
        self.tree = self.tree.without_vector();
        self
    }

    /// TLS with a certificate for `localhost`, and so not for 127.0.0.1, from [`Postgres::ca_path`].
    pub(crate) fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// One line of `postgresql.conf`; the last one of a name counts.
    pub(crate) fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Libraries loaded at the start, such as `pg_stat_statements`.
    pub(crate) fn preload(self, libraries: &str) -> Self {
        self.setting("shared_preload_libraries", libraries)
    }

    /// One line of `pg_hba.conf`, before those that let everyone in by password.
    pub(crate) fn hba(mut self, line: &str) -> Self {
        self.hba.push_str(line);
        self.hba.push('\n');
        self
    }

    /// Starts the server.
    pub(crate) fn start(self) -> Postgres {
        let scratch = Scratch::new("pg");
        let data = scratch.join("data");
        output(
            Command::new("cp")
                .args(["-a", "--reflink=auto"])
                .arg(self.tree.template())
                .arg(&data),
        );
        let authority = self.tls.then(|| self.write_identity(&scratch));
        scratch.write("data/pg_hba.conf", format!("{}{HBA}", self.hba));
        let initial = fs::read_to_string(data.join("postgresql.conf")).unwrap();
        let (port, server) = on_free_ports(|| {
            let port = free_port();
            let settings = self.settings_text(port, scratch.path());
            scratch.write("data/postgresql.conf", format!("{initial}{settings}"));
            Server::start(launch(&self.tree, &data), &scratch).map(|server| (port, server))
        });
        Postgres {
            server,
            scratch,
            tree: self.tree,
            port,
            authority,
        }
    }

    fn write_identity(&self, scratch: &Scratch) -> Authority {
        let authority = Authority::root();
        let identity = authority.issue(&Leaf::localhost());
        scratch.write("data/server.crt", identity.chain);
        scratch.write("data/server.key", identity.key);
        authority
    }

    fn settings_text(&self, port: u16, sockets: &Path) -> String {
        let port = port.to_string();
        let sockets = sockets.display().to_string();
        let ssl = if self.tls { "on" } else { "off" };
        let fixed = [
            ("port", &*port),
            ("unix_socket_directories", &sockets),
            ("ssl", ssl),
        ];
        let asked = self
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        SETTINGS
            .into_iter()
            .chain(fixed)
            .chain(asked)
            .map(|(name, value)| format!("{name} = {}\n", quoted(value)))
            .collect()
    }
}

fn launch(tree: &Tree, data: &Path) -> Launch {
    let pid_file = data.join("postmaster.pid");
    Launch {
        program: tree.bin("postgres"),
        args: vec!["-D".into(), data.into()],
        // Its "immediate" stop, which also ends its children.
        stop: Stop::Quit,
        ready: Box::new(move |pid, _| {
            let state = fs::read_to_string(&pid_file).unwrap_or_default();
            let mut lines = state.lines();
            lines.next() == Some(&pid.to_string()) && lines.any(|line| line.trim() == "ready")
        }),
        own_user: false,
    }
}

/// A running server; stopped and removed when dropped.
pub(crate) struct Postgres {
    server: Server,
    scratch: Scratch,
    tree: Tree,
    port: u16,
    authority: Option<Authority>,
}

impl Postgres {
    /// Describes a server, with pgvector installed and TLS off.
    pub(crate) fn builder() -> Builder {
        Builder {
            tree: Tree::found().clone(),
            tls: false,
            settings: Vec::new(),
            hba: String::new(),
        }
    }

    /// Starts a server with pgvector installed and TLS off.
    pub(crate) fn start() -> Self {
        Self::builder().start()
    }

    /// The process: to stop, freeze or restart it, or to read its log.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Stops the server at once, as a crash would.
    pub(crate) fn stop(&self) {
        self.server.stop();
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The name in the certificate, or the address when there is none.
    pub(crate) fn host(&self) -> &'static str {
        if self.authority.is_some() {
            "localhost"
        } else {
            "127.0.0.1"
        }
    }

    /// The folder with the server's Unix socket.
    pub(crate) fn socket_folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The folder with the server's data.
    pub(crate) fn data(&self) -> PathBuf {
        self.scratch.join("data")
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

    /// A connection URL; the caller adds `?sslmode=` and the like.
    pub(crate) fn url(&self, user: &str, password: &str, database: &str) -> String {
        postgres_url(self.host(), self.port, user, password, database)
    }

    /// The superuser's URL.
    pub(crate) fn superuser_url(&self, database: &str) -> String {
        self.url("postgres", SUPERUSER_PASSWORD, database)
    }

    /// Runs statements as the superuser in the database `postgres`; gives the rows of all results,
    /// with NULL as an empty text.
    ///
    /// # Panics
    /// When the server refuses one.
    pub(crate) fn sql(&self, sql: &str) -> Vec<Vec<String>> {
        self.sql_in("postgres", sql)
    }

    /// The same in another database.
    pub(crate) fn sql_in(&self, database: &str, sql: &str) -> Vec<Vec<String>> {
        self.session("postgres", SUPERUSER_PASSWORD, database)
            .and_then(|session| session.sql(sql))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The first value that `sql` gives.
    pub(crate) fn value(&self, sql: &str) -> String {
        self.sql(sql)[0][0].clone()
    }

    /// Makes a role that may log in; `options` are words of `CREATE ROLE`, such as `BYPASSRLS`.
    pub(crate) fn create_role(&self, name: &str, password: &str, options: &str) {
        let password = quoted(password);
        self.sql(&format!(
            "create role \"{name}\" login password {password} {options}"
        ));
    }

    /// Makes a database.
    pub(crate) fn create_database(&self, name: &str) {
        self.sql(&format!("create database \"{name}\""));
    }

    /// Opens a connection over the Unix socket and keeps it until it is dropped: to hold a lock, a
    /// transaction or a connection slot.
    pub(crate) fn session(
        &self,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<Session, String> {
        let mut config = Config::new();
        config
            .host_path(self.socket_folder())
            .port(self.port)
            .user(user)
            .password(password)
            .dbname(database);
        Session::open(&config)
    }

    /// `pg_dump` of the server's own version.
    pub(crate) fn pg_dump_path(&self) -> PathBuf {
        self.tree.tool("pg_dump")
    }

    /// Another client tool of the server's own version: `psql`, `pg_restore`, `pg_basebackup`.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        self.tree.tool(name)
    }
}

/// A text as SQL and `postgresql.conf` write it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A connection URL with its parts escaped.
pub(crate) fn postgres_url(
    host: &str,
    port: u16,
    user: &str,
    password: &str,
    database: &str,
) -> String {
    let mut url = url::Url::parse(&format!("postgresql://{host}:{port}/{database}")).unwrap();
    url.set_username(user).unwrap();
    url.set_password(Some(password)).unwrap();
    url.into()
}

/// A connection that a test holds open.
pub(crate) struct Session {
    client: Client,
    runtime: Runtime,
}

impl Session {
    /// Connects without TLS; gives the server's message when it refuses.
    pub(crate) fn open(config: &Config) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut config = config.clone();
        config.connect_timeout(CONNECT);
        let (client, connection) = runtime
            .block_on(config.connect(NoTls))
            .map_err(|error| message(&error))?;
        runtime.spawn(connection);
        Ok(Self { client, runtime })
    }

    /// Runs statements; gives the rows of all results, or the server's message.
    pub(crate) fn sql(&self, sql: &str) -> Result<Vec<Vec<String>>, String> {
        let messages = self
            .runtime
            .block_on(self.client.simple_query(sql))
            .map_err(|error| message(&error))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows
            .map(|row| {
                (0..row.len())
                    .map(|i| row.get(i).unwrap_or_default().into())
                    .collect()
            })
            .collect())
    }
}

fn message(error: &tokio_postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), |error| error.message().to_owned())
}
