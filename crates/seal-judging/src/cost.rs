//! What verdicts cost: an estimate before, a sum after.

use seal_endpoint::{Price, Reply, Usage, estimated_tokens, most_tokens};
use serde::{Deserialize, Serialize};

use crate::error::JudgingError;
use crate::inquiry::{Inquiry, PairInquiry};
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

/// Tokens and money of one reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyCost {
    /// Key of its question.
    pub key: String,
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the reply.
    pub output: u64,
    /// Money, where there was a price when it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<f64>,
    /// Whether the tokens are estimated, because the server counts none.
    #[serde(default)]
    pub estimated: bool,
}

impl ReplyCost {
    pub(crate) fn of(line: &Line) -> Self {
        let usage = line.reply.usage.unwrap_or_default();
        Self {
            key: line.key.clone(),
            input: usage.input,
            output: usage.output,
            money: line.cost,
            estimated: line.estimated,
        }
    }
}

impl Cost {
    /// The sum over replies.
    pub fn of<'a>(replies: impl IntoIterator<Item = &'a ReplyCost>) -> Self {
        let mut sum = Self::default();
        for reply in replies {
            sum.replies += 1;
            sum.input += reply.input;
            sum.output += reply.output;
            sum.money += reply.money.unwrap_or_default();
            sum.unpriced += usize::from(reply.money.is_none());
            sum.estimated += usize::from(reply.estimated);
        }
        sum
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
    Some(price?.of(usage.input, usage.output) * share(price, is_batch))
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
    estimate_of(&PairInquiry { judge, set }, questions)
}

/// The same for questions of any kind.
pub(crate) fn estimate_of(
    inquiry: &dyn Inquiry,
    questions: &[usize],
) -> Result<Estimate, JudgingError> {
    refuse_unpriced(inquiry)?;
    let endpoint = inquiry.endpoint();
    let mut sum = Estimate { questions: questions.len(), ..Estimate::default() };
    for number in questions {
        sum.input += prompt_tokens(inquiry, *number);
        sum.output += u64::from(endpoint.max_tokens);
    }
    let money = || questions.iter().map(|number| most(inquiry, *number)).sum();
    sum.money = endpoint.price.map(|_| money());
    Ok(sum)
}

/// Refuses a largest cost where nothing has a price.
pub(crate) fn refuse_unpriced(inquiry: &dyn Inquiry) -> Result<(), JudgingError> {
    match inquiry.max_cost().is_some() && inquiry.endpoint().price.is_none() {
        true => Err(JudgingError::NoPrice),
        false => Ok(()),
    }
}

/// The most that one attempt at a question can cost, 0 without a price.
pub(crate) fn most(inquiry: &dyn Inquiry, number: usize) -> f64 {
    let endpoint = inquiry.endpoint();
    endpoint.price.map_or(0.0, |price| {
        let input = most_tokens(&inquiry.messages(number));
        price.of(input, u64::from(endpoint.max_tokens))
    })
}

/// What counts of a reply against the largest cost: the most that it can have cost, where its
/// server counts no tokens.
pub(crate) fn charge(inquiry: &dyn Inquiry, number: usize, line: &Line) -> f64 {
    let price = inquiry.endpoint().price.as_ref();
    if line.estimated {
        return most(inquiry, number) * share(price, line.batch);
    }
    charge_alone(inquiry, line)
}

/// The same of a reply whose question is none of the set.
pub(crate) fn charge_alone(inquiry: &dyn Inquiry, line: &Line) -> f64 {
    let usage = line.reply.usage.unwrap_or_default();
    let price = inquiry.endpoint().price.as_ref();
    line.cost.or_else(|| money(price, usage, line.batch)).unwrap_or_default()
}

/// The share of its price that a reply costs.
pub(crate) fn share(price: Option<&Price>, is_batch: bool) -> f64 {
    price.filter(|_| is_batch).map_or(1.0, |price| price.batch)
}

/// Tokens of the prompt of a question, about.
pub(crate) fn prompt_tokens(inquiry: &dyn Inquiry, number: usize) -> u64 {
    estimated_tokens(&inquiry.messages(number))
}

impl PairJudge {
    /// The most that one question can cost whose answers have at most so many tokens each, those of
    /// a canary included; `None` without a price.
    pub fn most_cost(&self, instruction: &str, answer_tokens: u64) -> Option<f64> {
        let own = most_tokens(&self.messages(instruction, "", ""));
        let claim = crate::canary::CanaryKind::Injection.answer("").len() as u64;
        let output = u64::from(self.endpoint().max_tokens);
        Some(self.endpoint().price?.of(own + 2 * answer_tokens + claim, output))
    }
}
