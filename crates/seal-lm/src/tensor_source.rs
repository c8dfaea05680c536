//! The one way by which numbers come into a model: drawn, or from files of any
//! format.

use crate::LmError;
use crate::linear::last_part;

/// Gives the numbers of the tensors that a model asks for.
pub(crate) trait TensorSource {
    /// The numbers of `tensor` in the order in which the model holds them.
    fn numbers(&mut self, tensor: &TensorRequest) -> Result<Vec<f32>, LmError>;
}

/// A tensor that a model asks for.
pub(crate) struct TensorRequest {
    /// The blocks are `<layers>.0`, `<layers>.1`, ..
    pub(crate) layers: &'static str,
    /// The block that it is in; none if outside of them.
    pub(crate) block: Option<usize>,
    /// Path of its layer inside the block, or inside the model.
    pub(crate) path: &'static str,
    pub(crate) role: TensorRole,
    /// As the model holds it.
    pub(crate) shape: TensorShape,
}

/// Sizes of a tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TensorShape {
    Vector(usize),
    /// Of linear layers `[in, out]`, the transpose of what files hold.
    Matrix([usize; 2]),
}

/// What a layer does with a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TensorRole {
    /// The vector that normalised states are multiplied by.
    Gain {
        /// Whether 1 is added to it first.
        offset: bool,
    },
    Bias,
    /// `[V, D]`, in files too.
    Embedding,
    /// The weight of a linear layer.
    Weight {
        /// Whether the layer writes to the residual stream.
        residual: bool,
    },
    /// The first factor of an adapter.
    LoraA,
    /// The second.
    LoraB,
}

impl TensorRequest {
    /// Path of its layer in Hugging Face files.
    pub(crate) fn layer(&self) -> String {
        match self.block {
            Some(i) => format!("{}.{i}.{}", self.layers, self.path),
            None => self.path.to_owned(),
        }
    }

    /// Its name in Hugging Face files.
    pub(crate) fn name(&self) -> String {
        let layer = self.layer();
        match self.role {
            TensorRole::Gain { .. } | TensorRole::Embedding | TensorRole::Weight { .. } => {
                format!("{layer}.weight")
            }
            TensorRole::Bias => format!("{layer}.bias"),
            TensorRole::LoraA => adapter_name(&layer, "A"),
            TensorRole::LoraB => adapter_name(&layer, "B"),
        }
    }

    /// Name of its layer whatever the family calls its blocks: keys draws.
    pub(crate) fn draw_key(&self) -> String {
        let last = last_part(self.path);
        match (self.block, self.role) {
            (Some(i), TensorRole::LoraA) => format!("layers.{i}.{}.lora_A", self.path),
            (Some(i), _) => format!("layers.{i}.{last}"),
            (None, _) => last.to_owned(),
        }
    }
}

/// Name of a factor of the adapter on the layer at `path`, as PEFT writes it.
pub(crate) fn adapter_name(path: &str, side: &str) -> String {
    format!("base_model.model.{path}.lora_{side}.weight")
}
