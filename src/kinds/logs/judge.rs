//! Judges what was seen of a log.

use jiff::Timestamp;

use super::Logs;
use super::digest::SHORTEST;
use super::facts::{Facts, Seen};
use crate::expect::{ByteSize, TimeSpan};
use crate::leaks::Class;
use crate::outcome::Finding;

/// The most places that are shown.
const MAX_SHOWN: usize = 20;

/// Judges everything the check asks for.
pub(super) fn judge(spec: &Logs, facts: &Facts, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.lines == 0 {
        let message = format!("{} has no line: nothing can be said about it", facts.source);
        findings
            .push(Finding::fail("LOG-54", "lines", "at least one", "none", message).as_unknown());
    } else {
        findings.push(Finding::pass("lines", "at least one", lines(facts)));
        judge_form(spec, facts, &mut findings);
        judge_times(spec, facts, &mut findings);
        judge_levels(spec, facts, &mut findings);
        judge_messages(spec, facts, &mut findings);
        judge_secrets(spec, facts, &mut findings);
    }
    judge_age(spec, facts, now, &mut findings);
    judge_file(spec, facts, &mut findings);
    judge_probe(spec, facts, &mut findings);
    findings
}

/// How much was read, in words.
fn lines(facts: &Facts) -> String {
    let cut = if facts.cut {
        ", the end of a longer log"
    } else {
        ""
    };
    format!("{} of {}{cut}", facts.lines, facts.source)
}

/// A finding about lines of which there must be none.
fn none(code: &'static str, subject: &str, expected: &str, seen: &Seen, message: &str) -> Finding {
    if seen.count == 0 {
        return Finding::pass(subject, expected, "none");
    }
    Finding::fail(
        code,
        subject,
        expected,
        format!("{} lines, first {}", seen.count, seen.first),
        format!("line {}: {message}", seen.first),
    )
}

/// Structure, fields, control characters, length.
fn judge_form(spec: &Logs, facts: &Facts, findings: &mut Vec<Finding>) {
    let expect = &spec.expect;
    let json = facts.lines - facts.plain.count;
    if let Some(least) = expect.structured {
        let share = percent(json, facts.lines);
        let expected = format!("at least {least} % JSON objects");
        let seen = format!("{share:.1} % of {} lines", facts.lines);
        findings.push(if share + 1e-9 >= least {
            Finding::pass("structure", expected, seen)
        } else {
            let message = format!("line {} is no JSON object", facts.plain.first);
            Finding::fail("LOG-01", "structure", expected, seen, message)
        });
    }
    for (name, seen) in &facts.missing {
        let subject = format!("field {name}");
        if json == 0 {
            let message = "no line is a JSON object, so none has fields";
            findings.push(Finding::fail(
                "LOG-02",
                subject,
                "in every line",
                "no fields",
                message,
            ));
        } else {
            let message = format!("the field {name} is missing or empty");
            findings.push(none("LOG-02", &subject, "in every line", seen, &message));
        }
    }
    if expect.no_injection {
        let message =
            "a control character: a line that was forged, or an attack on the reader's terminal";
        findings.push(none(
            "LOG-10",
            "control characters",
            "none",
            &facts.injected,
            message,
        ));
    }
    if let Some(limit) = expect.max_line {
        let message = format!(
            "longer than {limit}; the longest line has {}",
            ByteSize(facts.longest)
        );
        findings.push(none(
            "LOG-13",
            "line length",
            &format!("at most {limit}"),
            &facts.long,
            &message,
        ));
    }
}

