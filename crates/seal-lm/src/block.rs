//! One block of a model: attention and the feed-forward layer.

use burn::module::{Module, Param};
use burn::tensor::activation::{gelu, relu, silu, tanh};
use burn::tensor::{FloatDType, Tensor, s};
use seal_device::kernels;

use crate::model::Needed;
use crate::{Activation, DropoutKey, Linear, LmConfig, ModelType, Ops, family};

/// Normalisation: of layers (Ba et al. 2016) where it has a bias, else RMS
/// (Zhang and Sennrich 2019).
#[derive(Module, Debug)]
pub struct Norm {
    /// Gain, `[D]`.
    pub weight: Param<Tensor<1>>,
    /// `[D]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Norm {
    /// Normalised rows of `x` `[n, D]`; sums over a row are taken in f32.
    pub(crate) fn forward(&self, x: Tensor<2>, eps: f64, ops: Ops) -> Tensor<2> {
        // States may have more digits than weights.
        let gain = self.weight.val().cast(x.dtype());
        let bias = self.bias.as_ref().map(|bias| bias.val().cast(x.dtype()));
        match (bias, ops) {
            (Some(bias), Ops::Fused) => kernels::layer_norm(x, gain, bias, eps),
            (None, Ops::Fused) => kernels::rms_norm(x, gain, eps),
            (Some(bias), Ops::Composed) => {
                let dtype = x.dtype();
                let x = x.cast(FloatDType::F32);
                let x = x.clone() - x.mean_dim(1);
                let variance = x.clone().square().mean_dim(1);
                let x = (x / (variance + eps).sqrt()).cast(dtype);
                x * gain.unsqueeze_dim::<2>(0) + bias.unsqueeze_dim::<2>(0)
            }
            (None, Ops::Composed) => {
                let dtype = x.dtype();
                let x = x.cast(FloatDType::F32);
                let mean = x.clone().square().mean_dim(1);
                (x / (mean + eps).sqrt()).cast(dtype) * gain.unsqueeze_dim::<2>(0)
            }
        }
    }
}

/// One block: attention, and the feed-forward layer after it or beside it.
#[derive(Module, Debug)]
pub struct Block {
    /// Before attention.
    pub input_layernorm: Norm,
    /// Queries, keys and values.
    pub projections: Projections,
    /// Output of attention.
    pub output: Linear,
    /// Before the feed-forward layer.
    pub post_attention_layernorm: Norm,
    /// The feed-forward layer.
    pub feed_forward: FeedForward,
    #[module(skip)]
    pub(crate) family: ModelType,
}

/// Layers that make queries, keys and values.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a handle a weight; there are as many as blocks")]
pub enum Projections {
    /// One each.
    Separate(Separate),
    /// One for all: queries, keys and values of each head side by side
    /// (GPT-NeoX), or of all heads (Phi-3).
    Joint(Linear),
}

/// Queries, keys and values from a layer each.
#[derive(Module, Debug)]
pub struct Separate {
    /// Queries.
    pub q_proj: Linear,
    /// Keys.
    pub k_proj: Linear,
    /// Values.
    pub v_proj: Linear,
}

/// The feed-forward layer.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a handle a weight; there are as many as blocks")]
pub enum FeedForward {
    /// Gate and input from a layer each (SwiGLU, Shazeer 2020).
    Gated(Gated),
    /// Gate and input from one layer, in this order.
    JointGated(JointGated),
    /// No gate.
    Plain(Plain),
}

/// A gated feed-forward layer.
#[derive(Module, Debug)]
pub struct Gated {
    /// Gate.
    pub gate_proj: Linear,
    /// Input.
    pub up_proj: Linear,
    /// Output.
    pub down_proj: Linear,
}

/// A gated feed-forward layer of two matrices.
#[derive(Module, Debug)]
pub struct JointGated {
    /// Gate, then input.
    pub gate_up_proj: Linear,
    /// Output.
    pub down_proj: Linear,
}

/// A feed-forward layer without gate.
#[derive(Module, Debug)]
pub struct Plain {
    /// `dense_h_to_4h`.
    pub up: Linear,
    /// `dense_4h_to_h`.
    pub down: Linear,
}

