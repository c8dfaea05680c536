//! The factors of dropout, as numbers on the host.

use crate::threefry::threefry2x32;

/// Inputs of one layer that are dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Share of the elements that become 0, in [0, 1); the others are divided by 1 - share.
    pub share: f64,
    /// Keeps the draws of two layers apart.
    pub layer: u32,
}

impl Dropout {
    /// An element is dropped where its word is below this.
    pub(crate) fn threshold(self) -> u32 {
        // Rounded down from below 2^32.
        (self.share * 2f64.powi(32)) as u32
    }

    /// Factor of the elements that stay.
    pub(crate) fn keep(self) -> f32 {
        (1.0 / (1.0 - self.share)) as f32
    }
}

/// Multiplies rows of `width` elements, one a token, by their factors: 0 or [`Dropout::keep`].
pub(crate) fn scale(x: &mut [f32], tokens: &[[u32; 3]], width: usize, dropout: Dropout) {
    let (threshold, keep) = (dropout.threshold(), dropout.keep());
    let factor = |word: u32| if word < threshold { 0.0 } else { keep };
    let pairs = width.div_ceil(2) as u32;
    for (row, [low, high, place]) in x.chunks_mut(width.max(1)).zip(tokens) {
        for (pair, two) in (0..).zip(row.chunks_mut(2)) {
            // Beyond 2^33 elements a row would begin to repeat itself.
            let counter = [place.wrapping_mul(pairs).wrapping_add(pair), dropout.layer];
            let words = threefry2x32([*low, *high], counter);
            for (x, word) in two.iter_mut().zip(words) {
                *x *= factor(word);
            }
        }
    }
}
