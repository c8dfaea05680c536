//! What attention over the rows of a batch shares between blocks.

use seal_device::{GpuKernels, Kernels};

use super::chunk::Chunks;
use crate::rope::Rotary;

/// Rows of a batch, as attention finds them.
pub(crate) struct AttentionRows<'a> {
    /// Tokens of each row, without padding.
    pub(crate) lengths: &'a [usize],
    /// Place of the first token of each row.
    pub(crate) starts: &'a [usize],
    /// Whether the first row is the beginning of all others, which lists them without it; with
    /// kernels alone.
    pub(crate) stem: bool,
    /// Of every rotary set of the plan.
    pub(crate) rotary: Vec<Rotary>,
    /// Without them rows are padded to one length.
    pub(crate) kernels: Option<Kernels>,
    /// Of composed attention on a GPU.
    pub(crate) gpu: Option<GpuKernels>,
    /// How composed attention is cut.
    pub(crate) chunks: Chunks,
}
