//! Layouts of a row: which fields hold the prompt, the answer and the labels.

mod columns;
mod dialogue;
mod draft;
mod head;
mod layout;
mod mask;
mod other_fields;
mod pair;
mod turns;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use columns::Columns;
pub(crate) use draft::{Draft, SplitKeys};
pub(crate) use head::format_of;
pub(crate) use layout::RowLayout;

use crate::fields::{has, has_some};

/// Layout of the rows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `{"prompt", "response"}`, also `question` and `answer` or `completion`;
    /// `rejected` is read where present, and `history`, a list of
    /// pairs or of messages. Prompt and completion may be lists of messages.
    PromptResponse,
    /// `{"system_prompt", "question", "response"}`: OpenOrca.
    OpenOrca,
    /// `{"instruction", "input", "output"}`, also `context` and `response`
    /// (Dolly). The prompt is the instruction, and on a new line the input
    /// where there is one.
    Alpaca,
    /// `{"messages": [{"role", "content"}, ...]}`. The prompt is the last user
    /// turn, the answer the last assistant turn; what stands before is the
    /// row's history.
    Messages,
    /// `{"conversations": [{"from", "value"}, ...]}`: ShareGPT, SlimOrca. The
    /// speakers are `human`, `gpt` and `system`.
    #[serde(rename = "sharegpt")]
    ShareGpt,
    /// Anthropic HH pairs `{"chosen", "rejected"}`. The prompt is the dialogue
    /// up to the last reply (or what [`PromptTurns`](crate::PromptTurns) leaves of it), the
    /// answer the last reply of `chosen`, the rejected answer that of
    /// `rejected`. Both may be lists of messages, which are read as
    /// [`Format::Messages`] are, or answers to a `prompt`.
    Hh,
    /// The same file, with the last reply of `rejected` as the answer: rows
    /// that may be unsafe. Never detected; set `unsafe = true` to label them.
    HhRejected,
    /// Prompts without answers: a list of strings, a one-column CSV, objects
    /// with `instruction`, `prompt`, `question` or `goal`, or one object of
    /// lists (`{"instructions": [...], "inputs": [...], "tags": [...]}`).
    Instructions,
}

const PROMPT: [&str; 2] = ["prompt", "question"];
const RESPONSE: [&str; 2] = ["response", "answer"];
const ANSWERS: [&str; 3] = ["response", "answer", "completion"];
const INSTRUCTION: [&str; 1] = ["instruction"];
const INPUT: [&str; 2] = ["input", "context"];
const OUTPUT: [&str; 4] = ["output", "response", "completion", "answer"];
const ANY_PROMPT: [&str; 4] = ["instruction", "prompt", "question", "goal"];
const MESSAGES: [&str; 1] = ["messages"];
const CONVERSATIONS: [&str; 2] = ["conversations", "conversation"];
const CHOSEN: [&str; 3] = ["chosen", "chosen_response", "preferred_output"];
const REJECTED: [&str; 3] = ["rejected", "rejected_response", "non_preferred_output"];

/// Fields that a row without an answer may have. Any other field could be the
/// answer under a name we do not know, so such a row is not taken for a prompt.
fn is_promptlike(field: &str) -> bool {
    let field = &*field.to_ascii_lowercase();
    let beside =
        ["id", "target", "category", "unsafe", "system", "system_prompt", "history", "tools"];
    ANY_PROMPT.contains(&field) || INPUT.contains(&field) || beside.contains(&field)
}

impl Format {
    /// The layout that a row has; `None` for a row that fits none.
    pub(crate) fn detect(row: &Value) -> Option<Self> {
        Self::by_fields(row, has_some).or_else(|| Self::by_fields(row, has))
    }

    fn by_fields(row: &Value, has: impl Fn(&Value, &[&str]) -> bool) -> Option<Self> {
        let has = |names: &[&str]| has(row, names);
        Some(match row {
            Value::String(_) => Self::Instructions,
            _ if has(&INSTRUCTION) && has(&OUTPUT) => Self::Alpaca,
            _ if has(&PROMPT) && has(&RESPONSE) && has(&["system_prompt"]) => Self::OpenOrca,
            _ if has(&PROMPT) && has(&ANSWERS) => Self::PromptResponse,
            _ if has(&CHOSEN) && has(&REJECTED) => Self::Hh,
            _ if has(&MESSAGES) => Self::Messages,
            _ if has(&CONVERSATIONS) => Self::ShareGpt,
            Value::Object(map) if has(&ANY_PROMPT) && map.keys().all(|k| is_promptlike(k)) => {
                Self::Instructions
            }
            _ => return None,
        })
    }

