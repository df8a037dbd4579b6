//! JUnit XML: what CI systems show as test results.
//!
//! There is no schema everybody keeps to, so this writes the least that all of them read: one
//! suite a group, one case a check, at most one `failure`, `error` or `skipped` in a case, and
//! counters that agree with the elements.

use std::borrow::Cow;
use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::outcome::{CheckResult, Finding, Judged, Report, Verdict};

/// Writes the report.
///
/// # Errors
/// When `out` cannot be written to.
pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all: Vec<&CheckResult> = report.checks.iter().collect();
    let counts = counts(&all);
    xml.create_element("testsuites")
        .with_attribute(("name", clean(&format!("readyctl {}", report.profile))))
        .with_attributes(counts.iter().map(|(name, n)| (*name, n.as_str())))
        .with_attribute(("time", seconds(report.duration_ms).as_str()))
        .write_inner_content(|xml| {
            for group in groups(report) {
                suite(xml, report, group)?;
            }
            Ok(())
        })?;
    out.write_all(b"\n")
}

/// One heading with its checks.
fn suite<W: Write>(xml: &mut Writer<W>, report: &Report, group: &str) -> io::Result<()> {
    let checks: Vec<_> = report.checks.iter().filter(|c| c.group == group).collect();
    let name = if group.is_empty() { "checks" } else { group };
    let took = checks.iter().map(|check| check.duration_ms).sum();
    xml.create_element("testsuite")
        .with_attribute(("name", clean(name)))
        .with_attributes(counts(&checks).iter().map(|(name, n)| (*name, n.as_str())))
        .with_attribute(("time", seconds(took).as_str()))
        .with_attribute(("timestamp", clean(&report.started_at)))
        .write_inner_content(|xml| {
            for check in checks {
                case(xml, report, check)?;
            }
            Ok(())
        })?;
    Ok(())
}

/// One check. Named by its id, which stays the same when somebody rewords the title: CI systems
/// follow a case over time by its name.
fn case<W: Write>(xml: &mut Writer<W>, report: &Report, check: &CheckResult) -> io::Result<()> {
    let element = xml
        .create_element("testcase")
        .with_attribute(("name", clean(&check.id)))
        .with_attribute(("classname", clean(&report.profile)))
        .with_attribute(("time", seconds(check.duration_ms).as_str()));
    let (tag, kind, message) = match check.verdict {
        Verdict::Pass => {
            element.write_empty()?;
            return Ok(());
        }
        Verdict::Warn => {
            let text = format!("warning: {}\n{}", check.message, details(check));
            element.write_inner_content(|xml| system_out(xml, &text))?;
            return Ok(());
        }
        Verdict::Fail => ("failure", Some(kind_of(check)), check.message.clone()),
        Verdict::Error => ("error", Some(kind_of(check)), check.message.clone()),
        Verdict::Skip => ("skipped", None, reason(check).to_owned()),
        Verdict::Waived => ("skipped", None, waived(check)),
    };
    element.write_inner_content(|xml| {
        let mut element = xml
            .create_element(tag)
            .with_attribute(("message", clean(&message)));
        if let Some(kind) = &kind {
            element = element.with_attribute(("type", clean(kind)));
        }
        // Not empty even when skipped: some readers drop an empty element.
        let text = match check.verdict {
            Verdict::Skip => message.clone(),
            _ => details(check),
        };
        element.write_text_content(BytesText::new(&clean(&text)))?;
        Ok(())
    })?;
    Ok(())
}

/// Text that a case prints without being red.
fn system_out<W: Write>(xml: &mut Writer<W>, text: &str) -> io::Result<()> {
    xml.create_element("system-out")
        .write_text_content(BytesText::new(&clean(text)))?;
    Ok(())
}

/// Everything a person needs to act, in the order of need.
fn details(check: &CheckResult) -> String {
    let mut text = format!("{}\n", check.title);
    for finding in &check.findings {
        if finding.verdict == Judged::Pass {
            continue;
        }
        let code = finding.code.as_deref().unwrap_or_default();
        let head = [code, finding.subject.as_str()].join(" ");
        text.push_str(&format!(
            "\n{}: {}\n  expected: {}\n  actual:   {}\n",
            head.trim(),
            finding.message,
            finding.expected,
            finding.actual
        ));
    }
    if let Some(fault) = &check.fault {
        text.push_str(&format!("\n{}\n", fault.message));
        if let Some(hint) = &fault.hint {
            text.push_str(&format!("hint: {hint}\n"));
        }
    }
    if !check.remedy.is_empty() {
        text.push_str(&format!("\nremedy: {}\n", check.remedy.trim()));
    }
    if let Some(location) = &check.location {
        text.push_str(&format!("\n{location}\n"));
    }
    text
}

