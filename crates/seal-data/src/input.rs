//! A text file read once from start to end, with its place in lines.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::DataError;
use crate::file::{Packing, open_text};

/// Longest row in bytes of its file: longer ones are an error. A row is held
/// in memory about three times while it is read.
pub(crate) const MAX_ROW_BYTES: usize = 256 << 20;

const BUFFER_BYTES: usize = 64 << 10;

/// Adds to the bytes of a row. A long one gets room for the longest there may be at
/// once: memory that is not written to costs nothing, and bytes that move to where there
/// is more room are held twice.
pub(crate) fn append(row: &mut Vec<u8>, bytes: &[u8]) {
    const LONG: usize = 16 << 20;
    if row.len() + bytes.len() > row.capacity() && row.len() > LONG {
        row.reserve_exact(bytes.len().max(MAX_ROW_BYTES.saturating_sub(row.len())));
    }
    row.extend_from_slice(bytes);
}

/// Bytes of a text file, without byte-order mark.
pub(crate) struct TextBytes {
    path: PathBuf,
    packing: Packing,
    source: Box<dyn Read>,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// Line of the next byte, from 1.
    pub line: usize,
    /// Column of the next byte, in bytes from 1.
    pub column: usize,
    limit: usize,
}

impl TextBytes {
    pub fn open(path: &Path, packing: Packing) -> Result<Self, DataError> {
        Self::new(path, packing, open_text(path, packing)?, MAX_ROW_BYTES)
    }

    /// `path` is for messages only; no row may be longer than `limit` bytes.
    pub fn new(
        path: &Path,
        packing: Packing,
        source: Box<dyn Read>,
        limit: usize,
    ) -> Result<Self, DataError> {
        let mut input = Self {
            path: path.to_owned(),
            packing,
            source,
            buffer: vec![0; BUFFER_BYTES],
            at: 0,
            end: 0,
            line: 1,
            column: 1,
            limit,
        };
        input.skip_mark()?;
        Ok(input)
    }

    /// What stands next, up to [`BUFFER_BYTES`] of it; shorter at the end only.
    pub fn head(&mut self) -> Result<&[u8], DataError> {
        self.ensure(BUFFER_BYTES)?;
        Ok(&self.buffer[self.at..self.end])
    }

    /// Reads until `n` bytes are there, if the file has so many. A reader may
    /// give fewer bytes at a time than there are.
    fn ensure(&mut self, n: usize) -> Result<(), DataError> {
        if self.end - self.at >= n {
            return Ok(());
        }
        self.buffer.copy_within(self.at..self.end, 0);
        (self.at, self.end) = (0, self.end - self.at);
        while self.end < n && self.read_more()? {}
        Ok(())
    }

    /// Passes over a byte-order mark: at the start, and where files that have
    /// one were put one behind the other. Whether there was one.
    pub fn skip_mark(&mut self) -> Result<bool, DataError> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        if self.peek()? != Some(MARK[0]) {
            return Ok(false);
        }
        self.ensure(MARK.len())?;
        let found = self.buffer[self.at..self.end].starts_with(MARK);
        if found {
            self.at += MARK.len();
        }
        Ok(found)
    }

    /// Bytes that are there without reading; none at the end only.
    pub fn ahead(&mut self) -> Result<&[u8], DataError> {
        self.peek()?;
        Ok(&self.buffer[self.at..self.end])
    }

    /// Passes over `n` bytes of [`Self::ahead`].
    pub fn consume(&mut self, n: usize) {
        let passed = &self.buffer[self.at..self.at + n];
        match passed.iter().rposition(|b| *b == b'\n') {
            None => self.column += n,
            Some(last) => {
                self.line += passed.iter().filter(|b| **b == b'\n').count();
                self.column = n - last;
            }
        }
        self.at += n;
    }

    /// Passes over white space and byte-order marks.
    pub fn skip_blank(&mut self) -> Result<(), DataError> {
        loop {
            let ahead = self.ahead()?;
            let blank = ahead.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
            let (n, at_end) = (blank.unwrap_or(ahead.len()), ahead.is_empty());
            self.consume(n);
            if at_end || blank.is_some() && !self.skip_mark()? {
                return Ok(());
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads behind what is there; false at the end.
    fn read_more(&mut self) -> Result<bool, DataError> {
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(n) => {
                    self.end += n;
                    return Ok(n > 0);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.packing.error(&self.path, e)),
            }
        }
    }

    /// The next byte, which stays; `None` at the end.
    pub fn peek(&mut self) -> Result<Option<u8>, DataError> {
        if self.at == self.end {
            (self.at, self.end) = (0, 0);
            if !self.read_more()? {
                return Ok(None);
            }
        }
        Ok(Some(self.buffer[self.at]))
    }

    /// The next byte; `None` at the end.
    pub fn next(&mut self) -> Result<Option<u8>, DataError> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.at += 1;
            self.column += 1;
            if byte == b'\n' {
                (self.line, self.column) = (self.line + 1, 1);
            }
        }
        Ok(byte)
    }

    /// The rest of the line, without its end; `None` at the end of the file.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, DataError> {
        let (start, mut line) = (self.line, Vec::new());
        if self.peek()?.is_none() {
            return Ok(None);
        }
        while self.peek()?.is_some() {
            let ahead = &self.buffer[self.at..self.end];
            let found = ahead.iter().position(|b| *b == b'\n');
            let taken = found.unwrap_or(ahead.len());
            self.check(start, line.len() + taken)?;
            append(&mut line, &ahead[..taken]);
            self.at += taken;
            if found.is_some() {
                self.next()?;
                break;
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }

    /// Refuses a row of so many bytes, if they are too many.
    pub fn check(&self, line: usize, bytes: usize) -> Result<(), DataError> {
        if bytes <= self.limit {
            return Ok(());
        }
        Err(DataError::RowTooLong { path: self.path.clone(), line, limit: self.limit })
    }

    /// A row that starts on `line` and is no text.
    pub fn no_text(&self, line: usize, e: &std::string::FromUtf8Error) -> DataError {
        let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let before = good.iter().filter(|b| **b == b'\n').count();
        DataError::NotUtf8 { path: self.path.clone(), line: line + before }
    }

    /// What is wrong on `line`.
    pub fn syntax(&self, line: usize, reason: impl Into<String>) -> DataError {
        DataError::Syntax { path: self.path.clone(), line, reason: reason.into() }
    }
}
