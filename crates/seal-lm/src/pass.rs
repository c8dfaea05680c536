//! What the blocks share over one batch.

use crate::DropoutKey;
use crate::attention::Rows;
use crate::block_forward::Run;
use crate::needed::Needed;

/// What the blocks share over one batch.
pub(crate) struct Pass<'a> {
    pub(crate) rows: Rows<'a>,
    pub(crate) dropout: Option<DropoutKey<'a>>,
    /// Where states are needed after the last block; everywhere if `None`.
    pub(crate) needed: Option<Needed>,
}

impl<'a> Pass<'a> {
    /// What block `layer` of `layers` needs.
    pub(crate) fn run<'m>(&'m self, layer: usize, layers: usize) -> Run<'m>
    where
        'a: 'm,
    {
        let last = layer + 1 == layers;
        Run {
            kernels: self.rows.kernels,
            layer,
            dropout: self.dropout,
            needed: self.needed.as_ref().filter(|_| last),
            packed: None,
        }
    }
}
