//! Folders of dumps.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use globset::GlobSet;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::facts::{Checksum, Closer, Facts, Item};
use super::series::{Role, Sorter, globs, role};
use super::spec::{Entries, FilesSource};
use super::time::NameTime;
use crate::archive::{self, Format, Integrity, Limits, State};
use crate::net::file_fault;
use crate::outcome::{Cause, Fault};

/// The most entries that are looked at.
const MAX_ENTRIES: usize = 100_000;
/// How deep folders are followed.
const MAX_DEPTH: usize = 8;
/// The longest checksum file.
const MAX_SUMS: u64 = 1 << 20;

/// A folder being listed.
struct Listing<'a> {
    /// What the profile says.
    source: &'a FilesSource,
    /// Which paths are backups.
    pattern: GlobSet,
    /// Which further names are not finished.
    unfinished: GlobSet,
    /// Reads times in names.
    time: Option<NameTime>,
    /// Tells series.
    sorter: Sorter<'a>,
    /// Entries seen so far.
    seen: usize,
    /// What was found.
    facts: Facts,
    /// Links to other entries, with what they point at.
    links: Vec<(Item, PathBuf)>,
    /// Real paths of the entries found.
    found: HashSet<PathBuf>,
}

/// Lists the folder.
///
/// # Errors
/// When it, or a folder in it, cannot be read.
pub(super) fn list(source: &FilesSource, root: &Path, sets: &[String]) -> Result<Facts, Fault> {
    let invalid = |message: String| Fault::new(Cause::Internal, message);
    let mut listing = Listing {
        pattern: globs([source.pattern.as_deref().unwrap_or("*")]).map_err(invalid)?,
        unfinished: globs(source.incomplete.iter().map(String::as_str)).map_err(invalid)?,
        time: match &source.time_format {
            Some(format) => Some(
                NameTime::new(format, source.time_zone.as_deref())
                    .map_err(|(_, message, _)| invalid(message))?,
            ),
            None => None,
        },
        sorter: Sorter {
            pattern: source.set.as_ref(),
            sets,
        },
        source,
        seen: 0,
        facts: Facts {
            source: root.display().to_string(),
            ..Facts::default()
        },
        links: Vec::new(),
        found: HashSet::new(),
    };
    let metadata = fs::metadata(root).map_err(|error| folder_fault(root, &error))?;
    if !metadata.is_dir() {
        return Err(Fault::new(
            Cause::Missing,
            format!("{} is not a folder", root.display()),
        )
        .hint("name the folder that holds the backups; `pattern` selects among them"));
    }
    listing.walk(root, "", 0)?;
    let Listing {
        mut facts,
        links,
        found,
        ..
    } = listing;
    // A link to a backup that is listed anyway is no second backup.
    facts.backups.extend(
        links
            .into_iter()
            .filter(|(_, target)| !found.contains(target))
            .map(|(item, _)| item),
    );
    Ok(facts)
}

