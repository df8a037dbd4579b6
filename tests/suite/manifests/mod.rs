//! Deployment manifests and pipelines: the sections of the kind `file`, on real file trees.

mod compose;
mod dockerfile;
mod fly;
mod kubernetes;
mod packs;
mod pipeline;

use crate::support::cli::{Run, audit_command};

/// A run of one check with a section, over the files.
fn look(section: &str, files: &[(&str, &str)]) -> Run {
    let block: String = section
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    let profile = format!("version: 1\nname: t\nchecks:\n  - id: it\n    file:\n{block}");
    let mut run = audit_command(&profile);
    for (path, text) in files {
        run = run.file(path, text);
    }
    run.run()
}

/// The files with one of them changed: `from` in it becomes `to`.
fn changed<'a>(
    files: &[(&'a str, &str)],
    path: &str,
    from: &str,
    to: &str,
) -> Vec<(&'a str, String)> {
    files
        .iter()
        .map(|(name, text)| {
            if *name != path {
                return (*name, (*text).to_owned());
            }
            assert!(text.contains(from), "{path} has no {from}");
            (*name, text.replacen(from, to, 1))
        })
        .collect()
}

/// The same files as borrowed text.
fn borrowed<'a>(files: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect()
}

/// Fails the test unless the change makes the check red with this code and no other.
#[track_caller]
fn assert_change(
    section: &str,
    files: &[(&str, &str)],
    (path, from, to): (&str, &str, &str),
    code: &str,
) {
    let files = changed(files, path, from, to);
    let run = look(section, &borrowed(&files));
    crate::support::verdicts::assert_red(&run, "it", code);
    let codes = run.codes("it");
    assert!(codes.iter().all(|found| found == code), "{codes:?}\n{run}");
}
