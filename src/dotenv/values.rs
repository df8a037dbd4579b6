//! Types that the text of a variable may have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::expect::{ByteSize, TimeSpan, Version};

/// The type that the text of a variable must have.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ValueType {
    /// An absolute URL with a host.
    Url,
    /// An origin as browsers send it: `https://app.example.com`, no path, no final slash.
    Origin,
    /// A host name or an IP address.
    Host,
    /// An IP address.
    Ip,
    /// A port, 1 to 65535.
    Port,
    /// true, false, 1, 0, yes, no, on or off.
    Boolean,
    /// A whole number.
    Integer,
    /// A finite number.
    Number,
    /// A duration with unit: `30s`, `24h`.
    Duration,
    /// A size with unit: `10MB`, `1GiB`.
    Size,
    /// JSON of any kind.
    Json,
    /// An e-mail address.
    Email,
    /// PEM: BEGIN and END lines around base64, with real line ends.
    Pem,
    /// A certificate in PEM.
    Certificate,
    /// A private key in PEM.
    PrivateKey,
    /// Base64, standard or URL-safe.
    Base64,
    /// An even number of hexadecimal digits.
    Hex,
    /// A UUID with dashes.
    Uuid,
    /// A JSON web token.
    Jwt,
    /// A version like `1.4.2`.
    Version,
    /// A date, `2030-01-31`.
    Date,
    /// A usual log level.
    LogLevel,
    /// `postgres://…` with a host; driver suffixes such as `postgresql+asyncpg` included.
    PostgresUrl,
    /// `mysql://…` or `mariadb://…`.
    MysqlUrl,
    /// `mongodb://…` or `mongodb+srv://…`.
    MongodbUrl,
    /// `redis://…`, `rediss://…` or the `valkey` twins.
    RedisUrl,
    /// `amqp://…` or `amqps://…`.
    AmqpUrl,
    /// A Sentry DSN: a URL with a public key and a project.
    SentryDsn,
}

/// Every type, with what fits.
const TYPES: &[(ValueType, &str)] = &[
    (ValueType::Url, "an absolute URL with a host"),
    (ValueType::Origin, "an origin: scheme, host and port only"),
    (ValueType::Host, "a host name or an IP address"),
    (ValueType::Ip, "an IP address"),
    (ValueType::Port, "a port, 1 to 65535"),
    (ValueType::Boolean, "true, false, 1, 0, yes, no, on or off"),
    (ValueType::Integer, "a whole number"),
    (ValueType::Number, "a number"),
    (ValueType::Duration, "a duration with unit, such as 30s"),
    (ValueType::Size, "a size with unit, such as 10MB"),
    (ValueType::Json, "JSON"),
    (ValueType::Email, "an e-mail address"),
    (
        ValueType::Pem,
        "PEM with BEGIN and END lines and real line ends",
    ),
    (ValueType::Certificate, "a certificate in PEM"),
    (ValueType::PrivateKey, "a private key in PEM"),
    (ValueType::Base64, "base64"),
    (ValueType::Hex, "an even number of hexadecimal digits"),
    (ValueType::Uuid, "a UUID"),
    (ValueType::Jwt, "a JSON web token"),
    (ValueType::Version, "a version such as 1.4.2"),
    (ValueType::Date, "a date such as 2030-01-31"),
    (ValueType::LogLevel, "a log level"),
    (ValueType::PostgresUrl, "postgres://user@host/database"),
    (ValueType::MysqlUrl, "mysql://user@host/database"),
    (ValueType::MongodbUrl, "mongodb://host/database"),
    (ValueType::RedisUrl, "redis://host or rediss://host"),
    (ValueType::AmqpUrl, "amqp://host or amqps://host"),
    (ValueType::SentryDsn, "https://key@host/project"),
];

