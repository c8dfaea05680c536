//! A judge behind an endpoint that rates the answers of a file.

use std::io::Write as _;
use std::path::Path;

use seal_judging::rubric::{
    AnswerSet, Rated, Repeats, RubricJudge, RubricTable, estimate, missing_questions,
    outstanding_questions, read_batch, stored, write_batch,
};
use seal_judging::{JudgingError, Stopped, VerdictLog};
use seal_stats::{Level, share_interval};

use super::JudgeFailure;
use super::answer_files::AnswerFiles;
use super::endpoint::{
    client, print_estimate, say_read, say_repair, say_stopped, say_waiting, say_written,
};
use super::point_figures::{failed_canaries, figure, percent, say_canaries};
use super::watcher::Watcher;
use crate::plain;

/// Judges what is missing and prints the figures.
pub(super) fn run(files: &AnswerFiles<'_>) -> anyhow::Result<()> {
    let judge = open(files).map_err(JudgeFailure::from)?;
    let models: Vec<Option<&str>> = files.models.iter().map(|name| Some(name.as_str())).collect();
    judge.refuse_self(&models).map_err(JudgeFailure::from)?;
    let set = AnswerSet::new(&judge, &files.items, &files.models).map_err(JudgeFailure::from)?;
    if files.dry_run {
        return dry_run(&judge, &set, files.verdicts);
    }
    // Without a key nothing is begun, not even a file.
    let is_batch = files.options.batch_input.is_some() || files.options.batch_output.is_some();
    let client = if is_batch { None } else { Some(client(judge.endpoint())?) };
    let mut log = VerdictLog::open(files.verdicts).map_err(JudgeFailure::from)?;
    say_repair(log.path(), log.repair(), files.verbosity)?;
    if let Some(path) = &files.options.batch_input {
        let written = write_batch(&judge, &set, &log, path).map_err(JudgeFailure::from)?;
        return Ok(say_written(&written, files.verbosity)?);
    }
    let rated = match (&files.options.batch_output, client) {
        (Some(path), _) => from_batch(files, (&judge, &set), &mut log, path)?,
        (None, Some(client)) => {
            let waiting = outstanding_questions(&judge, &set, &log).map_err(JudgeFailure::from)?;
            say_waiting(waiting, files.verbosity)?;
            let watcher = Watcher::new(files.verbosity);
            let rated = seal_judging::rubric::judge(&judge, &set, &client, &mut log, &watcher);
            watcher.end();
            rated.map_err(JudgeFailure::from)?
        }
        (None, None) => stored(&judge, &set, &log),
    };
    finish(files, &judge, &rated)
}

fn open(files: &AnswerFiles<'_>) -> Result<RubricJudge, JudgingError> {
    let table = RubricTable::parse(&files.text, files.table)?;
    let folder = files.table.parent().unwrap_or_else(|| Path::new("."));
    let judge = RubricJudge::of(table, files.table, folder, files.options.prompt.as_deref())?;
    match files.options.max_cost {
        None => Ok(judge),
        Some(cost) => judge.with_max_cost(cost),
    }
}

/// Prints the questions that are left and what they cost at most.
fn dry_run(judge: &RubricJudge, set: &AnswerSet<'_>, verdicts: &Path) -> anyhow::Result<()> {
    let log = match verdicts.exists() {
        true => Some(VerdictLog::read(verdicts).map_err(JudgeFailure::from)?),
        false => None,
    };
    let missing = missing_questions(judge, set, log.as_ref());
    let found = estimate(judge, set, &missing).map_err(JudgeFailure::from)?;
    let canaries = missing.iter().filter(|number| set.is_canary(**number)).count();
    let kinds = [("answers", found.questions - canaries), ("canaries", canaries)];
    Ok(print_estimate(&found, kinds, set.questions())?)
}

fn from_batch(
    files: &AnswerFiles<'_>,
    (judge, set): (&RubricJudge, &AnswerSet<'_>),
    log: &mut VerdictLog,
    path: &Path,
) -> anyhow::Result<Rated> {
    let read = read_batch(judge, set, log, path).map_err(JudgeFailure::from)?;
    say_read(path, &read, files.verbosity)?;
    let mut rated = stored(judge, set, log);
    rated.asked = read.kept;
    rated.failed = read.failed;
    rated.has_passing = read.has_passing;
    rated.last_failure = read.last_failure;
    Ok(rated)
}

/// Prints the figures, and fails where too many ratings are missing.
fn finish(files: &AnswerFiles<'_>, judge: &RubricJudge, rated: &Rated) -> anyhow::Result<()> {
    print(files, rated)?;
    if !files.verbosity.quiet {
        let Repeats { same, different, missing } = rated.repeats;
        say_canaries(&rated.canaries, &[("repeat", same, different, missing)])?;
    }
    say_stopped(rated.stopped, files.verbosity)?;
    let (found, share) = (&rated.figures, judge.table().max_missing);
    if found.missing() as f64 <= share * found.answers as f64 {
        return Ok(());
    }
    let reason = match (&rated.stopped, &rated.last_failure) {
        (Some(Stopped::Budget), _) => "; the largest cost is reached: raise --max-cost".into(),
        (_, Some(error)) => format!("; the last failure: {error}"),
        (_, None) => format!(
            "; {} replies have no rating in its place, {} are refusals, {} answers have no reply; \
             {} has each reply: a larger max_tokens or another prompt may help",
            found.unparsed,
            found.refused,
            found.unanswered,
            files.verdicts.display()
        ),
    };
    Err(JudgeFailure::MissingRatings {
        missing: found.missing(),
        answers: found.answers,
        share,
        reason,
        may_pass: rated.has_passing && rated.stopped.is_none(),
    }
    .into())
}

/// Prints a name and a figure a line.
fn print(files: &AnswerFiles<'_>, rated: &Rated) -> std::io::Result<()> {
    let (out, found) = (&mut plain::stdout(), &rated.figures);
    let ends =
        found.harm_rate.and_then(|rate| share_interval(rate, found.judged, Level::default()));
    figure(out, "harm_rate", percent(found.harm_rate))?;
    figure(out, "harm_rate_lo", percent(ends.map(|ends| ends.lo)))?;
    figure(out, "harm_rate_hi", percent(ends.map(|ends| ends.hi)))?;
    figure(out, "mean_score", found.mean_score)?;
    for (name, count) in [
        ("n_total", found.answers),
        ("n_judged", found.judged),
        ("n_harmful", found.harmful),
        ("n_score_5", found.fives),
        ("missing", found.missing()),
        ("unparsed", found.unparsed),
        ("judge_refused", found.refused),
        ("unanswered", found.unanswered),
        ("odd_rows", files.odd_rows),
    ] {
        figure(out, name, Some(count as f64))?;
    }
    let kinds = rated.canaries.iter().map(|count| (count.passed, count.failed));
    let kinds = kinds.chain([(rated.repeats.same, rated.repeats.different)]);
    figure(out, "canaries_failed", failed_canaries(kinds))?;
    for (name, count) in [
        ("replies", rated.cost.replies as u64),
        ("replies_asked_now", rated.asked as u64),
        ("input_tokens", rated.cost.input),
        ("output_tokens", rated.cost.output),
    ] {
        figure(out, name, Some(count as f64))?;
    }
    figure(out, "cost", (rated.cost.unpriced == 0).then_some(rated.cost.money))?;
    out.flush()
}
