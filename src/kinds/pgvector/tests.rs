//! Facts in, codes out: what no server of today can be made to show.

use super::*;

/// Codes of all findings that did not pass.
fn codes(spec: serde_json::Value, facts: serde_json::Value) -> Vec<String> {
    let mut spec = spec;
    spec["url"] = "postgres://u@h/d".into();
    let spec: Pgvector = serde_json::from_value(spec).unwrap();
    let facts: Facts = serde_json::from_value(facts).unwrap();
    let cx = JudgeContext {
        now: "2026-06-15T12:00:00Z".parse().unwrap(),
    };
    spec.judge(&facts, &cx)
        .into_iter()
        .filter_map(|finding| finding.code)
        .map(String::from)
        .collect()
}

/// A healthy extension with other versions.
fn facts(available: &str, created: &str, loaded: Option<&str>) -> serde_json::Value {
    serde_json::json!({
        "extension": {
            "available": available, "created": created, "schema": "public", "on_path": true,
            "usable": true, "loaded": loaded, "smoke": { "seen": true },
        },
        "columns": [],
        "all": [],
    })
}

#[test]
fn vec_05_goes_by_the_code_that_runs_and_not_by_the_extension() {
    for (available, created, loaded, faulty) in [
        ("0.8.6", "0.8.6", Some("0.8.6"), false),
        ("0.8.3", "0.8.3", None, false),
        ("0.8.2", "0.8.2", None, true),
        ("0.8.1", "0.8.1", None, true),
        ("0.6.0", "0.6.0", None, true),
        ("0.4.4", "0.4.4", None, false),
        ("0.3.0", "0.3.0", None, true),
        // The package was updated, the extension not yet: the code is sound.
        ("0.8.6", "0.8.0", None, false),
        // The package was updated, but the server still runs the old code.
        ("0.8.6", "0.8.6", Some("0.8.0"), true),
        ("0.8.6", "0.8.6", Some("weird"), true),
    ] {
        let found = codes(serde_json::json!({}), facts(available, created, loaded));
        let expected: &[&str] = if faulty { &["VEC-05"] } else { &[] };
        assert_eq!(found, expected, "{available} {created} {loaded:?}");
        let accepted = codes(
            serde_json::json!({ "allow_known_faults": true }),
            facts(available, created, loaded),
        );
        assert!(accepted.is_empty());
    }
}

#[test]
fn an_operator_class_tells_its_metric() {
    for (class, metric) in [
        ("vector_cosine_ops", Some(Metric::Cosine)),
        ("halfvec_l2_ops", Some(Metric::L2)),
        ("sparsevec_ip_ops", Some(Metric::InnerProduct)),
        ("vector_l1_ops", Some(Metric::L1)),
        ("bit_hamming_ops", Some(Metric::Hamming)),
        ("bit_jaccard_ops", Some(Metric::Jaccard)),
        ("int4_ops", None),
    ] {
        assert_eq!(Metric::of_class(class), metric, "{class}");
    }
}
