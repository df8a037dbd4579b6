//! Scanners of dependencies and images.

use serde_json::Value;

use super::content::{Issue, Scan, Stamp, Suppressed, moment};
use super::files::{Source, wrong};
use super::json::{cvss3, list, maybe_list, number, object, of_score, owned, severity, text};
use crate::outcome::{Fault, Severity};

/// What a parser gives.
type Read = Result<(Stamp, Scan), Fault>;

/// A scan by a tool.
fn scan_of(tool: &str) -> Scan {
    Scan {
        tools: vec![tool.to_owned()],
        ..Scan::default()
    }
}

/// The texts of a list.
fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// A count that a report gives.
fn count(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer).and_then(Value::as_u64)
}

/// Reads `cargo audit --json`.
///
/// # Errors
/// When it is broken.
pub(super) fn cargo_audit(source: &Source, value: &Value) -> Read {
    let mut scan = scan_of("cargo-audit");
    scan.looked_at = count(value, "/lockfile/dependency-count");
    scan.database = text(value, "/database/last-updated")
        .and_then(moment)
        .map(|moment| moment.at);
    for entry in list(source, value, "/vulnerabilities/list")? {
        let rating = text(entry, "/advisory/cvss")
            .and_then(cvss3)
            .and_then(of_score);
        scan.issues.push(advisory(entry).rated(rating));
    }
    let warnings = value.get("warnings").and_then(Value::as_object);
    for (kind, entries) in warnings.into_iter().flatten() {
        for entry in entries.as_array().into_iter().flatten() {
            // Unsound code may be exploitable; unmaintained and yanked crates are for planning.
            let rating = match kind.as_str() {
                "unsound" => Severity::Medium,
                _ => Severity::Low,
            };
            let mut issue = advisory(entry).rated(Some(rating));
            if issue.id.is_empty() {
                issue.id.clone_from(kind);
            }
            scan.issues.push(issue);
        }
    }
    Ok((Stamp::default(), scan))
}

/// An advisory of RustSec.
fn advisory(entry: &Value) -> Issue {
    let patched = entry.pointer("/versions/patched").and_then(Value::as_array);
    Issue {
        id: owned(entry, "/advisory/id"),
        aliases: texts(entry.pointer("/advisory/aliases")),
        package: format!(
            "{} {}",
            owned(entry, "/package/name"),
            owned(entry, "/package/version")
        ),
        title: owned(entry, "/advisory/title"),
        fixable: patched.map(|list| !list.is_empty()),
        ..Issue::default()
    }
}

/// Reads `npm audit --json`.
///
/// # Errors
/// When it is broken, or npm only says why it could not look.
pub(super) fn npm_audit(source: &Source, value: &Value) -> Read {
    if let Some(error) = value.get("error") {
        let why = text(error, "/summary").or(text(error, "/code"));
        let why = why.unwrap_or("no reason is given");
        return Err(wrong(source, &format!("npm could not look: {why}")).code("REP-12"));
    }
    if count(value, "/auditReportVersion") != Some(2) {
        return Err(wrong(source, "it is not the format of npm 7 and later"));
    }
    let mut scan = scan_of("npm audit");
    scan.looked_at = count(value, "/metadata/dependencies/total");
    for (name, entry) in object(source, value, "/vulnerabilities")? {
        let via = maybe_list(source, entry, "/via")?;
        let advisory = via.iter().find(|via| via.is_object());
        scan.issues.push(
            Issue {
                id: advisory.and_then(|via| text(via, "/url")).map_or_else(
                    || format!("{name} through its dependencies"),
                    |url| url.rsplit('/').next().unwrap_or(url).to_owned(),
                ),
                package: format!("{name} {}", owned(entry, "/range")),
                title: advisory.map(|via| owned(via, "/title")).unwrap_or_default(),
                fixable: entry
                    .get("fixAvailable")
                    .map(|fix| fix.as_bool().unwrap_or(fix.is_object())),
                ..Issue::default()
            }
            .rated(text(entry, "/severity").and_then(severity)),
        );
    }
    Ok((Stamp::default(), scan))
}

