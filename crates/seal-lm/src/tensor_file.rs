//! A safetensors file on disk, read one tensor at a time.
//!
//! Numbers are read through a small buffer, converted to f32 and laid out as
//! Burn wants them on the way, so that loading takes the memory of the model
//! and little more, whatever the type in the file.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use burn::tensor::f16;

use crate::LmError;
use crate::header::{SafetensorsHeader, TensorEntry};
use crate::text::refuse_pointer;

/// Rows of a matrix that are turned together: 64 f32 are four cache lines.
const ROWS: usize = 64;

/// Numbers read at once where nothing is turned.
pub(crate) const CHUNK: usize = 1 << 18;

/// An open file.
#[derive(Debug)]
pub(crate) struct TensorFile {
    path: PathBuf,
    file: File,
    header: SafetensorsHeader,
}

/// How a number is stored.
#[derive(Clone, Copy)]
enum Float {
    F32,
    F16,
    Bf16,
}

impl Float {
    fn of(dtype: &str) -> Option<Self> {
        match dtype {
            "F32" => Some(Self::F32),
            "F16" => Some(Self::F16),
            "BF16" => Some(Self::Bf16),
            _ => None,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    fn decode(self, bytes: &[u8], out: &mut Vec<f32>) {
        out.clear();
        let halves = || bytes.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b));
        match self {
            Self::F32 => {
                out.extend(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)))
            }
            Self::F16 => out.extend(halves().map(|bits| f16::from_bits(bits).to_f32())),
            Self::Bf16 => out.extend(halves().map(|bits| f32::from_bits(u32::from(bits) << 16))),
        }
    }
}

impl TensorFile {
    pub(crate) fn open(path: &Path) -> Result<Self, LmError> {
        let io = || LmError::io(path);
        let file = File::open(path).map_err(io())?;
        let size = file.metadata().map_err(io())?.len();
        let mut start = Vec::new();
        (&file).take(64).read_to_end(&mut start).map_err(io())?;
        refuse_pointer(&start, path)?;
        (&file).rewind().map_err(io())?;
        let mut reader = BufReader::new(&file);
        let header = SafetensorsHeader::read(path, &mut reader, size)?;
        Ok(Self { path: path.into(), file, header })
    }

    /// Gives tensors whose names start with the first of a pair the name that starts with the
    /// second, unless there is one of that name.
    pub(crate) fn rename(&mut self, pairs: &[(&str, &str)]) {
        let entries = &mut self.header.entries;
        let names: Vec<String> = entries.keys().cloned().collect();
        for name in names {
            let other = pairs
                .iter()
                .find_map(|(from, to)| name.strip_prefix(from).map(|rest| format!("{to}{rest}")));
            let Some(other) = other.filter(|other| !entries.contains_key(other)) else { continue };
            if let Some(entry) = entries.remove(&name) {
                entries.insert(other, entry);
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &TensorEntry)> {
        self.header.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&TensorEntry> {
        self.header.entries.get(name)
    }

    /// Whether the tensor `name` has this shape and a type that can be read.
    ///
    /// # Errors
    /// [`LmError::Missing`] or [`LmError::Mismatch`].
    pub(crate) fn check(&self, name: &str, shape: &[usize]) -> Result<(), LmError> {
        let Some(entry) = self.entry(name) else {
            return Err(LmError::Missing { path: self.path.clone(), name: name.into() });
        };
        let readable = Float::of(&entry.dtype).is_some();
        if readable && entry.shape == shape {
            return Ok(());
        }
        let kind = if readable { entry.dtype.as_str() } else { "F32, F16 or BF16" };
        Err(LmError::Mismatch {
            path: self.path.clone(),
            name: name.into(),
            found: entry.describe(),
            expected: format!("{kind} {shape:?}"),
        })
    }

    /// The numbers of the tensor `name` in their order.
    pub(crate) fn read(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LmError> {
        let mut out = Vec::with_capacity(shape.iter().product());
        self.each_chunk(name, shape, CHUNK, |_, chunk| out.extend_from_slice(chunk))?;
        Ok(out)
    }

    /// The numbers of the matrix `name` `[rows, columns]`, column after column.
    pub(crate) fn read_turned(
        &mut self,
        name: &str,
        [rows, columns]: [usize; 2],
    ) -> Result<Vec<f32>, LmError> {
        let mut out = vec![0f32; rows * columns];
        self.each_chunk(name, &[rows, columns], ROWS * columns.max(1), |start, chunk| {
            let (first, n) = (start / columns, chunk.len() / columns);
            for c in 0..columns {
                let out = &mut out[c * rows + first..][..n];
                for (r, out) in out.iter_mut().enumerate() {
                    *out = chunk[r * columns + c];
                }
            }
        })?;
        Ok(out)
    }

    /// Hands `each` the numbers of the tensor `name`, `chunk` at a time, with
    /// the place of the first.
    pub(crate) fn each_chunk(
        &mut self,
        name: &str,
        shape: &[usize],
        chunk: usize,
        mut each: impl FnMut(usize, &[f32]),
    ) -> Result<(), LmError> {
        self.check(name, shape)?;
        let entry = &self.header.entries[name];
        let float = Float::of(&entry.dtype).expect("checked");
        let total: usize = shape.iter().product();
        let io = || LmError::io(&self.path);
        let at = self.header.data_start + entry.begin();
        self.file.seek(SeekFrom::Start(at)).map_err(io())?;
        let mut bytes = vec![0; chunk.min(total) * float.bytes()];
        let mut numbers = Vec::with_capacity(chunk.min(total));
        for start in (0..total).step_by(chunk) {
            let n = chunk.min(total - start);
            let bytes = &mut bytes[..n * float.bytes()];
            self.file.read_exact(bytes).map_err(io())?;
            float.decode(bytes, &mut numbers);
            if let Some(i) = numbers.iter().position(|x| !x.is_finite()) {
                return Err(LmError::NotFinite {
                    path: self.path.clone(),
                    name: name.into(),
                    index: start + i,
                    value: numbers[i],
                });
            }
            each(start, &numbers);
        }
        Ok(())
    }
}
