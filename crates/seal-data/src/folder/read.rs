//! The files of a folder, read with a bound.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::TokenizerError;

/// No `tokenizer.json` is near this: that of Llama 3 has 17 MiB.
const MAX_BYTES: u64 = 512 << 20;

/// The text of a file; `None` where there is none.
pub(super) fn text(path: &Path) -> Result<Option<String>, TokenizerError> {
    let unreadable = |source| TokenizerError::Unreadable { path: path.to_owned(), source };
    let invalid = |reason: &str| TokenizerError::invalid(path, reason);
    // A named pipe would be waited for without end.
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(invalid("is no file")),
        Ok(found) if found.len() > MAX_BYTES => {
            return Err(invalid(&format!("has {} bytes, more than any tokenizer", found.len())));
        }
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unreadable(e)),
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(invalid("grows while it is read, beyond the size of any tokenizer"));
    }
    if seal_files::is_lfs_pointer(&bytes) {
        return Err(TokenizerError::LfsPointer { path: path.to_owned() });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(e) => {
            let at = e.utf8_error().valid_up_to();
            Err(invalid(&format!("is not UTF-8 (byte {at})")))
        }
    }
}

/// A file that holds one JSON object; empty where the file is missing.
pub(super) struct Settings {
    pub(super) path: PathBuf,
    pub(super) fields: Map<String, Value>,
}

impl Settings {
    pub(super) fn read(dir: &Path, name: &str) -> Result<Self, TokenizerError> {
        let path = dir.join(name);
        let fields = match text(&path)? {
            None => Map::new(),
            Some(text) => match json(&path, &text)? {
                Value::Object(fields) => fields,
                other => {
                    let reason = format!("holds {}, not an object", kind(&other));
                    return Err(TokenizerError::invalid(&path, &reason));
                }
            },
        };
        Ok(Self { path, fields })
    }

    /// A field; null is as missing.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// A switch.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, TokenizerError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong(name, "true or false", other)),
        }
    }

    /// A text.
    pub(super) fn string(&self, name: &str) -> Result<Option<&str>, TokenizerError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, "a text", other)),
        }
    }

    /// An id or a list of ids. Negative ones stand for "none" in some files.
    pub(super) fn ids(&self, name: &str) -> Result<Vec<u32>, TokenizerError> {
        let one = |value: &Value| {
            if value.as_i64().is_some_and(|id| id < 0) {
                return Ok(None);
            }
            let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
            id.map(Some).ok_or_else(|| self.wrong(name, "an id or a list of ids", value))
        };
        let ids = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(ids)) => ids.iter().map(one).collect::<Result<Vec<_>, _>>()?,
            Some(id) => vec![one(id)?],
        };
        Ok(ids.into_iter().flatten().collect())
    }

    /// The error for a field of another type.
    pub(super) fn wrong(&self, field: &str, expected: &str, found: &Value) -> TokenizerError {
        let reason = format!("{field} must be {expected}, found {}", kind(found));
        TokenizerError::invalid(&self.path, &reason)
    }
}

/// Parses `text`, the content of `path`.
pub(super) fn json<T: serde::de::DeserializeOwned>(
    path: &Path,
    text: &str,
) -> Result<T, TokenizerError> {
    let invalid = |reason: &str| TokenizerError::invalid(path, reason);
    if text.starts_with('\u{feff}') {
        return Err(invalid("begins with a byte order mark; save it as UTF-8 without one"));
    }
    if text.trim().is_empty() {
        return Err(invalid("is empty"));
    }
    serde_json::from_str(text).map_err(|e| invalid(&format!("no JSON: {e}")))
}

/// What a value is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
