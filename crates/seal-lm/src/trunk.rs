//! A trunk: embedding, blocks, last normalisation.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use seal_data::Batch;
use seal_device::{GpuKernels, Kernels};

use crate::attention::{AttentionRows, Chunks, causal};
use crate::block::Block;
use crate::layout::Layout;
use crate::needed::Needed;
use crate::norm::Norm;
use crate::pass::Pass;
use crate::plan::{BlockPlan, Plan};
use crate::rope::Rope;
use crate::{DropoutKey, LmError, stem};

/// What turns tokens into states: a model without its head.
#[derive(Module, Debug)]
pub struct Trunk {
    /// `[V, D]`.
    pub embed_tokens: Param<Tensor<2>>,
    /// The blocks, input first.
    pub layers: Vec<Block>,
    /// Last normalisation.
    pub norm: Norm,
    #[module(skip)]
    plan: Arc<Plan>,
    /// Of every rotary set of the plan.
    #[module(skip)]
    ropes: Arc<[Rope]>,
    /// Held where the device has some and the weights can be given to them.
    #[module(skip)]
    kernels: Option<Kernels>,
    /// The same of a GPU.
    #[module(skip)]
    gpu: Option<GpuKernels>,
    /// Whether states are f32 where weights are not.
    #[module(skip)]
    f32_states: bool,
}

impl Trunk {
    pub(crate) fn of_parts(
        plan: Arc<Plan>,
        embed_tokens: Param<Tensor<2>>,
        layers: Vec<Block>,
        norm: Norm,
    ) -> Self {
        let ropes = plan.rotary.iter().map(Rope::of).collect();
        let (kernels, gpu, f32_states) = (None, None, false);
        let trunk = Self { embed_tokens, layers, norm, plan, ropes, kernels, gpu, f32_states };
        trunk.with_kernels()
    }

    /// The same weights, with the kernels of the device where it has some, they do
    /// what the plan asks for, and states are f32.
    pub(crate) fn with_kernels(mut self) -> Self {
        let kernels_do = |block: &Arc<BlockPlan>| block.attention.soft_cap.is_none();
        let in_f32 = self.f32_states || self.embed_tokens.val().dtype() == DType::F32;
        let fit = in_f32 && self.plan.blocks.kinds.iter().all(kernels_do);
        self.kernels = Kernels::of(&self.device()).filter(|_| fit);
        self.gpu = GpuKernels::of(&self.device());
        self
    }

    /// The same weights, with passes composed from Burn's operations.
    pub(crate) fn without_kernels(self) -> Self {
        Self { kernels: None, gpu: None, ..self }
    }

    /// See [`crate::Lm::with_f32_states`].
    pub(crate) fn with_f32_states(mut self) -> Self {
        match self.embed_tokens.val().dtype() {
            DType::F32 => self,
            _ => {
                self.f32_states = true;
                self.with_kernels()
            }
        }
    }

