//! Judges the process, and what changed between two scrapes.

use jiff::Timestamp;

use super::Metrics;
use super::facts::{Facts, Page};
use super::judge_values::{not_finite, number, sum_of};
use crate::expect::{ByteSize, TimeSpan};
use crate::outcome::Finding;

/// The finding of a figure that the page does not have.
fn no_figure(name: &str) -> Finding {
    Finding::fail(
        "MET-02",
        name,
        "one series",
        "none, or several",
        format!("the page does not say {name} once"),
    )
}

/// Judges the figures of the process.
pub(super) fn process(metrics: &Metrics, page: &Page, now: Timestamp) -> Vec<Finding> {
    let Some(rule) = &metrics.process else {
        return Vec::new();
    };
    let seen = &page.process;
    let mut findings = Vec::new();
    if let Some(max) = rule.max_open_fds {
        findings.push(match (seen.open_fds, seen.max_fds) {
            (Some(open), Some(limit)) if limit > 0.0 && open > 0.0 => {
                let used = open / limit * 100.0;
                let expected = format!("at most {max}% of the limit");
                let actual = format!("{open} of {limit} ({used:.1}%)");
                if used <= max {
                    Finding::pass("open file descriptors", expected, actual)
                } else {
                    let message =
                        format!("{actual} file descriptors are open: the next connection may fail");
                    Finding::fail("MET-54", "open file descriptors", expected, actual, message)
                }
            }
            (None, _) => no_figure("process_open_fds"),
            (_, None) => no_figure("process_max_fds"),
            (Some(open), Some(limit)) => {
                let message = "a process that answers has descriptors open, and a limit";
                let actual = format!("{open} of {limit}");
                Finding::fail(
                    "MET-54",
                    "open file descriptors",
                    "above 0",
                    actual,
                    message,
                )
                .as_unknown()
            }
        });
    }
    if let Some(max) = rule.max_memory {
        findings.push(match seen.memory.filter(|bytes| *bytes > 0.0) {
            None => no_figure("process_resident_memory_bytes"),
            Some(bytes) => {
                let actual = size(bytes);
                let expected = format!("at most {max}");
                if ByteSize(whole(bytes)) <= max {
                    Finding::pass("resident memory", expected, actual)
                } else {
                    let message = format!("the process uses {actual} of memory");
                    Finding::fail("MET-55", "resident memory", expected, actual, message)
                }
            }
        });
    }
    if let Some(min) = rule.min_uptime {
        findings.push(match seen.started.filter(|seconds| *seconds > 0.0) {
            None => no_figure("process_start_time_seconds"),
            Some(started) => uptime(min, started, now),
        });
    }
    findings
}

/// Judges how long the process has run.
fn uptime(min: TimeSpan, started: f64, now: Timestamp) -> Finding {
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
    let age = now.as_second() as f64 - started;
    let subject = "time since the process started";
    let expected = format!("at least {min}");
    if age < -60.0 {
        let message = "the clocks of this machine and of the process differ";
        return Finding::fail("MET-57", subject, expected, "starts in the future", message)
            .as_unknown();
    }
    let actual = TimeSpan::seconds(whole(age.max(0.0))).to_string();
    if age >= min.0.as_secs_f64() {
        Finding::pass(subject, expected, actual)
    } else {
        let message =
            format!("the process started {actual} ago: it may be restarting again and again");
        Finding::fail("MET-57", subject, expected, actual, message)
    }
}

/// A count as a whole number.
fn whole(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates; negative values were looked at before"
    )]
    {
        value as u64
    }
}

/// Bytes as people read them, with the sign.
fn size(bytes: f64) -> String {
    let shown = ByteSize(whole(bytes.abs()));
    if bytes < 0.0 {
        format!("-{shown}")
    } else {
        shown.to_string()
    }
}

/// Judges what changed between two scrapes.
pub(super) fn second(
    metrics: &Metrics,
    facts: &Facts,
    first: &Page,
    second: &Page,
) -> Vec<Finding> {
    let Some(rule) = &metrics.second_scrape else {
        return Vec::new();
    };
    let restarted = match (first.process.started, second.process.started) {
        (Some(before), Some(after)) => (after - before).abs() > 1.0,
        (None, None) => false,
        _ => true,
    };
    if restarted {
        return vec![
            Finding::fail(
                "MET-03",
                "both scrapes",
                "of one process",
                "of processes with different start times",
                "the process restarted in between, or two replicas answered: scrape one of them",
            )
            .as_unknown(),
        ];
    }
    let mut findings = vec![if facts.fell.is_empty() {
        Finding::pass("counters", "none falls", "none fell")
    } else {
        let message = "counters fell although the process did not restart: rates of them are wrong";
        Finding::fail(
            "MET-03",
            "counters",
            "none falls",
            facts.fell.join("; "),
            message,
        )
    }];
    for (path, asked) in &facts.between {
        if let Err(fault) = asked {
            let message = format!("the request in between failed: {}", fault.message);
            findings.push(
                Finding::fail(
                    "MET-04",
                    format!("GET {path}"),
                    "an answer",
                    "none",
                    message,
                )
                .as_unknown(),
            );
        }
    }
    for selector in &rule.increases {
        let select = selector.to_string();
        findings.push(changed(&select, first, second, |before, after| {
            let actual = format!("{before}, then {after}");
            if after > before {
                return Finding::pass(&select, "larger the second time", actual);
            }
            let message = format!(
                "{select} did not move in {}: nothing counts, or there was no traffic",
                rule.after
            );
            Finding::fail("MET-04", &select, "larger the second time", actual, message)
        }));
    }
    for change in &rule.change {
        let select = change.select.to_string();
        findings.push(changed(&select, first, second, |before, after| {
            number(
                "MET-58",
                format!("change of {select}"),
                &change.is,
                after - before,
            )
        }));
    }
    findings.extend(growth(metrics, first, second));
    findings
}

/// Judges how much memory the process took in between.
fn growth(metrics: &Metrics, first: &Page, second: &Page) -> Option<Finding> {
    let max = metrics.process.as_ref()?.max_memory_growth?;
    let after = metrics.second_scrape.as_ref()?.after;
    let (Some(before), Some(now)) = (first.process.memory, second.process.memory) else {
        return Some(no_figure("process_resident_memory_bytes"));
    };
    if before <= 0.0 || now <= 0.0 {
        return Some(no_figure("process_resident_memory_bytes"));
    }
    let grown = now - before;
    let subject = "growth of resident memory";
    let expected = format!("at most {max} in {after}");
    let actual = format!("{} ({}, then {})", size(grown), size(before), size(now));
    Some(if grown <= 0.0 || ByteSize(whole(grown)) <= max {
        Finding::pass(subject, expected, actual)
    } else {
        let message = format!("the process took {} more memory in {after}", size(grown));
        Finding::fail("MET-58", subject, expected, actual, message)
    })
}

/// Judges the sums of a selection before and after.
fn changed(
    select: &str,
    first: &Page,
    second: &Page,
    judge: impl FnOnce(f64, f64) -> Finding,
) -> Finding {
    let found = (first.selected(select), second.selected(select));
    let (Some(before), Some(after)) = found else {
        return not_finite(select, "a number");
    };
    // A series that appears in between counts from 0, as a new counter does.
    if after.count == 0 {
        let message = format!("{select} selects nothing");
        return Finding::fail("MET-02", select, "a series", "none", message);
    }
    match (sum_of(before), sum_of(after)) {
        (Some(before), Some(after)) => judge(before, after),
        _ => not_finite(select, "a number"),
    }
}
