//! The single redaction point: every secret's value is registered here, and everything that leaves
//! the process passes through [`Redactor::text`] or [`Redactor::json`].

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, RwLock};

use base64::Engine as _;
use serde_json::Value;

/// What stands where a secret stood.
pub(crate) const MASK: &str = "[redacted]";

/// Words in a variable's or field's name that make its value a secret.
const SECRET_WORDS: &[&str] = &[
    "secret",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "token",
    "apikey",
    "api_key",
    "access_key",
    "private_key",
    "signing_key",
    "encryption_key",
    "credential",
    "dsn",
    "database_url",
    "redis_url",
    "connection_string",
    "authorization",
    "cookie",
];

/// Whether a variable of this name holds a secret by convention (`DB_PASSWORD`, `API_KEY`).
///
/// Public prefixes and names of things *about* a secret (`TOKEN_TTL`, `PASSWORD_MIN_LENGTH`) do not
/// count.
pub(crate) fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    const ABOUT: &[&str] = &[
        "_ttl",
        "_length",
        "_min",
        "_max",
        "_expiry",
        "_expires",
        "_expires_in",
        "_timeout",
        "_days",
        "_minutes",
        "_seconds",
        "_hours",
        "_enabled",
        "_algorithm",
        "_type",
        "_file",
        "_path",
        "_header",
        "_name",
        "_count",
        "_rotation",
        "_domain",
        "_secure",
        "_samesite",
        "_httponly",
        "_limit",
        "_id",
    ];
    // Where a shell was before; `pwd` alone may be a password.
    if name == "oldpwd" || ABOUT.iter().any(|suffix| name.ends_with(suffix)) {
        return false;
    }
    SECRET_WORDS.iter().any(|word| name.contains(word))
        || name.ends_with("_key")
        || name == "key"
        || name.ends_with("_pass")
        || name == "pass"
        || name.ends_with("_auth")
}

/// Knows every secret of this process and removes them from text. Cheap to clone; clones share
/// what they know.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// Longest first, so that a secret that contains another is removed whole.
    known: Arc<RwLock<Vec<String>>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(..)")
    }
}

impl Redactor {
    /// Registers a secret and the forms it takes on its way out: percent-encoded, base64, escaped
    /// in JSON and in debug output, and the password inside when it is a URL.
    pub(crate) fn add(&self, secret: &str) {
        let mut forms = BTreeSet::new();
        forms_of(secret, &mut forms);
        credentials_of(secret, &mut forms);
        for part in secret
            .split([' ', ',', ';'])
            .filter(|part| part.len() >= 8 && *part != secret)
        {
            if !part.contains("://")
                && !part.contains('=')
                && part.chars().any(|c| c.is_ascii_digit())
            {
                forms_of(part, &mut forms);
            }
        }
        self.learn(forms);
    }

    /// Registers what is secret inside a value that as a whole is none: the password of a URL or DSN.
    pub(crate) fn add_credentials(&self, value: &str) {
        let mut forms = BTreeSet::new();
        credentials_of(value, &mut forms);
        self.learn(forms);
    }

