//! From the parser's events to trees.

use std::collections::HashMap;

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::scalar::{plain, tagged};
use super::{Yaml, YamlError, YamlValue};

/// Most values of all documents, those that aliases stand for counted each time.
const MAX_VALUES: usize = 500_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 100;
/// The largest text.
const MAX_BYTES: usize = 16 << 20;

/// Parses every document of a file. A file without any is an empty list.
///
/// # Errors
/// What is wrong, with its line: syntax, a key that stands twice, an unknown alias, too much.
pub(crate) fn parse_all(text: &str) -> Result<Vec<Yaml>, YamlError> {
    let mut builder = Builder::default();
    if text.len() > MAX_BYTES {
        return Err(too_large(1, "this file is larger than 16 MiB"));
    }
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError {
            line: line_of(error.marker().line()),
            message: format!("this is not valid YAML: {}", error.info()),
            too_large: false,
        })?;
        builder.take(event, line_of(span.start.line()))?;
    }
    Ok(builder.documents)
}

/// A line of the parser as ours.
fn line_of(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX).max(1)
}

/// There is more than is read.
fn too_large(line: u32, message: &str) -> YamlError {
    YamlError {
        line,
        message: message.to_owned(),
        too_large: true,
    }
}

/// A sequence or mapping that is not complete yet.
struct Open {
    /// Line on which it began.
    line: u32,
    /// Its tag.
    tag: Option<String>,
    /// Its anchor; 0 without one.
    anchor: usize,
    /// Whether it is a mapping; keys and values then alternate in `parts`.
    mapping: bool,
    /// What is in it so far.
    parts: Vec<Yaml>,
}

/// Trees in the making.
#[derive(Default)]
struct Builder {
    /// Those that are complete.
    documents: Vec<Yaml>,
    /// The collections that the next value is in.
    open: Vec<Open>,
    /// Values with anchors, and how many values each stands for.
    anchors: HashMap<usize, (Yaml, usize)>,
    /// Values so far.
    values: usize,
}

impl Builder {
    /// Takes the next event.
    fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref();
                let value = match tag.and_then(Tag::core_suffix) {
                    Some(suffix) => tagged(&text, suffix),
                    None if style == ScalarStyle::Plain
                        && tag.is_none_or(|t| name(t).is_some()) =>
                    {
                        plain(&text)
                    }
                    None => YamlValue::Str(text.into_owned()),
                };
                let tag = tag.and_then(name);
                self.add(Yaml { line, tag, value }, anchor, 1)
            }
            Event::SequenceStart(_, anchor, tag) => self.begin(line, tag.as_deref(), anchor, false),
            Event::MappingStart(_, anchor, tag) => self.begin(line, tag.as_deref(), anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some((node, values)) => self.add(node, 0, values),
                None => Err(YamlError {
                    line,
                    message: "this alias stands for something that contains it".to_owned(),
                    too_large: false,
                }),
            },
            Event::UnresolvedAlias(name) => Err(YamlError {
                line,
                message: format!("nothing has the anchor `&{name}`"),
                too_large: false,
            }),
            _ => Ok(()),
        }
    }

    /// Begins a collection.
    fn begin(
        &mut self,
        line: u32,
        tag: Option<&Tag>,
        anchor: usize,
        mapping: bool,
    ) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_large(line, "this is nested deeper than 100 levels"));
        }
        self.open.push(Open {
            line,
            tag: tag.and_then(name),
            anchor,
            mapping,
            parts: Vec::new(),
        });
        Ok(())
    }

    /// Ends the innermost collection.
    fn end(&mut self) -> Result<(), YamlError> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = if open.mapping {
            YamlValue::Map(entries(open.parts)?)
        } else {
            YamlValue::Seq(open.parts)
        };
        let node = Yaml {
            line: open.line,
            tag: open.tag,
            value,
        };
        let values = if open.anchor == 0 { 1 } else { count(&node) };
        self.add(node, open.anchor, values)
    }

    /// Adds a complete value that stands for so many to where it belongs.
    fn add(&mut self, node: Yaml, anchor: usize, values: usize) -> Result<(), YamlError> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES {
            return Err(too_large(
                node.line,
                "this file stands for more than 500 000 values",
            ));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), values));
        }
        match self.open.last_mut() {
            Some(open) => open.parts.push(node),
            None => self.documents.push(node),
        }
        Ok(())
    }
}

/// The name of a tag that is not of YAML's own schema.
fn name(tag: &Tag) -> Option<String> {
    let name = format!("{}{}", tag.handle(), tag.suffix());
    (tag.core_suffix().is_none() && name != "!").then_some(name)
}

/// How many values a tree has.
fn count(node: &Yaml) -> usize {
    1 + match &node.value {
        YamlValue::Seq(items) => items.iter().map(count).sum(),
        YamlValue::Map(entries) => entries.iter().map(|(k, v)| count(k) + count(v)).sum(),
        _ => 0,
    }
}

/// Keys and values of a mapping; what `<<` refers to comes after its own entries.
fn entries(parts: Vec<Yaml>) -> Result<Vec<(Yaml, Yaml)>, YamlError> {
    let mut own: Vec<(Yaml, Yaml)> = Vec::new();
    let mut merged: Vec<Yaml> = Vec::new();
    let mut lines: HashMap<String, u32> = HashMap::new();
    let mut parts = parts.into_iter();
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        if key.as_str() == Some("<<") && key.tag.is_none() {
            match value.value {
                YamlValue::Seq(items) => merged.extend(items),
                _ => merged.push(value),
            }
            continue;
        }
        let Some(text) = key.scalar_text() else {
            return Err(YamlError {
                line: key.line,
                message: "the key of a mapping is a list or a mapping".to_owned(),
                too_large: false,
            });
        };
        if let Some(first) = lines.insert(text.clone(), key.line) {
            return Err(YamlError {
                line: key.line,
                message: format!("the key `{text}` stands twice, first on line {first}"),
                too_large: false,
            });
        }
        own.push((key, value));
    }
    for other in merged {
        let YamlValue::Map(more) = other.value else {
            return Err(YamlError {
                line: other.line,
                message: "`<<` takes a mapping".to_owned(),
                too_large: false,
            });
        };
        for (key, value) in more {
            let text = key.scalar_text().unwrap_or_default();
            if let std::collections::hash_map::Entry::Vacant(free) = lines.entry(text) {
                free.insert(key.line);
                own.push((key, value));
            }
        }
    }
    Ok(own)
}
