//! Rows, stable ids, seeds, orders of visits, tokenised examples and batches: the
//! plain data that every other crate names.
//!
//! Invariant: data and functions of data. The crate reads no file, implements no
//! tokenizer and knows no template. Its dependencies are a hash (BLAKE3), a generator
//! (ChaCha), and serde with JSON. So importing it is cheap.
//!
//! A row's id is a hash of its content, plus an occurrence number for exact
//! repeats. It is never a position, so a selector learned on one copy of a file
//! still names the same rows of another. Draws and orders are functions of ids.
//!
//! ```
//! use seal_rows::{Rows, epoch_order};
//!
//! let mut rows = Rows::new();
//! rows.push("How do I clean a lamp?", "With a dry cloth.");
//! rows.push("How do I clean a tower?", "From the top.");
//! let ids: Vec<_> = rows.as_slice().iter().map(|row| row.id).collect();
//! let (study_seed, epoch) = (0, 0);
//! assert_eq!(epoch_order(&ids, "redorca", study_seed, epoch).len(), 2);
//! ```

mod batch;
mod example;
mod id;
mod json;
mod order;
mod row;
pub mod seed;
mod tokenizer;
mod turn;

pub use batch::Batch;
pub use example::Example;
pub use id::{RowContent, RowId, RowIdError};
pub use json::Json;
pub use order::{CycledOrder, epoch_order};
pub use row::{Row, Rows, ids_hash};
pub use tokenizer::{EncodeError, TokenSpan, Tokenizer};
pub use turn::{EXTRAS, Extras, REASONING, Speaker, Turn};
