//! Lists of backups that programs and files give.

use super::*;
use crate::support::verdicts::{assert_green, assert_red};

/// A list in a file, judged by these fields and expectations.
fn report(json: &str, fields: &str, expect: &str) -> Run {
    prepare(&format!(
        "report:\n  file: list.json\n  fields: {{ {fields} }}\nexpect: {{ {expect} }}"
    ))
    .file("list.json", json)
    .run()
}

/// An entry made an hour ago.
fn entry(name: &str, rest: &str) -> String {
    let time = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    format!("{{\"name\": \"{name}\", \"time\": \"{time}\", \"size\": 1000{rest}}}")
}

#[test]
fn bak_01_an_empty_list() {
    assert_green(&report(&format!("[{}]", entry("a", "")), "", "max_age: 1d"));
    assert_red(&report("[]", "", "max_age: 1d"), "b", "BAK-01");
    assert_red(
        &report("{\"items\": []}", "list: '$.items[*]'", "max_age: 1d"),
        "b",
        "BAK-01",
    );
}

#[test]
fn bak_03_states_that_are_not_finished() {
    let list = |state: &str| format!("[{}]", entry("a", &format!(", \"state\": {state}")));
    for (state, green) in [
        ("\"available\"", true),
        ("\"creating\"", false),
        ("\"failed\"", false),
        ("null", false),
    ] {
        let run = report(&list(state), "state: $.state", "max_age: 1d");
        if green {
            assert_green(&run);
        } else {
            assert_red(&run, "b", "BAK-03");
        }
    }
}

#[test]
fn bak_07_backups_flagged_with_errors() {
    let list = |flag: &str| format!("[{}]", entry("a", &format!(", \"bad\": {flag}")));
    assert_green(&report(&list("false"), "error: $.bad", "max_age: 1d"));
    assert_red(
        &report(&list("true"), "error: $.bad", "max_age: 1d"),
        "b",
        "BAK-07",
    );
}

#[test]
fn bak_15_16_17_encryption_places_and_protection() {
    let flags = |secret: &str, locked: &str, place: &str| {
        entry(
            place,
            &format!(", \"enc\": {secret}, \"locked\": {locked}, \"region\": \"{place}\""),
        )
    };
    let fields = "encrypted: $.enc, immutable: $.locked, location: $.region";
    let expect = "encrypted: true, immutable: true, min_locations: 2, max_age: 1d";
    let good = [flags("true", "true", "a"), flags("true", "true", "b")].join(",");
    assert_green(&report(&format!("[{good}]"), fields, expect));
    let older = flags("true", "true", "a");
    for (newest, code) in [
        (flags("false", "true", "b"), "BAK-15"),
        (flags("true", "false", "b"), "BAK-17"),
        (flags("true", "true", "a"), "BAK-16"),
        // What is not said is not taken for a yes.
        (flags("null", "true", "b"), "BAK-15"),
        (flags("true", "null", "b"), "BAK-17"),
    ] {
        let list = format!("[{newest},{older}]");
        assert_red(&report(&list, fields, expect), "b", code);
    }
}

#[test]
fn bak_54_times_without_a_zone_are_not_guessed() {
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string();
    let list = format!("[{{\"name\": \"a\", \"time\": \"{now}\", \"size\": 5}}]");
    let run = report(&list, "", "max_age: 1d");
    assert_eq!(run.exit, 1, "{run}");
    assert!(run.codes("b").contains(&"BAK-54".to_owned()), "{run}");
    assert_green(&report(&list, "time_zone: UTC", "max_age: 1d"));
}

#[test]
fn answers_that_are_no_list_are_errors() {
    for json in ["", "<html>", "{}", "null", "[1"] {
        assert_error(&report(json, "", "max_age: 1d"), "unparseable");
    }
    let run = look("report: { file: gone.json }");
    assert_error(&run, "missing");
}

#[test]
fn programs_run_in_a_bare_environment_and_only_when_allowed() {
    let block = "command:\n  argv: [sh, -c, 'env > seen; echo \"[{\\\"name\\\":\\\"a\\\",\\\"size\\\":1,\\\"time\\\":$(date +%s)}]\"']\n  env: { TOKEN: Canary-Token-4711 }\nexpect: { max_age: 1d }";
    let run = prepare(block).env("LEAK", "from-outside").run();
    assert_green(&run);
    let seen = run.read("seen");
    assert!(seen.contains("TOKEN=Canary-Token-4711"), "{seen}");
    assert!(!seen.contains("LEAK"), "{seen}");
    assert!(!format!("{run}").contains("Canary-Token-4711"), "{run}");
    let refused = Readyctl::new()
        .args(["audit", "--format", "json", "--no-progress"])
        .profile(&format!(
            "version: 1\nname: t\nchecks:\n  - id: b\n    title: Backups\n    backup:\n{}",
            block
                .lines()
                .map(|line| format!("      {line}\n"))
                .collect::<String>()
        ))
        .run();
    assert_eq!(refused.verdict("b"), "error", "{refused}");
    assert!(!refused.folder().join("seen").exists(), "{refused}");
}

#[test]
fn programs_that_fail_are_errors() {
    let run = |script: &str| {
        let script = serde_json::to_string(script).unwrap();
        look(&format!("command: {{ argv: [sh, -c, {script}] }}"))
    };
    assert_error(&run("echo '[]'; exit 3"), "protocol");
    assert_error(&run("kill -9 $$"), "protocol");
    assert_error(&run("echo not json"), "unparseable");
    assert_error(&run("yes"), "too_large");
    assert_error(
        &look("command: { argv: [no-such-program-4711] }"),
        "missing",
    );
    let leaking = look(
        "command:\n  argv: [sh, -c, 'echo \"cannot log in with $PW\" >&2; exit 1']\n  env: { PW: Canary-Pw-0815 }",
    );
    assert_error(&leaking, "protocol");
    assert!(
        !format!("{leaking}").contains("Canary-Pw-0815"),
        "{leaking}"
    );
}

#[test]
fn programs_that_hang_are_killed_with_their_children() {
    let folder = Folder::new();
    let pids = folder.path().join("pids");
    let block = format!(
        "command: {{ argv: [sh, -c, 'sleep 600 & echo $! > {}; wait'] }}",
        pids.display()
    );
    let profile = format!(
        "version: 1\nname: t\nchecks:\n  - id: b\n    title: Backups\n    timeout: 1s\n    retry: {{ attempts: 1 }}\n    backup:\n      {block}\n"
    );
    let run = audit_command(&profile).run();
    assert_error(&run, "timeout");
    assert!(run.duration < Duration::from_secs(10), "{run}");
    let child = std::fs::read_to_string(pids).unwrap();
    let gone = || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
        // Nobody may have collected it yet, which is as good as gone.
        state.is_err() || state.is_ok_and(|stat| stat.contains(") Z "))
    };
    crate::support::process::wait_for("the child to be gone", Duration::from_secs(5), || {
        gone().then_some(())
    });
}
