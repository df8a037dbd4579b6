//! The kind `websocket`: real servers, a real proxy, and handshakes that are wrong on purpose.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::certificates::{Authority, Leaf};
use crate::support::cli::{Run, audit, audit_command};
use crate::support::dead::{ClosedPort, SilentPort};
use crate::support::nginx::Nginx;
use crate::support::origin::{Origin, Response as Answer};
use crate::support::verdicts::{assert_green, assert_red};

/// What a server does with those who come.
#[derive(Clone, Default)]
struct Rules {
    /// Header names and values without which nobody is let in.
    required: Vec<(&'static str, &'static str)>,
    /// Origins that are let in; `None` lets everybody in.
    origins: Option<Vec<&'static str>>,
    /// Whether an origin that only begins like an allowed one is let in too.
    by_prefix: bool,
    /// The subprotocol that is chosen.
    subprotocol: Option<&'static str>,
    /// What is sent after the upgrade.
    greeting: Option<&'static str>,
    /// The code it closes with at once.
    closes: Option<u16>,
    /// Whether it drops the connection at the goodbye.
    rude: bool,
}

/// A WebSocket server that echoes.
struct Server {
    address: SocketAddr,
    upgrades: Arc<Mutex<usize>>,
}

impl Server {
    fn start(rules: Rules) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let upgrades = Arc::new(Mutex::new(0));
        let count = Arc::clone(&upgrades);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, rules.clone(), Arc::clone(&count)));
                }
            });
        });
        Self { address, upgrades }
    }

    fn url(&self) -> String {
        format!("ws://{}/ws", self.address)
    }

    fn upgrades(&self) -> usize {
        *self.upgrades.lock().unwrap()
    }
}

#[expect(clippy::result_large_err, reason = "the library's type")]
fn decide(
    rules: &Rules,
    request: &Request,
    mut response: Response,
) -> Result<Response, ErrorResponse> {
    let refuse = |status: u16| {
        let mut refusal = ErrorResponse::new(None);
        *refusal.status_mut() = status.try_into().unwrap();
        Err(refusal)
    };
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    for (name, value) in &rules.required {
        if header(name) != Some(value) {
            return refuse(401);
        }
    }
    if let (Some(origins), Some(origin)) = (&rules.origins, header("origin")) {
        let known = origins
            .iter()
            .any(|own| origin == *own || rules.by_prefix && origin.starts_with(own));
        if !known {
            return refuse(403);
        }
    }
    if let Some(name) = rules.subprotocol {
        let value = name.parse().unwrap();
        response
            .headers_mut()
            .insert("sec-websocket-protocol", value);
    }
    Ok(response)
}

#[expect(clippy::result_large_err, reason = "the library's type")]
async fn serve(stream: TcpStream, rules: Rules, count: Arc<Mutex<usize>>) -> Result<(), Error> {
    let callback = |request: &Request, response: Response| decide(&rules, request, response);
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, callback).await?;
    *count.lock().unwrap() += 1;
    converse(&mut socket, &rules).await
}

async fn converse(socket: &mut WebSocketStream<TcpStream>, rules: &Rules) -> Result<(), Error> {
    if let Some(code) = rules.closes {
        let reason = "go away".into();
        socket
            .close(Some(CloseFrame {
                code: code.into(),
                reason,
            }))
            .await?;
    }
    if let Some(text) = rules.greeting {
        socket.send(Message::text(text)).await?;
    }
    while let Some(message) = socket.next().await {
        match message? {
            Message::Close(_) if rules.rude => return Ok(()),
            Message::Text(text) => socket.send(Message::Text(text)).await?,
            _ => {}
        }
    }
    Ok(())
}

fn profile(url: &str, more: &str) -> String {
    let more: String = more
        .lines()
        .map(|line| format!("      {}\n", line.trim_start()))
        .collect();
    format!(
        "version: 1\nname: test\nchecks:\n  - id: ws\n    timeout: 20s\n    retry: {{ attempts: 1 }}\n    websocket:\n      url: {url}\n{more}"
    )
}

fn check(url: &str, more: &str) -> Run {
    audit(&profile(url, more))
}

