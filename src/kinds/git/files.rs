//! Reads the tracked files, several at a time, and looks for secrets and data in them.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::facts::{DataFile, FileHit, Files};
use super::paths::Patterns;
use super::{Data, Git, Secrets};
use crate::leaks::{Class, Hit, Place, Scanner, Text, text_of};

/// The most matches that are listed.
const MAX_HITS: usize = 200;
/// The most matches of one file that are listed.
const MAX_HITS_OF_FILE: usize = 20;
/// Threads that read.
const MAX_THREADS: usize = 8;

/// Files of databases, dumps and archives of them.
const DATA: [&str; 22] = [
    "*.db",
    "*.db3",
    "*.sqlite",
    "*.sqlite3",
    "*.dump",
    "*.dmp",
    "*.pgdump",
    "*.sql.gz",
    "*.sql.zst",
    "*.sql.xz",
    "*.sql.bz2",
    "*.rdb",
    "*.aof",
    "*.mdb",
    "*.accdb",
    "*.ibd",
    "*.frm",
    "*.bak",
    "*.db-wal",
    "*.db-journal",
    "*.pcap",
    "*.hprof",
];
/// Files that hold keys, whatever is inside.
const KEY_FILES: [&str; 7] = [
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "*.agekey",
];
/// First bytes of data files.
const MAGIC: [(&[u8], &str); 5] = [
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PGDMP", "a PostgreSQL dump"),
    (b"REDIS0", "a Redis snapshot"),
    (b"-- PostgreSQL database dump", "a PostgreSQL dump"),
    (b"-- MySQL dump", "a MySQL dump"),
];

/// What is looked for.
pub(super) struct Search {
    /// The folder of the repository.
    root: PathBuf,
    /// What counts as a secret.
    secrets: Option<SecretSearch>,
    /// What counts as data.
    data: Option<DataSearch>,
    /// Set when nobody waits any more.
    stop: Arc<AtomicBool>,
}

/// What counts as a secret.
struct SecretSearch {
    /// The rules.
    scanner: Scanner,
    /// Files that are not read.
    exclude: Patterns,
    /// Files that hold keys.
    keys: Patterns,
    /// Largest file that is read.
    max_file: u64,
}

/// What counts as data.
struct DataSearch {
    /// By name.
    patterns: Patterns,
    /// Exceptions.
    exclude: Patterns,
    /// By size.
    max_size: u64,
}

/// What one thread found.
#[derive(Default)]
struct Found {
    /// For the facts.
    files: Files,
    /// Files that are not in the working tree.
    missing: Vec<usize>,
}

/// The scanner that some rules ask for.
pub(super) fn scanner(secrets: &Secrets) -> Scanner {
    Scanner {
        personal: secrets.personal,
        addresses: false,
        ignored: secrets.ignore.clone(),
    }
}

/// Compiles patterns that were looked at when the profile was loaded.
fn compiled(patterns: &[String]) -> Patterns {
    Patterns::new(patterns).unwrap_or_default()
}

/// Patterns of a constant list.
fn constant(patterns: &[&str]) -> Patterns {
    compiled(
        &patterns
            .iter()
            .map(|pattern| (*pattern).to_owned())
            .collect::<Vec<_>>(),
    )
}

impl Search {
    /// What a check looks for in files.
    pub(super) fn new(spec: &Git, root: PathBuf, stop: Arc<AtomicBool>) -> Self {
        let secrets = spec.secrets.as_ref().map(|secrets| SecretSearch {
            scanner: scanner(secrets),
            exclude: compiled(&secrets.exclude),
            keys: constant(&KEY_FILES),
            max_file: secrets.max_file.0,
        });
        let data = spec.data.as_ref().map(|data: &Data| DataSearch {
            patterns: if data.patterns.is_empty() {
                constant(&DATA)
            } else {
                compiled(&data.patterns)
            },
            exclude: compiled(&data.exclude),
            max_size: data.max_size.0,
        });
        Self {
            root,
            secrets,
            data,
            stop,
        }
    }

