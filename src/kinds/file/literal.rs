//! Secrets written into files that are committed.
//!
//! Values stay inside: what is found is registered with the redactor, and only its sort is told.

use crate::dotenv::known::{placeholder, provider_key, published_default};
use crate::dotenv::values::parse_url;
use crate::redact::{Redactor, looks_secret};

/// Whether a value is filled in later: a reference to a variable, secret or expression, or nothing.
fn is_reference(value: &str) -> bool {
    let value = value.trim();
    value.is_empty()
        || value.contains("${")
        || value.contains("$(")
        || value.contains("{{")
        || value.starts_with('$')
        || value.starts_with("/run/secrets/")
        || value.starts_with("vault:")
        || value.starts_with("op://")
}

/// Why `value` of the variable `name` is a secret written down, `None` when it is none. What is one
/// is registered, so that no report shows it.
pub(super) fn literal(name: &str, value: &str, redactor: &Redactor) -> Option<&'static str> {
    let found = kind(name, value)?;
    redactor.add(value);
    Some(found)
}

/// The same in a pipeline, where databases of tests have throw-away passwords: well-known ones and
/// placeholders are nobody's secret.
pub(super) fn literal_in_pipeline(
    name: &str,
    value: &str,
    redactor: &Redactor,
) -> Option<&'static str> {
    if provider_key(value.trim()).is_none() && is_throw_away(value) {
        return None;
    }
    literal(name, value, redactor)
}

/// What kind of secret it is.
fn kind(name: &str, value: &str) -> Option<&'static str> {
    let value = value.trim();
    if value.contains("-----BEGIN") && value.contains("PRIVATE KEY") {
        return Some("a private key");
    }
    if let Some(url) = parse_url(value)
        && let Some(password) = url.password()
        && !is_reference(password)
    {
        return Some("an address with a password");
    }
    if is_reference(value) {
        return None;
    }
    if provider_key(value).is_some() {
        return Some("a key of a provider");
    }
    let is_switch = matches!(
        value.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "0" | "1"
    );
    let is_address = parse_url(value).is_some();
    (looks_secret(name) && !is_switch && !is_address).then_some("a literal secret")
}

/// Whether everybody knows the value.
fn is_throw_away(value: &str) -> bool {
    let value = value.trim();
    let password = parse_url(value).and_then(|url| url.password().map(str::to_owned));
    let value = password.as_deref().unwrap_or(value);
    let lower = value.to_ascii_lowercase();
    placeholder(value).is_some()
        || published_default(value).is_some()
        || value.len() < 8
        || [
            "test", "dummy", "example", "fake", "local", "ci-", "ci_", "dev", "password",
            "postgres", "secret",
        ]
        .iter()
        .any(|word| lower.contains(word))
}

/// The text with every word that is a key of a known provider, and every password in an address,
/// masked; whether there was one.
pub(super) fn without_keys(text: &str, redactor: &Redactor) -> (String, bool) {
    let mut out = text.to_owned();
    let mut found = false;
    for word in
        text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | ',' | ';' | '`'))
    {
        let word = word.trim_matches(|c: char| matches!(c, '(' | ')' | '[' | ']' | '{' | '}'));
        let key = provider_key(word).is_some() && !is_throw_away(word);
        let address = word.contains("://")
            && parse_url(word).is_some_and(|url| {
                url.password()
                    .is_some_and(|password| !is_reference(password) && !is_throw_away(word))
            });
        if word.len() >= 8 && (key || address) {
            redactor.add(word);
            out = out.replace(word, crate::redact::MASK);
            found = true;
        }
    }
    (out, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_throw_away_passwords_are_no_secrets() {
        let redactor = Redactor::default();
        for (name, value, strict, pipeline) in [
            ("DB_PASSWORD", "${DB_PASSWORD}", false, false),
            ("DB_PASSWORD", "", false, false),
            ("DB_PASSWORD", "postgres", true, false),
            ("DB_PASSWORD", "Zk4pQ9vXw2Lm", true, true),
            ("TOKEN_TTL", "3600", false, false),
            (
                "DATABASE_URL",
                "postgres://app:Zk4pQ9vXw2Lm@db/app",
                true,
                true,
            ),
            (
                "DATABASE_URL",
                "postgres://postgres:postgres@db/app",
                true,
                false,
            ),
            ("DATABASE_URL", "postgres://app:${PW}@db/app", false, false),
            ("DATABASE_URL", "postgres://db/app", false, false),
            ("JWT_SECRET", "/run/secrets/jwt", false, false),
        ] {
            assert_eq!(
                literal(name, value, &redactor).is_some(),
                strict,
                "{name}={value}"
            );
            let found = literal_in_pipeline(name, value, &redactor);
            assert_eq!(found.is_some(), pipeline, "{name}={value}");
        }
    }
}
