//! What a study's judges that are models will do, and whether they can be asked.

use std::collections::{BTreeMap, BTreeSet};

use seal_data::Row;
use seal_judge::{Answer, from_jsonl};
use seal_judging::{PairJudge, QuestionSet, estimate, missing_questions};
use seal_store::{Entry, Found, Store};

use super::planning_answers::{answers_ahead, can_rate};
use crate::StudyError;
use crate::config::Config;
use crate::graph::{ArmSets, Graph, PairNode};
use crate::judging::{Judging, Questions, instruction, model_names, pair_up, planned};
use crate::options::{PlannedJudging, PlannedWork};

/// What is known of the questions of one judge.
#[derive(Default)]
struct Ahead {
    /// Of cells whose answers are not there.
    unknown: Questions,
    /// Keys of questions whose answers are there.
    known: BTreeSet<String>,
    cost: f64,
}

/// The questions of each judge of pairs at most, of the cells whose verdicts are not found. Where
/// answers are there, equal ones and replies in the log do not count.
pub(super) fn judging_ahead(
    config: &Config,
    judging: &Judging<'_>,
    sets: &ArmSets,
    graph: &Graph<'_>,
    found: &[Option<Entry>],
) -> Vec<PlannedJudging> {
    let mut all: BTreeMap<(&str, Option<&str>), Ahead> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for pair in graph.cells.iter().flat_map(|cell| &cell.pairs) {
        // Cells that are alike share a stage.
        if found[pair.node].is_some() || !seen.insert(pair.node) {
            continue;
        }
        let (test, name) = (pair.test.as_str(), pair.judge.as_deref());
        let Some(judge) = judging.judges().get(test, name) else { continue };
        let ahead = all.entry((test, name)).or_default();
        let dirs: Option<Vec<&Entry>> =
            graph.nodes[pair.node].deps.iter().map(|d| found[*d].as_ref()).collect();
        let rows = sets.of_arm(0).tests.get(test).map_or(&[][..], Vec::as_slice);
        let answers = dirs.and_then(|dirs| answers_of(config, (test, name), dirs));
        let known = answers.and_then(|answers| {
            let (set, _) = pair_up(rows, &answers[0], &answers[1], &model_names(config));
            ahead.add(judge, judging, &QuestionSet::new(judge, &set).ok()?)
        });
        if known.is_none() {
            ahead.unknown_too(pair);
        }
    }
    let one = |(place, ahead): (&(&str, Option<&str>), &Ahead)| {
        let judge = judging.judges().get(place.0, place.1)?;
        let rows = sets.of_arm(0).tests.get(place.0)?;
        let prompts: Vec<String> = rows.iter().map(instruction).collect();
        let tokens = config.generate.max_new_tokens;
        let mut all = planned(*place, judge, &ahead.unknown, &prompts, tokens);
        all.questions = all.questions.map(|questions| questions + ahead.known.len());
        if let PlannedWork::Asks { cost: Some(cost), .. } = &mut all.work {
            *cost += ahead.cost;
        }
        all.questions.is_some_and(|questions| questions > 0).then_some(all)
    };
    all.iter().filter_map(one).chain(answers_ahead(config, judging, sets, graph, found)).collect()
}

/// The answers of a cell and of its reference; `None` where they cannot be read.
fn answers_of<'a>(
    config: &Config,
    (test, name): (&str, Option<&str>),
    dirs: impl IntoIterator<Item = &'a Entry>,
) -> Option<Vec<Vec<Answer>>> {
    let file = format!("{}.jsonl", config.asked_for(test, name));
    let read = |entry: &Entry| -> Option<Vec<Answer>> {
        from_jsonl(&std::fs::read_to_string(entry.dir.join(&file)).ok()?).ok()
    };
    dirs.into_iter().map(read).collect()
}

impl Ahead {
    fn unknown_too(&mut self, pair: &PairNode) {
        self.unknown.cells += 1;
        self.unknown.references.insert(pair.reference);
    }

    /// Adds the questions of a set that the log lacks; `None` where they cannot be told.
    fn add(
        &mut self,
        judge: &PairJudge,
        judging: &Judging<'_>,
        questions: &QuestionSet<'_>,
    ) -> Option<()> {
        let log = judging.read_log(judge).ok()?;
        let mut missing = missing_questions(judge, questions, log.as_ref());
        missing.retain(|number| self.known.insert(questions.questions()[*number].key.clone()));
        self.cost += estimate(judge, questions, &missing).ok()?.money.unwrap_or_default();
        Some(())
    }
}

/// Refuses a run whose judges cannot be asked though they must be: said before the training. A judge
/// whose log has every reply need not be asked, so no key is needed to read the log in another way.
///
/// # Errors
/// No key, or an address that cannot be used; a store that cannot be read.
pub(super) fn can_ask(
    config: &Config,
    sets: &ArmSets,
    graph: &Graph<'_>,
    judging: &Judging<'_>,
    store: &Store,
) -> Result<(), StudyError> {
    for pair in graph.cells.iter().flat_map(|cell| &cell.pairs) {
        let node = &graph.nodes[pair.node];
        let found = store.find(node.stage, &node.key, &node.inputs)?;
        let judge = judging.judges().get(&pair.test, pair.judge.as_deref());
        if let (Some(judge), false) = (judge, matches!(found, Found::Entry(_))) {
            let place = (pair.test.as_str(), pair.judge.as_deref());
            let mut dirs = Vec::new();
            for dep in &node.deps {
                let dep = &graph.nodes[*dep];
                if let Found::Entry(entry) = store.find(dep.stage, &dep.key, &dep.inputs)? {
                    dirs.push(entry);
                }
            }
            let answers =
                (dirs.len() == node.deps.len()).then(|| answers_of(config, place, &dirs)).flatten();
            let rows = sets.of_arm(0).tests.get(&pair.test).map_or(&[][..], Vec::as_slice);
            let has_all = answers.and_then(|all| has_replies(config, judging, judge, rows, &all));
            if has_all != Some(true) {
                judging.can_ask(judge)?;
            }
        }
    }
    can_rate(config, sets, graph, judging, store)
}

/// Whether the judge's log has a reply to each question about these answers; `None` where it cannot be
/// told.
fn has_replies(
    config: &Config,
    judging: &Judging<'_>,
    judge: &PairJudge,
    rows: &[Row],
    answers: &[Vec<Answer>],
) -> Option<bool> {
    let [arm, reference] = answers else { return None };
    let (set, _) = pair_up(rows, arm, reference, &model_names(config));
    let instructions: Vec<String> = rows.iter().map(instruction).collect();
    let questions =
        QuestionSet::new(judge, &set).ok()?.as_part_of(instructions.iter().map(|i| &**i));
    let log = judging.read_log(judge).ok()?;
    Some(missing_questions(judge, &questions, log.as_ref()).is_empty())
}
