use super::*;

fn codes(spec: &str, sign_offs: serde_json::Value) -> Vec<String> {
    let kind: Attest = serde_json::from_str(spec).unwrap();
    let signed: Vec<SignOff> = serde_json::from_value(sign_offs).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(9);
    let facts = Facts {
        sign_offs: signed
            .into_iter()
            .map(|sign_off| Seen {
                evidence_now: evidence::look(&sign_off, folder.path(), until, &mut 9),
                sign_off,
            })
            .collect(),
        commit: kind.commit.clone(),
    };
    let cx = JudgeContext {
        now: "2026-06-15T12:00:00Z".parse().unwrap(),
    };
    kind.judge(&facts, &cx)
        .into_iter()
        .filter_map(|f| f.code)
        .map(String::from)
        .collect()
}

#[test]
fn every_role_needs_a_signature_that_counts() {
    let spec =
        r#"{"statement": "done", "roles": ["security"], "valid_for": "30d", "evidence": true}"#;
    let signed = |on: &str, evidence: &str| serde_json::json!([{"check": "x", "role": "Security", "by": "someone", "on": on, "evidence": evidence}]);
    for (sign_offs, expected) in [
        (signed("2026-06-01", "ticket 1"), None),
        (serde_json::json!([]), Some("ATT-01")),
        (signed("2026-05-01", "ticket 1"), Some("ATT-02")),
        (signed("2026-06-16", "ticket 1"), Some("ATT-03")),
        (signed("2026-06-01", " "), Some("ATT-04")),
        (signed("2026-06-01", "link or file"), Some("ATT-04")),
        (signed("2026-06-01", "TBD by ops"), Some("ATT-04")),
        (signed("2026-06-01", "docs/review.md"), Some("ATT-07")),
        (signed("2026-06-01", "https://tickets.test/todo/1"), None),
        (signed("2026-06-01", "OPS/118"), None),
    ] {
        assert_eq!(
            codes(spec, sign_offs.clone()).first().map(String::as_str),
            expected,
            "{sign_offs}"
        );
    }
}

#[test]
fn words_of_a_template_are_no_person() {
    for (by, person) in [
        ("the person's name or handle", false),
        ("TBD", false),
        ("<name>", false),
        ("{{ approver }}", false),
        ("", false),
        (" - ", false),
        ("N/A", false),
        ("n.n.", false),
        ("your name here", false),
        ("todo: who?", false),
        ("Nadia Link", true),
        ("@handley", true),
        ("somebody", true),
        ("李", true),
        ("Na Li", true),
    ] {
        assert_eq!(judge::is_placeholder(by), !person, "{by}");
    }
}

#[test]
fn commits_match_by_their_beginning_and_only_commits_do() {
    let signed = |commit: Option<&str>| {
        let mut one =
            serde_json::json!({"check": "x", "role": "dev", "by": "someone", "on": "2026-06-01"});
        if let Some(commit) = commit {
            one["commit"] = commit.into();
        }
        serde_json::json!([one])
    };
    let spec = |commit: &str| format!(r#"{{"statement": "s", "commit": "{commit}"}}"#);
    let full = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(codes(&spec(full), signed(Some("0123456"))), [""; 0]);
    assert_eq!(codes(&spec("0123456"), signed(Some(full))), [""; 0]);
    assert_eq!(codes(&spec(full), signed(Some("0123457"))), ["ATT-05"]);
    assert_eq!(codes(&spec(full), signed(None)), ["ATT-05"]);
    assert_eq!(codes(&spec(""), signed(Some(full))), ["ATT-05"]);
}

#[test]
fn a_spec_that_means_nothing_is_refused() {
    for (spec, problems) in [
        (r#"{"statement": "s", "roles": ["a", "A "]}"#, 1),
        (r#"{"statement": "s", "roles": ["a"], "distinct": true}"#, 1),
        (r#"{"statement": "s", "valid_for": "3h"}"#, 1),
        (r#"{"statement": "s", "commit": "x", "repo": "."}"#, 1),
        (
            r#"{"statement": "s", "roles": ["a", "b"], "distinct": true, "evidence": "file"}"#,
            0,
        ),
    ] {
        let kind: Attest = serde_json::from_str(spec).unwrap();
        assert_eq!(kind.problems().len(), problems, "{spec}");
    }
}
