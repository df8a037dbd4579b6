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
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long the slow server takes to answer.
const DELAY: Duration = Duration::from_secs(1);
/// How many checks ask it.
const CHECKS: usize = 100;
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
    std::fs::remove_dir_all(&folder).unwrap();
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
