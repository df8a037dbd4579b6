//! What servers announce about their limits: four dialects of headers, and `Retry-After`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Numbers above this are seconds since 1970, not seconds from now.
const EPOCH: f64 = 1e9;
/// Numbers above this are milliseconds since 1970.
const EPOCH_MILLIS: f64 = 1e12;

/// Which family of headers said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Dialect {
    /// `X-RateLimit-Limit`, `-Remaining`, `-Reset`, also `X-Rate-Limit-…` and `…-Minute`.
    Legacy,
    /// `RateLimit-Limit`, `-Remaining`, `-Reset` (IETF drafts up to 6).
    Separate,
    /// `RateLimit: limit=…, remaining=…, reset=…` (draft 7).
    Combined,
    /// `RateLimit: "name";r=…;t=…` (since draft 8).
    Structured,
}

impl Dialect {
    /// Its name for a person.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Legacy => "X-RateLimit-*",
            Self::Separate => "RateLimit-*",
            Self::Combined | Self::Structured => "RateLimit",
        }
    }
}

/// One announced limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Announced {
    /// Where it was read.
    pub(super) dialect: Dialect,
    /// Name of the policy or window; empty when there is one only.
    pub(super) name: String,
    /// Requests a window.
    pub(super) limit: Option<i64>,
    /// Requests left in the window.
    pub(super) remaining: Option<i64>,
    /// Seconds until there are more.
    pub(super) reset: Option<i64>,
    /// Length of the window in seconds.
    pub(super) window: Option<i64>,
}

/// One item of `RateLimit-Policy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Policy {
    /// Its name; empty in the drafts that had none.
    pub(super) name: String,
    /// Requests a window.
    pub(super) quota: i64,
    /// Length of the window in seconds.
    pub(super) window: Option<i64>,
}

/// Everything an answer announces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limits {
    /// The limits, the tightest of each dialect first.
    pub(super) announced: Vec<Announced>,
    /// The policies.
    pub(super) policies: Vec<Policy>,
}

impl Limits {
    /// Reads the headers. What is malformed is ignored, as the draft demands.
    pub(super) fn read(headers: &[(String, String)], now: Timestamp) -> Self {
        let lines = |name: &str| -> String {
            let found: Vec<&str> = headers
                .iter()
                .filter(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
                .collect();
            found.join(", ")
        };
        let policies: Vec<Policy> = split(&lines("ratelimit-policy"), ',')
            .iter()
            .filter_map(|item| policy(item))
            .collect();
        let mut announced = structured(&lines("ratelimit"), &policies);
        announced.extend(combined(&lines("ratelimit"), &policies));
        for (dialect, prefix) in [
            (Dialect::Separate, "ratelimit"),
            (Dialect::Legacy, "x-ratelimit"),
            (Dialect::Legacy, "x-rate-limit"),
        ] {
            announced.extend(separate(dialect, prefix, headers, &policies, now));
        }
        announced.sort_by_key(|one| one.remaining.unwrap_or(i64::MAX));
        Self {
            announced,
            policies,
        }
    }

    /// Whether nothing at all is announced.
    pub(super) fn is_empty(&self) -> bool {
        self.announced.is_empty() && self.policies.is_empty()
    }

    /// The limit that is reached first.
    pub(super) fn tightest(&self) -> Option<&Announced> {
        self.announced.iter().find(|one| one.remaining.is_some())
    }

    /// Requests left under the tightest limit.
    pub(super) fn remaining(&self) -> Option<i64> {
        self.tightest().and_then(|one| one.remaining)
    }

    /// Requests a window and the window's length in seconds: of the tightest limit, or else of the
    /// tightest policy.
    pub(super) fn limit(&self) -> Option<(i64, Option<i64>)> {
        let named = self
            .announced
            .iter()
            .find_map(|one| Some((one.limit?, one.window)));
        named.or_else(|| {
            self.policies
                .iter()
                .map(|p| (p.quota, p.window))
                .min_by_key(|(quota, _)| *quota)
        })
    }

    /// Seconds until the tightest limit allows more.
    pub(super) fn reset(&self) -> Option<i64> {
        self.announced.iter().find_map(|one| one.reset)
    }

    /// Why the headers contradict each other; `None` when they agree.
    pub(super) fn contradiction(&self) -> Option<String> {
        let single: Vec<&Announced> = self
            .announced
            .iter()
            .filter(|one| one.name.is_empty() && one.limit.is_some())
            .collect();
        let first = single.first()?;
        if let Some(other) = single.iter().find(|other| other.limit != first.limit) {
            return Some(format!(
                "{} says {} and {} says {}",
                first.dialect.name(),
                first.limit.unwrap_or_default(),
                other.dialect.name(),
                other.limit.unwrap_or_default(),
            ));
        }
        let quotas: Vec<i64> = self.policies.iter().map(|p| p.quota).collect();
        if quotas.is_empty() || first.limit.is_some_and(|limit| quotas.contains(&limit)) {
            return None;
        }
        let quotas: Vec<String> = quotas.iter().map(ToString::to_string).collect();
        Some(format!(
            "{} says {} and RateLimit-Policy says {}",
            first.dialect.name(),
            first.limit.unwrap_or_default(),
            quotas.join(", ")
        ))
    }

    /// The announcement in a few words.
    pub(super) fn shown(&self) -> String {
        let Some(one) = self.announced.first() else {
            return self.policies.first().map_or_else(
                || "nothing announced".to_owned(),
                |p| format!("RateLimit-Policy: {} requests", p.quota),
            );
        };
        let part = |name: &str, value: Option<i64>| {
            value
                .map(|value| format!(" {name} {value}"))
                .unwrap_or_default()
        };
        format!(
            "{}:{}{}{}{}",
            one.dialect.name(),
            part("limit", one.limit),
            part("remaining", one.remaining),
            part("reset", one.reset),
            part("window", one.window)
        )
    }
}

/// Splits at a separator outside of quotes; empty parts are left out.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c: char| {
        if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
    .collect()
}

