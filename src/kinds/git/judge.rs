//! Judges a repository.

use jiff::Timestamp;

use super::facts::{Ages, Facts, FileHit, Files, History, Wanted};
use super::{Clean, Git, Level, NotOlder, Secrets};
use crate::expect::{ByteSize, TimeSpan};
use crate::leaks::Class;
use crate::outcome::Finding;

/// The most findings of one sort.
const MAX_SHOWN: usize = 25;

/// Judges everything the check asks for.
pub(super) fn judge(spec: &Git, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.tracked == 0 {
        findings.push(
            Finding::fail(
                "GIT-62",
                "tracked files",
                "at least one",
                "none",
                format!(
                    "nothing is tracked in {}: there is nothing to judge",
                    facts.repository
                ),
            )
            .as_unknown(),
        );
    }
    if let Some(files) = &facts.files {
        if let Some(secrets) = &spec.secrets {
            judge_secrets(secrets, files, &mut findings);
        }
        if let Some(data) = &spec.data {
            judge_data(data.max_size, files, &mut findings);
        }
    }
    if let (Some(secrets), Some(history)) = (&spec.secrets, &facts.history) {
        judge_history(secrets, history, facts.shallow, &mut findings);
    }
    if !spec.not_tracked.is_empty() {
        judge_unwanted(spec, facts, &mut findings);
    }
    for wanted in &facts.wanted {
        judge_wanted(wanted, &mut findings);
    }
    judge_ignored(facts, &mut findings);
    judge_at(spec, facts, &mut findings);
    judge_clean(spec, facts, &mut findings);
    judge_tag(spec, facts, &mut findings);
    for (pair, ages) in spec.not_older.iter().zip(&facts.ages) {
        findings.push(judge_age(pair, ages, facts.shallow));
    }
    findings
}

/// The code of a class.
fn code(class: Class) -> &'static str {
    match class {
        Class::Secret => "GIT-51",
        Class::Credentials => "GIT-52",
        Class::DefaultCredentials => "GIT-53",
        Class::Personal | Class::Address => "GIT-63",
    }
}

/// What a match is, in words.
fn words(found: &FileHit) -> (&'static str, String) {
    let what = if found.hit.rule == "key-file" {
        "a key store"
    } else {
        found.hit.what()
    };
    let place = if found.committed_only {
        format!(
            "{}:{}:{} as committed",
            found.path, found.hit.line, found.hit.column
        )
    } else {
        format!("{}:{}:{}", found.path, found.hit.line, found.hit.column)
    };
    (what, place)
}

/// Judges the matches of the tracked files.
fn judge_secrets(secrets: &Secrets, files: &Files, findings: &mut Vec<Finding>) {
    let counted = |found: &&FileHit| {
        found.hit.class != Class::DefaultCredentials || secrets.default_credentials != Level::Ignore
    };
    let hits: Vec<&FileHit> = files.hits.iter().filter(counted).collect();
    for found in hits.iter().take(MAX_SHOWN) {
        let (what, place) = words(found);
        let message = match found.hit.class {
            Class::DefaultCredentials => format!(
                "{place} falls back to credentials that everybody knows; without the variable the program runs with them"
            ),
            Class::Personal | Class::Address => format!("{place} holds {what}"),
            _ => format!("{place} holds {what}: everybody with a clone can use it"),
        };
        let finding = Finding::fail(
            code(found.hit.class),
            place,
            "no secret",
            format!("{} ({what})", found.hit.rule),
            message,
        );
        let warn = found.hit.class == Class::DefaultCredentials
            && secrets.default_credentials == Level::Warn;
        findings.push(if warn { finding.as_warning() } else { finding });
    }
    let beyond = hits.len().saturating_sub(MAX_SHOWN) as u64 + files.more;
    if beyond > 0 {
        findings.push(Finding::fail(
            hits.first().map_or("GIT-51", |found| code(found.hit.class)),
            "further tracked files",
            "no secret",
            format!("{beyond} more places"),
            format!(
                "{beyond} more places look like secrets; the report lists the first {MAX_SHOWN}"
            ),
        ));
    }
    for (path, why) in files.unread.iter().take(MAX_SHOWN) {
        findings.push(
            Finding::fail(
                "GIT-51",
                path.as_str(),
                "read",
                format!("not read: {why}"),
                format!("{path} was not looked through: {why}; exclude it, or allow more with `max_file`"),
            )
            .as_unknown(),
        );
    }
    if hits.is_empty() && files.unread.is_empty() {
        let allowed = match files.allowed {
            0 => String::new(),
            n => format!(", {n} marked as harmless"),
        };
        findings.push(Finding::pass(
            "tracked files",
            "no secret",
            format!(
                "{} read, {} binary or excluded{allowed}",
                files.read, files.passed_over
            ),
        ));
    }
}

