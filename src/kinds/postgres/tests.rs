//! Facts in, codes out: what no server of today can be made to show.

use serde_json::{Value, json};

use super::*;

/// Facts of a healthy server, over which a test lays its own.
fn facts(over: &Value) -> Facts {
    let mut facts = json!({
        "server": {
            "version": "18.4 (Debian 18.4-1)", "version_num": 180_004, "standby": false, "role": "app",
            "database": "shop", "superuser": false, "sees_sessions": true, "sees_settings": true,
            "client_port": 40_000, "client_addr": "10.0.0.5", "ssl": true, "ssl_version": "TLSv1.3",
            "uptime": 100_000.0, "clock": 0.0,
            "link": { "place": "db:5432", "local_socket": false, "encrypted": true, "mode": "verify-full", "local_port": 40_000 },
        },
        "settings": null,
        "health": { "checksums": null, "collations": null, "size": null },
        "roles": { "role": null, "limits": null },
        "activity": { "used": null, "sessions": null, "prepared": null, "waits": null },
        "maintenance": { "ids": null, "vacuum": null },
        "replication": { "slots": null, "standbys": null, "own": null, "archiver": null },
        "tables": { "found": [], "rows": [] },
        "schema": {},
        "migrations": null,
        "extensions": { "extensions": [], "smoke": null },
        "statements": { "statements": null, "scans": null },
        "queries": [],
    });
    merge(&mut facts, over);
    serde_json::from_value(facts).unwrap()
}

/// Lays `over` over `base`.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Code and verdict of all findings that did not pass, on a day of 2026.
fn judged(spec: Value, over: &Value) -> Vec<String> {
    let mut spec = spec;
    spec["url"] = "postgres://u@h/d".into();
    let spec: Postgres = serde_json::from_value(spec).unwrap();
    let cx = JudgeContext {
        now: "2026-11-20T12:00:00Z".parse().unwrap(),
    };
    spec.judge(&facts(over), &cx)
        .into_iter()
        .filter_map(|finding| {
            Some(format!("{} {:?}", finding.code?, finding.verdict).to_lowercase())
        })
        .collect()
}

#[test]
fn pg_03_versions_by_a_dated_table() {
    for (version, number, expected) in [
        ("18.4", 180_004, None),
        ("18.3", 180_003, Some("pg-03 fail")),
        ("15.20", 150_020, None),
        ("14.25", 140_025, Some("pg-03 fail")),
        ("9.6.24", 90_624, Some("pg-03 fail")),
        ("19.1", 190_001, None),
    ] {
        let over = json!({ "server": { "version": version, "version_num": number } });
        let found = judged(json!({ "supported": true }), &over);
        assert_eq!(found.first().map(String::as_str), expected, "{version}");
    }
}

#[test]
fn pg_02_every_hop_counts() {
    let plain_hop = json!({ "ssl": false, "client_port": 1 });
    for (server, expected) in [
        (json!({}), None),
        (
            json!({ "link": { "encrypted": false } }),
            Some("pg-02 fail"),
        ),
        (json!({ "link": { "mode": "require" } }), Some("pg-02 fail")),
        (
            json!({ "link": { "local_socket": true, "encrypted": false } }),
            None,
        ),
        (plain_hop.clone(), Some("pg-02 fail")),
        (
            json!({ "ssl": false, "client_port": 1, "client_addr": "127.0.0.1" }),
            None,
        ),
        (
            json!({ "ssl": null, "client_port": 1 }),
            Some("pg-02 error"),
        ),
    ] {
        let found = judged(json!({ "tls": "verify" }), &json!({ "server": server }));
        assert_eq!(found.first().map(String::as_str), expected, "{server}");
    }
}

#[test]
fn pg_16_lag_counts_in_bytes_and_time() {
    let standby = |bytes: Value, seconds: Value| {
        json!({ "replication": { "standbys": { "seen": [{
            "sync_names": "", "sync_commit": "on",
            "standbys": [{ "name": "s", "state": "streaming", "sync_state": "async", "lag_bytes": bytes, "lag": seconds }],
        }] } } })
    };
    for (bytes, seconds, expected) in [
        (json!(0), json!(null), None),
        // An idle primary: time goes by, nothing is behind.
        (json!(0), json!(100_000), None),
        (json!(1e9), json!(0.1), None),
        (json!(1e9), json!(100_000), Some("pg-16 fail")),
        (json!(1e9), json!(null), Some("pg-16 fail")),
        (json!(null), json!(null), Some("pg-16 error")),
    ] {
        let found = judged(
            json!({ "replication": {} }),
            &standby(bytes.clone(), seconds.clone()),
        );
        assert_eq!(
            found.first().map(String::as_str),
            expected,
            "{bytes} {seconds}"
        );
    }
}

#[test]
fn pg_16_a_standby_about_itself_and_lost_slots() {
    let own = |paused: bool, receiver: bool| json!({ "server": { "standby": true }, "replication": { "own": { "seen": [{ "paused": paused, "lag_bytes": 0, "lag": 5, "receiver": receiver }] } } });
    assert!(judged(json!({ "replication": {} }), &own(false, true)).is_empty());
    assert_eq!(
        judged(json!({ "replication": {} }), &own(true, true)),
        ["pg-16 fail"]
    );
    assert_eq!(
        judged(json!({ "replication": {} }), &own(false, false)),
        ["pg-16 fail"]
    );
    let slot = |status: &str| json!({ "replication": { "slots": { "seen": [{ "keep": 1000, "slots": [{ "name": "s", "active": true, "retained": 1, "wal_status": status }] }] } } });
    assert!(judged(json!({ "slots": {} }), &slot("reserved")).is_empty());
    assert_eq!(
        judged(json!({ "slots": {} }), &slot("lost")),
        ["pg-16 fail"]
    );
}