    /// Reads all these files; also gives the indexes of those that are not there.
    pub(super) fn all(&self, paths: &[String]) -> (Files, Vec<usize>) {
        let next = AtomicUsize::new(0);
        let all = Mutex::new(Found::default());
        let threads = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .min(MAX_THREADS);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut found = Found::default();
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(path) =
                            paths.get(at).filter(|_| !self.stop.load(Ordering::Relaxed))
                        else {
                            break;
                        };
                        self.one(at, path, &mut found);
                    }
                    if let Ok(mut all) = all.lock() {
                        all.take(found);
                    }
                });
            }
        });
        let mut found = all.into_inner().unwrap_or_default();
        found.files.settle();
        found.missing.sort_unstable();
        (found.files, found.missing)
    }

    /// Looks at one file.
    fn one(&self, at: usize, path: &str, found: &mut Found) {
        let full = self.root.join(path);
        let metadata = match std::fs::symlink_metadata(&full) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                found.missing.push(at);
                return;
            }
            Err(error) => {
                found
                    .files
                    .unread
                    .push((path.to_owned(), error.kind().to_string()));
                return;
            }
        };
        // A link, a folder or a pipe took the place of the tracked file: the committed one counts.
        if !metadata.is_file() {
            found.missing.push(at);
            return;
        }
        let size = metadata.len();
        let limit = self.secrets.as_ref().map_or(64, |secrets| secrets.max_file);
        match read(&full, limit) {
            Ok(bytes) => self.bytes(path, &bytes, size, false, &mut found.files),
            Err(error) => found
                .files
                .unread
                .push((path.to_owned(), error.kind().to_string())),
        }
    }

    /// Looks at the content of a file, as far as it was read.
    pub(super) fn bytes(
        &self,
        path: &str,
        bytes: &[u8],
        size: u64,
        committed_only: bool,
        files: &mut Files,
    ) {
        if let Some(data) = &self.data
            && !data.exclude.fits(path)
            && let Some(why) = data.why(path, bytes, size)
        {
            files.data.push(DataFile {
                path: path.to_owned(),
                size,
                why,
            });
        }
        let Some(secrets) = &self.secrets else {
            return;
        };
        if secrets.exclude.fits(path) {
            files.passed_over += 1;
            return;
        }
        let add = |hit: Hit| FileHit {
            path: path.to_owned(),
            committed_only,
            hit,
        };
        if secrets.keys.fits(path) {
            files.hits.push(add(Hit {
                rule: "key-file".to_owned(),
                class: Class::Secret,
                line: 1,
                column: 1,
            }));
        }
        let Text::Text(text) = text_of(bytes) else {
            files.passed_over += 1;
            return;
        };
        if size > secrets.max_file {
            files
                .unread
                .push((path.to_owned(), "larger than `max_file`".to_owned()));
        }
        files.read += 1;
        let scan = secrets
            .scanner
            .scan(&text, Place::of(path), MAX_HITS_OF_FILE);
        files.allowed += u64::from(scan.allowed);
        files.hits.extend(scan.hits.into_iter().map(add));
    }
}

impl DataSearch {
    /// Why a file is data, if it is.
    fn why(&self, path: &str, bytes: &[u8], size: u64) -> Option<String> {
        // The mark of a plain dump stands after an empty comment.
        let head = bytes.strip_prefix(b"--\n").unwrap_or(bytes);
        if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Some((*what).to_owned());
        }
        if self.patterns.fits(path) && size > 0 {
            return Some("the name of a data file".to_owned());
        }
        (size > self.max_size).then(|| "larger than allowed".to_owned())
    }
}

impl Found {
    /// Adds what another thread found.
    fn take(&mut self, other: Self) {
        self.missing.extend(other.missing);
        self.files.take(other.files);
    }
}

impl Files {
    /// Adds what was found elsewhere.
    fn take(&mut self, other: Self) {
        self.read += other.read;
        self.passed_over += other.passed_over;
        self.unread.extend(other.unread);
        self.hits.extend(other.hits);
        self.more += other.more;
        self.allowed += other.allowed;
        self.data.extend(other.data);
    }

    /// Sorts and bounds the lists.
    pub(super) fn settle(&mut self) {
        self.hits.sort_by(|a, b| {
            (rank(a.hit.class), &a.path, a.hit.line, a.hit.column).cmp(&(
                rank(b.hit.class),
                &b.path,
                b.hit.line,
                b.hit.column,
            ))
        });
        self.hits.dedup();
        let beyond = self.hits.len().saturating_sub(MAX_HITS);
        self.more += beyond as u64;
        self.hits.truncate(MAX_HITS);
        self.unread.sort();
        self.data.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

/// What is listed first when not everything is.
fn rank(class: Class) -> u8 {
    match class {
        Class::Secret => 0,
        Class::Credentials => 1,
        Class::DefaultCredentials => 2,
        Class::Personal | Class::Address => 3,
    }
}

/// The beginning of a file.
fn read(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
