//! `${…}` inside parsed scalars: inputs, variables, files. Never text before parsing, so a value can
//! never change the structure of a profile.

use std::collections::BTreeMap;
use std::io::Read as _;

use super::node::{Node, Place, Problems, Value, suggest};
use crate::environment::Environment;
use crate::redact::{Redactor, looks_secret};

/// Fields whose text is an expression with its own names, not a template.
pub(super) const EXPRESSIONS: &[&str] = &["when", "assert"];

/// Largest file `${file:…}` reads, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// A name that can be interpolated.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    /// Its value; `None` when the input has none here.
    pub(crate) value: Option<Node>,
    /// What to say when a value is needed and there is none.
    pub(crate) help: String,
    /// Whether that it has no value was reported where it is declared.
    pub(crate) reported: bool,
}

/// What `${…}` may refer to.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'a> {
    /// Inputs and `for_each` variables.
    pub(crate) names: BTreeMap<String, Bound>,
    /// `${env:NAME}`.
    pub(crate) environment: &'a Environment,
    /// Learns every secret on its way.
    pub(crate) redactor: &'a Redactor,
    /// Whether a missing value is a problem; linting puts a stand-in there instead.
    pub(crate) strict: bool,
}

impl Scope<'_> {
    /// The tree with every `${…}` replaced.
    pub(crate) fn apply(&self, node: &Node, problems: &mut Problems) -> Node {
        match &node.value {
            Value::Str(text) if text.contains("${") => self.scalar(node, text, problems),
            Value::Seq(items) => Node {
                at: node.at,
                value: Value::Seq(
                    items
                        .iter()
                        .map(|item| self.apply(item, problems))
                        .collect(),
                ),
                secret: node.secret,
                unknown: node.unknown,
            },
            Value::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| {
                        if key.as_str().is_some_and(|name| EXPRESSIONS.contains(&name)) {
                            (key.clone(), value.clone())
                        } else {
                            (self.apply(key, problems), self.apply(value, problems))
                        }
                    })
                    .collect();
                Node {
                    at: node.at,
                    value: Value::Map(entries),
                    secret: node.secret,
                    unknown: node.unknown,
                }
            }
            _ => node.clone(),
        }
    }

    /// One scalar: a lone `${x}` keeps the type of `x`, anything else becomes text.
    fn scalar(&self, node: &Node, text: &str, problems: &mut Problems) -> Node {
        let pieces = match split(text) {
            Ok(pieces) => pieces,
            Err(offset) => {
                let at = shifted(node.at, text, offset);
                problems.add(
                    at,
                    "this `${` is not closed",
                    "write `${name}`, or `$${` for a literal `${`",
                );
                return Node::unknown(node.at);
            }
        };
        if let [Piece::Reference(reference, _)] = pieces.as_slice() {
            return match self.resolve(reference, node.at, problems) {
                Some(mut value) => {
                    value.at = node.at;
                    value
                }
                None => Node::unknown(node.at),
            };
        }
        let mut out = String::new();
        let mut secret = node.secret;
        let mut unknown = node.unknown;
        for piece in pieces {
            match piece {
                Piece::Text(part) => out.push_str(&part),
                Piece::Reference(reference, offset) => {
                    let at = shifted(node.at, text, offset);
                    let Some(value) = self.resolve(&reference, at, problems) else {
                        unknown = true;
                        continue;
                    };
                    secret |= value.secret;
                    unknown |= value.unknown;
                    match value.scalar_text() {
                        Some(part) => out.push_str(&part),
                        None => {
                            unknown = true;
                            problems.add(
                                at,
                                format!(
                                    "`${{{reference}}}` is {} and cannot stand inside text",
                                    value.type_name()
                                ),
                                "use it alone, as the whole value",
                            );
                        }
                    }
                }
            }
        }
        Node {
            at: node.at,
            value: Value::Str(out),
            secret,
            unknown,
        }
    }

    /// The value of a reference; `None` after adding a problem.
    fn resolve(&self, reference: &str, at: Place, problems: &mut Problems) -> Option<Node> {
        let reference = reference.trim();
        if let Some(rest) = reference.strip_prefix("env:") {
            return self.variable(rest, at, problems);
        }
        if let Some(path) = reference.strip_prefix("file:") {
            return self.file(path.trim(), at, problems);
        }
        let (name, path) = reference
            .split_once('.')
            .map_or((reference, None), |(name, path)| (name, Some(path)));
        let Some(bound) = self.names.get(name) else {
            problems.add(
                at,
                format!("nothing is called `{name}` here"),
                self.help_for(name),
            );
            return None;
        };
        let Some(value) = &bound.value else {
            // Reported at its declaration; or linting, which asks for no values.
            if bound.reported || !self.strict {
                return Some(Node::unknown(at));
            }
            problems.add(at, format!("`{name}` has no value"), bound.help.clone());
            return None;
        };
        match path {
            None => Some(value.clone()),
            Some(_) if value.unknown => Some(Node::unknown(at)),
            Some(path) => {
                let mut current = value;
                for field in path.split('.') {
                    match current.get(field) {
                        Some(inner) => current = inner,
                        None => {
                            let known = current
                                .as_map()
                                .unwrap_or_default()
                                .iter()
                                .filter_map(|(key, _)| key.as_str());
                            problems.add(
                                at,
                                format!("`{name}` has no field `{field}`"),
                                suggest(field, known),
                            );
                            return None;
                        }
                    }
                }
                Some(current.clone())
            }
        }
    }

    /// What to do about an unknown name.
    fn help_for(&self, name: &str) -> String {
        if self.names.is_empty() {
            return format!(
                "declare it: `inputs: {{ {name}: {{ type: string }} }}`; variables are written `${{env:NAME}}`"
            );
        }
        suggest(name, self.names.keys().map(String::as_str))
    }

    /// `${env:NAME}`, `${env:NAME:-default}`, `${env:NAME:?why}`.
    fn variable(&self, rest: &str, at: Place, problems: &mut Problems) -> Option<Node> {
        let (name, default, why) = match (rest.split_once(":-"), rest.split_once(":?")) {
            (Some((name, default)), _) => (name, Some(default), None),
            (_, Some((name, why))) => (name, None, Some(why)),
            _ => (rest, None, None),
        };
        let value = self.environment.get(name).filter(|value| !value.is_empty());
        let Some(text) = value.or(default) else {
            if !self.strict {
                return Some(Node::unknown(at));
            }
            let message = match why {
                Some(why) => format!("the variable {name} is not set: {why}"),
                None => format!("the variable {name} is not set"),
            };
            problems.add(
                at,
                message,
                format!("set {name}, or write `${{env:{name}:-default}}`"),
            );
            return None;
        };
        let secret = value.is_some() && looks_secret(name);
        if secret {
            self.redactor.add(text);
        } else {
            self.redactor.add_credentials(text);
        }
        Some(Node {
            secret,
            ..Node::string(at, text)
        })
    }

    /// `${file:PATH}`: the text of a file without its last line break; always a secret.
    fn file(&self, path: &str, at: Place, problems: &mut Problems) -> Option<Node> {
        // Devices and pipes tell no size: what counts is how much can be read.
        let read = || {
            let mut text = String::new();
            std::fs::File::open(path)?
                .take(MAX_FILE + 1)
                .read_to_string(&mut text)?;
            std::io::Result::Ok(text)
        };
        match read() {
            Ok(text) if text.len() as u64 > MAX_FILE => {
                problems.add(
                    at,
                    format!("{path} is larger than 64 KiB"),
                    "`${file:…}` is meant for credentials",
                );
                None
            }
            Ok(text) => {
                let text = text.trim_end_matches(['\n', '\r']);
                self.redactor.add(text);
                Some(Node {
                    secret: true,
                    ..Node::string(at, text)
                })
            }
            Err(_) if !self.strict => Some(Node::unknown(at)),
            Err(error) => {
                let fault = crate::net::file_fault(std::path::Path::new(path), &error);
                problems.add(at, fault.message, fault.hint.unwrap_or_default());
                None
            }
        }
    }
}

