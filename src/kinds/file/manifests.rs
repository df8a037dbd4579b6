//! What the sections about manifests share: reading YAML through the tree, fields of many forms,
//! paths as text, findings with a place.

use super::tree::{Skip, Tree};
use crate::outcome::{Cause, Fault, Finding};
use crate::yaml_doc::{Yaml, YamlValue, parse_all};

/// Shorthands for fields that may have several forms.
pub(super) trait Fields {
    /// Entries of a mapping as name and value; none for anything else.
    fn entries(&self) -> Vec<(String, &Yaml)>;
    /// Items of a list; none for anything else.
    fn items(&self) -> &[Yaml];
    /// A scalar as text; nothing is none.
    fn text(&self) -> Option<String>;
    /// The text under a key.
    fn text_at(&self, key: &str) -> Option<String>;
    /// Whether it is `true`.
    fn is_true(&self) -> bool;
    /// Whether it is a mapping.
    fn is_map(&self) -> bool;
    /// A scalar as a list of one, a list as the texts of its scalars.
    fn words(&self) -> Vec<String>;
    /// Shows every text below, keys included.
    fn texts(&self, visit: &mut dyn FnMut(&str));
}

impl Fields for Yaml {
    fn entries(&self) -> Vec<(String, &Yaml)> {
        self.as_map()
            .unwrap_or_default()
            .iter()
            .map(|(key, value)| (key.scalar_text().unwrap_or_default(), value))
            .collect()
    }

    fn items(&self) -> &[Yaml] {
        self.as_seq().unwrap_or_default()
    }

    fn text(&self) -> Option<String> {
        self.scalar_text().filter(|_| !self.is_null())
    }

    fn text_at(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Fields::text)
    }

    fn is_true(&self) -> bool {
        self.value == YamlValue::Bool(true)
    }

    fn is_map(&self) -> bool {
        self.as_map().is_some()
    }

    fn words(&self) -> Vec<String> {
        match self.as_seq() {
            Some(items) => items.iter().filter_map(Fields::text).collect(),
            None => self.text().into_iter().collect(),
        }
    }

    fn texts(&self, visit: &mut dyn FnMut(&str)) {
        match &self.value {
            YamlValue::Str(text) => visit(text),
            YamlValue::Seq(items) => items.iter().for_each(|item| item.texts(visit)),
            YamlValue::Map(entries) => {
                for (key, value) in entries {
                    key.texts(visit);
                    value.texts(visit);
                }
            }
            _ => {}
        }
    }
}

/// The documents of a YAML file that hold something; at least one.
///
/// # Errors
/// What the tree says, or that the file is no YAML, or holds nothing.
pub(super) fn documents(tree: &Tree, path: &str) -> Result<Vec<Yaml>, Fault> {
    let text = tree.text(path)?;
    let all = parse_all(&text).map_err(|error| {
        let cause = if error.too_large {
            Cause::TooLarge
        } else {
            Cause::Unparseable
        };
        let fault = Fault::new(cause, format!("{path}:{}: {}", error.line, error.message));
        if text.contains("{{") {
            fault.hint(TEMPLATE_HINT)
        } else {
            fault.hint(
                "fix the YAML here or on the line above; a file that was cut off ends like this",
            )
        }
    })?;
    let all: Vec<Yaml> = all.into_iter().filter(|yaml| !yaml.is_null()).collect();
    if all.is_empty() {
        return Err(
            Fault::new(Cause::Unparseable, format!("{path}: holds nothing"))
                .hint("see whether this is the file that is deployed"),
        );
    }
    Ok(all)
}

/// The only YAML document of a file, a mapping.
///
/// # Errors
/// As [`documents`], or when it holds several documents or something else.
pub(super) fn mapping(tree: &Tree, path: &str) -> Result<Yaml, Fault> {
    let mut all = documents(tree, path)?;
    match (all.pop(), all.is_empty()) {
        (Some(yaml), true) if yaml.is_map() => Ok(yaml),
        _ => Err(Fault::new(
            Cause::Unparseable,
            format!("{path}: is not one YAML mapping"),
        )
        .hint("see whether this is the right file")),
    }
}

/// What to do with a template.
pub(super) const TEMPLATE_HINT: &str = "this is a template: render it first (`helm template CHART > rendered.yaml`) and name the result";

/// `path` seen from `base`, with `.` and `..` resolved as text.
pub(super) fn beside(base: &str, path: &str) -> String {
    let whole = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{base}/{path}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let text = parts.join("/");
    if whole.starts_with('/') {
        format!("/{text}")
    } else if text.is_empty() {
        ".".to_owned()
    } else {
        text
    }
}

/// The folder that a file stands in.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// A passing finding when nothing with the code was found.
pub(super) fn pass_unless(
    findings: &mut Vec<Finding>,
    codes: &[&str],
    subject: &str,
    expected: &str,
    actual: String,
) {
    let found = findings.iter().any(|finding| {
        finding
            .code
            .as_deref()
            .is_some_and(|code| codes.contains(&code))
    });
    if !found {
        findings.push(Finding::pass(subject, expected, actual));
    }
}

/// `1 service`, `2 services`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// The files that paths and patterns stand for; a folder stands for those in it, subfolders
/// included, with one of the endings.
///
/// # Errors
/// When one of them stands for no file, or cannot be looked at.
pub(super) fn targets(
    tree: &Tree,
    paths: &[String],
    endings: &[&str],
) -> Result<Vec<String>, Fault> {
    let mut all = Vec::new();
    for path in paths {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let is_folder = tree
            .entry(path)
            .ok()
            .flatten()
            .is_some_and(|e| e.metadata.is_dir());
        let patterns: Vec<String> = if is_folder {
            let prefix = if path.is_empty() || path == "." {
                String::new()
            } else {
                format!("{path}/")
            };
            endings
                .iter()
                .map(|ending| format!("{prefix}**/*{ending}"))
                .collect()
        } else {
            vec![path.to_owned()]
        };
        let found = tree.matching(&patterns, Skip::Foreign)?;
        if found.is_empty() {
            return Err(
                Fault::new(Cause::Missing, format!("{path}: there is no such file"))
                    .hint("see whether the path is right; it is relative to `root`"),
            );
        }
        for file in found {
            if !all.contains(&file) {
                all.push(file);
            }
        }
    }
    Ok(all)
}
