//! Unfinished handshakes: offers that a good server turns down. Only the first record of the
//! answer is read, then the connection is dropped.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Offer {
    /// TLS 1.0 and nothing newer.
    Tls10,
    /// TLS 1.1 and nothing newer.
    Tls11,
    /// TLS 1.2 and nothing newer.
    Tls12,
    /// TLS 1.2 with broken ciphers only.
    WeakCiphers,
    /// TLS 1.2 with ciphers without forward secrecy only.
    NoForwardSecrecy,
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The server went on with the handshake as offered.
    Accepted,
    /// An alert, or the connection was closed.
    Refused,
    /// Neither in time, or something unreadable.
    Unknown,
}

/// Ciphers of TLS 1.0 to 1.2 in wide use, so that a refusal is about the version.
const USUAL: &[u16] = &[
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014, 0x009c, 0x009d,
    0x002f, 0x0035, 0x0033, 0x0039, 0xc012, 0xc008, 0x000a, 0x0005,
];

/// RC4, DES, 3DES, NULL, EXPORT, anonymous.
const WEAK: &[u16] = &[
    0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x0016,
    0x0018, 0x001b, 0x0034, 0x003a, 0x003b, 0x006c, 0x006d, 0x00a6, 0x00a7, 0xc002, 0xc006, 0xc007,
    0xc008, 0xc010, 0xc011, 0xc012, 0xc015, 0xc016, 0xc017, 0xc018, 0xc019,
];

/// RSA key exchange with AES.
const STATIC_RSA: &[u16] = &[0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f];

impl Offer {
    /// What is offered, in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Tls10 => "TLS 1.0 only",
            Self::Tls11 => "TLS 1.1 only",
            Self::Tls12 => "TLS 1.2 only",
            Self::WeakCiphers => "weak ciphers only",
            Self::NoForwardSecrecy => "no forward secrecy",
        }
    }

    /// The version as it goes over the wire.
    fn version(self) -> u16 {
        match self {
            Self::Tls10 => 0x0301,
            Self::Tls11 => 0x0302,
            _ => 0x0303,
        }
    }

    /// The ciphers.
    fn ciphers(self) -> &'static [u16] {
        match self {
            Self::WeakCiphers => WEAK,
            Self::NoForwardSecrecy => STATIC_RSA,
            _ => USUAL,
        }
    }
}

/// Bytes with their length before them, in two bytes.
fn counted(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(0);
    let mut out = length.to_be_bytes().to_vec();
    out.extend(bytes);
    out
}

/// An extension.
fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut out = kind.to_be_bytes().to_vec();
    out.extend(counted(body));
    out
}

/// The bytes of the offer. `name` is left out when it is an IP address, as RFC 6066 wants it.
fn client_hello(offer: Offer, name: &str, salt: &[u8]) -> Vec<u8> {
    let words = |list: &[u16]| -> Vec<u8> { list.iter().flat_map(|w| w.to_be_bytes()).collect() };
    let mut extensions = Vec::new();
    if name.parse::<std::net::IpAddr>().is_err() && !name.is_empty() {
        let mut entry = vec![0];
        entry.extend(counted(name.as_bytes()));
        extensions.extend(extension(0, &counted(&entry)));
    }
    // Groups: P-256, X25519, P-384, P-521; points: uncompressed.
    extensions.extend(extension(10, &counted(&words(&[23, 29, 24, 25]))));
    extensions.extend(extension(11, &[1, 0]));
    if offer.version() >= 0x0303 {
        let schemes = words(&[
            0x0403, 0x0503, 0x0804, 0x0805, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
        ]);
        extensions.extend(extension(13, &counted(&schemes)));
    }
    // The random of an unfinished handshake protects nothing; it only must not repeat.
    let random = Sha256::digest(salt);
    let mut body = offer.version().to_be_bytes().to_vec();
    body.extend(random.iter().take(32));
    body.push(0);
    body.extend(counted(&words(offer.ciphers())));
    body.extend([1, 0]);
    body.extend(counted(&extensions));
    let mut handshake = vec![1, 0];
    handshake.extend(counted(&body));
    let mut record = vec![22, 3, 1];
    record.extend(counted(&handshake));
    record
}

/// What the first bytes of an answer say.
fn read_reply(offer: Offer, header: [u8; 5], body: &[u8]) -> Reply {
    match (header, body) {
        ([21, 3, ..], _) => Reply::Refused,
        // ServerHello: type, three bytes of length, version, random, session, cipher.
        ([22, 3, ..], [2, _, _, _, major, minor, rest @ ..]) => {
            let session = rest.get(32).copied().map(usize::from);
            let cipher = session.and_then(|length| rest.get(33 + length..35 + length));
            let version = u16::from_be_bytes([*major, *minor]);
            match cipher {
                Some([high, low]) => {
                    let cipher = u16::from_be_bytes([*high, *low]);
                    if version == offer.version() && offer.ciphers().contains(&cipher) {
                        Reply::Accepted
                    } else {
                        Reply::Refused
                    }
                }
                _ => Reply::Unknown,
            }
        }
        _ => Reply::Unknown,
    }
}

/// Makes the offer on an open connection and reads the first record of the answer.
pub(super) async fn make(offer: Offer, name: &str, salt: &[u8], mut stream: TcpStream) -> Reply {
    if stream
        .write_all(&client_hello(offer, name, salt))
        .await
        .is_err()
    {
        return Reply::Refused;
    }
    let mut header = [0_u8; 5];
    if stream.read_exact(&mut header).await.is_err() {
        // Closed without a word: not accepted.
        return Reply::Refused;
    }
    let length = usize::from(u16::from_be_bytes([header[3], header[4]])).min(1024);
    let mut body = vec![0_u8; length];
    if stream.read_exact(&mut body).await.is_err() {
        return Reply::Unknown;
    }
    read_reply(offer, header, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fit_together() {
        for offer in [Offer::Tls10, Offer::Tls12, Offer::WeakCiphers] {
            let hello = client_hello(offer, "example.com", b"salt");
            let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
            assert_eq!(length, hello.len() - 5);
            let inner = usize::from(u16::from_be_bytes([hello[7], hello[8]]));
            assert_eq!(inner, length - 4);
        }
    }

    #[test]
    fn only_what_was_offered_counts_as_accepted() {
        let hello = |minor: u8, cipher: [u8; 2]| {
            let mut body = vec![2, 0, 0, 40, 3, minor];
            body.extend([7; 32]);
            body.extend([2, 9, 9]);
            body.extend(cipher);
            body
        };
        let header = [22, 3, 1, 0, 0];
        for (offer, body, expected) in [
            (Offer::Tls10, hello(1, [0xc0, 0x13]), Reply::Accepted),
            (Offer::Tls10, hello(3, [0xc0, 0x13]), Reply::Refused),
            (Offer::WeakCiphers, hello(3, [0x00, 0x0a]), Reply::Accepted),
            (Offer::WeakCiphers, hello(3, [0xc0, 0x2f]), Reply::Refused),
            (Offer::Tls10, vec![2, 0], Reply::Unknown),
            (Offer::Tls10, vec![], Reply::Unknown),
        ] {
            assert_eq!(read_reply(offer, header, &body), expected, "{offer:?}");
        }
        assert_eq!(
            read_reply(Offer::Tls10, [21, 3, 1, 0, 2], &[2, 70]),
            Reply::Refused
        );
        assert_eq!(read_reply(Offer::Tls10, *b"HTTP/", b"1.1 "), Reply::Unknown);
    }
}
