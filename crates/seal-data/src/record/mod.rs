//! From bytes to records: one JSON value per row, with its place in the file.

mod delimiter;
mod entry;
mod lines;
mod lists;
mod mend;
#[cfg(feature = "parquet")]
mod parquet;
mod parse;
mod shape;
mod table;
mod values;

use std::path::Path;

use serde_json::Value;

use crate::file::{Container, RowSyntax, container_of, refuse_folder};
use crate::input::TextBytes;
use crate::{DataError, Format, Source};
pub(crate) use entry::{NonRow, ReadableRow, Record, RecordEntry};
use lines::JsonLines;
use table::TableRows;
use values::JsonValues;

/// Entries in file order, read one by one; nothing follows an error.
pub(crate) type Records = Box<dyn Iterator<Item = Result<RecordEntry, DataError>>>;

/// How a file is read, beside what its name says.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadOptions {
    /// What stands between the cells of a table.
    pub delimiter: Option<u8>,
    /// Whether a table of one column has no header.
    pub is_prompts: bool,
    /// Fields that rows have, beside the usual ones.
    pub names: Vec<String>,
    /// Whether long records have their text with them too.
    pub keep_text: bool,
}

impl ReadOptions {
    /// As `source` says.
    pub fn of(source: &Source) -> Self {
        let label = source.unsafe_field.iter().cloned();
        Self {
            delimiter: source.delimiter.map(|delimiter| delimiter.byte()),
            is_prompts: source.format == Some(Format::Instructions),
            names: source.columns.named().map(str::to_owned).chain(label).collect(),
            keep_text: false,
        }
    }
}

/// What stands in `path`.
pub(crate) fn open_records(path: &Path, reading: &ReadOptions) -> Result<Records, DataError> {
    refuse_folder(path)?;
    match container_of(path)? {
        Container::Text(rows, packing) => {
            parse_records(rows, TextBytes::open(path, packing)?, reading)
        }
        Container::Parquet => open_parquet(path),
    }
}

#[cfg(feature = "parquet")]
fn open_parquet(path: &Path) -> Result<Records, DataError> {
    Ok(Box::new(until_error(parquet::Parquet::open(path)?)))
}

#[cfg(not(feature = "parquet"))]
fn open_parquet(path: &Path) -> Result<Records, DataError> {
    crate::file::open_parquet(path)?;
    Err(DataError::NoParquet { path: path.to_owned() })
}

/// About the bytes of a value's texts.
pub(crate) fn size(value: &Value) -> usize {
    use Value::{Array, Object, String};
    match value {
        String(text) => text.len(),
        Array(items) => items.iter().map(size).sum(),
        Object(map) => map.iter().map(|(name, value)| name.len() + size(value)).sum(),
        _ => 8,
    }
}

/// What stands in a text.
pub(crate) fn parse_records(
    named: RowSyntax,
    mut input: TextBytes,
    reading: &ReadOptions,
) -> Result<Records, DataError> {
    let keep_text = reading.keep_text;
    let rows = shape::shape(named, input.head()?);
    if rows != named {
        tracing::info!(file = %input.path().display(), ?rows, "its JSON stands otherwise than its name says");
    }
    Ok(match rows {
        RowSyntax::Lines => Box::new(until_error(JsonLines::new(input, keep_text))),
        RowSyntax::Table(between) => {
            let table = TableRows::new(input, between, reading)?;
            Box::new(until_error(table))
        }
        RowSyntax::Json => {
            let path = input.path().to_owned();
            let names = reading.names.clone();
            let mut values = until_error(JsonValues::new(input, names.clone(), keep_text));
            let first: Vec<_> = values.by_ref().take(1).collect();
            match first.as_slice() {
                [Ok(RecordEntry::Row(ReadableRow { record: only, .. }))]
                    if lists::is_columns(only, &names) =>
                {
                    // Only a file of this one object is a file of columns.
                    let second: Vec<_> = values.by_ref().take(1).collect();
                    if second.is_empty() {
                        return Ok(Box::new(lists::rows(&path, only)?.into_iter().map(Ok)));
                    }
                    Box::new(first.into_iter().chain(second).chain(values))
                }
                _ => Box::new(first.into_iter().chain(values)),
            }
        }
    })
}

