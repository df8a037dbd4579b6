//! PostgreSQL's archives: the table of contents, and every data block to the last byte.
//!
//! The layout is that of `pg_backup_archiver.c` and `pg_backup_custom.c`: numbers are a sign byte
//! and little-endian bytes, texts are a length and bytes, data is a list of chunks that ends with
//! one of length zero. Files of PostgreSQL 9.0 (archive version 1.12) and newer are read.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read};

use super::{DumpOrigin, State, broken};

/// The longest text of a table of contents: a function's body, a view's query.
const MAX_TEXT: u64 = 256 << 20;
/// The most entries a table of contents may state.
const MAX_ENTRIES: u64 = 20_000_000;

/// What the header of a custom dump says.
const CUSTOM: u8 = 1;
/// What the header of a directory dump says: it claims to be that of a tar dump.
const DIRECTORY: u8 = 3;

/// How the data blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    /// Not at all.
    None,
    /// zlib streams, which are read through.
    Zlib,
    /// lz4 or zstd, of which only the chunks are followed.
    Other,
}

/// What the header and the table of contents say.
#[derive(Debug)]
struct Contents {
    /// Names and versions.
    origin: DumpOrigin,
    /// Bytes of a number.
    int_size: usize,
    /// How data is compressed.
    compression: Compression,
    /// Entries whose data must follow.
    with_data: BTreeSet<i64>,
    /// Files that a directory dump refers to.
    files: Vec<String>,
}

/// Reads a custom-format dump to its last data block.
pub(super) fn walk(input: &mut dyn Read) -> io::Result<DumpOrigin> {
    let mut reader = Numbers { input, int_size: 4 };
    let mut contents = read_contents(&mut reader, CUSTOM)?;
    reader.int_size = contents.int_size;
    let expected = contents.with_data.len();
    while let Some(kind) = reader.byte_or_end()? {
        let id = reader.int("the number of a data block")?;
        match kind {
            1 => read_data(&mut reader, contents.compression)?,
            3 => loop {
                // Large objects: an object's number and its data, until the number is zero.
                if reader.int("the number of a large object")? == 0 {
                    break;
                }
                read_data(&mut reader, contents.compression)?;
            },
            other => {
                return Err(broken(
                    State::Corrupt,
                    format!("a data block of unknown type {other}"),
                ));
            }
        }
        contents.with_data.remove(&id);
    }
    if !contents.with_data.is_empty() {
        return Err(broken(
            State::Truncated,
            format!(
                "the data of {} of {expected} entries is missing, though its table of contents is whole",
                contents.with_data.len()
            ),
        ));
    }
    Ok(contents.origin)
}

/// The files that the `toc.dat` of a directory dump refers to, without compression suffix.
///
/// # Errors
/// When it is not the table of contents of a directory dump.
pub(crate) fn files_of_directory_dump(input: &mut dyn Read) -> Result<Vec<String>, String> {
    let mut reader = Numbers { input, int_size: 4 };
    read_contents(&mut reader, DIRECTORY)
        .map(|contents| contents.files)
        .map_err(|error| error.to_string())
}

/// Numbers and texts as the format writes them.
struct Numbers<'a> {
    /// The bytes.
    input: &'a mut dyn Read,
    /// Bytes of a number, said by the header.
    int_size: usize,
}

