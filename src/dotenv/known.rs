//! Values that everybody knows: placeholders, defaults of frameworks and tutorials, switches of
//! development, keys of providers. Data, with where each row comes from.

/// Whole values, in lower case, that stand where a value still has to be written.
const PLACEHOLDER_WORDS: &[&str] = &[
    "changeme",
    "change_me",
    "change-me",
    "changethis",
    "change_this",
    "change-this",
    "change me",
    "todo",
    "tbd",
    "fixme",
    "placeholder",
    "replaceme",
    "replace_me",
    "replace-me",
    "replace_this",
    "replace-this",
    "dummy",
    "example",
    "sample",
    "undefined",
    "null",
    "nil",
    "none",
    "n/a",
    "foo",
    "bar",
    "foobar",
    "value",
    "string",
    "redacted",
    "[redacted]",
    "hidden",
    "secret_here",
    "...",
    "…",
    "?",
    "???",
    "-",
];

/// Pieces, in lower case, that no real value holds.
const PLACEHOLDER_PIECES: &[&str] = &[
    "changeme",
    "change_me",
    "change-me",
    "change-this",
    "change_this",
    "change_in_production",
    "change-in-production",
    "changethis",
    "replace_me",
    "replace-me",
    "replaceme",
    "replace_with",
    "replace-with",
    "insert_your",
    "insert-your",
    "insert_here",
    "put_your",
    "put-your",
    "enter_your",
    "enter-your",
    "placeholder",
    "your_secret",
    "your-secret",
    "yoursecret",
    "your_api",
    "your-api",
    "your_key",
    "your-key",
    "your_token",
    "your-token",
    "your_password",
    "your-password",
    "yourpassword",
    "yourdomain",
    "your-domain",
    "your_domain",
    "mydomain.com",
    "not-a-real",
    "not_a_real",
    "do-not-use",
    "do_not_use",
];

/// Why a text is a placeholder; `None` when it is not recognised as one.
pub(crate) fn placeholder(text: &str) -> Option<&'static str> {
    let lower = text.trim().to_lowercase();
    if lower.is_empty() {
        return None;
    }
    if PLACEHOLDER_WORDS.contains(&lower.as_str()) {
        return Some("a word that stands for a value still to be written");
    }
    if PLACEHOLDER_PIECES.iter().any(|piece| lower.contains(piece)) {
        return Some("it says that it must be replaced");
    }
    if let Some((_, rest)) = lower.split_once('<')
        && let Some((inner, _)) = rest.split_once('>')
        && !inner.is_empty()
        && inner
            .chars()
            .all(|c| c.is_alphanumeric() || " _-.:/|".contains(c))
    {
        return Some("it holds a <…> to be filled in");
    }
    if (lower.contains("{{") && lower.contains("}}"))
        || (lower.contains("${") && lower.contains('}'))
    {
        return Some("it holds a template that nothing has filled in");
    }
    if (lower.starts_with("your") || lower.starts_with("my"))
        && lower
            .trim_start_matches("your")
            .trim_start_matches("my")
            .starts_with(['-', '_', ' '])
        && !lower.contains("://")
    {
        return Some("it begins with your- or my-");
    }
    if lower.ends_with("-here") || lower.ends_with("_here") || lower.ends_with("...") {
        return Some("it says that something belongs here");
    }
    let run = |c: char| {
        let wanted: String = std::iter::repeat_n(c, 4).collect();
        lower.contains(&wanted)
    };
    if run('*')
        || run('•')
        || (lower.len() > 2 && lower.chars().all(|c| c == 'x'))
        || lower.contains("xxxxx")
    {
        return Some("it is masked or crossed out");
    }
    let host_like = lower.contains("://") || lower.contains('@') || !lower.contains(' ');
    if host_like
        && ["example.com", "example.org", "example.net"]
            .iter()
            .any(|domain| {
                lower.match_indices(domain).any(|(at, _)| {
                    at == 0 || matches!(lower.as_bytes()[at - 1], b'.' | b'/' | b'@')
                })
            })
    {
        return Some("it names a domain reserved for examples (RFC 2606)");
    }
    None
}

