//! What is good and bad in manifests.

use std::collections::BTreeMap;

use super::super::image::precision;
use super::super::manifests::{counted, pass_unless};
use super::{Container, Facts, Kubernetes, Workload};
use crate::expect::Pattern;
use crate::outcome::Finding;

/// Judges all manifests together.
pub(super) fn judge(spec: &Kubernetes, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let wanted = |name: &str| {
        spec.workloads
            .as_ref()
            .is_none_or(|pattern| pattern.0.is_match(name))
    };
    let judged: Vec<&Workload> = facts
        .workloads
        .iter()
        .filter(|workload| wanted(&workload.name))
        .collect();
    if !judged.iter().any(|workload| workload.serves()) {
        findings.push(
            Finding::fail(
                "K8S-51",
                "workloads",
                "one whose name matches `workloads`",
                "none",
                "no Deployment, StatefulSet or DaemonSet has such a name",
            )
            .as_unknown(),
        );
        return findings;
    }
    for workload in &judged {
        for container in &workload.containers {
            content(spec, workload, container, &mut findings);
            if workload.serves() && !container.init {
                probes(spec, workload, container, &mut findings);
            }
        }
        if workload.serves() {
            available(spec, facts, workload, &mut findings);
        }
    }
    for (place, name) in &facts.secrets {
        findings.push(Finding::fail(
            "K8S-59",
            format!("{place} Secret {name}"),
            "no value in the repository",
            "a value, which base64 does not hide",
            format!("{name} is committed: everybody with the repository has it"),
        ));
    }
    migrations(spec, facts, &mut findings);
    balanced(spec, facts, &mut findings);
    passed(spec, judged.len(), &mut findings);
    findings
}

/// Adds what is as it should be.
fn passed(spec: &Kubernetes, judged: usize, findings: &mut Vec<Finding>) {
    let seen = counted(judged, "workload");
    for (asked, codes, subject, expected) in [
        (
            spec.probes,
            &["K8S-51", "K8S-52"][..],
            "probes",
            "liveness and readiness of each container",
        ),
        (
            spec.resources,
            &["K8S-53"],
            "resources",
            "requests and limits of each container",
        ),
        (
            spec.min_replicas.is_some(),
            &["K8S-54"],
            "replicas",
            "enough",
        ),
        (
            spec.autoscaling,
            &["K8S-55"],
            "autoscalers",
            "one a Deployment",
        ),
        (true, &["K8S-56"], "images", spec.pinned.words()),
        (
            spec.hardened,
            &["K8S-57"],
            "security contexts",
            "not root, not privileged",
        ),
        (
            spec.disruption_budget,
            &["K8S-58"],
            "disruption budgets",
            "one a Deployment",
        ),
        (true, &["K8S-59"], "secrets", "none written down"),
        (true, &["K8S-61"], "commands", "none of development"),
    ] {
        if asked {
            pass_unless(
                findings,
                codes,
                subject,
                expected,
                format!("{seen} checked"),
            );
        }
    }
}

/// What a finding is about.
fn about(workload: &Workload, container: &Container) -> String {
    format!(
        "{} {} {}/{}",
        workload.place, workload.kind, workload.name, container.name
    )
}

/// Judges what a container is.
fn content(
    spec: &Kubernetes,
    workload: &Workload,
    container: &Container,
    findings: &mut Vec<Finding>,
) {
    let subject = about(workload, container);
    if !spec.pinned.fits(precision(&container.image)) {
        findings.push(Finding::fail(
            "K8S-56",
            &subject,
            spec.pinned.words(),
            if container.image.is_empty() {
                "no image"
            } else {
                &container.image
            },
            "a new pod may get another image than the old ones",
        ));
    }
    if spec.resources && workload.serves() && !container.init && !container.unbounded.is_empty() {
        findings.push(Finding::fail(
            "K8S-53",
            &subject,
            "requests and limits of CPU and memory",
            format!("no {}", container.unbounded.join(", ")),
            "the scheduler does not know what it needs, and it can take all of the node",
        ));
    }
    if spec.hardened && !container.powers.is_empty() {
        findings.push(Finding::fail(
            "K8S-57",
            &subject,
            "runAsNonRoot, not privileged",
            container.powers.join(", "),
            "whoever breaks out of the process has more of the node than needed",
        ));
    }
    for (name, sort) in &container.secrets {
        findings.push(Finding::fail(
            "K8S-59",
            format!("{subject} {name}"),
            "valueFrom.secretKeyRef",
            sort,
            format!("{name} holds {sort}: everybody with the repository has it"),
        ));
    }
    if let Some(part) = &container.development {
        findings.push(Finding::fail(
            "K8S-61",
            &subject,
            "a command of production",
            part,
            format!("the container starts with `{part}`, which is for developers"),
        ));
    }
}

