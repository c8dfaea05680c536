//! Times of steps, and what the device holds after them.

use std::collections::BTreeMap;
use std::time::Instant;

use burn::tensor::Device;
use seal_bilevel::{BilevelError, Observer, StepTrace};
use seal_data::{Example, RowId};

use crate::job::{BenchJob, Sample};

/// Steps before those that are timed: they allocate, and a GPU compiles.
pub(crate) const WARM_UP: usize = 2;

/// What the allocator of `device` has taken, in MiB, if it tells.
pub(crate) fn taken_mib(device: &Device) -> Option<f64> {
    let usage = device.memory_pool_usage()?;
    Some(usage.bytes_reserved as f64 / f64::from(1 << 20))
}

/// Times of steps, and what passed in them.
pub(crate) struct Clock<'a> {
    job: &'a BenchJob,
    last: Instant,
    done: usize,
    pub(crate) step_ms: Vec<f64>,
    pub(crate) step_tokens: Vec<f64>,
    pub(crate) step_flops: Vec<f64>,
    pub(crate) first_loss: Option<f64>,
    device: &'a Device,
    /// The most that the device's allocator had taken after a step, in MiB.
    taken_mib: Option<f64>,
    /// Forward passes that a row with a backward pass is worth, that one included.
    passes: f64,
    /// Inputs and answer tokens of each row.
    sizes: BTreeMap<RowId, (usize, usize)>,
}

impl<'a> Clock<'a> {
    pub(crate) fn new<'e>(
        job: &'a BenchJob,
        device: &'a Device,
        passes: f64,
        rows: impl IntoIterator<Item = &'e Example>,
    ) -> Self {
        let size = |e: &Example| (e.id, (e.tokens.len() - 1, e.answer_len()));
        Self {
            job,
            last: Instant::now(),
            done: 0,
            step_ms: Vec::new(),
            step_tokens: Vec::new(),
            step_flops: Vec::new(),
            first_loss: None,
            device,
            taken_mib: None,
            passes,
            sizes: rows.into_iter().map(size).collect(),
        }
    }

    /// A step has ended, over rows with a backward pass and rows `scored` without.
    pub(crate) fn tick<'i>(
        &mut self,
        rows: impl Iterator<Item = &'i RowId>,
        scored: impl Iterator<Item = &'i RowId>,
    ) {
        let now = Instant::now();
        let ms = (now - self.last).as_secs_f64() * 1e3;
        let (tokens, forward) = self.cost(rows);
        let (more_tokens, more) = self.cost(scored);
        self.done += 1;
        if self.done > WARM_UP {
            self.step_ms.push(ms);
            self.step_tokens.push((tokens + more_tokens) as f64);
            self.step_flops.push(self.passes * forward + more);
        }
        self.look();
        self.last = Instant::now();
    }

    /// Reads what the device holds, between steps that are timed.
    pub(crate) fn look(&mut self) {
        if let Some(mib) = taken_mib(self.device) {
            self.taken_mib = Some(self.taken_mib.map_or(mib, |most| most.max(mib)));
        }
    }

    /// Inputs of `rows`, and the operations of their forward pass.
    fn cost<'i>(&self, rows: impl Iterator<Item = &'i RowId>) -> (usize, f64) {
        let sizes: Vec<_> = rows.map(|id| self.sizes[id]).collect();
        let lengths: Vec<usize> = sizes.iter().map(|(inputs, _)| *inputs).collect();
        let answers = sizes.iter().map(|(_, answer)| answer).sum();
        (lengths.iter().sum(), self.job.case.forward_flops(&lengths, answers))
    }

    pub(crate) fn into_sample(self) -> Sample {
        Sample {
            step_ms: self.step_ms,
            step_tokens: self.step_tokens,
            step_flops: self.step_flops,
            start_mib: None,
            peak_mib: self.taken_mib,
            matmul_flops: None,
            first_loss: self.first_loss,
        }
    }
}

impl Observer for Clock<'_> {
    fn step(&mut self, step: &StepTrace) -> Result<(), BilevelError> {
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        self.first_loss.get_or_insert(mean(&step.losses));
        match &step.penalty {
            Some(penalty) if penalty.gamma > 0.0 => {
                self.tick(penalty.safe_ids.iter().chain(&step.ids), [].iter());
            }
            Some(penalty) => self.tick(penalty.safe_ids.iter(), step.ids.iter()),
            None => self.tick(step.ids.iter(), [].iter()),
        }
        Ok(())
    }
}