/// The `type` of a failure or error: its code, and where there is none, a word for what happened.
fn kind_of(check: &CheckResult) -> String {
    let wanted = match check.verdict {
        Verdict::Fail => Judged::Fail,
        _ => Judged::Error,
    };
    let of_finding = |finding: &Finding| {
        (finding.verdict == wanted)
            .then(|| finding.code.as_deref().map(str::to_owned))
            .flatten()
    };
    let fault = check.fault.as_ref();
    check
        .findings
        .iter()
        .find_map(of_finding)
        .or_else(|| fault.and_then(|fault| fault.code.as_deref().map(str::to_owned)))
        .or_else(|| fault.and_then(|fault| word(fault.cause)))
        .unwrap_or_else(|| check.verdict.name().to_owned())
}

/// A cause as reports write it.
fn word(cause: crate::outcome::Cause) -> Option<String> {
    let value = serde_json::to_value(cause).ok()?;
    Some(value.as_str()?.to_owned())
}

/// Why a check was skipped.
fn reason(check: &CheckResult) -> &str {
    check.skipped_because.as_deref().unwrap_or(&check.message)
}

/// Why a failure counts as accepted.
fn waived(check: &CheckResult) -> String {
    check.waiver.as_ref().map_or_else(
        || format!("waived: {}", check.message),
        |waiver| {
            format!(
                "waived by {} until {}: {}",
                waiver.approved_by, waiver.expires, waiver.reason
            )
        },
    )
}

/// The headings in the order of their first check.
fn groups(report: &Report) -> Vec<&str> {
    let mut groups: Vec<&str> = Vec::new();
    for check in &report.checks {
        if !groups.contains(&check.group.as_str()) {
            groups.push(&check.group);
        }
    }
    groups
}

