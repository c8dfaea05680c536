//! What a study's judges of pairs will ask, and whether they can be asked.

use std::collections::{BTreeMap, BTreeSet};

use seal_judge::{Answer, from_jsonl};
use seal_judging::{PairJudge, QuestionSet, estimate, missing_questions};
use seal_store::{Entry, Found, Store};

use crate::StudyError;
use crate::config::Config;
use crate::graph::{ArmSets, Graph, PairNode};
use crate::judging::{Judging, Questions, instruction, model_names, pair_up, planned};
use crate::options::PlannedJudging;

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
        let file = format!("{}.jsonl", config.asked_for(test, name));
        let read = |entry: &&Entry| -> Option<Vec<Answer>> {
            from_jsonl(&std::fs::read_to_string(entry.dir.join(&file)).ok()?).ok()
        };
        let answers: Option<Vec<Vec<Answer>>> =
            dirs.and_then(|dirs| dirs.iter().map(read).collect());
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
        all.questions += ahead.known.len();
        all.cost = all.cost.map(|cost| cost + ahead.cost);
        (all.questions > 0).then_some(all)
    };
    all.iter().filter_map(one).collect()
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

/// Refuses a run whose judges cannot be asked though they must be: said before the training.
///
/// # Errors
/// No key, or an address that cannot be used; a store that cannot be read.
pub(super) fn can_ask(
    graph: &Graph<'_>,
    judging: &Judging<'_>,
    store: &Store,
) -> Result<(), StudyError> {
    for pair in graph.cells.iter().flat_map(|cell| &cell.pairs) {
        let node = &graph.nodes[pair.node];
        let found = store.find(node.stage, &node.key, &node.inputs)?;
        let judge = judging.judges().get(&pair.test, pair.judge.as_deref());
        if let (Some(judge), false) = (judge, matches!(found, Found::Entry(_))) {
            judging.can_ask(judge)?;
        }
    }
    Ok(())
}
