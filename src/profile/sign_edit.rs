//! Writes one signature into the text of a sign-off file. Everything else stays as it was, comments
//! and order included; what comes out is read again and compared before anybody may save it.

use std::io::Write as _;
use std::path::Path;

use super::decode::decode;
use super::node::{Node, Problems, Value};
use super::sign_off::SignOff;
use super::yaml::parse;

/// What a new file begins with.
const HEADER: &str = "# Who signed off what. `readyctl sign` adds to this file; comments and order are kept.\nversion: 1\n";
/// What to do with a file that cannot be edited.
const BY_HAND: &str = "write its entries one field a line, `- check: …`, or edit the file by hand";

/// Why a text cannot be edited, and what to do.
type Refusal = (String, String);

/// The text with this signature in place of the one for the same check and role, or behind the last.
///
/// # Errors
/// When the text is laid out in a way that cannot be changed safely.
pub(crate) fn edited(text: &str, sign_off: &SignOff) -> Result<String, Refusal> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let base = if text.trim().is_empty() { HEADER } else { text };
    let root = parse(0, base, &mut Problems::default()).ok_or_else(|| refusal("it is no YAML"))?;
    let mut lines: Vec<String> = base.lines().map(str::to_owned).collect();
    let fields = fields(sign_off);
    match root.entry("sign_offs") {
        None => {
            lines.push("sign_offs:".to_owned());
            lines.extend(block(&fields, "  ", ""));
        }
        Some((key, list)) => match &list.value {
            Value::Seq(items) if !items.is_empty() => {
                change(&mut lines, &root, items, (&fields, sign_off))?;
            }
            _ => begin(&mut lines, index_of(key), &fields)?,
        },
    }
    let mut out = lines.join(newline);
    out.push_str(newline);
    verify(&root, &out, sign_off)?;
    Ok(out)
}

