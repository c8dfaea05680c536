//! What a run leaves beside its results: rows of the ranking, provenance and cost.

use std::collections::{BTreeMap, BTreeSet};

use seal_eval::{StudyFacts, row_samples};
use seal_report::{Provenance, RunCost, StageCost, StageOutcome, flat_settings};

use super::Study;
use crate::arm::Arm;
use crate::config::{ArmRole, Config};
use crate::error::{Defect, StudyError};
use crate::exec::{Done, Node};
use crate::graph::Graph;
use crate::options::RunOptions;
use crate::sets::TrainingSet;

/// Rows shown at each end of a ranking and on both sides of its cut.
const SHOWN_ROWS: usize = 10;

/// Burn's version; a test holds it against `Cargo.lock`.
const BURN: &str = "0.22.1";

impl Study {
    /// Rows of SEAL's ranking, with texts for the built-in world only unless
    /// asked for: rows of real data may be harmful.
    pub(super) fn samples(
        &self,
        facts: &StudyFacts,
        options: &RunOptions,
    ) -> Vec<seal_report::RowSample> {
        let Some(i) = self.arms.iter().position(|a| a.role == ArmRole::Seal) else {
            return Vec::new();
        };
        let sets = self.sets.of_arm(i);
        let show = options.show_rows || self.config.world.is_some();
        let texts = if show { sets.data.as_slice() } else { &[] };
        let arm = &facts.arms[i];
        let Some(cell) = arm.cells.first() else { return Vec::new() };
        let Some(selection) = &cell.selection else { return Vec::new() };
        row_samples(
            &arm.id,
            cell.seed,
            sets.name(TrainingSet::Data),
            selection,
            &facts.is_unsafe,
            texts,
            SHOWN_ROWS,
        )
    }

    pub(super) fn provenance(
        &self,
        graph: &Graph<'_>,
        options: &RunOptions,
    ) -> Result<Provenance, StudyError> {
        let versions = [("seal-study", env!("CARGO_PKG_VERSION")), ("burn", BURN)];
        let environment = [
            ("device", self.config.device.to_string()),
            ("jobs", options.jobs.to_string()),
            ("threads of a stage", options.threads.to_string()),
            ("operating system", std::env::consts::OS.to_owned()),
            ("architecture", std::env::consts::ARCH.to_owned()),
        ];
        let bases = self.aligned_bases(graph).into_iter().enumerate().map(|(i, text)| {
            let name = if i == 0 { "base".to_owned() } else { format!("base {}", i + 1) };
            (name, text)
        });
        Ok(Provenance {
            versions: versions.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            settings_toml: self.config.resolved_toml()?,
            arms: self.changes()?,
            command: options.command.clone(),
            environment: environment
                .map(|(k, v)| (k.to_owned(), v))
                .into_iter()
                .chain(bases)
                .collect(),
            ..Provenance::default()
        })
    }
}

impl Study {
    /// By arm, the settings in which it differs from the study's.
    fn changes(&self) -> Result<BTreeMap<String, Changes>, StudyError> {
        let flat = |config: &Config| -> Result<_, StudyError> {
            // Read as it is stored, so that both sides write a number alike.
            let settings = toml::from_str(&config.resolved_toml()?).map_err(Defect::Stored)?;
            Ok(flat_settings(&settings))
        };
        let own = flat(&self.config)?;
        let mut all = BTreeMap::new();
        for arm in &self.arms {
            let of_arm = flat(&arm.config)?;
            let keys: BTreeSet<&String> = own.keys().chain(of_arm.keys()).collect();
            let differs = keys.into_iter().filter(|key| own.get(*key) != of_arm.get(*key));
            let changes: Changes =
                differs.map(|key| (key.clone(), of_arm.get(key).cloned())).collect();
            all.insert(arm.id.clone(), changes);
        }
        Ok(all)
    }
}

/// Settings by dotted keys; `None` where an arm does not have one.
type Changes = BTreeMap<String, Option<String>>;

/// What each stage took.
pub(super) fn cost(graph: &Graph<'_>, done: &[Done], arms: &[Arm], wall_seconds: f64) -> RunCost {
    let stages = graph.nodes.iter().zip(done).enumerate().map(|(i, (node, done))| {
        // The first cell that needs it; others may share it.
        let cell = graph.cells.iter().find(|c| {
            c.answers == i
                || [c.selector, c.selection, c.sft, c.base_nll, c.verdicts].contains(&Some(i))
                || c.pairs.iter().any(|pair| pair.node == i)
                || c.assessed.iter().any(|of| of.node == i)
        });
        stage_cost(node, done, cell.map(|c| (arms[c.arm].id.clone(), c.seed)))
    });
    RunCost { wall_seconds, stages: stages.collect(), ..RunCost::default() }
}

/// What stages took, whose cells are not told.
pub(super) fn cost_of(nodes: &[Node<'_>], done: &[Done], wall_seconds: f64) -> RunCost {
    let stages = nodes.iter().zip(done).map(|(node, done)| stage_cost(node, done, None));
    RunCost { wall_seconds, stages: stages.collect(), ..RunCost::default() }
}

fn stage_cost(node: &Node<'_>, done: &Done, cell: Option<(String, u64)>) -> StageCost {
    let (arm, seed) = cell.unzip();
    StageCost {
        stage: node.stage.to_owned(),
        arm,
        seed,
        key: node.key.to_string(),
        outcome: match done.seconds {
            Some(_) => StageOutcome::Run,
            None => StageOutcome::Found,
        },
        seconds: done.seconds.unwrap_or(0.0),
        tokens: None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn burn_is_the_version_that_is_built() {
        let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");
        let lock = std::fs::read_to_string(lock).unwrap();
        let after = lock.split("\nname = \"burn\"\nversion = \"").nth(1).unwrap();
        assert_eq!(after.split('"').next(), Some(super::BURN));
    }
}
