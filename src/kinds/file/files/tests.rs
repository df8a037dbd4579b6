//! Tables of structured files and dates.

use serde_json::json;

use super::format::structured;
use super::look::newest_date;

#[test]
fn formats_are_read_by_their_names() {
    for (path, text, expected) in [
        ("a.json", "{\"a\": [1]}", json!({"a": [1]})),
        ("a.yml", "a: [1]", json!({"a": [1]})),
        ("a.yaml", "a: 1\n---\nb: 2\n", json!([{"a": 1}, {"b": 2}])),
        (
            "Cargo.lock",
            "[[package]]\nname = \"x\"\n",
            json!({"package": [{"name": "x"}]}),
        ),
        ("a.toml", "d = 2026-01-01\n", json!({"d": "2026-01-01"})),
        (
            "setup.cfg",
            "top = 1\n; note\n[a b]\nx: y\nz = 1 = 2\n",
            json!({"top": "1", "a b": {"x": "y", "z": "1 = 2"}}),
        ),
        (
            "deploy/Dockerfile.prod",
            "# syntax\nFROM rust:1.95 \\\n  AS build\nRUN <<EOF\nnot an instruction: x\nEOF\nuser 10001\n",
            json!([
                {"line": 2, "instruction": "FROM", "arguments": "rust:1.95 AS build"},
                {"line": 4, "instruction": "RUN", "arguments": "<<EOF"},
                {"line": 7, "instruction": "USER", "arguments": "10001"},
            ]),
        ),
    ] {
        assert_eq!(structured(path, text, None).unwrap(), expected, "{path}");
    }
}

#[test]
fn what_is_of_no_format_or_of_another_one_is_a_fault_with_a_line() {
    let deep = "[".repeat(10_000);
    for (path, text, words) in [
        ("a.json", "{\"a\": \n", "a.json:2"),
        ("a.json", deep.as_str(), "a.json:1"),
        ("a.yaml", deep.as_str(), "a.yaml:1"),
        ("a.toml", deep.as_str(), "a.toml:1"),
        ("a.json", "  ", "empty"),
        ("a.yaml", "# only a comment\n", "no YAML document"),
        ("a.toml", "a = 1\nb = \n", "a.toml:2"),
        ("a.ini", "[a]\nnonsense\n", "a.ini:2"),
        ("Dockerfile", "FROM x\n{json}\n", "Dockerfile:2"),
        ("a.txt", "x", "which format"),
    ] {
        let fault = structured(path, text, None).unwrap_err();
        assert!(fault.message.contains(words), "{path}: {}", fault.message);
    }
}

#[test]
fn the_newest_date_of_a_text_counts() {
    let newest = |text: &str| newest_date(text, None).map(|day| day.to_string());
    assert_eq!(
        newest("Reviewed 2025-01-31, before 2024-12-01.").as_deref(),
        Some("2025-01-31")
    );
    assert_eq!(newest("2025-02-31 is no day"), None);
    let pattern = crate::expect::Pattern::new(r"Reviewed:\s*(\S+)").unwrap();
    let reviewed = newest_date("2026-01-01\nReviewed: 2025-06-01\n", Some(&pattern));
    assert_eq!(reviewed.unwrap().to_string(), "2025-06-01");
}
