//! `.env` files: the kind `dotenv` and the command `readyctl env`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::support::cli::{Readyctl, Run, audit_command};
use crate::support::verdicts::{assert_green, assert_red};

/// An audit of a file with these fields of the kind `dotenv`, `.env` for its owner only.
fn judged(fields: &str, files: &[(&str, &[u8])]) -> Run {
    let yaml = format!(
        "version: 1\nname: t\nchecks:\n  - id: it\n    dotenv: {{ file: .env{fields} }}\n  - id: beside\n    dotenv: {{ file: beside.env }}\n"
    );
    let run = files.iter().fold(
        audit_command(&yaml).file("beside.env", "A=1\n"),
        |run, (name, content)| run.file(name, content),
    );
    let path = run.folder().join(".env");
    if path.exists() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    run.run()
}

/// The healthy twin is green and the broken one red with the code.
#[track_caller]
fn twins(fields: &str, code: &str, healthy: &[u8], broken: &[u8]) {
    assert_green(&judged(fields, &[(".env", healthy)]));
    let run = judged(fields, &[(".env", broken)]);
    assert_red(&run, "it", code);
    run.assert_exit(1);
}

/// The same with an example beside it.
#[track_caller]
fn twins_with_example(code: &str, healthy: (&str, &str), broken: (&str, &str)) {
    let run = |(file, example): (&str, &str)| {
        judged(
            ", example: .env.example",
            &[
                (".env", file.as_bytes()),
                (".env.example", example.as_bytes()),
            ],
        )
    };
    assert_green(&run(healthy));
    assert_red(&run(broken), "it", code);
}

#[test]
fn env_13_assigned_twice() {
    twins("", "ENV-13", b"A=1\nB=2\n", b"A=1\nA=2\n");
}

#[test]
fn env_14_misspelt_name() {
    twins(
        ", declared: [DATABASE_HOST]",
        "ENV-14",
        b"DATABASE_HOST=db\n",
        b"DATABSE_HOST=db\n",
    );
}

#[test]
fn env_15_drift_from_the_example() {
    twins_with_example("ENV-15", ("A=1\nB=2\n", "A=\nB=\n"), ("A=1\n", "A=\nB=\n"));
    twins_with_example("ENV-15", ("A=1\nB=2\n", "A=\nB=\n"), ("A=1\nB=1\n", "A=\n"));
}

#[test]
fn env_16_unquoted_hash_cuts_the_value() {
    twins("", "ENV-16", b"A=abc\n", b"A=abc#def\n");
    twins(
        ", loaders: [shell]",
        "ENV-16",
        b"A='abc def'\n",
        b"A=abc def\n",
    );
}

#[test]
fn env_17_dollar_changes_the_value() {
    twins(
        ", loaders: [compose, node]",
        "ENV-17",
        b"DB_PASSWORD='p4$word9x'\n",
        b"DB_PASSWORD=p4$word9x\n",
    );
    twins("", "ENV-17", b"A=1\n", b"A=${NOWHERE}\n");
}

#[test]
fn env_18_docker_keeps_quotes() {
    twins(", loaders: [docker]", "ENV-18", b"A=x y\n", b"A=\"x y\"\n");
}

#[test]
fn env_19_bytes_that_nobody_sees() {
    twins("", "ENV-19", b"A=1\n", b"\xef\xbb\xbfA=1\n");
    twins(", loaders: [shell]", "ENV-19", b"A=1\n", b"A=1\r\n");
    twins(
        "",
        "ENV-19",
        b"API_TOKEN=8fk3j2\n",
        "API_TOKEN=8fk\u{200b}3j2\n".as_bytes(),
    );
}

#[test]
fn env_24_within_reach_of_others() {
    twins(
        "",
        "ENV-24",
        b"DB_PASSWORD=8fk3j2h5\n",
        b"NEXT_PUBLIC_DB_PASSWORD=8fk3j2h5\n",
    );
    for (mode, verdict) in [(0o600, "pass"), (0o644, "fail")] {
        let yaml = "version: 1\nname: t\nchecks: [{ id: it, dotenv: { private: true } }]";
        let run = audit_command(yaml).file(".env", "DB_PASSWORD=8fk3j2h5\n");
        let path = run.folder().join(".env");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let run = run.run();
        assert_eq!(run.verdict("it"), verdict, "{run}");
        if verdict == "fail" {
            assert_eq!(run.codes("it"), ["ENV-24"]);
        }
    }
}

