//! Redis and Valkey: what the server says about itself, and what it lets others do.

mod consumers;
mod facts;
mod faults;
mod judge;
mod judge_data;
mod judge_security;
mod judge_server;
mod observe;
mod probe;
mod releases;
mod session;
mod target;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FaultDoc, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::expect::{ByteSize, Matcher, Ordered, Secret, TimeSpan, Version};
use crate::outcome::{Fault, Finding};

use consumers::Consumer;
use facts::Facts;

/// Requires that a Redis or Valkey server is healthy, sized, durable and protected as its role
/// demands.
///
/// It only reads: PING, INFO, and where a declared expectation needs it CONFIG GET of single names,
/// CLUSTER INFO, SLOWLOG LEN, ACL WHOAMI, ACL DRYRUN, COMMAND INFO, XINFO, LLEN, PUBSUB NUMSUB,
/// EXISTS and a bounded SCAN. What the server does not let it see is *error*, not *pass*.
/// Every check judges that the server answers, is not loading its data, that saving works where it
/// is switched on, and that a replica is linked to its master. `role:` adds what a use demands.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redis {
    /// Where: `redis://`, `rediss://` (TLS) or `unix://`, with user, password, `/db` or `?db=` as
    /// clients take them. `valkey://` and `valkeys://` mean the same.
    url: Secret,
    /// The password, when it is kept apart from the URL; it wins over one in the URL.
    #[serde(default)]
    password: Option<Secret>,
    /// PEM file of authorities to trust besides the system's, for `rediss://`; empty means none.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// What the server is used for. Sets what is expected of `eviction_policy`, `persistence`,
    /// `max_memory_set`, `server_role` and `max_keys_without_ttl` unless the field says otherwise.
    #[serde(default)]
    role: Option<Role>,
    /// Whether the server must be a `master` or a `replica`. A `role` expects a master outside
    /// clusters.
    #[serde(default)]
    server_role: Option<ServerRole>,
    /// How the server must be run: `standalone`, `cluster` or `sentinel`.
    #[serde(default)]
    mode: Option<Mode>,
    /// Fewest sentinels that must watch each master, this one included; for `mode: sentinel`.
    #[serde(default)]
    min_sentinels: Option<u32>,
    /// Oldest acceptable version; of Valkey its own version, not the Redis version it imitates.
    #[serde(default)]
    min_version: Option<Version>,
    /// Whether a version with known vulnerabilities, or of a series without fixes, is a failure.
    #[serde(default)]
    no_known_vulnerabilities: bool,
    /// Advisories that do not count, because the distribution has patched them in.
    #[serde(default)]
    accepted_vulnerabilities: Vec<String>,
    /// Whether `maxmemory` must be set. `role: cache` expects it.
    #[serde(default)]
    max_memory_set: Option<bool>,
    /// What `maxmemory-policy` must be, for example `noeviction` or `{ starts_with: allkeys- }`.
    #[serde(default)]
    eviction_policy: Option<Matcher>,
    /// Most memory that may be in use, in percent of `maxmemory`, or of the machine's memory where
    /// no limit is set.
    #[serde(default)]
    max_memory_used: Option<f64>,
    /// Highest memory fragmentation ratio; judged only when more than 100 MiB are wasted.
    #[serde(default)]
    max_fragmentation: Option<f64>,
    /// What must survive a restart: `rdb` snapshots, the `aof` log, `both`, `any` of them, or
    /// `ignore`. The roles queue, session and store expect `any`.
    #[serde(default)]
    persistence: Option<Persistence>,
    /// Longest time changes may wait to be saved by a snapshot.
    #[serde(default)]
    max_save_age: Option<TimeSpan>,
    /// Fewest replicas that must be online; judged on a master.
    #[serde(default)]
    min_replicas: Option<u32>,
    /// How far a replica may lag behind its master, in bytes of the replication stream. There must
    /// be one, unless `min_replicas: 0` says otherwise.
    #[serde(default)]
    max_replica_lag: Option<ByteSize>,
    /// Smallest `min-replicas-to-write`: a cut-off master must stop accepting writes.
    #[serde(default)]
    min_replicas_to_write: Option<u32>,
    /// Smallest share of lookups that find their key, 0 to 1.
    #[serde(default)]
    min_hit_rate: Option<f64>,
    /// Fewest lookups since the start before a hit rate means anything; 1000 by default.
    #[serde(default = "default_min_lookups")]
    min_lookups: u64,
    /// Most connected clients, in percent of `maxclients`.
    #[serde(default)]
    max_clients_used: Option<f64>,
    /// Most clients that may be blocked. Waiting workers (BLPOP, XREADGROUP) count as blocked.
    #[serde(default)]
    max_blocked_clients: Option<u64>,
    /// Whether turning away clients (`rejected_connections`) while `watch` lasts is a failure;
    /// earlier ones are a warning.
    #[serde(default)]
    no_rejected_connections: bool,
    /// Whether evicting keys while `watch` lasts is a failure; earlier evictions are a warning.
    #[serde(default)]
    no_evictions: bool,
    /// How long counters are watched for `no_evictions` and `no_rejected_connections`; `1s` by
    /// default.
    #[serde(default = "default_watch")]
    watch: TimeSpan,
    /// Whether a connection without credentials must be turned away.
    #[serde(default)]
    auth_required: bool,
    /// Whether the connection must be encrypted (`rediss://` or a Unix socket).
    #[serde(default)]
    tls_required: bool,
    /// A port on which Redis must not answer in plaintext, with `tls_required`; usually 6379.
    #[serde(default)]
    plaintext_port: Option<u16>,
    /// Whether the server must not be open to the world by configuration: `protected-mode`, a bind
    /// to private addresses, or authentication.
    #[serde(default)]
    protected: bool,
    /// Commands that the user of `url` must not be allowed to run, for example `[flushall, config,
    /// debug]`. Judged with `ACL DRYRUN`: nothing is run.
    #[serde(default)]
    forbidden_commands: Vec<String>,
    /// Credentials of an administrator, used for `ACL DRYRUN` and nothing else, where the user of
    /// `url` may not ask about itself.
    #[serde(default)]
    admin_url: Option<Secret>,
    /// Most keys of the database without an expiry, in percent. `role: cache` warns above 50,
    /// session and rate_limiter above 10.
    #[serde(default)]
    max_keys_without_ttl: Option<f64>,
    /// Longest time that 95 of 100 PINGs may take.
    #[serde(default)]
    max_latency: Option<TimeSpan>,
    /// How many PINGs are sent for `max_latency`, 5 to 100; 20 by default.
    #[serde(default = "default_pings")]
    pings: u32,
    /// Most entries in the slow log.
    #[serde(default)]
    max_slowlog: Option<u64>,
    /// Longest time the last fork (snapshot, log rewrite) may have stopped the server.
    #[serde(default)]
    max_fork_time: Option<TimeSpan>,
    /// Whether dead connections must be closed sometime: `timeout` or `tcp-keepalive`.
    #[serde(default)]
    dead_connections_closed: bool,
    /// Whether the output buffers of subscribers must be limited.
    #[serde(default)]
    subscriber_buffers_limited: bool,
    /// Own expectations over any field of INFO: `info: { connected_slaves: { gte: 1 } }`.
    #[serde(default)]
    info: Ordered<Matcher>,
    /// Keys that must, or must not, exist.
    #[serde(default)]
    keys: Vec<Keys>,
    /// Queues, streams and channels that somebody must consume.
    #[serde(default)]
    consumers: Vec<Consumer>,
}

