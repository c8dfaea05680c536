//! Normalisation over the last axis: by the root mean square (Zhang and
//! Sennrich 2019), or of layers (Ba et al. 2016).

use super::math::{dot, sum_by};
use super::threads::{each, part, vectorised};

/// Columns of one part where a gradient is summed over rows.
const COLUMNS: usize = 64;

/// `y = w * x / sqrt(mean(x^2) + eps)` for each of the rows of `x` `[n, d]`.
/// Returns `y` and the factors `1 / sqrt(..)`, `[n]`.
pub(super) fn forward(x: &[f32], w: &[f32], eps: f32) -> (Vec<f32>, Vec<f32>) {
    let d = w.len();
    let (mut y, mut factors) = (vec![0f32; x.len()], vec![0f32; x.len() / d]);
    let rows = part(factors.len(), d);
    let parts = x.chunks(rows * d).zip(y.chunks_mut(rows * d)).zip(factors.chunks_mut(rows));
    each(parts, |((x, y), factors)| {
        vectorised(
            #[inline(always)]
            || {
                let rows = x.chunks_exact(d).zip(y.chunks_exact_mut(d)).zip(factors);
                for ((x, y), factor) in rows {
                    *factor = 1.0 / (dot(x, x) / d as f32 + eps).sqrt();
                    for ((y, x), w) in y.iter_mut().zip(x).zip(w) {
                        *y = x * *factor * w;
                    }
                }
            },
        );
    });
    (y, factors)
}

/// Gradients of `x` `[n, d]` and, where asked for, of `w` `[d]`.
pub(super) fn backward(
    x: &[f32],
    w: &[f32],
    factors: &[f32],
    dy: &[f32],
    with_dw: bool,
) -> (Vec<f32>, Vec<f32>) {
    let d = w.len();
    let mut dx = vec![0f32; x.len()];
    let rows = part(factors.len(), 2 * d);
    let parts = x.chunks(rows * d).zip(dy.chunks(rows * d));
    each(
        parts.zip(dx.chunks_mut(rows * d).zip(factors.chunks(rows))),
        |((x, dy), (dx, factors))| {
            vectorised(
                #[inline(always)]
                || {
                    let rows = x.chunks_exact(d).zip(dy.chunks_exact(d));
                    for (((x, dy), dx), &f) in rows.zip(dx.chunks_exact_mut(d)).zip(factors) {
                        let projection = sum_by(d, |i| dy[i] * w[i] * x[i]) * f * f / d as f32;
                        for (((dx, dy), x), w) in dx.iter_mut().zip(dy).zip(x).zip(w) {
                            *dx = f * (dy * w - x * projection);
                        }
                    }
                },
            );
        },
    );
    let mut dw = vec![0f32; if with_dw { d } else { 0 }];
    each(dw.chunks_mut(COLUMNS).enumerate(), |(i, dw)| {
        let columns = i * COLUMNS..i * COLUMNS + dw.len();
        vectorised(
            #[inline(always)]
            || {
                for ((x, dy), &f) in x.chunks_exact(d).zip(dy.chunks_exact(d)).zip(factors) {
                    let row = dy[columns.clone()].iter().zip(&x[columns.clone()]);
                    for (dw, (dy, x)) in dw.iter_mut().zip(row) {
                        *dw += dy * x * f;
                    }
                }
            },
        );
    });
    (dx, dw)
}

/// Means and factors `1 / sqrt(variance + eps)` of rows, `[n]` each.
#[derive(Debug)]
pub(super) struct NormStatistics {
    means: Vec<f32>,
    factors: Vec<f32>,
}

/// `y = w * (x - mean) / sqrt(variance + eps) + b` for each of the rows of `x`
/// `[n, d]`.
pub(super) fn layer_forward(
    x: &[f32],
    w: &[f32],
    b: &[f32],
    eps: f32,
) -> (Vec<f32>, NormStatistics) {
    let d = w.len();
    let n = x.len() / d;
    let mut y = vec![0f32; x.len()];
    let mut moments = NormStatistics { means: vec![0f32; n], factors: vec![0f32; n] };
    let rows = part(n, 2 * d);
    let parts = x.chunks(rows * d).zip(y.chunks_mut(rows * d));
    let stats = moments.means.chunks_mut(rows).zip(moments.factors.chunks_mut(rows));
    each(parts.zip(stats), |((x, y), (means, factors))| {
        vectorised(
            #[inline(always)]
            || {
                let rows = x.chunks_exact(d).zip(y.chunks_exact_mut(d));
                for ((x, y), (mean, factor)) in rows.zip(means.iter_mut().zip(factors)) {
                    let m = sum_by(d, |i| x[i]) / d as f32;
                    let variance = sum_by(d, |i| (x[i] - m) * (x[i] - m)) / d as f32;
                    let f = 1.0 / (variance + eps).sqrt();
                    for (((y, x), w), b) in y.iter_mut().zip(x).zip(w).zip(b) {
                        *y = (x - m) * f * w + b;
                    }
                    (*mean, *factor) = (m, f);
                }
            },
        );
    });
    (y, moments)
}

/// Gradients of `x` `[n, d]` and, where asked for, of `w` and `b` `[d]`.
pub(super) fn layer_backward(
    x: &[f32],
    w: &[f32],
    moments: &NormStatistics,
    dy: &[f32],
    with_gain: bool,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let d = w.len();
    let mut dx = vec![0f32; x.len()];
    let rows = part(x.len() / d, 3 * d);
    let parts = x.chunks(rows * d).zip(dy.chunks(rows * d)).zip(dx.chunks_mut(rows * d));
    let stats = moments.means.chunks(rows).zip(moments.factors.chunks(rows));
    each(parts.zip(stats), |(((x, dy), dx), (means, factors))| {
        vectorised(
            #[inline(always)]
            || {
                let rows = x.chunks_exact(d).zip(dy.chunks_exact(d)).zip(dx.chunks_exact_mut(d));
                for (((x, dy), dx), (&m, &f)) in rows.zip(means.iter().zip(factors)) {
                    let mean = sum_by(d, |i| dy[i] * w[i]) / d as f32;
                    let along = sum_by(d, |i| dy[i] * w[i] * (x[i] - m)) * f * f / d as f32;
                    for (((dx, dy), x), w) in dx.iter_mut().zip(dy).zip(x).zip(w) {
                        *dx = f * (dy * w - mean - (x - m) * along);
                    }
                }
            },
        );
    });
    let width = if with_gain { d } else { 0 };
    let (mut dw, mut db) = (vec![0f32; width], vec![0f32; width]);
    let columns = dw.chunks_mut(COLUMNS).zip(db.chunks_mut(COLUMNS)).enumerate();
    each(columns, |(i, (dw, db))| {
        let columns = i * COLUMNS..i * COLUMNS + dw.len();
        vectorised(
            #[inline(always)]
            || {
                let stats = moments.means.iter().zip(&moments.factors);
                let rows = x.chunks_exact(d).zip(dy.chunks_exact(d));
                for ((x, dy), (&m, &f)) in rows.zip(stats) {
                    let row = dy[columns.clone()].iter().zip(&x[columns.clone()]);
                    for ((dw, db), (dy, x)) in dw.iter_mut().zip(db.iter_mut()).zip(row) {
                        *dw += dy * (x - m) * f;
                        *db += dy;
                    }
                }
            },
        );
    });
    (dx, dw, db)
}