#[test]
fn env_26_undecodable_file_is_an_error() {
    for file in [
        None,
        Some(&b"A=\xff\n"[..]),
        Some(b"\xff\xfeA\0=\0x\0"),
        Some(b"A=x\0y\n"),
    ] {
        let run = match file {
            Some(file) => judged("", &[(".env", file)]),
            None => judged("", &[]),
        };
        assert_eq!(run.verdict("it"), "error", "{run}");
        assert_eq!(run.check("it")["fault"]["code"], "ENV-26", "{run}");
        run.assert_exit(3);
    }
}

#[test]
fn env_55_line_that_cannot_be_read() {
    twins("", "ENV-55", b"A=1\n# note\n", b"A=1\nnote\n");
    twins(", loaders: [docker]", "ENV-55", b"A=1\n", b"export A=1\n");
}

#[test]
fn env_56_read_differently() {
    twins(
        ", loaders: [ruby, python]",
        "ENV-56",
        b"A=\"ab\"\n",
        b"A=\"a\\nb\"\n",
    );
}

#[test]
fn env_57_real_secret_in_the_example() {
    let good = ("API_KEY=8fk3j2h5g6d7\n", "API_KEY=changeme\n");
    let bad = (
        "API_KEY=8fk3j2h5g6d7\n",
        "API_KEY=q1mJx0r7Yk2tVb9Zw4Lh8Nc6Ge3Ua5\n",
    );
    twins_with_example("ENV-57", good, bad);
}

#[test]
fn env_58_file_without_variables() {
    twins("", "ENV-58", b"A=1\n", b"# nothing\n");
}

#[test]
fn env_59_code_reads_what_nobody_documents() {
    let run = |code: &str| {
        judged(
            ", example: .env.example, sources: ['src/**/*.py']",
            &[
                (".env", b"A=1\nB=2\n"),
                (".env.example", b"A=\nB=\n"),
                ("src/app/main.py", code.as_bytes()),
            ],
        )
    };
    let healthy = "import os\nos.environ['A']\nos.getenv('B')\n";
    assert_green(&run(healthy));
    let broken = run(&format!(
        "{healthy}os.environ.get(\"HIDDEN_SWITCH\", \"1\")\n"
    ));
    assert_red(&broken, "it", "ENV-59");
    let finding = broken.check("it")["findings"][0].clone();
    assert_eq!(finding["subject"], "src/app/main.py:4:1 HIDDEN_SWITCH");
}

#[test]
fn env_60_documented_but_read_by_nobody() {
    let files: [(&str, &[u8]); 2] = [(".env", b"A=1\nB=2\n"), ("a.py", b"os.environ['A']\n")];
    let run = judged(", sources: ['*.py']", &files);
    assert_eq!(
        (run.verdict("it").as_str(), run.codes("it")),
        ("warn", vec!["ENV-60".to_owned()])
    );
    assert_green(&judged(", sources: ['*.py'], ignore: [B]", &files));
}

#[test]
fn sources_that_match_nothing_are_an_error() {
    let run = judged(", sources: ['nowhere/**']", &[(".env", b"A=1\n")]);
    assert_eq!(run.verdict("it"), "error", "{run}");
    run.assert_exit(3);
}

#[test]
fn values_that_everybody_knows() {
    twins("", "ENV-03", b"API_KEY=8fk3j2h5\n", b"API_KEY=changeme\n");
    twins(
        "",
        "ENV-04",
        b"DB_PASSWORD=8fk3j2h5\n",
        b"DB_PASSWORD=postgres\n",
    );
    twins(
        ", production: true",
        "ENV-08",
        b"DEBUG=false\n",
        b"DEBUG=true\n",
    );
    twins(
        ", production: true",
        "ENV-22",
        b"S_KEY=sk_live_4eC39HqLyjWDarjtT1\n",
        b"S_KEY=sk_test_4eC39HqLyjWDarjtT1\n",
    );
    let same = "API_KEY=8fk3j2h5\n";
    twins_with_example("ENV-07", ("API_KEY=8fk3j2h5\n", "API_KEY=\n"), (same, same));
}

/// `readyctl env` in a folder with these files.
fn env(args: &[&str], files: &[(&str, &str)]) -> Run {
    files
        .iter()
        .fold(
            Readyctl::new().arg_list("env", args),
            |run, (name, content)| run.file(name, content),
        )
        .run()
}

