//! Keywords that look at one value and not into it.

use serde_json::{Map, Value};

use super::validate::Outcome;
use crate::exchange::cut;
use crate::kinds::openapi::changes::ANNOTATIONS;

/// The items of a list of a schema.
pub(super) fn list<'a>(
    members: &'a Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'a Value> {
    members
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// `minItems` and the like.
pub(super) fn size(
    members: &Map<String, Value>,
    size: usize,
    place: &str,
    what: &str,
    unit: &str,
) -> Outcome {
    let bound = |side: &str| {
        members
            .get(&format!("{side}{what}"))
            .and_then(Value::as_u64)
            .and_then(|bound| usize::try_from(bound).ok())
    };
    let mut outcome = Outcome::default();
    if let Some(least) = bound("min").filter(|least| size < *least) {
        let what = format!("it has {size} {unit}, at least {least} are needed");
        outcome.and(Outcome::fault(place, what));
    }
    if let Some(most) = bound("max").filter(|most| size > *most) {
        let what = format!("it has {size} {unit}, at most {most} are allowed");
        outcome.and(Outcome::fault(place, what));
    }
    outcome
}

/// What sort of value this is, without telling it: values may be secrets.
fn sort_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// `type`, `enum` and `const`.
pub(super) fn types(members: &Map<String, Value>, value: &Value, place: &str) -> Outcome {
    let sort = sort_of(value);
    let fits = |name: &str| match name {
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        other => sort == other,
    };
    let names: Vec<&str> = match members.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    const KNOWN: &[&str] = &[
        "null", "boolean", "integer", "number", "string", "array", "object",
    ];
    if let Some(odd) = names.iter().find(|name| !KNOWN.contains(name)) {
        let what = format!("its type `{}` is not known", cut(odd, 40));
        return Outcome::unknown(place, what);
    }
    if !names.is_empty() && !names.iter().any(|name| fits(name)) {
        return Outcome::fault(place, format!("it is {sort}, not {}", names.join(" or ")));
    }
    let same = |other: &Value| match (other.as_f64(), value.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => other == value,
    };
    let listed = members
        .get("enum")
        .and_then(Value::as_array)
        .is_none_or(|values| values.iter().any(same));
    let constant = members.get("const").is_none_or(same);
    Outcome::wrong_if(!listed || !constant, place, || {
        "its value is none of those that are described".to_owned()
    })
}

/// What is said of numbers.
pub(super) fn number(members: &Map<String, Value>, value: &Value, place: &str) -> Outcome {
    let Some(number) = value.as_f64() else {
        return Outcome::unknown(place, "the number is too large to be judged");
    };
    let bound = |key: &str| members.get(key).and_then(Value::as_f64);
    let flag = |key: &str| members.get(key) == Some(&Value::Bool(true));
    let below = bound("minimum")
        .is_some_and(|least| number < least || number == least && flag("exclusiveMinimum"))
        || bound("exclusiveMinimum").is_some_and(|least| number <= least);
    let above = bound("maximum")
        .is_some_and(|most| number > most || number == most && flag("exclusiveMaximum"))
        || bound("exclusiveMaximum").is_some_and(|most| number >= most);
    let mut outcome = Outcome::wrong_if(below, place, || "it is below its minimum".to_owned());
    outcome.and(Outcome::wrong_if(above, place, || {
        "it is above its maximum".to_owned()
    }));
    if let Some(step) = bound("multipleOf").filter(|step| *step > 0.0) {
        let times = number / step;
        let off = (times - times.round()).abs() > 1e-9 * times.abs().max(1.0);
        outcome.and(Outcome::wrong_if(off, place, || {
            format!("it is no multiple of {step}")
        }));
    }
    let whole = match members.get("format").and_then(Value::as_str) {
        Some("int32") => Some((f64::from(i32::MIN), f64::from(i32::MAX))),
        _ => None,
    };
    if let Some((least, most)) = whole {
        let off = number < least || number > most;
        outcome.and(Outcome::wrong_if(off, place, || {
            "it does not fit into 32 bits".to_owned()
        }));
    }
    outcome
}

/// Whether a keyword is judged here, or says nothing about valid values.
pub(super) fn is_known(key: &str) -> bool {
    const KNOWN: &[&str] = &[
        "$ref",
        "$anchor",
        "type",
        "nullable",
        "enum",
        "const",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "dependentRequired",
        "dependentSchemas",
        "minProperties",
        "maxProperties",
        "items",
        "prefixItems",
        "additionalItems",
        "minItems",
        "maxItems",
        "uniqueItems",
        "contains",
        "minContains",
        "maxContains",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "default",
        "collectionFormat",
    ];
    KNOWN.contains(&key) || ANNOTATIONS.contains(&key) || key.starts_with("x-")
}
