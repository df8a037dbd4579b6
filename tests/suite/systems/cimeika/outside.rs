//! What is around the service on the network: TLS in front, Prometheus, GitHub, Sentry, Loki.

use std::thread;

use serde_json::json;

use super::{Named, Row, assert_rows, deployment, items_of};
use crate::github;
use crate::support::certificates::{Authority, DAY, Leaf};
use crate::support::dead::ClosedPort;
use crate::support::nginx::Nginx;
use crate::support::origin::{Origin, Response};
use crate::support::prometheus::Prometheus;
use crate::systems::{Audit, assert_broken, assert_healthy};

/// A break: an input, and the port or address that it names instead.
struct Input(&'static str, &'static str);

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.0, self.1)
    }
}

/// Breaks of TLS: what an input names instead.
const TLS: &[Row<Input>] = &[
    (
        &["CIM-S.7"],
        Input("frontend_url", "plain"),
        &["frontend-certificate", "frontend-https"],
    ),
    (
        &["CIM-S.8"],
        Input("base_url", "plain"),
        &["api-certificate", "api-https"],
    ),
    (
        &["CIM-S.9"],
        Input("frontend_url", "short"),
        &["frontend-certificate"],
    ),
    (
        &["CIM-S.9"],
        Input("base_url", "short"),
        &["api-certificate"],
    ),
    (
        &["CIM-S.9"],
        Input("base_url", "expired"),
        &["api-certificate", "api-hsts", "api-https"],
    ),
    (
        &["CIM-S.10"],
        Input("api_http_url", "plain"),
        &["api-http-redirects"],
    ),
    (
        &["CIM-S.10"],
        Input("api_http_url", "found"),
        &["api-http-redirects"],
    ),
    (
        &["CIM-S.10"],
        Input("frontend_http_url", "plain"),
        &["frontend-http-redirects"],
    ),
    (&["CIM-S.11"], Input("base_url", "no-hsts"), &["api-hsts"]),
    (
        &["CIM-S.11"],
        Input("frontend_url", "no-hsts"),
        &["frontend-hsts"],
    ),
    (
        &["CIM-S.11"],
        Input("frontend_url", "brief-hsts"),
        &["frontend-hsts"],
    ),
];

/// A server with a certificate for each way to be, and plain ones.
fn servers(authority: &Authority) -> Nginx {
    let good = authority.issue(&Leaf::localhost());
    let soon = authority.issue(&Leaf::localhost().ending_in(DAY));
    let expired = authority.issue(&Leaf::localhost().expired());
    let answer = "location / { default_type text/html; return 200 '<h1>ok</h1>'; }";
    let hsts = "add_header Strict-Transport-Security 'max-age=31536000; includeSubDomains' always;";
    let modern = format!("ssl_protocols TLSv1.2 TLSv1.3;\n{answer}");
    let strict = format!("{hsts}\n{modern}");
    let brief = format!("add_header Strict-Transport-Security 'max-age=60' always;\n{modern}");
    Nginx::builder()
        .tls("good", &good, &strict)
        .tls("short", &soon, &strict)
        .tls("expired", &expired, &strict)
        .tls("no-hsts", &good, &modern)
        .tls("brief-hsts", &good, &brief)
        .server(&format!("listen {{listen:plain}};\n{answer}"))
        .server("listen {listen:moved};\nreturn 308 https://localhost:{port:good}$request_uri;")
        .server("listen {listen:found};\nreturn 302 https://localhost:{port:good}$request_uri;")
        .start()
}

