//! Reading bodies: strict JSON, leaks, resources of a page, files that must not be public.

use std::fmt;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::facts::Resource;

/// Most resources of a page that are kept.
const MAX_RESOURCES: usize = 100;

/// Parses JSON; also gives the path of the first key that occurs twice in its object, which
/// parsers resolve differently.
///
/// # Errors
/// Why it is not JSON.
pub(crate) fn parse_json(bytes: &[u8]) -> Result<(Value, Option<String>), String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("the body is empty".to_owned());
    }
    let mut duplicate = None;
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let value = Strict {
        path: "$".to_owned(),
        duplicate: &mut duplicate,
    }
    .deserialize(&mut parser)
    .and_then(|value| parser.end().map(|()| value))
    .map_err(|error| error.to_string())?;
    Ok((value, duplicate))
}

/// Builds a value and notes keys that occur twice.
struct Strict<'a> {
    /// Where we are.
    path: String,
    /// The first double key.
    duplicate: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Strict {
            path: format!("{}[{}]", self.path, items.len()),
            duplicate: &mut *self.duplicate,
        })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let path = format!("{}.{key}", self.path);
            let value = access.next_value_seed(Strict {
                path: path.clone(),
                duplicate: &mut *self.duplicate,
            })?;
            if map.insert(key, value).is_some() && self.duplicate.is_none() {
                *self.duplicate = Some(path);
            }
        }
        Ok(Value::Object(map))
    }
}

/// Why a web page comes where data was asked for.
pub(super) fn why_a_page(status: u16) -> &'static str {
    match status {
        502..=504 => "a proxy answers, and the service behind it does not",
        400 => "a proxy or server in front refused the request",
        _ => "this path is not routed to the service",
    }
}

/// Whether a body is a web page rather than data.
pub(super) fn is_html(content_type: &str, text: &str) -> bool {
    let start = text
        .trim_start()
        .get(..15)
        .unwrap_or(text.trim_start())
        .to_ascii_lowercase();
    // Frameworks send a bare `OK` as text/html, too: only markup is a page.
    let says_html = content_type.contains("text/html") || content_type.contains("xhtml");
    (says_html && start.starts_with('<'))
        || start.starts_with("<!doctype html")
        || start.starts_with("<html")
}

/// A kind of leak and how it looks.
struct Leak {
    /// What a person calls it.
    name: &'static str,
    /// How it looks.
    pattern: Regex,
    /// Whether the match itself is a secret that must be masked everywhere.
    secret: bool,
}

