//! SARIF 2.1.0.

use serde_json::Value;

use super::content::{Issue, Scan, Stamp, Suppressed, moment};
use super::files::{Source, wrong};
use super::json::{list, maybe_list, number, of_score, owned, severity, text};
use crate::outcome::{Fault, Severity};

/// Reads a log.
///
/// # Errors
/// When it is broken.
pub(super) fn read(source: &Source, value: &Value) -> Result<(Stamp, Scan), Fault> {
    if text(value, "/version").is_none_or(|version| !version.starts_with("2.")) {
        return Err(wrong(source, "it is not SARIF 2"));
    }
    let mut stamp = Stamp::default();
    let mut scan = Scan::default();
    let runs = list(source, value, "/runs")?;
    if runs.is_empty() {
        scan.crashes.push("the log has no run".to_owned());
    }
    for run in runs {
        read_run(source, run, &mut stamp, &mut scan)?;
    }
    Ok((stamp, scan))
}

/// Reads one run.
fn read_run(source: &Source, run: &Value, stamp: &mut Stamp, scan: &mut Scan) -> Result<(), Fault> {
    let tool = text(run, "/tool/driver/name")
        .ok_or_else(|| wrong(source, "a run has no tool"))?
        .to_owned();
    stamp.about(text(run, "/automationDetails/id"));
    for provenance in maybe_list(source, run, "/versionControlProvenance")? {
        stamp.about(text(provenance, "/repositoryUri"));
        stamp
            .commits
            .extend(text(provenance, "/revisionId").map(str::to_owned));
    }
    for invocation in maybe_list(source, run, "/invocations")? {
        let ended = text(invocation, "/endTimeUtc").or_else(|| text(invocation, "/startTimeUtc"));
        stamp.written_at(ended.and_then(moment));
        if invocation
            .pointer("/executionSuccessful")
            .and_then(Value::as_bool)
            == Some(false)
        {
            scan.crashes
                .push(format!("{tool} says that its run was not successful"));
        }
        for key in [
            "/toolExecutionNotifications",
            "/toolConfigurationNotifications",
        ] {
            for note in maybe_list(source, invocation, key)? {
                if text(note, "/level") == Some("error") {
                    let message = owned(note, "/message/text");
                    let message = crate::exchange::cut(&message, 200);
                    scan.crashes
                        .push(format!("{tool} reports an error: {message}"));
                }
            }
        }
    }
    match run.get("results") {
        None | Some(Value::Null) => scan
            .crashes
            .push(format!("the run of {tool} has no list of results")),
        Some(_) => {
            for result in list(source, run, "/results")? {
                read_result(source, run, result, scan)?;
            }
        }
    }
    scan.tools.push(tool);
    Ok(())
}

/// Reads one result.
fn read_result(source: &Source, run: &Value, result: &Value, scan: &mut Scan) -> Result<(), Fault> {
    let kind = text(result, "/kind").unwrap_or("fail");
    let state = text(result, "/baselineState");
    if state == Some("absent") || matches!(kind, "pass" | "notApplicable" | "informational") {
        return Ok(());
    }
    let rule = rule_of(source, run, result)?;
    let id = text(result, "/ruleId")
        .or_else(|| text(result, "/rule/id"))
        .or_else(|| rule.and_then(|rule| text(rule, "/id")))
        .unwrap_or("a result without rule")
        .to_owned();
    let suppressions = maybe_list(source, result, "/suppressions")?;
    let accepted = |suppression: &Value| {
        text(suppression, "/status").is_none_or(|status| status == "accepted")
    };
    if !suppressions.is_empty() && suppressions.iter().all(accepted) {
        scan.suppressed
            .extend(suppressions.iter().map(|suppression| {
                Suppressed {
                    id: id.clone(),
                    why: text(suppression, "/justification").map(str::to_owned),
                    in_source: text(suppression, "/kind") == Some("inSource"),
                    expires: text(suppression, "/properties/expiryUtc")
                        .and_then(moment)
                        .map(|moment| moment.at),
                }
            }));
        return Ok(());
    }
    let place = "/locations/0/physicalLocation";
    let file = owned(result, &format!("{place}/artifactLocation/uri"));
    let line = number(result, &format!("{place}/region/startLine"));
    let title = text(result, "/message/text").unwrap_or_default();
    let issue = Issue {
        id,
        place: match line {
            Some(line) if !file.is_empty() => format!("{file}:{line}"),
            _ => file,
        },
        title: title.lines().next().unwrap_or_default().to_owned(),
        rated_by_rule: text(result, "/level").is_none() && rule.is_some(),
        new: state.map(|state| matches!(state, "new" | "updated")),
        ..Issue::default()
    };
    scan.issues.push(issue.rated(level_of(result, rule)));
    Ok(())
}

/// The rule of a result: by its index, else by its id, in the driver or an extension.
fn rule_of<'a>(
    source: &Source,
    run: &'a Value,
    result: &Value,
) -> Result<Option<&'a Value>, Fault> {
    let id = text(result, "/ruleId").or_else(|| text(result, "/rule/id"));
    let extension = result
        .pointer("/rule/toolComponent/index")
        .and_then(Value::as_u64);
    let rules = match extension {
        Some(index) => maybe_list(source, run, &format!("/tool/extensions/{index}/rules"))?,
        None => maybe_list(source, run, "/tool/driver/rules")?,
    };
    let index = result
        .pointer("/ruleIndex")
        .or_else(|| result.pointer("/rule/index"))
        .and_then(Value::as_u64)
        .and_then(|index| usize::try_from(index).ok());
    if let Some(rule) = index.and_then(|index| rules.get(index)) {
        return Ok(Some(rule));
    }
    let Some(id) = id else { return Ok(None) };
    let same = |rule: &&Value| {
        // `CA1000/1` is a variant of the rule `CA1000`.
        text(rule, "/id").is_some_and(|known| {
            known == id
                || id
                    .strip_prefix(known)
                    .is_some_and(|rest| rest.starts_with('/'))
        })
    };
    if let Some(rule) = rules.iter().find(same) {
        return Ok(Some(rule));
    }
    for extension in maybe_list(source, run, "/tool/extensions")? {
        if let Some(rule) = maybe_list(source, extension, "/rules")?.iter().find(same) {
            return Ok(Some(rule));
        }
    }
    Ok(None)
}

/// The severity of a result: of its own level or that of its rule, and the `security-severity` of
/// either, the worse counts.
fn level_of(result: &Value, rule: Option<&Value>) -> Option<Severity> {
    let level = text(result, "/level")
        .or_else(|| rule.and_then(|rule| text(rule, "/defaultConfiguration/level")))
        .unwrap_or("warning");
    let score = number(result, "/properties/security-severity")
        .or_else(|| number(rule?, "/properties/security-severity"))
        .and_then(of_score);
    severity(level).max(score)
}
