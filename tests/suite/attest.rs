//! Signatures: which count, how they are recorded, and what is due.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::cli::{Readyctl, Run};
use crate::support::verdicts::{assert_green, assert_red};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";

/// A profile with one statement.
fn profile(spec: &str) -> String {
    format!(
        "version: 1\nname: t\ninputs: {{ commit: {{ from: env:COMMIT }} }}\nchecks:\n  - {{ id: done, attest: {{ statement: All is well{spec} }} }}\n  - {{ id: port, when: \"false\", tcp: {{ address: \"127.0.0.1:1\" }} }}\n"
    )
}

/// A day, counted from today.
fn day(offset: i64) -> String {
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    today
        .checked_add(jiff::Span::new().days(offset))
        .unwrap()
        .to_string()
}

/// An audit of the profile with a sign-off file of these entries.
fn audited(spec: &str, entries: &Value, evidence: Option<&str>) -> Run {
    let mut run = Readyctl::new()
        .file("profiles/t.yaml", profile(spec))
        .file(
            "profiles/t.signoffs.yaml",
            json!({"version": 1, "sign_offs": entries}).to_string(),
        )
        .args([
            "audit",
            "--profile",
            "t",
            "--only",
            "done",
            "--format",
            "json",
            "--no-progress",
        ]);
    if let Some(text) = evidence {
        run = run.file("docs/review.md", text);
    }
    run.run()
}

/// A signature that counts, with more fields.
fn signed(more: &Value) -> Value {
    let mut entry = json!({"check": "done", "role": "security", "by": "someone", "on": day(-1)});
    entry
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    entry
}

/// `readyctl sign` in a folder that is kept.
fn sign(folder: &Path, args: &[&str]) -> Run {
    at(
        folder,
        &[&["sign", "done", "--profile", "t"], args].concat(),
    )
}

/// readyctl on the profile in a folder that is kept: its files are copied, and back again.
fn at(folder: &Path, args: &[&str]) -> Run {
    let mut run = Readyctl::new().args(args);
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                run = run.file(&name, fs::read(&path).unwrap());
            }
        }
    }
    let done = run.env("USER", "user of the machine").run();
    for name in ["profiles/t.signoffs.yaml", ".readyctl/demo.signoffs.yaml"] {
        if let Ok(text) = fs::read(done.folder().join(name)) {
            fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            fs::write(folder.join(name), text).unwrap();
        }
    }
    done
}

/// A folder with the profile.
fn folder(spec: &str) -> tempfile::TempDir {
    let folder = tempfile::TempDir::with_prefix("rctl-sign-").unwrap();
    fs::create_dir(folder.path().join("profiles")).unwrap();
    fs::write(folder.path().join("profiles/t.yaml"), profile(spec)).unwrap();
    folder
}

/// The sign-off file of a folder.
fn file(folder: &Path) -> String {
    fs::read_to_string(folder.join("profiles/t.signoffs.yaml")).unwrap_or_default()
}

/// The audit of a folder.
fn audit(folder: &Path, commit: &str) -> Run {
    let set = format!("commit={commit}");
    at(
        folder,
        &[
            "audit",
            "--profile",
            "t",
            "--only",
            "done",
            "--format",
            "json",
            "--no-progress",
            "--set",
            &set,
        ],
    )
}

#[test]
fn att_01_unsigned() {
    let roles = ", roles: [security]";
    assert_green(&audited(roles, &json!([signed(&json!({}))]), None));
    let other = json!([signed(&json!({"role": "product-owner"}))]);
    assert_red(&audited(roles, &other, None), "done", "ATT-01");
    assert_red(&audited("", &json!([]), None), "done", "ATT-01");
}

#[test]
fn att_02_expired_and_att_03_from_the_future() {
    let spec = ", valid_for: 30d";
    assert_green(&audited(
        spec,
        &json!([signed(&json!({"on": day(-30)}))]),
        None,
    ));
    let run = audited(spec, &json!([signed(&json!({"on": day(-31)}))]), None);
    assert_red(&run, "done", "ATT-02");
    let short = json!([signed(&json!({"on": day(-3), "valid_for": "2d"}))]);
    assert_red(&audited(spec, &short, None), "done", "ATT-02");
    let run = audited(spec, &json!([signed(&json!({"on": day(2)}))]), None);
    assert_red(&run, "done", "ATT-03");
}

