//! Typed inputs: declared with type and source, resolved with provenance, checked before any use.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::interpolate::{Bound, Scope};
use super::node::{Node, Place, Problems, Value};
use crate::expect::{ByteSize, Pattern, TimeSpan};

/// What values an input accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InputType {
    /// Any text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `http://` or `https://` with a host; a slash at the very end is dropped.
    Url,
    /// `postgres://…` or a libpq keyword string.
    PostgresUrl,
    /// `redis://`, `rediss://` or `unix://`.
    RedisUrl,
    /// A file or folder.
    Path,
    /// A length of time with unit, `24h`.
    Duration,
    /// A size with unit, `1MiB`.
    Size,
    /// Scheme, host and port of a web origin, `https://app.example.com`.
    Origin,
    /// A host name or address.
    Host,
    /// 1 to 65535.
    Port,
    /// A list; text from a variable is split at commas or read as a JSON array.
    List,
}

impl fmt::Display for InputType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One source or several, tried in order.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Sources(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let list: Vec<String> = match value {
            serde_json::Value::String(one) => vec![one],
            serde_json::Value::Array(many) => many
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        };
        if list.is_empty()
            || list
                .iter()
                .any(|source| !source.starts_with("env:") && !source.starts_with("file:"))
        {
            return Err(serde::de::Error::custom(
                "a source is `env:NAME` or `file:PATH`; help: write `from: env:API_URL`",
            ));
        }
        Ok(Self(list))
    }
}

/// The only values allowed, numbers as text too; an empty list would allow nothing.
fn allowed<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let values = Vec::<serde_json::Value>::deserialize(deserializer)?;
    if values.is_empty() {
        return Err(serde::de::Error::custom(
            "this list is empty: no value would be allowed; help: list the values, or remove the field",
        ));
    }
    Ok(values
        .iter()
        .map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
        .collect())
}

/// Whether `${name}` and `inputs.name` can refer to it.
pub(crate) fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The declaration of an input.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputDecl {
    /// What values it accepts.
    #[serde(default, rename = "type")]
    pub(crate) kind: InputType,
    /// What it is for, one sentence.
    #[serde(default)]
    pub(crate) description: String,
    /// Whether an audit without a value is refused.
    #[serde(default)]
    pub(crate) required: bool,
    /// The value when no source has one.
    #[serde(default)]
    pub(crate) default: Option<serde_json::Value>,
    /// Where the value comes from: `env:NAME`, `file:PATH`, or a list of these.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub(crate) from: Option<Sources>,
    /// Whether the value must never be shown.
    #[serde(default)]
    pub(crate) secret: bool,
    /// The only values allowed.
    #[serde(default, deserialize_with = "allowed")]
    pub(crate) one_of: Vec<String>,
    /// A pattern that text must match.
    #[serde(default)]
    pub(crate) pattern: Option<Pattern>,
    /// A value to show in documentation.
    #[serde(default)]
    pub(crate) example: Option<String>,
}

/// An input with its value.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// Its name.
    pub(crate) name: String,
    /// Its declaration.
    pub(crate) decl: InputDecl,
    /// Its value, typed; `None` when nothing gives one.
    pub(crate) value: Option<Node>,
    /// Where the value came from, in words.
    pub(crate) provenance: String,
    /// Whether what is wrong with it was reported: its uses are then not reported again.
    pub(crate) reported: bool,
}

impl Input {
    /// How `${name}` sees it.
    pub(crate) fn bound(&self) -> Bound {
        Bound {
            value: self.value.clone(),
            help: self.how_to_set(),
            reported: self.reported,
        }
    }

    /// An input that needs a value and has none, which was reported.
    pub(crate) fn missing(name: &str, decl: InputDecl) -> Self {
        Self {
            name: name.to_owned(),
            decl,
            value: None,
            provenance: "not set".to_owned(),
            reported: true,
        }
    }

    /// The words for "give it a value".
    pub(crate) fn how_to_set(&self) -> String {
        let variables: Vec<&str> = self
            .decl
            .from
            .iter()
            .flat_map(|from| &from.0)
            .filter_map(|source| source.strip_prefix("env:"))
            .collect();
        let mut ways: Vec<String> = variables
            .iter()
            .map(|name| format!("set the variable {name}"))
            .collect();
        ways.push(format!("pass `--set {}=…`", self.name));
        format!(
            "{}; a check that can do without it says `when: inputs.{} != null`",
            ways.join(" or "),
            self.name
        )
    }

    /// The value as CEL sees it: null when there is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        self.value
            .as_ref()
            .map_or(serde_json::Value::Null, Node::to_json)
    }
}

/// A value given from outside, with its provenance.
pub(crate) struct Given {
    /// The value.
    pub(crate) node: Node,
    /// Where it came from.
    pub(crate) provenance: String,
}

