//! The section `documents`: Markdown that says what it should, is current, and leads on.

mod faults;
mod judge;
mod look;
pub(super) mod markdown;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{FaultDoc, Planned, SpecProblem};
use super::files::{DatedBy, path_problems};
use super::section::Section;
use super::tree::Tree;
use crate::context::JudgeContext;
use crate::expect::{Pattern, TimeSpan};
use crate::outcome::{Fault, Finding};

/// One entry a document.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Documents(Vec<Rule>);

/// What must hold of a Markdown document.
///
/// A heading with nothing below it, or with nothing but TODO, TBD and the like, is not documentation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Path or pattern below `root`; each document that matches is judged.
    #[serde(default)]
    path: Option<String>,
    /// Several paths or patterns; one document among all of them that holds everything is enough.
    #[serde(default)]
    any_of: Vec<String>,
    /// Patterns of documents that do not count although they match: checklists and templates name
    /// everything and say nothing, `["**/*checklist*.md"]`. Case does not matter.
    #[serde(default)]
    except: Vec<String>,
    /// The least number of documents that must match `path`; 1 by default.
    #[serde(default)]
    min_files: Option<usize>,
    /// Patterns of headings that must be there with something below them. Case does not matter.
    #[serde(default)]
    sections: Vec<Pattern>,
    /// Patterns that the text must contain, `RTO\s*[:=]?\s*\d+ ?(h|min)`. Case does not matter.
    #[serde(default)]
    mentions: Vec<Pattern>,
    /// The least number of words besides headings and placeholders; 20 by default.
    #[serde(default = "default_words")]
    min_words: usize,
    /// How old the document may be, by `dated_by`.
    #[serde(default)]
    max_age: Option<TimeSpan>,
    /// What tells the age; when the file was `modified` by default. A fresh clone of a repository
    /// has fresh files: there, write a date into the text and `text` here.
    #[serde(default)]
    dated_by: DatedBy,
    /// With `dated_by: text`, the pattern of the date, `Reviewed: (\S+)`; the newest date counts by
    /// default.
    #[serde(default)]
    date: Option<Pattern>,
    /// Whether relative links and anchors must lead somewhere inside `root`; default true.
    #[serde(default = "yes")]
    links: bool,
    /// Documents that must link to this one, `[README.md]`; a link to its folder counts.
    #[serde(default)]
    linked_from: Vec<String>,
    /// Whether there must be a diagram: a picture, a `mermaid` or `plantuml` block, or a drawing in
    /// characters; default false.
    #[serde(default)]
    diagram: bool,
}

/// Default of `min_words`.
const fn default_words() -> usize {
    20
}

/// Default of `links`.
const fn yes() -> bool {
    true
}

/// What was seen, one entry a rule.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts(Vec<Seen>);

/// What one rule saw.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Seen {
    /// The documents that are there.
    documents: Vec<DocumentFacts>,
    /// Paths and patterns at which nothing could be looked at.
    faults: Vec<(String, Fault)>,
}

/// What is known of one document.
#[derive(Debug, Default, Serialize, Deserialize)]
struct DocumentFacts {
    /// Path below the root.
    path: String,
    /// Words besides headings and placeholders.
    words: usize,
    /// Lines that only say that something is to be written.
    placeholders: Vec<usize>,
    /// One entry an expected section.
    sections: Vec<Option<SectionFacts>>,
    /// One entry an expected mention: its line.
    mentions: Vec<Option<usize>>,
    /// When the system says it was modified.
    modified: Option<Timestamp>,
    /// The newest date in its text, when asked for.
    dated: Option<Date>,
    /// How many links were followed.
    links: usize,
    /// Links that lead nowhere.
    broken: Vec<Broken>,
    /// One entry a document that must link here.
    linked_from: Vec<LinkedFrom>,
    /// Pictures and diagrams.
    diagrams: usize,
    /// Why it could not be read.
    fault: Option<Fault>,
}

/// A heading and what is below it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SectionFacts {
    /// The heading.
    title: String,
    /// Its line.
    line: usize,
    /// Words below it, its subsections' included.
    words: usize,
}

/// A link that leads nowhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Broken {
    /// Its line.
    line: usize,
    /// Where it should lead.
    target: String,
    /// Why it does not.
    why: String,
}

/// Whether another document links here.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LinkedFrom {
    /// The other document.
    path: String,
    /// The line of its link.
    line: Option<usize>,
    /// Why it could not be read.
    fault: Option<Fault>,
}

impl Rule {
    /// All paths and patterns.
    fn places(&self) -> impl Iterator<Item = &String> {
        self.path.iter().chain(&self.any_of)
    }

    /// What is wrong with it.
    fn problems(&self, at: usize) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, message: &str, help: &str| {
            problems.push(SpecProblem::at(format!("[{at}]{field}"), message, help));
        };
        if self.path.is_some() != self.any_of.is_empty() {
            wrong(
                "",
                "exactly one of `path` and `any_of` is needed",
                "write for example `path: README.md`",
            );
        }
        if self.min_files.is_some() && self.path.is_none() {
            wrong(
                ".min_files",
                "with `any_of` one document is enough",
                "write the pattern as `path`",
            );
        }
        if self.min_files == Some(0) {
            wrong(
                ".min_files",
                "every folder has at least no document: this could never fail",
                "write `1` or more",
            );
        }
        if self.dated_by != DatedBy::Modified && self.max_age.is_none() {
            wrong(
                ".dated_by",
                "without `max_age` no age is judged",
                "add `max_age: 180d`",
            );
        }
        if self.date.is_some() && self.dated_by != DatedBy::Text {
            wrong(
                ".date",
                "`date` is only looked for with `dated_by: text`",
                "add it, or leave `date` out",
            );
        }
        problems.extend(path_problems(self.places(), &format!("[{at}]")));
        problems.extend(path_problems(&self.except, &format!("[{at}].except")));
        problems.extend(path_problems(
            &self.linked_from,
            &format!("[{at}].linked_from"),
        ));
        problems
    }
}

impl Section for Documents {
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn problems(&self) -> Vec<SpecProblem> {
        if self.0.is_empty() {
            return vec![SpecProblem::at(
                "",
                "no document here: it could never fail",
                "write at least one entry, `- path: README.md`",
            )];
        }
        (0..)
            .zip(&self.0)
            .flat_map(|(at, rule)| rule.problems(at))
            .collect()
    }

    fn plan(&self) -> Vec<Planned> {
        self.0
            .iter()
            .flat_map(|rule| {
                let links = if rule.links {
                    " and what it links to"
                } else {
                    ""
                };
                rule.places()
                    .map(move |path| Planned::once(format!("read {path}{links}")))
                    .chain(
                        rule.linked_from
                            .iter()
                            .map(|path| Planned::once(format!("read {path}"))),
                    )
            })
            .collect()
    }

    fn observe(&self, tree: &Tree) -> Result<Facts, Fault> {
        let seen = self.0.iter().map(|rule| look::look(rule, tree));
        Ok(Facts(seen.collect::<Result<_, _>>()?))
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        self.0
            .iter()
            .zip(&facts.0)
            .flat_map(|(rule, seen)| judge::judge(rule, seen, cx))
            .collect()
    }
}