/// A part of a template.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// Literal text.
    Text(String),
    /// What stood between `${` and `}`, and its offset in bytes.
    Reference(String, usize),
}

/// Splits a template; `Err` is the offset of a `${` that is not closed.
fn split(text: &str) -> Result<Vec<Piece>, usize> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(after) = rest.strip_prefix("$${") {
            literal.push_str("${");
            at = text.len() - after.len();
        } else if let Some(after) = rest.strip_prefix("${") {
            let end = after.find('}').ok_or(at)?;
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Reference(after[..end].to_owned(), at));
            at += end + 3;
        } else {
            let mut chars = rest.chars();
            literal.extend(chars.next());
            at = text.len() - chars.as_str().len();
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

/// The place `offset` bytes into a scalar on one line.
fn shifted(at: Place, text: &str, offset: usize) -> Place {
    let chars = text
        .get(..offset)
        .map_or(0, |before| before.chars().count());
    let quoted = u32::try_from(text.chars().count()).is_ok_and(|plain| at.len >= plain + 2);
    let ahead = u32::try_from(chars).unwrap_or(0) + u32::from(quoted);
    if text.contains('\n') || ahead >= at.len {
        at
    } else {
        Place {
            column: at.column + ahead,
            len: at.len - ahead - u32::from(quoted),
            ..at
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(text: &str) -> (serde_json::Value, bool, Vec<String>) {
        let environment = {
            let mut environment = Environment::default();
            environment.add_from_file("PORT", "8080", ".env", 1);
            environment.add_from_file("API_TOKEN", "canary-token-1", ".env", 2);
            environment.add_from_file("EMPTY", "", ".env", 3);
            environment
        };
        let redactor = Redactor::default();
        let at = Place {
            file: 0,
            line: 1,
            column: 1,
            len: 80,
        };
        let bound = |value: Option<Node>| Bound {
            value,
            help: "set it".to_owned(),
            reported: false,
        };
        let names = BTreeMap::from([
            ("url".to_owned(), bound(Some(Node::string(at, "https://x")))),
            (
                "n".to_owned(),
                bound(Some(Node {
                    at,
                    value: Value::Int(3),
                    secret: false,
                    unknown: false,
                })),
            ),
            (
                "key".to_owned(),
                bound(Some(Node {
                    secret: true,
                    ..Node::string(at, "canary")
                })),
            ),
            ("unset".to_owned(), bound(None)),
            (
                "item".to_owned(),
                bound(Some(Node::from_json(
                    at,
                    &serde_json::json!({"path": "/a"}),
                ))),
            ),
        ]);
        let mut problems = Problems::default();
        let scope = Scope {
            names,
            environment: &environment,
            redactor: &redactor,
            strict: true,
        };
        let out = scope.apply(&Node::string(at, text), &mut problems);
        (
            out.to_json(),
            out.secret,
            problems.list.into_iter().map(|p| p.message).collect(),
        )
    }

    #[test]
    fn values_go_inside_scalars_and_keep_their_type_alone() {
        for (text, expected) in [
            ("${url}/ready", serde_json::json!("https://x/ready")),
            ("${n}", serde_json::json!(3)),
            ("n=${n}", serde_json::json!("n=3")),
            ("$${url}", serde_json::json!("${url}")),
            ("${env:PORT}", serde_json::json!("8080")),
            ("${env:EMPTY:-x}", serde_json::json!("x")),
            ("${item.path}", serde_json::json!("/a")),
            ("cost $5 {x}", serde_json::json!("cost $5 {x}")),
        ] {
            let (value, secret, problems) = apply(text);
            assert_eq!(
                (value, secret, problems),
                (expected, false, vec![]),
                "{text}"
            );
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_file_without_end_is_refused() {
        let problems = apply("${file:/dev/zero}").2;
        assert_eq!(problems, ["/dev/zero is larger than 64 KiB"]);
    }

    #[test]
    fn secrets_stay_secret() {
        assert!(apply("Bearer ${key}").1);
        assert!(apply("${key}").1);
        assert!(apply("${env:API_TOKEN}").1);
    }

    #[test]
    fn every_undefined_name_is_a_problem() {
        for (text, problem) in [
            ("${nope}", "nothing is called `nope` here"),
            ("x${unset}", "`unset` has no value"),
            ("${env:EMPTY}", "the variable EMPTY is not set"),
            (
                "${env:NO:?the audit needs it}",
                "the variable NO is not set: the audit needs it",
            ),
            ("${item.nope}", "`item` has no field `nope`"),
            ("${open", "this `${` is not closed"),
            (
                "a ${item}",
                "`${item}` is a mapping and cannot stand inside text",
            ),
        ] {
            assert_eq!(apply(text).2, vec![problem.to_owned()], "{text}");
        }
    }
}
