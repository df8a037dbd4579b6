//! Looks at a whole file: how loaders differ, what stands twice, what everybody knows, what drifted
//! from the example. What it keeps is free of values.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::dialect::{Dialect, Value};
use super::known;
use super::problem::ProblemKind;
use super::shape::Shape;
use super::syntax::{self, Document};
use super::{expired, text};
use crate::outcome::Fault;
use crate::redact::looks_secret;

/// Variables of a file that are looked at.
const MAX_VARIABLES: usize = 2000;

/// What was seen in a file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Inspection {
    /// The file as it was named.
    pub(crate) file: String,
    /// Whether it begins with a byte order mark.
    pub(crate) bom: bool,
    /// Permission bits, where the system has them.
    pub(crate) mode: Option<u32>,
    /// Its variables in order of their last assignment.
    pub(crate) variables: Vec<Variable>,
    /// What its syntax gives rise to.
    pub(crate) marks: Vec<Mark>,
    /// Loaders that refuse it: which, the line, why.
    pub(crate) refused: Vec<(Dialect, u32, String)>,
    /// The example and what stands in it.
    pub(crate) example: Option<Example>,
    /// Variables that the source code reads, with a place, when it was looked at.
    #[serde(default)]
    pub(crate) reads: Option<BTreeMap<String, (String, u32)>>,
    /// Near misses: a variable here, and the known name it resembles.
    pub(crate) near: Vec<(String, String)>,
}

/// A variable of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: String,
    /// Line of its last assignment.
    pub(crate) line: u32,
    /// Column of its last assignment.
    pub(crate) column: u32,
    /// Earlier assignments: line, column, whether the value was the same.
    pub(crate) earlier: Vec<(u32, u32, bool)>,
    /// Whether its value is a secret.
    pub(crate) secret: bool,
    /// What its value looks like.
    pub(crate) shape: Shape,
    /// Which loaders read the same: each group a list of loaders, the largest first.
    pub(crate) readings: Vec<Group>,
    /// Whether its value refers to another variable: `${NAME}`.
    pub(crate) refers: bool,
    /// Whether it switches a program to development.
    pub(crate) switch: bool,
    /// Why it must not have a name that bundlers publish, and whether that is certain.
    pub(crate) exposed: Option<(String, bool)>,
    /// Whether it has the example's value.
    pub(crate) same_as_example: bool,
}

/// Loaders that read the same value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// The loaders.
    pub(crate) loaders: Vec<Dialect>,
    /// What they make of the variable.
    pub(crate) reading: Reading,
}

/// What loaders make of a variable, without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reading {
    /// The value as readyctl reads it.
    Same,
    /// The value with quotes around it.
    Quoted,
    /// Only its beginning.
    Shorter,
    /// Nothing at all.
    Empty,
    /// The variable is not set.
    Unset,
    /// The output of a command.
    Command,
    /// Something else.
    Other,
}

/// Something at a place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The line.
    pub(crate) line: u32,
    /// The column.
    pub(crate) column: u32,
    /// The variable.
    pub(crate) name: Option<String>,
    /// What it is, for codes.
    pub(crate) class: Class,
    /// What it is, in a sentence.
    pub(crate) sentence: String,
    /// What to do.
    pub(crate) advice: String,
}

/// Classes of what syntax gives rise to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    /// The line cannot be read.
    Broken,
    /// `#` or blanks cut the value short somewhere.
    Cut,
    /// `$` changes the value somewhere.
    Dollar,
    /// Bytes nobody sees.
    Unseen,
}

/// The example file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Example {
    /// The file as it was named.
    pub(crate) file: String,
    /// Its names with their lines.
    pub(crate) names: BTreeMap<String, u32>,
    /// Names that hold what looks like a real secret, and why.
    pub(crate) secrets: Vec<(String, u32, String)>,
}

/// What to look for besides the file itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside<'a> {
    /// The example: as it was named, and where it is.
    pub(crate) example: Option<(String, &'a Path)>,
    /// Names that are known besides the example's.
    pub(crate) declared: &'a [String],
}

