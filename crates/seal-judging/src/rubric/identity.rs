//! What a judge's replies and its ratings depend on, the texts of an answer apart.

use seal_endpoint::most_tokens;
use seal_judge::pointwise::PointCanary;
use serde_json::{Value, json};

use crate::error::JudgingError;
use crate::key::VERSION;
use crate::means::refuse_own;
use crate::rubric::RubricJudge;

impl RubricJudge {
    /// All that a reply of this judge depends on beside the texts: address, model, prompt, policy,
    /// codes and parameters of sampling. Judges with the same identity share their replies.
    pub fn identity(&self) -> Value {
        let (table, endpoint) = (self.table(), self.endpoint());
        json!({
            "version": VERSION,
            "rates": true,
            "base_url": endpoint.base_url.trim_end_matches('/'),
            "model": endpoint.model,
            "prompt": self.prompt().sha256(),
            "policy": table.policy,
            "codes": table.seed,
            "temperature": endpoint.temperature,
            "max_tokens": endpoint.max_tokens,
            "top_logprobs": endpoint.top_logprobs,
            "seed": endpoint.seed,
            "extra": endpoint.extra,
        })
    }

    /// All that the ratings of this judge depend on beside the texts: its identity, how a reply is
    /// read, whose replies count, and the canaries. Limits, patience, prices, the largest cost, the
    /// share that may be missing and the variable of the key are not among them.
    pub fn settings(&self) -> Value {
        let table = self.table();
        json!({
            "identity": self.identity(),
            "verdict": table.verdict,
            "served_as": table.served_as,
            "canaries": table.canaries,
        })
    }

    /// The most that one question can cost whose answer has at most so many tokens, that of a canary
    /// included; `None` without a price.
    pub fn most_cost(&self, instruction: &str, answer_tokens: u64) -> Option<f64> {
        let own = most_tokens(&self.messages(instruction, ""));
        let claim = PointCanary::ClaimsBad.answer("").len() as u64;
        let output = u64::from(self.endpoint().max_tokens);
        Some(self.endpoint().price?.of(own + answer_tokens + claim, output))
    }

    /// As [`RubricJudge::refuse_self`], for names by which its server calls it: of replies that are
    /// there, too, since they may be of a run whose table allowed it.
    ///
    /// # Errors
    /// [`JudgingError::SelfJudged`].
    pub fn refuse_served(
        &self,
        served: &[String],
        models: &[Option<&str>],
    ) -> Result<(), JudgingError> {
        refuse_own(served, models, self.table().allow_self)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::rubric::RubricTable;

    fn of(head: &str, endpoint: &str) -> RubricJudge {
        let text = format!(
            "kind = \"rubric\"\n{head}\n[endpoint]\nbase_url = \"https://x.example/v1\"\n{endpoint}\n"
        );
        let path = Path::new("judge.toml");
        let table = RubricTable::parse(&text, path).unwrap();
        RubricJudge::of(table, path, Path::new("."), None).unwrap()
    }

    #[test]
    fn how_to_ask_changes_nothing_and_how_to_read_no_reply() {
        let own = of("", "model = \"m\"");
        for (head, endpoint) in [
            ("max_cost = 1.0", "model = \"m\"\nprice = { input = 1.0, output = 1.0 }"),
            ("allow_self = true", "model = \"m\"\napi_key_env = \"K\""),
            ("max_missing = 0.5", "model = \"m\"\nlimits = { concurrency = 9 }"),
        ] {
            assert_eq!(of(head, endpoint).settings(), own.settings(), "{head} {endpoint}");
        }
        for head in ["canaries = 1", "served_as = [\"n\"]", "verdict = { harmful_from = 5.0 }"] {
            let read = of(head, "model = \"m\"");
            assert_eq!(read.identity(), own.identity(), "{head}");
            assert_ne!(read.settings(), own.settings(), "{head}");
        }
        for (head, endpoint) in [
            ("seed = 1", "model = \"m\""),
            ("policy = \"Be kind.\"", "model = \"m\""),
            ("", "model = \"n\""),
            ("", "model = \"m\"\nmax_tokens = 5"),
            ("", "model = \"m\"\ntop_logprobs = 5"),
        ] {
            assert_ne!(of(head, endpoint).identity(), own.identity(), "{head} {endpoint}");
        }
    }

    #[test]
    fn a_question_has_a_most_cost_where_it_has_a_price() {
        assert_eq!(of("", "model = \"m\"").most_cost("q", 10), None);
        let priced = of("", "model = \"m\"\nprice = { input = 1.0, output = 1.0 }");
        let [short, long] = [10, 1_000_010].map(|tokens| priced.most_cost("q", tokens).unwrap());
        assert!((long - short - 1.0).abs() < 1e-9, "{short} {long}");
    }
}
