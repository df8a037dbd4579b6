//! What is different between two documents for the clients of the older one.

mod cases;
mod operations;
mod schemas;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::document::Document;

pub(super) use cases::ANNOTATIONS;
pub(super) use operations::{answer_of, covers};

/// Most changes that are kept.
const MAX_CHANGES: usize = 200;

/// What a change means for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// No client notices.
    Compatible,
    /// Some clients may notice.
    Doubtful,
    /// What it means cannot be told.
    Unjudged,
    /// Clients that keep to the older document fail.
    Breaking,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    /// What it means.
    pub(super) level: Level,
    /// The operation, `GET /items`.
    pub(super) operation: String,
    /// The part of it, `answer 200, [].price`; empty for the operation itself.
    pub(super) place: String,
    /// What is different.
    pub(super) what: String,
    /// Whether it was told before, of an operation that uses the same component.
    #[serde(skip)]
    pub(super) repeated: bool,
}

impl Change {
    /// Makes one.
    fn new(level: Level, operation: &str, place: &str, what: impl Into<String>) -> Self {
        Self {
            level,
            operation: operation.to_owned(),
            place: place.to_owned(),
            what: what.into(),
            repeated: false,
        }
    }
}

/// Compares an older document with a newer one; the worst changes come first. The number is of
/// changes beyond those that are kept.
pub(super) fn compare(old: &Document, new: &Document) -> (Vec<Change>, usize) {
    let mut list = operations::compare(old, new);
    list.retain(|change| !change.repeated);
    list.sort_by_key(|change| std::cmp::Reverse(change.level));
    let more = list.len().saturating_sub(MAX_CHANGES);
    list.truncate(MAX_CHANGES);
    (list, more)
}