    /// What the model computes.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn ropes(&self) -> &Arc<[Rope]> {
        &self.ropes
    }

    pub(crate) fn kernels(&self) -> Option<Kernels> {
        self.kernels
    }

    pub(crate) fn gpu(&self) -> Option<GpuKernels> {
        self.gpu
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.embed_tokens.val().device()
    }

    /// Refuses token ids outside the vocabulary, before a model sees them.
    ///
    /// # Errors
    /// [`LmError::Token`] with the first such id.
    pub fn check_tokens(&self, mut ids: impl Iterator<Item = u32>) -> Result<(), LmError> {
        let vocab_size = self.plan.vocab_size;
        match ids.find(|id| *id as usize >= vocab_size) {
            None => Ok(()),
            Some(id) => Err(LmError::Token { id, vocab_size }),
        }
    }

    /// Stops at an id outside the vocabulary, of inputs and of targets. Backends read what lies
    /// beyond the table, write to it, or stop without a reason.
    ///
    /// # Panics
    /// With [`LmError::Token`]: who takes ids from outside asks [`Trunk::check_tokens`] before.
    pub(crate) fn insist(&self, ids: &[i32]) {
        self.check_tokens(ids.iter().map(|id| *id as u32)).unwrap_or_else(|e| panic!("{e}"));
    }

    /// Embeddings `[n, D]` of token ids.
    pub(crate) fn embed(&self, tokens: &[i32]) -> Tensor<2> {
        self.insist(tokens);
        let ids = TensorData::new(tokens.to_vec(), [tokens.len()]);
        let states =
            self.embed_tokens.val().select(0, Tensor::<1, Int>::from_data(ids, &self.device()));
        let states = if self.f32_states { states.cast(DType::F32) } else { states };
        match self.plan.embedding_scale {
            // Rounded to the format of the states, as transformers has it.
            Some(scale) => {
                let scale = Tensor::<1>::from_data([scale as f32], &self.device());
                let scale = scale.cast(states.dtype()).unsqueeze_dim::<2>(0);
                states * scale
            }
            None => states,
        }
    }

    /// The last normalisation of `x` `[n, D]`.
    pub(crate) fn normalise(&self, x: Tensor<2>) -> Tensor<2> {
        self.norm.forward(x, self.kernels, self.gpu)
    }

    /// Last hidden states `[N, D]`, normalised, at every position of `batch`,
    /// padding included.
    pub(crate) fn hidden(&self, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Tensor<2> {
        let layout = Layout::padded(batch);
        self.forward(&layout, &self.pass(&layout, dropout))
    }

    /// Rows as attention finds them: packed for kernels, which find them by their
    /// starts, else padded. A beginning that packed rows share is there once, where that saves
    /// enough.
    pub(crate) fn layout(&self, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Layout {
        match self.kernels {
            Some(_) => Layout::packed(batch, self.stem(batch, dropout)),
            None => Layout::padded(batch),
        }
    }

    /// Tokens that all rows of `batch` begin with and that pass through the model once; 0 where
    /// that would save little. Masks of dropout differ between rows, and so do the tokens after
    /// them.
    pub(crate) fn stem(&self, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> usize {
        let drops = |block: &Block| block.linears().iter().any(|(_, layer)| layer.drops());
        let rotates_alike = self.ropes.iter().all(|rope| !rope.is_long(batch.width));
        match self.kernels.is_some() && rotates_alike {
            true if dropout.is_some() && self.layers.iter().any(drops) => 0,
            true => stem::of(batch),
            false => 0,
        }
    }

    /// Last hidden states, normalised: `[N, D]`, or `[M, D]` where `pass` needs M
    /// of them.
    pub(crate) fn forward(&self, layout: &Layout, pass: &Pass<'_>) -> Tensor<2> {
        let mut h = self.embed(&layout.tokens);
        for i in 0..self.layers.len() {
            h = self.block(i, h, pass);
        }
        self.normalise(h)
    }

    /// What the blocks share on `layout`.
    pub(crate) fn pass<'a>(&self, layout: &'a Layout, dropout: Option<DropoutKey<'a>>) -> Pass<'a> {
        let device = self.device();
        let tables = |rope: &Rope| rope.of_rows(&layout.lengths, layout.width, &device);
        Pass {
            rows: AttentionRows {
                lengths: &layout.lengths,
                starts: &layout.starts,
                stem: layout.stem,
                rotary: self.ropes.iter().map(tables).collect(),
                kernels: self.kernels,
                gpu: self.gpu,
                chunks: Chunks::default(),
            },
            dropout: dropout.map(|key| DropoutKey { lengths: &layout.spans, ..key }.into()),
            gpu: self.gpu,
            needed: None,
            needed_dropout: None,
        }
    }

    /// As [`Trunk::pass`], with states after the last block at the positions of
    /// `layout` only.
    pub(crate) fn position_pass<'a>(
        &self,
        layout: &'a Layout,
        dropout: Option<DropoutKey<'a>>,
    ) -> Pass<'a> {
        let needed = Some(Needed::of(layout.positions.clone(), &self.device()));
        let needed_dropout =
            dropout.map(|key| DropoutKey { lengths: &layout.answer_lens, ..key }.into());
        Pass { needed, needed_dropout, ..self.pass(layout, dropout) }
    }

    /// Block `i` over `h` `[N, D]`; of the last one `[M, D]`, where not all are needed.
    pub(crate) fn block(&self, i: usize, h: Tensor<2>, pass: &Pass<'_>) -> Tensor<2> {
        let block = &self.layers[i];
        block.forward(h, &pass.run(i, self.layers.len()), |q, k, v| {
            causal(q, k, v, &pass.rows, &block.plan.attention)
        })
    }
}
