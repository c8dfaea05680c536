//! Number formats of a model's weights.

use burn::module::Param;
use burn::tensor::{Device, FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use crate::LmError;
use crate::source::{Place, Source, Values, Vector};

/// Number format of the weights of a model, adapters apart: those are f32.
///
/// In bf16 the states between layers are too; sums over a row, attention weights
/// and losses are taken in f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WeightFormat {
    /// 32 bits.
    #[default]
    #[serde(rename = "f32", alias = "float32")]
    F32,
    /// The upper half of an f32. For weights that are frozen: a small step would
    /// be lost in rounding, and [`crate::Optimizer::step`] refuses to take it.
    #[serde(rename = "bf16", alias = "bfloat16")]
    Bf16,
}

impl WeightFormat {
    /// Bytes of a weight.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
        }
    }

    /// Whether `device` computes with it.
    pub fn is_supported(self, device: &Device) -> bool {
        device.supports_dtype(match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
        })
    }

    /// Whether it is the default.
    pub fn is_f32(&self) -> bool {
        *self == Self::F32
    }
}

/// A source whose weights are brought into a format one by one.
pub(crate) struct Formatted<S> {
    pub(crate) source: S,
    pub(crate) format: WeightFormat,
}

impl<S> Formatted<S> {
    fn of<const D: usize>(&self, values: Values<D>) -> Values<D> {
        if self.format.is_f32() {
            return values;
        }
        let tensor = values.val();
        let on_tape = tensor.device().is_autodiff();
        let half = tensor.inner().cast(FloatDType::BF16);
        Param::from_tensor(if on_tape { Tensor::from_inner(half) } else { half })
    }
}

impl<S: Source> Source for Formatted<S> {
    fn vector(&mut self, at: &Place, kind: Vector, n: usize) -> Result<Values<1>, LmError> {
        self.source.vector(at, kind, n).map(|values| self.of(values))
    }

    fn embedding(&mut self, at: &Place, shape: [usize; 2]) -> Result<Values<2>, LmError> {
        self.source.embedding(at, shape).map(|values| self.of(values))
    }

    fn linear(
        &mut self,
        at: &Place,
        shape: [usize; 2],
        residual: bool,
    ) -> Result<Values<2>, LmError> {
        self.source.linear(at, shape, residual).map(|values| self.of(values))
    }
}
