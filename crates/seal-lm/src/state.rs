//! Trainable weights with the moments of their optimiser, as safetensors: what
//! a step of training starts from, for those who replay it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::Stored;
use crate::save::{ToWrite, write_safetensors};
use crate::{Lm, LmError, Optimizer};

/// The weights that an optimiser moves, by their Hugging Face or PEFT names.
fn trainable(model: &Lm) -> Vec<(String, Stored<'_>)> {
    let adapters = model.adapter_tensors();
    if adapters.is_empty() { model.tensors() } else { adapters }
}

/// Writes the trainable weights of `model` to `path`, each under its Hugging
/// Face or PEFT name, and beside it `<name>.exp_avg` and `<name>.exp_avg_sq`,
/// the moments that `optimizer` holds for it; before the first step there are
/// none.
///
/// # Errors
/// A file that cannot be written.
pub fn save_training_state(model: &Lm, optimizer: &Optimizer, path: &Path) -> Result<(), LmError> {
    let moments = optimizer.moments()?;
    let mut tensors = BTreeMap::new();
    for (name, stored) in trainable(model) {
        let (id, transposed) = match stored {
            Stored::Vector(p) => (p.id, false),
            Stored::Matrix(p) => (p.id, false),
            Stored::Transposed(p) => (p.id, true),
        };
        let weight = ToWrite::Parameter(stored);
        if let Some(of_parameter) = moments.of(id)? {
            for (kind, bytes) in of_parameter {
                let shape = weight.shape();
                let bytes = if transposed { transpose(&bytes, &shape) } else { bytes };
                let tensor = ToWrite::Bytes { shape, bytes };
                tensors.insert(format!("{name}.{kind}"), tensor);
            }
        }
        tensors.insert(name, weight);
    }
    write_safetensors(tensors, path)
}

/// From the layout [in, out] to `shape` = [out, in], four bytes a number.
fn transpose(bytes: &[u8], shape: &[usize]) -> Vec<u8> {
    let (rows, columns) = (shape[0], shape[1]);
    let numbers = bytes.as_chunks::<4>().0;
    (0..rows).flat_map(|r| (0..columns).flat_map(move |c| numbers[c * rows + r])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let flat = |x: &[f32]| x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let stored = flat(&[1., 2., 3., 4., 5., 6.]);
        assert_eq!(transpose(&stored, &[3, 2]), flat(&[1., 4., 2., 5., 3., 6.]));
    }
}
