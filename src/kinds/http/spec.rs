//! What YAML says about requests and answers.

use schemars::JsonSchema;
use serde::Deserialize;

use super::forms::{Payload, StatusRule, Switch, Verb};
pub(super) use super::security_spec::{CookieRule, Security};
use crate::expect::json::JsonExpectations;
use crate::expect::{ByteSize, JsonPath, Matcher, Ordered, Pattern, Secret, TimeSpan};
pub(super) use crate::kinds::auth::Auth;

/// The expectations of a step that names none: status 200 to 299.
pub(super) static DEFAULT_EXPECT: Expect = Expect {
    status: None,
    max_latency: None,
    max_first_byte: None,
    max_size: None,
    content_type: None,
    headers: Ordered(Vec::new()),
    json: None,
    body: None,
    location: None,
    final_url: None,
    redirect_to_https: false,
    health: Switch(None),
    version: None,
    fresh: Switch(None),
    not_cacheable: false,
    cacheable: Switch(None),
    no_leaks: false,
    requires_auth: Switch(None),
    cookies: Ordered(Vec::new()),
    security: None,
};

/// Default of `max_body`.
pub(super) fn one_mebibyte() -> ByteSize {
    ByteSize(crate::exchange::MAX_BODY)
}

/// Default of `samples`.
pub(super) fn one() -> u32 {
    1
}

/// What must come back.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// The status: `200`, `2xx`, a list of these, or operators. 200 to 299 unless another
    /// expectation here implies something else.
    #[serde(default)]
    pub(super) status: Option<StatusRule>,
    /// Longest time until the last byte of the body, redirects and the cold first request included.
    #[serde(default)]
    pub(super) max_latency: Option<TimeSpan>,
    /// Longest time until the headers.
    #[serde(default)]
    pub(super) max_first_byte: Option<TimeSpan>,
    /// Largest body, after decompression.
    #[serde(default)]
    pub(super) max_size: Option<ByteSize>,
    /// The media type, without parameters: `application/json`.
    #[serde(default)]
    pub(super) content_type: Option<Matcher>,
    /// Headers by name, in any case. Of several lines every one must match, or all joined by a comma.
    #[serde(default)]
    pub(super) headers: Ordered<Matcher>,
    /// JSONPath to what every selected value must be. A path that selects nothing does not match.
    #[serde(default)]
    pub(super) json: Option<JsonExpectations>,
    /// The body as text.
    #[serde(default)]
    pub(super) body: Option<Matcher>,
    /// Where the answer redirects to, as an absolute URL; implies status 300 to 399.
    #[serde(default)]
    pub(super) location: Option<Matcher>,
    /// The URL that answered in the end, after followed redirects.
    #[serde(default)]
    pub(super) final_url: Option<Matcher>,
    /// The answer must be a permanent redirect to the same host and path over https; implies status
    /// 300 to 399. The URL must begin with `http://`.
    #[serde(default)]
    pub(super) redirect_to_https: bool,
    /// The body is a health document: `true`, a dialect (`auto`, `plain`, `spring`, `aspnet`,
    /// `inadarei`, `microprofile`), or more rules. Overall state and every component must be healthy.
    #[serde(default)]
    pub(super) health: Switch<Health>,
    /// The release that answers: one value, the same in every sample.
    #[serde(default)]
    pub(super) version: Option<VersionRule>,
    /// The answer must not come from a cache: `true`, or how old it may be.
    #[serde(default)]
    pub(super) fresh: Switch<Fresh>,
    /// Caches must not store the answer: `Cache-Control` with `no-store`, or `private` with `no-cache`.
    #[serde(default)]
    pub(super) not_cacheable: bool,
    /// Caches may store the answer: `true`, or for how long at least.
    #[serde(default)]
    pub(super) cacheable: Switch<Cacheable>,
    /// The body shows no stack trace, connection string, key or framework debug page.
    #[serde(default)]
    pub(super) no_leaks: bool,
    /// The request, sent without credentials, must be refused: `true`, or how.
    #[serde(default)]
    pub(super) requires_auth: Switch<RequiresAuth>,
    /// Cookies the answer sets, by name; `"*"` for every one of them.
    #[serde(default)]
    pub(super) cookies: Ordered<CookieRule>,
    /// Security headers; each is looked at only when named.
    #[serde(default)]
    pub(super) security: Option<Security>,
}

