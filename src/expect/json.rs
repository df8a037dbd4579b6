//! JSONPath (RFC 9535) with our own name, so that the library behind it can change.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::matcher::{Matcher, Mismatch};

/// A JSONPath query (RFC 9535): `$.checks.*.status`.
#[derive(Clone, Debug)]
pub(crate) struct JsonPath {
    /// As written.
    text: String,
    /// Compiled.
    path: serde_json_path::JsonPath,
}

impl JsonPath {
    /// Parses a query.
    ///
    /// # Errors
    /// What is wrong with it, with help.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        serde_json_path::JsonPath::parse(text).map(|path| Self { text: text.to_owned(), path }).map_err(|error| {
            let detail = error.to_string();
            // The parser knows where, seldom why.
            let detail = match detail.lines().next() {
                Some(line) if !line.ends_with("parser error") => format!(": {line}"),
                _ => String::new(),
            };
            format!("`{text}` is not a JSONPath{detail}; help: start with `$`, for example `$.status` or `$.checks.*.status`")
        })
    }

    /// Every node the query selects.
    pub(crate) fn select<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.path.query(value).all()
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for JsonPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&super::text::scalar(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for JsonPath {
    fn schema_name() -> Cow<'static, str> {
        "JsonPath".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^\\$", "description": "A JSONPath query (RFC 9535), for example `$.checks.*.status`." })
    }
}

/// Expectations on a JSON document: JSONPath to matcher. Every node a path selects must match, and
/// a path that selects nothing never matches (except `exists: false`).
#[derive(Clone, Debug, Default)]
pub(crate) struct JsonExpectations(pub(crate) Vec<(JsonPath, Matcher)>);

impl JsonExpectations {
    /// Judges the document: one entry a path, in order.
    pub(crate) fn judge(&self, document: &Value) -> Vec<(&JsonPath, Result<String, Mismatch>)> {
        self.0
            .iter()
            .map(|(path, matcher)| (path, judge_nodes(&path.select(document), matcher)))
            .collect()
    }
}

/// All nodes must match; the first that does not is named. `Ok` carries what was seen.
pub(crate) fn judge_nodes(nodes: &[&Value], matcher: &Matcher) -> Result<String, Mismatch> {
    if nodes.is_empty() {
        return matcher.check(None).map(|()| "absent".to_owned());
    }
    for node in nodes {
        matcher.check(Some(node))?;
    }
    Ok(match nodes {
        [one] => super::matcher::show(one),
        many => format!(
            "{} values, first {}",
            many.len(),
            super::matcher::show(many[0])
        ),
    })
}

impl<'de> Deserialize<'de> for JsonExpectations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Collects the entries; a path that is wrong is an error at its key.
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = JsonExpectations;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping from JSONPath to what must be there")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = access.next_entry()? {
                    list.push(entry);
                }
                if list.is_empty() {
                    return Err(serde::de::Error::custom(
                        "no expectation here: it could never fail; help: write `$.path: expected` or remove the field",
                    ));
                }
                Ok(JsonExpectations(list))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl JsonSchema for JsonExpectations {
    fn schema_name() -> Cow<'static, str> {
        "JsonExpectations".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<Matcher>();
        json_schema!({
            "type": "object", "minProperties": 1, "additionalProperties": value,
            "description": "JSONPath (RFC 9535) to matcher. Every selected node must match; a path that selects nothing does not match.",
        })
    }
}
