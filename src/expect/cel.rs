//! CEL (Common Expression Language) for `when` and `assert`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Longest expression accepted, in bytes.
const MAX_LENGTH: usize = 4096;
/// Deepest nesting of brackets accepted; deeper would exhaust the parser's stack.
const MAX_NESTING: usize = 24;

/// A CEL expression that must give true or false. <https://cel.dev>
#[derive(Clone)]
pub(crate) struct Expression {
    /// As written.
    text: String,
    /// Compiled.
    program: Arc<::cel::Program>,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it, with help.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!(
                "this expression is longer than {MAX_LENGTH} characters; help: split it into several"
            ));
        }
        if nesting(text) > MAX_NESTING {
            return Err(format!(
                "this expression is nested deeper than {MAX_NESTING} brackets; help: split it into several"
            ));
        }
        let source = text.to_owned();
        // The parser recurses: a thread with a large stack keeps hostile input from ending the process.
        let compiled = std::thread::Builder::new()
            .stack_size(64 << 20)
            .spawn(move || ::cel::Program::compile(&source).map_err(|errors| errors.to_string()))
            .map_err(|error| format!("no thread to compile this expression: {error}"))?
            .join()
            .map_err(|_| {
                "this is not a CEL expression; help: see https://cel.dev for the language"
                    .to_owned()
            })?;
        let program = compiled.map_err(|errors| {
            let line = errors.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let detail = in_plain_words(line.rsplit("| ").next().unwrap_or(line).trim().trim_start_matches("ERROR: "));
            format!("this is not a CEL expression: {detail}; help: compare with `==`, combine with `&&` and `||`, quote text")
        })?;
        Ok(Self {
            text: text.to_owned(),
            program: Arc::new(program),
        })
    }

    /// The names of the variables it reads, but not of those that a comprehension
    /// (`list.all(x, …)`) makes, which are known inside it only.
    pub(crate) fn variables(&self) -> Vec<String> {
        self.program
            .references()
            .variables()
            .into_iter()
            .filter(|name| !self.text.contains(&format!("({name},")))
            .map(str::to_owned)
            .collect()
    }

    /// Evaluates it. A missing field or a type mismatch is an error, never `false`.
    ///
    /// # Errors
    /// Why it has no truth value.
    pub(crate) fn holds(&self, variables: &Map<String, Value>) -> Result<bool, String> {
        let mut context = ::cel::Context::default();
        for (name, value) in variables {
            let value = ::cel::to_value(value).map_err(|error| error.to_string())?;
            context.add_variable_from_value(name.clone(), value);
        }
        match self.program.execute(&context) {
            Ok(::cel::Value::Bool(value)) => Ok(value),
            Ok(other) => Err(format!(
                "gives {:?} instead of true or false",
                other.type_of()
            )),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What the parser said, without its position in a line nobody sees and its list of tokens.
fn in_plain_words(detail: &str) -> String {
    let detail = detail
        .split_once("Syntax error: ")
        .map_or(detail, |(_, rest)| rest);
    let detail = detail.split(" expecting ").next().unwrap_or(detail);
    [
        ("mismatched input", "unexpected"),
        ("extraneous input", "unexpected"),
        ("no viable alternative at input", "unexpected"),
        ("token recognition error at:", "unexpected"),
        ("'<EOF>'", "end"),
    ]
    .iter()
    .fold(detail.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Deepest bracket nesting, text in quotes included: an upper bound is enough.
fn nesting(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.text)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&super::text::scalar(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Expression {
    fn schema_name() -> Cow<'static, str> {
        "Expression".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "boolean"], "description": "A CEL expression that gives true or false, for example `inputs.api_url.startsWith(\"https\")`." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars() -> Map<String, Value> {
        let json = serde_json::json!({ "inputs": { "url": "https://x", "n": 3, "unset": null }, "env": { "A": "1" } });
        json.as_object().cloned().unwrap()
    }

    #[test]
    fn expressions_decide() {
        for (text, expected) in [
            ("inputs.url.startsWith('https')", Ok(true)),
            ("inputs.n > 2 && env.A == '1'", Ok(true)),
            ("inputs.unset != null", Ok(false)),
            ("inputs.n == 4", Ok(false)),
        ] {
            assert_eq!(
                Expression::new(text).unwrap().holds(&vars()),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn variables_of_comprehensions_are_known_inside() {
        let known = |text: &str| Expression::new(text).unwrap().variables();
        assert_eq!(known("inputs.list.all(item, item != '*')"), ["inputs"]);
        assert!(known("inputs.list == other").contains(&"other".to_owned()));
    }

    #[test]
    fn missing_fields_and_other_types_are_errors_never_false() {
        for text in [
            "inputs.nope == 1",
            "inputs.n",
            "nothing.x",
            "inputs.url > 1",
        ] {
            assert!(
                Expression::new(text).unwrap().holds(&vars()).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn hostile_expressions_are_refused() {
        assert!(Expression::new(&"(".repeat(5000)).is_err());
        assert!(Expression::new(&format!("{}1{}", "(".repeat(30), ")".repeat(30))).is_err());
        assert!(Expression::new("a ==").is_err());
    }
}
