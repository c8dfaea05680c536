//! Figures of pairs that were judged in both orders: flips, the first place, equal lengths.

use std::collections::BTreeMap;

use seal_judge::mean_worth;
use seal_report::{Cell, PairFigures, PerTest};
use seal_stats::{StatsError, length_controlled, two_orders};

use crate::error::StatisticInput;
use crate::facts::{ArmFacts, CellFacts, PairFacts};
use crate::rate::percent;
use crate::{EvalError, mean_of};

/// The figures of one cell, by test.
pub(super) fn of_cell(arm: &ArmFacts, cell: &CellFacts) -> Result<PerTest<PairFigures>, EvalError> {
    let of_test = |(test, pairs): (&String, &Vec<PairFacts>)| {
        let figures = figures(&mut pairs.iter().collect::<Vec<_>>());
        Ok((test.clone(), figures.map_err(EvalError::at(test_input(arm, test)))?))
    };
    cell.pairs.iter().map(of_test).collect()
}

/// The figures of an arm, by test: rates over the pairs of all seeds, and of the win rate at equal
/// lengths the mean over seeds.
pub(super) fn of_arm(arm: &ArmFacts, cells: &[Cell]) -> Result<PerTest<PairFigures>, EvalError> {
    let mut by_test: BTreeMap<&String, Vec<&PairFacts>> = BTreeMap::new();
    for cell in &arm.cells {
        for (test, pairs) in &cell.pairs {
            by_test.entry(test).or_default().extend(pairs);
        }
    }
    let of_test = |(test, mut pairs): (&String, Vec<&PairFacts>)| {
        let figures = figures(&mut pairs).map_err(EvalError::at(test_input(arm, test)))?;
        let of_cells = cells.iter().map(|cell| cell.pairs.get(test)?.length_controlled);
        let length_controlled = mean_of(of_cells);
        Ok((test.clone(), PairFigures { length_controlled, ..figures }))
    };
    by_test.into_iter().map(of_test).collect()
}

fn test_input(arm: &ArmFacts, test: &str) -> StatisticInput {
    StatisticInput::Test { arm: arm.id.clone(), test: test.to_owned() }
}

fn figures(pairs: &mut [&PairFacts]) -> Result<PairFigures, StatsError> {
    // Sums must not depend on the order in which pairs were handed in.
    pairs.sort_by(|a, b| {
        (a.id.cmp(&b.id)).then(a.excess_length.total_cmp(&b.excess_length)).then_with(|| {
            let worth = |pair: &PairFacts| mean_worth(&pair.samples).unwrap_or(-1.0);
            worth(a).total_cmp(&worth(b))
        })
    });
    // The judge was not asked about equal answers: they say nothing of its consistency.
    let asked = pairs.iter().filter(|pair| !pair.is_equal);
    let samples = asked.flat_map(|pair| &pair.samples);
    let orders: Vec<_> = samples.map(|sample| sample.order_worths()).collect();
    let orders = two_orders(&orders)?;
    // The win rate beside it is of verdicts too: the difference is then one of lengths alone.
    let judged = pairs.iter().filter_map(|p| Some((mean_worth(&p.samples)?, p.excess_length)));
    let (worths, excess): (Vec<f64>, Vec<f64>) = judged.unzip();
    let at_equal_lengths = length_controlled(&worths, &excess)?;
    Ok(PairFigures {
        length_controlled: at_equal_lengths.map(|found| percent(found.rate)),
        flip_rate: orders.flip_rate,
        first_slot_rate: orders.first_slot,
    })
}
