//! Typed access to the settings of a JSON table, with errors that name them.

use std::path::Path;

use serde_json::{Map, Value};

use crate::LmError;

/// A table of settings.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    path: &'a Path,
    /// Name of the table within its file, with a dot; empty for the whole.
    at: &'a str,
    table: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The table `json`, which messages call `at`.
    pub(crate) fn within(json: &'a Value, at: &'a str, path: &'a Path) -> Result<Self, LmError> {
        match json.as_object() {
            Some(table) => Ok(Self { path, at, table }),
            None => {
                Err(LmError::Format { path: path.into(), reason: "no table of settings".into() })
            }
        }
    }

    /// The table under `key`, which messages call `at`.
    pub(super) fn table(&self, key: &str, at: &'a str) -> Result<Option<Fields<'a>>, LmError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(table)) => Ok(Some(Fields { path: self.path, at, table })),
            Some(_) => Err(self.refuse(key, "a table is wanted")),
        }
    }

    /// The setting, unless it is absent or null.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.table.get(key).filter(|value| !value.is_null())
    }

    /// Whether the setting is there, be it null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.table.keys().map(String::as_str)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The error for the setting `key`.
    pub(crate) fn refuse(&self, key: &str, reason: impl Into<String>) -> LmError {
        let value = self.table.get(key).map_or("absent".to_owned(), |value| {
            let text = value.to_string();
            match text.char_indices().nth(80) {
                None => text,
                Some((cut, _)) => format!("{}..", &text[..cut]),
            }
        });
        LmError::Setting {
            path: self.path.into(),
            setting: format!("{}{key}", self.at),
            value,
            reason: reason.into(),
        }
    }

    fn typed<T>(
        &self,
        key: &str,
        wanted: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, LmError> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.refuse(key, wanted)),
        }
    }

    /// A size: at least 1, and small enough that products of two fit.
    pub(crate) fn size(&self, key: &str) -> Result<Option<usize>, LmError> {
        const LARGEST: u64 = 1 << 31;
        self.typed(key, "a whole number from 1 to 2^31 is wanted", |value| {
            let n = value.as_u64().filter(|n| (1..=LARGEST).contains(n))?;
            usize::try_from(n).ok()
        })
    }

    /// As [`Fields::size`], where the setting must be there.
    pub(super) fn needed_size(&self, key: &str) -> Result<usize, LmError> {
        self.size(key)?.ok_or_else(|| self.refuse(key, "the file must say it"))
    }

    /// A whole number, 0 included.
    pub(super) fn count(&self, key: &str) -> Result<Option<usize>, LmError> {
        self.typed(key, "a whole number is wanted", |value| {
            value.as_u64().and_then(|n| usize::try_from(n).ok())
        })
    }

    /// As [`Fields::size`], `usual` where the file says nothing; null means none.
    pub(super) fn size_unless_null(
        &self,
        key: &str,
        usual: usize,
    ) -> Result<Option<usize>, LmError> {
        if self.has(key) { self.size(key) } else { Ok(Some(usual)) }
    }

    /// As [`Fields::number`], `usual` where the file says nothing; null means none.
    pub(super) fn number_unless_null(&self, key: &str, usual: f64) -> Result<Option<f64>, LmError> {
        if self.has(key) { self.number(key) } else { Ok(Some(usual)) }
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<f64>, LmError> {
        self.typed(key, "a number is wanted", |value| value.as_f64().filter(|x| x.is_finite()))
    }

    /// As [`Fields::number`], where the setting must be there.
    pub(super) fn needed_number(&self, key: &str) -> Result<f64, LmError> {
        self.number(key)?.ok_or_else(|| self.refuse(key, "a number is wanted"))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, LmError> {
        self.typed(key, "true or false is wanted", Value::as_bool)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, LmError> {
        self.typed(key, "a text is wanted", Value::as_str)
    }

    pub(super) fn numbers(&self, key: &str) -> Result<Vec<f64>, LmError> {
        let list = |value: &Value| value.as_array()?.iter().map(Value::as_f64).collect();
        let wanted = "a list of numbers is wanted";
        self.typed(key, wanted, list)?.ok_or_else(|| self.refuse(key, wanted))
    }
}
