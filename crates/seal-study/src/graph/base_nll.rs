//! The stages that score the answers of a cell under the base.

use super::arm_sets::KeyedSets;
use super::cost::StageCosts;
use super::{Cell, Effort, GraphBuilder, inputs, version};
use crate::arm::Arm;
use crate::config::Config;
use crate::stages;

impl<'a> GraphBuilder<'a> {
    /// The stage of a cell; `None` where the config does not ask for it, or no judge reads answers. One
    /// base scores the answers of every arm, so that their values can be compared: that of the
    /// reference, `by`.
    pub(super) fn base_nll(
        &mut self,
        cell: &Cell,
        arm: &'a Arm,
        known: &'a KeyedSets,
        by: (&'a Config, &'a KeyedSets),
    ) -> Option<usize> {
        let config = &arm.config;
        let askings = config.askings(known.sets.tests.keys());
        let asked = askings.iter().filter(|asking| asking.of.is_none());
        let tests: std::collections::BTreeMap<_, _> =
            asked.map(|asking| (asking.name.clone(), &known.sets.tests[asking.test][..])).collect();
        if !config.coherence.base_nll || tests.is_empty() {
            return None;
        }
        let base = self.base(by.0, by.1);
        let cost = StageCosts::of(by.0, &known.facts).base_nll;
        Some(self.add(
            ("base-nll", version::BASE_NLL),
            format!("{} seed {}", arm.id, cell.seed),
            inputs::base_nll(by.0, config, &known.facts),
            vec![base, cell.answers],
            Effort::on(by.0, cost),
            Box::new(move |job| stages::base_nll(by.0, &tests, job)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::super::tests::loaded;
    use super::super::{ArmSets, graph};
    use crate::judging::{Judges, Judging};
    use crate::observer::Silent;

    #[test]
    fn one_base_scores_the_answers_of_every_arm_where_the_config_asks_for_it() {
        let nodes = |set: &[String]| {
            let arms = loaded(set).unwrap();
            let sets = ArmSets::of(&arms).unwrap();
            let judges = Judges::of(&arms[0].config, &Default::default()).unwrap();
            let judging = Judging::new(&judges, Path::new(""), &Silent);
            let graph = graph(&arms, &sets, &arms[0].config.study.seeds, &judging);
            let of = |stage: &str| -> Vec<(String, Vec<usize>)> {
                let nodes = graph.nodes.iter().filter(|node| node.stage == stage);
                nodes.map(|node| (node.label.clone(), node.deps.clone())).collect()
            };
            (of("base-nll"), of("answers").len(), graph.cells.iter().all(|c| c.base_nll.is_some()))
        };
        let (off, _, _) = nodes(&[]);
        assert!(off.is_empty());
        let (on, answers, every_cell) = nodes(&["coherence.base_nll=true".to_owned()]);
        assert!(every_cell && on.len() == answers && answers > 10, "{} of {answers}", on.len());
        let bases: BTreeSet<usize> = on.iter().map(|(_, deps)| deps[0]).collect();
        assert_eq!(bases.len(), 1);
    }
}
