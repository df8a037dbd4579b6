//! Judging: the common words, whether the server answers, and the profile's own expectations.

use jiff::Timestamp;

use super::facts::{Facts, Fields, Reading};
use super::{Mode, Persistence, Redis, Role, ServerRole};
use crate::expect::Matcher;
use crate::outcome::Finding;

/// The state of one judgement.
pub(super) struct Judging<'a> {
    /// What is expected.
    pub(super) spec: &'a Redis,
    /// What was seen.
    pub(super) facts: &'a Facts,
    /// When the audit began.
    pub(super) now: Timestamp,
    /// What was judged so far.
    pub(super) findings: Vec<Finding>,
}

impl Redis {
    /// The expected persistence, the role's when the field is left out.
    pub(super) fn persistence(&self) -> Option<Persistence> {
        self.persistence.or_else(|| match self.role? {
            Role::Queue | Role::Session | Role::Store => Some(Persistence::Any),
            Role::Cache | Role::RateLimiter => None,
        })
    }

    /// Whether a memory limit is expected.
    pub(super) fn max_memory_set(&self) -> Option<bool> {
        self.max_memory_set
            .or_else(|| (self.role? == Role::Cache).then_some(true))
    }

    /// The expected eviction policy and why it is expected.
    pub(super) fn policy(&self) -> Option<(Matcher, &'static str)> {
        if let Some(matcher) = &self.eviction_policy {
            return Some((matcher.clone(), "the policy is not the declared one"));
        }
        let read = |text: &str| serde_json::from_str::<Matcher>(text).ok();
        Some(match self.role? {
            Role::Cache => (
                read(r#"{"starts_with": "allkeys-"}"#)?,
                "a cache must be able to evict any key: `noeviction`, and `volatile-*` without expiries, answer writes with an error when memory is full",
            ),
            Role::RateLimiter => (
                read(r#"{"one_of": ["noeviction", "volatile-ttl"]}"#)?,
                "evicting counters that still count lifts the limit for whoever they belong to",
            ),
            Role::Queue | Role::Session | Role::Store => (
                Matcher::equals("noeviction"),
                "any other policy silently deletes data when memory is full",
            ),
        })
    }

    /// The expected place in replication.
    pub(super) fn server_role(&self) -> Option<ServerRole> {
        self.server_role.or_else(|| {
            (self.role.is_some() && self.mode != Some(Mode::Cluster)).then_some(ServerRole::Master)
        })
    }
}

impl<'a> Judging<'a> {
    /// A judgement that has not begun.
    pub(super) fn new(spec: &'a Redis, facts: &'a Facts, now: Timestamp) -> Self {
        Self {
            spec,
            facts,
            now,
            findings: Vec::new(),
        }
    }

    /// Every statement.
    pub(super) fn all(mut self) -> Vec<Finding> {
        self.answers();
        self.loading();
        self.security();
        self.permissions();
        self.mode();
        self.version();
        self.replication();
        self.cluster();
        self.sentinel();
        self.memory();
        self.eviction();
        self.persistence();
        self.saving();
        self.hit_rate();
        self.expiries();
        self.keys();
        self.clients();
        self.counters();
        self.latency();
        self.connections();
        self.consumers();
        self.own();
        self.findings
    }

    /// A fault.
    pub(super) fn fail(
        &mut self,
        code: &'static str,
        subject: &str,
        expected: &str,
        actual: &str,
        message: impl Into<String>,
    ) {
        self.findings
            .push(Finding::fail(code, subject, expected, actual, message));
    }

    /// Advice.
    pub(super) fn warn(
        &mut self,
        code: &'static str,
        subject: &str,
        expected: &str,
        actual: &str,
        message: impl Into<String>,
    ) {
        self.findings
            .push(Finding::fail(code, subject, expected, actual, message).as_warning());
    }

    /// A statement that could not be judged, and why.
    pub(super) fn unknown(&mut self, code: &'static str, subject: &str, expected: &str, why: &str) {
        let message = format!("{subject} cannot be judged: {why}");
        self.findings.push(
            Finding::fail(code, subject, expected, format!("unknown ({why})"), message)
                .as_unknown(),
        );
    }

    /// A statement that holds.
    pub(super) fn pass(&mut self, subject: &str, expected: &str, actual: &str) {
        self.findings.push(Finding::pass(subject, expected, actual));
    }

    /// INFO, when the server gave it.
    pub(super) fn info(&self) -> Option<&'a Fields> {
        self.facts.info.known()
    }

    /// A field of INFO.
    pub(super) fn field(&self, name: &str) -> Option<&'a str> {
        self.info()?.get(name).map(String::as_str)
    }

