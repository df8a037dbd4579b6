//! What must hold for any input: properties of the foundations, tested with random input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::environment::Environment;
use crate::expect::{ByteSize, Expression, Matcher, TimeSpan};
use crate::profile::interpolate::{Bound, Scope};
use crate::profile::node::{self, Node, Place, Problems};
use crate::profile::{Request, load, yaml};
use crate::redact::{MASK, Redactor};

/// Text that looks like YAML more often than random text does.
fn yamlish() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("version: 1\n".to_owned()),
        Just("checks:\n".to_owned()),
        Just("  - id: a\n".to_owned()),
        Just("    attest: { statement: x }\n".to_owned()),
        Just("inputs: { a: { default: 1 } }\n".to_owned()),
        Just("extends: [a]\n".to_owned()),
        Just("for_each: { a: [1, 2] }\n".to_owned()),
        Just("packs: [{ use: a }]\n".to_owned()),
        "[ -]{0,6}[a-z_]{1,8}: ?[^\n]{0,12}\n",
        "[&*!|>{}\\[\\],:#%@`'\"\\-?~\t ]{1,6}",
        "\\PC{0,20}",
        any::<String>(),
    ];
    proptest::collection::vec(pieces, 0..14).prop_map(|pieces| pieces.concat())
}

/// JSON of any shape.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A matcher that does not ask for absence or null.
fn matcher() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z]{0,5}".prop_map(Value::from),
        any::<i32>().prop_map(|n| json!({ "ne": n })),
        any::<f32>().prop_map(|n| json!({ "lt": f64::from(n) })),
        any::<f32>().prop_map(|n| json!({ "gte": f64::from(n) })),
        (any::<i16>(), 0_i32..9).prop_map(|(n, d)| json!({ "between": [n, i32::from(n) + d] })),
        "[a-z]{0,3}".prop_map(|text| json!({ "matches": text })),
        "[a-z]{1,3}".prop_map(|text| json!({ "contains": text })),
        "[a-z]{0,3}".prop_map(|text| json!({ "starts_with": text })),
        any::<bool>().prop_map(|empty| json!({ "empty": empty })),
        (0_u8..4).prop_map(|n| json!({ "length": n })),
        Just(json!({ "version": ">=1" })),
        Just(json!({ "type": "string" })),
        Just(json!({ "exists": true, "ne": "x" })),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = proptest::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            inner.clone().prop_map(|m| json!({ "not": m })),
            inner.prop_map(|m| json!({ "each": m })),
            list.clone().prop_map(|list| json!({ "all": list })),
            list.clone().prop_map(|list| json!({ "any": list })),
            list.prop_map(|list| json!({ "one_of": list })),
        ]
    })
}

/// The kinds of the nodes of a tree, values left out.
fn shape(node: &Node) -> String {
    match &node.value {
        node::Value::Seq(items) => {
            format!(
                "[{}]",
                items.iter().map(shape).collect::<Vec<_>>().join(",")
            )
        }
        node::Value::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}:{}", shape(key), shape(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        _ => "x".to_owned(),
    }
}

