//! Puts the stored results together.

use std::collections::BTreeMap;

use seal_report::{Arm, Cell, PerTest, Results};

use crate::compare::{ArmOutcomes, comparisons, informative};
use crate::facts::{ArmFacts, CheckedFacts, StudyFacts};
use crate::{EvalError, opinions, pairs, rates, selection, win};

/// The figures of a study: win rates in percent, differences in points,
/// everything else a fraction, and null for what does not apply.
///
/// # Errors
/// [`EvalError`] where the facts do not fit each other.
pub fn results_of(facts: &StudyFacts) -> Result<Results, EvalError> {
    let study = CheckedFacts::of(facts)?;
    let (mut outcomes, mut arms) = (BTreeMap::new(), Vec::new());
    for arm in &facts.arms {
        let judged: ArmOutcomes<'_> = (facts.tests.iter())
            .map(|(test, of)| Ok((test.as_str(), win::outcomes(&study, arm, (test, of))?)))
            .collect::<Result<_, EvalError>>()?;
        arms.push(figures_of_arm(&study, arm, &judged)?);
        outcomes.insert(arm.id.as_str(), judged);
    }
    Ok(Results {
        study: facts.name.clone(),
        quick: facts.quick,
        reference: facts.reference.clone(),
        seeds: facts.seeds.clone(),
        judge: facts
            .tests
            .iter()
            .map(|(name, t)| (name.clone(), t.judge.name().to_owned()))
            .collect(),
        judging: (facts.tests.iter())
            .filter_map(|(name, test)| Some((name.clone(), test.judging.clone()?)))
            .collect(),
        assessing: (facts.tests.iter())
            .filter_map(|(name, test)| Some((name.clone(), test.assessing.clone()?)))
            .collect(),
        opinions: opinions::of_study(&study)?,
        informative: informative(&study),
        data: facts.data.clone(),
        arms,
        comparisons: comparisons(&study, &outcomes)?,
        ..Results::default()
    })
}

fn figures_of_arm(
    study: &CheckedFacts<'_>,
    arm: &ArmFacts,
    judged: &ArmOutcomes<'_>,
) -> Result<Arm, EvalError> {
    let facts = study.facts;
    let tests = || facts.tests.keys().map(String::as_str);
    let mut win_rate = PerTest::new();
    for (test, of) in &facts.tests {
        let outcomes = &judged[test.as_str()];
        win_rate.insert(test.clone(), win::arm_win_rate(study, arm, (test, of), outcomes));
    }
    let (mut cells, mut cell_rates) = (Vec::new(), Vec::new());
    for (column, &seed) in facts.seeds.iter().enumerate() {
        let Some(cell) = arm.cell(seed) else { continue };
        let mut win_rate = PerTest::new();
        for (test, of) in &facts.tests {
            let outcomes = &judged[test.as_str()];
            let rate = win::cell_win_rate(study, arm, (test, of), outcomes, column)?;
            win_rate.insert(test.clone(), rate);
        }
        let rates = rates::of_cell(arm, seed, tests());
        cells.push(Cell {
            seed,
            win_rate,
            accuracy: rates::per_test(&rates, |r| r.accuracy),
            refusal: rates::per_test(&rates, |r| r.refusal),
            over_refusal: rates::per_test(&rates, |r| r.over_refusal),
            harm: rates::per_test(&rates, |r| r.harm),
            pairs: pairs::of_cell(arm, cell)?,
            selection: selection::ranking(study, arm, seed)?,
            weights: selection::weights(cell.selection.as_ref()),
        });
        cell_rates.push(rates);
    }
    let rates = rates::of_arm(&cell_rates);
    let by_category: PerTest<BTreeMap<_, _>> = tests()
        .map(|test| (test.to_owned(), rates::by_category(arm, &facts.seeds, test)))
        .filter(|(_, categories)| !categories.is_empty())
        .collect();
    Ok(Arm {
        ablation: arm.ablation.clone(),
        ablated_part: arm.ablated_part.clone(),
        replacement: arm.replacement.clone(),
        gamma: arm.gamma.clone(),
        selector: arm.selector.clone(),
        win_rate,
        accuracy: rates::per_test(&rates, |r| r.accuracy),
        refusal: rates::per_test(&rates, |r| r.refusal),
        over_refusal: rates::per_test(&rates, |r| r.over_refusal),
        harm: rates::per_test(&rates, |r| r.harm),
        by_category,
        pairs: pairs::of_arm(arm, &cells)?,
        opinions: opinions::of_arm(study, arm)?,
        selection: selection::over_seeds(&cells),
        cells,
        ..Arm::new(&arm.id, &arm.label, arm.role)
    })
}
