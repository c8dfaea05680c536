//! `seal report`: the report again, from the results in the run folder.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use seal_files::{Inputs, PendingFile};
use seal_report::Report;
use seal_study::{FolderError, StudyError};

use crate::files::prepare;
use crate::given::Given;
use crate::options::FolderArgs;
use crate::plain;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// Which run, and a drawing of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    folder: FolderArgs,
    /// Draw the ablations as one SVG too, for a README or a slide.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

/// Reads the stored results and writes every rendering of them. With
/// `--dry-run` nothing is written, but the results are read and checked.
pub(super) fn run(options: &Options, verbosity: Verbosity, given: &Given) -> anyhow::Result<()> {
    let args = &options.folder;
    match given.has("out") {
        true => given.only(
            "beside --out: a report is made from results alone",
            &["out", "picture", "dry-run"],
        ),
        // A config names the run folder, and these may change its name.
        false => given.only(
            "here: a report is made from results alone",
            &["config", "set", "quick", "picture", "dry-run"],
        ),
    }?;
    let dir = args.out()?;
    if dir.is_file() {
        anyhow::bail!(StudyError::from(FolderError::File { out: dir }));
    }
    let report = Report::read(&dir)?;
    super::say_unchecked(&dir);
    let picture = match &options.picture {
        Some(file) => Some((file, picture(&report, &dir, file, args.dry_run)?)),
        None => None,
    };
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
    if let Some((file, svg)) = picture {
        let io = |e| StudyError::io(file)(e);
        let mut pending = PendingFile::named_by_user(file).map_err(io)?;
        pending.write_all(svg.as_bytes()).map_err(io)?;
        pending.commit().map_err(io)?;
        if !verbosity.quiet {
            writeln!(out, "{}", file.display())?;
        }
    }
    Ok(())
}

/// The drawing, before anything is written.
fn picture(report: &Report, dir: &Path, file: &Path, is_dry_run: bool) -> anyhow::Result<String> {
    if !is_dry_run {
        let mut inputs = Inputs::new();
        Report::FILES.iter().for_each(|name| inputs.add("a file of the run", &dir.join(name)));
        prepare(&inputs, &[("--picture", file)])?;
    }
    Ok(report.picture().ok_or(UsageError::NothingToDraw)?)
}
