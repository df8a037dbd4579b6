//! Looks through the latest commits for secrets that were added once and may be gone again.

use super::Secrets;
use super::facts::{FileHit, History};
use super::files::scanner;
use super::paths::Patterns;
use super::run::Repository;
use crate::leaks::{Place, Scanner};
use crate::outcome::{Cause, Fault};

/// The most matches that are listed.
const MAX_HITS: usize = 50;

/// Looks through the history.
///
/// # Errors
/// When git fails, or the commits are too large to look at.
pub(super) async fn look(
    secrets: &Secrets,
    repository: &Repository<'_>,
    any: bool,
) -> Result<History, Fault> {
    if !any {
        return Ok(History::default());
    }
    let most = format!("--max-count={}", secrets.history);
    let log = [
        "log",
        "--all",
        "--patch",
        "--unified=0",
        "--no-textconv",
        "--no-ext-diff",
        "--no-color",
        "--no-renames",
        "--no-show-signature",
        "--no-notes",
        "--ignore-submodules=all",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        "--format=commit %H",
        &most,
    ];
    let printed =
        repository
            .ask(&log)
            .await
            .map_err(|fault| {
                match fault.cause {
        Cause::TooLarge => Fault::new(
            Cause::TooLarge,
            format!("the last {} commits change more than can be looked at", secrets.history),
        )
        .hint("lower `history`, and have the whole history scanned once by a tool made for that"),
        _ => fault,
    }
            })?;
    let mut reader = Reader {
        scanner: scanner(secrets),
        exclude: Patterns::new(&secrets.exclude).unwrap_or_default(),
        history: History::default(),
        commit: String::new(),
        path: None,
        hunk: Hunk::default(),
    };
    for line in printed.split(|byte| *byte == b'\n') {
        reader.line(&String::from_utf8_lossy(line));
    }
    reader.end_of_hunk();
    Ok(reader.history)
}

/// Lines that a change adds in one place.
#[derive(Default)]
struct Hunk {
    /// Line number of the first.
    first: u32,
    /// Removed lines still to come.
    removed: u32,
    /// Added lines still to come.
    added: u32,
    /// The added lines.
    text: String,
}

/// Reads a log with patches.
struct Reader {
    /// The rules.
    scanner: Scanner,
    /// Files that are not looked at.
    exclude: Patterns,
    /// What was found.
    history: History,
    /// The commit, abbreviated.
    commit: String,
    /// The file; `None` when it is excluded or removed.
    path: Option<String>,
    /// The lines being collected.
    hunk: Hunk,
}

impl Reader {
    /// Takes a line.
    fn line(&mut self, line: &str) {
        if self.hunk.removed > 0 && line.starts_with('-') {
            self.hunk.removed -= 1;
        } else if self.hunk.added > 0 && line.starts_with('+') {
            self.hunk.added -= 1;
            self.hunk.text.push_str(&line[1..]);
            self.hunk.text.push('\n');
        } else if line.starts_with('\\') {
            // "No newline at end of file" belongs to the hunk.
        } else if let Some(name) = line.strip_prefix("commit ") {
            self.end_of_hunk();
            self.commit = name.chars().take(12).collect();
            self.history.commits += 1;
        } else if let Some(path) = line.strip_prefix("+++ ") {
            self.end_of_hunk();
            self.path = path
                .strip_prefix("b/")
                .map(|path| path.trim_end_matches('\t').to_owned())
                .filter(|path| !self.exclude.fits(path));
        } else if let Some(place) = line.strip_prefix("@@ -") {
            self.end_of_hunk();
            self.hunk = read_place(place);
        }
    }

    /// Scans what was collected.
    fn end_of_hunk(&mut self) {
        let hunk = std::mem::take(&mut self.hunk);
        let Some(path) = self.path.as_ref().filter(|_| !hunk.text.is_empty()) else {
            return;
        };
        for mut hit in self
            .scanner
            .scan(&hunk.text, Place::of(path), MAX_HITS)
            .hits
        {
            hit.line = hit.line.saturating_add(hunk.first).saturating_sub(1);
            if self.history.hits.len() >= MAX_HITS {
                self.history.more += 1;
                continue;
            }
            let found = FileHit {
                path: path.clone(),
                committed_only: true,
                hit,
            };
            self.history.hits.push((self.commit.clone(), found));
        }
    }
}

/// `1,2 +3,4 @@ …`: removed and added lines.
fn read_place(text: &str) -> Hunk {
    let mut words = text.split(' ');
    let mut range = || {
        let word = words.next().unwrap_or_default().trim_start_matches('+');
        let (first, count) = word.split_once(',').unwrap_or((word, "1"));
        (first.parse().unwrap_or(0), count.parse().unwrap_or(0))
    };
    let ((_, removed), (first, added)): ((u32, u32), (u32, u32)) = (range(), range());
    Hunk {
        first,
        removed,
        added,
        text: String::new(),
    }
}