#[test]
fn broken_tls_is_red() {
    let authority = Authority::root();
    let nginx = servers(&authority);
    let address = |port: &str| {
        match port {
            // The profile leaves addresses of this machine without TLS alone, by their usual names.
            "plain" => format!("http://0.0.0.0:{}", nginx.port(port)),
            "moved" | "found" => format!("http://localhost:{}", nginx.port(port)),
            _ => nginx.tls_url(port, ""),
        }
    };
    let audit = deployment()
        .set("ca_file", authority.path().display().to_string())
        .set("base_url", address("good"))
        .set("frontend_url", address("good"))
        .set("api_http_url", address("moved") + "/health")
        .set("frontend_http_url", address("moved") + "/")
        .only("tag:tls")
        .skip("kind:postgres");
    assert_healthy(&audit.run(), 8);
    assert_rows(TLS, |Input(name, port)| {
        let path = if name.ends_with("_http_url") { "/" } else { "" };
        audit.clone().set(name, address(port) + path).run()
    });
}

/// What a Prometheus has seen and been told.
struct Watch {
    /// Percent of the time that CPUs are used.
    cpu: f64,
    /// Times that memory has grown.
    growth: f64,
    /// Errors among a hundred requests.
    errors: f64,
    /// Name of the label with the status.
    label: &'static str,
    /// Whether the exporters' metrics are there.
    machines: bool,
    /// What `pg_up` says; none without the exporter.
    database: Option<f64>,
    /// Expressions of alerts.
    alerts: &'static [&'static str],
}

impl Watch {
    /// All is well.
    const fn healthy() -> Self {
        Self {
            cpu: 20.0,
            growth: 1.1,
            errors: 0.2,
            label: "status",
            machines: true,
            database: Some(1.0),
            alerts: &[
                "up == 0",
                "time() - backup_last_success_timestamp_seconds > 93600",
            ],
        }
    }

    /// A Prometheus with seven and a half hours of it.
    fn start(&self) -> Prometheus {
        let rules: String = self
            .alerts
            .iter()
            .enumerate()
            .map(|(at, expr)| format!("      - {{ alert: Alert{at}, expr: '{expr}' }}\n"))
            .collect();
        let (config, rules) = if rules.is_empty() {
            ("global: { evaluation_interval: 1s }\n", String::new())
        } else {
            (
                "global: { evaluation_interval: 1s }\nrule_files: [rules.yml]\n",
                format!("groups:\n  - name: cimeika\n    rules:\n{rules}"),
            )
        };
        let prometheus = Prometheus::with_history(config, &rules, &self.history());
        if !self.alerts.is_empty() {
            prometheus.await_state("/api/v1/rules", "\"health\":\"ok\"");
        }
        prometheus
    }

    /// Samples of every five minutes, the newest of now, in the format of OpenMetrics.
    fn history(&self) -> String {
        let now = jiff::Timestamp::now().as_second();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, labels: &str, at: &dyn Fn(f64) -> f64| {
            let title = format!("# TYPE {} {kind}\n", name.trim_end_matches("_total"));
            if !text.contains(&title) {
                text.push_str(&title);
            }
            for step in 0..=90_i32 {
                let seconds = now - i64::from(90 - step) * 300;
                let value = at(f64::from(step));
                text.push_str(&format!("{name}{labels} {value} {seconds}\n"));
            }
        };
        let label = self.label;
        let good = format!("{{{label}=\"2xx\"}}");
        family("http_requests_total", "counter", &good, &|step| {
            step * (100.0 - self.errors)
        });
        if self.errors > 0.0 {
            let bad = format!("{{{label}=\"5xx\"}}");
            family("http_requests_total", "counter", &bad, &|step| {
                step * self.errors
            });
        }
        family("process_resident_memory_bytes", "gauge", "", &|step| {
            6e7 * (1.0 + (self.growth - 1.0) * (step - 18.0).max(0.0) / 72.0)
        });
        if self.machines {
            let used = self.cpu * 3.0;
            family(
                "node_cpu_seconds_total",
                "counter",
                "{mode=\"idle\"}",
                &|step| step * (300.0 - used),
            );
            family(
                "node_cpu_seconds_total",
                "counter",
                "{mode=\"user\"}",
                &|step| step * used,
            );
        }
        if let Some(up) = self.database {
            family("pg_up", "gauge", "", &|_| up);
        }
        text.push_str("# EOF\n");
        text
    }
}

