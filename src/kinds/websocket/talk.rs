//! The conversation after an upgrade: a message, a ping, silence, goodbye.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::Websocket;
use super::facts::{Closed, During, Message, Talk};
use super::handshake::{Opened, Stream};
use crate::exchange::{cut, millis};

/// Largest message that is read.
const LARGEST: usize = 1 << 20;
/// Bytes of a message that are kept.
const KEPT: usize = 16 * 1024;
/// Messages that are read while waiting for something else.
const MOST_MESSAGES: u32 = 10_000;
/// How long to wait for the answer to a goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// A conversation.
pub(super) struct Conversation {
    /// The connection.
    socket: WebSocketStream<Box<dyn Stream>>,
    /// When the upgrade was done.
    since: Instant,
    /// Messages read so far.
    read: u32,
}

/// What came next.
enum Next {
    /// A text or binary message.
    Message(Message),
    /// The answer to a ping, with what was in it.
    Pong(Vec<u8>),
    /// The end.
    Closed(Closed),
    /// Nothing until the time was over.
    Silence,
}

impl Conversation {
    /// Begins after an upgrade.
    pub(super) async fn begin(opened: Opened) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST))
            .max_frame_size(Some(LARGEST));
        let socket = WebSocketStream::from_partially_read(
            opened.stream,
            opened.rest,
            Role::Client,
            Some(config),
        )
        .await;
        Self {
            socket,
            since: Instant::now(),
            read: 0,
        }
    }

    /// Everything that the check asks for, at most until `stop`.
    pub(super) async fn hold_all(mut self, spec: &Websocket, stop: Instant) -> Talk {
        let mut talk = Talk::default();
        self.first_message(spec, stop, &mut talk).await;
        if talk.closed.is_none() && (spec.ping || spec.hold.is_some()) {
            talk.pong_ms = self.ping(spec, stop, &mut talk).await;
        }
        if let Some(hold) = spec.hold
            && talk.closed.is_none()
        {
            let begun = Instant::now();
            talk.closed = self.silence((begun + hold.0).min(stop), During::Hold).await;
            talk.held_ms = millis(begun.elapsed());
            if talk.closed.is_none() {
                let pong = self.ping(spec, stop, &mut talk).await;
                talk.alive_after_hold = Some(pong.is_some());
                if let Some(closed) = &mut talk.closed {
                    // It was dead before, and only now shows it.
                    closed.during = During::Hold;
                }
            }
        }
        if talk.closed.is_none() {
            talk.goodbye = self.goodbye(stop).await;
        }
        talk
    }

    /// How the server turns away a client that it has let in at first, if it does.
    pub(super) async fn turned_away(mut self, until: Instant) -> Option<Closed> {
        let closed = self.silence(until, During::Message).await;
        if closed.is_none() {
            self.goodbye(until + Duration::from_millis(200)).await;
        }
        closed
    }

    /// Sends the message and waits for the first one.
    async fn first_message(&mut self, spec: &Websocket, stop: Instant, talk: &mut Talk) {
        if let Some(text) = &spec.send {
            let message = tungstenite::Message::text(text.expose());
            if let Err(closed) = self.send(message, stop, During::Message).await {
                talk.closed = Some(closed);
                return;
            }
        }
        if !spec.expects_message() {
            return;
        }
        let until = (Instant::now() + spec.answer_within.0).min(stop);
        loop {
            match self.next(until, During::Message).await {
                Next::Message(message) => {
                    talk.message = Some(message);
                    return;
                }
                Next::Pong(_) => {}
                Next::Closed(closed) => {
                    talk.closed = Some(closed);
                    return;
                }
                Next::Silence => return,
            }
        }
    }

    /// Pings and waits for the answer to exactly this ping.
    async fn ping(&mut self, spec: &Websocket, stop: Instant, talk: &mut Talk) -> Option<u64> {
        let begun = Instant::now();
        let mark = tungstenite::handshake::client::generate_key().into_bytes();
        let ping = tungstenite::Message::Ping(mark.clone().into());
        if let Err(closed) = self.send(ping, stop, During::Ping).await {
            talk.closed = Some(closed);
            return None;
        }
        let until = (begun + spec.answer_within.0).min(stop);
        loop {
            match self.next(until, During::Ping).await {
                Next::Pong(payload) if payload == mark => return Some(millis(begun.elapsed())),
                Next::Pong(_) | Next::Message(_) => {}
                Next::Closed(closed) => {
                    talk.closed = Some(closed);
                    return None;
                }
                Next::Silence => return None,
            }
        }
    }

    /// Says nothing; answers pings of the server.
    async fn silence(&mut self, until: Instant, during: During) -> Option<Closed> {
        loop {
            match self.next(until, during).await {
                Next::Closed(closed) => return Some(closed),
                Next::Silence => return None,
                Next::Message(_) | Next::Pong(_) => {}
            }
        }
    }

    /// Says goodbye and waits for the answer.
    async fn goodbye(&mut self, stop: Instant) -> Option<Closed> {
        let until = (Instant::now() + GOODBYE).min(stop);
        let frame = CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        let message = tungstenite::Message::Close(Some(frame));
        if let Err(closed) = self.send(message, until, During::Goodbye).await {
            return Some(closed);
        }
        self.silence(until, During::Goodbye).await
    }

    /// Sends a frame.
    async fn send(
        &mut self,
        message: tungstenite::Message,
        stop: Instant,
        during: During,
    ) -> Result<(), Closed> {
        match timeout_at(stop, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.closed(1006, &error.to_string(), during)),
            Err(_) => Err(self.closed(1006, "it takes nothing more", during)),
        }
    }

    /// Waits for what comes next.
    async fn next(&mut self, until: Instant, during: During) -> Next {
        loop {
            let Ok(next) = timeout_at(until, self.socket.next()).await else {
                return Next::Silence;
            };
            self.read += 1;
            if self.read > MOST_MESSAGES {
                return Next::Silence;
            }
            match next {
                Some(Ok(tungstenite::Message::Text(text))) => {
                    return Next::Message(self.message(text.as_bytes(), false));
                }
                Some(Ok(tungstenite::Message::Binary(bytes))) => {
                    return Next::Message(self.message(&bytes, true));
                }
                Some(Ok(tungstenite::Message::Pong(payload))) => {
                    return Next::Pong(payload.to_vec());
                }
                // The library answers pings by itself when it is asked for more.
                Some(Ok(tungstenite::Message::Ping(_) | tungstenite::Message::Frame(_))) => {}
                Some(Ok(tungstenite::Message::Close(frame))) => {
                    let closed = frame.map_or_else(
                        || self.closed(1005, "", during),
                        |frame| self.closed(frame.code.into(), &frame.reason, during),
                    );
                    // Lets the answer to the close frame leave.
                    let soon = Instant::now() + Duration::from_millis(200);
                    let _gone = timeout_at(soon, self.socket.next()).await;
                    return Next::Closed(closed);
                }
                Some(Err(error)) => {
                    let words = match error {
                        tungstenite::Error::Protocol(
                            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                        ) => String::new(),
                        other => other.to_string(),
                    };
                    return Next::Closed(self.closed(1006, &words, during));
                }
                None => return Next::Closed(self.closed(1006, "", during)),
            }
        }
    }

    /// A message as it is kept.
    fn message(&self, bytes: &[u8], binary: bool) -> Message {
        let text = String::from_utf8_lossy(bytes);
        Message {
            text: cut(&text, KEPT).to_owned(),
            binary,
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            cut: text.len() > KEPT,
            ms: millis(self.since.elapsed()),
        }
    }

    /// An end as it is kept.
    fn closed(&self, code: u16, reason: &str, during: During) -> Closed {
        Closed {
            during,
            code,
            reason: cut(reason, 150).to_owned(),
            after_ms: millis(self.since.elapsed()),
        }
    }
}
