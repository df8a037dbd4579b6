//! One verified handshake an address; everything about the chain is worked out from what was
//! presented in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Tls;
use super::describe::{self, Certificate};
use super::hello::{self, Offer, Reply};
use super::verifier::{Presented, Recorder, Trust, covers, trust};
use crate::context::{Context, timed_out};
use crate::kinds::dial::{Dialed, Endpoint, dial, is_no_route, resolve};
use crate::kinds::tcp::Addresses;
use crate::net::{TlsOptions, error_fault, install_crypto, io_fault, roots};
use crate::outcome::{Cause, Fault};

/// How the fault of an address begins that this machine cannot even try.
const NO_ROUTE: &str = "this machine has no route";

/// What a server showed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// `host:port`, as declared.
    pub(super) target: String,
    /// The name asked for and verified.
    pub(super) name: String,
    /// One entry an address.
    pub(super) seen: Vec<Seen>,
    /// Fingerprint of the certificate for clients that name no server.
    pub(super) without_name: Option<String>,
    /// Replies to the offers that a good server turns down.
    pub(super) offers: Vec<(Offer, Reply)>,
}

/// What one address showed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Address and port.
    pub(super) address: String,
    /// Why nothing was presented: the cause and the words.
    pub(super) nothing: Option<Fault>,
    /// Version of TLS, when the handshake was completed.
    pub(super) version: Option<String>,
    /// Cipher, when the handshake was completed.
    pub(super) cipher: Option<String>,
    /// Application protocol the server chose.
    pub(super) alpn: Option<String>,
    /// Why the handshake failed.
    pub(super) failed: Option<String>,
    /// Why the certificate was refused, in the verifier's words.
    pub(super) refused: Option<String>,
    /// Whether the server asked for a client certificate.
    pub(super) asks_client: bool,
    /// Whether a revocation status was stapled.
    pub(super) stapled: bool,
    /// The certificates, the server's own first.
    pub(super) chain: Vec<Certificate>,
    /// Whether the chain leads to a trusted authority, judged while the leaf is valid.
    pub(super) trust: Option<Trust>,
    /// The same at the end of the leaf's life: an intermediate may expire before.
    pub(super) trust_at_end: Option<Trust>,
    /// Whether the system's own authorities vouch for it: a public certificate.
    pub(super) public: bool,
    /// Names that must be covered, and whether they are.
    pub(super) names: Vec<(String, bool)>,
}

impl Seen {
    /// An address that was not looked at yet.
    fn nothing_yet(address: SocketAddr) -> Self {
        Self {
            address: address.to_string(),
            nothing: None,
            version: None,
            cipher: None,
            alpn: None,
            failed: None,
            refused: None,
            asks_client: false,
            stapled: false,
            chain: Vec::new(),
            trust: None,
            trust_at_end: None,
            public: false,
            names: Vec::new(),
        }
    }
}

impl Tls {
    /// The offers that have to be turned down.
    pub(super) fn offers(&self) -> Vec<Offer> {
        let mut offers = Vec::new();
        // Inside another protocol each offer would be a whole conversation.
        if self.starttls.is_none() {
            offers.extend([Offer::Tls10, Offer::Tls11]);
            if self.min_version.to_string() == "1.3" {
                offers.push(Offer::Tls12);
            }
            if self.no_weak_ciphers {
                offers.extend([Offer::WeakCiphers, Offer::NoForwardSecrecy]);
            }
        }
        offers
    }

    /// Everything there is to see.
    pub(super) async fn look(&self, cx: &Context) -> Result<Facts, Fault> {
        if let Some(url) = &self.url {
            cx.redactor.add(url.expose());
        }
        install_crypto();
        let endpoint = self.endpoint().ok_or_else(|| {
            Fault::new(Cause::Unparseable, "the `url` names no host and port")
                .hint("write a URL with a host, for example `https://host/`")
        })?;
        let name = self
            .server_name
            .clone()
            .unwrap_or_else(|| endpoint.host.clone());
        let verifiers = self.verifiers(cx)?;
        let addresses = self.addresses(cx, &endpoint).await?;
        // A tenth is kept back: a silent address is a fact that must be told in time.
        let budget = cx.remaining().mul_f64(0.9);
        let looking = addresses.iter().map(|address| {
            let shown = if endpoint.to_string() == address.to_string() {
                endpoint.to_string()
            } else {
                format!("{endpoint} ({address})")
            };
            self.look_at(cx, &verifiers, *address, &name, shown, budget)
        });
        let mut seen = futures_util::future::join_all(looking).await;
        // An address that cannot be tried from here says nothing while others can.
        let untried = |seen: &Seen| {
            let fault = seen.nothing.as_ref();
            fault.is_some_and(|fault| fault.message.starts_with(NO_ROUTE))
        };
        if !seen.iter().all(untried) {
            seen.retain(|seen| !untried(seen));
        }
        // Nothing to describe anywhere: nobody could look.
        if let Some(fault) = seen.iter().find_map(|seen| seen.nothing.clone())
            && seen.iter().all(|seen| seen.nothing.is_some())
            && fault.cause != Cause::Tls
        {
            return Err(fault);
        }
        let first = seen.first().and_then(|seen| seen.address.parse().ok());
        let mut facts = Facts {
            target: endpoint.to_string(),
            without_name: None,
            offers: Vec::new(),
            seen,
            name,
        };
        let Some(first) = first else { return Ok(facts) };
        if self.same_without_name {
            facts.without_name = self.nameless(cx, &verifiers, first).await?;
        }
        for offer in self.offers() {
            let reply = make_offer(cx, offer, first, &facts.name).await;
            facts.offers.push((offer, reply));
        }
        // Only old versions are spoken: that is a finding. Anything else is an obstacle.
        let old = facts
            .offers
            .iter()
            .any(|(offer, reply)| *offer != Offer::NoForwardSecrecy && *reply == Reply::Accepted);
        match facts.seen.iter().find_map(|seen| seen.nothing.clone()) {
            Some(fault) if !old && facts.seen.iter().all(|seen| seen.nothing.is_some()) => {
                Err(fault)
            }
            _ => Ok(facts),
        }
    }

