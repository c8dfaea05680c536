//! From text to records: one JSON value per row, with its place in the file.

use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::DataError;
use crate::file::{Container, read_text};

/// One row of a file before its layout is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// Line on which it starts, from 1.
    pub line: usize,
    /// Its number in the file, from 1.
    pub row: usize,
    /// An object, or a string in a plain list of prompts.
    pub value: Value,
}

/// Column names that mark the first line of a one-column CSV file as a header.
const HEADERS: [&str; 5] = ["prompt", "question", "instruction", "goal", "text"];

/// All records of `path`, in file order.
pub(crate) fn read_records(path: &Path) -> Result<Vec<Record>, DataError> {
    let container = Container::of(path)?;
    parse_records(path, container, &read_text(path)?)
}

/// `path` is for messages only.
pub(crate) fn parse_records(
    path: &Path,
    container: Container,
    text: &str,
) -> Result<Vec<Record>, DataError> {
    match container {
        Container::JsonLines => json_lines(path, text),
        Container::Json => json(path, text),
        Container::Csv => csv_rows(path, text),
    }
}

fn json_error(path: &Path, first_line: usize, e: &serde_json::Error) -> DataError {
    // The line is ours: the parser counts from the start of what it was given.
    let message = e.to_string();
    let rule = message.split(" at line ").next().unwrap_or_default().to_owned();
    let line = first_line + e.line().saturating_sub(1);
    DataError::Syntax {
        path: path.to_owned(),
        line,
        reason: format!("not valid JSON (column {}): {rule}", e.column()),
    }
}

fn json_lines(path: &Path, text: &str) -> Result<Vec<Record>, DataError> {
    let mut records = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let value = serde_json::from_str(line).map_err(|e| json_error(path, i + 1, &e))?;
        records.push(Record { line: i + 1, row: records.len() + 1, value });
    }
    Ok(records)
}

/// An array of rows; or one object; or, as is common under this extension,
/// several objects one after the other.
fn json(path: &Path, text: &str) -> Result<Vec<Record>, DataError> {
    let whole = |e: serde_json::Error| json_error(path, 1, &e);
    let raw: Vec<&RawValue> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(whole)?
    } else {
        let stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
        stream.collect::<Result<_, _>>().map_err(whole)?
    };
    let (mut line, mut seen) = (1, 0);
    let mut records = Vec::with_capacity(raw.len());
    for (i, raw) in raw.into_iter().enumerate() {
        // A raw value borrows from `text`, so its address tells its offset.
        let offset = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        line += text.as_bytes()[seen..offset].iter().filter(|b| **b == b'\n').count();
        seen = offset;
        let value = serde_json::from_str(raw.get()).map_err(|e| json_error(path, line, &e))?;
        records.push(Record { line, row: i + 1, value });
    }
    match records.as_mut_slice() {
        [only] if only.value.get("instructions").is_some_and(Value::is_array) => {
            let Record { line, value, .. } = only.clone();
            prompt_lists(path, line, value)
        }
        _ => Ok(records),
    }
}

/// `{"instructions": [...], "inputs": [...], "tags": [...]}`, where the last
/// two are absent, empty, or as long as the first: one record a prompt.
fn prompt_lists(path: &Path, line: usize, value: Value) -> Result<Vec<Record>, DataError> {
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
                line,
                row: 1,
                field: format!("field `{name}`"),
                found: "an array of another length",
                expected: format!("{} values, as many as `instructions`, or none", prompts.len()),
            });
        }
    }
    let row_of = |i: usize| {
        let fields = columns.iter().filter_map(|(k, v)| Some(((*k).to_owned(), v.get(i)?.clone())));
        Record { line, row: i + 1, value: Value::Object(fields.collect::<Map<_, _>>()) }
    };
    Ok((0..prompts.len()).map(row_of).collect())
}

/// One column: prompts, with a header only where the first cell is one of
/// [`HEADERS`]. Several columns: the first line names the fields.
fn csv_rows(path: &Path, text: &str) -> Result<Vec<Record>, DataError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let mut header: Option<Vec<String>> = None;
    let mut records = Vec::new();
    for (i, cells) in reader.records().enumerate() {
        let cells = cells.map_err(|e| csv_error(path, text, &e))?;
        if i == 0 {
            let first = cells.get(0).unwrap_or_default().trim().to_lowercase();
            if cells.len() > 1 || HEADERS.contains(&first.as_str()) {
                header = Some(cells.iter().map(|c| c.trim().to_lowercase()).collect());
                continue;
            }
        }
        let value = match &header {
            Some(names) => {
                Value::Object(names.iter().cloned().zip(cells.iter().map(Value::from)).collect())
            }
            None => Value::from(cells.get(0).unwrap_or_default()),
        };
        let line = csv_line(text, cells.position());
        records.push(Record { line, row: records.len() + 1, value });
    }
    Ok(records)
}

