//! Kernels once more, in f64 and as plainly as their definitions, and the
//! comparison of both.

pub mod call;
pub mod reference;

use burn::tensor::{Device, Tensor, TensorData};
use chacha20::ChaCha8Rng;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// Largest distance allowed, relative to the norm of what is expected. The
/// kernels work in f32, whose unit roundoff is 6e-8.
pub const TOLERANCE: f64 = 2e-6;

/// Draws of mean 0 and standard deviation `scale`, rounded to f32 so that both
/// sides start from the same numbers.
pub fn draws(seed: u64, n: usize, scale: f64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let draw =
        |_| f64::from(<StandardNormal as Distribution<f32>>::sample(&StandardNormal, &mut rng));
    (0..n).map(draw).map(|x| f64::from((scale * x) as f32)).collect()
}

/// A tensor of `values` on `device`.
pub fn tensor<const D: usize>(values: &[f64], shape: [usize; D], device: &Device) -> Tensor<D> {
    let values: Vec<f32> = values.iter().map(|x| *x as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A tensor of `values` on the tape.
pub fn leaf<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    tensor(values, shape, &Device::flex().autodiff()).require_grad()
}

/// The elements of `x`.
pub fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}

/// Euclidean norm.
pub fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Fails unless `got` lies within [`TOLERANCE`] of `want`, relative to its norm.
pub fn assert_close(what: &str, got: &[f64], want: &[f64]) {
    assert_within(what, got, want, norm(want));
}

/// As [`assert_close`], relative to `scale`: the size of the terms, where
/// `want` is a small difference of large ones.
pub fn assert_within(what: &str, got: &[f64], want: &[f64], scale: f64) {
    assert_eq!(got.len(), want.len(), "{what}");
    let distance = norm(&got.iter().zip(want).map(|(a, b)| a - b).collect::<Vec<_>>());
    assert!(distance <= TOLERANCE * scale, "{what}: {distance:e} away, of {scale:e}");
}

/// Gradient of `sum_i cotangent_i f(x)_i` at `x`, by central differences in f64.
pub fn differences(x: &[f64], cotangent: &[f64], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let mut at = x.to_vec();
    let mut value = |i: usize, shift: f64| {
        at[i] = x[i] + shift;
        let y = f(&at);
        at[i] = x[i];
        y.iter().zip(cotangent).map(|(y, c)| y * c).sum::<f64>()
    };
    (0..x.len()).map(|i| (value(i, STEP) - value(i, -STEP)) / (2.0 * STEP)).collect()
}
