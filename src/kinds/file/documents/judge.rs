//! Judging what was seen of documents.

use super::super::files::{age_finding, midnight};
use super::{DatedBy, DocumentFacts, Rule, Seen};
use crate::context::JudgeContext;
use crate::outcome::{Fault, Finding, Judged};

/// Judges one rule.
pub(super) fn judge(rule: &Rule, seen: &Seen, cx: &JudgeContext) -> Vec<Finding> {
    let mut faults: Vec<Finding> = seen
        .faults
        .iter()
        .map(|(place, fault)| unreadable(place, fault))
        .collect();
    let names: Vec<&str> = rule.places().map(String::as_str).collect();
    let names = names.join(" or ");
    if seen.documents.is_empty() {
        if faults.is_empty() {
            faults.push(Finding::fail(
                "DOC-51",
                &names,
                "there",
                "missing",
                format!("there is no {names}"),
            ));
        }
        return faults;
    }
    let judged = seen
        .documents
        .iter()
        .map(|document| judge_document(rule, document, cx));
    if rule.path.is_some() {
        let mut findings = faults;
        findings.extend(judged.flatten());
        if let Some(least) = rule.min_files
            && seen.documents.len() < least
        {
            let count = seen.documents.len();
            findings.push(Finding::fail(
                "DOC-51",
                &names,
                format!("at least {least} documents"),
                count.to_string(),
                format!("{names} matches {count} of at least {least} documents"),
            ));
        }
        return findings;
    }
    // One that holds everything is enough; else the one that holds most is shown, because its faults
    // are the fewest to mend.
    let red = |findings: &[Finding]| {
        findings
            .iter()
            .filter(|finding| finding.verdict != Judged::Pass)
            .count()
    };
    let best = judged
        .min_by_key(|findings| red(findings))
        .unwrap_or_default();
    if red(&best) == 0 {
        return best;
    }
    faults.extend(best);
    faults
}

/// The finding of something that could not be looked at.
fn unreadable(path: &str, fault: &Fault) -> Finding {
    let hint = fault.hint.as_deref().unwrap_or_default();
    Finding::fail(
        "DOC-59",
        path,
        "a document that can be read",
        "not readable",
        format!("{}; {hint}", fault.message),
    )
    .as_unknown()
}

/// Judges one document.
fn judge_document(rule: &Rule, seen: &DocumentFacts, cx: &JudgeContext) -> Vec<Finding> {
    let path = &seen.path;
    if let Some(fault) = &seen.fault {
        return vec![unreadable(path, fault)];
    }
    let mut findings = vec![substance(rule, seen)];
    findings.extend(sections(rule, seen));
    for (pattern, line) in rule.mentions.iter().zip(&seen.mentions) {
        let expected = format!("says /{}/", pattern.0);
        findings.push(match line {
            Some(line) => Finding::pass(path, expected, format!("line {line}")),
            None => Finding::fail(
                "DOC-57",
                path,
                expected,
                "not there",
                format!("{path} says nothing like /{}/", pattern.0),
            ),
        });
    }
    if let Some(most) = rule.max_age {
        let when = match rule.dated_by {
            DatedBy::Modified => seen.modified,
            DatedBy::Text => seen.dated.and_then(midnight),
        };
        findings.push(age_finding(
            "DOC-54",
            path,
            most,
            when,
            rule.dated_by,
            cx.now,
        ));
    }
    if rule.links {
        findings.extend(links(seen));
    }
    findings.extend(linked_from(seen));
    if rule.diagram {
        let subject = format!("{path} diagram");
        findings.push(if seen.diagrams > 0 {
            Finding::pass(subject, "a diagram", seen.diagrams.to_string())
        } else {
            Finding::fail(
                "DOC-58",
                subject,
                "a picture or a mermaid block",
                "none",
                format!("{path} has no diagram"),
            )
        });
    }
    findings
}

/// Judges whether there is anything to read.
fn substance(rule: &Rule, seen: &DocumentFacts) -> Finding {
    let expected = format!("at least {} words", rule.min_words);
    let actual = format!("{} words", seen.words);
    if seen.words >= rule.min_words {
        return Finding::pass(&seen.path, expected, actual);
    }
    let todo = match seen.placeholders.first() {
        Some(line) => format!("; line {line} only says that it is to be written"),
        None => String::new(),
    };
    Finding::fail(
        "DOC-53",
        &seen.path,
        expected,
        actual,
        format!(
            "{} has {} words besides headings{todo}",
            seen.path, seen.words
        ),
    )
}

/// Judges the required sections.
fn sections(rule: &Rule, seen: &DocumentFacts) -> Vec<Finding> {
    let path = &seen.path;
    let judged = rule.sections.iter().zip(&seen.sections);
    judged
        .map(|(pattern, section)| match section {
            None => Finding::fail(
                "DOC-52",
                path,
                format!("a heading like /{}/", pattern.0),
                "none",
                format!("{path} has no section /{}/", pattern.0),
            ),
            Some(section) if section.words == 0 => Finding::fail(
                "DOC-53",
                format!("{path}:{}", section.line),
                "something below the heading",
                "nothing, or only a placeholder",
                format!("there is nothing to read under `{}`", section.title),
            ),
            Some(section) => Finding::pass(
                format!("{path}:{} {}", section.line, section.title),
                "a section with substance",
                format!("{} words", section.words),
            ),
        })
        .collect()
}

/// Judges links to other files and headings.
fn links(seen: &DocumentFacts) -> Vec<Finding> {
    if seen.broken.is_empty() {
        return vec![Finding::pass(
            format!("{} links", seen.path),
            "each leads somewhere",
            format!("{} relative links", seen.links),
        )];
    }
    let broken = seen.broken.iter();
    broken
        .map(|link| {
            Finding::fail(
                "DOC-55",
                format!("{}:{}", seen.path, link.line),
                "a link that leads somewhere",
                &link.target,
                format!(
                    "{}:{} links to {}: {}",
                    seen.path, link.line, link.target, link.why
                ),
            )
        })
        .collect()
}

/// Judges whether the document is found from others.
fn linked_from(seen: &DocumentFacts) -> Vec<Finding> {
    let from = seen.linked_from.iter();
    from.map(|other| {
        let expected = format!("linked from {}", other.path);
        if let Some(fault) = &other.fault {
            return unreadable(&other.path, fault);
        }
        match other.line {
            Some(line) => Finding::pass(&seen.path, expected, format!("line {line}")),
            None => Finding::fail(
                "DOC-56",
                &seen.path,
                expected,
                "no link",
                format!("{} does not link to {}", other.path, seen.path),
            ),
        }
    })
    .collect()
}
