//! An answer while it is written.

use std::collections::BTreeSet;

use crate::sampling::{BadLogit, DrawKey, pick};
use crate::{Finish, GenerateError, GenerateSettings, Generated, Prompt};

/// An answer that is being written.
pub(crate) struct PartialAnswer<'a> {
    prompt: &'a Prompt,
    tokens: Vec<u32>,
    /// Most tokens that it can get, and why no more.
    limit: (usize, Finish),
    /// Set once it has ended.
    finish: Option<Finish>,
    /// Tokens of prompt and answer.
    seen: BTreeSet<u32>,
}

impl<'a> PartialAnswer<'a> {
    pub(crate) fn new(prompt: &'a Prompt, max_new_tokens: usize, context: usize) -> Self {
        let room = context - prompt.tokens.len();
        let limit = match room < max_new_tokens {
            true => (room, Finish::Context),
            false => (max_new_tokens, Finish::Length),
        };
        Self {
            prompt,
            tokens: Vec::new(),
            limit,
            finish: (limit.0 == 0).then_some(limit.1),
            seen: prompt.tokens.iter().copied().collect(),
        }
    }

    /// Takes the token that `logits` `[V]` and the settings choose, and returns
    /// it. An answer that has ended goes on with token 0, which nobody reads.
    pub(crate) fn step(
        &mut self,
        logits: &mut [f32],
        settings: &GenerateSettings,
        stops: &[u32],
        seed: u64,
    ) -> Result<u32, GenerateError> {
        if self.finish.is_some() {
            return Ok(0);
        }
        let (id, step) = (&self.prompt.id, self.tokens.len());
        let token = pick(logits, &self.seen, settings, DrawKey { seed, id, step }).map_err(
            |BadLogit(value)| GenerateError::Logits { id: *id, new_tokens: step, value },
        )?;
        if stops.contains(&token) {
            self.finish = Some(Finish::Stop);
            return Ok(token);
        }
        self.tokens.push(token);
        self.seen.insert(token);
        if self.tokens.len() == self.limit.0 {
            self.finish = Some(self.limit.1);
        }
        Ok(token)
    }

    /// Most tokens that it can get.
    pub(crate) fn limit(&self) -> usize {
        self.limit.0
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.finish.is_some()
    }

    /// The answer, once it has ended.
    pub(crate) fn ended(self) -> Generated {
        Generated {
            id: self.prompt.id,
            tokens: self.tokens,
            finish: self.finish.expect("an answer ends at its limit at the latest"),
        }
    }
}
