//! Opinions on what holds the backups: stanzas, repositories, buckets, places.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Backup;
use super::facts::{Facts, Item, Lock, Repo, Stanza};
use super::judge::{age, ago};
use super::pgbackrest;
use super::series::is_future;
use super::spec::{Expect, ResticSource};
use crate::outcome::Finding;

/// The series of all repositories of all stanzas, those without backups too.
pub(super) fn series(facts: &Facts) -> Vec<String> {
    facts
        .stanzas
        .iter()
        .flat_map(|stanza| {
            stanza
                .repos
                .iter()
                .map(|repo| pgbackrest::series(&stanza.name, repo.key))
        })
        .collect()
}

/// Judges everything that is not about one series of backups.
pub(super) fn judge(
    spec: &Backup,
    facts: &Facts,
    expect: &Expect,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    for stanza in &facts.stanzas {
        status(stanza, findings);
        for repo in &stanza.repos {
            segments(stanza, repo, facts, now, findings);
        }
        if let Some(wanted) = &expect.system_id {
            findings.push(system_id(stanza, wanted));
        }
    }
    if let Some(public) = facts.public {
        findings.push(if public {
            Finding::fail(
                "BAK-18",
                "anonymous listing",
                "refused",
                "allowed",
                "anyone may list the bucket that holds the backups",
            )
        } else {
            Finding::pass("anonymous listing", "refused", "refused")
        });
    }
    if let Some(least) = expect.min_locations {
        findings.push(places(facts, expect, least, now));
    }
    if let Some(source) = &spec.restic {
        restic(source, facts, now, findings);
    }
}

/// Judges the status codes, of the stanza and of each repository.
fn status(stanza: &Stanza, findings: &mut Vec<Finding>) {
    let wanted = "ok (0)";
    let subject = format!("stanza {}", stanza.name);
    let actual = format!("{} ({})", stanza.message, stanza.code);
    let message = format!(
        "pgBackRest says of stanza {}: {}",
        stanza.name, stanza.message
    );
    findings.push(match stanza.code {
        0 => Finding::pass(subject, wanted, actual),
        1 | 3 | 5 => Finding::fail("BAK-13", subject, wanted, actual, message),
        2 | 6 => Finding::fail("BAK-01", subject, wanted, actual, message),
        4 => Finding::fail("BAK-14", subject, wanted, actual, message),
        // 99 and what later versions add: pgBackRest could not look either.
        _ => Finding::fail("BAK-14", subject, wanted, actual, message).as_unknown(),
    });
    if stanza.repos.len() < 2 {
        return;
    }
    for repo in &stanza.repos {
        let subject = format!("repo{} of {}", repo.key, stanza.name);
        let actual = format!("{} ({})", repo.message, repo.code);
        findings.push(if repo.code == 0 {
            Finding::pass(subject, wanted, actual)
        } else {
            Finding::fail(
                "BAK-14",
                subject,
                wanted,
                actual,
                format!(
                    "repository {} fails while there are others: {}",
                    repo.key, repo.message
                ),
            )
        });
    }
}

/// Judges whether the newest backup is of the current cluster and has the log that it needs.
fn segments(
    stanza: &Stanza,
    repo: &Repo,
    facts: &Facts,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    let name = pgbackrest::series(&stanza.name, repo.key);
    let newest = facts
        .backups
        .iter()
        .find(|item| item.series == name && !is_future(item, now));
    let Some(newest) = newest else {
        return;
    };
    if let (Some(current), Some(of)) = (repo.cluster, newest.cluster)
        && of != current
    {
        findings.push(Finding::fail(
            "BAK-13",
            format!("cluster of {name}"),
            "the newest backup is of the current cluster",
            format!("{} is of an earlier one", newest.name),
            "the cluster that is in use now has no backup: the newest is of one before an upgrade or restore",
        ));
    }
    let Some((first, last)) = &newest.wal else {
        return;
    };
    let subject = format!("log of {name}");
    let wanted = format!("{first} to {last}");
    let archived = repo
        .archives
        .iter()
        .filter(|(cluster, ..)| cluster.is_none() || *cluster == newest.cluster)
        .find_map(|(_, min, max)| min.as_ref().zip(max.as_ref()));
    findings.push(match archived {
        Some((min, max)) if min <= first && max >= last => {
            Finding::pass(subject, wanted, format!("{min} to {max}"))
        }
        Some((min, max)) => Finding::fail(
            "BAK-10",
            subject,
            wanted,
            format!("{min} to {max}"),
            format!("{} needs log that is not in the repository", newest.name),
        ),
        None => Finding::fail(
            "BAK-10",
            subject,
            wanted,
            "none",
            format!("{} needs log, and none is in the repository", newest.name),
        ),
    });
}

