//! What a study's judges of single answers will do, and whether those behind an endpoint can be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use seal_data::Row;
use seal_judge::pointwise::PointItem;
use seal_judge::{Answer, from_jsonl};
use seal_judging::rubric::{AnswerSet, RubricJudge, estimate, missing_questions};
use seal_store::{Entry, Found, Store};

use crate::StudyError;
use crate::config::Config;
use crate::graph::{AnswerNode, ArmSets, Graph};
use crate::judging::{Judging, answered, instruction, model_names, planned_answers};
use crate::options::{PlannedJudging, PlannedWork};

/// What is known of the questions of one judge.
#[derive(Default)]
struct Ahead {
    /// Cells of which nothing is known but the number of their prompts.
    unknown: usize,
    /// Keys of questions whose answers are there.
    known: BTreeSet<String>,
    cost: f64,
}

/// What each judge does at most, of the cells whose assessments are not found. Where answers are
/// there, replies in the log do not count.
pub(super) fn answers_ahead(
    config: &Config,
    judging: &Judging<'_>,
    sets: &ArmSets,
    graph: &Graph<'_>,
    found: &[Option<Entry>],
) -> Vec<PlannedJudging> {
    let mut all: BTreeMap<(&str, Option<&str>), Ahead> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for node in graph.cells.iter().flat_map(|cell| &cell.assessed) {
        // Cells that are alike share a stage.
        if found[node.node].is_some() || !seen.insert(node.node) {
            continue;
        }
        let (test, name) = (node.test.as_str(), node.judge.as_deref());
        let Some(judge) = judging.judges().of_answers(test, name) else { continue };
        let ahead = all.entry((test, name)).or_default();
        let answers = graph.nodes[node.node].deps.first().and_then(|d| found[*d].as_ref());
        let known = judge.as_rubric().zip(answers).and_then(|(rubric, entry)| {
            let names = model_names(config);
            let items = items_of(config, node, rows_of(sets, test), &entry.dir)?;
            let set = AnswerSet::new(rubric, &items, &names).ok()?;
            ahead.add(judging, rubric, &set)
        });
        if known.is_none() {
            ahead.unknown += 1;
        }
    }
    let one = |(place, ahead): (&(&str, Option<&str>), &Ahead)| {
        let judge = judging.judges().of_answers(place.0, place.1)?;
        let prompts: Vec<String> = rows_of(sets, place.0).iter().map(instruction).collect();
        let tokens = config.generate.max_new_tokens;
        let mut all = planned_answers(*place, judge, ahead.unknown, Some(&prompts), tokens);
        all.questions = all.questions.map(|questions| questions + ahead.known.len());
        if let PlannedWork::Asks { cost: Some(cost), .. } = &mut all.work {
            *cost += ahead.cost;
        }
        all.questions.is_some_and(|questions| questions > 0).then_some(all)
    };
    all.iter().filter_map(one).collect()
}

/// Refuses a run whose rubrics cannot be asked though they must be: said before the training.
///
/// # Errors
/// No key, or an address that cannot be used; a store that cannot be read.
pub(super) fn can_rate(
    config: &Config,
    sets: &ArmSets,
    graph: &Graph<'_>,
    judging: &Judging<'_>,
    store: &Store,
) -> Result<(), StudyError> {
    for node in graph.cells.iter().flat_map(|cell| &cell.assessed) {
        let judge = judging.judges().of_answers(&node.test, node.judge.as_deref());
        let Some(rubric) = judge.and_then(|judge| judge.as_rubric()) else { continue };
        let stage = &graph.nodes[node.node];
        if let Found::Entry(_) = store.find(stage.stage, &stage.key, &stage.inputs)? {
            continue;
        }
        let answers = &graph.nodes[stage.deps[0]];
        let has_all = match store.find(answers.stage, &answers.key, &answers.inputs)? {
            Found::Entry(entry) => {
                has_replies(config, judging, rubric, node, rows_of(sets, &node.test), &entry.dir)
            }
            Found::Absent | Found::Damaged(_) => None,
        };
        if has_all != Some(true) {
            judging.can_ask(rubric)?;
        }
    }
    Ok(())
}

/// Whether the judge's log has a reply to each question about these answers; `None` where it cannot be
/// told.
fn has_replies(
    config: &Config,
    judging: &Judging<'_>,
    rubric: &RubricJudge,
    node: &AnswerNode,
    rows: &[Row],
    dir: &Path,
) -> Option<bool> {
    let names = model_names(config);
    let items = items_of(config, node, rows, dir)?;
    let instructions: Vec<String> = rows.iter().map(instruction).collect();
    let set = AnswerSet::new(rubric, &items, &names).ok()?;
    let set = set.as_part_of(instructions.iter().map(|text| &**text));
    let log = judging.read_log(rubric).ok()?;
    Some(missing_questions(rubric, &set, log.as_ref()).is_empty())
}

fn rows_of<'a>(sets: &'a ArmSets, test: &str) -> &'a [Row] {
    sets.of_arm(0).tests.get(test).map_or(&[][..], Vec::as_slice)
}

/// The answers of a cell as the stage has them; `None` where they cannot be read.
fn items_of(
    config: &Config,
    node: &AnswerNode,
    rows: &[Row],
    dir: &Path,
) -> Option<Vec<PointItem>> {
    let file = format!("{}.jsonl", config.asked_for(&node.test, node.judge.as_deref()));
    let answers: Vec<Answer> = from_jsonl(&std::fs::read_to_string(dir.join(&file)).ok()?).ok()?;
    Some(answered(rows, &answers).1)
}

impl Ahead {
    /// Adds the questions of a set that the log lacks; `None` where they cannot be told.
    fn add(
        &mut self,
        judging: &Judging<'_>,
        rubric: &RubricJudge,
        set: &AnswerSet<'_>,
    ) -> Option<()> {
        let log = judging.read_log(rubric).ok()?;
        let mut missing = missing_questions(rubric, set, log.as_ref());
        missing.retain(|number| self.known.insert(set.key_of(*number).to_owned()));
        self.cost += estimate(rubric, set, &missing).ok()?.money.unwrap_or_default();
        Some(())
    }
}
