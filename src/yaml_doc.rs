//! YAML files of other programs as trees with tags and lines: Compose files, manifests, workflows.
//!
//! Profiles have their own reader (`profile/yaml`), which knows about inputs and secrets. This one
//! takes any file: several documents, tags such as `!reset`, anchors, merge keys. It is bounded in
//! depth and values, so that aliases of aliases cost nothing.

mod build;
mod scalar;

pub(crate) use build::parse_all;

/// A value of a YAML document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Yaml {
    /// Line on which it begins, from 1.
    pub(crate) line: u32,
    /// A tag that is not of YAML's own schema: `!reset`, `!override`, `!Ref`.
    pub(crate) tag: Option<String>,
    /// What it is.
    pub(crate) value: YamlValue,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum YamlValue {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `false`; not `yes`, `on` and the like, which are text since YAML 1.2.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or exponent, or too large for a whole one.
    Float(f64),
    /// Text.
    Str(String),
    /// A sequence.
    Seq(Vec<Yaml>),
    /// A mapping in the order of the file, merge keys resolved.
    Map(Vec<(Yaml, Yaml)>),
}

/// Why a file is not YAML, or is more than is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// Line, from 1.
    pub(crate) line: u32,
    /// What is wrong.
    pub(crate) message: String,
    /// Whether it is only too much.
    pub(crate) too_large: bool,
}

#[allow(dead_code, reason = "for the kinds that read manifests")]
impl Yaml {
    /// The value under `key` of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?
            .iter()
            .find(|(k, _)| k.scalar_text().as_deref() == Some(key))
            .map(|(_, value)| value)
    }

    /// The value at the end of a path of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries of a mapping.
    pub(crate) fn as_map(&self) -> Option<&[(Self, Self)]> {
        match &self.value {
            YamlValue::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a sequence.
    pub(crate) fn as_seq(&self) -> Option<&[Self]> {
        match &self.value {
            YamlValue::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.value {
            YamlValue::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Whether there is nothing.
    pub(crate) fn is_null(&self) -> bool {
        self.value == YamlValue::Null
    }

    /// A scalar as the text it stands for; `None` for sequences and mappings.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        Some(match &self.value {
            YamlValue::Null => String::new(),
            YamlValue::Bool(b) => b.to_string(),
            YamlValue::Int(i) => i.to_string(),
            YamlValue::Float(f) => f.to_string(),
            YamlValue::Str(s) => s.clone(),
            YamlValue::Seq(_) | YamlValue::Map(_) => return None,
        })
    }

    /// The plain JSON value: lines and tags dropped.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            YamlValue::Null => serde_json::Value::Null,
            YamlValue::Bool(b) => (*b).into(),
            YamlValue::Int(i) => (*i).into(),
            YamlValue::Float(f) => {
                serde_json::Number::from_f64(*f).map_or(serde_json::Value::Null, Into::into)
            }
            YamlValue::Str(s) => s.clone().into(),
            YamlValue::Seq(items) => items.iter().map(Self::to_json).collect(),
            YamlValue::Map(entries) => serde_json::Value::Object(
                entries
                    .iter()
                    .map(|(k, v)| (k.scalar_text().unwrap_or_default(), v.to_json()))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests;