/// Green against the good server, red with `code` against the other.
#[track_caller]
fn red(code: &str, more: &str, good: Rules, bad: Rules) -> Run {
    assert_green(&check(&Server::start(good).url(), more));
    let run = check(&Server::start(bad).url(), more);
    assert_red(&run, "ws", code);
    run
}

/// A handshake answered by hand.
fn by_hand(head: impl Fn(&str) -> String + Send + Sync + 'static) -> Origin {
    let origin = Origin::start();
    origin.fallback(move |request| {
        let accept = derive_accept_key(request.header("sec-websocket-key").unwrap().as_bytes());
        let head = head(&accept);
        Answer::takeover(move |stream| {
            stream.write_all(head.as_bytes())?;
            std::io::copy(stream, &mut std::io::sink()).map(|_| ())
        })
    });
    origin
}

fn upgrade(more: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{more}\r\n\r\n"
    )
}

fn plain(url: &str) -> String {
    url.replace("http://", "ws://")
}

#[test]
fn ws_01_not_upgraded() {
    assert_green(&check(&Server::start(Rules::default()).url(), ""));
    let origin = Origin::start();
    for status in [200, 301, 400, 401, 403, 404, 426, 500, 502] {
        origin.fallback(move |_| Answer::text(status, "<html>").header("location", "/other"));
        assert_red(&check(&plain(&origin.url("/ws")), ""), "ws", "WS-01");
    }
}

#[test]
fn ws_01_a_proxy_that_drops_the_upgrade() {
    let server = Server::start(Rules::default());
    let origin = format!("http://{}", server.address);
    let proxy = |directives: &str| Nginx::builder().proxy(&origin, directives).start();
    let good = proxy(
        "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
    );
    assert_green(&check(&plain(&good.url("/ws")), ""));
    let bad = proxy("");
    assert_red(&check(&plain(&bad.url("/ws")), ""), "ws", "WS-01");
    drop(server);
    let gone = Nginx::builder().proxy("http://127.0.0.1:1", "").start();
    assert_red(&check(&plain(&gone.url("/ws")), ""), "ws", "WS-01");
}

#[test]
fn ws_02_a_wrong_handshake() {
    for head in ["", "Sec-WebSocket-Accept: bm90IHRoZSByaWdodCBvbmU="] {
        let origin = by_hand(move |_| upgrade(head));
        assert_red(&check(&plain(&origin.url("/ws")), ""), "ws", "WS-02");
    }
    let no_upgrade = by_hand(|accept| {
        format!("HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")
    });
    assert_red(&check(&plain(&no_upgrade.url("/ws")), ""), "ws", "WS-02");
    // The same by hand and right: only ping and goodbye are missing.
    let right = by_hand(|accept| upgrade(&format!("Sec-WebSocket-Accept: {accept}")));
    assert_green(&check(
        &plain(&right.url("/ws")),
        "ping: false\nclean_close: false",
    ));
}

#[test]
fn ws_03_foreign_origins() {
    let own = Rules {
        origins: Some(vec!["https://app.example.com"]),
        ..Rules::default()
    };
    let rules = "origin: https://app.example.com";
    let run = red("WS-03", rules, own.clone(), Rules::default());
    assert_eq!(run.codes("ws"), ["WS-03", "WS-03"], "{run}");
    let prefix = Rules {
        by_prefix: true,
        ..own.clone()
    };
    assert_eq!(red("WS-03", rules, own, prefix).codes("ws"), ["WS-03"]);
    let open = Server::start(Rules::default());
    assert_green(&check(
        &open.url(),
        "origin: https://app.example.com\nforeign_origins: allowed",
    ));
}

#[test]
fn ws_04_the_own_origin_is_refused() {
    let of = |origin| Rules {
        origins: Some(vec![origin]),
        ..Rules::default()
    };
    let rules = "origin: https://app.example.com";
    red(
        "WS-04",
        rules,
        of("https://app.example.com"),
        of("https://old.example.com"),
    );
}

