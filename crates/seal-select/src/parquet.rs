//! A selector file as Parquet, for data frames.

use std::sync::Arc;

use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;

use crate::{SelectError, SelectorFile};

/// Key of the file's metadata that holds the header, as JSON.
pub const PARQUET_HEADER_KEY: &str = "seal.selector";

const SCHEMA: &str = "message selector {
    REQUIRED BINARY id (UTF8);
    REQUIRED DOUBLE omega;
    OPTIONAL DOUBLE p;
    REQUIRED INT64 rank;
    REQUIRED BOOLEAN kept;
}";

/// Rows of a row group: readers hold one at a time.
const GROUP: usize = 1 << 20;

impl SelectorFile {
    /// The rows as a Parquet file with the columns `id`, `omega`, `p` (null where
    /// the method has no weights), `rank` and `kept`, in the order of the rows;
    /// the header stands in the file's metadata under [`PARQUET_HEADER_KEY`].
    /// Equal files give equal bytes. There is no way back: to go on working with
    /// a selector, keep [its text](Self::to_jsonl).
    ///
    /// # Errors
    /// As [`SelectorFile::to_jsonl`].
    pub fn to_parquet(&self) -> Result<Vec<u8>, SelectError> {
        self.check()?;
        let header = serde_json::to_string(&self.header)
            .map_err(|e| crate::file::not_json(1, "a header", e))?;
        let mut bytes = Vec::new();
        self.write_parquet(&mut bytes, header)
            .map_err(|e| SelectError::Parquet { message: e.to_string() })?;
        Ok(bytes)
    }

    fn write_parquet(&self, bytes: &mut Vec<u8>, header: String) -> Result<(), ParquetError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let properties = WriterProperties::builder()
            // Ids are hashes and logits all differ: nothing repeats.
            .set_dictionary_enabled(false)
            .set_key_value_metadata(Some(vec![KeyValue::new(
                PARQUET_HEADER_KEY.to_owned(),
                header,
            )]))
            .build();
        let mut file = SerializedFileWriter::new(bytes, schema, Arc::new(properties))?;
        for rows in self.rows.chunks(GROUP) {
            let mut group = file.next_row_group()?;
            let ids = rows.iter().map(|r| ByteArray::from(r.id.to_string().into_bytes()));
            column::<ByteArrayType>(&mut group, &ids.collect::<Vec<_>>(), None)?;
            let omega: Vec<f64> = rows.iter().map(|r| r.omega).collect();
            column::<DoubleType>(&mut group, &omega, None)?;
            let present: Vec<i16> = rows.iter().map(|r| i16::from(r.p.is_some())).collect();
            let p: Vec<f64> = rows.iter().filter_map(|r| r.p).collect();
            column::<DoubleType>(&mut group, &p, Some(&present))?;
            let ranks: Vec<i64> = rows.iter().map(|r| r.rank as i64).collect();
            column::<Int64Type>(&mut group, &ranks, None)?;
            let kept: Vec<bool> = rows.iter().map(|r| r.kept).collect();
            column::<BoolType>(&mut group, &kept, None)?;
            group.close()?;
        }
        file.close().map(drop)
    }
}

/// Writes the next column of the schema; `present` is 1 where a value is there.
fn column<T: ::parquet::data_type::DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    values: &[T::T],
    present: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("more columns than the schema has".to_owned()))?;
    column.typed::<T>().write_batch(values, present, None)?;
    column.close()
}
