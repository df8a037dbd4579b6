//! Comparing operations: parameters, bodies, answers, credentials.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::schemas::{At, Direction, Schemas};
use super::{Change, Level};
use crate::exchange::cut;
use crate::kinds::openapi::document::Document;
use crate::kinds::openapi::operation::{
    Credentials, MAX_OPERATIONS, Operation, Parameter, is_true, members,
};
use crate::kinds::openapi::outline::is_deprecated;
use crate::kinds::openapi::route::{nameless, names_in};
use crate::kinds::openapi::servers::base_path;

/// An operation by method and path without names of parameters.
type Key = (&'static str, String);

/// Compares all operations.
pub(super) fn compare(old: &Document, new: &Document) -> Vec<Change> {
    let mut list = Vec::new();
    let mut schemas = Schemas::new(old, new);
    let full = |operation: &Operation<'_>| {
        let base = base_path(operation.document, &[operation.value, operation.item]);
        (
            operation.method,
            nameless(&format!("{base}{}", operation.path)),
        )
    };
    let short = |operation: &Operation<'_>| (operation.method, nameless(operation.path));
    let served = new.operations();
    let by_path: BTreeMap<Key, usize> = served
        .iter()
        .enumerate()
        .map(|(n, o)| (short(o), n))
        .collect();
    let by_full: BTreeMap<Key, usize> = served
        .iter()
        .enumerate()
        .map(|(n, o)| (full(o), n))
        .collect();
    let mut met = BTreeSet::new();
    for before in old.operations().iter().take(MAX_OPERATIONS) {
        let found = by_path
            .get(&short(before))
            .or_else(|| by_full.get(&full(before)));
        let Some(after) = found.and_then(|n| served.get(*n)) else {
            let (level, what) = if is_deprecated(before) {
                (Level::Doubtful, "it is gone; it was deprecated")
            } else {
                (Level::Breaking, "it is gone")
            };
            list.push(Change::new(level, &before.name(), "", what));
            continue;
        };
        met.insert(after.name());
        list.extend(operation(&mut schemas, before, after));
    }
    for operation in &served {
        if !met.contains(&operation.name()) {
            let change = Change::new(Level::Compatible, &operation.name(), "", "it is new");
            list.push(change);
        }
    }
    if old.get("webhooks") != new.get("webhooks") {
        let what = "they are different; webhooks are not compared in detail";
        list.push(Change::new(Level::Doubtful, "webhooks", "", what));
    }
    list
}

/// Compares one operation.
fn operation<'a>(
    schemas: &mut Schemas<'a>,
    old: &Operation<'a>,
    new: &Operation<'a>,
) -> Vec<Change> {
    let mut list = parameters(schemas, old, new);
    list.extend(body(schemas, old, new));
    list.extend(answers(schemas, old, new));
    list.extend(security(old, new));
    let name = old.name();
    if is_deprecated(new) && !is_deprecated(old) {
        list.push(Change::new(
            Level::Compatible,
            &name,
            "",
            "it is deprecated now",
        ));
    }
    if old.value.get("callbacks") != new.value.get("callbacks") {
        let what = "its callbacks are different; they are not compared in detail";
        list.push(Change::new(Level::Doubtful, &name, "", what));
    }
    list
}