/// Judges data files.
fn judge_data(max_size: ByteSize, files: &Files, findings: &mut Vec<Finding>) {
    let expected = format!("no database, no dump, nothing above {max_size}");
    for file in files.data.iter().take(MAX_SHOWN) {
        let size = ByteSize(file.size);
        findings.push(Finding::fail(
            "GIT-55",
            file.path.as_str(),
            expected.as_str(),
            format!("{}, {size}", file.why),
            format!(
                "{} is tracked ({}, {size}): data does not belong in the repository",
                file.path, file.why
            ),
        ));
    }
    let beyond = files.data.len().saturating_sub(MAX_SHOWN);
    if beyond > 0 {
        findings.push(Finding::fail(
            "GIT-55",
            "further tracked files",
            expected.as_str(),
            format!("{beyond} more"),
            format!("{beyond} more data files are tracked"),
        ));
    }
    if files.data.is_empty() {
        findings.push(Finding::pass("tracked data", expected, "none"));
    }
}

/// Judges the history.
fn judge_history(secrets: &Secrets, history: &History, shallow: bool, findings: &mut Vec<Finding>) {
    // Defaults that are gone from the files harm nobody.
    let hits: Vec<&(String, FileHit)> = history
        .hits
        .iter()
        .filter(|(_, found)| matches!(found.hit.class, Class::Secret | Class::Credentials))
        .collect();
    for (commit, found) in hits.iter().take(MAX_SHOWN) {
        let (what, _) = words(found);
        findings.push(Finding::fail(
            "GIT-61",
            format!("commit {commit}, {}:{}", found.path, found.hit.line),
            "no secret",
            format!("{} ({what})", found.hit.rule),
            format!(
                "commit {commit} added {what} to {}:{}; whoever has the history has it",
                found.path, found.hit.line
            ),
        ));
    }
    let beyond = hits.len().saturating_sub(MAX_SHOWN) as u64 + history.more;
    if beyond > 0 {
        findings.push(Finding::fail(
            "GIT-61",
            "further commits",
            "no secret",
            format!("{beyond} more places"),
            format!("{beyond} more places in the history look like secrets"),
        ));
    }
    if shallow && history.commits < u64::from(secrets.history) {
        findings.push(
            Finding::fail(
                "GIT-62",
                "history",
                format!("the last {} commits", secrets.history),
                format!("{} commits of a shallow clone", history.commits),
                "the clone is shallow: its history is cut off; clone with the history (`fetch-depth: 0`)",
            )
            .as_unknown(),
        );
    } else if hits.is_empty() && beyond == 0 {
        findings.push(Finding::pass(
            "history",
            "no secret",
            format!("{} commits", history.commits),
        ));
    }
}

/// Judges files that must not be tracked.
fn judge_unwanted(spec: &Git, facts: &Facts, findings: &mut Vec<Finding>) {
    let expected = format!("not tracked: {}", spec.not_tracked.join(" "));
    for path in facts.unwanted.iter().take(MAX_SHOWN) {
        findings.push(Finding::fail(
            "GIT-54",
            path.as_str(),
            expected.as_str(),
            "tracked",
            format!("{path} is committed: everybody with a clone has it, also after it is removed"),
        ));
    }
    let beyond = facts.unwanted.len().saturating_sub(MAX_SHOWN);
    if beyond > 0 {
        findings.push(Finding::fail(
            "GIT-54",
            "further files",
            expected.as_str(),
            format!("{beyond} more tracked"),
            format!("{beyond} more files are tracked that must not be"),
        ));
    }
    if facts.unwanted.is_empty() {
        let seen = format!("none of {} tracked files", facts.tracked);
        findings.push(Finding::pass("unwanted files", expected, seen));
    }
}

/// Judges a pattern that must fit a tracked file.
fn judge_wanted(wanted: &Wanted, findings: &mut Vec<Finding>) {
    let pattern = &wanted.pattern;
    let untracked = wanted.untracked.len();
    if wanted.files == 0 {
        let message = if untracked > 0 {
            format!(
                "{pattern} is not tracked although it has files: they exist on this machine only"
            )
        } else {
            format!("no tracked file fits {pattern}: it is missing, or not committed")
        };
        findings.push(Finding::fail(
            "GIT-56",
            pattern.as_str(),
            "tracked",
            "not tracked",
            message,
        ));
    } else if let Some(first) = wanted.untracked.first() {
        findings.push(Finding::fail(
            "GIT-56",
            pattern.as_str(),
            "every file tracked",
            format!("{} tracked, {untracked} not, first {first}", wanted.files),
            format!("{first} is not tracked: whoever deploys from the repository does not have it"),
        ));
    } else {
        findings.push(Finding::pass(
            pattern.as_str(),
            "tracked",
            format!("{} tracked", wanted.files),
        ));
    }
}

