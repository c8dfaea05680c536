//! Why a checkpoint is refused.

use super::MAX_CHECKPOINT_BYTES;
use crate::shown::shown;

/// What a reader can do about a tensor of another kind. `clone` drops what a
/// view shares with a larger tensor.
pub(super) const RESAVE: &str = "where you trust the file, load it in PyTorch and save \
     `t.detach().cpu().float().flatten().clone()` alone with `torch.save`";

/// Why a file is no checkpoint of one float32 tensor.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// The zip around the tensor.
    #[error(
        "checkpoint: {0}; expected is an unchanged file of `torch.save` (PyTorch 1.6 or \
         later): compare its length with the publisher's and download it again"
    )]
    Container(#[from] ContainerError),
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

/// A file that is not the zip of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// A file that is too long to be read.
    #[error("{bytes} bytes, at most {MAX_CHECKPOINT_BYTES} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// No zip at all.
    #[error("no zip file ({bytes} bytes)")]
    NoZip {
        /// Its length.
        bytes: usize,
    },
    /// A zip whose end is missing.
    #[error("a zip file that breaks off ({bytes} bytes)")]
    BreaksOff {
        /// Its length.
        bytes: usize,
    },
    /// A zip that two readers may read differently.
    #[error("two zip end records, which readers may choose between")]
    TwoEnds,
    /// A zip with features that `torch.save` does not use.
    #[error("a zip of several parts or with a comment")]
    SeveralParts,
    /// Too few or too many entries.
    #[error("a zip of {entries} entries, 1 to {most} are read")]
    Entries {
        /// Entries of the file.
        entries: usize,
        /// The most that are read.
        most: usize,
    },
    /// A directory of entries that is too long, or lies beyond its end.
    #[error("a zip directory of {bytes} bytes at byte {start}, outside its place")]
    Directory {
        /// Its length.
        bytes: usize,
        /// Where it starts.
        start: usize,
    },
    /// No directory of entries where the end record says.
    #[error("no zip directory at byte {start}, where the end record has it")]
    NoDirectory {
        /// Where it should start.
        start: usize,
    },
    /// A folder whose name has control characters.
    #[error("a zip folder named `{}`", shown(name))]
    Folder {
        /// The name.
        name: String,
    },
    /// An entry that every checkpoint has.
    #[error("a zip file without the entry `{entry}`")]
    MissingEntry {
        /// Its name.
        entry: &'static str,
    },
    /// Bytes that the zip library refuses.
    #[error("a damaged zip file ({reason})")]
    Damaged {
        /// The library's words.
        reason: String,
    },
}