    /// A field of INFO, or the configuration value where INFO lacks it.
    pub(super) fn field_or_config(&self, field: &str, config: &str) -> Option<&'a str> {
        self.field(field).or_else(|| self.config(config))
    }

    /// A whole number of INFO.
    pub(super) fn integer(&self, name: &str) -> Option<u64> {
        self.field(name)?.trim().parse().ok()
    }

    /// A configuration value.
    pub(super) fn config(&self, name: &str) -> Option<&'a str> {
        self.facts
            .config
            .as_ref()?
            .known()?
            .get(name)
            .map(String::as_str)
    }

    /// Why a configuration value is not known.
    pub(super) fn no_config(&self, name: &str) -> String {
        match &self.facts.config {
            Some(Reading::Refused(refusal)) => format!("CONFIG GET {name}: {refusal}"),
            _ => format!("the server has no `{name}`"),
        }
    }

    /// Records that INFO lacks what a statement needs.
    pub(super) fn lacks(&mut self, code: &'static str, subject: &str, expected: &str, name: &str) {
        let why = match &self.facts.info {
            Reading::Refused(refusal) => format!("INFO: {refusal}"),
            Reading::Known(_) => format!("INFO has no `{name}`"),
        };
        self.unknown(code, subject, expected, &why);
    }

    /// Whether this is a replica.
    pub(super) fn is_replica(&self) -> bool {
        self.field("role") == Some("slave")
    }

    /// Whether this is a sentinel.
    pub(super) fn is_sentinel(&self) -> bool {
        self.field("redis_mode") == Some("sentinel")
    }

    /// Whether the server answers PING.
    fn answers(&mut self) {
        let (subject, expected) = ("PING", "an answer");
        let refusal = match &self.facts.ping_ms {
            Reading::Known(taken) => {
                let first = taken.first().copied().unwrap_or_default();
                self.pass(subject, expected, &format!("answered in {first:.1}ms"));
                return;
            }
            Reading::Refused(refusal) => refusal,
        };
        let shown = refusal.to_string();
        match refusal.code.as_str() {
            "LOADING" => {} // judged from INFO, which says so too
            "MISCONF" => self.fail(
                "RED-10",
                subject,
                expected,
                &shown,
                "the server refuses writes because it could not save its data",
            ),
            "MASTERDOWN" => self.fail(
                "RED-12",
                subject,
                expected,
                &shown,
                "the replica has lost its master and refuses to serve stale data",
            ),
            "BUSY" => self.fail(
                "RED-15",
                subject,
                expected,
                &shown,
                "a script keeps the server busy",
            ),
            _ => self.unknown("RED-21", subject, expected, &shown),
        }
    }

    /// Whether the data is in memory.
    fn loading(&mut self) {
        let (subject, expected) = ("loading", "all data in memory");
        let refused_ping =
            matches!(&self.facts.ping_ms, Reading::Refused(refusal) if refusal.code == "LOADING");
        match self.field("loading") {
            _ if self.is_sentinel() => {}
            Some("0") if !refused_ping => self.pass(subject, expected, "loaded"),
            None if !refused_ping => {
                if self.info().is_some() {
                    self.lacks("RED-19", subject, expected, "loading");
                } else {
                    self.lacks("RED-19", "INFO", "readable", "loading");
                }
            }
            _ => {
                let done = self.field("loading_loaded_perc").unwrap_or("?");
                self.fail(
                    "RED-19",
                    subject,
                    expected,
                    &format!("loading, {done}% done"),
                    "the server is still loading its data and answers with errors",
                );
            }
        }
    }

    /// Whether the server is run as declared.
    fn mode(&mut self) {
        let Some(mode) = self.spec.mode else { return };
        let subject = "mode";
        match self
            .field("redis_mode")
            .or_else(|| self.field("server_mode"))
        {
            Some(actual) => {
                self.check(
                    actual == mode.name(),
                    "RED-13",
                    subject,
                    mode.name(),
                    actual,
                    || format!("the server is run as {actual}"),
                );
            }
            None => self.lacks("RED-13", subject, mode.name(), "redis_mode"),
        }
    }

    /// The profile's own expectations over INFO.
    fn own(&mut self) {
        for (name, matcher) in self.spec.info.iter() {
            let subject = format!("info {name}");
            let Some(info) = self.info() else {
                self.lacks("RED-54", &subject, &matcher.to_string(), name);
                continue;
            };
            let value = info.get(name).map(String::as_str);
            match matcher.check_text(value) {
                Ok(()) => {
                    self.pass(&subject, &matcher.to_string(), value.unwrap_or("nothing"));
                }
                Err(mismatch) => {
                    let message = format!(
                        "INFO reports {} = {}",
                        name,
                        value.unwrap_or("nothing: there is no such field")
                    );
                    self.fail(
                        "RED-54",
                        &subject,
                        &mismatch.expected,
                        &mismatch.actual,
                        message,
                    );
                }
            }
        }
    }
}

/// `part` of `whole` in percent.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}
