//! Opening sessions: hosts in order, TLS as asked for with the fallbacks of `allow` and `prefer`,
//! login; and cancelling what still runs.

use serde::{Deserialize, Serialize};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::AbortHandle;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::dsn::{Dsn, Host, SslMode, Wanted};
use super::{faults, tls};
use crate::context::Context;
use crate::net;
use crate::outcome::{Cause, Fault};

/// How the session is protected on its way, as seen from this side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// Where it goes: `db:5432`.
    pub(crate) place: String,
    /// A Unix socket: nothing leaves the machine.
    pub(crate) local_socket: bool,
    /// Encrypted between here and the first hop.
    pub(crate) encrypted: bool,
    /// What the DSN asked for.
    pub(crate) mode: SslMode,
    /// Our own port, to recognise a pooler: the server then sees another one.
    pub(crate) local_port: Option<u16>,
}

/// An open session.
pub(super) struct Live {
    /// Sends statements.
    pub(super) client: Client,
    /// The task that moves bytes; ends with this.
    task: AbortHandle,
    /// How it is protected.
    pub(super) link: Link,
    /// Where a cancellation is sent, and how.
    host: Host,
    /// TLS of the cancellation.
    tls: Option<MakeRustlsConnect>,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tries the hosts in order.
pub(super) async fn open(cx: &Context, dsn: &Dsn) -> Result<Live, Fault> {
    let mut faults = Vec::new();
    for (tried, host) in dsn.hosts.iter().enumerate() {
        let share = cx.remaining() / u32::try_from(dsn.hosts.len() - tried).unwrap_or(1);
        match tokio::time::timeout(share, open_host(cx, dsn, host)).await {
            Ok(Ok(live)) => return Ok(live),
            Ok(Err(fault)) => faults.push(fault),
            Err(_) => faults.push(crate::context::timed_out(&host.shown(), share).code("PG-01")),
        }
    }
    let mut first = faults
        .first()
        .cloned()
        .unwrap_or_else(|| Fault::new(Cause::Internal, "the DSN names no host"));
    if faults.len() > 1 {
        first.message = faults
            .iter()
            .map(|fault| fault.message.as_str())
            .collect::<Vec<_>>()
            .join("; ");
    }
    Err(first)
}

/// One host, with the fallbacks of `allow` and `prefer`.
async fn open_host(cx: &Context, dsn: &Dsn, host: &Host) -> Result<Live, Fault> {
    let local = matches!(host, Host::Unix { .. });
    let tries: &[SslMode] = match dsn.ssl {
        _ if local => &[SslMode::Disable],
        SslMode::Disable => &[SslMode::Disable],
        SslMode::Allow => &[SslMode::Disable, SslMode::Require],
        SslMode::Prefer => &[SslMode::Require, SslMode::Disable],
        SslMode::Require => &[SslMode::Require],
        SslMode::VerifyCa => &[SslMode::VerifyCa],
        SslMode::VerifyFull => &[SslMode::VerifyFull],
    };
    let mut last = None;
    for mode in tries {
        match open_with(cx, dsn, host, *mode).await {
            Ok(live) => {
                return match wrong_role(cx, dsn, &live).await? {
                    Some(fault) => Err(fault),
                    None => Ok(live),
                };
            }
            // Another way of encrypting helps neither a closed port nor a wrong password.
            Err(fault) => {
                let hopeless =
                    !(fault.cause == Cause::Tls || fault.message.contains("pg_hba.conf"));
                // The way that came furthest tells most: not offering TLS is only news when TLS was
                // asked for.
                last = match last {
                    Some(before) if fault.cause == Cause::Tls => Some(before),
                    _ => Some(fault),
                };
                if hopeless {
                    break;
                }
            }
        }
    }
    Err(last.unwrap_or_else(|| Fault::new(Cause::Internal, "no way to connect was tried")))
}

/// Whether the DSN wanted another kind of server.
async fn wrong_role(cx: &Context, dsn: &Dsn, live: &Live) -> Result<Option<Fault>, Fault> {
    if dsn.wanted == Wanted::Any {
        return Ok(None);
    }
    let place = &live.link.place;
    let query = live
        .client
        .query_typed("select pg_is_in_recovery()::text", &[]);
    let rows = cx
        .within(place, query)
        .await?
        .map_err(|error| faults::connecting(place, dsn, &error, &cx.redactor))?;
    let standby = rows
        .first()
        .and_then(|row| row.try_get::<_, String>(0).ok())
        .as_deref()
        == Some("true");
    Ok(((dsn.wanted == Wanted::Standby) != standby).then(|| {
        let is = if standby { "a standby" } else { "a primary" };
        Fault::new(
            Cause::Missing,
            format!("{place} is {is}, and the DSN's `target_session_attrs` wants another server"),
        )
        .code("PG-01")
        .hint("see which server has which role; a failover may have happened")
    }))
}

/// Opens a session with one host in one way.
async fn open_with(cx: &Context, dsn: &Dsn, host: &Host, mode: SslMode) -> Result<Live, Fault> {
    let connector = match mode {
        SslMode::Disable => None,
        mode => Some(MakeRustlsConnect::new(tls::config(dsn, mode)?)),
    };
    let place = host.shown();
    let config = startup(dsn, mode);
    let (client, task, local_port) = match host {
        Host::Unix { .. } => {
            let stream = unix_stream(cx, host).await?;
            let (client, task) = shake(cx, dsn, &place, stream, &config, None, "").await?;
            (client, task, None)
        }
        Host::Tcp { name, .. } => {
            let stream = tcp_stream(cx, host).await?;
            let port = stream.local_addr().ok().map(|address| address.port());
            let tls = connector.clone();
            let (client, task) = shake(cx, dsn, &place, stream, &config, tls, name).await?;
            (client, task, port)
        }
    };
    Ok(Live {
        client,
        task,
        link: Link {
            place,
            local_socket: matches!(host, Host::Unix { .. }),
            encrypted: connector.is_some(),
            mode: dsn.ssl,
            local_port,
        },
        host: host.clone(),
        tls: connector,
    })
}

/// What is said first: no options, which poolers refuse.
fn startup(dsn: &Dsn, mode: SslMode) -> Config {
    use tokio_postgres::config::{ChannelBinding, SslMode as Mode, SslNegotiation};
    let mut config = Config::new();
    config
        .user(dsn.user_shown())
        .dbname(dsn.database_shown())
        .application_name("readyctl")
        .ssl_mode(if mode == SslMode::Disable {
            Mode::Disable
        } else {
            Mode::Require
        });
    if let Some(password) = &dsn.password {
        config.password(password.expose());
    }
    if dsn.direct_tls {
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    match dsn.channel_binding {
        Some(true) => config.channel_binding(ChannelBinding::Require),
        Some(false) => config.channel_binding(ChannelBinding::Disable),
        None => &mut config,
    };
    config
}

/// TLS and login on an open stream, then a task that moves the bytes.
async fn shake<S>(
    cx: &Context,
    dsn: &Dsn,
    place: &str,
    stream: S,
    config: &Config,
    tls: Option<MakeRustlsConnect>,
    name: &str,
) -> Result<(Client, AbortHandle), Fault>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let what = format!("{place} (TLS and login)");
    let fault = |error: tokio_postgres::Error| faults::connecting(place, dsn, &error, &cx.redactor);
    let within = |fault: Fault| fault.code("PG-01");
    match tls {
        None => {
            let connecting = config.connect_raw(stream, NoTls);
            let (client, connection) = cx
                .within(&what, connecting)
                .await
                .map_err(within)?
                .map_err(fault)?;
            Ok((client, tokio::spawn(connection).abort_handle()))
        }
        Some(mut make) => {
            let Ok(tls) = MakeTlsConnect::<S>::make_tls_connect(&mut make, name);
            let connecting = config.connect_raw(stream, tls);
            let (client, connection) = cx
                .within(&what, connecting)
                .await
                .map_err(within)?
                .map_err(fault)?;
            Ok((client, tokio::spawn(connection).abort_handle()))
        }
    }
}

/// A connected TCP stream.
async fn tcp_stream(cx: &Context, host: &Host) -> Result<TcpStream, Fault> {
    let (place, what) = (host.shown(), format!("PostgreSQL at {}", host.shown()));
    let Host::Tcp {
        name,
        address,
        port,
    } = host
    else {
        return Err(Fault::new(Cause::Internal, "not a TCP address"));
    };
    let target = (address.as_deref().unwrap_or(name), *port);
    let stream = cx
        .within(&place, TcpStream::connect(target))
        .await
        .map_err(|fault| fault.code("PG-01"))?
        .map_err(|error| net::io_fault(&what, &error).code("PG-01"))?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// A connected Unix stream.
async fn unix_stream(cx: &Context, host: &Host) -> Result<UnixStream, Fault> {
    let place = host.shown();
    cx.within(&place, UnixStream::connect(&place))
        .await
        .map_err(|fault| fault.code("PG-01"))?
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Fault::new(Cause::Refused, format!("there is no socket {place}"))
                    .code("PG-01")
                    .hint("start the server, or correct folder and port in the DSN")
            }
            std::io::ErrorKind::PermissionDenied => {
                Fault::new(Cause::Denied, format!("the socket {place} may not be used"))
                    .code("PG-01")
                    .hint("give the user that runs readyctl access to the socket")
            }
            _ => net::io_fault(&place, &error).code("PG-01"),
        })
}

/// Asks the server to stop the running statement.
pub(super) async fn cancel(live: &Live) -> std::io::Result<()> {
    let token = live.client.cancel_token();
    match &live.host {
        Host::Unix { .. } => {
            let stream = UnixStream::connect(live.host.shown()).await?;
            let _ = token.cancel_query_raw(stream, NoTls).await;
        }
        Host::Tcp {
            name,
            address,
            port,
        } => {
            let target = (address.as_deref().unwrap_or(name), *port);
            let stream = TcpStream::connect(target).await?;
            match live.tls.clone() {
                None => {
                    let _ = token.cancel_query_raw(stream, NoTls).await;
                }
                Some(mut make) => {
                    let Ok(tls) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut make, name);
                    let _ = token.cancel_query_raw(stream, tls).await;
                }
            }
        }
    }
    Ok(())
}