/// What a server is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Role {
    /// Data that can be computed again: a memory limit, `allkeys-*` eviction, keys that expire.
    Cache,
    /// Jobs: `noeviction` and persistence.
    Queue,
    /// Sessions: `noeviction`, persistence, keys that expire.
    Session,
    /// The only copy of the data: `noeviction` and persistence.
    Store,
    /// Counters: no eviction of counters that still count, keys that expire.
    RateLimiter,
}

impl Role {
    /// Its name in YAML.
    fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Queue => "queue",
            Self::Session => "session",
            Self::Store => "store",
            Self::RateLimiter => "rate_limiter",
        }
    }
}

/// A server's place in replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ServerRole {
    /// Accepts writes.
    Master,
    /// Follows a master.
    Replica,
}

/// How a server is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// One server, or a master with replicas.
    Standalone,
    /// A node of a cluster.
    Cluster,
    /// A sentinel, which watches masters and holds no data.
    Sentinel,
}

impl Mode {
    /// The word INFO uses.
    fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Cluster => "cluster",
            Self::Sentinel => "sentinel",
        }
    }
}

/// What must survive a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Persistence {
    /// Nothing is expected.
    Ignore,
    /// Snapshots or the log.
    Any,
    /// Snapshots.
    Rdb,
    /// The append-only log.
    Aof,
    /// Snapshots and the log.
    Both,
}

