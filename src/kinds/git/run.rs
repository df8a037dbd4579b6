//! Runs `git` so that nothing but git runs.
//!
//! A repository's own configuration can name programs: file-system monitors, hooks, filters, diff
//! drivers, pagers, signature checkers, transports. A repository that is audited may come from
//! anyone, so all of them are switched off: by options where there is one, by overriding every
//! filter that the configuration names, and by using only commands that need none of the others.

use std::path::PathBuf;

use crate::context::Context;
use crate::expect::Secret;
use crate::outcome::{Cause, Fault};
use crate::program::{Program, Ran};
use crate::redact::Redactor;

/// Options before every command.
const OPTIONS: [&str; 16] = [
    "--no-optional-locks",
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "core.quotePath=false",
    "-c",
    "protocol.allow=never",
    "-c",
    "log.showSignature=false",
    "-c",
    // The owner check protects from the programs that are switched off here.
    "safe.directory=*",
];

/// Variables that keep other configuration out.
const VARIABLES: [(&str, &str); 9] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_SSH_COMMAND", "false"),
    ("LC_ALL", "C"),
];

/// A repository, and what its configuration would run.
pub(super) struct Repository<'a> {
    /// The check's context.
    cx: &'a Context,
    /// The folder commands run in.
    folder: PathBuf,
    /// The folder as the profile names it.
    shown: String,
    /// Configuration that takes the place of the repository's.
    overrides: Vec<(String, String)>,
}

impl<'a> Repository<'a> {
    /// Opens a repository: finds out what its configuration would run.
    ///
    /// # Errors
    /// When it is none, or git is not installed.
    pub(super) async fn open(cx: &'a Context, shown: &str) -> Result<(Self, bool), Fault> {
        let mut repository = Self {
            cx,
            folder: cx.folder.join(shown),
            shown: shown.to_owned(),
            overrides: Vec::new(),
        };
        let asked = [
            "rev-parse",
            "--is-inside-work-tree",
            "--is-shallow-repository",
        ];
        let ran = repository.run(&asked).await?;
        let answer = String::from_utf8_lossy(&ran.stdout).into_owned();
        let mut lines = answer.lines();
        if ran.code != Some(0) {
            return Err(repository.refused(&ran));
        }
        if lines.next() != Some("true") {
            return Err(Fault::new(
                Cause::Missing,
                format!("{shown} is a git repository without files"),
            )
            .code("GIT-62")
            .hint("name a folder with a working tree, not a bare repository or .git itself"));
        }
        let shallow = lines.next() == Some("true");
        let names = repository
            .ask(&["config", "--list", "-z", "--name-only"])
            .await?;
        repository.overrides = overrides(&names);
        Ok((repository, shallow))
    }

    /// Runs a command.
    ///
    /// # Errors
    /// When git is not installed or takes too long.
    pub(super) async fn run(&self, arguments: &[&str]) -> Result<Ran, Fault> {
        let mut env: Vec<(String, Secret)> = VARIABLES
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
            .collect();
        env.push((
            "GIT_CONFIG_COUNT".to_owned(),
            Secret::new(self.overrides.len().to_string()),
        ));
        for (at, (key, value)) in self.overrides.iter().enumerate() {
            env.push((format!("GIT_CONFIG_KEY_{at}"), Secret::new(key.clone())));
            env.push((format!("GIT_CONFIG_VALUE_{at}"), Secret::new(value.clone())));
        }
        // `check-ignore` is the one command that refuses it; its paths are literal anyway.
        let literal: &[&str] = match arguments.first() {
            Some(&"check-ignore") => &[],
            _ => &["--literal-pathspecs"],
        };
        let argv = ["git"]
            .iter()
            .chain(&OPTIONS)
            .chain(literal)
            .chain(arguments)
            .map(|word| (*word).to_owned())
            .collect();
        let program = Program {
            argv,
            cwd: self.folder.clone(),
            env,
        };
        // These variables are no secrets: registered as such they would be masked everywhere. What
        // is said about the repository is redacted with everything else before it leaves.
        let mut cx = self.cx.clone();
        cx.redactor = Redactor::default();
        program.run(&cx).await.map_err(|fault| match fault.cause {
            Cause::Missing if !self.folder.is_dir() => {
                Fault::new(Cause::Missing, format!("{} is not a folder", self.shown))
                    .code("GIT-62")
                    .hint("correct `path`; it is relative to the working directory")
            }
            Cause::Missing => Fault::new(Cause::Missing, "git is not installed here")
                .code("GIT-62")
                .hint("install git where readyctl runs"),
            _ => fault,
        })
    }

    /// Runs a command that must succeed, and gives its output.
    ///
    /// # Errors
    /// As [`Repository::run`], and when the command fails.
    pub(super) async fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, Fault> {
        let ran = self.run(arguments).await?;
        if ran.code == Some(0) {
            return Ok(ran.stdout);
        }
        Err(self.failed(arguments, &ran))
    }

    /// The fields of an output that are ended by NUL.
    ///
    /// # Errors
    /// As [`Repository::ask`].
    pub(super) async fn list(&self, arguments: &[&str]) -> Result<Vec<String>, Fault> {
        Ok(fields(&self.ask(arguments).await?))
    }

    /// The fault of a command that failed.
    pub(super) fn failed(&self, arguments: &[&str], ran: &Ran) -> Fault {
        let command = arguments.first().copied().unwrap_or_default();
        Fault::new(
            Cause::Unparseable,
            format!("`git {command}` in {} {}: {}", self.shown, ran.ended(), ran.complaint()),
        )
        .code("GIT-62")
        .hint("run the command by hand and see why it fails; a clone without its objects cannot be looked at")
    }

    /// The fault of a folder that git does not open.
    fn refused(&self, ran: &Ran) -> Fault {
        let none = ran.stderr.contains("not a git repository");
        let message = if none {
            format!("{} is not in a git repository", self.shown)
        } else {
            format!("git does not open {}: {}", self.shown, ran.complaint())
        };
        Fault::new(if none { Cause::Missing } else { Cause::Unparseable }, message)
            .code("GIT-62")
            .hint("run readyctl in a clone of the repository, or name it with `path`; an unpacked archive has no .git")
    }
}

/// Fields that are ended by NUL.
pub(super) fn fields(bytes: &[u8]) -> Vec<String> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|field| !field.is_empty())
        .map(|field| String::from_utf8_lossy(field).into_owned())
        .collect()
}

/// Configuration that switches off every program that the names of some configuration stand for.
fn overrides(names: &[u8]) -> Vec<(String, String)> {
    let mut overrides = Vec::new();
    for key in fields(names) {
        let lower = key.to_ascii_lowercase();
        if !lower.starts_with("filter.") {
            continue;
        }
        let Some(end) = key.rfind('.') else { continue };
        let base = &key[..end];
        for (part, value) in [
            ("clean", ""),
            ("smudge", ""),
            ("process", ""),
            ("required", "false"),
        ] {
            let pair = (format!("{base}.{part}"), value.to_owned());
            if !overrides.contains(&pair) {
                overrides.push(pair);
            }
        }
    }
    overrides
}
