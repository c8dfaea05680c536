//! Lists of rows, read so that one odd row does not cost the others.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;
use serde_json::{Map, Value};

use super::fields::kind_of;
use super::nan::without_bare_words;
use super::{FormatError, OddReason, OddRow};
use crate::JudgeError;

/// The rows of a file, and those that could not be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// Number of a row in the file, from 1, and the row.
    pub rows: Vec<(usize, T)>,
    /// Rows that could not be used, in the order of the file.
    pub odd: Vec<OddRow>,
}

impl<T> Listed<T> {
    /// Moves rows to the odd ones whose key an earlier row has.
    pub(super) fn without_repeats<K: Ord>(mut self, key: impl Fn(&T) -> K) -> Self {
        let mut first = BTreeMap::new();
        let mut kept = Vec::with_capacity(self.rows.len());
        for (number, row) in self.rows {
            match first.entry(key(&row)) {
                Entry::Occupied(earlier) => {
                    let reason = OddReason::Repeats { first: *earlier.get() };
                    self.odd.push(OddRow { number, reason });
                }
                Entry::Vacant(free) => {
                    free.insert(number);
                    kept.push((number, row));
                }
            }
        }
        self.odd.sort_by_key(|odd| odd.number);
        Self { rows: kept, odd: self.odd }
    }
}

/// Reads a JSON list of objects, or one object a line.
pub(super) fn read<T>(
    text: &str,
    row: impl Fn(Map<String, Value>) -> Result<T, OddReason>,
) -> Result<Listed<T>, FormatError> {
    let text = without_bare_words(text.trim_start_matches('\u{feff}'));
    let values = values(&text)?;
    let mut listed = Listed { rows: Vec::with_capacity(values.len()), odd: Vec::new() };
    for (number, value) in values {
        let found = match value {
            None => Err(OddReason::NotJson),
            Some(Value::Object(fields)) => row(fields),
            Some(other) => Err(OddReason::NotAnObject { found: kind_of(&other) }),
        };
        match found {
            Ok(found) => listed.rows.push((number, found)),
            Err(reason) => listed.odd.push(OddRow { number, reason }),
        }
    }
    Ok(listed)
}

/// The values with their numbers; `None` for a line that is not JSON.
fn values(text: &str) -> Result<Vec<(usize, Option<Value>)>, FormatError> {
    if text.trim().is_empty() {
        return Err(FormatError::Empty);
    }
    let whole: Result<Value, serde_json::Error> = serde_json::from_str(text);
    let numbered = |values: Vec<Value>| {
        values.into_iter().enumerate().map(|(at, value)| (at + 1, Some(value))).collect()
    };
    let source = match whole {
        Ok(Value::Array(values)) => return Ok(numbered(values)),
        // One row on one line; an object on several is something else, such as a table by columns.
        Ok(value @ Value::Object(_)) if text.trim().lines().count() == 1 => {
            return Ok(numbered(vec![value]));
        }
        Ok(value) => return Err(FormatError::NotAList { found: kind_of(&value) }),
        Err(source) => source,
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let rows: Vec<_> =
        lines.map(|(at, line)| (at + 1, serde_json::from_str::<Value>(line).ok())).collect();
    // A file whose first line is no object is no file of lines.
    match rows.first() {
        Some((_, Some(Value::Object(_)))) => Ok(rows),
        _ => Err(FormatError::Json { source }),
    }
}

/// The rows as a JSON list, two spaces of indent, one newline at the end.
///
/// # Errors
/// [`JudgeError::Write`] if a value cannot be written as JSON.
pub fn to_list<'a, T: Serialize + 'a>(
    rows: impl IntoIterator<Item = &'a T>,
) -> Result<String, JudgeError> {
    let rows: Vec<&T> = rows.into_iter().collect();
    let text = serde_json::to_string_pretty(&rows).map_err(|source| {
        let index = rows.iter().position(|row| serde_json::to_string(row).is_err()).unwrap_or(0);
        JudgeError::Write { index, source }
    })?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::fields::text;

    fn names(file: &str) -> Result<Listed<String>, FormatError> {
        read(file, |mut fields| text(&mut fields, "name"))
    }

    #[test]
    fn lists_and_lines_are_read() {
        let wanted = vec![(1, "a".to_owned()), (2, "b".to_owned())];
        assert_eq!(names(r#"[{"name": "a"}, {"name": "b"}]"#).unwrap().rows, wanted);
        assert_eq!(names("\u{feff}{\"name\": \"a\"}\r\n{\"name\": \"b\"}\n").unwrap().rows, wanted);
        assert_eq!(names(r#"{"name": "a"}"#).unwrap().rows, wanted[..1]);
        assert_eq!(names("[]").unwrap(), Listed { rows: vec![], odd: vec![] });
    }

    #[test]
    fn odd_rows_keep_their_numbers() {
        let said = |file: &str| {
            let odd = names(file).unwrap().odd;
            odd.iter().map(|odd| format!("{}: {}\n", odd.number, odd.reason)).collect::<String>()
        };
        insta::assert_snapshot!(said(r#"[3, {"name": "a"}, {"title": "a"}, {"name": null}]"#), @r"
        1: is a number and no object
        3: has no `name`
        4: `name` is null and not a text
        ");
        insta::assert_snapshot!(said("{\"name\": \"a\"}\n\n{\"name\": \"b\n[]\n"), @r"
        3: is not JSON
        4: is a list and no object
        ");
    }

    #[test]
    fn a_file_that_is_no_list_is_refused() {
        let error = |file: &str| names(file).unwrap_err().to_string();
        insta::assert_snapshot!(error(" \n"), @"is empty; a list of objects is needed, or one object a line");
        insta::assert_snapshot!(error("{\n\"name\": [1]\n}"), @"is an object; a list of objects is needed, or one object a line");
        insta::assert_snapshot!(error("3"), @"is a number; a list of objects is needed, or one object a line");
        insta::assert_snapshot!(error("[{\"name\": \"a\"},\n{\"na"), @"is not JSON: EOF while parsing a string at line 2 column 4; a list of objects is needed, or one object a line");
    }
}
