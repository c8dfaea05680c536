//! Root-mean-square normalisation (Zhang and Sennrich 2019) over the last axis.

use super::math::{dot, sum_by};

/// `y = w * x / sqrt(mean(x^2) + eps)` for each of the rows of `x` `[n, d]`.
/// Returns `y` and the factors `1 / sqrt(..)`, `[n]`.
#[inline(always)]
pub(super) fn forward(x: &[f32], w: &[f32], eps: f32) -> (Vec<f32>, Vec<f32>) {
    let d = w.len();
    let mut y = vec![0f32; x.len()];
    let mut factors = Vec::with_capacity(x.len() / d);
    for (x, y) in x.chunks_exact(d).zip(y.chunks_exact_mut(d)) {
        let factor = 1.0 / (dot(x, x) / d as f32 + eps).sqrt();
        for ((y, x), w) in y.iter_mut().zip(x).zip(w) {
            *y = x * factor * w;
        }
        factors.push(factor);
    }
    (y, factors)
}

/// Gradients of `x` `[n, d]` and, where asked for, of `w` `[d]`.
#[inline(always)]
pub(super) fn backward(
    x: &[f32],
    w: &[f32],
    factors: &[f32],
    dy: &[f32],
    with_dw: bool,
) -> (Vec<f32>, Vec<f32>) {
    let d = w.len();
    let mut dx = vec![0f32; x.len()];
    let mut dw = vec![0f32; if with_dw { d } else { 0 }];
    let rows = x.chunks_exact(d).zip(dy.chunks_exact(d)).zip(dx.chunks_exact_mut(d));
    for (((x, dy), dx), &f) in rows.zip(factors) {
        let projection = sum_by(d, |i| dy[i] * w[i] * x[i]) * f * f / d as f32;
        for (((dx, dy), x), w) in dx.iter_mut().zip(dy).zip(x).zip(w) {
            *dx = f * (dy * w - x * projection);
        }
        if with_dw {
            for ((dw, dy), x) in dw.iter_mut().zip(dy).zip(x) {
                *dw += dy * x * f;
            }
        }
    }
    (dx, dw)
}
