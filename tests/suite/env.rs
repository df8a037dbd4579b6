//! Variables of the environment and of files.

use crate::support::cli::{Readyctl, Run, audit, audit_command};
use crate::support::verdicts::{assert_green, assert_red};

/// A secret as a generator makes it.
const STRONG: &str = "q1mJx0r7Yk2tVb9Zw4Lh8Nc6Ge3Ua5Po0Sd1Fi2Rj8";

/// A profile with one check of the kind `env`, and one beside it that stays green.
fn profile(block: &str) -> String {
    let block = block.replace('\n', "\n      ");
    format!(
        "version: 1\nname: t\nchecks:\n  - id: it\n    severity: critical\n    env:\n      {block}\n  - id: beside\n    env: {{ rules: {{ BESIDE: {{ equals: here }} }} }}\n"
    )
}

/// An audit with these variables in the environment.
fn with(block: &str, variables: &[(&str, &str)]) -> Run {
    variables
        .iter()
        .fold(
            audit_command(&profile(block)).env("BESIDE", "here"),
            |run, (name, value)| run.env(name, value),
        )
        .run()
}

/// The healthy twin is green and the broken one red with the code.
#[track_caller]
fn twins(block: &str, code: &str, healthy: &[(&str, &str)], broken: &[(&str, &str)]) {
    assert_green(&with(block, healthy));
    let run = with(block, broken);
    assert_red(&run, "it", code);
    run.assert_exit(1);
}

#[test]
fn env_01_required_variable_not_set() {
    twins("rules: { A_B: {} }", "ENV-01", &[("A_B", "x")], &[]);
}

#[test]
fn env_02_required_variable_empty() {
    twins(
        "rules: { A_B: {} }",
        "ENV-02",
        &[("A_B", "x")],
        &[("A_B", "  ")],
    );
}

#[test]
fn env_03_placeholder() {
    let strong = [("API_KEY", STRONG)];
    twins(
        "rules: { API_KEY: {} }",
        "ENV-03",
        &strong,
        &[("API_KEY", "<your-api-key>")],
    );
}

#[test]
fn env_04_published_default() {
    let strong = [("SECRET_KEY", STRONG)];
    let bad = [("SECRET_KEY", "django-insecure-8fk3j2h5g6d7s8a9")];
    twins("rules: { SECRET_KEY: {} }", "ENV-04", &strong, &bad);
}

#[test]
fn env_05_weak_secret() {
    let block = "rules: { API_KEY: { min_entropy_bits: 128 } }";
    let bad = [("API_KEY", "our-own-production-passphrase-number-1")];
    twins(block, "ENV-05", &[("API_KEY", STRONG)], &bad);
    let block = "rules: { API_KEY: { min_length: 32, min_unique: 5 } }";
    twins(
        block,
        "ENV-05",
        &[("API_KEY", STRONG)],
        &[("API_KEY", "8fj3kd92jd83")],
    );
}

#[test]
fn env_06_one_secret_for_two_purposes() {
    let block = "rules: { JWT_SECRET: { not_same_as: SESSION_SECRET }, SESSION_SECRET: {} }";
    let other = "Zk39dkQl2Xw9Zk39dkQl2Xw9";
    let good = [("JWT_SECRET", STRONG), ("SESSION_SECRET", other)];
    let bad = [("JWT_SECRET", STRONG), ("SESSION_SECRET", STRONG)];
    twins(block, "ENV-06", &good, &bad);
}

#[test]
fn env_07_secret_of_the_example() {
    let block = "example: .env.example\nrules: { API_KEY: {} }";
    let run = |value: &str| {
        audit_command(&profile(block))
            .file(".env.example", "API_KEY=Zk39dkQl2Xw9Zk39dkQl2Xw9\n")
            .env("BESIDE", "here")
            .env("API_KEY", value)
            .run()
    };
    assert_green(&run(STRONG));
    assert_red(&run("Zk39dkQl2Xw9Zk39dkQl2Xw9"), "it", "ENV-07");
}

#[test]
fn env_08_switch_of_development() {
    let good = [("DEBUG", "false"), ("NODE_ENV", "production")];
    twins("production: true", "ENV-08", &good, &[("DEBUG", "1")]);
    twins(
        "production: true",
        "ENV-08",
        &good,
        &[("SERVICE_ENVIRONMENT", "development")],
    );
}

#[test]
fn env_09_local_address() {
    let block = "rules: { API: { type: url, forbid_local: true } }";
    twins(
        block,
        "ENV-09",
        &[("API", "https://api.acme.io")],
        &[("API", "http://127.0.0.1:80")],
    );
}

#[test]
fn env_10_connection_without_encryption() {
    let block = "rules: { DATABASE_URL: { type: postgres_url, require_tls: true } }";
    let good = format!("postgres://app:{STRONG}@db.acme.io/app?sslmode=verify-full");
    let bad = format!("postgres://app:{STRONG}@db.acme.io/app?sslmode=disable");
    twins(
        block,
        "ENV-10",
        &[("DATABASE_URL", &good)],
        &[("DATABASE_URL", &bad)],
    );
}

