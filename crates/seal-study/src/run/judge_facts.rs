//! What the judges of all tests left behind, put together for the figures.

use std::collections::{BTreeMap, BTreeSet};

use seal_data::RowId;
use seal_eval::{CellFacts, Evidence, FurtherJudge, PairFacts, SampledPair, TestFacts};
use seal_judge::{JudgeError, Verdict, mean_worth, sampled_verdict};
use seal_judging::{CanaryKind, CanaryResult, CanaryStanding, PairJudge};
use seal_report::{Canaries, PairJudging, Standing};
use seal_stats::two_orders;

use super::answer_facts::{AnswerOutputs, models};
use super::bills::Bills;
use crate::arm::Arm;
use crate::config::{Config, OneJudge};
use crate::error::{Defect, StudyError};
use crate::exec::Done;
use crate::graph::{Cell, Graph};
use crate::judging::{ChatJudge, JudgeId, Judges, model_names};
use crate::stages::{PairOutput, read_evidence};

/// What the stages of one judge of pairs left, over all cells.
#[derive(Default)]
struct Collected {
    served: BTreeSet<String>,
    pairs: u64,
    equal: u64,
    missing: u64,
    worths: Vec<[Option<f64>; 2]>,
    canaries: BTreeMap<CanaryKind, CanaryResult>,
    /// References whose canaries are counted: arms share them.
    references: BTreeSet<usize>,
    bills: Bills,
}

/// The outputs of all judges that are models, read once.
pub(super) struct JudgeOutputs {
    answers: AnswerOutputs,
    outputs: BTreeMap<usize, PairOutput>,
    judging: BTreeMap<JudgeId, PairJudging>,
}

impl JudgeOutputs {
    /// Reads the output of every stage.
    ///
    /// # Errors
    /// A stage's folder that cannot be read; verdicts of a model on its own answers, unless the
    /// judge's table allows them. A stage does not depend on that permission.
    pub(super) fn read(
        config: &Config,
        arms: &[Arm],
        graph: &Graph<'_>,
        done: &[Done],
        judges: &Judges,
    ) -> Result<Self, StudyError> {
        let answers = AnswerOutputs::read(config, arms, graph, done, judges)?;
        let names = model_names(config);
        let models = [Some(names[0].as_str()), Some(names[1].as_str())];
        let mut outputs = BTreeMap::new();
        let mut all: BTreeMap<JudgeId, Collected> = BTreeMap::new();
        for node in graph.cells.iter().flat_map(|cell| &cell.pairs) {
            if outputs.contains_key(&node.node) {
                continue;
            }
            let output = PairOutput::read(&done[node.node].dir)?;
            let judge = judges.get(&node.test, node.judge.as_deref()).ok_or(Defect::NoJudge)?;
            judge.refuse_served(&output.judge.served, &models)?;
            let place = (node.test.clone(), node.judge.clone());
            all.entry(place).or_default().add(&output, node.reference);
            outputs.insert(node.node, output);
        }
        let mut judging = BTreeMap::new();
        for ((test, name), collected) in all {
            let judge = judges.get(&test, name.as_deref()).ok_or(Defect::NoJudge)?;
            let chat = judges.chat(&test, name.as_deref());
            judging.insert((test, name), collected.judging(judge, chat)?);
        }
        Ok(Self { answers, outputs, judging })
    }

    /// The judge at this place; `None` where it judged no pair.
    fn judging(&self, test: &str, name: Option<&str>) -> Option<PairJudging> {
        self.judging.get(&(test.to_owned(), name.map(str::to_owned))).cloned()
    }

    /// The test `test` with its judges.
    pub(super) fn test(&self, config: &Config, test: &str, prompts: Vec<RowId>) -> TestFacts {
        let judges = &config.judge[test];
        let also = judges.also.iter().map(|(name, judge)| {
            let judging = self.judging(test, Some(name));
            let assessing = self.answers.judging(test, Some(name));
            let (judge, tie) = (judge.kind(), judge.tie());
            (name.clone(), FurtherJudge { judge, tie, judging, assessing })
        });
        TestFacts {
            judge: judges.first.kind(),
            tie: judges.first.tie(),
            judging: self.judging(test, None),
            assessing: self.answers.judging(test, None),
            also: also.collect(),
            prompts,
        }
    }

    /// The evidence of one judge on a cell. A majority has none until all arms are there.
    fn evidence(
        &self,
        cell: &Cell,
        done: &[Done],
        (test, prompts): (&str, &[RowId]),
        (name, judge): (Option<&str>, &OneJudge),
    ) -> Result<Evidence, StudyError> {
        match judge {
            OneJudge::Single(_) => {
                let node = cell.verdicts.ok_or(Defect::NoJudge)?;
                read_evidence(&done[node].dir, test, name)
            }
            // The reference ties with itself, and so do equal answers.
            OneJudge::Pairs(_) => Ok(match self.of_cell(cell, test, name) {
                None => Evidence::ties(prompts),
                Some(output) => {
                    let sampled = |pair: &crate::stages::StoredPair| {
                        let samples = pair.samples();
                        let worth = mean_worth(&samples);
                        SampledPair { id: pair.id, verdict: sampled_verdict(&samples), worth }
                    };
                    Evidence::Sampled(output.pairs.iter().map(sampled).collect())
                }
            }),
            OneJudge::Guard(_) | OneJudge::Reward(_) | OneJudge::Rubric(_) => {
                self.answers.evidence(cell, test, name)
            }
            OneJudge::Majority(_) => Ok(Evidence::none().clone()),
        }
    }

