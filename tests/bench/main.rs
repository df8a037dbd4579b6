//! How fast readyctl starts and audits, as ratios to a floor measured in the same run.
//!
//! `cargo bench --profile dist` prints the table for the binary that packages ship; nothing here can fail a build, because machines are noisy.
//! Floors: starting `true` for start-up, the server's own delay for audits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark is a program of its own, run by people"
)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long the slow server takes to answer.
const DELAY: Duration = Duration::from_secs(1);
/// How many checks ask it.
const CHECKS: usize = 100;
/// How many files the repository has; about 100 MB.
const FILES: usize = 50_000;
/// Runs of a start-up measurement.
const RUNS: usize = 60;

fn main() {
    let program = env!("CARGO_BIN_EXE_readyctl");
    println!(
        "{:<44} {:>10} {:>10} {:>8}",
        "what", "readyctl", "floor", "ratio"
    );
    let floor = median(|| run("true", &[], &[]));
    row(
        "--version, floor: starting `true`",
        median(|| run(program, &["--version"], &[])),
        floor,
    );
    row(
        "lint prod, floor: starting `true`",
        median(|| run(program, &["lint", "prod"], &[])),
        floor,
    );
    row(
        "schema, floor: starting `true`",
        median(|| run(program, &["schema"], &[])),
        floor,
    );

    let port = slow_server();
    let folder = std::env::temp_dir().join(format!("readyctl-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let profile = folder.join("slow.yaml");
    std::fs::write(&profile, slow_profile(port)).unwrap();
    let path = profile.display().to_string();
    let audit = [
        "audit",
        "--profile",
        &path,
        "--format",
        "json",
        "--no-progress",
    ];
    let wide: Vec<&str> = audit
        .iter()
        .copied()
        .chain(["--concurrency", "100", "--per-host", "100"])
        .collect();
    let once = run(program, &wide, &[]);
    row(
        &format!("{CHECKS} checks of a 1 s server, floor: 1 s"),
        once,
        DELAY,
    );
    repository(program, &folder);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A repository of [`FILES`] files, judged by the kinds that read repositories. The floor is a search
/// of the same files by git itself.
fn repository(program: &str, folder: &Path) {
    let tree = folder.join("tree");
    for index in 0..FILES {
        let place = tree.join(format!("src/{}", index % 500));
        std::fs::create_dir_all(&place).unwrap();
        let text =
            format!("def handler_{index}(request):\n    return answer(request.path, os.environ[\"SETTING\"])\n").repeat(30);
        std::fs::write(place.join(format!("module_{index}.py")), text).unwrap();
    }
    let shown = tree.display().to_string();
    let git = |arguments: &[&str]| {
        let mut all = vec![
            "-C",
            &shown,
            "-c",
            "user.name=bench",
            "-c",
            "user.email=b@bench.invalid",
        ];
        all.extend(arguments);
        run("git", &all, &[])
    };
    for step in [
        &["init", "--quiet"][..],
        &["add", "--all"],
        &["commit", "--quiet", "--message", "all"],
    ] {
        git(step);
    }
    let floor = git(&["grep", "--quiet", "nothing-like-this"]);
    let kinds = [
        ("git: secrets", "git: { path: TREE, secrets: {} }"),
        (
            "file: names and text",
            "file: { root: TREE, files: [{ path: \"**/*.py\", not_contains: [\"BEGIN PRIVATE KEY\"] }] }",
        ),
        (
            "file: variables",
            "file: { root: TREE, variables: { sources: [\"**/*.py\"], documented_in: [README.md] } }",
        ),
    ];
    std::fs::write(tree.join("README.md"), "`SETTING`\n").unwrap();
    for (what, block) in kinds {
        let profile = folder.join("repository.yaml");
        let block = block.replace("TREE", &format!("\"{shown}\""));
        std::fs::write(
            &profile,
            format!("version: 1\nname: repository\nchecks:\n  - id: one\n    timeout: 60s\n    {block}\n"),
        )
        .unwrap();
        let path = profile.display().to_string();
        let arguments = [
            "audit",
            "--profile",
            &path,
            "--no-progress",
            "--allow",
            "command",
        ];
        row(
            &format!("{what}, {FILES} files, floor: git grep"),
            run(program, &arguments, &[]),
            floor,
        );
    }
}

/// One line of the table.
fn row(what: &str, measured: Duration, floor: Duration) {
    let ratio = measured.as_secs_f64() / floor.as_secs_f64();
    println!(
        "{what:<44} {:>8.1}ms {:>8.1}ms {ratio:>7.2}x",
        measured.as_secs_f64() * 1e3,
        floor.as_secs_f64() * 1e3
    );
}

/// The median of [`RUNS`] measurements.
fn median(mut measure: impl FnMut() -> Duration) -> Duration {
    let mut all: Vec<Duration> = (0..RUNS).map(|_| measure()).collect();
    all.sort();
    all[all.len() / 2]
}

/// Wall time of one run.
fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Duration {
    let begun = Instant::now();
    Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    begun.elapsed()
}

/// A server that answers every request after [`DELAY`], each connection in a thread.
fn slow_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    port
}

/// Reads one request, waits, answers, closes.
fn answer(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    if stream.read(&mut buffer).unwrap_or(0) == 0 {
        return;
    }
    std::thread::sleep(DELAY);
    let _gone =
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
}

/// A profile of [`CHECKS`] checks of the server.
fn slow_profile(port: u16) -> String {
    let mut text = "version: 1\nname: slow\nchecks:\n".to_owned();
    for index in 0..CHECKS {
        writeln!(text, "  - id: slow-{index}\n    http: {{ url: \"http://127.0.0.1:{port}/{index}\", expect: {{ status: 200 }} }}").unwrap();
    }
    text
}
