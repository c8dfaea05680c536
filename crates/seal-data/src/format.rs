//! Layouts of a row: which fields hold the prompt, the answer and the labels.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fields::{Fields, kind};
use crate::record::Record;
use crate::transcript::Transcript;
use crate::{DataError, DropReason};

/// Layout of the rows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `{"prompt", "response"}`, also `question` and `answer` (OpenOrca,
    /// SlimOrca as published with SEAL); `rejected` is read where present.
    PromptResponse,
    /// `{"instruction", "input", "output"}`, also `context` and `response`
    /// (Dolly). The prompt is the instruction, and on a new line the input
    /// where there is one.
    Alpaca,
    /// Anthropic HH pairs `{"chosen", "rejected"}`. The prompt is the dialogue
    /// up to the last reply (or what [`Turns`](crate::Turns) leaves of it), the
    /// answer the last reply of `chosen`, the rejected answer that of `rejected`.
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
const INSTRUCTION: [&str; 1] = ["instruction"];
const INPUT: [&str; 2] = ["input", "context"];
const OUTPUT: [&str; 2] = ["output", "response"];
const ANY_PROMPT: [&str; 4] = ["instruction", "prompt", "question", "goal"];

/// Fields that a row without an answer may have. Any other field could be the
/// answer under a name we do not know, so such a row is not taken for a prompt.
fn is_promptlike(field: &str) -> bool {
    let labels = ["id", "target", "category", "unsafe"];
    ANY_PROMPT.contains(&field) || INPUT.contains(&field) || labels.contains(&field)
}

/// A row as read, before it is decided whether it is used.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Draft {
    pub line: usize,
    pub row: usize,
    pub prompt: String,
    pub response: String,
    pub rejected: Option<String>,
    pub is_unsafe: Option<bool>,
    pub category: Option<String>,
    /// The instruction without its input, where the two are told apart.
    pub instruction: Option<String>,
    /// The first human turn, in a dialogue.
    pub first_turn: Option<String>,
    /// The last human turn, in a dialogue.
    pub last_turn: Option<String>,
    /// Why the row cannot be used, if so.
    pub problem: Option<DropReason>,
}

impl Draft {
    /// Characters of the prompt and of the longer of its answers.
    pub fn chars(&self) -> usize {
        let count = |text: &str| text.chars().count();
        let rejected = self.rejected.as_deref().map_or(0, count);
        count(&self.prompt) + count(&self.response).max(rejected)
    }
}

impl Format {
    /// The layout that the first row of a file has.
    ///
    /// # Errors
    /// A row that fits none: the message lists the names of its fields.
    pub(crate) fn detect(path: &Path, first: &Record) -> Result<Self, DataError> {
        let has = |names: &[&str]| names.iter().any(|n| first.value.get(n).is_some());
        Ok(match &first.value {
            Value::String(_) => Self::Instructions,
            _ if has(&INSTRUCTION) && has(&OUTPUT) => Self::Alpaca,
            _ if has(&PROMPT) && has(&RESPONSE) => Self::PromptResponse,
            _ if has(&["chosen"]) && has(&["rejected"]) => Self::Hh,
            Value::Object(map) if has(&ANY_PROMPT) && map.keys().all(|k| is_promptlike(k)) => {
                Self::Instructions
            }
            other => {
                return Err(DataError::UnknownFormat {
                    path: path.to_owned(),
                    found: describe(other),
                });
            }
        })
    }

    /// Whether a row of this layout has an answer.
    pub(crate) fn has_answers(self) -> bool {
        self != Self::Instructions
    }

    /// Reads one record. `unsafe_field` is the label's field where the config
    /// names one (it must then be there), else `unsafe` is read where present.
    /// `answers_optional` accepts a prompt-response row that has no answer.
    pub(crate) fn parse(
        self,
        path: &Path,
        record: &Record,
        unsafe_field: Option<&str>,
        answers_optional: bool,
    ) -> Result<Draft, DataError> {
        let place = Draft { line: record.line, row: record.row, ..Draft::default() };
        if let (Self::Instructions, Value::String(prompt), None) =
            (self, &record.value, unsafe_field)
        {
            return Ok(Draft { prompt: prompt.clone(), ..place });
        }
        let fields = Fields::of(path, record)?;
        let labelled = Draft {
            is_unsafe: match unsafe_field {
                Some(name) => Some(fields.flag(name)?),
                None => fields.optional_flag("unsafe")?,
            },
            category: fields.optional_text(&["category"])?.map(str::to_owned),
            ..place
        };
        match self {
            Self::PromptResponse => Ok(Draft {
                prompt: fields.text(&PROMPT)?.to_owned(),
                response: match (fields.optional_text(&RESPONSE)?, answers_optional) {
                    (Some(response), _) => response.to_owned(),
                    (None, true) => String::new(),
                    (None, false) => fields.text(&RESPONSE)?.to_owned(),
                },
                rejected: fields.optional_text(&["rejected"])?.map(str::to_owned),
                ..labelled
            }),
            Self::Alpaca => {
                let response = fields.text(&OUTPUT)?.to_owned();
                Ok(Draft { response, ..instruction(&fields, &INSTRUCTION, labelled)? })
            }
            Self::Instructions => instruction(&fields, &ANY_PROMPT, labelled),
            Self::Hh | Self::HhRejected => {
                let (chosen, rejected) = (fields.text(&["chosen"])?, fields.text(&["rejected"])?);
                Ok(self.pair(chosen, rejected, labelled))
            }
        }
    }

