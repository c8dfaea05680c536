//! Typed access to the fields of a record. What is wrong is said by name and kind,
//! and which fields were read is remembered, so that the others can be named.

use std::cell::{OnceCell, RefCell};

use serde_json::{Map, Value};

use crate::record::Record;
use crate::{DropReason, Json};

/// Why a record cannot be used: it is left out, and the file goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnusableRow {
    pub reason: DropReason,
    /// Which field, and what is there; never text of the row.
    pub detail: Option<String>,
}

impl From<DropReason> for UnusableRow {
    fn from(reason: DropReason) -> Self {
        Self { reason, detail: None }
    }
}

impl UnusableRow {
    pub fn new(reason: DropReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: Some(detail.into()) }
    }

    /// A part of the row, named in words, that is of another kind than it should be.
    pub fn kind(place: &str, found: &str, expected: &str) -> Self {
        Self::new(DropReason::OddField, format!("{place}: found {found}, expected {expected}"))
    }
}

/// A record seen as an object with named fields.
pub(crate) struct RecordFields<'a> {
    record: &'a Record,
    map: &'a Map<String, Value>,
    /// Names of the fields that were read.
    read: RefCell<Vec<&'a str>>,
    /// Names of fields of turns, with text, that were not.
    turns: RefCell<Vec<String>>,
    ordered: OnceCell<Json>,
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

fn entry<'a>(map: &'a Map<String, Value>, name: &str) -> Option<(&'a String, &'a Value)> {
    map.get_key_value(name).or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)))
}

/// The value of a field; where there is none of that very name, of one that
/// differs in case: `Question` for `question`.
pub(crate) fn find<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    entry(map, name).map(|(_, value)| value)
}

/// Whether `value` is an object with a field of one of these names.
pub(crate) fn has(value: &Value, names: &[&str]) -> bool {
    value.as_object().is_some_and(|map| names.iter().any(|name| find(map, name).is_some()))
}

/// As [`has`], where null does not count.
pub(crate) fn has_some(value: &Value, names: &[&str]) -> bool {
    let some = |name: &&str| value.as_object().and_then(|map| find(map, name));
    names.iter().any(|name| some(name).is_some_and(|value| !value.is_null()))
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

/// The names as an error shows them.
pub(crate) fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    names.join(" or ")
}

/// Nothing in it: null, white space, an empty list or object.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether somebody wrote something there.
pub(crate) fn has_text(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => items.iter().any(has_text),
        Value::Object(map) => map.values().any(has_text),
        _ => false,
    }
}

/// A truth value: true and false, 1 and 0, yes and no; as text too, for a table has
/// nothing else. `None` for any other value.
pub(crate) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        Value::Number(n) => number(n.as_f64()?),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "t" | "y" => Some(true),
            "false" | "no" | "f" | "n" => Some(false),
            text => number(text.parse().ok()?),
        },
        _ => None,
    }
}

fn number(x: f64) -> Option<bool> {
    if x == 0.0 { Some(false) } else { (x == 1.0).then_some(true) }
}

/// Settings of training that are named even if they hold no text.
const SETTINGS: [&str; 5] = ["weight", "train", "label", "kto_tag", "is_safe"];

impl<'a> RecordFields<'a> {
    /// # Errors
    /// A record that is no object.
    pub fn of(record: &'a Record) -> Result<Self, UnusableRow> {
        match &record.value {
            Value::Object(map) => Ok(Self {
                record,
                map,
                read: RefCell::default(),
                turns: RefCell::default(),
                ordered: OnceCell::new(),
            }),
            other => {
                let found = kind(Some(other));
                let expected = "an object with named fields";
                let detail = format!("the row: found {found}, expected {expected}");
                Err(UnusableRow::new(DropReason::OtherLayout, detail))
            }
        }
    }

