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
mod files;
mod given;
mod logging;
mod memory;
mod options;
mod own;
mod plain;
mod progress;
mod reading;
mod summary;
mod table;
mod tracker;
mod verbs;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

/// The CPU backend allocates and frees large blocks in every training step,
/// which the system's allocator hands back to the kernel each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Lets the allocator keep what is freed, unless `MIMALLOC_PURGE_DELAY` says
/// otherwise: the next step asks for the same blocks, and the kernel would have
/// to clear their pages again (a tenth of a step on large models).
#[allow(unsafe_code, reason = "the allocator has no other interface for it")]
fn keep_freed_memory() {
    // `mi_option_purge_delay` of mimalloc 3, which the crate gives no name.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    // SAFETY: no other thread runs yet that could read the option.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, -1) }
}

/// Runs the command line of this process. The exit code is documented in
/// `cargo xtask --help`; clap ends the process with 2 on a usage error.
pub fn main() -> ExitCode {
    keep_freed_memory();
    let matches = cli::Cli::command().get_matches();
    let given = given::Given::of(&matches);
    let cli = cli::Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    // A defect must not look like a documented exit code other than 1; the
    // panic hook has said by then where it was.
    let result =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| verbs::run(&cli, &given)));
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failure::report(&error),
        Err(_) => ExitCode::from(failure::UNEXPECTED),
    }
}
