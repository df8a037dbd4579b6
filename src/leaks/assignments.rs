//! `name = "literal"` where the name means a secret.

use super::urls::is_filled_in_later;
use super::{Class, Place};
use crate::dotenv::known;
use crate::dotenv::shape::entropy_bits;
use crate::redact::looks_secret;

/// Bits from which a value was generated.
const GENERATED: f64 = 52.0;
/// Bits that a password that somebody made up may have.
const MADE_UP: f64 = 24.0;

/// Ends of names of things about a secret, as programs write them.
const ABOUT: [&str; 37] = [
    "name",
    "id",
    "path",
    "file",
    "url",
    "uri",
    "ref",
    "header",
    "ttl",
    "type",
    "length",
    "expiry",
    "expiresin",
    "expires",
    "enabled",
    "field",
    "prefix",
    "count",
    "endpoint",
    "algorithm",
    "size",
    "limit",
    "env",
    "regex",
    "pattern",
    "label",
    "placeholder",
    "hint",
    "message",
    "error",
    "title",
    "version",
    "class",
    "policy",
    "hash",
    "digest",
    "tokens",
];

/// Whether a sign and a value follow the name whose middle this is the end of.
pub(super) fn is_plausible(rest: &str, place: Place) -> bool {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || "_.-\"'`])".contains(c);
    let rest = rest.trim_start_matches(part_of_name).trim_start();
    let Some(sign) = rest.chars().next().filter(|c| ":=,".contains(*c)) else {
        return false;
    };
    let value = rest.trim_start_matches([':', '=', '>', ',']).trim_start();
    // `token: str = "…"` names its type in between.
    let typed = sign == ':' && value.contains('=');
    let value = value.strip_prefix(['b', 'r', 'f']).unwrap_or(value);
    place.settings || typed || value.starts_with(['"', '\'', '`', 'b', 'r', 'f'])
}

/// What the literal is.
pub(super) fn decide(groups: &regex::Captures<'_>, value: &str, place: Place) -> Option<Class> {
    let part = |name: &str| groups.name(name).map_or("", |part| part.as_str());
    let name = part("name");
    let quoted = !part("q").is_empty();
    if quoted && part("q") != part("end") || (!quoted && !place.settings) {
        return None;
    }
    let value = if quoted {
        value
    } else {
        value.trim_end_matches([',', ';'])
    };
    if !means_secret(name) || is_harmless(name, value) || known::published_default(value).is_some()
    {
        return None;
    }
    if place.test && says_test(value) {
        return None;
    }
    let bits = entropy_bits(value);
    let letters = value.chars().any(char::is_alphabetic);
    let digits = value.chars().any(|c| c.is_ascii_digit());
    if letters && digits && value.len() >= 12 && bits >= GENERATED {
        return Some(Class::Secret);
    }
    // A password that somebody made up: only where it is one beyond doubt.
    let odd = value
        .chars()
        .any(|c| !c.is_alphanumeric() && !"-_./:".contains(c));
    let password = is_password(name) && !place.docs && !place.test;
    (password && letters && (digits || odd) && value.len() >= 8 && bits >= MADE_UP)
        .then_some(Class::Secret)
}

/// `test-secret-with-32-characters`: in a test, a value that says it is of the test.
fn says_test(value: &str) -> bool {
    value
        .to_ascii_lowercase()
        .split(|c: char| !c.is_ascii_alphabetic())
        .any(|word| {
            matches!(
                word,
                "test" | "testing" | "dummy" | "mock" | "fake" | "stub"
            )
        })
}

/// What the value in a log is: there every password is real.
pub(super) fn decide_log(groups: &regex::Captures<'_>, value: &str) -> Option<Class> {
    let part = |name: &str| groups.name(name).map_or("", |part| part.as_str());
    let name = part("name");
    if !means_secret(name) || is_harmless(name, value) {
        return None;
    }
    let digits = value.chars().any(|c| c.is_ascii_digit());
    let letters = value.chars().any(char::is_alphabetic);
    if is_password(name) {
        // `password: wrong` is prose, `password=wrong` and `"password": "wrong"` may be.
        let plain = part("sign") == "=" || !part("q").is_empty();
        let said = PROSE.contains(&value.to_ascii_lowercase().as_str());
        return (!said && (plain || (digits && letters))).then_some(Class::Secret);
    }
    (letters && digits && value.len() >= 12 && entropy_bits(value) >= 44.0).then_some(Class::Secret)
}

/// What logs say about passwords.
const PROSE: [&str; 21] = [
    "invalid",
    "incorrect",
    "wrong",
    "missing",
    "required",
    "expired",
    "empty",
    "unset",
    "reset",
    "changed",
    "failed",
    "mismatch",
    "weak",
    "true",
    "false",
    "null",
    "none",
    "hidden",
    "masked",
    "filtered",
    "undefined",
];

/// Whether the name means the secret itself.
fn means_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    looks_secret(name) && !ABOUT.iter().any(|end| lower.ends_with(end))
}

/// Whether the name is one of a password.
fn is_password(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["password", "passwd", "passphrase", "pwd"]
        .iter()
        .any(|word| lower.ends_with(word))
}

/// Whether the value is none: a reference, a placeholder, a path, code, a digest.
fn is_harmless(name: &str, value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    is_filled_in_later(value)
        || known::placeholder(value).is_some()
        || lower == name.to_ascii_lowercase()
        || lower.contains("example")
        || value.contains("://")
        || value.starts_with(['/', '.', '~', '@', '&', '<', '$', '%', '!'])
        || value.contains(['(', '[', '{', '}', '<', '|'])
        || value.chars().all(|c| "*x•.-_#".contains(c))
        || [
            "sha1", "sha256", "sha384", "sha512", "md5", "$2a$", "$2b$", "pbkdf2", "$argon2",
        ]
        .iter()
        .any(|mark| lower.starts_with(mark))
        || is_path(value)
        || is_identifier(value)
}

/// `secrets.API_KEY`, `settings.token`: a reference in code or a template.
fn is_identifier(value: &str) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    parts.len() > 1
        && parts.iter().all(|part| {
            part.chars()
                .next()
                .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && part.len() < 40
                && part.chars().filter(char::is_ascii_digit).count() < 3
        })
}

/// `vault/data/app`, `config/secret.yml`: a place where the secret is.
fn is_path(value: &str) -> bool {
    value.contains('/')
        && value.split('/').all(|part| {
            part.chars()
                .all(|c| c.is_ascii_lowercase() || "-_.".contains(c))
        })
}
