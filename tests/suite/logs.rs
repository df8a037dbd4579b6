//! Logs: files, programs, Loki and addresses; what stands in them and what must not.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::cli::{Run, audit_command};
use crate::support::origin::{Origin, Response};
use crate::support::verdicts::{assert_green, assert_red};

/// A password that no output may show.
const PASSWORD: &str = "Xk3vQ9zT7mL2";

/// The time now, and some seconds ago.
fn ago(seconds: i64) -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds)).to_string()
}

/// A line as it should be.
fn line(message: &str) -> String {
    json!({"timestamp": ago(1), "level": "info", "message": message, "request_id": "r1", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}).to_string()
}

/// Audits with one check of the kind `logs`.
fn look(block: &str) -> Run {
    let profile = format!(
        "version: 1\nname: t\nchecks:\n  - id: l\n    timeout: 20s\n    retry: {{ attempts: 1 }}\n    logs: {{ {block} }}\n"
    );
    let run = audit_command(&profile).run();
    assert!(
        !format!("{run}").contains(PASSWORD),
        "a secret is shown\n{run}"
    );
    run
}

/// A log file in a folder of its own.
struct LogFile(tempfile::TempDir);

impl LogFile {
    fn new(text: &str) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        file.write(text);
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("app.log")
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
        fs::set_permissions(self.path(), fs::Permissions::from_mode(0o640)).unwrap();
    }

    fn look(&self, expect: &str) -> Run {
        look(&format!(
            "file: {{ path: {} }}, expect: {{ {expect} }}",
            self.path().display()
        ))
    }
}

/// Everything that can be expected of lines.
const ALL: &str = "structured: 100, fields: [request_id, trace_id], timestamps: true, min_level: info, max_age: 1h, max_errors: 10, forbid: [development server], secrets: true, personal: true, no_injection: true, max_line: 4KiB, private: true";

/// Red with this line, green without it.
#[track_caller]
fn red_with(bad: &str, expect: &str, code: &str) {
    let file = LogFile::new(&format!("{}\n", line("ok")));
    assert_green(&file.look(ALL));
    file.write(&format!("{}\n{bad}\n", line("ok")));
    assert_red(&file.look(expect), "l", code);
}

#[test]
fn log_01_lines_without_structure() {
    red_with("INFO: started", "structured: 100", "LOG-01");
}

#[test]
fn log_02_missing_fields() {
    red_with(
        &json!({"timestamp": ago(1), "level": "info", "message": "x"}).to_string(),
        "fields: [request_id]",
        "LOG-02",
    );
}

#[test]
fn log_03_times() {
    for bad in ["2026-01-31 10:00:00", "tomorrow", &ago(-7200), &ago(7200)] {
        red_with(
            &line("x")
                .replace(&ago(1)[..19], &bad[..bad.len().min(19)])
                .replace(&ago(1), bad),
            "timestamps: true",
            "LOG-03",
        );
    }
}

#[test]
fn log_04_debug_output() {
    red_with(
        &line("x").replace("\"info\"", "\"debug\""),
        "min_level: info",
        "LOG-04",
    );
}

#[test]
fn log_05_errors() {
    red_with(
        &line("x").replace("\"info\"", "\"error\""),
        "max_errors: 10",
        "LOG-05",
    );
}

#[test]
fn log_06_silence() {
    let file = LogFile::new(&line("ok"));
    assert_green(&file.look("max_age: 1h"));
    file.write(&json!({"timestamp": ago(7200), "level": "info"}).to_string());
    assert_red(&file.look("max_age: 1h"), "l", "LOG-06");
    file.write("");
    assert_red(&file.look("max_age: 1h"), "l", "LOG-06");
}

#[test]
fn log_07_secrets() {
    let token = format!("gh{}{}", "p_", "q7Rk2mXv9TzL4wYb8NpJ5sHd3FgC6uEa1QxZ");
    for bad in [
        line(&format!("using {token}")),
        line(&format!("connecting to postgres://app:{PASSWORD}@db/x")),
        format!("login password={PASSWORD}"),
        line("authorization: Bearer q7Rk2mXv9TzL4wYb8NpJ5sHd"),
        "GET /cb?access_token=q7Rk2mXv9TzL4wYb8NpJ5sHd HTTP/1.1".to_owned(),
    ] {
        red_with(&bad, "secrets: true", "LOG-07");
    }
}

