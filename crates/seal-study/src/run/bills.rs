//! What the replies of one judge cost, each once.

use std::collections::BTreeMap;

use seal_judging::ReplyCost;
use seal_report::JudgingCost;

/// Replies by question, since cells share some. A blank reply is asked again, and each is billed.
#[derive(Default)]
pub(super) struct Bills(BTreeMap<String, Vec<ReplyCost>>);

impl Bills {
    /// Cells that share a question have the replies that were there when each was judged: the longest
    /// list has them all.
    pub(super) fn add(&mut self, replies: &[ReplyCost]) {
        let mut by_key: BTreeMap<&str, Vec<&ReplyCost>> = BTreeMap::new();
        for reply in replies {
            by_key.entry(&reply.key).or_default().push(reply);
        }
        for (key, own) in by_key {
            let known = self.0.entry(key.to_owned()).or_default();
            if own.len() > known.len() {
                *known = own.into_iter().cloned().collect();
            }
        }
    }

    /// The sum.
    pub(super) fn cost(&self) -> JudgingCost {
        let cost = seal_judging::JudgingCost::of(self.0.values().flatten());
        JudgingCost {
            replies: cost.replies as u64,
            input_tokens: cost.input,
            output_tokens: cost.output,
            estimated: cost.estimated as u64,
            money: (cost.unpriced == 0 && cost.replies > 0).then_some(cost.money),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_to_a_question_is_billed_once() {
        let reply = |key: &str, input| ReplyCost {
            key: key.to_owned(),
            input,
            output: 1,
            money: None,
            estimated: false,
        };
        let mut all = Bills::default();
        // A question whose first reply was blank, seen by two cells; the third saw the blank only.
        all.add(&[reply("a", 10), reply("b", 7), reply("a", 10)]);
        all.add(&[reply("a", 10), reply("a", 10)]);
        all.add(&[reply("a", 10)]);
        let cost = all.cost();
        assert_eq!((cost.replies, cost.input_tokens, cost.output_tokens), (3, 27, 3));
    }
}
