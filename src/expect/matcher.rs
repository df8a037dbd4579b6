//! Matchers: what a value must be. A scalar or a list means equality, a mapping names operators.
//!
//! Values are typed: `"true"` is not `true` and `"5"` is not `5`. Missing and null never match,
//! whatever the operator, unless the matcher asks for exactly that (`exists: false`, `type: null`,
//! `eq: null`). A matcher that could never fail is refused when it is loaded.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::text::Pattern;
use super::version::{Version, VersionRange};

/// What was expected and what was seen instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// What would have matched.
    pub(crate) expected: String,
    /// What was there.
    pub(crate) actual: String,
}

/// What a value must be; all operators must hold.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    /// The operators, in order.
    ops: Vec<Op>,
}

/// One operator.
#[derive(Clone, Debug)]
enum Op {
    /// Equal, type included.
    Eq(Value),
    /// Not equal.
    Ne(Value),
    /// Below.
    Lt(f64),
    /// Not above.
    Lte(f64),
    /// Above.
    Gt(f64),
    /// Not below.
    Gte(f64),
    /// Both ends included.
    Between(f64, f64),
    /// Equal to one of these.
    OneOf(Vec<Value>),
    /// Text that the pattern finds.
    Matches(Pattern),
    /// Text with this inside, a list with this item, a mapping with this key.
    Contains(Vec<Value>),
    /// Text that begins so.
    StartsWith(String),
    /// Text that ends so.
    EndsWith(String),
    /// Number of characters, items or entries.
    Length(Box<Matcher>),
    /// Text that is a version inside the range.
    Version(VersionRange),
    /// JSON type.
    Type(Type),
    /// Present at all; null counts as present.
    Exists(bool),
    /// Empty text, list or mapping.
    Empty(bool),
    /// The opposite; missing and null do not match that either.
    Not(Box<Matcher>),
    /// Every one of these.
    All(Vec<Matcher>),
    /// At least one of these.
    Any(Vec<Matcher>),
    /// A list or mapping whose every item matches, and that has one.
    Each(Box<Matcher>),
}

/// The operators' names, for suggestions.
const OPERATORS: &[&str] = &[
    "eq",
    "ne",
    "lt",
    "lte",
    "gt",
    "gte",
    "between",
    "one_of",
    "matches",
    "contains",
    "starts_with",
    "ends_with",
    "length",
    "version",
    "type",
    "exists",
    "empty",
    "not",
    "all",
    "any",
    "each",
];

/// JSON types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    /// Text.
    String,
    /// Any number.
    Number,
    /// A number without fraction.
    Integer,
    /// true or false.
    Boolean,
    /// A list.
    Array,
    /// A mapping.
    Object,
    /// null.
    Null,
}

impl Type {
    /// Its name in YAML.
    fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
            Self::Null => "null",
        }
    }

    /// Whether the value is of this type.
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => {
                value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
            }
            Self::Boolean => value.is_boolean(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
            Self::Null => value.is_null(),
        }
    }
}

impl Matcher {
    /// The matcher that a plain value stands for.
    pub(crate) fn equals(value: impl Into<Value>) -> Self {
        Self {
            ops: vec![Op::Eq(value.into())],
        }
    }

    /// Judges a typed value; `None` is a missing one.
    ///
    /// # Errors
    /// The [`Mismatch`].
    pub(crate) fn check(&self, actual: Option<&Value>) -> Result<(), Mismatch> {
        if self.ops.iter().all(|op| op.holds(actual)) {
            return Ok(());
        }
        Err(Mismatch {
            expected: self.to_string(),
            actual: actual.map_or_else(|| "nothing (missing)".to_owned(), show),
        })
    }

    /// Judges text from a source that knows only text (headers, variables, INFO fields): a number
    /// is compared as a number when the whole text is one, `true`/`false` as a boolean.
    ///
    /// # Errors
    /// The [`Mismatch`].
    pub(crate) fn check_text(&self, actual: Option<&str>) -> Result<(), Mismatch> {
        let Some(text) = actual else {
            return self.check(None);
        };
        let typed = Value::String(text.to_owned());
        if self.ops.iter().all(|op| op.holds_text(text, &typed)) {
            return Ok(());
        }
        Err(Mismatch {
            expected: self.to_string(),
            actual: show(&typed),
        })
    }
}

