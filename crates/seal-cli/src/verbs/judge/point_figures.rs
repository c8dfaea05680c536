//! What judges of single answers print alike.

use std::io::{self, Write};

use seal_judge::pointwise::CanaryCount;
use seal_model::{Judged, Notice};

use super::JudgeFailure;
use super::answer_files::AnswerFiles;
use super::pair_figures::say_doubt;
use crate::model_args::say_left_out;
use crate::verbosity::Verbosity;
use crate::{plain, words};

/// A name and a figure; one that is undefined is `nan`.
pub(super) fn figure(out: &mut impl Write, name: &str, value: Option<f64>) -> io::Result<()> {
    match value {
        Some(value) => writeln!(out, "{name} {value}"),
        None => writeln!(out, "{name} nan"),
    }
}

/// In percent.
pub(super) fn percent(share: Option<f64>) -> Option<f64> {
    share.map(|share| 100.0 * share)
}

/// Figures that every judge has.
pub(super) fn common<R>(
    out: &mut impl Write,
    files: &AnswerFiles<'_>,
    judged: &Judged<R>,
    canaries: &[CanaryCount],
) -> io::Result<()> {
    let failed = failed_canaries(canaries.iter().map(|count| (count.passed, count.failed)));
    figure(out, "odd_rows", Some(files.odd_rows as f64))?;
    figure(out, "canaries_failed", failed)?;
    figure(out, "judged_now", Some(judged.new as f64))
}

/// Number of kinds of canaries, each with those passed and failed, of which one failed. `None` where
/// no canary has a verdict.
pub(super) fn failed_canaries(kinds: impl IntoIterator<Item = (usize, usize)>) -> Option<f64> {
    let kinds: Vec<(usize, usize)> = kinds.into_iter().collect();
    let failed = kinds.iter().filter(|(_, failed)| *failed > 0).count();
    kinds.iter().any(|(passed, failed)| passed + failed > 0).then_some(failed as f64)
}

/// Says what is to be known of a judge's model.
pub(super) fn say_notices(notices: &[Notice], verbosity: Verbosity) -> io::Result<()> {
    let notices = if verbosity.quiet { &[] } else { notices };
    let say = |notice| writeln!(plain::stderr(), "{}", words::notice(notice));
    notices.iter().try_for_each(say)
}

/// Says which answers are left out, and the table of canaries.
pub(super) fn say_rest<R>(
    files: &AnswerFiles<'_>,
    judged: &Judged<R>,
    cut: usize,
    canaries: &[CanaryCount],
) -> io::Result<()> {
    if files.verbosity.quiet {
        return Ok(());
    }
    say_left_out(&judged.left_out, files.verbosity)?;
    let mut err = plain::stderr();
    if cut > 0 {
        writeln!(err, "{cut} answers are longer than the judge is shown; their end is cut")?;
    }
    say_canaries(canaries, &[])
}

/// Prints the table of canaries, with `more` rows: name, passed, failed and missing.
pub(super) fn say_canaries(
    canaries: &[CanaryCount],
    more: &[(&str, usize, usize, usize)],
) -> io::Result<()> {
    let mut err = plain::stderr();
    if canaries.is_empty() {
        return say_doubt(&mut err, None);
    }
    writeln!(err, "canary          passed  failed  missing")?;
    let rows = canaries.iter().map(|c| (c.kind.name(), c.passed, c.failed, c.missing));
    let rows: Vec<_> = rows.chain(more.iter().copied()).collect();
    for (name, passed, failed, missing) in &rows {
        let mark = match (failed, passed, missing) {
            (0, 0, 0) => "not asked",
            (0, 0, _) => "no verdict",
            (0, _, _) => "passed",
            _ => "FAILED",
        };
        writeln!(err, "{name:<14}  {passed:>6}  {failed:>6}  {missing:>7}  {mark}")?;
    }
    let was_asked = rows.iter().any(|(_, passed, failed, missing)| passed + failed + missing > 0);
    let failed = || failed_canaries(rows.iter().map(|(_, passed, failed, _)| (*passed, *failed)));
    say_doubt(&mut err, was_asked.then(failed))
}

/// Answers of the set, not canaries, that were left out.
pub(super) fn left_out<R>(files: &AnswerFiles<'_>, judged: &Judged<R>) -> usize {
    let own: std::collections::BTreeSet<_> = files.items.iter().map(|item| item.id).collect();
    judged.left_out.iter().filter(|row| own.contains(&row.id)).count()
}

/// Refuses a set of which more is missing than the table allows.
pub(super) fn check_missing(
    missing: usize,
    answers: usize,
    (unparsed, left_out): (usize, usize),
    share: f64,
) -> Result<(), JudgeFailure> {
    match missing as f64 > share * answers as f64 {
        true => Err(JudgeFailure::MissingVerdicts { missing, answers, unparsed, left_out, share }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canaries_without_a_verdict_were_not_passed() {
        assert_eq!(failed_canaries([]), None);
        assert_eq!(failed_canaries([(0, 0), (0, 0)]), None);
        assert_eq!(failed_canaries([(0, 0), (3, 0)]), Some(0.0));
        assert_eq!(failed_canaries([(0, 1), (3, 0), (1, 2)]), Some(2.0));
    }
}
