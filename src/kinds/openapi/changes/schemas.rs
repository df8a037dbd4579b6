//! Comparing schemas: what clients send must still be taken, what they get must still be known.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::cases::{Case, LOWER, Type, UPPER, cases};
use super::{Change, Level};
use crate::exchange::cut;
use crate::kinds::openapi::document::Document;
use crate::kinds::openapi::operation::is_true;

/// Most comparisons of two schemas in all.
const MAX_STEPS: usize = 100_000;
/// Most schemas inside of each other.
const MAX_DEPTH: usize = 80;

/// Who must understand whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    /// Clients of the older document send it.
    Request,
    /// Clients of the older document get it.
    Answer,
}

/// Two schemas by where they are, and the direction.
type Key = (Vec<usize>, Vec<usize>, Direction);

/// The schemas of two documents.
pub(super) struct Schemas<'a> {
    /// The older document.
    old: &'a Document,
    /// The newer document.
    new: &'a Document,
    /// How many comparisons may still be made.
    left: usize,
    /// What is being compared: schemas may hold themselves.
    active: HashSet<Key>,
    /// What components were found to differ in.
    known: HashMap<Key, Vec<Change>>,
}

/// Where a schema is.
#[derive(Clone, Debug)]
pub(super) struct At {
    /// The operation.
    pub(super) operation: String,
    /// The part of it, `answer 200`.
    pub(super) part: String,
    /// The field inside, `items[].price`.
    pub(super) field: String,
}

impl At {
    /// A field of it.
    fn field(&self, name: &str) -> Self {
        let field = if self.field.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.field)
        };
        Self {
            field,
            ..self.clone()
        }
    }

    /// The items of it.
    fn items(&self, mark: &str) -> Self {
        Self {
            field: format!("{}{mark}", self.field),
            ..self.clone()
        }
    }

    /// A change here.
    fn change(&self, level: Level, what: impl Into<String>) -> Change {
        let place = if self.field.is_empty() {
            self.part.clone()
        } else {
            format!("{}, {}", self.part, self.field)
        };
        Change::new(level, &self.operation, &place, what)
    }
}

/// Where schemas are in memory: the same place is the same schema.
fn addresses(schemas: &[&Value]) -> Vec<usize> {
    schemas
        .iter()
        .map(|schema| std::ptr::from_ref::<Value>(schema).addr())
        .collect()
}

/// How bad changes are, for choosing among alternatives.
fn badness(changes: &[Change]) -> (Option<Level>, usize) {
    let worst = changes.iter().map(|change| change.level).max();
    (worst, changes.len())
}

/// A value of a document, short.
fn shown(value: &Value) -> String {
    cut(&value.to_string(), 60).to_owned()
}

impl<'a> Schemas<'a> {
    /// Begins to compare.
    pub(super) fn new(old: &'a Document, new: &'a Document) -> Self {
        Self {
            old,
            new,
            left: MAX_STEPS,
            active: HashSet::new(),
            known: HashMap::new(),
        }
    }

