//! Looks at a repository.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::facts::{Ages, Changes, Facts, Files, Ignored, Wanted};
use super::files::Search;
use super::paths::{Patterns, folder_of};
use super::run::{Repository, fields};
use super::{Clean, Git, MAX_FILES, history};
use crate::context::Context;
use crate::outcome::{Cause, Fault};

/// The most committed versions that are read because the working tree differs.
pub(super) const MAX_BLOBS: u32 = 40;
/// The most paths that are listed.
const MAX_LISTED: usize = 50;

/// A tracked file.
struct Entry {
    /// Its committed content.
    object: String,
    /// Its path.
    path: String,
}

/// Sets the flag when the one who waits goes away.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks at everything the check asks for.
///
/// # Errors
/// When there is no repository, no git, or git fails.
pub(super) async fn look(spec: &Git, cx: &Context) -> Result<Facts, Fault> {
    let (repository, shallow) = Repository::open(cx, &spec.path).await?;
    let mut facts = Facts {
        repository: spec.path.clone(),
        shallow,
        head: head(&repository).await?,
        ..Facts::default()
    };
    let entries = tracked(&repository, &mut facts).await?;
    let unwanted = compiled(&spec.not_tracked);
    facts.unwanted = entries
        .iter()
        .filter(|entry| unwanted.fits(&entry.path))
        .map(|entry| entry.path.clone())
        .collect();
    if spec.secrets.is_some() || spec.data.is_some() {
        facts.files = Some(read(spec, cx, &repository, &entries).await?);
    }
    if let Some(secrets) = spec.secrets.as_ref().filter(|secrets| secrets.history > 0) {
        facts.history = Some(history::look(secrets, &repository, facts.head.is_some()).await?);
    }
    let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    for pattern in &spec.tracked {
        let mut wanted = count(pattern, &paths);
        if let Some(folder) = folder_of(pattern) {
            let others = [
                "ls-files",
                "--others",
                "--exclude-standard",
                "-z",
                "--",
                folder,
            ];
            wanted.untracked = repository.list(&others).await?;
            wanted.untracked.truncate(MAX_LISTED);
        }
        facts.wanted.push(wanted);
    }
    facts.ignored = ignored(spec, &repository).await?;
    facts.at = at(spec, &repository).await?;
    if let Some(clean) = spec.clean {
        facts.changes = Some(changes(clean, &repository).await?);
    }
    if spec.tag.is_some() && facts.head.is_some() {
        let tags = [
            "for-each-ref",
            "--points-at=HEAD",
            "--format=%(refname:short)",
            "refs/tags",
        ];
        let printed = repository.ask(&tags).await?;
        let printed = String::from_utf8_lossy(&printed).into_owned();
        facts.tags = Some(printed.lines().map(str::to_owned).collect());
    }
    for pair in &spec.not_older {
        facts.ages.push(Ages {
            path: committed(&repository, &pair.path).await?,
            than: committed(&repository, &pair.than).await?,
        });
    }
    Ok(facts)
}

/// Compiles patterns that were looked at when the profile was loaded.
fn compiled(patterns: &[String]) -> Patterns {
    Patterns::new(patterns).unwrap_or_default()
}

/// How many paths a pattern fits.
fn count(pattern: &str, paths: &[&str]) -> Wanted {
    let glob = compiled(&[pattern.to_owned()]);
    Wanted {
        pattern: pattern.to_owned(),
        files: paths.iter().filter(|path| glob.fits(path)).count(),
        untracked: Vec::new(),
    }
}

/// The last commit, if there is one.
async fn head(repository: &Repository<'_>) -> Result<Option<String>, Fault> {
    let ran = repository
        .run(&["rev-parse", "--short=12", "--verify", "--quiet", "HEAD"])
        .await?;
    let name = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
    Ok((ran.code == Some(0) && !name.is_empty()).then_some(name))
}

/// The tracked files, without links and submodules.
async fn tracked(repository: &Repository<'_>, facts: &mut Facts) -> Result<Vec<Entry>, Fault> {
    let mut entries = Vec::new();
    for line in repository.list(&["ls-files", "--stage", "-z"]).await? {
        let Some((about, path)) = line.split_once('\t') else {
            continue;
        };
        let mut words = about.split(' ');
        let (mode, object) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        if mode == "160000" {
            facts.submodules.push(path.to_owned());
        } else {
            entries.push(Entry {
                // A link has no content of its own.
                object: if mode == "120000" {
                    String::new()
                } else {
                    object.to_owned()
                },
                path: path.to_owned(),
            });
        }
    }
    // In a conflict a path has several versions.
    entries.dedup_by(|a, b| a.path == b.path);
    facts.tracked = entries.len();
    if entries.len() > MAX_FILES as usize {
        return Err(Fault::new(
            Cause::TooLarge,
            format!(
                "{}: more than {MAX_FILES} files are tracked",
                facts.repository
            ),
        )
        .hint("name a part of the repository with `path`"));
    }
    Ok(entries)
}

