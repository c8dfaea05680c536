//! Where memory or numbers end: models too large to be made, weights too large to be used.

use std::path::Path;

use burn::tensor::Tensor;

use crate::cost::Cost;
use crate::setting::SettingError;
use crate::tensors::StoredTensor;
use crate::{Lm, LmConfig, LmError};

impl Lm {
    /// What to say where the model, as it was read, gives no number for a row: which tensor
    /// holds the weight farthest from 0.
    pub fn no_loss(&self, value: f64) -> LmError {
        let mut farthest = (String::new(), 0f32);
        let adapters = self.adapter_tensors();
        for (name, stored) in self.tensors().into_iter().chain(adapters) {
            let most = match stored {
                StoredTensor::Vector(p) => farthest_from_zero(p.val()),
                StoredTensor::Matrix(p) | StoredTensor::Transposed(p) => {
                    farthest_from_zero(p.val())
                }
            };
            // What is no number is farther than any.
            if most.is_nan() {
                farthest = (name, most);
                break;
            }
            if most > farthest.1 {
                farthest = (name, most);
            }
        }
        let (name, weight) = farthest;
        LmError::NoLoss { folder: self.origin().map(Path::to_owned), value, name, weight }
    }
}

fn farthest_from_zero<const D: usize>(x: Tensor<D>) -> f32 {
    x.into_data().iter::<f32>().map(f32::abs).fold(0.0, |a, b| match a.is_nan() || b <= a {
        true => a,
        false => b,
    })
}

/// Refuses a model to be made that this machine has no memory for, which would end the
/// program without a word.
pub(crate) fn has_room(config: &LmConfig) -> Result<(), LmError> {
    let bytes = 4.0 * Cost::of(config).parameters();
    // Asked for and given back: nothing is written there.
    match Vec::<u8>::new().try_reserve_exact(bytes as usize) {
        Ok(()) => Ok(()),
        Err(_) => Err(SettingError::Memory {
            hidden_size: config.hidden_size,
            intermediate_size: config.intermediate_size,
            layers: config.num_hidden_layers,
            vocab_size: config.vocab_size,
            bytes,
        }
        .into()),
    }
}
