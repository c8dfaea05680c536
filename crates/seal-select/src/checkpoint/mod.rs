//! Selectors as the SEAL paper published them: one float32 tensor in a
//! PyTorch checkpoint.
//!
//! A `.pt` file is a zip of stored entries. `data.pkl` says in pickle
//! bytecode which tensor there is, `data/0` holds its numbers. Pickle can call
//! any function of the machine that loads it, so nothing here runs it:
//! [`pickle`] compares the bytecode with the few forms that one tensor can
//! have and refuses the rest. The bytes come from strangers: every size is
//! checked against the length of the file before room is made for it.
//!
//! Source of the format: files written by PyTorch 2.9 and the two published
//! ones, taken apart with Python's `zipfile` and `pickletools`.

mod archive;
mod error;
mod opcode;
mod pickle;

pub use error::{CheckpointError, ContainerError};

use archive::Archive;

use crate::SelectError;

/// Longest checkpoint that is read, in bytes: 256 MiB, some 67 million rows.
/// A caller with a larger file need not load it.
pub const MAX_CHECKPOINT_BYTES: usize = 256 << 20;

/// A selector from a PyTorch checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedSelector {
    /// Name of the folder inside the checkpoint. PyTorch takes it from the
    /// name that the file was first saved under, so it survives renaming.
    pub name: String,
    /// Raw logits, finite, widened from float32 without loss. Their order is
    /// that of the rows that went through the authors' filter; see
    /// [`RowMapping`](crate::RowMapping).
    pub logits: Vec<f64>,
}

impl PublishedSelector {
    /// Reads a checkpoint, the bytes of a whole `.pt` file.
    ///
    /// Taken is one contiguous 1-D float32 tensor, alone, as a `Parameter`, or
    /// as the one value of a dict or an `OrderedDict`, saved by `torch.save`
    /// of PyTorch 1.6 or later on a little-endian machine.
    ///
    /// ```no_run
    /// # let bytes: &[u8] = &[];
    /// let published = seal_select::PublishedSelector::from_pt(bytes)?;
    /// println!("{}: {} logits", published.name, published.logits.len());
    /// # Ok::<(), seal_select::SelectError>(())
    /// ```
    ///
    /// # Errors
    /// [`SelectError::Checkpoint`] with what was found, what is taken, and
    /// what to do, for every other file.
    pub fn from_pt(bytes: &[u8]) -> Result<Self, SelectError> {
        let mut archive = Archive::open(bytes)?;
        let rows = pickle::rows_of_one_tensor(&archive.pickle()?)?;
        let logits = archive.logits(rows)?;
        Ok(Self { name: archive.into_name(), logits })
    }
}
