//! Judging one declared request at a time.

use super::facts::{End, Entry, Facts};
use super::series::{GROUPS_NEED, Quantile, as_f64, needed};
use super::spec::{Cached, Expect};
use super::{Load, judge_run};
use crate::expect::{ByteSize, TimeSpan};
use crate::outcome::Finding;

/// Least share of the declared rate that must have been started.
pub(super) const KEPT_UP: f64 = 0.9;

/// Judges everything.
pub(super) fn judge(load: &Load, facts: &Facts) -> Vec<Finding> {
    if let Some(finding) = judge_run::refused(facts) {
        return vec![finding];
    }
    let mut findings: Vec<Finding> = judge_run::ended_early(facts).into_iter().collect();
    let stopped = facts.end == End::Errors;
    for target in load.targets() {
        let Some(entry) = facts.entries.iter().find(|entry| entry.name == target.name) else {
            findings.push(
                Finding::fail(
                    "LAT-10",
                    target.name.clone(),
                    "measured",
                    "nothing",
                    format!("{} was not measured", target.name),
                )
                .as_unknown(),
            );
            continue;
        };
        let look = Look {
            load,
            facts,
            entry,
            expect: target.expect,
        };
        findings.extend(look.errors());
        // After so many errors the times describe a service in trouble, not this one.
        if !stopped {
            findings.extend(look.times());
            findings.extend(look.others());
        }
    }
    if !stopped {
        findings.extend(judge_run::judge(load, facts));
    }
    findings
}

/// Milliseconds as people read them.
pub(super) fn shown(ms: f64) -> String {
    if ms < 10.0 {
        format!("{ms:.2}ms")
    } else if ms < 10_000.0 {
        format!("{ms:.0}ms")
    } else {
        format!("{:.1}s", ms / 1000.0)
    }
}

/// A time span in milliseconds.
pub(super) fn ms(span: TimeSpan) -> f64 {
    span.0.as_secs_f64() * 1000.0
}

/// One declared request, what was seen of it, and what must hold.
struct Look<'a> {
    /// The check.
    load: &'a Load,
    /// The run.
    facts: &'a Facts,
    /// What was seen.
    entry: &'a Entry,
    /// What must hold.
    expect: &'a Expect,
}

