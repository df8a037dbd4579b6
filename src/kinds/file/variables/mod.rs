//! The section `variables`: what code reads against what is documented, both ways.

mod documented;
mod faults;
mod reads;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use globset::GlobSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{FaultDoc, Planned, SpecProblem};
use super::files::path_problems;
use super::section::Section;
use super::tree::{Skip, Tree, excepted, glob_set};
use crate::context::JudgeContext;
use crate::outcome::{Cause, Fault, Finding};

/// Requires that every variable that code reads is documented, and that code reads every one that is.
///
/// Recognised are the usual calls of Python (fields of pydantic settings classes too), JavaScript and
/// TypeScript, Rust, Go, Ruby, PHP and Java, `${NAME}` of shell scripts, and `${NAME}` of Compose files.
/// Names that are put together while the program runs are not: name them under `ignore`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variables {
    /// Paths and patterns of the application's own source files, `[backend/**/*.py, docker-compose.yml]`.
    sources: Vec<String>,
    /// Patterns of source files that do not count although they match: tests, `["**/*.test.ts"]`. Case
    /// does not matter.
    #[serde(default)]
    except: Vec<String>,
    /// Paths and patterns of `.env` examples and Markdown documents; a variable is documented by an
    /// assignment (also behind `#`), and in Markdown by a table, a list, a fenced block or `code`.
    #[serde(default = "default_documents")]
    documented_in: Vec<String>,
    /// Names, with `*`, that need not be documented nor read.
    #[serde(default)]
    ignore: Vec<String>,
    /// Names, with `*`, that are read by something else than the sources, a library for example.
    #[serde(default)]
    read_elsewhere: Vec<String>,
    /// Whether variables that are documented and never read are a fault; default true.
    #[serde(default = "yes")]
    unread: bool,
}

/// Default of `documented_in`.
fn default_documents() -> Vec<String> {
    vec![".env.example".to_owned()]
}

/// Default of `unread`.
const fn yes() -> bool {
    true
}

/// The most names that are compared.
const MAX_NAMES: usize = 5_000;
/// Larger source files are generated and not read.
const MAX_SOURCE: u64 = 1 << 20;

/// What was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// How many source files were read.
    sources: usize,
    /// How many were too large, and left out.
    too_large: usize,
    /// Variables that code reads, each at its first place.
    reads: Vec<Variable>,
    /// Variables that are documented, each at its first place.
    documented: Vec<Variable>,
    /// Names that documents mention in passing: documented, but not promised to do something.
    mentioned: Vec<String>,
    /// Paths and patterns that could not be looked at.
    faults: Vec<(String, Fault)>,
}

/// A variable and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Variable {
    /// Its name.
    name: String,
    /// The file.
    file: String,
    /// The line.
    line: usize,
}

impl Section for Variables {
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = path_problems(&self.sources, "sources");
        problems.extend(path_problems(&self.documented_in, "documented_in"));
        problems.extend(path_problems(&self.except, "except"));
        for (field, list) in [
            ("sources", &self.sources),
            ("documented_in", &self.documented_in),
        ] {
            if list.is_empty() {
                problems.push(SpecProblem::at(
                    field,
                    "no file here: it could never fail",
                    "name at least one path or pattern",
                ));
            }
        }
        for (field, list) in [
            ("ignore", &self.ignore),
            ("read_elsewhere", &self.read_elsewhere),
        ] {
            if let Err(error) = names(list) {
                problems.push(SpecProblem::at(
                    field,
                    format!("this is no pattern: {error}"),
                    "write names, with `*` for any characters",
                ));
            }
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        self.sources
            .iter()
            .chain(&self.documented_in)
            .map(|path| Planned::once(format!("read {path}")))
            .collect()
    }

