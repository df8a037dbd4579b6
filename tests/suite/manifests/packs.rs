//! The packs about manifests, on a repository that is as it should be and on one that is not.

use crate::support::cli::audit_command;
use crate::support::verdicts::assert_green;

const PROFILE: &str = "version: 1
name: t
packs:
  - use: container-image
  - use: compose
    with: { files: [docker-compose.yml] }
  - use: kubernetes
  - use: pipeline
";

/// The profile over one file of each sort; `red` spoils every one.
fn run(red: bool) -> crate::support::cli::Run {
    let pick = |good: &'static str, bad: &'static str| if red { bad } else { good };
    let compose = "services:\n  api:\n    image: 'acme/api:1'\n    healthcheck: { test: 'true' }\n    restart: always\n    mem_limit: 1g\n";
    let probes = "livenessProbe: { httpGet: { path: /health } }, readinessProbe: { httpGet: { path: /ready } }, resources: { requests: { cpu: 1, memory: 1Gi }, limits: { cpu: 1, memory: 1Gi } }";
    audit_command(PROFILE)
        .file("Dockerfile", pick("FROM alpine:3.20\nUSER app\n", "FROM alpine\n"))
        .file("docker-compose.yml", format!("{compose}{}", pick("    cpus: 1\n", "    command: x --reload\n")))
        .file("k8s/api.yaml", format!("kind: Deployment\nmetadata: {{ name: api }}\nspec:\n  template:\n    metadata: {{ labels: {{ a: b }} }}\n    spec:\n      securityContext: {{ runAsNonRoot: {} }}\n      containers: [ {{ name: api, image: 'a:1', {probes} }} ]\n{}", pick("true", "false"), pick("---\nkind: HorizontalPodAutoscaler\nspec: { scaleTargetRef: { kind: Deployment, name: api }, minReplicas: 2 }\n---\nkind: PodDisruptionBudget\nspec: { selector: { matchLabels: { a: b } } }\n", "")))
        .file(".github/workflows/ci.yml", format!("on: push\njobs:\n  lint: {{ steps: [ {{ run: 'ruff check .{}' }} ] }}\n  test: {{ steps: [ {{ run: pytest }} ] }}\n  deploy: {{ {} steps: [ {{ run: ship }} ] }}\n", pick("", " || true"), pick("needs: [lint, test], environment: production,", "")))
        .run()
}

#[test]
fn packs_of_manifests_are_green_and_can_be_red() {
    assert_green(&run(false));
    let red = run(true);
    for check in red.checks() {
        assert_eq!(check["verdict"], "fail", "{}\n{red}", check["id"]);
    }
}
