//! Rows as JSON, one a line.

use std::collections::VecDeque;

use super::parse::{RowPosition, entry, is_cut, values};
use super::{NonRow, RecordEntry};
use crate::input::TextBytes;
use crate::{DataError, DropReason};

/// One row a line; blank lines are passed over. Several values on one line are
/// rows of that line: files that were put one behind the other without a line's
/// end between them have such lines.
pub(super) struct JsonLines {
    input: TextBytes,
    row: usize,
    keep_text: bool,
    waiting: VecDeque<RecordEntry>,
}

impl JsonLines {
    pub fn new(input: TextBytes, keep_text: bool) -> Self {
        Self { input, row: 0, keep_text, waiting: VecDeque::new() }
    }

    fn read(&mut self) -> Result<Option<RecordEntry>, DataError> {
        if let Some(entry) = self.waiting.pop_front() {
            return Ok(Some(entry));
        }
        self.input.skip_blank()?;
        let (line, column) = (self.input.line, self.input.column);
        let Some(bytes) = self.input.next_line()? else { return Ok(None) };
        let is_ended = self.input.line > line;
        let read = self.entry(line, column, bytes);
        match read {
            RecordEntry::Odd(NonRow { text: Some(ref text), .. }) => {
                if let Some(several) = values(text).filter(|values| values.len() > 1) {
                    self.row -= 1;
                    let rows: Vec<RecordEntry> = several
                        .into_iter()
                        .map(|value| self.entry(line, column, value.as_bytes().to_vec()))
                        .collect();
                    self.waiting.extend(rows);
                    return Ok(self.waiting.pop_front());
                }
                match !is_ended && is_cut(text) {
                    true => Ok(Some(read.cut_short(&self.input))),
                    false => Ok(Some(read.without_text())),
                }
            }
            read => Ok(Some(read)),
        }
    }

    fn entry(&mut self, line: usize, column: usize, bytes: Vec<u8>) -> RecordEntry {
        self.row += 1;
        entry(&self.input, RowPosition { line, row: self.row, column }, bytes, self.keep_text)
    }
}

impl RecordEntry {
    /// Without the text of what is no row, which nobody asks for any more.
    pub(super) fn without_text(self) -> Self {
        match self {
            Self::Odd(odd) => Self::Odd(NonRow { text: None, ..odd }),
            row => row,
        }
    }

    /// A row that the end of the file cuts off.
    pub(super) fn cut_short(self, input: &TextBytes) -> Self {
        match self {
            Self::Odd(odd) => {
                let error = input.syntax(
                    odd.line,
                    "the file ends inside this row: it is cut; get it again, or remove the row",
                );
                Self::Odd(NonRow { reason: DropReason::CutShort, error, text: None, ..odd })
            }
            other => other,
        }
    }
}

impl Iterator for JsonLines {
    type Item = Result<RecordEntry, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