/// Judges whether the right cluster is backed up.
fn system_id(stanza: &Stanza, wanted: &str) -> Finding {
    let subject = format!("system identifier of {}", stanza.name);
    match stanza.system_ids.last() {
        Some(seen) if seen == wanted => Finding::pass(subject, wanted, seen),
        Some(seen) => Finding::fail(
            "BAK-13",
            subject,
            wanted,
            seen,
            "another cluster is backed up than the one that is in use",
        ),
        None => Finding::fail(
            "BAK-13",
            subject,
            wanted,
            "unknown",
            "pgBackRest names no cluster",
        )
        .as_unknown(),
    }
}

/// Judges in how many places there is a backup that is young enough.
fn places(facts: &Facts, expect: &Expect, least: u32, now: Timestamp) -> Finding {
    let mut newest: BTreeMap<&str, Timestamp> = BTreeMap::new();
    let believable = |item: &&Item| !is_future(item, now);
    for item in facts.backups.iter().filter(believable) {
        if let (Some(place), Some(time)) = (&item.location, item.time) {
            let known = newest.entry(place).or_insert(time);
            *known = (*known).max(time);
        }
    }
    let young: Vec<&str> = newest
        .into_iter()
        .filter(|(_, time)| expect.max_age.is_none_or(|limit| age(*time, now) <= limit))
        .map(|(place, _)| place)
        .collect();
    let wanted = format!("current backups in at least {least}");
    let actual = if young.is_empty() {
        "none".to_owned()
    } else {
        young.join(", ")
    };
    if young.len() as u64 >= u64::from(least) {
        return Finding::pass("places", wanted, actual);
    }
    let unknown = facts.total > 0 && facts.backups.iter().all(|item| item.location.is_none());
    let finding = Finding::fail(
        "BAK-16",
        "places",
        wanted,
        actual,
        "current backups are in too few places: what destroys one may destroy all",
    );
    if unknown {
        finding.as_unknown()
    } else {
        finding
    }
}

/// Judges paths, the last run and locks of restic.
fn restic(source: &ResticSource, facts: &Facts, now: Timestamp, findings: &mut Vec<Finding>) {
    for series in super::series::series(facts, &source.hosts, now) {
        let Some(newest) = series.items.first() else {
            continue;
        };
        for path in &source.paths {
            let subject = if series.name.is_empty() {
                format!("path {path}")
            } else {
                format!("path {path} of {}", series.name)
            };
            let inside = newest.paths.iter().any(|saved| covers(saved, path));
            findings.push(if inside {
                Finding::pass(subject, "in the newest snapshot", newest.name.clone())
            } else {
                Finding::fail(
                    "BAK-20",
                    subject,
                    "in the newest snapshot",
                    newest.paths.join(", "),
                    format!(
                        "the newest snapshot, {}, does not contain {path}",
                        newest.name
                    ),
                )
            });
        }
    }
    if let Some(run) = &facts.run {
        findings.push(last_run(facts, run, now));
    }
    if let (Some(limit), Some(locks)) = (source.max_lock_age, &facts.locks) {
        let subject = "locks";
        let wanted = format!("none older than {limit}");
        let is_old = |lock: &&Lock| lock.time.is_none_or(|time| age(time, now) > limit);
        findings.push(match locks.iter().find(is_old) {
            Some(lock) => Finding::fail(
                "BAK-22",
                subject,
                wanted,
                format!(
                    "one of {}, {}",
                    lock.host,
                    lock.time
                        .map_or_else(|| "of unknown age".to_owned(), |time| ago(time, now))
                ),
                "a lock was left behind, which keeps maintenance from running",
            ),
            None => Finding::pass(subject, wanted, locks.len().to_string()),
        });
    }
}

/// Whether saving one path saves the other.
fn covers(saved: &str, wanted: &str) -> bool {
    let (saved, wanted) = (saved.trim_end_matches('/'), wanted.trim_end_matches('/'));
    wanted
        .strip_prefix(saved)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Judges the output of the last run.
fn last_run(facts: &Facts, run: &super::facts::RunLog, now: Timestamp) -> Finding {
    let subject = "last run";
    let wanted = "a snapshot without errors";
    let fail =
        |actual: String, message: &str| Finding::fail("BAK-21", subject, wanted, actual, message);
    let Some(made) = &run.snapshot else {
        return fail(
            "no snapshot".to_owned(),
            "the last run ended without a snapshot",
        );
    };
    if run.errors > 0 {
        let first = run.first.as_deref().unwrap_or_default();
        return fail(
            format!("{} errors, first: {first}", run.errors),
            "the last run left out what it could not read, and its snapshot does not say so",
        );
    }
    let newest = facts.backups.iter().find(|item| !is_future(item, now));
    if newest.is_some_and(|newest| &newest.name != made) {
        return fail(
            format!("of snapshot {made}, which is not the newest"),
            "the log is of another run, so nothing is known of the newest snapshot",
        )
        .as_unknown();
    }
    Finding::pass(subject, wanted, format!("snapshot {made}"))
}
