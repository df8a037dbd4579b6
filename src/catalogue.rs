//! Every fault code the product knows, with the kind that owns it.

use crate::kinds::{FaultDoc, KINDS};
use crate::verdict;

/// A code and its owner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Name of the kind; `audit` for codes of the audit itself.
    pub(crate) kind: &'static str,
    /// What the code means.
    pub(crate) doc: &'static FaultDoc,
}

/// Every code, kind by kind in the order of the list of kinds.
pub(crate) fn all() -> impl Iterator<Item = Entry> {
    let of_kinds = KINDS.iter().flat_map(|kind| {
        kind.faults.iter().map(|doc| Entry {
            kind: kind.name,
            doc,
        })
    });
    of_kinds.chain(
        verdict::FAULTS
            .iter()
            .map(|doc| Entry { kind: "audit", doc }),
    )
}

/// The entry of a code, small letters accepted.
pub(crate) fn find(code: &str) -> Option<Entry> {
    all().find(|entry| entry.doc.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_documented() {
        let mut seen = std::collections::HashMap::new();
        for Entry { kind, doc } in all() {
            if let Some(other) = seen.insert(doc.code, kind) {
                assert_ne!(other, kind, "{} stands twice in {kind}", doc.code);
                panic!("{} belongs to {other} and to {kind}", doc.code);
            }
            assert!(
                doc.title.len() > 3 && doc.why.ends_with('.') && doc.remedy.ends_with('.'),
                "{} is not documented",
                doc.code
            );
        }
    }
}
