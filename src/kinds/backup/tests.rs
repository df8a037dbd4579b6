//! Facts in, codes out.
#![expect(
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    reason = "tables read best whole, with their values in place"
)]

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::facts::{Archiver, RestoreRecord};
use super::*;

/// "Now" of these tests.
fn now() -> Timestamp {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

/// A check.
fn spec(block: Value) -> Backup {
    let spec: Backup = serde_json::from_value(block).unwrap();
    assert!(spec.problems().is_empty(), "{:?}", spec.problems());
    spec
}

/// A check of a report.
fn listed(expect: Value) -> Backup {
    spec(json!({ "report": { "file": "x" }, "expect": expect }))
}

/// A backup of this age.
fn item(name: &str, hours: i64, size: u64) -> Item {
    Item {
        name: name.to_owned(),
        time: Some(now() - SignedDuration::from_hours(hours)),
        size: Some(size),
        ..Item::default()
    }
}

/// What such backups look like.
fn seen(backups: Vec<Item>) -> Facts {
    let mut facts = Facts {
        source: "here".to_owned(),
        backups,
        ..Facts::default()
    };
    facts.settle();
    facts
}

/// Verdicts and codes of what did not pass; the facts make a detour through JSON.
fn codes(spec: &Backup, facts: &Facts) -> Vec<String> {
    let text = serde_json::to_string(facts).unwrap();
    let facts: Facts = serde_json::from_str(&text).unwrap();
    let findings = spec.judge(&facts, &JudgeContext { now: now() });
    assert!(!findings.is_empty(), "a check must judge something");
    findings
        .iter()
        .filter(|finding| finding.verdict != crate::outcome::Judged::Pass)
        .map(|finding| {
            let code = finding.code.as_deref().unwrap_or_default();
            assert!(
                Backup::FAULTS.iter().any(|fault| fault.code == code),
                "{code} is not documented"
            );
            let verdict = serde_json::to_value(finding.verdict).unwrap();
            format!("{} {code}", verdict.as_str().unwrap())
        })
        .collect()
}

#[test]
fn ages_and_counts_at_their_limits() {
    let hourly = |hours: &[i64]| {
        seen(
            hours
                .iter()
                .map(|hours| item(&format!("b{hours:03}"), *hours, 100))
                .collect(),
        )
    };
    for (expect, hours, expected) in [
        (json!({ "max_age": "24h" }), vec![24], vec![]),
        (json!({ "max_age": "24h" }), vec![25], vec!["fail BAK-02"]),
        (json!({ "max_age": "24h" }), vec![], vec!["fail BAK-01"]),
        (json!({ "min_count": 3 }), vec![1, 2], vec!["fail BAK-09"]),
        (json!({ "min_retention": "2d" }), vec![1, 48], vec![]),
        (
            json!({ "min_retention": "2d" }),
            vec![1, 47],
            vec!["fail BAK-09"],
        ),
        (
            json!({ "max_retention": "2d" }),
            vec![1, 49],
            vec!["fail BAK-09"],
        ),
        (json!({ "max_gap": "24h" }), vec![1, 25, 49], vec![]),
        (
            json!({ "max_gap": "24h" }),
            vec![1, 49],
            vec!["fail BAK-51"],
        ),
        (json!({ "max_gap": "24h" }), vec![1], vec!["fail BAK-51"]),
        // Long ago does not count, except for the step into the window.
        (
            json!({ "max_gap": "24h", "gap_window": "2d" }),
            vec![1, 25, 49, 300],
            vec![],
        ),
        (
            json!({ "max_gap": "24h", "gap_window": "2d" }),
            vec![1, 300],
            vec!["fail BAK-51"],
        ),
        // Dated in the future: does not count as the newest, and is said.
        (
            json!({ "max_age": "24h" }),
            vec![-1, 1],
            vec!["fail BAK-23"],
        ),
        (
            json!({ "max_age": "24h" }),
            vec![-1],
            vec!["fail BAK-01", "fail BAK-23"],
        ),
        (
            json!({ "max_age": "24h" }),
            vec![-1, 30],
            vec!["fail BAK-02", "fail BAK-23"],
        ),
    ] {
        assert_eq!(
            codes(&listed(expect.clone()), &hourly(&hours)),
            expected,
            "{expect} {hours:?}"
        );
    }
}

#[test]
fn sizes_that_are_unknown_are_not_large_enough() {
    let sizes = |newest: Option<u64>, before: &[u64]| {
        let mut items = vec![Item {
            size: newest,
            ..item("newest", 1, 0)
        }];
        items.extend(
            before
                .iter()
                .zip(2..)
                .map(|(size, hours)| item("old", hours, *size)),
        );
        seen(items)
    };
    for (expect, newest, before, expected) in [
        (json!({ "min_size": "1KiB" }), Some(1024), vec![], vec![]),
        (
            json!({ "min_size": "1KiB" }),
            Some(1023),
            vec![],
            vec!["fail BAK-04"],
        ),
        (
            json!({ "min_size": "1KiB" }),
            None,
            vec![],
            vec!["error BAK-04"],
        ),
        (
            json!({ "max_age": "1d" }),
            Some(0),
            vec![],
            vec!["fail BAK-04"],
        ),
        (
            json!({ "max_shrink": 50 }),
            Some(500),
            vec![1000, 1000, 900],
            vec![],
        ),
        (
            json!({ "max_shrink": 50 }),
            Some(499),
            vec![1000, 1000, 900],
            vec!["fail BAK-04"],
        ),
        (
            json!({ "max_shrink": 50 }),
            Some(499),
            vec![1000],
            vec!["warn BAK-04"],
        ),
        (
            json!({ "max_shrink": 50 }),
            None,
            vec![1000, 1000],
            vec!["error BAK-04"],
        ),
    ] {
        assert_eq!(
            codes(&listed(expect.clone()), &sizes(newest, &before)),
            expected,
            "{expect} {newest:?} {before:?}"
        );
    }
}

#[test]
fn unfinished_backups_excuse_nothing() {
    let with = |backups: Vec<Item>, hours: i64| {
        let mut facts = seen(backups);
        facts.incomplete = vec![Item {
            unfinished: "a temporary name".to_owned(),
            ..item("x.tmp", hours, 1)
        }];
        facts
    };
    let spec = listed(json!({ "max_age": "24h" }));
    for (facts, expected) in [
        (with(vec![], 1), vec!["fail BAK-03"]),
        (with(vec![item("a", 30, 9)], 1), vec!["fail BAK-03"]),
        (with(vec![item("a", 30, 9)], 40), vec!["fail BAK-02"]),
        // One is running, or was left behind before the newest was made.
        (with(vec![item("a", 20, 9)], 1), vec![]),
        (with(vec![item("a", 1, 9)], 100), vec![]),
    ] {
        assert_eq!(codes(&spec, &facts), expected);
    }
    let spec = listed(json!({ "max_age": "90h" }));
    let facts = with(vec![item("a", 80, 9)], 30);
    assert_eq!(codes(&spec, &facts), ["warn BAK-03"]);
}

#[test]
fn each_set_is_judged_for_itself() {
    let of = |set: &str, hours: i64| Item {
        series: set.to_owned(),
        ..item(&format!("{set}-{hours}"), hours, 9)
    };
    let spec = listed(json!({ "max_age": "24h", "sets": ["a", "b"] }));
    assert_eq!(
        codes(&spec, &seen(vec![of("a", 1), of("b", 2), of("c", 99)])),
        [""; 0]
    );
    assert_eq!(
        codes(&spec, &seen(vec![of("a", 1), of("b", 30)])),
        ["fail BAK-02"]
    );
    assert_eq!(
        codes(&spec, &seen(vec![of("a", 1), of("c", 1)])),
        ["fail BAK-20"]
    );
    let all = listed(json!({ "max_age": "24h" }));
    assert_eq!(
        codes(&all, &seen(vec![of("a", 1), of("c", 99)])),
        ["fail BAK-02"]
    );
}

#[test]
fn chains_and_full_backups() {
    let of = |name: &str, kind: &str, hours: i64, on: &[&str]| Item {
        kind: Some(kind.to_owned()),
        depends_on: on.iter().map(|name| (*name).to_owned()).collect(),
        ..item(name, hours, 9)
    };
    let spec = listed(json!({ "full_max_age": "7d" }));
    for (backups, expected) in [
        (
            vec![of("f", "full", 100, &[]), of("i", "incr", 1, &["f"])],
            vec![],
        ),
        (
            vec![of("f", "full", 200, &[]), of("i", "incr", 1, &["f"])],
            vec!["fail BAK-08"],
        ),
        (
            vec![of("f", "full", 100, &[]), of("i", "incr", 1, &["g"])],
            vec!["fail BAK-08"],
        ),
        (vec![of("i", "incr", 1, &[])], vec!["fail BAK-08"]),
        (vec![item("x", 1, 9)], vec!["error BAK-08"]),
    ] {
        assert_eq!(codes(&spec, &seen(backups)), expected);
    }
}

#[test]
fn the_archiver_is_judged_by_times_not_by_counters() {
    let spec = spec(json!({
        "archiver": { "url": "postgres://localhost/x" },
        "expect": { "max_age": "1h" },
    }));
    let good = || Archiver {
        mode: Some("on".to_owned()),
        no_op: Some(false),
        timeout: Some(300),
        archived: 9,
        last_archived: Some(now() - SignedDuration::from_mins(5)),
        ..Archiver::default()
    };
    let ago = |hours: i64| Some(now() - SignedDuration::from_hours(hours));
    for (archiver, expected) in [
        (good(), vec![]),
        (
            Archiver {
                mode: Some("off".to_owned()),
                ..good()
            },
            vec!["fail BAK-11"],
        ),
        (
            Archiver {
                no_op: Some(true),
                ..good()
            },
            vec!["fail BAK-12"],
        ),
        (
            Archiver {
                no_op: None,
                ..good()
            },
            vec![],
        ),
        // A failure before the last success is over.
        (
            Archiver {
                failed: 3,
                last_failed: ago(1),
                ..good()
            },
            vec![],
        ),
        (
            Archiver {
                failed: 3,
                last_failed: ago(0),
                ..good()
            },
            vec!["fail BAK-11"],
        ),
        // Never succeeded: comparing with nothing must not look healthy.
        (
            Archiver {
                archived: 0,
                last_archived: None,
                failed: 3,
                last_failed: ago(1),
                ..good()
            },
            vec!["fail BAK-11"],
        ),
        (
            Archiver {
                archived: 0,
                last_archived: None,
                ..good()
            },
            vec!["error BAK-11"],
        ),
        (
            Archiver {
                last_archived: ago(2),
                ..good()
            },
            vec!["fail BAK-11"],
        ),
        // An idle server without a timeout archives nothing, and is not broken.
        (
            Archiver {
                last_archived: ago(2),
                timeout: Some(0),
                ..good()
            },
            vec!["warn BAK-11"],
        ),
        (
            Archiver {
                standby: true,
                ..good()
            },
            vec!["error BAK-11"],
        ),
    ] {
        let facts = Facts {
            archiver: Some(archiver),
            ..Facts::default()
        };
        assert_eq!(codes(&spec, &facts), expected, "{facts:?}");
    }
    assert_eq!(codes(&spec, &Facts::default()), ["error BAK-11"]);
}

#[test]
fn restore_tests_need_a_time_and_a_good_result() {
    let spec = spec(json!({
        "restore_test": { "file": "r.json", "max_age": "90d", "max_duration": "1h" },
    }));
    let read =
        |days: Option<i64>, result: Option<&str>, seconds: Option<f64>| RestoreRecord::Read {
            time: days.map(|days| now() - SignedDuration::from_hours(days * 24)),
            result: result.map(str::to_owned),
            seconds,
        };
    for (record, expected) in [
        (read(Some(1), Some("OK"), Some(60.0)), vec![]),
        (read(Some(90), Some("passed"), Some(3600.0)), vec![]),
        (read(Some(91), Some("ok"), Some(60.0)), vec!["fail BAK-19"]),
        (
            read(Some(1), Some("failed"), Some(60.0)),
            vec!["fail BAK-19"],
        ),
        (read(Some(1), None, Some(60.0)), vec!["fail BAK-19"]),
        (read(Some(-1), Some("ok"), Some(60.0)), vec!["fail BAK-19"]),
        (read(None, Some("ok"), Some(60.0)), vec!["fail BAK-19"]),
        (read(Some(1), Some("ok"), Some(3601.0)), vec!["fail BAK-52"]),
        (read(Some(1), Some("ok"), None), vec!["error BAK-52"]),
        (
            read(Some(1), Some("ok"), Some(f64::NAN)),
            vec!["error BAK-52"],
        ),
        (RestoreRecord::Absent, vec!["fail BAK-19"]),
        (
            RestoreRecord::Unreadable("no".to_owned()),
            vec!["error BAK-19"],
        ),
    ] {
        let mut findings = Vec::new();
        let test = spec.restore_test.as_ref().unwrap();
        restore::judge(test, &record, now(), &mut findings);
        let codes: Vec<String> = findings
            .iter()
            .filter(|f| f.verdict != crate::outcome::Judged::Pass)
            .map(|f| {
                let verdict = serde_json::to_value(f.verdict).unwrap();
                format!(
                    "{} {}",
                    verdict.as_str().unwrap(),
                    f.code.as_deref().unwrap()
                )
            })
            .collect();
        assert_eq!(codes, expected, "{record:?}");
    }
}

#[test]
fn programs_are_only_run_when_there_is_no_report() {
    for (block, expected) in [
        (json!({ "files": { "path": "." } }), Impact::Passive),
        (json!({ "report": { "file": "x" } }), Impact::Passive),
        (json!({ "pgbackrest": { "report": "x" } }), Impact::Passive),
        (json!({ "restic": { "report": "x" } }), Impact::Passive),
        (json!({ "pgbackrest": {} }), Impact::Command),
        (json!({ "restic": { "repository": "r" } }), Impact::Command),
        (json!({ "command": { "argv": ["x"] } }), Impact::Command),
        (json!({ "s3": { "bucket": "b" } }), Impact::Normal),
    ] {
        let spec = spec(block.clone());
        assert_eq!(Kind::impact(&spec), expected, "{block}");
        assert!(!Kind::plan(&spec).is_empty(), "{block}");
    }
}
