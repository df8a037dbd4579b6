//! Reads manifests.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::super::literal::{literal, without_keys};
use super::super::manifests::{Fields, TEMPLATE_HINT, documents, targets};
use super::super::serving::development;
use super::super::tree::Tree;
use super::{Container, Facts, Kubernetes, Workload};
use crate::outcome::{Cause, Fault};
use crate::yaml_doc::Yaml;

/// What stands in templates of Helm and not in alerts and dashboards.
static TEMPLATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\{\{-?\s*(?:\.Values|\.Release|\.Chart|\$\.Values|include\s|template\s|if\s|range\s|with\s|end\b|define\s|toYaml)").ok()
});

/// Reads every manifest.
pub(super) fn look(spec: &Kubernetes, tree: &Tree) -> Result<Facts, Fault> {
    let mut facts = Facts::default();
    for file in targets(tree, &spec.paths, &[".yaml", ".yml", ".json"])? {
        for document in documents(tree, &file)? {
            rendered(&file, &document)?;
            object(tree, &file, &document, &mut facts)?;
        }
    }
    if !facts.workloads.iter().any(Workload::serves) {
        return Err(Fault::new(
            Cause::Missing,
            format!(
                "{}: no Deployment, StatefulSet or DaemonSet",
                spec.paths.join(" + ")
            ),
        )
        .hint(
            "name the manifests of the workloads; charts are rendered first with `helm template`",
        ));
    }
    Ok(facts)
}

/// Refuses templates: what they become is not known. Text of several lines may be somebody else's
/// template.
fn rendered(file: &str, document: &Yaml) -> Result<(), Fault> {
    let mut found = false;
    document.texts(&mut |text| {
        let is_template = TEMPLATE
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(text));
        found |= is_template && !text.contains('\n');
    });
    if found {
        return Err(Fault::new(
            Cause::Unparseable,
            format!(
                "{file}:{}: is a Helm template that is not rendered",
                document.line
            ),
        )
        .hint(TEMPLATE_HINT));
    }
    Ok(())
}

/// One object, or a list of them.
fn object(tree: &Tree, file: &str, yaml: &Yaml, facts: &mut Facts) -> Result<(), Fault> {
    let Some(kind) = yaml.text_at("kind") else {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{file}:{}: has no `kind`", yaml.line),
        )
        .hint("this is no manifest: name the folder or files that `kubectl apply` gets"));
    };
    let place = format!("{file}:{}", yaml.line);
    let name = yaml
        .at(&["metadata", "name"])
        .and_then(Fields::text)
        .unwrap_or_default();
    match kind.as_str() {
        "List" => {
            for item in yaml.get("items").map(Fields::items).unwrap_or_default() {
                object(tree, file, item, facts)?;
            }
        }
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" | "Pod" => {
            let template = match kind.as_str() {
                "Pod" => Some(yaml),
                "CronJob" => yaml.at(&["spec", "jobTemplate", "spec", "template"]),
                _ => yaml.at(&["spec", "template"]),
            };
            let pod = template.and_then(|template| template.get("spec"));
            let Some(pod) =
                pod.filter(|pod| pod.get("containers").is_some_and(|c| !c.items().is_empty()))
            else {
                return Err(Fault::new(
                    Cause::Unparseable,
                    format!("{place}: {kind} {name} has no containers"),
                )
                .hint("the manifest is not whole"));
            };
            facts.workloads.push(Workload {
                labels: labels(template.and_then(|template| template.at(&["metadata", "labels"]))),
                replicas: yaml
                    .at(&["spec", "replicas"])
                    .and_then(Fields::text)
                    .and_then(|n| n.parse().ok()),
                containers: containers(tree, pod),
                place,
                kind,
                name,
            });
        }
        "HorizontalPodAutoscaler" | "ScaledObject" => {
            let target = |key: &str| {
                yaml.at(&["spec", "scaleTargetRef", key])
                    .and_then(Fields::text)
            };
            let least = ["minReplicas", "minReplicaCount"]
                .iter()
                .find_map(|key| yaml.at(&["spec", key])?.text()?.parse().ok());
            facts.scalers.push((
                target("kind").unwrap_or_else(|| "Deployment".to_owned()),
                target("name").unwrap_or_default(),
                least.unwrap_or(1),
            ));
        }
        "PodDisruptionBudget" => {
            facts
                .budgets
                .push(labels(yaml.at(&["spec", "selector", "matchLabels"])));
        }
        "Service" => facts.services.push((
            name,
            yaml.at(&["spec", "type"]).and_then(Fields::text).as_deref() == Some("LoadBalancer"),
            labels(yaml.at(&["spec", "selector"])),
        )),
        "Ingress" | "HTTPRoute" | "IngressRoute" | "VirtualService" => {
            let routes = yaml.get("spec").map(Yaml::to_json).unwrap_or_default();
            backends(&routes, &mut facts.routed);
        }
        "Secret" => secret(tree, &place, &name, yaml, facts),
        _ => {}
    }
    Ok(())
}

