//! Backward passes block by block.
//!
//! A tape over the whole model keeps every intermediate of every block. Here
//! each block has tapes of its own, joined by hand: what passes between them is
//! the gradient of the states. That gives two savings. Attention composed from
//! Burn's operations stands between two tapes, with its gradient written out, so
//! that nothing of size T x T per head is kept. And where activations are to be
//! made again, only the inputs of blocks are kept.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Gradients, Tensor};
use seal_data::Batch;

use crate::answer_loss::answer_loss;
use crate::attention::ComposedAttention;
use crate::block::Block;
use crate::pass::Pass;
use crate::{DropoutKey, Lm};

/// A block on tapes of its own.
#[allow(clippy::large_enum_variant, reason = "a handle a tensor; there are as many as blocks")]
enum Recorded {
    /// On one.
    Whole { h: Tensor<2>, y: Tensor<2> },
    /// On one up to the queries, keys and values, and on one from the result of
    /// attention.
    Split { h: [Tensor<2>; 2], qkv: [Tensor<2>; 3], attended: Tensor<2>, y: Tensor<2> },
}

impl Recorded {
    /// Records block `i` of `model` over `h`.
    fn of(model: &Lm, i: usize, h: Tensor<2>, passes: &Passes<'_>) -> Self {
        if model.kernels().is_some() {
            let h = tracked(h);
            return Self::Whole { y: model.trunk.block(i, h.clone(), &passes.taped), h };
        }
        let layers = &model.trunk.layers;
        let (block, run) = (&layers[i], passes.taped.run(i, layers.len()));
        let (before, after) = (tracked(h.clone()), tracked(h));
        let (q, k, v) = block.queries_keys_values(before.clone(), &run);
        let qkv = [q, k, v];
        let attended = tracked(passes.composed(block, &qkv).forward());
        let y = block.after_attention(after.clone(), attended.clone(), &run);
        Self::Split { h: [before, after], qkv, attended, y }
    }

    /// The states after the block, off the tape.
    fn output(&self) -> Tensor<2> {
        let (Self::Whole { y, .. } | Self::Split { y, .. }) = self;
        y.clone().inner()
    }

    /// The gradient of the states before the block, the i-th, given that of those after
    /// it; those of the block's weights are added to `sum`.
    fn backward(
        self,
        (model, i): (&Lm, usize),
        passes: &Passes<'_>,
        dy: Tensor<2>,
        sum: &mut GradientsParams,
    ) -> Tensor<2> {
        let block = &model.trunk.layers[i];
        match self {
            Self::Whole { h, y } => {
                let mut grads = directed(y, dy).backward();
                collect(block, &mut grads, sum);
                gradient(&h, &mut grads)
            }
            Self::Split { h: [before, after], qkv, attended, y } => {
                let mut grads = directed(y, dy).backward();
                collect(block, &mut grads, sum);
                let dh = gradient(&after, &mut grads);
                let [dq, dk, dv] =
                    passes.composed(block, &qkv).gradient(gradient(&attended, &mut grads));
                let [q, k, v] = qkv;
                let mut grads = (directed(q, dq) + directed(k, dk) + directed(v, dv)).backward();
                collect(block, &mut grads, sum);
                dh + gradient(&before, &mut grads)
            }
        }
    }
}

/// What blocks share, for tensors on and off the tape.
struct Passes<'a> {
    taped: Pass<'a>,
    plain: Pass<'a>,
}

impl Passes<'_> {
    /// Attention off the tape.
    fn composed(&self, block: &Block, qkv: &[Tensor<2>; 3]) -> ComposedAttention {
        let [q, k, v] = qkv.each_ref().map(|x| x.clone().inner());
        ComposedAttention::of(q, k, v, &self.plain.rows, &block.plan.attention)
    }
}

/// Losses of the supervised tokens of `batch` and the gradients of their sum weighted
/// by `weights`, as [`crate::differentiate`] has them, block by block. With `recompute`
/// only the inputs of blocks are kept.
pub(crate) fn differentiate(
    model: &Lm,
    batch: &Batch,
    weights: &[f32],
    dropout: Option<DropoutKey<'_>>,
    recompute: bool,
) -> (Vec<f32>, GradientsParams) {
    let layout = model.trunk.layout(batch, dropout);
    let off = model.trunk.valid();
    let passes = Passes {
        taped: model.trunk.position_pass(&layout, dropout),
        plain: off.position_pass(&layout, dropout),
    };
    let layers = model.trunk.layers.len();
    let mut h = off.embed(&layout.tokens);
    let (mut inputs, mut recorded) = (Vec::new(), Vec::new());
    for i in 0..layers {
        if recompute {
            inputs.push(h.clone());
            h = off.block(i, h, &passes.plain);
        } else {
            let block = Recorded::of(model, i, h, &passes);
            h = block.output();
            recorded.push(block);
        }
    }
    let mut gradients = GradientsParams::new();
    // The last normalisation and the output layer.
    let h = tracked(h);
    let states = model.trunk.normalise(h.clone());
    let (tokens, stand_in) = answer_loss(model, states, batch, weights);
    let mut grads = stand_in.backward();
    collect(model, &mut grads, &mut gradients);
    let mut dh = gradient(&h, &mut grads);
    for i in (0..layers).rev() {
        let block = recorded.pop().unwrap_or_else(|| {
            let h = inputs.pop().expect("the input of every block");
            Recorded::of(model, i, h, &passes)
        });
        dh = block.backward((model, i), &passes, dh, &mut gradients);
    }
    if model.is_trained_whole() {
        let mut grads = directed(model.trunk.embed(&layout.tokens), dh).backward();
        collect(model, &mut grads, &mut gradients);
    }
    (tokens.read(), gradients)
}

/// A leaf of a new tape.
fn tracked(x: Tensor<2>) -> Tensor<2> {
    Tensor::from_inner(x).require_grad()
}

/// A number whose gradient in `y` is `dy`.
fn directed(y: Tensor<2>, dy: Tensor<2>) -> Tensor<1> {
    (y * Tensor::from_inner(dy)).sum()
}

fn gradient(of: &Tensor<2>, grads: &mut Gradients) -> Tensor<2> {
    of.grad_remove(grads).expect("a leaf that the result depends on")
}

/// Adds what `from` has of the gradients of the weights of `part` to `to`.
fn collect(part: &impl Module, from: &mut Gradients, to: &mut GradientsParams) {
    struct Collect<'a> {
        from: &'a mut Gradients,
        to: &'a mut GradientsParams,
    }
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let Some(gradient) = param.val().grad_remove(self.from) else { return };
            let sum = match self.to.remove::<D>(param.id) {
                Some(before) => before + gradient,
                None => gradient,
            };
            self.to.register(param.id, sum);
        }
    }
    part.visit(&mut Collect { from, to });
}
