//! The checked-out commit of a Git repository, read from its files: no program is run.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::outcome::{Cause, Fault};
use crate::profile::sign_off::is_commit;

/// Most bytes of a file of Git's that are read; `packed-refs` can be long.
const MAX: u64 = 8 << 20;
/// How often one reference may point at another.
const HOPS: usize = 5;

/// The commit that is checked out in `folder` or, as Git looks it up, in a folder above it.
///
/// # Errors
/// When there is no repository or its files are not understood.
pub(crate) fn head(folder: &Path) -> Result<String, Fault> {
    let start = fs::canonicalize(folder).map_err(|e| crate::net::file_fault(folder, &e))?;
    let dot_git = start
        .ancestors()
        .map(|folder| folder.join(".git"))
        .find(|path| path.exists())
        .ok_or_else(|| {
            Fault::new(
                Cause::Missing,
                format!("{} is no Git repository", folder.display()),
            )
            .hint("name the folder of a working copy, or give the commit itself")
        })?;
    let unclear = || {
        Fault::new(
            Cause::Unparseable,
            format!(
                "the checked-out commit of {} cannot be read",
                folder.display()
            ),
        )
        .hint("check something out there, or give the commit itself")
    };
    let git = if dot_git.is_file() {
        // A linked working copy or a submodule.
        let text = text(&dot_git).ok_or_else(unclear)?;
        let path = text.trim().strip_prefix("gitdir:").ok_or_else(unclear)?;
        dot_git.with_file_name(path.trim())
    } else {
        dot_git
    };
    let common = text(&git.join("commondir"))
        .map_or_else(|| git.clone(), |path| git.join(PathBuf::from(path.trim())));
    let mut value = text(&git.join("HEAD")).ok_or_else(unclear)?;
    for _ in 0..HOPS {
        let Some(name) = value
            .trim()
            .strip_prefix("ref:")
            .map(|n| n.trim().to_owned())
        else {
            let id = value.trim().to_lowercase();
            return if is_commit(&id) && id.len() >= 40 {
                Ok(id)
            } else {
                Err(unclear())
            };
        };
        if !name.starts_with("refs/") || name.split('/').any(|part| part == "..") {
            return Err(unclear());
        }
        value = [git.join(&name), common.join(&name)]
            .iter()
            .find_map(|path| text(path))
            .or_else(|| packed(&common, &name))
            .ok_or_else(unclear)?;
    }
    Err(unclear())
}

/// A reference from the list of packed ones.
fn packed(git: &Path, name: &str) -> Option<String> {
    text(&git.join("packed-refs"))?.lines().find_map(|line| {
        let (id, reference) = line.split_once(' ')?;
        (reference == name).then(|| id.to_owned())
    })
}

/// A small file; `None` when it is none, too large or no text.
fn text(path: &Path) -> Option<String> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let mut file = fs::File::open(path).ok()?.take(MAX + 1);
    file.read_to_string(&mut text).ok()?;
    (text.len() as u64 <= MAX).then_some(text)
}
