//! What a DSN says, driver by driver: libpq, SQLAlchemy, Prisma, JDBC, node-postgres, asyncpg.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::parse;
use super::words::{HARMLESS, UNSUPPORTED};
use crate::expect::Secret;
use crate::outcome::{Cause, Fault};

/// How much TLS the DSN asks for, in libpq's words.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SslMode {
    /// Never.
    Disable,
    /// Only when the server refuses plaintext.
    Allow,
    /// When the server offers it, plaintext otherwise: what most drivers do by default.
    #[default]
    Prefer,
    /// Encrypted, but whoever answers is believed.
    Require,
    /// Encrypted, the certificate's issuer is verified, its name is not.
    VerifyCa,
    /// Encrypted, issuer and name verified.
    VerifyFull,
}

impl SslMode {
    /// The word of the DSN.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// Reads libpq's word, or one of a driver.
    fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "disable" | "false" | "0" | "off" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" | "no-verify" => Self::Require,
            "verify-ca" | "verify_ca" => Self::VerifyCa,
            "verify-full" | "verify_full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

/// One place to try.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// A name or address, and the port.
    Tcp {
        /// Name the certificate must carry.
        name: String,
        /// Address to connect to instead of looking the name up.
        address: Option<String>,
        /// Port.
        port: u16,
    },
    /// A Unix socket in this folder.
    Unix {
        /// Folder, as in `/var/run/postgresql`.
        folder: PathBuf,
        /// Part of the socket's name.
        port: u16,
    },
}

impl Host {
    /// `db:5432`, or the path of the socket.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Tcp { name, port, .. } if name.contains(':') => format!("[{name}]:{port}"),
            Self::Tcp { name, port, .. } => format!("{name}:{port}"),
            Self::Unix { folder, port } => format!("{}/.s.PGSQL.{port}", folder.display()),
        }
    }
}

/// Which server of several will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Wanted {
    /// The first that answers.
    #[default]
    Any,
    /// One that accepts writes.
    Primary,
    /// One that is in recovery.
    Standby,
}

/// Certificate authorities a DSN names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Roots {
    /// Nothing said.
    #[default]
    Unsaid,
    /// `sslrootcert=system`.
    System,
    /// A PEM file.
    File(PathBuf),
}

/// A parsed DSN.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dsn {
    /// Places to try, in order.
    pub(crate) hosts: Vec<Host>,
    /// Role to log in as.
    pub(crate) user: Option<String>,
    /// Its password.
    pub(crate) password: Option<Secret>,
    /// Database; the user's name when not given.
    pub(crate) database: Option<String>,
    /// TLS as asked for.
    pub(crate) ssl: SslMode,
    /// Authorities.
    pub(crate) roots: Roots,
    /// Client certificate and key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// TLS without asking first (PostgreSQL 17).
    pub(crate) direct_tls: bool,
    /// Only TLS 1.3.
    pub(crate) only_tls13: bool,
    /// SCRAM channel binding must be used.
    pub(crate) channel_binding: Option<bool>,
    /// Schemas in which the application looks for tables.
    pub(crate) search_path: Option<String>,
    /// Settings the application's sessions start with.
    pub(crate) settings: Vec<(String, String)>,
    /// Size of the application's pool, when the DSN says it.
    pub(crate) connection_limit: Option<u32>,
    /// Which server will do.
    pub(crate) wanted: Wanted,
}

