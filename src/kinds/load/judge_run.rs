//! Judging the run as a whole.

use super::Load;
use super::facts::{End, Facts, MemoryFacts};
use super::judge::{KEPT_UP, percent, shown};
use super::series::Quantile;
use super::spec::{Growth, Memory};
use crate::expect::{ByteSize, TimeSpan};
use crate::outcome::Finding;

/// What is compared with an earlier run.
const COMPARED: [Quantile; 3] = [Quantile::P50, Quantile::P95, Quantile::P99];

/// The finding of a run that somebody in between refused: nothing else means anything then.
pub(super) fn refused(facts: &Facts) -> Option<Finding> {
    let after = format!("after {} requests", facts.sent);
    let (actual, message) = match &facts.end {
        End::Limited(wait) => {
            let wait = wait
                .as_ref()
                .map(|wait| format!(", Retry-After: {wait}"))
                .unwrap_or_default();
            (
                format!("429 {after}{wait}"),
                format!("a rate limit answered 429 {after}; the run was stopped"),
            )
        }
        End::Challenged(firewall) => (
            format!("a challenge of {firewall} {after}"),
            format!("{firewall} wants to see a browser; the run was stopped {after}"),
        ),
        _ => return None,
    };
    let finding = Finding::fail(
        "LAT-12",
        "the run",
        "answers of the service",
        actual,
        message,
    );
    Some(finding.as_unknown())
}

/// The finding of a run that did not send all it should.
pub(super) fn ended_early(facts: &Facts) -> Option<Finding> {
    let planned = facts
        .planned
        .map_or_else(|| "the whole time".to_owned(), |n| format!("{n} requests"));
    let sent = format!("{} requests", facts.sent);
    match facts.end {
        End::Errors => {
            let failed: u32 = facts.entries.iter().map(super::facts::Entry::failed).sum();
            let done: u32 = facts.entries.iter().map(|entry| entry.done).sum();
            let message = format!(
                "stopped after {sent}: {failed} of {done} failed ({:.0} %), and more would not help the service",
                percent(failed.into(), done.into())
            );
            Some(Finding::fail("LAT-02", "the run", planned, sent, message))
        }
        End::Time => {
            let message = format!("the time of the check was over after {sent}: raise `timeout`");
            Some(Finding::fail("LAT-10", "the run", planned, sent, message).as_unknown())
        }
        End::Bytes => {
            let message =
                format!("stopped after {sent}: the answers were too large to read so many");
            Some(Finding::fail("LAT-16", "the run", planned, sent, message).as_unknown())
        }
        _ => None,
    }
}

/// Whether clearly fewer requests were started than declared.
pub(super) fn behind(facts: &Facts) -> bool {
    matches!((facts.rate, facts.achieved_rate), (Some(rate), Some(achieved)) if achieved < rate * KEPT_UP)
}

/// What must hold for all requests together.
pub(super) fn judge(load: &Load, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(rate(facts));
    findings.extend(outage(load, facts));
    findings.extend(throughput(load, facts));
    if let (Some(wanted), Some(seen)) = (&load.memory, &facts.memory) {
        findings.push(memory(wanted, seen));
    }
    findings.extend(regressions(load, facts));
    findings
}

/// Whether the declared rate was kept.
fn rate(facts: &Facts) -> Option<Finding> {
    if facts.end != End::Complete || !behind(facts) {
        return None;
    }
    let (rate, achieved) = (facts.rate?, facts.achieved_rate?);
    let why = if facts.held_back > 0 {
        "too many were under way: raise `concurrency`"
    } else {
        "this machine cannot send faster"
    };
    let finding = Finding::fail(
        "LAT-11",
        "requests started",
        format!("{rate} a second"),
        format!("{achieved:.1} a second"),
        format!("only {achieved:.1} requests a second were started instead of {rate}; {why}"),
    );
    Some(finding.as_unknown())
}

