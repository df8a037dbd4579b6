//! Pages of metrics: those of real programs, and ones broken on purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::cli::{Run, audit, audit_command};
use crate::support::origin::{Origin, Response};
use crate::support::verdicts::{assert_green, assert_red};

/// A page as a healthy service writes it.
const PAGE: &str = "\
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{method=\"GET\",route=\"/a\",status=\"200\"} 980
http_requests_total{method=\"GET\",route=\"/a\",status=\"500\"} 20
# TYPE heap_seconds histogram
heap_seconds_bucket{op=\"insert\",le=\"0.01\"} 900
heap_seconds_bucket{op=\"insert\",le=\"0.1\"} 995
heap_seconds_bucket{op=\"insert\",le=\"1\"} 999
heap_seconds_bucket{op=\"insert\",le=\"+Inf\"} 1000
heap_seconds_sum{op=\"insert\"} 12.5
heap_seconds_count{op=\"insert\"} 1000
# TYPE process_open_fds gauge
process_open_fds 40
# TYPE process_max_fds gauge
process_max_fds 1024
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 5.24288e+07
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7e+09
# TYPE app_build_info gauge
app_build_info{version=\"1.4.0\"} 1
";

/// The media type of Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A server of one page.
fn serving(page: impl Into<String>) -> Origin {
    let origin = Origin::start();
    let page = page.into();
    origin.route("/metrics", move |_| metrics(&page));
    origin
}

/// An answer of metrics.
fn metrics(page: &str) -> Response {
    Response::text(200, page).header("content-type", TEXT)
}

/// Audits with one check.
fn look(url: &str, more: &Value) -> Run {
    audit(&profile(url, more))
}

/// A profile with one check of the kind `metrics`.
fn profile(url: &str, more: &Value) -> String {
    let mut spec = json!({ "url": url });
    spec.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({
        "version": 1, "name": "t", "defaults": { "timeout": "20s", "retry": { "attempts": 1 } },
        "checks": [{ "id": "m", "metrics": spec }],
    })
    .to_string()
}

/// Green with the healthy page, red with `code` when the page is changed.
#[track_caller]
fn both(more: &Value, code: &str, from: &str, to: &str) {
    assert!(PAGE.contains(from), "{from}");
    let healthy = serving(PAGE);
    assert_green(&look(&healthy.url("/metrics"), more));
    let broken = serving(PAGE.replace(from, to));
    assert_red(&look(&broken.url("/metrics"), more), "m", code);
}

#[test]
fn met_01_what_no_collector_reads() {
    both(&json!({}), "MET-01", "} 980", "} many");
    let origin = Origin::start();
    let url = origin.url("/metrics");
    let html = "<!DOCTYPE html><title>App</title>";
    let cut_off = format!("{PAGE}# EOF\n");
    for (answer, words) in [
        (
            Arc::new(move || metrics(html)) as Arc<dyn Fn() -> Response + Send + Sync>,
            "web page",
        ),
        (Arc::new(|| metrics("")), "empty"),
        (Arc::new(|| metrics("# nothing yet\n")), "no sample"),
        (Arc::new(|| Response::json(200, json!({"up": 1}))), "JSON"),
        (Arc::new(|| Response::text(503, "up 1\n")), "status 503"),
        (
            Arc::new(move || metrics(&cut_off).claiming_length(99_999)),
            "cut off",
        ),
        (
            Arc::new(|| {
                Response::status(200)
                    .header(
                        "content-type",
                        "application/openmetrics-text; version=1.0.0",
                    )
                    .body("# TYPE a counter\na_total 1\n")
            }),
            "# EOF",
        ),
    ] {
        origin.route("/metrics", move |_| answer());
        let run = look(&url, &json!({}));
        assert_red(&run, "m", "MET-01");
        assert!(run.stdout.contains(words), "{words}: {run}");
    }
    origin.route("/metrics", |_| {
        Response::status(200)
            .header(
                "content-type",
                "application/openmetrics-text; version=1.0.0",
            )
            .body("# TYPE a counter\na_total 1\n# EOF\n")
    });
    assert_green(&look(&url, &json!({ "require": ["a"] })));
    origin.route("/metrics", |_| Response::json(200, "up 1\n"));
    let run = look(&url, &json!({}));
    assert_eq!(run.verdict("m"), "warn", "{run}");
}

#[test]
fn met_02_family_label_or_value_absent() {
    let whole = json!({
        "require": ["http_requests_total"],
        "families": {
            "http_requests_total": { "type": "counter", "labels": ["method", "route", "status"] },
            "heap_seconds": { "type": "histogram", "values": { "op": ["insert"] } },
        },
    });
    for (from, to) in [
        ("http_requests_total", "http_requests"),
        (",status=\"500\"", ""),
        ("op=\"insert\"", "op=\"delete\""),
    ] {
        both(&whole, "MET-02", from, to);
    }
    let run = look(
        &serving(PAGE).url("/metrics"),
        &json!({ "samples": [{ "select": "missing_total", "value": { "gte": 0 } }] }),
    );
    assert_red(&run, "m", "MET-02");
}

#[test]
fn met_03_the_page_contradicts_itself() {
    let counter = json!({ "families": { "http_requests_total": "counter" } });
    both(
        &counter,
        "MET-03",
        "requests_total counter",
        "requests_total gauge",
    );
    both(&json!({}), "MET-03", "status=\"500\"", "status=\"200\"");
    both(&json!({}), "MET-03", "le=\"1\"} 999", "le=\"1\"} 99");
    both(
        &json!({}),
        "MET-03",
        "heap_seconds_bucket{op=\"insert\",le=\"+Inf\"} 1000\n",
        "",
    );
    both(
        &json!({}),
        "MET-03",
        "# TYPE process_max_fds gauge",
        "# TYPE process_open_fds gauge",
    );
}

/// A page that is another one at every second look.
fn changing(first: &'static str, second: String) -> Origin {
    let origin = Origin::start();
    let looks = AtomicUsize::new(0);
    origin.route("/metrics", move |_| {
        let first_look = looks.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        metrics(if first_look { first } else { &second })
    });
    origin.route("/a", |_| Response::text(200, "a"));
    origin
}

#[test]
fn met_03_met_04_met_58_between_two_scrapes() {
    let more = json!({
        "second_scrape": { "after": "1s", "request": ["/a"], "increases": ["http_requests_total"],
            "change": [{ "select": "process_open_fds", "is": { "lte": 5 } }] },
        "process": { "max_memory_growth": "1MiB" },
    });
    let moved = PAGE.replace("} 980", "} 981");
    let healthy = changing(PAGE, moved.clone());
    assert_green(&look(&healthy.url("/metrics"), &more));
    assert_eq!((healthy.hits("/metrics"), healthy.hits("/a")), (2, 1));
    for (page, code) in [
        (PAGE.to_owned(), "MET-04"),
        (moved.replace("} 20\n", "} 19\n"), "MET-03"),
        (
            moved.replace("process_open_fds 40", "process_open_fds 50"),
            "MET-58",
        ),
        (moved.replace("5.24288e+07", "9.0e+07"), "MET-58"),
        (moved.replace("1.7e+09", "1.7001e+09"), "MET-03"),
    ] {
        let broken = changing(PAGE, page);
        assert_red(&look(&broken.url("/metrics"), &more), "m", code);
    }
}

#[test]
fn met_05_too_many_series() {
    both(
        &json!({ "cardinality": true }),
        "MET-05",
        "method=\"GET\"",
        "user_id=\"7\"",
    );
    let small = json!({ "cardinality": { "max_series": 20, "max_label_values": 3 } });
    let more = "http_requests_total{status=\"201\"} 1\n".to_owned()
        + "http_requests_total{status=\"202\"} 1\n"
        + "http_requests_total{status=\"500\"} 20";
    let from = "http_requests_total{method=\"GET\",route=\"/a\",status=\"500\"} 20";
    both(&small, "MET-05", from, &more);
    both(
        &json!({ "families": { "http_requests_total": { "max_series": 2 } } }),
        "MET-05",
        from,
        &more,
    );
}

#[test]
fn met_06_secrets_in_labels() {
    let more = json!({ "no_secrets": true, "samples": [{ "select": "http_requests_total", "value": { "gte": 0 } }] });
    both(
        &more,
        "MET-06",
        "route=\"/a\",status=\"500\"",
        "route=\"someone@example.org\",status=\"500\"",
    );
    let key = "sk_live_canary0123456789abcdef";
    let origin = serving(PAGE.replace(
        "route=\"/a\",status=\"500\"",
        &format!("route=\"{key}\",status=\"500\""),
    ));
    let run = look(&origin.url("/metrics"), &more);
    assert_red(&run, "m", "MET-06");
    assert!(!format!("{run}").contains("canary0123456789"), "{run}");
}

#[test]
fn met_07_the_page_is_public() {
    let origin = Origin::start();
    origin.route("/metrics", |request| {
        match request.header("authorization") {
            Some("Bearer canary-token-42") => metrics(PAGE),
            _ => Response::text(401, "who are you?"),
        }
    });
    origin.route("/public", |_| metrics(PAGE));
    origin.route("/down", |_| Response::text(503, "later"));
    let yaml = |path: &str, auth: &str| {
        format!(
            "version: 1\nname: t\ninputs:\n  token: {{ type: string, from: env:TOKEN, secret: true, required: true }}\nchecks:\n  - id: m\n    retry: {{ attempts: 1 }}\n    metrics: {{ url: \"{}\", refuses_anonymous: true{auth} }}\n",
            origin.url(path)
        )
    };
    let run = |path: &str, auth: &str| {
        audit_command(&yaml(path, auth))
            .env("TOKEN", "canary-token-42")
            .run()
    };
    let auth = ", auth: { bearer: \"${token}\" }, require: [heap_seconds]";
    let green = run("/metrics", auth);
    assert_green(&green);
    assert!(!format!("{green}").contains("canary-token-42"), "{green}");
    assert_green(&run("/metrics", ""));
    assert_red(&run("/public", ""), "m", "MET-07");
    assert_red(&run("/public", auth), "m", "MET-07");
    let unknown = run("/down", "");
    assert_red(&unknown, "m", "MET-07");
    assert_eq!(unknown.verdict("m"), "error", "{unknown}");
}

#[test]
fn met_21_another_release() {
    let more = json!({ "version": { "select": "app_build_info", "is": "1.4.0" } });
    both(&more, "MET-21", "1.4.0", "1.3.9");
    both(
        &more,
        "MET-21",
        "app_build_info{version=\"1.4.0\"} 1",
        "app_build_info{} 1",
    );
}

#[test]
fn met_51_to_53_values_shares_and_quantiles() {
    let sample =
        json!({ "samples": [{ "select": "process_open_fds", "value": { "lt": 50 }, "count": 1 }] });
    both(
        &sample,
        "MET-51",
        "process_open_fds 40",
        "process_open_fds 50",
    );
    both(
        &sample,
        "MET-51",
        "process_open_fds 40",
        "process_open_fds NaN",
    );
    let ratio = json!({ "ratios": [{ "title": "error rate", "of": "http_requests_total{status=~\"5..\"}",
        "to": "http_requests_total", "is": { "lt": 0.05 }, "min_total": 100 }] });
    both(&ratio, "MET-52", "} 20", "} 90");
    both(&ratio, "MET-13", "} 980", "} 9");
    both(&ratio, "MET-02", "status=\"500\"", "status=\"201\"");
    let quantile = json!({ "quantiles": [{ "histogram": "heap_seconds{op=\"insert\"}", "quantile": 0.99, "max": "100ms" }] });
    both(&quantile, "MET-53", "le=\"0.1\"} 995", "le=\"0.1\"} 980");
    both(
        &quantile,
        "MET-18",
        "heap_seconds_bucket{op=\"insert\",le=\"0.1\"} 995\n",
        "",
    );
    both(&quantile, "MET-02", "op=\"insert\"", "op=\"scan\"");
}

#[test]
fn met_54_to_57_the_process() {
    let more = json!({ "process": { "max_open_fds": 80, "max_memory": "64MiB", "min_uptime": "10m" }, "max_latency": "5s" });
    both(
        &more,
        "MET-54",
        "process_open_fds 40",
        "process_open_fds 1000",
    );
    both(&more, "MET-55", "5.24288e+07", "9.0e+07");
    both(&more, "MET-02", "process_max_fds", "process_maximum_fds");
    let slow = Origin::start();
    slow.route("/metrics", |_| {
        metrics(PAGE).delay(std::time::Duration::from_millis(300))
    });
    let run = look(&slow.url("/metrics"), &json!({ "max_latency": "200ms" }));
    assert_red(&run, "m", "MET-56");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    both(&more, "MET-57", "1.7e+09", &now.as_secs().to_string());
}

#[test]
fn metrics_that_cannot_be_looked_at_are_errors() {
    let origin = Origin::start();
    origin.route("/metrics", |_| metrics(PAGE).stalling_after(100));
    origin.route("/large", |_| metrics(&"a_metric 1\n".repeat(1000)));
    let run = audit(&profile(&origin.url("/metrics"), &json!({})).replace("\"20s\"", "\"1s\""));
    assert_eq!(run.verdict("m"), "error", "{run}");
    let run = look(&origin.url("/large"), &json!({ "max_body": "1KiB" }));
    assert_eq!(run.verdict("m"), "error", "{run}");
    assert_eq!(run.check("m")["fault"]["cause"], "too_large", "{run}");
}

#[test]
fn metrics_plan_names_every_request() {
    let yaml = profile(
        "http://127.0.0.1:9/metrics",
        &json!({ "second_scrape": { "request": ["/a"], "increases": ["x_total"] } }),
    );
    let run = audit_command(&yaml).args(["--dry-run"]).run();
    for words in ["GET http://127.0.0.1:9/metrics", "GET http://127.0.0.1:9/a"] {
        assert!(run.stdout.contains(words), "{run}");
    }
}

/// Audits a pack with these inputs.
fn pack(name: &str, with: &Value) -> Run {
    let packs = json!([{ "use": name, "with": with }]);
    audit(&json!({ "version": 1, "name": "t", "packs": packs }).to_string())
}

#[test]
fn pack_metrics_and_metrics_private() {
    let healthy = serving(PAGE);
    let url = healthy.url("/metrics");
    let with = json!({ "url": url, "families": ["http_requests_total", "heap_seconds"] });
    assert_green(&pack("metrics", &with));
    assert_red(
        &pack("metrics-private", &json!({ "url": url })),
        "metrics-private",
        "MET-07",
    );
    let elsewhere = json!({ "url": healthy.url("/elsewhere") });
    assert_green(&pack("metrics-private", &elsewhere));
    let broken = serving(PAGE.replace("process_open_fds 40", "process_open_fds 1000"));
    let run = pack("metrics", &json!({ "url": broken.url("/metrics") }));
    assert_red(&run, "metrics-process", "MET-54");
}
