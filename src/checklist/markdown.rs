//! Finds the items of a Markdown document.

use std::collections::HashMap;
use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::anchor::{fingerprint, item_slug, slug};
use super::{Document, Item, Section, Shape};

/// An entry of a list that is still open.
#[derive(Debug, Default)]
struct Open {
    /// Where it begins.
    at: usize,
    /// Whether its list is numbered.
    numbered: bool,
    /// The state of its box.
    ticked: Option<bool>,
    /// Its own text so far.
    text: String,
    /// Pieces of code of it and below it.
    code: Vec<String>,
    /// What stands below it.
    details: Vec<String>,
    /// Text outside of links into the same document; a table of contents has none.
    solid: bool,
    /// Items nested in it.
    inner: Vec<Item>,
}

/// Walks the events of a document.
struct Walk<'a> {
    /// Byte offsets at which lines begin.
    lines: Vec<usize>,
    /// What has been found.
    document: Document,
    /// The heading being read.
    heading: Option<(u8, String, usize)>,
    /// Lists being read: whether each is numbered.
    lists: Vec<bool>,
    /// Entries being read, the innermost last.
    open: Vec<Open>,
    /// Depth of links into the same document.
    links: usize,
    /// Depth of code blocks.
    blocks: usize,
    /// How often a heading's slug was used.
    slugs: HashMap<String, usize>,
    /// The document.
    text: &'a str,
}

/// The items of a document. Anything is Markdown, so this cannot fail; a document may have none.
pub(crate) fn read(text: &str) -> Document {
    let mut walk = Walk {
        lines: std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect(),
        document: Document {
            sections: vec![Section {
                line: 1,
                ..Section::default()
            }],
        },
        heading: None,
        lists: Vec::new(),
        open: Vec::new(),
        links: 0,
        blocks: 0,
        slugs: HashMap::new(),
        text,
    };
    let options = Options::ENABLE_TASKLISTS | Options::ENABLE_TABLES;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        walk.event(event, range);
    }
    let mut document = walk.document;
    for section in &mut document.sections {
        name(section);
    }
    document
}

/// Gives the items of a section their keys, unique within it.
fn name(section: &mut Section) {
    let mut used: HashMap<String, usize> = HashMap::new();
    for item in &mut section.items {
        let mut own = item_slug(&item.text);
        if own.is_empty() {
            "item".clone_into(&mut own);
        }
        let count = used.entry(own.clone()).or_default();
        *count += 1;
        if *count > 1 {
            own = format!("{own}-{count}");
        }
        item.key = format!("{}/{own}", section.slug);
        item.fingerprint = fingerprint(
            std::iter::once(item.text.as_str()).chain(item.details.iter().map(String::as_str)),
        );
    }
}

impl Walk<'_> {
    /// One event.
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                self.heading = Some((depth(level), String::new(), range.start));
            }
            Event::End(TagEnd::Heading(_)) => self.close_heading(),
            Event::Start(Tag::List(first)) => self.lists.push(first.is_some()),
            Event::End(TagEnd::List(_)) => {
                self.lists.pop();
            }
            Event::Start(Tag::Item) => self.open.push(Open {
                at: range.start,
                numbered: self.lists.last().copied().unwrap_or_default(),
                ..Open::default()
            }),
            Event::End(TagEnd::Item) => self.close_item(),
            Event::TaskListMarker(ticked) => {
                if let Some(open) = self.open.last_mut() {
                    open.ticked = Some(ticked);
                }
            }
            Event::Start(Tag::Link { dest_url, .. }) if dest_url.starts_with('#') => {
                self.links += 1;
            }
            Event::Start(Tag::Link { .. }) if self.links > 0 => self.links += 1,
            Event::End(TagEnd::Link) => self.links = self.links.saturating_sub(1),
            Event::Start(Tag::CodeBlock(_)) => self.blocks += 1,
            Event::End(TagEnd::CodeBlock) => self.blocks = self.blocks.saturating_sub(1),
            Event::Start(Tag::Paragraph | Tag::TableRow) => self.push(" "),
            Event::Text(text) => self.words(&text),
            Event::Code(code) => {
                if let Some(open) = self.open.last_mut() {
                    open.code.push(code.to_string());
                }
                self.words(&code);
            }
            Event::SoftBreak | Event::HardBreak => self.push(" "),
            _ => {}
        }
    }

    /// Text of the heading or entry being read.
    fn words(&mut self, text: &str) {
        if self.links == 0
            && !text.trim().is_empty()
            && let Some(open) = self.open.last_mut()
        {
            open.solid = true;
        }
        if self.blocks > 0 {
            if let Some(open) = self.open.last_mut() {
                open.code.push(text.trim().to_owned());
            }
            return;
        }
        self.push(text);
    }

    /// Appends to what is being read.
    fn push(&mut self, text: &str) {
        if let Some((_, title, _)) = &mut self.heading {
            title.push_str(text);
        } else if let Some(open) = self.open.last_mut() {
            open.text.push_str(text);
        }
    }

    /// A heading is complete.
    fn close_heading(&mut self) {
        let Some((level, title, at)) = self.heading.take() else {
            return;
        };
        let title = tidy(&title);
        let plain = slug(&title);
        let count = self.slugs.entry(plain.clone()).or_default();
        let own = if *count == 0 {
            plain
        } else {
            format!("{plain}-{count}")
        };
        *count += 1;
        let parent = self
            .document
            .sections
            .iter()
            .rposition(|section| section.level < level);
        self.document.sections.push(Section {
            title,
            slug: own,
            level,
            line: self.line(at),
            parent,
            items: Vec::new(),
        });
    }

    /// An entry is complete: an item, or a detail of the one around it.
    fn close_item(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let text = tidy(&open.text);
        let shape = match (open.ticked, open.numbered) {
            (Some(_), _) => Shape::Task,
            (None, true) => Shape::Step,
            (None, false) => Shape::Bullet,
        };
        let item = Item {
            shape,
            text,
            details: open.details,
            code: open.code,
            key: String::new(),
            fingerprint: String::new(),
            line: self.line(open.at),
            ticked: open.ticked.unwrap_or_default(),
        };
        if let Some(outer) = self.open.last_mut() {
            if shape == Shape::Task {
                outer.inner.push(item);
                outer.inner.extend(open.inner);
            } else {
                outer.details.push(item.text);
                outer.details.extend(item.details);
                outer.code.extend(item.code);
                outer.inner.extend(open.inner);
            }
            return;
        }
        // An entry that is nothing but a link into this document belongs to a table of contents.
        let listed = open.solid && !item.text.is_empty();
        if let Some(section) = self.document.sections.last_mut() {
            section.items.extend(listed.then_some(item));
            section.items.extend(open.inner);
        }
    }

    /// The line of a byte offset, from 1.
    fn line(&self, at: usize) -> usize {
        // An entry of a list may begin with the blank space before its marker.
        let skipped = self
            .text
            .get(at..)
            .map_or(0, |rest| rest.len() - rest.trim_start().len());
        self.lines.partition_point(|start| *start <= at + skipped)
    }
}

/// One line, single spaces.
fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// 1 to 6.
fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
