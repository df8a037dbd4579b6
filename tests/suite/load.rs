//! The kind `load`: servers that answer in exactly known times, and ones that hide it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::cli::{Readyctl, Run, audit, audit_command};
use crate::support::dead::ClosedPort;
use crate::support::nginx::Nginx;
use crate::support::origin::{Origin, Response};
use crate::support::process::wait_for;
use crate::support::verdicts::{assert_green, assert_red};

/// A time that a server at ease keeps, also on a busy machine.
const BOUND: &str = "400ms";
/// A time clearly above it.
const SLOW: Duration = Duration::from_millis(700);

/// One check of the kind, at a hundred requests a second unless `more` says something else.
fn profile(url: &str, more: &str) -> String {
    let more: String = more
        .lines()
        .map(|line| format!("      {}\n", line.trim_start()))
        .collect();
    let said = |field: &str| {
        more.lines()
            .any(|line| line.trim_start().starts_with(field))
    };
    let rate = if said("rate:") || said("concurrency:") {
        ""
    } else {
        "      rate: 100\n"
    };
    format!(
        "version: 1\nname: test\nchecks:\n  - id: load\n    timeout: 40s\n    load:\n      url: {url}\n      allow_load: true\n{rate}{more}"
    )
}

fn check(url: &str, more: &str) -> Run {
    audit(&profile(url, more))
}

/// A server whose answers know their number, from 0.
fn server(respond: impl Fn(usize) -> Response + Send + Sync + 'static) -> Origin {
    let origin = Origin::start();
    let count = AtomicUsize::new(0);
    origin.fallback(move |_| respond(count.fetch_add(1, Ordering::SeqCst)));
    origin
}

fn ok() -> Response {
    Response::json(200, "{}")
}

/// A server that is at ease.
fn good() -> Origin {
    server(|_| ok())
}

/// Green against the good server, red with `code` against the other.
#[track_caller]
fn red(code: &str, more: &str, bad: &Origin) -> Run {
    assert_green(&check(&good().url("/"), more));
    let run = check(&bad.url("/"), more);
    assert_red(&run, "load", code);
    run
}

/// A number of the facts.
fn number(run: &Run, pointer: &str) -> f64 {
    let facts = &run.check("load")["facts"];
    facts
        .pointer(pointer)
        .and_then(serde_json::Value::as_f64)
        .unwrap_or_else(|| panic!("no {pointer}\n{run}"))
}

#[test]
fn lat_01_percentiles_are_the_servers_own_delays() {
    // Of each hundred: 90 take 50 ms, 7 take 250 ms, 3 take 600 ms.
    let origin = server(|n| {
        let ms = match n % 100 {
            0..90 => 50,
            90..97 => 250,
            _ => 600,
        };
        ok().delay(Duration::from_millis(ms))
    });
    let run = check(
        &origin.url("/"),
        "warm_up: 1\nsamples: 300\nexpect: { p99: 10s }",
    );
    assert_green(&run);
    for (name, ms) in [("p50_ms", 50.0), ("p95_ms", 250.0), ("p99_ms", 600.0)] {
        let seen = number(&run, &format!("/entries/0/counted/{name}"));
        assert!(
            (ms..ms * 1.1 + 25.0).contains(&seen),
            "{name} {seen} is not {ms}\n{run}"
        );
    }
}

#[test]
fn lat_01_above_the_objective() {
    let slow = server(|_| ok().delay(SLOW));
    red("LAT-01", &format!("expect: {{ p95: {BOUND} }}"), &slow);
    // One in ten is enough for p95 and too little for the median.
    let tenth = server(|n| ok().delay(if n % 10 == 9 { SLOW } else { Duration::ZERO }));
    red("LAT-01", &format!("expect: {{ p95: {BOUND} }}"), &tenth);
    assert_green(&check(
        &tenth.url("/"),
        &format!("expect: {{ p50: {BOUND} }}"),
    ));
    red(
        "LAT-01",
        &format!("expect: {{ within: {{ {BOUND}: 95% }} }}"),
        &tenth,
    );
    red("LAT-01", &format!("expect: {{ max: {BOUND} }}"), &tenth);
}

#[test]
fn lat_02_errors_above_the_budget() {
    let some = server(|n| {
        if n % 10 == 9 {
            Response::status(500)
        } else {
            ok()
        }
    });
    let run = red("LAT-02", "expect: { p95: 10s }", &some);
    assert!(run.stdout.contains("status 500 ×6"), "{run}");
    red("LAT-02", "expect: { max_error_rate: 5% }", &some);
    red("LAT-02", "expect: { min_success_rate: 99.95% }", &some);
    assert_green(&check(&some.url("/"), "expect: { max_error_rate: 15% }"));
    let broken = server(|n| if n % 10 == 9 { Response::close() } else { ok() });
    red("LAT-02", "", &broken);
    let moved = server(|_| Response::redirect(302, "/login"));
    red("LAT-02", "", &moved);
}

