//! Files made and read by tests.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use seal_data::{Loaded, Source, load_split};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// Loads one file of these bytes; paths in messages are relative to it.
pub fn load(name: &str, bytes: &[u8], change: impl Fn(&mut Source)) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    load_from(folder.path(), name, change)
}

/// Loads one file of `folder`; paths in messages are relative to it.
pub fn load_from(
    folder: &Path,
    name: &str,
    change: impl Fn(&mut Source),
) -> Result<Loaded, String> {
    let mut source = Source::new(name);
    change(&mut source);
    let root = format!("{}/", folder.display());
    load_split(folder, &[source]).map_err(|e| e.to_string().replace(&root, ""))
}

pub fn plain(name: &str, text: &str) -> Result<Loaded, String> {
    load(name, text.as_bytes(), |_| {})
}

pub fn texts(loaded: &Loaded) -> Vec<(&str, &str)> {
    loaded.rows.as_slice().iter().map(|r| (&*r.prompt, &*r.response)).collect()
}

/// Files written by another program, see `tests/reference`.
#[cfg(feature = "parquet")]
pub fn reference() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference")
}
