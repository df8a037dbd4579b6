//! Operations as people write them: `GET /items/{id}`, `/health`, `/public/**`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// The methods an operation may have, as a document writes them.
pub(super) const METHODS: &[&str] = &[
    "get", "put", "post", "delete", "options", "head", "patch", "trace", "query",
];

/// An operation, or all of a path, or with `*` and `**` all of several paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The method in lower case; `None` means any.
    pub(super) method: Option<String>,
    /// The path as written.
    pub(super) path: String,
}

impl Route {
    /// Reads one.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no operation; help: write it like `GET /items/{{id}}` or `/items/**`"
            )
        };
        let (method, path) = match text.trim().split_once(char::is_whitespace) {
            Some((method, path)) => (Some(method.to_ascii_lowercase()), path.trim()),
            None => (None, text.trim()),
        };
        let known = method
            .as_deref()
            .is_none_or(|method| METHODS.contains(&method));
        if !known || !path.starts_with('/') || path.contains(char::is_whitespace) {
            return Err(wrong());
        }
        Ok(Self {
            method,
            path: path.to_owned(),
        })
    }

    /// Whether a `*` stands in it.
    pub(super) fn is_pattern(&self) -> bool {
        self.path.split('/').any(|segment| segment.contains('*'))
    }

    /// Whether it means this operation.
    pub(super) fn means(&self, method: &str, path: &str) -> bool {
        let same_method = self.method.as_deref().is_none_or(|own| own == method);
        same_method && path_matches(&self.path, path)
    }
}

/// Whether a path of a document is meant by a pattern. Names of parameters do not matter.
fn path_matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (nameless(pattern), nameless(path));
    let mut path = path.split('/');
    for part in pattern.split('/') {
        if part == "**" {
            return true;
        }
        match path.next() {
            Some(segment) if part == "*" && !segment.is_empty() => {}
            Some(segment) if part == segment => {}
            _ => return false,
        }
    }
    path.next().is_none()
}

/// A path whose parameters have lost their names: `/items/{id}` is `/items/{}`.
pub(super) fn nameless(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '{' => {
                inside = true;
                out.push(c);
            }
            '}' => {
                inside = false;
                out.push(c);
            }
            _ if inside => {}
            _ => out.push(c),
        }
    }
    out
}

/// The names of the parameters in a path, in their order.
pub(super) fn names_in(path: &str) -> Vec<&str> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .collect()
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.method {
            Some(method) => write!(f, "{} {}", method.to_ascii_uppercase(), self.path),
            None => f.write_str(&self.path),
        }
    }
}

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Route {
    fn schema_name() -> Cow<'static, str> {
        "Route".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "An operation `GET /items/{id}`, or a path `/items/{id}` with any method.", "examples": ["GET /health"] })
    }
}
