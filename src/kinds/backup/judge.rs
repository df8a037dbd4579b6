//! Opinions on what was seen: series by series.

use jiff::Timestamp;

use super::closer;
use super::facts::{Facts, Item};
use super::series::{Series, is_future};
use super::spec::Expect;
use crate::expect::{ByteSize, TimeSpan};
use crate::outcome::Finding;

/// How many backups before the newest make its history.
const HISTORY: usize = 30;
/// How much longer than allowed a gap may be: schedules wander by minutes.
const GAP_SLACK: f64 = 1.1;

/// `3h ago`, `in 2d`.
pub(super) fn ago(time: Timestamp, now: Timestamp) -> String {
    let age = now.duration_since(time);
    let span = TimeSpan(age.unsigned_abs());
    if age.is_negative() {
        format!("in {span}")
    } else {
        format!("{span} ago")
    }
}

/// How old a backup is; one from the moment before the audit is not of negative age.
pub(super) fn age(time: Timestamp, now: Timestamp) -> TimeSpan {
    let age = now.duration_since(time);
    TimeSpan(if age.is_negative() {
        std::time::Duration::ZERO
    } else {
        age.unsigned_abs()
    })
}

/// Judges one series.
pub(super) struct SeriesJudge<'a> {
    /// What is expected.
    pub(super) expect: &'a Expect,
    /// The series.
    pub(super) series: &'a Series<'a>,
    /// Whether it was asked for by name.
    pub(super) named: bool,
    /// Everything that was seen.
    pub(super) facts: &'a Facts,
    /// When the audit began.
    pub(super) now: Timestamp,
}

