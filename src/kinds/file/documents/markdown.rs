//! A Markdown document as headings, words, links and blocks.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use regex::Regex;

/// A document.
#[derive(Debug, Default)]
pub(in super::super) struct Document {
    /// Its headings in order.
    pub(in super::super) headings: Vec<Heading>,
    /// Words besides headings and placeholders.
    pub(in super::super) words: usize,
    /// Lines that only say that something is to be written.
    pub(in super::super) placeholders: Vec<usize>,
    /// Links and pictures.
    pub(in super::super) links: Vec<Link>,
    /// Names that a link may lead to after `#`.
    pub(in super::super) anchors: HashSet<String>,
    /// Pictures and diagrams.
    pub(in super::super) diagrams: usize,
}

/// A heading.
#[derive(Debug)]
pub(in super::super) struct Heading {
    /// Its text.
    pub(in super::super) title: String,
    /// Its level, 1 to 6.
    pub(in super::super) level: u8,
    /// Its line.
    pub(in super::super) line: usize,
    /// Words directly below it, up to the next heading of any level.
    pub(in super::super) words: usize,
}

/// A link or picture.
#[derive(Debug)]
pub(in super::super) struct Link {
    /// Its line.
    pub(in super::super) line: usize,
    /// Where it leads.
    pub(in super::super) target: String,
}

/// What says that something is still to be written.
static PLACEHOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^[\W_]*(?:todo|tbd|tbc|tba|fixme|xxx|wip|n/a|placeholder|lorem ipsum|coming soon|work in progress|under construction|to be (?:written|done|determined|defined|decided|added|completed|filled|announced|confirmed)|(?:fill|write) (?:this|me|in)|not (?:yet )?written)\b").ok()
});

/// Comments and tags of HTML.
static HTML: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?s)<!--.*?(?:-->|$)|<[^>]*>").ok());

/// Names that HTML gives to places.
static NAMED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)\b(?:id|name)\s*=\s*["']([^"']+)["']"#).ok());

/// Targets of HTML links and pictures.
static TARGETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)<(a|img)\b[^>]*?\b(?:href|src)\s*=\s*["']([^"']+)["']"#).ok()
});

/// The extensions of Markdown that are understood.
pub(in super::super) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
}

/// The lines of a text, by offset.
#[derive(Default)]
pub(in super::super) struct Lines(Vec<usize>);

impl Lines {
    /// Those of a text.
    pub(in super::super) fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line of an offset, from 1.
    pub(in super::super) fn at(&self, offset: usize) -> usize {
        1 + self.0.partition_point(|end| *end < offset)
    }
}

/// Reads a document.
pub(in super::super) fn read(text: &str) -> Document {
    let mut reader = Reader {
        lines: Lines::of(text),
        ..Reader::default()
    };
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        reader.take(event, range.start);
    }
    reader.flush();
    reader.document
}

/// Reads event by event.
#[derive(Default)]
struct Reader {
    /// Where lines begin.
    lines: Lines,
    /// What was read so far.
    document: Document,
    /// The text of the block that is being read, and its line.
    block: String,
    /// Where the block begins.
    block_line: usize,
    /// The heading that is being read.
    heading: Option<(u8, usize, Option<String>)>,
    /// Whether this is metadata before the document.
    metadata: bool,
    /// How often each anchor was given.
    slugs: HashMap<String, usize>,
}

