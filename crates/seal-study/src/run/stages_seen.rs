//! The stages of a study for who looks at them again and again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use seal_store::{Found, Key, Store};
use serde_json::Value;

use super::Study;
use crate::error::StudyError;
use crate::graph::{Cell, Graph};
use crate::judging::Judging;
use crate::observer::Silent;
use crate::options::{PlannedStage, RunOptions};

/// The stages of a study. To look whether they are there reads manifests alone: no hash is computed, and
/// no reply is read, so that it may be done beside a run.
pub struct StagesSeen {
    store: PathBuf,
    stages: Vec<(PlannedStage, Value)>,
    arms: Vec<BTreeSet<usize>>,
}

impl Study {
    /// The stages of this study, to look at them again and again.
    pub fn stages_seen(&self, options: &RunOptions) -> StagesSeen {
        let judging = Judging::new(&self.judges, &options.store_dir(), &Silent);
        let graph = self.graph(options, &judging);
        let arms = by_arm(&graph, self.arms.len());
        let stage = |node: crate::exec::Node<'_>| {
            let (stage, label, key, cost) = (node.stage, node.label, node.key, node.cost);
            (PlannedStage { stage, label, key, found: false, cost }, node.inputs)
        };
        let stages = graph.nodes.into_iter().map(stage).collect();
        StagesSeen { store: options.store_dir(), stages, arms }
    }
}

impl StagesSeen {
    /// The stages, and whether the store has them now.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn plan(&self) -> Result<Vec<PlannedStage>, StudyError> {
        let store = Store::open_to_read(&self.store);
        let planned = |(stage, inputs): &(PlannedStage, Value)| {
            let key: &Key = &stage.key;
            let found = store.find(stage.stage, key, inputs)?;
            Ok(PlannedStage { found: matches!(found, Found::Entry(_)), ..stage.clone() })
        };
        self.stages.iter().map(planned).collect()
    }

    /// By arm, the numbers of the stages that it needs with all seeds. Arms share stages.
    pub fn arms(&self) -> &[BTreeSet<usize>] {
        &self.arms
    }
}

/// By arm, the nodes that it needs with all seeds.
pub(super) fn by_arm(graph: &Graph<'_>, arms: usize) -> Vec<BTreeSet<usize>> {
    let mut all = vec![BTreeSet::new(); arms];
    for cell in &graph.cells {
        needed(graph, cell, &mut all[cell.arm]);
    }
    all
}

/// Adds the stages that a cell needs.
fn needed(graph: &Graph<'_>, cell: &Cell, all: &mut BTreeSet<usize>) {
    let some = [cell.selector, cell.selection, cell.sft, cell.base_nll, cell.verdicts];
    let judged = cell.pairs.iter().map(|of| of.node).chain(cell.assessed.iter().map(|of| of.node));
    let mut left: Vec<usize> =
        some.into_iter().flatten().chain(judged).chain([cell.base, cell.answers]).collect();
    while let Some(node) = left.pop() {
        if all.insert(node) {
            left.extend(&graph.nodes[node].deps);
        }
    }
}