#[test]
fn ws_05_without_credentials() {
    let both = vec![
        ("authorization", "Bearer canary0123456789"),
        ("x-tenant-id", "t1"),
    ];
    let good = Rules {
        required: both.clone(),
        ..Rules::default()
    };
    let no_tenant = Rules {
        required: vec![both[0]],
        ..Rules::default()
    };
    let no_key = Rules {
        required: vec![both[1]],
        ..Rules::default()
    };
    let more = "headers: { Authorization: Bearer canary0123456789, X-Tenant-ID: t1 }\nauth: required\nrequired_headers: [Authorization, X-Tenant-ID]";
    let run = red("WS-05", more, good.clone(), Rules::default());
    assert_eq!(run.codes("ws"), ["WS-05", "WS-05", "WS-05"], "{run}");
    assert!(!run.stdout.contains("canary0123456789"), "{run}");
    assert_eq!(
        red("WS-05", more, good.clone(), no_tenant).codes("ws"),
        ["WS-05"]
    );
    assert_eq!(
        red("WS-05", more, good.clone(), no_key).codes("ws"),
        ["WS-05"]
    );
    // The wrong key refuses everybody: that says nothing of those without.
    let wrong = more.replace("canary0123456789", "wrong0123456789");
    assert_red(&check(&Server::start(good).url(), &wrong), "ws", "WS-01");
    // Some can only refuse after the upgrade.
    let late = Server::start(Rules {
        closes: Some(1008),
        ..Rules::default()
    });
    let run = check(&late.url(), "headers: { Authorization: x }\nauth: required");
    assert!(!run.codes("ws").contains(&"WS-05".to_owned()), "{run}");
}

#[test]
fn ws_06_subprotocols() {
    let choosing = |name| Rules {
        subprotocol: Some(name),
        ..Rules::default()
    };
    let more = "subprotocols: [v2.json, v1.json]";
    red("WS-06", more, choosing("v2.json"), Rules::default());
    red("WS-06", more, choosing("v1.json"), choosing("v9.json"));
    red(
        "WS-06",
        &format!("{more}\nsubprotocol: v2.json"),
        choosing("v2.json"),
        choosing("v1.json"),
    );
    red("WS-06", "", Rules::default(), choosing("v1.json"));
}

