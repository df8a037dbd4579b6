//! Structured files as JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::outcome::{Cause, Fault};
use crate::yaml_doc::{Yaml, parse_all};

/// How a structured file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// JSON.
    Json,
    /// YAML; several documents become a list.
    Yaml,
    /// TOML.
    Toml,
    /// INI: sections with `key = value` or `key: value`; keys before any section stand at the top.
    Ini,
    /// The instructions of a Dockerfile, as a list.
    Dockerfile,
}

impl Format {
    /// What the name of a file says.
    fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
        if name == "dockerfile" || name.starts_with("dockerfile.") || name.ends_with(".dockerfile")
        {
            return Some(Self::Dockerfile);
        }
        match name.rsplit_once('.').map_or("", |(_, end)| end) {
            "json" | "webmanifest" | "sarif" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "ini" | "cfg" | "conf" | "properties" => Some(Self::Ini),
            _ if matches!(name.as_str(), "cargo.lock" | "poetry.lock" | "uv.lock") => {
                Some(Self::Toml)
            }
            _ => None,
        }
    }
}

/// Reads a structured file.
///
/// # Errors
/// When the format is not known, or the text is not of this format.
pub(crate) fn structured(path: &str, text: &str, format: Option<Format>) -> Result<Value, Fault> {
    let Some(format) = format.or_else(|| Format::of(path)) else {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{path}: the name does not say which format this is"),
        )
        .hint("write `format: json`, `yaml`, `toml`, `ini` or `dockerfile`"));
    };
    let wrong = |line: usize, message: &str| {
        Fault::new(Cause::Unparseable, format!("{path}:{line}: {message}"))
            .hint("correct the file, or name the right `format`")
    };
    if text.trim().is_empty() {
        return Err(wrong(1, "the file is empty"));
    }
    match format {
        Format::Json => serde_json::from_str(text).map_err(|error| {
            // Serde's words end with the place, which stands in front already.
            let words = error.to_string();
            let words = words.split(" at line ").next().unwrap_or_default();
            wrong(error.line(), &format!("this is not valid JSON: {words}"))
        }),
        Format::Yaml => {
            let documents =
                parse_all(text).map_err(|error| wrong(error.line as usize, &error.message))?;
            Ok(match documents.as_slice() {
                [] => return Err(wrong(1, "there is no YAML document")),
                [one] => one.to_json(),
                many => many.iter().map(Yaml::to_json).collect(),
            })
        }
        Format::Toml => toml::from_str::<toml::Table>(text)
            .map_err(|error| {
                let at = error.span().map_or(0, |span| span.start);
                let line = 1 + text.get(..at).unwrap_or_default().matches('\n').count();
                wrong(
                    line,
                    &format!("this is not valid TOML: {}", error.message()),
                )
            })
            .map(|table| from_toml(toml::Value::Table(table))),
        Format::Ini => ini(text).map_err(|line| wrong(line, "this is not an INI line")),
        Format::Dockerfile => {
            dockerfile(text).map_err(|line| wrong(line, "this is no instruction"))
        }
    }
}

/// An INI file; the line that is none on error.
fn ini(text: &str) -> Result<Value, usize> {
    let mut root = Map::new();
    let mut section: Option<String> = None;
    for (number, line) in (1_usize..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            let name = name.trim().to_owned();
            root.entry(name.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            section = Some(name);
            continue;
        }
        let (key, value) = line.split_once(['=', ':']).ok_or(number)?;
        let (key, value) = (key.trim().to_owned(), Value::from(value.trim()));
        match section.as_ref().and_then(|name| root.get_mut(name)) {
            Some(Value::Object(entries)) => entries.insert(key, value),
            _ => root.insert(key, value),
        };
    }
    Ok(Value::Object(root))
}

/// The instructions of a Dockerfile; the line that is none on error.
fn dockerfile(text: &str) -> Result<Value, usize> {
    let mut list = Vec::new();
    let mut open: Option<(usize, String)> = None;
    let mut heredoc: Option<String> = None;
    for (number, raw) in (1_usize..).zip(text.lines()) {
        if let Some(end) = &heredoc {
            if raw.trim_start_matches('\t') == end {
                heredoc = None;
            }
            continue;
        }
        let line = raw.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (start, mut whole) = open.take().unwrap_or((number, String::new()));
        if let Some(part) = line.strip_suffix('\\') {
            whole.push_str(part);
            open = Some((start, whole));
            continue;
        }
        whole.push_str(line);
        heredoc = whole
            .split_once("<<")
            .filter(|_| whole.starts_with(['R', 'r', 'C', 'c', 'A', 'a']))
            .map(|(_, rest)| {
                let word = rest.trim_start_matches('-');
                word.trim_start_matches(['"', '\''])
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect::<String>()
            })
            .filter(|word| !word.is_empty());
        list.push(instruction(start, &whole)?);
    }
    if let Some((start, whole)) = open {
        list.push(instruction(start, &whole)?);
    }
    if list.is_empty() {
        Err(1)
    } else {
        Ok(Value::Array(list))
    }
}

/// One instruction.
fn instruction(line: usize, text: &str) -> Result<Value, usize> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphabetic()) {
        return Err(line);
    }
    Ok(serde_json::json!({
        "line": line,
        "instruction": name.to_uppercase(),
        "arguments": rest.trim(),
    }))
}

/// TOML as JSON: times become text, numbers that JSON has not become null.
pub(in super::super) fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(whole) => whole.into(),
        toml::Value::Float(number) => {
            serde_json::Number::from_f64(number).map_or(Value::Null, Into::into)
        }
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(from_toml).collect(),
        toml::Value::Table(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(key, value)| (key, from_toml(value)))
                .collect(),
        ),
    }
}