/// Times.
fn judge_times(spec: &Logs, facts: &Facts, findings: &mut Vec<Finding>) {
    if !spec.expect.timestamps {
        return;
    }
    let skew = spec.expect.skew();
    let mut add = |subject: &str, expected: &str, seen: &Seen, message: &str| {
        findings.push(none("LOG-03", subject, expected, seen, message));
    };
    add(
        "time",
        "in every line",
        &facts.timeless,
        "there is no time, or none that can be read",
    );
    add(
        "time zone",
        "in every time",
        &facts.zoneless,
        "the time has no zone: it repeats at the end of summer time",
    );
    add(
        "clock",
        &format!("at most {skew} ahead"),
        &facts.ahead,
        "the time lies in the future",
    );
    add(
        "order",
        &format!("at most {skew} out of order"),
        &facts.disordered,
        "the time is before that of an earlier line",
    );
}

/// Levels and the share of errors.
fn judge_levels(spec: &Logs, facts: &Facts, findings: &mut Vec<Finding>) {
    let with: u64 = facts.levels.values().sum();
    let seen = facts
        .levels
        .iter()
        .map(|(level, count)| format!("{level} {count}"))
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(least) = spec.expect.min_level {
        let expected = format!("{} and above", least.name());
        findings.push(if with == 0 {
            let message = "no line says its level";
            Finding::fail("LOG-04", "level", expected, "no level", message).as_unknown()
        } else if facts.below.count == 0 {
            Finding::pass("level", expected, seen.clone())
        } else {
            let message = format!("line {} has a lower level", facts.below.first);
            Finding::fail("LOG-04", "level", expected, seen.clone(), message)
        });
    }
    if let Some(most) = spec.expect.max_errors {
        let expected = format!("at most {most} % errors");
        let share = percent(facts.errors.count, with);
        let actual = format!("{share:.2} % of {with} lines with a level");
        findings.push(if with == 0 {
            let message = "no line says its level: errors cannot be counted";
            Finding::fail("LOG-05", "errors", expected, "no level", message).as_unknown()
        } else if share <= most {
            Finding::pass("errors", expected, actual)
        } else {
            let message = format!(
                "{} errors, the first in line {}",
                facts.errors.count, facts.errors.first
            );
            Finding::fail("LOG-05", "errors", expected, actual, message)
        });
    }
}

/// Forbidden and required messages.
fn judge_messages(spec: &Logs, facts: &Facts, findings: &mut Vec<Finding>) {
    for (pattern, seen) in spec.expect.forbid.iter().zip(&facts.forbidden) {
        let subject = format!("messages like {}", pattern.0.as_str());
        let message = format!(
            "the log holds what must not be there: {}",
            pattern.0.as_str()
        );
        findings.push(none("LOG-51", &subject, "none", seen, &message));
    }
    for (pattern, seen) in spec.expect.require.iter().zip(&facts.required) {
        let subject = format!("messages like {}", pattern.0.as_str());
        findings.push(if seen.count > 0 {
            Finding::pass(
                subject,
                "at least one",
                format!("{}, first in line {}", seen.count, seen.first),
            )
        } else {
            let message = format!("no line is like {}", pattern.0.as_str());
            Finding::fail("LOG-52", subject, "at least one", "none", message)
        });
    }
}

