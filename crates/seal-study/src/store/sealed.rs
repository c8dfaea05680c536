//! JSON files that show when they are changed.
//!
//! The object has a field `blake3`, the hash of the text without it. A text is accepted
//! only as it was written: any changed bit, one of a space included, is seen.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const SEAL: &str = "blake3";

/// `value`, an object, as text with its hash.
///
/// # Errors
/// A value that JSON does not hold.
pub(crate) fn to_text(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(value)?;
    let hash = blake3::hash(text(&value)?.as_bytes()).to_hex().to_string();
    if let Value::Object(fields) = &mut value {
        fields.insert(SEAL.to_owned(), Value::String(hash));
    }
    text(&value)
}

/// Reads what [`to_text`] wrote.
///
/// # Errors
/// The reason: no JSON, no hash or another one, or fields of another type.
pub(crate) fn from_text<T: DeserializeOwned>(text_: &str) -> Result<T, String> {
    let mut value: Value = serde_json::from_str(text_).map_err(|e| e.to_string())?;
    let whole = text(&value).map_err(|e| e.to_string())?;
    let hash = value.as_object_mut().and_then(|fields| fields.remove(SEAL));
    let Some(Value::String(hash)) = hash else {
        return Err("its own hash is missing".to_owned());
    };
    let rest = text(&value).map_err(|e| e.to_string())?;
    if whole != text_ || *blake3::hash(rest.as_bytes()).to_hex() != *hash {
        return Err("its content is not that of its hash".to_owned());
    }
    serde_json::from_value(value).map_err(|e| e.to_string())
}

/// The `format_version` of a text that may be of any version; `None` if it says none.
pub(crate) fn version_of(text: &str) -> Option<Value> {
    serde_json::from_str::<Value>(text).ok()?.get("format_version").cloned()
}

fn text(value: &Value) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_changed_bit_is_seen() {
        let value = json!({"format_version": 2, "files": [{"name": "a", "bytes": 3}], "f": 0.1});
        let text = to_text(&value).unwrap();
        assert_eq!(from_text::<Value>(&text).unwrap(), value);
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let seen = String::from_utf8(bytes).is_ok_and(|t| from_text::<Value>(&t).is_err());
                assert!(seen || text.is_ascii() && bit == 7, "byte {at}, bit {bit}");
            }
        }
        for cut in 0..text.len() {
            assert!(from_text::<Value>(&text[..cut]).is_err(), "cut at {cut}");
        }
    }
}
