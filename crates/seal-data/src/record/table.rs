//! Rows as a table: CSV and TSV.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Record;
use crate::DataError;
use crate::input::Input;

/// Column names that mark the first line of a one-column file as a header.
const HEADERS: [&str; 5] = ["prompt", "question", "instruction", "goal", "text"];

/// Rows of a table. One column: prompts, with a header only where the first
/// cell is one of [`HEADERS`]. Several columns: the first line names the fields.
///
/// Cells may be quoted as in RFC 4180 and then hold line ends; blank lines are
/// passed over. Read here and not by a library, since the line on which a row
/// starts is needed, and a quote that is never closed must not swallow the rest
/// of the file.
pub(super) struct Table {
    input: Input,
    between: u8,
    started: bool,
    names: Option<Vec<String>>,
    columns: usize,
    row: usize,
}

impl Table {
    pub fn new(input: Input, between: u8) -> Self {
        Self { input, between, started: false, names: None, columns: 0, row: 0 }
    }

    /// The cells of the next row and the line on which it starts.
    fn cells(&mut self) -> Result<Option<(usize, Vec<String>)>, DataError> {
        while matches!(self.input.peek()?, Some(b'\r' | b'\n')) {
            self.input.next()?;
        }
        let line = self.input.line;
        if self.input.peek()?.is_none() {
            return Ok(None);
        }
        let (mut cells, mut cell, mut bytes) = (Vec::new(), Vec::new(), 0);
        // The line of the quote that is open, and whether a cell has begun.
        let (mut open, mut begun, mut cell_line) = (None, false, line);
        loop {
            let byte = self.input.next()?;
            bytes += 1;
            self.input.check(line, bytes)?;
            match (byte, open) {
                (None, Some(line)) => {
                    let reason = "a quote is opened here and not closed by the end of the file";
                    return Err(self.input.syntax(line, reason));
                }
                (Some(b'"'), Some(_)) if self.input.peek()? == Some(b'"') => {
                    self.input.next()?;
                    cell.push(b'"');
                }
                (Some(b'"'), Some(_)) => open = None,
                (Some(b'"'), None) if !begun => (open, begun) = (Some(self.input.line), true),
                (Some(byte), None) if byte == self.between => {
                    cells.push(self.input.text(cell_line, std::mem::take(&mut cell))?);
                    (begun, cell_line) = (false, self.input.line);
                }
                (None | Some(b'\r' | b'\n'), None) => {
                    cells.push(self.input.text(cell_line, cell)?);
                    return Ok(Some((line, cells)));
                }
                (Some(byte), _) => {
                    cell.push(byte);
                    begun = true;
                }
            }
        }
    }

    fn header(&mut self, line: usize, cells: &[String]) -> Result<bool, DataError> {
        if cells[0].starts_with("{\"") || cells[0].starts_with("[{") {
            let reason = "this is JSON and no table; name the file .json or .jsonl";
            return Err(self.input.syntax(line, reason));
        }
        self.columns = cells.len();
        let names: Vec<String> = cells.iter().map(|c| c.trim().to_owned()).collect();
        if let [only] = names.as_slice()
            && !HEADERS.contains(&only.to_lowercase().as_str())
        {
            return Ok(false);
        }
        let mut seen = BTreeSet::new();
        for (i, name) in names.iter().enumerate() {
            if !name.is_empty() && !seen.insert(name.to_lowercase()) {
                let reason = format!("column {} has the name of an earlier one", i + 1);
                return Err(self.input.syntax(line, reason));
            }
        }
        self.names = Some(names);
        Ok(true)
    }

    fn read(&mut self) -> Result<Option<Record>, DataError> {
        loop {
            let Some((line, cells)) = self.cells()? else { return Ok(None) };
            if !std::mem::replace(&mut self.started, true) && self.header(line, &cells)? {
                continue;
            }
            if cells.len() != self.columns {
                let (found, expected) = (cells.len(), self.columns);
                let reason = format!("{found} columns, the first line has {expected}");
                return Err(self.input.syntax(line, reason));
            }
            self.row += 1;
            let value = match &self.names {
                Some(names) => {
                    let cells = cells.into_iter().map(Value::String);
                    Value::Object(names.iter().cloned().zip(cells).collect::<Map<_, _>>())
                }
                None => cells.into_iter().next().map(Value::String).unwrap_or_default(),
            };
            return Ok(Some(Record { line, row: self.row, value, text: None }));
        }
    }
}

impl Iterator for Table {
    type Item = Result<Record, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
