//! Checklists in Markdown: their items with stable keys, and which checks judge them.
//!
//! [`read`] finds the items of a document: task list entries, bullets and numbered steps, each under
//! its nearest heading. [`cover`] binds the `covers:` of checks to them.

mod anchor;
mod bind;
mod markdown;
mod recognise;

pub(crate) use anchor::slug;
pub(crate) use bind::{Binding, Covered, Covering, Judge, Stray, cover};
pub(crate) use markdown::read;
pub(crate) use recognise::{Guess, INPUTS, recognise};

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::expect::Ordered;

/// A checklist that a profile makes executable: names its items for `covers:`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checklist {
    /// File name of the checklist, as anchors write it before the `#`.
    pub(crate) file: String,
    /// Short names of items for `covers:`, each with its anchor `heading/item@fingerprint`, as
    /// `readyctl coverage --format json` prints it. Several anchors make one item of them.
    #[serde(default)]
    pub(crate) items: Ordered<Anchors>,
    /// Anchors of headings or bullets that are no items (contacts, links): they need no check.
    #[serde(default)]
    pub(crate) not_items: Vec<String>,
}

/// One anchor or several.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Anchors {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl<'de> Deserialize<'de> for Anchors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Reads either form.
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = Anchors;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an anchor, or a list of anchors")
            }
            fn visit_str<E>(self, text: &str) -> Result<Anchors, E> {
                Ok(Anchors::One(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Anchors, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Anchors::Many)
            }
        }
        deserializer.deserialize_any(Forms)
    }
}

impl Anchors {
    /// Each anchor.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }
}

/// A document with its items.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Document {
    /// Headings in order; the first has level 0 and holds what stands before any heading.
    pub(crate) sections: Vec<Section>,
}

/// A heading and the items directly below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Section {
    /// Text of the heading.
    pub(crate) title: String,
    /// The heading's anchor as code forges make it, unique in the document.
    pub(crate) slug: String,
    /// 1 to 6; 0 before the first heading.
    pub(crate) level: u8,
    /// Line of the heading, from 1.
    pub(crate) line: usize,
    /// Index of the heading it stands under.
    pub(crate) parent: Option<usize>,
    /// Items, nested ones after the one they belong to.
    pub(crate) items: Vec<Item>,
}

/// What an item looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Shape {
    /// `- [ ] …`.
    Task,
    /// `- …`.
    Bullet,
    /// `1. …`.
    Step,
}

/// One item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// How it is written.
    pub(crate) shape: Shape,
    /// Its text without markup.
    pub(crate) text: String,
    /// What stands below it, a line each, without markup.
    pub(crate) details: Vec<String>,
    /// Pieces of code in it and below it, in order.
    pub(crate) code: Vec<String>,
    /// Key within the document: `heading/first-words`.
    pub(crate) key: String,
    /// Changes when a word of it does.
    pub(crate) fingerprint: String,
    /// Line, from 1.
    pub(crate) line: usize,
    /// Whether the box is ticked.
    pub(crate) ticked: bool,
}

impl Document {
    /// Every item with its section.
    pub(crate) fn items(&self) -> impl Iterator<Item = (usize, &Item)> {
        self.sections
            .iter()
            .enumerate()
            .flat_map(|(at, section)| section.items.iter().map(move |item| (at, item)))
    }

    /// Whether the section at `inner` is `outer` or stands below it.
    pub(crate) fn within(&self, inner: usize, outer: usize) -> bool {
        let mut at = Some(inner);
        while let Some(index) = at {
            if index == outer {
                return true;
            }
            at = self.sections.get(index).and_then(|section| section.parent);
        }
        false
    }
}

#[cfg(test)]
mod tests;
