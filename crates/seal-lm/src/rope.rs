//! Rotary positions (Su et al. 2021), in the Hugging Face pairing.

use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use crate::RopeScaling;
use crate::plan::RotaryPlan;

/// Frequencies of a rotary set.
#[derive(Debug)]
pub(crate) struct Rope {
    /// Angle a position, for each rotated pair of dimensions.
    short: Vec<f64>,
    /// For sequences of more tokens than the first number.
    long: Option<(usize, Vec<f64>)>,
    /// Cosines and sines are multiplied by it.
    scale: f64,
}

/// Cosines and sines.
pub(crate) type Tables = (Tensor<2>, Tensor<2>);

impl Rope {
    pub(crate) fn of(plan: &RotaryPlan) -> Self {
        let (d, theta) = (plan.dims, plan.theta);
        if d == 0 {
            // A pair that does not turn.
            return Self { short: vec![0.0], long: None, scale: 1.0 };
        }
        let plain: Vec<f64> = (0..d / 2).map(|i| theta.powf(-2.0 * i as f64 / d as f64)).collect();
        let over = |factors: &[f64]| plain.iter().zip(factors).map(|(f, x)| f / x).collect();
        match &plan.scaling {
            RopeScaling::Default => Self { short: plain, long: None, scale: 1.0 },
            RopeScaling::Linear { factor } => {
                Self { short: plain.iter().map(|f| f / factor).collect(), long: None, scale: 1.0 }
            }
            RopeScaling::Llama3 {
                factor,
                low_freq_factor: low,
                high_freq_factor: high,
                original_max_position_embeddings: original,
            } => {
                let stretch = |f: &f64| {
                    // Turns within the original context.
                    let turns = *original as f64 * f / (2.0 * std::f64::consts::PI);
                    let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                    (1.0 - kept) * f / factor + kept * f
                };
                Self { short: plain.iter().map(stretch).collect(), long: None, scale: 1.0 }
            }
            RopeScaling::Longrope {
                short_factor,
                long_factor,
                attention_factor,
                original_max_position_embeddings: original,
            } => Self {
                short: over(short_factor),
                long: Some((*original, over(long_factor))),
                scale: *attention_factor,
            },
        }
    }

    /// Whether a sequence of `len` tokens turns by the long frequencies: all of
    /// its positions then do.
    pub(crate) fn is_long(&self, len: usize) -> bool {
        self.long.as_ref().is_some_and(|(original, _)| len > *original)
    }

    /// Cosines and sines `[n, rotary_dim / 2]` of n positions, each with
    /// whether it turns by the long frequencies.
    pub(crate) fn tables(
        &self,
        positions: impl ExactSizeIterator<Item = (usize, bool)>,
        device: &Device,
    ) -> Tables {
        let shape = [positions.len(), self.short.len()];
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for (position, long) in positions {
            let frequencies = match &self.long {
                Some((_, frequencies)) if long => frequencies,
                _ => &self.short,
            };
            for f in frequencies {
                // Angles in f64: at position 100,000 an f32 has lost three digits.
                let angle = position as f64 * f;
                cos.push((angle.cos() * self.scale) as f32);
                sin.push((angle.sin() * self.scale) as f32);
            }
        }
        let tensor = |v| Tensor::from_data(TensorData::new(v, shape), device);
        (tensor(cos), tensor(sin))
    }

    /// Tables of positions `0..width` for rows of these lengths.
    pub(crate) fn of_rows(&self, lengths: &[usize], width: usize, device: &Device) -> Rotary {
        let set = |long: bool| {
            let rows: Vec<usize> =
                (0..lengths.len()).filter(|b| self.is_long(lengths[*b]) == long).collect();
            let tables = || self.tables((0..width).map(|t| (t, long)), device);
            (!rows.is_empty()).then(|| (rows, tables()))
        };
        Rotary { sets: [false, true].into_iter().filter_map(set).collect() }
    }
}

/// Tables of a batch's rows, `[T, rotary_dim / 2]`.
pub(crate) struct Rotary {
    /// Rows, with the tables that they share: all rows are in one set, but for
    /// a batch on both sides of an original context.
    pub(crate) sets: Vec<(Vec<usize>, Tables)>,
}

impl Rotary {
    /// Tables that broadcast to `[B, H, T, rotary_dim / 2]`.
    pub(crate) fn spread(&self) -> (Tensor<4>, Tensor<4>) {
        if let [(_, (cos, sin))] = self.sets.as_slice() {
            return (cos.clone().unsqueeze_dims::<4>(&[0, 1]), sin.clone().unsqueeze_dims(&[0, 1]));
        }
        let mut rows: Vec<(usize, &Tables)> = self
            .sets
            .iter()
            .flat_map(|(rows, tables)| rows.iter().map(move |row| (*row, tables)))
            .collect();
        rows.sort_by_key(|(row, _)| *row);
        let pick = |of: fn(&Tables) -> &Tensor<2>| {
            let rows = rows.iter().map(|(_, t)| of(t).clone().unsqueeze_dims::<4>(&[0, 1]));
            Tensor::cat(rows.collect(), 0)
        };
        (pick(|t| &t.0), pick(|t| &t.1))
    }
}

/// Rotates the leading dimensions of `x` `[B, H, T, d]` by tables that
/// broadcast to `[B, H, T, r / 2]`: dimension i is paired with i + r / 2
/// ("rotate half"), and the last d - r stay. It is done in f32, whatever the
/// number format of `x` is.
pub(crate) fn rotate(x: Tensor<4>, cos: Tensor<4>, sin: Tensor<4>) -> Tensor<4> {
    let dtype = x.dtype();
    let x = x.cast(FloatDType::F32);
    let [b, h, t, d] = x.dims();
    let half = cos.dims()[3];
    let first = x.clone().slice([0..b, 0..h, 0..t, 0..half]);
    let second = x.clone().slice([0..b, 0..h, 0..t, half..2 * half]);
    let rotated_first = first.clone() * cos.clone() - second.clone() * sin.clone();
    let rotated_second = second * cos + first * sin;
    let mut parts = vec![rotated_first, rotated_second];
    if 2 * half < d {
        parts.push(x.slice([0..b, 0..h, 0..t, 2 * half..d]));
    }
    Tensor::cat(parts, 3).cast(dtype)
}
