//! Files as streams of bytes: what kind they are, opened, decompressed.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;

use crate::DataError;
use crate::gz::Members;
use crate::zst::Frames;

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Text(RowSyntax, Packing),
    Parquet,
}

/// How the rows of a text stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowSyntax {
    /// An array, or objects one after the other.
    Json,
    /// JSON, one row a line.
    Lines,
    /// Cells with this between them.
    Table(u8),
}

/// How the bytes of a file are packed, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "text",
            Self::Gzip => "gzip data",
            Self::Zstd => "Zstandard data",
        }
    }

    /// A file that cannot be read (any further).
    pub fn error(self, path: &Path, e: io::Error) -> DataError {
        let source = match self {
            Self::Plain => e,
            Self::Gzip => io::Error::new(e.kind(), format!("not a whole gzip file ({e})")),
            Self::Zstd => io::Error::new(e.kind(), format!("not a whole Zstandard file ({e})")),
        };
        DataError::Unreadable { path: path.to_owned(), source }
    }
}

/// What a file is, by its extensions.
pub(crate) fn container_of(path: &Path) -> Result<Container, DataError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let (name, packing) = match name.rsplit_once('.') {
        Some((inner, "gz")) => (inner, Packing::Gzip),
        Some((inner, "zst")) => (inner, Packing::Zstd),
        _ => (name.as_str(), Packing::Plain),
    };
    let rows = match name.rsplit_once('.').map(|(_, ext)| ext) {
        Some("json") => RowSyntax::Json,
        Some("jsonl" | "ndjson") => RowSyntax::Lines,
        Some("csv") => RowSyntax::Table(b','),
        Some("tsv") => RowSyntax::Table(b'\t'),
        Some("parquet") if packing == Packing::Plain => return Ok(Container::Parquet),
        _ => return Err(DataError::UnknownExtension { path: path.to_owned() }),
    };
    Ok(Container::Text(rows, packing))
}

/// The file, if there is one that can be opened.
pub(crate) fn open(path: &Path) -> Result<File, DataError> {
    let unreadable = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => DataError::Missing { path: path.to_owned() },
        _ => DataError::Unreadable { path: path.to_owned(), source: e },
    };
    File::open(path).map_err(unreadable)
}

/// Refuses a folder; anything else, or nothing, is for others to tell.
pub(crate) fn refuse_folder(path: &Path) -> Result<(), DataError> {
    if path.is_dir() {
        return Err(DataError::Folder { path: path.to_owned(), holds: row_files(path)? });
    }
    Ok(())
}

/// Names of files in a folder that could be meant, the first few.
fn row_files(folder: &Path) -> Result<String, DataError> {
    let unreadable = |source| DataError::Unreadable { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if container_of(&path).is_ok() {
            names.extend(path.file_name().map(|n| n.to_string_lossy().into_owned()));
        }
    }
    names.sort_unstable();
    let more = if names.len() > 5 { ", ..." } else { "" };
    names.truncate(5);
    Ok(match names.as_slice() {
        [] => "it holds no file of rows".into(),
        names => format!("it holds {}{more}", names.join(", ")),
    })
}

/// First bytes that say what a file is, where that is no text.
const SIGNATURES: [(&[u8], &str, &str); 11] = [
    (b"\x1f\x8b", "gzip data", "end its name in .gz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data", "end its name in .zst"),
    (b"PAR1", "a Parquet file", "name it .parquet"),
    (b"PK\x03\x04", "a zip archive", "unpack it"),
    (b"BZh", "bzip2 data", "unpack it"),
    (b"\xfd7zXZ\0", "xz data", "unpack it"),
    (b"\xff\xfe", "UTF-16 text", "convert it to UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "convert it to UTF-8"),
    (b"version https://git-lfs", "a Git LFS pointer", "fetch the data with `git lfs pull`"),
    (b"<!DOCTYPE html", "a web page", "download the file itself"),
    (b"<!doctype html", "a web page", "download the file itself"),
];

/// Text of two or four bytes a character, told by the zeros beside its first one.
fn wide_text(head: &[u8]) -> Option<&'static str> {
    let head = head.get(..8)?;
    let zeros = |at: usize| [0, 1, 2, 3].map(|i| head[at + i] == 0);
    match zeros(0) {
        first if first != zeros(4) => None,
        [true, true, _, false] | [false, _, true, true] => Some("UTF-32 text"),
        [true, false, true, false] | [false, true, false, true] => Some("UTF-16 text"),
        _ => None,
    }
}

/// A file whose content is not what its name says. `packed` tells that `head`
/// was packed, so that the name of the file does not name it.
fn check(
    path: &Path,
    head: &[u8],
    expected: Option<&'static str>,
    packed: bool,
) -> Result<(), DataError> {
    let wide = wide_text(head).map(|what| (&head[..0], what, "convert it to UTF-8"));
    let known = SIGNATURES.iter().copied().find(|(magic, ..)| head.starts_with(magic)).or(wide);
    if known.map(|(_, what, _)| what) == expected {
        return Ok(());
    }
    let (found, remedy) = match known {
        Some((_, what, _)) if packed && wide.is_none() => (what, "unpack it"),
        Some((_, what, remedy)) => (what, remedy),
        None if head.is_empty() => ("nothing", "get the file again"),
        None if head.starts_with(b"{") || head.starts_with(b"[") => {
            ("JSON", "name it .json or .jsonl")
        }
        None => ("something else", "name it after what it holds"),
    };
    let named = expected.unwrap_or("text");
    Err(DataError::Content { path: path.to_owned(), named, found, remedy })
}

/// The first bytes of `source`, which are then read again.
fn sniffed(mut source: impl Read + 'static) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut head = Vec::new();
    source.by_ref().take(64).read_to_end(&mut head)?;
    Ok((head.clone(), Box::new(io::Cursor::new(head).chain(source))))
}

/// The text of a file, decompressed; its UTF-8 is not checked.
pub(crate) fn open_text(path: &Path, packing: Packing) -> Result<Box<dyn Read>, DataError> {
    let unreadable = |e: io::Error| packing.error(path, e);
    let (head, source) = sniffed(open(path)?).map_err(unreadable)?;
    let (head, source) = match packing {
        Packing::Plain => (head, source),
        _ => {
            check(path, &head, Some(packing.name()), false)?;
            let plain: Box<dyn Read> = match packing {
                Packing::Gzip => Box::new(Members::new(source)),
                _ => Box::new(Frames::new(source)),
            };
            sniffed(plain).map_err(unreadable)?
        }
    };
    check(path, &head, None, packing != Packing::Plain)?;
    Ok(source)
}

/// A Parquet file.
pub(crate) fn open_parquet(path: &Path) -> Result<File, DataError> {
    let unreadable = |e| Packing::Plain.error(path, e);
    let mut file = open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(64).read_to_end(&mut head).map_err(unreadable)?;
    check(path, &head, Some("a Parquet file"), false)?;
    file.rewind().map_err(unreadable)?;
    Ok(file)
}