/// The counter attributes, counted from what is written below them.
fn counts(checks: &[&CheckResult]) -> [(&'static str, String); 4] {
    let count = |verdicts: &[Verdict]| {
        checks
            .iter()
            .filter(|check| verdicts.contains(&check.verdict))
            .count()
            .to_string()
    };
    [
        ("tests", checks.len().to_string()),
        ("failures", count(&[Verdict::Fail])),
        ("errors", count(&[Verdict::Error])),
        ("skipped", count(&[Verdict::Skip, Verdict::Waived])),
    ]
}

/// Milliseconds as seconds with three digits.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}

/// The text without the characters that XML 1.0 cannot carry, not even escaped.
fn clean(text: &str) -> Cow<'_, str> {
    let bad = |c: char| matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    if text.contains(bad) {
        Cow::Owned(text.replace(bad, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use quick_xml::Reader;
    use serde_json::json;

    use super::*;

    /// A check of this verdict, with a finding and a fault where they belong.
    fn check(id: &str, group: &str, verdict: &str) -> CheckResult {
        let red = !matches!(verdict, "pass" | "skip" | "error");
        let findings = json!([
            {"code": null, "subject": "status", "expected": "200", "actual": "200",
             "verdict": "pass", "message": ""},
            {"code": "HTTP-51", "subject": "body", "expected": "<ok> & \"more\"",
             "actual": "bell \u{7} nul \0 ]]> \u{ffff} emoji \u{1f980}",
             "verdict": "fail", "message": "the body isn't ok"},
        ]);
        serde_json::from_value(json!({
            "id": id, "title": "A <title>", "group": group, "kind": "http", "severity": "high",
            "tags": [], "covers": [], "verdict": verdict, "duration_ms": 1_042, "attempts": 1,
            "message": "line one\u{1b}[31m", "remedy": "turn it off & on",
            "findings": if red { findings } else { json!([]) },
            "facts": {},
            "waiver": if verdict == "waived" {
                json!({"reason": "known", "approved_by": "security", "expires": "2999-01-31"})
            } else { json!(null) },
            "skipped_because": if verdict == "skip" { json!("inputs.x != null") } else { json!(null) },
            "fault": if verdict == "error" {
                json!({"cause": "too_large", "code": null, "message": "too much", "hint": "less"})
            } else { json!(null) },
            "location": {"file": "p.yaml", "line": 3, "column": 5},
        }))
        .unwrap()
    }

    /// A report over these checks.
    fn report(checks: Vec<CheckResult>) -> Report {
        Report {
            schema: "readyctl.report/1".into(),
            readyctl: "0.1.0".into(),
            profile: "p & q".into(),
            target: None,
            started_at: "2026-01-01T00:00:00Z".into(),
            duration_ms: 5,
            readiness: crate::outcome::Readiness::NotReady,
            exit_code: 1,
            summary: crate::outcome::Counts::of(checks.iter().map(|check| &check.verdict)),
            checks,
        }
    }

    /// An element read back: name, attributes, text directly inside.
    type Element = (String, BTreeMap<String, String>, String);

    /// Every element in document order; panics when the XML is not well-formed.
    fn parse(xml: &str) -> Vec<Element> {
        let mut reader = Reader::from_str(xml);
        reader.config_mut().check_end_names = true;
        let (mut elements, mut open) = (Vec::<Element>::new(), Vec::new());
        loop {
            let event = reader.read_event().unwrap();
            match &event {
                Event::Start(tag) | Event::Empty(tag) => {
                    let attributes = tag.attributes().map(|attribute| {
                        let attribute = attribute.unwrap();
                        let value = std::str::from_utf8(&attribute.value).unwrap().to_owned();
                        let value = quick_xml::escape::unescape(&value).unwrap().into_owned();
                        (String::from_utf8(attribute.key.0.to_vec()).unwrap(), value)
                    });
                    let name = String::from_utf8(tag.name().0.to_vec()).unwrap();
                    elements.push((name, attributes.collect(), String::new()));
                    if matches!(event, Event::Start(_)) {
                        open.push(elements.len() - 1);
                    }
                }
                Event::End(_) => drop(open.pop().unwrap()),
                Event::Text(text) => {
                    if let Some(at) = open.last() {
                        elements[*at].2.push_str(&text.decode().unwrap());
                    }
                }
                Event::GeneralRef(reference) => {
                    let name = format!("&{};", reference.decode().unwrap());
                    let text = quick_xml::escape::unescape(&name).unwrap().into_owned();
                    elements[*open.last().unwrap()].2.push_str(&text);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        assert!(open.is_empty(), "unclosed elements in {xml}");
        elements
    }

    /// The report as XML and read back.
    fn written(checks: Vec<CheckResult>) -> Vec<Element> {
        let mut out = Vec::new();
        write(&report(checks), &mut out).unwrap();
        let xml = String::from_utf8(out).unwrap();
        assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
        let forbidden = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || c == '\u{ffff}';
        assert!(!xml.contains(forbidden), "{xml}");
        parse(&xml)
    }

    #[test]
    fn every_verdict_has_its_element_and_the_counters_agree() {
        let verdicts = ["pass", "fail", "warn", "error", "skip", "waived"];
        // Groups take turns, as when a pack and a profile share one.
        let checks = verdicts
            .iter()
            .enumerate()
            .map(|(n, verdict)| check(verdict, ["a", "b"][n % 2], verdict))
            .collect();
        let elements = written(checks);
        let of = |name: &str| elements.iter().filter(|e| e.0 == name).collect::<Vec<_>>();
        let root = &of("testsuites")[0].1;
        assert_eq!(root["name"], "readyctl p & q");
        for (name, count) in [
            ("tests", "6"),
            ("failures", "1"),
            ("errors", "1"),
            ("skipped", "2"),
        ] {
            assert_eq!(root[name], count, "{name}");
        }
        let suites: Vec<_> = of("testsuite").iter().map(|e| &e.1["name"]).collect();
        assert_eq!(suites, ["a", "b"]);
        let cases: Vec<_> = of("testcase").iter().map(|e| &e.1["name"]).collect();
        assert_eq!(cases, ["pass", "warn", "skip", "fail", "error", "waived"]);
        assert_eq!(of("testcase")[0].1["time"], "1.042");
        assert_eq!(of("failure")[0].1["type"], "HTTP-51");
        assert_eq!(of("error")[0].1["type"], "too_large");
        assert!(of("error")[0].2.contains("hint: less"));
        let skipped = of("skipped");
        assert_eq!(skipped[0].1["message"], "inputs.x != null");
        assert!(skipped[1].1["message"].contains("security until 2999-01-31: known"));
        assert!(of("system-out")[0].2.contains("warning: line one"));
    }

    #[test]
    fn text_survives_and_what_xml_cannot_carry_is_replaced() {
        let elements = written(vec![check("x", "", "fail")]);
        let failure = elements.iter().find(|e| e.0 == "failure").unwrap();
        assert_eq!(failure.1["message"], "line one\u{fffd}[31m");
        for part in [
            "A <title>",
            "HTTP-51 body: the body isn't ok",
            "expected: <ok> & \"more\"",
            "actual:   bell \u{fffd} nul \u{fffd} ]]> \u{fffd} emoji \u{1f980}",
            "remedy: turn it off & on",
            "p.yaml:3:5",
        ] {
            assert!(failure.2.contains(part), "{part} in {}", failure.2);
        }
        assert!(!failure.2.contains("status"), "what passed is no failure");
    }

    #[test]
    fn an_audit_without_checks_is_still_xml() {
        let elements = written(Vec::new());
        assert_eq!(elements[0].1["tests"], "0");
    }
}
