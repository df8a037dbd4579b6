//! The sample deployment does what it claims, healthy and broken.

use std::collections::BTreeSet;
use std::io::Read as _;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};

use super::*;

/// A client as checks use it.
fn client() -> reqwest::Client {
    crate::net::Http::default()
        .client(&crate::net::TlsOptions::default())
        .unwrap()
}

/// Status, headers and body of a GET, sent with these headers.
async fn get(demo: &Demo, path: &str, send: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
    let mut request = client().get(demo.url() + path);
    for (name, value) in send {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, answer.text().await.unwrap())
}

/// Whether a header has this value.
fn is(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers.get(name).map(HeaderValue::as_bytes) == Some(value.as_bytes())
}

#[test]
fn every_break_has_one_entry_with_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for info in Demo::breaks() {
        assert!(names.insert(info.name), "{} stands twice", info.name);
        assert!(!info.turns_red.is_empty() && !info.what.is_empty());
        let kebab = format!("{:?}", info.is)
            .chars()
            .flat_map(|c| match c {
                'A'..='Z' => vec!['-', c.to_ascii_lowercase()],
                _ => vec![c],
            })
            .collect::<String>();
        let plain = |text: &str| text.replace('-', "");
        assert_eq!(plain(info.name), plain(&kebab), "name of {:?}", info.is);
    }
    assert!(names.len() >= 16);
}

#[tokio::test]
async fn every_answer_is_protected_and_varies_by_origin() {
    let demo = Demo::start(&[]).await.unwrap();
    for (path, status) in [
        ("/", 200),
        ("/health/live", 200),
        ("/health/ready", 200),
        ("/version", 200),
        ("/metrics", 200),
        ("/api/v1/items", 200),
        ("/api/v1/tags", 200),
        ("/api/v1/private", 401),
        ("/nowhere", 404),
        ("/.env", 404),
    ] {
        let (got, headers, body) = get(&demo, path, &[("Origin", FRONTEND)]).await;
        assert_eq!(got.as_u16(), status, "{path}");
        assert!(!body.is_empty(), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("vary", "Origin"),
            ("access-control-allow-origin", FRONTEND),
            ("access-control-allow-credentials", "true"),
        ] {
            assert!(is(&headers, name, value), "{path}: {name} in {headers:?}");
        }
        let (_, foreign, _) = get(&demo, path, &[("Origin", "https://evil.example")]).await;
        assert!(!foreign.contains_key("access-control-allow-origin"));
        assert!(is(&foreign, "vary", "Origin"), "{path}");
    }
    let refused = client().post(demo.url()).send().await.unwrap();
    assert_eq!(refused.status(), 405);
    assert!(refused.headers().contains_key("allow"));
    let head = client()
        .head(demo.url() + "/health/ready")
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), 200);
}

#[tokio::test]
async fn the_limit_holds_and_a_forwarded_address_is_no_way_around() {
    for (breaks, limited) in [
        (&[][..], true),
        (&[Break::RateLimitXffBypass][..], false),
        (&[Break::NoRateLimit][..], false),
    ] {
        let demo = Demo::start(breaks).await.unwrap();
        let mut seen = BTreeSet::new();
        for n in 0..40 {
            let address = format!("203.0.113.{n}");
            let send = [("X-Forwarded-For", address.as_str())];
            let (status, headers, _) = get(&demo, "/api/v1/items/", &send).await;
            seen.insert(status.as_u16());
            if status == 429 {
                assert!(is(&headers, "retry-after", "1"));
                assert!(is(&headers, "vary", "Origin"));
            }
        }
        assert_eq!(seen.contains(&429), limited, "{breaks:?}: {seen:?}");
    }
}

#[tokio::test]
async fn files_are_private_whole_and_gone_afterwards() {
    let demo = Demo::start(&[]).await.unwrap();
    let folder = demo.folder().to_owned();
    let backups: Vec<_> = std::fs::read_dir(folder.join("backups"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(backups.len(), 7);
    for backup in backups {
        let mut dump = String::new();
        flate2::read::GzDecoder::new(std::fs::File::open(&backup).unwrap())
            .read_to_string(&mut dump)
            .unwrap();
        assert!(dump.contains("PostgreSQL database dump complete"));
    }
    let env = std::fs::read_to_string(folder.join(".env")).unwrap();
    assert!(env.contains("DEBUG=false\n"), "{env}");
    #[cfg(unix)]
    for name in ["", ".env"] {
        let path = folder.join(name);
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
    let other = Demo::start(&[]).await.unwrap();
    assert_ne!(other.folder(), folder);
    let other_env = std::fs::read_to_string(other.folder().join(".env")).unwrap();
    assert_ne!(env, other_env, "secrets are new every time");
    drop(demo);
    assert!(!folder.exists());
}

#[tokio::test]
async fn nothing_listens_after_it_stopped() {
    let demo = Demo::start(&[]).await.unwrap();
    let address = demo.address;
    let mut open = tokio::net::TcpStream::connect(address).await.unwrap();
    let debug = demo.debug_address;
    assert!(tokio::net::TcpStream::connect(debug).await.is_err());
    drop(demo);
    // The open connection ends, and then nobody accepts new ones.
    let mut rest = Vec::new();
    let _ended = tokio::io::AsyncReadExt::read_to_end(&mut open, &mut rest).await;
    assert!(rest.is_empty());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());

    let broken = Demo::start(&[Break::DebugPortOpen]).await.unwrap();
    let debug = broken.debug_address;
    assert!(tokio::net::TcpStream::connect(debug).await.is_ok());
}
