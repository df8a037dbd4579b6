//! From bytes to text, refusing what is not UTF-8.

use crate::outcome::{Cause, Fault};

/// The text of a file, and what its bytes gave away.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// The text, without byte order mark; line ends as they were.
    pub(crate) text: String,
    /// Whether it began with a UTF-8 byte order mark.
    pub(crate) bom: bool,
}

/// Why bytes are not the text of a `.env` file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undecodable {
    /// UTF-16 or UTF-32, by byte order mark or by a zero in every other byte.
    Wide,
    /// A byte that is not UTF-8, with its line and column.
    NotUtf8(u32, u32),
    /// A NUL, with its line and column: no variable can hold one.
    Nul(u32, u32),
}

impl Undecodable {
    /// As the fault ENV-26 of the file called `shown`.
    pub(crate) fn fault(self, shown: &str) -> Fault {
        let (message, hint) = match self {
            Self::Wide => (
                format!("{shown}: is UTF-16, which no loader reads"),
                "save it as UTF-8 without byte order mark; Windows PowerShell's `>` writes UTF-16",
            ),
            Self::NotUtf8(line, column) => (
                format!("{shown}:{line}:{column}: this byte is not UTF-8"),
                "save the file as UTF-8",
            ),
            Self::Nul(line, column) => (
                format!("{shown}:{line}:{column}: a NUL byte; no variable can hold one"),
                "remove the NUL byte",
            ),
        };
        Fault::new(Cause::Unparseable, message)
            .code("ENV-26")
            .hint(hint)
    }
}

/// Decodes the bytes of a file.
///
/// # Errors
/// [`Undecodable`]: loaders would refuse it, skip it or read garbage.
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded, Undecodable> {
    if is_wide(bytes) {
        return Err(Undecodable::Wide);
    }
    let (bom, rest) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    let text = match std::str::from_utf8(rest) {
        Ok(text) => text,
        Err(error) => {
            let good = rest.get(..error.valid_up_to()).unwrap_or_default();
            let (line, column) = place_after(&String::from_utf8_lossy(good));
            return Err(Undecodable::NotUtf8(line, column));
        }
    };
    if let Some(at) = text.find('\0') {
        let (line, column) = place_after(text.get(..at).unwrap_or_default());
        return Err(Undecodable::Nul(line, column));
    }
    Ok(Decoded {
        text: text.to_owned(),
        bom,
    })
}

/// Whether the bytes are UTF-16 or UTF-32: a byte order mark, or zeros where ASCII in UTF-16 has
/// them.
fn is_wide(bytes: &[u8]) -> bool {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return true;
    }
    let head = bytes.get(..bytes.len().min(64)).unwrap_or_default();
    let zeros = |parity: usize| {
        head.iter()
            .skip(parity)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    head.len() >= 4 && (zeros(0) * 4 >= head.len() || zeros(1) * 4 >= head.len())
}

/// Line and column right after a text.
fn place_after(text: &str) -> (u32, u32) {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (
        u32::try_from(line).unwrap_or(u32::MAX),
        u32::try_from(column).unwrap_or(u32::MAX),
    )
}

/// A character that nobody sees and that makes a value another one: zero-width, no-break and other
/// unusual spaces, byte order marks inside the text, direction marks, control characters.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00a0}' | '\u{00ad}' | '\u{1680}' | '\u{180e}' | '\u{2000}'..='\u{200f}'
        | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{2064}' | '\u{2066}'..='\u{206f}'
        | '\u{3000}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// How a message names such a character.
pub(crate) fn name_of_invisible(c: char) -> String {
    let what = match c {
        '\u{00a0}' | '\u{202f}' => "no-break space",
        '\u{00ad}' => "soft hyphen",
        '\u{200b}' => "zero-width space",
        '\u{200c}' | '\u{200d}' => "zero-width joiner",
        '\u{feff}' => "byte order mark",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "direction mark"
        }
        _ if c.is_control() => "control character",
        _ => "unusual space",
    };
    format!("{what} U+{:04X}", u32::from(c))
}
