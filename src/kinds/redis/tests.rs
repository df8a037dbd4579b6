//! Tables: what was seen in, codes out.

use serde_json::{Value, json};

use super::*;

/// Judges; returns `CODE verdict` of everything that is not a pass.
fn judged(spec: Value, changes: Value) -> Vec<String> {
    let mut spec = spec;
    spec["url"] = json!("redis://h/0");
    let kind: Redis = serde_json::from_value(spec).unwrap();
    let mut info = json!({"redis_version": "8.8.2", "redis_mode": "standalone", "loading": "0", "role": "master",
        "maxmemory": "1000", "maxmemory_policy": "noeviction", "used_memory": "500", "aof_enabled": "1",
        "rdb_last_bgsave_status": "ok", "aof_last_write_status": "ok", "aof_last_bgrewrite_status": "ok",
        "rdb_last_save_time": "1781524000", "rdb_changes_since_last_save": "5", "rdb_saves": "3", "uptime_in_seconds": "9999",
        "connected_slaves": "1", "slave0": "ip=1.1.1.1,port=6379,state=online,offset=90,lag=0", "master_repl_offset": "100",
        "keyspace_hits": "900", "keyspace_misses": "100", "connected_clients": "10", "maxclients": "100", "blocked_clients": "1",
        "evicted_keys": "0", "rejected_connections": "0", "db0": "keys=10,expires=10,avg_ttl=5", "latest_fork_usec": "300"});
    let mut config = json!({"save": "3600 1", "appendfsync": "everysec", "timeout": "0", "tcp-keepalive": "300",
        "min-replicas-to-write": "1", "protected-mode": "no", "bind": "* -::*",
        "client-output-buffer-limit": "normal 0 0 0 slave 256mb 64mb 60 pubsub 33554432 8388608 60"});
    let empty = serde_json::Map::new();
    for (target, name) in [(&mut info, "info"), (&mut config, "config")] {
        let changed = changes
            .get(name)
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        for (key, value) in changed {
            if value.is_null() {
                target.as_object_mut().unwrap().remove(key);
            } else {
                target[key] = value.clone();
            }
        }
    }
    let mut facts = json!({"place": "h:6379", "db": 0, "tls": false, "socket": false, "ping_ms": {"known": [0.3]},
        "info": {"known": info}, "later": {"known": info}, "watched_ms": 1000, "config": {"known": config},
        "cluster": null, "slowlog": null, "anonymous": null, "plaintext": null, "user": null,
        "permissions": [], "keys": [], "consumers": []});
    if let Some(other) = changes.get("facts").and_then(Value::as_object) {
        facts.as_object_mut().unwrap().extend(other.clone());
    }
    let facts: Facts = serde_json::from_value(facts).unwrap();
    let now = "2026-06-15T12:00:00Z".parse().unwrap(); // 1781524800
    let findings = kind.judge(&facts, &JudgeContext { now });
    assert!(!findings.is_empty());
    findings
        .into_iter()
        .filter_map(|f| f.code.map(|code| format!("{code} {:?}", f.verdict)))
        .collect()
}

/// One row: spec, changes, expected.
fn table(rows: Vec<(Value, Value, &[&str])>) {
    for (spec, changes, expected) in rows {
        assert_eq!(
            judged(spec.clone(), changes.clone()),
            expected,
            "{spec} {changes}"
        );
    }
}

#[test]
fn a_healthy_server_is_green_in_every_role_it_fits() {
    for role in ["queue", "session", "store", "rate_limiter"] {
        assert!(
            judged(json!({"role": role}), json!({})).is_empty(),
            "{role}"
        );
    }
    let cache = json!({"info": {"maxmemory_policy": "allkeys-lru"}});
    assert!(judged(json!({"role": "cache"}), cache).is_empty());
}

