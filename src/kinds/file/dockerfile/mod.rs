//! The section `dockerfile`: what an image is made of, and how it runs.

mod faults;
mod judge;
mod look;
pub(super) mod parse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{FaultDoc, Planned, SpecProblem};
use super::compose::Pinned;
use super::section::Section;
use super::serving::Workers;
use super::tree::Tree;
use crate::context::JudgeContext;
use crate::outcome::{Fault, Finding};

/// Dockerfiles of images that run in production.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dockerfile {
    /// The Dockerfiles, paths or patterns below `root`; each must match one.
    paths: Vec<String>,
    /// The folder that `docker build` gets; the one of the Dockerfile by default.
    #[serde(default)]
    context: Option<String>,
    /// How exactly base images are named: by `tag` (the default) or `digest`.
    #[serde(default)]
    pinned: Pinned,
    /// Whether the last `USER` must be another one than root; default true.
    #[serde(default = "yes")]
    non_root: bool,
    /// Whether a `HEALTHCHECK` is needed; default false, since Kubernetes and Fly ignore it.
    #[serde(default)]
    healthcheck: bool,
    /// The least number of workers, when the image starts a server that knows workers.
    #[serde(default)]
    min_workers: Option<u64>,
}

/// The default of `non_root`.
fn yes() -> bool {
    true
}

/// What was seen, one entry a Dockerfile.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// In the order of their paths.
    pub(super) files: Vec<Image>,
}

/// One Dockerfile.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Image {
    /// Its path.
    pub(super) path: String,
    /// Base images, with their lines.
    pub(super) bases: Vec<(u32, String)>,
    /// The user it runs as, when it says so, with the line.
    pub(super) user: Option<(u32, String)>,
    /// The image that the last stage begins with.
    pub(super) last_base: String,
    /// Whether there is a health check.
    pub(super) healthcheck: bool,
    /// What it runs.
    pub(super) command: String,
    /// What of it is for developers only.
    pub(super) development: Option<String>,
    /// How many workers its server starts, when it knows workers.
    pub(super) workers: Option<Workers>,
    /// Variables that hold secrets: line, name, sort.
    pub(super) secrets: Vec<(u32, String, String)>,
    /// Sources of `COPY` that do not exist: line, source.
    pub(super) missing: Vec<(u32, String)>,
    /// Files with secrets that are copied into it: line, file.
    pub(super) dotenv: Vec<(u32, String)>,
}

impl Section for Dockerfile {
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        if self.paths.is_empty() {
            problems.push(SpecProblem::at(
                "paths",
                "no Dockerfile is named",
                "write `paths: [Dockerfile]`",
            ));
        }
        if self.min_workers == Some(0) {
            problems.push(SpecProblem::at(
                "min_workers",
                "no server has fewer than no workers",
                "write the number of workers, for example `2`",
            ));
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        let mut plan: Vec<Planned> = self
            .paths
            .iter()
            .map(|path| Planned::once(format!("read {path} and the .dockerignore beside it")))
            .collect();
        plan.push(Planned {
            what: "look whether sources of COPY exist".to_owned(),
            at_most: 500,
        });
        plan
    }

    fn observe(&self, tree: &Tree) -> Result<Facts, Fault> {
        look::look(self, tree)
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts)
    }
}
