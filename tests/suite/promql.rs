//! A real Prometheus with a real Alertmanager: healthy, and broken in every way that can be made.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::cli::{Run, audit, audit_command};
use crate::support::dead::ClosedPort;
use crate::support::origin::{Origin, Response};
use crate::support::prometheus::{Alertmanager, Prometheus};
use crate::support::verdicts::{assert_green, assert_red};

/// A service that has served a thousand more requests at every look, ten of them badly.
fn service() -> Origin {
    let origin = Origin::start();
    let looks = AtomicUsize::new(1);
    origin.route("/metrics", move |_| {
        let n = looks.fetch_add(1, Ordering::SeqCst);
        let (good, bad, fast) = (n * 990, n * 10, n * 980);
        let all = n * 1000;
        let page = format!(
            "# TYPE requests_total counter\nrequests_total{{status=\"200\"}} {good}\nrequests_total{{status=\"500\"}} {bad}\n\
             # TYPE latency_seconds histogram\nlatency_seconds_bucket{{le=\"0.1\"}} {fast}\nlatency_seconds_bucket{{le=\"0.5\"}} {good}\nlatency_seconds_bucket{{le=\"+Inf\"}} {all}\nlatency_seconds_sum {n}\nlatency_seconds_count {all}\n\
             # TYPE idle gauge\nidle 0\n"
        );
        Response::text(200, &page)
    });
    origin
}

/// A configuration that scrapes these jobs every second, and sends alerts there.
fn config(jobs: &[(&str, String)], alertmanager: Option<&str>) -> String {
    let jobs: Vec<Value> = jobs
        .iter()
        .map(|(name, address)| json!({ "job_name": name, "static_configs": [{ "targets": [address] }] }))
        .collect();
    let managers: Vec<Value> = alertmanager
        .iter()
        .map(|address| json!({ "static_configs": [{ "targets": [address] }] }))
        .collect();
    json!({
        "global": { "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s" },
        "rule_files": ["rules.yml"],
        "alerting": { "alertmanagers": managers },
        "scrape_configs": jobs,
    })
    .to_string()
}

/// Alerting rules: name, expression, severity.
fn rules(list: &[(&str, &str, &str)]) -> String {
    let rules: Vec<Value> = list
        .iter()
        .map(|(name, expr, severity)| {
            json!({ "alert": name, "expr": expr, "labels": { "severity": severity } })
        })
        .collect();
    json!({ "groups": [{ "name": "app", "rules": rules }] }).to_string()
}

/// One check of the kind `promql`.
fn check(id: &str, url: &str, more: &Value) -> Value {
    let mut spec = json!({ "url": url });
    spec.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({ "id": id, "promql": spec })
}

/// Audits with these checks.
fn look(checks: &[Value]) -> Run {
    audit(
        &json!({
            "version": 1, "name": "t", "defaults": { "timeout": "20s", "retry": { "attempts": 1 } },
            "checks": checks,
        })
        .to_string(),
    )
}

/// All these green in one run, and all those red with their codes in another.
#[track_caller]
fn judged(url: &str, green: &[Value], red: &[(&str, Value)]) {
    let checks: Vec<Value> = green
        .iter()
        .enumerate()
        .map(|(index, more)| check(&format!("green-{index}"), url, more))
        .collect();
    assert_green(&look(&checks));
    let checks: Vec<Value> = red
        .iter()
        .enumerate()
        .map(|(index, (_, more))| check(&format!("red-{index}"), url, more))
        .collect();
    let run = look(&checks);
    for (index, (code, more)) in red.iter().enumerate() {
        let id = format!("red-{index}");
        assert!(
            matches!(run.verdict(&id).as_str(), "fail" | "error"),
            "{more}\n{run}"
        );
        let codes = run.codes(&id);
        assert!(
            codes.iter().any(|found| found == code),
            "{more}: {codes:?}, not {code}\n{run}"
        );
    }
}

