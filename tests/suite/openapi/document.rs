//! The document itself, the committed one, and the documentation page.

use std::time::Duration;

use serde_json::{Value, json};

use super::{changed, check, command, document, serving, spec};
use crate::support::cli::Run;
use crate::support::dead::ClosedPort;
use crate::support::nginx::Nginx;
use crate::support::origin::{Origin, Response};
use crate::support::verdicts::{assert_green, assert_red};

/// Green as it should be, red with `code` after the change.
#[track_caller]
fn red(code: &str, more: &Value, change: impl FnOnce(&mut Value)) -> Run {
    assert_green(&check(&serving(&document()), more));
    let run = check(&serving(&changed(change)), more);
    assert_red(&run, "api", code);
    assert_eq!(run.verdict("api"), "fail", "{run}");
    assert!(run.codes("api").iter().all(|found| found == code), "{run}");
    run
}

#[test]
fn api_01_no_document() {
    let origin = serving(&document());
    assert_green(&check(&origin, &json!({})));
    let spa = "<!doctype html><html><body><div id=root></div></body></html>";
    let cut = document().to_string();
    let cut = cut[..cut.len() - 20].to_owned();
    for body in [
        spa.to_owned(),
        String::new(),
        cut,
        "{\"status\": \"ok\"}".to_owned(),
    ] {
        origin.route("/openapi.json", move |_| Response::json(200, &body));
        let run = check(&origin, &json!({}));
        assert_red(&run, "api", "API-01");
        assert_eq!(run.verdict("api"), "fail", "{run}");
    }
    for (status, verdict) in [
        (404, "fail"),
        (500, "fail"),
        (401, "error"),
        (403, "error"),
        (429, "error"),
        (503, "error"),
    ] {
        origin.route("/openapi.json", move |_| Response::text(status, "no"));
        let run = check(&origin, &json!({}));
        assert_red(&run, "api", "API-01");
        assert_eq!(run.verdict("api"), verdict, "{status} {run}");
    }
    let closed = ClosedPort::new();
    let url = format!("http://127.0.0.1:{}/openapi.json", closed.port());
    let run = command(&json!({ "url": url })).run();
    assert_red(&run, "api", "API-01");
    assert_eq!(run.check("api")["fault"]["cause"], "refused", "{run}");
}

#[test]
fn api_01_a_document_against_the_rules() {
    type Change = fn(&mut Value);
    let changes: &[(&str, Change)] = &[
        ("/info", |d| d["info"] = json!({ "title": "Shop" })),
        ("responses", |d| {
            d["paths"]["/health"]["get"]["responses"] = json!({});
        }),
        ("status", |d| {
            d["paths"]["/health"]["get"]["responses"]["2000"] = json!({ "description": "x" });
        }),
        ("description", |d| {
            d["paths"]["/health"]["get"]["responses"]["200"] = json!({});
        }),
        ("parameter", |d| {
            d["paths"]["/items/{id}"]["get"]["parameters"] = json!([]);
        }),
        ("required", |d| {
            d["paths"]["/items/{id}"]["get"]["parameters"][0]["required"] = json!(false);
        }),
        ("same path", |d| d["paths"]["/items/{key}"] = json!({})),
        ("begins with", |d| d["paths"]["health"] = json!({})),
        ("scheme", |d| d["security"] = json!([{ "key": [] }])),
        ("paths", |d| d["paths"] = json!({})),
    ];
    for (name, change) in changes {
        let run = check(&serving(&changed(change)), &json!({}));
        assert_red(&run, "api", "API-01");
        println!("{name}: {}", run.check("api")["message"]);
    }
}

#[test]
fn api_01_large_slow_and_broken_documents_are_errors() {
    let origin = Origin::start();
    let run = |more: &Value| {
        let run = check(&origin, more);
        assert_eq!(run.verdict("api"), "error", "{run}");
        run
    };
    origin.route("/openapi.json", |_| Response::gzip_bomb(64));
    run(&json!({}));
    origin.route("/openapi.json", |_| Response::json(200, document()));
    run(&json!({ "max_size": "100B" }));
    origin.route("/openapi.json", |_| {
        Response::json(200, document()).claiming_length(100_000)
    });
    run(&json!({}));
    origin.route("/openapi.json", |_| {
        Response::json(
            200,
            format!("{{\"openapi\": \"3.1.0\", \"x\": {}", "[".repeat(50_000)),
        )
    });
    run(&json!({}));
    origin.route("/openapi.json", |_| {
        Response::text(200, &format!("openapi: 3.1.0\na: &a [1,1,1,1,1,1,1,1,1]\n{}", (b'b'..b'l').map(|c| {
            let (own, before) = (char::from(c), char::from(c - 1));
            format!("{own}: &{own} [*{before},*{before},*{before},*{before},*{before},*{before},*{before},*{before},*{before}]\n")
        }).collect::<String>()))
    });
    let bomb = run(&json!({}));
    assert!(bomb.duration < Duration::from_secs(20), "{bomb}");
}