/// The kinds of leaks. Patterns are specific on purpose: prose about errors must not match.
static LEAKS: LazyLock<Vec<Leak>> = LazyLock::new(|| {
    [
        ("a Python stack trace", r"Traceback \(most recent call last\)", false),
        ("a Java stack trace", r"(?:^|\s|\\[nt])at [\w$./]+\.[\w$<>]+\([\w$]+\.(?:java|kt|scala):\d+\)", false),
        ("a JavaScript stack trace", r"\bat .{0,80}\(?(?:/|file://|node:)[^\s()]+\.[cm]?[jt]s:\d+:\d+\)?", false),
        ("a Rust panic", r"thread '[^']*' (?:\(\d+\) )?panicked at", false),
        ("a Go panic", r"goroutine \d+ \[running\]", false),
        ("a PHP error with its file", r"(?:Fatal error|Warning|Notice|Parse error)(?:</b>)?:.{0,300} in (?:<b>)?/[^\s<]+\.php(?:</b>)? on line", false),
        ("a .NET stack trace", r"(?m)^\s*at [\w.]+\(.{0,200}\) in .{1,200}:line \d+", false),
        ("a Ruby stack trace", r"[\w/.-]+\.rb:\d+:in ['`]", false),
        ("the Django debug page", r"You're seeing this error because you have <code>DEBUG = True</code>|<th>Django Version:</th>", false),
        ("the Flask debugger", r"<title>.{0,200}// Werkzeug Debugger</title>|Werkzeug interactive debugger", false),
        ("the Rails debug page", r"<title>Action Controller: Exception caught</title>|Rails\.root: ", false),
        ("the Laravel debug page", r"Whoops, looks like something went wrong|window\.data = \{.{0,200}ignition|Illuminate\\[A-Z]\w+\\", false),
        ("the ASP.NET error page", r"<title>Runtime Error</title>|Server Error in '/[^']*' Application", false),
        ("the Symfony debug page", r"<!-- [^>]{0,300}Symfony\\Component|Symfony Exception", false),
        ("the Starlette debug page", r"<title>Starlette Debugger</title>", false),
        ("the PHP configuration", r"<title>phpinfo\(\)</title>|<h1 class=.p.>PHP Version", false),
        ("a connection string with password", r#"(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|clickhouse)(?:\+\w+)?://[^\s"'<>@/:]*:[^\s"'<>@/]+@[^\s"'<>]+"#, true),
        ("a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----", false),
        ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", true),
        ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,}\b", true),
        ("a payment or API key", r"\b(?:sk|rk)_live_[0-9A-Za-z]{16,}\b|\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}\b", true),
        ("variables of the environment", r#"["']?\b(?:SECRET_KEY|DB_PASSWORD|DATABASE_PASSWORD|POSTGRES_PASSWORD|JWT_SECRET|AWS_SECRET_ACCESS_KEY|DATABASE_URL)["']?\s*[=:]\s*["']?[^\s"',}*<\[]{6,}"#, true),
    ]
    .into_iter()
    .filter_map(|(name, source, secret)| {
        let pattern = RegexBuilder::new(source).size_limit(4 << 20).build().ok()?;
        Some(Leak { name, pattern, secret })
    })
    .collect()
});

/// Names of the leaks in a text. `mask` is given every match that is itself a secret.
pub(crate) fn leaks(text: &str, mut mask: impl FnMut(&str)) -> Vec<String> {
    LEAKS
        .iter()
        .filter_map(|leak| {
            if !leak.pattern.is_match(text) {
                return None;
            }
            if leak.secret {
                leak.pattern
                    .find_iter(text)
                    .take(20)
                    .for_each(|m| mask(m.as_str()));
            }
            Some(leak.name.to_owned())
        })
        .collect()
}

/// What must not be public, and how the genuine thing looks: an application that answers every path
/// with its own page exposes nothing.
pub(super) const EXPOSED: &[(&str, &str)] = &[
    ("/.env", r"(?m)^\s*(?:export\s+)?[A-Z][A-Z0-9_]*\s*="),
    ("/.git/config", r"(?m)^\s*\[core\]"),
    ("/.git/HEAD", r"^(?:ref: refs/|[0-9a-f]{40}\s*$)"),
    ("/actuator/env", r#""(?:propertySources|activeProfiles)""#),
    ("/actuator/heapdump", r"^(?:JAVA PROFILE|\x1f)"),
    (
        "/debug/pprof/",
        r"Types of profiles available|full goroutine stack dump",
    ),
    ("/debug/vars", r#""(?:cmdline|memstats)""#),
    ("/server-status", r"Apache Server Status|Server uptime"),
    ("/phpinfo.php", r"phpinfo\(\)|PHP Version"),
    ("/.aws/credentials", r"(?i)aws_access_key_id"),
    ("/docker-compose.yml", r"(?m)^services:"),
    ("/backup.sql", r"(?mi)^(?:--|create table|insert into)"),
];

/// Whether an answer is the thing itself. For paths of the profile's own any success counts.
pub(super) fn is_genuine(path: &str, content_type: &str, text: &str) -> bool {
    let Some((_, signature)) = EXPOSED.iter().find(|(known, _)| *known == path) else {
        return true;
    };
    let page_expected = matches!(path, "/debug/pprof/" | "/server-status" | "/phpinfo.php");
    if !page_expected && is_html(content_type, text) {
        return false;
    }
    Regex::new(signature).is_ok_and(|pattern| pattern.is_match(text))
}

/// Tags that load something, with their attributes.
static TAGS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?is)<(script|link|img|iframe|audio|video|source|embed|object)\b([^>]*)>").ok()
});
/// The URL among a tag's attributes.
static URLS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?is)(?:^|\s)(src|href|data)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"#).ok()
});

