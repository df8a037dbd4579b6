//! Judging handshakes and what followed.

use serde_json::Value;

use super::Websocket;
use super::facts::{During, Facts, Handshake, Message, Other, Purpose, Talk};
use crate::outcome::{Cause, Finding};

/// Judges everything.
pub(super) fn judge(spec: &Websocket, facts: &Facts) -> Vec<Finding> {
    let main = &facts.main;
    if main.status != 101 {
        // Whoever refuses everybody has refused nobody in particular.
        return vec![no_upgrade(facts)];
    }
    let subject = format!("handshake of {}", facts.url);
    let wrong = main.wrong_headers();
    if !wrong.is_empty() {
        let actual = format!("101 with {}", wrong.join(", "));
        let message = format!("{} answers 101 with {}", facts.url, wrong.join(", "));
        return vec![Finding::fail(
            "WS-02",
            subject,
            "a right Sec-WebSocket-Accept, Upgrade and Connection",
            actual,
            message,
        )];
    }
    let mut findings = vec![Finding::pass(
        subject,
        "101",
        format!("101 in {}ms", main.ms),
    )];
    if let Some(origin) = &spec.origin {
        findings.push(Finding::pass(
            "own origin",
            "let in",
            format!("{origin} is let in"),
        ));
    }
    findings.extend(latency(spec, main));
    findings.extend(subprotocol(spec, main));
    findings.extend(extensions(main));
    findings.extend(facts.others.iter().map(|other| judge_other(spec, other)));
    if let Some(talk) = &facts.talk {
        findings.extend(message(spec, talk));
        findings.extend(ping(spec, talk));
        findings.extend(hold(spec, talk));
        findings.extend(end(spec, talk));
    }
    findings
}

/// The finding of a handshake that was not answered 101.
fn no_upgrade(facts: &Facts) -> Finding {
    let main = &facts.main;
    let subject = format!("handshake of {}", facts.url);
    let without_origin = facts
        .others
        .iter()
        .find(|other| other.purpose == Purpose::NoOrigin);
    let origin_it_was = without_origin
        .and_then(|other| other.answer.as_ref())
        .is_some_and(Handshake::upgraded);
    let actual = shown(main);
    if origin_it_was {
        let message =
            format!("{actual} with the own Origin, 101 without any: the origin is refused");
        return Finding::fail("WS-04", "own origin", "let in", actual, message);
    }
    let why = match main.status {
        200..300 => "an ordinary page answers there, or a proxy drops the Upgrade header",
        300..400 => "it redirects, which browsers do not follow for a WebSocket",
        400 => "a proxy may drop the Upgrade header, or the handshake lacks something",
        401 | 403 => "the credentials, the tenant or the origin are refused",
        404 => "nothing is at this path, or a proxy drops the Upgrade header",
        426 => "it wants another protocol, or a proxy drops the Upgrade header",
        502..=504 => "the proxy answers, the service behind it does not",
        _ => "that is no upgrade",
    };
    let message = format!("{} answers {actual}: {why}", facts.url);
    Finding::fail("WS-01", subject, "101", actual, message)
}

/// An answer in a few words.
fn shown(answer: &Handshake) -> String {
    match (&answer.location, &answer.content_type) {
        (Some(location), _) => format!("{} to {location}", answer.status),
        (None, Some(kind)) if answer.status != 101 => format!("{}, {kind}", answer.status),
        _ => answer.status.to_string(),
    }
}

/// Time of the handshake.
fn latency(spec: &Websocket, main: &Handshake) -> Option<Finding> {
    let bound = spec.max_latency?;
    let expected = format!("at most {bound}");
    let actual = format!("{}ms", main.ms);
    Some(if main.ms <= bound.as_millis() {
        Finding::pass("time to upgrade", expected, actual)
    } else {
        let message = format!("the handshake took {actual}, connecting included");
        Finding::fail("WS-51", "time to upgrade", expected, actual, message)
    })
}

