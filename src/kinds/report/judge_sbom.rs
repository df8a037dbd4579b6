//! Judges bills of materials.

use globset::GlobMatcher;

use super::facts::{SbomFacts, names};
use super::judge::some;
use super::spec::{Part, SbomExpect};
use crate::outcome::Finding;

/// Judges a bill of materials.
pub(super) fn judge(seen: &SbomFacts, expect: &SbomExpect, findings: &mut Vec<Finding>) {
    let least = expect.min_components.unwrap_or(1).max(1);
    let expected = format!("at least {least}");
    findings.push(if seen.count < least {
        Finding::fail(
            "REP-15",
            "components",
            expected,
            seen.count.to_string(),
            format!("the bill of materials lists {} components", seen.count),
        )
    } else {
        Finding::pass("components", expected, seen.count.to_string())
    });
    let default = vec![Part::Version];
    for part in expect.complete.as_ref().unwrap_or(&default) {
        let (what, (count, first)) = match part {
            Part::Version => ("version", &seen.without_version),
            Part::Purl => ("package URL", &seen.without_purl),
            Part::Licence => ("licence", &seen.without_licence),
            Part::Supplier => ("supplier", &seen.without_supplier),
        };
        let expected = format!("each has a {what}");
        findings.push(if *count > 0 {
            Finding::fail(
                "REP-16",
                format!("components without {what}"),
                expected,
                format!("{count} of {} have none", seen.count),
                format!("without {what}: {}", some(first, *count)),
            )
        } else {
            Finding::pass(format!("components without {what}"), expected, "none")
        });
    }
    if expect.denied_licences.is_empty() {
        return;
    }
    let denied: Vec<GlobMatcher> = names(&expect.denied_licences)
        .into_iter()
        .map(|(_, matcher)| matcher)
        .collect();
    let expected = format!("none of {}", expect.denied_licences.join(", "));
    let before = findings.len();
    for (licences, component) in &seen.licences {
        let bad = |licence: &str| denied.iter().any(|matcher| matcher.is_match(licence));
        if let Some(licence) = licences.iter().find(|text| !is_allowed(text, &bad)) {
            findings.push(Finding::fail(
                "REP-16",
                "licences",
                &expected,
                format!("{licence} of {component}"),
                format!("{component} has the licence {licence}"),
            ));
        }
    }
    if findings.len() == before {
        findings.push(Finding::pass("licences", expected, "none"));
    }
}

/// Whether an SPDX expression leaves a choice without denied licences. Parentheses are taken apart
/// from the inside.
pub(super) fn is_allowed(expression: &str, bad: &dyn Fn(&str) -> bool) -> bool {
    let mut text = expression.to_owned();
    // Every round replaces one pair of parentheses by its verdict.
    while let Some(close) = text.find(')') {
        let Some(open) = text[..close].rfind('(') else {
            break;
        };
        let verdict = if flat(&text[open + 1..close], bad) {
            ALLOWED
        } else {
            DENIED
        };
        text.replace_range(open..=close, verdict);
    }
    flat(&text, bad)
}

/// What stands for a part that is allowed.
const ALLOWED: &str = "\u{1}allowed";
/// What stands for a part that is denied.
const DENIED: &str = "\u{1}denied";

/// The same without parentheses: `AND` binds more than `OR`.
fn flat(text: &str, bad: &dyn Fn(&str) -> bool) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .split(|word| word.eq_ignore_ascii_case("or"))
        .any(|choice| {
            choice
                .split(|word| word.eq_ignore_ascii_case("and"))
                .all(|licence| {
                    let name = licence.join(" ");
                    // An exception only gives more rights; the licence itself is judged.
                    let bare = licence.first().copied().unwrap_or_default();
                    name == ALLOWED || name != DENIED && !bad(&name) && !bad(bare)
                })
        })
}
