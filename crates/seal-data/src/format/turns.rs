//! Lists of turns: chat messages and ShareGPT conversations.

use serde_json::{Map, Value};

use super::mask::{MASKS, trained};
use crate::fields::{RecordFields, UnusableRow, find, has_text, is_blank, is_name, kind};
use crate::{DropReason, EXTRAS, Extras, Json, Speaker, Turn};

const EXPECTED: &str = "a list of turns, each with `role` and `content` (or `from` and `value`)";

/// Who speaks, under the names that are in use.
fn speaker(role: &str) -> Option<Result<Speaker, DropReason>> {
    Some(match role.trim().to_ascii_lowercase().as_str() {
        "system" | "developer" => Ok(Speaker::System),
        "user" | "human" | "prompter" => Ok(Speaker::User),
        "assistant" | "gpt" | "model" | "bot" | "chatgpt" => Ok(Speaker::Assistant),
        "tool" => Ok(Speaker::Tool),
        // Calls and results in forms that templates know no role for.
        "function" | "function_call" | "function_response" | "observation" | "ipython" => {
            Err(DropReason::ToolTurn)
        }
        _ => return None,
    })
}

/// Where a list of turns stands: the path of names that leads to it.
#[derive(Clone, Copy)]
struct TurnPath<'a, 'f> {
    fields: &'a RecordFields<'f>,
    path: &'a [&'a str],
}

impl TurnPath<'_, '_> {
    fn name(&self) -> String {
        self.path.join(".")
    }

    fn turn(&self, i: usize, part: &str) -> String {
        format!("field `{}`, turn {}{part}", self.name(), i + 1)
    }
}

/// The turns in `value`, which stands at `path` of the row: objects with `role`
/// and `content` or `from` and `value`, or pairs of a question and an answer; one
/// such object alone; as JSON text too, for a table has nothing else.
pub(super) fn turns(
    fields: &RecordFields<'_>,
    path: &[&str],
    value: &Value,
) -> Result<Vec<Turn>, UnusableRow> {
    let at = TurnPath { fields, path };
    let wrong = |value: &Value| {
        UnusableRow::kind(&format!("field `{}`", at.name()), kind(Some(value)), EXPECTED)
    };
    let parsed: Vec<Value>;
    let list = match value {
        Value::Array(list) => list.as_slice(),
        Value::Object(_) => std::slice::from_ref(value),
        Value::String(text) => {
            parsed = serde_json::from_str(text).map_err(|_| wrong(value))?;
            &parsed
        }
        other => return Err(wrong(other)),
    };
    let mut turns = Vec::with_capacity(list.len());
    let mut problem = None;
    for (i, item) in list.iter().enumerate() {
        match item {
            Value::Object(map) => match turn(at, i, map, !value.is_object()) {
                Ok(turn) => turns.push(turn),
                // The rest is read all the same: another fault may be worse to meet.
                Err(odd) => problem = problem.or(Some(odd)),
            },
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(question), Value::String(answer)] => {
                    turns.push(Turn::new(Speaker::User, question));
                    turns.push(Turn::new(Speaker::Assistant, answer));
                }
                _ => return Err(UnusableRow::kind(&at.turn(i, ""), kind(Some(item)), EXPECTED)),
            },
            other => return Err(UnusableRow::kind(&at.turn(i, ""), kind(Some(other)), EXPECTED)),
        }
    }
    problem.map_or(Ok(turns), Err)
}