impl Listing<'_> {
    /// Lists one folder; `below` is its path below the root.
    fn walk(&mut self, folder: &Path, below: &str, depth: usize) -> Result<(), Fault> {
        let entries = fs::read_dir(folder).map_err(|error| folder_fault(folder, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| folder_fault(folder, &error))?;
            self.seen += 1;
            if self.seen > MAX_ENTRIES {
                return Err(Fault::new(
                    Cause::TooLarge,
                    format!(
                        "{} holds more than {MAX_ENTRIES} entries",
                        self.facts.source
                    ),
                )
                .hint("point at a folder that holds backups only"));
            }
            let path = entry.path();
            let file = entry.file_name().to_string_lossy().into_owned();
            let name = if below.is_empty() {
                file
            } else {
                format!("{below}/{file}")
            };
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            let metadata = match fs::metadata(&path) {
                Ok(metadata) => metadata,
                Err(_) if is_link => {
                    self.facts.dangling.push(name);
                    continue;
                }
                // Rotation may remove a file while the folder is read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(file_fault(&path, &error)),
            };
            self.entry(&path, name, &metadata, is_link, depth)?;
        }
        Ok(())
    }

    /// Takes in one entry.
    fn entry(
        &mut self,
        path: &Path,
        name: String,
        metadata: &Metadata,
        is_link: bool,
        depth: usize,
    ) -> Result<(), Fault> {
        let wanted = match self.source.entries {
            Entries::Files => metadata.is_file(),
            Entries::Folders => metadata.is_dir(),
        };
        let role = role(&name, &self.unfinished);
        // `app.dump.tmp` is on its way to become `app.dump`.
        let matches = self.pattern.is_match(&name)
            || role == Role::Unfinished
                && name
                    .rsplit_once('.')
                    .is_some_and(|(stem, _)| self.pattern.is_match(stem));
        if !wanted || !matches || role == Role::Companion {
            let deeper = self
                .source
                .pattern
                .as_deref()
                .is_some_and(|pattern| pattern.contains('/') || pattern.contains("**"));
            if metadata.is_dir() && deeper && !is_link && depth < MAX_DEPTH {
                self.walk(path, &name, depth + 1)?;
            }
            return Ok(());
        }
        let (size, changed) = match self.source.entries {
            Entries::Files => (metadata.len(), modified(metadata)),
            Entries::Folders => self.folder(path)?,
        };
        let time = match &self.time {
            Some(reader) => reader.read(&name),
            None => changed,
        };
        let mut item = Item {
            series: self.sorter.series_of(&name),
            name,
            time,
            size: Some(size),
            ..Item::default()
        };
        if role == Role::Unfinished {
            // Its name may not have a time yet, and how long it has been idle is what matters.
            item.time = changed;
            "a temporary name".clone_into(&mut item.unfinished);
            self.facts.incomplete.push(item);
        } else if item.time.is_none() {
            self.facts.undated.push(item.name);
        } else if is_link {
            let target = fs::canonicalize(path).map_err(|error| file_fault(path, &error))?;
            self.links.push((item, target));
        } else {
            if let Ok(real) = fs::canonicalize(path) {
                self.found.insert(real);
            }
            self.facts.backups.push(item);
        }
        Ok(())
    }

    /// Size of everything in a folder, and when anything in it changed last.
    fn folder(&mut self, folder: &Path) -> Result<(u64, Option<Timestamp>), Fault> {
        let (mut size, mut newest) = (0_u64, None);
        for path in files_below(folder, MAX_ENTRIES.saturating_sub(self.seen))? {
            self.seen += 1;
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            size = size.saturating_add(metadata.len());
            newest = newest.max(modified(&metadata));
        }
        if newest.is_none() {
            newest = fs::metadata(folder).ok().and_then(|m| modified(&m));
        }
        Ok((size, newest))
    }
}

/// Every file below a folder; links are not followed.
fn files_below(folder: &Path, limit: usize) -> Result<Vec<PathBuf>, Fault> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).map_err(|error| folder_fault(&next, &error))? {
            let entry = entry.map_err(|error| folder_fault(&next, &error))?;
            let kind = entry
                .file_type()
                .map_err(|error| file_fault(&entry.path(), &error))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
            if files.len() + folders.len() > limit {
                return Err(Fault::new(
                    Cause::TooLarge,
                    format!("{} holds more files than are looked at", folder.display()),
                )
                .hint("archive each backup into one file, or use a `command` source"));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// When a file changed last.
fn modified(metadata: &Metadata) -> Option<Timestamp> {
    metadata
        .modified()
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok())
}

/// The fault of a folder that cannot be listed.
fn folder_fault(folder: &Path, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => Fault::new(
            Cause::Missing,
            format!("the folder {} does not exist", folder.display()),
        )
        .hint("check the path, and whether the storage behind it is mounted"),
        io::ErrorKind::PermissionDenied => Fault::new(
            Cause::Denied,
            format!("the folder {} may not be listed", folder.display()),
        )
        .hint("give the user that runs readyctl permission to list it"),
        _ => file_fault(folder, error),
    }
}

/// What is to be looked at in one backup.
#[derive(Clone, Debug)]
pub(super) struct Look {
    /// Read it through as this format.
    pub(super) format: Option<Format>,
    /// Compare its checksum file.
    pub(super) checksum: bool,
    /// How far reading may go.
    pub(super) limits: Limits,
}

/// Looks closely at one backup below the folder.
pub(super) fn look(root: &Path, item: &Item, look: &Look) -> Closer {
    let path = root.join(&item.name);
    let mut closer = Closer {
        name: item.name.clone(),
        integrity: None,
        file: None,
        checksum: None,
    };
    if let Some(format) = look.format {
        if path.is_dir() {
            (closer.integrity, closer.file) = folder_through(&path, look);
        } else {
            closer.integrity = Some(through(&path, format, look));
        }
    }
    if look.checksum {
        closer.checksum = Some(compare(&path, look));
    }
    closer
}

/// Reads one file through.
fn through(path: &Path, format: Format, look: &Look) -> Integrity {
    match File::open(path) {
        Ok(file) => archive::verify(file, format, &look.limits),
        Err(error) => unreadable(error.to_string()),
    }
}

/// The outcome for a file that cannot be opened.
fn unreadable(detail: String) -> Integrity {
    Integrity {
        layers: Vec::new(),
        state: State::Unreadable,
        detail,
        read: 0,
        content: 0,
        dump: None,
    }
}

