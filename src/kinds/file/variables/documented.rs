//! Which variables a `.env` example or a Markdown document names.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::super::documents::markdown::{Lines, options};
use super::{Facts, MAX_NAMES, Variable};

/// Adds the variables of a document.
pub(super) fn read(path: &str, text: &str, facts: &mut Facts) {
    let end = path.rsplit_once('.').map_or("", |(_, end)| end);
    if end.eq_ignore_ascii_case("md") || end.eq_ignore_ascii_case("markdown") {
        markdown(path, text, facts);
        return;
    }
    for (line, content) in (1..).zip(text.lines()) {
        if let Some(name) = assigned(content) {
            add(name, path, line, facts);
        }
    }
}

/// Adds a variable at its first place.
fn add(name: &str, path: &str, line: usize, facts: &mut Facts) {
    if facts.documented.len() <= MAX_NAMES
        && !facts.documented.iter().any(|known| known.name == name)
    {
        facts.documented.push(Variable {
            name: name.to_owned(),
            file: path.to_owned(),
            line,
        });
    }
}

/// Whether text is the name of a variable, as people write them.
fn is_name(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The name that a line assigns, also behind a comment sign: a default that one may change.
fn assigned(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.trim_start_matches('#').trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, _) = line.split_once('=')?;
    let name = name.trim_end();
    is_name(name).then_some(name)
}

/// Reads a Markdown document. First cells of a table about variables, and assignments in fenced
/// blocks, promise that the variable does something; a name in `code` only mentions it.
fn markdown(path: &str, text: &str, facts: &mut Facts) {
    let lines = Lines::of(text);
    let mut block = String::new();
    let (mut code, mut head, mut about_variables) = (false, false, false);
    let (mut column, mut cell) = (0, false);
    let mut item_begins = false;
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        let line = lines.at(range.start);
        match event {
            Event::Start(Tag::CodeBlock(_)) => code = true,
            Event::End(TagEnd::CodeBlock) => code = false,
            Event::Start(Tag::TableHead) => (head, about_variables, column) = (true, false, 0),
            Event::End(TagEnd::TableHead) => head = false,
            Event::Start(Tag::TableRow) => column = 0,
            Event::Start(Tag::TableCell) => {
                cell = true;
                block.clear();
            }
            Event::End(TagEnd::TableCell) => {
                cell = false;
                let content = block.trim();
                if column == 0 && head {
                    about_variables = is_about_variables(content);
                } else if column == 0 && about_variables && is_name(content) {
                    add(content, path, line, facts);
                }
                column += 1;
            }
            Event::Start(Tag::Item) => item_begins = true,
            Event::Text(content) if code => {
                for (more, content) in content.lines().enumerate() {
                    if let Some(name) = assigned(content) {
                        add(name, path, line + more, facts);
                    }
                }
            }
            Event::Text(content) => {
                if cell {
                    block.push_str(&content);
                }
                item_begins = false;
            }
            Event::Code(content) => {
                if cell {
                    block.push_str(&content);
                }
                let name = content.split('=').next().unwrap_or_default().trim();
                let name = name.trim_start_matches(['$', '{']).trim_end_matches('}');
                // `GET` and the like also stand in lists: only a name of several words is a promise.
                if is_name(name) && item_begins && name.contains('_') {
                    add(name, path, line, facts);
                } else if is_name(name)
                    && facts.mentioned.len() <= MAX_NAMES
                    && !facts.mentioned.iter().any(|known| known == name)
                {
                    facts.mentioned.push(name.to_owned());
                }
                item_begins = false;
            }
            _ => {}
        }
    }
}

/// Whether the head of a column says that variables stand below it.
fn is_about_variables(head: &str) -> bool {
    let head = head.to_lowercase();
    ["variable", "env", "setting", "name", "option", "key"]
        .iter()
        .any(|word| head.contains(word))
}