/// A budget with these expressions.
fn budget(slo: f64, errors: &str, more: &Value) -> Value {
    let mut rule = json!({
        "title": "requests", "slo": slo, "errors": errors, "total": "sum(rate(requests_total[window]))",
        "windows": [{ "long": "1h", "short": "5m", "factor": 14.4 }],
    });
    rule.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({ "burn_rate": [rule] })
}

/// The rate of errors.
const ERRORS: &str = "sum(rate(requests_total{status=\"500\"}[window]))";

/// A healthy service, watched by a healthy server whose alerts arrive.
struct Healthy {
    _service: Origin,
    target: String,
    manager: Alertmanager,
    prometheus: Prometheus,
}

impl Healthy {
    fn start() -> Self {
        let service = service();
        let manager = Alertmanager::start(
        &json!({
            "route": { "receiver": "team" },
            "receivers": [{ "name": "team", "webhook_configs": [{ "url": "http://127.0.0.1:1/canary-hook-0123456789" }] }],
        })
        .to_string(),
    );
        let target = format!("127.0.0.1:{}", service.port());
        let config = config(&[("app", target.clone())], Some(&manager.address()));
        let loaded = rules(&[
            ("Watchdog", "vector(1)", "none"),
            (
                "ErrorRateHigh",
                "sum(rate(requests_total{status=~\"5..\"}[1m]))\n / sum(rate(requests_total[1m])) > 0.5",
                "critical",
            ),
        ]);
        let prometheus = Prometheus::start(&config, &loaded);
        prometheus
            .await_state(
                "/api/v1/query?query=increase(requests_total%5B1m%5D)",
                "\"value\"",
            )
            .await_state("/api/v1/alertmanagers", "api/v2/alerts")
            .await_state("/api/v1/rules", "\"firing\"");
        manager.await_alert("Watchdog");
        Self {
            _service: service,
            target,
            manager,
            prometheus,
        }
    }
}

/// Everything that can be expected of it, and holds.
fn full(healthy: &Healthy) -> Value {
    json!({
        "series": ["requests_total{status=\"200\"}", "latency_seconds_count"],
        "queries": [
            { "title": "error share", "expr": "sum(rate(requests_total{status=\"500\"}[1m])) / sum(rate(requests_total[1m]))", "value": { "lt": 0.05 }, "one": true },
            { "expr": "requests_total > 1e15", "value": 0, "on_empty": "pass", "exists": "requests_total" },
            { "expr": "up", "value": 1, "range": "1m", "min_points": 1 },
            { "expr": "count(up)", "value": 1, "count": 1 },
        ],
        "targets": { "jobs": ["app"], "urls": [format!("http://{}/metrics", healthy.target)], "max_scrape_age": "10s" },
        "rules": { "groups": ["app"] },
        "alerts": { "exist": ["ErrorRateHigh", { "expr": "requests_total.*5.*/ sum" }, { "about": "^ErrorRate" }, { "about": "requests_total" }, { "labels": { "severity": "critical" } }], "none_firing": true },
        "retention": "15d", "max_clock_skew": "10s",
        "buckets": [{ "histogram": "latency_seconds", "threshold": "500ms" }],
        "alertmanager": { "url": healthy.manager.url(), "receivers": ["team"] },
        "dead_mans_switch": true,
    })
}