/// Line of a position, from 1. The reader's own count is one behind after
/// `\r\n`, where it takes the `\n` for the start of the next record.
fn csv_line(text: &str, position: Option<&csv::Position>) -> usize {
    let Some(position) = position else { return 1 };
    let after = &text[position.byte() as usize..];
    let blank = after.len() - after.trim_start_matches(['\r', '\n']).len();
    let newlines = |t: &str| t.bytes().filter(|b| *b == b'\n').count();
    position.line() as usize + newlines(&after[..blank])
}

fn csv_error(path: &Path, text: &str, e: &csv::Error) -> DataError {
    let reason = match e.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns, the first line has {expected_len}")
        }
        _ => "not valid CSV".to_owned(),
    };
    DataError::Syntax { path: path.to_owned(), line: csv_line(text, e.position()), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(container: Container, text: &str) -> Result<Vec<Record>, String> {
        parse_records(Path::new("f"), container, text).map_err(|e| e.to_string())
    }

    fn places(records: &[Record]) -> Vec<(usize, usize)> {
        records.iter().map(|r| (r.line, r.row)).collect()
    }

    #[test]
    fn records_know_their_line_and_number() {
        let array = parse(Container::Json, "[\n {\"a\": 1},\n\n {\"a\":\n 2}, \"x\"]").unwrap();
        assert_eq!(places(&array), [(2, 1), (4, 2), (5, 3)]);
        let lines = parse(Container::JsonLines, "{\"a\": 1}\r\n\r\n{\"a\": 2}\r\n").unwrap();
        assert_eq!(places(&lines), [(1, 1), (3, 2)]);
        let objects = parse(Container::Json, "{\"a\": 1}\n{\"a\": 2}\n").unwrap();
        assert_eq!(places(&objects), [(1, 1), (2, 2)]);
    }

    #[test]
    fn csv_has_a_header_where_it_needs_one() {
        let plain = parse(Container::Csv, "one\r\n\"two, three\"\r\n").unwrap();
        assert_eq!(plain[1].value, Value::from("two, three"));
        assert_eq!(places(&plain), [(1, 1), (2, 2)]);
        let goals = parse(Container::Csv, "goal\none\n").unwrap();
        assert_eq!(goals[0].value["goal"], "one");
        let table = parse(Container::Csv, "Prompt,Response\np,r\n").unwrap();
        assert_eq!(table[0].value["response"], "r");
        insta::assert_snapshot!(
            parse(Container::Csv, "a,b\nsecret\n").unwrap_err(),
            @"f, line 2: 1 columns, the first line has 2"
        );
    }

    #[test]
    fn lists_of_prompts_become_rows() {
        let text = r#"{"instructions": ["a", "b"], "tags": ["x", "y"], "inputs": []}"#;
        let rows = parse(Container::Json, text).unwrap();
        assert_eq!(rows[1].value, serde_json::json!({"instruction": "b", "category": "y"}));
        insta::assert_snapshot!(
            parse(Container::Json, r#"{"instructions": ["a", "b"], "tags": ["x"]}"#).unwrap_err(),
            @"f, line 1, row 1: field `tags`: found an array of another length, expected 2 values, as many as `instructions`, or none"
        );
    }

    #[test]
    fn a_syntax_error_names_its_line_and_shows_no_text() {
        let texts = [
            (Container::JsonLines, "{\"prompt\": \"fine\"}\n{\"prompt\": \"secret\" \"x\"}\n"),
            (Container::Json, "[\n{\"prompt\": \"secret\"},\n{\"prompt\": secret}\n]"),
            (Container::Json, "[\n\"\\ud800 secret\"]"),
        ];
        let shown: Vec<String> = texts.iter().map(|(c, t)| parse(*c, t).unwrap_err()).collect();
        assert!(shown.iter().all(|m| !m.contains("secret")), "{shown:?}");
        insta::assert_snapshot!(shown.join("\n"), @r"
        f, line 2: not valid JSON (column 21): expected `,` or `}`
        f, line 3: not valid JSON (column 12): expected value
        f, line 2: not valid JSON (column 8): unexpected end of hex escape
        ");
    }
}
