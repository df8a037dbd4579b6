//! Formats of text whose meaning is certain. Other formats are notes for people.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::civil::{Date, Time};

/// Whether a text certainly is not of a format.
pub(super) fn is_not(format: &str, text: &str) -> bool {
    let is = match format {
        "date-time" => is_date_time(text),
        "date" => is_date(text),
        "uuid" => is_uuid(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "email" => text.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace)
        }),
        "uri" => has_scheme(text),
        _ => true,
    };
    !is
}

/// `2024-05-01`.
fn is_date(text: &str) -> bool {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(n, b)| match n {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    shape && text.parse::<Date>().is_ok()
}

/// `2024-05-01T10:00:00.5Z` of RFC 3339: the offset may not be left out.
fn is_date_time(text: &str) -> bool {
    let (Some(date), Some(rest)) = (text.get(..10), text.get(11..)) else {
        return false;
    };
    let separator = text.as_bytes().get(10);
    if !is_date(date) || !matches!(separator, Some(b'T' | b't' | b' ')) {
        return false;
    }
    let offset = match rest.bytes().last() {
        Some(b'Z' | b'z') => 1,
        _ => 6,
    };
    let Some(split) = rest.len().checked_sub(offset) else {
        return false;
    };
    let (Some(time), Some(zone)) = (rest.get(..split), rest.get(split..)) else {
        return false;
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let zone_fits = offset == 1
        || zone.starts_with(['+', '-'])
            && zone.as_bytes().get(3) == Some(&b':')
            && zone.get(1..3).is_some_and(digits)
            && zone.get(4..).is_some_and(digits);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let clock_fits = clock.len() == 8
        && (clock.parse::<Time>().is_ok() || clock.ends_with(":60"))
        && clock.matches(':').count() == 2;
    zone_fits && clock_fits && !fraction.is_empty() && digits(fraction)
}

/// `123e4567-e89b-12d3-a456-426614174000`.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(n, b)| match n {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Whether a text begins with a scheme, as every URI does.
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}
