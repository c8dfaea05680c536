//! The text of one row as a value.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::mend::{Mended, REPLACEMENTS, mended};
use super::{NonRow, ReadableRow, Record, RecordEntry};
use crate::input::TextBytes;
use crate::{DataError, DropReason};

/// The most values of one row, those inside others included: a few bytes of text
/// may stand for a value, which takes some ten times as many in memory.
const MAX_VALUES: usize = 2 << 20;

/// Where a row stands.
#[derive(Clone, Copy)]
pub(super) struct RowPosition {
    pub line: usize,
    pub row: usize,
    /// Column of its first byte, from 1.
    pub column: usize,
}

/// A row of these bytes. `keep` its text with it.
pub(super) fn entry(input: &TextBytes, at: RowPosition, bytes: Vec<u8>, keep: bool) -> RecordEntry {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => {
            let error = input.no_text(at.line, &e);
            let bytes = e.into_bytes();
            let read = |other| record(at, replaced(&bytes, other), keep).ok();
            return doubtful(at, DropReason::NotUtf8, error, REPLACEMENTS.map(read));
        }
    };
    let error = match parse(&text) {
        Ok(value) => return row(at, value, text, keep).into(),
        Err(e) => e,
    };
    let what = json_error(input, at, &error);
    let can_be_mended = reason(&error) == DropReason::InvalidJson;
    if let Some(Mended { texts, whole }) = can_be_mended.then(|| mended(&text)).flatten() {
        if whole {
            let [text, _] = texts;
            return match record(at, text, keep) {
                Ok(record) => record.into(),
                Err(e) => odd(at, reason(&e), what),
            };
        }
        let read = |text| record(at, text, keep).ok();
        return doubtful(at, DropReason::LoneSurrogate, what, texts.map(read));
    }
    let text = Some(text);
    RecordEntry::Odd(NonRow {
        line: at.line,
        row: at.row,
        reason: reason(&error),
        error: what,
        text,
    })
}

/// Whether `text` is the beginning of a value and no whole one.
pub(super) fn is_cut(text: &str) -> bool {
    parse(text).is_err_and(|e| e.is_eof())
}

/// The values that stand one after the other in `text`; `None` where something
/// else stands there too.
pub(super) fn values(text: &str) -> Option<Vec<&str>> {
    let all = serde_json::Deserializer::from_str(text).into_iter::<&serde_json::value::RawValue>();
    all.map(|value| value.ok().map(serde_json::value::RawValue::get)).collect()
}

pub(super) fn odd(at: RowPosition, reason: DropReason, error: DataError) -> RecordEntry {
    RecordEntry::Odd(NonRow { line: at.line, row: at.row, reason, error, text: None })
}

/// A row read twice, with another character in place of what is no character.
fn doubtful(
    at: RowPosition,
    reason: DropReason,
    error: DataError,
    read: [Option<Record>; 2],
) -> RecordEntry {
    match read {
        [Some(record), Some(other)] => {
            RecordEntry::Row(ReadableRow { record, other: Some((Box::new(other), reason)) })
        }
        _ => odd(at, reason, error),
    }
}

fn record(at: RowPosition, text: String, keep: bool) -> Result<Record, serde_json::Error> {
    let value = parse(&text)?;
    Ok(row(at, value, text, keep))
}

/// Of long rows the text is kept only where it is asked for: it is as long again.
fn row(at: RowPosition, value: Value, text: String, keep: bool) -> Record {
    let text = (keep || text.len() <= 16 << 20).then_some(text);
    Record { line: at.line, row: at.row, value, text }
}

fn reason(e: &serde_json::Error) -> DropReason {
    let message = e.to_string();
    match message.starts_with("recursion limit") || message.starts_with(TOO_MANY) {
        true => DropReason::TooComplex,
        false => DropReason::InvalidJson,
    }
}

/// `bytes` with `other` in place of those that are no text.
pub(super) fn replaced(bytes: &[u8], other: char) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(other);
        }
    }
    text
}

/// What serde says of a text that starts at this line and column. Only its rule
/// is told: no text of the row.
pub(super) fn json_error(input: &TextBytes, at: RowPosition, e: &serde_json::Error) -> DataError {
    let message = e.to_string();
    let rule = message.split(" at line ").next().unwrap_or_default();
    let column = if e.line() <= 1 { at.column - 1 + e.column() } else { e.column() };
    let line = at.line + e.line().saturating_sub(1);
    let quotes = match rule {
        "key must be a string" => " (JSON has double quotes; Python's repr writes single ones)",
        _ => "",
    };
    input.syntax(line, format!("not valid JSON (column {column}): {rule}{quotes}"))
}

const TOO_MANY: &str = "more values than a row may have";

/// Parses one value of at most [`MAX_VALUES`].
pub(super) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = Bounded(&Cell::new(MAX_VALUES)).deserialize(&mut parser)?;
    parser.end()?;
    Ok(value)
}

/// Builds a value, and counts down.
#[derive(Clone, Copy)]
struct Bounded<'a>(&'a Cell<usize>);

impl Bounded<'_> {
    fn spend<E: serde::de::Error>(self) -> Result<(), E> {
        match self.0.get().checked_sub(1) {
            Some(left) => self.0.set(left),
            None => return Err(E::custom(TOO_MANY)),
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.spend()?;
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, x: bool) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_i64<E>(self, x: i64) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_u64<E>(self, x: u64) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_f64<E>(self, x: f64) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_str<E>(self, x: &str) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_string<E>(self, x: String) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            map.insert(key, entries.next_value_seed(self)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_row_has_a_bounded_number_of_values() {
        let list = |n: usize| format!("[{}0]", "0,".repeat(n - 1));
        assert!(parse(&list(MAX_VALUES - 1)).is_ok());
        let e = parse(&list(MAX_VALUES)).unwrap_err();
        assert_eq!(reason(&e), DropReason::TooComplex);
    }

    proptest! {
        #[test]
        fn values_are_those_of_serde(text in "[\\[\\]{}:,\" a-c0-9.e\\\\-]{0,24}") {
            let (own, serde) = (parse(&text).ok(), serde_json::from_str::<Value>(&text).ok());
            prop_assert_eq!(own, serde);
        }
    }
}
