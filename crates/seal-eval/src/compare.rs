//! Ablation arms against SEAL, and whether a test has anything to show.

use std::collections::BTreeMap;

use seal_report::{Comparison, PerTest, Role};
use seal_stats::{Level, Outcomes, holm_family, paired};

use crate::EvalError;
use crate::error::StatisticInput;
use crate::facts::{ArmFacts, CheckedFacts};
use crate::rate::percent;
use crate::win::mean_gain;

/// The verdicts of one arm, by test.
pub(super) type ArmOutcomes<'a> = BTreeMap<&'a str, Outcomes>;

/// Every ablation arm against SEAL on every test, in the order of the arms.
///
/// With one seed a difference is given, but no interval and no test: one seed
/// says nothing about the next. Controls are not tested. The tests of all arms
/// that replace one part are one family for Holm's correction, those without a
/// p value included.
pub(super) fn comparisons(
    study: &CheckedFacts<'_>,
    outcomes: &BTreeMap<&str, ArmOutcomes<'_>>,
) -> Result<Vec<Comparison>, EvalError> {
    let Some(seal) = study.seal else { return Ok(Vec::new()) };
    let mut comparisons = Vec::new();
    // Comparisons of each part, by position.
    let mut families: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for arm in study.facts.arms.iter().filter(|arm| arm.role == Role::Ablation) {
        for test in study.facts.tests.keys() {
            families.entry(arm.ablated_part.as_deref()).or_default().push(comparisons.len());
            comparisons.push(comparison(arm, seal, test, outcomes)?);
        }
    }
    for family in families.into_values() {
        let tested: Vec<(usize, f64)> =
            family.iter().filter_map(|&i| Some((i, comparisons[i].p?))).collect();
        let p: Vec<f64> = tested.iter().map(|(_, p)| *p).collect();
        let adjusted =
            holm_family(&p, family.len()).map_err(EvalError::at(StatisticInput::Holm))?;
        for ((i, _), p_holm) in tested.into_iter().zip(adjusted) {
            comparisons[i].p_holm = Some(p_holm);
        }
    }
    Ok(comparisons)
}

fn comparison(
    arm: &ArmFacts,
    seal: &ArmFacts,
    test: &str,
    outcomes: &BTreeMap<&str, ArmOutcomes<'_>>,
) -> Result<Comparison, EvalError> {
    let mut comparison = Comparison {
        arm: arm.id.clone(),
        against: seal.id.clone(),
        test: test.to_owned(),
        diff: None,
        lo: None,
        hi: None,
        p: None,
        p_holm: None,
        detectable: None,
    };
    let of = |id: &str| outcomes.get(id).and_then(|arm| arm.get(test));
    let (Some(ours), Some(theirs)) = (of(&arm.id), of(&seal.id)) else { return Ok(comparison) };
    let place = || StatisticInput::Comparison {
        arm: arm.id.clone(),
        against: seal.id.clone(),
        test: test.to_owned(),
    };
    if let Some(result) = paired(ours, theirs, Level::P95).map_err(EvalError::at(place()))? {
        comparison.diff = Some(percent(result.diff));
        comparison.lo = Some(percent(result.lo));
        comparison.hi = Some(percent(result.hi));
        comparison.p = Some(result.p);
        comparison.detectable = Some(percent(result.detectable));
    } else {
        let difference = ours.minus(theirs).map_err(EvalError::at(place()))?;
        comparison.diff = difference.mean().map(percent);
    }
    Ok(comparison)
}

/// Whether each test can show anything: whether the reference scores below the
/// ceiling, by the mean gain paired per prompt and seed. `None` where there is
/// no ceiling or nothing was scored.
pub(super) fn informative(study: &CheckedFacts<'_>) -> PerTest<Option<bool>> {
    let mark = |test: &String| {
        let lost = mean_gain(study.ceiling?, study.reference, test, &study.facts.seeds)?;
        Some(lost > 0.0)
    };
    study.facts.tests.keys().map(|test| (test.clone(), mark(test))).collect()
}
