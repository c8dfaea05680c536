//! Rows as JSON that follow each other, or stand in an array.

use super::parse::{RowPosition, entry, odd};
use super::shape::{Wrapper, key_at, wrapper};
use super::{NonRow, RecordEntry};
use crate::input::{TextBytes, append};
use crate::{DataError, DropReason};

/// An array of rows, which may be a field of an object; or one object; or, as is
/// common under the extension `.json`, several objects one after the other.
///
/// The text is cut into its values here and each is parsed by itself, so that
/// no more than one is held, and one that is no JSON stops no other.
pub(super) struct JsonValues {
    input: TextBytes,
    row: usize,
    keep_text: bool,
    /// Names of fields by which a row is known, beside the usual ones.
    names: Vec<String>,
    state: Position,
    /// The field that holds the array.
    field: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Start,
    /// Values follow each other.
    Stream,
    /// After `[` or a comma: a value or `]`.
    Open,
    /// After a value of the array.
    Value,
    /// After the array.
    Closed,
    /// After something that is no JSON, behind the array.
    End,
}

/// What stands next to each other with nothing inside.
struct Span {
    bytes: Vec<u8>,
    /// Whether the file ends inside.
    is_cut: bool,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

impl JsonValues {
    pub fn new(input: TextBytes, names: Vec<String>, keep_text: bool) -> Self {
        Self { input, row: 0, keep_text, names, state: Position::Start, field: None }
    }

    fn unexpected(&self, rule: &str) -> DataError {
        let TextBytes { line, column, .. } = &self.input;
        self.input.syntax(*line, format!("not valid JSON (column {column}): {rule}"))
    }

    fn read(&mut self) -> Result<Option<RecordEntry>, DataError> {
        loop {
            self.input.skip_blank()?;
            let next = self.input.peek()?;
            match (self.state, next) {
                (Position::Stream | Position::Closed | Position::End, None) => {
                    return match &self.field {
                        Some(_) => {
                            let rule = "EOF while parsing an object; the file is cut, or a bracket is \
                                        missing";
                            Err(self.unexpected(rule))
                        }
                        None => Ok(None),
                    };
                }
                (Position::Start, None) => return Ok(None),
                (_, None) => {
                    let rule = "EOF while parsing a list; the file is cut, or a bracket is missing";
                    return Err(self.unexpected(rule));
                }
                (Position::End, _) => return Ok(None),
                (Position::Closed, Some(byte)) if self.field.is_some() => self.rest(byte)?,
                (Position::Start | Position::Stream | Position::Closed, Some(b'[')) => {
                    self.input.consume(1);
                    self.state = Position::Open;
                }
                (Position::Start | Position::Closed, Some(b'{')) => match self.wrapper()? {
                    Some(Wrapper { rows, field }) => {
                        self.input.consume(rows);
                        (self.state, self.field) = (Position::Open, Some(field));
                    }
                    None => self.state = Position::Stream,
                },
                (Position::Start, Some(_)) => self.state = Position::Stream,
                (Position::Open | Position::Value, Some(b']')) => {
                    self.input.consume(1);
                    self.state = Position::Closed;
                }
                // A comma too many holds nothing that could be lost.
                (Position::Open | Position::Value, Some(b',')) => {
                    self.input.consume(1);
                    self.state = Position::Open;
                }
                (Position::Stream, Some(b',')) if self.row > 0 => self.input.consume(1),
                // A comma is missing.
                (Position::Value, Some(b'{' | b'[')) => self.state = Position::Open,
                (Position::Value, Some(_)) => return self.strange("expected `,` or `]`").map(Some),
                (Position::Closed, Some(_)) => {
                    self.state = Position::End;
                    let error = self.unexpected("trailing characters");
                    return Ok(Some(self.odd(DropReason::InvalidJson, error)));
                }
                (Position::Stream | Position::Open, Some(_)) => return self.value().map(Some),
            }
        }
    }

