use serde_json::json;

use super::*;

/// The documents as JSON.
fn all(text: &str) -> Vec<serde_json::Value> {
    let documents = parse_all(text).unwrap();
    documents.iter().map(Yaml::to_json).collect()
}

#[test]
fn scalars_are_those_of_the_core_schema() {
    for (text, expected) in [
        ("a: yes", json!({"a": "yes"})),
        ("on: push", json!({"on": "push"})),
        (
            "a: [1, -2, 0x1f, 0o17, 1.5, 1e3]",
            json!({"a": [1, -2, 31, 15, 1.5, 1000.0]}),
        ),
        (
            "a: [~, null, '', \"1\", '1', 1.2.3, 22:22, +, ., --1]",
            json!({"a": [null, null, "", "1", "1", "1.2.3", "22:22", "+", ".", "--1"]}),
        ),
        ("a: !!str 1", json!({"a": "1"})),
        ("a: |\n  x\n  y\n", json!({"a": "x\ny\n"})),
        ("1: x", json!({"1": "x"})),
    ] {
        assert_eq!(all(text), [expected], "{text}");
    }
}

#[test]
fn documents_tags_and_lines_are_kept() {
    let documents =
        parse_all("a: 1\n---\nvolumes: !reset []\nports: !override\n  - 80:80\nx: !reset null\n")
            .unwrap();
    assert_eq!(documents.len(), 2);
    let tag = |key: &str| documents[1].get(key).unwrap().tag.clone();
    assert_eq!(tag("volumes").as_deref(), Some("!reset"));
    assert_eq!(tag("ports").as_deref(), Some("!override"));
    assert_eq!(tag("x").as_deref(), Some("!reset"));
    assert!(documents[1].get("x").unwrap().is_null());
    assert_eq!(
        documents[1].at(&["ports"]).unwrap().as_seq().unwrap()[0].line,
        5
    );
    assert_eq!(all(""), Vec::<serde_json::Value>::new());
}

#[test]
fn anchors_and_merge_keys_are_resolved() {
    let text =
        "x: &base { a: 1, b: 2 }\ny: { <<: *base, b: 3 }\nz: { b: 9, <<: [*base, { c: 4 }] }\n";
    assert_eq!(
        all(text),
        [json!({"x": {"a": 1, "b": 2}, "y": {"b": 3, "a": 1}, "z": {"b": 9, "a": 1, "c": 4}})]
    );
}

#[test]
fn what_is_wrong_has_a_line() {
    for (text, line, words, too_large) in [
        ("a: 1\na: 2\n", 2, "stands twice", false),
        ("a: *nope\n", 1, "unknown anchor", false),
        ("a: [1\nb: 2\n", 2, "not valid YAML", false),
        ("a: 'x\n", 2, "not valid YAML", false),
        ("a: &x [*x]\n", 1, "contains it", false),
        ("? [a]\n: 1\n", 1, "the key of a mapping", false),
    ] {
        let error = parse_all(text).unwrap_err();
        assert!(error.message.contains(words), "{text}: {error:?}");
        assert_eq!(
            (error.line, error.too_large),
            (line, too_large),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn bombs_are_refused_quickly() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
    }
    assert!(parse_all(&bomb).unwrap_err().too_large);
    let deep = "[".repeat(10_000);
    assert!(parse_all(&deep).is_err());
    let blocks: String = (0..300).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    assert!(parse_all(&blocks).unwrap_err().too_large);
}
