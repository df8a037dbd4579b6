//! Which operations are asked, and with what.

use serde_json::Value;
use url::Url;

use super::Sample;
use super::facts::{Filled, LeftOut};
use crate::kinds::openapi::document::{Dialect, Document};
use crate::kinds::openapi::operation::{Operation, Parameter, items, members};
use crate::kinds::openapi::route::{Route, nameless};
use crate::kinds::openapi::servers::base_path;

/// Words in a path behind which a GET may do more than read.
const RISKY: &[&str] = &[
    "logout",
    "signout",
    "logoff",
    "unsubscribe",
    "delete",
    "remove",
    "destroy",
    "purge",
    "flush",
    "clear",
    "reset",
    "shutdown",
    "restart",
    "reboot",
    "stop",
    "start",
    "revoke",
    "rotate",
    "callback",
    "trigger",
    "run",
    "execute",
    "send",
    "rebuild",
    "reindex",
    "sync",
    "migrate",
    "activate",
    "deactivate",
    "approve",
    "confirm",
    "verify",
    "cancel",
    "toggle",
    "refresh",
    "dev",
    "debug",
];
/// Names of parameters that say how much a page holds.
const PAGE_SIZES: &[&str] = &[
    "limit",
    "page_size",
    "pagesize",
    "per_page",
    "perpage",
    "size",
    "page_limit",
    "max_results",
    "maxresults",
];

/// A request to be made.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// Which operation of the document.
    pub(super) index: usize,
    /// Its name.
    pub(super) name: String,
    /// The address.
    pub(super) url: Url,
    /// Headers that are parameters.
    pub(super) headers: Vec<(String, String)>,
    /// Where values came from.
    pub(super) filled: Filled,
    /// The parameter for the page size, with its least and largest value.
    pub(super) page: Option<(String, u64, Option<u64>)>,
}

/// Where operations are asked.
pub(super) struct Place<'a> {
    /// The address of the document.
    pub(super) document_url: &'a Url,
    /// What is asked for.
    pub(super) sample: &'a Sample,
}

impl Place<'_> {
    /// The address of a path of the document.
    pub(super) fn address(&self, operation: &Operation<'_>, path: &str) -> Option<Url> {
        let base = match &self.sample.base_url {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None => {
                let holders = [operation.value, operation.item];
                let origin = self.document_url.origin().ascii_serialization();
                format!("{origin}{}", base_path(operation.document, &holders))
            }
        };
        Url::parse(&format!("{base}{path}")).ok()
    }
}

/// The operations to be asked, at most so many as the check allows, and why others are not.
pub(super) fn choose(document: &Document, place: &Place<'_>) -> (Vec<Choice>, Vec<LeftOut>) {
    let (mut chosen, mut left_out) = (Vec::new(), Vec::new());
    let most = usize::try_from(place.sample.at_most).unwrap_or(usize::MAX);
    for (index, operation) in document.operations().iter().enumerate() {
        if operation.method != "get" || !is_wanted(operation, place.sample) {
            continue;
        }
        let choice = match excluded(operation, place.sample) {
            Some(why) => Err(why.to_owned()),
            None if chosen.len() >= most => Err("enough others are asked".to_owned()),
            None => fill(operation, index, place),
        };
        match choice {
            Ok(choice) => chosen.push(choice),
            Err(why) => left_out.push(LeftOut {
                operation: operation.name(),
                why,
            }),
        }
    }
    (chosen, left_out)
}

/// Whether a route of the profile means an operation, with or without the path of its server.
pub(super) fn means(route: &Route, operation: &Operation<'_>) -> bool {
    let base = base_path(operation.document, &[operation.value, operation.item]);
    route.means(operation.method, operation.path)
        || route.means(operation.method, &format!("{base}{}", operation.path))
}

/// Whether an operation is among those that are to be asked.
fn is_wanted(operation: &Operation<'_>, sample: &Sample) -> bool {
    let listed = |list: &[Route]| list.iter().any(|route| means(route, operation));
    (sample.only.is_empty() || listed(&sample.only)) && !listed(&sample.skip)
}

/// Why an operation is never asked by itself.
fn excluded(operation: &Operation<'_>, sample: &Sample) -> Option<&'static str> {
    if operation.body().is_some() {
        return Some("it takes a body");
    }
    let streams = operation.responses().iter().any(|(_, response)| {
        let media = operation.media(response);
        media.iter().any(|(name, _)| {
            name == "text/event-stream" || name.contains("ndjson") || name.contains("multipart")
        })
    });
    if streams {
        return Some("it streams");
    }
    let named = |route: &Route| !route.is_pattern() && means(route, operation);
    let path = operation.path.to_ascii_lowercase();
    let risky = nameless(&path)
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| RISKY.contains(&word));
    if risky && !sample.only.iter().any(named) {
        return Some("its name sounds as if it did more than read; `only` can name it");
    }
    None
}