impl Op {
    /// Whether a typed value satisfies this operator.
    fn holds(&self, actual: Option<&Value>) -> bool {
        match (self, actual) {
            (Self::Exists(wanted), _) => actual.is_some() == *wanted,
            (Self::Not(inner), _) if inner.asks_existence() => {
                !inner.ops.iter().all(|op| op.holds(actual))
            }
            (Self::All(list), _) => list.iter().all(|m| m.ops.iter().all(|op| op.holds(actual))),
            (Self::Any(list), _) => list.iter().any(|m| m.ops.iter().all(|op| op.holds(actual))),
            (_, None) => false,
            (Self::Type(kind), Some(value)) => kind.fits(value),
            (Self::Eq(wanted), Some(value)) => equal(value, wanted),
            (_, Some(Value::Null)) => false,
            (_, Some(value)) => self.holds_present(value),
        }
    }

    /// The operators that only make sense for a value that is there and not null.
    fn holds_present(&self, value: &Value) -> bool {
        let number = |test: &dyn Fn(f64) -> bool| value.as_f64().is_some_and(test);
        let text = |test: &dyn Fn(&str) -> bool| value.as_str().is_some_and(test);
        match self {
            Self::Ne(unwanted) => !equal(value, unwanted),
            Self::Lt(bound) => number(&|n| n < *bound),
            Self::Lte(bound) => number(&|n| n <= *bound),
            Self::Gt(bound) => number(&|n| n > *bound),
            Self::Gte(bound) => number(&|n| n >= *bound),
            Self::Between(low, high) => number(&|n| n >= *low && n <= *high),
            Self::OneOf(list) => list.iter().any(|wanted| equal(value, wanted)),
            Self::Matches(pattern) => text(&|t| pattern.0.is_match(t)),
            Self::Contains(items) => items.iter().all(|item| contains(value, item)),
            Self::StartsWith(prefix) => text(&|t| t.starts_with(prefix.as_str())),
            Self::EndsWith(suffix) => text(&|t| t.ends_with(suffix.as_str())),
            Self::Length(inner) => {
                length(value).is_some_and(|n| inner.check(Some(&Value::from(n))).is_ok())
            }
            Self::Version(range) => version_text(value).is_some_and(|v| range.contains(&v)),
            Self::Empty(wanted) => length(value).is_some_and(|n| (n == 0) == *wanted),
            Self::Not(inner) => {
                inner.ops.iter().all(|op| op.applies(value)) && inner.check(Some(value)).is_err()
            }
            Self::Each(inner) => match value {
                Value::Array(items) => {
                    !items.is_empty() && items.iter().all(|item| inner.check(Some(item)).is_ok())
                }
                Value::Object(map) => {
                    !map.is_empty() && map.values().all(|item| inner.check(Some(item)).is_ok())
                }
                _ => false,
            },
            Self::Eq(_) | Self::Type(_) | Self::Exists(_) | Self::All(_) | Self::Any(_) => false,
        }
    }

    /// Whether text from an untyped source satisfies this operator.
    fn holds_text(&self, text: &str, typed: &Value) -> bool {
        let as_number = || {
            text.trim()
                .parse::<f64>()
                .ok()
                .filter(|n| n.is_finite())
                .and_then(serde_json::Number::from_f64)
                .map(Value::Number)
        };
        match self {
            Self::Lt(_) | Self::Lte(_) | Self::Gt(_) | Self::Gte(_) | Self::Between(..) => {
                as_number().is_some_and(|number| self.holds(Some(&number)))
            }
            Self::Eq(wanted) => equal_text(text, wanted),
            Self::Ne(unwanted) => !equal_text(text, unwanted),
            Self::OneOf(list) => list.iter().any(|wanted| equal_text(text, wanted)),
            Self::Type(Type::Number | Type::Integer) => {
                as_number().is_some_and(|number| self.holds(Some(&number)))
            }
            Self::Type(Type::Boolean) => matches!(text, "true" | "false"),
            Self::Not(inner) => {
                inner.ops.iter().all(|op| op.applies_text(text, typed))
                    && !inner.ops.iter().all(|op| op.holds_text(text, typed))
            }
            Self::All(list) => list
                .iter()
                .all(|m| m.ops.iter().all(|op| op.holds_text(text, typed))),
            Self::Any(list) => list
                .iter()
                .any(|m| m.ops.iter().all(|op| op.holds_text(text, typed))),
            _ => self.holds(Some(typed)),
        }
    }

