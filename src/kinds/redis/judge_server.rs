//! Judging version, replication, cluster, sentinels, clients, latency and connection settings.

use std::time::Duration;

use super::ServerRole;
use super::facts::Reading;
use super::judge::{Judging, percent};
use super::releases::{self, Product};
use crate::expect::{ByteSize, TimeSpan, Version};

impl Judging<'_> {
    /// Version: old, or known to be vulnerable.
    pub(super) fn version(&mut self) {
        if self.spec.min_version.is_none() && !self.spec.no_known_vulnerabilities {
            return;
        }
        let product = if self.field("valkey_version").is_some() {
            Product::Valkey
        } else {
            Product::Redis
        };
        let text = self
            .field("valkey_version")
            .or_else(|| self.field("redis_version"));
        let version = text.and_then(|text| text.parse::<Version>().ok());
        let Some(version) = version else {
            self.lacks("RED-17", "version", "known", "redis_version");
            return;
        };
        let actual = format!("{} {version}", product.name());
        if let Some(oldest) = &self.spec.min_version {
            let expected = format!("at least {oldest}");
            self.check(
                version >= *oldest,
                "RED-17",
                "version",
                &expected,
                &actual,
                || format!("{actual} is older than {oldest}"),
            );
        }
        if self.spec.no_known_vulnerabilities {
            self.vulnerabilities(product, &version, &actual);
        }
    }

    /// Compares with the table of advisories.
    fn vulnerabilities(&mut self, product: Product, version: &Version, actual: &str) {
        let subject = "known vulnerabilities";
        let expected = format!("none as of {}", releases::TABLE_DATE);
        if self.field("dragonfly_version").is_some() {
            self.unknown(
                "RED-17",
                subject,
                &expected,
                "the table covers Redis and Valkey only",
            );
            return;
        }
        let open: Vec<String> = releases::open(product, version)
            .into_iter()
            .filter(|name| {
                !self
                    .spec
                    .accepted_vulnerabilities
                    .iter()
                    .any(|accepted| accepted.eq_ignore_ascii_case(name))
            })
            .map(str::to_owned)
            .collect();
        if open.is_empty() {
            self.pass(subject, &expected, actual);
        } else {
            let list = open.join(", ");
            let shown = format!("{actual}: {list}");
            self.fail(
                "RED-17",
                subject,
                &expected,
                &shown,
                format!(
                    "{actual} lacks the fixes of {list} (unless the distribution patched them in)"
                ),
            );
        }
        if releases::is_stale(self.now) {
            self.warn(
                "RED-17",
                "table of vulnerabilities",
                "younger than nine months",
                releases::TABLE_DATE,
                "newer vulnerabilities are not known to this version of readyctl",
            );
        }
    }

    /// Place in replication, link, replicas.
    pub(super) fn replication(&mut self) {
        if self.is_sentinel() {
            return;
        }
        // Clients of a cluster find the right node themselves.
        let by_role_only = self.spec.server_role.is_none();
        let in_cluster = self.field("redis_mode") == Some("cluster");
        let wanted = self.spec.server_role();
        if let Some(wanted) = wanted.filter(|_| !(by_role_only && in_cluster)) {
            let (subject, code) = ("server role", "RED-11");
            let expected = match wanted {
                ServerRole::Master => "master",
                ServerRole::Replica => "replica",
            };
            match self.field("role") {
                Some(role) => {
                    let actual = if role == "slave" { "replica" } else { role };
                    self.check(
                        actual == expected,
                        code,
                        subject,
                        expected,
                        actual,
                        || match wanted {
                            ServerRole::Master => {
                                "this server is a replica: writes fail".to_owned()
                            }
                            ServerRole::Replica => "this server is not a replica".to_owned(),
                        },
                    );
                }
                None => self.lacks(code, subject, expected, "role"),
            }
        }
        if self.is_replica() {
            let status = self.field("master_link_status").unwrap_or("unknown");
            let since = self
                .integer("master_link_down_since_seconds")
                .map(|seconds| format!(" for {}", TimeSpan::seconds(seconds)))
                .unwrap_or_default();
            let actual = format!("{status}{since}");
            self.check(
                status == "up",
                "RED-12",
                "link to the master",
                "up",
                &actual,
                || format!("the replica has lost its master ({actual}) and serves old data"),
            );
        }
        self.replicas();
        if let Some(least) = self.spec.min_replicas_to_write {
            let (subject, expected) = ("min-replicas-to-write", format!("at least {least}"));
            match self.config("min-replicas-to-write").map(str::parse::<u32>) {
                Some(Ok(actual)) => {
                    self.check(actual >= least, "RED-12", subject, &expected, &actual.to_string(), || {
                        "a master cut off from its replicas goes on accepting writes that will be lost".to_owned()
                    });
                }
                _ => {
                    let why = self.no_config("min-replicas-to-write");
                    self.unknown("RED-12", subject, &expected, &why);
                }
            }
        }
    }

    /// Online replicas and their lag.
    fn replicas(&mut self) {
        if self.spec.min_replicas.is_none() && self.spec.max_replica_lag.is_none() {
            return;
        }
        // A bound on the lag of replicas says nothing where there is none.
        let least = self.spec.min_replicas.unwrap_or(1);
        let (subject, expected) = ("replicas", format!("at least {least} online"));
        let Some(connected) = self.integer("connected_slaves") else {
            self.lacks("RED-12", subject, &expected, "connected_slaves");
            return;
        };
        let lines: Vec<&str> = self
            .info()
            .into_iter()
            .flatten()
            .filter(|(name, _)| {
                name.strip_prefix("slave")
                    .is_some_and(|rest| rest.parse::<u32>().is_ok())
            })
            .map(|(_, line)| line.as_str())
            .collect();
        let part = |line: &str, name: &str| {
            line.split(',')
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        };
        let online = lines
            .iter()
            .filter(|line| part(line, "state").as_deref() == Some("online"))
            .count();
        let actual = format!("{online} online of {connected} connected");
        let enough = u64::try_from(online).unwrap_or(0) >= u64::from(least);
        self.check(enough, "RED-12", subject, &expected, &actual, || {
            format!("{actual}: not enough replicas to take over")
        });
        let Some(bound) = self.spec.max_replica_lag else {
            return;
        };
        let own = self.integer("master_repl_offset");
        for line in lines {
            let name = format!(
                "lag of {}:{}",
                part(line, "ip").unwrap_or_default(),
                part(line, "port").unwrap_or_default()
            );
            let expected = format!("at most {bound}");
            let offset = part(line, "offset").and_then(|offset| offset.parse::<u64>().ok());
            match (own, offset) {
                (Some(own), Some(offset)) => {
                    let lag = ByteSize(own.saturating_sub(offset));
                    self.check(
                        lag <= bound,
                        "RED-12",
                        &name,
                        &expected,
                        &lag.to_string(),
                        || format!("a replica is {lag} behind"),
                    );
                }
                _ => self.lacks("RED-12", &name, &expected, "offset"),
            }
        }
    }

    /// State of the cluster as this node sees it.
    pub(super) fn cluster(&mut self) {
        let (subject, expected) = ("cluster", "state ok, 16384 slots covered");
        match &self.facts.cluster {
            None => {}
            // Already red because the mode is wrong.
            Some(Reading::Refused(_)) if self.field("redis_mode") == Some("standalone") => {}
            Some(Reading::Refused(refusal)) => {
                self.unknown("RED-13", subject, expected, &refusal.to_string());
            }
            Some(Reading::Known(cluster)) => {
                let get = |name: &str| cluster.get(name).map_or("unknown", String::as_str);
                let (state, slots, failed) = (
                    get("cluster_state"),
                    get("cluster_slots_ok"),
                    get("cluster_slots_fail"),
                );
                let actual = format!("state {state}, {slots} slots ok, {failed} failed");
                let good = state == "ok" && slots == "16384" && failed == "0";
                self.check(good, "RED-13", subject, expected, &actual, || {
                    format!("the cluster does not serve all keys: {actual}")
                });
            }
        }
    }

    /// What a sentinel says of its masters.
    pub(super) fn sentinel(&mut self) {
        if !self.is_sentinel() {
            if let (Some(least), None) = (self.spec.min_sentinels, self.spec.mode) {
                self.unknown(
                    "RED-13",
                    "sentinels",
                    &format!("at least {least}"),
                    "this server is no sentinel",
                );
            }
            return;
        }
        let masters: Vec<&str> = self
            .info()
            .into_iter()
            .flatten()
            .filter(|(name, line)| name.starts_with("master") && line.starts_with("name="))
            .map(|(_, line)| line.as_str())
            .collect();
        if masters.is_empty() {
            self.fail(
                "RED-13",
                "sentinel",
                "watches a master",
                "no master",
                "the sentinel watches no master",
            );
        }
        let least = u64::from(self.spec.min_sentinels.unwrap_or(1));
        for line in masters {
            let part = |name: &str| {
                line.split(',')
                    .filter_map(|pair| pair.split_once('='))
                    .find(|(key, _)| *key == name)
                    .map_or("unknown", |(_, value)| value)
            };
            let subject = format!("master {}", part("name"));
            let (status, sentinels) = (part("status"), part("sentinels"));
            let expected = format!("ok, at least {least} sentinels");
            let actual = format!(
                "{status}, {sentinels} sentinels, {} replicas",
                part("slaves")
            );
            let good = status == "ok" && sentinels.parse().is_ok_and(|count: u64| count >= least);
            self.check(good, "RED-13", &subject, &expected, &actual, || {
                format!("the sentinels cannot fail over {}: {actual}", part("name"))
            });
        }
    }

    /// Connected and blocked clients.
    pub(super) fn clients(&mut self) {
        if let Some(bound) = self.spec.max_clients_used {
            let (subject, expected) = ("clients", format!("at most {bound}% of maxclients"));
            let most = self
                .field_or_config("maxclients", "maxclients")
                .and_then(|text| text.parse::<u64>().ok());
            match (self.integer("connected_clients"), most) {
                (Some(connected), Some(most)) if most > 0 => {
                    let share = percent(connected, most);
                    let actual = format!("{connected} of {most} ({share:.1}%)");
                    self.check(
                        share <= bound,
                        "RED-14",
                        subject,
                        &expected,
                        &actual,
                        || {
                            format!(
                                "{actual} connections are taken: soon new clients are turned away"
                            )
                        },
                    );
                }
                _ => self.lacks("RED-14", subject, &expected, "maxclients"),
            }
        }
        if let Some(bound) = self.spec.max_blocked_clients {
            let (subject, expected) = ("blocked clients", format!("at most {bound}"));
            match self.integer("blocked_clients") {
                Some(blocked) => {
                    self.check(
                        blocked <= bound,
                        "RED-14",
                        subject,
                        &expected,
                        &blocked.to_string(),
                        || format!("{blocked} clients wait for something that does not come"),
                    );
                }
                None => self.lacks("RED-14", subject, &expected, "blocked_clients"),
            }
        }
    }

    /// PING, slow log, forks.
    pub(super) fn latency(&mut self) {
        if let Some(bound) = self.spec.max_latency {
            let (subject, expected) = ("PING, 95 of 100", format!("within {bound}"));
            match &self.facts.ping_ms {
                Reading::Known(taken) if !taken.is_empty() => {
                    let mut sorted = taken.clone();
                    sorted.sort_by(f64::total_cmp);
                    let rank = (sorted.len() * 95).div_ceil(100).max(1) - 1;
                    let slow = sorted.get(rank).copied().unwrap_or(f64::INFINITY);
                    let actual = format!("{slow:.2}ms of {} PINGs", sorted.len());
                    let good = slow <= bound.0.as_secs_f64() * 1000.0;
                    self.check(good, "RED-15", subject, &expected, &actual, || {
                        format!("the server takes {slow:.1}ms for a PING")
                    });
                }
                Reading::Known(_) => self.unknown("RED-15", subject, &expected, "no PING was sent"),
                Reading::Refused(refusal) => {
                    self.unknown("RED-15", subject, &expected, &refusal.to_string());
                }
            }
        }
        if let Some(bound) = self.spec.max_slowlog {
            let (subject, expected) = ("slow log", format!("at most {bound} entries"));
            match &self.facts.slowlog {
                Some(Reading::Known(length)) => {
                    self.check(
                        *length <= bound,
                        "RED-15",
                        subject,
                        &expected,
                        &length.to_string(),
                        || format!("{length} commands were slow enough to be logged"),
                    );
                }
                Some(Reading::Refused(refusal)) => {
                    self.unknown("RED-15", subject, &expected, &refusal.to_string());
                }
                None => self.unknown("RED-15", subject, &expected, "it was not asked for"),
            }
        }
        if let Some(bound) = self.spec.max_fork_time {
            let (subject, expected) = ("last fork", format!("within {bound}"));
            match self.integer("latest_fork_usec") {
                Some(micros) => {
                    let taken = TimeSpan(Duration::from_micros(micros));
                    self.check(
                        taken <= bound,
                        "RED-15",
                        subject,
                        &expected,
                        &taken.to_string(),
                        || format!("the last fork stopped the server for {taken}"),
                    );
                }
                None => self.lacks("RED-15", subject, &expected, "latest_fork_usec"),
            }
        }
    }

    /// Settings that decide what happens to dead and slow clients.
    pub(super) fn connections(&mut self) {
        if self.spec.dead_connections_closed {
            let (subject, expected) = ("dead connections", "timeout or tcp-keepalive");
            match (self.config("timeout"), self.config("tcp-keepalive")) {
                (Some("0"), Some("0")) => self.fail(
                    "RED-22",
                    subject,
                    expected,
                    "neither",
                    "connections of vanished clients are never closed and use up `maxclients`",
                ),
                (Some(timeout), Some(keepalive)) => {
                    let actual = format!("timeout {timeout}, tcp-keepalive {keepalive}");
                    self.pass(subject, expected, &actual);
                }
                _ => {
                    let why = self.no_config("timeout");
                    self.unknown("RED-22", subject, expected, &why);
                }
            }
        }
        if self.spec.subscriber_buffers_limited {
            let (subject, expected) = ("output buffers of subscribers", "limited");
            let limit = self.config("client-output-buffer-limit").and_then(|text| {
                let words: Vec<&str> = text.split_whitespace().collect();
                words
                    .chunks(4)
                    .find(|class| class.first() == Some(&"pubsub"))
                    .map(|class| class.join(" "))
            });
            match limit {
                Some(limit) => {
                    let good = limit.split(' ').skip(1).any(|number| number != "0")
                        && limit.split(' ').nth(1).is_some();
                    self.check(good, "RED-23", subject, expected, &limit, || {
                        "one slow subscriber can use up the server's memory".to_owned()
                    });
                }
                None => {
                    let why = self.no_config("client-output-buffer-limit");
                    self.unknown("RED-23", subject, expected, &why);
                }
            }
        }
    }
}
