//! The sample deployment: green when healthy, and every way to break it red where it says.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::cli::{Readyctl, Run};
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;
use crate::support::verdicts::assert_green;

/// Demos at once: most of their time they wait.
const AT_ONCE: usize = 3;

/// `readyctl demo` with the report as JSON.
fn demo(args: &[&str]) -> Run {
    Readyctl::new()
        .args(["demo", "--no-progress", "--format", "json"])
        .args(args)
        .run()
}

/// Ids of the checks that are neither green nor skipped for want of a database.
fn red(run: &Run) -> BTreeSet<String> {
    run.checks()
        .iter()
        .filter(|check| !matches!(check["verdict"].as_str(), Some("pass" | "skip")))
        .map(|check| check["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Ids of the checks that were skipped for another reason than that a needed check is red.
fn skipped(run: &Run) -> BTreeSet<String> {
    let blocked = |check: &Value| {
        let reason = check["skipped_because"].as_str().unwrap();
        reason.contains("blocked by")
    };
    run.checks()
        .iter()
        .filter(|check| check["verdict"] == "skip" && !blocked(check))
        .map(|check| check["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn healthy_demo_is_green() {
    let run = demo(&[]);
    run.assert_exit(0);
    assert_eq!(red(&run), BTreeSet::new(), "{run}");
    let summary = run.json()["summary"].clone();
    assert!(summary["pass"].as_u64() >= Some(12), "{summary}");
    // What needs a database says which variable to set.
    for check in run.checks() {
        if check["verdict"] == "skip" {
            let reason = check["skipped_because"].as_str().unwrap();
            assert!(reason.contains("_url"), "{reason}");
        }
    }
    assert!(run.duration < Duration::from_secs(20), "{:?}", run.duration);
    // Linting needs neither the inputs nor the databases.
    let lint = Readyctl::new().args(["lint", "builtin:demo"]).run();
    lint.assert_exit(0);
}

#[test]
fn demo_prints_a_table() {
    let run = Readyctl::new().args(["demo", "--no-progress"]).run();
    run.assert_exit(0);
    for word in ["pass", "skip", "ready"] {
        assert!(run.stdout.to_lowercase().contains(word), "{word}\n{run}");
    }
}

#[test]
fn unknown_break_is_a_usage_error() {
    let run = Readyctl::new().args(["demo", "--break", "nonsense"]).run();
    run.assert_exit(2);
    assert!(run.stdout.is_empty(), "{run}");
}

/// `readyctl demo` next to these servers, only the checks that need them.
fn demo_with(postgres: &Postgres, redis: &Redis) -> Run {
    Readyctl::new()
        .args(["demo", "--no-progress", "--format", "json"])
        .args(["--only", "database,vectors,redis"])
        .env("DATABASE_URL", postgres.superuser_url("postgres"))
        .env("REDIS_URL", redis.url())
        .run()
}

#[test]
fn demo_looks_at_databases_when_there_are_any() {
    let safe = ["fsync", "synchronous_commit", "full_page_writes"];
    let builder = safe.iter().fold(Postgres::builder(), |builder, name| {
        builder.setting(name, "on")
    });
    let (postgres, redis) = (builder.start(), Redis::start());
    postgres.sql("create extension vector");
    assert_green(&demo_with(&postgres, &redis));

    // The suite's own settings are made for speed, not for keeping data.
    let fast = Postgres::start();
    fast.sql("create extension vector");
    let run = demo_with(&fast, &redis);
    run.assert_exit(1);
    assert_eq!(red(&run), BTreeSet::from(["database".to_owned()]), "{run}");
}

/// What is wrong with the audit of one break; nothing when it is red exactly where it says.
fn complaints(info: &Value, healthy: &Run) -> Option<String> {
    let name = info["name"].as_str().unwrap();
    let code = info["code"].as_str().unwrap();
    let expected: BTreeSet<String> = info["turns_red"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    let run = demo(&["--break", name]);
    let seen = red(&run);
    if run.exit != 1 || seen != expected || !skipped(&run).is_subset(&skipped(healthy)) {
        return Some(format!(
            "{name}: exit {}, red {seen:?}, not {expected:?}\n{run}",
            run.exit
        ));
    }
    if let Some(id) = expected.iter().find(|id| run.verdict(id) != "fail") {
        return Some(format!("{name}: {id} is {}", run.verdict(id)));
    }
    let codes = run.codes(info["turns_red"][0].as_str().unwrap());
    (!codes.iter().any(|found| found == code)).then(|| format!("{name}: {codes:?}, not {code}"))
}

#[test]
fn every_break_turns_its_checks_red_and_no_other() {
    let list = Readyctl::new()
        .args(["demo", "--break", "list", "--format", "json"])
        .run();
    list.assert_exit(0);
    let mut breaks = list.json().as_array().unwrap().clone();
    assert!(breaks.len() >= 16, "{list}");
    let broken: BTreeSet<_> = breaks
        .iter()
        .flat_map(|info| info["turns_red"].as_array().unwrap().clone())
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    let healthy = demo(&[]);
    breaks.reverse();
    let (queue, wrong) = (Mutex::new(breaks), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(info) = queue.lock().unwrap().pop() else {
                        break;
                    };
                    if let Some(complaint) = complaints(&info, &healthy) {
                        wrong.lock().unwrap().push(complaint);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A check that no break turns red might be one that cannot fail.
    for check in healthy.checks() {
        let id = check["id"].as_str().unwrap();
        let known = broken.contains(id) || check["verdict"] == "skip";
        assert!(known, "no break turns {id} red");
    }
}
