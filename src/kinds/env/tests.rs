//! Rules against variables, in tables.

use super::facts::Facts;
use super::*;
use crate::outcome::Judged;
use crate::profile::decode::decode;
use crate::profile::node::{Problems, parse};

/// The kind of a YAML block.
fn spec(yaml: &str) -> Env {
    let mut problems = Problems::default();
    let node = parse(0, yaml, &mut problems).unwrap();
    let kind = decode::<Env>(&node, &mut problems);
    kind.unwrap_or_else(|| panic!("{yaml}: {:?}", problems.list))
}

/// What is seen in a file.
fn seen(spec: &Env, file: &str) -> Facts {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    std::fs::write(&path, file).unwrap();
    let mut spec = spec.clone();
    spec.file = Some(path);
    let cx = Context::template(
        crate::redact::Redactor::default(),
        std::sync::Arc::default(),
        "2026-06-15T12:00:00Z".parse().unwrap(),
    )
    .unwrap();
    look::look(&spec, &cx).unwrap()
}

/// The findings of a file that are not green, as `CODE subject`, `?` behind what is unknown and `!`
/// behind advice. Facts go through JSON on the way, as when they are recorded.
fn judged(yaml: &str, file: &str) -> Vec<String> {
    let spec = spec(yaml);
    assert!(spec.problems().is_empty(), "{yaml}: {:?}", spec.problems());
    let facts = seen(&spec, file);
    let json = serde_json::to_string(&facts).unwrap();
    let facts: Facts = serde_json::from_str(&json).unwrap();
    let cx = JudgeContext {
        now: "2026-06-15T12:00:00Z".parse().unwrap(),
    };
    let findings = spec.judge(&facts, &cx);
    assert!(!findings.is_empty(), "{yaml}: judged nothing");
    findings
        .iter()
        .filter(|f| f.verdict != Judged::Pass)
        .map(|f| {
            let mark = match f.verdict {
                Judged::Warn => "!",
                Judged::Error => "?",
                _ => "",
            };
            format!("{} {}{mark}", f.code.as_deref().unwrap_or("-"), f.subject)
        })
        .collect()
}

/// A secret as a generator makes it.
const STRONG: &str = "q1mJx0r7Yk2tVb9Zw4Lh8Nc6Ge3Ua5Po0Sd1Fi2Rj8";

