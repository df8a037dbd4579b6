//! WebSocket: the upgrade, who may have it, and whether the connection lives.

mod facts;
mod faults;
mod handshake;
mod judge;
mod observe;
mod talk;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use http::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::cors::Origin;
use super::{FaultDoc, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::exchange::shown_url;
use crate::expect::json::JsonExpectations;
use crate::expect::{Matcher, Ordered, Secret, TimeSpan};
use crate::outcome::{Fault, Finding};

use facts::{Facts, Purpose};

/// Headers that may be left out one by one.
const MAX_REQUIRED: usize = 5;
/// Longest silence that is kept.
const LONGEST_HOLD: TimeSpan = TimeSpan::seconds(900);

/// Opens a WebSocket, sends at most one message, pings, keeps silent for a while and says goodbye.
///
/// The handshake is checked word for word. Further handshakes find out who is let in without
/// credentials or from foreign origins; each is closed at once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Websocket {
    /// `wss://host/path` or `ws://host/path`.
    url: String,
    /// Headers of the handshake, credentials and tenant among them:
    /// `Authorization: "Bearer ${token}"`. Empty values are not sent.
    #[serde(default)]
    headers: Ordered<Secret>,
    /// `required`: without any of `headers` the handshake must be refused. `open` (the default)
    /// says nothing about it.
    #[serde(default)]
    auth: Auth,
    /// Headers of which each must be there: left out one by one, the handshake must be refused.
    #[serde(default)]
    required_headers: Vec<String>,
    /// Statuses with which a handshake is refused for its credentials; 400, 401 and 403 by default.
    #[serde(default = "refusals")]
    refused_with: Vec<u16>,
    /// Origin of the frontend, `https://app.example.com`: sent with the handshake, and must be let
    /// in. Without it no Origin is sent, as programs do.
    #[serde(default)]
    origin: Option<Origin>,
    /// Whether foreign origins must be `refused`, which is the default with an `origin`, or are
    /// `allowed`, the default without one.
    #[serde(default)]
    foreign_origins: Option<Foreign>,
    /// Subprotocols to offer, in order of preference. The server must choose one.
    #[serde(default)]
    subprotocols: Vec<String>,
    /// The subprotocol that the server must choose; any of those offered by default.
    #[serde(default)]
    subprotocol: Option<String>,
    /// A text message to send after the upgrade.
    #[serde(default)]
    send: Option<Secret>,
    /// What the first message of the server must be, as text.
    #[serde(default)]
    message: Option<Matcher>,
    /// What the first message must hold, as JSON: JSONPath to matcher.
    #[serde(default)]
    json: Option<JsonExpectations>,
    /// How long to wait for the first message, and for the answer to a ping; `3s` by default.
    #[serde(default = "default_patience")]
    answer_within: TimeSpan,
    /// Whether a ping must be answered; true by default.
    #[serde(default = "yes")]
    ping: bool,
    /// How long a silent connection must stay open: longer than the idle timeout of every proxy in
    /// between, `90s`. Pings of the server are answered meanwhile. The check's `timeout` must allow
    /// for it.
    #[serde(default)]
    hold: Option<TimeSpan>,
    /// Whether the server must answer the closing handshake; true by default.
    #[serde(default = "yes")]
    clean_close: bool,
    /// Longest time until the upgrade is done, connecting included.
    #[serde(default)]
    max_latency: Option<TimeSpan>,
    /// A `ws://` URL at which no handshake may succeed: the plain port of the same service.
    #[serde(default)]
    plain_url: Option<String>,
    /// A PEM file of certificate authorities to trust besides the system's; empty means none.
    #[serde(default)]
    ca_file: Option<PathBuf>,
}

/// Whether credentials are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Auth {
    /// Nothing is said about it.
    #[default]
    Open,
    /// Nobody gets in without.
    Required,
}

/// What becomes of pages of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Foreign {
    /// They may connect: there are no cookies and nothing to protect.
    Allowed,
    /// They must not.
    Refused,
}

/// Default of `refused_with`.
fn refusals() -> Vec<u16> {
    vec![400, 401, 403]
}

/// Default of `answer_within`.
fn default_patience() -> TimeSpan {
    TimeSpan::seconds(3)
}

/// Default of what is on unless turned off.
fn yes() -> bool {
    true
}

/// Reads a WebSocket URL.
fn websocket_url(text: &str) -> Option<Url> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "ws" | "wss") && url.has_host())
}

impl Websocket {
    /// Whether foreign origins must be refused.
    fn refuses_foreign(&self) -> bool {
        match self.foreign_origins {
            Some(wish) => wish == Foreign::Refused,
            None => self.origin.is_some(),
        }
    }

    /// Whether the first message is judged.
    fn expects_message(&self) -> bool {
        self.message.is_some() || self.json.is_some()
    }

    /// Handshakes that must be refused.
    fn purposes(&self) -> Vec<Purpose> {
        let mut list = Vec::new();
        if self.auth == Auth::Required {
            list.push(Purpose::NoCredentials);
        }
        let required = self.required_headers.iter();
        list.extend(required.map(|name| Purpose::Without(name.clone())));
        if self.refuses_foreign() {
            list.push(Purpose::ForeignOrigin(
                "https://attacker.example".to_owned(),
            ));
            // An origin that begins like the own one: found by a comparison of prefixes.
            list.extend(self.lookalike().map(Purpose::ForeignOrigin));
        }
        if let Some(plain) = &self.plain_url {
            list.push(Purpose::Plain(plain.clone()));
        }
        list
    }

