//! A share of requests: `99.9%`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A share as people write it, `99.9%`; or a fraction, `0.999`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Share(pub(super) f64);

impl Share {
    /// How many of `n` are at least this share. The product of decimal fractions may lie a hair
    /// above the whole number that is meant.
    pub(super) fn of(self, n: u64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "counts of requests, far below 2^53, times at most 1"
        )]
        let count = (n as f64 * self.0 - 1e-6).ceil().max(0.0) as u64;
        count.min(n)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected a share; help: write it like `99.9%` or `0.999`".to_owned();
        let text = text.trim();
        let share = match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map_err(|_| wrong())? / 100.0,
            None => {
                let fraction = text.parse::<f64>().map_err(|_| wrong())?;
                if fraction > 0.999_999_999 {
                    return Err(format!(
                        "`{text}` may mean a percentage or all of them; help: write `{text}%`, or `100%`"
                    ));
                }
                fraction
            }
        };
        (0.0..=1.0)
            .contains(&share)
            .then_some(Self(share))
            .ok_or_else(wrong)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:.4}", self.0 * 100.0);
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        write!(f, "{digits} %")
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::expect::text::scalar(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"], "description": "A share: `99.9%`, or a fraction below one, `0.999`.", "examples": ["99.9%", 0.01] })
    }
}