    fn pair(self, chosen: &str, rejected: &str, draft: Draft) -> Draft {
        let (Some(good), Some(bad)) = (Transcript::parse(chosen), Transcript::parse(rejected))
        else {
            // Its own text stands in for the first turn: any split may list it.
            let first_turn = Some(chosen.to_owned());
            return Draft { first_turn, problem: Some(DropReason::NoTranscript), ..draft };
        };
        let (response, loser) = match self {
            Self::HhRejected => (bad.reply, None),
            _ => (good.reply, Some(bad.reply.to_owned())),
        };
        Draft {
            prompt: good.prompt.to_owned(),
            response: response.to_owned(),
            rejected: loser,
            first_turn: Some(good.first_turn.to_owned()),
            last_turn: Some(good.last_turn.to_owned()),
            problem: (!good.pairs_with(&bad)).then_some(DropReason::Unpaired),
            ..draft
        }
    }
}

fn instruction(fields: &Fields<'_>, names: &[&str], draft: Draft) -> Result<Draft, DataError> {
    let instruction = fields.text(names)?;
    let prompt = match fields.optional_text(&INPUT)? {
        Some(input) if !input.trim().is_empty() => format!("{instruction}\n{input}"),
        _ => instruction.to_owned(),
    };
    Ok(Draft { prompt, instruction: Some(instruction.to_owned()), ..draft })
}

/// Kind of a value and, for an object, the names of its fields; a name that
/// does not look like one may be text of the row and is not shown.
fn describe(value: &Value) -> String {
    let Value::Object(map) = value else { return kind(Some(value)).to_owned() };
    let is_name = |k: &&String| {
        k.len() <= 32 && k.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    let names: Vec<&str> = map.keys().filter(is_name).map(String::as_str).take(12).collect();
    format!("an object with the fields {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(value: Value) -> Record {
        Record { line: 3, row: 2, value }
    }

    fn read(value: Value) -> Result<(Format, Draft), String> {
        let (path, record) = (Path::new("f"), record(value));
        let format = Format::detect(path, &record).map_err(|e| e.to_string())?;
        let draft = format.parse(path, &record, None, false).map_err(|e| e.to_string())?;
        Ok((format, draft))
    }

    fn texts(value: Value) -> (Format, String, String) {
        let (format, draft) = read(value).unwrap();
        (format, draft.prompt, draft.response)
    }

    #[test]
    fn layouts_are_told_apart_by_their_fields() {
        let orca = json!({"question": "q", "response": "r", "system_prompt": "s"});
        assert_eq!(texts(orca), (Format::PromptResponse, "q".into(), "r".into()));
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
        let draft = Format::HhRejected.parse(Path::new("f"), &record(pair), None, false).unwrap();
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
        let parse =
            |field| Format::PromptResponse.parse(Path::new("f"), &named, Some(field), false);
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
        insta::assert_snapshot!(shown.join("\n"), @r"
        f, line 3, row 2: field `response` or `answer`: found a number, expected a string
        f, line 3, row 2: field `instruction`: found an array, expected a string
        f, line 3, row 2: field `rejected`: found null, expected a string
        f, line 3, row 2: field `unsafe`: found a string, expected true, false, 0 or 1
        f: the first row (an object with the fields text) fits no known layout; set `format` to one of prompt-response, alpaca, hh, hh-rejected, instructions
        f: the first row (an array) fits no known layout; set `format` to one of prompt-response, alpaca, hh, hh-rejected, instructions
        ");
        let list = record(json!("secret"));
        let e = Format::Alpaca.parse(Path::new("f"), &list, None, false).unwrap_err();
        insta::assert_snapshot!(e, @"f, line 3, row 2: the row: found a string, expected an object with named fields");
    }
}
