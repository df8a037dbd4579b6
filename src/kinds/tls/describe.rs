//! Certificates in words.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;

/// A certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Certificate {
    /// Who it is for.
    pub(super) subject: String,
    /// Who signed it.
    pub(super) issuer: String,
    /// SHA-256 over the whole certificate.
    pub(super) fingerprint: String,
    /// First moment, unix seconds.
    pub(super) not_before: i64,
    /// Last moment, unix seconds.
    pub(super) not_after: i64,
    /// Names and addresses it covers, at most 100.
    pub(super) names: Vec<String>,
    /// Kind of key: `RSA`, `EC`, `Ed25519`.
    pub(super) key: String,
    /// Size of the key in bits; 0 when that does not say anything.
    pub(super) key_bits: u32,
    /// Signature algorithm.
    pub(super) signature: String,
    /// Whether that algorithm is broken (SHA-1, MD5).
    pub(super) weak_signature: bool,
    /// Whether subject and issuer are the same.
    pub(super) self_issued: bool,
    /// Whether it says where its issuer's certificate can be fetched, as public ones do.
    pub(super) names_issuer_url: bool,
    /// Whether it demands a stapled status.
    pub(super) must_staple: bool,
    /// Whether the certificate sent after it issued it.
    pub(super) next_is_issuer: bool,
}

/// Describes a chain; `None` when a certificate cannot be read.
pub(super) fn chain(presented: &[CertificateDer<'static>]) -> Option<Vec<Certificate>> {
    let parsed: Vec<X509Certificate<'_>> = presented
        .iter()
        .map(|der| {
            X509Certificate::from_der(der)
                .ok()
                .map(|(_, parsed)| parsed)
        })
        .collect::<Option<_>>()?;
    Some(
        parsed
            .iter()
            .zip(presented)
            .enumerate()
            .map(|(at, (certificate, der))| {
                let next = parsed.get(at + 1);
                let is_issuer = |next: &X509Certificate<'_>| {
                    next.subject().as_raw() == certificate.issuer().as_raw()
                };
                describe(certificate, der, next.is_some_and(is_issuer))
            })
            .collect(),
    )
}

/// Describes one certificate.
fn describe(parsed: &X509Certificate<'_>, der: &[u8], next_is_issuer: bool) -> Certificate {
    let (key, key_bits) = key_of(parsed);
    let oid = parsed.signature_algorithm.algorithm.to_id_string();
    let (signature, weak_signature) = signature_name(&oid);
    Certificate {
        subject: short(&parsed.subject().to_string()),
        issuer: short(&parsed.issuer().to_string()),
        fingerprint: Sha256::digest(der)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
        names: names_of(parsed),
        key,
        key_bits,
        signature: signature.map_or(oid, str::to_owned),
        weak_signature,
        self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
        names_issuer_url: parsed.extensions().iter().any(|extension| {
            matches!(extension.parsed_extension(), ParsedExtension::AuthorityInfoAccess(access)
                // id-ad-caIssuers
                if access.iter().any(|d| d.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2"))
        }),
        must_staple: parsed.extensions().iter().any(|extension| {
            // TLS feature (RFC 7633) with status_request (5) in its list of small integers.
            extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.24"
                && extension.value.windows(3).any(|item| item == [2, 1, 5])
        }),
        next_is_issuer,
    }
}

/// Text of bounded length.
fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Names and addresses.
fn names_of(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = parsed.subject_alternative_name() else {
        return Vec::new();
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(short(name)),
            GeneralName::IPAddress(bytes) => match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes).ok().map(IpAddr::from),
                _ => <[u8; 16]>::try_from(*bytes).ok().map(IpAddr::from),
            }
            .map(|address| address.to_string()),
            _ => None,
        })
        .take(100)
        .collect()
}

/// Kind and size of the key.
fn key_of(parsed: &X509Certificate<'_>) -> (String, u32) {
    let info = parsed.public_key();
    let bits = |size: usize| u32::try_from(size).unwrap_or(0);
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => ("RSA".to_owned(), bits(key.key_size())),
        Ok(PublicKey::EC(key)) => ("EC".to_owned(), bits(key.key_size())),
        _ => match info.algorithm.algorithm.to_id_string().as_str() {
            "1.3.101.112" => ("Ed25519".to_owned(), 256),
            "1.3.101.113" => ("Ed448".to_owned(), 448),
            other => (other.to_owned(), 0),
        },
    }
}

/// Name of a signature algorithm, and whether it is broken.
fn signature_name(oid: &str) -> (Option<&'static str>, bool) {
    match oid {
        "1.2.840.113549.1.1.4" => (Some("MD5 with RSA"), true),
        "1.2.840.113549.1.1.5" => (Some("SHA-1 with RSA"), true),
        "1.2.840.113549.1.1.10" => (Some("RSA-PSS"), false),
        "1.2.840.113549.1.1.11" => (Some("SHA-256 with RSA"), false),
        "1.2.840.113549.1.1.12" => (Some("SHA-384 with RSA"), false),
        "1.2.840.113549.1.1.13" => (Some("SHA-512 with RSA"), false),
        "1.2.840.10045.4.1" => (Some("ECDSA with SHA-1"), true),
        "1.2.840.10045.4.3.2" => (Some("ECDSA with SHA-256"), false),
        "1.2.840.10045.4.3.3" => (Some("ECDSA with SHA-384"), false),
        "1.2.840.10045.4.3.4" => (Some("ECDSA with SHA-512"), false),
        "1.3.101.112" => (Some("Ed25519"), false),
        _ => (None, false),
    }
}
