//! Durations and sizes as people write them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time: `100ms`, `5s`, `1m 30s`, `24h`, `90d`, `2w`. Days are 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeSpan(pub(crate) Duration);

impl TimeSpan {
    /// From whole seconds.
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
    /// From whole milliseconds.
    pub(crate) const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
    /// As milliseconds, saturating.
    pub(crate) fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
    /// As whole seconds.
    pub(crate) fn as_secs(self) -> u64 {
        self.0.as_secs()
    }
}

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.parse::<f64>().is_ok() {
            return Err(format!(
                "`{text}` has no unit; help: write a unit, for example `{text}s` or `{text}ms`"
            ));
        }
        let wrong = || {
            "expected a duration; help: write it like `500ms`, `5s`, `1m 30s`, `24h` or `90d`"
                .to_owned()
        };
        let span: Span = text.parse().map_err(|_| wrong())?;
        let duration = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| {
                "years and months have no fixed length; help: write days, for example `90d`"
                    .to_owned()
            })?;
        Duration::try_from(duration)
            .map(Self)
            .map_err(|_| "a duration cannot be negative; help: leave out the minus sign".to_owned())
    }
}

impl fmt::Display for TimeSpan {
    /// The two largest units: `2d 3h`, `1m 30s`, `120ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis < 1000 {
            return if millis == 0 && !self.0.is_zero() {
                write!(f, "{}us", self.0.as_micros())
            } else {
                write!(f, "{millis}ms")
            };
        }
        if millis < 10_000 && !millis.is_multiple_of(1000) {
            return write!(f, "{}.{}s", millis / 1000, millis % 1000 / 100);
        }
        let seconds = self.0.as_secs();
        let parts = [
            (seconds / 86_400, "d"),
            (seconds / 3600 % 24, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
        ];
        let first = parts.iter().position(|(n, _)| *n > 0).unwrap_or(3);
        let shown: Vec<String> = parts[first..]
            .iter()
            .take(2)
            .filter(|(n, _)| *n > 0)
            .map(|(n, u)| format!("{n}{u}"))
            .collect();
        f.write_str(&shown.join(" "))
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::text::scalar(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for TimeSpan {
    /// Exactly, unlike for people: facts are judged again.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nanos = self.0.subsec_nanos();
        if nanos == 0 {
            return serializer.collect_str(&format_args!("{}s", self.0.as_secs()));
        }
        serializer.collect_str(&format_args!("{}s {nanos}ns", self.0.as_secs()))
    }
}

impl JsonSchema for TimeSpan {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A length of time with unit: `100ms`, `5s`, `1m 30s`, `24h`, `90d`.", "examples": ["5s", "24h"] })
    }
}

/// A number of bytes: `512B`, `10KB` (1000), `1MiB` (1024²), `2GiB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteSize(pub(crate) u64);

/// Units and their factors, largest first.
const UNITS: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong =
            || "expected a size; help: write it like `512B`, `10KB`, `1MiB` or `2GiB`".to_owned();
        let split = text
            .find(|c: char| c.is_ascii_alphabetic())
            .ok_or_else(wrong)?;
        let (number, unit) = text.split_at(split);
        let digits = number.trim();
        let number: f64 = digits.parse().map_err(|_| wrong())?;
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))
            .ok_or_else(wrong)?;
        if !number.is_finite() || number < 0.0 {
            return Err(wrong());
        }
        if let Ok(whole) = digits.parse::<u64>() {
            return whole.checked_mul(*factor).map(Self).ok_or_else(wrong);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "checked above; sizes beyond 2^53 bytes do not matter"
        )]
        Ok(Self((number * *factor as f64) as u64))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, factor) in &UNITS[..4] {
            if self.0 >= *factor {
                let tenths = u128::from(self.0) * 10 / u128::from(*factor);
                return if tenths % 10 == 0 {
                    write!(f, "{} {name}", tenths / 10)
                } else {
                    write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
                };
            }
        }
        write!(f, "{} B", self.0)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::text::scalar(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for ByteSize {
    /// Exactly, unlike for people: facts are judged again.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}B", self.0))
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A size with unit: `512B`, `10KB` (1000), `1MiB` (1024²), `2GiB`.", "examples": ["1MiB"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_show_as_people_write_them() {
        for (text, millis, shown) in [
            ("100ms", 100, "100ms"),
            ("5s", 5_000, "5s"),
            ("1m 30s", 90_000, "1m 30s"),
            ("24h", 86_400_000, "1d"),
            ("90d", 7_776_000_000, "90d"),
            ("2w", 1_209_600_000, "14d"),
            ("1.5s", 1_500, "1.5s"),
            ("26h", 93_600_000, "1d 2h"),
        ] {
            let span: TimeSpan = text.parse().unwrap();
            assert_eq!(
                (span.as_millis(), span.to_string().as_str()),
                (millis, shown),
                "{text}"
            );
        }
    }

    #[test]
    fn durations_without_unit_or_sense_are_refused() {
        for text in ["5", "", "soon", "-5s", "1mo", "5 parsecs"] {
            assert!(text.parse::<TimeSpan>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_read_and_show() {
        for (text, bytes, shown) in [
            ("512B", 512, "512 B"),
            ("1KiB", 1024, "1 KiB"),
            ("10KB", 10_000, "9.7 KiB"),
            ("1.5 MiB", 1_572_864, "1.5 MiB"),
            ("2gib", 1 << 31, "2 GiB"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(
                (size.0, size.to_string().as_str()),
                (bytes, shown),
                "{text}"
            );
        }
        for text in ["10", "MiB", "-1B", "1XB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
