//! An HTTP/1.1 server inside the test, whose routes are closures: it counts what it was asked, can
//! be changed while it runs, and can break every promise of the protocol.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::net::TcpSocket;

/// Enough for a connection's thread, so that hundreds of them cost little.
const STACK: usize = 1 << 20;

/// How many connections may wait to be accepted.
const QUEUE: u32 = 4096;

/// A request as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The method, as sent.
    pub(crate) method: String,
    /// The target up to the question mark, as sent.
    pub(crate) path: String,
    /// What follows the question mark, as sent.
    pub(crate) query: String,
    /// The header fields in their order, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// The client's address: the same one for all requests of one connection.
    pub(crate) peer: SocketAddr,
}

impl Request {
    /// The first header field of a name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let name = name.to_lowercase();
        self.headers
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Reads one request; `None` when the client has closed the connection.
    fn read(stream: &mut BufReader<TcpStream>, peer: SocketAddr) -> io::Result<Option<Self>> {
        let first = read_line(stream)?;
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Ok(None);
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: Vec::new(),
            body: Vec::new(),
            peer,
        };
        loop {
            let line = read_line(stream)?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            request
                .headers
                .push((name.to_lowercase(), value.trim().into()));
        }
        if request.header("expect").is_some() {
            stream
                .get_mut()
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if request.header("transfer-encoding").is_some() {
            request.body = read_chunks(stream)?;
        } else if let Some(length) = request.header("content-length") {
            request
                .body
                .resize(length.parse().map_err(io::Error::other)?, 0);
            stream.read_exact(&mut request.body)?;
        }
        Ok(Some(request))
    }

    fn wants_close(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// One line without its end; empty at the end of the stream.
fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
}

fn read_chunks(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(&read_line(stream)?, 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; size];
        stream.read_exact(&mut chunk)?;
        read_line(stream)?;
        if size == 0 {
            return Ok(body);
        }
        body.append(&mut chunk);
    }
}

/// What a closure takes over a connection with; the connection is closed when it returns.
type Takeover = Box<dyn FnOnce(&mut TcpStream) -> io::Result<()> + Send>;

/// How an answer leaves.
enum Delivery {
    Whole,
    StallAfter(usize),
    Drip { bytes: usize, pause: Duration },
    Claim(usize),
    Takeover(Takeover),
}

/// An answer, honest or not.
pub(crate) struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
    delivery: Delivery,
}

impl Response {
    /// An empty answer.
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
            delivery: Delivery::Whole,
        }
    }

    /// An answer of plain text.
    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::status(status)
            .header("content-type", "text/plain; charset=utf-8")
            .body(body)
    }

    /// An answer of JSON: a `serde_json` value, or JSON text.
    pub(crate) fn json(status: u16, body: impl Display) -> Self {
        Self::status(status)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// A redirect.
    pub(crate) fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).header("location", location)
    }

    /// No answer, until the client goes away.
    pub(crate) fn never() -> Self {
        Self::takeover(wait_until_closed)
    }

    /// No answer, and the connection is closed.
    pub(crate) fn close() -> Self {
        Self::takeover(|_| Ok(()))
    }

    /// These bytes instead of an answer, and the connection is closed.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::takeover(move |stream| stream.write_all(&bytes))
    }

    /// A closure that writes whatever it likes; the connection is closed when it returns.
    pub(crate) fn takeover(
        write: impl FnOnce(&mut TcpStream) -> io::Result<()> + Send + 'static,
    ) -> Self {
        Self {
            delivery: Delivery::Takeover(Box::new(write)),
            ..Self::status(200)
        }
    }

    /// A small answer that unpacks to as many mebibytes of zeros.
    pub(crate) fn gzip_bomb(mebibytes: usize) -> Self {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        let mebibyte = vec![0; 1 << 20];
        for _ in 0..mebibytes {
            gzip.write_all(&mebibyte).unwrap();
        }
        Self::text(200, "")
            .header("content-encoding", "gzip")
            .body(gzip.finish().unwrap())
    }

    /// Adds a header field.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Waits before the first byte.
    pub(crate) fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Stops after so many bytes of the body, and waits until the client goes away.
    pub(crate) fn stalling_after(mut self, bytes: usize) -> Self {
        self.delivery = Delivery::StallAfter(bytes);
        self
    }

    /// Sends the body a few bytes at a time.
    pub(crate) fn dripping(mut self, bytes: usize, pause: Duration) -> Self {
        self.delivery = Delivery::Drip { bytes, pause };
        self
    }

    /// Says a wrong `Content-Length`, and closes the connection after the body.
    pub(crate) fn claiming_length(mut self, length: usize) -> Self {
        self.delivery = Delivery::Claim(length);
        self
    }

    /// Sends the answer; tells whether the connection may go on.
    fn send(self, request: &Request, stream: &mut TcpStream) -> io::Result<bool> {
        thread::sleep(self.delay);
        let length = match self.delivery {
            Delivery::Takeover(write) => return write(stream).map(|()| false),
            Delivery::Claim(length) => length,
            _ => self.body.len(),
        };
        let fields: String = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!(
            "HTTP/1.1 {} test\r\n{fields}content-length: {length}\r\n\r\n",
            self.status
        );
        let body: &[u8] = if request.method == "HEAD" {
            &[]
        } else {
            &self.body
        };
        match self.delivery {
            Delivery::StallAfter(bytes) => {
                stream.write_all(head.as_bytes())?;
                stream.write_all(&body[..bytes.min(body.len())])?;
                wait_until_closed(stream)?;
            }
            Delivery::Drip { bytes, pause } => {
                stream.write_all(head.as_bytes())?;
                for piece in body.chunks(bytes) {
                    stream.write_all(piece)?;
                    thread::sleep(pause);
                }
            }
            _ => stream.write_all(&[head.as_bytes(), body].concat())?,
        }
        Ok(matches!(
            self.delivery,
            Delivery::Whole | Delivery::Drip { .. }
        ))
    }
}

