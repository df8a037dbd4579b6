//! The only place that talks to the YAML parser: text to a located tree.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::node::{Node, Place, Problems, Value};

/// Parses one YAML document into a located tree.
///
/// Limits: 20 000 nodes, depth 48, 1 MB of text; duplicate keys and several documents are problems.
pub(crate) fn parse(file: usize, text: &str, problems: &mut Problems) -> Option<Node> {
    let mut options = serde_yaml::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    options.budget = serde_yaml::budget! {
        max_nodes: 20_000,
        max_depth: 48,
        max_total_scalar_bytes: 1_000_000,
    };
    match serde_yaml::from_str_with_options::<Raw>(text, options) {
        Ok(raw) => Some(raw.into_node(file)),
        Err(error) => {
            let location = error.location();
            let at = Place {
                file,
                line: location.map_or(1, |l| u32::try_from(l.line()).unwrap_or(1)),
                column: location.map_or(1, |l| u32::try_from(l.column()).unwrap_or(1)),
                len: 1,
            };
            let message = error.to_string();
            let message = message.lines().next().unwrap_or_default();
            let (message, help) = in_plain_words(strip_location(message));
            problems.add(at, message, help);
            None
        }
    }
}

/// Drops the parser's own ` at line 3, column 5` from a message: the caret says it better.
fn strip_location(message: &str) -> &str {
    let message = message.trim();
    let message = match message.find(" at line ") {
        Some(end) => &message[..end],
        None => message,
    };
    match message.strip_prefix("error: ") {
        Some(rest) => rest,
        None => message,
    }
}

/// What the parser said, for people who do not know the parser, and what to do about it.
fn in_plain_words(message: &str) -> (String, String) {
    let plain = |message: &str, help: &str| (message.to_owned(), help.to_owned());
    if let Some(rest) = message.strip_prefix("duplicate mapping key: ") {
        let key = rest.split(", set ").next().unwrap_or(rest);
        return plain(
            &format!("the field `{key}` stands twice in this mapping"),
            "keep one of the two",
        );
    }
    if message.starts_with("multiple YAML documents") {
        return plain(
            "there is more than one YAML document in this file",
            "remove the `---`, or make two files of it",
        );
    }
    if let Some(limit) = message.strip_prefix("budget breached: ") {
        return match limit.split([' ', '{']).next() {
            Some("Depth") => plain(
                "this is nested deeper than 48 levels",
                "no profile needs that: flatten it",
            ),
            Some("Nodes") => plain(
                "this file stands for more than 20 000 values",
                "split it with `extends:` and packs, and use aliases sparingly",
            ),
            _ => plain(
                "this file stands for more than readyctl is willing to read",
                "split it with `extends:` and packs, and use aliases sparingly",
            ),
        };
    }
    let help = if message.contains("tabs") {
        "indent with spaces"
    } else if message.contains("mapping values are not allowed") {
        "put text that holds a colon in quotes"
    } else {
        "fix the syntax here or on the line above"
    };
    (
        format!("this is not valid YAML: {message}"),
        help.to_owned(),
    )
}

/// A located value as the parser gives it.
struct Raw(serde_yaml::Spanned<RawValue>);

/// The value inside [`Raw`].
enum RawValue {
    /// See [`Value::Null`].
    Null,
    /// See [`Value::Bool`].
    Bool(bool),
    /// See [`Value::Int`].
    Int(i64),
    /// See [`Value::Float`].
    Float(f64),
    /// See [`Value::Str`].
    Str(String),
    /// See [`Value::Seq`].
    Seq(Vec<Raw>),
    /// See [`Value::Map`].
    Map(Vec<(Raw, Raw)>),
}

impl Raw {
    /// Turns parser positions into places.
    fn into_node(self, file: usize) -> Node {
        let location = self.0.referenced;
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let scalar = !matches!(self.0.value, RawValue::Seq(_) | RawValue::Map(_));
        let at = Place {
            file,
            line: number(location.line()),
            column: number(location.column()),
            len: if scalar {
                number(location.span().len()).max(1)
            } else {
                1
            },
        };
        let value = match self.0.value {
            RawValue::Null => Value::Null,
            RawValue::Bool(b) => Value::Bool(b),
            RawValue::Int(i) => Value::Int(i),
            RawValue::Float(f) => Value::Float(f),
            RawValue::Str(s) => Value::Str(s),
            RawValue::Seq(items) => {
                Value::Seq(items.into_iter().map(|item| item.into_node(file)).collect())
            }
            RawValue::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(k, v)| (k.into_node(file), v.into_node(file)))
                    .collect(),
            ),
        };
        Node {
            at,
            value,
            secret: false,
            unknown: false,
        }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_yaml::Spanned::<RawValue>::deserialize(deserializer).map(Raw)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

/// Builds a [`RawValue`] from whatever the parser meets.
struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }
    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }
    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawValue, D::Error> {
        RawValue::deserialize(deserializer)
    }
    fn visit_bool<E>(self, value: bool) -> Result<RawValue, E> {
        Ok(RawValue::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<RawValue, E> {
        Ok(RawValue::Int(value))
    }
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<RawValue, E> {
        i64::try_from(value)
            .map(RawValue::Int)
            .map_err(|_| E::custom("number too large; quote it if it is meant as text"))
    }
    fn visit_f64<E>(self, value: f64) -> Result<RawValue, E> {
        Ok(RawValue::Float(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<RawValue, E> {
        Ok(RawValue::Str(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<RawValue, E> {
        Ok(RawValue::Str(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<RawValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(RawValue::Seq(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<RawValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(RawValue::Map(entries))
    }
}
