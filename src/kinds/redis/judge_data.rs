//! Judging memory, eviction, persistence, hit rate, expiries and keys.

use super::facts::{Found, Reading};
use super::judge::{Judging, percent};
use super::{Persistence, Role};
use crate::expect::{ByteSize, TimeSpan};

/// Wasted memory below which a fragmentation ratio means nothing.
const FRAGMENTATION_FLOOR: u64 = 100 << 20;

impl Judging<'_> {
    /// Limit and use of memory.
    pub(super) fn memory(&mut self) {
        let limit = self
            .field_or_config("maxmemory", "maxmemory")
            .and_then(|text| text.parse::<u64>().ok());
        if self.spec.max_memory_set() == Some(true) {
            let expected = "set";
            match limit {
                Some(0) => self.fail(
                    "RED-05",
                    "maxmemory",
                    expected,
                    "0 (no limit)",
                    "without a limit the server grows until the machine kills it",
                ),
                Some(limit) => self.pass("maxmemory", expected, &ByteSize(limit).to_string()),
                None => self.lacks("RED-05", "maxmemory", expected, "maxmemory"),
            }
        }
        if let Some(bound) = self.spec.max_memory_used {
            let (subject, expected) = ("memory used", format!("at most {bound}%"));
            let machine = self.integer("total_system_memory").filter(|size| *size > 0);
            let of = match limit {
                Some(0) => machine.map(|size| (size, "of the machine's memory, no limit is set")),
                Some(limit) => Some((limit, "of maxmemory")),
                None => None,
            };
            match (self.integer("used_memory"), of) {
                (Some(used), Some((whole, of))) => {
                    let share = percent(used, whole);
                    let actual = format!("{share:.1}% {of}");
                    self.check(
                        share <= bound,
                        "RED-07",
                        subject,
                        &expected,
                        &actual,
                        || format!("{} are in use, {actual}", ByteSize(used)),
                    );
                }
                (None, _) => self.lacks("RED-07", subject, &expected, "used_memory"),
                (_, None) => self.lacks("RED-07", subject, &expected, "maxmemory"),
            }
        }
        self.fragmentation();
    }

    /// Memory lost to fragmentation.
    fn fragmentation(&mut self) {
        let Some(bound) = self.spec.max_fragmentation else {
            return;
        };
        let (subject, expected) = ("fragmentation", format!("at most {bound}"));
        let ratio = self
            .field("mem_fragmentation_ratio")
            .and_then(|text| text.parse::<f64>().ok());
        let wasted = self
            .field("mem_fragmentation_bytes")
            .and_then(|text| text.parse::<i64>().ok())
            .map(|bytes| u64::try_from(bytes).unwrap_or(0));
        let (Some(ratio), Some(wasted)) = (ratio, wasted) else {
            self.lacks("RED-52", subject, &expected, "mem_fragmentation_ratio");
            return;
        };
        let actual = format!("{ratio} ({} wasted)", ByteSize(wasted));
        let good = ratio <= bound || wasted < FRAGMENTATION_FLOOR;
        self.check(good, "RED-52", subject, &expected, &actual, || {
            format!("{} of memory are lost to fragmentation", ByteSize(wasted))
        });
    }

    /// The eviction policy.
    pub(super) fn eviction(&mut self) {
        let Some((matcher, why)) = self.spec.policy() else {
            return;
        };
        let subject = "maxmemory-policy";
        let expected = match (self.spec.role, &self.spec.eviction_policy) {
            (Some(role), None) => format!("{matcher} for a {}", role.name()),
            _ => matcher.to_string(),
        };
        match self.field_or_config("maxmemory_policy", "maxmemory-policy") {
            None => self.lacks("RED-06", subject, &expected, "maxmemory_policy"),
            Some(policy) => {
                let good = matcher.check_text(Some(policy)).is_ok();
                self.check(good, "RED-06", subject, &expected, policy, || {
                    format!("the policy is `{policy}`: {why}")
                });
            }
        }
    }

    /// Whether data survives a restart.
    pub(super) fn persistence(&mut self) {
        let Some(wanted) = self.spec.persistence() else {
            return;
        };
        let (subject, expected) = (
            "persistence",
            match wanted {
                Persistence::Ignore => return,
                Persistence::Any => "snapshots or append-only log",
                Persistence::Rdb => "snapshots",
                Persistence::Aof => "append-only log",
                Persistence::Both => "snapshots and append-only log",
            },
        );
        let aof = match self.field("aof_enabled") {
            Some(on) => Some(on == "1"),
            None => self.config("appendonly").map(|on| on == "yes"),
        };
        let rdb = self.config("save").map(|points| !points.trim().is_empty());
        let good = match wanted {
            Persistence::Ignore => return,
            Persistence::Rdb => rdb,
            Persistence::Aof => aof,
            // What is known may decide although the other is not.
            Persistence::Any => match (rdb, aof) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Persistence::Both => match (rdb, aof) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
        };
        let word = |on: Option<bool>| match on {
            Some(true) => "on",
            Some(false) => "off",
            None => "unknown",
        };
        let actual = format!("snapshots {}, append-only log {}", word(rdb), word(aof));
        match good {
            Some(good) => self.check(good, "RED-09", subject, expected, &actual, || {
                "the data does not survive a restart as declared".to_owned()
            }),
            None => {
                let why = if rdb.is_none() {
                    self.no_config("save")
                } else {
                    self.no_config("appendonly")
                };
                self.unknown("RED-09", subject, expected, &why);
            }
        }
        if aof == Some(true) {
            match self.config("appendfsync") {
                Some("no") => self.fail(
                    "RED-09",
                    "appendfsync",
                    "everysec or always",
                    "no",
                    "the log is written when the system likes: a crash loses up to half a minute",
                ),
                Some(other) => self.pass("appendfsync", "everysec or always", other),
                None if wanted == Persistence::Aof || wanted == Persistence::Both => {
                    let why = self.no_config("appendfsync");
                    self.unknown("RED-09", "appendfsync", "everysec or always", &why);
                }
                None => {}
            }
        }
    }

    /// Whether saving works, and how old the last save is.
    pub(super) fn saving(&mut self) {
        let aof_on = self.field("aof_enabled") == Some("1");
        for (field, subject, applies) in [
            ("rdb_last_bgsave_status", "last snapshot", true),
            ("aof_last_write_status", "last write of the log", aof_on),
            (
                "aof_last_bgrewrite_status",
                "last rewrite of the log",
                aof_on,
            ),
        ] {
            match self.field(field) {
                Some(status) if applies => {
                    self.check(status == "ok", "RED-10", subject, "ok", status, || {
                        format!("the {subject} failed; writes are refused until it works again")
                    });
                }
                _ => {}
            }
        }
        if let Some(bound) = self.spec.max_save_age {
            self.save_age(bound);
        }
    }

    /// The age of the last snapshot. `rdb_last_save_time` is the start time of a server that has
    /// never saved, so the start alone proves nothing.
    fn save_age(&mut self, bound: TimeSpan) {
        let (subject, expected) = ("unsaved changes", format!("saved within {bound}"));
        let code = "RED-10";
        let rdb = self.config("save").map(|points| !points.trim().is_empty());
        let (Some(saved_at), Some(changes)) = (
            self.integer("rdb_last_save_time"),
            self.integer("rdb_changes_since_last_save"),
        ) else {
            self.lacks(code, subject, &expected, "rdb_last_save_time");
            return;
        };
        let now = u64::try_from(self.now.as_second()).unwrap_or(0);
        let age = TimeSpan::seconds(now.saturating_sub(saved_at));
        let up = self.integer("uptime_in_seconds").unwrap_or(0);
        // Two seconds of grace: the start time and the uptime are both rounded.
        let is_start = age.as_secs() + 2 >= up && age.as_secs() <= up + 2;
        let never = match self.integer("rdb_saves") {
            Some(saves) => saves == 0,
            None => is_start,
        };
        let actual = match (never, changes) {
            (true, _) => format!("never saved since the start {age} ago, {changes} changes"),
            (false, _) => format!("saved {age} ago, {changes} changes since"),
        };
        // The log holds every change by itself, unless snapshots are what is wanted.
        let wants_rdb = matches!(
            self.spec.persistence(),
            Some(Persistence::Rdb | Persistence::Both)
        );
        let logged = self.field("aof_enabled") == Some("1")
            && self.field("aof_last_write_status") == Some("ok");
        match rdb {
            _ if logged && !wants_rdb => {
                self.pass(subject, &expected, "written to the append-only log");
            }
            Some(false) => self.fail(
                code,
                subject,
                &expected,
                &format!("no save points; {actual}"),
                "snapshots are switched off: a fresh start time is not a save",
            ),
            None if never => {
                let why = format!("{}; {actual}", self.no_config("save"));
                self.unknown(code, subject, &expected, &why);
            }
            // Nothing changed: an old snapshot holds everything.
            _ if changes == 0 => self.pass(subject, &expected, &actual),
            _ => self.check(age <= bound, code, subject, &expected, &actual, || {
                format!("{changes} changes wait to be saved for {age}")
            }),
        }
    }

    /// The share of lookups that find their key.
    pub(super) fn hit_rate(&mut self) {
        let Some(bound) = self.spec.min_hit_rate else {
            return;
        };
        let (subject, expected) = ("hit rate", format!("at least {bound}"));
        let (Some(hits), Some(misses)) = (
            self.integer("keyspace_hits"),
            self.integer("keyspace_misses"),
        ) else {
            self.lacks("RED-51", subject, &expected, "keyspace_hits");
            return;
        };
        let lookups = hits.saturating_add(misses);
        if lookups < self.spec.min_lookups.max(1) {
            let why = format!(
                "only {lookups} lookups since the start, {} are needed to mean anything",
                self.spec.min_lookups.max(1)
            );
            self.unknown("RED-51", subject, &expected, &why);
            return;
        }
        let rate = percent(hits, lookups) / 100.0;
        let actual = format!("{rate:.3} of {lookups} lookups");
        self.check(rate >= bound, "RED-51", subject, &expected, &actual, || {
            format!("only {:.0}% of the lookups find their key", rate * 100.0)
        });
    }

    /// The share of keys without expiry.
    pub(super) fn expiries(&mut self) {
        let declared = self.spec.max_keys_without_ttl;
        let bound = match (declared, self.spec.role) {
            (Some(bound), _) => bound,
            (None, Some(Role::Cache)) => 50.0,
            (None, Some(Role::Session | Role::RateLimiter)) => 10.0,
            _ => return,
        };
        let db = self.facts.db;
        let (subject, expected) = (
            format!("keys of db{db} without expiry"),
            format!("at most {bound}%"),
        );
        if self.info().is_none() {
            self.lacks("RED-16", &subject, &expected, "keyspace");
            return;
        }
        let Some(line) = self.field(&format!("db{db}")) else {
            self.pass(&subject, &expected, "no keys");
            return;
        };
        let number = |name: &str| {
            line.split(',')
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .and_then(|(_, value)| value.parse::<u64>().ok())
        };
        let (Some(keys), Some(expires)) = (number("keys"), number("expires")) else {
            self.unknown(
                "RED-16",
                &subject,
                &expected,
                "INFO keyspace has another shape",
            );
            return;
        };
        let forever = keys.saturating_sub(expires);
        let share = percent(forever, keys);
        let actual = format!("{share:.1}% ({forever} of {keys})");
        if share <= bound {
            self.pass(&subject, &expected, &actual);
            return;
        }
        let message = format!("{forever} of {keys} keys of db{db} never expire");
        if declared.is_some() {
            self.fail("RED-16", &subject, &expected, &actual, message);
        } else {
            self.warn("RED-16", &subject, &expected, &actual, message);
        }
    }

    /// Declared keys.
    pub(super) fn keys(&mut self) {
        for (keys, seen) in self.spec.keys.iter().zip(&self.facts.keys) {
            let subject = format!("keys {}", keys.pattern);
            let expected = if keys.exists { "present" } else { "absent" };
            let found = match &seen.seen {
                Reading::Known(found) => *found,
                Reading::Refused(refusal) => {
                    self.unknown("RED-20", &subject, expected, &refusal.to_string());
                    continue;
                }
            };
            let Found {
                any,
                looked_at,
                complete,
            } = found;
            if !any && !complete {
                let why = format!("none among the first {looked_at} keys, the database is bigger");
                self.unknown("RED-20", &subject, expected, &why);
                continue;
            }
            let actual = if any { "present" } else { "absent" };
            let db = self.facts.db;
            self.check(
                any == keys.exists,
                "RED-20",
                &subject,
                expected,
                actual,
                || {
                    if keys.exists {
                        format!("db{db} has no such key: a wrong database, or nobody writes it")
                    } else {
                        format!("db{db} holds keys that belong somewhere else")
                    }
                },
            );
        }
    }

    /// Counters that must not rise.
    pub(super) fn counters(&mut self) {
        for (wanted, field, code, what, message) in [
            (
                self.spec.no_evictions,
                "evicted_keys",
                "RED-08",
                "evictions",
                "keys are being evicted although they are needed",
            ),
            (
                self.spec.no_rejected_connections,
                "rejected_connections",
                "RED-14",
                "rejected connections",
                "clients are being turned away",
            ),
        ] {
            if !wanted {
                continue;
            }
            let expected = "none";
            let later = self.facts.later.as_ref().and_then(Reading::known);
            let after = later
                .and_then(|fields| fields.get(field))
                .and_then(|text| text.parse::<u64>().ok());
            let (Some(before), Some(after)) = (self.integer(field), after) else {
                self.lacks(code, what, expected, field);
                continue;
            };
            // A restart in between sets counters back to zero.
            let risen = after.saturating_sub(before);
            let window = self.facts.watched_ms;
            if risen > 0 {
                let actual = format!("{risen} within {window}ms");
                self.fail(code, what, expected, &actual, message);
            } else if after > 0 {
                let actual = format!("{after} since the start, none within {window}ms");
                self.warn(
                    code,
                    what,
                    expected,
                    &actual,
                    format!("there were {what} since the start"),
                );
            } else {
                self.pass(what, expected, "none since the start");
            }
        }
    }
}