fn wait_until_closed(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(|_| ())
}

/// What answers a request.
type Handler = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// What the server's threads share.
#[derive(Default)]
struct State {
    routes: RwLock<HashMap<String, Handler>>,
    fallback: RwLock<Option<Handler>>,
    requests: Mutex<Vec<Request>>,
    connections: Mutex<Vec<TcpStream>>,
    stopping: AtomicBool,
}

impl State {
    fn respond(&self, request: &Request) -> Response {
        let route = self.routes.read().unwrap().get(&request.path).cloned();
        let handler = route.or_else(|| self.fallback.read().unwrap().clone());
        handler.map_or_else(
            || Response::text(404, "no such route"),
            |handler| handler(request),
        )
    }

    fn converse(&self, stream: TcpStream) -> io::Result<()> {
        let peer = stream.peer_addr()?;
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        while let Some(request) = Request::read(&mut reader, peer)? {
            self.requests.lock().unwrap().push(request.clone());
            let goes_on = self.respond(&request).send(&request, &mut writer)?;
            if !goes_on || request.wants_close() {
                break;
            }
        }
        writer.shutdown(Shutdown::Both)
    }
}

/// The server; stopped when dropped, which fails a test that never made a request of it.
pub(crate) struct Origin {
    address: SocketAddr,
    state: Arc<State>,
    may_be_unused: AtomicBool,
}

impl Origin {
    /// Starts a server that answers 404 to everything.
    pub(crate) fn start() -> Self {
        let listener = listen().unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        thread::spawn({
            let state = Arc::clone(&state);
            move || accept(&listener, &state)
        });
        Self {
            address,
            state,
            may_be_unused: AtomicBool::new(false),
        }
    }

    /// Answers a path, whatever the method; replaces the answer given before, also at run time.
    pub(crate) fn route(
        &self,
        path: &str,
        respond: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> &Self {
        self.state
            .routes
            .write()
            .unwrap()
            .insert(path.into(), Arc::new(respond));
        self
    }

    /// Answers every path that has no route.
    pub(crate) fn fallback(
        &self,
        respond: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> &Self {
        *self.state.fallback.write().unwrap() = Some(Arc::new(respond));
        self
    }

    /// Says that the test is right even when no request comes.
    pub(crate) fn may_be_unused(&self) -> &Self {
        self.may_be_unused.store(true, Ordering::Relaxed);
        self
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Every request for a path so far.
    pub(crate) fn requests_to(&self, path: &str) -> Vec<Request> {
        self.requests()
            .into_iter()
            .filter(|request| request.path == path)
            .collect()
    }

    /// How many requests came for a path.
    pub(crate) fn hits(&self, path: &str) -> usize {
        self.requests_to(path).len()
    }

    /// Forgets the requests so far.
    pub(crate) fn forget(&self) {
        self.state.requests.lock().unwrap().clear();
        self.may_be_unused();
    }
}

/// Listens with a queue that a burst of connections does not fill, which the standard library's
/// does: a client would wait a second before it tries again.
fn listen() -> io::Result<TcpListener> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let _inside = runtime.enter();
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = socket.listen(QUEUE)?.into_std()?;
    listener.set_nonblocking(false)?;
    Ok(listener)
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(handle) = stream.try_clone() else {
            continue;
        };
        state.connections.lock().unwrap().push(handle);
        let state = Arc::clone(state);
        let thread = thread::Builder::new().stack_size(STACK);
        // A client that goes away in the middle is no error of the server's.
        thread
            .spawn(move || drop(state.converse(stream)))
            .expect("a thread can start");
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.state.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        for connection in self.state.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        let unused = self.state.requests.lock().unwrap().is_empty()
            && !self.may_be_unused.load(Ordering::Relaxed);
        if unused && !thread::panicking() {
            panic!("the origin was never asked anything: {}", self.address);
        }
    }
}
