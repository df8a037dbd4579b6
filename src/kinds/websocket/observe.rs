//! The handshakes: the one that must succeed with what follows it, and those that must not.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use url::Url;

use super::facts::{Facts, Other, Purpose};
use super::handshake::{Ask, Opened, open};
use super::talk::Conversation;
use super::{Websocket, websocket_url};
use crate::context::Context;
use crate::exchange::shown_url;
use crate::expect::TimeSpan;
use crate::net::TlsOptions;
use crate::outcome::{Cause, Fault};

/// Time kept for telling the result.
const RESERVE: Duration = Duration::from_millis(150);
/// How long a server has to close again what it should not have opened.
const SECOND_THOUGHTS: Duration = Duration::from_millis(1500);

/// Looks.
pub(super) async fn observe(spec: &Websocket, cx: &Context) -> Result<Facts, Fault> {
    for (_, secret) in spec.headers.iter() {
        cx.redactor.add_credentials(secret.expose());
    }
    if let Some(text) = &spec.send {
        cx.redactor.add(text.expose());
    }
    let url = websocket_url(&spec.url)
        .ok_or_else(|| Fault::new(Cause::Unparseable, "the address is not a WebSocket URL"))?;
    if let Some(hold) = spec.hold
        && hold.0 + RESERVE > cx.remaining()
    {
        let left = TimeSpan(cx.remaining());
        return Err(Fault::new(
            Cause::Timeout,
            format!(
                "the silence lasts {hold} and the check's `timeout` allows {left}: nothing was sent"
            ),
        )
        .hint("raise `timeout:` of the check to `hold` and some seconds more"));
    }
    let ask = ask(spec, cx, url.clone());
    let purposes = spec.purposes();
    let others = purposes
        .into_iter()
        .map(|purpose| other(spec, cx, &ask, purpose));
    let (main, mut others) = tokio::join!(main(spec, cx, &ask), join_all(others));
    let (answer, talk) = main?;
    if spec.origin.is_some() && (400..500).contains(&answer.status) {
        // Which of them was it: the credentials or the origin?
        others.push(other(spec, cx, &ask, Purpose::NoOrigin).await);
    }
    Ok(Facts {
        url: shown_url(&url),
        main: answer,
        talk,
        others,
    })
}

/// The handshake that must succeed, and what follows it.
async fn main(
    spec: &Websocket,
    cx: &Context,
    ask: &Ask,
) -> Result<(super::facts::Handshake, Option<super::facts::Talk>), Fault> {
    let opened = open(cx, ask).await?;
    let answer = opened.answer.clone();
    if !answer.upgraded() {
        return Ok((answer, None));
    }
    let stop = cx.end().checked_sub(RESERVE).unwrap_or(cx.end());
    let talk = Conversation::begin(opened).await.hold_all(spec, stop).await;
    Ok((answer, Some(talk)))
}

/// The handshake as a client of the service makes it.
fn ask(spec: &Websocket, cx: &Context, url: Url) -> Ask {
    let ca_file = spec
        .ca_file
        .as_ref()
        .filter(|path| !path.as_os_str().is_empty());
    Ask {
        url,
        headers: spec
            .headers
            .iter()
            .filter(|(_, value)| !value.expose().is_empty())
            .map(|(name, value)| (name.to_owned(), value.expose().to_owned()))
            .collect(),
        origin: spec.origin.as_ref().map(ToString::to_string),
        subprotocols: spec.subprotocols.clone(),
        tls: TlsOptions {
            ca_file: ca_file.map(|path| cx.folder.join(path)),
        },
    }
}

/// A handshake that is different in one thing.
async fn other(spec: &Websocket, cx: &Context, main: &Ask, purpose: Purpose) -> Other {
    let mut ask = main.clone();
    match &purpose {
        Purpose::NoCredentials => ask.headers.clear(),
        Purpose::Without(missing) => ask
            .headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case(missing)),
        Purpose::ForeignOrigin(origin) => ask.origin = Some(origin.clone()),
        Purpose::NoOrigin => ask.origin = None,
        Purpose::Plain(url) => {
            if let Some(url) = websocket_url(url) {
                ask.url = url;
            }
            // Credentials are not shown to the street.
            ask.headers.clear();
        }
    }
    match open(cx, &ask).await {
        Err(fault) => Other {
            purpose,
            answer: None,
            fault: Some(fault),
            closed: None,
        },
        Ok(opened) => {
            let answer = opened.answer.clone();
            let closed = if answer.upgraded() {
                second_thoughts(spec, cx, opened).await
            } else {
                None
            };
            Other {
                purpose,
                answer: Some(answer),
                fault: None,
                closed,
            }
        }
    }
}

/// Some servers can only refuse after the upgrade.
async fn second_thoughts(
    spec: &Websocket,
    cx: &Context,
    opened: Opened,
) -> Option<super::facts::Closed> {
    let wait = SECOND_THOUGHTS.min(spec.answer_within.0);
    let stop = cx.end().checked_sub(RESERVE).unwrap_or(cx.end());
    let until = (Instant::now() + wait).min(stop);
    Conversation::begin(opened).await.turned_away(until).await
}
