//! Files of a repository: the sections `files` and `documents` of the kind `file`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::support::cli::{Run, audit_command};
use crate::support::verdicts::{assert_green, assert_red};

/// An audit of a repository with one check that has these fields.
pub(crate) fn judged(fields: &str, files: &[(&str, &str)]) -> Run {
    judged_after(fields, files, |_| {})
}

/// The same after something else was done to the repository.
fn judged_after(fields: &str, files: &[(&str, &str)], change: impl Fn(&Path)) -> Run {
    let yaml = format!(
        "version: 1\nname: t\nchecks:\n  - id: it\n    retry: {{ attempts: 1 }}\n    file: {{ root: repo, {fields} }}\n  - id: beside\n    file: {{ root: repo, files: [{{ path: beside.txt }}] }}\n"
    );
    let run = files.iter().fold(
        audit_command(&yaml).file("repo/beside.txt", "x\n"),
        |run, (name, content)| run.file(&format!("repo/{name}"), content),
    );
    change(&run.folder().join("repo"));
    run.run()
}

/// The healthy repository is green, the broken one red with the code.
#[track_caller]
pub(crate) fn twins(fields: &str, code: &str, healthy: &[(&str, &str)], broken: &[(&str, &str)]) {
    assert_green(&judged(fields, healthy));
    let run = judged(fields, broken);
    assert_red(&run, "it", code);
    run.assert_exit(1);
}

/// The day so many days ago, `2026-11-30`.
fn days_ago(days: i64) -> String {
    let day = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    day.strftime("%Y-%m-%d").to_string()
}

#[test]
fn file_51_missing() {
    let there = [("deploy/a.yaml", "a: 1\n"), ("deploy/b.yaml", "b: 1\n")];
    for fields in [
        "files: [{ path: deploy/a.yaml }]",
        "files: [{ path: \"deploy/*.yaml\", min_files: 2 }]",
        "files: [{ paths: [deploy/a.yaml, \"**/b.yaml\"] }]",
        "files: [{ any_of: [x.yaml, deploy/b.yaml] }]",
    ] {
        let broken = [("other/c.txt", "x")];
        twins(fields, "FILE-51", &there, &broken);
    }
    let one = [("deploy/a.yaml", "a: 1\n")];
    twins(
        "files: [{ path: \"deploy/*.yaml\", min_files: 2 }]",
        "FILE-51",
        &there,
        &one,
    );
    // A pattern stays inside a folder unless it says otherwise.
    assert_red(
        &judged("files: [{ path: \"*.yaml\" }]", &there),
        "it",
        "FILE-51",
    );
}

#[test]
fn file_52_there_although_it_must_not_be() {
    let fields = "files: [{ paths: [.env, \"**/*.pem\", \"**/*.sqlite3\"], absent: true }]";
    let healthy = [(".env.example", "A=\n")];
    for broken in [
        ".env",
        "build/keys/private.pem",
        "data/.hidden/app.sqlite3",
        "node_modules/x/k.pem",
    ] {
        twins(fields, "FILE-52", &healthy, &[(broken, "x")]);
    }
}

#[test]
fn file_53_too_old() {
    let (fresh, stale, future) = (days_ago(3), days_ago(400), days_ago(-30));
    let fields = "files: [{ path: matrix.md, max_age: 180d, dated_by: text }]";
    let text = |day: &str| format!("Written 2020-01-01, reviewed {day}.\n");
    for broken in [text(&stale), text(&future), "Reviewed lately.\n".to_owned()] {
        twins(
            fields,
            "FILE-53",
            &[("matrix.md", &text(&fresh))],
            &[("matrix.md", &broken)],
        );
    }
    let run = judged_after(
        "files: [{ path: a.txt, max_age: 30d }]",
        &[("a.txt", "x")],
        |repo| {
            let long_ago = SystemTime::now() - Duration::from_secs(40 * 86_400);
            let file = fs::File::options()
                .append(true)
                .open(repo.join("a.txt"))
                .unwrap();
            file.set_modified(long_ago).unwrap();
        },
    );
    assert_red(&run, "it", "FILE-53");
    assert_green(&judged(
        "files: [{ path: a.txt, max_age: 30d }]",
        &[("a.txt", "x")],
    ));
}

