//! Rows as JSON: one a line, or in an array.

use std::path::Path;

use serde_json::{Map, Value};

use super::Record;
use crate::DataError;
use crate::input::Input;

/// What serde says of a text that starts at this line and column. Only its rule
/// is told: no text of the row.
fn json_error(input: &Input, line: usize, column: usize, e: &serde_json::Error) -> DataError {
    let message = e.to_string();
    let rule = message.split(" at line ").next().unwrap_or_default();
    let column = if e.line() <= 1 { column - 1 + e.column() } else { e.column() };
    let line = line + e.line().saturating_sub(1);
    input.syntax(line, format!("not valid JSON (column {column}): {rule}"))
}

/// One row a line; blank lines are passed over.
pub(super) struct JsonLines {
    input: Input,
    row: usize,
}

impl JsonLines {
    pub fn new(input: Input) -> Self {
        Self { input, row: 0 }
    }

    fn read(&mut self) -> Result<Option<Record>, DataError> {
        loop {
            let line = self.input.line;
            let Some(bytes) = self.input.next_line()? else { return Ok(None) };
            let text = self.input.text(line, bytes)?;
            if text.trim().is_empty() {
                continue;
            }
            let value = serde_json::from_str(&text).map_err(|e| {
                // The first line of an array or of an object over several lines.
                if self.row == 0 && (e.is_eof() || text.trim_start().starts_with('[')) {
                    let hint = "a .jsonl file has one row a line; an array, or rows over several \
                                lines, are a .json file";
                    return self.input.syntax(line, format!("not valid JSON: {hint}"));
                }
                json_error(&self.input, line, 1, &e)
            })?;
            self.row += 1;
            return Ok(Some(Record { line, row: self.row, value, text: Some(text) }));
        }
    }
}

impl Iterator for JsonLines {
    type Item = Result<Record, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// An array of rows; or one object; or, as is common under the extension
/// `.json`, several objects one after the other.
///
/// The text is cut into its values here and each is parsed by itself, so that
/// no more than one is held.
pub(super) struct JsonValues {
    input: Input,
    row: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// Values follow each other.
    Stream,
    /// After `[`: a value or `]`.
    Open,
    /// After a comma: a value.
    Comma,
    /// After a value of the array.
    Value,
    End,
}

impl JsonValues {
    pub fn new(input: Input) -> Self {
        Self { input, row: 0, state: State::Start }
    }

    fn skip_blank(&mut self) -> Result<Option<u8>, DataError> {
        while let Some(byte) = self.input.peek()? {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Ok(Some(byte));
            }
            self.input.next()?;
        }
        Ok(None)
    }

    fn unexpected(&self, rule: &str) -> DataError {
        let Input { line, column, .. } = &self.input;
        self.input.syntax(*line, format!("not valid JSON (column {column}): {rule}"))
    }

    fn read(&mut self) -> Result<Option<Record>, DataError> {
        loop {
            let next = self.skip_blank()?;
            self.state = match (self.state, next) {
                (State::Start, Some(b'[')) => State::Open,
                (State::Start, _) => State::Stream,
                (State::Stream | State::End, None) => return Ok(None),
                (State::End, Some(_)) => return Err(self.unexpected("trailing characters")),
                (_, None) => return Err(self.unexpected("EOF while parsing a list")),
                (State::Open | State::Value, Some(b']')) => State::End,
                (State::Comma, Some(b']')) => return Err(self.unexpected("trailing comma")),
                (State::Value, Some(b',')) => State::Comma,
                (State::Value, Some(_)) => return Err(self.unexpected("expected `,` or `]`")),
                (state @ (State::Stream | State::Open | State::Comma), Some(_)) => {
                    let record = self.value()?;
                    self.state = if state == State::Stream { state } else { State::Value };
                    return Ok(Some(record));
                }
            };
            if self.state != State::Stream {
                self.input.next()?;
            }
        }
    }

    /// The value that starts at the next byte.
    fn value(&mut self) -> Result<Record, DataError> {
        let (line, column) = (self.input.line, self.input.column);
        let mut bytes = Vec::new();
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        while let Some(byte) = self.input.peek()? {
            let blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
            if !quoted && depth == 0 && !bytes.is_empty() && (blank || b",[]{}:\"".contains(&byte))
            {
                break;
            }
            self.input.next()?;
            bytes.push(byte);
            self.input.check(line, bytes.len())?;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'[' | b'{' if !quoted => depth += 1,
                b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
                _ => continue,
            }
            // The end of a string, an array or an object is the end of the value.
            if depth == 0 && !quoted && matches!(byte, b'"' | b']' | b'}') {
                break;
            }
        }
        let text = self.input.text(line, bytes)?;
        let value =
            serde_json::from_str(&text).map_err(|e| json_error(&self.input, line, column, &e))?;
        self.row += 1;
        Ok(Record { line, row: self.row, value, text: Some(text) })
    }
}

impl Iterator for JsonValues {
    type Item = Result<Record, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Whether a record is one object of lists, see [`prompt_lists`].
pub(super) fn is_lists(record: &Record) -> bool {
    record.value.get("instructions").is_some_and(Value::is_array)
}

/// `{"instructions": [...], "inputs": [...], "tags": [...]}`, where the last
/// two are absent, empty, or as long as the first: one record a prompt.
pub(super) fn prompt_lists(path: &Path, record: &Record) -> Result<Vec<Record>, DataError> {
    let Record { line, value, .. } = record;
    let list = |name: &str| match value.get(name) {
        Some(Value::Array(items)) => items.as_slice(),
        _ => &[],
    };
    let prompts = list("instructions");
    let columns = [("instruction", prompts), ("input", list("inputs")), ("category", list("tags"))];
    for (name, items) in [("inputs", columns[1].1), ("tags", columns[2].1)] {
        if !items.is_empty() && items.len() != prompts.len() {
            return Err(DataError::Field {
                path: path.to_owned(),
                line: *line,
                row: 1,
                field: format!("field `{name}`"),
                found: "an array of another length",
                expected: format!("{} values, as many as `instructions`, or none", prompts.len()),
            });
        }
    }
    let row_of = |i: usize| {
        let fields = columns.iter().filter_map(|(k, v)| Some(((*k).to_owned(), v.get(i)?.clone())));
        let value = Value::Object(fields.collect::<Map<_, _>>());
        Record { line: *line, row: i + 1, value, text: None }
    };
    Ok((0..prompts.len()).map(row_of).collect())
}