    /// The addresses to look at.
    async fn addresses(&self, cx: &Context, endpoint: &Endpoint) -> Result<Vec<SocketAddr>, Fault> {
        if !self.connect_to.is_empty() {
            let mut addresses = Vec::new();
            for text in &self.connect_to {
                let place = Endpoint::parse(text, Some(endpoint.port)).ok_or_else(|| {
                    Fault::new(Cause::Unparseable, "`connect_to` names no host and port")
                        .hint("write `host:port`")
                })?;
                addresses.extend(resolve(cx, &place).await?.into_iter().take(1));
            }
            return Ok(addresses);
        }
        let mut addresses = resolve(cx, endpoint).await?;
        if self.addresses == Addresses::First {
            addresses.truncate(1);
        }
        Ok(addresses)
    }

    /// The verifier with the declared authorities, and the one with the system's alone.
    fn verifiers(&self, cx: &Context) -> Result<Verifiers, Fault> {
        let build = |options: &TlsOptions| -> Result<Option<Arc<WebPkiServerVerifier>>, Fault> {
            let roots = roots(options)?;
            if roots.is_empty() {
                return Ok(None);
            }
            WebPkiServerVerifier::builder(Arc::new(roots))
                .build()
                .map(Some)
                .map_err(|error| Fault::new(Cause::Internal, format!("no verifier: {error}")))
        };
        let declared = build(&TlsOptions {
            ca_file: self.ca_file().map(|path| cx.folder.join(path)),
        })?
        .ok_or_else(|| {
            Fault::new(Cause::Missing, "this machine trusts no authority at all")
                .hint("install the `ca-certificates` package")
        })?;
        Ok(Verifiers {
            system: build(&TlsOptions::default())?,
            declared,
        })
    }

