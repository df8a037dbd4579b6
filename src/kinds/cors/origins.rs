//! Origins: the ones a profile allows, and the foreign ones derived from them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use url::{Host, Url};

/// The name under which every made-up origin stands: reserved, so that it belongs to nobody.
const FOREIGN: &str = "readyctl-probe.invalid";

/// Suffixes under which anybody can register a name. An allow-list entry that covers all of such
/// a suffix covers strangers. Collected in 2026 from the private part of the public suffix list.
const SHARED: &[&str] = &[
    "vercel.app",
    "netlify.app",
    "pages.dev",
    "workers.dev",
    "github.io",
    "gitlab.io",
    "web.app",
    "firebaseapp.com",
    "herokuapp.com",
    "fly.dev",
    "onrender.com",
    "up.railway.app",
    "azurewebsites.net",
    "azurestaticapps.net",
    "cloudfront.net",
    "amplifyapp.com",
    "surge.sh",
    "ngrok.io",
    "ngrok-free.app",
    "replit.app",
    "run.app",
    "appspot.com",
    "deno.dev",
];

/// A serialised origin, exactly as a browser sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl Origin {
    /// The text a browser sends.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a page of this very machine.
    fn is_local(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| match url.host() {
            Some(Host::Domain(host)) => is_loopback(host),
            Some(Host::Ipv4(v4)) => v4.is_loopback(),
            Some(Host::Ipv6(v6)) => v6.is_loopback(),
            None => false,
        })
    }

    /// Scheme, host and port; `None` for schemes of applications (`capacitor://localhost`).
    fn parts(&self) -> Option<Parts> {
        let url = Url::parse(&self.0).ok()?;
        let Some(Host::Domain(host)) = url.host() else {
            return None;
        };
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        Some(Parts {
            scheme: url.scheme().to_owned(),
            host: host.to_owned(),
            port: url.port(),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let help = "help: write scheme, host and port as a browser sends them, for example `https://app.example.com`";
        match text {
            "*" => {
                return Err("`*` is not an origin; help: declare a deliberately open API with `public: true`".to_owned());
            }
            "null" => {
                return Err("`null` is the origin of sandboxed frames and files of anybody; help: list real origins".to_owned());
            }
            _ => {}
        }
        let url = Url::parse(text)
            .map_err(|error| format!("`{text}` is not an origin: {error}; {help}"))?;
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return Err(format!("`{text}` names no host; {help}"));
        };
        if host.contains('*') {
            return Err(format!(
                "`{text}` is a pattern, not an origin; help: list real origins; `subdomains: true` accepts all of their subdomains"
            ));
        }
        let port = url
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let serialised = format!("{}://{host}{port}", url.scheme());
        if serialised == text {
            return Ok(Self(serialised));
        }
        Err(format!(
            "`{text}` is not what a browser sends as Origin; help: write `{serialised}`"
        ))
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::expect::text::scalar(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Origin {
    fn schema_name() -> Cow<'static, str> {
        "Origin".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "Scheme, host and port as a browser sends them: no path, no trailing slash, no default port.", "examples": ["https://app.example.com"] })
    }
}

/// An origin taken apart.
struct Parts {
    /// `https` or `http`.
    scheme: String,
    /// The host name.
    host: String,
    /// The port, unless it is the scheme's own.
    port: Option<u16>,
}

/// What a foreign origin is made to look like: each finds another mistake in matching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Class {
    /// Listed by the profile as allowed.
    Allowed,
    /// No `Origin` at all.
    NoOrigin,
    /// Nothing like an allowed origin.
    Arbitrary,
    /// The literal `null`.
    Null,
    /// Listed by the profile as denied.
    Denied,
    /// Begins with an allowed origin.
    Prefix,
    /// Ends with an allowed host.
    Suffix,
    /// Has an allowed host inside.
    Contains,
    /// Is itself inside an allowed origin.
    Truncated,
    /// Fits when a dot means any character.
    Dot,
    /// A subdomain, which need not exist.
    Subdomain,
    /// The same over `http://`.
    Insecure,
    /// Another port of the same host.
    Port,
    /// A host with a character some patterns stop at.
    Special,
    /// An allowed host as user name.
    Userinfo,
    /// Upper case.
    Case,
    /// Another tenant of the hosting platform.
    Shared,
    /// A developer's machine.
    Developer,
}

