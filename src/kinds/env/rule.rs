//! The rules of one variable.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::dotenv::known::Mode;
use crate::dotenv::values::ValueType;
use crate::expect::{Matcher, Pattern, TimeSpan};
use crate::kinds::SpecProblem;

/// What a variable must be. A variable that has a rule must be set and not empty unless the rule
/// says `required: false`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Whether it must be set; default true. An optional one is judged when it is set, and being
    /// empty counts as not set.
    #[serde(default = "yes")]
    pub(super) required: bool,
    /// Whether it must not be set at all; default false.
    #[serde(default)]
    pub(super) forbidden: bool,
    /// Whether it may be empty on purpose; default false.
    #[serde(default)]
    pub(super) allow_empty: bool,
    /// Whether the value is a secret: never shown, never a placeholder, never a published default,
    /// never the example's. By default judged by the name (`*_PASSWORD`, `API_KEY`,
    /// `DATABASE_URL`) and the value (a private key, a URL with a password).
    #[serde(default)]
    pub(super) secret: Option<bool>,
    /// The type of its value.
    #[serde(default, rename = "type")]
    pub(super) kind: Option<ValueType>,
    /// The value it must have: text or a list of which one must match, `production`.
    #[serde(default)]
    pub(super) equals: Option<Words>,
    /// Values it must not have.
    #[serde(default)]
    pub(super) not_equals: Option<Words>,
    /// The values it may have.
    #[serde(default)]
    pub(super) one_of: Option<Words>,
    /// Whether `equals`, `not_equals` and `one_of` ignore case; default false.
    #[serde(default)]
    pub(super) ignore_case: bool,
    /// A regular expression that must be found in it.
    #[serde(default)]
    pub(super) matches: Option<Pattern>,
    /// A regular expression that must not be found in it.
    #[serde(default)]
    pub(super) not_matches: Option<Pattern>,
    /// A matcher for anything else, `{ starts_with: sk_live_ }`.
    #[serde(default)]
    pub(super) value: Option<Matcher>,
    /// Fewest characters.
    #[serde(default)]
    pub(super) min_length: Option<usize>,
    /// Most characters.
    #[serde(default)]
    pub(super) max_length: Option<usize>,
    /// Least estimated entropy in bits: 128 for what attackers may try offline. 32 hexadecimal
    /// digits from a generator hold 128.
    #[serde(default)]
    pub(super) min_entropy_bits: Option<f64>,
    /// Fewest different characters.
    #[serde(default)]
    pub(super) min_unique: Option<usize>,
    /// Whether placeholders (`changeme`, `<your-key>`) are refused; default true for secrets.
    #[serde(default)]
    pub(super) not_placeholder: Option<bool>,
    /// Whether published defaults (`postgres`, `django-insecure-…`) are refused; default true for
    /// secrets.
    #[serde(default)]
    pub(super) not_default: Option<bool>,
    /// Whether the example's value is refused (with `example:` of the check); default true for
    /// secrets.
    #[serde(default)]
    pub(super) not_example: Option<bool>,
    /// Least number, for numbers.
    #[serde(default)]
    pub(super) min: Option<f64>,
    /// Greatest number, for numbers.
    #[serde(default)]
    pub(super) max: Option<f64>,
    /// Shortest duration, for durations with unit.
    #[serde(default)]
    pub(super) min_duration: Option<TimeSpan>,
    /// Longest duration, for durations with unit.
    #[serde(default)]
    pub(super) max_duration: Option<TimeSpan>,
    /// Schemes its URL may have, `https` or `[https, wss]`.
    #[serde(default)]
    pub(super) scheme: Option<Words>,
    /// Whether localhost, loopback addresses, `.local` and `host.docker.internal` are refused;
    /// default false, and advice when the check says `production: true`.
    #[serde(default)]
    pub(super) forbid_local: bool,
    /// Whether addresses of private networks are refused; default false.
    #[serde(default)]
    pub(super) forbid_private: bool,
    /// Whether its URL must ask for an encrypted connection: `https`, `rediss`, `amqps`,
    /// `sslmode=require` or stricter; default false.
    #[serde(default)]
    pub(super) require_tls: bool,
    /// Rules of its items when it is a list.
    #[serde(default)]
    pub(super) list: Option<ListRule>,
    /// Variables that must have the same value.
    #[serde(default)]
    pub(super) same_as: Option<Words>,
    /// Variables that must not have the same value.
    #[serde(default)]
    pub(super) not_same_as: Option<Words>,
    /// The variable that holds the certificate of this private key.
    #[serde(default)]
    pub(super) certificate: Option<String>,
    /// Which keys of providers it may hold: `live` refuses test keys (`sk_test_…`), `test` refuses
    /// live ones. Default `live` when the check says `production: true`.
    #[serde(default)]
    pub(super) mode: Option<Mode>,
    /// How long a token or certificate inside must still be valid; expired ones are always refused.
    #[serde(default)]
    pub(super) valid_for: Option<TimeSpan>,
}