#[test]
fn ws_07_the_first_message() {
    let greeting = |text| Rules {
        greeting: Some(text),
        ..Rules::default()
    };
    let json = "answer_within: 1s\njson: { $.type: welcome }";
    red(
        "WS-07",
        json,
        greeting(r#"{"type": "welcome"}"#),
        greeting(r#"{"type": "error"}"#),
    );
    red(
        "WS-07",
        json,
        greeting(r#"{"type": "welcome"}"#),
        greeting("hello"),
    );
    red(
        "WS-07",
        json,
        greeting(r#"{"type": "welcome"}"#),
        greeting("{}"),
    );
    red(
        "WS-07",
        json,
        greeting(r#"{"type": "welcome"}"#),
        Rules::default(),
    );
    let echo = "send: hello\nmessage: hello";
    red("WS-07", echo, Rules::default(), greeting("bye"));
}

#[test]
fn ws_08_ping_unanswered() {
    assert_green(&check(&Server::start(Rules::default()).url(), ""));
    let deaf = by_hand(|accept| upgrade(&format!("Sec-WebSocket-Accept: {accept}")));
    let run = check(
        &plain(&deaf.url("/ws")),
        "answer_within: 500ms\nclean_close: false",
    );
    assert_red(&run, "ws", "WS-08");
}

#[test]
fn ws_09_a_proxy_cuts_quiet_connections() {
    let server = Server::start(Rules::default());
    let proxy = |timeout: &str| {
        Nginx::builder()
            .proxy(&format!("http://{}", server.address), &format!("proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_read_timeout {timeout};"))
            .start()
    };
    let (patient, hasty) = (proxy("60s"), proxy("1s"));
    assert_green(&check(&plain(&patient.url("/ws")), "hold: 3s"));
    assert_green(&check(&plain(&hasty.url("/ws")), ""));
    assert_red(&check(&plain(&hasty.url("/ws")), "hold: 3s"), "ws", "WS-09");
    // Silence that the check has no time for is not even begun.
    let before = server.upgrades();
    let run = check(&plain(&patient.url("/ws")), "hold: 30s");
    assert_eq!(run.verdict("ws"), "error", "{run}");
    assert_eq!(server.upgrades(), before);
}

#[test]
fn ws_10_without_encryption() {
    let server = Server::start(Rules::default());
    let authority = Authority::root();
    let pass = format!(
        "proxy_pass http://{}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
        server.address
    );
    let nginx = Nginx::builder()
        .tls(
            "secure",
            &authority.issue(&Leaf::localhost()),
            &format!("location / {{ {pass} }}"),
        )
        .server(&format!("listen {{listen:open}};\nlocation / {{ {pass} }}"))
        .server("listen {listen:moved};\nreturn 301 https://localhost:{port:secure}$request_uri;")
        .start();
    let url = format!("wss://localhost:{}/ws", nginx.port("secure"));
    let rules = |port: u16| {
        format!(
            "ca_file: {}\nplain_url: ws://127.0.0.1:{port}/ws",
            authority.path().display()
        )
    };
    assert_green(&check(&url, &rules(nginx.port("moved"))));
    assert_green(&check(&url, &rules(ClosedPort::new().port())));
    assert_red(&check(&url, &rules(nginx.port("open"))), "ws", "WS-10");
    let untrusted = check(&url, "");
    assert_eq!(
        untrusted.check("ws")["fault"]["cause"],
        "tls",
        "{untrusted}"
    );
}

#[test]
fn ws_12_closed_abnormally() {
    let closing = |code| Rules {
        closes: Some(code),
        ..Rules::default()
    };
    let run = red("WS-12", "", Rules::default(), closing(1011));
    assert!(run.stdout.contains("closed with 1011 (go away)"), "{run}");
    red(
        "WS-12",
        "",
        Rules::default(),
        Rules {
            rude: true,
            ..Rules::default()
        },
    );
}

#[test]
fn ws_13_an_extension_nobody_offered() {
    let head = |more: &'static str| {
        by_hand(move |accept| upgrade(&format!("Sec-WebSocket-Accept: {accept}{more}")))
    };
    let rules = "ping: false\nclean_close: false";
    assert_green(&check(&plain(&head("").url("/ws")), rules));
    let compressing = head("\r\nSec-WebSocket-Extensions: permessage-deflate");
    assert_red(
        &check(&plain(&compressing.url("/ws")), rules),
        "ws",
        "WS-13",
    );
}

#[test]
fn ws_51_a_slow_handshake() {
    let origin = Origin::start();
    origin.fallback(|request| {
        let accept = derive_accept_key(request.header("sec-websocket-key").unwrap().as_bytes());
        Answer::raw(upgrade(&format!("Sec-WebSocket-Accept: {accept}")))
            .delay(Duration::from_millis(700))
    });
    let rules = "ping: false\nclean_close: false\nmax_latency: 500ms";
    assert_green(&check(&Server::start(Rules::default()).url(), rules));
    assert_red(&check(&plain(&origin.url("/ws")), rules), "ws", "WS-51");
}

#[test]
fn websocket_what_does_not_answer_is_an_error() {
    let (closed, silent) = (ClosedPort::new(), SilentPort::new());
    for (port, cause) in [(closed.port(), "refused"), (silent.port(), "timeout")] {
        let yaml = profile(&format!("ws://127.0.0.1:{port}/ws"), "").replace("20s", "1s");
        let run = audit(&yaml);
        assert_eq!(run.check("ws")["fault"]["cause"], cause, "{run}");
        run.assert_exit(3);
    }
}

#[test]
fn websocket_pack() {
    let good = Rules {
        required: vec![
            ("authorization", "Bearer canary0123456789"),
            ("x-tenant-id", "t1"),
        ],
        origins: Some(vec!["https://app.example.com"]),
        ..Rules::default()
    };
    let run = |rules: Rules| {
        let url = Server::start(rules).url();
        audit_command(&format!("version: 1\nname: test\ninputs:\n  token: {{ type: string, secret: true, from: env:TOKEN }}\npacks:\n  - use: websocket\n    with: {{ url: \"{url}\", authorization: \"${{token}}\", tenant: t1, origin: https://app.example.com, hold: 1s }}\n"))
            .env("TOKEN", "Bearer canary0123456789")
            .run()
    };
    assert_green(&run(good.clone()));
    assert_red(
        &run(Rules {
            origins: None,
            ..good.clone()
        }),
        "websocket-origin",
        "WS-03",
    );
    assert_red(
        &run(Rules {
            required: Vec::new(),
            ..good
        }),
        "websocket-auth",
        "WS-05",
    );
}