/// Resolves one input: given values first, then its sources, then its default. `raw` is the
/// declaration as it stands in the file.
pub(crate) fn resolve(
    (name, at, raw): (&str, Place, &Node),
    decl: InputDecl,
    given: Option<Given>,
    scope: &Scope<'_>,
    problems: &mut Problems,
) -> Input {
    let found = given
        .or_else(|| from_sources(&decl, at, scope))
        .or_else(|| {
            let default = raw
                .get("default")
                .filter(|node| !matches!(node.value, Value::Null))?;
            let node = scope.apply(default, problems);
            Some(Given {
                node,
                provenance: "default".to_owned(),
            })
        });
    let mut input = Input {
        name: name.to_owned(),
        decl,
        value: None,
        provenance: "not set".to_owned(),
        reported: false,
    };
    let Some(Given { node, provenance }) = found else {
        if input.decl.required {
            if scope.strict {
                input.reported = true;
                problems.add(
                    at,
                    format!("the required input `{name}` has no value"),
                    input.how_to_set(),
                );
            } else {
                input.value = Some(stand_in(input.decl.kind, at));
                "stand-in".clone_into(&mut input.provenance);
            }
        }
        return input;
    };
    input.provenance = provenance;
    if node.unknown {
        input.reported = true;
        return input;
    }
    let secret = input.decl.secret || node.secret;
    if secret {
        register(&node, scope);
    }
    match typed(&input.decl, &node) {
        Ok(value) => {
            scope
                .redactor
                .add_credentials(&value.scalar_text().unwrap_or_default());
            input.value = Some(Node { secret, ..value });
        }
        Err((message, help)) => {
            input.reported = true;
            problems.add(
                node.at,
                format!("the input `{name}` (from {}) {message}", input.provenance),
                help,
            );
        }
    }
    input
}

/// Registers the values of a declaration that cannot be read but says that it is secret.
pub(crate) fn register_raw(raw: &Node, scope: &Scope<'_>) {
    if raw
        .get("secret")
        .is_some_and(|secret| !matches!(secret.value, Value::Bool(false)))
    {
        for field in ["default", "example"] {
            raw.get(field)
                .into_iter()
                .for_each(|node| register(node, scope));
        }
    }
}

/// Makes the redactor forget nothing: every scalar of a secret value.
fn register(node: &Node, scope: &Scope<'_>) {
    match &node.value {
        Value::Seq(items) => items.iter().for_each(|item| register(item, scope)),
        Value::Map(entries) => entries.iter().for_each(|(_, value)| register(value, scope)),
        _ => scope.redactor.add(&node.scalar_text().unwrap_or_default()),
    }
}

/// The first source that has a value; an empty variable has none.
fn from_sources(decl: &InputDecl, at: Place, scope: &Scope<'_>) -> Option<Given> {
    for source in decl.from.iter().flat_map(|from| &from.0) {
        if let Some(variable) = source.strip_prefix("env:") {
            let Some(text) = scope
                .environment
                .get(variable)
                .filter(|text| !text.is_empty())
            else {
                continue;
            };
            let origin = scope
                .environment
                .origin(variable)
                .map_or_else(String::new, |origin| format!(" ({origin})"));
            // As in `${env:…}`: a variable of such a name holds a secret whatever the input says.
            let secret = crate::redact::looks_secret(variable);
            return Some(Given {
                node: Node {
                    secret,
                    ..Node::string(at, text)
                },
                provenance: format!("{source}{origin}"),
            });
        }
        if let Some(path) = source.strip_prefix("file:")
            && let Ok(text) = std::fs::read_to_string(path)
        {
            let text = text.trim_end_matches(['\n', '\r']);
            if !text.is_empty() {
                return Some(Given {
                    node: Node {
                        secret: true,
                        ..Node::string(at, text)
                    },
                    provenance: source.clone(),
                });
            }
        }
    }
    None
}

/// Something of the right type, so that linting can decode a profile without its inputs;
/// what a kind makes of it says nothing.
fn stand_in(kind: InputType, at: Place) -> Node {
    let text = match kind {
        InputType::Integer | InputType::Number | InputType::Port => {
            return Node {
                at,
                value: Value::Int(1),
                secret: false,
                unknown: true,
            };
        }
        InputType::Boolean => {
            return Node {
                at,
                value: Value::Bool(true),
                secret: false,
                unknown: true,
            };
        }
        InputType::List => {
            return Node {
                at,
                // An address is text, a URL and an origin at once.
                value: Value::Seq(vec![Node::string(at, "https://unset.invalid")]),
                secret: false,
                unknown: true,
            };
        }
        InputType::Url | InputType::Origin => "https://unset.invalid",
        InputType::PostgresUrl => "postgres://unset.invalid/unset",
        InputType::RedisUrl => "redis://unset.invalid",
        InputType::Duration => "1s",
        InputType::Size => "1B",
        InputType::Host => "unset.invalid",
        InputType::String | InputType::Path => "unset",
    };
    Node {
        unknown: true,
        ..Node::string(at, text)
    }
}