    /// Remembers forms of secrets.
    fn learn(&self, forms: BTreeSet<String>) {
        let Ok(mut known) = self.known.write() else {
            return;
        };
        for form in forms {
            if !known.contains(&form) {
                known.push(form);
            }
        }
        known.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// The text without any known secret.
    pub(crate) fn text(&self, text: &str) -> String {
        let Ok(known) = self.known.read() else {
            return MASK.to_owned();
        };
        let mut spans: Vec<Range<usize>> = Vec::new();
        for secret in known.iter() {
            let whole_words = secret.chars().count() < 4;
            let mut from = 0;
            while let Some(at) = text.get(from..).and_then(|rest| rest.find(secret.as_str())) {
                let span = from + at..from + at + secret.len();
                // The next one may begin inside this one.
                from = span.start + text[span.start..].chars().next().map_or(1, char::len_utf8);
                if !whole_words || stands_alone(text, &span) {
                    spans.push(span);
                }
            }
        }
        let out = mask_spans(text, spans);
        mask_url_passwords(&out)
    }

    /// Whether a known secret of at least `shortest` characters stands in the text.
    pub(crate) fn holds(&self, text: &str, shortest: usize) -> bool {
        self.known.read().is_ok_and(|known| {
            known
                .iter()
                .filter(|secret| secret.chars().count() >= shortest)
                .any(|secret| text.contains(secret.as_str()))
        })
    }

    /// Removes every known secret from all strings (keys too) of a JSON value.
    pub(crate) fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(map) => {
                let taken = std::mem::take(map);
                for (key, mut item) in taken {
                    self.json(&mut item);
                    map.insert(self.text(&key), item);
                }
            }
            Value::Number(number) => {
                let text = number.to_string();
                if self.text(&text) != text {
                    *value = Value::String(MASK.to_owned());
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

/// Every form in which `secret` may appear in output.
fn forms_of(secret: &str, forms: &mut BTreeSet<String>) {
    let secret = secret.trim();
    if secret.is_empty() || is_harmless(secret) {
        return;
    }
    forms.insert(secret.to_owned());
    if secret.len() < 4 {
        return;
    }
    forms.insert(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    forms.insert(percent_encoded(secret));
    forms.insert(lower_hex(&percent_encoded(secret)));
    forms.extend(in_url(secret));
    forms.insert(html_escaped(secret));
    forms.insert(secret.escape_debug().to_string());
    forms.insert(secret.escape_default().to_string());
    if let Ok(json) = serde_json::to_string(secret) {
        forms.insert(json.trim_matches('"').to_owned());
    }
    forms.insert(base64::engine::general_purpose::STANDARD.encode(secret));
    forms.insert(base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret));
    forms.insert(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret));
    for line in secret
        .lines()
        .map(str::trim)
        .filter(|line| line.len() >= 16 && !line.starts_with("-----"))
    {
        forms.insert(line.to_owned());
    }
}

/// Words that people put where a secret belongs and that would make every report unreadable if
/// they were masked wherever they occur: `[redacted]-reachable` would give away that the password is
/// `postgres`, and no check could be told by its id any more.
fn is_harmless(secret: &str) -> bool {
    matches!(
        secret.to_ascii_lowercase().as_str(),
        "true"
            | "false"
            | "null"
            | "none"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "0"
            | "1"
            | "admin"
            | "api"
            | "app"
            | "database"
            | "default"
            | "dev"
            | "key"
            | "password"
            | "postgres"
            | "postgresql"
            | "redis"
            | "root"
            | "secret"
            | "test"
            | "token"
            | "user"
    )
}

/// `%XX` for everything that is not unreserved (RFC 3986 section 2.3).
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// The same with the digits of `%XX` in lower case, as some servers write them.
fn lower_hex(encoded: &str) -> String {
    let mut left = 0;
    encoded
        .chars()
        .map(|c| {
            left = if c == '%' { 2 } else { left };
            let digit = left > 0 && c != '%';
            left -= usize::from(digit);
            if digit { c.to_ascii_lowercase() } else { c }
        })
        .collect()
}

/// How URLs write it in their parts: each part leaves other characters as they are.
fn in_url(secret: &str) -> Vec<String> {
    let Ok(mut url) = url::Url::parse("http://h/") else {
        return Vec::new();
    };
    let mut path = url.clone();
    path.set_path(secret);
    url.set_query(Some(secret));
    url.set_fragment(Some(secret));
    let refused = url.set_password(Some(secret)).is_err();
    let password = url.password().filter(|_| !refused);
    [path.path().get(1..), url.query(), url.fragment(), password]
        .into_iter()
        .flatten()
        // Dots and slashes at the ends are resolved away in a path: what is left may be any word.
        .filter(|form| form.len() >= secret.len())
        .map(str::to_owned)
        .collect()
}

/// How HTML and XML write it.
fn html_escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The text with `%XX` sequences decoded; as it is when they are not UTF-8.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%'
            && let Some(hex) = tail.get(..2)
            && let Ok(byte) = u8::from_str_radix(&String::from_utf8_lossy(hex), 16)
        {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The forms of the password inside a URL or a libpq keyword string.
fn credentials_of(text: &str, forms: &mut BTreeSet<String>) {
    let Ok(url) = url::Url::parse(text) else {
        if let Some(password) = keyword_password(text) {
            forms_of(&password, forms);
        }
        return;
    };
    for (_, value) in url.query_pairs().filter(|(name, _)| name == "password") {
        forms_of(&value, forms);
    }
    if let Some(password) = url.password() {
        forms_of(password, forms);
        forms_of(&percent_decoded(password), forms);
        if !url.username().is_empty() {
            let user = percent_decoded(url.username());
            forms_of(&format!("{user}:{}", percent_decoded(password)), forms);
        }
    }
    // Some services take the token as the user name (Sentry DSNs, package registries).
    if url.password().is_none() && url.username().len() >= 16 {
        forms_of(url.username(), forms);
    }
}

/// The password of a libpq keyword string (`host=db password='x y'`).
fn keyword_password(text: &str) -> Option<String> {
    let start = text.find("password=")? + "password=".len();
    let rest = &text[start..];
    Some(match rest.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next().unwrap_or_default().to_owned(),
        None => rest
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned(),
    })
}

/// Whether no letter or digit touches the span: a two-letter secret must not eat every word.
fn stands_alone(text: &str, span: &Range<usize>) -> bool {
    let before = text[..span.start].chars().next_back();
    let after = text[span.end..].chars().next();
    ![before, after]
        .into_iter()
        .flatten()
        .any(char::is_alphanumeric)
}

/// The text with one mask for every run of spans that overlap.
fn mask_spans(text: &str, mut spans: Vec<Range<usize>>) -> String {
    spans.sort_by_key(|span| span.start);
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        if span.start >= done {
            out.push_str(&text[done..span.start]);
            out.push_str(MASK);
        }
        done = done.max(span.end);
    }
    out.push_str(&text[done..]);
    out
}

/// `scheme://user:password@host` never leaves with its password, registered or not.
fn mask_url_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let authority = tail
            .split(|c: char| {
                c == '/' || c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`')
            })
            .next()
            .unwrap_or("");
        match authority.rfind('@') {
            Some(end) if authority[..end].contains(':') => {
                let (user, _) = authority.split_once(':').unwrap_or((authority, ""));
                out.push_str(user);
                out.push(':');
                out.push_str(MASK);
                out.push_str(&authority[end..]);
            }
            _ => out.push_str(authority),
        }
        rest = &tail[authority.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_form_it_takes() {
        let redactor = Redactor::default();
        redactor.add("pa\"ss w/rd+1");
        for shown in [
            "x pa\"ss w/rd+1 y".to_owned(),
            format!("{:?}", "pa\"ss w/rd+1"),
            "https://h/?k=pa%22ss%20w%2Frd%2B1".to_owned(),
            "k=pa%22ss+w%2Frd%2B1".to_owned(),
            base64::engine::general_purpose::STANDARD.encode("pa\"ss w/rd+1"),
            "GET https://h/pa%22ss%20w/rd+1 failed".to_owned(),
            "k=pa%22ss%20w%2frd%2b1".to_owned(),
            "<b>pa&quot;ss w/rd+1</b>".to_owned(),
            serde_json::to_string("pa\"ss w/rd+1").unwrap(),
        ] {
            let out = redactor.text(&shown);
            assert!(out.contains(MASK), "{shown} came out as {out}");
            assert!(
                !out.contains("w/rd") && !out.to_lowercase().contains("w%2frd"),
                "{out}"
            );
        }
    }

    #[test]
    fn a_dsn_gives_away_neither_itself_nor_its_password() {
        let redactor = Redactor::default();
        redactor.add("postgres://app:s3%21cret@db/x");
        assert_eq!(
            redactor.text("bad password s3!cret"),
            format!("bad password {MASK}")
        );
        assert_eq!(
            redactor.text("see postgres://app:s3%21cret@db/x"),
            format!("see {MASK}")
        );
    }

    #[test]
    fn unregistered_url_passwords_are_masked_too() {
        let redactor = Redactor::default();
        assert_eq!(
            redactor.text("at redis://u:p@h:6379/0, http://h/a@b"),
            format!("at redis://u:{MASK}@h:6379/0, http://h/a@b")
        );
    }

    #[test]
    fn short_secrets_are_masked_as_words_only() {
        let redactor = Redactor::default();
        redactor.add("ab");
        assert_eq!(redactor.text("ab cab ab."), format!("{MASK} cab {MASK}."));
    }

    #[test]
    fn words_of_every_report_are_not_masked() {
        let redactor = Redactor::default();
        redactor.add("postgres");
        redactor.add("secret");
        for text in ["postgres-reachable", "repository-secrets", "role postgres"] {
            assert_eq!(redactor.text(text), text);
        }
        // What is a password by its place is masked all the same.
        redactor.add("postgres://postgres:postgres@db/postgres");
        let url = redactor.text("see postgres://postgres:postgres@db/postgres");
        assert!(!url.contains(":postgres@"), "{url}");
        redactor.add("postgres1");
        assert_eq!(redactor.text("it is postgres1"), format!("it is {MASK}"));
    }

    #[test]
    fn names_about_secrets_are_not_secrets() {
        for (name, secret) in [
            ("JWT_SECRET", true),
            ("API_KEY", true),
            ("DB_PASS", true),
            ("TOKEN_TTL", false),
            ("PASSWORD_MIN_LENGTH", false),
            ("LOG_LEVEL", false),
            ("MONKEY", false),
            ("SENTRY_DSN", true),
            ("AWS_ACCESS_KEY_ID", false),
            ("pwd", true),
            ("OLDPWD", false),
        ] {
            assert_eq!(looks_secret(name), secret, "{name}");
        }
    }
}
