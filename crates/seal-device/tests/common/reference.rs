//! The definitions, in f64.

use seal_device::AttentionShape;

/// `w x / sqrt(mean(x^2) + eps)` over the last axis, of the size of `w`.
pub fn rms_norm(x: &[f64], w: &[f64], eps: f64) -> Vec<f64> {
    let d = w.len();
    x.chunks(d)
        .flat_map(|x| {
            let root = (x.iter().map(|x| x * x).sum::<f64>() / d as f64 + eps).sqrt();
            x.iter().zip(w).map(move |(x, w)| w * x / root).collect::<Vec<_>>()
        })
        .collect()
}

/// `gate / (1 + e^-gate) * up`.
pub fn swiglu(gate: &[f64], up: &[f64]) -> Vec<f64> {
    gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect()
}

/// `log(sum e^x) - x[target]` for each row of `v` logits.
pub fn nll(logits: &[f64], v: usize, targets: &[u32]) -> Vec<f64> {
    let rows = logits.chunks(v).zip(targets);
    rows.map(|(x, target)| {
        let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        top + x.iter().map(|x| (x - top).exp()).sum::<f64>().ln() - x[*target as usize]
    })
    .collect()
}

/// Rotary angles of positions `0..positions` for `d` rotated dimensions, in radians.
pub fn angles(positions: usize, d: usize) -> Vec<f64> {
    let angle = |t: usize, i: usize| t as f64 * 10_000f64.powf(-2.0 * i as f64 / d as f64);
    (0..positions).flat_map(|t| (0..d / 2).map(move |i| angle(t, i))).collect()
}

/// Tokens of the first row that row `b` begins with.
fn before(s: &AttentionShape, b: usize) -> usize {
    if s.stem && b > 0 { s.lengths[0] } else { 0 }
}

/// Where head `h` at position `t` of row `b` starts in an input of `heads` heads.
fn place(s: &AttentionShape, heads: usize, [b, t, h]: [usize; 3]) -> usize {
    let token = match t.checked_sub(before(s, b)) {
        Some(own) => s.starts[b] + own,
        None => s.starts[0] + t,
    };
    (token * heads + h) * s.head_dim
}

/// Head `h` at position `t` of row `b`, rotated: (x_i, x_{i + r/2}) is a point
/// in the plane that turns by angle i; what follows the first r numbers stays.
fn rotated(
    x: &[f64],
    s: &AttentionShape,
    heads: usize,
    at @ [_, t, _]: [usize; 3],
    angles: &[f64],
) -> Vec<f64> {
    let (d, half) = (s.head_dim, angles.len() / s.positions);
    let x = &x[place(s, heads, at)..][..d];
    let turn = |i: usize| angles[t * half + i].sin_cos();
    (0..half)
        .map(|i| turn(i).1 * x[i] - turn(i).0 * x[half + i])
        .chain((0..half).map(|i| turn(i).0 * x[i] + turn(i).1 * x[half + i]))
        .chain(x[2 * half..].iter().copied())
        .collect()
}

/// Causal attention; query head h reads key head `h / (heads / kv_heads)`.
/// Tokens of no row give 0.
pub fn attention(q: &[f64], k: &[f64], v: &[f64], angles: &[f64], s: &AttentionShape) -> Vec<f64> {
    let (d, group) = (s.head_dim, s.heads / s.kv_heads);
    let scale = s.scale.map_or(1.0 / (d as f64).sqrt(), f64::from);
    let mut out = vec![0.0; q.len()];
    for b in 0..s.lengths.len() {
        let (before, len) = (before(s, b), before(s, b) + s.lengths[b]);
        for h in 0..s.heads {
            let g = h / group;
            let keys: Vec<Vec<f64>> =
                (0..len).map(|t| rotated(k, s, s.kv_heads, [b, t, g], angles)).collect();
            for t in before..len {
                let query = rotated(q, s, s.heads, [b, t, h], angles);
                let score =
                    |key: &Vec<f64>| scale * query.iter().zip(key).map(|(q, k)| q * k).sum::<f64>();
                let first = s.window.map_or(0, |window| (t + 1).saturating_sub(window));
                let scores: Vec<f64> = keys[first..=t].iter().map(score).collect();
                let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let total: f64 = scores.iter().map(|x| (x - top).exp()).sum();
                let out = &mut out[place(s, s.heads, [b, t, h])..][..d];
                for (j, x) in scores.iter().enumerate() {
                    let p = (x - top).exp() / total;
                    let value = &v[place(s, s.kv_heads, [b, first + j, g])..][..d];
                    out.iter_mut().zip(value).for_each(|(o, v)| *o += p * v);
                }
            }
        }
    }
    out
}
