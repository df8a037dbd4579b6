//! Reads archives through to their end and says whether they are whole.
//!
//! A listing proves nothing: `pg_restore -l` is content with a dump that ends after its table of
//! contents, and the gzip of a dump that failed is a valid file of 20 bytes. So every layer is read
//! to its own end mark: gzip trailers, zstd frames, tar end blocks, the data blocks of a PostgreSQL
//! dump, the completion line of a plain one. Nothing is written and memory use is bounded.

mod meter;
mod pgdump;
mod plain;
mod tar;
mod zstd;

use std::error::Error as StdError;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use pgdump::files_of_directory_dump;

use meter::{Meter, Tally};

/// What an archive is expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// Whatever its first bytes say.
    Auto,
    /// gzip, one member or several.
    Gzip,
    /// Zstandard, one frame or several.
    Zstd,
    /// tar, maybe compressed.
    Tar,
    /// `pg_dump --format=custom`, maybe compressed once more.
    PgDumpCustom,
    /// `pg_dump`, `pg_dumpall`, `mysqldump` as SQL, maybe compressed.
    PgDumpPlain,
}

impl Format {
    /// The name it has in YAML.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Tar => "tar",
            Self::PgDumpCustom => "pg_dump_custom",
            Self::PgDumpPlain => "pg_dump_plain",
        }
    }
}

/// How much reading is acceptable.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// Bytes after decompression, against bombs.
    pub(crate) content: u64,
    /// When to stop.
    pub(crate) until: Instant,
    /// Set when nobody waits for the answer any more.
    pub(crate) stop: Arc<AtomicBool>,
}

/// What reading through an archive showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Read to its end marks; nothing is wrong.
    Complete,
    /// A valid archive of nothing.
    Empty,
    /// It ends before its end mark.
    Truncated,
    /// Its bytes contradict their checksums or the format.
    Corrupt,
    /// A plain dump whose last lines do not say that it is complete.
    NoMarker,
    /// Not the format that was expected.
    OtherFormat,
    /// A format that is not known here.
    Unrecognised,
    /// Larger or slower than the limits allow.
    Limit,
    /// Could not be read.
    Unreadable,
}

/// The outcome of reading one file through.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Integrity {
    /// The formats found, from outside to inside: `gzip`, `tar`.
    pub(crate) layers: Vec<String>,
    /// What was found.
    pub(crate) state: State,
    /// In words; empty when it is complete.
    pub(crate) detail: String,
    /// Bytes of the file that were read.
    pub(crate) read: u64,
    /// Bytes inside the innermost compression.
    pub(crate) content: u64,
    /// What a PostgreSQL dump says about its origin.
    pub(crate) dump: Option<DumpOrigin>,
}

/// What the header of a PostgreSQL dump says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DumpOrigin {
    /// Name of the database.
    pub(crate) database: Option<String>,
    /// Version of the server.
    pub(crate) server: Option<String>,
    /// Version of `pg_dump`.
    pub(crate) dumped_by: Option<String>,
    /// Entries of the table of contents.
    pub(crate) entries: u64,
    /// Entries that have data.
    pub(crate) with_data: u64,
}

