//! The questions that judges behind an endpoint still have about answers in the store.

use std::collections::BTreeSet;

use seal_data::Row;
use seal_judge::{Answer, from_jsonl};
use seal_judging::rubric::AnswerSet;
use seal_judging::{
    AskedJudge, JudgePrompt, JudgingError, QuestionSet, Questions, estimate, missing_questions,
};
use seal_store::Entry;

use crate::config::Config;
use crate::graph::{ArmSets, Graph};
use crate::judging::{Judging, answered, instruction, model_names, pair_up};

/// A stage of a judge that is a model.
pub(super) struct JudgingStage<'g> {
    pub(super) test: &'g str,
    /// Name of a further judge.
    pub(super) judge: Option<&'g str>,
    /// Number of the node.
    pub(super) node: usize,
    /// The reference's answers, as the number of a node; `None` for a judge of single answers.
    pub(super) reference: Option<usize>,
    /// Nodes whose answers the judge is asked about.
    pub(super) answers: &'g [usize],
}

/// A question without a reply.
pub(super) struct OpenQuestion {
    /// SHA-256 of all that its reply depends on: stages may share it.
    pub(super) key: String,
    /// The most that it costs, 0 without a price.
    pub(super) cost: f64,
}

/// Every stage of a judge that is a model, once: cells that are alike share one. Judges of pairs come
/// first.
pub(super) fn judging_stages<'g>(graph: &'g Graph<'_>) -> Vec<JudgingStage<'g>> {
    let deps = |node: usize| graph.nodes[node].deps.as_slice();
    let pairs = graph.cells.iter().flat_map(|cell| &cell.pairs).map(|pair| JudgingStage {
        test: &pair.test,
        judge: pair.judge.as_deref(),
        node: pair.node,
        reference: Some(pair.reference),
        answers: deps(pair.node),
    });
    let single = graph.cells.iter().flat_map(|cell| &cell.assessed).map(|node| JudgingStage {
        test: &node.test,
        judge: node.judge.as_deref(),
        node: node.node,
        reference: None,
        answers: deps(node.node),
    });
    let mut seen = BTreeSet::new();
    pairs.chain(single).filter(|stage| seen.insert(stage.node)).collect()
}

/// The rows of a test.
pub(super) fn rows_of<'a>(sets: &'a ArmSets, test: &str) -> &'a [Row] {
    sets.of_arm(0).tests.get(test).map_or(&[][..], Vec::as_slice)
}

/// The questions of `stage` that the log of its judge lacks, where `entries` have the answers. `None`
/// for a judge that is not behind an endpoint, and for answers that cannot be read: the stage that
/// needs them makes those again.
///
/// # Errors
/// A log that cannot be read; a question that cannot be written.
pub(super) fn open_questions(
    config: &Config,
    sets: &ArmSets,
    judging: &Judging<'_>,
    stage: &JudgingStage<'_>,
    entries: &[&Entry],
) -> Result<Option<Vec<OpenQuestion>>, JudgingError> {
    let (rows, names) = (rows_of(sets, stage.test), model_names(config));
    // As the stage asks: replies about other answers to the test tell whose replies count.
    let instructions: Vec<String> = rows.iter().map(instruction).collect();
    let whole = || instructions.iter().map(String::as_str);
    let Some(answers) = answers_of(config, stage, entries) else { return Ok(None) };
    let judges = judging.judges();
    match (judges.get(stage.test, stage.judge), &*answers) {
        (Some(judge), [arm, reference]) => {
            let (set, _) = pair_up(rows, arm, reference, &names);
            let set = QuestionSet::new(judge, &set)?.as_part_of(whole());
            open(judging, judge, &set).map(Some)
        }
        (None, [answers]) => {
            let judge = judges.of_answers(stage.test, stage.judge);
            let Some(rubric) = judge.and_then(|judge| judge.as_rubric()) else { return Ok(None) };
            let (_, items) = answered(rows, answers);
            let set = AnswerSet::new(rubric, &items, &names)?.as_part_of(whole());
            open(judging, rubric, &set).map(Some)
        }
        _ => Ok(None),
    }
}

/// The questions of a set that the log lacks.
fn open<P: JudgePrompt, S: Questions<P>>(
    judging: &Judging<'_>,
    judge: &AskedJudge<P>,
    set: &S,
) -> Result<Vec<OpenQuestion>, JudgingError> {
    let log = judging.read_log(judge)?;
    let question = |number: usize| {
        let cost = estimate(judge, set, &[number])?.money.unwrap_or_default();
        Ok(OpenQuestion { key: set.keys().of(number).to_owned(), cost })
    };
    missing_questions(judge, set, log.as_ref()).into_iter().map(question).collect()
}

/// The answers in each of `entries`; `None` where some cannot be read.
fn answers_of(
    config: &Config,
    stage: &JudgingStage<'_>,
    entries: &[&Entry],
) -> Option<Vec<Vec<Answer>>> {
    let file = format!("{}.jsonl", config.asked_for(stage.test, stage.judge));
    let read = |entry: &&Entry| -> Option<Vec<Answer>> {
        from_jsonl(&std::fs::read_to_string(entry.dir.join(&file)).ok()?).ok()
    };
    entries.iter().map(read).collect()
}
