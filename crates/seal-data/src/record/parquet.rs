//! Rows of a Parquet file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use parquet::file::reader::SerializedFileReader;
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde_json::{Map, Number, Value};

use super::{Record, RecordEntry};
use crate::DataError;
use crate::file::open_parquet;

/// Rows of a Parquet file, one row group at a time. Such a file has no lines:
/// the line of a row is its number.
pub(super) struct Parquet {
    path: PathBuf,
    rows: RowIter<'static>,
    row: usize,
    broken: bool,
}

/// Runs the reader of the library, which panics on some files that are damaged.
fn guarded<T>(
    path: &Path,
    row: usize,
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, DataError> {
    let damaged = |reason: String| DataError::Parquet { path: path.to_owned(), row, reason };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        // Its errors speak of schemas, sizes and encodings, not of values.
        Ok(Err(e)) => {
            let reason = e.to_string();
            let codec = ["brotli", "lz4", "lzo", "LZO", "snap", "zstd", "flate2"];
            let unknown = reason.contains("Disabled feature") || reason.contains("not supported");
            match codec.into_iter().find(|codec| unknown && reason.contains(codec)) {
                Some(codec) => Err(DataError::ParquetCodec { path: path.to_owned(), codec }),
                None => Err(damaged(reason)),
            }
        }
        Err(_) => Err(damaged("the file is damaged".into())),
    }
}

impl Parquet {
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let file = open_parquet(path)?;
        let rows = guarded(path, 0, || {
            Ok(RowIter::from_file_into(Box::new(SerializedFileReader::new(file)?)))
        })?;
        Ok(Self { path: path.to_owned(), rows, row: 0, broken: false })
    }
}

impl Iterator for Parquet {
    type Item = Result<RecordEntry, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        self.row += 1;
        let (row, rows) = (self.row, &mut self.rows);
        let read = guarded(&self.path, row, || match rows.next() {
            Some(row) => Ok(Some(object(&row?))),
            None => Ok(None),
        });
        // A reader that failed once must not be asked again.
        self.broken = read.is_err();
        let entry = |value| RecordEntry::from(Record { line: row, row, value, text: None });
        read.map(|value| value.map(entry)).transpose()
    }
}

fn object(row: &Row) -> Value {
    let fields = row.get_column_iter().map(|(name, field)| (name.clone(), value(field)));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn value(field: &Field) -> Value {
    let float = |x: f64| Number::from_f64(x).map_or(Value::Null, Value::Number);
    match field {
        Field::Null => Value::Null,
        Field::Bool(x) => Value::from(*x),
        Field::Byte(x) => Value::from(*x),
        Field::Short(x) => Value::from(*x),
        Field::Int(x) | Field::Date(x) | Field::TimeMillis(x) => Value::from(*x),
        Field::Long(x)
        | Field::TimeMicros(x)
        | Field::TimestampMillis(x)
        | Field::TimestampMicros(x) => Value::from(*x),
        Field::UByte(x) => Value::from(*x),
        Field::UShort(x) => Value::from(*x),
        Field::UInt(x) => Value::from(*x),
        Field::ULong(x) => Value::from(*x),
        Field::Float16(x) => float(x.to_f64()),
        Field::Float(x) => float(f64::from(*x)),
        Field::Double(x) => float(*x),
        Field::Str(text) => Value::from(text.as_str()),
        // Older writers do not mark text as such.
        Field::Bytes(bytes) => match bytes.as_utf8() {
            Ok(text) => Value::from(text),
            Err(_) => Value::from(bytes.data().to_vec()),
        },
        Field::Group(row) => object(row),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        Field::MapInternal(map) => {
            let pair = |(k, v): &(Field, Field)| Value::from(vec![value(k), value(v)]);
            map.entries().iter().map(pair).collect()
        }
        other => Value::from(other.to_string()),
    }
}
