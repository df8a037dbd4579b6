//! No secret in any output: canaries everywhere, over every format and failure path.

use std::fs;

use super::support::cli::{Readyctl, Run};
use super::support::dead::ClosedPort;
use super::support::origin::{Origin, Response};

/// A secret with everything in it that formats escape.
const CANARY: &str = "c4n\"a<r&y/+ pw=9";
/// A part of it that no encoding changes, and another one.
const TRACES: [&str; 2] = ["c4n", "w=9"];

fn percent(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text.as_bytes()
        .chunks(3)
        .flat_map(|chunk| {
            let bits = chunk
                .iter()
                .fold(0_u32, |bits, b| bits << 8 | u32::from(*b))
                << (8 * (3 - chunk.len()));
            (0..4).map(move |n| {
                if n <= chunk.len() {
                    ALPHABET[(bits >> (18 - 6 * n)) as usize & 63] as char
                } else {
                    '='
                }
            })
        })
        .collect()
}

/// Fails when a trace of the secret stands in an output or in a file that was written.
#[track_caller]
fn assert_kept(run: &Run, inputs: &[&str]) {
    let encoded = [percent(CANARY), base64(CANARY)];
    let clean = |name: &str, text: &str| {
        for trace in TRACES
            .iter()
            .copied()
            .chain(encoded.iter().map(String::as_str))
        {
            assert!(!text.contains(trace), "{trace} leaked to {name}\n{text}");
        }
    };
    clean("stdout", &run.stdout);
    clean("stderr", &run.stderr);
    for entry in fs::read_dir(run.folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_file() && !inputs.contains(&name.as_str()) {
            clean(&name, &fs::read_to_string(&path).unwrap());
        }
    }
}