#[test]
fn att_04_without_evidence_or_with_another_form_of_it() {
    let any = ", evidence: true";
    assert_green(&audited(
        any,
        &json!([signed(&json!({"evidence": "OPS-118"}))]),
        None,
    ));
    assert_red(
        &audited(any, &json!([signed(&json!({}))]), None),
        "done",
        "ATT-04",
    );
    for words in ["TBD", "link or file", "<link>"] {
        let run = audited(any, &json!([signed(&json!({"evidence": words}))]), None);
        assert_red(&run, "done", "ATT-04");
    }
    let link = ", evidence: link";
    let good = json!([signed(&json!({"evidence": "https://wiki.test/review"}))]);
    assert_green(&audited(link, &good, None));
    for words in ["OPS-118", "https://", "javascript://x"] {
        let run = audited(link, &json!([signed(&json!({"evidence": words}))]), None);
        assert_red(&run, "done", "ATT-04");
    }
    let unhashed = json!([signed(&json!({"evidence": "docs/review.md"}))]);
    assert_green(&audited(any, &unhashed, Some("read")));
    assert_red(
        &audited(", evidence: file", &unhashed, Some("read")),
        "done",
        "ATT-04",
    );
}

#[test]
fn att_05_signed_for_another_commit() {
    let spec = format!(", commit: {COMMIT}");
    assert_green(&audited(
        &spec,
        &json!([signed(&json!({"commit": COMMIT}))]),
        None,
    ));
    assert_green(&audited(
        &spec,
        &json!([signed(&json!({"commit": "0123456"}))]),
        None,
    ));
    let other = json!([signed(&json!({"commit": OTHER}))]);
    assert_red(&audited(&spec, &other, None), "done", "ATT-05");
    assert_red(
        &audited(&spec, &json!([signed(&json!({}))]), None),
        "done",
        "ATT-05",
    );
    // The commit of the release was asked for and is not known: nothing can be said.
    let run = audited(
        ", commit: main",
        &json!([signed(&json!({"commit": COMMIT}))]),
        None,
    );
    assert_red(&run, "done", "ATT-05");
    run.assert_exit(3);
}

