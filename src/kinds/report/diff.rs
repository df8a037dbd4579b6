//! The added lines of a unified diff.

use std::collections::BTreeMap;

use super::files::{Source, wrong};
use crate::outcome::Fault;

/// Added lines of each file.
#[derive(Debug, Default)]
pub(super) struct Changed(pub(super) BTreeMap<String, Vec<u32>>);

/// Reads a unified diff.
///
/// # Errors
/// When it is none.
pub(super) fn read(source: &Source) -> Result<Changed, Fault> {
    let text = String::from_utf8_lossy(&source.bytes);
    let mut changed = Changed::default();
    let mut file: Option<String> = None;
    let mut at = 0_u32;
    // Lines that the hunk still has: of the old and of the new file.
    let mut left = (0_u32, 0_u32);
    let mut hunks = 0;
    for line in text.lines() {
        if left != (0, 0) {
            match line.as_bytes().first() {
                Some(b'+') => {
                    if let Some(file) = &file {
                        changed.0.entry(file.clone()).or_default().push(at);
                    }
                    at += 1;
                    left.1 = left.1.saturating_sub(1);
                }
                Some(b'-') => left.0 = left.0.saturating_sub(1),
                Some(b'\\') => {}
                _ => {
                    at += 1;
                    left = (left.0.saturating_sub(1), left.1.saturating_sub(1));
                }
            }
        } else if let Some(path) = line.strip_prefix("+++ ") {
            let path = path.split('\t').next().unwrap_or(path).trim();
            let path = path.strip_prefix("b/").unwrap_or(path);
            file = (path != "/dev/null").then(|| path.to_owned());
        } else if line.starts_with("@@ ") {
            let (old, new) = hunk(line).ok_or_else(|| wrong(source, "a hunk cannot be read"))?;
            at = new.0;
            left = (old.1, new.1);
            hunks += 1;
        }
    }
    if left != (0, 0) {
        return Err(wrong(source, "its last hunk is cut off"));
    }
    if hunks == 0 {
        return Err(wrong(source, "it is no unified diff"));
    }
    Ok(changed)
}

/// Start and length of both sides: `@@ -1,4 +1,6 @@`.
fn hunk(line: &str) -> Option<((u32, u32), (u32, u32))> {
    let mut words = line.split(' ').skip(1);
    let side = |word: &str, sign: char| -> Option<(u32, u32)> {
        let (start, length) = match word.strip_prefix(sign)?.split_once(',') {
            Some((start, length)) => (start, length.parse().ok()?),
            None => (word.strip_prefix(sign)?, 1),
        };
        Some((start.parse().ok()?, length))
    };
    Some((side(words.next()?, '-')?, side(words.next()?, '+')?))
}
