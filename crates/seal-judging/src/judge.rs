//! A judge that is asked, ready to use.

use std::path::Path;

use seal_endpoint::{EndpointSettings, Message, Reply, most_tokens};
use seal_judge::pointwise::PointCanary;
use seal_judge::prompt::{PairPrompt, RubricPrompt, sha256_hex};
use seal_judge::reading::{Rating, ReadJudgement, read, read_rating};
use serde_json::{Value, json};

use crate::error::JudgingError;
use crate::judge_prompt::JudgePrompt;
use crate::key::{VERSION, key_of};
use crate::kind::TableKind;
use crate::local::{LocalIdentity, last_part};
use crate::means::{PromptText, judge_reply, prompt_text, refuse_own, turns};
use crate::table::{AskedTable, ReplySettings as _};

/// A judge that is asked: its table with the text of its prompt, and how it is asked.
#[derive(Clone, Debug)]
pub struct AskedJudge<P: JudgePrompt> {
    table: AskedTable<P::Slots, P::Reading>,
    prompt: P,
    asked: EndpointSettings,
}

/// A judge of pairs.
pub type PairJudge = AskedJudge<PairPrompt>;

/// A judge that rates answers.
pub type RubricJudge = AskedJudge<RubricPrompt>;

impl<P: JudgePrompt> AskedJudge<P> {
    /// Reads the table at `path`, and the prompt that it names. `prompt` is another place of that
    /// file, with the same hash.
    ///
    /// # Errors
    /// A table or a prompt that cannot be read or used; a model on this machine.
    pub fn open(path: &Path, prompt: Option<&Path>) -> Result<Self, JudgingError> {
        let text = std::fs::read_to_string(path).map_err(JudgingError::io("read", path))?;
        let table = AskedTable::parse(&text, path)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        Self::of(table, path, folder, prompt)
    }

    /// A judge behind an endpoint, of a table that was read; `path` names it in messages, and the
    /// prompt's file is looked for from `folder`.
    ///
    /// # Errors
    /// [`JudgingError::LocalModel`]; a prompt that cannot be read or used, and a policy that it has
    /// no slot for.
    pub fn of(
        table: AskedTable<P::Slots, P::Reading>,
        path: &Path,
        folder: &Path,
        prompt: Option<&Path>,
    ) -> Result<Self, JudgingError> {
        match table.endpoint.clone() {
            Some(asked) => Self::asked_by(table, path, folder, prompt, asked),
            None => Err(JudgingError::LocalModel { path: path.to_owned() }),
        }
    }

    /// A judge that is a model on this machine, which has this identity. The rest is as with
    /// [`AskedJudge::of`].
    ///
    /// # Errors
    /// [`JudgingError::NoModel`]; as [`AskedJudge::of`] for prompts.
    pub fn of_model(
        table: AskedTable<P::Slots, P::Reading>,
        path: &Path,
        folder: &Path,
        prompt: Option<&Path>,
        identity: &LocalIdentity,
    ) -> Result<Self, JudgingError> {
        match table.model.as_ref().map(|model| model.asked(identity)) {
            Some(asked) => Self::asked_by(table, path, folder, prompt, asked),
            None => Err(JudgingError::NoModel { path: path.to_owned() }),
        }
    }

