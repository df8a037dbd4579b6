//! The operations of a document, in one shape for all versions.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::document::{Dialect, Document};
use super::route::METHODS;

/// Most operations of one document that are looked at.
pub(super) const MAX_OPERATIONS: usize = 5000;

/// One operation of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation<'a> {
    /// The document it is in.
    pub(super) document: &'a Document,
    /// The method in lower case.
    pub(super) method: &'static str,
    /// The path as the document writes it.
    pub(super) path: &'a str,
    /// What all operations of the path have in common.
    pub(super) item: &'a Value,
    /// The operation itself.
    pub(super) value: &'a Value,
}

/// A parameter, its reference followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// `path`, `query`, `header`, `cookie`.
    pub(super) place: &'a str,
    /// Whether it must be sent.
    pub(super) required: bool,
    /// What its value must be like.
    pub(super) schema: Option<&'a Value>,
    /// All of it.
    pub(super) value: &'a Value,
}

/// What may be sent or come back: media types, and what each holds.
pub(super) type Media<'a> = Vec<(String, Option<&'a Value>)>;

/// A body that clients send.
#[derive(Clone, Debug)]
pub(super) struct Body<'a> {
    /// Whether it must be sent.
    pub(super) required: bool,
    /// The media types.
    pub(super) media: Media<'a>,
}

/// Schemes of which all are needed, each as it is defined and with its scopes.
pub(super) type Credentials = BTreeMap<String, Vec<String>>;

impl Document {
    /// Every operation, in the order of the document.
    pub(super) fn operations(&self) -> Vec<Operation<'_>> {
        let mut list = Vec::new();
        for (path, item) in members(self.get("paths")) {
            let Ok(item) = self.follow(item) else {
                continue;
            };
            for (key, value) in members(Some(item)) {
                let method = METHODS.iter().find(|method| **method == key);
                if let (Some(method), true) = (method, value.is_object()) {
                    list.push(Operation {
                        document: self,
                        method,
                        path,
                        item,
                        value,
                    });
                }
            }
        }
        list
    }

    /// The security schemes that are declared.
    pub(super) fn schemes(&self) -> Option<&Map<String, Value>> {
        match self.dialect {
            Dialect::V2 => self.get("securityDefinitions"),
            _ => self.root.pointer("/components/securitySchemes"),
        }
        .and_then(Value::as_object)
    }
}

/// The entries of a mapping; none when it is no mapping, and without extensions.
pub(super) fn members(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    value
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value))
        .filter(|(key, _)| !key.starts_with("x-"))
}

/// The items of a list; none when it is no list.
pub(super) fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// A text that is there and not blank.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
}

/// Whether a member is `true`.
pub(super) fn is_true(value: &Value, key: &str) -> bool {
    value.get(key) == Some(&Value::Bool(true))
}

impl<'a> Operation<'a> {
    /// `GET /items`.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method.to_ascii_uppercase(), self.path)
    }

    /// Its parameters, those of its path included; bodies and forms are none.
    pub(super) fn parameters(&self) -> Vec<Parameter<'a>> {
        let mut list: Vec<Parameter<'a>> = Vec::new();
        for holder in [self.value, self.item] {
            for value in items(holder.get("parameters")) {
                let Ok(value) = self.document.follow(value) else {
                    continue;
                };
                let (Some(name), Some(place)) = (text(value, "name"), text(value, "in")) else {
                    continue;
                };
                let known = list
                    .iter()
                    .any(|other| other.name == name && other.place == place);
                if !known && !matches!(place, "body" | "formData") {
                    list.push(Parameter {
                        name,
                        place,
                        required: is_true(value, "required"),
                        schema: self.parameter_schema(value),
                        value,
                    });
                }
            }
        }
        list
    }

    /// What the value of a parameter must be like.
    fn parameter_schema(&self, value: &'a Value) -> Option<&'a Value> {
        if self.document.dialect == Dialect::V2 {
            return Some(value);
        }
        value.get("schema").or_else(|| {
            let (_, media) = members(value.get("content")).next()?;
            media.get("schema")
        })
    }

    /// The body that clients send, if it has one.
    pub(super) fn body(&self) -> Option<Body<'a>> {
        if self.document.dialect != Dialect::V2 {
            let body = self.document.follow(self.value.get("requestBody")?).ok()?;
            return Some(Body {
                required: is_true(body, "required"),
                media: content(body),
            });
        }
        let body = [self.value, self.item]
            .into_iter()
            .flat_map(|holder| items(holder.get("parameters")))
            .filter_map(|value| self.document.follow(value).ok())
            .find(|value| text(value, "in") == Some("body"))?;
        let media = self.types("consumes");
        Some(Body {
            required: is_true(body, "required"),
            media: media
                .into_iter()
                .map(|name| (name, body.get("schema")))
                .collect(),
        })
    }

    /// Its answers, by what the document calls their status.
    pub(super) fn responses(&self) -> Vec<(&'a str, &'a Value)> {
        members(self.value.get("responses"))
            .filter_map(|(status, value)| Some((status, self.document.follow(value).ok()?)))
            .collect()
    }

    /// What an answer may hold.
    pub(super) fn media(&self, response: &'a Value) -> Media<'a> {
        if self.document.dialect != Dialect::V2 {
            return content(response);
        }
        match response.get("schema") {
            None => Vec::new(),
            schema => self
                .types("produces")
                .into_iter()
                .map(|name| (name, schema))
                .collect(),
        }
    }

    /// The media types that Swagger 2.0 declares for an operation or for all.
    fn types(&self, key: &str) -> Vec<String> {
        let own = self.value.get(key).or_else(|| self.document.get(key));
        let list: Vec<String> = items(own).filter_map(Value::as_str).map(essence).collect();
        if list.is_empty() {
            return vec!["application/json".to_owned()];
        }
        list
    }

    /// The alternatives of credentials with which it may be called; an empty one needs none.
    /// `None` when neither it nor the document says anything.
    pub(super) fn security(&self) -> Option<Vec<Credentials>> {
        let declared = self
            .value
            .get("security")
            .or_else(|| self.document.get("security"))?;
        let alternatives: Vec<Credentials> = items(Some(declared))
            .map(|alternative| {
                members(Some(alternative))
                    .map(|(name, scopes)| {
                        let scopes = items(Some(scopes))
                            .filter_map(Value::as_str)
                            .map(str::to_owned)
                            .collect();
                        (name.to_owned(), scopes)
                    })
                    .collect()
            })
            .collect();
        Some(alternatives)
    }

    /// Whether it says that it cannot be called without credentials.
    pub(super) fn is_secured(&self) -> bool {
        self.security().is_some_and(|alternatives| {
            !alternatives.is_empty() && alternatives.iter().all(|one| !one.is_empty())
        })
    }
}

/// The media types of a `content`.
fn content(holder: &Value) -> Media<'_> {
    members(holder.get("content"))
        .map(|(name, media)| (essence(name), media.get("schema")))
        .collect()
}

/// A media type without its parameters.
pub(super) fn essence(name: &str) -> String {
    name.split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}
