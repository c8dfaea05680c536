//! Win rates of a study's arms against its reference, and mean gains.

use std::collections::BTreeMap;

use seal_report::WinRate;
use seal_rows::RowId;
use seal_rows::seed::hash64;
use seal_stats::{Outcomes, mean};

use crate::error::StatisticInput;
use crate::facts::{ArmFacts, CheckedFacts, TestFacts};
use crate::rate::{counts, with_intervals};
use crate::{EvalError, Evidence};

/// The verdicts of an arm on a test: prompts in the order of their ids, by
/// seeds in the order of the study.
pub(super) fn outcomes(
    study: &CheckedFacts<'_>,
    arm: &ArmFacts,
    (test, facts): (&str, &TestFacts),
) -> Result<Outcomes, EvalError> {
    let seeds = &study.facts.seeds;
    let cell = |&seed: &u64| (arm.evidence(seed, test), study.reference.evidence(seed, test));
    let cells: Vec<(&Evidence, &Evidence)> = seeds.iter().map(cell).collect();
    crate::rate::outcomes(&facts.prompts, &cells, facts.tie).map_err(|error| match error {
        EvalError::Evidence { column, source } => {
            EvalError::Verdicts { cell: arm.cell_id(seeds[column]), test: test.to_owned(), source }
        }
        EvalError::Stats { source, .. } => EvalError::at(test_input(arm, test))(source),
        other => other,
    })
}

fn test_input(arm: &ArmFacts, test: &str) -> StatisticInput {
    StatisticInput::Test { arm: arm.id.clone(), test: test.to_owned() }
}

/// The win rate over all seeds, in percent, with its intervals.
pub(super) fn arm_win_rate(
    study: &CheckedFacts<'_>,
    arm: &ArmFacts,
    test: (&str, &TestFacts),
    outcomes: &Outcomes,
) -> WinRate {
    // The reference is 50 by definition: an interval would say otherwise.
    let mut rate = match arm.id == study.reference.id {
        true => counts(outcomes),
        false => {
            let named = ["prompt interval".into(), arm.id.as_str().into(), test.0.into()];
            with_intervals(outcomes, hash64(&named))
        }
    };
    rate.margin = margin(study, arm, test, &study.facts.seeds);
    rate
}

/// The win rate of the seed in this column, in percent. A cell has no study
/// interval, and its prompt interval would differ from the arm's by luck only.
pub(super) fn cell_win_rate(
    study: &CheckedFacts<'_>,
    arm: &ArmFacts,
    test: (&str, &TestFacts),
    outcomes: &Outcomes,
    column: usize,
) -> Result<WinRate, EvalError> {
    let one = outcomes.seed(column).map_err(EvalError::at(test_input(arm, test.0)))?;
    let mut rate = counts(&one);
    rate.margin = margin(study, arm, test, &study.facts.seeds[column..=column]);
    Ok(rate)
}

/// Mean gain of `a` over `b`, paired per prompt and seed: the mean over prompts
/// of the mean over `seeds`. `None` without a pair.
pub(super) fn mean_gain(a: &ArmFacts, b: &ArmFacts, test: &str, seeds: &[u64]) -> Option<f64> {
    let mut by_prompt: BTreeMap<RowId, Vec<f64>> = BTreeMap::new();
    for &seed in seeds {
        for (id, gain) in a.evidence(seed, test).gains(b.evidence(seed, test)) {
            by_prompt.entry(id).or_default().push(gain);
        }
    }
    let means: Vec<f64> = by_prompt.values().filter_map(|values| mean(values)).collect();
    mean(&means)
}

/// The mean difference of scores to the reference, where scores are in nats.
fn margin(
    study: &CheckedFacts<'_>,
    arm: &ArmFacts,
    (test, facts): (&str, &TestFacts),
    seeds: &[u64],
) -> Option<f64> {
    facts.judge.is_likelihood().then(|| mean_gain(arm, study.reference, test, seeds)).flatten()
}
