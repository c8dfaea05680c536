//! Nonlinearities of the feed-forward layer: the gate of a SwiGLU block
//! (Shazeer 2020), `silu(gate) * up`, and the GELU (Hendrycks and Gimpel 2016).

use super::math::{erf, exp, sigmoid};
use super::threads::{each, part, vectorised};

/// `silu(gate) * up`, element by element.
pub(super) fn forward(gate: &[f32], up: &[f32]) -> Vec<f32> {
    let mut y = vec![0f32; gate.len()];
    let n = part(gate.len(), 2);
    each(gate.chunks(n).zip(up.chunks(n)).zip(y.chunks_mut(n)), |((gate, up), y)| {
        vectorised(
            #[inline(always)]
            || {
                for ((y, g), u) in y.iter_mut().zip(gate).zip(up) {
                    *y = g * sigmoid(*g) * u;
                }
            },
        );
    });
    y
}

/// Gradients of `gate` and `up`.
pub(super) fn backward(gate: &[f32], up: &[f32], dy: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (mut dg, mut du) = (vec![0f32; gate.len()], vec![0f32; gate.len()]);
    let n = part(gate.len(), 4);
    let inputs = gate.chunks(n).zip(up.chunks(n)).zip(dy.chunks(n));
    each(inputs.zip(dg.chunks_mut(n).zip(du.chunks_mut(n))), |(((gate, up), dy), (dg, du))| {
        vectorised(
            #[inline(always)]
            || {
                let inputs = gate.iter().zip(up).zip(dy);
                for (((g, u), dy), (dg, du)) in inputs.zip(dg.iter_mut().zip(du.iter_mut())) {
                    let s = sigmoid(*g);
                    *du = dy * g * s;
                    *dg = dy * u * s * (1.0 + g * (1.0 - s));
                }
            },
        );
    });
    (dg, du)
}

/// `x * Phi(x)` with the normal distribution function Phi, not its
/// approximation by tanh.
pub(super) fn gelu_forward(x: &[f32]) -> Vec<f32> {
    let mut y = vec![0f32; x.len()];
    let n = part(x.len(), 2);
    each(x.chunks(n).zip(y.chunks_mut(n)), |(x, y)| {
        vectorised(
            #[inline(always)]
            || {
                for (y, x) in y.iter_mut().zip(x) {
                    *y = 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
                }
            },
        );
    });
    y
}

/// Gradient of `x`: `Phi(x) + x phi(x)`, times `dy`.
pub(super) fn gelu_backward(x: &[f32], dy: &[f32]) -> Vec<f32> {
    /// 1 / sqrt(2 pi).
    const DENSITY: f32 = 0.398_942_3;
    let mut dx = vec![0f32; x.len()];
    let n = part(x.len(), 3);
    each(x.chunks(n).zip(dy.chunks(n)).zip(dx.chunks_mut(n)), |((x, dy), dx)| {
        vectorised(
            #[inline(always)]
            || {
                for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
                    let below = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
                    *dx = dy * (below + x * DENSITY * exp(-0.5 * x * x));
                }
            },
        );
    });
    dx
}