/// Secrets, canaries and personal data.
fn judge_secrets(spec: &Logs, facts: &Facts, findings: &mut Vec<Finding>) {
    for hit in facts.hits.iter().take(MAX_SHOWN) {
        let personal = matches!(hit.class, Class::Personal | Class::Address);
        let (code, expected) = if personal {
            ("LOG-53", "no personal data")
        } else {
            ("LOG-07", "no secret")
        };
        findings.push(Finding::fail(
            code,
            format!("line {}, column {}", hit.line, hit.column),
            expected,
            format!("{} ({})", hit.rule, hit.what()),
            format!("line {} of {} holds {}", hit.line, facts.source, hit.what()),
        ));
    }
    let beyond = facts.hits.len().saturating_sub(MAX_SHOWN);
    if beyond > 0 {
        let message = format!("{beyond} further places or more");
        findings.push(Finding::fail(
            "LOG-07",
            "further lines",
            "no secret",
            message.as_str(),
            message.as_str(),
        ));
    }
    if facts.hits.is_empty()
        && (spec.expect.secrets || spec.expect.personal || spec.expect.addresses)
    {
        findings.push(Finding::pass(
            "secrets and personal data",
            "none",
            lines(facts),
        ));
    }
    if spec.expect.secrets {
        let message = "the line holds a secret that this audit was given";
        findings.push(none(
            "LOG-08",
            "secrets of this audit",
            "none",
            &facts.known,
            message,
        ));
    }
    if !spec.expect.canaries.is_empty() {
        let message = "the line holds a declared canary";
        findings.push(none("LOG-08", "canaries", "none", &facts.canaries, message));
    }
    if facts.short_canaries > 0 {
        let message = format!(
            "{} canaries have fewer than {SHORTEST} characters: they would be found everywhere",
            facts.short_canaries
        );
        findings.push(
            Finding::fail(
                "LOG-08",
                "short canaries",
                "long enough to look for",
                "too short",
                message,
            )
            .as_unknown(),
        );
    }
}

/// Freshness.
fn judge_age(spec: &Logs, facts: &Facts, now: Timestamp, findings: &mut Vec<Finding>) {
    let Some(most) = spec.expect.max_age else {
        return;
    };
    let expected = format!("at most {most} old");
    // A file whose lines have no time still says when it was written.
    let (subject, newest) = match (facts.newest, facts.written) {
        (Some(newest), _) => ("newest line", Some(newest)),
        (None, Some(written)) if facts.lines > 0 => ("last write", Some(written)),
        _ => ("newest line", None),
    };
    findings.push(match newest {
        None if facts.lines == 0 => {
            let message = format!("{} has no line at all", facts.source);
            Finding::fail("LOG-06", subject, expected, "no line", message)
        }
        None => {
            let message = "no line has a time that can be read";
            Finding::fail("LOG-06", subject, expected, "unknown", message).as_unknown()
        }
        Some(newest) => {
            let age = TimeSpan(
                std::time::Duration::try_from(now.duration_since(newest)).unwrap_or_default(),
            );
            if age <= most {
                Finding::pass(subject, expected, format!("{age} old"))
            } else {
                let message = format!("{} has been silent for {age}", facts.source);
                Finding::fail("LOG-06", subject, expected, format!("{age} old"), message)
            }
        }
    });
}

/// Permissions.
fn judge_file(spec: &Logs, facts: &Facts, findings: &mut Vec<Finding>) {
    if !spec.expect.private {
        return;
    }
    let (subject, expected) = ("permissions", "not for everybody");
    findings.push(match facts.mode {
        Some(mode) if mode & 0o004 == 0 => Finding::pass(subject, expected, format!("{mode:04o}")),
        Some(mode) => {
            let message = format!(
                "{} can be read by every account of the machine",
                facts.source
            );
            Finding::fail("LOG-11", subject, expected, format!("{mode:04o}"), message)
        }
        None => Finding::fail(
            "LOG-11",
            subject,
            expected,
            "unknown",
            "the permissions are unknown",
        )
        .as_unknown(),
    });
}

/// The probe.
fn judge_probe(spec: &Logs, facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(probe), Some(seen)) = (&spec.probe, &facts.probe) else {
        return;
    };
    let (subject, expected) = ("the probe's request", "its id or trace id in the log");
    findings.push(if seen.found {
        Finding::pass(
            subject,
            expected,
            format!("found after {}ms", seen.waited_ms),
        )
    } else {
        Finding::fail(
            "LOG-12",
            subject,
            expected,
            format!(
                "not within {} (the service answered {})",
                probe.wait, seen.status
            ),
            "the log does not tell of a request that was just sent".to_owned(),
        )
    });
}

/// A share in percent.
#[expect(clippy::cast_precision_loss, reason = "lines are far fewer than 2^53")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 * 100.0 / whole as f64
}
