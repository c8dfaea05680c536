//! `seal cancel`: the jobs of a launch.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use seal_launch::{LaunchFolder, cancel};

use crate::logging::Log;
use crate::plain;
use crate::program::running;
use crate::verbosity::Verbosity;

const AFTER: &str = "\
Examples:
  {program} cancel --out runs/world      all jobs that ablate --launch slurm has submitted for it

Finished stages stay in the store, and the same launch goes on from there. Jobs of HyperQueue are
cancelled by its own program, hq job cancel. A local launch is stopped by Ctrl-C.";

/// Whose jobs.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    /// Run folder.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Cancels the jobs on record.
pub(super) fn run(options: &Options, verbosity: Verbosity) -> anyhow::Result<()> {
    Log::start(verbosity);
    let ids = cancel(&LaunchFolder::of_run(&options.out))?;
    let mut out = plain::stdout();
    writeln!(out, "cancelled: {}", ids.join(", "))?;
    writeln!(
        out,
        "finished stages are kept; `{} ablate` with the same options goes on from there",
        running().name
    )?;
    Ok(())
}