/// Reads `pip-audit --format json`. It rates nothing.
///
/// # Errors
/// When it is broken.
pub(super) fn pip_audit(source: &Source, value: &Value) -> Read {
    let mut scan = scan_of("pip-audit");
    let mut looked_at = 0;
    for dependency in list(source, value, "/dependencies")? {
        let name = owned(dependency, "/name");
        if let Some(why) = text(dependency, "/skip_reason") {
            scan.skipped.push(format!("{name}: {why}"));
            continue;
        }
        looked_at += 1;
        let package = format!("{name} {}", owned(dependency, "/version"));
        for vulnerability in list(source, dependency, "/vulns")? {
            let fixed = maybe_list(source, vulnerability, "/fix_versions")?;
            scan.issues.push(Issue {
                id: owned(vulnerability, "/id"),
                aliases: texts(vulnerability.get("aliases")),
                package: package.clone(),
                fixable: Some(!fixed.is_empty()),
                ..Issue::default()
            });
        }
    }
    scan.looked_at = Some(looked_at);
    Ok((Stamp::default(), scan))
}

/// Reads `osv-scanner --format json`. Each group is one vulnerability with all its names.
///
/// # Errors
/// When it is broken.
pub(super) fn osv_scanner(source: &Source, value: &Value) -> Read {
    let mut scan = scan_of("osv-scanner");
    let mut stamp = Stamp::default();
    for result in list(source, value, "/results")? {
        stamp.about(text(result, "/source/path"));
        for package in list(source, result, "/packages")? {
            let name = format!(
                "{} {}",
                owned(package, "/package/name"),
                owned(package, "/package/version")
            );
            let vulnerabilities = maybe_list(source, package, "/vulnerabilities")?;
            let groups = maybe_list(source, package, "/groups")?;
            let of_group = |id: &str| {
                groups
                    .iter()
                    .find(|group| texts(group.get("ids")).iter().any(|known| known == id))
            };
            let mut done: Vec<String> = Vec::new();
            for vulnerability in vulnerabilities {
                let id = owned(vulnerability, "/id");
                if done.contains(&id) {
                    continue;
                }
                let group = of_group(&id);
                done.extend(
                    group
                        .map(|group| texts(group.get("ids")))
                        .unwrap_or_default(),
                );
                let score = group.and_then(|group| number(group, "/max_severity"));
                let fixed = vulnerability.to_string().contains("\"fixed\":");
                scan.issues.push(
                    Issue {
                        aliases: texts(vulnerability.get("aliases")),
                        package: name.clone(),
                        title: owned(vulnerability, "/summary"),
                        fixable: Some(fixed),
                        id,
                        ..Issue::default()
                    }
                    // 0 is what it writes when it has no score.
                    .rated(score.filter(|score| *score > 0.0).and_then(of_score)),
                );
            }
        }
    }
    Ok((stamp, scan))
}

/// Reads `trivy --format json`.
///
/// # Errors
/// When it is broken.
pub(super) fn trivy(source: &Source, value: &Value) -> Read {
    if count(value, "/SchemaVersion") != Some(2) {
        return Err(wrong(source, "it is not a report of Trivy"));
    }
    let mut scan = scan_of("Trivy");
    let mut stamp = Stamp::default();
    stamp.written_at(text(value, "/CreatedAt").and_then(moment));
    stamp.about(text(value, "/ArtifactName"));
    stamp.about(text(value, "/Metadata/ImageID"));
    for key in ["/Metadata/RepoDigests", "/Metadata/RepoTags"] {
        stamp.subjects.extend(texts(value.pointer(key)));
    }
    stamp
        .commits
        .extend(text(value, "/Metadata/Commit").map(str::to_owned));
    if value.pointer("/Metadata/OS/EOSL").and_then(Value::as_bool) == Some(true) {
        scan.issues.push(
            Issue {
                id: "end of life".to_owned(),
                package: format!(
                    "{} {}",
                    owned(value, "/Metadata/OS/Family"),
                    owned(value, "/Metadata/OS/Name")
                ),
                title: "the operating system of the image gets no more updates".to_owned(),
                ..Issue::default()
            }
            .rated(Some(Severity::High)),
        );
    }
    let results = maybe_list(source, value, "/Results")?;
    scan.looked_at = Some(results.len() as u64);
    for result in results {
        let target = owned(result, "/Target");
        for (key, id) in [
            ("/Vulnerabilities", "/VulnerabilityID"),
            ("/Misconfigurations", "/ID"),
            ("/Secrets", "/RuleID"),
        ] {
            for entry in maybe_list(source, result, key)? {
                // Trivy lists what is in order, too, when asked for it.
                if text(entry, "/Status").is_some_and(|state| state == "PASS") {
                    continue;
                }
                scan.issues.push(trivy_issue(entry, id, &target));
            }
        }
        for entry in maybe_list(source, result, "/ExperimentalModifiedFindings")? {
            scan.suppressed.push(Suppressed {
                id: owned(entry, "/Finding/VulnerabilityID"),
                why: text(entry, "/Statement")
                    .or_else(|| text(entry, "/Source"))
                    .map(str::to_owned),
                in_source: false,
                expires: None,
            });
        }
    }
    Ok((stamp, scan))
}

