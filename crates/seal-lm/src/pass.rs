//! What the blocks share over one batch.

use seal_device::GpuKernels;

use crate::attention::AttentionRows;
use crate::block_forward::BlockContext;
use crate::dropping::Dropping;
use crate::needed::Needed;

/// What the blocks share over one batch.
pub(crate) struct Pass<'a> {
    pub(crate) rows: AttentionRows<'a>,
    pub(crate) gpu: Option<GpuKernels>,
    pub(crate) dropout: Option<Dropping<'a>>,
    /// Where states are needed after the last block; everywhere if `None`.
    pub(crate) needed: Option<Needed>,
    /// Of those states alone.
    pub(crate) needed_dropout: Option<Dropping<'a>>,
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
            gpu: self.gpu,
            layer,
            dropout: self.dropout.as_ref(),
            needed: self.needed.as_ref().filter(|_| last),
            needed_dropout: self.needed_dropout.as_ref(),
            packed: None,
        }
    }
}
