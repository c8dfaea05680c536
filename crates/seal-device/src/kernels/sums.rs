//! Sums over gradients.

use super::math::sum_by;
use super::threads::{each, map, part, vectorised};

/// Elements whose squares are summed in f32 before they join the others.
const RUN: usize = 1 << 12;

pub(super) fn add(sum: &mut [f32], other: &[f32]) {
    assert_eq!(sum.len(), other.len(), "as many elements");
    let size = part(sum.len(), 1);
    each(sum.chunks_mut(size).zip(other.chunks(size)), |(sum, other)| {
        vectorised(
            #[inline(always)]
            || sum.iter_mut().zip(other).for_each(|(sum, x)| *sum += x),
        );
    });
}

pub(super) fn squares(x: &[f32]) -> f64 {
    let runs = part(x.len(), 1).next_multiple_of(RUN);
    let parts = map(x.chunks(runs).collect(), |x: &[f32]| -> Vec<f32> {
        vectorised(
            #[inline(always)]
            || x.chunks(RUN).map(|x| sum_by(x.len(), |i| x[i] * x[i])).collect(),
        )
    });
    parts.into_iter().flatten().map(f64::from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_f64_whatever_the_threads() {
        let x: Vec<f32> = (0..100_001).map(|i| (i % 97) as f32 * 1e-3 - 0.04).collect();
        let want: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let got = squares(&x);
        assert!((got / want - 1.0).abs() < 1e-6, "{got} {want}");
        assert_eq!(pool.install(|| squares(&x)), got);
        assert_eq!(squares(&[]), 0.0);
        let mut sum = x.clone();
        pool.install(|| add(&mut sum, &x));
        assert!(sum.iter().zip(&x).all(|(sum, x)| *sum == 2.0 * x));
    }
}
