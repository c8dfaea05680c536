//! Model folders that cannot be used.

use std::path::PathBuf;

use crate::shape_error::ShapeError;

/// A folder that is no model, or another one than expected.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no such folder.
    #[error(
        "{} is no folder; give one with config.json, safetensors and tokenizer.json, or \
         hf://owner/name@revision",
        path.display()
    )]
    Missing {
        /// The path, as it was given.
        path: PathBuf,
    },
    /// The folder of an adapter, where that of its model is wanted.
    #[error(
        "{} is an adapter; give its model ({}), and the adapter beside it",
        path.display(),
        base.as_deref().unwrap_or("it does not say which")
    )]
    Adapter {
        /// The path, as it was given.
        path: PathBuf,
        /// The model that the adapter says it is on.
        base: Option<String>,
    },
    /// The model's `config.json` cannot be read.
    #[error("{} cannot be read ({source}); a Hugging Face model folder has one", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The sizes are not those that were expected.
    #[error("model.expect: {}: {difference}; is it another model?", path.display())]
    Unexpected {
        /// The path, as it was given.
        path: PathBuf,
        /// The first size that differs.
        difference: ShapeError,
    },
    /// The context is longer than the model's.
    #[error(
        "model.context = {context}: {} was made for {most} tokens; set that or less",
        path.display()
    )]
    Context {
        /// The path, as it was given.
        path: PathBuf,
        /// Tokens that were asked for.
        context: usize,
        /// Tokens that the model takes at most.
        most: usize,
    },
}
