//! Dropout of side paths, row by row.

use std::sync::OnceLock;

use burn::tensor::Tensor;
use seal_data::RowId;
use seal_data::seed::hash64;
use seal_device::{Dropout, DropoutTokens};

/// Names a draw of dropout masks: (study seed, step), and the row that each
/// token belongs to.
#[derive(Clone, Copy, Debug)]
pub struct DropoutKey<'a> {
    /// Study seed.
    pub seed: u64,
    /// Optimiser step.
    pub step: u64,
    /// Rows of the batch, in order.
    pub ids: &'a [RowId],
    /// Number of tokens of each row that are worked on: padding included where there is some;
    /// after the attention of the last block those of its answer, where no other is needed.
    pub lengths: &'a [usize],
}

/// The masks that a key names.
pub(crate) struct Dropping<'a> {
    key: DropoutKey<'a>,
    /// Made when a layer first drops something.
    tokens: OnceLock<DropoutTokens>,
}

impl<'a> From<DropoutKey<'a>> for Dropping<'a> {
    fn from(key: DropoutKey<'a>) -> Self {
        Self { key, tokens: OnceLock::new() }
    }
}

impl Dropping<'_> {
    /// `x`, a row a token, without the share of its elements that the layer called `layer` drops.
    pub(crate) fn drop(&self, x: Tensor<2>, share: f64, layer: &str) -> Tensor<2> {
        let DropoutKey { seed, step, ids, lengths } = self.key;
        let of_row = |id: &RowId| hash64(&["dropout".into(), seed.into(), step.into(), id.into()]);
        let rows = || ids.iter().map(of_row).zip(lengths.iter().copied());
        let tokens = self.tokens.get_or_init(|| DropoutTokens::of_rows(rows()));
        let layer = hash64(&["dropout of a layer".into(), layer.into()]) as u32;
        tokens.drop(x, Dropout { share, layer })
    }
}