impl ValueType {
    /// What fits, to finish "must be …".
    pub(crate) fn expected(self) -> &'static str {
        self.row().1
    }

    /// Its row in [`TYPES`].
    fn row(self) -> &'static (Self, &'static str) {
        TYPES
            .iter()
            .find(|(kind, _)| *kind == self)
            .unwrap_or(&TYPES[0])
    }

    /// Every type that the text has.
    pub(crate) fn of(text: &str) -> Vec<Self> {
        TYPES
            .iter()
            .map(|(kind, _)| *kind)
            .filter(|kind| kind.fits(text))
            .collect()
    }

    /// Whether the text has this type. Blanks around it never fit: few programs trim.
    pub(crate) fn fits(self, text: &str) -> bool {
        // A line end behind PEM belongs to it.
        let text = if text.starts_with("-----BEGIN ") {
            text.trim_end()
        } else {
            text
        };
        if text.is_empty() || text.trim() != text {
            return false;
        }
        match self {
            Self::Url => parse_url(text).is_some(),
            Self::Origin => is_origin(text),
            Self::Host => text.parse::<std::net::IpAddr>().is_ok() || is_host_name(text),
            Self::Ip => text.parse::<std::net::IpAddr>().is_ok(),
            Self::Port => digits_only(text) && text.parse::<u16>().is_ok_and(|port| port > 0),
            Self::Boolean => truth(text).is_some(),
            Self::Integer => text.parse::<i128>().is_ok() && !text.starts_with('+'),
            Self::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
            Self::Duration => text.parse::<TimeSpan>().is_ok(),
            Self::Size => text.parse::<ByteSize>().is_ok(),
            Self::Json => serde_json::from_str::<serde_json::Value>(text).is_ok(),
            Self::Email => is_email(text),
            Self::Pem => !pem_labels(text).is_empty(),
            Self::Certificate => pem_labels(text).iter().any(|l| l == "CERTIFICATE"),
            Self::PrivateKey => pem_labels(text).iter().any(|l| l.ends_with("PRIVATE KEY")),
            Self::Base64 => is_base64(text),
            Self::Hex => {
                text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit())
            }
            Self::Uuid => is_uuid(text),
            Self::Jwt => super::expired::jwt_claims(text).is_some(),
            Self::Version => text.contains('.') && text.parse::<Version>().is_ok(),
            Self::Date => text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10,
            Self::LogLevel => LOG_LEVELS.contains(&text.to_ascii_lowercase().as_str()),
            Self::PostgresUrl => has_scheme(text, &["postgres", "postgresql"]),
            Self::MysqlUrl => has_scheme(text, &["mysql", "mariadb"]),
            Self::MongodbUrl => has_scheme(text, &["mongodb"]),
            Self::RedisUrl => has_scheme(text, &["redis", "rediss", "valkey", "valkeys"]),
            Self::AmqpUrl => has_scheme(text, &["amqp", "amqps"]),
            Self::SentryDsn => is_sentry_dsn(text),
        }
    }
}

/// Names of log levels in use.
const LOG_LEVELS: &[&str] = &[
    "trace", "debug", "verbose", "info", "notice", "warn", "warning", "error", "err", "critical",
    "crit", "fatal", "alert", "emerg", "off", "silent",
];

/// What a boolean variable says; `None` when it is none.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Whether there is nothing but digits.
fn digits_only(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// An absolute URL with a host, without blanks or control characters, which the parser would drop
/// silently.
pub(crate) fn parse_url(text: &str) -> Option<Url> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) || !text.contains("://") {
        return None;
    }
    let url = Url::parse(text).ok()?;
    (url.host_str().is_some_and(|host| !host.is_empty()) && url.port() != Some(0)).then_some(url)
}

/// Whether the text is exactly what a browser sends as `Origin`.
fn is_origin(text: &str) -> bool {
    parse_url(text).is_some_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
    })
}

/// A host name of labels.
fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
        // Otherwise 10.0.0.256 would be a host name.
        && !name.rsplit('.').next().is_some_and(digits_only)
}

/// An address of the usual form.
fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.rsplit_once('@') else {
        return false;
    };
    !user.is_empty()
        && user.len() <= 64
        && !user.contains(|c: char| c.is_whitespace() || "@,;<>()[]\"\\".contains(c))
        && is_host_name(host)
}

/// Base64 of either alphabet, padded or not, at least 16 characters: shorter text is base64 by
/// chance.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    let standard = body
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    let url_safe = body
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    text.len() >= 16
        && (standard || url_safe)
        && body.len() % 4 != 1
        && (padding == 0 || (text.len().is_multiple_of(4) && padding <= 2))
}

/// Eight, four, four, four and twelve hexadecimal digits.
pub(crate) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The labels of the PEM blocks of a text; empty when it is not PEM.
pub(crate) fn pem_labels(text: &str) -> Vec<String> {
    let mut labels = Vec::new();
    let mut open: Option<String> = None;
    let mut body = false;
    for line in text.lines().map(str::trim) {
        if let Some(label) = marker(line, "BEGIN") {
            if open.is_some() {
                return Vec::new();
            }
            open = Some(label.to_owned());
            body = false;
        } else if let Some(label) = marker(line, "END") {
            if open.take().as_deref() != Some(label) || !body {
                return Vec::new();
            }
            labels.push(label.to_owned());
        } else if !line.is_empty() {
            body = true;
        }
    }
    if open.is_some() { Vec::new() } else { labels }
}

/// The label of a BEGIN or END line.
fn marker<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.strip_prefix("-----")?
        .strip_prefix(word)?
        .strip_prefix(' ')?
        .strip_suffix("-----")
}

