//! Shared networking: one TLS stack, HTTP clients, and turning network errors into faults with a
//! cause and a hint.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::outcome::{Cause, Fault};

/// How readyctl names itself to servers.
pub(crate) const USER_AGENT: &str = concat!("readyctl/", env!("CARGO_PKG_VERSION"));

/// What a check may say about TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct TlsOptions {
    /// A PEM file of certificate authorities trusted besides the system's.
    pub(crate) ca_file: Option<PathBuf>,
}

/// Installs the process-wide crypto provider; harmless when called again.
pub(crate) fn install_crypto() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        // An error only says that another provider was installed first.
        let _already = rustls::crypto::ring::default_provider().install_default();
    });
}

/// The system's trusted authorities; Mozilla's list where the system has none. Read once.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        store
    })
}

/// The certificates of a PEM file.
///
/// # Errors
/// Cause `missing`, `denied` or `unparseable`, naming the file.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| file_fault(path, &error))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .filter_map(Result::ok)
        .collect();
    if certificates.is_empty() {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{shown} holds no PEM certificate"),
        )
        .hint("point at a file with `-----BEGIN CERTIFICATE-----` blocks"));
    }
    Ok(certificates)
}

/// The authorities to trust under these options.
///
/// # Errors
/// When the file named in the options cannot be used.
pub(crate) fn roots(options: &TlsOptions) -> Result<RootCertStore, Fault> {
    let mut store = system_roots().clone();
    if let Some(path) = &options.ca_file {
        store.add_parsable_certificates(read_certificates(path)?);
    }
    Ok(store)
}

/// A client configuration that verifies chain, name and dates.
///
/// # Errors
/// When the file named in the options cannot be used.
pub(crate) fn tls_config(options: &TlsOptions) -> Result<ClientConfig, Fault> {
    install_crypto();
    Ok(ClientConfig::builder()
        .with_root_certificates(roots(options)?)
        .with_no_client_auth())
}

/// HTTP clients, one a set of TLS options, sharing connections inside one audit. Clones share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Http {
    /// Clients built so far.
    clients: Arc<Mutex<HashMap<TlsOptions, reqwest::Client>>>,
}

impl Http {
    /// The client for these options: follows no redirects, keeps no cookies, verifies TLS,
    /// honours the usual proxy variables. Deadlines are the caller's.
    ///
    /// # Errors
    /// When the file named in the options cannot be used.
    pub(crate) fn client(&self, options: &TlsOptions) -> Result<reqwest::Client, Fault> {
        let poisoned = || Fault::new(Cause::Internal, "the HTTP clients are gone after a panic");
        if let Some(client) = self.clients.lock().map_err(|_| poisoned())?.get(options) {
            return Ok(client.clone());
        }
        let client = client_builder(options)?
            .pool_max_idle_per_host(4)
            .build()
            .map_err(|error| Fault::new(Cause::Internal, format!("no HTTP client: {error}")))?;
        self.clients
            .lock()
            .map_err(|_| poisoned())?
            .insert(options.clone(), client.clone());
        Ok(client)
    }
}

/// What every HTTP client of readyctl has in common: verified TLS, no redirects, the usual proxy
/// variables. This machine itself is never asked through a proxy.
///
/// # Errors
/// When the file named in the options cannot be used.
pub(crate) fn client_builder(options: &TlsOptions) -> Result<reqwest::ClientBuilder, Fault> {
    let direct = format!(
        "localhost,127.0.0.0/8,::1,{}",
        variable(["no_proxy", "NO_PROXY"]).unwrap_or_default()
    );
    let proxies = [
        variable(["http_proxy", "HTTP_PROXY"]).map(reqwest::Proxy::http),
        variable(["https_proxy", "HTTPS_PROXY"]).map(reqwest::Proxy::https),
        variable(["all_proxy", "ALL_PROXY"]).map(reqwest::Proxy::all),
    ];
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config(options)?)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(USER_AGENT)
        .no_proxy();
    for proxy in proxies.into_iter().flatten() {
        let proxy = proxy.map_err(|error| {
            Fault::new(
                Cause::Unparseable,
                format!("a proxy variable is no address: {error}"),
            )
            .hint("correct HTTP_PROXY, HTTPS_PROXY or ALL_PROXY, or unset them")
        })?;
        builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&direct)));
    }
    Ok(builder)
}

