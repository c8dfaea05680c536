//! `cargo xtask VERB`: every verb of the program `seal`, and those of a checkout.
//!
//! Invariant: an installed program needs nothing of this crate. `check` and `bench` work on the
//! workspace itself. Every other verb is passed on to `seal-cli`, in this process.
//!
//! It is a library with one entry point, so that the whole-program tests run
//! the same program from their own package, built by the same `cargo test`.

mod verbs;

use std::process::ExitCode;

use seal_cli::Program;

/// The program as it is called in a checkout.
pub const XTASK: Program = Program {
    name: "cargo xtask",
    with_feature: "cargo run -p xtask --features {feature} --",
    verbs: &[verbs::bench::VERB, verbs::check::VERB],
};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    seal_cli::main(&XTASK)
}
