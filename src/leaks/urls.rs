//! Credentials inside URLs: which are secrets, which are defaults, which are placeholders.

use url::Url;

use super::{Class, Place};
use crate::dotenv::known;
use crate::dotenv::shape::{entropy_bits, local_host};

/// Bits from which a password was generated rather than made up.
const GENERATED: f64 = 44.0;

/// Words that stand for a password in manuals.
const STAND_INS: [&str; 24] = [
    "pass",
    "password",
    "passwd",
    "pw",
    "pwd",
    "secret",
    "p",
    "pass123",
    "mypass",
    "mypassword",
    "token",
    "key",
    "xxx",
    "xxxx",
    "foo",
    "bar",
    "…",
    "user",
    "username",
    "db_password",
    "db_pass",
    "postgres_password",
    "redis_password",
    "pat",
];

/// What the credentials of a URL are; `None` when there is nothing to find.
pub(super) fn decide(groups: &regex::Captures<'_>, password: &str, place: Place) -> Option<Class> {
    let part = |name: &str| groups.name(name).map_or("", |part| part.as_str());
    let (scheme, user, host) = (part("scheme"), part("user"), part("host"));
    if is_filled_in_later(password) || is_filled_in_later(host) {
        return None;
    }
    // `host:5432/path?mail=a@b`: a port and a path, no password.
    if let Some((port, _)) = password.split_once(['/', '?', '#'])
        && port.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let host = host.trim_end_matches(['.', '&', ']']).to_ascii_lowercase();
    let masked = password.chars().all(|c| "*x•.-_".contains(c));
    if masked || known::placeholder(password).is_some_and(|_| entropy_bits(password) < GENERATED) {
        return None;
    }
    if ["example.com", "example.org", "example.net"]
        .iter()
        .any(|d| host.ends_with(d))
        || host.ends_with(".example")
        || host.ends_with(".invalid")
    {
        return (entropy_bits(password) >= GENERATED && !is_default(scheme, user, password))
            .then_some(Class::Credentials);
    }
    if place.log {
        // In a log it is the password of a running service, however bad.
        return Some(Class::Credentials);
    }
    let near = local_host(&host).is_some() || !host.contains('.') || is_stand_in(&host);
    let weak = is_default(scheme, user, password) || is_stand_in(password);
    let made_up = weak || (near && entropy_bits(password) < GENERATED);
    if !made_up {
        return Some(Class::Credentials);
    }
    // Everybody's password in documentation or a test opens nothing.
    if place.docs || place.test {
        // … unless the host is a real one.
        return (!near && !is_stand_in(password) && !is_stand_in(user))
            .then_some(Class::Credentials);
    }
    Some(Class::DefaultCredentials)
}

/// Whether the credentials are published ones.
fn is_default(scheme: &str, user: &str, password: &str) -> bool {
    Url::parse(&format!("{scheme}://h/"))
        .ok()
        .is_some_and(|mut url| {
            let set = url
                .set_username(user)
                .and_then(|()| url.set_password(Some(password)));
            set.is_ok() && known::published_credentials(&url).is_some()
        })
        || known::published_default(password).is_some()
}

/// Whether a word stands for something that the reader fills in.
fn is_stand_in(word: &str) -> bool {
    STAND_INS.contains(&word.to_ascii_lowercase().as_str())
        || matches!(word, "host" | "hostname" | "HOST" | "server" | "db_host")
}

/// Whether a part of the URL is put in by a program: `${X}`, `$X`, `{{ x }}`, `{x}`, `%s`, `#{x}`.
pub(super) fn is_filled_in_later(text: &str) -> bool {
    let dollar = text.find('$').is_some_and(|at| {
        text[at + 1..].chars().next().is_some_and(|c| {
            c == '{' || c == '(' || c == '_' || (c.is_ascii_alphabetic() && at == 0)
        })
    });
    let braces = text.contains('{') && text.contains('}') || text.starts_with('{');
    let percent = matches!(text, "%s" | "%v" | "%d" | "%q" | "%p" | "%w")
        || text.contains("%(")
        || text.starts_with("%{")
        || (text.len() > 2 && text.starts_with('%') && text.ends_with('%'));
    dollar
        || braces
        || percent
        || text.starts_with("#{")
        || text.starts_with(':')
        || text.starts_with("…")
}
