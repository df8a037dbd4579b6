use super::*;

/// Key material that nobody ever had. Tokens are put together at run time: a scanner that looks at
/// this file must not find any.
const RANDOM: &str = "q7Rk2mXv9TzL4wYb8NpJ5sHd3FgC6uEa1QxZ0iOtWnMrVyKjPlBhSfDcGeUaIo";

/// Rules and classes found in a text at a path.
fn found(path: &str, text: &str) -> Vec<(String, Class)> {
    in_place(Place::of(path), text)
}

fn in_place(place: Place, text: &str) -> Vec<(String, Class)> {
    let scan = Scanner::default().scan(text, place, 100);
    scan.hits
        .into_iter()
        .map(|hit| (hit.rule, hit.class))
        .collect()
}

#[track_caller]
fn assert_class(path: &str, text: &str, class: Option<Class>) {
    let found = found(path, text);
    assert_eq!(
        found.first().map(|(_, class)| *class),
        class,
        "{path}: {text} {found:?}"
    );
}

#[test]
fn every_rule_compiles_and_keywords_are_where_the_expression_wants_them() {
    let engine = ENGINE.as_ref().expect("the rules compile");
    for (at, rule) in RULES.iter().enumerate() {
        let pattern = engine.pattern(at).expect(rule.id);
        assert!(
            pattern.capture_names().flatten().any(|name| name == "s"),
            "{}",
            rule.id
        );
        assert!(!rule.keywords.is_empty(), "{}", rule.id);
        assert_eq!(what(rule.id), rule.what);
    }
    let mut all: Vec<&str> = ids().collect();
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count, "ids are unique");
}

#[test]
fn tokens_of_providers_are_found_by_their_form() {
    let part = |n: usize| &RANDOM[..n];
    let hex = |n: usize| "3f9a1c7e5b2d8064".repeat(5)[..n].to_owned();
    for (rule, token) in [
        (
            "aws-access-key",
            format!("{}{}", "AK", "IAQ7RK2MXV3TZL4WYB"),
        ),
        ("github-token", format!("gh{}{}", "p_", part(36))),
        ("github-token", format!("github{}{}", "_pat_", part(60))),
        ("gitlab-token", format!("gl{}{}", "pat-", part(20))),
        (
            "slack-token",
            format!(
                "xox{}{}",
                "b-", "17653672481-19874698323-q7Rk2mXv9TzL4wYb8NpJ5sHd"
            ),
        ),
        ("live-secret-key", format!("sk_{}{}", "live_", part(24))),
        ("test-secret-key", format!("sk_{}{}", "test_", part(24))),
        ("anthropic-key", format!("sk-{}{}", "ant-api03-", part(60))),
        ("openai-key", format!("sk-{}{}", "proj-", part(48))),
        ("google-api-key", format!("AI{}{}", "za", part(35))),
        (
            "sendgrid-key",
            format!("S{}{}.{}", "G.", part(22), part(43)),
        ),
        ("npm-token", format!("np{}{}", "m_", part(36))),
        ("hugging-face-token", format!("h{}{}", "f_", part(34))),
        ("digitalocean-token", format!("dop{}{}", "_v1_", hex(64))),
        ("databricks-token", format!("da{}{}", "pi", hex(32))),
        ("mailgun-key", format!("ke{}{}", "y-", hex(32))),
        (
            "telegram-token",
            format!("{}:{}{}", "783621948", "AA", part(33)),
        ),
        ("shopify-token", format!("shp{}{}", "at_", hex(32))),
    ] {
        for text in [
            format!("x = f({token})\n"),
            token.clone(),
            format!("KEY={token}\nB=1\n"),
            format!("{{\"k\":\"{token}\"}}"),
        ] {
            let hits = found("src/a.rs", &text);
            let rules: Vec<&str> = hits.iter().map(|(rule, _)| rule.as_str()).collect();
            assert!(rules.contains(&rule), "{rule}: {rules:?}");
        }
        // Inside a longer word it is no token.
        let inside = format!("abc{token}");
        assert!(
            !found("a.rs", &inside)
                .iter()
                .any(|(own, _)| own == rule && rule != "telegram-token"),
            "{rule}"
        );
    }
}

