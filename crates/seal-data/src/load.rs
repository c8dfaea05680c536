//! Rows of a data set from its sources.

use std::path::Path;

use crate::dropped::{reasons, say_unused};
use crate::loaded::count;
use crate::reader::SourceReader;
use crate::{DataError, Loaded, Source};

/// Reads the `sources` of one data set; relative paths start at `root`.
///
/// # Errors
/// A file that is missing, unreadable, or of another layout than it should be;
/// a source without a usable row, or with fewer than it is asked for.
pub fn load_split(root: &Path, sources: &[Source]) -> Result<Loaded, DataError> {
    load_part(root, sources, None)
}

/// As [`load_split`], with no more than `limit` of the rows, those of
/// [`limit_rows`](crate::limit_rows). Few others are held at any time.
pub(crate) fn load_part(
    root: &Path,
    sources: &[Source],
    limit: Option<usize>,
) -> Result<Loaded, DataError> {
    let loaded = load_quietly(root, sources, limit)?;
    say_unused(&loaded.unused);
    Ok(loaded)
}

/// As [`load_part`], for rows that were read before: fields that are not used were
/// named then.
pub(crate) fn load_quietly(
    root: &Path,
    sources: &[Source],
    limit: Option<usize>,
) -> Result<Loaded, DataError> {
    let mut loaded = Loaded::default();
    if sources.is_empty() {
        return Err(DataError::NoSource);
    }
    for (number, source) in sources.iter().enumerate() {
        let (listed, unlisted) = (loaded.dropped.len(), loaded.unlisted.len());
        let mut reader = SourceReader::new(source, number, limit, &mut loaded);
        reader.read(&root.join(&source.path))?;
        let SourceReader { rows, odd, first_odd, .. } = reader;
        let (listed, unlisted) = (&loaded.dropped[listed..], &loaded.unlisted[unlisted..]);
        let (dropped, why) = (count(listed, unlisted), reasons(listed, unlisted));
        tracing::debug!(file = %source.path.display(), rows, dropped, why, "read");
        if odd > 0 && rows > 0 {
            let of = rows + dropped;
            tracing::warn!(file = %source.path.display(), odd, of, why, "what is no row is left out");
        }
        if rows == 0 {
            return Err(match first_odd {
                // Nothing in it is a row: what is wrong with the first says more.
                Some(error) if odd == dropped => error,
                _ => DataError::EmptySource { path: root.join(&source.path), dropped, why },
            });
        }
    }
    loaded.cut(limit);
    let repeated = loaded.rows.repeated();
    if repeated > 0 {
        let of = loaded.rows.len();
        tracing::info!(repeated, of, "rows repeat an earlier one; each copy has an id of its own");
    }
    Ok(loaded)
}