#[test]
fn env_11_not_an_origin() {
    let block = "rules: { O: { list: { each: { type: origin } } } }";
    let bad = [("O", "https://a.acme.io,https://b.acme.io/")];
    twins(block, "ENV-11", &[("O", "[\"https://a.acme.io\"]")], &bad);
}

#[test]
fn env_12_wildcard() {
    let block = "rules: { O: { list: { each: { type: origin, not: '*' } } } }";
    twins(
        block,
        "ENV-12",
        &[("O", "https://a.acme.io")],
        &[("O", "[\"*\"]")],
    );
}

#[test]
fn env_18_quotes_in_the_environment() {
    twins(
        "rules: { A_B: {} }",
        "ENV-18",
        &[("A_B", "x y")],
        &[("A_B", "\"x y\"")],
    );
}

#[test]
fn env_19_secret_with_a_line_end() {
    let bad = format!("{STRONG}\n");
    twins(
        "rules: { API_KEY: {} }",
        "ENV-19",
        &[("API_KEY", STRONG)],
        &[("API_KEY", &bad)],
    );
}

#[test]
fn env_20_wrong_type() {
    twins(
        "rules: { P: { type: port } }",
        "ENV-20",
        &[("P", "8080")],
        &[("P", "70000")],
    );
    twins(
        "rules: { F: { type: boolean } }",
        "ENV-20",
        &[("F", "false")],
        &[("F", "flase")],
    );
    twins(
        "rules: { T: { type: duration } }",
        "ENV-20",
        &[("T", "30s")],
        &[("T", "30")],
    );
}