    /// The prompts of a cell about which a judge of pairs was not asked: those with equal answers.
    fn unasked(
        &self,
        cell: &Cell,
        (test, prompts): (&str, &[RowId]),
        name: Option<&str>,
    ) -> BTreeSet<RowId> {
        match self.of_cell(cell, test, name) {
            None => prompts.iter().copied().collect(),
            Some(output) => {
                output.pairs.iter().filter(|pair| pair.is_equal).map(|pair| pair.id).collect()
            }
        }
    }

    fn of_cell(&self, cell: &Cell, test: &str, name: Option<&str>) -> Option<&PairOutput> {
        let mut nodes = cell.pairs.iter();
        let found = nodes.find(|node| node.test == test && node.judge.as_deref() == name)?;
        self.outputs.get(&found.node)
    }

    /// The evidence on a cell by all judges of all tests.
    ///
    /// # Errors
    /// A stage's folder that cannot be read.
    pub(super) fn cell(
        &self,
        config: &Config,
        cell: &Cell,
        done: &[Done],
        tests: &BTreeMap<String, TestFacts>,
    ) -> Result<CellFacts, StudyError> {
        let mut facts = CellFacts {
            seed: cell.seed,
            tests: BTreeMap::new(),
            pairs: BTreeMap::new(),
            also: BTreeMap::new(),
            unasked: BTreeMap::new(),
            selection: None,
        };
        for (test, of_test) in tests {
            for (name, judge) in config.judge[test].all() {
                let place = (test.as_str(), of_test.prompts.as_slice());
                let evidence = self.evidence(cell, done, place, (name, judge))?;
                if matches!(judge, OneJudge::Pairs(_)) {
                    let unasked = self.unasked(cell, place, name);
                    facts.unasked.insert((test.clone(), name.map(str::to_owned)), unasked);
                }
                match name {
                    None => drop(facts.tests.insert(test.clone(), evidence)),
                    Some(name) => {
                        let of_test = facts.also.entry(test.clone()).or_default();
                        of_test.insert(name.to_owned(), evidence);
                    }
                }
            }
            if let Some(output) = self.of_cell(cell, test, None) {
                let pair = |pair: &crate::stages::StoredPair| PairFacts {
                    id: pair.id,
                    samples: pair.samples(),
                    excess_length: pair.length as f64 - pair.reference_length as f64,
                    is_equal: pair.is_equal,
                };
                facts.pairs.insert(test.clone(), output.pairs.iter().map(pair).collect());
            }
        }
        Ok(facts)
    }
}

impl Collected {
    fn add(&mut self, output: &PairOutput, reference: usize) {
        self.served.extend(output.judge.served.iter().cloned());
        for pair in &output.pairs {
            self.pairs += 1;
            self.equal += u64::from(pair.is_equal);
            let samples = pair.samples();
            self.missing += u64::from(mean_worth(&samples).is_none());
            // The judge was not asked about equal answers: they say nothing of its consistency.
            if !pair.is_equal {
                self.worths.extend(samples.iter().map(|sample| sample.order_worths()));
            }
        }
        if self.references.insert(reference) {
            for canary in &output.judge.canaries {
                let sum = self.canaries.get(&canary.kind).map_or(*canary, |sum| sum.with(canary));
                self.canaries.insert(canary.kind, sum);
            }
        }
        self.bills.add(&output.replies);
    }

    fn judging(
        self,
        judge: &PairJudge,
        chat: Option<&ChatJudge>,
    ) -> Result<PairJudging, StudyError> {
        let orders = two_orders(&self.worths).map_err(seal_judging::JudgingError::from)?;
        let canaries = self.canaries.values().map(|canary| Canaries {
            kind: canary.kind.name().to_owned(),
            won: canary.won as u64,
            tied: canary.tied as u64,
            lost: canary.lost as u64,
            missing: canary.missing as u64,
            standing: match canary.standing() {
                CanaryStanding::Passed => Standing::Passed,
                CanaryStanding::Failed => Standing::Failed,
                CanaryStanding::NoVerdict => Standing::NoVerdict,
                CanaryStanding::NotTestable => Standing::NotTestable,
                CanaryStanding::NotAsked => Standing::NotAsked,
            },
        });
        Ok(PairJudging {
            models: models(self.served, chat),
            prompt: judge.prompt().sha256().to_owned(),
            pairs: self.pairs,
            equal: self.equal,
            missing: self.missing,
            flip_rate: orders.flip_rate,
            first_slot_rate: orders.first_slot,
            canaries: canaries.collect(),
            cost: self.bills.cost(),
        })
    }
}

/// Puts the evidence of majorities in its place. It needs that of the reference's cell.
///
/// # Errors
/// Evidence that does not fit the test.
pub(super) fn fill_majorities(
    cells: &mut [&mut CellFacts],
    reference: &CellFacts,
    tests: &BTreeMap<String, TestFacts>,
) -> Result<(), StudyError> {
    let majority = |facts: &&TestFacts| facts.judge == seal_eval::TestJudge::Majority;
    for (test, facts) in tests.iter().filter(|(_, facts)| majority(facts)) {
        for cell in cells.iter_mut() {
            let of = |(name, judge): (&String, &FurtherJudge)| {
                let own = cell.also.get(test).and_then(|all| all.get(name));
                let theirs = reference.also.get(test).and_then(|all| all.get(name));
                let own = own.unwrap_or(Evidence::none());
                let theirs = theirs.unwrap_or(Evidence::none());
                let verdicts = own.verdicts(theirs, &facts.prompts, judge.tie)?;
                Ok(verdicts.into_iter().collect::<BTreeMap<RowId, Verdict>>())
            };
            let judges: Result<Vec<_>, JudgeError> = facts.also.iter().map(of).collect();
            let evidence = Evidence::majority(&facts.prompts, &judges?);
            cell.tests.insert(test.clone(), evidence);
        }
    }
    Ok(())
}
