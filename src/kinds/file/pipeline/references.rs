//! Files that steps refer to and that are not in the repository.

use std::sync::LazyLock;

use regex::Regex;

use super::super::manifests::{Fields as _, beside};
use super::super::tree::{Tree, leaves};
use super::model::Step;
use crate::outcome::Fault;
use crate::yaml_doc::Yaml;

/// Folders that steps make.
const MADE: &[&str] = &[
    "dist",
    "build",
    "target",
    "out",
    "node_modules",
    ".venv",
    "venv",
    "coverage",
    "tmp",
    "bin",
];

/// Inputs of actions that name a file.
const INPUTS: &[&str] = &[
    "dockerfile",
    "cache-dependency-path",
    "node-version-file",
    "python-version-file",
    "go-version-file",
    "manifest-path",
];

/// Commands that name a file of the repository.
static NAMED: LazyLock<Vec<(&'static str, Option<Regex>)>> = LazyLock::new(|| {
    [
        ("script", r"(?:^|[;&|(]\s*|\s)(\./[\w./-]+\.(?:sh|bash|py|rb|pl|ps1|js|mjs|ts))(?:\s|$|[;&|)])"),
        ("script", r"(?:^|[;&|(\s])(?:bash|sh|zsh|source|python3?|node|ruby|pwsh)\s+(?:-[eux]+\s+)*([\w./-]+\.(?:sh|bash|py|rb|ps1|js|mjs|ts))(?:\s|$|[;&|)])"),
        ("script", r"\bchmod\s+\+?\w+\s+([\w./-]+\.(?:sh|bash|py))"),
        ("Dockerfile", r"\bdocker\s+(?:buildx\s+)?build\b[^\n;&|]*\s(?:-f|--file)[= ]([\w./-]+)"),
        ("Compose file", r"\bdocker(?:-|\s+)compose\s+(?:--\S+\s+)*(?:-f|--file)[= ]([\w./-]+)"),
        ("file", r"\bpip3?\s+install\b[^\n;&|]*\s-r\s*([\w./-]+)"),
        ("file", r"--manifest-path[= ]([\w./-]+)"),
        ("file", r"\bflyctl?\s+deploy\b[^\n;&|]*\s(?:-c|--config)[= ]([\w./-]+)"),
        ("file", r"\bkubectl\s+(?:apply|create|replace)\b[^\n;&|]*\s(?:-f|--filename|-k)[= ]([\w./-]+)"),
    ]
    .into_iter()
    .map(|(what, source)| (what, Regex::new(source).ok()))
    .collect()
});

/// Looks at the steps of a job in their order.
pub(super) struct References<'a> {
    /// The repository.
    tree: &'a Tree,
    /// What was run so far: what it names may have been made by it.
    before: String,
    /// Whether the job works in another repository or folder than ours.
    elsewhere: bool,
    /// What does not exist: line, what, path.
    pub(super) missing: Vec<(u32, String, String)>,
}

impl<'a> References<'a> {
    /// At the beginning of a job.
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self {
            tree,
            before: String::new(),
            elsewhere: false,
            missing: Vec::new(),
        }
    }

    /// Requires that a file or folder exists.
    pub(super) fn file(&mut self, line: u32, what: &str, path: &str) -> Result<(), Fault> {
        let path = beside(".", path);
        if self.elsewhere
            || path.contains(['$', '*', '{', '?'])
            || leaves(&path).is_some()
            || path.split('/').any(|part| MADE.contains(&part))
        {
            return Ok(());
        }
        let last = path.rsplit('/').next().unwrap_or(&path);
        if self.tree.entry(&path)?.is_none() && !self.before.contains(last) {
            self.missing.push((line, what.to_owned(), path));
        }
        Ok(())
    }

    /// Looks at one step that runs in a folder.
    pub(super) fn step(
        &mut self,
        yaml: &Yaml,
        step: &Step,
        folder: Option<&str>,
    ) -> Result<(), Fault> {
        let with = |key: &str| yaml.get("with").and_then(|with| with.text_at(key));
        let folder = folder.unwrap_or(".");
        if let Some(uses) = &step.uses {
            if uses.starts_with("actions/checkout") {
                self.elsewhere |= with("repository").is_some() || with("path").is_some();
            }
            if uses.starts_with("./") {
                self.file(step.line, "action", uses)?;
            }
            if uses.starts_with("docker/build-push-action") {
                let context = with("context").unwrap_or_else(|| ".".to_owned());
                let is_local = !context.contains("://") && !context.contains("{{");
                match with("file") {
                    Some(file) => self.file(step.line, "Dockerfile", &file)?,
                    None if is_local => {
                        self.file(step.line, "Dockerfile", &beside(&context, "Dockerfile"))?;
                    }
                    None => {}
                }
            }
            for input in INPUTS {
                for path in with(input).unwrap_or_default().lines() {
                    self.file(step.line, "file", path.trim())?;
                }
            }
        } else {
            self.script(step.line, &step.run, folder)?;
        }
        if step
            .uses
            .as_deref()
            .is_some_and(|uses| uses.contains("download"))
        {
            self.before.push_str(&step.with.join("\n"));
        }
        Ok(())
    }

    /// Looks at the commands that run in a folder.
    pub(super) fn script(&mut self, line: u32, run: &str, folder: &str) -> Result<(), Fault> {
        if folder != "." {
            let before = self.missing.len();
            self.file(line, "working directory", folder)?;
            if self.missing.len() > before {
                return Ok(());
            }
        }
        let mut current = folder.to_owned();
        let mut moved = false;
        for command in run.lines() {
            let bare = command.trim().trim_start_matches('(');
            if let Some(rest) = bare.strip_prefix("cd ") {
                let to: String = rest.chars().take_while(|c| !" ;&|)".contains(*c)).collect();
                moved = true;
                current = beside(&current, to.trim_matches('"'));
            }
            self.before.push_str(
                command
                    .split('>')
                    .skip(1)
                    .collect::<Vec<_>>()
                    .join(" ")
                    .as_str(),
            );
            let makes = [
                "curl ",
                "wget ",
                "cp ",
                "mv ",
                "tar ",
                "unzip ",
                "git clone",
                "touch ",
                "tee ",
            ];
            if makes.iter().any(|word| command.contains(word)) {
                self.before.push_str(command);
            }
            for (what, pattern) in NAMED.iter() {
                let Some(pattern) = pattern else { continue };
                for found in pattern.captures_iter(command) {
                    let Some(path) = found.get(1).map(|path| path.as_str()) else {
                        continue;
                    };
                    let at = beside(&current, path);
                    // Where a script is after some `cd` is not certain: any of its folders will do.
                    let other = beside(folder, path);
                    if moved && leaves(&other).is_none() && self.tree.entry(&other)?.is_some() {
                        continue;
                    }
                    if moved && leaves(&at).is_some() {
                        continue;
                    }
                    self.file(line, what, &at)?;
                }
            }
        }
        Ok(())
    }
}
