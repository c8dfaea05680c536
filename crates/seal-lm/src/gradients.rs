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

use crate::linear::product;
use crate::{DropoutKey, Lm, Ops, segments};

/// Logits that exist at once, at most, in bytes of f32; one row where that is
/// more.
const LOGITS: usize = 32 << 20;

/// Multiply-adds of a forward pass that are worth a part of their own.
const WORTH: usize = 1 << 27;

/// Tokens that are: a product lays out its weights anew for each part.
const PART: usize = 512;

/// The same where the tape of [`PART`] tokens takes more memory than the model.
const SMALL_PART: usize = 256;

/// Groups of parts that have gradients of their own, at most.
const GROUPS: usize = 8;

/// The same where these are as large as the model.
const WHOLE_GROUPS: usize = 2;

/// What decides how a batch is cut where there are kernels: rows take turns on the
/// tape, so that what it holds does not grow with the batch.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Weights of the linear layers of all blocks.
    pub linear: usize,
    /// Weights that are trained.
    pub trained: usize,
    /// Whether all are, and not adapters.
    pub whole: bool,
    /// Numbers that a tape keeps of each token, roughly.
    pub kept: usize,
}

impl Cut {
    fn of(model: &Lm) -> Self {
        Self {
            linear: model.linear_weights(),
            trained: model.trained_weights(),
            whole: model.is_trained_whole(),
            kept: model.kept_per_token(),
        }
    }

    fn groups(&self) -> usize {
        if self.whole { WHOLE_GROUPS } else { GROUPS }
    }

    /// Tokens from which another part is worth gradients of its own: they take less
    /// than half of what its tape does.
    fn least(&self) -> usize {
        2 * self.trained / self.kept.max(1)
    }

    /// Tokens on the tape at once, and copies of the gradients, at most: of batches of
    /// any size with rows of up to `context` tokens, where there are kernels.
    pub fn at_once(&self, context: usize, threads: usize) -> (usize, usize) {
        let lanes = threads.clamp(1, self.groups());
        let part = PART.max(self.least()).max(WORTH / self.linear.max(1));
        // Numbers of parts are rounded down, to half of them at most.
        (lanes * (2 * part + context), self.groups() + lanes)
    }
}

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
    let groups = groups(model, batch);
    let alone = groups.len() == 1;
    let done = kernels::side_by_side(groups, |group| {
        let model = if alone { Cow::Borrowed(model) } else { Cow::Owned(model.apart()) };
        let of_part = |part: &Part| {
            let batch = part.of(batch);
            let (ids, lengths) = (&batch.ids, &batch.lengths);
            let dropout = dropout.map(|key| DropoutKey { ids, lengths, ..key });
            one(&model, &batch, &weights[part.supervised.clone()], dropout, tape)
        };
        sum(&model, group.iter().map(of_part))
    });
    sum(model, done)
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

/// Rows of a batch that are worked on together, and their supervised tokens.
#[derive(Clone, Debug)]
struct Part {
    rows: Range<usize>,
    supervised: Range<usize>,
}

impl Part {
    fn of<'a>(&self, batch: &'a Batch) -> Cow<'a, Batch> {
        match self.rows.len() == batch.rows() {
            true => Cow::Borrowed(batch),
            false => Cow::Owned(batch.part(self.rows.clone())),
        }
    }
}

/// The parts of `batch` in groups that are worked on side by side, each with its
/// own gradients: a matrix product shared between threads, and the many small
/// operations that are not, keep fewer of them busy than rows do. Parts of a
/// group take turns, so that the tape holds a few rows of a batch of any size.
/// All this depends on the work and not on the threads, so that results do not
/// either.
fn groups(model: &Lm, batch: &Batch) -> Vec<Vec<Part>> {
    let cut = Cut::of(model);
    let small = cut.kept * PART > model.num_params();
    let size = if small { SMALL_PART } else { PART };
    let parts = parts(model, batch, size, cut.least(), cut.groups());
    let n = parts.len().min(cut.groups());
    (0..n).map(|i| parts[i * parts.len() / n..(i + 1) * parts.len() / n].to_vec()).collect()
}

