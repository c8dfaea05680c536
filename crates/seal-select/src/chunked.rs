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

#[cfg(test)]
mod tests {
    use super::*;

    /// Fewer rows than are shared out to threads, and more; the last chunk is short.
    #[test]
    fn each_chunk_is_told_where_it_starts() {
        for chunks in [3, 40] {
            let mut data: Vec<f64> = (0..chunks * CHUNK + 5).map(|i| i as f64).collect();
            let first = |start: usize, rows: &[f64]| (start, rows[0], rows.len());
            let mut expected: Vec<_> =
                (0..chunks).map(|i| (i * CHUNK, (i * CHUNK) as f64, CHUNK)).collect();
            expected.push((chunks * CHUNK, (chunks * CHUNK) as f64, 5));
            assert_eq!(map(&data, first), expected);
            let changed = map_mut(&mut data, |start, rows| {
                rows[0] = -1.0;
                (start, rows.len())
            });
            let places: Vec<_> = expected.iter().map(|(start, _, rows)| (*start, *rows)).collect();
            assert_eq!(changed, places);
            assert_eq!(data.iter().filter(|w| **w == -1.0).count(), chunks + 1);
        }
    }
}
