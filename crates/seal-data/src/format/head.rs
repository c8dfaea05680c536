//! The layout of a file, told from its first rows.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Columns, Format};
use crate::DataError;
use crate::fields::describe;
use crate::record::Record;

/// The layout of a file with the first rows `rows`: the given one, or that of most of them.
/// Objects without an answer do not outvote those with one, which would lose it. Of layouts
/// that are as frequent, the one that stands first.
///
/// # Errors
/// Columns that no row has, or that do not go together; rows that fit no layout: the message
/// lists the names of the first one's fields.
pub(crate) fn format_of(
    rows: &[&Record],
    path: &Path,
    given: Option<Format>,
    columns: &Columns,
) -> Result<Format, DataError> {
    if let Some(format) = columns.format(path, given, rows)? {
        return Ok(format);
    }
    let mut votes: BTreeMap<(bool, u8), (usize, usize, Format)> = BTreeMap::new();
    for (i, record) in rows.iter().enumerate() {
        if let Some(format) = Format::detect(&record.value) {
            let whole = format.has_answers() || record.value.is_string();
            votes.entry((whole, format as u8)).or_insert((0, i, format)).0 += 1;
        }
    }
    let weight = |((whole, _), (n, first, _)): &((bool, u8), (usize, usize, Format))| {
        (*whole, *n, usize::MAX - first)
    };
    if let Some((_, (_, _, format))) = votes.into_iter().max_by_key(weight) {
        return Ok(format);
    }
    let first = rows.first().map(|record| &record.value);
    Err(DataError::UnknownFormat {
        path: path.to_owned(),
        found: first.map_or_else(|| "nothing".to_owned(), describe),
        suggestion: first.map(Columns::suggestion).unwrap_or_default(),
    })
}
