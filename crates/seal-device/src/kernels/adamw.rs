//! AdamW in place.

use super::adamw_step::AdamWStep;
use super::threads::{each, part, vectorised};

pub(super) fn apply(
    step: AdamWStep,
    weights: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let n = weights.len();
    assert!(gradient.len() == n && first.len() == n && second.len() == n, "{n} weights");
    let size = part(n, 4);
    let state = first.chunks_mut(size).zip(second.chunks_mut(size));
    let parts = weights.chunks_mut(size).zip(gradient.chunks(size)).zip(state);
    each(parts, |((weights, gradient), (first, second))| {
        vectorised(
            #[inline(always)]
            || of_part(step, weights, gradient, first, second),
        );
    });
}

#[inline(always)]
fn of_part(
    step: AdamWStep,
    weights: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let (beta_1, beta_2) = step.betas;
    let (fresh_1, fresh_2) = (1.0 - beta_1, 1.0 - beta_2);
    let (bias_1, bias_2) = (1.0 - beta_1.powi(step.time), 1.0 - beta_2.powi(step.time));
    let kept = (1.0 - step.lr * f64::from(step.weight_decay)) as f32;
    let (lr, scale) = (step.lr as f32, step.scale.unwrap_or(1.0));
    let moments = first.iter_mut().zip(second);
    for ((w, g), (m, v)) in weights.iter_mut().zip(gradient).zip(moments) {
        let g = g * scale;
        *m = *m * beta_1 + g * fresh_1;
        *v = *v * beta_2 + g * g * fresh_2;
        let delta = (*m / bias_1) / ((*v / bias_2).sqrt() + step.eps);
        *w = *w * kept - delta * lr;
    }
}
