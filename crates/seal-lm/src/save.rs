//! Writing tensors as safetensors.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use burn::tensor::Tensor;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use seal_files::{Flush, PendingFile};

use crate::folder::WHOLE;
use crate::tensors::StoredTensor;
use crate::{Linear, Lm, LmError, hf};

/// A tensor to be written, as f32.
pub(crate) enum ToWrite<'a> {
    /// Brought to the host when its turn comes.
    Parameter(StoredTensor<'a>),
    /// The weight of a layer with its side paths added in f32, likewise.
    Merged(&'a Linear),
    /// Already there, little-endian.
    Bytes { shape: Vec<usize>, bytes: Vec<u8> },
}

impl ToWrite<'_> {
    pub(crate) fn shape(&self) -> Vec<usize> {
        let turned = |dims: [usize; 2]| dims.into_iter().rev().collect();
        match self {
            Self::Parameter(StoredTensor::Vector(p)) => p.val().dims().to_vec(),
            Self::Parameter(StoredTensor::Matrix(p)) => p.val().dims().to_vec(),
            Self::Parameter(StoredTensor::Transposed(p)) => turned(p.val().dims()),
            Self::Merged(linear) => turned(linear.weight.val().dims()),
            Self::Bytes { shape, .. } => shape.clone(),
        }
    }

    fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Parameter(StoredTensor::Vector(p)) => to_bytes(p.val()).into(),
            Self::Parameter(StoredTensor::Matrix(p)) => to_bytes(p.val()).into(),
            Self::Parameter(StoredTensor::Transposed(p)) => to_bytes(p.val().transpose()).into(),
            Self::Merged(linear) => to_bytes(linear.dense().transpose()).into(),
            Self::Bytes { bytes, .. } => Cow::Borrowed(bytes),
        }
    }
}

fn to_bytes<const D: usize>(tensor: Tensor<D>) -> Vec<u8> {
    tensor.into_data().iter::<f32>().flat_map(f32::to_le_bytes).collect()
}

/// Writes `tensors` beside `path` one after the other, and renames the file last: a
/// program that is killed leaves the file that was there, or none. A file that another one
/// of its folder follows leaves the flush of the folder to that.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn write_safetensors(
    tensors: BTreeMap<String, ToWrite<'_>>,
    path: &Path,
    flush: Flush,
) -> Result<(), LmError> {
    let mut end = 0;
    let entry = |(name, tensor): (&String, &ToWrite<'_>)| {
        let shape = tensor.shape();
        let begin = end;
        end += 4 * shape.iter().product::<usize>();
        (name.clone(), TensorInfo { dtype: Dtype::F32, shape, data_offsets: (begin, end) })
    };
    let entries: Vec<_> = tensors.iter().map(entry).collect();
    let kind = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    let header = Metadata::new(Some(kind), entries).map_err(|e| LmError::format(path, e))?;
    let mut header = serde_json::to_vec(&header).map_err(|e| LmError::format(path, e))?;
    // Numbers start at a multiple of 8 bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    let io = || LmError::io(path);
    let mut file = PendingFile::create(path).map_err(io())?;
    file.write_all(&(header.len() as u64).to_le_bytes()).map_err(io())?;
    file.write_all(&header).map_err(io())?;
    for tensor in tensors.values() {
        file.write_all(&tensor.bytes()).map_err(io())?;
    }
    file.commit_flushed(flush).map_err(io())
}

pub(crate) fn write_json(json: &serde_json::Value, path: &Path) -> Result<(), LmError> {
    let text = serde_json::to_string_pretty(json).expect("a JSON value serialises");
    seal_files::write(path, (text + "\n").as_bytes()).map_err(LmError::io(path))
}

/// Writes `model.safetensors` and then `config.json` into `dir`, readable by
/// transformers. Each file is whole or absent, and a folder with `config.json` has both.
///
/// A model read by [`crate::load_model`] keeps what its `config.json` said of
/// other matters, such as the ids of special tokens.
///
/// # Errors
/// A model with adapters, which would not be written: [`crate::save_merged`] and
/// [`crate::save_adapter`] are for those. A file that cannot be written.
pub fn save_weights(model: &Lm, dir: &Path) -> Result<(), LmError> {
    if model.has_adapters() {
        return Err(LmError::WithAdapters);
    }
    write_model(model, dir)
}

/// As [`save_weights`], with adapters added into the weights.
pub(crate) fn write_model(model: &Lm, dir: &Path) -> Result<(), LmError> {
    let mut tensors: BTreeMap<String, ToWrite<'_>> = model
        .tensors()
        .into_iter()
        .map(|(name, stored)| (name, ToWrite::Parameter(stored)))
        .collect();
    for (path, linear) in model.adapted() {
        tensors.insert(format!("{path}.weight"), ToWrite::Merged(linear));
    }
    write_safetensors(tensors, &dir.join(WHOLE), Flush::File)?;
    write_json(&hf::config_json(model.config(), model.source()), &dir.join(hf::CONFIG))
}