impl Look<'_> {
    /// `p95 of GET /search`.
    fn subject(&self, what: &str) -> String {
        format!("{what} of {}", self.entry.name)
    }

    /// The share of errors.
    fn errors(&self) -> Vec<Finding> {
        let entry = self.entry;
        let allowed = self.expect.allowed_errors(
            self.load
                .max_outage
                .is_some_and(|outage| !outage.0.is_zero()),
        );
        let Some(allowed) = allowed else {
            return Vec::new();
        };
        let subject = self.subject("errors");
        let expected = if allowed.0 > 0.0 {
            format!("at most {allowed} of the requests")
        } else {
            "none".to_owned()
        };
        if entry.done == 0 {
            let finding = Finding::fail(
                "LAT-10",
                subject,
                expected,
                "no request was answered or given up on",
                format!("nothing is known of {}", entry.name),
            );
            return vec![finding.as_unknown()];
        }
        let failed = u64::from(entry.failed());
        let actual = format!("{failed} of {}{}", entry.done, failures(entry));
        // What may fail is what is left when the rest must succeed.
        let must = super::share::Share(1.0 - allowed.0).of(u64::from(entry.done));
        vec![if u64::from(entry.ok) >= must {
            Finding::pass(subject, expected, actual)
        } else {
            let message = format!(
                "{} of {} requests to {} failed{}",
                failed,
                entry.done,
                entry.name,
                failures(entry)
            );
            Finding::fail("LAT-02", subject, expected, actual, message)
        }]
    }

    /// Percentiles, the maximum and shares within a time.
    fn times(&self) -> Vec<Finding> {
        let quantiles = Quantile::ALL.into_iter().filter_map(|quantile| {
            let bound = self.expect.bound(quantile)?;
            Some(self.percentile(quantile, bound))
        });
        let mut findings: Vec<Finding> = quantiles.collect();
        findings.extend(self.maximum());
        findings.extend(self.shares());
        findings
    }

    /// The finding of a statement that too few requests were measured for.
    fn too_few(&self, subject: String, expected: String, have: u64, need: u32) -> Finding {
        let message = format!(
            "{have} requests to {} were measured, {need} are needed to say so",
            self.entry.name
        );
        let actual = format!("{have} requests, {need} are needed");
        Finding::fail("LAT-10", subject, expected, actual, message).as_unknown()
    }

    /// One percentile.
    fn percentile(&self, quantile: Quantile, bound: TimeSpan) -> Finding {
        let subject = self.subject(quantile.name());
        let expected = format!("at most {bound}");
        let counted = &self.entry.counted;
        let need = quantile.needed();
        let Some(value) = counted
            .at(quantile)
            .filter(|_| counted.n >= u64::from(need))
        else {
            return self.too_few(subject, expected, counted.n, need);
        };
        let actual = format!("{} over {} requests", shown(value), counted.n);
        let limit = ms(bound);
        if value <= limit {
            return Finding::pass(subject, expected, actual);
        }
        let within = |series: &super::series::Series| {
            series.at(quantile).is_some_and(|value| value <= limit)
        };
        let name = quantile.name();
        let entry = self.entry;
        let of = format!("{name} of {} is {}", entry.name, shown(value));
        if let Some(finding) = self.late(&subject, &expected, &actual, value - limit) {
            return finding;
        }
        let (code, message) = if entry.timeouts > 0 && within(&entry.answered) {
            (
                "LAT-04",
                format!(
                    "{of}: {} requests timed out; the answers alone look fast enough",
                    entry.timeouts
                ),
            )
        } else if within(&entry.with_errors) {
            (
                "LAT-03",
                format!(
                    "{of}: only with the {} fast errors counted in it looks fast enough",
                    entry.failed()
                ),
            )
        } else if within(&entry.service) && self.behind() {
            return self.not_sent(subject, expected, actual);
        } else if within(&entry.service) {
            (
                "LAT-07",
                format!(
                    "{of} from the moment requests were due, {} from when they could be sent: the service stalled and requests waited",
                    shown(entry.service.at(quantile).unwrap_or_default())
                ),
            )
        } else if within(&entry.first_byte) {
            (
                "LAT-08",
                format!(
                    "{of}, the headers came within {}: the body is slow",
                    shown(entry.first_byte.at(quantile).unwrap_or_default())
                ),
            )
        } else {
            ("LAT-01", format!("{of}, {bound} is the objective"))
        };
        Finding::fail(code, subject, expected, actual, message)
    }

    /// The slowest of all.
    fn maximum(&self) -> Option<Finding> {
        let bound = self.expect.max?;
        let subject = self.subject("slowest");
        let expected = format!("at most {bound}");
        let Some(value) = self.entry.counted.max_ms else {
            return Some(self.too_few(subject, expected, 0, 1));
        };
        let actual = format!("{} over {} requests", shown(value), self.entry.counted.n);
        let limit = ms(bound);
        if value <= limit {
            return Some(Finding::pass(subject, expected, actual));
        }
        let own = self.facts.lag.max_ms.unwrap_or_default();
        if value - own <= limit {
            return Some(self.own_fault(subject, expected, actual, own));
        }
        let message = format!(
            "a request to {} took {}, {bound} is the most allowed",
            self.entry.name,
            shown(value)
        );
        Some(Finding::fail("LAT-01", subject, expected, actual, message))
    }

    /// Shares within a time.
    fn shares(&self) -> Vec<Finding> {
        let entry = self.entry;
        let done = u64::from(entry.done);
        let counts = self.expect.shares().zip(&entry.within);
        counts
            .map(|((time, share), count)| {
                let subject = self.subject(&format!("share within {time}"));
                let expected = format!("at least {share}");
                let need = needed(share.0);
                if done < u64::from(need) {
                    return self.too_few(subject, expected, done, need);
                }
                let actual = format!("{count} of {done}");
                if u64::from(*count) >= share.of(done) {
                    return Finding::pass(subject, expected, actual);
                }
                let message = format!(
                    "{count} of {done} requests to {} succeeded within {time}, {share} is the objective",
                    entry.name
                );
                Finding::fail("LAT-01", subject, expected, actual, message)
            })
            .collect()
    }

    /// Whether fewer requests were started than declared.
    fn behind(&self) -> bool {
        judge_run::behind(self.facts)
    }

    /// The finding of a time that may be this program's own fault.
    fn late(&self, subject: &str, expected: &str, actual: &str, excess: f64) -> Option<Finding> {
        let own = self.facts.lag.p99_ms.unwrap_or_default();
        (own >= excess).then(|| {
            self.own_fault(
                subject.to_owned(),
                expected.to_owned(),
                actual.to_owned(),
                own,
            )
        })
    }

    /// The words for that.
    fn own_fault(&self, subject: String, expected: String, actual: String, own: f64) -> Finding {
        let message = format!(
            "this machine was itself up to {} late, so the excess says nothing of {}",
            shown(own),
            self.entry.name
        );
        Finding::fail("LAT-11", subject, expected, actual, message).as_unknown()
    }

    /// The finding of a time that only comes from requests sent late.
    fn not_sent(&self, subject: String, expected: String, actual: String) -> Finding {
        let message = format!(
            "requests to {} waited here before they were sent: `concurrency` is too low for `rate`",
            self.entry.name
        );
        Finding::fail("LAT-11", subject, expected, actual, message).as_unknown()
    }

    /// Everything but times and errors.
    fn others(&self) -> Vec<Finding> {
        [
            self.cold(),
            self.slowdown(),
            self.unimodal(),
            self.size(),
            self.cache(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The first request.
    fn cold(&self) -> Option<Finding> {
        let bound = self.expect.max_cold?;
        let subject = self.subject("first request");
        let expected = format!("at most {bound}");
        let Some(value) = self.entry.cold_ms else {
            // Only the first of several requests to a host is cold.
            return self
                .facts
                .entries
                .iter()
                .all(|entry| entry.cold_ms.is_none())
                .then(|| self.too_few(subject, expected, 0, 1));
        };
        Some(if value <= ms(bound) {
            Finding::pass(subject, expected, shown(value))
        } else {
            let message = format!(
                "the first request took {}, connecting included",
                shown(value)
            );
            Finding::fail("LAT-06", subject, expected, shown(value), message)
        })
    }

    /// Alone and together.
    fn slowdown(&self) -> Option<Finding> {
        let factor = self.expect.max_slowdown?;
        let subject = self.subject("slowdown");
        let expected = format!("at most {factor} times");
        let need = Quantile::P50.needed();
        let (alone, together) = (&self.entry.alone, &self.entry.service);
        let fewest = alone.n.min(together.n);
        let (Some(one), Some(many)) = (alone.p50_ms, together.p50_ms) else {
            return Some(self.too_few(subject, expected, fewest, need));
        };
        if fewest < u64::from(need) {
            return Some(self.too_few(subject, expected, fewest, need));
        }
        let actual = format!("median {} alone, {} together", shown(one), shown(many));
        let own = self.facts.lag.p50_ms.unwrap_or_default();
        Some(if many - own <= one * factor {
            Finding::pass(subject, expected, actual)
        } else {
            let message = format!(
                "the median of {} is {} alone and {} under this load: requests wait for each other",
                self.entry.name,
                shown(one),
                shown(many)
            );
            Finding::fail("LAT-09", subject, expected, actual, message)
        })
    }

    /// One group or two.
    fn unimodal(&self) -> Option<Finding> {
        if !self.expect.unimodal {
            return None;
        }
        let subject = self.subject("times");
        let expected = "one group";
        let n = self.entry.answered.n;
        if n < u64::from(GROUPS_NEED) {
            return Some(self.too_few(subject, expected.to_owned(), n, GROUPS_NEED));
        }
        let Some(groups) = &self.entry.groups else {
            return Some(Finding::pass(subject, expected, "one group"));
        };
        let actual = format!(
            "up to {} and, for {:.0} %, from {} on",
            shown(groups.fast_ms),
            groups.slow_share * 100.0,
            shown(groups.slow_ms)
        );
        let message = format!(
            "{} has two speeds: {actual}. One of its backends is slow",
            self.entry.name
        );
        Some(Finding::fail("LAT-05", subject, expected, actual, message))
    }

    /// The largest answer.
    fn size(&self) -> Option<Finding> {
        let bound = self.expect.max_size?;
        let subject = self.subject("largest answer");
        let expected = format!("at most {bound}");
        let actual = ByteSize(self.entry.largest).to_string();
        Some(if self.entry.ok == 0 {
            self.too_few(subject, expected, 0, 1)
        } else if self.entry.largest <= bound.0 {
            Finding::pass(subject, expected, actual)
        } else {
            let message = format!("an answer of {} has {actual}", self.entry.name);
            Finding::fail("LAT-16", subject, expected, actual, message)
        })
    }

    /// Answers of a cache.
    fn cache(&self) -> Option<Finding> {
        let (cached, ok) = (self.entry.cached, self.entry.ok);
        let all = ok > 0 && cached == ok;
        let subject = self.subject("answers from a cache");
        let actual = format!("{cached} of {ok}");
        let message = format!(
            "a cache answered {actual} requests to {}: the service itself was not measured",
            self.entry.name
        );
        match self.load.cached {
            Cached::Noticed if all => {
                Some(Finding::fail("LAT-13", subject, "not all", actual, message).as_warning())
            }
            Cached::Refused if cached > 0 => {
                Some(Finding::fail("LAT-13", subject, "none", actual, message))
            }
            Cached::Refused if ok > 0 => Some(Finding::pass(subject, "none", actual)),
            _ => None,
        }
    }
}

/// The failures in words: `: status 503 ×4, timeout ×1`.
fn failures(entry: &Entry) -> String {
    let mut list: Vec<(&String, &u32)> = entry.failures.iter().collect();
    list.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let words: Vec<String> = list
        .iter()
        .take(4)
        .map(|(what, count)| format!("{what} ×{count}"))
        .collect();
    if words.is_empty() {
        String::new()
    } else {
        format!(": {}", words.join(", "))
    }
}

/// A share as percent, of counts.
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        as_f64(part) / as_f64(whole) * 100.0
    }
}