/// Whether two parameters are the same one. Those of the path are told by their position.
fn is_same(
    (old, old_path): (&Parameter<'_>, &str),
    (new, new_path): (&Parameter<'_>, &str),
) -> bool {
    if old.place != new.place {
        return false;
    }
    match old.place {
        "path" => {
            let position =
                |path: &str, name: &str| names_in(path).iter().position(|known| *known == name);
            position(old_path, old.name) == position(new_path, new.name)
        }
        "header" => old.name.eq_ignore_ascii_case(new.name),
        _ => old.name == new.name,
    }
}

/// Compares the parameters.
fn parameters<'a>(
    schemas: &mut Schemas<'a>,
    old: &Operation<'a>,
    new: &Operation<'a>,
) -> Vec<Change> {
    let mut list = Vec::new();
    let name = old.name();
    let (before, after) = (old.parameters(), new.parameters());
    let place = |parameter: &Parameter<'_>| {
        format!(
            "{} parameter `{}`",
            parameter.place,
            cut(parameter.name, 80)
        )
    };
    for parameter in &before {
        let place = place(parameter);
        let own = (parameter, old.path);
        let Some(other) = after.iter().find(|other| is_same(own, (other, new.path))) else {
            list.push(Change::new(Level::Doubtful, &name, &place, "it is gone"));
            continue;
        };
        if other.required && !parameter.required {
            let what = "it must be sent now";
            list.push(Change::new(Level::Breaking, &name, &place, what));
        }
        for key in ["style", "explode", "collectionFormat"] {
            if parameter.value.get(key) != other.value.get(key) {
                let what = format!("its `{key}` is different: lists are written in another way");
                list.push(Change::new(Level::Doubtful, &name, &place, what));
            }
        }
        let at = At {
            operation: name.clone(),
            part: place,
            field: String::new(),
        };
        let schema = |parameter: &Parameter<'a>| Vec::from_iter(parameter.schema);
        list.extend(schemas.compare(&schema(parameter), &schema(other), Direction::Request, &at));
    }
    for parameter in &after {
        let own = (parameter, new.path);
        if !before.iter().any(|other| is_same((other, old.path), own)) {
            let (level, what) = if parameter.required {
                (Level::Breaking, "it is new and must be sent")
            } else {
                (Level::Compatible, "it is new")
            };
            list.push(Change::new(level, &name, &place(parameter), what));
        }
    }
    list
}

/// Compares the bodies that clients send.
fn body<'a>(schemas: &mut Schemas<'a>, old: &Operation<'a>, new: &Operation<'a>) -> Vec<Change> {
    let name = old.name();
    let change = |level, what: String| Change::new(level, &name, "body", what);
    let (before, after) = match (old.body(), new.body()) {
        (None, None) => return Vec::new(),
        (None, Some(body)) if body.required => {
            return vec![change(Level::Breaking, "it must be sent now".to_owned())];
        }
        (None, Some(_)) => return vec![change(Level::Compatible, "it is new".to_owned())],
        (Some(_), None) => {
            return vec![change(
                Level::Doubtful,
                "none is described any more".to_owned(),
            )];
        }
        (Some(before), Some(after)) => (before, after),
    };
    let mut list = Vec::new();
    if after.required && !before.required {
        list.push(change(Level::Breaking, "it must be sent now".to_owned()));
    }
    for (media, schema) in &before.media {
        let Some((_, other)) = after.media.iter().find(|(name, _)| covers(name, media)) else {
            let what = format!("`{media}` is no longer accepted");
            list.push(change(Level::Breaking, what));
            continue;
        };
        let at = At {
            operation: name.clone(),
            part: "body".to_owned(),
            field: String::new(),
        };
        list.extend(schemas.compare(
            &Vec::from_iter(*schema),
            &Vec::from_iter(*other),
            Direction::Request,
            &at,
        ));
    }
    list
}

/// Whether a media type or range holds another one.
pub(in crate::kinds::openapi) fn covers(range: &str, media: &str) -> bool {
    range == media
        || range == "*/*"
        || range
            .strip_suffix("/*")
            .is_some_and(|kind| media.split('/').next() == Some(kind))
}

/// The answer of a status among those of a document: its own, that of its class, or the default.
pub(in crate::kinds::openapi) fn answer_of<'a>(
    responses: &[(&'a str, &'a Value)],
    status: &str,
) -> Option<(&'a str, &'a Value)> {
    let class = format!("{}XX", status.get(..1).unwrap_or_default());
    [status, &class, "default"]
        .iter()
        .find_map(|wanted| responses.iter().find(|(known, _)| known == wanted))
        .copied()
}

/// Compares the answers.
fn answers<'a>(schemas: &mut Schemas<'a>, old: &Operation<'a>, new: &Operation<'a>) -> Vec<Change> {
    let mut list = Vec::new();
    let name = old.name();
    let (before, after) = (old.responses(), new.responses());
    for (status, response) in &before {
        let success = status.starts_with('2');
        let place = format!("answer {status}");
        let Some((_, other)) = answer_of(&after, status) else {
            let covered = *status == "2XX" && after.iter().any(|(known, _)| known.starts_with('2'));
            if success && !covered {
                list.push(Change::new(Level::Breaking, &name, &place, "it is gone"));
            } else {
                let what = "it is no longer described";
                list.push(Change::new(Level::Compatible, &name, &place, what));
            }
            continue;
        };
        list.extend(headers(&name, &place, (old, response), (new, other)));
        let offered = new.media(other);
        for (media, schema) in old.media(response) {
            let found = offered
                .iter()
                .find(|(known, _)| covers(known, &media) || covers(&media, known));
            let Some((_, other)) = found else {
                let level = if success {
                    Level::Breaking
                } else {
                    Level::Doubtful
                };
                let what = format!("`{media}` is gone");
                list.push(Change::new(level, &name, &place, what));
                continue;
            };
            let at = At {
                operation: name.clone(),
                part: place.clone(),
                field: String::new(),
            };
            list.extend(schemas.compare(
                &Vec::from_iter(schema),
                &Vec::from_iter(*other),
                Direction::Answer,
                &at,
            ));
        }
    }
    for (status, _) in &after {
        if status.starts_with('2') && answer_of(&before, status).is_none() {
            let place = format!("answer {status}");
            list.push(Change::new(Level::Compatible, &name, &place, "it is new"));
        }
    }
    list
}