/// Why a layer is not whole; travels inside [`io::Error`] through the readers around it.
#[derive(Debug)]
struct Broken {
    /// The outcome.
    state: State,
    /// In words.
    detail: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl StdError for Broken {}

/// An error that names an outcome.
fn broken(state: State, detail: impl Into<String>) -> io::Error {
    io::Error::other(Broken {
        state,
        detail: detail.into(),
    })
}

/// A layer that is being read.
type Layer<'a> = Box<dyn BufRead + 'a>;

/// How many compressions inside each other are undone.
const MAX_LAYERS: usize = 4;
/// How many bytes decide on a format.
const HEAD: usize = 1024;

/// Reads `input` through, blocking. Never fails: what goes wrong is the answer.
pub(crate) fn verify(input: impl Read, format: Format, limits: &Limits) -> Integrity {
    let tally = Arc::new(Tally::default());
    let mut seen = Integrity {
        layers: Vec::new(),
        state: State::Complete,
        detail: String::new(),
        read: 0,
        content: 0,
        dump: None,
    };
    let outer = Meter::of_file(input, limits.clone(), Arc::clone(&tally));
    let outcome = walk(
        Box::new(BufReader::with_capacity(1 << 16, outer)),
        format,
        limits,
        &tally,
        &mut seen,
    );
    if let Err(error) = outcome {
        (seen.state, seen.detail) = tally.tripped().unwrap_or_else(|| classify(&error));
    }
    seen.read = tally.read();
    seen.content = tally.content();
    if seen.state == State::Complete
        && format != Format::Auto
        && !seen.layers.iter().any(|layer| layer == format.name())
    {
        seen.state = State::OtherFormat;
        seen.detail = format!(
            "expected {}, found {}",
            format.name(),
            seen.layers.join(" > ")
        );
    }
    seen
}

/// Undoes one layer after another and reads the innermost to its end.
fn walk<'a>(
    mut layer: Layer<'a>,
    format: Format,
    limits: &Limits,
    tally: &Arc<Tally>,
    seen: &mut Integrity,
) -> io::Result<()> {
    for _ in 0..MAX_LAYERS {
        let mut head = Vec::with_capacity(HEAD);
        layer.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        let found = detect(&head);
        let whole: Layer<'a> = Box::new(io::Cursor::new(head.clone()).chain(layer));
        let metered = |reader: Box<dyn Read + 'a>| -> Layer<'a> {
            // Only the innermost layer's bytes are content.
            tally.restart_content();
            Box::new(BufReader::with_capacity(
                1 << 16,
                Meter::of_content(reader, limits.clone(), Arc::clone(tally)),
            ))
        };
        match found {
            Some(Format::Gzip) => {
                seen.layers.push("gzip".to_owned());
                layer = metered(Box::new(flate2::bufread::MultiGzDecoder::new(whole)));
            }
            Some(Format::Zstd) => {
                seen.layers.push("zstd".to_owned());
                layer = metered(Box::new(zstd::Frames::new(whole)));
            }
            Some(known) => return read_innermost(known, whole, tally, seen),
            None => return read_unknown(format, &head, whole, tally, seen),
        }
    }
    Err(broken(
        State::Unrecognised,
        format!("more than {MAX_LAYERS} compressions inside each other"),
    ))
}

/// Reads a format that holds no other layer.
fn read_innermost(
    format: Format,
    mut layer: Layer<'_>,
    tally: &Tally,
    seen: &mut Integrity,
) -> io::Result<()> {
    seen.layers.push(format.name().to_owned());
    match format {
        Format::Tar => tar::walk(&mut layer)?,
        Format::PgDumpCustom => seen.dump = Some(pgdump::walk(&mut layer)?),
        _ => plain::walk(&mut layer)?,
    }
    io::copy(&mut layer, &mut io::sink())?;
    tally.settle();
    Ok(())
}

/// Reads bytes whose format is not known; inside a compression these still count as content.
fn read_unknown(
    format: Format,
    head: &[u8],
    mut layer: Layer<'_>,
    tally: &Tally,
    seen: &mut Integrity,
) -> io::Result<()> {
    if format == Format::PgDumpPlain && !head.is_empty() {
        return read_innermost(Format::PgDumpPlain, layer, tally, seen);
    }
    io::copy(&mut layer, &mut io::sink())?;
    tally.settle();
    if head.is_empty() {
        return Err(broken(State::Empty, "there is nothing in it"));
    }
    if seen.layers.is_empty() {
        return Err(broken(
            State::Unrecognised,
            "its first bytes are of no format known here",
        ));
    }
    Ok(())
}

/// The format that the first bytes tell.
fn detect(head: &[u8]) -> Option<Format> {
    if head.starts_with(&[0x1f, 0x8b]) {
        return Some(Format::Gzip);
    }
    if zstd::is_start(head) {
        return Some(Format::Zstd);
    }
    if head.starts_with(b"PGDMP") {
        return Some(Format::PgDumpCustom);
    }
    if tar::is_start(head) {
        return Some(Format::Tar);
    }
    plain::is_start(head).then_some(Format::PgDumpPlain)
}

/// The outcome behind an error that came through any number of readers.
fn classify(error: &(dyn StdError + 'static)) -> (State, String) {
    let mut cause = Some(error);
    let mut last = String::new();
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<Broken>() {
            return (found.state, found.detail.clone());
        }
        if let Some(io) = current.downcast_ref::<io::Error>() {
            if let Some(found) = io.get_ref().and_then(|e| e.downcast_ref::<Broken>()) {
                return (found.state, found.detail.clone());
            }
            if io.kind() == io::ErrorKind::UnexpectedEof {
                return (
                    State::Truncated,
                    "it ends in the middle of its data".to_owned(),
                );
            }
            if io.raw_os_error().is_some() {
                return (State::Unreadable, io.to_string());
            }
        }
        last = current.to_string();
        // The error inside an I/O error is not among its sources, only what is behind it.
        let inside = current
            .downcast_ref::<io::Error>()
            .and_then(|io| io.get_ref())
            .map(|inner| inner as &(dyn StdError + 'static));
        cause = inside.or_else(|| current.source());
    }
    (State::Corrupt, last)
}

#[cfg(test)]
mod tests;
