//! Win rates against the reference, and mean differences of scores.

use std::collections::BTreeMap;

use seal_data::RowId;
use seal_data::seed::hash64;
use seal_judge::verdicts;
use seal_report::WinRate;
use seal_stats::{
    DEFAULT_RESAMPLES, Level, Outcomes, mean, prompt_interval, study_interval, win_rate,
};

use super::FiguresError;
use super::facts::{ArmFacts, Study, TestFacts};

/// The verdicts of an arm on a test: prompts in the order of their ids, by
/// seeds in the order of the study.
pub(super) fn outcomes(
    study: &Study<'_>,
    arm: &ArmFacts,
    test: &str,
) -> Result<Outcomes, FiguresError> {
    let facts = test_facts(study, test)?;
    // The bootstrap draws by position, so the order must not be the caller's.
    let mut prompts = facts.prompts.clone();
    prompts.sort_unstable();
    let seeds = &study.facts.seeds;
    let mut cells = vec![None; prompts.len() * seeds.len()];
    for (column, &seed) in seeds.iter().enumerate() {
        let found = verdicts(
            &prompts,
            arm.assessments(seed, test),
            study.reference.assessments(seed, test),
            facts.tie,
        )
        .map_err(|source| {
            let (arm, test) = (arm.id.clone(), test.to_owned());
            FiguresError::Verdicts { arm, seed, test, source: Box::new(source) }
        })?;
        for (row, (_, verdict)) in found.into_iter().enumerate() {
            cells[row * seeds.len() + column] = verdict.value();
        }
    }
    Outcomes::rates(prompts.len(), seeds.len(), cells)
        .map_err(FiguresError::at(format!("arm `{}`, test `{test}`", arm.id)))
}

/// The win rate over all seeds, in percent, with its intervals.
pub(super) fn arm_win_rate(
    study: &Study<'_>,
    arm: &ArmFacts,
    test: &str,
    outcomes: &Outcomes,
) -> Result<WinRate, FiguresError> {
    let mut rate = counts(outcomes);
    // The reference is 50 by definition: an interval would say otherwise.
    if arm.id != study.reference.id {
        let seed = hash64(&["prompt interval".into(), arm.id.as_str().into(), test.into()]);
        let prompt = prompt_interval(outcomes, Level::P95, DEFAULT_RESAMPLES, seed);
        let interval = study_interval(outcomes, Level::P95);
        rate.lo = interval.map(|i| percent(i.lo));
        rate.hi = interval.map(|i| percent(i.hi));
        rate.prompt_lo = prompt.map(|i| percent(i.lo));
        rate.prompt_hi = prompt.map(|i| percent(i.hi));
    }
    rate.margin = margin(study, arm, test, &study.facts.seeds)?;
    Ok(rate)
}

/// The win rate of the seed in this column, in percent. A cell has no study
/// interval, and its prompt interval would differ from the arm's by luck only.
pub(super) fn cell_win_rate(
    study: &Study<'_>,
    arm: &ArmFacts,
    test: &str,
    outcomes: &Outcomes,
    column: usize,
) -> Result<WinRate, FiguresError> {
    let one = outcomes
        .seed(column)
        .map_err(FiguresError::at(format!("arm `{}`, test `{test}`", arm.id)))?;
    let mut rate = counts(&one);
    rate.margin = margin(study, arm, test, &study.facts.seeds[column..=column])?;
    Ok(rate)
}

/// Mean of the score of `a` less that of `b`, paired per prompt and seed: the
/// mean over prompts of the mean over `seeds`. `None` without a pair.
pub(super) fn score_difference(
    a: &ArmFacts,
    b: &ArmFacts,
    test: &str,
    seeds: &[u64],
) -> Option<f64> {
    let mut by_prompt: BTreeMap<RowId, Vec<f64>> = BTreeMap::new();
    for &seed in seeds {
        let other: BTreeMap<RowId, f64> = b
            .assessments(seed, test)
            .iter()
            .filter_map(|assessment| Some((assessment.id, assessment.finite()?)))
            .collect();
        for assessment in a.assessments(seed, test) {
            if let (Some(a), Some(b)) = (assessment.finite(), other.get(&assessment.id)) {
                by_prompt.entry(assessment.id).or_default().push(a - b);
            }
        }
    }
    let means: Vec<f64> = by_prompt.values().filter_map(|values| mean(values)).collect();
    mean(&means)
}

/// A fraction in percent, and a difference of fractions in points.
pub(super) fn percent(fraction: f64) -> f64 {
    100.0 * fraction
}

fn test_facts<'a>(study: &Study<'a>, test: &str) -> Result<&'a TestFacts, FiguresError> {
    let missing = || FiguresError::inconsistent(format!("test `{test}`"), "is not in the study");
    study.facts.tests.get(test).ok_or_else(missing)
}

/// The difference of scores to the reference, where scores are in nats.
fn margin(
    study: &Study<'_>,
    arm: &ArmFacts,
    test: &str,
    seeds: &[u64],
) -> Result<Option<f64>, FiguresError> {
    let likelihood = test_facts(study, test)?.judge.is_likelihood();
    Ok(likelihood.then(|| score_difference(arm, study.reference, test, seeds)).flatten())
}

fn counts(outcomes: &Outcomes) -> WinRate {
    let rate = win_rate(outcomes);
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
