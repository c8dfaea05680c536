//! The command line: the program `seal`, and `cargo xtask` in a checkout.
//!
//! Invariant: only this crate names a flag or a command, shows progress, or gives an exit
//! code. It has no logic that a library user would want. A verb parses its options, calls
//! `seal-study`, `seal-model` or `seal-report`, and reports the outcome. Each verb is one file
//! of `verbs`, or one folder. Errors of other crates name kind and place. `remedy` adds the
//! option that mends them.
//!
//! It is a library with one entry point, [`main`]. The binary `seal`, `cargo xtask` and the
//! whole-program tests call it under different names.

mod cli;
mod command;
mod exit_code;
mod failure;
mod files;
mod given;
mod interrupt;
mod kept;
mod logging;
mod memory;
mod message;
mod model_args;
mod numbers;
mod options;
pub mod plain;
mod program;
mod progress;
mod reading;
mod remedy;
mod steps;
mod stores;
mod summary;
pub mod table;
mod tracker;
mod tracking;
mod usage;
mod verbosity;
mod verbs;
mod warnings;
mod words;

pub use files::prepare;
pub use model_args::source_parser;
pub use program::{ExtraVerb, Program, SEAL};
pub use usage::UsageError;
pub use verbosity::Verbosity;

use std::process::ExitCode;

use clap::FromArgMatches as _;

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

/// Runs the command line of this process as `program`. Its `--help` documents the exit code;
/// clap ends the process with 2 on a usage error.
pub fn main(program: &'static Program) -> ExitCode {
    keep_freed_memory();
    program::start(program);
    let matches = cli::command(program).try_get_matches();
    let matches = matches.unwrap_or_else(|error| numbers::in_words(error).exit());
    // A defect must not look like a documented exit code other than 1; the
    // panic hook has said by then where it was.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(program, &matches)));
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failure::report(&error),
        Err(_) => ExitCode::from(exit_code::UNEXPECTED),
    }
}

fn run(program: &Program, matches: &clap::ArgMatches) -> anyhow::Result<()> {
    if let Some((name, options)) = matches.subcommand()
        && let Some(verb) = program.verbs.iter().find(|verb| (verb.command)().get_name() == name)
    {
        let verbosity = Verbosity::from_arg_matches(matches).unwrap_or_else(|e| e.exit());
        return (verb.run)(options, verbosity);
    }
    let given = given::GivenOptions::of(matches);
    let cli = cli::Cli::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    verbs::run(&cli, &given)
}