/// `batch` in parts of about as many tokens, each of `size` or more: a power of two
/// of them up to `groups`, which is one, and above it a multiple of `groups` with at
/// least `least` tokens each.
fn parts(model: &Lm, batch: &Batch, size: usize, least: usize, groups: usize) -> Vec<Part> {
    let tokens: usize = batch.lengths.iter().sum();
    let worth = (tokens * model.linear_weights() / WORTH).min(tokens / size).min(batch.rows());
    let n = match model.ops() {
        Ops::Fused if worth > groups => {
            worth.min(tokens / least.max(1)).max(groups) / groups * groups
        }
        Ops::Fused => worth.checked_ilog2().map_or(1, |log| 1 << log),
        Ops::Composed => 1,
    };
    let mut out = Vec::with_capacity(n);
    let (mut row, mut seen, mut supervised) = (0, 0, 0);
    for i in 0..n {
        let (from, answers) = (row, supervised);
        // A row each is left for the parts that follow.
        while row < batch.rows() - (n - 1 - i) && (row == from || seen * n < (i + 1) * tokens) {
            seen += batch.lengths[row];
            supervised += batch.answer_lens[row];
            row += 1;
        }
        out.push(Part { rows: from..row, supervised: answers..supervised });
    }
    debug_assert_eq!(row, batch.rows());
    out
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
    let (h, w) = (hidden.clone().inner(), head.clone().inner());
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
    let parts = parts(model, batch, PART, 0, GROUPS);
    let losses = kernels::side_by_side(parts, |part| losses_of_part(model, &part.of(batch)));
    losses.concat()
}

fn losses_of_part(model: &Lm, batch: &Batch) -> Vec<f32> {
    let hidden = model.answer_hidden(batch, None);
    let [m, d] = hidden.dims();
    let size = rows_at_once(model);
    let mut tokens = Vec::with_capacity(m);
    for from in (0..m).step_by(size) {
        let rows = from..(from + size).min(m);
        let logits = model.logits(hidden.clone().slice([rows.clone(), 0..d]));
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

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use seal_data::{Example, RowId};

    use super::*;
    use crate::{Architecture, LmConfig, LoraConfig};

    fn config() -> LmConfig {
        LmConfig {
            vocab_size: 50,
            hidden_size: 128,
            num_hidden_layers: 2,
            num_attention_heads: 4,
            num_key_value_heads: 4,
            intermediate_size: 256,
            max_position_embeddings: 64,
            rope_theta: 1e4,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: true,
            initializer_range: 0.02,
            architecture: Architecture::default(),
        }
    }

    #[test]
    fn parts_tile_rows_and_supervised_tokens_by_work() {
        let model = Lm::init(&config(), 0, &Device::flex()).unwrap();
        let rows: Vec<Example> = (0..64)
            .map(|i| Example::new(RowId::of("row", "", i), vec![1; 40 + i as usize % 7], 20))
            .collect();
        let batch = Batch::of(&rows.iter().collect::<Vec<_>>(), None);
        for (least, most, want) in [(0, 1, 5), (0, 2, 4), (1000, 2, 2), (3000, 2, 2), (0, 8, 4)] {
            let parts = parts(&model, &batch, 512, least, most);
            assert_eq!(parts.len(), want, "{least} {most}");
            let (mut row, mut token) = (0, 0);
            for part in &parts {
                assert_eq!((part.rows.start, part.supervised.start), (row, token));
                let answers = &batch.answer_lens[part.rows.clone()];
                assert_eq!(part.supervised.len(), answers.iter().sum::<usize>());
                (row, token) = (part.rows.end, part.supervised.end);
            }
            assert_eq!((row, token), (64, batch.targets.len()));
        }
        // Little work is not cut, nor is composed work.
        assert_eq!(parts(&model, &batch.part(0..8), 512, 0, 8).len(), 1);
        assert_eq!(parts(&model.with_ops(Ops::Composed), &batch, 512, 0, 8).len(), 1);
    }

    #[test]
    fn what_is_on_the_tape_is_no_more_than_is_said() {
        let tape = Device::flex().autodiff();
        let rows: Vec<Example> = (0..300)
            .map(|i| Example::new(RowId::of("row", "", i), vec![1; 40 + i as usize % 7], 20))
            .collect();
        let rows: Vec<&Example> = rows.iter().collect();
        let lora = LoraConfig {
            r: 4,
            lora_alpha: 4.0,
            lora_dropout: 0.0,
            target_modules: vec!["all-linear".to_owned()],
        };
        for width in [16, 64, 128, 256] {
            let config = LmConfig { hidden_size: width, intermediate_size: 2 * width, ..config() };
            let whole = Lm::init(&config, 0, &tape).unwrap();
            for model in [whole.clone(), whole.with_lora(&lora, 0).unwrap()] {
                for n in [1, 30, 100, 300] {
                    let batch = Batch::of(&rows[..n], None);
                    let groups = groups(&model, &batch);
                    let tokens = |part: &Part| batch.lengths[part.rows.clone()].iter().sum();
                    let largest = |group: &Vec<Part>| group.iter().map(tokens).max().unwrap();
                    let mut largest: Vec<usize> = groups.iter().map(largest).collect();
                    largest.sort_by_key(|tokens| std::cmp::Reverse(*tokens));
                    for threads in [1, 2, 16] {
                        let at_once: usize = largest.iter().take(threads).sum();
                        let (said, copies) = Cut::of(&model).at_once(46, threads);
                        assert!(at_once <= said, "{width} {n} {threads}: {at_once} {said}");
                        assert!(groups.len() < copies);
                    }
                }
            }
        }
    }
}