#[test]
fn states_that_always_count() {
    table(vec![
        (
            json!({}),
            json!({"info": {"loading": "1"}}),
            &["RED-19 Fail"],
        ),
        (
            json!({}),
            json!({"info": {"loading": null}}),
            &["RED-19 Error"],
        ),
        (
            json!({}),
            json!({"facts": {"ping_ms": {"refused": {"code": "LOADING", "text": ""}}}}),
            &["RED-19 Fail"],
        ),
        (
            json!({}),
            json!({"facts": {"ping_ms": {"refused": {"code": "MISCONF", "text": ""}}}}),
            &["RED-10 Fail"],
        ),
        (
            json!({}),
            json!({"facts": {"ping_ms": {"refused": {"code": "MASTERDOWN", "text": ""}}}}),
            &["RED-12 Fail"],
        ),
        (
            json!({}),
            json!({"facts": {"info": {"refused": {"code": "NOPERM", "text": ""}}}}),
            &["RED-19 Error"],
        ),
        (
            json!({}),
            json!({"info": {"rdb_last_bgsave_status": "err"}}),
            &["RED-10 Fail"],
        ),
        (
            json!({}),
            json!({"info": {"role": "slave", "master_link_status": "down"}}),
            &["RED-12 Fail"],
        ),
        (
            json!({}),
            json!({"info": {"role": "slave"}}),
            &["RED-12 Fail"],
        ),
    ]);
}

#[test]
fn memory_policy_and_roles() {
    table(vec![
        (json!({"role": "cache"}), json!({}), &["RED-06 Fail"]),
        (
            json!({"role": "cache"}),
            json!({"info": {"maxmemory_policy": "volatile-lru"}}),
            &["RED-06 Fail"],
        ),
        (
            json!({"role": "cache", "eviction_policy": "noeviction"}),
            json!({}),
            &[],
        ),
        (
            json!({"role": "queue"}),
            json!({"info": {"maxmemory_policy": "allkeys-lru"}}),
            &["RED-06 Fail"],
        ),
        (
            json!({"role": "queue"}),
            json!({"info": {"maxmemory_policy": null}}),
            &["RED-06 Error"],
        ),
        (
            json!({"role": "queue"}),
            json!({"info": {"role": "slave", "master_link_status": "up"}}),
            &["RED-11 Fail"],
        ),
        (
            json!({"max_memory_set": true}),
            json!({"info": {"maxmemory": "0"}}),
            &["RED-05 Fail"],
        ),
        (
            json!({"max_memory_set": true}),
            json!({"info": {"maxmemory": null}}),
            &["RED-05 Error"],
        ),
        (json!({"max_memory_used": 40}), json!({}), &["RED-07 Fail"]),
        (
            json!({"max_memory_used": 60}),
            json!({"info": {"maxmemory": "0"}}),
            &["RED-07 Error"],
        ),
        (
            json!({"max_memory_used": 60}),
            json!({"info": {"maxmemory": "0", "total_system_memory": "600"}}),
            &["RED-07 Fail"],
        ),
        (
            json!({"max_fragmentation": 1.5}),
            json!({"info": {"mem_fragmentation_ratio": "7.68", "mem_fragmentation_bytes": "900"}}),
            &[],
        ),
        (
            json!({"max_fragmentation": 1.5}),
            json!({"info": {"mem_fragmentation_ratio": "2", "mem_fragmentation_bytes": "200000000"}}),
            &["RED-52 Fail"],
        ),
        (
            json!({"role": "session"}),
            json!({"info": {"db0": "keys=10,expires=2"}}),
            &["RED-16 Warn"],
        ),
        (
            json!({"max_keys_without_ttl": 10}),
            json!({"info": {"db0": "keys=10,expires=2"}}),
            &["RED-16 Fail"],
        ),
    ]);
}

