//! Reaching a declared host and port: name lookup and connections that tell the cases apart.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::context::{Context, timed_out};
use crate::net::{dns_fault, io_fault, is_link_local};
use crate::outcome::{Cause, Fault};

/// Addresses of one name that are looked at; more would be a load, not an observation.
pub(crate) const MAX_ADDRESSES: usize = 8;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Name or address, without brackets.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Endpoint {
    /// Host and port; brackets around an IPv6 address are taken off.
    pub(crate) fn new(host: &str, port: u16) -> Self {
        let host = host
            .strip_prefix('[')
            .and_then(|inner| inner.strip_suffix(']'))
            .unwrap_or(host);
        Self {
            host: host.trim().to_owned(),
            port,
        }
    }

    /// Reads `host:port`, `[::1]:port`, or `host` alone when there is a default port.
    pub(crate) fn parse(text: &str, default_port: Option<u16>) -> Option<Self> {
        let text = text.trim();
        let valid = |host: &str| {
            !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "/@?#".contains(c))
        };
        if text.parse::<std::net::Ipv6Addr>().is_ok() {
            return default_port.map(|port| Self::new(text, port));
        }
        match text.rsplit_once(':') {
            Some((host, port)) if !(text.starts_with('[') && text.ends_with(']')) => {
                let port = port.parse().ok().filter(|port| *port != 0)?;
                let bare = host.starts_with('[') || !host.contains(':');
                (valid(host) && bare).then(|| Self::new(host, port))
            }
            _ if valid(text) => default_port.map(|port| Self::new(text, port)),
            _ => None,
        }
    }

    /// Host and port of a URL; the port is the scheme's own when the URL names none.
    pub(crate) fn of_url(text: &str) -> Option<Self> {
        let url = url::Url::parse(text.trim()).ok()?;
        let host = url.host_str().filter(|host| !host.is_empty())?;
        let port = url
            .port_or_known_default()
            .or_else(|| match url.scheme() {
                "postgres" | "postgresql" => Some(5432),
                "redis" | "rediss" | "valkey" | "valkeys" => Some(6379),
                "mysql" | "mariadb" => Some(3306),
                "amqp" => Some(5672),
                "amqps" => Some(5671),
                "mongodb" => Some(27017),
                "nats" => Some(4222),
                "smtp" => Some(25),
                "smtps" => Some(465),
                _ => None,
            })
            .filter(|port| *port != 0)?;
        Some(Self::new(host, port))
    }
}

/// What became of an attempt to connect.
#[derive(Debug)]
pub(crate) enum Dialed {
    /// The peer accepted.
    Open(TcpStream, Duration),
    /// The operating system's answer.
    Failed(io::Error),
    /// Nobody answered in time.
    Silent(Duration),
}

/// The addresses of a host, in the resolver's order, each once.
///
/// # Errors
/// Cause `dns` when there is none, `not_allowed` for link-local ones (cloud metadata).
pub(crate) async fn resolve(cx: &Context, endpoint: &Endpoint) -> Result<Vec<SocketAddr>, Fault> {
    let shown = endpoint.to_string();
    let found = cx
        .within(
            &format!("the name lookup of {shown}"),
            tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)),
        )
        .await?
        .map_err(|error| dns_fault(&shown, &error.to_string()))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if is_link_local(address.ip()) {
            return Err(Fault::new(
                Cause::NotAllowed,
                format!("{shown} is the link-local address {address}, which is never probed"),
            )
            .hint("name the public or private address of the service"));
        }
        if !addresses.contains(&address) && addresses.len() < MAX_ADDRESSES {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(dns_fault(&shown, "no address"));
    }
    Ok(addresses)
}

/// Connects once, waiting at most `patience`.
pub(crate) async fn dial(address: SocketAddr, patience: Duration) -> Dialed {
    let started = Instant::now();
    match tokio::time::timeout(patience, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Dialed::Open(stream, started.elapsed()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
            Dialed::Silent(started.elapsed())
        }
        Ok(Err(error)) => Dialed::Failed(error),
        Err(_) => Dialed::Silent(started.elapsed()),
    }
}

/// Whether this machine cannot even try (no IPv6, for example): that says nothing of the target.
pub(crate) fn is_no_route(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::Unsupported
    ) || error.raw_os_error().is_none()
}

/// A connection to the first address that answers; a dead one does not use up the others' time.
///
/// # Errors
/// The fault of the last address.
pub(crate) async fn connect(cx: &Context, endpoint: &Endpoint) -> Result<TcpStream, Fault> {
    let addresses = resolve(cx, endpoint).await?;
    let shown = endpoint.to_string();
    let mut left = u32::try_from(addresses.len()).unwrap_or(1);
    let mut last = dns_fault(&shown, "no address");
    for address in addresses {
        let patience = cx.remaining() / left.max(1);
        left = left.saturating_sub(1);
        last = match dial(address, patience).await {
            Dialed::Open(stream, _) => return Ok(stream),
            Dialed::Failed(error) => io_fault(&shown, &error),
            Dialed::Silent(after) => timed_out(&shown, after),
        };
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_people_write_them() {
        for (text, default, expected) in [
            ("db:5432", None, Some(("db", 5432))),
            ("[::1]:80", None, Some(("::1", 80))),
            ("::1", Some(443), Some(("::1", 443))),
            ("example.com", Some(443), Some(("example.com", 443))),
            ("[::1]", Some(443), Some(("::1", 443))),
            ("example.com", None, None),
            ("example.com:0", None, None),
            ("example.com:99999", None, None),
            (":80", None, None),
            ("a b:80", None, None),
            ("http://a:80", None, None),
        ] {
            let parsed = Endpoint::parse(text, default);
            assert_eq!(
                parsed.as_ref().map(|e| (e.host.as_str(), e.port)),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn urls_give_their_host_and_port() {
        for (text, expected) in [
            (
                "https://key@o1.ingest.example.com/42",
                Some(("o1.ingest.example.com", 443)),
            ),
            ("postgres://u:p@db/x", Some(("db", 5432))),
            ("redis://[::1]:7000/0", Some(("::1", 7000))),
            ("nonsense", None),
            ("mailto:someone@example.com", None),
        ] {
            let parsed = Endpoint::of_url(text);
            assert_eq!(
                parsed.as_ref().map(|e| (e.host.as_str(), e.port)),
                expected,
                "{text}"
            );
        }
    }
}
