//! Dockerfiles as stages.

use std::collections::BTreeMap;

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Instruction {
    /// In capitals, `COPY`.
    pub(in super::super) name: String,
    /// What follows it on its logical line.
    pub(in super::super) rest: String,
    /// Its line, from 1.
    pub(in super::super) line: u32,
    /// Whether its content follows as a here-document.
    pub(in super::super) heredoc: bool,
}

/// From one `FROM` to the next.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Stage {
    /// What it begins with, variables of `ARG` put in.
    pub(in super::super) from: String,
    /// Its name.
    pub(in super::super) alias: Option<String>,
    /// Line of its `FROM`.
    pub(in super::super) line: u32,
    /// Its instructions.
    pub(in super::super) instructions: Vec<Instruction>,
}

/// The stages of a text; none when it is no Dockerfile.
pub(in super::super) fn stages(text: &str) -> Vec<Stage> {
    let mut arguments: BTreeMap<String, String> = BTreeMap::new();
    let mut stages: Vec<Stage> = Vec::new();
    for instruction in instructions(text) {
        if instruction.name == "FROM" {
            let words: Vec<&str> = instruction
                .rest
                .split_whitespace()
                .filter(|word| !word.starts_with("--"))
                .collect();
            let alias = words
                .get(1)
                .filter(|word| word.eq_ignore_ascii_case("as"))
                .and_then(|_| words.get(2))
                .map(|alias| (*alias).to_lowercase());
            stages.push(Stage {
                from: with_arguments(words.first().copied().unwrap_or_default(), &arguments),
                alias,
                line: instruction.line,
                instructions: Vec::new(),
            });
            continue;
        }
        match stages.last_mut() {
            Some(stage) => stage.instructions.push(instruction),
            None if instruction.name == "ARG" => {
                for (name, value) in pairs(&instruction.rest) {
                    arguments.insert(name, value);
                }
            }
            None => {}
        }
    }
    stages
}

/// The text with build arguments put in; what has no value stays.
fn with_arguments(text: &str, arguments: &BTreeMap<String, String>) -> String {
    super::super::compose::interpolated(text, arguments)
}

/// Logical lines: continuations joined, comments and here-documents left out.
fn instructions(text: &str) -> Vec<Instruction> {
    let escape = text
        .lines()
        .take_while(|line| line.trim_start().starts_with('#'))
        .find_map(|line| {
            let directive: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            directive
                .to_lowercase()
                .strip_prefix("#escape=")?
                .chars()
                .next()
        })
        .unwrap_or('\\');
    let mut found = Vec::new();
    let mut lines = (1_u32..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let mut logical = line.trim().to_owned();
        if logical.is_empty() || logical.starts_with('#') {
            continue;
        }
        while logical.ends_with(escape) {
            logical.pop();
            match lines.next() {
                Some((_, next)) if next.trim_start().starts_with('#') => logical.push(escape),
                Some((_, next)) => {
                    logical.push(' ');
                    logical.push_str(next.trim());
                }
                None => break,
            }
        }
        let marker = heredoc(&logical);
        if let Some(marker) = &marker {
            for (_, next) in lines.by_ref() {
                if next.trim() == marker {
                    break;
                }
                if logical.starts_with(['R', 'r']) {
                    logical.push_str("; ");
                    logical.push_str(next.trim());
                }
            }
        }
        let (name, rest) = logical
            .split_once(char::is_whitespace)
            .unwrap_or((logical.as_str(), ""));
        found.push(Instruction {
            name: name.to_ascii_uppercase(),
            rest: rest.trim().to_owned(),
            line: number,
            heredoc: marker.is_some(),
        });
    }
    found
}

