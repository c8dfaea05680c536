//! What judges behind an endpoint say alike, of pairs and of single answers.

use std::io::{self, Write as _};
use std::path::Path;

use seal_endpoint::{ApiKey, Client, EndpointSettings};
use seal_judging::{BatchRead, BatchWritten, Estimate, JudgingError, Repair, Stopped};

use super::JudgeFailure;
use crate::plain;
use crate::verbosity::Verbosity;

/// A client with the key from the environment.
pub(super) fn client(endpoint: &EndpointSettings) -> Result<Client, JudgeFailure> {
    let key = ApiKey::of(endpoint, |name| std::env::var(name).ok()).map_err(JudgingError::from)?;
    Ok(Client::new(endpoint, key).map_err(JudgingError::from)?)
}

/// Prints the questions that are left, by kind, out of `all`, and what they cost at most.
pub(super) fn print_estimate(
    found: &Estimate,
    kinds: [(&str, usize); 2],
    all: usize,
) -> io::Result<()> {
    let mut out = plain::stdout();
    writeln!(out, "questions {}", found.questions)?;
    for (kind, count) in kinds {
        writeln!(out, "questions_of_{kind} {count}")?;
    }
    writeln!(out, "answered_before {}", all - found.questions)?;
    writeln!(out, "input_tokens_about {}", found.input)?;
    writeln!(out, "output_tokens_at_most {}", found.output)?;
    match found.money {
        Some(money) => writeln!(out, "cost_at_most {money}"),
        None => writeln!(out, "cost_at_most nan"),
    }
}

/// Prints the number of questions that were written for a batch; says which are not, and which are
/// out already.
pub(super) fn say_written(written: &BatchWritten, verbosity: Verbosity) -> io::Result<()> {
    writeln!(plain::stdout(), "questions {}", written.questions)?;
    if verbosity.quiet {
        return Ok(());
    }
    if written.left_out > 0 {
        writeln!(
            plain::stderr(),
            "{} questions are left out, since they could exceed the largest cost; raise --max-cost",
            written.left_out
        )?;
    }
    if written.again > 0 {
        writeln!(
            plain::stderr(),
            "{} of these questions were written before and have no answer yet: if that batch is \
             under way they are paid twice; read its output by --batch-output first",
            written.again
        )?;
    }
    Ok(())
}

/// Says so where a batch that may be under way has some of the questions.
pub(super) fn say_waiting(waiting: usize, verbosity: Verbosity) -> io::Result<()> {
    if waiting == 0 || verbosity.quiet {
        return Ok(());
    }
    writeln!(
        plain::stderr(),
        "{waiting} of these questions were written for a batch and have no answer yet: if it is \
         under way they are paid twice; read its output by --batch-output first"
    )
}

/// Says what the output of a batch brought.
pub(super) fn say_read(path: &Path, read: &BatchRead, verbosity: Verbosity) -> io::Result<()> {
    if verbosity.quiet {
        return Ok(());
    }
    writeln!(
        plain::stderr(),
        "{}: {} replies are new, {} known, {} of other questions, {} failed",
        path.display(),
        read.kept,
        read.known,
        read.foreign,
        read.failed
    )?;
    match &read.first_failure {
        Some(error) => writeln!(plain::stderr(), "the first failure: {error}"),
        None => Ok(()),
    }
}

/// Says what was found wrong in a file of verdicts.
pub(super) fn say_repair(path: &Path, repair: &Repair, verbosity: Verbosity) -> io::Result<()> {
    if verbosity.quiet || *repair == Repair::default() {
        return Ok(());
    }
    let (mut err, path) = (plain::stderr(), path.display());
    if repair.cut > 0 {
        writeln!(err, "{path}: the last line was cut; its verdict is asked for again")?;
    }
    if !repair.damaged.is_empty() {
        writeln!(err, "{path}: lines {:?} cannot be read and are not used", repair.damaged)?;
    }
    if !repair.other_version.is_empty() {
        let lines = &repair.other_version;
        writeln!(err, "{path}: lines {lines:?} are of another version and are not used")?;
    }
    Ok(())
}

/// Says so where money ended a run.
pub(super) fn say_stopped(stopped: Option<Stopped>, verbosity: Verbosity) -> io::Result<()> {
    if stopped != Some(Stopped::Budget) || verbosity.quiet {
        return Ok(());
    }
    writeln!(
        plain::stderr(),
        "stopped before the largest cost would be exceeded; raise --max-cost and run again"
    )
}
