//! TLS for PostgreSQL, verified exactly as much as the DSN's `sslmode` asks for.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

use super::dsn::{Dsn, Roots, SslMode};
use crate::net;
use crate::outcome::{Cause, Fault};

/// The client configuration the DSN asks for.
///
/// # Errors
/// When a file the DSN names cannot be used.
pub(super) fn config(dsn: &Dsn, mode: SslMode) -> Result<ClientConfig, Fault> {
    net::install_crypto();
    let versions: &[&rustls::SupportedProtocolVersion] = if dsn.only_tls13 {
        &[&rustls::version::TLS13]
    } else {
        rustls::ALL_VERSIONS
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Verifier::new(dsn, mode, Arc::clone(&provider))?);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| Fault::new(Cause::Internal, format!("no TLS: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &dsn.identity {
        Some((certificate, key)) => builder
            .with_client_auth_cert(net::read_certificates(certificate)?, private_key(key)?)
            .map_err(|error| {
                Fault::new(
                    Cause::Tls,
                    format!("the client certificate cannot be used: {error}"),
                )
                .code("PG-01")
                .hint("see whether `sslcert` and `sslkey` belong together")
            })?,
        None => builder.with_no_client_auth(),
    };
    if dsn.direct_tls {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(config)
}

/// The key of a PEM file.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Fault> {
    let pem = std::fs::read(path).map_err(|error| net::file_fault(path, &error))?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        Fault::new(
            Cause::Unparseable,
            format!("{} holds no unencrypted PEM key", path.display()),
        )
        .code("PG-01")
        .hint("point `sslkey=` at an unencrypted key in PEM form")
    })
}

/// Verifies what the mode asks for and nothing else.
#[derive(Debug)]
struct Verifier {
    /// How much.
    mode: SslMode,
    /// Verifies chain and name; absent when nothing is verified.
    inner: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates of the DSN's own file: a server certificate among them is trusted as it is.
    pinned: Vec<CertificateDer<'static>>,
    /// Algorithms.
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Reads the authorities.
    fn new(dsn: &Dsn, mode: SslMode, provider: Arc<CryptoProvider>) -> Result<Self, Fault> {
        let mut pinned = Vec::new();
        let mut inner = None;
        if mode >= SslMode::VerifyCa {
            let store = match &dsn.roots {
                Roots::File(path) => {
                    pinned = net::read_certificates(path)?;
                    let mut store = RootCertStore::empty();
                    store.add_parsable_certificates(pinned.clone());
                    store
                }
                Roots::System | Roots::Unsaid => net::roots(&net::TlsOptions::default())?,
            };
            inner = Some(
                WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider))
                    .build()
                    .map_err(|error| {
                        Fault::new(
                            Cause::Tls,
                            format!("no usable certificate authority: {error}"),
                        )
                        .code("PG-01")
                        .hint("point `sslrootcert=` at the authority's certificate in PEM form")
                    })?,
            );
        }
        Ok(Self {
            mode,
            inner,
            pinned,
            provider,
        })
    }

    /// The name, from the certificate's alternative names or, as libpq does, its common name.
    fn verify_name(&self, der: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
        if self.mode < SslMode::VerifyFull {
            return Ok(());
        }
        let parsed = ParsedCertificate::try_from(der)?;
        match rustls::client::verify_server_name(&parsed, name) {
            Err(_) if common_name_matches(der, name) => Ok(()),
            other => other,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        match inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The chain is verified before the name: only the name is wrong here.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => {}
            // A self-signed server certificate that the DSN itself names.
            Err(error)
                if self
                    .pinned
                    .iter()
                    .any(|pinned| pinned.as_ref() == end_entity.as_ref()) =>
            {
                within_dates(end_entity, now, error)?;
            }
            other => return other,
        }
        self.verify_name(end_entity, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.inner.is_none() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.inner.is_none() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A pinned certificate still has to be valid today.
fn within_dates(der: &CertificateDer<'_>, now: UnixTime, otherwise: Error) -> Result<(), Error> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Err(otherwise);
    };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    Ok(())
}

/// Whether a certificate without alternative names is for this host by its common name.
fn common_name_matches(der: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return false;
    };
    let has_names = certificate.extensions().iter().any(|extension| {
        matches!(extension.parsed_extension(), ParsedExtension::SubjectAlternativeName(names)
            if names.general_names.iter().any(|n| matches!(n, GeneralName::DNSName(_) | GeneralName::IPAddress(_))))
    });
    if has_names {
        return false;
    }
    let wanted = name.to_str().to_ascii_lowercase();
    certificate
        .subject()
        .iter_common_name()
        .filter_map(|attribute| attribute.as_str().ok())
        .any(
            |common| match common.to_ascii_lowercase().strip_prefix("*.") {
                Some(domain) => wanted.split_once('.').is_some_and(|(_, d)| d == domain),
                None => common.eq_ignore_ascii_case(&wanted),
            },
        )
}
