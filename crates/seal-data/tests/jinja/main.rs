//! The engine of chat templates against transformers' own.

mod errors;
mod golden;
