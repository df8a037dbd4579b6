//! The section `pipeline`: workflows of GitHub and GitLab as data.

mod faults;
mod github;
mod gitlab;
mod graph;
mod judge;
mod model;
mod references;

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::super::{FaultDoc, Planned, SpecProblem};
use super::manifests::{mapping, targets};
use super::section::Section;
use super::tree::Tree;
use crate::context::JudgeContext;
use crate::expect::Pattern;
use crate::outcome::{Fault, Finding};
use model::Facts;

/// The workflows that build, test and deploy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pipeline {
    /// Files, patterns or folders: `.github/workflows`, `.gitlab-ci.yml` (read as GitLab's by
    /// its name). All together are one pipeline.
    #[serde(default = "default_paths")]
    paths: Vec<String>,
    /// Whether what must hold of every pipeline is judged as well: steps can fail, files that steps
    /// name exist, no secret is written down, no code of strangers runs with secrets; default true.
    /// `false` is for a further check that asks for a command alone.
    #[serde(default = "yes")]
    general: bool,
    /// Steps and jobs, by patterns of their names or commands, that may be unable to fail.
    #[serde(default)]
    tolerated: Vec<Pattern>,
    /// Whether scripts, Dockerfiles, folders and actions that steps name must exist; default true.
    #[serde(default = "yes")]
    references: bool,
    /// How actions of others are named; not judged by default.
    #[serde(default)]
    pinned: Option<Revision>,
    /// Beginnings of actions that need not be pinned: `actions/`.
    #[serde(default)]
    trusted: Vec<String>,
    /// Whether every workflow or job must name the permissions of its token; default false.
    /// `write-all` is a fault in any case.
    #[serde(default)]
    permissions: bool,
    /// Events that must start some workflow, `schedule` for example; a schedule needs a time.
    #[serde(default)]
    triggers: Vec<String>,
    /// Commands that must run in a step that can fail.
    #[serde(default)]
    commands: Vec<Command>,
    /// What must hold of the jobs that deploy or publish.
    #[serde(default)]
    deploy: Option<Deploy>,
}

/// A command that must run: a pattern, or a pattern with the events on which it must.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Command {
    /// On any event.
    Anywhere(Pattern),
    /// On one of these events.
    On(CommandOn),
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Reads either form, so that a mistake in one is told as such.
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = Command;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a pattern, or a mapping with `run` and `on`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Command, E> {
                Pattern::deserialize(text.into_deserializer()).map(Command::Anywhere)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Command, A::Error> {
                CommandOn::deserialize(MapAccessDeserializer::new(map)).map(Command::On)
            }
        }
        deserializer.deserialize_any(Forms)
    }
}

/// A command and its events.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandOn {
    /// The pattern of the command or action.
    run: Pattern,
    /// The events of which one must start it: `[schedule, release]`.
    on: Vec<String>,
}

/// How exactly an action is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Revision {
    /// By a tag or more exactly, not by a branch.
    Tag,
    /// By the full SHA of a commit.
    Sha,
}

/// Jobs that deploy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deploy {
    /// The pattern of their ids and names; `(?i)deploy|publish|release|promote` by default.
    #[serde(default)]
    jobs: Option<Pattern>,
    /// What one of their steps must run, `flyctl deploy`.
    #[serde(default)]
    runs: Option<Pattern>,
    /// What must succeed before each of them, by `needs`, earlier stages, a called workflow or
    /// earlier steps: patterns of names or commands, `[test, lint, "trivy|scan"]`.
    #[serde(default)]
    after: Vec<Pattern>,
    /// The name of the environment that protects each of them.
    #[serde(default)]
    environment: Option<Pattern>,
    /// How it rolls out: what must stand in one of their steps, `canary|blue.?green`.
    #[serde(default)]
    strategy: Option<Pattern>,
    /// How it rolls back: what a step of the pipeline must run, `rollback|rollout undo`.
    #[serde(default)]
    rollback: Option<Pattern>,
}

/// Default of `paths`.
fn default_paths() -> Vec<String> {
    vec![".github/workflows".to_owned()]
}

/// The default of switches that are on.
fn yes() -> bool {
    true
}

impl Section for Pipeline {
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        if self.paths.is_empty() {
            problems.push(SpecProblem::at(
                "paths",
                "no workflow is named",
                "write `paths: [.github/workflows]`",
            ));
        }
        let asked = !self.commands.is_empty()
            || !self.triggers.is_empty()
            || self.deploy.is_some()
            || self.pinned.is_some();
        if !self.general && !asked {
            problems.push(SpecProblem::at(
                "general",
                "nothing is expected of the pipeline: it could never fail",
                "add `commands`, `triggers`, `deploy` or `pinned`",
            ));
        }
        let asks = |deploy: &Deploy| {
            deploy.runs.is_some()
                || !deploy.after.is_empty()
                || deploy.environment.is_some()
                || deploy.strategy.is_some()
                || deploy.rollback.is_some()
        };
        if self.deploy.as_ref().is_some_and(|deploy| !asks(deploy)) {
            problems.push(SpecProblem::at(
                "deploy",
                "nothing is expected of the jobs that deploy",
                "add `after`, `environment`, `runs`, `strategy` or `rollback`",
            ));
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        let mut plan: Vec<Planned> = self
            .paths
            .iter()
            .map(|path| Planned {
                what: format!("read workflows {path}"),
                at_most: 500,
            })
            .collect();
        plan.push(Planned {
            what: "look whether files that steps name exist".to_owned(),
            at_most: 5000,
        });
        plan
    }

    fn observe(&self, tree: &Tree) -> Result<Facts, Fault> {
        let mut workflows = Vec::new();
        for file in targets(tree, &self.paths, &[".yml", ".yaml"])? {
            let yaml = mapping(tree, &file)?;
            let name = file.rsplit('/').next().unwrap_or(&file);
            workflows.push(if name.contains("gitlab") {
                gitlab::workflow(tree, &file, yaml)?
            } else {
                github::workflow(tree, &file, &yaml)?
            });
        }
        Ok(Facts { workflows })
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts)
    }
}
