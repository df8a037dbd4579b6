//! The kind `command` with real programs.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cli::{Readyctl, Run, audit_command};
use crate::support::process::wait_for;
use crate::support::verdicts::{assert_green, assert_red};

/// A profile with one check; JSON is YAML.
fn profile(block: &Value, timeout: &str) -> String {
    let check = json!({ "id": "c", "timeout": timeout, "retry": { "attempts": 3, "delay": "1ms" }, "command": block });
    json!({ "version": 1, "name": "t", "checks": [check] }).to_string()
}

/// An audit of one check, not run yet.
fn prepare(block: &Value) -> Readyctl {
    audit_command(&profile(block, "20s"))
}

/// An audit of a line for the shell.
fn line(line: &str, expect: impl Into<Value>) -> Run {
    prepare(&json!({ "argv": [line], "shell": true, "expect": expect.into() })).run()
}

/// Fails the test unless the check is an error with this code and exit code 3.
#[track_caller]
fn assert_unknown(run: &Run, code: &str) {
    assert_red(run, "c", code);
    assert_eq!(run.verdict("c"), "error", "{run}");
    run.assert_exit(3);
}

#[test]
fn cmd_51_exit_codes() {
    assert_green(&line("exit 0", json!({})));
    assert_green(&line("exit 3", json!({ "exit": { "one_of": [0, 3] } })));
    let run = line("echo no such table >&2; exit 3", json!({}));
    assert_red(&run, "c", "CMD-51");
    assert!(run.stdout.contains("exited with 3: no such table"), "{run}");
    assert_red(&line("exit 0", json!({ "exit": 3 })), "c", "CMD-51");
}

#[test]
fn cmd_52_53_outputs() {
    assert_green(&line("echo 41", json!({ "stdout": { "gte": 41 } })));
    assert_red(
        &line("echo 40", json!({ "stdout": { "gte": 41 } })),
        "c",
        "CMD-52",
    );
    assert_red(
        &line("true", json!({ "stdout": { "matches": "ok" } })),
        "c",
        "CMD-52",
    );
    // Nothing that is no number is below a limit.
    assert_red(
        &line("echo '<html>'", json!({ "stdout": { "lt": 5 } })),
        "c",
        "CMD-52",
    );
    assert_green(&line("echo fine", json!({ "stderr": { "empty": true } })));
    assert_red(
        &line("echo warning >&2", json!({ "stderr": { "empty": true } })),
        "c",
        "CMD-53",
    );
    let long = line(
        "yes warning | head -c 3000000 >&2",
        json!({ "stderr": { "not": { "contains": "error" } } }),
    );
    assert_unknown(&long, "CMD-53");
}

#[test]
fn cmd_54_55_the_payload_is_judged_before_the_exit_code() {
    let ok = json!({ "json": { "$.status": "ok", "$.failed": { "lt": 1 } } });
    assert_green(&line(
        "echo '{\"status\": \"ok\", \"failed\": 0}'",
        ok.clone(),
    ));
    for payload in [
        r#"{"status": "error", "failed": 0}"#,
        r#"{"status": "ok"}"#,
        r#"{"status": "ok", "failed": null}"#,
        r#"{"status": "ok", "failed": "none"}"#,
    ] {
        assert_red(
            &line(&format!("echo '{payload}'"), ok.clone()),
            "c",
            "CMD-54",
        );
    }
    let both = line(
        "echo '{\"status\": \"error\", \"failed\": 0}'; exit 1",
        ok.clone(),
    );
    assert_eq!(both.codes("c"), ["CMD-54", "CMD-51"], "{both}");
    for payload in ["", "done", "{\"status\": \"ok\"", "{} {}"] {
        assert_unknown(
            &line(&format!("printf '%s' '{payload}'"), ok.clone()),
            "CMD-55",
        );
    }
    let nested = "head -c 20000 /dev/zero | tr '\\0' '['";
    assert_unknown(&line(nested, ok), "CMD-55");
}

#[test]
fn cmd_56_a_signal_is_no_exit_code() {
    let run = line("kill -KILL $$", json!({ "exit": { "ne": 1 } }));
    assert_red(&run, "c", "CMD-56");
    assert!(run.stdout.contains("signal 9"), "{run}");
    assert_green(&line("true", json!({ "exit": { "ne": 1 } })));
}

