//! Sums over rows whose result does not depend on the number of threads.
//!
//! Rows are cut into chunks of fixed size; each chunk's partial result is
//! computed by whichever thread is free and the parts are handed back in
//! chunk order, for the caller to add up. Small sets stay on the caller's
//! thread: starting others would cost more than it saves. Without the feature `parallel`
//! all sets do.

#[cfg(feature = "parallel")]
use rayon::prelude::*;

/// Rows a chunk: 64 KiB of logits, which fits a core's second-level cache.
pub(crate) const CHUNK: usize = 8192;

/// Rows from which chunks are shared out to threads.
#[cfg(feature = "parallel")]
const PARALLEL_FROM: usize = 32 * CHUNK;

/// Calls `f(position of the first row, rows)` for each chunk of `data`.
pub(crate) fn map<T: Send>(data: &[f64], f: impl Fn(usize, &[f64]) -> T + Sync) -> Vec<T> {
    #[cfg(feature = "parallel")]
    if data.len() >= PARALLEL_FROM {
        return data.par_chunks(CHUNK).enumerate().map(|(i, c)| f(i * CHUNK, c)).collect();
    }
    data.chunks(CHUNK).enumerate().map(|(i, c)| f(i * CHUNK, c)).collect()
}

/// As [`map`], with chunks that `f` may change.
pub(crate) fn map_mut<T: Send>(
    data: &mut [f64],
    f: impl Fn(usize, &mut [f64]) -> T + Sync,
) -> Vec<T> {
    #[cfg(feature = "parallel")]
    if data.len() >= PARALLEL_FROM {
        return data.par_chunks_mut(CHUNK).enumerate().map(|(i, c)| f(i * CHUNK, c)).collect();
    }
    data.chunks_mut(CHUNK).enumerate().map(|(i, c)| f(i * CHUNK, c)).collect()
}

/// Sum of `f` over `data`, chunk by chunk.
pub(crate) fn sum(data: &[f64], f: impl Fn(f64) -> f64 + Sync) -> f64 {
    map(data, |_, rows| rows.iter().map(|&w| f(w)).sum::<f64>()).into_iter().sum()
}
