//! Options of a benchmark that cannot be used.

use std::path::PathBuf;

use seal_data::TextTokenizerError;

/// Options of a benchmark that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum BenchError {
    /// A case that is none.
    #[error("no case `{name}`; known are {}", known.join(", "))]
    Case {
        /// The name.
        name: String,
        /// The names of the cases.
        known: &'static [&'static str],
    },
    /// Rows that cannot be halved.
    #[error("--rows {rows}: not an even number")]
    Rows {
        /// Rows of a step.
        rows: u16,
    },
    /// A weight of the fine-tuning rows outside its range.
    #[error("--gamma {gamma}: at least 0 and below 1")]
    Gamma {
        /// The weight.
        gamma: f64,
    },
    /// A case that is trained whole, in half precision.
    #[error("--dtype bf16: {case} is trained whole, which takes f32")]
    Whole {
        /// The case.
        case: String,
    },
    /// A device that does not compute in half precision.
    #[error("--dtype bf16: device {device} does not compute with it")]
    Device {
        /// The device.
        device: String,
    },
    /// A file that is no tokenizer.
    #[error("{}: {source}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TextTokenizerError,
    },
    /// A tokenizer that cannot be made.
    #[error("a tokenizer for {case}: {source}")]
    Training {
        /// The case.
        case: String,
        /// Why.
        source: TextTokenizerError,
    },
    /// A token that the case does not have.
    #[error(
        "{case} has {vocabulary} tokens, and these rows use number {token}: leave out --tokenizer"
    )]
    Token {
        /// The case.
        case: String,
        /// Tokens of the case.
        vocabulary: usize,
        /// The largest token of the rows.
        token: u32,
    },
    /// Fewer rows than two steps take.
    #[error(
        "{}: {rows} rows of at most {context} tokens, {needed} are needed (--limit {limit})",
        path.display()
    )]
    FewRows {
        /// The file.
        path: PathBuf,
        /// Its rows.
        rows: usize,
        /// Longest row in tokens.
        context: usize,
        /// Rows that two steps take.
        needed: usize,
        /// Rows that are read at most.
        limit: usize,
    },
}