/// Loads text as a profile; what comes of it does not matter.
fn load_text(text: &str) -> Problems {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    std::fs::write(&path, text).unwrap();
    let environment = Environment::default();
    let redactor = Redactor::default();
    let request = Request {
        profiles: &[path.display().to_string()],
        environment: &environment,
        set: &[],
        target: None,
        strict: true,
        redactor: &redactor,
    };
    let (mut sources, mut problems) = Default::default();
    let profile = load(&request, &mut sources, &mut problems);
    if let Some(profile) = profile {
        crate::plan::plan(profile, &Default::default(), None, &sources, &mut problems);
    }
    // Drawing them must not fail either.
    crate::profile::diagnose::render(&problems, &sources, true);
    problems
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn loading_never_panics(text in yamlish()) {
        load_text(&text);
    }

    #[test]
    fn loading_a_check_with_any_fields_never_panics(fields in json(), block in json()) {
        let profile = json!({
            "version": 1, "inputs": { "a": fields }, "defaults": fields, "targets": { "t": fields },
            "checks": [{ "id": "a", "when": fields, "for_each": fields, "attest": block }, fields],
            "waivers": [fields], "sign_offs": fields, "packs": [{ "use": "x", "with": fields }],
        });
        load_text(&profile.to_string());
    }

    #[test]
    fn parsing_yaml_keeps_every_place_inside_the_text(text in yamlish()) {
        let mut problems = Problems::default();
        let lines = u32::try_from(text.lines().count()).unwrap() + 1;
        if let Some(root) = yaml::parse(0, &text, &mut problems) {
            prop_assert!(!root.any(&|node| node.at.line > lines));
        } else {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn expressions_never_panic(text in "\\PC{0,40}", call in "[a-z.()\\[\\]\"'0-9 &|=<>!?:,+-]{0,40}") {
        for text in [text, call] {
            if let Ok(expression) = Expression::new(&text) {
                let _either = expression.holds(&serde_json::Map::new());
            }
        }
    }

    #[test]
    fn interpolation_never_changes_the_structure(values in proptest::collection::vec(any::<String>(), 3)) {
        let environment = Environment::default();
        let redactor = Redactor::default();
        let at = Place::default();
        let names: BTreeMap<String, Bound> = ["a", "b", "c"]
            .iter()
            .zip(&values)
            .map(|(name, value)| {
                let value = Some(Node::string(at, value.clone()));
                ((*name).to_owned(), Bound { value, help: String::new(), reported: false })
            })
            .collect();
        let scope = Scope { names, environment: &environment, redactor: &redactor, strict: true };
        let yaml = "{ k: '${a}', '${b}': [x, 'pre ${c} post', { z: '${a}${b}' }], e: 'n' }";
        let mut problems = Problems::default();
        let before = yaml::parse(0, yaml, &mut problems).unwrap();
        let after = scope.apply(&before, &mut problems);
        prop_assert!(problems.is_empty());
        prop_assert_eq!(shape(&before), shape(&after));
        // By position: another key may have become `k` too.
        let first = after.as_map().and_then(|entries| entries.first()).and_then(|(_, value)| value.as_str());
        prop_assert_eq!(first, Some(values[0].as_str()));
    }

    #[test]
    fn the_redactor_masks_every_occurrence(
        secrets in proptest::collection::vec("[a-zA-Z0-9\"\\\\/+=&%<> ö]{4,16}", 1..4),
        around in proptest::collection::vec("[a-z \n]{0,5}", 8),
    ) {
        let redactor = Redactor::default();
        // What is shorter than a mask could be part of the mask itself, or a harmless word.
        let secrets: Vec<String> = secrets
            .into_iter()
            .map(|secret| secret.trim().to_owned())
            .filter(|secret| secret.chars().count() >= 4 && !MASK.contains(secret.as_str()))
            .filter(|secret| !matches!(secret.to_lowercase().as_str(), "true" | "false" | "null" | "none"))
            .collect();
        secrets.iter().for_each(|secret| redactor.add(secret));
        let mut text = String::new();
        for (index, part) in around.iter().enumerate() {
            text.push_str(part);
            if let Some(secret) = secrets.get(index % secrets.len().max(1)) {
                text.push_str(secret);
            }
        }
        let out = redactor.text(&text);
        for secret in &secrets {
            prop_assert!(!out.contains(secret.as_str()), "{secret:?} in {out:?}");
        }
        prop_assert_eq!(redactor.text(&out), out, "masking twice changes nothing");
        let mut json = json!({ "k": [text.clone()], text: 1 });
        redactor.json(&mut json);
        for secret in &secrets {
            let quoted = serde_json::to_string(secret).unwrap();
            prop_assert!(!json.to_string().contains(quoted.trim_matches('"')), "{json}");
        }
    }

    #[test]
    fn the_redactor_leaves_everything_else_alone(text in "[a-z ,.\n]{0,60}") {
        let redactor = Redactor::default();
        redactor.add("S3CR3T-value");
        prop_assert_eq!(redactor.text(&text), text);
    }

    #[test]
    fn missing_and_null_never_match(spec in matcher()) {
        let matcher: Matcher = serde_json::from_value(spec.clone()).unwrap();
        prop_assert!(matcher.check(None).is_err(), "{spec} accepts a missing value");
        prop_assert!(matcher.check(Some(&Value::Null)).is_err(), "{spec} accepts null");
        prop_assert!(matcher.check_text(None).is_err(), "{spec} accepts missing text");
    }

    #[test]
    fn matchers_never_panic(spec in json(), value in json(), text in "\\PC{0,12}") {
        if let Ok(matcher) = serde_json::from_value::<Matcher>(spec) {
            let _either = (matcher.check(Some(&value)), matcher.check_text(Some(&text)));
            prop_assert!(!matcher.to_string().is_empty());
        }
    }

    #[test]
    fn durations_survive_being_written_and_read(secs in 0_u64..100_000_000, nanos in 0_u32..1_000_000_000) {
        let span = TimeSpan(std::time::Duration::new(secs, nanos));
        let text = serde_json::to_string(&span).unwrap();
        prop_assert_eq!(serde_json::from_str::<TimeSpan>(&text).unwrap(), span, "{}", text);
        // What people see is what was meant, to two units.
        let shown: TimeSpan = span.to_string().parse().unwrap();
        let difference = span.0.as_secs_f64() - shown.0.as_secs_f64();
        prop_assert!(difference.abs() <= span.0.as_secs_f64() / 12.0, "{span} for {secs}s {nanos}ns");
    }

    #[test]
    fn sizes_survive_being_written_and_read(bytes in any::<u64>()) {
        let size = ByteSize(bytes);
        let text = serde_json::to_string(&size).unwrap();
        prop_assert_eq!(serde_json::from_str::<ByteSize>(&text).unwrap(), size);
        let shown: ByteSize = size.to_string().parse().unwrap();
        prop_assert!(shown.0 <= bytes && bytes - shown.0 <= bytes / 10, "{size} for {bytes}");
    }

    #[test]
    fn durations_and_sizes_never_panic(text in "[0-9.eE+-]{0,12} ?[a-zA-Z]{0,6}") {
        let _either = (text.parse::<TimeSpan>().is_ok(), text.parse::<ByteSize>().is_ok());
    }
}
