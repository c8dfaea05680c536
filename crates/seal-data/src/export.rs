//! Rows as JSONL.

use std::io::{self, Write};

use serde::Serialize;

use crate::{Json, Row, RowId, Turn};

/// A row as the object of a JSONL file: `messages` with all its turns, the answer
/// last, and, where the row has them, `tools`, `rejected`, `unsafe` and `category`.
///
/// That is the layout that fine-tuning programs read. Read as the format
/// [`messages`](crate::Format::Messages) it gives the row again, with the same id, but
/// for the occurrence numbers of exact repeats that were separated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExportedRow<'a> {
    /// The earlier turns, the prompt, calls of tools with their results, and the
    /// answer, if there is one.
    pub messages: Vec<Turn>,
    /// See [`Row::tools`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<&'a Json>,
    /// See [`Row::rejected`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<&'a str>,
    /// See [`Row::is_unsafe`].
    #[serde(rename = "unsafe", skip_serializing_if = "Option::is_none")]
    pub is_unsafe: Option<bool>,
    /// See [`Row::category`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<&'a str>,
}

impl<'a> From<&'a Row> for ExportedRow<'a> {
    fn from(row: &'a Row) -> Self {
        let mut messages = row.messages();
        let answer = row.answer();
        if answer != Turn::new(answer.role, "") {
            messages.push(answer);
        }
        Self {
            messages,
            tools: row.tools.as_ref(),
            rejected: row.rejected.as_deref(),
            is_unsafe: row.is_unsafe,
            category: row.category.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    id: RowId,
    #[serde(flatten)]
    row: ExportedRow<'a>,
}

/// Writes one JSON object a line: the id and the row as [`ExportedRow`] has it.
///
/// # Errors
/// What the writer reports.
pub fn write_jsonl<'a>(
    mut out: impl Write,
    rows: impl IntoIterator<Item = &'a Row>,
) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut out, &Line { id: row.id, row: row.into() })?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
