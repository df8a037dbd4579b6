//! YAML as a tree that remembers where everything stood, and the list of problems found in it.
//!
//! Profiles are parsed once into [`Node`]s (see `yaml`); inputs are
//! interpolated inside the scalars, files are merged as trees, and typed structs are decoded from the
//! result (see `decode`), so that every mistake keeps its file, line and column.

#[cfg(test)]
pub(crate) use super::yaml::parse;

/// Where a node stands: a file of [`Sources`], a position and a length in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// Index into [`Sources`].
    pub(crate) file: usize,
    /// Line, from 1; 0 when unknown.
    pub(crate) line: u32,
    /// Column in characters, from 1.
    pub(crate) column: u32,
    /// Length in characters; at least 1 when drawn.
    pub(crate) len: u32,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it stands.
    pub(crate) at: Place,
    /// What it is.
    pub(crate) value: Value,
    /// Whether a secret flowed into it: its value is then never shown.
    pub(crate) secret: bool,
    /// Whether its real value is not known here: a reference that was reported already, or a
    /// variable that linting does without. Nothing can be said about such a value.
    pub(crate) unknown: bool,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or exponent.
    Float(f64),
    /// Text.
    Str(String),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// A string node at the place of another.
    pub(crate) fn string(at: Place, text: impl Into<String>) -> Self {
        Self {
            at,
            value: Value::Str(text.into()),
            secret: false,
            unknown: false,
        }
    }

    /// A value that is not known here, see [`Node::unknown`].
    pub(crate) fn unknown(at: Place) -> Self {
        Self {
            unknown: true,
            ..Self::string(at, "unset")
        }
    }

    /// Whether this node, or one below it, satisfies `test`; keys count too.
    pub(crate) fn any(&self, test: &impl Fn(&Node) -> bool) -> bool {
        test(self)
            || match &self.value {
                Value::Seq(items) => items.iter().any(|item| item.any(test)),
                Value::Map(entries) => entries
                    .iter()
                    .any(|(key, value)| key.any(test) || value.any(test)),
                _ => false,
            }
    }

    /// The first node below this one, itself included, that satisfies `test`.
    pub(crate) fn find(&self, test: &impl Fn(&Node) -> bool) -> Option<&Node> {
        if test(self) {
            return Some(self);
        }
        match &self.value {
            Value::Seq(items) => items.iter().find_map(|item| item.find(test)),
            Value::Map(entries) => entries
                .iter()
                .find_map(|(key, value)| value.find(test).or_else(|| key.find(test))),
            _ => None,
        }
    }

    /// An empty mapping at a place.
    pub(crate) fn empty_map(at: Place) -> Self {
        Self {
            at,
            value: Value::Map(Vec::new()),
            secret: false,
            unknown: false,
        }
    }

    /// The text of a string node.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub(crate) fn as_map(&self) -> Option<&[(Node, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under `key` of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// Key and value under `key` of a mapping.
    pub(crate) fn entry(&self, key: &str) -> Option<(&Node, &Node)> {
        self.as_map()?
            .iter()
            .find(|(k, _)| k.as_str() == Some(key))
            .map(|(k, v)| (k, v))
    }

    /// Sets `key` of a mapping; does nothing to other nodes.
    pub(crate) fn set(&mut self, key: Node, value: Node) {
        if let Value::Map(entries) = &mut self.value {
            let name = key.as_str().map(str::to_owned);
            match entries
                .iter_mut()
                .find(|(k, _)| k.as_str() == name.as_deref())
            {
                Some(entry) => *entry = (key, value),
                None => entries.push((key, value)),
            }
        }
    }

    /// Takes `key` out of a mapping.
    pub(crate) fn take(&mut self, key: &str) -> Option<(Node, Node)> {
        let Value::Map(entries) = &mut self.value else {
            return None;
        };
        let at = entries.iter().position(|(k, _)| k.as_str() == Some(key))?;
        Some(entries.remove(at))
    }

    /// The word for its type, as error messages use it.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Str(_) => "text",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// Merges `over` onto this node: mappings field by field, everything else replaced.
    pub(crate) fn merge(&mut self, over: Node) {
        match (&mut self.value, over.value) {
            (Value::Map(_), Value::Map(entries)) => {
                for (key, value) in entries {
                    // Keys such as `404` are numbers to YAML.
                    let name = key.scalar_text();
                    let Value::Map(own) = &mut self.value else {
                        return;
                    };
                    match own.iter_mut().find(|(k, _)| k.scalar_text() == name) {
                        Some((k, v)) => {
                            *k = key;
                            v.merge(value);
                        }
                        None => own.push((key, value)),
                    }
                }
            }
            (_, value) => {
                *self = Node {
                    at: over.at,
                    value,
                    secret: over.secret,
                    unknown: over.unknown,
                }
            }
        }
    }

    /// The plain JSON value, places dropped.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Int(i) => (*i).into(),
            Value::Float(f) => {
                serde_json::Number::from_f64(*f).map_or(serde_json::Value::Null, Into::into)
            }
            Value::Str(s) => s.clone().into(),
            Value::Seq(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries
                    .iter()
                    .map(|(k, v)| (k.scalar_text().unwrap_or_default(), v.to_json()))
                    .collect(),
            ),
        }
    }

    /// A node tree from plain JSON, every node at the same place.
    pub(crate) fn from_json(at: Place, json: &serde_json::Value) -> Self {
        let value = match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(b) => Value::Bool(*b),
            serde_json::Value::Number(n) => n
                .as_i64()
                .map_or_else(|| Value::Float(n.as_f64().unwrap_or(f64::NAN)), Value::Int),
            serde_json::Value::String(s) => Value::Str(s.clone()),
            serde_json::Value::Array(items) => {
                Value::Seq(items.iter().map(|item| Self::from_json(at, item)).collect())
            }
            serde_json::Value::Object(map) => Value::Map(
                map.iter()
                    .map(|(k, v)| (Self::string(at, k.clone()), Self::from_json(at, v)))
                    .collect(),
            ),
        };
        Self {
            at,
            value,
            secret: false,
            unknown: false,
        }
    }

    /// A scalar as the text it stands for; `None` for lists and mappings.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        Some(match &self.value {
            Value::Null => String::new(),
            Value::Bool(b) => b.to_string(),
            Value::Int(i) => i.to_string(),
            Value::Float(f) => f.to_string(),
            Value::Str(s) => s.clone(),
            Value::Seq(_) | Value::Map(_) => return None,
        })
    }
}