/// Whole values, in lower case, that are published defaults, and whose.
const DEFAULTS: &[(&str, &str)] = &[
    ("secret", "a word in every attacker's list"),
    ("s3cr3t", "a word in every attacker's list"),
    ("supersecret", "a word in every attacker's list"),
    ("super-secret", "a word in every attacker's list"),
    ("super_secret", "a word in every attacker's list"),
    ("secretkey", "a word in every attacker's list"),
    ("secret-key", "a word in every attacker's list"),
    ("secret_key", "a word in every attacker's list"),
    ("mysecret", "a word in every attacker's list"),
    ("mysecretkey", "a word in every attacker's list"),
    ("topsecret", "a word in every attacker's list"),
    ("jwt_secret", "a word in every attacker's list"),
    ("jwtsecret", "a word in every attacker's list"),
    ("jwt-secret", "a word in every attacker's list"),
    ("password", "a word in every attacker's list"),
    ("passw0rd", "a word in every attacker's list"),
    ("p@ssw0rd", "a word in every attacker's list"),
    ("p@ssword", "a word in every attacker's list"),
    ("pass", "a word in every attacker's list"),
    ("qwerty", "a word in every attacker's list"),
    ("letmein", "a word in every attacker's list"),
    ("hunter2", "a word in every attacker's list"),
    ("insecure", "a word in every attacker's list"),
    ("12345", "a word in every attacker's list"),
    ("123456", "a word in every attacker's list"),
    ("1234567", "a word in every attacker's list"),
    ("12345678", "a word in every attacker's list"),
    ("123456789", "a word in every attacker's list"),
    ("1234567890", "a word in every attacker's list"),
    ("1234", "a word in every attacker's list"),
    ("key", "a word in every attacker's list"),
    ("token", "a word in every attacker's list"),
    ("api-key", "a word in every attacker's list"),
    ("apikey", "a word in every attacker's list"),
    ("api_key", "a word in every attacker's list"),
    ("my-api-key", "a word in every attacker's list"),
    ("abc123", "a word in every attacker's list"),
    ("test", "a value of tests"),
    ("testing", "a value of tests"),
    ("test123", "a value of tests"),
    ("test-secret", "a value of tests"),
    ("test-key", "a value of tests"),
    ("test-api-key", "a value of tests"),
    ("dev", "the Flask tutorial's SECRET_KEY"),
    ("development", "a value of development"),
    ("dev-secret", "a value of development"),
    ("dev_secret", "a value of development"),
    ("dev-secret-key", "a value of development"),
    ("dev-api-key", "a value of development"),
    ("dev_api_key", "a value of development"),
    ("dev-key", "a value of development"),
    ("dev-token", "a value of development"),
    ("local", "a value of development"),
    ("default", "a value of development"),
    ("postgres", "PostgreSQL images and tutorials"),
    ("mysecretpassword", "the postgres image's README"),
    ("my-secret-pw", "the mysql image's README"),
    ("root", "MySQL and MariaDB tutorials"),
    ("toor", "a word in every attacker's list"),
    ("admin", "Keycloak, Grafana and RabbitMQ consoles"),
    ("administrator", "a word in every attacker's list"),
    ("admin123", "a word in every attacker's list"),
    ("adminpassword", "the Bitnami LDAP image"),
    ("guest", "RabbitMQ"),
    ("minioadmin", "MinIO"),
    ("minio123", "MinIO tutorials"),
    ("redis", "Redis tutorials"),
    ("foobared", "redis.conf's example of requirepass"),
    ("mongo", "MongoDB tutorials"),
    ("neo4j", "Neo4j"),
    ("changeit", "the Java key store"),
    ("tiger", "Oracle's scott/tiger"),
    ("elastic", "Elasticsearch tutorials"),
    ("bitnami", "Bitnami images"),
    ("user", "Bitnami images"),
    ("prom-operator", "Grafana of kube-prometheus-stack"),
    ("keyboard cat", "express-session's README"),
    ("shhhhh", "jsonwebtoken's README"),
    ("your-256-bit-secret", "jwt.io"),
    ("a-string-secret-at-least-256-bits-long", "jwt.io"),
    ("thistokenisnotsosecretchangeit", "Symfony's parameters.yml"),
    ("tobemodified", "Strapi's .env.example"),
    ("tobemodified1", "Strapi's .env.example"),
    ("thisisasecret_1234", "Apache Superset's configuration"),
    ("test_non_dev_secret", "Apache Superset's docker/.env"),
    (
        "super-secret-jwt-token-with-at-least-32-characters-long",
        "Supabase CLI",
    ),
    (
        "255d861b-5ea1-5996-9aa3-922530ec40b1",
        "Directus' documentation (KEY)",
    ),
    (
        "6116487b-cda1-52c2-b5b5-c8022c45e263",
        "Directus' documentation (SECRET)",
    ),
    (
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "FastAPI's security tutorial",
    ),
    (
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "Flask's quick start",
    ),
    ("akiaiosfodnn7example", "AWS' documentation"),
    (
        "wjalrxutnfemi/k7mdeng/bpxrficyexamplekey",
        "AWS' documentation",
    ),
    (
        "6leixactaaaaagg-vfi1tnrwxmznfuojj4wifjwe",
        "reCAPTCHA's test keys",
    ),
    (
        "6leixactaaaaajczvrqyhh71umiegnq_mxjizkhi",
        "reCAPTCHA's test keys",
    ),
    (
        "1x0000000000000000000000000000000aa",
        "Cloudflare Turnstile's test keys",
    ),
    (
        "1x00000000000000000000aa",
        "Cloudflare Turnstile's test keys",
    ),
];

