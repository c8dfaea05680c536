//! `seal report --answers DIR`: the texts of a run's answers, for other judges and for readers.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::options::FolderArgs;
use crate::plain;
use crate::usage::UsageError;
use crate::verbosity::Verbosity;

/// Writes the answers that the store of the run has. With `--dry-run` they are read and counted.
pub(super) fn run(
    args: &FolderArgs,
    store: Option<PathBuf>,
    to: &Path,
    verbosity: Verbosity,
) -> anyhow::Result<()> {
    let (study, options) = args.study_of_run(store, verbosity)?;
    study.check_folder(&options)?;
    let answers = study.stored_answers(&options)?;
    let mut err = plain::stderr();
    if !answers.absent.is_empty() {
        writeln!(
            err,
            "{}: no whole answers of {} cells, the first is {}; `ablate` makes them",
            options.store_dir().display(),
            answers.absent.len(),
            answers.absent[0]
        )?;
    }
    if answers.is_empty() {
        anyhow::bail!(UsageError::NoAnswers);
    }
    if args.dry_run {
        return Ok(());
    }
    let written = answers.write(to)?;
    for (count, what) in [
        (written.unanswered, "without an answer; they are in no list"),
        (written.repeated, "that their test has twice; the lists have one answer to each"),
    ] {
        if count > 0 {
            writeln!(err, "{}: {count} prompts {what}", to.display())?;
        }
    }
    if !verbosity.quiet {
        let mut out = plain::stdout();
        for file in &written.files {
            writeln!(out, "{}", file.display())?;
        }
    }
    Ok(())
}