#[test]
fn persistence_is_proved_not_assumed() {
    let off = json!({"info": {"aof_enabled": "0"}, "config": {"save": ""}});
    let hidden = json!({"info": {"aof_enabled": "0"}, "facts": {"config": {"refused": {"code": "NOPERM", "text": ""}}}});
    // Right after a restart with `save ""` the last save looks fresh.
    let fresh = json!({"info": {"aof_enabled": "0", "rdb_last_save_time": "1781524795", "uptime_in_seconds": "5",
        "rdb_saves": "0", "rdb_changes_since_last_save": "0"}, "config": {"save": ""}});
    table(vec![
        (json!({"role": "queue"}), off.clone(), &["RED-09 Fail"]),
        (json!({"role": "queue"}), hidden.clone(), &["RED-09 Error"]),
        (
            json!({"persistence": "both"}),
            json!({"info": {"aof_enabled": "0"}}),
            &["RED-09 Fail"],
        ),
        (
            json!({"persistence": "rdb"}),
            json!({"info": {"aof_enabled": "0"}}),
            &[],
        ),
        (
            json!({"persistence": "aof"}),
            json!({"config": {"appendfsync": "no"}}),
            &["RED-09 Fail"],
        ),
        (
            json!({"role": "queue", "persistence": "ignore"}),
            off.clone(),
            &[],
        ),
        (
            json!({"max_save_age": "1h"}),
            fresh.clone(),
            &["RED-10 Fail"],
        ),
        (json!({"role": "store"}), fresh, &["RED-09 Fail"]),
        (json!({"max_save_age": "1h"}), json!({}), &[]),
        (
            json!({"max_save_age": "10m"}),
            json!({"info": {"aof_enabled": "0"}}),
            &["RED-10 Fail"],
        ),
        // The log has the changes already, unless snapshots are what is wanted.
        (json!({"max_save_age": "10m"}), json!({}), &[]),
        (
            json!({"max_save_age": "10m", "persistence": "both"}),
            json!({}),
            &["RED-10 Fail"],
        ),
        (
            json!({"max_save_age": "10m"}),
            json!({"info": {"aof_last_write_status": "err"}}),
            &["RED-10 Fail", "RED-10 Fail"],
        ),
        (
            json!({"max_save_age": "10m"}),
            json!({"info": {"rdb_changes_since_last_save": "0"}}),
            &[],
        ),
        (
            json!({"max_save_age": "10m"}),
            json!({"info": {"rdb_last_save_time": null}}),
            &["RED-10 Error"],
        ),
        (
            json!({"max_save_age": "10m"}),
            json!({"info": {"aof_enabled": "0", "rdb_saves": "0"}, "facts": {"config": {"refused": {"code": "NOPERM", "text": ""}}}}),
            &["RED-10 Error"],
        ),
    ]);
}

