//! Pairs of a chosen and a rejected answer.

use serde_json::Value;

use super::layout::{instruction, unusable};
use super::turns::turns;
use super::{
    CHOSEN, CONVERSATIONS, Draft, Format, INSTRUCTION, MESSAGES, PROMPT, REJECTED, RowLayout,
    SplitKeys, other_fields,
};
use crate::fields::{RecordFields, UnusableRow};
use crate::transcript::Transcript;
use crate::{DropReason, Speaker, Turn};

/// Fields that may hold the question of a pair, if `prompt` does not.
const INPUT: [&str; 1] = ["input"];

fn is_list(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Array(_) | Value::Object(_)))
}

impl RowLayout<'_> {
    /// `chosen` and `rejected`, each a transcript, an answer to a prompt, or a
    /// list of messages: the whole dialogue, or what follows on the prompt.
    pub(super) fn pair(
        &self,
        fields: &RecordFields<'_>,
        draft: Draft,
    ) -> Result<Draft, UnusableRow> {
        let values = [CHOSEN, REJECTED].map(|names| fields.peek(&names));
        let nested = fields.peek(&INPUT).is_some_and(Value::is_object);
        let asked = self.asked_in_turns(fields, nested)?;
        if asked.is_some() || values.into_iter().any(is_list) {
            let asked = match asked {
                Some(asked) => asked,
                None => {
                    let asked = self.asked_in_text(fields, draft.clone())?;
                    let mut said = asked.as_ref().map(|d| d.history.clone()).unwrap_or_default();
                    said.extend(asked.map(|d| Turn::new(Speaker::User, d.prompt)));
                    said
                }
            };
            let tools = nested.then(|| other_fields::tools(fields, &INPUT)).flatten();
            return self.lists(fields, asked, Draft { tools, ..draft });
        }
        let (chosen, rejected) = (fields.text(&CHOSEN)?, fields.text(&REJECTED)?);
        let parsed = (Transcript::parse(chosen), Transcript::parse(rejected));
        if let (Some(good), Some(bad)) = parsed {
            return Ok(self.transcripts(good, bad, draft));
        }
        let (response, rejected_too) = self.order(chosen, rejected);
        let answered = Draft { response, rejected: rejected_too, ..draft.clone() };
        Ok(match (parsed, self.asked_in_text(fields, answered)?) {
            ((None, None), Some(draft)) => draft,
            _ => unusable(draft, chosen, DropReason::NoTranscript.into()),
        })
    }

    /// The question as turns: of a list of messages, beside the answers or, as
    /// OpenAI has it, under `input`.
    fn asked_in_turns(
        &self,
        fields: &RecordFields<'_>,
        nested: bool,
    ) -> Result<Option<Vec<Turn>>, UnusableRow> {
        if nested {
            let list = fields.get(&INPUT).and_then(|input| input.get("messages"));
            let path = [INPUT[0], "messages"];
            return list.map(|list| turns(fields, &path, list)).transpose();
        }
        match fields.peek(&PROMPT) {
            Some(list) if is_list(Some(list)) => {
                fields.get(&PROMPT);
                return turns(fields, &[self.name_of(fields, &PROMPT)], list).map(Some);
            }
            Some(_) => return Ok(None),
            None => {}
        }
        // Beside a question in words, or whole dialogues, a list of messages says no more.
        let whole = |names: [&str; 3]| match fields.peek(&names) {
            Some(Value::Array(items)) => items.len() > 1,
            _ => false,
        };
        if fields.peek(&INSTRUCTION).is_some() || whole(CHOSEN) || whole(REJECTED) {
            return Ok(None);
        }
        for names in [&MESSAGES[..], &CONVERSATIONS[..]] {
            if let Some(list) = fields.get(names) {
                return turns(fields, &[self.name_of(fields, names)], list).map(Some);
            }
        }
        Ok(None)
    }

    /// The question as text, in a draft with earlier turns; `None` where there is none.
    fn asked_in_text(
        &self,
        fields: &RecordFields<'_>,
        draft: Draft,
    ) -> Result<Option<Draft>, UnusableRow> {
        if fields.peek(&PROMPT).is_some() {
            let prompt = fields.text(&PROMPT)?.to_owned();
            return self.with_history(fields, Draft { prompt, ..draft }).map(Some);
        }
        if fields.peek(&INSTRUCTION).is_some() {
            let draft = instruction(fields, &INSTRUCTION, draft)?;
            return self.with_history(fields, draft).map(Some);
        }
        match fields.optional_text(&INPUT)? {
            Some(prompt) => {
                let prompt = prompt.to_owned();
                self.with_history(fields, Draft { prompt, ..draft }).map(Some)
            }
            None => Ok(None),
        }
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
            keys: SplitKeys {
                first_turn: Some(good.first_turn.to_owned()),
                ..SplitKeys::default()
            },
            last_turn: Some(good.last_turn.to_owned()),
            problem: (!good.pairs_with(&bad)).then(|| DropReason::Unpaired.into()),
            ..draft
        }
    }

    fn lists(
        &self,
        fields: &RecordFields<'_>,
        asked: Vec<Turn>,
        draft: Draft,
    ) -> Result<Draft, UnusableRow> {
        let whole = |names: &[&str]| -> Result<Vec<Turn>, UnusableRow> {
            let said = match fields.get(names).ok_or_else(|| RecordFields::absent(names))? {
                Value::String(text) => vec![Turn::new(Speaker::Assistant, text)],
                list => turns(fields, &[self.name_of(fields, names)], list)?,
            };
            // A dialogue that has the question in it needs no prompt.
            match said.iter().any(|turn| turn.role == Speaker::User) {
                true => Ok(said),
                false => Ok([asked.clone(), said].concat()),
            }
        };
        let answered = RowLayout { answers_optional: false, ..*self };
        let good = answered.cut(whole(&CHOSEN)?, draft.clone())?;
        let bad = answered.cut(whole(&REJECTED)?, draft)?;
        if good.problem.is_some() {
            return Ok(good);
        }
        if let Some(odd) = bad.problem {
            return Ok(unusable(good, &bad.prompt, odd));
        }
        let same = |a: &Draft, b: &Draft| {
            (&a.history, &a.prompt, &a.steps) == (&b.history, &b.prompt, &b.steps)
        };
        let unpaired = !same(&good, &bad);
        let (response, rejected) = self.order(&good.response, &bad.response);
        let response_extras = match self.format {
            Format::HhRejected => bad.response_extras,
            _ => good.response_extras,
        };
        let problem = unpaired.then(|| DropReason::Unpaired.into());
        Ok(Draft { response, rejected, response_extras, problem, ..good })
    }
}
