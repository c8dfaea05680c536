//! A judge of pairs, ready to use.

use std::path::Path;

use seal_endpoint::{EndpointSettings, Message, Reply};
use seal_judge::prompt::PairPrompt;
use seal_judge::reading::{Read, read};

use crate::error::JudgingError;
use crate::key::key_of;
use crate::means::{PromptText, judge_reply, prompt_text, refuse_own, turns};
use crate::table::JudgeTable;

/// A judge of pairs: its table with the text of its prompt.
#[derive(Clone, Debug)]
pub struct PairJudge {
    table: JudgeTable,
    prompt: PairPrompt,
}

impl PairJudge {
    /// Reads the table at `path`, and the prompt that it names. `prompt` is another place of that
    /// file, with the same hash.
    ///
    /// # Errors
    /// A table or a prompt that cannot be read or used.
    pub fn open(path: &Path, prompt: Option<&Path>) -> Result<Self, JudgingError> {
        let text = std::fs::read_to_string(path).map_err(JudgingError::io("read", path))?;
        let table = JudgeTable::parse(&text, path)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        Self::of(table, path, folder, prompt)
    }

    /// A judge of a table that was read; `path` names it in messages, and the prompt's file is
    /// looked for from `folder`.
    ///
    /// # Errors
    /// A prompt that cannot be read or used.
    pub fn of(
        table: JudgeTable,
        path: &Path,
        folder: &Path,
        prompt: Option<&Path>,
    ) -> Result<Self, JudgingError> {
        let of = |path: &Path| {
            let path = path.to_owned();
            move |source| JudgingError::Prompt { path, source }
        };
        let prompt = match prompt_text(table.prompt.as_ref(), path, folder, prompt)? {
            None => PairPrompt::own().map_err(of(path))?,
            Some(PromptText { source, file, text, sha256, form }) => {
                PairPrompt::of(&text, sha256, &form, &source.slots).map_err(of(&file))?
            }
        };
        Ok(Self { table, prompt })
    }

    /// The same judge with another largest cost.
    ///
    /// # Errors
    /// [`JudgingError::MaxCost`] for a number that is no cost.
    pub fn with_max_cost(mut self, cost: f64) -> Result<Self, JudgingError> {
        if !(cost.is_finite() && cost >= 0.0) {
            return Err(JudgingError::MaxCost { cost });
        }
        self.table.max_cost = Some(cost);
        Ok(self)
    }

    /// The table.
    pub fn table(&self) -> &JudgeTable {
        &self.table
    }

    /// The prompt.
    pub fn prompt(&self) -> &PairPrompt {
        &self.prompt
    }

    /// The endpoint's settings.
    pub fn endpoint(&self) -> &EndpointSettings {
        &self.table.endpoint
    }

    /// Refuses to let a model judge its own answers, unless the table allows it. The judge's names
    /// are those of the table; what the server names it is checked when it says so.
    ///
    /// # Errors
    /// [`JudgingError::SelfJudged`].
    pub fn refuse_self(&self, models: &[Option<&str>]) -> Result<(), JudgingError> {
        let names = [&self.table.endpoint.model].into_iter().chain(&self.table.served_as);
        refuse_own(names, models, self.table.allow_self)
    }

    /// The same for names by which its server calls it: of replies that are there, too, since they may
    /// be of a run whose table allowed it.
    ///
    /// # Errors
    /// [`JudgingError::SelfJudged`].
    pub fn refuse_served(
        &self,
        served: &[String],
        models: &[Option<&str>],
    ) -> Result<(), JudgingError> {
        refuse_own(served, models, self.table.allow_self)
    }

    /// The messages that ask about two answers.
    pub(crate) fn messages(&self, instruction: &str, first: &str, second: &str) -> Vec<Message> {
        turns(self.prompt.render(instruction, first, second, self.table.seed))
    }

    /// SHA-256 of all that a reply depends on.
    pub(crate) fn key(
        &self,
        instruction: &str,
        first: &str,
        second: &str,
        sample: u32,
    ) -> Result<String, JudgingError> {
        key_of(&self.table.endpoint, &self.messages(instruction, first, second), sample)
    }

    /// A reply as a judgement.
    pub fn read(&self, reply: &Reply) -> Read {
        read(&self.table.verdict, &judge_reply(reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(head: &str, endpoint: &str) -> PairJudge {
        let text = format!(
            "kind = \"pairwise\"\n{head}\n[endpoint]\nbase_url = \"https://h.example/v1\"\n\
             model = \"m\"\n{endpoint}"
        );
        let path = Path::new("judge.toml");
        let table = JudgeTable::parse(&text, path).unwrap();
        PairJudge::of(table, path, Path::new("."), None).unwrap()
    }

    #[test]
    fn a_key_holds_all_that_a_reply_depends_on_and_nothing_else() {
        let key = |judge: &PairJudge| judge.key("q", "one", "two", 0).unwrap();
        let plain = key(&judge("", ""));
        for (head, endpoint) in [
            ("canaries = 0", ""),
            ("max_missing = 0.5\nmax_cost = 1.0\nallow_self = true", ""),
            ("verdict = { form = \"line\" }", ""),
            ("", "api_key_env = \"SOME_KEY\"\nlength_field = \"max_completion_tokens\""),
            ("", "price = { input = 1.0, output = 1.0 }\nlimits = { concurrency = 9 }"),
            ("", "patience = { attempts = 2, seed = 3 }"),
        ] {
            assert_eq!(key(&judge(head, endpoint)), plain, "{head} {endpoint}");
        }
        let mut others = vec![plain];
        for (head, endpoint) in [
            ("seed = 1", ""),
            ("", "temperature = 0.0"),
            ("", "max_tokens = 7"),
            ("", "top_logprobs = 5"),
            ("", "seed = 1"),
            ("", "extra = { reasoning_effort = \"low\" }"),
        ] {
            others.push(key(&judge(head, endpoint)));
        }
        let first = judge("", "");
        others.push(first.key("q", "two", "one", 0).unwrap());
        others.push(first.key("other", "one", "two", 0).unwrap());
        others.push(first.key("q", "one", "two", 1).unwrap());
        let count = others.len();
        others.sort();
        others.dedup();
        assert_eq!(others.len(), count);
    }

    #[test]
    fn a_model_that_would_judge_itself_is_refused_unless_allowed() {
        let models = [Some("arm"), Some("M"), None];
        assert!(judge("", "").refuse_self(&models).is_err());
        assert!(judge("allow_self = true", "").refuse_self(&models).is_ok());
        assert!(judge("", "").refuse_self(&[Some("m2"), None]).is_ok());
        let named = judge("served_as = [\"m-2025\"]", "");
        assert!(named.refuse_self(&[None, Some("M-2025")]).is_err());
    }

    #[test]
    fn a_largest_cost_is_a_number() {
        assert!(judge("", "").with_max_cost(f64::NAN).is_err());
        assert_eq!(judge("", "").with_max_cost(2.0).unwrap().table().max_cost, Some(2.0));
    }
}