/// Looks at the file at `path`, called `shown`.
///
/// # Errors
/// ENV-26: it, or the example, cannot be read or decoded.
pub(crate) fn inspect(shown: &str, path: &Path, beside: &Beside<'_>) -> Result<Inspection, Fault> {
    let bytes = super::read(path)?;
    let decoded = text::decode(&bytes).map_err(|error| error.fault(shown))?;
    let document = syntax::parse(&decoded.text);
    let mut values = BTreeMap::new();
    for statement in &document.statements {
        let value = statement.resolved(&|name| values.get(name).cloned());
        values.insert(statement.name.clone(), value);
    }
    let (example, example_values) = match &beside.example {
        None => (None, BTreeMap::new()),
        Some((shown, path)) => {
            let (example, values) = read_example(shown, path)?;
            (Some(example), values)
        }
    };
    let readings: Vec<_> = Dialect::ALL.iter().map(|d| (*d, d.read(&bytes))).collect();
    let mut inspection = Inspection {
        file: shown.to_owned(),
        bom: decoded.bom,
        mode: mode(path),
        marks: document.problems.iter().filter_map(mark).collect(),
        refused: readings
            .iter()
            .filter_map(|(dialect, reading)| {
                let (line, why) = reading.refused.clone()?;
                Some((*dialect, line, why))
            })
            .collect(),
        ..Inspection::default()
    };
    for variable in variables(&document, &values) {
        let value = values.get(&variable.name).map_or("", String::as_str);
        let readings = readings
            .iter()
            .filter(|(_, reading)| reading.refused.is_none())
            .map(|(dialect, reading)| (*dialect, reading.values.get(&variable.name)));
        inspection.variables.push(Variable {
            readings: groups(value, readings),
            same_as_example: !value.trim().is_empty()
                && example_values
                    .get(&variable.name)
                    .is_some_and(|e| e == value),
            ..variable
        });
    }
    inspection.near = near_misses(&inspection, example.as_ref(), beside.declared);
    inspection.example = example;
    Ok(inspection)
}

/// Permission bits of a file.
#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path)
        .ok()
        .map(|meta| meta.permissions().mode() & 0o777)
}

/// Other systems have none.
#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

/// A problem of the syntax as a mark; blanks and the like only matter where loaders differ, which
/// is what readings show.
fn mark(problem: &super::problem::Problem) -> Option<Mark> {
    let class = match &problem.kind {
        kind if kind.is_fatal() => Class::Broken,
        ProblemKind::BlankBesideEquals
        | ProblemKind::UnquotedBlank
        | ProblemKind::HashInside
        | ProblemKind::HashFirst
        | ProblemKind::UnquotedBackslash
        | ProblemKind::TrailingBlank
        | ProblemKind::ShellCharacter(_) => Class::Cut,
        ProblemKind::BareDollar | ProblemKind::Undefined(_) | ProblemKind::Command => Class::Dollar,
        ProblemKind::CarriageReturn | ProblemKind::Invisible(_) => Class::Unseen,
        _ => return None,
    };
    Some(Mark {
        line: problem.line,
        column: problem.column,
        name: problem.name.clone(),
        class,
        sentence: problem.kind.sentence(),
        advice: problem.kind.advice().to_owned(),
    })
}

/// The variables of a document, each at its last assignment.
fn variables(document: &Document, values: &BTreeMap<String, String>) -> Vec<Variable> {
    let mut found: Vec<Variable> = Vec::new();
    let empty = |_: &str| None;
    for statement in document.statements.iter().take(MAX_VARIABLES) {
        let mut earlier = Vec::new();
        if let Some(at) = found.iter().position(|v| v.name == statement.name) {
            let before = found.remove(at);
            let same = document
                .statements
                .iter()
                .filter(|s| s.name == statement.name)
                .all(|s| s.resolved(&empty) == statement.resolved(&empty));
            earlier = before.earlier;
            earlier.push((before.line, before.column, same));
        }
        let value = values.get(&statement.name).map_or("", String::as_str);
        let mut shape = Shape::of(value);
        let provider = known::provider_key(value).is_some() && !known::is_publishable(value);
        let secret =
            looks_secret(&statement.name) || provider || expired::jwt_claims(value).is_some();
        if secret {
            shape.hide();
        }
        found.push(Variable {
            name: statement.name.clone(),
            line: statement.line,
            column: statement.column,
            earlier,
            secret,
            readings: Vec::new(),
            refers: statement
                .pieces
                .iter()
                .any(|piece| matches!(piece, syntax::Piece::Reference { .. })),
            switch: known::is_dev_switch(&statement.name, value),
            exposed: exposed(&statement.name, value),
            same_as_example: false,
            shape,
        });
    }
    found
}

/// Why a variable must not have a name that bundlers publish, and whether that is certain.
fn exposed(name: &str, value: &str) -> Option<(String, bool)> {
    let bundler = known::published_by(name)?;
    if value.trim().is_empty() || known::is_publishable(value) {
        return None;
    }
    let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if let Some((provider, _)) = known::provider_key(value) {
        return Some((
            format!("{bundler} publishes it, and it is a key of {provider}"),
            true,
        ));
    }
    let role = expired::jwt_claims(value)
        .and_then(|claims| Some(claims.get("role")?.as_str()?.to_owned()));
    if role.as_deref() == Some("service_role") {
        return Some((
            format!("{bundler} publishes it, and it is a token for services"),
            true,
        ));
    }
    if says(&[
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "PRIVATE_KEY",
        "SERVICE_ROLE",
    ]) {
        return Some((
            format!("{bundler} publishes it, and its name says that it is a secret"),
            true,
        ));
    }
    // Keys for browsers exist: their names or forms say so.
    let meant = says(&[
        "PUBLISHABLE",
        "ANON",
        "SITE_KEY",
        "SITEKEY",
        "CLIENT",
        "DSN",
        "MAPS",
        "_PUBLIC_KEY",
    ]) || value.starts_with("phc_")
        || role.as_deref() == Some("anon");
    (looks_secret(name) && !meant).then(|| {
        (
            format!("{bundler} publishes it, and its name sounds like a secret"),
            false,
        )
    })
}