    /// An origin of somebody else that begins like the own one.
    fn lookalike(&self) -> Option<String> {
        let own = Url::parse(&self.origin.as_ref()?.to_string()).ok()?;
        let port = own
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let host = own.host_str().filter(|host| !host.contains(':'))?;
        Some(format!("{}://{host}.attacker.example{port}", own.scheme()))
    }

    /// What is wrong with names and values of headers.
    fn header_problems(&self, list: &mut Vec<SpecProblem>) {
        for (name, _) in self.headers.iter() {
            let own = ["host", "upgrade", "connection", "origin"];
            let reserved = name.to_ascii_lowercase();
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                list.push(SpecProblem::at(
                    "headers",
                    format!("`{name}` is not a header name"),
                    "letters, digits and dashes only",
                ));
            } else if reserved.starts_with("sec-websocket-") || own.contains(&reserved.as_str()) {
                list.push(SpecProblem::at(
                    "headers",
                    format!("`{name}` belongs to the handshake itself"),
                    "use `origin:` and `subprotocols:` for what they stand for",
                ));
            }
        }
        for name in &self.required_headers {
            let known = self
                .headers
                .iter()
                .any(|(key, _)| key.eq_ignore_ascii_case(name));
            if !known {
                list.push(SpecProblem::at(
                    "required_headers",
                    format!("`{name}` is not among `headers`, so it is never sent"),
                    "add it to `headers` with a value that is let in",
                ));
            }
        }
        if self.required_headers.len() > MAX_REQUIRED {
            list.push(SpecProblem::at(
                "required_headers",
                format!("more than {MAX_REQUIRED} handshakes just to be refused"),
                "name the ones that matter",
            ));
        }
        for name in self.subprotocols.iter().chain(&self.subprotocol) {
            let token = !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b));
            if !token || HeaderValue::from_str(name).is_err() {
                list.push(SpecProblem::at(
                    "subprotocols",
                    format!("`{name}` cannot be the name of a subprotocol"),
                    "letters, digits, dots and dashes, one name an entry",
                ));
            }
        }
    }
}

impl Kind for Websocket {
    const NAME: &'static str = "websocket";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn hosts(&self) -> Vec<String> {
        let plain = self.plain_url.as_deref().and_then(websocket_url);
        websocket_url(&self.url)
            .iter()
            .chain(&plain)
            .filter_map(crate::net::host_key)
            .collect()
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut list = Vec::new();
        if websocket_url(&self.url).is_none() {
            list.push(SpecProblem::at(
                "url",
                "this is not a WebSocket URL",
                "write it in full, for example `wss://api.example.com/api/v1/ws`",
            ));
        }
        let plain = self.plain_url.as_deref();
        if plain.is_some_and(|url| websocket_url(url).is_none_or(|url| url.scheme() != "ws")) {
            list.push(SpecProblem::at(
                "plain_url",
                "this is not a `ws://` URL",
                "write the plain port of the service, for example `ws://api.example.com/ws`",
            ));
        }
        self.header_problems(&mut list);
        if self.auth == Auth::Required && self.headers.is_empty() {
            list.push(SpecProblem::at(
                "auth",
                "there are no credentials to leave out",
                "add `headers:` that are let in",
            ));
        }
        if let Some(name) = &self.subprotocol
            && !self.subprotocols.contains(name)
        {
            list.push(SpecProblem::at(
                "subprotocol",
                format!("`{name}` is not offered, so no server may choose it"),
                "add it to `subprotocols`",
            ));
        }
        if self
            .refused_with
            .iter()
            .any(|status| !(400..500).contains(status))
            || self.refused_with.is_empty()
        {
            list.push(SpecProblem::at(
                "refused_with",
                "only a status from 400 to 499 refuses a client",
                "write for example `[401, 403]`",
            ));
        }
        if self
            .hold
            .is_some_and(|hold| hold > LONGEST_HOLD || hold.0.is_zero())
        {
            list.push(SpecProblem::at(
                "hold",
                format!("the silence lasts more than nothing and at most {LONGEST_HOLD}"),
                "write a little more than the idle timeout of the proxy, for example `90s`",
            ));
        }
        if self.answer_within.0.is_zero() {
            list.push(SpecProblem::at(
                "answer_within",
                "without waiting nobody can answer",
                "write a time, for example `3s`",
            ));
        }
        list
    }

    fn plan(&self) -> Vec<Planned> {
        let shown = websocket_url(&self.url).map(|url| shown_url(&url));
        let shown = shown.unwrap_or_default();
        let mut parts = vec!["connect and upgrade".to_owned()];
        if self.send.is_some() {
            parts.push("send one text message".to_owned());
        }
        if self.ping || self.hold.is_some() {
            parts.push("ping".to_owned());
        }
        if let Some(hold) = self.hold {
            parts.push(format!("keep silent for {hold}"));
        }
        let mut list = vec![Planned::once(format!("{shown}: {}", parts.join(", ")))];
        for purpose in self.purposes() {
            list.push(Planned::once(match purpose {
                Purpose::NoCredentials => format!("{shown}: upgrade without `headers`"),
                Purpose::Without(name) => format!("{shown}: upgrade without {name}"),
                Purpose::ForeignOrigin(origin) => format!("{shown}: upgrade as {origin}"),
                Purpose::NoOrigin => format!("{shown}: upgrade without Origin"),
                Purpose::Plain(url) => {
                    let url = websocket_url(&url).map(|url| shown_url(&url));
                    format!("{}: upgrade without TLS", url.unwrap_or_default())
                }
            }));
        }
        if self.origin.is_some() {
            list.push(Planned::once(format!(
                "{shown}: upgrade without Origin, when the one with it is refused"
            )));
        }
        list
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        observe::observe(self, cx).await
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts)
    }
}
