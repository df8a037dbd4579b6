//! Patterns and contradictions.

use super::paths::{Patterns, folder_of};
use super::{Git, Kind as _};

fn patterns(list: &[&str]) -> Patterns {
    let list: Vec<String> = list.iter().map(|text| (*text).to_owned()).collect();
    Patterns::new(&list).unwrap()
}

#[test]
fn patterns_mean_what_they_mean_in_a_gitignore() {
    let env = patterns(&[".env", ".env.*", "!.env.example"]);
    for (path, fits) in [
        (".env", true),
        ("backend/.env", true),
        ("backend/.env.production", true),
        (".env.example", false),
        ("backend/.env.example", false),
        (".environment", false),
        ("src/env.py", false),
    ] {
        assert_eq!(env.fits(path), fits, "{path}");
    }
    let others = patterns(&["migrations/", "/a.txt", "docs/*.md", "./b/c"]);
    for (path, fits) in [
        ("migrations/1.sql", true),
        ("migrations/x/1.sql", true),
        ("app/migrations/1.sql", false),
        ("a.txt", true),
        ("x/a.txt", false),
        ("docs/a.md", true),
        ("docs/x/a.md", false),
        ("b/c", true),
    ] {
        assert_eq!(others.fits(path), fits, "{path}");
    }
    assert!(Patterns::new(&["[".to_owned()]).is_err());
    assert!(Patterns::new(&["!".to_owned()]).is_err());
    assert_eq!(folder_of("a/b/"), Some("a/b"));
    assert_eq!(folder_of("a/*/"), None);
    assert_eq!(folder_of("a/b"), None);
}

#[test]
fn what_could_never_fail_is_refused() {
    for (spec, field) in [
        (serde_json::json!({}), ""),
        (serde_json::json!({"not_tracked": ["!.env"]}), "not_tracked"),
        (serde_json::json!({"tracked": ["!.env"]}), "tracked"),
        (serde_json::json!({"tracked": [""]}), "tracked[0]"),
        (
            serde_json::json!({"at": {"revision": "v1", "files": []}}),
            "at.files",
        ),
        (
            serde_json::json!({"at": {"revision": "--x", "files": ["a"]}}),
            "at.revision",
        ),
        (
            serde_json::json!({"secrets": {"ignore": ["no-such-rule"]}}),
            "secrets.ignore[0]",
        ),
        (
            serde_json::json!({"secrets": {"history": 100_000}}),
            "secrets.history",
        ),
        (
            serde_json::json!({"secrets": {"max_file": "0B"}}),
            "secrets.max_file",
        ),
        (
            serde_json::json!({"not_older": [{"path": "a", "than": "a"}]}),
            "not_older[0]",
        ),
    ] {
        let git: Git = serde_json::from_value(spec.clone()).unwrap();
        let problems = git.problems();
        assert_eq!(
            problems.first().map(|p| p.field.as_str()),
            Some(field),
            "{spec}"
        );
    }
    let git: Git = serde_json::from_value(serde_json::json!({"secrets": {}, "data": {}})).unwrap();
    assert!(git.problems().is_empty());
    assert!(git.plan().len() > 4);
}
