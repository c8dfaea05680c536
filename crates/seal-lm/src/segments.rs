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

use crate::attention::Composed;
use crate::gradients::answer_loss;
use crate::model::Pass;
use crate::{Differentiated, DropoutKey, Lm, Ops, Tape};

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
        if model.ops() == Ops::Fused {
            let h = tracked(h);
            return Self::Whole { y: model.block(i, h.clone(), &passes.taped), h };
        }
        let run = passes.taped.run(model, i);
        let block = &model.layers[i];
        let (before, after) = (tracked(h.clone()), tracked(h));
        let (q, k, v) = block.queries_keys_values(before.clone(), &run);
        let qkv = [q, k, v];
        let attended = tracked(passes.composed(model, &qkv).forward());
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
        let block = &model.layers[i];
        match self {
            Self::Whole { h, y } => {
                let mut grads = along(y, dy).backward();
                collect(block, &mut grads, sum);
                gradient(&h, &mut grads)
            }
            Self::Split { h: [before, after], qkv, attended, y } => {
                let mut grads = along(y, dy).backward();
                collect(block, &mut grads, sum);
                let dh = gradient(&after, &mut grads);
                let [dq, dk, dv] =
                    passes.composed(model, &qkv).gradient(gradient(&attended, &mut grads));
                let [q, k, v] = qkv;
                let mut grads = (along(q, dq) + along(k, dk) + along(v, dv)).backward();
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
    fn composed(&self, model: &Lm, qkv: &[Tensor<2>; 3]) -> Composed {
        let [q, k, v] = qkv.each_ref().map(|x| x.clone().inner());
        Composed::of(q, k, v, &self.plain, model.heads())
    }
}

/// As [`crate::differentiate`], block by block.
pub(crate) fn differentiate(
    model: &Lm,
    batch: &Batch,
    weights: &[f32],
    dropout: Option<DropoutKey<'_>>,
    tape: Tape,
) -> Differentiated {
    let layout = model.answer_layout(batch);
    let off = model.valid();
    let (taped, plain) = (model.answer_pass(&layout, dropout), off.answer_pass(&layout, dropout));
    let passes = Passes { taped, plain };
    let mut h = off.embed(&layout.tokens);
    let (mut inputs, mut recorded) = (Vec::new(), Vec::new());
    for i in 0..model.layers.len() {
        if tape.recompute {
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
    let (tokens, stand_in) = answer_loss(model, model.normalise(h.clone()), batch, weights);
    let mut grads = stand_in.backward();
    collect(model, &mut grads, &mut gradients);
    let mut dh = gradient(&h, &mut grads);
    for i in (0..model.layers.len()).rev() {
        let block = recorded.pop().unwrap_or_else(|| {
            let h = inputs.pop().expect("the input of every block");
            Recorded::of(model, i, h, &passes)
        });
        dh = block.backward((model, i), &passes, dh, &mut gradients);
    }
    if model.embed_tokens.val().is_require_grad() {
        let mut grads = along(model.embed(&layout.tokens), dh).backward();
        collect(model, &mut grads, &mut gradients);
    }
    Differentiated { tokens, gradients }
}

/// A leaf of a new tape.
fn tracked(x: Tensor<2>) -> Tensor<2> {
    Tensor::from_inner(x).require_grad()
}

/// A number whose gradient in `y` is `dy`.
fn along(y: Tensor<2>, dy: Tensor<2>) -> Tensor<1> {
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
