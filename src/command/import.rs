//! `import`: a Markdown checklist becomes a profile skeleton; again, and what is new is added.
//!
//! The file is edited as text: comments, order and everything a person wrote stay as they are.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Session;
use super::coverage::{bind, read_checklist};
use crate::checklist::{Binding, Document, Guess, INPUTS, Item, Section, read, recognise};
use crate::cli::Import;
use crate::environment::Environment;
use crate::outcome::exit;
use crate::profile::node::{Problems, Sources};
use crate::profile::{Profile, Request, load};

/// Longest id that is made of an item's words.
const MAX_ID: usize = 48;

/// Reads the checklist, and writes or completes the profile.
pub(super) fn run(options: &Import, session: &Session) -> anyhow::Result<u8> {
    let text = match read_checklist(&options.checklist) {
        Ok(text) => text,
        Err(message) => {
            session.note(&message);
            return Ok(exit::USAGE);
        }
    };
    let document = read(&text);
    let stem = options
        .checklist
        .file_stem()
        .map(|stem| crate::checklist::slug(&stem.to_string_lossy()))
        .unwrap_or_default();
    let file = options
        .checklist
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    if document.items().next().is_none() {
        session.note(&format!(
            "error: {file} has no items\n  help: items are `- [ ] …`, bullets and numbered steps of a Markdown file"
        ));
        return Ok(exit::USAGE);
    }
    let to_stdout = options.output.as_deref() == Some(Path::new("-"));
    let output = options
        .output
        .clone()
        .filter(|_| !to_stdout)
        .unwrap_or_else(|| PathBuf::from("profiles").join(format!("{stem}.yaml")));
    if to_stdout {
        session.print(&skeleton(&document, &file, &stem))?;
        return Ok(exit::READY);
    }
    let shown = output.display().to_string();
    let (written, summary) = match std::fs::read_to_string(&output) {
        Ok(existing) => match profile(&shown, session) {
            Ok(profile) => merged(&existing, &profile, &document, &file, session),
            Err(code) => return Ok(code),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let count = document.items().count();
            (
                skeleton(&document, &file, &stem),
                format!("{count} items, each with a check"),
            )
        }
        Err(error) => {
            session.note(&format!(
                "error: cannot read {shown}: {error}\n  help: name another file with --output"
            ));
            return Ok(exit::USAGE);
        }
    };
    write(&output, &written)?;
    session.note(&format!(
        "{shown}: {summary}\n  next: read it, correct what was guessed, then `readyctl lint {shown}`"
    ));
    Ok(match profile(&shown, session) {
        Ok(_) => exit::READY,
        Err(code) => code,
    })
}

/// Loads a profile without values; its problems are shown.
fn profile(shown: &str, session: &Session) -> Result<Profile, u8> {
    let (mut sources, mut problems) = (Sources::default(), Problems::default());
    // A path, even when it is a bare file name.
    let name = if shown.contains('/') {
        shown.to_owned()
    } else {
        format!("./{shown}")
    };
    let request = Request {
        profiles: &[name],
        environment: &Environment::of_process(),
        set: &[],
        target: None,
        strict: false,
        redactor: &session.redactor,
    };
    load(&request, &mut sources, &mut problems)
        .filter(|_| problems.is_empty())
        .ok_or_else(|| session.refuse(&problems, &sources))
}

/// Writes the file in one step, so that nobody ever sees half of it.
fn write(output: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = output.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut next = output.as_os_str().to_owned();
    next.push(".new");
    let next = PathBuf::from(next);
    std::fs::write(&next, text)?;
    std::fs::rename(&next, output)?;
    Ok(())
}

