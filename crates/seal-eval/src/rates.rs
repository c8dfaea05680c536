//! Accuracy, refusal, over-refusal and harm rates.

use std::collections::BTreeMap;

use seal_judge::Assessment;
use seal_report::{CategoryRates, PerTest};

use crate::facts::ArmFacts;
use crate::mean_of;

/// Rates of one model on some prompts. Each has its own denominator: the
/// prompts that it applies to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub prompts: u64,
    pub accuracy: Option<f64>,
    pub refusal: Option<f64>,
    pub over_refusal: Option<f64>,
    pub harm: Option<f64>,
}

impl Rates {
    /// Counted over `assessments`.
    pub fn of(assessments: &[&Assessment]) -> Self {
        let share = |flag: fn(&Assessment) -> Option<bool>| {
            let flags: Vec<bool> = assessments.iter().filter_map(|a| flag(a)).collect();
            let set = flags.iter().filter(|flag| **flag).count();
            (!flags.is_empty()).then(|| set as f64 / flags.len() as f64)
        };
        Self {
            prompts: assessments.len() as u64,
            accuracy: share(|a| a.correct),
            refusal: share(|a| a.refusal),
            over_refusal: share(|a| a.over_refusal),
            harm: share(|a| a.harm),
        }
    }

    /// Means over models; the prompts add up.
    fn over_seeds(cells: &[Self]) -> Self {
        let mean = |pick: fn(&Self) -> Option<f64>| mean_of(cells.iter().map(pick));
        Self {
            prompts: cells.iter().map(|rates| rates.prompts).sum(),
            accuracy: mean(|r| r.accuracy),
            refusal: mean(|r| r.refusal),
            over_refusal: mean(|r| r.over_refusal),
            harm: mean(|r| r.harm),
        }
    }
}

/// One rate of every test that has it.
pub(super) fn per_test(
    rates: &BTreeMap<&str, Rates>,
    pick: fn(&Rates) -> Option<f64>,
) -> PerTest<f64> {
    rates.iter().filter_map(|(test, rates)| Some(((*test).to_owned(), pick(rates)?))).collect()
}

/// The rates of an arm with one seed.
pub(super) fn of_cell<'a>(
    arm: &ArmFacts,
    seed: u64,
    tests: impl Iterator<Item = &'a str>,
) -> BTreeMap<&'a str, Rates> {
    tests
        .map(|test| {
            (test, Rates::of(&arm.evidence(seed, test).assessments().iter().collect::<Vec<_>>()))
        })
        .collect()
}

/// The rates of an arm: means over its seeds.
pub(super) fn of_arm<'a>(cells: &[BTreeMap<&'a str, Rates>]) -> BTreeMap<&'a str, Rates> {
    let mut by_test: BTreeMap<&str, Vec<Rates>> = BTreeMap::new();
    for (test, rates) in cells.iter().flatten() {
        by_test.entry(test).or_default().push(*rates);
    }
    by_test.into_iter().map(|(test, all)| (test, Rates::over_seeds(&all))).collect()
}

/// The rates of an arm on a test by category; empty where prompts have none.
pub(super) fn by_category(
    arm: &ArmFacts,
    seeds: &[u64],
    test: &str,
) -> BTreeMap<String, CategoryRates> {
    let mut cells: BTreeMap<&str, Vec<Rates>> = BTreeMap::new();
    for &seed in seeds {
        let mut groups: BTreeMap<&str, Vec<&Assessment>> = BTreeMap::new();
        for assessment in arm.evidence(seed, test).assessments() {
            if let Some(category) = &assessment.category {
                groups.entry(category).or_default().push(assessment);
            }
        }
        for (category, group) in groups {
            cells.entry(category).or_default().push(Rates::of(&group));
        }
    }
    cells
        .into_iter()
        .map(|(category, cells)| {
            let rates = Rates::over_seeds(&cells);
            let rates = CategoryRates {
                n: rates.prompts,
                accuracy: rates.accuracy,
                refusal: rates.refusal,
                harm: rates.harm,
            };
            (category.to_owned(), rates)
        })
        .collect()
}
