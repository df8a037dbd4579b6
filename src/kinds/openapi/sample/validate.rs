//! Whether a value is what a schema of a document says: JSON Schema as OpenAPI 2.0, 3.0 and 3.1 use it.
//!
//! There are three answers: it is, it is not, and it cannot be told. A keyword that is not known
//! here, a pattern of another dialect, a reference that leads nowhere give the third.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::formats;
use super::keywords::{is_known, list, number, size, types};
use crate::exchange::cut;
use crate::kinds::openapi::document::{Dialect, Document};

/// Most schemas that one value is held against.
const MAX_STEPS: usize = 200_000;
/// Most references and schemas inside of each other.
const MAX_DEPTH: usize = 96;
/// Most violations of one value that are told.
const MAX_FAULTS: usize = 10;
/// Largest compiled pattern, in bytes.
const MAX_PATTERN: usize = 1 << 20;

/// What a schema says of a value. Nothing at all means that the value is valid.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// What is wrong, with its place.
    pub(super) faults: Vec<String>,
    /// What may be wrong: more than one of several alternatives fits.
    pub(super) doubts: Vec<String>,
    /// Why it cannot be told.
    pub(super) unknown: Vec<String>,
}

impl Outcome {
    /// Something wrong.
    pub(super) fn fault(place: &str, what: impl AsRef<str>) -> Self {
        Self {
            faults: vec![format!("{}: {}", shown(place), what.as_ref())],
            ..Self::default()
        }
    }

    /// Something that cannot be told.
    pub(super) fn unknown(place: &str, what: impl AsRef<str>) -> Self {
        Self {
            unknown: vec![format!("{}: {}", shown(place), what.as_ref())],
            ..Self::default()
        }
    }

    /// Wrong if so.
    pub(super) fn wrong_if(wrong: bool, place: &str, what: impl FnOnce() -> String) -> Self {
        if wrong {
            Self::fault(place, what())
        } else {
            Self::default()
        }
    }

    /// Adds what another schema says of the same or of a part.
    pub(super) fn and(&mut self, other: Self) {
        let add = |list: &mut Vec<String>, more: Vec<String>| {
            for text in more {
                if list.len() < MAX_FAULTS && !list.contains(&text) {
                    list.push(text);
                }
            }
        };
        add(&mut self.faults, other.faults);
        add(&mut self.doubts, other.doubts);
        add(&mut self.unknown, other.unknown);
    }

    /// Whether it certainly is valid.
    fn is_valid(&self) -> bool {
        self.faults.is_empty() && self.unknown.is_empty()
    }
}

/// A place in a value, for people.
fn shown(place: &str) -> &str {
    if place.is_empty() { "the body" } else { place }
}

/// Holds values against the schemas of a document.
pub(super) struct Validator<'a> {
    /// The document.
    document: &'a Document,
    /// How many schemas may still be applied.
    left: usize,
    /// Compiled patterns; `None` for those of another dialect.
    patterns: HashMap<&'a str, Option<Regex>>,
}

impl<'a> Validator<'a> {
    /// For one value.
    pub(super) fn new(document: &'a Document) -> Self {
        Self {
            document,
            left: MAX_STEPS,
            patterns: HashMap::new(),
        }
    }

    /// Holds a value that a service answered against a schema.
    pub(super) fn check(&mut self, schema: &'a Value, value: &Value) -> Outcome {
        self.at(schema, value, "", 0)
    }

    /// Holds the value at a place against a schema.
    fn at(&mut self, schema: &'a Value, value: &Value, place: &str, depth: usize) -> Outcome {
        let Some(left) = self.left.checked_sub(1) else {
            return Outcome::unknown("", "the value or its schema is too large to be judged");
        };
        self.left = left;
        let members = match schema {
            Value::Object(members) => members,
            Value::Bool(false) => return Outcome::fault(place, "nothing may be here"),
            _ => return Outcome::default(),
        };
        if depth > MAX_DEPTH {
            return Outcome::unknown("", "the schema is nested too deep to be judged");
        }
        let mut outcome = Outcome::default();
        if let Some(Value::String(reference)) = members.get("$ref") {
            outcome = match self.document.target(reference) {
                Ok(target) => self.at(target, value, place, depth + 1),
                Err(_) => Outcome::unknown(place, "its schema is a reference that leads nowhere"),
            };
            if self.document.dialect != Dialect::V31 {
                return outcome; // whatever stands beside a reference is ignored
            }
        }
        let nullable = ["nullable", "x-nullable"]
            .iter()
            .any(|key| members.get(*key) == Some(&Value::Bool(true)));
        if value.is_null() && nullable && self.document.dialect != Dialect::V31 {
            return outcome;
        }
        outcome.and(types(members, value, place));
        if !outcome.faults.is_empty() {
            return outcome; // what else is said is about another type
        }
        outcome.and(self.combinations(members, value, place, depth));
        outcome.and(match value {
            Value::Object(object) => self.object(members, object, place, depth),
            Value::Array(items) => self.array(members, items, place, depth),
            Value::String(text) => self.text(members, text, place),
            Value::Number(_) => number(members, value, place),
            _ => Outcome::default(),
        });
        for key in members.keys().filter(|key| !is_known(key)) {
            let what = format!("the keyword `{}` is not known", cut(key, 60));
            outcome.and(Outcome::unknown(place, what));
        }
        outcome
    }

