//! The stages of judges of single answers that are models: one for each cell, test and judge.

use super::arm_sets::KeyedSets;
use super::pair_node::AnswerNode;
use super::{Cell, Effort, GraphBuilder, inputs, version};
use crate::arm::Arm;
use crate::judging::{AnswerJudge, Judging};
use crate::stages::{self, AssessmentsInput};

impl<'a> GraphBuilder<'a> {
    /// The stages that judge the answers of a cell. They depend on nothing else.
    pub(super) fn assessments(
        &mut self,
        cell: &Cell,
        arm: &'a Arm,
        known: &'a KeyedSets,
        judging: &'a Judging<'a>,
    ) -> Vec<AnswerNode> {
        let (config, mut nodes) = (&arm.config, Vec::new());
        for (test, name, judge) in judging.judges().answers() {
            let Some(rows) = known.sets.tests.get(test) else { continue };
            let facts = &known.facts.tests[test];
            let asked = config.asked_for(test, name);
            let by = name.map_or_else(String::new, |name| format!(" by {name}"));
            let effort = match judge {
                AnswerJudge::Rubric(judge) => {
                    let endpoint = judge.endpoint();
                    // About a second a question, and as many at once as the limits allow.
                    let waves = rows.len() as f64 / endpoint.limits.concurrency as f64;
                    let network = Some(endpoint.base_url.as_str());
                    match judging.judges().chat(test, name) {
                        Some(chat) => {
                            let cost = 1.0 + chat.seconds(rows.len()).unwrap_or(waves);
                            Effort { network, ..Effort::on(config, cost) }
                        }
                        None => Effort { cost: waves, device: None, devices: 0, network },
                    }
                }
                AnswerJudge::Model(judge) => {
                    Effort::on(config, 1.0 + judge.seconds(rows.len()).unwrap_or_default())
                }
            };
            let node = self.add(
                ("assessments", version::ASSESSMENTS),
                format!("{} seed {} on {test}{by}", arm.id, cell.seed),
                inputs::assessments(judge, &asked, facts),
                vec![cell.answers],
                effort,
                Box::new(move |job| {
                    let input = AssessmentsInput { config, rows, judging, test, name };
                    stages::assessments(&input, job)
                }),
            );
            let (test, judge) = (test.to_owned(), name.map(str::to_owned));
            nodes.push(AnswerNode { test, judge, node });
        }
        nodes
    }
}