/// The word that ends a here-document which begins on the line.
fn heredoc(line: &str) -> Option<String> {
    let name = line.split_whitespace().next()?.to_ascii_uppercase();
    if !matches!(name.as_str(), "RUN" | "COPY" | "ADD") {
        return None;
    }
    let behind = line.split("<<").nth(1).filter(|_| !line.contains("<<<"))?;
    let word: String = behind
        .trim_start_matches('-')
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

/// `A=1 B="2 3"`, or the old form `A 1`.
pub(in super::super) fn pairs(rest: &str) -> Vec<(String, String)> {
    let words = words(rest);
    let first = words.first().map(String::as_str).unwrap_or_default();
    if !first.contains('=') {
        let value = rest
            .split_once(char::is_whitespace)
            .map(|(_, value)| value.trim());
        return match value {
            Some(value) => vec![(first.to_owned(), value.to_owned())],
            None => Vec::new(),
        };
    }
    words
        .iter()
        .filter_map(|word| word.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Words separated by blanks, quotes removed.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A command in either form as one text.
pub(in super::super) fn command(rest: &str) -> String {
    match serde_json::from_str::<Vec<String>>(rest) {
        Ok(words) => words.join(" "),
        Err(_) => rest.to_owned(),
    }
}

/// Options of an instruction (`--from`), and its other words.
pub(in super::super) fn options(rest: &str) -> (Vec<String>, Vec<String>) {
    let (options, arguments): (Vec<&str>, Vec<&str>) = {
        let end = rest
            .split_whitespace()
            .take_while(|word| word.starts_with("--"))
            .count();
        let all: Vec<&str> = rest.split_whitespace().collect();
        let (options, arguments) = all.split_at(end.min(all.len()));
        (options.to_vec(), arguments.to_vec())
    };
    let joined = arguments.join(" ");
    let arguments = serde_json::from_str::<Vec<String>>(&joined).unwrap_or_else(|_| words(&joined));
    (options.into_iter().map(str::to_owned).collect(), arguments)
}

/// What the last stage says, or the stages that it builds on: the last instruction of this name.
pub(in super::super) fn effective<'a>(stages: &'a [Stage], name: &str) -> Option<&'a Instruction> {
    let mut stage = stages.last();
    for _ in 0..stages.len() {
        let current = stage?;
        if let Some(found) = current.instructions.iter().rev().find(|i| i.name == name) {
            return Some(found);
        }
        stage = parent(stages, current);
    }
    None
}

/// The stage that a stage builds on.
pub(in super::super) fn parent<'a>(stages: &'a [Stage], stage: &Stage) -> Option<&'a Stage> {
    let from = stage.from.to_lowercase();
    stages
        .iter()
        .rev()
        .find(|other| other.line < stage.line && other.alias.as_deref() == Some(from.as_str()))
}

/// The command that a container of the last stage runs.
pub(in super::super) fn start(stages: &[Stage]) -> String {
    ["ENTRYPOINT", "CMD"]
        .iter()
        .filter_map(|name| effective(stages, name))
        .map(|instruction| command(&instruction.rest))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A variable that `ENV` gives to the last stage.
pub(in super::super) fn variable(stages: &[Stage], name: &str) -> Option<String> {
    let mut stage = stages.last();
    for _ in 0..stages.len() {
        let current = stage?;
        let found = current
            .instructions
            .iter()
            .rev()
            .filter(|instruction| instruction.name == "ENV")
            .flat_map(|instruction| pairs(&instruction.rest))
            .find(|(own, _)| own == name);
        if let Some((_, value)) = found {
            return Some(value);
        }
        stage = parent(stages, current);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_continuations_and_heredocs() {
        let text = "# syntax=docker/dockerfile:1\nARG V=3.12\nFROM python:${V}-slim AS base\nENV A=1 \\\n  # why\n  B=\"2 3\"\nUSER app\nRUN <<EOF\nFROM nothing\nEOF\nFROM base\nCMD [\"uvicorn\", \"a:b\"]\n";
        let stages = stages(text);
        assert_eq!(stages.len(), 2);
        assert_eq!(stages[0].from, "python:3.12-slim");
        assert_eq!(variable(&stages, "B").as_deref(), Some("2 3"));
        assert_eq!(effective(&stages, "USER").unwrap().line, 7);
        assert_eq!(start(&stages), "uvicorn a:b");
        assert!(super::stages("hello\n").is_empty());
    }
}