/// A break of what Prometheus sees.
type Blind = Named<fn(&mut Watch)>;

/// Breaks of what Prometheus sees.
const WATCHED: &[Row<Blind>] = &[
    (
        &["CIM-M.12"],
        Named {
            name: "nobody is told that the service is down",
            make: |watch| {
                watch.alerts = &["time() - backup_last_success_timestamp_seconds > 93600"];
            },
        },
        &["alert-health"],
    ),
    (
        &["CIM-B.4"],
        Named {
            name: "nobody is told that a backup is missing",
            make: |watch| watch.alerts = &["up == 0"],
        },
        &["backup-alert"],
    ),
    (
        &["CIM-M.16"],
        Named {
            name: "no alert at all",
            make: |watch| watch.alerts = &[],
        },
        &["alert-health", "alert-rules", "backup-alert"],
    ),
    (
        &["CIM-M.14"],
        Named {
            name: "no metrics of machines",
            make: |watch| watch.machines = false,
        },
        // How much the CPUs are used is then not known.
        &["cpu", "infrastructure-metrics"],
    ),
    (
        &["CIM-M.15", "CIM-D.10"],
        Named {
            name: "no metrics of the database",
            make: |watch| watch.database = None,
        },
        &["database-metrics"],
    ),
    (
        &["CIM-M.15", "CIM-D.10"],
        Named {
            name: "the database is down",
            make: |watch| watch.database = Some(0.0),
        },
        &["database-metrics"],
    ),
    (
        &["CIM-P.5", "CIM-O.8"],
        Named {
            name: "the CPUs are busy",
            make: |watch| watch.cpu = 85.0,
        },
        &["cpu"],
    ),
    (
        &["CIM-P.6", "CIM-O.8", "CIM-O.10"],
        Named {
            name: "memory has doubled",
            make: |watch| watch.growth = 2.0,
        },
        &["memory-stable"],
    ),
    (
        &["CIM-O.1", "CIM-O.6", "CIM-O.10"],
        Named {
            name: "three of a hundred requests fail",
            make: |watch| watch.errors = 3.0,
        },
        &["error-rate"],
    ),
    (
        &["CIM-O.1"],
        Named {
            name: "the same with another label",
            make: |watch| {
                watch.errors = 3.0;
                watch.label = "status_code";
            },
        },
        &["error-rate"],
    ),
    (
        &["CIM-O.1"],
        Named {
            name: "no label says the status: not known, not green",
            make: |watch| watch.label = "outcome",
        },
        &["error-rate"],
    ),
];

/// How what a Prometheus sees is audited.
fn of_prometheus(prometheus: &Prometheus) -> Audit {
    deployment()
        .set("prometheus_url", prometheus.url())
        .only("kind:promql")
}

#[test]
fn broken_watching_is_red() {
    for watch in [
        Watch::healthy(),
        Watch {
            errors: 0.0,
            label: "code",
            alerts: &[
                "absent(up{job=\"backend\"}) or probe_success == 0",
                "increase(pg_dump_failures_total[1d]) > 0",
            ],
            ..Watch::healthy()
        },
    ] {
        assert_healthy(&of_prometheus(&watch.start()).run(), 8);
    }
    thread::scope(|scope| {
        for rows in WATCHED.chunks(WATCHED.len().div_ceil(3)) {
            scope.spawn(|| {
                assert_rows(rows, |row| {
                    let mut watch = Watch::healthy();
                    (row.make)(&mut watch);
                    of_prometheus(&watch.start()).run()
                });
            });
        }
    });
    let closed = ClosedPort::new();
    let run = deployment()
        .set(
            "prometheus_url",
            format!("http://127.0.0.1:{}", closed.port()),
        )
        .only("kind:promql")
        .run();
    for check in run.checks() {
        assert_eq!(check["verdict"], "error", "{check}\n{run}");
    }
}