#[test]
fn redirects_are_followed_on_the_same_host_and_credentials_stay_there() {
    let origin = serving(&document());
    origin.route("/api", |_| Response::redirect(307, "/openapi.json"));
    let auth = json!({ "bearer": "canary-0123456789" });
    let spec =
        json!({ "url": origin.url("/api"), "auth": auth, "headers": { "X-Tenant-ID": "t1" } });
    let run = command(&spec).run();
    assert_green(&run);
    assert!(!format!("{run}").contains("canary-0123456789"), "{run}");
    let asked = origin.requests_to("/openapi.json");
    assert_eq!(
        asked[0].header("authorization"),
        Some("Bearer canary-0123456789")
    );
    assert_eq!(asked[0].header("x-tenant-id"), Some("t1"));
    let elsewhere = Origin::start();
    elsewhere.may_be_unused();
    let target = elsewhere.url("/openapi.json");
    origin.route("/api", move |_| Response::redirect(302, &target));
    let run = command(&spec).run();
    assert_red(&run, "api", "API-01");
    assert_eq!(elsewhere.requests().len(), 0, "credentials leave the host");
    origin.route("/api", |_| Response::redirect(302, "/api"));
    assert_eq!(command(&spec).run().verdict("api"), "error");
}

#[test]
fn yaml_and_swagger_2_are_documents() {
    let origin = Origin::start();
    origin.route("/openapi.json", |_| {
        Response::text(200, "openapi: 3.0.3\ninfo: { title: t, version: '1' }\npaths:\n  /a:\n    get:\n      responses:\n        200: { description: ok }\n")
    });
    assert_green(&check(&origin, &json!({ "documents": ["GET /a"] })));
    let swagger = json!({ "swagger": "2.0", "info": { "title": "t", "version": "1" }, "host": "api.example.com", "basePath": "/v1",
        "paths": { "/a": { "get": { "responses": { "200": { "description": "ok" } } } } } });
    assert_green(&check(
        &serving(&swagger),
        &json!({ "documents": ["/v1/a"] }),
    ));
}

#[test]
fn api_02_another_version() {
    let run = red("API-02", &json!({ "version": "1.4.0" }), |d| {
        d["info"]["version"] = "1.3.9".into();
    });
    assert!(run.stdout.contains("1.3.9"), "{run}");
}

/// A run that compares the served document with this committed one.
fn compared(committed: &str, name: &str, served: &Value, more: &Value) -> Run {
    let mut more = more.clone();
    more["committed"] = name.into();
    let origin = serving(served);
    command(&spec(&origin, &more)).file(name, committed).run()
}

#[test]
fn api_03_breaking_changes() {
    type Change = fn(&mut Value);
    let committed = document().to_string();
    let harmless: &[Change] = &[
        |_| {},
        |d| d["servers"] = json!([{ "url": "https://api.example.com" }]),
        |d| d["info"] = json!({ "title": "Shop", "version": "2", "description": "new" }),
        |d| d["paths"]["/items/{id}"]["get"]["summary"] = "Another".into(),
        |d| d["paths"]["/new"] = d["paths"]["/health"].take(),
        |d| d["components"]["schemas"]["Item"]["properties"]["more"] = json!({ "type": "string" }),
    ];
    for (n, change) in harmless.iter().enumerate() {
        let mut served = changed(change);
        if n == 4 {
            served["paths"]["/health"] = document()["paths"]["/health"].clone();
            served["paths"]["/new"]["get"]["operationId"] = "new".into();
        }
        assert_green(&compared(&committed, "openapi.json", &served, &json!({})));
    }
    let breaking: &[(&str, Change)] = &[
        ("GET /health: it is gone", |d| {
            d["paths"].as_object_mut().unwrap().remove("/health");
        }),
        ("must be sent", |d| {
            d["paths"]["/health"]["get"]["parameters"] =
                json!([{ "name": "q", "in": "query", "required": true, "schema": {} }]);
        }),
        ("answer 200, state: it may now be", |d| {
            d["components"]["schemas"]["Item"]["properties"]["state"]["enum"] =
                json!(["new", "sold", "lost"]);
        }),
        ("answer 200, state: it is no longer always there", |d| {
            d["components"]["schemas"]["Item"]["required"] = json!(["id"]);
        }),
        ("answer 200, id: it may now be string", |d| {
            d["components"]["schemas"]["Item"]["properties"]["id"]["type"] = "string".into();
        }),
        ("without credentials", |d| {
            d["paths"]["/health"]["get"]["security"] = json!([{ "bearer": [] }]);
        }),
    ];
    for (what, change) in breaking {
        let run = compared(&committed, "openapi.json", &changed(change), &json!({}));
        assert_red(&run, "api", "API-03");
        assert!(run.stdout.contains(what), "{what}\n{run}");
    }
    // YAML, from another folder.
    let yaml = serde_yaml::to_string(&document()).unwrap();
    assert_green(&compared(
        &yaml,
        "docs/openapi.yaml",
        &document(),
        &json!({}),
    ));
}

