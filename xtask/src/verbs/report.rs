//! `cargo xtask report`: the report again, from the results in the run folder.

use std::io::{self, Write as _};

use seal_report::Report;

use crate::cli::Verbosity;
use crate::options::FolderArgs;

/// Reads the stored results and writes every rendering of them. With
/// `--dry-run` nothing is written, but the results are read and checked.
pub(super) fn run(args: &FolderArgs, verbosity: Verbosity) -> anyhow::Result<()> {
    let dir = args.out()?;
    let report = Report::read(&dir)?;
    let mut out = io::stdout().lock();
    if args.dry_run {
        writeln!(out, "{}: results are readable; the report would be written", dir.display())?;
        return Ok(());
    }
    for file in report.write(&dir)? {
        if !verbosity.quiet {
            writeln!(out, "{}", file.display())?;
        }
    }
    Ok(())
}
