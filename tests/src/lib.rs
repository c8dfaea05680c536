//! Helpers for tests that run the program as a user would.
//!
//! Every test works in a [`Sandbox`], a temporary folder of its own, on a small
//! study of the user's own rows: a few dozen lines of JSONL, a model of one
//! layer, seconds to run. Nothing outside the folder is read or written.

mod oracle;
mod rows;
mod sandbox;

/// Variable that makes the program under test the installed one, if it is `seal`.
pub const PROGRAM: &str = "TEST_PROGRAM";

pub use oracle::{OracleJudge, table as oracle_table};
pub use rows::{CONFIG, prompts, row};
pub use sandbox::{Finished, Sandbox};