#[test]
fn replication_clients_and_counters() {
    table(vec![
        (json!({"min_replicas": 2}), json!({}), &["RED-12 Fail"]),
        (json!({"min_replicas": 1}), json!({}), &[]),
        (
            json!({"min_replicas": 1}),
            json!({"info": {"slave0": "ip=1.1.1.1,port=1,state=wait_bgsave,offset=0"}}),
            &["RED-12 Fail"],
        ),
        (
            json!({"max_replica_lag": "5B"}),
            json!({}),
            &["RED-12 Fail"],
        ),
        // A bound on replicas that are not there is not kept.
        (
            json!({"max_replica_lag": "5MiB"}),
            json!({"info": {"connected_slaves": "0", "slave0": null}}),
            &["RED-12 Fail"],
        ),
        (
            json!({"max_replica_lag": "5MiB", "min_replicas": 0}),
            json!({"info": {"connected_slaves": "0", "slave0": null}}),
            &[],
        ),
        (
            json!({"min_replicas_to_write": 2}),
            json!({}),
            &["RED-12 Fail"],
        ),
        (
            json!({"server_role": "replica"}),
            json!({}),
            &["RED-11 Fail"],
        ),
        (
            json!({"mode": "cluster"}),
            json!({"facts": {"cluster": {"refused": {"code": "ERR", "text": "no cluster"}}}}),
            &["RED-13 Fail"],
        ),
        (
            json!({"mode": "cluster"}),
            json!({"info": {"redis_mode": "cluster"}, "facts": {"cluster": {"known": {"cluster_state": "ok", "cluster_slots_ok": "16000", "cluster_slots_fail": "0"}}}}),
            &["RED-13 Fail"],
        ),
        (
            json!({"mode": "sentinel"}),
            json!({"info": {"redis_mode": "sentinel", "master0": "name=m,status=ok,address=1:1,slaves=0,sentinels=1"}}),
            &[],
        ),
        (
            json!({"mode": "sentinel", "min_sentinels": 3}),
            json!({"info": {"redis_mode": "sentinel", "master0": "name=m,status=ok,address=1:1,slaves=0,sentinels=1"}}),
            &["RED-13 Fail"],
        ),
        (json!({"max_clients_used": 5}), json!({}), &["RED-14 Fail"]),
        (
            json!({"max_blocked_clients": 0}),
            json!({}),
            &["RED-14 Fail"],
        ),
        (
            json!({"no_evictions": true}),
            json!({"facts": {"later": {"known": {"evicted_keys": "7"}}}}),
            &["RED-08 Fail"],
        ),
        (
            json!({"no_evictions": true}),
            json!({"info": {"evicted_keys": "7"}}),
            &["RED-08 Warn"],
        ),
        (
            json!({"no_evictions": true}),
            json!({"facts": {"later": null}}),
            &["RED-08 Error"],
        ),
        (json!({"min_hit_rate": 0.95}), json!({}), &["RED-51 Fail"]),
        (
            json!({"min_hit_rate": 0.6}),
            json!({"info": {"keyspace_hits": "10"}}),
            &["RED-51 Error"],
        ),
        (
            json!({"info": {"role": "slave"}}),
            json!({}),
            &["RED-54 Fail"],
        ),
        (
            json!({"info": {"nonesuch": {"gte": 0}}}),
            json!({}),
            &["RED-54 Fail"],
        ),
        (json!({"min_version": "9"}), json!({}), &["RED-17 Fail"]),
        (
            json!({"min_version": "8"}),
            json!({"info": {"valkey_version": "7.2.5"}}),
            &["RED-17 Fail"],
        ),
        (
            json!({"max_latency": "100ms"}),
            json!({"facts": {"ping_ms": {"known": [1.0, 200.0, 200.0]}}}),
            &["RED-15 Fail"],
        ),
        (
            json!({"dead_connections_closed": true}),
            json!({"config": {"tcp-keepalive": "0"}}),
            &["RED-22 Fail"],
        ),
        (
            json!({"subscriber_buffers_limited": true}),
            json!({"config": {"client-output-buffer-limit": "normal 0 0 0 pubsub 0 0 0"}}),
            &["RED-23 Fail"],
        ),
    ]);
}

#[test]
fn security_statements() {
    let stranger = |administers: bool| json!({"facts": {"anonymous": {"refused": null, "reads_info": true, "administers": administers}}});
    let turned_away = json!({"facts": {"anonymous": {"refused": {"code": "NOAUTH", "text": ""}, "reads_info": false, "administers": false}}});
    let dry = |may: Value| json!({"facts": {"user": {"known": "app"}, "permissions": [{"command": "flushall", "may": may}]}});
    let forbidden = json!({"forbidden_commands": ["flushall"]});
    table(vec![
        (
            json!({"auth_required": true}),
            stranger(true),
            &["RED-02 Fail"],
        ),
        (
            json!({"auth_required": true}),
            stranger(false),
            &["RED-01 Fail"],
        ),
        (json!({"auth_required": true}), turned_away.clone(), &[]),
        (json!({"auth_required": true}), json!({}), &["RED-01 Error"]),
        (
            json!({"protected": true}),
            stranger(false),
            &["RED-04 Fail"],
        ),
        (json!({"protected": true}), turned_away, &[]),
        (json!({"tls_required": true}), json!({}), &["RED-03 Fail"]),
        (
            json!({"tls_required": true}),
            json!({"facts": {"tls": true}}),
            &[],
        ),
        (
            forbidden.clone(),
            dry(json!({"known": "yes"})),
            &["RED-21 Fail"],
        ),
        (forbidden.clone(), dry(json!({"known": "no"})), &[]),
        (forbidden.clone(), dry(json!({"known": "absent"})), &[]),
        (
            forbidden,
            dry(json!({"refused": {"code": "NOPERM", "text": ""}})),
            &["RED-21 Error"],
        ),
    ]);
}