impl Class {
    /// The code of the fault when such an origin is allowed.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Allowed | Self::NoOrigin | Self::Arbitrary => "CORS-02",
            Self::Denied => "CORS-53",
            Self::Null => "CORS-05",
            Self::Prefix => "CORS-06",
            Self::Suffix => "CORS-07",
            Self::Contains | Self::Truncated => "CORS-08",
            Self::Dot => "CORS-09",
            Self::Subdomain => "CORS-10",
            Self::Insecure => "CORS-11",
            Self::Port => "CORS-12",
            Self::Special => "CORS-13",
            Self::Userinfo | Self::Case => "CORS-14",
            Self::Shared => "CORS-15",
            Self::Developer => "CORS-16",
        }
    }

    /// What such an origin is, for a person.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Allowed => "allowed origin",
            Self::NoOrigin => "no Origin",
            Self::Arbitrary => "foreign origin",
            Self::Null => "`null` origin",
            Self::Denied => "denied origin",
            Self::Prefix => "origin that begins like an allowed one",
            Self::Suffix => "origin that ends like an allowed one",
            Self::Contains => "origin with an allowed host inside",
            Self::Truncated => "shortened origin",
            Self::Dot => "origin with another character for a dot",
            Self::Subdomain => "made-up subdomain",
            Self::Insecure => "http:// variant",
            Self::Port => "other port",
            Self::Special => "host with a special character",
            Self::Userinfo => "allowed host as user name",
            Self::Case => "upper-case variant",
            Self::Shared => "stranger on a shared hosting domain",
            Self::Developer => "developer's machine",
        }
    }
}

/// An origin to ask as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    /// What it is made to look like.
    pub(super) class: Class,
    /// The text of the header.
    pub(super) origin: String,
}

impl Foreign {
    /// The origin that resembles nothing.
    pub(super) fn arbitrary() -> Self {
        Self {
            class: Class::Arbitrary,
            origin: format!("https://{FOREIGN}"),
        }
    }

    /// The literal `null`.
    pub(super) fn null() -> Self {
        Self {
            class: Class::Null,
            origin: "null".to_owned(),
        }
    }
}

/// The foreign origins derived from the first allowed one that has a host name, then the ones the
/// profile denies; none of them is an allowed origin.
pub(super) fn derived(allowed: &[Origin], denied: &[Origin]) -> Vec<Foreign> {
    let mut list: Vec<Foreign> = Vec::new();
    let mut add = |class, origin: String| {
        let known = allowed.iter().any(|a| a.as_str() == origin)
            || list.iter().any(|seen| seen.origin == origin);
        if !known {
            list.push(Foreign { class, origin });
        }
    };
    for origin in denied {
        add(Class::Denied, origin.as_str().to_owned());
    }
    let template = allowed.iter().find_map(|origin| {
        let parts = origin.parts()?;
        (!is_loopback(&parts.host)).then_some((origin.as_str(), parts))
    });
    if let Some((whole, parts)) = &template {
        from_template(whole, parts, &mut add);
    }
    for suffix in ["vercel.app", "github.io", "pages.dev"] {
        add(Class::Shared, format!("https://readyctl-probe.{suffix}"));
    }
    let local = allowed.iter().any(Origin::is_local);
    if !local {
        add(Class::Developer, "http://localhost:3000".to_owned());
        add(Class::Developer, "http://localhost:5173".to_owned());
    }
    list
}

/// Everything that resembles one allowed origin.
fn from_template(whole: &str, parts: &Parts, add: &mut impl FnMut(Class, String)) {
    let Parts { scheme, host, port } = parts;
    let at = port.map(|port| format!(":{port}")).unwrap_or_default();
    let site = registrable(host);
    add(Class::Prefix, format!("{scheme}://{host}.{FOREIGN}"));
    add(Class::Suffix, format!("{scheme}://readyctl{site}{at}"));
    if site != *host {
        add(Class::Suffix, format!("{scheme}://readyctl{host}{at}"));
    }
    add(
        Class::Contains,
        format!("{scheme}://readyctl-{host}.{FOREIGN}"),
    );
    let mut shortened = whole.to_owned();
    shortened.pop();
    if shortened.parse::<Origin>().is_ok() {
        add(Class::Truncated, shortened);
    }
    if host.contains('.') {
        add(
            Class::Dot,
            format!("{scheme}://{}{at}", host.replacen('.', "x", 1)),
        );
    }
    add(
        Class::Subdomain,
        format!("{scheme}://readyctl-probe.{host}{at}"),
    );
    match shared_suffix(host) {
        Some(suffix) => {
            let name = host.strip_suffix(suffix).unwrap_or_default();
            let name = name.trim_end_matches('.');
            add(Class::Shared, format!("{scheme}://readyctl-probe.{suffix}"));
            add(
                Class::Shared,
                format!("{scheme}://{name}-readyctl-probe.{suffix}"),
            );
        }
        None if site != *host => {
            add(
                Class::Subdomain,
                format!("{scheme}://readyctl-probe.{site}{at}"),
            );
        }
        None => {}
    }
    if scheme == "https" {
        add(Class::Insecure, format!("http://{host}{at}"));
    }
    let other = if *port == Some(8443) { 9443 } else { 8443 };
    add(Class::Port, format!("{scheme}://{host}:{other}"));
    for character in ["_", "`", "%0b"] {
        add(
            Class::Special,
            format!("{scheme}://{host}{character}.{FOREIGN}"),
        );
    }
    add(Class::Userinfo, format!("{scheme}://{host}@{FOREIGN}"));
    add(Class::Case, whole.to_ascii_uppercase());
}