/// The subprotocol.
fn subprotocol(spec: &Websocket, main: &Handshake) -> Option<Finding> {
    let chosen = main.subprotocol.as_deref();
    let offered = spec.subprotocols.join(" or ");
    let expected = match (&spec.subprotocol, spec.subprotocols.is_empty()) {
        (Some(name), _) => name.clone(),
        (None, false) => offered.clone(),
        (None, true) if chosen.is_none() => return None,
        (None, true) => "none, as none was offered".to_owned(),
    };
    let right = match (&spec.subprotocol, chosen) {
        (Some(wanted), Some(chosen)) => wanted == chosen,
        (None, Some(chosen)) => spec.subprotocols.iter().any(|name| name == chosen),
        (_, None) => false,
    };
    let actual = chosen.unwrap_or("none").to_owned();
    Some(if right {
        Finding::pass("subprotocol", expected, actual)
    } else {
        let message = match chosen {
            None => format!("none of the offered subprotocols was chosen: {offered}"),
            Some(chosen) => format!("the server chose `{chosen}`, expected was {expected}"),
        };
        Finding::fail("WS-06", "subprotocol", expected, actual, message)
    })
}

/// Extensions: none is ever offered.
fn extensions(main: &Handshake) -> Option<Finding> {
    let extensions = main.extensions.as_ref()?;
    let message = format!("the server uses `{extensions}`, which was not offered");
    Some(Finding::fail(
        "WS-13",
        "extensions",
        "none, as none was offered",
        extensions,
        message,
    ))
}

/// A handshake that must not succeed.
fn judge_other(spec: &Websocket, other: &Other) -> Finding {
    let (code, subject, what) = match &other.purpose {
        Purpose::NoCredentials => (
            "WS-05",
            "without credentials".to_owned(),
            "a handshake without credentials".to_owned(),
        ),
        Purpose::Without(name) => (
            "WS-05",
            format!("without {name}"),
            format!("a handshake without {name}"),
        ),
        Purpose::ForeignOrigin(origin) => (
            "WS-03",
            format!("origin {origin}"),
            format!("a page of {origin}"),
        ),
        Purpose::NoOrigin => (
            "WS-04",
            "without Origin".to_owned(),
            "a handshake without Origin".to_owned(),
        ),
        Purpose::Plain(_) => (
            "WS-10",
            "without TLS".to_owned(),
            "a handshake without TLS".to_owned(),
        ),
    };
    let plain = matches!(other.purpose, Purpose::Plain(_));
    let expected = if plain {
        "refused or redirected".to_owned()
    } else {
        let statuses: Vec<String> = spec.refused_with.iter().map(ToString::to_string).collect();
        format!("refused with {}", statuses.join(", "))
    };
    let Some(answer) = &other.answer else {
        let fault = other.fault.as_ref();
        let why = fault.map(|fault| fault.message.clone()).unwrap_or_default();
        if plain && fault.is_some_and(|fault| fault.cause == Cause::Refused) {
            return Finding::pass(subject, expected, "nothing listens");
        }
        let message = format!("{what} got no answer, so nothing is known: {why}");
        return Finding::fail(code, subject, expected, "no answer", message).as_unknown();
    };
    if let Some(closed) = other.closed.as_ref().filter(|closed| closed.is_refusal()) {
        return Finding::pass(subject, expected, format!("101, then {}", closed.words()));
    }
    let actual = shown(answer);
    if answer.status == 101 {
        let message = format!("{what} is let in");
        return Finding::fail(code, subject, expected, actual, message);
    }
    let redirected = plain && (300..500).contains(&answer.status);
    if redirected || spec.refused_with.contains(&answer.status) {
        return Finding::pass(subject, expected, actual);
    }
    let message = format!("{what} is answered {actual}, which does not show that it was refused");
    Finding::fail(code, subject, expected, actual, message).as_unknown()
}

/// The first message.
fn message(spec: &Websocket, talk: &Talk) -> Vec<Finding> {
    if !spec.expects_message() {
        return Vec::new();
    }
    let subject = "first message";
    let Some(seen) = &talk.message else {
        let (actual, message) = match &talk.closed {
            Some(closed) => (
                closed.words(),
                format!("{} before any message", closed.words()),
            ),
            None => (
                format!("nothing within {}", spec.answer_within),
                format!("no message came within {}", spec.answer_within),
            ),
        };
        return vec![Finding::fail(
            "WS-07",
            subject,
            "a message",
            actual,
            message,
        )];
    };
    if seen.cut {
        let actual = format!("{} bytes", seen.bytes);
        let message = format!("the first message has {actual}, more than is kept to be judged");
        return vec![
            Finding::fail("WS-07", subject, "a small message", actual, message).as_unknown(),
        ];
    }
    let mut findings = Vec::new();
    if let Some(matcher) = &spec.message {
        findings.push(match matcher.check_text(Some(&seen.text)) {
            Ok(()) => Finding::pass(subject, matcher.to_string(), excerpt(seen)),
            Err(wrong) => Finding::fail(
                "WS-07",
                subject,
                wrong.expected,
                excerpt(seen),
                "the first message is another one than expected",
            ),
        });
    }
    findings.extend(json(spec, seen));
    findings
}