#[test]
fn file_54_size() {
    twins(
        "files: [{ path: a }]",
        "FILE-54",
        &[("a", "x")],
        &[("a", "")],
    );
    let fields = "files: [{ path: a, min_size: 2B, max_size: 4B }]";
    twins(fields, "FILE-54", &[("a", "xyz")], &[("a", "x")]);
    twins(fields, "FILE-54", &[("a", "xyz")], &[("a", "vwxyz")]);
    assert_green(&judged("files: [{ path: a, min_size: 0B }]", &[("a", "")]));
}

#[test]
fn file_55_permissions() {
    for (fields, good, bad) in [
        ("private: true", 0o600, 0o644),
        ("private: true", 0o640, 0o660),
        ("executable: true", 0o755, 0o644),
        ("executable: false", 0o644, 0o755),
    ] {
        let run = |mode| {
            let fields = format!("files: [{{ path: a, {fields} }}]");
            judged_after(&fields, &[("a", "x")], |repo| {
                fs::set_permissions(repo.join("a"), fs::Permissions::from_mode(mode)).unwrap();
            })
        };
        assert_green(&run(good));
        assert_red(&run(bad), "it", "FILE-55");
    }
}

#[test]
fn file_56_text() {
    let fields = "files: [{ path: ci.sh, contains: [\"cargo fmt .*--check\"], not_contains: [\"\\\\|\\\\| true\"] }]";
    let healthy = [("ci.sh", "set -e\ncargo fmt --all --check\n")];
    twins(fields, "FILE-56", &healthy, &[("ci.sh", "set -e\n")]);
    let run = judged(fields, &[("ci.sh", "cargo fmt --check || true\n")]);
    assert_red(&run, "it", "FILE-56");
    assert!(run.stdout.contains("ci.sh:1"), "{run}");
    let fields = "files: [{ path: .python-version, text: { version: \">=3.12\" } }]";
    twins(
        fields,
        "FILE-56",
        &[(".python-version", "3.12.4\n")],
        &[(".python-version", "3.9.1\n")],
    );
}

#[test]
fn file_56_what_is_excepted_does_not_count() {
    let fields = "files: [{ any_of: [\"src/**/*.ts\"], except: [\"**/*.Test.*\"], not_contains: [debugger] }]";
    let (clean, dirty) = ("export {}\n", "debugger\n");
    let healthy = [("src/a.ts", clean), ("src/a.test.ts", dirty)];
    let broken = [("src/a.ts", dirty), ("src/a.test.ts", clean)];
    twins(fields, "FILE-56", &healthy, &broken);
    // When nothing is left there is nothing to be content with.
    assert_red(&judged(fields, &healthy[1..]), "it", "FILE-51");
}

#[test]
fn file_56_one_of_several_is_enough() {
    let fields = "files: [{ any_of: [\"ci/*.yml\", \"ci/*.yaml\"], enough: one, contains: [\"cargo test\", \"cargo clippy\"] }]";
    let (all, half) = ("cargo test\ncargo clippy\n", "cargo test\n");
    let healthy = [("ci/a.yml", "echo\n"), ("ci/b.yaml", all)];
    // What each holds in part is not added up.
    let broken = [("ci/a.yml", half), ("ci/b.yaml", "cargo clippy\n")];
    twins(fields, "FILE-56", &healthy, &broken);
    let run = judged(fields, &[("ci/a.yml", "echo\n"), ("ci/b.yaml", half)]);
    let finding = run.check("it")["message"].to_string();
    assert!(finding.contains("ci/b.yaml"), "the best is named: {run}");
    assert_red(&judged(fields, &[("other", "x")]), "it", "FILE-51");
    judged("files: [{ path: a, enough: one }]", &[]).assert_exit(2);
}

#[test]
fn file_56_among_many_files() {
    let names: Vec<String> = (0..400)
        .map(|index| format!("src/{}/{index}.py", index % 7))
        .collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "ok\n")).collect();
    let fields = "files: [{ path: \"src/**/*.py\", not_contains: [breakpoint], min_files: 400 }]";
    assert_green(&judged(fields, &files));
    let mut broken = files;
    broken[377].1 = "ok\nbreakpoint()\n";
    let run = judged(fields, &broken);
    assert_red(&run, "it", "FILE-56");
    assert!(run.stdout.contains("src/6/377.py"), "{run}");
    assert!(!run.stdout.contains("src/6/376.py"), "{run}");
}