#[test]
fn consumers_must_be_alive() {
    let group = |idle: Value, lag: Value| json!({"facts": {"consumers": [{"groups": {"known": [{"name": "g", "pending": 3, "lag": lag, "idle_ms": {"known": idle}}]}, "length": null, "subscribers": null, "patterns": null}]}});
    let list = |length: u64, blocked: &str| json!({"info": {"blocked_clients": blocked}, "facts": {"consumers": [{"groups": null, "length": {"known": length}, "subscribers": null, "patterns": null}]}});
    let channel = |subscribers: u64, patterns: u64| json!({"facts": {"consumers": [{"groups": null, "length": null, "subscribers": {"known": subscribers}, "patterns": {"known": patterns}}]}});
    let of = |spec: Value| json!({"consumers": [spec]});
    table(vec![
        (
            of(json!({"stream": "s"})),
            group(json!([100]), json!(0)),
            &[],
        ),
        (
            of(json!({"stream": "s"})),
            group(json!([900_000]), json!(0)),
            &["RED-55 Fail"],
        ),
        (
            of(json!({"stream": "s"})),
            group(json!([]), json!(0)),
            &["RED-55 Fail"],
        ),
        (
            of(json!({"stream": "s", "max_waiting": 5})),
            group(json!([1]), json!(9)),
            &["RED-56 Fail"],
        ),
        (
            of(json!({"stream": "s", "max_waiting": 5})),
            group(json!([1]), Value::Null),
            &["RED-56 Error"],
        ),
        (
            of(json!({"stream": "s", "max_pending": 2})),
            group(json!([1]), json!(0)),
            &["RED-56 Fail"],
        ),
        (of(json!({"list": "l"})), list(0, "1"), &[]),
        (of(json!({"list": "l"})), list(0, "0"), &["RED-55 Fail"]),
        (
            of(json!({"list": "l", "max_waiting": 3})),
            list(9, "1"),
            &["RED-56 Fail"],
        ),
        (of(json!({"channel": "c"})), channel(1, 0), &[]),
        (of(json!({"channel": "c"})), channel(0, 0), &["RED-55 Fail"]),
        (
            of(json!({"channel": "c"})),
            channel(0, 1),
            &["RED-55 Error"],
        ),
    ]);
}

#[test]
fn contradictions_are_reported_before_any_contact() {
    for (spec, field) in [
        (json!({"max_memory_used": 120}), "max_memory_used"),
        (json!({"min_hit_rate": 60}), "min_hit_rate"),
        (json!({"pings": 1}), "pings"),
        (json!({"plaintext_port": 6379}), "plaintext_port"),
        (json!({"keys": [{"pattern": "*"}]}), "keys[0]"),
        (
            json!({"consumers": [{"stream": "a", "list": "b"}]}),
            "consumers[0]",
        ),
        (
            json!({"consumers": [{"list": "b", "min_consumers": 0}]}),
            "consumers[0]",
        ),
    ] {
        let mut spec = spec;
        spec["url"] = json!("redis://h");
        let kind: Redis = serde_json::from_value(spec.clone()).unwrap();
        let found = kind.problems().first().map(|p| p.field.clone());
        assert_eq!(found.as_deref(), Some(field), "{spec}");
    }
}
