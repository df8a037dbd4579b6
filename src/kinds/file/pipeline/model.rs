//! Workflows of either system as one model.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The workflows of a repository.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// In the order of their paths.
    pub(super) workflows: Vec<Workflow>,
}

/// Whose format it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum System {
    /// GitHub Actions; Forgejo and Gitea read the same.
    Github,
    /// GitLab CI.
    Gitlab,
}

/// One workflow.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Workflow {
    /// Its file.
    pub(super) file: String,
    /// Its name, or its file.
    pub(super) name: String,
    /// Whose format.
    pub(super) system: System,
    /// What starts it; a schedule counts only with a time.
    pub(super) triggers: BTreeSet<String>,
    /// Workflows after which it starts.
    pub(super) after: Vec<String>,
    /// The permissions of its token.
    pub(super) permissions: Permissions,
    /// Its jobs.
    pub(super) jobs: Vec<Job>,
    /// Literal secrets outside of jobs: line, name, sort.
    pub(super) secrets: Vec<(u32, String, String)>,
}

/// Permissions of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Permissions {
    /// Nothing is said: the repository's default counts.
    Unset,
    /// Each is named.
    Named,
    /// Everything may be written.
    WriteAll,
}

/// One job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Its id.
    pub(super) id: String,
    /// Its name for people.
    pub(super) name: String,
    /// Its line.
    pub(super) line: u32,
    /// The jobs it needs.
    pub(super) needs: Vec<String>,
    /// Its condition.
    pub(super) condition: String,
    /// Its environment.
    pub(super) environment: Option<String>,
    /// Why its failure is none.
    pub(super) tolerated: Option<String>,
    /// The permissions of its token.
    pub(super) permissions: Permissions,
    /// The workflow that it calls.
    pub(super) calls: Option<String>,
    /// Its steps.
    pub(super) steps: Vec<Step>,
    /// Images it runs in, with their lines.
    pub(super) images: Vec<(u32, String)>,
    /// Literal secrets: line, name, sort.
    pub(super) secrets: Vec<(u32, String, String)>,
    /// What it refers to and does not exist: line, what, path.
    pub(super) missing: Vec<(u32, String, String)>,
}

/// One step, or the script of a GitLab job.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Its name, or the first words of it.
    pub(super) label: String,
    /// Its line.
    pub(super) line: u32,
    /// The action it uses.
    pub(super) uses: Option<String>,
    /// Its commands, keys masked, comments left out.
    pub(super) run: String,
    /// Its condition.
    pub(super) condition: String,
    /// Why its failure is none.
    pub(super) tolerated: Option<String>,
    /// What is given to the action: `key: value`.
    pub(super) with: Vec<String>,
}

impl Step {
    /// Everything that says what the step does.
    pub(super) fn words(&self) -> String {
        let uses = self.uses.as_deref().unwrap_or_default();
        format!(
            "{}\n{uses}\n{}\n{}",
            self.label,
            self.run,
            self.with.join("\n")
        )
    }
}

impl Job {
    /// Whether it never runs.
    pub(super) fn is_off(&self) -> bool {
        is_never(&self.condition)
    }
}

/// Whether a condition is never true.
pub(super) fn is_never(condition: &str) -> bool {
    let bare: String = condition
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '$' | '{' | '}'))
        .collect();
    matches!(bare.as_str(), "false" | "never")
}

/// The commands without comments; lines that end with a backslash joined.
pub(super) fn commands(run: &str) -> String {
    let joined = run.replace("\\\n", " ");
    joined
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Why a script cannot fail, when it cannot.
pub(super) fn cannot_fail(run: &str) -> Option<String> {
    for line in run.lines() {
        let bare = line.split(" #").next().unwrap_or(line).trim();
        let substituted = bare.contains("$(") || bare.contains('`');
        let gives_up =
            bare.contains("exit 1") || bare.contains("&& exit") || bare.contains("; exit ${");
        for mask in ["|| true", "||true", "|| :", "|| exit 0", "|| echo"] {
            if bare.contains(mask) && !substituted && !gives_up {
                return Some(format!("`{mask}`"));
            }
        }
    }
    let lines: Vec<&str> = run.lines().collect();
    if let Some(at) = lines.iter().position(|line| line.trim() == "set +e") {
        let behind = lines.get(at + 1..).unwrap_or_default().join("\n");
        let judged = ["$?", "set -e", "PIPESTATUS", "|| exit"];
        if !behind.trim().is_empty() && !judged.iter().any(|word| behind.contains(word)) {
            return Some("`set +e`".to_owned());
        }
    }
    // Inside an `if` it is indented, and an end like any other.
    let ends = |line: &str| {
        let line = line.trim_end();
        line == "exit 0" || line.ends_with("; exit 0") && !line.contains("then")
    };
    lines
        .iter()
        .any(|line| ends(line))
        .then(|| "`exit 0`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_that_cannot_fail() {
        for (run, cannot) in [
            ("pytest", false),
            ("pytest || true", true),
            ("pytest ||true", true),
            ("x=$(grep a b || true)\npytest", false),
            ("set +e\npytest", true),
            ("set +e\npytest\ncode=$?\nexit $code", false),
            ("pytest; exit 0", true),
            ("pytest\nexit 0", true),
            ("if [ -z \"$X\" ]; then\n  exit 0\nfi\npytest", false),
            ("if [ -z \"$X\" ]; then exit 0; fi\npytest", false),
            ("pytest || { echo failed; exit 1; }", false),
            ("pytest || echo failed", true),
            ("true || pytest", false),
        ] {
            assert_eq!(cannot_fail(&commands(run)).is_some(), cannot, "{run}");
        }
        assert!(is_never("${{ false }}"));
        assert!(!commands("# cargo clippy\nls").contains("clippy"));
    }
}