#[test]
fn att_05_the_commit_that_is_checked_out() {
    let folder = folder(", repo: .");
    let git = |args: &[&str]| {
        let done = Command::new("git")
            .args(["-c", "user.name=Someone", "-c", "user.email=s@test"])
            .args(args)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    sign(folder.path(), &["--role", "dev", "--commit", "HEAD"]).assert_exit(0);
    let first = git(&["rev-parse", "HEAD"]);
    assert!(
        file(folder.path()).contains(first.trim()),
        "{}",
        file(folder.path())
    );
    assert_green(&audit(folder.path(), ""));
    // References may be packed, and HEAD may be no branch.
    git(&["pack-refs", "--all"]);
    assert_green(&audit(folder.path(), ""));
    git(&["checkout", "-q", "--detach"]);
    assert_green(&audit(folder.path(), ""));
    git(&["commit", "-q", "--allow-empty", "-m", "second"]);
    assert_red(&audit(folder.path(), ""), "done", "ATT-05");
    // Without a repository nothing can be said.
    fs::remove_dir_all(folder.path().join(".git")).unwrap();
    assert_eq!(audit(folder.path(), "").verdict("done"), "error");
}

#[test]
fn att_06_evidence_changed_since_and_att_07_it_is_gone() {
    let folder = folder(", roles: [security], evidence: file");
    let review = folder.path().join("docs/review.md");
    fs::create_dir(folder.path().join("docs")).unwrap();
    fs::write(&review, "all read").unwrap();
    sign(
        folder.path(),
        &["--by", "someone", "--evidence", "docs/review.md"],
    )
    .assert_exit(0);
    assert_green(&audit(folder.path(), ""));
    fs::write(&review, "all read, later").unwrap();
    assert_red(&audit(folder.path(), ""), "done", "ATT-06");
    fs::remove_file(&review).unwrap();
    assert_red(&audit(folder.path(), ""), "done", "ATT-07");
    fs::write(&review, "all read").unwrap();
    assert_green(&audit(folder.path(), ""));
}

#[test]
fn att_08_a_placeholder_is_no_person() {
    for by in ["the person's name or handle", "TBD", "", "<name>", "N/A"] {
        let run = audited("", &json!([signed(&json!({"by": by}))]), None);
        assert_red(&run, "done", "ATT-08");
    }
    assert_green(&audited(
        "",
        &json!([signed(&json!({"by": "@handle-of-someone"}))]),
        None,
    ));
}

#[test]
fn att_09_one_person_for_several_roles() {
    let spec = ", roles: [security, dev], distinct: true";
    let of = |security: &str, dev: &str| {
        json!([
            signed(&json!({"by": security})),
            signed(&json!({"role": "dev", "by": dev}))
        ])
    };
    assert_green(&audited(spec, &of("someone", "another"), None));
    assert_red(
        &audited(spec, &of("someone", "@Someone"), None),
        "done",
        "ATT-09",
    );
}

#[test]
fn signing_keeps_comments_and_order_and_renews() {
    let folder = folder(", roles: [security, dev], valid_for: 90d");
    let before = "# ours\nversion: 1\nsign_offs:\n  # the old one\n  - check: done\n    role: dev\n    by: Someone Old  # left\n    on: 2020-01-01\n\n# the end\n";
    fs::write(folder.path().join("profiles/t.signoffs.yaml"), before).unwrap();
    let run = sign(
        folder.path(),
        &[
            "--role",
            "Security",
            "--note",
            "looked: at ${it}",
            "--valid-for",
            "30d",
        ],
    );
    run.assert_exit(0);
    let due = day(30);
    assert!(
        run.stdout.contains(&format!("it counts until {due}")),
        "{run}"
    );
    let today = day(0);
    let text = file(folder.path());
    let added = format!(
        "    on: 2020-01-01\n  - check: done\n    role: security\n    by: user of the machine\n    on: {today}\n    valid_for: 30d\n    note: \"looked: at $${{it}}\"\n\n# the end\n"
    );
    assert!(text.ends_with(&added), "{text}");
    assert_red(&audit(folder.path(), ""), "done", "ATT-02");
    sign(folder.path(), &["--role", "dev", "--by", "New Person"]).assert_exit(0);
    assert_green(&audit(folder.path(), ""));
    let text = file(folder.path());
    assert_eq!(text.matches("- check:").count(), 2, "{text}");
    assert!(
        text.contains(
            "  # the old one\n  - check: done\n    role: dev\n    by: New Person  # left\n"
        ),
        "{text}"
    );
    let leftovers: Vec<_> = fs::read_dir(folder.path().join("profiles"))
        .unwrap()
        .collect();
    assert_eq!(leftovers.len(), 2, "{leftovers:?}");
    // A profile's sign-off file is no profile.
    let list = at(folder.path(), &["list", "profiles"]);
    assert!(!list.stdout.contains("signoffs"), "{list}");
}

#[test]
fn what_would_not_count_is_not_written() {
    let folder = folder(", roles: [security, dev], evidence: true, commit: \"${commit}\"");
    fs::create_dir(folder.path().join("docs")).unwrap();
    fs::write(folder.path().join("docs/other.md"), "x").unwrap();
    let good = [
        "--role",
        "dev",
        "--evidence",
        "OPS-1",
        "--commit",
        COMMIT,
        "--set",
        &format!("commit={COMMIT}"),
    ];
    for (instead, complaint) in [
        (vec!["--role", "devv"], "did you mean `dev`?"),
        (vec!["--by", "TBD"], "ATT-08"),
        (vec!["--evidence", "tbd"], "ATT-04"),
        (vec!["--evidence", "docs/none.md"], "does not exist"),
        (vec!["--evidence", "docs"], "is a folder"),
        (vec!["--on", &day(3)], "ATT-03"),
        (vec!["--commit", OTHER], "ATT-05"),
        (vec!["--commit", "main"], "is no commit"),
        (vec!["--commit", "HEAD"], "no Git repository"),
        (vec!["--on", "yesterday"], "2026-11-30"),
        (vec!["--valid-for", "3h"], "days"),
    ] {
        let others = good.chunks(2).filter(|pair| pair[0] != instead[0]);
        let args: Vec<&str> = others.flatten().chain(&instead).copied().collect();
        let run = sign(folder.path(), &args);
        assert_eq!(run.exit, 2, "{instead:?}\n{run}");
        assert!(run.stderr.contains(complaint), "{instead:?}\n{run}");
        assert_eq!(file(folder.path()), "", "{instead:?}");
    }
    sign(folder.path(), &good).assert_exit(0);
}

#[test]
fn only_statements_that_exist_can_be_signed() {
    let folder = folder("");
    for (check, complaint) in [
        ("doen", "did you mean `done`?"),
        ("port", "its kind is `tcp`"),
    ] {
        let run = at(
            folder.path(),
            &["sign", check, "--profile", "t", "--role", "dev"],
        );
        run.assert_exit(2);
        assert!(run.stderr.contains(complaint), "{run}");
    }
    let run = sign(folder.path(), &[]);
    run.assert_exit(2);
    assert!(run.stderr.contains("--role"), "{run}");
    assert_eq!(file(folder.path()), "");
}

#[test]
fn a_broken_sign_off_file_is_shown_with_its_place_and_left_alone() {
    let folder = folder("");
    for (text, place, complaint) in [
        (
            "version: 1\nsign_offs:\n  - { check: dnoe, role: a, by: b, on: 2026-01-01 }\n",
            "profiles/t.signoffs.yaml:3:14",
            "did you mean `done`?",
        ),
        (
            "version: 1\nsign_offs:\n  - { check: port, role: a, by: b, on: 2026-01-01 }\n",
            "profiles/t.signoffs.yaml:3:14",
            "which a machine judges",
        ),
        (
            "version: 1\nsign_offs:\n  - check: done\n    role: a\n    by: b\n    on: soon\n",
            "profiles/t.signoffs.yaml:6:9",
            "expected a date",
        ),
        (
            "version: 1\nsign_offs:\n  - { check: done, role: a, by: b, on: 2026-01-01, sha256: abc }\n",
            "profiles/t.signoffs.yaml:3:",
            "64 hexadecimal digits",
        ),
        (
            "version: 1\nsignoffs: []\n",
            "profiles/t.signoffs.yaml:2:1",
            "did you mean `sign_offs`?",
        ),
        ("sign_offs: []\n", "profiles/t.signoffs.yaml:1:1", "version"),
        ("", "profiles/t.signoffs.yaml:1:1", "mapping"),
        (
            "version: 1\nsign_offs:\n\t- x\n",
            "profiles/t.signoffs.yaml:3:",
            "indent with spaces",
        ),
    ] {
        let path = folder.path().join("profiles/t.signoffs.yaml");
        fs::write(&path, text).unwrap();
        for args in [
            &["lint", "t"][..],
            &["audit", "--profile", "t"],
            &["sign", "done", "--profile", "t", "--role", "dev"],
            &["list", "sign-offs", "--profile", "t"],
        ] {
            let run = at(folder.path(), args);
            run.assert_exit(2);
            let good = run.stderr.contains(place) && run.stderr.contains(complaint);
            assert!(good, "{text}\n{args:?}\n{run}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn what_is_due_is_listed_first() {
    let folder = folder(", roles: [security, dev, ops], valid_for: 90d");
    sign(
        folder.path(),
        &["--role", "dev", "--on", &day(-10), "--evidence", "OPS-1"],
    )
    .assert_exit(0);
    sign(folder.path(), &["--role", "ops", "--valid-for", "7d"]).assert_exit(0);
    let table = at(folder.path(), &["list", "sign-offs", "--profile", "t"]);
    table.assert_exit(0);
    assert!(table.stdout.contains("ATT-01"), "{table}");
    let rows = at(
        folder.path(),
        &["list", "sign-offs", "--profile", "t", "--format", "json"],
    )
    .json();
    let shown: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["role"].as_str().unwrap(),
                row["state"].as_str().unwrap(),
                row["due"].as_str().unwrap(),
            )
        })
        .collect();
    let (now, week, later) = (day(0), day(7), day(80));
    assert_eq!(
        shown,
        [
            ("security", "not signed off", now.as_str()),
            ("ops", "signed", &week),
            ("dev", "signed", &later)
        ],
    );
    assert_eq!(rows[2]["evidence"], "OPS-1");
    assert_eq!(rows[0]["code"], "ATT-01");
    // Without a profile: all that can be found.
    at(folder.path(), &["list", "sign-offs"]).assert_exit(0);
}

#[test]
fn profiles_of_the_binary_and_of_the_user_are_signed_in_the_repository() {
    let profile =
        "version: 1\nextends: [builtin:demo]\nchecks: [{ id: done, attest: { statement: s } }]\n";
    let shared = Readyctl::new();
    let home = shared.folder().join("home/readyctl/profiles");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("mine.yaml"), profile).unwrap();
    let run = Readyctl::new()
        .args([
            "sign",
            "done",
            "--profile",
            "mine",
            "--role",
            "dev",
            "--by",
            "someone",
        ])
        .env("XDG_CONFIG_HOME", shared.folder().join("home"))
        .run();
    run.assert_exit(0);
    assert!(
        run.read(".readyctl/mine.signoffs.yaml")
            .contains("by: someone")
    );
    let list = Readyctl::new()
        .args(["list", "sign-offs", "--profile", "mine", "--format", "json"])
        .file(
            ".readyctl/mine.signoffs.yaml",
            run.read(".readyctl/mine.signoffs.yaml"),
        )
        .env("XDG_CONFIG_HOME", shared.folder().join("home"))
        .run();
    assert_eq!(list.json()[0]["state"], "signed", "{list}");
}

