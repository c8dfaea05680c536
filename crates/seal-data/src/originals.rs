//! Rows as their files have them, with all their fields.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::value::{RawValue, to_raw_value};

use crate::load::load_quietly;
use crate::record::{ReadOptions, ReadableRow, Record, RecordEntry, open_records};
use crate::{DataError, RowId, RowLocation, Source};

/// A row as its file has it.
#[derive(Clone, Debug)]
pub struct Original {
    /// Id of the row that was read from it.
    pub id: RowId,
    /// Where it stands.
    pub place: RowLocation,
    /// The record as JSON on one line. From a JSON file it is the text of the
    /// file but for white space between the values; from a table or from
    /// Parquet an object of its columns in alphabetical order; from a plain
    /// list of prompts a string.
    pub json: Box<RawValue>,
}

/// Reads `sources` again and yields the records behind the rows `wanted`,
/// source after source, each in file order.
///
/// ```no_run
/// # use std::collections::BTreeSet;
/// # use std::path::Path;
/// # use seal_data::{DataError, RowId, Source, originals};
/// # fn export(sources: &[Source], kept: &BTreeSet<RowId>) -> Result<(), DataError> {
/// for original in originals(Path::new("data"), sources, kept)? {
///     let original = original?;
///     println!("{}", original.json.get());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`load_split`](crate::load_split); ids that are not among the rows it gives, since the files
/// or the sources are others than the ids come from.
pub fn originals<'a>(
    root: &'a Path,
    sources: &'a [Source],
    wanted: &BTreeSet<RowId>,
) -> Result<impl Iterator<Item = Result<Original, DataError>> + use<'a>, DataError> {
    let mut places = load_quietly(root, sources, None)?.places;
    places.retain(|id, _| wanted.contains(id));
    if places.len() < wanted.len() {
        let mut strange = wanted.iter().filter(|id| !places.contains_key(id));
        return Err(DataError::UnknownRows {
            rows: wanted.len() - places.len(),
            first: strange.next().copied().expect("fewer places than ids"),
        });
    }
    let mut rows: Vec<BTreeMap<usize, (RowId, RowLocation)>> = vec![BTreeMap::new(); sources.len()];
    for (id, place) in places {
        rows[place.source].insert(place.row, (id, place));
    }
    Ok(sources.iter().zip(rows).flat_map(move |(source, rows)| of_source(root, source, rows)))
}

fn of_source(
    root: &Path,
    source: &Source,
    mut rows: BTreeMap<usize, (RowId, RowLocation)>,
) -> Box<dyn Iterator<Item = Result<Original, DataError>>> {
    if rows.is_empty() {
        return Box::new(std::iter::empty());
    }
    let reading = ReadOptions { keep_text: true, ..ReadOptions::of(source) };
    let mut records = match open_records(&root.join(&source.path), &reading) {
        Ok(records) => records,
        Err(e) => return Box::new(std::iter::once(Err(e))),
    };
    // Nothing is read behind the last row that is wanted.
    let found = std::iter::from_fn(move || {
        while !rows.is_empty() {
            match records.next()? {
                Ok(RecordEntry::Row(ReadableRow { record, .. })) => {
                    if let Some((id, place)) = rows.remove(&record.row) {
                        return Some(Ok(Original { id, place, json: one_line(&record) }));
                    }
                }
                Ok(RecordEntry::Odd(_)) => {}
                Err(e) => return Some(Err(e)),
            }
        }
        None
    });
    Box::new(found)
}

/// The record as JSON, without line ends.
fn one_line(record: &Record) -> Box<RawValue> {
    let whole = record.text.as_deref().map(compact).and_then(|t| RawValue::from_string(t).ok());
    whole.unwrap_or_else(|| to_raw_value(&record.value).expect("a JSON value is JSON"))
}

/// JSON without the white space between its parts.
fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let kept = json.chars().filter(|c| {
        if quoted {
            quoted = escaped || *c != '"';
            escaped = !escaped && *c == '\\';
            return true;
        }
        quoted = *c == '"';
        !c.is_ascii_whitespace()
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_space_between_values_goes() {
        let text = "{ \"a b\" :\t[1 , 2.50],\r\n \"q\\\" \\\\\": \" \" }";
        assert_eq!(compact(text), "{\"a b\":[1,2.50],\"q\\\" \\\\\":\" \"}");
    }

    proptest! {
        #[test]
        fn a_compact_text_says_the_same(texts in prop::collection::vec(any::<String>(), 0..5)) {
            let value = json!({"a": texts, "b": [{"c": texts.clone()}, 1.5]});
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let short = compact(&pretty);
            prop_assert_eq!(serde_json::from_str::<Value>(&short).unwrap(), value.clone());
            prop_assert_eq!(short, value.to_string());
        }
    }
}
