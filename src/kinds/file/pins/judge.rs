//! Judging what was seen of dependency files.

use super::{Entry, Facts, Manifest, Pins};
use crate::outcome::{Fault, Finding};

/// Judges all dependency files.
pub(super) fn judge(pins: &Pins, facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts
        .absent
        .iter()
        .map(|(path, fault)| match fault {
            Some(fault) => unreadable(path, fault),
            None => Finding::fail(
                "DEP-52",
                path,
                "a dependency file",
                "missing",
                format!("there is no dependency file {path}"),
            ),
        })
        .collect();
    for manifest in &facts.manifests {
        findings.extend(judge_manifest(pins, manifest));
    }
    findings
}

/// The finding of something that could not be looked at.
fn unreadable(path: &str, fault: &Fault) -> Finding {
    let hint = fault.hint.as_deref().unwrap_or_default();
    Finding::fail(
        "DEP-55",
        path,
        "a dependency file that can be read",
        "not readable",
        format!("{}; {hint}", fault.message),
    )
    .as_unknown()
}

/// Judges one dependency file.
fn judge_manifest(pins: &Pins, manifest: &Manifest) -> Vec<Finding> {
    let path = &manifest.path;
    if let Some(fault) = &manifest.fault {
        return vec![unreadable(path, fault)];
    }
    let pinned_here = manifest.locks.is_empty();
    if manifest.entries.is_empty() {
        if pinned_here && manifest.includes.is_empty() {
            return vec![Finding::fail(
                "DEP-51",
                path,
                "at least one dependency",
                "none",
                format!("{path} names no dependency"),
            )];
        }
        return vec![Finding::pass(path, "pinned dependencies", "it has none")];
    }
    let allowed = |entry: &&Entry| {
        let same = |name: &String| name.eq_ignore_ascii_case(&entry.name);
        !pins.allow.iter().any(same)
    };
    let entries: Vec<&Entry> = manifest.entries.iter().filter(allowed).collect();
    let mut findings = Vec::new();
    let everything_exact = entries.iter().all(|entry| entry.exact);
    match &manifest.lock {
        _ if pinned_here => {}
        Some(lock) => {
            let out = entries.iter().filter(|entry| entry.locked == Some(false));
            findings.extend(out.map(|entry| {
                Finding::fail(
                    "DEP-53",
                    place(path, entry),
                    format!("{} in {lock} as it is here", entry.name),
                    "not there, or of another version",
                    format!(
                        "{lock} is out of step: it has not {} {}",
                        entry.name, entry.version
                    ),
                )
            }));
        }
        // Exact versions in a project file at least pin what it names itself.
        None if everything_exact && path.ends_with("pyproject.toml") => {}
        None => findings.push(Finding::fail(
            "DEP-52",
            path,
            format!("one of {}", manifest.locks.join(", ")),
            "missing",
            format!("{path} has no lock file"),
        )),
    }
    let ranged_matters = pinned_here || pins.exact;
    for entry in entries
        .iter()
        .filter(|entry| ranged_matters && !entry.exact)
    {
        let actual = match entry.version.as_str() {
            "" => "any version",
            version => version,
        };
        findings.push(Finding::fail(
            "DEP-51",
            place(path, entry),
            "one exact version",
            actual,
            format!("{} may become {actual}", entry.name),
        ));
    }
    for entry in entries
        .iter()
        .filter(|entry| pins.hashes && pinned_here && !entry.hashed)
    {
        findings.push(Finding::fail(
            "DEP-54",
            place(path, entry),
            "--hash=sha256:…",
            "no hash",
            format!("{} has no hash", entry.name),
        ));
    }
    if findings.is_empty() {
        let by = match &manifest.lock {
            Some(lock) => format!("{} dependencies in {lock}", manifest.entries.len()),
            None => format!("{} exact versions", manifest.entries.len()),
        };
        findings.push(Finding::pass(path, "pinned dependencies", by));
    }
    findings
}

/// Where a dependency stands.
fn place(path: &str, entry: &Entry) -> String {
    match entry.line {
        0 => format!("{path} {}", entry.name),
        line => format!("{path}:{line} {}", entry.name),
    }
}
