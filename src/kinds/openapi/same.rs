//! Whether two documents say the same, in whatever order.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::refs::escaped;

/// Most differences that are told.
pub(super) const MAX_DIFFERENCES: usize = 30;
/// Members of the root that depend on where a document is served.
const WHERE: &[&str] = &["servers", "host", "basePath", "schemes"];
/// Lists whose order means nothing.
const SETS: &[&str] = &["required", "enum", "type", "tags", "consumes", "produces"];

/// Where two documents differ, as JSON pointers with what is different there.
pub(super) fn differences(committed: &Value, served: &Value) -> Vec<String> {
    let mut list = Vec::new();
    let empty = Map::new();
    let members = |root: &Value| {
        let mut members = root.as_object().unwrap_or(&empty).clone();
        members.retain(|key, _| !WHERE.contains(&key.as_str()));
        Value::Object(members)
    };
    differ(&members(committed), &members(served), "", "", &mut list);
    list
}

/// Collects the differences of two values.
fn differ(committed: &Value, served: &Value, key: &str, place: &str, list: &mut Vec<String>) {
    if list.len() >= MAX_DIFFERENCES {
        return;
    }
    match (committed, served) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                let place = format!("{place}/{}", escaped(key));
                match new.get(key) {
                    Some(other) => differ(value, other, key, &place, list),
                    None => list.push(format!("{place} is committed only")),
                }
            }
            for key in new.keys().filter(|key| !old.contains_key(*key)) {
                list.push(format!("{place}/{} is served only", escaped(key)));
            }
        }
        (Value::Array(old), Value::Array(new)) if SETS.contains(&key) => {
            let set = |items: &[Value]| -> BTreeSet<String> {
                items.iter().map(ToString::to_string).collect()
            };
            if set(old) != set(new) {
                list.push(format!("{place} lists other values"));
            }
        }
        (Value::Array(old), Value::Array(new)) if key == "parameters" => {
            differ(&by_name(old), &by_name(new), "", place, list);
        }
        (Value::Array(old), Value::Array(new)) => {
            if old.len() != new.len() {
                list.push(format!(
                    "{place} has {} entries committed, {} served",
                    old.len(),
                    new.len()
                ));
                return;
            }
            for (n, (old, new)) in old.iter().zip(new).enumerate() {
                differ(old, new, "", &format!("{place}/{n}"), list);
            }
        }
        (Value::Number(old), Value::Number(new)) if old.as_f64() == new.as_f64() => {}
        (old, new) if old == new => {}
        _ => list.push(format!("{place} is different")),
    }
}

/// A list of parameters as a mapping: their order means nothing.
fn by_name(parameters: &[Value]) -> Value {
    let entry = |value: &Value| {
        let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{} {}{}", word("in"), word("name"), word("$ref"));
        (name.trim().to_owned(), value.clone())
    };
    Value::Object(parameters.iter().map(entry).collect())
}
