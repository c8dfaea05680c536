//! Settings of stages that cannot be used.

use std::path::PathBuf;

use crate::overrides::TableError;

/// Settings of stages that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StageSettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{place}: {source}")]
    Syntax {
        /// The file, or `settings`.
        place: String,
        /// What the parser said.
        source: Box<toml::de::Error>,
    },
    /// A key that is unknown, or a value of another kind.
    #[error("{place}: {source}")]
    Key {
        /// The file, or `settings`.
        place: String,
        /// The key with its fault, and the nearest known key.
        source: TableError,
    },
    /// A value outside its range. What is said of it begins with the setting.
    #[error("{section}.{source}")]
    Range {
        /// The section it stands in.
        section: &'static str,
        /// The key with its range.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The tokenizer of an adapter where none is given.
    #[error(
        "tokenizer = \"adapter\": no adapter is given; name one, or use the model's tokenizer: \
         tokenizer = \"model\""
    )]
    NoAdapter,
    /// A template that is none.
    #[error("template: {}", fault.to_string().trim_end())]
    Template {
        /// The words of the parser, which end in a line break.
        fault: Box<toml::de::Error>,
    },
}
