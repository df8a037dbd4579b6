//! Pure: from findings and faults to the result of a check, secrets removed.

use std::borrow::Cow;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value};

use crate::expect::{Expression, TimeSpan};
use crate::kinds::{FaultDoc, Observed};
use crate::outcome::{CheckResult, Fault, Finding, Judged, Report, Severity, Verdict, WaiverNote};
use crate::plan::Step;
use crate::redact::Redactor;

/// Faults that no kind owns: what the audit itself finds.
pub(crate) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "ASSERT-01",
        "assertion does not hold",
        "The profile states in CEL what must be true of the facts, and it is not.",
        "Compare the assertion with the facts in the JSON report.",
    ),
    FaultDoc::caught(
        "WAIVER-01",
        "waiver expired",
        "A failure was accepted until a day that has passed; nobody decides on it any more.",
        "Fix what the waiver covers, or renew it with a new date and reason.",
    ),
];

/// Largest facts kept in a report, in bytes of JSON.
const MAX_FACTS: usize = 256 << 10;

/// Whether findings alone are green.
pub(crate) fn is_green(findings: &[Finding]) -> bool {
    !findings.is_empty()
        && findings
            .iter()
            .all(|finding| matches!(finding.verdict, Judged::Pass | Judged::Warn))
}

/// The result of a check that was observed and judged.
pub(crate) fn of_observation(
    step: &Step,
    observed: Observed,
    fail_on: Severity,
    now: Timestamp,
    (duration_ms, attempts): (u64, u32),
    redactor: &Redactor,
) -> CheckResult {
    let Observed {
        facts,
        mut findings,
        ..
    } = observed;
    if findings.is_empty() {
        let fault = Fault::new(
            crate::outcome::Cause::Internal,
            "nothing was judged, so nothing is known",
        )
        .hint("this is a defect of readyctl: please report it with the profile");
        return of_fault(step, fault, duration_ms, attempts, redactor);
    }
    let today = now.to_zoned(TimeZone::UTC).date();
    let expired = step.waiver.as_ref().filter(|waiver| waiver.expires < today);
    if let Some(waiver) = expired {
        findings.push(Finding::fail(
            "WAIVER-01",
            "waiver",
            "a waiver that has not expired",
            format!("expired on {}", waiver.expires),
            format!("the waiver expired on {}: decide anew", waiver.expires),
        ));
    }
    let has = |judged: Judged| findings.iter().any(|finding| finding.verdict == judged);
    let severity = step.check.fields.severity.unwrap_or_default();
    let mut verdict = if has(Judged::Fail) {
        if severity >= fail_on {
            Verdict::Fail
        } else if has(Judged::Error) {
            Verdict::Error
        } else {
            Verdict::Warn
        }
    } else if has(Judged::Error) {
        Verdict::Error
    } else if has(Judged::Warn) {
        Verdict::Warn
    } else {
        Verdict::Pass
    };
    // A waiver accepts what failed, never what nobody could judge.
    if has(Judged::Fail) && !has(Judged::Error) && step.waiver.is_some() && expired.is_none() {
        verdict = Verdict::Waived;
    }
    let message = summary(&findings, attempts);
    let remedy = remedy(step, &findings);
    CheckResult {
        remedy,
        verdict,
        message,
        findings,
        facts,
        duration_ms,
        attempts,
        ..blank(step)
    }
    .redacted(redactor)
}

/// The result of a check that could not be observed.
pub(crate) fn of_fault(
    step: &Step,
    fault: Fault,
    duration_ms: u64,
    attempts: u32,
    redactor: &Redactor,
) -> CheckResult {
    let findings = fault
        .code
        .iter()
        .map(|code| Finding {
            code: Some(code.clone()),
            subject: "observation".to_owned(),
            expected: "an answer that can be judged".to_owned(),
            actual: fault.message.clone(),
            verdict: Judged::Error,
            message: fault.message.clone(),
        })
        .collect();
    let message = if attempts > 1 {
        format!("{} ({attempts} attempts)", fault.message)
    } else {
        fault.message.clone()
    };
    CheckResult {
        verdict: Verdict::Error,
        message,
        findings,
        fault: Some(fault),
        duration_ms,
        attempts,
        ..blank(step)
    }
    .redacted(redactor)
}

/// The result of a check that does not apply.
pub(crate) fn of_skip(step: &Step, reason: &str, redactor: &Redactor) -> CheckResult {
    CheckResult {
        verdict: Verdict::Skip,
        message: reason.to_owned(),
        skipped_because: Some(reason.to_owned()),
        ..blank(step)
    }
    .redacted(redactor)
}

/// The finding of an `assert:` expression. What cannot be decided is an error, never false or true.
pub(crate) fn of_assertion(expression: &Expression, variables: &Map<String, Value>) -> Finding {
    let text = expression.to_string();
    match expression.holds(variables) {
        Ok(true) => Finding::pass("assert", text, "true"),
        Ok(false) => Finding::fail(
            "ASSERT-01",
            "assert",
            text.clone(),
            "false",
            format!("`{text}` does not hold"),
        ),
        Err(error) => Finding::fail(
            "ASSERT-01",
            "assert",
            text.clone(),
            error.clone(),
            format!("`{text}` cannot be decided: {error}"),
        )
        .as_unknown(),
    }
}

