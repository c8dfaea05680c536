//! Queries that pass over their keys together.

use std::cell::RefCell;
use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};
use seal_device::{GpuKernels, SeenKeys};

use crate::plan::AttentionPlan;

/// Scores that exist at once, at most, in bytes of f32; those of one query where
/// that is more.
const SCORES: usize = 128 << 20;

/// The same on a GPU, where a few large products are faster than many small ones.
const GPU_SCORES: usize = 512 << 20;

/// Queries with the keys that at least one of them sees.
#[derive(Clone)]
pub(super) struct Chunk {
    pub(super) queries: Range<usize>,
    pub(super) keys: Range<usize>,
    /// Minus infinity where a query does not see a key, `[1, 1, 1, c, w]`; `None` for kernels that
    /// know it from the positions.
    pub(super) mask: Option<Tensor<5>>,
}

impl Chunk {
    /// Which keys its queries see.
    pub(super) fn seen(&self, window: Option<usize>) -> SeenKeys {
        SeenKeys {
            queries: self.queries.len(),
            first_query: self.queries.start,
            first_key: self.keys.start,
            window,
        }
    }

    /// Those of `rows` rows of `t` tokens, whose scores take `bytes`; with masks on `device`.
    pub(super) fn all(
        plan: &AttentionPlan,
        [rows, t]: [usize; 2],
        bytes: usize,
        device: Option<&Device>,
    ) -> Vec<Self> {
        let size = (bytes / (4 * rows * plan.heads * t)).clamp(1, t);
        let chunk = |from: usize| {
            let queries = from..(from + size).min(t);
            let first = plan.window.map_or(0, |window| (from + 1).saturating_sub(window));
            let keys = first..queries.end;
            let (c, w) = (queries.len(), keys.len());
            let seen = |i: usize| plan.sees(queries.start + i / w, keys.start + i % w);
            let mask = |device: &Device| {
                let mask = (0..c * w).map(|i| if seen(i) { 0.0 } else { f32::NEG_INFINITY });
                let mask = TensorData::new(mask.collect::<Vec<f32>>(), [1, 1, 1, c, w]);
                Tensor::from_data(mask, device)
            };
            Self { mask: device.map(mask), queries: queries.clone(), keys: keys.clone() }
        };
        (0..t).step_by(size).map(chunk).collect()
    }
}

/// Chunks of a batch, made where they are first needed: blocks with the same
/// window share their masks.
#[derive(Default)]
pub(crate) struct Chunks(RefCell<Vec<(Option<usize>, Vec<Chunk>)>>);

impl Chunks {
    /// Those of `rows` rows of `t` tokens.
    pub(super) fn of(
        &self,
        plan: &AttentionPlan,
        [rows, t]: [usize; 2],
        device: &Device,
        gpu: Option<GpuKernels>,
    ) -> Vec<Chunk> {
        let mut made = self.0.borrow_mut();
        if let Some((_, chunks)) = made.iter().find(|(window, _)| *window == plan.window) {
            return chunks.clone();
        }
        let chunks = match gpu {
            Some(_) => Chunk::all(plan, [rows, t], GPU_SCORES, None),
            None => Chunk::all(plan, [rows, t], SCORES, Some(device)),
        };
        made.push((plan.window, chunks.clone()));
        chunks
    }

    /// `chunks` for blocks with this window.
    #[cfg(test)]
    pub(super) fn set(window: Option<usize>, chunks: Vec<Chunk>) -> Self {
        Self(RefCell::new(vec![(window, chunks)]))
    }
}
