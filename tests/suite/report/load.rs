//! Load tests.

use super::*;

/// What `handleSummary` of k6 is given.
fn k6(p95: f64, failed: f64, requests: u64) -> String {
    json!({ "root_group": { "name": "", "path": "", "id": "d4", "groups": [], "checks": [] }, "options": { "summaryTimeUnit": "" }, "state": { "testRunDurationMs": 30000.0 },
        "metrics": {
            "http_reqs": { "type": "counter", "contains": "default", "values": { "count": requests, "rate": 33.3 } },
            "http_req_failed": { "type": "rate", "contains": "default", "values": { "rate": failed, "passes": 0, "fails": 0 }, "thresholds": { "rate<0.05": { "ok": failed < 0.05 } } },
            "http_req_duration": { "type": "trend", "contains": "time", "values": { "avg": 50.0, "min": 1.0, "med": 40.0, "max": 900.0, "p(90)": 80.0, "p(95)": p95, "p(99)": p95 * 2.0 } } } })
    .to_string()
}

/// The older `--summary-export` of k6.
fn k6_export(p95: f64, crossed: bool) -> String {
    json!({ "root_group": { "name": "" }, "metrics": { "http_reqs": { "count": 1000, "rate": 33.3 }, "http_req_failed": { "passes": 0, "fails": 1000, "value": 0 },
        "http_req_duration": { "avg": 50.0, "med": 40.0, "p(95)": p95, "p(99)": p95 * 2.0, "thresholds": { "p(95)<500": crossed } } } })
    .to_string()
}

fn oha(p95: f64, statuses: &Value, errors: &Value) -> String {
    json!({ "summary": { "successRate": 1.0, "total": 10.0, "slowest": 0.9, "fastest": 0.001, "average": 0.05, "requestsPerSec": 100.0 },
        "latencyPercentiles": { "p10": 0.01, "p50": 0.04, "p95": p95 / 1e3, "p99": p95 / 500.0, "p99.9": null },
        "statusCodeDistribution": statuses, "errorDistribution": errors })
    .to_string()
}

fn locust(p95: u64, failures: u64) -> String {
    let now = jiff::Timestamp::now().as_second();
    let mut times = serde_json::Map::new();
    times.insert("40".to_owned(), json!(940));
    times.insert(p95.to_string(), json!(50));
    times.insert((p95 * 2).to_string(), json!(10));
    json!([{ "name": "/api", "method": "GET", "last_request_timestamp": now, "start_time": now - 30, "num_requests": 1000, "num_none_requests": 0, "num_failures": failures,
        "total_response_time": 50000, "max_response_time": p95 * 2, "min_response_time": 1, "total_content_length": 0, "response_times": times, "num_reqs_per_sec": {}, "num_fail_per_sec": {} }])
    .to_string()
}

fn locust_csv(p95: u64, failures: u64) -> String {
    format!(
        "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\nGET,\"/api, all\",1000,{failures},40,50,1,900,10,33.3,0,40,50,60,65,80,{p95},{p99},{p99},900,900,900\n,Aggregated,1000,{failures},40,50,1,900,10,33.3,0,40,50,60,65,80,{p95},{p99},{p99},900,900,900\n",
        p99 = p95 * 2
    )
}

fn load(content: String, expect: &Value) -> Run {
    look("load", content, &json!({ "load": expect }))
}

#[test]
fn rep_51_52_percentiles_and_errors_in_every_format() {
    let limits = json!({ "max_p50": "50ms", "max_p95": "100ms", "max_p99": "250ms", "max_error_rate": 1, "min_requests": 900, "min_rate": 30 });
    let ok = json!({ "200": 1000 });
    let none = json!({});
    for (format, good, slow, failing) in [
        (
            "k6",
            k6(100.0, 0.01, 1000),
            k6(101.0, 0.0, 1000),
            k6(90.0, 0.02, 1000),
        ),
        (
            "oha",
            oha(100.0, &ok, &none),
            oha(101.0, &ok, &none),
            oha(90.0, &json!({ "200": 980, "500": 20 }), &none),
        ),
        ("locust", locust(100, 10), locust(101, 0), locust(90, 11)),
        (
            "locust",
            locust_csv(100, 10),
            locust_csv(101, 0),
            locust_csv(90, 11),
        ),
    ] {
        let run = load(good, &limits);
        assert_green(&run);
        assert_eq!(
            run.check("r")["facts"]["reports"][0]["format"],
            format,
            "{run}"
        );
        assert_red(&load(slow, &limits), "r", "REP-51");
        assert_red(&load(failing, &limits), "r", "REP-52");
    }
    assert_green(&load(k6_export(100.0, false), &limits));
    assert_red(&load(k6_export(101.0, false), &limits), "r", "REP-51");
    let refused = oha(
        90.0,
        &json!({ "200": 900 }),
        &json!({ "connection refused": 100 }),
    );
    assert_red(&load(refused, &limits), "r", "REP-52");
    // Few requests on their way at the end are none that fail; many hang.
    let end = |n: u64| oha(90.0, &ok, &json!({ "aborted due to deadline": n }));
    assert_green(&load(end(10), &limits));
    assert_red(&load(end(50), &limits), "r", "REP-52");
}