/// The items up to the first error, which ends them.
fn until_error(
    records: impl Iterator<Item = Result<RecordEntry, DataError>>,
) -> impl Iterator<Item = Result<RecordEntry, DataError>> {
    let mut failed = false;
    records.take_while(move |record| !std::mem::replace(&mut failed, record.is_err()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataError::RowTooLong;
    use crate::file::Packing;

    const CSV: RowSyntax = RowSyntax::Table(b',');

    fn limited(container: RowSyntax, text: &str, limit: usize) -> Result<Vec<Record>, DataError> {
        let source = Box::new(std::io::Cursor::new(text.to_owned()));
        let input = TextBytes::new(Path::new("f"), Packing::Plain, source, limit)?;
        let reading = ReadOptions { is_prompts: true, ..ReadOptions::default() };
        let entries = parse_records(container, input, &reading)?;
        entries
            .map(|entry| match entry? {
                RecordEntry::Row(reads) => Ok(reads.record),
                RecordEntry::Odd(NonRow { error, .. }) => Err(error),
            })
            .collect()
    }

    fn parse(container: RowSyntax, text: &str) -> Result<Vec<Record>, DataError> {
        limited(container, text, 1 << 20)
    }

    fn places(records: &[Record]) -> Vec<(usize, usize)> {
        records.iter().map(|r| (r.line, r.row)).collect()
    }

    #[test]
    fn records_know_their_line_and_number() {
        let array = parse(RowSyntax::Json, "[\n {\"a\": 1},\n\n {\"a\":\n 2}, \"x\"]").unwrap();
        assert_eq!(places(&array), [(2, 1), (4, 2), (5, 3)]);
        let lines = parse(RowSyntax::Lines, "{\"a\": 1}\r\n\r\n{\"a\": 2}\r\n").unwrap();
        assert_eq!(places(&lines), [(1, 1), (3, 2)]);
        let objects = parse(RowSyntax::Json, "{\"a\": 1}\n{\"a\": 2}\n").unwrap();
        assert_eq!(places(&objects), [(1, 1), (2, 2)]);
    }

    #[test]
    fn csv_has_a_header_where_it_needs_one() {
        let plain = parse(CSV, "one by one\r\n\"two, three\"\r\n").unwrap();
        assert_eq!(plain[1].value, Value::from("two, three"));
        assert_eq!(places(&plain), [(1, 1), (2, 2)]);
        let goals = parse(CSV, "goal\none\n").unwrap();
        assert_eq!(goals[0].value["goal"], "one");
        let table = parse(CSV, "Prompt,Response\np,r\n").unwrap();
        assert_eq!(table[0].value["Response"], "r");
        insta::assert_snapshot!(
            parse(CSV, "a,b\nsecret\n").unwrap_err(),
            @"f, line 2: 1 columns, the first line has 2"
        );
    }

    #[test]
    fn lists_of_prompts_become_rows() {
        let text = r#"{"instructions": ["a", "b"], "tags": ["x", "y"], "inputs": []}"#;
        let rows = parse(RowSyntax::Json, text).unwrap();
        assert_eq!(rows[1].value, serde_json::json!({"instruction": "b", "category": "y"}));
        insta::assert_snapshot!(
            parse(RowSyntax::Json, r#"{"instructions": ["a", "b"], "tags": ["x"]}"#).unwrap_err(),
            @"f, line 1, row 1: field `tags`: found a list of another length, expected 2 values, as many as the longest list has, not 1"
        );
    }

    #[test]
    fn a_syntax_error_names_its_line_and_shows_no_text() {
        let texts = [
            (RowSyntax::Lines, "{\"prompt\": \"fine\"}\n{\"prompt\": \"secret\" \"x\"}\n"),
            (RowSyntax::Json, "[\n{\"prompt\": \"secret\"},\n{\"prompt\": secret}\n]"),
            (RowSyntax::Json, "[\n\"\\x secret\"]"),
        ];
        let shown: Vec<String> =
            texts.iter().map(|(c, t)| parse(*c, t).unwrap_err().to_string()).collect();
        assert!(shown.iter().all(|m| !m.contains("secret")), "{shown:?}");
        insta::assert_snapshot!(shown.join("\n"), @r"
        f, line 2: not valid JSON (column 21): expected `,` or `}`
        f, line 3: not valid JSON (column 12): expected value
        f, line 2: not valid JSON (column 3): invalid escape
        ");
    }

    #[test]
    fn a_row_that_is_too_long_is_refused_where_it_starts() {
        let long = format!("\"{}\"", "a".repeat(30));
        let texts = [
            (RowSyntax::Lines, format!("\"a\"\n{long}\n")),
            (RowSyntax::Json, format!("[\"a\",\n{long}]")),
            (RowSyntax::Json, format!("\"a\"\n{}", "[".repeat(40))),
            (CSV, format!("a\n{long}\n")),
            // A quote that is never closed does not read the file to its end.
            (CSV, format!("a\n\"{}", "b\n".repeat(20))),
        ];
        for (rows, text) in texts {
            let error = limited(rows, &text, 31).unwrap_err();
            let RowTooLong { line: 2, limit: 31, .. } = error else { panic!("{rows:?}: {error}") };
            assert!(limited(rows, "\"a\"\n\"b\"", 31).is_ok());
        }
        assert!(limited(RowSyntax::Lines, &long, 32).is_ok());
    }

    #[test]
    fn what_is_no_row_stops_no_other_row_and_nothing_follows_an_error() {
        let files = [
            (RowSyntax::Lines, "{}\n{\n{}\n", "row odd row"),
            (RowSyntax::Json, "[{}, x, {}]", "row odd row"),
            (RowSyntax::Json, "[{}, {\"a\" 1}, {}}, {}", "row odd row odd row error"),
            (RowSyntax::Json, "[{}] x {}", "row odd"),
            (CSV, "a,b\n1,2\n3\n\"4", "row odd error"),
        ];
        for (rows, text, expected) in files {
            let source = Box::new(std::io::Cursor::new(text));
            let input = TextBytes::new(Path::new("f"), Packing::Plain, source, 99).unwrap();
            let read = parse_records(rows, input, &ReadOptions::default()).unwrap();
            let read: Vec<&str> = read
                .map(|entry| match entry {
                    Ok(RecordEntry::Row(_)) => "row",
                    Ok(_) => "odd",
                    Err(_) => "error",
                })
                .collect();
            assert_eq!(read.join(" "), expected, "{text}");
        }
    }
}
