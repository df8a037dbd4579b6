//! A schema taken apart: the cases of which a value must be one, each of a single type.
//!
//! References are followed, `allOf` is merged, `anyOf`, `oneOf`, lists of types and `nullable` become
//! cases. So the ways to write the same thing become the same cases.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::kinds::openapi::document::{Dialect, Document};

/// Most cases of one schema.
const MAX_CASES: usize = 64;
/// Most references and `allOf` inside of each other.
const MAX_DEPTH: usize = 40;
/// Most schemas that are put together to one case.
const MAX_PARTS: usize = 2000;

/// A JSON type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Type {
    /// null.
    Null,
    /// true or false.
    Boolean,
    /// A number without fraction.
    Integer,
    /// Any number.
    Number,
    /// Text.
    Text,
    /// A list.
    Array,
    /// A mapping.
    Object,
}

impl Type {
    /// The type of this name.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "string" => Self::Text,
            "array" => Self::Array,
            "object" => Self::Object,
            _ => return None,
        })
    }

    /// The type of a value.
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    /// Whether every value of the other type is of this one.
    fn holds(self, other: Self) -> bool {
        self == other || self == Self::Number && other == Self::Integer
    }
}

/// Bounds of which a larger number allows less.
pub(super) const LOWER: &[&str] = &[
    "minimum",
    "exclusiveMinimum",
    "minLength",
    "minItems",
    "minProperties",
];
/// Bounds of which a smaller number allows less.
pub(super) const UPPER: &[&str] = &[
    "maximum",
    "exclusiveMaximum",
    "maxLength",
    "maxItems",
    "maxProperties",
];
/// Keywords that say nothing about which values are valid.
pub(in crate::kinds::openapi) const ANNOTATIONS: &[&str] = &[
    "title",
    "description",
    "summary",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "externalDocs",
    "xml",
    "discriminator",
    "$comment",
    "$schema",
    "$defs",
    "definitions",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
];
/// Members of a parameter of Swagger 2.0, which is its own schema.
const OF_PARAMETERS: &[&str] = &["name", "in", "allowEmptyValue", "schema"];

/// One case.
#[derive(Clone, Debug, Default)]
pub(super) struct Case<'a> {
    /// Its type; `None` means any.
    pub(super) kind: Option<Type>,
    /// Types from which the case is to be made; `None` means any.
    types: Option<Vec<Type>>,
    /// The only values.
    pub(super) values: Option<Vec<&'a Value>>,
    /// Whether more values may come one day (`x-extensible-enum`).
    pub(super) extensible: bool,
    /// Bounds, the strictest of each.
    pub(super) bounds: BTreeMap<&'static str, f64>,
    /// `pattern`, `format`, `multipleOf`, `default`: what is said of each.
    pub(super) words: BTreeMap<&'static str, Vec<&'a Value>>,
    /// Whether items must differ.
    pub(super) unique: bool,
    /// The properties, each with all that is said of it.
    pub(super) properties: BTreeMap<&'a str, Vec<&'a Value>>,
    /// Properties that must be there.
    pub(super) required: BTreeSet<&'a str>,
    /// Whether there may be no other properties.
    pub(super) closed: bool,
    /// What other properties must be like.
    pub(super) additional: Vec<&'a Value>,
    /// What items must be like.
    pub(super) items: Vec<&'a Value>,
    /// Keywords that are not taken apart.
    pub(super) opaque: BTreeMap<&'a str, &'a Value>,
    /// Alternatives that are not made cases of yet.
    groups: Vec<&'a [Value]>,
    /// Schemas that were put together so far.
    parts: usize,
    /// Whether a reference led nowhere, or there is more than is put together.
    pub(super) lost: bool,
    /// Whether no value is valid.
    impossible: bool,
}

