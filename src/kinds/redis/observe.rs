//! The order of the questions: the cheap and widely permitted ones first.

use std::time::Duration;

use ::redis::{Cmd, Value};
use tokio::time::Instant;

use super::facts::{Facts, Fields, Reading, Refusal, fields};
use super::session::{Answer, Session, explained};
use super::target::{Target, parse};
use super::{Mode, Persistence, Redis};
use crate::context::Context;
use crate::expect::TimeSpan;
use crate::kinds::Planned;
use crate::net::TlsOptions;
use crate::outcome::{Cause, Fault};

/// A command of words.
pub(super) fn command(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    for word in words {
        command.arg(*word);
    }
    command
}

/// Text of a reply; `None` for anything else.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) => Some(text.clone()),
        Value::VerbatimString { text, .. } => Some(text.clone()),
        Value::Okay => Some("OK".to_owned()),
        _ => None,
    }
}

/// A whole number of a reply.
pub(super) fn number_of(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        other => text_of(other)?.parse().ok(),
    }
}

/// Turns an answer into a reading; an answer of another shape is refused as `SHAPE`.
pub(super) fn reading<T>(answer: Answer, read: impl FnOnce(&Value) -> Option<T>) -> Reading<T> {
    match answer {
        Ok(value) => read(&value).map_or_else(
            || {
                Reading::Refused(Refusal {
                    code: "SHAPE".to_owned(),
                    text: "the answer has another shape than documented".to_owned(),
                })
            },
            Reading::Known,
        ),
        Err(refusal) => Reading::Refused(refusal),
    }
}

impl Redis {
    /// The target, with the password of its own field applied.
    pub(super) fn target(&self) -> Result<Target, Fault> {
        let mut target = parse(self.url.expose())?;
        if let Some(password) = &self.password {
            target.password =
                Some(password.expose().to_owned()).filter(|password| !password.is_empty());
        }
        Ok(target)
    }

    /// The TLS options, those of the URL included.
    pub(super) fn tls_options(&self, target: &Target, cx: &Context) -> TlsOptions {
        TlsOptions {
            ca_file: self
                .ca_file
                .clone()
                .filter(|path| !path.as_os_str().is_empty())
                .or_else(|| target.ca_file.clone())
                .map(|path| cx.folder.join(path)),
        }
    }

    /// Everything there is to see.
    pub(super) async fn look(&self, cx: &Context) -> Result<Facts, Fault> {
        cx.redactor.add(self.url.expose());
        let target = self.target()?;
        if let Some(password) = &target.password {
            cx.redactor.add(password);
        }
        let tls = self.tls_options(&target, cx);
        let begun = async {
            let mut session = Session::open(cx, &target, &tls).await?;
            let ping_ms = self.pings(cx, &mut session).await?;
            Ok((session, ping_ms))
        };
        let (mut session, ping_ms) = match begun.await {
            Ok(begun) => begun,
            Err(fault) => return Err(explained(cx, &target, fault).await),
        };
        let info = info(cx, &mut session).await?;
        if let (Reading::Refused(_), Reading::Refused(refusal)) = (&ping_ms, &info) {
            return Err(session.refused(refusal));
        }
        let watch_from = Instant::now();
        let config = self.config(cx, &mut session, info.known()).await?;
        let mut facts = Facts {
            place: target.place(),
            db: target.db,
            tls: target.tls,
            socket: matches!(target.place, super::target::Place::Unix(_)),
            cluster: self.cluster(cx, &mut session, info.known()).await?,
            slowlog: match self.max_slowlog {
                Some(_) => {
                    let answer = session.ask(cx, &command(&["SLOWLOG", "LEN"])).await?;
                    Some(reading(answer, number_of))
                }
                None => None,
            },
            user: None,
            permissions: Vec::new(),
            keys: Vec::new(),
            consumers: Vec::new(),
            anonymous: None,
            plaintext: None,
            later: None,
            watched_ms: 0,
            ping_ms,
            info,
            config,
        };
        self.probe_permissions(cx, &mut session, &tls, &mut facts)
            .await?;
        for keys in &self.keys {
            facts.keys.push(keys.look(cx, &mut session).await?);
        }
        for consumer in &self.consumers {
            facts.consumers.push(consumer.look(cx, &mut session).await?);
        }
        self.probe_strangers(cx, &target, &tls, &mut facts).await?;
        self.watch_counters(cx, &mut session, watch_from, &mut facts)
            .await?;
        Ok(facts)
    }

    /// Sends the PINGs, one after the other.
    async fn pings(&self, cx: &Context, session: &mut Session) -> Result<Reading<Vec<f64>>, Fault> {
        let times = if self.max_latency.is_some() {
            self.pings
        } else {
            1
        };
        let mut taken = Vec::new();
        for _ in 0..times {
            let started = Instant::now();
            match session.ask(cx, &command(&["PING"])).await? {
                Ok(_) => taken.push(started.elapsed().as_secs_f64() * 1000.0),
                Err(refusal)
                    if matches!(refusal.code.as_str(), "NOAUTH" | "DENIED")
                        || refusal.text.contains("max number of clients") =>
                {
                    return Err(session.refused(&refusal));
                }
                Err(refusal) => return Ok(Reading::Refused(refusal)),
            }
        }
        Ok(Reading::Known(taken))
    }

