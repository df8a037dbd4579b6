//! The browser's own protocol: commands and their answers over one WebSocket, events on the way.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::record::Recorder;
use crate::outcome::{Cause, Fault};

/// Largest message: a picture of the page.
const MAX_MESSAGE: usize = 32 << 20;

/// Why a command has no result.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Time was up.
    Late,
    /// The connection is gone: the browser ended.
    Gone(String),
    /// The browser said no.
    Refused(String),
}

impl Trouble {
    /// The fault of a command that the audit cannot do without.
    pub(super) fn fault(self, doing: &str) -> Fault {
        match self {
            Self::Late => Fault::new(
                Cause::Timeout,
                format!("the browser did not manage to {doing} in time"),
            )
            .hint("`timeout:` of the check allows more time; see how busy this machine is"),
            Self::Gone(why) => Fault::new(
                Cause::Unreachable,
                format!("the browser ended while it should {doing}: {why}"),
            )
            .hint("see whether this machine has enough memory for a browser"),
            Self::Refused(why) => Fault::new(
                Cause::Protocol,
                format!("the browser could not {doing}: {why}"),
            )
            .hint("use a current Chromium or Chrome"),
        }
    }
}

/// A connection to a browser.
#[derive(Debug)]
pub(super) struct Cdp {
    /// The WebSocket.
    socket: WebSocketStream<TcpStream>,
    /// Number of the last command.
    last: u64,
    /// What the events of the page under way said.
    pub(super) seen: Recorder,
}

impl Cdp {
    /// Connects to a browser that listens on this loopback port.
    ///
    /// # Errors
    /// When it does not speak the protocol.
    pub(super) async fn connect(port: u16, path: &str, until: Instant) -> Result<Self, Trouble> {
        let gone = |error: &dyn std::fmt::Display| Trouble::Gone(error.to_string());
        let connecting = async {
            let stream = TcpStream::connect(("127.0.0.1", port))
                .await
                .map_err(|error| gone(&error))?;
            let config = WebSocketConfig::default()
                .max_message_size(Some(MAX_MESSAGE))
                .max_frame_size(Some(MAX_MESSAGE));
            let url = format!("ws://127.0.0.1:{port}{path}");
            tokio_tungstenite::client_async_with_config(url, stream, Some(config))
                .await
                .map_err(|error| gone(&error))
        };
        let (socket, _) = tokio::time::timeout_at(until, connecting)
            .await
            .map_err(|_| Trouble::Late)??;
        Ok(Self {
            socket,
            last: 0,
            seen: Recorder::default(),
        })
    }

    /// Sends a command to the browser, or to a page of it.
    async fn send(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: Value,
        until: Instant,
    ) -> Result<u64, Trouble> {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        tokio::time::timeout_at(until, self.socket.send(Message::text(command.to_string())))
            .await
            .map_err(|_| Trouble::Late)?
            .map_err(|error| Trouble::Gone(error.to_string()))?;
        Ok(self.last)
    }

    /// The next message; events are recorded, and what they ask for is answered.
    async fn next(&mut self, until: Instant) -> Result<Option<Value>, Trouble> {
        let message = tokio::time::timeout_at(until, self.socket.next())
            .await
            .map_err(|_| Trouble::Late)?
            .ok_or_else(|| Trouble::Gone("it closed the connection".to_owned()))?
            .map_err(|error| Trouble::Gone(error.to_string()))?;
        let Message::Text(text) = message else {
            return Ok(None);
        };
        let Ok(mut message) = serde_json::from_str::<Value>(text.as_str()) else {
            return Ok(None);
        };
        if message.get("id").is_some() {
            return Ok(Some(message));
        }
        let session = message["sessionId"].as_str().map(str::to_owned);
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        let params = message["params"].take();
        if session != self.seen.session {
            return Ok(None);
        }
        if let Some((method, params)) = self.seen.event(&method, &params) {
            self.send(session.as_deref(), method, params, until).await?;
        }
        Ok(None)
    }

    /// Sends a command and waits for its result.
    pub(super) async fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: Value,
        until: Instant,
    ) -> Result<Value, Trouble> {
        let id = self.send(session, method, params, until).await?;
        loop {
            let Some(mut answer) = self.next(until).await? else {
                continue;
            };
            if answer["id"].as_u64() != Some(id) {
                continue;
            }
            if let Some(error) = answer.get("error") {
                let words = error["message"].as_str().unwrap_or("no reason given");
                return Err(Trouble::Refused(words.to_owned()));
            }
            return Ok(answer["result"].take());
        }
    }

    /// Takes in events until `done`, or until time is up; tells which.
    pub(super) async fn watch(
        &mut self,
        until: Instant,
        done: impl Fn(&Recorder) -> bool,
    ) -> Result<bool, Trouble> {
        loop {
            if done(&self.seen) {
                return Ok(true);
            }
            match self.next(until).await {
                Ok(_) => {}
                Err(Trouble::Late) => return Ok(done(&self.seen)),
                Err(trouble) => return Err(trouble),
            }
        }
    }
}
