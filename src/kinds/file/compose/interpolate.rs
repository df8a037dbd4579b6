//! `${NAME}` in Compose files.

use std::collections::BTreeMap;

/// How many references may stand inside each other.
const MAX_DEPTH: usize = 8;

/// The text with what is known put in. What is not known and has no default stays as it was
/// written: whoever deploys sets it.
pub(in super::super) fn interpolated(text: &str, known: &BTreeMap<String, String>) -> String {
    replace(text, known, 0)
}

/// See [`interpolated`].
fn replace(text: &str, known: &BTreeMap<String, String>, depth: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let after = tail.get(1..).unwrap_or_default();
        if after.starts_with('$') {
            out.push('$');
            rest = after.get(1..).unwrap_or_default();
            continue;
        }
        let Some((reference, length)) = reference(after) else {
            out.push('$');
            rest = after;
            continue;
        };
        match value(&reference, known, depth) {
            Some(value) => out.push_str(&value),
            None => out.push_str(tail.get(..=length).unwrap_or_default()),
        }
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// A reference to a variable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// The variable.
    pub(super) name: String,
    /// What follows it: `:-`, `?`; empty for none.
    pub(super) operator: String,
    /// What stands behind the operator.
    pub(super) word: String,
}

/// The reference behind a `$` that the text begins with, and its length.
fn reference(after: &str) -> Option<(Reference, usize)> {
    let name_of = |text: &str| -> usize {
        text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(text.len())
    };
    let Some(inner) = after.strip_prefix('{') else {
        let end = name_of(after);
        let name = after
            .get(..end)
            .filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))?;
        return Some((
            Reference {
                name: name.to_owned(),
                operator: String::new(),
                word: String::new(),
            },
            end,
        ));
    };
    let mut depth = 0_usize;
    let mut close = None;
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                close = Some(at);
                break;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    let close = close?;
    let inside = inner.get(..close)?;
    let (name, rest) = inside.split_at(name_of(inside));
    let operator = [":-", ":?", ":+", "-", "?", "+"]
        .into_iter()
        .find(|operator| rest.starts_with(operator))
        .unwrap_or_default();
    Some((
        Reference {
            name: name.to_owned(),
            operator: operator.to_owned(),
            word: rest.get(operator.len()..).unwrap_or_default().to_owned(),
        },
        close + 2,
    ))
}

/// What a reference stands for.
fn value(reference: &Reference, known: &BTreeMap<String, String>, depth: usize) -> Option<String> {
    let word = |text: &str| {
        if depth < MAX_DEPTH {
            replace(text, known, depth + 1)
        } else {
            text.to_owned()
        }
    };
    let colon = reference.operator.starts_with(':');
    let given = known
        .get(&reference.name)
        .filter(|value| !colon || !value.is_empty());
    match reference.operator.trim_start_matches(':') {
        "+" => Some(given.map_or_else(String::new, |_| word(&reference.word))),
        "-" => Some(given.map_or_else(|| word(&reference.word), Clone::clone)),
        _ => given.cloned(),
    }
}

/// Every reference of a text.
pub(super) fn references(text: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let after = rest.get(at + 1..).unwrap_or_default();
        if after.starts_with('$') {
            rest = after.get(1..).unwrap_or_default();
            continue;
        }
        match reference(after) {
            Some((reference, length)) => {
                found.extend(references(&reference.word));
                found.push(reference);
                rest = after.get(length..).unwrap_or_default();
            }
            None => rest = after,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_alternatives_and_what_nobody_knows() {
        let known = BTreeMap::from([
            ("A".to_owned(), "1".to_owned()),
            ("E".to_owned(), String::new()),
        ]);
        for (text, expected) in [
            ("$A-${A}", "1-1"),
            ("${B}:x", "${B}:x"),
            ("$B", "$B"),
            ("${B:-d}", "d"),
            ("${E:-d}${E-d}", "d"),
            ("${B:-${A}}", "1"),
            ("${B:-${C:-x}}y", "xy"),
            ("${A:+yes}${B:+no}", "yes"),
            ("${B:?needed}", "${B:?needed}"),
            ("$$A", "$A"),
            ("a$", "a$"),
            ("${A", "${A"),
        ] {
            assert_eq!(interpolated(text, &known), expected, "{text}");
        }
        let names: Vec<String> = references("${A:-${B}} $C $$D")
            .into_iter()
            .map(|reference| reference.name)
            .collect();
        assert_eq!(names, ["B", "A", "C"]);
    }
}
