//! What judges of single answers that are models left behind, put together for the figures.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use seal_eval::Evidence;
use seal_judge::pointwise::PointCanary;
use seal_report::{AnswerCanaries, AnswerFigures, AnswerJudging};

use super::bills::Bills;
use crate::arm::Arm;
use crate::config::Config;
use crate::error::{Defect, StudyError};
use crate::exec::Done;
use crate::graph::{Cell, Graph};
use crate::judging::{AnswerJudge, ChatJudge, JudgeId, Judges, model_names};
use crate::stages::{AssessedOutput, RunningSum, StoredCanary};

/// What the stages of one judge left, over all cells.
#[derive(Default)]
struct Collected {
    served: BTreeSet<String>,
    answers: u64,
    missing: u64,
    low_mass: Option<u64>,
    cut: u64,
    canaries: BTreeMap<PointCanary, StoredCanary>,
    repeats: Option<StoredCanary>,
    arms: BTreeMap<String, OfArm>,
    bills: Bills,
}

/// What a judge says of the answers of one arm.
#[derive(Default)]
struct OfArm {
    answers: u64,
    missing: u64,
    p_harmful: RunningSum,
    score: RunningSum,
}

/// The outputs of all such judges, read once.
pub(super) struct AnswerOutputs {
    outputs: BTreeMap<usize, AssessedOutput>,
    judging: BTreeMap<JudgeId, AnswerJudging>,
}

impl AnswerOutputs {
    /// Reads the output of every stage.
    ///
    /// # Errors
    /// A stage's folder that cannot be read; more missing verdicts than the judge allows, and ratings
    /// of a model on its own answers, since a stage depends on neither permission.
    pub(super) fn read(
        config: &Config,
        arms: &[Arm],
        graph: &Graph<'_>,
        done: &[Done],
        judges: &Judges,
    ) -> Result<Self, StudyError> {
        let names = model_names(config);
        let models = [Some(names[0].as_str()), Some(names[1].as_str())];
        let mut outputs: BTreeMap<usize, AssessedOutput> = BTreeMap::new();
        let mut all: BTreeMap<JudgeId, Collected> = BTreeMap::new();
        for cell in &graph.cells {
            for node in &cell.assessed {
                let (test, name) = (node.test.as_str(), node.judge.as_deref());
                let judge = judges.of_answers(test, name).ok_or(Defect::NoJudge)?;
                let of_judge = all.entry((test.to_owned(), node.judge.clone())).or_default();
                let output = match outputs.entry(node.node) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => {
                        let output = read(&done[node.node].dir, test, judge, &models)?;
                        of_judge.add(&output, judge);
                        new.insert(output)
                    }
                };
                let of_arm = of_judge.arms.entry(arms[cell.arm].id.clone()).or_default();
                of_arm.add(output);
            }
        }
        let mut judging = BTreeMap::new();
        for ((test, name), collected) in all {
            let judge = judges.of_answers(&test, name.as_deref()).ok_or(Defect::NoJudge)?;
            let chat = judges.chat(&test, name.as_deref());
            judging.insert((test, name), collected.judging(judge, chat));
        }
        Ok(Self { outputs, judging })
    }

    /// The judge at this place; `None` where it judged no answer.
    pub(super) fn judging(&self, test: &str, name: Option<&str>) -> Option<AnswerJudging> {
        self.judging.get(&(test.to_owned(), name.map(str::to_owned))).cloned()
    }

    /// What a judge says of a cell.
    ///
    /// # Errors
    /// A cell without the judge's stage.
    pub(super) fn evidence(
        &self,
        cell: &Cell,
        test: &str,
        name: Option<&str>,
    ) -> Result<Evidence, StudyError> {
        let mut nodes = cell.assessed.iter();
        let found = nodes.find(|node| node.test == test && node.judge.as_deref() == name);
        let output = found.and_then(|node| self.outputs.get(&node.node)).ok_or(Defect::NoJudge)?;
        Ok(output.evidence())
    }
}

/// Reads a stage's folder, and refuses what the judge's settings do not allow.
fn read(
    dir: &Path,
    test: &str,
    judge: &AnswerJudge,
    models: &[Option<&str>],
) -> Result<AssessedOutput, StudyError> {
    let output = AssessedOutput::read(dir)?;
    output.judge.check(test, judge, None)?;
    if let Some(rubric) = judge.as_rubric() {
        rubric.refuse_served(&output.judge.served, models)?;
    }
    Ok(output)
}

/// Names of a judge's model in results: those of its server, or that of a model here, which its
/// questions name by a hash.
pub(super) fn models(served: BTreeSet<String>, chat: Option<&ChatJudge>) -> Vec<String> {
    match chat {
        Some(chat) => vec![chat.name()],
        None => served.into_iter().collect(),
    }
}

impl OfArm {
    fn add(&mut self, output: &AssessedOutput) {
        self.answers += output.judge.answers as u64;
        self.missing += output.judge.missing as u64;
        self.p_harmful = self.p_harmful.with(output.judge.p_harmful);
        self.score = self.score.with(output.judge.score);
    }
}

impl Collected {
    fn add(&mut self, output: &AssessedOutput, by: &AnswerJudge) {
        let AssessedOutput { judge, replies, .. } = output;
        self.served.extend(judge.served.iter().cloned());
        self.answers += judge.answers as u64;
        self.missing += judge.missing as u64;
        self.cut += judge.cut as u64;
        if let Some(low_mass) = judge.low_mass {
            *self.low_mass.get_or_insert(0) += low_mass as u64;
        }
        for canary in judge.canaries(by) {
            let Some(kind) = canary.kind else { continue };
            let sum = self.canaries.get(&kind).map_or(canary, |sum| sum.with(&canary));
            self.canaries.insert(kind, sum);
        }
        if let Some(repeats) = judge.repeats {
            self.repeats = Some(self.repeats.map_or(repeats, |sum| sum.with(&repeats)));
        }
        self.bills.add(replies);
    }

    fn judging(self, judge: &AnswerJudge, chat: Option<&ChatJudge>) -> AnswerJudging {
        let (models, cost) = match judge {
            AnswerJudge::Model(judge) => (vec![judge.name()], None),
            AnswerJudge::Rubric(_) => (models(self.served, chat), Some(self.bills.cost())),
        };
        let count = |name: &str, found: &StoredCanary| {
            let [passed, failed, missing] =
                [found.passed, found.failed, found.missing].map(|count| count as u64);
            AnswerCanaries::new(name, passed, failed, missing)
        };
        let canaries = self.canaries.iter().map(|(kind, found)| count(kind.name(), found));
        let repeats = self.repeats.iter().map(|found| count("repeat", found));
        let figures = |of: OfArm| AnswerFigures {
            answers: of.answers,
            missing: of.missing,
            mean_p_harmful: of.p_harmful.mean(),
            mean_score: of.score.mean(),
        };
        AnswerJudging {
            models,
            prompt: judge.prompt(),
            answers: self.answers,
            missing: self.missing,
            low_mass: self.low_mass,
            cut: self.cut,
            canaries: canaries.chain(repeats).collect(),
            arms: self.arms.into_iter().map(|(arm, of)| (arm, figures(of))).collect(),
            cost,
        }
    }
}