#[test]
fn a_signature_of_the_file_takes_the_place_of_one_in_the_profile_as_a_whole() {
    let inline = format!(
        "{}sign_offs:\n  - {{ check: done, role: security, by: first, on: {}, evidence: OPS-1 }}\n",
        profile(", roles: [security], evidence: true"),
        day(-5)
    );
    let audit = |file: Option<Value>| {
        let mut run = Readyctl::new().file("profiles/t.yaml", &inline).args([
            "audit",
            "--profile",
            "t",
            "--only",
            "done",
            "--format",
            "json",
            "--no-progress",
        ]);
        if let Some(entries) = file {
            run = run.file(
                "profiles/t.signoffs.yaml",
                json!({"version": 1, "sign_offs": entries}).to_string(),
            );
        }
        run.run()
    };
    assert_green(&audit(None));
    // Its evidence is not inherited.
    assert_red(&audit(Some(json!([signed(&json!({}))]))), "done", "ATT-04");
    let run = audit(Some(json!([signed(&json!({"evidence": "OPS-2"}))])));
    assert_green(&run);
    assert!(!run.stdout.contains("OPS-1"), "{run}");
}

#[test]
fn the_pack_is_red_until_everyone_signed_lately() {
    let profile = "version: 1\nname: t\ninputs: { commit: { from: env:COMMIT } }\npacks: [{ use: sign-offs, with: { commit: \"${commit}\", release_roles: [dev, sre] } }]\n";
    let signed = |commit: &str, age: i64| {
        let mut entries = vec![
            json!({"check": "release-sign-off", "role": "dev", "by": "one", "on": day(0)}),
            json!({"check": "release-sign-off", "role": "sre", "by": "two", "on": day(0)}),
            json!({"check": "release-commit-sign-off", "role": "dev", "by": "one", "on": day(0), "commit": commit}),
            json!({"check": "release-commit-sign-off", "role": "sre", "by": "two", "on": day(0), "commit": commit}),
            json!({"check": "sign-off-code-comments", "role": "technical-lead", "by": "one", "on": day(0)}),
        ];
        for (check, role) in [
            ("sign-off-key-rotation", "security"),
            ("sign-off-restore-test", "operations"),
            ("sign-off-recovery-drill", "operations"),
            ("sign-off-log-retention", "operations"),
            ("sign-off-error-grouping", "operations"),
            ("sign-off-incident-hygiene", "operations"),
        ] {
            let on = if check == "sign-off-key-rotation" {
                day(-age)
            } else {
                day(-1)
            };
            entries.push(
                json!({"check": check, "role": role, "by": "two", "on": on, "evidence": "OPS-9"}),
            );
        }
        Readyctl::new()
            .file("profiles/t.yaml", profile)
            .file(
                "profiles/t.signoffs.yaml",
                json!({"version": 1, "sign_offs": entries}).to_string(),
            )
            .args([
                "audit",
                "--profile",
                "t",
                "--format",
                "json",
                "--no-progress",
            ])
    };
    // One of the two release checks is skipped: with a commit or without.
    let green = |run: &Run| {
        run.assert_exit(0);
        let skipped = run
            .checks()
            .iter()
            .filter(|c| c["verdict"] == "skip")
            .count();
        assert_eq!(skipped, 1, "{run}");
    };
    green(&signed(COMMIT, 10).env("COMMIT", COMMIT).run());
    green(&signed(OTHER, 10).run());
    let run = signed(OTHER, 10).env("COMMIT", COMMIT).run();
    run.assert_exit(1);
    assert_eq!(
        run.codes("release-commit-sign-off"),
        ["ATT-05", "ATT-05"],
        "{run}"
    );
    let run = signed(COMMIT, 91).run();
    run.assert_exit(1);
    assert_eq!(run.codes("sign-off-key-rotation"), ["ATT-02"], "{run}");
}
