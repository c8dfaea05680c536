//! A causal language model: a trunk whose head is the vocabulary.

use std::path::Path;
use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use seal_data::Batch;
use seal_device::Kernels;

use crate::linear::product;
use crate::trunk::Trunk;
use crate::{DropoutKey, Linear, LmConfig, LmError, soft_cap};

/// Where the passes over attention, normalisation, gate and loss come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ops {
    /// One pass each, where the device has them ([`seal_device::Kernels`]).
    Fused,
    /// Composed from Burn's operations: every device, and the reference that
    /// the fused ones are tested against.
    Composed,
}

/// A causal language model.
#[derive(Module, Debug)]
pub struct Lm {
    /// What turns tokens into states.
    pub trunk: Trunk,
    /// `[D, V]`; without it the transposed embedding serves.
    pub lm_head: Option<Linear>,
    #[module(skip)]
    config: LmConfig,
    /// The `config.json` that the model was read with.
    #[module(skip)]
    source: Option<Arc<serde_json::Value>>,
    /// The folder that the weights were read from.
    #[module(skip)]
    origin: Option<Arc<Path>>,
}

impl Lm {
    pub(crate) fn of_parts(config: LmConfig, trunk: Trunk, lm_head: Option<Linear>) -> Self {
        Self { trunk, lm_head, config, source: None, origin: None }
    }

    /// The same weights, with the passes taken from `ops`. Fused ones are composed
    /// where the device has no kernels for the model.
    pub fn with_ops(mut self, ops: Ops) -> Self {
        self.trunk = match ops {
            Ops::Fused => self.trunk.with_kernels(),
            Ops::Composed => self.trunk.without_kernels(),
        };
        self
    }

    /// The same weights, with states between the layers in f32 whatever the format of the
    /// weights: each weight is brought to f32 when it is used. In bf16 a state has three
    /// digits, and what an adapter adds to it is often less than half of the last. A model
    /// in f32 is not changed.
    pub fn with_f32_states(mut self) -> Self {
        self.trunk = self.trunk.with_f32_states();
        self
    }

    pub(crate) fn with_source(mut self, config_json: serde_json::Value) -> Self {
        self.source = Some(Arc::new(config_json));
        self
    }

    pub(crate) fn with_origin(mut self, folder: &Path) -> Self {
        self.origin = Some(folder.into());
        self
    }

    /// The folder that the weights were read from, if any.
    pub(crate) fn origin(&self) -> Option<&Path> {
        self.origin.as_deref()
    }

    /// The `config.json` that the model was read with, if any.
    pub(crate) fn source(&self) -> Option<&serde_json::Value> {
        self.source.as_deref()
    }

    /// The shape.
    pub fn config(&self) -> &LmConfig {
        &self.config
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.trunk.device()
    }

    /// The kernels that its passes are taken from.
    pub(crate) fn kernels(&self) -> Option<Kernels> {
        self.trunk.kernels()
    }

    /// Refuses token ids outside the vocabulary, before a model sees them.
    ///
    /// # Errors
    /// [`LmError::Token`] with the first such id.
    pub fn check_tokens(&self, ids: impl Iterator<Item = u32>) -> Result<(), LmError> {
        self.trunk.check_tokens(ids)
    }

    /// Whether the weights of the model itself are trained, and not adapters.
    pub fn is_trained_whole(&self) -> bool {
        self.trunk.embed_tokens.val().is_require_grad()
    }

    /// Weights that are trained, those of adapters among them.
    pub(crate) fn trained_weights(&self) -> usize {
        struct Trained(usize);
        impl ModuleVisitor for Trained {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let weight = param.val();
                if weight.is_require_grad() {
                    self.0 += weight.shape().num_elements();
                }
            }
        }
        let mut trained = Trained(0);
        self.visit(&mut trained);
        trained.0
    }

    /// Last hidden states `[N, D]`, normalised, at every position of `batch`,
    /// padding included.
    pub fn hidden(&self, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Tensor<2> {
        self.trunk.hidden(batch, dropout)
    }

    /// Last hidden states `[M, D]`, normalised, where `batch` predicts a token
    /// of an answer.
    pub fn answer_hidden(&self, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Tensor<2> {
        let layout = self.trunk.layout(batch, dropout);
        self.trunk.forward(&layout, &self.trunk.position_pass(&layout, dropout))
    }

    /// The output layer's weight `[D, V]`, and whether it is trained.
    pub(crate) fn output_weight(&self) -> (Tensor<2>, bool) {
        match &self.lm_head {
            Some(head) => {
                debug_assert!(head.bias.is_none() && head.lora.is_none(), "a plain output layer");
                (head.weight.val(), head.weight.val().is_require_grad())
            }
            None => {
                let embedding = self.trunk.embed_tokens.val();
                let trained = embedding.is_require_grad();
                (embedding.transpose(), trained)
            }
        }
    }

    /// Logits `[n, V]` of hidden states `[n, D]`.
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        let logits = match &self.lm_head {
            Some(head) => head.forward(hidden, None, "lm_head", self.kernels()),
            None => {
                let w = self.trunk.embed_tokens.val().cast(hidden.dtype()).transpose();
                product(None, hidden, w, self.kernels())
            }
        };
        self.capped(logits)
    }

    /// Logits as losses read them, of products of states and output layer.
    pub(crate) fn capped(&self, products: Tensor<2>) -> Tensor<2> {
        soft_cap::apply(products, self.trunk.plan().logit_cap)
    }
}
