//! Cross-origin access as a browser sees it: who may read the API, and who may not.

mod caches;
mod facts;
mod faults;
mod foreign;
mod judge;
mod origins;
mod probe;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use http::{HeaderName, Method};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{FaultDoc, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::expect::{Secret, TimeSpan};
use crate::outcome::{Fault, Finding};

use facts::Facts;
pub(crate) use origins::Origin;

/// Request headers that never need a preflight.
const SAFE_HEADERS: &[&str] = &["accept", "accept-language", "content-language"];
/// Paths a check may ask at most.
const MAX_PATHS: usize = 10;
/// Allowed origins a check may name at most: each is asked for.
const MAX_ALLOWED: usize = 20;

/// Judges cross-origin access the way a browser does.
///
/// Asks as the allowed origins, as none, and as foreign origins derived from the allowed ones, by
/// preflight and by GET, and reads the headers: the status says nothing about an origin. Sends
/// OPTIONS and GET only, about 30 requests a path.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cors {
    /// Address of an API route that pages call, `https://api.example.com/v1/items`.
    url: String,
    /// Paths on the same host to ask instead of the one in `url`; 10 at most.
    #[serde(default)]
    paths: Vec<String>,
    /// Origins that must be able to call the API, as a browser sends them:
    /// `https://app.example.com`. At least one, unless the API is `public` or `private`.
    #[serde(default)]
    allowed: Vec<Origin>,
    /// Further origins that must not be able to read the API, besides the derived ones.
    #[serde(default)]
    denied: Vec<Origin>,
    /// Methods the application uses on these routes; default `[GET]`. Only preflights ask for
    /// them, none but GET is ever sent.
    #[serde(default = "only_get")]
    methods: Vec<String>,
    /// Request headers the application sends: `[Authorization, Content-Type]`.
    #[serde(default)]
    headers: Vec<String>,
    /// Whether the application sends cookies or other browser-kept credentials
    /// (`fetch(..., { credentials: "include" })`); default false. A bearer token that a script puts
    /// into a header is not one.
    #[serde(default)]
    credentials: bool,
    /// Whether everybody may read the API on purpose (`Access-Control-Allow-Origin: *`); default
    /// false.
    #[serde(default)]
    public: bool,
    /// Whether the service is internal and no page at all should read it; default false.
    #[serde(default)]
    private: bool,
    /// Whether any subdomain of an allowed origin's site may read the API on purpose; default
    /// false.
    #[serde(default)]
    subdomains: bool,
    /// Response headers that scripts must be able to read: `[RateLimit, X-Request-Id]`.
    #[serde(default)]
    expose: Vec<String>,
    /// How long browsers may keep a preflight; without it, none and more than a day are advice.
    #[serde(default)]
    max_age: Option<MaxAge>,
    /// The cookie sent where a session would be: some servers answer differently when there is
    /// one. Made up by default, `readyctl=1`; never put a real session here.
    #[serde(default)]
    with_cookie: Option<Secret>,
    /// Credential for the GET requests, as the value of `auth_header`: `Bearer ${token}`. Then the
    /// answers with and without it are both judged. Empty means none.
    #[serde(default)]
    auth: Option<Secret>,
    /// Header that `auth` goes into; default `Authorization`.
    #[serde(default)]
    auth_header: Option<String>,
    /// Paths that answer with an error (401, 404, 422): scripts must be able to read these too.
    #[serde(default)]
    error_paths: Vec<String>,
    /// Path of a WebSocket on the same host, `/ws`: its handshake must refuse a foreign origin.
    #[serde(default)]
    websocket: Option<String>,
    /// A PEM file of certificate authorities to trust besides the system's.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// Whether link-local addresses, where clouds keep their metadata services, may be asked;
    /// default false.
    #[serde(default)]
    allow_link_local: bool,
}

/// Bounds of `Access-Control-Max-Age`, both included.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MaxAge {
    /// At least this long.
    #[serde(default)]
    min: Option<TimeSpan>,
    /// At most this long.
    #[serde(default)]
    max: Option<TimeSpan>,
}

/// What `methods` is when it is left out.
fn only_get() -> Vec<String> {
    vec!["GET".to_owned()]
}

