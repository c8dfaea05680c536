//! Failures of a tokenizer of its own, apart from any folder.

use std::error::Error;

/// A tokenizer that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TextTokenizerError {
    /// A special token that the vocabulary lacks.
    #[error("the tokenizer has no token `{name}`")]
    NoToken {
        /// Its text.
        name: String,
    },
    /// An error of the `tokenizers` library.
    #[error("{source}")]
    Library {
        /// The library's error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A part of the tokenizer that has no JSON form, or not the expected one.
    #[error("{source}")]
    Json {
        /// The error of JSON.
        #[from]
        source: serde_json::Error,
    },
}

impl From<Box<dyn Error + Send + Sync>> for TextTokenizerError {
    fn from(source: Box<dyn Error + Send + Sync>) -> Self {
        Self::Library { source }
    }
}
