//! `explain`: a check, a kind, a fault code, a profile or a pack, from the structs that parse them.

use std::fmt::Write as _;

use serde_json::Value;

use super::Session;
use super::audit::environment;
use crate::catalogue;
use crate::cli::Explain;
use crate::environment::Environment;
use crate::kinds::{KindEntry, entry};
use crate::outcome::exit;
use crate::profile::check::Check;
use crate::profile::compose::Composer;
use crate::profile::inputs::InputDecl;
use crate::profile::node::{Node, Problems, Sources, suggest};
use crate::profile::source::Library;
use crate::profile::{Profile, Request, decode::decode, load};

/// Finds out what is meant and explains it.
pub(super) fn run(options: &Explain, session: &Session) -> anyhow::Result<u8> {
    let what = options.what.as_str();
    if let Some(found) = catalogue::find(what) {
        session.print(&code(found))?;
        return Ok(exit::READY);
    }
    if let Some(kind) = entry(what) {
        session.print(&explain_kind(kind))?;
        // Packs are often called like the kind they use most.
        if Library::Packs.list().iter().any(|found| found.name == what) {
            session.print("\nThe pack of this name\n\n")?;
            return pack(what, session);
        }
        return Ok(exit::READY);
    }
    let environment = match environment(&options.values, session) {
        Ok(environment) => environment,
        Err(code) => return Ok(code),
    };
    let exists = |library: Library| library.list().iter().any(|found| found.name == what);
    let is_path = what.contains('/') || what.ends_with(".yaml") || what.ends_with(".yml");
    if exists(Library::Profiles) || is_path {
        let code = profile(options, &environment, session)?;
        if !is_path && exists(Library::Packs) {
            session.print("\nThe pack of this name\n\n")?;
            return pack(what, session);
        }
        return Ok(code);
    }
    if exists(Library::Packs) {
        return pack(what, session);
    }
    check(options, &environment, session)
}

/// A fault code.
fn code(found: catalogue::Entry) -> String {
    let doc = found.doc;
    let state = doc.not_observable.map_or_else(
        || format!("caught by `{}`", found.kind),
        |reason| format!("cannot be observed: {reason}"),
    );
    format!(
        "{}  {}\n\n  {state}\n\n  why     {}\n  remedy  {}\n",
        doc.code, doc.title, doc.why, doc.remedy
    )
}

/// A kind: summary, fields, faults.
fn explain_kind(kind: &KindEntry) -> String {
    let schema = (kind.schema)().to_value();
    let mut out = format!("{}\n\n", kind.name);
    if let Some(description) = schema.get("description").and_then(Value::as_str) {
        let _infallible = writeln!(out, "{description}\n");
    }
    out.push_str("Fields\n");
    fields(&schema, &schema, 1, &mut Vec::new(), &mut out);
    out.push_str("  assert: CEL expression or list of them, over what was observed\n");
    out.push_str("\nFaults\n");
    for doc in kind.faults {
        let state = if doc.not_observable.is_some() {
            "  (cannot be observed)"
        } else {
            ""
        };
        let _infallible = writeln!(out, "  {:<9} {}{state}", doc.code, doc.title);
    }
    out
}

/// A default as one would write it: sizes and times in their largest whole units.
fn default_text(default: &Value) -> String {
    let parsed = default.as_str().and_then(|text| {
        if let Some(bytes) = text.strip_suffix('B').and_then(|n| n.parse::<u64>().ok()) {
            return Some(match bytes {
                n if n > 0 && n % (1 << 30) == 0 => format!("{}GiB", n >> 30),
                n if n > 0 && n % (1 << 20) == 0 => format!("{}MiB", n >> 20),
                n if n > 0 && n % (1 << 10) == 0 => format!("{}KiB", n >> 10),
                n => format!("{n}B"),
            });
        }
        let nanos = text
            .strip_prefix("0s ")?
            .strip_suffix("ns")?
            .parse::<u64>()
            .ok()?;
        (nanos % 1_000_000 == 0).then(|| format!("{}ms", nanos / 1_000_000))
    });
    parsed.unwrap_or_else(|| default.to_string())
}

/// The fields of an object schema, nested ones indented.
fn fields(schema: &Value, root: &Value, depth: usize, trail: &mut Vec<String>, out: &mut String) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, field) in properties {
        let indent = "  ".repeat(depth);
        let description = field
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .replace('\n', " ");
        let mut notes = vec![type_of(field, root)];
        if required.contains(&name.as_str()) {
            notes.push("required".to_owned());
        }
        if let Some(default) = field.get("default").filter(|default| {
            !default.is_null()
                && **default != serde_json::json!([])
                && **default != serde_json::json!({})
        }) {
            notes.push(format!("default {}", default_text(default)));
        }
        let _infallible = writeln!(
            out,
            "{indent}{name}: {}{}",
            notes.join(", "),
            if description.is_empty() {
                String::new()
            } else {
                format!(". {description}")
            }
        );
        if let Some((reference, target)) = target_of(field, root)
            && depth < 4
            && !trail.contains(&reference)
        {
            trail.push(reference);
            fields(target, root, depth + 1, trail, out);
            trail.pop();
        }
    }
}