/// Beginnings, in lower case, of values that generators mark as unsafe.
const DEFAULT_PREFIXES: &[(&str, &str)] = &[
    ("django-insecure-", "Django's startproject"),
    ("insecure-", "its own name"),
    ("dev-only", "its own name"),
    ("unsafe-", "its own name"),
    ("sk-test-dummy", "its own name"),
];

/// Whose published default a secret is; `None` when it is none.
pub(crate) fn published_default(text: &str) -> Option<&'static str> {
    let lower = text.trim().to_lowercase();
    if let Some((_, whose)) = DEFAULTS.iter().find(|(value, _)| *value == lower) {
        return Some(whose);
    }
    if let Some((_, whose)) = DEFAULT_PREFIXES.iter().find(|(p, _)| lower.starts_with(p)) {
        return Some(whose);
    }
    // `secret123`, `password!`, `admin2024`: the word with a decoration.
    let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit() || "!@#$.-_".contains(c));
    if stem.len() < lower.len() && lower.len() < stem.len() + 6 {
        const STEMS: &[&str] = &[
            "secret",
            "password",
            "passwd",
            "passw0rd",
            "admin",
            "root",
            "test",
            "postgres",
            "welcome",
            "changeme",
            "qwerty",
            "letmein",
            "supersecret",
            "guest",
            "user",
            "redis",
        ];
        if STEMS.contains(&stem) {
            return Some("a word in every attacker's list");
        }
    }
    if super::expired::jwt_claims(text.trim())
        .is_some_and(|claims| claims.get("iss").and_then(|i| i.as_str()) == Some("supabase-demo"))
    {
        return Some("Supabase's self-hosting guide");
    }
    None
}

/// Whose default the credentials inside a URL are.
pub(crate) fn published_credentials(url: &url::Url) -> Option<&'static str> {
    let password = url.password()?;
    published_default(password).or_else(|| {
        (password == url.username() && password.len() < 16).then_some("the user's name itself")
    })
}

