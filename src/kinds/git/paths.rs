//! Patterns of paths as in a `.gitignore`.

use globset::{GlobBuilder, GlobSet};

/// Patterns; the last one that fits decides.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    /// All of them.
    set: GlobSet,
    /// For each whether it means what fits, or excepts it.
    wanted: Vec<bool>,
}

impl Patterns {
    /// Compiles patterns.
    ///
    /// # Errors
    /// The index of the first one that is wrong, and why.
    pub(super) fn new(patterns: &[String]) -> Result<Self, (usize, String)> {
        let mut wanted = Vec::new();
        let mut set = GlobSet::builder();
        for (at, pattern) in patterns.iter().enumerate() {
            let (exception, pattern) = match pattern.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, pattern.as_str()),
            };
            if pattern.trim_matches('/').is_empty() {
                return Err((at, "this pattern is empty".to_owned()));
            }
            let glob = GlobBuilder::new(&normal(pattern))
                .literal_separator(true)
                .backslash_escape(true)
                .build()
                .map_err(|error| (at, format!("this is not a pattern: {}", error.kind())))?;
            set.add(glob);
            wanted.push(!exception);
        }
        let set = set
            .build()
            .map_err(|error| (0, format!("these are no patterns: {}", error.kind())))?;
        Ok(Self { set, wanted })
    }

    /// Whether a path is meant.
    pub(super) fn fits(&self, path: &str) -> bool {
        let last = self.set.matches(path).into_iter().max();
        last.and_then(|at| self.wanted.get(at))
            .is_some_and(|wanted| *wanted)
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
