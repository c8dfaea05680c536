//! What a study left behind, as plain data.

use std::collections::{BTreeMap, BTreeSet};

use seal_judge::{BothOrders, JudgeKind};
use seal_report::{AnswerJudging, Data, EpochTrace, PairJudging, Role};
use seal_rows::RowId;
use seal_select::SelectorRow;

use crate::error::CellId;
use crate::{EvalError, Evidence};

/// Everything that the figures of a study are computed from.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyFacts {
    /// The study's name.
    pub name: String,
    /// Whether this is a quick look whose figures are no result.
    pub quick: bool,
    /// The study seeds, in the order of the results.
    pub seeds: Vec<u64>,
    /// Id of the arm that win rates are against: standard SFT.
    pub reference: String,
    /// The tests, by name.
    pub tests: BTreeMap<String, TestFacts>,
    /// The rows that were used.
    pub data: Data,
    /// Label of each row of the fine-tuning set that has one: whether it is
    /// unsafe.
    pub is_unsafe: BTreeMap<RowId, bool>,
    /// The arms, in the order of the plan.
    pub arms: Vec<ArmFacts>,
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestFacts {
    /// How it is judged.
    pub judge: TestJudge,
    /// Difference of scores up to which two answers tie, in the judge's unit.
    pub tie: f64,
    /// The judge itself, where it judges pairs.
    pub judging: Option<PairJudging>,
    /// The judge itself, where it is a model that judges answers one by one.
    pub assessing: Option<AnswerJudging>,
    /// Further judges by their names. They decide nothing.
    pub also: BTreeMap<String, FurtherJudge>,
    /// Every prompt of the test, whether or not a model answered it.
    pub prompts: Vec<RowId>,
}

/// How a test is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestJudge {
    /// One answer at a time.
    Single(JudgeKind),
    /// One answer at a time, by a model that says whether it does harm.
    Guard,
    /// One answer at a time, by a model that gives a score.
    Reward,
    /// One answer at a time, rated through an endpoint.
    Rubric,
    /// An arm's answer beside the reference's.
    Pairs,
    /// What most of the further judges say.
    Majority,
}

impl TestJudge {
    /// The name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single(kind) => kind.name(),
            Self::Guard => "guard",
            Self::Reward => "reward",
            Self::Rubric => "rubric",
            Self::Pairs => "pairwise",
            Self::Majority => "majority",
        }
    }

    /// Whether scores are in nats per token.
    pub(super) fn is_likelihood(self) -> bool {
        matches!(self, Self::Single(kind) if kind.is_likelihood())
    }
}

/// A judge beside the one that decides.
#[derive(Clone, Debug, PartialEq)]
pub struct FurtherJudge {
    /// How it judges.
    pub judge: TestJudge,
    /// As [`TestFacts::tie`].
    pub tie: f64,
    /// As [`TestFacts::judging`].
    pub judging: Option<PairJudging>,
    /// As [`TestFacts::assessing`].
    pub assessing: Option<AnswerJudging>,
}

/// A pair of answers: judged in both orders, or equal.
#[derive(Clone, Debug, PartialEq)]
pub struct PairFacts {
    /// The prompt.
    pub id: RowId,
    /// The judgements: one in both orders for each sample.
    pub samples: Vec<BothOrders>,
    /// Characters of the arm's answer less those of the reference's.
    pub excess_length: f64,
    /// Whether the answers are the same: a tie about which no judge was asked.
    pub is_equal: bool,
}

/// Prompts by a test and by the name of a further judge, or `None` for the one that decides.
pub type PromptsByJudge = BTreeMap<(String, Option<String>), BTreeSet<RowId>>;

/// One arm.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmFacts {
    /// Short id, unique in the study.
    pub id: String,
    /// The name that readers see.
    pub label: String,
    /// What the arm is there for.
    pub role: Role,
    /// Name of its ablation, as the plan gives it.
    pub ablation: Option<String>,
    /// The part of the method that the arm changes, as the plan names it.
    pub ablated_part: Option<String>,
    /// What it is replaced by, as the plan writes it.
    pub replacement: Option<String>,
    /// Penalty strength of each selector epoch; `None` without a selector.
    pub gamma: Option<Vec<f64>>,
    /// Name of the selector function; `None` without a selector.
    pub selector: Option<String>,
    /// What there is of the arm, at most one cell per study seed.
    pub cells: Vec<CellFacts>,
}

/// One arm with one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct CellFacts {
    /// The study seed.
    pub seed: u64,
    /// The evidence on the cell's model, by test.
    pub tests: BTreeMap<String, Evidence>,
    /// The pairs behind the evidence, of tests whose deciding judge judges pairs.
    pub pairs: BTreeMap<String, Vec<PairFacts>>,
    /// The evidence by further judges, by test and name.
    pub also: BTreeMap<String, BTreeMap<String, Evidence>>,
    /// Prompts about which a judge of pairs was not asked, because the answers are equal.
    pub unasked: PromptsByJudge,
    /// How rows were chosen; `None` where all rows are used or none is.
    pub selection: Option<SelectionFacts>,
}

/// A selection of rows of the fine-tuning set.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectionFacts {
    /// Share of the rows that was to be kept.
    pub keep_fraction: f64,
    /// Whether `omega` is a score that the rows were ranked by. Where it is not
    /// (rows removed by label), nothing is said of a ranking.
    pub ranked: bool,
    /// Every row, with its logit and whether it is kept. Weights are of a
    /// trained selector only.
    pub rows: Vec<SelectorRow>,
    /// The selector after each epoch; empty where none was trained.
    pub trace: Vec<EpochTrace>,
}

