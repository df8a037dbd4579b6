//! A verifier that decides as always and remembers what it was shown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// What a server presented and what the verifier thought of it.
#[derive(Clone, Debug)]
pub(super) struct Presented {
    /// The certificates, the server's own first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Whether a revocation status was stapled.
    pub(super) stapled: bool,
    /// Why the chain was refused; `None` when it was not.
    pub(super) refused: Option<String>,
}

/// Delegates every decision to webpki and keeps the chain.
#[derive(Debug)]
pub(super) struct Recorder {
    /// Who decides.
    inner: Arc<WebPkiServerVerifier>,
    /// What was presented last.
    seen: Mutex<Option<Presented>>,
    /// Whether the server asked for a client certificate.
    asked: AtomicBool,
}

impl Recorder {
    /// A recorder that has seen nothing yet.
    pub(super) fn new(inner: Arc<WebPkiServerVerifier>) -> Self {
        Self {
            inner,
            seen: Mutex::new(None),
            asked: AtomicBool::new(false),
        }
    }

    /// What was presented.
    pub(super) fn seen(&self) -> Option<Presented> {
        self.seen.lock().ok()?.clone()
    }

    /// Whether the server asked for a client certificate.
    pub(super) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let mut chain = vec![end_entity.clone().into_owned()];
        chain.extend(intermediates.iter().map(|c| c.clone().into_owned()));
        if let Ok(mut seen) = self.seen.lock() {
            *seen = Some(Presented {
                chain,
                stapled: !ocsp_response.is_empty(),
                refused: verdict.as_ref().err().map(ToString::to_string),
            });
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

impl ResolvesClientCert for Recorder {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Whether a chain leads to a trusted authority, names and the leaf's dates aside.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Trust {
    /// It does.
    Trusted,
    /// No trusted authority is reached.
    UnknownIssuer,
    /// A certificate on the way has expired.
    Expired,
    /// A certificate on the way is not valid yet.
    NotYetValid,
    /// A signature algorithm on the way is not accepted.
    WeakSignature,
    /// Something else, in the verifier's words.
    Other(String),
}

/// Asks the verifier about a chain at a moment (unix seconds).
pub(super) fn trust(
    verifier: &WebPkiServerVerifier,
    chain: &[CertificateDer<'static>],
    at: i64,
) -> Trust {
    let Some((leaf, rest)) = chain.split_first() else {
        return Trust::UnknownIssuer;
    };
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).unwrap_or(0)));
    let Ok(any_name) = ServerName::try_from("name.invalid") else {
        return Trust::Other("no name".to_owned());
    };
    match verifier.verify_server_cert(leaf, rest, &any_name, &[], at) {
        Ok(_) => Trust::Trusted,
        Err(Error::InvalidCertificate(reason)) => match reason {
            // The name is looked at last: everything before it was fine.
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Trust::Trusted
            }
            CertificateError::UnknownIssuer => Trust::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Trust::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Trust::NotYetValid
            }
            other => {
                let text = format!("{other:?}");
                // An authority of that name exists, but it did not sign this: another kind of
                // key, or another key.
                if text.starts_with("BadSignature") || text.contains("ForPublicKey") {
                    Trust::UnknownIssuer
                } else if text.starts_with("UnsupportedSignature") {
                    Trust::WeakSignature
                } else {
                    Trust::Other(other.to_string())
                }
            }
        },
        Err(other) => Trust::Other(other.to_string()),
    }
}

/// Whether the certificate covers a name or address.
pub(super) fn covers(leaf: &CertificateDer<'_>, name: &str) -> bool {
    let Ok(name) = ServerName::try_from(name) else {
        return false;
    };
    ParsedCertificate::try_from(leaf).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
}
