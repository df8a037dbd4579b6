//! Holding an answer against what the document says of it.

use serde_json::Value;

use super::choose::says_media;
use super::facts::Answer;
use super::validate::Validator;
use crate::exchange::{BodyEnd, Response, cut, shown_url};
use crate::kinds::http::parse_json;
use crate::kinds::openapi::changes::{answer_of, covers};
use crate::kinds::openapi::operation::{Operation, essence};

/// Holds an answer against an operation; no value of its body is kept.
pub(super) fn hold(operation: &Operation<'_>, response: &Response) -> Answer {
    let content_type = response.header("content-type").map(essence);
    let target = response
        .header("location")
        .and_then(|location| response.url.join(location).ok());
    let kept = |name: &str| response.header(name).map(|text| cut(text, 200).to_owned());
    let mut answer = Answer {
        status: response.status,
        content_type: content_type
            .as_deref()
            .map(|text| cut(text, 100).to_owned()),
        elsewhere: target
            .as_ref()
            .is_some_and(|target| target.origin() != response.url.origin()),
        location: target.as_ref().map(shown_url),
        media_fits: true,
        sunset: kept("sunset"),
        allow: kept("allow"),
        ..Answer::default()
    };
    let responses = operation.responses();
    let Some((name, described)) = answer_of(&responses, &response.status.to_string()) else {
        return answer;
    };
    answer.described = Some(name.to_owned());
    if let Some(why) = incomplete(&response.end) {
        answer.unknown.push(why);
        return answer;
    }
    let media = operation.media(described);
    answer.media = media.iter().map(|(name, _)| name.clone()).collect();
    let json = content_type.as_deref().is_some_and(is_json);
    let value = json.then(|| parse_json(&response.body));
    if let Some(Ok((value, _))) = &value {
        answer.items = items_of(value);
    }
    if media.is_empty() || matches!(response.status, 204 | 205 | 304) {
        return answer;
    }
    if response.body.is_empty() {
        answer.faults.push("the body is empty".to_owned());
        return answer;
    }
    let fitting = media.iter().find(|(range, _)| {
        content_type
            .as_deref()
            .is_some_and(|kind| covers(range, kind))
    });
    answer.media_fits = fitting.is_some() || !says_media(operation);
    let schema = fitting.and_then(|(_, schema)| *schema);
    match (value, schema) {
        (Some(Err(why)), _) => {
            // The parser's own words name no value.
            let why = why.split(" at line").next().unwrap_or_default().to_owned();
            answer
                .faults
                .push(format!("the body is not JSON: {}", cut(&why, 100)));
        }
        (Some(Ok((value, duplicate))), Some(schema)) => {
            let outcome = Validator::new(operation.document).check(schema, &value);
            answer.faults.extend(outcome.faults);
            answer.doubts.extend(outcome.doubts);
            answer.unknown.extend(outcome.unknown);
            if let Some(place) = duplicate {
                let what = format!("{}: this key stands twice", cut(&place, 200));
                answer.faults.push(what);
            }
        }
        _ => {}
    }
    answer
}

/// Why a body cannot be judged.
fn incomplete(end: &BodyEnd) -> Option<String> {
    Some(match end {
        BodyEnd::Complete => return None,
        BodyEnd::Capped => "the body is larger than is read".to_owned(),
        BodyEnd::Stalled => "the body did not come to its end in time".to_owned(),
        BodyEnd::Broken(why) => format!("the body is broken: {why}"),
    })
}

/// Whether a media type is JSON.
fn is_json(essence: &str) -> bool {
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}

/// How many items a page holds: those of a list, or of the only list in a mapping.
fn items_of(value: &Value) -> Option<u64> {
    let list = match value {
        Value::Array(items) => items,
        Value::Object(members) => {
            let mut lists = members.values().filter_map(Value::as_array);
            let only = lists.next()?;
            if lists.next().is_some() {
                return None;
            }
            only
        }
        _ => return None,
    };
    u64::try_from(list.len()).ok()
}
