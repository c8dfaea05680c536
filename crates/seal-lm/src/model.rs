//! The Llama architecture (Touvron et al. 2023).

use burn::module::{Module, Param};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use seal_data::Batch;
use seal_device::kernels::{self, AttentionShape};

use crate::attention::{self, Heads};
use crate::init::{normal, parameter};
use crate::{DropoutKey, Linear, LmConfig, LmError, LoraConfig, rope};

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
    /// Gain of the last normalisation, `[D]`.
    pub norm: Param<Tensor<1>>,
    /// `[D, V]`; without it the transposed embedding serves.
    pub lm_head: Option<Linear>,
    #[module(skip)]
    config: LmConfig,
    #[module(skip)]
    ops: Ops,
}

/// One block: attention, then the gated feed-forward layer.
#[derive(Module, Debug)]
pub struct Block {
    /// `[D]`.
    pub input_layernorm: Param<Tensor<1>>,
    /// Queries.
    pub q_proj: Linear,
    /// Keys.
    pub k_proj: Linear,
    /// Values.
    pub v_proj: Linear,
    /// Output of attention.
    pub o_proj: Linear,
    /// `[D]`.
    pub post_attention_layernorm: Param<Tensor<1>>,
    /// Gate of the feed-forward layer.
    pub gate_proj: Linear,
    /// Its input.
    pub up_proj: Linear,
    /// Its output.
    pub down_proj: Linear,
}

impl Block {
    /// The linear layers with their Hugging Face names inside the block.
    pub fn linears(&self) -> [(&'static str, &Linear); 7] {
        [
            ("self_attn.q_proj", &self.q_proj),
            ("self_attn.k_proj", &self.k_proj),
            ("self_attn.v_proj", &self.v_proj),
            ("self_attn.o_proj", &self.o_proj),
            ("mlp.gate_proj", &self.gate_proj),
            ("mlp.up_proj", &self.up_proj),
            ("mlp.down_proj", &self.down_proj),
        ]
    }

    /// As [`Block::linears`], to be changed.
    pub fn linears_mut(&mut self) -> [(&'static str, &mut Linear); 7] {
        [
            ("self_attn.q_proj", &mut self.q_proj),
            ("self_attn.k_proj", &mut self.k_proj),
            ("self_attn.v_proj", &mut self.v_proj),
            ("self_attn.o_proj", &mut self.o_proj),
            ("mlp.gate_proj", &mut self.gate_proj),
            ("mlp.up_proj", &mut self.up_proj),
            ("mlp.down_proj", &mut self.down_proj),
        ]
    }
}

/// How the tokens of a batch lie in memory.
struct Layout {
    tokens: Vec<i32>,
    /// Tokens of each row, without padding.
    lengths: Vec<usize>,
    /// Tokens of each row, with padding.
    spans: Vec<usize>,
    starts: Vec<usize>,
    /// Supervised positions, as indices into `tokens`.
    positions: Vec<i32>,
    /// Longest row.
    width: usize,
}

impl Layout {
    /// As the batch has them: every row padded to its width.
    fn padded(batch: &Batch) -> Self {
        Self {
            tokens: batch.tokens.clone(),
            lengths: batch.lengths.clone(),
            spans: vec![batch.width; batch.rows()],
            starts: AttentionShape::padded(batch.rows(), batch.width),
            positions: batch.positions.clone(),
            width: batch.width,
        }
    }

    /// Row after row without padding.
    fn packed(batch: &Batch) -> Self {
        let starts = AttentionShape::packed(&batch.lengths);
        let rows = batch.tokens.chunks_exact(batch.width).zip(&batch.lengths);
        let tokens = rows.flat_map(|(row, len)| &row[..*len]).copied().collect();
        let moved = batch.positions.iter().zip(&batch.row_of).map(|(at, row)| {
            let row = *row as usize;
            at - (row * batch.width) as i32 + starts[row] as i32
        });
        Self {
            tokens,
            positions: moved.collect(),
            lengths: batch.lengths.clone(),
            spans: batch.lengths.clone(),
            starts,
            width: batch.width,
        }
    }
}

/// What the passes of one batch share.
pub(crate) struct Pass<'a> {
    pub(crate) rows: usize,
    pub(crate) lengths: &'a [usize],
    pub(crate) starts: &'a [usize],
    pub(crate) tables: (Tensor<2>, Tensor<2>),
    pub(crate) dropout: Option<DropoutKey<'a>>,
    pub(crate) ops: Ops,
}

impl Lm {
    /// A model with weights drawn from (`seed`, name of the tensor): from a
    /// normal distribution of standard deviation `initializer_range`, which for
    /// the two layers that write to the residual stream is divided by
    /// sqrt(2 layers) (Radford et al. 2019); gains are 1.
    ///
    /// # Errors
    /// [`LmError::Config`] for an impossible shape.
    pub fn init(config: &LmConfig, seed: u64, device: &Device) -> Result<Self, LmError> {
        config.validate().map_err(LmError::Config)?;
        if config.vocab_size == 0 {
            return Err(LmError::Config("vocab_size must be at least 1".to_owned()));
        }
        let (d, std) = (config.hidden_size, config.initializer_range);
        let kv = config.num_key_value_heads * config.head_dim();
        let residual = std / (2.0 * config.num_hidden_layers as f64).sqrt();
        let ones = || parameter(vec![1.0; d], [d], device);
        let block = |i: usize| {
            let scaled = |name: &str, shape, std| {
                Linear::init(shape, std, seed, &format!("layers.{i}.{name}"), device)
            };
            let linear = |name: &str, shape| scaled(name, shape, std);
            Block {
                input_layernorm: ones(),
                q_proj: linear("q_proj", [d, d]),
                k_proj: linear("k_proj", [d, kv]),
                v_proj: linear("v_proj", [d, kv]),
                o_proj: scaled("o_proj", [d, d], residual),
                post_attention_layernorm: ones(),
                gate_proj: linear("gate_proj", [d, config.intermediate_size]),
                up_proj: linear("up_proj", [d, config.intermediate_size]),
                down_proj: scaled("down_proj", [config.intermediate_size, d], residual),
            }
        };
        let v = config.vocab_size;
        Ok(Self {
            embed_tokens: parameter(normal(v * d, std, seed, "embed_tokens"), [v, d], device),
            layers: (0..config.num_hidden_layers).map(block).collect(),
            norm: ones(),
            lm_head: (!config.tie_word_embeddings)
                .then(|| Linear::init([d, v], std, seed, "lm_head", device)),
            config: config.clone(),
            ops: if kernels::available(device) { Ops::Fused } else { Ops::Composed },
        })
    }