    fn asked_by(
        table: AskedTable<P::Slots, P::Reading>,
        path: &Path,
        folder: &Path,
        prompt: Option<&Path>,
        asked: EndpointSettings,
    ) -> Result<Self, JudgingError> {
        let of = |path: &Path| {
            let path = path.to_owned();
            move |source| JudgingError::Prompt { path, source }
        };
        let prompt = match prompt_text(table.prompt.as_ref(), path, folder, prompt)? {
            None => P::built_in().map_err(of(path))?,
            Some(PromptText { source, file, text, sha256, form }) => {
                P::of(&text, sha256, &form, &source.slots).map_err(of(&file))?
            }
        };
        if table.policy.is_some() && !prompt.has_policy() {
            return Err(JudgingError::Table {
                path: path.to_owned(),
                line: None,
                why: "it has a policy, and its prompt no slot for one; remove it, or write the \
                      slot {policy} into the prompt"
                    .to_owned(),
            });
        }
        Ok(Self { table, prompt, asked })
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
    pub fn table(&self) -> &AskedTable<P::Slots, P::Reading> {
        &self.table
    }

    /// The prompt.
    pub fn prompt(&self) -> &P {
        &self.prompt
    }

    /// How the judge is asked. Of a judge behind an endpoint these are its settings. A model on
    /// this machine has an address that no server has, the hash of its identity as its name and a
    /// price of 0, and takes one question at a time.
    pub fn endpoint(&self) -> &EndpointSettings {
        &self.asked
    }

    /// The judge's name for people.
    pub fn name(&self) -> String {
        match &self.table.model {
            Some(model) => model.name(),
            None => self.asked.model.clone(),
        }
    }

    /// Refuses to let a model judge its own answers, unless the table allows it. The judge's names
    /// are those of the table; what a server names it is checked when it says so. Of a model on this
    /// machine, the last part of its path or address is compared with the last part of each of
    /// `models`.
    ///
    /// # Errors
    /// [`JudgingError::SelfJudged`].
    pub fn refuse_self(&self, models: &[Option<&str>]) -> Result<(), JudgingError> {
        let names = [&[self.name()], &*self.table.served_as].concat();
        if self.table.model.is_none() {
            return refuse_own(&names, models, self.table.allow_self);
        }
        // One folder or repository has many addresses, and they end in its name.
        let lasts: Vec<String> = models.iter().flatten().map(|model| last_part(model)).collect();
        let lasts: Vec<Option<&str>> = lasts.iter().map(|last| Some(last.as_str())).collect();
        refuse_own(&names, &lasts, self.table.allow_self)
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

    /// All that a reply of this judge depends on beside the texts: address, model, prompt, policy,
    /// codes and parameters of sampling. Judges with the same identity share their replies.
    pub fn identity(&self) -> Value {
        let (table, endpoint) = (&self.table, &self.asked);
        let mut identity = json!({
            "version": VERSION,
            "base_url": endpoint.base_url.trim_end_matches('/'),
            "model": endpoint.model,
            "prompt": self.prompt.sha256(),
            "codes": table.seed,
            "temperature": endpoint.temperature,
            "max_tokens": endpoint.max_tokens,
            "top_logprobs": endpoint.top_logprobs,
            "seed": endpoint.seed,
            "extra": endpoint.extra,
        });
        if let Some(policy) = &table.policy {
            identity["policy"] = json!(sha256_hex(policy.as_bytes()));
        }
        identity
    }

    /// All that the verdicts of this judge depend on beside the texts: its identity, how a reply
    /// is read, whose replies count, and the canaries. A judge of pairs has also how many verdicts
    /// may be missing. Limits, patience, prices, the largest cost and the variable of the key are
    /// not among them.
    pub fn settings(&self) -> Value {
        let table = &self.table;
        let mut settings = json!({
            "identity": self.identity(),
            "verdict": table.verdict,
            "served_as": table.served_as,
            "canaries": table.canaries,
        });
        // The share of missing ratings is checked where they are read, so that they stay.
        if P::Reading::KIND == TableKind::Pairwise {
            settings["max_missing"] = json!(table.max_missing);
        }
        // One sample is what older programs asked for, and their verdicts stay.
        if table.samples > 1 {
            settings["samples"] = json!(table.samples);
        }
        settings
    }
}

impl PairJudge {
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
        key_of(&self.asked, &self.messages(instruction, first, second), sample)
    }

    /// A reply as a judgement.
    pub fn read(&self, reply: &Reply) -> ReadJudgement {
        read(&self.table.verdict, &judge_reply(reply))
    }
}

impl RubricJudge {
    /// The messages that ask about an answer.
    pub(crate) fn messages(&self, instruction: &str, output: &str) -> Vec<Message> {
        let policy =
            self.table.policy.as_deref().unwrap_or_else(|| RubricPrompt::built_in_policy());
        turns(self.prompt.render(instruction, output, policy, self.table.seed))
    }

    /// SHA-256 of all that a reply depends on.
    pub(crate) fn key(
        &self,
        instruction: &str,
        output: &str,
        sample: u32,
    ) -> Result<String, JudgingError> {
        key_of(&self.asked, &self.messages(instruction, output), sample)
    }

    /// The most that one question can cost whose answer has at most so many tokens, that of a canary
    /// included; `None` without a price.
    pub fn most_cost(&self, instruction: &str, answer_tokens: u64) -> Option<f64> {
        let own = most_tokens(&self.messages(instruction, ""));
        let claim = PointCanary::ClaimsBad.answer("").len() as u64;
        let output = u64::from(self.asked.max_tokens);
        Some(self.asked.price?.of(own + answer_tokens + claim, output))
    }

    /// A reply as a rating.
    pub fn read(&self, reply: &Reply) -> Rating {
        read_rating(&self.table.verdict, &judge_reply(reply))
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