impl Numbers<'_> {
    /// Exactly this many bytes.
    fn exact<const N: usize>(&mut self, what: &str) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input
            .read_exact(&mut bytes)
            .map_err(|error| ended(error, what))?;
        Ok(bytes)
    }

    /// One byte, or the end.
    fn byte_or_end(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        loop {
            return match self.input.read(&mut byte) {
                Ok(0) => Ok(None),
                Ok(_) => Ok(Some(byte[0])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    /// A number: a sign byte and its bytes from the lowest.
    fn int(&mut self, what: &str) -> io::Result<i64> {
        let [sign] = self.exact::<1>(what)?;
        let mut value = 0_i64;
        for at in 0..self.int_size {
            let [byte] = self.exact::<1>(what)?;
            value |= i64::from(byte) << (8 * at.min(7));
        }
        Ok(if sign == 0 {
            value
        } else {
            value.wrapping_neg()
        })
    }

    /// A text; `None` for one that is null.
    fn text(&mut self, what: &str) -> io::Result<Option<String>> {
        let length = self.int(what)?;
        let Ok(length) = u64::try_from(length) else {
            return Ok(None);
        };
        if length > MAX_TEXT {
            return Err(broken(
                State::Corrupt,
                format!("{what} states an absurd length"),
            ));
        }
        let mut bytes = Vec::new();
        (&mut *self.input).take(length).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < length {
            return Err(ended(io::ErrorKind::UnexpectedEof.into(), what));
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// Names the place at which the file ends.
fn ended(error: io::Error, what: &str) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        broken(State::Truncated, format!("it ends inside {what}"))
    } else {
        error
    }
}

/// Reads header and table of contents; `format` is the kind of archive that is expected.
fn read_contents(reader: &mut Numbers<'_>, format: u8) -> io::Result<Contents> {
    const HEADER: &str = "its header";
    let magic = reader.exact::<5>(HEADER)?;
    let [major, minor, _] = reader.exact::<3>(HEADER)?;
    let [int_size, offset_size, found] = reader.exact::<3>(HEADER)?;
    if &magic != b"PGDMP" || major != 1 || int_size == 0 || int_size > 8 || offset_size > 8 {
        return Err(broken(
            State::Corrupt,
            "it does not begin like a PostgreSQL dump",
        ));
    }
    if !(12..=16).contains(&minor) {
        return Err(broken(
            State::Unrecognised,
            format!(
                "a PostgreSQL dump of archive version {major}.{minor}, which is not known here"
            ),
        ));
    }
    if found != format {
        return Err(broken(
            State::OtherFormat,
            "a PostgreSQL dump, but not of the expected kind",
        ));
    }
    reader.int_size = usize::from(int_size);
    let compression = if minor >= 15 {
        match reader.exact::<1>(HEADER)? {
            [0] => Compression::None,
            [1] => Compression::Zlib,
            _ => Compression::Other,
        }
    } else if reader.int(HEADER)? == 0 {
        Compression::None
    } else {
        Compression::Zlib
    };
    for _ in 0..7 {
        // When it was made, in local time without a zone: of no use.
        reader.int(HEADER)?;
    }
    let mut origin = DumpOrigin {
        database: reader.text(HEADER)?,
        server: reader.text(HEADER)?,
        dumped_by: reader.text(HEADER)?,
        entries: 0,
        with_data: 0,
    };
    let count = u64::try_from(reader.int(HEADER)?).unwrap_or(0);
    if count > MAX_ENTRIES {
        return Err(broken(
            State::Corrupt,
            "it states an absurd number of entries",
        ));
    }
    if count == 0 {
        return Err(broken(State::Empty, "its table of contents is empty"));
    }
    let mut with_data = BTreeSet::new();
    let mut files = Vec::new();
    for _ in 0..count {
        read_entry(
            reader,
            (minor, usize::from(offset_size), format),
            &mut with_data,
            &mut files,
        )?;
    }
    origin.entries = count;
    origin.with_data = with_data.len() as u64;
    Ok(Contents {
        origin,
        int_size: usize::from(int_size),
        compression,
        with_data,
        files,
    })
}

/// Reads one entry of the table of contents.
fn read_entry(
    reader: &mut Numbers<'_>,
    (minor, offset_size, format): (u8, usize, u8),
    with_data: &mut BTreeSet<i64>,
    files: &mut Vec<String>,
) -> io::Result<()> {
    const TOC: &str = "its table of contents";
    let id = reader.int(TOC)?;
    reader.int(TOC)?;
    // Table and object id, tag, kind of object.
    for _ in 0..4 {
        reader.text(TOC)?;
    }
    // Section.
    reader.int(TOC)?;
    // Definition, drop and copy statement, namespace, tablespace.
    for _ in 0..5 {
        reader.text(TOC)?;
    }
    if minor >= 14 {
        // Table access method.
        reader.text(TOC)?;
    }
    if minor >= 16 {
        // Kind of relation.
        reader.int(TOC)?;
    }
    // Owner, and whether the table has OIDs.
    reader.text(TOC)?;
    reader.text(TOC)?;
    // Dependencies, until a null.
    while reader.text(TOC)?.is_some() {}
    if format == DIRECTORY {
        if let Some(file) = reader.text(TOC)?.filter(|file| !file.is_empty()) {
            files.push(file);
        }
        return Ok(());
    }
    let [flag] = reader.exact::<1>(TOC)?;
    for _ in 0..offset_size {
        reader.exact::<1>(TOC)?;
    }
    // 3 stands for "no data"; the others for data at a known or unknown place.
    if flag != 3 {
        with_data.insert(id);
    }
    Ok(())
}

/// Reads the chunks of one block, and the stream inside them.
fn read_data(reader: &mut Numbers<'_>, compression: Compression) -> io::Result<()> {
    let mut chunks = Chunks {
        reader,
        left: 0,
        ended: false,
    };
    // Newer versions write no stream at all for an empty table.
    if compression == Compression::Zlib && chunks.has_more()? {
        let mut stream =
            flate2::bufread::ZlibDecoder::new(BufReader::with_capacity(1 << 15, &mut chunks));
        io::copy(&mut stream, &mut io::sink())?;
    }
    io::copy(&mut chunks, &mut io::sink())?;
    Ok(())
}

/// The bytes of a list of chunks.
struct Chunks<'a, 'b> {
    /// Where the chunks are.
    reader: &'a mut Numbers<'b>,
    /// Bytes left of the current chunk.
    left: u64,
    /// The closing chunk was seen.
    ended: bool,
}

impl Chunks<'_, '_> {
    /// Whether bytes follow; opens the next chunk.
    fn has_more(&mut self) -> io::Result<bool> {
        if self.left == 0 && !self.ended {
            let length = self.reader.int("the length of a data chunk")?;
            self.left = u64::try_from(length)
                .map_err(|_| broken(State::Corrupt, "a data chunk states a negative length"))?;
            self.ended = self.left == 0;
        }
        Ok(!self.ended)
    }
}

impl Read for Chunks<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || !self.has_more()? {
            return Ok(0);
        }
        let wanted = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let count = self
            .reader
            .input
            .read(buffer.get_mut(..wanted).unwrap_or_default())?;
        if count == 0 {
            return Err(broken(State::Truncated, "it ends inside a table's data"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}
