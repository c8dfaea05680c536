//! Lengths in tokens, as Hugging Face programs count them.

use std::path::Path;

use crate::{DataError, EncodeError};

/// Counts tokens with a `tokenizer.json`, the special tokens included that the
/// tokenizer adds by itself: the length of `tokenizer(text)` in transformers.
pub struct TokenCounter(tokenizers::Tokenizer);

impl TokenCounter {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// A file that is missing or no tokenizer.
    pub fn from_file(path: &Path) -> Result<Self, DataError> {
        let bytes = std::fs::read(path)
            .map_err(|source| DataError::Unreadable { path: path.to_owned(), source })?;
        let bad = |reason: String| DataError::Tokenizer { path: path.to_owned(), reason };
        if seal_files::is_lfs_pointer(&bytes) {
            return Err(bad("is a Git LFS pointer; fetch the file with `git lfs pull`".into()));
        }
        tokenizers::Tokenizer::from_bytes(&bytes).map(Self).map_err(|e| bad(e.to_string()))
    }

    /// Number of tokens of `text`.
    ///
    /// # Errors
    /// Text that the vocabulary cannot express.
    pub fn count(&self, text: &str) -> Result<usize, EncodeError> {
        let encoding = self.0.encode_fast(text, true).map_err(EncodeError::library)?;
        Ok(encoding.get_ids().len())
    }
}
