//! What stands in a file of rows: a row before its layout is known, or something that is none.

use serde_json::Value;

use crate::{DataError, DropReason};

/// One row of a file before its layout is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// Line on which it starts, from 1.
    pub line: usize,
    /// Its number in the file, from 1.
    pub row: usize,
    /// An object, or a string in a plain list of prompts.
    pub value: Value,
    /// Its own text, in a file of JSON; of long rows only where it was asked for.
    pub text: Option<String>,
}

/// What stands at the place of a row.
#[derive(Debug)]
pub(crate) enum RecordEntry {
    Row(ReadableRow),
    Odd(NonRow),
}

/// A row as it can be read.
#[derive(Debug)]
pub(crate) struct ReadableRow {
    pub record: Record,
    /// Where something in it is no character: the row with another character in
    /// its place, and the reason not to use it if that makes a difference.
    pub other: Option<(Box<Record>, DropReason)>,
}

impl From<Record> for RecordEntry {
    fn from(record: Record) -> Self {
        Self::Row(ReadableRow { record, other: None })
    }
}

/// Something that is no row. Others of its file are none the worse for it.
#[derive(Debug)]
pub(crate) struct NonRow {
    pub line: usize,
    pub row: usize,
    pub reason: DropReason,
    /// What to say where the file has nothing else.
    pub error: DataError,
    /// Its own text, of JSON lines.
    pub(super) text: Option<String>,
}
