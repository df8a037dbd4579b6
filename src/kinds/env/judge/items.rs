//! Strength, URLs and items of lists: what is judged the same in several places.

use crate::dotenv::shape::{Shape, UrlShape};
use crate::dotenv::values::ValueType;
use crate::kinds::env::facts::Item;
use crate::kinds::env::rule::{ItemRule, Words};
use crate::outcome::Finding;

/// Whether a secret is too short or too easy to guess.
pub(super) fn weakness(
    name: &str,
    shape: &Shape,
    min_length: Option<usize>,
    min_bits: Option<f64>,
    actual: String,
) -> Option<Finding> {
    if let Some(min) = min_length
        && shape.length < min
    {
        let message = format!("{name} is shorter than {min} characters");
        return Some(Finding::fail(
            "ENV-05",
            name,
            format!("at least {min} characters"),
            actual,
            message,
        ));
    }
    let min = min_bits?;
    if shape.entropy_bits >= min {
        return None;
    }
    // Rounded: an exact number would help to guess.
    let about = (shape.entropy_bits / 8.0).round() * 8.0;
    Some(Finding::fail(
        "ENV-05",
        name,
        format!("at least {min} bits of entropy"),
        format!("{actual}, about {about} bits"),
        format!("{name} is too easy to guess"),
    ))
}

/// What is asked of a URL.
pub(super) struct Asked<'a> {
    /// Schemes it may have.
    pub(super) schemes: Option<&'a Words>,
    /// Whether local hosts are refused.
    pub(super) local: bool,
    /// Whether local hosts are advice.
    pub(super) local_is_advice: bool,
    /// Whether private addresses are refused.
    pub(super) private: bool,
    /// Whether it must be encrypted.
    pub(super) tls: bool,
}

impl Asked<'_> {
    /// Judges a URL.
    pub(super) fn judge(
        &self,
        name: &str,
        actual: &str,
        url: &UrlShape,
        findings: &mut Vec<Finding>,
    ) {
        if let Some(schemes) = self.schemes
            && !schemes.contain(&url.scheme, true)
        {
            findings.push(Finding::fail(
                "ENV-10",
                name,
                format!("scheme {schemes}"),
                url.scheme.clone(),
                format!("{name} uses {}", url.scheme),
            ));
        } else if self.tls && url.encrypted != Some(true) {
            let message = if url.encrypted.is_none() {
                format!(
                    "{name} uses {}, which says nothing about encryption",
                    url.scheme
                )
            } else {
                format!("{name} does not ask for an encrypted connection")
            };
            findings.push(Finding::fail(
                "ENV-10",
                name,
                "an encrypted connection",
                url.scheme.clone(),
                message,
            ));
        }
        if let Some(what) = url
            .local
            .as_ref()
            .filter(|_| self.local || self.local_is_advice)
        {
            let finding = Finding::fail(
                "ENV-09",
                name,
                "a host that others reach",
                what.clone(),
                format!("{name} leads to {what}"),
            );
            findings.push(if self.local {
                finding
            } else {
                finding.as_warning()
            });
        }
        if self.private && url.private {
            findings.push(Finding::fail(
                "ENV-09",
                name,
                "a public host",
                actual.to_owned(),
                format!("{name} leads to an address of a private network"),
            ));
        }
    }
}

/// Judges an item of a list.
pub(super) fn judge_item(
    subject: &str,
    item: &Item,
    rule: Option<&ItemRule>,
    findings: &mut Vec<Finding>,
) {
    let actual = match &item.shown {
        Some(shown) => format!("{shown:?}"),
        None => item.shape.in_words(),
    };
    let fault = |code, expected: String, message: String| {
        Finding::fail(code, subject, expected, actual.clone(), message)
    };
    if item.shape.length == 0 {
        findings.push(fault(
            "ENV-20",
            "an item".to_owned(),
            format!("{subject} is empty"),
        ));
        return;
    }
    let Some(rule) = rule else { return };
    if item.not == Some(false) || (item.wildcard && rule.kind == Some(ValueType::Origin)) {
        let (code, message) = if item.wildcard {
            ("ENV-12", format!("{subject} is a wildcard"))
        } else {
            ("ENV-51", format!("{subject} must not be there"))
        };
        let expected = rule
            .not
            .as_ref()
            .map_or_else(|| "an origin".to_owned(), |words| format!("not {words}"));
        findings.push(fault(code, expected, message));
        return;
    }
    if rule.not_placeholder
        && let Some(why) = &item.shape.placeholder
    {
        findings.push(fault(
            "ENV-03",
            "a real value".to_owned(),
            format!("{subject} is still a placeholder: {why}"),
        ));
        return;
    }
    if let Some(kind) = rule.kind
        && !item.shape.fits.contains(&kind)
    {
        let is_url = kind == ValueType::Origin && item.shape.url.is_some();
        let code = if is_url { "ENV-11" } else { "ENV-20" };
        findings.push(fault(
            code,
            kind.expected().to_owned(),
            format!("{subject} is not {}", kind.expected()),
        ));
        return;
    }
    judge_text(subject, item, rule, &actual, findings);
}

/// The text, strength and address of an item of the right type.
fn judge_text(
    subject: &str,
    item: &Item,
    rule: &ItemRule,
    actual: &str,
    findings: &mut Vec<Finding>,
) {
    let one_of = rule.one_of.as_ref().map(ToString::to_string);
    let matches = rule
        .matches
        .as_ref()
        .map(|p| format!("matches /{}/", p.0.as_str()));
    for (asked, holds) in [(one_of, item.one_of), (matches, item.matches)] {
        if let Some(asked) = asked
            && holds != Some(true)
        {
            findings.push(Finding::fail(
                "ENV-51",
                subject,
                asked,
                actual,
                format!("{subject} is not as the profile says"),
            ));
        }
    }
    findings.extend(weakness(
        subject,
        &item.shape,
        rule.min_length,
        rule.min_entropy_bits,
        actual.to_owned(),
    ));
    if let Some(url) = &item.shape.url {
        let asked = Asked {
            schemes: rule.scheme.as_ref(),
            local: rule.forbid_local,
            local_is_advice: false,
            private: false,
            tls: rule.require_tls,
        };
        asked.judge(subject, actual, url, findings);
    } else if rule.forbid_local
        && let Some(what) = item
            .shown
            .as_deref()
            .and_then(crate::dotenv::shape::local_host)
    {
        findings.push(Finding::fail(
            "ENV-09",
            subject,
            "a host that others reach",
            actual,
            format!("{subject} is {what}"),
        ));
    }
}
