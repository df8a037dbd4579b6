//! What a document says, in short, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{Dialect, Document};
use super::operation::{MAX_OPERATIONS, Operation, is_true, items, members, text};
use super::refs::{self, escaped};
use super::route::{nameless, names_in};
use super::servers;
use crate::exchange::cut;

/// Most problems of one document that are kept.
const MAX_PROBLEMS: usize = 100;

/// Something that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Problem {
    /// Its code in the catalogue.
    pub(super) code: String,
    /// Where, as a JSON pointer or as an operation.
    pub(super) place: String,
    /// What is wrong.
    pub(super) what: String,
}

impl Problem {
    /// Makes one.
    pub(super) fn new(code: &str, place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            place: place.into(),
            what: what.into(),
        }
    }
}

/// A document in short.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outline {
    /// Version of the language, `3.1.0`.
    pub(super) openapi: String,
    /// Name of the API.
    pub(super) title: String,
    /// Version of the API; `None` when it is not text.
    pub(super) version: Option<String>,
    /// Every operation.
    pub(super) operations: Vec<Listed>,
    /// The servers, variables filled in.
    pub(super) servers: Vec<String>,
    /// What is wrong, at most so much as is shown.
    pub(super) problems: Vec<Problem>,
    /// How much is wrong in all.
    pub(super) wrong: usize,
    /// Why not all of it was looked at.
    pub(super) incomplete: Option<String>,
}

/// An operation in short.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Listed {
    /// The method in lower case.
    pub(super) method: String,
    /// The path as written.
    pub(super) path: String,
    /// The same behind the path of its server, when that has one.
    pub(super) full_path: Option<String>,
    /// Whether it has a summary or a description.
    pub(super) described: bool,
    /// Whether it declares that it needs credentials.
    pub(super) secured: bool,
}

impl Listed {
    /// `GET /items`.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method.to_ascii_uppercase(), self.path)
    }
}

/// Reads off a document what can be judged of it alone.
pub(super) fn outline(document: &Document) -> Outline {
    let info = document.get("info").unwrap_or(&Value::Null);
    let operations = document.operations();
    let mut problems = head(document);
    if let Some(place) = &document.duplicate {
        let what = "this key stands twice; readers take one or the other";
        problems.push(Problem::new("API-01", place, what));
    }
    problems.extend(paths(document));
    for operation in operations.iter().take(MAX_OPERATIONS) {
        of_operation(operation, &mut problems);
    }
    problems.extend(same_ids(&operations));
    let (broken, all) = refs::problems(document);
    problems.extend(broken);
    let wrong = problems.len();
    problems.truncate(MAX_PROBLEMS);
    let incomplete = if operations.len() > MAX_OPERATIONS {
        Some(format!("it has more than {MAX_OPERATIONS} operations"))
    } else {
        (!all).then(|| "it has more values than are looked at".to_owned())
    };
    Outline {
        openapi: document.openapi.clone(),
        title: cut(text(info, "title").unwrap_or_default(), 200).to_owned(),
        version: text(info, "version").map(|text| cut(text, 200).to_owned()),
        operations: operations.iter().take(MAX_OPERATIONS).map(listed).collect(),
        servers: servers::servers(document),
        problems,
        wrong,
        incomplete,
    }
}

/// An operation in short.
fn listed(operation: &Operation<'_>) -> Listed {
    let base = servers::base_path(operation.document, &[operation.value, operation.item]);
    Listed {
        method: operation.method.to_owned(),
        path: operation.path.to_owned(),
        full_path: (!base.is_empty()).then(|| format!("{base}{}", operation.path)),
        described: text(operation.value, "summary").is_some()
            || text(operation.value, "description").is_some(),
        secured: operation.is_secured(),
    }
}

/// What is wrong with the head of a document.
fn head(document: &Document) -> Vec<Problem> {
    let mut list = Vec::new();
    let mut wrong = |place: &str, what: &str| list.push(Problem::new("API-01", place, what));
    match document.get("info") {
        Some(info) if info.is_object() => {
            for key in ["title", "version"] {
                match info.get(key) {
                    Some(Value::String(_)) => {}
                    Some(_) => wrong(&format!("/info/{key}"), "this is not text"),
                    None => wrong(&format!("/info/{key}"), "this is missing"),
                }
            }
        }
        _ => wrong("/info", "this is missing"),
    }
    let others = ["components", "webhooks"];
    match document.get("paths") {
        Some(Value::Object(_)) => {}
        Some(_) => wrong("/paths", "this is no mapping"),
        None if document.dialect == Dialect::V31
            && others.iter().any(|key| document.get(key).is_some()) => {}
        None => wrong("/paths", "this is missing"),
    }
    for (n, server) in items(document.get("servers")).enumerate() {
        if text(server, "url").is_none() {
            wrong(&format!("/servers/{n}"), "this server has no `url`");
        }
    }
    list
}

