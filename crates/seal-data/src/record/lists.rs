//! A file of one object whose fields are lists, one for each column.

use std::path::Path;

use serde_json::{Map, Value};

use super::shape::is_known;
use super::{Record, RecordEntry};
use crate::DataError;

/// Names of the lists of prompts that some tests come as, and of the fields they are read as.
const PROMPT_LISTS: [(&str, &str); 3] =
    [("instructions", "instruction"), ("inputs", "input"), ("tags", "category")];

/// The values of a column: a list, or an object by row numbers, as pandas writes
/// them.
fn column(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(items) => Some(items.iter().collect()),
        Value::Object(map) if !map.is_empty() => {
            let numbered = map.iter().map(|(key, value)| Some((key.parse::<u64>().ok()?, value)));
            let mut numbered = numbered.collect::<Option<Vec<_>>>()?;
            numbered.sort_by_key(|(number, _)| *number);
            Some(numbered.into_iter().map(|(_, value)| value).collect())
        }
        _ => None,
    }
}

/// Whether a record, the only one of its file, is an object of columns and no row:
/// a field that holds a text in a row holds a list of texts, or all fields are
/// columns, one of them of texts. `names` are fields of rows, beside the usual ones.
pub(super) fn is_columns(record: &Record, names: &[String]) -> bool {
    let Value::Object(map) = &record.value else { return false };
    let is_texts = |value: &Value| {
        column(value).is_some_and(|items| {
            items.iter().any(|v| v.is_string())
                && items.iter().all(|v| v.is_string() || v.is_null())
        })
    };
    // A list of turns is no column; a list of lists of turns is one.
    let is_dialogues = |value: &Value| {
        column(value).is_some_and(|items| {
            !items.is_empty()
                && items
                    .iter()
                    .all(|v| v.as_array().is_some_and(|l| l.iter().all(Value::is_object)))
        })
    };
    let known = |key: &str| is_known(key, names) || key == "instructions";
    let holds_turns = |key: &str| {
        ["messages", "conversations", "conversation"].iter().any(|k| k.eq_ignore_ascii_case(key))
    };
    let is_column = |(key, value): (&String, &Value)| match holds_turns(key) {
        true => is_dialogues(value),
        false => is_texts(value),
    };
    let by_name = map.iter().any(|field| known(field.0) && is_column(field));
    let is_row = map.iter().any(|(key, v)| known(key) && v.is_string());
    let all = map.values().all(|v| column(v).is_some()) && map.iter().any(is_column);
    !is_row && (by_name || all)
}

/// One record for each place of the columns. Fields that are no column tell of
/// the file and not of a row, and empty columns tell nothing.
///
/// # Errors
/// Columns of different lengths.
pub(super) fn rows(path: &Path, record: &Record) -> Result<Vec<RecordEntry>, DataError> {
    let Record { line, value, .. } = record;
    let map = value.as_object().into_iter().flatten();
    let is_prompts = value.get("instructions").is_some_and(Value::is_array);
    let name = |key: &str| {
        let known = PROMPT_LISTS.iter().find(|(list, _)| is_prompts && *list == key);
        known.map_or_else(|| key.to_owned(), |(_, field)| (*field).to_owned())
    };
    let columns: Vec<(&String, Vec<&Value>)> = map
        .filter_map(|(key, value)| Some((key, column(value)?)))
        .filter(|(_, items)| !items.is_empty())
        .collect();
    let Some(length) = columns.iter().map(|(_, items)| items.len()).max() else {
        return Ok(Vec::new());
    };
    if let Some((key, items)) = columns.iter().find(|(_, items)| items.len() < length) {
        let field = if crate::fields::is_name(key) { key.as_str() } else { "of another name" };
        return Err(DataError::Field {
            path: path.to_owned(),
            line: *line,
            row: 1,
            field: format!("field `{field}`"),
            found: "a list of another length",
            expected: format!(
                "{length} values, as many as the longest list has, not {}",
                items.len()
            ),
        });
    }
    let row_of = |i: usize| {
        let fields = columns.iter().map(|(key, items)| (name(key), items[i].clone()));
        let value = Value::Object(fields.collect::<Map<_, _>>());
        Record { line: *line, row: i + 1, value, text: None }.into()
    };
    Ok((0..length).map(row_of).collect())
}
