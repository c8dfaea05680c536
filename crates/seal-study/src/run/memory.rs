//! Stages that need more memory than a device of the study has: said before any stage runs.

use seal_store::{Found, Store};

use super::Study;
use super::open_questions::judging_stages;
use super::stages_seen::by_arm;
use crate::error::{MemoryError, StudyError};
use crate::graph::Graph;
use crate::judging::{Judging, section};
use crate::memory::{Peak, each, peaks};
use crate::observer::Silent;
use crate::options::RunOptions;

const GIB: f64 = (1u64 << 30) as f64;

impl Study {
    /// The most memory that the stages of each kind need, in the order in which they run.
    pub fn peaks(&self) -> Vec<Peak> {
        let devices = self.config.device.set();
        devices.map(|set| peaks(&self.arms, &self.judges, &set)).unwrap_or_default()
    }

    /// Refuses what a run would refuse for want of memory: a stage that needs more than a device has and
    /// is not in the store. Nothing is written.
    ///
    /// # Errors
    /// [`StudyError::Memory`]; a store that cannot be read.
    pub fn check_memory(&self, options: &RunOptions) -> Result<(), StudyError> {
        let store = Store::open_to_read(&options.store_dir());
        let judging = Judging::new(&self.judges, &options.store_dir(), &Silent);
        self.refuse_too_large(&self.graph(options, &judging), &store, options)
    }

    /// As [`Study::check_memory`], of a graph that is there.
    pub(super) fn refuse_too_large(
        &self,
        graph: &Graph<'_>,
        store: &Store,
        options: &RunOptions,
    ) -> Result<(), StudyError> {
        let given = self.config.device_memory.map(|gib| (gib * GIB) as u64);
        let Some(has) = given.or(options.device_memory) else { return Ok(()) };
        // Each by itself: an arm of unknown size says nothing of the others.
        let all = each(&self.arms, &self.judges, &self.config.device.set()?);
        let too_large = all.into_iter().filter(|peak| peak.bytes.is_some_and(|bytes| bytes > has));
        for Peak { stage, bytes, of } in too_large {
            // A stage of another arm that is missing may be small.
            for node in self.nodes_of(graph, stage, &of).into_iter().map(|i| &graph.nodes[i]) {
                if !matches!(store.find(node.stage, &node.key, &node.inputs)?, Found::Entry(_)) {
                    let (bytes, devices) =
                        (bytes.unwrap_or_default(), self.config.device.to_string());
                    return Err(MemoryError { stage, of, bytes, devices, has }.into());
                }
            }
        }
        Ok(())
    }

    /// The nodes of the kind `stage` that the arm or the judge `of` needs.
    fn nodes_of(&self, graph: &Graph<'_>, stage: &str, of: &str) -> Vec<usize> {
        if matches!(stage, "assessments" | "pair-verdicts") {
            let stages = judging_stages(graph).into_iter();
            let own = stages.filter(|judged| section(judged.test, judged.judge) == of);
            return own.map(|judged| judged.node).collect();
        }
        let Some(arm) = self.arms.iter().position(|arm| arm.id == of) else { return Vec::new() };
        let needed = by_arm(graph, self.arms.len()).swap_remove(arm);
        needed.into_iter().filter(|i| graph.nodes[*i].stage == stage).collect()
    }
}