#[test]
fn file_57_values_of_every_format() {
    for (name, path, healthy, broken) in [
        ("a.json", "$.a", "{\"a\": 5}", "{\"a\": 4}"),
        ("a.yaml", "$[1].a", "x: 1\n---\na: 5\n", "x: 1\n---\nb: 5\n"),
        ("a.toml", "$.t.a", "[t]\na = 5\n", "[t]\na = \"5\"\n"),
        (
            "Dockerfile",
            "$[?@.instruction=='USER'].arguments",
            "FROM x\nUSER 5\n",
            "FROM x\n",
        ),
        ("a.json", "$.a", "{\"a\": 5}", "{\"a\": null}"),
    ] {
        let expected = if name == "Dockerfile" { "\"5\"" } else { "5" };
        let fields = format!("files: [{{ path: {name}, values: {{ \"{path}\": {expected} }} }}]");
        twins(&fields, "FILE-57", &[(name, healthy)], &[(name, broken)]);
    }
    let fields = "files: [{ path: a.ini, values: { $.db.ssl: \"on\" } }]";
    twins(
        fields,
        "FILE-57",
        &[("a.ini", "[db]\nssl = on\n")],
        &[("a.ini", "[db]\nssl = off\n")],
    );
}

#[test]
fn file_57_the_value_of_a_secret_is_not_shown() {
    let fields = "files: [{ path: a.json, values: { $.db.password: { exists: false } } }]";
    let run = judged(
        fields,
        &[("a.json", "{\"db\": {\"password\": \"canary0123456789\"}}")],
    );
    assert_red(&run, "it", "FILE-57");
    assert!(!format!("{run}").contains("canary0123456789"), "{run}");
}

#[test]
fn file_58_what_cannot_be_read_is_one_clear_error() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let values = "files: [{ path: a.json, values: { $.a: 1 } }]";
    for broken in ["{\"a\": 1", "", " ", deep.as_str(), "a: 1"] {
        let run = judged(values, &[("a.json", broken)]);
        assert_red(&run, "it", "FILE-58");
        run.assert_exit(3);
        assert_eq!(run.codes("it").len(), 1, "{run}");
    }
    let contains = "files: [{ path: a, contains: [x] }]";
    type Change = fn(&Path);
    let changes: &[Change] = &[
        |repo| fs::write(repo.join("a"), b"x\n\xff\n").unwrap(),
        |repo| fs::write(repo.join("a"), b"x\0\n").unwrap(),
        |repo| fs::write(repo.join("a"), b"\xff\xfex\0").unwrap(),
        |repo| fs::create_dir(repo.join("a")).unwrap(),
        |repo| {
            fs::File::create(repo.join("a"))
                .unwrap()
                .set_len(200 << 20)
                .unwrap();
        },
        |repo| symlink("/etc/hostname", repo.join("a")).unwrap(),
        |repo| symlink("nowhere", repo.join("a")).unwrap(),
        |repo| symlink("a", repo.join("a")).unwrap(),
        |repo| {
            let made = Command::new("mkfifo").arg(repo.join("a")).status().unwrap();
            assert!(made.success());
        },
    ];
    for change in changes {
        let run = judged_after(contains, &[], change);
        assert_red(&run, "it", "FILE-58");
        run.assert_exit(3);
        assert_eq!(run.codes("it").len(), 1, "{run}");
        assert!(run.duration < Duration::from_secs(20), "{run}");
    }
    assert_green(&judged(contains, &[("a", "\u{feff}x\n")]));
    // A link inside of the repository is followed, and a large file may be there.
    assert_green(&judged_after(contains, &[("b", "x")], |repo| {
        symlink("b", repo.join("a")).unwrap();
    }));
    assert_green(&judged_after(
        "files: [{ path: a, min_size: 1MiB }]",
        &[],
        |repo| {
            fs::File::create(repo.join("a"))
                .unwrap()
                .set_len(200 << 20)
                .unwrap();
        },
    ));
}

