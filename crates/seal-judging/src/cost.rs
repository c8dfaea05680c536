//! What verdicts cost: an estimate before, a sum after.

use seal_endpoint::{Price, Reply, Usage, estimated_tokens};

use crate::error::JudgingError;
use crate::judge::PairJudge;
use crate::line::Line;
use crate::question::QuestionSet;

/// Tokens and money.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Replies that are counted.
    pub replies: usize,
    /// Tokens of prompts.
    pub input: u64,
    /// Tokens of replies.
    pub output: u64,
    /// Money, of the replies that have a price.
    pub money: f64,
    /// Replies without a price.
    pub unpriced: usize,
    /// Replies whose tokens are estimated, because the server counts none.
    pub estimated: usize,
}

impl Cost {
    pub(crate) fn add(&mut self, line: &Line) {
        let usage = line.reply.usage.unwrap_or_default();
        self.replies += 1;
        self.input += usage.input;
        self.output += usage.output;
        self.money += line.cost.unwrap_or_default();
        self.unpriced += usize::from(line.cost.is_none());
        self.estimated += usize::from(line.estimated);
    }
}

/// The tokens of a reply, and whether they are estimated.
pub(crate) fn usage(reply: &Reply, prompt_tokens: u64) -> (Usage, bool) {
    match reply.usage {
        Some(usage) => (usage, false),
        None => {
            let text = reply.content.as_deref().unwrap_or_default();
            (Usage { input: prompt_tokens, output: (text.len() as u64).div_ceil(4) }, true)
        }
    }
}

/// The cost of so many tokens, through a batch or not.
pub(crate) fn money(price: Option<&Price>, usage: Usage, is_batch: bool) -> Option<f64> {
    let price = price?;
    let share = if is_batch { price.batch } else { 1.0 };
    Some(price.of(usage.input, usage.output) * share)
}

/// What a set of questions would cost, before any is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Questions to ask.
    pub questions: usize,
    /// Tokens of their prompts, about.
    pub input: u64,
    /// Tokens of their replies at most.
    pub output: u64,
    /// Money at most, where there is a price.
    pub money: Option<f64>,
}

/// The cost of the questions of `set` with these numbers.
///
/// # Errors
/// [`JudgingError::NoPrice`] where the table has a largest cost and no price.
pub fn estimate(
    judge: &PairJudge,
    set: &QuestionSet<'_>,
    questions: &[usize],
) -> Result<Estimate, JudgingError> {
    let endpoint = judge.endpoint();
    if judge.table().max_cost.is_some() && endpoint.price.is_none() {
        return Err(JudgingError::NoPrice);
    }
    let mut sum = Estimate { questions: questions.len(), ..Estimate::default() };
    for number in questions {
        sum.input += prompt_tokens(judge, set, *number);
        sum.output += u64::from(endpoint.max_tokens);
    }
    sum.money = endpoint.price.map(|price| price.of(sum.input, sum.output));
    Ok(sum)
}

/// Tokens of the prompt of a question, about.
pub(crate) fn prompt_tokens(judge: &PairJudge, set: &QuestionSet<'_>, number: usize) -> u64 {
    let question = &set.questions()[number];
    let (instruction, first, second) = set.texts(question.subject, question.order);
    estimated_tokens(&judge.messages(instruction, &first, &second))
}
