//! Models whose weights are drawn.

use burn::tensor::Device;

use crate::init::{normal, uniform};
use crate::limits::has_room;
use crate::tensor_source::{TensorRequest, TensorRole, TensorShape, TensorSource};
use crate::validate::check;
use crate::{Lm, LmConfig, LmError, WeightFormat, build};

/// Draws weights; see [`Lm::init`] and [`Lm::with_lora`].
pub(crate) struct Draws {
    /// Standard deviation of weights.
    std: f64,
    /// The same of layers that write to the residual stream.
    residual_std: f64,
    seed: u64,
}

impl Draws {
    /// Keyed by `seed` and the names of tensors.
    pub(crate) fn of(config: &LmConfig, seed: u64) -> Self {
        let std = config.initializer_range;
        Self { std, residual_std: std / (2.0 * config.num_hidden_layers as f64).sqrt(), seed }
    }
}

impl TensorSource for Draws {
    fn numbers(&mut self, tensor: &TensorRequest) -> Result<Vec<f32>, LmError> {
        let (input, n) = match tensor.shape {
            TensorShape::Vector(n) => (n, n),
            TensorShape::Matrix([input, output]) => (input, input * output),
        };
        let key = || tensor.draw_key();
        Ok(match tensor.role {
            TensorRole::Gain { offset: false } => vec![1.0; n],
            TensorRole::Gain { offset: true } | TensorRole::Bias | TensorRole::LoraB => {
                vec![0.0; n]
            }
            TensorRole::Embedding | TensorRole::Weight { residual: false } => {
                normal(n, self.std, self.seed, &key())
            }
            TensorRole::Weight { residual: true } => {
                normal(n, self.residual_std, self.seed, &key())
            }
            TensorRole::LoraA => uniform(n, 1.0 / (input as f64).sqrt(), self.seed, &key()),
        })
    }
}

impl Lm {
    /// A model with weights drawn from (`seed`, name of the tensor): from a
    /// normal distribution of standard deviation `initializer_range`, which for
    /// the two layers that write to the residual stream is divided by
    /// sqrt(2 layers) (Radford et al. 2019); gains are 1 (weights of norms that add 1 are 0),
    /// biases 0.
    ///
    /// # Errors
    /// [`LmError::Config`] for an impossible shape.
    pub fn init(config: &LmConfig, seed: u64, device: &Device) -> Result<Self, LmError> {
        Self::init_as(config, seed, device, WeightFormat::F32)
    }

    /// As [`Lm::init`], with the weights in `format`.
    ///
    /// # Errors
    /// As [`Lm::init`].
    pub fn init_as(
        config: &LmConfig,
        seed: u64,
        device: &Device,
        format: WeightFormat,
    ) -> Result<Self, LmError> {
        check(config)?;
        has_room(config)?;
        build::model(config, &mut Draws::of(config, seed), device, format)
    }
}
