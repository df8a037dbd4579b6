//! Sign-offs: their fields, and the file beside a profile in which `readyctl sign` keeps them.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::compose::{Composed, Composer};
use super::node::Node;
use super::source::{in_user_folder, parse, read};
use crate::expect::TimeSpan;

/// How the name of a sign-off file ends.
const ENDING: &str = ".signoffs.yaml";
/// Fields of a sign-off file.
const FIELDS: &[&str] = &["version", "sign_offs"];

/// A signature for a check that no machine can judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignOff {
    /// Id of the check.
    pub(crate) check: String,
    /// The role in which the person signs.
    pub(crate) role: String,
    /// Name or handle of the person.
    pub(crate) by: String,
    /// Day of the signature, `YYYY-MM-DD`, UTC.
    #[serde(deserialize_with = "super::day")]
    #[schemars(with = "String")]
    pub(crate) on: Date,
    /// How long it counts; the check may allow less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid_for: Option<TimeSpan>,
    /// What shows that it was verified: a link, a file, a commit, a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) evidence: Option<String>,
    /// SHA-256 of the evidence file when it was signed: another content makes the signature void.
    #[serde(
        default,
        deserialize_with = "digest",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) sha256: Option<String>,
    /// The commit that was looked at, 7 to 64 hexadecimal digits, in quotes.
    #[serde(
        default,
        deserialize_with = "commit",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) commit: Option<String>,
    /// What else a reader should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

impl SignOff {
    /// Whether a signature is for this check and role.
    pub(crate) fn is_for(&self, check: &str, role: &str) -> bool {
        self.check == check && self.role.trim().eq_ignore_ascii_case(role.trim())
    }
}

/// Whether the text can be the id of a commit, or its beginning.
pub(crate) fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A SHA-256 in hexadecimal digits, in small letters.
fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = crate::expect::text::scalar(deserializer)?.to_ascii_lowercase();
    if text.len() == 64 && is_commit(&text) {
        return Ok(Some(text));
    }
    Err(serde::de::Error::custom(
        "expected a SHA-256 of 64 hexadecimal digits; help: `readyctl sign` computes it; in quotes, so that it stays text",
    ))
}

/// A commit in hexadecimal digits, in small letters.
fn commit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = crate::expect::text::scalar(deserializer)?.to_ascii_lowercase();
    if is_commit(&text) {
        return Ok(Some(text));
    }
    Err(serde::de::Error::custom(
        "expected a commit of 7 to 64 hexadecimal digits; help: write the id, not a branch or tag, in quotes",
    ))
}

/// Whether a file holds sign-offs, by its name.
pub(crate) fn is_sign_off_file(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.ends_with(ENDING) || name.ends_with(".signoffs.yml"))
}

/// Where the sign-offs of the profile shown as `shown` are kept: beside it. A profile of the binary,
/// or of the user's own configuration, serves many repositories and has them in `./.readyctl`.
pub(crate) fn file_of(shown: &str) -> PathBuf {
    let path = Path::new(shown);
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
        + ENDING;
    if shown.starts_with("builtin:") || in_user_folder(path) {
        PathBuf::from(".readyctl").join(name)
    } else {
        path.with_file_name(name)
    }
}

impl Composer<'_> {
    /// Adds what the sign-off file of a profile holds; there may be none.
    pub(crate) fn add_sign_off_file(&mut self, composed: &mut Composed) {
        let path = &composed.sign_off_file;
        if std::fs::symlink_metadata(path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
        {
            return;
        }
        let shown = path.display().to_string();
        let text = match read(&shown) {
            Ok(text) => text,
            Err((message, help)) => {
                self.problems.add_global(message, help);
                return;
            }
        };
        let index = self.sources.add(shown.clone(), text);
        let Some(root) = parse(index, self.sources, self.problems) else {
            return;
        };
        if let Some(held) = self.read(&root, FIELDS, "sign-off file", shown) {
            replace(&mut composed.sign_offs, held.sign_offs);
        }
    }
}

/// Adds signatures; one takes the place of what was there for the same check and role. As a whole: a
/// new signature must not inherit the evidence of an old one.
pub(crate) fn replace(list: &mut Vec<Node>, over: Vec<Node>) {
    let key = |node: &Node| {
        let text = |name: &str| node.get(name).and_then(Node::scalar_text);
        (text("check"), text("role").map(|role| role.to_lowercase()))
    };
    list.retain(|old| over.iter().all(|new| key(new) != key(old)));
    list.extend(over);
}
