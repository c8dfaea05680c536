//! Fields of an object, taken out one by one so that the rest can be kept.

use serde_json::{Map, Value};

use super::OddReason;

/// The kind of a value in words.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A text that a row must have.
pub(super) fn text(
    fields: &mut Map<String, Value>,
    field: &'static str,
) -> Result<String, OddReason> {
    match fields.remove(field) {
        None => Err(OddReason::Missing { field }),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(OddReason::Kind { field, found: kind_of(&other), wanted: "a text" }),
    }
}

/// A text that a row may have. Anything else stays among the fields.
pub(super) fn text_if_any(fields: &mut Map<String, Value>, field: &str) -> Option<String> {
    match fields.get_mut(field) {
        Some(Value::String(text)) => {
            let text = std::mem::take(text);
            fields.remove(field);
            Some(text)
        }
        _ => None,
    }
}

/// A number that a row may have. Anything else stays among the fields.
pub(super) fn number_if_any(fields: &mut Map<String, Value>, field: &str) -> Option<f64> {
    let number = fields.get(field)?.as_f64()?;
    fields.remove(field);
    Some(number)
}