/// Fills the parameters of an operation.
pub(super) fn fill(
    operation: &Operation<'_>,
    index: usize,
    place: &Place<'_>,
) -> Result<Choice, String> {
    let mut path = operation.path.to_owned();
    let mut query: Vec<(String, String)> = Vec::new();
    let mut headers = Vec::new();
    let mut filled = Filled::Nothing;
    let mut page = None;
    for parameter in operation.parameters() {
        let reserved = ["accept", "content-type", "authorization"];
        let own = parameter.name.to_ascii_lowercase();
        if parameter.place == "header" && reserved.contains(&own.as_str()) {
            continue;
        }
        if parameter.place == "query" && PAGE_SIZES.contains(&own.as_str()) {
            page = page.or_else(|| page_size(operation.document, &parameter));
        }
        let given = place.sample.parameters.get(parameter.name);
        let (value, source) = match given {
            Some(value) => (value.expose().to_owned(), Filled::Given),
            None if !parameter.required => continue,
            None => match example(operation.document, &parameter) {
                Some(value) => (value, Filled::Document),
                None => return Err(format!("it needs a value of `{}`", parameter.name)),
            },
        };
        filled = filled.max(source);
        match parameter.place {
            "path" => path = path.replace(&format!("{{{}}}", parameter.name), &segment(&value)),
            "query" => query.push((parameter.name.to_owned(), value)),
            "header" => headers.push((parameter.name.to_owned(), value)),
            other => return Err(format!("`{}` goes into {other}", parameter.name)),
        }
    }
    if path.contains(['{', '}']) {
        return Err("a parameter of its path is not described".to_owned());
    }
    let mut url = place
        .address(operation, &path)
        .ok_or("its address is no URL")?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(Choice {
        index,
        name: operation.name(),
        url,
        headers,
        filled,
        page,
    })
}

/// A value as one segment of a path.
fn segment(value: &str) -> String {
    let Ok(mut url) = Url::parse("http://segment.invalid/") else {
        return value.to_owned();
    };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(value);
    }
    // Slashes and dots of a value must not become segments of their own.
    url.path().trim_start_matches('/').to_owned()
}

/// A value that the document gives for a parameter.
fn example(document: &Document, parameter: &Parameter<'_>) -> Option<String> {
    let schema = parameter
        .schema
        .and_then(|schema| document.follow(schema).ok());
    let holders = [Some(parameter.value), schema];
    let mut found: Vec<&Value> = Vec::new();
    for holder in holders.into_iter().flatten() {
        found.extend(holder.get("example"));
        match holder.get("examples") {
            Some(Value::Array(list)) => found.extend(list.first()),
            Some(all) => {
                let named = members(Some(all)).filter_map(|(_, one)| document.follow(one).ok());
                found.extend(named.filter_map(|one| one.get("value")).take(1));
            }
            None => {}
        }
    }
    if let Some(schema) = schema {
        found.extend(schema.get("default"));
        found.extend(schema.get("const"));
        found.extend(items(schema.get("enum")).next());
    }
    found.into_iter().find_map(|value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    })
}

/// A parameter that says how much a page holds: its name, its least and its largest value.
fn page_size(document: &Document, parameter: &Parameter<'_>) -> Option<(String, u64, Option<u64>)> {
    let schema = document.follow(parameter.schema?).ok()?;
    // Optional parameters are written as an alternative to null.
    let schema = items(schema.get("anyOf"))
        .find(|one| one.get("type").and_then(Value::as_str) == Some("integer"))
        .unwrap_or(schema);
    let whole = schema.get("type").and_then(Value::as_str) == Some("integer");
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    whole.then(|| {
        (
            parameter.name.to_owned(),
            bound("minimum").unwrap_or(1).max(1),
            bound("maximum"),
        )
    })
}

/// Paths of the document that have no GET, each with its first operation and the methods it has.
pub(super) fn without_get(document: &Document) -> Vec<(usize, Vec<String>)> {
    let operations = document.operations();
    let mut list: Vec<(usize, Vec<String>)> = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let same = list
            .iter_mut()
            .find(|(first, _)| operations[*first].path == operation.path);
        match same {
            Some((_, methods)) => methods.push(operation.method.to_ascii_uppercase()),
            None => list.push((index, vec![operation.method.to_ascii_uppercase()])),
        }
    }
    list.retain(|(_, methods)| {
        !methods
            .iter()
            .any(|method| method == "GET" || method == "QUERY")
    });
    list
}

/// Whether schemas of a document say everything about an answer's media types.
pub(super) fn says_media(operation: &Operation<'_>) -> bool {
    operation.document.dialect != Dialect::V2
        || operation.value.get("produces").is_some()
        || operation.document.get("produces").is_some()
}