/// The object a field refers to, behind options, lists and mappings.
fn target_of<'a>(field: &'a Value, root: &'a Value) -> Option<(String, &'a Value)> {
    if let Some(reference) = field.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next()?;
        let target = root.get("$defs")?.get(name)?;
        return target
            .get("properties")
            .is_some()
            .then(|| (name.to_owned(), target));
    }
    let nested = ["anyOf", "allOf", "oneOf"]
        .iter()
        .filter_map(|key| field.get(key)?.as_array())
        .flatten();
    let inner = [field.get("items"), field.get("additionalProperties")]
        .into_iter()
        .flatten();
    nested
        .chain(inner)
        .find_map(|candidate| target_of(candidate, root))
}

/// A few words for the type of a field.
fn type_of(field: &Value, root: &Value) -> String {
    if let Some(reference) = field.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let target = root
            .get("$defs")
            .and_then(|definitions| definitions.get(name));
        let words: Vec<&str> = target
            .into_iter()
            .flat_map(|target| {
                target
                    .get("enum")
                    .and_then(Value::as_array)
                    .or_else(|| target.get("oneOf").and_then(Value::as_array))
                    .into_iter()
                    .flatten()
            })
            .filter_map(|value| value.as_str().or_else(|| value.get("const")?.as_str()))
            .collect();
        return if !words.is_empty() {
            words.join("|")
        } else if target.is_some_and(|target| target.get("properties").is_some()) {
            "mapping".to_owned()
        } else {
            name.to_lowercase()
        };
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(options) = field.get(key).and_then(Value::as_array) {
            let names: Vec<String> = options
                .iter()
                .filter(|option| option.get("type").and_then(Value::as_str) != Some("null"))
                .map(|option| type_of(option, root))
                .collect();
            return names.join(" or ");
        }
    }
    match field.get("type") {
        Some(Value::String(name)) if name == "array" => match field.get("items") {
            Some(items) => format!("list of {}", type_of(items, root)),
            None => "list".to_owned(),
        },
        Some(Value::String(name)) if name == "object" => "mapping".to_owned(),
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| *name != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "any".to_owned(),
    }
}

/// A profile: what it is for, its inputs and where their values come from, its checks.
fn profile(options: &Explain, environment: &Environment, session: &Session) -> anyhow::Result<u8> {
    let mut sources = Sources::default();
    let mut problems = Problems::default();
    let loaded = load_lenient(
        std::slice::from_ref(&options.what),
        options,
        environment,
        session,
        &mut sources,
        &mut problems,
    );
    let Some(profile) = loaded.filter(|_| problems.is_empty()) else {
        return Ok(session.refuse(&problems, &sources));
    };
    let mut out = format!("{}\n\n{}\n\nInputs\n", profile.name, profile.description);
    for input in &profile.inputs {
        let value = match &input.value {
            _ if input.provenance == "stand-in" => "not set".to_owned(),
            Some(node) if node.secret => "[redacted]".to_owned(),
            Some(node) => node.to_json().to_string(),
            None => "not set".to_owned(),
        };
        let from = input
            .decl
            .from
            .as_ref()
            .map(|from| format!(", from {}", from.0.join(" or ")))
            .unwrap_or_default();
        let required = if input.decl.required {
            ", required"
        } else {
            ""
        };
        let _infallible = writeln!(
            out,
            "  {}: {}{required}{from}. {}\n      now {value}{}",
            input.name,
            input.decl.kind,
            input.decl.description,
            if input.value.is_some() && input.provenance != "stand-in" {
                format!(" ({})", input.provenance)
            } else {
                String::new()
            }
        );
    }
    if !profile.targets.is_empty() {
        let _infallible = writeln!(out, "\nTargets\n  {}", profile.targets.join(", "));
    }
    if !profile.packs.is_empty() {
        let _infallible = writeln!(out, "\nPacks\n  {}", profile.packs.join(", "));
    }
    out.push_str("\nChecks\n");
    for check in &profile.checks {
        let _infallible = writeln!(
            out,
            "  {:<36} {:<10} {:<9} {}",
            check.fields.id,
            check.kind,
            check.fields.severity.unwrap_or_default(),
            check.fields.title.as_deref().unwrap_or_default()
        );
    }
    session.print(&out)?;
    Ok(exit::READY)
}

