//! Contradictions, in tables.

use super::*;

#[test]
fn contradictions_are_reported_before_any_contact() {
    let url = "http://host/metrics";
    for (spec, field) in [
        (serde_json::json!({ "url": url }), None),
        (serde_json::json!({ "url": "host/metrics" }), Some("url")),
        (
            serde_json::json!({ "url": "http://a:b@host/" }),
            Some("url"),
        ),
        (serde_json::json!({ "url": url, "auth": {} }), Some("auth")),
        (
            serde_json::json!({ "url": url, "families": { "a": false } }),
            Some("families.a"),
        ),
        (
            serde_json::json!({ "url": url, "families": { "a": { "min_series": 0 } } }),
            Some("families.a"),
        ),
        (
            serde_json::json!({ "url": url, "samples": [{ "select": "a" }] }),
            Some("samples[0]"),
        ),
        (
            serde_json::json!({ "url": url, "refuses_anonymous": true, "require": ["a"] }),
            Some("refuses_anonymous"),
        ),
        (
            serde_json::json!({ "url": url, "process": {} }),
            Some("process"),
        ),
        (
            serde_json::json!({ "url": url, "process": { "max_memory_growth": "1MiB" } }),
            Some("process.max_memory_growth"),
        ),
        (
            serde_json::json!({ "url": url, "second_scrape": { "after": "1ms" } }),
            Some("second_scrape.after"),
        ),
        (
            serde_json::json!({ "url": url, "second_scrape": { "request": ["http://other/"] } }),
            Some("second_scrape.request[0]"),
        ),
        (
            serde_json::json!({ "url": url, "quantiles": [{ "histogram": "a", "quantile": 99, "max": "1s" }] }),
            Some("quantiles[0].quantile"),
        ),
        (
            serde_json::json!({ "url": url, "quantiles": [{ "histogram": "a", "quantile": 0.99 }] }),
            Some("quantiles[0]"),
        ),
        (
            serde_json::json!({ "url": url, "quantiles": [{ "histogram": "a_bucket", "quantile": 0.99, "max": "1s" }] }),
            Some("quantiles[0].histogram"),
        ),
        (
            serde_json::json!({ "url": url, "ratios": [{ "title": "a", "of": "a", "to": "b", "is": 1, "min_total": 0 }] }),
            Some("ratios[0].min_total"),
        ),
    ] {
        let kind: Metrics = serde_json::from_value(spec.clone()).unwrap();
        let problems = kind.problems();
        assert_eq!(problems.first().map(|p| p.field.as_str()), field, "{spec}");
    }
}
