//! What a server answered to one origin, and what a browser would make of it.

use serde::{Deserialize, Serialize};

use super::origins::Class;

/// Everything seen, path by path.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// One entry a probe, in the order of the plan.
    pub(super) probes: Vec<Seen>,
}

/// How it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    /// `OPTIONS`, as a browser asks before a request that is not simple.
    Preflight,
    /// `GET`.
    Actual,
    /// `GET` of a path that is known to answer with an error.
    ErrorPath,
    /// A WebSocket handshake.
    Socket,
}

/// One probe and its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Path of the URL asked; the cache-busting query is left out.
    pub(super) path: String,
    /// How it was asked.
    pub(super) form: Form,
    /// What the origin is.
    pub(super) class: Class,
    /// The `Origin` header; `null` when none was sent.
    pub(super) origin: Option<String>,
    /// The method asked for by a preflight, or sent.
    pub(super) method: String,
    /// Whether a (made-up) cookie was sent.
    pub(super) cookie: bool,
    /// Whether the credential of the profile was sent.
    pub(super) auth: bool,
    /// Whether the URL, query included, was asked by another origin before: caches may answer.
    pub(super) shared: bool,
    /// The answer.
    pub(super) answer: Option<Answer>,
    /// Why there is none.
    pub(super) error: Option<String>,
}

/// The parts of an answer that browsers and caches look at. Fields that may repeat are lists, one
/// entry a header line.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The status code.
    pub(super) status: u16,
    /// `Access-Control-Allow-Origin`.
    pub(super) allow_origin: Vec<String>,
    /// `Access-Control-Allow-Credentials`.
    pub(super) allow_credentials: Vec<String>,
    /// `Access-Control-Allow-Methods`.
    pub(super) allow_methods: Vec<String>,
    /// `Access-Control-Allow-Headers`.
    pub(super) allow_headers: Vec<String>,
    /// `Access-Control-Expose-Headers`.
    pub(super) expose_headers: Vec<String>,
    /// `Access-Control-Max-Age`.
    pub(super) max_age: Vec<String>,
    /// `Vary`.
    pub(super) vary: Vec<String>,
    /// `Cache-Control`.
    pub(super) cache_control: Vec<String>,
    /// `Location`.
    pub(super) location: Option<String>,
    /// Whether a cache says that it answered (`Age` above 0, `X-Cache: HIT`).
    pub(super) from_cache: bool,
}

/// What a browser lets a page of an origin do with an answer (Fetch, "CORS check").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    /// Nothing: the page sees a network error.
    None,
    /// Every origin may read it, without credentials.
    Anyone,
    /// This origin may read it, without credentials.
    Named,
    /// This origin may read it, with credentials.
    Credentialed,
}

impl Answer {
    /// Takes what matters out of an answer's header pairs. Bounded: long values are cut.
    pub(super) fn new(status: u16, headers: &[(String, String)]) -> Self {
        let all = |name: &str| -> Vec<String> {
            headers
                .iter()
                .filter(|(key, _)| key.eq_ignore_ascii_case(name))
                .take(8)
                .map(|(_, value)| value.trim().chars().take(1024).collect())
                .collect()
        };
        let aged = all("age")
            .iter()
            .any(|age| age.parse::<u64>().is_ok_and(|age| age > 0));
        let hit = ["x-cache", "cf-cache-status", "x-vercel-cache"]
            .iter()
            .flat_map(|name| all(name))
            .any(|value| value.to_ascii_lowercase().contains("hit"));
        Self {
            status,
            allow_origin: all("access-control-allow-origin"),
            allow_credentials: all("access-control-allow-credentials"),
            allow_methods: all("access-control-allow-methods"),
            allow_headers: all("access-control-allow-headers"),
            expose_headers: all("access-control-expose-headers"),
            max_age: all("access-control-max-age"),
            vary: all("vary"),
            cache_control: all("cache-control"),
            location: all("location").into_iter().next(),
            from_cache: aged || hit,
        }
    }

    /// The values of `Access-Control-Allow-Origin` as one, the way a browser compares them.
    pub(super) fn allowed_origin(&self) -> Option<String> {
        (!self.allow_origin.is_empty()).then(|| self.allow_origin.join(", "))
    }

