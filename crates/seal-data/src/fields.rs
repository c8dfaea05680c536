//! Typed access to the fields of a record, with errors that name the place.

use std::path::Path;

use serde_json::{Map, Value};

use crate::DataError;
use crate::record::Record;

/// A record seen as an object with named fields.
pub(crate) struct Fields<'a> {
    path: &'a Path,
    record: &'a Record,
    map: &'a Map<String, Value>,
}

/// Kind of a value, in words; never its text.
pub(crate) fn kind(value: Option<&Value>) -> &'static str {
    match value {
        None => "nothing",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "a string",
        Some(Value::Array(_)) => "an array",
        Some(Value::Object(_)) => "an object",
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    names.join(" or ")
}

impl<'a> Fields<'a> {
    /// # Errors
    /// A record that is no object.
    pub fn of(path: &'a Path, record: &'a Record) -> Result<Self, DataError> {
        match &record.value {
            Value::Object(map) => Ok(Self { path, record, map }),
            other => Err(DataError::Field {
                path: path.to_owned(),
                line: record.line,
                row: record.row,
                field: "the row".into(),
                found: kind(Some(other)),
                expected: "an object with named fields".into(),
            }),
        }
    }

    fn error(&self, names: &[&str], found: Option<&Value>, expected: &str) -> DataError {
        DataError::Field {
            path: self.path.to_owned(),
            line: self.record.line,
            row: self.record.row,
            field: format!("field {}", quoted(names)),
            found: kind(found),
            expected: expected.into(),
        }
    }

    fn get(&self, names: &[&str]) -> Option<&'a Value> {
        names.iter().find_map(|n| self.map.get(*n)).filter(|v| !v.is_null())
    }

    /// Text of the first of `names` that is there.
    pub fn text(&self, names: &[&str]) -> Result<&'a str, DataError> {
        self.optional_text(names)?.ok_or_else(|| {
            let found = names.iter().find_map(|n| self.map.get(*n));
            self.error(names, found, "a string")
        })
    }

    /// As [`Self::text`]; absent and null are `None`.
    pub fn optional_text(&self, names: &[&str]) -> Result<Option<&'a str>, DataError> {
        match self.get(names) {
            None => Ok(None),
            Some(Value::String(s)) => Ok(Some(s)),
            other => Err(self.error(names, other, "a string")),
        }
    }

    /// A label: a boolean or 0 or 1; as text too, for CSV has nothing else.
    pub fn optional_flag(&self, name: &str) -> Result<Option<bool>, DataError> {
        let value = self.get(&[name]);
        let flag = match value {
            None => return Ok(None),
            Some(Value::Bool(b)) => Some(*b),
            Some(Value::Number(n)) => match n.as_f64() {
                Some(0.0) => Some(false),
                Some(1.0) => Some(true),
                _ => None,
            },
            Some(Value::String(s)) => match s.trim().to_ascii_lowercase().as_str() {
                "" => return Ok(None),
                "0" | "false" => Some(false),
                "1" | "true" => Some(true),
                _ => None,
            },
            Some(_) => None,
        };
        match flag {
            Some(flag) => Ok(Some(flag)),
            None => Err(self.error(&[name], value, "true, false, 0 or 1")),
        }
    }

    /// A label that the config promises.
    pub fn flag(&self, name: &str) -> Result<bool, DataError> {
        self.optional_flag(name)?
            .ok_or_else(|| self.error(&[name], self.map.get(name), "true, false, 0 or 1"))
    }
}
