//! `.env` files: what stands in them, where exactly, and what each loader makes of it.
//!
//! There is no standard, so there is no one right reading. [`syntax`] is readyctl's own reading with
//! exact places; [`dialect`] models six loaders; [`inspect`] compares them and looks for what makes
//! a file read differently from what its author meant. Values never leave this module by way of a
//! message: findings speak of [`shape::Shape`]s.

pub(crate) mod dialect;
pub(crate) mod expired;
pub(crate) mod inspect;
pub(crate) mod known;
pub(crate) mod problem;
pub(crate) mod reads;
pub(crate) mod shape;
pub(crate) mod syntax;
pub(crate) mod text;
pub(crate) mod values;
pub(crate) mod verdict;

use std::path::Path;

use crate::outcome::{Cause, Fault};

/// The largest file that is read; longer ones are not `.env` files.
pub(crate) const MAX_BYTES: u64 = 1 << 20;

/// One variable of a file as readyctl reads it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: String,
    /// Its value: quotes removed, escapes and `${…}` resolved.
    pub(crate) value: String,
    /// Line of the name, from 1.
    pub(crate) line: u32,
    /// Column of the name in characters, from 1.
    pub(crate) column: u32,
}

impl std::fmt::Debug for Entry {
    /// Without the value: it may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}:{}", self.name, self.line, self.column)
    }
}

/// Reads a file for `--env-file`: every variable once, the last assignment wins, in file order.
///
/// `${NAME}` and `${NAME:-default}` outside single quotes are resolved from the file itself and
/// then from this process; a bare `$NAME` stays as it is, because a password with a dollar sign is
/// more likely than a reference.
///
/// # Errors
/// A fault with `file:line:column` when the file cannot be read, decoded or understood completely:
/// half a file is no environment.
pub(crate) fn load(path: &Path) -> Result<Vec<Entry>, Fault> {
    let bytes = read(path)?;
    entries(&path.display().to_string(), &bytes, &|name| {
        std::env::var(name).ok()
    })
}

/// Decodes and parses the bytes of the file called `shown`; see [`load`].
///
/// # Errors
/// As [`load`].
pub(crate) fn entries(
    shown: &str,
    bytes: &[u8],
    outside: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Entry>, Fault> {
    let decoded = text::decode(bytes).map_err(|error| error.fault(shown))?;
    let document = syntax::parse(&decoded.text);
    if let Some(problem) = document.problems.iter().find(|p| p.kind.is_fatal()) {
        return Err(Fault::new(
            Cause::Unparseable,
            format!(
                "{shown}:{}:{}: {}",
                problem.line,
                problem.column,
                problem.kind.sentence()
            ),
        )
        .code("ENV-26")
        .hint(problem.kind.advice()));
    }
    let mut entries: Vec<Entry> = Vec::new();
    for statement in &document.statements {
        let value = statement.resolved(&|name| {
            entries
                .iter()
                .find(|e| e.name == name)
                .map(|e| e.value.clone())
                .or_else(|| outside(name))
        });
        let entry = Entry {
            name: statement.name.clone(),
            value,
            line: statement.line,
            column: statement.column,
        };
        entries.retain(|earlier| earlier.name != entry.name);
        entries.push(entry);
    }
    Ok(entries)
}

/// Reads the bytes of a file, at most [`MAX_BYTES`].
///
/// # Errors
/// ENV-26: missing, not allowed, not a regular file, too large.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    use std::io::Read as _;
    let shown = path.display();
    let fault = |error: &std::io::Error| {
        let (cause, hint) = match error.kind() {
            std::io::ErrorKind::NotFound => (
                Cause::Missing,
                "see whether the path is right; it is relative to the working directory",
            ),
            std::io::ErrorKind::PermissionDenied => (
                Cause::Denied,
                "run readyctl as a user who may read the file",
            ),
            _ => (Cause::Missing, "see whether it is a readable file"),
        };
        Fault::new(cause, format!("{shown}: cannot be read: {error}"))
            .code("ENV-26")
            .hint(hint)
    };
    let meta = std::fs::metadata(path).map_err(|error| fault(&error))?;
    // A named pipe would block for ever and a device never ends.
    if !meta.is_file() {
        return Err(
            Fault::new(Cause::Missing, format!("{shown}: is not a file"))
                .code("ENV-26")
                .hint("name the file itself"),
        );
    }
    let file = std::fs::File::open(path).map_err(|error| fault(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| fault(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Fault::new(
            Cause::TooLarge,
            format!("{shown}: is larger than 1 MiB, which no .env file is"),
        )
        .code("ENV-26")
        .hint("name the right file"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> Vec<(String, String, u32, u32)> {
        entries("f", text.as_bytes(), &|_| None)
            .unwrap()
            .into_iter()
            .map(|e| (e.name, e.value, e.line, e.column))
            .collect()
    }

    #[test]
    fn every_variable_comes_once_with_its_place() {
        let seen = loaded(
            "# c\n\nA=1\n  export B='x y' # c\nC=\"two\nlines\"\nD=${A}${NO:-d}$A\nA=2\nE=v # c\nF=v#c\n",
        );
        let expected = [
            ("B", "x y", 4, 10),
            ("C", "two\nlines", 5, 1),
            ("D", "1d$A", 7, 1),
            ("A", "2", 8, 1),
            ("E", "v", 9, 1),
            ("F", "v#c", 10, 1),
        ]
        .map(|(n, v, l, c)| (n.to_owned(), v.to_owned(), l, c));
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_cannot_be_understood_is_a_fault_with_its_place() {
        for (bytes, place) in [
            (&b"A=1\nB\n"[..], "f:2:1"),
            (b"A='never closed\n", "f:1:3"),
            (b"A=\"x\" y\n", "f:1:7"),
            (b"A=\xff\n", "f:1:3"),
            (b"A=1\nB=x\0y\n", "f:2:4"),
            (b"\xff\xfeA\0=\x001\0", "f: "),
            (b"A\0=\x001\0\n\0", "f: "),
            (b"1A=x\n", "f:1:1"),
        ] {
            let fault = entries("f", bytes, &|_| None).unwrap_err();
            assert!(fault.message.starts_with(place), "{}", fault.message);
            assert_eq!(fault.code.as_deref(), Some("ENV-26"));
            assert!(fault.hint.is_some());
        }
    }

    #[test]
    fn unreadable_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let missing = load(&folder.path().join("none")).unwrap_err();
        assert_eq!(missing.cause, Cause::Missing);
        assert!(load(folder.path()).is_err());
        let big = folder.path().join("big");
        std::fs::write(&big, vec![b'#'; 1 << 20]).unwrap();
        assert!(load(&big).is_ok());
        std::fs::write(&big, vec![b'#'; (1 << 20) + 1]).unwrap();
        assert_eq!(load(&big).unwrap_err().cause, Cause::TooLarge);
    }
}
