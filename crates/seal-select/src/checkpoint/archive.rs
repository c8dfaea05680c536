//! The zip around a checkpoint.
//!
//! The crate `zip` reads the directory and checks each entry's CRC. Before it
//! starts, the end record is checked here: it holds the number of entries,
//! which the crate makes room for, and where it is doubtful the crate looks
//! for an earlier one.

use std::io::{Cursor, Read};

use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use super::MAX_CHECKPOINT_BYTES;
use super::error::{CheckpointError, ContainerError};
use crate::shown::shown;

/// PyTorch 2.9 writes seven entries for one tensor.
const MAX_ENTRIES: usize = 16;

/// Sixteen entries with names and padding; PyTorch writes about 100 bytes each.
const MAX_DIRECTORY: usize = 16 << 10;

/// One tensor takes about 210 bytes.
const MAX_PICKLE: usize = 4 << 10;

const PICKLE: &str = "data.pkl";
const STORAGE: &str = "data/0";

/// The remaining entries: name, content (without white space around it),
/// whether every file has it. `None` stands for any content.
const NOTES: [(&str, Option<&str>, bool); 5] = [
    ("version", Some("3"), true),
    // Absent before PyTorch 2.1.
    ("byteorder", Some("little"), false),
    (".format_version", Some("1"), false),
    (".storage_alignment", None, false),
    (".data/serialization_id", None, false),
];

/// Longest of the notes: the serialization id has 40 digits.
const MAX_NOTE: usize = 64;

/// A checkpoint's zip whose entries are all known, stored and within bounds.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The folder that all entries are in.
    folder: String,
}

impl<'a> Archive<'a> {
    /// Opens a checkpoint and checks all of it but pickle and numbers.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, CheckpointError> {
        check_end(bytes)?;
        // PyTorch's zips start with the file: no search for another start.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let mut zip = ZipArchive::with_config(config, Cursor::new(bytes)).map_err(unreadable)?;
        // Without this, another reader may see other entries in the same file.
        zip.validate_header_consistency().map_err(unreadable)?;
        let first = zip.by_index_data(0).map_err(unreadable)?;
        let folder = match first.name().map_err(unreadable)?.split_once('/') {
            Some((folder, _)) => folder.to_owned(),
            None => String::new(),
        };
        if folder.chars().any(char::is_control) {
            return Err(ContainerError::Folder { name: folder }.into());
        }
        let mut archive = Self { zip, folder };
        archive.check_entries(bytes.len())?;
        archive.check_notes()?;
        Ok(archive)
    }

    /// The bytecode of `data.pkl`.
    pub(super) fn pickle(&mut self) -> Result<Vec<u8>, CheckpointError> {
        self.read(PICKLE)?.ok_or_else(|| missing(PICKLE))
    }

    /// The numbers of `data/0`, which must be `rows`.
    pub(super) fn logits(&mut self, rows: u64) -> Result<Vec<f64>, CheckpointError> {
        let index = self.index_of(STORAGE).ok_or_else(|| missing(STORAGE))?;
        let mut entry = self.zip.by_index(index).map_err(unreadable)?;
        let size = entry.size();
        if rows.checked_mul(4) != Some(size) {
            return Err(CheckpointError::Entry {
                entry: STORAGE.to_owned(),
                found: format!("{size} bytes, while `data.pkl` tells of {rows} values"),
                expected: "4 bytes a value".to_owned(),
            });
        }
        // No longer than the file: `check_entries` has seen to that.
        let mut bytes = Vec::with_capacity(size as usize);
        entry.read_to_end(&mut bytes).map_err(|e| unreadable(e.into()))?;
        let (values, _) = bytes.as_chunks::<4>();
        let mut logits = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            let value = f32::from_le_bytes(*value);
            if !value.is_finite() {
                return Err(CheckpointError::NotFinite { index, value });
            }
            logits.push(value.into());
        }
        Ok(logits)
    }

    /// The folder that all entries are in.
    pub(super) fn into_name(self) -> String {
        self.folder
    }

    fn check_entries(&self, file_len: usize) -> Result<(), CheckpointError> {
        for index in 0..self.zip.len() {
            let entry = self.zip.by_index_data(index).map_err(unreadable)?;
            let full_name = entry.name().map_err(unreadable)?;
            let name = full_name.strip_prefix(&self.folder).and_then(|n| n.strip_prefix('/'));
            let refuse = |found: String, expected: &str| {
                let entry = shown(name.unwrap_or(&full_name));
                Err(CheckpointError::Entry { entry, found, expected: expected.to_owned() })
            };
            let limit = match name {
                Some(PICKLE) => MAX_PICKLE,
                Some(STORAGE) => file_len,
                Some(name) if NOTES.iter().any(|(note, ..)| *note == name) => MAX_NOTE,
                Some(name) if name.starts_with("data/") => {
                    return refuse("a second tensor's numbers".to_owned(), "one tensor");
                }
                _ => return refuse("an entry".to_owned(), "none of this name"),
            };
            if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
                return refuse("compressed or encrypted".to_owned(), "stored as it is");
            }
            let size = entry.size();
            if size != entry.compressed_size() || size > limit as u64 {
                return refuse(format!("{size} bytes"), &format!("at most {limit}"));
            }
        }
        Ok(())
    }

    fn check_notes(&mut self) -> Result<(), CheckpointError> {
        for (name, expected, required) in NOTES {
            let Some(expected) = expected else { continue };
            match self.read(name)? {
                Some(content) if content.trim_ascii() == expected.as_bytes() => {}
                None if !required => {}
                None => return Err(missing(name)),
                Some(content) => {
                    return Err(CheckpointError::Entry {
                        entry: name.to_owned(),
                        found: format!("`{}`", shown(&String::from_utf8_lossy(&content))),
                        expected: format!("`{expected}`"),
                    });
                }
            }
        }
        Ok(())
    }

    /// An entry, `None` where it is absent. `check_entries` bounds its length.
    fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, CheckpointError> {
        let Some(index) = self.index_of(name) else { return Ok(None) };
        let mut entry = self.zip.by_index(index).map_err(unreadable)?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|e| unreadable(e.into()))?;
        Ok(Some(bytes))
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.zip.index_for_name_raw(format!("{}/{name}", self.folder).as_bytes())
    }
}

