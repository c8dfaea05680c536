//! The interface of a tokenizer; implementations live elsewhere.

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

/// A token id and the bytes of the text that it stands for.
pub type TokenSpan = (u32, Range<usize>);

/// Text that a tokenizer cannot turn into tokens.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EncodeError {
    /// A word that a vocabulary of words does not have.
    #[error("`{word}` is no word of {vocabulary}")]
    UnknownWord {
        /// The word.
        word: String,
        /// Whose vocabulary, in words.
        vocabulary: &'static str,
    },
    /// A tokenizer that does not know where its tokens stand.
    #[error(
        "this tokenizer cannot say which text a token stands for, which a chat template needs; \
         use the tokenizer of a model folder"
    )]
    NoSpans,
    /// An error of the library behind a tokenizer.
    #[error("{source}")]
    Library {
        /// The library's error.
        source: Arc<dyn Error + Send + Sync>,
    },
}

impl EncodeError {
    /// An error of the library behind a tokenizer.
    pub fn library(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Library { source: source.into().into() }
    }
}

/// By kind and message: errors of a library are compared by their texts.
impl PartialEq for EncodeError {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.to_string() == other.to_string()
    }
}

impl Eq for EncodeError {}

/// Text to token ids and back. Implementations are pure.
pub trait Tokenizer: Send + Sync {
    /// Token ids of `text`, with no special token added.
    ///
    /// # Errors
    /// Text that the vocabulary cannot express (a word-level tokenizer).
    fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError>;
    /// Text of `tokens`; special tokens are left out.
    fn decode(&self, tokens: &[u32]) -> String;
    /// Number of token ids; every id is below it.
    fn vocab_size(&self) -> usize;
    /// Begins every sequence, where the model wants one.
    fn bos(&self) -> Option<u32>;
    /// Ends every answer.
    fn eos(&self) -> u32;

    /// Tokens that end generation; the first is [`Self::eos`].
    fn stops(&self) -> Vec<u32> {
        vec![self.eos()]
    }

    /// As [`Self::encode`], each token with its bytes of `text`. Tokens that
    /// share a character share its bytes.
    ///
    /// # Errors
    /// As [`Self::encode`], and a tokenizer that does not know where its
    /// tokens come from; chat templates need one that does.
    fn encode_spans(&self, _text: &str) -> Result<Vec<TokenSpan>, EncodeError> {
        Err(EncodeError::NoSpans)
    }

    /// Whether `token` is a special token: one that marks structure, not text.
    fn is_special(&self, _token: u32) -> bool {
        false
    }

    /// How many special tokens `text` turns into, where it is data. Whoever
    /// wrote such a text can end a turn and begin another.
    fn special_in(&self, _text: &str) -> usize {
        0
    }

    /// Special tokens by the names that chat templates use: `bos_token`,
    /// `eos_token`, `pad_token`, `unk_token`.
    fn named_tokens(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}