/// What a block needs beside its input.
pub(crate) struct Run<'a> {
    pub(crate) config: &'a LmConfig,
    pub(crate) ops: Ops,
    /// Index of the block.
    pub(crate) layer: usize,
    pub(crate) dropout: Option<DropoutKey<'a>>,
    /// Tokens whose states are needed after the block; all if `None`.
    pub(crate) needed: Option<&'a Needed>,
}

impl<'a> Run<'a> {
    /// For the tokens alone whose states are needed.
    fn of_needed(&self, needed: &'a Needed) -> Self {
        let lengths = needed.lengths();
        let dropout = self.dropout.map(|key| DropoutKey { lengths, ..key });
        Self { dropout, needed: None, ..*self }
    }

    fn linear(&self, linear: &Linear, name: &str, x: Tensor<2>) -> Tensor<2> {
        match self.dropout {
            Some(key) => {
                linear.forward(x, Some(key), &format!("layers.{}.{name}", self.layer), self.ops)
            }
            None => linear.forward(x, None, name, self.ops),
        }
    }

    fn activate(&self, x: Tensor<2>) -> Tensor<2> {
        match self.config.architecture.hidden_act {
            Activation::Silu => silu(x),
            Activation::Gelu if self.ops == Ops::Fused => kernels::gelu(x),
            Activation::Gelu => gelu(x),
            Activation::GeluPytorchTanh => {
                let root = (2.0 / std::f64::consts::PI).sqrt();
                let cubed = x.clone() * x.clone().square() * 0.044715;
                x.clone() * (tanh((x + cubed) * root) + 1.0) * 0.5
            }
            Activation::Relu => relu(x),
        }
    }

    fn gate(&self, gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
        match (self.ops, self.config.architecture.hidden_act) {
            (Ops::Fused, Activation::Silu) => kernels::swiglu(gate, up),
            _ => self.activate(gate) * up,
        }
    }
}

impl Block {
    /// The states after the block, `[N, D]` as those before it, `h`, or `[M, D]` where
    /// `run` needs M of them. `attend` makes `[N, heads * d]` of queries
    /// `[N, heads * d]`, keys and values `[N, kv_heads * d]`, not yet rotated.
    pub(crate) fn forward(
        &self,
        h: Tensor<2>,
        run: &Run<'_>,
        attend: impl FnOnce(Tensor<2>, Tensor<2>, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let (q, k, v) = self.queries_keys_values(h.clone(), run);
        self.after_attention(h, attend(q, k, v), run)
    }

    /// Queries `[N, heads * d]`, keys and values `[N, kv_heads * d]` of `h`
    /// `[N, D]`, not yet rotated.
    pub(crate) fn queries_keys_values(
        &self,
        h: Tensor<2>,
        run: &Run<'_>,
    ) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let eps = run.config.rms_norm_eps;
        self.project(self.input_layernorm.forward(h, eps, run.ops), run)
    }

    /// The rest of the block over `h` `[N, D]` and the result of attention,
    /// `[N, heads * d]`: states of the tokens that `run` needs.
    pub(crate) fn after_attention(
        &self,
        h: Tensor<2>,
        attended: Tensor<2>,
        run: &Run<'_>,
    ) -> Tensor<2> {
        if let Some(needed) = run.needed {
            let (h, attended) = (needed.pick(h), needed.pick(attended));
            return self.after_attention(h, attended, &run.of_needed(needed));
        }
        let eps = run.config.rms_norm_eps;
        let name = match self.family {
            ModelType::GptNeox => "dense",
            ModelType::Llama | ModelType::Mistral | ModelType::Phi3 => "o_proj",
        };
        let attended = run.linear(&self.output, name, attended);
        let feed = |h| self.feed(self.post_attention_layernorm.forward(h, eps, run.ops), run);
        if run.config.architecture.use_parallel_residual {
            return feed(h.clone()) + attended + h;
        }
        let h = h + attended;
        h.clone() + feed(h)
    }

