//! What stands beside prompt and answer in a row of any layout.

use serde_json::Value;

use super::turns::turns;
use crate::fields::{RecordFields, UnusableRow, is_blank, truth};
use crate::{DropReason, Json, Speaker, Turn};

const SYSTEM: [&str; 2] = ["system", "system_prompt"];
const HISTORY: [&str; 1] = ["history"];
/// Lists of media, as LLaMA-Factory and TRL have them.
const MEDIA: [&str; 3] = ["images", "videos", "audios"];
/// One medium, beside a text that has a place for it (LLaVA).
const MEDIUM: [&str; 3] = ["image", "video", "audio"];
const PLACEHOLDERS: [&str; 3] = ["<image>", "<video>", "<audio>"];

/// The instructions in a field of their own. A field of that name that is no text
/// may be of another kind.
pub(super) fn system<'a>(
    fields: &RecordFields<'a>,
    own: Option<&str>,
) -> Result<Option<&'a str>, UnusableRow> {
    let text = match own {
        Some(name) => fields.optional_text(&[name])?,
        None => match fields.peek(&SYSTEM) {
            Some(Value::String(text)) => Some(text.as_str()),
            _ => None,
        },
    };
    Ok(text.filter(|text| !text.trim().is_empty()))
}

/// Notes that the instructions of [`system`] were used.
pub(super) fn system_is_used(fields: &RecordFields<'_>) {
    fields.get(&SYSTEM);
}

/// The earlier turns in a field of their own.
pub(super) fn history(fields: &RecordFields<'_>) -> Result<Vec<Turn>, UnusableRow> {
    match fields.get(&HISTORY).filter(|value| !is_blank(value)) {
        None => Ok(Vec::new()),
        Some(list) => turns(fields, &HISTORY, list),
    }
}

/// The tools that the assistant may call: a list, or its JSON as text; `functions` is
/// what OpenAI called them before. What is no list is left, as a field that is not
/// used. `under` is the object that holds them, if not the row itself.
pub(super) fn tools(fields: &RecordFields<'_>, under: &[&str]) -> Option<Json> {
    let list = |name: &str| match fields.ordered(&[under, &[name]].concat())? {
        Json::List(items) if !items.is_empty() => Some(items),
        _ => None,
    };
    let is_there = |name: &str| match under {
        [] => fields.peek(&[name]).is_some_and(|value| !is_blank(value)),
        _ => true,
    };
    if let Some(items) = is_there("tools").then(|| list("tools")).flatten() {
        fields.get(&["tools"]);
        return Some(Json::List(items));
    }
    let items = is_there("functions").then(|| list("functions")).flatten()?;
    fields.get(&["functions"]);
    let tool = |function: Json| {
        let kind = Json::Text("function".to_owned());
        Json::Object(vec![("type".to_owned(), kind), ("function".to_owned(), function)])
    };
    Some(Json::List(items.into_iter().map(tool).collect()))
}

/// Refuses rows that images, audio or video belong to.
pub(super) fn no_media(fields: &RecordFields<'_>, texts: &[&str]) -> Result<(), UnusableRow> {
    let found = |name: &str| {
        let detail = format!("field `{name}`: found something, and only text is read");
        UnusableRow::new(DropReason::Media, detail)
    };
    let some = |name: &&&str| fields.peek(&[**name]).is_some_and(|value| !is_blank(value));
    if let Some(name) = MEDIA.iter().find(some) {
        return Err(found(name));
    }
    let placed = || texts.iter().any(|text| PLACEHOLDERS.iter().any(|place| text.contains(place)));
    match MEDIUM.iter().find(some).filter(|_| placed()) {
        Some(name) => Err(found(name)),
        None => Ok(()),
    }
}

/// Refuses answers that the row itself calls bad (KTO): a label that is true or
/// false. Numbers may be of any kind and are no such label.
pub(super) fn desirable(fields: &RecordFields<'_>) -> Result<(), UnusableRow> {
    for name in ["label", "kto_tag"] {
        let label = match fields.peek(&[name]) {
            Some(value @ Value::Bool(_)) => truth(value),
            // In a table, where nothing else is.
            Some(value @ Value::String(text)) if text.trim().len() > 3 => truth(value),
            _ => continue,
        };
        match label {
            Some(true) => drop(fields.get(&[name])),
            Some(false) => {
                let detail = format!("field `{name}`: false");
                return Err(UnusableRow::new(DropReason::Undesirable, detail));
            }
            None => {}
        }
    }
    Ok(())
}

/// Refuses layouts whose fields are known under other meanings than they have here:
/// read as they stand, they would train on the wrong text.
pub(super) fn no_other_layout(fields: &RecordFields<'_>) -> Result<(), UnusableRow> {
    let there = |name: &str| fields.peek(&[name]).is_some_and(|value| !is_blank(value));
    let found = |what: &str| Err(UnusableRow::new(DropReason::OtherLayout, what.to_owned()));
    if there("reflection") && there("corrected") {
        return found("fields `reflection` and `corrected`: an answer that is corrected");
    }
    let steps = |name: &str| fields.peek(&[name]).is_some_and(|v| v.is_array() && !is_blank(v));
    if steps("completions") && steps("labels") {
        return found("fields `completions` and `labels`: labels of single steps");
    }
    Ok(())
}

/// The category: text, or the text form of another value. Null and blank are none.
pub(super) fn category(fields: &RecordFields<'_>, names: &[&str]) -> Option<String> {
    match fields.get(names)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// The turns of a dialogue that a text writes out, the last of them the assistant's,
/// which is yet to be given: `"\n\nHuman: ...\n\nAssistant:"`. `None` for any other text.
pub(super) fn transcript(prompt: &str) -> Option<Vec<Turn>> {
    let turns = crate::transcript::open_dialogue(prompt)?;
    let turn = |(user, text): (bool, &str)| {
        Turn::new(if user { Speaker::User } else { Speaker::Assistant }, text)
    };
    Some(turns.into_iter().map(turn).collect())
}