/// A whole number that fits.
fn integer(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

/// The parameter of an item, `r=50`.
fn parameter(parts: &[&str], name: &str) -> Option<i64> {
    parts.iter().find_map(|part| {
        let (key, value) = part.split_once('=')?;
        (key.trim() == name).then(|| integer(value)).flatten()
    })
}

/// A quoted string or a token without its quotes.
fn unquoted(text: &str) -> &str {
    text.trim().trim_matches('"')
}

/// `"name";q=100;w=60`, or `100;w=60` in the drafts before names.
fn policy(item: &str) -> Option<Policy> {
    let parts = split(item, ';');
    let (head, parameters) = parts.split_first()?;
    let window = parameter(parameters, "w").filter(|w| *w > 0);
    if let Some(quota) = integer(head) {
        return Some(Policy {
            name: String::new(),
            quota,
            window,
        });
    }
    Some(Policy {
        name: unquoted(head).to_owned(),
        quota: parameter(parameters, "q").filter(|q| *q >= 0)?,
        window,
    })
}

/// `RateLimit: "name";r=50;t=30`.
fn structured(text: &str, policies: &[Policy]) -> Vec<Announced> {
    split(text, ',')
        .iter()
        .filter_map(|item| {
            let parts = split(item, ';');
            let (head, parameters) = parts.split_first()?;
            if head.contains('=') {
                return None;
            }
            let name = unquoted(head);
            let policy = policies.iter().find(|p| p.name == name);
            Some(Announced {
                dialect: Dialect::Structured,
                name: if policies.len() > 1 {
                    name.to_owned()
                } else {
                    String::new()
                },
                limit: policy.map(|p| p.quota),
                remaining: Some(parameter(parameters, "r")?),
                reset: parameter(parameters, "t"),
                window: policy.and_then(|p| p.window),
            })
        })
        .collect()
}

/// `RateLimit: limit=100, remaining=50, reset=30`.
fn combined(text: &str, policies: &[Policy]) -> Option<Announced> {
    let parts: Vec<&str> = split(text, ',')
        .into_iter()
        .flat_map(|item| split(item, ';'))
        .collect();
    let limit = parameter(&parts, "limit");
    let remaining = parameter(&parts, "remaining");
    if limit.is_none() && remaining.is_none() {
        return None;
    }
    Some(Announced {
        dialect: Dialect::Combined,
        name: String::new(),
        limit,
        remaining,
        reset: parameter(&parts, "reset"),
        window: window_of(limit, policies),
    })
}

/// The window of the policy with this quota.
fn window_of(limit: Option<i64>, policies: &[Policy]) -> Option<i64> {
    policies
        .iter()
        .find(|p| Some(p.quota) == limit)
        .and_then(|p| p.window)
}

/// Suffixes that name a window, and its seconds; none is the plain header.
const WINDOWS: &[(&str, Option<i64>)] = &[
    ("", None),
    ("-second", Some(1)),
    ("-minute", Some(60)),
    ("-hour", Some(3600)),
    ("-day", Some(86_400)),
];

/// `…-Limit`, `…-Remaining` and `…-Reset`, with and without the name of a window.
fn separate(
    dialect: Dialect,
    prefix: &str,
    headers: &[(String, String)],
    policies: &[Policy],
    now: Timestamp,
) -> Vec<Announced> {
    let value = |name: &str| {
        headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    // `100, 100;w=60` in early drafts: the first number counts.
    let number = |name: &str| {
        value(name)
            .and_then(|text| text.split([',', ';']).next())
            .and_then(integer)
    };
    let mut list = Vec::new();
    for (suffix, seconds) in WINDOWS {
        let limit = number(&format!("{prefix}-limit{suffix}"));
        let remaining = number(&format!("{prefix}-remaining{suffix}"));
        if limit.is_none() && remaining.is_none() {
            continue;
        }
        let reset = value(&format!("{prefix}-reset{suffix}"))
            .or_else(|| value(&format!("{prefix}-reset")))
            .and_then(|text| reset_seconds(text, now));
        list.push(Announced {
            dialect,
            name: suffix.trim_start_matches('-').to_owned(),
            limit,
            remaining,
            reset,
            window: seconds.or_else(|| window_of(limit, policies)),
        });
    }
    list
}

/// Seconds until the reset: given so, as seconds or milliseconds since 1970, or as a date.
fn reset_seconds(text: &str, now: Timestamp) -> Option<i64> {
    let text = text.trim();
    let Ok(number) = text.parse::<f64>() else {
        let at = date(text).or_else(|| text.parse::<Timestamp>().ok())?;
        return Some((at.as_second() - now.as_second()).max(0));
    };
    if !number.is_finite() || !(0.0..1e15).contains(&number) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    let whole = number.ceil() as i64;
    Some(if number > EPOCH_MILLIS {
        (whole / 1000 - now.as_second()).max(0)
    } else if number > EPOCH {
        (whole - now.as_second()).max(0)
    } else {
        whole
    })
}

/// An HTTP date.
pub(super) fn date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    Some(zoned.timestamp())
}

/// What `Retry-After` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryAfter {
    /// Wait so many seconds.
    Seconds(i64),
    /// The date lies so many seconds in the past.
    Past(i64),
    /// Neither seconds nor a date.
    Malformed,
}