    /// The first of `names` that is there, whatever it holds; it counts as read.
    pub fn find(&self, names: &[&str]) -> Option<&'a Value> {
        let (name, value) = names.iter().find_map(|name| entry(self.map, name))?;
        self.read.borrow_mut().push(name);
        Some(value)
    }

    /// The first of `names` that has something in it, else the first that is not
    /// null; it counts as read.
    pub fn get(&self, names: &[&str]) -> Option<&'a Value> {
        let there = || names.iter().filter_map(|name| entry(self.map, name));
        let (name, value) = there()
            .find(|(_, value)| !is_blank(value))
            .or_else(|| there().find(|(_, value)| !value.is_null()))?;
        self.read.borrow_mut().push(name);
        Some(value)
    }

    /// As [`Self::get`], without counting as read.
    pub fn peek(&self, names: &[&str]) -> Option<&'a Value> {
        let read = self.read.borrow().len();
        let value = self.get(names);
        self.read.borrow_mut().truncate(read);
        value
    }

    /// The text of the first of `names` that has some; blank where there is only blank
    /// text, and `None` where all are absent or null.
    pub fn optional_text(&self, names: &[&str]) -> Result<Option<&'a str>, UnusableRow> {
        match self.get(names) {
            None => Ok(None),
            Some(Value::String(s)) => Ok(Some(s)),
            other => {
                let place = format!("field {}", quoted(names));
                Err(UnusableRow::kind(&place, kind(other), "a string"))
            }
        }
    }

    /// The text of the first of `names` that has some; empty where it is null.
    ///
    /// # Errors
    /// Another kind of value; none of `names`, as in a row of another layout.
    pub fn text(&self, names: &[&str]) -> Result<&'a str, UnusableRow> {
        match self.optional_text(names)? {
            Some(text) => Ok(text),
            None if names.iter().any(|name| entry(self.map, name).is_some()) => Ok(""),
            None => Err(Self::absent(names)),
        }
    }

    /// What is wrong where none of `names` is there.
    pub fn absent(names: &[&str]) -> UnusableRow {
        let detail = format!("field {}: found nothing", quoted(names));
        UnusableRow::new(DropReason::OtherLayout, detail)
    }

    /// The label in `name`: `Ok(None)` where there is none, an error where what is
    /// there is no label.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, UnusableRow> {
        match self.find(&[name]).filter(|value| !is_blank(value)) {
            None => Ok(None),
            Some(value) => truth(value).map(Some).ok_or_else(|| {
                let found = kind(Some(value));
                let expected = "true, false, yes, no, 0 or 1";
                let detail = format!("field `{name}`: found {found}, expected {expected}");
                UnusableRow::new(DropReason::NoLabel, detail)
            }),
        }
    }

    /// The value at `path`, names of fields and numbers of items as digits, with the
    /// order of its fields where the file has one. A text at any place of it is
    /// read as JSON.
    pub fn ordered(&self, path: &[&str]) -> Option<Json> {
        let whole = self.ordered.get_or_init(|| {
            let text = self.record.text.as_deref().and_then(Json::parse);
            text.unwrap_or_else(|| Json::from(&self.record.value))
        });
        walk(whole, path)
    }

    /// Notes the field of a turn that is not used.
    pub fn unused_in_turn(&self, list: &str, name: &str) {
        let name = if is_name(name) { name } else { "(a name with other signs)" };
        let field = format!("{list}[].{name}");
        let mut turns = self.turns.borrow_mut();
        if !turns.contains(&field) {
            turns.push(field);
        }
    }

    /// Names of what has text and was not read, and of settings.
    pub fn unused(self) -> Vec<String> {
        let read = self.read.into_inner();
        let left = self.map.iter().filter(|(name, value)| {
            let setting = SETTINGS.iter().any(|s| name.eq_ignore_ascii_case(s));
            // An id names the row and says nothing in it.
            !name.eq_ignore_ascii_case("id")
                && !read.contains(&name.as_str())
                && (has_text(value) || setting && !value.is_null())
        });
        let name = |name: &String| match is_name(name) {
            true => name.clone(),
            false => "(a name with other signs)".to_owned(),
        };
        left.map(|(n, _)| name(n)).chain(self.turns.into_inner()).collect()
    }
}

/// The value at `path` below `at`, see [`RecordFields::ordered`].
fn walk(at: &Json, path: &[&str]) -> Option<Json> {
    match (at, path) {
        (Json::Text(text), _) => walk(&Json::parse(text)?, path),
        (_, []) => Some(at.clone()),
        (Json::List(items), [i, rest @ ..]) => walk(items.get(i.parse::<usize>().ok()?)?, rest),
        (Json::Object(fields), [name, rest @ ..]) => {
            let exact = fields.iter().find(|(key, _)| key == name);
            let near = |(key, _): &&(String, Json)| key.eq_ignore_ascii_case(name);
            walk(&exact.or_else(|| fields.iter().find(near))?.1, rest)
        }
        _ => None,
    }
}
