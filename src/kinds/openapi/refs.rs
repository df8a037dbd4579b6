//! The references of a document: each must lead somewhere inside of it.

use serde_json::Value;

use super::document::{Document, Lost};
use super::outline::Problem;

/// Most values that are looked at.
const MAX_VALUES: usize = 2_000_000;

/// Keys whose values are anybody's data, where `$ref` means nothing.
const DATA: &[&str] = &["example", "examples", "default", "enum", "const", "value"];
/// Keys whose members have names of their own, not keywords.
const NAMES: &[&str] = &[
    "properties",
    "patternProperties",
    "dependentSchemas",
    "$defs",
    "definitions",
    "schemas",
    "responses",
    "parameters",
    "requestBodies",
    "headers",
    "paths",
    "pathItems",
    "callbacks",
    "links",
    "securitySchemes",
    "securityDefinitions",
    "webhooks",
    "content",
    "encoding",
];

/// What is wrong with the references; `false` when there was more than was looked at.
pub(super) fn problems(document: &Document) -> (Vec<Problem>, bool) {
    let mut walk = Walk {
        document,
        left: MAX_VALUES,
        list: Vec::new(),
    };
    let complete = walk.value(&document.root, "", false);
    (walk.list, complete)
}

/// A walk through a document.
struct Walk<'a> {
    /// The document.
    document: &'a Document,
    /// How many values may still be looked at.
    left: usize,
    /// What was found.
    list: Vec<Problem>,
}

impl Walk<'_> {
    /// Looks at a value and what is in it; `names` says that its keys are no keywords.
    fn value(&mut self, value: &Value, place: &str, names: bool) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            return false;
        };
        self.left = left;
        match value {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .all(|(n, item)| self.value(item, &format!("{place}/{n}"), false)),
            Value::Object(members) => {
                if !names && let Some(Value::String(reference)) = members.get("$ref") {
                    self.reference(reference, place);
                }
                members.iter().all(|(key, member)| {
                    if !names && (DATA.contains(&key.as_str()) || key.starts_with("x-")) {
                        return true;
                    }
                    // A schema may have a property of any name, also of these.
                    let inside = !names && NAMES.contains(&key.as_str());
                    self.value(member, &format!("{place}/{}", escaped(key)), inside)
                })
            }
            _ => true,
        }
    }

    /// Looks where a reference leads.
    fn reference(&mut self, reference: &str, place: &str) {
        let shown = crate::exchange::cut(reference, 200);
        let what = match self
            .document
            .target(reference)
            .map(|to| self.document.follow(to))
        {
            Ok(Ok(_)) => return,
            Ok(Err(Lost::Circle)) => format!("`{shown}` leads back to itself"),
            Ok(Err(Lost::Missing)) => format!("`{shown}` leads to a reference that leads nowhere"),
            Err(Lost::Elsewhere) | Ok(Err(Lost::Elsewhere)) => {
                format!("`{shown}` leads out of the document; other documents are never fetched")
            }
            Err(_) => format!("`{shown}` leads nowhere"),
        };
        self.list.push(Problem::new("API-14", place, what));
    }
}

/// A key inside a JSON pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