#[test]
fn cmd_57_takes_too_long() {
    assert_green(&line("true", json!({ "max_duration": "15s" })));
    assert_red(
        &line("sleep 0.2", json!({ "max_duration": "100ms" })),
        "c",
        "CMD-57",
    );
}

/// Whether a process is gone; nobody may have collected it yet, which is as good as gone.
fn is_gone(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .map_or(true, |stat| stat.contains(") Z "))
}

#[test]
fn cmd_58_what_does_not_end_is_killed_with_its_children_and_not_repeated() {
    let script = "echo run >> runs; sleep 600 & echo $! > pid; wait";
    let run = audit_command(&profile(&json!({ "argv": ["sh", "-c", script] }), "1s")).run();
    assert_unknown(&run, "CMD-58");
    assert!(run.duration < Duration::from_secs(10), "{run}");
    assert_eq!(run.read("runs"), "run\n");
    let pid = run.read("pid");
    wait_for("the child to be gone", Duration::from_secs(5), || {
        is_gone(&pid).then_some(())
    });
}

#[test]
fn cmd_what_outlives_the_program_is_killed() {
    for outputs in ["", ">/dev/null 2>&1"] {
        let script = format!("sleep 600 {outputs} & echo $! > pid; echo done");
        let run = line(&script, json!({ "stdout": "done" }));
        assert_green(&run);
        assert!(run.duration < Duration::from_secs(10), "{run}");
        let pid = run.read("pid");
        wait_for("the grandchild to be gone", Duration::from_secs(5), || {
            is_gone(&pid).then_some(())
        });
    }
}

#[test]
fn cmd_59_what_cannot_be_run() {
    let argv = |words: Value| prepare(&json!({ "argv": words }));
    let run = argv(json!(["no-such-program-4711"])).run();
    assert_unknown(&run, "CMD-59");
    assert!(run.stdout.contains("not installed"), "{run}");
    let run = argv(json!(["echo hello"])).run();
    assert_unknown(&run, "CMD-59");
    assert!(run.stdout.contains("shell: true"), "{run}");
    assert_unknown(
        &argv(json!(["./text"])).file("text", "echo").run(),
        "CMD-59",
    );
    let run = line("no-such-program-4711", json!({}));
    assert_unknown(&run, "CMD-59");
    assert!(run.stdout.contains("did not find"), "{run}");
    let nowhere = json!({ "argv": ["true"], "cwd": "gone" });
    let run = prepare(&nowhere).run();
    assert_unknown(&run, "CMD-59");
    assert!(run.stdout.contains("not a folder"), "{run}");
    let run = argv(json!(["git", "no-such-part-4711"])).run();
    assert_unknown(&run, "CMD-59");
    assert!(run.stdout.contains("not installed"), "{run}");
    let run = argv(json!(["python3", "-m", "no_such_module_4711"])).run();
    assert_unknown(&run, "CMD-59");
    // What a script lacks is its own failure.
    let script = json!(["python3", "-c", "import no_such_module_4711"]);
    assert_red(&argv(script).run(), "c", "CMD-51");
    assert_green(&argv(json!(["true"])).run());
}

#[test]
fn cmd_60_output_without_end() {
    let run = line("yes", json!({}));
    assert_unknown(&run, "CMD-60");
    assert!(run.duration < Duration::from_secs(15), "{run}");
}

#[test]
fn cmd_the_environment_is_what_was_declared() {
    let block = json!({ "argv": ["env"], "env": { "LANG": "C", "TOKEN": "Canary-4711-Token" }, "cwd": "sub",
        "expect": { "stdout": { "matches": "(?s)^[^=]+=.*TOKEN=Canary-4711-Token" } } });
    let run = prepare(&block)
        .env("LEAK", "from-outside")
        .file("sub/x", "")
        .run();
    assert_green(&run);
    let names = json!({ "argv": ["env | cut -d= -f1 | sort | tr '\\n' ' '"], "shell": true, "env": { "LANG": "C" },
        "expect": { "stdout": { "one_of": ["HOME LANG PATH", "HOME LANG PATH PWD", "HOME LANG PATH PWD _", "HOME LANG PATH PWD SHLVL _"] } } });
    assert_green(&prepare(&names).env("LEAK", "from-outside").run());
}

