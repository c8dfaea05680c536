//! The gate of a SwiGLU block (Shazeer 2020): `silu(gate) * up`.

use super::math::sigmoid;

/// `silu(gate) * up`, element by element.
#[inline(always)]
pub(super) fn forward(gate: &[f32], up: &[f32]) -> Vec<f32> {
    gate.iter().zip(up).map(|(g, u)| g * sigmoid(*g) * u).collect()
}

/// Gradients of `gate` and `up`.
#[inline(always)]
pub(super) fn backward(gate: &[f32], up: &[f32], dy: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let n = gate.len();
    let (mut dg, mut du) = (vec![0f32; n], vec![0f32; n]);
    let inputs = gate.iter().zip(up).zip(dy);
    for (((g, u), dy), (dg, du)) in inputs.zip(dg.iter_mut().zip(du.iter_mut())) {
        let s = sigmoid(*g);
        *du = dy * g * s;
        *dg = dy * u * s * (1.0 + g * (1.0 - s));
    }
    (dg, du)
}