/// Variables whose value switches a program to development: the name (a leading `*` stands for any
/// beginning) and the values, in lower case, that do; no value means anything that is true.
const DEV_SWITCHES: &[(&str, &[&str])] = &[
    ("DEBUG", &[]),
    ("*_DEBUG", &[]),
    ("DEV_MODE", &[]),
    ("*_DEV_MODE", &[]),
    ("*_RELOAD", &[]),
    ("RELOAD", &[]),
    ("PYTHONDEVMODE", &[]),
    ("SQLALCHEMY_ECHO", &[]),
    ("*_DB_ECHO", &[]),
    ("DB_ECHO", &[]),
    ("OAUTHLIB_INSECURE_TRANSPORT", &[]),
    ("AUTHLIB_INSECURE_TRANSPORT", &[]),
    ("GIT_SSL_NO_VERIFY", &[]),
    ("NODE_TLS_REJECT_UNAUTHORIZED", &["0"]),
    ("PYTHONHTTPSVERIFY", &["0"]),
    ("WERKZEUG_DEBUG_PIN", &["off"]),
    ("GIN_MODE", &["debug", "test"]),
    ("NODE_ENV", &["development", "dev", "test", "local"]),
    (
        "APP_ENV",
        &["development", "dev", "test", "testing", "local"],
    ),
    ("FLASK_ENV", &["development"]),
    ("RAILS_ENV", &["development", "test"]),
    ("RACK_ENV", &["development", "test"]),
    ("MIX_ENV", &["dev", "test"]),
    ("GO_ENV", &["development", "dev", "test", "local"]),
    ("ASPNETCORE_ENVIRONMENT", &["development"]),
    ("DOTNET_ENVIRONMENT", &["development"]),
    (
        "SPRING_PROFILES_ACTIVE",
        &["dev", "development", "local", "test"],
    ),
    (
        "ENVIRONMENT",
        &["development", "dev", "test", "testing", "local"],
    ),
    (
        "*_ENVIRONMENT",
        &["development", "dev", "test", "testing", "local"],
    ),
    ("RUST_LOG", &["trace", "debug"]),
    ("LOG_LEVEL", &["trace", "debug"]),
    ("*_LOG_LEVEL", &["trace", "debug"]),
];

/// Whether this variable with this value switches a program to development.
pub(crate) fn is_dev_switch(name: &str, value: &str) -> bool {
    let value = value.trim().to_lowercase();
    DEV_SWITCHES.iter().any(|(pattern, values)| {
        let named = match pattern.strip_prefix('*') {
            Some(end) => name.len() > end.len() && name.ends_with(end),
            None => name == *pattern,
        };
        // `DEBUG=express:*` of Node is a filter that switches output on.
        let on = super::values::truth(&value) == Some(true)
            || (*pattern == "DEBUG" && value.contains('*'));
        named
            && if values.is_empty() {
                on
            } else {
                values.contains(&value.as_str())
            }
    })
}

/// Whether a provider's key works on real data.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// A key of the provider's test or sandbox mode.
    Test,
    /// A key of the real thing.
    Live,
    /// The form does not say.
    Any,
}