#[test]
fn examples_of_manuals_and_masks_stay_green() {
    for text in [
        format!("{}{}", "AKIA", "IOSFODNN7EXAMPLE"),
        "aws_secret_access_key = \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"".to_owned(),
        format!("gh{}{}", "p_", "x".repeat(36)),
        format!("gh{}{}", "p_", "abcdefghijklmnopqrstuvwxyz0123456789"),
        format!("sk_{}{}", "test_", "4eC39HqLyjWDarjtT1zdp7dc"),
        // jwt.io
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c".to_owned(),
        "if text.starts_with(\"-----BEGIN PRIVATE KEY-----\") {".to_owned(),
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo\n".to_owned(),
        "Authorization: Bearer <token>".to_owned(),
        "Authorization: Bearer ${TOKEN}".to_owned(),
        "headers['Authorization'] = 'Bearer ' + token".to_owned(),
        "token = secrets.API_TOKEN".to_owned(),
        "password = os.environ[\"DB_PASSWORD\"]".to_owned(),
        "SECRET_KEY: str = Field(default=\"change-me-in-production\")".to_owned(),
        "const tokenUrl = '/oauth2/v1/token/refresh2'".to_owned(),
        "password: ${{ secrets.DB_PASSWORD }}".to_owned(),
        "api_key: str | None = None".to_owned(),
        "passwordPolicy = 'min8-1digit'".to_owned(),
    ] {
        assert_eq!(found("config/settings.yaml", &text), [], "{text}");
        assert_eq!(found("src/settings.py", &text), [], "{text}");
    }
}

#[test]
fn private_keys_are_found_in_every_form_people_commit_them() {
    let body = &RANDOM[..60];
    let mark = format!("-----BEGIN {} KEY-----", "PRIVATE");
    for text in [
        format!("{mark}\n{body}\n"),
        format!("{mark}\r\n{body}\r\n"),
        format!("\"private_key\": \"{mark}\\n{body}\\n"),
        format!(
            "-----BEGIN {} KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\n{body}\n",
            "RSA PRIVATE"
        ),
        format!("-----BEGIN {} KEY-----\n{body}\n", "OPENSSH PRIVATE"),
        format!(
            "-----BEGIN PGP {} KEY BLOCK-----\nVersion: x\n\n{body}\n",
            "PRIVATE"
        ),
        format!("    key: |\n      {mark}\n      {body}\n"),
    ] {
        assert_eq!(
            found("deploy/key.pem", &text),
            [("private-key".to_owned(), Class::Secret)],
            "{text}"
        );
    }
}

#[test]
fn connection_strings_are_told_from_placeholders_and_defaults() {
    let leak = Some(Class::Credentials);
    let default = Some(Class::DefaultCredentials);
    let strong = "Xk3vQ9zT7mL2";
    for (path, url, class) in [
        (
            "src/db.py",
            format!("postgres://app:{strong}@db.prod"),
            leak,
        ),
        (
            "src/db.py",
            format!("postgresql+asyncpg://app:{strong}@10.0.3.4:5432/x"),
            leak,
        ),
        (
            "README.md",
            format!("postgres://app:{strong}@db.acme.io/x"),
            leak,
        ),
        (
            "src/db.py",
            "mysql://root:Sommer24@db.acme.io/x".to_owned(),
            leak,
        ),
        (
            "src/db.py",
            format!("redis://:{strong}@cache.acme.io:6379/0"),
            leak,
        ),
        (
            "deploy.sh",
            format!("https://deploy:{strong}@registry.acme.io/v2"),
            leak,
        ),
        (
            "src/db.py",
            format!("postgresql://app:{strong}@localhost/x"),
            leak,
        ),
        // The password of everybody as a fallback in code.
        (
            "src/db.py",
            "os.getenv('DATABASE_URL', 'postgresql://postgres:postgres@localhost/x')".to_owned(),
            default,
        ),
        (
            "src/db.ts",
            "process.env.DATABASE_URL ?? 'postgresql://user:password@localhost:5432/db'".to_owned(),
            default,
        ),
        (
            "docker-compose.yml",
            "DATABASE_URL: postgres://app:app@db:5432/app".to_owned(),
            default,
        ),
        (
            "src/db.go",
            "amqp://guest:guest@localhost:5672/".to_owned(),
            default,
        ),
        // In documentation, examples, comments, tests and pipelines it is none.
        (
            "README.md",
            "postgresql://user:pass@localhost/db".to_owned(),
            None,
        ),
        (
            "README.md",
            "postgresql://user:password@localhost:5432/db".to_owned(),
            None,
        ),
        (
            "README.md",
            "postgres://postgres:postgres@localhost/x".to_owned(),
            None,
        ),
        (
            ".env.example",
            "DATABASE_URL=postgres://postgres:postgres@localhost:5432/x".to_owned(),
            None,
        ),
        (
            "src/db.py",
            "# postgresql://user:pass@localhost/db".to_owned(),
            None,
        ),
        (
            "tests/conftest.py",
            "postgresql://postgres:postgres@localhost/test".to_owned(),
            None,
        ),
        (
            ".github/workflows/ci.yml",
            "DATABASE_URL: postgres://postgres:postgres@localhost:5432/x".to_owned(),
            None,
        ),
        // Filled in later.
        (
            "src/db.py",
            "postgres://${USER}:${PASSWORD}@${HOST}/x".to_owned(),
            None,
        ),
        (
            "docker-compose.yml",
            "postgres://app:${DB_PASSWORD:-x}@db/x".to_owned(),
            None,
        ),
        (
            "src/db.py",
            "f\"postgres://{user}:{password}@{host}/x\"".to_owned(),
            None,
        ),
        ("src/db.py", "\"postgres://%s:%s@%s/x\"".to_owned(), None),
        (
            "src/db.rb",
            "postgres://#{user}:#{password}@#{host}/x".to_owned(),
            None,
        ),
        (
            "helm/x.yaml",
            "postgres://{{ .user }}:{{ .password }}@db/x".to_owned(),
            None,
        ),
        (
            "deploy.sh",
            "https://x-access-token:$GITHUB_TOKEN@github.com/o/r".to_owned(),
            None,
        ),
        (
            "src/db.py",
            "postgres://app:***@db.acme.io/x".to_owned(),
            None,
        ),
        (
            "src/db.py",
            "postgres://app:<password>@db.acme.io/x".to_owned(),
            None,
        ),
        (
            "src/db.py",
            "postgres://db.acme.io:5432/x?email=a@b.c".to_owned(),
            None,
        ),
        (
            "src/a.py",
            "see https://acme.io:8443/path/@scope/pkg".to_owned(),
            None,
        ),
    ] {
        assert_class(path, &url, class);
    }
}

