//! Tables: what was presented in, codes out.

use serde_json::{Value, json};

use super::*;

/// One day in seconds.
const DAY: i64 = 86_400;
/// The clock of all tables: 2026-06-15 12:00 UTC.
const NOW: i64 = 1_781_524_800;

/// A good leaf, changed.
fn leaf(changes: Value) -> Value {
    let mut leaf = json!({"subject": "CN=a", "issuer": "CN=i", "fingerprint": "aa", "not_before": NOW - 20 * DAY,
        "not_after": NOW + 70 * DAY, "names": ["a"], "key": "EC", "key_bits": 256, "signature": "ECDSA with SHA-256",
        "weak_signature": false, "self_issued": false, "names_issuer_url": true, "must_staple": false, "next_is_issuer": true});
    leaf.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    leaf
}

/// Judges; returns `CODE verdict` of everything that is not a pass.
fn judged(
    spec: Value,
    leaf_changes: Value,
    issuer_changes: Value,
    seen_changes: Value,
) -> Vec<String> {
    let mut spec = spec;
    spec["host"] = json!("a");
    let kind: Tls = serde_json::from_value(spec).unwrap();
    let mut issuer = leaf(
        json!({"subject": "CN=i", "issuer": "CN=root", "fingerprint": "bb", "not_before": NOW - 900 * DAY,
        "not_after": NOW + 900 * DAY, "next_is_issuer": false}),
    );
    issuer
        .as_object_mut()
        .unwrap()
        .extend(issuer_changes.as_object().unwrap().clone());
    let mut seen = json!({"address": "1.1.1.1:443", "nothing": null, "version": "1.3", "cipher": "x", "alpn": null,
        "failed": null, "refused": null, "asks_client": false, "stapled": false, "chain": [leaf(leaf_changes), issuer],
        "trust": "trusted", "trust_at_end": "trusted", "public": false, "names": [["a", true]]});
    seen.as_object_mut()
        .unwrap()
        .extend(seen_changes.as_object().unwrap().clone());
    let mut facts = json!({"target": "a:443", "name": "a", "seen": [seen], "without_name": null, "offers": [["tls10", "refused"]]});
    if let Some(other) = seen_changes.get("facts") {
        facts
            .as_object_mut()
            .unwrap()
            .extend(other.as_object().unwrap().clone());
    }
    let facts: observe::Facts = serde_json::from_value(facts).unwrap();
    let now = jiff::Timestamp::from_second(NOW).unwrap();
    kind.judge(&facts, &JudgeContext { now })
        .into_iter()
        .filter_map(|f| f.code.map(|code| format!("{code} {:?}", f.verdict)))
        .collect()
}

#[test]
fn certificates_are_judged_by_dates_chain_names_and_strength() {
    let none = || json!({});
    for (spec, leaf, issuer, seen, expected) in [
        (none(), none(), none(), none(), vec![]),
        (
            none(),
            json!({"not_after": NOW - 1}),
            none(),
            none(),
            vec!["TLS-01 Fail"],
        ),
        (
            none(),
            json!({"not_before": NOW + 9}),
            none(),
            none(),
            vec!["TLS-01 Fail"],
        ),
        (
            none(),
            json!({"not_before": NOW + 9}),
            json!({"not_before": NOW + 9}),
            none(),
            vec!["TLS-18 Error"],
        ),
        (
            none(),
            json!({"not_after": NOW + 2 * DAY}),
            none(),
            none(),
            vec!["TLS-02 Fail"],
        ),
        (
            json!({"min_left": "1d", "min_fraction_left": 0.0}),
            json!({"not_after": NOW + 2 * DAY}),
            none(),
            none(),
            vec!["TLS-17 Warn"],
        ),
        (
            json!({"renewed_after_fraction": 0.1}),
            none(),
            none(),
            none(),
            vec!["TLS-17 Fail"],
        ),
        // Ten years of a private authority: a fifth of that is not asked for.
        (
            none(),
            json!({"not_before": NOW - 3000 * DAY, "not_after": NOW + 600 * DAY}),
            none(),
            none(),
            vec![],
        ),
        // A fresh 47-day certificate is not red for having less than some fixed number of days.
        (
            none(),
            json!({"not_before": NOW - DAY, "not_after": NOW + 46 * DAY}),
            none(),
            none(),
            vec![],
        ),
        (
            none(),
            none(),
            json!({"not_after": NOW + DAY}),
            json!({"trust_at_end": "expired"}),
            vec!["TLS-03 Fail"],
        ),
        (
            none(),
            none(),
            json!({"not_after": NOW + 60 * DAY}),
            json!({"trust_at_end": "expired"}),
            vec!["TLS-03 Warn"],
        ),
        (
            none(),
            none(),
            json!({"not_after": NOW - DAY}),
            none(),
            vec!["TLS-03 Warn"],
        ),
        (
            none(),
            none(),
            json!({"not_after": NOW - DAY}),
            json!({"trust": "expired"}),
            vec!["TLS-03 Fail"],
        ),
        (
            none(),
            json!({"next_is_issuer": false, "issuer": "CN=other"}),
            none(),
            json!({"trust": "unknown_issuer"}),
            vec!["TLS-04 Fail"],
        ),
        (
            none(),
            json!({"next_is_issuer": false}),
            none(),
            none(),
            vec!["TLS-04 Warn"],
        ),
        (
            none(),
            json!({"self_issued": true}),
            none(),
            json!({"trust": "unknown_issuer"}),
            vec!["TLS-05 Fail"],
        ),
        (
            none(),
            none(),
            none(),
            json!({"trust": "unknown_issuer"}),
            vec!["TLS-05 Fail"],
        ),
        (
            none(),
            none(),
            none(),
            json!({"trust": null}),
            vec!["TLS-05 Error"],
        ),
        (
            none(),
            none(),
            none(),
            json!({"names": [["a", true], ["b", false]]}),
            vec!["TLS-06 Fail"],
        ),
        (
            none(),
            json!({"key": "RSA", "key_bits": 1024}),
            none(),
            none(),
            vec!["TLS-12 Fail"],
        ),
        (
            none(),
            none(),
            json!({"weak_signature": true}),
            none(),
            vec!["TLS-12 Fail"],
        ),
        (
            none(),
            json!({"must_staple": true}),
            none(),
            none(),
            vec!["TLS-14 Fail"],
        ),
        (
            none(),
            json!({"must_staple": true}),
            none(),
            json!({"stapled": true}),
            vec![],
        ),
        (
            json!({"lifetime_cap": "always"}),
            json!({"not_after": NOW + 300 * DAY}),
            none(),
            none(),
            vec!["TLS-15 Fail"],
        ),
        (
            none(),
            json!({"not_after": NOW + 300 * DAY}),
            none(),
            json!({"public": true}),
            vec!["TLS-15 Fail"],
        ),
        (
            none(),
            json!({"not_after": NOW + 300 * DAY}),
            none(),
            none(),
            vec![],
        ),
    ] {
        assert_eq!(
            judged(spec.clone(), leaf.clone(), issuer.clone(), seen.clone()),
            expected,
            "{spec} {leaf} {issuer} {seen}"
        );
    }
}