    /// The same weights, with the passes taken from `ops`.
    pub fn with_ops(mut self, ops: Ops) -> Self {
        self.ops = ops;
        self
    }

    /// Freezes every weight and adds adapters, initialised from `seed`.
    ///
    /// # Errors
    /// [`LmError::Config`] for impossible settings.
    pub fn with_lora(self, config: &LoraConfig, seed: u64) -> Result<Self, LmError> {
        config.validate().map_err(LmError::Config)?;
        let mut model = self.no_grad();
        for (i, block) in model.layers.iter_mut().enumerate() {
            for (name, linear) in block.linears_mut() {
                let short = name.rsplit('.').next().unwrap_or(name);
                if config.targets(short) {
                    linear.add_lora(config, seed, &format!("layers.{i}.{name}.lora_A"));
                }
            }
        }
        Ok(model)
    }

    /// The model with its adapters added into its weights.
    pub fn merged(mut self) -> Self {
        for block in &mut self.layers {
            for (_, linear) in block.linears_mut() {
                *linear = linear.merged();
            }
        }
        self
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
        }
    }

    /// Embeddings `[n, D]` of token ids.
    pub(crate) fn embed(&self, tokens: &[i32]) -> Tensor<2> {
        let ids = TensorData::new(tokens.to_vec(), [tokens.len()]);
        self.embed_tokens.val().select(0, Tensor::<1, Int>::from_data(ids, &self.device()))
    }

