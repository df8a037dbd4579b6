//! Certificates, good and bad, from an authority made for one test.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use tempfile::NamedTempFile;

/// One day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate authority, root or intermediate.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    /// The certificates that a server must send after a leaf of this authority.
    intermediates: String,
    file: NamedTempFile,
}

impl Authority {
    /// Makes a root.
    pub(crate) fn root() -> Self {
        let (params, key) = Self::params("readyctl test root");
        let pem = params.self_signed(&key).unwrap().pem();
        Self::new(params, key, pem, String::new())
    }

    /// Makes an intermediate authority under this one.
    pub(crate) fn intermediate(&self) -> Self {
        self.intermediate_with(|_| {})
    }

    /// Makes an intermediate authority that is special in some way.
    pub(crate) fn intermediate_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (mut params, key) = Self::params("readyctl test intermediate");
        change(&mut params);
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        let intermediates = format!("{pem}{}", self.intermediates);
        Self::new(params, key, pem, intermediates)
    }

    /// Signs a leaf.
    pub(crate) fn issue(&self, leaf: &Leaf) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf.params().signed_by(&key, &self.issuer).unwrap().pem();
        Identity {
            chain: format!("{certificate}{}", self.intermediates),
            certificate,
            key: key.serialize_pem(),
        }
    }

    /// The authority's certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A file with the authority's certificate, there as long as the authority is.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    fn new(params: CertificateParams, key: KeyPair, pem: String, intermediates: String) -> Self {
        let file = tempfile::Builder::new()
            .suffix(".pem")
            // Servers, which are other users, read it too.
            .permissions(Permissions::from_mode(0o644))
            .tempfile()
            .unwrap();
        fs::write(file.path(), &pem).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            pem,
            intermediates,
            file,
        }
    }

    fn params(name: &str) -> (CertificateParams, KeyPair) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params, KeyPair::generate().unwrap())
    }
}

/// What a server's certificate says: its names, and when it is valid.
pub(crate) struct Leaf {
    names: Vec<String>,
    not_before: SystemTime,
    not_after: SystemTime,
    extensions: Vec<CustomExtension>,
}

impl Leaf {
    /// For `localhost`, and so not for 127.0.0.1; valid for 90 days.
    pub(crate) fn localhost() -> Self {
        Self::named(&["localhost"])
    }

    /// For other names or addresses.
    pub(crate) fn named(names: &[&str]) -> Self {
        let now = SystemTime::now();
        Self {
            names: names.iter().map(ToString::to_string).collect(),
            not_before: now - DAY,
            not_after: now + 90 * DAY,
            extensions: Vec::new(),
        }
    }

    /// Ends `left` from now.
    pub(crate) fn ending_in(mut self, left: Duration) -> Self {
        self.not_after = SystemTime::now() + left;
        self
    }

    /// Began `ago` before now.
    pub(crate) fn begun(mut self, ago: Duration) -> Self {
        self.not_before = SystemTime::now() - ago;
        self
    }

    /// Demands a stapled revocation status (RFC 7633).
    pub(crate) fn must_staple(mut self) -> Self {
        let status_request = vec![0x30, 3, 2, 1, 5];
        self.extensions.push(CustomExtension::from_oid_content(
            &[1, 3, 6, 1, 5, 5, 7, 1, 24],
            status_request,
        ));
        self
    }

    /// Ended yesterday.
    pub(crate) fn expired(mut self) -> Self {
        self.not_before = SystemTime::now() - 30 * DAY;
        self.not_after = SystemTime::now() - DAY;
        self
    }

    /// Begins tomorrow.
    pub(crate) fn not_yet_valid(mut self) -> Self {
        self.not_before = SystemTime::now() + DAY;
        self
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::new(self.names.clone()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, &self.names[0]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = self.not_before.into();
        params.not_after = self.not_after.into();
        params.custom_extensions.clone_from(&self.extensions);
        params
    }
}

/// A certificate with its key, as PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    /// The leaf alone: what a server that forgot its intermediates sends.
    pub(crate) certificate: String,
    /// The leaf and every intermediate.
    pub(crate) chain: String,
    /// The key.
    pub(crate) key: String,
}

impl Identity {
    /// A leaf that no authority signed.
    pub(crate) fn self_signed(leaf: &Leaf) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf.params().self_signed(&key).unwrap().pem();
        Self {
            chain: certificate.clone(),
            certificate,
            key: key.serialize_pem(),
        }
    }

    /// The same leaf, sent without the intermediates.
    pub(crate) fn without_intermediates(mut self) -> Self {
        self.chain.clone_from(&self.certificate);
        self
    }
}
