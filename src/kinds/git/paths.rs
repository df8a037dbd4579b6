//! Patterns of paths as in a `.gitignore`.

use globset::{GlobBuilder, GlobMatcher};

/// Patterns; the last one that fits decides.
#[derive(Debug, Default)]
pub(super) struct Patterns(Vec<(bool, GlobMatcher)>);

impl Patterns {
    /// Compiles patterns.
    ///
    /// # Errors
    /// The index of the first one that is wrong, and why.
    pub(super) fn new(patterns: &[String]) -> Result<Self, (usize, String)> {
        patterns
            .iter()
            .enumerate()
            .map(|(at, pattern)| {
                let (exception, pattern) = match pattern.strip_prefix('!') {
                    Some(rest) => (true, rest),
                    None => (false, pattern.as_str()),
                };
                if pattern.trim_matches('/').is_empty() {
                    return Err((at, "this pattern is empty".to_owned()));
                }
                GlobBuilder::new(&normal(pattern))
                    .literal_separator(true)
                    .backslash_escape(true)
                    .build()
                    .map(|glob| (!exception, glob.compile_matcher()))
                    .map_err(|error| (at, format!("this is not a pattern: {}", error.kind())))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a path is meant.
    pub(super) fn fits(&self, path: &str) -> bool {
        self.0
            .iter()
            .rev()
            .find(|(_, glob)| glob.is_match(path))
            .is_some_and(|(wanted, _)| *wanted)
    }
}

/// A pattern for the whole path: without a slash it fits in every folder, with a final one it means
/// everything in the folder.
fn normal(pattern: &str) -> String {
    let folder = pattern.ends_with('/');
    let body = pattern.trim_end_matches('/');
    let body = body.strip_prefix("./").unwrap_or(body);
    let anchored = body.contains('/');
    let body = body.trim_start_matches('/');
    let start = if anchored || folder { "" } else { "**/" };
    let end = if folder { "/**" } else { "" };
    format!("{start}{body}{end}")
}

/// The folder that a pattern is about, when it is about all of one.
pub(super) fn folder_of(pattern: &str) -> Option<&str> {
    let folder = pattern.strip_suffix('/')?;
    let folder = folder.strip_prefix("./").unwrap_or(folder);
    (!folder.contains(['*', '?', '[', '{'])).then(|| folder.trim_start_matches('/'))
}
