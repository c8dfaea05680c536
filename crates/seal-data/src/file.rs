//! Bytes of a file as text: decompressed, checked, without byte-order mark.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::DataError;

/// How the text of a file is laid out, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Json,
    JsonLines,
    Csv,
}

impl Container {
    /// By the extension, without `.gz`.
    pub(crate) fn of(path: &Path) -> Result<Self, DataError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, ext)| ext) {
            Some("json") => Ok(Self::Json),
            Some("jsonl" | "ndjson") => Ok(Self::JsonLines),
            Some("csv") => Ok(Self::Csv),
            _ => Err(DataError::UnknownExtension { path: path.to_owned() }),
        }
    }
}

/// The text of `path`; a name that ends in `.gz` is decompressed.
pub(crate) fn read_text(path: &Path) -> Result<String, DataError> {
    let unreadable = |source| DataError::Unreadable { path: path.to_owned(), source };
    let mut bytes = fs::read(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => DataError::Missing { path: path.to_owned() },
        _ => unreadable(e),
    })?;
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
        let mut plain = Vec::new();
        // Several members in one file are legal: `cat a.gz b.gz`.
        MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).map_err(|e| {
            unreadable(io::Error::new(e.kind(), format!("not a whole gzip file ({e})")))
        })?;
        bytes = plain;
    }
    let mut text = String::from_utf8(bytes).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes()[..good].iter().filter(|b| **b == b'\n').count();
        DataError::NotUtf8 { path: path.to_owned(), line }
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}