/// The same rule for several variables.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SameRule {
    /// The variables: one name or a list.
    pub(super) names: Words,
    /// What each must be.
    pub(super) rule: Rule,
}

/// Rules of a list in one variable: comma-separated, or a JSON array.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListRule {
    /// Fewest items; default 1.
    #[serde(default = "one")]
    pub(super) min: usize,
    /// Most items.
    #[serde(default)]
    pub(super) max: Option<usize>,
    /// How the program reads it; default `any`.
    #[serde(default)]
    pub(super) form: ListForm,
    /// What stands between items that are no JSON array; default `,`.
    #[serde(default = "comma")]
    pub(super) separator: String,
    /// Whether the program cuts off blanks around items; default false: blanks are a warning then.
    #[serde(default)]
    pub(super) trims: bool,
    /// What each item must be.
    #[serde(default)]
    pub(super) each: Option<ItemRule>,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ListForm {
    /// A JSON array when it begins with `[`, separated otherwise.
    #[default]
    Any,
    /// Separated only: a JSON array would be read as odd items.
    Separated,
    /// A JSON array only.
    Json,
}

/// What each item of a list must be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ItemRule {
    /// Its type.
    #[serde(default, rename = "type")]
    pub(super) kind: Option<ValueType>,
    /// Items that must not be there, `*`.
    #[serde(default)]
    pub(super) not: Option<Words>,
    /// Items that may be there.
    #[serde(default)]
    pub(super) one_of: Option<Words>,
    /// A regular expression that must be found in each.
    #[serde(default)]
    pub(super) matches: Option<Pattern>,
    /// Schemes their URLs may have.
    #[serde(default)]
    pub(super) scheme: Option<Words>,
    /// Whether localhost and the like are refused; default false.
    #[serde(default)]
    pub(super) forbid_local: bool,
    /// Whether each must ask for an encrypted connection; default false.
    #[serde(default)]
    pub(super) require_tls: bool,
    /// Whether placeholders are refused; default false.
    #[serde(default)]
    pub(super) not_placeholder: bool,
    /// Fewest characters of each.
    #[serde(default)]
    pub(super) min_length: Option<usize>,
    /// Least estimated entropy of each in bits.
    #[serde(default)]
    pub(super) min_entropy_bits: Option<f64>,
}

/// The default of `required`.
fn yes() -> bool {
    true
}

/// The default of `min` of a list.
fn one() -> usize {
    1
}

/// The default separator.
fn comma() -> String {
    ",".to_owned()
}

