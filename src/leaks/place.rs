//! Where a text stands, as far as that decides what is a placeholder there.

use std::borrow::Cow;

/// What kind of place a text stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Documentation, comments and example files: known defaults are examples there.
    pub(super) docs: bool,
    /// Tests and pipelines: known defaults belong to throw-away servers there.
    pub(super) test: bool,
    /// Lock files: full of digests.
    pub(super) lock: bool,
    /// Files whose values need no quotes: `.env`, YAML, ini, shell.
    pub(super) settings: bool,
    /// A log.
    pub(super) log: bool,
}

/// Extensions of documentation.
const DOCS: [&str; 7] = ["md", "markdown", "mdx", "rst", "adoc", "txt", "org"];
/// Parts of names of example files.
const EXAMPLES: [&str; 6] = [
    ".example",
    ".sample",
    ".template",
    ".dist",
    "example.",
    ".tmpl",
];
/// Folders of documentation and examples.
const DOC_FOLDERS: [&str; 4] = ["docs", "doc", "examples", "example"];
/// Folders of tests.
const TEST_FOLDERS: [&str; 12] = [
    "test",
    "tests",
    "__tests__",
    "spec",
    "specs",
    "testdata",
    "fixtures",
    "e2e",
    "mocks",
    "__mocks__",
    "testing",
    "workflows",
];
/// Files full of digests.
const LOCKS: [&str; 11] = [
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "cargo.lock",
    "poetry.lock",
    "uv.lock",
    "pipfile.lock",
    "composer.lock",
    "gemfile.lock",
    "go.sum",
];
/// Extensions of files whose values need no quotes.
const SETTINGS: [&str; 13] = [
    "env",
    "ini",
    "cfg",
    "conf",
    "properties",
    "yaml",
    "yml",
    "toml",
    "tfvars",
    "sh",
    "bash",
    "zsh",
    "service",
];

impl Place {
    /// The place of a log.
    pub(crate) fn log() -> Self {
        Self {
            log: true,
            ..Self::default()
        }
    }

    /// What kind of place a file is, by its path.
    pub(crate) fn of(path: &str) -> Self {
        let path = path.to_ascii_lowercase();
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let in_folder = |names: &[&str]| folders.split('/').any(|folder| names.contains(&folder));
        let stem = name.split('.').next().unwrap_or(name);
        Self {
            docs: DOCS.contains(&extension)
                || EXAMPLES.iter().any(|part| name.contains(part))
                || in_folder(&DOC_FOLDERS),
            test: in_folder(&TEST_FOLDERS)
                || stem.starts_with("test_")
                || stem.ends_with("_test")
                || stem == "conftest"
                || name.contains(".test.")
                || name.contains(".spec.")
                || name == ".gitlab-ci.yml",
            lock: LOCKS.contains(&name),
            settings: SETTINGS.contains(&extension)
                || name.starts_with(".env")
                || name.starts_with("dockerfile")
                || !name.contains('.'),
            log: false,
        }
    }

    /// The same, read as documentation as well.
    pub(super) fn with_docs(self, docs: bool) -> Self {
        Self {
            docs: self.docs || docs,
            ..self
        }
    }
}

/// Whether the line up to an offset is a comment.
pub(super) fn is_comment(text: &str, at: usize) -> bool {
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let line = text[start..at].trim_start();
    ["#", "//", "/*", "* ", "--", "<!--", ";", "%"]
        .iter()
        .any(|mark| line.starts_with(mark))
}

/// What the bytes of a file are.
pub(crate) enum Text<'a> {
    /// Text; invalid bytes are replaced.
    Text(Cow<'a, str>),
    /// Not text.
    Binary,
}

/// The text in some bytes: UTF-8, or UTF-16 with its mark. Anything else with NUL bytes is binary.
pub(crate) fn text_of(bytes: &[u8]) -> Text<'_> {
    let wide = |rest: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest
            .chunks_exact(2)
            .map(|pair| read([pair[0], pair[1]]))
            .collect();
        Text::Text(Cow::Owned(String::from_utf16_lossy(&units)))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ if bytes
            .get(..8000.min(bytes.len()))
            .unwrap_or_default()
            .contains(&0) =>
        {
            Text::Binary
        }
        _ => Text::Text(String::from_utf8_lossy(bytes)),
    }
}
