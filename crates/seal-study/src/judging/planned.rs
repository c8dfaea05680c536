//! How much a study's judges that are models will do at most, and what it costs at most.

use std::collections::BTreeSet;

use seal_endpoint::EndpointSettings;
use seal_judge::pointwise::PointCanary;
use seal_judging::PairJudge;
use seal_judging::rubric::{CANARY_QUESTIONS, RubricJudge};
use seal_lm::Cost;

use super::{AnswerJudge, ModelJudge, ModelTable};
use crate::options::{PlannedJudging, PlannedWork};

/// Tokens of a judge that a token of an answer counts as. The judge's own tokenizer is not known.
const JUDGE_TOKENS: u64 = 4;

/// Questions about a canary in both orders, one fewer for the copy, whose orders are one question.
const OF_CANARIES: usize = 9;

/// What is to be judged: pairs of cells, each of a reference with a number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Questions {
    /// Cells that are compared.
    pub(crate) cells: usize,
    /// References that get canaries.
    pub(crate) references: BTreeSet<usize>,
}

/// What `judge` asks at most about a test with these prompts, of which a config may know the
/// number alone.
pub(crate) fn planned(
    (test, name): (&str, Option<&str>),
    judge: &PairJudge,
    questions: &Questions,
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
    PlannedJudging {
        test: test.to_owned(),
        judge: name.map(str::to_owned),
        model: judge.endpoint().model.clone(),
        questions: Some(
            2 * prompts.len() * questions.cells * samples as usize + canaries * references,
        ),
        work: asks(judge.endpoint(), judge.table().max_cost, cost),
        unread: None,
    }
}

/// What a judge of single answers does at most about the answers of `cells` to a test with these
/// prompts; `None` where their number is not known.
pub(crate) fn planned_answers(
    (test, name): (&str, Option<&str>),
    judge: &AnswerJudge,
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
            let (table, endpoint) = (judge.table(), judge.endpoint());
            let questions = with_canaries(table.canaries, CANARY_QUESTIONS);
            (endpoint.model.clone(), questions, asks(endpoint, table.max_cost, cost))
        }
        AnswerJudge::Model(judge) => {
            let each = match &judge.table {
                ModelTable::Guard(_) => PointCanary::OF_GUARD.len(),
                ModelTable::Reward(_) => PointCanary::OF_REWARD.len(),
            };
            let questions = with_canaries(judge.table.canaries(), each);
            (judge.name(), questions, runs(judge))
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

fn asks(endpoint: &EndpointSettings, max_cost: Option<f64>, cost: Option<f64>) -> PlannedWork {
    let is_set = |name: &&String| std::env::var(name).is_ok_and(|key| !key.trim().is_empty());
    let unset = endpoint.api_key_env.as_ref().filter(|name| !is_set(name)).cloned();
    PlannedWork::Asks { cost, max_cost, unset }
}

fn runs(judge: &ModelJudge) -> PlannedWork {
    let model = judge.table.model();
    let expected = model.expect.as_ref();
    let found = judge.found.as_ref().map(|found| Cost::of(&found.shape).parameters() as u64);
    let told =
        || expected.map(|e| e.parameters.unwrap_or(Cost::of(&e.shape()).parameters() as u64));
    let parameters = found.or_else(told);
    let memory = parameters.map(|parameters| parameters * model.dtype.bytes() as u64);
    PlannedWork::Runs { parameters, memory }
}