#[test]
fn api_03_what_cannot_be_compared_is_an_error() {
    let run = |committed: &str, name: &str| {
        let origin = serving(&document());
        let spec = spec(&origin, &json!({ "committed": name }));
        let run = command(&spec).file("openapi.json", committed).run();
        assert_red(&run, "api", "API-03");
        assert_eq!(run.verdict("api"), "error", "{run}");
    };
    run("", "openapi.json");
    run("<html>", "openapi.json");
    run("{}", "missing.json");
    run("{}", "../outside.json");
    run("{}", ".");
}

#[test]
fn api_54_not_what_is_committed() {
    let same = json!({ "compare": "same" });
    let committed = document().to_string();
    let moved = changed(|d| d["servers"] = json!([{ "url": "https://api.example.com" }]));
    assert_green(&compared(&committed, "openapi.json", &moved, &same));
    let served = changed(|d| {
        d["components"]["schemas"]["Item"]["properties"]["more"] = json!({ "type": "string" });
    });
    assert_green(&compared(&committed, "openapi.json", &served, &json!({})));
    let run = compared(&committed, "openapi.json", &served, &same);
    assert_red(&run, "api", "API-54");
    assert!(
        run.stdout
            .contains("/components/schemas/Item/properties/more"),
        "{run}"
    );
}

#[test]
fn api_04_a_route_that_is_not_described() {
    let more = json!({ "documents": ["GET /health", "/items/{item_id}"] });
    let run = red("API-04", &more, |d| {
        d["paths"].as_object_mut().unwrap().remove("/items/{id}");
    });
    assert!(run.stdout.contains("/items/{item_id}"), "{run}");
}

#[test]
fn api_07_an_operation_without_security() {
    let more = json!({ "public": ["GET /health"] });
    red("API-07", &more, |d| {
        d.as_object_mut().unwrap().remove("security");
    });
    red("API-07", &more, |d| {
        d["paths"]["/items/{id}"]["get"]["security"] = json!([]);
    });
    red("API-07", &more, |d| {
        d["paths"]["/items/{id}"]["get"]["security"] = json!([{}, { "bearer": [] }]);
    });
}

#[test]
fn api_10_a_document_for_everybody() {
    let absent = json!({ "expect": "absent" });
    let origin = serving(&document());
    assert_red(&check(&origin, &absent), "api", "API-10");
    let spa = "<!doctype html><html></html>";
    for (status, body) in [(404, "no"), (401, "no"), (403, "no"), (200, spa)] {
        origin.route("/openapi.json", move |_| Response::text(status, body));
        assert_green(&check(&origin, &absent));
    }
    for (status, body) in [
        (503, "later"),
        (429, "later"),
        (200, "{\"openapi\": \"9.0.0\"}"),
    ] {
        origin.route("/openapi.json", move |_| Response::text(status, body));
        let run = check(&origin, &absent);
        assert_red(&run, "api", "API-10");
        assert_eq!(run.verdict("api"), "error", "{run}");
    }
}

/// Swagger UI as frameworks serve it.
const SWAGGER: &str = "<!DOCTYPE html><html><head><title>Swagger UI</title></head><body><div id=\"swagger-ui\"></div><script src=\"./swagger-ui-bundle.js\"></script></body></html>";
/// A page of an application that answers to every path.
const SPA: &str = "<!doctype html><html><title>Shop</title><div id=root></div></html>";

