//! An OpenAPI document: reading its text, and following its references.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exchange::cut;
use crate::expect::text::percent_decoded;
use crate::kinds::http::parse_json;
use crate::yaml_doc::parse_all;

/// Most references that are followed one after the other.
const MAX_HOPS: usize = 32;

/// The language a document is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Dialect {
    /// Swagger 2.0.
    V2,
    /// OpenAPI 3.0, whose schemas are its own.
    V30,
    /// OpenAPI 3.1 and 3.2, whose schemas are JSON Schema.
    V31,
}

/// A document that was read.
#[derive(Debug)]
pub(super) struct Document {
    /// All of it.
    pub(super) root: Value,
    /// Its language.
    pub(super) dialect: Dialect,
    /// Its version of that language, `3.1.0`.
    pub(super) openapi: String,
    /// A key that stands twice, of which parsers keep one or the other.
    pub(super) duplicate: Option<String>,
}

/// Why a text is no document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unreadable {
    /// A page for people, or nothing at all.
    Page(String),
    /// Data, but no document that is understood.
    Wrong(String),
    /// More than is read.
    TooMuch(String),
}

impl Unreadable {
    /// In words.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Page(words) | Self::Wrong(words) | Self::TooMuch(words) => words,
        }
    }
}

/// Why a reference leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Nothing is there.
    Missing,
    /// It is in another document.
    Elsewhere,
    /// It leads back to itself.
    Circle,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let wrong = |why: String| Unreadable::Wrong(why);
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Err(Unreadable::Page("it is empty".to_owned()));
        }
        if text.starts_with('<') {
            return Err(Unreadable::Page("it is a page of HTML or XML".to_owned()));
        }
        let (root, duplicate) = if text.starts_with(['{', '[']) {
            parse_json(text.as_bytes()).map_err(|why| {
                if why.starts_with("recursion limit") {
                    Unreadable::TooMuch("it is nested too deep".to_owned())
                } else {
                    wrong(format!("it is not JSON: {}", cut(&why, 200)))
                }
            })?
        } else {
            (yaml(text)?, None)
        };
        let (dialect, openapi) = dialect(&root)?;
        Ok(Self {
            root,
            dialect,
            openapi,
            duplicate,
        })
    }

    /// What a value stands for: itself, or what its reference leads to.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub(super) fn follow<'a>(&'a self, value: &'a Value) -> Result<&'a Value, Lost> {
        let mut value = value;
        for _ in 0..MAX_HOPS {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return Ok(value);
            };
            value = self.target(reference)?;
        }
        Err(Lost::Circle)
    }

    /// What a reference names, which may be a reference too.
    ///
    /// # Errors
    /// Why it names nothing.
    pub(super) fn target(&self, reference: &str) -> Result<&Value, Lost> {
        let Some(pointer) = reference.strip_prefix('#') else {
            return Err(Lost::Elsewhere);
        };
        self.root
            .pointer(&percent_decoded(pointer))
            .ok_or(Lost::Missing)
    }

    /// A member of the root.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.root.get(key)
    }
}

/// Reads YAML.
fn yaml(text: &str) -> Result<Value, Unreadable> {
    let documents = parse_all(text).map_err(|error| {
        let why = format!("line {}: {}", error.line, cut(&error.message, 200));
        if error.too_large {
            Unreadable::TooMuch(why)
        } else {
            Unreadable::Wrong(why)
        }
    })?;
    match documents.as_slice() {
        [one] => Ok(one.to_json()),
        [] => Err(Unreadable::Wrong("it is empty".to_owned())),
        _ => Err(Unreadable::Wrong("it holds several documents".to_owned())),
    }
}

/// The language a document says it is written in.
fn dialect(root: &Value) -> Result<(Dialect, String), Unreadable> {
    let wrong = |why: &str| Err(Unreadable::Wrong(why.to_owned()));
    if !root.is_object() {
        return wrong("it is no OpenAPI document: it has no `openapi`");
    }
    match (root.get("openapi"), root.get("swagger")) {
        (Some(Value::String(version)), _) => {
            let mut parts = version.split('.');
            let known = match (parts.next(), parts.next()) {
                (Some("3"), Some("0")) => Some(Dialect::V30),
                (Some("3"), Some("1" | "2")) => Some(Dialect::V31),
                _ => None,
            };
            match known {
                Some(dialect) if parts.next().is_some() => Ok((dialect, version.clone())),
                _ => wrong("its `openapi` is none of 3.0.x, 3.1.x and 3.2.x"),
            }
        }
        (None, Some(Value::String(version))) if version == "2.0" => {
            Ok((Dialect::V2, version.clone()))
        }
        (Some(_), _) | (None, Some(_)) => {
            wrong("its `openapi` or `swagger` is not the text of a known version")
        }
        (None, None) => wrong("it is no OpenAPI document: it has no `openapi`"),
    }
}
