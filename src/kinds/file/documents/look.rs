//! Looking at the documents of a rule.

use std::collections::HashMap;

use jiff::Timestamp;

use super::super::files::newest_date;
use super::super::tree::{Skip, Tree, excepted};
use super::markdown::{Document, read};
use super::{Broken, DatedBy, DocumentFacts, LinkedFrom, Rule, SectionFacts, Seen};
use crate::expect::Pattern;
use crate::expect::text::percent_decoded;
use crate::outcome::{Cause, Fault};

/// How many broken links of a document are named.
const MAX_BROKEN: usize = 20;

/// Looks at everything of one rule.
///
/// # Errors
/// When time is over.
pub(super) fn look(rule: &Rule, tree: &Tree) -> Result<Seen, Fault> {
    let mut seen = Seen::default();
    let mut reader = Reader {
        tree,
        read: HashMap::new(),
    };
    let except = excepted(&rule.except);
    for place in rule.places() {
        match tree.matching(std::slice::from_ref(place), Skip::Foreign) {
            Err(fault) if fault.cause == Cause::Timeout => return Err(fault),
            Err(fault) => seen.faults.push((place.clone(), fault)),
            Ok(found) => {
                for path in found {
                    tree.on_time()?;
                    let known = seen.documents.iter().any(|known| known.path == path);
                    if !known && !except.is_match(path.to_lowercase()) {
                        seen.documents.push(reader.document(rule, &path));
                    }
                }
            }
        }
    }
    Ok(seen)
}

/// Reads documents, each once.
struct Reader<'a> {
    /// Where they are.
    tree: &'a Tree,
    /// Those that were read.
    read: HashMap<String, Result<Document, Fault>>,
}

impl Reader<'_> {
    /// Reads a document that others refer to.
    fn parsed(&mut self, path: &str) -> &Result<Document, Fault> {
        let tree = self.tree;
        self.read
            .entry(path.to_owned())
            .or_insert_with(|| text_of(tree, path).map(|text| read(&text)))
    }

    /// What a rule asks about one document.
    fn document(&mut self, rule: &Rule, path: &str) -> DocumentFacts {
        let mut facts = DocumentFacts {
            path: path.to_owned(),
            ..DocumentFacts::default()
        };
        let text = match text_of(self.tree, path) {
            Ok(text) => text,
            Err(fault) => {
                facts.fault = Some(fault);
                return facts;
            }
        };
        let document = read(&text);
        facts.modified = self
            .tree
            .entry(path)
            .ok()
            .flatten()
            .and_then(|entry| entry.metadata.modified().ok())
            .and_then(|time| Timestamp::try_from(time).ok());
        if rule.max_age.is_some() && rule.dated_by == DatedBy::Text {
            facts.dated = newest_date(&text, rule.date.as_ref());
        }
        facts.words = document.words;
        facts.placeholders.clone_from(&document.placeholders);
        facts.diagrams = document.diagrams;
        facts.sections = rule
            .sections
            .iter()
            .map(|pattern| section(&document, pattern))
            .collect();
        facts.mentions = rule
            .mentions
            .iter()
            .map(|pattern| {
                let hit = any_case(pattern)?.find(&text)?;
                Some(1 + text.get(..hit.start())?.matches('\n').count())
            })
            .collect();
        facts.linked_from = rule
            .linked_from
            .iter()
            .map(|from| self.linked_from(from, path))
            .collect();
        if rule.links {
            self.follow(path, &document, &mut facts);
        }
        facts
    }

    /// Whether another document links to this one, or to its folder.
    fn linked_from(&mut self, from: &str, path: &str) -> LinkedFrom {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let (line, fault) = match self.parsed(from) {
            Err(fault) => (None, Some(fault.clone())),
            Ok(document) => {
                let leads_here = |target: &str| {
                    resolved(from, target).is_some_and(|(to, _)| {
                        to == path || (!folder.is_empty() && to.trim_end_matches('/') == folder)
                    })
                };
                let hit = document.links.iter().find(|link| leads_here(&link.target));
                (hit.map(|link| link.line), None)
            }
        };
        LinkedFrom {
            path: from.to_owned(),
            line,
            fault,
        }
    }

    /// Follows every relative link.
    fn follow(&mut self, path: &str, document: &Document, facts: &mut DocumentFacts) {
        for link in &document.links {
            let Some((to, anchor)) = resolved(path, &link.target) else {
                continue;
            };
            facts.links += 1;
            if facts.broken.len() >= MAX_BROKEN {
                continue;
            }
            let why = if to == path {
                let known = anchor.is_empty() || document.anchors.contains(&anchor);
                (!known).then(|| format!("no heading of this document has the anchor #{anchor}"))
            } else {
                self.dead_end(&to, &anchor)
            };
            if let Some(why) = why {
                facts.broken.push(Broken {
                    line: link.line,
                    target: link.target.clone(),
                    why,
                });
            }
        }
    }

    /// Why a link to another file leads nowhere.
    fn dead_end(&mut self, to: &str, anchor: &str) -> Option<String> {
        match self.tree.entry(to) {
            Err(fault) => Some(fault.message),
            Ok(None) => Some(format!("{to} does not exist")),
            Ok(Some(_)) if anchor.is_empty() || !is_markdown(to) => None,
            Ok(Some(_)) => match self.parsed(to) {
                Err(fault) => Some(fault.message.clone()),
                Ok(document) if document.anchors.contains(anchor) => None,
                Ok(_) => Some(format!("no heading of {to} has the anchor #{anchor}")),
            },
        }
    }
}