    /// Whether the operator says anything about such a value: a page of text is not "not above
    /// 100", so that `not` must not turn what nobody can compare into a match.
    fn applies(&self, value: &Value) -> bool {
        let within = |inner: &Matcher| inner.ops.iter().all(|op| op.applies(value));
        match self {
            Self::Eq(_) | Self::Ne(_) | Self::OneOf(_) | Self::Type(_) | Self::Exists(_) => true,
            Self::Lt(_) | Self::Lte(_) | Self::Gt(_) | Self::Gte(_) | Self::Between(..) => {
                value.is_number()
            }
            Self::Matches(_) | Self::StartsWith(_) | Self::EndsWith(_) => value.is_string(),
            Self::Contains(_) | Self::Length(_) | Self::Empty(_) => length(value).is_some(),
            Self::Version(_) => version_text(value).is_some(),
            Self::Not(inner) => within(inner),
            Self::All(list) | Self::Any(list) => list.iter().all(within),
            Self::Each(inner) => {
                let judged = |item| inner.ops.iter().all(|op| op.applies(item));
                match value {
                    Value::Array(items) => !items.is_empty() && items.iter().all(judged),
                    Value::Object(map) => !map.is_empty() && map.values().all(judged),
                    _ => false,
                }
            }
        }
    }

    /// The same for text, where numbers are compared as numbers.
    fn applies_text(&self, text: &str, typed: &Value) -> bool {
        let within = |inner: &Matcher| inner.ops.iter().all(|op| op.applies_text(text, typed));
        match self {
            Self::Lt(_) | Self::Lte(_) | Self::Gt(_) | Self::Gte(_) | Self::Between(..) => {
                text.trim().parse::<f64>().is_ok_and(f64::is_finite)
            }
            Self::Not(inner) => within(inner),
            Self::All(list) | Self::Any(list) => list.iter().all(within),
            _ => self.applies(typed),
        }
    }

    /// Whether the operator says what must not be.
    fn is_negative(&self) -> bool {
        match self {
            Self::Ne(_) => true,
            Self::Not(inner) => !inner.asks_existence(),
            Self::All(list) | Self::Any(list) => list.iter().any(Matcher::is_negative),
            _ => false,
        }
    }
}

impl Matcher {
    /// Whether it is about presence, so that its negation may hold for a missing value.
    fn asks_existence(&self) -> bool {
        self.ops.iter().all(|op| matches!(op, Op::Exists(_)))
    }

    /// Whether it says what must not be: where a value is looked at in several forms, each of them
    /// must then match, because one that differs proves nothing.
    pub(crate) fn is_negative(&self) -> bool {
        self.ops.iter().any(Op::is_negative)
    }
}

/// Deep equality; numbers by value (`1` equals `1.0`), everything else by type and value.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            // Whole numbers are compared exactly: two long ids may be the same float.
            x == y
                || (x.is_f64() || y.is_f64())
                    && x.as_f64()
                        .zip(y.as_f64())
                        .is_some_and(|(x, y)| (x - y).abs() <= f64::EPSILON * x.abs().max(y.abs()))
        }
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y))
        }
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len()
                && x.iter()
                    .all(|(key, value)| y.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => a == b,
    }
}

/// Equality of untyped text with what YAML made of the expectation.
fn equal_text(text: &str, wanted: &Value) -> bool {
    match wanted {
        Value::String(wanted) => text == wanted,
        Value::Bool(wanted) => text == if *wanted { "true" } else { "false" },
        Value::Number(wanted) => text
            .trim()
            .parse::<f64>()
            .ok()
            .zip(wanted.as_f64())
            .is_some_and(|(x, y)| (x - y).abs() <= f64::EPSILON * y.abs()),
        _ => false,
    }
}

