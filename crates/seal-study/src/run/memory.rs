//! Stages that need more memory than a device of the study has: said before any stage runs.

use seal_store::{Found, Store};

use super::Study;
use crate::error::{MemoryError, StudyError};
use crate::graph::Graph;
use crate::memory::{Peak, each, peaks};
use crate::options::RunOptions;

const GIB: f64 = (1u64 << 30) as f64;

impl Study {
    /// The most memory that the stages of each kind need, in the order in which they run.
    pub fn peaks(&self) -> Vec<Peak> {
        let devices = self.config.device.set();
        devices.map(|set| peaks(&self.arms, &self.judges, &set)).unwrap_or_default()
    }

    /// Refuses a study with a stage that needs more memory than a device has and is not in the store.
    ///
    /// # Errors
    /// [`StudyError::Memory`]; a store that cannot be read.
    pub(super) fn refuse_too_large(
        &self,
        graph: &Graph<'_>,
        store: &Store,
        options: &RunOptions,
    ) -> Result<(), StudyError> {
        let given = self.config.device_memory.map(|gib| (gib * GIB) as u64);
        let Some(has) = given.or(options.device_memory) else { return Ok(()) };
        // Each by itself: an arm of unknown size says nothing of the others.
        for Peak { stage, bytes, of } in each(&self.arms, &self.judges, &self.config.device.set()?)
        {
            let Some(bytes) = bytes.filter(|bytes| *bytes > has) else { continue };
            for node in graph.nodes.iter().filter(|node| node.stage == stage) {
                if !matches!(store.find(node.stage, &node.key, &node.inputs)?, Found::Entry(_)) {
                    let devices = self.config.device.to_string();
                    return Err(MemoryError { stage, of, bytes, devices, has }.into());
                }
            }
        }
        Ok(())
    }
}
