//! Losses of a batch with the gradients of their weighted sum.

use std::borrow::Cow;

use burn::module::{Module as _, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use seal_data::Batch;
use seal_device::Kernels;

use crate::answer_loss::answer_loss;
use crate::cut::{self, MicroBatch};
use crate::token_losses::{in_order, side_by_side};
use crate::{DropoutKey, Lm, segments};

/// How a backward pass is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tape {
    /// Keep the inputs of blocks only, and make the rest again when its gradient
    /// is taken: less memory, one more forward pass.
    pub recompute: bool,
}

/// Losses of the supervised tokens of a batch, in nats, and the gradients of
/// their weighted sum.
pub struct Differentiated {
    /// `[M]`, in the order of the batch.
    pub tokens: Vec<f32>,
    /// Of every weight that is trained.
    pub gradients: GradientsParams,
}

/// Losses of the supervised tokens of `batch`, and the gradients of
/// `sum_m weights_m nll_m`. `model` lives on an autodiff device.
///
/// # Panics
/// If there is not one weight a supervised token, or off an autodiff device.
pub fn differentiate(
    model: &Lm,
    batch: &Batch,
    weights: &[f32],
    dropout: Option<DropoutKey<'_>>,
    tape: Tape,
) -> Differentiated {
    assert_eq!(weights.len(), batch.targets.len(), "one weight a supervised token");
    let groups = cut::groups(model, batch, dropout);
    if let [group] = &groups[..]
        && group.len() == 1
    {
        return one(model, batch, weights, dropout, tape);
    }
    let (rows, answers) = (groups.concat().concat(), batch.answers());
    let alone = groups.len() == 1;
    let done = side_by_side(model.kernels(), groups, |group| {
        let model = if alone { Cow::Borrowed(model) } else { Cow::Owned(model.on_own_tape()) };
        let of_part = |part: &MicroBatch| {
            let batch = batch.select(part);
            let weights: Vec<&[f32]> = part.iter().map(|b| &weights[answers[*b].clone()]).collect();
            let (ids, lengths) = (&batch.ids, &batch.lengths);
            let dropout = dropout.map(|key| DropoutKey { ids, lengths, ..key });
            one(&model, &batch, &weights.concat(), dropout, tape)
        };
        sum(&model, group.iter().map(of_part))
    });
    let done = sum(model, done);
    Differentiated { tokens: in_order(&rows, &answers, &done.tokens), ..done }
}

/// [`differentiate`] without parts.
fn one(
    model: &Lm,
    batch: &Batch,
    weights: &[f32],
    dropout: Option<DropoutKey<'_>>,
    tape: Tape,
) -> Differentiated {
    // One tape is the faster where no block has anything on it that is too large.
    if tape.recompute || model.kernels().is_none() {
        let (tokens, gradients) =
            segments::differentiate(model, batch, weights, dropout, tape.recompute);
        return Differentiated { tokens, gradients };
    }
    let hidden = model.answer_hidden(batch, dropout);
    let (tokens, stand_in) = answer_loss(model, hidden, batch, weights);
    let gradients = GradientsParams::from_grads(stand_in.backward(), model);
    Differentiated { tokens, gradients }
}

/// Parts as one, in their order.
fn sum(model: &Lm, parts: impl IntoIterator<Item = Differentiated>) -> Differentiated {
    let add = |mut sum: Differentiated, part: Differentiated| {
        sum.tokens.extend(part.tokens);
        let kernels = model.kernels();
        model.visit(&mut Add { kernels, sum: &mut sum.gradients, part: part.gradients });
        sum
    };
    parts.into_iter().reduce(add).expect("a batch has rows")
}

/// Adds the gradients of a part to those before.
struct Add<'a> {
    kernels: Option<Kernels>,
    sum: &'a mut GradientsParams,
    part: GradientsParams,
}

impl ModuleVisitor for Add<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(part) = self.part.remove::<D>(param.id) else { return };
        let sum = match (self.sum.remove::<D>(param.id), self.kernels) {
            (Some(sum), Some(kernels)) => {
                let (device, mut sum, part) = (sum.device(), sum.into_data(), part.into_data());
                let read = "gradients are f32";
                let slice = sum.as_mut_slice::<f32>().expect(read);
                kernels.add(slice, part.as_slice::<f32>().expect(read));
                Tensor::from_data(sum, &device)
            }
            (Some(sum), None) => sum + part,
            (None, _) => part,
        };
        self.sum.register(param.id, sum);
    }
}
