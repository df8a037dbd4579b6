//! Selectors: `name{label="value", other=~"regex"}`, as in PromQL.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::lines::Cursor;

/// Which samples: a name, and what its labels must be. Regular expressions match the whole value.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    /// As written.
    text: String,
    /// The name; empty means any.
    pub(crate) name: String,
    /// All must hold.
    rules: Vec<Rule>,
}

/// What a label must be.
#[derive(Clone, Debug)]
struct Rule {
    /// The label; `__name__` is the name.
    label: String,
    /// The comparison.
    test: Test,
    /// Whether it must not hold.
    negated: bool,
}

/// A comparison.
#[derive(Clone, Debug)]
enum Test {
    /// Equal.
    Is(String),
    /// The whole value matches.
    Matches(Regex),
}

impl Selector {
    /// Whether it selects a series.
    pub(crate) fn selects<'a>(&self, name: &'a str, label: impl Fn(&str) -> &'a str) -> bool {
        (self.name.is_empty() || self.name == name)
            && self.rules.iter().all(|rule| {
                let value = if rule.label == "__name__" {
                    name
                } else {
                    label(&rule.label)
                };
                let holds = match &rule.test {
                    Test::Is(wanted) => value == wanted,
                    Test::Matches(pattern) => pattern.is_match(value),
                };
                holds != rule.negated
            })
    }
}

impl Selector {
    /// The same selection with something after the name: `a{b="c"}` and `_bucket` give
    /// `a_bucket{b="c"}`.
    pub(crate) fn renamed(&self, suffix: &str) -> String {
        let rest = self.text.get(self.name.len()..).unwrap_or_default();
        format!("{}{suffix}{rest}", self.name)
    }
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!("{what}; help: write it like `http_requests_total{{status=~\"5..\"}}`")
        };
        let mut cursor = Cursor::new(text.trim());
        let name = cursor.name(true).unwrap_or_default().to_owned();
        let mut rules = Vec::new();
        cursor.spaces();
        if cursor.take('{') {
            loop {
                cursor.spaces();
                if cursor.take('}') {
                    break;
                }
                rules.push(rule(&mut cursor).map_err(|what| wrong(&what))?);
                cursor.spaces();
                if !cursor.take(',') && !cursor.rest().starts_with('}') {
                    return Err(wrong("a comma or the closing brace is missing"));
                }
            }
            cursor.spaces();
        }
        if !cursor.rest().is_empty() {
            return Err(wrong("this is more than a name and labels"));
        }
        if name.is_empty() && !rules.iter().any(|rule| !rule.negated) {
            return Err(wrong("this selects everything"));
        }
        Ok(Self {
            text: text.trim().to_owned(),
            name,
            rules,
        })
    }
}

/// One `label op "value"`.
fn rule(cursor: &mut Cursor<'_>) -> Result<Rule, String> {
    let label = cursor
        .name(false)
        .ok_or("a label's name is missing")?
        .to_owned();
    cursor.spaces();
    let (negated, regex) = if cursor.take_text("!~") {
        (true, true)
    } else if cursor.take_text("!=") {
        (true, false)
    } else if cursor.take_text("=~") {
        (false, true)
    } else if cursor.take('=') {
        (false, false)
    } else {
        return Err(format!(
            "one of `=`, `!=`, `=~`, `!~` is missing after `{label}`"
        ));
    };
    cursor.spaces();
    let value = cursor.quoted()?;
    let test = if regex {
        let pattern = RegexBuilder::new(&format!("^(?:{value})$"))
            .size_limit(1 << 20)
            .build()
            .map_err(|_| format!("the value of `{label}` is not a regular expression"))?;
        Test::Matches(pattern)
    } else {
        Test::Is(value)
    };
    Ok(Rule {
        label,
        test,
        negated,
    })
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::expect::text::scalar(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Selector {
    fn schema_name() -> Cow<'static, str> {
        "Selector".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "Which series: a name, with labels as in PromQL: `http_requests_total{status=~\"5..\", route!=\"/health\"}`. Regular expressions match the whole value; an absent label is empty.", "examples": ["process_resident_memory_bytes"] })
    }
}
