//! Values that travel from one step of a journey to the next: `capture:` and `{{name}}`.

use serde_json::Value;

use super::body::parse_json;
use super::spec::Capture;
use crate::context::Context;
use crate::exchange::Response;
use crate::expect::Ordered;
use crate::outcome::{Cause, Fault};
use crate::redact::looks_secret;

/// Captured values by name; later ones replace earlier ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    /// Name and value.
    list: Vec<(String, Value)>,
    /// Outside of journeys `{{` stands for itself.
    literal: bool,
}

/// The names between `{{` and `}}` in a text.
pub(super) fn names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((name, tail)) = after.split_once("}}") else {
            break;
        };
        names.push(name.trim());
        rest = tail;
    }
    names
}

/// The names in every text of a JSON value, keys included.
pub(super) fn names_in_json(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => names(text),
        Value::Array(items) => items.iter().flat_map(names_in_json).collect(),
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, item)| names(key).into_iter().chain(names_in_json(item)))
            .collect(),
        _ => Vec::new(),
    }
}

impl Values {
    /// Fills in nothing.
    pub(super) fn literal() -> Self {
        Self {
            list: Vec::new(),
            literal: true,
        }
    }

    /// The value of a name as text.
    fn text(&self, name: &str) -> Result<String, Fault> {
        match self.get(name)? {
            Value::String(text) => Ok(text.clone()),
            other => Ok(other.to_string()),
        }
    }

    /// The value of a name.
    fn get(&self, name: &str) -> Result<&Value, Fault> {
        self.list
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
            .ok_or_else(|| {
                Fault::new(Cause::Missing, format!("no step captured `{name}`"))
                    .hint("capture it in an earlier step")
            })
    }

    /// The text with every `{{name}}` filled in.
    ///
    /// # Errors
    /// When a name was not captured.
    pub(super) fn fill(&self, text: &str) -> Result<String, Fault> {
        if self.literal {
            return Ok(text.to_owned());
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, tail)) = after.split_once("}}") else {
                break;
            };
            out.push_str(before);
            out.push_str(&self.text(name.trim())?);
            rest = tail;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The JSON value with every `{{name}}` filled in; a text that is only a name becomes the
    /// value with its type.
    ///
    /// # Errors
    /// When a name was not captured.
    pub(super) fn fill_json(&self, value: &Value) -> Result<Value, Fault> {
        if self.literal {
            return Ok(value.clone());
        }
        Ok(match value {
            Value::String(text) => {
                let whole = text
                    .trim()
                    .strip_prefix("{{")
                    .and_then(|t| t.strip_suffix("}}"));
                match whole {
                    Some(name) if !name.contains("{{") => self.get(name.trim())?.clone(),
                    _ => Value::String(self.fill(text)?),
                }
            }
            Value::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| self.fill_json(item))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(key, item)| Ok((self.fill(key)?, self.fill_json(item)?)))
                    .collect::<Result<_, Fault>>()?,
            ),
            other => other.clone(),
        })
    }

    /// Keeps what a step captures; the text says what was not there.
    pub(super) fn take(
        &mut self,
        captures: &Ordered<Capture>,
        response: &Response,
        cookie: impl Fn(&str) -> Option<String>,
        cx: &Context,
    ) -> Option<String> {
        for (name, capture) in captures.iter() {
            match captured(capture, response, &cookie) {
                Ok(value) => {
                    let hide = capture.secret.unwrap_or_else(|| looks_secret(name));
                    if hide || capture.cookie.is_some() {
                        match &value {
                            Value::String(text) => cx.redactor.add(text),
                            other => cx.redactor.add(&other.to_string()),
                        }
                    }
                    self.list.push((name.to_owned(), value));
                }
                Err(why) => return Some(format!("`{name}`: {why}")),
            }
        }
        None
    }
}

/// One captured value.
fn captured(
    capture: &Capture,
    response: &Response,
    cookie: &impl Fn(&str) -> Option<String>,
) -> Result<Value, String> {
    if let Some(path) = &capture.json {
        let (document, _) =
            parse_json(&response.body).map_err(|why| format!("the body is not JSON ({why})"))?;
        let found = path.select(&document);
        return match found.as_slice() {
            [Value::Null] => Err(format!("{path} is null")),
            [one] if one.is_array() || one.is_object() => {
                Err(format!("{path} selects a list or mapping, not one value"))
            }
            [one] => Ok((*one).clone()),
            [] => Err(format!("{path} selects nothing")),
            many => Err(format!("{path} selects {} values, not one", many.len())),
        };
    }
    if let Some(name) = &capture.header {
        return response
            .header(name)
            .filter(|value| !value.is_empty())
            .map(Value::from)
            .ok_or_else(|| format!("there is no header {name}"));
    }
    if let Some(name) = &capture.cookie {
        return cookie(name)
            .filter(|value| !value.is_empty())
            .map(Value::from)
            .ok_or_else(|| format!("there is no cookie {name}"));
    }
    let Some(pattern) = &capture.regex else {
        return Err("no source is named".to_owned());
    };
    let text = response.text();
    let found = pattern
        .0
        .captures(&text)
        .ok_or("the expression finds nothing in the body")?;
    found
        .get(1)
        .or_else(|| found.get(0))
        .map(|m| Value::from(m.as_str()))
        .filter(|value| value.as_str() != Some(""))
        .ok_or_else(|| "the expression finds an empty text".to_owned())
}
