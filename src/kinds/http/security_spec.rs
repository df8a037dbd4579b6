//! What YAML says about security headers and cookies.

use schemars::JsonSchema;
use serde::Deserialize;

use super::forms::{Switch, Word};
use crate::expect::{Matcher, Ordered, TimeSpan};

/// Security headers of an answer. Each is looked at only when named; name at least one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Security {
    /// `Strict-Transport-Security` is valid and long enough: `true`, a shortest `max-age` like
    /// `365d`, or more rules. The URL must be https: browsers ignore the header on http.
    #[serde(default)]
    pub(super) hsts: Switch<Hsts>,
    /// `X-Content-Type-Options: nosniff`.
    #[serde(default)]
    pub(super) nosniff: bool,
    /// Other sites cannot put the page into a frame (`frame-ancestors` or `X-Frame-Options`):
    /// `true` for any restriction, `deny`, or `same_origin`.
    #[serde(default)]
    pub(super) framing: Switch<Framing>,
    /// `Referrer-Policy` tells other sites at most the origin: `true`, or the policy it must be.
    #[serde(default)]
    pub(super) referrer_policy: Switch<Referrer>,
    /// `Content-Security-Policy` is enforced and stops injected scripts: `true`, or exceptions.
    #[serde(default)]
    pub(super) csp: Switch<Csp>,
    /// No header tells product versions (`Server: nginx/1.25`) or frameworks (`X-Powered-By`).
    #[serde(default)]
    pub(super) no_disclosure: bool,
    /// `Cache-Control` keeps the answer out of shared caches (`no-store`, `private` or `no-cache`).
    #[serde(default)]
    pub(super) cache_control: bool,
    /// None of the obsolete headers (`X-XSS-Protection: 1`, `Public-Key-Pins`, `Expect-CT`,
    /// `X-Frame-Options: ALLOW-FROM`).
    #[serde(default)]
    pub(super) no_obsolete: bool,
    /// The `Cross-Origin-…` headers that are sent are valid: `true`, or what they must be.
    #[serde(default)]
    pub(super) cross_origin: Switch<CrossOrigin>,
    /// The HTML loads nothing over http, and scripts of other sites carry `integrity`.
    #[serde(default)]
    pub(super) no_mixed_content: bool,
    /// Base URL of the server behind the CDN or proxy: security headers it sends must arrive.
    #[serde(default)]
    pub(super) behind: Option<String>,
}

impl Security {
    /// Whether nothing is named.
    pub(super) fn is_empty(&self) -> bool {
        self.hsts.0.is_none()
            && !self.nosniff
            && self.framing.0.is_none()
            && self.referrer_policy.0.is_none()
            && self.csp.0.is_none()
            && !self.no_disclosure
            && !self.cache_control
            && !self.no_obsolete
            && self.cross_origin.0.is_none()
            && !self.no_mixed_content
            && self.behind.is_none()
    }
}

/// `Strict-Transport-Security`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hsts {
    /// Shortest `max-age`; 180 days by default.
    #[serde(default = "half_a_year")]
    pub(super) min_age: TimeSpan,
    /// Whether `includeSubDomains` must be there (`true`) or must not (`false`).
    #[serde(default)]
    pub(super) include_subdomains: Option<bool>,
    /// Whether `preload` must be there (`true`) or must not (`false`). When it is there, the header
    /// must be eligible: one year and `includeSubDomains`.
    #[serde(default)]
    pub(super) preload: Option<bool>,
}

/// 180 days, where the common scanners draw the line.
fn half_a_year() -> TimeSpan {
    TimeSpan::seconds(180 * 86_400)
}

impl Default for Hsts {
    fn default() -> Self {
        Self {
            min_age: half_a_year(),
            include_subdomains: None,
            preload: None,
        }
    }
}

impl Word for Hsts {
    const WORDS: &'static str = "`true`, a shortest age like `365d`, or a mapping";
    fn from_word(word: &str) -> Option<Self> {
        Some(Self {
            min_age: word.parse().ok()?,
            ..Self::default()
        })
    }
}

/// Who may put the page into a frame.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Framing {
    /// Who at most.
    #[serde(default)]
    pub(super) allow: FramingLevel,
}

/// Who may put the page into a frame, strictest last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FramingLevel {
    /// Named sites.
    #[default]
    Listed,
    /// The site itself.
    SameOrigin,
    /// Nobody.
    Deny,
}

impl Word for Framing {
    const WORDS: &'static str = "`true`, `deny`, `same_origin` or `listed`";
    fn from_word(word: &str) -> Option<Self> {
        let allow = serde_json::from_value(word.into()).ok()?;
        Some(Self { allow })
    }
}

/// `Referrer-Policy`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Referrer {
    /// Policies that are fine; by default those that tell other sites at most the origin and
    /// nothing over http.
    #[serde(default)]
    pub(super) one_of: Vec<String>,
}

impl Word for Referrer {
    const WORDS: &'static str = "`true`, a policy like `no-referrer`, or a mapping";
    fn from_word(word: &str) -> Option<Self> {
        word.contains('-').then(|| Self {
            one_of: vec![word.to_owned()],
        })
    }
}

/// `Content-Security-Policy`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Csp {
    /// Accepts `'unsafe-inline'` for scripts.
    #[serde(default)]
    pub(super) allow_unsafe_inline: bool,
    /// Accepts `'unsafe-eval'`.
    #[serde(default)]
    pub(super) allow_unsafe_eval: bool,
    /// Directives by name and what their value must be.
    #[serde(default)]
    pub(super) directives: Ordered<Matcher>,
}

impl Word for Csp {}

/// The headers that separate a page from other origins.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CrossOrigin {
    /// `Cross-Origin-Opener-Policy`.
    #[serde(default)]
    pub(super) opener: Option<Matcher>,
    /// `Cross-Origin-Embedder-Policy`.
    #[serde(default)]
    pub(super) embedder: Option<Matcher>,
    /// `Cross-Origin-Resource-Policy`.
    #[serde(default)]
    pub(super) resource: Option<Matcher>,
}

impl Word for CrossOrigin {}

/// A cookie that an answer sets. `{}` means: `Secure`, `HttpOnly` and `SameSite` Lax or Strict.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CookieRule {
    /// `Secure` is required; `true` by default.
    #[serde(default = "yes")]
    pub(super) secure: bool,
    /// `HttpOnly` is required; `true` by default. Set `false` for cookies that scripts read (CSRF).
    #[serde(default = "yes")]
    pub(super) http_only: bool,
    /// Values of `SameSite` that are fine; Lax and Strict by default. `None` always needs `Secure`.
    #[serde(default)]
    pub(super) same_site: Option<SameSite>,
    /// The name's prefix that is required: `host` (`__Host-`) or `secure` (`__Secure-`).
    #[serde(default)]
    pub(super) prefix: Option<CookiePrefix>,
    /// The cookie must not be shared with sibling hosts: no `Domain`.
    #[serde(default)]
    pub(super) host_only: bool,
    /// Accepts an answer that does not set it.
    #[serde(default)]
    pub(super) optional: bool,
}

/// `true`, for serde.
fn yes() -> bool {
    true
}

/// The `SameSite` attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SameSite {
    /// Sent only from the site itself.
    Strict,
    /// Sent with top-level navigation too.
    Lax,
    /// Sent from everywhere.
    None,
    /// Not looked at, unless it contradicts the other attributes.
    Any,
}

/// A prefix that browsers enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CookiePrefix {
    /// `__Host-`.
    Host,
    /// `__Secure-`.
    Secure,
}
