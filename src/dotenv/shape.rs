//! What can be said about a value without saying the value.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::known::{self, Mode};
use super::values::{self, ValueType};

/// What a value looks like. Nothing here gives the value away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// Characters.
    pub(crate) length: usize,
    /// Different characters.
    pub(crate) unique: usize,
    /// Estimated entropy in bits: what an attacker who knows the form still has to guess.
    pub(crate) entropy_bits: f64,
    /// Nothing but blanks.
    pub(crate) blank: bool,
    /// Blanks at an end.
    pub(crate) padded: bool,
    /// Quotes around it that a loader left there.
    pub(crate) quoted: bool,
    /// The first invisible character.
    pub(crate) invisible: Option<String>,
    /// PEM whose line ends are written as `\n`.
    pub(crate) pem_escaped: bool,
    /// Every type it has.
    pub(crate) fits: Vec<ValueType>,
    /// What its boolean says.
    pub(crate) truth: Option<bool>,
    /// What its number is; only for numbers short enough to be no secret.
    pub(crate) number: Option<f64>,
    /// What its duration is, in milliseconds.
    pub(crate) duration_ms: Option<u64>,
    /// The parts of its URL.
    pub(crate) url: Option<UrlShape>,
    /// Why it is a placeholder.
    pub(crate) placeholder: Option<String>,
    /// Whose published default it is.
    pub(crate) published: Option<String>,
    /// Whose key it is by its form.
    pub(crate) provider: Option<(String, Mode)>,
    /// When a token or certificate inside runs out, and what it is.
    pub(crate) expires: Option<(Timestamp, String)>,
}

/// What can be said about a URL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct UrlShape {
    /// The scheme without a driver suffix.
    pub(crate) scheme: String,
    /// Which kind of local host it names.
    pub(crate) local: Option<String>,
    /// Whether the host is an address of a private network (RFC 1918, RFC 4193).
    pub(crate) private: bool,
    /// Whether the connection is encrypted as far as the URL decides that.
    pub(crate) encrypted: Option<bool>,
    /// A path other than `/`, a query or a fragment.
    pub(crate) has_path: bool,
    /// A final slash behind the host.
    pub(crate) final_slash: bool,
    /// A user name or password.
    pub(crate) has_credentials: bool,
}

impl Shape {
    /// The shape of a value.
    pub(crate) fn of(value: &str) -> Self {
        let trimmed = value.trim();
        let fits = ValueType::of(value);
        let url = values::parse_url(trimmed);
        let number = (fits.contains(&ValueType::Number) && value.len() <= 12)
            .then(|| value.parse().ok())
            .flatten();
        let published = known::published_default(value)
            .or_else(|| url.as_ref().and_then(known::published_credentials));
        Self {
            length: value.chars().count(),
            unique: value.chars().collect::<HashSet<_>>().len(),
            entropy_bits: entropy_bits(value),
            blank: trimmed.is_empty(),
            padded: trimmed != value && !value.starts_with("-----BEGIN "),
            quoted: value.len() > 1
                && ['"', '\'']
                    .iter()
                    .any(|q| value.starts_with(*q) && value.ends_with(*q)),
            invisible: value
                .chars()
                .find(|c| super::text::is_invisible(*c))
                .map(super::text::name_of_invisible),
            pem_escaped: value.starts_with("-----BEGIN ") && value.contains("\\n"),
            truth: values::truth(value),
            number,
            duration_ms: value
                .parse::<crate::expect::TimeSpan>()
                .ok()
                .map(crate::expect::TimeSpan::as_millis),
            url: url.as_ref().map(UrlShape::of),
            placeholder: known::placeholder(value).map(str::to_owned),
            published: published.map(str::to_owned),
            provider: known::provider_key(value).map(|(who, mode)| (who.to_owned(), mode)),
            expires: super::expired::expiry(value).map(|(at, what)| (at, what.to_owned())),
            fits,
        }
    }

