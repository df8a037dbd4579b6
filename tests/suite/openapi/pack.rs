//! The pack `openapi`: green on a service as it should be, red where it is not.

use serde_json::{Value, json};

use super::{changed, document, serving};
use crate::support::cli::{Run, audit_command};
use crate::support::origin::{Origin, Response};

fn audit_pack(with: &Value, committed: &Value) -> Run {
    let profile = json!({
        "version": 1, "name": "test", "defaults": { "timeout": "20s", "retry": { "attempts": 1 } },
        "packs": [{ "use": "openapi", "with": with }],
    });
    audit_command(&profile.to_string())
        .args(["--fail-on", "info"])
        .file("openapi.json", committed.to_string())
        .run()
}

/// Ids of the checks that are neither green nor skipped.
fn red(run: &Run) -> Vec<String> {
    let bad = |check: &Value| !matches!(check["verdict"].as_str(), Some("pass" | "skip"));
    let checks = run.checks();
    let ids = checks.iter().filter(|check| bad(check));
    ids.map(|check| check["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn pack_openapi() {
    let swagger = "<!doctype html><html><title>Swagger UI</title></html>";
    let service = |document: &Value| {
        let origin = serving(document);
        origin.route("/docs", |_| Response::text(200, swagger));
        origin
    };
    let run = |origin: &Origin, more: &Value| {
        let mut with = json!({
            "url": origin.url("/openapi.json"), "version": "1.4.0", "committed": "openapi.json",
            "documents": ["GET /health"], "docs_url": origin.url("/docs"),
        });
        for (key, value) in more.as_object().unwrap() {
            with[key] = value.clone();
        }
        audit_pack(&with, &document())
    };
    let nothing = json!({});
    let good = service(&document());
    let none: [&str; 0] = [];
    for more in [json!({}), json!({ "same": true })] {
        assert_eq!(red(&run(&good, &more)), none, "{}", run(&good, &more));
    }
    let hidden = json!({ "docs": "absent" });
    assert_eq!(red(&run(&good, &hidden)), ["openapi-no-docs"]);
    good.route("/docs", |_| Response::text(404, "no"));
    assert_eq!(red(&run(&good, &nothing)), ["openapi-docs"]);
    assert_eq!(red(&run(&good, &hidden)), none);
    let newer = service(&changed(|d| d["info"]["version"] = "1.5.0".into()));
    assert_eq!(red(&run(&newer, &nothing)), ["openapi-release"]);
    let broken = service(&changed(|d| {
        d["paths"]["/health"]["get"]["responses"] = json!({ "204": { "description": "yes" } });
    }));
    assert_eq!(red(&run(&broken, &nothing)), ["openapi-compatible"]);
    let same = json!({ "same": true });
    assert_eq!(red(&run(&broken, &same)), ["openapi-committed"]);
    let bare = service(&changed(|d| {
        d["paths"]["/health"]["get"]["summary"] = "".into();
    }));
    assert_eq!(red(&run(&bare, &nothing)), ["openapi-described"]);
    let hole = service(&changed(|d| {
        d["paths"].as_object_mut().unwrap().remove("/health");
    }));
    assert_eq!(
        red(&run(&hole, &nothing)),
        ["openapi-document", "openapi-compatible"]
    );
}
