//! Win rates of two models from evidence alone.

use seal_report::WinRate;
use seal_rows::RowId;
use seal_rows::seed::hash64;
use seal_stats::{DEFAULT_RESAMPLES, Level, Outcomes, prompt_interval, study_interval};

use crate::error::StatisticInput;
use crate::{EvalError, Evidence};

/// The win rate of one model against a reference model, in percent, with its
/// 95 % intervals.
///
/// `prompts` are all prompts of the test, answered or not. `seeds` has the
/// evidence on both models of each study seed: the model's, then the
/// reference's. With one seed there is a prompt interval only. Scores tie that
/// differ by at most `tie`, in the judge's unit
/// ([`seal_judge::JudgeSettings::tie`]). [`WinRate::margin`] is left to the
/// caller, who knows whether scores are in nats.
///
/// # Errors
/// [`EvalError::Evidence`] for evidence twice on one prompt or on a row that is
/// no prompt of the test.
pub fn win_rate(
    prompts: &[RowId],
    seeds: &[(&Evidence, &Evidence)],
    tie: f64,
) -> Result<WinRate, EvalError> {
    let outcomes = outcomes(prompts, seeds, tie)?;
    Ok(with_intervals(&outcomes, hash64(&["prompt interval".into()])))
}

/// The worth of every verdict: prompts in the order of their ids, by seeds in
/// the order of `seeds`. `seal_stats::paired` compares two of them.
///
/// # Errors
/// As [`win_rate`].
pub fn outcomes(
    prompts: &[RowId],
    seeds: &[(&Evidence, &Evidence)],
    tie: f64,
) -> Result<Outcomes, EvalError> {
    // The bootstrap draws by position, so the order must not be the caller's.
    let mut prompts = prompts.to_vec();
    prompts.sort_unstable();
    let mut cells = vec![None; prompts.len() * seeds.len()];
    for (column, (ours, reference)) in seeds.iter().enumerate() {
        let found = ours
            .worths(reference, &prompts, tie)
            .map_err(|source| EvalError::Evidence { column, source: Box::new(source) })?;
        for (row, worth) in found.into_iter().enumerate() {
            cells[row * seeds.len() + column] = worth;
        }
    }
    Outcomes::rates(prompts.len(), seeds.len(), cells)
        .map_err(EvalError::at(StatisticInput::Verdicts))
}

/// The win rate with its intervals; `seed` is of the bootstrap.
pub(crate) fn with_intervals(outcomes: &Outcomes, seed: u64) -> WinRate {
    let mut rate = counts(outcomes);
    let prompt = prompt_interval(outcomes, Level::P95, DEFAULT_RESAMPLES, seed);
    let study = study_interval(outcomes, Level::P95);
    rate.lo = study.map(|i| percent(i.lo));
    rate.hi = study.map(|i| percent(i.hi));
    rate.prompt_lo = prompt.map(|i| percent(i.lo));
    rate.prompt_hi = prompt.map(|i| percent(i.hi));
    rate
}

/// The win rate with its counts and bounds, without an interval.
pub(crate) fn counts(outcomes: &Outcomes) -> WinRate {
    let rate = seal_stats::win_rate(outcomes);
    // Without missing verdicts there is nothing to bound.
    let bound = |value: Option<f64>| value.filter(|_| rate.missing > 0).map(percent);
    WinRate {
        mean: rate.mean.map(percent),
        worst: bound(rate.worst),
        best: bound(rate.best),
        wins: rate.wins as u64,
        losses: rate.losses as u64,
        ties: rate.ties as u64,
        missing: rate.missing as u64,
        ..WinRate::default()
    }
}

/// The win rate of a model against itself, in percent.
pub(crate) const EVEN: f64 = 50.0;

/// A fraction in percent, and a difference of fractions in points.
pub(crate) fn percent(fraction: f64) -> f64 {
    100.0 * fraction
}

#[cfg(test)]
mod tests {
    use seal_judge::Verdict;

    use super::*;

    fn ids(n: usize) -> Vec<RowId> {
        (0..n).map(|i| RowId::of(&i.to_string(), "", 0)).collect()
    }

    #[test]
    fn verdicts_on_pairs_are_enough() {
        let prompts = ids(10);
        let verdicts = |won: usize| {
            let verdict = |i| if i < won { Verdict::Win } else { Verdict::Loss };
            Evidence::Verdicts(
                prompts.iter().enumerate().map(|(i, id)| (*id, verdict(i))).collect(),
            )
        };
        let ties = Evidence::ties(&prompts);
        let seeds = [verdicts(8), verdicts(6), verdicts(7)];
        let cells: Vec<(&Evidence, &Evidence)> = seeds.iter().map(|ours| (ours, &ties)).collect();
        let rate = win_rate(&prompts, &cells, 0.0).unwrap();
        assert_eq!((rate.wins, rate.losses, rate.missing), (21, 9, 0));
        assert!((rate.mean.unwrap() - 70.0).abs() < 1e-12);
        assert!(rate.lo.unwrap() < 70.0 && rate.hi.unwrap() > 70.0);
        // The order of the prompts is no matter.
        let backwards: Vec<RowId> = prompts.iter().rev().copied().collect();
        assert_eq!(win_rate(&backwards, &cells, 0.0).unwrap(), rate);
    }

    #[test]
    fn a_stray_verdict_names_its_seed() {
        let (prompts, stray) = (ids(2), Evidence::ties(&ids(3)));
        let fine = Evidence::ties(&prompts);
        let error = win_rate(&prompts, &[(&fine, &fine), (&stray, &fine)], 0.0).unwrap_err();
        assert!(matches!(error, EvalError::Evidence { column: 1, .. }), "{error}");
        assert!(error.to_string().starts_with("seed at position 1: a verdict of row"), "{error}");
        assert_eq!(win_rate(&[], &[], 0.0).unwrap().mean, None);
    }
}
