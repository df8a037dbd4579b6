//! Binds the `covers:` of checks to the items of a document.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::anchor::{Anchor, likeness};
use super::{Checklist, Document};

/// Least likeness at which an item that is not found by its key counts as the edited one.
const ALIKE: f64 = 0.55;
/// How much better than the next one it must be.
const MARGIN: f64 = 0.1;

/// Who decides whether an item holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Judge {
    /// Nobody.
    Nothing,
    /// A person, by signing.
    Person,
    /// A report or an answer of another tool that readyctl reads.
    Evidence,
    /// readyctl itself, by looking.
    Probe,
}

impl Judge {
    /// Who decides in a check of this kind.
    pub(crate) fn of_kind(kind: &str) -> Self {
        match kind {
            "attest" => Self::Person,
            "report" | "command" | "github" | "gitlab" => Self::Evidence,
            _ => Self::Probe,
        }
    }

    /// The word of reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Person => "person",
            Self::Evidence => "evidence",
            Self::Probe => "probe",
        }
    }
}

/// What is said of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Covered {
    /// Index of the section.
    #[serde(skip)]
    pub(crate) section: usize,
    /// Index of the item in it.
    #[serde(skip)]
    pub(crate) item: usize,
    /// Short names that the profile gives it.
    pub(crate) names: BTreeSet<String>,
    /// Ids of the checks that judge it.
    pub(crate) checks: BTreeSet<String>,
    /// The strongest judge.
    pub(crate) judge: Judge,
    /// Whether its words are not those that were covered.
    pub(crate) changed: bool,
    /// Whether the profile says that it is no item.
    pub(crate) left_out: bool,
}

/// A `covers:` that names an item this document does not have (any more).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Stray {
    /// Id of the check, or `checklists` for a table entry without check.
    pub(crate) check: String,
    /// What it names.
    pub(crate) covers: String,
}

/// A check as far as coverage is concerned.
#[derive(Clone, Debug)]
pub(crate) struct Covering<'a> {
    /// Its id.
    pub(crate) id: &'a str,
    /// Its kind.
    pub(crate) kind: &'a str,
    /// Its `covers:`.
    pub(crate) covers: &'a [String],
}

/// The items of a document and what judges them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// One entry an item, in order.
    pub(crate) items: Vec<Covered>,
    /// What is bound to nothing.
    pub(crate) strays: Vec<Stray>,
}

/// Where an anchor leads.
struct Found {
    /// Indices into the items.
    items: Vec<usize>,
    /// Whether the words differ from what was covered.
    changed: bool,
}

