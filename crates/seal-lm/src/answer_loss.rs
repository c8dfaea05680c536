//! The loss of answers with its gradient in the states that the output layer reads.
//!
//! Logits are made of a few rows at a time and turned at once into losses and
//! gradients, so that `[tokens, vocabulary]` never exists whole: what goes on
//! through the tape is the gradient of the hidden states.

use burn::tensor::activation::log_softmax;
use burn::tensor::{FloatDType, IndexingUpdateOp, Int, Tensor, TensorData};
use seal_data::Batch;
use seal_device::Kernels;

use crate::linear::product;
use crate::{Lm, soft_cap};

/// Logits that exist at once, at most, in bytes of f32; one row where that is
/// more.
const LOGITS: usize = 32 << 20;

/// Losses of tokens, one slice after another.
#[derive(Default)]
pub(crate) struct TokenLosses {
    read: Vec<f32>,
    /// Slices that are still on the device. A read waits until it has done all that it was asked
    /// for, so they are read together, when nothing is left to ask for.
    unread: Vec<Tensor<1>>,
}

impl TokenLosses {
    pub(crate) fn extend(&mut self, slice: SliceLosses) {
        match slice {
            SliceLosses::Host(losses) => self.read.extend(losses),
            SliceLosses::Device(losses) => self.unread.push(losses),
        }
    }

    /// All of them, in nats.
    pub(crate) fn read(self) -> Vec<f32> {
        match self.unread.is_empty() {
            true => self.read,
            false => [self.read, read(Tensor::cat(self.unread, 0))].concat(),
        }
    }
}

/// Losses of some tokens, where they were made.
#[allow(clippy::large_enum_variant, reason = "one a slice of logits")]
pub(crate) enum SliceLosses {
    Host(Vec<f32>),
    Device(Tensor<1>),
}

/// Losses `[M]` of the answers under hidden states `[M, D]`, and a number whose
/// gradient is that of `sum_m weights_m nll_m`.
pub(crate) fn answer_loss(
    model: &Lm,
    hidden: Tensor<2>,
    batch: &Batch,
    weights: &[f32],
) -> (TokenLosses, Tensor<1>) {
    model.trunk.insist(&batch.targets);
    let (head, trained) = model.output_weight();
    let h = hidden.clone().inner();
    let w = head.clone().inner().cast(h.dtype());
    let [m, d] = h.dims();
    let size = rows_at_once(model);
    let mut tokens = TokenLosses::default();
    let (mut dh, mut dw) = (Vec::new(), None);
    for from in (0..m).step_by(size) {
        let rows = from..(from + size).min(m);
        let h = h.clone().slice([rows.clone(), 0..d]);
        let logits = model.capped(product(None, h.clone(), w.clone(), model.kernels()));
        let cap = model.trunk.plan().logit_cap;
        let slope = cap.map(|cap| soft_cap::slope(logits.clone(), cap));
        let targets = &batch.targets[rows.clone()];
        let (losses, dlogits) = logit_gradient(model.kernels(), logits, targets, &weights[rows]);
        let dlogits = match slope {
            Some(slope) => dlogits * slope,
            None => dlogits,
        };
        tokens.extend(losses);
        if trained {
            let part = product(None, h.transpose(), dlogits.clone(), model.kernels());
            dw = Some(match dw.take() {
                Some(sum) => sum + part,
                None => part,
            });
        }
        dh.push(product(None, dlogits, w.clone().transpose(), model.kernels()));
    }
    let dh = if dh.len() == 1 { dh.remove(0) } else { Tensor::cat(dh, 0) };
    let mut stand_in = (hidden * Tensor::from_inner(dh)).sum();
    if let Some(dw) = dw {
        stand_in = stand_in + (head * Tensor::from_inner(dw)).sum();
    }
    (tokens, stand_in)
}

/// Rows of logits that exist at once.
pub(crate) fn rows_at_once(model: &Lm) -> usize {
    (LOGITS / (4 * model.config().vocab_size)).max(1)
}

/// The numbers of `x`, on the host.
pub(crate) fn read(x: Tensor<1>) -> Vec<f32> {
    x.into_data().convert::<f32>().try_into_vec::<f32>().expect("losses are f32")
}

/// Losses of `targets` under `logits` `[m, V]`, and `(softmax - onehot)` times
/// `weights`, `[m, V]`, in the logits' number format.
fn logit_gradient(
    kernels: Option<Kernels>,
    logits: Tensor<2>,
    targets: &[i32],
    weights: &[f32],
) -> (SliceLosses, Tensor<2>) {
    let device = logits.device();
    if let Some(kernels) = kernels {
        let mut data = logits.into_data();
        let targets: Vec<u32> = targets.iter().map(|t| *t as u32).collect();
        let slice = data.as_mut_slice::<f32>().expect("logits are f32");
        let losses = kernels.nll_gradient(slice, &targets, weights);
        return (SliceLosses::Host(losses), Tensor::from_data(data, &device));
    }
    let (m, dtype) = (targets.len(), logits.dtype());
    let targets = TensorData::new(targets.to_vec(), [m, 1]);
    let targets = Tensor::<2, Int>::from_data(targets, &device);
    let weights = TensorData::new(weights.to_vec(), [m, 1]);
    let weights = Tensor::<2>::from_data(weights, &device);
    let log = log_softmax(logits.cast(FloatDType::F32), 1);
    let losses = log.clone().gather(1, targets.clone()).reshape([m]).neg();
    let gradient = log.exp() * weights.clone();
    let gradient = gradient.scatter(1, targets, weights.neg(), IndexingUpdateOp::Add);
    (SliceLosses::Device(losses), gradient.cast(dtype))
}