#[test]
fn api_10_a_documentation_page_for_everybody() {
    let origin = Origin::start();
    let run = || {
        let docs = json!({ "url": origin.url("/docs/"), "expect": "absent" });
        command(&json!({ "docs": docs })).run()
    };
    origin.route("/docs/", |_| Response::text(404, "no"));
    assert_green(&run());
    // A page that answers to everything is none.
    origin.route("/docs/", |_| Response::text(200, SPA));
    origin.fallback(|_| Response::text(200, SPA));
    assert_green(&run());
    origin.route("/docs/", |_| Response::text(200, SWAGGER));
    let exposed = run();
    assert_red(&exposed, "api", "API-10");
    assert_eq!(exposed.verdict("api"), "fail", "{exposed}");
    // A page that nobody knows may be one.
    origin.route("/docs/", |_| Response::text(200, "<html>Our API</html>"));
    assert_eq!(run().verdict("api"), "error");
    origin.route("/docs/", |_| Response::text(502, SWAGGER));
    assert_eq!(run().verdict("api"), "error");
    assert!(
        origin
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
}

#[test]
fn api_51_no_documentation_page() {
    let nginx = |location: &str| {
        Nginx::builder()
            .file("docs/index.html", SWAGGER)
            .file("app/index.html", SPA)
            .server(&format!(
                "listen {{listen:main}};\ndefault_type text/html;\n{location}"
            ))
            .start()
    };
    let run = |nginx: &Nginx| command(&json!({ "docs": { "url": nginx.url("/docs") } })).run();
    // nginx redirects to the folder, which is followed.
    let good = nginx("root {dir}; absolute_redirect off; location /docs/ { }");
    assert_green(&run(&good));
    for location in [
        "location / { return 404; }",
        "root {dir}/app; location / { try_files $uri /index.html; }",
        "location / { return 500; }",
    ] {
        let run = run(&nginx(location));
        assert_red(&run, "api", "API-51");
        assert_eq!(run.verdict("api"), "fail", "{run}");
    }
    let later = run(&nginx("location / { return 503; }"));
    assert_eq!(later.verdict("api"), "error", "{later}");
}

#[test]
fn api_11_servers() {
    red("API-11", &json!({}), |d| {
        d["servers"] = json!([{ "url": "http://localhost:8000" }]);
    });
    red("API-11", &json!({}), |d| {
        d["servers"] = json!([{ "url": "http://{host}:8000", "variables": { "host": { "default": "127.0.0.1" } } }]);
    });
    let local = serving(&changed(|d| {
        d["servers"] = json!([{ "url": "http://localhost:8000" }]);
    }));
    assert_green(&check(&local, &json!({ "local_servers": true })));
    let named = json!({ "servers": ["https://api.example.com/v1"] });
    let of = |url: &str| serving(&changed(|d| d["servers"] = json!([{ "url": url }])));
    assert_green(&check(&of("https://api.example.com/v1/"), &named));
    assert_red(
        &check(&of("https://staging.example.com/v1"), &named),
        "api",
        "API-11",
    );
}

#[test]
fn api_14_references() {
    red("API-14", &json!({}), |d| {
        d["components"]["schemas"]
            .as_object_mut()
            .unwrap()
            .remove("Item");
        d["components"]["schemas"]["Other"] = json!({});
    });
    let elsewhere = Origin::start();
    elsewhere.may_be_unused();
    let remote = elsewhere.url("/item.json");
    let run = red("API-14", &json!({}), |d| {
        d["components"]["schemas"]["Item"]["properties"]["parent"]["$ref"] = remote.into();
    });
    assert!(run.stdout.contains("never fetched"), "{run}");
    assert_eq!(elsewhere.requests().len(), 0);
    red("API-14", &json!({}), |d| {
        d["components"]["schemas"]["Item"] = json!({ "$ref": "#/components/schemas/Item" });
    });
    // Data is no reference.
    let data =
        changed(|d| d["components"]["schemas"]["Item"]["example"] = json!({ "$ref": "#/nowhere" }));
    assert_green(&check(&serving(&data), &json!({})));
    // Nor is a property of that name.
    let property = changed(|d| {
        d["components"]["schemas"]["Item"]["properties"]["$ref"] = json!({ "type": "string" });
    });
    assert_green(&check(&serving(&property), &json!({})));
}

#[test]
fn api_15_operation_ids() {
    red("API-15", &json!({}), |d| {
        d["paths"]["/health"]["get"]["operationId"] = "item".into();
    });
}

#[test]
fn api_52_described() {
    red("API-52", &json!({ "described": true }), |d| {
        d["paths"]["/health"]["get"]["summary"] = " ".into();
    });
}