/// Text inside text, item of a list, key of a mapping.
fn contains(value: &Value, item: &Value) -> bool {
    match value {
        Value::String(text) => item.as_str().is_some_and(|item| text.contains(item)),
        Value::Array(items) => items.iter().any(|candidate| equal(candidate, item)),
        Value::Object(map) => item.as_str().is_some_and(|key| map.contains_key(key)),
        _ => false,
    }
}

/// Characters, items or entries.
fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(map) => Some(map.len()),
        _ => None,
    }
}

/// A version from text or a number.
fn version_text(value: &Value) -> Option<Version> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// A value as a report shows it: JSON, cut after 200 characters.
pub(crate) fn show(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    };
    if text.chars().count() <= 200 {
        return text;
    }
    let mut cut: String = text.chars().take(199).collect();
    cut.push('…');
    cut
}

/// `a, b, c`.
fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items
        .into_iter()
        .map(|item| item.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            &self
                .ops
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" and "),
        )
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eq(value) => f.write_str(&show(value)),
            Self::Ne(value) => write!(f, "not {}", show(value)),
            Self::Lt(bound) => write!(f, "< {bound}"),
            Self::Lte(bound) => write!(f, "≤ {bound}"),
            Self::Gt(bound) => write!(f, "> {bound}"),
            Self::Gte(bound) => write!(f, "≥ {bound}"),
            Self::Between(low, high) => write!(f, "between {low} and {high}"),
            Self::OneOf(values) => write!(f, "one of {}", list(values.iter().map(show))),
            Self::Matches(pattern) => write!(f, "matches /{}/", pattern.0.as_str()),
            Self::Contains(items) => write!(f, "contains {}", list(items.iter().map(show))),
            Self::StartsWith(prefix) => write!(f, "starts with {prefix:?}"),
            Self::EndsWith(suffix) => write!(f, "ends with {suffix:?}"),
            Self::Length(inner) => write!(f, "length {inner}"),
            Self::Version(range) => write!(f, "version {range}"),
            Self::Type(kind) => write!(f, "type {}", kind.name()),
            Self::Exists(true) => f.write_str("present"),
            Self::Exists(false) => f.write_str("absent"),
            Self::Empty(true) => f.write_str("empty"),
            Self::Empty(false) => f.write_str("not empty"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::All(matchers) => write!(f, "all of ({})", list(matchers)),
            Self::Any(matchers) => write!(f, "any of ({})", list(matchers)),
            Self::Each(inner) => write!(f, "each {inner}"),
        }
    }
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MatcherVisitor)
    }
}

/// Reads a matcher in any of its forms.
struct MatcherVisitor;

