//! Servers as closures: every mistake in the catalogue, and healthy twins.

use super::Cors;
use super::facts::{Answer, Facts, Form, Seen};
use super::origins::Class;
use super::{judge, probe};
use crate::kinds::Kind as _;
use crate::outcome::Judged;

const APP: &str = "https://app.example.com";

/// Header pairs of an answer.
type Pairs = Vec<(&'static str, String)>;

fn spec(json: impl Into<serde_json::Value>) -> Cors {
    let mut base = serde_json::json!({
        "url": "https://api.example.com/v1/items",
        "allowed": [APP],
        "methods": ["GET", "PATCH"],
        "headers": ["Authorization"],
        "max_age": {"min": "1s"},
    });
    let (Some(base_map), Some(more)) = (base.as_object_mut(), json.into().as_object().cloned())
    else {
        panic!("not a mapping");
    };
    for (key, value) in more {
        base_map.insert(key, value);
    }
    let spec: Cors = serde_json::from_value(base).unwrap();
    assert!(spec.problems().is_empty(), "{:?}", spec.problems());
    spec
}

/// The facts of asking a server that is a function of the probe.
fn facts(spec: &Cors, server: impl Fn(&Seen) -> (u16, Pairs)) -> Facts {
    let mut facts = Facts::default();
    let answered = |mut seen: Seen| {
        let (status, pairs) = server(&seen);
        let pairs: Vec<_> = pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        seen.answer = Some(Answer::new(status, &pairs));
        seen
    };
    for url in spec.targets() {
        let lists = [
            probe::in_order(spec, &url),
            probe::at_once(spec, &url),
            probe::resembling(spec, &url, true),
        ];
        facts
            .probes
            .extend(lists.into_iter().flatten().map(|p| answered(p.seen)));
    }
    facts
        .probes
        .extend(probe::besides(spec).into_iter().map(|p| answered(p.seen)));
    facts
}

/// A server that compares origins with this predicate and does everything else right.
fn server(allows: impl Fn(&str) -> bool) -> impl Fn(&Seen) -> (u16, Pairs) {
    move |seen| {
        let mut pairs: Pairs = vec![("Vary", "Origin".into())];
        let allowed = seen.origin.as_deref().filter(|origin| allows(origin));
        if let Some(origin) = allowed {
            pairs.push(("Access-Control-Allow-Origin", origin.to_owned()));
            if seen.form == Form::Preflight {
                pairs.push(("Access-Control-Allow-Methods", "GET, PATCH".into()));
                pairs.push(("Access-Control-Allow-Headers", "Authorization".into()));
                pairs.push(("Access-Control-Max-Age", "600".into()));
            }
        }
        match seen.form {
            Form::Preflight if allowed.is_none() => (400, pairs),
            Form::Socket if allowed.is_none() => (403, pairs),
            Form::Socket => (101, pairs),
            Form::ErrorPath => (404, pairs),
            Form::Preflight => (204, pairs),
            Form::Actual => (200, pairs),
        }
    }
}

/// The codes of everything that is not green, each once, with a letter for its verdict.
fn codes(spec: &Cors, server: impl Fn(&Seen) -> (u16, Pairs)) -> Vec<String> {
    let facts = facts(spec, server);
    let json = serde_json::to_value(&facts).unwrap();
    let again: Facts = serde_json::from_value(json).unwrap();
    let mut codes = Vec::new();
    for finding in judge::judge(spec, &again) {
        let letter = match finding.verdict {
            Judged::Pass => continue,
            Judged::Fail => "",
            Judged::Warn => "?",
            Judged::Error => "!",
        };
        let code = format!("{}{letter}", finding.code.unwrap_or_default());
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}

/// Changes an answer of the healthy server.
fn changed(change: impl Fn(&Seen, &mut u16, &mut Pairs)) -> impl Fn(&Seen) -> (u16, Pairs) {
    let healthy = server(|origin| origin == APP);
    move |seen| {
        let (mut status, mut pairs) = healthy(seen);
        change(seen, &mut status, &mut pairs);
        (status, pairs)
    }
}

fn drop_cors(pairs: &mut Pairs) {
    pairs.retain(|(name, _)| !name.starts_with("Access-Control"));
}

#[test]
fn a_healthy_server_is_green() {
    let none: Vec<String> = Vec::new();
    let base = spec(serde_json::json!({}));
    assert_eq!(codes(&base, server(|o| o == APP)), none);
    // Letter case is compared by no nginx map, and no browser ever sends another.
    assert_eq!(codes(&base, server(|o| o.to_lowercase() == APP)), none);
}

#[test]
fn every_loose_comparison_is_found_by_its_name() {
    let host = "app.example.com";
    type Allows = Box<dyn Fn(&str) -> bool>;
    let cases: Vec<(&str, Allows)> = vec![
        ("CORS-02", Box::new(|_| true)),
        ("CORS-05", Box::new(|o| o == APP || o == "null")),
        ("CORS-06", Box::new(|o| o.starts_with(APP))),
        ("CORS-07", Box::new(|o| o.ends_with("example.com"))),
        ("CORS-08", Box::new(move |o| o.contains(host))),
        ("CORS-08", Box::new(|o| APP.contains(o))),
        (
            "CORS-09",
            Box::new(|o| {
                regex::Regex::new("^https://app.example.com$")
                    .unwrap()
                    .is_match(o)
            }),
        ),
        (
            "CORS-10",
            Box::new(|o| o.starts_with("https://") && o.ends_with(".example.com")),
        ),
        (
            "CORS-11",
            Box::new(|o| o == APP || o == "http://app.example.com"),
        ),
        (
            "CORS-12",
            Box::new(|o| {
                o.rsplit_once(':')
                    .map_or(o, |(a, b)| if b.starts_with("//") { o } else { a })
                    == APP
            }),
        ),
        (
            "CORS-13",
            Box::new(|o| {
                let rest = o.strip_prefix(APP);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
            }),
        ),
        (
            "CORS-14",
            Box::new(|o| o == APP || o.starts_with("https://app.example.com@")),
        ),
        (
            "CORS-15",
            Box::new(|o| o == APP || o.ends_with(".vercel.app")),
        ),
        (
            "CORS-16",
            Box::new(|o| o == APP || o.starts_with("http://localhost:")),
        ),
    ];
    for (code, allows) in cases {
        let found = codes(&spec(serde_json::json!({})), server(allows));
        let extra = matches!(code, "CORS-06") && found.len() <= 2;
        assert!(
            found == [code] || (extra && found[0] == code),
            "{code}: {found:?}"
        );
    }
}

#[test]
fn echo_with_credentials_is_seen_also_when_only_a_cookie_provokes_it() {
    let starlette = |seen: &Seen| {
        let mut pairs: Pairs = vec![("Access-Control-Allow-Credentials", "true".into())];
        let origin = seen
            .origin
            .clone()
            .filter(|_| seen.cookie || seen.form == Form::Preflight);
        pairs.push(("Access-Control-Allow-Origin", origin.unwrap_or("*".into())));
        pairs.push(("Access-Control-Allow-Methods", "GET, PATCH".into()));
        pairs.push(("Access-Control-Allow-Headers", "authorization".into()));
        pairs.push(("Access-Control-Max-Age", "600".into()));
        pairs.push(("Vary", "Origin".into()));
        (200, pairs)
    };
    let found = codes(&spec(serde_json::json!({})), starlette);
    assert_eq!(found, ["CORS-51", "CORS-04", "CORS-03"]);
}

#[test]
fn credentials_without_an_origin_are_no_fault() {
    let found = codes(
        &spec(serde_json::json!({})),
        changed(|_, _, pairs| pairs.push(("Access-Control-Allow-Credentials", "true".into()))),
    );
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_public_api_may_answer_with_a_star() {
    let star = |_: &Seen| (200, vec![("Access-Control-Allow-Origin", "*".to_owned())]);
    let public =
        serde_json::json!({"public": true, "allowed": [], "methods": ["GET"], "headers": []});
    assert!(codes(&spec(public.clone()), star).is_empty());
    let named = serde_json::json!({"methods": ["GET"], "headers": []});
    assert_eq!(codes(&spec(named), star), ["CORS-51"]);
    let with = |_: &Seen| {
        (
            200,
            vec![
                ("Access-Control-Allow-Origin", "*".to_owned()),
                ("Access-Control-Allow-Credentials", "true".to_owned()),
            ],
        )
    };
    assert_eq!(codes(&spec(public), with), ["CORS-04?"]);
}

/// A change of the healthy answers.
type Change = Box<dyn Fn(&Seen, &mut u16, &mut Pairs)>;

#[test]
fn a_star_does_not_hide_who_may_read_as_the_user() {
    let public = spec(
        serde_json::json!({"public": true, "allowed": [], "headers": [], "methods": ["GET"], "max_age": null}),
    );
    let null = |seen: &Seen| {
        if seen.origin.as_deref() == Some("null") {
            let named = ("Access-Control-Allow-Origin", "null".to_owned());
            let user = ("Access-Control-Allow-Credentials", "true".to_owned());
            (200, vec![named, user, ("Vary", "Origin".to_owned())])
        } else {
            (
                200,
                vec![
                    ("Access-Control-Allow-Origin", "*".to_owned()),
                    ("Vary", "Origin".to_owned()),
                ],
            )
        }
    };
    assert_eq!(codes(&public, null), ["CORS-05"]);
}

#[test]
fn preflights_must_be_answered() {
    let preflight = |status: u16, bare: bool| -> Change {
        Box::new(move |seen, to, pairs| {
            if seen.form == Form::Preflight && seen.class == Class::Allowed {
                *to = status;
                if bare {
                    drop_cors(pairs);
                }
            }
        })
    };
    for (code, change) in [
        ("CORS-17", preflight(302, false)),
        ("CORS-17", preflight(401, true)),
        ("CORS-17", preflight(405, true)),
        ("CORS-17", preflight(400, false)),
        ("CORS-17!", preflight(503, true)),
        ("CORS-01", preflight(204, true)),
    ] {
        let found = codes(&spec(serde_json::json!({})), changed(change));
        assert_eq!(found, [code]);
    }
}

#[test]
fn what_the_application_needs_must_be_permitted() {
    let none = serde_json::json!({});
    let origin = "Access-Control-Allow-Origin";
    let methods = "Access-Control-Allow-Methods";
    let headers = "Access-Control-Allow-Headers";
    let max_age = "Access-Control-Max-Age";
    for (code, name, value, more) in [
        ("CORS-18", methods, "GET, patch", none.clone()),
        ("CORS-18", headers, "*", none.clone()),
        ("CORS-26", max_age, "0", none.clone()),
        (
            "CORS-26?",
            max_age,
            "100000",
            serde_json::json!({"max_age": null}),
        ),
        ("CORS-20", origin, "https://app.example.com/", none.clone()),
        ("CORS-20", origin, "https://APP.example.com", none.clone()),
        (
            "CORS-20",
            origin,
            "https://a.example, https://app.example.com",
            none.clone(),
        ),
        ("CORS-01", origin, "https://other.example.com", none.clone()),
        (
            "CORS-25",
            "none",
            "",
            serde_json::json!({"expose": ["RateLimit"]}),
        ),
        (
            "CORS-52",
            "none",
            "",
            serde_json::json!({"credentials": true}),
        ),
    ] {
        let change: Change = Box::new(move |_, _, pairs| {
            for pair in pairs.iter_mut().filter(|(key, _)| *key == name) {
                pair.1 = value.to_owned();
            }
        });
        assert_eq!(
            codes(&spec(more), changed(change)),
            [code],
            "{name}: {value}"
        );
    }
}

#[test]
fn stars_permit_nothing_when_credentials_are_sent() {
    let found = codes(
        &spec(serde_json::json!({"credentials": true, "headers": ["X-Csrf"]})),
        changed(|seen, _, pairs| {
            if seen.class == Class::Allowed {
                pairs.push(("Access-Control-Allow-Credentials", "true".into()));
            }
            for pair in pairs
                .iter_mut()
                .filter(|(key, _)| *key == "Access-Control-Allow-Headers")
            {
                pair.1 = "*".into();
            }
        }),
    );
    assert_eq!(found, ["CORS-19"]);
    let found = codes(
        &spec(serde_json::json!({"credentials": true})),
        changed(|_, _, pairs| pairs.push(("Access-Control-Allow-Credentials", "True".into()))),
    );
    assert_eq!(found, ["CORS-20"]);
}

#[test]
fn caches_must_be_told() {
    let without = |which: fn(&Seen) -> bool, more: Pairs| {
        changed(move |seen, _, pairs| {
            if which(seen) {
                pairs.retain(|(name, _)| *name != "Vary");
            }
            pairs.extend(more.clone());
        })
    };
    let base = || spec(serde_json::json!({}));
    assert_eq!(
        codes(&base(), without(|_| true, vec![])),
        ["CORS-21", "CORS-21?"]
    );
    assert_eq!(
        codes(&base(), without(|s| s.class != Class::Allowed, vec![])),
        ["CORS-21?"]
    );
    let public = vec![("Cache-Control", "public, max-age=60".to_owned())];
    assert_eq!(
        codes(&base(), without(|s| s.class == Class::NoOrigin, public)),
        ["CORS-21"]
    );
    let private = vec![("Cache-Control", "no-store".to_owned())];
    assert_eq!(
        codes(&base(), without(|s| s.class != Class::Allowed, private)).len(),
        0
    );
    // The same answer for everybody depends on nothing.
    let fixed = |seen: &Seen| {
        let (status, mut pairs) = server(|o| o == APP)(&Seen {
            origin: Some(APP.to_owned()),
            ..seen.clone()
        });
        pairs.retain(|(name, _)| *name != "Vary");
        (status, pairs)
    };
    assert_eq!(codes(&base(), fixed).len(), 0);
    let lost = changed(|seen, _, pairs| {
        if seen.origin.is_none() {
            pairs.push(("Vary", "Accept-Encoding".into()));
        }
    });
    assert_eq!(codes(&base(), lost), ["CORS-22"]);
    let cached = changed(|seen, _, pairs| {
        if seen.shared && seen.origin.is_some() {
            drop_cors(pairs);
        }
    });
    assert_eq!(codes(&base(), cached), ["CORS-24"]);
}

#[test]
fn answers_need_the_headers_too() {
    let bare = |status: u16| {
        changed(move |seen, s, pairs| {
            if seen.form == Form::Actual {
                *s = status;
                drop_cors(pairs);
            }
        })
    };
    let base = || spec(serde_json::json!({}));
    assert_eq!(codes(&base(), bare(200)), ["CORS-29"]);
    assert_eq!(codes(&base(), bare(401)), ["CORS-23"]);
    assert!(codes(&base(), bare(503)).contains(&"CORS-01!".to_owned()));
    let plain = spec(serde_json::json!({"methods": ["GET"], "headers": []}));
    assert_eq!(codes(&plain, bare(200)), ["CORS-01"]);
    let errors = spec(serde_json::json!({"error_paths": ["/v1/none"]}));
    assert_eq!(codes(&errors, server(|o| o == APP)).len(), 0);
    let found = codes(
        &errors,
        changed(|seen, _, pairs| {
            if seen.form == Form::ErrorPath {
                drop_cors(pairs);
            }
        }),
    );
    assert_eq!(found, ["CORS-23"]);
}

#[test]
fn what_was_not_seen_to_work_is_not_green() {
    let write_only = spec(serde_json::json!({"methods": ["POST"], "headers": []}));
    let found = codes(
        &write_only,
        changed(|seen, status, pairs| {
            if seen.form == Form::Actual {
                *status = 405;
                drop_cors(pairs);
            }
        }),
    );
    assert_eq!(found, ["CORS-01!"]);
    let base = spec(serde_json::json!({}));
    let mut without = facts(&base, server(|o| o == APP));
    without.probes.retain(|seen| seen.class != Class::Allowed);
    let verdicts: Vec<_> = judge::judge(&base, &without)
        .into_iter()
        .map(|f| f.verdict)
        .collect();
    assert!(verdicts.contains(&Judged::Error));
}

#[test]
fn a_refusal_that_is_an_outage_proves_nothing() {
    let limited = changed(|seen, status, _| {
        if matches!(seen.class, Class::Prefix | Class::Null) {
            *status = 429;
        }
    });
    assert_eq!(
        codes(&spec(serde_json::json!({})), limited),
        ["CORS-05!", "CORS-06!"]
    );
    // Express answers 500 to refused origins.
    let express = changed(|seen, status, pairs| {
        if pairs.len() == 1 && seen.origin.is_some() {
            *status = 500;
        }
    });
    assert_eq!(codes(&spec(serde_json::json!({})), express).len(), 0);
}

#[test]
fn internal_services_and_sockets_are_closed() {
    let private = serde_json::json!({"private": true, "allowed": [], "headers": [], "methods": ["GET"], "max_age": null});
    let quiet = |_: &Seen| (200, Pairs::new());
    assert_eq!(codes(&spec(private.clone()), quiet).len(), 0);
    let star = |_: &Seen| (200, vec![("Access-Control-Allow-Origin", "*".to_owned())]);
    assert_eq!(codes(&spec(private.clone()), star), ["CORS-27"]);
    let busy = |seen: &Seen| {
        let status = if seen.origin.is_some() { 429 } else { 200 };
        (status, Pairs::new())
    };
    assert_eq!(codes(&spec(private.clone()), busy), ["CORS-27!"]);
    let gone = |_: &Seen| (404, Pairs::new());
    assert_eq!(codes(&spec(private), gone), ["CORS-27!"]);
    let socket = spec(serde_json::json!({"websocket": "/ws"}));
    assert_eq!(codes(&socket, server(|o| o == APP)).len(), 0);
    let open = changed(|seen, status, _| {
        if seen.form == Form::Socket {
            *status = 101;
        }
    });
    assert_eq!(codes(&socket, open), ["CORS-28"]);
    let missing = changed(|seen, status, _| {
        if seen.form == Form::Socket {
            *status = 404;
        }
    });
    assert_eq!(codes(&socket, missing), ["CORS-28!"]);
}

#[test]
fn declared_subdomains_are_no_fault_and_denied_origins_are() {
    let any = |o: &str| o == APP || (o.starts_with("https://") && o.ends_with(".example.com"));
    let declared = spec(serde_json::json!({"subdomains": true}));
    assert_eq!(codes(&declared, server(any)).len(), 0);
    let denied = spec(serde_json::json!({"denied": ["https://old.example.net"]}));
    let old = |o: &str| o == APP || o == "https://old.example.net";
    assert_eq!(codes(&denied, server(old)), ["CORS-53"]);
}

#[test]
fn contradictions_are_told_before_anything_is_sent() {
    for (json, field) in [
        (serde_json::json!({"url": "ftp://x"}), "url"),
        (serde_json::json!({"url": "https://x/"}), ""),
        (
            serde_json::json!({"url": "https://x/", "public": true, "private": true}),
            "private",
        ),
        (
            serde_json::json!({"url": "https://x/", "public": true, "credentials": true}),
            "credentials",
        ),
        (
            serde_json::json!({"url": "https://x/", "allowed": [APP], "denied": [APP]}),
            "denied",
        ),
        (
            serde_json::json!({"url": "https://x/", "allowed": [APP], "methods": []}),
            "methods",
        ),
        (
            serde_json::json!({"url": "https://x/", "allowed": [APP], "methods": ["patch"]}),
            "methods",
        ),
        (
            serde_json::json!({"url": "https://x/", "allowed": [APP], "headers": ["a b"]}),
            "headers",
        ),
        (
            serde_json::json!({"url": "https://x/", "allowed": [APP], "paths": ["https://y/"]}),
            "paths",
        ),
        (
            serde_json::json!({"url": "https://x/", "allowed": [APP], "max_age": {}}),
            "max_age",
        ),
    ] {
        let spec: Cors = serde_json::from_value(json.clone()).unwrap();
        assert!(
            spec.problems().iter().any(|p| p.field == field),
            "{json}: {:?}",
            spec.problems()
        );
    }
}

#[test]
fn the_plan_bounds_what_is_sent() {
    let spec = spec(serde_json::json!({"error_paths": ["/none"], "websocket": "/ws"}));
    let planned: u32 = probe::plan(&spec).iter().map(|p| p.at_most).sum();
    let sent = facts(&spec, server(|o| o == APP)).probes.len();
    assert_eq!(planned as usize, sent);
    assert!(sent <= 45, "{sent}");
}