/// What a page loads: scripts, style sheets, images, frames. Links to other pages do not count.
pub(super) fn resources(text: &str) -> Vec<Resource> {
    let (Some(tags), Some(urls)) = (&*TAGS, &*URLS) else {
        return Vec::new();
    };
    tags.captures_iter(text)
        .filter_map(|tag| {
            let name = tag.get(1)?.as_str().to_ascii_lowercase();
            let attributes = tag.get(2)?.as_str();
            let lower = attributes.to_ascii_lowercase();
            if name == "link" && !lower.contains("stylesheet") && !lower.contains("preload") {
                return None;
            }
            let found = urls.captures(attributes)?;
            let url = found.get(2).or(found.get(3)).or(found.get(4))?.as_str();
            Some(Resource {
                tag: name,
                url: crate::exchange::cut(url, 300).to_owned(),
                integrity: lower.contains("integrity="),
            })
        })
        .take(MAX_RESOURCES)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_strictly() {
        assert_eq!(parse_json(b"\xef\xbb\xbf{\"a\": 1}").unwrap().1, None);
        for (text, duplicate) in [
            (r#"{"a": {"b": 1}, "c": {"b": 1}}"#, None),
            (r#"{"status": "down", "status": "ok"}"#, Some("$.status")),
            (r#"{"a": [{"x": 1, "x": 2}]}"#, Some("$.a[0].x")),
        ] {
            let (_, found) = parse_json(text.as_bytes()).unwrap();
            assert_eq!(found.as_deref(), duplicate, "{text}");
        }
        for text in [
            "", "  ", "{", "{} {}", "NaN", "{'a': 1}", "ok", "\u{0}", "[1,]",
        ] {
            assert!(parse_json(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(parse_json(b"\"\xff\"").is_err(), "not UTF-8");
        assert!(parse_json("[".repeat(100_000).as_bytes()).is_err(), "deep");
    }

    #[test]
    fn leaks_are_found_and_prose_is_not_one() {
        for (text, name) in [
            ("Traceback (most recent call last):", "Python"),
            (
                r#"{"trace": "x\n\tat org.app.Main.run(Main.java:12)"}"#,
                "Java",
            ),
            (
                "Error\n    at Object.<anonymous> (/app/src/x.js:3:7)",
                "JavaScript",
            ),
            ("thread 'main' panicked at src/main.rs:1:1:", "Rust"),
            ("goroutine 17 [running]:", "Go"),
            (
                "<b>Fatal error</b>: x in /var/www/index.php on line 3",
                "PHP",
            ),
            ("/app/x.rb:12:in `call'", "Ruby"),
            ("dsn=postgres://app:pw123@db:5432/app", "connection string"),
            ("redis://:hunter2@cache:6379", "connection string"),
            ("-----BEGIN RSA PRIVATE KEY-----", "private key"),
            ("AKIAIOSFODNN7EXAMPLE", "AWS"),
            (r#"{"DATABASE_URL": "postgres-thing"}"#, "variables"),
        ] {
            let found = leaks(text, |_| {});
            assert!(
                found.iter().any(|leak| leak.contains(name)),
                "{text}: {found:?}"
            );
        }
        for text in [
            "",
            "An error occurred at the server. Try again at 10:30.",
            r#"{"error": {"code": "invalid", "message": "api_key: missing_field"}}"#,
            "postgres://db.internal/app",
            "https://user@example.org/x and mailto:someone@example.org",
            "Set DATABASE_URL=<your url> in the environment",
            r#"{"DATABASE_URL": "********"}"#,
        ] {
            assert_eq!(leaks(text, |_| {}), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn secrets_that_leak_are_masked_everywhere() {
        let mut masked = Vec::new();
        leaks("a redis://:hunter2@cache:6379 b", |secret| {
            masked.push(secret.to_owned());
        });
        assert_eq!(masked, ["redis://:hunter2@cache:6379"]);
    }

    #[test]
    fn pages_that_stand_in_for_a_file_expose_nothing() {
        for (path, content_type, text, genuine) in [
            ("/.env", "text/plain", "A=1\nB=2", true),
            (
                "/.env",
                "text/html",
                "<!doctype html><title>A</title>\nA=1",
                false,
            ),
            (
                "/.env",
                "application/json",
                r#"{"error": "not found"}"#,
                false,
            ),
            ("/.git/config", "text/plain", "[core]\n", true),
            ("/.git/HEAD", "text/plain", "ref: refs/heads/main\n", true),
            (
                "/debug/pprof/",
                "text/html",
                "<html>Types of profiles available:",
                true,
            ),
            ("/own/secret", "text/html", "<html>", true),
        ] {
            assert_eq!(
                is_genuine(path, content_type, text),
                genuine,
                "{path} {text}"
            );
        }
    }

    #[test]
    fn resources_are_what_a_page_loads() {
        let page = r#"<a href="http://x/"><link rel="canonical" href="http://x/">
            <link rel="stylesheet" href='http://x/a.css'><script src=/b.js></script>
            <script src="https://cdn/c.js" integrity="sha384-x"></script><img data-x="1" src="d.png">"#;
        let found: Vec<(String, bool)> = resources(page)
            .into_iter()
            .map(|r| (r.url, r.integrity))
            .collect();
        let expected = [
            ("http://x/a.css", false),
            ("/b.js", false),
            ("https://cdn/c.js", true),
            ("d.png", false),
        ];
        assert_eq!(
            found,
            expected.map(|(url, integrity)| (url.to_owned(), integrity))
        );
    }
}
