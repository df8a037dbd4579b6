//! Data of persons: card numbers, e-mail addresses, public network addresses.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::Class;

/// Ids and what they find.
pub(super) const RULES: [(&str, &str); 3] = [
    ("card-number", "a number of a payment card"),
    ("email-address", "an e-mail address"),
    ("ip-address", "an address of a public network"),
];

/// Card numbers, e-mail addresses, IPv4 and IPv6 addresses.
static FORMS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?P<card>\b[2-6]\d{3}(?:[ -]\d{4}){3}\b|\b3[47]\d{2}[ -]\d{6}[ -]\d{5}\b|\b[2-6]\d{12,18}\b)",
        r"|(?P<mail>[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24}\b)",
        r"|(?P<four>\b\d{1,3}(?:\.\d{1,3}){3}\b)",
        r"|(?P<six>\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){3,7}\b)",
    ))
    .ok()
});

/// Numbers that card networks and processors publish for tests.
const TEST_CARDS: [&str; 9] = [
    "4242424242424242",
    "4111111111111111",
    "4012888888881881",
    "4000056655665556",
    "5555555555554444",
    "5105105105105100",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
];

/// Every match: offset, rule, class.
pub(super) fn find(text: &str) -> Vec<(usize, &'static str, Class)> {
    let Some(forms) = FORMS.as_ref() else {
        return Vec::new();
    };
    forms
        .captures_iter(text)
        .filter_map(|groups| {
            let whole = groups.get(0)?;
            let before = text[..whole.start()].chars().next_back();
            let after = text[whole.end()..].chars().next();
            if groups.name("card").is_some() {
                let joined = |c: Option<char>| {
                    c.is_some_and(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
                };
                let card = !joined(before)
                    && !after.is_some_and(|c| c == '-' || c == '_')
                    && is_card(whole.as_str());
                return card.then_some((whole.start(), RULES[0].0, Class::Personal));
            }
            if groups.name("mail").is_some() {
                let in_url = matches!(before, Some(':' | '/'));
                return (!in_url && is_personal_mail(whole.as_str())).then_some((
                    whole.start(),
                    RULES[1].0,
                    Class::Personal,
                ));
            }
            // `Chrome/120.0.0.0` and `v1.2.3.4` are versions.
            let version =
                matches!(before, Some('/' | '.' | '-' | '_')) || matches!(after, Some('-' | '_'));
            let address: IpAddr = whole.as_str().parse().ok()?;
            (!version && is_public(address)).then_some((whole.start(), RULES[2].0, Class::Address))
        })
        .collect()
}

/// Whether the digits are a card number: a network's range and length, and the check digit.
fn is_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let lead = |n: usize| {
        digits
            .get(..n)
            .and_then(|part| part.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let network = match digits.len() {
        13 | 19 => lead(1) == 4,
        15 => matches!(lead(2), 34 | 37),
        16 => {
            lead(1) == 4
                || matches!(lead(2), 51..=55 | 65)
                || matches!(lead(4), 2221..=2720 | 6011)
                || matches!(lead(3), 644..=649)
        }
        _ => false,
    };
    network && !TEST_CARDS.contains(&digits.as_str()) && luhn(&digits)
}

/// The check digit of ISO/IEC 7812.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit - b'0') * if at % 2 == 1 { 2 } else { 1 };
            if digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether an address is a person's rather than an example's or a machine's.
fn is_personal_mail(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let (user, host) = lower.split_once('@').unwrap_or((&lower, ""));
    let reserved = [
        "example.com",
        "example.org",
        "example.net",
        "localhost",
        "users.noreply.github.com",
    ];
    let machine = [
        "git",
        "noreply",
        "no-reply",
        "donotreply",
        "do-not-reply",
        "mailer-daemon",
        "postmaster",
    ];
    let end = host.rsplit('.').next().unwrap_or("");
    !reserved
        .iter()
        .any(|name| host == *name || host.ends_with(&format!(".{name}")))
        && ![
            "example",
            "invalid",
            "test",
            "localhost",
            "local",
            "internal",
            "service",
        ]
        .contains(&end)
        && !machine.contains(&user)
        && !user.contains("***")
}

/// Whether an address is one of the public network.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_documentation()
                || ip.is_broadcast()
                || ip.is_multicast()
                || ip.octets()[0] == 0
                || ip.octets()[0] >= 240
                // Carrier-grade NAT.
                || (ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1])))
        }
        IpAddr::V6(ip) => {
            (ip.segments()[0] & 0xe000) == 0x2000 && ip.segments()[..2] != [0x2001, 0xdb8]
        }
    }
}
