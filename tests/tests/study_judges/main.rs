//! Judges that are models inside a study: of pairs, behind an endpoint on this machine or here, and of
//! single answers.

mod again;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod here;
mod models;
mod plans;
mod probe;
mod setup;
#[path = "../../../crates/seal-endpoint/tests/stub/mod.rs"]
mod stub;
mod truth;
