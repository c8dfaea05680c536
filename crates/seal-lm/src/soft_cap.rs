//! Soft caps of scores and logits: x becomes `cap tanh(x / cap)` (Bello et al. 2016).

use burn::tensor::Tensor;

/// `x` under the cap, where there is one.
pub(crate) fn apply<const D: usize>(x: Tensor<D>, cap: Option<f64>) -> Tensor<D> {
    match cap {
        Some(cap) => x.div_scalar(cap).tanh().mul_scalar(cap),
        None => x,
    }
}

/// The derivative of [`apply`] where its result is `capped`.
pub(crate) fn slope<const D: usize>(capped: Tensor<D>, cap: f64) -> Tensor<D> {
    capped.div_scalar(cap).square().neg().add_scalar(1.0)
}