/// A URL with one of these schemes, a `+driver` behind it ignored.
fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    // Several hosts (`mongodb://a,b/`, `postgres://a:1,b:2/`) are no URL to the standard's parser.
    let single = match (text.find("://"), text.find(',')) {
        (Some(start), Some(comma)) => {
            let rest = &text[start + 3..];
            let end = rest
                .find(['/', '?'])
                .map_or(text.len(), |at| start + 3 + at);
            if comma < end {
                format!("{}{}", &text[..comma], &text[end..])
            } else {
                text.to_owned()
            }
        }
        _ => text.to_owned(),
    };
    let scheme = single.split(['+', ':']).next().unwrap_or_default();
    if !schemes.contains(&scheme) {
        return false;
    }
    parse_url(&single).is_some()
        // libpq takes the host from the query: `postgresql:///db?host=/run/postgresql`.
        || (scheme.starts_with("postgres")
            && Url::parse(&single).is_ok_and(|url| url.query_pairs().any(|(k, _)| k == "host")))
}

/// `https://key@host/project`.
fn is_sentry_dsn(text: &str) -> bool {
    parse_url(text).is_some_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && !url.username().is_empty()
            && url
                .path_segments()
                .and_then(|mut segments| segments.next_back())
                .is_some_and(|project| !project.is_empty() && digits_only(project))
    })
}

#[cfg(test)]
mod tests {
    use super::ValueType as T;

    #[test]
    fn types_accept_and_refuse() {
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        for (kind, good, bad) in [
            (
                T::Port,
                &["1", "65535"][..],
                &["0", "70000", "+80", "8080 ", "x", "8o"][..],
            ),
            (
                T::Boolean,
                &["true", "FALSE", "1", "off"],
                &["flase", "2", "", "y e s"],
            ),
            (
                T::Integer,
                &["0", "-7", "12345678901"],
                &["1.0", "1e3", "", "+1", "1_000"],
            ),
            (T::Number, &["1.5", "-2e3"], &["NaN", "inf", "1,5", ""]),
            (T::Duration, &["30s", "1m 30s"], &["30", "soon"]),
            (T::Size, &["10MB"], &["10"]),
            (
                T::Url,
                &["https://a.example/x"],
                &["a.example", "https://", "mailto:x@y", "https://a b"],
            ),
            (
                T::Origin,
                &["https://a.example", "http://localhost:3000"],
                &[
                    "https://a.example/",
                    "https://A.example",
                    "https://a.example:443",
                    "*",
                    "ftp://a",
                ],
            ),
            (
                T::Host,
                &["db", "a.example", "10.0.0.1", "::1"],
                &["10.0.0.256", "-a", "a..b", "a/b"],
            ),
            (T::Json, &["[1]", "{\"a\":1}", "true"], &["{'a':1}", "[1,]"]),
            (
                T::Email,
                &["a@b.example"],
                &["a@", "@b", "a b@c.d", "A <a@b.c>"],
            ),
            (
                T::Pem,
                &[pem],
                &[
                    "-----BEGIN X-----\\nAAAA\\n-----END X-----",
                    "x",
                    "-----BEGIN X-----\nAA",
                ],
            ),
            (T::Certificate, &[pem], &["AAAA"]),
            (
                T::Base64,
                &["QUFBQUFBQUFBQUFBQUE="],
                &["QUFB", "QUFBQUFBQUFBQUFBQUE!", "QUFBQUFBQUFBQUFBQUE=="],
            ),
            (T::Hex, &["00ff"], &["0ff", "zz"]),
            (
                T::Uuid,
                &["3f2504e0-4f89-41d3-9a0c-0305e82c3301"],
                &["3f2504e0"],
            ),
            (T::LogLevel, &["WARNING", "info"], &["loud"]),
            (
                T::PostgresUrl,
                &[
                    "postgres://u:p@h:5432/d",
                    "postgresql+asyncpg://u@h/d",
                    "postgresql:///d?host=/run",
                    "postgres://a:1,b:2/d",
                ],
                &[
                    "mysql://u@h/d",
                    "postgres://",
                    "postgres:///d",
                    "postgres://h:99999/d",
                ],
            ),
            (
                T::RedisUrl,
                &["redis://h:6379/0", "rediss://:p@h"],
                &["http://h", "redis"],
            ),
            (
                T::SentryDsn,
                &["https://abc@o1.ingest.sentry.io/42"],
                &["https://sentry.io/42", "https://a@b/"],
            ),
        ] {
            for text in good {
                assert!(kind.fits(text), "{kind:?} should accept {text}");
            }
            for text in bad {
                assert!(!kind.fits(text), "{kind:?} should refuse {text}");
            }
        }
    }
}
