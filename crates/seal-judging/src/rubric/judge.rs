//! A judge that rates answers, ready to use.

use std::path::Path;

use seal_endpoint::{EndpointSettings, Message, Reply};
use seal_judge::prompt::RubricPrompt;
use seal_judge::reading::{Rating, read_rating};

use crate::error::JudgingError;
use crate::key::key_of;
use crate::means::{PromptText, judge_reply, prompt_text, refuse_own, turns};
use crate::rubric::RubricTable;

/// A judge that rates answers: its table with the text of its prompt.
#[derive(Clone, Debug)]
pub struct RubricJudge {
    table: RubricTable,
    prompt: RubricPrompt,
}

impl RubricJudge {
    /// Reads the table at `path`, and the prompt that it names. `prompt` is another place of that
    /// file, with the same hash.
    ///
    /// # Errors
    /// A table or a prompt that cannot be read or used.
    pub fn open(path: &Path, prompt: Option<&Path>) -> Result<Self, JudgingError> {
        let text = std::fs::read_to_string(path).map_err(JudgingError::io("read", path))?;
        let table = RubricTable::parse(&text, path)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        Self::of(table, path, folder, prompt)
    }

    /// A judge of a table that was read; `path` names it in messages, and the prompt's file is
    /// looked for from `folder`.
    ///
    /// # Errors
    /// A prompt that cannot be read or used, and a policy that it has no slot for.
    pub fn of(
        table: RubricTable,
        path: &Path,
        folder: &Path,
        prompt: Option<&Path>,
    ) -> Result<Self, JudgingError> {
        let of = |path: &Path| {
            let path = path.to_owned();
            move |source| JudgingError::Prompt { path, source }
        };
        let prompt = match prompt_text(table.prompt.as_ref(), path, folder, prompt)? {
            None => RubricPrompt::own().map_err(of(path))?,
            Some(PromptText { source, file, text, sha256, form }) => {
                RubricPrompt::of(&text, sha256, &form, &source.slots).map_err(of(&file))?
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
    pub fn table(&self) -> &RubricTable {
        &self.table
    }

    /// The prompt.
    pub fn prompt(&self) -> &RubricPrompt {
        &self.prompt
    }

    /// The endpoint's settings.
    pub fn endpoint(&self) -> &EndpointSettings {
        &self.table.endpoint
    }

    /// Refuses to let a model rate its own answers, unless the table allows it.
    ///
    /// # Errors
    /// [`JudgingError::SelfJudged`].
    pub fn refuse_self(&self, models: &[Option<&str>]) -> Result<(), JudgingError> {
        let names = [&self.table.endpoint.model].into_iter().chain(&self.table.served_as);
        refuse_own(names, models, self.table.allow_self)
    }

    /// The messages that ask about an answer.
    pub(crate) fn messages(&self, instruction: &str, output: &str) -> Vec<Message> {
        let policy = self.table.policy.as_deref().unwrap_or_else(|| RubricPrompt::own_policy());
        turns(self.prompt.render(instruction, output, policy, self.table.seed))
    }

    /// SHA-256 of all that a reply depends on.
    pub(crate) fn key(
        &self,
        instruction: &str,
        output: &str,
        sample: u32,
    ) -> Result<String, JudgingError> {
        key_of(&self.table.endpoint, &self.messages(instruction, output), sample)
    }

    /// A reply as a rating.
    pub fn read(&self, reply: &Reply) -> Rating {
        read_rating(&self.table.verdict, &judge_reply(reply))
    }
}
