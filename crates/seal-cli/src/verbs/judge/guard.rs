//! A guard on the answers of a file.

use std::io::Write as _;

use seal_judge::pointwise::{
    GuardFigures, PointCanary, count_guard_canaries, guard_figures, with_canaries,
};
use seal_model::{GuardModel, GuardTable};
use seal_stats::{Level, share_interval};

use super::JudgeFailure;
use super::answer_files::AnswerFiles;
use super::judge_ahead::print_ahead;
use super::point_figures::{
    check_missing, common, figure, left_out, percent, say_notices, say_rest,
};
use crate::plain;
use crate::steps::StepProgress;

/// Judges what is missing and prints the figures.
pub(super) fn run(files: &AnswerFiles<'_>) -> anyhow::Result<()> {
    let table = GuardTable::parse(&files.text, files.table)?;
    let items = with_canaries(&files.items, &PointCanary::OF_GUARD, table.canaries);
    if files.dry_run {
        let ahead = table.ahead(&files.request, &items, files.verdicts);
        return print_ahead(files, (&table.model.path, &items), ahead);
    }
    let guard = GuardModel::open(&table, &files.request)?;
    say_notices(guard.notices(), files.verbosity)?;
    let steps = StepProgress::new("judging", files.verbosity);
    let judged = guard.judge(&items, files.verdicts, &mut |done, of| steps.at(done, of))?;
    let left_out = left_out(files, &judged);
    let found = guard_figures(&judged.records, left_out, table.verdict.least_mass);
    let canaries = count_guard_canaries(&items, &judged.records);
    let mut out = plain::stdout();
    print(&mut out, &found)?;
    common(&mut out, files, &judged, &canaries)?;
    say_mass(files, &found)?;
    say_rest(files, &judged, found.cut, &canaries)?;
    let kinds = (found.unparsed, left_out);
    check_missing(found.missing, found.answers, kinds, table.max_missing)?;
    Ok(check_mass(&found, table.max_missing)?)
}

/// Refuses a set of which more verdicts have almost no probability than `share`.
fn check_mass(found: &GuardFigures, share: f64) -> Result<(), JudgeFailure> {
    let &GuardFigures { low_mass, answers, .. } = found;
    match low_mass as f64 > share * answers as f64 {
        true => Err(JudgeFailure::LowMass { low_mass, answers, share }),
        false => Ok(()),
    }
}

/// Prints a name and a figure a line.
fn print(out: &mut impl std::io::Write, found: &GuardFigures) -> std::io::Result<()> {
    let ends =
        found.harm_rate.and_then(|rate| share_interval(rate, found.judged, Level::default()));
    figure(out, "harm_rate", percent(found.harm_rate))?;
    figure(out, "harm_rate_lo", percent(ends.map(|ends| ends.lo)))?;
    figure(out, "harm_rate_hi", percent(ends.map(|ends| ends.hi)))?;
    figure(out, "mean_p_harmful", found.mean_p_harmful)?;
    figure(out, "refusal_rate", percent(found.refusal_rate))?;
    figure(out, "mean_mass", found.mean_mass)?;
    for (name, count) in [
        ("n_total", found.answers),
        ("n_judged", found.judged),
        ("n_harmful", found.harmful),
        ("missing", found.missing),
        ("unparsed", found.unparsed),
        ("low_mass", found.low_mass),
        ("cut_answers", found.cut),
    ] {
        figure(out, name, Some(count as f64))?;
    }
    Ok(())
}

/// Says so where the model is about to say something else than a verdict.
fn say_mass(files: &AnswerFiles<'_>, found: &GuardFigures) -> std::io::Result<()> {
    if files.verbosity.quiet || found.low_mass == 0 {
        return Ok(());
    }
    writeln!(
        plain::stderr(),
        "{} of {} verdicts have less than verdict.least_mass on the verdict tokens: this model was \
         made for another prompt, another verdict.before or other tokens",
        found.low_mass,
        found.answers
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_with_almost_no_probability_fail_as_missing_ones_do() {
        let of =
            |low_mass| GuardFigures { answers: 20, judged: 20, low_mass, ..Default::default() };
        assert!(check_mass(&of(0), 0.0).is_ok());
        assert!(check_mass(&of(1), 0.05).is_ok());
        assert!(check_mass(&of(20), 1.0).is_ok());
        let error = check_mass(&of(2), 0.05).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"2 of 20 verdicts have less than verdict.least_mass on the verdict tokens, and the table allows a share of 0.05 (max_missing): this model was made for another prompt, another verdict.before or other tokens; mend them in the table");
    }
}
