//! Lengths in tokens, as Hugging Face programs count them.

use std::path::Path;

use crate::DataError;

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
        match tokenizers::Tokenizer::from_bytes(&bytes) {
            Ok(inner) => Ok(Self(inner)),
            Err(e) => Err(DataError::Tokenizer { path: path.to_owned(), reason: e.to_string() }),
        }
    }

    /// Number of tokens of `text`.
    ///
    /// # Errors
    /// Text that the vocabulary cannot express.
    pub fn count(&self, text: &str) -> Result<usize, String> {
        let encoding = self.0.encode_fast(text, true).map_err(|e| e.to_string())?;
        Ok(encoding.get_ids().len())
    }
}