/// Facts that were found to fit each other, with what every figure looks up.
pub(super) struct CheckedFacts<'a> {
    pub facts: &'a StudyFacts,
    pub reference: &'a ArmFacts,
    pub seal: Option<&'a ArmFacts>,
    /// The arm whose fine-tuning set has no unsafe rows. Beside it, the
    /// reference shows whether a test has anything to win back.
    pub ceiling: Option<&'a ArmFacts>,
}

impl<'a> CheckedFacts<'a> {
    /// Checks the facts.
    ///
    /// # Errors
    /// [`EvalError`] for ids or seeds that are there twice, a reference that is
    /// not there, more than one SEAL arm or ceiling, cells of seeds or tests
    /// that the study does not have, and selections that list a row twice.
    pub fn of(facts: &'a StudyFacts) -> Result<Self, EvalError> {
        let mut seeds = BTreeSet::new();
        if let Some(&seed) = facts.seeds.iter().find(|seed| !seeds.insert(**seed)) {
            return Err(EvalError::DuplicateSeed { seed });
        }
        let mut ids = BTreeSet::new();
        for arm in &facts.arms {
            if !ids.insert(arm.id.as_str()) {
                return Err(EvalError::DuplicateArm { arm: arm.id.clone() });
            }
            arm.check(&seeds, &facts.tests)?;
        }
        let Some(reference) = facts.arms.iter().find(|arm| arm.id == facts.reference) else {
            let known = ids.into_iter().map(str::to_owned).collect();
            return Err(EvalError::NoReference { reference: facts.reference.clone(), known });
        };
        Ok(Self {
            facts,
            reference,
            seal: only(facts, Role::Seal, "SEAL")?,
            ceiling: only(facts, Role::Ceiling, "ceiling")?,
        })
    }

    /// The labels of a selection's rows, in their order; `None` unless every
    /// row has one.
    pub fn labels(&self, rows: &[SelectorRow]) -> Option<Vec<bool>> {
        rows.iter().map(|row| self.facts.is_unsafe.get(&row.id).copied()).collect()
    }
}

/// The arm of a role that at most one arm has.
fn only<'a>(
    facts: &'a StudyFacts,
    role: Role,
    name: &'static str,
) -> Result<Option<&'a ArmFacts>, EvalError> {
    let mut arms = facts.arms.iter().filter(|arm| arm.role == role);
    let first = arms.next();
    match arms.next() {
        Some(second) => Err(EvalError::SecondOfRole { arm: second.id.clone(), role: name }),
        None => Ok(first),
    }
}

impl ArmFacts {
    /// Holds the cells against the study's seeds and tests.
    fn check(
        &self,
        seeds: &BTreeSet<u64>,
        tests: &BTreeMap<String, TestFacts>,
    ) -> Result<(), EvalError> {
        let mut done = BTreeSet::new();
        for cell in &self.cells {
            let id = || self.cell_id(cell.seed);
            if !seeds.contains(&cell.seed) {
                return Err(EvalError::UnknownSeed { cell: id() });
            }
            if !done.insert(cell.seed) {
                return Err(EvalError::DuplicateCell { cell: id() });
            }
            if let Some(test) = cell.tests.keys().find(|test| !tests.contains_key(*test)) {
                return Err(EvalError::UnknownTest { cell: id(), test: test.clone() });
            }
            let mut rows = BTreeSet::new();
            let mut selected = cell.selection.iter().flat_map(|selection| &selection.rows);
            if let Some(row) = selected.find(|row| !rows.insert(row.id)) {
                return Err(EvalError::DuplicateRow { cell: id(), row: row.id });
            }
        }
        Ok(())
    }

    /// The place of a cell in messages.
    pub(super) fn cell_id(&self, seed: u64) -> CellId {
        CellId { arm: self.id.clone(), seed }
    }

    /// The cell of a seed.
    pub(super) fn cell(&self, seed: u64) -> Option<&CellFacts> {
        self.cells.iter().find(|cell| cell.seed == seed)
    }

    /// The selection of a cell.
    pub(super) fn selection(&self, seed: u64) -> Option<&SelectionFacts> {
        self.cell(seed).and_then(|cell| cell.selection.as_ref())
    }

    /// The evidence on a cell on a test by a further judge; none where it is not there.
    pub(super) fn opinion(&self, seed: u64, test: &str, name: &str) -> &Evidence {
        let of_cell = self.cell(seed).and_then(|cell| cell.also.get(test)?.get(name));
        of_cell.unwrap_or(Evidence::none())
    }

    /// Whether a judge of pairs was not asked about a prompt, because the answers are equal.
    pub(super) fn is_unasked(&self, seed: u64, test: &str, name: Option<&str>, id: RowId) -> bool {
        let place = (test.to_owned(), name.map(str::to_owned));
        let of_cell = self.cell(seed).and_then(|cell| cell.unasked.get(&place));
        of_cell.is_some_and(|prompts| prompts.contains(&id))
    }

    /// The evidence on a cell on a test; none where it is not there.
    pub(super) fn evidence(&self, seed: u64, test: &str) -> &Evidence {
        self.cell(seed).and_then(|cell| cell.tests.get(test)).unwrap_or(Evidence::none())
    }
}