/// The first of several spellings of a variable that is set and not empty.
fn variable<const N: usize>(names: [&str; N]) -> Option<String> {
    names
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// The fault of a failed HTTP exchange with `what` (method and URL, or host and port).
pub(crate) fn http_fault(what: &str, error: &reqwest::Error) -> Fault {
    if error.is_timeout() {
        return Fault::new(Cause::Timeout, format!("no answer from {what} in time")).hint(
            "see whether the target is up and reachable from here; `timeout:` allows more time",
        );
    }
    error_fault(what, error)
}

/// The fault behind any network error, found by walking its sources.
pub(crate) fn error_fault(what: &str, error: &(dyn StdError + 'static)) -> Fault {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    let mut innermost = String::new();
    while let Some(current) = cause {
        innermost = current.to_string();
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return tls_fault(what, tls);
        }
        if let Some(io) = current.downcast_ref::<io::Error>() {
            // TLS errors travel inside I/O errors.
            if let Some(tls) = tls_error_inside(io) {
                return tls_fault(what, tls);
            }
            if io.kind() != io::ErrorKind::Other || io.raw_os_error().is_some() {
                return io_fault(what, io);
            }
        }
        if innermost.contains("connection closed before message completed") {
            return io_fault(what, &io::ErrorKind::ConnectionReset.into());
        }
        if innermost.contains("dns error") || innermost.contains("failed to lookup address") {
            return dns_fault(what, &innermost);
        }
        cause = current.source();
    }
    Fault::new(Cause::Protocol, format!("{what}: {innermost}"))
        .hint("see whether this port speaks the expected protocol")
}

/// The TLS error inside an I/O error, however many I/O errors wrap it: the `source()` of such a
/// wrapper passes over what it wraps.
fn tls_error_inside(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner
        .downcast_ref::<rustls::Error>()
        .or_else(|| inner.downcast_ref::<io::Error>().and_then(tls_error_inside))
}

/// The fault of a failed name lookup.
pub(crate) fn dns_fault(what: &str, detail: &str) -> Fault {
    let detail = detail.rsplit(": ").next().unwrap_or(detail);
    Fault::new(
        Cause::Dns,
        format!("the host name of {what} does not resolve ({detail})"),
    )
    .hint("check the spelling of the host and the resolver of this machine")
}

/// The fault behind an I/O error of a connection.
pub(crate) fn io_fault(what: &str, error: &io::Error) -> Fault {
    let text = error.to_string();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            Fault::new(Cause::Refused, format!("{what} refused the connection"))
                .hint("nothing listens on this port: start the service, or correct host and port")
        }
        io::ErrorKind::TimedOut => {
            Fault::new(Cause::Timeout, format!("no answer from {what} in time")).hint(
                "see whether the target is up and reachable from here; `timeout:` allows more time",
            )
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Fault::new(
            Cause::Unreachable,
            format!("{what} closed the connection early"),
        )
        .hint("see the service's log; a proxy in between may speak another protocol"),
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => Fault::new(
            Cause::Unreachable,
            format!("{what} cannot be reached: {text}"),
        )
        .hint("check routes and firewalls between here and the target"),
        _ if text.contains("failed to lookup address") || text.contains("resolve") => {
            dns_fault(what, &text)
        }
        _ => Fault::new(Cause::Unreachable, format!("{what}: {text}"))
            .hint("check the network between here and the target"),
    }
}

/// The fault of a failed TLS handshake, in plain words.
pub(crate) fn tls_fault(what: &str, error: &rustls::Error) -> Fault {
    use rustls::{CertificateError, Error};
    let (detail, hint) = match error {
        Error::InvalidCertificate(reason) => match reason {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                ("its certificate has expired", "renew the certificate")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                "its certificate is not valid yet",
                "check the clocks of both machines",
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                (
                    "its certificate is for another name",
                    "use a host name the certificate lists, or issue one for this name",
                )
            }
            CertificateError::UnknownIssuer => (
                "its certificate comes from an unknown authority",
                "serve the full chain, or name the authority with `ca_file:`",
            ),
            _ => (
                "its certificate is not acceptable",
                "look at the certificate with a `tls` check",
            ),
        },
        Error::InvalidMessage(_) => (
            "it does not speak TLS on this port",
            "check port and scheme",
        ),
        Error::AlertReceived(_) => (
            "it ended the TLS handshake with an alert",
            "look at the server's TLS versions and client certificate rules",
        ),
        _ => (
            "the TLS handshake failed",
            "look at the server's TLS settings",
        ),
    };
    Fault::new(
        Cause::Tls,
        format!("no trusted connection to {what}: {detail} ({error})"),
    )
    .hint(hint)
}

/// The fault of a file that cannot be read.
pub(crate) fn file_fault(path: &Path, error: &io::Error) -> Fault {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => Fault::new(Cause::Missing, format!("{shown} does not exist"))
            .hint("check the path; relative paths start at the working directory"),
        io::ErrorKind::PermissionDenied => {
            Fault::new(Cause::Denied, format!("{shown} may not be read"))
                .hint("give the user that runs readyctl read access")
        }
        io::ErrorKind::IsADirectory => {
            Fault::new(Cause::Unparseable, format!("{shown} is a folder")).hint("name a file")
        }
        io::ErrorKind::InvalidData => {
            Fault::new(Cause::Unparseable, format!("{shown} is not UTF-8 text"))
                .hint("save the file as UTF-8")
        }
        _ => Fault::new(Cause::Denied, format!("{shown} cannot be read: {error}"))
            .hint("check the file"),
    }
}

/// `host:port` of a URL, for the per-host limit; the scheme's default port is filled in.
pub(crate) fn host_key(url: &url::Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// Whether an address belongs to a cloud's metadata service or another link-local neighbour, which
/// a profile has no business probing.
pub(crate) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => {
            (v6.segments()[0] & 0xffc0) == 0xfe80
                || v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        }
    }
}
