//! The faults of Kubernetes manifests.

use super::super::super::FaultDoc;

/// In the order of their codes.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "K8S-51",
        "probe missing",
        "Without liveness a pod that hangs stays; without readiness requests go to pods that cannot answer.",
        "Add `livenessProbe` and `readinessProbe`, and `startupProbe` for slow starts.",
    ),
    FaultDoc::caught(
        "K8S-52",
        "probe asks the wrong path",
        "Liveness on the readiness endpoint restarts all pods when the database is away; readiness on the liveness endpoint sends them requests then.",
        "Let readiness ask /ready, and liveness an endpoint that looks at the process only.",
    ),
    FaultDoc::caught(
        "K8S-53",
        "requests or limits missing",
        "The scheduler packs nodes by requests, and only limits stop a leak.",
        "Set `resources.requests` and `resources.limits` with `cpu` and `memory`.",
    ),
    FaultDoc::caught(
        "K8S-54",
        "too few replicas",
        "One pod means an outage with every restart of it or of its node.",
        "Raise `replicas`, or `minReplicas` of the autoscaler.",
    ),
    FaultDoc::caught(
        "K8S-55",
        "no autoscaler",
        "Load that was not foreseen meets the same number of pods.",
        "Add a HorizontalPodAutoscaler whose `scaleTargetRef` names the Deployment.",
    ),
    FaultDoc::caught(
        "K8S-56",
        "image of a pod not pinned",
        "Pods of one Deployment may run different images, and a rollback does not bring the old one back.",
        "Name a release or a digest.",
    ),
    FaultDoc::caught(
        "K8S-57",
        "container with too many powers",
        "A hole in the program is then a hole in the node.",
        "Set `runAsNonRoot: true`; remove `privileged`, host namespaces and escalation.",
    ),
    FaultDoc::caught(
        "K8S-58",
        "no disruption budget",
        "An upgrade of the nodes may evict all pods at once.",
        "Add a PodDisruptionBudget that selects the pods.",
    ),
    FaultDoc::caught(
        "K8S-59",
        "secret in a manifest",
        "Everybody with the repository has it; base64 hides nothing.",
        "Change the secret; refer to it with `secretKeyRef` and let an operator or sealed secret bring it.",
    ),
    FaultDoc::caught(
        "K8S-60",
        "migrations are not separate",
        "Pods that migrate at their start race each other, or run against an old schema.",
        "Run them in an init container or a Job.",
    ),
    FaultDoc::caught(
        "K8S-61",
        "pod starts a development server",
        "A reloader watches files, doubles memory and restarts under load.",
        "Remove `--reload` or the like from `command` and `args`.",
    ),
    FaultDoc::caught(
        "K8S-62",
        "load balancer without health checks",
        "Requests go to pods that cannot answer.",
        "Let a Service of type LoadBalancer or an Ingress select pods with readiness probes.",
    ),
];
