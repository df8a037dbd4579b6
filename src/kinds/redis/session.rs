//! One connection to a server: opening it, asking, and what goes wrong.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use ::redis::aio::{ConnectionLike as _, MultiplexedConnection};
use ::redis::{AsyncConnectionConfig, Cmd, ErrorKind, RedisConnectionInfo, RedisError, Value};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::facts::Refusal;
use super::target::{Place, Target};
use crate::context::{Context, timed_out};
use crate::kinds::dial;
use crate::net::{TlsOptions, error_fault, io_fault, tls_config};
use crate::outcome::{Cause, Fault};

/// Most bytes a server may send over one connection.
const MAX_BYTES: u64 = 16 << 20;

/// A connection.
pub(super) struct Session {
    /// The protocol on top of it.
    connection: MultiplexedConnection,
    /// The task that moves its bytes; ends with the session.
    driver: JoinHandle<()>,
    /// What to call the server in messages.
    place: String,
    /// Whether TLS is spoken.
    tls: bool,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// What the server said: an answer, or an error of its own.
pub(super) type Answer = Result<Value, Refusal>;

impl Session {
    /// Connects, without authenticating.
    ///
    /// # Errors
    /// Why there is no connection.
    pub(super) async fn connect(
        cx: &Context,
        target: &Target,
        tls: &TlsOptions,
    ) -> Result<Self, Fault> {
        let place = format!("Redis at {}", target.place());
        let stream: Box<dyn Stream> = match &target.place {
            Place::Unix(path) => Box::new(
                cx.within(&place, tokio::net::UnixStream::connect(path))
                    .await?
                    .map_err(|error| unix_fault(&place, &error))?,
            ),
            Place::Tcp(endpoint) => {
                let tcp = dial::connect(cx, endpoint).await?;
                if target.tls {
                    let config = Arc::new(tls_config(tls)?);
                    let name = ServerName::try_from(endpoint.host.clone()).map_err(|_| {
                        Fault::new(
                            Cause::Tls,
                            format!("{place}: the host is no TLS server name"),
                        )
                        .hint("use a host name")
                    })?;
                    let shaking = TlsConnector::from(config).connect(name, tcp);
                    // Redis without TLS waits for the end of a line that never comes: some time
                    // is kept back to find that out.
                    let patience = cx.remaining().mul_f64(0.6);
                    let secured = match tokio::time::timeout(patience, shaking).await {
                        Ok(shaken) => shaken.map_err(|error| handshake_fault(&place, &error))?,
                        Err(_) => {
                            let answer = overheard(cx, endpoint, b"PING\r\n").await;
                            return Err(silent_fault(&place, &answer, patience));
                        }
                    };
                    Box::new(secured)
                } else {
                    Box::new(tcp)
                }
            }
        };
        let limited = Limited {
            stream,
            left: MAX_BYTES,
        };
        let quiet = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (connection, driver) = cx
            .within(
                &place,
                MultiplexedConnection::new_with_config(&quiet, limited, config),
            )
            .await?
            .map_err(|error| error_fault(&place, &error))?;
        Ok(Self {
            connection,
            driver: tokio::spawn(driver),
            place,
            tls: target.tls,
        })
    }