    /// Forgets what would give a short secret away.
    pub(crate) fn hide(&mut self) {
        self.number = None;
        self.duration_ms = None;
    }

    /// How a finding shows a value that must not be shown.
    pub(crate) fn in_words(&self) -> String {
        if self.length == 0 {
            return "empty".to_owned();
        }
        if self.blank {
            return "blanks only".to_owned();
        }
        let class = match self.length {
            1..8 => "fewer than 8 characters",
            8..16 => "8 to 15 characters",
            16..32 => "16 to 31 characters",
            32..64 => "32 to 63 characters",
            _ => "64 characters or more",
        };
        class.to_owned()
    }
}

impl UrlShape {
    /// The parts of a URL.
    pub(crate) fn of(url: &Url) -> Self {
        let scheme = url.scheme().split('+').next().unwrap_or_default();
        let host = effective_host(url);
        let bare = matches!(url.path(), "" | "/");
        Self {
            scheme: scheme.to_owned(),
            local: local_host(&host).map(str::to_owned),
            private: is_private(&host),
            encrypted: encrypted(scheme, url),
            has_path: !bare || url.query().is_some() || url.fragment().is_some(),
            final_slash: url.as_str().ends_with('/'),
            has_credentials: !url.username().is_empty() || url.password().is_some(),
        }
    }
}

/// The host of a URL as text without brackets.
fn effective_host(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => name.trim_end_matches('.').to_ascii_lowercase(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => ip.to_string(),
        None => String::new(),
    }
}

/// Which kind of host of this machine only a name or address is.
pub(crate) fn local_host(host: &str) -> Option<&'static str> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if let Ok(ip) = host.parse::<std::net::IpAddr>() {
        let ip = ip.to_canonical();
        return if ip.is_loopback() {
            Some("a loopback address")
        } else if ip.is_unspecified() {
            Some("the unspecified address")
        } else {
            None
        };
    }
    match host.as_str() {
        "localhost" | "localhost.localdomain" | "ip6-localhost" => Some("localhost"),
        "host.docker.internal" | "gateway.docker.internal" => Some("the developer's Docker host"),
        "kubernetes.docker.internal" | "host.minikube.internal" | "host.lima.internal" => {
            Some("the developer's Docker host")
        }
        name if name.ends_with(".localhost") || name.ends_with(".test") => {
            Some("a name reserved for tests (RFC 6761)")
        }
        // `svc.cluster.local` is Kubernetes' own, not a machine of the local link.
        name if name.ends_with(".local") && !name.ends_with(".cluster.local") => {
            Some("a name of the local link (mDNS)")
        }
        _ => None,
    }
}

/// Whether an address belongs to a private network.
fn is_private(host: &str) -> bool {
    match host.parse::<std::net::IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_private() || ip.is_link_local(),
        Ok(std::net::IpAddr::V6(ip)) => ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => false,
    }
}

/// Whether the URL asks for an encrypted connection; `None` when the scheme does not decide.
fn encrypted(scheme: &str, url: &Url) -> Option<bool> {
    match scheme {
        "https" | "wss" | "rediss" | "valkeys" | "amqps" | "ldaps" | "smtps" | "ftps" | "mqtts" => {
            Some(true)
        }
        "http" | "ws" | "redis" | "valkey" | "amqp" | "ldap" | "smtp" | "ftp" | "mqtt" => {
            Some(false)
        }
        "postgres" | "postgresql" | "mysql" | "mariadb" => {
            let mode = url.query_pairs().find_map(|(key, value)| {
                matches!(
                    key.as_ref(),
                    "sslmode" | "ssl" | "ssl-mode" | "tls" | "sslMode"
                )
                .then(|| value.to_ascii_lowercase().replace('_', "-"))
            });
            // Without a mode libpq prefers TLS and goes on without: nobody notices a downgrade.
            Some(mode.is_some_and(|mode| {
                matches!(
                    mode.as_str(),
                    "require"
                        | "required"
                        | "verify-ca"
                        | "verify-full"
                        | "verify-identity"
                        | "true"
                        | "1"
                )
            }))
        }
        "mongodb" => {
            let srv = url.scheme().ends_with("+srv");
            let tls = url
                .query_pairs()
                .find(|(key, _)| key == "tls" || key == "ssl")
                .map(|(_, value)| value == "true");
            Some(tls.unwrap_or(srv))
        }
        _ => None,
    }
}

