//! `docker run --env-file`: a line is `NAME=value`, nothing else is special.

use super::Reading;

/// Longest line its scanner takes.
const LONGEST_LINE: usize = 64 * 1024;

/// What it reads.
pub(super) fn read(bytes: &[u8]) -> Reading {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reading = Reading::default();
    for (index, line) in bytes.split(|b| *b == b'\n').enumerate() {
        if line.len() >= LONGEST_LINE {
            return Reading::refused(index + 1, "the line is longer than 64 KiB");
        }
        let Ok(line) = std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)) else {
            return Reading::refused(index + 1, "the line is not UTF-8");
        };
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (line, None),
        };
        if name.is_empty() {
            return Reading::refused(index + 1, "there is no name before the `=`");
        }
        if name.contains([' ', '\t']) {
            return Reading::refused(index + 1, "the name contains a blank");
        }
        if let Some(value) = value {
            reading.set(name, value);
        }
    }
    reading
}
