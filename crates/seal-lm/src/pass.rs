//! What the blocks share over one batch.

use crate::DropoutKey;
use crate::attention::AttentionRows;
use crate::block_forward::BlockContext;
use crate::needed::Needed;

/// What the blocks share over one batch.
pub(crate) struct Pass<'a> {
    pub(crate) rows: AttentionRows<'a>,
    pub(crate) dropout: Option<DropoutKey<'a>>,
    /// Where states are needed after the last block; everywhere if `None`.
    pub(crate) needed: Option<Needed>,
}

impl<'a> Pass<'a> {
    /// What block `layer` of `layers` needs.
    pub(crate) fn run<'m>(&'m self, layer: usize, layers: usize) -> BlockContext<'m>
    where
        'a: 'm,
    {
        let last = layer + 1 == layers;
        BlockContext {
            kernels: self.rows.kernels,
            layer,
            dropout: self.dropout,
            needed: self.needed.as_ref().filter(|_| last),
            packed: None,
        }
    }
}