    /// Connects, authenticates and selects the database.
    ///
    /// # Errors
    /// Why that did not work.
    pub(super) async fn open(
        cx: &Context,
        target: &Target,
        tls: &TlsOptions,
    ) -> Result<Self, Fault> {
        let mut session = Self::connect(cx, target, tls).await?;
        if let Some(password) = &target.password {
            let mut auth = ::redis::cmd("AUTH");
            if let Some(user) = &target.user {
                auth.arg(user);
            }
            auth.arg(password);
            session
                .ask(cx, &auth)
                .await?
                .map_err(|refusal| auth_fault(&session.place, &refusal))?;
        } else if target.user.is_some() {
            return Err(Fault::new(
                Cause::Unparseable,
                "the Redis URL has a user name but no password",
            )
            .hint("write `redis://user:password@host`; a password alone goes after a colon, `redis://:password@host`"));
        }
        if target.db != 0 {
            let mut select = ::redis::cmd("SELECT");
            select.arg(target.db);
            session.ask(cx, &select).await?.map_err(|refusal| {
                if refusal.text.contains("out of range") || refusal.text.contains("not allowed") {
                    Fault::new(
                        Cause::Missing,
                        format!("{} has no database {}: {refusal}", session.place, target.db),
                    )
                    .code("RED-20")
                    .hint("correct the number after the `/`; a cluster has only database 0")
                } else {
                    session.refused(&refusal)
                }
            })?;
        }
        Ok(session)
    }

    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// When no answer came, or one that says that asking is pointless (no authentication).
    pub(super) async fn ask(&mut self, cx: &Context, command: &Cmd) -> Result<Answer, Fault> {
        let waiting = self.connection.req_packed_command(command);
        match cx.within(&self.place, waiting).await? {
            Ok(Value::ServerError(error)) => Ok(Err(Refusal {
                code: error.code().to_owned(),
                text: error.details().unwrap_or_default().to_owned(),
            })),
            Ok(value) => Ok(Ok(value)),
            Err(error) => match refusal(&error) {
                Some(refusal) => Ok(Err(refusal)),
                None => Err(self.broken(&error)),
            },
        }
    }

    /// The fault of a connection that broke, or never was Redis.
    fn broken(&self, error: &RedisError) -> Fault {
        if error.kind() == ErrorKind::Parse {
            return Fault::new(
                Cause::Protocol,
                format!("{} answers, but not as a Redis server does", self.place),
            )
            .hint(if self.tls {
                "see which service listens on this port"
            } else {
                "see which service listens on this port; if it is Redis with TLS, write `rediss://`"
            });
        }
        let fault = error_fault(&self.place, error);
        if error.is_connection_dropped() && !self.tls {
            let message = format!("{} closed the connection without an answer", self.place);
            return Fault::new(Cause::Unreachable, message).hint(
                "if the port speaks TLS, write `rediss://`; else see the server's log and its limit of clients",
            );
        }
        fault
    }

