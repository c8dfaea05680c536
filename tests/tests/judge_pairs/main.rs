//! `judge --candidate`: two files of answers, a judge behind an endpoint on this machine.

mod figures;
mod kills;
mod refusals;
mod rubric;
mod setup;
#[path = "../../../crates/seal-endpoint/tests/stub/mod.rs"]
mod stub;
