//! Negative log-likelihood of one target a row.

use super::math::{exp, max, sum_by};
use super::threads::{each, part, vectorised};

/// `logsumexp(logits) - logits[target]` for each row of `logits` `[m, v]`.
/// Returns the losses `[m]` in nats and the log-sum-exps `[m]`.
pub(super) fn forward(logits: &[f32], v: usize, targets: &[u32]) -> (Vec<f32>, Vec<f32>) {
    let (mut nll, mut lse) = (vec![0f32; targets.len()], vec![0f32; targets.len()]);
    let rows = part(targets.len(), v);
    let inputs = logits.chunks(rows * v).zip(targets.chunks(rows));
    each(
        inputs.zip(nll.chunks_mut(rows).zip(lse.chunks_mut(rows))),
        |((logits, targets), (nll, lse))| {
            vectorised(
                #[inline(always)]
                || {
                    let rows = logits.chunks_exact(v).zip(targets);
                    for ((row, &target), (nll, lse)) in rows.zip(nll.iter_mut().zip(lse)) {
                        let top = max(row);
                        let sum = sum_by(v, |i| exp(row[i] - top));
                        let l = top + sum.ln();
                        *nll = l - row[target as usize];
                        *lse = l;
                    }
                },
            );
        },
    );
    (nll, lse)
}

/// Gradient of the logits, `[m, v]`: `(softmax - onehot(target)) * dy`.
pub(super) fn backward(
    logits: &[f32],
    v: usize,
    targets: &[u32],
    lse: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    let mut dx = vec![0f32; logits.len()];
    let rows = part(targets.len(), v);
    let inputs = logits.chunks(rows * v).zip(targets.chunks(rows));
    let scales = lse.chunks(rows).zip(dy.chunks(rows));
    each(
        inputs.zip(scales).zip(dx.chunks_mut(rows * v)),
        |(((logits, targets), (lse, dy)), dx)| {
            vectorised(
                #[inline(always)]
                || {
                    let rows = logits.chunks_exact(v).zip(dx.chunks_exact_mut(v));
                    let scales = targets.iter().zip(lse).zip(dy);
                    for ((row, dx), ((&target, &lse), &dy)) in rows.zip(scales) {
                        if dy == 0.0 {
                            continue;
                        }
                        for (dx, x) in dx.iter_mut().zip(row) {
                            *dx = exp(x - lse) * dy;
                        }
                        dx[target as usize] -= dy;
                    }
                },
            );
        },
    );
    dx
}

/// Losses `[m]` of `targets` under `logits` `[m, v]`, which become their
/// gradients, `(softmax - onehot(target)) * weight`.
pub(super) fn in_place(logits: &mut [f32], targets: &[u32], weights: &[f32]) -> Vec<f32> {
    let m = targets.len();
    assert_eq!(weights.len(), m, "one weight a target");
    if m == 0 {
        assert!(logits.is_empty(), "no target, no logits");
        return Vec::new();
    }
    let v = logits.len() / m;
    assert_eq!(logits.len(), m * v, "as many logits for each target");
    assert!(targets.iter().all(|t| (*t as usize) < v), "a target outside the vocabulary of {v}");
    let mut nll = vec![0f32; m];
    let rows = part(m, 2 * v);
    let inputs = targets.chunks(rows).zip(weights.chunks(rows));
    each(logits.chunks_mut(rows * v).zip(inputs).zip(nll.chunks_mut(rows)), |(inputs, nll)| {
        let (logits, (targets, weights)) = inputs;
        vectorised(
            #[inline(always)]
            || {
                let rows = logits.chunks_exact_mut(v).zip(targets).zip(weights);
                for (((row, &target), &weight), nll) in rows.zip(nll) {
                    let top = max(row);
                    let lse = top + sum_by(v, |i| exp(row[i] - top)).ln();
                    *nll = lse - row[target as usize];
                    for x in row.iter_mut() {
                        *x = exp(*x - lse) * weight;
                    }
                    row[target as usize] -= weight;
                }
            },
        );
    });
    nll
}