    /// See [`refused`].
    pub(super) fn refused(&self, refusal: &Refusal) -> Fault {
        refused(&self.place, refusal)
    }
}

/// The fault of an error that makes every further question pointless.
pub(super) fn refused(place: &str, refusal: &Refusal) -> Fault {
    match refusal.code.as_str() {
        "NOAUTH" => Fault::new(
            Cause::Auth,
            format!("{place} wants a password and the URL has none"),
        )
        .hint("put the password into the URL, between `//` and `@`: `:password@`, with an ACL user `user:password@`"),
        "WRONGPASS" => auth_fault(place, refusal),
        "DENIED" => Fault::new(
            Cause::Denied,
            format!("{place} is in protected mode and turns this machine away"),
        )
        .hint("set a password on the server; protected mode then lets authenticated clients in"),
        "NOPERM" => Fault::new(
            Cause::Denied,
            format!("{place} does not permit what has to be asked: {refusal}"),
        )
        .hint("grant the user `+ping +info +select`"),
        _ if refusal.text.contains("max number of clients") => Fault::new(
            Cause::Denied,
            format!("{place} takes no more clients: {refusal}"),
        )
        .code("RED-14")
        .hint("raise `maxclients`, or find out who holds the connections"),
        _ => Fault::new(
            Cause::Protocol,
            format!("{place} answered with an error: {refusal}"),
        )
        .hint("see the server's log"),
    }
}

/// The fault of a failed AUTH.
fn auth_fault(place: &str, refusal: &Refusal) -> Fault {
    if refusal.text.contains("without any password") || refusal.text.contains("no password is set")
    {
        return Fault::new(
            Cause::Auth,
            format!("the URL has a password, but {place} is open: its default user needs none"),
        )
        .code("RED-01")
        .hint("set `requirepass`, or an ACL user, on the server");
    }
    if refusal.code == "WRONGPASS" || refusal.text.contains("invalid password") {
        return Fault::new(Cause::Auth, format!("{place} refused user or password"))
            .hint("compare the credentials with the server's ACL (`ACL LIST`)");
    }
    refused(place, refusal)
}

/// What a server says in plaintext within a second, at most 256 bytes; a server that is full or
/// protected says so before it hangs up, and a sent command could drown that.
async fn overheard(cx: &Context, endpoint: &dial::Endpoint, send: &[u8]) -> String {
    let listening = async {
        let mut stream = dial::connect(cx, endpoint).await.ok()?;
        stream.write_all(send).await.ok()?;
        let mut heard = [0_u8; 256];
        let length = stream.read(&mut heard).await.ok()?;
        let heard = heard.get(..length).unwrap_or_default();
        Some(String::from_utf8_lossy(heard).trim_end().to_owned())
    };
    let patience = Duration::from_secs(1).min(cx.remaining().mul_f64(0.8));
    tokio::time::timeout(patience, listening)
        .await
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// The fault of a connection that was closed early, with the server's own words if it has any.
pub(super) async fn explained(cx: &Context, target: &Target, fault: Fault) -> Fault {
    let Place::Tcp(endpoint) = &target.place else {
        return fault;
    };
    if fault.cause != Cause::Unreachable || target.tls {
        return fault;
    }
    let heard = overheard(cx, endpoint, b"").await;
    match heard
        .strip_prefix('-')
        .and_then(|words| words.split_once(' '))
    {
        Some((code, text)) => refused(
            &format!("Redis at {}", target.place()),
            &Refusal {
                code: code.to_owned(),
                text: text.to_owned(),
            },
        ),
        None => fault,
    }
}

/// The fault of a handshake that nobody answers.
fn silent_fault(place: &str, answer: &str, after: Duration) -> Fault {
    if answer.starts_with(['+', '-']) {
        return Fault::new(Cause::Tls, format!("{place} speaks plaintext, not TLS"))
            .hint("write `redis://`, or name the port that speaks TLS");
    }
    timed_out(&format!("the TLS handshake of {place}"), after)
}

/// The server's own error inside a client error; `None` for any other.
fn refusal(error: &RedisError) -> Option<Refusal> {
    let code = match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => error.code()?,
        _ => return None,
    };
    Some(Refusal {
        code: code.to_owned(),
        text: error
            .detail()
            .unwrap_or_default()
            .chars()
            .take(300)
            .collect(),
    })
}

/// The fault of a failed handshake; a plaintext server is the usual reason for a broken one.
fn handshake_fault(place: &str, error: &io::Error) -> Fault {
    let fault = error_fault(place, error);
    match fault.cause {
        Cause::Unreachable | Cause::Protocol => Fault::new(
            Cause::Tls,
            format!("{place} ended the connection during the TLS handshake"),
        )
        .hint("the port probably speaks plaintext: write `redis://`, or name the TLS port"),
        _ => fault,
    }
}

/// The fault of a socket file that does not work.
fn unix_fault(place: &str, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => Fault::new(Cause::Missing, format!("{place}: no such socket"))
            .hint("check the path and the server's `unixsocket`"),
        io::ErrorKind::PermissionDenied => Fault::new(
            Cause::Denied,
            format!("{place}: the socket may not be used"),
        )
        .hint("see `unixsocketperm` and the groups of this user"),
        _ => io_fault(place, error),
    }
}

/// A byte stream of any sort.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A stream that ends after a number of bytes: a peer must not fill our memory.
struct Limited {
    /// The stream.
    stream: Box<dyn Stream>,
    /// Bytes that may still come.
    left: u64,
}

impl AsyncRead for Limited {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            let error = io::Error::new(io::ErrorKind::InvalidData, "the server sends too much");
            return Poll::Ready(Err(error));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(task, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        self.left = self.left.saturating_sub(u64::try_from(read).unwrap_or(0));
        polled
    }
}

impl AsyncWrite for Limited {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(task, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }
}