/// Targets, series and values that it does not have, and budgets that burn.
fn not_seen() -> Vec<(&'static str, Value)> {
    vec![
        ("MET-08", json!({ "targets": { "jobs": ["worker"] } })),
        (
            "MET-08",
            json!({ "targets": { "urls": ["http://other/metrics"] } }),
        ),
        (
            "MET-08",
            json!({ "targets": { "jobs": ["app"], "min": 2 } }),
        ),
        ("MET-10", json!({ "series": ["node_cpu_seconds_total"] })),
        (
            "MET-10",
            json!({ "queries": [{ "expr": "nothing_total", "value": { "lt": 5 } }] }),
        ),
        (
            "MET-10",
            json!({ "queries": [{ "expr": "nothing > 5", "value": 0, "on_empty": "pass", "exists": "nothing" }] }),
        ),
        (
            "MET-10",
            json!({ "queries": [{ "expr": "idle / idle", "value": { "gte": 0 } }] }),
        ),
        (
            "MET-10",
            json!({ "queries": [{ "expr": "sum(", "value": { "gte": 0 } }] }),
        ),
        (
            "MET-10",
            budget(
                99.9,
                "sum(rate(requests_total{status=\"599\"}[window]))",
                &json!({}),
            ),
        ),
        (
            "MET-11",
            json!({ "queries": [{ "expr": "up[1m]", "value": 1 }] }),
        ),
        (
            "MET-11",
            json!({ "queries": [{ "expr": "requests_total", "value": { "gte": 0 }, "one": true }] }),
        ),
        ("MET-12", budget(99.99, ERRORS, &json!({}))),
        (
            "MET-12",
            budget(
                99.9,
                ERRORS,
                &json!({ "min_remaining": 50, "period": "1d" }),
            ),
        ),
    ]
}

/// Traffic, rules, receivers, buckets and samples that it does not have.
fn not_there(manager: &str, closed: u16) -> Vec<(&'static str, Value)> {
    vec![
        (
            "MET-13",
            budget(99.9, ERRORS, &json!({ "min_events": 1e12 })),
        ),
        (
            "MET-13",
            json!({ "queries": [{ "expr": "up", "value": 1, "range": "1h" }] }),
        ),
        ("MET-14", json!({ "alerts": { "exist": ["LatencyHigh"] } })),
        (
            "MET-14",
            json!({ "alerts": { "exist": [{ "expr": "latency_seconds" }] } }),
        ),
        (
            "MET-14",
            json!({ "alerts": { "exist": [{ "about": "(?i)cache" }] } }),
        ),
        ("MET-14", json!({ "rules": { "groups": ["slo"] } })),
        ("MET-14", json!({ "rules": { "min_alerts": 3 } })),
        (
            "MET-15",
            json!({ "alertmanager": { "url": format!("http://127.0.0.1:{closed}") } }),
        ),
        (
            "MET-15",
            json!({ "alertmanager": { "url": manager, "receivers": ["pager"] } }),
        ),
        ("MET-16", json!({ "dead_mans_switch": "Heartbeat" })),
        ("MET-16", json!({ "dead_mans_switch": "ErrorRateHigh" })),
        (
            "MET-17",
            json!({ "queries": [{ "expr": "sum(rate(requests_total[1s])) or vector(0)", "value": { "gte": 0 } }] }),
        ),
        (
            "MET-18",
            json!({ "buckets": [{ "histogram": "latency_seconds", "threshold": "5s" }] }),
        ),
        ("MET-20", json!({ "retention": "30d" })),
        (
            "MET-20",
            budget(
                90.0,
                ERRORS,
                &json!({ "min_remaining": 1, "windows": [{ "long": "1h", "short": "5m", "factor": 5 }] }),
            ),
        ),
        (
            "MET-61",
            json!({ "queries": [{ "expr": "up", "value": 0 }] }),
        ),
        (
            "MET-62",
            json!({ "queries": [{ "expr": "up", "count": 2 }] }),
        ),
    ]
}

#[test]
fn met_08_to_20_61_62_a_healthy_server_asked_for_the_right_and_the_wrong() {
    let healthy = Healthy::start();
    let Healthy {
        manager,
        prometheus,
        ..
    } = &healthy;
    let url = prometheus.url();
    let full = full(&healthy);
    let closed = ClosedPort::new();
    let mut red = not_seen();
    red.extend(not_there(&manager.url(), closed.port()));
    judged(
        &url,
        &[
            full.clone(),
            budget(99.9, ERRORS, &json!({ "min_events": 1000 })),
        ],
        &red,
    );
    let warned = look(&[check(
        "m",
        &url,
        &json!({ "buckets": [{ "histogram": "latency_seconds", "threshold": "300ms" }] }),
    )]);
    assert_eq!(warned.verdict("m"), "warn", "{warned}");
    packs(&url, &manager.url());
    let run = look(&[check("m", &url, &full)]);
    assert!(!run.stdout.contains("canary-hook"), "{run}");
    let now = std::time::SystemTime::now();
    let at = |seconds| {
        let time = now + std::time::Duration::from_secs(seconds);
        jiff::Timestamp::try_from(time).unwrap().to_string()
    };
    manager.silence(&json!({
        "matchers": [{ "name": "alertname", "value": ".+", "isRegex": true, "isEqual": true }],
        "startsAt": at(0), "endsAt": at(3600), "createdBy": "test", "comment": "all",
    }));
    let run = look(&[check(
        "m",
        &url,
        &json!({ "alertmanager": { "url": manager.url() } }),
    )]);
    assert_red(&run, "m", "MET-15");
}

