//! Weights laid out for generation.
//!
//! A step of generation passes a row a sequence through every weight. So weights are laid out once
//! for such products, whose results for a row do not depend on the other rows.

use burn::tensor::Tensor;
use seal_device::{Kernels, PackedMatrix};

use crate::Lm;
use crate::packed_block::{PackedBlock, matrix, taken};

/// The layers of a model.
pub(crate) struct PackedModel {
    kernels: Kernels,
    blocks: Vec<PackedBlock>,
    head: PackedMatrix,
}

impl PackedModel {
    /// Of `model`, whose states are f32 and which is off the tape. It loses the weights of its
    /// linear layers one by one, each as soon as it is laid out. So where nobody else holds them,
    /// a model and its copy are never in memory together. An embedding that is also the head stays.
    pub(crate) fn taking(model: &mut Lm, kernels: Kernels) -> Self {
        let blocks = model.trunk.layers.iter_mut().map(|block| PackedBlock::taking(block, kernels));
        let blocks = blocks.collect();
        let head = match &mut model.lm_head {
            Some(head) => matrix(kernels, taken(&mut head.weight)),
            None => {
                let embedding = model.trunk.embed_tokens.val();
                let shape = embedding.dims();
                let values = embedding.into_data().convert::<f32>();
                kernels.pack_transposed(values.as_slice().expect("converted to f32"), shape)
            }
        };
        Self { kernels, blocks, head }
    }

    pub(crate) fn kernels(&self) -> Kernels {
        self.kernels
    }

    pub(crate) fn block(&self, i: usize) -> &PackedBlock {
        &self.blocks[i]
    }

    /// Logits `[n, V]` of hidden states `[n, D]`, as [`Lm::logits`].
    pub(crate) fn logits(&self, model: &Lm, hidden: Tensor<2>) -> Tensor<2> {
        model.capped(self.kernels.packed_product(hidden, &self.head))
    }
}