/// A result with the check's own fields.
fn blank(step: &Step) -> CheckResult {
    let fields = &step.check.fields;
    CheckResult {
        id: fields.id.clone(),
        title: fields.title.clone().unwrap_or_default(),
        group: fields.group.clone().unwrap_or_default(),
        kind: step.check.kind.to_owned(),
        severity: fields.severity.unwrap_or_default(),
        tags: fields.tags.clone(),
        covers: fields.covers.clone(),
        verdict: Verdict::Error,
        duration_ms: 0,
        attempts: 0,
        message: String::new(),
        remedy: fields.remedy.clone().unwrap_or_default(),
        findings: Vec::new(),
        facts: Value::Null,
        waiver: step.waiver.as_ref().map(|waiver| WaiverNote {
            reason: waiver.reason.clone(),
            approved_by: waiver.approved_by.clone(),
            expires: waiver.expires.to_string(),
        }),
        skipped_because: None,
        fault: None,
        location: Some(step.location.clone()),
    }
}

/// What to do: the check's own words, else what the catalogue advises for the first red code.
fn remedy(step: &Step, findings: &[Finding]) -> String {
    if let Some(own) = &step.check.fields.remedy {
        return own.clone();
    }
    let red = findings
        .iter()
        .filter(|finding| finding.verdict != Judged::Pass);
    red.filter_map(|finding| crate::catalogue::find(finding.code.as_deref()?))
        .map(|entry| entry.doc.remedy.to_owned())
        .next()
        .unwrap_or_default()
}

/// One line: the worst statement, or what was seen when all is well.
fn summary(findings: &[Finding], attempts: u32) -> String {
    let of = |judged: Judged| {
        findings
            .iter()
            .filter(move |finding| finding.verdict == judged)
    };
    for judged in [Judged::Fail, Judged::Error, Judged::Warn] {
        let count = of(judged).count();
        if let Some(first) = of(judged).next() {
            let text = if first.message.is_empty() {
                format!(
                    "{}: expected {}, found {}",
                    first.subject, first.expected, first.actual
                )
            } else {
                first.message.clone()
            };
            return if count > 1 {
                format!("{text} (and {} more)", count - 1)
            } else {
                text
            };
        }
    }
    let seen: Vec<String> = findings
        .iter()
        .take(3)
        .map(|finding| format!("{} {}", finding.subject, finding.actual))
        .collect();
    let more = if findings.len() > 3 {
        format!(" (and {} more)", findings.len() - 3)
    } else {
        String::new()
    };
    let again = if attempts > 1 {
        format!("; took {attempts} attempts")
    } else {
        String::new()
    };
    format!("{}{more}{again}", seen.join(", "))
}

impl Report {
    /// The same report without any secret, those included that were met after a check was done.
    /// Values are cleaned one by one, so that no secret, however short, can break the format.
    pub(crate) fn redacted(mut self, redactor: &Redactor) -> Self {
        self.profile = redactor.text(&self.profile);
        self.target = self.target.map(|target| redactor.text(&target));
        self.checks = self
            .checks
            .into_iter()
            .map(|check| check.redacted(redactor))
            .collect();
        self
    }
}

impl CheckResult {
    /// The same result without any secret.
    fn redacted(mut self, redactor: &Redactor) -> Self {
        let clean = |text: &mut String| *text = redactor.text(text);
        for text in [
            &mut self.id,
            &mut self.title,
            &mut self.group,
            &mut self.message,
            &mut self.remedy,
        ] {
            clean(text);
        }
        self.tags.iter_mut().chain(&mut self.covers).for_each(clean);
        for finding in &mut self.findings {
            for text in [
                &mut finding.subject,
                &mut finding.expected,
                &mut finding.actual,
                &mut finding.message,
            ] {
                clean(text);
            }
            if let Some(Cow::Owned(code)) = &mut finding.code {
                clean(code);
            }
        }
        if let Some(fault) = &mut self.fault {
            clean(&mut fault.message);
            if let Some(hint) = &mut fault.hint {
                clean(hint);
            }
        }
        if let Some(reason) = &mut self.skipped_because {
            clean(reason);
        }
        if let Some(waiver) = &mut self.waiver {
            clean(&mut waiver.reason);
            clean(&mut waiver.approved_by);
        }
        redactor.json(&mut self.facts);
        if serde_json::to_string(&self.facts).is_ok_and(|text| text.len() > MAX_FACTS) {
            self.facts =
                serde_json::json!({ "left_out": format!("larger than {} KiB", MAX_FACTS >> 10) });
        }
        self
    }
}

/// `12ms`, `1.2s`.
pub(crate) fn duration(millis: u64) -> String {
    TimeSpan::millis(millis).to_string()
}