impl SeriesJudge<'_> {
    /// A subject inside this series.
    pub(super) fn subject(&self, what: &str) -> String {
        if self.series.name.is_empty() {
            what.to_owned()
        } else {
            format!("{what} of {}", self.series.name)
        }
    }

    /// Every statement on the series.
    pub(super) fn judge(&self, findings: &mut Vec<Finding>) {
        let Some(newest) = self.series.items.first().copied() else {
            findings.push(self.absent());
            return;
        };
        findings.push(self.newest(newest));
        findings.extend(self.running(newest));
        self.size(newest, findings);
        self.counts(findings);
        self.chain(newest, findings);
        findings.extend(self.gaps());
        self.flags(newest, findings);
        closer::judge(self, newest, findings);
    }

    /// There is no finished backup at all.
    fn absent(&self) -> Finding {
        let subject = self.subject("newest backup");
        let wanted = "at least one finished backup";
        if let Some(item) = self.series.incomplete.first() {
            return Finding::fail(
                "BAK-03",
                subject,
                wanted,
                format!("only {} ({})", item.name, item.unfinished),
                "no backup was ever finished",
            );
        }
        let future = self
            .facts
            .backups
            .iter()
            .any(|item| item.series == self.series.name && is_future(item, self.now));
        if future {
            return Finding::fail(
                "BAK-01",
                subject,
                wanted,
                "only backups dated in the future",
                "no backup has a believable time",
            );
        }
        if self.named && self.facts.total > 0 {
            return Finding::fail(
                "BAK-20",
                subject,
                wanted,
                format!("none among {}", self.facts.total),
                format!("there are backups, but none of {}", self.series.name),
            );
        }
        Finding::fail(
            "BAK-01",
            subject,
            wanted,
            "none",
            format!("{} has no backup", self.facts.source),
        )
    }

    /// Whether the newest is young enough.
    fn newest(&self, newest: &Item) -> Finding {
        let subject = self.subject("newest backup");
        let time = newest.time.unwrap_or(Timestamp::UNIX_EPOCH);
        let shown = format!("{}, {}", newest.name, ago(time, self.now));
        let Some(limit) = self.expect.max_age else {
            return Finding::pass(subject, "exists", shown);
        };
        let wanted = format!("at most {limit} old");
        if age(time, self.now) <= limit {
            return Finding::pass(subject, wanted, shown);
        }
        match self
            .series
            .incomplete
            .iter()
            .find(|item| item.time > newest.time)
        {
            Some(item) => Finding::fail(
                "BAK-03",
                subject,
                wanted,
                format!("{shown}; {} is not finished", item.name),
                format!(
                    "the last attempt, {}, is not finished: {}",
                    item.name, item.unfinished
                ),
            ),
            None => Finding::fail(
                "BAK-02",
                subject,
                wanted,
                shown,
                "the newest backup is too old: what was written since would be lost",
            ),
        }
    }

    /// Whether an unfinished one has been there for too long.
    fn running(&self, newest: &Item) -> Option<Finding> {
        let item = self.series.incomplete.first()?;
        let limit = self
            .expect
            .max_running
            .unwrap_or(TimeSpan::seconds(24 * 3600));
        let time = item.time.filter(|time| Some(*time) > newest.time)?;
        (age(time, self.now) > limit).then(|| {
            Finding::fail(
                "BAK-03",
                self.subject("running backup"),
                format!("finished within {limit}"),
                format!("{}, {}", item.name, ago(time, self.now)),
                format!("{} was begun but never finished", item.name),
            )
            .as_warning()
        })
    }

    /// Size of the newest: not nothing, not too small, not much smaller than usual.
    fn size(&self, newest: &Item, findings: &mut Vec<Finding>) {
        let subject = self.subject("size");
        let fail = |wanted: String, actual: String, message: &str| {
            Finding::fail("BAK-04", subject.clone(), wanted, actual, message)
        };
        let Some(size) = newest.size else {
            if self.expect.min_size.is_some() || self.expect.max_shrink.is_some() {
                findings.push(
                    fail(
                        "a known size".to_owned(),
                        "unknown".to_owned(),
                        "the source does not say how large the backup is",
                    )
                    .as_unknown(),
                );
            }
            return;
        };
        let shown = ByteSize(size).to_string();
        let least = self.expect.min_size.unwrap_or(ByteSize(1));
        if size < least.0.max(1) {
            findings.push(fail(
                format!("at least {least}"),
                shown,
                if size == 0 {
                    "the newest backup is empty"
                } else {
                    "the newest backup is too small to be one"
                },
            ));
            return;
        }
        if self.expect.min_size.is_some() {
            findings.push(Finding::pass(
                subject.clone(),
                format!("at least {least}"),
                shown.clone(),
            ));
        }
        let Some(percent) = self.expect.max_shrink else {
            return;
        };
        let mut before: Vec<u64> = self
            .series
            .items
            .iter()
            .skip(1)
            .filter(|item| item.kind == newest.kind)
            .filter_map(|item| item.size)
            .take(HISTORY)
            .collect();
        before.sort_unstable();
        let wanted = format!("at most {percent} % below the median before it");
        if before.len() < 2 {
            findings.push(
                fail(
                    wanted,
                    format!("{shown}, {} before it", before.len()),
                    "there are too few backups of this kind to compare sizes",
                )
                .as_warning(),
            );
            return;
        }
        let median = before.get(before.len() / 2).copied().unwrap_or(0);
        let actual = format!("{shown}, median {}", ByteSize(median));
        #[expect(
            clippy::cast_precision_loss,
            reason = "percentages need no exact bytes"
        )]
        let shrunk = (size as f64) < median as f64 * (1.0 - percent / 100.0);
        findings.push(if shrunk {
            fail(
                wanted,
                actual,
                "the newest backup is much smaller than those before it",
            )
        } else {
            Finding::pass(subject, wanted, actual)
        });
    }

    /// How many there are, and how far back they reach.
    fn counts(&self, findings: &mut Vec<Finding>) {
        let count = self.series.items.len();
        if let Some(least) = self.expect.min_count {
            let subject = self.subject("restore points");
            let wanted = format!("at least {least}");
            findings.push(if (count as u64) < u64::from(least) {
                Finding::fail(
                    "BAK-09",
                    subject,
                    wanted,
                    count.to_string(),
                    "there are fewer restore points than the policy asks for",
                )
            } else {
                Finding::pass(subject, wanted, count.to_string())
            });
        }
        let Some(oldest) = self.series.items.last().and_then(|item| item.time) else {
            return;
        };
        let reach = age(oldest, self.now);
        let subject = self.subject("retention");
        if let Some(least) = self.expect.min_retention {
            let wanted = format!("back to at least {least} ago");
            findings.push(if reach < least {
                Finding::fail(
                    "BAK-09",
                    subject.clone(),
                    wanted,
                    format!("{reach} ago"),
                    "backups do not reach back as far as the policy asks for",
                )
            } else {
                Finding::pass(subject.clone(), wanted, format!("{reach} ago"))
            });
        }
        if let Some(most) = self.expect.max_retention {
            let wanted = format!("nothing older than {most}");
            findings.push(if reach > most {
                Finding::fail(
                    "BAK-09",
                    subject,
                    wanted,
                    format!("{reach} ago"),
                    "backups are kept for longer than the deletion policy allows",
                )
            } else {
                Finding::pass(subject, wanted, format!("{reach} ago"))
            });
        }
    }

    /// Whether the newest can be restored: its full backup and everything between are there.
    fn chain(&self, newest: &Item, findings: &mut Vec<Finding>) {
        let has = |name: &String| {
            self.facts
                .backups
                .iter()
                .any(|item| item.name == *name && item.series == newest.series)
        };
        if !newest.depends_on.is_empty() {
            let subject = self.subject("chain");
            findings.push(match newest.depends_on.iter().find(|name| !has(name)) {
                Some(missing) => Finding::fail(
                    "BAK-08",
                    subject,
                    "every backup it depends on",
                    format!("{missing} is missing"),
                    format!(
                        "{} cannot be restored: {missing}, on which it depends, is gone",
                        newest.name
                    ),
                ),
                None => Finding::pass(subject, "every backup it depends on", "present"),
            });
        }
        let Some(limit) = self.expect.full_max_age else {
            return;
        };
        let subject = self.subject("newest full backup");
        let wanted = format!("at most {limit} old");
        let is_full = |item: &&&Item| {
            item.kind
                .as_deref()
                .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("full"))
        };
        let full = self
            .series
            .items
            .iter()
            .find(is_full)
            .and_then(|item| Some((item, item.time?)));
        findings.push(match full {
            None if self.series.items.iter().all(|item| item.kind.is_none()) => Finding::fail(
                "BAK-08",
                subject,
                wanted,
                "unknown",
                "the source does not say which backups are full ones",
            )
            .as_unknown(),
            None => Finding::fail(
                "BAK-08",
                subject,
                wanted,
                "none",
                "there is no full backup, without which no other can be restored",
            ),
            Some((item, time)) => {
                let shown = format!("{}, {}", item.name, ago(time, self.now));
                if age(time, self.now) > limit {
                    Finding::fail(
                        "BAK-08",
                        subject,
                        wanted,
                        shown,
                        "the newest full backup is too old: the chain since is long and fragile",
                    )
                } else {
                    Finding::pass(subject, wanted, shown)
                }
            }
        });
    }

    /// Whether backups were made regularly.
    fn gaps(&self) -> Option<Finding> {
        let limit = self.expect.max_gap?;
        let window = self
            .expect
            .gap_window
            .unwrap_or(TimeSpan::seconds(14 * 86_400));
        let wanted = format!("at most {limit} between two, over {window}");
        let subject = self.subject("regularity");
        let times: Vec<Timestamp> = self
            .series
            .items
            .iter()
            .filter_map(|item| item.time)
            .collect();
        // The step that crosses the start of the window still counts.
        let inside = times
            .iter()
            .filter(|time| age(**time, self.now) <= window)
            .count();
        let widest = times
            .windows(2)
            .take(inside)
            .filter_map(|pair| match pair {
                [later, earlier] => Some((age(*earlier, *later), *earlier)),
                _ => None,
            })
            .max_by_key(|(gap, _)| *gap);
        Some(match widest {
            None => Finding::fail(
                "BAK-51",
                subject,
                wanted,
                "a single backup",
                "one backup is no series: nothing shows that they are made regularly",
            ),
            Some((gap, from)) if gap.0.as_secs_f64() > limit.0.as_secs_f64() * GAP_SLACK => {
                Finding::fail(
                    "BAK-51",
                    subject,
                    wanted,
                    format!("{gap} without one, after {from}"),
                    "backups were missed",
                )
            }
            Some((gap, _)) => Finding::pass(subject, wanted, format!("at most {gap}")),
        })
    }

    /// What the source flags: errors, encryption, protection.
    fn flags(&self, newest: &Item, findings: &mut Vec<Finding>) {
        if newest.error == Some(true) {
            findings.push(Finding::fail(
                "BAK-07",
                self.subject("errors"),
                "none flagged",
                format!("{} is flagged", newest.name),
                "errors were met while the newest backup was made, such as pages with a wrong checksum",
            ));
        } else if newest.error == Some(false) {
            findings.push(Finding::pass(
                self.subject("errors"),
                "none flagged",
                "none",
            ));
        }
        let mut flag =
            |wanted: bool, seen: Option<bool>, code: &'static str, what: &str, message: &str| {
                if !wanted {
                    return;
                }
                let subject = self.subject(what);
                findings.push(match seen {
                    Some(true) => Finding::pass(subject, "yes", "yes"),
                    Some(false) => Finding::fail(code, subject, "yes", "no", message),
                    None => {
                        Finding::fail(code, subject, "yes", "unknown", "the source does not say")
                            .as_unknown()
                    }
                });
            };
        flag(
            self.expect.encrypted,
            newest.encrypted,
            "BAK-15",
            "encryption",
            "the newest backup is not encrypted",
        );
        flag(
            self.expect.immutable,
            newest.immutable,
            "BAK-17",
            "protection against deletion",
            "whoever takes over the account can delete the newest backup",
        );
    }
}
