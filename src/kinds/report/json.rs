//! Reading JSON reports: what is missing is a broken report, never an empty list.

use serde_json::{Map, Value};

use super::files::{Source, wrong};
use crate::outcome::{Fault, Severity};

/// Where something is, for a message.
fn place(pointer: &str) -> String {
    if pointer.is_empty() {
        "a list in it".to_owned()
    } else {
        format!("`{}`", pointer.trim_start_matches('/').replace('/', "."))
    }
}

/// A list that must be there.
///
/// # Errors
/// When it is not, or is no list.
pub(super) fn list<'a>(
    source: &Source,
    value: &'a Value,
    pointer: &str,
) -> Result<&'a [Value], Fault> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .ok_or_else(|| {
            wrong(
                source,
                &format!("{} is not there, or no list", place(pointer)),
            )
        })
}

/// A list that may be left out, or null.
///
/// # Errors
/// When it is something else.
pub(super) fn maybe_list<'a>(
    source: &Source,
    value: &'a Value,
    pointer: &str,
) -> Result<&'a [Value], Fault> {
    match value.pointer(pointer) {
        None | Some(Value::Null) => Ok(&[]),
        Some(_) => list(source, value, pointer),
    }
}

/// A mapping that must be there.
///
/// # Errors
/// When it is not, or is no mapping.
pub(super) fn object<'a>(
    source: &Source,
    value: &'a Value,
    pointer: &str,
) -> Result<&'a Map<String, Value>, Fault> {
    value
        .pointer(pointer)
        .and_then(Value::as_object)
        .ok_or_else(|| {
            wrong(
                source,
                &format!("{} is not there, or no mapping", place(pointer)),
            )
        })
}

/// Text that may be there; empty text is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
}

/// Text as owned.
pub(super) fn owned(value: &Value, pointer: &str) -> String {
    text(value, pointer).unwrap_or_default().to_owned()
}

/// A number that may be there, or written as text.
pub(super) fn number(value: &Value, pointer: &str) -> Option<f64> {
    let found = value.pointer(pointer)?;
    let number = found
        .as_f64()
        .or_else(|| found.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// The severity that a scanner's word means.
pub(super) fn severity(word: &str) -> Option<Severity> {
    Some(match word.to_ascii_lowercase().as_str() {
        "critical" => Severity::Critical,
        "high" | "error" | "important" => Severity::High,
        "medium" | "moderate" | "warning" => Severity::Medium,
        "low" | "note" | "minor" => Severity::Low,
        "negligible" | "info" | "informational" | "none" | "inventory" | "experiment" => {
            Severity::Info
        }
        _ => return None,
    })
}

/// The severity of a CVSS score.
pub(super) fn of_score(score: f64) -> Option<Severity> {
    Some(match score {
        s if !(0.0..=10.0).contains(&s) => return None,
        s if s >= 9.0 => Severity::Critical,
        s if s >= 7.0 => Severity::High,
        s if s >= 4.0 => Severity::Medium,
        s if s > 0.0 => Severity::Low,
        _ => Severity::Info,
    })
}

/// The score of a CVSS 3 vector.
pub(super) fn cvss3(vector: &str) -> Option<f64> {
    let rest = vector
        .strip_prefix("CVSS:3.0/")
        .or_else(|| vector.strip_prefix("CVSS:3.1/"))?;
    let metric = |name: &str| {
        rest.split('/')
            .find_map(|part| part.strip_prefix(name)?.strip_prefix(':'))
    };
    let changed = match metric("S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let vector = pick(
        metric("AV")?,
        &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)],
    )?;
    let complexity = pick(metric("AC")?, &[("L", 0.77), ("H", 0.44)])?;
    let privileges = if changed {
        [("N", 0.85), ("L", 0.68), ("H", 0.5)]
    } else {
        [("N", 0.85), ("L", 0.62), ("H", 0.27)]
    };
    let privileges = pick(metric("PR")?, &privileges)?;
    let interaction = pick(metric("UI")?, &[("N", 0.85), ("R", 0.62)])?;
    let harm = |name| pick(metric(name)?, &[("H", 0.56), ("L", 0.22), ("N", 0.0)]);
    let base = 1.0 - (1.0 - harm("C")?) * (1.0 - harm("I")?) * (1.0 - harm("A")?);
    let impact = if changed {
        7.52 * (base - 0.029) - 3.25 * (base - 0.02).powi(15)
    } else {
        6.42 * base
    };
    if impact <= 0.0 {
        return Some(0.0);
    }
    let exploitability = 8.22 * vector * complexity * privileges * interaction;
    let sum = if changed {
        1.08 * (impact + exploitability)
    } else {
        impact + exploitability
    };
    Some(((sum.min(10.0) * 10.0) - 1e-6).ceil() / 10.0)
}

/// The weight of a letter.
fn pick(letter: &str, weights: &[(&str, f64)]) -> Option<f64> {
    weights
        .iter()
        .find(|(name, _)| *name == letter)
        .map(|(_, weight)| *weight)
}
