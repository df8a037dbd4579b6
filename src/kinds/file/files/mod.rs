//! The section `files`: existence, age, size, mode, text and values of single files.

mod faults;
mod format;
mod judge;
mod look;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{FaultDoc, Planned, SpecProblem};
use super::section::Section;
use super::tree::{Tree, glob_set, leaves};
use crate::context::JudgeContext;
use crate::expect::json::JsonExpectations;
use crate::expect::{ByteSize, Matcher, Pattern, TimeSpan};
use crate::outcome::{Fault, Finding};
pub(super) use format::{Format, structured};
pub(super) use judge::{age_finding, midnight};
pub(super) use look::newest_date;

/// One entry a file or pattern.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Files(Vec<Rule>);

/// What must hold of a file, or of each file that a pattern matches.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Path or pattern below `root`, `deploy/**/*.yaml`. A pattern that matches no file is a fault.
    #[serde(default)]
    path: Option<String>,
    /// Several paths or patterns; each must be there.
    #[serde(default)]
    paths: Vec<String>,
    /// Several paths or patterns of which one is enough: `[rustfmt.toml, .rustfmt.toml]`.
    #[serde(default)]
    any_of: Vec<String>,
    /// How many of the files that match must hold what is expected: `all` (the default), or `one`,
    /// which holds all of it.
    #[serde(default)]
    enough: Enough,
    /// Patterns of files that do not count although they match, `["**/*.test.ts"]`. Case does not
    /// matter.
    #[serde(default)]
    except: Vec<String>,
    /// Whether nothing may be there instead; default false.
    #[serde(default)]
    absent: bool,
    /// The least number of files that must match; 1 by default.
    #[serde(default)]
    min_files: Option<usize>,
    /// How old each file may be, by `dated_by`.
    #[serde(default)]
    max_age: Option<TimeSpan>,
    /// What tells the age; when the file was `modified` by default. A fresh clone of a repository
    /// has fresh files: there, write a date into the text.
    #[serde(default)]
    dated_by: DatedBy,
    /// With `dated_by: text`, the pattern of the date; its first group, or all of it, must be a
    /// date `2026-11-30`. By default the newest such date in the text counts.
    #[serde(default)]
    date: Option<Pattern>,
    /// The least size; empty files never pass by default. `0B` allows them.
    #[serde(default)]
    min_size: Option<ByteSize>,
    /// The largest size.
    #[serde(default)]
    max_size: Option<ByteSize>,
    /// Whether nobody but its owner (and group) may read, and nobody but its owner write it;
    /// default false.
    #[serde(default)]
    private: bool,
    /// Whether it must be executable.
    #[serde(default)]
    executable: Option<bool>,
    /// Patterns that the text must contain, each somewhere; `(?i)` in front ignores case.
    #[serde(default)]
    contains: Vec<Pattern>,
    /// Patterns that the text may not contain; lines are named, never shown.
    #[serde(default)]
    not_contains: Vec<Pattern>,
    /// What the whole text must be, without blanks at its ends.
    #[serde(default)]
    text: Option<Matcher>,
    /// JSONPath (RFC 9535) to what must be there, `$.services.api.image: { matches: "@sha256:" }`.
    /// YAML files with several documents are a list of them, and `$` of a Dockerfile is the list of its
    /// instructions, `{ instruction: FROM, arguments: "rust:1.95" }`.
    #[serde(default)]
    values: Option<JsonExpectations>,
    /// How `values` are read; by the name of the file by default.
    #[serde(default)]
    format: Option<Format>,
}

/// How many of the files that match must be as expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Enough {
    /// Every one.
    #[default]
    All,
    /// One is enough.
    One,
}

/// What tells the age of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DatedBy {
    /// The system: when the file was written last.
    #[default]
    Modified,
    /// A date in its text.
    Text,
}

/// What was seen, one entry a rule.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts(Vec<Seen>);

/// What one rule saw.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    /// One entry a path or pattern.
    places: Vec<Place>,
}

/// What is at a path, or at all that a pattern matches.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    /// The path or pattern.
    path: String,
    /// The files there.
    files: Vec<FileFacts>,
    /// Why it cannot be said what is there.
    fault: Option<Fault>,
}

/// What is known of one file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct FileFacts {
    /// Path below the root.
    path: String,
    /// Whether it is a folder.
    folder: bool,
    /// Size in bytes.
    size: u64,
    /// When it was modified last, RFC 3339.
    modified: Option<jiff::Timestamp>,
    /// Permission bits.
    mode: Option<u32>,
    /// The newest date in its text, when asked for.
    dated: Option<Date>,
    /// One entry an expected pattern: the line of its first match.
    contains: Vec<Option<usize>>,
    /// One entry a forbidden pattern: the lines of its first matches.
    not_contains: Vec<Vec<usize>>,
    /// Why `text` does not hold, expected and actual; only when asked for.
    text: Option<Held>,
    /// One entry an expected value.
    values: Vec<(String, Held)>,
    /// Why its content could not be read.
    fault: Option<Fault>,
}

