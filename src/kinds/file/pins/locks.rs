//! Dependency files with lock files: what they name, and whether the lock file has it.

use std::collections::HashSet;

use serde_json::Value;

use super::super::files::{Format, structured};
use super::python::normal;
use super::{Entry, line_of, table};
use crate::outcome::{Cause, Fault};

/// The lock files of the package managers of Node.
pub(super) const NODE: &[&str] = &[
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
];

/// Dependencies of a `package.json`.
pub(super) fn of_package(document: &Value, text: &str) -> Vec<Entry> {
    ["dependencies", "devDependencies", "optionalDependencies"]
        .iter()
        .flat_map(|group| table(document, &[group]))
        .map(|(name, version)| {
            let version = version.as_str().unwrap_or_default().to_owned();
            let exact = version.starts_with("file:")
                || version.starts_with("workspace:")
                || semver::Version::parse(version.trim_start_matches('=')).is_ok();
            Entry {
                line: line_of(text, &name),
                name,
                version,
                exact,
                ..Entry::default()
            }
        })
        .collect()
}

/// Dependencies of a `Cargo.toml`. What is inherited from the workspace is judged there.
pub(super) fn of_cargo(document: &Value, text: &str) -> Vec<Entry> {
    let groups = ["dependencies", "dev-dependencies", "build-dependencies"];
    let mut found: Vec<(String, Value)> = groups
        .iter()
        .flat_map(|group| table(document, &[group]))
        .collect();
    found.extend(
        table(document, &["target"])
            .iter()
            .flat_map(|(_, target)| groups.iter().flat_map(|group| table(target, &[group]))),
    );
    found
        .into_iter()
        .filter(|(_, details)| details.get("workspace").is_none())
        .map(|(name, details)| {
            let word = |key: &str| details.get(key).and_then(Value::as_str);
            let version = details
                .as_str()
                .or_else(|| word("version"))
                .unwrap_or_default();
            let exact =
                version.starts_with('=') || details.get("path").is_some() || word("rev").is_some();
            Entry {
                line: line_of(text, &name),
                name: word("package").map_or(name, str::to_owned),
                version: version.to_owned(),
                exact,
                ..Entry::default()
            }
        })
        .collect()
}

/// Modules that a `go.mod` requires; each version there is exact.
pub(super) fn of_go(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut replaced = HashSet::new();
    let mut block = String::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.split("//").next().unwrap_or_default().trim();
        let mut words: Vec<&str> = content.split_whitespace().collect();
        if words.as_slice() == [")"] {
            block.clear();
            continue;
        }
        if words.len() == 2 && words.last() == Some(&"(") {
            words.first().map_or("", |word| word).clone_into(&mut block);
            continue;
        }
        let verb = if block.is_empty() && !words.is_empty() {
            words.remove(0).to_owned()
        } else {
            block.clone()
        };
        match (verb.as_str(), words.as_slice()) {
            ("require", [name, version, ..]) => entries.push(Entry {
                line,
                name: (*name).to_owned(),
                version: (*version).to_owned(),
                exact: true,
                ..Entry::default()
            }),
            ("replace", [name, ..]) => {
                replaced.insert((*name).to_owned());
            }
            _ => {}
        }
    }
    entries.retain(|entry| !replaced.contains(&entry.name));
    entries
}

/// Sets of each entry whether the lock file has it. `folder` is where the dependency file is.
pub(super) fn compare(
    lock: &str,
    text: &str,
    folder: &str,
    entries: &mut [Entry],
) -> Result<(), Fault> {
    let (lock_folder, name) = lock.rsplit_once('/').unwrap_or(("", lock));
    let member = folder
        .strip_prefix(lock_folder)
        .unwrap_or(folder)
        .trim_start_matches('/');
    match name {
        "package-lock.json" | "npm-shrinkwrap.json" => {
            let document = structured(lock, text, Some(Format::Json))?;
            npm(lock, &document, member, entries)
        }
        "pnpm-lock.yaml" => {
            let document = structured(lock, text, Some(Format::Yaml))?;
            let importer = if member.is_empty() { "." } else { member };
            let groups = ["dependencies", "devDependencies", "optionalDependencies"];
            let base = document
                .get("importers")
                .and_then(|all| all.get(importer))
                .unwrap_or(&document);
            let known: HashSet<String> = groups
                .iter()
                .flat_map(|group| table(base, &[group]))
                .map(|(name, _)| name)
                .collect();
            mark(entries, |entry| known.contains(&entry.name));
            Ok(())
        }
        "yarn.lock" | "bun.lock" => {
            // `"a@npm:^1", b@2:` in yarn.lock, `"a": […]` in bun.lock: names stand before `@` or `":`.
            let mut known: HashSet<&str> = HashSet::new();
            for line in text.lines() {
                for part in line.split(", ") {
                    let part = part.trim().trim_start_matches('"');
                    let end = part.get(1..).and_then(|rest| rest.find(['@', '"', ':']));
                    known.extend(end.and_then(|end| part.get(..=end)));
                }
            }
            mark(entries, |entry| {
                entry.version.starts_with("workspace:") || known.contains(entry.name.as_str())
            });
            Ok(())
        }
        "go.sum" => {
            let known: HashSet<(&str, &str)> = text
                .lines()
                .filter_map(|line| {
                    let mut words = line.split_whitespace();
                    let (name, version) = (words.next()?, words.next()?);
                    Some((name, version.trim_end_matches("/go.mod")))
                })
                .collect();
            mark(entries, |entry| {
                known.contains(&(entry.name.as_str(), entry.version.as_str()))
            });
            Ok(())
        }
        _ => {
            let document = structured(lock, text, Some(Format::Toml))?;
            let packages = document.get("package").and_then(Value::as_array);
            let known: HashSet<String> = packages
                .into_iter()
                .flatten()
                .filter_map(|package| package.get("name").and_then(Value::as_str))
                .map(normal)
                .collect();
            mark(entries, |entry| known.contains(&normal(&entry.name)));
            Ok(())
        }
    }
}

/// Compares with a lock file of npm.
fn npm(lock: &str, document: &Value, member: &str, entries: &mut [Entry]) -> Result<(), Fault> {
    let packages = document.get("packages").and_then(Value::as_object);
    if let Some(packages) = packages {
        let own = packages.get(member).unwrap_or(&Value::Null);
        let groups = ["dependencies", "devDependencies", "optionalDependencies"];
        mark(entries, |entry| {
            let stated = groups
                .iter()
                .find_map(|group| own.get(group)?.get(&entry.name)?.as_str());
            let installed = format!("node_modules/{}", entry.name);
            stated == Some(entry.version.as_str())
                && (packages.contains_key(&installed)
                    || packages.contains_key(&format!("{member}/{installed}")))
        });
        return Ok(());
    }
    if document.get("lockfileVersion").is_none() {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{lock} is not a lock file of npm"),
        )
        .hint("run npm install --package-lock-only"));
    }
    let known = table(document, &["dependencies"]);
    mark(entries, |entry| {
        known.iter().any(|(name, _)| *name == entry.name)
    });
    Ok(())
}

/// Notes of each entry whether it is known.
fn mark(entries: &mut [Entry], known: impl Fn(&Entry) -> bool) {
    for entry in entries {
        entry.locked = Some(known(entry));
    }
}