impl Expect {
    /// Whether the refusal of a rate limiter is asked for, and not merely fine among others.
    pub(super) fn wants_429(&self) -> bool {
        let status = self.status.as_ref();
        status.is_some_and(|status| status.accepts(429) && !status.accepts(428))
    }

    /// Whether anything here reads the body as JSON.
    pub(super) fn needs_json(&self) -> bool {
        self.json.is_some()
            || self
                .version
                .as_ref()
                .is_some_and(|rule| rule.json.is_some())
            || self
                .fresh
                .0
                .as_ref()
                .is_some_and(|rule| rule.time.is_some())
            || self
                .health
                .0
                .as_ref()
                .is_some_and(|rule| rule.dialect.is_json())
    }

    /// Every JSONPath that an expectation reads.
    pub(super) fn json_paths(&self) -> Vec<&JsonPath> {
        let listed = self
            .json
            .iter()
            .flat_map(|json| json.0.iter().map(|(path, _)| path));
        listed
            .chain(self.version.iter().filter_map(|rule| rule.json.as_ref()))
            .chain(self.fresh.0.iter().filter_map(|rule| rule.time.as_ref()))
            .collect()
    }

    /// Whether anything here reads the body at all.
    pub(super) fn needs_body(&self) -> bool {
        self.needs_json()
            || self.body.is_some()
            || self.health.0.is_some()
            || self.no_leaks
            || self.max_size.is_some()
    }
}

/// One request of `requests` or `steps`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// Name in findings; method and path unless given.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// A path (`/login`), a path below `url` (`login`), or a whole URL; `url` itself unless given.
    /// In steps, `{{name}}` stands for a captured value.
    #[serde(default)]
    pub(super) url: Option<String>,
    /// The method; any but GET and HEAD needs `unsafe_method: true` here or above.
    #[serde(default)]
    pub(super) method: Verb,
    /// Allows methods other than GET and HEAD: the target may change.
    #[serde(default)]
    pub(super) unsafe_method: bool,
    /// Headers, besides and over those above.
    #[serde(default)]
    pub(super) headers: Ordered<Secret>,
    /// Credentials instead of those above.
    #[serde(default)]
    pub(super) auth: Option<Auth>,
    /// Sends neither credentials, headers nor cookies from above.
    #[serde(default)]
    pub(super) anonymous: bool,
    /// Cookies, besides those above and those the journey collected.
    #[serde(default)]
    pub(super) cookies: Ordered<Secret>,
    /// The body to send, as text.
    #[serde(default)]
    pub(super) body: Option<Secret>,
    /// The body to send, as JSON; sets the content type.
    #[serde(default)]
    pub(super) json: Option<Payload>,
    /// Values of the answer to keep for later steps, by name.
    #[serde(default)]
    pub(super) capture: Ordered<Capture>,
    /// What must come back.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
}

impl Step {
    /// The name, or method and path.
    pub(super) fn title(&self, url: &str) -> String {
        self.name.clone().unwrap_or_else(|| {
            let path =
                url::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.path().to_owned());
            format!("{} {path}", self.method.0)
        })
    }
}

/// Where a value to keep comes from; exactly one of the sources.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Capture {
    /// The only value this JSONPath selects in the body.
    #[serde(default)]
    pub(super) json: Option<JsonPath>,
    /// The value of this header.
    #[serde(default)]
    pub(super) header: Option<String>,
    /// The value of this cookie.
    #[serde(default)]
    pub(super) cookie: Option<String>,
    /// The first group of this expression in the body, or all of it when there is no group.
    #[serde(default)]
    pub(super) regex: Option<Pattern>,
    /// Whether the value is hidden in reports. Cookies and names like `token` are hidden anyway.
    #[serde(default)]
    pub(super) secret: Option<bool>,
}