#[test]
fn sessions_and_offers_are_judged() {
    for (spec, seen, expected) in [
        (json!({}), json!({"version": "1.2"}), vec!["TLS-10 Warn"]),
        (
            json!({"require_tls13": true}),
            json!({"version": "1.2"}),
            vec!["TLS-10 Fail"],
        ),
        (
            json!({"require_tls13": true}),
            json!({"version": null}),
            vec!["TLS-10 Fail"],
        ),
        (
            json!({"require_tls13": false}),
            json!({"version": "1.2"}),
            vec![],
        ),
        (json!({"alpn": ["h2"]}), json!({}), vec!["TLS-51 Fail"]),
        (json!({"alpn": ["h2"]}), json!({"alpn": "h2"}), vec![]),
        (
            json!({"client_certificate": true}),
            json!({}),
            vec!["TLS-52 Fail"],
        ),
        (
            json!({"client_certificate": true}),
            json!({"asks_client": true, "failed": "alert"}),
            vec![],
        ),
        (json!({}), json!({"failed": "alert"}), vec!["TLS-53 Fail"]),
        // Whatever the verifier refuses is never green, even when nothing else explains it.
        (
            json!({}),
            json!({"failed": "refused", "refused": "bad"}),
            vec!["TLS-05 Fail"],
        ),
        (
            json!({}),
            json!({"facts": {"offers": [["tls10", "accepted"]]}}),
            vec!["TLS-09 Fail"],
        ),
        (
            json!({}),
            json!({"facts": {"offers": [["tls11", "unknown"]]}}),
            vec!["TLS-09 Error"],
        ),
        (
            json!({}),
            json!({"facts": {"offers": [["weak_ciphers", "accepted"]]}}),
            vec!["TLS-11 Fail"],
        ),
        (
            json!({}),
            json!({"facts": {"offers": [["no_forward_secrecy", "accepted"]]}}),
            vec!["TLS-11 Warn"],
        ),
        (
            json!({"same_without_name": true}),
            json!({"facts": {"without_name": "zz"}}),
            vec!["TLS-08 Fail"],
        ),
        (
            json!({"same_without_name": true}),
            json!({}),
            vec!["TLS-08 Fail"],
        ),
        (
            json!({"same_without_name": true}),
            json!({"facts": {"without_name": "aa"}}),
            vec![],
        ),
    ] {
        assert_eq!(
            judged(spec.clone(), json!({}), json!({}), seen.clone()),
            expected,
            "{spec} {seen}"
        );
    }
}

#[test]
fn contradictions_are_reported_before_any_contact() {
    for (spec, field) in [
        (json!({}), Some("")),
        (json!({"host": "a", "address": "a:1"}), Some("")),
        (json!({"address": "a b"}), Some("address")),
        (
            json!({"host": "a", "min_version": "1.1"}),
            Some("min_version"),
        ),
        (
            json!({"host": "a", "min_fraction_left": 20}),
            Some("min_fraction_left"),
        ),
        (
            json!({"host": "a", "connect_to": ["x y"]}),
            Some("connect_to[0]"),
        ),
        (json!({"host": "a", "port": 8443}), None),
        (json!({"address": "a"}), None),
    ] {
        let kind: Tls = serde_json::from_value(spec.clone()).unwrap();
        let problems = kind.problems();
        assert_eq!(problems.first().map(|p| p.field.as_str()), field, "{spec}");
    }
}
