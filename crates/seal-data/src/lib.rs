//! Rows, stable ids, file formats, prompt templates, tokenised examples with
//! loss masks, batches, visiting orders and overlap checks.
//!
//! Invariant: no model and no Burn. A row's id is a hash of its content (plus
//! an occurrence number for exact repeats), never its position, so that a
//! selector learned on one copy of a file still names the same rows of another.
//!
//! From a file to a batch: a [`Source`] names a file, its [`Format`] and which
//! part of it to read; [`load_split`] gives [`Rows`] and the list of what was
//! dropped; [`OverlapReport`] compares the sets; [`prepare`] tokenises, through
//! a [`PromptTemplate`] or a template of [`chat`];
//! [`Batch`] pads. Rows that are left out on the way are always listed, never
//! lost. No error shows the text of a row, because it may be harmful.

pub mod chat;
mod content;
mod dropped;
mod error;
mod example;
mod export;
mod fields;
mod file;
mod folder;
mod format;
mod gz;
mod input;
mod load;
mod loaded;
mod normalise;
mod originals;
mod overlap;
mod prepare;
mod progress;
mod prompt;
mod reader;
mod record;
mod row_warnings;
mod source;
mod spec;
mod split;
mod threads;
mod token_count;
pub mod tokenize;
mod transcript;
mod unicode;
mod wanted;
mod zst;

pub use chat::{TemplateError, TemplateSetting};
pub use content::ContentHashes;
pub use dropped::{DropReason, Dropped, MAX_LISTED, Unlisted, Unused};
pub use error::DataError;
pub use example::{ExampleError, Template, encode_prompt, encode_row};
pub use export::{ExportedRow, write_jsonl};
pub use folder::{TokenizerError, chat_templates};
pub use format::{Columns, Format};
pub use load::load_split;
pub use loaded::{Loaded, RowLocation, SetSummary, limit_rows};
pub use normalise::normalise;
pub use originals::{Original, originals};
pub use overlap::{Compared, Match, Overlap, OverlapCounts, OverlapReport, OverlapSet, SetRole};
pub use prepare::{Prepared, check_length, prepare};
pub use progress::rows_read;
pub use prompt::{PromptTemplate, PromptTemplateError};
pub use row_warnings::RowWarnings;
pub use source::{Delimiter, DelimiterError, EmptyAnswers, PromptTurns, Source, Undesirable};
pub use spec::{DataSets, DataSpec, OnOverlap};
pub use split::{HashSplit, SplitBy};
pub use token_count::TokenCounter;
pub use tokenize::{TextTokenizer, TextTokenizerError};

// What loading and tokenising hand out: a caller of this crate needs one import.
pub use seal_rows::{
    Batch, CycledOrder, EXTRAS, EncodeError, Example, Extras, Json, REASONING, Row, RowContent,
    RowId, RowIdError, Rows, Speaker, TokenSpan, Tokenizer, Turn, epoch_order, ids_hash, seed,
};
pub use seal_text::escape;