/// Reads the tracked files, and the committed versions of those that differ from it.
async fn read(
    spec: &Git,
    cx: &Context,
    repository: &Repository<'_>,
    entries: &[Entry],
) -> Result<Files, Fault> {
    let stop = StopOnDrop(Arc::default());
    let search = Arc::new(Search::new(
        spec,
        cx.folder.join(&spec.path),
        Arc::clone(&stop.0),
    ));
    let files: Vec<&Entry> = entries
        .iter()
        .filter(|entry| !entry.object.is_empty())
        .collect();
    let paths: Vec<String> = files.iter().map(|entry| entry.path.clone()).collect();
    let reading = tokio::task::spawn_blocking({
        let search = Arc::clone(&search);
        move || search.all(&paths)
    });
    let (reading, modified) = tokio::join!(
        cx.within(&spec.path, reading),
        repository.list(&["ls-files", "--modified", "-z"])
    );
    let (mut seen, missing) = reading?.map_err(|_| {
        Fault::new(
            Cause::Internal,
            format!("{}: reading the files failed", spec.path),
        )
    })?;
    let modified: std::collections::HashSet<String> = modified?.into_iter().collect();
    let mut left = MAX_BLOBS;
    for (at, entry) in files.iter().enumerate() {
        let absent = missing.binary_search(&at).is_ok();
        if !absent && !modified.contains(&entry.path) {
            continue;
        }
        if left == 0 {
            let why = "the committed version differs and was not read".to_owned();
            seen.unread.push((entry.path.clone(), why));
            continue;
        }
        left -= 1;
        let bytes = repository.ask(&["cat-file", "blob", &entry.object]).await?;
        let mut committed = Files::default();
        search.bytes(
            &entry.path,
            &bytes,
            bytes.len() as u64,
            true,
            &mut committed,
        );
        seen.add_committed(committed);
    }
    seen.settle();
    Ok(seen)
}

impl Files {
    /// Adds what only a committed version holds.
    fn add_committed(&mut self, committed: Self) {
        for found in committed.hits {
            let known = self
                .hits
                .iter()
                .any(|own| own.path == found.path && own.hit.rule == found.hit.rule);
            if !known {
                self.hits.push(found);
            }
        }
        for file in committed.data {
            if !self.data.iter().any(|own| own.path == file.path) {
                self.data.push(file);
            }
        }
        self.read += committed.read;
    }
}

/// What covers the paths that must be ignored.
async fn ignored(spec: &Git, repository: &Repository<'_>) -> Result<Vec<Ignored>, Fault> {
    if spec.ignored.is_empty() {
        return Ok(Vec::new());
    }
    let mut arguments = vec!["check-ignore", "--verbose", "--no-index", "-z", "--"];
    arguments.extend(spec.ignored.iter().map(String::as_str));
    // `-z` without `--stdin` is refused by older releases; names with line ends are not asked for.
    arguments.remove(3);
    let ran = repository.run(&arguments).await?;
    if !matches!(ran.code, Some(0 | 1)) {
        return Err(repository.failed(&arguments, &ran));
    }
    let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
    let covered: Vec<(&str, &str)> = printed
        .lines()
        .filter_map(|line| {
            let (rule, path) = line.rsplit_once('\t')?;
            let mut parts = rule.splitn(3, ':');
            let (source, pattern) = (parts.next()?, parts.nth(1)?);
            (!pattern.starts_with('!')).then_some((path, source))
        })
        .collect();
    Ok(spec
        .ignored
        .iter()
        .map(|path| {
            let by = covered
                .iter()
                .find(|(own, _)| own == path)
                .map(|(_, source)| (*source).to_owned());
            Ignored {
                path: path.clone(),
                shared: by
                    .as_ref()
                    .is_some_and(|source| source.ends_with(".gitignore")),
                by,
            }
        })
        .collect())
}

/// The files of a revision.
async fn at(spec: &Git, repository: &Repository<'_>) -> Result<Option<Vec<Wanted>>, Fault> {
    let Some(at) = &spec.at else {
        return Ok(None);
    };
    let name = format!("{}^{{commit}}", at.revision);
    let known = repository
        .run(&[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &name,
        ])
        .await?;
    if known.code != Some(0) {
        return Ok(None);
    }
    let commit = String::from_utf8_lossy(&known.stdout).trim().to_owned();
    let paths = fields(
        &repository
            .ask(&["ls-tree", "-r", "-z", "--name-only", &commit])
            .await?,
    );
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    Ok(Some(
        at.files
            .iter()
            .map(|pattern| count(pattern, &paths))
            .collect(),
    ))
}

/// What differs from the last commit.
async fn changes(clean: Clean, repository: &Repository<'_>) -> Result<Changes, Fault> {
    let untracked = match clean {
        Clean::Tracked => "--untracked-files=no",
        Clean::All => "--untracked-files=normal",
    };
    // Looking into submodules would use their own configuration.
    let status = [
        "status",
        "--porcelain",
        "-z",
        "--no-renames",
        "--ignore-submodules=all",
        untracked,
    ];
    let mut changes = Changes::default();
    for line in repository.list(&status).await? {
        let (state, path) = line.split_at_checked(3).unwrap_or(("", &line));
        let list = if state.starts_with("??") {
            &mut changes.untracked
        } else {
            &mut changes.tracked
        };
        list.push(path.to_owned());
    }
    Ok(changes)
}

/// When a path was last committed.
async fn committed(repository: &Repository<'_>, path: &str) -> Result<Option<i64>, Fault> {
    let log = [
        "log",
        "-1",
        "--format=%ct",
        "--no-show-signature",
        "--",
        path,
    ];
    let ran = repository.run(&log).await?;
    // Without any commit there is nothing to list.
    let printed = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
    if ran.code != Some(0) && !ran.stderr.contains("does not have any commits") {
        return Err(repository.failed(&log, &ran));
    }
    Ok(printed.parse().ok())
}
