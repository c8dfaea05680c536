//! Losses of a batch with the gradients of their weighted sum.

use std::borrow::Cow;

use burn::module::{Module as _, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
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
    let parts = GradientParts::of(model, batch, weights, dropout, tape);
    if parts.is_whole() {
        return parts.differentiate(model, 0);
    }
    let alone = parts.count() == 1;
    let done = side_by_side(model.kernels(), (0..parts.count()).collect(), |i| {
        let model = if alone { Cow::Borrowed(model) } else { Cow::Owned(model.on_own_tape()) };
        parts.differentiate(&model, i)
    });
    parts.in_order(sum(model, done))
}

/// The parts of a batch that have gradients of their own. Which rows are in which part depends on the
/// work alone. So does the order in which parts are summed. So copies of a model on several devices
/// may share them, and the sum is that of [`differentiate`], bit by bit.
pub struct GradientParts<'a> {
    batch: &'a Batch,
    weights: &'a [f32],
    dropout: Option<DropoutKey<'a>>,
    tape: Tape,
    groups: Vec<Vec<MicroBatch>>,
}

impl<'a> GradientParts<'a> {
    /// Those of `sum_m weights_m nll_m` over the supervised tokens of `batch`.
    ///
    /// # Panics
    /// If there is not one weight a supervised token.
    pub fn of(
        model: &Lm,
        batch: &'a Batch,
        weights: &'a [f32],
        dropout: Option<DropoutKey<'a>>,
        tape: Tape,
    ) -> Self {
        assert_eq!(weights.len(), batch.targets.len(), "one weight a supervised token");
        Self { batch, weights, dropout, tape, groups: cut::groups(model, batch, dropout) }
    }

    /// How many there are, at least 1.
    pub fn count(&self) -> usize {
        self.groups.len()
    }

    /// Whether the batch is one part that is not cut further.
    fn is_whole(&self) -> bool {
        matches!(&self.groups[..], [group] if group.len() == 1)
    }

    /// Losses and gradients of part `i` under `model`, the model that the parts are of or a copy of it.
    /// Two threads that do this at once need copies on tapes of their own ([`Lm::on_own_tape`]).
    ///
    /// # Panics
    /// Off an autodiff device.
    pub fn differentiate(&self, model: &Lm, i: usize) -> Differentiated {
        if self.is_whole() {
            return one(model, self.batch, self.weights, self.dropout, self.tape);
        }
        let answers = self.batch.answers();
        let of_part = |part: &MicroBatch| {
            let batch = self.batch.select(part);
            let weights: Vec<&[f32]> =
                part.iter().map(|b| &self.weights[answers[*b].clone()]).collect();
            let (ids, lengths) = (&batch.ids, &batch.lengths);
            let dropout = self.dropout.map(|key| DropoutKey { ids, lengths, ..key });
            one(model, &batch, &weights.concat(), dropout, self.tape)
        };
        sum(model, self.groups[i].iter().map(of_part))
    }

    /// Adds part `i + 1` to `sum`, the sum of the parts up to `i`; the first part is the sum of
    /// itself. Gradients of a copy are brought to the device of `model`. The last sum is
    /// [put in order](Self::in_order).
    pub fn add(
        &self,
        model: &Lm,
        sum: Option<Differentiated>,
        part: Differentiated,
    ) -> Differentiated {
        let nothing = || Differentiated { tokens: Vec::new(), gradients: GradientsParams::new() };
        add(model, sum.unwrap_or_else(nothing), part)
    }

    /// The sum of all parts, with the losses in the order of the batch.
    pub fn in_order(&self, sum: Differentiated) -> Differentiated {
        if self.is_whole() {
            return sum;
        }
        let rows = self.groups.concat().concat();
        let tokens = in_order(&rows, &self.batch.answers(), &sum.tokens);
        Differentiated { tokens, ..sum }
    }
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
    Differentiated { tokens: tokens.read(), gradients }
}

/// Parts as one, in their order.
fn sum(model: &Lm, parts: impl IntoIterator<Item = Differentiated>) -> Differentiated {
    parts.into_iter().reduce(|sum, part| add(model, sum, part)).expect("a batch has rows")
}

fn add(model: &Lm, mut sum: Differentiated, part: Differentiated) -> Differentiated {
    sum.tokens.extend(part.tokens);
    let (kernels, device) = (model.kernels(), model.device().inner());
    let (sums, part) = (&mut sum.gradients, part.gradients);
    model.visit(&mut Add { kernels, device, sum: sums, part });
    sum
}

/// Adds the gradients of a part to those before.
struct Add<'a> {
    kernels: Option<Kernels>,
    /// Of the sum.
    device: Device,
    sum: &'a mut GradientsParams,
    part: GradientsParams,
}

impl ModuleVisitor for Add<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(part) = self.part.remove::<D>(param.id) else { return };
        let part = part.to_device(&self.device);
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
