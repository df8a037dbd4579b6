//! Pages in a real browser, as they should be and broken on purpose.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::certificates::{Authority, Leaf};
use crate::support::cli::{Run, audit_command};
use crate::support::dead::{ClosedPort, UNRESOLVABLE};
use crate::support::nginx::Nginx;
use crate::support::origin::{Origin, Request, Response};
use crate::support::scratch::Scratch;
use crate::support::verdicts::assert_green;

/// A page with this in its head and body.
fn page(head: &str, body: &str) -> Response {
    Response::status(200)
        .header("content-type", "text/html; charset=utf-8")
        .body(format!(
            "<!doctype html><html lang=\"en\"><head><title>Shop</title>\
             <meta name=\"viewport\" content=\"width=device-width\">{head}</head>\
             <body>{body}</body></html>"
        ))
}

/// A route that answers with a page.
fn shows(head: &str, body: &str) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    let (head, body) = (head.to_owned(), body.to_owned());
    move |_| page(&head, &body)
}

/// What an application does: fills its root from a script and calls its API.
const APP: &str = r#"<div id="root"></div><script src="/app.js"></script>"#;

/// A server with a healthy application on `/good`.
fn site() -> Origin {
    let origin = Origin::start();
    origin.route(
        "/good",
        shows(r#"<link rel="stylesheet" href="/app.css">"#, APP),
    );
    origin.route("/app.css", |_| {
        Response::text(200, "body { background-color: rgb(1, 2, 3) }")
            .header("content-type", "text/css")
    });
    origin.route("/app.js", |_| script("
        fetch('/api/items/?page=1').then(r => r.json()).then(items => {
            document.documentElement.dataset.theme = location.pathname === '/night' ? 'night' : 'day';
            document.querySelector('#root').innerHTML = '<main><h1>Items</h1><p>' + items.length + ' items</p></main>';
        });
    "));
    origin.route("/api/items/", |_| Response::json(200, json!([1, 2, 3])));
    origin
}

/// A script.
fn script(text: &str) -> Response {
    Response::text(200, text).header("content-type", "text/javascript")
}

/// A profile with one check `site` of these pages.
fn profile(base: &str, check: Value, pages: Value) -> String {
    let mut browser = check;
    browser["url"] = base.into();
    browser["pages"] = pages;
    json!({
        "version": 1, "name": "test", "defaults": { "timeout": "50s", "retry": { "attempts": 1 } },
        "checks": [{ "id": "site", "browser": browser }],
    })
    .to_string()
}

/// Audits pages of an origin.
fn audit_pages(origin: &Origin, check: Value, pages: Value) -> Run {
    audit_command(&profile(&origin.url("/"), check, pages)).run()
}

/// The codes of what is wrong with one page.
fn codes(run: &Run, page: &str) -> Vec<String> {
    let check = run.check("site");
    let about = format!("{page} ");
    let mut codes: Vec<String> = check["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["subject"].as_str().unwrap().starts_with(&about))
        .filter(|finding| finding["verdict"] != "pass")
        .map(|finding| finding["code"].as_str().unwrap_or("?").to_owned())
        .collect();
    codes.dedup();
    codes
}

/// The pages, by address alone.
fn paths(paths: &[&str]) -> Value {
    paths.iter().map(|path| json!({ "url": path })).collect()
}

/// Claims which codes each page has.
#[track_caller]
fn assert_codes(run: &Run, expected: &[(&str, &[&str])]) {
    let wrong: Vec<String> = expected
        .iter()
        .map(|(page, wanted)| (page, wanted, codes(run, page)))
        .filter(|(_, wanted, seen)| seen != *wanted)
        .map(|(page, wanted, seen)| format!("{page}: {seen:?}, not {wanted:?}"))
        .collect();
    assert!(wrong.is_empty(), "{run}\n{}", wrong.join("\n"));
}

#[test]
fn web_01_web_02_blank_pages_and_script_errors() {
    let origin = site();
    origin.route(
        "/blank",
        shows(
            "",
            r#"<div id="root"></div><script src="/idle.js"></script>"#,
        ),
    );
    origin.route("/idle.js", |_| script("1 + 1;"));
    origin.route(
        "/hidden",
        shows("", r#"<div id="root" style="display:none">Items</div>"#),
    );
    origin.route("/rootless", shows("", "<p>Items</p>"));
    origin.route(
        "/throws",
        shows(
            "",
            r#"<div id="root">Items</div><script>null.items</script>"#,
        ),
    );
    origin.route(
        "/rejects",
        shows(
            "",
            r#"<div id="root">Items</div><script>Promise.reject(new Error("no items"))</script>"#,
        ),
    );
    origin.route(
        "/logs",
        shows(
            "",
            r#"<div id="root">Items</div><script>console.error("hydration", {a: 1})</script>"#,
        ),
    );
    origin.route(
        "/asks",
        shows(
            "",
            r#"<div id="root">Items</div><script>alert("stop")</script>"#,
        ),
    );
    let mut pages = paths(&[
        "/good",
        "/blank",
        "/hidden",
        "/rootless",
        "/throws",
        "/rejects",
        "/logs",
        "/asks",
    ]);
    pages.as_array_mut().unwrap().push(json!({
        "name": "accepted", "url": "/logs", "expect": { "allow_console": ["^hydration"] },
    }));
    let check = json!({ "max_wait": "2s", "expect": { "root": "#root" } });
    let run = audit_pages(&origin, check, pages);
    assert_codes(
        &run,
        &[
            ("/good", &[]),
            ("/blank", &["WEB-01"]),
            ("/hidden", &["WEB-01"]),
            ("/rootless", &["WEB-01"]),
            ("/throws", &["WEB-02"]),
            ("/rejects", &["WEB-02"]),
            ("/logs", &["WEB-02"]),
            ("/asks", &[]),
            ("accepted", &[]),
        ],
    );
    assert!(run.stdout.contains("no items"), "{run}");
    assert_eq!(run.verdict("site"), "fail");
}

#[test]
fn web_03_web_52_assets_and_calls() {
    let origin = site();
    for (path, head) in [
        (
            "/no-script",
            r#"<script src="/assets/index-old.js"></script>"#,
        ),
        (
            "/no-style",
            r#"<link rel="stylesheet" href="/assets/gone.css">"#,
        ),
        (
            "/no-picture",
            r#"<link rel="icon" href="data:,"><img src="/gone.png">"#,
        ),
        ("/html-script", r#"<script src="/start" async></script>"#),
        (
            "/html-module",
            r#"<script type="module" src="/start"></script>"#,
        ),
        ("/html-style", r#"<link rel="stylesheet" href="/start">"#),
        ("/api-500", r#"<script>fetch("/api/broken")</script>"#),
        ("/api-404", r#"<script>fetch("/api/none")</script>"#),
        ("/api-401", r#"<script>fetch("/api/me?token=1")</script>"#),
        (
            "/api-cut",
            r#"<script>fetch("/api/cut").catch(() => {})</script>"#,
        ),
    ] {
        origin.route(path, shows(head, "<p>Items</p>"));
    }
    origin.route("/start", shows("", "The start page"));
    origin.route("/api/broken", |_| Response::json(500, json!({})));
    origin.route("/api/me", |_| Response::json(401, json!({})));
    origin.route("/api/cut", |_| Response::close());
    let expected: &[(&str, &[&str])] = &[
        ("/good", &[]),
        ("/no-script", &["WEB-03"]),
        ("/no-style", &["WEB-03"]),
        ("/no-picture", &["WEB-03"]),
        ("/html-style", &["WEB-03"]),
        ("/api-500", &["WEB-52"]),
        ("/api-404", &["WEB-52"]),
        ("/api-401", &["WEB-52"]),
        ("/api-cut", &["WEB-52"]),
    ];
    let html = ["/html-script", "/html-module"];
    let mut pages: Vec<&str> = expected.iter().map(|(page, _)| *page).collect();
    pages.extend(html);
    let mut pages = paths(&pages);
    pages.as_array_mut().unwrap().push(json!({
        "name": "accepted", "url": "/no-script", "expect": { "allow_failed": ["/assets/"] },
    }));
    let run = audit_pages(&origin, json!({ "max_wait": "2s" }), pages);
    assert_codes(&run, expected);
    assert_codes(&run, &[("accepted", &[])]);
    // What is no script breaks as one, too.
    for page in html {
        let codes = codes(&run, page);
        assert!(codes.contains(&"WEB-03".to_owned()), "{page}\n{run}");
    }
    let check = run.check("site");
    let findings = check["findings"].as_array().unwrap();
    let login = findings
        .iter()
        .find(|finding| finding["message"].as_str().unwrap().contains("/api/me"));
    assert_eq!(login.unwrap()["verdict"], "warn", "{run}");
    assert!(!run.stdout.contains("token=1"), "queries are shown\n{run}");
}

#[test]
fn web_52_calls_that_must_be_made() {
    let origin = site();
    origin.route("/calls-nothing", shows("", "Items"));
    let cases: &[(&str, &str, Value, &[&str])] = &[
        ("called", "/good", json!({}), &[]),
        ("never", "/calls-nothing", json!({}), &["WEB-52"]),
        (
            "other-status",
            "/good",
            json!({ "status": 201 }),
            &["WEB-52"],
        ),
        (
            "other-method",
            "/good",
            json!({ "method": "POST" }),
            &["WEB-52"],
        ),
        ("more-often", "/good", json!({ "min": 2 }), &["WEB-52"]),
    ];
    let pages = cases.iter().map(|(name, url, more, _)| {
        let mut call = json!({ "url": "/api/items/$" });
        let more = more.as_object().unwrap().clone();
        call.as_object_mut().unwrap().extend(more);
        json!({ "name": name, "url": url, "expect": { "calls": [call] } })
    });
    let run = audit_pages(&origin, json!({ "max_wait": "2s" }), pages.collect());
    for (name, _, _, codes) in cases {
        assert_codes(&run, &[(name, codes)]);
    }
}

#[test]
fn web_13_web_51_web_53_where_pages_lead() {
    let origin = site();
    origin.route("/", |_| Response::redirect(302, "/good"));
    origin.route(
        "/moved",
        shows("", r#"<script>location.replace("/good")</script>"#),
    );
    origin.route(
        "/later",
        shows(
            "",
            r#"<p>Wait</p><script>setTimeout(() => location.replace("/good"), 300)</script>"#,
        ),
    );
    origin.route("/circle", |_| Response::redirect(302, "/circle"));
    origin.route(
        "/reloads",
        shows("", "<p>Again</p><script>location.reload()</script>"),
    );
    origin.route("/gone", |_| Response::text(404, "Not here"));
    origin.route("/hangs", shows("", r#"<p>Items</p><img src="/never.png">"#));
    origin.route("/never.png", |_| Response::never());
    origin.route(
        "/busy",
        shows("", "<p>Items</p><script>for (;;) {}</script>"),
    );
    let to_good = json!({ "final_path": "/good" });
    let run = audit_pages(
        &origin,
        json!({ "max_wait": "4s" }),
        json!([
            { "url": "/", "expect": to_good },
            { "url": "/moved", "expect": to_good },
            { "url": "/later", "expect": to_good },
            { "name": "elsewhere", "url": "/", "expect": { "final_path": "/ci" } },
            { "url": "/circle" },
            { "url": "/reloads" },
            { "url": "/gone" },
            { "name": "meant", "url": "/gone", "expect": { "status": 404 } },
            { "url": "/hangs" },
            { "url": "/busy" },
            { "name": "last", "url": "/good" },
        ]),
    );
    assert_codes(
        &run,
        &[
            ("/", &[]),
            ("/moved", &[]),
            ("/later", &[]),
            ("elsewhere", &["WEB-53"]),
            ("/circle", &["WEB-13"]),
            ("/reloads", &["WEB-13"]),
            ("/gone", &["WEB-51"]),
            ("meant", &[]),
            ("/hangs", &["WEB-51"]),
            ("/busy", &["WEB-51"]),
            ("last", &[]),
        ],
    );
}

#[test]
fn web_12_web_17_what_a_page_says_about_itself() {
    let origin = site();
    origin.route("/bare", |_| {
        Response::text(200, "<p>Items</p>").header("content-type", "text/html")
    });
    let noindex = r#"<meta name="robots" content="noindex, nofollow">"#;
    origin.route("/staging", shows(noindex, "Items"));
    origin.route("/header", |_| {
        page("", "Items").header("x-robots-tag", "none")
    });
    origin.route(
        "/wide",
        shows("", r#"<div style="width:900px">Items</div>"#),
    );
    let check = json!({
        "max_wait": "2s", "width": 320,
        "expect": {
            "title": { "contains": "Shop" }, "lang": "en", "viewport": true, "noindex": false, "fits_width": true,
        },
    });
    let mut pages = paths(&["/good", "/bare", "/staging", "/header", "/wide"]);
    pages.as_array_mut().unwrap().extend([
        json!({ "name": "kept-out", "url": "/staging", "expect": { "noindex": true } }),
        json!({ "name": "let-in", "url": "/good", "expect": { "noindex": true } }),
    ]);
    let run = audit_pages(&origin, check, pages);
    assert_codes(
        &run,
        &[
            ("/good", &[]),
            ("/bare", &["WEB-12"]),
            ("/staging", &["WEB-12"]),
            ("/header", &["WEB-12"]),
            ("/wide", &["WEB-17"]),
            ("kept-out", &[]),
            ("let-in", &["WEB-12"]),
        ],
    );
}

#[test]
fn web_54_what_stands_in_a_page() {
    let origin = site();
    origin.route("/night", shows("", APP));
    let hidden = r#"<p>Items</p><div class="bar" hidden>Bar</div>"#;
    origin.route("/hidden", shows("", hidden));
    let theme = |theme: &str| json!({ "html": { "attributes": { "data-theme": theme } } });
    let colour = |colour: &str| json!({ "body": { "style": { "background-color": colour } } });
    let red: &[&str] = &["WEB-54"];
    let cases = [
        ("day", "/good", json!({}), &[][..]),
        ("night", "/night", theme("night"), &[]),
        ("day-at-night", "/night", json!({}), red),
        (
            "text",
            "/good",
            json!({ "h1": { "text": "Items", "visible": true } }),
            &[],
        ),
        (
            "other-text",
            "/good",
            json!({ "h1": { "text": "Orders" } }),
            red,
        ),
        ("style", "/good", colour("rgb(1, 2, 3)"), &[]),
        ("other-style", "/good", colour("rgb(9, 9, 9)"), red),
        ("none", "/good", json!({ ".error": { "count": 0 } }), &[]),
        ("missing", "/good", json!({ ".error": {} }), red),
        (
            "unseen",
            "/hidden",
            json!({ ".bar": { "visible": false } }),
            &[],
        ),
        (
            "not-shown",
            "/hidden",
            json!({ ".bar": { "visible": true } }),
            red,
        ),
        ("no-selector", "/good", json!({ "p[": {} }), red),
    ];
    let pages = cases.iter().map(|(name, url, elements, _)| {
        json!({ "name": name, "url": url, "expect": { "elements": elements } })
    });
    let check = json!({ "max_wait": "2s", "expect": { "elements": theme("day") } });
    let run = audit_pages(&origin, check, pages.collect());
    for (name, _, _, codes) in cases {
        assert_codes(&run, &[(name, codes)]);
    }
}

#[test]
fn web_05_web_06_web_07_whom_the_page_talks_to() {
    let origin = site();
    let other = Origin::start();
    other.route("/open", |_| {
        Response::json(200, json!([])).header("access-control-allow-origin", "*")
    });
    other.route("/closed", |_| Response::json(200, json!([])));
    let local = other.url("").replace("127.0.0.1", "localhost");
    let call = |path: &str| {
        format!(r#"<p>Items</p><script>fetch("{local}{path}").catch(() => {{}})</script>"#)
    };
    origin.route("/calls", shows("", &call("/open")));
    origin.route("/cors", shows("", &call("/closed")));
    origin.route("/csp", |_| {
        page("", "<p>Items</p><script>document.title = 'x'</script>")
            .header("content-security-policy", "default-src 'self'")
    });
    origin.route("/csp-report", |_| {
        page("", "<p>Items</p><script>document.title = 'x'</script>")
            .header("content-security-policy-report-only", "default-src 'self'")
    });
    origin.route(
        "/vite",
        shows(
            r#"<script type="module" src="/@vite/client"></script>"#,
            "Items",
        ),
    );
    origin.route("/@vite/client", |_| script("export {};"));
    origin.route("/react", shows("", "<p>Items</p><script>
        window.__REACT_DEVTOOLS_GLOBAL_HOOK__.inject({ bundleType: 1, version: '19.0.0' })</script>"));
    let run = audit_pages(
        &origin,
        json!({ "max_wait": "2s", "expect": { "production_build": true } }),
        json!([
            { "url": "/good", "expect": { "localhost": false } },
            { "url": "/calls" },
            { "name": "not-here", "url": "/calls", "expect": { "localhost": false } },
            { "name": "listed", "url": "/calls", "expect": { "hosts": ["localhost"] } },
            { "name": "not-listed", "url": "/calls", "expect": { "hosts": ["api.example.com"] } },
            { "name": "forbidden", "url": "/calls", "expect": { "forbidden_urls": ["/open$"] } },
            { "url": "/cors" },
            { "url": "/csp" },
            { "url": "/csp-report" },
            { "url": "/vite" },
            { "url": "/react" },
        ]),
    );
    assert_codes(
        &run,
        &[
            ("/good", &[]),
            ("/calls", &[]),
            ("not-here", &["WEB-05"]),
            ("listed", &[]),
            ("not-listed", &["WEB-05"]),
            ("forbidden", &["WEB-05"]),
            ("/cors", &["WEB-06"]),
            ("/csp", &["WEB-06"]),
            ("/csp-report", &["WEB-06"]),
            ("/vite", &["WEB-07"]),
            ("/react", &["WEB-07"]),
        ],
    );
}

#[test]
fn web_10_web_11_steps_and_budgets() {
    let origin = site();
    origin.route("/form", shows("", r#"<input id="q"><button>Go</button><p></p><script>
        document.querySelector("button").onclick = () => setTimeout(() =>
            document.querySelector("p").textContent = "found " + document.querySelector("input").value, 300)
        </script>"#));
    origin.route(
        "/jumps",
        shows(
            "",
            r#"<div id="a"></div><p>Items</p><script>
        setTimeout(() => document.querySelector("div").style.height = "500px", 200)</script>"#,
        ),
    );
    origin.route("/slow", |_| {
        page("", "Items").delay(std::time::Duration::from_millis(700))
    });
    let good = json!({ "max_load": "20s", "max_fcp": "20s", "max_lcp": "20s", "max_cls": 0.1, "max_bytes": "1MiB", "max_requests": 20 });
    let steps = json!([{ "fill": "#q", "text": "canary-7141" }, { "click": "button" }, { "wait_for": "p" }]);
    let run = audit_pages(
        &origin,
        json!({ "max_wait": "4s", "unsafe_steps": true, "screenshots": "pictures" }),
        json!([
            { "url": "/good", "expect": good },
            { "url": "/form", "steps": steps, "expect": { "elements": { "p": { "text": { "starts_with": "found" } } } } },
            { "name": "stuck", "url": "/form", "steps": [{ "click": "#none" }] },
            { "name": "slow", "url": "/slow", "expect": { "max_load": "500ms" } },
            { "name": "slow-paint", "url": "/slow", "expect": { "max_fcp": "500ms", "max_lcp": "500ms" } },
            { "url": "/jumps", "expect": { "max_cls": 0.1 } },
            { "name": "heavy", "url": "/good", "expect": { "max_bytes": "100B" } },
            { "name": "many", "url": "/good", "expect": { "max_requests": 2 } },
        ]),
    );
    assert_codes(
        &run,
        &[
            ("/good", &[]),
            ("/form", &[]),
            ("stuck", &["WEB-10"]),
            ("slow", &["WEB-11"]),
            ("slow-paint", &["WEB-11"]),
            ("/jumps", &["WEB-11"]),
            ("heavy", &["WEB-11"]),
            ("many", &["WEB-11"]),
        ],
    );
    assert!(!run.stdout.contains("canary-7141"), "{run}");
    let picture = fs::read(run.folder().join("pictures/form.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
}

#[test]
fn nothing_is_known_without_a_browser_or_a_server() {
    let origin = site();
    let one = |base: &str| profile(base, json!({ "max_wait": "5s" }), json!([]));
    let fault = |run: &Run| run.check("site")["fault"].clone();
    // The operator's own variable decides, and a file that comes with a profile does not.
    let run = audit_command(&one(&origin.url("/good")))
        .env("READYCTL_BROWSER", "/nowhere/chromium")
        .run();
    assert_eq!(fault(&run)["cause"], "missing", "{run}");
    run.assert_exit(3);
    let run = audit_command(&one(&origin.url("/good")))
        .file("other.env", "READYCTL_BROWSER=/nowhere/chromium\n")
        .args(["--env-file", "other.env"])
        .run();
    assert_green(&run);
    let run = audit_command(&one(&origin.url("/good")))
        .env("PATH", "/nowhere")
        .run();
    assert_eq!(fault(&run)["cause"], "missing", "{run}");
    assert!(run.stdout.contains("apt-get install chromium"), "{run}");
    let closed = ClosedPort::new();
    let run = audit_command(&one(&format!("http://127.0.0.1:{}/", closed.port()))).run();
    assert_eq!(fault(&run)["cause"], "refused", "{run}");
    let run = audit_command(&one(&format!("http://{UNRESOLVABLE}/"))).run();
    assert_eq!(fault(&run)["cause"], "dns", "{run}");
}

#[test]
fn pack_browser_pages() {
    let origin = site();
    origin.route(
        "/old",
        shows(
            "",
            r#"<div id="root"></div><script src="/gone.js"></script>"#,
        ),
    );
    let pack = |path: &str| {
        let with = json!({ "url": origin.url(path), "root": "#root", "max_load": "20s" });
        let profile = json!({
            "version": 1, "name": "test", "defaults": { "retry": { "attempts": 1 } },
            "packs": [{ "use": "browser-pages", "with": with }],
        });
        audit_command(&profile.to_string()).run()
    };
    assert_green(&pack("/good"));
    let run = pack("/old");
    assert_eq!(run.verdict("browser-page-works"), "fail", "{run}");
    assert_eq!(run.verdict("browser-page-production"), "skip", "{run}");
    assert!(
        run.codes("browser-page-works")
            .contains(&"WEB-03".to_owned()),
        "{run}"
    );
}

#[test]
fn web_04_mixed_content() {
    let identity = Authority::root().issue(&Leaf::localhost());
    let page = |source: &str| {
        format!(
            "default_type text/html; return 200 '<!doctype html><html lang=\"en\"><head><title>Shop</title><meta name=\"viewport\" content=\"width=device-width\"><script src=\"{source}\"></script></head><body><main>Items</main></body></html>';"
        )
    };
    let nginx = Nginx::builder()
        .tls(
            "main",
            &identity,
            &format!(
                "location = /app.js {{ default_type text/javascript; return 200 ''; }}\nlocation = /good {{ {} }}\nlocation = /mixed {{ {} }}",
                page("/app.js"),
                page("http://static.invalid/app.js"),
            ),
        )
        .start();
    // The browser knows no private authority: this one is started so that it takes any certificate.
    let tools = Scratch::new("browser");
    let wrapper = tools.path().join("trusting");
    fs::write(
        &wrapper,
        "#!/bin/sh\nexec chromium --ignore-certificate-errors \"$@\"\n",
    )
    .unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let yaml = profile(
        &nginx.tls_url("main", "/"),
        json!({}),
        paths(&["/good", "/mixed"]),
    );
    let run = audit_command(&yaml)
        .env("READYCTL_BROWSER", wrapper.display().to_string())
        .run();
    assert_codes(&run, &[("/good", &[])]);
    let mixed = codes(&run, "/mixed");
    assert!(mixed.contains(&"WEB-04".to_owned()), "{mixed:?}\n{run}");
}
