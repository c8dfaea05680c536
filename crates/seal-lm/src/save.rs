//! Writing tensors as safetensors.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use burn::tensor::Tensor;
use safetensors::tensor::{Dtype, View};

use crate::folder::WHOLE;
use crate::model::Stored;
use crate::{Lm, LmError, hf};

/// A tensor to be written, as f32.
pub(crate) enum ToWrite<'a> {
    /// Brought to the host when its turn comes.
    Parameter(Stored<'a>),
    /// Already there, little-endian.
    Bytes { shape: Vec<usize>, bytes: Vec<u8> },
}

impl ToWrite<'_> {
    pub(crate) fn shape(&self) -> Vec<usize> {
        match self {
            Self::Parameter(Stored::Vector(p)) => p.val().dims().to_vec(),
            Self::Parameter(Stored::Matrix(p)) => p.val().dims().to_vec(),
            Self::Parameter(Stored::Transposed(p)) => p.val().dims().into_iter().rev().collect(),
            Self::Bytes { shape, .. } => shape.clone(),
        }
    }
}

fn to_bytes<const D: usize>(tensor: Tensor<D>) -> Vec<u8> {
    tensor.into_data().iter::<f32>().flat_map(f32::to_le_bytes).collect()
}

/// [`ToWrite`] with its shape, which the format asks for by reference.
struct Shaped<'a>(ToWrite<'a>, Vec<usize>);

impl View for Shaped<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        &self.1
    }
    fn data(&self) -> Cow<'_, [u8]> {
        match &self.0 {
            ToWrite::Parameter(Stored::Vector(p)) => to_bytes(p.val()).into(),
            ToWrite::Parameter(Stored::Matrix(p)) => to_bytes(p.val()).into(),
            ToWrite::Parameter(Stored::Transposed(p)) => to_bytes(p.val().transpose()).into(),
            ToWrite::Bytes { bytes, .. } => Cow::Borrowed(bytes),
        }
    }
    fn data_len(&self) -> usize {
        4 * self.1.iter().product::<usize>()
    }
}

pub(crate) fn write_safetensors(
    tensors: BTreeMap<String, ToWrite<'_>>,
    path: &Path,
) -> Result<(), LmError> {
    let metadata = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    let tensors = tensors.into_iter().map(|(name, tensor)| {
        let shape = tensor.shape();
        (name, Shaped(tensor, shape))
    });
    // The crate gives its file to the user alone; this one's mode is that of other files.
    let mode = File::create(path).and_then(|file| file.metadata()).map_err(LmError::io(path))?;
    safetensors::serialize_to_file(tensors.collect::<Vec<_>>(), Some(metadata), path).map_err(
        |e| match e {
            safetensors::SafeTensorError::IoError(source) => LmError::io(path)(source),
            other => LmError::Format { path: path.into(), reason: other.to_string() },
        },
    )?;
    fs::set_permissions(path, mode.permissions()).map_err(LmError::io(path))
}

pub(crate) fn write_json(json: &serde_json::Value, path: &Path) -> Result<(), LmError> {
    let text = serde_json::to_string_pretty(json).expect("a JSON value serialises");
    fs::write(path, text + "\n").map_err(LmError::io(path))
}

/// Writes `model.safetensors` and `config.json` into `dir`, readable by
/// transformers. Adapters are not written: merge them first, or save them with
/// [`crate::save_adapter`].
///
/// A model read by [`crate::load_model`] keeps what its `config.json` said of
/// other matters, such as the ids of special tokens.
///
/// # Errors
/// A file that cannot be written.
pub fn save_weights(model: &Lm, dir: &Path) -> Result<(), LmError> {
    let tensors = model.tensors().into_iter();
    let tensors = tensors.map(|(name, stored)| (name, ToWrite::Parameter(stored))).collect();
    write_safetensors(tensors, &dir.join(WHOLE))?;
    write_json(&hf::config_json(model.config(), model.source()), &dir.join("config.json"))
}