#[test]
fn lat_02_too_many_errors_end_the_run() {
    let dead = server(|_| Response::status(500));
    let run = red("LAT-02", "samples: 500\nexpect: { p50: 10s }", &dead);
    assert!(dead.hits("/") < 100, "{} requests", dead.hits("/"));
    assert!(run.stdout.contains("stopped after"), "{run}");
}

#[test]
fn lat_03_fast_errors_hide_slow_successes() {
    let hiding = server(|n| match n % 5 {
        0..3 => Response::status(503),
        _ => ok().delay(SLOW),
    });
    let rules = format!("expect: {{ p50: {BOUND}, max_error_rate: 90% }}");
    red("LAT-03", &rules, &hiding);
}

#[test]
fn lat_04_timeouts_count() {
    let hanging = server(|n| if n % 10 == 9 { Response::never() } else { ok() });
    let rules = format!("request_timeout: 600ms\nexpect: {{ p95: {BOUND}, max_error_rate: 15% }}");
    red("LAT-04", &rules, &hanging);
    // As errors they count too.
    red("LAT-02", "request_timeout: 600ms", &hanging);
}

#[test]
fn lat_05_one_slow_backend() {
    let (fast, other, slow) = (good(), good(), server(|_| ok().delay(SLOW)));
    let balanced = |second: &Origin| {
        Nginx::builder()
            .http(&format!(
                "upstream both {{ server 127.0.0.1:{}; server 127.0.0.1:{}; }}",
                fast.port(),
                second.port()
            ))
            .proxy("http://both", "")
            .start()
    };
    let rules = "expect: { unimodal: true }";
    assert_green(&check(&balanced(&other).url("/"), rules));
    assert_red(&check(&balanced(&slow).url("/"), rules), "load", "LAT-05");
}

#[test]
fn lat_06_cold_start() {
    let cold = server(|n| ok().delay(if n == 0 { SLOW } else { Duration::ZERO }));
    red(
        "LAT-06",
        &format!("expect: {{ p95: 10s, max_cold: {BOUND} }}"),
        &cold,
    );
}

#[test]
fn lat_07_a_stall_that_waiting_clients_do_not_notice() {
    let stall = || server(|n| ok().delay(Duration::from_millis(if n == 60 { 1000 } else { 0 })));
    let (stalled, same) = (stall(), stall());
    let rules = "samples: 200\nconcurrency: 1\nrate: 50\nexpect: { p95: 200ms }";
    red("LAT-07", rules, &stalled);
    // The client that waits for each answer sees one slow request of 200.
    let closed = "samples: 200\nconcurrency: 1\nexpect: { p95: 200ms }";
    assert_green(&check(&same.url("/"), closed));
}

#[test]
fn lat_08_quick_headers_and_a_slow_body() {
    let dripping = server(|_| Response::text(200, "0123456789").dripping(1, SLOW / 10));
    red("LAT-08", &format!("expect: {{ p95: {BOUND} }}"), &dripping);
}

#[test]
fn lat_09_requests_that_wait_for_each_other() {
    let one_worker = Origin::start();
    let worker = Mutex::new(());
    one_worker.fallback(move |_| {
        let _busy = worker.lock().unwrap();
        thread::sleep(Duration::from_millis(30));
        ok()
    });
    let workers = server(|_| ok().delay(Duration::from_millis(30)));
    let rules = "concurrency: 8\nexpect: { max_slowdown: 4 }";
    assert_green(&check(&workers.url("/"), rules));
    assert_red(&check(&one_worker.url("/"), rules), "load", "LAT-09");
}

#[test]
fn lat_10_too_few_requests_to_say_so() {
    let origin = good();
    for (samples, rule) in [
        (58, "p95: 10s"),
        (298, "p99: 10s"),
        (60, "within: { 10s: 99.9% }"),
    ] {
        let run = check(
            &origin.url("/"),
            &format!("samples: {samples}\nexpect: {{ {rule} }}"),
        );
        assert_red(&run, "load", "LAT-10");
        assert_eq!(run.verdict("load"), "error", "{run}");
    }
    assert_green(&check(
        &origin.url("/"),
        "samples: 59\nexpect: { p95: 10s }",
    ));
}

#[test]
fn lat_11_requests_that_could_not_be_sent_in_time() {
    let origin = server(|_| ok().delay(Duration::from_millis(200)));
    let rules = |n| format!("samples: 20\nrate: 20\nconcurrency: {n}\nexpect: {{ p50: {BOUND} }}");
    assert_green(&check(&origin.url("/"), &rules(20)));
    let run = check(&origin.url("/"), &rules(1));
    assert_red(&run, "load", "LAT-11");
    assert_eq!(run.verdict("load"), "error", "{run}");
}

