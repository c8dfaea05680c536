//! Dropout whose masks are a function of names.
//!
//! A mask depends on the key of a row, on the place of a token in its row, on the layer and on the
//! column, and on nothing else: not on the batch, not on padding, not on the device. No mask is
//! kept for the backward pass, which makes it again.

use std::sync::{Arc, OnceLock};

use burn::tensor::{Device, Int, Tensor, TensorData};

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

/// The tokens of a matrix of states, a row each.
#[derive(Debug)]
pub struct DropoutTokens {
    /// Of each token: the key of its row, two words, and its place in the row.
    words: Arc<[[u32; 3]]>,
    /// The same on the device, `[n, 3]`, made when a kernel first asks for it.
    table: OnceLock<Tensor<2, Int>>,
}

impl DropoutTokens {
    /// Tokens row after row: the key of each row and the number of its tokens.
    pub fn of_rows(rows: impl IntoIterator<Item = (u64, usize)>) -> Self {
        let words = rows.into_iter().flat_map(|(key, len)| {
            (0..len).map(move |place| [key as u32, (key >> 32) as u32, place as u32])
        });
        Self { words: words.collect(), table: OnceLock::new() }
    }

    /// `x` `[n, width]` of the n tokens, without the elements that `dropout` drops.
    ///
    /// # Panics
    /// If there is not one row of `x` a token.
    pub fn drop(&self, x: Tensor<2>, dropout: Dropout) -> Tensor<2> {
        let [n, width] = x.dims();
        assert_eq!(n, self.words.len(), "a row of states a token");
        #[cfg(feature = "flex")]
        if crate::Kernels::of(&x.device()).is_some() && x.dtype() == burn::tensor::DType::F32 {
            return crate::kernels::flex_dropout(x, Arc::clone(&self.words), dropout);
        }
        #[cfg(all(feature = "cube", not(feature = "fusion")))]
        if crate::kernels::is_cube(&x.device()) {
            let table = self.table(&x.device());
            return crate::kernels::cube_dropout(x, table, dropout);
        }
        let mut mask = vec![1f32; n * width];
        scale(&mut mask, &self.words, width, dropout);
        let mask = Tensor::<2>::from_data(TensorData::new(mask, [n, width]), &x.device());
        let dtype = x.dtype();
        x * mask.cast(dtype)
    }

    /// The words on `device`; all calls are for one device.
    #[cfg_attr(
        not(all(feature = "cube", not(feature = "fusion"))),
        allow(dead_code, reason = "for kernels of GPUs")
    )]
    fn table(&self, device: &Device) -> Tensor<2, Int> {
        let make = || {
            let words = self.words.iter().flatten().map(|word| *word as i32).collect::<Vec<_>>();
            let shape = [self.words.len(), 3];
            Tensor::from_data(TensorData::new(words, shape), &device.clone().inner())
        };
        self.table.get_or_init(make).clone()
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

#[cfg(all(test, feature = "flex"))]
#[path = "dropout_tests.rs"]
mod tests;
