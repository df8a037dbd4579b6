//! Repositories: what is tracked and must not be, what must be and is not, and whether it is clean.

mod facts;
mod faults;
mod files;
mod history;
mod judge;
mod look;
mod paths;
mod run;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::facts::Facts;
use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::expect::{ByteSize, Matcher, TimeSpan};
use crate::outcome::{Fault, Finding};

/// Requires that a git repository holds what it must hold, and nothing that it must not.
///
/// It runs `git` read-only: no hook, filter, pager or other program that the repository's own
/// configuration names is started, nothing is fetched, nothing is written. What a secret looks like
/// is never shown, only its rule, file, line and column.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Git {
    /// Folder inside the repository; only what lies in it is looked at. The working directory by
    /// default.
    #[serde(default = "here")]
    path: String,
    /// No tracked file holds a secret. `{}` for the defaults.
    #[serde(default)]
    secrets: Option<Secrets>,
    /// No database, dump or other large data is tracked. `{}` for the defaults.
    #[serde(default)]
    data: Option<Data>,
    /// Patterns of which each must fit a tracked file, and leave no file in its folder untracked:
    /// `migrations/`, `package-lock.json`. A pattern without a slash fits in every folder.
    #[serde(default)]
    tracked: Vec<String>,
    /// Patterns that fit no tracked file; a later one with `!` makes an exception:
    /// `[".env", ".env.*", "!.env.example"]`.
    #[serde(default)]
    not_tracked: Vec<String>,
    /// Paths (they need not exist) that the repository's own `.gitignore` must cover.
    #[serde(default)]
    ignored: Vec<String>,
    /// Files that a revision must hold.
    #[serde(default)]
    at: Option<At>,
    /// Nothing may differ from the last commit: `tracked` files only, or `all`, with those that are
    /// neither tracked nor ignored.
    #[serde(default)]
    clean: Option<Clean>,
    /// What a tag on the last commit must be called: `{ matches: '^v\d' }`, `{ exists: true }`.
    #[serde(default)]
    tag: Option<Matcher>,
    /// Paths that must keep up with others.
    #[serde(default)]
    not_older: Vec<NotOlder>,
}

/// Default of `path`.
fn here() -> String {
    ".".to_owned()
}

/// How secrets are looked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secrets {
    /// Patterns of files that are not read; a later one with `!` makes an exception.
    #[serde(default)]
    exclude: Vec<String>,
    /// Ids of rules that are not used: `jwt`, `test-secret-key`.
    #[serde(default)]
    ignore: Vec<String>,
    /// What a literal such as `postgres:postgres@localhost` in code or settings is: `fail` (the
    /// default), `warn` or `ignore`. In documentation, examples and tests it is never a finding.
    #[serde(default)]
    default_credentials: Level,
    /// Whether e-mail addresses and card numbers are findings as well; default false.
    #[serde(default)]
    personal: bool,
    /// Largest text file that is read; default 8 MiB. A larger one that is not excluded is an error.
    #[serde(default = "eight_mebibytes")]
    max_file: ByteSize,
    /// How many of the latest commits, of all branches, are looked through as well; 0 to 5000,
    /// default none.
    #[serde(default)]
    history: u32,
}

/// Default of `max_file`.
fn eight_mebibytes() -> ByteSize {
    ByteSize(8 << 20)
}

/// How bad something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// A fault.
    #[default]
    Fail,
    /// Advice.
    Warn,
    /// Nothing.
    Ignore,
}

/// What counts as data.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Data {
    /// Largest file that may be tracked; default 5 MiB.
    #[serde(default = "five_mebibytes")]
    max_size: ByteSize,
    /// Patterns of data files, instead of the usual ones of databases, dumps and key stores.
    /// SQLite files and PostgreSQL dumps are recognised whatever they are called.
    #[serde(default)]
    patterns: Vec<String>,
    /// Patterns of files that may be tracked all the same.
    #[serde(default)]
    exclude: Vec<String>,
}

/// Default of `max_size`.
fn five_mebibytes() -> ByteSize {
    ByteSize(5 << 20)
}

/// Files of a revision.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct At {
    /// A commit, branch or tag.
    revision: String,
    /// Patterns of which each must fit a file of that revision.
    files: Vec<String>,
}

/// What must not differ from the last commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Clean {
    /// Tracked files.
    Tracked,
    /// These, and no file is neither tracked nor ignored.
    All,
}

/// A path whose last commit must not be older than that of another.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotOlder {
    /// The path that must keep up: `docs/CHECKLIST.md`.
    path: String,
    /// The path it must keep up with: `.github/workflows`.
    than: String,
    /// How far it may lag behind; default not at all.
    #[serde(default)]
    by: TimeSpan,
}

/// The most commits that are looked through.
const MAX_HISTORY: u32 = 5000;
/// The most tracked files.
const MAX_FILES: u32 = 300_000;