    fn project(&self, x: Tensor<2>, run: &Run<'_>) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let c = run.config;
        match &self.projections {
            Projections::Separate(Separate { q_proj, k_proj, v_proj }) => {
                let q = run.linear(q_proj, "q_proj", x.clone());
                let k = run.linear(k_proj, "k_proj", x.clone());
                (q, k, run.linear(v_proj, "v_proj", x))
            }
            Projections::Joint(joint) if self.family == ModelType::GptNeox => {
                let (heads, d) = (c.num_attention_heads, c.head_dim());
                let qkv = run.linear(joint, "query_key_value", x);
                let n = qkv.dims()[0];
                let qkv = qkv.reshape([n, heads, 3, d]);
                let part = |i| qkv.clone().slice(s![.., .., i..i + 1, ..]).reshape([n, heads * d]);
                (part(0), part(1), part(2))
            }
            Projections::Joint(joint) => {
                let (q, kv) =
                    (c.num_attention_heads * c.head_dim(), c.num_key_value_heads * c.head_dim());
                let qkv = run.linear(joint, "qkv_proj", x);
                let part = |from, to| qkv.clone().slice(s![.., from..to]);
                (part(0, q), part(q, q + kv), part(q + kv, q + 2 * kv))
            }
        }
    }

    fn feed(&self, x: Tensor<2>, run: &Run<'_>) -> Tensor<2> {
        match &self.feed_forward {
            FeedForward::Gated(Gated { gate_proj, up_proj, down_proj }) => {
                let gate = run.linear(gate_proj, "gate_proj", x.clone());
                let up = run.linear(up_proj, "up_proj", x);
                run.linear(down_proj, "down_proj", run.gate(gate, up))
            }
            FeedForward::JointGated(JointGated { gate_up_proj, down_proj }) => {
                let f = run.config.intermediate_size;
                let both = run.linear(gate_up_proj, "gate_up_proj", x);
                let part = |from, to| both.clone().slice(s![.., from..to]);
                run.linear(down_proj, "down_proj", run.gate(part(0, f), part(f, 2 * f)))
            }
            FeedForward::Plain(Plain { up, down }) => {
                let x = run.activate(run.linear(up, "dense_h_to_4h", x));
                run.linear(down, "dense_4h_to_h", x)
            }
        }
    }

    /// The linear layers with their Hugging Face paths inside the block.
    pub fn linears(&self) -> Vec<(&'static str, &Linear)> {
        let mut layers: Vec<&Linear> = match &self.projections {
            Projections::Separate(x) => vec![&x.q_proj, &x.k_proj, &x.v_proj],
            Projections::Joint(x) => vec![x],
        };
        layers.push(&self.output);
        match &self.feed_forward {
            FeedForward::Gated(x) => layers.extend([&x.gate_proj, &x.up_proj, &x.down_proj]),
            FeedForward::JointGated(x) => layers.extend([&x.gate_up_proj, &x.down_proj]),
            FeedForward::Plain(x) => layers.extend([&x.up, &x.down]),
        }
        family::block_paths(self.family).iter().copied().zip(layers).collect()
    }

    /// As [`Block::linears`], to be changed.
    pub fn linears_mut(&mut self) -> Vec<(&'static str, &mut Linear)> {
        let mut layers: Vec<&mut Linear> = match &mut self.projections {
            Projections::Separate(x) => vec![&mut x.q_proj, &mut x.k_proj, &mut x.v_proj],
            Projections::Joint(x) => vec![x],
        };
        layers.push(&mut self.output);
        match &mut self.feed_forward {
            FeedForward::Gated(x) => {
                layers.extend([&mut x.gate_proj, &mut x.up_proj, &mut x.down_proj]);
            }
            FeedForward::JointGated(x) => layers.extend([&mut x.gate_up_proj, &mut x.down_proj]),
            FeedForward::Plain(x) => layers.extend([&mut x.up, &mut x.down]),
        }
        family::block_paths(self.family).iter().copied().zip(layers).collect()
    }

    /// The linear layer whose path inside the block, or the last part of it, is
    /// `name`.
    pub fn linear(&self, name: &str) -> Option<&Linear> {
        self.linears().into_iter().find(|(path, _)| is_layer(path, name)).map(|(_, l)| l)
    }

    /// As [`Block::linear`], to be changed.
    pub fn linear_mut(&mut self, name: &str) -> Option<&mut Linear> {
        self.linears_mut().into_iter().find(|(path, _)| is_layer(path, name)).map(|(_, l)| l)
    }
}

fn is_layer(path: &str, name: &str) -> bool {
    path == name || path.rsplit('.').next() == Some(name)
}