    /// Shakes hands with one address.
    async fn look_at(
        &self,
        cx: &Context,
        verifiers: &Verifiers,
        address: SocketAddr,
        name: &str,
        shown: String,
        budget: Duration,
    ) -> Seen {
        let mut seen = Seen::nothing_yet(address);
        let recorder = Arc::new(Recorder::new(verifiers.declared.clone()));
        let looking = async {
            let place = (address, shown.as_str());
            let tried = self
                .handshake(cx, &recorder, place, (name, true), &self.alpn, &mut seen)
                .await;
            match tried {
                // Without a common protocol some servers end the handshake: look without any.
                Err(fault) if fault.message.contains("NoApplicationProtocol") => {
                    self.handshake(cx, &recorder, place, (name, true), &[], &mut seen)
                        .await
                }
                other => other,
            }
        };
        match tokio::time::timeout(budget, looking).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => {
                seen.failed = Some(fault.message.clone());
                seen.nothing = Some(fault);
            }
            Err(_) => {
                let fault = timed_out(&format!("the TLS handshake with {shown}"), budget);
                seen.failed = Some(fault.message.clone());
                seen.nothing = Some(fault);
            }
        }
        seen.asks_client = recorder.asked();
        if let Some(presented) = recorder.seen() {
            seen.nothing = None;
            self.describe(&presented, verifiers, name, &mut seen, cx.now.as_second());
        }
        seen
    }

    /// Connects and shakes hands; what the completed handshake says goes into `seen`.
    async fn handshake(
        &self,
        cx: &Context,
        recorder: &Arc<Recorder>,
        (address, shown): (SocketAddr, &str),
        (name, with_name): (&str, bool),
        alpn: &[String],
        seen: &mut Seen,
    ) -> Result<(), Fault> {
        let mut stream = open(cx, address, shown).await?;
        if let Some(starttls) = self.starttls {
            starttls.begin(cx, &mut stream, shown).await?;
        }
        let mut config = ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(recorder.clone())
            .with_client_cert_resolver(recorder.clone());
        config.enable_sni = with_name;
        config.alpn_protocols = alpn.iter().map(|p| p.clone().into_bytes()).collect();
        let name = ServerName::try_from(name.to_owned()).map_err(|_| {
            Fault::new(
                Cause::Unparseable,
                format!("{name:?} is no TLS server name"),
            )
            .hint("write a host name or an IP address")
        })?;
        let connector = TlsConnector::from(Arc::new(config));
        let secured = cx
            .within(
                &format!("the TLS handshake with {shown}"),
                connector.connect(name, stream),
            )
            .await?
            .map_err(|error| handshake_fault(shown, &error))?;
        let (_, connection) = secured.get_ref();
        seen.version = connection
            .protocol_version()
            .and_then(|version| version.as_str())
            .map(|version| version.replace("TLSv1_", "1."));
        seen.cipher = connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .map(str::to_owned);
        seen.alpn = connection
            .alpn_protocol()
            .map(|protocol| String::from_utf8_lossy(protocol).into_owned());
        Ok(())
    }

    /// Works out what was presented.
    fn describe(
        &self,
        presented: &Presented,
        verifiers: &Verifiers,
        name: &str,
        seen: &mut Seen,
        now: i64,
    ) {
        seen.refused.clone_from(&presented.refused);
        seen.stapled = presented.stapled;
        let names = std::iter::once(name).chain(self.names.iter().map(String::as_str));
        let Some((leaf, chain)) = presented
            .chain
            .first()
            .zip(describe::chain(&presented.chain))
        else {
            return;
        };
        seen.names = names
            .map(|name| (name.to_owned(), covers(leaf, name)))
            .collect();
        if let Some(first) = chain.first() {
            // While the leaf itself is valid, so that an expired leaf does not hide the rest.
            let valid = first.not_before..=first.not_after;
            let at = if valid.contains(&now) {
                now
            } else {
                first.not_before.midpoint(first.not_after)
            };
            let of = |verifier: &WebPkiServerVerifier, at| trust(verifier, &presented.chain, at);
            seen.trust = Some(of(&verifiers.declared, at));
            seen.trust_at_end = Some(of(&verifiers.declared, first.not_after - 1));
            seen.public = verifiers
                .system
                .as_ref()
                .is_some_and(|system| of(system, at) == Trust::Trusted);
        }
        seen.chain = chain;
    }

    /// The fingerprint that a client without a name gets.
    async fn nameless(
        &self,
        cx: &Context,
        verifiers: &Verifiers,
        address: SocketAddr,
    ) -> Result<Option<String>, Fault> {
        let recorder = Arc::new(Recorder::new(verifiers.declared.clone()));
        let mut unused = Seen::nothing_yet(address);
        let shown = address.to_string();
        let name = "name.invalid";
        // It may well fail, by name or by alert: only what is presented counts.
        let _outcome = self
            .handshake(
                cx,
                &recorder,
                (address, &shown),
                (name, false),
                &[],
                &mut unused,
            )
            .await;
        Ok(recorder
            .seen()
            .and_then(|presented| describe::chain(&presented.chain))
            .and_then(|chain| chain.first().map(|leaf| leaf.fingerprint.clone())))
    }
}

/// Who judges chains.
struct Verifiers {
    /// With the declared authorities.
    declared: Arc<WebPkiServerVerifier>,
    /// With the system's alone.
    system: Option<Arc<WebPkiServerVerifier>>,
}

/// A connection to an address.
async fn open(cx: &Context, address: SocketAddr, shown: &str) -> Result<TcpStream, Fault> {
    match dial(address, cx.remaining()).await {
        Dialed::Open(stream, _) => Ok(stream),
        Dialed::Failed(error) if is_no_route(&error) => Err(Fault::new(
            Cause::Unreachable,
            format!("{NO_ROUTE} to {shown}: {error}"),
        )
        .hint("check the network of this machine; without IPv6, `addresses: first` may help")),
        Dialed::Failed(error) => Err(io_fault(shown, &error)),
        Dialed::Silent(after) => Err(timed_out(shown, after)),
    }
}

/// The fault of a failed handshake; a closed connection usually means that TLS is not spoken.
fn handshake_fault(shown: &str, error: &std::io::Error) -> Fault {
    let fault = error_fault(shown, error);
    match fault.cause {
        Cause::Unreachable | Cause::Protocol => Fault::new(
            Cause::Tls,
            format!("{shown} ended the connection during the TLS handshake"),
        )
        .hint("see whether this port speaks TLS, and whether it needs `starttls:`"),
        _ => fault,
    }
}

/// Makes one offer.
async fn make_offer(cx: &Context, offer: Offer, address: SocketAddr, name: &str) -> Reply {
    // At most two seconds, and never the time the rest needs.
    let patience = (cx.remaining() / 4).min(Duration::from_secs(2));
    let salt = format!("{}{:?}{}", cx.check, offer, cx.now);
    let making = async {
        match dial(address, patience).await {
            Dialed::Open(stream, _) => hello::make(offer, name, salt.as_bytes(), stream).await,
            Dialed::Failed(_) | Dialed::Silent(_) => Reply::Unknown,
        }
    };
    tokio::time::timeout(patience, making)
        .await
        .unwrap_or(Reply::Unknown)
}
