//! The opening handshake, byte by byte: what a library would hide is what is looked at.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use url::Url;

use super::facts::Handshake;
use crate::context::{Context, timed_out};
use crate::exchange::{cut, millis, shown_url};
use crate::kinds::dial::{Endpoint, connect};
use crate::net::{TlsOptions, USER_AGENT, error_fault, io_fault, tls_config};
use crate::outcome::{Cause, Fault};
use crate::pace;

/// Longest head of an answer.
const LONGEST_HEAD: usize = 16 * 1024;
/// Longest header value that is kept.
const LONGEST_VALUE: usize = 200;

/// A connection, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// What is asked of a server.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// Where.
    pub(super) url: Url,
    /// Headers besides those of the handshake itself.
    pub(super) headers: Vec<(String, String)>,
    /// Origin.
    pub(super) origin: Option<String>,
    /// Subprotocols to offer.
    pub(super) subprotocols: Vec<String>,
    /// Trust.
    pub(super) tls: TlsOptions,
}

/// An answered handshake with its connection.
pub(super) struct Opened {
    /// What came back.
    pub(super) answer: Handshake,
    /// The connection.
    pub(super) stream: Box<dyn Stream>,
    /// What the server sent behind its answer already.
    pub(super) rest: Vec<u8>,
}

/// Connects and shakes hands; again, when a rate limiter asks for a short wait.
pub(super) async fn open(cx: &Context, ask: &Ask) -> Result<Opened, Fault> {
    // The same limiter that the pages of the service are behind.
    let mut url = ask.url.clone();
    let scheme = if url.scheme() == "wss" {
        "https"
    } else {
        "http"
    };
    let _kept_when_impossible = url.set_scheme(scheme);
    let mut turn = cx
        .pace
        .turn(&cx.waited, &url.origin().ascii_serialization())
        .await;
    loop {
        let opened = open_once(cx, ask).await?;
        let retry_after = opened.answer.retry_after.as_deref();
        match pace::asked_wait(opened.answer.status, retry_after) {
            Some(wait) if turn.again(wait).await => {}
            _ => return Ok(opened),
        }
    }
}

/// Connects and shakes hands once.
async fn open_once(cx: &Context, ask: &Ask) -> Result<Opened, Fault> {
    let what = shown_url(&ask.url);
    let started = Instant::now();
    // A little earlier than the whole check, so that this fault is told.
    let margin = Duration::from_millis(20);
    let end = cx.end();
    let deadline = end.checked_sub(margin).unwrap_or(end);
    let mut stream = connected(cx, ask, &what).await?;
    let key = generate_key();
    let talking = async {
        stream.write_all(request(ask, &key).as_bytes()).await?;
        stream.flush().await?;
        read_head(&mut stream).await
    };
    let (head, rest) = timeout_at(deadline, talking)
        .await
        .map_err(|_| timed_out(&what, started.elapsed()))?
        .map_err(|error| io_fault(&what, &error))?;
    let answer = parse(&head, &key, millis(started.elapsed())).ok_or_else(|| {
        Fault::new(
            Cause::Protocol,
            format!("{what} does not answer with HTTP/1.1"),
        )
        .hint("see whether this port speaks HTTP; an edge that speaks HTTP/2 only cannot upgrade")
    })?;
    Ok(Opened {
        answer,
        stream,
        rest,
    })
}

/// A connection, with TLS where the URL says so.
async fn connected(cx: &Context, ask: &Ask, what: &str) -> Result<Box<dyn Stream>, Fault> {
    let endpoint = Endpoint::of_url(ask.url.as_str())
        .ok_or_else(|| Fault::new(Cause::Unparseable, "the URL names no host and port"))?;
    let stream = connect(cx, &endpoint).await?;
    // Small frames must not wait for each other.
    let _slower_at_worst = stream.set_nodelay(true);
    if ask.url.scheme() != "wss" {
        return Ok(Box::new(stream));
    }
    let mut config = tls_config(&ask.tls)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(endpoint.host.clone()).map_err(|_| {
        Fault::new(
            Cause::Unparseable,
            format!("{} cannot be the name in a certificate", endpoint.host),
        )
    })?;
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let stream = cx
        .within(what, shaking)
        .await?
        .map_err(|error| error_fault(what, &error))?;
    Ok(Box::new(stream))
}

/// The request.
fn request(ask: &Ask, key: &str) -> String {
    let url = &ask.url;
    let mut target = url.path().to_owned();
    if let Some(query) = url.query() {
        target = format!("{target}?{query}");
    }
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    let mut lines = vec![
        format!("GET {target} HTTP/1.1"),
        format!("Host: {host}"),
        format!("User-Agent: {USER_AGENT}"),
        "Connection: Upgrade".to_owned(),
        "Upgrade: websocket".to_owned(),
        "Sec-WebSocket-Version: 13".to_owned(),
        format!("Sec-WebSocket-Key: {key}"),
    ];
    if let Some(origin) = &ask.origin {
        lines.push(format!("Origin: {origin}"));
    }
    if !ask.subprotocols.is_empty() {
        let offer = ask.subprotocols.join(", ");
        lines.push(format!("Sec-WebSocket-Protocol: {offer}"));
    }
    for (name, value) in &ask.headers {
        lines.push(format!("{name}: {value}"));
    }
    lines.push("\r\n".to_owned());
    lines.join("\r\n")
}

/// Reads up to the empty line; what follows it belongs to the conversation.
async fn read_head(stream: &mut Box<dyn Stream>) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut head: Vec<u8> = Vec::new();
    let mut part = [0_u8; 4096];
    loop {
        let n = stream.read(&mut part).await?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        head.extend(part.iter().take(n));
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = head.split_off(end + 4);
            return Ok((head, rest));
        }
        if head.len() > LONGEST_HEAD {
            return Ok((Vec::new(), Vec::new()));
        }
    }
}

/// What the head of an answer says; `None` when it is none.
pub(super) fn parse(head: &[u8], key: &str, ms: u64) -> Option<Handshake> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    if !first.next()?.starts_with("HTTP/1.") {
        return None;
    }
    let status: u16 = first.next()?.parse().ok()?;
    let mut answer = Handshake {
        status,
        ms,
        ..Handshake::default()
    };
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = cut(value.trim(), LONGEST_VALUE).to_owned();
        let place = match name.trim().to_ascii_lowercase().as_str() {
            "upgrade" => &mut answer.upgrade,
            "connection" => &mut answer.connection,
            "sec-websocket-protocol" => &mut answer.subprotocol,
            "sec-websocket-extensions" => &mut answer.extensions,
            "content-type" => &mut answer.content_type,
            "server" => &mut answer.server,
            "retry-after" => &mut answer.retry_after,
            "location" => {
                let shown = Url::parse(&value).map(|url| shown_url(&url));
                let plain = value.split(['?', '#']).next().unwrap_or_default();
                answer.location = Some(shown.unwrap_or_else(|_| plain.to_owned()));
                continue;
            }
            "sec-websocket-accept" => {
                answer.accept = Some(value == derive_accept_key(key.as_bytes()));
                continue;
            }
            _ => continue,
        };
        // Several lines are one list.
        *place = Some(match place.take() {
            Some(before) => format!("{before}, {value}"),
            None => value,
        });
    }
    Some(answer)
}