/// Puts loaders that read the same value together, those that read it as readyctl does first.
fn groups<'a>(
    own: &str,
    readings: impl Iterator<Item = (Dialect, Option<&'a Value>)>,
) -> Vec<Group> {
    let mut groups: Vec<(Option<&Value>, Group)> = Vec::new();
    for (dialect, value) in readings {
        match groups.iter_mut().find(|(other, _)| *other == value) {
            Some((_, group)) => group.loaders.push(dialect),
            None => groups.push((
                value,
                Group {
                    loaders: vec![dialect],
                    reading: in_words(own, value),
                },
            )),
        }
    }
    groups.sort_by_key(|(_, group)| {
        (
            group.reading != Reading::Same,
            std::cmp::Reverse(group.loaders.len()),
        )
    });
    groups.into_iter().map(|(_, group)| group).collect()
}

/// What a loader makes of the value that readyctl reads as `own`.
fn in_words(own: &str, value: Option<&Value>) -> Reading {
    match value {
        None => Reading::Unset,
        Some(Value::Command) => Reading::Command,
        Some(Value::Text(text)) if text == own => Reading::Same,
        Some(Value::Text(text)) if text.is_empty() => Reading::Empty,
        Some(Value::Text(text))
            if text.len() > 1 && text.starts_with(['"', '\'']) && !own.starts_with(['"', '\'']) =>
        {
            Reading::Quoted
        }
        Some(Value::Text(text)) if own.starts_with(text.as_str()) => Reading::Shorter,
        Some(Value::Text(_)) => Reading::Other,
    }
}

/// Reads the example: its names and values, and what looks like a real secret in it.
fn read_example(shown: &str, path: &Path) -> Result<(Example, BTreeMap<String, String>), Fault> {
    let bytes = super::read(path)?;
    let decoded = text::decode(&bytes).map_err(|error| error.fault(shown))?;
    let document = syntax::parse(&decoded.text);
    let mut example = Example {
        file: shown.to_owned(),
        ..Example::default()
    };
    let mut values = BTreeMap::new();
    for statement in document.statements.iter().take(MAX_VARIABLES) {
        let value = statement.resolved(&|_| None);
        example.names.insert(statement.name.clone(), statement.line);
        if let Some(why) = real_secret(&statement.name, &value) {
            example
                .secrets
                .push((statement.name.clone(), statement.line, why));
        }
        values.insert(statement.name.clone(), value);
    }
    Ok((example, values))
}

/// Why a value of an example looks like a real secret.
fn real_secret(name: &str, value: &str) -> Option<String> {
    let shape = Shape::of(value);
    if shape.placeholder.is_some() || shape.published.is_some() {
        return None;
    }
    if let Some((provider, _)) = known::provider_key(value)
        && !known::is_publishable(value)
    {
        return Some(format!("a key of {provider}"));
    }
    // A sentence or a URL without password is no secret; neither is what people make up.
    (looks_secret(name)
        && shape.url.is_none()
        && !value.contains(' ')
        && shape.length >= 20
        && shape.entropy_bits >= 100.0)
        .then(|| "as random as a generated secret".to_owned())
}

/// Names here that nobody knows and that resemble a known one that is missing here.
fn near_misses(
    inspection: &Inspection,
    example: Option<&Example>,
    declared: &[String],
) -> Vec<(String, String)> {
    let here: BTreeSet<&str> = inspection
        .variables
        .iter()
        .map(|v| v.name.as_str())
        .collect();
    let known: BTreeSet<&str> = example
        .iter()
        .flat_map(|e| e.names.keys())
        .chain(declared)
        .map(String::as_str)
        .collect();
    let missing: Vec<&str> = known.difference(&here).copied().collect();
    here.difference(&known)
        .filter_map(|name| {
            missing
                .iter()
                .map(|candidate| (distance(name, candidate), *candidate))
                .filter(|(distance, candidate)| {
                    let length = candidate.chars().count();
                    (*distance <= 1 && length > 3) || (*distance == 2 && length >= 14)
                })
                .filter(|(_, candidate)| !differ_in_digits(name, candidate))
                .min()
                .map(|(_, candidate)| ((*name).to_owned(), candidate.to_owned()))
        })
        .collect()
}

/// Edits between two names; case and separators count as one.
fn distance(a: &str, b: &str) -> usize {
    let plain = |name: &str| name.to_ascii_uppercase().replace(['-', '.'], "_");
    strsim::damerau_levenshtein(&plain(a), &plain(b)).max(usize::from(a != b))
}

/// Whether two names are the same but for digits: `KEY_1` is no misspelt `KEY_2`.
fn differ_in_digits(a: &str, b: &str) -> bool {
    let letters = |name: &str| -> String { name.chars().filter(|c| !c.is_ascii_digit()).collect() };
    letters(a) == letters(b)
}
