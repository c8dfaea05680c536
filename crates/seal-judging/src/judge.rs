//! A judge of pairs, ready to use.

use std::collections::BTreeMap;
use std::path::Path;

use seal_endpoint::{EndpointSettings, Finish, Logprobs, Message, Reply, TokenPosition};
use seal_judge::prompt::{PairPrompt, checked_text, sha256_hex};
use seal_judge::reading::{JudgeReply, Read, TokenProbabilities, read};
use serde::Serialize;
use serde_json::Value;

use crate::error::JudgingError;
use crate::table::{JudgeTable, PromptSource};

/// Part of every key: raise it when a question changes its meaning.
pub(crate) const VERSION: u32 = 1;

/// All that a reply depends on, written as JSON in this order.
///
/// Limits, patience, price, the variable of the API key and the name of the length field are not
/// here: none of them changes what a model says.
#[derive(Serialize)]
struct Key<'a> {
    version: u32,
    base_url: &'a str,
    model: &'a str,
    messages: &'a [Message],
    temperature: Option<f64>,
    max_tokens: u32,
    top_logprobs: Option<u8>,
    seed: Option<i64>,
    extra: &'a BTreeMap<String, Value>,
    sample: u32,
}

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
        let bad = |why: &str| JudgingError::Table {
            path: path.to_owned(),
            line: None,
            why: why.to_owned(),
        };
        let prompt = match (&table.prompt, prompt) {
            (Some(source), file) => {
                let form = source.prompt_form().map_err(bad)?;
                let file = file.map_or_else(|| folder.join(&source.file), Path::to_owned);
                let bytes = std::fs::read(&file).map_err(|error| JudgingError::PromptFile {
                    path: file.clone(),
                    source: error,
                    origin: origin(source),
                })?;
                let of = |source| JudgingError::Prompt { path: file.clone(), source };
                let (text, sha256) = checked_text(bytes, source.sha256.as_deref()).map_err(of)?;
                PairPrompt::of(&text, sha256, &form, &source.slots).map_err(of)?
            }
            (None, Some(_)) => {
                return Err(bad("it names no prompt, so that no other place of it can be given"));
            }
            (None, None) => PairPrompt::own()
                .map_err(|source| JudgingError::Prompt { path: path.to_owned(), source })?,
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
        self.refuse_own(
            [&self.table.endpoint.model].into_iter().chain(&self.table.served_as),
            models,
        )
    }

    /// The same for names by which its server calls it.
    pub(crate) fn refuse_served(
        &self,
        served: &[String],
        models: &[Option<&str>],
    ) -> Result<(), JudgingError> {
        self.refuse_own(served, models)
    }

    fn refuse_own<'a>(
        &self,
        names: impl IntoIterator<Item = &'a String>,
        models: &[Option<&str>],
    ) -> Result<(), JudgingError> {
        let is_own = |name: &&String| {
            models.iter().flatten().any(|model| model.eq_ignore_ascii_case(name.trim()))
        };
        match names.into_iter().find(is_own) {
            Some(name) if !self.table.allow_self => {
                Err(JudgingError::SelfJudged { model: seal_text::escape_start(name, 100) })
            }
            _ => Ok(()),
        }
    }

    /// The messages that ask about two answers.
    pub(crate) fn messages(&self, instruction: &str, first: &str, second: &str) -> Vec<Message> {
        let turns = self.prompt.render(instruction, first, second, self.table.seed);
        let system = turns.system.map(Message::system);
        system.into_iter().chain([Message::user(turns.user)]).collect()
    }

    /// SHA-256 of all that a reply depends on.
    pub(crate) fn key(
        &self,
        instruction: &str,
        first: &str,
        second: &str,
    ) -> Result<String, JudgingError> {
        let endpoint = &self.table.endpoint;
        let key = Key {
            version: VERSION,
            base_url: endpoint.base_url.trim_end_matches('/'),
            model: &endpoint.model,
            messages: &self.messages(instruction, first, second),
            temperature: endpoint.temperature,
            max_tokens: endpoint.max_tokens,
            top_logprobs: endpoint.top_logprobs,
            seed: endpoint.seed,
            extra: &endpoint.extra,
            sample: 0,
        };
        Ok(sha256_hex(&serde_json::to_vec(&key)?))
    }

    /// A reply as a judgement.
    pub fn read(&self, reply: &Reply) -> Read {
        let position = |position: &TokenPosition| TokenProbabilities {
            token: position.token.clone(),
            choices: position.choices.iter().map(|c| (c.token.clone(), c.logprob)).collect(),
        };
        let positions = match &reply.logprobs {
            Logprobs::Tokens(all) => Some(all.iter().map(position).collect()),
            Logprobs::Absent | Logprobs::Null => None,
        };
        let reply = JudgeReply {
            content: reply.content.clone(),
            is_refused: reply.refusal.is_some() || reply.finish == Finish::ContentFilter,
            is_cut: reply.finish == Finish::Length,
            positions,
        };
        read(&self.table.verdict, &reply)
    }
}

/// Where to get a prompt that is not there.
fn origin(source: &PromptSource) -> String {
    match (&source.source, &source.sha256) {
        (Some(place), Some(hash)) => {
            format!("; others wrote it: get it from {place} (sha256 {hash})")
        }
        (Some(place), None) => format!("; others wrote it: get it from {place}"),
        (None, _) => String::new(),
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
        let key = |judge: &PairJudge| judge.key("q", "one", "two").unwrap();
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
        others.push(first.key("q", "two", "one").unwrap());
        others.push(first.key("other", "one", "two").unwrap());
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