/// The packs on a healthy server, and each of them red.
fn packs(url: &str, manager: &str) {
    let pack = |name: &str, with: &Value| {
        let packs = json!([{ "use": name, "with": with }]);
        audit(&json!({ "version": 1, "name": "t", "packs": packs }).to_string())
    };
    let with = json!({ "url": url, "series": ["requests_total"], "jobs": ["app"], "retention": "15d",
        "alerts": ["requests_total.*5"] });
    assert_green(&pack("prometheus", &with));
    let broken = json!({ "url": url, "jobs": ["worker"], "retention": "15d" });
    assert_red(
        &pack("prometheus", &broken),
        "prometheus-targets[worker]",
        "MET-08",
    );
    let with = json!({ "url": url, "alertmanager_url": manager });
    assert_green(&pack("alerting", &with));
    let slo = |objective: f64| {
        json!({ "url": url, "slo": objective, "errors": ERRORS, "total": "sum(rate(requests_total[window]))",
            "burn_alert": "requests_total" })
    };
    assert_green(&pack("slo-burn-rate", &slo(97.0)));
    assert_red(
        &pack("slo-burn-rate", &slo(99.99)),
        "slo-burn-rate",
        "MET-12",
    );
}

#[test]
fn met_08_09_14_15_16_63_a_broken_server() {
    let service = service();
    let closed = ClosedPort::new();
    let jobs = [
        ("app", format!("127.0.0.1:{}", service.port())),
        ("gone", format!("127.0.0.1:{}", closed.port())),
    ];
    let broken = rules(&[
        ("Down", "up == 0", "critical"),
        (
            "Ambiguous",
            "requests_total * on () group_left idle + on () requests_total",
            "warning",
        ),
    ]);
    let healthy = config(&jobs, None).replace(
        "\"scrape_configs\":[{",
        "\"scrape_configs\":[{\"scrape_interval\":\"10s\",",
    );
    let prometheus = Prometheus::start(&healthy, &broken);
    prometheus
        .await_state("/api/v1/targets", "\"health\":\"down\"")
        .await_state("/api/v1/targets", "\"health\":\"up\"")
        .await_state("/api/v1/rules", "\"firing\"")
        .await_state("/api/v1/rules", "\"health\":\"err\"");
    let reds = [
        ("MET-08", json!({ "targets": true })),
        (
            "MET-09",
            json!({ "targets": { "jobs": ["app"], "max_scrape_age": "1ms" } }),
        ),
        ("MET-14", json!({ "rules": true })),
        ("MET-14", json!({ "alerts": { "exist": ["Ambiguous"] } })),
        ("MET-14", json!({ "alerts": { "none_firing": true } })),
        (
            "MET-14",
            json!({ "alerts": { "none_firing": { "labels": { "severity": "critical" }, "except": ["Ambiguous"] } } }),
        ),
        ("MET-15", json!({ "alertmanager": {} })),
        ("MET-16", json!({ "dead_mans_switch": true })),
    ];
    let greens = [
        json!({ "targets": { "jobs": ["app"] } }),
        json!({ "alerts": { "exist": ["Down"] } }),
        json!({ "alerts": { "none_firing": { "labels": { "severity": "info" }, "except": ["Ambiguous"] } } }),
    ];
    judged(&prometheus.url(), &greens, &reds);
    prometheus.reload("scrape_configs: 7");
    let run = look(&[check("m", &prometheus.url(), &json!({ "rules": true }))]);
    assert_red(&run, "m", "MET-63");
    prometheus.reload(&config(&jobs[..1], None).replace("rules.yml", "none.yml"));
    prometheus.await_state("/api/v1/rules", "\"groups\":[]");
    let run = look(&[check(
        "m",
        &prometheus.url(),
        &json!({ "alerts": { "none_firing": true } }),
    )]);
    assert_red(&run, "m", "MET-14");
}