/// Whether an expectation on content holds: decided while the content is there, so that a file's
/// content is not part of the facts.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Held {
    /// Whether it holds.
    holds: bool,
    /// What was expected.
    expected: String,
    /// What was seen.
    actual: String,
}

impl Rule {
    /// All paths and patterns.
    fn places(&self) -> impl Iterator<Item = &String> {
        self.path.iter().chain(&self.paths).chain(&self.any_of)
    }

    /// Whether content has to be read.
    fn reads(&self) -> bool {
        !self.contains.is_empty()
            || !self.not_contains.is_empty()
            || self.text.is_some()
            || self.values.is_some()
            || (self.max_age.is_some() && self.dated_by == DatedBy::Text)
    }

    /// Whether there is any expectation besides being there.
    fn expects_more(&self) -> bool {
        self.reads()
            || self.min_files.is_some()
            || self.max_age.is_some()
            || self.min_size.is_some()
            || self.max_size.is_some()
            || self.private
            || self.executable.is_some()
    }

    /// What is wrong with it.
    fn problems(&self, at: usize) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, message: &str, help: &str| {
            problems.push(SpecProblem::at(format!("[{at}]{field}"), message, help));
        };
        let one_of = usize::from(self.path.is_some())
            + usize::from(!self.paths.is_empty())
            + usize::from(!self.any_of.is_empty());
        if one_of != 1 {
            wrong(
                "",
                "exactly one of `path`, `paths` and `any_of` is needed",
                "write for example `path: README.md`",
            );
        }
        if self.absent && (self.expects_more() || !self.any_of.is_empty()) {
            wrong(
                ".absent",
                "a file that must not be there has no content, size or age",
                "leave out the other fields, or `absent`",
            );
        }
        if self.enough == Enough::One && (self.absent || !self.expects_more()) {
            wrong(
                ".enough",
                "nothing is expected of the files besides being there",
                "add `contains`, or leave `enough` out",
            );
        }
        if self.min_files == Some(0) {
            wrong(
                ".min_files",
                "every folder has at least no file: this could never fail",
                "write `1` or more, or `absent: true`",
            );
        }
        if self
            .min_size
            .zip(self.max_size)
            .is_some_and(|(min, max)| min > max)
        {
            wrong(
                ".min_size",
                "`min_size` is above `max_size`",
                "exchange the two",
            );
        }
        if self.date.is_some() && (self.dated_by != DatedBy::Text || self.max_age.is_none()) {
            wrong(
                ".date",
                "`date` is only looked for with `dated_by: text` and `max_age`",
                "add them, or leave `date` out",
            );
        }
        if self.dated_by != DatedBy::Modified && self.max_age.is_none() {
            wrong(
                ".dated_by",
                "without `max_age` no age is judged",
                "add `max_age: 90d`",
            );
        }
        if self.format.is_some() && self.values.is_none() {
            wrong(
                ".format",
                "without `values` nothing is read in this format",
                "add `values`, or leave `format` out",
            );
        }
        problems.extend(path_problems(self.places(), &format!("[{at}]")));
        problems.extend(path_problems(&self.except, &format!("[{at}].except")));
        problems
    }
}

/// Paths that leave the tree, and patterns that are none.
pub(super) fn path_problems<'a>(
    paths: impl IntoIterator<Item = &'a String>,
    field: &str,
) -> Vec<SpecProblem> {
    let mut problems = Vec::new();
    for path in paths {
        if let Some(wrong) = leaves(path) {
            problems.push(SpecProblem::at(
                field,
                format!("`{path}`: {wrong}"),
                "name a path below `root`",
            ));
        } else if let Err(error) = glob_set([path.as_str()]) {
            problems.push(SpecProblem::at(
                field,
                format!("this is no pattern: {error}"),
                "write `*` for any characters, `**` for any folders",
            ));
        }
    }
    problems
}

impl Section for Files {
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn problems(&self) -> Vec<SpecProblem> {
        if self.0.is_empty() {
            return vec![SpecProblem::at(
                "",
                "no file here: it could never fail",
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
                let verb = if rule.reads() { "read" } else { "look at" };
                rule.places()
                    .map(move |path| Planned::once(format!("{verb} {path}")))
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