#[test]
fn lat_12_a_rate_limit_ends_the_run() {
    let limited = server(|n| {
        if n < 20 {
            ok()
        } else {
            Response::status(429).header("Retry-After", "7")
        }
    });
    let run = red(
        "LAT-12",
        "samples: 300\nexpect: { max_error_rate: 90% }",
        &limited,
    );
    assert_eq!(run.verdict("load"), "error", "{run}");
    assert!(run.stdout.contains("Retry-After: 7"), "{run}");
    assert!(limited.hits("/") < 60, "{} requests", limited.hits("/"));
    let guarded = server(|_| Response::status(403).header("cf-mitigated", "challenge"));
    red("LAT-12", "", &guarded);
}

#[test]
fn lat_13_a_cache_answered() {
    let cached = server(|_| ok().header("Age", "30"));
    red("LAT-13", "cached: refused", &cached);
    let run = check(&cached.url("/"), "");
    assert_eq!(run.verdict("load"), "warn", "{run}");
    assert_green(&check(&cached.url("/"), "cached: allowed"));
}

#[test]
fn lat_14_slower_than_the_baseline() {
    let (before, after) = (good(), server(|_| ok().delay(SLOW / 2)));
    let first = audit_command(&profile(&before.url("/"), ""))
        .args(["--report", "json=base.json"])
        .run();
    assert_green(&first);
    let base = first.read("base.json");
    let compare = |origin: &Origin, base: &str| {
        audit_command(&profile(
            &origin.url("/"),
            "baseline: { report: base.json, tolerance: 90% }",
        ))
        .file("base.json", base)
        .run()
    };
    // A busy machine is slower from one run to the next too; that much is not.
    assert_red(&compare(&after, &base), "load", "LAT-14");
    let slow_base = audit_command(&profile(&after.url("/"), ""))
        .args(["--report", "json=base.json"])
        .run()
        .read("base.json");
    assert_green(&compare(&after, &slow_base));
    let hits = after.hits("/");
    for unusable in ["{}", "no JSON", &base.replace("\"complete\"", "\"time\"")] {
        let run = compare(&after, unusable);
        assert_eq!(run.verdict("load"), "error", "{run}");
    }
    let missing = check(&after.url("/"), "baseline: { report: none.json }");
    assert_eq!(
        missing.check("load")["fault"]["cause"],
        "missing",
        "{missing}"
    );
    assert_eq!(
        after.hits("/"),
        hits,
        "nothing is sent when there is nothing to compare with"
    );
}

#[test]
fn lat_16_answers_that_are_too_large() {
    let large = server(|n| Response::text(200, &"x".repeat(if n == 40 { 5000 } else { 10 })));
    red("LAT-16", "expect: { max_size: 1KiB }", &large);
}

/// A service with metrics, whose memory grows with each request.
fn leaking(each: usize, crash: bool) -> Origin {
    let origin = good();
    let read = AtomicUsize::new(0);
    let served = std::sync::Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    origin.route("/", move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        ok()
    });
    origin.route("/metrics", move |_| {
        let bytes = 10_000_000 + served.load(Ordering::SeqCst) * each;
        let started = 1_700_000_000 + if crash { read.fetch_add(1, Ordering::SeqCst) * 60 } else { 0 };
        Response::text(200, &format!("# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {bytes}\nprocess_start_time_seconds {started}\n"))
    });
    origin
}

#[test]
fn lat_51_memory_grows_under_load() {
    let rules = "memory: { url: /metrics, max_growth: 20%, settle: 0s }";
    assert_green(&check(&leaking(10, false).url("/"), rules));
    assert_red(
        &check(&leaking(100_000, false).url("/"), rules),
        "load",
        "LAT-51",
    );
    let absolute = "memory: { url: /metrics, max_growth: 1MiB, settle: 0s }";
    assert_red(
        &check(&leaking(100_000, false).url("/"), absolute),
        "load",
        "LAT-51",
    );
    // Without a number nothing is known, and nothing but the warm-up is sent.
    let silent = good();
    silent.route("/metrics", |_| Response::text(200, "up 1\n"));
    let run = check(&silent.url("/"), rules);
    assert_eq!(run.check("load")["fault"]["cause"], "missing", "{run}");
    assert_eq!(silent.hits("/"), 3);
}

#[test]
fn lat_52_restarted_under_load() {
    let rules = "memory: { url: /metrics, max_growth: 20%, settle: 0s }";
    assert_green(&check(&leaking(0, false).url("/"), rules));
    assert_red(&check(&leaking(0, true).url("/"), rules), "load", "LAT-52");
}