#[test]
fn log_08_secrets_of_this_audit() {
    let file = LogFile::new(&line("ok"));
    let profile = format!(
        "version: 1\nname: t\ninputs:\n  key: {{ secret: true, from: env:KEY, required: true }}\nchecks:\n  - id: l\n    logs: {{ file: {{ path: {} }}, expect: {{ canaries: [\"${{key}}\"] }} }}\n",
        file.path().display()
    );
    let run = |profile: &str| audit_command(profile).env("KEY", PASSWORD).run();
    assert_green(&run(&profile));
    file.write(&line(&format!("starting with {PASSWORD}")));
    let red = run(&profile);
    assert_red(&red, "l", "LOG-08");
    assert!(!format!("{red}").contains(PASSWORD), "{red}");
    // What another check was given counts as well.
    assert_red(
        &run(&profile.replace(
            "canaries: [\"${key}\"]",
            "secrets: true, require: [\"start|${key}\"]",
        )),
        "l",
        "LOG-08",
    );
}

#[test]
fn log_10_injection() {
    red_with("user \u{1b}[2Kforged", "no_injection: true", "LOG-10");
    red_with("user\rforged", "no_injection: true", "LOG-10");
}

#[test]
fn log_11_world_readable() {
    let file = LogFile::new(&line("ok"));
    assert_green(&file.look("private: true"));
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
    assert_red(&file.look("private: true"), "l", "LOG-11");
}

#[test]
fn log_12_a_request_is_found_by_its_id() {
    let file = LogFile::new(&format!("{}\n", line("ok")));
    let origin = Origin::start();
    let log = |path: &Path, text: &str| {
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        writeln!(file, "{text}").unwrap();
    };
    let path = file.path();
    origin.route("/ready", move |request| {
        log(
            &path,
            &json!({"request_id": request.header("x-request-id"), "level": "info"}).to_string(),
        );
        Response::text(200, "ok")
    });
    origin.route("/silent", |_| Response::text(200, "ok"));
    let block = |route: &str, wait: &str| {
        format!(
            "file: {{ path: {} }}, probe: {{ url: \"{}\", wait: {wait} }}",
            file.path().display(),
            origin.url(route)
        )
    };
    assert_green(&look(&block("/ready", "5s")));
    assert_red(&look(&block("/silent", "1s")), "l", "LOG-12");
    assert_eq!(origin.hits("/silent"), 1);
    // By the trace alone.
    let path = file.path();
    origin.route("/traced", move |request| {
        let parent = request.header("traceparent").unwrap().to_owned();
        log(
            &path,
            &json!({"trace_id": parent.split('-').nth(1)}).to_string(),
        );
        Response::text(200, "ok")
    });
    assert_green(&look(&block("/traced", "5s")));
}

#[test]
fn log_13_long_lines() {
    red_with(&line(&"x".repeat(5000)), "max_line: 4KiB", "LOG-13");
}

#[test]
fn log_51_warnings_at_the_start() {
    red_with(
        "WARNING: This is a development server.",
        "forbid: [development server]",
        "LOG-51",
    );
}

#[test]
fn log_52_an_audit_trail() {
    let file = LogFile::new(&line("auth.failed"));
    assert_green(&file.look("require: ['auth\\.failed']"));
    file.write(&line("started"));
    assert_red(&file.look("require: ['auth\\.failed']"), "l", "LOG-52");
}

#[test]
fn log_53_personal_data() {
    red_with(
        &line("sent to ada.l@mail.acme.io"),
        "personal: true",
        "LOG-53",
    );
    red_with(
        &line("card 4539 1488 0343 6467"),
        "personal: true",
        "LOG-53",
    );
}

#[test]
fn log_54_what_cannot_be_read_is_an_error() {
    let file = LogFile::new("");
    assert_red(&file.look("secrets: true"), "l", "LOG-54");
    for path in ["/nowhere/app.log", "/dev/null", "/"] {
        let run = look(&format!(
            "file: {{ path: {path} }}, expect: {{ secrets: true }}"
        ));
        assert_eq!(run.verdict("l"), "error", "{run}");
        assert_eq!(run.check("l")["fault"]["code"], "LOG-54", "{run}");
    }
    let run = look("command: { argv: [sh, -c, 'echo x; exit 3'] }, expect: { secrets: true }");
    assert_eq!(run.check("l")["fault"]["code"], "LOG-54", "{run}");
}

