//! When a credential that is part of a value runs out, and whether a key belongs to a certificate.

use base64::Engine as _;
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

/// The claims of a JSON web token; `None` when the text is none. The signature is not verified.
pub(crate) fn jwt_claims(text: &str) -> Option<Value> {
    let mut parts = text.split('.');
    let (header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let decode = |part: &str| -> Option<Value> {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(part.trim_end_matches('='))
            .ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    decode(header)?.get("alg")?;
    decode(claims).filter(Value::is_object)
}

/// When the token or the first certificate to run out does, and what it is.
pub(crate) fn expiry(text: &str) -> Option<(Timestamp, &'static str)> {
    let token = text
        .trim()
        .strip_prefix("Bearer ")
        .unwrap_or_else(|| text.trim());
    if let Some(claims) = jwt_claims(token) {
        let seconds = claims.get("exp")?.as_f64()?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a saturating cast of a date"
        )]
        let at = Timestamp::from_second(seconds as i64).ok()?;
        return Some((at, "JSON web token"));
    }
    certificates(text)
        .iter()
        .filter_map(|der| {
            let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
            Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
        })
        .min()
        .map(|at| (at, "certificate"))
}

/// The certificates of a PEM text.
fn certificates(text: &str) -> Vec<CertificateDer<'static>> {
    if !text.contains("BEGIN CERTIFICATE") {
        return Vec::new();
    }
    CertificateDer::pem_slice_iter(text.as_bytes())
        .filter_map(Result::ok)
        .collect()
}

/// Whether a private key belongs to a certificate; `None` when one of them cannot be understood.
pub(crate) fn key_fits_certificate(key: &str, certificate: &str) -> Option<bool> {
    let chain = certificates(certificate);
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).ok()?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key).ok()?;
    let first = chain.first()?;
    let (_, parsed) = x509_parser::parse_x509_certificate(first).ok()?;
    let public = key.public_key()?;
    Some(public.as_ref() == parsed.public_key().raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An unsigned token with these claims.
    pub(crate) fn token(claims: &str) -> String {
        let b64 = |t: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(t);
        format!("{}.{}.c2ln", b64(r#"{"alg":"HS256"}"#), b64(claims))
    }

    #[test]
    fn tokens_and_certificates_say_when_they_run_out() {
        assert_eq!(
            expiry(&token(r#"{"exp":1700000000}"#)).map(|(at, _)| at.as_second()),
            Some(1_700_000_000)
        );
        assert_eq!(expiry(&token(r#"{"sub":"x"}"#)), None);
        assert_eq!(expiry("a.b.c"), None);
        let mut params = rcgen::CertificateParams::new(vec!["x.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let (at, what) = expiry(&certificate).unwrap();
        assert_eq!(
            (at.to_string().as_str(), what),
            ("2020-01-02T00:00:00Z", "certificate")
        );
    }

    #[test]
    fn a_key_fits_its_own_certificate_only() {
        let key = rcgen::KeyPair::generate().unwrap();
        let other = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["x.example".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .pem();
        assert_eq!(
            key_fits_certificate(&key.serialize_pem(), &certificate),
            Some(true)
        );
        assert_eq!(
            key_fits_certificate(&other.serialize_pem(), &certificate),
            Some(false)
        );
        assert_eq!(key_fits_certificate("nonsense", &certificate), None);
    }
}
