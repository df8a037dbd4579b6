//! What the engine promises: limits, order, retries, deadlines, and an answer whatever happens.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::cli::{Readyctl, Run};
use super::support::dead::{ClosedPort, SilentPort};
use super::support::origin::{Origin, Response};
use super::support::process::wait_for;
use super::support::verdicts::assert_green;

const PAUSE: Duration = Duration::from_millis(120);

/// How many requests an origin answers at once, at most.
#[derive(Clone, Default)]
struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    fn answer(&self) -> Response {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
        thread::sleep(PAUSE);
        self.0.0.fetch_sub(1, Ordering::SeqCst);
        Response::text(200, "ok")
    }

    fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// An origin that takes its time and counts.
fn slow_origin() -> (Origin, Gauge) {
    let gauge = Gauge::default();
    let origin = Origin::start();
    origin.fallback({
        let gauge = gauge.clone();
        move |_| gauge.answer()
    });
    (origin, gauge)
}

/// One check of a URL.
fn http(id: &str, url: &str, more: &str) -> String {
    format!("  - id: {id}\n{more}    http: {{ url: \"{url}\", expect: {{ status: 200 }} }}\n")
}

/// So many checks of one origin.
fn checks(count: usize, origin: &Origin) -> String {
    (0..count).fold("version: 1\nchecks:\n".to_owned(), |all, n| {
        all + &http(&format!("c{n}"), &origin.url(&format!("/{n}")), "")
    })
}

