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
//! [`Batch`] pads. What is left out on the way is always listed, never lost,
//! and no error shows the text of a row, which may be harmful.

mod batch;
pub mod chat;
mod dropped;
mod error;
mod example;
mod export;
mod fields;
mod file;
mod folder;
mod format;
mod gz;
mod id;
mod input;
mod json;
mod load;
mod normalise;
mod order;
mod originals;
mod overlap;
mod prepare;
mod progress;
mod prompt;
mod reader;
mod record;
mod row;
pub mod seed;
mod shown;
mod source;
mod spec;
mod split;
mod threads;
mod token_count;
pub mod tokenize;
mod transcript;
mod turn;
mod zst;

pub use batch::Batch;
pub use chat::{TemplateError, TemplateSetting};
pub use dropped::{DropReason, Dropped, Unused};
pub use error::DataError;
pub use example::{Dress, Example, ExampleError, encode_prompt, encode_row};
pub use export::{ExportedRow, write_jsonl};
pub use folder::{TokenizerError, chat_templates};
pub use format::{Columns, Format};
pub use id::RowId;
pub use json::Json;
pub use load::{Loaded, Place, SetSummary, limit_rows, load_split};
pub use normalise::normalise;
pub use order::{CycledOrder, epoch_order};
pub use originals::{Original, originals};
pub use overlap::{Compared, Match, Overlap, OverlapCounts, OverlapReport, OverlapSet, Role};
pub use prepare::{Prepared, check_length, prepare};
pub use progress::rows_read;
pub use prompt::PromptTemplate;
pub use row::{Row, Rows, ids_hash};
pub use shown::shown;
pub use source::{Delimiter, EmptyAnswers, Source, Turns, Undesirable};
pub use spec::{DataSets, DataSpec, OnOverlap};
pub use split::{Split, SplitBy};
pub use token_count::TokenCounter;
pub use tokenize::{TextTokenizer, Tokenizer};
pub use turn::{EXTRAS, Extras, Speaker, Turn};