/// Reads the files of a folder through; the first that is not whole is the answer.
fn folder_through(folder: &Path, look: &Look) -> (Option<Integrity>, Option<String>) {
    let files = match files_below(folder, 20_000) {
        Ok(files) => files,
        Err(fault) => return (Some(unreadable(fault.message)), None),
    };
    let shown = |path: &Path| {
        path.strip_prefix(folder)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    let mut sum: Option<Integrity> = None;
    let mut limits = look.clone();
    for path in &files {
        let name = shown(path);
        if name == "toc.dat" {
            if let Some(missing) = missing_of_directory_dump(folder, path) {
                return (Some(missing), Some(name));
            }
            continue;
        }
        let seen = through(path, Format::Auto, &limits);
        limits.limits.bytes = limits.limits.bytes.saturating_sub(seen.read);
        match seen.state {
            // Settings, manifests and other small files have no format of their own.
            State::Unrecognised => {}
            State::Empty if seen.layers.is_empty() => {}
            State::Complete | State::Empty => {
                let sum = sum.get_or_insert_with(|| Integrity {
                    read: 0,
                    content: 0,
                    state: State::Complete,
                    ..seen.clone()
                });
                sum.read += seen.read;
                sum.content += seen.content;
            }
            _ => return (Some(seen), Some(name)),
        }
    }
    (sum, None)
}

/// A file that a directory dump refers to and that is not there.
fn missing_of_directory_dump(folder: &Path, toc: &Path) -> Option<Integrity> {
    let mut bytes = Vec::new();
    let read = File::open(toc).and_then(|file| file.take(1 << 30).read_to_end(&mut bytes));
    if let Err(error) = read {
        return Some(unreadable(error.to_string()));
    }
    let mut outcome = unreadable(String::new());
    match archive::files_of_directory_dump(&mut bytes.as_slice()) {
        Err(detail) => {
            outcome.state = State::Corrupt;
            outcome.detail = detail;
        }
        Ok(files) => {
            let there = |file: &String| {
                ["", ".gz", ".lz4", ".zst"]
                    .iter()
                    .any(|end| folder.join(format!("{file}{end}")).is_file())
            };
            let missing = files.iter().find(|file| !there(file))?;
            outcome.state = State::Truncated;
            outcome.detail = format!("the table of contents refers to {missing}, which is missing");
        }
    }
    Some(outcome)
}

/// Compares a file with its checksum file.
fn compare(path: &Path, look: &Look) -> Checksum {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
        return Checksum::Absent;
    };
    let beside = |file: String| path.with_file_name(file);
    let own = [
        beside(format!("{name}.sha256")),
        beside(format!("{name}.sha256sum")),
    ];
    let shared = [beside("SHA256SUMS".to_owned())];
    let found = own
        .iter()
        .map(|path| (path, true))
        .chain(shared.iter().map(|path| (path, false)))
        .find(|(path, _)| path.exists());
    let Some((sums, is_own)) = found else {
        return Checksum::Absent;
    };
    let Some(stated) = stated_sum(sums, &name, is_own) else {
        return Checksum::Unreadable;
    };
    match sum_of(path, &look.limits) {
        Ok(Some(sum)) if sum.eq_ignore_ascii_case(&stated) => Checksum::Matches,
        Ok(Some(_)) => Checksum::Differs,
        Ok(None) => Checksum::TooLarge,
        Err(_) => Checksum::Unreadable,
    }
}

/// The checksum written down for a name; a file for it alone need not repeat the name.
fn stated_sum(sums: &Path, name: &str, is_own: bool) -> Option<String> {
    let mut text = String::new();
    File::open(sums)
        .ok()?
        .take(MAX_SUMS)
        .read_to_string(&mut text)
        .ok()?;
    let is_sum = |word: &str| word.len() == 64 && word.chars().all(|c| c.is_ascii_hexdigit());
    let lines: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| {
            let (sum, rest) = line
                .trim_start_matches('\\')
                .split_once(char::is_whitespace)
                .unwrap_or((line.trim(), ""));
            is_sum(sum).then(|| (sum, rest.trim().trim_start_matches('*')))
        })
        .collect();
    lines
        .iter()
        .find(|(_, of)| of.rsplit('/').next() == Some(name))
        .or_else(|| lines.first().filter(|_| is_own && lines.len() == 1))
        .map(|(sum, _)| (*sum).to_owned())
}

/// The SHA-256 of a file; `None` when it is too large or takes too long.
fn sum_of(path: &Path, limits: &Limits) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 16];
    let mut read = 0_u64;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        read += count as u64;
        let stopped = limits.stop.load(std::sync::atomic::Ordering::Relaxed);
        if read > limits.bytes || stopped || std::time::Instant::now() >= limits.until {
            return Ok(None);
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
    Ok(Some(
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    ))
}
