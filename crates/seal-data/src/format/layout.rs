//! Reading a record by its layout.

use std::path::Path;

use serde_json::Value;

use super::dialogue::{Dialogue, Turns, turns};
use super::{
    ANY_PROMPT, COMPLETION, CONVERSATIONS, Columns, Draft, Format, INPUT, INSTRUCTION, Keys,
    MESSAGES, OUTPUT, PROMPT, RESPONSE, SYSTEM,
};
use crate::fields::Fields;
use crate::record::Record;
use crate::{DataError, DropReason, Speaker, Turn};

/// How the rows of one file are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout<'a> {
    pub format: Format,
    pub columns: &'a Columns,
    /// The label's field where the config names one (it must then be there);
    /// else `unsafe` is read where present.
    pub unsafe_field: Option<&'a str>,
    /// Accepts rows of prompt and response that have no answer, and dialogues
    /// in which the user has the last word.
    pub answers_optional: bool,
}

/// The name that the config gives, else the usual ones.
fn names<'a>(own: &'a Option<String>, usual: &[&'a str]) -> Vec<&'a str> {
    own.as_deref().map_or_else(|| usual.to_vec(), |own| vec![own])
}

impl Layout<'_> {
    /// Reads one record.
    pub fn parse(&self, path: &Path, record: &Record) -> Result<Draft, DataError> {
        let place = Draft { line: record.line, row: record.row, ..Draft::default() };
        if let (Format::Instructions, Value::String(prompt), None) =
            (self.format, &record.value, self.unsafe_field)
        {
            return Ok(Draft { prompt: prompt.clone(), ..place });
        }
        let fields = &Fields::of(path, record)?;
        let category = names(&self.columns.category, &["category"]);
        let draft = Draft {
            is_unsafe: match self.unsafe_field {
                Some(name) => Some(fields.flag(name)?),
                None => fields.optional_flag("unsafe")?,
            },
            category: fields.optional_text(&category)?.map(str::to_owned),
            ..place
        };
        let mut draft = match self.format {
            Format::PromptResponse | Format::OpenOrca => self.texts(fields, draft)?,
            Format::Alpaca => {
                let response = fields.text(&OUTPUT)?.to_owned();
                Draft { response, ..instruction(fields, &INSTRUCTION, draft)? }
            }
            Format::Instructions => {
                instruction(fields, &names(&self.columns.prompt, &ANY_PROMPT), draft)?
            }
            Format::Messages => self.dialogue(fields, &MESSAGES, draft)?,
            Format::ShareGpt => self.dialogue(fields, &CONVERSATIONS, draft)?,
            Format::Hh | Format::HhRejected => self.pair(fields, draft)?,
        };
        self.add_system(fields, &mut draft)?;
        Ok(draft)
    }

    fn texts(&self, fields: &Fields<'_>, draft: Draft) -> Result<Draft, DataError> {
        let prompt = names(&self.columns.prompt, &PROMPT);
        let usual: &[&str] = match fields.get(&RESPONSE) {
            None if fields.get(&COMPLETION).is_some() => &COMPLETION,
            _ => &RESPONSE,
        };
        let response = names(&self.columns.response, usual);
        if let Some(list @ Value::Array(items)) = fields.get(&prompt)
            && items.iter().all(Value::is_object)
        {
            let mut said = turns(fields, prompt[0], list)?;
            match (&mut said, fields.get(&response)) {
                (Ok(said), Some(Value::String(answer))) => {
                    said.push(Turn::new(Speaker::Assistant, answer));
                }
                (Ok(said), Some(list)) => match turns(fields, response[0], list)? {
                    Ok(rest) => said.extend(rest),
                    Err(reason) => return Ok(unusable(draft, "", reason)),
                },
                _ => {}
            }
            return Ok(self.cut(said, draft));
        }
        let mut draft = Draft {
            prompt: fields.text(&prompt)?.to_owned(),
            response: match (fields.optional_text(&response)?, self.answers_optional) {
                (Some(response), _) => response.to_owned(),
                (None, true) => String::new(),
                (None, false) => fields.text(&response)?.to_owned(),
            },
            rejected: fields
                .optional_text(&names(&self.columns.rejected, &["rejected"]))?
                .map(str::to_owned),
            ..draft
        };
        if self.columns.is_empty()
            && let Some(list) = fields.get(&["history"])
        {
            match turns(fields, "history", list)? {
                Ok(mut said) => {
                    said.push(Turn::new(Speaker::User, draft.prompt.as_str()));
                    match Dialogue::of(said) {
                        Ok(dialogue) => draft.history = dialogue.history,
                        Err(reason) => draft.problem = Some(reason),
                    }
                }
                Err(reason) => draft.problem = Some(reason),
            }
        }
        Ok(draft)
    }

    fn dialogue(
        &self,
        fields: &Fields<'_>,
        usual: &[&str],
        draft: Draft,
    ) -> Result<Draft, DataError> {
        let names = names(&self.columns.messages, usual);
        let said = turns(fields, names[0], fields.value(&names)?)?;
        Ok(self.cut(said, draft))
    }

    /// The draft with these turns as its dialogue.
    pub(super) fn cut(&self, said: Turns, draft: Draft) -> Draft {
        let all = said.as_deref().map(all_text).unwrap_or_default();
        let dialogue = match said.and_then(Dialogue::of) {
            Ok(dialogue) => dialogue,
            Err(reason) => return unusable(draft, &all, reason),
        };
        if dialogue.reply.is_none() && !self.answers_optional {
            return unusable(draft, &all, DropReason::NoReply);
        }
        let first_turn = Some(dialogue.first_turn().to_owned());
        Draft {
            keys: Keys { first_turn, ..Keys::default() },
            history: dialogue.history,
            prompt: dialogue.prompt,
            response: dialogue.reply.unwrap_or_default(),
            ..draft
        }
    }

    /// Puts the instructions that stand in a field of their own first.
    fn add_system(&self, fields: &Fields<'_>, draft: &mut Draft) -> Result<(), DataError> {
        let text = match (&self.columns.system, self.format) {
            (Some(name), _) => fields.optional_text(&[name])?,
            (None, Format::OpenOrca) => fields.optional_text(&SYSTEM)?,
            // Beside a dialogue, `system` may be a field of another kind.
            (None, Format::Messages | Format::ShareGpt) => {
                fields.get(&["system", "system_prompt"]).and_then(Value::as_str)
            }
            (None, _) => None,
        };
        let has_one = draft.history.first().is_some_and(|turn| turn.role == Speaker::System);
        if let Some(text) = text.filter(|text| !text.trim().is_empty() && !has_one) {
            draft.history.insert(0, Turn::new(Speaker::System, text));
        }
        Ok(())
    }
}

/// A draft that is listed and not used. Its own text stands in for the keys, so
/// that any split may list it.
pub(super) fn unusable(draft: Draft, text: &str, reason: DropReason) -> Draft {
    let keys = Keys { first_turn: Some(text.to_owned()), ..Keys::default() };
    Draft { prompt: text.to_owned(), keys, problem: Some(reason), ..draft }
}

/// All that is said, to tell rows apart that cannot be used.
fn all_text(turns: &[Turn]) -> String {
    turns.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>().join("\n")
}

fn instruction(fields: &Fields<'_>, names: &[&str], draft: Draft) -> Result<Draft, DataError> {
    let instruction = fields.text(names)?;
    let prompt = match fields.optional_text(&INPUT)? {
        Some(input) if !input.trim().is_empty() => format!("{instruction}\n{input}"),
        _ => instruction.to_owned(),
    };
    let keys = Keys { instruction: Some(instruction.to_owned()), ..Keys::default() };
    Ok(Draft { prompt, keys, ..draft })
}
