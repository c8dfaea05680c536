//! The stages of judges of pairs: one for each cell, test and judge.

use super::arm_sets::KeyedSets;
use super::pair_node::PairNode;
use super::{Cell, Effort, GraphBuilder, inputs, version};
use crate::arm::Arm;
use crate::judging::Judging;
use crate::stages::{self, PairInput};

impl<'a> GraphBuilder<'a> {
    /// The stages that compare a cell with the answers `reference`; none where they are its own.
    pub(super) fn pairs(
        &mut self,
        cell: &Cell,
        arm: &'a Arm,
        known: &'a KeyedSets,
        reference: Option<usize>,
        judging: &'a Judging<'a>,
    ) -> Vec<PairNode> {
        let Some(reference) = reference.filter(|reference| *reference != cell.answers) else {
            return Vec::new();
        };
        let (config, mut nodes) = (&arm.config, Vec::new());
        for (test, name, judge) in judging.judges().all() {
            let Some(rows) = known.sets.tests.get(test) else { continue };
            let facts = &known.facts.tests[test];
            let asked = config.asked_for(test, name);
            let by = name.map_or_else(String::new, |name| format!(" by {name}"));
            let endpoint = judge.endpoint();
            // About a second a question, and as many at once as the limits allow.
            let questions = 2.0 * rows.len() as f64 * f64::from(judge.table().samples);
            let waves = questions / endpoint.limits.concurrency as f64;
            // One model at a time: each stage reads its weights.
            let network = Some(endpoint.base_url.as_str());
            let effort = match judging.judges().chat(test, name) {
                Some(chat) => {
                    let cost = 1.0 + chat.seconds(questions as usize).unwrap_or(waves);
                    Effort { network, ..Effort::on(config, cost) }
                }
                None => Effort { cost: waves, device: None, devices: 0, network },
            };
            let node = self.add(
                ("pair-verdicts", version::PAIR_VERDICTS),
                format!("{} seed {} on {test}{by}", arm.id, cell.seed),
                inputs::pair_verdicts(judge, &asked, facts),
                vec![cell.answers, reference],
                effort,
                Box::new(move |job| {
                    let input = PairInput { config, rows, judging, test, name };
                    stages::pair_verdicts(&input, job)
                }),
            );
            let (test, judge) = (test.to_owned(), name.map(str::to_owned));
            nodes.push(PairNode { test, judge, node, reference });
        }
        nodes
    }
}
