//! The section `kubernetes`: manifests as `kubectl apply` gets them.

mod faults;
mod judge;
mod look;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{FaultDoc, Planned, SpecProblem};
use super::compose::Pinned;
use super::section::Section;
use super::tree::Tree;
use crate::context::JudgeContext;
use crate::expect::Pattern;
use crate::outcome::{Fault, Finding};

/// Kubernetes manifests, rendered: what `helm template` or `kubectl kustomize` print.
///
/// Deployments, StatefulSets and DaemonSets are judged, with all their containers. A template that
/// is not rendered is an error.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kubernetes {
    /// Files, patterns or folders; `k8s` by default.
    #[serde(default = "default_paths")]
    paths: Vec<String>,
    /// The workloads that are judged, by a pattern of their names; all by default.
    #[serde(default)]
    workloads: Option<Pattern>,
    /// Containers that need no probes, by a pattern of their names: sidecars.
    #[serde(default)]
    without_probes: Option<Pattern>,
    /// Whether every container needs a liveness and a readiness probe; default true.
    #[serde(default = "yes")]
    probes: bool,
    /// The path that liveness probes must ask, as a pattern: `^/health`.
    #[serde(default)]
    liveness_path: Option<Pattern>,
    /// The path that readiness probes must ask, as a pattern: `^/ready$`.
    #[serde(default)]
    readiness_path: Option<Pattern>,
    /// Whether every container needs a startup probe; default false.
    #[serde(default)]
    startup: bool,
    /// Whether every container needs requests and limits of CPU and memory; default true.
    #[serde(default = "yes")]
    resources: bool,
    /// The least number of replicas of Deployments and StatefulSets, their own or of their
    /// autoscaler.
    #[serde(default)]
    min_replicas: Option<u64>,
    /// Whether every Deployment needs a HorizontalPodAutoscaler; default false.
    #[serde(default)]
    autoscaling: bool,
    /// Whether every Deployment needs a PodDisruptionBudget; default false.
    #[serde(default)]
    disruption_budget: bool,
    /// How exactly images are named: by `tag` (the default) or `digest`.
    #[serde(default)]
    pinned: Pinned,
    /// Whether containers must run as another user than root, and none may be privileged; default
    /// true.
    #[serde(default = "yes")]
    hardened: bool,
    /// What migrates the database, `alembic upgrade`: it must be the command of an init container
    /// or a Job.
    #[serde(default)]
    migrations: Option<Pattern>,
    /// Whether a load balancer or ingress must route to workloads with readiness probes, which are
    /// its health checks; default false.
    #[serde(default)]
    load_balancer: bool,
}

/// Default of `paths`.
fn default_paths() -> Vec<String> {
    vec!["k8s".to_owned()]
}

/// The default of switches that are on.
fn yes() -> bool {
    true
}

/// What was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Deployments, StatefulSets, DaemonSets, Jobs, CronJobs and Pods.
    pub(super) workloads: Vec<Workload>,
    /// What autoscalers scale: kind, name, and the least replicas.
    pub(super) scalers: Vec<(String, String, u64)>,
    /// What disruption budgets select.
    pub(super) budgets: Vec<BTreeMap<String, String>>,
    /// Services: name, whether a load balancer, what they select.
    pub(super) services: Vec<(String, bool, BTreeMap<String, String>)>,
    /// Services that an ingress or gateway routes to.
    pub(super) routed: Vec<String>,
    /// Secrets with values: place and name.
    pub(super) secrets: Vec<(String, String)>,
}

/// Something with pods.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Workload {
    /// File and line.
    pub(super) place: String,
    /// `Deployment`.
    pub(super) kind: String,
    /// Its name.
    pub(super) name: String,
    /// Labels of its pods.
    pub(super) labels: BTreeMap<String, String>,
    /// Its replicas; nothing means one.
    pub(super) replicas: Option<u64>,
    /// Its containers, init containers included.
    pub(super) containers: Vec<Container>,
}

/// One container.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Container {
    /// Its name.
    pub(super) name: String,
    /// Whether it ends before the others begin.
    pub(super) init: bool,
    /// Its image.
    pub(super) image: String,
    /// Its command and arguments, keys masked.
    pub(super) command: String,
    /// What the liveness probe asks.
    pub(super) liveness: Option<String>,
    /// What the readiness probe asks.
    pub(super) readiness: Option<String>,
    /// What the startup probe asks.
    pub(super) startup: Option<String>,
    /// Which requests and limits are missing.
    pub(super) unbounded: Vec<String>,
    /// What lets it run as root or with more than it needs.
    pub(super) powers: Vec<String>,
    /// What of its command is for developers only.
    pub(super) development: Option<String>,
    /// Variables with secrets: name, sort.
    pub(super) secrets: Vec<(String, String)>,
}

impl Workload {
    /// Whether it runs for ever.
    pub(super) fn serves(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "Deployment" | "StatefulSet" | "DaemonSet"
        )
    }
}

impl Section for Kubernetes {
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        if self.paths.is_empty() {
            problems.push(SpecProblem::at(
                "paths",
                "no manifest is named",
                "write `paths: [k8s]`",
            ));
        }
        let asked = self.liveness_path.is_some() || self.readiness_path.is_some();
        if asked && !self.probes {
            problems.push(SpecProblem::at(
                "probes",
                "paths of probes are expected, and no probes",
                "leave out `probes: false`",
            ));
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        self.paths
            .iter()
            .map(|path| Planned {
                what: format!("read manifests {path}"),
                at_most: 2000,
            })
            .collect()
    }

    fn observe(&self, tree: &Tree) -> Result<Facts, Fault> {
        look::look(self, tree)
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts)
    }
}