#[test]
fn rep_52_errors_that_the_report_does_not_count() {
    let silent = k6(90.0, 0.0, 1000).replace("http_req_failed", "own_metric");
    assert_unknown(&load(silent, &json!({ "max_p95": "1s" })), "REP-52");
}

#[test]
fn rep_53_slower_than_before() {
    let compare = |now: f64, before: f64| {
        let block = json!({ "path": "now", "baseline": "before", "load": { "max_slower": 20 } });
        prepare(&block)
            .file("now", k6(now, 0.0, 1000))
            .file("before", k6(before, 0.0, 1000))
            .run()
    };
    assert_green(&compare(100.0, 100.0));
    assert_green(&compare(119.0, 100.0));
    assert_red(&compare(121.0, 100.0), "r", "REP-53");
    let block = json!({ "path": "now", "baseline": "before", "load": { "max_slower": 20 } });
    let gone = k6(1.0, 0.0, 1000).replace("http_req_duration", "other");
    let run = prepare(&block)
        .file("now", k6(1.0, 0.0, 1000))
        .file("before", gone)
        .run();
    assert_unknown(&run, "REP-53");
}

#[test]
fn rep_54_too_few_requests_say_nothing() {
    let p99 = json!({ "max_p99": "1s" });
    assert_green(&load(k6(90.0, 0.0, 299), &p99));
    assert_unknown(&load(k6(90.0, 0.0, 298), &p99), "REP-54");
    assert_unknown(
        &load(k6(90.0, 0.0, 58), &json!({ "max_p95": "1s" })),
        "REP-54",
    );
    assert_red(
        &load(k6(90.0, 0.0, 10), &json!({ "min_requests": 11 })),
        "r",
        "REP-54",
    );
    assert_red(&load(k6(90.0, 0.0, 0), &json!({})), "r", "REP-54");
    assert_red(
        &load(k6(90.0, 0.0, 1000), &json!({ "min_rate": 34 })),
        "r",
        "REP-54",
    );
    // k6 leaves p(99) out unless it is told to write it; null is no number.
    let without = k6(90.0, 0.0, 1000).replace("p(99)", "p(98)");
    assert_unknown(&load(without, &p99), "REP-54");
    let null =
        oha(90.0, &json!({ "200": 1000 }), &json!({})).replace("\"p99\":0.18", "\"p99\":null");
    assert_unknown(&load(null, &p99), "REP-54");
}

#[test]
fn rep_55_thresholds_of_the_test_itself() {
    let lenient = json!({ "max_error_rate": 50 });
    assert_green(&load(k6(90.0, 0.01, 1000), &lenient));
    assert_red(&load(k6(90.0, 0.06, 1000), &lenient), "r", "REP-55");
    // The older format writes true for a threshold that was crossed.
    assert_green(&load(k6_export(90.0, false), &lenient));
    assert_red(&load(k6_export(90.0, true), &lenient), "r", "REP-55");
}

#[test]
fn rep_07_broken_summaries() {
    for (format, content) in [
        ("k6", "{\"metrics\": {}, \"root_group\": {}}".to_owned()),
        ("oha", "{\"summary\": {}}".to_owned()),
        ("locust", "[{\"num_requests\": 1}]".to_owned()),
        ("locust", locust_csv(9, 0).replace("Aggregated", "Total")),
    ] {
        let run = look(
            "load",
            content,
            &json!({ "format": format, "load": { "max_p95": "1s" } }),
        );
        assert_unknown(&run, "REP-07");
    }
}