/// Keys that must, or must not, exist in the database of the URL.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// A key, or a pattern with `*`, `?` or `[…]`.
    pattern: String,
    /// Whether at least one such key must exist (the default) or none may.
    #[serde(default = "default_true")]
    exists: bool,
    /// Most keys that are looked through for a pattern; 10000 by default, at most 100000. When a
    /// bigger database does not show such a key among them, the answer is unknown.
    #[serde(default = "default_scan")]
    scan_at_most: u32,
}

/// Default of `exists`.
const fn default_true() -> bool {
    true
}
/// Default of `scan_at_most`.
const fn default_scan() -> u32 {
    10_000
}
/// Default of `min_lookups`.
const fn default_min_lookups() -> u64 {
    1000
}
/// Default of `watch`.
const fn default_watch() -> TimeSpan {
    TimeSpan::seconds(1)
}
/// Default of `pings`.
const fn default_pings() -> u32 {
    20
}

/// Most entries of any list in the spec, so that a check stays a few requests.
const MAX_LIST: usize = 50;

impl Kind for Redis {
    const NAME: &'static str = "redis";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn hosts(&self) -> Vec<String> {
        target::parse(self.url.expose()).map_or_else(|_| Vec::new(), |target| vec![target.place()])
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let percents = [
            ("max_memory_used", self.max_memory_used, 100.0),
            ("max_clients_used", self.max_clients_used, 100.0),
            ("max_keys_without_ttl", self.max_keys_without_ttl, 100.0),
            ("min_hit_rate", self.min_hit_rate, 1.0),
        ];
        let mut problems: Vec<SpecProblem> = percents
            .into_iter()
            .filter(|(_, value, top)| value.is_some_and(|v| !(0.0..=*top).contains(&v)))
            .map(|(field, _, top)| {
                SpecProblem::at(
                    field,
                    format!("`{field}` lies outside 0 to {top}"),
                    format!("write a number from 0 to {top}"),
                )
            })
            .collect();
        if !(5..=100).contains(&self.pings) {
            problems.push(SpecProblem::at(
                "pings",
                "a percentile needs 5 to 100 PINGs",
                "write a number from 5 to 100",
            ));
        }
        if self.plaintext_port.is_some() && !self.tls_required {
            problems.push(SpecProblem::at(
                "plaintext_port",
                "`plaintext_port` is only looked at with `tls_required`",
                "add `tls_required: true`",
            ));
        }
        if self.watch.as_secs() > 60 {
            problems.push(SpecProblem::at(
                "watch",
                "watching longer than a minute would hold up the audit",
                "write at most `60s`",
            ));
        }
        for (field, length) in [
            ("keys", self.keys.len()),
            ("consumers", self.consumers.len()),
            ("forbidden_commands", self.forbidden_commands.len()),
        ] {
            if length > MAX_LIST {
                problems.push(SpecProblem::at(
                    field,
                    format!("more than {MAX_LIST} entries are a load, not an observation"),
                    "split the check",
                ));
            }
        }
        for (at, keys) in self.keys.iter().enumerate() {
            if keys.pattern.is_empty() || keys.pattern == "*" || keys.scan_at_most > 100_000 {
                problems.push(SpecProblem::at(
                    format!("keys[{at}]"),
                    "a pattern must say which keys, and look through at most 100000",
                    "write a prefix, for example `session:*`",
                ));
            }
        }
        problems.extend(
            self.consumers
                .iter()
                .enumerate()
                .filter_map(|(at, consumer)| consumer.problem(at)),
        );
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        self.planned()
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        self.look(cx).await
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        judge::Judging::new(self, facts, cx.now).all()
    }

    fn for_assert(facts: &Facts) -> serde_json::Value {
        facts.for_assert()
    }
}

#[cfg(test)]
mod tests;
