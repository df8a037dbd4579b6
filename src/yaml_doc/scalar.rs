//! What a scalar stands for: the core schema of YAML 1.2.

use super::YamlValue;

/// The value of a plain scalar.
pub(super) fn plain(text: &str) -> YamlValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return YamlValue::Null,
        "true" | "True" | "TRUE" => return YamlValue::Bool(true),
        "false" | "False" | "FALSE" => return YamlValue::Bool(false),
        _ => {}
    }
    number(text).unwrap_or_else(|| YamlValue::Str(text.to_owned()))
}

/// The value of a scalar with a tag of YAML's own schema, `str` for example.
pub(super) fn tagged(text: &str, suffix: &str) -> YamlValue {
    match suffix {
        "str" | "binary" => YamlValue::Str(text.to_owned()),
        "null" => YamlValue::Null,
        "float" => match number(text) {
            #[expect(clippy::cast_precision_loss, reason = "the file asks for it")]
            Some(YamlValue::Int(whole)) => YamlValue::Float(whole as f64),
            Some(other) => other,
            None => YamlValue::Str(text.to_owned()),
        },
        _ => plain(text),
    }
}

/// A number, when the text is one.
fn number(text: &str) -> Option<YamlValue> {
    let unsigned = text.trim_start_matches(['-', '+']);
    if text.len() - unsigned.len() > 1 {
        return None;
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
        return Some(YamlValue::Float(sign * f64::INFINITY));
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(YamlValue::Float(f64::NAN));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(YamlValue::Int);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().map(YamlValue::Int);
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !unsigned.contains(|c: char| c.is_ascii_digit())
        || !unsigned
            .chars()
            .all(|c| c.is_ascii_digit() || ".eE+-".contains(c))
    {
        return None;
    }
    match text.parse::<i64>() {
        Ok(whole) => Some(YamlValue::Int(whole)),
        Err(_) => text.parse::<f64>().ok().map(YamlValue::Float),
    }
}
