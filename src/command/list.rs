//! `list`: what exists.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use serde_json::{Map, Value, json};

use super::Session;
use crate::catalogue;
use crate::cli::{List, Listed, Listing};
use crate::environment::Environment;
use crate::kinds::KINDS;
use crate::outcome::exit;
use crate::profile::compose::{Composed, Composer, kind_key};
use crate::profile::node::{Node, Problems, Sources};
use crate::profile::source::{Found, Library};
use crate::profile::{Request, load};

/// Prints one list.
pub(super) fn run(options: &List, session: &Session) -> anyhow::Result<u8> {
    let mut sources = Sources::default();
    let mut problems = Problems::default();
    let rows = match options.what {
        Listed::Profiles => files(Library::Profiles, session, &mut sources, &mut problems),
        Listed::Packs => files(Library::Packs, session, &mut sources, &mut problems),
        Listed::Checks if options.profile.is_empty() => {
            checks_of_packs(&mut sources, &mut problems)
        }
        Listed::Checks => {
            checks_of_profiles(&options.profile, session, &mut sources, &mut problems)
        }
        Listed::Kinds => kinds(),
        Listed::Faults => faults(),
        Listed::SignOffs => {
            super::signatures::rows(&options.profile, session, &mut sources, &mut problems)
        }
    };
    if !problems.is_empty() {
        return Ok(session.refuse(&problems, &sources));
    }
    let text = match options.format {
        Listing::Json => format!("{}\n", serde_json::to_string_pretty(&rows)?),
        Listing::Table => table(&rows, session),
    };
    session.print(&text)?;
    Ok(exit::READY)
}

/// Objects as a table: the columns are the fields of the first.
fn table(rows: &[Map<String, Value>], session: &Session) -> String {
    let Some(first) = rows.first() else {
        return "nothing\n".to_owned();
    };
    let columns: Vec<&String> = first.keys().collect();
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(session.stdout.width)
        .force_no_tty();
    table.set_header(columns.iter().map(|name| name.to_uppercase()));
    // Names are copied from here: they must not be broken.
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    for row in rows {
        table.add_row(columns.iter().map(|name| {
            match row.get(*name) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Array(items)) => items
                    .iter()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>()
                    .join(", "),
                Some(Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            }
        }));
    }
    table
        .to_string()
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// An object as a row.
fn row(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Profiles or packs.
fn files(
    library: Library,
    session: &Session,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Vec<Map<String, Value>> {
    library
        .list()
        .into_iter()
        .filter_map(|Found { name, shown, .. }| {
            let composed = open(library, &name, sources, problems)?;
            let checks = match library {
                Library::Profiles => checks_with_packs(&name, session),
                Library::Packs => None,
            }
            .unwrap_or(composed.checks.len());
            Some(row(json!({ "name": name, "description": composed.description, "checks": checks, "inputs": names(&composed.inputs), "file": shown })))
        })
        .collect()
}

/// How many checks a profile has with those of its packs; `None` when it cannot be loaded.
fn checks_with_packs(name: &str, session: &Session) -> Option<usize> {
    let (mut sources, mut problems) = (Sources::default(), Problems::default());
    let names = [name.to_owned()];
    let rows = checks_of_profiles(&names, session, &mut sources, &mut problems);
    problems.is_empty().then_some(rows.len())
}

/// One composed file.
fn open(
    library: Library,
    name: &str,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<Composed> {
    let mut composer = Composer { sources, problems };
    match library {
        Library::Profiles => composer.profile(name),
        Library::Packs => composer.pack_named(name),
    }
}

/// The keys of a mapping.
fn names(node: &Node) -> Vec<String> {
    node.as_map()
        .unwrap_or_default()
        .iter()
        .filter_map(|(key, _)| key.scalar_text())
        .collect()
}

/// The checks of every pack and the own checks of every profile, as they are written.
fn checks_of_packs(sources: &mut Sources, problems: &mut Problems) -> Vec<Map<String, Value>> {
    let mut rows = Vec::new();
    for library in [Library::Packs, Library::Profiles] {
        for found in library.list() {
            let Some(composed) = open(library, &found.name, sources, problems) else {
                continue;
            };
            rows.extend(composed.checks.iter().map(|check| {
                let text = |field: &str| check.get(field).and_then(Node::scalar_text);
                row(json!({
                    "id": text("id"), "kind": kind_key(check).map(|(name, _)| name),
                    "severity": text("severity").unwrap_or_else(|| "high".to_owned()),
                    "title": text("title"), "in": format!("{} {}", library.noun(), found.name),
                }))
            }));
        }
    }
    rows
}

/// The checks of profiles with everything composed.
fn checks_of_profiles(
    names: &[String],
    session: &Session,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Vec<Map<String, Value>> {
    let environment = Environment::of_process();
    let request = Request {
        profiles: names,
        environment: &environment,
        set: &[],
        target: None,
        strict: false,
        redactor: &session.redactor,
    };
    let Some(profile) = load(&request, sources, problems) else {
        return Vec::new();
    };
    profile
        .checks
        .iter()
        .map(|check| {
            row(json!({
                "id": check.fields.id, "kind": check.kind, "severity": check.fields.severity.unwrap_or_default(),
                "title": check.fields.title, "group": check.fields.group, "tags": check.fields.tags, "covers": check.fields.covers,
            }))
        })
        .collect()
}

/// The text up to its first full stop at the end of a word, on one line.
fn first_sentence(text: &str) -> String {
    let paragraph = text
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .replace('\n', " ");
    match paragraph.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => paragraph,
    }
}

/// The kinds with the first sentence of their description.
fn kinds() -> Vec<Map<String, Value>> {
    KINDS
        .iter()
        .map(|kind| {
            let schema = (kind.schema)().to_value();
            let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
            row(json!({ "name": kind.name, "description": first_sentence(description), "faults": kind.faults.len() }))
        })
        .collect()
}

/// The fault codes.
fn faults() -> Vec<Map<String, Value>> {
    catalogue::all()
        .map(|entry| {
            let state = if entry.doc.not_observable.is_some() { "not_observable" } else { "caught" };
            row(json!({ "code": entry.doc.code, "title": entry.doc.title, "kind": entry.kind, "state": state, "reason": entry.doc.not_observable }))
        })
        .collect()
}