#[test]
fn lat_53_a_roll_out_that_interrupts() {
    let origin = good();
    let nginx = Nginx::builder().proxy(&origin.url(""), "").start();
    let rules =
        |most: &str| format!("connections: new\nrate: 50\nduration: 4s\nmax_outage: {most}");
    assert_green(&check(&nginx.url("/"), &rules("0s")));
    let before = nginx.accesses().len();
    let interrupted = AtomicBool::new(false);
    let run = |most: &str| {
        thread::scope(|scope| {
            scope.spawn(|| {
                let seen = nginx.accesses().len();
                wait_for("the run to begin", Duration::from_secs(30), || {
                    (nginx.accesses().len() > seen + 20).then_some(())
                });
                nginx.server().stop();
                // The length of the outage.
                thread::sleep(Duration::from_millis(500));
                nginx.server().restart();
                interrupted.store(true, Ordering::SeqCst);
            });
            check(&nginx.url("/"), &rules(most))
        })
    };
    let red = run("200ms");
    assert!(interrupted.load(Ordering::SeqCst) && nginx.accesses().len() > before);
    assert_red(&red, "load", "LAT-53");
    let longest = number(&red, "/outage/longest_ms");
    assert!(longest >= 450.0, "{longest}\n{red}");
    assert_green(&run("10s"));
    let none = run("0s");
    assert_red(&none, "load", "LAT-02");
    assert!(none.codes("load").contains(&"LAT-53".to_owned()), "{none}");
}

#[test]
fn lat_54_less_throughput_than_the_target() {
    let slow = server(|_| ok().delay(SLOW));
    let rules = "concurrency: 2\nsamples: 10\nmin_throughput: 10";
    red("LAT-54", rules, &slow);
}

#[test]
fn load_each_of_several_requests_is_judged_by_itself() {
    let origin = good();
    origin.route("/search", |_| ok().delay(SLOW));
    let run = check(
        &origin.url("/"),
        "rate: 100\nrequests:\n  - { url: /health, expect: { p95: 400ms } }\n  - { name: search, url: \"/search?q=a\", expect: { p50: 400ms } }",
    );
    assert_red(&run, "load", "LAT-01");
    let findings = run.check("load")["findings"].to_string();
    assert!(findings.contains("p50 of search"), "{run}");
    assert_eq!(run.codes("load").len(), 1, "{run}");
    assert_eq!((origin.hits("/health"), origin.hits("/search")), (63, 63));
}

#[test]
fn load_what_does_not_answer_is_an_error() {
    let closed = ClosedPort::new();
    let run = check(&format!("http://127.0.0.1:{}/", closed.port()), "");
    assert_eq!(run.check("load")["fault"]["cause"], "refused", "{run}");
    run.assert_exit(3);
}

#[test]
fn load_nothing_is_sent_without_permission_time_or_need() {
    let origin = good();
    origin.may_be_unused();
    let yaml = profile(&origin.url("/?key=canary"), "samples: 50");
    let run = Readyctl::new()
        .args(["audit", "--format", "json", "--no-progress"])
        .profile(&yaml)
        .run();
    assert_eq!(run.check("load")["fault"]["cause"], "not_allowed", "{run}");
    let run = audit_command(&yaml).args(["--dry-run"]).run();
    run.assert_exit(0);
    assert!(!run.stdout.contains("canary"), "{run}");
    let short = yaml.replace("timeout: 40s", "timeout: 400ms");
    let run = audit(&short);
    assert_eq!(run.verdict("load"), "error", "{run}");
    assert!(run.stdout.contains("nothing was sent"), "{run}");
    assert_eq!(origin.hits("/"), 0);
    // A profile that asks for much without saying so does not load.
    let much = yaml.replace("allow_load: true", "allow_load: false");
    audit(&much).assert_exit(2);
}

#[test]
fn load_pack_latency() {
    let origin = leaking(10, false);
    origin.route("/api", |request| {
        if request.header("authorization") == Some("Bearer canary0123456789") {
            ok()
        } else {
            Response::status(401)
        }
    });
    let pack = |more: &str| {
        audit_command(&format!(
            "version: 1\nname: test\ninputs:\n  token: {{ type: string, secret: true, from: env:TOKEN }}\npacks:\n  - use: latency\n    with: {{ base_url: \"{}\", health: /, health_within: {BOUND}, api: /api, api_within: {BOUND}, rollout: 1s, authorization: \"${{token}}\" }}\n{more}",
            origin.url("")
        ))
    };
    let run = pack("").env("TOKEN", "Bearer canary0123456789").run();
    let checks = run.checks();
    let skipped = checks
        .iter()
        .filter(|check| check["verdict"] == "skip")
        .count();
    assert_eq!((checks.len(), skipped), (5, 2), "{run}");
    run.assert_exit(0);
    assert!(!run.stdout.contains("canary"), "{run}");
    let run = pack("").env("TOKEN", "Bearer wrong").run();
    assert_eq!(run.codes("latency-api"), ["LAT-02", "LAT-02"], "{run}");
}
