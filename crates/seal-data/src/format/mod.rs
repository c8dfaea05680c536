//! Layouts of a row: which fields hold the prompt, the answer and the labels.

mod columns;
mod dialogue;
mod draft;
mod layout;
mod pair;

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use columns::Columns;
pub(crate) use draft::{Draft, Keys};
pub(crate) use layout::Layout;

use crate::DataError;
use crate::fields::{describe, has};
use crate::record::Record;

/// Layout of the rows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `{"prompt", "response"}`, also `question` and `answer` or `completion`;
    /// `rejected` is read where present, and `history` as
    /// [`write_jsonl`](crate::write_jsonl) writes it. Prompt and completion may
    /// be lists of messages.
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
    /// up to the last reply (or what [`Turns`](crate::Turns) leaves of it), the
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
const COMPLETION: [&str; 1] = ["completion"];
const ANSWERS: [&str; 3] = ["response", "answer", "completion"];
const SYSTEM: [&str; 1] = ["system_prompt"];
const INSTRUCTION: [&str; 1] = ["instruction"];
const INPUT: [&str; 2] = ["input", "context"];
const OUTPUT: [&str; 2] = ["output", "response"];
const ANY_PROMPT: [&str; 4] = ["instruction", "prompt", "question", "goal"];
const MESSAGES: [&str; 1] = ["messages"];
const CONVERSATIONS: [&str; 2] = ["conversations", "conversation"];

/// Fields that a row without an answer may have. Any other field could be the
/// answer under a name we do not know, so such a row is not taken for a prompt.
fn is_promptlike(field: &str) -> bool {
    let field = &*field.to_ascii_lowercase();
    let labels = ["id", "target", "category", "unsafe"];
    ANY_PROMPT.contains(&field) || INPUT.contains(&field) || labels.contains(&field)
}

impl Format {
    /// The layout that the first row of a file has.
    ///
    /// # Errors
    /// A row that fits none: the message lists the names of its fields.
    pub(crate) fn detect(path: &Path, first: &Record) -> Result<Self, DataError> {
        let has = |names: &[&str]| has(&first.value, names);
        Ok(match &first.value {
            Value::String(_) => Self::Instructions,
            _ if has(&INSTRUCTION) && has(&OUTPUT) => Self::Alpaca,
            _ if has(&PROMPT) && has(&RESPONSE) && has(&SYSTEM) => Self::OpenOrca,
            _ if has(&PROMPT) && has(&ANSWERS) => Self::PromptResponse,
            _ if has(&["chosen"]) && has(&["rejected"]) => Self::Hh,
            _ if has(&MESSAGES) => Self::Messages,
            _ if has(&CONVERSATIONS) => Self::ShareGpt,
            Value::Object(map) if has(&ANY_PROMPT) && map.keys().all(|k| is_promptlike(k)) => {
                Self::Instructions
            }
            other => {
                return Err(DataError::UnknownFormat {
                    path: path.to_owned(),
                    found: describe(other),
                    suggestion: Columns::suggestion(other),
                });
            }
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
    use crate::DropReason;

    fn record(value: Value) -> Record {
        Record { line: 3, row: 2, value, text: None }
    }

    fn parse_as(
        format: Format,
        record: &Record,
        unsafe_field: Option<&str>,
    ) -> Result<Draft, DataError> {
        let columns = &Columns::default();
        let layout = Layout { format, columns, unsafe_field, answers_optional: false };
        layout.parse(Path::new("f"), record)
    }

    fn read(value: Value) -> Result<(Format, Draft), String> {
        let (path, record) = (Path::new("f"), record(value));
        let format = Format::detect(path, &record).map_err(|e| e.to_string())?;
        let draft = parse_as(format, &record, None).map_err(|e| e.to_string())?;
        Ok((format, draft))
    }

    fn texts(value: Value) -> (Format, String, String) {
        let (format, draft) = read(value).unwrap();
        (format, draft.prompt, draft.response)
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
        let (format, draft) = read(pair.clone()).unwrap();
        assert_eq!(format, Format::Hh);
        assert_eq!((&*draft.response, draft.rejected.as_deref()), ("good", Some("bad")));
        let draft = parse_as(Format::HhRejected, &record(pair), None).unwrap();
        assert_eq!((&*draft.response, draft.rejected, draft.is_unsafe), ("bad", None, None));
        let odd = json!({"chosen": "\n\nHuman: a\n\nAssistant: x", "rejected": "none"});
        assert_eq!(read(odd).unwrap().1.problem, Some(DropReason::NoTranscript));
        let apart = json!({
            "chosen": "\n\nHuman: a\n\nAssistant: x",
            "rejected": "\n\nHuman: b\n\nAssistant: x",
        });
        assert_eq!(read(apart).unwrap().1.problem, Some(DropReason::Unpaired));
    }

    #[test]
    fn labels_are_read_in_all_their_spellings() {
        let label = |v: Value| {
            read(json!({"prompt": "p", "response": "r", "unsafe": v})).map(|(_, d)| d.is_unsafe)
        };
        for yes in [json!(true), json!(1), json!("1"), json!("True")] {
            assert_eq!(label(yes), Ok(Some(true)));
        }
        for no in [json!(false), json!(0), json!("0"), json!("false")] {
            assert_eq!(label(no), Ok(Some(false)));
        }
        assert_eq!(label(json!(null)), Ok(None));
        assert!(label(json!(2)).is_err());
        let named = record(json!({"prompt": "p", "response": "r", "harmful": 1}));
        let parse = |field| parse_as(Format::PromptResponse, &named, Some(field));
        assert_eq!(parse("harmful").unwrap().is_unsafe, Some(true));
        assert!(parse("toxic").is_err());
    }

    #[test]
    fn an_error_names_place_and_kind_and_shows_no_text() {
        let errors = [
            read(json!({"prompt": "secret", "response": 4})),
            read(json!({"instruction": ["secret"], "output": "secret"})),
            read(json!({"chosen": "secret", "rejected": null})),
            read(json!({"prompt": "p", "response": "r", "unsafe": "secret"})),
            read(json!({"text": "secret", "a secret text": 1})),
            read(json!(["secret"])),
        ];
        let shown: Vec<String> = errors.into_iter().map(Result::unwrap_err).collect();
        assert!(shown.iter().all(|m| !m.contains("secret")), "{shown:?}");
        insta::assert_snapshot!(shown.join("\n"), @r#"
        f, line 3, row 2: field `response` or `answer`: found a number, expected a string
        f, line 3, row 2: field `instruction`: found an array, expected a string
        f, line 3, row 2: field `rejected`: found null, expected a string
        f, line 3, row 2: field `unsafe`: found a string, expected true, false, 0 or 1
        f: the first row (an object with the fields text) fits no known layout; set `format` to one of prompt-response, open-orca, alpaca, messages, sharegpt, hh, hh-rejected, instructions, or name its fields, for example columns = { prompt = "text", response = "FIELD" }
        f: the first row (an array) fits no known layout; set `format` to one of prompt-response, open-orca, alpaca, messages, sharegpt, hh, hh-rejected, instructions
        "#);
        let list = record(json!("secret"));
        let e = parse_as(Format::Alpaca, &list, None).unwrap_err();
        insta::assert_snapshot!(e, @"f, line 3, row 2: the row: found a string, expected an object with named fields");
    }
}
