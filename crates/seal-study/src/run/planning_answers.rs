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
            let at = (config, node, rows_of(sets, test), entry.dir.as_path());
            let known = missing(at, judging, rubric, |set, open| ahead.add(rubric, set, open));
            known.unwrap_or_else(|error| {
                tracing::warn!(%error, "the replies of a judge cannot be read");
                None
            })
        });
        if known.flatten().is_none() {
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
/// No key, or an address that cannot be used; a store or a log that cannot be read.
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
                let at = (config, node, rows_of(sets, &node.test), entry.dir.as_path());
                missing(at, judging, rubric, |_, open| open.is_empty())?
            }
            Found::Absent | Found::Damaged(_) => None,
        };
        if has_all != Some(true) {
            judging.can_ask(rubric)?;
        }
    }
    Ok(())
}

/// What `tell` makes of the questions about the answers of a cell, and of the numbers of those that the
/// judge's log lacks. `None` where the answers make no set of questions.
///
/// # Errors
/// A log that cannot be read.
fn missing<T>(
    (config, node, rows, dir): (&Config, &AnswerNode, &[Row], &Path),
    judging: &Judging<'_>,
    rubric: &RubricJudge,
    tell: impl FnOnce(&AnswerSet<'_>, Vec<usize>) -> T,
) -> Result<Option<T>, StudyError> {
    let names = model_names(config);
    let Some(items) = items_of(config, node, rows, dir) else { return Ok(None) };
    let Ok(set) = AnswerSet::new(rubric, &items, &names) else { return Ok(None) };
    // As the stage asks: replies to other answers of the test say whose replies count.
    let instructions: Vec<String> = rows.iter().map(instruction).collect();
    let set = set.as_part_of(instructions.iter().map(|text| &**text));
    let log = judging.read_log(rubric)?;
    let open = missing_questions(rubric, &set, log.as_ref());
    Ok(Some(tell(&set, open)))
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
    /// Adds the questions `open` of a set, which the log lacks; `None` where their cost cannot be told.
    fn add(
        &mut self,
        rubric: &RubricJudge,
        set: &AnswerSet<'_>,
        mut open: Vec<usize>,
    ) -> Option<()> {
        open.retain(|number| self.known.insert(set.key_of(*number).to_owned()));
        self.cost += estimate(rubric, set, &open).ok()?.money.unwrap_or_default();
        Some(())
    }
}
