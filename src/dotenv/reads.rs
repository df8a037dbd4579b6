//! Which variables source code reads, found by the usual calls of each language.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use globset::GlobSet;
use regex::Regex;

use crate::outcome::{Cause, Fault};

/// Entries of folders that are looked at.
const MAX_ENTRIES: usize = 50_000;
/// Files that are read.
const MAX_FILES: usize = 5_000;
/// Larger files are generated and not read.
const MAX_BYTES: u64 = 1 << 20;
/// Depth of folders.
const MAX_DEPTH: usize = 24;

/// Folders that hold other people's code.
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

/// Variables that systems set, not people.
const SYSTEM: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "PWD",
    "SHELL",
    "TMPDIR",
    "TEMP",
    "TMP",
    "LANG",
    "LC_ALL",
    "TERM",
    "HOSTNAME",
    "CI",
    "OUT_DIR",
    "APPDATA",
    "USERPROFILE",
    "NO_COLOR",
    "COLUMNS",
    "EDITOR",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "GITHUB_ACTIONS",
];

/// The calls that read a variable: Python, JavaScript, Rust, Go, Ruby, PHP and Java.
static CALLS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let quoted = r#"["'`]([A-Za-z_][A-Za-z0-9_]*)["'`]"#;
    let forms = [
        format!(r"\bos\.(?:getenv|environ(?:\.(?:get|pop|setdefault))?)\s*[\[(]\s*{quoted}"),
        r"\bprocess\.env(?:\.|\?\.)([A-Za-z_][A-Za-z0-9_]*)".to_owned(),
        format!(r"\bprocess\.env\[\s*{quoted}"),
        r"\bimport\.meta\.env\.([A-Z_][A-Z0-9_]*)".to_owned(),
        format!(r"\benv::var(?:_os)?\(\s*{quoted}"),
        format!(r"\b(?:option_)?env!\(\s*{quoted}"),
        format!(r"\bos\.(?:Getenv|LookupEnv)\(\s*{quoted}"),
        format!(r"\bENV(?:\.fetch)?[\[(]\s*{quoted}"),
        format!(r"\bgetenv\(\s*{quoted}"),
        format!(r"\bDeno\.env\.get\(\s*{quoted}"),
    ];
    Regex::new(&forms.join("|")).ok()
});

/// The variables that the files under `folder` matching `sources` read, each with the first place.
///
/// # Errors
/// A fault when no file matches, or there are too many to look at all: half an answer is none.
pub(crate) fn reads(
    folder: &Path,
    sources: &GlobSet,
) -> Result<BTreeMap<String, (String, u32)>, Fault> {
    let mut found = BTreeMap::new();
    let mut files = 0_usize;
    let mut entries = 0_usize;
    let mut pending: Vec<(PathBuf, usize)> = vec![(folder.to_owned(), 0)];
    while let Some((at, depth)) = pending.pop() {
        let Ok(listing) = std::fs::read_dir(&at) else {
            if depth == 0 {
                return Err(none(folder));
            }
            continue;
        };
        for entry in listing.flatten() {
            entries += 1;
            if entries > MAX_ENTRIES || files > MAX_FILES {
                return Err(Fault::new(
                    Cause::TooLarge,
                    format!("{}: too many files match `sources`", folder.display()),
                )
                .hint("name the folders of the application's own code, `backend/**/*.py`"));
            }
            // A link may lead anywhere, also in circles.
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let path = entry.path();
            let relative = path.strip_prefix(folder).unwrap_or(&path);
            let name = entry.file_name();
            if kind.is_dir() && depth < MAX_DEPTH {
                if !FOREIGN.iter().any(|foreign| name == *foreign) {
                    pending.push((path, depth + 1));
                }
            } else if kind.is_file() && sources.is_match(relative) {
                files += 1;
                read_file(&path, &relative.display().to_string(), &mut found);
            }
        }
    }
    if files == 0 {
        return Err(none(folder));
    }
    Ok(found)
}

/// No file matches: nothing was looked at.
fn none(folder: &Path) -> Fault {
    Fault::new(
        Cause::Missing,
        format!("{}: no file matches `sources`", folder.display()),
    )
    .hint("the patterns are relative to the working directory: `src/**/*.py`")
}

/// Adds what one file reads.
fn read_file(path: &Path, shown: &str, found: &mut BTreeMap<String, (String, u32)>) {
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() > MAX_BYTES) {
        return;
    }
    let Ok(bytes) = std::fs::read(path) else {
        return;
    };
    let text = String::from_utf8_lossy(&bytes);
    for (name, line) in reads_of(&text) {
        found
            .entry(name)
            .or_insert_with(|| (shown.to_owned(), u32::try_from(line).unwrap_or(u32::MAX)));
    }
}

/// The variables that source code reads by the usual calls, each with its line; those of systems are
/// left out, and so are comments that fill a line.
pub(crate) fn reads_of(text: &str) -> Vec<(String, usize)> {
    let Some(calls) = CALLS.as_ref() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let start = content.trim_start();
        let comment = start.starts_with("//")
            || start.starts_with("* ")
            || (start.starts_with('#') && !start.starts_with("#["));
        if comment {
            continue;
        }
        for call in calls.captures_iter(content) {
            if let Some(name) = call.iter().skip(1).flatten().next()
                && !is_system(name.as_str())
            {
                found.push((name.as_str().to_owned(), line));
            }
        }
    }
    found
}

/// Whether systems set the variable, not people.
pub(crate) fn is_system(name: &str) -> bool {
    SYSTEM.contains(&name) || name.starts_with("CARGO_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_calls_of_each_language_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "src/a.py",
            "import os\nos.environ[\"A\"]\nos.getenv('B', 'x')\nos.environ.get('C')\n",
        );
        write(
            "src/b.ts",
            "process.env.D; process.env['E']; import.meta.env.VITE_F\n",
        );
        write("src/c.rs", "std::env::var(\"G\"); env::var_os(\"H\")\n");
        write("src/d.go", "os.Getenv(\"I\"); os.LookupEnv(\"J\")\n");
        write("src/e.rb", "ENV['K']; ENV.fetch(\"L\")\n");
        write("src/node_modules/x.ts", "process.env.FOREIGN\n");
        write("src/f.py", "os.environ['PATH']; environment['NO']\n");
        let set = |pattern: &str| {
            globset::GlobSetBuilder::new()
                .add(globset::Glob::new(pattern).unwrap())
                .build()
                .unwrap()
        };
        let found = reads(folder.path(), &set("src/**")).unwrap();
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "A", "B", "C", "D", "E", "G", "H", "I", "J", "K", "L", "VITE_F"
            ]
        );
        assert_eq!(found["B"], ("src/a.py".to_owned(), 3));
        assert!(reads(folder.path(), &set("nowhere/**")).is_err());
    }
}
