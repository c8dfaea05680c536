//! `cargo xtask ablate`: the whole study, from data to report.

use std::io::{self, Write as _};

use seal_device::DeviceSpec;

use crate::cli::Verbosity;
use crate::logging::Log;
use crate::options::StudyArgs;
use crate::progress::Progress;
use crate::{summary, verbs};

/// Runs what is missing and closes with the figures and where the report is.
pub(super) fn run(args: &StudyArgs, verbosity: Verbosity) -> anyhow::Result<()> {
    if args.folder.dry_run {
        return verbs::plan::run(args, verbosity);
    }
    let log = Log::start(verbosity);
    let (study, options) = args.resolve()?;
    // A missing backend is said now, not by the first stage that needs it.
    study.config().device.parse::<DeviceSpec>()?.open()?;
    let progress = Progress::new(verbosity, log, &study.plan(&options), &options.out);
    let outcome = study.run(&options, &progress);
    progress.finish();
    let outcome = outcome?;
    if verbosity.quiet {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    summary::write(&mut out, &outcome.results)?;
    verbs::left_out(&mut out, &study)?;
    writeln!(out, "\n{} stages run, {} found", outcome.ran, outcome.found)?;
    for file in &outcome.files {
        writeln!(out, "{}", file.display())?;
    }
    if outcome.results.quick {
        writeln!(out, "\nquick run: not a result")?;
    }
    Ok(())
}
