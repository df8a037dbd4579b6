//! Secrets and personal data in text: one scanner for repositories, logs and files.
//!
//! A keyword search over the whole text (linear, one pass) finds the few places where a rule can
//! match; the rule's regular expression then looks at a short window around each, and code decides
//! whether what stands there is a secret, a well-known default, or a placeholder that must stay
//! green. A [`Hit`] names the rule, line and column. The matched text is never kept.

mod assignments;
mod personal;
mod place;
mod rules;
mod urls;

use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;
use serde::{Deserialize, Serialize};

pub(crate) use place::{Place, Text, text_of};
use rules::{Check, RULES, Rule};

/// How far a window reaches before its keyword, in bytes.
const BEFORE: usize = 240;
/// How far a window reaches behind its keyword, in bytes.
const AFTER: usize = 640;
/// What a line says when a person looked at it and found it harmless.
const ALLOWED: [&str; 2] = ["readyctl:allow", "gitleaks:allow"];

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    /// A secret: whoever reads it can use it.
    Secret,
    /// A secret inside a connection string or URL.
    Credentials,
    /// Credentials that everybody knows (`postgres:postgres@localhost`) as a literal.
    DefaultCredentials,
    /// Data of a person: e-mail address, card number.
    Personal,
    /// An address of a public network.
    Address,
}

/// One place where a rule matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hit {
    /// Id of the rule, `github-token`.
    pub(crate) rule: String,
    /// What kind of thing it is.
    pub(crate) class: Class,
    /// Line, from 1.
    pub(crate) line: u32,
    /// Column in characters, from 1.
    pub(crate) column: u32,
}

impl Hit {
    /// What the rule finds, in a few words.
    pub(crate) fn what(&self) -> &'static str {
        what(&self.rule)
    }
}

/// What a rule finds, in a few words.
pub(crate) fn what(id: &str) -> &'static str {
    if id == DEFAULT_CREDENTIALS {
        return "credentials that everybody knows, as a literal";
    }
    RULES
        .iter()
        .map(|rule| (rule.id, rule.what))
        .chain(personal::RULES.iter().copied())
        .find(|(own, _)| *own == id)
        .map_or("a secret", |(_, what)| what)
}

/// Id under which well-known credentials are reported, whatever rule met them.
pub(crate) const DEFAULT_CREDENTIALS: &str = "default-credentials";

/// Ids of all rules, for suggestions and for refusing misspelt ones.
pub(crate) fn ids() -> impl Iterator<Item = &'static str> {
    RULES
        .iter()
        .map(|rule| rule.id)
        .chain(personal::RULES.iter().map(|(id, _)| *id))
        .chain([DEFAULT_CREDENTIALS])
}

/// Which classes are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scanner {
    /// Whether personal data is looked for.
    pub(crate) personal: bool,
    /// Whether public addresses are looked for.
    pub(crate) addresses: bool,
    /// Ids of rules that are not used.
    pub(crate) ignored: Vec<String>,
}

/// What scanning a text gave.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Every match, in the order of the text.
    pub(crate) hits: Vec<Hit>,
    /// Matches on lines that a person marked as harmless.
    pub(crate) allowed: u32,
}

/// The keyword search and the compiled rules.
struct Engine {
    /// Finds keywords in any case.
    search: AhoCorasick,
    /// For each keyword its text and the rule it belongs to.
    keywords: Vec<(&'static str, usize)>,
    /// The expression of each rule, compiled when it is first needed: most never are.
    patterns: [OnceLock<Option<Regex>>; RULES.len()],
}

/// Built once; `None` cannot happen (a test builds it).
static ENGINE: LazyLock<Option<Engine>> = LazyLock::new(|| {
    let keywords: Vec<(&str, usize)> = RULES
        .iter()
        .enumerate()
        .flat_map(|(at, rule)| rule.keywords.iter().map(move |keyword| (*keyword, at)))
        .collect();
    let search = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(keywords.iter().map(|(keyword, _)| keyword))
        .ok()?;
    Some(Engine {
        search,
        keywords,
        patterns: [const { OnceLock::new() }; RULES.len()],
    })
});

/// A match before its place is worked out.
struct Raw {
    /// Offset of the secret.
    at: usize,
    /// Index of the rule.
    rule: usize,
    /// What it turned out to be.
    class: Class,
}

impl Scanner {
    /// Scans a text. `most` bounds the hits that are kept.
    pub(crate) fn scan(&self, text: &str, place: Place, most: usize) -> Scan {
        let mut scan = Scan::default();
        let Some(engine) = ENGINE.as_ref() else {
            return scan;
        };
        let mut found = engine.matches(text, place);
        found.retain(|raw| !self.ignores(raw.rule, raw.class));
        found.sort_by_key(|raw| raw.at);
        let mut taken: Vec<usize> = Vec::new();
        for raw in found {
            // The same text seen by a second rule is one secret.
            if taken.last().is_some_and(|last| raw.at < *last + 4) {
                continue;
            }
            taken.push(raw.at);
            if is_allowed(text, raw.at) {
                scan.allowed += 1;
            } else if scan.hits.len() < most {
                let id = if raw.class == Class::DefaultCredentials {
                    DEFAULT_CREDENTIALS
                } else {
                    RULES[raw.rule].id
                };
                scan.hits.push(hit(text, raw.at, id, raw.class));
            }
        }
        if self.personal || self.addresses {
            for (at, id, class) in personal::find(text) {
                let wanted = match class {
                    Class::Address => self.addresses,
                    _ => self.personal,
                };
                let ignored = self.ignored.iter().any(|own| own == id);
                if wanted && !ignored && scan.hits.len() < most {
                    scan.hits.push(hit(text, at, id, class));
                }
            }
        }
        scan
    }

