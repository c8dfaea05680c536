//! Causal grouped-query attention composed from Burn's operations.
//!
//! The masks are added, not passed to a backend's own attention: one backend
//! reads a boolean mask the other way round.

use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData};

use crate::rope;

/// Sizes of the heads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) dim: usize,
}

/// `[N, heads * d]` as `[B, heads, T, d]`.
pub(crate) fn split(x: Tensor<2>, rows: usize, heads: usize) -> Tensor<4> {
    let [n, width] = x.dims();
    x.reshape([rows, n / rows, heads, width / heads]).swap_dims(1, 2)
}

/// `[B, kv_heads, T, d]` with each head repeated for its group of queries.
pub(crate) fn repeat_kv(x: Tensor<4>, groups: usize) -> Tensor<4> {
    if groups == 1 {
        return x;
    }
    let [b, h, t, d] = x.dims();
    x.unsqueeze_dim::<5>(2).expand([b, h, groups, t, d]).reshape([b, h * groups, t, d])
}

/// Attention over whole sequences; arguments and result are `[N, heads * d]`,
/// the tables `[T, d / 2]`.
pub(crate) fn causal(
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
    (cos, sin): (Tensor<2>, Tensor<2>),
    rows: usize,
    heads: Heads,
) -> Tensor<2> {
    let device = q.device();
    let [n, _] = q.dims();
    let t = n / rows;
    let (cos, sin) = (cos.unsqueeze_dims::<4>(&[0, 1]), sin.unsqueeze_dims::<4>(&[0, 1]));
    let groups = heads.heads / heads.kv_heads;
    let q = rope::rotate(split(q, rows, heads.heads), cos.clone(), sin.clone());
    let k = rope::rotate(split(k, rows, heads.kv_heads), cos, sin);
    let k = repeat_kv(k, groups);
    let v = repeat_kv(split(v, rows, heads.kv_heads), groups);
    let mask: Vec<f32> =
        (0..t * t).map(|i| if i % t > i / t { f32::NEG_INFINITY } else { 0.0 }).collect();
    let mask = Tensor::<2>::from_data(TensorData::new(mask, [t, t]), &device);
    let scores = q.matmul(k.swap_dims(2, 3)).mul_scalar(1.0 / (heads.dim as f64).sqrt())
        + mask.unsqueeze_dims::<4>(&[0, 1]);
    softmax(scores, 3).matmul(v).swap_dims(1, 2).reshape([n, heads.heads * heads.dim])
}
