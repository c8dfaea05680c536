//! How much a study's judges that are models will do at most, and what it costs at most.

use std::collections::BTreeSet;

use seal_endpoint::EndpointSettings;
use seal_judge::pointwise::PointCanary;
use seal_judging::PairJudge;
use seal_judging::rubric::{CANARY_QUESTIONS, RubricJudge};

use super::{AnswerJudge, ChatJudge, ModelJudge, ModelTable};
use crate::options::{PlannedJudging, PlannedWork};

/// Tokens of a judge that a token of an answer counts as. The judge's own tokenizer is not known.
const JUDGE_TOKENS: u64 = 4;

/// Questions about a canary in both orders, one fewer for the copy, whose orders are one question.
const OF_CANARIES: usize = 9;

/// What is to be judged: pairs of cells, each of a reference with a number.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlannedQuestions {
    /// Cells that are compared.
    pub(crate) cells: usize,
    /// References that get canaries.
    pub(crate) references: BTreeSet<usize>,
}

/// What `judge` asks at most about a test with these prompts, of which a config may know the
/// number alone.
pub(crate) fn planned(
    (test, name): (&str, Option<&str>),
    (judge, chat): (&PairJudge, Option<&ChatJudge>),
    questions: &PlannedQuestions,
    prompts: &[String],
    max_new_tokens: usize,
) -> PlannedJudging {
    let canaries = OF_CANARIES * judge.table().canaries.min(prompts.len());
    let references = questions.references.len();
    let answer = JUDGE_TOKENS * max_new_tokens as u64;
    let most = |prompt: &String| judge.most_cost(prompt, answer);
    let pairs = prompts.iter().map(most).sum::<Option<f64>>();
    let of_canaries = prompts.iter().take(judge.table().canaries).map(most).sum::<Option<f64>>();
    let samples = judge.table().samples;
    let cost = pairs.zip(of_canaries).map(|(pairs, canaries)| {
        2.0 * pairs * questions.cells as f64 * f64::from(samples)
            + OF_CANARIES as f64 * canaries * references as f64
    });
    let questions = 2 * prompts.len() * questions.cells * samples as usize + canaries * references;
    let endpoint = (judge.endpoint(), judge.table().max_cost);
    let (model, work) = by(endpoint, chat, Some(questions), cost);
    let (test, judge) = (test.to_owned(), name.map(str::to_owned));
    PlannedJudging { test, judge, model, questions: Some(questions), work, unread: None }
}

/// What a judge of single answers does at most about the answers of `cells` to a test with these
/// prompts; `None` where their number is not known.
pub(crate) fn planned_answers(
    (test, name): (&str, Option<&str>),
    (judge, chat): (&AnswerJudge, Option<&ChatJudge>),
    cells: usize,
    prompts: Option<&[String]>,
    max_new_tokens: usize,
) -> PlannedJudging {
    let with_canaries = |canaries: usize, each: usize| {
        prompts.map(|prompts| cells * (prompts.len() + each * canaries.min(prompts.len())))
    };
    let (model, questions, work) = match judge {
        AnswerJudge::Rubric(judge) => {
            let cost = prompts.and_then(|prompts| of_rubric(judge, cells, prompts, max_new_tokens));
            let questions = with_canaries(judge.table().canaries, CANARY_QUESTIONS);
            let endpoint = (judge.endpoint(), judge.table().max_cost);
            let (model, work) = by(endpoint, chat, questions, cost);
            (model, questions, work)
        }
        AnswerJudge::Model(judge) => {
            let each = match &judge.table {
                ModelTable::Guard(_) => PointCanary::OF_GUARD.len(),
                ModelTable::Reward(_) => PointCanary::OF_REWARD.len(),
            };
            let questions = with_canaries(judge.table.canaries(), each);
            (judge.name(), questions, runs(judge, questions))
        }
    };
    let (test, judge) = (test.to_owned(), name.map(str::to_owned));
    PlannedJudging { test, judge, model, questions, work, unread: None }
}

fn of_rubric(
    judge: &RubricJudge,
    cells: usize,
    prompts: &[String],
    max_new_tokens: usize,
) -> Option<f64> {
    let answer = JUDGE_TOKENS * max_new_tokens as u64;
    let most = |prompt: &String| judge.most_cost(prompt, answer);
    let all = prompts.iter().map(most).sum::<Option<f64>>()?;
    // Which answers get canaries, only the answers tell.
    let costs = prompts.iter().map(most).collect::<Option<Vec<f64>>>()?;
    let dearest = costs.into_iter().fold(0.0, f64::max);
    let canaries = CANARY_QUESTIONS * judge.table().canaries.min(prompts.len());
    Some(cells as f64 * (all + canaries as f64 * dearest))
}

/// The name of a judge that is asked so many questions, and what they take.
fn by(
    (endpoint, max_cost): (&EndpointSettings, Option<f64>),
    chat: Option<&ChatJudge>,
    questions: Option<usize>,
    cost: Option<f64>,
) -> (String, PlannedWork) {
    match chat {
        Some(chat) => (chat.name(), chat.planned(questions)),
        None => (endpoint.model.clone(), asks(endpoint, max_cost, cost)),
    }
}

fn asks(endpoint: &EndpointSettings, max_cost: Option<f64>, cost: Option<f64>) -> PlannedWork {
    let is_set = |name: &&String| std::env::var(name).is_ok_and(|key| !key.trim().is_empty());
    let unset = endpoint.api_key_env.as_ref().filter(|name| !is_set(name)).cloned();
    PlannedWork::Asks { cost, max_cost, unset }
}

fn runs(judge: &ModelJudge, answers: Option<usize>) -> PlannedWork {
    let parameters = judge.parameters().map(|parameters| parameters as u64);
    let memory = judge.memory();
    PlannedWork::Runs { parameters, memory, seconds: answers.and_then(|n| judge.seconds(n)) }
}