impl Dsn {
    /// Parses any form.
    ///
    /// # Errors
    /// A fault that names the word that is wrong and never a part that could hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let raw = parse::split(text.trim())?;
        let mut dsn = Self {
            user: raw.user.filter(|user| !user.is_empty()),
            password: raw
                .password
                .filter(|password| !password.is_empty())
                .map(Secret::new),
            database: raw.database.filter(|name| !name.is_empty()),
            ..Self::default()
        };
        let mut places = Places {
            hosts: raw.hosts,
            ports: raw.ports,
            addresses: Vec::new(),
        };
        let mut tls = TlsWords::default();
        for (word, value) in raw.words {
            let word = word.to_ascii_lowercase();
            if !dsn.connection_word(&word, &value, &mut places)?
                && !dsn.tls_word(&word, &value, &mut tls)?
                && !dsn.session_word(&word, &value)?
                && !HARMLESS.contains(&word.as_str())
            {
                return Err(unknown(&word));
            }
        }
        dsn.settle_tls(tls)?;
        dsn.hosts = places.hosts()?;
        Ok(dsn)
    }

    /// Words about where to and as whom.
    fn connection_word(
        &mut self,
        word: &str,
        value: &str,
        places: &mut Places,
    ) -> Result<bool, Fault> {
        let list = |value: &str| value.split(',').map(|p| p.trim().to_owned()).collect();
        match word {
            "host" => places.hosts = list(value),
            "hostaddr" => places.addresses = list(value),
            "port" => places.ports = list(value),
            "dbname" | "database" | "db" => self.database = Some(value.to_owned()),
            "user" | "username" => self.user = Some(value.to_owned()),
            "password" => {
                self.password = (!value.is_empty()).then(|| Secret::new(value));
            }
            "target_session_attrs" | "targetservertype" | "target_server_type" => {
                self.wanted = match value {
                    "any" | "prefer-standby" | "preferstandby" | "preferSecondary" => Wanted::Any,
                    "read-write" | "primary" | "master" => Wanted::Primary,
                    "read-only" | "standby" | "secondary" | "slave" => Wanted::Standby,
                    _ => {
                        return Err(bad(
                            word,
                            "write any, primary, standby, read-write or read-only",
                        ));
                    }
                }
            }
            "gssencmode" if value == "require" => {
                return Err(bad(
                    word,
                    "GSS encryption is not supported; use TLS for the audit",
                ));
            }
            "gssencmode" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Words about TLS.
    fn tls_word(&mut self, word: &str, value: &str, tls: &mut TlsWords) -> Result<bool, Fault> {
        if let Some((_, why)) = UNSUPPORTED.iter().find(|(name, _)| *name == word) {
            return Err(bad(word, why));
        }
        match word {
            "sslmode" => tls.mode = Some(SslMode::parse(value).ok_or_else(|| bad(word, MODES))?),
            "ssl" | "usessl" | "tls" => {
                // Drivers with a boolean verify fully when it is true (node-postgres, JDBC, asyncpg).
                let mode = match value.to_ascii_lowercase().as_str() {
                    "true" | "1" | "on" => Some(SslMode::VerifyFull),
                    other => SslMode::parse(other),
                };
                tls.boolean = Some(mode.ok_or_else(|| bad(word, MODES))?);
            }
            "requiressl" => tls.boolean = (value == "1").then_some(SslMode::Require),
            "sslaccept" => {
                tls.accept = Some(match value {
                    "strict" => SslMode::VerifyFull,
                    "accept_invalid_certs" => SslMode::Require,
                    _ => return Err(bad(word, "write strict or accept_invalid_certs")),
                });
            }
            "sslrootcert" if value == "system" => self.roots = Roots::System,
            "sslrootcert" | "sslca" => self.roots = Roots::File(value.into()),
            "sslcert" => tls.certificate = Some(value.into()),
            "sslkey" => tls.key = Some(value.into()),
            "sslnegotiation" => {
                self.direct_tls = match value {
                    "direct" => true,
                    "postgres" => false,
                    _ => return Err(bad(word, "write postgres or direct")),
                }
            }
            "ssl_min_protocol_version" => self.only_tls13 = value.eq_ignore_ascii_case("TLSv1.3"),
            "channel_binding" => {
                self.channel_binding = match value {
                    "require" => Some(true),
                    "disable" => Some(false),
                    "prefer" => None,
                    _ => return Err(bad(word, "write disable, prefer or require")),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Words about the application's sessions.
    fn session_word(&mut self, word: &str, value: &str) -> Result<bool, Fault> {
        match word {
            // Prisma's is one name, exactly as written.
            "schema" => self.search_path = Some(format!("\"{}\"", value.replace('"', "\"\""))),
            "search_path" | "currentschema" => {
                self.search_path = Some(value.to_owned());
            }
            "options" => {
                for (name, value) in parse::options(value)? {
                    if name == "search_path" {
                        self.search_path = Some(value.clone());
                    }
                    self.settings.push((name, value));
                }
            }
            "statement_timeout"
            | "lock_timeout"
            | "idle_in_transaction_session_timeout"
            | "transaction_timeout" => {
                self.settings.push((word.to_owned(), value.to_owned()));
            }
            "connection_limit" => {
                self.connection_limit = Some(
                    value
                        .parse()
                        .map_err(|_| bad(word, "write a number of connections"))?,
                );
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Combines the words about TLS the way libpq and Prisma do.
    fn settle_tls(&mut self, tls: TlsWords) -> Result<(), Fault> {
        self.ssl = tls.mode.or(tls.boolean).unwrap_or_default();
        if let Some(accept) = tls.accept
            && self.ssl != SslMode::Disable
            && (accept == SslMode::VerifyFull || tls.mode.is_none_or(|m| m <= SslMode::Require))
        {
            // `strict` only matters once there is TLS; with `prefer` Prisma may still fall back.
            if self.ssl >= SslMode::Require {
                self.ssl = accept;
            }
        }
        match (tls.certificate, tls.key) {
            (Some(certificate), Some(key)) => self.identity = Some((certificate, key)),
            // Prisma's `sslcert` without a key is the authority's certificate.
            (Some(certificate), None) => {
                if self.roots == Roots::Unsaid {
                    self.roots = Roots::File(certificate);
                }
            }
            (None, Some(_)) => {
                return Err(bad(
                    "sslkey",
                    "name the certificate that belongs to it with `sslcert=`",
                ));
            }
            (None, None) => {}
        }
        match self.roots {
            // libpq: the system's authorities sign for everyone, so only full verification means
            // something; a weaker word is an error there, no word at all means verify-full.
            Roots::System if tls.mode.is_none() => self.ssl = SslMode::VerifyFull,
            Roots::System if self.ssl != SslMode::VerifyFull => {
                return Err(bad(
                    "sslmode",
                    "`sslrootcert=system` is only safe with `sslmode=verify-full`",
                ));
            }
            // libpq: with an authority at hand `require` verifies it.
            Roots::File(_) if self.ssl == SslMode::Require && tls.accept.is_none() => {
                self.ssl = SslMode::VerifyCa;
            }
            _ => {}
        }
        Ok(())
    }

    /// `host:port` of every place, for the per-host limit.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.hosts.iter().map(Host::shown).collect()
    }

    /// The role, in messages.
    pub(crate) fn user_shown(&self) -> String {
        self.user.clone().unwrap_or_else(os_user)
    }

    /// The database, in messages.
    pub(crate) fn database_shown(&self) -> String {
        self.database.clone().unwrap_or_else(|| self.user_shown())
    }

    /// `host:port/database` without any credential.
    pub(crate) fn shown(&self) -> String {
        format!("{}/{}", self.keys().join(","), self.database_shown())
    }

    /// The value of a setting with which the application's sessions start.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.settings
            .iter()
            .rev()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The words about TLS as met, before they are combined.
#[derive(Default)]
struct TlsWords {
    /// `sslmode`.
    mode: Option<SslMode>,
    /// `ssl`, `requiressl`.
    boolean: Option<SslMode>,
    /// Prisma's `sslaccept`.
    accept: Option<SslMode>,
    /// `sslcert`.
    certificate: Option<PathBuf>,
    /// `sslkey`.
    key: Option<PathBuf>,
}

/// Hosts, addresses and ports as met, before they are paired.
struct Places {
    /// Names, folders.
    hosts: Vec<String>,
    /// Addresses.
    addresses: Vec<String>,
    /// Ports, one for all or one each; empty means 5432.
    ports: Vec<String>,
}

impl Places {
    /// Pairs them.
    fn hosts(&self) -> Result<Vec<Host>, Fault> {
        let count = self.hosts.len().max(self.addresses.len()).max(1);
        if self.ports.len() > 1 && self.ports.len() != count {
            return Err(bad("port", "write one port for all hosts, or one for each"));
        }
        (0..count)
            .map(|i| {
                let port = self
                    .ports
                    .get(i)
                    .or_else(|| self.ports.first())
                    .map_or("", String::as_str);
                let port = match port {
                    "" => 5432,
                    text => text.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(|| {
                        bad("port", "write a number from 1 to 65535; special characters in a password must be percent-encoded (`/` is %2F, `@` is %40)")
                    })?,
                };
                let name = self.hosts.get(i).map_or("", String::as_str);
                let address = self.addresses.get(i).filter(|a| !a.is_empty()).cloned();
                if name.starts_with('/') || name.starts_with('@') {
                    return Ok(Host::Unix { folder: name.into(), port });
                }
                let name = match (name, &address) {
                    ("", Some(address)) => address.clone(),
                    ("", None) => "localhost".to_owned(),
                    (name, _) => name.trim_start_matches('[').trim_end_matches(']').to_owned(),
                };
                Ok(Host::Tcp { name, address, port })
            })
            .collect()
    }
}

/// What can be written for `sslmode`.
const MODES: &str = "write disable, allow, prefer, require, verify-ca or verify-full";

/// A word with a value that cannot be used. The value is not shown: it may be part of a password.
pub(super) fn bad(word: &str, help: &str) -> Fault {
    Fault::new(
        Cause::Unparseable,
        format!("the PostgreSQL DSN cannot be used: `{word}` has a value that is not supported"),
    )
    .code("PG-01")
    .hint(help)
}

/// A word nobody knows.
fn unknown(word: &str) -> Fault {
    let shown: String = word
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c))
        .take(40)
        .collect();
    let suggestion = crate::profile::node::suggest(
        &shown,
        HARMLESS
            .iter()
            .copied()
            .chain(UNSUPPORTED.iter().map(|(name, _)| *name))
            .chain([
                "sslmode",
                "sslrootcert",
                "sslcert",
                "sslkey",
                "schema",
                "options",
                "host",
                "port",
            ]),
    );
    Fault::new(
        Cause::Unparseable,
        format!("the PostgreSQL DSN has an unknown word `{shown}`"),
    )
    .code("PG-01")
    .hint(if suggestion.is_empty() {
        "correct it, or leave it out of the DSN that is given to the audit".to_owned()
    } else {
        suggestion
    })
}

/// Name of the user that runs this process.
fn os_user() -> String {
    ["PGUSER", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "postgres".to_owned())
}