/// Words that people build secrets from.
const WORDS: &[&str] = &[
    "secret",
    "password",
    "passwd",
    "passphrase",
    "production",
    "staging",
    "development",
    "default",
    "super",
    "admin",
    "token",
    "change",
    "please",
    "private",
    "public",
    "access",
    "refresh",
    "super",
    "master",
    "session",
    "cookie",
    "signing",
    "signature",
    "encryption",
    "service",
    "database",
    "postgres",
    "redis",
    "local",
    "server",
    "client",
    "company",
    "project",
    "backend",
    "frontend",
    "application",
    "very",
    "long",
    "strong",
    "secure",
    "random",
    "string",
    "qwerty",
    "letmein",
    "welcome",
    "test",
    "prod",
    "key",
    "jwt",
    "api",
    "app",
    "dev",
    "the",
    "this",
    "that",
    "with",
    "should",
    "must",
    "your",
    "user",
    "root",
    "auth",
    "hash",
    "salt",
];

/// Estimates the entropy of a secret: its alphabet times its length, where common words, runs,
/// sequences and repetitions count little. A heuristic that errs to the low side for what people
/// make up and is exact enough for what generators produce.
pub(crate) fn entropy_bits(text: &str) -> f64 {
    if values::is_uuid(text) {
        return 122.0_f64.min(spread_bits(&text.replace('-', "")));
    }
    let key = ["sk-", "sk_", "base64:"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    let chars: Vec<char> = key.chars().collect();
    let period = (1..=chars.len() / 2)
        .find(|p| chars.iter().zip(chars.iter().skip(*p)).all(|(a, b)| a == b));
    if let Some(period) = period {
        let once: String = chars.iter().take(period).collect();
        return entropy_bits(&once) + 2.0;
    }
    if let Some(bits) = phrase_bits(key) {
        return bits;
    }
    worded_bits(key).min(spread_bits(key))
}

/// A number of characters as a float.
fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::from(u32::MAX), f64::from)
}

/// Bits a character of this text's alphabet can hold.
fn alphabet_bits(text: &str) -> f64 {
    let any = |test: fn(char) -> bool| text.chars().any(test);
    let hex = text.chars().all(|c| c.is_ascii_hexdigit());
    let size = if text.chars().all(|c| c.is_ascii_digit()) {
        10.0
    } else if hex && !(any(|c| c.is_ascii_lowercase()) && any(|c| c.is_ascii_uppercase())) {
        16.0
    } else {
        let mut size = 0.0;
        for (has, adds) in [
            (any(|c| c.is_ascii_lowercase()), 26.0),
            (any(|c| c.is_ascii_uppercase()), 26.0),
            (any(|c| c.is_ascii_digit()), 10.0),
            (any(|c| "+/-_=".contains(c)), 2.0),
            (
                any(|c| !c.is_ascii_alphanumeric() && !"+/-_=".contains(c)),
                26.0,
            ),
        ] {
            if has {
                size += adds;
            }
        }
        if size < 1.0 { 1.0 } else { size }
    };
    f64::log2(size)
}

/// Bits by alphabet and length, less where the characters are fewer than chance would give.
fn spread_bits(text: &str) -> f64 {
    let length = count(text.chars().count());
    let unique = count(text.chars().collect::<HashSet<_>>().len());
    let bits = alphabet_bits(text);
    let size = f64::exp2(bits);
    let expected = size * (1.0 - (1.0 - 1.0 / size).powf(length));
    if unique < 0.6 * expected {
        return length * f64::log2(unique.max(1.0));
    }
    length * bits
}