/// Compares the headers of an answer.
fn headers(
    name: &str,
    place: &str,
    (old, before): (&Operation<'_>, &Value),
    (new, after): (&Operation<'_>, &Value),
) -> Vec<Change> {
    let lower = |document: &Document, response: &Value| -> BTreeMap<String, bool> {
        members(response.get("headers"))
            .map(|(name, header)| {
                let required = document
                    .follow(header)
                    .is_ok_and(|header| is_true(header, "required"));
                (name.to_ascii_lowercase(), required)
            })
            .collect()
    };
    let after = lower(new.document, after);
    let mut list = Vec::new();
    for (header, required) in lower(old.document, before) {
        let (level, what) = match after.get(&header) {
            Some(still) if *still || !required => continue,
            Some(_) => (
                Level::Breaking,
                format!("header `{header}` is no longer always there"),
            ),
            None if required => (Level::Breaking, format!("header `{header}` is gone")),
            None => (
                Level::Doubtful,
                format!("header `{header}` is gone; it was optional"),
            ),
        };
        list.push(Change::new(level, name, place, what));
    }
    list
}

/// A security scheme by what it is, not by its name.
fn scheme(document: &Document, name: &str) -> String {
    let Some(scheme) = document
        .schemes()
        .and_then(|schemes| schemes.get(name))
        .and_then(|scheme| document.follow(scheme).ok())
    else {
        return name.to_owned();
    };
    let kind = match scheme["type"].as_str() {
        Some("basic") => json!(["http", "basic", null, null, null]), // as Swagger 2.0 calls it
        _ => json!([
            scheme["type"],
            scheme["scheme"].as_str().map(str::to_ascii_lowercase),
            scheme["in"],
            scheme["name"].as_str().map(str::to_ascii_lowercase),
            scheme["openIdConnectUrl"],
        ]),
    };
    kind.to_string()
}

/// Compares the credentials that are needed: those that were enough must still be.
fn security(old: &Operation<'_>, new: &Operation<'_>) -> Vec<Change> {
    let open = || vec![Credentials::new()];
    let canonical = |operation: &Operation<'_>| -> Vec<Credentials> {
        let alternatives = operation.security().unwrap_or_default();
        let alternatives = if alternatives.is_empty() {
            open()
        } else {
            alternatives
        };
        alternatives
            .into_iter()
            .map(|one| {
                one.into_iter()
                    .map(|(name, scopes)| (scheme(operation.document, &name), scopes))
                    .collect()
            })
            .collect()
    };
    let (before, after) = (canonical(old), canonical(new));
    let enough = |given: &Credentials| {
        after.iter().any(|needed| {
            needed.iter().all(|(scheme, scopes)| {
                given
                    .get(scheme)
                    .is_some_and(|known| scopes.iter().all(|scope| known.contains(scope)))
            })
        })
    };
    let name = old.name();
    if before
        .iter()
        .any(|given| given.is_empty() && !enough(given))
    {
        let what = "it cannot be called without credentials any more";
        return vec![Change::new(Level::Breaking, &name, "security", what)];
    }
    if before.iter().any(|given| !enough(given)) {
        let what = "credentials or scopes that were enough are not any more";
        return vec![Change::new(Level::Breaking, &name, "security", what)];
    }
    if after.iter().any(Credentials::is_empty) && !before.iter().any(Credentials::is_empty) {
        let what = "it can be called without credentials now";
        return vec![Change::new(Level::Doubtful, &name, "security", what)];
    }
    Vec::new()
}