fn turn(
    at: TurnPath<'_, '_>,
    i: usize,
    map: &Map<String, Value>,
    listed: bool,
) -> Result<Turn, UnusableRow> {
    let part = |names: [&str; 2]| {
        let found = || names.iter().filter_map(|n| find(map, n));
        found().find(|value| !value.is_null()).or_else(|| found().next())
    };
    let role = match part(["role", "from"]) {
        Some(Value::String(role)) => speaker(role).ok_or_else(|| {
            let known = "expected system, user (or human), assistant (or gpt), tool";
            let detail = format!("{}: {known}", at.turn(i, ", `role`"));
            UnusableRow::new(DropReason::UnknownRole, detail)
        })??,
        other => return Err(UnusableRow::kind(&at.turn(i, ", `role`"), kind(other), "a string")),
    };
    if find(map, "function_call").is_some_and(|call| !is_blank(call)) {
        return Err(DropReason::ToolTurn.into());
    }
    let content = match part(["content", "value"]) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Array(parts)) => Some(joined(parts, &at.turn(i, ", `content`"))?),
        other => {
            return Err(UnusableRow::kind(&at.turn(i, ", `content`"), kind(other), "a string"));
        }
    };
    for (name, value) in map {
        let known = |names: &[&str]| names.iter().any(|n| name.eq_ignore_ascii_case(n));
        if has_text(value)
            && !known(&["role", "from", "content", "value"])
            && !known(&EXTRAS)
            && !known(&MASKS)
        {
            at.fields.unused_in_turn(&at.name(), name);
        }
    }
    let trained = trained(map, role, &at.turn(i, ""))?;
    let extras = extras(at, listed.then_some(i), map).map_err(|name| {
        let place = at.turn(i, &format!(", `{name}`"));
        UnusableRow::kind(&place, kind(find(map, name)), "a list of calls")
    })?;
    // Of a turn that calls no tool, null says no more than an empty text.
    let is_null = content.is_none() && extras.contains_key("tool_calls");
    Ok(Turn { role, content: content.unwrap_or_default(), is_null, trained, extras })
}

/// What templates read of a turn besides its text. `i` is its number in the list,
/// if it stands in one.
///
/// # Errors
/// The name of a field that is no list of calls.
fn extras(
    at: TurnPath<'_, '_>,
    i: Option<usize>,
    map: &Map<String, Value>,
) -> Result<Extras, &'static str> {
    let number = i.map(|i| i.to_string());
    let mut extras = Extras::new();
    for name in EXTRAS {
        let Some(value) = find(map, name).filter(|value| !is_blank(value)) else { continue };
        let plain = matches!(value, Value::String(_)) && name != "tool_calls";
        let value = match plain {
            true => Json::from(value),
            false => {
                let path = at.path.iter().copied().chain(number.as_deref()).chain([name]);
                let ordered = at.fields.ordered(&path.collect::<Vec<_>>());
                ordered.unwrap_or_else(|| Json::from(value))
            }
        };
        if name == "tool_calls" && !matches!(value, Json::List(_)) {
            return Err(name);
        }
        if !value.is_blank() {
            extras.insert(name.to_owned(), value);
        }
    }
    Ok(extras)
}

/// The parts of a content that is a list, one after the other: text only.
fn joined(parts: &[Value], place: &str) -> Result<String, UnusableRow> {
    let mut text = String::new();
    for part in parts {
        let kind_of_part = part.get("type").and_then(Value::as_str);
        match (part, kind_of_part, part.get("text")) {
            (Value::String(part), ..) => text.push_str(part),
            (_, None | Some("text"), Some(Value::String(part))) => text.push_str(part),
            (_, None | Some("text"), Some(Value::Null)) => {}
            (_, found, _) => return Err(odd_part(part, found, place)),
        }
    }
    Ok(text)
}

/// A part that is no text, by its type.
fn odd_part(part: &Value, found: Option<&str>, place: &str) -> UnusableRow {
    const MEDIA: [&str; 5] = ["image", "audio", "video", "file", "document"];
    let media = found.is_some_and(|found| MEDIA.iter().any(|medium| found.contains(medium)));
    let found = match found {
        Some("text") => "a part of type `text` without a text".to_owned(),
        Some(name) if is_name(name) => format!("a part of type `{name}`"),
        Some(_) => "a part of another type".to_owned(),
        None => format!("{} without a `type`", kind(Some(part))),
    };
    let reason = if media { DropReason::Media } else { DropReason::OddField };
    UnusableRow::new(reason, format!("{place}: found {found}, expected parts of type `text`"))
}
