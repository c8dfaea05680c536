//! Lists of turns: chat messages and ShareGPT conversations.

use serde_json::Value;

use crate::fields::{Fields, find, kind};
use crate::{DataError, DropReason, Speaker, Turn};

/// A dialogue, cut before its last reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Dialogue {
    pub history: Vec<Turn>,
    pub prompt: String,
    /// `None` where the user has the last word.
    pub reply: Option<String>,
}

/// Turns as read, or why the row cannot be used.
pub(crate) type Turns = Result<Vec<Turn>, DropReason>;

/// Who speaks, under the names that are in use.
fn speaker(role: &str) -> Option<Result<Speaker, DropReason>> {
    Some(match role.trim().to_ascii_lowercase().as_str() {
        "system" | "developer" => Ok(Speaker::System),
        "user" | "human" | "prompter" => Ok(Speaker::User),
        "assistant" | "gpt" | "model" | "bot" | "chatgpt" => Ok(Speaker::Assistant),
        "tool" | "function" | "function_call" | "function_response" | "observation" | "ipython" => {
            Err(DropReason::ToolTurn)
        }
        _ => return None,
    })
}

/// The turns in `value`, which is what field `name` holds: objects with `role`
/// and `content` or `from` and `value`, or pairs of a question and an answer;
/// as JSON text too, for a table has nothing else.
pub(crate) fn turns(fields: &Fields<'_>, name: &str, value: &Value) -> Result<Turns, DataError> {
    let expected = "a list of turns, each with `role` and `content` (or `from` and `value`)";
    let wrong = |found| fields.wrong(format!("field `{name}`"), found, expected);
    let parsed: Vec<Value>;
    let list = match value {
        Value::Array(list) => list,
        Value::String(text) => {
            parsed = serde_json::from_str(text).map_err(|_| wrong(kind(Some(value))))?;
            &parsed
        }
        other => return Err(wrong(kind(Some(other)))),
    };
    let (mut turns, mut problem) = (Vec::with_capacity(list.len()), None);
    for (i, item) in list.iter().enumerate() {
        let place = |part: &str| format!("field `{name}`, turn {}{part}", i + 1);
        let map = match item {
            Value::Object(map) => map,
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(question), Value::String(answer)] => {
                    turns.push(Turn::new(Speaker::User, question));
                    turns.push(Turn::new(Speaker::Assistant, answer));
                    continue;
                }
                _ => return Err(fields.wrong(place(""), kind(Some(item)), expected)),
            },
            other => return Err(fields.wrong(place(""), kind(Some(other)), expected)),
        };
        let part = |names: [&str; 2]| names.iter().find_map(|n| find(map, n));
        let role = match part(["role", "from"]) {
            Some(Value::String(role)) => speaker(role).ok_or_else(|| {
                let known = "system, user (or human), assistant (or gpt); leave other rows out";
                fields.wrong(place(", `role`"), "an unknown role", known)
            })?,
            other => return Err(fields.wrong(place(", `role`"), kind(other), "a string")),
        };
        let calls = find(map, "tool_calls").is_some_and(|calls| {
            calls.as_array().map_or(!calls.is_null(), |calls| !calls.is_empty())
        });
        match (role, part(["content", "value"])) {
            (Err(reason), _) => problem = Some(reason),
            (Ok(_), _) if calls => problem = Some(DropReason::ToolTurn),
            (Ok(role), Some(Value::String(text))) => turns.push(Turn::new(role, text)),
            (Ok(role), Some(Value::Array(parts))) => {
                turns.push(Turn::new(role, joined(fields, parts, &place(", `content`"))?));
            }
            (Ok(_), other) => {
                return Err(fields.wrong(place(", `content`"), kind(other), "a string"));
            }
        }
    }
    Ok(problem.map_or(Ok(turns), Err))
}

/// The parts of a content that is a list, one after the other: text only.
fn joined(fields: &Fields<'_>, parts: &[Value], place: &str) -> Result<String, DataError> {
    let mut text = String::new();
    for part in parts {
        let kind_of_part = part.get("type").and_then(Value::as_str);
        match (part, kind_of_part, part.get("text")) {
            (Value::String(part), ..) => text.push_str(part),
            (_, None | Some("text"), Some(Value::String(part))) => text.push_str(part),
            (_, found, _) => {
                let found = match found {
                    Some("image" | "image_url" | "input_image") => "an image",
                    Some("audio" | "input_audio" | "video" | "video_url" | "file") => {
                        "audio, video or a file"
                    }
                    _ => "a part that is no text",
                };
                let expected = "text parts only; leave such rows out of the file";
                return Err(fields.wrong(place.to_owned(), found, expected));
            }
        }
    }
    Ok(text)
}

impl Dialogue {
    /// Cuts a list of turns. A system turn stands first if anywhere (an empty
    /// one counts as none); user and assistant take turns, the user first.
    pub fn of(mut turns: Vec<Turn>) -> Result<Self, DropReason> {
        if turns.first().is_some_and(|t| t.role == Speaker::System && t.content.trim().is_empty()) {
            turns.remove(0);
        }
        let said = turns.iter().skip_while(|turn| turn.role == Speaker::System);
        let system = turns.len() - said.clone().count();
        let due = [Speaker::User, Speaker::Assistant].into_iter().cycle();
        if system > 1 || said.zip(due).any(|(turn, due)| turn.role != due) {
            return Err(DropReason::OutOfTurn);
        }
        let reply = match turns.last() {
            Some(Turn { role: Speaker::Assistant, .. }) => turns.pop().map(|turn| turn.content),
            _ => None,
        };
        let prompt = match turns.pop() {
            Some(Turn { role: Speaker::User, content }) => content,
            _ => return Err(DropReason::EmptyPrompt),
        };
        if turns.iter().any(|turn| turn.content.trim().is_empty()) {
            return Err(DropReason::EmptyTurn);
        }
        Ok(Self { history: turns, prompt, reply })
    }

    /// What the user says first.
    pub fn first_turn(&self) -> &str {
        let first = self.history.iter().find(|turn| turn.role == Speaker::User);
        first.map_or(&self.prompt, |turn| &turn.content)
    }
}