/// Values of a Secret that are written down.
fn secret(tree: &Tree, place: &str, name: &str, yaml: &Yaml, facts: &mut Facts) {
    for key in ["data", "stringData"] {
        for (entry, value) in yaml.get(key).map(Fields::entries).unwrap_or_default() {
            let Some(text) = value.text().filter(|text| !text.trim().is_empty()) else {
                continue;
            };
            if !text.contains("${") && !text.starts_with('<') {
                tree.redactor.add(&text);
                facts
                    .secrets
                    .push((place.to_owned(), format!("{name}.{entry}")));
            }
        }
    }
}

/// Names of services in routes of any kind.
fn backends(json: &serde_json::Value, names: &mut Vec<String>) {
    match json {
        serde_json::Value::Array(items) => items.iter().for_each(|item| backends(item, names)),
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                let name = match (key.as_str(), value) {
                    ("service" | "backendRefs" | "services", value) => {
                        let one = value
                            .as_array()
                            .map_or(std::slice::from_ref(value), Vec::as_slice);
                        names.extend(
                            one.iter()
                                .filter_map(|v| v.get("name")?.as_str().map(str::to_owned)),
                        );
                        None
                    }
                    ("serviceName" | "host", serde_json::Value::String(name)) => Some(name.clone()),
                    _ => None,
                };
                names.extend(name);
                backends(value, names);
            }
        }
        _ => {}
    }
}

/// Labels as text.
fn labels(yaml: Option<&Yaml>) -> BTreeMap<String, String> {
    yaml.map(Fields::entries)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.text()?)))
        .collect()
}

/// The containers of a pod.
fn containers(tree: &Tree, pod: &Yaml) -> Vec<Container> {
    let mut found = Vec::new();
    for (key, init) in [("initContainers", true), ("containers", false)] {
        for yaml in pod.get(key).map(Fields::items).unwrap_or_default() {
            found.push(container(tree, pod, yaml, init));
        }
    }
    found
}

/// One container.
fn container(tree: &Tree, pod: &Yaml, yaml: &Yaml, init: bool) -> Container {
    let words = |key: &str| {
        yaml.get(key)
            .map(|field| field.words().join(" "))
            .unwrap_or_default()
    };
    let command = format!("{} {}", words("command"), words("args"));
    let (command, _) = without_keys(command.trim(), &tree.redactor);
    let mut unbounded = Vec::new();
    for group in ["requests", "limits"] {
        for resource in ["cpu", "memory"] {
            let value = yaml
                .at(&["resources", group, resource])
                .and_then(Fields::text);
            if value.is_none_or(|value| matches!(value.as_str(), "" | "0")) {
                unbounded.push(format!("{group}.{resource}"));
            }
        }
    }
    let environment = yaml.get("env").map(Fields::items).unwrap_or_default();
    Container {
        name: yaml.text_at("name").unwrap_or_default(),
        init,
        image: yaml.text_at("image").unwrap_or_default(),
        development: development(&command),
        command,
        liveness: yaml.get("livenessProbe").and_then(probe),
        readiness: yaml.get("readinessProbe").and_then(probe),
        startup: yaml.get("startupProbe").and_then(probe),
        unbounded,
        powers: powers(pod, yaml),
        secrets: environment
            .iter()
            .filter_map(|item| {
                let name = item.text_at("name")?;
                let sort = literal(&name, &item.text_at("value")?, &tree.redactor)?;
                Some((name, sort.to_owned()))
            })
            .collect(),
    }
}

/// What a probe asks: a path, a port, a service or a command.
fn probe(yaml: &Yaml) -> Option<String> {
    if let Some(http) = yaml.get("httpGet") {
        return Some(http.text_at("path").unwrap_or_else(|| "/".to_owned()));
    }
    if let Some(exec) = yaml.at(&["exec", "command"]) {
        return Some(exec.words().join(" ")).filter(|command| !command.is_empty());
    }
    if let Some(socket) = yaml.get("tcpSocket") {
        return Some(format!(
            "port {}",
            socket.text_at("port").unwrap_or_default()
        ));
    }
    yaml.get("grpc")
        .map(|grpc| format!("grpc {}", grpc.text_at("service").unwrap_or_default()))
}

/// What lets a container run as root, or with more than it needs.
fn powers(pod: &Yaml, yaml: &Yaml) -> Vec<String> {
    let own = yaml.get("securityContext");
    let shared = pod.get("securityContext");
    let setting = |key: &str| {
        own.and_then(|context| context.get(key))
            .or_else(|| shared.and_then(|context| context.get(key)))
    };
    let mut powers = Vec::new();
    let user = setting("runAsUser").and_then(Fields::text);
    let not_root = setting("runAsNonRoot").is_some_and(Fields::is_true);
    if user.as_deref() == Some("0") {
        powers.push("runAsUser: 0".to_owned());
    } else if !not_root && user.is_none() {
        powers.push("no runAsNonRoot".to_owned());
    }
    let privileged = own.and_then(|context| context.get("privileged"));
    if privileged.is_some_and(Fields::is_true) {
        powers.push("privileged".to_owned());
    }
    let escalation = own.and_then(|context| context.get("allowPrivilegeEscalation"));
    if escalation.is_some_and(Fields::is_true) {
        powers.push("allowPrivilegeEscalation".to_owned());
    }
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        if pod.get(key).is_some_and(Fields::is_true) {
            powers.push(key.to_owned());
        }
    }
    powers
}
