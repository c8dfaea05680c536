//! Judges of pairs inside a study, behind an endpoint on this machine.

mod again;
mod ends;
mod setup;
#[path = "../../../crates/seal-endpoint/tests/stub/mod.rs"]
mod stub;
mod truth;
