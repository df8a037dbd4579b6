//! Names of items that survive small edits: slugs, fingerprints, and how alike two of them are.

use std::collections::BTreeSet;
use std::fmt;

use sha2::{Digest as _, Sha256};

/// Words of an item that make its slug.
const WORDS: usize = 7;

/// `FILE.md#heading/item@fingerprint`; everything but the place behind `#` may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// File name; empty when the anchor stands in a table of one file.
    pub(crate) file: String,
    /// `heading`, or `heading/item`.
    pub(crate) place: String,
    /// The item's fingerprint when it was covered.
    pub(crate) fingerprint: Option<String>,
}

impl Anchor {
    /// Reads `FILE#place@fingerprint`; `None` without `#`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (file, place) = text.split_once('#')?;
        Some(Self::of(file, place))
    }

    /// An anchor of a known file: `place@fingerprint`.
    pub(crate) fn of(file: &str, place: &str) -> Self {
        let (place, fingerprint) = match place.rsplit_once('@') {
            Some((place, print)) if is_fingerprint(print) => (place, Some(print.to_owned())),
            _ => (place, None),
        };
        Self {
            file: file.trim().to_owned(),
            place: place.trim().trim_start_matches('#').to_owned(),
            fingerprint,
        }
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.file, self.place)
    }
}

/// Whether this is what [`fingerprint`] gives.
fn is_fingerprint(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Text as a heading's anchor: small letters, digits and dashes, like code forges make it.
pub(crate) fn slug(text: &str) -> String {
    text.trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' | '-' => Some('-'),
            '_' => Some('_'),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}

/// The first words of an item, as its name within the heading.
pub(crate) fn item_slug(text: &str) -> String {
    words(text).take(WORDS).collect::<Vec<_>>().join("-")
}

/// Six hexadecimal digits that change with any word of the text, not with its markup or spacing.
pub(crate) fn fingerprint<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        for word in words(text) {
            hash.update(word.as_bytes());
            hash.update([0]);
        }
    }
    hash.finalize()
        .iter()
        .take(3)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Words in small letters; numbers count, punctuation does not.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// How alike two slugs or texts are by their words, 0 to 1 (Dice's coefficient).
pub(crate) fn likeness(a: &str, b: &str) -> f64 {
    let (a, b): (BTreeSet<String>, BTreeSet<String>) = (words(a).collect(), words(b).collect());
    let sum = a.len() + b.len();
    if sum == 0 {
        return 0.0;
    }
    let common = u32::try_from(a.intersection(&b).count()).unwrap_or(u32::MAX);
    let sum = u32::try_from(sum).unwrap_or(u32::MAX);
    2.0 * f64::from(common) / f64::from(sum)
}