/// The cases of all these schemas together; `None` when there are too many. No schema allows all.
pub(super) fn cases<'a>(document: &'a Document, all: &[&'a Value]) -> Option<Vec<Case<'a>>> {
    let mut whole = Case::default();
    for schema in all {
        whole.absorb(document, schema, 0);
    }
    let mut list = Vec::new();
    expand(document, whole, &mut list, 0)?;
    let typed: Vec<Case<'a>> = list.into_iter().flat_map(Case::by_type).collect();
    (typed.len() <= MAX_CASES).then_some(typed)
}

/// Makes cases of alternatives.
fn expand<'a>(
    document: &'a Document,
    mut case: Case<'a>,
    list: &mut Vec<Case<'a>>,
    depth: usize,
) -> Option<()> {
    if list.len() > MAX_CASES || case.groups.len() > MAX_CASES || depth > MAX_DEPTH {
        return None;
    }
    let Some(group) = case.groups.pop() else {
        list.push(case);
        return Some(());
    };
    for alternative in group {
        let mut one = case.clone();
        one.absorb(document, alternative, 0);
        expand(document, one, list, depth + 1)?;
    }
    Some(())
}

impl<'a> Case<'a> {
    /// Whether every value of the other case may be of this one's type.
    pub(super) fn takes_type_of(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (None, _) => true,
            (Some(own), Some(other)) => own.holds(other),
            (Some(_), None) => false,
        }
    }

    /// How much it looks like the same thing as another case: properties of the same name.
    pub(super) fn likeness(&self, other: &Self) -> isize {
        let shared = self
            .properties
            .keys()
            .filter(|name| other.properties.contains_key(*name))
            .count();
        let all = self.properties.len() + other.properties.len();
        isize::try_from(3 * shared).unwrap_or(isize::MAX) - isize::try_from(all).unwrap_or(0)
    }

    /// Its type in words.
    pub(super) fn type_name(&self) -> &'static str {
        self.kind.map_or("any type", Type::name)
    }

    /// One case for each type.
    fn by_type(self) -> Vec<Self> {
        if self.impossible {
            return Vec::new();
        }
        let Some(types) = self.types.clone() else {
            return vec![self];
        };
        let made = types.into_iter().map(|kind| {
            let mut case = self.clone();
            case.kind = Some(kind);
            if let Some(values) = &mut case.values {
                values.retain(|value| kind.holds(Type::of(value)));
            }
            case
        });
        made.filter(|case| case.values.as_ref().is_none_or(|values| !values.is_empty()))
            .collect()
    }

    /// Adds what a schema says.
    fn absorb(&mut self, document: &'a Document, schema: &'a Value, depth: usize) {
        let Some(members) = schema.as_object() else {
            self.impossible |= schema == &Value::Bool(false);
            return;
        };
        self.parts += 1;
        if depth > MAX_DEPTH || self.parts > MAX_PARTS {
            self.lost = true;
            return;
        }
        if let Some(Value::String(reference)) = members.get("$ref") {
            match document.target(reference) {
                Ok(target) => self.absorb(document, target, depth + 1),
                Err(_) => self.lost = true,
            }
            if document.dialect != Dialect::V31 {
                return; // whatever stands beside a reference is ignored
            }
        }
        self.absorb_types(schema);
        for (key, value) in members {
            match key.as_str() {
                "$ref" | "type" | "nullable" | "x-nullable" => {}
                "allOf" => {
                    for part in value.as_array().into_iter().flatten() {
                        self.absorb(document, part, depth + 1);
                    }
                }
                "anyOf" | "oneOf" => self.groups.extend(value.as_array().map(Vec::as_slice)),
                _ => self.absorb_keyword(schema, key, value),
            }
        }
    }

    /// Adds one keyword.
    fn absorb_keyword(&mut self, schema: &'a Value, key: &'a str, value: &'a Value) {
        match key {
            "enum" => self.only(value.as_array().map(|list| list.iter().collect())),
            "const" => self.only(Some(vec![value])),
            "x-extensible-enum" => self.extensible = value != &Value::Bool(false),
            "properties" => {
                for (name, property) in value.as_object().into_iter().flatten() {
                    self.properties.entry(name).or_default().push(property);
                }
            }
            "required" => {
                let names = value.as_array().into_iter().flatten();
                self.required.extend(names.filter_map(Value::as_str));
            }
            "additionalProperties" if value == &Value::Bool(false) => self.closed = true,
            "additionalProperties" if value.is_object() => self.additional.push(value),
            "items" if value.is_array() => {
                self.opaque.insert(key, value);
            }
            "items" => self.items.push(value),
            "uniqueItems" => self.unique |= value == &Value::Bool(true),
            "pattern" | "format" | "multipleOf" | "default" => {
                for word in ["pattern", "format", "multipleOf", "default"] {
                    if word == key {
                        self.words.entry(word).or_default().push(value);
                    }
                }
            }
            _ if self.bound(schema, key, value) => {}
            _ if ANNOTATIONS.contains(&key) || OF_PARAMETERS.contains(&key) => {}
            _ if key.starts_with("x-") || key == "additionalProperties" => {}
            _ => {
                self.opaque.insert(key, value);
            }
        }
    }

    /// Adds a bound; `false` when the keyword is none.
    fn bound(&mut self, schema: &Value, key: &str, value: &Value) -> bool {
        let Some(name) = LOWER.iter().chain(UPPER).find(|name| **name == key) else {
            return false;
        };
        // In 3.0 `exclusiveMinimum: true` is said of `minimum`.
        let number = match value {
            Value::Bool(true) if key == "exclusiveMinimum" => schema.get("minimum"),
            Value::Bool(true) if key == "exclusiveMaximum" => schema.get("maximum"),
            other => Some(other),
        };
        let exclusive = match key {
            "minimum" => schema.get("exclusiveMinimum"),
            "maximum" => schema.get("exclusiveMaximum"),
            _ => None,
        };
        if exclusive == Some(&Value::Bool(true)) {
            return true;
        }
        if let Some(number) = number.and_then(Value::as_f64) {
            let known = self.bounds.entry(name).or_insert(number);
            *known = if LOWER.contains(name) {
                known.max(number)
            } else {
                known.min(number)
            };
        }
        true
    }

    /// Leaves only these values.
    fn only(&mut self, values: Option<Vec<&'a Value>>) {
        let Some(values) = values else {
            return;
        };
        self.values = Some(match self.values.take() {
            None => values,
            Some(before) => before
                .into_iter()
                .filter(|value| values.contains(value))
                .collect(),
        });
    }

    /// Adds the types that a schema names, or that its keywords are about.
    fn absorb_types(&mut self, schema: &Value) {
        let names: Vec<&str> = match schema.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let mut types: Vec<Type> = names.into_iter().filter_map(Type::named).collect();
        if types.is_empty() {
            types = implied(schema);
        }
        if types.is_empty() {
            return;
        }
        let nullable = ["nullable", "x-nullable"]
            .iter()
            .any(|key| schema.get(*key) == Some(&Value::Bool(true)));
        if nullable {
            types.push(Type::Null);
        }
        types.sort_unstable();
        types.dedup();
        if types.contains(&Type::Number) {
            types.retain(|kind| *kind != Type::Integer);
        }
        self.types = Some(match self.types.take() {
            None => types,
            Some(before) => {
                let narrower = |one: &Type, all: &[Type]| all.iter().any(|kind| kind.holds(*one));
                let mut both: Vec<Type> = before
                    .iter()
                    .filter(|kind| narrower(kind, &types))
                    .chain(types.iter().filter(|kind| narrower(kind, &before)))
                    .copied()
                    .collect();
                both.sort_unstable();
                both.dedup();
                both
            }
        });
    }
}

/// Types that a schema means without naming them.
fn implied(schema: &Value) -> Vec<Type> {
    let has = |key: &str| schema.get(key).is_some();
    if has("properties") {
        vec![Type::Object]
    } else if has("items") {
        vec![Type::Array]
    } else if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        values.iter().map(Type::of).collect()
    } else {
        schema.get("const").map(Type::of).into_iter().collect()
    }
}
