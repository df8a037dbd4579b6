//! Walks through XML without building a tree, without entities, without fetching anything.

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use tokio::time::Instant;

use super::files::{Source, wrong};
use crate::outcome::{Cause, Fault};

/// How deep elements may be nested.
const MAX_DEPTH: usize = 200;
/// After how many events the clock is looked at.
const GLANCE: u32 = 4096;

/// An element with its attributes.
#[derive(Debug)]
pub(super) struct Element {
    /// Its name, without a prefix.
    pub(super) name: String,
    /// Name and value of each attribute.
    attributes: Vec<(String, String)>,
}

impl Element {
    /// The value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// An attribute as a number; one that is there and is none is a broken report.
    pub(super) fn number(&self, name: &str, source: &Source) -> Result<Option<u64>, Fault> {
        let Some(text) = self
            .get(name)
            .map(str::trim)
            .filter(|text| !text.is_empty())
        else {
            return Ok(None);
        };
        // Some writers put thousands separators into numbers.
        text.replace(',', "").parse().map(Some).map_err(|_| {
            wrong(
                source,
                &format!("`{name}` of <{}> is not a number", self.name),
            )
        })
    }
}

/// What is met on the way.
#[derive(Debug)]
pub(super) enum Step {
    /// An element begins; one without content ends at once.
    Open(Element),
    /// The element of this name ends.
    Close(String),
}

/// Walks through a document from its root to its end.
///
/// # Errors
/// When it is not well-formed, declares entities, is cut off, or takes too long.
pub(super) fn walk(
    source: &Source,
    deadline: Instant,
    mut visit: impl FnMut(Step) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut reader = Reader::from_reader(source.bytes.as_slice());
    reader.config_mut().expand_empty_elements = true;
    let (mut buffer, mut depth, mut roots, mut events) = (Vec::new(), 0_usize, 0_u32, 0_u32);
    loop {
        buffer.clear();
        events = events.wrapping_add(1);
        if events.is_multiple_of(GLANCE) && Instant::now() > deadline {
            return Err(Fault::new(
                Cause::Timeout,
                format!("reading {} takes too long", source.shown),
            )
            .hint("`timeout:` of the check allows more time"));
        }
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|error| wrong(source, &format!("it is not well-formed XML: {error}")))?;
        match event {
            Event::Start(start) => {
                depth += 1;
                roots += u32::from(depth == 1);
                if depth > MAX_DEPTH || roots > 1 {
                    return Err(wrong(source, "it has several roots, or is nested too deep"));
                }
                visit(Step::Open(element(&start, source)?))?;
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                visit(Step::Close(local(end.name().as_ref())))?;
            }
            Event::DocType(text) if declares(&text) => {
                return Err(entities(source));
            }
            Event::GeneralRef(reference) => {
                let name = String::from_utf8_lossy(&reference).into_owned();
                if unescape(&format!("&{name};")).is_err() {
                    return Err(entities(source));
                }
            }
            Event::Text(text) if depth == 0 && !text.iter().all(u8::is_ascii_whitespace) => {
                return Err(wrong(source, "there is text outside of its root element"));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if depth > 0 || roots == 0 {
        return Err(wrong(source, "it ends before its root element does"));
    }
    Ok(())
}

/// The fault of a document that defines or uses entities of its own.
fn entities(source: &Source) -> Fault {
    Fault::new(
        Cause::Unparseable,
        format!(
            "{} declares XML entities, which no test or coverage tool does",
            source.shown
        ),
    )
    .code("REP-19")
    .hint("find out who wrote this file")
}

/// Reads an element.
fn element(start: &BytesStart<'_>, source: &Source) -> Result<Element, Fault> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute
            .map_err(|error| wrong(source, &format!("it is not well-formed XML: {error}")))?;
        let raw = String::from_utf8_lossy(&attribute.value);
        let value = unescape(&raw).map_err(|_| entities(source))?.into_owned();
        attributes.push((local(attribute.key.as_ref()), value));
    }
    Ok(Element {
        name: local(start.name().as_ref()),
        attributes,
    })
}

/// A name without its prefix.
fn local(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    name.rsplit(':').next().unwrap_or(&name).to_owned()
}

/// The root element, to tell formats apart.
///
/// # Errors
/// When there is none, or it declares entities.
pub(super) fn root(source: &Source) -> Result<Element, Fault> {
    let mut reader = Reader::from_reader(source.bytes.as_slice());
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|error| wrong(source, &format!("it is not well-formed XML: {error}")))?;
        match event {
            Event::Start(start) | Event::Empty(start) => return element(&start, source),
            Event::DocType(text) if declares(&text) => return Err(entities(source)),
            Event::Eof => return Err(wrong(source, "it has no root element")),
            _ => {}
        }
    }
}

/// Whether a document type declares entities.
fn declares(doctype: &[u8]) -> bool {
    doctype.windows(8).any(|part| part == b"<!ENTITY")
}
