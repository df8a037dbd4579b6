//! Asking for TLS inside another protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::context::Context;
use crate::net::io_fault;
use crate::outcome::{Cause, Fault};

/// Most bytes read before TLS begins.
const MAX_BYTES: usize = 8192;

/// A protocol that upgrades to TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StartTls {
    /// PostgreSQL's SSLRequest.
    Postgres,
    /// SMTP's STARTTLS.
    Smtp,
    /// IMAP's STARTTLS.
    Imap,
    /// POP3's STLS.
    Pop3,
}

impl StartTls {
    /// The usual port.
    pub(super) fn port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Smtp => 587,
            Self::Imap => 143,
            Self::Pop3 => 110,
        }
    }

    /// Speaks until TLS may begin.
    ///
    /// # Errors
    /// When the server offers no TLS, or speaks another protocol.
    pub(super) async fn begin(
        self,
        cx: &Context,
        stream: &mut TcpStream,
        what: &str,
    ) -> Result<(), Fault> {
        let refused = |answer: &str| {
            let answer: String = answer.chars().take(80).collect();
            Fault::new(
                Cause::Tls,
                format!("{what} offers no TLS: it answered {answer:?}"),
            )
            .hint("switch TLS on in the service (PostgreSQL: `ssl = on`), or correct `starttls:`")
        };
        if self == Self::Postgres {
            // Length 8, then the code of SSLRequest.
            send(cx, stream, what, &[0, 0, 0, 8, 4, 210, 22, 47]).await?;
            let mut answer = [0_u8; 1];
            cx.within(what, stream.read_exact(&mut answer))
                .await?
                .map_err(|error| io_fault(what, &error))?;
            return match answer {
                [b'S'] => Ok(()),
                [byte] => Err(refused(&char::from(byte).to_string())),
            };
        }
        let (greeting, request, good): (&str, &[(&[u8], &str)], &str) = match self {
            Self::Smtp => (
                "220",
                &[
                    (b"EHLO readyctl.invalid\r\n", "250"),
                    (b"STARTTLS\r\n", "220"),
                ],
                "220",
            ),
            Self::Imap => ("* OK", &[(b"a1 STARTTLS\r\n", "a1 OK")], "a1 OK"),
            _ => ("+OK", &[(b"STLS\r\n", "+OK")], "+OK"),
        };
        let line = last_line(cx, stream, what).await?;
        if !line.starts_with(greeting) {
            return Err(refused(&line));
        }
        let mut line = String::new();
        for (words, expected) in request {
            send(cx, stream, what, words).await?;
            line = last_line(cx, stream, what).await?;
            if !line.starts_with(expected) {
                return Err(refused(&line));
            }
        }
        if line.starts_with(good) {
            Ok(())
        } else {
            Err(refused(&line))
        }
    }
}

/// Sends bytes.
async fn send(cx: &Context, stream: &mut TcpStream, what: &str, bytes: &[u8]) -> Result<(), Fault> {
    cx.within(what, stream.write_all(bytes))
        .await?
        .map_err(|error| io_fault(what, &error))
}

/// The last line of an answer; `250-` announces that more lines follow.
async fn last_line(cx: &Context, stream: &mut TcpStream, what: &str) -> Result<String, Fault> {
    let mut line = Vec::new();
    for _ in 0..MAX_BYTES {
        // Byte by byte: what follows the line already belongs to TLS.
        let byte = cx
            .within(what, stream.read_u8())
            .await?
            .map_err(|error| io_fault(what, &error))?;
        line.push(byte);
        if byte == b'\n' {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if text.as_bytes().get(3) != Some(&b'-') {
                return Ok(text);
            }
            line.clear();
        }
    }
    Err(
        Fault::new(Cause::Protocol, format!("{what} talks without end"))
            .hint("see whether this port speaks the protocol of `starttls:`"),
    )
}
