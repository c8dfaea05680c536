//! What is said of bases that the study makes of model folders.

use super::Study;
use crate::graph::Graph;
use crate::sets::TrainingSet;

impl Study {
    /// The bases that are model folders fine-tuned first, each once: how they are made, and where in
    /// the store they stand.
    pub(super) fn aligned_bases(&self, graph: &Graph<'_>) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let mut add = |text: String| match all.contains(&text) {
            true => {}
            false => all.push(text),
        };
        for cell in &graph.cells {
            let (arm, sets) = (&self.arms[cell.arm], self.sets.of_arm(cell.arm));
            let (rows, set) = (sets.base.len(), sets.name(TrainingSet::Base));
            if let Some(of) = arm.config.alignment() {
                let key = &graph.nodes[cell.base].key;
                add(format!("{}; in the store: base/{key}", of.in_words(rows, set)));
            }
            let proxy = arm.proxy.as_ref().filter(|_| arm.has_selector());
            if let Some(of) = proxy.and_then(|proxy| proxy.alignment()) {
                add(format!("of the selector: {}", of.in_words(rows, set)));
            }
        }
        all
    }
}