/// Every way a secret comes in, every place it goes to.
fn profile(origin: &str) -> String {
    format!(
        "version: 1
name: keeper
inputs:
  declared: {{ secret: true, from: env:DECLARED }}
  named: {{ from: env:API_TOKEN }}
  dsn: {{ type: postgres_url, from: env:DSN_OF_THE_DB }}
  cache: {{ type: redis_url, from: env:CACHE }}
  given: {{ secret: true }}
checks:
  - id: sent
    title: \"Title ${{declared}}\"
    remedy: \"Ask for ${{given}}\"
    tags: [\"${{named}}\"]
    covers: [\"X.md#${{named}}\"]
    http:
      url: \"{origin}/echo?k=${{named}}\"
      headers: {{ authorization: \"Bearer ${{declared}}\", x-file: \"${{file:secret.txt}}\", x-env: \"${{env:DB_PASSWORD:-none}}\" }}
      expect: {{ status: 200, headers: {{ x-wanted: \"${{given}}\" }}, body: \"${{env:DB_PASSWORD}}\" }}
  - id: skipped
    when: inputs.declared == \"x\"
    attest: {{ statement: \"${{declared}}\" }}
  - id: signed
    attest: {{ statement: \"statement ${{env:DB_PASSWORD}} ${{cache}}\" }}
  - id: asserted
    attest: {{ statement: x, assert: [\"inputs.declared == 'x'\", \"inputs.dsn == 'x'\", \"inputs.named > 3\"] }}
  - id: refused
    http: {{ url: \"${{env:DEAD}}/${{given}}\", auth: {{ basic: {{ user: u, password: \"${{declared}}\" }} }}, expect: {{ status: 200 }} }}
  - id: port
    tcp: {{ url: \"${{dsn}}\" }}
waivers:
  - {{ check: signed, reason: \"because ${{declared}}\", approved_by: \"${{named}}\", expires: 2999-01-01 }}
sign_offs:
  - {{ check: asserted, role: any, by: \"${{declared}}\", on: 2000-01-01 }}
"
    )
}

/// The files that hold the secret because the test wrote them.
const INPUTS: &[&str] = &["profile.yaml", "secret.txt", "x.env"];

fn keeper(command: &[&str], origin: &Origin, closed: &ClosedPort) -> Readyctl {
    let encoded = percent(CANARY);
    Readyctl::new()
        .args(command)
        .file("profile.yaml", profile(&origin.url("")))
        .file("secret.txt", format!("{CANARY}\n"))
        .file("x.env", format!("API_TOKEN='{CANARY}'\n"))
        .env("DECLARED", CANARY)
        .env("DB_PASSWORD", CANARY)
        .env(
            "DSN_OF_THE_DB",
            format!("postgres://app:{encoded}@127.0.0.1:{}/db", closed.port()),
        )
        .env("CACHE", format!("redis://:{encoded}@127.0.0.1:1/0"))
        .env("DEAD", format!("http://127.0.0.1:{}", closed.port()))
        .args(["--env-file", "x.env", "--set", &format!("given={CANARY}")])
}

/// An application that tells everybody what it was told.
fn gossip() -> Origin {
    let origin = Origin::start();
    origin.route("/echo", |request| {
        let told: String = request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .chain([format!("{}\n{}", request.query, base64(CANARY))])
            .collect();
        let secret = request
            .header("authorization")
            .unwrap_or_default()
            .to_owned();
        Response::text(500, &told).header("x-wanted", &secret)
    });
    origin
}

#[test]
fn no_format_shows_a_secret() {
    let closed = ClosedPort::new();
    for format in ["table", "json", "junit"] {
        for more in [&[][..], &["-v"], &["--color", "always"]] {
            let origin = gossip();
            let run = keeper(
                &["audit", "--profile", "profile.yaml", "--format", format],
                &origin,
                &closed,
            )
            .args(["--record", "facts.json", "--report", "junit=out.xml"])
            .args(["--report", "json=out.json", "--report", "table=out.txt"])
            .args(more)
            .run();
            run.assert_exit(1);
            assert_kept(&run, INPUTS);
            assert!(
                run.stdout.contains("[redacted]"),
                "the test lost its canary\n{run}"
            );
            assert_eq!(origin.hits("/echo"), 1, "{run}");
        }
    }
}

#[test]
fn no_command_shows_a_secret() {
    let closed = ClosedPort::new();
    for command in [
        &["audit", "--profile", "profile.yaml", "--dry-run"][..],
        &[
            "audit",
            "--profile",
            "profile.yaml",
            "--dry-run",
            "--format",
            "json",
        ],
        &["lint", "profile.yaml"],
        &["explain", "profile.yaml"],
        &["explain", "sent", "--profile", "profile.yaml"],
    ] {
        let origin = gossip();
        origin.may_be_unused();
        let run = keeper(command, &origin, &closed).run();
        assert_eq!(run.exit, 0, "{command:?}\n{run}");
        assert_kept(&run, INPUTS);
    }
}

/// Inputs and checks that are wrong because of a secret, or next to one.
const WRONG: &[(&str, &str)] = &[
    (
        "x: { secret: true, type: integer, from: env:X }",
        "attest: { statement: y }",
    ),
    (
        "x: { secret: true, type: duration, from: env:X }",
        "attest: { statement: y }",
    ),
    (
        "x: { secret: true, type: url, from: env:X }",
        "attest: { statement: y }",
    ),
    (
        "x: { secret: true, one_of: [a, b], from: env:X }",
        "attest: { statement: y }",
    ),
    (
        "x: { secret: true, pattern: \"^a$\", from: env:X }",
        "attest: { statement: y }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "tcp: { address: \"${x}\" }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "tcp: { host: h, port: \"${x}\" }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "attest: { statement: y, valid_for: \"${x}\" }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "http: { url: \"${x}\", expect: { status: 200 } }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "http: { url: \"http://h/\", expect: { json: { \"${x}\": 1 } } }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "tcp: { address: \"h:1\", banner: { matches: \"(${x}\" } }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "tcp: { address: \"h:1\", banner: { \"${x}\": 1 } }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "tcp: { address: \"h:1\", expect: \"${x}\" }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "tcp: { address: \"h:1\", \"${x}\": 1 }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "when: inputs.x > 3\n    attest: { statement: y }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "when: inputs.x\n    attest: { statement: y }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "severity: \"${x}\"\n    attest: { statement: y }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "needs: [\"${x}\"]\n    attest: { statement: y }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "timeout: \"${x}\"\n    attest: { statement: y }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "for_each: \"${x}\"\n    attest: { statement: y }",
    ),
    (
        "x: { secret: true, from: env:X }",
        "for_each: { y: \"${x}\" }\n    attest: { statement: y }",
    ),
];

#[test]
fn no_diagnostic_shows_a_secret() {
    for (inputs, check) in WRONG {
        let text = format!("version: 1\ninputs:\n  {inputs}\nchecks:\n  - id: c\n    {check}\n");
        for command in [
            &["audit", "--profile", "profile.yaml"][..],
            &["lint", "profile.yaml"],
        ] {
            let run = Readyctl::new()
                .file("profile.yaml", &text)
                .env("X", CANARY)
                .args(command)
                .run();
            // Linting knows no values, so that some of these are right there.
            let linted = command[0] == "lint" && run.exit == 0;
            assert!(linted || run.exit == 2, "{text}\n{run}");
            assert_kept(&run, INPUTS);
        }
    }
}

#[test]
fn a_secret_written_into_a_profile_is_not_shown_with_the_line() {
    for declaration in [
        "{ secret: true, type: integer, default: c4nary-in-yaml }",
        "{ secret: true, type: integre, default: c4nary-in-yaml }",
        "{ secret: true, defualt: 1, default: c4nary-in-yaml }",
        "{ type: port, default: \"postgres://u:c4nary-in-yaml@h/d\" }",
    ] {
        let text = format!(
            "version: 1\ninputs:\n  x: {declaration}\nchecks: [{{ id: c, attest: {{ statement: y }} }}]\n"
        );
        let run = Readyctl::new()
            .file("profile.yaml", &text)
            .args(["lint", "profile.yaml"])
            .run();
        run.assert_exit(2);
        assert_kept(&run, INPUTS);
    }
}

#[test]
fn a_value_on_the_command_line_is_not_repeated() {
    for arguments in [&["--set", "y=c4n w=9"][..], &["--set", "=c4n w=9"]] {
        let run = Readyctl::new()
            .args(["audit"])
            .profile("version: 1\nchecks: [{ id: c, attest: { statement: y } }]\n")
            .args(arguments)
            .run();
        run.assert_exit(2);
        assert_kept(&run, INPUTS);
    }
}

#[test]
fn a_weak_secret_breaks_no_format() {
    for weak in [
        "pass",
        "check",
        "id",
        "high",
        "200",
        "attest",
        "readyctl.report/1",
        "\"",
        "null",
        "{",
        "testsuite",
    ] {
        let audit = |format: &str| {
            Readyctl::new()
                .args(["audit", "--format", format])
                .profile("version: 1\ninputs: { w: { secret: true, from: env:W } }\nchecks:\n  - { id: check, title: \"<${w}>\", attest: { statement: \"say ${w}\" } }\n")
                .env("W", weak)
                .run()
        };
        let json = audit("json");
        json.assert_exit(1);
        assert_eq!(json.json()["schema"], "readyctl.report/1", "{weak}");
        assert_eq!(json.checks()[0]["verdict"], "fail", "{weak}\n{json}");
        let junit = audit("junit");
        assert!(
            junit.stdout.contains("<testsuites") && junit.stdout.contains("failures=\"1\""),
            "{weak}\n{junit}"
        );
        assert!(audit("table").stdout.contains("FAIL"), "{weak}");
    }
}

#[test]
fn the_helpers_encode_as_everybody_does() {
    assert_eq!(base64("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
    assert_eq!(percent("a/b"), "a%2Fb");
}