/// What is wrong with the paths.
fn paths(document: &Document) -> Vec<Problem> {
    let mut list = Vec::new();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (path, item) in members(document.get("paths")) {
        let place = format!("/paths/{}", escaped(path));
        let mut wrong = |what: String| list.push(Problem::new("API-01", &place, what));
        if !path.starts_with('/') {
            wrong("a path begins with `/`".to_owned());
        }
        if !item.is_object() {
            wrong("this is no mapping".to_owned());
        }
        if path.matches('{').count() != path.matches('}').count() {
            wrong("a brace of a parameter is missing".to_owned());
        }
        if let Some(other) = seen.insert(nameless(path), path) {
            wrong(format!("this is the same path as `{other}`"));
        }
    }
    list
}

/// What is wrong with an operation.
fn of_operation(operation: &Operation<'_>, list: &mut Vec<Problem>) {
    let mut wrong = |what: String| list.push(Problem::new("API-01", operation.name(), what));
    parameters(operation, &mut wrong);
    match operation.value.get("responses") {
        Some(Value::Object(responses)) if !responses.is_empty() => {}
        None if operation.document.dialect == Dialect::V31 => {}
        _ => wrong("it describes no answer".to_owned()),
    }
    for (status, response) in operation.responses() {
        if !is_status(status) {
            wrong(format!("`{}` is no status of an answer", cut(status, 40)));
        } else if !response.is_object() {
            wrong(format!("its answer {status} is no mapping"));
        } else if !response.get("description").is_some_and(Value::is_string)
            && !operation.document.openapi.starts_with("3.2")
        {
            wrong(format!("its answer {status} has no `description`"));
        }
    }
    let declared = operation.document.schemes();
    let mut unknown = BTreeSet::new();
    for name in operation
        .security()
        .into_iter()
        .flatten()
        .flat_map(BTreeMap::into_keys)
    {
        if !declared.is_some_and(|schemes| schemes.contains_key(&name)) {
            unknown.insert(name);
        }
    }
    for name in unknown {
        wrong(format!(
            "its security scheme `{}` is not declared",
            cut(&name, 80)
        ));
    }
}

/// What is wrong with the parameters of an operation.
fn parameters(operation: &Operation<'_>, wrong: &mut impl FnMut(String)) {
    for value in
        items(operation.value.get("parameters")).chain(items(operation.item.get("parameters")))
    {
        let Ok(value) = operation.document.follow(value) else {
            continue; // told with the references
        };
        let Some(name) = text(value, "name") else {
            wrong("a parameter has no `name`".to_owned());
            continue;
        };
        let known: &[&str] = match operation.document.dialect {
            Dialect::V2 => &["path", "query", "header", "formData", "body"],
            _ => &["path", "query", "header", "cookie", "querystring"],
        };
        match text(value, "in") {
            Some(place) if known.contains(&place) => {}
            _ => wrong(format!("its parameter `{name}` has no valid `in`")),
        }
        let typed = match operation.document.dialect {
            Dialect::V2 => value.get("type").is_some() || value.get("schema").is_some(),
            _ => value.get("schema").is_some() || value.get("content").is_some(),
        };
        if !typed {
            wrong(format!("its parameter `{name}` has no schema"));
        }
    }
    let in_path: Vec<_> = operation
        .parameters()
        .into_iter()
        .filter(|parameter| parameter.place == "path")
        .collect();
    let names = names_in(operation.path);
    for name in &names {
        match in_path.iter().find(|parameter| parameter.name == *name) {
            None => wrong(format!("`{{{name}}}` of its path is no parameter of it")),
            Some(parameter) if !parameter.required => wrong(format!(
                "its path parameter `{name}` is not `required: true`"
            )),
            Some(_) => {}
        }
    }
    for parameter in &in_path {
        if !names.contains(&parameter.name) {
            wrong(format!(
                "its path parameter `{}` is not in its path",
                parameter.name
            ));
        }
    }
}

/// Whether a document may call an answer so.
fn is_status(text: &str) -> bool {
    if text == "default" {
        return true;
    }
    let bytes = text.as_bytes();
    let class = bytes.first().is_some_and(|b| (b'1'..=b'5').contains(b));
    let rest = bytes.get(1..).unwrap_or_default();
    class && rest.len() == 2 && (rest.iter().all(u8::is_ascii_digit) || rest == b"XX")
}

/// Operation ids that several operations have.
fn same_ids(operations: &[Operation<'_>]) -> Vec<Problem> {
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    let mut list = Vec::new();
    for operation in operations {
        let Some(id) = text(operation.value, "operationId") else {
            continue;
        };
        if let Some(first) = seen.get(id) {
            let what = format!("its operationId `{}` is that of {first}", cut(id, 100));
            list.push(Problem::new("API-15", operation.name(), what));
        } else {
            seen.insert(id, operation.name());
        }
    }
    list
}

/// Whether an operation is on its way out.
pub(super) fn is_deprecated(operation: &Operation<'_>) -> bool {
    is_true(operation.value, "deprecated")
}
