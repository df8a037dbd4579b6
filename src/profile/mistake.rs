//! What is wrong with a value that cannot be decoded, in words for people who write YAML.

use std::fmt;

use serde::de;

use super::node::{Place, suggest};

/// A decoding error with its place.
#[derive(Debug)]
pub(super) struct Error {
    /// Where, once known.
    pub(super) at: Option<Place>,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) help: Option<String>,
    /// The field that is missing.
    pub(super) missing: Option<&'static str>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl Error {
    /// An error with help.
    pub(super) fn new(message: impl Into<String>, help: Option<String>) -> Self {
        Self {
            at: None,
            message: message.into(),
            help,
            missing: None,
        }
    }

    /// The same error, placed here unless it already has a place.
    pub(super) fn at(mut self, at: Place) -> Self {
        self.at.get_or_insert(at);
        self
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        // `what is wrong; help: what to do` lets hand-written types give help through serde.
        let text = message.to_string();
        match text.split_once("; help: ") {
            Some((message, help)) => Self::new(message, Some(help.to_owned())),
            None => Self::new(text, None),
        }
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(
            format!(
                "expected {}, found {}",
                plain(expected),
                name_of(&unexpected)
            ),
            None,
        )
    }

    fn invalid_value(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(
            format!(
                "expected {}, found {}",
                plain(expected),
                name_of(&unexpected)
            ),
            None,
        )
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(
            format!("unknown value `{variant}`"),
            Some(suggest(variant, expected.iter().copied())),
        )
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(
            format!("unknown field `{field}`"),
            Some(suggest(field, expected.iter().copied())),
        )
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            missing: Some(field),
            ..Self::new(
                format!("the field `{field}` is missing"),
                Some(format!("add `{field}:` here")),
            )
        }
    }
}

/// What was expected, without the names that Rust has for types.
pub(super) fn plain(expected: &dyn de::Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "text",
        "a sequence" => "a list",
        "a map" => "a mapping",
        _ => return text,
    }
    .to_owned()
}

/// Words for what was found, never the value: it may hold a secret.
fn name_of(unexpected: &de::Unexpected<'_>) -> String {
    match unexpected {
        de::Unexpected::Bool(b) => format!("the boolean `{b}`"),
        de::Unexpected::Unsigned(n) => format!("the number {n}"),
        de::Unexpected::Signed(n) => format!("the number {n}"),
        de::Unexpected::Float(n) => format!("the number {n}"),
        de::Unexpected::Str(_) | de::Unexpected::Char(_) => "text".to_owned(),
        de::Unexpected::Unit | de::Unexpected::Option => "nothing".to_owned(),
        de::Unexpected::Seq => "a list".to_owned(),
        de::Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}
