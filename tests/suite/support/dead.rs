//! Places where no server answers, each in its own way.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tokio::net::TcpSocket;

/// A host name that can never resolve.
pub(crate) const UNRESOLVABLE: &str = "readyctl-test.invalid";

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// More connections than a listener's queue takes.
const MORE_THAN_QUEUED: usize = 10_000;

/// Long enough for a loopback connection that the kernel is going to complete.
const CONNECT: Duration = Duration::from_millis(200);

/// A port that refuses connections, and stays so: it is bound, which keeps others from taking it.
pub(crate) struct ClosedPort(TcpSocket);

impl ClosedPort {
    /// Takes a free port.
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(LOOPBACK).unwrap();
        Self(socket)
    }

    /// Its number.
    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}

/// A port that takes every connection and never says a word: the kernel completes the handshake,
/// and no program reads.
pub(crate) struct SilentPort(TcpListener);

impl SilentPort {
    /// Listens on a free port.
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind(LOOPBACK).unwrap())
    }

    /// Its number.
    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}

/// A port where connecting itself never ends, as behind a firewall that drops: its queue is full.
pub(crate) struct DroppingPort {
    port: u16,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl DroppingPort {
    /// Listens on a free port and fills the queue.
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind(LOOPBACK).unwrap();
        let address = listener.local_addr().unwrap();
        let queued: Vec<TcpStream> = (0..MORE_THAN_QUEUED)
            .map_while(|_| TcpStream::connect_timeout(&address, CONNECT).ok())
            .collect();
        assert!(
            queued.len() < MORE_THAN_QUEUED,
            "the queue of a listener never filled up"
        );
        Self {
            port: address.port(),
            _listener: listener,
            _queued: queued,
        }
    }

    /// Its number.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}
