//! Kubernetes manifests.

use super::{assert_change, borrowed, changed, look};
use crate::support::verdicts::{assert_green, assert_red};

const SECTION: &str = "kubernetes:
  liveness_path: ^/health
  readiness_path: ^/ready$
  startup: true
  min_replicas: 2
  autoscaling: true
  disruption_budget: true
  migrations: alembic upgrade
  load_balancer: true";

const API: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: api }
spec:
  selector: { matchLabels: { app: api } }
  template:
    metadata: { labels: { app: api } }
    spec:
      securityContext: { runAsNonRoot: true }
      initContainers:
        - { name: migrate, image: 'acme/api:1.4', command: [alembic, upgrade, head] }
      containers:
        - name: api
          image: acme/api:1.4
          command: [uvicorn, 'app:app']
          livenessProbe: { httpGet: { path: /health, port: 8000 } }
          readinessProbe: { httpGet: { path: /ready, port: 8000 } }
          startupProbe: { httpGet: { path: /health, port: 8000 } }
          resources:
            requests: { cpu: 100m, memory: 128Mi }
            limits: { cpu: 1, memory: 256Mi }
          env:
            - { name: JWT_SECRET, valueFrom: { secretKeyRef: { name: api, key: jwt } } }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: api }
spec: { scaleTargetRef: { kind: Deployment, name: api }, minReplicas: 2, maxReplicas: 6 }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: api }
spec: { minAvailable: 1, selector: { matchLabels: { app: api } } }
";

const SERVICE: &str = "apiVersion: v1
kind: Service
metadata: { name: api }
spec: { selector: { app: api }, ports: [ { port: 80 } ] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: api }
spec: { rules: [ { http: { paths: [ { backend: { service: { name: api, port: { number: 80 } } } } ] } } ] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: alerts }
data:
  rules.yaml: |
    annotations: { summary: '{{ if $x }}down{{ end }}' }
";

const FILE: &str = "k8s/api.yaml";

const FILES: &[(&str, &str)] = &[(FILE, API), ("k8s/net/service.yaml", SERVICE)];

#[test]
fn k8s_manifests_for_production_are_green() {
    assert_green(&look(SECTION, FILES));
}

#[test]
fn k8s_51_52_53_what_kubernetes_asks() {
    let ready = "          readinessProbe: { httpGet: { path: /ready, port: 8000 } }\n";
    let run = look(SECTION, &borrowed(&changed(FILES, FILE, ready, "")));
    assert_red(&run, "it", "K8S-51");
    let live = "          livenessProbe: { httpGet: { path: /health, port: 8000 } }\n";
    assert_change(SECTION, FILES, (FILE, live, ""), "K8S-51");
    let start = "          startupProbe: { httpGet: { path: /health, port: 8000 } }\n";
    assert_change(SECTION, FILES, (FILE, start, ""), "K8S-51");
    assert_change(
        SECTION,
        FILES,
        (FILE, "path: /ready", "path: /health"),
        "K8S-52",
    );
    assert_change(
        SECTION,
        FILES,
        (
            FILE,
            "httpGet: { path: /ready, port: 8000 }",
            "tcpSocket: { port: 8000 }",
        ),
        "K8S-52",
    );
    assert_change(SECTION, FILES, (FILE, ", memory: 256Mi", ""), "K8S-53");
    assert_change(SECTION, FILES, (FILE, "cpu: 100m, ", ""), "K8S-53");
}

#[test]
fn k8s_54_55_58_62_how_it_is_kept_available() {
    assert_change(
        SECTION,
        FILES,
        (FILE, "minReplicas: 2", "minReplicas: 1"),
        "K8S-54",
    );
    let plain = "kubernetes: { autoscaling: true }";
    assert_change(
        plain,
        FILES,
        (
            FILE,
            "kind: Deployment, name: api",
            "kind: Deployment, name: web",
        ),
        "K8S-55",
    );
    assert_change(
        SECTION,
        FILES,
        (
            FILE,
            "minAvailable: 1, selector: { matchLabels: { app: api } }",
            "minAvailable: 1, selector: { matchLabels: { app: web } }",
        ),
        "K8S-58",
    );
    assert_change(
        SECTION,
        FILES,
        (
            "k8s/net/service.yaml",
            "selector: { app: api }",
            "selector: { app: web }",
        ),
        "K8S-62",
    );
}

#[test]
fn k8s_56_57_59_60_61_what_runs() {
    assert_change(
        SECTION,
        FILES,
        (
            FILE,
            "          image: acme/api:1.4",
            "          image: acme/api",
        ),
        "K8S-56",
    );
    assert_change(
        SECTION,
        FILES,
        (FILE, "runAsNonRoot: true", "runAsNonRoot: false"),
        "K8S-57",
    );
    assert_change(
        SECTION,
        FILES,
        (
            FILE,
            "          image: acme/api:1.4",
            "          image: acme/api:1.4\n          securityContext: { privileged: true }",
        ),
        "K8S-57",
    );
    assert_change(
        SECTION,
        FILES,
        (
            FILE,
            "valueFrom: { secretKeyRef: { name: api, key: jwt } }",
            "value: Zk4pQ9vXw2Lm7c",
        ),
        "K8S-59",
    );
    assert_change(
        SECTION,
        FILES,
        (FILE, "alembic, upgrade, head", "sleep, '1'"),
        "K8S-60",
    );
    assert_change(
        SECTION,
        FILES,
        (FILE, "'app:app']", "'app:app', --reload]"),
        "K8S-61",
    );
    let mut files = FILES.to_vec();
    files.push((
        "k8s/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: { name: api }\ndata: { jwt: WmtzZWNyZXR6eg== }\n",
    ));
    let run = look(SECTION, &files);
    assert_red(&run, "it", "K8S-59");
    assert!(!format!("{run}").contains("WmtzZWNyZXR6eg"), "{run}");
}

#[test]
fn k8s_what_is_not_rendered_is_an_error() {
    for (from, to) in [
        ("image: acme/api:1.4", "image: '{{ .Values.image }}'"),
        (
            "kind: Deployment",
            "{{- if .Values.api }}\nkind: Deployment",
        ),
        ("name: api", "name: {{ .Release.Name }}"),
    ] {
        let run = look("kubernetes: {}", &borrowed(&changed(FILES, FILE, from, to)));
        assert_eq!(run.verdict("it"), "error", "{run}");
        assert!(run.stdout.contains("helm template"), "{run}");
    }
    let run = look("kubernetes: {}", &FILES[1..]);
    assert_eq!(run.verdict("it"), "error", "{run}");
    let run = look("kubernetes: {}", &[(FILE, &API[..700])]);
    assert_eq!(run.verdict("it"), "error", "{run}");
}
