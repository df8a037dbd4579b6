//! Finding and reading the files, inside their root and within bounds.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use jiff::Timestamp;

use crate::expect::ByteSize;
use crate::net::file_fault;
use crate::outcome::{Cause, Fault};

/// The most entries of folders that are looked at.
const MAX_ENTRIES: usize = 200_000;
/// How deep folders are followed.
const MAX_DEPTH: usize = 40;
/// The most reports of one check.
const MAX_FILES: usize = 2_000;

/// A file that was read.
#[derive(Debug)]
pub(super) struct Source {
    /// Its path as the profile or the search gave it.
    pub(super) shown: String,
    /// Its content, without a byte order mark.
    pub(super) bytes: Vec<u8>,
    /// When it changed last.
    pub(super) modified: Option<Timestamp>,
}

/// The fault of a report that is not what it should be.
pub(super) fn wrong(source: &Source, why: &str) -> Fault {
    Fault::new(
        Cause::Unparseable,
        format!("{} cannot be used: {why}", source.shown),
    )
    .code("REP-07")
    .hint("see whether the tool ended normally and wrote this format; `format:` pins one")
}

/// Whether a path is a pattern.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// Compiles a pattern: `*` stays inside a folder, `**` does not.
///
/// # Errors
/// What is wrong with it.
pub(super) fn pattern(text: &str) -> Result<GlobMatcher, String> {
    GlobBuilder::new(text.strip_prefix("./").unwrap_or(text))
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| error.kind().to_string())
}

/// The root that files must stay in.
#[derive(Debug)]
pub(super) struct Root {
    /// Its real path.
    real: PathBuf,
    /// How many bytes may still be read.
    left: u64,
    /// How many may be read in all.
    limit: ByteSize,
}

impl Root {
    /// Opens a root.
    ///
    /// # Errors
    /// When it is no folder.
    pub(super) fn new(folder: &Path, limit: ByteSize) -> Result<Self, Fault> {
        let real =
            fs::canonicalize(folder).map_err(|error| file_fault(folder, &error).code("REP-01"))?;
        Ok(Self {
            real,
            left: limit.0,
            limit,
        })
    }

    /// Reads every file that a path or pattern names.
    ///
    /// # Errors
    /// When there is none, or one of them cannot be read.
    pub(super) fn read_all(&mut self, paths: &[String]) -> Result<Vec<Source>, Fault> {
        let mut sources = Vec::new();
        for path in paths {
            if is_pattern(path) {
                let matcher = pattern(path).map_err(|why| Fault::new(Cause::Internal, why))?;
                let mut found = Vec::new();
                self.search(&self.real, "", &matcher, (0, &mut 0), &mut found)?;
                if found.is_empty() {
                    return Err(Fault::new(
                        Cause::Missing,
                        format!("no file matches {path} in {}", self.real.display()),
                    )
                    .code("REP-01")
                    .hint("see whether the tool ran, and where it writes its report"));
                }
                found.sort();
                for name in found {
                    sources.push(self.read(&name)?);
                }
            } else {
                sources.push(self.read(path)?);
            }
        }
        Ok(sources)
    }

    /// Collects the files below a folder that match.
    fn search(
        &self,
        folder: &Path,
        below: &str,
        matcher: &GlobMatcher,
        (depth, seen): (usize, &mut usize),
        found: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let entries = fs::read_dir(folder).map_err(|error| file_fault(folder, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| file_fault(folder, &error))?;
            *seen += 1;
            if *seen > MAX_ENTRIES || found.len() > MAX_FILES {
                return Err(Fault::new(
                    Cause::TooLarge,
                    format!("{} holds too many files", self.real.display()),
                )
                .hint("set `root:` to the folder of the reports, or write a narrower pattern"));
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = if below.is_empty() {
                name
            } else {
                format!("{below}/{name}")
            };
            let kind = entry
                .file_type()
                .map_err(|error| file_fault(&entry.path(), &error))?;
            if kind.is_dir() {
                if depth < MAX_DEPTH {
                    self.search(&entry.path(), &name, matcher, (depth + 1, seen), found)?;
                }
            } else if matcher.is_match(&name) {
                found.push(name);
            }
        }
        Ok(())
    }

    /// The real path of a file inside the root.
    fn inside(&self, path: &str) -> Result<PathBuf, Fault> {
        let joined = self.real.join(path);
        let real = fs::canonicalize(&joined)
            .map_err(|error| file_fault(&joined, &error).code("REP-01"))?;
        if !real.starts_with(&self.real) {
            return Err(Fault::new(
                Cause::Denied,
                format!("{path} leads out of {}", self.real.display()),
            )
            .code("REP-57")
            .hint("write the report inside of `root:`, without symbolic links to elsewhere"));
        }
        Ok(real)
    }

    /// When a file inside the root changed last.
    ///
    /// # Errors
    /// When it is not there.
    pub(super) fn modified(&self, path: &str) -> Result<Option<Timestamp>, Fault> {
        let real = self.inside(path)?;
        let metadata =
            fs::metadata(&real).map_err(|error| file_fault(&real, &error).code("REP-01"))?;
        Ok(changed(&metadata))
    }

    /// Reads one file.
    ///
    /// # Errors
    /// When it is missing, no regular file, outside of the root, or too long.
    pub(super) fn read(&mut self, path: &str) -> Result<Source, Fault> {
        let real = self.inside(path)?;
        let denied = |error: &std::io::Error| file_fault(&real, error).code("REP-01");
        let metadata = fs::metadata(&real).map_err(|error| denied(&error))?;
        if !metadata.is_file() {
            return Err(
                Fault::new(Cause::Unparseable, format!("{path} is not a regular file"))
                    .code("REP-07")
                    .hint("name the file that the tool wrote"),
            );
        }
        let too_large = || {
            Fault::new(
                Cause::TooLarge,
                format!(
                    "{path} and what was read before is longer than {}",
                    self.limit
                ),
            )
            .code("REP-07")
            .hint("see why the report is that long; `max_size` allows more")
        };
        if metadata.len() > self.left {
            return Err(too_large());
        }
        let file = File::open(&real).map_err(|error| denied(&error))?;
        let mut bytes = Vec::new();
        file.take(self.left + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| denied(&error))?;
        let length = bytes.len() as u64;
        if length > self.left {
            return Err(too_large());
        }
        self.left -= length;
        if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
            bytes = rest.to_vec();
        }
        let source = Source {
            shown: path.to_owned(),
            bytes,
            modified: changed(&metadata),
        };
        if source.bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(wrong(&source, "it is empty"));
        }
        if source.bytes.starts_with(b"\xff\xfe") || source.bytes.starts_with(b"\xfe\xff") {
            return Err(wrong(&source, "it is UTF-16; write UTF-8"));
        }
        Ok(source)
    }
}

/// When a file changed last.
fn changed(metadata: &fs::Metadata) -> Option<Timestamp> {
    let time = metadata.modified().ok()?;
    Timestamp::try_from(time).ok()
}
