//! Rows as a table: CSV and TSV.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Map, Value};

use super::mend::REPLACEMENTS;
use super::parse::{RowPosition, odd, replaced};
use super::shape::is_known;
use super::{ReadOptions, ReadableRow, Record, RecordEntry, delimiter};
use crate::fields::is_name;
use crate::input::{TextBytes, append};
use crate::{DataError, DropReason};

/// Column names that mark the first line of a one-column file as a header.
const HEADERS: [&str; 5] = ["prompt", "question", "instruction", "goal", "text"];

/// The most columns of a table: a name and a value are kept for each.
const MAX_COLUMNS: usize = 16 << 10;

/// Rows of a table. One column: prompts, with a header only where the first
/// cell is one of [`HEADERS`] or a column of the config. Several columns: the first
/// line names the fields.
///
/// Cells may be quoted as in RFC 4180 and then hold line ends; blank lines are
/// passed over. Read here and not by a library, since the line on which a row
/// starts is needed, and a quote that is never closed must not swallow the rest
/// of the file.
pub(super) struct TableRows {
    input: TextBytes,
    between: u8,
    /// Whether every line of one column is a prompt, for the config says so.
    is_prompts: bool,
    /// Names that the config gives to columns.
    known: Vec<String>,
    started: bool,
    names: Option<Vec<String>>,
    columns: usize,
    row: usize,
}

/// Cells of one row: their bytes, one behind the other.
struct RowCells {
    line: usize,
    bytes: Vec<u8>,
    /// Where each one stands; no more than [`MAX_COLUMNS`] and one.
    at: Vec<Range<usize>>,
}

impl RowCells {
    fn texts(&self, other: char) -> Vec<String> {
        self.at.iter().map(|at| replaced(&self.bytes[at.clone()], other)).collect()
    }

    /// The line of the first byte that is no text.
    fn bad_line(&self) -> Option<usize> {
        let good = std::str::from_utf8(&self.bytes).err()?.valid_up_to();
        Some(self.line + self.bytes[..good].iter().filter(|b| **b == b'\n').count())
    }
}

impl TableRows {
    /// `usual` stands between the cells if nothing else is told or recognised.
    pub fn new(mut input: TextBytes, usual: u8, reading: &ReadOptions) -> Result<Self, DataError> {
        let head = input.head()?;
        let declared = delimiter::declared(head);
        let recognised = match usual {
            b',' => delimiter::recognise(head, &reading.names),
            other => other,
        };
        if let Some((_, length)) = declared {
            input.consume(length);
        }
        let between = reading.delimiter.or(declared.map(|(b, _)| b)).unwrap_or(recognised);
        if between != usual {
            let delimiter = char::from(between).escape_default();
            tracing::info!(file = %input.path().display(), %delimiter, "cells are told apart by it");
        }
        Ok(Self {
            input,
            between,
            is_prompts: reading.is_prompts,
            known: reading.names.clone(),
            started: false,
            names: None,
            columns: 0,
            row: 0,
        })
    }

    /// The cells of the next row.
    fn cells(&mut self) -> Result<Option<RowCells>, DataError> {
        loop {
            match self.input.peek()? {
                Some(b'\r' | b'\n') => self.input.consume(1),
                Some(_) if self.input.skip_mark()? => {}
                Some(_) => break,
                None => return Ok(None),
            }
        }
        let line = self.input.line;
        let mut cells = RowCells { line, bytes: Vec::new(), at: Vec::new() };
        // The line of the quote that is open, whether a cell has begun and where.
        let (mut open, mut begun, mut start, mut length) = (None, false, 0, 0);
        loop {
            // What has no meaning of its own is taken at once.
            let between = self.between;
            let ahead = self.input.ahead()?;
            let is_plain = |byte: &u8| match open {
                Some(_) => *byte != b'"',
                None => !matches!(byte, b'"' | b'\r' | b'\n') && *byte != between,
            };
            let plain = ahead.iter().position(|b| !is_plain(b)).unwrap_or(ahead.len());
            if plain > 0 {
                append(&mut cells.bytes, &ahead[..plain]);
                begun = true;
                length += plain;
                self.input.check(line, length)?;
                self.input.consume(plain);
            }
            let at = self.input.line;
            let byte = self.input.next()?;
            length += 1;
            self.input.check(line, length)?;
            let end_cell = |cells: &mut RowCells, start: &mut usize| {
                let cell = *start..cells.bytes.len();
                *start = cell.end;
                if cells.at.len() <= MAX_COLUMNS {
                    cells.at.push(cell);
                }
            };
            match (byte, open) {
                (None, Some(line)) => {
                    let reason = "a quote is opened here and not closed by the end of the file";
                    return Err(self.input.syntax(line, reason));
                }
                (Some(b'"'), Some(_)) if self.input.peek()? == Some(b'"') => {
                    self.input.consume(1);
                    cells.bytes.push(b'"');
                }
                (Some(b'"'), Some(_)) => open = None,
                (Some(b'"'), None) if !begun => (open, begun) = (Some(at), true),
                (Some(byte), None) if byte == between => {
                    end_cell(&mut cells, &mut start);
                    begun = false;
                    if !self.started && cells.at.len() > MAX_COLUMNS {
                        let reason = format!("more than {MAX_COLUMNS} columns; no table of rows");
                        return Err(self.input.syntax(line, reason));
                    }
                }
                (None | Some(b'\r' | b'\n'), None) => {
                    end_cell(&mut cells, &mut start);
                    return Ok(Some(cells));
                }
                (Some(byte), _) => {
                    cells.bytes.push(byte);
                    begun = true;
                }
            }
        }
    }