impl Capture {
    /// How many sources are named; must be one.
    pub(super) fn sources(&self) -> usize {
        usize::from(self.json.is_some())
            + usize::from(self.header.is_some())
            + usize::from(self.cookie.is_some())
            + usize::from(self.regex.is_some())
    }
}

/// A health document.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    /// How the document is written; `auto` (default) recognises all of them.
    #[serde(default)]
    pub(super) dialect: Dialect,
    /// Components that must be listed, each with a state.
    #[serde(default)]
    pub(super) components: Vec<String>,
    /// What a degraded component or whole means: `fail` (default), `warn` or `pass`.
    #[serde(default)]
    pub(super) degraded: Degraded,
    /// This is a liveness endpoint: it should not look at databases, caches or other services,
    /// because a restart does not help when these are down.
    #[serde(default)]
    pub(super) liveness: bool,
}

/// How a health document is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dialect {
    /// Recognised from the document.
    #[default]
    Auto,
    /// A word of text: `OK`.
    Plain,
    /// Spring Boot: `{"status": "UP", "components": {…}}`.
    Spring,
    /// ASP.NET Core: the text `Healthy`, `Degraded` or `Unhealthy`.
    Aspnet,
    /// The expired draft-inadarei: `{"status": "pass", "checks": {"db:time": […]}}`.
    Inadarei,
    /// MicroProfile Health: `{"status": "UP", "checks": [{"name": …, "status": …}]}`.
    Microprofile,
}

impl Dialect {
    /// Whether the document must be JSON.
    fn is_json(self) -> bool {
        matches!(self, Self::Spring | Self::Inadarei | Self::Microprofile)
    }
}

/// What degraded means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Degraded {
    /// Red.
    #[default]
    Fail,
    /// A warning.
    Warn,
    /// Fine.
    Pass,
}

/// The release that answers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionRule {
    /// Where the body says it.
    #[serde(default)]
    pub(super) json: Option<JsonPath>,
    /// Which header says it.
    #[serde(default)]
    pub(super) header: Option<String>,
    /// What it must be; without this it must only be the same in every sample.
    #[serde(default)]
    pub(super) is: Option<Matcher>,
}

/// How old an answer may be.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fresh {
    /// Oldest age; 0s by default. For dates a clock difference of 30 seconds is allowed on top.
    #[serde(default)]
    pub(super) max_age: TimeSpan,
    /// Where the body says when it was made (RFC 3339 text or Unix seconds).
    #[serde(default)]
    pub(super) time: Option<JsonPath>,
}

/// How long an answer may be stored.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cacheable {
    /// Shortest `max-age` (or `s-maxage`); any above 0 by default.
    #[serde(default)]
    pub(super) min_age: TimeSpan,
}

/// How a request without credentials is refused.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequiresAuth {
    /// Statuses that count as refusal; 401 and 403 by default.
    #[serde(default)]
    pub(super) status: Option<StatusRule>,
    /// Whether a 401 must carry `WWW-Authenticate`: `true` red without, `false` not looked at; a
    /// warning unless said.
    #[serde(default)]
    pub(super) challenge: Option<bool>,
}

/// Files and pages that must not be public.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exposed {
    /// Paths instead of the built-in list; none of them may answer 200 to 299.
    #[serde(default)]
    pub(super) paths: Vec<String>,
}

impl Exposed {
    /// The paths to ask.
    pub(super) fn list(&self) -> Vec<String> {
        if self.paths.is_empty() {
            super::body::EXPOSED
                .iter()
                .map(|(path, _)| (*path).to_owned())
                .collect()
        } else {
            self.paths.clone()
        }
    }
}

/// Which addresses of a host are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Resolve {
    /// One of them.
    #[default]
    Any,
    /// Every one of them, at most 8.
    Each,
}
