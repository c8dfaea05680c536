//! Number formats of a model's weights.

use burn::tensor::{Device, FloatDType};
use serde::{Deserialize, Serialize};

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
