//! Values that may be written in several ways: methods, statuses, switches, payloads.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::spec::{Cacheable, Exposed, Fresh, Health, RequiresAuth};
use crate::expect::Matcher;

/// An HTTP method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verb(pub(in crate::kinds) reqwest::Method);

/// The method of requests that are sent besides those of a check.
pub(super) static GET: Verb = Verb(reqwest::Method::GET);

impl Default for Verb {
    fn default() -> Self {
        Self(reqwest::Method::GET)
    }
}

impl<'de> Deserialize<'de> for Verb {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        reqwest::Method::from_bytes(text.to_ascii_uppercase().as_bytes())
            .map(Self)
            .map_err(|_| {
                D::Error::custom("this is not a method; help: write `GET`, `HEAD`, `POST` …")
            })
    }
}

impl JsonSchema for Verb {
    fn schema_name() -> Cow<'static, str> {
        "Method".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "An HTTP method: `GET`, `HEAD`, `POST` …" })
    }
}

/// A JSON body to send; its `Debug` shows nothing, secrets may be inside.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Payload(pub(super) Value);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payload(..)")
    }
}

/// Something that is on, off, or described: `true`, `false`, a word or a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Switch<T>(pub(crate) Option<T>);

impl<T> Default for Switch<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// A setting for which a word may stand.
pub(crate) trait Word: Sized {
    /// The words, for messages.
    const WORDS: &'static str = "`true`, `false` or a mapping";
    /// What the word means.
    fn from_word(_word: &str) -> Option<Self> {
        None
    }
}

impl Word for Health {
    const WORDS: &'static str = "`true`, one of `auto`, `plain`, `spring`, `aspnet`, `inadarei`, `microprofile`, or a mapping";
    fn from_word(word: &str) -> Option<Self> {
        let dialect = serde_json::from_value(Value::from(word)).ok()?;
        Some(Self {
            dialect,
            ..Self::default()
        })
    }
}
impl Word for Fresh {
    const WORDS: &'static str = "`true`, a duration like `30s`, or a mapping";
    fn from_word(word: &str) -> Option<Self> {
        Some(Self {
            max_age: word.parse().ok()?,
            time: None,
        })
    }
}
impl Word for Cacheable {
    const WORDS: &'static str = "`true`, a duration like `1h`, or a mapping";
    fn from_word(word: &str) -> Option<Self> {
        Some(Self {
            min_age: word.parse().ok()?,
        })
    }
}
impl Word for RequiresAuth {}
impl Word for Exposed {}

impl<'de, T: Deserialize<'de> + Default + Word> Deserialize<'de> for Switch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Reads any of the forms.
        struct Forms<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default + Word> Visitor<'de> for Forms<T> {
            type Value = Switch<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::WORDS)
            }
            fn visit_bool<E>(self, on: bool) -> Result<Switch<T>, E> {
                Ok(Switch(on.then(T::default)))
            }
            fn visit_unit<E>(self) -> Result<Switch<T>, E> {
                Ok(Switch(None))
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Switch<T>, E> {
                match word {
                    "true" => Ok(Switch(Some(T::default()))),
                    "false" => Ok(Switch(None)),
                    _ => T::from_word(word)
                        .map(|rule| Switch(Some(rule)))
                        .ok_or_else(|| {
                            E::custom(format!(
                                "this word is not known here; help: write {}",
                                T::WORDS
                            ))
                        }),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Switch<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|rule| Switch(Some(rule)))
            }
        }
        deserializer.deserialize_any(Forms(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Switch<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("SwitchOf{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rule = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "boolean" }, { "type": "string" }, rule] })
    }
}

/// Which statuses are fine.
#[derive(Clone, Debug)]
pub(crate) enum StatusRule {
    /// Any of these: single ones, or classes as their first digit.
    List(Vec<StatusItem>),
    /// Operators.
    Matcher(Matcher),
}

/// One status or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusItem {
    /// Exactly this.
    Exactly(u16),
    /// `2xx`.
    Class(u16),
}

impl StatusItem {
    /// Reads `200` or `2xx`.
    fn read(value: &Value) -> Result<Self, String> {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_ascii_lowercase);
        let wrong = || {
            "expected a status; help: write it like `200` or `2xx`, or several in a list".to_owned()
        };
        if let Some(class) = text.strip_suffix("xx") {
            let class: u16 = class.parse().map_err(|_| wrong())?;
            return (1..=5)
                .contains(&class)
                .then_some(Self::Class(class))
                .ok_or_else(wrong);
        }
        let status: u16 = text.parse().map_err(|_| wrong())?;
        (100..=599)
            .contains(&status)
            .then_some(Self::Exactly(status))
            .ok_or_else(wrong)
    }
}

impl StatusRule {
    /// 200 to 299.
    pub(super) fn success() -> Self {
        Self::List(vec![StatusItem::Class(2)])
    }

    /// 300 to 399.
    pub(super) fn redirect() -> Self {
        Self::List(vec![StatusItem::Class(3)])
    }

    /// 400 to 599.
    pub(super) fn client_or_server_error() -> Self {
        Self::List(vec![StatusItem::Class(4), StatusItem::Class(5)])
    }

    /// 401 and 403.
    pub(super) fn refused() -> Self {
        Self::List(vec![StatusItem::Exactly(401), StatusItem::Exactly(403)])
    }

    /// Whether the status is fine.
    pub(in crate::kinds) fn accepts(&self, status: u16) -> bool {
        match self {
            Self::List(items) => items.iter().any(|item| match item {
                StatusItem::Exactly(wanted) => status == *wanted,
                StatusItem::Class(class) => status / 100 == *class,
            }),
            Self::Matcher(matcher) => matcher.check(Some(&Value::from(status))).is_ok(),
        }
    }
}

impl fmt::Display for StatusRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        f.write_str(" or ")?;
                    }
                    match item {
                        StatusItem::Exactly(status) => write!(f, "{status}")?,
                        StatusItem::Class(class) => write!(f, "{class}xx")?,
                    }
                }
                Ok(())
            }
            Self::Matcher(matcher) => matcher.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for StatusRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let custom = |text: String| D::Error::custom(text);
        match &value {
            Value::Array(items) if items.is_empty() => Err(custom(
                "this list is empty: no status could match; help: write at least one status"
                    .to_owned(),
            )),
            Value::Array(items) => items
                .iter()
                .map(StatusItem::read)
                .collect::<Result<_, _>>()
                .map(Self::List)
                .map_err(custom),
            Value::Object(_) => serde_json::from_value(value.clone())
                .map(Self::Matcher)
                .map_err(|error| custom(error.to_string())),
            scalar => StatusItem::read(scalar)
                .map(|item| Self::List(vec![item]))
                .map_err(custom),
        }
    }
}

impl JsonSchema for StatusRule {
    fn schema_name() -> Cow<'static, str> {
        "Status".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = serde_json::json!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": "^([1-5]xx|[1-5][0-9][0-9])$" },
        ]});
        let matcher = generator.subschema_for::<Matcher>();
        json_schema!({
            "description": "A status (`200`), a class (`2xx`), a list of these, or operators.",
            "anyOf": [item, { "type": "array", "minItems": 1, "items": item }, matcher],
        })
    }
}