impl Kind for Git {
    const NAME: &'static str = "git";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        Impact::Command
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        let nothing = self.secrets.is_none()
            && self.data.is_none()
            && self.tracked.is_empty()
            && self.not_tracked.is_empty()
            && self.ignored.is_empty()
            && self.at.is_none()
            && self.clean.is_none()
            && self.tag.is_none()
            && self.not_older.is_empty();
        if nothing {
            problems.push(SpecProblem::at(
                "",
                "no expectation here: it could never fail",
                "write for example `secrets: {}` or `not_tracked: [.env]`",
            ));
        }
        self.pattern_problems(&mut problems);
        if let Some(secrets) = &self.secrets {
            secret_problems(secrets, &mut problems);
        }
        if let Some(at) = &self.at {
            if at.files.is_empty() {
                problems.push(SpecProblem::at(
                    "at.files",
                    "no file is named: it could never fail",
                    "name at least one",
                ));
            }
            if at.revision.is_empty() || at.revision.starts_with('-') {
                problems.push(SpecProblem::at(
                    "at.revision",
                    "this is not a revision",
                    "write a tag, a branch or a commit: `v1.2.0`, `main`",
                ));
            }
        }
        for (at, pair) in self.not_older.iter().enumerate() {
            if pair.path == pair.than || pair.path.is_empty() || pair.than.is_empty() {
                problems.push(SpecProblem::at(
                    format!("not_older[{at}]"),
                    "a path is never older than itself, and both are needed",
                    "write `path: docs/CHECKLIST.md` with `than: .github/workflows`",
                ));
            }
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        let run = |words: &str| Planned::once(format!("run git {words} in {}", self.path));
        let mut plan = vec![
            run("rev-parse"),
            run("config --list"),
            run("ls-files --stage"),
        ];
        if self.secrets.is_some() || self.data.is_some() {
            plan.push(run("ls-files --modified"));
            plan.push(Planned {
                what: format!("read a tracked file of {}", self.path),
                at_most: MAX_FILES,
            });
            plan.push(Planned {
                what: format!("run git cat-file blob in {}", self.path),
                at_most: look::MAX_BLOBS,
            });
        }
        if let Some(secrets) = self.secrets.as_ref().filter(|secrets| secrets.history > 0) {
            plan.push(run(&format!(
                "log --all --patch --max-count={}",
                secrets.history
            )));
        }
        if !self.tracked.is_empty() {
            plan.push(run("ls-files --others"));
        }
        if !self.ignored.is_empty() {
            plan.push(run("check-ignore"));
        }
        if let Some(at) = &self.at {
            plan.push(run(&format!("ls-tree -r {}", at.revision)));
        }
        if self.clean.is_some() {
            plan.push(run("status"));
        }
        if self.tag.is_some() {
            plan.push(run("for-each-ref --points-at=HEAD refs/tags"));
        }
        if !self.not_older.is_empty() {
            plan.push(Planned {
                what: format!("run git log -1 in {}", self.path),
                at_most: u32::try_from(self.not_older.len() * 2).unwrap_or(u32::MAX),
            });
        }
        plan
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        look::look(self, cx).await
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        let _: Timestamp = cx.now;
        judge::judge(self, facts)
    }
}

impl Git {
    /// Whether all patterns can be used.
    fn pattern_problems(&self, problems: &mut Vec<SpecProblem>) {
        let none: &[String] = &[];
        let lists = [
            ("tracked", self.tracked.as_slice()),
            ("not_tracked", &self.not_tracked),
            (
                "secrets.exclude",
                self.secrets.as_ref().map_or(none, |s| &s.exclude),
            ),
            (
                "data.patterns",
                self.data.as_ref().map_or(none, |d| &d.patterns),
            ),
            (
                "data.exclude",
                self.data.as_ref().map_or(none, |d| &d.exclude),
            ),
            ("at.files", self.at.as_ref().map_or(none, |at| &at.files)),
        ];
        for (field, patterns) in lists {
            if let Err((at, message)) = paths::Patterns::new(patterns) {
                problems.push(SpecProblem::at(
                    format!("{field}[{at}]"),
                    message,
                    "write it as in a .gitignore: `*.db`, `migrations/`, `!.env.example`",
                ));
            }
            let each = matches!(field, "tracked" | "at.files");
            if each && patterns.iter().any(|pattern| pattern.starts_with('!')) {
                problems.push(SpecProblem::at(
                    field,
                    "each of these must be there: an exception says nothing",
                    "leave out the entry with `!`",
                ));
            }
        }
        let only_exceptions = |patterns: &[String]| {
            !patterns.is_empty() && patterns.iter().all(|pattern| pattern.starts_with('!'))
        };
        if only_exceptions(&self.not_tracked) {
            problems.push(SpecProblem::at(
                "not_tracked",
                "there are only exceptions: it could never fail",
                "name first what must not be tracked",
            ));
        }
    }
}

/// What is wrong with the rules for secrets.
fn secret_problems(secrets: &Secrets, problems: &mut Vec<SpecProblem>) {
    for (at, id) in secrets.ignore.iter().enumerate() {
        if !crate::leaks::ids().any(|own| own == id) {
            problems.push(SpecProblem::at(
                format!("secrets.ignore[{at}]"),
                format!("there is no rule `{id}`"),
                crate::profile::node::suggest(id, crate::leaks::ids()),
            ));
        }
    }
    if secrets.history > MAX_HISTORY {
        problems.push(SpecProblem::at(
            "secrets.history",
            format!("at most {MAX_HISTORY} commits are looked through"),
            "write a smaller number, and have the rest scanned once by a tool made for that",
        ));
    }
    if secrets.max_file.0 == 0 || secrets.max_file.0 > 64 << 20 {
        problems.push(SpecProblem::at(
            "secrets.max_file",
            "this cannot be the largest file that is read",
            "write a size up to `64MiB`",
        ));
    }
}

#[cfg(test)]
mod tests;