/// The value converted to its type, or what is wrong with it. Never repeats the value.
#[expect(clippy::too_many_lines, reason = "one arm a type")]
fn typed(decl: &InputDecl, node: &Node) -> Result<Node, (String, String)> {
    let wrong = |what: &str, help: &str| Err((format!("is not {what}"), help.to_owned()));
    let at = node.at;
    let make = |value: Value| {
        Ok(Node {
            at,
            value,
            secret: node.secret,
            unknown: false,
        })
    };
    if decl.kind == InputType::List {
        return list(node).map_or_else(
            || wrong("a list", "write `[a, b]`, or `a,b` in a variable"),
            |items| make(Value::Seq(items)),
        );
    }
    let Some(text) = node.scalar_text() else {
        return wrong(&format!("of type {}", decl.kind), "write a single value");
    };
    if !decl.one_of.is_empty() && !decl.one_of.contains(&text) {
        return Err((
            "is none of the values allowed".to_owned(),
            format!("allowed are {}", decl.one_of.join(", ")),
        ));
    }
    if decl
        .pattern
        .as_ref()
        .is_some_and(|pattern| !pattern.0.is_match(&text))
    {
        return Err((
            "does not match its pattern".to_owned(),
            decl.example
                .as_ref()
                .map_or_else(String::new, |example| format!("write it like {example}")),
        ));
    }
    match decl.kind {
        InputType::Integer => text.trim().parse().map_or_else(
            |_| wrong("a whole number", "write digits only"),
            |n| make(Value::Int(n)),
        ),
        InputType::Number => match text.trim().parse::<f64>() {
            Ok(n) if n.is_finite() => match text.trim().parse::<i64>() {
                Ok(whole) => make(Value::Int(whole)),
                Err(_) => make(Value::Float(n)),
            },
            _ => wrong("a number", "write a number such as 0.6"),
        },
        InputType::Port => match text.trim().parse::<u16>() {
            Ok(port) if port > 0 => make(Value::Int(port.into())),
            _ => wrong("a port", "write a number from 1 to 65535"),
        },
        InputType::Boolean => match text.trim() {
            "true" => make(Value::Bool(true)),
            "false" => make(Value::Bool(false)),
            _ => wrong("true or false", "write `true` or `false`"),
        },
        InputType::Url => match url::Url::parse(text.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                make(Value::Str(text.trim().trim_end_matches('/').to_owned()))
            }
            _ => wrong(
                "an http or https URL",
                "write it like https://api.example.com",
            ),
        },
        InputType::Origin => match url::Url::parse(text.trim()) {
            Ok(url)
                if url.has_host()
                    && url.path() == "/"
                    && !text.trim().ends_with('/')
                    && url.query().is_none() =>
            {
                make(Value::Str(text.trim().to_owned()))
            }
            _ => wrong(
                "a web origin",
                "write scheme, host and port only, like https://app.example.com, without a slash at the end",
            ),
        },
        InputType::PostgresUrl => {
            if text.starts_with("postgres") && text.contains("://") || text.contains('=') {
                make(Value::Str(text))
            } else {
                wrong(
                    "a PostgreSQL URL",
                    "write it like postgres://user@host:5432/database",
                )
            }
        }
        InputType::RedisUrl => {
            if [
                "redis://",
                "rediss://",
                "unix://",
                "redis+unix://",
                "valkey://",
                "valkeys://",
            ]
            .iter()
            .any(|scheme| text.starts_with(scheme))
            {
                make(Value::Str(text))
            } else {
                wrong("a Redis URL", "write it like rediss://host:6379/0")
            }
        }
        InputType::Duration => text.parse::<TimeSpan>().map_or_else(
            |_| wrong("a duration", "write it like 5s or 24h"),
            |_| make(Value::Str(text.clone())),
        ),
        InputType::Size => text.parse::<ByteSize>().map_or_else(
            |_| wrong("a size", "write it like 10MiB"),
            |_| make(Value::Str(text.clone())),
        ),
        InputType::Host => {
            if text.is_empty() || text.contains(['/', ' ', '@']) {
                wrong("a host", "write a host name or an address only")
            } else {
                make(Value::Str(text))
            }
        }
        InputType::String | InputType::Path | InputType::List => make(Value::Str(text)),
    }
}

/// A list as it is, a JSON array in text, or text split at commas with spaces trimmed.
fn list(node: &Node) -> Option<Vec<Node>> {
    match &node.value {
        Value::Seq(items) => Some(items.clone()),
        Value::Str(text) if text.trim_start().starts_with('[') => {
            match serde_json::from_str::<serde_json::Value>(text).ok()? {
                serde_json::Value::Array(items) => Some(
                    items
                        .iter()
                        .map(|item| Node::from_json(node.at, item))
                        .collect(),
                ),
                _ => None,
            }
        }
        Value::Str(text) => Some(
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| Node::string(node.at, part))
                .collect(),
        ),
        _ => None,
    }
}
