//! `list sign-offs`: what is signed, by whom, and when it is due again.

use std::sync::Arc;
use std::time::Duration;

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Session;
use crate::context::{Context, JudgeContext};
use crate::environment::Environment;
use crate::expect::TimeSpan;
use crate::kinds::{Statement, entry};
use crate::outcome::{Cause, Fault, Finding, Judged};
use crate::plan::{Selection, Step, plan};
use crate::profile::check::Check;
use crate::profile::node::{Problems, Sources};
use crate::profile::source::Library;
use crate::profile::{Request, SignOff, load};

/// How long reading the evidence of one check may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One row for each role of each statement of the profiles; of all that can be found when none is
/// named. What is due first comes first.
pub(super) fn rows(
    names: &[String],
    session: &Session,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Vec<Map<String, Value>> {
    let environment = Environment::of_process();
    let all: Vec<String> = if names.is_empty() {
        let found = Library::Profiles.list().into_iter();
        found.map(|found| found.name).collect()
    } else {
        names.to_vec()
    };
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let mut rows = Vec::new();
    for name in &all {
        let request = Request {
            profiles: std::slice::from_ref(name),
            environment: &environment,
            set: &[],
            target: None,
            strict: false,
            redactor: &session.redactor,
        };
        let Some(profile) = load(&request, sources, problems) else {
            continue;
        };
        let shown = profile.name.clone();
        for step in plan(profile, &Selection::default(), None, sources, problems) {
            rows.extend(of_step(&step, &shown, today, session));
        }
    }
    // Stable: within a day in the order of the profile.
    rows.sort_by_key(|row| {
        let due = row.get("due").and_then(Value::as_str).map(str::to_owned);
        (due.is_none(), due)
    });
    rows
}

/// The rows of one check: none when a machine judges it.
fn of_step(step: &Step, profile: &str, today: Date, session: &Session) -> Vec<Map<String, Value>> {
    let Some(statement) = step.check.spec.as_ref().and_then(|spec| spec.statement()) else {
        return Vec::new();
    };
    let findings = judged(&step.check, &step.sign_offs, session);
    let roles = if statement.roles.is_empty() {
        vec!["anyone".to_owned()]
    } else {
        statement.roles.clone()
    };
    roles
        .iter()
        .enumerate()
        .map(|(index, role)| {
            let latest = step
                .sign_offs
                .iter()
                .filter(|s| statement.roles.is_empty() || s.is_for(&s.check, role))
                .max_by_key(|sign_off| sign_off.on);
            let finding = findings.as_ref().map(|all| all.get(index));
            let (state, code) = match finding {
                Ok(Some(finding)) => state(finding),
                Ok(None) => ("not judged".to_owned(), None),
                Err(fault) => (format!("not known: {}", fault.message), None),
            };
            let due = if code.is_some() || state != SIGNED {
                Some(today)
            } else {
                latest.and_then(|s| due(s.on, statement.valid_for, s.valid_for))
            };
            row(
                step,
                profile,
                (role, &statement),
                (state, code, due),
                latest,
            )
        })
        .collect()
}

/// What a signature that counts is called.
const SIGNED: &str = "signed";

/// What a finding says of a signature, and its code.
fn state(finding: &Finding) -> (String, Option<String>) {
    if finding.verdict == Judged::Pass {
        return (SIGNED.to_owned(), None);
    }
    let code = finding.code.as_deref().unwrap_or_default();
    let title = entry("attest")
        .and_then(|kind| kind.faults.iter().find(|doc| doc.code == code))
        .map_or("not signed off", |doc| doc.title);
    (title.to_owned(), Some(code.to_owned()))
}

/// One row.
fn row(
    step: &Step,
    profile: &str,
    (role, statement): (&str, &Statement),
    (state, code, due): (String, Option<String>, Option<Date>),
    latest: Option<&SignOff>,
) -> Map<String, Value> {
    let value = json!({
        "check": step.check.fields.id, "role": role, "state": state,
        "due": due.map(|day| day.to_string()),
        "by": latest.map(|s| &s.by), "on": latest.map(|s| s.on.to_string()),
        "evidence": latest.and_then(|s| s.evidence.as_ref()),
        "commit": latest.and_then(|s| s.commit.as_ref()),
        "statement": statement.text, "code": code, "profile": profile,
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The last day on which a signature counts; `None` when it has no end.
pub(super) fn due(on: Date, check: Option<TimeSpan>, own: Option<TimeSpan>) -> Option<Date> {
    let valid = [check, own].into_iter().flatten().min()?;
    let days = i64::try_from(valid.as_secs() / 86_400).ok()?;
    on.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// What an audit would find for these signatures of a check.
///
/// # Errors
/// When it could not look.
pub(super) fn judged(
    check: &Check,
    sign_offs: &[SignOff],
    session: &Session,
) -> Result<Vec<Finding>, Fault> {
    let internal = |error: std::io::Error| Fault::new(Cause::Internal, error.to_string());
    let Some(spec) = &check.spec else {
        return Ok(Vec::new());
    };
    let now = Timestamp::now();
    let environment = Arc::new(Environment::of_process());
    let mut cx = Context::template(session.redactor.clone(), environment, now).map_err(internal)?;
    cx.deadline = Instant::now() + PATIENCE;
    cx.sign_offs = Arc::from(sign_offs);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(internal)?;
    let observed = runtime.block_on(spec.run(&cx, &JudgeContext { now }));
    runtime.shutdown_background();
    observed.map(|observed| observed.findings)
}