    /// Gain-normalised rows of `x` `[n, D]`.
    pub(crate) fn normalise(&self, x: Tensor<2>, gain: &Param<Tensor<1>>) -> Tensor<2> {
        let eps = self.config.rms_norm_eps;
        match self.ops {
            Ops::Fused => kernels::rms_norm(x, gain.val(), eps),
            Ops::Composed => {
                let mean = x.clone().square().mean_dim(1);
                x / (mean + eps).sqrt() * gain.val().unsqueeze_dim::<2>(0)
            }
        }
    }

    /// Last hidden states `[N, D]`, normalised, at every position of `batch`,
    /// padding included.
    pub fn hidden(&self, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Tensor<2> {
        self.forward(&Layout::padded(batch), dropout)
    }

    /// Last hidden states `[M, D]`, normalised, where `batch` predicts a token
    /// of an answer.
    pub fn answer_hidden(&self, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Tensor<2> {
        let layout = match self.ops {
            // The fused attention finds rows by their starts, so padding is left out.
            Ops::Fused => Layout::packed(batch),
            Ops::Composed => Layout::padded(batch),
        };
        let at = TensorData::new(layout.positions.clone(), [layout.positions.len()]);
        let hidden = self.forward(&layout, dropout);
        let device = hidden.device();
        hidden.select(0, Tensor::<1, Int>::from_data(at, &device))
    }

    fn forward(&self, layout: &Layout, dropout: Option<DropoutKey<'_>>) -> Tensor<2> {
        let device = self.device();
        let d = self.config.head_dim();
        let pass = Pass {
            rows: layout.lengths.len(),
            lengths: &layout.lengths,
            starts: &layout.starts,
            tables: rope::tables(0..layout.width, d, self.config.rope_theta, &device),
            dropout: dropout.map(|key| DropoutKey { lengths: &layout.spans, ..key }),
            ops: self.ops,
        };
        let mut h = self.embed(&layout.tokens);
        for (i, block) in self.layers.iter().enumerate() {
            h = self.block(i, block, h, &pass, |_, _| ());
        }
        self.normalise(h, &self.norm)
    }

    /// One block over whole sequences; `keep` sees its keys and values, each
    /// `[N, kv_heads * d]`, before rotation.
    pub(crate) fn block(
        &self,
        i: usize,
        block: &Block,
        h: Tensor<2>,
        pass: &Pass<'_>,
        keep: impl FnOnce(&Tensor<2>, &Tensor<2>),
    ) -> Tensor<2> {
        let run = |linear: &Linear, name: &str, x: Tensor<2>| match pass.dropout {
            Some(key) => linear.forward(x, Some(key), &format!("layers.{i}.{name}")),
            None => linear.forward(x, None, name),
        };
        let x = self.normalise(h.clone(), &block.input_layernorm);
        let q = run(&block.q_proj, "q_proj", x.clone());
        let k = run(&block.k_proj, "k_proj", x.clone());
        let v = run(&block.v_proj, "v_proj", x);
        keep(&k, &v);
        let heads = self.heads();
        let attended = match pass.ops {
            Ops::Fused => {
                let (cos, sin) = pass.tables.clone();
                let shape = AttentionShape {
                    heads: heads.heads,
                    kv_heads: heads.kv_heads,
                    head_dim: heads.dim,
                    positions: cos.dims()[0],
                    lengths: pass.lengths.to_vec(),
                    starts: pass.starts.to_vec(),
                };
                kernels::causal_attention(q, k, v, cos, sin, shape)
            }
            Ops::Composed => attention::causal(q, k, v, pass.tables.clone(), pass.rows, heads),
        };
        let h = h + run(&block.o_proj, "o_proj", attended);
        let x = self.normalise(h.clone(), &block.post_attention_layernorm);
        let gate = run(&block.gate_proj, "gate_proj", x.clone());
        let up = run(&block.up_proj, "up_proj", x);
        let gated = match pass.ops {
            Ops::Fused => kernels::swiglu(gate, up),
            Ops::Composed => silu(gate) * up,
        };
        h + run(&block.down_proj, "down_proj", gated)
    }

    /// Logits `[n, V]` of hidden states `[n, D]`.
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        match &self.lm_head {
            Some(head) => head.forward(hidden, None, "lm_head"),
            None => hidden.matmul(self.embed_tokens.val().transpose()),
        }
    }
}
