//! Reading below one folder: never outside of it, never without a bound.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::{WalkBuilder, WalkState};

use crate::context::Context;
use crate::outcome::{Cause, Fault};
use crate::redact::Redactor;

/// The largest file whose content is read.
pub(super) const MAX_FILE: u64 = 16 << 20;
/// The most bytes one check reads.
const MAX_TOTAL: u64 = 256 << 20;
/// The most entries of folders one search looks at.
const MAX_ENTRIES: usize = 400_000;
/// The most files one search may give.
const MAX_FOUND: usize = 100_000;
/// The deepest folders that are looked at.
const MAX_DEPTH: usize = 64;

/// The most threads that read files for one check.
const MAX_THREADS: usize = 4;
/// How many files a thread takes at once.
const PORTION: usize = 64;

/// Folders that hold other people's code, or what was made from one's own.
const FOREIGN: &[&str] = &[
    ".git",
    "node_modules",
    "target",
    "vendor",
    "dist",
    "build",
    ".venv",
    "venv",
    "__pycache__",
    ".next",
    ".tox",
    "site-packages",
];

/// Which folders a search leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skip {
    /// Only git's own.
    Git,
    /// Those that hold other people's code, build output and environments too.
    Foreign,
}

/// The files below `root`.
#[derive(Debug)]
pub(in crate::kinds) struct Tree {
    /// The folder as the profile names it.
    shown: String,
    /// Where it really is.
    real: PathBuf,
    /// When looking must be over.
    until: Instant,
    /// Bytes read so far.
    read: AtomicU64,
    /// Where folders of the tree really are.
    folders: Mutex<HashMap<PathBuf, PathBuf>>,
    /// Register every secret met while looking.
    pub(super) redactor: Redactor,
}

/// A file or folder that is there.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Where it really is.
    real: PathBuf,
    /// What the system says of it, links followed.
    pub(super) metadata: Metadata,
}

impl Tree {
    /// The tree below a folder, not opened yet.
    pub(in crate::kinds) fn of(cx: &Context, root: &str) -> Self {
        Self {
            shown: root.to_owned(),
            real: cx.folder.join(root),
            // A tenth of the time is kept back, so that the fault can say where time ended.
            until: Instant::now() + cx.remaining().mul_f64(0.9),
            read: AtomicU64::new(0),
            folders: Mutex::default(),
            redactor: cx.redactor.clone(),
        }
    }