/// The longest interruption.
fn outage(load: &Load, facts: &Facts) -> Option<Finding> {
    let allowed = load.max_outage?;
    let done: u32 = facts.entries.iter().map(|entry| entry.done).sum();
    let seen = &facts.outage;
    let expected = if allowed.0.is_zero() {
        "no failed request".to_owned()
    } else {
        format!("at most {allowed}")
    };
    if done == 0 {
        let message = "no request was answered or given up on".to_owned();
        return Some(
            Finding::fail("LAT-53", "longest outage", expected, "nothing", message).as_unknown(),
        );
    }
    let longest = TimeSpan::millis(seen.longest_ms);
    let over = TimeSpan::millis(facts.elapsed_ms);
    if seen.count == 0 {
        let actual = format!("none in {over}, {done} requests");
        return Some(Finding::pass("longest outage", expected, actual));
    }
    let actual = format!("{longest} of {over}, {} in all", seen.count);
    if longest.0 <= allowed.0 && !seen.lasts {
        return Some(Finding::pass("longest outage", expected, actual));
    }
    let until = if seen.lasts {
        "; the last request failed too"
    } else {
        ""
    };
    let began = TimeSpan::millis(seen.began_ms);
    let message = format!("requests failed for {longest}, from {began} into the run on{until}");
    Some(Finding::fail(
        "LAT-53",
        "longest outage",
        expected,
        actual,
        message,
    ))
}

/// Successful answers a second.
fn throughput(load: &Load, facts: &Facts) -> Option<Finding> {
    let least = load.min_throughput?;
    let subject = "successful answers";
    let expected = format!("at least {least} a second");
    let actual = format!("{:.1} a second", facts.throughput);
    Some(if facts.throughput >= least {
        Finding::pass(subject, expected, actual)
    } else {
        let message = format!("{actual} were answered, {least} is the target");
        Finding::fail("LAT-54", subject, expected, actual, message)
    })
}

/// Growth of memory.
fn memory(wanted: &Memory, seen: &MemoryFacts) -> Finding {
    let subject = wanted.metric.clone();
    let expected = format!("at most {} more", wanted.max_growth);
    let Some(after) = seen.after else {
        let why = seen.trouble.clone().unwrap_or_default();
        let message = format!("memory could not be read after the run: {why}");
        return Finding::fail("LAT-51", subject, expected, "unknown", message).as_unknown();
    };
    let actual = format!("{} before, {} after", size(seen.before), size(after));
    if seen.restarted {
        let message = "the process that answers now is not the one of the beginning";
        return Finding::fail("LAT-52", subject, "the same process", actual, message);
    }
    let allowed = match wanted.max_growth {
        Growth::Relative(share) => seen.before * share,
        Growth::Absolute(ByteSize(bytes)) => super::series::as_f64(bytes),
    };
    if after - seen.before <= allowed {
        return Finding::pass(subject, expected, actual);
    }
    let message = format!(
        "memory grew by {} during the run, {} is allowed",
        size(after - seen.before),
        size(allowed)
    );
    Finding::fail("LAT-51", subject, expected, actual, message)
}

/// Bytes as people read them.
fn size(bytes: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates; negative growth is not shown"
    )]
    let whole = bytes.round() as u64;
    ByteSize(whole).to_string()
}

/// Slower than an earlier run, beyond chance and tolerance.
fn regressions(load: &Load, facts: &Facts) -> Vec<Finding> {
    let (Some(wanted), Some(earlier)) = (&load.baseline, &facts.baseline) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for entry in &facts.entries {
        let mut compared = false;
        let now = &entry.counted;
        for quantile in COMPARED {
            let before = earlier.get(&entry.name);
            let (Some((low, _)), Some((_, high)), Some(value), Some(was)) = (
                now.confidence(quantile),
                before.and_then(|series| series.confidence(quantile)),
                now.at(quantile),
                before.and_then(|series| series.at(quantile)),
            ) else {
                continue;
            };
            compared = true;
            let subject = format!("{} of {} against the baseline", quantile.name(), entry.name);
            let expected = format!("at most {} more than {}", wanted.tolerance, shown(was));
            let actual = shown(value);
            let own = facts.lag.p50_ms.unwrap_or_default();
            findings.push(if low - own <= high * (1.0 + wanted.tolerance.0) {
                Finding::pass(subject, expected, actual)
            } else {
                let message = format!(
                    "{} of {} was {} and is {actual}: chance explains up to {}",
                    quantile.name(),
                    entry.name,
                    shown(was),
                    shown(high)
                );
                Finding::fail("LAT-14", subject, expected, actual, message)
            });
        }
        if !compared {
            let message = format!(
                "nothing of {} can be compared: the baseline has no such request, or one of the runs is too short",
                entry.name
            );
            let subject = format!("{} against the baseline", entry.name);
            findings.push(
                Finding::fail("LAT-14", subject, "comparable", "not comparable", message)
                    .as_unknown(),
            );
        }
    }
    findings
}