/// Binds `checks` to the items of the document called `file`.
pub(crate) fn cover(
    document: &Document,
    file: &str,
    checklists: &[Checklist],
    checks: &[Covering<'_>],
) -> Binding {
    let mut binding = Binding {
        items: document
            .sections
            .iter()
            .enumerate()
            .flat_map(|(section, held)| {
                (0..held.items.len()).map(move |item| Covered {
                    section,
                    item,
                    names: BTreeSet::new(),
                    checks: BTreeSet::new(),
                    judge: Judge::Nothing,
                    changed: false,
                    left_out: false,
                })
            })
            .collect(),
        strays: Vec::new(),
    };
    let here: Vec<&Checklist> = checklists
        .iter()
        .filter(|list| same_file(&list.file, file))
        .collect();
    binding.apply_tables(document, &here);
    for check in checks {
        let judge = Judge::of_kind(check.kind);
        for covers in check.covers {
            let anchors = anchors_of(covers, file, &here);
            for anchor in anchors {
                let found = binding.find(document, &anchor);
                if found.is_none() {
                    binding.strays.push(Stray {
                        check: check.id.to_owned(),
                        covers: covers.clone(),
                    });
                }
                for at in found.iter().flat_map(|found| &found.items) {
                    if let Some(covered) = binding.items.get_mut(*at) {
                        covered.checks.insert(check.id.to_owned());
                        covered.judge = covered.judge.max(judge);
                        covered.changed |= found.as_ref().is_some_and(|found| found.changed);
                    }
                }
            }
        }
    }
    binding.strays.sort();
    binding.strays.dedup();
    binding
}

/// The anchors in this file that a `covers:` stands for.
fn anchors_of(covers: &str, file: &str, here: &[&Checklist]) -> Vec<Anchor> {
    if let Some(anchor) = Anchor::parse(covers) {
        return if same_file(&anchor.file, file) {
            vec![anchor]
        } else {
            Vec::new()
        };
    }
    here.iter()
        .filter_map(|list| Some((list, list.items.iter().find(|(name, _)| *name == covers)?)))
        .flat_map(|(list, (_, anchors))| anchors.iter().map(|place| Anchor::of(&list.file, place)))
        .collect()
}

impl Binding {
    /// What the profile's tables say: short names, and what is no item.
    fn apply_tables(&mut self, document: &Document, here: &[&Checklist]) {
        for list in here {
            for place in &list.not_items {
                let anchor = Anchor::of(&list.file, place);
                match self.find(document, &anchor) {
                    Some(found) => {
                        for at in found.items {
                            self.items[at].left_out = true;
                        }
                    }
                    None => self.strays.push(Stray {
                        check: "checklists".to_owned(),
                        covers: anchor.to_string(),
                    }),
                }
            }
            for (name, anchors) in list.items.iter() {
                for place in anchors.iter() {
                    let found = self.find(document, &Anchor::of(&list.file, place));
                    for at in found.into_iter().flat_map(|found| found.items) {
                        self.items[at].names.insert(name.to_owned());
                    }
                }
            }
        }
    }

    /// The items an anchor leads to; `None` when it leads nowhere.
    fn find(&self, document: &Document, anchor: &Anchor) -> Option<Found> {
        let key = |covered: &Covered| &document.sections[covered.section].items[covered.item];
        let all = || self.items.iter().enumerate();
        let Some((heading, own)) = anchor.place.split_once('/') else {
            return self.find_section(document, &anchor.place);
        };
        let exact: Vec<usize> = all()
            .filter(|(_, covered)| key(covered).key == anchor.place)
            .map(|(at, _)| at)
            .collect();
        if let Some(at) = exact.first() {
            let print = &key(&self.items[*at]).fingerprint;
            let changed = anchor.fingerprint.as_ref().is_some_and(|was| was != print);
            return Some(Found {
                items: exact,
                changed,
            });
        }
        // Its heading was renamed, or it was moved: the same words elsewhere.
        let moved: Vec<usize> = all()
            .filter(|(_, covered)| anchor.fingerprint.as_ref() == Some(&key(covered).fingerprint))
            .map(|(at, _)| at)
            .collect();
        if moved.len() == 1 {
            return Some(Found {
                items: moved,
                changed: false,
            });
        }
        let mut scored: Vec<(f64, usize)> = all()
            .map(|(at, covered)| {
                let item = key(covered);
                let (of_heading, of_item) = item.key.split_once('/').unwrap_or_default();
                let bonus = if of_heading == heading { 0.1 } else { 0.0 };
                (likeness(own, of_item) + bonus, at)
            })
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let next = scored.get(1).map_or(0.0, |next| next.0);
        scored
            .first()
            .filter(|best| best.0 >= ALIKE + 0.1 && best.0 >= next + MARGIN)
            .map(|best| Found {
                items: vec![best.1],
                changed: true,
            })
    }

    /// The items below a heading.
    fn find_section(&self, document: &Document, place: &str) -> Option<Found> {
        let best = document
            .sections
            .iter()
            .enumerate()
            .map(|(at, section)| (likeness(&section.slug, place), at, section.slug == place))
            .max_by(|a, b| {
                (a.2, a.0)
                    .partial_cmp(&(b.2, b.0))
                    .unwrap_or(std::cmp::Ordering::Equal)
            })?;
        let (alike, section, exact) = best;
        if !exact && alike < 0.7 {
            return None;
        }
        Some(Found {
            items: self
                .items
                .iter()
                .enumerate()
                .filter(|(_, covered)| document.within(covered.section, section))
                .map(|(at, _)| at)
                .collect(),
            changed: false,
        })
    }
}

/// Whether an anchor's file is this one: the same name, and folders where the anchor has them.
fn same_file(named: &str, file: &str) -> bool {
    Path::new(file).ends_with(Path::new(named).file_name().unwrap_or_default())
        && (!named.contains('/') || Path::new(file).ends_with(named) || !file.contains('/'))
}
