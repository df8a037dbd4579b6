//! Which backups belong together, and which names are not backups at all.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use jiff::{SignedDuration, Timestamp};

use super::facts::{Facts, Item};
use crate::expect::Pattern;

/// How far clocks may differ before a backup counts as dated in the future.
pub(super) const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Backups of one thing, over time.
#[derive(Debug)]
pub(super) struct Series<'a> {
    /// Its name; empty when there is only one.
    pub(super) name: String,
    /// Finished backups with a believable time, newest first.
    pub(super) items: Vec<&'a Item>,
    /// Unfinished ones, newest first.
    pub(super) incomplete: Vec<&'a Item>,
}

/// The series in the facts: those named, or all that were found; at least one.
pub(super) fn series<'a>(facts: &'a Facts, named: &[String], now: Timestamp) -> Vec<Series<'a>> {
    let mut names: Vec<String> = named.to_vec();
    if names.is_empty() {
        names = facts
            .backups
            .iter()
            .chain(&facts.incomplete)
            .map(|item| item.series.clone())
            .collect();
        names.sort();
    }
    names.dedup();
    if names.is_empty() {
        names.push(String::new());
    }
    names
        .into_iter()
        .map(|name| Series {
            items: facts
                .backups
                .iter()
                .filter(|item| item.series == name && !is_future(item, now))
                .collect(),
            incomplete: facts
                .incomplete
                .iter()
                .filter(|item| item.series == name)
                .collect(),
            name,
        })
        .collect()
}

/// Whether a backup claims a time that has not come.
pub(super) fn is_future(item: &Item, now: Timestamp) -> bool {
    item.time
        .is_some_and(|time| time.duration_since(now) > CLOCK_SKEW)
}

/// Tells the series of a name.
#[derive(Debug)]
pub(super) struct Sorter<'a> {
    /// A pattern of the profile.
    pub(super) pattern: Option<&'a Pattern>,
    /// Names that must each have backups.
    pub(super) sets: &'a [String],
}

impl Sorter<'_> {
    /// The series a name belongs to; empty for none in particular.
    pub(super) fn series_of(&self, name: &str) -> String {
        if let Some(pattern) = self.pattern {
            return pattern
                .0
                .captures(name)
                .and_then(|groups| groups.get(1).or_else(|| groups.get(0)))
                .map(|group| group.as_str().to_owned())
                .unwrap_or_default();
        }
        self.sets
            .iter()
            .filter(|set| is_of_set(name, set))
            .max_by_key(|set| set.len())
            .cloned()
            .unwrap_or_default()
    }
}

/// Whether a name is that of a set followed by a date or an extension: `app-2026…` and `app.sql`
/// are of `app`, `app_test-2026…` is not.
fn is_of_set(name: &str, set: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    if name.split('/').any(|part| part == set) {
        return true;
    }
    let Some(rest) = file.strip_prefix(set) else {
        return false;
    };
    let mut characters = rest.chars();
    match characters.next() {
        None | Some('.') => true,
        Some('-' | '_' | '@') => characters.next().is_some_and(|c| c.is_ascii_digit()),
        _ => false,
    }
}

/// Endings of files that are still being written.
const UNFINISHED: [&str; 14] = [
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".inprogress",
    ".in-progress",
    ".in_progress",
    ".incomplete",
    ".filepart",
    ".crdownload",
    ".uploading",
    ".writing",
    ".swp",
    "~",
];
/// Endings of files that accompany backups.
const COMPANIONS: [&str; 10] = [
    ".sha256",
    ".sha256sum",
    ".sha512",
    ".sha1",
    ".md5",
    ".asc",
    ".sig",
    ".minisig",
    ".log",
    ".lock",
];

/// What a name says about the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A backup.
    Backup,
    /// Not finished yet, or given up.
    Unfinished,
    /// A checksum, signature or log.
    Companion,
}

/// What a name says about the file. `more` are globs of the profile for unfinished ones.
pub(super) fn role(name: &str, more: &GlobSet) -> Role {
    let file = name.rsplit('/').next().unwrap_or(name);
    let lower = file.to_ascii_lowercase();
    if COMPANIONS.iter().any(|end| lower.ends_with(end))
        || matches!(lower.as_str(), "sha256sums" | "md5sums" | "lost+found")
    {
        return Role::Companion;
    }
    let temporary = UNFINISHED.iter().any(|end| lower.ends_with(end))
        || lower.starts_with('.')
        || lower.starts_with("tmp.")
        || lower.starts_with("tmp-")
        || lower.starts_with("tmp_");
    if temporary || more.is_match(name) || more.is_match(file) {
        return Role::Unfinished;
    }
    Role::Backup
}

/// Compiles globs in which `*` does not cross a `/`.
///
/// # Errors
/// What is wrong with the first that cannot be compiled.
pub(super) fn globs<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .map_err(|error| error.kind().to_string())?;
        set.add(glob);
    }
    set.build().map_err(|error| error.kind().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_into_sets() {
        let sets: Vec<String> = ["app", "app_test", "billing"].map(str::to_owned).into();
        let sorter = Sorter {
            pattern: None,
            sets: &sets,
        };
        for (name, expected) in [
            ("app-2026-01-02.dump", "app"),
            ("app.sql.gz", "app"),
            ("app_test-2026-01-02.dump", "app_test"),
            ("app_other-2026-01-02.dump", ""),
            ("application-2026.dump", ""),
            ("billing/2026-01-02.dump", "billing"),
            ("nightly/billing_20260102.dump", "billing"),
            ("unrelated", ""),
        ] {
            assert_eq!(sorter.series_of(name), expected, "{name}");
        }
        let pattern = Pattern::new(r"^db-(\w+)-\d").unwrap();
        let sorter = Sorter {
            pattern: Some(&pattern),
            sets: &[],
        };
        assert_eq!(sorter.series_of("db-orders-20260102"), "orders");
        assert_eq!(sorter.series_of("else"), "");
    }

    #[test]
    fn temporary_names_are_no_backups() {
        let more = globs(["*.wip"]).unwrap();
        for (name, expected) in [
            ("a.dump", Role::Backup),
            ("template.sql", Role::Backup),
            ("a.dump.tmp", Role::Unfinished),
            ("x/a.dump.PART", Role::Unfinished),
            (".a.dump.Xy3k", Role::Unfinished),
            ("x/a.wip", Role::Unfinished),
            ("a.dump.sha256", Role::Companion),
            ("SHA256SUMS", Role::Companion),
        ] {
            assert_eq!(role(name, &more), expected, "{name}");
        }
    }
}