/// A shorthand for the command's name and its arguments.
trait ArgList {
    fn arg_list(self, command: &str, args: &[&str]) -> Self;
}

impl ArgList for Readyctl {
    fn arg_list(self, command: &str, args: &[&str]) -> Self {
        self.args([command]).args(args)
    }
}

#[test]
fn command_finds_nothing_wrong() {
    let files = [(".env", "A=1\nB=2\n"), (".env.example", "A=\nB=\n")];
    let run = env(&[], &files);
    run.assert_exit(0);
    assert!(
        run.stdout
            .contains("2 variables, compared with .env.example: nothing wrong"),
        "{run}"
    );
    let json: Value = serde_json::from_str(&env(&["--format", "json"], &files).stdout).unwrap();
    assert_eq!(json["verdict"], "pass");
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[test]
fn command_names_every_place_and_no_value() {
    let canary = "Zx81CANARY4Lh8";
    let file = format!(
        "# settings\nDB_PASSWORD={canary}$x\nAPI_KEY=changeme\nA=1\nA=2\nGREETING=a#b\nDATABSE_HOST=h\n"
    );
    let example = "DB_PASSWORD=\nAPI_KEY=\nA=\nGREETING=\nDATABASE_HOST=\nMISSING=\n";
    let files = [("app/.env", file.as_str()), ("app/.env.example", example)];
    let run = env(&["app/.env"], &files);
    run.assert_exit(1);
    for line in [
        "app/.env:2:27: fault[ENV-17]",
        "app/.env:3:1: fault[ENV-03]",
        "app/.env:5:1: fault[ENV-13]",
        "app/.env:6:11: fault[ENV-16]",
        "app/.env:7:1: fault[ENV-14]",
        "app/.env:1:1: fault[ENV-15] MISSING of app/.env.example:6",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{run}");
    }
    let helps = run.stdout.matches("  help: ").count();
    assert_eq!(helps, run.stdout.matches("[ENV-").count(), "{run}");
    let json = env(&["app/.env", "--format", "json"], &files);
    json.assert_exit(1);
    assert_eq!(json.json()["verdict"], "fail");
    for run in [&run, &json] {
        assert!(
            !run.stdout.contains("CANARY") && !run.stderr.contains("CANARY"),
            "{run}"
        );
    }
}

#[test]
fn command_cannot_read() {
    let run = env(&["nowhere.env"], &[]);
    run.assert_exit(3);
    assert!(
        run.stderr.contains("nowhere.env") && run.stderr.contains("help:"),
        "{run}"
    );
    let run = env(&["--format", "json"], &[(".env", "A=x\0\n")]);
    run.assert_exit(3);
    assert_eq!(run.json()["fault"]["code"], "ENV-26");
}

#[test]
fn command_repeats_no_piece_of_a_broken_key() {
    let pem = "KEY=-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\nabCANARY12+/x==\nCANARYabc12345678=\n-----END PRIVATE KEY-----\nA=1\n";
    for file in [pem.to_owned(), pem.replace("KEY=-", "KEY=\"-")] {
        let run = env(&[], &[(".env", &file)]);
        run.assert_exit(1);
        assert!(
            !run.stdout.contains("CANARY") && !run.stdout.contains("MIIE"),
            "{run}"
        );
    }
}

#[test]
fn command_accepts_an_example() {
    let run = env(&[".env.example"], &[(".env.example", "API_KEY=changeme\n")]);
    run.assert_exit(0);
    let real = "API_KEY=q1mJx0r7Yk2tVb9Zw4Lh8Nc6Ge3Ua5\n";
    let run = env(&[".env.example"], &[(".env.example", real)]);
    run.assert_exit(1);
    assert!(run.stdout.contains("ENV-57"), "{run}");
}

#[test]
fn pack_dotenv() {
    let profile = "version: 1\nname: t\npacks: [{ use: dotenv }]\n";
    let run = |file: &str, example: &str| {
        let run = audit_command(profile)
            .file(".env", file)
            .file(".env.example", example);
        let path = run.folder().join(".env");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        run.run()
    };
    assert_green(&run("A=1\n", "A=\n"));
    assert_red(&run("A=1\n", "A=\nB=\n"), "dotenv-example", "ENV-15");
    let both = run("A=1\nA=2\n", "A=\n");
    assert_eq!(both.verdict("dotenv-file"), "fail", "{both}");
}