fn audit(profile: &str, arguments: &[&str]) -> Run {
    Readyctl::new()
        .args(["audit", "--format", "json"])
        .profile(profile)
        .args(arguments)
        .run()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn concurrency_limits_all_checks() {
    let (one, gauge_one) = slow_origin();
    let (two, gauge_two) = slow_origin();
    let profile = checks(4, &one)
        + &(4..8)
            .map(|n| http(&format!("c{n}"), &two.url("/"), ""))
            .collect::<String>();
    let run = audit(&profile, &["--concurrency", "2"]);
    assert_green(&run);
    assert!(gauge_one.most() <= 2 && gauge_two.most() <= 2);
    assert!(
        run.duration >= PAUSE * 4,
        "eight checks, two at a time\n{run}"
    );
}

#[test]
fn per_host_limits_the_checks_of_one_host() {
    let (one, gauge) = slow_origin();
    let run = audit(&checks(6, &one), &["--per-host", "3"]);
    assert_green(&run);
    assert_eq!(gauge.most(), 3, "{run}");
}

#[test]
fn a_hundred_slow_checks_take_little_more_than_one() {
    let origin = Origin::start();
    origin.fallback(|_| Response::text(200, "ok").delay(Duration::from_secs(1)));
    let run = audit(
        &checks(100, &origin),
        &["--concurrency", "100", "--per-host", "100"],
    );
    assert_green(&run);
    let took = run.json()["duration_ms"].as_u64().unwrap();
    assert!(took < 3_000, "{took} ms instead of little more than 1000");
}

#[test]
fn rows_stand_in_the_order_of_the_plan_whatever_is_done_first() {
    let origin = Origin::start();
    origin.fallback(|request| {
        let late = if request.path == "/0" { 200 } else { 0 };
        Response::text(200, "ok").delay(Duration::from_millis(late))
    });
    let run = audit(&checks(3, &origin), &[]);
    let ids: Vec<String> = run
        .checks()
        .iter()
        .map(|c| text(&c["id"]).to_owned())
        .collect();
    assert_eq!(ids, ["c0", "c1", "c2"]);
}

#[test]
fn what_needs_a_red_check_is_not_looked_at() {
    let origin = Origin::start();
    origin.route("/up", |_| Response::text(200, "ok"));
    let profile = format!(
        "version: 1\nchecks:\n{}{}{}{}",
        http("last", &origin.url("/up"), "    needs: [middle]\n"),
        http("middle", &origin.url("/up?m"), "    needs: [first]\n"),
        http("first", &origin.url("/down"), ""),
        http("free", &origin.url("/up?f"), ""),
    );
    let run = audit(&profile, &[]);
    run.assert_exit(1);
    assert_eq!(run.verdict("first"), "fail");
    assert_eq!(run.check("middle")["skipped_because"], "blocked by `first`");
    assert_eq!(run.check("last")["skipped_because"], "blocked by `middle`");
    assert_eq!(run.verdict("free"), "pass");
    assert_eq!(origin.hits("/up"), 1, "only the free one was asked");
}

#[test]
fn what_needs_a_check_that_does_not_apply_is_still_looked_at() {
    let origin = Origin::start();
    origin.route("/up", |_| Response::text(200, "ok"));
    let profile = format!(
        "version: 1\nchecks:\n{}{}{}",
        http("first", &origin.url("/up"), "    when: \"false\"\n"),
        http("second", &origin.url("/down"), "    needs: [first]\n"),
        http("free", &origin.url("/up"), ""),
    );
    let run = audit(&profile, &[]);
    run.assert_exit(1);
    assert_eq!(run.verdict("first"), "skip");
    assert_eq!(run.verdict("second"), "fail");
}

#[test]
fn what_needs_a_green_check_runs_after_it() {
    let origin = Origin::start();
    let order = Arc::new(Mutex::new(Vec::new()));
    origin.fallback({
        let order = Arc::clone(&order);
        move |request| {
            let path = request.path.clone();
            thread::sleep(Duration::from_millis(if path == "/first" {
                150
            } else {
                0
            }));
            order.lock().unwrap().push(path);
            Response::text(200, "ok")
        }
    });
    let profile = format!(
        "version: 1\nchecks:\n{}{}",
        http("b", &origin.url("/second"), "    needs: [a]\n"),
        http("a", &origin.url("/first"), ""),
    );
    assert_green(&audit(&profile, &[]));
    assert_eq!(*order.lock().unwrap(), ["/first", "/second"]);
}

#[test]
fn only_transient_faults_are_tried_again_and_the_report_says_so() {
    let closed = ClosedPort::new();
    let origin = Origin::start();
    origin.route("/bad", |_| Response::text(500, "no"));
    let seen = Arc::new(AtomicUsize::new(0));
    origin.route("/flaky", move |_| {
        if seen.fetch_add(1, Ordering::SeqCst) < 2 {
            Response::close()
        } else {
            Response::text(200, "ok")
        }
    });
    let retry = "    retry: { attempts: 3, delay: 10ms, backoff: 2 }\n";
    let profile = format!(
        "version: 1\nchecks:\n{}{}{}",
        http(
            "refused",
            &format!("http://127.0.0.1:{}/", closed.port()),
            retry
        ),
        http("flaky", &origin.url("/flaky"), retry),
        http("bad", &origin.url("/bad"), retry),
    );
    let run = audit(&profile, &[]);
    assert_eq!(run.check("refused")["attempts"], 3, "{run}");
    assert_eq!(run.check("refused")["fault"]["cause"], "refused");
    assert_eq!(run.verdict("refused"), "error");
    assert_eq!(run.verdict("flaky"), "pass", "{run}");
    assert_eq!(run.check("flaky")["attempts"], 3, "{run}");
    assert!(
        text(&run.check("flaky")["message"]).contains("took 3 attempts"),
        "{run}"
    );
    assert_eq!(
        run.check("bad")["attempts"],
        1,
        "an answer is no fault\n{run}"
    );
    assert_eq!(origin.hits("/bad"), 1);
}

#[test]
fn wait_for_looks_again_until_green() {
    let origin = Origin::start();
    let seen = Arc::new(AtomicUsize::new(0));
    origin.route("/starting", move |_| {
        let ready = seen.fetch_add(1, Ordering::SeqCst) >= 2;
        Response::text(if ready { 200 } else { 503 }, "")
    });
    let run = audit(
        &format!(
            "version: 1\nchecks:\n{}",
            http("up", &origin.url("/starting"), "    wait_for: 10s\n")
        ),
        &[],
    );
    assert_green(&run);
    assert_eq!(run.check("up")["attempts"], 3);
}

#[test]
fn wait_for_gives_up_in_time() {
    let closed = ClosedPort::new();
    let origin = Origin::start();
    origin.fallback(|_| Response::text(503, ""));
    let wait = "    wait_for: 600ms\n";
    let run = audit(
        &format!(
            "version: 1\nchecks:\n{}{}",
            http(
                "down",
                &format!("http://127.0.0.1:{}/", closed.port()),
                wait
            ),
            http("bad", &origin.url("/"), wait),
        ),
        &[],
    );
    assert_eq!(run.verdict("down"), "error");
    assert!(
        text(&run.check("down")["message"]).contains("gave up after `wait_for: 600ms`"),
        "{run}"
    );
    assert_eq!(run.verdict("bad"), "fail", "{run}");
    assert!(run.duration < Duration::from_secs(4), "{:?}", run.duration);
}

#[test]
fn a_timeout_is_kept_and_named() {
    let silent = SilentPort::new();
    let url = format!("http://127.0.0.1:{}/", silent.port());
    let run = audit(
        &format!(
            "version: 1\ndefaults: {{ timeout: 300ms }}\nchecks:\n{}",
            http("silent", &url, "")
        ),
        &[],
    );
    run.assert_exit(3);
    let check = run.check("silent");
    assert_eq!(check["fault"]["cause"], "timeout", "{run}");
    assert!(text(&check["message"]).contains("no answer"), "{run}");
    assert!(!text(&check["fault"]["hint"]).is_empty(), "{run}");
    let took = check["duration_ms"].as_u64().unwrap();
    assert!((150..1500).contains(&took), "{took} ms");
}

#[test]
fn the_deadline_of_the_audit_makes_the_rest_errors() {
    let silent = SilentPort::new();
    let origin = Origin::start();
    origin.fallback(|_| Response::text(200, "ok"));
    let url = format!("http://127.0.0.1:{}/", silent.port());
    let profile = format!(
        "version: 1\nchecks:\n{}{}{}",
        http("quick", &origin.url("/"), ""),
        http("silent", &url, ""),
        http("after", &origin.url("/after"), "    needs: [silent]\n"),
    );
    let run = audit(&profile, &["--deadline", "500ms"]);
    run.assert_exit(3);
    assert_eq!(run.verdict("quick"), "pass");
    for id in ["silent", "after"] {
        assert_eq!(run.check(id)["fault"]["cause"], "deadline", "{run}");
    }
    assert!(run.duration < Duration::from_secs(4), "{:?}", run.duration);
}

#[test]
fn an_interrupt_prints_what_is_known() {
    for (signal, format) in [("INT", "json"), ("TERM", "json"), ("INT", "table")] {
        let silent = SilentPort::new();
        let origin = Origin::start();
        origin.fallback(|_| Response::text(200, "ok"));
        let folder = tempfile::tempdir().unwrap();
        let url = format!("http://127.0.0.1:{}/", silent.port());
        let profile = format!(
            "version: 1\nchecks:\n{}{}",
            http("quick", &origin.url("/"), ""),
            http("silent", &url, "    timeout: 50s\n    needs: [quick]\n"),
        );
        fs::write(folder.path().join("p.yaml"), profile).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_readyctl"))
            .args(["audit", "--profile", "p.yaml", "--format", format])
            .args(["--report", "junit=out.xml", "--record", "facts.json"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for("the first check", Duration::from_secs(20), || {
            (origin.hits("/") > 0).then_some(())
        });
        thread::sleep(Duration::from_millis(300));
        let sent = Instant::now();
        let killed = Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let output = child.wait_with_output().unwrap();
        assert!(
            sent.elapsed() < Duration::from_secs(5),
            "{:?}",
            sent.elapsed()
        );
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(130), "{stdout}");
        assert!(folder.path().join("out.xml").metadata().unwrap().len() > 0);
        if format == "json" {
            let report: Value = serde_json::from_str(&stdout).unwrap();
            assert_eq!(report["exit_code"], 130);
            assert_eq!(report["checks"][0]["verdict"], "pass", "{stdout}");
            assert_eq!(
                report["checks"][1]["fault"]["cause"], "interrupted",
                "{stdout}"
            );
        } else {
            assert!(
                stdout.contains("interrupted before this check was done"),
                "{stdout}"
            );
        }
    }
}

/// A burst at an origin, with a normal check of the same one.
fn with_burst(origin: &Origin) -> String {
    format!(
        "version: 1\nchecks:\n  - id: burst\n    rate_limit: {{ url: \"{}\", limit: 5 }}\n{}{}",
        origin.url("/limited"),
        http("normal", &origin.url("/normal"), ""),
        http("after-burst", &origin.url("/after"), "    needs: [burst]\n"),
    )
}

#[test]
fn a_disruptive_check_needs_to_be_allowed() {
    let origin = Origin::start();
    origin.fallback(|_| Response::text(200, "ok"));
    let run = audit(&with_burst(&origin), &[]);
    let burst = run.check("burst");
    assert_eq!(burst["verdict"], "error");
    assert_eq!(burst["fault"]["cause"], "not_allowed", "{run}");
    assert!(
        text(&burst["message"]).contains("--allow disruptive"),
        "{run}"
    );
    assert_eq!(
        run.check("after-burst")["skipped_because"],
        "blocked by `burst`"
    );
    assert_eq!(origin.hits("/limited"), 0, "nothing was sent");
    assert_eq!(run.verdict("normal"), "pass");
    run.assert_exit(3);
}

#[test]
fn a_disruptive_check_runs_last_and_never_beside_another_of_its_host() {
    let origin = Origin::start();
    let order = Arc::new(Mutex::new(Vec::new()));
    let (record, normal) = (Arc::clone(&order), Arc::clone(&order));
    origin.fallback(move |request| {
        record.lock().unwrap().push(format!("> {}", request.path));
        Response::text(429, "slow down").header("retry-after", "1")
    });
    origin.route("/normal", move |_| {
        normal.lock().unwrap().push("> /normal".to_owned());
        thread::sleep(Duration::from_millis(200));
        normal.lock().unwrap().push("< /normal".to_owned());
        Response::text(200, "ok")
    });
    let run = audit(&with_burst(&origin), &["--allow", "disruptive"]);
    let order = order.lock().unwrap().clone();
    assert_eq!(order[..2], ["> /normal", "< /normal"], "{order:?}\n{run}");
    assert!(order.contains(&"> /limited".to_owned()), "{order:?}\n{run}");
}

#[test]
fn what_exhausts_a_limit_runs_after_everything_else() {
    // On two hosts: both may stand before the same limiter.
    let (api, page) = (Origin::start(), Origin::start());
    let order = Arc::new(Mutex::new(Vec::new()));
    for (origin, name) in [(&api, "burst"), (&page, "load")] {
        let order = Arc::clone(&order);
        origin.fallback(move |_| {
            order.lock().unwrap().push(name);
            match name {
                "burst" => Response::text(429, "slow down").header("retry-after", "1"),
                _ => Response::text(200, "ok"),
            }
        });
    }
    let profile = format!(
        "version: 1\nchecks:\n  - id: burst\n    rate_limit: {{ url: \"{}\", limit: 5 }}\n  - id: load\n    load: {{ url: \"{}\", samples: 20, rate: 20 }}\n",
        api.url("/limited"),
        page.url("/page"),
    );
    let run = audit(&profile, &["--allow", "disruptive"]);
    let order = order.lock().unwrap().clone();
    let first = order.iter().position(|name| *name == "burst");
    let last = order.iter().rposition(|name| *name == "load");
    assert!(first.is_some() && last < first, "{order:?}\n{run}");
}

#[test]
fn shards_are_disjoint_complete_and_keep_needs_together() {
    let origin = Origin::start();
    origin.fallback(|_| Response::text(200, "ok"));
    let mut profile = checks(9, &origin);
    profile.push_str(&http("late", &origin.url("/"), "    needs: [c4, c8]\n"));
    let mut seen: Vec<String> = Vec::new();
    for part in 1..=3 {
        let run = audit(&profile, &["--shard", &format!("{part}/3")]);
        run.assert_exit(0);
        let ids: BTreeSet<String> = run
            .checks()
            .iter()
            .map(|c| text(&c["id"]).to_owned())
            .collect();
        let family = ["c4", "c8", "late"].map(|id| ids.contains(id));
        assert!(family == [true; 3] || family == [false; 3], "{ids:?}");
        seen.extend(ids);
    }
    let unique: HashSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), unique.len()), (10, 10), "{seen:?}");
}

