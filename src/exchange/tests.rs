//! Tests of `exchange`.

use std::io::Write as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A context whose observation ends after so many milliseconds.
pub(crate) fn context(millis: u64) -> Context {
    Context {
        check: "test".to_owned(),
        deadline: Instant::now() + Duration::from_millis(millis),
        waited: pace::Waited::default(),
        pace: pace::Pace::default(),
        now: jiff::Timestamp::now(),
        redactor: crate::redact::Redactor::default(),
        environment: Arc::default(),
        http: net::Http::default(),
        postgres: crate::postgres::Sessions::default(),
        folder: ".".into(),
        sign_offs: Arc::new([]),
    }
}

#[tokio::test]
async fn a_short_wait_is_obeyed_and_does_not_count() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    tokio::spawn(async move {
        let refused = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let let_in = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        for answer in [refused, let_in, refused, refused] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let _read = stream.read(&mut head).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    // The wait is longer than the whole observation may take.
    let cx = context(800);
    let session = Session::new(&cx, &SessionOptions::default()).unwrap();
    let mut request = Request::get(url);
    let response = session.send(&cx, &request).await.unwrap();
    assert_eq!(response.status, 204);
    assert!(cx.waited.time() >= Duration::from_millis(900));
    assert!(
        response.total < Duration::from_millis(900),
        "the wait is not the target's"
    );
    assert!(cx.remaining() > Duration::from_millis(100));
    // Where the refusal is what is looked for, it is told.
    request.patient = false;
    let cx = context(5000);
    assert_eq!(session.send(&cx, &request).await.unwrap().status, 429);
}

/// A port that answers its first connection with these bytes, then keeps it open.
async fn answering(bytes: Vec<u8>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        let _read = stream.read(&mut head).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        std::future::pending::<()>().await;
    });
    format!("http://127.0.0.1:{port}/x?token=abc")
        .parse()
        .unwrap()
}

async fn get(bytes: Vec<u8>, millis: u64, max_body: u64) -> Result<Response, Fault> {
    let cx = context(millis);
    let mut request = Request::get(answering(bytes).await);
    request.max_body = max_body;
    Session::new(&cx, &SessionOptions::default())
        .unwrap()
        .send(&cx, &request)
        .await
}

fn gzip(size: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b'a'; size]).unwrap();
    let body = encoder.finish().unwrap();
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend(body);
    bytes
}

#[tokio::test]
async fn gzip_is_decoded_and_its_bombs_are_capped() {
    let small = get(gzip(5000), 5000, 8000).await.unwrap();
    assert_eq!(
        (small.body.len(), &small.end),
        (5000, &BodyEnd::Complete),
        "decoded"
    );
    assert_eq!(small.header("Content-Encoding"), Some("gzip"), "kept");
    let bomb = get(gzip(50_000_000), 20_000, 8000).await.unwrap();
    assert_eq!((bomb.body.len(), bomb.end), (8000, BodyEnd::Capped));
    let mut cut = gzip(5000);
    let end = cut.len() - 6;
    cut[end] ^= 0x55;
    assert!(matches!(
        get(cut, 5000, 8000).await.unwrap().end,
        BodyEnd::Broken(_)
    ));
}

#[tokio::test]
async fn a_stalled_body_and_a_silent_server_are_told_apart() {
    let stalled = get(
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc".to_vec(),
        300,
        MAX_BODY,
    )
    .await
    .unwrap();
    assert_eq!(
        (stalled.text().as_str(), stalled.end),
        ("abc", BodyEnd::Stalled)
    );
    let silent = get(Vec::new(), 300, MAX_BODY).await.unwrap_err();
    assert_eq!(
        (silent.cause, silent.code.as_deref()),
        (Cause::Timeout, Some("HTTP-14"))
    );
    assert!(!silent.message.contains("token"), "{}", silent.message);
}

#[tokio::test]
async fn link_local_addresses_are_refused_in_every_spelling() {
    let cx = context(2000);
    for (url, pin) in [
        ("http://169.254.169.254/latest/meta-data", None),
        ("http://[::ffff:169.254.169.254]/", None),
        ("http://0xa9fea9fe/", None),
        (
            "http://some.example/",
            Some("169.254.169.254".parse().unwrap()),
        ),
    ] {
        let options = SessionOptions {
            pin,
            ..SessionOptions::default()
        };
        let session = Session::new(&cx, &options).unwrap();
        let fault = session
            .send(&cx, &Request::get(url.parse().unwrap()))
            .await
            .unwrap_err();
        assert_eq!(fault.cause, Cause::NotAllowed, "{url}: {fault}");
    }
}

#[test]
fn cookies_and_credentials_are_masked_in_facts() {
    let masked = masked_headers(&[
        (
            "set-cookie".to_owned(),
            "sid=s3cret; Secure; Path=/".to_owned(),
        ),
        ("x-api-key".to_owned(), "s3cret".to_owned()),
        ("vary".to_owned(), "Origin".to_owned()),
    ]);
    assert_eq!(masked[0].1, format!("sid={MASK}; Secure; Path=/"));
    assert_eq!(masked[1].1, MASK);
    assert_eq!(masked[2].1, "Origin");
}