    /// What a page of this origin may do with the answer.
    pub(super) fn access(&self, origin: &str) -> Access {
        match self.allowed_origin() {
            Some(value) if value == "*" => Access::Anyone,
            Some(value) if value == origin => {
                if self.credentials_allowed() {
                    Access::Credentialed
                } else {
                    Access::Named
                }
            }
            _ => Access::None,
        }
    }

    /// Whether `Access-Control-Allow-Credentials` is exactly `true`.
    pub(super) fn credentials_allowed(&self) -> bool {
        self.allow_credentials.join(", ") == "true"
    }

    /// Whether `Vary` names this field.
    pub(super) fn varies_by(&self, field: &str) -> bool {
        items(&self.vary).any(|item| item == "*" || item.eq_ignore_ascii_case(field))
    }

    /// Whether no cache may keep this.
    pub(super) fn is_not_stored(&self) -> bool {
        items(&self.cache_control).any(|item| item.eq_ignore_ascii_case("no-store"))
    }

    /// Whether the server invites shared caches to keep this, or one did.
    pub(super) fn invites_caches(&self) -> bool {
        let directive = |name: &str| {
            items(&self.cache_control).find_map(|item| {
                let (key, value) = item.split_once('=').unwrap_or((item, ""));
                key.trim()
                    .eq_ignore_ascii_case(name)
                    .then(|| value.trim_matches('"').parse::<u64>().unwrap_or(0))
            })
        };
        let public = directive("public").is_some();
        let lifetime = directive("s-maxage").or(directive("max-age")).unwrap_or(0);
        self.from_cache || (directive("private").is_none() && (public || lifetime > 0))
    }

    /// The status and what it says about the origin, for a person.
    pub(super) fn shown(&self) -> String {
        let mut text = format!("status {}", self.status);
        match self.allowed_origin() {
            Some(value) => text.push_str(&format!(", Access-Control-Allow-Origin: {value}")),
            None => text.push_str(", no Access-Control-Allow-Origin"),
        }
        if !self.allow_credentials.is_empty() {
            let value = self.allow_credentials.join(", ");
            text.push_str(&format!(", Access-Control-Allow-Credentials: {value}"));
        }
        text
    }
}

/// The items of a comma-separated header that may repeat.
pub(super) fn items(lines: &[String]) -> impl Iterator<Item = &str> {
    lines
        .iter()
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(pairs: &[(&str, &str)]) -> Answer {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Answer::new(200, &pairs)
    }

    #[test]
    fn access_is_decided_byte_for_byte() {
        let origin = "https://app.example.com";
        for (headers, access) in [
            (vec![], Access::None),
            (vec![("Access-Control-Allow-Origin", "*")], Access::Anyone),
            (vec![("access-control-allow-origin", origin)], Access::Named),
            (
                vec![
                    ("Access-Control-Allow-Origin", origin),
                    ("Access-Control-Allow-Credentials", "true"),
                ],
                Access::Credentialed,
            ),
            (
                vec![
                    ("Access-Control-Allow-Origin", origin),
                    ("Access-Control-Allow-Credentials", "True"),
                ],
                Access::Named,
            ),
            (
                vec![("Access-Control-Allow-Origin", "https://app.example.com/")],
                Access::None,
            ),
            (
                vec![("Access-Control-Allow-Origin", "https://APP.example.com")],
                Access::None,
            ),
            (
                vec![
                    ("Access-Control-Allow-Origin", origin),
                    ("Access-Control-Allow-Origin", origin),
                ],
                Access::None,
            ),
            (
                vec![("Access-Control-Allow-Origin", "https://app.example.com, *")],
                Access::None,
            ),
        ] {
            assert_eq!(answer(&headers).access(origin), access, "{headers:?}");
        }
    }

    #[test]
    fn caches_are_invited_by_what_they_read() {
        for (headers, invited) in [
            (vec![], false),
            (vec![("Cache-Control", "public")], true),
            (vec![("Cache-Control", "max-age=60")], true),
            (vec![("Cache-Control", "private, max-age=60")], false),
            (vec![("Cache-Control", "max-age=0")], false),
            (vec![("Age", "12")], true),
            (vec![("X-Cache", "HIT from edge")], true),
            (vec![("X-Cache", "MISS")], false),
        ] {
            assert_eq!(answer(&headers).invites_caches(), invited, "{headers:?}");
        }
    }
}
