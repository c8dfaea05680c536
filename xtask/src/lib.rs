//! The command line: `cargo xtask VERB`.
//!
//! Invariant: no logic that a library user would want. A verb parses its
//! options, calls `seal-study` or `seal-report`, shows progress, and maps errors
//! to exit codes. Each verb is one file of `verbs`.
//!
//! It is a library with one entry point, so that the whole-program tests run
//! the same program from their own package, built by the same `cargo test`.

mod bench;
mod cli;
mod command;
mod failure;
mod logging;
mod options;
mod own;
mod progress;
mod summary;
mod table;
mod tracker;
mod verbs;

use std::process::ExitCode;

use clap::Parser as _;

/// The CPU backend allocates and frees large blocks in every training step,
/// which the system's allocator hands back to the kernel each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the command line of this process. The exit code is documented in
/// `cargo xtask --help`; clap ends the process with 2 on a usage error.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // A defect must not look like a documented exit code other than 1; the
    // panic hook has said by then where it was.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| verbs::run(&cli)));
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failure::report(&error),
        Err(_) => ExitCode::from(failure::UNEXPECTED),
    }
}
