//! Answers under the base of the study: how likely they are, and how many are less likely than nearly all
//! answers of the reference.

use std::collections::BTreeMap;

use seal_report::{BaseNll, BaseNllFigures, PerTest, Results};

/// Percent of the reference's answers that are not above the limit.
const PERCENTILE: usize = 99;

/// The answers of one cell to one test.
#[derive(Clone, Debug, PartialEq)]
pub struct CellNll {
    /// Id of the arm.
    pub arm: String,
    /// The study seed.
    pub seed: u64,
    /// The test.
    pub test: String,
    /// Mean negative log-likelihood of each answer, in nats a token.
    pub nll: Vec<f64>,
}

/// The figures of each cell, in the order given. The limit of a test is the 99th percentile (nearest
/// rank) over all answers of the arm `reference` to it, whatever the seed.
pub fn base_nll(cells: &[CellNll], reference: &str) -> Vec<BaseNll> {
    let mut own: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.arm == reference) {
        own.entry(&cell.test).or_default().extend(&cell.nll);
    }
    let limits: BTreeMap<&str, f64> =
        own.into_iter().filter_map(|(test, nll)| Some((test, percentile(nll)?))).collect();
    let of = |cell: &CellNll| {
        let limit = limits.get(cell.test.as_str()).copied();
        let n = cell.nll.len();
        BaseNll {
            arm: cell.arm.clone(),
            seed: cell.seed,
            test: cell.test.clone(),
            answers: n as u64,
            mean: (n > 0).then(|| cell.nll.iter().sum::<f64>() / n as f64),
            limit,
            above: limit
                .map_or(0, |limit| cell.nll.iter().filter(|nll| **nll > limit).count() as u64),
        }
    };
    cells.iter().map(of).collect()
}

/// The least value that at least 99 % of `values` do not exceed; `None` without one.
fn percentile(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (PERCENTILE * values.len()).div_ceil(100);
    values.get(rank.saturating_sub(1)).copied()
}

/// Means over the seeds of each arm, into the results; none where a cell of a seed is not there.
pub fn fill_base_nll(results: &mut Results, cells: &[BaseNll]) {
    let seeds = results.seeds.len();
    for arm in &mut results.arms {
        let mut of_arm: BTreeMap<&str, Vec<&BaseNll>> = BTreeMap::new();
        for cell in cells.iter().filter(|cell| cell.arm == arm.id) {
            of_arm.entry(&cell.test).or_default().push(cell);
        }
        let mean = |cells: &[&BaseNll], of: fn(&BaseNll) -> Option<f64>| -> Option<f64> {
            let values: Option<Vec<f64>> = cells.iter().map(|cell| of(cell)).collect();
            values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
        };
        let whole = of_arm.into_iter().filter(|(_, cells)| cells.len() == seeds);
        arm.base_nll = whole
            .map(|(test, cells)| {
                let figures = BaseNllFigures {
                    mean: mean(&cells, |cell| cell.mean),
                    above: mean(&cells, BaseNll::share),
                };
                (test.to_owned(), figures)
            })
            .collect::<PerTest<_>>();
    }
}

#[cfg(test)]
mod tests {
    use seal_report::{Arm, Role};

    use super::*;

    fn cell(arm: &str, seed: u64, nll: Vec<f64>) -> CellNll {
        CellNll { arm: arm.into(), seed, test: "hh".into(), nll }
    }

    #[test]
    fn the_limit_is_of_the_reference_and_of_all_seeds() {
        let numbers = |from: u32, to: u32| (from..=to).map(f64::from).collect::<Vec<f64>>();
        let cells = [
            cell("sft", 1, numbers(1, 100)),
            cell("sft", 2, numbers(101, 200)),
            cell("seal", 1, vec![198.0, 198.5, 300.0, 1.0]),
            cell("seal", 2, vec![]),
        ];
        let found = base_nll(&cells, "sft");
        // 198 of 200 are not above it.
        assert!(found.iter().all(|cell| cell.limit == Some(198.0)));
        let above: Vec<u64> = found.iter().map(|cell| cell.above).collect();
        assert_eq!(above, [0, 2, 2, 0]);
        assert_eq!(
            (found[0].mean, found[2].mean, found[3].mean),
            (Some(50.5), Some(174.375), None)
        );
        assert_eq!((found[2].share(), found[3].share()), (Some(0.5), None));
        // Of few answers the limit is the largest.
        let few = base_nll(&[cell("sft", 1, vec![3.0, 1.0, 2.0])], "sft");
        assert_eq!((few[0].limit, few[0].above), (Some(3.0), 0));
        let none = base_nll(&[cell("seal", 1, vec![1.0])], "sft");
        assert_eq!((none[0].limit, none[0].share()), (None, None));
    }

    #[test]
    fn an_arm_has_the_means_of_all_its_seeds_or_none() {
        let mut results = Results {
            seeds: vec![1, 2],
            arms: ["sft", "seal"].map(|id| Arm::new(id, id, Role::Control)).into(),
            ..Results::default()
        };
        let cells =
            [cell("sft", 1, vec![1.0]), cell("sft", 2, vec![2.0]), cell("seal", 1, vec![9.0])];
        fill_base_nll(&mut results, &base_nll(&cells, "sft"));
        let figures = BaseNllFigures { mean: Some(1.5), above: Some(0.0) };
        assert_eq!(results.arms[0].base_nll, PerTest::from([("hh".to_owned(), figures)]));
        assert!(results.arms[1].base_nll.is_empty());
    }
}
