//! Initial values, drawn on the host by name.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use seal_data::seed::rng;

/// A trainable tensor with the given values.
pub(crate) fn parameter<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
}

/// `n` draws from a normal distribution of mean 0, keyed by (`seed`, `name`).
pub(crate) fn normal(n: usize, std: f64, seed: u64, name: &str) -> Vec<f32> {
    let mut rng = rng(&["normal".into(), seed.into(), name.into()]);
    let std = std as f32;
    (0..n)
        .map(|_| std * <StandardNormal as Distribution<f32>>::sample(&StandardNormal, &mut rng))
        .collect()
}

/// `n` draws from [-bound, bound), keyed by (`seed`, `name`).
pub(crate) fn uniform(n: usize, bound: f64, seed: u64, name: &str) -> Vec<f32> {
    let mut rng = rng(&["uniform".into(), seed.into(), name.into()]);
    let bound = bound as f32;
    (0..n).map(|_| bound * (2.0 * rng.random::<f32>() - 1.0)).collect()
}
