//! Tables for what the integration suite cannot make precisely.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::Load;
use super::facts::{End, Entry, Facts, MemoryFacts, Outage};
use super::memory::sum;
use super::series::{Latencies, Quantile, Series, needed};
use super::share::Share;
use crate::exposition::{Format, parse};
use crate::kinds::Kind as _;
use crate::outcome::Judged;

/// A check of the kind.
fn load(yaml: &str) -> Load {
    serde_yaml::from_str(&format!("url: http://127.0.0.1/health\n{yaml}")).unwrap()
}

/// Latencies in milliseconds.
fn latencies(list: &[u64]) -> Latencies {
    let mut latencies = Latencies::new();
    for ms in list {
        latencies.add(Duration::from_millis(*ms));
    }
    latencies
}

/// So many latencies of one length.
fn series(n: u64, ms: u64) -> Series {
    latencies(&vec![ms; usize::try_from(n).unwrap()]).series()
}

/// A healthy run of 60 requests, each 10 ms.
fn facts() -> Facts {
    let ten = series(60, 10);
    Facts {
        planned: Some(60),
        sent: 60,
        end: End::Complete,
        elapsed_ms: 6000,
        rate: Some(10.0),
        achieved_rate: Some(10.0),
        throughput: 10.0,
        lag: series(300, 1),
        held_back: 0,
        entries: vec![Entry {
            name: "GET /health".to_owned(),
            done: 60,
            ok: 60,
            failures: BTreeMap::new(),
            timeouts: 0,
            statuses: BTreeMap::from([(200, 60)]),
            cold_ms: Some(30.0),
            alone: ten.clone(),
            counted: ten.clone(),
            answered: ten.clone(),
            with_errors: ten.clone(),
            service: ten.clone(),
            first_byte: ten,
            within: vec![60],
            groups: None,
            addresses: BTreeMap::new(),
            cached: 0,
            largest: 100,
        }],
        outage: Outage::default(),
        memory: None,
        baseline: None,
    }
}

/// The codes of findings that are not green, with their verdicts.
fn codes(load: &Load, facts: &Facts) -> Vec<(String, Judged)> {
    super::judge::judge(load, facts)
        .into_iter()
        .filter(|finding| finding.verdict != Judged::Pass)
        .map(|finding| (finding.code.unwrap().into_owned(), finding.verdict))
        .collect()
}

#[test]
fn enough_requests_are_as_many_as_statistics_ask_for() {
    let table = [(0.5, 5), (0.95, 59), (0.99, 299), (0.999, 2995), (1.0, 1)];
    for (fraction, n) in table {
        assert_eq!(needed(fraction), n, "{fraction}");
    }
    let rules = [
        ("expect: { p95: 1s }", 59, "p95"),
        ("expect: { p99: 1s }", 299, "p99"),
        ("expect: { p999: 1s }", 2995, "p999"),
        ("expect: { within: { 1s: 99.9% } }", 2995, "share"),
    ];
    for (yaml, need, name) in rules {
        for (n, green) in [(need - 1, false), (need, true)] {
            let mut facts = facts();
            let entry = &mut facts.entries[0];
            entry.counted = series(n, 10);
            (entry.done, entry.ok) = (u32::try_from(n).unwrap(), u32::try_from(n).unwrap());
            entry.within = vec![entry.ok];
            let found = codes(&load(yaml), &facts);
            let expected = if green {
                Vec::new()
            } else {
                vec![("LAT-10".to_owned(), Judged::Error)]
            };
            assert_eq!(found, expected, "{name} of {n}");
        }
    }
}

#[test]
fn percentiles_are_by_nearest_rank() {
    let series = latencies(&(1..=100).collect::<Vec<_>>()).series();
    let close = |actual: Option<f64>, expected: f64| {
        let actual = actual.unwrap();
        assert!(
            (actual / expected - 1.0).abs() < 0.001,
            "{actual} is not {expected}"
        );
    };
    close(series.p50_ms, 50.0);
    close(series.p95_ms, 95.0);
    close(series.p99_ms, 99.0);
    close(series.p999_ms, 100.0);
    close(series.max_ms, 100.0);
    assert_eq!(latencies(&[]).series().p50_ms, None);
}