#[test]
fn logs_the_end_of_a_file_and_its_rotated_neighbours() {
    let file = LogFile::new(&format!("{}\n{}\n", "plain ".repeat(2000), line("ok")));
    let block = |more: &str| {
        format!(
            "file: {{ path: {}{more} }}, max_bytes: 4KiB, expect: {{ structured: 100 }}",
            file.path().display()
        )
    };
    let run = look(&block(""));
    assert_green(&run);
    assert!(run.stdout.contains("the end of a longer log"), "{run}");
    file.write(&format!("{}\n", line("ok")));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"plain\n").unwrap();
    let packed = gzip.finish().unwrap();
    fs::write(file.path().with_extension("log.1.gz"), &packed).unwrap();
    assert_green(&look(&block("")));
    assert_red(&look(&block(", rotated: 3")), "l", "LOG-01");
    fs::write(
        file.path().with_extension("log.1.gz"),
        &packed[..packed.len() - 9],
    )
    .unwrap();
    let run = look(&block(", rotated: 3"));
    assert_eq!(run.verdict("l"), "error", "{run}");
}

#[test]
fn logs_of_a_program() {
    let good = line("ok").replace('"', "\\\"");
    let command = |text: &str| {
        format!(
            "command: {{ argv: [printf, '%s\\n', \"{text}\"] }}, expect: {{ structured: 100, fields: [request_id] }}"
        )
    };
    assert_green(&look(&command(&good)));
    assert_red(&look(&command("started")), "l", "LOG-01");
}

#[test]
fn logs_of_loki() {
    let origin = Origin::start();
    let answer = |lines: Vec<String>| {
        let now = jiff::Timestamp::now().as_nanosecond();
        let values: Vec<_> = lines
            .iter()
            .map(|line| json!([now.to_string(), line]))
            .collect();
        json!({"status": "success", "data": {"resultType": "streams", "result": [{"stream": {"app": "api"}, "values": values}], "stats": {}}})
    };
    let block = format!(
        "loki: {{ url: \"{}\", query: '{{app=\"api\"}}', headers: {{ X-Scope-OrgID: tenant }} }}, expect: {{ structured: 100, max_age: 5m }}",
        origin.url("")
    );
    origin.route("/loki/api/v1/query_range", move |request| {
        assert!(
            request.query.contains("direction=backward") && request.query.contains("limit=1000")
        );
        assert_eq!(request.header("x-scope-orgid"), Some("tenant"));
        Response::json(200, answer(vec![line("ok")]))
    });
    assert_green(&look(&block));
    origin.route("/loki/api/v1/query_range", move |_| {
        Response::json(200, answer(vec![line("ok"), "plain".to_owned()]))
    });
    assert_red(&look(&block), "l", "LOG-01");
    // Nothing logged: silence, not health.
    origin.route("/loki/api/v1/query_range", move |_| {
        Response::json(200, answer(Vec::new()))
    });
    assert_red(&look(&block), "l", "LOG-06");
    for wrong in [
        json!({"status": "success", "data": {"resultType": "matrix", "result": []}}).to_string(),
        "<html>login</html>".to_owned(),
    ] {
        origin.route("/loki/api/v1/query_range", move |_| {
            Response::text(200, &wrong)
        });
        assert_eq!(look(&block).verdict("l"), "error");
    }
    origin.route("/loki/api/v1/query_range", |_| {
        Response::text(401, "no org id")
    });
    let run = look(&block);
    assert_eq!(run.check("l")["fault"]["cause"], "auth", "{run}");
}

#[test]
fn logs_of_an_address() {
    let origin = Origin::start();
    let block = format!(
        "http: {{ url: \"{}\" }}, expect: {{ structured: 100 }}",
        origin.url("/logs")
    );
    origin.route("/logs", |_| Response::text(200, &line("ok")));
    assert_green(&look(&block));
    origin.route("/logs", |_| Response::text(200, "plain"));
    assert_red(&look(&block), "l", "LOG-01");
    origin.route("/logs", |_| {
        Response::status(200)
            .header("content-type", "text/html")
            .body("<html>login</html>")
    });
    assert_eq!(look(&block).verdict("l"), "error");
}

#[test]
fn pack_logs() {
    let file = LogFile::new(&format!("{}\n", line("ok")));
    let audit = || {
        let profile = format!(
            "version: 1\nname: t\npacks:\n  - use: logs\n    with: {{ file: {}, fields: [request_id] }}\n",
            file.path().display()
        );
        audit_command(&profile).args(["--fail-on", "info"]).run()
    };
    assert_green(&audit());
    file.write(&format!(
        "{}\nDEBUG password={PASSWORD}\nWARNING: This is a development server.\n",
        line("ok")
    ));
    let run = audit();
    for (check, code) in [
        ("logs-structured", "LOG-01"),
        ("logs-level", "LOG-04"),
        ("logs-no-secrets", "LOG-07"),
        ("logs-no-warnings", "LOG-51"),
    ] {
        assert!(
            run.codes(check).contains(&code.to_owned()),
            "{check}\n{run}"
        );
    }
}