#[test]
fn file_paths_may_not_leave_the_root() {
    for path in ["../x", "/etc/passwd", "a/../../x", ""] {
        let yaml = format!(
            "version: 1\nname: t\nchecks: [{{ id: it, file: {{ root: repo, files: [{{ path: \"{path}\" }}] }} }}]"
        );
        audit_command(&yaml).run().assert_exit(2);
    }
    let missing = "version: 1\nname: t\nchecks: [{ id: it, file: { root: nowhere, files: [{ path: a, absent: true }] } }]";
    let run = audit_command(missing).run();
    assert_eq!(run.verdict("it"), "error", "{run}");
    let vacuous = [
        "{ root: . }",
        "{ files: [] }",
        "{ documents: [] }",
        "{ files: [{}] }",
        "{ files: [{ path: a, min_files: 0 }] }",
        "{ files: [{ path: a, absent: true, max_age: 1d }] }",
    ];
    for spec in vacuous {
        let yaml = format!("version: 1\nname: t\nchecks: [{{ id: it, file: {spec} }}]");
        audit_command(&yaml).run().assert_exit(2);
    }
}

#[test]
fn file_dry_run_says_what_would_be_read() {
    let yaml = "version: 1\nname: t\nchecks: [{ id: it, file: { root: repo, files: [{ path: a, contains: [x] }, { path: b }], documents: [{ path: README.md, linked_from: [docs/index.md] }] } }]";
    let run = audit_command(yaml).args(["--dry-run"]).run();
    for line in [
        "read a below repo",
        "look at b below repo",
        "read README.md and what it links to below repo",
        "read docs/index.md below repo",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{run}");
    }
}

/// A runbook with something under every heading.
const RUNBOOK: &str = "# Runbook\n\nWhom to call and what to do when the service is down, step by step.\n\n## Rollback\n\n1. Deploy the tag before.\n2. Watch the error rate for ten minutes.\n\n## Recovery\n\n```sh\nrestic restore latest --target /srv\n```\n";

#[test]
fn doc_51_missing() {
    let there = [("docs/RUNBOOK.md", RUNBOOK)];
    for fields in [
        "documents: [{ path: docs/RUNBOOK.md }]",
        "documents: [{ path: \"docs/*.md\" }]",
        "documents: [{ any_of: [RUNBOOK.md, docs/RUNBOOK.md] }]",
    ] {
        twins(fields, "DOC-51", &there, &[("other.md", RUNBOOK)]);
    }
    let three = "documents: [{ path: \"runbooks/*.md\", min_files: 3 }]";
    let all = [
        ("runbooks/a.md", RUNBOOK),
        ("runbooks/b.md", RUNBOOK),
        ("runbooks/c.md", RUNBOOK),
    ];
    twins(three, "DOC-51", &all, &all[..2]);
}

#[test]
fn doc_51_a_checklist_says_nothing() {
    let fields = "documents: [{ any_of: [\"**/*.md\"], except: [\"**/*checklist*\"], sections: [rollback] }]";
    let checklist = ("docs/RELEASE_CHECKLIST.md", RUNBOOK);
    let healthy = [checklist, ("docs/RUNBOOK.md", RUNBOOK)];
    twins(fields, "DOC-51", &healthy, &[checklist]);
}

#[test]
fn doc_52_section_missing() {
    let fields =
        "documents: [{ path: RUNBOOK.md, sections: [\"^rollback\", \"recover|restore\"] }]";
    let broken = RUNBOOK.replace("## Recovery", "## Other");
    twins(
        fields,
        "DOC-52",
        &[("RUNBOOK.md", RUNBOOK)],
        &[("RUNBOOK.md", &broken)],
    );
    // One document among several is enough when it holds everything.
    let any = "documents: [{ any_of: [\"*.md\"], sections: [rollback, recover] }]";
    assert_green(&judged(any, &[("A.md", &broken), ("B.md", RUNBOOK)]));
}

#[test]
fn doc_53_without_substance() {
    let fields = "documents: [{ path: RUNBOOK.md, sections: [rollback] }]";
    for below in ["", "TODO", "<!-- write -->", "- [ ] TBD: later"] {
        let broken = RUNBOOK.replace(
            "1. Deploy the tag before.\n2. Watch the error rate for ten minutes.",
            below,
        );
        twins(
            fields,
            "DOC-53",
            &[("RUNBOOK.md", RUNBOOK)],
            &[("RUNBOOK.md", &broken)],
        );
    }
    let readme = "documents: [{ path: README.md }]";
    twins(
        readme,
        "DOC-53",
        &[("README.md", RUNBOOK)],
        &[("README.md", "# Name\n\nTODO\n")],
    );
}

