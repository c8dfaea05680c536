//! What replies cost.

use seal_endpoint::{Price, Reply, Usage};
use serde::{Deserialize, Serialize};

use crate::line::LogLine;

/// Tokens and money.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JudgingCost {
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
    pub(crate) fn of(line: &LogLine) -> Self {
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

impl JudgingCost {
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

/// The share of its price that a reply costs.
pub(crate) fn share(price: Option<&Price>, is_batch: bool) -> f64 {
    price.filter(|_| is_batch).map_or(1.0, |price| price.batch)
}
