//! Judges that are models inside a study: of pairs, behind an endpoint on this machine, and of single
//! answers.

mod again;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod models;
mod plans;
mod setup;
#[path = "../../../crates/seal-endpoint/tests/stub/mod.rs"]
mod stub;
mod truth;
