//! Copies of a model on the devices that share its steps.
//!
//! What is spread is what has gradients of its own on one device, too: micro-batches, and where a device
//! has kernels the parts that they are cut into. Gradients come to the first device and are added there
//! in the order that one device has. So the number of devices changes no bit.

use std::sync::Arc;

use burn::module::Module as _;
use seal_data::Batch;
use seal_device::DeviceGroup;
use seal_lm::{Differentiated, DropoutKey, GradientParts, Lm, LossParts, Tape};

use crate::position::StepPosition;

/// A micro-batch with the weight of each supervised token.
pub(crate) struct WeightedBatch {
    pub(crate) batch: Batch,
    pub(crate) weights: Vec<f32>,
}

/// Devices with a copy of the model on each. The trained weights are those of the model.
#[derive(Clone)]
pub(crate) struct Replicas {
    group: Arc<DeviceGroup>,
    /// `None` on devices that have the memory of the model.
    copies: Vec<Option<Lm>>,
}

impl Replicas {
    pub(crate) fn new(group: &Arc<DeviceGroup>, model: &Lm) -> Self {
        let copy = |device: Option<_>| device.map(|device| model.copied_to(device));
        Self { group: Arc::clone(group), copies: group.apart().map(copy).collect() }
    }

    /// The same copies with the trained weights of `model`.
    pub(crate) fn with_trained_of(self, model: &Lm) -> Self {
        let copies = self.copies.into_iter();
        let copies = copies.map(|copy| copy.map(|copy| copy.with_trained_of(model))).collect();
        Self { copies, ..self }
    }

    /// Hands `take` each of `batches` with its losses and gradients, in their order.
    pub(crate) fn differentiate<E>(
        &self,
        model: &Lm,
        batches: &[WeightedBatch],
        tape: Tape,
        at: StepPosition,
        mut take: impl FnMut(&WeightedBatch, Differentiated) -> Result<(), E>,
    ) -> Result<(), E> {
        let parts = batches.iter().map(|of| {
            let dropout = Some(dropout_key(&of.batch, at));
            GradientParts::of(model, &of.batch, &of.weights, dropout, tape)
        });
        let parts: Vec<GradientParts<'_>> = parts.collect();
        let work = |place: usize, (batch, part): (usize, usize)| {
            let copy = self.copies[place].as_ref().unwrap_or(model).on_own_tape();
            (batch, part, parts[batch].differentiate(&copy, part))
        };
        let mut sum = None;
        let tasks = tasks(parts.iter().map(GradientParts::count));
        // Gradients of a whole model are as large as the model.
        let waiting = usize::from(!model.is_trained_whole());
        self.group.spread(tasks, waiting, work, |(i, part, done)| {
            let (parts, of_batch) = (&parts[i], sum.take());
            let of_batch = parts.add(model, of_batch, done);
            if part + 1 < parts.count() {
                sum = Some(of_batch);
                return Ok(());
            }
            take(&batches[i], parts.in_order(of_batch))
        })
    }

    /// Hands `take` each of `batches` with the losses of its supervised tokens, in their order.
    pub(crate) fn losses<E>(
        &self,
        model: &Lm,
        batches: &[Batch],
        at: StepPosition,
        mut take: impl FnMut(&Batch, &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let copies: Vec<Lm> =
            self.copies.iter().map(|copy| copy.as_ref().unwrap_or(model).valid()).collect();
        let parts = batches
            .iter()
            .map(|batch| LossParts::of(&copies[0], batch, Some(dropout_key(batch, at))));
        let parts: Vec<LossParts<'_>> = parts.collect();
        let work = |place: usize, (batch, part): (usize, usize)| {
            (batch, part, parts[batch].losses(&copies[place], part))
        };
        let mut all = Vec::new();
        let tasks = tasks(parts.iter().map(LossParts::count));
        self.group.spread(tasks, 1, work, |(i, part, losses)| {
            all.extend(losses);
            if part + 1 < parts[i].count() {
                return Ok(());
            }
            take(&batches[i], &parts[i].in_order(&std::mem::take(&mut all)))
        })
    }
}

/// Each part of each batch, for batches of so many parts.
fn tasks(counts: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    counts.enumerate().flat_map(|(batch, n)| (0..n).map(move |part| (batch, part))).collect()
}

pub(crate) fn dropout_key(batch: &Batch, at: StepPosition) -> DropoutKey<'_> {
    let (ids, lengths) = (&batch.ids, &batch.lengths);
    DropoutKey { seed: at.seed, step: at.step as u64, ids, lengths }
}