    fn observe(&self, tree: &Tree) -> Result<Facts, Fault> {
        let mut facts = Facts::default();
        let except = excepted(&self.except);
        let mut sources = found(&self.sources, Skip::Foreign, tree, &mut facts)?;
        sources.retain(|path| !except.is_match(path.to_lowercase()));
        let mut known = HashSet::new();
        for (path, source) in sources
            .iter()
            .zip(tree.each(&sources, |path| source(path, tree))?)
        {
            facts.add(path, source, &mut known);
            few_enough(&facts.reads)?;
        }
        for path in found(&self.documented_in, Skip::Foreign, tree, &mut facts)? {
            few_enough(&facts.documented)?;
            tree.on_time()?;
            match tree.text(&path) {
                Ok(text) => documented::read(&path, &text, &mut facts),
                Err(fault) => facts.faults.push((path, fault)),
            }
        }
        few_enough(&facts.reads)?;
        few_enough(&facts.documented)?;
        Ok(facts)
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        let ignored = names(&self.ignore).unwrap_or_default();
        let elsewhere = names(&self.read_elsewhere).unwrap_or_default();
        let mut findings: Vec<Finding> = facts
            .faults
            .iter()
            .map(|(path, fault)| unknown(path, fault))
            .collect();
        if !findings.is_empty() {
            // With a source or a document missing, every difference could be because of it.
            return findings;
        }
        if facts.reads.is_empty() || facts.documented.is_empty() {
            let (what, field) = if facts.reads.is_empty() {
                ("no variable is read", "sources")
            } else {
                ("no variable is documented", "documented_in")
            };
            let nothing = Fault::new(Cause::Missing, format!("{what} in any file of `{field}`"))
                .hint("name the files that really do, or leave the section out");
            return vec![unknown(field, &nothing)];
        }
        for read in &facts.reads {
            let documented = facts.documented.iter().any(|other| other.name == read.name)
                || facts.mentioned.contains(&read.name);
            if !documented && !ignored.is_match(&read.name) {
                findings.push(Finding::fail(
                    "VAR-51",
                    format!("{}:{} {}", read.file, read.line, read.name),
                    format!("documented in {}", self.documented_in.join(" or ")),
                    "not documented",
                    format!(
                        "{} is read in {}:{} and documented nowhere",
                        read.name, read.file, read.line
                    ),
                ));
            }
        }
        for known in facts.documented.iter().filter(|_| self.unread) {
            let read = facts.reads.iter().any(|other| other.name == known.name);
            if !read && !ignored.is_match(&known.name) && !elsewhere.is_match(&known.name) {
                findings.push(Finding::fail(
                    "VAR-52",
                    format!("{}:{} {}", known.file, known.line, known.name),
                    "read by the code",
                    "nothing reads it",
                    format!(
                        "{} is documented in {}:{} and nothing reads it",
                        known.name, known.file, known.line
                    ),
                ));
            }
        }
        if findings.is_empty() {
            findings.push(Finding::pass(
                "variables",
                "read and documented are the same",
                format!(
                    "{} read in {} files ({} too large), {} documented",
                    facts.reads.len(),
                    facts.sources,
                    facts.too_large,
                    facts.documented.len()
                ),
            ));
        }
        findings
    }
}

/// What was seen of one source file.
enum Source {
    /// The variables it reads, each with its first line.
    Reads(Vec<(String, usize)>),
    /// It is generated.
    TooLarge,
    /// It is a folder.
    Folder,
    /// It could not be read.
    Fault(Fault),
}

/// Looks at one source file.
fn source(path: &str, tree: &Tree) -> Source {
    match tree.entry(path) {
        Ok(Some(entry)) if entry.metadata.is_dir() => return Source::Folder,
        Ok(Some(entry)) if entry.metadata.len() > MAX_SOURCE => return Source::TooLarge,
        _ => {}
    }
    match tree.bytes(path) {
        Ok(bytes) => {
            let mut reads = reads::of_file(path, &String::from_utf8_lossy(&bytes));
            let mut seen = HashSet::new();
            reads.retain(|(name, _)| seen.insert(name.clone()));
            Source::Reads(reads)
        }
        Err(fault) => Source::Fault(fault),
    }
}

impl Facts {
    /// Adds what was seen of one source file; `known` holds the names of `reads`.
    fn add(&mut self, path: &str, source: Source, known: &mut HashSet<String>) {
        match source {
            Source::Folder => {}
            Source::TooLarge => self.too_large += 1,
            Source::Fault(fault) => self.faults.push((path.to_owned(), fault)),
            Source::Reads(reads) => {
                self.sources += 1;
                for (name, line) in reads {
                    if known.insert(name.clone()) {
                        self.reads.push(Variable {
                            name,
                            file: path.to_owned(),
                            line,
                        });
                    }
                }
            }
        }
    }
}

/// There are not more names than are compared.
fn few_enough(variables: &[Variable]) -> Result<(), Fault> {
    if variables.len() <= MAX_NAMES {
        return Ok(());
    }
    Err(Fault::new(
        Cause::TooLarge,
        format!("there are more than {MAX_NAMES} variables"),
    )
    .hint("name the application's own files only"))
}

/// The files that the patterns match; a pattern that matches none is a fault in the facts.
fn found(
    patterns: &[String],
    skip: Skip,
    tree: &Tree,
    facts: &mut Facts,
) -> Result<Vec<String>, Fault> {
    let mut all = Vec::new();
    for pattern in patterns {
        match tree.matching(std::slice::from_ref(pattern), skip) {
            Err(fault) if fault.cause == Cause::Timeout => return Err(fault),
            Err(fault) => facts.faults.push((pattern.clone(), fault)),
            Ok(found) if found.is_empty() => facts.faults.push((
                pattern.clone(),
                Fault::new(Cause::Missing, format!("no file matches {pattern}"))
                    .hint("correct the pattern; it is relative to `root`"),
            )),
            Ok(found) => all.extend(found),
        }
    }
    let mut seen = HashSet::new();
    all.retain(|path| seen.insert(path.clone()));
    Ok(all)
}

/// The finding of what could not be compared.
fn unknown(path: &str, fault: &Fault) -> Finding {
    let hint = fault.hint.as_deref().unwrap_or_default();
    Finding::fail(
        "VAR-53",
        path,
        "files that can be compared",
        "not known",
        format!("{}; {hint}", fault.message),
    )
    .as_unknown()
}

/// Names with `*` as one set.
fn names(patterns: &[String]) -> Result<GlobSet, globset::Error> {
    glob_set(patterns.iter().map(String::as_str))
}
