//! Tables for handshakes that no server in the integration suite gives.

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Websocket;
use super::facts::{Closed, During, Facts, Handshake, Other, Purpose, Talk};
use super::handshake::parse;
use crate::kinds::Kind as _;
use crate::outcome::{Cause, Fault, Judged};

/// The key of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn websocket(yaml: &str) -> Websocket {
    serde_yaml::from_str(&format!("url: ws://127.0.0.1/ws\n{yaml}")).unwrap()
}

fn upgraded() -> Handshake {
    Handshake {
        status: 101,
        ms: 5,
        upgrade: Some("WebSocket".to_owned()),
        connection: Some("keep-alive, Upgrade".to_owned()),
        accept: Some(true),
        ..Handshake::default()
    }
}

fn closed(code: u16, during: During) -> Closed {
    Closed {
        during,
        code,
        reason: String::new(),
        after_ms: 10,
    }
}

/// A healthy conversation.
fn facts() -> Facts {
    Facts {
        url: "ws://127.0.0.1/ws".to_owned(),
        main: upgraded(),
        talk: Some(Talk {
            pong_ms: Some(1),
            goodbye: Some(closed(1000, During::Goodbye)),
            ..Talk::default()
        }),
        others: Vec::new(),
    }
}

fn codes(spec: &Websocket, facts: &Facts) -> Vec<(String, Judged)> {
    super::judge::judge(spec, facts)
        .into_iter()
        .filter(|finding| finding.verdict != Judged::Pass)
        .map(|finding| (finding.code.unwrap().into_owned(), finding.verdict))
        .collect()
}

#[test]
fn the_head_of_an_answer_is_read() {
    assert_eq!(
        derive_accept_key(KEY.as_bytes()),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    let head = |lines: &str| format!("HTTP/1.1 101 Switching\r\n{lines}\r\n\r\n").into_bytes();
    let good = "upgrade: websocket\r\nCONNECTION: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    assert!(parse(&head(good), KEY, 1).unwrap().upgraded());
    for (from, to) in [
        ("s3pP", "S3pP"),
        ("websocket", "h2c"),
        ("Upgrade\r", "close\r"),
        ("Sec-WebSocket-Accept", "X-Accept"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert!(!parse(&head(&bad), KEY, 1).unwrap().upgraded(), "{bad}");
    }
    for head in [
        "",
        "SSH-2.0-OpenSSH_9\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/2 101\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
    ] {
        assert!(parse(head.as_bytes(), KEY, 1).is_none(), "{head}");
    }
}

#[test]
fn a_refusal_must_look_like_one() {
    let rule = websocket("headers: { Authorization: x }\nauth: required");
    let other = |status, closed, fault| Other {
        purpose: Purpose::NoCredentials,
        answer: (status != 0).then(|| Handshake {
            status,
            ..upgraded()
        }),
        fault,
        closed,
    };
    let broken = || Fault::new(Cause::Unreachable, "closed early");
    for (other, expected) in [
        (other(401, None, None), None),
        (other(403, None, None), None),
        (other(101, None, None), Some(Judged::Fail)),
        (other(101, Some(closed(1008, During::Message)), None), None),
        (
            other(101, Some(closed(1011, During::Message)), None),
            Some(Judged::Fail),
        ),
        (other(200, None, None), Some(Judged::Error)),
        (other(502, None, None), Some(Judged::Error)),
        (other(0, None, Some(broken())), Some(Judged::Error)),
    ] {
        let mut facts = facts();
        facts.others = vec![other.clone()];
        let found = codes(&rule, &facts);
        let expected: Vec<_> = expected
            .into_iter()
            .map(|verdict| ("WS-05".to_owned(), verdict))
            .collect();
        assert_eq!(found, expected, "{other:?}");
    }
}

#[test]
fn nothing_is_said_of_refusals_when_everybody_is_refused() {
    let rule = websocket("headers: { Authorization: x }\nauth: required");
    let mut facts = facts();
    facts.main.status = 503;
    facts.talk = None;
    assert_eq!(codes(&rule, &facts), [("WS-01".to_owned(), Judged::Fail)]);
}

#[test]
fn every_end_but_a_polite_one_is_red() {
    let rule = websocket("hold: 5s");
    let talk = |closed, goodbye, held_ms, alive| Talk {
        pong_ms: Some(1),
        held_ms,
        alive_after_hold: alive,
        closed,
        goodbye,
        ..Talk::default()
    };
    let bye = |code| Some(closed(code, During::Goodbye));
    for (talk, expected) in [
        (talk(None, bye(1000), 5000, Some(true)), None),
        (talk(None, bye(1005), 5000, Some(true)), None),
        (
            talk(None, bye(1006), 5000, Some(true)),
            Some(("WS-12", Judged::Fail)),
        ),
        (
            talk(None, bye(1011), 5000, Some(true)),
            Some(("WS-12", Judged::Fail)),
        ),
        (
            talk(None, None, 5000, Some(true)),
            Some(("WS-12", Judged::Fail)),
        ),
        (
            talk(Some(closed(1001, During::Hold)), None, 900, None),
            Some(("WS-09", Judged::Fail)),
        ),
        (
            talk(None, bye(1000), 5000, Some(false)),
            Some(("WS-09", Judged::Fail)),
        ),
        (
            talk(None, bye(1000), 900, Some(true)),
            Some(("WS-09", Judged::Error)),
        ),
        (
            talk(Some(closed(1011, During::Ping)), None, 0, None),
            Some(("WS-12", Judged::Fail)),
        ),
    ] {
        let mut facts = facts();
        facts.talk = Some(talk.clone());
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(code, verdict)| (code.to_owned(), verdict))
            .collect();
        assert_eq!(codes(&rule, &facts), expected, "{talk:?}");
    }
}

#[test]
fn contradictions_are_found_before_anything_is_sent() {
    for yaml in [
        "auth: required",
        "required_headers: [X-Tenant-ID]",
        "headers: { Origin: x }",
        "headers: { Sec-WebSocket-Key: x }",
        "headers: { 'a b': x }",
        "subprotocol: chat",
        "subprotocols: ['a, b']",
        "refused_with: []",
        "refused_with: [200]",
        "hold: 0s",
        "hold: 1h",
        "answer_within: 0s",
        "plain_url: wss://127.0.0.1/ws",
    ] {
        assert!(!websocket(yaml).problems().is_empty(), "{yaml}");
    }
    for yaml in [
        "",
        "headers: { Authorization: x, X-Tenant-ID: t }\nauth: required\nrequired_headers: [x-tenant-id]",
        "origin: https://app.example.com\nsubprotocols: [a, b]\nsubprotocol: b",
    ] {
        let problems = websocket(yaml).problems();
        assert!(problems.is_empty(), "{yaml}: {problems:?}");
    }
    let http: Websocket = serde_yaml::from_str("url: https://127.0.0.1/ws").unwrap();
    assert!(!http.problems().is_empty());
}
