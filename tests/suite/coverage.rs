//! `readyctl coverage`: which items of a checklist a profile judges.

use serde_json::Value;

use crate::support::cli::{Readyctl, Run};

const LIST: &str = "# Production\n\n## Settings\n\n- [ ] `API_KEY` is set and strong\n- [ ] `DEBUG` is off\n\n## People\n\n- [ ] Security has signed\n- [ ] Tests are green\n\n## Contacts\n\n- Pager: see the wiki\n";

const PROFILE: &str = "version: 1
name: p
checklists:
  - file: LIST.md
    items:
      P-1: people/security-has-signed
    not_items: [contacts]
checks:
  - id: key
    covers: [LIST.md#settings/api_key-is-set-and-strong]
    env: { rules: { API_KEY: { required: true } } }
  - id: signed
    covers: [P-1]
    attest: { statement: Security has looked }
";

fn coverage(list: &str, profile: &str, more: &[&str]) -> Run {
    Readyctl::new()
        .args(["coverage", "docs/LIST.md", "--profile", "p.yaml"])
        .args(more)
        .file("docs/LIST.md", list)
        .file("p.yaml", profile)
        .run()
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"))
}

#[test]
fn coverage_tells_per_item_who_judges_it() {
    let run = coverage(LIST, PROFILE, &["--format", "json"]);
    run.assert_exit(0);
    let answer = json(&run);
    let summary = &answer["summary"];
    for (field, value) in [
        ("items", 4),
        ("probe", 1),
        ("person", 1),
        ("nothing", 2),
        ("left_out", 1),
    ] {
        assert_eq!(summary[field], value, "{field}\n{run}");
    }
    assert_eq!(summary["covered_percent"], 50.0);
    let item = &answer["sections"][0]["items"][0];
    assert_eq!(
        (&item["judge"], &item["line"]),
        (&"probe".into(), &5.into()),
        "{run}"
    );
    assert_eq!(item["checks"], serde_json::json!(["key"]));
    let table = coverage(LIST, PROFILE, &[]);
    for line in [
        "NOTHING    6     DEBUG is off",
        "4 items: 1 by a probe",
        "(50 % judged)",
    ] {
        assert!(table.stdout.contains(line), "{line}\n{table}");
    }
}

#[test]
fn coverage_below_the_minimum_fails_a_pipeline() {
    coverage(LIST, PROFILE, &["--min", "50%"]).assert_exit(0);
    let run = coverage(LIST, PROFILE, &["--min", "100%"]);
    run.assert_exit(1);
    assert!(
        run.stderr
            .contains("50 % of the items are judged, 100 % are wanted"),
        "{run}"
    );
    let all = PROFILE.replace(
        "covers: [P-1]",
        "covers: [P-1, LIST.md#people, LIST.md#settings]",
    );
    coverage(LIST, &all, &["--min", "100%"]).assert_exit(0);
}

#[test]
fn an_item_that_changed_since_it_was_covered_is_named() {
    let key =
        json(&coverage(LIST, PROFILE, &["--format", "json"]))["sections"][0]["items"][0]["key"]
            .as_str()
            .unwrap()
            .to_owned();
    let pinned = PROFILE.replace("settings/api_key-is-set-and-strong", &key);
    let same = coverage(LIST, &pinned, &[]);
    assert_eq!(same.stderr, "", "{same}");
    let edited = LIST.replace("is set and strong", "is set, strong and new");
    let run = coverage(&edited, &pinned, &["--format", "json"]);
    assert_eq!(json(&run)["summary"]["changed"], 1, "{run}");
    assert_eq!(json(&run)["summary"]["probe"], 1, "{run}");
    assert!(
        run.stderr
            .contains("docs/LIST.md:5 changed since it was covered"),
        "{run}"
    );
    let gone = coverage("- [ ] something else entirely\n", &pinned, &[]);
    assert!(
        gone.stderr.contains("names no item of docs/LIST.md"),
        "{gone}"
    );
}

#[test]
fn what_cannot_be_read_or_means_nothing_is_refused() {
    let missing = Readyctl::new()
        .args(["coverage", "none.md", "--profile", "demo"])
        .run();
    missing.assert_exit(2);
    let empty = coverage("# Title\n\nJust prose.\n", PROFILE, &[]);
    empty.assert_exit(2);
    assert!(empty.stderr.contains("has no items"), "{empty}");
    let typo = coverage(
        LIST,
        &PROFILE.replace("covers: [P-1]", "covers: [P-11]"),
        &[],
    );
    typo.assert_exit(2);
    assert!(
        typo.stderr.contains("`P-11` under `covers:` is no item"),
        "{typo}"
    );
    assert!(typo.stderr.contains("p.yaml:12:"), "{typo}");
}
