//! `python-dotenv`: a small recursive parser; references are resolved even in single quotes.

use super::{Reading, Value};

/// What it reads.
pub(super) fn read(bytes: &[u8]) -> Reading {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Reading::refused(1, "the file is not UTF-8");
    };
    // Python opens text files with universal line ends. A byte order mark stays.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut reading = Reading::default();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        rest = match binding(rest) {
            Ok((binding, after)) => {
                match binding {
                    Some((name, Some(value))) => {
                        let value = resolved(&value, &reading);
                        reading.values.insert(name, Value::Text(value));
                    }
                    // A name alone takes an earlier value away.
                    Some((name, None)) => {
                        reading.values.remove(&name);
                    }
                    None => {}
                }
                after
            }
            // It warns and goes on with the next line.
            Err(stuck) => stuck.split_once('\n').map_or("", |(_, tail)| tail),
        };
    }
    reading
}

/// A name and its value, if any.
type Binding = Option<(String, Option<String>)>;

/// A blank of Python's `\s` that does not end a line.
fn is_blank(c: char) -> bool {
    c.is_whitespace() && c != '\n'
}

/// The next assignment and what follows; where it got stuck when the line cannot be parsed.
fn binding(text: &str) -> Result<(Binding, &str), &str> {
    let mut rest = text.trim_start();
    if rest.is_empty() {
        return Ok((None, rest));
    }
    if let Some(after) = rest.strip_prefix("export")
        && after.starts_with(is_blank)
    {
        rest = after.trim_start_matches(is_blank);
    }
    let mut name = None;
    if let Some(after) = rest.strip_prefix('\'') {
        let (inner, tail) = after
            .split_once('\'')
            .filter(|(inner, _)| !inner.is_empty())
            .ok_or(rest)?;
        name = Some(inner.to_owned());
        rest = tail;
    } else if !rest.starts_with('#') {
        let end = rest
            .find(|c: char| c == '=' || c == '#' || c.is_whitespace())
            .unwrap_or(rest.len());
        if end == 0 {
            return Err(rest);
        }
        let (head, tail) = rest.split_at(end);
        name = Some(head.to_owned());
        rest = tail;
    }
    rest = rest.trim_start_matches(is_blank);
    let mut value = None;
    if let Some(after) = rest.strip_prefix('=') {
        let after = after.trim_start_matches(is_blank);
        let (read, tail) = self::value(after).ok_or(after)?;
        value = Some(read);
        rest = tail;
    }
    let trimmed = rest.trim_start_matches(is_blank);
    if trimmed.starts_with('#') {
        rest = trimmed.find('\n').map_or("", |at| &trimmed[at..]);
    }
    let rest = rest.trim_start_matches(is_blank);
    let rest = match rest.strip_prefix('\n') {
        Some(tail) => tail,
        None if rest.is_empty() => rest,
        None => return Err(rest),
    };
    Ok((name.map(|name| (name, value)), rest))
}

/// A value and what follows.
fn value(text: &str) -> Option<(String, &str)> {
    match text.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(text, quote),
        None | Some('\n') => Some((String::new(), text)),
        Some(_) => {
            let end = text.find('\n').unwrap_or(text.len());
            let (line, rest) = text.split_at(end);
            let cut = line
                .char_indices()
                .find(|(i, c)| *c == '#' && line[..*i].ends_with(char::is_whitespace))
                .map_or(line.len(), |(i, _)| i);
            Some((line[..cut].trim_end().to_owned(), rest))
        }
    }
}

/// A quoted value and what follows; `None` when the quote never closes.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let body = text.get(1..)?;
    let close = close_of(body, quote)?;
    let inner = &body[..close];
    let known: &[char] = if quote == '"' {
        &['\\', '\'', '"', 'a', 'b', 'f', 'n', 'r', 't', 'v']
    } else {
        &['\\', '\'']
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match chars
            .peek()
            .copied()
            .filter(|n| c == '\\' && known.contains(n))
        {
            Some(escaped) => {
                chars.next();
                out.push(match escaped {
                    'a' => '\x07',
                    'b' => '\x08',
                    'f' => '\x0c',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\x0b',
                    other => other,
                });
            }
            None => out.push(c),
        }
    }
    Some((out, &body[close + 1..]))
}

/// Where the closing quote stands: an escaped one closes only when no other does.
fn close_of(body: &str, quote: char) -> Option<usize> {
    let mut fallback = None;
    let mut escaped = false;
    for (index, c) in body.char_indices() {
        if c == quote && !escaped {
            return Some(index);
        }
        if c == quote {
            fallback = Some(index);
        }
        // Only the pair "backslash, quote" is one step: two backslashes do not protect each other.
        escaped = c == '\\';
    }
    fallback
}

/// Replaces `${NAME}` and `${NAME:-default}`.
fn resolved(value: &str, known: &Reading) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let inner = &tail[2..];
        let found = inner.find(['}', ':']).and_then(|end| {
            let (name, behind) = inner.split_at(end);
            match behind.strip_prefix(":-") {
                Some(default) => default
                    .split_once('}')
                    .map(|(default, after)| (name, default, after)),
                None => behind.strip_prefix('}').map(|after| (name, "", after)),
            }
        });
        match found {
            Some((name, default, after)) => {
                match known.values.get(name) {
                    Some(Value::Text(text)) => out.push_str(text),
                    _ => out.push_str(default),
                }
                rest = after;
            }
            None => {
                out.push_str("${");
                rest = inner;
            }
        }
    }
    out.push_str(rest);
    out
}