    /// Takes the first line as names of fields, if it is that.
    fn header(&mut self, cells: &RowCells) -> Result<bool, DataError> {
        let line = cells.line;
        let names: Vec<String> =
            cells.texts(REPLACEMENTS[0]).iter().map(|c| c.trim().to_owned()).collect();
        if names[0].starts_with("{\"") || names[0].starts_with("[{") {
            let reason = "this is JSON and no table; name the file .json or .jsonl";
            return Err(self.input.syntax(line, reason));
        }
        self.columns = names.len();
        if let [only] = names.as_slice() {
            let same = |name: &str| name.eq_ignore_ascii_case(only);
            if !HEADERS.iter().any(|name| same(name)) && !self.known.iter().any(|name| same(name)) {
                // One word may be the name of the column, and would then be a prompt. So
                // would names with another delimiter between them than was told.
                let parts: Vec<&str> = only.split([',', ';', '\t', '|']).collect();
                let is_header = parts.len() > 1 && parts.iter().any(|p| is_known(p, &self.known));
                return match !self.is_prompts && (is_name(only) || is_header) {
                    true => Err(self.input.syntax(
                        line,
                        "the only column has a name that is not known, or none: if this line is \
                         its name, give it as columns = { prompt = \"NAME\" }; if it is a prompt as \
                         the others are, set format = \"instructions\"",
                    )),
                    false => Ok(false),
                };
            }
        }
        if cells.bad_line().is_some() {
            // Of a column that is used it will be said that there is none of its name.
            let file = self.input.path().display();
            tracing::warn!(%file, line, "names of columns are not valid UTF-8");
        }
        let names = self.distinct(line, names)?;
        self.names = Some(names);
        Ok(true)
    }

    /// The names, with a number behind one that an earlier column has.
    ///
    /// # Errors
    /// Two columns that both could be used.
    fn distinct(&self, line: usize, mut names: Vec<String>) -> Result<Vec<String>, DataError> {
        let mut seen = BTreeSet::new();
        for (i, name) in names.iter_mut().enumerate() {
            if seen.insert(name.to_lowercase()) {
                continue;
            }
            if is_known(name, &self.known) {
                let reason = format!("column {} has the name of an earlier one", i + 1);
                return Err(self.input.syntax(line, reason));
            }
            while !seen.insert(name.to_lowercase()) {
                *name += &format!(" (column {})", i + 1);
            }
        }
        Ok(names)
    }

    fn read(&mut self) -> Result<Option<RecordEntry>, DataError> {
        loop {
            let Some(mut cells) = self.cells()? else { return Ok(None) };
            if !std::mem::replace(&mut self.started, true) && self.header(&cells)? {
                continue;
            }
            self.row += 1;
            let at = RowPosition { line: cells.line, row: self.row, column: 1 };
            // Commas at the end of a line hold nothing.
            while cells.at.len() > self.columns && cells.at.last().is_some_and(Range::is_empty) {
                cells.at.pop();
            }
            if cells.at.len() != self.columns {
                let reason = match cells.at.len() {
                    n if n > MAX_COLUMNS => format!("more than {MAX_COLUMNS} columns"),
                    n => format!("{n} columns"),
                };
                let reason = format!("{reason}, the first line has {}", self.columns);
                let error = self.input.syntax(cells.line, reason);
                return Ok(Some(odd(at, DropReason::CellCount, error)));
            }
            let first = cells.texts(REPLACEMENTS[0]);
            if self.names.as_deref().is_some_and(|names| is_header(&first, names)) {
                let error = self.input.syntax(cells.line, "the first line once more");
                return Ok(Some(odd(at, DropReason::RepeatedHeader, error)));
            }
            let other = cells.bad_line().map(|_| {
                let texts = cells.texts(REPLACEMENTS[1]);
                (Box::new(self.record(at, texts)), DropReason::NotUtf8)
            });
            return Ok(Some(RecordEntry::Row(ReadableRow {
                record: self.record(at, first),
                other,
            })));
        }
    }

    fn record(&self, at: RowPosition, cells: Vec<String>) -> Record {
        let value = match &self.names {
            Some(names) => {
                let cells = cells.into_iter().map(Value::String);
                Value::Object(names.iter().cloned().zip(cells).collect::<Map<_, _>>())
            }
            None => cells.into_iter().next().map(Value::String).unwrap_or_default(),
        };
        Record { line: at.line, row: at.row, value, text: None }
    }
}

/// Whether a row is the first line again, as tables put one behind the other have it.
fn is_header(cells: &[String], names: &[String]) -> bool {
    cells.iter().zip(names).all(|(cell, name)| cell.trim() == name)
}

impl Iterator for TableRows {
    type Item = Result<RecordEntry, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