impl<'de> Visitor<'de> for MatcherVisitor {
    type Value = Matcher;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list, or a mapping of operators")
    }
    fn visit_unit<E>(self) -> Result<Matcher, E> {
        Ok(Matcher::equals(Value::Null))
    }
    fn visit_none<E>(self) -> Result<Matcher, E> {
        Ok(Matcher::equals(Value::Null))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Matcher, E> {
        Ok(Matcher::equals(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Matcher, E> {
        Ok(Matcher::equals(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Matcher, E> {
        Ok(Matcher::equals(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Matcher, E> {
        Ok(Matcher::equals(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Matcher, E> {
        Ok(Matcher::equals(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Matcher, A::Error> {
        let mut items: Vec<Value> = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Matcher::equals(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Matcher, A::Error> {
        let mut ops = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            ops.push(read_op(&name, &mut access)?);
        }
        if ops.is_empty() {
            return Err(serde::de::Error::custom(
                "no operator here: it could never fail; help: write for example `{ eq: ok }` or `{ exists: true }`",
            ));
        }
        Ok(Matcher { ops })
    }
}

/// Reads the operand of the operator `name`.
fn read_op<'de, A: MapAccess<'de>>(name: &str, access: &mut A) -> Result<Op, A::Error> {
    let custom = <A::Error as serde::de::Error>::custom::<String>;
    Ok(match name {
        "eq" => Op::Eq(access.next_value()?),
        "ne" => Op::Ne(access.next_value()?),
        "lt" => Op::Lt(access.next_value()?),
        "lte" => Op::Lte(access.next_value()?),
        "gt" => Op::Gt(access.next_value()?),
        "gte" => Op::Gte(access.next_value()?),
        "between" => {
            let [low, high] = access.next_value::<[f64; 2]>()?;
            if low > high {
                return Err(custom(
                    "the lower end is above the upper one; help: write `between: [low, high]`"
                        .to_owned(),
                ));
            }
            Op::Between(low, high)
        }
        "one_of" => Op::OneOf(not_empty(access.next_value()?).map_err(custom)?),
        "matches" => Op::Matches(access.next_value()?),
        "contains" => match access.next_value()? {
            Value::Array(items) => Op::Contains(not_empty(items).map_err(custom)?),
            Value::String(text) if text.is_empty() => {
                return Err(custom(
                    "every text contains the empty one; help: write what must be inside".to_owned(),
                ));
            }
            item => Op::Contains(vec![item]),
        },
        "starts_with" => Op::StartsWith(access.next_value()?),
        "ends_with" => Op::EndsWith(access.next_value()?),
        "length" => Op::Length(access.next_value()?),
        "version" => {
            let text: Value = access.next_value()?;
            let text = text
                .as_str()
                .map_or_else(|| text.to_string(), str::to_owned);
            Op::Version(text.parse().map_err(custom)?)
        }
        "type" => Op::Type(read_type(&access.next_value::<Value>()?).map_err(custom)?),
        "exists" => Op::Exists(access.next_value()?),
        "empty" => Op::Empty(access.next_value()?),
        "not" => Op::Not(access.next_value()?),
        "all" => Op::All(not_empty(access.next_value()?).map_err(custom)?),
        "any" => Op::Any(not_empty(access.next_value()?).map_err(custom)?),
        "each" => Op::Each(access.next_value()?),
        other => {
            let help = crate::profile::node::suggest(other, OPERATORS.iter().copied());
            return Err(custom(format!(
                "unknown operator `{other}`; help: {help} (to compare with a whole mapping write `eq: {{…}}`)"
            )));
        }
    })
}

/// Refuses the empty list, which would match nothing or everything.
fn not_empty<T>(list: Vec<T>) -> Result<Vec<T>, String> {
    if list.is_empty() {
        Err("this list is empty: it could never match or never fail; help: write at least one entry".to_owned())
    } else {
        Ok(list)
    }
}

/// The type with this name; YAML's bare `null` counts as the name.
fn read_type(name: &Value) -> Result<Type, String> {
    let known = [
        Type::String,
        Type::Number,
        Type::Integer,
        Type::Boolean,
        Type::Array,
        Type::Object,
        Type::Null,
    ];
    let name = name.as_str().unwrap_or("null").to_owned();
    known
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| {
            format!(
                "unknown type `{name}`; help: {}",
                crate::profile::node::suggest(&name, known.iter().map(|kind| kind.name()))
            )
        })
}

impl JsonSchema for Matcher {
    fn schema_name() -> Cow<'static, str> {
        "Matcher".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let own = generator.subschema_for::<Self>();
        let number = || serde_json::json!({ "type": "number" });
        json_schema!({
            "description": "What a value must be. A scalar or a list means equality; a mapping names operators that must all hold. Missing and null never match unless asked for.",
            "anyOf": [
                { "type": ["string", "number", "boolean", "null", "array"] },
                {
                    "type": "object", "minProperties": 1, "additionalProperties": false,
                    "properties": {
                        "eq": {}, "ne": {}, "lt": number(), "lte": number(), "gt": number(), "gte": number(),
                        "between": { "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 },
                        "one_of": { "type": "array", "minItems": 1 },
                        "matches": { "type": "string", "format": "regex" },
                        "contains": {}, "starts_with": { "type": "string" }, "ends_with": { "type": "string" },
                        "length": own, "version": { "type": ["string", "number"] },
                        "type": { "enum": ["string", "number", "integer", "boolean", "array", "object", "null", null] },
                        "exists": { "type": "boolean" }, "empty": { "type": "boolean" }, "not": own,
                        "all": { "type": "array", "minItems": 1, "items": own },
                        "any": { "type": "array", "minItems": 1, "items": own },
                        "each": own,
                    },
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests;
