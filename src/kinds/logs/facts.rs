//! What was seen of a log: counts and places, never text.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::leaks::Hit;

/// How often something was seen, and the first line where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// How often.
    pub(super) count: u64,
    /// The first line, from 1.
    pub(super) first: u64,
}

impl Seen {
    /// Counts one more.
    pub(super) fn add(&mut self, line: u64) {
        if self.count == 0 {
            self.first = line;
        }
        self.count += 1;
    }
}

/// What was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Where the log came from.
    pub(super) source: String,
    /// Lines that are not blank.
    pub(super) lines: u64,
    /// Whether there is more than was read.
    pub(super) cut: bool,
    /// Lines that are not JSON objects.
    pub(super) plain: Seen,
    /// For each expected field, the JSON lines that lack it.
    pub(super) missing: Vec<(String, Seen)>,
    /// Lines without a time, or with one that cannot be read.
    pub(super) timeless: Seen,
    /// Times without a zone.
    pub(super) zoneless: Seen,
    /// Times in the future beyond the skew.
    pub(super) ahead: Seen,
    /// Lines older than the one before by more than the skew.
    pub(super) disordered: Seen,
    /// The newest time.
    pub(super) newest: Option<Timestamp>,
    /// When the file was last written.
    pub(super) written: Option<Timestamp>,
    /// Lines a level.
    pub(super) levels: BTreeMap<String, u64>,
    /// Lines below the least level.
    pub(super) below: Seen,
    /// Lines of the level error and above.
    pub(super) errors: Seen,
    /// For each forbidden message.
    pub(super) forbidden: Vec<Seen>,
    /// For each required message.
    pub(super) required: Vec<Seen>,
    /// Secrets and personal data.
    pub(super) hits: Vec<Hit>,
    /// Lines with a secret that this audit knows.
    pub(super) known: Seen,
    /// Lines with one of the declared canaries.
    pub(super) canaries: Seen,
    /// Canaries that are too short to be looked for.
    pub(super) short_canaries: u64,
    /// Lines with control characters.
    pub(super) injected: Seen,
    /// Lines longer than allowed.
    pub(super) long: Seen,
    /// The longest line, in bytes.
    pub(super) longest: u64,
    /// Permissions of the file.
    pub(super) mode: Option<u32>,
    /// What became of the probe.
    pub(super) probe: Option<ProbeSeen>,
}

/// What became of the probe.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ProbeSeen {
    /// The status of the answer.
    pub(super) status: u16,
    /// Whether the request id or the trace id was found.
    pub(super) found: bool,
    /// How long it took, in milliseconds.
    pub(super) waited_ms: u64,
}