/// A file that was read, for drawing its lines.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The name shown: the path as given, or `builtin:profiles/prod.yaml`.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

/// Every file read so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// Indexed by [`Place::file`].
    pub(crate) files: Vec<Source>,
}

impl Sources {
    /// Adds a file; gives its index.
    pub(crate) fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> usize {
        self.files.push(Source {
            name: name.into(),
            text: text.into(),
        });
        self.files.len() - 1
    }

    /// `file:line:column` of a place.
    pub(crate) fn describe(&self, at: Place) -> String {
        let name = self
            .files
            .get(at.file)
            .map_or("?", |file| file.name.as_str());
        format!("{name}:{}:{}", at.line, at.column)
    }
}

/// One thing that is wrong in the input, with its place and what to do about it.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// Where; `None` for what has no place in a file (a missing file, a flag).
    pub(crate) at: Option<Place>,
    /// A second place that explains the first (`first defined here`).
    pub(crate) other: Option<(Place, String)>,
    /// What is wrong, a lower-case sentence without full stop.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<String>,
}

/// Problems collected while reading: all of them are reported, not the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems {
    /// In the order found.
    pub(crate) list: Vec<Problem>,
}

impl Problems {
    /// Adds a problem at a place.
    pub(crate) fn add(&mut self, at: Place, message: impl Into<String>, help: impl Into<String>) {
        self.list.push(Problem {
            at: Some(at),
            other: None,
            message: message.into(),
            help: Some(help.into()),
        });
    }

    /// Adds a problem with a second place.
    pub(crate) fn add_with(
        &mut self,
        at: Place,
        message: impl Into<String>,
        other: (Place, String),
        help: impl Into<String>,
    ) {
        self.list.push(Problem {
            at: Some(at),
            other: Some(other),
            message: message.into(),
            help: Some(help.into()),
        });
    }

    /// Adds a problem that has no place in a file.
    pub(crate) fn add_global(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.list.push(Problem {
            at: None,
            other: None,
            message: message.into(),
            help: Some(help.into()),
        });
    }

    /// Says each thing once: the same mistake in every item of a `for_each` or in every target is one.
    pub(crate) fn dedupe(&mut self, sources: &Sources) {
        let mut seen = std::collections::HashSet::new();
        self.list.retain(|problem| {
            let place = problem.at.map(|at| sources.describe(at));
            seen.insert((place, problem.message.clone()))
        });
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// `help` text for a misspelt word: the nearest of the known ones, or all of them.
pub(crate) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => "nothing is known here".to_owned(),
        None => {
            let mut names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            names.sort();
            format!("known here: {}", names.join(", "))
        }
    }
}

/// The known word that a mistyped one most likely was.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}