/// Loads profiles without needing values.
fn load_lenient(
    names: &[String],
    options: &Explain,
    environment: &Environment,
    session: &Session,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<Profile> {
    let request = Request {
        profiles: names,
        environment,
        set: &options.values.set,
        target: options.values.target.as_deref(),
        strict: false,
        redactor: &session.redactor,
    };
    load(&request, sources, problems)
}

/// A pack: inputs and checks.
fn pack(name: &str, session: &Session) -> anyhow::Result<u8> {
    let mut sources = Sources::default();
    let mut problems = Problems::default();
    let Some(pack) = (Composer {
        sources: &mut sources,
        problems: &mut problems,
    })
    .pack_named(name) else {
        return Ok(session.refuse(&problems, &sources));
    };
    let mut out = format!("{name}\n\n{}\n\nInputs\n", pack.description);
    for (key, value) in pack.inputs.as_map().unwrap_or_default() {
        let Some(decl) = decode::<InputDecl>(value, &mut problems) else {
            continue;
        };
        let default = decl
            .default
            .map(|default| format!(", default {default}"))
            .unwrap_or_default();
        let required = if decl.required { ", required" } else { "" };
        let _infallible = writeln!(
            out,
            "  {}: {}{required}{default}. {}",
            key.scalar_text().unwrap_or_default(),
            decl.kind,
            decl.description
        );
    }
    out.push_str("\nChecks\n");
    for check in &pack.checks {
        let text = |field: &str| {
            check
                .get(field)
                .and_then(Node::scalar_text)
                .unwrap_or_default()
        };
        let _infallible = writeln!(out, "  {:<36} {}", text("id"), text("title"));
    }
    let _infallible = writeln!(out, "\nUse\n  packs:\n    - use: {name}");
    session.print(&out)?;
    Ok(exit::READY)
}

/// A check by id, in the profiles named or in all that can be found.
fn check(options: &Explain, environment: &Environment, session: &Session) -> anyhow::Result<u8> {
    let named = !options.profile.is_empty();
    let names: Vec<String> = if named {
        options.profile.clone()
    } else {
        // One's own profiles before those in the binary: `ready` is a likely name in both.
        let mut all = Library::Profiles.list();
        all.sort_by_key(|found| found.shown.starts_with("builtin:"));
        all.into_iter().map(|found| found.name).collect()
    };
    let mut known: Vec<String> = Vec::new();
    for name in names {
        let mut sources = Sources::default();
        let mut problems = Problems::default();
        let loaded = load_lenient(
            std::slice::from_ref(&name),
            options,
            environment,
            session,
            &mut sources,
            &mut problems,
        );
        if named && !problems.is_empty() {
            return Ok(session.refuse(&problems, &sources));
        }
        let Some(profile) = loaded else { continue };
        if let Some(check) = profile
            .checks
            .iter()
            .find(|check| check.fields.id == options.what || check.base_id == options.what)
        {
            session.print(&explain_check(check, &profile.name, &sources))?;
            return Ok(exit::READY);
        }
        known.extend(profile.checks.into_iter().map(|check| check.fields.id));
    }
    let kinds = crate::kinds::KINDS.iter().map(|kind| kind.name.to_owned());
    let packs = Library::Packs.list().into_iter().map(|found| found.name);
    let profiles = Library::Profiles.list().into_iter().map(|found| found.name);
    known.extend(
        kinds
            .chain(packs)
            .chain(profiles)
            .chain(catalogue::all().map(|entry| entry.doc.code.to_owned())),
    );
    let help = suggest(&options.what, known.iter().map(String::as_str));
    let help = if help.starts_with("did") {
        help
    } else {
        "`readyctl list checks|kinds|faults|profiles|packs` shows what there is".to_owned()
    };
    session.note(&format!(
        "error: nothing is called `{}`\n  help: {help}",
        options.what
    ));
    Ok(exit::USAGE)
}

/// One check: where it stands, what it would send, what it can find.
fn explain_check(check: &Check, profile: &str, sources: &Sources) -> String {
    let fields = &check.fields;
    let mut out = format!(
        "{}  {}\n\n",
        fields.id,
        fields.title.as_deref().unwrap_or_default()
    );
    let mut line = |name: &str, text: String| {
        if !text.is_empty() {
            let _infallible = writeln!(out, "  {name:<10} {text}");
        }
    };
    line("profile", profile.to_owned());
    line("defined", sources.describe(check.at));
    line("kind", check.kind.to_owned());
    line("severity", fields.severity.unwrap_or_default().to_string());
    line("tags", fields.tags.join(", "));
    line("covers", fields.covers.join(", "));
    line(
        "when",
        fields
            .when
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    );
    line("needs", fields.needs.join(", "));
    line(
        "timeout",
        fields
            .timeout
            .map_or_else(|| "10s".to_owned(), |timeout| timeout.to_string()),
    );
    line("remedy", fields.remedy.clone().unwrap_or_default());
    if let Some(spec) = &check.spec {
        out.push_str("\nSends\n");
        for planned in spec.plan() {
            let _infallible = writeln!(out, "  at most {}x  {}", planned.at_most, planned.what);
        }
    }
    if let Some(kind) = entry(check.kind) {
        out.push_str("\nCan find\n");
        for doc in kind
            .faults
            .iter()
            .filter(|doc| doc.not_observable.is_none())
        {
            let _infallible = writeln!(out, "  {:<9} {}", doc.code, doc.title);
        }
    }
    out
}
