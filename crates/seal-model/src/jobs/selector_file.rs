//! A selector as a file.

use std::io::Write as _;
use std::path::Path;

use seal_files::PendingFile;
use seal_select::SelectorFile;

use crate::ModelError;

#[cfg(feature = "parquet")]
fn to_parquet(selector: &SelectorFile, _: &Path) -> Result<Vec<u8>, ModelError> {
    Ok(selector.to_parquet()?)
}

#[cfg(not(feature = "parquet"))]
fn to_parquet(_: &SelectorFile, file: &Path) -> Result<Vec<u8>, ModelError> {
    Err(ModelError::NoParquet { path: file.to_owned() })
}

/// Writes a selector as Parquet where the name ends in `.parquet`, else as text.
///
/// # Errors
/// A file that cannot be written.
pub fn write_selector_file(selector: &SelectorFile, file: &Path) -> Result<(), ModelError> {
    let bytes = match file.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet")) {
        true => to_parquet(selector, file)?,
        false => selector.to_jsonl()?.into_bytes(),
    };
    let write = || {
        let mut out = PendingFile::named_by_user(file)?;
        out.write_all(&bytes)?;
        out.commit()
    };
    write().map_err(ModelError::io(file))
}
