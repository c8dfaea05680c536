//! How many questions a study's judges of pairs will ask at most, and what they cost at most.

use std::collections::BTreeSet;

use seal_judging::PairJudge;

use crate::options::PlannedJudging;

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
        questions: 2 * prompts.len() * questions.cells * samples as usize + canaries * references,
        cost,
    }
}
