//! What questions cost at most, before they are asked, and what counts of them afterwards.

use seal_endpoint::{estimated_tokens, most_tokens};

use crate::canary::CanaryKind;
use crate::cost::{money, share};
use crate::error::JudgingError;
use crate::inquiry::{Inquire, Inquiry, Questions};
use crate::judge::{AskedJudge, PairJudge};
use crate::judge_prompt::JudgePrompt;
use crate::line::LogLine;

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
pub fn estimate<P: JudgePrompt, S: Questions<P>>(
    judge: &AskedJudge<P>,
    set: &S,
    questions: &[usize],
) -> Result<Estimate, JudgingError> {
    let inquiry = &Inquire { judge, set };
    refuse_unpriced(inquiry)?;
    let endpoint = judge.endpoint();
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
pub(crate) fn charge(inquiry: &dyn Inquiry, number: usize, line: &LogLine) -> f64 {
    let price = inquiry.endpoint().price.as_ref();
    if line.estimated {
        return most(inquiry, number) * share(price, line.batch);
    }
    charge_alone(inquiry, line)
}

/// The same of a reply whose question is none of the set.
pub(crate) fn charge_alone(inquiry: &dyn Inquiry, line: &LogLine) -> f64 {
    let usage = line.reply.usage.unwrap_or_default();
    let price = inquiry.endpoint().price.as_ref();
    line.cost.or_else(|| money(price, usage, line.batch)).unwrap_or_default()
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
        let claim = CanaryKind::Injection.answer("").len() as u64;
        let output = u64::from(self.endpoint().max_tokens);
        Some(self.endpoint().price?.of(own + 2 * answer_tokens + claim, output))
    }
}