#[test]
fn a_part_without_checks_is_refused() {
    let origin = Origin::start();
    origin.may_be_unused();
    let run = audit(&checks(2, &origin), &["--shard", "3/3"]);
    run.assert_exit(2);
    assert!(run.stderr.contains("part 3 of 3 has no check"), "{run}");
}

#[test]
fn a_record_holds_the_facts() {
    let origin = Origin::start();
    origin.fallback(|_| Response::text(200, "ok"));
    let run = audit(&checks(2, &origin), &["--record", "facts.json"]);
    let record: Value = serde_json::from_str(&run.read("facts.json")).unwrap();
    assert_eq!(record["schema"], "readyctl.facts/1");
    let facts = record["checks"].as_array().unwrap();
    assert_eq!(facts.len(), 2);
    assert!(
        facts.iter().all(|check| check["facts"].is_object()),
        "{record}"
    );
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_anything_is_contacted() {
    let origin = Origin::start();
    origin.may_be_unused();
    for arguments in [
        ["--report", "junit=no/such/folder.xml"],
        ["--record", "no/such/facts.json"],
    ] {
        let run = audit(&checks(1, &origin), &arguments);
        run.assert_exit(2);
        assert!(run.stderr.contains("cannot be written"), "{run}");
        assert_eq!(run.stdout, "");
    }
    assert!(origin.requests().is_empty());
}

#[test]
fn every_fault_has_its_own_cause_and_a_hint() {
    let closed = ClosedPort::new();
    let origin = Origin::start();
    origin.route("/close", |_| Response::close());
    origin.route("/garbage", |_| Response::raw("SSH-2.0-OpenSSH\r\n"));
    let run = audit(
        &format!(
            "version: 1\ndefaults: {{ timeout: 3s }}\nchecks:\n{}{}{}{}",
            http(
                "refused",
                &format!("http://127.0.0.1:{}/", closed.port()),
                ""
            ),
            http("dns", "http://readyctl-test.invalid/", ""),
            http("closed", &origin.url("/close"), ""),
            http("garbage", &origin.url("/garbage"), ""),
        ),
        &[],
    );
    run.assert_exit(3);
    for (id, cause) in [
        ("refused", "refused"),
        ("dns", "dns"),
        ("closed", "unreachable"),
        ("garbage", "protocol"),
    ] {
        let check = run.check(id);
        assert_eq!(check["verdict"], "error", "{id}\n{run}");
        assert_eq!(check["fault"]["cause"], cause, "{id}\n{run}");
        assert!(
            !text(&check["fault"]["hint"]).is_empty(),
            "{id} has no hint"
        );
    }
}
