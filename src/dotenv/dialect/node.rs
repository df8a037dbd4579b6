//! `dotenv` of Node: one expression finds the assignments, then quotes are taken off.

use std::sync::LazyLock;

use regex::Regex;

use super::Reading;

/// Finds an assignment: optional `export`, a name, `=` or `: `, and a quoted or unquoted value in
/// which the first `#` begins a comment.
static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // JavaScript's blank knows the byte order mark but not NEL.
    let s = r"[ \t\n\r\x0b\x0c\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}]";
    let quoted = |q: char| format!(r"{s}*{q}(?:\\{q}|[^{q}])*{q}");
    Regex::new(&format!(
        r"(?m)^{s}*(?:export{s}+)?([0-9A-Za-z_.-]+)(?:{s}*={s}*?|:{s}+?)({}|{}|{}|[^#\r\n]+)?{s}*(?:#.*)?$",
        quoted('\''),
        quoted('"'),
        quoted('`'),
    ))
    .ok()
});

/// What it reads.
pub(super) fn read(bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    let text = String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let Some(assignment) = ASSIGNMENT.as_ref() else {
        return reading;
    };
    for found in assignment.captures_iter(&text) {
        let Some(name) = found.get(1) else { continue };
        let value = found.get(2).map_or("", |value| value.as_str());
        let value = value.trim_matches(is_blank);
        let double = value.starts_with('"');
        let mut value = unquoted(value);
        if double {
            value = value.replace("\\n", "\n").replace("\\r", "\r");
        }
        reading.set(name.as_str(), value);
    }
    reading
}

/// What `trim` of JavaScript removes.
fn is_blank(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

/// Takes a pair of quotes off that begins at the start of any line and ends at the end of any.
fn unquoted(value: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    loop {
        if let Some(quote) = rest
            .chars()
            .next()
            .filter(|c| matches!(c, '\'' | '"' | '`'))
        {
            let close = rest
                .char_indices()
                .skip(1)
                .filter(|(i, c)| {
                    *c == quote && matches!(rest.as_bytes().get(i + 1), None | Some(b'\n'))
                })
                .map(|(i, _)| i)
                .last();
            if let Some(close) = close {
                out.push_str(rest.get(1..close).unwrap_or_default());
                rest = rest.get(close + 1..).unwrap_or_default();
            }
        }
        match rest.split_once('\n') {
            Some((line, tail)) => {
                out.push_str(line);
                out.push('\n');
                rest = tail;
            }
            None => {
                out.push_str(rest);
                return out;
            }
        }
    }
}