/// Something that answers as Prometheus does, with a clock of its own and a warning on demand.
fn imitation(ahead: i64, warning: bool) -> Origin {
    let origin = Origin::start();
    origin.route("/prom/api/v1/query", move |request| {
        if request.header("authorization") != Some("Basic YXVkaXQ6Y2FuYXJ5LXBhc3N3b3JkLTQy") {
            return Response::json(401, json!({ "message": "who?" }));
        }
        let now = jiff::Timestamp::now().as_second() + ahead;
        let data = if request.query.contains("time") {
            json!({ "resultType": "scalar", "result": [now, now.to_string()] })
        } else {
            json!({ "resultType": "vector", "result": [{ "metric": {}, "value": [now, "1"] }] })
        };
        let warnings = if warning {
            json!(["a store did not answer"])
        } else {
            json!([])
        };
        Response::json(
            200,
            json!({ "status": "success", "data": data, "warnings": warnings }),
        )
    });
    origin
}

#[test]
fn met_10_partial_answers_met_19_clocks_and_credentials() {
    let run = |origin: &Origin, password: &str, more: &str| {
        let url = origin.url("/prom/");
        let yaml = format!(
            "version: 1\nname: t\ninputs:\n  password: {{ type: string, from: env:PASSWORD, secret: true, required: true }}\nchecks:\n  - id: m\n    retry: {{ attempts: 1 }}\n    promql: {{ url: \"{url}\", auth: {{ basic: {{ user: audit, password: \"${{password}}\" }} }}, {more} }}\n"
        );
        audit_command(&yaml).env("PASSWORD", password).run()
    };
    let good = "canary-password-42";
    let both = "series: [up], max_clock_skew: 1m";
    let healthy = imitation(0, false);
    let green = run(&healthy, good, both);
    assert_green(&green);
    assert!(!format!("{green}").contains("canary-password"), "{green}");
    assert_red(&run(&imitation(0, true), good, both), "m", "MET-10");
    assert_red(&run(&imitation(300, false), good, both), "m", "MET-19");
    assert_red(&run(&imitation(-300, false), good, both), "m", "MET-19");
    let refused = run(&healthy, "wrong", both);
    assert_eq!(refused.check("m")["fault"]["cause"], "auth", "{refused}");
    for (status, body) in [(200, "<html>"), (404, "{}"), (200, "{}")] {
        let other = Origin::start();
        other.fallback(move |_| Response::text(status, body));
        let run = look(&[check("m", &other.url(""), &json!({ "series": ["up"] }))]);
        assert_eq!(run.verdict("m"), "error", "{run}");
    }
}

#[test]
fn promql_plan_names_every_request() {
    let more = json!({
        "queries": [{ "expr": "sum(up)", "value": 1 }], "targets": true, "rules": true,
        "alertmanager": { "url": "http://127.0.0.1:9/" },
    });
    let yaml =
        json!({ "version": 1, "name": "t", "checks": [check("m", "http://127.0.0.1:8", &more)] });
    let run = audit_command(&yaml.to_string()).args(["--dry-run"]).run();
    for words in [
        "/api/v1/query sum(up)",
        "/api/v1/targets",
        "/api/v1/rules",
        "/api/v1/alertmanagers",
        "http://127.0.0.1:9/api/v2/receivers",
    ] {
        assert!(run.stdout.contains(words), "{words}: {run}");
    }
}
