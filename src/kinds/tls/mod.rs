//! TLS: the certificate a server presents, and the versions and ciphers it accepts.

mod describe;
mod faults;
mod hello;
mod judge;
mod judge_chain;
mod lifetimes;
mod observe;
mod starttls;
mod verifier;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dial::Endpoint;
use super::tcp::Addresses;
use super::{FaultDoc, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::expect::{Secret, TimeSpan, Version};
use crate::outcome::{Fault, Finding};

use starttls::StartTls;

/// Requires that a server's certificate is trusted, fits its name, is not about to expire, and
/// that only current versions and ciphers of TLS are accepted.
///
/// One verified handshake an address, no data after it; a few unfinished handshakes on the first
/// address find out what else is accepted. Write where to look as `host:` with `port:`, as
/// `address: host:port` or as `url:`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// Host name or IP address.
    #[serde(default)]
    host: Option<String>,
    /// Port; 443 by default, or the usual one of `starttls`.
    #[serde(default)]
    port: Option<u16>,
    /// `host:port` in one; the port may be left out.
    #[serde(default)]
    address: Option<String>,
    /// A URL or DSN whose host and port to use. Nothing else of it is used.
    #[serde(default)]
    url: Option<Secret>,
    /// The name to ask for (SNI) and to verify; the host by default.
    #[serde(default)]
    server_name: Option<String>,
    /// Connect to these instead of looking up the host: frontends behind one name, `host:port`
    /// each.
    #[serde(default)]
    connect_to: Vec<String>,
    /// PEM file of authorities to trust besides the system's; empty means none.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// Ask for TLS inside another protocol first: `postgres`, `smtp`, `imap` or `pop3`.
    #[serde(default)]
    starttls: Option<StartTls>,
    /// Least time the certificate must still be valid; `72h` by default.
    #[serde(default = "default_min_left")]
    min_left: TimeSpan,
    /// Least share of its lifetime that must be left, 0 to 1, counted up to 30 days; 0.2 by
    /// default. A share, because lifetimes shrink to 47 days.
    #[serde(default = "default_min_fraction")]
    min_fraction_left: f64,
    /// Share of its lifetime after which a certificate should have been renewed. Above it the
    /// check fails; without this field it warns above 0.7, of lifetimes up to 100 days.
    #[serde(default)]
    renewed_after_fraction: Option<f64>,
    /// Oldest version that may be accepted, `"1.2"` (the default) or `"1.3"`.
    #[serde(default = "default_min_version")]
    min_version: Version,
    /// Whether TLS 1.3 must be spoken. Without this field its absence is a warning; `false` turns
    /// that off.
    #[serde(default)]
    require_tls13: Option<bool>,
    /// Whether to try weak ciphers (RC4, 3DES, NULL, EXPORT, anonymous; without forward secrecy as
    /// a warning); `true` by default.
    #[serde(default = "default_true")]
    no_weak_ciphers: bool,
    /// Smallest RSA key in bits; 2048 by default. Elliptic curves need 256.
    #[serde(default = "default_min_rsa")]
    min_rsa_bits: u32,
    /// Names that the certificate must cover besides the server name.
    #[serde(default)]
    names: Vec<String>,
    /// Whether `each` address of the name is judged (the default) or the `first` only.
    #[serde(default)]
    addresses: Addresses,
    /// Whether every address must present the same certificate. Without this field a difference is
    /// a warning; `false` turns that off.
    #[serde(default)]
    same_certificate: Option<bool>,
    /// Whether a client that names no server gets the same certificate; a difference is a failure.
    #[serde(default)]
    same_without_name: bool,
    /// Protocols of which the server must choose one, for example `[h2, http/1.1]`.
    #[serde(default)]
    alpn: Vec<String>,
    /// When the longest lifetime allowed to public authorities is judged: `public` certificates
    /// (the default), `always` or `never`.
    #[serde(default)]
    lifetime_cap: LifetimeCap,
    /// Whether the server must ask for a client certificate (mutual TLS), or must not.
    #[serde(default)]
    client_certificate: Option<bool>,
}

/// When the longest lifetime allowed to public authorities is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LifetimeCap {
    /// Of certificates that the system's authorities vouch for.
    #[default]
    Public,
    /// Of every certificate.
    Always,
    /// Not at all.
    Never,
}

/// Default of `min_left`.
const fn default_min_left() -> TimeSpan {
    TimeSpan::seconds(72 * 3600)
}
/// Default of `min_fraction_left`.
const fn default_min_fraction() -> f64 {
    0.2
}
/// Default of `min_rsa_bits`.
const fn default_min_rsa() -> u32 {
    2048
}
/// Default of `no_weak_ciphers`.
const fn default_true() -> bool {
    true
}
/// Default of `min_version`.
fn default_min_version() -> Version {
    parsed_version("1.2")
}