#[test]
fn rules_catch_what_they_name_and_nothing_else() {
    let token = |claims: &str| {
        use base64::Engine as _;
        let b64 = |t: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(t);
        format!("T={}.{}.c2ln", b64(r#"{"alg":"HS256"}"#), b64(claims))
    };
    let good = |file: &str| (file.to_owned(), vec![]);
    let bad = |file: &str, code: &str| (file.to_owned(), vec![code.to_owned()]);
    for (rule, cases) in [
        (
            "A: {}",
            vec![
                good("A=x"),
                bad("B=x", "ENV-01 A"),
                bad("A=", "ENV-02 A"),
                bad("A='  '", "ENV-02 A"),
            ],
        ),
        (
            "A: { allow_empty: true }",
            vec![good("A="), bad("", "ENV-01 A")],
        ),
        (
            "A: { forbidden: true }",
            vec![good(""), bad("A=x", "ENV-54 A"), bad("A=", "ENV-54 A")],
        ),
        (
            "A: { required: false, type: url }",
            vec![
                good(""),
                good("A="),
                good("A=https://h"),
                bad("A=h", "ENV-20 A"),
            ],
        ),
        (
            "API_KEY: {}",
            vec![
                good(&format!("API_KEY={STRONG}")),
                bad("API_KEY=changeme", "ENV-03 API_KEY"),
                bad("API_KEY='<your-key>'", "ENV-03 API_KEY"),
                bad("API_KEY=dev-api-key", "ENV-04 API_KEY"),
                bad("API_KEY=django-insecure-abc", "ENV-04 API_KEY"),
            ],
        ),
        (
            "DATABASE_URL: {}",
            vec![bad(
                "DATABASE_URL=postgres://postgres:postgres@db/x",
                "ENV-04 DATABASE_URL",
            )],
        ),
        (
            "API_KEY: { min_length: 32 }",
            vec![
                good(&format!("API_KEY={STRONG}")),
                bad("API_KEY=8fj3kd92", "ENV-05 API_KEY"),
            ],
        ),
        (
            "API_KEY: { min_entropy_bits: 128 }",
            vec![
                good("API_KEY=9f86d081884c7d659a2feaa0c55ad015"),
                bad(
                    "API_KEY=super-long-production-password-for-jwt",
                    "ENV-05 API_KEY",
                ),
                bad(
                    "API_KEY=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                    "ENV-05 API_KEY",
                ),
            ],
        ),
        (
            "SECRET_KEY: { min_unique: 5 }",
            vec![
                good(&format!("SECRET_KEY={STRONG}")),
                bad("SECRET_KEY=abcabacbcabcbabc", "ENV-05 SECRET_KEY"),
            ],
        ),
        (
            "A: { equals: production }",
            vec![
                good("A=production"),
                bad("A=staging", "ENV-51 A"),
                bad("A=Production", "ENV-51 A"),
            ],
        ),
        (
            "A: { equals: false, type: boolean }",
            vec![
                good("A=false"),
                bad("A=true", "ENV-51 A"),
                bad("A=flase", "ENV-20 A"),
            ]
            .into_iter()
            .map(|(f, c)| {
                if f == "A=flase" {
                    (f, vec!["ENV-20 A".to_owned(), "ENV-51 A".to_owned()])
                } else {
                    (f, c)
                }
            })
            .collect(),
        ),
        (
            "A: { one_of: [WARNING, ERROR], ignore_case: true }",
            vec![good("A=warning"), bad("A=INFO", "ENV-51 A")],
        ),
        (
            "A: { not_equals: [dev, test] }",
            vec![good("A=x"), bad("A=dev", "ENV-51 A")],
        ),
        (
            "A: { matches: '^v[0-9]', not_matches: beta }",
            vec![
                good("A=v1"),
                bad("A=v1beta", "ENV-51 A"),
                bad("A=x", "ENV-51 A"),
            ],
        ),
        (
            "A: { value: { starts_with: v } }",
            vec![good("A=v1"), bad("A=x", "ENV-51 A")],
        ),
        (
            "A: { max_length: 3 }",
            vec![good("A=abc"), bad("A=abcd", "ENV-51 A")],
        ),
        (
            "A: { type: port }",
            vec![
                good("A=8080"),
                bad("A=0", "ENV-20 A"),
                bad("A=70000", "ENV-20 A"),
                bad("A=' 80'", "ENV-19 A"),
                bad("A='\"80\"'", "ENV-18 A"),
            ],
        ),
        (
            "A: { min: 1, max: 10 }",
            vec![
                good("A=10"),
                bad("A=0", "ENV-51 A"),
                bad("A=11", "ENV-51 A"),
                bad("A=NaN", "ENV-20 A"),
            ]
            .into_iter()
            .map(|(f, c)| {
                if f == "A=NaN" {
                    (f, vec!["ENV-20 A".to_owned(); 2])
                } else {
                    (f, c)
                }
            })
            .collect(),
        ),
        (
            "A: { max_duration: 1h, min_duration: 1m }",
            vec![
                good("A=1h"),
                good("A=1m"),
                bad("A=2h", "ENV-51 A"),
                bad("A=1s", "ENV-51 A"),
            ],
        ),
        (
            "A: { type: url, forbid_local: true }",
            vec![
                good("A=https://h.acme.io"),
                bad("A=http://localhost:80", "ENV-09 A"),
                bad("A=http://127.0.0.1", "ENV-09 A"),
            ],
        ),
        (
            "A: { forbid_local: true }",
            vec![
                good("A=db.acme.io"),
                bad("A=localhost", "ENV-09 A"),
                bad("A=0.0.0.0", "ENV-09 A"),
            ],
        ),
        (
            "A: { type: url, forbid_private: true }",
            vec![
                good("A=https://1.1.1.1"),
                bad("A=http://10.0.0.7", "ENV-09 A"),
            ],
        ),
        (
            "A: { scheme: [https, wss] }",
            vec![
                good("A=wss://h"),
                bad("A=http://h", "ENV-10 A"),
                bad("A=h", "ENV-20 A"),
            ],
        ),
        (
            "A: { type: postgres_url, require_tls: true }",
            vec![
                good("A=postgres://h/d?sslmode=require"),
                bad("A=postgres://h/d?sslmode=disable", "ENV-10 A"),
                bad("A=postgres://h/d", "ENV-10 A"),
            ],
        ),
        (
            "A: { type: origin }",
            vec![
                good("A=https://a.acme.io"),
                bad("A=https://a.acme.io/", "ENV-11 A"),
                bad("A=*", "ENV-12 A"),
                bad("A=a", "ENV-20 A"),
            ],
        ),
        (
            "A: { type: pem, secret: true }",
            vec![bad(
                "A='-----BEGIN PRIVATE KEY-----\\nabc\\n-----END PRIVATE KEY-----\\n'",
                "ENV-21 A",
            )],
        ),
        (
            "STRIPE_KEY: { mode: live }",
            vec![
                good("STRIPE_KEY=sk_live_4eC39HqLyjWDarjtT1"),
                bad("STRIPE_KEY=sk_test_4eC39HqLyjWDarjtT1", "ENV-22 STRIPE_KEY"),
            ],
        ),
        (
            "STRIPE_KEY: { mode: test }",
            vec![bad(
                "STRIPE_KEY=sk_live_4eC39HqLyjWDarjtT1",
                "ENV-22 STRIPE_KEY",
            )],
        ),
        (
            "T: {}",
            vec![
                good(&token(r#"{"exp":4000000000}"#)),
                bad(&token(r#"{"exp":1700000000}"#), "ENV-23 T"),
            ],
        ),
        (
            "T: { valid_for: 30d }",
            vec![
                good(&token(r#"{"exp":4000000000}"#)),
                bad(&token(r#"{"exp":1781600000}"#), "ENV-23 T"),
                bad("T=x", "ENV-20 T"),
            ],
        ),
        (
            "A: { not_same_as: B }",
            vec![good("A=1\nB=2"), good("A=1"), bad("A=1\nB=1", "ENV-06 A")],
        ),
        (
            "A: { same_as: B }",
            vec![
                good("A=1\nB=1"),
                bad("A=1\nB=2", "ENV-51 A"),
                bad("A=1", "ENV-51 A"),
            ],
        ),
    ] {
        for (file, expected) in cases {
            assert_eq!(
                judged(&format!("rules:\n  {rule}\n"), &file),
                expected,
                "{rule} against {file}"
            );
        }
    }
}

#[test]
fn lists_are_read_as_programs_read_them() {
    let rule = "rules:\n  O: { list: { min: 1, max: 2, each: { type: origin, not: '*' } } }\n";
    for (file, expected) in [
        ("O=https://a.acme.io,https://b.acme.io", &[][..]),
        ("O='[\"https://a.acme.io\"]'", &[]),
        ("O='https://a.acme.io, https://b.acme.io'", &["ENV-53 O!"]),
        ("O=https://a.acme.io,https://a.acme.io", &["ENV-53 O!"]),
        ("O=*", &["ENV-12 O[1]"]),
        ("O='[\"*\"]'", &["ENV-12 O[1]"]),
        ("O=https://*.acme.io", &["ENV-12 O[1]"]),
        ("O=https://a.acme.io/", &["ENV-11 O[1]"]),
        (
            "O=https://a.acme.io,,https://b.acme.io",
            &["ENV-52 O", "ENV-20 O[2]"],
        ),
        ("O='[\"https://a.acme.io\"'", &["ENV-20 O"]),
        ("O=\"['https://a.acme.io']\"", &["ENV-20 O"]),
        ("O='[]'", &["ENV-52 O"]),
        ("O=", &["ENV-02 O"]),
        ("O=null", &["ENV-20 O[1]"]),
    ] {
        assert_eq!(judged(rule, file), expected, "{file}");
    }
    let json = "rules:\n  O: { list: { form: json } }\n";
    assert_eq!(judged(json, "O=https://a.acme.io"), ["ENV-20 O"]);
    let separated = "rules:\n  O: { list: { form: separated } }\n";
    assert_eq!(
        judged(separated, "O='[\"https://a.acme.io\"]'"),
        ["ENV-20 O"]
    );
}

#[test]
fn groups_and_conditions_hold_together() {
    for (yaml, file, expected) in [
        ("require_one_of: [[A, B]]", "A=1", &[][..]),
        ("require_one_of: [[A, B]]", "A=\nC=1", &["ENV-25 A, B"]),
        ("together: [[A, B]]", "A=1\nB=2", &[]),
        ("together: [[A, B]]", "C=1", &[]),
        ("together: [[A, B]]", "A=1\nB=", &["ENV-25 A, B"]),
        ("mutually_exclusive: [[A, B]]", "A=1", &[]),
        ("mutually_exclusive: [[A, B]]", "A=1\nB=1", &["ENV-25 A, B"]),
        (
            "conditions: [{ when: { ON: true }, require: [A] }]",
            "ON=true\nA=1",
            &[],
        ),
        (
            "conditions: [{ when: { ON: true }, require: [A] }]",
            "ON=false",
            &[],
        ),
        (
            "conditions: [{ when: { ON: true }, require: [A] }]",
            "ON=true",
            &["ENV-25 A"],
        ),
        (
            "conditions: [{ when: { ON: { exists: true } }, forbid: [A] }]",
            "ON=x\nA=1",
            &["ENV-25 A"],
        ),
        (
            "conditions: [{ when: { ON: { exists: true } }, forbid: [A] }]",
            "ON=\nA=1",
            &[],
        ),
        (
            "conditions: [{ when: { ON: 1 }, rules: { A: { type: port } } }]",
            "ON=1\nA=x",
            &["ENV-20 A"],
        ),
        ("production: true", "DEBUG=false\nNODE_ENV=production", &[]),
        ("production: true", "DEBUG=1", &["ENV-08 DEBUG"]),
        (
            "production: true",
            "NODE_ENV=development\nAPP_DEBUG=true",
            &["ENV-08 APP_DEBUG", "ENV-08 NODE_ENV"],
        ),
        ("production: true\naccept_switches: [DEBUG]", "DEBUG=1", &[]),
        (
            "production: true\nrules: { A: {} }",
            "A=http://localhost",
            &["ENV-09 A!"],
        ),
        (
            "production: true\nrules: { S_KEY: {} }",
            "S_KEY=sk_test_4eC39HqLyjWDarjtT1",
            &["ENV-22 S_KEY"],
        ),
        (
            "production: true\nrules: { S_KEY: {} }",
            "S_KEY=bluehorse",
            &["ENV-05 S_KEY!"],
        ),
    ] {
        assert_eq!(judged(yaml, file), expected, "{yaml} against {file}");
    }
}

#[test]
fn one_secret_for_two_purposes_is_said_once() {
    let file = format!("JWT_SECRET={STRONG}\nSESSION_SECRET={STRONG}");
    assert_eq!(
        judged("rules: { JWT_SECRET: {}, SESSION_SECRET: {} }", &file),
        ["ENV-06 JWT_SECRET!"]
    );
    assert_eq!(
        judged(
            "rules: { JWT_SECRET: { not_same_as: SESSION_SECRET }, SESSION_SECRET: {} }",
            &file
        ),
        ["ENV-06 JWT_SECRET"]
    );
}

#[test]
fn a_key_must_belong_to_its_certificate() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["x.acme.io".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap()
        .pem();
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let yaml = "rules: { K: { type: private_key, certificate: C }, C: { type: certificate } }";
    let file = |key: &str| format!("K='{key}'\nC='{certificate}'\n");
    assert_eq!(judged(yaml, &file(&key.serialize_pem())), [""; 0]);
    assert_eq!(judged(yaml, &file(&other)), ["ENV-21 K"]);
}

#[test]
fn facts_hold_no_secret() {
    let canary = "Zx81-canary-Kd83jf92Lmw0Pqz7Yt5Rv1Bn4Hc6";
    let spec = spec(
        "rules: { API_KEY: { matches: 'q', one_of: [a] }, PLAIN: {}, L_TOKEN: { list: { each: { min_length: 3 } } } }",
    );
    let facts = seen(
        &spec,
        &format!(
            "API_KEY={canary}\nPLAIN=postgres://u:{canary}@h/d\nL_TOKEN=a,{canary}\nOTHER_SECRET={canary}\n"
        ),
    );
    let json = serde_json::to_string(&facts).unwrap();
    assert!(!json.contains("canary"), "{json}");
    let cx = JudgeContext {
        now: "2026-06-15T12:00:00Z".parse().unwrap(),
    };
    let findings = serde_json::to_string(&spec.judge(&facts, &cx)).unwrap();
    assert!(!findings.contains("canary"), "{findings}");
    // `assert:` sees what is named, and not what merely lies around.
    let seen = Env::for_assert(&facts);
    assert_eq!(seen["API_KEY"], canary);
    assert!(seen.get("OTHER_SECRET").is_none());
}

#[test]
fn what_can_never_be_red_is_refused() {
    for yaml in [
        "{}",
        "rules: { A: { required: false } }",
        "rules: { A: { forbidden: true, type: url } }",
        "rules: { A: { min: 2, max: 1 } }",
        "rules: { A: { list: { min: 2, max: 1 } } }",
        "rules: { A: { min_entropy_bits: 0 } }",
        "loader: node\nrules: { A: {} }",
        "together: [[A]]",
        "conditions: [{ when: {}, require: [A] }]",
        "conditions: [{ when: { A: 1 } }]",
    ] {
        assert!(!spec(yaml).problems().is_empty(), "{yaml}");
    }
    for yaml in [
        "rules: { A: { one_of: [] } }",
        "rules: { A: { typ: url } }",
        "rules: { A: { type: urls } }",
    ] {
        let mut problems = Problems::default();
        let node = parse(0, yaml, &mut problems).unwrap();
        assert!(decode::<Env>(&node, &mut problems).is_none(), "{yaml}");
    }
}

#[test]
fn a_file_is_read_as_its_loader_does() {
    let yaml = "loader: shell\nfile: x\nrules: { A: { equals: pa } }";
    assert_eq!(judged(yaml, "A=pa$word\n"), [""; 0]);
    let yaml = "loader: docker\nfile: x\nrules: { A: { equals: x } }";
    assert_eq!(judged(yaml, "A=\"x\"\n"), ["ENV-18 A", "ENV-51 A"]);
    let yaml = "loader: shell\nfile: x\nrules: { A: {} }";
    assert_eq!(judged(yaml, "A=$(id)\n"), ["ENV-20 A?"]);
}