/// Changes or adds an entry of a list that has some.
fn change(
    lines: &mut Vec<String>,
    root: &Node,
    items: &[Node],
    (fields, sign_off): (&[(&'static str, String)], &SignOff),
) -> Result<(), Refusal> {
    let starts: Vec<usize> = items.iter().map(index_of).collect();
    let after_list = root
        .as_map()
        .unwrap_or_default()
        .iter()
        .map(|(key, _)| index_of(key))
        .filter(|line| starts.last().is_some_and(|last| line > last))
        .min()
        .unwrap_or(lines.len());
    let same = items.iter().rposition(|item| {
        let text = |name: &str| item.get(name).and_then(Node::scalar_text);
        sign_off.is_for(&unescaped(text("check")), &unescaped(text("role")))
    });
    let at = same.unwrap_or(items.len() - 1);
    let (Some(item), Some(start)) = (items.get(at), starts.get(at).copied()) else {
        return Err(refusal("its entries cannot be told apart"));
    };
    let dash = dash_of(lines, item).ok_or_else(|| refusal("an entry does not begin its line"))?;
    let limit = starts.get(at + 1).copied().unwrap_or(after_list);
    let mut end = content_end(lines, start, limit);
    if same.is_some() {
        let entry: Vec<String> = lines.get(start..end).unwrap_or_default().to_vec();
        let new = rewritten(&entry, item, start, dash, fields)?;
        lines.splice(start..end, new);
        return Ok(());
    }
    // A comment that is indented like the entry's fields belongs to it.
    while end < limit
        && lines
            .get(end)
            .is_some_and(|line| line.trim_start().starts_with('#') && indent(line) > dash)
    {
        end += 1;
    }
    let new = block(fields, &" ".repeat(dash), "");
    lines.splice(end..end, new);
    Ok(())
}

/// Begins a list that is empty: `sign_offs:` or `sign_offs: []`.
fn begin(
    lines: &mut Vec<String>,
    at: usize,
    fields: &[(&'static str, String)],
) -> Result<(), Refusal> {
    let line = lines
        .get_mut(at)
        .ok_or_else(|| refusal("it is too short"))?;
    let (code, comment) = split_comment(line);
    let key = code
        .trim_end()
        .trim_end_matches("[]")
        .trim_end_matches("null")
        .trim_end_matches('~')
        .trim_end();
    if !key.ends_with(':') {
        return Err(refusal("its list is not written one entry a line"));
    }
    *line = format!("{key}{}", spaced(comment));
    lines.splice(at + 1..at + 1, block(fields, "  ", ""));
    Ok(())
}

/// The lines of an entry with other values; its comments stay where they are.
fn rewritten(
    entry: &[String],
    item: &Node,
    start: usize,
    dash: usize,
    fields: &[(&'static str, String)],
) -> Result<Vec<String>, Refusal> {
    let margin = " ".repeat(dash);
    let keys: Vec<(usize, String)> = item
        .as_map()
        .unwrap_or_default()
        .iter()
        .filter_map(|(key, _)| Some((index_of(key).checked_sub(start)?, key.scalar_text()?)))
        .collect();
    let one_a_line = keys.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let kept = |name: &str| fields.iter().find(|(field, _)| *field == name);
    let first_kept = keys
        .first()
        .is_some_and(|(at, name)| *at == 0 && kept(name).is_some());
    if !one_a_line || !first_kept {
        let [line] = entry else {
            return Err(refusal(
                "an entry of several lines is not written one field a line",
            ));
        };
        return Ok(block(fields, &margin, split_comment(line).1));
    }
    let mut out = Vec::new();
    for (position, (at, name)) in keys.iter().enumerate() {
        let next = keys
            .get(position + 1)
            .map_or(entry.len(), |(next, _)| *next);
        let end = content_end(entry, *at, next);
        if let (Some((_, value)), Some(line)) = (kept(name), entry.get(*at)) {
            let before = line.find(name.as_str()).unwrap_or(0);
            let lead = line.get(..before).unwrap_or_default();
            let comment = if end == at + 1 {
                split_comment(line).1
            } else {
                ""
            };
            out.push(format!("{lead}{name}: {value}{}", spaced(comment)));
        }
        out.extend(entry.get(end..next).unwrap_or_default().iter().cloned());
    }
    for (name, value) in fields {
        if keys.iter().all(|(_, key)| key != name) {
            out.push(format!("{margin}  {name}: {value}"));
        }
    }
    Ok(out)
}

/// An entry in new lines.
fn block(fields: &[(&'static str, String)], margin: &str, comment: &str) -> Vec<String> {
    fields
        .iter()
        .enumerate()
        .map(|(index, (name, value))| {
            let (lead, comment) = if index == 0 {
                ("- ", spaced(comment))
            } else {
                ("  ", String::new())
            };
            format!("{margin}{lead}{name}: {value}{comment}")
        })
        .collect()
}

/// The fields of a signature in the order in which they are written, as YAML.
fn fields(sign_off: &SignOff) -> Vec<(&'static str, String)> {
    texts(sign_off)
        .into_iter()
        .map(|(name, text)| {
            let value = match name {
                // Digits alone would be a number.
                "sha256" | "commit" => format!("\"{text}\""),
                "on" | "valid_for" => text,
                _ => scalar(&escaped(&text)),
            };
            (name, value)
        })
        .collect()
}

/// The fields of a signature as plain text.
fn texts(sign_off: &SignOff) -> Vec<(&'static str, String)> {
    let optional = [
        ("valid_for", sign_off.valid_for.map(|span| span.to_string())),
        ("evidence", sign_off.evidence.clone()),
        ("sha256", sign_off.sha256.clone()),
        ("commit", sign_off.commit.clone()),
        ("note", sign_off.note.clone()),
    ];
    let mut all = vec![
        ("check", sign_off.check.clone()),
        ("role", sign_off.role.clone()),
        ("by", sign_off.by.clone()),
        ("on", sign_off.on.to_string()),
    ];
    all.extend(
        optional
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?))),
    );
    all
}

/// A text as a YAML scalar: plain where that is surely the same text, else in double quotes.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || " ._/@-".contains(c))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n" | "nan" | "inf"
        );
    if plain {
        text.to_owned()
    } else {
        // What JSON leaves as it is may end a line in YAML, or be refused.
        let quoted = serde_json::Value::from(text).to_string();
        let mut out = String::new();
        for c in quoted.chars() {
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') {
                out.push_str(&format!("\\u{:04X}", u32::from(c)));
            } else {
                out.push(c);
            }
        }
        out
    }
}

/// The text with its `${` made literal: values of a profile are interpolated when it is read.
fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

/// A text as it stands in the file, with its `$${` read as `${`.
fn unescaped(text: Option<String>) -> String {
    text.unwrap_or_default().replace("$${", "${")
}

/// The line of a node, from 0.
fn index_of(node: &Node) -> usize {
    usize::try_from(node.at.line.saturating_sub(1)).unwrap_or(0)
}

/// How far a line is indented.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The column of the dash before an entry; `None` when something else stands before it.
fn dash_of(lines: &[String], item: &Node) -> Option<usize> {
    let line = lines.get(index_of(item))?;
    let dash = indent(line);
    line.get(dash..)?.starts_with("- ").then_some(dash)
}

/// The end of what begins at `start` and ends before `limit`, blank lines and comments behind it
/// left out.
fn content_end(lines: &[String], start: usize, limit: usize) -> usize {
    (start + 1..limit)
        .rev()
        .find(|at| {
            lines
                .get(*at)
                .map(|line| line.trim())
                .is_some_and(|line| !line.is_empty() && !line.starts_with('#'))
        })
        .map_or(start + 1, |last| last + 1)
}

/// A line of code and its comment, `# …`, which is empty when there is none.
fn split_comment(line: &str) -> (&str, &str) {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open && before != '\\' => quote = None,
            None if c == '#' && before.is_whitespace() => return line.split_at(at),
            None if matches!(c, '"' | '\'') && !before.is_alphanumeric() => quote = Some(c),
            _ => {}
        }
        before = c;
    }
    (line, "")
}

/// A comment behind two spaces.
fn spaced(comment: &str) -> String {
    if comment.is_empty() {
        String::new()
    } else {
        format!("  {comment}")
    }
}

/// A refusal that says why.
fn refusal(why: &str) -> Refusal {
    (
        format!("the sign-off file cannot be changed safely: {why}"),
        BY_HAND.to_owned(),
    )
}

/// Reads the new text: the signature is there as meant, and nothing else changed.
fn verify(before: &Node, text: &str, sign_off: &SignOff) -> Result<(), Refusal> {
    let wrong = || refusal("the result would not be what is meant");
    let after = parse(0, text, &mut Problems::default()).ok_or_else(wrong)?;
    let rest = |root: &Node| {
        let mut root = root.clone();
        root.take("sign_offs");
        root.to_json()
    };
    let entries = |root: &Node| match root.get("sign_offs").map(|list| &list.value) {
        Some(Value::Seq(items)) => items.clone(),
        _ => Vec::new(),
    };
    let own = |item: &&Node| {
        let text = |name: &str| unescaped(item.get(name).and_then(Node::scalar_text));
        sign_off.is_for(&text("check"), &text("role"))
    };
    let (old, new) = (entries(before), entries(&after));
    let meant: Vec<(String, String)> = texts(sign_off)
        .into_iter()
        .map(|(name, text)| (name.to_owned(), escaped(&text)))
        .collect();
    let written = |item: &Node| {
        let mut pairs: Vec<(String, String)> = item
            .as_map()
            .unwrap_or_default()
            .iter()
            .filter_map(|(key, value)| Some((key.scalar_text()?, value.scalar_text()?)))
            .collect();
        let mut meant = meant.clone();
        pairs.sort();
        meant.sort();
        pairs == meant && decode::<SignOff>(item, &mut Problems::default()).is_some()
    };
    let others = |items: &[Node]| -> Vec<serde_json::Value> {
        items
            .iter()
            .filter(|item| !own(item))
            .map(Node::to_json)
            .collect()
    };
    let grown = old.len() + usize::from(!old.iter().any(|item| own(&item)));
    let good = rest(before) == rest(&after)
        && others(&old) == others(&new)
        && new.len() == grown
        && new.iter().any(written);
    if good { Ok(()) } else { Err(wrong()) }
}

/// Replaces the file by `text` in one step, provided that it still holds `before`.
///
/// # Errors
/// When it was changed meanwhile or cannot be written.
pub(crate) fn save(path: &Path, before: Option<&str>, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    if !folder.as_os_str().is_empty() {
        std::fs::create_dir_all(folder)?;
    }
    // A link stays a link: what it points at is replaced.
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = real
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let beside = real.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = (|| {
        let mut file = std::fs::File::create_new(&beside)?;
        file.write_all(text.as_bytes())?;
        if let Ok(old) = std::fs::metadata(&real) {
            file.set_permissions(old.permissions())?;
        }
        file.sync_all()?;
        let now = std::fs::read_to_string(&real).ok();
        if now.as_deref() != before {
            return Err(std::io::Error::other(
                "somebody else changed it meanwhile: run the command again",
            ));
        }
        std::fs::rename(&beside, &real)
    })();
    if written.is_err() {
        let _gone = std::fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(check: &str, by: &str, more: serde_json::Value) -> SignOff {
        let mut value =
            serde_json::json!({"check": check, "role": "security", "by": by, "on": "2026-11-02"});
        if let (Some(own), Some(more)) = (value.as_object_mut(), more.as_object()) {
            own.extend(more.clone());
        }
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_new_file_begins_with_what_it_is_for() {
        let out = edited(
            "",
            &signature("a", "me", serde_json::json!({"note": "it's: #1 ${x}"})),
        )
        .unwrap();
        assert_eq!(
            out,
            format!(
                "{HEADER}sign_offs:\n  - check: a\n    role: security\n    by: me\n    on: 2026-11-02\n    note: \"it's: #1 $${{x}}\"\n"
            )
        );
    }

    #[test]
    fn comments_and_order_stay() {
        let text = "# top\nversion: 1\nsign_offs: # all\n# first\n- check: a # why\n  # inside\n  role: Security\n  by: 'old # name'   # who\n  on: 2020-01-01\n  note: >\n    long\n    story\n  evidence: gone\n  # belongs to a\n\n# second\n- { check: b, role: security, by: x, on: 2020-01-01 } # flow\n  # of b\n# end\n";
        let out = edited(
            text,
            &signature("a", "new", serde_json::json!({"valid_for": "90d"})),
        )
        .unwrap();
        assert_eq!(
            out,
            "# top\nversion: 1\nsign_offs: # all\n# first\n- check: a  # why\n  # inside\n  role: security\n  by: new  # who\n  on: 2026-11-02\n  valid_for: 90d\n  # belongs to a\n\n# second\n- { check: b, role: security, by: x, on: 2020-01-01 } # flow\n  # of b\n# end\n"
        );
        let out = edited(&out, &signature("b", "new", serde_json::json!({}))).unwrap();
        assert!(out.contains("- check: b  # flow\n  role: security\n  by: new\n  on: 2026-11-02\n  # of b\n# end\n"), "{out}");
        let out = edited(&out, &signature("c", "third", serde_json::json!({}))).unwrap();
        assert!(
            out.contains(
                "  # of b\n- check: c\n  role: security\n  by: third\n  on: 2026-11-02\n# end\n"
            ),
            "{out}"
        );
    }

    #[test]
    fn line_ends_and_sections_behind_the_list_stay() {
        for list in [
            "sign_offs: []  # none yet",
            "sign_offs:  # none yet",
            "sign_offs:",
        ] {
            let text = format!("{list}\r\nversion: 1\r\n");
            let out = edited(&text, &signature("a", "me", serde_json::json!({}))).unwrap();
            assert!(
                out.ends_with("    on: 2026-11-02\r\nversion: 1\r\n"),
                "{out}"
            );
            assert_eq!(out.matches('\n').count(), out.matches("\r\n").count());
        }
    }

    #[test]
    fn what_cannot_be_changed_safely_is_left_alone() {
        for text in [
            "version: 1\nsign_offs: [{ check: a, role: x, by: y, on: 2020-01-01 }]\n",
            "{ version: 1 }\n",
            "version: 1\nsign_offs:\n  - {\n      check: a, role: security, by: x, on: 2020-01-01 }\n",
            "version: 1\nsign_offs: &all\n  - &a { check: b, role: x, by: y, on: 2020-01-01 }\n  - *a\n",
        ] {
            let out = edited(text, &signature("a", "me", serde_json::json!({})));
            if let Ok(out) = out {
                // Where it is possible nothing may be lost.
                assert!(text.lines().all(|line| out.contains(line)), "{text}{out}");
            }
        }
    }

    #[test]
    fn any_name_comes_back_as_it_was() {
        for by in [
            "true",
            "0123",
            "a: b",
            "- x",
            "#h",
            "",
            "\"q\" 'r'",
            "line\nbreak",
            "ünïcode ☃",
            "$${x} ${y}",
            "a ",
            "1e5",
            "~",
            "\u{7f}\u{85}\u{feff}",
        ] {
            let out = edited("", &signature("a", by, serde_json::json!({}))).unwrap();
            let root = parse(0, &out, &mut Problems::default()).unwrap();
            let Some(Value::Seq(items)) = root.get("sign_offs").map(|list| &list.value) else {
                panic!("{out}");
            };
            assert_eq!(
                items[0].get("by").unwrap().as_str(),
                Some(escaped(by).as_str()),
                "{out}"
            );
        }
    }
}
