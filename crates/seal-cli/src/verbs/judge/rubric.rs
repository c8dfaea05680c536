//! A judge that rates the answers of a file.

use std::io::Write as _;

use seal_judge::prompt::RubricPrompt;
use seal_judging::Stopped;
use seal_judging::rubric::{AnswerSet, Rated, Repeats, RubricJudge};
use seal_stats::{Level, share_interval};

use super::answer_files::AnswerFiles;
use super::endpoint::say_stopped;
use super::point_figures::{failed_canaries, figure, percent, say_canaries};
use super::{JudgeFailure, opened_judge};
use crate::plain;

/// Judges what is missing and prints the figures.
pub(super) fn run(files: &AnswerFiles<'_>) -> anyhow::Result<()> {
    let asked = opened_judge::open::<RubricPrompt>(
        files.table,
        files.options,
        files.device,
        files.dry_run,
    )?;
    let models: Vec<Option<&str>> = files.models.iter().map(|name| Some(name.as_str())).collect();
    asked.judge.refuse_self(&models).map_err(JudgeFailure::from)?;
    let set = AnswerSet::new(&asked.judge, &files.items, &files.models);
    let set = set.map_err(JudgeFailure::from)?;
    if files.dry_run {
        return asked.dry_run(&set, files.verdicts, "answers", |number| set.is_canary(number));
    }
    match asked.run(&set, files.verdicts, files.options, files.verbosity)? {
        Some((judge, rated)) => finish(files, &judge, &rated),
        None => Ok(()),
    }
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
