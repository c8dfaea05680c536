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

/// The value of a field; where there is none of that very name, of one that
/// differs in case: `Question` for `question`.
pub(crate) fn find<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).or_else(|| {
        let same = |(key, _): &(&String, &Value)| key.eq_ignore_ascii_case(name);
        map.iter().find(same).map(|(_, value)| value)
    })
}

/// Whether `value` is an object with a field of one of these names.
pub(crate) fn has(value: &Value, names: &[&str]) -> bool {
    value.as_object().is_some_and(|map| names.iter().any(|name| find(map, name).is_some()))
}

/// Whether a name looks like one; another may be text of the row.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.len() <= 32 && name.chars().all(plain)
}

/// Kind of a value and, for an object, the names of its fields.
pub(crate) fn describe(value: &Value) -> String {
    let Value::Object(map) = value else { return kind(Some(value)).to_owned() };
    let names = map.keys().map(String::as_str).filter(|name| is_name(name));
    let names: Vec<&str> = names.take(12).collect();
    format!("an object with the fields {}", names.join(", "))
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

    /// What is wrong with a part of the row; `field` names it in words.
    pub fn wrong(&self, field: String, found: &'static str, expected: &str) -> DataError {
        DataError::Field {
            path: self.path.to_owned(),
            line: self.record.line,
            row: self.record.row,
            field,
            found,
            expected: expected.into(),
        }
    }

    fn error(&self, names: &[&str], found: Option<&Value>, expected: &str) -> DataError {
        self.wrong(format!("field {}", quoted(names)), kind(found), expected)
    }

    fn find(&self, names: &[&str]) -> Option<&'a Value> {
        names.iter().find_map(|name| find(self.map, name))
    }

    /// The first of `names` that is there, unless it is null.
    pub fn get(&self, names: &[&str]) -> Option<&'a Value> {
        self.find(names).filter(|v| !v.is_null())
    }

    /// Text of the first of `names` that is there.
    pub fn text(&self, names: &[&str]) -> Result<&'a str, DataError> {
        self.optional_text(names)?.ok_or_else(|| self.error(names, self.find(names), "a string"))
    }

    /// As [`Self::text`]; absent and null are `None`.
    pub fn optional_text(&self, names: &[&str]) -> Result<Option<&'a str>, DataError> {
        match self.get(names) {
            None => Ok(None),
            Some(Value::String(s)) => Ok(Some(s)),
            other => Err(self.error(names, other, "a string")),
        }
    }

    /// The value of the first of `names` that is there, of whatever kind.
    pub fn value(&self, names: &[&str]) -> Result<&'a Value, DataError> {
        let missing = || self.error(names, self.find(names), "a list of turns");
        self.get(names).ok_or_else(missing)
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
            .ok_or_else(|| self.error(&[name], self.find(&[name]), "true, false, 0 or 1"))
    }
}
