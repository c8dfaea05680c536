//! What a block computes, as its plan says.

use burn::tensor::activation::{relu, silu, tanh};
use burn::tensor::{Tensor, s};
use seal_device::{GpuKernels, Kernels};

use crate::block::{
    Block, FeedForward, GatedMlp, JointGated, JointQkv, PlainMlp, Projections, SeparateQkv,
};
use crate::dropping::Dropping;
use crate::needed::Needed;
use crate::norm::Norm;
use crate::packed_block::PackedBlock;
use crate::plan::{JointOrder, Residual};
use crate::{Activation, Linear};

/// What a block needs beside its input.
pub(crate) struct BlockContext<'a> {
    pub(crate) kernels: Option<Kernels>,
    pub(crate) gpu: Option<GpuKernels>,
    /// Index of the block.
    pub(crate) layer: usize,
    pub(crate) dropout: Option<&'a Dropping<'a>>,
    /// Tokens whose states are needed after the block; all if `None`.
    pub(crate) needed: Option<&'a Needed>,
    /// Of those tokens alone.
    pub(crate) needed_dropout: Option<&'a Dropping<'a>>,
    /// The layers of the block, where they are laid out for generation.
    pub(crate) packed: Option<&'a PackedBlock>,
}

impl<'a> BlockContext<'a> {
    /// For the tokens alone whose states are needed.
    fn of_needed(&self) -> Self {
        Self { dropout: self.needed_dropout, needed: None, ..*self }
    }

    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        if let (Some(packed), Some(kernels)) = (self.packed, self.kernels) {
            return packed.forward(linear.path, x, kernels);
        }
        match self.dropout {
            Some(dropping) => {
                let layer = format!("layers.{}.{}", self.layer, linear.name());
                linear.dropped(x, Some(dropping), &layer, self.kernels)
            }
            None => linear.forward(x, None, linear.name(), self.kernels),
        }
    }

    fn activate(&self, activation: Activation, x: Tensor<2>) -> Tensor<2> {
        match (activation, self.kernels) {
            (Activation::Silu, _) => silu(x),
            (Activation::Gelu, Some(kernels)) => kernels.gelu(x),
            // Burn's own has the gradient of the approximation by tanh, 1e-3 away from that of
            // the function, on all backends but flex.
            (Activation::Gelu, None) => {
                let share = (x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0;
                x * share * 0.5
            }
            (Activation::GeluPytorchTanh, _) => {
                let root = (2.0 / std::f64::consts::PI).sqrt();
                let cubed = x.clone() * x.clone().square() * 0.044715;
                x.clone() * (tanh((x + cubed) * root) + 1.0) * 0.5
            }
            (Activation::Relu, _) => relu(x),
        }
    }

    fn gate(&self, activation: Activation, gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
        match (activation, self.kernels, self.gpu) {
            (Activation::Silu, Some(kernels), _) => kernels.swiglu(gate, up),
            (Activation::Silu, None, Some(gpu)) => gpu.swiglu(gate, up),
            _ => self.activate(activation, gate) * up,
        }
    }

    /// `x` after the norm, where there is one.
    fn norm(&self, norm: Option<&Norm>, x: Tensor<2>) -> Tensor<2> {
        match norm {
            Some(norm) => norm.forward(x, self.kernels, self.gpu),
            None => x,
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
        run: &BlockContext<'_>,
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
        run: &BlockContext<'_>,
    ) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let x = self.input_layernorm.forward(h, run.kernels, run.gpu);
        let (q, k, v) = self.project(x, run);
        let by_head = |norm: &Option<Norm>, x: Tensor<2>| match norm {
            Some(norm) => norm.by_head(x, run.kernels, run.gpu),
            None => x,
        };
        (by_head(&self.query_norm, q), by_head(&self.key_norm, k), v)
    }

    /// The rest of the block over `h` `[N, D]` and the result of attention,
    /// `[N, heads * d]`: states of the tokens that `run` needs.
    pub(crate) fn after_attention(
        &self,
        h: Tensor<2>,
        attended: Tensor<2>,
        run: &BlockContext<'_>,
    ) -> Tensor<2> {
        if let Some(needed) = run.needed {
            let (h, attended) = (needed.pick(h), needed.pick(attended));
            return self.after_attention(h, attended, &run.of_needed());
        }
        let attended = run.linear(&self.output, attended);
        let attended = run.norm(self.attention_output_norm.as_ref(), attended);
        let feed = |h| {
            let x = self.post_attention_layernorm.forward(h, run.kernels, run.gpu);
            run.norm(self.feed_forward_output_norm.as_ref(), self.feed(x, run))
        };
        match self.plan.residual {
            Residual::Parallel => feed(h.clone()) + attended + h,
            Residual::Sequential => {
                let h = h + attended;
                h.clone() + feed(h)
            }
        }
    }

    fn project(&self, x: Tensor<2>, run: &BlockContext<'_>) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let plan = &self.plan.attention;
        match &self.projections {
            Projections::Separate(SeparateQkv { q_proj, k_proj, v_proj }) => {
                let q = run.linear(q_proj, x.clone());
                let k = run.linear(k_proj, x.clone());
                (q, k, run.linear(v_proj, x))
            }
            Projections::Joint(JointQkv { qkv_proj, order: JointOrder::ByHead }) => {
                let (heads, d) = (plan.heads, plan.head_dim);
                let qkv = run.linear(qkv_proj, x);
                let n = qkv.dims()[0];
                let qkv = qkv.reshape([n, heads, 3, d]);
                let part = |i| qkv.clone().slice(s![.., .., i..i + 1, ..]).reshape([n, heads * d]);
                (part(0), part(1), part(2))
            }
            Projections::Joint(JointQkv { qkv_proj, order: JointOrder::ByKind }) => {
                let (q, kv) = (plan.query_width(), plan.key_width());
                let qkv = run.linear(qkv_proj, x);
                let part = |from, to| qkv.clone().slice(s![.., from..to]);
                (part(0, q), part(q, q + kv), part(q + kv, q + 2 * kv))
            }
        }
    }

    fn feed(&self, x: Tensor<2>, run: &BlockContext<'_>) -> Tensor<2> {
        let activation = self.plan.activation;
        match &self.feed_forward {
            FeedForward::Gated(GatedMlp { gate_proj, up_proj, down_proj }) => {
                let gate = run.linear(gate_proj, x.clone());
                let up = run.linear(up_proj, x);
                run.linear(down_proj, run.gate(activation, gate, up))
            }
            FeedForward::JointGated(JointGated { gate_up_proj, down_proj }) => {
                let both = run.linear(gate_up_proj, x);
                let f = both.dims()[1] / 2;
                let part = |from, to| both.clone().slice(s![.., from..to]);
                let gated = run.gate(activation, part(0, f), part(f, 2 * f));
                run.linear(down_proj, gated)
            }
            FeedForward::Plain(PlainMlp { up, down }) => {
                let x = run.activate(activation, run.linear(up, x));
                run.linear(down, x)
            }
        }
    }
}
