//! The merged model of several Compose files, as `docker compose -f a -f b config` makes it.

use super::super::manifests::{Fields, beside, folder_of, mapping};
use super::super::tree::Tree;
use crate::outcome::{Cause, Fault};
use crate::yaml_doc::{Yaml, YamlValue};

/// Most files that `include` and `extends` may lead to.
const MAX_FILES: usize = 32;

/// Most services that `extends` may chain.
const MAX_CHAIN: usize = 16;

/// Reads the files and merges them in their order.
///
/// # Errors
/// When one cannot be read, or an `extends` leads nowhere.
pub(super) fn model(tree: &Tree, files: &[String]) -> Result<Yaml, Fault> {
    let mut read = 0;
    let mut merged = empty();
    for file in files {
        let one = load(tree, file, &mut read)?;
        merge(&mut merged, one, &mut Vec::new());
    }
    if merged
        .get("services")
        .is_none_or(|field| field.entries().is_empty())
    {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{}: declares no service", files.join(" + ")),
        )
        .hint(
            "name the Compose files in the order in which they are given to `docker compose -f`",
        ));
    }
    Ok(merged)
}

/// A mapping without entries.
fn empty() -> Yaml {
    Yaml {
        line: 1,
        tag: None,
        value: YamlValue::Map(Vec::new()),
    }
}

/// One file with what it includes below it and its `extends` resolved.
fn load(tree: &Tree, file: &str, read: &mut usize) -> Result<Yaml, Fault> {
    *read += 1;
    if *read > MAX_FILES {
        return Err(Fault::new(
            Cause::TooLarge,
            format!("{file}: `include` and `extends` lead to more than {MAX_FILES} files"),
        )
        .hint("see whether files include each other"));
    }
    let mut own = normal(mapping(tree, file)?);
    let mut base = empty();
    let includes = own.get("include").cloned();
    for include in includes.iter().flat_map(Fields::items) {
        let paths = match include.get("path") {
            Some(path) => path.words(),
            None => include.words(),
        };
        for path in paths {
            let included = load(tree, &beside(folder_of(file), &path), read)?;
            merge(&mut base, included, &mut Vec::new());
        }
    }
    let names: Vec<String> = own
        .get("services")
        .map(|services| {
            services
                .entries()
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        })
        .unwrap_or_default();
    for name in names {
        let service = extended(tree, file, &own, &name, 0, read)?;
        if let Some(slot) = slot(&mut own, "services").and_then(|all| slot(all, &name)) {
            *slot = service;
        }
    }
    merge(&mut base, own, &mut Vec::new());
    Ok(base)
}

/// The value under a key, to be changed.
fn slot<'a>(yaml: &'a mut Yaml, key: &str) -> Option<&'a mut Yaml> {
    match &mut yaml.value {
        YamlValue::Map(entries) => entries
            .iter_mut()
            .find(|(name, _)| name.scalar_text().as_deref() == Some(key))
            .map(|(_, value)| value),
        _ => None,
    }
}

/// Takes a key out of a mapping.
fn remove(yaml: &mut Yaml, key: &str) {
    if let YamlValue::Map(entries) = &mut yaml.value {
        entries.retain(|(name, _)| name.scalar_text().as_deref() != Some(key));
    }
}

/// A service on top of the one that it extends.
fn extended(
    tree: &Tree,
    file: &str,
    model: &Yaml,
    name: &str,
    depth: usize,
    read: &mut usize,
) -> Result<Yaml, Fault> {
    let lost = |what: String| {
        Fault::new(Cause::Missing, format!("{file}: {what}"))
            .hint("correct `extends` of the service")
    };
    let service = model
        .at(&["services", name])
        .cloned()
        .ok_or_else(|| lost(format!("there is no service `{name}` to extend")))?;
    let Some(extends) = service.get("extends").cloned() else {
        return Ok(service);
    };
    if depth > MAX_CHAIN {
        return Err(lost(format!("`extends` of `{name}` never ends")));
    }
    let (other_file, other) = if extends.is_map() {
        (extends.text_at("file"), extends.text_at("service"))
    } else {
        (None, extends.text())
    };
    let other = other.ok_or_else(|| lost(format!("`extends` of `{name}` names no service")))?;
    let mut base = match other_file {
        Some(path) => {
            *read += 1;
            let path = beside(folder_of(file), &path);
            if *read > MAX_FILES {
                return Err(lost(format!(
                    "`extends` of `{name}` leads to too many files"
                )));
            }
            let model = normal(mapping(tree, &path)?);
            extended(tree, &path, &model, &other, depth + 1, read)?
        }
        None => extended(tree, file, model, &other, depth + 1, read)?,
    };
    remove(&mut base, "depends_on");
    let mut own = service;
    remove(&mut own, "extends");
    let mut path = vec!["services".to_owned(), name.to_owned()];
    merge(&mut base, own, &mut path);
    Ok(base)
}

