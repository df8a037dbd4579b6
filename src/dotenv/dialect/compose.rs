//! Docker Compose: `.env` and `env_file:`.

use super::{Reading, Value, line_of};

/// What it reads.
pub(super) fn read(bytes: &[u8]) -> Reading {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let text = text.as_ref();
    let mut reading = Reading::default();
    let mut at = 0;
    while let Some(start) = statement_start(text, at) {
        match statement(text, start, &mut reading) {
            Ok(next) => at = next,
            Err(why) => return Reading::refused(line_of(text, start), why),
        }
    }
    // Names that begin with a digit are dropped.
    reading
        .values
        .retain(|name, _| !name.starts_with(|c: char| c.is_ascii_digit()));
    reading
}

/// A blank that does not end a line.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

/// The offset of the next statement at or behind `at`: blanks and comments skipped.
fn statement_start(text: &str, mut at: usize) -> Option<usize> {
    loop {
        let rest = text.get(at..)?;
        let trimmed = rest.trim_start();
        if trimmed.is_empty() {
            return None;
        }
        at += rest.len() - trimmed.len();
        if !trimmed.starts_with('#') {
            return Some(at);
        }
        at += trimmed.find('\n')?;
    }
}

/// One statement; the offset behind it.
fn statement(text: &str, start: usize, reading: &mut Reading) -> Result<usize, String> {
    let mut at = start;
    let rest = &text[at..];
    if let Some(after) = rest.strip_prefix("export")
        && after.starts_with(char::is_whitespace)
    {
        at = text.len() - after.trim_start_matches(is_blank).len();
    }
    let mut end = None;
    for (index, c) in text[at..].char_indices() {
        match c {
            '=' | ':' | '\n' => {
                end = Some((at + index, c));
                break;
            }
            '_' | '.' | '-' | '[' | ']' => {}
            c if is_blank(c) || c.is_alphanumeric() => {}
            c => return Err(format!("a variable's name cannot hold {c:?}")),
        }
    }
    let Some((name_end, delimiter)) = end else {
        // The last word of a file without line end is dropped.
        return Ok(text.len());
    };
    let name = text[at..name_end].trim_end();
    if name.contains(' ') {
        return Err("a variable's name cannot hold a blank".to_owned());
    }
    let value_start = text.len() - text[name_end + 1..].trim_start_matches(is_blank).len();
    if delimiter == '\n' {
        return Ok(name_end + 1);
    }
    let (value, next) = value(text, value_start, reading)?;
    reading.values.insert(name.to_owned(), Value::Text(value));
    Ok(next)
}

/// The value at an offset, and the offset behind it.
fn value(text: &str, at: usize, reading: &Reading) -> Result<(String, usize), String> {
    let rest = &text[at..];
    let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        let (line, next) = match rest.find('\n') {
            Some(end) => (&rest[..end], at + end + 1),
            None => (rest, text.len()),
        };
        let line = line.split_once(" #").map_or(line, |(value, _)| value);
        return Ok((expanded(line.trim_end(), reading)?, next));
    };
    let mut inner = String::new();
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
            if c != quote {
                inner.push('\\');
            }
            inner.push(c);
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            let value = if quote == '"' {
                expanded(&unescaped(&inner), reading)?
            } else {
                inner
            };
            return Ok((value, at + index + 1));
        } else {
            inner.push(c);
        }
    }
    Err(format!("a {quote} is never closed"))
}

/// Resolves escapes of double quotes; `\$` becomes the doubled dollar of templates.
fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('\\') {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let Some(c) = tail.chars().nth(1) else {
            break;
        };
        let mut length = 1 + c.len_utf8();
        match c {
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            '"' | '\\' => out.push(c),
            '$' => out.push_str("$$"),
            '0' => {
                let digits: String = tail
                    .chars()
                    .skip(2)
                    .take(3)
                    .take_while(char::is_ascii_digit)
                    .collect();
                match u8::from_str_radix(&digits, 8) {
                    Ok(byte) if digits.len() == 3 => out.push(char::from(byte)),
                    _ => out.push_str(&tail[..2 + digits.len()]),
                }
                length = 2 + digits.len();
            }
            _ => {
                out.push('\\');
                out.push(c);
            }
        }
        rest = &tail[length..];
    }
    out.push_str(rest);
    out
}

/// Replaces `$NAME`, `${NAME}` and the forms with defaults; `$$` is a dollar.
fn expanded(value: &str, known: &Reading) -> Result<String, String> {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let after = &tail[1..];
        if let Some(behind) = after.strip_prefix('$') {
            out.push('$');
            rest = behind;
        } else if let Some(inner) = after.strip_prefix('{') {
            let close = closing_brace(inner).ok_or("a `${` is never closed")?;
            out.push_str(&braced(&inner[..close], known)?);
            rest = &inner[close + 1..];
        } else {
            let end = name_length(after);
            if end == 0 {
                out.push('$');
            } else {
                out.push_str(known.text(&after[..end]));
            }
            rest = &after[end..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// How many bytes of a name the text begins with.
fn name_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len())
}

/// The offset of the brace that closes this one, nested references skipped.
fn closing_brace(inner: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (index, c) in inner.char_indices() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some(index),
            '}' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

/// The value of what stands between the braces.
fn braced(inner: &str, known: &Reading) -> Result<String, String> {
    let (name, rest) = inner.split_at(name_length(inner));
    if name.is_empty() {
        return Err("a `${` without a name".to_owned());
    }
    let value = match known.values.get(name) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    if rest.is_empty() {
        return Ok(value.unwrap_or_default());
    }
    let (colon, operator) = match rest.strip_prefix(':') {
        Some(operator) => (true, operator),
        None => (false, rest),
    };
    let present = value.filter(|v| !colon || !v.is_empty());
    let word = operator.get(1..).unwrap_or_default();
    match operator.chars().next() {
        Some('-') => present.map_or_else(|| expanded(word, known), Ok),
        Some('+') => present.map_or_else(|| Ok(String::new()), |_| expanded(word, known)),
        Some('?') => present.ok_or_else(|| format!("the variable {name} is required and not set")),
        _ => Err(format!("`${{{name}` is not followed by an operator")),
    }
}
