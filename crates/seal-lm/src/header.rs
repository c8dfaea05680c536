//! The header of a safetensors file, checked before anything is believed.
//!
//! The reader of the `safetensors` crate wants the whole file as one slice, takes the
//! last of two tensors of one name, and does not say which tensor overlaps which; here
//! a file is read tensor by tensor, and the header alone is in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};

use crate::LmError;

/// Largest header that the format allows, in bytes.
const MAX_HEADER: u64 = 100_000_000;

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TensorEntry {
    /// As the file has it: `F32`, `BF16`, ..
    pub(crate) dtype: String,
    pub(crate) shape: Vec<usize>,
    /// First byte and the one after the last, counted from the end of the
    /// header.
    data_offsets: [u64; 2],
}

impl TensorEntry {
    pub(crate) fn begin(&self) -> u64 {
        self.data_offsets[0]
    }

    /// Type and shape, for messages.
    pub(crate) fn describe(&self) -> String {
        format!("{} {:?}", self.dtype, self.shape)
    }
}

/// Bytes a number, of the types that can be sized here; the format has others
/// (4 and 6 bits), which no weight of a known family is stored in.
fn bytes(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F64" | "I64" | "U64" | "C64" => 8,
        "F32" | "I32" | "U32" => 4,
        "F16" | "BF16" | "I16" | "U16" => 2,
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" => 1,
        _ => return None,
    })
}

/// What a file holds, and where its numbers start.
#[derive(Debug)]
pub(crate) struct SafetensorsHeader {
    pub(crate) entries: BTreeMap<String, TensorEntry>,
    pub(crate) data_start: u64,
}

/// Entries in the order of the file; a name twice is an error.
struct Entries(BTreeMap<String, TensorEntry>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeaderVisitor;
        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of tensors")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entries, M::Error> {
                let mut out = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<de::IgnoredAny>()?;
                        continue;
                    }
                    let entry = map.next_value()?;
                    if out.insert(name.clone(), entry).is_some() {
                        return Err(de::Error::custom(format!("tensor `{name}` twice")));
                    }
                }
                Ok(Entries(out))
            }
        }
        deserializer.deserialize_map(HeaderVisitor)
    }
}

impl SafetensorsHeader {
    /// Reads the header of `file`, which is `size` bytes long.
    ///
    /// # Errors
    /// A header that is too large for the format or the file, is no table of
    /// tensors, or whose tensors overlap, leave gaps or reach beyond the file.
    pub(crate) fn read(path: &Path, file: &mut impl Read, size: u64) -> Result<Self, LmError> {
        let bad = |fault: HeaderFault| {
            let reason = format!("not a whole safetensors file ({fault}); copy or write it again");
            LmError::Format { path: path.into(), reason }
        };
        if size < 8 {
            return Err(bad(HeaderFault::Short { size }));
        }
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(LmError::io(path))?;
        if let Some(text) = printable(&length) {
            return Err(bad(HeaderFault::Text { start: text.to_owned() }));
        }
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER {
            return Err(bad(HeaderFault::BeyondFormat { length }));
        }
        if length > size - 8 {
            return Err(bad(HeaderFault::BeyondFile { length, size }));
        }
        let mut text = vec![0; length as usize];
        file.read_exact(&mut text).map_err(LmError::io(path))?;
        let Entries(entries) =
            serde_json::from_slice(&text).map_err(|e| bad(HeaderFault::NoTable(e)))?;
        check(&entries, size - 8 - length).map_err(bad)?;
        Ok(Self { entries, data_start: 8 + length })
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
enum HeaderFault {
    #[error("{size} bytes, the length of the header alone takes 8")]
    Short { size: u64 },
    #[error("it begins with the text `{start}`")]
    Text { start: String },
    #[error("a header of {length} bytes, the format allows {MAX_HEADER}")]
    BeyondFormat { length: u64 },
    #[error("a header of {length} bytes in a file of {size}")]
    BeyondFile { length: u64, size: u64 },
    #[error("its header is no table of tensors: {0}")]
    NoTable(serde_json::Error),
    #[error("tensor `{name}`, {tensor}, does not fill bytes {from} to {to}")]
    Size { name: String, tensor: String, from: u64, to: u64 },
    #[error("tensor `{name}` overlaps `{before}`")]
    Overlap { name: String, before: String },
    #[error("{bytes} bytes of no tensor before `{name}`")]
    Gap { bytes: u64, name: String },
    #[error("tensor `{name}` ends {bytes} bytes after the end of the file")]
    BeyondEnd { name: String, bytes: u64 },
    #[error("{bytes} bytes after the last tensor")]
    Rest { bytes: u64 },
}

/// The start of a file as text, where it is text. As a length it would be beyond the format.
fn printable(start: &[u8; 8]) -> Option<&str> {
    let is_text = |b: &u8| b.is_ascii_graphic() || *b == b' ';
    std::str::from_utf8(start).ok().filter(|_| start.iter().all(is_text))
}

/// Whether `entries` cover `size` bytes, each once.
fn check(entries: &BTreeMap<String, TensorEntry>, size: u64) -> Result<(), HeaderFault> {
    let mut by_place: Vec<(&String, &TensorEntry)> = entries.iter().collect();
    by_place.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut end = 0;
    let mut before = "the header";
    for (name, entry) in by_place {
        let [from, to] = entry.data_offsets;
        let numbers = entry.shape.iter().try_fold(1u64, |n, d| n.checked_mul(*d as u64));
        let wanted = match bytes(&entry.dtype) {
            Some(bytes) => numbers.and_then(|n| n.checked_mul(bytes)),
            None => to.checked_sub(from),
        };
        let name_of = || name.clone();
        if to < from || wanted != Some(to - from) {
            let tensor = entry.describe();
            return Err(HeaderFault::Size { name: name_of(), tensor, from, to });
        }
        if from < end {
            return Err(HeaderFault::Overlap { name: name_of(), before: before.to_owned() });
        }
        if from > end {
            return Err(HeaderFault::Gap { bytes: from - end, name: name_of() });
        }
        (end, before) = (to, name);
    }
    match end.cmp(&size) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => {
            Err(HeaderFault::BeyondEnd { name: before.to_owned(), bytes: end - size })
        }
        std::cmp::Ordering::Less => Err(HeaderFault::Rest { bytes: size - end }),
    }
}
