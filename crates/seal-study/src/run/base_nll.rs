//! The answers of each cell under the base, out of finished stages.

use seal_eval::CellNll;

use super::Study;
use crate::error::StudyError;
use crate::exec::Done;
use crate::graph::Graph;
use crate::stages::read_base_nll;

impl Study {
    /// In the order of arms, seeds and tests; empty where the config does not ask for it.
    pub(super) fn cell_nlls(
        &self,
        graph: &Graph<'_>,
        done: &[Done],
    ) -> Result<Vec<CellNll>, StudyError> {
        let mut cells: Vec<_> = graph.cells.iter().collect();
        cells.sort_by_key(|cell| cell.arm);
        let mut found = Vec::new();
        for cell in cells {
            let Some(node) = cell.base_nll else { continue };
            let (arm, tests) = (&self.arms[cell.arm], &self.sets.of_arm(cell.arm).tests);
            let askings = arm.config.askings(tests.keys());
            for asking in askings.iter().filter(|asking| asking.of.is_none()) {
                let scored = read_base_nll(&done[node].dir, &asking.name)?;
                found.push(CellNll {
                    arm: arm.id.clone(),
                    seed: cell.seed,
                    test: asking.test.to_owned(),
                    nll: scored.iter().map(|answer| answer.nll).collect(),
                });
            }
        }
        Ok(found)
    }
}