impl Rule {
    /// Whether the value is a secret as far as the rule and the name say.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        self.secret.unwrap_or_else(|| {
            crate::redact::looks_secret(name)
                && !matches!(
                    self.kind,
                    Some(
                        ValueType::Boolean
                            | ValueType::Port
                            | ValueType::Integer
                            | ValueType::Number
                            | ValueType::Duration
                            | ValueType::Size
                            | ValueType::LogLevel
                            | ValueType::Origin
                            | ValueType::Certificate
                    )
                )
        })
    }

    /// Whether nothing but presence is asked.
    fn asks_nothing_of_the_value(&self) -> bool {
        let texts = self.equals.is_none()
            && self.not_equals.is_none()
            && self.one_of.is_none()
            && self.matches.is_none()
            && self.not_matches.is_none()
            && self.value.is_none();
        let strength = self.min_length.is_none()
            && self.max_length.is_none()
            && self.min_entropy_bits.is_none()
            && self.min_unique.is_none()
            && self.not_placeholder != Some(true)
            && self.not_default != Some(true)
            && self.not_example != Some(true);
        let numbers = self.min.is_none()
            && self.max.is_none()
            && self.min_duration.is_none()
            && self.max_duration.is_none();
        let urls = self.scheme.is_none()
            && !self.forbid_local
            && !self.forbid_private
            && !self.require_tls;
        let others = self.kind.is_none()
            && self.list.is_none()
            && self.same_as.is_none()
            && self.not_same_as.is_none()
            && self.certificate.is_none()
            && self.mode.is_none()
            && self.valid_for.is_none();
        texts && strength && numbers && urls && others
    }

    /// What its types cannot express.
    pub(super) fn problems(&self, at: &str, name: &str, found: &mut Vec<SpecProblem>) {
        if self.forbidden {
            if !self.asks_nothing_of_the_value() {
                found.push(SpecProblem::at(
                    at,
                    "a forbidden variable has no value to judge",
                    "remove `forbidden` or the other fields",
                ));
            }
            return;
        }
        if !self.required && self.asks_nothing_of_the_value() && !self.is_secret(name) {
            found.push(SpecProblem::at(
                at,
                "an optional variable of which nothing is asked can never be red",
                "say what it must be when it is set, for example `type: url`",
            ));
        }
        let crossed = |low: Option<f64>, high: Option<f64>| {
            low.zip(high).is_some_and(|(low, high)| low > high)
        };
        let lengths = self
            .min_length
            .zip(self.max_length)
            .is_some_and(|(low, high)| low > high);
        let durations = self
            .min_duration
            .zip(self.max_duration)
            .is_some_and(|(low, high)| low > high);
        let items = self
            .list
            .as_ref()
            .is_some_and(|list| list.max.is_some_and(|max| max < list.min));
        if crossed(self.min, self.max) || lengths || durations || items {
            found.push(SpecProblem::at(
                at,
                "the lower bound is above the upper one",
                "exchange them",
            ));
        }
        if let Some(list) = &self.list
            && list.separator.is_empty()
        {
            found.push(SpecProblem::at(
                format!("{at}.list.separator"),
                "nothing separates nothing",
                "write a character, for example `,`",
            ));
        }
        if self
            .min_entropy_bits
            .is_some_and(|bits| bits.is_nan() || bits <= 0.0)
        {
            found.push(SpecProblem::at(
                format!("{at}.min_entropy_bits"),
                "every value has more than 0 bits",
                "write for example 128",
            ));
        }
    }
}

/// One text or several; not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words(pub(super) Vec<String>);

impl Words {
    /// Whether a text is one of these.
    pub(super) fn contain(&self, text: &str, ignore_case: bool) -> bool {
        self.0
            .iter()
            .any(|word| word == text || (ignore_case && word.to_lowercase() == text.to_lowercase()))
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => f.write_str(one),
            several => write!(f, "one of {}", several.join(", ")),
        }
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// One scalar as text.
        struct Text(String);
        impl<'de> Deserialize<'de> for Text {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::expect::text::scalar(deserializer).map(Self)
            }
        }
        /// Accepts a scalar or a list of scalars.
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Words;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of texts")
            }
            fn visit_str<E>(self, text: &str) -> Result<Words, E> {
                Ok(Words(vec![text.to_owned()]))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Words, E> {
                Ok(Words(vec![value.to_string()]))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Words, E> {
                Ok(Words(vec![number.to_string()]))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Words, E> {
                Ok(Words(vec![number.to_string()]))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Words, E> {
                Ok(Words(vec![number.to_string()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(Text(word)) = seq.next_element()? {
                    words.push(word);
                }
                if words.is_empty() {
                    return Err(serde::de::Error::custom(
                        "this list is empty; help: write at least one text",
                    ));
                }
                Ok(Words(words))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

impl JsonSchema for Words {
    fn schema_name() -> Cow<'static, str> {
        "Words".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One text or a list of texts.",
            "anyOf": [
                { "type": ["string", "number", "boolean"] },
                { "type": "array", "minItems": 1, "items": { "type": ["string", "number", "boolean"] } }
            ]
        })
    }
}