/// Judges paths that must be ignored.
fn judge_ignored(facts: &Facts, findings: &mut Vec<Finding>) {
    for ignored in &facts.ignored {
        let path = &ignored.path;
        let expected = "covered by a .gitignore";
        findings.push(match &ignored.by {
            Some(by) if ignored.shared => {
                Finding::pass(path.as_str(), expected, format!("by {by}"))
            }
            Some(by) => Finding::fail(
                "GIT-57",
                path.as_str(),
                expected,
                format!("by {by}"),
                format!("{path} is ignored on this machine only, by {by}: others can commit it"),
            ),
            None => Finding::fail(
                "GIT-57",
                path.as_str(),
                expected,
                "not ignored",
                format!("{path} is not ignored: the next `git add .` commits it"),
            ),
        });
    }
}

/// Judges the files of a revision.
fn judge_at(spec: &Git, facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(at) = &spec.at else { return };
    let Some(files) = &facts.at else {
        findings.push(
            Finding::fail(
                "GIT-62",
                at.revision.as_str(),
                "a revision of this repository",
                "unknown",
                format!(
                    "there is no revision {} here; fetch tags and branches, or correct the name",
                    at.revision
                ),
            )
            .as_unknown(),
        );
        return;
    };
    for wanted in files {
        let subject = format!("{} at {}", wanted.pattern, at.revision);
        findings.push(if wanted.files > 0 {
            Finding::pass(subject, "present", format!("{} files", wanted.files))
        } else {
            let message = format!("{} has no file {}", at.revision, wanted.pattern);
            Finding::fail("GIT-56", subject, "present", "missing", message)
        });
    }
}

/// Judges whether anything differs from the last commit.
fn judge_clean(spec: &Git, facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(clean), Some(changes)) = (spec.clean, &facts.changes) else {
        return;
    };
    let expected = match clean {
        Clean::Tracked => "no tracked file differs from the last commit",
        Clean::All => "no file differs from the last commit",
    };
    let (tracked, untracked) = (changes.tracked.len(), changes.untracked.len());
    let first = changes.tracked.first().or(changes.untracked.first());
    findings.push(match first {
        None => Finding::pass("working tree", expected, "clean"),
        Some(first) => Finding::fail(
            "GIT-58",
            "working tree",
            expected,
            format!("{tracked} changed, {untracked} untracked, first {first}"),
            format!("{first} is not as committed: what is built here is in no commit"),
        ),
    });
}

/// Judges the tag on the last commit.
fn judge_tag(spec: &Git, facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(tag) = &spec.tag else { return };
    let tags = facts.tags.as_deref().unwrap_or_default();
    let subject = "tag of the last commit";
    let fits = if tags.is_empty() {
        tag.check_text(None).ok().map(|()| "none".to_owned())
    } else if tag.is_negative() {
        tags.iter()
            .all(|name| tag.check_text(Some(name)).is_ok())
            .then(|| tags.join(", "))
    } else {
        tags.iter()
            .find(|name| tag.check_text(Some(name)).is_ok())
            .cloned()
    };
    findings.push(match fits {
        Some(seen) => Finding::pass(subject, tag.to_string(), seen),
        None => {
            let seen = if tags.is_empty() {
                "none".to_owned()
            } else {
                tags.join(", ")
            };
            let message = format!(
                "the last commit ({}) has no such tag; a clone without tags has none either",
                facts.head.as_deref().unwrap_or("none")
            );
            Finding::fail("GIT-59", subject, tag.to_string(), seen, message)
        }
    });
}

/// Judges whether a path keeps up with another.
fn judge_age(pair: &NotOlder, ages: &Ages, shallow: bool) -> Finding {
    let subject = format!("last commit of {}", pair.path);
    let expected = if pair.by.0.is_zero() {
        format!("not older than that of {}", pair.than)
    } else {
        format!("at most {} older than that of {}", pair.by, pair.than)
    };
    let fail = |actual: String, message: String| {
        Finding::fail(
            "GIT-60",
            subject.as_str(),
            expected.as_str(),
            actual,
            message,
        )
    };
    if shallow {
        let message = "the clone is shallow: it does not show when a path was last changed; clone with the history (`fetch-depth: 0`)";
        return fail("unknown".to_owned(), message.to_owned()).as_unknown();
    }
    match (ages.path, ages.than) {
        (None, _) => fail(
            "never committed".to_owned(),
            format!("{} is in no commit", pair.path),
        ),
        (_, None) => fail(
            format!("{} never committed", pair.than),
            format!(
                "{} is in no commit: there is nothing to keep up with; correct `than`",
                pair.than
            ),
        )
        .as_unknown(),
        (Some(path), Some(than)) => {
            let behind = u64::try_from(than.saturating_sub(path)).unwrap_or(0);
            let (path, than) = (day(path), day(than));
            let seen = format!("{path}; {} {than}", pair.than);
            if behind <= pair.by.as_secs() {
                Finding::pass(subject, expected, seen)
            } else {
                let lag = TimeSpan::seconds(behind);
                fail(
                    seen,
                    format!(
                        "{} changed {lag} after {}: it may no longer say what is done",
                        pair.than, pair.path
                    ),
                )
            }
        }
    }
}

/// A time as a date.
fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| "unknown".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M").to_string(),
    )
}