    /// `allOf`, `anyOf`, `oneOf`, `not`, `if`.
    fn combinations(
        &mut self,
        members: &'a Map<String, Value>,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        for part in list(members, "allOf") {
            outcome.and(self.at(part, value, place, depth + 1));
        }
        for key in ["anyOf", "oneOf"] {
            if members.get(key).is_some_and(Value::is_array) {
                outcome.and(self.alternatives(members, key, value, place, depth));
            }
        }
        if let Some(not) = members.get("not") {
            let inner = self.at(not, value, place, depth + 1);
            if inner.is_valid() {
                outcome.and(Outcome::fault(place, "it is what `not` excludes"));
            } else if inner.faults.is_empty() {
                outcome.and(Outcome::unknown(place, "its `not` cannot be judged"));
            }
        }
        if let Some(condition) = members.get("if") {
            let inner = self.at(condition, value, place, depth + 1);
            let branch = if inner.is_valid() {
                Some("then")
            } else if inner.faults.is_empty() {
                outcome.and(Outcome::unknown(place, "its `if` cannot be judged"));
                None
            } else {
                Some("else")
            };
            if let Some(schema) = branch.and_then(|branch| members.get(branch)) {
                outcome.and(self.at(schema, value, place, depth + 1));
            }
        }
        outcome
    }

    /// At least one, or exactly one, of several schemas.
    fn alternatives(
        &mut self,
        members: &'a Map<String, Value>,
        key: &str,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Outcome {
        let outcomes: Vec<Outcome> = list(members, key)
            .map(|schema| self.at(schema, value, place, depth + 1))
            .collect();
        let fitting: Vec<&Outcome> = outcomes.iter().filter(|one| one.is_valid()).collect();
        if let Some(first) = fitting.first() {
            let mut outcome = Outcome {
                doubts: first.doubts.clone(),
                ..Outcome::default()
            };
            if key == "oneOf" && fitting.len() > 1 {
                let what = format!(
                    "{}: {} of the alternatives of `oneOf` fit, which allows one",
                    shown(place),
                    fitting.len()
                );
                outcome.doubts.push(what);
            }
            return outcome;
        }
        if let Some(open) = outcomes.iter().find(|one| one.faults.is_empty()) {
            return open.clone();
        }
        // The nearest miss says most: the one that is wrong deepest inside.
        let depth_of = |one: &&Outcome| {
            let place = one.faults.first().map_or("", String::as_str);
            (
                place.matches(['.', '[']).count(),
                usize::MAX - one.faults.len(),
            )
        };
        let nearest = outcomes.iter().max_by_key(depth_of);
        let why = nearest
            .and_then(|one| one.faults.first())
            .map_or("there is none", String::as_str);
        Outcome::fault(place, format!("no alternative of `{key}` fits ({why})"))
    }

    /// What is said of mappings.
    fn object(
        &mut self,
        members: &'a Map<String, Value>,
        object: &Map<String, Value>,
        place: &str,
        depth: usize,
    ) -> Outcome {
        let mut outcome = size(members, object.len(), place, "Properties", "entries");
        let properties = members.get("properties").and_then(Value::as_object);
        for name in list(members, "required").filter_map(Value::as_str) {
            let property = properties.and_then(|all| all.get(name));
            let sent_only = property.is_some_and(|schema| self.is_write_only(schema));
            if !object.contains_key(name) && !sent_only {
                let what = format!("`{}` is missing", cut(name, 80));
                outcome.and(Outcome::fault(place, what));
            }
        }
        let mut patterns = Vec::new();
        if let Some(all) = members.get("patternProperties").and_then(Value::as_object) {
            patterns.extend(all.iter());
        }
        for (name, value) in object {
            let inside = format!("{place}.{}", cut(name, 80));
            let mut described = false;
            if let Some(schema) = properties.and_then(|all| all.get(name)) {
                described = true;
                outcome.and(self.at(schema, value, &inside, depth + 1));
            }
            for (pattern, schema) in &patterns {
                match self.matches(pattern, name) {
                    Some(true) => {
                        described = true;
                        outcome.and(self.at(schema, value, &inside, depth + 1));
                    }
                    Some(false) => {}
                    None => {
                        described = true;
                        outcome.and(Outcome::unknown(&inside, NOT_A_PATTERN));
                    }
                }
            }
            match members.get("additionalProperties") {
                Some(Value::Bool(false)) if !described => {
                    let what = "it is not described, and others are excluded";
                    outcome.and(Outcome::fault(&inside, what));
                }
                Some(schema) if !described => {
                    outcome.and(self.at(schema, value, &inside, depth + 1));
                }
                _ => {}
            }
            if let Some(schema) = members.get("propertyNames") {
                let name = Value::String(name.clone());
                outcome.and(self.at(schema, &name, &inside, depth + 1));
            }
        }
        outcome.and(self.dependencies(members, object, place, depth));
        outcome
    }

    /// What the presence of one property asks for.
    fn dependencies(
        &mut self,
        members: &'a Map<String, Value>,
        object: &Map<String, Value>,
        place: &str,
        depth: usize,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let entries = |key: &str| {
            members
                .get(key)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
        };
        for (name, needed) in
            entries("dependentRequired").filter(|(name, _)| object.contains_key(*name))
        {
            for other in needed
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                let missing = !object.contains_key(other);
                outcome.and(Outcome::wrong_if(missing, place, || {
                    format!("`{}` is missing beside `{}`", cut(other, 80), cut(name, 80))
                }));
            }
        }
        for (name, schema) in entries("dependentSchemas") {
            if object.contains_key(name) {
                let whole = Value::Object(object.clone());
                outcome.and(self.at(schema, &whole, place, depth + 1));
            }
        }
        outcome
    }

    /// Whether a property is sent by clients and never answered.
    fn is_write_only(&self, schema: &Value) -> bool {
        let says = |schema: &Value| schema.get("writeOnly") == Some(&Value::Bool(true));
        says(schema) || self.document.follow(schema).is_ok_and(says)
    }

    /// What is said of lists.
    fn array(
        &mut self,
        members: &'a Map<String, Value>,
        items: &[Value],
        place: &str,
        depth: usize,
    ) -> Outcome {
        let mut outcome = size(members, items.len(), place, "Items", "items");
        // Before 2020-12 a list of schemas stood under `items`.
        let tuple = members.get("items").and_then(Value::as_array);
        let first: Vec<&'a Value> = match tuple {
            Some(schemas) => schemas.iter().collect(),
            None => list(members, "prefixItems").collect(),
        };
        let others = match tuple {
            Some(_) => members.get("additionalItems"),
            None => members.get("items"),
        };
        for (n, item) in items.iter().enumerate() {
            if outcome.faults.len() >= MAX_FAULTS {
                break;
            }
            let inside = format!("{place}[{n}]");
            if let Some(schema) = first.get(n).copied().or(others) {
                outcome.and(self.at(schema, item, &inside, depth + 1));
            }
        }
        if members.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut texts: Vec<String> = items.iter().map(ToString::to_string).collect();
            texts.sort_unstable();
            let twice = texts.windows(2).any(|pair| pair[0] == pair[1]);
            outcome.and(Outcome::wrong_if(twice, place, || {
                "two of its items are the same".to_owned()
            }));
        }
        if let Some(schema) = members.get("contains") {
            outcome.and(self.contains(members, schema, items, place, depth));
        }
        outcome
    }

    /// How many items must be of a sort.
    fn contains(
        &mut self,
        members: &Map<String, Value>,
        schema: &'a Value,
        items: &[Value],
        place: &str,
        depth: usize,
    ) -> Outcome {
        let (mut yes, mut unknown) = (0_u64, 0_u64);
        for item in items {
            let one = self.at(schema, item, place, depth + 1);
            yes += u64::from(one.is_valid());
            unknown += u64::from(one.faults.is_empty() && !one.unknown.is_empty());
        }
        let bound = |key: &str| members.get(key).and_then(Value::as_u64);
        let least = bound("minContains").unwrap_or(1);
        let most = bound("maxContains").unwrap_or(u64::MAX);
        if yes + unknown < least || yes > most {
            return Outcome::fault(
                place,
                format!("{yes} of its items are what `contains` asks"),
            );
        }
        if unknown > 0 {
            return Outcome::unknown(place, "its `contains` cannot be judged");
        }
        Outcome::default()
    }

    /// What is said of text.
    fn text(&mut self, members: &'a Map<String, Value>, text: &str, place: &str) -> Outcome {
        let mut outcome = size(members, text.chars().count(), place, "Length", "characters");
        if let Some(Value::String(pattern)) = members.get("pattern") {
            outcome.and(match self.matches(pattern, text) {
                Some(true) => Outcome::default(),
                Some(false) => {
                    let what = format!("it does not match `{}`", cut(pattern, 80));
                    Outcome::fault(place, what)
                }
                None => Outcome::unknown(place, NOT_A_PATTERN),
            });
        }
        if let Some(Value::String(format)) = members.get("format") {
            outcome.and(Outcome::wrong_if(
                formats::is_not(format, text),
                place,
                || format!("it is not of the format `{format}`"),
            ));
        }
        outcome
    }

    /// Whether a pattern finds something in a text; `None` when the pattern cannot be used here.
    fn matches(&mut self, pattern: &'a str, text: &str) -> Option<bool> {
        self.patterns
            .entry(pattern)
            .or_insert_with(|| {
                RegexBuilder::new(pattern)
                    .size_limit(MAX_PATTERN)
                    .build()
                    .ok()
            })
            .as_ref()
            .map(|regex| regex.is_match(text))
    }
}

/// Why a pattern is not judged.
const NOT_A_PATTERN: &str = "its pattern is of a dialect that is not understood here";