/// The model with short forms of mappings made long, so that they merge by key.
fn normal(mut model: Yaml) -> Yaml {
    if let Some(YamlValue::Map(services)) = slot(&mut model, "services").map(|s| &mut s.value) {
        for (_, service) in services {
            for key in [
                "environment",
                "labels",
                "annotations",
                "sysctls",
                "extra_hosts",
            ] {
                if let Some(field) = slot(service, key) {
                    pairs(field, if key == "extra_hosts" { ":=" } else { "=" });
                }
            }
            for key in ["depends_on", "networks"] {
                if let Some(field) = slot(service, key) {
                    names(field);
                }
            }
            if let Some(build) = slot(service, "build") {
                if let Some(context) = build.text() {
                    build.value = YamlValue::Map(vec![(
                        string(build.line, "context"),
                        string(build.line, &context),
                    )]);
                }
                if let Some(args) = slot(build, "args") {
                    pairs(args, "=");
                }
            }
        }
    }
    model
}

/// Text as a value.
fn string(line: u32, text: &str) -> Yaml {
    Yaml {
        line,
        tag: None,
        value: YamlValue::Str(text.to_owned()),
    }
}

/// `[A=1, B]` as `{A: 1, B: }`.
fn pairs(field: &mut Yaml, separators: &str) {
    let YamlValue::Seq(items) = &field.value else {
        return;
    };
    let entries = items
        .iter()
        .filter_map(|item| {
            let text = item.text()?;
            Some(match text.split_once(|c| separators.contains(c)) {
                Some((name, value)) => (string(item.line, name), string(item.line, value)),
                None => (
                    string(item.line, &text),
                    Yaml {
                        value: YamlValue::Null,
                        ..string(item.line, "")
                    },
                ),
            })
        })
        .collect();
    field.value = YamlValue::Map(unique(entries));
}

/// `[a, b]` as `{a: {}, b: {}}`.
fn names(field: &mut Yaml) {
    let YamlValue::Seq(items) = &field.value else {
        return;
    };
    let entries = items
        .iter()
        .filter_map(|item| {
            let mut nothing = empty();
            nothing.line = item.line;
            Some((string(item.line, &item.text()?), nothing))
        })
        .collect();
    field.value = YamlValue::Map(unique(entries));
}

/// The last of several entries with the same key.
fn unique(entries: Vec<(Yaml, Yaml)>) -> Vec<(Yaml, Yaml)> {
    let mut out: Vec<(Yaml, Yaml)> = Vec::new();
    for (key, value) in entries {
        match out.iter_mut().find(|(name, _)| name.value == key.value) {
            Some(slot) => *slot = (key, value),
            None => out.push((key, value)),
        }
    }
    out
}

/// Merges `over` onto `base` by the rules of the Compose specification; `path` is where both stand.
pub(super) fn merge(base: &mut Yaml, over: Yaml, path: &mut Vec<String>) {
    if over.tag.as_deref() == Some("!override") {
        *base = Yaml { tag: None, ..over };
        return;
    }
    match (&mut base.value, over.value) {
        (YamlValue::Map(own), YamlValue::Map(entries)) => {
            for (key, value) in entries {
                let name = key.scalar_text().unwrap_or_default();
                let at = own
                    .iter()
                    .position(|(k, _)| k.scalar_text().as_deref() == Some(name.as_str()));
                if value.tag.as_deref() == Some("!reset") {
                    if let Some(at) = at {
                        own.remove(at);
                    }
                    continue;
                }
                path.push(name);
                match at.and_then(|at| own.get_mut(at)) {
                    Some((_, slot)) => merge(slot, value, path),
                    None => own.push((key, Yaml { tag: None, ..value })),
                }
                path.pop();
            }
        }
        (YamlValue::Seq(own), YamlValue::Seq(items)) if !is_replaced(path) => {
            for item in items {
                let key = unique_key(path, &item);
                let same = own
                    .iter()
                    .position(|other| key.is_some() && unique_key(path, other) == key);
                match same.and_then(|at| own.get_mut(at)) {
                    Some(slot) => *slot = item,
                    None => own.push(item),
                }
            }
        }
        // A field that is there without a value changes nothing.
        (_, YamlValue::Null)
            if path.len() != 4 || path.get(2).is_none_or(|k| k != "environment") => {}
        (_, value) => {
            base.value = value;
            base.line = over.line;
        }
    }
}

/// Lists that a later file replaces as a whole.
fn is_replaced(path: &[String]) -> bool {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        names.as_slice(),
        ["services", _, "command" | "entrypoint"] | ["services", _, "healthcheck", "test"]
    )
}

/// What makes an item of such a list the same as one of an earlier file.
fn unique_key(path: &[String], item: &Yaml) -> Option<String> {
    match path.last().map(String::as_str)? {
        "volumes" | "devices" => super::mount(item).map(|mount| mount.target),
        "ports" => super::port(item).map(|port| format!("{port:?}")),
        "secrets" | "configs" => item
            .text_at("target")
            .or_else(|| item.text_at("source"))
            .or_else(|| item.text()),
        _ => item.text(),
    }
}
