//! Scanners of sources, and cargo's own messages.

use serde_json::Value;

use super::content::{Issue, Scan, Score, Stamp, Suppressed, moment};
use super::facts::Vex;
use super::files::{Source, wrong};
use super::json::{list, maybe_list, number, owned, severity, text};
use crate::outcome::{Fault, Severity};
use crate::redact::Redactor;

/// What a parser gives.
type Read = Result<(Stamp, Scan), Fault>;

/// A scan by a tool.
fn scan_of(tool: &str) -> Scan {
    Scan {
        tools: vec![tool.to_owned()],
        ..Scan::default()
    }
}

/// `file:line`.
fn place(file: String, line: Option<f64>) -> String {
    match line {
        Some(line) if !file.is_empty() => format!("{file}:{line}"),
        _ => file,
    }
}

/// Reads the JSON report of Gitleaks. The secrets in it are masked everywhere.
///
/// # Errors
/// When it is broken.
pub(super) fn gitleaks(source: &Source, value: &Value, redactor: &Redactor) -> Read {
    let mut scan = scan_of("Gitleaks");
    for entry in list(source, value, "")? {
        for key in ["/Secret", "/Match"] {
            if let Some(secret) = text(entry, key).filter(|text| !text.contains("REDACTED")) {
                redactor.add(secret);
            }
        }
        let id = text(entry, "/RuleID").ok_or_else(|| wrong(source, "an entry has no rule"))?;
        scan.issues.push(
            Issue {
                id: id.to_owned(),
                place: place(owned(entry, "/File"), number(entry, "/StartLine")),
                title: owned(entry, "/Description"),
                ..Issue::default()
            }
            .rated(Some(Severity::Critical)),
        );
    }
    Ok((Stamp::default(), scan))
}

/// Reads `semgrep --json`.
///
/// # Errors
/// When it is broken.
pub(super) fn semgrep(source: &Source, value: &Value) -> Read {
    let mut scan = scan_of("Semgrep");
    let scanned = value.pointer("/paths/scanned").and_then(Value::as_array);
    scan.looked_at = scanned.map(|paths| paths.len() as u64);
    for error in list(source, value, "/errors")? {
        let message = owned(error, "/message");
        let message = crate::exchange::cut(&message, 200).to_owned();
        if text(error, "/level") == Some("error") {
            scan.crashes
                .push(format!("Semgrep reports an error: {message}"));
        } else {
            scan.skipped.push(message);
        }
    }
    for entry in list(source, value, "/results")? {
        let id = owned(entry, "/check_id");
        if entry.pointer("/extra/is_ignored").and_then(Value::as_bool) == Some(true) {
            scan.suppressed.push(Suppressed {
                id,
                why: None,
                in_source: true,
                expires: None,
            });
            continue;
        }
        scan.issues.push(
            Issue {
                id,
                place: place(owned(entry, "/path"), number(entry, "/start/line")),
                title: owned(entry, "/extra/message"),
                fixable: None,
                ..Issue::default()
            }
            .rated(text(entry, "/extra/severity").and_then(severity)),
        );
    }
    Ok((Stamp::default(), scan))
}

/// Reads the lines of `cargo deny --format json check`.
///
/// # Errors
/// When it is broken.
pub(super) fn cargo_deny(source: &Source, lines: &[Value]) -> Read {
    let mut scan = scan_of("cargo-deny");
    let mut summed_up = false;
    for line in lines {
        match text(line, "/type") {
            Some("diagnostic") => {
                let level = text(line, "/fields/severity").unwrap_or_default();
                if level == "note" || level == "help" {
                    continue;
                }
                scan.issues.push(
                    Issue {
                        id: text(line, "/fields/advisory/id")
                            .or_else(|| text(line, "/fields/code"))
                            .unwrap_or("a diagnostic")
                            .to_owned(),
                        package: owned(line, "/fields/advisory/package"),
                        title: owned(line, "/fields/message"),
                        ..Issue::default()
                    }
                    .rated(severity(level)),
                );
            }
            Some("summary") => summed_up = true,
            _ => {}
        }
    }
    if !summed_up {
        return Err(wrong(source, "it ends without the summary of cargo-deny"));
    }
    Ok((Stamp::default(), scan))
}

