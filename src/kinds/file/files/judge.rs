//! Judging what was seen of files.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::tree::is_glob;
use super::{DatedBy, Enough, FileFacts, Place, Rule, Seen};
use crate::context::JudgeContext;
use crate::expect::{ByteSize, TimeSpan};
use crate::outcome::{Fault, Finding, Judged};

/// Judges one rule.
pub(super) fn judge(rule: &Rule, seen: &Seen, cx: &JudgeContext) -> Vec<Finding> {
    let mut findings = Vec::new();
    let total: usize = seen.places.iter().map(|place| place.files.len()).sum();
    for place in &seen.places {
        if let Some(fault) = &place.fault {
            findings.push(unreadable(&place.path, fault));
        } else if rule.absent {
            findings.extend(absent(place));
        } else if place.files.is_empty() && rule.any_of.is_empty() {
            findings.push(missing(&place.path));
        }
        if rule.enough == Enough::All {
            for file in place.files.iter().filter(|_| !rule.absent) {
                findings.extend(judge_file(rule, file, cx));
            }
        }
    }
    if rule.enough == Enough::One && total > 0 {
        findings = best(rule, seen, findings, cx);
    }
    if !rule.any_of.is_empty() && total == 0 && findings.is_empty() {
        findings.push(missing(&rule.any_of.join(" or ")));
    }
    if let Some(least) = rule.min_files
        && total > 0
        && total < least
    {
        let paths: Vec<&str> = rule.places().map(String::as_str).collect();
        findings.push(Finding::fail(
            "FILE-51",
            paths.join(", "),
            format!("at least {least} files"),
            format!("{total}"),
            format!("only {total} of at least {least} files are there"),
        ));
    }
    findings
}

/// The findings of the file that holds everything; else of the one that holds most, whose faults are
/// the fewest to mend, behind those of what could not be looked at.
fn best(rule: &Rule, seen: &Seen, mut findings: Vec<Finding>, cx: &JudgeContext) -> Vec<Finding> {
    let red = |findings: &[Finding]| {
        findings
            .iter()
            .filter(|finding| finding.verdict != Judged::Pass)
            .count()
    };
    let files = seen.places.iter().flat_map(|place| &place.files);
    let best = files
        .map(|file| judge_file(rule, file, cx))
        .min_by_key(|findings| red(findings))
        .unwrap_or_default();
    if red(&best) == 0 {
        return best;
    }
    findings.extend(best);
    findings
}

/// The finding of something that could not be looked at.
pub(super) fn unreadable(path: &str, fault: &Fault) -> Finding {
    let hint = fault.hint.as_deref().unwrap_or_default();
    Finding::fail(
        "FILE-58",
        path,
        "a file that can be read",
        "not readable",
        format!("{}; {hint}", fault.message),
    )
    .as_unknown()
}

/// The finding of what is not there.
fn missing(path: &str) -> Finding {
    if is_glob(path) {
        return Finding::fail(
            "FILE-51",
            path,
            "at least one file",
            "none matches",
            format!("no file matches {path}"),
        );
    }
    Finding::fail(
        "FILE-51",
        path,
        "there",
        "missing",
        format!("{path} does not exist"),
    )
}

/// Judges that nothing is there.
fn absent(place: &Place) -> Vec<Finding> {
    if place.files.is_empty() {
        return vec![Finding::pass(&place.path, "absent", "absent")];
    }
    place
        .files
        .iter()
        .map(|file| {
            Finding::fail(
                "FILE-52",
                &file.path,
                "absent",
                "there",
                format!("{} must not be there", file.path),
            )
        })
        .collect()
}

/// Judges one file.
fn judge_file(rule: &Rule, file: &FileFacts, cx: &JudgeContext) -> Vec<Finding> {
    if let Some(fault) = &file.fault {
        return vec![unreadable(&file.path, fault)];
    }
    let mut findings = Vec::new();
    findings.push(judge_size(rule, file));
    findings.extend(
        rule.max_age
            .map(|most| judge_age(most, rule.dated_by, file, cx)),
    );
    findings.extend(judge_mode(rule, file));
    findings.extend(judge_text(rule, file));
    findings.extend(file.values.iter().map(|(path, held)| {
        let subject = format!("{} {path}", file.path);
        if held.holds {
            return Finding::pass(subject, "as expected", &held.actual);
        }
        Finding::fail(
            "FILE-57",
            subject,
            &held.expected,
            &held.actual,
            format!("{path} of {} is not as expected", file.path),
        )
    }));
    findings
}

/// Judges the size: an empty file is not what it is named after.
fn judge_size(rule: &Rule, file: &FileFacts) -> Finding {
    let size = ByteSize(file.size);
    let least = rule.min_size.unwrap_or(ByteSize(1));
    if file.folder {
        let asked = rule.min_size.is_some() || rule.max_size.is_some();
        if asked {
            return Finding::fail(
                "FILE-54",
                &file.path,
                "a file with a size",
                "a folder",
                format!("{} is a folder: it has no size of its own", file.path),
            );
        }
        return Finding::pass(&file.path, "there", "a folder");
    }
    let expected = match rule.max_size {
        Some(most) => format!("{least} to {most}"),
        None => format!("at least {least}"),
    };
    if size < least || rule.max_size.is_some_and(|most| size > most) {
        let message = if file.size == 0 {
            format!("{} is empty", file.path)
        } else {
            format!("{} has {size}", file.path)
        };
        return Finding::fail("FILE-54", &file.path, expected, size.to_string(), message);
    }
    Finding::pass(&file.path, expected, size.to_string())
}