/// Whether the host is this very machine to a browser.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

/// The suffix of a hosting platform the host stands under.
fn shared_suffix(host: &str) -> Option<&'static str> {
    SHARED.iter().copied().find(|suffix| {
        host.strip_suffix(suffix)
            .is_some_and(|rest| rest.ends_with('.'))
    })
}

/// The part of a host name that somebody registered, guessed without the public suffix list: good
/// enough to invent neighbours, never used to decide.
fn registrable(host: &str) -> &str {
    let labels: Vec<&str> = host.split('.').collect();
    let shared = shared_suffix(host).map(|suffix| suffix.split('.').count());
    let country = matches!(labels.as_slice(), [.., second, top]
        if top.len() == 2 && matches!(*second, "co" | "com" | "org" | "net" | "gov" | "ac" | "or" | "ne"));
    let keep = shared.map_or(if country { 3 } else { 2 }, |suffix| suffix + 1);
    let mut rest = host;
    for _ in keep..labels.len() {
        rest = rest.split_once('.').map_or(rest, |(_, tail)| tail);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(list: &[&str]) -> Vec<Origin> {
        list.iter().map(|o| o.parse().unwrap()).collect()
    }

    #[test]
    fn only_what_a_browser_sends_is_an_origin() {
        for text in [
            "https://app.example.com",
            "http://localhost:3000",
            "https://[::1]:8443",
            "capacitor://localhost",
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), text);
        }
        for (text, help) in [
            ("https://app.example.com/", "`https://app.example.com`"),
            ("https://app.example.com:443", "`https://app.example.com`"),
            ("https://App.example.com", "`https://app.example.com`"),
            ("https://app.example.com/path", "`https://app.example.com`"),
            ("app.example.com", "as a browser sends"),
            ("*", "public: true"),
            ("null", "real origins"),
            ("https://*.example.com", "subdomains: true"),
            ("", "as a browser sends"),
        ] {
            let error = text.parse::<Origin>().unwrap_err();
            assert!(error.contains(help), "{text}: {error}");
        }
    }

    #[test]
    fn foreign_origins_resemble_the_allowed_one_each_in_its_way() {
        let list = derived(&origins(&["https://app.example.com"]), &[]);
        let of = |class| -> Vec<&str> {
            list.iter()
                .filter(|f| f.class == class)
                .map(|f| f.origin.as_str())
                .collect()
        };
        assert_eq!(
            of(Class::Prefix),
            ["https://app.example.com.readyctl-probe.invalid"]
        );
        assert_eq!(
            of(Class::Suffix),
            [
                "https://readyctlexample.com",
                "https://readyctlapp.example.com"
            ]
        );
        assert_eq!(of(Class::Truncated), ["https://app.example.co"]);
        assert_eq!(of(Class::Dot), ["https://appxexample.com"]);
        assert_eq!(
            of(Class::Subdomain),
            [
                "https://readyctl-probe.app.example.com",
                "https://readyctl-probe.example.com"
            ]
        );
        assert_eq!(of(Class::Insecure), ["http://app.example.com"]);
        assert_eq!(of(Class::Port), ["https://app.example.com:8443"]);
        assert_eq!(of(Class::Special).len(), 3);
        assert!(list.len() <= 22, "{}", list.len());
    }

    #[test]
    fn a_tenant_of_a_platform_has_neighbours() {
        let list = derived(&origins(&["https://shop.vercel.app"]), &[]);
        let shared: Vec<_> = list
            .iter()
            .filter(|f| f.class == Class::Shared)
            .map(|f| f.origin.as_str())
            .collect();
        assert!(
            shared.contains(&"https://readyctl-probe.vercel.app"),
            "{shared:?}"
        );
        assert!(
            shared.contains(&"https://shop-readyctl-probe.vercel.app"),
            "{shared:?}"
        );
    }

    #[test]
    fn an_allowed_origin_is_never_foreign() {
        let allowed = origins(&[
            "https://app.example.com",
            "http://app.example.com",
            "http://localhost:3000",
            "https://readyctl-probe.github.io",
        ]);
        let list = derived(&allowed, &[]);
        for origin in &allowed {
            assert!(list.iter().all(|f| f.origin != origin.as_str()), "{origin}");
        }
        assert!(list.iter().all(|f| f.class != Class::Developer));
    }
}