    /// The same with its folder found.
    ///
    /// # Errors
    /// When the folder is not there, is no folder, or may not be entered.
    pub(in crate::kinds) fn opened(mut self) -> Result<Self, Fault> {
        let fault = |cause, what: &str| {
            Fault::new(cause, format!("the folder {} {what}", self.shown))
                .hint("`root` is the folder of the repository, relative to where readyctl runs")
        };
        let real = fs::canonicalize(&self.real).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => fault(Cause::Missing, "does not exist"),
            io::ErrorKind::PermissionDenied => fault(Cause::Denied, "may not be entered"),
            _ => fault(Cause::Missing, &format!("cannot be entered: {error}")),
        })?;
        if !real.is_dir() {
            return Err(fault(Cause::Missing, "is not a folder"));
        }
        self.real = real;
        Ok(self)
    }

    /// What is at a path; `None` when nothing is.
    ///
    /// # Errors
    /// When the path leads out of the tree or its folders may not be entered.
    pub(super) fn entry(&self, path: &str) -> Result<Option<Entry>, Fault> {
        self.on_time()?;
        if let Some(wrong) = leaves(path) {
            return Err(Fault::new(Cause::NotAllowed, format!("{path}: {wrong}"))
                .hint("name files below `root` only"));
        }
        let at = self.real.join(path);
        if let Some(entry) = self.plain(&at) {
            return Ok(Some(entry));
        }
        let real = match fs::canonicalize(&at) {
            Ok(real) => real,
            Err(error) if is_absent(&error) => {
                return if fs::symlink_metadata(&at).is_ok() {
                    Err(Fault::new(
                        Cause::Missing,
                        format!("{path}: this symbolic link leads to nothing"),
                    )
                    .hint("correct the link, or put the file in its place"))
                } else {
                    Ok(None)
                };
            }
            Err(error) => return Err(file_fault(path, &error)),
        };
        if !real.starts_with(&self.real) {
            return Err(Fault::new(
                Cause::NotAllowed,
                format!("{path}: a symbolic link leads out of {}", self.shown),
            )
            .hint(
                "keep the file itself in the repository, or name the folder it is in as `root`",
            ));
        }
        let metadata = fs::metadata(&real).map_err(|error| file_fault(path, &error))?;
        Ok(Some(Entry { real, metadata }))
    }

    /// What is at a path that is no link itself, in a folder whose real place is known to be in the
    /// tree: one call of the system instead of two for each folder on the way.
    fn plain(&self, at: &Path) -> Option<Entry> {
        let (folder, name) = (at.parent()?, at.file_name()?);
        let known = self.folders.lock().ok()?.get(folder).cloned();
        let real = match known {
            Some(real) => real,
            None => {
                let real = fs::canonicalize(folder).ok()?;
                if !real.starts_with(&self.real) {
                    return None;
                }
                self.folders
                    .lock()
                    .ok()?
                    .insert(folder.to_owned(), real.clone());
                real
            }
        }
        .join(name);
        let metadata = fs::symlink_metadata(&real).ok()?;
        (!metadata.is_symlink()).then_some(Entry { real, metadata })
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// When it is missing, is no file, is too large or may not be read.
    pub(super) fn bytes(&self, path: &str) -> Result<Vec<u8>, Fault> {
        let Some(entry) = self.entry(path)? else {
            return Err(
                Fault::new(Cause::Missing, format!("{path} does not exist")).hint(format!(
                    "correct the path; it is relative to {}",
                    self.shown
                )),
            );
        };
        // Opening a FIFO waits for a writer: what is not a file is not opened.
        let is_file = |metadata: &Metadata| {
            if metadata.is_file() {
                return Ok(());
            }
            let what = if metadata.is_dir() {
                "a folder"
            } else {
                "a device, socket or FIFO"
            };
            Err(
                Fault::new(Cause::Unparseable, format!("{path} is {what}, not a file"))
                    .hint("name a regular file"),
            )
        };
        is_file(&entry.metadata)?;
        let failed = |error: io::Error| file_fault(path, &error);
        let file = File::open(&entry.real).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        is_file(&metadata)?;
        let too_large = || {
            Fault::new(
                Cause::TooLarge,
                format!("{path} is larger than {} MiB", MAX_FILE >> 20),
            )
            .hint("its size and age can be judged, its content is not read")
        };
        if metadata.len() > MAX_FILE {
            return Err(too_large());
        }
        let before = self.read.fetch_add(metadata.len(), Ordering::Relaxed);
        if before.saturating_add(metadata.len()) > MAX_TOTAL {
            return Err(Fault::new(
                Cause::TooLarge,
                format!(
                    "the files of this check are larger than {} MiB together",
                    MAX_TOTAL >> 20
                ),
            )
            .hint("name fewer files, or make several checks of it"));
        }
        // One more than the size: the end is seen without asking for more room.
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        file.take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(too_large());
        }
        Ok(bytes)
    }

    /// The text of a file; a byte order mark is dropped.
    ///
    /// # Errors
    /// As [`Tree::bytes`], and when it is not UTF-8 or holds NUL.
    pub(in crate::kinds) fn text(&self, path: &str) -> Result<String, Fault> {
        let bytes = self.bytes(path)?;
        let not_text = |line: usize, what: &str| {
            Fault::new(
                Cause::Unparseable,
                format!("{path}:{line}: this is not UTF-8 text: {what}"),
            )
            .hint("save the file as UTF-8, or name another one")
        };
        let line = |upto: usize| {
            1 + bytes[..upto.min(bytes.len())]
                .iter()
                .filter(|b| **b == b'\n')
                .count()
        };
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(not_text(1, "it is UTF-16"));
        }
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            return Err(not_text(line(at), "there is a NUL byte"));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(match text.strip_prefix('\u{feff}') {
                Some(rest) => rest.to_owned(),
                None => text,
            }),
            Err(error) => {
                let upto = error.utf8_error().valid_up_to();
                let line = 1 + error.as_bytes()[..upto]
                    .iter()
                    .filter(|b| **b == b'\n')
                    .count();
                Err(not_text(line, "there is an invalid byte"))
            }
        }
    }

    /// The files that the patterns match, sorted. A pattern without `*`, `?`, `[` and `{` is a path,
    /// and is part of the answer when something is there. Links are not followed.
    ///
    /// # Errors
    /// When there are too many, time is over, or a folder may not be listed: half an answer is none.
    pub(super) fn matching(&self, patterns: &[String], skip: Skip) -> Result<Vec<String>, Fault> {
        let mut found = BTreeSet::new();
        let mut globs = Vec::new();
        for pattern in patterns {
            if is_glob(pattern) {
                globs.push(pattern.as_str());
            } else if self.entry(pattern)?.is_some() {
                found.insert(pattern.trim_start_matches("./").to_owned());
            }
        }
        let mut starts: Vec<&str> = globs.iter().copied().map(literal_folder).collect();
        starts.sort_unstable();
        starts.dedup();
        // A folder below another one of the list is searched with it.
        let tops: Vec<&str> = starts
            .iter()
            .copied()
            .filter(|start| {
                !starts
                    .iter()
                    .any(|other| other != start && Path::new(start).starts_with(other))
            })
            .collect();
        let set = glob_set(globs.iter().copied()).map_err(|error| {
            Fault::new(Cause::Unparseable, format!("this is no pattern: {error}"))
                .hint("write `*` for any characters, `**` for any folders")
        })?;
        for top in tops {
            if self
                .entry(top)?
                .is_some_and(|entry| entry.metadata.is_dir())
            {
                self.search(top, &set, skip, &mut found)?;
            }
        }
        if found.len() > MAX_FOUND {
            return Err(too_many(&self.shown));
        }
        Ok(found.into_iter().collect())
    }

    /// Searches one folder.
    fn search(
        &self,
        top: &str,
        set: &GlobSet,
        skip: Skip,
        found: &mut BTreeSet<String>,
    ) -> Result<(), Fault> {
        let hits = Mutex::new(Vec::new());
        let denied = Mutex::new(None);
        let entries = AtomicUsize::new(0);
        let over = AtomicBool::new(false);
        let walk = WalkBuilder::new(self.real.join(top))
            .standard_filters(false)
            .follow_links(false)
            .max_depth(Some(MAX_DEPTH))
            .filter_entry(move |entry| {
                let name = entry.file_name();
                let left_out = match skip {
                    Skip::Git => name == ".git",
                    Skip::Foreign => FOREIGN.iter().any(|foreign| name == *foreign),
                };
                entry.depth() == 0 || !left_out || !entry.file_type().is_some_and(|t| t.is_dir())
            })
            .build_parallel();
        walk.run(|| {
            let mut own = Mine {
                hits: Vec::new(),
                to: &hits,
            };
            let (denied, entries, over) = (&denied, &entries, &over);
            Box::new(move |entry| {
                let seen = entries.fetch_add(1, Ordering::Relaxed);
                if seen > MAX_ENTRIES || (seen % 256 == 0 && Instant::now() > self.until) {
                    over.store(true, Ordering::Relaxed);
                    return WalkState::Quit;
                }
                match entry {
                    Ok(entry) if entry.file_type().is_some_and(|t| !t.is_dir()) => {
                        if let Ok(path) = entry.path().strip_prefix(&self.real)
                            && set.is_match(path)
                        {
                            own.hits.push(path.to_string_lossy().into_owned());
                        }
                    }
                    Ok(_) => {}
                    Err(error) if error.io_error().is_some_and(is_absent) => {}
                    Err(error) => keep_first(denied, &error.to_string()),
                }
                WalkState::Continue
            })
        });
        self.on_time()?;
        if over.into_inner() {
            return Err(too_many(&self.shown));
        }
        if let Some(error) = denied.into_inner().unwrap_or_default() {
            return Err(Fault::new(
                Cause::Denied,
                format!("a folder below {} cannot be listed: {error}", self.shown),
            )
            .hint("let the user that runs readyctl read it, or name more exact patterns"));
        }
        found.extend(hits.into_inner().unwrap_or_default());
        Ok(())
    }

    /// Looks at each file, several at a time where there are many; the answers stand in the order of
    /// `paths`.
    ///
    /// # Errors
    /// When time is over: half an answer is none.
    pub(super) fn each<T: Send>(
        &self,
        paths: &[String],
        look: impl Fn(&str) -> T + Sync,
    ) -> Result<Vec<T>, Fault> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(MAX_THREADS).min(paths.len() / PORTION);
        if threads < 2 {
            return paths
                .iter()
                .map(|path| self.on_time().map(|()| look(path)))
                .collect();
        }
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(portion) = paths.chunks(PORTION).nth(place) else {
                    return;
                };
                if self.on_time().is_err() {
                    return;
                }
                let looked: Vec<T> = portion.iter().map(|path| look(path)).collect();
                if let Ok(mut done) = done.lock() {
                    done.push((place, looked));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        self.on_time()?;
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_by_key(|(place, _)| *place);
        Ok(done.into_iter().flat_map(|(_, looked)| looked).collect())
    }

    /// Whether there is time left.
    ///
    /// # Errors
    /// A timeout.
    pub(super) fn on_time(&self) -> Result<(), Fault> {
        if Instant::now() < self.until {
            return Ok(());
        }
        Err(Fault::new(
            Cause::Timeout,
            format!("the files below {} were not read in time", self.shown),
        )
        .hint("name more exact patterns, or give the check more `timeout`"))
    }
}

