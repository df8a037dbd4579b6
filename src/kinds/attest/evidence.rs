//! What evidence is: its form, and what became of the file it points at.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};

use crate::profile::SignOff;
use crate::profile::sign_off::is_commit;

/// The largest evidence file.
const MAX_FILE: u64 = 64 << 20;

/// What a check demands of evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Demand {
    /// `false`: none.
    #[default]
    None,
    /// `true`: any.
    Any,
    /// A file with its hash.
    File,
    /// A URL.
    Link,
    /// A commit.
    Commit,
}

impl<'de> Deserialize<'de> for Demand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match crate::expect::text::scalar(deserializer)?.as_str() {
            "false" => Self::None,
            "true" => Self::Any,
            "file" => Self::File,
            "link" => Self::Link,
            "commit" => Self::Commit,
            _ => {
                return Err(serde::de::Error::custom(
                    "this is no form of evidence; help: write `true`, `false`, `file`, `link` or `commit`",
                ));
            }
        })
    }
}

impl JsonSchema for Demand {
    fn schema_name() -> Cow<'static, str> {
        "EvidenceDemand".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [true, false, "file", "link", "commit"], "default": false })
    }
}

/// What the evidence of a signature is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(super) enum Evidence {
    /// Nothing, or words of a template.
    Nothing,
    /// Words: a ticket, a place.
    Words,
    /// A URL with a host.
    Link,
    /// A commit.
    Commit,
    /// A file that was read.
    File {
        /// Its SHA-256 now.
        sha256: String,
    },
    /// A file that does not exist, or no file.
    Gone {
        /// Why.
        why: String,
    },
    /// A file that could not be read.
    Unreadable {
        /// Why.
        why: String,
    },
}

/// What a text points at, before anything is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing, or words of a template.
    Nothing,
    /// Words.
    Words,
    /// A URL with a host.
    Link,
    /// A commit.
    Commit,
    /// A path.
    Path(PathBuf),
}

/// The form of an evidence text. What exists as a file is one; so is what can only be a path.
pub(crate) fn form(text: &str, folder: &Path) -> Form {
    let text = text.trim();
    if super::judge::is_placeholder(text) {
        return Form::Nothing;
    }
    if text.contains("://") {
        let link = url::Url::parse(text)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        return if link { Form::Link } else { Form::Words };
    }
    let path = folder.join(text);
    let last = text.rsplit('/').next().unwrap_or_default();
    let path_only = ["/", "./", "../"]
        .iter()
        .any(|start| text.starts_with(start))
        || (text.contains('/') && last.contains('.'));
    let words = text.chars().any(|c| c.is_whitespace() || c == '#');
    if path.is_file() || (path_only && !words) {
        return Form::Path(path);
    }
    if is_commit(text.strip_prefix("commit:").unwrap_or(text).trim()) {
        return Form::Commit;
    }
    Form::Words
}

/// What the evidence of a signature is now. `budget` is how many files may still be read.
pub(super) fn look(
    sign_off: &SignOff,
    folder: &Path,
    until: Instant,
    budget: &mut u32,
) -> Evidence {
    let text = sign_off.evidence.as_deref().unwrap_or_default().trim();
    let path = match form(text, folder) {
        Form::Nothing => return Evidence::Nothing,
        Form::Link => return Evidence::Link,
        Form::Path(path) => path,
        // A recorded hash says that it was a file when it was signed.
        Form::Words | Form::Commit if sign_off.sha256.is_some() => folder.join(text),
        Form::Commit => return Evidence::Commit,
        Form::Words => return Evidence::Words,
    };
    let Some(left) = budget.checked_sub(1) else {
        return Evidence::Unreadable {
            why: "too many evidence files for one check".to_owned(),
        };
    };
    *budget = left;
    match sum_of_file(&path, until) {
        Ok(sha256) => Evidence::File { sha256 },
        Err(error) => {
            let why = crate::net::file_fault(Path::new(text), &error).message;
            let gone = matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::InvalidInput
            );
            if gone {
                Evidence::Gone { why }
            } else {
                Evidence::Unreadable { why }
            }
        }
    }
}

/// The SHA-256 of a regular file of at most 64 MiB.
///
/// # Errors
/// When it is none, is larger, or cannot be read in time.
pub(crate) fn sum_of_file(path: &Path, until: Instant) -> io::Result<String> {
    let kind = std::fs::metadata(path)?;
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    let mut file = File::open(path)?.take(MAX_FILE + 1);
    let mut hash = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 16];
    let mut total = 0_u64;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        total += count as u64;
        if total > MAX_FILE {
            return Err(io::Error::other("it is larger than 64 MiB"));
        }
        if Instant::now() >= until {
            return Err(io::Error::other("reading it takes too long"));
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
