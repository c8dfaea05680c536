//! Rotary positions (Su et al. 2021), in the Hugging Face pairing.

use burn::tensor::{Device, Tensor, TensorData};

/// Cosines and sines of positions `0..positions`, each `[positions, d / 2]`.
pub(crate) fn tables(
    positions: impl ExactSizeIterator<Item = usize>,
    head_dim: usize,
    theta: f64,
    device: &Device,
) -> (Tensor<2>, Tensor<2>) {
    let half = head_dim / 2;
    let shape = [positions.len(), half];
    let frequencies: Vec<f64> =
        (0..half).map(|i| theta.powf(-2.0 * i as f64 / head_dim as f64)).collect();
    let (mut cos, mut sin) = (Vec::new(), Vec::new());
    for position in positions {
        for f in &frequencies {
            // Angles in f64: at position 100,000 an f32 has lost three digits.
            let angle = position as f64 * f;
            cos.push(angle.cos() as f32);
            sin.push(angle.sin() as f32);
        }
    }
    let tensor = |v| Tensor::from_data(TensorData::new(v, shape), device);
    (tensor(cos), tensor(sin))
}

/// Rotates `x` `[B, H, T, d]` by tables that broadcast to `[B, H, T, d / 2]`:
/// dimension i is paired with i + d / 2 ("rotate half").
pub(crate) fn rotate(x: Tensor<4>, cos: Tensor<4>, sin: Tensor<4>) -> Tensor<4> {
    let [b, h, t, d] = x.dims();
    let half = d / 2;
    let first = x.clone().slice([0..b, 0..h, 0..t, 0..half]);
    let second = x.slice([0..b, 0..h, 0..t, half..d]);
    let rotated_first = first.clone() * cos.clone() - second.clone() * sin.clone();
    let rotated_second = second * cos + first * sin;
    Tensor::cat(vec![rotated_first, rotated_second], 3)
}