    /// CONFIG GET of what INFO lacks, name by name: servers before 7 take only one.
    async fn config(
        &self,
        cx: &Context,
        session: &mut Session,
        info: Option<&Fields>,
    ) -> Result<Option<Reading<Fields>>, Fault> {
        let names = self.config_names(info);
        if names.is_empty() {
            return Ok(None);
        }
        let mut found = Fields::new();
        for name in names {
            match session.ask(cx, &command(&["CONFIG", "GET", name])).await? {
                Ok(Value::Array(pair)) => {
                    if let Some(value) = pair.get(1).and_then(text_of) {
                        found.insert(name.to_owned(), value);
                    }
                }
                Ok(Value::Map(pairs)) => {
                    if let Some(value) = pairs.first().and_then(|(_, value)| text_of(value)) {
                        found.insert(name.to_owned(), value);
                    }
                }
                Ok(_) => {}
                Err(refusal) => return Ok(Some(Reading::Refused(refusal))),
            }
        }
        Ok(Some(Reading::Known(found)))
    }

    /// The configuration names that the declared expectations need.
    pub(super) fn config_names(&self, info: Option<&Fields>) -> Vec<&'static str> {
        let lacks = |field: &str| info.is_some_and(|info| !info.contains_key(field));
        let expects_saving = self
            .persistence()
            .is_some_and(|persistence| persistence != Persistence::Ignore);
        let sizes = self.max_memory_set() == Some(true) || self.max_memory_used.is_some();
        [
            (lacks("maxmemory") && sizes, "maxmemory"),
            (
                lacks("maxmemory_policy") && self.policy().is_some(),
                "maxmemory-policy",
            ),
            (
                lacks("maxclients") && self.max_clients_used.is_some(),
                "maxclients",
            ),
            (expects_saving || self.max_save_age.is_some(), "save"),
            (expects_saving && lacks("aof_enabled"), "appendonly"),
            (expects_saving, "appendfsync"),
            (
                self.min_replicas_to_write.is_some(),
                "min-replicas-to-write",
            ),
            (self.protected, "protected-mode"),
            (self.protected, "bind"),
            (self.dead_connections_closed, "timeout"),
            (self.dead_connections_closed, "tcp-keepalive"),
            (
                self.subscriber_buffers_limited,
                "client-output-buffer-limit",
            ),
        ]
        .into_iter()
        .filter_map(|(needed, name)| needed.then_some(name))
        .collect()
    }

    /// CLUSTER INFO, when this is a cluster or has to be one.
    async fn cluster(
        &self,
        cx: &Context,
        session: &mut Session,
        info: Option<&Fields>,
    ) -> Result<Option<Reading<Fields>>, Fault> {
        let enabled = info
            .and_then(|info| info.get("cluster_enabled"))
            .is_some_and(|enabled| enabled == "1");
        if !enabled && self.mode != Some(Mode::Cluster) {
            return Ok(None);
        }
        let answer = session.ask(cx, &command(&["CLUSTER", "INFO"])).await?;
        Ok(Some(reading(answer, |value| {
            text_of(value).map(|t| fields(&t))
        })))
    }

    /// Reads the counters again after the time to watch.
    async fn watch_counters(
        &self,
        cx: &Context,
        session: &mut Session,
        from: Instant,
        facts: &mut Facts,
    ) -> Result<(), Fault> {
        if !(self.no_evictions || self.no_rejected_connections) || facts.info.known().is_none() {
            return Ok(());
        }
        if self.watch.0 > cx.remaining() {
            return Err(Fault::new(
                Cause::Timeout,
                format!(
                    "watching for {} does not fit into the time left",
                    self.watch
                ),
            )
            .hint("raise `timeout:` of the check, or lower `watch:`"));
        }
        let rest = self.watch.0.saturating_sub(from.elapsed());
        tokio::time::sleep(rest.max(Duration::from_millis(1))).await;
        facts.later = Some(info(cx, session).await?);
        facts.watched_ms = TimeSpan(from.elapsed()).as_millis();
        Ok(())
    }

    /// See [`crate::kinds::Kind::plan`].
    pub(super) fn planned(&self) -> Vec<Planned> {
        let place = self.target().map_or_else(
            |_| "the Redis of the URL".to_owned(),
            |target| target.place(),
        );
        let mut plan = vec![
            Planned {
                what: format!("PING {place}"),
                at_most: if self.max_latency.is_some() {
                    self.pings
                } else {
                    1
                },
            },
            Planned {
                what: format!("INFO {place}"),
                at_most: if self.no_evictions || self.no_rejected_connections {
                    2
                } else {
                    1
                },
            },
        ];
        for name in self.config_names(Some(&Fields::new())) {
            plan.push(Planned::once(format!("CONFIG GET {name}")));
        }
        plan.push(Planned::once("CLUSTER INFO (of a cluster)"));
        if self.max_slowlog.is_some() {
            plan.push(Planned::once("SLOWLOG LEN"));
        }
        if !self.forbidden_commands.is_empty() {
            plan.push(Planned::once("ACL WHOAMI"));
        }
        for name in &self.forbidden_commands {
            plan.push(Planned::once(format!(
                "ACL DRYRUN of {name}, COMMAND INFO {name}"
            )));
        }
        for keys in &self.keys {
            plan.push(keys.planned());
        }
        plan.extend(
            self.consumers
                .iter()
                .flat_map(super::consumers::Consumer::planned),
        );
        if self.auth_required || self.protected {
            plan.push(Planned::once(
                "a second connection without credentials: PING, INFO, ACL DRYRUN of FLUSHALL",
            ));
        }
        if let Some(port) = self.plaintext_port {
            plan.push(Planned::once(format!("PING in plaintext on port {port}")));
        }
        plan
    }
}

/// INFO as fields.
async fn info(cx: &Context, session: &mut Session) -> Result<Reading<Fields>, Fault> {
    let answer = session.ask(cx, &command(&["INFO"])).await?;
    Ok(reading(answer, |value| {
        text_of(value)
            .map(|text| fields(&text))
            .filter(|fields| !fields.is_empty())
    }))
}
