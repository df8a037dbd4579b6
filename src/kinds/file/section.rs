//! What a section of the kind is.

use std::fmt::Debug;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::{FaultDoc, Planned, SpecProblem};
use super::tree::Tree;
use crate::context::JudgeContext;
use crate::outcome::{Fault, Finding};

/// An expectation about one sort of file: the implementing type is the spec. It must use
/// `deny_unknown_fields` (or be a transparent list of structs that do).
pub(super) trait Section:
    DeserializeOwned + JsonSchema + Clone + Debug + Send + Sync + 'static
{
    /// The faults it can find.
    const FAULTS: &'static [FaultDoc];
    /// What it saw.
    type Facts: Debug + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Contradictions and expectations that could never fail; fields are relative to the section,
    /// `[0].path` in a list.
    fn problems(&self) -> Vec<SpecProblem>;

    /// What would be read, for `--dry-run`; `below ROOT` is added.
    fn plan(&self) -> Vec<Planned>;

    /// Looks, blocking, through the tree only.
    ///
    /// # Errors
    /// When nothing at all could be looked at.
    fn observe(&self, tree: &Tree) -> Result<Self::Facts, Fault>;

    /// Judges what was seen, without I/O; at least one finding, passing ones included.
    fn judge(&self, facts: &Self::Facts, cx: &JudgeContext) -> Vec<Finding>;
}

/// How many faults the catalogues have together.
pub(super) const fn count(parts: &[&[FaultDoc]]) -> usize {
    let mut total = 0;
    let mut part = 0;
    while part < parts.len() {
        total += parts[part].len();
        part += 1;
    }
    total
}

/// The catalogues as one list.
pub(super) const fn joined<const N: usize>(parts: &[&[FaultDoc]]) -> [FaultDoc; N] {
    let mut all = [FaultDoc::caught("", "", "", ""); N];
    let (mut part, mut to) = (0, 0);
    while part < parts.len() {
        let mut from = 0;
        while from < parts[part].len() {
            all[to] = parts[part][from];
            to += 1;
            from += 1;
        }
        part += 1;
    }
    all
}
