//! Rows as JSONL.

use std::io::{self, Write};

use crate::Row;

/// Writes one JSON object a line: `id`, `prompt`, `response`, and `unsafe`,
/// `category` and `rejected` where the row has them. The `prompt-response`
/// format reads it back; ids are then computed anew and come out the same, but
/// for the occurrence numbers of exact repeats that were separated.
///
/// # Errors
/// What the writer reports.
pub fn write_jsonl<'a>(
    mut out: impl Write,
    rows: impl IntoIterator<Item = &'a Row>,
) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut out, row)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