#[test]
fn literals_under_names_of_secrets_are_found_where_they_are_literals() {
    let strong = "q7Rk2mXv9TzL4wYb8NpJ5sHd";
    let secret = Some(Class::Secret);
    for (path, text, class) in [
        ("src/a.py", format!("SECRET_KEY = \"{strong}\""), secret),
        (
            "src/a.ts",
            format!("const apiKey: string = '{strong}';"),
            secret,
        ),
        ("src/a.go", format!("clientSecret := \"{strong}\""), secret),
        (
            "src/a.py",
            format!("os.environ.get(\"JWT_SECRET\", \"{strong}\")"),
            secret,
        ),
        ("a.json", format!("{{\"api_token\": \"{strong}\"}}"), secret),
        ("app.properties", format!("db.password={strong}"), secret),
        ("config/prod.yaml", format!("  password: {strong}"), secret),
        (".env", format!("API_TOKEN={strong}"), secret),
        ("src/a.py", "password = \"Sommer2024!\"".to_owned(), secret),
        // Values without quotes are names in code.
        ("src/a.py", format!("token = {strong}"), None),
        // Not about the secret itself.
        ("src/a.py", format!("token_name = \"{strong}\""), None),
        (
            "a.yaml",
            "secretName: api-tls-cert-2024-prod".to_owned(),
            None,
        ),
        (
            "src/a.py",
            "PASSWORD_REGEX = \"^[A-Za-z0-9]{8,}$\"".to_owned(),
            None,
        ),
        ("src/a.py", "password = \"password\"".to_owned(), None),
        (
            "src/a.py",
            "token = \"your-token-here-1234\"".to_owned(),
            None,
        ),
        (
            "src/a.py",
            "token = \"/run/secrets/api_token_v2\"".to_owned(),
            None,
        ),
        (
            "tests/test_a.py",
            "password = \"Sommer2024!\"".to_owned(),
            None,
        ),
        (
            "src/__tests__/auth.ts",
            "const secret = \"test-secret-with-32-characters-ok\"".to_owned(),
            None,
        ),
        (
            "src/auth.ts",
            "const secret = \"test-secret-with-32-characters-ok\"".to_owned(),
            secret,
        ),
        ("tests/a.ts", format!("secret = \"{strong}\""), secret),
        (
            "package-lock.json",
            format!("\"token\": \"{strong}\""),
            None,
        ),
        (
            "a.yaml",
            format!("password: {strong} # readyctl:allow"),
            None,
        ),
    ] {
        assert_class(path, &text, class);
    }
}

