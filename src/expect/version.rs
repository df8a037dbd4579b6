//! Version numbers as servers report them, and ranges over them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A dotted version: `15`, `0.8.2`, `15.20 (Debian 15.20-0)`, `v1.4.0-rc1`. Missing parts count as
/// zero, text after the numbers is kept for display and does not take part in comparisons, except
/// that a pre-release (`-rc1`, `beta2`) is older than its release.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// As written.
    text: String,
    /// The numbers.
    parts: Vec<u64>,
    /// Whether it is a pre-release.
    pre: bool,
}

impl Version {
    /// The first number.
    pub(crate) fn major(&self) -> u64 {
        self.parts.first().copied().unwrap_or(0)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let end = digits
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(digits.len());
        let (numbers, rest) = digits.split_at(end);
        let parts: Result<Vec<u64>, _> = numbers
            .trim_end_matches('.')
            .split('.')
            .map(str::parse)
            .collect();
        match parts {
            Ok(parts) if !numbers.is_empty() => {
                let rest = rest
                    .trim_start_matches(['-', '.', '~'])
                    .to_ascii_lowercase();
                let pre = ["rc", "beta", "alpha", "dev", "pre"]
                    .iter()
                    .any(|word| rest.starts_with(word));
                Ok(Self {
                    text: text.to_owned(),
                    parts,
                    pre,
                })
            }
            _ => Err("expected a version; help: write it like `\"15\"` or `\"0.8.2\"`".to_owned()),
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.parts.len().max(other.parts.len());
        let part = |version: &Self, i: usize| version.parts.get(i).copied().unwrap_or(0);
        (0..length)
            .map(|i| part(self, i).cmp(&part(other, i)))
            .find(|ordering| ordering.is_ne())
            .unwrap_or_else(|| other.pre.cmp(&self.pre))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = super::text::scalar(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl JsonSchema for Version {
    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "description": "A dotted version, quoted: `\"15\"`, `\"0.8.2\"`.", "examples": ["15", "0.8.2"] })
    }
}

/// A version range: comparators that must all hold, `>=0.8.2 <1`, `15` (exactly 15), `!=0.8.1`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VersionRange {
    /// As written.
    text: String,
    /// Operator and version.
    all: Vec<(Op, Version)>,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    /// `=`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
}

impl VersionRange {
    /// Whether the version lies inside.
    pub(crate) fn contains(&self, version: &Version) -> bool {
        self.all.iter().all(|(op, bound)| match op {
            Op::Eq => version == bound,
            Op::Ne => version != bound,
            Op::Lt => version < bound,
            Op::Le => version <= bound,
            Op::Gt => version > bound,
            Op::Ge => version >= bound,
        })
    }
}

impl FromStr for VersionRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = "expected a version range; help: write it like `\">=0.8.2 <1\"`";
        let spaced = text.replace(',', " ");
        let mut all = Vec::new();
        let mut words = spaced.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let operators = [
                (">=", Op::Ge),
                ("<=", Op::Le),
                ("!=", Op::Ne),
                (">", Op::Gt),
                ("<", Op::Lt),
                ("=", Op::Eq),
            ];
            let (op, rest) = operators
                .iter()
                .find_map(|(symbol, op)| word.strip_prefix(symbol).map(|rest| (*op, rest)))
                .unwrap_or((Op::Eq, word));
            let number = if rest.is_empty() {
                words.next().ok_or(wrong)?
            } else {
                rest
            };
            all.push((op, number.parse::<Version>().map_err(|_| wrong)?));
        }
        if all.is_empty() {
            Err(wrong.to_owned())
        } else {
            Ok(Self {
                text: text.trim().to_owned(),
                all,
            })
        }
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let v = |text: &str| text.parse::<Version>().unwrap();
        assert!(v("15.20 (Debian 15.20-0+deb12u1)") > v("15.9"));
        assert!(v("0.8.10") > v("0.8.9"));
        assert!(v("15") == v("15.0"));
        assert!(v("18beta1") < v("18"));
        assert!(v("v1.4.0-rc1") < v("1.4"));
        assert!("latest".parse::<Version>().is_err());
        assert!("".parse::<Version>().is_err());
    }

    #[test]
    fn ranges_hold_all_their_comparators() {
        let range: VersionRange = ">=0.8.2, <1".parse().unwrap();
        assert!(range.contains(&"0.8.5".parse().unwrap()));
        assert!(!range.contains(&"0.8.1".parse().unwrap()));
        assert!(!range.contains(&"1.0".parse().unwrap()));
        assert!("".parse::<VersionRange>().is_err());
        assert!(">=".parse::<VersionRange>().is_err());
    }
}
