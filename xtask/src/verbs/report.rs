//! `cargo xtask report`: the report again, from the results in the run folder.

use std::io::Write as _;

use seal_report::Report;

use crate::cli::Verbosity;
use crate::given::Given;
use crate::options::FolderArgs;
use crate::plain;

/// Reads the stored results and writes every rendering of them. With
/// `--dry-run` nothing is written, but the results are read and checked.
pub(super) fn run(args: &FolderArgs, verbosity: Verbosity, given: &Given) -> anyhow::Result<()> {
    match given.has("out") {
        true => {
            given.only("beside --out: a report is made from results alone", &["out", "dry-run"])
        }
        // A config names the run folder, and these may change its name.
        false => given.only(
            "here: a report is made from results alone",
            &["config", "set", "quick", "dry-run"],
        ),
    }?;
    let dir = args.out()?;
    let report = Report::read(&dir)?;
    super::say_unchecked(&dir);
    let mut out = plain::stdout();
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