/// Reads `Retry-After`; `now` is the server's clock where it is known.
pub(super) fn retry_after(text: &str, now: Timestamp) -> RetryAfter {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return integer(text).map_or(RetryAfter::Malformed, RetryAfter::Seconds);
    }
    match date(text) {
        Some(at) => {
            let seconds = at.as_second() - now.as_second();
            if seconds < 0 {
                RetryAfter::Past(-seconds)
            } else {
                RetryAfter::Seconds(seconds)
            }
        }
        None => RetryAfter::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-06-15T12:00:00Z".parse().unwrap()
    }

    fn read(pairs: &[(&str, &str)]) -> Limits {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Limits::read(&pairs, now())
    }

    #[test]
    fn every_dialect_says_the_same() {
        let epoch = (now().as_second() + 30).to_string();
        let millis = ((now().as_second() + 30) * 1000).to_string();
        for (headers, dialect) in [
            (
                vec![
                    ("RateLimit", "\"default\";r=50;t=30"),
                    ("RateLimit-Policy", "\"default\";q=100;w=60"),
                ],
                Dialect::Structured,
            ),
            (
                vec![
                    ("RateLimit", "limit=100, remaining=50, reset=30"),
                    ("RateLimit-Policy", "100;w=60"),
                ],
                Dialect::Combined,
            ),
            (
                vec![
                    ("RateLimit-Limit", "100"),
                    ("RateLimit-Remaining", "50"),
                    ("RateLimit-Reset", "30"),
                    ("RateLimit-Policy", "100;w=60"),
                ],
                Dialect::Separate,
            ),
            (
                vec![
                    ("X-RateLimit-Limit-Minute", "100"),
                    ("X-RateLimit-Remaining-Minute", "50"),
                    ("X-RateLimit-Reset", &epoch),
                ],
                Dialect::Legacy,
            ),
            (
                vec![
                    ("X-Rate-Limit-Limit", "100"),
                    ("X-Rate-Limit-Remaining", "50"),
                    ("X-Rate-Limit-Reset", &millis),
                    ("RateLimit-Policy", "100;w=60"),
                ],
                Dialect::Legacy,
            ),
            (
                vec![
                    ("RateLimit-Limit", "100, 100;w=60"),
                    ("RateLimit-Remaining", "50"),
                    ("RateLimit-Reset", "30"),
                    ("RateLimit-Policy", "100;w=60"),
                ],
                Dialect::Separate,
            ),
            (
                vec![
                    ("X-RateLimit-Limit", "100"),
                    ("X-RateLimit-Remaining", "50"),
                    ("X-RateLimit-Reset", "2026-06-15T12:00:30Z"),
                    ("RateLimit-Policy", "\"a, b\";q=100;w=60"),
                ],
                Dialect::Legacy,
            ),
        ] {
            let limits = read(&headers);
            assert_eq!(limits.announced.len(), 1, "{headers:?}");
            assert_eq!(limits.announced[0].dialect, dialect, "{headers:?}");
            assert_eq!(limits.limit(), Some((100, Some(60))), "{headers:?}");
            assert_eq!(limits.remaining(), Some(50), "{headers:?}");
            assert_eq!(limits.reset(), Some(30), "{headers:?}");
            assert_eq!(limits.contradiction(), None, "{headers:?}");
        }
    }

    #[test]
    fn malformed_headers_are_ignored() {
        for headers in [
            vec![("RateLimit", "soon")],
            vec![("RateLimit", "\"x\";r=many")],
            vec![("RateLimit-Policy", "\"x\";w=60")],
            vec![("X-RateLimit-Limit", "lots")],
            vec![("X-RateLimit-Reset", "30")],
            vec![("RateLimit", "")],
            vec![("RateLimit-Limit", "99999999999999999999")],
        ] {
            assert!(read(&headers).is_empty(), "{headers:?}");
        }
    }

    #[test]
    fn the_tightest_of_several_counts() {
        let limits = read(&[
            (
                "RateLimit-Policy",
                "\"burst\";q=10;w=1, \"daily\";q=1000;w=86400",
            ),
            ("RateLimit", "\"daily\";r=900;t=100, \"burst\";r=4;t=1"),
        ]);
        assert_eq!(
            (limits.remaining(), limits.limit()),
            (Some(4), Some((10, Some(1))))
        );
        assert_eq!(limits.contradiction(), None);
    }

    #[test]
    fn contradictions_are_told() {
        for headers in [
            vec![
                ("X-RateLimit-Limit", "100"),
                ("RateLimit-Policy", "50;w=60"),
            ],
            vec![("X-RateLimit-Limit", "100"), ("RateLimit-Limit", "60")],
            vec![
                ("RateLimit", "limit=5, remaining=1, reset=1"),
                ("RateLimit-Policy", "9;w=1, 8;w=2"),
            ],
        ] {
            assert!(read(&headers).contradiction().is_some(), "{headers:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (text, expected) in [
            ("30", RetryAfter::Seconds(30)),
            ("0", RetryAfter::Seconds(0)),
            ("Mon, 15 Jun 2026 12:01:00 GMT", RetryAfter::Seconds(60)),
            ("Mon, 15 Jun 2026 11:59:00 GMT", RetryAfter::Past(60)),
            ("-5", RetryAfter::Malformed),
            ("1.5", RetryAfter::Malformed),
            ("soon", RetryAfter::Malformed),
            ("", RetryAfter::Malformed),
            ("99999999999999999999", RetryAfter::Malformed),
        ] {
            assert_eq!(retry_after(text, now()), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(value in "[ -~]{0,40}", name in "(x-)?ratelimit(-limit|-remaining|-reset|-policy)?") {
            let limits = Limits::read(&[(name, value.clone())], now());
            let _words = (limits.shown(), limits.contradiction(), retry_after(&value, now()));
        }
    }
}
