//! A causal language model: embedding, blocks, last normalisation, output layer.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::Arc;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use seal_data::Batch;
use seal_device::kernels;

use crate::attention::{Chunk, Heads, causal};
use crate::block::{Block, Norm, Run};
use crate::layout::Layout;
use crate::limits::has_room;
use crate::linear::product;
use crate::rope::{Rope, Rotary};
use crate::source::{Draws, build};
use crate::weight_format::Formatted;
use crate::{DropoutKey, Linear, LmConfig, LmError, LoraConfig, WeightFormat};

/// Where the passes over attention, normalisation, gate and loss come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ops {
    /// One pass each, where the device has them (`seal_device::kernels`).
    Fused,
    /// Composed from Burn's operations: every device, and the reference that
    /// the fused ones are tested against.
    Composed,
}

/// A causal language model.
#[derive(Module, Debug)]
pub struct Lm {
    /// `[V, D]`.
    pub embed_tokens: Param<Tensor<2>>,
    /// The blocks, input first.
    pub layers: Vec<Block>,
    /// Last normalisation.
    pub norm: Norm,
    /// `[D, V]`; without it the transposed embedding serves.
    pub lm_head: Option<Linear>,
    #[module(skip)]
    config: LmConfig,
    #[module(skip)]
    ops: Ops,
    /// Whether states are f32 where weights are not.
    #[module(skip)]
    f32_states: bool,
    /// The `config.json` that the model was read with.
    #[module(skip)]
    source: Option<Arc<serde_json::Value>>,
    /// The folder that the weights were read from.
    #[module(skip)]
    origin: Option<Arc<Path>>,
}

/// What the passes of one batch share.
pub(crate) struct Pass<'a> {
    pub(crate) lengths: &'a [usize],
    pub(crate) starts: &'a [usize],
    pub(crate) rotary: Rotary,
    pub(crate) dropout: Option<DropoutKey<'a>>,
    pub(crate) ops: Ops,
    /// How composed attention is cut; made where it is first needed.
    pub(crate) chunks: OnceCell<Vec<Chunk>>,
    /// Where states are needed after the last block; everywhere if `None`.
    pub(crate) needed: Option<Needed>,
}

/// Tokens whose states the output layer reads. The last block leaves the others out
/// after its attention.
pub(crate) struct Needed {
    /// `[M]`, indices into the tokens of a batch.
    at: Tensor<1, Int>,
    /// Number of them in each row.
    lengths: Vec<usize>,
}

impl Needed {
    pub(crate) fn of(positions: Vec<i32>, lengths: Vec<usize>, device: &Device) -> Self {
        let shape = [positions.len()];
        let positions = TensorData::new(positions, shape);
        Self { at: Tensor::from_data(positions, device), lengths }
    }

    /// Their rows of `x` `[N, D]`, `[M, D]`.
    pub(crate) fn pick(&self, x: Tensor<2>) -> Tensor<2> {
        x.select(0, self.at.clone())
    }

    pub(crate) fn lengths(&self) -> &[usize] {
        &self.lengths
    }
}

impl<'a> Pass<'a> {
    /// What block `layer` of `model` needs.
    pub(crate) fn run<'m>(&'m self, model: &'m Lm, layer: usize) -> Run<'m>
    where
        'a: 'm,
    {
        let last = layer + 1 == model.layers.len();
        Run {
            config: model.config(),
            ops: self.ops,
            layer,
            dropout: self.dropout,
            needed: self.needed.as_ref().filter(|_| last),
        }
    }
}

