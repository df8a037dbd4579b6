//! `dotenv` of Ruby: one expression finds the assignments, then escapes and references are resolved.

use std::sync::LazyLock;

use regex::Regex;

use super::{Reading, Value};

/// Finds an assignment; the first `#` of an unquoted value begins a comment.
static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let s = r"[ \t\r\n\x0b\x0c]";
    let quoted = |q: char| format!(r"{s}*{q}(?:\\{q}|[^{q}])*{q}");
    Regex::new(&format!(
        r"(?m)^{s}*(?:export{s}+)?([0-9A-Za-z_.]+)(?:{s}*={s}*?|:{s}+?)({}|{}|[^#\r\n]+)?{s}*(?:#.*)?$",
        quoted('\''),
        quoted('"'),
    ))
    .ok()
});

/// What it reads.
pub(super) fn read(bytes: &[u8]) -> Reading {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Reading::refused(1, "the file is not UTF-8");
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut reading = Reading::default();
    let Some(assignment) = ASSIGNMENT.as_ref() else {
        return reading;
    };
    for found in assignment.captures_iter(&text) {
        let Some(name) = found.get(1) else { continue };
        let value = found.get(2).map_or("", |value| value.as_str()).trim();
        let quote = value
            .chars()
            .next()
            .filter(|c| matches!(c, '\'' | '"') && value.len() > 1 && value.ends_with(*c));
        let value = match quote {
            Some(_) => value.get(1..value.len() - 1).unwrap_or_default(),
            None => value,
        };
        let value = match quote {
            Some('\'') => Value::Text(value.to_owned()),
            Some(_) => substituted(&unescaped(value, true), &reading),
            None => substituted(&unescaped(value, false), &reading),
        };
        reading.values.insert(name.as_str().to_owned(), value);
    }
    reading
}

/// Drops the backslash before anything but `$`; in double quotes `\n` and `\r` stay as they are
/// (they became line ends before 3.0).
fn unescaped(value: &str, double: bool) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('n' | 'r')) if double => out.push('\\'),
            ('\\', Some(next)) if *next != '$' && *next != '\n' => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// Replaces `$NAME` and `${NAME}`; a command is not run.
fn substituted(value: &str, known: &Reading) -> Value {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        let (head, tail) = rest.split_at(at);
        let after = tail.get(1..).unwrap_or_default();
        if let Some(head) = head.strip_suffix('\\') {
            out.push_str(head);
            out.push('$');
            rest = after;
            continue;
        }
        out.push_str(head);
        if after.starts_with('(') && after.contains(')') {
            return Value::Command;
        }
        let inner = after.strip_prefix('{').unwrap_or(after);
        let end = inner
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(inner.len());
        let (name, behind) = inner.split_at(end);
        if name.is_empty() {
            out.push('$');
            rest = after;
            continue;
        }
        out.push_str(known.text(name));
        rest = behind.strip_prefix('}').unwrap_or(behind);
    }
    out.push_str(rest);
    Value::Text(out)
}