#[test]
fn shares_read_and_count() {
    for (text, n, count) in [
        ("99.9%", 1000, 999),
        ("99.95%", 2000, 1999),
        ("0.999", 3000, 2997),
        ("100%", 7, 7),
        ("50 %", 3, 2),
        ("0", 10, 0),
    ] {
        assert_eq!(text.parse::<Share>().unwrap().of(n), count, "{text} of {n}");
    }
    for text in ["1", "99.9", "101%", "-1%", "", "many", "NaN", "NaN%"] {
        assert!(text.parse::<Share>().is_err(), "{text}");
    }
}

#[test]
fn two_groups_are_told_from_one_that_is_wide() {
    let two: Vec<u64> = (0..100).map(|n| if n % 2 == 0 { 10 } else { 80 }).collect();
    let found = latencies(&two).groups().unwrap();
    assert!((found.slow_share - 0.5).abs() < 0.01, "{found:?}");
    let wide: Vec<u64> = (5..105).collect();
    assert_eq!(latencies(&wide).groups(), None);
    let outlier: Vec<u64> = (0..100).map(|n| if n == 0 { 900 } else { 10 }).collect();
    assert_eq!(latencies(&outlier).groups(), None);
}

#[test]
fn outages_last_until_the_next_success() {
    let shots = vec![
        (400, true),
        (100, false),
        (0, true),
        (200, false),
        (300, false),
        (500, false),
    ];
    let outage = Outage::of(shots, 800);
    let expected = Outage {
        count: 2,
        longest_ms: 300,
        began_ms: 100,
        lasts: true,
    };
    assert_eq!(
        outage,
        Outage {
            longest_ms: 300,
            ..expected
        }
    );
    assert_eq!(
        Outage::of(vec![(0, true), (9, true)], 10),
        Outage::default()
    );
    assert!(Outage::of(vec![(0, true), (10, false)], 10).longest_ms > 0);
}

