//! The section `pins`: dependencies that are the same today and tomorrow.

mod faults;
mod judge;
mod locks;
mod python;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{FaultDoc, Planned, SpecProblem};
use super::files::{Format, path_problems, structured};
use super::section::Section;
use super::tree::{Skip, Tree};
use crate::context::JudgeContext;
use crate::outcome::{Cause, Fault, Finding};

/// Requires that dependency files name exact versions, or have a lock file that is in step.
///
/// `requirements*.txt` must pin each package with `==` (files named by `-r` are read too).
/// `package.json`, `Cargo.toml`, `pyproject.toml` and `go.mod` need their lock file beside them or in
/// a folder above, with every dependency in it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pins {
    /// Paths and patterns of dependency files; each must match at least one.
    files: Vec<String>,
    /// Whether the versions in the dependency files must be exact even where a lock file has them;
    /// default false.
    #[serde(default)]
    exact: bool,
    /// Whether every package of `requirements*.txt` needs `--hash`; default false.
    #[serde(default)]
    hashes: bool,
    /// Names of packages that need no exact version.
    #[serde(default)]
    allow: Vec<String>,
}

/// What was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// One entry a dependency file.
    manifests: Vec<Manifest>,
    /// Paths and patterns that match nothing, or at which nothing could be looked at.
    absent: Vec<(String, Option<Fault>)>,
}

/// A dependency file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    /// Path below the root.
    path: String,
    /// Its dependencies.
    entries: Vec<Entry>,
    /// Lock files that would do; empty where the file itself pins.
    locks: Vec<String>,
    /// The lock file that is there.
    lock: Option<String>,
    /// Files that it includes.
    includes: Vec<String>,
    /// Why it, or its lock file, could not be read.
    fault: Option<Fault>,
}

/// A dependency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Entry {
    /// Its line; 0 when unknown.
    line: usize,
    /// Its name.
    name: String,
    /// The version as it is written.
    version: String,
    /// Whether that is one exact version, or comes from this repository.
    exact: bool,
    /// Whether a hash fixes the content.
    hashed: bool,
    /// Whether the lock file has it; `null` without a lock file.
    locked: Option<bool>,
}

/// The most dependencies of one file.
const MAX_DEPENDENCIES: usize = 5_000;
/// The largest dependency file; lock files may be larger.
const MAX_MANIFEST: usize = 1 << 20;
/// The most files that may include each other.
const MAX_MANIFESTS: usize = 500;

impl Section for Pins {
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = path_problems(&self.files, "files");
        if self.files.is_empty() {
            problems.push(SpecProblem::at(
                "files",
                "no dependency file here: it could never fail",
                "write for example `files: [requirements.txt]`",
            ));
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        self.files
            .iter()
            .map(|path| Planned::once(format!("read {path} and its lock file")))
            .collect()
    }

    fn observe(&self, tree: &Tree) -> Result<Facts, Fault> {
        let mut facts = Facts::default();
        let mut pending: Vec<String> = Vec::new();
        for pattern in &self.files {
            match tree.matching(std::slice::from_ref(pattern), Skip::Foreign) {
                Err(fault) if fault.cause == Cause::Timeout => return Err(fault),
                Err(fault) => facts.absent.push((pattern.clone(), Some(fault))),
                Ok(found) if found.is_empty() => facts.absent.push((pattern.clone(), None)),
                Ok(found) => pending.extend(found),
            }
        }
        pending.reverse();
        while let Some(path) = pending.pop() {
            tree.on_time()?;
            if facts.manifests.iter().any(|known| known.path == path) {
                continue;
            }
            if facts.manifests.len() >= MAX_MANIFESTS {
                return Err(Fault::new(
                    Cause::TooLarge,
                    format!("there are more than {MAX_MANIFESTS} dependency files"),
                )
                .hint("name more exact patterns"));
            }
            let mut manifest = Manifest {
                path: path.clone(),
                ..Manifest::default()
            };
            manifest.fault = read(tree, &mut manifest).err();
            pending.extend(manifest.includes.iter().rev().cloned());
            facts.manifests.push(manifest);
        }
        Ok(facts)
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts)
    }
}