/// The text of a Markdown document.
fn text_of(tree: &Tree, path: &str) -> Result<String, Fault> {
    let end = path.rsplit_once('.').map_or("", |(_, end)| end);
    if ["rst", "adoc", "asciidoc", "pdf", "docx", "html"]
        .iter()
        .any(|other| end.eq_ignore_ascii_case(other))
    {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{path} is not Markdown: its headings are not understood"),
        )
        .hint("judge it with `files` and `contains`"));
    }
    tree.text(path)
}

/// Whether a file is Markdown by its name.
fn is_markdown(path: &str) -> bool {
    let end = path.rsplit_once('.').map_or("", |(_, end)| end);
    end.eq_ignore_ascii_case("md") || end.eq_ignore_ascii_case("markdown")
}

/// A pattern that does not mind case.
fn any_case(pattern: &Pattern) -> Option<regex::Regex> {
    regex::RegexBuilder::new(pattern.0.as_str())
        .case_insensitive(true)
        .multi_line(true)
        .size_limit(1 << 20)
        .build()
        .ok()
}

/// The section whose heading a pattern finds: the one with most below it.
fn section(document: &Document, pattern: &Pattern) -> Option<SectionFacts> {
    let pattern = any_case(pattern)?;
    (0..)
        .zip(&document.headings)
        .filter(|(_, heading)| pattern.is_match(&heading.title))
        .map(|(at, heading)| SectionFacts {
            title: heading.title.clone(),
            line: heading.line,
            words: document.words_below(at),
        })
        .max_by_key(|section| section.words)
}

/// The path below the root, and the anchor, that a link leads to; `None` for what leads to other
/// hosts, and out of the repository to pages of its host (`../../issues`).
pub(super) fn resolved(from: &str, target: &str) -> Option<(String, String)> {
    let target = target.trim();
    let scheme = target.find(':').is_some_and(|colon| {
        let name = &target[..colon];
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    if scheme || target.starts_with("//") || target.is_empty() {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = path.split('?').next().unwrap_or_default();
    let anchor = percent_decoded(anchor).to_lowercase();
    if path.is_empty() {
        return Some((from.to_owned(), anchor));
    }
    let path = percent_decoded(path);
    let mut parts: Vec<&str> = if path.starts_with('/') {
        Vec::new()
    } else {
        from.split('/').collect()
    };
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    if parts.is_empty() {
        parts.push(".");
    }
    Some((parts.join("/"), anchor))
}
