//! Negative log-likelihood of one target a row.

use super::math::{exp, max, sum_by};

/// `logsumexp(logits) - logits[target]` for each row of `logits` `[m, v]`.
/// Returns the losses `[m]` in nats and the log-sum-exps `[m]`.
#[inline(always)]
pub(super) fn forward(logits: &[f32], v: usize, targets: &[u32]) -> (Vec<f32>, Vec<f32>) {
    let mut nll = Vec::with_capacity(targets.len());
    let mut lse = Vec::with_capacity(targets.len());
    for (row, &target) in logits.chunks_exact(v).zip(targets) {
        let top = max(row);
        let sum = sum_by(v, |i| exp(row[i] - top));
        let l = top + sum.ln();
        nll.push(l - row[target as usize]);
        lse.push(l);
    }
    (nll, lse)
}

/// Gradient of the logits, `[m, v]`: `(softmax - onehot(target)) * dy`.
#[inline(always)]
pub(super) fn backward(
    logits: &[f32],
    v: usize,
    targets: &[u32],
    lse: &[f32],
    dy: &[f32],
) -> Vec<f32> {
    let mut dx = vec![0f32; logits.len()];
    let rows = logits.chunks_exact(v).zip(dx.chunks_exact_mut(v));
    for ((row, dx), ((&target, &lse), &dy)) in rows.zip(targets.iter().zip(lse).zip(dy)) {
        if dy == 0.0 {
            continue;
        }
        for (dx, x) in dx.iter_mut().zip(row) {
            *dx = exp(x - lse) * dy;
        }
        dx[target as usize] -= dy;
    }
    dx
}