/// Bits where a common word counts 8, a run or sequence as one character, the rest by alphabet.
fn worded_bits(text: &str) -> f64 {
    let lower: Vec<char> = text.to_ascii_lowercase().chars().collect();
    let per = alphabet_bits(text);
    let (mut bits, mut separators) = (0.0, 0_usize);
    let mut words = false;
    let mut at = 0;
    while at < lower.len() {
        let word = longest_word(&lower, at);
        if let Some(length) = word {
            words = true;
            bits += 8.0;
            at += length;
            continue;
        }
        let run = run_length(&lower, at);
        if lower.get(at).is_some_and(|c| "-_. ".contains(*c)) {
            separators += 1;
            at += 1;
        } else if run >= 3 {
            bits += per + f64::log2(count(run));
            at += run;
        } else {
            bits += per;
            at += 1;
        }
    }
    // Between words a separator is no choice; in random text it is a character like any other.
    bits + count(separators) * if words { 1.0 } else { per }
}

/// Whether the characters begin with a word.
fn starts_with(chars: &[char], word: &str) -> bool {
    let mut rest = chars.iter();
    word.chars().all(|c| rest.next() == Some(&c))
}

/// The length of the longest common word at an index. In long texts words of three letters turn up
/// by chance and only count when they stand alone.
fn longest_word(chars: &[char], at: usize) -> Option<usize> {
    let rest = chars.get(at..)?;
    let inside = |index: usize| chars.get(index).is_some_and(char::is_ascii_alphanumeric);
    WORDS
        .iter()
        .filter(|word| starts_with(rest, word))
        .map(|word| word.len())
        .filter(|length| {
            *length > 3 || chars.len() < 24 || !((at > 0 && inside(at - 1)) || inside(at + length))
        })
        .max()
}

/// How many characters from an index repeat or go up or down by one.
fn run_length(chars: &[char], at: usize) -> usize {
    let step = |i: usize| -> Option<i64> {
        let (a, b) = (chars.get(i)?, chars.get(i + 1)?);
        Some(i64::from(u32::from(*b)) - i64::from(u32::from(*a)))
    };
    let Some(first) = step(at).filter(|s| s.abs() <= 1) else {
        return 1;
    };
    1 + (at..).take_while(|i| step(*i) == Some(first)).count()
}

/// Bits of a phrase: text of pronounceable letters only. English holds about two bits a letter.
fn phrase_bits(text: &str) -> Option<f64> {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .collect();
    let letters: usize = words
        .iter()
        .filter(|word| word.len() >= 5 && is_pronounceable(word))
        .map(|word| word.len())
        .sum();
    let all = text.chars().count();
    (all >= 8 && letters * 5 >= all * 4).then(|| {
        let rest = count(all - letters);
        2.3 * count(letters) + 3.0 * rest
    })
}