/// A finding of Trivy.
fn trivy_issue(entry: &Value, id: &str, target: &str) -> Issue {
    let package = format!(
        "{} {}",
        owned(entry, "/PkgName"),
        owned(entry, "/InstalledVersion")
    );
    let of_package = id == "/VulnerabilityID";
    Issue {
        id: owned(entry, id),
        package: package.trim().to_owned(),
        place: target.to_owned(),
        title: owned(entry, "/Title"),
        fixable: of_package.then(|| text(entry, "/FixedVersion").is_some()),
        ..Issue::default()
    }
    .rated(text(entry, "/Severity").and_then(severity))
}

/// Reads `grype -o json`.
///
/// # Errors
/// When it is broken.
pub(super) fn grype(source: &Source, value: &Value) -> Read {
    let mut scan = scan_of("Grype");
    let mut stamp = Stamp::default();
    stamp.written_at(text(value, "/descriptor/timestamp").and_then(moment));
    for key in ["userInput", "imageID", "manifestDigest"] {
        stamp.about(text(value, &format!("/source/target/{key}")));
    }
    stamp.about(text(value, "/source/target"));
    for key in ["/source/target/repoDigests", "/source/target/tags"] {
        stamp.subjects.extend(texts(value.pointer(key)));
    }
    scan.database = text(value, "/descriptor/db/status/built")
        .or_else(|| text(value, "/descriptor/db/built"))
        .and_then(moment)
        .map(|moment| moment.at);
    for key in ["/descriptor/db/status/valid", "/descriptor/db/valid"] {
        if value.pointer(key).and_then(Value::as_bool) == Some(false) {
            scan.crashes
                .push("Grype calls its own database not valid".to_owned());
        }
    }
    for entry in list(source, value, "/matches")? {
        let state = text(entry, "/vulnerability/fix/state");
        let related = maybe_list(source, entry, "/relatedVulnerabilities")?;
        scan.issues.push(
            Issue {
                id: owned(entry, "/vulnerability/id"),
                aliases: related.iter().map(|other| owned(other, "/id")).collect(),
                package: format!(
                    "{} {}",
                    owned(entry, "/artifact/name"),
                    owned(entry, "/artifact/version")
                ),
                fixable: state.and_then(|state| match state {
                    "fixed" => Some(true),
                    "not-fixed" | "wont-fix" => Some(false),
                    _ => None,
                }),
                ..Issue::default()
            }
            .rated(text(entry, "/vulnerability/severity").and_then(severity)),
        );
    }
    for entry in maybe_list(source, value, "/ignoredMatches")? {
        let rules = maybe_list(source, entry, "/appliedIgnoreRules")?;
        let why = rules.iter().find_map(|rule| {
            let status = text(rule, "/vex-status")?;
            Some(format!(
                "VEX: {status} {}",
                owned(rule, "/vex-justification")
            ))
        });
        let reason = rules.iter().find_map(|rule| text(rule, "/reason"));
        scan.suppressed.push(Suppressed {
            id: owned(entry, "/vulnerability/id"),
            why: why.or_else(|| reason.map(str::to_owned)).or_else(|| {
                rules
                    .first()
                    .map(|_| "a rule of the configuration".to_owned())
            }),
            in_source: false,
            expires: None,
        });
    }
    Ok((stamp, scan))
}
