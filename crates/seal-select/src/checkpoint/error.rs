//! Why a checkpoint is refused.

/// What a reader can do about a tensor of another kind. `clone` drops what a
/// view shares with a larger tensor.
pub(super) const RESAVE: &str = "where you trust the file, load it in PyTorch and save \
     `t.detach().cpu().float().flatten().clone()` alone with `torch.save`";

/// Why a file is no checkpoint of one float32 tensor.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// The zip around the tensor.
    #[error(
        "checkpoint: {found}; expected is an unchanged file of `torch.save` (PyTorch 1.6 or \
         later): compare its length with the publisher's and download it again"
    )]
    Container {
        /// What was found.
        found: String,
    },
    /// An entry of the zip.
    #[error("checkpoint entry `{entry}`: {found}, expected is {expected}: {RESAVE}")]
    Entry {
        /// Name of the entry, without the folder that all entries share.
        entry: String,
        /// What was found.
        found: String,
        /// What is read.
        expected: String,
    },
    /// Bytecode that a checkpoint of one tensor does not have.
    #[error(
        "checkpoint entry `data.pkl`, byte {at}: found {found}, expected {expected}; \
         pickle is compared and never run: {RESAVE}"
    )]
    Pickle {
        /// Offset in `data.pkl`, from 0.
        at: usize,
        /// What was found.
        found: String,
        /// What is taken there.
        expected: &'static str,
    },
    /// A tensor, but not a contiguous 1-D float32 one.
    #[error("checkpoint: the tensor has {found}, expected is {expected}: {RESAVE}")]
    Tensor {
        /// What was found.
        found: String,
        /// What is read.
        expected: &'static str,
    },
    /// A logit that cannot be ranked.
    #[error(
        "checkpoint: logit {index} is {value}, it must be finite: the selector's training \
         diverged, take an earlier checkpoint"
    )]
    NotFinite {
        /// Position of the logit, from 0.
        index: usize,
        /// The logit.
        value: f32,
    },
}

/// Text of a stranger, fit to be shown: escaped, and cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    let escaped: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() { escaped + "..." } else { escaped }
}
