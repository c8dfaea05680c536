//! What a judge's replies and its verdicts depend on, the texts of a pair apart.

use seal_judge::prompt::sha256_hex;
use serde_json::{Value, json};

use crate::judge::PairJudge;
use crate::key::VERSION;

impl PairJudge {
    /// All that a reply of this judge depends on beside the texts: address, model, prompt, codes
    /// and parameters of sampling. Judges with the same identity share their replies.
    pub fn identity(&self) -> Value {
        let (table, endpoint) = (self.table(), self.endpoint());
        json!({
            "version": VERSION,
            "base_url": endpoint.base_url.trim_end_matches('/'),
            "model": endpoint.model,
            "prompt": self.prompt().sha256(),
            "codes": table.seed,
            "temperature": endpoint.temperature,
            "max_tokens": endpoint.max_tokens,
            "top_logprobs": endpoint.top_logprobs,
            "seed": endpoint.seed,
            "extra": endpoint.extra,
        })
    }

    /// All that the verdicts of this judge depend on beside the texts: its identity, how a reply
    /// is read, whose replies count, the canaries, and how many verdicts may be missing. Limits,
    /// patience, prices, the largest cost and the variable of the key are not among them.
    pub fn settings(&self) -> Value {
        let table = self.table();
        let mut settings = json!({
            "identity": self.identity(),
            "verdict": table.verdict,
            "served_as": table.served_as,
            "canaries": table.canaries,
            "max_missing": table.max_missing,
        });
        // One sample is what older programs asked for, and their verdicts stay.
        if table.samples > 1 {
            settings["samples"] = json!(table.samples);
        }
        settings
    }
}

/// Digits of an instruction's hash in a line of the log.
const DIGITS: usize = 16;

/// The start of the SHA-256 of an instruction, as lines of the log have it.
pub(crate) fn instruction_id(instruction: &str) -> String {
    sha256_hex(instruction.as_bytes())[..DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::table::JudgeTable;

    fn of(head: &str, endpoint: &str) -> PairJudge {
        let text = format!(
            "kind = \"pairwise\"\n{head}\n[endpoint]\nbase_url = \"https://x.example/v1\"\n{endpoint}\n"
        );
        let path = Path::new("judge.toml");
        let table = JudgeTable::parse(&text, path).unwrap();
        PairJudge::of(table, path, Path::new("."), None).unwrap()
    }

    #[test]
    fn how_to_ask_changes_nothing_and_how_to_read_no_reply() {
        let own = of("", "model = \"m\"");
        for (head, endpoint) in [
            ("max_cost = 1.0", "model = \"m\"\nprice = { input = 1.0, output = 1.0 }"),
            ("allow_self = true", "model = \"m\"\napi_key_env = \"K\""),
            ("", "model = \"m\"\nlimits = { concurrency = 9 }\npatience = { attempts = 1 }"),
        ] {
            let same = of(head, endpoint);
            assert_eq!(same.settings(), own.settings(), "{head} {endpoint}");
        }
        for head in [
            "max_missing = 0.5",
            "canaries = 1",
            "served_as = [\"n\"]",
            "verdict = { exact = true }",
        ] {
            let read = of(head, "model = \"m\"");
            assert_eq!(read.identity(), own.identity(), "{head}");
            assert_ne!(read.settings(), own.settings(), "{head}");
        }
        for (head, endpoint) in [
            ("seed = 1", "model = \"m\""),
            ("", "model = \"n\""),
            ("", "model = \"m\"\nmax_tokens = 5"),
            ("", "model = \"m\"\ntemperature = 0.5"),
            ("", "model = \"m\"\ntop_logprobs = 5"),
            ("", "model = \"m\"\nseed = 5"),
            ("", "model = \"m\"\nextra = { reasoning_effort = \"low\" }"),
        ] {
            assert_ne!(of(head, endpoint).identity(), own.identity(), "{head} {endpoint}");
        }
    }
}
