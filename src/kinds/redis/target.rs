//! Redis URLs as users write them.

use std::path::PathBuf;

use crate::expect::text::percent_decoded;
use crate::kinds::dial::Endpoint;
use crate::outcome::{Cause, Fault};

/// Where to connect and as whom.
#[derive(Clone)]
pub(super) struct Target {
    /// Host and port, or a socket file.
    pub(super) place: Place,
    /// Whether TLS is spoken.
    pub(super) tls: bool,
    /// User name; `None` is the default user.
    pub(super) user: Option<String>,
    /// Password.
    pub(super) password: Option<String>,
    /// Database number.
    pub(super) db: u32,
    /// Authorities named in the URL.
    pub(super) ca_file: Option<PathBuf>,
}

/// The address of a server.
#[derive(Clone)]
pub(super) enum Place {
    /// Over the network.
    Tcp(Endpoint),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Target {
    /// `host:port` or the path of the socket: what may be shown.
    pub(super) fn place(&self) -> String {
        match &self.place {
            Place::Tcp(endpoint) => endpoint.to_string(),
            Place::Unix(path) => path.display().to_string(),
        }
    }
}

/// Words of other clients that set nothing an audit depends on.
const IGNORED: &[&str] = &[
    "protocol",
    "decode_responses",
    "encoding",
    "socket_timeout",
    "socket_connect_timeout",
    "socket_keepalive",
    "timeout",
    "connect_timeout",
    "read_timeout",
    "write_timeout",
    "dial_timeout",
    "health_check_interval",
    "retry_on_timeout",
    "max_connections",
    "pool_size",
    "client_name",
    "family",
];

/// The fault of a URL that cannot be used; the URL itself is never shown.
fn wrong(message: impl Into<String>) -> Fault {
    Fault::new(Cause::Unparseable, message)
        .hint("write it like `redis://user:password@host:6379/0`, `rediss://…` for TLS, or `unix:///path/redis.sock?db=0`")
}

/// Reads a URL.
///
/// # Errors
/// What is wrong with it, without showing it.
pub(super) fn parse(text: &str) -> Result<Target, Fault> {
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong("the Redis URL is empty"));
    }
    if !text.contains("://") {
        return Err(wrong("the Redis URL has no scheme"));
    }
    let url = url::Url::parse(text).map_err(|error| {
        wrong(format!(
            "the Redis URL cannot be read ({error}); special characters of a password must be percent-encoded"
        ))
    })?;
    let (tls, unix) = match url.scheme() {
        "redis" | "valkey" => (false, false),
        "rediss" | "valkeys" | "redis+tls" => (true, false),
        "unix" | "redis+unix" | "valkey+unix" | "redis+socket" => (false, true),
        "sentinel" | "redis-sentinel" | "redis+sentinel" => {
            return Err(wrong(
                "a Sentinel URL names no single server; name the server, or the sentinel itself with `redis://`",
            ));
        }
        other => return Err(wrong(format!("`{other}://` is not a Redis URL"))),
    };
    if url.fragment().is_some() {
        return Err(wrong(
            "the Redis URL has a `#`: in a password write `%23`; switching off verification (`#insecure`) is not supported",
        ));
    }
    let mut target = Target {
        place: if unix {
            Place::Unix(PathBuf::from(percent_decoded(url.path())))
        } else {
            tcp_place(&url)?
        },
        tls,
        user: Some(percent_decoded(url.username())).filter(|user| !user.is_empty()),
        password: url
            .password()
            .map(percent_decoded)
            .filter(|pw| !pw.is_empty()),
        db: 0,
        ca_file: None,
    };
    if !unix {
        let path = url.path().trim_matches('/');
        if !path.is_empty() {
            target.db = database(path)?;
        }
    } else if url.path().len() < 2 {
        return Err(wrong("the Unix URL names no socket file"));
    }
    for (word, value) in url.query_pairs() {
        query_word(&mut target, unix, &word, &value)?;
    }
    Ok(target)
}