    /// Whether a row of this layout has an answer.
    pub(crate) fn has_answers(self) -> bool {
        self != Self::Instructions
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::Record;
    use crate::{DropReason, dropped::UnusedFields};

    fn record(value: Value) -> Record {
        Record { line: 3, row: 2, value, text: None }
    }

    fn parse_as(format: Format, record: &Record, unsafe_field: Option<&str>) -> Draft {
        let columns = &Columns::default();
        let layout = RowLayout {
            format,
            columns,
            unsafe_field,
            answers_optional: false,
            keep_undesirable: false,
        };
        layout.parse(record, &mut UnusedFields::new())
    }

    fn read(value: Value) -> (Option<Format>, Draft) {
        let record = record(value);
        let format = Format::detect(&record.value);
        let draft = parse_as(format.unwrap_or(Format::PromptResponse), &record, None);
        (format, draft)
    }

    fn problem(draft: &Draft) -> Option<DropReason> {
        draft.problem.as_ref().map(|odd| odd.reason)
    }

    fn texts(value: Value) -> (Format, String, String) {
        let (format, draft) = read(value);
        (format.unwrap(), draft.prompt, draft.response)
    }

    #[test]
    fn layouts_are_told_apart_by_their_fields() {
        let orca = json!({"question": "q", "response": "r", "system_prompt": "s"});
        assert_eq!(texts(orca), (Format::OpenOrca, "q".into(), "r".into()));
        let alpaca = json!({"instruction": "i", "input": "x", "output": "o"});
        assert_eq!(texts(alpaca), (Format::Alpaca, "i\nx".into(), "o".into()));
        let dolly = json!({"instruction": "i", "context": "", "response": "o"});
        assert_eq!(texts(dolly), (Format::Alpaca, "i".into(), "o".into()));
        let goal = json!({"goal": "g", "target": "t"});
        assert_eq!(texts(goal), (Format::Instructions, "g".into(), String::new()));
        assert_eq!(texts(json!("p")), (Format::Instructions, "p".into(), String::new()));
    }

    #[test]
    fn a_pair_gives_either_reply() {
        let pair = json!({
            "chosen": "\n\nHuman: a\n\nAssistant: good",
            "rejected": "\n\nHuman: a\n\nAssistant: bad",
        });
        let (format, draft) = read(pair.clone());
        assert_eq!(format, Some(Format::Hh));
        assert_eq!((&*draft.response, draft.rejected.as_deref()), ("good", Some("bad")));
        let draft = parse_as(Format::HhRejected, &record(pair), None);
        assert_eq!((&*draft.response, draft.rejected, draft.is_unsafe), ("bad", None, None));
        let odd = json!({"chosen": "\n\nHuman: a\n\nAssistant: x", "rejected": "none"});
        assert_eq!(problem(&read(odd).1), Some(DropReason::NoTranscript));
        let apart = json!({
            "chosen": "\n\nHuman: a\n\nAssistant: x",
            "rejected": "\n\nHuman: b\n\nAssistant: x",
        });
        assert_eq!(problem(&read(apart).1), Some(DropReason::Unpaired));
    }

    #[test]
    fn labels_are_read_in_all_their_spellings() {
        let label = |v: Value| {
            let (_, draft) = read(json!({"prompt": "p", "response": "r", "unsafe": v}));
            assert_eq!(draft.problem, None);
            draft.is_unsafe
        };
        for yes in [
            json!(true),
            json!(1),
            json!(1.0),
            json!("1"),
            json!("1.0"),
            json!("True"),
            json!("YES"),
        ] {
            assert_eq!(label(yes), Some(true));
        }
        for no in [
            json!(false),
            json!(0),
            json!("0"),
            json!("0.0"),
            json!("false"),
            json!("no"),
            json!(" FALSE "),
        ] {
            assert_eq!(label(no), Some(false));
        }
        // What is no label, and was not asked for, is none.
        for none in [json!(null), json!(2), json!("maybe"), json!(["x"]), json!({"a": true})] {
            assert_eq!(label(none), None);
        }
        let named = record(json!({"prompt": "p", "response": "r", "harmful": 1, "odd": 2}));
        let parse = |field| parse_as(Format::PromptResponse, &named, Some(field));
        assert_eq!(parse("harmful").is_unsafe, Some(true));
        assert_eq!(problem(&parse("toxic")), Some(DropReason::NoLabel));
        assert_eq!(problem(&parse("odd")), Some(DropReason::NoLabel));
    }

    #[test]
    fn what_is_wrong_is_named_by_place_and_kind_without_text() {
        let odd = [
            read(json!({"prompt": "secret", "response": 4})),
            read(json!({"instruction": ["secret"], "output": "secret"})),
            read(json!({"chosen": "secret", "rejected": null})),
            read(json!({"text": "secret", "a secret text": 1})),
            read(json!(["secret"])),
        ];
        let shown: Vec<String> = odd
            .iter()
            .map(|(_, draft)| {
                let odd = draft.problem.as_ref().unwrap();
                format!("{}: {}", odd.reason, odd.detail.as_deref().unwrap_or("-"))
            })
            .collect();
        assert!(shown.iter().all(|m| !m.contains("secret")), "{shown:?}");
        insta::assert_snapshot!(shown.join("\n"), @"
        a field is of another kind than it should be: field `response` or `answer` or `completion`: found a number, expected a string
        a field is of another kind than it should be: field `instruction`: found an array, expected a string
        not a transcript from a human turn to a reply: -
        the row has another layout than the file: field `prompt` or `question`: found nothing
        the row has another layout than the file: the row: found an array, expected an object with named fields
        ");
    }
}
