//! Files of a repository: are they there, current, complete, in step with each other?
//!
//! The kind is a list of *sections*, each an expectation about one sort of file. A section lives in a
//! module of its own and implements [`Section`]: a spec struct with `problems`, `plan`, `observe` and
//! `judge`, and the `FaultDoc`s of its codes. Adding one is:
//!
//! 1. `src/kinds/file/NAME.rs` with the spec struct (its doc comments are the reference), its facts
//!    and `impl Section`;
//! 2. `mod NAME;` below and an entry in `sections!`, whose doc comment describes the field.
//!
//! All reading goes through [`Tree`], which keeps everything below `root`, follows no link out of it,
//! and bounds bytes, entries and time. `observe` runs on a blocking thread. What it could not look at
//! inside a section is for its facts and a finding `.as_unknown()`; an `Err` makes the whole check
//! an error.

mod section;
mod tree;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::outcome::{Cause, Fault, Finding, Judged};
use section::{Section, count, joined};
pub(in crate::kinds) use tree::Tree;

/// Declares the kind's spec and facts from its sections, and dispatches to them in this order.
macro_rules! sections {
    ($($(#[$doc:meta])* $field:ident: $section:ty,)+) => {
        /// Judges files of a repository: that they exist, are fresh, complete and in step with each
        /// other.
        ///
        /// Every path is relative to `root` and may not leave it. At least one section is needed.
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct File {
            /// The folder that everything is relative to; the working directory by default. Nothing
            /// outside of it is read, links included.
            #[serde(default = "here")]
            root: String,
            /// Of `compose`, `dockerfile`, `pipeline`, `kubernetes` and `fly` only these faults are
            /// judged, by their codes: `[COMPOSE-51, COMPOSE-58]`. What could not be seen stays an
            /// error.
            #[serde(default)]
            faults: Vec<String>,
            $($(#[$doc])* #[serde(default)] $field: Option<$section>,)+
        }

        /// What was seen, one entry a section that the check has.
        #[derive(Debug, Serialize, Deserialize)]
        pub(crate) struct Facts {
            $(
                /// What the section of this name saw.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                $field: Option<<$section as Section>::Facts>,
            )+
        }

        /// The catalogues of all sections.
        const PARTS: &[&[FaultDoc]] = &[$(<$section as Section>::FAULTS),+];

        impl File {
            /// Whether there is any section.
            fn is_empty(&self) -> bool {
                $(self.$field.is_none())&&+
            }

            /// What is wrong inside the sections, with the section's name before each field.
            fn section_problems(&self) -> Vec<SpecProblem> {
                let mut problems = Vec::new();
                $(if let Some(section) = &self.$field {
                    problems.extend(section.problems().into_iter().map(|problem| SpecProblem {
                        field: match problem.field.as_str() {
                            "" => stringify!($field).to_owned(),
                            field if field.starts_with('[') => format!("{}{field}", stringify!($field)),
                            field => format!("{}.{field}", stringify!($field)),
                        },
                        ..problem
                    }));
                })+
                problems
            }

            /// What would be read.
            fn section_plans(&self) -> Vec<Planned> {
                let mut plan = Vec::new();
                $(if let Some(section) = &self.$field {
                    plan.extend(section.plan());
                })+
                plan
            }

            /// Looks at everything, blocking.
            fn look(&self, tree: &Tree) -> Result<Facts, Fault> {
                Ok(Facts {
                    $($field: match &self.$field {
                        Some(section) => Some(section.observe(tree)?),
                        None => None,
                    },)+
                })
            }

            /// Judges everything.
            fn judge_sections(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
                let mut findings = Vec::new();
                $(if let (Some(section), Some(facts)) = (&self.$field, &facts.$field) {
                    findings.extend(section.judge(facts, cx));
                })+
                findings
            }
        }
    };
}

mod compose;
mod dockerfile;
mod documents;
mod files;
mod fly;
mod image;
mod kubernetes;
mod literal;
mod manifests;
mod pins;
mod pipeline;
mod serving;
mod variables;

sections! {
    /// Files and patterns: that they exist or not, their age, size, mode, text, and values in JSON,
    /// YAML, TOML, INI and Dockerfiles.
    files: files::Files,
    /// Markdown documents: required sections with substance, age, links that lead somewhere, and
    /// whether they are linked from where people look.
    documents: documents::Documents,
    /// Dependency files: exact versions, or a lock file with every dependency in it.
    pins: pins::Pins,
    /// Variables that code reads against those that are documented, both ways.
    variables: variables::Variables,

    // What describes a deployment: one module a sort of manifest.
    /// Compose files that are deployed together: mounts, ports, images, secrets, health checks,
    /// limits of the merged model.
    compose: compose::Compose,
    /// Dockerfiles: base images, user, command, workers, secrets, sources.
    dockerfile: dockerfile::Dockerfile,
    /// Workflows of GitHub and GitLab: gates that can fail, deployments that wait for them, files
    /// that exist, pinned actions, secrets.
    pipeline: pipeline::Pipeline,
    /// Kubernetes manifests, rendered: probes, resources, replicas, images, security, secrets.
    kubernetes: kubernetes::Kubernetes,
    /// Configuration of Fly.io apps: health checks, machines, HTTPS, names, secrets.
    fly: fly::Fly,
}

/// Default of `root`.
fn here() -> String {
    ".".to_owned()
}

/// How the codes begin that `faults` chooses among: those of `compose`, `dockerfile`, `pipeline`,
/// `kubernetes` and `fly`, where what is missing or cannot be read is an error and no finding.
const NARROWED: [&str; 5] = ["COMPOSE-", "IMG-", "CI-", "K8S-", "FLY-"];

/// The catalogues of all sections as one.
const ALL: [FaultDoc; count(PARTS)] = joined(PARTS);

impl Kind for File {
    const NAME: &'static str = "file";
    const FAULTS: &'static [FaultDoc] = &ALL;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        Impact::Passive
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = self.section_problems();
        problems.extend(self.fault_problems());
        if self.is_empty() {
            problems.push(SpecProblem::at(
                "",
                "no expectation here: it could never fail",
                "add a section, for example `files: [{ path: README.md }]`",
            ));
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        let mut plan = self.section_plans();
        for planned in &mut plan {
            planned.what = format!("{} below {}", planned.what, self.root);
        }
        plan
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        let tree = Tree::of(cx, &self.root);
        let section = self.clone();
        let looking = tokio::task::spawn_blocking(move || section.look(&tree.opened()?));
        cx.within(&format!("the files below {}", self.root), looking)
            .await?
            .map_err(|error| Fault::new(Cause::Internal, error.to_string()))?
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        let mut findings = self.judge_sections(facts, cx);
        if !self.faults.is_empty() {
            findings.retain(|finding| {
                let listed = |code| self.faults.iter().any(|listed| listed == code);
                finding.verdict == Judged::Error
                    || finding.code.as_deref().is_none_or(|code| {
                        listed(code) || !NARROWED.iter().any(|prefix| code.starts_with(prefix))
                    })
            });
        }
        findings
    }
}

impl File {
    /// Codes under `faults` that no section of the check finds.
    fn fault_problems(&self) -> Vec<SpecProblem> {
        let there = [
            self.compose.is_some(),
            self.dockerfile.is_some(),
            self.pipeline.is_some(),
            self.kubernetes.is_some(),
            self.fly.is_some(),
        ];
        let judged = |code: &String| {
            NARROWED
                .iter()
                .zip(there)
                .any(|(prefix, there)| there && code.starts_with(prefix))
                && ALL.iter().any(|fault| fault.code == code)
        };
        (0..)
            .zip(&self.faults)
            .filter(|(_, code)| !judged(code))
            .map(|(at, code): (usize, _)| {
                SpecProblem::at(
                    format!("faults[{at}]"),
                    format!("`{code}` is no fault of a section that is here"),
                    "name codes of `compose`, `dockerfile`, `pipeline`, `kubernetes` or `fly`, and the section itself",
                )
            })
            .collect()
    }
}