/// Whether letters read like a word: vowels in between, no long run of consonants.
fn is_pronounceable(word: &str) -> bool {
    let vowel = |c: char| "aeiouyAEIOUY".contains(c);
    let vowels = word.chars().filter(|c| vowel(*c)).count();
    let longest = word
        .split(vowel)
        .map(|run| run.chars().count())
        .max()
        .unwrap_or(0);
    vowels * 4 >= word.len() && longest <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_secrets_reach_their_bits_and_made_up_ones_do_not() {
        for (text, at_least, below) in [
            // openssl rand -hex 16, -hex 32, -base64 32; uuidgen; secrets.token_urlsafe(32)
            ("9f86d081884c7d659a2feaa0c55ad015", 128.0, 129.0),
            (
                "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
                256.0,
                257.0,
            ),
            ("q1mJx0r7Yk2tVb9Zw4Lh8Nc6Ge3Ua5Po0Sd1Fi2Rj8=", 230.0, 270.0),
            ("3f2504e0-4f89-41d3-9a0c-0305e82c3301", 115.0, 123.0),
            ("Kd83jf-_x92Lmw0Pqz7Yt5Rv1Bn4Hc6Sa8Ge3Uo2WiE", 230.0, 270.0),
            ("zqxjkvbwpfhgmtrdnslczqwxvkjhgfdp", 120.0, 160.0),
            // made up
            ("", 0.0, 0.1),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0.0, 10.0),
            ("abababababababababababababababab", 0.0, 20.0),
            ("0123456789abcdef0123456789abcdef", 0.0, 40.0),
            ("abcdefghijklmnopqrstuvwxyz123456", 0.0, 30.0),
            ("super-secret-production-jwt-key-2024", 0.0, 100.0),
            ("MyVeryLongSuperSecretPasswordForProduction", 0.0, 110.0),
            ("correct-horse-battery-staple", 0.0, 80.0),
            ("dev-api-key", 0.0, 50.0),
            ("password123", 0.0, 40.0),
        ] {
            let bits = entropy_bits(text);
            assert!(bits >= at_least && bits < below, "{text}: {bits}");
        }
    }

    #[test]
    fn urls_tell_where_they_lead_and_how() {
        let shape = |text: &str| Shape::of(text).url.unwrap();
        for (text, local) in [
            ("http://localhost:3000", true),
            ("postgres://u:p@127.0.0.1/d", true),
            ("redis://[::1]:6379", true),
            ("http://0.0.0.0:80", true),
            ("http://host.docker.internal", true),
            ("http://nas.local", true),
            ("http://api.svc.cluster.local", false),
            ("http://db.prod.internal", false),
            ("https://localhost.example.com", false),
            ("http://[::ffff:127.0.0.1]/", true),
        ] {
            assert_eq!(shape(text).local.is_some(), local, "{text}");
        }
        for (text, encrypted) in [
            ("https://h", Some(true)),
            ("http://h", Some(false)),
            ("redis://h", Some(false)),
            ("rediss://h", Some(true)),
            ("postgres://h/d", Some(false)),
            ("postgres://h/d?sslmode=prefer", Some(false)),
            ("postgresql+asyncpg://h/d?ssl=require", Some(true)),
            ("postgres://h/d?sslmode=verify-full", Some(true)),
            ("mongodb+srv://h/d", Some(true)),
            ("mongodb://h/d", Some(false)),
            ("kafka://h", None),
        ] {
            assert_eq!(shape(text).encrypted, encrypted, "{text}");
        }
    }

    #[test]
    fn placeholders_and_defaults_are_recognised_and_real_values_are_not() {
        for text in [
            "changeme",
            "<your-key>",
            "your-api-key",
            "xxx",
            "sk-xxxxxxxxxxxx",
            "TODO",
            "REPLACE_ME",
            "https://app.example.com",
            "admin@example.org",
            "${API_KEY}",
            "{{ secret }}",
            "****",
            "paste-it-here",
            "change_me_in_production_1234567890",
            "sk-ant-...",
        ] {
            assert!(Shape::of(text).placeholder.is_some(), "{text}");
        }
        for text in [
            "django-insecure-abc",
            "postgres",
            "postgres://postgres:postgres@db/x",
            "s3cr3t",
            "amqp://guest:guest@mq",
            "secret123",
            "password!",
            "dev-api-key",
            "minioadmin",
            "postgres://app:app@db/x",
        ] {
            assert!(Shape::of(text).published.is_some(), "{text}");
        }
        for text in [
            "q1mJx0r7Yk2tVb9Zw4Lh8Nc6Ge3Ua5Po0Sd1Fi2Rj8=",
            "https://app.acme.io",
            "https://notexample.community",
            "postgres://app:Zk39dkQl2Xw9@db.acme.io/x",
            "production",
            "true",
            "INFO",
            "myapp.acme.io",
        ] {
            let shape = Shape::of(text);
            assert_eq!((shape.placeholder, shape.published), (None, None), "{text}");
        }
    }
}