#[test]
fn pg_19_checksums() {
    let seen = |state: &str, failures: Value| json!({ "health": { "checksums": { "seen": [{ "state": state, "failures": failures }] } } });
    for (state, failures, expected) in [
        ("on", json!(0), None),
        ("on", json!(1), Some("pg-19 fail")),
        ("on", json!(null), Some("pg-19 fail")),
        ("off", json!(0), Some("pg-19 fail")),
    ] {
        let found = judged(json!({ "checksums": true }), &seen(state, failures));
        assert_eq!(found.first().map(String::as_str), expected, "{state}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_was_hidden_is_unknown_and_never_healthy() {
    let fault = json!({ "hidden": { "cause": "denied", "code": null, "message": "permission denied", "hint": "grant it" } });
    for (spec, part, field, code) in [
        (json!({ "checksums": true }), "health", "checksums", "pg-19"),
        (
            json!({ "collations": true }),
            "health",
            "collations",
            "pg-20",
        ),
        (json!({ "application_role": {} }), "roles", "role", "pg-05"),
        (
            json!({ "timeouts": { "lock": "1s" } }),
            "roles",
            "limits",
            "pg-08",
        ),
        (
            json!({ "connections": { "max_used_percent": 80 } }),
            "activity",
            "used",
            "pg-07",
        ),
        (
            json!({ "connections": { "max_idle_in_transaction": 0 } }),
            "activity",
            "sessions",
            "pg-09",
        ),
        (
            json!({ "long_transactions": { "max_age": "1m" } }),
            "activity",
            "sessions",
            "pg-10",
        ),
        (
            json!({ "prepared_transactions": { "max_age": "1m" } }),
            "activity",
            "prepared",
            "pg-11",
        ),
        (
            json!({ "locks": { "max_wait": "1s" } }),
            "activity",
            "waits",
            "pg-12",
        ),
        (
            json!({ "transaction_ids": {} }),
            "maintenance",
            "ids",
            "pg-13",
        ),
        (json!({ "slots": {} }), "replication", "slots", "pg-15"),
        (
            json!({ "replication": {} }),
            "replication",
            "standbys",
            "pg-16",
        ),
        (
            json!({ "archiving": {} }),
            "replication",
            "archiver",
            "pg-17",
        ),
        (
            json!({ "schema": { "valid_indexes": true } }),
            "schema",
            "invalid",
            "pg-21",
        ),
        (
            json!({ "schema": { "validated_constraints": true } }),
            "schema",
            "unvalidated",
            "pg-22",
        ),
        (
            json!({ "schema": { "max_sequence_percent": 80 } }),
            "schema",
            "sequences",
            "pg-23",
        ),
        (
            json!({ "schema": { "primary_keys": true } }),
            "schema",
            "keyless",
            "pg-24",
        ),
        (
            json!({ "row_level_security": { "schemas": ["a"] } }),
            "schema",
            "secured",
            "pg-25",
        ),
        (
            json!({ "schema": { "safe_functions": true } }),
            "schema",
            "functions",
            "pg-26",
        ),
        (
            json!({ "slow_statements": { "max_mean": "1s" } }),
            "statements",
            "statements",
            "pg-56",
        ),
        (
            json!({ "sequential_scans": {} }),
            "statements",
            "scans",
            "pg-57",
        ),
    ] {
        let found = judged(spec, &json!({ part: { field: fault } }));
        assert_eq!(found, [format!("{code} error")], "{field}");
    }
}

#[test]
fn empty_answers_of_the_server_are_not_healthy_either() {
    let nothing = json!({ "seen": [] });
    for (spec, part, field) in [
        (
            json!({ "connections": { "max_used_percent": 80 } }),
            "activity",
            "used",
        ),
        (
            json!({ "connections": { "max_idle_in_transaction": 0 } }),
            "activity",
            "sessions",
        ),
        (json!({ "transaction_ids": {} }), "maintenance", "ids"),
        (json!({ "slots": {} }), "replication", "slots"),
        (json!({ "replication": {} }), "replication", "standbys"),
        (json!({ "archiving": {} }), "replication", "archiver"),
        (json!({ "application_role": {} }), "roles", "role"),
        (json!({ "timeouts": { "lock": "1s" } }), "roles", "limits"),
        (
            json!({ "slow_statements": { "max_mean": "1s" } }),
            "statements",
            "statements",
        ),
        (json!({ "checksums": true }), "health", "checksums"),
    ] {
        let found = judged(spec, &json!({ part: { field: nothing } }));
        assert_eq!(found.len(), 1, "{field}: {found:?}");
    }
}

#[test]
fn pg_31_clocks_that_differ() {
    for (ahead, expected) in [
        (0.0, None),
        (-4.0, None),
        (6.0, Some("pg-31 fail")),
        (-6.0, Some("pg-31 fail")),
    ] {
        let found = judged(
            json!({ "max_clock_skew": "5s" }),
            &json!({ "server": { "ahead": ahead } }),
        );
        assert_eq!(found.first().map(String::as_str), expected, "{ahead}");
    }
}

#[test]
fn time_settings_read_as_postgresql_writes_them() {
    for (text, millis) in [
        ("30000", 30_000.0),
        ("30s", 30_000.0),
        ("5min", 300_000.0),
        ("0", 0.0),
        ("1h", 3_600_000.0),
    ] {
        assert_eq!(support::millis(text), Some(millis), "{text}");
    }
    assert_eq!(support::millis("soon"), None);
}
