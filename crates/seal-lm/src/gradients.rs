//! Losses of a batch with the gradients of their weighted sum.
//!
//! Logits are made of a few rows at a time and turned at once into losses and
//! gradients, so that `[tokens, vocabulary]` never exists whole: what goes on
//! through the tape is the gradient of the hidden states.

use std::borrow::Cow;
use std::ops::Range;

use burn::module::{Module as _, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{FloatDType, IndexingUpdateOp, Int, Tensor, TensorData};
use seal_data::Batch;
use seal_device::kernels;

use crate::cut::{self, Part};
use crate::linear::product;
use crate::{DropoutKey, Lm, Ops, segments};

/// Logits that exist at once, at most, in bytes of f32; one row where that is
/// more.
const LOGITS: usize = 32 << 20;

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
    let groups = cut::groups(model, batch);
    if let [group] = &groups[..]
        && group.len() == 1
    {
        return one(model, batch, weights, dropout, tape);
    }
    let (rows, answers) = (groups.concat().concat(), batch.answers());
    let alone = groups.len() == 1;
    let done = kernels::side_by_side(groups, |group| {
        let model = if alone { Cow::Borrowed(model) } else { Cow::Owned(model.apart()) };
        let of_part = |part: &Part| {
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

/// Losses that came row after row of `rows`, in the order of their batch.
fn in_order(rows: &[usize], answers: &[Range<usize>], mut losses: &[f32]) -> Vec<f32> {
    let mut ordered = vec![0.0; losses.len()];
    for row in rows {
        let of_row = losses.split_off(..answers[*row].len()).expect("a loss each token");
        ordered[answers[*row].clone()].copy_from_slice(of_row);
    }
    ordered
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
    if tape.recompute || model.ops() == Ops::Composed {
        return segments::differentiate(model, batch, weights, dropout, tape);
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
        model.visit(&mut Add { sum: &mut sum.gradients, part: part.gradients });
        sum
    };
    parts.into_iter().reduce(add).expect("a batch has rows")
}

/// Adds the gradients of a part to those before.
struct Add<'a> {
    sum: &'a mut GradientsParams,
    part: GradientsParams,
}

impl ModuleVisitor for Add<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(part) = self.part.remove::<D>(param.id) else { return };
        let sum = match self.sum.remove::<D>(param.id) {
            Some(sum) => {
                let (device, mut sum, part) = (sum.device(), sum.into_data(), part.into_data());
                let read = "gradients are f32";
                kernels::add(
                    sum.as_mut_slice::<f32>().expect(read),
                    part.as_slice::<f32>().expect(read),
                );
                Tensor::from_data(sum, &device)
            }
            None => part,
        };
        self.sum.register(param.id, sum);
    }
}

/// Losses `[M]` of the answers under hidden states `[M, D]`, and a number whose
/// gradient is that of `sum_m weights_m nll_m`.
pub(crate) fn answer_loss(
    model: &Lm,
    hidden: Tensor<2>,
    batch: &Batch,
    weights: &[f32],
) -> (Vec<f32>, Tensor<1>) {
    let (head, trained) = model.output_weight();
    let h = hidden.clone().inner();
    let w = head.clone().inner().cast(h.dtype());
    let [m, d] = h.dims();
    let size = rows_at_once(model);
    let mut tokens = Vec::with_capacity(m);
    let (mut dh, mut dw) = (Vec::new(), None);
    for from in (0..m).step_by(size) {
        let rows = from..(from + size).min(m);
        let h = h.clone().slice([rows.clone(), 0..d]);
        let logits = product(None, h.clone(), w.clone(), model.ops());
        let targets = &batch.targets[rows.clone()];
        let (losses, dlogits) = logit_gradient(model.ops(), logits, targets, &weights[rows]);
        tokens.extend(losses);
        if trained {
            let part = product(None, h.transpose(), dlogits.clone(), model.ops());
            dw = Some(match dw.take() {
                Some(sum) => sum + part,
                None => part,
            });
        }
        dh.push(product(None, dlogits, w.clone().transpose(), model.ops()));
    }
    let dh = if dh.len() == 1 { dh.remove(0) } else { Tensor::cat(dh, 0) };
    let mut stand_in = (hidden * Tensor::from_inner(dh)).sum();
    if let Some(dw) = dw {
        stand_in = stand_in + (head * Tensor::from_inner(dw)).sum();
    }
    (tokens, stand_in)
}

/// Losses `[M]` of the answers of `batch`, with no tape; `model` is off it too.
pub fn token_losses(model: &Lm, batch: &Batch) -> Vec<f32> {
    dropped_token_losses(model, batch, None)
}

/// As [`token_losses`], with the dropout of a training step: the losses that
/// [`differentiate`] gives for the same key, without gradients.
pub fn dropped_token_losses(
    model: &Lm,
    batch: &Batch,
    dropout: Option<DropoutKey<'_>>,
) -> Vec<f32> {
    let parts = cut::parts(model, batch);
    if parts.len() == 1 {
        return losses_of_part(model, batch, dropout);
    }
    let rows = parts.concat();
    let of_part = |part: Part| {
        let batch = batch.select(&part);
        let (ids, lengths) = (&batch.ids, &batch.lengths);
        let dropout = dropout.map(|key| DropoutKey { ids, lengths, ..key });
        losses_of_part(model, &batch, dropout)
    };
    let losses = kernels::side_by_side(parts, of_part).concat();
    in_order(&rows, &batch.answers(), &losses)
}

fn losses_of_part(model: &Lm, batch: &Batch, dropout: Option<DropoutKey<'_>>) -> Vec<f32> {
    let hidden = model.answer_hidden(batch, dropout);
    let [m, d] = hidden.dims();
    let size = rows_at_once(model);
    // Brought into the format of the states once, not for each slice of rows.
    let head = model.output_weight().0.cast(hidden.dtype());
    let mut tokens = Vec::with_capacity(m);
    for from in (0..m).step_by(size) {
        let rows = from..(from + size).min(m);
        let hidden = hidden.clone().slice([rows.clone(), 0..d]);
        let logits = product(None, hidden, head.clone(), model.ops());
        tokens.extend(read(super::nll::logit_nll(model.ops(), logits, &batch.targets[rows])));
    }
    tokens
}

fn rows_at_once(model: &Lm) -> usize {
    (LOGITS / (4 * model.config().vocab_size)).max(1)
}

fn read(x: Tensor<1>) -> Vec<f32> {
    x.into_data().convert::<f32>().try_into_vec::<f32>().expect("losses are f32")
}

/// Losses of `targets` under `logits` `[m, V]`, and `(softmax - onehot)` times
/// `weights`, `[m, V]`, in the logits' number format.
fn logit_gradient(
    ops: Ops,
    logits: Tensor<2>,
    targets: &[i32],
    weights: &[f32],
) -> (Vec<f32>, Tensor<2>) {
    let device = logits.device();
    if ops == Ops::Fused {
        let mut data = logits.into_data();
        let targets: Vec<u32> = targets.iter().map(|t| *t as u32).collect();
        let slice = data.as_mut_slice::<f32>().expect("logits are f32");
        let losses = kernels::nll_gradient(slice, &targets, weights);
        return (losses, Tensor::from_data(data, &device));
    }
    let (m, dtype) = (targets.len(), logits.dtype());
    let targets = TensorData::new(targets.to_vec(), [m, 1]);
    let targets = Tensor::<2, Int>::from_data(targets, &device);
    let weights = TensorData::new(weights.to_vec(), [m, 1]);
    let weights = Tensor::<2>::from_data(weights, &device);
    let log = log_softmax(logits.cast(FloatDType::F32), 1);
    let losses = read(log.clone().gather(1, targets.clone()).reshape([m]).neg());
    let gradient = log.exp() * weights.clone();
    let gradient = gradient.scatter(1, targets, weights.neg(), IndexingUpdateOp::Add);
    (losses, gradient.cast(dtype))
}
