//! The command line: exit codes, streams, formats, and that every command works for everything there is.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::support::cli::{Readyctl, Run};
use super::support::origin::{Origin, Response};

/// A profile with every verdict: pass, fail, warn, error, skip, waived.
const EVERY_VERDICT: &str = "version: 1
name: every
description: Every verdict
checks:
  - { id: good, title: All is well, tags: [calm], attest: { statement: Good } }
  - { id: bad, title: \"A title that is long enough to be wrapped in a narrow terminal, and then some\", remedy: \"Do what the runbook says, slowly, and then do it again because nobody reads it the first time\", attest: { statement: \"Bad: a statement of many words that does not fit into forty columns at all\", roles: [security, operations] } }
  - { id: minor, severity: low, attest: { statement: Minor } }
  - { id: unknown, tcp: { host: readyctl-test.invalid, port: 1 } }
  - { id: not-here, when: \"false\", attest: { statement: Not here } }
  - { id: accepted, attest: { statement: Accepted } }
waivers:
  - { check: accepted, reason: known, approved_by: me, expires: 2999-01-01 }
sign_offs:
  - { check: good, role: any, by: someone, on: 2000-01-01 }
";

fn run(arguments: &[&str]) -> Run {
    Readyctl::new().args(arguments).run()
}

fn every(arguments: &[&str]) -> Run {
    Readyctl::new()
        .args(["audit"])
        .profile(EVERY_VERDICT)
        .args(arguments)
        .run()
}

/// The strings under `field` of a list of objects.
fn column(run: &Run, field: &str) -> Vec<String> {
    let rows = run.json();
    rows.as_array()
        .unwrap_or_else(|| panic!("no list\n{run}"))
        .iter()
        .map(|row| row[field].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Fails unless the instance is valid under the schema.
#[track_caller]
fn assert_valid(schema: &Value, instance: &Value, name: &str) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(instance)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
}

#[test]
fn exit_codes() {
    for (selection, code) in [
        ("good", 0),
        ("good,minor,accepted,not-here", 0),
        ("good,bad", 1),
        ("good,unknown", 3),
        ("bad,unknown", 1),
        ("not-here", 3),
    ] {
        let run = every(&["--only", selection]);
        assert_eq!(run.exit, code, "{selection}\n{run}");
        let json = every(&["--only", selection, "--format", "json"]);
        assert_eq!(json.json()["exit_code"], code);
    }
    every(&["--only", "minor", "--fail-on", "low"]).assert_exit(1);
    every(&["--only", "bad", "--fail-on", "critical"]).assert_exit(0);
    for wrong in [
        &["audit"][..],
        &["audit", "--profile"],
        &["nonsense"],
        &["audit", "--profile", "x", "--format", "nonsense"],
        &["audit", "--profile", "x", "--shard", "3/2"],
        &["audit", "--profile", "x", "--deadline", "5"],
        &["audit", "--profile", "x", "--set", "novalue"],
        &["audit", "--profile", "x", "--report", "junit"],
        &["audit", "--profile", "x", "--concurrency", "0"],
        &["audit", "--profile", "x", "--target", "a", "--all-targets"],
        &["explain", "no-such-thing"],
        &["lint", "no-such-profile"],
    ] {
        let run = run(wrong);
        assert_eq!(run.exit, 2, "{wrong:?}\n{run}");
        assert_eq!(run.stdout, "", "{wrong:?}\n{run}");
        assert!(!run.stderr.is_empty(), "{wrong:?}");
    }
}

#[test]
fn selectors_choose_and_misspelt_ones_are_refused() {
    let ids = |arguments: &[&str]| -> Vec<String> {
        let arguments = [arguments, &["--format", "json"]].concat();
        let run = every(&arguments);
        run.checks()
            .iter()
            .map(|check| check["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        ids(&["--only", "*o*"]),
        ["good", "minor", "unknown", "not-here"]
    );
    assert_eq!(ids(&["--only", "tag:calm"]), ["good"]);
    assert_eq!(ids(&["--only", "kind:tcp"]), ["unknown"]);
    assert_eq!(ids(&["--only", "severity:low"]), ["minor"]);
    assert_eq!(ids(&["--skip", "severity:high+"]), ["minor"]);
    assert_eq!(ids(&["--only", "good,bad", "--skip", "bad"]), ["good"]);
    for (selector, message) in [
        ("god", "did you mean `good`?"),
        ("tag:clam", "did you mean `calm`?"),
        ("kind:tpc", "did you mean `tcp`?"),
        ("severity:huge", "known are critical"),
        ("[", "selects no check"),
        ("", "an empty selector selects nothing"),
    ] {
        for option in ["--only", "--skip"] {
            let run = every(&[option, selector]);
            run.assert_exit(2);
            assert!(run.stderr.contains(message), "{selector}\n{run}");
            assert_eq!(run.stdout, "");
        }
    }
    let nothing = every(&["--only", "good", "--skip", "good"]);
    nothing.assert_exit(2);
    assert!(nothing.stderr.contains("no check is selected"), "{nothing}");
}

#[test]
fn stdout_carries_the_report_and_nothing_else() {
    let run = Readyctl::new()
        .args(["audit", "--format", "json", "-v", "--env-file", "x.env"])
        .profile(EVERY_VERDICT)
        .file("x.env", "SAME=other\n")
        .env("SAME", "here")
        .run();
    assert!(run.stderr.contains("note: SAME"), "{run}");
    assert_eq!(run.json()["schema"], "readyctl.report/1");
    assert!(run.stdout.ends_with("}\n"), "{run}");
}

#[test]
fn reports_are_valid_under_the_schema() {
    let schema = run(&["schema", "report"]).json();
    let report = every(&["--format", "json"]).json();
    let verdicts: Vec<&Value> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["verdict"])
        .collect();
    assert_eq!(
        verdicts,
        ["pass", "fail", "warn", "error", "skip", "waived"]
    );
    assert_valid(&schema, &report, "the report");
    for (field, broken) in [
        ("exit_code", Value::from("one")),
        ("checks", Value::from(1)),
    ] {
        let mut report = report.clone();
        report[field] = broken;
        assert!(
            !jsonschema::is_valid(&schema, &report),
            "the schema accepts anything"
        );
    }
}

#[test]
fn the_summary_agrees_with_the_checks() {
    let report = every(&["--format", "json"]).json();
    let summary = &report["summary"];
    assert_eq!(summary["total"], 6);
    for verdict in ["pass", "fail", "warn", "error", "skip", "waived"] {
        assert_eq!(summary[verdict], 1, "{verdict}");
    }
    assert_eq!(report["readiness"], "not_ready");
}

/// Every file of a folder of the repository.
fn shipped(folder: &str) -> Vec<(String, String)> {
    let folder = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
    fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

#[test]
fn shipped_profiles_and_packs_are_valid_under_the_schema() {
    let schema = run(&["schema", "profile"]).json();
    let files = [shipped("profiles"), shipped("checks")].concat();
    assert!(!files.is_empty());
    for (name, text) in files {
        let instance: Value = serde_yaml::from_str(&text).unwrap();
        assert_valid(&schema, &instance, &name);
    }
    let broken = serde_json::json!({"version": 1, "checks": [{"id": "x", "attest": {}}]});
    assert!(
        !jsonschema::is_valid(&schema, &broken),
        "the schema accepts anything"
    );
}

#[test]
fn the_example_of_every_verdict_is_valid_under_the_schema() {
    let schema = run(&["schema", "profile"]).json();
    let instance: Value = serde_yaml::from_str(EVERY_VERDICT).unwrap();
    assert_valid(&schema, &instance, "every verdict");
}

#[test]
fn every_shipped_profile_lints() {
    let run = run(&["lint"]);
    run.assert_exit(0);
    for (name, _) in shipped("profiles") {
        assert!(run.stdout.contains(&format!("{name}: ")), "{name}\n{run}");
    }
}

#[test]
fn every_shipped_pack_can_be_used() {
    for (name, _) in shipped("checks") {
        let run = Readyctl::new()
            .file(
                "p.yaml",
                format!("version: 1\npacks: [{{ use: {name} }}]\n"),
            )
            .args(["lint", "p.yaml"])
            .run();
        assert_eq!(run.exit, 0, "{name}\n{run}");
    }
}

#[test]
fn lists_come_as_table_and_as_json_and_everything_in_them_can_be_explained() {
    for what in ["profiles", "packs", "checks", "kinds", "faults"] {
        let table = run(&["list", what]);
        table.assert_exit(0);
        let json = run(&["list", what, "--format", "json"]);
        json.assert_exit(0);
        let field = match what {
            "checks" => "id",
            "faults" => "code",
            _ => "name",
        };
        let names = column(&json, field);
        assert!(!names.is_empty(), "{what}");
        for name in &names {
            assert!(
                !name.is_empty() && table.stdout.contains(name.as_str()),
                "{what} {name}"
            );
        }
    }
    let faults = run(&["list", "faults", "--format", "json"]).json();
    for fault in faults.as_array().unwrap() {
        let state = fault["state"].as_str().unwrap();
        assert_eq!(
            state == "not_observable",
            fault["reason"].is_string(),
            "{fault}"
        );
        assert!(matches!(state, "caught" | "not_observable"), "{fault}");
    }
}

#[test]
fn everything_can_be_explained() {
    for (what, field) in [("kinds", "name"), ("profiles", "name"), ("packs", "name")] {
        for name in column(&run(&["list", what, "--format", "json"]), field) {
            let run = run(&["explain", &name]);
            assert_eq!(run.exit, 0, "{name}\n{run}");
            assert!(run.stdout.contains(&name), "{run}");
        }
    }
    // One of each kind and the first and last: a process for each of hundreds of codes takes long.
    let codes = column(&run(&["list", "faults", "--format", "json"]), "code");
    for code in codes
        .iter()
        .step_by(codes.len() / 20 + 1)
        .chain(codes.last())
    {
        let run = run(&["explain", &code.to_lowercase()]);
        assert_eq!(run.exit, 0, "{code}\n{run}");
        assert!(
            run.stdout.starts_with(code.as_str()) && run.stdout.contains("remedy"),
            "{run}"
        );
    }
}

#[test]
fn a_name_of_a_kind_and_of_a_pack_explains_both() {
    let run = Readyctl::new()
        .file("checks/tcp.yaml", "version: 1\nname: tcp\ndescription: The pack of ports\ninputs: { where: {} }\nchecks: [{ id: t, tcp: { address: \"${where}\" } }]\n")
        .args(["explain", "tcp"])
        .run();
    run.assert_exit(0);
    assert!(
        run.stdout.contains("Faults") && run.stdout.contains("The pack of ports"),
        "{run}"
    );
}

#[test]
fn a_check_can_be_explained_with_what_it_would_send() {
    let run = Readyctl::new()
        .file("p.yaml", EVERY_VERDICT)
        .args(["explain", "unknown", "--profile", "p.yaml"])
        .run();
    run.assert_exit(0);
    for part in [
        "p.yaml:8:5",
        "kind       tcp",
        "Sends",
        "readyctl-test.invalid:1",
        "Can find",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{run}");
    }
    let misspelt = Readyctl::new()
        .file("profiles/p.yaml", EVERY_VERDICT)
        .args(["explain", "unknwon"])
        .run();
    misspelt.assert_exit(2);
    assert!(
        misspelt.stderr.contains("did you mean `unknown`?"),
        "{misspelt}"
    );
}

#[test]
fn every_command_has_help() {
    let help = run(&["--help"]);
    help.assert_exit(0);
    assert!(
        help.stdout.contains("Exit codes: 0 ready, 1 not ready"),
        "{help}"
    );
    let commands: Vec<&str> = help
        .stdout
        .split("Commands:")
        .nth(1)
        .unwrap()
        .split("Options:")
        .next()
        .unwrap()
        .lines()
        .filter_map(|line| {
            line.strip_prefix("  ")
                .filter(|rest| !rest.starts_with(' '))
        })
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 9, "{commands:?}");
    for command in commands {
        let run = run(&[command, "--help"]);
        run.assert_exit(0);
        assert!(run.stdout.contains("Usage: readyctl"), "{command}\n{run}");
    }
    let version = run(&["--version"]);
    assert_eq!(
        version.stdout,
        format!("readyctl {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn completions_and_manual() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = run(&["completions", shell]);
        run.assert_exit(0);
        assert!(
            run.stdout.contains("readyctl") && run.stdout.contains("audit"),
            "{shell}"
        );
    }
    let man = run(&["man"]);
    man.assert_exit(0);
    assert!(
        man.stdout.contains(".TH") && man.stdout.contains("fail\\-on"),
        "{man}"
    );
}

#[test]
fn reports_go_to_files_beside_the_one_on_stdout() {
    let run = every(&[
        "--report",
        "junit=out.xml",
        "--report",
        "json=out.json",
        "--report",
        "table=out.txt",
    ]);
    let report: Value = serde_json::from_str(&run.read("out.json")).unwrap();
    assert_eq!(report["checks"].as_array().unwrap().len(), 6);
    let xml = run.read("out.xml");
    assert!(
        xml.contains("tests=\"6\"") && xml.contains("failures=\"1\""),
        "{xml}"
    );
    assert!(run.read("out.txt").contains("FAIL bad"));
    assert!(run.stdout.contains("FAIL bad"), "{run}");
}

#[test]
fn colour_only_where_it_is_wanted() {
    for (arguments, variables, coloured) in [
        (&[][..], &[][..], false),
        (&["--color", "always"], &[], true),
        (&["--color", "never"], &[("CLICOLOR_FORCE", "1")], false),
        (&[], &[("CLICOLOR_FORCE", "1")], true),
        (&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
    ] {
        let mut readyctl = Readyctl::new()
            .args(["audit"])
            .profile(EVERY_VERDICT)
            .args(arguments);
        for (name, value) in variables {
            readyctl = readyctl.env(name, value);
        }
        let run = readyctl.run();
        assert_eq!(
            run.stdout.contains('\u{1b}'),
            coloured,
            "{arguments:?} {variables:?}\n{run}"
        );
    }
    let json = every(&["--color", "always", "--format", "json"]);
    assert!(!json.stdout.contains('\u{1b}'), "{json}");
    let problems = run(&["lint", "no-such-profile", "--color", "always"]);
    assert!(problems.stderr.contains('\u{1b}'), "{problems}");
}

/// Fails when a line is wider than allowed although it could have been broken at a space.
#[track_caller]
fn assert_fits(text: &str, width: usize, context: &str) {
    for line in text.lines() {
        let too_wide = line.width() > width;
        let indent = line.len() - line.trim_start().len();
        let single = line
            .split_whitespace()
            .any(|word| word.width() + indent + 12 > width);
        assert!(
            !too_wide || single,
            "{context}: {} columns instead of {width}: {line:?}\n{text}",
            line.width()
        );
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [40, 50, 64, 72, 80, 100, 120, 160, 200] {
        for arguments in [
            &["audit", "--profile", "p.yaml"][..],
            &["audit", "--profile", "p.yaml", "-v"],
            &["list", "faults"],
            &["list", "kinds"],
        ] {
            let run = Readyctl::new()
                .file("p.yaml", EVERY_VERDICT)
                .args(arguments)
                .env("COLUMNS", width.to_string())
                .run();
            assert_fits(&run.stdout, width, &format!("{arguments:?}"));
        }
    }
}

#[test]
fn a_narrow_table_still_says_everything() {
    for width in ["1", "40", "80"] {
        let run = Readyctl::new()
            .args(["audit"])
            .profile(EVERY_VERDICT)
            .env("COLUMNS", width)
            .run();
        for part in [
            "FAIL", "WARN", "ERROR", "skip", "waived", "ATT-01", "(exit 1)",
        ] {
            assert!(run.stdout.contains(part), "{part} at {width}\n{run}");
        }
    }
}

#[test]
fn failing_and_quiet_leave_out_what_is_green() {
    for option in [&["--show", "failing"][..], &["-q"]] {
        let run = every(option);
        assert!(!run.stdout.contains("All is well"), "{run}");
        assert!(
            run.stdout.contains("FAIL bad") && run.stdout.contains("1 pass"),
            "{run}"
        );
    }
    let verbose = every(&["-v"]);
    assert!(
        verbose.stdout.contains("signed by someone on 2000-01-01"),
        "{verbose}"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for arguments in [
        &["list", "faults"][..],
        &["audit", "--profile", "p.yaml", "--format", "json"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("p.yaml"), EVERY_VERDICT).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_readyctl"))
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let expected = if arguments[0] == "audit" { 1 } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_contacts_nothing() {
    let origin = Origin::start();
    origin.may_be_unused();
    origin.fallback(|_| Response::text(200, "ok"));
    let profile = format!(
        "version: 1\nchecks:\n  - id: ready\n    http: {{ url: \"{}\", expect: {{ status: 200 }} }}\n  - {{ id: not-here, when: \"false\", attest: {{ statement: x }} }}\n",
        origin.url("/ready")
    );
    let audit = |arguments: &[&str]| {
        Readyctl::new()
            .args(["audit", "--dry-run"])
            .profile(&profile)
            .args(arguments)
            .run()
    };
    let table = audit(&[]);
    table.assert_exit(0);
    for part in [
        &format!("1x  GET {}", origin.url("/ready")),
        "skipped: `when: false` is false",
        "nothing was contacted",
    ] {
        assert!(table.stdout.contains(part), "{part}\n{table}");
    }
    let json = audit(&["--format", "json"]).json();
    assert_eq!(json["checks"][0]["impact"], "normal");
    assert!(json["at_most"].as_u64().unwrap() >= 1, "{json}");
    assert!(origin.requests().is_empty());
}
