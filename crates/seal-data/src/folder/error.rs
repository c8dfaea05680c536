//! What can be wrong with the tokenizer of a model folder.

use std::path::{Path, PathBuf};

use crate::escape;

/// A model folder whose tokenizer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// No tokenizer at all.
    #[error("{dir}: no tokenizer.json; give the folder of a Hugging Face model")]
    Missing {
        /// The folder.
        dir: PathBuf,
    },
    /// A tokenizer in a form that only Python reads.
    #[error(
        "{dir}: has {found} and no tokenizer.json; convert it once: python -c \"from transformers \
         import AutoTokenizer; AutoTokenizer.from_pretrained('{dir}').save_pretrained('{dir}')\""
    )]
    NeedsConversion {
        /// The folder.
        dir: PathBuf,
        /// The file there is.
        found: &'static str,
    },
    /// A file that cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A pointer in place of the file.
    #[error("{path}: is a Git LFS pointer, not the file; fetch it with `git lfs pull`")]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// A file that is not what its name says.
    #[error(
        "{path}: {reason}; download the file again, or save the tokenizer anew with transformers"
    )]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting that `transformers` knows, and this program does not.
    #[error("{path}: {reason}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The setting, and what to do about it.
        reason: String,
    },
    /// No token is said to end a text.
    #[error(
        "{dir}: no file says which token ends a text; set \"eos_token\" in tokenizer_config.json \
         to the token that ends an answer of this model"
    )]
    NoEnd {
        /// The folder.
        dir: PathBuf,
    },
    /// Files of the folder that disagree.
    #[error(
        "{path}: {field} names the token {token}, which tokenizer.json does not have; the files \
         are of different models, or the token was added later: save the tokenizer anew with \
         transformers"
    )]
    UnknownToken {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// The token, or its id.
        token: String,
    },
    /// A token with an id that it cannot have.
    #[error(
        "{path}: {field} gives the token {token} the id {id}, but transformers would give it \
         {found}: added tokens follow the vocabulary without a gap; the files are of different \
         models, or were edited: save the tokenizer anew with transformers"
    )]
    OtherId {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// The token.
        token: String,
        /// The id in the file.
        id: u64,
        /// The id it would get, or `none`.
        found: String,
    },
    /// A tokenizer that is larger than its model.
    #[error(
        "{dir}: the tokenizer has ids up to {largest}, the model's vocabulary (config.json, \
         vocab_size) ends at {last}; use the tokenizer that belongs to the model, or resize the \
         model's embeddings (transformers: model.resize_token_embeddings({needed}))",
        last = vocab_size.saturating_sub(1), needed = largest + 1
    )]
    TooLarge {
        /// The folder.
        dir: PathBuf,
        /// The largest id of the tokenizer.
        largest: usize,
        /// Entries of the model's vocabulary.
        vocab_size: usize,
    },
}

impl TokenizerError {
    pub(super) fn invalid(path: &Path, reason: &str) -> Self {
        Self::Invalid { path: path.to_owned(), reason: escape(reason).into_owned() }
    }

    pub(super) fn unsupported(path: &Path, reason: &str) -> Self {
        Self::Unsupported { path: path.to_owned(), reason: escape(reason).into_owned() }
    }

    pub(super) fn unknown(path: &Path, field: &str, token: impl ToString) -> Self {
        let (path, field) = (path.to_owned(), escape(field).into_owned());
        Self::UnknownToken { path, field, token: escape(&token.to_string()).into_owned() }
    }
}
