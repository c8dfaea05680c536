//! Sets of pairs against a server on this machine.

mod batches;
mod blanks;
mod course;
mod outcomes;
mod parts;
mod setup;
#[path = "../../../seal-endpoint/tests/stub/mod.rs"]
mod stub;