    /// What a component is, if that is all that is said.
    fn component(document: &'a Document, all: &[&'a Value]) -> Option<&'a Value> {
        let [one] = all else {
            return None;
        };
        let only = one.as_object().is_some_and(|members| members.len() == 1);
        let reference = one.get("$ref").and_then(Value::as_str).filter(|_| only)?;
        document.target(reference).ok()
    }

    /// Compares what is said of one value in the older document with what is said in the newer.
    pub(super) fn compare(
        &mut self,
        old: &[&'a Value],
        new: &[&'a Value],
        direction: Direction,
        at: &At,
    ) -> Vec<Change> {
        let components = Self::component(self.old, old).zip(Self::component(self.new, new));
        let Some((old, new)) = components else {
            return self.compare_inside(old, new, direction, at);
        };
        let key = (addresses(&[old]), addresses(&[new]), direction);
        if let Some(changes) = self.known.get(&key) {
            let mut changes = changes.clone();
            for change in &mut changes {
                change.repeated = true;
            }
            return changes;
        }
        let changes = self.compare_inside(&[old], &[new], direction, at);
        self.known.insert(key, changes.clone());
        changes
    }

    /// The same, without looking whether it was compared before.
    fn compare_inside(
        &mut self,
        old: &[&'a Value],
        new: &[&'a Value],
        direction: Direction,
        at: &At,
    ) -> Vec<Change> {
        let within = self.active.len() < MAX_DEPTH;
        let Some(left) = self.left.checked_sub(1).filter(|_| within) else {
            let mut change = at.change(
                Level::Unjudged,
                "the documents are too intricate to compare all of them",
            );
            change.operation = "schemas".to_owned();
            change.place = String::new();
            return vec![change];
        };
        self.left = left;
        let key = (addresses(old), addresses(new), direction);
        if !self.active.insert(key.clone()) {
            return Vec::new();
        }
        let changes = match (cases(self.old, old), cases(self.new, new)) {
            (Some(old), Some(new)) => self.compare_cases(&old, &new, direction, at),
            _ => vec![at.change(Level::Unjudged, "it has too many alternatives to compare")],
        };
        self.active.remove(&key);
        changes
    }

    /// Finds for each case that must be understood the one that understands it best.
    fn compare_cases(
        &mut self,
        old: &[Case<'a>],
        new: &[Case<'a>],
        direction: Direction,
        at: &At,
    ) -> Vec<Change> {
        if old.iter().chain(new).any(|case| case.lost) {
            return vec![at.change(
                Level::Unjudged,
                "a reference in it leads nowhere, so it cannot be compared",
            )];
        }
        let (needed, given) = match direction {
            Direction::Request => (old, new),
            Direction::Answer => (new, old),
        };
        let mut all = Vec::new();
        for case in needed {
            let mut best: Option<(Vec<Change>, isize)> = None;
            for other in given.iter().filter(|other| other.takes_type_of(case)) {
                let changes = match direction {
                    Direction::Request => self.compare_case(case, other, direction, at),
                    Direction::Answer => self.compare_case(other, case, direction, at),
                };
                // What is unchanged is the same; else what looks alike is: mappings that share
                // nothing differ in nothing that anybody could name.
                let likeness = if changes.is_empty() {
                    isize::MAX
                } else {
                    case.likeness(other)
                };
                let better = best.as_ref().is_none_or(|(known, alike)| {
                    likeness > *alike || likeness == *alike && badness(&changes) < badness(known)
                });
                if better {
                    best = Some((changes, likeness));
                }
            }
            let best = best.map(|(changes, _)| changes);
            let missing = || {
                let kind = case.type_name();
                vec![at.change(
                    Level::Breaking,
                    match direction {
                        Direction::Request => format!("{kind} is no longer accepted"),
                        Direction::Answer => format!("it may now be {kind}"),
                    },
                )]
            };
            all.extend(best.unwrap_or_else(missing));
        }
        all.dedup();
        all
    }

    /// Compares two cases of the same type.
    fn compare_case(
        &mut self,
        old: &Case<'a>,
        new: &Case<'a>,
        direction: Direction,
        at: &At,
    ) -> Vec<Change> {
        let mut list = values(old, new, direction, at);
        list.extend(bounds(old, new, direction, at));
        list.extend(words(old, new, direction, at));
        let mut keys: Vec<&str> = old
            .opaque
            .keys()
            .chain(new.opaque.keys())
            .copied()
            .collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            if old.opaque.get(key) != new.opaque.get(key) {
                let what = format!("its `{key}` is different, which cannot be compared");
                list.push(at.change(Level::Unjudged, what));
            }
        }
        let may_be = |kind: Type| old.kind.is_none_or(|own| own == kind);
        if may_be(Type::Array) && !(old.items.is_empty() && new.items.is_empty()) {
            list.extend(self.compare(&old.items, &new.items, direction, &at.items("[]")));
        }
        if may_be(Type::Object) {
            list.extend(self.properties(old, new, direction, at));
        }
        list
    }

    /// Compares the properties of two mappings.
    fn properties(
        &mut self,
        old: &Case<'a>,
        new: &Case<'a>,
        direction: Direction,
        at: &At,
    ) -> Vec<Change> {
        let mut list = Vec::new();
        for (name, before) in &old.properties {
            if Self::other_way(self.old, before, direction) {
                continue;
            }
            let at = at.field(name);
            let Some(after) = new.properties.get(name) else {
                list.extend(gone(old, new, name, direction, &at));
                continue;
            };
            list.extend(self.compare(before, after, direction, &at));
            if direction == Direction::Answer
                && old.required.contains(name)
                && !new.required.contains(name)
            {
                list.push(at.change(Level::Breaking, "it is no longer always there"));
            }
        }
        if direction == Direction::Request {
            for name in new.required.difference(&old.required) {
                let property = new.properties.get(name).map_or(&[][..], Vec::as_slice);
                if !Self::other_way(self.new, property, direction) {
                    let what = "it must be sent now";
                    list.push(at.field(name).change(Level::Breaking, what));
                }
            }
            if new.closed && !old.closed {
                list.push(at.change(
                    Level::Breaking,
                    "other properties are no longer accepted (additionalProperties: false)",
                ));
            }
        } else {
            if old.closed && !new.closed {
                list.push(at.change(Level::Doubtful, "it may now hold other properties"));
            }
            for name in new.properties.keys().filter(|_| old.closed) {
                if !old.properties.contains_key(name) {
                    let what = "it is new, where other properties were excluded";
                    list.push(at.field(name).change(Level::Doubtful, what));
                }
            }
        }
        let described = !old.additional.is_empty() || !new.additional.is_empty();
        let open = !old.closed && !new.closed;
        if described && open {
            let at = at.items("[*]");
            list.extend(self.compare(&old.additional, &new.additional, direction, &at));
        }
        list
    }

    /// Whether a property goes the other way only.
    fn other_way(document: &'a Document, property: &[&'a Value], direction: Direction) -> bool {
        let key = match direction {
            Direction::Request => "readOnly",
            Direction::Answer => "writeOnly",
        };
        property.iter().any(|schema| {
            is_true(schema, key) || document.follow(schema).is_ok_and(|to| is_true(to, key))
        })
    }
}

/// A property that the newer document does not have.
fn gone(
    old: &Case<'_>,
    new: &Case<'_>,
    name: &str,
    direction: Direction,
    at: &At,
) -> Option<Change> {
    Some(match direction {
        Direction::Request if new.closed => at.change(Level::Breaking, "it is no longer accepted"),
        Direction::Request => at.change(Level::Doubtful, "it is no longer described"),
        Direction::Answer if old.required.contains(name) => {
            at.change(Level::Breaking, "it is gone")
        }
        Direction::Answer => at.change(Level::Doubtful, "it is gone; it was optional"),
    })
}

/// Compares the lists of values.
fn values(old: &Case<'_>, new: &Case<'_>, direction: Direction, at: &At) -> Vec<Change> {
    let missing = |from: &[&Value], of: &[&Value]| -> Vec<String> {
        let missing = of.iter().filter(|value| !from.contains(value));
        missing.take(5).map(|value| shown(value)).collect()
    };
    let what = match (direction, &old.values, &new.values) {
        (Direction::Request, None, Some(values)) => {
            let values: Vec<String> = values.iter().take(5).map(|value| shown(value)).collect();
            format!("only some values are accepted now: {}", values.join(", "))
        }
        (Direction::Request, Some(old), Some(new)) => {
            let missing = missing(new, old);
            if missing.is_empty() {
                return Vec::new();
            }
            format!("{} is no longer accepted", missing.join(", "))
        }
        (Direction::Answer, Some(_), None) if !old.extensible => {
            "it is no longer one of a list of values".to_owned()
        }
        (Direction::Answer, Some(before), Some(after)) if !old.extensible => {
            let added = missing(before, after);
            if added.is_empty() {
                return Vec::new();
            }
            format!(
                "it may now be {}, which clients that know the list do not expect",
                added.join(", ")
            )
        }
        _ => return Vec::new(),
    };
    vec![at.change(Level::Breaking, what)]
}

/// Compares the bounds.
fn bounds(old: &Case<'_>, new: &Case<'_>, direction: Direction, at: &At) -> Vec<Change> {
    let mut list = Vec::new();
    for key in LOWER.iter().chain(UPPER) {
        let (before, after) = (old.bounds.get(key), new.bounds.get(key));
        let tighter = |own: Option<&f64>, other: Option<&f64>| match (own, other) {
            (Some(_), None) => true,
            (Some(own), Some(other)) if LOWER.contains(key) => own > other,
            (Some(own), Some(other)) => own < other,
            _ => false,
        };
        let number = |bound: Option<&f64>| bound.map_or("nothing".to_owned(), f64::to_string);
        let what = format!("`{key}` went from {} to {}", number(before), number(after));
        if direction == Direction::Request && tighter(after, before) {
            list.push(at.change(Level::Breaking, what));
        } else if direction == Direction::Answer && tighter(before, after) {
            list.push(at.change(Level::Doubtful, what));
        }
    }
    if direction == Direction::Request && new.unique && !old.unique {
        list.push(at.change(Level::Breaking, "its items must differ now"));
    }
    list
}

/// Compares patterns, formats and the like.
fn words(old: &Case<'_>, new: &Case<'_>, direction: Direction, at: &At) -> Vec<Change> {
    let mut list = Vec::new();
    let none = Vec::new();
    for key in ["pattern", "format", "multipleOf", "default"] {
        let before = old.words.get(key).unwrap_or(&none);
        let after = new.words.get(key).unwrap_or(&none);
        let adds = |own: &[&Value], other: &[&Value]| own.iter().any(|word| !other.contains(word));
        let changed = match (direction, key) {
            (Direction::Answer, "default") => false,
            (Direction::Request, "default") => before != after,
            (Direction::Request, _) => adds(after, before),
            (Direction::Answer, _) => adds(before, after),
        };
        if !changed {
            continue;
        }
        let new_rule = direction == Direction::Request
            && before.is_empty()
            && matches!(key, "pattern" | "multipleOf");
        let level = if new_rule {
            Level::Breaking
        } else {
            Level::Doubtful
        };
        let word = |list: &[&Value]| {
            list.first()
                .map_or("nothing".to_owned(), |word| shown(word))
        };
        let what = format!("`{key}` went from {} to {}", word(before), word(after));
        list.push(at.change(level, what));
    }
    list
}
