//! Dropout whose masks are a function of names.
//!
//! A mask depends on the key of a row, on the place of a token in its row, on the layer and on the
//! column, and on nothing else: not on the batch, not on padding, not on the device. No mask is
//! kept for the backward pass, which makes it again.

use std::sync::{Arc, OnceLock};

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::mask::{Dropout, scale};

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

#[cfg(test)]
#[path = "dropout_tests.rs"]
mod tests;