/// A stored tensor of a model, by how its file lays it out.
#[derive(Clone, Copy)]
pub(crate) enum Stored<'a> {
    Vector(&'a Param<Tensor<1>>),
    Matrix(&'a Param<Tensor<2>>),
    /// Burn multiplies by [in, out], files hold [out, in].
    Transposed(&'a Param<Tensor<2>>),
}

impl Lm {
    /// A model with weights drawn from (`seed`, name of the tensor): from a
    /// normal distribution of standard deviation `initializer_range`, which for
    /// the two layers that write to the residual stream is divided by
    /// sqrt(2 layers) (Radford et al. 2019); gains are 1, biases 0.
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
        build(config, &mut Formatted { source: Draws { config, seed, device }, format })
    }

    pub(crate) fn of_parts(
        config: &LmConfig,
        embed_tokens: Param<Tensor<2>>,
        layers: Vec<Block>,
        norm: Norm,
        lm_head: Option<Linear>,
    ) -> Self {
        let device = embed_tokens.val().device();
        let ops = match kernels::available(&device) && embed_tokens.val().dtype() == DType::F32 {
            true => Ops::Fused,
            false => Ops::Composed,
        };
        let config = config.clone();
        Self {
            embed_tokens,
            layers,
            norm,
            lm_head,
            config,
            ops,
            f32_states: false,
            source: None,
            origin: None,
        }
    }

    /// The same weights, with the passes taken from `ops`. Fused ones need weights
    /// in f32 on a device with kernels, and panic elsewhere.
    pub fn with_ops(mut self, ops: Ops) -> Self {
        self.ops = ops;
        self
    }

    /// The same weights, with states between the layers in f32 whatever the format of the
    /// weights: each weight is brought to f32 when it is used. In bf16 a state has three
    /// digits, and what an adapter adds to it is often less than half of the last. A model
    /// in f32 is not changed.
    pub fn with_f32_states(mut self) -> Self {
        if self.embed_tokens.val().dtype() != DType::F32 {
            self.f32_states = true;
            if kernels::available(&self.device()) {
                self.ops = Ops::Fused;
            }
        }
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

    /// Freezes every weight and adds adapters, initialised from `seed`.
    ///
    /// # Errors
    /// [`LmError::Config`] for impossible settings, or a target that the model
    /// has no layer for.
    pub fn with_lora(self, config: &LoraConfig, seed: u64) -> Result<Self, LmError> {
        config.validate_for(&self.config).map_err(LmError::Config)?;
        let at = self.config.architecture.model_type.names().layers;
        let mut model = self.no_grad();
        for (i, block) in model.layers.iter_mut().enumerate() {
            for (name, linear) in block.linears_mut() {
                if config.targets(&format!("{at}.{i}.{name}")) {
                    linear.add_lora(config, seed, &format!("layers.{i}.{name}.lora_A"));
                }
            }
        }
        Ok(model)
    }

    /// The model with its adapters added into its weights where these are f32, and kept
    /// beside them, untrained, where they are not ([`Linear::merged`]). Other adapters can
    /// then be put on it.
    pub fn merged(mut self) -> Self {
        for block in &mut self.layers {
            for (_, linear) in block.linears_mut() {
                *linear = linear.merged();
            }
        }
        self
    }

    /// The layers with side paths, by their Hugging Face paths.
    pub(crate) fn adapted(&self) -> Vec<(String, &Linear)> {
        let at = self.config.architecture.model_type.names().layers;
        let mut out = Vec::new();
        for (i, block) in self.layers.iter().enumerate() {
            let adapted = block.linears().into_iter().filter(|(_, linear)| linear.is_adapted());
            out.extend(adapted.map(|(name, linear)| (format!("{at}.{i}.{name}"), linear)));
        }
        out
    }

    /// Whether there are adapters, trained or not.
    pub fn has_adapters(&self) -> bool {
        !self.adapted().is_empty()
    }

    /// The shape.
    pub fn config(&self) -> &LmConfig {
        &self.config
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.embed_tokens.val().device()
    }

    pub(crate) fn ops(&self) -> Ops {
        self.ops
    }

    pub(crate) fn heads(&self) -> Heads {
        Heads {
            heads: self.config.num_attention_heads,
            kv_heads: self.config.num_key_value_heads,
            dim: self.config.head_dim(),
            window: self.config.architecture.sliding_window,
        }
    }

    /// Whether the weights of the model itself are trained, and not adapters.
    pub(crate) fn is_trained_whole(&self) -> bool {
        self.embed_tokens.val().is_require_grad()
    }

    /// Weights of the linear layers of all blocks.
    pub(crate) fn linear_weights(&self) -> usize {
        let linears = self.layers.iter().flat_map(Block::linears);
        linears.map(|(_, linear)| linear.weight.val().shape().num_elements()).sum()
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

    /// Numbers that a tape keeps of each token, roughly: what goes into the linear
    /// layers and comes out of them.
    pub(crate) fn kept_per_token(&self) -> usize {
        let linears = self.layers.iter().flat_map(Block::linears);
        linears.map(|(_, linear)| linear.weight.val().dims().iter().sum::<usize>()).sum()
    }

    /// The same weights as leaves of other tapes, so that two threads do not
    /// wait for each other's.
    pub(crate) fn apart(&self) -> Self {
        struct Apart;
        impl ModuleMapper for Apart {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                let (id, tensor, mapper) = param.consume();
                let trained = tensor.is_require_grad();
                let leaf = Tensor::from_inner(tensor.inner());
                let leaf = if trained { leaf.require_grad() } else { leaf };
                Param::from_mapped_value(id, leaf, mapper)
            }
        }
        self.clone().map(&mut Apart)
    }

    /// Refuses token ids outside the vocabulary, before a model sees them.
    ///
    /// # Errors
    /// [`LmError::Token`] with the first such id.
    pub fn check_tokens(&self, mut ids: impl Iterator<Item = u32>) -> Result<(), LmError> {
        let vocab_size = self.config.vocab_size;
        match ids.find(|id| *id as usize >= vocab_size) {
            None => Ok(()),
            Some(id) => Err(LmError::Token { id, vocab_size }),
        }
    }

    /// Embeddings `[n, D]` of token ids.
    pub(crate) fn embed(&self, tokens: &[i32]) -> Tensor<2> {
        // Backends read what lies beyond the table, or stop without a reason.
        self.check_tokens(tokens.iter().map(|id| *id as u32)).unwrap_or_else(|e| panic!("{e}"));
        let ids = TensorData::new(tokens.to_vec(), [tokens.len()]);
        let states =
            self.embed_tokens.val().select(0, Tensor::<1, Int>::from_data(ids, &self.device()));
        if self.f32_states { states.cast(DType::F32) } else { states }
    }

    /// The last normalisation of `x` `[n, D]`.
    pub(crate) fn normalise(&self, x: Tensor<2>) -> Tensor<2> {
        self.norm.forward(x, self.config.rms_norm_eps, self.ops)
    }

    /// Last hidden states `[N, D]`, normalised, at every position of `batch`,
    /// padding included.
    pub fn hidden(&self, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Tensor<2> {
        let layout = Layout::padded(batch);
        self.forward(&layout, &self.pass(&layout, dropout))
    }

    /// Last hidden states `[M, D]`, normalised, where `batch` predicts a token
    /// of an answer.
    pub fn answer_hidden(&self, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Tensor<2> {
        let layout = self.answer_layout(batch);
        self.forward(&layout, &self.answer_pass(&layout, dropout))
    }

    pub(crate) fn answer_layout(&self, batch: &Batch) -> Layout {
        match self.ops {
            // The fused attention finds rows by their starts, so padding is left out.
            Ops::Fused => Layout::packed(batch),
            Ops::Composed => Layout::padded(batch),
        }
    }

    fn forward(&self, layout: &Layout, pass: &Pass<'_>) -> Tensor<2> {
        let mut h = self.embed(&layout.tokens);
        for i in 0..self.layers.len() {
            h = self.block(i, h, pass);
        }
        self.normalise(h)
    }

    /// What the blocks share on `layout`.
    pub(crate) fn pass<'a>(&self, layout: &'a Layout, dropout: Option<DropoutKey<'a>>) -> Pass<'a> {
        let rope = Rope::of(&self.config);
        Pass {
            lengths: &layout.lengths,
            starts: &layout.starts,
            rotary: rope.of_rows(&layout.lengths, layout.width, &self.device()),
            dropout: dropout.map(|key| DropoutKey { lengths: &layout.spans, ..key }),
            ops: self.ops,
            chunks: OnceCell::new(),
            needed: None,
        }
    }

    /// As [`Lm::pass`], with states after the last block of answers only.
    pub(crate) fn answer_pass<'a>(
        &self,
        layout: &'a Layout,
        dropout: Option<DropoutKey<'a>>,
    ) -> Pass<'a> {
        let (positions, lengths) = (layout.positions.clone(), layout.answer_lens.clone());
        let needed = Some(Needed::of(positions, lengths, &self.device()));
        Pass { needed, ..self.pass(layout, dropout) }
    }

    /// Block `i` over `h` `[N, D]`; of the last one `[M, D]`, where not all are needed.
    pub(crate) fn block(&self, i: usize, h: Tensor<2>, pass: &Pass<'_>) -> Tensor<2> {
        let heads = self.heads();
        self.layers[i].forward(h, &pass.run(self, i), |q, k, v| causal(q, k, v, pass, heads))
    }

    /// The output layer's weight `[D, V]`, and whether it is trained.
    pub(crate) fn output_weight(&self) -> (Tensor<2>, bool) {
        match &self.lm_head {
            Some(head) => {
                debug_assert!(head.bias.is_none() && head.lora.is_none(), "a plain output layer");
                (head.weight.val(), head.weight.val().is_require_grad())
            }
            None => {
                let embedding = self.embed_tokens.val();
                let trained = embedding.is_require_grad();
                (embedding.transpose(), trained)
            }
        }
    }

    /// Logits `[n, V]` of hidden states `[n, D]`.
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        match &self.lm_head {
            Some(head) => head.forward(hidden, None, "lm_head", self.ops),
            None => {
                let w = self.embed_tokens.val().cast(hidden.dtype()).transpose();
                product(None, hidden, w, self.ops)
            }
        }
    }

    /// Every tensor of the base, by its Hugging Face name.
    pub(crate) fn tensors(&self) -> Vec<(String, Stored<'_>)> {
        let names = self.config.architecture.model_type.names();
        let mut out =
            vec![(format!("{}.weight", names.embedding), Stored::Matrix(&self.embed_tokens))];
        for (i, block) in self.layers.iter().enumerate() {
            let at = format!("{}.{i}", names.layers);
            out.extend(norm(format!("{at}.input_layernorm"), &block.input_layernorm));
            let second = &block.post_attention_layernorm;
            out.extend(norm(format!("{at}.post_attention_layernorm"), second));
            for (name, linear) in block.linears() {
                out.push((format!("{at}.{name}.weight"), Stored::Transposed(&linear.weight)));
                if let Some(bias) = &linear.bias {
                    out.push((format!("{at}.{name}.bias"), Stored::Vector(bias)));
                }
            }
        }
        out.extend(norm(names.norm.to_owned(), &self.norm));
        if let Some(head) = &self.lm_head {
            out.push((format!("{}.weight", names.head), Stored::Transposed(&head.weight)));
        }
        out
    }

    /// Every tensor of the adapters, by its PEFT name.
    pub(crate) fn adapter_tensors(&self) -> Vec<(String, Stored<'_>)> {
        let at = self.config.architecture.model_type.names().layers;
        let mut out = Vec::new();
        for (i, block) in self.layers.iter().enumerate() {
            for (name, linear) in block.linears() {
                if let Some(lora) = &linear.lora {
                    for (side, weight) in [("A", &lora.a), ("B", &lora.b)] {
                        let name = format!("{at}.{i}.{name}");
                        out.push((adapter_name(&name, side), Stored::Transposed(weight)));
                    }
                }
            }
        }
        out
    }
}

/// The tensors of the normalisation at `at`.
fn norm(at: String, norm: &Norm) -> impl Iterator<Item = (String, Stored<'_>)> {
    let bias = norm.bias.as_ref().map(|b| (format!("{at}.bias"), Stored::Vector(b)));
    std::iter::once((format!("{at}.weight"), Stored::Vector(&norm.weight))).chain(bias)
}

/// Name of a factor of the adapter on the layer at `path`, as PEFT writes it.
pub(crate) fn adapter_name(path: &str, side: &str) -> String {
    format!("base_model.model.{path}.lora_{side}.weight")
}

/// Refuses shapes that no model can have.
pub(crate) fn check(config: &LmConfig) -> Result<(), LmError> {
    config.validate().map_err(LmError::Config)?;
    match config.vocab_size {
        0 => Err(LmError::Config("vocab_size must be at least 1".to_owned())),
        _ => Ok(()),
    }
}