/// Judges the age by the system or by a date in the text.
fn judge_age(most: TimeSpan, by: DatedBy, file: &FileFacts, cx: &JudgeContext) -> Finding {
    let when = match by {
        DatedBy::Modified => file.modified,
        DatedBy::Text => file.dated.and_then(midnight),
    };
    age_finding("FILE-53", &file.path, most, when, by, cx.now)
}

/// The beginning of a day, UTC.
pub(in super::super) fn midnight(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Judges an age; a date in the future, or none, proves nothing.
pub(in super::super) fn age_finding(
    code: &'static str,
    path: &str,
    most: TimeSpan,
    when: Option<Timestamp>,
    by: DatedBy,
    now: Timestamp,
) -> Finding {
    let subject = format!("{path} age");
    let expected = format!("at most {most}");
    let source = match by {
        DatedBy::Modified => "it was modified",
        DatedBy::Text => "the newest date in its text is",
    };
    let Some(when) = when else {
        let message = match by {
            DatedBy::Text => {
                format!("there is no date like 2026-11-30 in {path}: its age is not known")
            }
            DatedBy::Modified => format!("the system does not say when {path} was modified"),
        };
        let finding = Finding::fail(code, subject, expected, "no date", message);
        return match by {
            DatedBy::Text => finding,
            DatedBy::Modified => finding.as_unknown(),
        };
    };
    let age = now.duration_since(when);
    let day = when.strftime("%Y-%m-%d").to_string();
    // A day is complete somewhere on earth before it is in UTC; clocks differ by little.
    if age.as_secs() < -86_400 {
        return Finding::fail(
            code,
            subject,
            expected,
            day.clone(),
            format!("{path}: {source} {day}, which is in the future: its age is not known"),
        );
    }
    let age = TimeSpan(age.try_into().unwrap_or_default());
    let actual = format!("{age} ({day})");
    if age > most {
        return Finding::fail(
            code,
            subject,
            expected,
            actual,
            format!("{path} is {age} old: {source} {day}"),
        );
    }
    Finding::pass(subject, expected, actual)
}

/// Judges permissions.
fn judge_mode(rule: &Rule, file: &FileFacts) -> Vec<Finding> {
    if !rule.private && rule.executable.is_none() {
        return Vec::new();
    }
    let subject = format!("{} mode", file.path);
    let Some(mode) = file.mode else {
        return vec![
            Finding::fail(
                "FILE-55",
                subject,
                "permission bits",
                "none",
                "this system has no permission bits to judge",
            )
            .as_unknown(),
        ];
    };
    let actual = format!("{mode:04o}");
    let mut findings = Vec::new();
    if rule.private {
        let expected = "nothing for others, no writing for the group";
        findings.push(if mode & 0o027 == 0 {
            Finding::pass(&subject, expected, &actual)
        } else {
            Finding::fail(
                "FILE-55",
                &subject,
                expected,
                &actual,
                format!("others may read or change {}: chmod 600 it", file.path),
            )
        });
    }
    if let Some(wanted) = rule.executable {
        let expected = if wanted {
            "executable"
        } else {
            "not executable"
        };
        findings.push(if (mode & 0o111 != 0) == wanted {
            Finding::pass(&subject, expected, &actual)
        } else {
            Finding::fail(
                "FILE-55",
                &subject,
                expected,
                &actual,
                format!("{} must be {expected}", file.path),
            )
        });
    }
    findings
}

/// Judges the text.
fn judge_text(rule: &Rule, file: &FileFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (pattern, line) in rule.contains.iter().zip(&file.contains) {
        let expected = format!("contains /{}/", pattern.0);
        findings.push(match line {
            Some(line) => Finding::pass(&file.path, expected, format!("line {line}")),
            None => Finding::fail(
                "FILE-56",
                &file.path,
                expected,
                "not there",
                format!("{} does not contain /{}/", file.path, pattern.0),
            ),
        });
    }
    for (pattern, lines) in rule.not_contains.iter().zip(&file.not_contains) {
        let expected = format!("nothing like /{}/", pattern.0);
        let Some(first) = lines.first() else {
            findings.push(Finding::pass(&file.path, expected, "nothing"));
            continue;
        };
        let shown: Vec<String> = lines.iter().map(ToString::to_string).collect();
        findings.push(Finding::fail(
            "FILE-56",
            format!("{}:{first}", file.path),
            expected,
            format!("on line {}", shown.join(", ")),
            format!("{}:{first} contains what must not be there", file.path),
        ));
    }
    if let Some(held) = &file.text {
        findings.push(if held.holds {
            Finding::pass(format!("{} text", file.path), "as expected", &held.actual)
        } else {
            Finding::fail(
                "FILE-56",
                format!("{} text", file.path),
                &held.expected,
                &held.actual,
                format!("the text of {} is not as expected", file.path),
            )
        });
    }
    findings
}