/// Host and port of a network URL.
fn tcp_place(url: &url::Url) -> Result<Place, Fault> {
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| wrong("the Redis URL names no host"))?;
    let port = url.port().unwrap_or(6379);
    if port == 0 {
        return Err(wrong("port 0 cannot be connected to"));
    }
    if host.contains(',') || url.username().contains(',') {
        return Err(wrong("the Redis URL names several hosts; name one"));
    }
    Ok(Place::Tcp(Endpoint::new(&percent_decoded(host), port)))
}

/// A database number.
fn database(text: &str) -> Result<u32, Fault> {
    text.parse()
        .map_err(|_| wrong("the database in the Redis URL is not a number"))
}

/// Applies one `word=value` of the query.
fn query_word(target: &mut Target, unix: bool, word: &str, value: &str) -> Result<(), Fault> {
    match word {
        "db" | "database" | "virtual_host" => target.db = database(value)?,
        "user" | "username" if unix => target.user = Some(value.to_owned()),
        "pass" | "password" if unix => target.password = Some(value.to_owned()),
        "protocol" if !["2", "3", "resp2", "resp3"].contains(&value) => {
            return Err(wrong("`protocol=` of the Redis URL must be 2 or 3"));
        }
        "ssl_ca_certs" => target.ca_file = Some(PathBuf::from(value)),
        "ssl_cert_reqs" if value.to_ascii_lowercase().ends_with("required") => {}
        "ssl_cert_reqs" | "ssl_check_hostname" | "tls_insecure" | "insecure" => {
            return Err(wrong(format!(
                "`{word}=` of the Redis URL switches off verification, which is not supported; name the authority with `ca_file:`"
            )));
        }
        _ if IGNORED.contains(&word) => {}
        _ => {
            return Err(wrong(format!(
                "the Redis URL has the unknown word `{}` after `?`",
                word.chars().take(40).collect::<String>()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_as_users_write_them() {
        for (text, place, tls, user, password, db) in [
            ("redis://h", "h:6379", false, None, None, 0),
            (
                "redis://:p%40%2Bw@h:7/3",
                "h:7",
                false,
                None,
                Some("p@+w"),
                3,
            ),
            (
                "rediss://u:a+b@[::1]/",
                "[::1]:6379",
                true,
                Some("u"),
                Some("a+b"),
                0,
            ),
            (
                "redis://h?protocol=resp3&db=2",
                "h:6379",
                false,
                None,
                None,
                2,
            ),
            (
                "valkeys://h:1/1?socket_timeout=5",
                "h:1",
                true,
                None,
                None,
                1,
            ),
            (
                "unix:///run/r.sock?db=4&pass=x",
                "/run/r.sock",
                false,
                None,
                Some("x"),
                4,
            ),
            (
                "rediss://h?ssl_cert_reqs=CERT_REQUIRED",
                "h:6379",
                true,
                None,
                None,
                0,
            ),
        ] {
            let target = parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!(target.place(), place, "{text}");
            assert_eq!((target.tls, target.db), (tls, db), "{text}");
            assert_eq!(target.user.as_deref(), user, "{text}");
            assert_eq!(target.password.as_deref(), password, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_and_not_shown() {
        for (text, word) in [
            ("", "empty"),
            ("localhost:6379", "scheme"),
            ("http://canary@h", "http://"),
            ("redis://:canary@h/x", "not a number"),
            ("redis://:canary@h?flavour=1", "flavour"),
            ("redis://:canary@h#insecure", "#"),
            ("rediss://:canary@h?ssl_cert_reqs=none", "verification"),
            ("redis://:canary@h?protocol=9", "protocol"),
            ("redis+sentinel://canary@h/mymaster", "Sentinel"),
            ("unix://", "socket"),
            ("redis://:canary@h:99999", "cannot be read"),
        ] {
            let Err(fault) = parse(text) else {
                panic!("{text} was accepted");
            };
            assert!(fault.message.contains(word), "{text}: {}", fault.message);
            assert!(
                !fault.message.contains("canary"),
                "{text}: {}",
                fault.message
            );
            assert!(fault.hint.is_some());
        }
    }
}