/// Judges the probes of a container.
fn probes(
    spec: &Kubernetes,
    workload: &Workload,
    container: &Container,
    findings: &mut Vec<Finding>,
) {
    let exempt = spec
        .without_probes
        .as_ref()
        .is_some_and(|pattern| pattern.0.is_match(&container.name));
    if exempt {
        return;
    }
    let subject = about(workload, container);
    for (what, asked, probe, path) in [
        (
            "livenessProbe",
            spec.probes,
            &container.liveness,
            &spec.liveness_path,
        ),
        (
            "readinessProbe",
            spec.probes,
            &container.readiness,
            &spec.readiness_path,
        ),
        (
            "startupProbe",
            spec.startup,
            &container.startup,
            &None::<Pattern>,
        ),
    ] {
        match probe {
            None if asked => findings.push(Finding::fail(
                "K8S-51",
                &subject,
                what,
                "none",
                format!("Kubernetes cannot tell whether {} works", container.name),
            )),
            Some(asks) => {
                if let Some(path) = path.as_ref().filter(|path| !path.0.is_match(asks)) {
                    findings.push(Finding::fail(
                        "K8S-52",
                        &subject,
                        format!("{what} of {}", path.0.as_str()),
                        asks,
                        format!("the {what} asks something else than the endpoint made for it"),
                    ));
                }
            }
            None => {}
        }
    }
}

/// Whether a selector takes pods with these labels.
fn selects(selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    !selector.is_empty()
        && selector
            .iter()
            .all(|(name, value)| labels.get(name) == Some(value))
}

/// Judges replicas, autoscaler and disruption budget.
fn available(spec: &Kubernetes, facts: &Facts, workload: &Workload, findings: &mut Vec<Finding>) {
    let subject = format!("{} {} {}", workload.place, workload.kind, workload.name);
    let scaler = facts
        .scalers
        .iter()
        .find(|(kind, name, _)| *kind == workload.kind && *name == workload.name);
    if let Some(least) = spec.min_replicas.filter(|_| workload.kind != "DaemonSet") {
        let replicas =
            scaler.map_or_else(|| workload.replicas.unwrap_or(1), |(_, _, least)| *least);
        if replicas < least {
            findings.push(Finding::fail(
                "K8S-54",
                &subject,
                format!("at least {least} replicas"),
                replicas.to_string(),
                format!("{} is away while its pod or node restarts", workload.name),
            ));
        }
    }
    if workload.kind != "Deployment" {
        return;
    }
    if spec.autoscaling && scaler.is_none() {
        findings.push(Finding::fail(
            "K8S-55",
            &subject,
            "a HorizontalPodAutoscaler",
            "none",
            format!("nothing adds pods of {} under load", workload.name),
        ));
    }
    let guarded = facts
        .budgets
        .iter()
        .any(|selector| selects(selector, &workload.labels));
    if spec.disruption_budget && !guarded {
        findings.push(Finding::fail(
            "K8S-58",
            &subject,
            "a PodDisruptionBudget",
            "none selects its pods",
            format!(
                "an upgrade of the nodes may stop all pods of {} at once",
                workload.name
            ),
        ));
    }
}

/// Judges what migrates the database.
fn migrations(spec: &Kubernetes, facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(pattern) = &spec.migrations else {
        return;
    };
    let expected = "in an init container or a Job";
    let found = facts.workloads.iter().find_map(|workload| {
        let own = workload.kind == "Job";
        workload
            .containers
            .iter()
            .find(|container| (container.init || own) && pattern.0.is_match(&container.command))
            .map(|container| about(workload, container))
    });
    findings.push(match found {
        Some(place) => Finding::pass("migrations", expected, place),
        None => Finding::fail(
            "K8S-60",
            "migrations",
            expected,
            format!("none runs {}", pattern.0.as_str()),
            "the API starts before, or while, the database is migrated",
        ),
    });
}

/// Judges whether a load balancer knows which pods are ready.
fn balanced(spec: &Kubernetes, facts: &Facts, findings: &mut Vec<Finding>) {
    if !spec.load_balancer {
        return;
    }
    let expected = "routes to workloads with readiness probes";
    let routed: Vec<_> = facts
        .services
        .iter()
        .filter(|(name, balancer, _)| *balancer || facts.routed.contains(name))
        .collect();
    let mut any = false;
    for (name, _, selector) in routed {
        for workload in facts
            .workloads
            .iter()
            .filter(|w| w.serves() && selects(selector, &w.labels))
        {
            any = true;
            if workload
                .containers
                .iter()
                .any(|container| container.readiness.is_some())
            {
                findings.push(Finding::pass(
                    format!("service {name}"),
                    expected,
                    &workload.name,
                ));
            } else {
                findings.push(Finding::fail(
                    "K8S-62",
                    format!("service {name}"),
                    expected,
                    format!("{} has none", workload.name),
                    "requests go to pods that are not ready",
                ));
            }
        }
    }
    if !any {
        findings.push(Finding::fail(
            "K8S-62",
            "load balancer",
            expected,
            "no load balancer or ingress routes to a workload of these files",
            "nothing balances the load over the pods",
        ));
    }
}