#[test]
fn doc_54_too_old() {
    let fields = "documents: [{ path: README.md, max_age: 90d, dated_by: text, date: \"Reviewed: (\\\\S+)\" }]";
    let text = |day: &str| format!("{RUNBOOK}\nReviewed: {day}\n");
    let healthy = text(&days_ago(10));
    for broken in [text(&days_ago(100)), text("yesterday")] {
        twins(
            fields,
            "DOC-54",
            &[("README.md", &healthy)],
            &[("README.md", &broken)],
        );
    }
}

#[test]
fn doc_55_link_leads_nowhere() {
    let fields = "documents: [{ path: docs/a.md }]";
    let text = |link: &str| format!("{RUNBOOK}\nSee [there]({link}).\n");
    let healthy = text("../b%20c.md#own-heading");
    let other = ("b c.md", "# Own heading\n");
    for broken in [
        "b c.md",
        "missing.md",
        "../b%20c.md#nope",
        "#nope",
        "<img/x.png>",
        "/docs/x.md",
    ] {
        let broken = text(broken).replace("(b c.md)", "(b%20c.md)");
        twins(
            fields,
            "DOC-55",
            &[("docs/a.md", &healthy), other],
            &[("docs/a.md", &broken), other],
        );
    }
    for fine in [
        "https://example.com/nope.md",
        "#recovery",
        "../docs/a.md#rollback",
        "../../../issues",
    ] {
        assert_green(&judged(fields, &[("docs/a.md", &text(fine))]));
    }
    let run = judged_after(fields, &[("docs/a.md", &text("out.md"))], |repo| {
        symlink("/etc/hostname", repo.join("docs/out.md")).unwrap();
    });
    assert_red(&run, "it", "DOC-55");
}

#[test]
fn doc_56_not_linked() {
    let fields = "documents: [{ path: docs/RUNBOOK.md, linked_from: [README.md] }]";
    let readme = |text: &'static str| [("docs/RUNBOOK.md", RUNBOOK), ("README.md", text)];
    for healthy in [
        "[runbook](docs/RUNBOOK.md)",
        "[runbook](./docs/RUNBOOK.md#rollback)",
        "[all](docs/)",
        "[r][r]\n\n[r]: docs/RUNBOOK.md",
    ] {
        twins(
            fields,
            "DOC-56",
            &readme(healthy),
            &readme("docs/RUNBOOK.md is not a link"),
        );
    }
    // Without the document that must link, nothing is known.
    let run = judged(fields, &[("docs/RUNBOOK.md", RUNBOOK)]);
    assert_red(&run, "it", "DOC-59");
    run.assert_exit(3);
}

#[test]
fn doc_57_does_not_say_what_it_must() {
    let fields = "documents: [{ path: DR.md, mentions: [\"RTO\\\\D{0,20}\\\\d+\\\\s*(h|min)\", \"RPO\\\\D{0,20}\\\\d+\\\\s*(h|min)\"] }]";
    let text = |more: &str| format!("{RUNBOOK}\n| goal | value |\n|---|---|\n{more}\n");
    twins(
        fields,
        "DOC-57",
        &[("DR.md", &text("| RTO | 4 hours |\n| RPO | 15 min |"))],
        &[("DR.md", &text("| RTO | 4 hours |\n| RPO | to be defined |"))],
    );
}

#[test]
fn doc_58_no_diagram() {
    let fields = "documents: [{ path: ARCHITECTURE.md, diagram: true }]";
    let drawn = format!("{RUNBOOK}\n```mermaid\ngraph LR; a-->b\n```\n");
    let badge = format!("{RUNBOOK}\n![build](https://img.shields.io/badge/a-b.svg)\n");
    twins(
        fields,
        "DOC-58",
        &[("ARCHITECTURE.md", &drawn)],
        &[("ARCHITECTURE.md", &badge)],
    );
}

#[test]
fn doc_59_unreadable() {
    let fields = "documents: [{ path: README.md }]";
    let run = judged_after(fields, &[], |repo| {
        fs::write(repo.join("README.md"), b"# A\xff\n").unwrap();
    });
    assert_red(&run, "it", "DOC-59");
    run.assert_exit(3);
    let run = judged(
        "documents: [{ path: README.rst }]",
        &[("README.rst", "Title\n=====\n")],
    );
    assert_red(&run, "it", "DOC-59");
}