impl Reader {
    /// Takes the next event.
    fn take(&mut self, event: Event<'_>, offset: usize) {
        let line = self.lines.at(offset);
        match event {
            Event::Start(Tag::MetadataBlock(_)) => self.metadata = true,
            Event::End(TagEnd::MetadataBlock(_)) => {
                self.metadata = false;
                self.block.clear();
            }
            Event::Start(Tag::Heading { level, id, .. }) => {
                self.flush();
                self.heading = Some((level_of(level), line, id.map(|id| id.to_string())));
            }
            Event::End(TagEnd::Heading(_)) => self.end_heading(),
            Event::Start(Tag::CodeBlock(kind)) => {
                self.flush();
                if let CodeBlockKind::Fenced(language) = &kind
                    && is_diagram(language)
                {
                    self.document.diagrams += 1;
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                if self
                    .block
                    .chars()
                    .filter(|c| "─│┌┐└┘├┤▶►→▼+|".contains(*c))
                    .count()
                    >= 12
                {
                    self.document.diagrams += 1;
                }
                self.flush();
            }
            Event::Start(Tag::Link { dest_url, .. }) => self.link(line, &dest_url),
            Event::Start(Tag::Image { dest_url, .. }) => {
                self.document.diagrams += usize::from(!is_badge(&dest_url));
                self.link(line, &dest_url);
            }
            Event::Start(
                Tag::Paragraph
                | Tag::Item
                | Tag::TableCell
                | Tag::BlockQuote(_)
                | Tag::HtmlBlock
                | Tag::DefinitionListDefinition,
            )
            | Event::End(
                TagEnd::Paragraph
                | TagEnd::Item
                | TagEnd::TableCell
                | TagEnd::HtmlBlock
                | TagEnd::BlockQuote(_),
            ) => self.flush(),
            Event::Text(text) | Event::Code(text) => self.add(&text, line),
            Event::Html(text) | Event::InlineHtml(text) => {
                self.html(&text, line);
                self.add(&text, line);
            }
            Event::SoftBreak | Event::HardBreak => self.block.push('\n'),
            _ => {}
        }
    }

    /// Adds text to the block.
    fn add(&mut self, text: &str, line: usize) {
        if self.block.is_empty() {
            self.block_line = line;
        }
        self.block.push_str(text);
    }

    /// Notes a link.
    fn link(&mut self, line: usize, target: &str) {
        self.document.links.push(Link {
            line,
            target: target.to_owned(),
        });
    }

    /// Anchors and links of HTML.
    fn html(&mut self, text: &str, line: usize) {
        if let Some(named) = NAMED.as_ref() {
            for name in named.captures_iter(text).filter_map(|hit| hit.get(1)) {
                self.document.anchors.insert(name.as_str().to_lowercase());
            }
        }
        if let Some(targets) = TARGETS.as_ref() {
            for hit in targets.captures_iter(text) {
                let (Some(tag), Some(target)) = (hit.get(1), hit.get(2)) else {
                    continue;
                };
                if tag.as_str().eq_ignore_ascii_case("img") {
                    self.document.diagrams += usize::from(!is_badge(target.as_str()));
                }
                self.link(line, target.as_str());
            }
        }
    }

    /// Ends a block: its words count unless it is a placeholder.
    fn flush(&mut self) {
        if self.heading.is_some() || self.metadata {
            return;
        }
        let block = std::mem::take(&mut self.block);
        let text = match HTML.as_ref() {
            Some(html) if block.contains('<') => html.replace_all(&block, " ").into_owned(),
            _ => block,
        };
        if text.trim().is_empty() {
            return;
        }
        if PLACEHOLDER
            .as_ref()
            .is_some_and(|p| p.is_match(text.trim()))
        {
            self.document.placeholders.push(self.block_line);
            return;
        }
        let words = text
            .split_whitespace()
            .filter(|word| word.contains(char::is_alphanumeric))
            .count();
        self.document.words += words;
        if let Some(heading) = self.document.headings.last_mut() {
            heading.words += words;
        }
    }

    /// Ends a heading.
    fn end_heading(&mut self) {
        let title = std::mem::take(&mut self.block).trim().to_owned();
        let Some((level, line, id)) = self.heading.take() else {
            return;
        };
        if let Some(id) = id {
            self.document.anchors.insert(id.to_lowercase());
        }
        let slug = slug(&title);
        let count = self.slugs.entry(slug.clone()).or_insert(0);
        let anchor = match *count {
            0 => slug,
            n => format!("{slug}-{n}"),
        };
        *count += 1;
        self.document.anchors.insert(anchor);
        self.document.headings.push(Heading {
            title,
            level,
            line,
            words: 0,
        });
    }
}

impl Document {
    /// Words below a heading, its subsections' included.
    pub(in super::super) fn words_below(&self, at: usize) -> usize {
        let Some(heading) = self.headings.get(at) else {
            return 0;
        };
        let below = self.headings.iter().skip(at + 1);
        heading.words
            + below
                .take_while(|other| other.level > heading.level)
                .map(|other| other.words)
                .sum::<usize>()
    }
}

/// The number of a level.
fn level_of(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// Whether a fenced block is drawn by the usual viewers.
fn is_diagram(language: &str) -> bool {
    let language = language.split([' ', '{', ',']).next().unwrap_or_default();
    [
        "mermaid", "plantuml", "puml", "dot", "graphviz", "d2", "ditaa",
    ]
    .iter()
    .any(|known| language.eq_ignore_ascii_case(known))
}

/// Whether a picture is the badge of a service.
fn is_badge(target: &str) -> bool {
    let target = target.to_lowercase();
    [
        "shields.io",
        "badge",
        "codecov.io",
        "coveralls",
        "travis-ci",
        "app.netlify.com",
    ]
    .iter()
    .any(|part| target.contains(part))
}

/// The anchor that repository hosts give to a heading.
fn slug(title: &str) -> String {
    title
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}