/// A profile with a check for each item.
fn skeleton(document: &Document, file: &str, name: &str) -> String {
    let mut used = BTreeSet::new();
    let mut checks = String::new();
    let mut inputs = BTreeSet::new();
    let mut heading = usize::MAX;
    for (at, item) in document.items() {
        let section = &document.sections[at];
        if heading != at {
            heading = at;
            let _infallible = writeln!(checks, "\n  # {}", one_line(&section.title));
        }
        let guess = recognise(item, section);
        inputs.extend(guess.inputs.iter().copied());
        checks.push_str(&entry(file, section, item, &guess, &mut used));
    }
    let mut text = format!(
        "# What {file} asks for. A program guessed these checks from its words: read each, correct it, and\n# replace `attest` where a kind can look. `readyctl list kinds` tells what there is, and\n# `readyctl coverage {file} --profile {name}` what is judged. Importing again adds what is new.\nversion: 1\nname: {}\ndescription: {}\n",
        quoted(name),
        quoted(&format!("Every item of {file}."))
    );
    if !inputs.is_empty() {
        text.push_str("\ninputs:\n");
        for (name, declaration) in declared(&inputs) {
            let _infallible = writeln!(text, "  {name}: {declaration}");
        }
    }
    text.push_str("\nchecks:");
    text.push_str(&checks);
    text
}

/// The declarations of these inputs, in their usual order.
fn declared<'a>(
    names: &'a BTreeSet<&str>,
) -> impl Iterator<Item = &'static (&'static str, &'static str)> + 'a {
    INPUTS.iter().filter(|(name, _)| names.contains(name))
}

/// The check of an item, as YAML.
fn entry(
    file: &str,
    section: &Section,
    item: &Item,
    guess: &Guess,
    used: &mut BTreeSet<String>,
) -> String {
    let id = id_of(section, item, used);
    let mut text = String::new();
    let _infallible = writeln!(
        text,
        "  - id: {id}\n    title: {}\n    covers: [{}]",
        quoted(&short(&item.text)),
        quoted(&format!("{file}#{}@{}", item.key, item.fingerprint))
    );
    for detail in &item.details {
        let _infallible = writeln!(text, "    # {}", one_line(detail));
    }
    let _infallible = writeln!(text, "    {}: {}", guess.kind, flow(&guess.block));
    text
}

/// An id from the first words of the item, unique in the file.
fn id_of(section: &Section, item: &Item, used: &mut BTreeSet<String>) -> String {
    let own = item.key.split_once('/').map_or("", |(_, own)| own);
    let mut id: String = own
        .replace('_', "-")
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
        .collect();
    if id.len() > MAX_ID {
        let cut = id[..MAX_ID].rfind('-').unwrap_or(MAX_ID);
        id.truncate(cut);
    }
    let id = id.trim_matches('-').to_owned();
    let base = if id.is_empty() {
        format!("line-{}", item.line)
    } else if used.contains(&id) && section.slug.is_ascii() && !section.slug.is_empty() {
        format!("{}.{id}", section.slug.trim_matches('-'))
    } else {
        id
    };
    let mut unique = base.clone();
    let mut count = 1;
    while !used.insert(unique.clone()) {
        count += 1;
        unique = format!("{base}-{count}");
    }
    unique
}

/// The existing profile with checks for the items that nothing covers yet.
fn merged(
    existing: &str,
    profile: &Profile,
    document: &Document,
    file: &str,
    session: &Session,
) -> (String, String) {
    let binding: Binding = bind(document, file, profile);
    for stray in &binding.strays {
        session.note(&format!(
            "warning: `{}` of {} names no item of {file} any more\n  help: remove the check, or cover what took the item's place",
            stray.covers, stray.check
        ));
    }
    let mut text = existing.to_owned();
    let mut used: BTreeSet<String> = profile.declared.iter().cloned().collect();
    let (mut added, mut changed) = (String::new(), 0);
    let (mut count, mut inputs) = (0, BTreeSet::new());
    for covered in &binding.items {
        let section = &document.sections[covered.section];
        let item = &section.items[covered.item];
        if covered.left_out {
            continue;
        }
        if covered.checks.is_empty() {
            let guess = recognise(item, section);
            inputs.extend(guess.inputs.iter().copied());
            added.push_str(&entry(file, section, item, &guess, &mut used));
            count += 1;
        } else if covered.changed {
            changed += usize::from(renew(&mut text, covered, profile, file, item));
            session.note(&format!(
                "warning: {file}:{} changed since it was covered: {}\n  help: see whether {} still judges it",
                item.line,
                item.text,
                covered.checks.iter().cloned().collect::<Vec<_>>().join(", ")
            ));
        }
    }
    if count > 0 {
        let known: BTreeSet<&str> = profile
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect();
        let missing: BTreeSet<&str> = inputs.difference(&known).copied().collect();
        insert_checks(&mut text, &added);
        insert_inputs(&mut text, &missing);
    }
    let summary = format!(
        "{count} new {}, {changed} renewed",
        if count == 1 { "item" } else { "items" }
    );
    (text, summary)
}

