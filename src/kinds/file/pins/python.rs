//! Dependencies of Python: requirements files and `pyproject.toml`.

use serde_json::Value;

use super::{Entry, line_of, table};

/// What a requirements file names.
#[derive(Debug, Default)]
pub(super) struct Requirements {
    /// Packages.
    pub(super) entries: Vec<Entry>,
    /// Files named by `-r`.
    pub(super) includes: Vec<String>,
}

/// Reads a requirements file.
pub(super) fn of_requirements(text: &str) -> Requirements {
    let mut found = Requirements::default();
    for (line, content) in joined(text) {
        // A comment begins at the start or after a blank: `#egg=` of a URL does not.
        let content = match content.find(" #").or_else(|| content.find("\t#")) {
            Some(at) => &content[..at],
            None => content.as_str(),
        };
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let option = |long: &str, short: &str| {
            let rest = content
                .strip_prefix(long)
                .or_else(|| content.strip_prefix(short))?;
            let value = rest.trim_start_matches(['=', ' ', '\t']);
            (value.len() < rest.len() || short.len() == 2).then(|| value.to_owned())
        };
        if let Some(other) = option("--requirement", "-r") {
            found.includes.push(other);
        } else if let Some(what) = option("--editable", "-e") {
            found.entries.push(requirement(line, &what));
        } else if !content.starts_with('-') {
            found.entries.push(requirement(line, content));
        }
    }
    found
}

/// Lines with those joined that end with a backslash.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in (1..).zip(text.lines()) {
        let (part, continues) = match line.trim_end().strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some((_, whole)) if open => {
                whole.push(' ');
                whole.push_str(part);
            }
            _ => lines.push((number, part.to_owned())),
        }
        open = continues;
    }
    lines
}

/// One requirement: `name[extra]==1.2.3 ; marker --hash=sha256:…`, a URL or a path.
pub(super) fn requirement(line: usize, text: &str) -> Entry {
    let hashed = text.contains("--hash");
    let text = text.split(" --").next().unwrap_or_default();
    let text = text.split(" ;").next().unwrap_or_default().trim();
    let url = text.contains("://");
    let (name, version) = match text.split_once('@') {
        Some((name, target)) if target.contains("://") && !name.contains("://") => {
            (name.trim().to_owned(), target.trim().to_owned())
        }
        _ if url => (text.to_owned(), text.to_owned()),
        _ => {
            let text = text.split(';').next().unwrap_or_default();
            let end = text
                .find(|c: char| "=<>!~ ([".contains(c))
                .unwrap_or(text.len());
            let rest = &text[end..];
            let rest = match rest.trim_start().strip_prefix('[') {
                Some(extra) => extra.split_once(']').map_or("", |(_, after)| after),
                None => rest,
            };
            let version = rest.trim().trim_matches(['(', ')']);
            (text[..end].trim().to_owned(), version.to_owned())
        }
    };
    let local = name.starts_with('.') || name.starts_with('/') || name.starts_with("file:");
    let exact = local
        || if version.contains("://") {
            is_fixed_url(&version)
        } else {
            is_exact(&version)
        };
    Entry {
        line,
        name,
        version,
        exact,
        hashed: hashed || local,
        locked: None,
    }
}

/// Whether a version allows only itself: `==1.2.3`.
fn is_exact(version: &str) -> bool {
    let Some(exact) = version.strip_prefix("==") else {
        return false;
    };
    let exact = exact.trim_start_matches('=').trim();
    !exact.is_empty() && !exact.contains(['*', ',', '<', '>', '!', '~'])
}

/// Whether a URL names one content: a commit, or a hash.
fn is_fixed_url(url: &str) -> bool {
    if url.contains("#sha256=") || url.contains("&sha256=") {
        return true;
    }
    let path = url.split(['#', '?']).next().unwrap_or_default();
    path.rsplit_once('@').is_some_and(|(_, commit)| {
        commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit())
    })
}

/// Dependencies of a `pyproject.toml`, as PEP 621 and Poetry have them.
pub(super) fn of_project(document: &Value, text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add_list = |list: Option<&Value>| {
        for item in list.and_then(Value::as_array).into_iter().flatten() {
            if let Some(item) = item.as_str() {
                let mut entry = requirement(0, item);
                entry.line = line_of(text, &entry.name);
                entries.push(entry);
            }
        }
    };
    let project = document.get("project");
    add_list(project.and_then(|project| project.get("dependencies")));
    for (_, list) in table(document, &["project", "optional-dependencies"]) {
        add_list(Some(&list));
    }
    let poetry = table(document, &["tool", "poetry", "dependencies"]);
    for (name, details) in poetry.into_iter().filter(|(name, _)| name != "python") {
        let version = details
            .as_str()
            .or_else(|| details.get("version").and_then(Value::as_str))
            .unwrap_or_default();
        let fixed = details.get("path").is_some()
            || details
                .get("rev")
                .and_then(Value::as_str)
                .is_some_and(|rev| rev.len() == 40);
        let bare = version.trim_start_matches('=');
        let exact = fixed
            || (bare.starts_with(|c: char| c.is_ascii_digit())
                && !bare.contains(['*', ',', '<', '>', '^', '~', '|']));
        entries.push(Entry {
            line: line_of(text, &name),
            name,
            version: version.to_owned(),
            exact,
            ..Entry::default()
        });
    }
    entries
}

/// A name as indexes compare it.
pub(super) fn normal(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.to_lowercase().chars() {
        if matches!(c, '-' | '_' | '.') {
            if !normal.ends_with('-') {
                normal.push('-');
            }
        } else {
            normal.push(c);
        }
    }
    normal
}
