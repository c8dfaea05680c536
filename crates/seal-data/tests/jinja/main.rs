//! The engine of chat templates against transformers' own.

mod golden;
