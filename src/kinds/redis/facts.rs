//! What was seen of a server.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// An error of the server's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Refusal {
    /// `NOPERM`, `LOADING`, `ERR`.
    pub(super) code: String,
    /// The rest of the line.
    pub(super) text: String,
}

impl Refusal {
    /// Whether the user may not run the command.
    pub(super) fn is_denied(&self) -> bool {
        self.code == "NOPERM"
    }
    /// Whether the command does not exist: renamed, blocked by a provider, or too old a server.
    pub(super) fn is_unknown_command(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        text.contains("unknown command") || text.contains("unknown subcommand")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_denied() {
            f.write_str("not permitted (NOPERM)")
        } else if self.is_unknown_command() {
            f.write_str("the server does not know the command, or hides it")
        } else if self.text.is_empty() {
            f.write_str(&self.code)
        } else {
            write!(f, "{} {}", self.code, self.text)
        }
    }
}

/// What came back for one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reading<T> {
    /// The answer.
    Known(T),
    /// The server refused to tell.
    Refused(Refusal),
}

impl<T> Reading<T> {
    /// The answer, if there is one.
    pub(super) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Refused(_) => None,
        }
    }
}

/// Fields of INFO or CONFIG.
pub(super) type Fields = BTreeMap<String, String>;

/// Everything that was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// `host:port` or the socket.
    pub(super) place: String,
    /// Database number.
    pub(super) db: u32,
    /// Whether the connection was encrypted.
    pub(super) tls: bool,
    /// Whether it went through a Unix socket.
    pub(super) socket: bool,
    /// How long each PING took, in milliseconds.
    pub(super) ping_ms: Reading<Vec<f64>>,
    /// INFO, all default sections.
    pub(super) info: Reading<Fields>,
    /// Counters of INFO after `watched_ms`.
    pub(super) later: Option<Reading<Fields>>,
    /// How long counters were watched.
    pub(super) watched_ms: u64,
    /// CONFIG GET, only the names that were needed; a name the server does not know is absent.
    pub(super) config: Option<Reading<Fields>>,
    /// CLUSTER INFO.
    pub(super) cluster: Option<Reading<Fields>>,
    /// SLOWLOG LEN.
    pub(super) slowlog: Option<Reading<u64>>,
    /// What a connection without credentials may do.
    pub(super) anonymous: Option<Anonymous>,
    /// What answers on the port that must not speak plaintext.
    pub(super) plaintext: Option<Plaintext>,
    /// Name of the user of the URL.
    pub(super) user: Option<Reading<String>>,
    /// Whether that user may run the forbidden commands.
    pub(super) permissions: Vec<Permission>,
    /// Declared keys.
    pub(super) keys: Vec<KeysSeen>,
    /// Declared consumers.
    pub(super) consumers: Vec<Consumption>,
}

/// What a connection without credentials may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Anonymous {
    /// The answer to PING: `None` when it was answered.
    pub(super) refused: Option<Refusal>,
    /// Whether INFO was answered.
    pub(super) reads_info: bool,
    /// Whether it may run administrative commands (`ACL DRYRUN` of `FLUSHALL` says so).
    pub(super) administers: bool,
}

/// What a port does with plaintext.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Plaintext {
    /// `host:port`.
    pub(super) place: String,
    /// What was seen.
    pub(super) answer: PlaintextAnswer,
    /// Details of it.
    pub(super) detail: String,
}

/// How a port answers a plaintext PING.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PlaintextAnswer {
    /// As Redis: an answer or an error such as NOAUTH.
    Redis,
    /// Nothing listens, or it is not plaintext Redis.
    Closed,
    /// Could not be found out.
    Unknown,
}

/// Whether a user may run a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Permission {
    /// The command.
    pub(super) command: String,
    /// The answer.
    pub(super) may: Reading<May>,
}

/// Whether something may be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum May {
    /// It may.
    Yes,
    /// The ACL forbids it.
    No,
    /// The server has no such command.
    Absent,
}

/// What was found for a declared pattern.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct KeysSeen {
    /// The pattern.
    pub(super) pattern: String,
    /// The answer.
    pub(super) seen: Reading<Found>,
}

/// Result of a bounded search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Found {
    /// Whether such a key was found.
    pub(super) any: bool,
    /// Keys looked through.
    pub(super) looked_at: u64,
    /// Whether the whole database was looked through.
    pub(super) complete: bool,
}

/// What was found for a declared consumer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Consumption {
    /// The groups of a stream.
    pub(super) groups: Option<Reading<Vec<Group>>>,
    /// Length of a list.
    pub(super) length: Option<Reading<u64>>,
    /// Subscribers of a channel.
    pub(super) subscribers: Option<Reading<u64>>,
    /// Subscriptions to patterns on the whole server.
    pub(super) patterns: Option<Reading<u64>>,
}

/// A consumer group of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    /// Its name.
    pub(super) name: String,
    /// Delivered and not acknowledged.
    pub(super) pending: Option<u64>,
    /// Not yet delivered; unknown before Redis 7 and after deletions.
    pub(super) lag: Option<u64>,
    /// Milliseconds since each consumer last asked.
    pub(super) idle_ms: Reading<Vec<u64>>,
}

impl Facts {
    /// Facts with numbers as numbers, for expressions.
    pub(super) fn for_assert(&self) -> serde_json::Value {
        let mut facts = serde_json::to_value(self).unwrap_or_default();
        for name in ["info", "later", "config", "cluster"] {
            let known = facts.get_mut(name).and_then(|r| r.get_mut("known"));
            let Some(serde_json::Value::Object(fields)) = known.map(serde_json::Value::take) else {
                continue;
            };
            let typed: serde_json::Map<String, serde_json::Value> = fields
                .into_iter()
                .map(|(key, value)| {
                    let number = value.as_str().and_then(|text| text.parse::<f64>().ok());
                    let number = number.and_then(serde_json::Number::from_f64);
                    (key, number.map_or(value, serde_json::Value::Number))
                })
                .collect();
            if let Some(object) = facts.as_object_mut() {
                object.insert(name.to_owned(), serde_json::Value::Object(typed));
            }
        }
        facts
    }
}

/// Reads `name:value` lines; bounded in number and length.
pub(super) fn fields(text: &str) -> Fields {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.trim_end().split_once(':'))
        .filter(|(name, _)| !matches!(*name, "executable" | "config_file"))
        .take(500)
        .map(|(name, value)| (name.to_owned(), value.chars().take(300).collect()))
        .collect()
}