#[test]
fn metrics_without_a_usable_number_are_no_memory() {
    let text = "# HELP m x\n# TYPE m gauge\nm 5\nm_total 7\nm{a=\"} 9\"} 2.5e1 1700000000\n";
    let read = |text: &str| sum(&parse(text.as_bytes(), Format::Prometheus), "m");
    assert_eq!(read(text), Some(30.0));
    for text in [
        "",
        "m_other 5",
        "m NaN",
        "m +Inf",
        "m",
        "m{a=\"b\"",
        "# m 5",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn what_this_machine_did_itself_is_not_blamed_on_the_service() {
    let rule = load("expect: { p95: 100ms, max: 100ms }");
    let mut slow = facts();
    let entry = &mut slow.entries[0];
    let late = series(60, 150);
    for of in [
        &mut entry.counted,
        &mut entry.answered,
        &mut entry.with_errors,
        &mut entry.service,
        &mut entry.first_byte,
    ] {
        *of = late.clone();
    }
    let red = ("LAT-01".to_owned(), Judged::Fail);
    assert_eq!(codes(&rule, &slow), [red.clone(), red]);
    slow.lag = series(300, 60);
    let unknown = ("LAT-11".to_owned(), Judged::Error);
    assert_eq!(codes(&rule, &slow), [unknown.clone(), unknown]);
}

#[test]
fn a_run_that_was_stopped_is_never_green() {
    let rule = load("expect: { p50: 10s, max_error_rate: 90% }");
    for (end, code, verdict) in [
        (End::Limited(None), "LAT-12", Judged::Error),
        (
            End::Challenged("a firewall".to_owned()),
            "LAT-12",
            Judged::Error,
        ),
        (End::Errors, "LAT-02", Judged::Fail),
        (End::Time, "LAT-10", Judged::Error),
        (End::Bytes, "LAT-16", Judged::Error),
    ] {
        let mut facts = facts();
        facts.end = end;
        assert_eq!(codes(&rule, &facts), [(code.to_owned(), verdict)]);
    }
}

#[test]
fn memory_that_cannot_be_read_again_is_unknown() {
    let rule = load("memory: { url: /metrics, max_growth: 20% }");
    let mut facts = facts();
    let seen = |after, restarted| MemoryFacts {
        before: 100.0,
        after,
        trouble: None,
        restarted,
    };
    for (after, restarted, expected) in [
        (Some(119.0), false, None),
        (Some(121.0), false, Some(("LAT-51", Judged::Fail))),
        (None, false, Some(("LAT-51", Judged::Error))),
        (Some(50.0), true, Some(("LAT-52", Judged::Fail))),
    ] {
        facts.memory = Some(seen(after, restarted));
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(code, verdict)| (code.to_owned(), verdict))
            .collect();
        assert_eq!(codes(&rule, &facts), expected, "{after:?}");
    }
}

#[test]
fn chance_is_not_a_regression() {
    let rule = load("baseline: { report: old.json }");
    for (now, expected) in [(10, 0), (11, 0), (20, 2)] {
        let mut facts = facts();
        facts.entries[0].counted = series(60, now);
        facts.baseline = Some(BTreeMap::from([("GET /health".to_owned(), series(60, 10))]));
        let found = codes(&rule, &facts);
        assert_eq!(found.len(), expected, "{now}: {found:?}");
    }
    let mut facts = facts();
    facts.baseline = Some(BTreeMap::new());
    assert_eq!(codes(&rule, &facts), [("LAT-14".to_owned(), Judged::Error)]);
}

#[test]
fn contradictions_are_found_before_anything_is_sent() {
    for yaml in [
        "rate: 50",
        "rate: 0",
        "samples: 5000",
        "samples: 0",
        "concurrency: 4",
        "duration: 2m\nrate: 1",
        "samples: 60\nduration: 10s",
        "warm_up: 500",
        "method: POST",
        "body: '{}'",
        "requests: [{ url: 'http://other.example.com/' }]",
        "requests: [{ url: /a }, { url: /a }]",
        "headers: { 'a b': c }",
        "expect: { within: { soon: 99% } }",
        "expect: { max_error_rate: 100% }",
        "expect: { p50: 2s, p95: 1s }",
        "expect: { max_slowdown: 0.5 }",
        "rate: 1\nmax_outage: 500ms",
        "min_throughput: 5",
        "rate: 10\nmin_throughput: 10",
        "memory: { url: 'http://other.example.com/metrics', max_growth: 1% }",
        "allow_load: true\nrate: 5000",
    ] {
        assert!(!load(yaml).problems().is_empty(), "{yaml}");
    }
    for yaml in [
        "",
        "rate: 20\nsamples: 600",
        "allow_load: true\nrate: 1000\nduration: 10s",
        "allow_load: true\nconcurrency: 8\nduration: 10s",
        "expect: { p999: 500ms }\nallow_load: true\nrate: 200",
        "rate: 2\nmax_outage: 500ms\nduration: 30s",
        "unsafe_method: true\nmethod: POST\nbody: '{}'",
    ] {
        let problems = load(yaml).problems();
        assert!(problems.is_empty(), "{yaml}: {problems:?}");
    }
}

#[test]
fn the_plan_is_an_upper_bound_for_everything_sent() {
    let load = load(
        "requests: [{ url: /a }, { url: '/b?key=secret' }]\nexpect: { p99: 1s }\nmemory: { url: /metrics, max_growth: 1% }",
    );
    let plan = load.plan();
    let all: u32 = plan.iter().map(|planned| planned.at_most).sum();
    assert_eq!(all, 2 * (3 + 300) + 2, "{plan:?}");
    assert!(plan.iter().all(|planned| !planned.what.contains("secret")));
}

proptest! {
    #[test]
    fn percentiles_lie_within_the_latencies_in_order(list in prop::collection::vec(1_u64..60_000, 1..400)) {
        let series = latencies(&list).series();
        let mut last = 0.0;
        for quantile in Quantile::ALL {
            let value = series.at(quantile).unwrap();
            prop_assert!(value >= last);
            last = value;
        }
        let (least, most) = (*list.iter().min().unwrap(), *list.iter().max().unwrap());
        let (least, most) = (super::series::as_f64(least), super::series::as_f64(most));
        prop_assert!(series.p50_ms.unwrap() >= least * 0.999);
        prop_assert!(series.max_ms.unwrap() <= most * 1.001);
        for (low, high) in &series.confidence_ms {
            prop_assert!(low <= high);
        }
    }
}
