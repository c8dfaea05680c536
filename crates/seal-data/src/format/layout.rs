//! Reading a record by its layout.

use serde_json::Value;

use super::dialogue::Dialogue;
use super::turns::turns;
use super::{
    ANSWERS, ANY_PROMPT, CONVERSATIONS, Columns, Draft, Format, INPUT, INSTRUCTION, MESSAGES,
    OUTPUT, PROMPT, SplitKeys, other_fields,
};
use crate::dropped::UnusedFields;
use crate::fields::{RecordFields, UnusableRow};
use crate::record::Record;
use crate::{DropReason, Speaker, Turn};

/// How the rows of one file are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowLayout<'a> {
    pub format: Format,
    pub columns: &'a Columns,
    /// The label's field where the config names one (it must then be there);
    /// else `unsafe` is read where present.
    pub unsafe_field: Option<&'a str>,
    /// Accepts rows of prompt and response that have no answer, and dialogues
    /// in which the user has the last word.
    pub answers_optional: bool,
    /// Uses answers that the row's own label calls bad.
    pub keep_undesirable: bool,
}

/// The name that the config gives, else the usual ones.
fn names<'a>(own: &'a Option<String>, usual: &[&'a str]) -> Vec<&'a str> {
    own.as_deref().map_or_else(|| usual.to_vec(), |own| vec![own])
}

impl RowLayout<'_> {
    /// Reads one record. One that cannot be used says why. Fields with text that are
    /// not used are counted in `unused`.
    pub fn parse(&self, record: &Record, unused: &mut UnusedFields) -> Draft {
        let place = Draft { line: record.line, row: record.row, ..Draft::default() };
        if let (Format::Instructions, Value::String(prompt), None) =
            (self.format, &record.value, self.unsafe_field)
        {
            return opened(Draft { prompt: prompt.clone(), ..place });
        }
        let fields = match RecordFields::of(record) {
            Ok(fields) => fields,
            Err(odd) => return unusable(place, "", odd),
        };
        match self.read(&fields, place.clone()) {
            Ok(draft) if draft.problem.is_none() => {
                let label = match (self.unsafe_field, fields.flag("unsafe")) {
                    (None, Err(_)) => Some("unsafe (a value that is no label)".to_owned()),
                    _ => None,
                };
                for name in fields.unused().into_iter().chain(label) {
                    *unused.entry(name).or_default() += 1;
                }
                draft
            }
            Ok(draft) => draft,
            Err(odd) => unusable(place, "", odd),
        }
    }

    fn read(&self, fields: &RecordFields<'_>, draft: Draft) -> Result<Draft, UnusableRow> {
        let draft = self.labelled(fields, draft)?;
        other_fields::no_other_layout(fields)?;
        let mut draft = match self.format {
            Format::PromptResponse | Format::OpenOrca => self.texts(fields, draft)?,
            Format::Alpaca => {
                let response = fields.optional_text(&OUTPUT)?.unwrap_or_default().to_owned();
                let draft = Draft { response, ..instruction(fields, &INSTRUCTION, draft)? };
                self.with_history(fields, draft)?
            }
            Format::Instructions => self.prompt(fields, draft)?,
            Format::Messages => self.dialogue(fields, &MESSAGES, draft)?,
            Format::ShareGpt => self.dialogue(fields, &CONVERSATIONS, draft)?,
            Format::Hh | Format::HhRejected => self.pair(fields, draft)?,
        };
        if draft.problem.is_some() {
            return Ok(draft);
        }
        self.add_system(fields, &mut draft)?;
        if draft.tools.is_none() {
            draft.tools = other_fields::tools(fields, &[]);
        }
        let history = draft.history.iter().map(|turn| turn.content.as_str());
        let texts: Vec<&str> = history.chain([draft.prompt.as_str()]).collect();
        other_fields::no_media(fields, &texts)?;
        Ok(draft)
    }

    /// Labels and category.
    fn labelled(&self, fields: &RecordFields<'_>, draft: Draft) -> Result<Draft, UnusableRow> {
        let own = |name: &str| self.unsafe_field.is_some_and(|own| own.eq_ignore_ascii_case(name));
        let answered =
            !matches!(self.format, Format::Instructions | Format::Hh | Format::HhRejected);
        if answered && !own("label") && !own("kto_tag") {
            match self.keep_undesirable {
                true => drop(fields.get(&["label", "kto_tag"])),
                false => other_fields::desirable(fields)?,
            }
        }
        let is_unsafe = match self.unsafe_field {
            Some(name) => Some(fields.flag(name)?.ok_or_else(|| {
                UnusableRow::new(DropReason::NoLabel, format!("field `{name}`: found nothing"))
            })?),
            // A label that nobody asked for stops nothing.
            None => fields.flag("unsafe").unwrap_or_default(),
        };
        let category =
            other_fields::category(fields, &names(&self.columns.category, &["category"]));
        Ok(Draft { is_unsafe, category, ..draft })
    }

    fn texts(&self, fields: &RecordFields<'_>, draft: Draft) -> Result<Draft, UnusableRow> {
        let prompt = names(&self.columns.prompt, &PROMPT);
        let response = names(&self.columns.response, &ANSWERS);
        let list =
            |value: Option<&Value>| matches!(value, Some(Value::Array(_) | Value::Object(_)));
        if list(fields.peek(&prompt)) || list(fields.peek(&response)) {
            let mut said = match fields.get(&prompt) {
                Some(Value::String(text)) => vec![Turn::new(Speaker::User, text)],
                Some(list) => turns(fields, &[self.name_of(fields, &prompt)], list)?,
                None => return Err(RecordFields::absent(&prompt)),
            };
            match fields.get(&response) {
                Some(Value::String(answer)) => said.push(Turn::new(Speaker::Assistant, answer)),
                Some(list) => {
                    said.extend(turns(fields, &[self.name_of(fields, &response)], list)?);
                }
                None => {}
            }
            return self.cut(said, draft);
        }
        let draft = Draft {
            prompt: fields.text(&prompt)?.to_owned(),
            response: fields.optional_text(&response)?.unwrap_or_default().to_owned(),
            rejected: self.rejected(fields)?,
            ..draft
        };
        self.with_history(fields, draft)
    }

    /// Which of `names` [`RecordFields::get`] reads.
    pub(super) fn name_of<'n>(&self, fields: &RecordFields<'_>, names: &[&'n str]) -> &'n str {
        let value = fields.peek(names);
        let same = |name: &&&str| match (value, fields.peek(&[**name])) {
            (Some(a), Some(b)) => std::ptr::eq(a, b),
            _ => false,
        };
        names.iter().find(same).copied().unwrap_or(names[0])
    }

    /// Prompts without answers.
    fn prompt(&self, fields: &RecordFields<'_>, draft: Draft) -> Result<Draft, UnusableRow> {
        let names = names(&self.columns.prompt, &ANY_PROMPT);
        match fields.peek(&names) {
            Some(list @ (Value::Array(_) | Value::Object(_))) => {
                let said = turns(fields, &[self.name_of(fields, &names)], list)?;
                fields.get(&names);
                RowLayout { answers_optional: true, ..*self }.cut(said, draft)
            }
            _ => self.with_history(fields, instruction(fields, &names, draft)?),
        }
    }

    /// Puts the earlier turns of a field of their own before the prompt; a prompt
    /// that is a dialogue itself is read as one.
    pub(super) fn with_history(
        &self,
        fields: &RecordFields<'_>,
        draft: Draft,
    ) -> Result<Draft, UnusableRow> {
        let mut draft = opened(draft);
        // Under names of the user's own, `history` may be of another kind.
        if !self.columns.is_empty() {
            return Ok(draft);
        }
        let mut said = other_fields::history(fields)?;
        if said.is_empty() {
            return Ok(draft);
        }
        said.append(&mut draft.history);
        said.push(Turn::new(Speaker::User, draft.prompt.as_str()));
        draft.history = Dialogue::of(said, true)?.history;
        Ok(draft)
    }

    fn dialogue(
        &self,
        fields: &RecordFields<'_>,
        usual: &[&str],
        draft: Draft,
    ) -> Result<Draft, UnusableRow> {
        let names = names(&self.columns.messages, usual);
        let list = fields.get(&names).ok_or_else(|| match fields.find(&names) {
            Some(_) => DropReason::EmptyPrompt.into(),
            None => RecordFields::absent(&names),
        })?;
        let said = turns(fields, &[self.name_of(fields, &names)], list)?;
        let mut draft = self.cut(said, draft)?;
        if draft.problem.is_none() {
            draft.rejected = self.rejected(fields)?;
        }
        Ok(draft)
    }

    /// The answer that loses; one that is no text may be of another kind, unless the
    /// config names it.
    fn rejected(&self, fields: &RecordFields<'_>) -> Result<Option<String>, UnusableRow> {
        let text = match (&self.columns.rejected, fields.peek(&["rejected"])) {
            (Some(own), _) => fields.optional_text(&[own])?,
            (None, Some(Value::String(_))) => fields.optional_text(&["rejected"])?,
            (None, _) => None,
        };
        Ok(text.map(str::to_owned))
    }

    /// The draft with these turns as its dialogue.
    pub(super) fn cut(&self, said: Vec<Turn>, draft: Draft) -> Result<Draft, UnusableRow> {
        let all = all_text(&said);
        let dialogue = match Dialogue::of(said, self.answers_optional) {
            Ok(dialogue) => dialogue,
            Err(reason) => return Ok(unusable(draft, &all, reason.into())),
        };
        if dialogue.reply.is_none() && !self.answers_optional {
            return Ok(unusable(draft, &all, DropReason::NoReply.into()));
        }
        let first_turn = Some(dialogue.first_turn().to_owned());
        let reply = dialogue.reply.unwrap_or_else(|| Turn::new(Speaker::Assistant, ""));
        Ok(Draft {
            keys: SplitKeys { first_turn, ..SplitKeys::default() },
            history: dialogue.history,
            prompt: dialogue.prompt,
            prompt_extras: dialogue.prompt_extras,
            steps: dialogue.steps,
            response: reply.content,
            response_extras: reply.extras,
            ..draft
        })
    }

    /// Puts the instructions that stand in a field of their own first.
    fn add_system(&self, fields: &RecordFields<'_>, draft: &mut Draft) -> Result<(), UnusableRow> {
        let own = self.columns.system.as_deref();
        let Some(text) = other_fields::system(fields, own)? else { return Ok(()) };
        match draft.history.first() {
            Some(turn) if turn.role == Speaker::System && turn.content.trim() != text.trim() => {}
            Some(turn) if turn.role == Speaker::System => other_fields::system_is_used(fields),
            _ => {
                other_fields::system_is_used(fields);
                draft.history.insert(0, Turn::new(Speaker::System, text));
            }
        }
        Ok(())
    }
}

/// A draft that is listed and not used. Its own text stands in for the keys, so
/// that any split may list it.
pub(super) fn unusable(draft: Draft, text: &str, odd: UnusableRow) -> Draft {
    let keys = SplitKeys { first_turn: Some(text.to_owned()), ..SplitKeys::default() };
    Draft { prompt: text.to_owned(), keys, problem: Some(odd), ..draft }
}

/// All that is said, to tell rows apart that cannot be used.
fn all_text(turns: &[Turn]) -> String {
    turns.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>().join("\n")
}

/// A prompt that is a dialogue already, rendered up to the mark of the answer, is read
/// as a dialogue: a template would render it once more.
fn opened(draft: Draft) -> Draft {
    let Some(mut said) = other_fields::transcript(&draft.prompt) else { return draft };
    let first_turn = said.first().map(|turn| turn.content.clone());
    let prompt = said.pop().map(|turn| turn.content).unwrap_or_default();
    let empty = said.iter().any(|turn| turn.content.is_empty());
    Draft {
        problem: empty.then(|| DropReason::EmptyTurn.into()),
        keys: SplitKeys { first_turn, ..draft.keys },
        prompt,
        history: said,
        response: draft.response.trim().to_owned(),
        rejected: draft.rejected.map(|text| text.trim().to_owned()),
        ..draft
    }
}

/// The instruction, and on a new line the input where there is one.
pub(super) fn instruction(
    fields: &RecordFields<'_>,
    names: &[&str],
    draft: Draft,
) -> Result<Draft, UnusableRow> {
    let instruction = fields.text(names)?;
    let prompt = match fields.optional_text(&INPUT)? {
        Some(input) if !input.trim().is_empty() && instruction.trim().is_empty() => {
            input.to_owned()
        }
        Some(input) if !input.trim().is_empty() => format!("{instruction}\n{input}"),
        _ => instruction.to_owned(),
    };
    let keys = SplitKeys { instruction: Some(instruction.to_owned()), ..SplitKeys::default() };
    Ok(Draft { prompt, keys, ..draft })
}
