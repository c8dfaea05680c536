//! Trainable weights with the moments of their optimiser: what a step of
//! training starts from, for those who replay it or go on from it.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::{Tensor, TensorData};
use seal_files::Flush;

use crate::optim::Leaf;
use crate::save::{ToWrite, write_safetensors};
use crate::tensors::StoredTensor;
use crate::{Lm, LmError, Moments, Optimizer};

/// A trained tensor on the host, as f32 in the layout of Hugging Face files.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedTensor {
    /// Lengths of its sides.
    pub shape: Vec<usize>,
    /// Its values, the last side running fastest.
    pub values: Vec<f32>,
    /// Moments of its values; `None` where no step moved it yet.
    pub moments: Option<Moments>,
}

/// A saved state that does not fit the model it is put on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainingStateError {
    /// The model trains a tensor that the state lacks.
    #[error("the state has no tensor `{name}`, which the model trains")]
    Missing {
        /// The tensor.
        name: String,
    },
    /// The state has a tensor that the model does not train.
    #[error("the state has a tensor `{name}`, which the model does not train")]
    Unknown {
        /// The tensor.
        name: String,
    },
    /// A tensor of another shape.
    #[error("tensor `{name}` of the state is {found:?}, the model wants {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// Shape in the state.
        found: Vec<usize>,
        /// Shape in the model.
        expected: Vec<usize>,
    },
}

/// The weights that an optimiser moves, by their Hugging Face or PEFT names.
fn trainable(model: &Lm) -> Vec<(String, StoredTensor<'_>)> {
    let adapters = model.adapter_tensors();
    if adapters.is_empty() { model.tensors() } else { adapters }
}

/// Every tensor that `optimizer` moves in `model`, by its Hugging Face or PEFT name,
/// with its moments. Bits are kept.
pub fn training_state(model: &Lm, optimizer: &Optimizer) -> BTreeMap<String, TrainedTensor> {
    let tensor = |(name, stored)| {
        let shape = ToWrite::Parameter(stored).shape();
        let values = match stored {
            StoredTensor::Vector(p) => values(p.val()),
            StoredTensor::Matrix(p) => values(p.val()),
            StoredTensor::Transposed(p) => values(p.val().transpose()),
        };
        (name, TrainedTensor { moments: moments(optimizer, stored, &shape), shape, values })
    };
    trainable(model).into_iter().map(tensor).collect()
}

/// Puts `state`, which [`training_state`] took after `step` steps, on `model` and
/// `optimizer`, which were made as those were that it was taken from. Training then goes
/// on as it would have gone on there, bit by bit on the same device.
///
/// # Errors
/// Other tensors than the model trains, or of other shapes; `optimizer` is then of no use.
pub fn restore_training_state(
    model: Lm,
    optimizer: &mut Optimizer,
    step: usize,
    mut state: BTreeMap<String, TrainedTensor>,
) -> Result<Lm, TrainingStateError> {
    optimizer.reset(step);
    let mut values = BTreeMap::new();
    for (name, stored) in trainable(&model) {
        let Some(mut tensor) = state.remove(&name) else {
            return Err(TrainingStateError::Missing { name });
        };
        let expected = ToWrite::Parameter(stored).shape();
        if tensor.shape != expected {
            return Err(TrainingStateError::Shape { name, found: tensor.shape, expected });
        }
        let id = match stored {
            StoredTensor::Vector(p) => restore(p, tensor.moments, optimizer),
            StoredTensor::Matrix(p) => restore(p, tensor.moments, optimizer),
            StoredTensor::Transposed(p) => {
                // Back to the layout [in, out].
                let shape = [expected[1], expected[0]];
                tensor.values = transpose(&tensor.values, &shape);
                let moments = tensor.moments.map(|m| transpose_moments(m, &shape));
                restore(p, moments, optimizer)
            }
        };
        values.insert(id.val(), tensor.values);
    }
    match state.into_keys().next() {
        Some(name) => Err(TrainingStateError::Unknown { name }),
        None => Ok(model.map(&mut Replace(values))),
    }
}

fn restore<const D: usize>(
    param: &Param<Tensor<D>>,
    moments: Option<Moments>,
    optimizer: &mut Optimizer,
) -> ParamId {
    if let Some(moments) = moments {
        optimizer.set_moments(param, moments);
    }
    param.id
}

/// Gives parameters the values of their ids.
struct Replace(BTreeMap<u64, Vec<f32>>);

impl ModuleMapper for Replace {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(values) = self.0.remove(&id.val()) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let leaf = Leaf::of(&tensor);
        let inner = tensor.inner();
        let data = TensorData::new(values, inner.dims());
        let value = Tensor::from_data(data, &inner.device());
        Param::from_mapped_value(id, leaf.with(value), mapper)
    }
}

/// Writes the trainable weights of `model` to `path`, each under its Hugging
/// Face or PEFT name, and beside it `<name>.exp_avg` and `<name>.exp_avg_sq`,
/// the moments that `optimizer` holds for it; before the first step there are
/// none.
///
/// # Errors
/// A file that cannot be written.
pub fn save_training_state(model: &Lm, optimizer: &Optimizer, path: &Path) -> Result<(), LmError> {
    let bytes = |values: Vec<f32>| values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let mut tensors = BTreeMap::new();
    for (name, stored) in trainable(model) {
        let weight = ToWrite::Parameter(stored);
        let shape = weight.shape();
        if let Some(moments) = moments(optimizer, stored, &shape) {
            let kinds = [("exp_avg", moments.exp_avg), ("exp_avg_sq", moments.exp_avg_sq)];
            for (kind, values) in kinds {
                let tensor = ToWrite::Bytes { shape: shape.clone(), bytes: bytes(values) };
                tensors.insert(format!("{name}.{kind}"), tensor);
            }
        }
        tensors.insert(name, weight);
    }
    write_safetensors(tensors, path, Flush::FileAndFolder)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The moments of a parameter whose file has `shape`, in the layout of the file.
fn moments(optimizer: &Optimizer, stored: StoredTensor<'_>, shape: &[usize]) -> Option<Moments> {
    match stored {
        StoredTensor::Vector(p) => optimizer.moments(p),
        StoredTensor::Matrix(p) => optimizer.moments(p),
        StoredTensor::Transposed(p) => optimizer.moments(p).map(|m| transpose_moments(m, shape)),
    }
}

fn transpose_moments(moments: Moments, shape: &[usize]) -> Moments {
    Moments {
        exp_avg: transpose(&moments.exp_avg, shape),
        exp_avg_sq: transpose(&moments.exp_avg_sq, shape),
        steps: moments.steps,
    }
}

/// To `shape` from its reverse.
fn transpose(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let (rows, columns) = (shape[0], shape[1]);
    (0..rows).flat_map(|r| (0..columns).map(move |c| values[c * rows + r])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let stored = [1., 2., 3., 4., 5., 6.];
        assert_eq!(transpose(&stored, &[3, 2]), [1., 4., 2., 5., 3., 6.]);
        assert_eq!(transpose(&transpose(&stored, &[3, 2]), &[2, 3]), stored);
    }
}
