//! JSON files that show when they are changed.
//!
//! The object has a field `blake3`, the hash of the text without it. A text is accepted
//! only as it was written: any changed bit, one of a space included, is seen.

use seal_files::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const SEAL: &str = "blake3";

/// Why a text is not one that [`to_text`] wrote.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// No JSON, or fields of another type.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// An object without its hash.
    #[error("its own hash is missing")]
    NoHash,
    /// The text was changed.
    #[error("its content is not that of its hash")]
    Content,
}

/// `value`, an object, as text with its hash.
///
/// # Errors
/// A value that JSON does not hold.
pub fn to_text(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(value)?;
    let hash = Digest::of(text(&value)?).to_string();
    if let Value::Object(fields) = &mut value {
        fields.insert(SEAL.to_owned(), Value::String(hash));
    }
    text(&value)
}

/// Reads what [`to_text`] wrote.
///
/// # Errors
/// Any other text.
pub fn from_text<T: DeserializeOwned>(text_: &str) -> Result<T, SealedError> {
    let mut value: Value = serde_json::from_str(text_)?;
    let whole = text(&value)?;
    let hash = value.as_object_mut().and_then(|fields| fields.remove(SEAL));
    let Some(Value::String(hash)) = hash else {
        return Err(SealedError::NoHash);
    };
    if whole != text_ || Digest::of(text(&value)?).to_string() != hash {
        return Err(SealedError::Content);
    }
    Ok(serde_json::from_value(value)?)
}

/// The `format_version` of a text that may be of any version; `None` if it says none.
pub fn version_of(text: &str) -> Option<Value> {
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
