//! Which outputs of stages a report is made from.

use seal_store::{Found, Store};

use super::Study;
use crate::error::StudyError;
use crate::graph::{Cell, Graph};
use crate::stages::LOSSES;

impl Study {
    /// Stages whose outputs results and figures are made from: these must not depend on what of them
    /// is still in the store. What is gone or damaged is made again.
    pub(super) fn outputs_read(&self, graph: &Graph<'_>) -> Vec<usize> {
        let mut read = of_cells(graph);
        if !self.output_files().is_empty() {
            read.extend(graph.cells.iter().map(|cell| cell.answers));
        }
        read.extend(graph.tokens.values().copied());
        read.sort_unstable();
        read.dedup();
        read
    }

    /// Fine-tunings whose losses are damaged. A model may have many gigabytes, so it is not verified
    /// for its losses alone.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub(super) fn without_losses(
        &self,
        graph: &Graph<'_>,
        store: &Store,
    ) -> Result<Vec<usize>, StudyError> {
        let mut damaged = Vec::new();
        for at in graph.cells.iter().filter_map(|cell| cell.sft) {
            let node = &graph.nodes[at];
            if let Found::Entry(entry) = store.find(node.stage, &node.key, &node.inputs)?
                && store.verify_file(&entry, LOSSES)?.is_some()
            {
                damaged.push(at);
            }
        }
        Ok(damaged)
    }
}

/// What judges, selectors and the base said of each cell.
fn of_cells(graph: &Graph<'_>) -> Vec<usize> {
    let of = |cell: &Cell| [cell.selector, cell.selection, cell.base_nll, cell.verdicts];
    let of_cells = graph.cells.iter().flat_map(of).flatten();
    let of_pairs = graph.cells.iter().flat_map(|cell| cell.pairs.iter().map(|pair| pair.node));
    let of_answers = graph.cells.iter().flat_map(|cell| cell.assessed.iter().map(|of| of.node));
    of_cells.chain(of_pairs).chain(of_answers).collect()
}