#[test]
fn env_21_key_of_another_certificate() {
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let certificate = rcgen::CertificateParams::new(vec!["a.acme.io".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap()
        .pem();
    let key = key.serialize_pem();
    let block = "rules: { K: { type: private_key, certificate: C }, C: { type: certificate } }";
    twins(
        block,
        "ENV-21",
        &[("K", &key), ("C", &certificate)],
        &[("K", &other), ("C", &certificate)],
    );
    let escaped = key.replace('\n', "\\n");
    twins(
        "rules: { K: { type: private_key } }",
        "ENV-21",
        &[("K", &key)],
        &[("K", &escaped)],
    );
}

#[test]
fn env_22_test_key_in_production() {
    let block = "production: true\nrules: { STRIPE_KEY: {} }";
    let good = [("STRIPE_KEY", "sk_live_4eC39HqLyjWDarjtT1zdp7dc")];
    let bad = [("STRIPE_KEY", "sk_test_4eC39HqLyjWDarjtT1zdp7dc")];
    twins(block, "ENV-22", &good, &bad);
}

#[test]
fn env_23_expired_token() {
    use base64::Engine as _;
    let b64 = |t: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(t);
    let token = |exp: i64| {
        let claims = b64(&format!("{{\"exp\":{exp}}}"));
        format!("{}.{claims}.c2lnbmF0dXJl", b64("{\"alg\":\"HS256\"}"))
    };
    let now = jiff::Timestamp::now().as_second();
    let good = token(now + 86_400);
    let bad = token(now - 60);
    twins(
        "rules: { T: {} }",
        "ENV-23",
        &[("T", &good)],
        &[("T", &bad)],
    );
    let block = "rules: { T: { valid_for: 7d } }";
    let long = token(now + 30 * 86_400);
    twins(block, "ENV-23", &[("T", &long)], &[("T", &good)]);
}

#[test]
fn env_25_variables_contradict_each_other() {
    let both = [("SMTP_HOST", "h"), ("SMTP_USER", "u")];
    twins(
        "together: [[SMTP_HOST, SMTP_USER]]",
        "ENV-25",
        &both,
        &[("SMTP_HOST", "h")],
    );
    twins(
        "require_one_of: [[A_B, C_D]]",
        "ENV-25",
        &[("C_D", "x")],
        &[],
    );
    twins(
        "mutually_exclusive: [[SMTP_HOST, SMTP_USER]]",
        "ENV-25",
        &[("SMTP_HOST", "h")],
        &both,
    );
    let block = "conditions: [{ when: { TRACING: true }, require: [OTLP] }]";
    let on = [("TRACING", "true"), ("OTLP", "https://o.acme.io")];
    twins(block, "ENV-25", &on, &[("TRACING", "true")]);
    assert_green(&with(block, &[("TRACING", "false")]));
}

#[test]
fn env_26_unreadable_file_is_an_error() {
    let block = "file: app.env\nrules: { A_B: {} }";
    let run = |content: Option<&[u8]>| {
        let run = audit_command(&profile(block)).env("BESIDE", "here");
        match content {
            Some(content) => run.file("app.env", content).run(),
            None => run.run(),
        }
    };
    assert_green(&run(Some(b"A_B=x\n")));
    for broken in [
        None,
        Some(&b"A_B=\xff\n"[..]),
        Some(b"\xff\xfeA\0=\0x\0"),
        Some(b"A_B='x\n"),
    ] {
        let run = run(broken);
        assert_eq!(run.verdict("it"), "error", "{run}");
        let fault = run.check("it")["fault"].clone();
        assert_eq!(fault["code"], "ENV-26", "{run}");
        assert!(
            fault["hint"].as_str().is_some_and(|hint| !hint.is_empty()),
            "{run}"
        );
        run.assert_exit(3);
    }
}

#[test]
fn env_51_unexpected_value() {
    let block = "rules: { LOG_LEVEL: { one_of: [WARNING, ERROR] } }";
    twins(
        block,
        "ENV-51",
        &[("LOG_LEVEL", "ERROR")],
        &[("LOG_LEVEL", "INFO")],
    );
}

#[test]
fn env_52_list_without_items() {
    let block = "rules: { O: { list: { min: 2 } } }";
    twins(block, "ENV-52", &[("O", "a,b")], &[("O", "a")]);
}

#[test]
fn env_53_list_that_programs_read_differently() {
    let block = "rules: { O: { list: { min: 1 } } }";
    assert_green(&with(block, &[("O", "a,b")]));
    let run = with(block, &[("O", "a, b")]);
    assert_eq!(
        (run.verdict("it").as_str(), run.codes("it")),
        ("warn", vec!["ENV-53".to_owned()])
    );
}

#[test]
fn env_54_forbidden_variable() {
    twins(
        "rules: { A_B: { forbidden: true } }",
        "ENV-54",
        &[],
        &[("A_B", "x")],
    );
}

#[test]
fn asserts_see_the_variables() {
    let block = "rules: { SERVICE_ENVIRONMENT: {}, TENANT_DEV_MODE: { type: boolean } }\nassert:\n  - env.TENANT_DEV_MODE == \"false\" || env.SERVICE_ENVIRONMENT != \"production\"";
    let variables = |dev, name| [("TENANT_DEV_MODE", dev), ("SERVICE_ENVIRONMENT", name)];
    assert_green(&with(block, &variables("false", "production")));
    assert_green(&with(block, &variables("true", "staging")));
    let run = with(block, &variables("true", "production"));
    assert_eq!(run.verdict("it"), "fail", "{run}");
}

#[test]
fn env_files_stand_behind_the_process() {
    let run = audit_command(&profile(
        "rules: { A_B: { equals: file }, C_D: { equals: process } }",
    ))
    .file(
        "app.env",
        "A_B='file' # comment\nC_D=file\nexport BESIDE=here\n",
    )
    .env("C_D", "process")
    .args(["--env-file", "app.env"])
    .run();
    assert_green(&run);
}

#[test]
fn secrets_never_leave() {
    let canary = "Zx81CANARYKd83jf92Lmw0Pqz7Yt5Rv1Bn4Hc6";
    let url = format!("postgres://app:{canary}@localhost/app");
    let block = "production: true\nexample: .env.example\nrules:\n  API_KEY: { matches: '^k', min_entropy_bits: 500, type: url }\n  DATABASE_URL: { forbid_local: true, require_tls: true, one_of: [a] }\n  PLAIN: { equals: x }\n  T_TOKENS: { list: { each: { min_length: 90 } } }";
    for format in ["json", "table"] {
        let run = Readyctl::new()
            .args(["audit", "--no-progress", "--verbose", "--format", format])
            .profile(&profile(block))
            .file(".env.example", format!("API_KEY={canary}\n"))
            .env("API_KEY", canary)
            .env("DATABASE_URL", &url)
            .env("PLAIN", &url)
            .env("T_TOKENS", format!("a,{canary}"))
            .run();
        run.assert_exit(1);
        assert!(!run.stdout.contains("CANARY"), "{run}");
        assert!(!run.stderr.contains("CANARY"), "{run}");
    }
}

#[test]
fn pack_environment_basics() {
    let profile = "version: 1\nname: t\npacks:\n  - use: environment-basics\n    with: { secrets: [API_KEY], addresses: [API], environment_variable: STAGE }\n";
    let healthy = || {
        audit_command(profile)
            .env("STAGE", "production")
            .env("LOG_LEVEL", "INFO")
            .env("API", "https://api.acme.io")
    };
    assert_green(&healthy().env("API_KEY", STRONG).run());
    for (id, code, name, value) in [
        ("env-environment-name", "ENV-51", "STAGE", "canary"),
        ("env-no-development-switch", "ENV-08", "DEBUG", "true"),
        ("env-log-level", "ENV-51", "LOG_LEVEL", "verbose"),
        ("env-secrets-strong", "ENV-04", "API_KEY", "dev-api-key"),
        (
            "env-no-local-address",
            "ENV-09",
            "API",
            "http://localhost:8000",
        ),
    ] {
        let run = healthy().env("API_KEY", STRONG).env(name, value).run();
        assert_red(&run, id, code);
    }
}

#[test]
fn a_rule_that_can_never_be_red_is_refused() {
    let run = audit(&profile("rules: { A_B: { required: false } }"));
    run.assert_exit(2);
    assert!(run.stderr.contains("never be red"), "{run}");
}
