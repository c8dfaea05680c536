//! `seal report`: the report again, from the results in the run folder.

mod answers;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use seal_files::{Inputs, PendingFile};
use seal_report::Report;
use seal_study::{RunFolderError, StudyError, write_cards};

use crate::files::prepare;
use crate::given::GivenOptions;
use crate::options::FolderArgs;
use crate::plain;
use crate::tracking::{self, TrackerUri};
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// Which run, a drawing of it, and its answers.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    folder: FolderArgs,
    /// Draw the ablations as one SVG too, for a README or a slide.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Write the answers of every cell into this folder too: lists that AlpacaEval reads, and a
    /// page of two arms side by side. Answers may be harmful.
    #[arg(long, value_name = "DIR")]
    answers: Option<PathBuf>,
    /// Also write a card for each model and for its kept rows into this folder.
    #[arg(long, value_name = "DIR")]
    cards: Option<PathBuf>,
    /// Write curves and figures into this folder too, as event files that TensorBoard reads. Each arm
    /// is a run. Each of its seeds is a run below it.
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
    /// Log the results to an MLflow server too: mlflow=URL, or mlflow, and MLFLOW_TRACKING_URI names
    /// the server. Results that are there are not logged twice.
    #[arg(long, value_name = "TRACKER")]
    track: Option<TrackerUri>,
    /// Store with the answers [default: OUT/store].
    #[arg(long, value_name = "DIR", requires = "answers")]
    store: Option<PathBuf>,
}

/// Reads the stored results and writes every rendering of them. With
/// `--dry-run` nothing is written, but the results are read and checked.
pub(super) fn run(
    options: &Options,
    verbosity: Verbosity,
    given: &GivenOptions,
) -> anyhow::Result<()> {
    let args = &options.folder;
    match given.has("out") {
        true => given.only(
            "beside --out: a report is made from results alone",
            &["out", "picture", "answers", "store", "cards", "tensorboard", "track", "dry-run"],
        ),
        // A config names the run folder, and these may change its name.
        false => given.only(
            "here: a report is made from results alone",
            &[
                "config",
                "set",
                "quick",
                "picture",
                "answers",
                "store",
                "cards",
                "tensorboard",
                "track",
                "dry-run",
            ],
        ),
    }?;
    let dir = args.out()?;
    if dir.is_file() {
        anyhow::bail!(StudyError::from(RunFolderError::File { out: dir }));
    }
    for (option, folder) in [
        ("--answers", &options.answers),
        ("--cards", &options.cards),
        ("--tensorboard", &options.tensorboard),
    ] {
        if let Some(path) = folder.clone().filter(|folder| folder.is_file()) {
            anyhow::bail!(UsageError::File { option, path });
        }
    }
    let report = Report::read(&dir)?;
    super::say_unchecked(&dir);
    // An address that cannot be used is said before anything is written.
    let server = options.track.as_ref().map(TrackerUri::server).transpose()?;
    let picture = match &options.picture {
        Some(file) => Some((file, picture(&report, &dir, file, args.dry_run)?)),
        None => None,
    };
    if let Some(to) = &options.answers {
        answers::run(args, options.store.clone(), to, verbosity)?;
    }
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
    if let Some(to) = &options.cards {
        let cards = write_cards(&report, to)?;
        if !verbosity.quiet {
            for file in cards {
                writeln!(out, "{}", file.display())?;
            }
        }
    }
    if let Some(to) = &options.tensorboard {
        let files = report.write_event_files(to)?;
        if !verbosity.quiet {
            for file in files {
                writeln!(out, "{}", file.display())?;
            }
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
    if let Some(server) = server {
        tracking::log(&server, &report, verbosity)?;
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
