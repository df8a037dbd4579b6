//! The section `compose`: the merged model of Compose files, judged for production.

mod facts;
mod faults;
mod interpolate;
mod judge;
mod merge;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{FaultDoc, Planned, SpecProblem};
use super::image::Precision;
use super::section::Section;
use super::tree::Tree;
use crate::context::JudgeContext;
use crate::expect::Pattern;
use crate::outcome::{Fault, Finding};
use facts::Facts;
use facts::{mount, port};
pub(super) use interpolate::interpolated;

/// Compose files that are deployed together.
///
/// What is judged is the model that `docker compose` makes of them: lists are appended, so that
/// `volumes: []` in a later file removes nothing, and `!reset` and `!override` do.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compose {
    /// The files in the order of `docker compose -f a -f b`; later ones win.
    files: Vec<String>,
    /// The file with values for `${NAME}`; `.env` beside the first file when there is one.
    /// What nobody sets and has no default stays as it is written.
    #[serde(default)]
    env_file: Option<String>,
    /// Profiles that are active: services of other ones are left out.
    #[serde(default)]
    profiles: Vec<String>,
    /// The services that are judged; all by default.
    #[serde(default)]
    services: Vec<String>,
    /// Whether only services that are built from the repository (`build:`) are judged, and not those
    /// of images that others make; default false.
    #[serde(default)]
    built: bool,
    /// Whether source code may be mounted over what is in the image; default false.
    #[serde(default)]
    source_mounts: bool,
    /// How exactly images are named: by `tag` (the default; not `latest` or `main`) or `digest`.
    #[serde(default)]
    pinned: Pinned,
    /// Services whose ports others may reach. When given, ports of all other services must be bound
    /// to loopback or not published. Databases, caches and brokers must be in any case.
    #[serde(default)]
    published: Option<Vec<String>>,
    /// Whether every service needs a health check, its own or of its image's Dockerfile; default
    /// false. Services that end by themselves (others wait for their completion) need none.
    #[serde(default)]
    healthcheck: bool,
    /// What the health checks of servers (uvicorn, gunicorn, …) must ask, their own or those of their
    /// images, as a pattern: `/ready\b`.
    #[serde(default)]
    healthcheck_asks: Option<Pattern>,
    /// Whether every service that does not end by itself needs a restart policy; default false.
    #[serde(default)]
    restart: bool,
    /// Whether every service needs limits of CPU and memory; default false.
    #[serde(default)]
    limits: bool,
    /// Whether every service must reserve CPU or memory, too; default false.
    #[serde(default)]
    reservations: bool,
    /// The least number of workers of servers that know workers (uvicorn, gunicorn, …), by their
    /// command, their variables, or replicas.
    #[serde(default)]
    min_workers: Option<u64>,
    /// Variables that must be required in the files: every use is `${NAME:?why}`.
    #[serde(default)]
    required: Vec<String>,
    /// The command of a service that migrates the database, `alembic upgrade`: such a service must
    /// exist, and another one must wait for its completion.
    #[serde(default)]
    migrations: Option<Pattern>,
}

/// How exactly images must be named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pinned {
    /// By a tag that names a release, or a digest.
    #[default]
    Tag,
    /// By digest.
    Digest,
}

impl Pinned {
    /// Whether the reference is exact enough.
    pub(super) fn fits(self, precision: Precision) -> bool {
        match self {
            Self::Tag => precision >= Precision::Tag,
            Self::Digest => precision == Precision::Digest,
        }
    }

    /// The expectation in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Tag => "a tag that names a release, or a digest",
            Self::Digest => "a digest",
        }
    }
}

impl Section for Compose {
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        if self.files.is_empty() {
            problems.push(SpecProblem::at(
                "files",
                "no file is named",
                "write `files: [docker-compose.yml]`",
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
            .files
            .iter()
            .map(|file| Planned::once(format!("read {file}")))
            .collect();
        plan.push(Planned {
            what: "read files that these include or extend".to_owned(),
            at_most: 32,
        });
        plan.push(Planned::once(format!(
            "read {}",
            self.env_file
                .as_deref()
                .unwrap_or(".env beside the first file")
        )));
        plan.push(Planned {
            what: "read the Dockerfiles that they name, list mounted folders".to_owned(),
            at_most: 200,
        });
        plan
    }

    fn observe(&self, tree: &Tree) -> Result<Facts, Fault> {
        facts::look(self, tree)
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts)
    }
}