/// The first message as JSON.
fn json(spec: &Websocket, seen: &Message) -> Vec<Finding> {
    let Some(expectations) = &spec.json else {
        return Vec::new();
    };
    let Ok(document) = serde_json::from_str::<Value>(&seen.text) else {
        let message = "the first message is not JSON";
        return vec![Finding::fail(
            "WS-07",
            "first message",
            "JSON",
            excerpt(seen),
            message,
        )];
    };
    let judged = expectations.judge(&document);
    judged
        .into_iter()
        .map(|(path, result)| match result {
            Ok(value) => Finding::pass(format!("message {path}"), "as declared", value),
            Err(wrong) => Finding::fail(
                "WS-07",
                format!("message {path}"),
                wrong.expected,
                wrong.actual,
                format!("{path} of the first message is not as expected"),
            ),
        })
        .collect()
}

/// A message in one line.
fn excerpt(seen: &Message) -> String {
    let kind = if seen.binary { "binary, " } else { "" };
    let text = crate::exchange::cut(&seen.text, 80);
    format!("{kind}{} bytes: {text:?}", seen.bytes)
}

/// The answer to the ping.
fn ping(spec: &Websocket, talk: &Talk) -> Option<Finding> {
    // A connection that is closed already is told by how it was closed.
    if !spec.ping || (talk.pong_ms.is_none() && talk.closed.is_some()) {
        return None;
    }
    let expected = format!("answered within {}", spec.answer_within);
    Some(match talk.pong_ms {
        Some(ms) => Finding::pass("ping", expected, format!("answered in {ms}ms")),
        None => {
            let message = format!("no pong came within {}", spec.answer_within);
            Finding::fail("WS-08", "ping", expected, "no answer", message)
        }
    })
}

/// The silence.
fn hold(spec: &Websocket, talk: &Talk) -> Option<Finding> {
    let wanted = spec.hold?;
    let expected = format!("open for {wanted}");
    let early = talk.closed.as_ref();
    let held = crate::expect::TimeSpan::millis(talk.held_ms);
    match early {
        Some(closed) if closed.during == During::Hold => {
            let message = format!("{} after {held} of silence", closed.words());
            Some(Finding::fail(
                "WS-09",
                "silence",
                expected,
                closed.words(),
                message,
            ))
        }
        // Closed before the silence began.
        Some(_) => None,
        None if talk.alive_after_hold == Some(true) && talk.held_ms >= wanted.as_millis() => {
            Some(Finding::pass(
                "silence",
                expected,
                format!("open after {held}, and answers"),
            ))
        }
        None if talk.held_ms < wanted.as_millis() => {
            let message = format!("the time of the check was over after {held} of silence");
            Some(
                Finding::fail("WS-09", "silence", expected, held.to_string(), message).as_unknown(),
            )
        }
        None => {
            let message =
                format!("after {held} of silence the connection is dead: a ping is not answered");
            Some(Finding::fail("WS-09", "silence", expected, "dead", message))
        }
    }
}

/// How the conversation ended.
fn end(spec: &Websocket, talk: &Talk) -> Option<Finding> {
    if let Some(closed) = &talk.closed {
        if closed.during == During::Hold {
            return None;
        }
        let message = format!(
            "the server ended the conversation after {}ms: {}",
            closed.after_ms,
            closed.words()
        );
        return Some(Finding::fail(
            "WS-12",
            "conversation",
            "kept open",
            closed.words(),
            message,
        ));
    }
    if !spec.clean_close {
        return None;
    }
    let expected = "answered with a close frame";
    Some(match &talk.goodbye {
        Some(closed) if matches!(closed.code, 1000 | 1001 | 1005) => {
            Finding::pass("goodbye", expected, closed.words())
        }
        Some(closed) => {
            let message = format!("after the goodbye the connection was {}", closed.words());
            Finding::fail("WS-12", "goodbye", expected, closed.words(), message)
        }
        None => {
            let message = "the goodbye was not answered";
            Finding::fail("WS-12", "goodbye", expected, "no answer", message)
        }
    })
}