impl Cors {
    /// The URL, once it is known to be one.
    fn base(&self) -> Option<Url> {
        Url::parse(&self.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    }

    /// The URLs to ask, one a path.
    fn targets(&self) -> Vec<Url> {
        let Some(base) = self.base() else {
            return Vec::new();
        };
        if self.paths.is_empty() {
            return vec![base];
        }
        self.paths
            .iter()
            .filter_map(|path| base.join(path).ok())
            .collect()
    }

    /// The credential for the GET requests, unless it is empty.
    fn credential(&self) -> Option<&Secret> {
        self.auth.as_ref().filter(|auth| !auth.expose().is_empty())
    }

    /// Whether a browser would ask before sending what the application sends.
    fn needs_preflight(&self) -> bool {
        self.methods
            .iter()
            .any(|method| !matches!(method.as_str(), "GET" | "HEAD" | "POST"))
            || !self.unsafe_headers().is_empty()
    }

    /// The request headers a preflight asks for, as a browser lists them.
    fn unsafe_headers(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .headers
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .filter(|name| !SAFE_HEADERS.contains(&name.as_str()))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether the application ever sends GET or HEAD, so that the answer to a GET is its own.
    fn reads(&self) -> bool {
        self.methods
            .iter()
            .any(|method| matches!(method.as_str(), "GET" | "HEAD"))
    }

    /// Problems of the origins and of what the API is said to be.
    fn policy_problems(&self, list: &mut Vec<SpecProblem>) {
        if self.public && self.private {
            list.push(SpecProblem::at(
                "private",
                "an API cannot be both public and private",
                "keep the one that is true",
            ));
        }
        if self.public && self.credentials {
            list.push(SpecProblem::at(
                "credentials",
                "browsers refuse `*` for requests with credentials",
                "list the origins under `allowed:` instead of `public: true`",
            ));
        }
        if self.allowed.is_empty() && !self.public && !self.private {
            list.push(SpecProblem::at(
                "",
                "no origin is allowed, so nothing could be seen to work",
                "add `allowed: [https://app.example.com]`, or `public: true`, or `private: true`",
            ));
        }
        if self.allowed.len() > MAX_ALLOWED {
            list.push(SpecProblem::at(
                "allowed",
                format!("{} origins are more than {MAX_ALLOWED}", self.allowed.len()),
                "split the check",
            ));
        }
        if let Some(both) = self.denied.iter().find(|d| self.allowed.contains(d)) {
            list.push(SpecProblem::at(
                "denied",
                format!("{both} is allowed and denied"),
                "remove it from one of the lists",
            ));
        }
        let max_age = self.max_age.as_ref();
        if max_age.is_some_and(|age| age.min.is_none() && age.max.is_none()) {
            list.push(SpecProblem::at(
                "max_age",
                "neither `min` nor `max` is given",
                "write `max_age: { min: 5m, max: 24h }`",
            ));
        }
        if max_age.is_some_and(|age| matches!((age.min, age.max), (Some(a), Some(b)) if a > b)) {
            list.push(SpecProblem::at(
                "max_age",
                "`min` is above `max`",
                "swap the two",
            ));
        }
    }
}

impl Kind for Cors {
    const NAME: &'static str = "cors";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn hosts(&self) -> Vec<String> {
        self.base()
            .and_then(|url| crate::net::host_key(&url))
            .into_iter()
            .collect()
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut list = Vec::new();
        if self.base().is_none() {
            list.push(SpecProblem::at(
                "url",
                "this is not an http or https URL",
                "write it in full, for example `https://api.example.com/v1/items`",
            ));
        }
        if self.paths.len() > MAX_PATHS {
            list.push(SpecProblem::at(
                "paths",
                format!("{} paths are more than {MAX_PATHS}", self.paths.len()),
                "split the check",
            ));
        }
        let error_paths = self.error_paths.iter().map(|path| ("error_paths", path));
        let socket = self.websocket.iter().map(|path| ("websocket", path));
        let paths = self.paths.iter().map(|path| ("paths", path));
        for (field, path) in paths.chain(error_paths).chain(socket) {
            if !path.starts_with('/') || path.starts_with("//") {
                list.push(SpecProblem::at(
                    field,
                    format!("`{path}` is not a path"),
                    "begin it with one slash, `/v1/items`",
                ));
            }
        }
        if self.methods.is_empty() {
            list.push(SpecProblem::at(
                "methods",
                "no method is listed",
                "write `[GET]`, or leave the field out",
            ));
        }
        for method in &self.methods {
            if Method::from_bytes(method.as_bytes()).is_err() || *method != method.to_uppercase() {
                list.push(SpecProblem::at(
                    "methods",
                    format!("`{method}` is not a method as browsers send it"),
                    format!("write `{}`: case matters", method.to_uppercase()),
                ));
            }
        }
        let headers = self.headers.iter().map(|name| ("headers", name));
        let expose = self.expose.iter().map(|name| ("expose", name));
        let auth = self.auth_header.iter().map(|name| ("auth_header", name));
        for (field, name) in headers.chain(expose).chain(auth) {
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                list.push(SpecProblem::at(
                    field,
                    format!("`{name}` is not a header name"),
                    "letters, digits and dashes only",
                ));
            }
        }
        self.policy_problems(&mut list);
        list
    }

    fn plan(&self) -> Vec<Planned> {
        probe::plan(self)
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        probe::observe(self, cx).await
    }

    fn judge(&self, facts: &Facts, _cx: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts)
    }
}
