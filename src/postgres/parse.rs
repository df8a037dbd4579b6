//! Taking a DSN apart: the URL forms and libpq's `word=value` form.

use super::dsn::bad;
use crate::outcome::{Cause, Fault};

/// The parts of a DSN before they mean anything.
#[derive(Debug, Default)]
pub(super) struct Raw {
    /// User of the URL's authority.
    pub(super) user: Option<String>,
    /// Password of the URL's authority.
    pub(super) password: Option<String>,
    /// Hosts of the URL's authority.
    pub(super) hosts: Vec<String>,
    /// Their ports, empty where none was written.
    pub(super) ports: Vec<String>,
    /// Database of the URL's path.
    pub(super) database: Option<String>,
    /// Query parameters, or all words of the other form.
    pub(super) words: Vec<(String, String)>,
}

/// A DSN that cannot be taken apart; nothing of it is shown.
fn unreadable(what: &str, help: &str) -> Fault {
    Fault::new(
        Cause::Unparseable,
        format!("the PostgreSQL DSN cannot be used: {what}"),
    )
    .code("PG-01")
    .hint(help)
}

/// Takes any form apart.
pub(super) fn split(text: &str) -> Result<Raw, Fault> {
    if text.is_empty() {
        return Err(unreadable(
            "it is empty",
            "set the variable or input that holds it, for example to postgres://user@host:5432/database",
        ));
    }
    let text = text.strip_prefix("jdbc:").unwrap_or(text);
    if let Some((scheme, rest)) = text.split_once("://")
        && !scheme.contains(|c: char| c == '=' || c.is_whitespace())
    {
        let base = scheme.split('+').next().unwrap_or_default();
        if !matches!(
            base.to_ascii_lowercase().as_str(),
            "postgres" | "postgresql"
        ) {
            return Err(unreadable(
                "its scheme is not PostgreSQL's",
                "write postgres://user@host:5432/database",
            ));
        }
        return url(rest);
    }
    if !text.contains('=') {
        return Err(unreadable(
            "it is neither a URL nor `word=value` pairs",
            "write the DSN as postgres://user@host:5432/database or as host=… dbname=…",
        ));
    }
    Ok(Raw {
        words: keywords(text)?,
        ..Raw::default()
    })
}

/// What stands after `postgres://`.
fn url(rest: &str) -> Result<Raw, Fault> {
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, query),
        None => (rest, ""),
    };
    let encode = "percent-encode special characters in the password: `@` is %40, `/` is %2F, `#` is %23, `?` is %3F, `%` is %25";
    if rest.contains('#') {
        return Err(unreadable("it contains a `#`", encode));
    }
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, Some(path)),
        None => (rest, None),
    };
    let mut raw = Raw::default();
    if authority.matches('@').count() > 1
        || path.is_some_and(|p| p.contains('@'))
        || query
            .split('&')
            .next()
            .is_some_and(|first| !first.contains('=') && first.contains('@'))
    {
        return Err(unreadable(
            "there is more than one `@` or one in the wrong place",
            encode,
        ));
    }
    let places = match authority.split_once('@') {
        Some((credentials, places)) => {
            let (user, password) = match credentials.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (credentials, None),
            };
            raw.user = Some(decoded(user)?);
            raw.password = password.map(decoded).transpose()?;
            places
        }
        None => authority,
    };
    for place in places.split(',').filter(|_| !places.is_empty()) {
        let (host, port) = match place.rfind(':') {
            // The last colon of `[::1]` is inside the brackets.
            Some(at) if !place[at..].contains(']') => (&place[..at], &place[at + 1..]),
            _ => (place, ""),
        };
        raw.hosts.push(decoded(host)?);
        raw.ports.push(port.to_owned());
    }
    raw.database = path.map(decoded).transpose()?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((word, value)) = pair.split_once('=') else {
            return Err(unreadable(
                "a query parameter has no `=`",
                "write parameters as name=value; a `?` in the password is %3F",
            ));
        };
        raw.words.push((decoded(word)?, decoded(value)?));
    }
    Ok(raw)
}

/// The text with `%XX` decoded.
fn decoded(text: &str) -> Result<String, Fault> {
    let wrong = || {
        unreadable(
            "a `%` is not followed by two hexadecimal digits, or what they decode to is not UTF-8",
            "a `%` that belongs to the password is written %25",
        )
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (hex, tail) = rest.split_at_checked(2).ok_or_else(wrong)?;
        let hex = std::str::from_utf8(hex).map_err(|_| wrong())?;
        bytes.push(u8::from_str_radix(hex, 16).map_err(|_| wrong())?);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// `word = value` pairs; values may stand in single quotes, a backslash escapes.
fn keywords(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((word, tail)) = rest.split_once('=') else {
            return Err(unreadable(
                "a word has no `=`",
                "write word=value pairs; a value with spaces stands in single quotes",
            ));
        };
        let word = word.trim();
        if word.is_empty() || word.contains(char::is_whitespace) {
            return Err(unreadable(
                "a word has no `=`",
                "write word=value pairs; a value with spaces stands in single quotes",
            ));
        }
        let (value, tail) = keyword_value(tail.trim_start())?;
        words.push((word.to_owned(), value));
        rest = tail.trim_start();
    }
    Ok(words)
}

/// One value, and what follows it.
fn keyword_value(text: &str) -> Result<(String, &str), Fault> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            c if !quoted && c.is_whitespace() => return Ok((value, &text[at..])),
            c => value.push(c),
        }
    }
    if quoted {
        return Err(unreadable(
            "a quote is not closed",
            "close the single quote; inside of it write \\' for a quote",
        ));
    }
    Ok((value, ""))
}

/// The settings inside `options`: `-c name=value` and `--name=value`.
pub(super) fn options(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let wrong = || {
        bad(
            "options",
            "write `-c name=value`, several separated by spaces",
        )
    };
    let mut settings = Vec::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("-c") {
            Some("") => words.next().ok_or_else(wrong)?,
            Some(setting) => setting,
            // Poolers of hosting services route by `endpoint=…`, which is no setting.
            None if !word.starts_with('-') && word.contains('=') => continue,
            None => word.strip_prefix("--").ok_or_else(wrong)?,
        };
        let (name, value) = setting.split_once('=').ok_or_else(wrong)?;
        settings.push((
            name.replace('-', "_").to_ascii_lowercase(),
            value.to_owned(),
        ));
    }
    Ok(settings)
}