/// Checks the end record of a zip: 22 bytes with counts and the place of the
/// directory, and after them nothing. The layout is that of PKWARE's
/// APPNOTE.TXT, section 4.3.16.
fn check_end(bytes: &[u8]) -> Result<(), ContainerError> {
    const SIGNATURE: &[u8] = b"PK\x05\x06";
    const RECORD: usize = 22;
    /// How far before the end other readers look: a record and a comment.
    const SEARCHED: usize = (64 << 10) + 2 * RECORD;

    if bytes.len() > MAX_CHECKPOINT_BYTES {
        return Err(ContainerError::TooLong { bytes: bytes.len() });
    }
    let starts_as_zip = bytes.starts_with(b"PK\x03\x04");
    let end = bytes.len().checked_sub(RECORD).filter(|&end| bytes[end..].starts_with(SIGNATURE));
    let Some(end) = end else {
        let bytes = bytes.len();
        return Err(match starts_as_zip {
            true => ContainerError::BreaksOff { bytes },
            false => ContainerError::NoZip { bytes },
        });
    };
    let searched = &bytes[end.saturating_sub(SEARCHED)..end + SIGNATURE.len() - 1];
    if searched.windows(SIGNATURE.len()).any(|window| window == SIGNATURE) {
        return Err(ContainerError::TwoEnds);
    }
    let u16_at =
        |at: usize| usize::from(u16::from_le_bytes([bytes[end + at], bytes[end + at + 1]]));
    let u32_at = |at: usize| u16_at(at) | (u16_at(at + 2) << 16);
    let (disks, entries, comment) = (u16_at(4) | u16_at(6), u16_at(10), u16_at(20));
    let (size, start) = (u32_at(12), u32_at(16));
    if disks != 0 || comment != 0 || u16_at(8) != entries {
        return Err(ContainerError::SeveralParts);
    }
    if entries == 0 || entries > MAX_ENTRIES {
        return Err(ContainerError::Entries { entries, most: MAX_ENTRIES });
    }
    if size > MAX_DIRECTORY || start.checked_add(size).is_none_or(|after| after > end) {
        return Err(ContainerError::Directory { bytes: size, start });
    }
    if !bytes[start..].starts_with(b"PK\x01\x02") {
        return Err(ContainerError::NoDirectory { start });
    }
    Ok(())
}

fn unreadable(error: zip::result::ZipError) -> CheckpointError {
    ContainerError::Damaged { reason: error.to_string() }.into()
}

fn missing(entry: &'static str) -> CheckpointError {
    ContainerError::MissingEntry { entry }.into()
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