/// Reads the lines that cargo writes with `--message-format=json`.
///
/// # Errors
/// When it is broken or cut off.
pub(super) fn cargo_messages(source: &Source, lines: &[Value]) -> Read {
    let mut scan = scan_of("cargo");
    let mut finished = None;
    let mut artifacts = 0;
    for line in lines {
        match text(line, "/reason") {
            Some("compiler-message") => {
                let level = text(line, "/message/level").unwrap_or_default();
                let rating = match level {
                    "warning" => Severity::Medium,
                    "note" | "help" | "failure-note" => continue,
                    // `error`, and `error: internal compiler error`.
                    _ => Severity::High,
                };
                scan.issues.push(
                    Issue {
                        id: text(line, "/message/code/code").unwrap_or(level).to_owned(),
                        place: place(
                            owned(line, "/message/spans/0/file_name"),
                            number(line, "/message/spans/0/line_start"),
                        ),
                        title: owned(line, "/message/message"),
                        ..Issue::default()
                    }
                    .rated(Some(rating)),
                );
            }
            Some("compiler-artifact") => artifacts += 1,
            Some("build-finished") => {
                finished = line.get("success").and_then(Value::as_bool);
            }
            _ => {}
        }
    }
    match finished {
        None => return Err(wrong(source, "it ends before the build does")),
        Some(false) => scan.crashes.push("the build failed".to_owned()),
        Some(true) => {}
    }
    scan.looked_at = Some(artifacts);
    Ok((Stamp::default(), scan))
}

/// Reads `scorecard --format json`.
///
/// # Errors
/// When it is broken.
pub(super) fn scorecard(source: &Source, value: &Value) -> Result<(Stamp, Score), Fault> {
    let mut stamp = Stamp::default();
    stamp.written_at(text(value, "/date").and_then(moment));
    if let Some(day) = text(value, "/date").filter(|_| stamp.written.is_none()) {
        stamp.written_at(moment(&format!("{day}T00:00:00Z")));
    }
    stamp
        .commits
        .extend(text(value, "/repo/commit").map(str::to_owned));
    stamp.about(text(value, "/repo/name"));
    let total = number(value, "/score").ok_or_else(|| wrong(source, "it has no score of all"))?;
    let mut checks = Vec::new();
    for check in list(source, value, "/checks")? {
        let score = number(check, "/score").ok_or_else(|| wrong(source, "a check has no score"))?;
        checks.push((owned(check, "/name"), score));
    }
    Ok((stamp, Score { total, checks }))
}

/// Identifiers that an OpenVEX document takes out, each with the packages it is about (none: all).
///
/// # Errors
/// When it is broken.
pub(super) fn openvex(source: &Source, value: &Value) -> Result<Vec<Vex>, Fault> {
    let mut out = Vec::new();
    for statement in list(source, value, "/statements")? {
        let status = text(statement, "/status").unwrap_or_default();
        let reason =
            text(statement, "/justification").or_else(|| text(statement, "/impact_statement"));
        let counts = match status {
            "fixed" => Some("fixed"),
            // Without a reason nobody may claim that.
            "not_affected" => reason,
            _ => None,
        };
        let Some(reason) = counts else { continue };
        let mut ids: Vec<String> = [
            "/vulnerability/name",
            "/vulnerability/@id",
            "/vulnerability",
        ]
        .iter()
        .filter_map(|key| text(statement, key))
        .map(|id| id.rsplit('/').next().unwrap_or(id).to_owned())
        .collect();
        for alias in maybe_list(source, statement, "/vulnerability/aliases")? {
            ids.extend(alias.as_str().map(str::to_owned));
        }
        let mut packages = Vec::new();
        for product in maybe_list(source, statement, "/products")? {
            for part in maybe_list(source, product, "/subcomponents")? {
                let id = text(part, "/@id").or(part.as_str()).unwrap_or_default();
                packages.push(package_of(id));
            }
        }
        out.push((ids, packages, format!("VEX: {status}, {reason}")));
    }
    Ok(out)
}

/// `name version` of a package URL, or the name alone.
fn package_of(purl: &str) -> String {
    let bare = purl.split(['?', '#']).next().unwrap_or(purl);
    let last = bare.rsplit('/').next().unwrap_or(bare);
    last.replacen('@', " ", 1)
}