#[test]
fn places_are_exact_and_nothing_is_found_twice() {
    let token = format!("gh{}{}", "p_", &RANDOM[..36]);
    let text = format!("a\nä = \"{token}\"\n\ntoken: {token}");
    let scan = Scanner::default().scan(&text, Place::of("a.yaml"), 100);
    let places: Vec<(u32, u32)> = scan.hits.iter().map(|hit| (hit.line, hit.column)).collect();
    assert_eq!(places, [(2, 6), (4, 8)], "{:?}", scan.hits);
    // A line of a megabyte.
    let long = format!("{}{token}{}", "x ".repeat(300_000), " y".repeat(300_000));
    let scan = Scanner::default().scan(&long, Place::of("a.js"), 100);
    assert_eq!(scan.hits.len(), 1);
    assert_eq!(scan.hits[0].column, 600_001);
}

#[test]
fn ignored_rules_and_marked_lines_are_left_out() {
    let token = format!("gh{}{}", "p_", &RANDOM[..36]);
    let scanner = Scanner {
        ignored: vec!["github-token".to_owned()],
        ..Scanner::default()
    };
    assert!(scanner.scan(&token, Place::default(), 9).hits.is_empty());
    let scan = Scanner::default().scan(&format!("{token} // readyctl:allow"), Place::default(), 9);
    assert_eq!((scan.hits.len(), scan.allowed), (0, 1));
}

#[test]
fn utf_16_is_text_and_a_picture_is_not() {
    let token = format!("TOKEN=gh{}{}\n", "p_", &RANDOM[..36]);
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(token.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let Text::Text(text) = text_of(&wide) else {
        panic!("it is text");
    };
    assert_eq!(found(".env", &text).len(), 1);
    assert!(matches!(
        text_of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        Text::Binary
    ));
}

#[test]
fn logs_are_read_without_mercy_and_without_inventing_secrets() {
    let secret = Some(Class::Secret);
    for (text, class) in [
        ("login password=hunter2 ok", secret),
        (r#"{"msg":"login","password":"swordfish"}"#, secret),
        (r#"{"msg":"{\"password\":\"swordfish\"}"}"#, secret),
        ("GET /cb?access_token=q7Rk2mXv9TzL4wYb8NpJ HTTP/1.1", secret),
        ("authorization: Bearer q7Rk2mXv9TzL4wYb8NpJ5sHd", secret),
        (
            "{\"headers\":{\"authorization\":\"Basic YXBwOlhrM3ZROXpUN21MMg==\"}}",
            secret,
        ),
        ("Set-Cookie: session=q7Rk2mXv9TzL4wYb8NpJ; HttpOnly", secret),
        (
            "connecting to postgres://app:app@db:5432/x",
            Some(Class::Credentials),
        ),
        ("password: invalid for user 7", None),
        ("password=[redacted] token=*** secret=[FILTERED]", None),
        ("password=\"********\"", None),
        ("tokens=512 token_count=12 max_tokens=4096", None),
        ("connecting to postgres://app:***@db:5432/x", None),
        ("token expired: please log in", None),
        ("authorization: Bearer [redacted]", None),
        ("Cookie: session=[redacted]", None),
    ] {
        let found = in_place(Place::log(), text);
        assert_eq!(
            found.first().map(|(_, class)| *class),
            class,
            "{text} {found:?}"
        );
    }
}

#[test]
fn personal_data_is_told_from_examples_versions_and_ids() {
    let scanner = Scanner {
        personal: true,
        addresses: true,
        ignored: Vec::new(),
    };
    for (text, rule) in [
        ("card 4539 1488 0343 6467 declined", Some("card-number")),
        ("card=4539148803436467", Some("card-number")),
        ("user ada.l@mail.acme.io signed in", Some("email-address")),
        ("from 203.0.114.7 port 22", Some("ip-address")),
        ("from 2a00:1450:4001:81b::200e", Some("ip-address")),
        ("card 4539 1488 0343 6468", None),
        ("card 4242424242424242", None),
        ("id 1764086400123456 at 17640864001234567", None),
        ("trace 4bf92f3577b34da6a3ce929d0e0e4736", None),
        ("user a@example.com, git@github.com", None),
        ("postgres://app:x@db.acme.io/x", None),
        (
            "from 10.1.2.3, 127.0.0.1, 192.0.2.1, ::1, 2001:db8::1",
            None,
        ),
        ("Chrome/120.0.6099.71 v1.2.3.4", None),
        ("12:34:56 10:11:12", None),
    ] {
        let scan = scanner.scan(text, Place::of("src/x.rs"), 9);
        let seen: Vec<&str> = scan
            .hits
            .iter()
            .filter(|hit| matches!(hit.class, Class::Personal | Class::Address))
            .map(|hit| hit.rule.as_str())
            .collect();
        assert_eq!(seen.first().copied(), rule, "{text} {seen:?}");
    }
}
