//! What a study's judges that are models will do, and whether they can be asked.

use std::collections::{BTreeMap, BTreeSet};

use seal_store::{Entry, Found, Store};

use super::open_questions::{JudgingStage, judging_stages, open_questions, rows_of};
use crate::StudyError;
use crate::config::Config;
use crate::exec::Node;
use crate::graph::{ArmSets, Graph};
use crate::judging::{Judging, PlannedQuestions, instruction, planned, planned_answers};
use crate::options::{PlannedJudging, PlannedWork};

/// Cost of the longest chain of `nodes` that were not found, each of which needs the one before.
pub(super) fn longest(nodes: &[Node<'_>], found: &[Option<Entry>]) -> f64 {
    let mut ends = vec![0.0_f64; nodes.len()];
    // A stage comes after those it depends on.
    for (i, node) in nodes.iter().enumerate() {
        let before = node.deps.iter().map(|dep| ends[*dep]).fold(0.0, f64::max);
        ends[i] = before + if found[i].is_none() { node.cost } else { 0.0 };
    }
    ends.into_iter().fold(0.0, f64::max)
}

/// What is known of the questions of one judge.
#[derive(Default)]
struct RemainingQuestions {
    /// Of cells whose answers are not there.
    unknown: PlannedQuestions,
    /// Keys of questions whose answers are there.
    known: BTreeSet<String>,
    cost: f64,
    /// Why the replies cannot be read.
    unread: Option<String>,
}

/// What each judge does at most, of the cells that it has not judged. Where answers are there, equal
/// questions count once, and questions with a reply in the log do not count.
pub(super) fn judging_ahead(
    config: &Config,
    judging: &Judging<'_>,
    sets: &ArmSets,
    graph: &Graph<'_>,
    found: &[Option<Entry>],
) -> Vec<PlannedJudging> {
    // Judges of pairs come first.
    let mut all: BTreeMap<(bool, &str, Option<&str>), RemainingQuestions> = BTreeMap::new();
    let stages = judging_stages(graph);
    for stage in stages.iter().filter(|stage| found[stage.node].is_none()) {
        let place = (stage.reference.is_none(), stage.test, stage.judge);
        let ahead = all.entry(place).or_default();
        let entries: Option<Vec<&Entry>> =
            stage.answers.iter().map(|node| found[*node].as_ref()).collect();
        let open = entries.map(|all| open_questions(config, sets, judging, stage, &all));
        match open {
            Some(Ok(Some(open))) => {
                for question in open {
                    if ahead.known.insert(question.key) {
                        ahead.cost += question.cost;
                    }
                }
            }
            Some(Ok(None)) | None => {
                ahead.unknown_too(stage);
                // Once for each judge.
                let is_first = ahead.unknown.cells == 1;
                let judge = judging.judges().asked(stage.test, stage.judge);
                let log = judge.filter(|_| is_first).map(|judge| judging.read_log(judge));
                if let Some(Err(error)) = log {
                    ahead.unread = Some(error.to_string());
                }
            }
            Some(Err(error)) => {
                ahead.unknown_too(stage);
                ahead.unread = Some(error.to_string());
            }
        }
    }
    let one = |((_, test, name), ahead): (&(bool, &str, Option<&str>), RemainingQuestions)| {
        let prompts: Vec<String> = rows_of(sets, test).iter().map(instruction).collect();
        let (place, tokens) = ((*test, *name), config.generate.max_new_tokens);
        let judges = judging.judges();
        let chat = judges.chat(test, *name);
        let mut all = match judges.get(test, *name) {
            Some(judge) => planned(place, (judge, chat), &ahead.unknown, &prompts, tokens),
            None => {
                let judge = (judges.of_answers(test, *name)?, chat);
                planned_answers(place, judge, ahead.unknown.cells, Some(&prompts), tokens)
            }
        };
        all.questions = all.questions.map(|questions| questions + ahead.known.len());
        match (&mut all.work, chat) {
            (PlannedWork::Asks { cost: Some(cost), .. }, _) => *cost += ahead.cost,
            (PlannedWork::Answers { seconds, .. }, Some(chat)) => {
                *seconds = all.questions.and_then(|questions| chat.seconds(questions));
            }
            _ => {}
        }
        all.unread = ahead.unread;
        all.questions.is_some_and(|questions| questions > 0).then_some(all)
    };
    all.into_iter().filter_map(|(place, ahead)| one((&place, ahead))).collect()
}

impl RemainingQuestions {
    fn unknown_too(&mut self, stage: &JudgingStage<'_>) {
        self.unknown.cells += 1;
        self.unknown.references.extend(stage.reference);
    }
}

/// Refuses a run whose judges cannot be asked though they must be: said before the training. A judge
/// whose log has every reply need not be asked, so no key is needed to read the log in another way.
///
/// # Errors
/// No key, or an address that cannot be used; a store or a log that cannot be read; where it is to
/// `probe`, an endpoint that is not there.
pub(super) fn can_ask(
    config: &Config,
    sets: &ArmSets,
    graph: &Graph<'_>,
    judging: &Judging<'_>,
    store: &Store,
    probe: bool,
) -> Result<(), StudyError> {
    let mut asked = Vec::new();
    let find = |node: usize| {
        let node = &graph.nodes[node];
        Ok::<_, StudyError>(match store.find(node.stage, &node.key, &node.inputs)? {
            Found::Entry(entry) => Some(entry),
            Found::Absent | Found::Damaged(_) => None,
        })
    };
    let mut read = BTreeSet::new();
    for stage in judging_stages(graph) {
        let Some(judge) = judging.judges().asked(stage.test, stage.judge) else { continue };
        if find(stage.node)?.is_some() {
            continue;
        }
        let entries = stage.answers.iter().map(|node| find(*node));
        let entries: Option<Vec<Entry>> = entries.collect::<Result<_, StudyError>>()?;
        let open = match &entries {
            None => None,
            Some(all) => {
                let all: Vec<&Entry> = all.iter().collect();
                open_questions(config, sets, judging, &stage, &all)?
            }
        };
        // A log that cannot be read would fail the stage after the training.
        if open.is_none() && read.insert((stage.test, stage.judge)) {
            judging.read_log(judge)?;
        }
        if open.is_none_or(|open| !open.is_empty()) {
            judging.can_ask((stage.test, stage.judge), judge)?;
            asked.push(((stage.test, stage.judge), judge));
        }
    }
    // Only once nothing else is to be said of any judge.
    for (place, judge) in asked.into_iter().filter(|_| probe) {
        judging.probe(place, judge)?;
    }
    Ok(())
}