/// Items that are broken here.
pub(super) fn items() -> Vec<&'static str> {
    let others = [
        "CIM-D.11", "CIM-D.12", "CIM-M.1", "CIM-M.2", "CIM-M.4", "CIM-M.6", "CIM-O.1",
    ];
    [items_of(TLS), items_of(WATCHED), others.to_vec()].concat()
}

#[test]
fn broken_pipelines_are_red() {
    let hub = github::healthy();
    let runs = |conclusion: &str| [github::workflow_run(9, "push", conclusion, 1)];
    github::workflow_runs(&hub, "deploy.yml", &runs("success"));
    let audit = deployment()
        .set("github_repo", "acme/shop")
        .set("github_token", github::TOKEN)
        .set("github_api", hub.url(""))
        .set("commit", github::SHA)
        .only("kind:github");
    assert_healthy(&audit.run(), 2);
    github::workflow_runs(&hub, "deploy.yml", &runs("failure"));
    assert_broken(&audit.run(), "CIM-D.12", &["deployment-tested"]);
    github::workflow_runs(&hub, "deploy.yml", &[]);
    assert_broken(&audit.run(), "CIM-D.12", &["deployment-tested"]);
    github::workflow_runs(&hub, "deploy.yml", &runs("success"));
    github::workflow_runs(&hub, "ci.yml", &runs("failure"));
    assert_broken(&audit.run(), "CIM-D.11", &["ci-green"]);
    hub.may_be_unused();
}

#[test]
fn broken_collectors_are_red() {
    let outside = Origin::start();
    let answer = |path: &str, body: serde_json::Value| {
        outside.route(path, move |_| Response::json(200, &body));
    };
    let rules = "/api/0/projects/acme/cimeika/rules/";
    let releases = "/api/0/projects/acme/cimeika/releases/";
    let logs = |lines: &[&str]| {
        let now = jiff::Timestamp::now().as_nanosecond().to_string();
        let values: Vec<_> = lines.iter().map(|line| json!([now, line])).collect();
        let found = json!({"status": "success", "data": {"resultType": "streams", "result": [{"stream": {"app": "cimeika"}, "values": values}], "stats": {}}});
        answer("/loki/api/v1/query_range", found);
    };
    let healthy = || {
        answer(
            rules,
            json!([{"id": "7", "name": "New issue", "status": "active"}]),
        );
        answer(
            releases,
            json!([{"version": "1.3.0"}, {"version": "1.2.0"}]),
        );
        logs(&[r#"{"level":"INFO","message":"started"}"#]);
    };
    healthy();
    let dsn = |port: u16| format!("http://0123456789abcdef0123456789abcdef@127.0.0.1:{port}/42");
    let audit = deployment()
        .env("SENTRY_DSN", dsn(outside.port()))
        .set("sentry_api", outside.url(""))
        .set("sentry_project", "acme/cimeika")
        .set("sentry_token", "sntrys_0123456789abcdef0123456789abcdef")
        .set("loki_url", outside.url(""))
        .only("sentry-reachable,sentry-alerts,sentry-release,logs-collected");
    assert_healthy(&audit.run(), 4);
    answer(rules, json!([]));
    assert_broken(&audit.run(), "CIM-M.2, CIM-O.1", &["sentry-alerts"]);
    healthy();
    answer(releases, json!([{"version": "1.1.0"}]));
    assert_broken(&audit.run(), "CIM-M.4", &["sentry-release"]);
    healthy();
    logs(&[]);
    assert_broken(&audit.run(), "CIM-M.6", &["logs-collected"]);
    healthy();
    let closed = ClosedPort::new();
    let away = audit.clone().env("SENTRY_DSN", dsn(closed.port()));
    assert_broken(&away.run(), "CIM-M.1", &["sentry-reachable"]);
}