#[test]
fn cmd_no_secret_is_shown_however_it_is_printed() {
    let long = "x".repeat(193);
    for (script, expect) in [
        (
            "echo \"bad password $PW\" >&2; exit 1".to_owned(),
            json!({}),
        ),
        (
            "echo \"{\\\"pw\\\": \\\"$PW\\\"}\"".to_owned(),
            json!({ "json": { "$.pw": "other" } }),
        ),
        // Where shown values are cut, a part of it would be left over.
        (format!("echo \"{long}$PW\""), json!({ "stdout": "other" })),
        (
            format!("echo \"{{\\\"pw\\\": \\\"{long}$PW\\\"}}\""),
            json!({ "json": { "$.pw": "other" } }),
        ),
        (
            "i=0; while [ $i -lt 99 ]; do printf %s \"$PW\"; i=$((i+1)); done; exit 1".to_owned(),
            json!({}),
        ),
    ] {
        let block = json!({ "argv": [script], "shell": true, "expect": expect, "env": { "PW": "Kanarie-9-Vogel" } });
        let run = prepare(&block)
            .args(["--report", "junit=r.xml", "--report", "table=r.txt"])
            .run();
        let shown = [
            run.stdout.clone(),
            run.stderr.clone(),
            run.read("r.xml"),
            run.read("r.txt"),
        ]
        .concat();
        assert_eq!(run.exit, 1, "{run}");
        for part in ["Kanari", "-Vogel", "arie-9"] {
            assert!(!shown.contains(part), "{part}\n{shown}");
        }
    }
}

#[test]
fn cmd_nothing_runs_unless_it_is_allowed() {
    let yaml = profile(&json!({ "argv": ["touch", "ran"] }), "5s");
    for arguments in [
        &["audit", "--format", "json", "--no-progress"][..],
        &["audit", "--dry-run", "--allow", "command"],
        &["lint"],
    ] {
        let run = Readyctl::new().args(arguments).file("profile.yaml", &yaml);
        let run = if arguments[0] == "lint" {
            run.args(["profile.yaml"])
        } else {
            run.args(["--profile", "profile.yaml"])
        };
        let run = run.run();
        assert!(!run.folder().join("ran").exists(), "{run}");
        if arguments.contains(&"--dry-run") {
            assert!(run.stdout.contains("run touch ran"), "{run}");
        }
    }
}

#[test]
fn cmd_contradictions_are_refused() {
    for block in [
        json!({ "argv": [] }),
        json!({ "argv": [""] }),
        json!({ "argv": ["a", "b"], "shell": true }),
        json!({ "argv": ["a"], "env": { "A=B": "x" } }),
        json!({ "argv": ["a"], "expect": { "json": {} } }),
        json!({ "argv": ["a"], "expect": { "max_duration": "0s" } }),
        json!({ "argv": ["a"], "expect": { "exit_code": 0 } }),
    ] {
        let run = prepare(&block).run();
        assert_eq!(run.exit, 2, "{block}\n{run}");
    }
}

#[test]
fn pack_rust_workspace() {
    let library = |source: &str| {
        // The tool chain that compiled this suite: the one of the user may hang on variables.
        let cargo = std::path::Path::new(env!("CARGO"));
        let beside = |name: &str| cargo.with_file_name(name).display().to_string();
        let surroundings = json!({ "command": { "env": { "RUSTC": beside("rustc"), "RUSTDOC": beside("rustdoc") } } });
        let pack = json!({ "use": "rust-workspace", "with": { "cargo": env!("CARGO") }, "only": ["rust-build", "rust-tests"],
            "override": { "rust-build": surroundings, "rust-tests": surroundings } });
        let yaml = json!({ "version": 1, "name": "t", "packs": [pack] });
        let lock = "version = 4\n\n[[package]]\nname = \"tiny\"\nversion = \"0.1.0\"\n";
        audit_command(&yaml.to_string())
            .file("Cargo.toml", "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n")
            .file("Cargo.lock", lock)
            .file("src/lib.rs", source)
            .run()
    };
    let test = |body: &str| format!("#[test]\nfn works() {{ {body} }}\n");
    assert_green(&library(&test("assert_eq!(1 + 1, 2);")));
    assert_red(
        &library(&test("assert_eq!(1 + 1, 3);")),
        "rust-tests",
        "CMD-51",
    );
    assert_red(&library("//! Nothing is tested.\n"), "rust-tests", "CMD-52");
    let broken = library("fn broken( {}\n");
    assert_eq!(broken.verdict("rust-build"), "fail", "{broken}");
}