    /// Whether a match of this rule is not wanted.
    fn ignores(&self, rule: usize, class: Class) -> bool {
        let id = RULES.get(rule).map_or("", |rule| rule.id);
        self.ignored.iter().any(|own| {
            own == id || (class == Class::DefaultCredentials && own == DEFAULT_CREDENTIALS)
        })
    }
}

impl Engine {
    /// The expression of a rule; a test compiles them all.
    fn pattern(&self, rule: usize) -> Option<&Regex> {
        self.patterns[rule]
            .get_or_init(|| Regex::new(RULES[rule].pattern).ok())
            .as_ref()
    }

    /// Every match of every rule.
    fn matches(&self, text: &str, place: Place) -> Vec<Raw> {
        let mut found: Vec<Raw> = Vec::new();
        // Up to where each rule has looked already.
        let mut looked = [0_usize; RULES.len()];
        for keyword in self.search.find_overlapping_iter(text) {
            let (word, rule) = self.keywords[keyword.pattern().as_usize()];
            let at = keyword.start();
            let of = &RULES[rule];
            if at < looked[rule] || !of.begins(text, at, word) || !of.fits(place) {
                continue;
            }
            let (start, end) = window(text, at, of);
            if !of.is_plausible(&text[at + word.len()..end.max(at + word.len())], place) {
                continue;
            }
            looked[rule] = end;
            let Some(pattern) = self.pattern(rule) else {
                continue;
            };
            for groups in pattern.captures_iter(&text[start..end]) {
                let Some(secret) = groups.name("s") else {
                    continue;
                };
                if let Some(class) = of.decide(&groups, secret.as_str(), place, text, start) {
                    let at = start + secret.start();
                    found.push(Raw { at, rule, class });
                }
            }
        }
        found
    }
}

impl Rule {
    /// Whether the keyword stands here as the rule wants it: tokens in their own case, at the
    /// beginning of a word.
    fn begins(&self, text: &str, at: usize, word: &str) -> bool {
        if !self.exact {
            return true;
        }
        let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
        text.get(at..at + word.len()) == Some(word)
            && !before.is_some_and(u8::is_ascii_alphanumeric)
    }

    /// Whether what follows the keyword can be a match: most keywords in code stand in other company,
    /// and a look at a few bytes is far cheaper than the expression.
    fn is_plausible(&self, rest: &str, place: Place) -> bool {
        match self.check {
            Check::Url => rest.contains('@'),
            Check::Header => {
                let value = rest.trim_start().as_bytes();
                value.len() >= 16 && value[..16].iter().all(u8::is_ascii_graphic)
            }
            Check::Assignment => assignments::is_plausible(rest, place),
            _ => true,
        }
    }

    /// Whether the rule is for this place at all.
    fn fits(&self, place: Place) -> bool {
        match self.check {
            Check::LogValue | Check::Cookie => place.log,
            Check::Assignment => !place.lock && !place.log,
            _ => true,
        }
    }

    /// What a match is; `None` for placeholders and harmless values.
    fn decide(
        &self,
        groups: &regex::Captures<'_>,
        secret: &str,
        place: Place,
        text: &str,
        start: usize,
    ) -> Option<Class> {
        match self.check {
            Check::Token => (!rules::is_dummy(secret)).then_some(Class::Secret),
            Check::Jwt => (!rules::is_sample_jwt(secret)).then_some(Class::Secret),
            Check::Header | Check::Cookie => rules::is_credential(secret).then_some(Class::Secret),
            Check::Url => {
                let commented = place::is_comment(text, start + groups.get(0)?.start());
                urls::decide(groups, secret, place.with_docs(commented))
            }
            Check::Assignment => assignments::decide(groups, secret, place),
            Check::LogValue => assignments::decide_log(groups, secret),
        }
    }
}

/// The part of the text around a keyword that a rule looks at: its line, or at most so much of it.
fn window(text: &str, at: usize, rule: &Rule) -> (usize, usize) {
    let first = text.floor_char_boundary(at.saturating_sub(BEFORE));
    let last = text.floor_char_boundary((at + AFTER).min(text.len()));
    let start = text[first..at].rfind('\n').map_or(first, |n| first + n + 1);
    let end = if rule.lines {
        last
    } else {
        text[at..last].find('\n').map_or(last, |n| at + n)
    };
    (start, end)
}

/// Whether the line at an offset says that a person found it harmless.
fn is_allowed(text: &str, at: usize) -> bool {
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    ALLOWED.iter().any(|mark| text[start..end].contains(mark))
}

/// A hit with its place worked out.
fn hit(text: &str, at: usize, rule: &str, class: Class) -> Hit {
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |n| n + 1);
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Hit {
        rule: rule.to_owned(),
        class,
        line: number(before.matches('\n').count() + 1),
        column: number(before[start..].chars().count() + 1),
    }
}

#[cfg(test)]
mod tests;