/// What one thread of a search found; handed over when the thread is done.
struct Mine<'a> {
    /// Its hits.
    hits: Vec<String>,
    /// Where they go.
    to: &'a Mutex<Vec<String>>,
}

impl Drop for Mine<'_> {
    fn drop(&mut self) {
        if let Ok(mut all) = self.to.lock() {
            all.append(&mut self.hits);
        }
    }
}

/// Keeps the first of several messages.
fn keep_first(to: &Mutex<Option<String>>, message: &str) {
    if let Ok(mut first) = to.lock() {
        first.get_or_insert_with(|| message.to_owned());
    }
}

/// There are more files than are looked at.
fn too_many(root: &str) -> Fault {
    Fault::new(
        Cause::TooLarge,
        format!("there are more files below {root} than are looked at"),
    )
    .hint("name more exact patterns, `backend/**/*.py`")
}

/// Whether an error says that nothing is there.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The fault of a file that cannot be looked at.
fn file_fault(path: &str, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Fault::new(Cause::Denied, format!("{path} may not be read"))
                .hint("let the user that runs readyctl read it")
        }
        _ => Fault::new(Cause::Missing, format!("{path} cannot be read: {error}"))
            .hint("see what is at this path"),
    }
}

/// Why a path could leave the tree.
pub(super) fn leaves(path: &str) -> Option<&'static str> {
    if path.trim().is_empty() {
        return Some("this path is empty");
    }
    for component in Path::new(path).components() {
        match component {
            Component::ParentDir => return Some("`..` may leave the folder"),
            Component::RootDir | Component::Prefix(_) => {
                return Some("the path is absolute");
            }
            Component::CurDir | Component::Normal(_) => {}
        }
    }
    None
}

/// Whether a path is a pattern.
pub(super) fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// The folder that a pattern surely lies in: what comes before its first special character.
fn literal_folder(pattern: &str) -> &str {
    let special = pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len());
    match pattern[..special].rfind('/') {
        Some(0) | None => ".",
        Some(end) => &pattern[..end],
    }
}

/// Patterns of what does not count, for paths in lower case.
pub(super) fn excepted(patterns: &[String]) -> GlobSet {
    let lower: Vec<String> = patterns.iter().map(|path| path.to_lowercase()).collect();
    glob_set(lower.iter().map(String::as_str)).unwrap_or_default()
}

/// Patterns as one set; `*` stays inside a folder.
pub(super) fn glob_set<'a>(
    patterns: impl IntoIterator<Item = &'a str>,
) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let pattern = pattern.trim_start_matches("./");
        set.add(GlobBuilder::new(pattern).literal_separator(true).build()?);
    }
    set.build()
}