/// A version known to be readable.
fn parsed_version(text: &str) -> Version {
    #[expect(clippy::unwrap_used, reason = "only called with literals, all tested")]
    text.parse().unwrap()
}

/// Most names and addresses of one check.
const MAX_LIST: usize = 50;

impl Kind for Tls {
    const NAME: &'static str = "tls";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = observe::Facts;

    fn hosts(&self) -> Vec<String> {
        self.endpoint().iter().map(ToString::to_string).collect()
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        let ways = [
            self.host.is_some(),
            self.address.is_some(),
            self.url.is_some(),
        ];
        if ways.into_iter().filter(|given| *given).count() != 1 {
            problems.push(SpecProblem::at(
                "",
                "exactly one way to say where to look is needed",
                "write `host:` (and `port:`), or `address: host:port`, or `url:`",
            ));
        } else if self.endpoint().is_none() && self.url.is_none() {
            problems.push(SpecProblem::at(
                if self.host.is_some() {
                    "host"
                } else {
                    "address"
                },
                "this names no host and port",
                "write it like `example.com` or `example.com:443`",
            ));
        }
        if !["1.2", "1.3"].contains(&self.min_version.to_string().as_str()) {
            problems.push(SpecProblem::at(
                "min_version",
                "only 1.2 and 1.3 can be the oldest version",
                "write `\"1.2\"` or `\"1.3\"`",
            ));
        }
        for (field, value) in [
            ("min_fraction_left", Some(self.min_fraction_left)),
            ("renewed_after_fraction", self.renewed_after_fraction),
        ] {
            if value.is_some_and(|value| !(0.0..1.0).contains(&value)) {
                problems.push(SpecProblem::at(
                    field,
                    format!("`{field}` lies outside 0 to 1"),
                    "write a share, for example `0.2`",
                ));
            }
        }
        for (at, text) in self.connect_to.iter().enumerate() {
            if Endpoint::parse(text, Some(self.default_port())).is_none() {
                problems.push(SpecProblem::at(
                    format!("connect_to[{at}]"),
                    "expected `host:port`",
                    "write it like `10.0.0.5:443`",
                ));
            }
        }
        if self.names.len() > MAX_LIST || self.connect_to.len() > super::dial::MAX_ADDRESSES {
            problems.push(SpecProblem::at(
                "",
                "more than 50 names or 8 addresses are a load, not an observation",
                "split the check",
            ));
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        let target = self
            .endpoint()
            .map_or_else(|| "the host of the URL".to_owned(), |e| e.to_string());
        let addresses = match (self.connect_to.len(), self.addresses) {
            (0, Addresses::First) => 1,
            (0, Addresses::Each) => 8,
            (given, _) => u32::try_from(given).unwrap_or(8),
        };
        let mut plan = vec![Planned {
            what: format!("TLS handshake with {target}, no data"),
            at_most: addresses,
        }];
        if self.same_without_name {
            plan.push(Planned::once(format!(
                "TLS handshake with {target} without a name"
            )));
        }
        for offer in self.offers() {
            plan.push(Planned::once(format!(
                "unfinished handshake with {target} offering {}",
                offer.words()
            )));
        }
        plan
    }

    async fn observe(&self, cx: &Context) -> Result<observe::Facts, Fault> {
        self.look(cx).await
    }

    fn judge(&self, facts: &observe::Facts, cx: &JudgeContext) -> Vec<Finding> {
        self.findings(facts, cx.now)
    }
}

impl Tls {
    /// The port when none is written.
    fn default_port(&self) -> u16 {
        self.port
            .unwrap_or_else(|| self.starttls.map_or(443, StartTls::port))
    }

    /// The declared authorities.
    fn ca_file(&self) -> Option<&PathBuf> {
        self.ca_file
            .as_ref()
            .filter(|path| !path.as_os_str().is_empty())
    }

    /// Where to look.
    fn endpoint(&self) -> Option<Endpoint> {
        let endpoint = match (&self.host, &self.address, &self.url) {
            (Some(host), None, None) => Endpoint::parse(host, Some(self.default_port()))?,
            (None, Some(address), None) => Endpoint::parse(address, Some(self.default_port()))?,
            (None, None, Some(url)) => Endpoint::of_url(url.expose())?,
            _ => return None,
        };
        (endpoint.port != 0 && !endpoint.host.is_empty()).then_some(endpoint)
    }
}

#[cfg(test)]
mod tests;