/// Reads one dependency file and its lock file.
fn read(tree: &Tree, manifest: &mut Manifest) -> Result<(), Fault> {
    let path = manifest.path.clone();
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path.as_str()));
    let text = tree.text(&path)?;
    let too_large = |what: &str| {
        Fault::new(Cause::TooLarge, format!("{path} {what}"))
            .hint("name the file that people edit, not one that a program wrote")
    };
    // Requirements with hashes are long; each of their lines is looked at once.
    if text.len() > MAX_MANIFEST && matches!(name, "package.json" | "Cargo.toml" | "pyproject.toml")
    {
        return Err(too_large("is larger than 1 MiB"));
    }
    match name {
        "package.json" => {
            let document = structured(&path, &text, Some(Format::Json))?;
            manifest.entries = locks::of_package(&document, &text);
            manifest.locks = owned(locks::NODE);
        }
        "Cargo.toml" => {
            let document = structured(&path, &text, Some(Format::Toml))?;
            manifest.entries = locks::of_cargo(&document, &text);
            manifest.locks = owned(&["Cargo.lock"]);
        }
        "pyproject.toml" => {
            let document = structured(&path, &text, Some(Format::Toml))?;
            manifest.entries = python::of_project(&document, &text);
            manifest.locks = owned(&["poetry.lock", "uv.lock", "pdm.lock"]);
        }
        "go.mod" => {
            manifest.entries = locks::of_go(&text);
            manifest.locks = owned(&["go.sum"]);
        }
        _ if std::path::Path::new(name)
            .extension()
            .is_some_and(|end| end == "txt" || end == "in") =>
        {
            let read = python::of_requirements(&text);
            manifest.entries = read.entries;
            manifest.includes = read
                .includes
                .iter()
                .map(|other| match folder {
                    "" => other.clone(),
                    _ => format!("{folder}/{other}"),
                })
                .collect();
            return Ok(());
        }
        _ => {
            return Err(Fault::new(
                Cause::Unparseable,
                format!("{path} is not a dependency file that is understood"),
            )
            .hint("name requirements*.txt, package.json, Cargo.toml, pyproject.toml or go.mod"));
        }
    }
    if manifest.entries.is_empty() {
        return Ok(());
    }
    if manifest.entries.len() > MAX_DEPENDENCIES {
        return Err(too_large("names more than 5000 dependencies"));
    }
    manifest.lock = beside_or_above(tree, folder, &manifest.locks)?;
    let Some(lock) = manifest.lock.clone() else {
        return Ok(());
    };
    let text = tree.text(&lock)?;
    locks::compare(&lock, &text, folder, &mut manifest.entries)
}

/// Names as the facts have them.
fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The first of these files in a folder, or in the nearest one above it.
fn beside_or_above(tree: &Tree, folder: &str, names: &[String]) -> Result<Option<String>, Fault> {
    let mut folder = folder;
    loop {
        for name in names {
            let path = match folder {
                "" => name.clone(),
                _ => format!("{folder}/{name}"),
            };
            if tree.entry(&path)?.is_some() {
                return Ok(Some(path));
            }
        }
        if folder.is_empty() {
            return Ok(None);
        }
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

/// The names and versions of a mapping from name to version or details.
fn table(document: &Value, path: &[&str]) -> Vec<(String, Value)> {
    let node = path.iter().try_fold(document, |node, key| node.get(key));
    node.and_then(Value::as_object)
        .map(|entries| {
            entries
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        })
        .unwrap_or_default()
}

/// The line on which a dependency is named; 0 when it is not found.
fn line_of(text: &str, name: &str) -> usize {
    (1..)
        .zip(text.lines())
        .find(|(_, line)| {
            let line = line.trim_start();
            let quoted = line.trim_start_matches(['"', '\'', '[']);
            quoted.strip_prefix(name).is_some_and(|rest| {
                !rest.starts_with(|c: char| c.is_alphanumeric() || "-_./".contains(c))
                    || rest.starts_with('.')
            })
        })
        .map_or(0, |(line, _)| line)
}
