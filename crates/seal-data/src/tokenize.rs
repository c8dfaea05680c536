//! Hugging Face tokenizers, and ones trained here.

mod error;
mod text;
mod untrusted;

pub use error::TextTokenizerError;
pub(crate) use text::FolderParts;
pub use text::{END_OF_TEXT, TextTokenizer};