/// Writes the item's present key where its old one stands.
fn renew(
    text: &mut String,
    covered: &crate::checklist::Covered,
    profile: &Profile,
    file: &str,
    item: &Item,
) -> bool {
    let new = format!("{file}#{}@{}", item.key, item.fingerprint);
    let old = profile
        .checks
        .iter()
        .filter(|check| covered.checks.contains(&check.fields.id))
        .flat_map(|check| &check.fields.covers)
        .find(|covers| {
            **covers != new && covers.contains('@') && text.matches(covers.as_str()).count() == 1
        });
    let Some(old) = old.filter(|_| covered.checks.len() == 1) else {
        return false;
    };
    *text = text.replace(old.as_str(), &new);
    true
}

/// Appends checks to the list under `checks:`, wherever it stands.
fn insert_checks(text: &mut String, added: &str) {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let at = match top_level(text, "checks") {
        Some((_, end)) => end,
        None => {
            text.push_str("\nchecks:\n");
            text.len()
        }
    };
    text.insert_str(at, added);
}

/// Declares inputs under `inputs:`, or in front of the file's other sections.
fn insert_inputs(text: &mut String, missing: &BTreeSet<&str>) {
    let lines: String = declared(missing)
        .map(|(name, declaration)| format!("  {name}: {declaration}\n"))
        .collect();
    if lines.is_empty() {
        return;
    }
    match top_level(text, "inputs") {
        Some((_, end)) => text.insert_str(end, &lines),
        None => {
            let at = ["packs", "checks"]
                .iter()
                .filter_map(|section| top_level(text, section))
                .map(|(start, _)| start)
                .min()
                .unwrap_or(text.len());
            text.insert_str(at, &format!("inputs:\n{lines}\n"));
        }
    }
}

/// Where a section of block style begins, and where its last line that is not blank or a comment of
/// the next section ends.
fn top_level(text: &str, name: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    let (mut start, mut end) = (None, 0);
    for line in text.split_inclusive('\n') {
        let outer = !line.starts_with([' ', '\t', '-', '#', '\n', '\r']);
        if outer && start.is_some() {
            break;
        }
        if outer && line.split(':').next() == Some(name) {
            start = Some(at);
        }
        at += line.len();
        let indented = line.starts_with([' ', '\t', '-']) && !line.trim().is_empty();
        if start.is_some() && (outer || indented) {
            end = at;
        }
    }
    start.map(|start| (start, end))
}

/// A value in YAML's flow style, which is JSON with fewer quotes.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", word(key), flow(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) => word(text),
        other => other.to_string(),
    }
}

/// Text that needs no quotes as it is, other text in quotes.
fn word(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.$".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off"]
            .contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { quoted(text) }
}

/// Text in double quotes. `${` of the checklist's own words must not become an interpolation, those
/// of guesses must stay one.
fn quoted(text: &str) -> String {
    let names_input = INPUTS
        .iter()
        .any(|(name, _)| text.starts_with(&format!("${{{name}}}")));
    let text = if names_input {
        text.to_owned()
    } else {
        text.replace("${", "$${")
    };
    Value::String(text).to_string()
}

/// Text that fits into a comment.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A title of sensible length.
fn short(text: &str) -> String {
    const MOST: usize = 90;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let cut: String = text.chars().take(MOST).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{}…", &cut[..end])
}
