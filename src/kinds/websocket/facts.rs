//! What was seen of a WebSocket endpoint.

use serde::{Deserialize, Serialize};

use crate::outcome::Fault;

/// Everything that was tried.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The URL, without its query.
    pub(super) url: String,
    /// The handshake as a client of the service makes it.
    pub(super) main: Handshake,
    /// What followed it; `null` when there was no valid upgrade.
    pub(super) talk: Option<Talk>,
    /// Handshakes that are meant to be refused, and one without Origin when the main one was.
    pub(super) others: Vec<Other>,
}

/// A handshake besides the main one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Other {
    /// What was different.
    pub(super) purpose: Purpose,
    /// What came back; `null` when there was no answer.
    pub(super) answer: Option<Handshake>,
    /// Why there was none.
    pub(super) fault: Option<Fault>,
    /// How the server closed right after upgrading, if it did.
    pub(super) closed: Option<Closed>,
}

/// What is different in a handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Purpose {
    /// None of the declared headers.
    NoCredentials,
    /// All but this one.
    Without(String),
    /// The page of somebody else.
    ForeignOrigin(String),
    /// No Origin at all, to find out what was refused.
    NoOrigin,
    /// Without TLS, at this address.
    Plain(String),
}

/// The answer to a handshake.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Handshake {
    /// The status.
    pub(super) status: u16,
    /// Milliseconds until it was there, connecting included.
    pub(super) ms: u64,
    /// `Upgrade`.
    pub(super) upgrade: Option<String>,
    /// `Connection`.
    pub(super) connection: Option<String>,
    /// Whether `Sec-WebSocket-Accept` is right; `null` when it is missing.
    pub(super) accept: Option<bool>,
    /// `Sec-WebSocket-Protocol`.
    pub(super) subprotocol: Option<String>,
    /// `Sec-WebSocket-Extensions`.
    pub(super) extensions: Option<String>,
    /// `Location`, without its query.
    pub(super) location: Option<String>,
    /// `Content-Type`.
    pub(super) content_type: Option<String>,
    /// `Server`.
    pub(super) server: Option<String>,
    /// `Retry-After`.
    #[serde(default)]
    pub(super) retry_after: Option<String>,
}

impl Handshake {
    /// Whether the connection speaks WebSocket now.
    pub(super) fn upgraded(&self) -> bool {
        self.status == 101 && self.wrong_headers().is_empty()
    }

    /// What an upgrade lacks.
    pub(super) fn wrong_headers(&self) -> Vec<&'static str> {
        let has = |value: &Option<String>, token: &str| {
            value.as_deref().is_some_and(|text| {
                text.split(',')
                    .any(|part| part.trim().eq_ignore_ascii_case(token))
            })
        };
        let mut wrong = Vec::new();
        match self.accept {
            None => wrong.push("no Sec-WebSocket-Accept"),
            Some(false) => wrong.push("a wrong Sec-WebSocket-Accept"),
            Some(true) => {}
        }
        if !has(&self.upgrade, "websocket") {
            wrong.push("no `Upgrade: websocket`");
        }
        if !has(&self.connection, "upgrade") {
            wrong.push("no `Connection: Upgrade`");
        }
        wrong
    }
}

/// What followed an upgrade.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Talk {
    /// The first message, when one was waited for and came.
    pub(super) message: Option<Message>,
    /// Milliseconds that the answer to the ping took, when it came.
    pub(super) pong_ms: Option<u64>,
    /// Milliseconds of silence that were kept.
    pub(super) held_ms: u64,
    /// Whether the connection answered a ping after the silence.
    pub(super) alive_after_hold: Option<bool>,
    /// How the server ended the conversation before its time.
    pub(super) closed: Option<Closed>,
    /// How the server answered the goodbye; `null` when it did not, or was gone already.
    pub(super) goodbye: Option<Closed>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Message {
    /// Its text; lossy when it was binary.
    pub(super) text: String,
    /// Whether it was binary.
    pub(super) binary: bool,
    /// Its length in bytes.
    pub(super) bytes: u64,
    /// Whether the text is only its beginning.
    pub(super) cut: bool,
    /// Milliseconds until it came.
    pub(super) ms: u64,
}

/// When a connection was closed by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum During {
    /// Right after the upgrade, or while waiting for the first message.
    Message,
    /// While waiting for the answer to a ping.
    Ping,
    /// During the silence.
    Hold,
    /// After our goodbye.
    Goodbye,
}

/// How a connection was closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Closed {
    /// When.
    pub(super) during: During,
    /// The code of the close frame; 1005 for a frame without one, 1006 when there was no frame.
    pub(super) code: u16,
    /// The reason it gives.
    pub(super) reason: String,
    /// Milliseconds since the upgrade.
    pub(super) after_ms: u64,
}

impl Closed {
    /// Code and reason as people read them.
    pub(super) fn words(&self) -> String {
        let reason = if self.reason.is_empty() {
            String::new()
        } else {
            format!(" ({})", self.reason)
        };
        match self.code {
            1006 => format!("cut without a close frame{reason}"),
            1005 => "closed without a code".to_owned(),
            code => format!("closed with {code}{reason}"),
        }
    }

    /// Whether this is how a server turns a client away.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.code, 1008 | 3000 | 3003 | 4001 | 4003 | 4401 | 4403)
    }
}
