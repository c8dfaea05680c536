//! Pairs of a chosen and a rejected answer.

use serde_json::Value;

use super::dialogue::turns;
use super::layout::unusable;
use super::{Draft, Format, Keys, Layout};
use crate::fields::Fields;
use crate::transcript::Transcript;
use crate::{DataError, DropReason, Speaker, Turn};

impl Layout<'_> {
    /// `chosen` and `rejected`, each a transcript, an answer to `prompt`, or a
    /// list of messages: the whole dialogue, or what follows on `prompt`.
    pub(super) fn pair(&self, fields: &Fields<'_>, draft: Draft) -> Result<Draft, DataError> {
        let prompt = fields.get(&["prompt"]);
        if let (Some(Value::Array(_)), _) | (_, Some(Value::Array(_))) =
            (fields.get(&["chosen"]), fields.get(&["rejected"]))
        {
            return self.lists(fields, prompt, draft);
        }
        let (chosen, rejected) = (fields.text(&["chosen"])?, fields.text(&["rejected"])?);
        Ok(match (Transcript::parse(chosen), Transcript::parse(rejected), prompt) {
            (Some(good), Some(bad), _) => self.transcripts(good, bad, draft),
            (None, None, Some(Value::String(prompt))) => {
                let (response, rejected) = self.order(chosen, rejected);
                Draft { prompt: prompt.clone(), response, rejected, ..draft }
            }
            _ => {
                let first_turn = Some(chosen.to_owned());
                let keys = Keys { first_turn, ..Keys::default() };
                Draft { keys, problem: Some(DropReason::NoTranscript), ..draft }
            }
        })
    }

    /// The answer and the one that loses against it.
    fn order(&self, chosen: &str, rejected: &str) -> (String, Option<String>) {
        match self.format {
            Format::HhRejected => (rejected.to_owned(), None),
            _ => (chosen.to_owned(), Some(rejected.to_owned())),
        }
    }

    fn transcripts(&self, good: Transcript<'_>, bad: Transcript<'_>, draft: Draft) -> Draft {
        let (response, rejected) = self.order(good.reply, bad.reply);
        Draft {
            prompt: good.prompt.to_owned(),
            response,
            rejected,
            keys: Keys { first_turn: Some(good.first_turn.to_owned()), ..Keys::default() },
            last_turn: Some(good.last_turn.to_owned()),
            problem: (!good.pairs_with(&bad)).then_some(DropReason::Unpaired),
            ..draft
        }
    }

    fn lists(
        &self,
        fields: &Fields<'_>,
        prompt: Option<&Value>,
        draft: Draft,
    ) -> Result<Draft, DataError> {
        let asked = match prompt {
            None => Ok(Vec::new()),
            Some(Value::String(prompt)) => Ok(vec![Turn::new(Speaker::User, prompt)]),
            Some(list) => turns(fields, "prompt", list)?,
        };
        let whole = |name: &str| -> Result<_, DataError> {
            let said = turns(fields, name, fields.value(&[name])?)?;
            Ok(match (&asked, said) {
                // A dialogue that has the question in it needs no prompt.
                (_, Ok(said)) if said.iter().any(|turn| turn.role == Speaker::User) => Ok(said),
                (Ok(asked), Ok(said)) => Ok([asked.clone(), said].concat()),
                (Err(reason), _) => Err(*reason),
                (_, Err(reason)) => Err(reason),
            })
        };
        let answered = Layout { answers_optional: false, ..*self };
        let good = answered.cut(whole("chosen")?, draft.clone());
        let bad = answered.cut(whole("rejected")?, draft);
        if good.problem.is_some() {
            return Ok(good);
        }
        if let Some(reason) = bad.problem {
            return Ok(unusable(good, &bad.prompt, reason));
        }
        let unpaired = good.history != bad.history || good.prompt != bad.prompt;
        let (response, rejected) = self.order(&good.response, &bad.response);
        let problem = unpaired.then_some(DropReason::Unpaired);
        Ok(Draft { response, rejected, problem, ..good })
    }
}
