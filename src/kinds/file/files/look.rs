//! Looking at the files of a rule.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::super::tree::{Entry, Skip, Tree, excepted};
use super::format::structured;
use super::{DatedBy, FileFacts, Held, Place, Rule, Seen};
use crate::expect::matcher::Mismatch;
use crate::expect::{JsonPath, Pattern};
use crate::outcome::{Cause, Fault};

/// How many lines of a forbidden pattern are named.
const MAX_LINES: usize = 5;

/// Looks at everything of one rule.
///
/// # Errors
/// When time is over.
pub(super) fn look(rule: &Rule, tree: &Tree) -> Result<Seen, Fault> {
    let mut places = Vec::new();
    let except = excepted(&rule.except);
    for path in rule.places() {
        let mut place = Place {
            path: path.clone(),
            files: Vec::new(),
            fault: None,
        };
        match tree.matching(std::slice::from_ref(path), Skip::Git) {
            Err(fault) if fault.cause == Cause::Timeout => return Err(fault),
            Err(fault) => place.fault = Some(fault),
            Ok(mut found) => {
                found.retain(|path| !except.is_match(path.to_lowercase()));
                place.files = tree.each(&found, |path| file(rule, path, tree))?;
            }
        }
        places.push(place);
    }
    Ok(Seen { places })
}

/// Looks at one file.
fn file(rule: &Rule, path: &str, tree: &Tree) -> FileFacts {
    let mut facts = FileFacts {
        path: path.to_owned(),
        ..FileFacts::default()
    };
    let looked = match tree.entry(path) {
        Err(fault) => Err(fault),
        Ok(None) => Err(Fault::new(
            Cause::Missing,
            format!("{path} vanished while it was looked at"),
        )),
        Ok(Some(entry)) => {
            describe(&entry, &mut facts);
            if rule.reads() {
                content(rule, path, tree, &mut facts)
            } else {
                Ok(())
            }
        }
    };
    facts.fault = looked.err();
    facts
}

/// What the system says of a file.
fn describe(entry: &Entry, facts: &mut FileFacts) {
    let metadata = &entry.metadata;
    facts.folder = metadata.is_dir();
    facts.size = metadata.len();
    facts.modified = metadata
        .modified()
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        facts.mode = Some(metadata.permissions().mode() & 0o7777);
    }
}

/// What its content says.
fn content(rule: &Rule, path: &str, tree: &Tree, facts: &mut FileFacts) -> Result<(), Fault> {
    let text = tree.text(path)?;
    if rule.max_age.is_some() && rule.dated_by == DatedBy::Text {
        facts.dated = newest_date(&text, rule.date.as_ref());
    }
    let line_of = |at: usize| 1 + text.get(..at).unwrap_or_default().matches('\n').count();
    facts.contains = rule
        .contains
        .iter()
        .map(|pattern| pattern.0.find(&text).map(|hit| line_of(hit.start())))
        .collect();
    facts.not_contains = rule
        .not_contains
        .iter()
        .map(|pattern| {
            let hits = pattern.0.find_iter(&text).take(MAX_LINES);
            hits.map(|hit| line_of(hit.start())).collect()
        })
        .collect();
    facts.text = rule.text.as_ref().map(|matcher| {
        held(
            matcher
                .check_text(Some(text.trim()))
                .map(|()| "as expected".to_owned()),
        )
    });
    if let Some(expected) = &rule.values {
        let document = structured(path, &text, rule.format)?;
        facts.values = expected
            .judge(&document)
            .into_iter()
            .map(|(path, outcome)| (path.to_string(), value_held(path, outcome, &document, tree)))
            .collect();
    }
    Ok(())
}

/// An outcome as a fact.
fn held(outcome: Result<String, Mismatch>) -> Held {
    match outcome {
        Ok(actual) => Held {
            holds: true,
            expected: String::new(),
            actual,
        },
        Err(mismatch) => Held {
            holds: false,
            expected: mismatch.expected,
            actual: mismatch.actual,
        },
    }
}

/// An outcome of a value; the value of what is named like a secret is not shown.
fn value_held(
    path: &JsonPath,
    outcome: Result<String, Mismatch>,
    document: &Value,
    tree: &Tree,
) -> Held {
    let mut held = held(outcome);
    let shown = path.to_string();
    let last = shown
        .rsplit(['.', '[', '\'', '"', ']'])
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    let secrets = path.select(document);
    if crate::redact::looks_secret(last) && !secrets.is_empty() {
        for secret in secrets.iter().filter_map(|value| value.as_str()) {
            tree.redactor.add(secret);
        }
        "a value that is not shown".clone_into(&mut held.actual);
    }
    held
}

/// The newest date of a text.
pub(in super::super) fn newest_date(text: &str, pattern: Option<&Pattern>) -> Option<Date> {
    let default;
    let pattern = match pattern {
        Some(pattern) => pattern,
        None => {
            default = Pattern::new(r"\b\d{4}-\d{2}-\d{2}\b").ok()?;
            &default
        }
    };
    pattern
        .0
        .captures_iter(text)
        .filter_map(|found| {
            let hit = found.get(1).or_else(|| found.get(0))?;
            hit.as_str().parse::<Date>().ok()
        })
        .max()
}