    fn odd(&mut self, reason: DropReason, error: DataError) -> RecordEntry {
        self.row += 1;
        let (line, column) = (self.input.line, self.input.column);
        odd(RowPosition { line, row: self.row, column }, reason, error)
    }

    /// Something between two values of the array, up to the next of them.
    fn strange(&mut self, rule: &str) -> Result<RecordEntry, DataError> {
        let error = self.unexpected(rule);
        let entry = self.odd(DropReason::InvalidJson, error);
        loop {
            let ahead = self.input.ahead()?;
            let next = ahead.iter().position(|b| b",{]".contains(b));
            let (n, at_end) = (next.unwrap_or(ahead.len()), ahead.is_empty());
            self.input.consume(n);
            if next.is_some() || at_end {
                return Ok(entry);
            }
        }
    }

    fn wrapper(&mut self) -> Result<Option<Wrapper>, DataError> {
        let names = &self.names;
        self.input.head().map(|head| wrapper(head, names))
    }

    /// What stands in the object behind the array of its rows: another field, a
    /// comma, or the object's end.
    fn rest(&mut self, byte: u8) -> Result<(), DataError> {
        match byte {
            b'}' => {
                self.input.consume(1);
                self.field = None;
            }
            b',' | b':' => self.input.consume(1),
            b'"' => {
                let key = key_at(self.input.head()?).filter(|key| key.holds_objects);
                if let (Some(key), Some(first)) = (key, &self.field) {
                    let rule = format!(
                        "rows stand under `{first}` and under `{}`; write the list that is meant \
                         to a file of its own",
                        key.name
                    );
                    return Err(self.input.syntax(self.input.line, rule));
                }
                self.span(false)?;
            }
            _ => {
                self.span(false)?;
            }
        }
        Ok(())
    }

    /// The value that starts at the next byte.
    fn value(&mut self) -> Result<RecordEntry, DataError> {
        let (line, column) = (self.input.line, self.input.column);
        let Span { bytes, is_cut } = self.span(true)?;
        self.row += 1;
        let at = RowPosition { line, row: self.row, column };
        let is_stream = self.state == Position::Stream;
        if !is_stream {
            self.state = Position::Value;
        }
        let read = entry(&self.input, at, bytes, self.keep_text);
        match read {
            RecordEntry::Odd(NonRow { error, .. }) if is_cut && !is_stream => {
                let DataError::Syntax { line, reason, .. } = error else { return Err(error) };
                let hint = "the file is cut, or a bracket or a quote of this row is missing";
                Err(self.input.syntax(line, format!("{reason}; {hint}")))
            }
            // The first row may be no JSON at all, which is then said.
            RecordEntry::Odd(_) if is_cut && self.row > 1 => Ok(read.cut_short(&self.input)),
            read => Ok(read.without_text()),
        }
    }

    /// The bytes of the value that starts at the next byte, kept or passed over.
    fn span(&mut self, keep: bool) -> Result<Span, DataError> {
        let line = self.input.line;
        let (mut bytes, mut length) = (Vec::new(), 0);
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        loop {
            let ahead = self.input.ahead()?;
            if ahead.is_empty() {
                return Ok(Span { bytes, is_cut: depth > 0 || quoted });
            }
            let (mut n, mut ended) = (0, false);
            for byte in ahead {
                let between = is_blank(*byte) || b",[]{}:\"".contains(byte);
                if !quoted && depth == 0 && length + n > 0 && between {
                    ended = true;
                    break;
                }
                n += 1;
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
                    ended = true;
                    break;
                }
            }
            length += n;
            if keep {
                append(&mut bytes, &ahead[..n]);
                self.input.check(line, length)?;
            }
            self.input.consume(n);
            if ended {
                return Ok(Span { bytes, is_cut: false });
            }
        }
    }
}

impl Iterator for JsonValues {
    type Item = Result<RecordEntry, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