/// Beginnings of keys that providers hand out, from their documentation: the shortest whole key,
/// the provider, the mode.
const PROVIDER_KEYS: &[(&str, usize, &str, Mode)] = &[
    ("sk_test_", 16, "Stripe, Clerk or Paystack", Mode::Test),
    ("pk_test_", 16, "Stripe, Clerk or Paystack", Mode::Test),
    ("rk_test_", 16, "Stripe", Mode::Test),
    ("sk_live_", 16, "Stripe, Clerk or Paystack", Mode::Live),
    ("pk_live_", 16, "Stripe, Clerk or Paystack", Mode::Live),
    ("rk_live_", 16, "Stripe", Mode::Live),
    ("rzp_test_", 16, "Razorpay", Mode::Test),
    ("rzp_live_", 16, "Razorpay", Mode::Live),
    ("FLWSECK_TEST-", 20, "Flutterwave", Mode::Test),
    ("FLWPUBK_TEST-", 20, "Flutterwave", Mode::Test),
    ("FLWSECK-", 20, "Flutterwave", Mode::Live),
    ("xnd_development_", 20, "Xendit", Mode::Test),
    ("xnd_production_", 20, "Xendit", Mode::Live),
    ("shippo_test_", 20, "Shippo", Mode::Test),
    ("shippo_live_", 20, "Shippo", Mode::Live),
    ("sk_sbox_", 16, "Checkout.com", Mode::Test),
    ("sandbox-sq0", 20, "Square", Mode::Test),
    ("sq0atp-", 20, "Square", Mode::Live),
    ("whsec_", 20, "Stripe or Svix webhooks", Mode::Any),
    ("sk-ant-", 24, "Anthropic", Mode::Any),
    ("sk-proj-", 24, "OpenAI", Mode::Any),
    ("ghp_", 30, "GitHub", Mode::Any),
    ("gho_", 30, "GitHub", Mode::Any),
    ("ghs_", 30, "GitHub", Mode::Any),
    ("github_pat_", 40, "GitHub", Mode::Any),
    ("glpat-", 20, "GitLab", Mode::Any),
    ("xoxb-", 24, "Slack", Mode::Any),
    ("xoxp-", 24, "Slack", Mode::Any),
    ("AKIA", 20, "AWS", Mode::Any),
    ("AIza", 35, "Google", Mode::Any),
    ("SG.", 40, "SendGrid", Mode::Any),
    ("npm_", 30, "npm", Mode::Any),
    ("hf_", 30, "Hugging Face", Mode::Any),
    ("dop_v1_", 40, "DigitalOcean", Mode::Any),
    ("-----BEGIN PRIVATE KEY", 60, "a private key", Mode::Any),
    ("-----BEGIN RSA PRIVATE KEY", 60, "a private key", Mode::Any),
    ("-----BEGIN EC PRIVATE KEY", 60, "a private key", Mode::Any),
    (
        "-----BEGIN OPENSSH PRIVATE KEY",
        60,
        "a private key",
        Mode::Any,
    ),
];

/// Whose key a value is, judged by its form.
pub(crate) fn provider_key(text: &str) -> Option<(&'static str, Mode)> {
    let text = text.trim();
    PROVIDER_KEYS
        .iter()
        .find(|(prefix, shortest, ..)| text.starts_with(prefix) && text.len() >= *shortest)
        .map(|(_, _, provider, mode)| (*provider, *mode))
}

/// Whether a provider means the key to be seen by everybody.
pub(crate) fn is_publishable(text: &str) -> bool {
    ["pk_", "rzp_", "FLWPUBK", "AIza"]
        .iter()
        .any(|prefix| text.trim().starts_with(prefix))
}

/// Beginnings of names whose values bundlers copy into what every visitor downloads.
pub(crate) const PUBLIC_PREFIXES: &[(&str, &str)] = &[
    ("NEXT_PUBLIC_", "Next.js"),
    ("VITE_", "Vite"),
    ("REACT_APP_", "Create React App"),
    ("NUXT_PUBLIC_", "Nuxt"),
    ("EXPO_PUBLIC_", "Expo"),
    ("GATSBY_", "Gatsby"),
    ("PUBLIC_", "SvelteKit and Astro"),
    ("VUE_APP_", "Vue CLI"),
    ("NG_APP_", "Angular"),
    ("STORYBOOK_", "Storybook"),
];

/// The bundler that would publish a variable of this name.
pub(crate) fn published_by(name: &str) -> Option<&'static str> {
    PUBLIC_PREFIXES
        .iter()
        .find(|(prefix, _)| name.starts_with(prefix))
        .map(|(_, bundler)| *bundler)
}
